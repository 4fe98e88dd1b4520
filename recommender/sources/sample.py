"""A day in, some fifty invented papers out: the sample edition, for a machine where no source answers.

The papers of one date are always the same, so that an edition can be asked for again; nothing about them is true. `latent` tells
what a paper is really about, which lets simulated readers have a taste and lets a ranking be judged exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType

from recommender.errors import SourceError
from recommender.settings import SourcesSettings
from recommender.sources.sample_people import Group, groups
from recommender.sources.sample_phrases import Contribution
from recommender.sources.sample_writer import VOCABULARY, system_name, write
from recommender.types import Paper, Signals

__all__ = ["TOPICS", "Contribution", "Latent", "SampleSource", "groups_on", "latent"]

TOPICS: tuple[str, ...] = tuple(topic.name for topic in VOCABULARY)
"""Every topic; 2i and 2i + 1 are neighbours that share part of their words."""

DAYS = 30  # how far back the sample edition reaches
MIXED = 0.2  # share of papers between two topics
CONTRIBUTIONS = {
    Contribution.METHOD: 0.42,
    Contribution.APPLICATION: 0.15,
    Contribution.BENCHMARK: 0.13,
    Contribution.THEORY: 0.13,
    Contribution.NEGATIVE: 0.09,
    Contribution.SURVEY: 0.08,
}
CODE = {Contribution.METHOD: 0.35, Contribution.BENCHMARK: 0.7, Contribution.NEGATIVE: 0.4, Contribution.APPLICATION: 0.15}
SITE = "https://example.org"


@dataclass(frozen=True, slots=True)
class Latent:
    """What an invented paper is really about.

    Attributes
    ----------
    topics : mapping of str to float
        Name in `TOPICS` -> weight, main topic first; the weights sum to 1.
    contribution : Contribution
    group : int
        The research group that wrote it.
    quality : float
        In [0, 1]; what upvotes owe something to.
    has_code : bool
        Whether the authors share their code.
    """

    topics: Mapping[str, float]
    contribution: Contribution
    group: int
    quality: float
    has_code: bool

    @property
    def main(self) -> str:
        """The heaviest topic."""
        return max(self.topics, key=lambda name: self.topics[name])


class SampleSource:
    """Invented papers as a source: about fifty for every one of the last thirty days.

    Parameters
    ----------
    settings : SourcesSettings
        Not used; here because every source takes it.
    fetcher : object, default=None
        Not used: nothing is fetched.

    Examples
    --------
    >>> source = SampleSource(SourcesSettings())
    >>> papers = list(source.fetch(date(2026, 1, 5), now=datetime(2026, 1, 5, 8, tzinfo=UTC)))
    >>> papers[0].id, papers[0].invented
    ('sample:20260105-00', True)
    """

    name = "sample"

    def __init__(self, settings: SourcesSettings, fetcher: object = None) -> None:
        del settings, fetcher

    def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
        """Yield every paper announced from `since` on, oldest edition first, and none older than thirty days."""
        today = now.astimezone(UTC).date()
        day = max(since, today - timedelta(days=DAYS - 1))
        while day <= today:
            for index in range(_count(day)):
                yield _paper(day, index)
            day += timedelta(days=1)


def latent(paper_id: str) -> Latent:
    """Say what an invented paper is about, from its id alone.

    Parameters
    ----------
    paper_id : str
        `sample:YYYYMMDD-NN`.

    Raises
    ------
    SourceError
        If the id is not one of the sample edition.

    Examples
    --------
    >>> sum(latent("sample:20260105-00").topics.values())
    1.0
    """
    day, index = _parse(paper_id)
    return _latent(day, index)


def groups_on(topic: str) -> tuple[int, ...]:
    """Return the research groups that work on a topic, the busiest first.

    Raises
    ------
    SourceError
        If there is no such topic.

    Examples
    --------
    >>> groups_on("cosmology")[0] == TOPICS.index("cosmology")
    True
    """
    if topic not in TOPICS:
        raise SourceError(f"there is no topic {topic!r} in the sample edition: see TOPICS")
    index = TOPICS.index(topic)
    return tuple(group.id for group in groups(len(TOPICS)) if index in group.topics)


def _count(day: date) -> int:
    """How many papers one day has."""
    return random.Random(f"sample {day:%Y%m%d}").randint(44, 56)


def _parse(paper_id: str) -> tuple[date, int]:
    """Read day and number back from an id."""
    try:
        head, number = paper_id.removeprefix("sample:").split("-")
        day, index = datetime.strptime(head, "%Y%m%d").replace(tzinfo=UTC).date(), int(number)
    except ValueError:
        day, index = date.min, -1
    if not paper_id.startswith("sample:") or not 0 <= index < 100:
        raise SourceError(f"{paper_id!r} is not a paper of the sample edition: its ids look like 'sample:20260105-07'")
    return day, index


@lru_cache(maxsize=4096)  # simulated readers ask about every paper they are shown
def _latent(day: date, index: int) -> Latent:
    """Draw what one paper is about, by a generator of its own."""
    rng = random.Random(f"sample {day:%Y%m%d}-{index:02d} latent")
    n = len(TOPICS)
    popularity = [0.6 + 0.9 * ((topic * 11) % n) / n for topic in range(n)]  # some fields are busier than others
    main = rng.choices(range(n), popularity)[0]
    weights = {main: 1.0}
    if rng.random() < MIXED:
        other = main ^ 1 if rng.random() < 0.6 else (main + rng.randrange(1, n)) % n
        share = round(rng.uniform(0.25, 0.45), 2)
        weights = {main: 1 - share, other: share}
    contribution = rng.choices(list(CONTRIBUTIONS), list(CONTRIBUTIONS.values()))[0]
    at_home = groups_on(TOPICS[main])
    group = rng.choices(at_home, [1 / (1 + rank) ** 0.7 for rank in range(len(at_home))])[0]
    quality = round(rng.betavariate(2, 3), 3)
    has_code = rng.random() < CODE.get(contribution, 0.0)
    topics = MappingProxyType({TOPICS[topic]: weight for topic, weight in weights.items()})
    return Latent(topics, contribution, group, quality, has_code)


def _paper(day: date, index: int) -> Paper:
    """Write one paper out."""
    truth = _latent(day, index)
    number = f"{day:%Y%m%d}-{index:02d}"
    rng = random.Random(f"sample {number} text")
    name = system_name(rng)
    topics = {TOPICS.index(topic): weight for topic, weight in truth.topics.items()}
    title, abstract = write(topics, truth.contribution, name, rng)
    group = groups(len(TOPICS))[truth.group]
    authors = _authors(group, rng)
    slug = name.lower()
    return Paper(
        id=f"sample:{number}",
        title=title,
        abstract=abstract,
        authors=authors,
        categories=_categories(topics, rng),
        published=datetime.combine(day, time(), UTC) - timedelta(minutes=rng.randint(360, 2000)),
        edition=day,
        source="sample",
        announce="cross" if rng.random() < 0.12 else "new",
        url=f"{SITE}/abs/{number}",
        pdf_url=f"{SITE}/pdf/{number}",
        code_url=f"{SITE}/code/{slug}" if truth.has_code else None,
        project_url=f"{SITE}/{slug}" if rng.random() < 0.12 else None,
        comment=_comment(rng),
        organization=group.organization,
        submitter=rng.choice(authors) if rng.random() < 0.5 else None,
        signals=_signals(truth, rng),
        invented=True,
    )


def _authors(group: Group, rng: random.Random) -> tuple[str, ...]:
    """Two to seven people, the head of the group mostly last, now and then a guest from elsewhere."""
    head, *others = group.members
    team = rng.sample(others, rng.randint(1, min(5, len(others))))
    if rng.random() < 0.15:
        team.append(rng.choice(rng.choice(groups(len(TOPICS))).members))
    if rng.random() < 0.8 or len(team) < 2:
        team.append(head)
    return tuple(dict.fromkeys(team))


def _categories(topics: Mapping[int, float], rng: random.Random) -> tuple[str, ...]:
    """Give the primary category of the main topic, then those of its other topic, then perhaps a secondary one."""
    listed = [VOCABULARY[topic].categories[0] for topic in topics]
    listed += [category for category in VOCABULARY[next(iter(topics))].categories[1:] if rng.random() < 0.5]
    return tuple(dict.fromkeys(listed))


def _comment(rng: random.Random) -> str | None:
    """Say how long it is, as authors do."""
    pages, figures, tables = rng.randint(6, 38), rng.randint(2, 14), rng.randint(2, 6)
    return rng.choice(
        (
            None,
            f"{pages} pages, {figures} figures",
            f"{pages} pages, {figures} figures, {tables} tables",
            f"{pages} pages",
            "Under review",
        )
    )


def _signals(truth: Latent, rng: random.Random) -> Signals:
    """Votes with a long tail that owe about as much to quality as to luck."""
    upvotes = int(rng.lognormvariate(0.1 + 3.2 * truth.quality, 0.8))
    comments = min(upvotes, int(rng.lognormvariate(-1.2, 1.0) * (1 + upvotes / 12)))
    stars = int(upvotes * rng.lognormvariate(0.8, 1.2)) if truth.has_code else None
    return Signals(upvotes=upvotes, comments=comments, stars=stars)

"""Invented readers and a database of the sample edition in, a log of pages and gestures out: the loop, played in minutes.

A simulated reader likes two or three topics (to differing degrees), cannot stand another, prefers some kinds of contribution to
others and follows a group or two; what they truly think of a paper is `relevance`, and what they do about it is `gestures`. `run` plays
them through the same functions that serve people, so what it leaves behind is what a season of real use would leave.

References
----------
Craswell et al., "An experimental comparison of click position-bias models", WSDM 2008 (the position-based model).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from recommender import daily
from recommender.errors import StoreError
from recommender.ingest import Progress
from recommender.settings import Settings, SourcesSettings
from recommender.sources.sample import TOPICS, Contribution, SampleSource, groups_on, latent
from recommender.store import events, pages, papers, readers
from recommender.store.db import Database, Session
from recommender.types import Channel, EventKind, RankedPage

__all__ = ["Played", "SimulatedReader", "arrive", "gestures", "make_readers", "opens", "relevance", "run", "true_ndcg"]

SHOWN = 20  # papers a reader is shown of a page
MORNING = time(8, tzinfo=UTC)  # when the first reader comes
MINUTES_APART = 2  # between two readers
CHANGE_DAYS = (8, 20)  # a taste that changes does so between these days

# Log-odds of true relevance. A paper on nothing in particular stands at sigmoid(BASE) = 0.03, one on the best-liked topic at 0.77.
BASE, INTEREST, DISLIKE, FOLLOWED, QUALITY, CODE, TASTE = -3.7, 4.6, 4.0, 2.2, 3.5, 1.2, 1.5
ANNOYING = 0.01  # relevance below which a paper is voted down now and then


@dataclass(frozen=True, slots=True)
class SimulatedReader:
    """An invented person with a known taste.

    Attributes
    ----------
    name : str
    interests : mapping of str to float
        Topic -> how much it is liked, in (0, 1].
    dislike : str
        A topic this reader does not want to see.
    taste : mapping of Contribution to float
        Log-odds that a kind of contribution adds to a paper, about -1.5 to 1.5.
    follows : tuple of int
        Research groups whose papers are welcome on any topic.
    eta : float
        Impatience: the paper at position i (from 1) is looked at with probability `i ** -eta`.
    generosity : float
        Factor on the probability of every gesture; 0 is a reader who only looks.
    activity : float
        Probability of opening the page on a day.
    clicks_only : bool
        Whether this reader never votes or saves.
    changes_after : int or None
        Day (from 0) on which `later` takes the place of `interests`.
    later : mapping of str to float
    """

    name: str
    interests: Mapping[str, float]
    dislike: str
    taste: Mapping[Contribution, float]
    follows: tuple[int, ...] = ()
    eta: float = 0.2
    generosity: float = 1.0
    activity: float = 1.0
    clicks_only: bool = False
    changes_after: int | None = None
    later: Mapping[str, float] = field(default_factory=dict)

    def interests_on(self, day: int) -> Mapping[str, float]:
        """Return the interests that hold on a day (from 0)."""
        return self.later if self.changes_after is not None and day >= self.changes_after else self.interests


@dataclass(frozen=True, slots=True)
class Played:
    """What a run left behind.

    Attributes
    ----------
    pages : int
        Pages that were shown.
    idle : int
        Reader-days on which nobody came.
    skipped : int
        Reader-days that had been played before.
    gestures, votes : int
    ndcg : mapping of date to float
        Mean true nDCG@10 of the pages shown on a day.
    """

    pages: int = 0
    idle: int = 0
    skipped: int = 0
    gestures: int = 0
    votes: int = 0
    ndcg: Mapping[date, float] = field(default_factory=dict)


def make_readers(n: int = 30, *, rng: np.random.Generator) -> tuple[SimulatedReader, ...]:
    """Invent n readers.

    About one in ten only clicks, one in five changes an interest halfway, and every second one dislikes the very neighbour of a
    topic they like.

    Parameters
    ----------
    n : int, default=30
    rng : numpy.random.Generator

    Examples
    --------
    >>> readers = make_readers(3, rng=np.random.default_rng(0))
    >>> [reader.name for reader in readers]
    ['simulated-01', 'simulated-02', 'simulated-03']
    """
    return tuple(_make_reader(f"simulated-{number:02d}", rng) for number in range(1, n + 1))


def relevance(reader: SimulatedReader, paper_id: str, day: int) -> float:
    """Say what the reader truly thinks of a paper on a day (from 0): in [0, 1], known to no ranker."""
    truth = latent(paper_id)
    interests = reader.interests_on(day)
    log_odds = (
        BASE
        + INTEREST * sum(weight * interests.get(topic, 0.0) for topic, weight in truth.topics.items())
        - DISLIKE * truth.topics.get(reader.dislike, 0.0)
        + reader.taste.get(truth.contribution, 0.0)
        + FOLLOWED * (truth.group in reader.follows)
        + QUALITY * (truth.quality - 0.4)
        + CODE * truth.has_code
    )
    return float(1 / (1 + np.exp(-log_odds)))


def opens(reader: SimulatedReader, rng: np.random.Generator) -> bool:
    """Draw whether the reader comes at all."""
    return bool(rng.random() < reader.activity)


def gestures(reader: SimulatedReader, shown: Sequence[str], day: int, rng: np.random.Generator) -> list[tuple[int, EventKind]]:
    """Draw what the reader does with a list, from the top down.

    Parameters
    ----------
    reader : SimulatedReader
    shown : sequence of str
        Paper ids in the order they are shown.
    day : int
        From 0.
    rng : numpy.random.Generator

    Returns
    -------
    list of (int, EventKind)
        Index into `shown` and what was done, in the order it was done; a paper may be clicked, then voted on, then saved.
    """
    done: list[tuple[int, EventKind]] = []
    for index, paper_id in enumerate(shown):
        if rng.random() < float(index + 1) ** -reader.eta:
            done += [(index, kind) for kind in _reaction(reader, relevance(reader, paper_id, day), rng)]
    return done


def true_ndcg(reader: SimulatedReader, order: Sequence[str], day: int, *, k: int = 10) -> float:
    """Return nDCG@k of an order with the true relevance as gain, against the best order of the same papers; 1 is perfect."""
    gains = np.array([relevance(reader, paper_id, day) for paper_id in order])
    return _dcg(gains, k) / _dcg(np.sort(gains)[::-1], k) if len(gains) else 1.0


def arrive(database: Database, first: date, last: date, *, progress: Progress | None = None) -> int:
    """Store the papers of the sample edition as if each day's had come in that morning; return how many are new.

    What a source says of a paper counts from when it was heard. Papers that all came in today would have had no upvotes on any of
    the earlier pages, and a model trained on those would not know what to make of upvotes.
    """
    source, total = SampleSource(SourcesSettings()), (last - first).days + 1
    added = 0
    for number in range(total):
        morning = datetime.combine(first + timedelta(days=number), MORNING) - timedelta(hours=2)
        with database.write() as session:
            added += papers.upsert(session, source.fetch(morning.date(), now=morning), now=morning).added
        if progress is not None:
            progress("arrive", number + 1, total)
    return added


def run(
    database: Database,
    settings: Settings,
    cast: Sequence[SimulatedReader],
    *,
    start: date,
    days: Iterable[int] = range(30),
    seed: int = 2026,
    progress: Progress | None = None,
) -> Played:
    """Play readers day by day through the write path of real ones; what was played before is skipped.

    Parameters
    ----------
    database : Database
        With papers that the encoder has read.
    settings : Settings
    cast : sequence of SimulatedReader
    start : date
        Day 0 of the simulation: keep it when a run is resumed.
    days : iterable of int, default=range(30)
        Which days to play, from 0.
    seed : int, default=2026
        Mixed with reader and day, so that a reader-day is the same however the run is cut.
    progress : Progress, optional
        Called after every reader-day.

    Raises
    ------
    StoreError
        If a person has the name of a simulated reader.
    """
    rankers = daily.Rankers(settings.models_folder)
    planned = [(offset, number) for offset in days for number in range(len(cast))]
    ids = _enrol(database, cast, datetime.combine(start, MORNING))
    visits: list[_Visit] = []
    idle = skipped = 0
    for done, (offset, number) in enumerate(planned, start=1):
        reader, rng = cast[number], np.random.default_rng([seed, number, offset])
        now = datetime.combine(start + timedelta(days=offset), MORNING) + timedelta(minutes=MINUTES_APART * number)
        if not opens(reader, rng):
            idle += 1
        else:
            with threadpool_limits(1):  # threads cost more than they bring on systems this small
                visit = _visit(database, rankers, settings, ids[number], reader, offset, now, rng)
            if visit is None:
                skipped += 1
            else:
                visits.append(visit)
        if progress is not None:
            progress("simulate", done, len(planned))
    return _tally(visits, idle, skipped)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One reader, one morning."""

    day: date
    kinds: tuple[EventKind, ...]
    ndcg: float


def _visit(
    database: Database,
    rankers: daily.Rankers,
    settings: Settings,
    reader_id: int,
    reader: SimulatedReader,
    offset: int,
    now: datetime,
    rng: np.random.Generator,
) -> _Visit | None:
    """Open the page, read it and react; None if that has happened before, or if there is nothing to read.

    The page is made before anything is written: people vote while a month is played, and would wait for one visit after another.
    """
    day = now.date()
    with database.read() as session:
        stored = pages.latest(session, reader_id, day)
        if stored is not None and _was_shown(session, stored):
            return None
        made = daily.ranked_pages(session, [reader_id], day, rankers, settings.rank, now=now)[reader_id]
    if not made.items:
        return None
    order = [item.paper_id for item in made.items]
    acts = gestures(reader, order[:SHOWN], offset, rng)
    with database.write() as session:
        page = made if made.id else pages.save(session, made)
        pages.mark_shown(session, [item.id for item in page.items[:SHOWN]], Channel.SIMULATED, now)
        for at, (index, kind) in zip(_moments(now, len(acts), rng), acts, strict=True):
            item = page.items[index]
            events.append(session, reader_id, item.paper_id, kind, at=at, item_id=item.id, channel=Channel.SIMULATED)
    return _Visit(day, tuple(kind for _, kind in acts), true_ndcg(reader, order, offset))


def _was_shown(session: Session, page: RankedPage) -> bool:
    item_ids = [item.id for item in page.items]
    return len(pages.unshown(session, item_ids, Channel.SIMULATED)) < len(item_ids)


def _moments(now: datetime, count: int, rng: np.random.Generator) -> Iterator[datetime]:
    """Give growing times, some seconds between one gesture and the next."""
    at = now
    for seconds in rng.exponential(20.0, count) + 2.0:
        at += timedelta(seconds=float(seconds))
        yield at


def _tally(visits: Sequence[_Visit], idle: int, skipped: int) -> Played:
    by_day: dict[date, list[float]] = {}
    for visit in visits:
        by_day.setdefault(visit.day, []).append(visit.ndcg)
    kinds = [kind for visit in visits for kind in visit.kinds]
    ndcg = MappingProxyType({day: float(np.mean(values)) for day, values in sorted(by_day.items())})
    return Played(len(visits), idle, skipped, len(kinds), sum(kind.is_vote for kind in kinds), ndcg)


def _enrol(database: Database, cast: Sequence[SimulatedReader], now: datetime) -> list[int]:
    """Return the number of every reader's account, opening those that are missing."""
    ids: list[int] = []
    with database.write() as session:
        for simulated in cast:
            account = readers.by_name(session, simulated.name)
            if account is None:
                account = readers.create(session, simulated.name, now=now, simulated=True)
            elif not account.simulated:
                raise StoreError(f"{simulated.name!r} is a person here: give the simulated reader another name")
            ids.append(account.id)
    return ids


def _make_reader(name: str, rng: np.random.Generator) -> SimulatedReader:
    liked, others = _topics(rng)
    strengths = (1.0, 0.9, 0.75)
    interests = {TOPICS[topic]: strength for topic, strength in zip(liked, strengths, strict=False)}
    neighbour = liked[0] ^ 1  # near in words, far in taste: a centroid of what was liked cannot tell
    dislike = neighbour if rng.random() < 0.5 and neighbour not in liked else others[0]
    others.remove(dislike)
    kinds = rng.permutation(np.array(list(Contribution), dtype=object))
    taste = {Contribution(kind): float(rng.normal(0, 0.3)) for kind in kinds} | {kinds[0]: TASTE, kinds[1]: -TASTE}
    follows = [int(rng.choice(groups_on(TOPICS[liked[0]])[:3]))]
    if rng.random() < 0.5:
        follows.append(int(rng.choice(groups_on(TOPICS[others[0]])[:2])))
    changes = rng.random() < 0.2
    return SimulatedReader(
        name=name,
        interests=MappingProxyType(interests),
        dislike=TOPICS[dislike],
        taste=MappingProxyType(taste),
        follows=tuple(follows),
        eta=float(rng.uniform(0.05, 0.3)),
        generosity=float(rng.uniform(0.8, 1.5)),
        activity=float(rng.uniform(0.6, 0.98)),
        clicks_only=bool(rng.random() < 0.1),
        changes_after=int(rng.integers(*CHANGE_DAYS)) if changes else None,
        later=MappingProxyType({**dict(list(interests.items())[1:]), TOPICS[others[1]]: 1.0} if changes else {}),
    )


def _topics(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Draw two or three topics to like, and return the others in random order."""
    order = [int(topic) for topic in rng.permutation(len(TOPICS))]
    count = 3 if rng.random() < 0.7 else 2
    return order[:count], order[count:]


def _reaction(reader: SimulatedReader, value: float, rng: np.random.Generator) -> Iterator[EventKind]:
    """Draw what is done about one paper that was looked at; always as many draws, so that one answer does not shift the next."""
    click, up, down, save, hide = (
        draw < reader.generosity * chance for draw, chance in zip(rng.random(5), _chances(value), strict=True)
    )
    if click:
        yield EventKind.CLICK
    if reader.clicks_only:
        return
    if up:
        yield EventKind.UPVOTE
        if save:
            yield EventKind.SAVE
    elif down:
        yield EventKind.DOWNVOTE
    elif hide:
        yield EventKind.HIDE


def _chances(value: float) -> tuple[float, float, float, float, float]:
    """Probability of a click, an up-vote, a down-vote, a save (once up-voted) and "not interested", for a paper of this relevance."""
    annoyance = max(0.0, 1 - value / ANNOYING)
    return 0.02 + 0.6 * value, 0.95 * value, 0.5 * annoyance, 0.3 * value, 0.02 if value < 0.1 else 0.0


def _dcg(gains: npt.NDArray[np.float64], k: int) -> float:
    top = gains[:k]
    return float(np.sum(top / np.log2(np.arange(len(top)) + 2.0)))

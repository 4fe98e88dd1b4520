"""An encoder in, a `World` out: the sample edition read once and held in memory, and the readers who live in it; no database.

A `Morning` is what can be known on one day: that day's papers, those of earlier days, and what all of them have in common. It gives
`rank_page` the very values that the store gives it, so what is measured here is what serves people.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

import numpy as np

from recommender.embed import Encoder
from recommender.rank import profile, terms
from recommender.rank.lens import Lens, lens_of
from recommender.rank.page import Inputs
from recommender.rank.window import Window
from recommender.settings import SourcesSettings
from recommender.sources.sample import TOPICS, SampleSource
from recommender.store.events import MOVING
from recommender.store.neighbours import Cast, Vote, weigh
from recommender.types import Event, EventKind, Paper, PaperVectors
from training.simulate import MORNING, SimulatedReader, make_readers

__all__ = ["CHANGE_DAYS", "ETA", "PRIOR_DAYS", "Morning", "Votes", "World", "make_cast", "make_world"]

PRIOR_DAYS = 10  # editions that are there before the first reader comes: a Broadsheet opens on a filled shelf
ETA = (0.5, 1.0)  # impatience; the tenth paper is looked at with probability 0.32 to 0.1, the twentieth 0.22 to 0.05
CHANGE_DAYS = (20, 40)  # a taste that changes does so between these days


@dataclass(frozen=True, slots=True)
class Morning:
    """All that can be known when the readers of one day come.

    Attributes
    ----------
    offset : int
        Day of the play, from 0.
    day : date
    known : tuple of Paper
        Every paper announced until today, oldest edition first.
    edition : tuple of Paper
        Today's; the last ones of `known`.
    window : Window
        The same, as pages are made of them.
    known_vectors : PaperVectors
        Aligned with `known`.
    lens : Lens
        Made of `known`.
    """

    offset: int
    day: date
    known: tuple[Paper, ...]
    edition: tuple[Paper, ...]
    window: Window
    known_vectors: PaperVectors
    lens: Lens

    @property
    def vectors(self) -> PaperVectors:
        """Of today's papers."""
        return self.window.vectors

    @property
    def opening(self) -> datetime:
        """When the first reader comes."""
        return datetime.combine(self.day, MORNING)


@dataclass(frozen=True, slots=True)
class World:
    """Papers of consecutive days and their vectors.

    Attributes
    ----------
    start : date
        Day 0 of the play.
    papers : tuple of Paper, length n
        By edition, oldest first; those before `start` are known from the beginning.
    vectors : PaperVectors
        Aligned with `papers`.
    row : mapping of str to int
        Paper id -> row.
    """

    start: date
    papers: tuple[Paper, ...]
    vectors: PaperVectors
    row: Mapping[str, int]

    @property
    def days(self) -> int:
        """How many days can be played."""
        return (self.papers[-1].edition - self.start).days + 1

    def morning(self, offset: int) -> Morning:
        """Return what is known on a day (from 0)."""
        day = self.start + timedelta(days=offset)
        editions = np.array([paper.edition.toordinal() for paper in self.papers])
        today, until = (int(np.searchsorted(editions, day.toordinal(), side=side)) for side in ("left", "right"))
        known = self.vectors.take(np.arange(until))
        return Morning(
            offset=offset,
            day=day,
            known=self.papers[:until],
            edition=self.papers[today:until],
            window=Window(day, self.papers[today:until], self.vectors.take(np.arange(today, until)), until),
            known_vectors=known,
            lens=lens_of(known.dense, known.terms),
        )

    def inputs(
        self,
        morning: Morning,
        reader_id: int,
        events: Sequence[Event],
        as_of: datetime,
        neighbours: Mapping[str, float] | None = None,
    ) -> Inputs:
        """Gather what the first page of a reader's day is a function of; `neighbours` as in `Inputs`."""
        spoken_of = profile.papers_of(events)
        rows = [self.row[paper_id] for paper_id in spoken_of]
        return Inputs(
            window=morning.window,
            reader_id=reader_id,
            as_of=as_of,
            seen=frozenset(),
            events=events,
            read={paper_id: self.papers[row] for paper_id, row in zip(spoken_of, rows, strict=True)},
            read_vectors=self.vectors.take(rows),
            places={},
            cursor=max((event.id for event in events if event.kind in MOVING), default=0),
            neighbours=neighbours,
        )


class Votes:
    """Everybody's votes in memory; here nobody votes twice on one paper."""

    def __init__(self) -> None:
        self._on: dict[str, list[Event]] = defaultdict(list)
        self._ups: dict[int, list[datetime]] = defaultdict(list)

    def add(self, events: Iterable[Event]) -> None:
        """Remember what was voted."""
        for event in events:
            if event.kind.is_vote:
                self._on[event.paper_id].append(event)
                if event.kind is EventKind.UPVOTE:
                    insort(self._ups[event.reader_id], event.at)

    def said(self, reader_id: int, liked: Sequence[str], paper_ids: Sequence[str], *, as_of: datetime) -> dict[str, float]:
        """Return what a reader's neighbours said of some papers; parameters and meaning as in `recommender.store.neighbours.said`."""
        up = EventKind.UPVOTE.value
        likers = [[reader for reader, _, kind in self._until([paper_id], as_of) if kind == up] for paper_id in liked]
        return weigh(
            reader_id,
            [np.array(readers, dtype=np.int64) for readers in likers],
            lambda readers: np.array([bisect_right(self._ups[reader], as_of) for reader in readers.tolist()], dtype=np.int64),
            lambda: Cast.of(self._until(paper_ids, as_of)),
        )

    def _until(self, paper_ids: Sequence[str], as_of: datetime) -> Iterator[Vote]:
        for paper_id in paper_ids:
            yield from ((vote.reader_id, paper_id, vote.kind.value) for vote in self._on.get(paper_id, ()) if vote.at <= as_of)


def make_world(encoder: Encoder, *, start: date, days: int, prior_days: int = PRIOR_DAYS) -> World:
    """Read the sample edition of some days, and of those before them.

    Parameters
    ----------
    encoder : Encoder
    start : date
    days : int
    prior_days : int, default=10
    """
    source = SampleSource(SourcesSettings())
    mornings = [datetime.combine(start + timedelta(days=n), MORNING) for n in range(-prior_days, days)]
    papers = tuple(paper for now in mornings for paper in source.fetch(now.date(), now=now))
    ids = tuple(paper.id for paper in papers)
    dense = encoder.encode([terms.paper_text(paper.title, paper.abstract) for paper in papers])
    counts = terms.hash_terms([paper.title for paper in papers], [paper.abstract for paper in papers])
    row = MappingProxyType({paper_id: number for number, paper_id in enumerate(ids)})
    return World(start, papers, PaperVectors(ids, dense, counts), row)


def make_cast(
    n: int,
    *,
    rng: np.random.Generator,
    eta: tuple[float, float] = ETA,
    change_days: tuple[int, int] = CHANGE_DAYS,
    everyone_changes: bool = False,
) -> tuple[SimulatedReader, ...]:
    """Invent n impatient readers.

    They are the simulated readers of the sample edition in all but two things: how fast they tire, and when a taste changes.

    Parameters
    ----------
    n : int
    rng : Generator
    eta : tuple of (float, float), default=ETA
        Bounds of the impatience; a paper at position i is looked at with probability `i ** -eta`.
    change_days : tuple of (int, int), default=CHANGE_DAYS
        First day of a change, and the day after the last.
    everyone_changes : bool, default=False
        False: one reader in five exchanges the topic they like best for another. True: all of them do, and every topic they like.

    Examples
    --------
    >>> cast = make_cast(3, rng=np.random.default_rng(0), everyone_changes=True)
    >>> [set(reader.interests) & set(reader.later) for reader in cast]
    [set(), set(), set()]
    """
    cast = []
    for reader in make_readers(n, rng=rng):
        impatient = replace(reader, eta=float(rng.uniform(*eta)))
        if everyone_changes or reader.changes_after is not None:
            impatient = replace(impatient, changes_after=int(rng.integers(*change_days)))
        if everyone_changes:
            impatient = replace(impatient, later=_other_interests(reader, rng))
        cast.append(impatient)
    return tuple(cast)


def _other_interests(reader: SimulatedReader, rng: np.random.Generator) -> Mapping[str, float]:
    """Draw as many topics as were liked, to the same degrees, from those that were neither liked nor disliked."""
    others = [topic for topic in TOPICS if topic not in reader.interests and topic != reader.dislike]
    chosen = rng.choice(len(others), len(reader.interests), replace=False)
    return MappingProxyType({others[int(i)]: degree for i, degree in zip(chosen, reader.interests.values(), strict=True)})

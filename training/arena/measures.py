"""Courses in, numbers with intervals out: who ranks better by how much, and how fast a ranking follows its reader.

Readers are drawn whole in every interval, since one reader's pages are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from recommender.errors import NotEnoughData, ShapeError
from recommender.types import Event
from training.arena import Course, page_ndcg
from training.arena.players import Player
from training.arena.world import World
from training.metrics import Interval, bootstrap
from training.simulate import SimulatedReader

__all__ = ["Recovery", "after_votes", "recovery", "relative_gain"]

Numbers = npt.NDArray[np.float64]

BEFORE = 5  # pages before a change that say how good the ranking was
RECOVERED = 0.9
TAIL = 0.025  # of a 95 % interval, on each side


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a ranking follows a change of taste; a step is a page or a day.

    Attributes
    ----------
    readers : int
        With a change, pages before it and pages after it.
    before : Interval
        Mean true nDCG@10 of the last pages before the change.
    curve : tuple of Interval
        The same at step 0, 1, 2 …, as a share of `before`. The page of step 0 was made before the new taste had shown itself.
    regained : tuple of Interval
        What is back of what the change cost, by step: 0 at step 0, 1 when all is as it was.
    steps : Interval
        First step from which a share of `before` is reached; infinite where it is not.
    """

    readers: int
    before: Interval
    curve: tuple[Interval, ...]
    regained: tuple[Interval, ...]
    steps: Interval


def relative_gain(ours: Course, peer: Course, *, rng: np.random.Generator, samples: int = 1000) -> Interval:
    """Return how much better the mean page of one course is than that of another, as a share of the other's.

    Raises
    ------
    ShapeError
        If other readers came, or on other days.

    Examples
    --------
    >>> import numpy as np
    >>> def course(value):
    ...     reader = np.repeat(np.arange(3), 2)
    ...     return Course(reader, np.tile([0, 1], 3), np.full(6, value), np.zeros(6, dtype=np.int64), {})
    >>> round(relative_gain(course(0.6), course(0.5), rng=np.random.default_rng(0), samples=50).value, 2)
    0.2
    """
    if not (np.array_equal(ours.reader, peer.reader) and np.array_equal(ours.day, peer.day)):
        raise ShapeError("the two courses are of other visits: play the same world, cast, days and seed")
    a, b = (np.bincount(course.reader, weights=course.ndcg) for course in (ours, peer))
    drawn = [a[draw].sum() / b[draw].sum() for draw in _draws(len(a), samples, rng)]
    return _interval(np.array([a.sum() / b.sum(), *drawn]) - 1)


def after_votes(
    world: World,
    cast: Sequence[SimulatedReader],
    course: Course,
    player: Player,
    *,
    rng: np.random.Generator,
    votes: Sequence[int] = (0, 1, 3, 5, 10),
    pages: int = 3,
    since_change: bool = True,
) -> Mapping[int, Interval]:
    """Return the true nDCG@10 of the next pages of a reader of whom so many votes are known.

    The pages are the same whatever the number of votes, namely those of the days after the last of them, so nothing but the votes
    differs: of the reader's course all is known up to the k-th vote, and nothing after it.

    Parameters
    ----------
    world, cast, course
        What was played.
    player : Player
        Who makes the pages, with whatever it has learned so far; it learns nothing here.
    rng : Generator
    votes : sequence of int, default=(0, 1, 3, 5, 10)
    pages : int, default=3
        How many days' pages are averaged for each reader.
    since_change : bool, default=True
        True: readers whose taste changed, and votes counted from that day; what they did before is known. False: every reader, and
        votes counted from their first; whose taste changes before the pages are made is left out.

    Raises
    ------
    NotEnoughData
        If no reader has voted so often and has a day after that.
    """
    probes = _probes(world, cast, course, max(votes), pages, since_change)
    if not probes:
        raise NotEnoughData(f"no reader has {max(votes)} votes and a day after them: play more days")
    measured: dict[int, list[list[float]]] = {k: [[] for _ in probes] for k in votes}
    for offset in sorted({day for probe in probes for day in probe.days}):
        morning = world.morning(offset)
        player.wake(morning)
        for number, probe in enumerate(probes):
            for k in votes if offset in probe.days else ():
                page = player.page(morning, probe.reader + 1, _until(probe.events, probe.since, k), morning.opening)
                measured[k][number].append(page_ndcg(cast[probe.reader], page, morning))
    return {k: bootstrap(np.array([np.mean(one) for one in rows]), rng=rng) for k, rows in measured.items()}


def recovery(
    cast: Sequence[SimulatedReader],
    course: Course,
    *,
    rng: np.random.Generator,
    steps: int = 10,
    by: Literal["page", "day"] = "page",
    share: float = RECOVERED,
    samples: int = 1000,
) -> Recovery:
    """Say how many pages, or days, pass after a change of taste before a ranking is as good as before.

    Parameters
    ----------
    cast, course
        What was played.
    rng : Generator
    steps : int, default=10
        How far to look.
    by : {"page", "day"}, default="page"
        What a step is; readers do not come every day.
    share : float, default=0.9
        Of the nDCG@10 before the change that counts as recovered.
    samples : int, default=1000

    Raises
    ------
    NotEnoughData
        If no taste changed between two pages.
    """
    rows = [_around(reader, number, course, steps, by) for number, reader in enumerate(cast) if reader.changes_after is not None]
    kept = [row for row in rows if row is not None]
    if not kept:
        raise NotEnoughData("nobody's taste changed between two of their pages: play more days, or readers who change")
    table = np.array(kept)  # before, step 0, step 1, …
    draws = _draws(len(table), samples, rng)
    means = np.vstack([_mean(table), *(_mean(table[draw]) for draw in draws)])  # of all readers, then of each draw
    shares = means[:, 1:] / means[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):  # where the change cost nothing
        back = (means[:, 1:] - means[:, 1:2]) / (means[:, :1] - means[:, 1:2])
    return Recovery(
        readers=len(table),
        before=_interval(means[:, 0]),
        curve=tuple(_interval(column) for column in shares.T),
        regained=tuple(_interval(column) for column in back.T),
        steps=_interval(_reached(shares, share)),
    )


@dataclass(frozen=True, slots=True)
class _Probe:
    """A reader, what they did, from which of it on votes are counted, and the days whose pages are made."""

    reader: int
    events: tuple[Event, ...]
    since: int
    days: tuple[int, ...]


def _probes(
    world: World, cast: Sequence[SimulatedReader], course: Course, most: int, pages: int, since_change: bool
) -> list[_Probe]:
    found = []
    for number, reader in enumerate(cast):
        if since_change and reader.changes_after is None:
            continue
        events = course.events[number]
        first = (reader.changes_after or 0) if since_change else 0
        since = sum(_day(event, world) < first for event in events)
        cast_since = [_day(event, world) for event in events[since:] if event.kind.is_vote]
        if len(cast_since) < most:
            continue
        start = cast_since[most - 1] + 1
        end = min(start + pages, int(course.day.max()) + 1)
        stays = since_change or reader.changes_after is None or reader.changes_after >= end
        if start < end and stays:
            found.append(_Probe(number, events, since, tuple(range(start, end))))
    return found


def _day(event: Event, world: World) -> int:
    return (event.at.date() - world.start).days


def _until(events: Sequence[Event], since: int, votes: int) -> Sequence[Event]:
    """Return all before `since`, and what follows up to the vote of that number."""
    at = [number for number in range(since, len(events)) if events[number].kind.is_vote]
    return events[: at[votes - 1] + 1] if votes else events[:since]


def _around(reader: SimulatedReader, number: int, course: Course, steps: int, by: Literal["page", "day"]) -> list[float] | None:
    """Return one reader's nDCG before the change and at each step after it, NaN where there was no page."""
    mine = course.reader == number
    days, ndcg, change = course.day[mine], course.ndcg[mine], reader.changes_after or 0
    before, after = ndcg[days < change][-BEFORE:], ndcg[days >= change]
    if not len(before) or not len(after):
        return None
    curve = np.full(steps + 1, np.nan)
    places = np.arange(len(after)) if by == "page" else days[days >= change] - change
    inside = places <= steps
    curve[places[inside]] = after[inside]
    return [float(before.mean()), *curve.tolist()]


def _reached(shares: Numbers, share: float) -> Numbers:
    """Return the first column that reaches a share, for each row; infinite where none does."""
    hit = shares >= share
    first: Numbers = np.where(hit.any(axis=1), hit.argmax(axis=1), np.inf)
    return first


def _draws(count: int, samples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return rng.integers(count, size=(samples, count))


def _mean(table: Numbers) -> Numbers:
    """Mean of each column over the rows that have a value; NaN where none has."""
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        mean: Numbers = np.where(known, table, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def _interval(values: Numbers) -> Interval:
    """Of a number, which comes first, and the same for each draw; a draw without one is passed over."""
    drawn = values[1:][~np.isnan(values[1:])]
    low, high = (
        np.quantile(drawn, [TAIL, 1 - TAIL], method="nearest") if len(drawn) else (np.nan, np.nan)
    )  # no mean of infinities
    return Interval(float(values[0]), float(low), float(high))

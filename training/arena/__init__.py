"""A world, a cast and a player in, a `Course` out: the whole loop played in memory, every page judged by what its reader truly thinks.

Each player plays a loop of its own: the same readers come on the same days, and what they do depends on the page they get.

References
----------
Craswell et al., "An experimental comparison of click position-bias models", WSDM 2008 (the position-based model).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from recommender.errors import NotEnoughData, ShapeError
from recommender.ingest import Progress
from recommender.store.pages import ShownItem, ShownPage
from recommender.types import Channel, Event, RankedPage
from training.arena.players import Player
from training.arena.world import Morning, World
from training.simulate import MINUTES_APART, SHOWN, SimulatedReader, gestures, opens, true_ndcg

__all__ = ["Course", "page_ndcg", "play"]

BETWEEN_GESTURES = timedelta(seconds=20)
IDS_PER_VISIT = 1000  # numbers of items and events grow with time, as they do in a store


@dataclass(frozen=True, slots=True)
class Course:
    """How a play went, visit by visit in the order of time.

    Attributes
    ----------
    reader : ndarray of shape (v,), dtype=int64
        Index into the cast.
    day : ndarray of shape (v,), dtype=int64
        From 0.
    ndcg : ndarray of shape (v,), dtype=float64
        True nDCG@10 of the page over all papers of the day.
    votes : ndarray of shape (v,), dtype=int64
        Votes that the reader had given before.
    events : mapping of int to tuple of Event
        Everything each reader did.
    """

    reader: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    ndcg: npt.NDArray[np.float64]
    votes: npt.NDArray[np.int64]
    events: Mapping[int, tuple[Event, ...]]

    @property
    def cumulative(self) -> float:
        """Mean over all pages from the first day on."""
        return float(self.ndcg.mean())


def play(
    world: World,
    cast: Sequence[SimulatedReader],
    player: Player,
    *,
    days: int | None = None,
    seed: int = 2026,
    progress: Progress | None = None,
) -> Course:
    """Play every reader's every day.

    Parameters
    ----------
    world : World
    cast : sequence of SimulatedReader
    player : Player
    days : int, default=None
        None plays as many as the world has.
    seed : int, default=2026
        Mixed with reader and day: whether somebody comes does not depend on the player.
    progress : Progress, default=None
        Told of every day.

    Raises
    ------
    NotEnoughData
        If nobody came on any day.
    """
    log: dict[int, list[Event]] = {number: [] for number in range(len(cast))}
    visits: list[tuple[int, int, float, int]] = []
    total = world.days if days is None else days
    for offset in range(total):
        morning = world.morning(offset)
        player.wake(morning)
        for number, reader in enumerate(cast):
            rng = np.random.default_rng([seed, number, offset])
            if opens(reader, rng):
                votes = sum(event.kind.is_vote for event in log[number])
                page, done = _visit(player, morning, number, reader, log[number], len(visits), rng)
                visits.append((number, offset, page_ndcg(reader, page, morning), votes))
                log[number] += done
        player.sleep(morning)
        if progress is not None:
            progress("playing", offset + 1, total)
    if not visits:
        raise NotEnoughData(f"none of {len(cast)} readers came on any of {total} days: play more days, or busier readers")
    readers, played, ndcg, votes_before = zip(*visits, strict=True)
    return Course(
        reader=np.array(readers, dtype=np.int64),
        day=np.array(played, dtype=np.int64),
        ndcg=np.array(ndcg, dtype=np.float64),
        votes=np.array(votes_before, dtype=np.int64),
        events=MappingProxyType({number: tuple(done) for number, done in log.items()}),
    )


def page_ndcg(reader: SimulatedReader, page: RankedPage, morning: Morning, *, k: int = 10) -> float:
    """Return the true nDCG@k of a page against the best order of all papers of the day, whether they are on it or not."""
    order = [item.paper_id for item in page.items]
    left_out = [paper.id for paper in morning.edition if paper.id not in set(order)]
    if len(order) < k and left_out:
        raise ShapeError(f"a page of {len(order)} papers has no nDCG@{k}: rank at least {k} of {len(morning.edition)}")
    return true_ndcg(reader, order + left_out, morning.offset, k=k)


def _visit(
    player: Player,
    morning: Morning,
    number: int,
    reader: SimulatedReader,
    past: Sequence[Event],
    serial: int,
    rng: np.random.Generator,
) -> tuple[RankedPage, list[Event]]:
    """One reader, one morning: open the page, read it from the top and react."""
    now = morning.opening + timedelta(minutes=MINUTES_APART * number)
    page = player.page(morning, number + 1, past, now)
    first_id = (serial + 1) * IDS_PER_VISIT
    shown = [ShownItem(item.with_id(first_id + item.position), now) for item in page.items[:SHOWN]]
    acts = gestures(reader, [entry.item.paper_id for entry in shown], morning.offset, rng)
    done = [
        Event(
            id=first_id + count,
            reader_id=number + 1,
            paper_id=shown[index].item.paper_id,
            kind=kind,
            at=now + count * BETWEEN_GESTURES,
            item_id=shown[index].item.id,
            channel=Channel.SIMULATED,
        )
        for count, (index, kind) in enumerate(acts, start=1)
    ]
    player.hear(ShownPage(replace(page, items=tuple(entry.item for entry in shown)), tuple(shown)), done)
    return page, done

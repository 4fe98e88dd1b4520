"""Scores -> order: near-duplicates and one author's papers spread out, labelled exploration slots, what was voted on out of the way.

Twenty positions at a time. The order is a permutation of the candidates: nothing is dropped, only deferred to the next twenty.
Exploration slots stand anywhere in their twenty but in the page's first three places, wherever the draw puts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import NamedTuple

import numpy as np

from recommender.rank import explore
from recommender.rank.window import Candidates
from recommender.settings import RankSettings
from recommender.types import FloatArray

__all__ = ["BLOCK", "PROMISE_AT", "Placed", "Votes", "order"]

BLOCK = 20
LOOK_AHEAD = 40  # rows compared with all others at once: most twenties are full before they run out
PROMISE_AT = 3  # where the paper nearest to a fresh up-vote stands at the latest


@dataclass(frozen=True, slots=True)
class Votes:
    """What the reader said of this page's papers so far.

    Attributes
    ----------
    newest_first : tuple of str
        Candidates with a live vote.
    held : str or None
        The one voted on last from this very page: it keeps its place, so that undo is at hand.
    held_at : int
        That place, from 1.
    saved : tuple of (str, int)
        Candidates saved from this page and not voted on, with their places: saving is no reason to move.
    promised : str or None
        The open paper nearest to that of the newest up-vote: it is moved into the top five.
    required : tuple of str
        Open papers that a rule wants on top.
    """

    newest_first: tuple[str, ...] = ()
    held: str | None = None
    held_at: int = 0
    saved: tuple[tuple[str, int], ...] = ()
    promised: str | None = None
    required: tuple[str, ...] = ()


class Placed(NamedTuple):
    """One row of the candidates at its place in the order.

    Where it was drawn, `propensity` is as in `explore.Slot`, and `pool` holds the rows it was drawn from, its own among them.
    """

    row: int
    explored: bool = False
    propensity: float = 1.0
    pool: tuple[int, ...] = ()
    voted: bool = False
    moved: bool = False
    required: bool = False


class _Open(NamedTuple):
    """What is known of the candidates, row by row."""

    chosen: Candidates
    scores: FloatArray
    doubt: FloatArray | None


def order(
    chosen: Candidates,
    scores: FloatArray,
    votes: Votes,
    *,
    reader_id: int,
    day: date,
    settings: RankSettings,
    doubt: FloatArray | None = None,
) -> list[Placed]:
    """Return every candidate at its place; at most `settings.page_size` of them open, those voted on earlier after these.

    Parameters
    ----------
    chosen : Candidates, n of them
    scores : ndarray of shape (n,), dtype=float32
    votes : Votes
    reader_id, day
        Seed the exploration, so that a page made again is the same page.
    settings : RankSettings
    doubt : ndarray of shape (n,), default=None
        How unsure the reader's own taste leaves each score, in standard deviations of the scores; NaN or None where nothing is
        known of the reader: exploration then draws with equal chances.
    """
    asked = {*votes.newest_first, votes.held, votes.promised, *(paper_id for paper_id, _ in votes.saved)}
    rows = {paper_id: chosen.at[paper_id] for paper_id in asked if paper_id is not None and paper_id in chosen.at}
    voted = [rows[paper_id] for paper_id in votes.newest_first if paper_id in rows]
    pinned = {rows[i]: place for i, place in ((votes.held or "", votes.held_at), *votes.saved) if i in rows}
    settled = {*voted, *pinned}
    open_rows = [row for row in _best_first(chosen.ids, scores) if row not in settled]
    if votes.required:
        wanted = {chosen.at[paper_id] for paper_id in votes.required if paper_id in chosen.at}
        on_top = [row for row in open_rows if row in wanted][: settings.must_see_most]
        open_rows = _but(open_rows, on_top)
    else:
        on_top = []
    promised = rows.get(votes.promised or "")
    known = _Open(chosen, scores, doubt)
    placed = _blocks(open_rows, known, promised, f"{settings.seed}:{reader_id}:{day.isoformat()}", settings)
    placed = [Placed(row, required=True) for row in on_top] + placed
    placed = _keep_promise(placed, promised)[: settings.page_size]
    for row, place in sorted(pinned.items(), key=lambda pin: pin[1]):
        placed.insert(min(place, len(placed) + 1) - 1, Placed(row, voted=True))
    return placed + [Placed(row, voted=True) for row in voted if row not in pinned]


def _best_first(ids: Sequence[str], scores: FloatArray) -> list[int]:
    """Rows by score, then by id."""
    rows = np.argsort(-scores, kind="stable")
    falling = scores[rows]
    if (falling[:-1] > falling[1:]).all():
        return rows.tolist()  # type: ignore[no-any-return]  # of whole numbers
    return sorted(range(len(ids)), key=lambda row: (-float(scores[row]), ids[row]))


def _blocks(open_rows: list[int], known: _Open, promised: int | None, salt: str, settings: RankSettings) -> list[Placed]:
    """Fill the page twenty by twenty; each twenty takes the best that fit, then some that were drawn."""
    left, placed = list(open_rows), list[Placed]()
    while left and len(placed) < settings.page_size:
        slots = settings.explore_per_20 if len(left) >= 2 * BLOCK else 0
        block = [Placed(row) for row in _best_that_fit(left, BLOCK - slots, known, settings)]
        if slots:
            # The promised paper has its place: drawn, it would take a slot along and leave the log without it.
            spoken_for = {*(item.row for item in block), promised}
            pool = list(islice((row for row in left if row not in spoken_for), settings.explore_pool))
            first = 1 if placed else PROMISE_AT + 1
            block = _explored(block, pool, known, f"{salt}:{len(placed) // BLOCK}", slots, first, settings)
        left = _but(left, [item.row for item in block])
        placed += block
    return placed


def _but(rows: Sequence[int], taken: Sequence[int]) -> list[int]:
    gone = set(taken)
    return [row for row in rows if row not in gone]


def _explored(
    block: list[Placed], pool: Sequence[int], known: _Open, salt: str, slots: int, first: int, settings: RankSettings
) -> list[Placed]:
    """Put drawn papers at drawn places of a block, none of them above the place `first`."""
    doubt = None if known.doubt is None else known.doubt[pool]
    lots = known.chosen.window.lots[known.chosen.rows[pool]]
    drawn = explore.draw(lots, known.scores[pool], doubt, salt=salt, slots=slots, uniform=settings.explore_uniform)
    at = explore.places(salt, len(drawn), first=first, last=BLOCK)
    left, filled = list(pool), list[Placed]()
    for slot in drawn:
        filled.append(Placed(pool[slot.index], explored=True, propensity=slot.propensity, pool=tuple(left)))
        left.remove(pool[slot.index])
    for place, item in sorted(zip(at, filled, strict=True), key=lambda pair: pair[0]):
        block.insert(place - 1, item)
    return block


def _best_that_fit(left: Sequence[int], count: int, known: _Open, settings: RankSettings) -> list[int]:
    """Return the best rows that are no near-duplicate of one above and do not put an author over the cap; fill up with the rest."""
    best: list[int] = []
    by_author: dict[str, int] = {}
    at_cap: set[str] = set()
    rows, twins = known.chosen.rows, known.chosen.window.twins(settings.near_duplicate)
    repeats = set[int]()  # rows of the window
    for start in range(0, len(left), LOOK_AHEAD):
        chunk = left[start : start + LOOK_AHEAD]
        in_window = rows[chunk].tolist()
        alike = twins.of(in_window)
        for row, there in zip(chunk, in_window, strict=True):
            if len(best) == count:
                return best
            authors = known.chosen.papers[row].authors
            if there in repeats or not at_cap.isdisjoint(authors):
                continue
            best.append(row)
            repeats.update(alike[there])
            for author in dict.fromkeys(authors):
                by_author[author] = by_author.get(author, 0) + 1
                if by_author[author] >= settings.author_cap:
                    at_cap.add(author)
    taken = set(best)
    deferred = [row for row in left if row not in taken]
    return best + deferred[: count - len(best)]


def _keep_promise(placed: list[Placed], promised: int | None) -> list[Placed]:
    """Move the promised row up to its place if it stands lower."""
    at = next((i for i, item in enumerate(placed) if item.row == promised), None)
    if promised is None or (at is not None and at < PROMISE_AT):
        return placed
    rest = [item for item in placed if item.row != promised]
    rest.insert(PROMISE_AT - 1, Placed(promised, moved=True))
    return rest

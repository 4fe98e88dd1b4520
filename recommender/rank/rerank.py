"""Scores -> order: near-duplicates and one author's papers spread out, labelled exploration slots, what was voted on out of the way.

Twenty positions at a time. The order is a permutation of the candidates: nothing is dropped, only deferred to the next twenty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from recommender.settings import RankSettings
from recommender.types import FloatArray, Paper

__all__ = ["BLOCK", "Placed", "Votes", "order"]

BLOCK = 20
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
    """

    newest_first: tuple[str, ...] = ()
    held: str | None = None
    held_at: int = 0
    saved: tuple[tuple[str, int], ...] = ()
    promised: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """One row of the candidates at its place in the order."""

    row: int
    explored: bool = False
    propensity: float = 1.0
    voted: bool = False
    moved: bool = False


def order(
    papers: Sequence[Paper],
    scores: FloatArray,
    dense: FloatArray,
    votes: Votes,
    *,
    reader_id: int,
    day: date,
    settings: RankSettings,
) -> list[Placed]:
    """Return every candidate at its place; at most `settings.page_size` of them open, those voted on earlier after these.

    Parameters
    ----------
    papers : sequence of Paper, length n
    scores : ndarray of shape (n,), dtype=float32
    dense : ndarray of shape (n, d), dtype=float32
        Unit rows.
    votes : Votes
    reader_id, day
        Seed the exploration, so that a page made again is the same page.
    settings : RankSettings
    """
    rows = {paper.id: row for row, paper in enumerate(papers)}
    voted = [rows[paper_id] for paper_id in votes.newest_first if paper_id in rows]
    pinned = {rows[i]: place for i, place in ((votes.held or "", votes.held_at), *votes.saved) if i in rows}
    open_rows = sorted(set(range(len(papers))) - set(voted) - set(pinned), key=lambda row: (-float(scores[row]), papers[row].id))
    placed = _blocks(open_rows, papers, dense, _keys(papers, reader_id, day, settings), settings)
    placed = _keep_promise(placed, rows.get(votes.promised or ""))[: settings.page_size]
    for row, place in sorted(pinned.items(), key=lambda pin: pin[1]):
        placed.insert(min(place, len(placed) + 1) - 1, Placed(row, voted=True))
    return placed + [Placed(row, voted=True) for row in voted if row not in pinned]


def _blocks(
    open_rows: list[int], papers: Sequence[Paper], dense: FloatArray, keys: FloatArray, settings: RankSettings
) -> list[Placed]:
    """Fill the page twenty by twenty; each twenty takes the best that fit, then some that were drawn."""
    left, placed = list(open_rows), list[Placed]()
    while left and len(placed) < settings.page_size:
        slots = settings.explore_per_20 if len(left) >= 2 * BLOCK else 0
        chosen = _best_that_fit(left, BLOCK - slots, papers, dense, settings)
        left = [row for row in left if row not in chosen]
        block = [Placed(row) for row in chosen]
        if slots:
            drawn = sorted(left, key=lambda row: -keys[row])[:slots]
            chance = slots / len(left)
            for slot, row in enumerate(drawn):
                at = round((slot + 1) * BLOCK / (slots + 1)) - 1
                block.insert(at, Placed(row, explored=True, propensity=chance))
            left = [row for row in left if row not in drawn]
        placed += block
    return placed


def _best_that_fit(
    left: Sequence[int], count: int, papers: Sequence[Paper], dense: FloatArray, settings: RankSettings
) -> list[int]:
    """Return the best rows that are no near-duplicate of one above and do not put an author over the cap; fill up with the rest."""
    chosen: list[int] = []
    by_author: dict[str, int] = {}
    for row in left:
        if len(chosen) == count:
            return chosen
        authors = set(papers[row].authors)
        crowded = any(by_author.get(author, 0) >= settings.author_cap for author in authors)
        if crowded or (chosen and float((dense[chosen] @ dense[row]).max()) >= settings.near_duplicate):
            continue
        chosen.append(row)
        for author in authors:
            by_author[author] = by_author.get(author, 0) + 1
    deferred = [row for row in left if row not in chosen]
    return chosen + deferred[: count - len(chosen)]


def _keep_promise(placed: list[Placed], promised: int | None) -> list[Placed]:
    """Move the promised row up to its place if it stands lower."""
    at = next((i for i, item in enumerate(placed) if item.row == promised), None)
    if promised is None or (at is not None and at < PROMISE_AT):
        return placed
    rest = [item for item in placed if item.row != promised]
    moved = replace(placed[at], explored=False, propensity=1.0) if at is not None else Placed(promised)
    rest.insert(PROMISE_AT - 1, replace(moved, moved=True))
    return rest


def _keys(papers: Sequence[Paper], reader_id: int, day: date, settings: RankSettings) -> FloatArray:
    """Return one uniform draw per paper that depends on nothing but seed, reader, day and paper.

    Taking the largest keys of a pool draws from it uniformly without replacement, and the draw survives a change of the pool.
    """
    stem = f"{settings.seed}:{reader_id}:{day.isoformat()}:"
    digests = [hashlib.sha256((stem + paper.id).encode()).digest()[:8] for paper in papers]
    return np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests], dtype=np.float32)

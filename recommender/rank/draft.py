"""Two rankings of one page -> one page drafted from both, each paper saying whose choice it was: team-draft interleaving.

The two models take turns like captains who choose teams: in each round a coin decides who goes first, and each puts up the best paper
that is not on the page yet. What readers then do with a model's papers is a fair comparison, whatever they think of positions.
Where both would begin a round with the same paper, it is on the page for both and counts for neither: crediting it to whoever's turn
it was would only add noise. The coins depend on seed, reader, day and round, so a page made again is the same page.

References
----------
Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from recommender.errors import ShapeError
from recommender.types import RankedItem, RankedPage

__all__ = ["BOTH", "FIRST", "SECOND", "coin", "draft", "maker", "makers", "names", "share"]

FIRST, SECOND, BOTH = 0, 1, -1
JOIN = "+"


def names(first: str, second: str) -> str:
    """Return what a page of two models is called; `makers` takes it apart."""
    return f"{first}{JOIN}{second}"


def makers(model: str) -> tuple[str, ...]:
    """Return the versions behind a page's model: one as a rule, two where they shared it.

    Examples
    --------
    >>> makers("a"), makers("a+b")
    (('a',), ('a', 'b'))
    """
    return tuple(model.split(JOIN))


def maker(page: RankedPage, item: RankedItem) -> str:
    """Return the version whose features, score and reasons an item carries."""
    return item.team or makers(page.model)[0]


def coin(seed: int, reader_id: int, day: date) -> Callable[[int], int]:
    """Return a function of the round that says who chooses first in it, `FIRST` or `SECOND`: always the same, and fair."""
    stem = f"draft:{seed}:{reader_id}:{day.isoformat()}:"
    return lambda turn: hashlib.sha256(f"{stem}{turn}".encode()).digest()[0] & 1


def draft(first: Sequence[str], second: Sequence[str], toss: Callable[[int], int]) -> list[tuple[str, int]]:
    """Merge two orders.

    Parameters
    ----------
    first, second : sequence of str
        Papers, best first; they need not be the same ones.
    toss : callable
        From the number of a round to who chooses first in it.

    Returns
    -------
    list of (str, int)
        Every paper of either order once, with `FIRST`, `SECOND` or `BOTH`.

    Examples
    --------
    >>> draft("abcd", "acbd", lambda turn: FIRST)
    [('a', -1), ('b', 0), ('c', 1), ('d', -1)]
    """
    left = (list(reversed(first)), list(reversed(second)))  # the best at the end, where taking it costs nothing
    taken: set[str] = set()
    drafted: list[tuple[str, int]] = []

    def best(team: int) -> str | None:
        while left[team] and left[team][-1] in taken:
            left[team].pop()
        return left[team][-1] if left[team] else None

    def put(paper_id: str, team: int) -> None:
        taken.add(paper_id)
        drafted.append((paper_id, team))

    turn = 0
    while (ones := best(FIRST)) is not None or best(SECOND) is not None:
        if ones is not None and ones == best(SECOND):
            put(ones, BOTH)
            continue
        starts = toss(turn)
        for team in (starts, 1 - starts):
            if (chosen := best(team)) is not None:
                put(chosen, team)
        turn += 1
    return drafted


def share(live: RankedPage, rival: RankedPage, *, seed: int) -> RankedPage:
    """Return the page that two models share.

    Exploration slots, papers voted on and one moved up after a vote count for neither model; on whichever of the two pages a
    paper stands like that, it stays where the live model's page has it. The other places are drafted, by the same rule for
    both. An item keeps the features, score and reasons of the model that chose it (`maker`).

    Parameters
    ----------
    live, rival : RankedPage
        The whole pages of both models, made of the same inputs.
    seed : int

    Raises
    ------
    ShapeError
        If they are not of the same reader, day and knowledge.
    """
    same = ("reader_id", "day", "cursor", "paper_cursor", "recipe", "schema")
    if any(getattr(live, name) != getattr(rival, name) for name in same):
        raise ShapeError(f"pages of {live.model} and {rival.model} are not made of the same things: they cannot share a page")
    neutral = {item.paper_id for page in (live, rival) for item in page.items if not _is_choice(item)}
    ours, theirs = ({item.paper_id: item for item in page.items if item.paper_id not in neutral} for page in (live, rival))
    order = draft(list(ours), list(theirs), coin(seed, live.reader_id, live.day))
    upcoming = iter(
        theirs[paper_id]._replace(team=rival.model)
        if team == SECOND
        else ours[paper_id]._replace(team=live.model if team == FIRST else "")
        for paper_id, team in order
    )
    items = [item if item.paper_id in neutral else next(upcoming) for item in live.items]
    return replace(
        live,
        model=names(live.model, rival.model),
        items=tuple(item._replace(position=place) for place, item in enumerate(items, start=1)),
    )


def _is_choice(item: RankedItem) -> bool:
    """Whether a model chose this paper for its place: not a draw, not a vote, not moved up after one."""
    return not (item.explored or item.voted or any(reason.kind == "moved" for reason in item.reasons))

"""The tastes of readers, each ranked by itself -> a page for each reader that gives every taste its turn.

A page of several interests is never one ranking of one blurred taste: each interest ranks the day's papers, and they take places in
turn, the first turn falling to another one every day. A paper stands there once, for the interest that asked for it first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from recommender.rank import page
from recommender.rank.heads import one_thread_each
from recommender.rank.model import Ranker
from recommender.rank.page import Inputs, Ordered
from recommender.rank.rerank import PROMISE_AT
from recommender.settings import RankSettings
from recommender.types import EventKind, RankedItem, RankedPage

__all__ = ["rank_each", "turns"]

ROOM = 2**22  # pairs of papers compared for pages that go from step to step together: some 100 megabytes


@one_thread_each
def rank_each(readers: Sequence[Sequence[Inputs]], ranker: Ranker, settings: RankSettings) -> list[RankedPage]:
    """Make the pages of several readers, each of all their tastes, as many at a time as there is room for.

    Papers with a vote stand as on any page: the one voted on last and saved ones keep their places, the others follow at the end.

    Parameters
    ----------
    readers : sequence of sequence of Inputs
        For each reader at least one, each with the events of its own interest; with one, the page is that of `page.rank_page`.

    Raises
    ------
    ModelIncompatible
        If the ranker was made for other features.
    """
    made: list[RankedPage] = []
    for some in _by_room(readers):
        ordered = iter(page.order_each([inputs for tastes in some for inputs in tastes], ranker, settings))
        made += [_finish(tastes, list(islice(ordered, len(tastes))), ranker, settings) for tastes in some]
    return made


def _by_room(readers: Sequence[Sequence[Inputs]]) -> Iterator[Sequence[Sequence[Inputs]]]:
    """Cut readers into groups whose papers, each against each that they spoke of, are not too many; nobody is left out."""
    group, size = list[Sequence[Inputs]](), 0
    for tastes in readers:
        own = sum(len(inputs.read_vectors) * len(inputs.window.papers) for inputs in tastes)
        if group and size + own > ROOM:
            yield group
            group, size = [], 0
        group.append(tastes)
        size += own
    if group:
        yield group


def _finish(tastes: Sequence[Inputs], ordered: Sequence[Ordered], ranker: Ranker, settings: RankSettings) -> RankedPage:
    """Turn the orders of one reader's tastes into a page."""
    if len(tastes) == 1:
        return replace(page.finish(ordered[0], tastes[0], ranker, settings), interest=0)
    ranked = [page.numbered(one, inputs) for one, inputs in zip(ordered, tastes, strict=True)]
    by_paper = {item.paper_id: item for items in ranked for item in items if item.voted}
    open_items = turns(
        [[item for item in items if not item.voted] for items in ranked],
        first=_first(tastes[0], len(tastes), settings.seed),
        taken=frozenset(by_paper),
    )[: settings.page_size]
    items = _keep_promise(open_items, _promised(tastes, ordered))
    pinned = _pinned(tastes, ordered)
    for paper_id, place in sorted(pinned.items(), key=lambda pin: pin[1]):
        items.insert(min(place, len(items) + 1) - 1, by_paper[paper_id])
    tail = sorted((i for i in by_paper if i not in pinned), key=_newest_first(tastes))
    items += [by_paper[paper_id] for paper_id in tail]
    told = {}
    for one, inputs in zip(ordered, tastes, strict=True):  # reasons cost as much as the order: only what is kept is explained
        places = [item.position for item in items if item.interest == inputs.interest]
        told[inputs.interest] = page.reasons(one, inputs, ranker, places)
    return RankedPage(
        reader_id=tastes[0].reader_id,
        day=tastes[0].day,
        items=tuple(
            item._replace(position=place, reasons=told[item.interest][item.position]) for place, item in enumerate(items, start=1)
        ),
        candidates=len({paper_id for one in ordered for paper_id in one.candidates.ids}),
        model=ranker.version,
        schema=ordered[0].matrix.schema,
        cursor=tastes[0].cursor,
        paper_cursor=tastes[0].window.paper_cursor,
        recipe=page.recipe(settings, {inputs.interest: inputs.choices for inputs in tastes}),
        built_at=tastes[0].as_of,
    )


def turns(rankings: Sequence[Sequence[RankedItem]], *, first: int, taken: frozenset[str] = frozenset()) -> list[RankedItem]:
    """Let rankings choose in turn, each its best paper that nobody has chosen yet; one that has none left is passed over.

    Parameters
    ----------
    rankings : sequence of sequence of RankedItem
        Best first.
    first : int
        Which of them chooses first.
    taken : frozenset of str, default=frozenset()
        Papers that are not to be chosen.
    """
    left = [iter(rankings[(first + turn) % len(rankings)]) for turn in range(len(rankings))]
    known, chosen = set(taken), list[RankedItem]()
    while left:
        for ranking in list(left):
            item = next((item for item in ranking if item.paper_id not in known), None)
            if item is None:
                left.remove(ranking)
            else:
                known.add(item.paper_id)
                chosen.append(item)
    return chosen


def _first(inputs: Inputs, count: int, seed: int) -> int:
    """Who begins on this day: somebody else every day, the same one whenever the page is made."""
    start = hashlib.sha256(f"mix:{seed}:{inputs.reader_id}".encode()).digest()[0]
    return (start + inputs.day.toordinal()) % count


def _promised(tastes: Sequence[Inputs], ordered: Sequence[Ordered]) -> str | None:
    """The paper that the newest up-vote moves up, if that vote was cast since the edition came out."""
    likes = {
        event.id: one.votes.promised
        for inputs, one in zip(tastes, ordered, strict=True)
        for event in inputs.events
        if event.kind is EventKind.UPVOTE and event.paper_id == one.profile.latest_like
    }
    return likes[max(likes)] if likes else None


def _keep_promise(items: list[RankedItem], promised: str | None) -> list[RankedItem]:
    at = next((i for i, item in enumerate(items) if item.paper_id == promised), None)
    if at is None or at < PROMISE_AT:
        return items
    return [*items[: PROMISE_AT - 1], items[at], *items[PROMISE_AT - 1 : at], *items[at + 1 :]]


def _pinned(tastes: Sequence[Inputs], ordered: Sequence[Ordered]) -> dict[str, int]:
    """Papers that keep their places: saved ones, and of those voted on the last."""
    saved = {paper_id: place for one in ordered for paper_id, place in one.votes.saved}
    newest = _newest_first(tastes)
    held = sorted(((one.votes.held, one.votes.held_at) for one in ordered if one.votes.held), key=lambda pin: newest(pin[0]))
    return saved | dict(held[:1])


def _newest_first(tastes: Sequence[Inputs]) -> Callable[[str], int]:
    """Return a key that sorts papers by what was said of them last, the newest first."""
    last = {event.paper_id: event.id for inputs in tastes for event in inputs.events if event.kind.is_vote or event.kind.is_shelf}
    return lambda paper_id: -last.get(paper_id, 0)

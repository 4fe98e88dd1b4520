"""Papers, history and a ranker -> RankedPage: the six steps of one page, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from recommender.rank import candidates, explain, features, heads, profile, rerank
from recommender.rank.model import Ranker
from recommender.rank.rerank import Placed, Votes
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, FeatureMatrix, Paper, PaperVectors, Profile, RankedItem, RankedPage

__all__ = ["Inputs", "describe", "rank_page", "recipe"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a page is a function of, besides the ranker and the settings.

    Attributes
    ----------
    reader_id : int
    day : date
        The edition.
    as_of : datetime
        Nothing later is known.
    papers, vectors
        The window's papers that have vectors, aligned.
    seen : frozenset of str
        Papers shown on pages of other days.
    events : sequence of Event
        The reader's history, in the order it was written.
    read, read_vectors
        The papers the history speaks of, and their vectors (in any order).
    background : PaperVectors
        Earlier papers that stand for everything else.
    places : mapping of int to int
        Position of those items of this very page that events answered.
    cursor, paper_cursor : int
        Newest event and vector among the inputs.
    """

    reader_id: int
    day: date
    as_of: datetime
    papers: Sequence[Paper]
    vectors: PaperVectors
    seen: frozenset[str]
    events: Sequence[Event]
    read: Mapping[str, Paper]
    read_vectors: PaperVectors
    background: PaperVectors
    places: Mapping[int, int]
    cursor: int
    paper_cursor: int


def recipe(settings: RankSettings) -> str:
    """Return what a set of ranking settings is known by: a page made with another is made again."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]


@heads.one_thread_each
def rank_page(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> RankedPage:
    """Make one reader's page.

    Raises
    ------
    ModelIncompatible
        If the ranker was made for other features.
    """
    papers, vectors, taste, matrix = _describe(inputs, ranker, settings)
    scores = ranker.score(matrix)
    votes = _votes(inputs, papers, vectors, taste)
    placed = rerank.order(papers, scores, vectors.dense, votes, reader_id=inputs.reader_id, day=inputs.day, settings=settings)
    return RankedPage(
        reader_id=inputs.reader_id,
        day=inputs.day,
        items=_items(placed, papers, vectors, taste, matrix, scores, inputs, ranker),
        candidates=len(papers),
        model=ranker.version,
        schema=matrix.schema,
        cursor=inputs.cursor,
        paper_cursor=inputs.paper_cursor,
        recipe=recipe(settings),
        built_at=inputs.as_of,
    )


@heads.one_thread_each
def describe(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> FeatureMatrix:
    """Return the feature rows of every candidate, as `rank_page` computes them."""
    return _describe(inputs, ranker, settings)[3]


def _describe(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> tuple[list[Paper], PaperVectors, Profile, FeatureMatrix]:
    """Candidates, their vectors, the reader's profile and the features: the first three steps."""
    papers = candidates.select(
        inputs.papers,
        day=inputs.day,
        window_days=settings.window_days,
        announce=settings.announce,
        seen=inputs.seen,
    )
    at = {paper_id: row for row, paper_id in enumerate(inputs.vectors.ids)}
    vectors = inputs.vectors.take([at[paper.id] for paper in papers])
    taste = profile.build(inputs.events, inputs.read, inputs.read_vectors, as_of=inputs.as_of, day=inputs.day, settings=settings)
    judged = frozenset({**_live_votes(inputs), **_saved(inputs)})
    matrix = features.build(papers, vectors, taste, inputs.background, ranker.idf, voted=judged, settings=settings)
    return papers, vectors, taste, matrix


def _live_votes(inputs: Inputs) -> dict[str, Event]:
    """Return the last vote per paper, where it was not taken back, newest last."""
    last: dict[str, Event] = {}
    for event in inputs.events:
        if event.kind.is_vote and event.at <= inputs.as_of:
            last.pop(event.paper_id, None)
            if event.kind is not EventKind.CLEAR:
                last[event.paper_id] = event
    return last


def _saved(inputs: Inputs) -> dict[str, Event]:
    """Return the event by which each paper on the shelf, and not voted on, was put there."""
    shelf: dict[str, Event] = {}
    for event in inputs.events:
        if event.kind.is_shelf and event.at <= inputs.as_of:
            shelf.pop(event.paper_id, None)
            if event.kind is EventKind.SAVE:
                shelf[event.paper_id] = event
    live = _live_votes(inputs)
    return {paper_id: event for paper_id, event in shelf.items() if paper_id not in live}


def _votes(inputs: Inputs, papers: Sequence[Paper], vectors: PaperVectors, taste: Profile) -> Votes:
    """Say what the reader's votes do to the order of this page."""
    live = _live_votes(inputs)
    rows = {paper.id: row for row, paper in enumerate(papers)}
    here = [event for event in live.values() if event.paper_id in rows]
    from_page = [event for event in here if event.item_id in inputs.places]
    held = from_page[-1] if from_page else None
    saved = {i: e.item_id for i, e in _saved(inputs).items() if i in rows and e.item_id in inputs.places}
    fresh = live.get(taste.latest_like) if taste.latest_like is not None else None
    # A vote cast since this edition came out shows at once; an older one has long been part of the taste.
    promised = None
    if fresh is not None and fresh.at >= profile.end_of(inputs.day) - profile.ONE_DAY:
        promised = _nearest_open(fresh.paper_id, rows, vectors, taste, frozenset({**live, **saved}))
    return Votes(
        newest_first=tuple(event.paper_id for event in reversed(here)),
        held=held.paper_id if held else None,
        held_at=inputs.places[held.item_id] if held and held.item_id is not None else 0,
        saved=tuple((i, inputs.places[item_id]) for i, item_id in saved.items() if item_id is not None),
        promised=promised,
    )


def _nearest_open(
    liked: str, rows: Mapping[str, int], vectors: PaperVectors, taste: Profile, voted: frozenset[str]
) -> str | None:
    """Return the candidate not yet voted on whose text is nearest to a liked paper's, or None."""
    still_open = [paper_id for paper_id in rows if paper_id not in voted]
    if not still_open:
        return None
    similar = vectors.dense @ taste.liked.dense[taste.liked.ids.index(liked)]
    return min(still_open, key=lambda i: (-float(similar[rows[i]]), i))


def _opened(inputs: Inputs, taste: Profile) -> frozenset[str]:
    """Return the papers that speak for the reader's taste only because they were opened."""
    shelf = {e.paper_id: e.kind for e in inputs.events if e.kind.is_shelf and e.at <= inputs.as_of}
    saved = {paper_id for paper_id, kind in shelf.items() if kind is EventKind.SAVE}
    return frozenset(taste.liked.ids) - saved - set(_live_votes(inputs))


def _items(
    placed: Sequence[Placed],
    papers: Sequence[Paper],
    vectors: PaperVectors,
    taste: Profile,
    matrix: FeatureMatrix,
    scores: np.ndarray,
    inputs: Inputs,
    ranker: Ranker,
) -> tuple[RankedItem, ...]:
    """Number the places and give each its reasons."""
    rows = [item.row for item in placed]
    shown = replace(matrix, paper_ids=tuple(matrix.paper_ids[row] for row in rows), values=matrix.values[rows])
    contributions = ranker.contributions(shown)
    evidence = explain.Evidence(papers, vectors, taste, inputs.read, ranker.idf, _opened(inputs, taste))
    return tuple(
        RankedItem(
            position=position,
            paper_id=papers[item.row].id,
            score=float(scores[item.row]),
            features=matrix.values[item.row],
            reasons=explain.reasons(item, contributions[position - 1], evidence),
            explored=item.explored,
            propensity=item.propensity,
            voted=item.voted,
        )
        for position, item in enumerate(placed, start=1)
    )

"""Papers, history and a ranker -> RankedPage: the six steps of one page, one after the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recommender.rank import explain, features, heads, profile, rerank, rules
from recommender.rank.compared import Compared
from recommender.rank.likeness import likeness
from recommender.rank.model import Ranker
from recommender.rank.rerank import Placed, Votes
from recommender.rank.window import Candidates, Window
from recommender.settings import RankSettings
from recommender.types import (
    Choices,
    Event,
    EventKind,
    FeatureMatrix,
    FloatArray,
    Paper,
    PaperVectors,
    Profile,
    RankedItem,
    RankedPage,
    Reason,
    Rule,
)

__all__ = ["Inputs", "Ordered", "describe", "finish", "numbered", "order", "order_each", "rank_page", "reasons", "recipe"]


_NO_CHOICES = Choices()
_NO_VOTES = Votes()


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a page is a function of, besides the ranker and the settings: what the day is, and what one reader brings to it.

    Attributes
    ----------
    window : Window
        The papers, the same for every reader of the day.
    reader_id : int
    as_of : datetime
        Nothing later is known.
    seen : frozenset of str
        Papers shown on pages of other days.
    events : sequence of Event
        The reader's history, in the order it was written.
    read, read_vectors
        The papers the history speaks of, and their vectors (in any order).
    places : mapping of int to int
        Position of those items of this very page that events answered.
    cursor : int
        Newest event among the inputs.
    neighbours : mapping of str to float, default=None
        What readers who like the same said of some of the papers; None where nobody was asked.
    interest : int, default=0
        The taste it is for; the events are those of this taste.
    choices : Choices, default=Choices()
        What the reader set by hand for it.
    """

    window: Window
    reader_id: int
    as_of: datetime
    seen: frozenset[str]
    events: Sequence[Event]
    read: Mapping[str, Paper]
    read_vectors: PaperVectors
    places: Mapping[int, int]
    cursor: int
    neighbours: Mapping[str, float] | None = None
    interest: int = 0
    choices: Choices = _NO_CHOICES

    @property
    def day(self) -> date:
        """The edition."""
        return self.window.day


@dataclass(frozen=True, slots=True)
class Ordered:
    """The candidates of one page, described, scored and put in order.

    Attributes
    ----------
    candidates : Candidates, n of them
    alike : Compared or None
        Of the window and the profile.
    profile : Profile
    judged : frozenset of str
        Papers with a live vote, and saved ones.
    matrix : FeatureMatrix of shape (n, f)
    scores : ndarray of shape (n,), dtype=float32
    placed : list of Placed
        From the top.
    votes : Votes
        What the reader's votes did to the order.
    required : mapping of str to Rule
        Papers that a rule wants on top.
    """

    candidates: Candidates
    alike: Compared | None
    profile: Profile
    judged: frozenset[str]
    matrix: FeatureMatrix
    scores: FloatArray
    placed: list[Placed]
    votes: Votes = _NO_VOTES
    required: Mapping[str, Rule] = field(default_factory=dict)


def recipe(settings: RankSettings, tastes: Mapping[int, Choices] | None = None) -> str:
    """Return what ranking settings, and the tastes in turn with what was set for each, are known by: with others, a page is made again."""
    made = _of_settings(settings)
    if not tastes or dict(tastes) == {0: _NO_CHOICES}:
        return made
    own = [[taste, asdict(chosen)] for taste, chosen in tastes.items()]
    return made + hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=16)  # asked several times for each page, and written as JSON each time
def _of_settings(settings: RankSettings) -> str:
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]


@heads.one_thread_each
def rank_page(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> RankedPage:
    """Make one reader's page.

    Raises
    ------
    ModelIncompatible
        If the ranker was made for other features.
    """
    return finish(order(inputs, ranker, settings), inputs, ranker, settings)


@heads.one_thread_each
def finish(ordered: Ordered, inputs: Inputs, ranker: Ranker, settings: RankSettings) -> RankedPage:
    """Turn an order into a page, every place with its features and reasons."""
    return RankedPage(
        reader_id=inputs.reader_id,
        day=inputs.day,
        items=tuple(numbered(ordered, inputs, reasons(ordered, inputs, ranker, range(1, len(ordered.placed) + 1)))),
        candidates=len(ordered.candidates.ids),
        model=ranker.version,
        schema=ordered.matrix.schema,
        cursor=inputs.cursor,
        paper_cursor=inputs.window.paper_cursor,
        recipe=recipe(settings, {inputs.interest: inputs.choices}),
        built_at=inputs.as_of,
        interest=inputs.interest,
    )


def order(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> Ordered:
    """Choose, describe, score and order the candidates: all of a page but its reasons; parameters and errors as in `rank_page`."""
    return order_each([inputs], ranker, settings)[0]


@heads.one_thread_each
def order_each(pages: Sequence[Inputs], ranker: Ranker, settings: RankSettings) -> list[Ordered]:
    """Order the candidates of several pages as `order` does, every step for all of them: what a step works with then stays at hand."""
    described = [_describe(inputs, ranker, settings) for inputs in pages]
    scores = ranker.score_each([own.matrix for own in described])
    return [_in_order(*one, settings) for one in zip(pages, described, scores, strict=True)]


@heads.one_thread_each
def describe(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> FeatureMatrix:
    """Return the feature rows of every candidate, as `rank_page` computes them."""
    return _describe(inputs, ranker, settings).matrix


class _Described(NamedTuple):
    """The candidates of one page, their features, and what these come of; `judged` is what has a live vote or is on the shelf."""

    candidates: Candidates
    alike: Compared | None
    profile: Profile
    live: Mapping[str, Event]
    shelf: Mapping[str, Event]
    judged: frozenset[str]
    matrix: FeatureMatrix


def _describe(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> _Described:
    """Candidates, the reader's profile, how alike the two are, and the features: the first three steps."""
    live, shelf = _live_votes(inputs), _shelf(inputs)
    judged = frozenset({**live, **shelf})
    announce = tuple(inputs.choices.announce or settings.announce)
    chosen = inputs.window.candidates(settings.window_days, announce, inputs.seen | _unwanted(inputs))
    taste = profile.build(
        inputs.events,
        inputs.read,
        inputs.read_vectors,
        as_of=inputs.as_of,
        day=inputs.day,
        settings=settings,
        choices=inputs.choices,
    )
    sight = inputs.window.through(ranker)
    alike = likeness(sight, taste)
    matrix = features.describe(
        inputs.window, sight, chosen, taste, alike, voted=judged, settings=settings, neighbours=inputs.neighbours
    )
    return _Described(chosen, alike, taste, live, shelf, judged, matrix)


def _in_order(inputs: Inputs, known: _Described, scores: FloatArray, settings: RankSettings) -> Ordered:
    """Put scored candidates in order: the fifth step."""
    chosen, judged = known.candidates, known.judged
    wanted = rules.must(inputs.window.index, inputs.choices.rules) if inputs.choices.rules else {}
    required = {i: rule for i, rule in wanted.items() if i in chosen.at and i not in judged}
    votes = replace(_votes(inputs, known), required=tuple(required))
    placed = rerank.order(
        chosen,
        scores,
        votes,
        reader_id=inputs.reader_id,
        day=inputs.day,
        settings=settings,
        doubt=known.matrix.column("uncertainty"),
    )
    return Ordered(chosen, known.alike, known.profile, judged, known.matrix, scores, placed, votes, required)


def _unwanted(inputs: Inputs) -> frozenset[str]:
    """Return the papers that a rule keeps off the page."""
    chosen = inputs.choices.rules
    if not any(rule.action == "never" for rule in chosen):
        return frozenset()
    rows = {paper_id: row for row, paper_id in enumerate(inputs.read_vectors.ids)}
    near = {i: inputs.read_vectors.dense[rows[i]] for i in rules.liked_papers(chosen) if i in rows}
    return frozenset(rules.never(inputs.window.index, inputs.window.vectors.dense, chosen, near))


def _live_votes(inputs: Inputs) -> dict[str, Event]:
    """Return the last vote per paper, where it was not taken back, newest last."""
    last: dict[str, Event] = {}
    for event in inputs.events:
        if event.kind.is_vote and event.at <= inputs.as_of:
            last.pop(event.paper_id, None)
            if event.kind is not EventKind.CLEAR:
                last[event.paper_id] = event
    return last


def _shelf(inputs: Inputs) -> dict[str, Event]:
    """Return the event by which each paper on the shelf was put there."""
    shelf: dict[str, Event] = {}
    for event in inputs.events:
        if event.kind.is_shelf and event.at <= inputs.as_of:
            shelf.pop(event.paper_id, None)
            if event.kind is EventKind.SAVE:
                shelf[event.paper_id] = event
    return shelf


def _votes(inputs: Inputs, known: _Described) -> Votes:
    """Say what the reader's votes do to the order of this page."""
    live, rows = known.live, known.candidates.at
    here = [event for event in live.values() if event.paper_id in rows]
    from_page = [event for event in here if event.item_id in inputs.places]
    held = from_page[-1] if from_page else None
    unvoted = {i: event for i, event in known.shelf.items() if i not in live}
    saved = {i: e.item_id for i, e in unvoted.items() if i in rows and e.item_id in inputs.places}
    latest = known.profile.latest_like
    fresh = live.get(latest) if latest is not None else None
    # A vote cast since this edition came out shows at once; an older one has long been part of the taste.
    promised = None
    if fresh is not None and fresh.at >= profile.end_of(inputs.day) - profile.ONE_DAY:
        promised = _nearest_open(fresh.paper_id, known, {**live, **saved})
    return Votes(
        newest_first=tuple(event.paper_id for event in reversed(here)),
        held=held.paper_id if held else None,
        held_at=inputs.places[held.item_id] if held and held.item_id is not None else 0,
        saved=tuple((i, inputs.places[item_id]) for i, item_id in saved.items() if item_id is not None),
        promised=promised,
    )


def _nearest_open(liked: str, known: _Described, settled: Collection[str]) -> str | None:
    """Return the candidate not yet settled whose text is nearest to a liked paper's, or None."""
    chosen = known.candidates
    if known.alike is None:
        return None
    similar = known.alike.dense[known.profile.liked.ids.index(liked), chosen.rows]  # likes stand first
    similar[[chosen.at[paper_id] for paper_id in settled if paper_id in chosen.at]] = -np.inf
    highest = similar.max(initial=-np.inf)
    nearest = np.flatnonzero((similar == highest) & (similar > -np.inf)).tolist()
    return min((chosen.ids[row] for row in nearest), default=None)


def numbered(ordered: Ordered, inputs: Inputs, told: Mapping[int, tuple[Reason, ...]] | None = None) -> list[RankedItem]:
    """Return the items of an order from the top; `told` are the reasons by place, where they are known."""
    values, scores, ids = ordered.matrix.values, ordered.scores.tolist(), ordered.candidates.ids
    told = told or {}
    return [
        RankedItem(
            position=place,
            paper_id=ids[item.row],
            score=scores[item.row],
            features=values[item.row],
            reasons=told.get(place, ()),
            explored=item.explored,
            propensity=item.propensity,
            voted=item.voted,
            interest=inputs.interest,
        )
        for place, item in enumerate(ordered.placed, start=1)
    ]


def reasons(ordered: Ordered, inputs: Inputs, ranker: Ranker, places: Sequence[int]) -> dict[int, tuple[Reason, ...]]:
    """Explain the papers at some places of an order, counted from 1."""
    matrix, taste = ordered.matrix, ordered.profile
    placed = [ordered.placed[place - 1] for place in places]
    rows = [item.row for item in placed]
    on_page = [ordered.candidates.papers[row] for row in rows]
    shown = replace(matrix, paper_ids=tuple(paper.id for paper in on_page), values=matrix.values[rows])
    opened = frozenset(taste.liked.ids) - ordered.judged  # they speak for the taste, and the reader said nothing of them
    in_window = ordered.candidates.rows[rows].tolist()
    sight = inputs.window.through(ranker)
    evidence = explain.Evidence(
        on_page,
        _to_liked(ordered, rows),
        taste,
        inputs.read,
        lambda at, liked: sight.shared(in_window[at], liked),
        opened,
        shown,
        picked=opened & frozenset(inputs.choices.papers) - frozenset(event.paper_id for event in inputs.events),
        required=ordered.required,
    )
    lifted = explain.ranked(ranker.by_family(shown, explain.NUMBERS))
    return {
        place: explain.reasons(at, item, lifts, evidence)
        for at, (place, item, lifts) in enumerate(zip(places, placed, lifted, strict=True))
    }


def _to_liked(ordered: Ordered, rows: Sequence[int]) -> dict[str, FloatArray]:
    """Return the cosines of some candidates with what is liked; a paper is not compared with itself."""
    if ordered.alike is None:
        return {}
    at, liked = ordered.candidates.rows[rows], ordered.profile.liked.ids
    cosines = {"dense": ordered.alike.dense[: len(liked), at], "lex": ordered.alike.words[: len(liked), at]}
    place = {row: number for number, row in enumerate(rows)}
    for number, paper_id in enumerate(liked):
        if ordered.candidates.at.get(paper_id) in place:
            for values in cosines.values():
                values[number, place[ordered.candidates.at[paper_id]]] = -1.0
    return cosines

"""Papers, history and a ranker -> RankedPage: the six steps of one page, one after the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime

from recommender.rank import candidates, explain, features, heads, profile, rerank, rules
from recommender.rank.model import Ranker
from recommender.rank.rerank import Placed, Votes
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
    Rule,
)

__all__ = ["Inputs", "Ordered", "describe", "finish", "order", "rank_page", "recipe"]


_NO_CHOICES = Choices()
_NO_VOTES = Votes()


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
    places : mapping of int to int
        Position of those items of this very page that events answered.
    cursor, paper_cursor : int
        Newest event and vector among the inputs.
    neighbours : mapping of str to float, default=None
        What readers who like the same said of some of the papers; None where nobody was asked.
    interest : int, default=0
        The taste it is for; the events are those of this taste.
    choices : Choices, default=Choices()
        What the reader set by hand for it.
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
    places: Mapping[int, int]
    cursor: int
    paper_cursor: int
    neighbours: Mapping[str, float] | None = None
    interest: int = 0
    choices: Choices = _NO_CHOICES


@dataclass(frozen=True, slots=True)
class Ordered:
    """The candidates of one page, described, scored and put in order.

    Attributes
    ----------
    papers : list of Paper, length n
    vectors : PaperVectors
        Aligned with `papers`.
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

    papers: list[Paper]
    vectors: PaperVectors
    profile: Profile
    judged: frozenset[str]
    matrix: FeatureMatrix
    scores: FloatArray
    placed: list[Placed]
    votes: Votes = _NO_VOTES
    required: Mapping[str, Rule] = field(default_factory=dict)


def recipe(settings: RankSettings, tastes: Mapping[int, Choices] | None = None) -> str:
    """Return what ranking settings, and the tastes in turn with what was set for each, are known by: with others, a page is made again."""
    made = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]
    if not tastes or dict(tastes) == {0: _NO_CHOICES}:
        return made
    own = [[taste, asdict(chosen)] for taste, chosen in tastes.items()]
    return made + hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]


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
        items=_items(ordered, inputs, ranker),
        candidates=len(ordered.papers),
        model=ranker.version,
        schema=ordered.matrix.schema,
        cursor=inputs.cursor,
        paper_cursor=inputs.paper_cursor,
        recipe=recipe(settings, {inputs.interest: inputs.choices}),
        built_at=inputs.as_of,
        interest=inputs.interest,
    )


@heads.one_thread_each
def order(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> Ordered:
    """Choose, describe, score and order the candidates: all of a page but its reasons; parameters and errors as in `rank_page`."""
    live, shelf = _live_votes(inputs), _shelf(inputs)
    judged = frozenset({**live, **shelf})
    papers, vectors, taste, matrix = _describe(inputs, ranker, settings, judged)
    scores = ranker.score(matrix)
    required = {i: rule for i, rule in rules.must(papers, inputs.choices.rules).items() if i not in judged}
    votes = replace(_votes(inputs, live, shelf, papers, vectors, taste), required=tuple(required))
    placed = rerank.order(
        papers,
        scores,
        vectors.dense,
        votes,
        reader_id=inputs.reader_id,
        day=inputs.day,
        settings=settings,
        doubt=matrix.column("uncertainty"),
    )
    return Ordered(papers, vectors, taste, judged, matrix, scores, placed, votes, required)


@heads.one_thread_each
def describe(inputs: Inputs, ranker: Ranker, settings: RankSettings) -> FeatureMatrix:
    """Return the feature rows of every candidate, as `rank_page` computes them."""
    return _describe(inputs, ranker, settings, frozenset({**_live_votes(inputs), **_shelf(inputs)}))[3]


def _describe(
    inputs: Inputs, ranker: Ranker, settings: RankSettings, judged: frozenset[str]
) -> tuple[list[Paper], PaperVectors, Profile, FeatureMatrix]:
    """Candidates, their vectors, the reader's profile and the features: the first three steps."""
    papers = candidates.select(
        inputs.papers,
        day=inputs.day,
        window_days=settings.window_days,
        announce=inputs.choices.announce or settings.announce,
        seen=inputs.seen | _unwanted(inputs),
    )
    at = {paper_id: row for row, paper_id in enumerate(inputs.vectors.ids)}
    vectors = inputs.vectors.take([at[paper.id] for paper in papers])
    taste = profile.build(
        inputs.events,
        inputs.read,
        inputs.read_vectors,
        as_of=inputs.as_of,
        day=inputs.day,
        settings=settings,
        choices=inputs.choices,
    )
    matrix = features.build(
        papers,
        vectors,
        taste,
        ranker.lens,
        voted=judged,
        settings=settings,
        prior=ranker.expect(papers, vectors),
        neighbours=inputs.neighbours,
    )
    return papers, vectors, taste, matrix


def _unwanted(inputs: Inputs) -> frozenset[str]:
    """Return the papers that a rule keeps off the page."""
    chosen = inputs.choices.rules
    if not any(rule.action == "never" for rule in chosen):
        return frozenset()
    rows = {paper_id: row for row, paper_id in enumerate(inputs.read_vectors.ids)}
    near = {i: inputs.read_vectors.dense[rows[i]] for i in rules.liked_papers(chosen) if i in rows}
    at = {paper_id: row for row, paper_id in enumerate(inputs.vectors.ids)}
    dense = inputs.vectors.dense[[at[paper.id] for paper in inputs.papers]]
    return frozenset(rules.never(inputs.papers, dense, chosen, near))


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


def _votes(
    inputs: Inputs,
    live: Mapping[str, Event],
    shelf: Mapping[str, Event],
    papers: Sequence[Paper],
    vectors: PaperVectors,
    taste: Profile,
) -> Votes:
    """Say what the reader's votes do to the order of this page."""
    rows = {paper.id: row for row, paper in enumerate(papers)}
    here = [event for event in live.values() if event.paper_id in rows]
    from_page = [event for event in here if event.item_id in inputs.places]
    held = from_page[-1] if from_page else None
    unvoted = {i: event for i, event in shelf.items() if i not in live}
    saved = {i: e.item_id for i, e in unvoted.items() if i in rows and e.item_id in inputs.places}
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


def _items(ordered: Ordered, inputs: Inputs, ranker: Ranker) -> tuple[RankedItem, ...]:
    """Number the places and give each its reasons."""
    placed, matrix, taste = ordered.placed, ordered.matrix, ordered.profile
    rows = [item.row for item in placed]
    on_page = [ordered.papers[row] for row in rows]
    shown = replace(matrix, paper_ids=tuple(paper.id for paper in on_page), values=matrix.values[rows])
    contributions = ranker.contributions(shown)
    opened = frozenset(taste.liked.ids) - ordered.judged  # they speak for the taste, and the reader said nothing of them
    evidence = explain.Evidence(
        on_page,
        ordered.vectors.take(rows),
        taste,
        inputs.read,
        ranker.lens,
        opened,
        shown,
        picked=opened & frozenset(inputs.choices.papers) - frozenset(event.paper_id for event in inputs.events),
        required=ordered.required,
    )
    return tuple(
        RankedItem(
            position=at + 1,
            paper_id=paper.id,
            score=float(ordered.scores[item.row]),
            features=matrix.values[item.row],
            reasons=explain.reasons(at, item, contributions[at], evidence),
            explored=item.explored,
            propensity=item.propensity,
            voted=item.voted,
            interest=inputs.interest,
        )
        for at, (item, paper) in enumerate(zip(placed, on_page, strict=True))
    )

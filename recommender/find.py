"""JOINT query -> store -> papers: what somebody typed in, by its words and by its meaning at once, and papers like a paper.

The list by words (full text) and the list by meaning (vectors) are fused by reciprocal ranks: a paper scores the sum of 1 / (60 + its
place) over the lists it is in (Cormack, Clarke and Büttcher, SIGIR 2009), so neither list's scale matters. Where the encoder in use
cannot read a query without torch, the query's vector is the middle of the best papers by words (pseudo-relevance feedback after
Rocchio 1971; Manning, Raghavan and Schütze 2008, chapter 9). A search for exact words loads neither the encoder nor the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from recommender import query
from recommender.ids import arxiv_id
from recommender.store import nearest
from recommender.store import search as words
from recommender.store.db import Session
from recommender.store.nearest import Snapshot
from recommender.store.search import NOTHING, Filters, Part
from recommender.store.wording import Wording, parse
from recommender.types import FloatArray

__all__ = ["Encode", "Filters", "Hit", "Part", "named", "search", "similar", "with_snippets"]

FUSION = 60  # how little the first places of one list count against being in both
DEPTH = 100  # papers of each list that are fused, at least
FEW = 2000  # papers a filter leaves that are looked through one by one
TEACHERS = 8  # best papers by words that stand for a query nobody can read
LONGEST_ID = 80  # characters
LEAST = 0.27  # cosine below which a paper has nothing to do with a query: among 2,000 real abstracts, nonsense comes no nearer than .3

Encode = Callable[[str, str], FloatArray | None]


@dataclass(frozen=True, slots=True)
class Hit:
    """One found paper.

    Attributes
    ----------
    paper_id : str
    score : float
        The sum of reciprocal ranks; comparable within one search only.
    words : {"all", "some", ""}
        How many of the words it holds.
    cosine : float or None
        Nearness to the query's meaning, where that is what found it.
    snippet : tuple of Part
        Where in its abstract the words stand; empty until asked for.
    """

    paper_id: str
    score: float
    words: str = ""
    cosine: float | None = None
    snippet: tuple[Part, ...] = ()


def search(
    session: Session,
    text: str,
    filters: Filters = NOTHING,
    k: int = 20,
    *,
    exact: bool = False,
    newest: bool = False,
    encode: Encode = query.encode,
) -> list[Hit]:
    """Return the k papers that fit best, best first.

    Parameters
    ----------
    session : Session
    text : str
        Words, "phrases", -unwanted words; the end of the last word may be missing.
    filters : Filters, default=NOTHING
    k : int, default=20
    exact : bool, default=False
        Only papers that hold all of the words; always so where all of them stand in quotation marks.
    newest : bool, default=False
        Put the newest first among those that fit best (a hundred at least).
    encode : callable, default=query.encode
        (encoder name, text) -> the query's vector, or None.
    """
    wording = parse(text)
    if not wording.wanted:
        return []
    depth = max(2 * k, DEPTH)
    exact = exact or wording.quoted
    by_words = words.lexical(session, wording, filters, limit=depth, enough=k, loose=not exact)
    by_meaning = [] if exact else _by_meaning(session, wording, filters, by_words, depth, encode)
    if by_meaning:  # one word of several says little: it may lift a paper whose meaning is near, and no other
        near = {paper_id for paper_id, _ in by_meaning}
        by_words = {paper_id: holds_all for paper_id, holds_all in by_words.items() if holds_all or paper_id in near}
    hits = _fused(by_words, by_meaning)
    if newest:
        places = {paper_id: place for place, paper_id in enumerate(words.newest_first(session, [hit.paper_id for hit in hits]))}
        hits.sort(key=lambda hit: places[hit.paper_id])
    return hits[:k]


def with_snippets(session: Session, text: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with the places where their abstracts hold the words."""
    found = words.snippets(session, parse(text), [hit.paper_id for hit in hits if hit.words])
    return [replace(hit, snippet=tuple(found.get(hit.paper_id, ()))) for hit in hits]


def named(session: Session, text: str) -> str | None:
    """Return the stored paper whose id or address is all that was typed in, or None."""
    written = text.strip()
    ids = [paper_id for paper_id in (arxiv_id(written), written) if paper_id and len(paper_id) <= LONGEST_ID]
    stored = words.among(session, ids)
    return stored[0] if stored else None


def similar(session: Session, paper_id: str, *, k: int = 5) -> list[tuple[str, float]]:
    """Return the k papers of all that are stored whose text is nearest, with their cosine, nearest first."""
    known = nearest.current(session)
    vector = known.mean([paper_id]) if known is not None else None
    if known is None or vector is None:
        return []
    found = _allowed(session, known, vector, NOTHING, k + 1)
    return [(other, cosine) for other, cosine in found if other != paper_id][:k]


def _by_meaning(
    session: Session, wording: Wording, filters: Filters, by_words: Collection[str], depth: int, encode: Encode
) -> list[tuple[str, float]]:
    known = nearest.current(session)
    if known is None:
        return []
    vector = encode(known.encoder, wording.plain)
    if vector is None:
        vector = known.mean(list(by_words)[:TEACHERS])
    if vector is None:
        return []
    found = {i: cosine for i, cosine in _allowed(session, known, vector, filters, depth) if cosine >= LEAST}
    return [(paper_id, found[paper_id]) for paper_id in words.without(session, wording, list(found))]


def _allowed(session: Session, known: Snapshot, vector: FloatArray, filters: Filters, depth: int) -> list[tuple[str, float]]:
    """Return the nearest papers that may be found and pass the filters: by wider and wider circles, or of few papers all."""
    width = depth if filters == NOTHING else 4 * depth
    while True:
        circle = known.nearest(vector, width)
        passed = set(words.among(session, [paper_id for paper_id, _ in circle], filters))
        if len(passed) >= depth or len(circle) < width:
            return [pair for pair in circle if pair[0] in passed][:depth]
        if filters != NOTHING and (few := words.at_most(session, filters, FEW)) is not None:
            return known.nearest(vector, depth, among=few)
        width *= 4


def _fused(by_words: Mapping[str, bool], by_meaning: Sequence[tuple[str, float]]) -> list[Hit]:
    """One list of two: by the sum of the reciprocal ranks; of equals, the one found by words."""
    hits: dict[str, Hit] = {}
    for place, (paper_id, holds_all) in enumerate(by_words.items(), start=1):
        hits[paper_id] = Hit(paper_id, 1.0 / (FUSION + place), words="all" if holds_all else "some")
    for place, (paper_id, cosine) in enumerate(by_meaning, start=1):
        known = hits.get(paper_id, Hit(paper_id, 0.0))
        hits[paper_id] = replace(known, score=known.score + 1.0 / (FUSION + place), cosine=cosine)
    return sorted(hits.values(), key=lambda hit: -hit.score)

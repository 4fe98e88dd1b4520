"""Papers and their vectors in, a `Window` out: the half of a page that is the same for every reader of a day, and how a ranker sees it.

What all readers of a day have in common is computed once and kept with the window, when it is first asked for: how its texts look
through a lens, what is thought of each paper before anything is known of a reader, what the papers say of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import log, log1p, nan
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.errors import ShapeError
from recommender.rank import candidates, explore, terms
from recommender.rank.compared import Comparisons
from recommender.rank.lens import Lens
from recommender.rank.rules import Index
from recommender.rank.twins import Twins
from recommender.types import FloatArray, Paper, PaperVectors

__all__ = ["ONE_DAY", "Candidates", "Facts", "Rows", "Sees", "Sight", "Window", "end_of", "lengths"]

ONE_DAY = timedelta(days=1)
MOST_SHARED = 2**15  # pairs of papers whose common terms are kept
MOST_SIGHTS = 3  # the live ranker, one on trial, and the one before a change

Rows = npt.NDArray[np.intp]


def end_of(day: date) -> datetime:
    """Return the first moment after a day, UTC."""
    return datetime.combine(day + ONE_DAY, time(), UTC)


class Sees(Protocol):
    """What looks at a window: a ranker."""

    @property
    def lens(self) -> Lens: ...  # noqa: D102 (a protocol's: the ranker says what it is)

    def expect(self, papers: Sequence[Paper], vectors: PaperVectors) -> FloatArray | None: ...  # noqa: D102 (a protocol's: the ranker says what it is)


@dataclass(frozen=True, eq=False)
class Window:
    """The papers of some days that an encoder has read; two windows are the same only if they are one.

    Attributes
    ----------
    day : date
        The edition that pages are made for; the papers may be of earlier ones too.
    papers : sequence of Paper, length n
        In whatever order they are given, they stand in that of `candidates.select`: the last bit of a product can depend on its row.
    vectors : PaperVectors
        Aligned with them.
    paper_cursor : int
        Newest vector among them.

    Raises
    ------
    ShapeError
        If the vectors are not those of the papers, in their order.
    """

    day: date
    papers: Sequence[Paper]
    vectors: PaperVectors
    paper_cursor: int = 0
    _sights: list[tuple[Sees, Sight]] = field(default_factory=list, init=False, repr=False)
    _candidates: dict[tuple[int, tuple[str, ...]], Candidates] = field(default_factory=dict, init=False, repr=False)
    _twins: dict[float, Twins] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.vectors.ids != tuple(paper.id for paper in self.papers):
            raise ShapeError("vectors and papers must be the same papers in the same order")
        order = sorted(range(len(self.papers)), key=lambda row: candidates.place(self.papers[row]))
        if order != list(range(len(order))):
            object.__setattr__(self, "papers", [self.papers[row] for row in order])
            object.__setattr__(self, "vectors", self.vectors.take(order))

    @cached_property
    def row(self) -> Mapping[str, int]:
        """Where each paper stands."""
        return {paper_id: row for row, paper_id in enumerate(self.vectors.ids)}

    @cached_property
    def facts(self) -> Facts:
        """What the papers say of themselves."""
        return Facts.of(self.papers, self.day)

    @cached_property
    def index(self) -> Index:
        """The papers as rules ask for them."""
        return Index(self.papers)

    def candidates(self, window_days: int, announce: tuple[str, ...], seen: frozenset[str]) -> Candidates:
        """Return what may appear on a page, in the order of `candidates.select`."""
        if (window_days, announce) not in self._candidates:
            chosen = candidates.select(self.papers, day=self.day, window_days=window_days, announce=announce, seen=())
            self._candidates[window_days, announce] = self.take(np.array([self.row[paper.id] for paper in chosen], dtype=np.intp))
        common = self._candidates[window_days, announce]
        gone = [common.at[paper_id] for paper_id in seen if paper_id in common.at]
        return self.take(np.delete(common.rows, gone)) if gone else common

    @cached_property
    def lots(self) -> npt.NDArray[np.uint64]:
        """What the papers are drawn by, shape (n,)."""
        return explore.lots(self.vectors.ids)

    def twins(self, near: float) -> Twins:
        """Return which papers are near-duplicates of which: their texts are at least so near."""
        if near not in self._twins:
            self._twins[near] = Twins(self.vectors.dense, near)
        return self._twins[near]

    def take(self, rows: Rows) -> Candidates:
        """Return the papers of some rows, in their order."""
        papers = [self.papers[row] for row in rows.tolist()]
        return Candidates(self, rows, papers, tuple(paper.id for paper in papers))

    def only(self, keep: Callable[[Paper], bool]) -> Window:
        """Return the window of those papers that are asked for."""
        rows = [row for row, paper in enumerate(self.papers) if keep(paper)]
        return Window(self.day, [self.papers[row] for row in rows], self.vectors.take(rows), self.paper_cursor)

    def through(self, ranker: Sees) -> Sight:
        """Return how a ranker sees the papers, looked at once."""
        for known, sight in self._sights:
            if known is ranker:
                return sight
        sight = Sight(self.papers, self.vectors, ranker.lens, ranker.expect(self.papers, self.vectors))
        self._sights[:] = [*self._sights[-MOST_SIGHTS + 1 :], (ranker, sight)]
        return sight


@dataclass(frozen=True, eq=False)
class Candidates:
    """What may appear on one page.

    Attributes
    ----------
    window : Window
    rows : ndarray of shape (n,)
        Where each stands in it.
    papers : sequence of Paper, length n
    ids : tuple of str, length n
    """

    window: Window = field(repr=False)
    rows: Rows
    papers: Sequence[Paper]
    ids: tuple[str, ...]

    @cached_property
    def at(self) -> Mapping[str, int]:
        """Where each stands among the candidates."""
        return {paper_id: at for at, paper_id in enumerate(self.ids)}


@dataclass(frozen=True, eq=False)
class Sight:
    """n texts seen through a lens; what a page has no use for is never computed.

    Attributes
    ----------
    papers : sequence of Paper, length n
    vectors : PaperVectors
    lens : Lens
    prior : ndarray of shape (n,), dtype=float32, or None
        What readers in general will make of each paper.
    """

    papers: Sequence[Paper]
    vectors: PaperVectors
    lens: Lens
    prior: FloatArray | None = None
    _telling: dict[int, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)
    _shared: dict[tuple[int, str], tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)

    def shared(self, row: int, other: Paper) -> tuple[str, ...]:
        """Return the terms that one paper has in common with another, the most telling first."""
        if (row, other.id) not in self._shared:
            if len(self._shared) >= MOST_SHARED:
                self._shared.clear()
            named = terms.named_terms(terms.paper_text(other.title, other.abstract))
            self._shared[row, other.id] = terms.shared(self._told(row), named)
        return self._shared[row, other.id]

    def _told(self, row: int) -> tuple[str, ...]:
        """The terms of one paper, the most telling first."""
        if row not in self._telling:
            paper = self.papers[row]
            self._telling[row] = terms.telling(terms.paper_text(paper.title, paper.abstract), self.lens.idf)
        return self._telling[row]

    @cached_property
    def sharp(self) -> FloatArray:
        """Whitened text embeddings, shape (n, d)."""
        return self.lens.sharp(self.vectors.dense)

    @cached_property
    def sharp_length(self) -> FloatArray:
        """Their lengths, shape (n,)."""
        return lengths(self.sharp)

    @cached_property
    def taste(self) -> FloatArray | None:
        """Where they stand among what readers like together, shape (n, r); None where nothing taught that."""
        return self.lens.taste(self.sharp) if self.lens.taste is not None else None

    @cached_property
    def white_taste(self) -> FloatArray | None:
        """The same, whitened."""
        return self.lens.taste.whitening(self.taste) if self.lens.taste is not None and self.taste is not None else None

    @cached_property
    def words(self) -> csr_array:
        """Weighted terms, unit rows of shape (n, BUCKETS)."""
        return terms.weigh(self.vectors.terms, self.lens.idf)

    @cached_property
    def comparisons(self) -> Comparisons:
        """What they were compared with so far."""
        by_word = csr_array(self.words.T.tocsr())
        return Comparisons(self.lens, self.vectors.dense, self.sharp, self.taste, by_word)

    @cached_property
    def to_common(self) -> FloatArray:
        """Their inner products with what all texts have in common, shape (n,)."""
        product: FloatArray = self.words @ self.lens.common
        return product


@dataclass(frozen=True, eq=False, slots=True)
class Facts:
    """What n papers say of themselves.

    Attributes
    ----------
    columns : mapping of str to ndarray of shape (n,), dtype=float32
        Features that do not depend on a reader.
    by_author, by_organization : mapping of str to list of int
        In which rows each name stands.
    listing : ndarray of shape (n,)
        Which list of categories each paper has, of the l different ones.
    categories : sequence of str, length c
    primary : ndarray of shape (l,)
        The first category of each list; -1 where it is empty.
    member, share : ndarray of shape (l, c), dtype=float64
        1 where a category stands in a list; how much of the list it is.
    """

    columns: Mapping[str, FloatArray]
    by_author: Mapping[str, Sequence[int]]
    by_organization: Mapping[str, Sequence[int]]
    listing: Rows
    categories: Sequence[str]
    primary: Rows
    member: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]

    @classmethod
    def of(cls, papers: Sequence[Paper], day: date) -> Facts:
        """Look at papers on a day."""
        until = end_of(day)
        rows = np.array([_facts(paper, (until - paper.published) / ONE_DAY) for paper in papers], dtype=np.float32)
        by_author, by_organization = dict[str, list[int]](), dict[str, list[int]]()
        listings = dict[tuple[str, ...], int]()
        for row, paper in enumerate(papers):
            for author in dict.fromkeys(paper.authors):
                by_author.setdefault(author, []).append(row)
            if paper.organization is not None:
                by_organization.setdefault(paper.organization, []).append(row)
            listings.setdefault(paper.categories, len(listings))
        listing = np.array([listings[paper.categories] for paper in papers], dtype=np.intp)
        columns = {name: np.ascontiguousarray(own) for name, own in zip(_COLUMNS, rows.reshape(-1, len(_COLUMNS)).T, strict=True)}
        return cls(columns, by_author, by_organization, listing, *_of_listings(list(listings)))


def _of_listings(
    listings: Sequence[tuple[str, ...]],
) -> tuple[Sequence[str], Rows, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the categories of some lists, and what `Facts` says of each list."""
    number = {name: at for at, name in enumerate(dict.fromkeys(name for listing in listings for name in listing))}
    share = np.zeros((len(listings), len(number)))
    for at, listing in enumerate(listings):
        for name in listing:
            share[at, number[name]] += 1.0 / len(listing)
    primary = np.array([number[listing[0]] if listing else -1 for listing in listings], dtype=np.intp)
    return list(number), primary, (share > 0).astype(np.float64), share


_COLUMNS = ("age_days", "log_upvotes", "has_code", "is_cross", "team", "abstract_words")


def _facts(paper: Paper, age_days: float) -> tuple[float, ...]:
    """The facts of `_COLUMNS`, in that order."""
    upvotes = paper.signals.upvotes
    return (
        min(max(age_days, 0.0), 3650.0),
        log1p(max(upvotes, 0)) if upvotes is not None else nan,
        float(paper.code_url is not None),
        float(paper.announce == "cross"),
        log(max(len(paper.authors), 1)),
        float(paper.abstract.count(" ") + 1 if paper.abstract else 0),
    )


def lengths(rows: FloatArray) -> FloatArray:
    """Return the length of each row, never nothing."""
    found: FloatArray = np.sqrt(np.maximum(np.einsum("ij,ij->i", rows, rows), 1e-12))
    return found

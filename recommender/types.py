"""Plain facts in, frozen values out: the one value each stage hands to the next.

Times are timezone-aware UTC, ids are strings with their namespace (`arxiv:2601.01234`), arrays cannot be written to.
Short names used everywhere: `n` papers, `f` features, `d` dimensions, `k` cutoff, `q` groups, `as_of` knowledge time,
`now` wall clock (doors only), `day` the date of an edition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.choices import Choices, Rule
from recommender.errors import ShapeError
from recommender.reasons import Reason

__all__ = [
    "ANNOUNCEMENTS",
    "LIBRARY",
    "Channel",
    "Choices",
    "Event",
    "EventKind",
    "FeatureMatrix",
    "FloatArray",
    "Impression",
    "Paper",
    "PaperVectors",
    "Profile",
    "RankedItem",
    "RankedPage",
    "Reason",
    "Rule",
    "Signals",
]

# How a source may announce a paper: for the first time, in one more category, or in a new version.
ANNOUNCEMENTS = ("new", "cross", "replace", "replace-cross")

# The source of papers that readers brought along: they teach, and stand on no page, in no search and in no list.
LIBRARY = "library"

FloatArray = npt.NDArray[np.float32]


class EventKind(StrEnum):
    """What a reader did. The vote kinds answer each other (last word wins), and so do save and unsave."""

    UPVOTE = "upvote"
    DOWNVOTE = "downvote"
    HIDE = "hide"  # "not interested": a weak dislike that also takes the paper off the page
    CLEAR = "clear"  # undo of the three above
    SAVE = "save"
    UNSAVE = "unsave"
    CLICK = "click"

    @property
    def is_vote(self) -> bool:
        """Whether this kind speaks in the vote slot of a paper (up, down, hide or clear)."""
        return self in _VOTES

    @property
    def is_shelf(self) -> bool:
        """Whether this kind speaks in the shelf slot of a paper (save or unsave)."""
        return self in _SHELF


_VOTES = (EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR)
_SHELF = (EventKind.SAVE, EventKind.UNSAVE)


class Channel(StrEnum):
    """Where a page was shown, or where a gesture was made."""

    WEB = "web"
    EMAIL = "email"  # a digest; a click in it was a link that anything may have opened, a scanner of mail as well, and teaches nothing
    PRESSED = "mail-page"  # a button of the page behind a digest's link, which takes a person: it teaches as one of the web does
    SIMULATED = "simulated"
    START = "start"  # asked of a reader to get to know them
    LIBRARY = "library"  # brought along from a list or a library elsewhere


@dataclass(frozen=True, slots=True)
class Signals:
    """What a source says of a paper that changes with time; None where it does not say."""

    upvotes: int | None = None
    comments: int | None = None
    stars: int | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """One research paper, as a source announced it.

    Attributes
    ----------
    id : str
        Namespaced, without version: `arxiv:2601.01234`, `arxiv:quant-ph/0201082`, `sample:0042`.
    title, abstract : str
        Plain text on one line each; `$...$` is mathematics and is left as it came.
    authors : tuple of str
        Display names in order.
    categories : tuple of str
        Primary first.
    published : datetime
        First version, UTC.
    edition : date
        The day it was announced (or first seen), the page it belongs to.
    source : str
        Name of the source that said so.
    announce : {"new", "cross", "replace", "replace-cross"}
    version : int
        1 when unknown.
    signals : Signals
    """

    id: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: datetime
    edition: date
    source: str
    announce: str = "new"
    version: int = 1
    url: str | None = None
    pdf_url: str | None = None
    code_url: str | None = None
    project_url: str | None = None
    comment: str | None = None
    organization: str | None = None
    submitter: str | None = None
    signals: Signals = field(default_factory=Signals)
    invented: bool = False

    def __post_init__(self) -> None:
        if ":" not in self.id:
            raise ShapeError(f"paper id {self.id!r} has no namespace: write it like 'arxiv:2601.01234'")
        if self.published.tzinfo is None:
            raise ShapeError(f"paper {self.id}: `published` must carry its time zone (UTC)")


@dataclass(frozen=True, slots=True)
class Event:
    """One gesture of one reader on one paper; never changed once written.

    Attributes
    ----------
    id : int
        Grows with the log; 0 before it is written.
    reader_id : int
    paper_id : str
    kind : EventKind
    at : datetime
        UTC.
    item_id : int or None
        The ranked item it answered; None when it came from elsewhere (a paper's own page, a pasted list).
    channel : Channel
    interest : int
        The interest it speaks for; 0 for the reader's general taste.
    """

    id: int
    reader_id: int
    paper_id: str
    kind: EventKind
    at: datetime
    item_id: int | None = None
    channel: Channel = Channel.WEB
    interest: int = 0


@dataclass(frozen=True, eq=False)
class PaperVectors:
    """Two descriptions of the same n papers, row by row.

    Attributes
    ----------
    ids : tuple of str, length n
    dense : ndarray of shape (n, d), dtype=float32
        Unit rows from the text encoder.
    counted : csr_array of shape (n, t), dtype=float32, or callable
        Hashed term counts, damped (1 + log count), not yet weighted by idf and not normalised; or what makes them when they are first
        asked for: what is known of a text already is not asked for again.
    """

    ids: tuple[str, ...]
    dense: FloatArray
    counted: csr_array | Callable[[], csr_array] = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.ids)
        known = None if callable(self.counted) else self.counted.shape
        if self.dense.ndim != 2 or self.dense.shape[0] != n or (known is not None and known[0] != n):
            raise ShapeError(f"{n} ids, dense {self.dense.shape} and terms {known}: each paper needs one row in both")
        self.dense.setflags(write=False)

    @cached_property
    def terms(self) -> csr_array:
        """The counts, shape (n, t)."""
        return self.counted() if callable(self.counted) else self.counted

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | npt.NDArray[np.intp]) -> PaperVectors:
        """Return the given rows, in the given order."""
        index = np.asarray(rows, dtype=np.intp)
        return PaperVectors(tuple(self.ids[i] for i in index.tolist()), self.dense[index], partial(self._some, index))

    def _some(self, index: npt.NDArray[np.intp]) -> csr_array:
        return self.terms[index]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one reader's taste at one moment: a fold over their events.

    Attributes
    ----------
    as_of : datetime
        Events after this moment are not in it.
    day : date
        The edition it is for; ages are measured from the end of this day, so a page of one day does not drift by the hour.
    liked, disliked : PaperVectors
        Newest first. A click is a weak like, "not interested" a weak dislike.
    liked_weight, disliked_weight : ndarray of shape (l,) and (k,), dtype=float32
        In (0, 1]: the strength of the gesture times its decay (half-life in days, see settings).
    authors, categories : mapping of str to float
        Affinity in [-1, 1], signed, saturating with evidence.
    organizations : mapping of str to float
        The same for organisations.
    team : float
        Weighted mean of the log of the likes' number of authors; NaN without likes.
    likes, dislikes : int
        Papers with a live up-vote or save, and with a live down-vote or "not interested" (clicks not counted).
    latest_like : str or None
        The paper of the newest live up-vote, when there is one.
    """

    as_of: datetime
    day: date
    liked: PaperVectors
    liked_weight: FloatArray
    disliked: PaperVectors
    disliked_weight: FloatArray
    authors: Mapping[str, float]
    categories: Mapping[str, float]
    likes: int
    dislikes: int
    latest_like: str | None = None
    organizations: Mapping[str, float] = field(default_factory=dict)
    team: float = float("nan")

    def __post_init__(self) -> None:
        if len(self.liked) != len(self.liked_weight) or len(self.disliked) != len(self.disliked_weight):
            raise ShapeError("a profile needs one weight per liked and per disliked paper")
        self.liked_weight.setflags(write=False)
        self.disliked_weight.setflags(write=False)


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """What the ranker sees of each candidate.

    Attributes
    ----------
    paper_ids : tuple of str, length n
    names : tuple of str, length f
    values : ndarray of shape (n, f), dtype=float32
        NaN where a feature is not defined (a reader without likes has no centroid); never infinite.
    schema : str
        Digest of the names and their versions; a model of another schema must not score it.
    """

    paper_ids: tuple[str, ...]
    names: tuple[str, ...]
    values: FloatArray
    schema: str

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.paper_ids), len(self.names)):
            raise ShapeError(f"values {self.values.shape} for {len(self.paper_ids)} papers and {len(self.names)} features")
        if np.isinf(self.values).any():
            raise ShapeError("a feature is infinite: divide with a guard, and use NaN for what is not defined")
        self.values.setflags(write=False)

    def column(self, name: str) -> FloatArray:
        """Return one feature, shape (n,)."""
        column: FloatArray = self.values[:, self.names.index(name)]
        return column


class RankedItem(NamedTuple):
    """One paper at one position of one page, with all that is needed to learn from it later.

    Attributes
    ----------
    position : int
        From 1.
    paper_id : str
    score : float
        The ranker's score before reranking.
    features : ndarray of shape (f,), dtype=float32
    reasons : tuple of Reason
        At most two.
    explored : bool
        Whether it stands in an exploration slot.
    propensity : float
        Probability, under the policy that made the page, that this paper got an exploration slot if `explored`, else 1.
    voted : bool
        Whether the reader had voted on it when the page was built (it then stands in the page's tail, or keeps its place).
    team : str
        On a page that two models share, the one that chose this paper for this place; empty where both would, or neither chose.
    interest : int
        The interest it was ranked for; 0 for the reader's general taste.
    id : int
        0 before it is stored.
    """

    position: int
    paper_id: str
    score: float
    features: FloatArray
    reasons: tuple[Reason, ...] = ()
    explored: bool = False
    propensity: float = 1.0
    voted: bool = False
    team: str = ""
    interest: int = 0
    id: int = 0

    def with_id(self, number: int) -> RankedItem:
        """Return the item as it is stored."""
        return RankedItem(*self[:-1], number)


@dataclass(frozen=True, slots=True)
class RankedPage:
    """One reader's ranked list for one edition.

    Attributes
    ----------
    reader_id : int
    day : date
    items : tuple of RankedItem
    candidates : int
        How many papers were considered.
    model : str
        Version of the ranker; of two that share the page, the live one, a plus sign and the other.
    schema : str
        Schema of the logged features.
    cursor : int
        Last event id used that moves the profile.
    paper_cursor : int
        Last vector number used: papers that came in later are not on it.
    recipe : str
        Digest of the ranking settings it was made with.
    built_at : datetime
    revision : int
        From 1, per reader and day.
    interest : int
        The interest it is for; 0 for all of the reader's taste.
    id : int
        0 before it is stored.
    """

    reader_id: int
    day: date
    items: tuple[RankedItem, ...]
    candidates: int
    model: str
    schema: str
    cursor: int
    paper_cursor: int
    recipe: str
    built_at: datetime
    revision: int = 1
    interest: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Impression:
    """One item that was really shown: rendered into a page or a digest that was handed over."""

    item_id: int
    channel: Channel
    shown_at: datetime

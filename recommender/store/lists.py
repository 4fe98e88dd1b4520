"""A session and a stretch of days in, the papers everyone sees of them out: newest, trending, picked by curators; read on in slices.

A list is read as of one moment, which its `Place` carries along: what comes in or is voted meanwhile shows when the list is begun
anew, and no paper comes twice or is skipped in between. Papers that readers brought along from their own libraries never appear.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, or_, select

from recommender.store.db import Session
from recommender.store.papers import BATCH, Edition
from recommender.store.tables import EventRow, PaperRow, PaperSourceRow, ReaderRow, SignalRow
from recommender.store.tables_shared import PickRow, SubmissionRow
from recommender.types import LIBRARY, EventKind

__all__ = [
    "KINDS",
    "ORDERS",
    "OWN",
    "Facets",
    "Filters",
    "Place",
    "Slice",
    "changed_at",
    "days",
    "extent",
    "facets",
    "listed",
    "neighbours",
]

ORDERS = ("trending", "newest", "picks")
KINDS = {"new": ("new",), "cross": ("cross",), "replace": ("replace", "replace-cross")}
OWN = LIBRARY  # the source of papers from readers' own libraries
LEAST_HALF_LIFE = 3.0  # days
_EVER = datetime.min.replace(tzinfo=UTC)  # stands where `published` does not count
_VOTES = [kind.value for kind in EventKind if kind.is_vote]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty means everything.

    Attributes
    ----------
    category : str
    source : str
        A source that announced the paper.
    announce : {"", "new", "cross", "replace"}
    submitter : str
        Who brought it in: a reader here, or the name its source gives.
    """

    category: str = ""
    source: str = ""
    announce: str = ""
    submitter: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The last paper of a slice, to go on after it.

    Attributes
    ----------
    as_of : datetime
        When the list was begun.
    key : tuple
        (score, edition, published, id); the score is 0 where the order knows none, and `published` only counts there.
    """

    as_of: datetime
    key: tuple[float, date, datetime, str]


@dataclass(frozen=True, slots=True)
class Slice:
    """Some papers of a list.

    Attributes
    ----------
    ids : tuple of str
    total : int
        Papers of the whole list.
    after : Place or None
        Where the next slice begins; None at the end.
    """

    ids: tuple[str, ...]
    total: int
    after: Place | None


@dataclass(frozen=True, slots=True)
class Facets:
    """What a list could be narrowed to: categories with their number of papers, the fullest first, and sources by name."""

    categories: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]


def listed(
    session: Session,
    first: date,
    last: date,
    *,
    order: str,
    now: datetime,
    k: int,
    filters: Filters | None = None,
    after: Place | None = None,
    half_life_days: float | None = None,
) -> Slice:
    """Return the next k papers of the editions `first` … `last` (both included) in one of `ORDERS`.

    `trending` adds up what was voted, older votes counting less: each live up-vote of a reader here is worth
    ``2 ** (-age / half_life)``, and so is each up-vote its source counted, of which the sum s enters as ``log2(1 + s)``, since a
    shared page has many more voters than this one. A vote's age is taken at the end of the stretch, or now if that comes first;
    so a week's list stays what it was. Papers nobody voted for follow, newest first.

    Parameters
    ----------
    session : Session
    first, last : date
    order : {"trending", "newest", "picks"}
    now : datetime
        When a list that is begun is read; one that goes on is read as of when it was begun.
    k : int
    filters : Filters, default=None
    after : Place, default=None
    half_life_days : float, default=None
        None: as many as the stretch has, three at least.

    References
    ----------
    .. [1] G. Cormode, V. Shkapenyuk, D. Srivastava and B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming
       Systems", ICDE, 2009: under exponential decay the order changes only when something new is counted.
    """
    as_of = after.as_of if after is not None else now
    where = [*_where(first, last, filters or Filters()), PaperRow.first_seen_at <= as_of]
    key = after.key if after is not None else None
    half_life = half_life_days or max(LEAST_HALF_LIFE, (last - first).days + 1.0)
    if order == "picks":
        keys = _picked(session, where, as_of)
        total = len(keys)
        found = _from(keys, key)[: k + 1]
    else:
        total = session.scalar(select(func.count()).select_from(PaperRow).where(*where)) or 0
        scored = _scored(session, where, last, as_of, half_life) if order == "trending" else []
        found = _from(scored, key)[: k + 1]
        if len(found) <= k and total > len(scored):
            unscored = key if key is not None and not key[0] else None
            found += _newest(session, where, k + 1 - len(found), unscored, {known[3] for known in scored})
    return Slice(tuple(known[3] for known in found[:k]), total, Place(as_of, found[k - 1]) if len(found) > k else None)


def days(session: Session, first: date, last: date) -> list[Edition]:
    """Return the editions from `first` to `last` (both included) with their number of papers, in order."""
    where = (PaperRow.edition >= first, PaperRow.edition <= last, PaperRow.source != OWN)
    query = select(PaperRow.edition, func.count()).where(*where).group_by(PaperRow.edition).order_by(PaperRow.edition)
    return [Edition(day, papers) for day, papers in session.execute(query)]


def neighbours(session: Session, first: date, last: date, *, until: date) -> tuple[date | None, date | None]:
    """Return the newest edition before `first` and the oldest after `last`, not later than `until`."""
    shared = PaperRow.source != OWN
    before = session.scalar(select(func.max(PaperRow.edition)).where(PaperRow.edition < first, shared))
    after = session.scalar(select(func.min(PaperRow.edition)).where(PaperRow.edition > last, PaperRow.edition <= until, shared))
    return before, after


def extent(session: Session, *, until: date) -> tuple[date, date] | None:
    """Return the oldest and the newest edition not later than `until`, or None when there is none."""
    where = (PaperRow.source != OWN, PaperRow.edition <= until)
    # One at a time: an index has either at its end, and a query for both reads all of it.
    oldest, newest = (session.scalar(select(end(PaperRow.edition)).where(*where)) for end in (func.min, func.max))
    return (oldest, newest) if oldest is not None and newest is not None else None


def facets(session: Session, first: date, last: date) -> Facets:
    """Return the categories and sources of the editions `first` … `last`."""
    where = _where(first, last, Filters())
    written = cast(PaperRow.categories, Text)  # as stored: few lists are different, and only those are read
    counts: Counter[str] = Counter()
    for text, papers in session.execute(select(written, func.count()).where(*where).group_by(written)):
        counts.update(dict.fromkeys(json.loads(text), papers))
    query = select(PaperSourceRow.source).join(PaperRow, PaperRow.id == PaperSourceRow.paper_id).where(*where).distinct()
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return Facets(tuple(ordered), tuple(sorted(session.scalars(query))))


def changed_at(session: Session, ids: Sequence[str]) -> dict[str, datetime]:
    """Return when what is stored of each paper last changed."""
    found: dict[str, datetime] = {}
    for start in range(0, len(ids), BATCH):
        query = select(PaperRow.id, PaperRow.updated_at).where(PaperRow.id.in_(ids[start : start + BATCH]))
        found.update((paper_id, at) for paper_id, at in session.execute(query))
    return found


def _where(first: date, last: date, filters: Filters) -> list[ColumnElement[bool]]:
    """The papers of some editions, narrowed."""
    where: list[ColumnElement[bool]] = [PaperRow.edition >= first, PaperRow.edition <= last, PaperRow.source != OWN]
    if filters.category:
        where.append(cast(PaperRow.categories, Text).icontains(json.dumps(filters.category), autoescape=True))
    if filters.source:
        announced = (PaperSourceRow.paper_id == PaperRow.id, PaperSourceRow.source == filters.source)
        where.append(exists().where(*announced))
    if filters.announce:
        where.append(PaperRow.announce.in_(KINDS[filters.announce]))
    if filters.submitter:
        named = filters.submitter.strip().lower()
        here = select(SubmissionRow.paper_id).join(ReaderRow, ReaderRow.id == SubmissionRow.reader_id)
        here = here.where(or_(ReaderRow.name == filters.submitter, func.lower(ReaderRow.name) == named))
        source_says = or_(PaperRow.submitter == filters.submitter, func.lower(PaperRow.submitter) == named)
        where.append(or_(source_says, PaperRow.id.in_(here)))
    return where


def _from(keys: list[Any], key: Any) -> list[Any]:
    """The part of an ordered list that comes after a place in it."""
    return keys if key is None else [known for known in keys if known < key] if key[0] else []


def _newest(session: Session, where: list[ColumnElement[bool]], k: int, key: Any, known: set[str]) -> list[Any]:
    """The next k papers after a place, newest first, leaving out those that had their place before."""
    found: list[Any] = []
    order = (PaperRow.edition.desc(), PaperRow.published.desc(), PaperRow.id.desc())
    several = k if not known else max(k, 2000)
    while len(found) < k:
        query = select(PaperRow.edition, PaperRow.published, PaperRow.id).where(*where).order_by(*order).limit(several)
        if key is not None:
            _, edition, published, paper_id = key
            same_day = and_(PaperRow.published == published, PaperRow.id < paper_id)
            later = and_(PaperRow.edition == edition, or_(PaperRow.published < published, same_day))
            query = query.where(PaperRow.edition <= edition, or_(PaperRow.edition < edition, later))
        rows = [(0.0, *row) for row in session.execute(query)]
        found += [row for row in rows if row[3] not in known]
        if len(rows) < several:
            break
        key = rows[-1]
    return found[:k]


def _picked(session: Session, where: list[ColumnElement[bool]], as_of: datetime) -> list[Any]:
    """Papers that a curator picked, the one first picked last in front; its moment is its score."""
    query = select(func.min(PickRow.at), PaperRow.edition, PaperRow.id).join(PickRow, PickRow.paper_id == PaperRow.id)
    query = query.join(ReaderRow, ReaderRow.id == PickRow.reader_id).where(ReaderRow.is_curator, ReaderRow.disabled_at.is_(None))
    query = query.where(*where, PickRow.at <= as_of).group_by(PaperRow.edition, PaperRow.id)
    return sorted(((at.timestamp(), day, _EVER, paper_id) for at, day, paper_id in session.execute(query)), reverse=True)


def _scored(session: Session, where: list[ColumnElement[bool]], last: date, as_of: datetime, half_life_days: float) -> list[Any]:
    """Papers with votes, by what these are worth, see `listed`."""
    end = min(as_of, _end(last))

    @cache  # many votes were counted at the same moment
    def worth(at: datetime) -> float:
        return float(2.0 ** (min((at - end).total_seconds(), 0.0) / (half_life_days * 86400.0)))

    scores, editions = _crowds(session, where, as_of, worth)
    for paper_id, edition, at in _own_votes(session, where, as_of):
        editions[paper_id] = edition
        scores[paper_id] = scores.get(paper_id, 0.0) + worth(at)
    found = [(score, editions[paper_id], _EVER, paper_id) for paper_id, score in scores.items() if score > 0]
    return sorted(found, reverse=True)


def _own_votes(session: Session, where: list[ColumnElement[bool]], as_of: datetime) -> Any:
    """Return (paper, edition, moment) of every live up-vote of a reader here."""
    spoken = (EventRow.kind.in_(_VOTES), EventRow.at <= as_of)
    newest = select(func.max(EventRow.id)).join(PaperRow, PaperRow.id == EventRow.paper_id).where(*where, *spoken)
    newest = newest.group_by(EventRow.reader_id, EventRow.paper_id)
    query = select(PaperRow.id, PaperRow.edition, EventRow.at).join(EventRow, EventRow.paper_id == PaperRow.id)
    return session.execute(query.where(EventRow.id.in_(newest), EventRow.kind == EventKind.UPVOTE.value).order_by(EventRow.id))


def _crowds(
    session: Session, where: list[ColumnElement[bool]], as_of: datetime, worth: Callable[[datetime], float]
) -> tuple[dict[str, float], dict[str, date]]:
    """Score papers by what their sources counted, and return these papers' editions too.

    What a source had counted when it was first asked is dated to the paper's own edition, if that is earlier.
    """
    query = (
        select(PaperRow.id, PaperRow.edition, SignalRow.source, SignalRow.observed_at, SignalRow.upvotes)
        .join(SignalRow, SignalRow.paper_id == PaperRow.id)
        .where(*where, SignalRow.observed_at <= as_of, SignalRow.upvotes.is_not(None))
        .order_by(SignalRow.id)
    )
    ends: dict[date, datetime] = {}
    editions: dict[str, date] = {}
    counted: dict[tuple[str, str], int] = {}
    weighed: dict[tuple[str, str], float] = {}
    for paper_id, edition, source, at, upvotes in session.execute(query):
        before = counted.get((paper_id, source))
        editions[paper_id] = edition
        counted[paper_id, source] = upvotes or 0
        if new := max((upvotes or 0) - (before or 0), 0):
            voted = at if before is not None else min(at, ends.setdefault(edition, _end(edition)))
            weighed[paper_id, source] = weighed.get((paper_id, source), 0.0) + new * worth(voted)
    most: dict[str, float] = {}
    for (paper_id, _), crowd in weighed.items():
        most[paper_id] = max(most.get(paper_id, 0.0), crowd)
    return {paper_id: math.log2(1.0 + crowd) for paper_id, crowd in most.items()}, editions


def _end(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)

"""A session and a reader in, their named interests out: made, renamed, taught anew, closed; the log names them by number.

Interest 0 is the reader's general taste: it is always there and has no row, its picks are the reader's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from recommender.errors import StoreError
from recommender.store import lasting
from recommender.store.db import Session
from recommender.store.tables import EventRow, ReaderRow
from recommender.store.tables_reader import ConnectionRow, InterestRow, WantedRow

__all__ = [
    "GENERAL",
    "MOST",
    "Interest",
    "Picks",
    "by_slug",
    "close",
    "closed",
    "create",
    "forget",
    "forgotten",
    "get",
    "listing",
    "listings",
    "move",
    "picks",
    "picks_of",
    "rename",
    "reopen",
    "set_picks",
    "slug_of",
]

MOST = 12  # interests of one reader: each is ranked by itself, and a page shares its places among them
LONGEST_NAME = 60
GENERAL = "general"  # what the general taste is called in an address: no interest may be


_T = InterestRow.__table__.c
_OF_READERS = _T.reader_id.in_(bindparam("readers", expanding=True))
_ALL = select(*_T).where(_OF_READERS).order_by(_T.place, _T.id)  # made once: every page asks


@dataclass(frozen=True, slots=True)
class Picks:
    """What a taste begins with, and from where in the log on it learns.

    Attributes
    ----------
    categories : tuple of str
    topics : tuple of str
        Words the reader chose.
    papers : tuple of str
        Stored papers that stand for topics or a search.
    forgotten : int
        Events up to this id teach nothing any more.
    """

    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Interest:
    """A named part of a reader's taste; `query` is the search it was made of, or empty."""

    id: int
    reader_id: int
    name: str
    slug: str
    query: str
    picks: Picks
    created_at: datetime


def listing(session: Session, reader_id: int, *, as_of: datetime | None = None) -> list[Interest]:
    """Return the open interests in the reader's order (those open at a moment, when one is named)."""
    return listings(session, [reader_id], as_of=as_of)[reader_id]


def listings(session: Session, reader_ids: Sequence[int], *, as_of: datetime | None = None) -> dict[int, list[Interest]]:
    """Return the same for several readers, at most `BATCH` of them."""
    rows = session.execute(_ALL, {"readers": reader_ids})
    found = lasting.by_reader(rows, reader_ids, ended="closed_at", as_of=as_of)
    return {reader_id: [_value(row) for row in own] for reader_id, own in found.items()}


def get(session: Session, reader_id: int, interest_id: int) -> Interest | None:
    """Return one open interest of a reader, or None."""
    row = session.get(InterestRow, interest_id)
    return _value(row) if row is not None and row.reader_id == reader_id and row.closed_at is None else None


def by_slug(session: Session, reader_id: int, slug: str) -> Interest | None:
    """Return the open interest a reader's address names, or None."""
    return next((interest for interest in listing(session, reader_id) if interest.slug == slug), None)


def create(
    session: Session, reader_id: int, name: str, *, now: datetime, query: str = "", chosen: Picks | None = None
) -> Interest:
    """Add an interest after the others.

    Raises
    ------
    StoreError
        If the name is empty or taken, or there are too many.
    """
    known = listing(session, reader_id)
    if len(known) >= MOST:
        raise StoreError(f"there can be {MOST} interests: close one first")
    row = InterestRow(
        reader_id=reader_id,
        name=(plain := _checked(name, known)),
        slug=_free(slug_of(plain), known),
        query=query,
        picks=_stored(chosen or Picks()),
        forgotten=0,
        place=(session.scalar(select(func.max(InterestRow.place)).where(InterestRow.reader_id == reader_id)) or 0) + 1,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _value(row)


def rename(session: Session, reader_id: int, interest_id: int, name: str) -> Interest:
    """Give an interest another name, and with it another address.

    Raises
    ------
    StoreError
        If there is no such interest, or the name is empty or taken.
    """
    others = [other for other in listing(session, reader_id) if other.id != interest_id]
    row = _own(session, reader_id, interest_id)
    row.name = _checked(name, others)
    row.slug = _free(slug_of(row.name), others)
    session.flush()
    return _value(row)


def close(session: Session, reader_id: int, interest_id: int, *, now: datetime) -> None:
    """End an interest: its page goes, what was voted in it stays in the log; what still comes in for it goes to the general taste.

    Raises
    ------
    StoreError
        If there is no such interest.
    """
    _own(session, reader_id, interest_id).closed_at = now
    read = (ConnectionRow.reader_id == reader_id, ConnectionRow.interest_id == interest_id)
    session.execute(update(ConnectionRow).where(*read).values(interest_id=0))
    wishes = (WantedRow.reader_id == reader_id, WantedRow.interest_id == interest_id)
    twice = select(WantedRow.paper_id).where(WantedRow.reader_id == reader_id, WantedRow.interest_id == 0)
    session.execute(delete(WantedRow).where(*wishes, WantedRow.paper_id.in_(twice)))
    session.execute(update(WantedRow).where(*wishes).values(interest_id=0))
    session.flush()


def closed(session: Session, reader_id: int, *, limit: int = MOST) -> list[Interest]:
    """Return the interests that were closed, the last one first."""
    query = select(InterestRow).where(InterestRow.reader_id == reader_id, InterestRow.closed_at.is_not(None))
    return [_value(row) for row in session.scalars(query.order_by(InterestRow.closed_at.desc(), InterestRow.id).limit(limit))]


def reopen(session: Session, reader_id: int, interest_id: int) -> Interest:
    """Open a closed interest again, as it was; one that is open stays so.

    Raises
    ------
    StoreError
        If there is no such interest, its name is taken by now, or there are too many.
    """
    row = session.get(InterestRow, interest_id)
    if row is None or row.reader_id != reader_id:
        raise StoreError("there is no such interest of yours")
    if row.closed_at is not None:
        known = listing(session, reader_id)
        if len(known) >= MOST:
            raise StoreError(f"there can be {MOST} interests: close one first")
        row.name = _checked(row.name, known)
        row.slug = _free(slug_of(row.name), known)
        row.closed_at = None
        session.flush()
    return _value(row)


def move(session: Session, reader_id: int, interest_id: int, *, up: bool) -> None:
    """Let an interest change places with the one above or below it; at the end of the list nothing happens.

    Raises
    ------
    StoreError
        If there is no such interest.
    """
    _own(session, reader_id, interest_id)
    order = [interest.id for interest in listing(session, reader_id)]
    at = order.index(interest_id)
    to = at - 1 if up else at + 1
    if 0 <= to < len(order):
        order[at], order[to] = order[to], order[at]
    for place, number in enumerate(order, start=1):
        _own(session, reader_id, number).place = place
    session.flush()


def forgotten(session: Session, reader_id: int) -> dict[int, int]:
    """Return, for the general taste and each open interest, up to which event it has forgotten what was said."""
    return {0: picks(session, reader_id).forgotten} | {i.id: i.picks.forgotten for i in listing(session, reader_id)}


def picks(session: Session, reader_id: int, interest_id: int = 0) -> Picks:
    """Return what a taste begins with; nothing for an interest that is not there."""
    if interest_id:
        row = session.get(InterestRow, interest_id)
        return picks_of(row.picks, row.forgotten) if row is not None and row.reader_id == reader_id else Picks()
    reader = session.get(ReaderRow, reader_id)
    return picks_of(reader.picks, reader.forgotten) if reader is not None else Picks()


def set_picks(
    session: Session,
    reader_id: int,
    interest_id: int = 0,
    *,
    categories: Sequence[str] = (),
    topics: Sequence[str] = (),
    papers: Sequence[str] = (),
) -> None:
    """Set what a taste begins with.

    Raises
    ------
    StoreError
        If there is no such interest.
    """
    stored = _stored(Picks(tuple(categories), tuple(topics), tuple(papers)))
    if interest_id:
        _own(session, reader_id, interest_id).picks = stored
    else:
        session.execute(update(ReaderRow).where(ReaderRow.id == reader_id).values(picks=stored))
    session.flush()


def forget(session: Session, reader_id: int, interest_id: int = 0) -> None:
    """Let a taste begin anew: nothing said so far teaches it any more, and its picks go; the log keeps every event.

    Raises
    ------
    StoreError
        If there is no such interest.
    """
    newest = session.scalar(select(func.max(EventRow.id)).where(EventRow.reader_id == reader_id)) or 0
    set_picks(session, reader_id, interest_id)
    if interest_id:
        _own(session, reader_id, interest_id).forgotten = newest
    else:
        session.execute(update(ReaderRow).where(ReaderRow.id == reader_id).values(forgotten=newest))
    session.flush()


def slug_of(name: str) -> str:
    """Return what a name is called in an address: letters of any script, digits and dashes.

    Examples
    --------
    >>> slug_of("Graph networks & molecules!")
    'graph-networks-molecules'
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", plain).strip("-")[:60] or "interest"


def _checked(name: str, others: Sequence[Interest]) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME:
        raise StoreError(f"an interest needs a name of at most {LONGEST_NAME} characters")
    if plain.casefold() in {other.name.casefold() for other in others}:
        raise StoreError(f"there is an interest called {plain!r} already: choose another name")
    return plain


def _free(slug: str, others: Sequence[Interest]) -> str:
    taken, number, free = {GENERAL, *(other.slug for other in others)}, 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _own(session: Session, reader_id: int, interest_id: int) -> InterestRow:
    row = session.get(InterestRow, interest_id)
    if row is None or row.reader_id != reader_id or row.closed_at is not None:
        raise StoreError("there is no such interest of yours")
    return row


def _stored(chosen: Picks) -> dict[str, Any]:
    return {"categories": list(chosen.categories), "topics": list(chosen.topics), "papers": list(chosen.papers)}


def picks_of(stored: Mapping[str, Any], forgotten: int) -> Picks:
    """Return what a column of picks says."""
    categories, topics, papers = (tuple(stored.get(name, ())) for name in ("categories", "topics", "papers"))
    return Picks(categories, topics, papers, forgotten)


def _value(row: InterestRow | Row[Any]) -> Interest:
    return Interest(row.id, row.reader_id, row.name, row.slug, row.query, picks_of(row.picks, row.forgotten), row.created_at)

"""A session and a message id in, the digest that came back out: whose it was, what to note on its line, how many came back in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, or_, select, update

from recommender.store.db import Session
from recommender.store.digests import LONGEST_ERROR
from recommender.store.tables import ReaderRow
from recommender.store.tables_mail import DigestRow, SubscriberRow

__all__ = ["Line", "complain", "fail", "find", "forgive", "in_a_row", "remark"]

_COMPLAINT = "complaint"  # what the note on a line begins with once somebody complained of it
_LEFT = ("sent", "unknown", "handed")  # a digest of which the ledger does not say yet that it did not arrive


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger whose message is known; exactly one of `reader_id` and `subscriber_id` is set.

    Attributes
    ----------
    address : str or None
        Where this person gets mail now.
    since : datetime or None
        Since when, as far as is known.
    claimed_at : datetime
        When this digest was claimed.
    """

    id: int
    reader_id: int | None
    subscriber_id: int | None
    day: date
    status: str
    error: str
    address: str | None
    since: datetime | None
    claimed_at: datetime

    @property
    def is_same(self) -> bool:
        """Whether they got mail there when this digest was claimed, as far as is known."""
        return self.since is None or self.since <= self.claimed_at

    @property
    def has_left(self) -> bool:
        """Whether the ledger says, so far, that this digest arrived or may have."""
        return self.status in _LEFT

    @property
    def has_complaint(self) -> bool:
        """Whether somebody complained of this digest before."""
        return self.error.startswith(_COMPLAINT)


def find(session: Session, message_id: str) -> Line | None:
    """Return the line of the digest with this id (in its angle brackets); None when it is none of ours, or its person is gone."""
    query = (
        select(DigestRow, ReaderRow.email, ReaderRow.email_confirmed_at, SubscriberRow.email, SubscriberRow.confirmed_at)
        .outerjoin(ReaderRow, ReaderRow.id == DigestRow.reader_id)
        .outerjoin(SubscriberRow, SubscriberRow.id == DigestRow.subscriber_id)
        .where(DigestRow.message_id == message_id)
        .order_by(DigestRow.id.desc())
    )
    found = session.execute(query.limit(1)).first()
    if found is None:
        return None
    row, email, confirmed_at, subscribed, subscribed_at = found
    address, since = (email, confirmed_at) if row.reader_id is not None else (subscribed, subscribed_at)
    whose = (row.id, row.reader_id, row.subscriber_id)
    return Line(*whose, row.day, row.status, row.error or "", address, since, row.claimed_at)


def fail(session: Session, line: Line, *, code: int, error: str, now: datetime) -> None:
    """Note that a digest of which the ledger says that it left came back."""
    _set(session, line, status="failed", code=code, error=error[:LONGEST_ERROR], ended_at=now)


def remark(session: Session, line: Line, error: str) -> None:
    """Note what a mail server said of a digest without ending it."""
    _set(session, line, error=error[:LONGEST_ERROR])


def complain(session: Session, line: Line, kind: str) -> None:
    """Note that somebody complained of a digest, so that the same complaint counts once."""
    _set(session, line, error=f"{_COMPLAINT}: {kind}")


def in_a_row(session: Session, line: Line) -> int:
    """Return how many digests to this person, where they get mail now, failed one after the other, this one among them; 0 if none.

    Reports come in any order and days late, so that days after this one count as well. What never left the house says nothing of
    the address, and is passed over.
    """
    whose = DigestRow.reader_id == line.reader_id if line.reader_id is not None else DigestRow.subscriber_id == line.subscriber_id
    returned = and_(DigestRow.status == "failed", DigestRow.code.is_not(None), DigestRow.message_id.is_not(None))
    known = select(DigestRow.id, DigestRow.status).where(whose, or_(DigestRow.status.in_(_LEFT), returned))
    if line.since is not None:
        known = known.where(DigestRow.claimed_at >= line.since)
    rows: Sequence[Any] = session.execute(known.order_by(DigestRow.day)).all()
    for status, run in groupby(rows, key=lambda row: "failed" if row.status == "failed" else "left"):
        numbers = [row.id for row in run]
        if status == "failed" and line.id in numbers:
            return len(numbers)
    return 0


def forgive(session: Session, address: str) -> None:
    """Hold no failure until now against an address; what was said of each stays on its line."""
    where = address.strip().lower()
    reader = select(ReaderRow.id).where(ReaderRow.email == where).scalar_subquery()
    subscriber = select(SubscriberRow.id).where(SubscriberRow.email == where).scalar_subquery()
    whose = or_(DigestRow.reader_id == reader, DigestRow.subscriber_id == subscriber)
    session.execute(update(DigestRow).where(whose, DigestRow.status == "failed").values(code=None))


def _set(session: Session, line: Line, **facts: object) -> None:
    session.execute(update(DigestRow).where(DigestRow.id == line.id).values(**facts))

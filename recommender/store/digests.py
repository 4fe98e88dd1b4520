"""A session and a reader's local day in, the right to send out: the ledger of digests, at most one per reader and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import CursorResult, func, select, update

from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.tables import DigestRow, PageRow, ReaderRow

__all__ = ["Digest", "claim", "last_edition", "mark", "recent"]


@dataclass(frozen=True, slots=True)
class Digest:
    """One line of the ledger; `status` is claimed, sent, failed or skipped (nothing to send)."""

    id: int
    reader_id: int
    day: date
    status: str
    message_id: str | None
    claimed_at: datetime
    ended_at: datetime | None
    error: str | None


def claim(session: Session, reader: Reader, day: date, *, following: datetime, now: datetime) -> int | None:
    """Take the right to send this reader the digest of a local day, by moving `next_digest_at` to `following`.

    Returns
    -------
    int or None
        The digest's id; None when another process was faster or the day's digest was claimed before.
    """
    where = (ReaderRow.id == reader.id, ReaderRow.next_digest_at == reader.next_digest_at)
    result = session.execute(update(ReaderRow).where(*where).values(next_digest_at=following))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    if session.scalar(select(DigestRow.id).where(DigestRow.reader_id == reader.id, DigestRow.day == day)) is not None:
        return None
    row = DigestRow(reader_id=reader.id, day=day, status="claimed", claimed_at=now)
    session.add(row)
    session.flush()
    return row.id


def mark(
    session: Session,
    digest_id: int,
    status: str,
    *,
    now: datetime,
    page_id: int | None = None,
    message_id: str | None = None,
    error: str | None = None,
) -> None:
    """Write down what became of a claimed digest."""
    session.execute(
        update(DigestRow)
        .where(DigestRow.id == digest_id)
        .values(status=status, ended_at=now, page_id=page_id, message_id=message_id, error=error)
    )


def last_edition(session: Session, reader_id: int) -> date | None:
    """Return the newest edition that a reader was sent a digest of, or None before the first."""
    query = select(func.max(PageRow.day)).join(DigestRow, DigestRow.page_id == PageRow.id)
    return session.scalar(query.where(DigestRow.reader_id == reader_id, DigestRow.status == "sent"))


def recent(session: Session, *, limit: int = 20) -> list[Digest]:
    """Return the newest lines of the ledger, newest first."""
    rows = session.scalars(select(DigestRow).order_by(DigestRow.id.desc()).limit(limit))
    return [
        Digest(row.id, row.reader_id, row.day, row.status, row.message_id, row.claimed_at, row.ended_at, row.error)
        for row in rows
    ]

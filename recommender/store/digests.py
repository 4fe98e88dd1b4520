"""A session and somebody's local day in, the right to send them a digest out: the ledger, at most one line per person and day.

A line goes claimed -> handed -> sent. What is only claimed has certainly not left: it is taken up again when its process is gone.
What was handed over (all but its last byte, and then perhaps that) is never sent again, whatever became of the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Result, func, select, update

from recommender.store import readers, subscribers
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.subscribers import Subscriber
from recommender.store.tables import ReaderRow
from recommender.store.tables_mail import DigestRow, SubscriberRow

__all__ = [
    "STATUSES",
    "UNWANTED",
    "Claim",
    "Digest",
    "Open",
    "Recipient",
    "any_taken",
    "are_put_off",
    "claim",
    "claim_again",
    "failed_in_a_row",
    "give_up",
    "hand",
    "is_handed",
    "last_edition",
    "mark",
    "open_lines",
    "put_off",
    "recent",
    "told_quiet",
    "wanting",
]

STATUSES = ("claimed", "handed", "sent", "deferred", "failed", "suppressed", "skipped", "unknown")
LONGEST_ERROR = 1000  # characters
UNWANTED = "it was switched off or paused meanwhile"
_MAY_HAVE_ARRIVED = ("handed", "sent", "unknown")

Recipient = Reader | Subscriber


@dataclass(frozen=True, slots=True)
class Digest:
    """One line of the ledger; exactly one of `reader_id` and `subscriber_id` is set."""

    id: int
    reader_id: int | None
    day: date
    status: str
    message_id: str | None
    claimed_at: datetime
    ended_at: datetime | None
    error: str | None
    subscriber_id: int | None = None
    kind: str = "day"
    edition: date | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one digest.

    Attributes
    ----------
    id : int
        The line of the ledger.
    who : Reader or Subscriber
    day : date
        Their local day.
    due_at : datetime
        When it was due; a digest is not sent long after.
    attempt : int
        1 for the first.
    """

    id: int
    who: Recipient
    day: date
    due_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Open:
    """A line that some process holds."""

    id: int
    status: str
    worker: str
    claimed_at: datetime


def claim(
    session: Session, who: Recipient, day: date, *, due_at: datetime, following: datetime, now: datetime, worker: str = ""
) -> Claim | None:
    """Take the right to send somebody the digest of a local day, by moving their `next_digest_at` to `following`.

    Returns
    -------
    Claim or None
        None when another process was faster, or the day's digest was claimed before.
    """
    table = SubscriberRow if isinstance(who, Subscriber) else ReaderRow
    where = (table.id == who.id, table.next_digest_at == who.next_digest_at)
    if not _changed(session.execute(update(table).where(*where).values(next_digest_at=following))):
        return None
    if session.scalar(select(DigestRow.id).where(_of(who), DigestRow.day == day)) is not None:
        return None
    column = "subscriber_id" if isinstance(who, Subscriber) else "reader_id"
    facts = {column: who.id, "day": day, "due_at": due_at, "claimed_at": now, "worker": worker, "kind": who.digest_every}
    row = DigestRow(status="claimed", attempts=1, **facts)
    session.add(row)
    session.flush()
    return Claim(row.id, who, day, due_at, 1)


def are_put_off(session: Session, now: datetime) -> bool:
    """Whether there are digests to be tried again now."""
    where = (DigestRow.status == "deferred", DigestRow.retry_at <= now)
    return session.scalar(select(DigestRow.id).where(*where).limit(1)) is not None


def claim_again(session: Session, now: datetime, *, limit: int, worker: str = "") -> list[Claim]:
    """Take digests that were put off and whose time has come; of somebody who has stopped them meanwhile, close the line."""
    where = (DigestRow.status == "deferred", DigestRow.retry_at <= now)
    rows = session.scalars(select(DigestRow).where(*where).order_by(DigestRow.retry_at, DigestRow.id).limit(limit)).all()
    claims: list[Claim] = []
    for row in rows:
        who = _wanting(session, row)
        if who is None:
            row.status, row.retry_at, row.ended_at, row.error = "skipped", None, now, UNWANTED
            continue
        row.status, row.retry_at, row.claimed_at, row.worker, row.attempts = "claimed", None, now, worker, row.attempts + 1
        claims.append(Claim(row.id, who, row.day, row.due_at or row.claimed_at, row.attempts))
    session.flush()
    return claims


def wanting(session: Session, digest_id: int) -> Recipient | None:
    """Return whom the digest of a line is for, as they are now; None when they are gone, or want it no more."""
    row = session.get(DigestRow, digest_id)
    return _wanting(session, row) if row is not None else None


def hand(
    session: Session,
    digest_id: int,
    *,
    message_id: str,
    worker: str = "",
    kind: str | None = None,
    page_id: int | None = None,
    edition: date | None = None,
) -> bool:
    """Note that the last of a message is about to leave, and what is in it; False when the line is no longer this worker's to send."""
    mine = (DigestRow.id == digest_id, DigestRow.status == "claimed", DigestRow.worker == worker)
    facts = {"status": "handed", "message_id": message_id, "page_id": page_id, "edition": edition} | (
        {"kind": kind} if kind else {}
    )
    return _changed(session.execute(update(DigestRow).where(*mine).values(**facts)))


def mark(
    session: Session,
    digest_id: int,
    status: str,
    *,
    now: datetime,
    code: int | None = None,
    error: str | None = None,
) -> None:
    """Write down what became of a claimed digest."""
    facts = {"status": status, "ended_at": now, "retry_at": None, "code": code, "error": error[:LONGEST_ERROR] if error else None}
    session.execute(update(DigestRow).where(DigestRow.id == digest_id).values(**facts))


def put_off(
    session: Session,
    digest_id: int,
    *,
    held_by: str,
    retry_at: datetime,
    error: str | None = None,
    code: int | None = None,
    tried: bool = True,
    handed: bool = False,
) -> bool:
    """Let a claimed digest be tried again later; False when this worker does not hold it any more.

    Parameters
    ----------
    session : Session
    digest_id : int
    held_by : str
        The worker.
    retry_at : datetime
    error : str, default=None
    code : int, default=None
        What the mail server answered.
    tried : bool, default=True
        One that was not tried is no attempt.
    handed : bool, default=False
        Whether it may be handed over already: only who heard the mail server decline it knows that it did not arrive.
    """
    facts = {"status": "deferred", "retry_at": retry_at, "code": code, "error": error[:LONGEST_ERROR] if error else None}
    attempts = DigestRow.attempts if tried else DigestRow.attempts - 1
    statuses = ("claimed", "handed") if handed else ("claimed",)
    held = (DigestRow.id == digest_id, DigestRow.worker == held_by, DigestRow.status.in_(statuses))
    return _changed(session.execute(update(DigestRow).where(*held).values(attempts=attempts, **facts)))


def give_up(session: Session, digest_id: int, *, now: datetime) -> None:
    """Note that nobody will ever know whether a message arrived: its process ended before the answer came."""
    facts = {"status": "unknown", "ended_at": now, "error": "its process ended before the mail server's answer came"}
    session.execute(update(DigestRow).where(DigestRow.id == digest_id, DigestRow.status == "handed").values(**facts))


def is_handed(session: Session, digest_id: int) -> bool:
    """Whether a message has left, or nearly, and nothing more is known."""
    return session.scalar(select(DigestRow.status).where(DigestRow.id == digest_id)) == "handed"


def open_lines(session: Session) -> list[Open]:
    """Return the lines that a process holds, or held when it died."""
    query = select(DigestRow.id, DigestRow.status, DigestRow.worker, DigestRow.claimed_at)
    return [
        Open(*row) for row in session.execute(query.where(DigestRow.status.in_(("claimed", "handed"))).order_by(DigestRow.id))
    ]


def last_edition(session: Session, who: Recipient) -> date | None:
    """Return the newest edition of which somebody was sent a digest, as far as is known, or None before the first."""
    return session.scalar(select(func.max(DigestRow.edition)).where(_of(who), DigestRow.status.in_(_MAY_HAVE_ARRIVED)))


def told_quiet(session: Session, who: Recipient) -> bool:
    """Whether the last message somebody got said that there was nothing new."""
    query = select(DigestRow.kind).where(_of(who), DigestRow.status.in_(_MAY_HAVE_ARRIVED))
    return session.scalar(query.order_by(DigestRow.day.desc()).limit(1)) == "quiet"


def any_taken(session: Session, since: datetime) -> bool:
    """Whether the mail server took a digest of anybody since a moment."""
    where = (DigestRow.status == "sent", DigestRow.ended_at >= since)
    return session.scalar(select(DigestRow.id).where(*where).limit(1)) is not None


def failed_in_a_row(session: Session, who: Recipient) -> int:
    """Return how many of the newest digests to the address somebody has now were refused for good, one after the other."""
    since = who.confirmed_at if isinstance(who, Subscriber) else who.email_confirmed_at
    where = [_of(who), DigestRow.status.not_in(("skipped", "claimed"))] + ([DigestRow.claimed_at >= since] if since else [])
    query = select(DigestRow.status, DigestRow.code).where(*where)
    count = 0
    for status, code in session.execute(query.order_by(DigestRow.day.desc()).limit(20)):
        if status != "failed" or (code or 0) < 500:
            break
        count += 1
    return count


def recent(session: Session, *, limit: int = 20) -> list[Digest]:
    """Return the newest lines of the ledger, newest first."""
    rows: Sequence[DigestRow] = session.scalars(select(DigestRow).order_by(DigestRow.id.desc()).limit(limit)).all()
    return [
        Digest(
            id=row.id,
            reader_id=row.reader_id,
            day=row.day,
            status=row.status,
            message_id=row.message_id,
            claimed_at=row.claimed_at,
            ended_at=row.ended_at,
            error=row.error,
            subscriber_id=row.subscriber_id,
            kind=row.kind,
            edition=row.edition,
            attempts=row.attempts,
            retry_at=row.retry_at,
            code=row.code,
        )
        for row in rows
    ]


def _of(who: Recipient) -> ColumnElement[bool]:
    return DigestRow.subscriber_id == who.id if isinstance(who, Subscriber) else DigestRow.reader_id == who.id


def _wanting(session: Session, row: DigestRow) -> Recipient | None:
    """Return whose line this is, if they still want their digest of that day."""
    who: Recipient | None = None
    if row.subscriber_id is not None:
        who = subscribers.by_id(session, row.subscriber_id)
    elif row.reader_id is not None:
        reader = readers.by_id(session, row.reader_id)
        who = reader if reader is not None and reader.digest_on and reader.email and reader.disabled_at is None else None
    return who if who is None or (who.digest_paused_until or row.day) <= row.day else None


def _changed(result: Result[Any]) -> bool:
    """Whether an update found its one row as it was wanted."""
    return isinstance(result, CursorResult) and result.rowcount == 1

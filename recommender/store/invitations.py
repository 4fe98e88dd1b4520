"""A session in, invitations out: links that each let one person in, made by the owner, listed, withdrawn, accepted once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, select, update

from recommender.store.db import Session
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import InvitationRow

__all__ = ["LIVES", "Invitation", "accept", "is_open", "listing", "make", "withdraw"]

LIVES = timedelta(days=14)
NAME_LENGTH = 16
LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that lets one person in; the link itself is not kept, only what was noted of it.

    Attributes
    ----------
    name : str
        By which it can be withdrawn.
    note : str
        For whom it was made, in the owner's words.
    made_by, used_by : str or None
        Names of readers.
    state : str
        `open`, `used` or `over`.
    """

    name: str
    note: str
    made_by: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_by: str | None
    state: str


def make(session: Session, made_by: int | None, *, now: datetime, note: str = "", lives: timedelta = LIVES) -> str:
    """Make an invitation and return its secret, the end of the link `/join/<secret>`; only its digest is kept."""
    secret = secrets.token_urlsafe(24)
    plain = " ".join(note.split())[:LONGEST_NOTE]
    session.add(InvitationRow(digest=_digest(secret), made_by=made_by, note=plain, created_at=now, expires_at=now + lives))
    session.flush()
    return secret


def listing(session: Session, *, now: datetime) -> list[Invitation]:
    """Return every invitation that was made and not withdrawn, the newest first."""
    rows = session.scalars(select(InvitationRow).order_by(InvitationRow.created_at.desc(), InvitationRow.digest)).all()
    ids = {i for row in rows for i in (row.made_by, row.used_by) if i is not None}
    names = {row.id: row.name for row in session.scalars(select(ReaderRow).where(ReaderRow.id.in_(ids)))}
    return [_value(row, names, now) for row in rows]


def withdraw(session: Session, name: str) -> bool:
    """Take back an invitation that nobody has accepted; False when there is none of that name."""
    if len(name) != NAME_LENGTH or not name.isalnum():
        return False
    row = session.scalar(select(InvitationRow).where(InvitationRow.digest.startswith(name), InvitationRow.used_at.is_(None)))
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def is_open(session: Session, secret: str, *, now: datetime) -> bool:
    """Return whether an invitation can be accepted."""
    row = session.get(InvitationRow, _digest(secret))
    return row is not None and row.used_at is None and row.expires_at > now


def accept(session: Session, secret: str, reader_id: int, *, now: datetime) -> bool:
    """Use up an invitation for a new reader; False when it does not work (any more).

    The conditional update lets only one of two simultaneous requests win.
    """
    fresh = (InvitationRow.digest == _digest(secret), InvitationRow.used_at.is_(None), InvitationRow.expires_at > now)
    result = session.execute(update(InvitationRow).where(*fresh).values(used_at=now, used_by=reader_id))
    return isinstance(result, CursorResult) and result.rowcount == 1


def _value(row: InvitationRow, names: dict[int, str], now: datetime) -> Invitation:
    state = "used" if row.used_at is not None else "open" if row.expires_at > now else "over"
    made_by, used_by = (names.get(i) if i is not None else None for i in (row.made_by, row.used_by))
    return Invitation(row.digest[:NAME_LENGTH], row.note, made_by, row.created_at, row.expires_at, row.used_at, used_by, state)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""A session and who is asking in, readers and their sign-ins out: people, sessions, one-time tokens, due digests."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import CursorResult, delete, func, select, update

from recommender.errors import StoreError
from recommender.hours import Schedule
from recommender.store import numbers
from recommender.store.db import Session
from recommender.store.tables import ReaderRow, SessionRow, TokenRow

__all__ = [
    "Reader",
    "active_since",
    "by_email",
    "by_id",
    "by_name",
    "close_session",
    "count",
    "create",
    "digest_due",
    "issue_token",
    "open_session",
    "owner",
    "reader_of_session",
    "redeem_token",
    "touch",
]


@dataclass(frozen=True, slots=True)
class Reader:
    """A person with an account (or a simulated one, who never gets mail)."""

    id: int
    name: str
    email: str | None
    is_owner: bool
    simulated: bool
    time_zone: str
    digest_on: bool
    digest_hour: int
    next_digest_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None
    email_confirmed_at: datetime | None = None
    disabled_at: datetime | None = None
    is_curator: bool = False
    has_password: bool = False
    locale: str = ""
    votes_public: bool = False
    announce: tuple[str, ...] = ()
    notices: Mapping[str, bool] = field(default_factory=dict)
    digest_every: str = "day"
    digest_weekday: int = 0
    digest_paused_until: date | None = None

    @property
    def schedule(self) -> Schedule:
        """When the digest is due."""
        return Schedule(self.digest_hour, self.time_zone, self.digest_every, self.digest_weekday, self.digest_paused_until)


def create(
    session: Session, name: str, *, now: datetime, email: str | None = None, is_owner: bool = False, simulated: bool = False
) -> Reader:
    """Add a reader.

    Raises
    ------
    StoreError
        If the name or the address is taken, or the name is empty.
    """
    name = name.strip()
    if not name:
        raise StoreError("a reader needs a name")
    if by_name(session, name) is not None or (email and by_email(session, email) is not None):
        raise StoreError(f"there is a reader called {name!r} or with that address already: choose another")
    row = ReaderRow(
        id=numbers.following(session, ReaderRow),
        name=name,
        email=email.strip().lower() if email else None,
        is_owner=is_owner,
        simulated=simulated,
        time_zone="UTC",
        digest_on=False,
        digest_hour=7,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _value(row)


def by_id(session: Session, reader_id: int) -> Reader | None:
    """Return the reader with this number, or None."""
    row = session.get(ReaderRow, reader_id)
    return _value(row) if row else None


def by_name(session: Session, name: str) -> Reader | None:
    """Return the reader with this name, or None."""
    row = session.scalar(select(ReaderRow).where(ReaderRow.name == name.strip()))
    return _value(row) if row else None


def by_email(session: Session, email: str) -> Reader | None:
    """Return the reader with this address, or None."""
    row = session.scalar(select(ReaderRow).where(ReaderRow.email == email.strip().lower()))
    return _value(row) if row else None


def owner(session: Session) -> Reader | None:
    """Return the first owner, or None before the first run."""
    row = session.scalar(select(ReaderRow).where(ReaderRow.is_owner).order_by(ReaderRow.id).limit(1))
    return _value(row) if row else None


def count(session: Session, *, simulated: bool) -> int:
    """Return how many readers there are of this kind."""
    return session.scalar(select(func.count()).select_from(ReaderRow).where(ReaderRow.simulated == simulated)) or 0


def active_since(session: Session, moment: datetime) -> list[Reader]:
    """Return the readers seen since then (simulated ones are never seen), oldest account first."""
    rows = session.scalars(select(ReaderRow).where(ReaderRow.last_seen_at >= moment).order_by(ReaderRow.id))
    return [_value(row) for row in rows]


def touch(session: Session, reader_id: int, now: datetime) -> None:
    """Note that the reader was here."""
    session.execute(update(ReaderRow).where(ReaderRow.id == reader_id).values(last_seen_at=now))


def digest_due(session: Session, now: datetime, limit: int = 100) -> list[Reader]:
    """Return readers whose digest is due, longest due first."""
    due = (ReaderRow.digest_on, ReaderRow.email.is_not(None), ReaderRow.next_digest_at <= now, ReaderRow.simulated.is_(False))
    rows = session.scalars(
        select(ReaderRow).where(*due, ReaderRow.disabled_at.is_(None)).order_by(ReaderRow.next_digest_at).limit(limit)
    )
    return [_value(row) for row in rows]


def issue_token(session: Session, reader_id: int, purpose: str, *, now: datetime, lives: timedelta, payload: str = "") -> str:
    """Make a secret that works once and stands for `payload`; only its digest is kept."""
    secret = secrets.token_urlsafe(32)
    facts = {"reader_id": reader_id, "purpose": purpose, "payload": payload, "created_at": now, "expires_at": now + lives}
    session.add(TokenRow(digest=_digest(secret), **facts))
    session.flush()
    return secret


def redeem_token(session: Session, secret: str, purpose: str, *, now: datetime) -> Reader | None:
    """Use up a secret; None when it is unknown, used, too old, for another purpose or of a reader who is shut out.

    The conditional update lets only one of two simultaneous requests win.
    """
    digest = _digest(secret)
    fresh = (TokenRow.digest == digest, TokenRow.purpose == purpose, TokenRow.used_at.is_(None), TokenRow.expires_at > now)
    result = session.execute(update(TokenRow).where(*fresh).values(used_at=now))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    row = session.get(TokenRow, digest)
    return _let_in(by_id(session, row.reader_id)) if row else None


def open_session(session: Session, reader_id: int, *, now: datetime, lives: timedelta, agent: str = "") -> str:
    """Begin a sign-in and return its secret, which only the reader's cookie holds."""
    secret = secrets.token_urlsafe(32)
    session.add(
        SessionRow(digest=_digest(secret), reader_id=reader_id, created_at=now, expires_at=now + lives, agent=agent[:200])
    )
    session.flush()
    return secret


def reader_of_session(session: Session, secret: str, *, now: datetime) -> Reader | None:
    """Return whose sign-in this is, or None when it is closed or too old, or its reader is shut out."""
    row = session.get(SessionRow, _digest(secret))
    return _let_in(by_id(session, row.reader_id)) if row and row.expires_at > now else None


def close_session(session: Session, secret: str) -> None:
    """End a sign-in for good, on the server."""
    session.execute(delete(SessionRow).where(SessionRow.digest == _digest(secret)))


def _let_in(reader: Reader | None) -> Reader | None:
    return reader if reader is not None and reader.disabled_at is None else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _value(row: ReaderRow) -> Reader:
    return Reader(
        id=row.id,
        name=row.name,
        email=row.email,
        is_owner=row.is_owner,
        simulated=row.simulated,
        time_zone=row.time_zone,
        digest_on=row.digest_on,
        digest_hour=row.digest_hour,
        next_digest_at=row.next_digest_at,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        email_confirmed_at=row.email_confirmed_at,
        disabled_at=row.disabled_at,
        is_curator=row.is_curator,
        has_password=row.password is not None,
        locale=row.locale,
        votes_public=row.votes_public,
        announce=tuple(kind for kind in row.announce.split(",") if kind),
        notices=MappingProxyType(dict(row.notices)),
        digest_every=row.digest_every,
        digest_weekday=row.digest_weekday,
        digest_paused_until=row.digest_paused_until,
    )

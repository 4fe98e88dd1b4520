"""A session and a reader in, their sign-ins out: which there are, when each was last used, and how they end.

Sign-ins are begun and looked up in `readers`. One is named here by the beginning of its digest, which gives nothing away.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CursorResult, delete, select, update

from recommender.store import readers
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.tables import SessionRow, TokenRow

__all__ = [
    "SignIn",
    "Spent",
    "awaited",
    "end",
    "end_all",
    "listing",
    "peek_token",
    "prune",
    "seen",
    "spend_token",
    "withdraw_tokens",
]

NAME_LENGTH = 16


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that lasts.

    Attributes
    ----------
    name : str
        By which it can be ended.
    agent : str
        What the browser called itself.
    created_at, seen_at, expires_at : datetime
    is_this : bool
        Whether it is the one that asks.
    """

    name: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """What a token that works once stood for."""

    reader: Reader
    payload: str


def listing(session: Session, reader_id: int, *, now: datetime, secret: str = "") -> list[SignIn]:
    """Return the reader's sign-ins that have not ended, the last used first; `secret` is that of the one that asks."""
    this = _digest(secret)
    rows = session.scalars(select(SessionRow).where(SessionRow.reader_id == reader_id, SessionRow.expires_at > now))
    found = [
        SignIn(
            row.digest[:NAME_LENGTH], row.agent, row.created_at, row.seen_at or row.created_at, row.expires_at, row.digest == this
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.seen_at, one.created_at), reverse=True)


def seen(session: Session, secret: str, now: datetime) -> None:
    """Note that a sign-in was used."""
    session.execute(update(SessionRow).where(SessionRow.digest == _digest(secret)).values(seen_at=now))


def end(session: Session, reader_id: int, name: str) -> bool:
    """End one sign-in of a reader; False when there is none of that name."""
    if len(name) != NAME_LENGTH or not name.isalnum():
        return False
    own = (SessionRow.reader_id == reader_id, SessionRow.digest.startswith(name))
    return _count(session, delete(SessionRow).where(*own)) == 1


def end_all(session: Session, reader_id: int, *, but: str = "") -> int:
    """End every sign-in of a reader but the one with this secret, and every link that would begin one; return how many ended."""
    others = (SessionRow.reader_id == reader_id, SessionRow.digest != _digest(but))
    withdraw_tokens(session, reader_id)
    return _count(session, delete(SessionRow).where(*others))


def prune(session: Session, now: datetime) -> None:
    """Drop the sign-ins and tokens, of whomever, whose time is over."""
    for table in (SessionRow, TokenRow):
        session.execute(delete(table).where(table.expires_at <= now))


def withdraw_tokens(session: Session, reader_id: int, purpose: str | None = None) -> None:
    """Make a reader's tokens (of one purpose, when it is named) worthless."""
    where = (TokenRow.reader_id == reader_id, *((TokenRow.purpose == purpose,) if purpose else ()))
    session.execute(delete(TokenRow).where(*where))


def awaited(session: Session, reader_id: int, purpose: str, *, now: datetime) -> str:
    """Return what the newest of a reader's tokens that could still be used stands for; empty when there is none."""
    where = (TokenRow.reader_id == reader_id, TokenRow.purpose == purpose, TokenRow.used_at.is_(None), TokenRow.expires_at > now)
    return session.scalar(select(TokenRow.payload).where(*where).order_by(TokenRow.created_at.desc()).limit(1)) or ""


def peek_token(session: Session, secret: str, purpose: str, *, now: datetime) -> Spent | None:
    """Return what a token stands for without using it up; None when it is unknown, used, too old or for another purpose."""
    row = session.get(TokenRow, _digest(secret))
    if row is None or row.purpose != purpose or row.used_at is not None or row.expires_at <= now:
        return None
    reader = readers.by_id(session, row.reader_id)
    return Spent(reader, row.payload) if reader is not None and reader.disabled_at is None else None


def spend_token(session: Session, secret: str, purpose: str, *, now: datetime) -> Spent | None:
    """Use up a token, and return what it stood for; None when it does not work (any more)."""
    found = peek_token(session, secret, purpose, now=now)
    return found if found is not None and readers.redeem_token(session, secret, purpose, now=now) is not None else None


def _count(session: Session, statement: object) -> int:
    result = session.execute(statement)  # type: ignore[call-overload]  # a delete
    return result.rowcount if isinstance(result, CursorResult) else 0


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

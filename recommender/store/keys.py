"""A session and a reader in, their keys to feeds and to the API out: made, listed, found again, revoked.

A feed's address is signed from its key's number, so that it can be shown again; of an API token only the digest is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from recommender.errors import StoreError
from recommender.store import numbers
from recommender.store.db import Session
from recommender.store.tables_reader import KeyRow

__all__ = ["KINDS", "MOST", "Key", "by_secret", "get", "is_used_again", "listing", "make", "make_secret", "revoke", "touch"]

KINDS = ("feed", "api")
MOST = 20  # keys of one kind that one reader holds
LONGEST_LABEL = 80
PREFIX = "broadsheet_"  # by which a token that leaked can be recognised
TOUCH_EVERY = timedelta(hours=1)  # how exactly it is known when a key was last used


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a reader.

    Attributes
    ----------
    id, reader_id : int
    kind : {"feed", "api"}
    interest : int
        The interest a feed is of; 0 for everything.
    label : str
    created_at : datetime
    used_at, revoked_at : datetime or None
    """

    id: int
    reader_id: int
    kind: str
    interest: int
    label: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def make(session: Session, reader_id: int, kind: str, *, now: datetime, label: str = "", interest: int = 0) -> Key:
    """Make a key without a secret of its own: a feed's.

    Raises
    ------
    StoreError
        If it is no kind of key, the label is too long, or there are too many.
    """
    return _value(_add(session, reader_id, kind, now=now, label=label, interest=interest, digest=None))


def make_secret(session: Session, reader_id: int, *, now: datetime, label: str = "") -> tuple[Key, str]:
    """Make a key to the API; its secret is returned this once, and only its digest is kept.

    Raises
    ------
    StoreError
        If the label is too long, or there are too many.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    return _value(_add(session, reader_id, "api", now=now, label=label, interest=0, digest=_digest(secret))), secret


def get(session: Session, key_id: int) -> Key | None:
    """Return a key, revoked or not, or None."""
    row = session.get(KeyRow, key_id)
    return _value(row) if row is not None else None


def by_secret(session: Session, secret: str) -> Key | None:
    """Return the key to the API that this is the secret of, revoked or not, or None."""
    row = session.scalar(select(KeyRow).where(KeyRow.digest == _digest(secret), KeyRow.kind == "api"))
    return _value(row) if row is not None else None


def listing(session: Session, reader_id: int) -> list[Key]:
    """Return the keys of a reader that open something, oldest first."""
    where = (KeyRow.reader_id == reader_id, KeyRow.revoked_at.is_(None))
    return [_value(row) for row in session.scalars(select(KeyRow).where(*where).order_by(KeyRow.id))]


def revoke(session: Session, reader_id: int, key_id: int, *, now: datetime) -> bool:
    """End a key of this reader for good; False when there is none of that number that opens anything."""
    row = session.get(KeyRow, key_id)
    if row is None or row.reader_id != reader_id or row.revoked_at is not None:
        return False
    row.revoked_at = now
    session.flush()
    return True


def is_used_again(key: Key, now: datetime) -> bool:
    """Whether its use is worth noting: it was never used, or not within the hour."""
    return key.used_at is None or now - key.used_at >= TOUCH_EVERY


def touch(session: Session, key_id: int, now: datetime) -> None:
    """Note that a key was used."""
    row = session.get(KeyRow, key_id)
    if row is not None:
        row.used_at = now
        session.flush()


def _add(session: Session, reader_id: int, kind: str, *, now: datetime, label: str, interest: int, digest: str | None) -> KeyRow:
    label = " ".join(label.split())
    if kind not in KINDS:
        raise StoreError(f"a key is one of {', '.join(KINDS)}")
    if len(label) > LONGEST_LABEL:
        raise StoreError(f"a label has at most {LONGEST_LABEL} characters")
    held = (KeyRow.reader_id == reader_id, KeyRow.kind == kind, KeyRow.revoked_at.is_(None))
    if (session.scalar(select(func.count()).select_from(KeyRow).where(*held)) or 0) >= MOST:
        raise StoreError(f"there can be {MOST} of a kind: revoke one first")
    number = numbers.following(session, KeyRow)  # a feed's address is signed from it
    row = KeyRow(id=number, reader_id=reader_id, kind=kind, interest_id=interest, label=label, digest=digest, created_at=now)
    session.add(row)
    session.flush()
    return row


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _value(row: KeyRow) -> Key:
    return Key(row.id, row.reader_id, row.kind, row.interest_id, row.label, row.created_at, row.used_at, row.revoked_at)

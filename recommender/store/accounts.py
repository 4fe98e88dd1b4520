"""A session and a reader in, their account changed out: name, address, password, choices, and whether they may come in.

An address is stored only after it was confirmed from there: nobody holds an address that is not theirs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, update

from recommender.errors import StoreError
from recommender.hours import Schedule
from recommender.store import readers, sessions, subscribers
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow

__all__ = [
    "LONGEST_NAME",
    "choose",
    "confirm_email",
    "drop_email",
    "find",
    "is_free",
    "is_name",
    "password_of",
    "rename",
    "set_curator",
    "set_digest",
    "set_password",
    "shut_out",
]

LONGEST_NAME = 40
LONGEST_ADDRESS = 320
_NAME = re.compile(r"\w(?:[\w .'’·-]{0,38}[\w.])?")


def find(session: Session, who: str) -> Reader | None:
    """Return the reader with this name or this address, or None; simulated readers are nobody here."""
    who = who.strip()
    if not who.isprintable() or len(who) > LONGEST_ADDRESS:  # no database needs to be asked for such a name
        return None
    found = readers.by_email(session, who) if "@" in who else (readers.by_name(session, who) or _same_name(session, who))
    return found if found is not None and not found.simulated else None


def is_name(name: str) -> bool:
    """Return whether this can be a reader's name: letters of any script and digits, with spaces, dots, dashes between.

    Examples
    --------
    >>> is_name("Ada Lovelace"), is_name("José-María"), is_name("李雷"), is_name("a@b.org"), is_name(" x"), is_name("")
    (True, True, True, False, False, False)
    """
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None and unicodedata.is_normalized("NFKC", name)


def is_free(session: Session, name: str) -> bool:
    """Return whether no reader has this name, or one that looks the same but for capitals."""
    return _same_name(session, name) is None


def rename(session: Session, reader_id: int, name: str) -> None:
    """Give a reader another name.

    Raises
    ------
    StoreError
        If it is no name, or somebody else's.
    """
    if not is_name(name):
        raise StoreError(f"a name has at most {LONGEST_NAME} letters and digits, with spaces, dots and dashes between them")
    holder = _same_name(session, name)
    if holder is not None and holder.id != reader_id:
        raise StoreError(f"there is a reader called {name!r} already: choose another name")
    _set(session, reader_id, name=name)


def password_of(session: Session, reader_id: int) -> str | None:
    """Return the hash of a reader's password, or None when they have none."""
    return session.scalar(select(ReaderRow.password).where(ReaderRow.id == reader_id))


def set_password(session: Session, reader_id: int, hashed: str | None) -> None:
    """Set a reader's password, by its hash."""
    _set(session, reader_id, password=hashed)


def confirm_email(session: Session, reader_id: int, email: str, *, now: datetime) -> None:
    """Give a reader the address that they confirmed.

    Who had what everyone reads mailed there has a page of their own now: it comes instead, at the same hours.

    Raises
    ------
    StoreError
        If it is another reader's.
    """
    holder = readers.by_email(session, email)
    if holder is not None and holder.id != reader_id:
        raise StoreError("that address belongs to another reader: choose another")
    _set(session, reader_id, email=email.strip().lower(), email_confirmed_at=now)
    subscriber = subscribers.by_email(session, email)
    if subscriber is not None:
        subscribers.leave(session, subscriber.id)
        reader = readers.by_id(session, reader_id)
        if reader is not None and not reader.digest_on:
            set_digest(session, reader_id, subscriber.schedule, on=True, next_at=subscriber.next_digest_at)


def drop_email(session: Session, reader_id: int) -> None:
    """Forget a reader's address; without one there is no digest."""
    _set(session, reader_id, email=None, email_confirmed_at=None, digest_on=False, next_digest_at=None)


def set_digest(session: Session, reader_id: int, schedule: Schedule, *, on: bool, next_at: datetime | None) -> None:
    """Set whether and when the digest comes to the address there is."""
    _set(
        session,
        reader_id,
        digest_on=on,
        digest_hour=schedule.hour,
        time_zone=schedule.time_zone,
        digest_every=schedule.every,
        digest_weekday=schedule.weekday,
        digest_paused_until=schedule.paused_until,
        next_digest_at=next_at if on else None,
    )


def choose(
    session: Session,
    reader_id: int,
    *,
    locale: str,
    votes_public: bool,
    notices: Mapping[str, bool],
    announce: Collection[str],
) -> None:
    """Set the language (empty: the browser's), who sees the votes, what is told by mail, and which announcements make the page.

    No announcement named is what the settings say.
    """
    told = {name: bool(on) for name, on in sorted(notices.items())}
    _set(session, reader_id, locale=locale, votes_public=votes_public, notices=told, announce=",".join(announce))


def shut_out(session: Session, reader_id: int, now: datetime | None) -> None:
    """Shut a reader out at once, everywhere; with None in place of a moment they may come in again.

    Raises
    ------
    StoreError
        If it is the owner.
    """
    reader = readers.by_id(session, reader_id)
    if reader is not None and reader.is_owner and now is not None:
        raise StoreError("the owner cannot be shut out")
    _set(session, reader_id, disabled_at=now)
    if now is not None:
        sessions.end_all(session, reader_id)


def set_curator(session: Session, reader_id: int, is_curator: bool) -> None:
    """Let a reader recommend papers to everyone, or no longer."""
    _set(session, reader_id, is_curator=is_curator)


def _same_name(session: Session, name: str) -> Reader | None:
    """Return who has a name that differs at most in capitals, of any script: no database compares those by itself."""
    wanted = unicodedata.normalize("NFKC", name.strip()).casefold()
    known = session.execute(select(ReaderRow.id, ReaderRow.name))
    found = next((row.id for row in known if row.name.casefold() == wanted), None)
    return readers.by_id(session, found) if found is not None else None


def _set(session: Session, reader_id: int, **values: object) -> None:
    session.execute(update(ReaderRow).where(ReaderRow.id == reader_id).values(**values))
    session.flush()

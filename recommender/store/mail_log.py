"""A session in, what the owner sees of the mail out: what became of the digests, and who is left alone; names, and never an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from recommender.store import suppressions
from recommender.store.db import Session
from recommender.store.suppressions import Suppression
from recommender.store.tables import ReaderRow
from recommender.store.tables_mail import DigestRow, SubscriberRow

__all__ = ["Held", "Letter", "MailDay", "counts", "held", "letters", "mail_days"]

_ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@")


@dataclass(frozen=True, slots=True)
class MailDay:
    """How many digests of one local day ended how."""

    day: date
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Letter:
    """One line of the mail log.

    Attributes
    ----------
    id : int
        Grows; what older lines are asked for by.
    day : date
        The local day it is for.
    reader : str
        Whose it is; empty for somebody without an account.
    status : str
    kind : str
        `day` or `week`, or `quiet` when it only said that there is nothing new.
    at : datetime
        When it ended, or was last begun.
    attempts : int
    retry_at : datetime or None
        When one that was put off is tried again.
    code : int or None
        What the mail server said, in a number.
    error : str
        What it said in words, without addresses; what was said afterwards of one that was sent.
    """

    id: int
    day: date
    reader: str
    status: str
    kind: str
    at: datetime
    attempts: int
    retry_at: datetime | None
    code: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Held:
    """Who gets no digests.

    Attributes
    ----------
    readers : tuple of (int, str, Suppression)
        Number and name, and why; the newest first.
    writable : tuple of (int, str)
        Readers who have an address that is not left alone, by name.
    subscribers : int
        How many people without an account.
    others : int
        Addresses that nobody here has any more.
    """

    readers: tuple[tuple[int, str, Suppression], ...]
    writable: tuple[tuple[int, str], ...]
    subscribers: int
    others: int


def mail_days(session: Session, *, limit: int = 30) -> list[MailDay]:
    """Return the newest days on which digests were due, newest first."""
    days = select(DigestRow.day).group_by(DigestRow.day).order_by(DigestRow.day.desc()).limit(limit)
    query = select(DigestRow.day, DigestRow.status, func.count()).where(DigestRow.day.in_(days))
    found: dict[date, dict[str, int]] = {}
    for day, status, number in session.execute(query.group_by(DigestRow.day, DigestRow.status)):
        found.setdefault(day, {})[status] = number
    return [MailDay(day, found[day]) for day in sorted(found, reverse=True)]


def counts(session: Session, *, since: date | None = None) -> dict[str, int]:
    """Return how many digests stand how: all of them, or those of a local day and later ones."""
    query = select(DigestRow.status, func.count()).group_by(DigestRow.status)
    found = session.execute(query if since is None else query.where(DigestRow.day >= since))
    return {row[0]: row[1] for row in found}


def letters(session: Session, *, limit: int = 50, status: str | None = None, before: int | None = None) -> list[Letter]:
    """Return the newest lines of the mail log, newest first: of one status, when it is named, and older than the line `before`."""
    query = select(DigestRow, ReaderRow.name).outerjoin(ReaderRow, ReaderRow.id == DigestRow.reader_id)
    if status is not None:
        query = query.where(DigestRow.status == status)
    if before is not None:
        query = query.where(DigestRow.id < before)
    return [
        Letter(
            id=row.id,
            day=row.day,
            reader=name or "",
            status=row.status,
            kind=row.kind,
            at=row.ended_at or row.claimed_at,
            attempts=row.attempts,
            retry_at=row.retry_at,
            code=row.code,
            error=_ADDRESS.sub("…@", row.error or ""),
        )
        for row, name in session.execute(query.order_by(DigestRow.id.desc()).limit(limit))
    ]


def held(session: Session) -> Held:
    """Return who gets no digests, and to whom one could be sent; simulated readers are nobody here."""
    where = (ReaderRow.email.is_not(None), ReaderRow.simulated.is_(False))
    rows = session.execute(select(ReaderRow.id, ReaderRow.name, ReaderRow.email).where(*where).order_by(ReaderRow.name)).all()
    found = suppressions.among(session, [str(row.email) for row in rows])
    readers = [(row.id, row.name, found[row.email]) for row in rows if row.email in found]
    subscribers = len(suppressions.among(session, session.scalars(select(SubscriberRow.email))))
    return Held(
        readers=tuple(sorted(readers, key=lambda one: one[2].at, reverse=True)),
        writable=tuple((row.id, row.name) for row in rows if row.email not in found),
        subscribers=subscribers,
        others=max(0, suppressions.count(session) - len(readers) - subscribers),
    )

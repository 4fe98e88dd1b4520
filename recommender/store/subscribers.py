"""A session in, people without an account who get what everyone reads by mail out: confirmed ones only; leaving removes the row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select

from recommender.hours import Schedule
from recommender.store.db import Session
from recommender.store.tables_mail import SubscriberRow

__all__ = ["Subscriber", "by_email", "by_id", "confirm", "count", "due", "leave", "set_schedule"]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who confirmed their address."""

    id: int
    email: str
    locale: str
    time_zone: str
    digest_hour: int
    digest_every: str
    digest_weekday: int
    digest_paused_until: date | None
    next_digest_at: datetime | None
    confirmed_at: datetime

    @property
    def schedule(self) -> Schedule:
        """When the digest is due."""
        return Schedule(self.digest_hour, self.time_zone, self.digest_every, self.digest_weekday, self.digest_paused_until)


def confirm(session: Session, email: str, schedule: Schedule, *, locale: str, now: datetime) -> Subscriber:
    """Add somebody who confirmed their address, or set the schedule of who is here already."""
    address = email.strip().lower()
    row = session.scalar(select(SubscriberRow).where(SubscriberRow.email == address))
    if row is None:
        row = SubscriberRow(email=address, confirmed_at=now)
        session.add(row)
    row.locale = locale
    _place(row, schedule, schedule.coming(now, row.next_digest_at))
    session.flush()
    return _value(row)


def set_schedule(session: Session, subscriber_id: int, schedule: Schedule, *, next_at: datetime) -> None:
    """Set when the digest comes."""
    row = session.get(SubscriberRow, subscriber_id)
    if row is not None:
        _place(row, schedule, next_at)
        session.flush()


def by_id(session: Session, subscriber_id: int) -> Subscriber | None:
    """Return the subscriber of this number, or None; a number is never given twice."""
    row = session.get(SubscriberRow, subscriber_id)
    return _value(row) if row is not None else None


def by_email(session: Session, email: str) -> Subscriber | None:
    """Return the subscriber with this address, or None."""
    row = session.scalar(select(SubscriberRow).where(SubscriberRow.email == email.strip().lower()))
    return _value(row) if row is not None else None


def leave(session: Session, subscriber_id: int) -> None:
    """Forget somebody, at once and altogether."""
    session.execute(delete(SubscriberRow).where(SubscriberRow.id == subscriber_id))


def count(session: Session) -> int:
    """Return how many there are."""
    return session.scalar(select(func.count()).select_from(SubscriberRow)) or 0


def due(session: Session, now: datetime, *, limit: int = 100) -> list[Subscriber]:
    """Return those whose digest is due, longest due first."""
    query = select(SubscriberRow).where(SubscriberRow.next_digest_at <= now)
    rows = session.scalars(query.order_by(SubscriberRow.next_digest_at, SubscriberRow.id).limit(limit))
    return [_value(row) for row in rows]


def _place(row: SubscriberRow, schedule: Schedule, next_at: datetime) -> None:
    row.digest_hour, row.time_zone = schedule.hour, schedule.time_zone
    row.digest_every, row.digest_weekday, row.digest_paused_until = schedule.every, schedule.weekday, schedule.paused_until
    row.next_digest_at = next_at


def _value(row: SubscriberRow) -> Subscriber:
    return Subscriber(
        id=row.id,
        email=row.email,
        locale=row.locale,
        time_zone=row.time_zone,
        digest_hour=row.digest_hour,
        digest_every=row.digest_every,
        digest_weekday=row.digest_weekday,
        digest_paused_until=row.digest_paused_until,
        next_digest_at=row.next_digest_at,
        confirmed_at=row.confirmed_at,
    )

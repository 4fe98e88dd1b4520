"""Somebody whom a digest is mailed to and a choice in, how it comes to them from now on out: never, weekly, daily, later, again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from recommender.hours import Schedule
from recommender.store import accounts, readers, subscribers
from recommender.store.db import Session
from web.schedules import PAUSES, WEEKDAYS, read_pause, sound

__all__ = ["CHOICES", "Receiver", "change", "find"]

CHOICES = ("stop", "weekly", "daily", "pause", "resume")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom a digest is mailed to.

    Attributes
    ----------
    id : int
        Of a reader, or of a subscriber, who has no account.
    is_reader : bool
    schedule : Schedule
    on : bool
    has_address : bool
        Whether it could come again.
    locale : str
        Empty where none was chosen.
    next_at : datetime or None
        When it is due; None when it is not on.
    """

    id: int
    is_reader: bool
    schedule: Schedule
    on: bool
    has_address: bool
    locale: str
    next_at: datetime | None


def find(session: Session, named: Mapping[str, Any]) -> Receiver | None:
    """Return whom a link names by `r`, a reader's number, or `s`, a subscriber's; None when they are gone."""
    if isinstance(number := named.get("r"), int):
        reader = readers.by_id(session, number)
        if reader is not None:
            on, has_address, locale = reader.digest_on, reader.email is not None, reader.locale
            return Receiver(reader.id, True, sound(reader.schedule), on, has_address, locale, reader.next_digest_at)
    elif isinstance(number := named.get("s"), int):
        subscriber = subscribers.by_id(session, number)
        if subscriber is not None:
            held, locale = sound(subscriber.schedule), subscriber.locale
            return Receiver(subscriber.id, False, held, True, True, locale, subscriber.next_digest_at)
    return None


def change(session: Session, who: Receiver, what: str, form: Mapping[str, str], now: datetime) -> None:
    """Do what was chosen; a detail of it that makes no sense leaves what is, and the shortest pause.

    Parameters
    ----------
    session : Session
    who : Receiver
    what : str
        One of `CHOICES`.
    form : mapping of str to str
        With `weekday`, a number, for a weekly digest, and `days` for a pause.
    now : datetime
    """
    if what == "stop":
        _stop(session, who)
        return
    schedule = who.schedule
    if what == "pause":
        until = read_pause(form, schedule, now) or read_pause({"days": str(min(PAUSES))}, schedule, now)
        schedule = replace(schedule, paused_until=until)
    else:  # whoever asks for it to come does not want it paused
        schedule = replace(schedule, paused_until=None)
    if what == "weekly":
        weekday = form.get("weekday", "")
        schedule = replace(schedule, every="week", weekday=int(weekday) if weekday in map(str, WEEKDAYS) else schedule.weekday)
    elif what == "daily":
        schedule = replace(schedule, every="day")
    next_at = schedule.coming(now, who.next_at)
    if who.is_reader:
        accounts.set_digest(session, who.id, schedule, on=who.has_address, next_at=next_at)
    else:
        subscribers.set_schedule(session, who.id, schedule, next_at=next_at)


def _stop(session: Session, who: Receiver) -> None:
    if not who.is_reader:
        subscribers.leave(session, who.id)
    elif who.on:
        accounts.set_digest(session, who.id, who.schedule, on=False, next_at=None)

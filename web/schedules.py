"""When a digest comes in, words out; a form in, when it is to come or what is wrong with the form out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import available_timezones

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender.errors import SettingsError
from recommender.hours import Schedule, time_zone
from web.words import day_words, weekday_words

__all__ = [
    "PAUSES",
    "WEEKDAYS",
    "choices",
    "moment_of",
    "pauses",
    "read",
    "read_pause",
    "sound",
    "weekday_name",
    "when_words",
    "zones",
]

WEEKDAYS = range(7)  # Monday is 0
PAUSES = {14: _l("Pause for 2 weeks"), 30: _l("Pause for a month")}  # by days
LONGEST_PAUSE = timedelta(days=366)
_MONDAY = date(2026, 5, 18)


def when_words(schedule: Schedule) -> str:
    """Return how often and at which hour a digest comes.

    Examples
    --------
    >>> when_words(Schedule(7, "Europe/Berlin")), when_words(Schedule(18, every="week", weekday=4))
    ('every day at 07:00 (Europe/Berlin)', 'every Friday at 18:00 (UTC)')
    """
    hour, zone = f"{schedule.hour:02d}:00", schedule.time_zone
    if schedule.every == "day":
        return str(_("every day at %(hour)s (%(zone)s)", hour=hour, zone=zone))
    return str(_("every %(weekday)s at %(hour)s (%(zone)s)", weekday=weekday_name(schedule.weekday), hour=hour, zone=zone))


def moment_of(at: datetime, zone: str, now: datetime) -> str:
    """Return a moment by the clock of a time zone, the weekday first.

    Examples
    --------
    >>> from datetime import UTC
    >>> moment_of(datetime(2026, 5, 21, 5, tzinfo=UTC), "Europe/Berlin", datetime(2026, 5, 20, 8, tzinfo=UTC))
    'Thursday, 21 May, 07:00'
    """
    there = at.astimezone(time_zone(zone))
    return f"{weekday_words(there.date())}, {day_words(there.date(), now.date())}, {there:%H:%M}"


def sound(schedule: Schedule) -> Schedule:
    """Return a schedule; in UTC where its time zone is none any more, so that whoever has it can still look at it and change it."""
    try:
        time_zone(schedule.time_zone)
    except SettingsError:
        return replace(schedule, time_zone="UTC")
    return schedule


def weekday_name(number: int) -> str:
    """Return the name of a day of the week.

    Examples
    --------
    >>> weekday_name(0), weekday_name(6)
    ('Monday', 'Sunday')
    """
    return weekday_words(_MONDAY + timedelta(days=number))


def choices() -> list[tuple[str, str]]:
    """Return how often a digest can come, as a form's values and words: every day, or on a day of the week."""
    weekly = [(str(number), str(_("Once a week: %(weekday)s", weekday=weekday_name(number)))) for number in WEEKDAYS]
    return [("day", str(_("Every day"))), *weekly]


def pauses() -> list[tuple[int, str]]:
    """Return how long a digest can be paused by one press, in days and in words."""
    return [(days, str(told)) for days, told in PAUSES.items()]


def zones() -> list[str]:
    """Return the names of the world's time zones."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def read(form: Mapping[str, str], held: Schedule) -> tuple[Schedule, dict[str, str]]:
    """Return what a form with `when`, `hour` and `zone` asks for, and what is wrong with it, by field.

    Parameters
    ----------
    form : mapping of str to str
        `when` is `day` or the number of a weekday; where it is missing it stays as it is.
    held : Schedule
        What it is now; a field that is wrong leaves it so.
    """
    found: dict[str, str] = {}
    schedule, when = held, form.get("when", "")
    if when in map(str, WEEKDAYS):
        schedule = replace(schedule, every="week", weekday=int(when))
    elif when == "day":
        schedule = replace(schedule, every="day")
    elif when:
        found["when"] = _("Choose every day, or a day of the week.")
    if form.get("hour", "") in map(str, range(24)):
        schedule = replace(schedule, hour=int(form["hour"]))
    else:
        found["hour"] = _("Choose an hour from 0 to 23.")
    try:
        schedule = replace(schedule, time_zone=time_zone(form.get("zone", "")).key)
    except SettingsError:
        found["zone"] = _("There is no time zone of that name: write it like Europe/Berlin or UTC.")
    return schedule, found


def read_pause(form: Mapping[str, str], schedule: Schedule, now: datetime) -> date | None:
    """Return the day on which a paused digest comes again, by a form's `days` or `until`; None where neither says one that can be."""
    today = schedule.day_of(now)
    if form.get("days", "") in map(str, PAUSES):
        return today + timedelta(days=int(form["days"]))
    try:
        until = date.fromisoformat(form.get("until", "").strip())
    except ValueError:
        return None
    return until if timedelta() < until - today <= LONGEST_PAUSE else None

"""A database and a stretch of days in, whether everybody's digest came once on every local day at their hour out: forty zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from recommender.hours import Schedule
from recommender.store import accounts, readers
from recommender.store.db import Database
from web.ledger import Ledger
from web.pace import Pace

# Zones whose clocks change on different days, by an hour or by half of one, at midnight or later, or never.
ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "America/Anchorage",
    "America/Asuncion",
    "America/Caracas",
    "America/Chicago",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Phoenix",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Asia/Yangon",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]
LOOK = timedelta(minutes=30)  # between two looks at what is due


def walk(database: Database, start: datetime, days: int) -> int:
    """Claim every digest that falls due, as the clock does; return how many there were."""
    people = _people(database, start)
    ledger = Ledger(database, worker="me:1", stale_after=timedelta(hours=2), pace=Pace(1_000_000))
    claimed: dict[int, list[tuple[date, datetime]]] = {number: [] for number in people}
    for look in range(days * 48):
        now = start + look * LOOK
        while claims := ledger.claim(now):
            for claim in claims:
                claimed[claim.who.id].append((claim.day, now))
    for number, schedule in people.items():
        found = [day for day, _ in claimed[number]]
        assert found == [found[0] + timedelta(days=later) for later in range(len(found))], schedule
        assert days - 1 <= len(found) <= days + 1, schedule
        for day, now in claimed[number]:
            _at_the_hour(schedule, day, now)
    return sum(len(found) for found in claimed.values())


def _people(database: Database, start: datetime) -> dict[int, Schedule]:
    """One reader in each zone, at all hours of the day."""
    made: dict[int, Schedule] = {}
    with database.write() as session:
        for number, zone in enumerate(ZONES):
            reader = readers.create(session, zone, email=f"r{number}@example.org", now=start)
            made[reader.id] = Schedule(number % 24, zone)
            accounts.set_digest(session, reader.id, made[reader.id], on=True, next_at=made[reader.id].after(start))
    return made


def _at_the_hour(schedule: Schedule, day: date, now: datetime) -> None:
    """Check one digest with the zone's own clock."""
    zone = ZoneInfo(schedule.time_zone)
    asked = datetime(day.year, day.month, day.day, schedule.hour, tzinfo=zone)
    skipped = asked.astimezone(UTC).astimezone(zone).hour != schedule.hour  # the clocks went over that hour
    late = now - asked.astimezone(UTC)
    assert timedelta(0) <= late < LOOK, (schedule, day)
    assert skipped or (now - late).astimezone(zone).hour == schedule.hour, (schedule, day)
    assert (now - late).astimezone(zone).date() == day, (schedule, day)

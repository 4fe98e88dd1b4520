"""People without an account: one row per address, due at their own hour, gone altogether when they leave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from factories import DAY, NOW, make_reader
from sqlalchemy import select

from recommender.errors import SettingsError
from recommender.hours import Schedule
from recommender.store import accounts, belongings, readers, subscribers
from recommender.store.db import Database
from recommender.store.subscribers import Subscriber
from recommender.store.tables_mail import DigestRow

DAILY = Schedule(7, "Europe/Berlin")
WEEKLY = Schedule(18, "UTC", "week", 4)


def confirmed(database: Database, email: str = "nora@example.org", schedule: Schedule = DAILY, **facts: datetime) -> Subscriber:
    with database.write() as session:
        return subscribers.confirm(session, email, schedule, locale="de", **{"now": NOW, **facts})


def everybody(database: Database) -> int:
    with database.read() as session:
        return subscribers.count(session)


def test_who_confirmed_is_found_by_address_and_by_number(database: Database) -> None:
    nora = confirmed(database, " Nora@Example.org ")
    assert (nora.email, nora.locale, nora.confirmed_at, nora.schedule) == ("nora@example.org", "de", NOW, DAILY)
    assert nora.next_digest_at == datetime(2026, 5, 21, 5, tzinfo=UTC)  # seven o'clock in Berlin, the next morning
    with database.read() as session:
        assert subscribers.by_email(session, "NORA@example.org") == nora
        assert subscribers.by_id(session, nora.id) == nora
        assert subscribers.by_email(session, "nora@example.com") is None
        assert subscribers.by_id(session, nora.id + 1) is None


def test_confirming_again_sets_other_hours_and_makes_nobody_new(database: Database) -> None:
    nora = confirmed(database)
    with database.write() as session:
        paused = Schedule(7, "Europe/Berlin", paused_until=DAY + timedelta(days=9))
        subscribers.set_schedule(session, nora.id, paused, next_at=paused.after(NOW))
        later = subscribers.by_id(session, nora.id)
        assert later is not None
        assert later.schedule == paused
        assert later.next_digest_at == datetime(2026, 5, 29, 5, tzinfo=UTC)
    again = confirmed(database, schedule=WEEKLY, now=NOW + timedelta(hours=1))
    assert (again.id, again.confirmed_at, again.schedule) == (nora.id, NOW, WEEKLY)
    assert again.next_digest_at == datetime(2026, 5, 22, 18, tzinfo=UTC)
    assert everybody(database) == 1


def test_a_time_zone_that_is_none_stores_nobody(database: Database) -> None:
    with pytest.raises(SettingsError), database.write() as session:
        subscribers.confirm(session, "nora@example.org", Schedule(7, "Europe/Atlantis"), locale="", now=NOW)
    assert everybody(database) == 0


def test_those_are_due_whose_hour_has_come_longest_first(database: Database) -> None:
    late = confirmed(database, "late@example.org", Schedule(8))
    early = confirmed(database, "early@example.org", Schedule(7))
    confirmed(database, "next-week@example.org", Schedule(7, every="week", weekday=1))
    for moment, expected in (
        (datetime(2026, 5, 21, 6, 59, tzinfo=UTC), []),
        (datetime(2026, 5, 21, 7, tzinfo=UTC), [early.id]),
        (datetime(2026, 5, 21, 8, tzinfo=UTC), [early.id, late.id]),
    ):
        with database.read() as session:
            assert [one.id for one in subscribers.due(session, moment)] == expected
            assert [one.id for one in subscribers.due(session, moment, limit=1)] == expected[:1]


def test_who_leaves_is_forgotten_with_all_that_was_mailed_and_the_number_is_not_given_again(database: Database) -> None:
    nora = confirmed(database)
    with database.write() as session:
        session.add(DigestRow(subscriber_id=nora.id, day=DAY, status="sent", claimed_at=NOW))
    with database.write() as session:
        subscribers.leave(session, nora.id)
        subscribers.leave(session, nora.id)  # a link may be pressed twice
    with database.read() as session:
        assert session.scalars(select(DigestRow)).all() == []
        assert subscribers.by_email(session, nora.email) is None
    assert confirmed(database).id != nora.id


def test_hours_of_who_is_gone_are_set_for_nobody(database: Database) -> None:
    with database.write() as session:
        subscribers.set_schedule(session, 7, DAILY, next_at=NOW)
    assert everybody(database) == 0


def test_deleting_a_reader_or_shutting_them_out_ends_no_subscription(database: Database) -> None:
    """Even where the address is the same: what was asked for without an account needs none."""
    ada, ben = (make_reader(database, name, email=f"{name}@example.org") for name in ("ada", "ben"))
    for reader in (ada, ben):
        confirmed(database, f"{reader.name}@example.org")
    with database.write() as session:
        accounts.shut_out(session, ben.id, NOW)
        belongings.remove(session, ada.id, now=NOW)
    assert everybody(database) == 2


def test_a_reader_who_confirms_a_subscribers_address_gets_their_own_page_at_the_same_hours(database: Database) -> None:
    nora = confirmed(database, schedule=WEEKLY)
    reader = make_reader(database, "nora")
    with database.write() as session:
        accounts.confirm_email(session, reader.id, "Nora@example.org", now=NOW)
        found = readers.by_id(session, reader.id)
    assert found is not None
    assert (found.digest_on, found.schedule, found.next_digest_at) == (True, WEEKLY, nora.next_digest_at)
    assert everybody(database) == 0


def test_a_reader_who_has_a_digest_keeps_its_hours(database: Database) -> None:
    confirmed(database, schedule=WEEKLY)
    reader = make_reader(database, "nora")
    with database.write() as session:
        accounts.set_digest(session, reader.id, DAILY, on=True, next_at=DAILY.after(NOW))
        accounts.confirm_email(session, reader.id, "nora@example.org", now=NOW)
        found = readers.by_id(session, reader.id)
    assert found is not None
    assert (found.schedule, found.next_digest_at) == (DAILY, DAILY.after(NOW))
    assert everybody(database) == 0


def test_an_address_that_is_anothers_ends_no_subscription(database: Database) -> None:
    confirmed(database)
    reader = make_reader(database, "ada")
    with database.write() as session:
        accounts.confirm_email(session, reader.id, "ada@example.org", now=NOW)
        found = readers.by_id(session, reader.id)
    assert found is not None
    assert not found.digest_on
    assert everybody(database) == 1


def test_a_pause_ends_on_its_day(database: Database) -> None:
    paused = confirmed(database, schedule=Schedule(7, paused_until=date(2026, 6, 1)))
    assert paused.next_digest_at == datetime(2026, 6, 1, 7, tzinfo=UTC)

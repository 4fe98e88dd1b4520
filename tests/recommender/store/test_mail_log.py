"""What the owner sees of the mail: statuses, names and counts, and never an address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from factories import DAY, NOW, make_reader

from recommender.hours import Schedule
from recommender.store import mail_log, subscribers, suppressions
from recommender.store.db import Database
from recommender.store.mail_log import Held
from recommender.store.readers import Reader
from recommender.store.suppressions import Suppression
from recommender.store.tables_mail import DigestRow

DAY_LONG = timedelta(days=1)


def enter(database: Database, **facts: Any) -> None:
    with database.write() as session:
        session.add(DigestRow(**({"day": DAY, "status": "sent", "claimed_at": NOW} | facts)))


def test_mail_is_told_by_day_and_without_addresses(database: Database, alice: Reader, bob: Reader) -> None:
    enter(database, reader_id=alice.id)
    enter(database, reader_id=bob.id, status="failed", error="550 <bob@example.org> is unknown: 'b.o+b@example.org'")
    enter(database, reader_id=alice.id, day=DAY - DAY_LONG, status="skipped", error="nothing new")
    with database.read() as session:
        days = mail_log.mail_days(session)
        log = mail_log.letters(session)
        failed = mail_log.letters(session, status="failed")
        assert mail_log.mail_days(session, limit=1) == days[:1]
    assert [(one.day, dict(one.counts)) for one in days] == [(DAY, {"sent": 1, "failed": 1}), (DAY - DAY_LONG, {"skipped": 1})]
    assert [(one.reader, one.status) for one in log] == [("alice", "skipped"), ("bob", "failed"), ("alice", "sent")]
    assert [one.error for one in failed] == ["550 <…@example.org> is unknown: '…@example.org'"]


def test_a_subscribers_line_is_there_and_names_nobody(database: Database, alice: Reader) -> None:
    with database.write() as session:
        nora = subscribers.confirm(session, "nora@example.org", Schedule(7), locale="", now=NOW)
    facts = {"kind": "week", "attempts": 2, "retry_at": NOW + DAY_LONG, "code": 451, "error": "451 later", "status": "deferred"}
    enter(database, subscriber_id=nora.id, ended_at=NOW + timedelta(minutes=5), **facts)
    with database.read() as session:
        (line,) = mail_log.letters(session)
        assert mail_log.mail_days(session)[0].counts == {"deferred": 1}
    assert (line.reader, line.at, {name: getattr(line, name) for name in facts}) == ("", NOW + timedelta(minutes=5), facts)


def test_older_lines_are_reached_by_number(database: Database, alice: Reader) -> None:
    for back in range(5):
        enter(database, reader_id=alice.id, day=DAY - back * DAY_LONG, status="failed" if back % 2 else "sent")
    with database.read() as session:
        first = mail_log.letters(session, limit=2)
        second = mail_log.letters(session, limit=2, before=first[-1].id)
        failed = mail_log.letters(session, status="failed", before=first[-1].id)
    back = [(DAY - line.day).days for line in (*first, *second)]
    assert back == [4, 3, 2, 1]
    assert [(DAY - line.day).days for line in failed] == [1]


def test_digests_are_counted_from_a_day_on(database: Database, alice: Reader, bob: Reader) -> None:
    enter(database, reader_id=alice.id)
    enter(database, reader_id=bob.id)
    enter(database, reader_id=alice.id, day=DAY - DAY_LONG, status="failed")
    with database.read() as session:
        assert mail_log.counts(session) == {"sent": 2, "failed": 1}
        assert mail_log.counts(session, since=DAY) == {"sent": 2}
        assert mail_log.counts(session, since=DAY + DAY_LONG) == {}


def test_who_is_left_alone_is_told_by_name_and_strangers_by_number(database: Database, alice: Reader) -> None:
    cora = make_reader(database, "cora", email="cora@example.org")
    dan = make_reader(database, "dan", email="dan@example.org")
    eve = make_reader(database, "eve", email="eve@example.org")
    make_reader(database, "robot", email="robot@example.org", simulated=True)
    with database.write() as session:
        for name in ("nora@example.org", "olaf@example.org"):
            subscribers.confirm(session, name, Schedule(7), locale="", now=NOW)
        suppressions.add(session, "Dan@example.org", "bounce", now=NOW, detail="550 gone")
        suppressions.add(session, "cora@example.org", "owner", now=NOW + DAY_LONG)
        for name in ("nora@example.org", "left-1@example.org", "left-2@example.org"):
            suppressions.add(session, name, "complaint", now=NOW)
        assert mail_log.held(session) == Held(
            readers=(
                (cora.id, "cora", Suppression("owner", "", NOW + DAY_LONG)),
                (dan.id, "dan", Suppression("bounce", "550 gone", NOW)),
            ),
            writable=((eve.id, "eve"),),
            subscribers=1,
            others=2,
        )


def test_without_mail_there_is_nothing_to_tell(database: Database) -> None:
    with database.read() as session:
        assert mail_log.letters(session) == []
        assert mail_log.mail_days(session) == []
        assert mail_log.counts(session) == {}
        assert mail_log.held(session) == Held((), (), 0, 0)

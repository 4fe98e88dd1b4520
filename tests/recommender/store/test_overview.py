"""What the owner sees: counts and names, never votes, notes or addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import DAY, NOW, make_edition, make_reader

from recommender.store import comments, digests, events, overview, papers, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import DigestRow
from recommender.types import EventKind

PAPERS = make_edition(DAY, per_topic=1)


@pytest.fixture
def stored(database: Database) -> Database:
    with database.write() as session:
        papers.upsert(session, PAPERS, now=NOW)
    return database


def test_readers_are_counted_without_what_they_said(stored: Database, alice: Reader, bob: Reader) -> None:
    make_reader(stored, "robot", simulated=True)
    with stored.write() as session:
        for kind in (EventKind.UPVOTE, EventKind.CLEAR, EventKind.DOWNVOTE, EventKind.SAVE, EventKind.CLICK):
            events.append(session, alice.id, PAPERS[0].id, kind, at=NOW)
        readers.touch(session, bob.id, NOW + timedelta(hours=1))
    with stored.read() as session:
        found = overview.people(session)
    assert [(person.name, person.votes) for person in found] == [("bob", 0), ("alice", 2)]
    assert not {"email", "address", "papers"} & set(overview.Person.__dataclass_fields__)


def test_mail_is_told_by_day_and_without_addresses(stored: Database, alice: Reader, bob: Reader) -> None:
    with stored.write() as session:
        for reader, day, status, error in (
            (alice, DAY, "sent", None),
            (bob, DAY, "failed", "550 <bob@example.org> is unknown: 'b.o+b@example.org'"),
            (alice, DAY - timedelta(days=1), "skipped", "nothing new"),
        ):
            session.add(DigestRow(reader_id=reader.id, day=day, status=status, claimed_at=NOW, error=error))
    with stored.read() as session:
        days = overview.mail_days(session)
        log = overview.letters(session)
        failed = overview.letters(session, status="failed")
        assert overview.mail_days(session, limit=1) == days[:1]
    assert [(one.day, dict(one.counts)) for one in days] == [
        (DAY, {"sent": 1, "failed": 1}),
        (DAY - timedelta(days=1), {"skipped": 1}),
    ]
    assert [(one.reader, one.status) for one in log] == [("alice", "skipped"), ("bob", "failed"), ("alice", "sent")]
    assert [one.error for one in failed] == ["550 <…@example.org> is unknown: '…@example.org'"]


def test_what_was_taken_away_can_be_found(stored: Database, alice: Reader) -> None:
    with stored.write() as session:
        first = comments.add(session, PAPERS[0].id, alice.id, "Rude.", now=NOW)
        comments.add(session, PAPERS[0].id, alice.id, "Kind.", now=NOW)
        comments.remove(session, first.id, now=NOW)
    with stored.write() as session:
        (removed,) = overview.removed_remarks(session)
        assert (removed.name, removed.text, removed.paper_title) == ("alice", "Rude.", PAPERS[0].title)
        comments.restore(session, first.id)
        assert overview.removed_remarks(session) == []


def test_sizes_grow_with_what_is_stored(stored: Database, alice: Reader) -> None:
    with stored.write() as session:
        before = overview.stored(session)
        papers.upsert(session, make_edition(DAY - timedelta(days=1), per_topic=1), now=NOW)
        events.append(session, alice.id, PAPERS[0].id, EventKind.UPVOTE, at=NOW)
        after = overview.stored(session)
    assert (before.papers, before.editions, before.events) == (6, 1, 0)
    assert (after.papers, after.editions, after.events) == (12, 2, 1)
    assert after.bytes is not None
    assert after.bytes > 10_000


def test_without_mail_there_is_nothing_to_tell(stored: Database) -> None:
    with stored.read() as session:
        assert digests.recent(session) == []
        assert overview.letters(session) == []
        assert overview.mail_days(session) == []

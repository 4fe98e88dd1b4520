"""What the owner sees: counts and names, never votes, notes or addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import DAY, NOW, make_edition, make_reader

from recommender.store import comments, events, overview, papers, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
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

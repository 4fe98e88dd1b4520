"""At most one digest per reader and local day, whoever asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from factories import DAY, NOW, make_reader
from sqlalchemy.exc import IntegrityError

from recommender.store import digests, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import DigestRow

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def due(database: Database) -> Reader:
    """A reader whose digest is due."""
    alice = make_reader(database, "alice", email="a@x.org")
    with database.write() as session:
        readers.set_digest(session, alice.id, on=True, email="a@x.org", hour=8, time_zone="UTC", next_at=NOW)
        (reader,) = readers.digest_due(session, NOW)
    return reader


def take(database: Database, reader: Reader) -> int | None:
    with database.write() as session:
        return digests.claim(session, reader, DAY, following=TOMORROW, now=NOW)


def test_a_claim_moves_the_next_digest(database: Database, due: Reader) -> None:
    assert take(database, due) is not None
    with database.read() as session:
        moved = readers.by_id(session, due.id)
        (line,) = digests.recent(session)
    assert moved == replace(due, next_digest_at=TOMORROW)
    assert (line.reader_id, line.day, line.status, line.claimed_at, line.ended_at) == (due.id, DAY, "claimed", NOW, None)


def test_of_several_clocks_one_sends(database: Database, due: Reader, together) -> None:
    claims = together([lambda: take(database, due)] * 6)
    assert sum(claim is not None for claim in claims) == 1
    with database.read() as session:
        assert len(digests.recent(session)) == 1


def test_a_day_that_was_claimed_is_not_claimed_again(database: Database, due: Reader) -> None:
    """A reader who moves the hour, or the time zone, on the same day gets no second digest; the next one is set all the same."""
    assert take(database, due) is not None
    with database.write() as session:
        readers.set_digest(session, due.id, on=True, email="a@x.org", hour=9, time_zone="UTC", next_at=NOW)
        (again,) = readers.digest_due(session, NOW)
    assert take(database, again) is None
    with database.read() as session:
        assert readers.digest_due(session, NOW) == []
        assert len(digests.recent(session)) == 1


def test_a_reader_who_switched_it_off_meanwhile_gets_none(database: Database, due: Reader) -> None:
    with database.write() as session:
        readers.set_digest(session, due.id, on=False, email="a@x.org", hour=8, time_zone="UTC", next_at=None)
    assert take(database, due) is None
    with database.read() as session:
        assert digests.recent(session) == []


def test_the_database_itself_allows_one_a_day(database: Database, due: Reader) -> None:
    take(database, due)
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(DigestRow(reader_id=due.id, day=DAY, status="claimed", claimed_at=NOW))


def test_what_became_of_it(database: Database, due: Reader) -> None:
    digest_id = take(database, due)
    assert digest_id is not None
    with database.write() as session:
        digests.mark(session, digest_id, "failed", now=NOW, error="refused", message_id="<1@x>")
        (line,) = digests.recent(session)
    assert (line.status, line.error, line.message_id, line.ended_at) == ("failed", "refused", "<1@x>", NOW)


def test_the_ledger_is_newest_first(database: Database, due: Reader) -> None:
    with database.write() as session:
        for age in range(3):
            day = DAY - timedelta(days=3 - age)
            session.add(DigestRow(reader_id=due.id, day=day, status="sent", claimed_at=NOW))
            session.flush()
        assert [line.day for line in digests.recent(session, limit=2)] == [DAY - timedelta(days=1), DAY - timedelta(days=2)]

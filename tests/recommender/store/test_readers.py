"""People, their sign-ins, the secrets that work once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from recommender.errors import StoreError
from recommender.hours import Schedule
from recommender.store import accounts, events, papers, readers
from recommender.store.db import Database
from recommender.store.tables import EventRow, ReaderRow, SessionRow, TokenRow
from recommender.types import EventKind

HOUR = timedelta(hours=1)


def test_a_reader_is_found_by_number_name_and_address(database: Database) -> None:
    made = make_reader(database, " Alice ", email=" Alice@Example.ORG ")
    assert (made.name, made.email) == ("Alice", "alice@example.org")
    with database.read() as session:
        assert readers.by_id(session, made.id) == made
        assert readers.by_name(session, "Alice ") == made
        assert readers.by_email(session, "ALICE@example.org") == made
        assert readers.by_id(session, made.id + 1) is None
        assert readers.by_name(session, "bob") is None
        assert readers.by_email(session, "bob@example.org") is None


@pytest.mark.parametrize(
    ("name", "email"), [("alice", None), (" alice ", "new@example.org"), ("new", "A@example.org"), ("  ", None), ("", None)]
)
def test_names_and_addresses_are_taken_once(database: Database, name: str, email: str | None) -> None:
    make_reader(database, "alice", email="a@example.org")
    with pytest.raises(StoreError), database.write() as session:
        readers.create(session, name, now=NOW, email=email)
    with database.read() as session:
        assert readers.count(session, simulated=False) == 1


def test_the_database_itself_keeps_names_unique(database: Database) -> None:
    make_reader(database, "alice")
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(ReaderRow(name="alice", created_at=NOW))


def test_of_two_at_once_one_gets_the_name(database: Database, together) -> None:
    def take() -> bool:
        try:
            make_reader(database, "alice")
        except StoreError:
            return False
        return True

    assert sorted(together([take] * 4)) == [False, False, False, True]


def test_several_readers_may_have_no_address(database: Database) -> None:
    assert make_reader(database, "a").id != make_reader(database, "b").id


def test_the_owner_is_the_first_of_them(database: Database) -> None:
    with database.read() as session:
        assert readers.owner(session) is None
    make_reader(database, "guest")
    first = make_reader(database, "first", is_owner=True)
    make_reader(database, "second", is_owner=True)
    with database.read() as session:
        assert readers.owner(session) == first


def test_simulated_readers_are_counted_apart(database: Database) -> None:
    make_reader(database, "alice")
    for number in range(3):
        make_reader(database, f"robot {number}", simulated=True)
    with database.read() as session:
        assert readers.count(session, simulated=False) == 1
        assert readers.count(session, simulated=True) == 3


def test_who_was_here(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        readers.touch(session, alice.id, NOW)
        readers.touch(session, bob.id, NOW - HOUR)
    with database.read() as session:
        assert [reader.name for reader in readers.active_since(session, NOW)] == ["alice"]
        assert [reader.name for reader in readers.active_since(session, NOW - HOUR)] == ["alice", "bob"]


def test_a_digest_is_due_at_its_hour_until_it_is_switched_off(database: Database) -> None:
    alice, bob = make_reader(database, "alice", email="a@x.org"), make_reader(database, "bob", email="b@x.org")
    robot, tokyo = make_reader(database, "r", email="r@x.org", simulated=True), Schedule(6, "Asia/Tokyo")
    with database.write() as session:
        for reader, at in ((alice, NOW), (bob, NOW - HOUR), (robot, NOW - HOUR)):
            accounts.set_digest(session, reader.id, tokyo, on=True, next_at=at)
    with database.read() as session:
        due = readers.digest_due(session, NOW)
        assert [reader.name for reader in due] == ["bob", "alice"]
        assert (due[1].email, due[1].digest_hour, due[1].time_zone) == ("a@x.org", 6, "Asia/Tokyo")
        assert [reader.name for reader in readers.digest_due(session, NOW - timedelta(seconds=1))] == ["bob"]
        assert len(readers.digest_due(session, NOW, limit=1)) == 1
    with database.write() as session:
        accounts.set_digest(session, bob.id, tokyo, on=False, next_at=NOW)
        accounts.drop_email(session, alice.id)
    with database.read() as session:
        assert readers.digest_due(session, NOW) == []
        off = readers.by_id(session, bob.id)
        assert off is not None
        assert off.next_digest_at is None


def test_a_token_works_once_for_its_purpose_until_it_expires(database: Database) -> None:
    alice = make_reader(database)
    with database.write() as session:
        secret = readers.issue_token(session, alice.id, "sign-in", now=NOW, lives=HOUR)
        assert readers.redeem_token(session, secret, "unsubscribe", now=NOW) is None
        assert readers.redeem_token(session, secret + "x", "sign-in", now=NOW) is None
        assert readers.redeem_token(session, secret, "sign-in", now=NOW + HOUR) is None
    with database.write() as session:
        assert readers.redeem_token(session, secret, "sign-in", now=NOW + HOUR - timedelta(seconds=1)) == alice
        assert readers.redeem_token(session, secret, "sign-in", now=NOW) is None
    with database.write() as session:
        assert readers.redeem_token(session, secret, "sign-in", now=NOW) is None


def test_of_two_threads_one_redeems(database: Database, together) -> None:
    alice = make_reader(database)
    with database.write() as session:
        secret = readers.issue_token(session, alice.id, "sign-in", now=NOW, lives=HOUR)

    def redeem() -> bool:
        with database.write() as session:
            return readers.redeem_token(session, secret, "sign-in", now=NOW) is not None

    assert sorted(together([redeem] * 4)) == [False, False, False, True]


def test_only_digests_of_secrets_are_stored(database: Database) -> None:
    alice = make_reader(database)
    with database.write() as session:
        token = readers.issue_token(session, alice.id, "sign-in", now=NOW, lives=HOUR)
        cookie = readers.open_session(session, alice.id, now=NOW, lives=HOUR)
    with database.read() as session:
        stored = [*session.scalars(select(TokenRow.digest)), *session.scalars(select(SessionRow.digest))]
    assert len({token, cookie, *stored}) == 4
    assert all(len(digest) == 64 for digest in stored)


def test_a_sign_in_lasts_until_it_expires_or_is_closed(database: Database) -> None:
    alice = make_reader(database)
    with database.write() as session:
        here = readers.open_session(session, alice.id, now=NOW, lives=HOUR, agent="x" * 500)
        there = readers.open_session(session, alice.id, now=NOW, lives=HOUR)
    with database.read() as session:
        assert readers.reader_of_session(session, here, now=NOW) == alice
        assert readers.reader_of_session(session, here, now=NOW + HOUR) is None
        assert readers.reader_of_session(session, "nonsense", now=NOW) is None
    with database.write() as session:
        readers.close_session(session, here)
    with database.read() as session:
        assert readers.reader_of_session(session, here, now=NOW) is None
        assert readers.reader_of_session(session, there, now=NOW) == alice


def test_a_reader_who_goes_takes_everything_along(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    paper = make_paper(1)
    with database.write() as session:
        papers.upsert(session, [paper], now=NOW)
        for reader in (alice, bob):
            readers.open_session(session, reader.id, now=NOW, lives=HOUR)
            readers.issue_token(session, reader.id, "sign-in", now=NOW, lives=HOUR)
            events.append(session, reader.id, paper.id, EventKind.UPVOTE, at=NOW)
    with database.write() as session:
        session.execute(delete(ReaderRow).where(ReaderRow.id == alice.id))
    with database.read() as session:
        left = [session.scalar(select(func.count()).select_from(table)) for table in (SessionRow, TokenRow, EventRow)]
    assert left == [1, 1, 1]

"""Libraries elsewhere: one key per reader and service, read from where it was left, forgotten at one word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_reader

from recommender.store import accounts, connections
from recommender.store.connections import ZOTERO, Connection
from recommender.store.db import Database
from recommender.store.readers import Reader

LATER = NOW + timedelta(hours=1)
KEY = "P9NiFoyLeZu2bZNvvuQPDWsd"


def connect(database: Database, reader: Reader, account: str = "475425", secret: str = KEY, interest: int = 0) -> Connection:
    with database.write() as session:
        return connections.connect(session, reader.id, ZOTERO, account=account, secret=secret, interest=interest, now=NOW)


def stored(database: Database, reader: Reader) -> Connection | None:
    with database.read() as session:
        return connections.get(session, reader.id, ZOTERO)


def test_a_connection_is_kept_and_forgotten(database: Database, alice: Reader, bob: Reader) -> None:
    made = connect(database, alice)
    assert stored(database, alice) == made == Connection(alice.id, ZOTERO, "475425", KEY, 0, NOW, None, "", None)
    assert stored(database, bob) is None
    with database.write() as session:
        connections.disconnect(session, bob.id, ZOTERO)
        connections.disconnect(session, alice.id, ZOTERO)
    assert stored(database, alice) is None


def test_the_key_is_in_no_repr(database: Database, alice: Reader) -> None:
    assert KEY not in repr(connect(database, alice))


def test_what_it_said_is_noted(database: Database, alice: Reader) -> None:
    connect(database, alice)
    with database.write() as session:
        connections.failed(session, alice.id, ZOTERO, error="closed", now=NOW)
    found = stored(database, alice)
    assert found is not None
    assert (found.error, found.asked_at, found.cursor) == ("closed", NOW, "")
    with database.write() as session:
        connections.said(session, alice.id, ZOTERO, cursor="42", now=LATER)
    found = stored(database, alice)
    assert found is not None
    assert (found.error, found.asked_at, found.cursor) == (None, LATER, "42")


def test_nothing_is_noted_of_what_is_gone(database: Database, alice: Reader) -> None:
    with database.write() as session:
        connections.said(session, alice.id, ZOTERO, cursor="42", now=NOW)
        connections.failed(session, alice.id, ZOTERO, error="closed", now=NOW)
    assert stored(database, alice) is None


@pytest.mark.parametrize(
    ("account", "interest", "cursor"),
    [("475425", 0, "42"), ("1", 0, ""), ("475425", 3, "")],
    ids=["new key", "other", "interest"],
)
def test_a_new_key_goes_on_where_the_old_one_was(
    database: Database, alice: Reader, account: str, interest: int, cursor: str
) -> None:
    connect(database, alice)
    with database.write() as session:
        connections.said(session, alice.id, ZOTERO, cursor="42", now=NOW)
    again = connect(database, alice, account, "another", interest)
    assert (again.secret, again.cursor, again.asked_at, again.interest) == ("another", cursor, None, interest)


def test_those_asked_longest_ago_come_first_and_disabled_readers_never(database: Database, alice: Reader, bob: Reader) -> None:
    carol, dave = make_reader(database, "carol"), make_reader(database, "dave")
    for reader in (alice, bob, carol, dave):
        connect(database, reader)
    with database.write() as session:
        connections.said(session, alice.id, ZOTERO, cursor="1", now=LATER)
        connections.said(session, bob.id, ZOTERO, cursor="1", now=NOW)
        accounts.shut_out(session, dave.id, now=NOW)
    with database.read() as session:
        assert [one.reader_id for one in connections.listing(session, ZOTERO)] == [carol.id, bob.id, alice.id]
        assert connections.listing(session, "mendeley") == []

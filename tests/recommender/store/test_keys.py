"""Keys to feeds and to the API: whose they are, that secrets are not kept, and that a revoked one stays revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_reader

from recommender.errors import StoreError
from recommender.store import keys
from recommender.store.db import Database
from recommender.store.tables_reader import KeyRow


def test_a_feed_key_is_made_listed_and_found(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        made = keys.make(session, alice.id, "feed", now=NOW, label="  at   home ", interest=3)
        keys.make(session, bob.id, "feed", now=NOW)
    with database.read() as session:
        assert keys.listing(session, alice.id) == [made]
        assert (made.label, made.interest, made.kind, made.created_at) == ("at home", 3, "feed", NOW)
        assert keys.get(session, made.id) == made
        assert keys.get(session, 999) is None


def test_of_a_secret_only_the_digest_is_kept(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        made, secret = keys.make_secret(session, alice.id, now=NOW, label="script")
        other, another = keys.make_secret(session, alice.id, now=NOW)
    with database.read() as session:
        assert keys.by_secret(session, secret) == made
        assert keys.by_secret(session, another) == other
        row = session.get_one(KeyRow, made.id)
        assert secret not in str(vars(row))
        assert secret.startswith("broadsheet_")
        for wrong in ("", secret[:-1], secret.upper(), row.digest or "", "é\ud800"):
            assert keys.by_secret(session, wrong) is None


def test_a_revoked_key_is_known_and_opens_nothing(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        made, secret = keys.make_secret(session, alice.id, now=NOW)
        assert not keys.revoke(session, bob.id, made.id, now=NOW)
        assert not keys.revoke(session, alice.id, 999, now=NOW)
        assert keys.revoke(session, alice.id, made.id, now=NOW)
        assert not keys.revoke(session, alice.id, made.id, now=NOW)
    with database.read() as session:
        assert keys.listing(session, alice.id) == []
        found = keys.by_secret(session, secret)
        assert found is not None
        assert found.revoked_at == NOW


def test_use_is_noted_by_the_hour(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        made = keys.make(session, alice.id, "feed", now=NOW)
        assert keys.is_used_again(made, NOW)
        keys.touch(session, made.id, NOW)
        keys.touch(session, 999, NOW)
    with database.read() as session:
        used = keys.get(session, made.id)
    assert used is not None
    assert used.used_at == NOW
    assert not keys.is_used_again(used, NOW + timedelta(minutes=59))
    assert keys.is_used_again(used, NOW + timedelta(minutes=60))


def test_what_is_no_key_is_refused(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        with pytest.raises(StoreError, match="one of feed, api"):
            keys.make(session, alice.id, "door", now=NOW)
        with pytest.raises(StoreError, match="at most 80"):
            keys.make(session, alice.id, "feed", now=NOW, label="x" * 81)


def test_there_are_so_many_of_a_kind_and_no_more(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        made = [keys.make(session, alice.id, "feed", now=NOW) for _ in range(keys.MOST)]
        with pytest.raises(StoreError, match="revoke one first"):
            keys.make(session, alice.id, "feed", now=NOW)
        keys.make_secret(session, alice.id, now=NOW)  # the other kind is counted by itself
        keys.revoke(session, alice.id, made[0].id, now=NOW)
        keys.make(session, alice.id, "feed", now=NOW)

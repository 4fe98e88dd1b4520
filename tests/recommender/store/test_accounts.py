"""Accounts: names that differ only in capitals are one, an address is nobody's before it is confirmed, choices are kept."""

from __future__ import annotations

import pytest
from factories import NOW, make_reader
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.hours import Schedule
from recommender.store import accounts, readers
from recommender.store.db import Database
from recommender.store.readers import Reader


def stored(database: Database, reader: Reader) -> Reader:
    with database.read() as session:
        found = readers.by_id(session, reader.id)
    assert found is not None
    return found


def test_somebody_is_found_by_name_or_address(database: Database) -> None:
    ada = make_reader(database, "Ada Straße", email="Ada@Example.org")
    make_reader(database, "robot", simulated=True)
    with database.read() as session:
        for who in ("Ada Straße", "ada straße", "ADA STRASSE", " Ada Straße ", "ada@example.org", "ADA@example.ORG "):
            assert accounts.find(session, who) == ada, who
        for who in ("", "Ada", "robot", "@", "x@example.org", "%", "a" * 5000, "\x00"):
            assert accounts.find(session, who) is None, who


def test_a_name_that_only_looks_another_is_not_free(database: Database) -> None:
    make_reader(database, "Élodie")
    with database.read() as session:
        assert not accounts.is_free(session, "élodie")
        assert not accounts.is_free(session, "ÉLODIE")
        assert accounts.is_free(session, "Elodie")


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "O'Neill", "J. R.", "李雷", "نور", "x", "a" * 40, "R2-D2", "José"])
def test_these_are_names(name: str) -> None:
    assert accounts.is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", " ada", "ada ", "a@b.org", "a\nb", "a\x00b", "<b>", "a" * 41, "ada\u202egnol", "...", "ﬁne", "a  b" * 20, "-"],
)
def test_these_are_no_names(name: str) -> None:
    assert not accounts.is_name(name)


@given(st.text(max_size=60))
def test_no_name_breaks_a_header_an_address_or_a_page(name: str) -> None:
    if accounts.is_name(name):
        assert name == name.strip()
        assert not set(name) & set('@<>"\r\n\t\x00/\\')


def test_a_reader_takes_another_name(database: Database) -> None:
    ada, bob = make_reader(database, "ada"), make_reader(database, "Bob")
    with database.write() as session:
        accounts.rename(session, ada.id, "Ada")  # one's own is no clash
        with pytest.raises(StoreError, match="already"):
            accounts.rename(session, ada.id, "bOB")
        with pytest.raises(StoreError, match="letters"):
            accounts.rename(session, ada.id, "a@b")
    assert (stored(database, ada).name, stored(database, bob).name) == ("Ada", "Bob")


def test_an_address_is_confirmed_and_forgotten(database: Database) -> None:
    ada, bob = make_reader(database, "ada"), make_reader(database, "bob", email="bob@example.org")
    with database.write() as session:
        accounts.confirm_email(session, ada.id, " Ada@Example.org", now=NOW)
        with pytest.raises(StoreError, match="another reader"):
            accounts.confirm_email(session, ada.id, "BOB@example.org", now=NOW)
        accounts.confirm_email(session, bob.id, "bob@example.org", now=NOW)
        accounts.set_digest(session, ada.id, Schedule(9, "Europe/Berlin"), on=True, next_at=NOW)
    found = stored(database, ada)
    assert (found.email, found.email_confirmed_at, found.digest_on, found.next_digest_at) == ("ada@example.org", NOW, True, NOW)
    with database.write() as session:
        accounts.drop_email(session, ada.id)
    found = stored(database, ada)
    assert (found.email, found.email_confirmed_at, found.digest_on, found.next_digest_at) == (None, None, False, None)
    assert (found.digest_hour, found.time_zone) == (9, "Europe/Berlin")


def test_a_password_is_kept_by_its_hash(database: Database) -> None:
    ada = make_reader(database, "ada")
    with database.write() as session:
        assert accounts.password_of(session, ada.id) is None
        accounts.set_password(session, ada.id, "$argon2id$…")
        assert accounts.password_of(session, ada.id) == "$argon2id$…"
    assert stored(database, ada).has_password
    assert "argon2" not in repr(stored(database, ada))


def test_choices_are_kept(database: Database) -> None:
    ada = make_reader(database, "ada")
    with database.write() as session:
        told = {"replies": False}
        accounts.choose(session, ada.id, locale="de", votes_public=True, notices=told, announce=("new", "replace"))
        accounts.set_curator(session, ada.id, True)
    found = stored(database, ada)
    assert (found.locale, found.votes_public, dict(found.notices), found.announce, found.is_curator) == (
        "de",
        True,
        {"replies": False},
        ("new", "replace"),
        True,
    )


def test_the_owner_is_not_shut_out_and_whoever_is_gets_no_digest(database: Database) -> None:
    owner, ada = make_reader(database, "owner", is_owner=True), make_reader(database, "ada", email="ada@example.org")
    with database.write() as session:
        with pytest.raises(StoreError, match="owner"):
            accounts.shut_out(session, owner.id, NOW)
        accounts.set_digest(session, ada.id, Schedule(7), on=True, next_at=NOW)
        assert [reader.name for reader in readers.digest_due(session, NOW)] == ["ada"]
        accounts.shut_out(session, ada.id, NOW)
        assert readers.digest_due(session, NOW) == []
    assert stored(database, ada).disabled_at == NOW

"""Invitations: each lets one person in, within a fortnight, unless it is taken back."""

from __future__ import annotations

from datetime import timedelta

from factories import NOW, make_reader

from recommender.store import invitations
from recommender.store.db import Database


def test_an_invitation_is_accepted_once(database: Database) -> None:
    owner, ada, bob = (make_reader(database, name) for name in ("owner", "ada", "bob"))
    with database.write() as session:
        token = invitations.make(session, owner.id, now=NOW, note="  for Ada\n" + "x" * 300)
        assert invitations.is_open(session, token, now=NOW)
        assert not invitations.is_open(session, token + "x", now=NOW)
        (listed,) = invitations.listing(session, now=NOW)
        assert (listed.state, listed.made_by, listed.used_by) == ("open", "owner", None)
        assert listed.note.startswith("for Ada xxx")
        assert len(listed.note) == 200
        assert listed.name not in token
        assert invitations.accept(session, token, ada.id, now=NOW)
        assert not invitations.accept(session, token, bob.id, now=NOW)
        assert not invitations.is_open(session, token, now=NOW)
        (listed,) = invitations.listing(session, now=NOW)
        assert (listed.state, listed.used_by, listed.used_at) == ("used", "ada", NOW)


def test_an_invitation_ends(database: Database) -> None:
    ada = make_reader(database, "ada")
    with database.write() as session:
        token = invitations.make(session, None, now=NOW)
        late = NOW + invitations.LIVES
        assert invitations.is_open(session, token, now=late - timedelta(seconds=1))
        assert not invitations.is_open(session, token, now=late)
        assert not invitations.accept(session, token, ada.id, now=late)
        assert invitations.listing(session, now=late)[0].state == "over"


def test_an_invitation_is_taken_back_unless_it_was_accepted(database: Database) -> None:
    ada = make_reader(database, "ada")
    with database.write() as session:
        first, second = (invitations.make(session, None, now=NOW + timedelta(hours=n)) for n in range(2))
        newest, oldest = invitations.listing(session, now=NOW)
        assert (newest.created_at, oldest.created_at) == (NOW + timedelta(hours=1), NOW)
        for wrong in ("", "%" * 16, "_" * 16, oldest.name[:15]):
            assert not invitations.withdraw(session, wrong)
        assert invitations.withdraw(session, oldest.name)
        assert not invitations.is_open(session, first, now=NOW)
        assert invitations.accept(session, second, ada.id, now=NOW)
        assert not invitations.withdraw(session, newest.name)


def test_two_who_accept_at_once_are_one(database: Database, together) -> None:  # type: ignore[no-untyped-def]
    people = [make_reader(database, f"reader {n}") for n in range(6)]
    with database.write() as session:
        token = invitations.make(session, None, now=NOW)

    def accept(reader_id: int) -> bool:
        with database.write() as session:
            return invitations.accept(session, token, reader_id, now=NOW)

    assert sum(together([lambda i=person.id: accept(i) for person in people])) == 1

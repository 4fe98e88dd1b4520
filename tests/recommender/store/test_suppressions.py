"""Addresses that are left alone: known again however they are written, kept as a digest only, until somebody lifts it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW
from sqlalchemy import select

from recommender.store import suppressions
from recommender.store.db import Database
from recommender.store.suppressions import Suppression
from recommender.store.tables_mail import SuppressionRow


def test_an_address_is_left_alone_however_it_is_written(database: Database) -> None:
    with database.write() as session:
        assert suppressions.add(session, " Nora@Example.org", "bounce", now=NOW, detail="550 no such user")
    with database.read() as session:
        found = suppressions.among(session, ["NORA@example.org ", "ada@example.org"])
    assert found == {"NORA@example.org ": Suppression("bounce", "550 no such user", NOW)}


def test_the_first_reason_stays(database: Database) -> None:
    with database.write() as session:
        suppressions.add(session, "nora@example.org", "complaint", now=NOW)
        assert not suppressions.add(session, "nora@example.org", "bounce", now=NOW + timedelta(days=1), detail="550")
        (found,) = suppressions.among(session, ["nora@example.org"]).values()
        assert found == Suppression("complaint", "", NOW)
        assert suppressions.count(session) == 1


def test_it_is_lifted_once_and_can_come_again(database: Database) -> None:
    with database.write() as session:
        suppressions.add(session, "nora@example.org", "owner", now=NOW)
        assert suppressions.lift(session, "NORA@example.org")
        assert not suppressions.lift(session, "nora@example.org")
        assert suppressions.among(session, ["nora@example.org"]) == {}
        assert suppressions.add(session, "nora@example.org", "bounce", now=NOW)
    with database.read() as session:
        assert suppressions.count(session) == 1


def test_a_reason_nobody_knows_is_refused(database: Database) -> None:
    with database.write() as session, pytest.raises(ValueError, match="bounce, complaint, owner"):
        suppressions.add(session, "nora@example.org", "dislike", now=NOW)


def test_many_are_asked_for_at_once(database: Database) -> None:
    addresses = [f"reader-{number}@example.org" for number in range(3000)]
    with database.write() as session:
        for address in addresses[::1000]:
            suppressions.add(session, address, "bounce", now=NOW)
    with database.read() as session:
        assert list(suppressions.among(session, addresses)) == addresses[::1000]
        assert suppressions.among(session, []) == {}


def test_no_address_can_be_read_in_the_database(database: Database) -> None:
    with database.write() as session:
        suppressions.add(session, "nora@example.org", "bounce", now=NOW, detail="550 " + "x" * 2000)
    with database.read() as session:
        row = session.scalars(select(SuppressionRow)).one()
        assert "nora" not in row.address
        assert len(row.detail) == 500

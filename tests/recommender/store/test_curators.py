"""What curators recommend: with a note, by those who are curators now, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader

from recommender.errors import StoreError
from recommender.store import accounts, curators, papers
from recommender.store.curators import Pick
from recommender.store.db import Database
from recommender.store.readers import Reader

ONE, TWO = make_paper(1), make_paper(2)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def carol(database: Database) -> Reader:
    """A curator."""
    reader = make_reader(database, "carol")
    with database.write() as session:
        papers.upsert(session, [ONE, TWO], now=NOW)
        accounts.set_curator(session, reader.id, True)
    return reader


def test_a_pick_has_a_name_and_a_note_that_can_change(database: Database, carol: Reader) -> None:
    with database.write() as session:
        curators.pick(session, ONE.id, carol.id, " Read\n this\x00 ", now=NOW)
        assert curators.by_papers(session, [ONE.id, TWO.id]) == {ONE.id: (Pick(ONE.id, carol.id, "carol", "Read this", NOW),)}
        curators.pick(session, ONE.id, carol.id, "", now=LATER)
        assert curators.recent(session) == [Pick(ONE.id, carol.id, "carol", "", NOW)]


def test_several_curators_and_papers(database: Database, carol: Reader, bob: Reader) -> None:
    with database.write() as session:
        accounts.set_curator(session, bob.id, True)
        curators.pick(session, ONE.id, bob.id, now=LATER)
        curators.pick(session, ONE.id, carol.id, now=NOW)
        curators.pick(session, TWO.id, carol.id, now=NOW)
        assert [pick.name for pick in curators.by_papers(session, [ONE.id])[ONE.id]] == ["carol", "bob"]
        assert [(pick.paper_id, pick.name) for pick in curators.recent(session, limit=1)] == [(ONE.id, "bob")]
        curators.take_back(session, ONE.id, bob.id)
        curators.take_back(session, ONE.id, bob.id)
        assert [pick.name for pick in curators.by_papers(session, [ONE.id])[ONE.id]] == ["carol"]


def test_only_curators_pick_and_only_theirs_count(database: Database, carol: Reader, bob: Reader) -> None:
    with database.write() as session:
        with pytest.raises(StoreError, match="only curators"):
            curators.pick(session, ONE.id, bob.id, now=NOW)
        with pytest.raises(StoreError, match="at most 300"):
            curators.pick(session, ONE.id, carol.id, "x" * 301, now=NOW)
        curators.pick(session, ONE.id, carol.id, now=NOW)
        accounts.set_curator(session, carol.id, False)
    with database.read() as session:
        assert curators.by_papers(session, [ONE.id]) == {}
        assert curators.recent(session) == []

"""Who brought a paper in: the first one, for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper

from recommender.store import papers, submissions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.submissions import Submission
from recommender.store.tables import ReaderRow

ONE, TWO, THREE = (make_paper(number) for number in (1, 2, 3))
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _stored(database: Database) -> None:
    with database.write() as session:
        papers.upsert(session, [ONE, TWO, THREE], now=NOW)


def test_the_first_one_counts(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        first = submissions.record(session, ONE.id, alice.id, now=NOW)
        second = submissions.record(session, ONE.id, bob.id, now=LATER)
        again = submissions.record(session, ONE.id, alice.id, now=LATER)
    assert first == second == again == Submission(ONE.id, alice.id, "alice", NOW)


def test_they_are_listed_newest_first(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        submissions.record(session, ONE.id, alice.id, now=NOW)
        submissions.record(session, TWO.id, bob.id, now=NOW)
        submissions.record(session, THREE.id, alice.id, now=LATER)
    with database.read() as session:
        assert [found.paper_id for found in submissions.of_reader(session, alice.id)] == [THREE.id, ONE.id]
        assert [found.paper_id for found in submissions.recent(session, limit=2)] == [THREE.id, ONE.id]
        assert set(submissions.by_papers(session, [TWO.id, THREE.id, "arxiv:no"])) == {TWO.id, THREE.id}


def test_the_paper_stays_submitted_when_its_reader_leaves(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        submissions.record(session, ONE.id, alice.id, now=NOW)
        session.delete(session.get(ReaderRow, alice.id))
    with database.write() as session:
        session.expire_all()
        assert submissions.record(session, ONE.id, bob.id, now=LATER) == Submission(ONE.id, None, "", NOW)

"""What readers like me said: weighed by how much we agree, by votes only, from three voters on, until a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader

from recommender.store import events, neighbours, papers
from recommender.store.db import Database
from recommender.types import EventKind

UP, DOWN, HIDE, CLEAR, SAVE, CLICK = (
    EventKind.UPVOTE,
    EventKind.DOWNVOTE,
    EventKind.HIDE,
    EventKind.CLEAR,
    EventKind.SAVE,
    EventKind.CLICK,
)
PAPERS = [make_paper(number) for number in range(8)]
MINE, NEW = [paper.id for paper in PAPERS[:2]], [paper.id for paper in PAPERS[4:]]


@pytest.fixture
def log(database: Database) -> Database:
    """Ann, Bo and Di like what I like (Bo something else too), Cy likes other papers only."""
    with database.write() as session:
        papers.upsert(session, PAPERS, now=NOW)
    for name in ("me", "ann", "bo", "cy", "di"):
        make_reader(database, name)
    tell(database, 1, UP, *MINE)
    tell(database, 2, UP, *MINE)
    tell(database, 3, UP, PAPERS[0].id, PAPERS[2].id)
    tell(database, 4, UP, PAPERS[2].id)
    tell(database, 5, UP, PAPERS[1].id)
    return database


def tell(database: Database, reader_id: int, kind: EventKind, *paper_ids: str, minutes: int = 0) -> None:
    with database.write() as session:
        for paper_id in paper_ids:
            events.append(session, reader_id, paper_id, kind, at=NOW + timedelta(minutes=minutes))


def said(database: Database, liked: list[str] = MINE, *, minutes: int = 60) -> dict[str, float]:
    with database.read() as session:
        return neighbours.said(session, 1, liked, NEW, as_of=NOW + timedelta(minutes=minutes))


DI = 1 / 4**0.5  # 1 shared, of my 2 and her 2 (what she votes on in a test is one of these)


def test_votes_count_by_how_much_two_readers_agree(log: Database) -> None:
    for reader in (2, 3, 5):
        tell(log, reader, UP, NEW[0])
    # Ann: 2 shared, of my 2 and her 3. Bo: 1 shared, of my 2 and his 3.
    assert said(log) == {NEW[0]: pytest.approx(2 / 6**0.5 + 1 / 6**0.5 + DI)}


def test_likes_taken_back_are_none(log: Database) -> None:
    for reader in (2, 3, 5):
        tell(log, reader, UP, NEW[0])
    before = said(log)
    tell(log, 2, UP, PAPERS[3].id, NEW[3])
    assert said(log)[NEW[0]] < before[NEW[0]]
    tell(log, 2, CLEAR, PAPERS[3].id, NEW[3])
    assert said(log) == before


@pytest.mark.parametrize("no", [DOWN, HIDE])
def test_a_no_counts_against(log: Database, no: EventKind) -> None:
    tell(log, 2, UP, NEW[0])
    tell(log, 3, no, NEW[0])
    tell(log, 5, UP, NEW[0])
    assert said(log) == {NEW[0]: pytest.approx(2 / 6**0.5 - 1 / 4**0.5 + DI)}


def test_two_voters_say_nothing_and_neither_do_strangers(log: Database) -> None:
    tell(log, 2, UP, NEW[0], NEW[1])
    tell(log, 3, UP, NEW[0], NEW[1])
    tell(log, 4, UP, NEW[0], NEW[2])
    tell(log, 1, UP, NEW[0])
    assert said(log) == {}


def test_what_is_saved_or_opened_stays_private(log: Database) -> None:
    for kind in (SAVE, CLICK):
        for reader in (2, 3, 5):
            tell(log, reader, kind, NEW[0])
    assert said(log) == {}


def test_the_last_vote_counts(log: Database) -> None:
    for reader in (2, 3, 5):
        tell(log, reader, UP, NEW[0])
    whole = said(log)[NEW[0]]
    tell(log, 3, CLEAR, NEW[0], minutes=5)
    assert said(log) == {}
    tell(log, 3, DOWN, NEW[0], minutes=6)
    assert said(log)[NEW[0]] < whole
    tell(log, 2, CLEAR, *MINE, minutes=7)  # Ann no longer agrees with me on anything
    assert said(log) == {}


def test_nothing_later_is_known(log: Database) -> None:
    tell(log, 2, UP, NEW[0], minutes=1)
    tell(log, 5, UP, NEW[0], minutes=1)
    tell(log, 3, UP, NEW[0], minutes=30)
    assert said(log, minutes=29) == {}
    assert list(said(log, minutes=30)) == [NEW[0]]


def test_without_likes_there_are_no_neighbours(log: Database) -> None:
    for reader in (2, 3, 5):
        tell(log, reader, UP, NEW[0])
    assert said(log, []) == {}


def test_many_papers_and_readers_are_asked_in_parts(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for reader in (2, 3, 5):
        tell(log, reader, UP, *NEW)
    whole = said(log)
    monkeypatch.setattr(neighbours, "BATCH", 1)
    assert said(log) == whole
    assert set(whole) == set(NEW)

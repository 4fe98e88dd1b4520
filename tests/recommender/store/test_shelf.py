"""The shelf's tables: what the log says is saved, collections that are one reader's, notes, and which version is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from factories import NOW, make_paper

from recommender.errors import StoreError
from recommender.store import events, papers, shelf
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from recommender.store.shelf import Mark
from recommender.types import EventKind, Paper

A, B, C = make_paper(1), make_paper(2), make_paper(3)


@pytest.fixture
def stored(database: Database) -> Database:
    with database.write() as session:
        papers.upsert(session, [A, B, C], now=NOW)
    return database


def keep(session: Session, reader: Reader, paper: Paper, kind: EventKind = EventKind.SAVE, *, hours: int = 0) -> None:
    events.append(session, reader.id, paper.id, kind, at=NOW + timedelta(hours=hours))


def test_the_last_word_says_what_is_saved(stored: Database, alice: Reader, bob: Reader) -> None:
    with stored.write() as session:
        keep(session, alice, A)
        keep(session, alice, B, hours=1)
        keep(session, alice, C, hours=2)
        keep(session, alice, B, EventKind.UNSAVE, hours=3)
        keep(session, alice, A, EventKind.UPVOTE, hours=4)
        keep(session, bob, B, hours=5)
        assert shelf.saved(session, alice.id) == {C.id: NOW + timedelta(hours=2), A.id: NOW}
        keep(session, alice, A, EventKind.SAVE, hours=6)
        assert list(shelf.saved(session, alice.id)) == [A.id, C.id]


def test_collections_are_begun_filled_and_removed(stored: Database, alice: Reader, bob: Reader) -> None:
    with stored.write() as session:
        later = shelf.create(session, alice.id, " For  later ", now=NOW)
        best = shelf.create(session, alice.id, "best", now=NOW)
        assert (later.name, later.slug, later.public) == ("For later", "for-later", False)
        assert [one.name for one in shelf.collections(session, alice.id)] == ["best", "For later"]
        assert shelf.by_slug(session, alice.id, "best") == best
        assert shelf.by_slug(session, bob.id, "best") is None
        assert shelf.collect(session, later, A.id, now=NOW)
        assert not shelf.collect(session, later, A.id, now=NOW)
        shelf.collect(session, later, B.id, now=NOW)
        shelf.take_out(session, later, B.id)
        assert shelf.held(session, alice.id) == {later.id: {A.id}, best.id: set()}
        assert shelf.held(session, bob.id) == {}
        shelf.set_public(session, later, public=True)
        found = shelf.by_id(session, later.id)
        assert found is not None
        assert found.public
        shelf.remove(session, later)
        assert shelf.by_id(session, later.id) is None
        assert shelf.held(session, alice.id) == {best.id: set()}


@pytest.mark.parametrize("number", [0, -1, 2**40])
def test_a_number_that_is_none_finds_nothing(stored: Database, number: int) -> None:
    with stored.read() as session:
        assert shelf.by_id(session, number) is None


def test_names_are_checked_and_addresses_stay_apart(stored: Database, alice: Reader) -> None:
    with stored.write() as session:
        first = shelf.create(session, alice.id, "C++", now=NOW)
        assert [shelf.create(session, alice.id, name, now=NOW).slug for name in ("C", "🙂", "漢字")] == [
            "c-2",
            "collection",
            "漢字",
        ]
        for name in ("", "c++", "x" * 81):
            with pytest.raises(StoreError):
                shelf.create(session, alice.id, name, now=NOW)
        assert shelf.rename(session, first, "C++").slug == "c"
        with pytest.raises(StoreError, match="already"):
            shelf.rename(session, first, "c")


def test_there_is_an_end_to_collections(stored: Database, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 2)
    with stored.write() as session:
        for name in ("a", "b"):
            shelf.create(session, alice.id, name, now=NOW)
        with pytest.raises(StoreError, match="2 collections"):
            shelf.create(session, alice.id, "c", now=NOW)


def test_marks_are_one_readers(stored: Database, alice: Reader, bob: Reader) -> None:
    with stored.write() as session:
        shelf.write_note(session, alice.id, A.id, "mine", now=NOW)
        shelf.set_read(session, alice.id, B.id, read=True, now=NOW)
        shelf.write_note(session, bob.id, A.id, "his", now=NOW)
        assert shelf.marks(session, alice.id) == {A.id: Mark("mine"), B.id: Mark("", NOW, 1)}
        shelf.set_read(session, alice.id, B.id, read=False, now=NOW)
        assert shelf.marks(session, alice.id)[B.id] == Mark("", None, 1)
        with pytest.raises(StoreError, match="10,001"):
            shelf.write_note(session, alice.id, A.id, "x" * 10_001, now=NOW)


def test_one_papers_place(stored: Database, alice: Reader) -> None:
    with stored.write() as session:
        inside = shelf.create(session, alice.id, "inside", now=NOW)
        shelf.create(session, alice.id, "other", now=NOW)
        shelf.collect(session, inside, A.id, now=NOW)
        keep(session, alice, A)
        shelf.write_note(session, alice.id, A.id, "mine", now=NOW)
        place = shelf.place(session, alice.id, A.id)
        assert (place.saved, place.held, place.mark.note, len(place.collections)) == (True, {inside.id}, "mine", 2)
        assert not shelf.place(session, alice.id, B.id).saved


def changed(session: Session, reader: Reader) -> dict[str, tuple[int, int, str]]:
    saved, marks = shelf.saved(session, reader.id), shelf.marks(session, reader.id)
    found = shelf.changed(session, {paper_id: (at, marks.get(paper_id, Mark())) for paper_id, at in saved.items()})
    return {paper_id: (older.version, older.now, older.title) for paper_id, older in found.items()}


def test_a_new_version_is_told_against_the_one_that_is_known(stored: Database, alice: Reader) -> None:
    def version(number: int, *, hours: int, paper: Paper = A) -> None:
        papers.upsert(
            session, [replace(paper, version=number, title=f"{paper.title} v{number}")], now=NOW + timedelta(hours=hours)
        )

    with stored.write() as session:
        keep(session, alice, A, hours=1)
        assert changed(session, alice) == {}
        version(2, hours=2)
        assert changed(session, alice) == {A.id: (1, 2, A.title)}
        version(3, hours=3)
        assert changed(session, alice) == {A.id: (1, 3, A.title)}
        shelf.saw(session, alice.id, A.id, now=NOW)
        assert changed(session, alice) == {}
        version(4, hours=4)
        assert changed(session, alice) == {A.id: (3, 4, f"{A.title} v3")}
        shelf.set_read(session, alice.id, A.id, read=True, now=NOW)
        assert changed(session, alice) == {}
        version(2, hours=4, paper=B)
        keep(session, alice, B, hours=5)  # saved as it is: what was before is no news
        assert changed(session, alice) == {}


def test_a_text_that_changed_without_a_version_is_no_news(stored: Database, alice: Reader) -> None:
    with stored.write() as session:
        keep(session, alice, A)
        papers.upsert(session, [replace(A, title="Mended")], now=NOW + timedelta(hours=1))
        assert changed(session, alice) == {}

"""Pages with the rows they were ranked by, and what was really shown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, make_paper
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from recommender.store import events, pages, papers
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from recommender.store.tables import EventRow, ItemRow, PageRow
from recommender.types import Channel, EventKind, RankedItem, RankedPage, Reason

PAPERS = [make_paper(number) for number in range(1, 6)]
YESTERDAY = DAY - timedelta(days=1)
REASONS = {
    1: (Reason("similar", "like “A study”", PAPERS[0].id), Reason("recent", "new today")),
    2: (
        Reason(
            "terms",
            'say "it"\n\\ \u2028 \U0001f600 {}',
            None,
            '%s "\t" %s',
            ('"', "\\"),
        ),
        Reason("recent", "", "", "", ("",)),
    ),
}


@pytest.fixture
def library(database: Database) -> Database:
    with database.write() as session:
        papers.upsert(session, PAPERS, now=NOW)
    return database


def make_page(reader: Reader, *, day: date = DAY, ids: list[str] | None = None, **facts: object) -> RankedPage:
    items = tuple(
        RankedItem(
            position=position,
            paper_id=paper_id,
            score=1.0 / position,
            features=np.array([position, np.nan, -0.25], dtype=np.float32),
            reasons=REASONS.get(position, ()),
            explored=position == 2,
            propensity=0.125 if position == 2 else 1.0,
            voted=position == 3,
            team="blend-2" if position == 4 else "",
        )
        for position, paper_id in enumerate(ids or [paper.id for paper in PAPERS], start=1)
    )
    page = RankedPage(reader.id, day, items, 40, "blend-1", "schema-1", 7, 9, "recipe-1", NOW)
    return replace(page, **facts)  # type: ignore[arg-type]


def put(database: Database, page: RankedPage) -> RankedPage:
    with database.write() as session:
        return pages.save(session, page)


def same(one: RankedPage, other: RankedPage) -> bool:
    """Two pages are equal: features by value, an undefined one equal to itself."""
    for a, b in zip(one.items, other.items, strict=True):
        np.testing.assert_array_equal(a.features, b.features)
        assert a.features.dtype == b.features.dtype == np.float32
    bare = [replace(page, items=tuple(item._replace(features=np.zeros(0)) for item in page.items)) for page in (one, other)]
    return repr(bare[0]) == repr(bare[1])


def test_pages_are_numbered_by_the_database(
    library: Database, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = pages.insert_plain

    def shuffled(session: Session, row: type[ItemRow], names: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
        plainly(session, row, names, [*rows[:7], *reversed(rows[7:])])

    monkeypatch.setattr(pages, "insert_plain", shuffled)
    with library.write() as session:
        made = pages.save_all(session, [(make_page(alice), 0), (make_page(bob), 0), (make_page(alice, items=()), 1)])
    for page in made:
        with library.read() as session:
            stored = pages.by_id(session, page.id)
        assert stored is not None
        assert same(stored, page)


def test_a_page_comes_back_whole(library: Database, alice: Reader) -> None:
    made = make_page(alice)
    stored = put(library, made)
    assert stored.id > 0
    assert stored.revision == 1
    assert len({item.id for item in stored.items} - {0}) == len(PAPERS)
    with library.read() as session:
        found, known = pages.latest(session, alice.id, DAY), pages.by_id(session, stored.id)
        assert pages.by_id(session, stored.id + 1) is None
    assert found is not None
    assert known is not None
    assert same(found, stored)
    assert same(known, stored)
    bare = tuple(item._replace(id=0) for item in found.items)
    assert same(replace(found, id=0, items=bare), made)


def test_the_newest_revision_counts_and_older_ones_stay(library: Database, alice: Reader, bob: Reader) -> None:
    first = put(library, make_page(alice))
    put(library, make_page(bob))
    put(library, make_page(alice, day=YESTERDAY))
    second = put(library, make_page(alice, cursor=8, ids=[PAPERS[4].id]))
    assert (first.revision, second.revision) == (1, 2)
    with library.read() as session:
        found = pages.latest(session, alice.id, DAY)
        assert found is not None
        assert (found.id, found.cursor, len(found.items)) == (second.id, 8, 1)
        assert pages.by_id(session, first.id) is not None
        assert pages.latest(session, alice.id, DAY + timedelta(days=1)) is None


def test_a_revision_exists_once(library: Database, alice: Reader) -> None:
    put(library, make_page(alice))
    facts = {"candidates": 1, "model": "", "schema": "", "cursor": 0, "paper_cursor": 0, "recipe": "", "built_at": NOW}
    with pytest.raises(IntegrityError), library.write() as session:
        session.add(PageRow(reader_id=alice.id, day=DAY, revision=1, **facts))


def test_two_requests_at_once_make_two_revisions(library: Database, alice: Reader, together) -> None:
    made = together([lambda: put(library, make_page(alice)).revision] * 3)
    assert sorted(made) == [1, 2, 3]


@pytest.mark.parametrize("batch", [1, 500])
def test_what_is_asked_of_several_readers_is_what_each_has(
    library: Database, alice: Reader, bob: Reader, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BATCH", batch)
    yesterday = put(library, make_page(bob, day=YESTERDAY))
    with library.write() as session:
        first, other = pages.save_all(session, [(make_page(alice), 0), (make_page(bob), 0)])
        named, second = pages.save_all(session, [(make_page(alice, interest=4), 1), (make_page(alice), 2)])
        assert pages.save_all(session, []) == []
    assert [page.reader_id for page in (first, other, named, second)] == [alice.id, bob.id, alice.id, alice.id]
    readers = [alice.id, bob.id, 404]
    with library.read() as session:

        def ids(day: date, interest: int = 0) -> dict[int, int]:
            return {reader_id: page.id for reader_id, page in pages.heads(session, readers, day, interest).items()}

        assert (ids(DAY), ids(DAY, 4)) == ({alice.id: second.id, bob.id: other.id}, {alice.id: named.id})
        assert (ids(YESTERDAY), ids(YESTERDAY, 4)) == ({bob.id: yesterday.id}, {})
        assert pages.revisions(session, readers, DAY) == {alice.id: 3, bob.id: 1, 404: 0}
        for stored in (first, other, named, second, yesterday):
            found = pages.by_id(session, stored.id)
            assert found is not None
            assert same(found, stored)


def test_an_item_brings_its_page(library: Database, alice: Reader) -> None:
    stored = put(library, make_page(alice))
    with library.read() as session:
        found = pages.item(session, stored.items[1].id)
        assert pages.item(session, stored.items[-1].id + 1) is None
    assert found is not None
    page, item = found
    assert (page.id, page.reader_id, page.items) == (stored.id, alice.id, ())
    assert (item.paper_id, item.position, item.explored, item.propensity) == (PAPERS[1].id, 2, True, 0.125)


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**19])
def test_numbers_that_no_item_can_have(database: Database, number: int) -> None:
    with database.read() as session:
        assert pages.item(session, number) is None


def test_places_are_of_one_reader_and_day(library: Database, alice: Reader, bob: Reader) -> None:
    mine, others = put(library, make_page(alice)), put(library, make_page(bob))
    older = put(library, make_page(alice, day=YESTERDAY))
    again = put(library, make_page(alice, ids=[PAPERS[3].id]))
    asked = [mine.items[2].id, others.items[0].id, older.items[0].id, again.items[0].id, 10**6]
    with library.read() as session:
        assert pages.places(session, alice.id, DAY, asked) == {mine.items[2].id: 3, again.items[0].id: 1}
        assert pages.places(session, alice.id, DAY, []) == {}


def test_an_item_is_marked_once_per_channel(library: Database, alice: Reader) -> None:
    ids = [item.id for item in put(library, make_page(alice)).items]
    with library.write() as session:
        assert pages.mark_shown(session, ids[:2], Channel.WEB, NOW) == 2
        assert pages.mark_shown(session, [*ids[:3], ids[2]], Channel.WEB, NOW + timedelta(hours=1)) == 1
        assert pages.mark_shown(session, ids[:1], Channel.EMAIL, NOW) == 1
        assert pages.unshown(session, ids, Channel.WEB) == ids[3:]
        assert pages.unshown(session, ids, Channel.EMAIL) == ids[1:]
        assert pages.unshown(session, [], Channel.WEB) == []
    with pytest.raises(DBAPIError, match="impressions is append-only"), library.write() as session:
        session.execute(text("UPDATE impressions SET channel = 'email'"))


def test_of_two_threads_one_marks(library: Database, alice: Reader, together) -> None:
    ids = [item.id for item in put(library, make_page(alice)).items]

    def mark() -> int:
        with library.write() as session:
            return pages.mark_shown(session, ids, Channel.WEB, NOW)

    assert sorted(together([mark] * 3)) == [0, 0, len(ids)]


def test_seen_elsewhere_is_what_other_days_have_shown(library: Database, alice: Reader, bob: Reader) -> None:
    old = put(library, make_page(alice, day=YESTERDAY - timedelta(days=9), ids=[PAPERS[3].id]))
    mine = put(library, make_page(alice, day=YESTERDAY))
    today = put(library, make_page(alice))
    others = put(library, make_page(bob, day=YESTERDAY))
    later = put(library, make_page(alice, day=YESTERDAY, ids=[PAPERS[2].id]))
    with library.write() as session:
        pages.mark_shown(session, [mine.items[0].id, mine.items[0].id], Channel.WEB, NOW)
        pages.mark_shown(session, [mine.items[0].id], Channel.EMAIL, NOW)
        shown = [old.items[0].id, today.items[4].id, others.items[1].id]
        pages.mark_shown(session, shown, Channel.SIMULATED, NOW)
        pages.mark_shown(session, [later.items[0].id], Channel.WEB, NOW + timedelta(hours=1))
    with library.read() as session:
        ask = lambda **more: pages.seen_elsewhere(session, alice.id, DAY, YESTERDAY, **more)  # noqa: E731
        assert ask() == {PAPERS[0].id, PAPERS[2].id}
        assert ask(as_of=NOW) == {PAPERS[0].id}
        assert pages.seen_elsewhere(session, alice.id, DAY, old.day) == {PAPERS[0].id, PAPERS[2].id, PAPERS[3].id}


def test_shown_pages_come_with_their_shown_items_only(library: Database, alice: Reader, bob: Reader) -> None:
    put(library, make_page(alice, day=YESTERDAY))  # never opened
    mine, others = put(library, make_page(alice)), put(library, make_page(bob, day=YESTERDAY))
    with library.write() as session:
        pages.mark_shown(session, [mine.items[3].id, mine.items[0].id], Channel.WEB, NOW)
        pages.mark_shown(session, [mine.items[0].id], Channel.EMAIL, NOW - timedelta(hours=1))
        pages.mark_shown(session, [others.items[4].id], Channel.WEB, NOW)
    with library.read() as session:
        found = list(pages.shown(session))
        assert [page.page.id for page in found] == [mine.id, others.id]
        assert [(one.item.position, one.shown_at) for one in found[0].items] == [(1, NOW - timedelta(hours=1)), (4, NOW)]
        np.testing.assert_array_equal(found[0].items[1].item.features, mine.items[3].features)
        assert [page.page.id for page in pages.shown(session, first=DAY)] == [mine.id]
        assert [page.page.id for page in pages.shown(session, last=YESTERDAY)] == [others.id]
        assert list(pages.shown(session, first=DAY + timedelta(days=1))) == []


def test_shown_goes_on_beyond_one_statement(library: Database, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "BATCH", 2)
    made = [put(library, make_page(alice, day=DAY - timedelta(days=age), ids=[PAPERS[0].id])) for age in range(5)]
    with library.write() as session:
        for page in made:
            assert pages.mark_shown(session, [page.items[0].id], Channel.WEB, NOW) == 1
    with library.read() as session:
        assert [page.page.id for page in pages.shown(session)] == [page.id for page in made]
        assert pages.unshown(session, [page.items[0].id for page in made], Channel.WEB) == []


def test_an_item_that_was_answered_stays(library: Database, alice: Reader) -> None:
    stored = put(library, make_page(alice))
    with library.write() as session:
        events.append(session, alice.id, PAPERS[0].id, EventKind.UPVOTE, at=NOW, item_id=stored.items[0].id)
    with pytest.raises(IntegrityError), library.write() as session:
        session.execute(delete(ItemRow).where(ItemRow.id == stored.items[0].id))
    with pytest.raises(IntegrityError), library.write() as session:
        session.add(EventRow(reader_id=alice.id, paper_id=PAPERS[0].id, kind="upvote", at=NOW, item_id=10**6, channel="web"))

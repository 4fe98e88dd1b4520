"""The log: appended to, folded, never changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from recommender.store import events, papers
from recommender.store.db import Database
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Channel, Event, EventKind

UP, DOWN, HIDE, CLEAR = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR
SAVE, UNSAVE, CLICK = EventKind.SAVE, EventKind.UNSAVE, EventKind.CLICK
A, B = make_paper(1), make_paper(2)


@pytest.fixture
def log(database: Database) -> Database:
    with database.write() as session:
        papers.upsert(session, [A, B], now=NOW)
    return database


def test_what_is_appended_is_read_back_in_order(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        first = events.append(session, alice.id, A.id, UP, at=NOW, channel=Channel.EMAIL)
        events.append(session, bob.id, A.id, DOWN, at=NOW)
        second = events.append(session, alice.id, B.id, SAVE, at=NOW - timedelta(hours=1))
    assert first.id < second.id
    assert (first.reader_id, first.paper_id, first.kind, first.channel, first.item_id) == (
        alice.id,
        A.id,
        UP,
        Channel.EMAIL,
        None,
    )
    with log.read() as session:
        assert events.history(session, alice.id) == [first, second]  # as written, whatever their times say


def test_history_ends_at_a_moment_and_at_a_cursor(log: Database, alice: Reader) -> None:
    with log.write() as session:
        made = [events.append(session, alice.id, A.id, UP, at=NOW + timedelta(hours=hour)) for hour in range(4)]
    with log.read() as session:
        assert events.history(session, alice.id, as_of=NOW + timedelta(hours=1)) == made[:2]
        assert events.history(session, alice.id, cursor=made[2].id) == made[:3]
        assert events.history(session, alice.id, as_of=NOW, cursor=made[2].id) == made[:1]
        assert events.history(session, alice.id, as_of=NOW - timedelta(seconds=1)) == []


def test_a_click_does_not_move_the_last_id(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        assert events.last_id(session, alice.id) == 0
        vote = events.append(session, alice.id, A.id, UP, at=NOW)
        events.append(session, alice.id, A.id, CLICK, at=NOW)
        events.append(session, bob.id, A.id, UP, at=NOW)
        assert events.last_id(session, alice.id) == vote.id


def test_several_histories_at_once_are_those_of_each(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        assert events.histories(session, []) == {}
        for reader, paper, kind in ((alice, A, UP), (bob, A, UP), (alice, A, CLEAR), (bob, B, CLICK)):
            events.append(session, reader.id, paper.id, kind, at=NOW)
        events.append(session, alice.id, B.id, UP, at=NOW + timedelta(hours=1))
        for as_of in (None, NOW):
            asked = [bob.id, alice.id, 404]
            assert events.histories(session, asked, as_of=as_of) == {i: events.history(session, i, as_of=as_of) for i in asked}
        assert [event.paper_id for event in events.histories(session, [bob.id])[bob.id]] == [A.id, B.id]
        known = {at: events.histories(session, [alice.id], as_of=at)[alice.id] for at in (None, NOW)}
        assert {at: [event.id for event in told] for at, told in known.items()} == {None: [1, 3, 5], NOW: [1, 3]}
        assert events.last_ids(session, [alice.id, bob.id, 404]) == {alice.id: 5, bob.id: 2, 404: 0}


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_but_a_click_moves_the_page(kind: EventKind) -> None:
    assert (kind in events.MOVING) is (kind is not CLICK)


def test_of_papers_gives_only_theirs(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        one = events.append(session, alice.id, B.id, UP, at=NOW)
        two = events.append(session, alice.id, A.id, UP, at=NOW)
        events.append(session, bob.id, A.id, UP, at=NOW)
    many = [f"arxiv:none-{number}" for number in range(1200)]  # more than one statement can hold
    with log.read() as session:
        assert events.of_papers(session, alice.id, [A.id]) == [two]
        assert events.of_papers(session, alice.id, [A.id, *many, B.id]) == [one, two]
        assert events.of_papers(session, alice.id, []) == []


@pytest.mark.parametrize("table", ["events", "impressions", "signals", "vectors"])
def test_the_log_has_a_guard_on_each_growing_table(log: Database, table: str) -> None:
    postgres = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    sqlite = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with log.read() as session:
        names = set(session.scalars(text(postgres if log.engine.dialect.name == "postgresql" else sqlite)))
    assert f"{table}_append_only" in names


def test_an_event_cannot_be_changed(log: Database, alice: Reader) -> None:
    with log.write() as session:
        event = events.append(session, alice.id, A.id, UP, at=NOW)
    with pytest.raises(DBAPIError, match="events is append-only"), log.write() as session:
        session.execute(text("UPDATE events SET kind = 'downvote'"))
    with log.read() as session:
        assert events.history(session, alice.id) == [event]


def _fold(*kinds: EventKind) -> Word | None:
    made = [Event(number, 1, A.id, kind, NOW) for number, kind in enumerate(kinds, start=1)]
    return events.words(made).get(A.id)


@pytest.mark.parametrize(
    ("before", "gesture", "after"),
    [
        (Word(), UP, Word(UP)),
        (Word(), DOWN, Word(DOWN)),
        (Word(), HIDE, Word(HIDE)),
        (Word(), CLEAR, Word()),
        (Word(), SAVE, Word(None, saved=True)),
        (Word(), UNSAVE, Word()),
        (Word(UP), UP, Word(UP)),
        (Word(UP), DOWN, Word(DOWN)),
        (Word(UP), HIDE, Word(HIDE)),
        (Word(UP), CLEAR, Word()),
        (Word(UP), SAVE, Word(UP, saved=True)),
        (Word(UP), UNSAVE, Word(UP)),
        (Word(UP), CLICK, Word(UP)),
        (Word(DOWN), UP, Word(UP)),
        (Word(DOWN), CLEAR, Word()),
        (Word(HIDE), UP, Word(UP)),
        (Word(HIDE), CLEAR, Word()),
        (Word(UP, saved=True), CLEAR, Word(None, saved=True)),
        (Word(UP, saved=True), UNSAVE, Word(UP)),
        (Word(UP, saved=True), DOWN, Word(DOWN, saved=True)),
        (Word(None, saved=True), CLICK, Word(None, saved=True)),
        (Word(None, saved=True), SAVE, Word(None, saved=True)),
    ],
)
def test_the_last_word_counts(before: Word, gesture: EventKind, after: Word) -> None:
    told = ([before.vote] if before.vote else []) + ([SAVE] if before.saved else [])
    assert _fold(*told, gesture) == after


def test_a_click_alone_is_no_word() -> None:
    assert _fold(CLICK) is None


@given(kinds=st.lists(st.sampled_from(EventKind), max_size=12))
def test_clear_undoes_every_vote_and_nothing_else(kinds: list[EventKind]) -> None:
    word, cleared = _fold(*kinds) or Word(), _fold(*kinds, CLEAR)
    assert cleared == Word(None, word.saved)


def test_upvotes_count_readers_whose_last_word_is_one(log: Database, alice: Reader, bob: Reader) -> None:
    carol = make_reader(log, "carol")
    with log.write() as session:
        for reader, paper, kinds in [
            (alice, A, (UP, UP)),
            (bob, A, (UP, DOWN, UP, CLICK, SAVE)),
            (carol, A, (UP, CLEAR)),
            (alice, B, (UP, HIDE)),
            (bob, B, (SAVE,)),
        ]:
            for kind in kinds:
                events.append(session, reader.id, paper.id, kind, at=NOW)
    with log.read() as session:
        assert events.upvotes(session, [A.id, B.id, "arxiv:none"]) == {A.id: 2}
        assert events.upvotes(session, []) == {}


def test_what_is_liked_is_the_last_word_of_each_reader(log: Database, alice: Reader, bob: Reader) -> None:
    told = [(alice, A, UP), (alice, B, SAVE), (bob, A, UP), (bob, A, CLEAR), (bob, A, CLICK), (bob, B, SAVE)]
    with log.write() as session:
        for reader, paper, kind in told:
            events.append(session, reader.id, paper.id, kind, at=NOW)
        assert events.liked(session) == {alice.id: [A.id, B.id], bob.id: [B.id]}
        events.append(session, bob.id, B.id, DOWN, at=NOW)  # saved, and voted down: that is no like
        assert events.liked(session) == {alice.id: [A.id, B.id]}


def test_numbers_grow_in_the_order_of_commits(log: Database, alice: Reader, together) -> None:
    """Whoever has seen an event has seen every earlier one: a page knows by one number whether it is fresh."""
    seen: list[list[int]] = []

    def vote() -> None:
        for _ in range(10):
            with log.write() as session:
                events.append(session, alice.id, A.id, UP, at=NOW)
            with log.read() as session:
                seen.append([event.id for event in events.history(session, alice.id)])

    together([vote] * 4)
    whole = max(seen, key=len)
    assert len(whole) == 40
    assert all(ids == whole[: len(ids)] for ids in seen)

"""A discussion: what stands, what is gone, who may change what, and what the owner is asked to look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.store import comments, papers
from recommender.store.comments import Comment
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import CommentRow

PAPER, OTHER = make_paper(1), make_paper(2)
MINUTE = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)

Say = Callable[..., Comment]


@pytest.fixture
def say(database: Database) -> Say:
    """Say something about the first paper, a minute after the last remark."""
    with database.write() as session:
        papers.upsert(session, [PAPER, OTHER], now=NOW)

    def said(reader: Reader, text: str, answers: Comment | None = None, at: int = 0) -> Comment:
        with database.write() as session:
            parent = answers.id if answers is not None else None
            return comments.add(session, PAPER.id, reader.id, text, now=NOW + at * MINUTE, parent_id=parent)

    return said


def shown(database: Database) -> list[tuple[str, int]]:
    with database.read() as session:
        return [(remark.text or f"({remark.removed_by})", remark.depth) for remark in comments.thread(session, PAPER.id)]


def count(database: Database) -> int:
    with database.read() as session:
        return comments.counts(session, [PAPER.id, OTHER.id]).get(PAPER.id, 0)


def test_a_thread_is_read_from_question_to_answers(database: Database, alice: Reader, bob: Reader, say: Say) -> None:
    first = say(alice, "One")
    say(bob, "Two")
    answer = say(bob, "To one", first)
    say(alice, "To the answer", answer)
    say(alice, "Also to one", first)
    assert shown(database) == [("One", 0), ("To one", 1), ("To the answer", 2), ("Also to one", 1), ("Two", 0)]
    assert count(database) == 5
    with database.read() as session:
        assert comments.thread(session, OTHER.id) == []
        named = comments.thread(session, PAPER.id)[1]
    assert (named.name, named.reader_id, named.parent_id, named.edited_at) == ("bob", bob.id, first.id, None)


def test_a_thread_may_be_deep_and_is_indented_so_far(database: Database, alice: Reader, say: Say) -> None:
    last = None
    for number in range(60):
        last = say(alice, str(number), last)
    depths = [depth for _, depth in shown(database)]
    assert depths == [0, 1, 2, *[comments.DEEPEST] * 57]


def test_words_are_kept_as_they_were_written_but_for_controls(database: Database, alice: Reader, say: Say) -> None:
    remark = say(alice, "  a\x00b\r\n\r\n\tc \u202eסוף <b>\ud83d  ")
    assert remark.text == "ab\n\n c סוף <b>"
    with database.read() as session:
        assert comments.get(session, remark.id) == remark


@given(text=st.text(max_size=60))
def test_any_text_is_a_remark_or_is_refused(text: str) -> None:
    """Whatever is typed: nothing reaches the database that PostgreSQL would refuse, and cleaning twice is cleaning once."""
    try:
        plain = comments._checked(text)
    except StoreError:
        assert not comments._plain(text).strip()
        return
    assert "\x00" not in plain
    assert comments._checked(plain) == plain
    plain.encode()


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00", "x" * (comments.LONGEST + 1)])
def test_nothing_and_too_much_are_refused(alice: Reader, say: Say, text: str) -> None:
    with pytest.raises(StoreError, match=r"nothing to say|at most 4,000"):
        say(alice, text)


def test_an_answer_needs_a_remark_of_the_same_paper_that_stands(database: Database, alice: Reader, bob: Reader, say: Say) -> None:
    remark = say(alice, "One")
    with database.write() as session, pytest.raises(StoreError, match="is gone"):
        comments.add(session, OTHER.id, bob.id, "Elsewhere", now=NOW, parent_id=remark.id)
    with database.write() as session:
        comments.withdraw(session, remark.id, alice.id, now=NOW)
        with pytest.raises(StoreError, match="is gone"):
            comments.add(session, PAPER.id, bob.id, "Too late", now=NOW, parent_id=remark.id)


def test_words_can_be_changed_for_a_while_and_only_by_their_author(
    database: Database, alice: Reader, bob: Reader, say: Say
) -> None:
    remark = say(alice, "Wrong")
    late, early = NOW + WINDOW, NOW + WINDOW - MINUTE
    assert (remark.may_change(alice.id, early, WINDOW), remark.may_change(alice.id, late, WINDOW)) == (True, False)
    assert not remark.may_change(bob.id, early, WINDOW)
    with database.write() as session:
        with pytest.raises(StoreError, match="no such remark of yours"):
            comments.change(session, remark.id, bob.id, "Mine", now=early, window=WINDOW)
        with pytest.raises(StoreError, match="too old"):
            comments.change(session, remark.id, alice.id, "Right", now=late, window=WINDOW)
        same = comments.change(session, remark.id, alice.id, " Wrong ", now=early, window=WINDOW)
        assert same.edited_at is None
        changed = comments.change(session, remark.id, alice.id, "Right", now=early, window=WINDOW)
    assert (changed.text, changed.edited_at, changed.created_at) == ("Right", early, NOW)


def test_a_deleted_remark_is_gone_and_an_answered_one_leaves_its_place(
    database: Database, alice: Reader, bob: Reader, say: Say
) -> None:
    first, lonely = say(alice, "One"), say(alice, "Lonely")
    answer = say(bob, "Answer", first)
    with database.write() as session:
        with pytest.raises(StoreError, match="no such remark of yours"):
            comments.withdraw(session, first.id, bob.id, now=NOW)
        comments.withdraw(session, first.id, alice.id, now=NOW)
        comments.withdraw(session, lonely.id, alice.id, now=NOW)
        assert session.get(CommentRow, lonely.id) is None
        row = session.get(CommentRow, first.id)
        assert row is not None
        assert row.text == ""
    assert shown(database) == [("(author)", 0), ("Answer", 1)]
    assert count(database) == 1
    with database.write() as session:  # with the last answer gone there is nothing to hold a place for
        comments.withdraw(session, answer.id, bob.id, now=NOW)
    assert shown(database) == []


def test_the_owner_takes_away_and_puts_back(database: Database, alice: Reader, bob: Reader, say: Say) -> None:
    remark = say(alice, "Rude")
    say(bob, "Answer", remark)
    with database.write() as session:
        comments.report(session, remark.id, bob.id, "rude", now=NOW)
        assert comments.remove(session, remark.id, now=NOW)
        assert not comments.remove(session, remark.id, now=NOW)
        assert comments.reports_open(session) == []  # taking it away answers what was reported
        with pytest.raises(StoreError):
            comments.change(session, remark.id, alice.id, "Ruder", now=NOW, window=WINDOW)
    assert shown(database) == [("Rude", 0), ("Answer", 1)]  # the words are there for the owner: the page leaves them out
    assert count(database) == 1
    with database.write() as session:
        assert comments.restore(session, remark.id)
        assert not comments.restore(session, remark.id)
    assert count(database) == 2


def test_what_its_author_deleted_cannot_be_put_back(database: Database, alice: Reader, bob: Reader, say: Say) -> None:
    remark = say(alice, "One")
    say(bob, "Answer", remark)
    with database.write() as session:
        comments.withdraw(session, remark.id, alice.id, now=NOW)
        assert not comments.restore(session, remark.id)
        assert not comments.remove(session, remark.id, now=NOW)


def test_reports_are_gathered_by_remark_until_they_are_settled(database: Database, alice: Reader, bob: Reader, say: Say) -> None:
    carol = make_reader(database, "carol")
    remark, other = say(alice, "One"), say(alice, "Two")
    with database.write() as session:
        comments.report(session, other.id, bob.id, "", now=NOW + MINUTE)
        comments.report(session, remark.id, bob.id, " not \n kind\x00 ", now=NOW)
        comments.report(session, remark.id, carol.id, "spam", now=NOW + 2 * MINUTE)
        comments.report(session, remark.id, bob.id, "not kind at all", now=NOW + 3 * MINUTE)
        with pytest.raises(StoreError, match="your own"):
            comments.report(session, remark.id, alice.id, "", now=NOW)
        with pytest.raises(StoreError, match="at most 300"):
            comments.report(session, remark.id, bob.id, "x" * 301, now=NOW)
    with database.write() as session:
        first, second = comments.reports_open(session)
        assert (first.comment.id, first.reasons, first.at) == (remark.id, (("bob", "not kind at all"), ("carol", "spam")), NOW)
        assert (first.paper_title, first.comment.name, second.comment.id) == (PAPER.title, "alice", other.id)
        assert comments.settle(session, remark.id, now=NOW) == 2
        assert comments.settle(session, remark.id, now=NOW) == 0
        assert [report.comment.id for report in comments.reports_open(session)] == [other.id]


def test_a_settled_report_is_open_again_only_when_the_words_have_changed(
    database: Database, alice: Reader, bob: Reader, say: Say
) -> None:
    remark = say(alice, "One")
    with database.write() as session:
        comments.report(session, remark.id, bob.id, "no", now=NOW)
        comments.settle(session, remark.id, now=NOW + MINUTE)
        comments.report(session, remark.id, bob.id, "no!", now=NOW + 2 * MINUTE)
        assert comments.reports_open(session) == []
        comments.change(session, remark.id, alice.id, "Worse", now=NOW + 3 * MINUTE, window=WINDOW)
        comments.report(session, remark.id, bob.id, "look", now=NOW + 4 * MINUTE)
        (report,) = comments.reports_open(session)
    assert (report.reasons, report.at) == ((("bob", "look"),), NOW + 4 * MINUTE)


def test_the_remarks_of_somebody_who_left_stand_without_a_name(database: Database, alice: Reader, say: Say) -> None:
    say(alice, "One")
    with database.write() as session:
        session.delete(session.get(ReaderRow, alice.id))
    with database.read() as session:
        (left,) = comments.thread(session, PAPER.id)
    assert (left.reader_id, left.name, left.text) == (None, "", "One")


def test_only_so_many_remarks_are_read(database: Database, alice: Reader, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "MOST", 2)
    first = say(alice, "One")
    say(alice, "Two")
    say(alice, "Three", first)
    assert shown(database) == [("One", 0), ("Two", 0)]
    assert count(database) == 3


def test_what_is_new_since_a_remark(database: Database, alice: Reader, say: Say) -> None:
    first, second, third = (say(alice, text) for text in "abc")
    with database.read() as session:
        assert [remark.id for remark in comments.since(session, first.id)] == [second.id, third.id]
        assert comments.since(session, third.id) == []
        assert [comments.get(session, number) for number in (0, -1, 2**40, third.id + 1)] == [None] * 4

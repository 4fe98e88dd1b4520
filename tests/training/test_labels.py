from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from recommender.store.pages import ShownItem, ShownPage
from recommender.types import Channel, Event, EventKind, RankedItem, RankedPage
from training.labels import UNTOUCHED_WEIGHT, grade_day, trials

MORNING = datetime(2026, 5, 20, 8, tzinfo=UTC)
UP, DOWN, HIDE, CLEAR = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR
SAVE, UNSAVE, CLICK = EventKind.SAVE, EventKind.UNSAVE, EventKind.CLICK


def shown_page(letters: str, *, revision: int = 1, voted: str = "", minute: int = 0, drawn: str = "") -> ShownPage:
    """A page of papers a, b, c …; the item of paper x in revision 2 has the id 200 + its place in the alphabet."""
    at = MORNING + timedelta(minutes=minute)
    items = tuple(
        RankedItem(i, f"x:{c}", 0.0, np.zeros(1, np.float32), explored=c in drawn, voted=c in voted, id=item_id(c, revision))
        for i, c in enumerate(letters, start=1)
    )
    page = RankedPage(1, date(2026, 5, 20), (), 9, "m", "s", 0, 0, "r", at, revision=revision, id=revision)
    return ShownPage(page, tuple(ShownItem(item, at) for item in items))


def item_id(letter: str, revision: int) -> int:
    return revision * 100 + ord(letter) - ord("a")


def log(*gestures: tuple) -> list[Event]:
    """Events from (letter, kind[, revision or None[, channel]])."""
    events = []
    for number, (letter, kind, *rest) in enumerate(gestures, start=1):
        revision = rest[0] if rest else 1
        item = None if revision is None else item_id(letter, revision)
        channel = rest[1] if len(rest) > 1 else Channel.WEB
        events.append(Event(number, 1, f"x:{letter}", kind, MORNING + timedelta(minutes=number), item, channel))
    return events


def graded(pages: list[ShownPage], events: list[Event]) -> dict[int, dict[str, tuple[int, float]]]:
    return {g.shown.page.revision: {r.item.paper_id[2:]: (r.grade, r.weight) for r in g.rows} for g in grade_day(pages, events)}


PASSED = (0, UNTOUCHED_WEIGHT)


def test_what_stands_below_the_last_touched_row_is_unknown():
    assert graded([shown_page("abcde")], log(("c", UP))) == {1: {"a": PASSED, "b": PASSED, "c": (2, 1.0)}}


def test_a_page_nobody_touched_gives_nothing():
    assert graded([shown_page("abc")], []) == {}


@pytest.mark.parametrize(
    ("kinds", "grade"),
    [
        ([UP], (2, 1.0)),
        ([SAVE], (2, 1.0)),
        ([CLICK], (1, 1.0)),
        ([DOWN], (0, 1.0)),
        ([HIDE], (0, 1.0)),
        ([UP, CLEAR], PASSED),
        ([CLICK, UP, CLEAR], (1, 1.0)),
        ([CLICK, DOWN], (0, 1.0)),
        ([UP, DOWN], (0, 1.0)),
        ([DOWN, UP], (2, 1.0)),
        ([SAVE, DOWN], (0, 1.0)),
        ([SAVE, UNSAVE], PASSED),
        ([SAVE, UNSAVE, CLICK], (1, 1.0)),
    ],
)
def test_the_last_word_counts(kinds, grade):
    assert graded([shown_page("ab")], log(*[("b", kind) for kind in kinds]))[1]["b"] == grade


def test_a_no_weighs_more_than_being_passed_over():
    rows = graded([shown_page("abc")], log(("b", DOWN), ("c", UP)))[1]
    assert rows["a"][0] == rows["b"][0] == 0
    assert rows["b"][1] > rows["a"][1] > 0


def test_a_click_from_mail_never_labels_and_a_vote_from_mail_does():
    page = shown_page("abc")
    assert graded([page], log(("c", CLICK, 1, Channel.EMAIL))) == {}
    assert graded([page], log(("a", UP, 1, Channel.EMAIL), ("c", CLICK, 1, Channel.EMAIL))) == {1: {"a": (2, 1.0)}}


def test_what_is_pressed_on_the_page_behind_a_mails_link_labels_as_a_click_of_the_web_does():
    page = shown_page("abc")
    for kind in (CLICK, UP):
        assert graded([page], log(("b", kind, 1, Channel.PRESSED))) == graded([page], log(("b", kind)))
        assert graded([page], log(("b", kind)))


def test_a_vote_on_a_later_revision_grades_the_row_of_the_first():
    """a is voted up; the page is made anew with d on top; d is voted up there: its row is the one that was first shown."""
    first, second = shown_page("abcd"), shown_page("dabc", revision=2, voted="a", minute=5)
    rows = graded([first, second], log(("a", UP), ("d", UP, 2)))
    assert rows == {1: {"a": (2, 1.0), "d": (2, 1.0)}}  # b and c stand below the last touched row of both revisions


def test_a_touch_examines_only_the_revision_it_was_made_on():
    first, second = shown_page("abcd"), shown_page("dbca", revision=2, voted="a", minute=5)
    rows = graded([first, second], log(("a", UP), ("b", DOWN, 2)))
    assert rows == {1: {"a": (2, 1.0), "b": (0, 1.0), "d": PASSED}}


def test_a_paper_new_in_a_later_revision_gives_its_row_there():
    first, second = shown_page("ab"), shown_page("eab", revision=2, voted="a", minute=5)
    assert graded([first, second], log(("a", UP), ("b", CLICK, 2))) == {1: {"a": (2, 1.0), "b": (1, 1.0)}, 2: {"e": PASSED}}


def test_an_item_that_had_a_vote_gives_no_row_and_proves_no_examination():
    page = shown_page("abcd", voted="c")
    assert graded([page], log(("c", CLEAR))) == {}
    assert graded([page], log(("c", CLEAR), ("d", UP))) == {1: {"a": PASSED, "b": PASSED, "d": (2, 1.0)}}


def test_taking_a_vote_back_on_the_next_revision_takes_the_grade_back():
    first, second = shown_page("ab"), shown_page("ab", revision=2, voted="b", minute=5)
    assert graded([first, second], log(("b", UP), ("b", CLEAR, 2))) == {1: {"a": PASSED, "b": PASSED}}


def test_a_gesture_without_an_item_grades_its_paper_and_examines_nothing_else():
    assert graded([shown_page("abc")], log(("c", UP, None))) == {1: {"c": (2, 1.0)}}
    assert graded([shown_page("abc", minute=30)], log(("c", UP, None))) == {}  # made before the paper was shown here


def test_gestures_that_answer_another_days_page_are_ignored():
    assert graded([shown_page("abc")], log(("b", UP, 7))) == {}


def test_revisions_may_come_in_any_order():
    first, second = shown_page("ab"), shown_page("eab", revision=2, voted="a", minute=5)
    events = log(("a", UP), ("b", CLICK, 2))
    assert graded([second, first], events) == graded([first, second], events)


def test_a_whole_page_has_what_stands_below_the_last_touch_as_well():
    page = shown_page("abcd", voted="d")
    (found,) = grade_day([page], log(("b", UP)), whole=True)
    assert {r.item.paper_id[2:]: (r.grade, r.weight) for r in found.rows} == {"a": PASSED, "b": (2, 1.0), "c": PASSED}
    assert grade_day([page], [], whole=True) == []


def tried(pages: list[ShownPage], events: list[Event]) -> dict[str, tuple[int, bool, int]]:
    return {t.item.paper_id[2:]: (t.item.position, t.touched, t.grade) for t in trials(pages, events)}


class TestTrials:
    def test_every_drawn_slot_is_one_below_the_last_touch_too(self):
        page = shown_page("abcdef", drawn="bdf")
        assert tried([page], log(("d", UP))) == {"b": (2, False, 0), "d": (4, True, 2), "f": (6, False, 0)}

    def test_a_page_nobody_touched_counts(self):
        assert tried([shown_page("abc", drawn="c")], []) == {"c": (3, False, 0)}

    def test_a_no_shows_that_it_was_looked_at(self):
        assert tried([shown_page("abc", drawn="bc")], log(("c", DOWN))) == {"b": (2, False, 0), "c": (3, True, 0)}

    def test_a_touch_elsewhere_grades_the_paper_and_says_nothing_of_the_place(self):
        first, second = shown_page("abcd", drawn="bd"), shown_page("dabc", revision=2, voted="a", minute=5, drawn="dc")
        assert tried([first, second], log(("a", UP), ("d", UP, 2), ("b", CLICK, None))) == {
            "b": (2, False, 1),
            "d": (4, False, 2),
        }

    def test_a_click_in_mail_is_no_touch(self):
        assert tried([shown_page("ab", drawn="b")], log(("b", CLICK, 1, Channel.EMAIL))) == {"b": (2, False, 0)}

    def test_only_the_first_shown_revision_counts_in_whatever_order_they_come(self):
        first, second = shown_page("ab", drawn="b", revision=2), shown_page("cab", drawn="c", revision=3, minute=5)
        assert tried([second, first], []) == {"b": (2, False, 0)}

    def test_no_pages_no_trials(self):
        assert trials([], []) == []

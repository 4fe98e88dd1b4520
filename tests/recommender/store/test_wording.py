"""What was typed in is read as words, phrases and unwanted words, whatever else is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.store.wording import LONGEST, MOST, Term, Wording, parse


def texts(terms: tuple[Term, ...]) -> list[str]:
    return [term.text for term in terms]


@pytest.mark.parametrize(
    ("typed", "wanted", "unwanted"),
    [
        ("graph networks", ["graph", "networks"], []),
        ('"graph networks" learn', ["graph networks", "learn"], []),
        ("“graph networks„ «deep sets»", ["graph networks", "deep sets"], []),
        ('"never closed', ["never closed"], []),
        ('graph -speech -"deep learning"', ["graph"], ["speech", "deep learning"]),
        ("graph –speech", ["graph"], ["speech"]),
        ("state-of-the-art GPT-4", ["state-of-the-art", "GPT-4"], []),
        ("how do we learn", ["learn"], []),
        ("the", ["the"], []),
        ('"the who"', ["the who"], []),
        ("-", [], []),
        ("?! -- ()", [], []),
        ("-graph", [], ["graph"]),
        ("a\x00b\u202ec", ["b", "c"], []),
    ],
)
def test_words_phrases_and_unwanted_words(typed: str, wanted: list[str], unwanted: list[str]) -> None:
    found = parse(typed)
    assert (texts(found.wanted), texts(found.unwanted)) == (wanted, unwanted)


def test_common_words_still_say_what_is_meant() -> None:
    assert parse("how do we learn").plain == "how do we learn"
    assert parse('"a phrase" -not').plain == "a phrase"


def test_only_quotation_marks_mean_these_very_words() -> None:
    assert parse('"graph networks" "deep sets"').quoted
    assert parse('"graph networks" -speech').quoted
    assert not parse('"graph networks" deep').quoted
    assert not parse("").quoted


def test_the_last_word_may_be_a_beginning() -> None:
    assert parse("graph netw").begun().wanted == (Term("graph"), Term("netw", begins=True))
    assert parse("netw*").wanted == (Term("netw", begins=True),)
    assert parse("ne* n*").wanted == (Term("ne"), Term("n"))
    assert [term.begins for term in parse("gra* -net* dee*").wanted] == [True, False]
    for whole in ("graph ne", '"graph netw"', "", 'deep "graph netw"'):
        assert parse(whole).begun() == parse(whole)


def test_the_same_word_again_and_too_many_words_say_no_more() -> None:
    assert texts(parse("graph " * 50 + "speech").wanted) == ["graph", "speech"]
    many = " ".join(f"word{n} -other{n}" for n in range(40))
    assert len(parse(many).wanted) == len(parse(many).unwanted) == MOST


@given(st.text(max_size=LONGEST + 100))
def test_anything_can_be_typed(typed: str) -> None:
    found = parse(typed)
    assert isinstance(found, Wording)
    for term in (*found.wanted, *found.unwanted):
        assert '"' not in term.text
        assert any(sign.isalnum() or sign.isnumeric() for sign in term.text)
        assert "\x00" not in term.text
    assert len(found.plain) <= LONGEST

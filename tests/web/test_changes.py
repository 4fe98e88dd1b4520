"""What changed between two texts: true for any two, readable for long ones, and never slow."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from web.changes import GAP, changes

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "<b>", "$x$"]), max_size=40)


def said(old: str, new: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in changes(old, new)]


@given(WORDS, WORDS)
def test_the_pieces_hold_both_texts(old: list[str], new: list[str]) -> None:
    """Without gaps, what was kept and struck is the old text, and what was kept and is new is the new one."""
    pieces = changes(" ".join(old), " ".join(new))
    if old == new:
        assert pieces == []
        return
    assert any(piece.kind in ("out", "in") for piece in pieces)
    if not any(piece.kind == "gap" for piece in pieces):
        for gone, text in (("in", old), ("out", new)):
            assert [word for piece in pieces if piece.kind != gone for word in piece.text.split()] == text


@given(WORDS, WORDS)
def test_no_word_is_lost_or_invented_at_a_change(old: list[str], new: list[str]) -> None:
    pieces = changes(" ".join(old), " ".join(new))
    assert all(piece.text for piece in pieces)
    for kind, text in (("out", old), ("in", new)):
        words = [word for piece in pieces if piece.kind == kind for word in piece.text.split()]
        assert all(words.count(word) <= text.count(word) for word in set(words))


def test_long_stretches_that_stayed_are_left_out() -> None:
    stay = " ".join(f"w{n}" for n in range(100))
    assert said(f"{stay} old {stay} same", f"{stay} new {stay} same") == [
        ("gap", GAP),
        ("same", "w92 w93 w94 w95 w96 w97 w98 w99"),
        ("out", "old"),
        ("in", "new"),
        ("same", "w0 w1 w2 w3 w4 w5 w6 w7"),
        ("gap", GAP),
    ]
    between = said(f"x {stay} y", f"z {stay} q")
    assert [kind for kind, _ in between] == ["out", "in", "same", "gap", "same", "out", "in"]


def test_only_an_addition_or_only_a_loss() -> None:
    assert said("", "all new") == [("in", "all new")]
    assert said("all gone", "") == [("out", "all gone")]
    assert said("a b", "a b c") == [("same", "a b"), ("in", "c")]


def test_two_long_texts_are_compared_in_a_moment() -> None:
    old, new = ("a b " * 20_000).split(), ("b c a " * 15_000).split()
    started = time.perf_counter()
    pieces = changes(" ".join(old), " ".join(new))
    assert time.perf_counter() - started < 1.0
    assert [piece.kind for piece in pieces] == ["out", "in"]
    words = [f"w{n % 50}" for n in range(599)]
    started = time.perf_counter()
    changes(" ".join(words), " ".join(reversed(words)))
    assert time.perf_counter() - started < 3.0

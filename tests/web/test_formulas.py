"""Formulas are found, marked and spelled; prices and broken dollars are not formulas; nothing of a source becomes HTML."""

from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.formulas import LONGEST, maths, pieces, plain, uncut

TAG = re.compile(r'<span class="math" data-tex="([^"<>]*)">([^<>]*)</span>')


def formulas(text: str) -> list[str]:
    return [piece.tex for piece in pieces(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the $O(n)$ bound", ["O(n)"]),
        ("$$x^2$$ and \\(y\\) and \\[z\\]", ["x^2", "y", "z"]),
        ("$k$-means with $k=3$ and 50% ($n$)", ["k", "k=3", "n"]),
        (r"$ \alpha $ with spaces", [r"\alpha"]),
        (r"$10\%$ and $2n$-regular", [r"10\%", "2n"]),
        (r"\(a \$ b\)", [r"a \$ b"]),
        ("$a$$b$", ["a", "b"]),
    ],
)
def test_formulas_are_found(text: str, expected: list[str]) -> None:
    assert formulas(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("for $5 and $6", "US$5-$6 billion", "cost $1000 per A$ unit", "saves $10 million, or about $3 per user$"),
        *(r"\$5 and \$6", "$", "$$", "$$$", "$ $", "one $ alone", "$ 5 million and A$ 6", r"\( alone", r"$5/$10 plans", ""),
    ],
)
def test_prices_and_lone_dollars_are_text(text: str) -> None:
    assert formulas(text) == []
    assert maths(text) == html.escape(text)
    assert plain(text) == text


@pytest.mark.parametrize(
    ("tex", "spelled"),
    [
        (r"\mathcal{O}(n\log n)", "𝒪(n log n)"),
        (r"O(\log n)", "O(log n)"),
        (r"\|x\|_2 \le 1", "‖x‖_2 ≤ 1"),
        (r"\mathbb{R}^d", "ℝ^d"),
        (r"\frac{a}{b}", "a/b"),
        (r"\text{Adam}", "Adam"),
    ],
)
def test_a_formula_is_spelled_for_who_has_no_javascript(tex: str, spelled: str) -> None:
    assert plain(f"a ${tex}$ b") == f"a {spelled} b"
    assert f">{html.escape(spelled)}</span>" in maths(f"${tex}$")


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\includegraphics{http://evil.example/x}",
        r"\url{javascript:alert(1)}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\x}{\x\x}\x",
        "{" * 300,
        r"\frac" * 100,
        r'"><script>alert(1)</script>_',
        "<img src=x onerror=alert(1)>^2",
        r"\input{/etc/passwd}",
        "a\x00b_\x1b[31m",
    ],
)
def test_a_hostile_formula_is_an_attribute_and_a_text(tex: str) -> None:
    made = str(maths(f"before ${tex}$ after"))
    assert "<" not in TAG.sub("", made)
    assert "script>" not in TAG.sub("", made)
    inside = TAG.search(made)
    assert inside is not None
    assert html.unescape(inside[1]) == tex
    assert "alert(1)" not in made or "&lt;" in made or "\\" in made


def test_what_is_too_long_for_a_formula_is_text() -> None:
    assert formulas("$" + "x" * LONGEST + "$") == ["x" * LONGEST]
    assert formulas("$" + "x" * (LONGEST + 1) + "$") == []


@pytest.mark.parametrize("text", ["$" * 6000, "$a " * 2000, "\\(" * 3000, "\\" * 6000, "$\\" * 3000, "$_ " * 2000])
def test_no_text_takes_long(text: str) -> None:
    start = time.perf_counter()
    maths(text)
    assert time.perf_counter() - start < 2


def test_a_text_is_not_cut_inside_a_formula() -> None:
    text = "word $a + b$ word"
    assert [uncut(text, at) for at in (4, 5, 6, 11, 12, 13)] == [4, 5, 5, 5, 12, 13]


LETTERS = st.text(alphabet="$\\()[]{}^_ab 1<>&\"'", max_size=60)
SOUP = st.lists(st.sampled_from(["<b>", "&amp;", '"', "$x^2$", r"\(y < 1\)", "$", "word ", r"\["]), max_size=8).map("".join)


@given(LETTERS | SOUP)
def test_whatever_comes_nothing_becomes_html_and_nothing_is_lost(text: str) -> None:
    made = str(maths(text))
    assert "<" not in TAG.sub("", made)
    outside = html.unescape(TAG.sub("", made))
    at, kept = 0, ""
    for piece in pieces(text):
        assert piece.start >= at
        kept += text[at : piece.start]
        at = piece.end
    assert outside == kept + text[at:]


def test_what_is_marked_already_stays_as_it_is() -> None:
    marked = maths(r"a < $\alpha$ and \(x\)")
    assert maths(marked) is marked

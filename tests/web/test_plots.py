"""Drawings: well-formed, told in words, escaped, and every dot where its number says."""

from __future__ import annotations

from math import nan
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY

from web.plots import Column, Dot, Row, rows, timeline

NUMBERS = st.floats(min_value=-1e6, max_value=1e6)
INTERVALS = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted).map(lambda three: Dot(three[1], three[0], three[2]))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def classes(svg: str, tag: str) -> list[str]:
    return [element.get("class", "") for element in parsed(svg).iter(tag)]


def test_a_drawing_says_what_it_shows_and_escapes_it() -> None:
    svg = rows("scores", "Scores & more", "Model <b>v1</b>", [Row("<script>", Dot(0.5, 0.4, 0.6), ours=True)])
    root = parsed(svg)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "scores-title scores-desc"
    assert [(child.tag, child.get("id"), child.text) for child in root][:2] == [
        ("title", "scores-title", "Scores & more"),
        ("desc", "scores-desc", "Model <b>v1</b>"),
    ]
    assert "<script>" not in svg
    assert "style" not in svg
    assert classes(svg, "circle") == ["dot ours"]


def test_rows_stand_by_their_value() -> None:
    svg = rows("s", "t", "d", [Row("a", Dot(0.2)), Row("b", Dot(0.4, 0.3, 0.5)), Row("c", Dot(nan))])
    low, high = (float(dot.get("cx", "")) for dot in parsed(svg).iter("circle"))
    assert low < high
    (interval,) = (line for line in parsed(svg).iter("line") if "range" in line.get("class", ""))
    assert float(interval.get("x1", "")) < high < float(interval.get("x2", ""))


def test_columns_stand_in_time_and_higher_is_better() -> None:
    columns = [
        Column("9 May", (Dot(0.2), Dot(0.3, shape="square"))),
        Column("10 May", (Dot(0.6, 0.5, 0.7, "disc"), Dot(0.1, shape="triangle"))),
    ]
    svg = timeline("t", "t", "d", columns, [("disc", "candidate"), ("square", "live")])
    first, second = [dot for dot in parsed(svg).iter("circle") if float(dot.get("cy", "")) > 30]
    assert float(first.get("cx", "")) < float(second.get("cx", ""))
    assert float(first.get("cy", "")) > float(second.get("cy", ""))
    assert len(list(parsed(svg).iter("polygon"))) == 1
    assert [text.text for text in parsed(svg).iter("text")][:2] == ["candidate", "live"]


@pytest.mark.parametrize("measured", [[], [Row("a", Dot(nan))], [Row("a", Dot(0.5))]])
def test_little_makes_a_drawing_too(measured: list[Row]) -> None:
    assert parsed(rows("s", "t", "d", measured)).tag == "svg"
    assert parsed(timeline("s", "t", "d", [], [])).tag == "svg"


@PROPERTY
@given(st.lists(INTERVALS, max_size=30))
def test_nothing_leaves_the_drawing(dots: list[Dot]) -> None:
    made = [
        rows("s", "t", "d", [Row("x" * 40, dot) for dot in dots]),
        timeline("s", "t", "d", [Column("20 May", (dot, dot)) for dot in dots], [("disc", "a")]),
    ]
    for svg in made:
        _, _, width, height = map(float, parsed(svg).get("viewBox", "").split())
        for dot in parsed(svg).iter("circle"):
            assert 0 <= float(dot.get("cx", "")) <= width
            assert 0 <= float(dot.get("cy", "")) <= height

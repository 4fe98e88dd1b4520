from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report import axes
from training.report.axes import Area

AREA = Area(100, 40, 300, 240, (0.0, 2.0), (0.0, 1.0))


def words(parts: list[str]) -> list[str]:
    return re.findall(r">([^<]+)</text>", "".join(parts))


@given(st.lists(st.floats(-1e4, 1e4).map(lambda x: round(x, 4)), min_size=1, max_size=8))
def test_a_scale_holds_every_number_between_round_edges(numbers):
    low, high, step = axes.scale(numbers)
    assert low <= min(numbers) + 1e-9 * step
    assert high >= max(numbers) - 1e-9 * step - 1e-9 * abs(high)
    assert low < high
    assert 1 <= round((high - low) / step) <= 8


def test_a_scale_of_nothing_or_of_one_number_still_has_room():
    assert axes.scale([]) == pytest.approx((0.0, 1.0, 0.2))
    low, high, _ = axes.scale([0.5, 0.5])
    assert low <= 0.5 <= high
    assert low < high


def test_an_axis_names_its_ticks_and_itself():
    assert words(axes.across(AREA, "nDCG@10", 0.5)) == ["0.0", "0.5", "1.0", "1.5", "2.0", "nDCG@10"]
    upright = axes.upright(AREA, "share", 0.5)
    assert words(upright) == ["0.0", "0.5", "1.0", "share"]
    assert "rotate(-90" in upright[-1]


def test_a_tick_is_never_a_negative_zero():
    low, high, step = axes.scale([-0.3, 0.2])
    assert words(axes.across(Area(0, 0, 10, 10, (low, high)), "gap", step)) == [
        "-0.3",
        "-0.2",
        "-0.1",
        "0.0",
        "0.1",
        "0.2",
        "gap",
    ]


def test_of_many_names_only_some_are_written():
    names = [str(i) for i in range(30)]
    written = words(axes.beneath(Area(0, 0, 600, 100, (0, 29)), "votes", names, {"3": "n 7", "4": "n 8"}))
    assert written == ["0", "3", "n 7", "6", "9", "12", "15", "18", "21", "24", "27", "votes"]


def test_words_are_safe_and_short_but_a_title_is_whole():
    long = "<a> & " + "b" * 60
    assert "&lt;a&gt; &amp; bbb" in axes.text(0, 0, long)
    assert "…" in axes.text(0, 0, long)
    assert "b" * 60 in axes.text(0, 0, long, "title")
    assert axes.gutter(["b" * 60]) == axes.gutter(["b" * 500]) > axes.gutter(["b"]) > axes.gutter([])

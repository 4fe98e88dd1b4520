from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from training.report import charts
from training.report.charts import Chart, Mark

NAN = float("nan")
SVG = "{http://www.w3.org/2000/svg}"
ROWS = [Mark("ours", 0.7, 0.65, 0.75), Mark("A & B", 0.6, 0.5, 0.7), Mark("no interval", 0.5), Mark("unknown", NAN)]


def drawn(kind: str) -> Chart:
    if kind == "intervals":
        return charts.intervals("A <title>", "What it says.", "measure", ROWS, "ours")
    if kind == "bars":
        return charts.bars("A <title>", "What it says.", "share", [("a", 0.4), ("b", 0.1), ("c", NAN)])
    if kind == "diagonal":
        return charts.diagonal("A <title>", "What it says.", "said", "seen", [(0.1, 0.2, 400), (0.5, 0.4, 100), (NAN, 0.1, 3)])
    series = {
        "ours": ROWS[:2],
        "a peer": [Mark("ours", 0.3), Mark("later", 0.4)],
        "nothing": [Mark("later", NAN), Mark("never", NAN)],
    }
    return charts.lines("A <title>", "What it says.", "votes", "measure", series, banded=["ours"], notes={"ours": "n 9"})


def tree(chart: Chart) -> ET.Element:
    return ET.fromstring(chart.svg)


def texts(chart: Chart) -> list[str]:
    return [node.text or "" for node in tree(chart).iter(f"{SVG}text")]


KINDS = ("intervals", "bars", "diagonal", "lines")


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_is_well_formed_titled_described_and_labelled(kind):
    chart = drawn(kind)
    root = tree(chart)
    assert root.get("role") == "img"
    named = [root.find(f"{SVG}{name}") for name in ("title", "desc")]
    assert [node.text for node in named] == [chart.title, chart.description] == ["A <title>", "What it says."]
    assert root.get("aria-labelledby").split() == [node.get("id") for node in named]
    assert texts(chart)[0] == "A <title>"
    assert {"intervals": "measure", "bars": "share", "diagonal": "said", "lines": "votes"}[kind] in texts(chart)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_has_colours_for_light_and_dark_and_a_ground_of_its_own(kind):
    svg = drawn(kind).svg
    light, _, dark = svg.partition("@media (prefers-color-scheme:dark)")
    defined = [set(re.findall(r"(--\w+):#", part)) for part in (light, dark)]
    assert defined[0] == defined[1] >= set(re.findall(r"var\((--\w+)\)", svg))
    assert '<rect width="100%" height="100%" fill="var(--ground)"/>' in svg


@pytest.mark.parametrize("kind", KINDS)
def test_everything_lies_on_the_picture_and_no_number_is_missing(kind):
    root = tree(drawn(kind))
    width, height = float(root.get("width")), float(root.get("height"))
    body = drawn(kind).svg.partition("</style>")[2]
    assert "nan" not in body
    for node in root.iter():
        for names, limit in ((("x", "x1", "x2", "cx"), width), (("y", "y1", "y2", "cy"), height)):
            assert all(0 <= float(node.get(name)) <= limit for name in names if node.get(name)), node.attrib
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", node.get("points", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_give_the_same_bytes(kind):
    assert drawn(kind) == drawn(kind)


def test_intervals_draw_what_is_known_and_ours_stronger():
    chart = drawn("intervals")
    assert "unknown" not in texts(chart)
    assert [text for text in texts(chart) if text in ("0.700", "0.600", "0.500")] == ["0.700", "0.600", "0.500"]
    dots = list(tree(chart).iter(f"{SVG}circle"))
    assert [(dot.get("class"), dot.get("r")) for dot in dots] == [("ours", "5.0"), ("mark", "4.0"), ("mark", "4.0")]
    strokes = [node.get("class") for node in tree(chart).iter(f"{SVG}line")]
    assert (strokes.count("ours"), strokes.count("mark")) == (3, 3)  # a whisker and its two ends; none without an interval
    at = [float(dot.get("cx")) for dot in dots]
    assert at[0] - at[1] == pytest.approx(at[1] - at[2], abs=0.2)


def test_bars_are_as_long_as_their_values():
    lengths = [float(bar.get("width")) for bar in tree(drawn("bars")).iter(f"{SVG}rect") if bar.get("class") == "ours"]
    assert len(lengths) == 2
    assert lengths[0] == pytest.approx(4 * lengths[1], rel=0.01)


def test_a_calibration_has_the_same_scale_both_ways_and_dots_by_rows():
    dots = list(tree(drawn("diagonal")).iter(f"{SVG}circle"))
    (x1, y1), (x2, y2) = ((float(dot.get("cx")), float(dot.get("cy"))) for dot in dots)
    assert (x2 - x1) / 0.4 == pytest.approx((y1 - y2) / 0.2, rel=0.01)
    assert [float(dot.get("r")) for dot in dots] == [9.0, 6.0]


def test_lines_have_a_band_where_asked_a_dash_each_and_names_apart():
    chart = drawn("lines")
    assert chart.svg.count("<polygon") == 1
    dashes = re.findall(r"<polyline style=\"[^\"]*stroke-dasharray:([^\"]+)\"", chart.svg)
    assert dashes == ["6 3", "none"]  # ours last, on top
    assert not {"nothing", "never"} & set(texts(chart))
    assert [text for text in texts(chart) if text in ("ours", "A & B", "later", "n 9")] == [
        "ours",
        "n 9",
        "A & B",
        "later",
        "ours",
    ]
    alone = charts.lines("t", "d", "x", "y", {"ours": [Mark("1", 0.5, 0.4, 0.6)]}, banded=["ours"])
    assert alone.svg.count("<polyline") == 2  # one step: its interval is a stroke
    assert "<polygon" not in alone.svg


@pytest.mark.parametrize(("level", "other"), [(0.0, 1.0), (0.999, 0.0)])
def test_names_of_lines_that_end_together_do_not_cover_each_other(level, other):
    series = {f"peer {i}": [Mark("1", level + 0.0001 * i)] for i in range(9)}
    chart = charts.lines("t", "d", "x", "y", {"far away": [Mark("1", other)], **series})
    heights = sorted(float(node.get("y")) for node in tree(chart).iter(f"{SVG}text") if (node.text or "").startswith("peer"))
    assert all(below - above >= charts.APART - 0.11 for above, below in pairwise(heights))
    assert heights[-1] <= charts.TOP + charts.TALL + 5

from __future__ import annotations

import dataclasses

import pytest
from judged import make_judged

from training.report import summarise
from training.report.pictures import FILES, pictures


@pytest.fixture
def drawn():
    return pictures(summarise(make_judged(), samples=100))


def test_there_is_a_picture_of_every_part(drawn):
    assert tuple(drawn) == FILES
    assert all(chart.title.startswith("toy: ") for chart in drawn.values())


@pytest.mark.parametrize(
    ("part", "empty", "name"),
    [
        ("by_votes", {}, "votes.svg"),
        ("by_votes", {"ours": ()}, "votes.svg"),
        ("learning", (), "learning.svg"),
        ("calibration", (), "calibration.svg"),
        ("importance", {}, "importance.svg"),
    ],
)
def test_what_was_not_measured_has_no_picture(part, empty, name):
    assert set(FILES) - set(pictures(summarise(make_judged(**{part: empty}), samples=100))) == {name}


def test_descriptions_say_the_numbers(drawn):
    assert "best first: ours 0." in drawn["peers.svg"].description
    assert "svm: 1 0.300 (0.250 to 0.350); 5 0.400" in drawn["votes.svg"].description
    assert "of ours by how much it learned from" in drawn["learning.svg"].description
    assert "1,000 0.500 (0.470 to 0.530)" in drawn["learning.svg"].description
    assert "0.100 was 0.120 in 4,000 rows" in drawn["calibration.svg"].description


def test_votes_lie_in_order_ours_first_with_the_units_of_each_step(drawn):
    svg = drawn["votes.svg"].svg
    places = [svg.index(f">{label}</text>") for label in ("1", "n 80", "2", "n 60", "5", "n 40")]
    assert places == sorted(places)
    assert "votes given before (n: queries)" in svg
    assert 'class="strong" style="fill:var(--s0)"' in svg
    assert svg.count('class="band"') == 2  # ours and the best peer
    assert "10" not in [label for label in svg.split("</text>") if label.endswith(">10")]


def test_steps_of_peers_only_stand_in_order_too():
    by_votes = {"ours": ((1, 0.5, 0.4, 0.6, 9), (10, 0.6, 0.5, 0.7, 9)), "svm": ((3, 0.4, 0.3, 0.5, 9),)}
    svg = pictures(summarise(make_judged(by_votes=by_votes), samples=100))["votes.svg"].svg
    places = [svg.index(f'text-anchor="middle">{label}</text>') for label in ("1", "3", "10")]
    assert places == sorted(places)


def test_only_the_largest_features_are_drawn_and_the_rest_counted(drawn):
    svg = drawn["importance.svg"].svg
    assert ">feature 19</text>" in svg
    assert ">feature 20</text>" not in svg
    assert "share of gain (5 smaller ones left out)" in svg
    assert svg.index("feature 00</text>") < svg.index("feature 01</text>")


def test_pictures_come_from_the_summary_alone():
    summary = summarise(make_judged(), samples=100)
    other = dataclasses.replace(summary, corpus="other")
    assert pictures(summary) == pictures(summary) != pictures(other)

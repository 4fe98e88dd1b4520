from __future__ import annotations

import json

import pytest
from judged import make_judged

from recommender.errors import BroadsheetError
from training.report import summarise
from training.report.summary import from_json, to_json


@pytest.fixture
def summary():
    return summarise(make_judged(), samples=100)


def test_what_is_read_back_says_the_same(summary):
    text = to_json(summary)
    again = from_json(text)
    assert to_json(again) == text
    assert [part.name for part in again.slices] == ["all", "1–4 likes", "5–19 likes", "20+ likes"]
    assert again.overall == summary.overall
    assert (again.learning, again.calibration, again.by_votes) == (summary.learning, summary.calibration, summary.by_votes)
    assert again.ranked == summary.ranked


def test_json_is_plain_with_sorted_keys_and_null_for_what_is_not_known():
    alone = summarise(make_judged(clusters=make_judged().clusters * 0), samples=100)
    text = to_json(alone)
    read = json.loads(text)
    assert list(read) == sorted(read)
    value, low, high = read["slices"][0]["scores"]["ours"]["nDCG@10"]
    assert 0 < value < 1
    assert (low, high) == (None, None)
    assert to_json(from_json(text)) == text
    assert "NaN" not in text


def test_numbers_are_rounded_once_and_facts_are_plain(summary):
    read = json.loads(to_json(summary))
    assert read["facts"] == {"days": 40, "encoder": "hashing", "papers": 12345, "share": 0.25}
    assert all(number == round(number, 6) for number in read["slices"][0]["scores"]["svm"]["AUC"])
    assert read["importance"]["feature 00"] == round(25 / 325, 6)


def test_rankers_stand_by_the_headline_and_one_without_a_value_last(summary):
    assert summary.ranked == ["ours", "svm", "centroid", "random"]
    judged = make_judged()
    unknown, nothing = ({m: v * number for m, v in judged.values["ours"].items()} for number in (float("nan"), 0.0))
    found = summarise(make_judged(values={**judged.values, "aaa": unknown, "zzz": nothing}), samples=100)
    assert found.ranked == ["ours", "svm", "centroid", "random", "zzz", "aaa"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"slices": []}', '{"slices": [{"scores": 1}]}'])
def test_another_text_is_no_report(text):
    with pytest.raises(BroadsheetError, match="no report of a corpus run: make it again with evaluate --corpus"):
        from_json(text)


@pytest.mark.parametrize("change", [{"slices": []}, {"more": 1}])
def test_a_report_with_a_part_missing_or_too_many_is_none(summary, change):
    with pytest.raises(BroadsheetError, match="no report"):
        from_json(json.dumps({**json.loads(to_json(summary)), **change}))

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from judged import EACH, READERS, make_judged

from recommender.errors import BroadsheetError, ShapeError
from training import metrics
from training.report import markdown, summarise, to_json, write
from training.report.pictures import FILES


@pytest.fixture
def summary():
    return summarise(make_judged(), samples=200)


def test_means_and_intervals_are_those_of_the_measures_resampled_by_cluster(summary):
    judged = make_judged()
    found = summary.overall.scores["svm"]["AUC"]
    values = judged.values["svm"]["AUC"]
    wanted = metrics.bootstrap(values, rng=np.random.default_rng(11), samples=200, clusters=judged.clusters)
    assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high), abs=1e-6)
    assert (summary.overall.units, summary.overall.clusters) == (READERS * EACH, READERS)
    assert summary.measures == ("nDCG@10", "AUC")


def test_differences_are_paired(summary):
    judged = make_judged()
    ours, peer = (judged.values[name]["nDCG@10"] for name in ("ours", "centroid"))
    wanted = metrics.paired_bootstrap(ours, peer, rng=np.random.default_rng(11), samples=200, clusters=judged.clusters)
    found = summary.overall.differences["centroid"]["nDCG@10"]
    assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high), abs=1e-6)
    scores = summary.overall.scores
    apart = scores["ours"]["nDCG@10"].high - scores["ours"]["nDCG@10"].low
    assert found.high - found.low < apart  # what readers have in common cancels out
    assert set(summary.overall.differences) == {"centroid", "svm"}


@pytest.mark.parametrize(
    ("group", "outcome", "sign"),
    [("1–4 likes", "behind", -1), ("5–19 likes", "tie", 0), ("20+ likes", "ahead", 1), ("all", "ahead", 1)],
)
def test_the_verdict_is_what_was_built_into_the_run(summary, group, outcome, sign):
    [part] = [part for part in summary.slices if part.name == group]
    assert (part.best, part.outcome) == ("svm", outcome)
    gap = part.differences["svm"]["nDCG@10"]
    assert sign == (gap.low > 0) - (gap.high < 0)


def test_a_mean_on_either_side_of_zero_is_a_tie_while_the_interval_holds_zero():
    judged = make_judged(groups={"5–19 likes": make_judged().groups["5–19 likes"]})
    turned = {m: 2 * judged.values["svm"][m] - v for m, v in judged.values["ours"].items()}
    parts = [
        summarise(dataclasses.replace(judged, values={**judged.values, "ours": v})).slices[1]
        for v in (judged.values["ours"], turned)
    ]
    gaps = [part.differences["svm"]["nDCG@10"].value for part in parts]
    assert gaps[0] == pytest.approx(-gaps[1], abs=1e-6) != 0
    assert [part.outcome for part in parts] == ["tie", "tie"]


def test_the_best_peer_is_found_in_each_group_anew():
    judged = make_judged()
    cold = judged.groups["1–4 likes"]
    better = {m: np.where(cold, v + 0.5, v) for m, v in judged.values["centroid"].items()}
    found = summarise(make_judged(values={**judged.values, "centroid": better}), samples=100)
    assert [part.best for part in found.slices] == ["svm", "centroid", "svm", "svm"]


def test_nothing_is_said_without_an_interval_or_without_units():
    alone = summarise(make_judged(clusters=np.zeros(READERS * EACH, dtype=np.int64)), samples=100)
    assert {part.outcome for part in alone.slices} == {"open"}
    nobody = summarise(make_judged(groups={"nobody": np.zeros(READERS * EACH, dtype=bool)}), samples=100).slices[1]
    assert (nobody.units, nobody.clusters, nobody.best, nobody.outcome) == (0, 0, "", "open")


def test_a_unit_without_a_value_is_left_out_of_that_measure_only():
    judged = make_judged()
    values = {name: {"nDCG@10": row["nDCG@10"], "AUC": np.ones(READERS * EACH)} for name, row in judged.values.items()}
    found = summarise(make_judged(values=values), samples=100).overall.scores["svm"]
    assert found["AUC"].value == 1.0
    assert found["nDCG@10"].value == pytest.approx(np.nanmean(values["svm"]["nDCG@10"]), abs=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    texts = [{path.name: path.read_bytes() for path in write(make_judged(), tmp_path / name)} for name in ("a", "b")]
    assert texts[0] == texts[1]
    assert set(texts[0]) == {"report.md", "report.json", *FILES}
    assert to_json(summarise(make_judged(seed=12))) != to_json(summarise(make_judged()))


def test_nothing_written_knows_when_or_where_it_was_made(tmp_path):
    for path in write(make_judged(), tmp_path / "here"):
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)
        assert text.endswith("\n")


def test_a_summary_is_written_as_the_run_it_came_from(tmp_path):
    for one, other in zip(write(make_judged(), tmp_path / "a"), write(summarise(make_judged()), tmp_path / "b"), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_pictures_of_an_earlier_run_do_not_stay_and_other_files_do(tmp_path):
    write(make_judged(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write(make_judged(learning=()), tmp_path)
    assert not (tmp_path / "learning.svg").exists()
    assert (tmp_path / "notes.txt").exists()
    assert "learning.svg" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_report_links_the_pictures_beside_it(tmp_path):
    write(make_judged(), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith(markdown(summarise(make_judged())))
    assert re.findall(r"\]\(([^)]+)\)", text) == list(FILES)


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BroadsheetError, match="the report cannot be written to"):
        write(make_judged(), tmp_path / "file")


FEW = np.zeros(3)
NOBODY = {name: {"nDCG@10": np.zeros(0)} for name in ("ours", "centroid", "svm")}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"peers": ("svm", "bm25")}, "no values of .*bm25"),
        ({"ours": "mine"}, "no values of .*mine"),
        ({"peers": ("svm", "ours")}, "its own peer"),
        ({"groups": {"all": np.ones(READERS * EACH, dtype=bool)}}, "a group is called 'all'"),
        ({"headline": "MRR"}, "MRR among them"),
        ({"groups": {"cold": np.zeros(3, dtype=bool)}}, r"120 queries do not fit cold \(3,\)"),
        ({"groups": {"cold": np.zeros(READERS * EACH)}}, "cold is no mask"),
        ({"values": NOBODY, "groups": {}, "clusters": np.zeros(0, dtype=np.int64)}, "0 queries do not fit anything"),
        ({"values": {name: {"nDCG@10": FEW} for name in ("ours", "centroid", "svm")}}, r"ours, nDCG@10 \(3,\)"),
        ({"values": {"ours": {"nDCG@10": FEW}, "svm": {"AUC": FEW}, "centroid": {}}}, "the same measures"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, says):
    with pytest.raises(ShapeError, match=says):
        make_judged(**changes)


def test_a_run_need_not_have_more_than_its_values():
    judged = make_judged()
    bare = dataclasses.replace(judged, importance={}, calibration=(), learning=(), by_votes={}, groups={}, facts={})
    text = markdown(summarise(bare, samples=100), folder="")
    assert text.count("![") == 1
    assert "by group" not in text

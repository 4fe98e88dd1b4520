from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from judged import EACH, READERS, make_judged

from recommender.errors import BroadsheetError
from training.metrics import Interval
from training.report import summarise, write
from training.report.tables import markdown, results, verdict


@pytest.fixture
def summary():
    return summarise(make_judged(), samples=100)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Reports of two corpora, made in one place and looked at in another."""
    write(make_judged(corpus="zebra", learning=()), tmp_path / "made" / "results" / "b")
    write(make_judged(corpus="apple"), tmp_path / "made" / "results" / "a")
    return tmp_path / "made" / "results"


def table(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading."""
    part = text[text.index(heading) :]
    rows = re.search(r"(?:^\|.*\|\n)+", part, flags=re.MULTILINE).group().splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_first_table_has_every_ranker_and_measure_best_first_ours_marked(summary):
    head, rule, *rows = table(markdown(summary), "# toy")
    assert head == ["ranker", "nDCG@10", "AUC"]
    assert rule == ["---", "---:", "---:"]
    assert [row[0] for row in rows] == ["**ours**", "svm", "centroid", "random"]
    means = [float(row[1].split()[0]) for row in rows]
    assert means == sorted(means, reverse=True)
    interval = summary.overall.scores["svm"]["AUC"]
    assert rows[1][2] == f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def test_it_says_how_it_was_measured(summary):
    text = markdown(summary)
    assert "Pages by week; a query is a reader and a week.\n" in text
    assert "days: 40; encoder: hashing; papers: 12,345; share: 0.25\n" in text
    assert "Means over 120 queries, with 95 % intervals from 100 resamples of whole clusters (30 of them), seed 11.\n" in text


def test_the_verdicts_name_the_best_peer_of_every_group(summary):
    lines = [line for line in markdown(summary).splitlines() if line.startswith("- ")]
    assert len(lines) == 4
    assert re.fullmatch(
        r"- all 120 queries: ahead of svm \(\+0\.0\d{3} nDCG@10, 95 % interval \+0\.\d{4} to \+0\.\d{4}\)\.", lines[0]
    )
    assert lines[1].startswith("- 1–4 likes (40 queries): behind svm (−0.")
    assert lines[2].startswith("- 5–19 likes (40 queries): a tie with svm within the interval (")
    assert lines[3].startswith("- 20+ likes (40 queries): ahead of svm (+0.")


def test_without_an_interval_there_is_no_verdict():
    summary = summarise(make_judged(clusters=np.zeros(READERS * EACH, dtype=np.int64)), samples=100)
    assert "- all 120 queries: no verdict, for there is no interval to judge by.\n" in markdown(summary)
    assert "nan" not in markdown(summary)


def test_differences_carry_their_sign_and_groups_their_units(summary):
    text = markdown(summary)
    _, _, *rows = table(text, "## ours less each peer, query by query")
    assert [row[0] for row in rows] == ["svm", "centroid"]
    assert all(cell.startswith("+0.") for cell in rows[1][1:])
    head, _, *rows = table(text, "## nDCG@10 by group")
    assert head == ["ranker", "1–4 likes, 40 queries", "5–19 likes, 40 queries", "20+ likes, 40 queries"]
    assert len(rows) == 4


@pytest.mark.parametrize(("value", "shown"), [(-0.04, "−0.0400"), (0.04, "+0.0400"), (-0.00001, "0.0000")])
def test_a_verdict_shows_numbers_as_they_are_read(summary, value, shown):
    gap = Interval(value, value, value)
    part = dataclasses.replace(summary.overall, differences={"svm": {"nDCG@10": gap}}, outcome="tie")
    assert f"({shown} nDCG@10, 95 % interval {shown} to {shown})" in verdict(part, summary)


def test_a_name_cannot_break_a_table():
    judged = make_judged()
    values = {"a|b" if name == "svm" else name: row for name, row in judged.values.items()}
    text = markdown(summarise(make_judged(values=values, peers=("centroid", "a|b")), samples=100))
    assert "\n| a\\|b | 0." in text


def test_pictures_are_linked_only_when_it_is_known_where_they_lie(summary):
    assert "![" not in markdown(summary)
    assert "\n![toy: calibration](far/away/calibration.svg)\n" in markdown(summary, folder="far/away/")
    assert markdown(summary, level=2).startswith("## toy\n")


def test_results_are_made_of_the_reports_alone(folder, tmp_path):
    text = results(folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "report.json":
            path.unlink()
    assert results(folder) == text
    (tmp_path / "moved").mkdir()
    assert results(folder.parent.rename(tmp_path / "moved" / "made") / "results") == text
    assert str(tmp_path) not in text


def test_results_have_an_overview_and_a_section_for_every_corpus(folder):
    text = results(folder)
    head, _, *rows = table(text, "# Results")
    assert head == ["corpus", "measure", "ours", "best peer", "theirs", "difference", "verdict"]
    assert [(row[0], row[3], row[6]) for row in rows] == [("apple", "svm", "ahead"), ("zebra", "svm", "ahead")]
    assert re.findall(r"^##? (.*)$", text, flags=re.MULTILINE) == ["Results", "apple", "zebra"]
    assert text.endswith("\n")
    section = markdown(summarise(make_judged(corpus="zebra", learning=())), folder="results/b/", level=2)
    assert section in text


def test_every_picture_of_the_results_exists_from_where_they_are_written(folder):
    links = re.findall(r"\]\(([^)]+)\)", results(folder))
    assert len(links) == 5 + 4
    assert all((folder.parent / link).is_file() for link in links)


def test_a_changed_report_changes_the_results(folder):
    before = results(folder)
    path = folder / "a" / "report.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"papers": 12345', '"papers": 54321'), encoding="utf-8")
    assert results(folder) == before.replace("12,345", "54,321", 1)


def test_no_report_and_a_broken_one_are_errors_that_say_where(folder, tmp_path):
    with pytest.raises(BroadsheetError, match=r"there is no report\.json in the folders of .*run evaluate --corpus NAME --out"):
        results(tmp_path / "nowhere")
    (folder / "a" / "report.json").write_text("{")
    with pytest.raises(BroadsheetError, match=r"results/a/report\.json: this is no report of a corpus run"):
        results(folder)

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_paper

from recommender.errors import NotEnoughData, SourceError
from recommender.rank.prior import NAMES, author_keys
from training import popularity
from training.corpora import hf
from training.corpora.hf import AUTHOR_PRIOR, BOTH, MEASURES, OURS, RANDOM, WORDS, judge, read, run

START = date(2025, 6, 2)
FIRST = date(2025, 9, 1)
DAYS = 105  # two weeks are tested


def listing(number: int, day: date = START, **changes: Any) -> dict[str, Any]:
    paper = make_paper(number, topic=random.Random(number).choice(["robots", "proofs"]), day=day)
    return {
        "id": f"2506.{number:05d}",
        "day": day.isoformat(),
        "days": 1,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "categories": ["cs.CV"],
        "comment": None,
    } | changes


def shared(row: dict[str, Any], day: date) -> dict[str, Any]:
    return {"id": row["id"], "day": day.isoformat(), "title": row["title"], "authors": row["authors"], "upvotes": 3}


def write(folder: Path, listed: list[dict[str, Any]], pages: list[dict[str, Any]]) -> Path:
    for name, rows in ((hf.LISTINGS, listed), (hf.SHARED, pages)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen papers a day; the page picks those of the well known, and half of those on robots; one day has no pick."""
    draw, listed, pages = random.Random(11), [], []
    for number in range(DAYS * 15):
        day = START + timedelta(days=number // 15)
        famous = draw.random() < 0.1
        row = listing(number, day, authors=[f"{'Famous' if famous else 'Plain'} Person {number % 11}", f"Passer By {number}"])
        listed.append(row)
        robots = "robot" in row["abstract"].lower()
        if day != FIRST + timedelta(days=3) and draw.random() < (0.9 if famous else 0.4 if robots else 0.02):
            pages.append(shared(row, day + timedelta(days=draw.randint(0, 3))))
    draw.shuffle(listed)
    return write(tmp_path_factory.mktemp("hf"), listed, pages)


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popularity, "ROUNDS", 40)
        patch.setattr(popularity, "SEEDS", 1)
        patch.setattr(popularity, "TREES", popularity.TREES | {"learning_rate": 0.1})
        yield


@pytest.fixture(scope="module")
def verdict(world: Path) -> hf.Verdict:
    return judge(world, seed=1)


@pytest.mark.parametrize(("after", "picked"), [(-3, False), (-2, True), (0, True), (14, True), (15, False)])
def test_a_pick_counts_within_its_days(tmp_path: Path, after: int, picked: bool) -> None:
    row = listing(1)
    history = read(write(tmp_path, [row], [shared(row, START + timedelta(days=after))]))
    assert history.picked.tolist() == [picked]
    assert len(history.elsewhere) == (0 if picked else len(row["authors"]))


def test_any_of_several_pages_may_pick(tmp_path: Path) -> None:
    row = listing(1)
    pages = [shared(row, START + timedelta(days=days)) for days in (40, 3)]
    assert read(write(tmp_path, [row], pages)).picked.tolist() == [True]


def test_what_is_shared_but_not_listed_speaks_of_its_authors_once(tmp_path: Path) -> None:
    row, other = listing(1), listing(2, authors=["Known Elsewhere", "Another"])
    history = read(write(tmp_path, [row], [shared(other, START), shared(other, START + timedelta(days=9))]))
    assert history.elsewhere.tolist() == author_keys(other["authors"])
    assert history.elsewhere_day.tolist() == [START.toordinal()] * 2
    assert history.picked.tolist() == [False]


def test_only_papers_of_the_three_categories_are_candidates(tmp_path: Path) -> None:
    rows = [listing(1, categories=["cs.RO", "cs.AI"]), listing(2, categories=["cs.RO"]), listing(3, categories=["cs.CL"])]
    history = read(write(tmp_path, rows, [shared(rows[1], START)]))
    assert len(history.listed) == 2
    assert history.elsewhere.tolist() == author_keys(rows[1]["authors"])


def test_days_lie_together_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [listing(i, START + timedelta(days=i % 3)) for i in range(9)]
    one = read(write(tmp_path / "a", rows, []))
    other = read(write(tmp_path / "b", rows[::-1], []))
    assert (np.diff(one.day) >= 0).all()
    assert one.listed.authors.tolist() == other.listed.authors.tolist()


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="arxiv_daily"):
        read(tmp_path)
    folder = write(tmp_path, [{"id": "1"}], [])
    with pytest.raises(SourceError, match="KeyError"):
        read(folder)
    (folder / hf.SHARED).write_bytes(b"no gzip")
    write_only = folder / hf.LISTINGS
    with gzip.open(write_only, "wt", encoding="utf-8") as out:
        out.write(json.dumps(listing(1)) + "\n")
    with pytest.raises(SourceError, match="BadGzipFile"):
        read(folder)


def test_every_ranker_has_a_value_for_every_day(verdict: hf.Verdict) -> None:
    values, days, facts, _importance, _calibration = verdict
    assert days == tuple(FIRST + timedelta(days=i) for i in range(len(days)))
    assert facts["days"] == len(days) == DAYS - (FIRST - START).days
    assert facts["papers"] == 15 * len(days)
    assert facts["days without a pick"] == 1
    assert len(values) == 6
    assert values[OURS].keys() == set(MEASURES)
    for measured in values.values():
        for numbers in measured.values():
            assert np.flatnonzero(np.isnan(numbers)).tolist() == [3]


def test_who_knows_more_finds_more(verdict: hf.Verdict) -> None:
    auc = {name: float(np.nanmean(measured["AUC"])) for name, measured in verdict[0].items()}
    assert auc[RANDOM] == 0.5
    assert min(auc[WORDS], auc[AUTHOR_PRIOR]) > 0.58
    assert auc[BOTH] > max(auc[WORDS], auc[AUTHOR_PRIOR])
    assert auc[OURS] > max(auc[WORDS], auc[AUTHOR_PRIOR])


def test_importance_and_calibration_add_up(verdict: hf.Verdict) -> None:
    _values, _days, facts, importance, calibration = verdict
    assert importance.keys() == set(NAMES)
    assert sum(importance.values()) == pytest.approx(1.0)
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
    assert importance["words"] > importance["title_words"]
    assert sum(rows for _, _, rows in calibration) == facts["papers"]
    predicted = [mean for mean, _, _ in calibration]
    assert predicted == sorted(predicted)
    assert sum(share * rows for _, share, rows in calibration) == pytest.approx(facts["picked"])
    assert calibration[-1][1] > 0.5 > calibration[0][1]


def test_the_same_seed_gives_the_same_values_and_progress_is_told(world: Path, verdict: hf.Verdict) -> None:
    told: list[tuple[str, int, int | None]] = []
    again = judge(world, seed=1, progress=lambda *said: told.append(said))
    assert told == [("weeks", 0, 2), ("weeks", 1, 2)]
    for name, measured in verdict[0].items():
        for measure, numbers in measured.items():
            assert np.array_equal(numbers, again[0][name][measure], equal_nan=True)
    assert again[1:] == verdict[1:]


def test_days_after_the_last_are_not_judged(world: Path, verdict: hf.Verdict) -> None:
    short = run(read(world), first=FIRST, last=FIRST + timedelta(days=4), seed=1)
    assert short[1] == verdict[1][:5]
    assert short[2]["papers"] == 15 * 5
    for name in short[0]:
        assert np.array_equal(short[0][name]["AUC"], verdict[0][name]["AUC"][:5], equal_nan=True)


def test_a_week_without_papers_is_passed_over(world: Path, verdict: hf.Verdict) -> None:
    history = read(world)
    rows = np.flatnonzero((history.day < FIRST.toordinal()) | (history.day >= FIRST.toordinal() + 7))
    quiet = replace(history, listed=history.listed.take(rows), day=history.day[rows], picked=history.picked[rows])
    values, days, *_ = run(quiet, first=FIRST, last=date.max, seed=1)
    assert days == verdict[1][7:]
    assert np.array_equal(values[OURS]["AUC"], verdict[0][OURS]["AUC"][7:])  # what was missing was not settled


def test_nothing_to_judge_is_said(world: Path) -> None:
    history = read(world)
    with pytest.raises(SourceError, match="nothing to judge"):
        run(history, first=date(2027, 1, 1), last=date.max, seed=0)
    with pytest.raises(NotEnoughData):
        run(history, first=START, last=date.max, seed=0)

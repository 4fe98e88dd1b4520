from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_array

from recommender.errors import BroadsheetError, NotEnoughData
from recommender.types import FloatArray
from training.corpora import screening
from training.corpora.screening import (
    ALONE,
    EACH,
    OTHERS,
    OURS,
    PEER,
    RECALL,
    SAVED,
    Bools,
    Ints,
    Review,
    Screener,
    judged,
    read,
    screen,
)
from training.report import summarise

TOPICS = ("asthma", "bilingual", "concrete")
FILLER = [f"filler{k}" for k in range(40)]


def record(topic: str, title: str, abstract: str | None, label: int) -> dict[str, Any]:
    return {"topic": topic, "rid": title, "title": title, "abstract": abstract, "label": label}


def write(folder: Path, records: Sequence[dict[str, Any]]) -> Path:
    path = folder / screening.RECORDS
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in records)
    return folder


def embedding(texts: Sequence[str]) -> FloatArray:
    """Sum of a random vector per word, unit length."""
    rows = [
        np.sum([np.random.default_rng(crc32(w.encode())).normal(size=12) for w in text.lower().split()], axis=0) for text in texts
    ]
    return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


def review(topic: str, size: int = 80, includes: int = 10) -> Review:
    """Includes are trials of the review's own substance; many excludes are one or the other."""
    draw = random.Random(topic)
    titles, abstracts = [], []
    for number in range(size):
        design = "randomised trial" if number < includes or number % 4 == 0 else "case report"
        about = f"{topic} substance" if number < includes or number % 4 == 1 else f"{topic} elsewhere"
        titles.append(f"{about} {number} {' '.join(draw.sample(FILLER, 3))}")
        abstracts.append(f"{design} {' '.join(draw.sample(FILLER, 8))}")
    return Review(topic, tuple(titles), tuple(abstracts), np.arange(size) < includes)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Three reviews in a file, and a peer that is tuned quickly."""
    monkeypatch.setattr(screening, "GRID", ((1, 1.0, "balanced"), (2, 1e-6, None)))
    monkeypatch.setattr(screening, "STARTS", 2)
    rows = [
        record(topic, title, abstract, int(label))
        for topic in TOPICS
        for found in [review(topic, size=50, includes=8)]
        for title, abstract, label in zip(found.titles, found.abstracts, found.included, strict=True)
    ]
    return write(tmp_path, rows)


def scoring(score: npt.NDArray[np.int64]) -> Callable[[Ints, Bools], FloatArray]:
    return lambda *_: np.array(score, dtype=np.float32)


def test_reviews_are_read_in_order_and_small_ones_left_out(tmp_path: Path) -> None:
    rows = [record("b", f"b{k}", None, int(k < 2)) for k in range(4)] + [
        record("a", f"a{k}", "text", int(k < 3)) for k in range(4)
    ]
    rows += [record("c", f"c{k}", "text", int(k > 1)) for k in range(4)]
    found = read(write(tmp_path, rows))
    assert [one.name for one in found] == ["b", "c"]  # `a` has one exclude only
    assert found[0].abstracts == ("",) * 4
    assert found[1].titles == ("c0", "c1", "c2", "c3")
    assert found[1].included.tolist() == [False, False, True, True]


def test_a_missing_file_and_a_file_without_reviews_are_told(tmp_path: Path) -> None:
    with pytest.raises(BroadsheetError, match=r"records\.jsonl\.gz"):
        read(tmp_path)
    with pytest.raises(NotEnoughData, match="two includes"):
        read(write(tmp_path, [record("a", "t", "x", 1), record("a", "u", "y", 0)]))


def test_measures_of_a_perfect_and_of_the_worst_order() -> None:
    included = np.zeros(102, dtype=bool)
    included[:21] = True  # one is the start: 20 to be found among 100
    first, last = scoring(np.arange(102, 0, -1)), scoring(np.arange(102))
    assert screen(included, (0, 101), first) == pytest.approx((0.5, 1 - 0.19 - 0.05))  # 95 % of 20 are 19
    assert screen(included, (0, 101), last) == pytest.approx((0.0, 1 - 0.99 - 0.05))


def test_a_record_is_shown_once_and_every_answer_is_learned_from() -> None:
    included = np.random.default_rng(0).random(300) < 0.1
    start = (int(np.flatnonzero(included)[0]), int(np.flatnonzero(~included)[0]))
    score = np.random.default_rng(1).random(300)
    asked: list[list[int]] = []

    def scorer(shown: Ints, answers: Bools) -> FloatArray:
        assert answers.tolist() == included[shown].tolist()
        asked.append(shown.tolist())
        return score.astype(np.float32)

    screen(included, start, scorer)
    assert asked[0] == list(start)
    assert all(len(set(shown)) == len(shown) and shown[: len(before)] == before for before, shown in pairwise(asked))
    steps = np.diff([len(shown) for shown in asked])
    assert set(steps[: EACH - 2]) == {1}
    order = np.argsort(-score)
    assert asked[-1][2:] == [i for i in order if i not in start][: len(asked[-1]) - 2]


def test_more_is_shown_between_two_lessons_later_and_the_ranks_stay_right() -> None:
    included = np.zeros(402, dtype=bool)
    included[[0, 200, 399]] = True
    calls = []

    def scorer(shown: Ints, answers: Bools) -> FloatArray:
        calls.append(len(shown))
        return np.arange(402, 0, -1).astype(np.float32)

    recall, saved = screen(included, (0, 401), scorer)
    assert max(np.diff(calls)) > 1
    assert recall == 0.0
    assert saved == pytest.approx(1 - 399 / 400 - 0.05)


def test_a_head_is_balanced_ridge_regression_however_the_answers_came() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 5)).astype(np.float32)
    shown, answers = np.array([4, 9, 2, 7, 11]), np.array([True, False, False, True, False])
    step, sparse = screening._Space(rows), screening._Space(csr_array(rows))
    for m in (2, 3, 5):
        grown = step.head(shown[:m], answers[:m], 3.0)
    # The same by the normal equations: an unpenalised-like column of ones, and weights that sum to m/2 on each side.
    ones = np.hstack([rows, np.ones((30, 1), dtype=np.float32)]).astype(np.float64)
    weight = np.where(answers, 5 / 4, 5 / 6)
    system = (ones[shown].T * weight) @ ones[shown] + 3.0 * np.eye(6)
    w = np.linalg.solve(system, (ones[shown].T * weight) @ np.where(answers, 1.0, -1.0))
    np.testing.assert_allclose(grown, rows @ w[:5], atol=1e-4)
    np.testing.assert_allclose(sparse.head(shown, answers, 3.0), grown, atol=1e-4)


def test_the_nearest_includes_are_the_three_nearest_of_all() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    included = np.array([3, 5, 8, 20, 31, 39])
    space = screening._Space(rows)
    np.testing.assert_allclose(space.nearest(included[:1]), rows @ rows[3], rtol=1e-5)
    for m in (2, 2, 5, 6):
        grown = space.nearest(included[:m])
    np.testing.assert_allclose(grown, np.sort(rows @ rows[included].T, axis=1)[:, -3:].mean(axis=1), rtol=1e-4, atol=1e-5)


def test_a_screener_finds_what_its_answers_ask_for() -> None:
    one = review("asthma")
    words = screening._words(one)
    nothing = np.zeros(80, dtype=np.float32)
    score = Screener(screening._spaces(one, words, embedding), nothing)(np.array([0, 79, 20]), one.included[[0, 79, 20]])
    assert score.shape == (80,)
    assert np.isfinite(score).all()
    assert score[one.included][1:].mean() > score[~one.included].mean() + 1.0


def test_a_prior_lifts_what_it_speaks_for() -> None:
    one = review("asthma")
    spaces = screening._spaces(one, screening._words(one), embedding)
    prior = np.random.default_rng(0).normal(size=80).astype(np.float32)
    prior[[0, 79]] = 0.0  # nothing is learned of it from the answers
    shown = np.array([0, 79])
    lift = Screener(spaces, prior)(shown, one.included[shown]) - Screener(spaces, 0 * prior)(shown, one.included[shown])
    assert np.corrcoef(lift, prior)[0, 1] > 0.9


def test_a_prior_knows_the_answers_of_other_reviews_and_never_its_own() -> None:
    reviews = [review(topic) for topic in TOPICS]
    rows = [screening._words(one) for one in reviews]
    priors = screening._priors(reviews, rows)
    design = np.array(["randomised" in abstract for abstract in reviews[0].abstracts])
    assert np.mean(priors[0][design][:, None] > priors[0][~design]) > 0.95
    turned = Review(reviews[0].name, reviews[0].titles, reviews[0].abstracts, ~reviews[0].included)
    again = screening._priors([turned, *reviews[1:]], rows)
    np.testing.assert_array_equal(again[0], priors[0])
    assert not np.array_equal(again[1], priors[1])


def test_a_record_that_stands_in_two_reviews_is_not_learned_from() -> None:
    one = review("asthma")
    twin = Review("twin", tuple(title.upper() for title in one.titles), one.abstracts, one.included)
    rows = [screening._words(one)] * 2
    assert [prior.any() for prior in screening._priors([one, twin], rows)] == [False, False]
    assert not screening._priors([one], rows[:1])[0].any()


def test_a_whole_run_is_reported(small: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    found = judged(small, embedding, seed=3, progress=lambda *step: told.append(step))
    assert set(found.values) == {OURS, ALONE, OTHERS, PEER}
    assert found.peers == (PEER,)
    assert all(found.values[name][m].shape == (3,) for name in found.values for m in (RECALL, SAVED))
    assert found.facts["reviews"] == 3
    assert found.facts["includes"] == 24
    assert found.facts["peer's settings, tuned"] == "words, C 1, balanced class weights"
    assert found.values[OURS][SAVED].mean() > 0.5
    assert found.values[OURS][SAVED].mean() > found.values[PEER][SAVED].mean()
    assert told[-1] == ("screening", 3, 3)
    again = judged(small, embedding, seed=3)
    assert summarise(again, samples=20) == summarise(found, samples=20)

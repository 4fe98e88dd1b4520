from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import ShapeError
from training import metrics
from training.metrics import auc, bootstrap, ndcg, paired_bootstrap, precision, recall, reciprocal_rank

K = 5
MEASURES = {
    "ndcg": (lambda y, s, g: ndcg(y, s, g, K), f"ndcg_cut_{K}"),
    "mrr": (reciprocal_rank, "recip_rank"),
    "precision": (lambda y, s, g: precision(y, s, g, K), f"P_{K}"),
    "recall": (lambda y, s, g: recall(y, s, g, K), f"recall_{K}"),
}


def one(measure, grades, scores) -> float:
    (value,) = measure(np.array(grades), np.array(scores, dtype=float), np.array([len(grades)]))
    return float(value)


def trec(name: str, grades, scores) -> float:
    """trec_eval's answer; its own gain is the plain label, so ours is handed to it as the label."""
    qrel = {"q": {f"d{i:03d}": int(2**g - 1) for i, g in enumerate(grades)}}
    run = {"q": {f"d{i:03d}": float(s) for i, s in enumerate(scores)}}
    family = name.rpartition("_")[0] if name[-1].isdigit() else name
    asked = f"{family}.{K}" if name[-1].isdigit() else name
    return pytrec_eval.RelevanceEvaluator(qrel, {asked}).evaluate(run)["q"][name]


lists = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1000)), min_size=1, max_size=15, unique_by=lambda row: row[1]
).filter(lambda rows: any(grade for grade, _ in rows))


@pytest.mark.parametrize("name", MEASURES)
@settings(max_examples=60, deadline=None)
@given(rows=lists)
def test_agrees_with_trec_eval_when_nothing_is_tied(name, rows):
    grades, scores = zip(*rows, strict=True)
    measure, theirs = MEASURES[name]
    assert one(measure, grades, scores) == pytest.approx(trec(theirs, grades, scores), abs=1e-9)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("grades", "scores"),
    [
        ([2, 0, 1, 0, 0], [1, 1, 1, 1, 1]),
        ([0, 1, 0, 2, 0], [3, 2, 2, 2, 1]),
        ([1, 0, 0, 1], [0, 0, 5, 0]),
        ([0, 2, 0], [7, 7, 1]),
    ],
)
def test_a_tie_is_the_mean_over_all_orders_of_the_tied_rows(name, grades, scores):
    """trec_eval breaks ties by name; over every naming it must average to what we say."""
    measure, theirs = MEASURES[name]
    mean = np.mean(
        [trec(theirs, [grades[i] for i in order], [scores[i] for i in order]) for order in permutations(range(len(grades)))]
    )
    assert one(measure, grades, scores) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("measure", [*(m for m, _ in MEASURES.values()), auc])
@settings(max_examples=40, deadline=None)
@given(rows=lists, seed=st.integers(0, 99))
def test_the_order_in_which_rows_lie_changes_nothing(measure, rows, seed):
    grades, scores = (np.array(column) for column in zip(*rows, strict=True))
    scores = scores // 300  # many ties
    order = np.random.default_rng(seed).permutation(len(grades))
    assert one(measure, grades, scores) == pytest.approx(one(measure, grades[order], scores[order]), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(rows=lists)
def test_the_right_order_is_worth_one(rows):
    grades = np.array([grade for grade, _ in rows])
    assert one(ndcg, grades, grades) == pytest.approx(1.0)
    assert one(reciprocal_rank, grades, grades) == pytest.approx(1.0)
    assert one(auc, grades, grades) == (1.0 if (grades == 0).any() else pytest.approx(np.nan, nan_ok=True))


def test_positives_listed_first_gain_nothing_from_tied_scores():
    assert one(ndcg, [1] + [0] * 9, [0] * 10) < 0.5
    assert one(auc, [1, 1, 0, 0], [0, 0, 0, 0]) == 0.5
    assert one(reciprocal_rank, [1, 0, 0], [0, 0, 0]) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(3)
    grades, scores = rng.integers(0, 3, 30), rng.integers(0, 8, 30)
    good, bad = scores[grades > 0], scores[grades == 0]
    pairs = [(g > b) + (g == b) / 2 for g in good for b in bad]
    assert one(auc, grades, scores) == pytest.approx(np.mean(pairs))


def test_lists_are_judged_each_for_itself():
    rng = np.random.default_rng(5)
    sizes = np.array([4, 1, 9, 6])
    grades, scores = rng.integers(0, 3, 20), rng.integers(0, 4, 20)
    cuts = np.cumsum(sizes)[:-1]
    for measure in [*(m for m, _ in MEASURES.values()), auc]:
        apart = [one(measure, g, s) for g, s in zip(np.split(grades, cuts), np.split(scores, cuts), strict=True)]
        assert measure(grades, scores, sizes) == pytest.approx(np.array(apart), nan_ok=True)


@pytest.mark.parametrize("measure", [*(m for m, _ in MEASURES.values()), auc])
def test_a_list_without_anything_relevant_has_no_value(measure):
    assert np.isnan(one(measure, [0, 0], [1, 2]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="not a number"):
        one(ndcg, [1, 0], [np.nan, 1.0])
    with pytest.raises(ShapeError, match="3 rows"):
        ndcg(np.array([1, 0]), np.array([1.0, 2.0]), np.array([3]))
    with pytest.raises(ShapeError, match="paired"):
        paired_bootstrap(np.zeros(2), np.zeros(3), rng=np.random.default_rng(0))
    with pytest.raises(ShapeError, match="cluster"):
        bootstrap(np.zeros(2), rng=np.random.default_rng(0), clusters=np.zeros(3))


def test_the_interval_covers_the_truth_about_as_often_as_it_says(rng):
    """Twelve readers of four alike pages each: 95 % is the aim, and treating pages as independent would reach about 65 %."""
    covered, naive = 0, 0
    for _ in range(200):
        readers = np.repeat(np.arange(12), 4)
        values = rng.normal(size=12)[readers] + rng.normal(scale=0.2, size=48)
        whole = bootstrap(values, rng=rng, samples=300, clusters=readers)
        loose = bootstrap(values, rng=rng, samples=300)
        covered += whole.low <= 0 <= whole.high
        naive += loose.low <= 0 <= loose.high
    assert 180 <= covered <= 199
    assert naive < 165


def test_a_paired_difference_is_far_narrower_than_the_scores_it_compares(rng):
    a = rng.normal(size=100)
    gain = paired_bootstrap(a + 0.1, a, rng=rng, samples=300)
    assert gain.value == pytest.approx(0.1)
    assert gain.high - gain.low < 1e-9
    assert bootstrap(a, rng=rng, samples=300).high - bootstrap(a, rng=rng, samples=300).low > 0.2


def test_nothing_known_gives_nothing_and_one_cluster_gives_no_bounds(rng):
    assert np.isnan(bootstrap(np.array([np.nan]), rng=rng).value)
    single = bootstrap(np.array([0.4, 0.6, np.nan]), rng=rng, clusters=np.array([7, 7, 7]))
    assert single.value == pytest.approx(0.5)
    assert np.isnan(single.low)
    assert metrics.LEVEL == 0.95


def test_a_gain_can_count_for_more_than_one():
    """Two touched, the lower of them at a place looked at half as often: it stands for two."""
    grades, group = np.array([1, 0, 1]), np.array([3])
    first = ndcg(grades, np.array([3.0, 2.0, 1.0]), group, weight=np.array([1.0, 5.0, 2.0]))
    assert first == pytest.approx([(1 + 2 / 2) / (2 + 1 / np.log2(3))])
    assert ndcg(grades, np.array([1.0, 2.0, 3.0]), group, weight=np.ones(3)) == pytest.approx(
        ndcg(grades, np.array([1.0, 2.0, 3.0]), group)
    )

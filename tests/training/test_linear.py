"""The learned weights: known answers, the hold on what is known without a log, the signs that are not up for debate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad

from recommender.rank.features import MONOTONE, NAMES
from recommender.rank.model import blend_ranker
from training import linear
from training.dataset import TrainingSet
from training.metrics import Numbers, ndcg

PRIOR = blend_ranker().weights
SECRET = NAMES.index("has_code")  # what the synthetic readers want, and the untrained blend does not weigh


def fitted(rows: TrainingSet, strength: float) -> Numbers:
    (weights,) = linear.fit_weights(rows, PRIOR, strengths=[strength])
    return weights


def test_what_decides_gets_a_weight(rng, make_rows):
    rows = make_rows(rng, days=10)
    weights = fitted(rows, 0.01)
    assert weights[SECRET] > 0.3
    before, after = (ndcg(rows.y, np.nan_to_num(rows.X) @ w, rows.group).mean() for w in (PRIOR, weights))
    assert after > before + 0.1


def test_a_strong_hold_changes_nothing_and_a_weaker_one_more(rng, make_rows):
    rows = make_rows(rng, days=5)
    away = [np.abs(fitted(rows, s) - PRIOR).sum() for s in (1e6, 0.3, 0.01)]
    assert away[0] < 1e-3
    assert away[0] < away[1] < away[2]


def test_no_weight_contradicts_what_is_certain(rng, make_rows):
    rows = make_rows(rng, days=5)
    upside_down = replace(rows, y=(2 - rows.y).astype(np.int8))  # a log that punishes all that is similar
    weights = fitted(upside_down, 0.001)
    assert (np.sign(weights) * np.array(MONOTONE) >= 0).all()
    assert (weights[np.array(MONOTONE) != 0] == 0).any()


def test_every_page_weighs_the_same(rng, make_rows):
    rows = make_rows(rng, days=2, pages_per_day=1)
    _, _, share = linear._pairs(rows)
    assert share.sum() == pytest.approx(1.0)
    better, worse, share = linear._pairs(rows)
    assert (rows.y[better] > rows.y[worse]).all()
    first = better < rows.group[0]
    assert share[first].sum() == pytest.approx(0.5)


def test_a_page_of_one_grade_teaches_nothing_and_does_no_harm(rng, make_rows):
    rows = make_rows(rng, days=2, pages_per_day=1)
    y = rows.y.copy()
    y[: rows.group[0]] = 1
    assert np.isfinite(fitted(replace(rows, y=y), 0.1)).all()


def test_the_slope_is_the_slope(rng, make_rows, monkeypatch):
    """A wrong gradient would still find something; it would not be the minimum."""
    taken = {}

    def keep(loss, start, **_more):
        taken.update(loss=loss, start=start)
        return type("Found", (), {"x": start})

    monkeypatch.setattr(linear, "minimize", keep)
    fitted(make_rows(rng, days=2), 0.05)
    at = taken["start"] + rng.normal(scale=0.3, size=len(taken["start"]))
    assert check_grad(lambda w: taken["loss"](w, 0.05)[0], lambda w: taken["loss"](w, 0.05)[1], at) < 1e-5


def test_what_is_the_same_everywhere_keeps_its_weight(rng, make_rows):
    rows = make_rows(rng, days=5)
    X = rows.X.copy()
    same = {"candidates": 500.0, "team": np.log(3), "is_cross": 1.0, "z_taste_head": np.nan, "has_code": 0.0}
    for name, value in same.items():
        X[:, NAMES.index(name)] = value
    weights = fitted(replace(rows, X=X), 0.01)
    for name in same:
        assert weights[NAMES.index(name)] == pytest.approx(PRIOR[NAMES.index(name)], abs=1e-6), name


def test_the_unit_of_a_column_does_not_matter(rng, make_rows):
    rows = make_rows(rng, days=5)
    X, scale = rows.X.copy(), np.float32(64)
    X[:, SECRET] *= scale
    one, other = fitted(rows, 0.01), fitted(replace(rows, X=X), 0.01)
    assert other[SECRET] * scale == pytest.approx(one[SECRET], rel=1e-3)


def test_every_strength_is_fitted_afresh(rng, make_rows):
    rows = make_rows(rng, days=3)
    several = list(linear.fit_weights(rows, PRIOR, strengths=(0.3, 0.01)))
    assert several[1] == pytest.approx(fitted(rows, 0.01), abs=1e-9)
    assert several[0] != pytest.approx(several[1], abs=1e-3)


def test_touches_that_only_a_place_explains_move_no_weight(rng, make_rows):
    """What stood high was looked at, and the blend put it there: without the places' terms the blend would praise itself."""
    rows = make_rows(rng, days=40)
    looked = rng.random(len(rows)) < 1.0 / rows.position
    told, blind = (
        fitted(replace(rows, y=np.where(looked, rows.y, 0).astype(np.int8), position=position), 0.01)
        for position in (rows.position, np.ones_like(rows.position))
    )
    values = np.nan_to_num(rows.X)
    known, repeated = (ndcg(rows.y, values @ weights, rows.group).mean() for weights in (told, blind))
    assert known > repeated + 0.02
    assert told[SECRET] / np.abs(told).sum() > 1.2 * blind[SECRET] / np.abs(blind).sum()


def test_places_far_down_are_one_place(rng, make_rows):
    rows = make_rows(rng, days=3)
    far = [fitted(replace(rows, position=rows.position + more), 0.03) for more in (60, 600)]
    assert far[0] == pytest.approx(far[1])


def test_a_page_whose_rows_count_double_counts_more(rng, make_rows):
    rows = make_rows(rng, days=2, pages_per_day=1)
    doubled = np.repeat([2.0, 1.0], rows.group).astype(np.float32) * rows.weight
    better, _, share = linear._pairs(replace(rows, weight=doubled))
    assert share[better < rows.group[0]].sum() == pytest.approx(0.8)  # both rows of a pair: four times

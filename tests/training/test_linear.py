"""The learned weights: known answers, the hold on what is known without a log, the signs that are not up for debate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad

from recommender.rank.features import MONOTONE, NAMES
from recommender.rank.model import blend_ranker
from training import linear
from training.metrics import ndcg

PRIOR = blend_ranker().weights
SECRET = NAMES.index("has_code")  # what the synthetic readers want, and the untrained blend does not weigh


def test_what_decides_gets_a_weight(rng, make_rows):
    rows = make_rows(rng, days=10)
    weights = linear.fit_weights(rows, PRIOR, strength=0.01)
    assert weights[SECRET] > 0.3
    before, after = (ndcg(rows.y, linear.score(rows, w), rows.group).mean() for w in (PRIOR, weights))
    assert after > before + 0.1


def test_a_strong_hold_changes_nothing_and_a_weaker_one_more(rng, make_rows):
    rows = make_rows(rng, days=5)
    away = [np.abs(linear.fit_weights(rows, PRIOR, strength=s) - PRIOR).sum() for s in (1e6, 0.3, 0.01)]
    assert away[0] < 1e-3
    assert away[0] < away[1] < away[2]


def test_no_weight_contradicts_what_is_certain(rng, make_rows):
    rows = make_rows(rng, days=5)
    upside_down = replace(rows, y=(2 - rows.y).astype(np.int8))  # a log that punishes all that is similar
    weights = linear.fit_weights(upside_down, PRIOR, strength=0.001)
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
    assert np.isfinite(linear.fit_weights(replace(rows, y=y), PRIOR, strength=0.1)).all()


def test_the_slope_is_the_slope(rng, make_rows, monkeypatch):
    """A wrong gradient would still find something; it would not be the minimum."""
    taken = {}

    def keep(loss, start, **_more):
        taken.update(loss=loss, start=start)
        return type("Found", (), {"x": start})

    monkeypatch.setattr(linear, "minimize", keep)
    linear.fit_weights(make_rows(rng, days=2), PRIOR, strength=0.05)
    at = taken["start"] + rng.normal(scale=0.3, size=len(NAMES))
    assert check_grad(lambda w: taken["loss"](w)[0], lambda w: taken["loss"](w)[1], at) < 1e-5


def test_scores_are_those_of_the_ranker(rng, make_rows):
    rows = make_rows(rng, days=2)
    ranker = replace(blend_ranker(), weights=rng.normal(size=len(NAMES)).astype(np.float32))
    assert linear.score(rows, ranker.weights) == pytest.approx(ranker.blend(rows.matrix), abs=1e-5)

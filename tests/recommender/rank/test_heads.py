"""The reader's linear head: the closed form equals the problem it solves, and weights balance the two sides."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.errors import ShapeError
from recommender.rank.heads import dual_ridge, row_weights


def test_both_sides_weigh_the_same_and_the_mean_weight_is_one() -> None:
    weights = row_weights(np.array([1.0, 0.5], dtype=np.float32), np.array([1.0], dtype=np.float32), 10)
    assert weights[:2].sum() == pytest.approx(weights[2:].sum())
    assert weights.mean() == pytest.approx(1.0)


def test_an_old_like_weighs_less_and_a_dislike_more_than_what_went_by() -> None:
    weights = row_weights(np.array([1.0, 0.5], dtype=np.float32), np.array([1.0], dtype=np.float32), 3)
    assert weights[0] == pytest.approx(2 * weights[1])
    assert weights[2] == pytest.approx(3 * weights[3])


def test_the_dual_is_the_primal_ridge_with_an_intercept(rng: np.random.Generator) -> None:
    x, candidates = rng.normal(size=(12, 5)), rng.normal(size=(7, 5))
    labels = np.where(rng.random(12) < 0.4, 1.0, -1.0)
    weights, ridge = rng.uniform(0.5, 2.0, 12), 0.7
    with_one = np.hstack([x, np.ones((12, 1))])
    normal = with_one.T @ (weights[:, None] * with_one) + ridge * np.eye(6)
    w = np.linalg.solve(normal, with_one.T @ (weights * labels))
    expected = np.hstack([candidates, np.ones((7, 1))]) @ w
    scores = dual_ridge(x @ x.T, candidates @ x.T, labels, weights, ridge=ridge)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(expected, abs=1e-5)


def test_the_same_text_liked_twice_is_no_trouble() -> None:
    gram = np.ones((3, 3))
    scores = dual_ridge(gram, np.ones((2, 3)), np.array([1.0, 1.0, -1.0]), np.ones(3), ridge=1e-3)
    assert np.isfinite(scores).all()


def test_more_ridge_is_smoother() -> None:
    x, labels = np.eye(4), np.array([1.0, 1.0, -1.0, -1.0])
    rough, smooth = (dual_ridge(x, x, labels, np.ones(4), ridge=ridge) for ridge in (0.1, 10.0))
    assert np.abs(smooth).max() < np.abs(rough).max()


@pytest.mark.parametrize(
    ("gram", "cross", "weights"), [((3, 3), (4, 2), 2), ((2, 2), (4, 3), 2), ((2, 2), (4, 2), 3), ((2, 3), (4, 2), 2)]
)
def test_arrays_that_do_not_fit_are_refused(gram: tuple[int, int], cross: tuple[int, int], weights: int) -> None:
    with pytest.raises(ShapeError, match="do not fit 2 labels"):
        dual_ridge(np.ones(gram), np.ones(cross), np.array([1.0, -1.0]), np.ones(weights), ridge=1.0)

"""The reader's linear head: the closed forms equal scikit-learn's solutions of the same problems, and arrays must fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info

from recommender.errors import ShapeError
from recommender.rank.heads import Head, one_thread_each, solve


class Problem:
    """Twelve judged papers in a space of five dimensions, and seven candidates."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.x, self.candidates = rng.normal(size=(12, 5)), rng.normal(size=(7, 5))
        self.labels = np.where(rng.random(12) < 0.7, 1.0, -1.0)
        self.trust = rng.uniform(0.2, 1.0, 12)
        self.cross = self.candidates @ self.x.T
        self.own = (self.candidates**2).sum(axis=1)

    def head(self, ridge: float) -> Head:
        return solve(self.x @ self.x.T, self.labels, self.trust, ridge=ridge)


@pytest.fixture
def problem(rng: np.random.Generator) -> Problem:
    return Problem(rng)


def test_scores_are_those_of_a_weighted_ridge_regression(problem: Problem) -> None:
    ridge = Ridge(alpha=0.7, fit_intercept=False).fit(problem.x, problem.labels, sample_weight=problem.trust)
    head = problem.head(0.7)
    assert head.weights.dtype == np.float32
    assert problem.cross @ head.weights == pytest.approx(ridge.predict(problem.candidates), abs=1e-5)


def test_uncertainty_is_that_of_a_gaussian_process(problem: Problem) -> None:
    kernel = DotProduct(0.0, "fixed")
    process = GaussianProcessRegressor(kernel, alpha=0.7 / problem.trust, optimizer=None).fit(problem.x, problem.labels)
    mean, deviation = process.predict(problem.candidates, return_std=True)
    head = problem.head(0.7)
    assert problem.cross @ head.weights == pytest.approx(mean, abs=1e-5)
    found = head.uncertainty(problem.cross, problem.own)
    assert found.dtype == np.float32
    assert found == pytest.approx(deviation / np.sqrt(problem.own), abs=1e-4)


def test_a_judged_paper_is_certain_once_nothing_is_smoothed() -> None:
    x = np.eye(4)[:2]
    head = solve(x @ x.T, np.array([1.0, -1.0]), np.ones(2), ridge=1e-6)
    found = head.uncertainty(np.eye(4) @ x.T, np.ones(4))
    assert found == pytest.approx([0.0, 0.0, 1.0, 1.0], abs=2e-3)  # what is at right angles to all that was judged is unknown


def test_more_judged_papers_leave_less_unknown(problem: Problem) -> None:
    few = solve(problem.x[:3] @ problem.x[:3].T, problem.labels[:3], problem.trust[:3], ridge=1.0)
    before, after = few.uncertainty(problem.cross[:, :3], problem.own), problem.head(1.0).uncertainty(problem.cross, problem.own)
    assert (after < before).all()
    assert ((after >= 0) & (before <= 1)).all()


def test_a_text_of_nothing_has_a_finite_uncertainty(problem: Problem) -> None:
    assert np.isfinite(problem.head(1.0).uncertainty(np.zeros((1, 12)), np.zeros(1))).all()


def test_the_same_text_liked_twice_is_no_trouble() -> None:
    head = solve(np.ones((3, 3)), np.array([1.0, 1.0, -1.0]), np.ones(3), ridge=1e-3)
    assert np.isfinite(head.weights).all()
    assert np.isfinite(head.uncertainty(np.ones((2, 3)), np.ones(2))).all()


def test_a_like_that_faded_counts_less() -> None:
    weights = solve(np.eye(2), np.ones(2), np.array([1.0, 0.25]), ridge=1.0).weights
    assert weights == pytest.approx([1 / 2, 1 / 5])


def test_more_ridge_is_smoother(problem: Problem) -> None:
    rough, smooth = (np.abs(problem.head(ridge).weights).max() for ridge in (0.1, 10.0))
    assert smooth < rough


@pytest.mark.parametrize(("gram", "trust"), [((3, 3), 2), ((2, 2), 3), ((2, 3), 2)])
def test_arrays_that_do_not_fit_are_refused(gram: tuple[int, int], trust: int) -> None:
    with pytest.raises(ShapeError, match="do not fit 2 labels"):
        solve(np.ones(gram), np.array([1.0, -1.0]), np.ones(trust), ridge=1.0)


def test_linear_algebra_is_kept_on_one_thread_and_given_back() -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads()
    assert before
    assert set(one_thread_each(threads)()) == {1}
    assert threads() == before

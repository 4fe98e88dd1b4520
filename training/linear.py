"""TrainingSet -> weights of the blend float64 (f,): what the log says each column is worth, held to what is known without it.

Pairwise logistic loss on the rows of a page (Burges et al., "Learning to rank using gradient descent", ICML 2005), each page weighing
the same, with a squared penalty on the distance from the untrained weights in units of each column's spread: few pages move the
weights little. A weight may not contradict `MONOTONE`, so more similar still never scores lower.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from recommender.rank.features import MONOTONE
from recommender.types import FloatArray
from training.dataset import TrainingSet

__all__ = ["fit_weights", "score"]

Numbers = npt.NDArray[np.float64]

MOST_STEPS = 300


def fit_weights(train: TrainingSet, prior: FloatArray, *, strength: float) -> Numbers:
    """Fit one weight per column.

    Parameters
    ----------
    train : TrainingSet
    prior : ndarray of shape (f,), dtype=float32
        The untrained weights, which a row of zeros in the log would leave as they are.
    strength : float
        Of the penalty; large: stay with `prior`.

    Returns
    -------
    ndarray of shape (f,), dtype=float64
        With the sign that `MONOTONE` asks for, or zero.
    """
    better, worse, share = _pairs(train)
    values = np.nan_to_num(train.X.astype(np.float64), nan=0.0)
    spread = np.maximum(values.std(axis=0), 1e-9)
    apart = values[better] - values[worse]
    start = prior.astype(np.float64)

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        margin = apart @ weights
        away = (weights - start) * spread
        wrong = 0.5 * (1.0 - np.tanh(margin / 2.0))  # the probability of the other order, without overflow
        value = float(share @ np.logaddexp(0.0, -margin) + strength * (away @ away))
        return value, -(apart.T @ (share * wrong)) + 2.0 * strength * away * spread

    bounds = [{1: (0.0, None), -1: (None, 0.0)}.get(sign, (None, None)) for sign in MONOTONE]
    found: Numbers = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MOST_STEPS}).x
    return found


def score(rows: TrainingSet, weights: npt.NDArray[np.floating]) -> FloatArray:
    """Return the weighted sum of each row, shape (n,), an unknown value counting as neutral: as `Ranker.blend` does."""
    scores: FloatArray = (np.nan_to_num(rows.X, nan=0.0) @ weights.astype(np.float32)).astype(np.float32)
    return scores


def _pairs(rows: TrainingSet) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Numbers]:
    """Return every two rows of a page with different grades, the better first, and what each pair counts; all pages sum to one."""
    ends = np.cumsum(rows.group)
    found, share = [], []
    for first, last in zip(ends - rows.group, ends, strict=True):
        grades = rows.y[first:last]
        pairs = np.argwhere(grades[:, None] > grades[None, :]) + first
        weight = rows.weight[pairs].prod(axis=1).astype(np.float64)
        found.append(pairs)
        share.append(weight / max(float(weight.sum()), 1e-12) / len(ends))
    both = np.concatenate(found)
    return both[:, 0], both[:, 1], np.concatenate(share)

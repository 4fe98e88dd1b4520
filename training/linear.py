"""TrainingSet -> weights of the blend float64 (f,): what the log says each column is worth, held to what is known without it.

Pairwise logistic loss on the rows of a page (Burges et al., "Learning to rank using gradient descent", ICML 2005), each page weighing
the same, with a squared penalty on the distance from the untrained weights in units of each column's spread: few pages move the
weights little. A weight may not contradict `MONOTONE`, so more similar still never scores lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from recommender.rank.features import MONOTONE
from recommender.types import FloatArray
from training.dataset import TrainingSet
from training.metrics import Numbers

__all__ = ["fit_weights"]

MOST_STEPS = 300


def fit_weights(train: TrainingSet, prior: FloatArray, *, strengths: Iterable[float]) -> Iterator[Numbers]:
    """Fit one weight per column, once for every strength of the penalty.

    Parameters
    ----------
    train : TrainingSet
    prior : ndarray of shape (f,), dtype=float32
        The untrained weights, which a row of zeros in the log would leave as they are.
    strengths : iterable of float
        Of the penalty; large: stay with `prior`.

    Yields
    ------
    ndarray of shape (f,), dtype=float64
        With the sign that `MONOTONE` asks for, or zero.
    """
    better, worse, share = _pairs(train)
    values = np.nan_to_num(train.X.astype(np.float64), nan=0.0)
    spread = np.maximum(values.std(axis=0), 1e-9)
    start = prior.astype(np.float64)
    bounds = [{1: (0.0, None), -1: (None, 0.0)}.get(sign, (None, None)) for sign in MONOTONE]

    def loss(weights: Numbers, strength: float) -> tuple[float, Numbers]:
        scores = values @ weights
        margin = scores[better] - scores[worse]
        away = (weights - start) * spread
        pull = share * 0.5 * (1.0 - np.tanh(margin / 2.0))  # the probability of the other order, without overflow
        up, down = (np.bincount(rows, weights=pull, minlength=len(values)) for rows in (better, worse))
        value = float(share @ np.logaddexp(0.0, -margin) + strength * (away @ away))
        return value, values.T @ (down - up) + 2.0 * strength * away * spread

    for strength in strengths:
        yield minimize(
            loss, start, args=(strength,), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MOST_STEPS}
        ).x


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

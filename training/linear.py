"""TrainingSet -> weights of the blend float64 (f,): what the log says each column is worth, held to what is known without it.

Pairwise logistic loss on the rows of a page (Burges et al., "Learning to rank using gradient descent", ICML 2005), each page weighing
what its pairs weigh on average, with a squared penalty on the distance from the untrained weights in units of each column's spread:
few pages move the weights little. A weight may not contradict `MONOTONE`, so more similar still never scores lower.

Where a row stood is part of why it was touched: high up it was looked at sooner, and the last row of what was examined is there because
it was touched. So every place has a term of its own, learned along and left out of what is returned.
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
DEEPEST = 60  # places below are one place: too few rows to tell them apart
HOLD = 3e-4  # of the places' terms on zero


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
    spread = values.std(axis=0)
    # A column that is the same everywhere keeps its weight: divided by next to nothing, it would be weighed by its rounding.
    spread = np.where(spread > 1e-6 * np.abs(values).max(axis=0), spread, 1.0)
    values /= spread  # every weight in units of its column's spread: what is well scaled is soon found
    start, f = prior.astype(np.float64) * spread, len(prior)
    place = np.minimum(train.position, DEEPEST) - 1
    bounds = [{1: (0.0, None), -1: (None, 0.0)}.get(sign, (None, None)) for sign in MONOTONE] + [(None, None)] * DEEPEST

    def loss(both: Numbers, strength: float) -> tuple[float, Numbers]:
        weights, looked = both[:f], both[f:]
        scores = values @ weights + looked[place]
        margin = scores[better] - scores[worse]
        away = weights - start
        pull = share * 0.5 * (1.0 - np.tanh(margin / 2.0))  # the probability of the other order, without overflow
        up, down = (np.bincount(rows, weights=pull, minlength=len(values)) for rows in (better, worse))
        value = float(share @ np.logaddexp(0.0, -margin) + strength * (away @ away) + HOLD * (looked @ looked))
        of_places = np.bincount(place, weights=down - up, minlength=DEEPEST) + 2.0 * HOLD * looked
        return value, np.concatenate([values.T @ (down - up) + 2.0 * strength * away, of_places])

    begin = np.concatenate([start, np.zeros(DEEPEST)])
    for strength in strengths:
        found = minimize(
            loss, begin, args=(strength,), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MOST_STEPS}
        )
        yield found.x[:f] / spread


def _pairs(rows: TrainingSet) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Numbers]:
    """Return every two rows of a page with different grades, the better first, and what each pair counts; all sum to one."""
    ends = np.cumsum(rows.group)
    found, share = [], []
    for first, last in zip(ends - rows.group, ends, strict=True):
        grades = rows.y[first:last]
        pairs = np.argwhere(grades[:, None] > grades[None, :]) + first
        weight = rows.weight[pairs].prod(axis=1).astype(np.float64)
        found.append(pairs)
        share.append(weight / max(len(pairs), 1))
    both, shares = np.concatenate(found), np.concatenate(share)
    return both[:, 0], both[:, 1], shares / max(float(shares.sum()), 1e-12)

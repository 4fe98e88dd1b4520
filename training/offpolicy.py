"""What one policy logged and how likely another had done the same in, what the other would have been worth out, with an interval.

One row is one exploration slot: a paper was drawn from a pool with a known probability, and the reader did something about it or not.
A new ranker is judged without showing anything, by weighting each row with how much likelier (or less likely) it would have drawn that
paper from that pool: IPS is the weighted mean, SNIPS divides by the sum of the weights instead of their expectation, and the doubly robust
estimate adds what a model of the reward expects, and corrects only what the model gets wrong.

The rows of one reader are not independent, so intervals count whole readers: a ratio of sums over readers, linearised (the delta
method), and Student's t with the degrees of freedom that the few heaviest readers leave. In simulation this covers the truth where a
bootstrap over readers falls short: a policy far from the logged one rests on few heavy rows, and resamples do not know of others.

References
----------
Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning", NeurIPS 2015 (SNIPS).
Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011.
Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 1946 (degrees of freedom).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from recommender.errors import ShapeError

__all__ = ["Estimate", "difference", "doubly_robust", "ips", "snips"]

Numbers = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a policy is worth per slot, the bounds of its 95 % interval, and how many rows drawn by itself would say as much.

    The bounds are NaN where there are fewer than two readers to compare, and all is NaN where the log holds nothing the policy would do.
    """

    value: float
    low: float
    high: float
    effective: float


_NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0.0)


def ips(reward: Array, logged: Array, target: Array, *, clusters: Array | None = None) -> Estimate:
    """Return the mean of the rewards, each times `target / logged`: right on average, and at the mercy of large weights.

    Parameters
    ----------
    reward : ndarray of shape (m,)
        What came of each row.
    logged : ndarray of shape (m,)
        Probability in (0, 1] with which the paper was drawn.
    target : ndarray of shape (m,)
        Probability in [0, 1] with which the policy in question draws the same paper from the same pool.
    clusters : ndarray of shape (m,), default=None
        Whose row each is; None: every row stands alone.

    Raises
    ------
    ShapeError
        If lengths disagree, a number is missing or a probability is not one.

    Examples
    --------
    >>> ips(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.8, 0.2])).value
    0.8
    """
    weight, owner = _checked(reward, logged, target, clusters)
    return _ratio(weight * reward, np.ones(len(weight)), weight, owner)


def snips(reward: Array, logged: Array, target: Array, *, clusters: Array | None = None) -> Estimate:
    """Return the weighted mean of the rewards: a little biased, far steadier than `ips`; parameters as there.

    Examples
    --------
    >>> snips(np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.5, 0.1])).value
    1.0
    """
    weight, owner = _checked(reward, logged, target, clusters)
    return _ratio(weight * reward, weight, weight, owner)


def difference(reward: Array, logged: Array, target: Array, other: Array, *, clusters: Array | None = None) -> Estimate:
    """Return how much more than another policy a policy is worth, both by `snips` on the same rows: what they share cancels out.

    Parameters
    ----------
    reward, logged, target, clusters
        As in `ips`.
    other : ndarray of shape (m,)
        What `target` is, of the other policy.

    Raises
    ------
    ShapeError
        As `ips`.

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> round(difference(np.array([1.0, 0.0]), half, target=np.array([0.8, 0.2]), other=half).value, 3)
    0.3
    """
    mine, owner = _checked(reward, logged, target, clusters)
    theirs, _ = _checked(reward, logged, other, clusters)
    if min(mine.sum(), theirs.sum(), len(mine)) <= 0:
        return _NOTHING
    (worth, pull), (other_worth, other_pull) = (_linearised(weight * reward, weight) for weight in (mine, theirs))
    return _interval(worth - other_worth, pull - other_pull, min(_effective(mine), _effective(theirs)), owner)


def doubly_robust(
    reward: Array, logged: Array, target: Array, predicted: Array, expected: Array, *, clusters: Array | None = None
) -> Estimate:
    """Return what a model of the reward expects of the policy, corrected by what it gets wrong in the log.

    Right if either the model or the probabilities are, and steadier than `ips` when the model is good.

    Parameters
    ----------
    reward, logged, target, clusters
        As in `ips`.
    predicted : ndarray of shape (m,)
        The model's reward for the logged paper; it must not have learned from the row.
    expected : ndarray of shape (m,)
        The model's reward over the row's whole pool, averaged with the policy's probabilities.

    Raises
    ------
    ShapeError
        As `ips`.

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> doubly_robust(np.array([1.0, 0.0]), half, half, predicted=np.array([1.0, 0.0]), expected=np.array([0.5, 0.5])).value
    0.5
    """
    weight, owner = _checked(reward, logged, target, clusters)
    for model in (predicted, expected):
        _demand(model.shape == weight.shape and bool(np.isfinite(model).all()), "one finite value of the reward's model per row")
    return _ratio(expected + weight * (reward - predicted), np.ones(len(weight)), weight, owner)


def _checked(reward: Array, logged: Array, target: Array, clusters: Array | None) -> tuple[Numbers, npt.NDArray[np.intp]]:
    """Return the weights and the readers' numbers from 0."""
    m = len(reward)
    _demand(reward.shape == logged.shape == target.shape == (m,), "rewards and probabilities are one per row")
    _demand(bool(np.isfinite(reward).all()), "rewards are finite")
    _demand(bool(((logged > 0) & (logged <= 1)).all()), "logged probabilities lie in (0, 1]")
    _demand(bool(((target >= 0) & (target <= 1)).all()), "the policy's probabilities lie in [0, 1]")
    _demand(clusters is None or clusters.shape == (m,), "clusters are one per row")
    owner = np.unique(np.arange(m) if clusters is None else clusters, return_inverse=True)[1]
    return target.astype(np.float64) / logged.astype(np.float64), owner


def _demand(holds: bool, rule: str) -> None:
    if not holds:
        raise ShapeError(f"cannot estimate from this log: {rule}")


def _ratio(above: Numbers, below: Numbers, weight: Numbers, owner: npt.NDArray[np.intp]) -> Estimate:
    """Return sum(above) / sum(below) and its interval over clusters."""
    if not len(weight) or weight.sum() <= 0:
        return _NOTHING
    return _interval(*_linearised(above, below), _effective(weight), owner)


def _effective(weight: Numbers) -> float:
    return float(weight.sum() ** 2 / (weight @ weight))


def _linearised(above: Numbers, below: Numbers) -> tuple[float, Numbers]:
    """Return sum(above) / sum(below), and how far each row pulls it up."""
    value = float(above.sum()) / float(below.sum())
    return value, (above - value * below) / float(below.sum())


def _interval(value: float, pull: Numbers, effective: float, owner: npt.NDArray[np.intp]) -> Estimate:
    squares: Numbers = np.square(np.bincount(owner, weights=pull))
    count = len(squares)
    if count < 2:
        return Estimate(value, float("nan"), float("nan"), effective)
    error = float(np.sqrt(squares.sum() * count / (count - 1)))
    reach = float(stats.t.isf((1 - LEVEL) / 2, max(_freedom(squares) - 1.0, 1.0))) * error
    return Estimate(value, value - reach, value + reach, effective)


def _freedom(squares: Numbers) -> float:
    """How many equally heavy clusters would vary as much: a variance that rests on few of them is itself uncertain."""
    return float(squares.sum() ** 2 / max(float(squares @ squares), np.finfo(np.float64).tiny))

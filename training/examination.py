"""Where drawn papers stood and whether they were touched -> how likely a place is to be looked at, compared with the first.

What stands in an exploration slot is drawn apart from where the slot stands, so papers at one place are on average as good as at another:
that they are touched less further down is because they are looked at less (the position-based model). Only places of one twenty are
compared, since each twenty draws from a pool of its own. Three steps, so that little data is not believed too much:

1. one number, the impatience eta: place i is looked at with probability `i ** -eta`. It is fitted to the places of the touches alone,
   which asks nothing of how good the papers were, and held to a common value;
2. each place's own rate corrects that curve as far as its touches allow;
3. no place is looked at more than one above it.

References
----------
Craswell et al., "An experimental comparison of click position-bias models", WSDM 2008.
Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize_scalar

from recommender.errors import NotEnoughData, ShapeError

__all__ = ["LEAST_TOUCHES", "USUAL_ETA", "Examination", "estimate", "power"]

Numbers = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

LEAST_TOUCHES = 40
BLOCK = 20  # places that draw from one pool
USUAL_ETA, ETA_SPREAD = 0.4, 0.3  # what is thought of impatience before anything was seen
MOST_ETA = 3.0
PRIOR_TOUCHES = 30.0  # expected touches at which a place's own rate weighs as much as the curve


@dataclass(frozen=True, slots=True)
class Examination:
    """How likely a place is to be looked at, compared with the first.

    Attributes
    ----------
    eta, error : float
        Impatience and its standard error.
    touches : int
        What it was estimated from.
    curve : ndarray of shape (p,), dtype=float64
        Probability at the places 1 … p; beyond, it falls as `i ** -eta` does.
    """

    eta: float
    error: float
    touches: int
    curve: Numbers = field(repr=False)

    def __post_init__(self) -> None:
        self.curve.setflags(write=False)

    def at(self, position: Array | int) -> Numbers:
        """Return the probability at each position (from 1), same shape, in (0, 1].

        Examples
        --------
        >>> power(0.5).at(np.array([1, 4, 100])).tolist()
        [1.0, 0.5, 0.1]
        """
        place = np.asarray(position, dtype=np.int64)
        known = np.clip(place, 1, len(self.curve))
        result: Numbers = self.curve[known - 1] * (np.maximum(place, 1) / known) ** -self.eta
        return result


def power(eta: float, *, places: int = 1) -> Examination:
    """Return the curve `i ** -eta` of a known impatience; 0: everything shown is looked at."""
    return Examination(eta, 0.0, 0, np.arange(1.0, places + 1) ** -eta)


def estimate(position: Array, touched: Array) -> Examination:
    """Estimate from exploration slots that were shown, touched or not.

    Parameters
    ----------
    position : ndarray of shape (m,)
        From 1. Of pages no vote had changed: what a reader touched moves what is drawn later.
    touched : ndarray of shape (m,), dtype=bool
        Whether the reader did anything about the paper, for or against it.

    Raises
    ------
    ShapeError
        If lengths disagree or a position is below 1.
    NotEnoughData
        With fewer than `LEAST_TOUCHES` touches, or touches that could not have stood anywhere else.
    """
    place, hit = np.asarray(position, dtype=np.int64), np.asarray(touched, dtype=bool)
    if place.ndim != 1 or place.shape != hit.shape or (place < 1).any():
        raise ShapeError(f"positions {place.shape} and touches {hit.shape}: one of each per slot, positions from 1")
    touches, size = int(hit.sum()), int(place.max(initial=1))
    shown, done = (np.bincount(rows, minlength=size + 1)[1:].astype(np.float64) for rows in (place, place[hit]))
    block = np.arange(size) // BLOCK
    if touches < LEAST_TOUCHES:
        raise NotEnoughData(
            f"{touches} touched exploration slots say too little of where readers look; {LEAST_TOUCHES} are needed"
        )
    eta, information = _impatience(shown, done, block)
    if information < 1.0:
        raise NotEnoughData("the exploration slots stood at too few places to say where readers look")
    curve: Numbers = np.arange(1.0, size + 1) ** -eta
    expected = _expected(shown, done, block, curve)
    corrected = curve * (done + PRIOR_TOUCHES) / (expected + PRIOR_TOUCHES)
    monotone = isotonic_regression(corrected, weights=expected + PRIOR_TOUCHES, increasing=False).x
    return Examination(eta, float(information**-0.5), touches, np.minimum(monotone / monotone[0], 1.0))


def _impatience(shown: Numbers, done: Numbers, block: Array) -> tuple[float, float]:
    """Return the eta that best says at which of a block's places its touches stood, and how sharply the data alone say so."""
    depth: Numbers = np.log(np.arange(1.0, len(shown) + 1))

    def loss(eta: float) -> float:
        mass = np.bincount(block, weights=shown * np.exp(-eta * depth))
        touches = np.bincount(block, weights=done)
        fit = float(eta * (done @ depth) + touches @ np.log(np.maximum(mass, 1e-300)))
        return fit + 0.5 * ((eta - USUAL_ETA) / ETA_SPREAD) ** 2

    eta = float(minimize_scalar(loss, bounds=(0.0, MOST_ETA), method="bounded").x)
    likely = _expected(shown, done, block, np.exp(-eta * depth))
    count = np.maximum(np.bincount(block, weights=likely), 1e-300)
    mean = np.bincount(block, weights=likely * depth) / count
    return eta, float(likely @ (depth - mean[block]) ** 2)


def _expected(shown: Numbers, done: Numbers, block: Array, curve: Numbers) -> Numbers:
    """Touches to expect at each place if the curve is right and each block has as many as it had."""
    mass = np.bincount(block, weights=shown * curve)
    per_unit = np.bincount(block, weights=done) / np.maximum(mass, 1e-300)
    expected: Numbers = shown * curve * per_unit[block]
    return expected

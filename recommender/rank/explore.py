"""A pool's scores and how unsure they are -> which papers fill the exploration slots, where these stand, and with what probability.

Thompson sampling (Agrawal and Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013): a paper's score is
drawn from what is believed of it and the highest draw wins, so that a slot goes to what may well be good and is not known yet. Now and
then it goes to any paper of the pool with equal chance: no probability is then close to zero, and what was logged can be weighted by
its inverse later. A reader of whom nothing is known has no beliefs to draw from: every paper has the same chance.

Every draw is a function of a salt (seed, reader, day and block) and a paper's id. A page made again is the same page, and a draw
survives most changes of the pool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from recommender.errors import ShapeError
from recommender.types import FloatArray

__all__ = ["MOST_SLOTS", "Slot", "chances", "draw", "lots", "places"]

Numbers = npt.NDArray[np.float64]
Lots = npt.NDArray[np.uint64]

MOST_SLOTS = 8  # a salt's digest of 64 bytes gives eight draws
_LEAST_DOUBT = 0.2  # of the largest in the pool: nobody's score is known five times better than another's
_REACH = 6.0  # standard deviations beyond which nothing is expected
_ROOT = float(np.sqrt(2.0 * np.pi))
_ALL = slice(None)
_STEP = 0.5  # of the smallest standard deviation: the trapezoid rule is then right to about 1e-6


@dataclass(frozen=True, slots=True)
class Slot:
    """One filled exploration slot.

    Attributes
    ----------
    index : int
        Into the pool.
    propensity : float
        Probability of this paper in this slot, given what the slots before it got.
    """

    index: int
    propensity: float


def lots(ids: Sequence[str]) -> Lots:
    """Return the number by which each paper is drawn, shape (n,): it depends on nothing but the paper's id."""
    return np.fromiter(map(_lot, ids), dtype=np.uint64, count=len(ids))


def draw(own: Lots, mean: FloatArray, doubt: FloatArray | None, *, salt: str, slots: int, uniform: float) -> list[Slot]:
    """Fill slots one after the other, each from what the earlier ones left of the pool.

    Parameters
    ----------
    own : ndarray of shape (n,), dtype=uint64
        The papers' `lots`.
    mean : ndarray of shape (n,)
        Scores; only their distances, in standard deviations over the pool, matter.
    doubt : ndarray of shape (n,) or None
        Standard deviation of each score as believed, on the scale of the standardised scores. None, or a NaN among them: nothing is
        believed, all papers have the same chance.
    salt : str
        Another salt, other draws.
    slots : int
        At most `MOST_SLOTS`; a smaller pool fills as many as it has papers.
    uniform : float
        Probability in [0, 1] that a slot is drawn with equal chances instead.

    Returns
    -------
    list of Slot

    Raises
    ------
    ShapeError
        If there is not one mean and one doubt per paper, or more slots are asked for than there are draws.

    Examples
    --------
    >>> slots = draw(lots(["a", "b", "c"]), np.zeros(3), None, salt="2026:1", slots=2, uniform=0.2)
    >>> [round(slot.propensity, 3) for slot in slots]
    [0.333, 0.5]
    """
    n = len(own)
    if mean.shape != (n,) or (doubt is not None and doubt.shape != (n,)) or not 0 <= slots <= MOST_SLOTS:
        raise ShapeError(
            f"{n} papers, means {mean.shape} and {slots} slots: one mean and doubt per paper, at most {MOST_SLOTS} slots"
        )
    drawn = _draws(salt, np.concatenate([_COIN, own]))
    coins, keys = drawn[0], drawn[1:]
    left, filled = np.arange(n), list[Slot]()
    for slot in range(min(slots, n)):
        believed = _believed(mean[left], None if doubt is None else doubt[left])
        key = keys[left, slot]
        by_lot = believed is None or coins[slot] < uniform
        at = int(np.argmax(key if by_lot or believed is None else believed[0] + believed[1] * ndtri(key)))
        filled.append(Slot(int(left[at]), float(_mixed(believed, len(left), uniform, slice(at, at + 1))[0])))
        left = left[left != left[at]]
    return filled


def chances(mean: FloatArray, doubt: FloatArray | None, *, uniform: float) -> Numbers:
    """Return each paper's probability to get a slot, shape (n,), adding up to one but for 1e-6; parameters as in `draw`.

    Examples
    --------
    >>> chances(np.array([1.0, 0.0, -1.0]), np.array([0.5, 0.5, 0.5]), uniform=0.3).round(3).tolist()
    [0.771, 0.129, 0.1]
    """
    return _mixed(_believed(mean, doubt), len(mean), uniform)


def places(salt: str, slots: int, *, first: int, last: int) -> list[int]:
    """Return as many different places of `first` … `last` (both included), drawn with equal chances, in random order.

    Where a slot stands does not depend on what it holds: what is read less further down then shows in what is touched there.

    Examples
    --------
    >>> sorted(places("2026:1", 2, first=4, last=5))
    [4, 5]
    """
    keys = _draws(salt, _lots_of_places(first, last))[:, 0]
    return [first + at for at in np.argsort(keys)[:slots].tolist()]


def _mixed(believed: tuple[Numbers, Numbers] | None, n: int, uniform: float, some: slice = _ALL) -> Numbers:
    """Probability of some of n papers: equal chances now and then, Thompson sampling otherwise."""
    if believed is None or n < 2:
        return np.full(n, 1.0 / max(n, 1))[some]
    mixed: Numbers = uniform / n + (1.0 - uniform) * _highest(*believed, some)
    return mixed


def _believed(mean: FloatArray, doubt: FloatArray | None) -> tuple[Numbers, Numbers] | None:
    """Standardised means and their standard deviations; None where nothing is believed."""
    widest = float(doubt.max()) if doubt is not None and len(doubt) else 0.0
    if doubt is None or not 0.0 < widest < np.inf:  # not where one is unknown, either: NaN is no maximum
        return None
    centred = mean - mean.sum(dtype=np.float64) / len(mean)
    spread = float(np.sqrt(centred @ centred / len(mean)))
    return centred / spread if spread > 1e-9 else np.zeros_like(centred), np.maximum(doubt, np.float64(_LEAST_DOUBT * widest))


def _highest(mean: Numbers, std: Numbers, some: slice) -> Numbers:
    """Probability of some of n independent normal variables to be the highest of all.

    That the i-th is at x and all others below is f_i(x) / F_i(x) times the product of all F(x); integrated over x by the trapezoid
    rule, which is as good as exact for functions as smooth as these.
    """
    low, high = float((mean - _REACH * std).max()), float((mean + _REACH * std).max())
    steps = int((high - low) / (_STEP * float(std.min()))) + 1
    step = (high - low) / steps
    x = low + step * np.arange(steps + 1)
    z = x - mean[:, None]
    z /= std[:, None]  # never below -_REACH: dividing by F is safe
    below = ndtr(z)
    bell = np.exp(-0.5 * np.square(z[some])) / below[some]
    highest: Numbers = bell @ below.prod(axis=0) * (step / _ROOT) / std[some]
    return highest


def _draws(salt: str, own: Lots) -> Numbers:
    """Return eight numbers in (0, 1) per lot that depend on nothing but salt and lot, shape (n, 8).

    References
    ----------
    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 (the mixer, SplitMix64).
    """
    salted = np.frombuffer(hashlib.blake2b(salt.encode()).digest(), dtype="<u8")
    mixed = own[:, None] ^ salted
    for shift, factor in _MIX:
        mixed ^= mixed >> shift
        mixed *= factor
    mixed ^= mixed >> np.uint64(31)
    numbers: Numbers = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return numbers


_MIX = tuple((np.uint64(shift), np.uint64(factor)) for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)))


def _lot(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=64)
def _lots_of_places(first: int, last: int) -> Lots:
    return lots([f"place {place}" for place in range(first, last + 1)])


_COIN = lots(["coin"])

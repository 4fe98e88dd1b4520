"""Grades, scores and list sizes in, one number per list out: nDCG@k, MRR, recall@k, precision@k, AUC; bootstrap intervals.

Ties are averaged: a measure of tied scores is its expectation over every order of the tied rows, so no order in which the rows
happen to lie can flatter a scorer. A list in which nothing is relevant (or, for AUC, everything is) has no value: NaN.

References
----------
McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008.
Hesterberg, "What teachers should know about the bootstrap", The American Statistician 2015 (the expanded percentile interval).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from recommender.errors import ShapeError

__all__ = ["Interval", "auc", "bootstrap", "ndcg", "paired_bootstrap", "precision", "recall", "reciprocal_rank"]

Numbers = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds of its 95 % bootstrap interval; NaN where there was nothing to average, or one cluster to draw."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Rows of many lists by falling score, cut where the list or the score changes: b blocks of tied rows."""

    row_block: Ints  # (n,) block of each row, rows in the order they came in
    query: Ints  # (b,) list of each block
    start: Ints  # (b,) rows of the same list above the block
    size: Ints  # (b,)
    sizes: Ints  # (q,) rows of each list

    def per_block(self, values: Array) -> Numbers:
        """Sum a value of the rows over each block."""
        total: Numbers = np.bincount(self.row_block, weights=values, minlength=len(self.size)).astype(np.float64)
        return total

    def per_list(self, values: Array) -> Numbers:
        """Sum a value of the blocks over each list."""
        total: Numbers = np.bincount(self.query, weights=values, minlength=len(self.sizes)).astype(np.float64)
        return total


def ndcg(grades: Array, scores: Array, group: Array, k: int = 10, *, weight: Array | None = None) -> Numbers:
    """Return nDCG@k of each list, with gains `2**grade - 1` and discounts `1 / log2(1 + rank)`.

    Parameters
    ----------
    grades : ndarray of shape (n,)
        Integers from 0; larger is better.
    scores : ndarray of shape (n,)
        Larger stands higher.
    group : ndarray of shape (q,)
        Rows of each list, in order; they add up to n.
    k : int, default=10
    weight : ndarray of shape (n,), default=None
        What each row's gain counts; the inverse of how likely a row was looked at undoes that touches are rarer further down.

    Returns
    -------
    ndarray of shape (q,), dtype=float64

    Raises
    ------
    ShapeError
        If lengths disagree or a score is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> ndcg(np.array([2, 0, 1]), np.array([3.0, 1.0, 2.0]), np.array([3])).tolist()
    [1.0]
    >>> ndcg(np.array([1, 0]), np.array([0.0, 0.0]), np.array([2])).round(3).tolist()  # (1 + 1 / log2(3)) / 2
    [0.815]
    """
    gains = (np.exp2(np.asarray(grades, dtype=np.float64)) - 1.0) * (1.0 if weight is None else weight)
    with np.errstate(invalid="ignore"):
        result: Numbers = _dcg(gains, scores, group, k) / _dcg(gains, gains, group, k)
    return result


def reciprocal_rank(grades: Array, scores: Array, group: Array) -> Numbers:
    """Return the expected 1 / rank of the first relevant row (grade above 0) of each list; shapes as in `ndcg`.

    Examples
    --------
    >>> import numpy as np
    >>> reciprocal_rank(np.array([0, 1, 0]), np.array([3.0, 2.0, 1.0]), np.array([3])).tolist()
    [0.5]
    """
    blocks = _blocks(grades, scores, group)
    relevant = blocks.per_block(np.asarray(grades) > 0).astype(np.int64)
    result = np.full(len(blocks.sizes), np.nan)
    hits = np.flatnonzero(relevant)
    queries, first = np.unique(blocks.query[hits], return_index=True)  # blocks lie in order: the first hit is the best
    best = hits[first]
    alone = 1.0 / (blocks.start[best] + 1.0)
    tied = [
        _first_of_tie(int(blocks.start[b]), int(blocks.size[b]), int(relevant[b])) if blocks.size[b] > 1 else single
        for b, single in zip(best, alone, strict=True)
    ]
    result[queries] = tied
    return result


def precision(grades: Array, scores: Array, group: Array, k: int = 10) -> Numbers:
    """Return the expected share of relevant rows among the top k of each list (of k, also when the list is shorter)."""
    blocks = _blocks(grades, scores, group)
    result: Numbers = _hits(blocks, grades, k) / k
    return _where_relevant(blocks, grades, result)


def recall(grades: Array, scores: Array, group: Array, k: int = 10) -> Numbers:
    """Return the expected share of a list's relevant rows that stand in its top k; shapes as in `ndcg`."""
    blocks = _blocks(grades, scores, group)
    total = blocks.per_list(blocks.per_block(np.asarray(grades) > 0))
    return _where_relevant(blocks, grades, _hits(blocks, grades, k) / np.maximum(total, 1.0))


def auc(grades: Array, scores: Array, group: Array) -> Numbers:
    """Return the probability that a relevant row stands above one that is not, in each list; a tie counts one half.

    Examples
    --------
    >>> import numpy as np
    >>> auc(np.array([1, 0, 0]), np.array([2.0, 3.0, 1.0]), np.array([3])).tolist()
    [0.5]
    """
    blocks = _blocks(grades, scores, group)
    good = blocks.per_block(np.asarray(grades) > 0)
    bad = blocks.size - good
    total_good, total_bad = blocks.per_list(good), blocks.per_list(bad)
    through = np.cumsum(bad)
    before_list = np.concatenate([[0.0], np.cumsum(total_bad)])[blocks.query]
    below = total_bad[blocks.query] - (through - before_list)
    wins = blocks.per_list(good * (below + bad / 2.0))
    with np.errstate(invalid="ignore"):
        result: Numbers = wins / (total_good * total_bad)
    return result


def bootstrap(values: Array, *, rng: np.random.Generator, samples: int = 1000, clusters: Array | None = None) -> Interval:
    """Return the mean of the values and its 95 % interval: percentiles, widened as Student's t is for few clusters.

    Parameters
    ----------
    values : ndarray of shape (q,)
        One number per list; NaN is left out.
    rng : Generator
    samples : int, default=1000
        Resamples.
    clusters : ndarray of shape (q,), default=None
        Whose list each is. Whole clusters are drawn, because lists of one reader are not independent; None draws lists.

    Raises
    ------
    ShapeError
        If `clusters` has not one entry per value.
    """
    numbers = np.asarray(values, dtype=np.float64)
    owners = np.arange(len(numbers)) if clusters is None else np.asarray(clusters)
    if owners.shape != numbers.shape:
        raise ShapeError(f"{numbers.shape} values and {owners.shape} clusters: each value needs one cluster")
    known = ~np.isnan(numbers)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    _, member = np.unique(owners[known], return_inverse=True)
    sums = np.bincount(member, weights=numbers[known])
    counts = np.bincount(member).astype(np.float64)
    mean, c = float(sums.sum() / counts.sum()), len(sums)
    if c == 1:
        return Interval(mean, float("nan"), float("nan"))
    draws = rng.integers(c, size=(samples, c))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    tail = float(stats.norm.sf(np.sqrt(c / (c - 1)) * stats.t.isf((1 - LEVEL) / 2, c - 1)))
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def paired_bootstrap(
    a: Array, b: Array, *, rng: np.random.Generator, samples: int = 1000, clusters: Array | None = None
) -> Interval:
    """Return the mean of `a - b`, list by list, and its 95 % interval; parameters as in `bootstrap`.

    Examples
    --------
    >>> import numpy as np
    >>> paired_bootstrap(np.array([0.5, 0.7]), np.array([0.4, 0.6]), rng=np.random.default_rng(0), samples=100).value > 0.09
    True
    """
    if np.shape(a) != np.shape(b):
        raise ShapeError(f"{np.shape(a)} and {np.shape(b)}: a paired comparison needs both numbers of every list")
    return bootstrap(np.asarray(a) - np.asarray(b), rng=rng, samples=samples, clusters=clusters)


def _dcg(gains: Numbers, scores: Array, group: Array, k: int) -> Numbers:
    """Discounted gain of each list's top k, every tied row standing for the mean of its block."""
    blocks = _blocks(gains, scores, group)
    longest = int(blocks.sizes.max(initial=0))
    discounts = np.where(np.arange(longest) < k, 1.0 / np.log2(np.arange(longest) + 2.0), 0.0)
    upto = np.concatenate([[0.0], np.cumsum(discounts)])
    share = (upto[blocks.start + blocks.size] - upto[blocks.start]) / blocks.size
    return blocks.per_list(blocks.per_block(gains) * share)


def _hits(blocks: _Blocks, grades: Array, k: int) -> Numbers:
    """Return the expected number of relevant rows in each list's top k."""
    inside = np.clip(k - blocks.start, 0, blocks.size) / blocks.size
    return blocks.per_list(blocks.per_block(np.asarray(grades) > 0) * inside)


def _where_relevant(blocks: _Blocks, grades: Array, values: Numbers) -> Numbers:
    total = blocks.per_list(blocks.per_block(np.asarray(grades) > 0))
    return np.where(total > 0, values, np.nan)


def _first_of_tie(start: int, size: int, relevant: int) -> float:
    """Return the expected 1 / rank of the first relevant row when `relevant` of `size` tied rows are, `start` rows above them."""
    ways = comb(size, relevant)
    return sum(comb(size - j, relevant - 1) / ways / (start + j) for j in range(1, size - relevant + 2))


def _blocks(grades: Array, scores: Array, group: Array) -> _Blocks:
    """Sort the rows of every list by score and cut them into blocks of ties."""
    values, sizes = np.asarray(scores, dtype=np.float64), np.asarray(group, dtype=np.int64)
    n = len(values)
    if np.shape(grades) != (n,) or values.ndim != 1 or int(sizes.sum()) != n:
        raise ShapeError(f"{np.shape(grades)} grades, {values.shape} scores and lists of {int(sizes.sum())} rows in all")
    if np.isnan(values).any():
        raise ShapeError("a score is not a number: such a list has no order")
    query = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-values, query))
    sorted_values, sorted_query = values[order], query[order]
    fresh = np.ones(n, dtype=bool)
    fresh[1:] = (sorted_query[1:] != sorted_query[:-1]) | (sorted_values[1:] != sorted_values[:-1])
    firsts = np.flatnonzero(fresh)
    row_block = np.empty(n, dtype=np.int64)
    row_block[order] = np.cumsum(fresh) - 1
    block_query = sorted_query[firsts]
    first_of_list = np.concatenate([[0], np.cumsum(sizes)])[block_query]
    return _Blocks(row_block, block_query, firsts - first_of_list, np.diff(np.append(firsts, n)), sizes)

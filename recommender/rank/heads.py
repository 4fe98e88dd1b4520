"""A reader's likes, dislikes and a background in, a score per candidate out: a small linear head per reader and space.

Ridge regression on labels +1 and -1 with weighted rows, solved in the dual because a reader has fewer papers than dimensions
(Saunders, Gammerman and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998). It is the closed form of what a
linear SVM per reader does, and takes a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import ThreadpoolController

from recommender.errors import ShapeError
from recommender.types import FloatArray

__all__ = ["dual_ridge", "one_thread_each", "row_weights"]

P = ParamSpec("P")
T = TypeVar("T")


@cache
def _blas() -> ThreadpoolController:
    """What controls the threads of linear algebra; looking the libraries up takes longer than a head."""
    return ThreadpoolController()


def one_thread_each(function: Callable[P, T]) -> Callable[P, T]:
    """Keep linear algebra on one thread inside a function: for matrices this small, threads cost far more than they save."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with _blas().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


Matrix = npt.NDArray[np.float64]

_DISLIKE = 3.0  # a paper the reader turned down tells more than one that merely went by


def row_weights(liked: FloatArray, disliked: FloatArray, background: int) -> Matrix:
    """Return one weight per training row; likes together weigh as much as everything else together.

    Parameters
    ----------
    liked, disliked : ndarray of shape (l,) and (k,), dtype=float32
    background : int
        Rows that stand for everything else.
    """
    negative = np.concatenate([_DISLIKE * disliked, np.ones(background)]).astype(np.float64)
    positive = liked.astype(np.float64)
    n = len(positive) + len(negative)
    halves = [part * (n / 2 / max(part.sum(), 1e-9)) for part in (positive, negative)]
    return np.concatenate(halves)


def dual_ridge(gram: Matrix, cross: Matrix, labels: Matrix, weights: Matrix, *, ridge: float) -> FloatArray:
    """Fit on m labelled rows and score n candidates.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
        Inner products between labelled rows.
    cross : ndarray of shape (n, m)
        Inner products of candidates with labelled rows.
    labels : ndarray of shape (m,)
        +1 or -1.
    weights : ndarray of shape (m,)
        Positive.
    ridge : float
        Regularisation.

    Returns
    -------
    ndarray of shape (n,), dtype=float32

    Raises
    ------
    ShapeError
        If the arrays do not fit.

    Examples
    --------
    >>> x = np.eye(2)
    >>> dual_ridge(x, x, np.array([1.0, -1.0]), np.ones(2), ridge=1.0).round(2).tolist()
    [0.5, -0.5]
    """
    m = len(labels)
    if gram.shape != (m, m) or cross.shape[1:] != (m,) or weights.shape != (m,):
        raise ShapeError(f"gram {gram.shape}, cross {cross.shape} and {len(weights)} weights do not fit {m} labels")
    # A constant feature of one is the intercept; it is regularised like the others, which centres a one-sided reader.
    system = gram + 1.0 + np.diag(ridge / weights)
    alpha = cho_solve(cho_factor(system, lower=True), labels)
    scores: FloatArray = ((cross + 1.0) @ alpha).astype(np.float32)
    return scores

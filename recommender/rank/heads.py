"""A reader's likes and dislikes in, one weight per paper out: a small linear head per reader and space, solved in closed form.

Ridge regression on labels +1 and -1 in the dual, because a reader has fewer papers than a space has dimensions (Saunders, Gammerman
and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998). Everything else needs no rows of its own: in a centred
space "any other paper" lies at zero on average, and that is what the penalty pulls to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import strsm
from scipy.linalg.lapack import sposv
from threadpoolctl import ThreadpoolController

from recommender.errors import ShapeError
from recommender.types import FloatArray

__all__ = ["Head", "one_thread_each", "solve"]

P = ParamSpec("P")
T = TypeVar("T")


_thread = threading.local()


@cache
def _blas() -> ThreadpoolController:
    """What controls the threads of linear algebra; looking the libraries up takes longer than a head."""
    return ThreadpoolController()


def one_thread_each(function: Callable[P, T]) -> Callable[P, T]:
    """Keep linear algebra on one thread inside a function: for matrices this small, threads cost far more than they save."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        if getattr(_thread, "limited", False):  # by a function around this one
            return function(*args, **kwargs)
        with _blas().limit(limits=1, user_api="blas"):
            _thread.limited = True
            try:
                return function(*args, **kwargs)
            finally:
                _thread.limited = False

    return limited


@dataclass(frozen=True, slots=True)
class Head:
    """A solved head over m judged papers.

    Attributes
    ----------
    weights : ndarray of shape (m,), dtype=float32
        A candidate's score is its inner products with the judged papers, weighted by these.
    factor : ndarray of shape (m, m), dtype=float32
        Lower Cholesky factor of the regularised Gram matrix.
    """

    weights: FloatArray
    factor: FloatArray

    def uncertainty(self, cross: FloatArray, own: FloatArray) -> FloatArray:
        """Return how little the judged papers say of each candidate, in [0, 1]: its posterior deviation over its prior one.

        Parameters
        ----------
        cross : ndarray of shape (n, m), dtype=float32
            Inner products of candidates with the judged papers.
        own : ndarray of shape (n,), dtype=float32
            Of candidates with themselves.

        References
        ----------
        Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equation 2.26.
        """
        # Asked for as X L' = cross, which is the shape it comes in.
        solved = strsm(1.0, self.factor, cross, side=1, lower=1, trans_a=1)
        explained = np.einsum("ij,ij->i", solved, solved) / np.maximum(own, 1e-9)
        deviation: FloatArray = np.sqrt(np.clip(1.0 - explained, 0.0, 1.0)).astype(np.float32)
        return deviation


def solve(gram: FloatArray, labels: npt.NDArray[np.floating], trust: npt.NDArray[np.floating], *, ridge: float) -> Head:
    """Fit a head on m judged papers.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
        Inner products between them.
    labels : ndarray of shape (m,)
        +1 for a like, -1 for a dislike.
    trust : ndarray of shape (m,)
        Positive: how much each counts.
    ridge : float
        Regularisation.

    Raises
    ------
    ShapeError
        If the arrays do not fit.

    Examples
    --------
    >>> solve(np.eye(2), np.array([1.0, -1.0]), np.ones(2), ridge=1.0).weights.round(3).tolist()
    [0.5, -0.5]
    """
    m = len(labels)
    if gram.shape != (m, m) or trust.shape != (m,):
        raise ShapeError(f"gram {gram.shape} and {len(trust)} weights do not fit {m} labels")
    system = gram.astype(np.float32, order="F")
    system.T.reshape(-1)[:: m + 1] += (ridge / trust).astype(np.float32)  # the diagonal
    factor, weights, failed = sposv(system, labels.astype(np.float32), lower=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError("the regularised Gram matrix is not positive definite")
    return Head(weights, factor)

"""Papers and what a reader said of some of them in, how much an answer about each other paper would tell out.

A reader's head is a linear model, so what an answer teaches is known before it is given: by how much the uncertainty of every paper falls
(transductive experimental design: Yu, Bi and Tresp, "Active learning via transductive experimental design", ICML 2006). Summed over all
papers, that asks for what stands for many: never for an outlier, and never twice for the same. Each paper counts by how likely the
reader is to want it, as far as that is known, because a page is judged by its top.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from recommender.errors import ShapeError
from recommender.rank.heads import one_thread_each
from recommender.types import FloatArray

__all__ = ["EIGHT", "gains"]

EIGHT = 8  # questions of one round
NOISE = 0.5  # variance of an answer, where a paper's own is one
SHARPNESS = 2.0  # how much more a paper counts that the reader is likely to want; 0 counts all alike
PASSED_OVER = 0.3  # what "I cannot say" tells, as a share of an answer


@one_thread_each
def gains(pool: FloatArray, known: FloatArray, labels: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Say how much asking about each paper would tell.

    Parameters
    ----------
    pool : ndarray of shape (n, d), dtype=float32
        Papers that may be asked about, in a space whose mean is zero and whose mean squared length is one.
    known : ndarray of shape (m, d), dtype=float32
        Papers the reader has spoken of.
    labels : ndarray of shape (m,)
        In [-1, 1]: liked, disliked; 0 where the reader could not say.

    Returns
    -------
    ndarray of shape (n,), dtype=float64
        The paper to ask about next has the largest.

    Raises
    ------
    ShapeError
        If the arrays do not fit.

    Examples
    --------
    >>> pool = np.array([[1, 0], [0.9, 0.1], [0, 1]], dtype=np.float32)
    >>> int(gains(pool, pool[:0], np.zeros(0)).argmax()), int(gains(pool, pool[:1], -np.ones(1)).argmax())
    (0, 2)
    """
    if pool.ndim != 2 or known.ndim != 2 or (len(known) and known.shape[1] != pool.shape[1]) or labels.shape != (len(known),):
        raise ShapeError(f"pool {pool.shape}, known {known.shape} and {len(labels)} labels do not fit")
    covariance = (pool @ pool.T).astype(np.float64)
    wanted = np.ones(len(pool))
    if len(known):
        cross = (pool @ known.T).astype(np.float64)
        noise = NOISE / np.where(labels == 0, PASSED_OVER, 1.0)
        factor = cho_factor((known @ known.T).astype(np.float64) + np.diag(noise), lower=True)
        solved = cho_solve(factor, cross.T)
        covariance -= cross @ solved
        wanted = np.exp(SHARPNESS * (labels @ solved))
    told: npt.NDArray[np.float64] = (np.square(covariance) @ wanted) / (np.maximum(np.diag(covariance), 0.0) + NOISE)
    return told

"""Papers in, a `Lens` out: how common each word is, what all texts have in common, and (with a log) what readers like together.

Text embeddings of papers in one field lie close together: most of a cosine says "this is a paper on machine learning too". Through a
lens, a text is seen without that: the mean is taken off and the directions in which all papers vary are shrunk (whitening), so what
is left is what tells one paper from another. A lens belongs to a model version, so that a page can be made again exactly.

References
----------
Hariharan, Malik and Ramanan, "Discriminative decorrelation for clustering and classification", ECCV 2012 (a centroid of whitened
features is a linear classifier against all other papers).
Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004 (shrinking to the mean variance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_array

from recommender.errors import ShapeError
from recommender.rank import terms
from recommender.rank.arrays import decode, encode
from recommender.types import FloatArray

__all__ = ["LEAST_PAPERS", "SHRINK", "Lens", "Taste", "Whitening", "flat", "lens_of", "unit", "whitening"]

SHRINK = 3.0  # mean variances added to every direction; measured on reading histories between 0.1 and 30
LEAST_PAPERS = 20  # fewer say nothing of what papers have in common


@dataclass(frozen=True, slots=True)
class Whitening:
    """An affine map after which papers in general have mean zero, shrunk equal variances and mean squared length one.

    Attributes
    ----------
    mean : ndarray of shape (d,), dtype=float32
    matrix : ndarray of shape (d, d), dtype=float32
    """

    mean: FloatArray = field(repr=False)
    matrix: FloatArray = field(repr=False)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Map rows of shape (n, d)."""
        if rows.shape[1:] != self.mean.shape:
            raise ShapeError(f"this lens was made for vectors of {len(self.mean)} numbers, not {rows.shape[1]}: retrain")
        mapped: FloatArray = np.matmul(rows - self.mean, self.matrix, dtype=np.float32)
        return mapped


@dataclass(frozen=True, slots=True)
class Taste:
    """From a whitened text to where it stands among what readers like together: unit rows.

    Attributes
    ----------
    matrix : ndarray of shape (d, r), dtype=float32
    bias : ndarray of shape (r,), dtype=float32
    whitening : Whitening
        Of the projected rows, for the readers' heads.
    """

    matrix: FloatArray = field(repr=False)
    bias: FloatArray = field(repr=False)
    whitening: Whitening = field(repr=False)

    def __call__(self, sharp: FloatArray) -> FloatArray:
        """Project whitened rows of shape (n, d) to unit rows of shape (n, r)."""
        return unit(sharp @ self.matrix + self.bias)


@dataclass(frozen=True, slots=True)
class Lens:
    """What similarities are seen through.

    Attributes
    ----------
    idf : ndarray of shape (BUCKETS,), dtype=float32
        Term weights.
    common : ndarray of shape (BUCKETS,), dtype=float32
        Mean tf-idf row of all papers.
    sharpen : Whitening or None
        Of text embeddings; None: they are taken as they are.
    taste : Taste or None
        None where no log taught what readers like together.
    encoder : str
        Whose text embeddings `sharpen` and `taste` were made for; "" where they are of none.
    """

    idf: FloatArray = field(repr=False)
    common: FloatArray = field(repr=False)
    sharpen: Whitening | None = None
    taste: Taste | None = None
    encoder: str = ""

    def sharp(self, dense: FloatArray) -> FloatArray:
        """Return whitened text embeddings, shape (n, d)."""
        return dense if self.sharpen is None or not len(dense) else self.sharpen(dense)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        taste = self.taste
        return {
            "idf": encode(self.idf),
            "common": encode(self.common),
            "encoder": self.encoder,
            "sharpen": _plain(self.sharpen),
            "taste": None if taste is None else [encode(taste.matrix), encode(taste.bias), _plain(taste.whitening)],
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Lens:
        """Read what `to_dict` wrote; ValueError, LookupError or TypeError when it is something else."""
        taste = parts["taste"]
        read = None
        if taste is not None:
            bias, around = decode(taste[1]), _whitening(taste[2])
            if around is None:
                raise ValueError("a projection without its whitening")
            read = Taste(decode(taste[0]).reshape(-1, len(bias)), bias, around)
        lens = cls(decode(parts["idf"]), decode(parts["common"]), _whitening(parts["sharpen"]), read, str(parts["encoder"]))
        if lens.idf.shape != (terms.BUCKETS,) or lens.common.shape != (terms.BUCKETS,):
            raise ValueError("arrays of the wrong length")
        return lens


def flat() -> Lens:
    """Return the lens of a Broadsheet that has read nothing yet."""
    return Lens(terms.flat_idf(), np.zeros(terms.BUCKETS, dtype=np.float32))


def lens_of(dense: FloatArray, counts: csr_array, *, frequency: FloatArray | None = None, papers: int | None = None) -> Lens:
    """Look at papers in general.

    Parameters
    ----------
    dense : ndarray of shape (n, d), dtype=float32
    counts : csr_array of shape (n, BUCKETS)
    frequency : ndarray of shape (BUCKETS,), dtype=float32, default=None
        In how many of `papers` papers each term occurs, where it was counted in more than these n.
    papers : int, default=None
    """
    if frequency is None or papers is None:
        frequency, papers = np.bincount(counts.indices, minlength=terms.BUCKETS).astype(np.float32), counts.shape[0]
    idf = terms.idf(frequency, papers)
    if counts.shape[0] < LEAST_PAPERS:
        return Lens(idf, np.zeros(terms.BUCKETS, dtype=np.float32))
    rows = terms.weigh(counts, idf)
    common = (np.bincount(rows.indices, weights=rows.data, minlength=terms.BUCKETS) / counts.shape[0]).astype(np.float32)
    return Lens(idf, common, whitening(dense))


def whitening(rows: FloatArray) -> Whitening:
    """Fit a whitening to rows of shape (n, d), n at least 2."""
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows.astype(np.float64) - mean
    covariance = centred.T @ centred / len(rows)
    d = len(mean)
    spread = max(float(np.trace(covariance)) / d, 1e-12)
    lower: npt.NDArray[np.float64] = cholesky(covariance + SHRINK * spread * np.eye(d), lower=True)
    matrix = solve_triangular(lower, np.eye(d), lower=True).T
    length = np.sqrt(max(float(np.einsum("ij,ij->", covariance @ matrix, matrix)), 1e-12))  # trace of M' C M
    return Whitening(mean.astype(np.float32), (matrix / length).astype(np.float32))


def unit(rows: FloatArray) -> FloatArray:
    """Return rows of length one; a row of zeros stays."""
    scaled: FloatArray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled


def _plain(whitening: Whitening | None) -> list[str] | None:
    return None if whitening is None else [encode(whitening.mean), encode(whitening.matrix)]


def _whitening(parts: list[str] | None) -> Whitening | None:
    if parts is None:
        return None
    mean = decode(parts[0])
    return Whitening(mean, decode(parts[1]).reshape(len(mean), len(mean)))

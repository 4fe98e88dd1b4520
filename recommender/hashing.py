"""Texts in, unit vectors float32 (n, d) out, without a model: what tests and very small machines read with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recommender.types import FloatArray

__all__ = ["HashingEncoder"]


class HashingEncoder:
    """A random projection of hashed words: no model, no meaning, but the same words give near vectors.

    It serves tests, and a machine too small for a model (`BROADSHEET_EMBED__MODEL=hashing`).

    Examples
    --------
    >>> HashingEncoder().encode(["graph kernels", "graph kernels"]).shape
    (2, 128)
    """

    def __init__(self, dimension: int = 128) -> None:
        self.dimension = dimension
        self.name = f"hashing/{dimension}"

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return unit rows, shape (n, d); a text without words gets a fixed one."""
        rows = np.stack([self._row(text) for text in texts]) if texts else np.zeros((0, self.dimension))
        unit: FloatArray = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)
        return unit

    def _row(self, text: str) -> npt.NDArray[np.float64]:
        words = [word.strip(".,;:()").lower() for word in text.split()] or [""]
        row: npt.NDArray[np.float64] = np.stack([self._word(word) for word in words]).sum(axis=0)
        return row

    def _word(self, word: str) -> npt.NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self.dimension)

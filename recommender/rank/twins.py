"""Texts in, which of them are near-duplicates of which out: worked out once per text, kept for the next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.types import FloatArray

__all__ = ["Twins"]


class Twins:
    """Near-duplicates among n texts; safe to share between threads, which at worst work out the same.

    Parameters
    ----------
    dense : ndarray of shape (n, d), dtype=float32
        Unit rows.
    near : float
        Inner product from which two are near-duplicates.

    Examples
    --------
    >>> twins = Twins(np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]], dtype=np.float32), near=0.7)
    >>> dict(twins.of([0, 1]))
    {0: (2,), 1: ()}
    """

    def __init__(self, dense: FloatArray, near: float) -> None:
        self._dense, self._near = dense, near
        self._known: dict[int, tuple[int, ...]] = {}

    def of(self, rows: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Return the near-duplicates of these texts, and of all that were asked about before."""
        unknown = [row for row in dict.fromkeys(rows) if row not in self._known]
        if unknown:
            found: dict[int, list[int]] = {row: [] for row in unknown}
            for at, other in np.argwhere(self._dense[unknown] @ self._dense.T >= self._near).tolist():
                if other != unknown[at]:
                    found[unknown[at]].append(other)
            self._known.update((row, tuple(others)) for row, others in found.items())
        return self._known

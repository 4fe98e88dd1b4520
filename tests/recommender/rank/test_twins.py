"""Texts to near-duplicates: the same whoever asks in whatever order, and worked out once."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.rank.twins import Twins
from recommender.types import FloatArray

NEAR = 0.8


def texts() -> FloatArray:
    """In three dimensions many are near one another."""
    dense = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32)
    unit: FloatArray = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("asked", [range(60), range(59, -1, -1), [7], [3, 59, 3], []])
def test_they_are_those_that_are_near_enough_but_for_the_text_itself(asked: list[int]) -> None:
    dense, found = texts(), Twins(texts(), NEAR).of(list(asked))
    expected = {row: tuple(o for o in range(60) if o != row and float(dense[row] @ dense[o]) >= NEAR) for row in asked}
    assert {row: tuple(found[row]) for row in asked} == expected
    assert not asked or any(expected.values())


def test_what_was_asked_before_is_kept() -> None:
    dense = texts()
    twins = Twins(dense, NEAR)
    known = dict(twins.of([1, 2, 3]))
    dense[:] = 0.0  # whoever looked again would find nothing
    assert {row: twins.of([row, 4])[row] for row in (1, 2, 3)} == known
    assert twins.of([4])[4] == ()

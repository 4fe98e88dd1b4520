"""Arrays in, text out, and back: how a model file keeps its numbers (little-endian, base64), so that nothing is unpickled."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from recommender.types import FloatArray

__all__ = ["decode", "decode_keys", "encode"]


def encode(array: FloatArray | npt.NDArray[np.uint64]) -> str:
    """Return an array's numbers as text, row by row; its shape, and whether they are keys, is the reader's to know.

    Examples
    --------
    >>> decode(encode(np.array([1.0, 2.0], dtype=np.float32))).tolist()
    [1.0, 2.0]
    """
    dtype = "<u8" if array.dtype == np.uint64 else "<f4"
    return base64.b64encode(np.ascontiguousarray(array).astype(dtype).tobytes()).decode()


def decode(text: str) -> FloatArray:
    """Return the numbers of a text, flat; ValueError when it is none or holds what is no finite number."""
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError("numbers that are not finite")
    return array


def decode_keys(text: str) -> npt.NDArray[np.uint64]:
    """Return the whole numbers of a text, flat; ValueError when it is none."""
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<u8").astype(np.uint64)

"""Numbers as text: exact there and back, and what is no number refused."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.rank.arrays import decode, decode_keys, encode


def test_float32_numbers_come_back_bit_for_bit(rng: np.random.Generator) -> None:
    values = rng.normal(size=1000).astype(np.float32)
    values[:3] = [0.0, np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal]
    again = decode(encode(values))
    assert again.dtype == np.float32
    assert again.tobytes() == values.tobytes()


def test_a_matrix_is_written_row_by_row_however_it_lies_in_memory(rng: np.random.Generator) -> None:
    values = rng.normal(size=(3, 4)).astype(np.float32)
    assert decode(encode(values)).reshape(3, 4).tolist() == values.tolist()
    assert decode(encode(values.T)).reshape(4, 3).tolist() == values.T.tolist()
    assert encode(values[:, ::2]) == encode(np.ascontiguousarray(values[:, ::2]))


def test_keys_come_back_whole() -> None:
    keys = np.array([0, 1, 2**53 + 1, 2**64 - 1], dtype=np.uint64)
    assert decode_keys(encode(keys)).tolist() == keys.tolist()


def test_the_text_does_not_depend_on_the_machine() -> None:
    one = "AACAPw=="  # 00 00 80 3f: the lowest byte first
    assert encode(np.array([1.0], dtype=np.float32)) == encode(np.array([1.0], dtype=">f4")) == one
    assert decode(one).tolist() == [1.0]


def test_no_numbers_are_an_empty_text() -> None:
    assert decode(encode(np.zeros(0, dtype=np.float32))).shape == (0,)


def test_what_was_read_can_be_changed_and_changes_nothing_else() -> None:
    text = encode(np.ones(2, dtype=np.float32))
    read = decode(text)
    read[0] = 5.0
    assert decode(text).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("text", ["AACAPw", "AAC*Pw==", "AACAPwA=", "a dozen numbers"])
def test_a_text_that_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (base64 and NumPy say it each in their way)
        decode(text)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        decode(encode(np.array([1.0, value], dtype=np.float32)))

"""What every encoder promises, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from recommender.embed import Encoder, HashingEncoder, open_encoder
from recommender.settings import EmbedSettings

TEXTS = [
    "Graph neural networks pass messages between neighbouring nodes.",
    "Messages between nodes pass through graph neural networks.",
    "Blind trial of statins for patients with heart disease.",
    "Patients with heart disease: statins in a blind trial.",
]


@lru_cache(maxsize=1)
def _text_encoder() -> Encoder:
    return open_encoder(EmbedSettings(precision="float32"))


@pytest.fixture(params=[HashingEncoder, pytest.param(_text_encoder, marks=pytest.mark.encoder)], ids=["hashing", "text"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    make: Callable[[], Encoder] = request.param
    return make()


def test_rows_are_unit_float32_of_the_dimension(encoder: Encoder) -> None:
    rows = encoder.encode(TEXTS)
    assert rows.shape == (len(TEXTS), encoder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_the_same_text_is_the_same_row_whatever_stands_beside_it(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in reversed(TEXTS)])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_array_equal(together, encoder.encode(TEXTS))


def test_texts_of_the_same_words_are_near(encoder: Encoder) -> None:
    rows = encoder.encode(TEXTS)
    cosine = rows @ rows.T
    for a, b, c in [(0, 1, 2), (0, 1, 3), (2, 3, 0), (2, 3, 1)]:
        assert cosine[a, b] > cosine[a, c] + 0.2


@pytest.mark.parametrize("odd", ["", " ", "...", "$\\alpha$", "日本語の論文", "word " * 5000])
def test_an_odd_text_gets_a_row_too(encoder: Encoder, odd: str) -> None:
    rows = encoder.encode([odd, TEXTS[0]])
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)


def test_its_name_fits_the_store(encoder: Encoder) -> None:
    assert 0 < len(encoder.name) <= 120

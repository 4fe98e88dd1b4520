"""A lens: what papers have in common is taken off, by how much is known by hand, and it is the same after a text and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from factories import DAY, make_edition
from strategies import seen_through, vectors_of

from recommender.errors import ShapeError
from recommender.rank import terms
from recommender.rank.arrays import encode
from recommender.rank.lens import LEAST_PAPERS, SHRINK, Lens, flat, lens_of, unit, whitening
from recommender.types import FloatArray

PAPERS = [paper for age in range(3) for paper in make_edition(DAY - timedelta(days=age), per_topic=4)]


@pytest.fixture
def cloud(rng: np.random.Generator) -> FloatArray:
    """Rows that vary ten times as much in one direction as in the others, far from the origin."""
    rows = rng.normal(size=(400, 6)) * [10, 1, 1, 1, 1, 1] + 30.0
    turned = rows @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return turned.astype(np.float32)


class TestWhitening:
    def test_papers_in_general_have_mean_zero_and_mean_squared_length_one(self, cloud: FloatArray) -> None:
        white = whitening(cloud)(cloud)
        assert white.dtype == np.float32
        assert white.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-4)
        assert (white**2).sum(axis=1).mean() == pytest.approx(1.0, abs=1e-4)

    def test_a_direction_in_which_all_vary_is_shrunk_as_much_as_asked(self, cloud: FloatArray) -> None:
        values, directions = np.linalg.eigh(np.cov(cloud.T, bias=True))
        added = SHRINK * values.mean()
        white = whitening(cloud)
        mapped = (directions.T @ white.matrix.astype(np.float64)) ** 2  # squared lengths of the mapped directions, in their sum
        expected = 1.0 / (values + added)
        assert mapped.sum(axis=1) / mapped.sum() == pytest.approx(expected / expected.sum(), rel=1e-3)

    def test_inner_products_are_those_under_the_shrunk_covariance(self, cloud: FloatArray) -> None:
        covariance = np.cov(cloud.T, bias=True)
        added = SHRINK * np.trace(covariance) / 6
        centred = cloud[:5].astype(np.float64) - cloud.mean(axis=0)
        expected = centred @ np.linalg.inv(covariance + added * np.eye(6)) @ centred.T
        white = whitening(cloud)(cloud[:5])
        assert white @ white.T / (white[0] @ white[0]) == pytest.approx(expected / expected[0, 0], abs=1e-3)

    def test_what_tells_papers_apart_is_seen_where_all_are_alike(self, rng: np.random.Generator) -> None:
        topic = np.repeat(np.arange(4), 30)
        rows = unit((5.0 * np.ones(16) + np.eye(16)[topic] + 0.1 * rng.normal(size=(120, 16))).astype(np.float32))
        sharp = unit(whitening(rows)(rows))
        same = topic[:, None] == topic[None, :]
        assert (rows @ rows.T)[~same].mean() > 0.99
        assert (sharp @ sharp.T)[~same].mean() < 0.0
        assert (sharp @ sharp.T)[same].mean() > 0.7

    def test_papers_that_are_all_the_same_give_finite_rows(self) -> None:
        rows = np.ones((30, 4), dtype=np.float32)
        assert np.isfinite(whitening(rows)(rows)).all()

    def test_vectors_of_another_length_are_refused(self, cloud: FloatArray) -> None:
        with pytest.raises(ShapeError, match="6 numbers, not 5: retrain"):
            whitening(cloud)(cloud[:, :5])


class TestLens:
    def test_before_anything_was_read_texts_are_taken_as_they_are(self, cloud: FloatArray) -> None:
        lens = flat()
        assert (lens.idf == 1).all()
        assert not lens.common.any()
        assert lens.sharp(cloud) is cloud
        assert (lens.taste, lens.encoder) == (None, "")

    def test_words_are_counted_and_what_is_common_is_their_mean_row(self) -> None:
        vectors = vectors_of(PAPERS)
        lens = lens_of(vectors.dense, vectors.terms)
        occurs = np.asarray((vectors.terms > 0).sum(axis=0)).ravel()
        assert lens.idf == pytest.approx(terms.idf(occurs.astype(np.float32), len(PAPERS)))
        assert lens.common == pytest.approx(terms.weigh(vectors.terms, lens.idf).toarray().mean(axis=0), abs=1e-6)
        assert lens.sharpen is not None
        assert lens.sharp(vectors.dense) == pytest.approx(whitening(vectors.dense)(vectors.dense))

    def test_words_that_were_counted_in_more_papers_are_weighed_by_that_count(self) -> None:
        vectors = vectors_of(PAPERS)
        frequency = np.arange(terms.BUCKETS, dtype=np.float32)
        lens = lens_of(vectors.dense, vectors.terms, frequency=frequency, papers=500_000)
        assert (lens.idf == terms.idf(frequency, 500_000)).all()

    def test_a_handful_of_papers_says_nothing_of_papers_in_general(self) -> None:
        few, enough = (vectors_of(PAPERS[:n]) for n in (LEAST_PAPERS - 1, LEAST_PAPERS))
        lens = lens_of(few.dense, few.terms)
        assert lens.sharpen is None
        assert not lens.common.any()
        assert lens.idf.max() > lens.idf.min()
        assert lens_of(enough.dense, enough.terms).sharpen is not None

    def test_no_papers_are_no_trouble(self) -> None:
        nothing = vectors_of([])
        assert lens_of(nothing.dense, nothing.terms).sharpen is None
        assert seen_through(PAPERS).sharp(nothing.dense).shape == (0, 0)

    def test_a_projection_gives_unit_rows_and_puts_together_what_is_liked_together(self) -> None:
        lens = seen_through(PAPERS, taste=True)
        assert lens.taste is not None
        rows = lens.taste(lens.sharp(vectors_of(PAPERS).dense))
        assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(PAPERS)), abs=1e-5)
        topic = np.array([paper.authors[0].split()[0] for paper in PAPERS])
        same = topic[:, None] == topic[None, :]
        assert (rows @ rows.T)[same].mean() > (rows @ rows.T)[~same].mean() + 0.5


def test_rows_are_scaled_to_length_one_and_zeros_stay() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)) == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]))


LENSES: dict[str, Callable[[], Lens]] = {
    "flat": flat,
    "sharp": lambda: replace(seen_through(PAPERS), encoder="hashing/64"),
    "taste": lambda: seen_through(PAPERS, taste=True),
}


class TestText:
    @pytest.mark.parametrize("kind", LENSES)
    def test_a_text_and_back_sees_the_same_to_the_last_bit(self, kind: str) -> None:
        lens = LENSES[kind]()
        again = Lens.from_dict(json.loads(json.dumps(lens.to_dict())))
        dense = vectors_of(PAPERS[:9]).dense
        assert again.encoder == lens.encoder
        assert again.idf.tobytes() == lens.idf.tobytes()
        assert again.common.tobytes() == lens.common.tobytes()
        assert again.sharp(dense).tobytes() == lens.sharp(dense).tobytes()
        assert (again.taste is None) == (lens.taste is None) == (kind != "taste")
        if again.taste is not None and lens.taste is not None:
            rows = lens.taste(lens.sharp(dense))
            assert again.taste(again.sharp(dense)).tobytes() == rows.tobytes()
            assert again.taste.whitening(rows).tobytes() == lens.taste.whitening(rows).tobytes()

    @pytest.mark.parametrize(
        "change",
        [
            {"idf": "AACAPw=="},
            {"common": "AACAPw=="},
            {"idf": None},
            {"sharpen": ["AACAPw=="]},
            {"sharpen": [encode(np.ones(2)), encode(np.ones(3))]},
            {"sharpen": ["no base64", encode(np.ones(4))]},
            {"taste": []},
            {"taste": [encode(np.ones(4)), encode(np.ones(2)), None]},
            {"taste": [encode(np.ones(5)), encode(np.ones(2)), [encode(np.ones(2)), encode(np.ones(4))]]},
            {"taste": "projection"},
        ],
        ids=range(10),
    )
    def test_what_is_no_lens_is_refused(self, change: dict[str, Any]) -> None:
        parts = seen_through(PAPERS, taste=True).to_dict() | change
        with pytest.raises((ValueError, LookupError, TypeError)):
            Lens.from_dict(parts)

    @pytest.mark.parametrize("missing", ["idf", "common", "sharpen", "taste", "encoder"])
    def test_every_part_must_be_there(self, missing: str) -> None:
        parts = flat().to_dict()
        del parts[missing]
        with pytest.raises(KeyError):
            Lens.from_dict(parts)

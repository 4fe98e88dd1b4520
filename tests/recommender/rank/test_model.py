"""The ranker: a text and back, damage and other features refused, trees added to the blend exactly, closer never scores lower."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import lightgbm
import numpy as np
import pytest
from factories import make_edition
from hypothesis import given
from hypothesis import strategies as st
from priors import by_author
from strategies import PROPERTY, seen_through, vectors_of

from recommender.errors import ModelDamaged, ModelIncompatible
from recommender.rank.features import MONOTONE, NAMES, SCHEMA
from recommender.rank.lens import flat
from recommender.rank.model import BLEND, Ranker, blend_ranker, dump, load
from recommender.rank.prior import describe
from recommender.rank.trees import booster
from recommender.types import FeatureMatrix

LENS = replace(seen_through(make_edition(), taste=True), encoder="hashing/64")


def matrix(rows: int = 60, seed: int = 5, *, missing: float = 0.1) -> FeatureMatrix:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(NAMES))).astype(np.float32)
    values[rng.random(values.shape) < missing] = np.nan
    return FeatureMatrix(tuple(f"t:{i}" for i in range(rows)), NAMES, values, SCHEMA)


@lru_cache(maxsize=1)
def boosted() -> Ranker:
    """A ranker of a few monotone trees that were boosted from the blend towards something the blend does not know."""
    base, rows = blend_ranker(), matrix(1200, seed=1)
    wanted = base.blend(rows) + 3.0 * (np.nan_to_num(rows.column("has_code")) > 0) * np.nan_to_num(rows.column("dense_top5"))
    grades = np.digitize(wanted, np.quantile(wanted, [0.6, 0.85]))
    data = lightgbm.Dataset(rows.values, grades, group=[20] * 60, init_score=base.blend(rows), feature_name=list(NAMES))
    params = {
        "objective": "lambdarank",
        "verbosity": -1,
        "num_leaves": 7,
        "num_threads": 1,
        "seed": 7,
        "deterministic": True,
        "monotone_constraints": list(MONOTONE),
    }
    trees = lightgbm.train(params, data, num_boost_round=25)
    return replace(base, version="boosted-1", kind="boosted", trees=trees.model_to_string())


RANKERS = {"blend": blend_ranker, "boosted": boosted}


@pytest.fixture(params=RANKERS)
def ranker(request: pytest.FixtureRequest) -> Ranker:
    return RANKERS[request.param]()


def test_the_blend_names_only_features_and_pulls_the_way_they_may() -> None:
    assert set(BLEND) <= set(NAMES)
    for name, weight in BLEND.items():
        assert weight * MONOTONE[NAMES.index(name)] >= 0, name


def test_the_blend_leans_on_what_needs_no_log() -> None:
    """With a flat lens and no projection a page must still be ranked by what is near."""
    rows = matrix(200, missing=0.0)
    without = rows.values.copy()
    without[:, [i for i, name in enumerate(NAMES) if "taste_" in name]] = np.nan
    scores = [blend_ranker().score(r) for r in (rows, replace(rows, values=without))]
    assert np.corrcoef(*scores)[0, 1] > 0.8


def test_the_blend_is_a_weighted_sum_and_what_is_unknown_is_neutral() -> None:
    rows = matrix()
    ranker = blend_ranker()
    expected = [
        sum(w * row[NAMES.index(n)] for n, w in BLEND.items() if not np.isnan(row[NAMES.index(n)])) for row in rows.values
    ]
    assert ranker.score(rows) == pytest.approx(expected, abs=1e-4)
    assert ranker.score(rows).dtype == np.float32


def test_no_papers_have_no_scores(ranker: Ranker) -> None:
    empty = matrix(0)
    assert ranker.score(empty).shape == (0,)
    assert ranker.contributions(empty).shape == (0, len(NAMES) + 1)


def test_a_boosted_score_is_the_blend_plus_its_trees() -> None:
    rows = matrix()
    trees = booster(boosted().trees or "").predict(rows.values, raw_score=True, num_threads=1)
    assert np.ptp(trees) > 0.1
    assert (boosted().score(rows) == boosted().blend(rows) + trees.astype(np.float32)).all()
    assert (boosted().blend(rows) == blend_ranker().score(rows)).all()


def test_trees_of_a_classifier_add_log_odds_not_probabilities() -> None:
    rows = matrix(400, seed=3)
    data = lightgbm.Dataset(rows.values, (np.nan_to_num(rows.column("has_code")) > 0).astype(int))
    trees = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, num_boost_round=5)
    ranker = replace(blend_ranker(), kind="boosted", trees=trees.model_to_string())
    assert ranker.contributions(rows).sum(axis=1) == pytest.approx(ranker.score(rows), abs=1e-4)


def test_contributions_add_up_to_the_score(ranker: Ranker) -> None:
    rows = matrix()
    parts = ranker.contributions(rows)
    assert parts.shape == (60, len(NAMES) + 1)
    assert parts.sum(axis=1) == pytest.approx(ranker.score(rows), abs=1e-4)


@pytest.mark.parametrize("tabulated", [True, False], ids=["by tables", "by LightGBM"])
def test_families_add_up_what_their_features_contribute(ranker: Ranker, monkeypatch: pytest.MonkeyPatch, tabulated: bool) -> None:
    if not tabulated:
        monkeypatch.setattr("recommender.rank.model.forest", lambda trees, families: None)
    rows, numbers = matrix(), np.arange(len(NAMES)) % 5
    parts = ranker.contributions(rows)[:, :-1]
    expected = np.stack([parts[:, numbers == family].sum(axis=1) for family in range(5)], axis=1)
    assert ranker.by_family(rows, tuple(numbers.tolist())) == pytest.approx(expected, abs=1e-4)
    assert ranker.by_family(matrix(0), tuple(numbers.tolist())).shape == (0, 5)


@PROPERTY
@given(seed=st.integers(0, 10_000), feature=st.sampled_from(range(len(NAMES))), step=st.floats(0.001, 5))
@pytest.mark.parametrize("kind", RANKERS)
def test_closer_never_scores_lower(kind: str, seed: int, feature: int, step: float) -> None:
    rows = matrix(8, seed, missing=0.0)
    raised = rows.values.copy()
    raised[:, feature] += step
    ranker = RANKERS[kind]()
    change = ranker.score(replace(rows, values=raised)) - ranker.score(rows)
    assert (change * MONOTONE[feature] >= -1e-5).all()


def test_a_text_and_back_is_the_same_ranker(ranker: Ranker) -> None:
    ranker = replace(ranker, lens=LENS)
    again = load(dump(ranker))
    assert (again.version, again.kind, again.schema, again.trees) == (ranker.version, ranker.kind, ranker.schema, ranker.trees)
    assert again.weights.tobytes() == ranker.weights.tobytes()
    assert again.lens.to_dict() == ranker.lens.to_dict()
    assert (again.score(matrix()) == ranker.score(matrix())).all()
    assert dump(again) == dump(ranker)


def test_the_prior_goes_along(ranker: Ranker) -> None:
    papers = make_edition()
    vectors = vectors_of(papers)
    assert ranker.expect(papers, vectors) is None
    prior = by_author()
    again = load(dump(replace(ranker, prior=prior)))
    expected = again.expect(papers, vectors)
    assert expected is not None
    assert np.array_equal(expected, prior.score(describe(papers, vectors.terms)))
    assert len(expected) == len(papers)


def changed(**parts: object) -> str:
    return json.dumps(json.loads(dump(blend_ranker())) | parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "3",
        "null",
        "{}",
        dump(blend_ranker())[:-40],
        changed(weights="AAAA"),
        changed(weights="not base64"),
        changed(weights=None),
        changed(weights="AADAfw==" * len(NAMES)),
        changed(lens=None),
        changed(lens={}),
        changed(lens=flat().to_dict() | {"idf": "AACAPw=="}),
        changed(lens=flat().to_dict() | {"sharpen": ["AACAPw=="]}),
        changed(lens=flat().to_dict() | {"taste": []}),
        changed(prior=5),
        changed(prior="{}"),
        changed(trees=5),
        changed(trees=["tree"]),
    ],
    ids=range(20),
)
def test_a_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(ModelDamaged, match="roll back or retrain"):
        load(text)


def test_weights_that_are_no_numbers_are_refused() -> None:
    weights = blend_ranker().weights.copy()
    weights[0] = np.nan
    with pytest.raises(ModelDamaged, match="not finite"):
        load(dump(replace(blend_ranker(), weights=weights)))


@pytest.mark.parametrize(
    "text", [changed(format=1), changed(format=3), changed(schema="0" * 16), changed(schema="0" * 16, weights="AACAPw==")]
)
def test_a_model_of_another_program_is_refused(text: str) -> None:
    with pytest.raises(ModelIncompatible, match="retrain"):
        load(text)


def test_a_ranker_refuses_rows_of_other_features(ranker: Ranker) -> None:
    other = replace(matrix(), schema="another")
    for use in (ranker.score, ranker.blend, ranker.contributions):
        with pytest.raises(ModelIncompatible, match="another"):
            use(other)

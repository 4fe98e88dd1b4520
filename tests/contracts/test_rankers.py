"""What every kind of ranker promises, whatever it has learned: the blend, the blend through a lens, boosted, and reloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

import lightgbm
import numpy as np
import pytest
from factories import DAY, NOW, make_edition
from strategies import make_event, make_inputs, make_page, seen_through, told

from recommender.errors import ModelIncompatible
from recommender.rank.features import MONOTONE, NAMES, SCHEMA
from recommender.rank.model import Ranker, blend_ranker, dump, load
from recommender.rank.page import describe
from recommender.rank.terms import BUCKETS
from recommender.settings import RankSettings
from recommender.types import FeatureMatrix

PAGE = make_edition(per_topic=4)
OLD = make_edition(DAY - timedelta(days=3), per_topic=4)
HISTORY = [make_event(n, paper, at=NOW - timedelta(days=2)) for n, paper in enumerate(OLD[:6], start=1)]


@lru_cache(maxsize=1)
def sharp_blend() -> Ranker:
    return blend_ranker(seen_through([*PAGE, *OLD], taste=True), "blend-7")


@lru_cache(maxsize=1)
def boosted() -> Ranker:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(600, len(NAMES))).astype(np.float32)
    wanted = rows @ blend_ranker().weights + 2 * (rows[:, NAMES.index("log_upvotes")] > 0.5)
    data = lightgbm.Dataset(rows, np.digitize(wanted, np.quantile(wanted, [0.6, 0.9])), group=[30] * 20)
    params = {"objective": "lambdarank", "verbosity": -1, "num_threads": 1, "num_leaves": 5, "monotone_constraints": MONOTONE}
    trees = lightgbm.train(params | {"min_data_in_leaf": 10}, data, num_boost_round=15).model_to_string()
    return replace(sharp_blend(), version="boosted-7", kind="boosted", trees=trees)


MAKERS: dict[str, Callable[[], Ranker]] = {
    "blend": blend_ranker,
    "sharp blend": sharp_blend,
    "boosted": boosted,
    "reloaded": lambda: load(dump(boosted())),
}


@pytest.fixture(params=MAKERS)
def ranker(request: pytest.FixtureRequest) -> Ranker:
    return MAKERS[request.param]()


@pytest.fixture
def matrix(ranker: Ranker) -> FeatureMatrix:
    return describe(make_inputs(PAGE, HISTORY, read=OLD), ranker, RankSettings())


def test_it_says_what_it_is(ranker: Ranker) -> None:
    assert ranker.version
    assert ranker.kind in ("blend", "boosted")
    assert (ranker.trees is not None) == (ranker.kind == "boosted")
    assert ranker.schema == SCHEMA
    assert ranker.weights.shape == (len(NAMES),)
    assert ranker.lens.idf.shape == (BUCKETS,)


def test_it_gives_each_paper_one_finite_score(ranker: Ranker, matrix: FeatureMatrix) -> None:
    for scores in (ranker.score(matrix), ranker.blend(matrix)):
        assert scores.shape == (24,)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
    assert len(set(ranker.score(matrix).tolist())) > 12


def test_a_score_does_not_depend_on_the_other_rows(ranker: Ranker, matrix: FeatureMatrix) -> None:
    whole = ranker.score(matrix)
    for row in (0, 11, 23):
        one = FeatureMatrix(matrix.paper_ids[row : row + 1], NAMES, matrix.values[row : row + 1], SCHEMA)
        assert ranker.score(one)[0] == pytest.approx(whole[row], abs=1e-5)


def test_it_scores_what_is_all_unknown(ranker: Ranker) -> None:
    nothing = FeatureMatrix(("a:1",), NAMES, np.full((1, len(NAMES)), np.nan, dtype=np.float32), SCHEMA)
    assert np.isfinite(ranker.score(nothing)).all()


def test_it_scores_nothing_at_all(ranker: Ranker) -> None:
    empty = FeatureMatrix((), NAMES, np.zeros((0, len(NAMES)), dtype=np.float32), SCHEMA)
    assert ranker.score(empty).shape == (0,)


def test_contributions_add_up(ranker: Ranker, matrix: FeatureMatrix) -> None:
    assert ranker.contributions(matrix).sum(axis=1) == pytest.approx(ranker.score(matrix), abs=1e-4)


def test_closer_never_scores_lower(ranker: Ranker, matrix: FeatureMatrix) -> None:
    before = ranker.score(matrix)
    for column, sign in enumerate(MONOTONE):
        raised = matrix.values.copy()
        raised[:, column] += 0.5
        change = ranker.score(replace(matrix, values=raised)) - before
        assert (change * sign >= -1e-5).all(), NAMES[column]


def test_other_features_are_refused(ranker: Ranker, matrix: FeatureMatrix) -> None:
    with pytest.raises(ModelIncompatible, match="retrain"):
        ranker.score(replace(matrix, schema="another"))


def test_it_does_not_change_what_it_reads(ranker: Ranker, matrix: FeatureMatrix) -> None:
    before = matrix.values.tobytes()
    ranker.score(matrix), ranker.contributions(matrix)
    assert matrix.values.tobytes() == before


def test_it_survives_being_written_down(ranker: Ranker, matrix: FeatureMatrix) -> None:
    assert (load(dump(ranker)).score(matrix) == ranker.score(matrix)).all()


def test_it_makes_the_same_page_twice(ranker: Ranker) -> None:
    one, two = (make_page(PAGE, HISTORY, read=OLD, ranker=ranker) for _ in range(2))
    assert told(one) == told(two)
    assert one.model == ranker.version

"""Trees as tables: by family of features they say what LightGBM says feature by feature, or that it must be asked."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pytest

from recommender.rank.forest import forest

FEATURES, FAMILIES = 12, (0, 1, 2, 0, 1, 2, 3, 3, 0, 1, 2, 3)
Rows = npt.NDArray[np.float32]


def rows(seed: int, count: int, *, unknown: float = 0.1) -> Rows:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, FEATURES)).astype(np.float32)
    values[rng.random(values.shape) < unknown] = np.nan
    return values


def grown(*, known: Rows | None = None, rounds: int = 20, leaves: int = 15, **options: Any) -> lightgbm.Booster:
    values = rows(1, 1500) if known is None else known
    wanted = np.nan_to_num(values) @ np.linspace(-1, 1, FEATURES) + np.nan_to_num(values[:, 0] * values[:, 1])
    told = {"objective": "regression", "verbosity": -1, "num_leaves": leaves, "num_threads": 1, "min_data_in_leaf": 5}
    return lightgbm.train(told | options, lightgbm.Dataset(values, wanted, **_listed(options)), num_boost_round=rounds)


def _listed(options: dict[str, Any]) -> dict[str, Any]:
    return {"categorical_feature": options.pop("categorical")} if "categorical" in options else {}


def by_lightgbm(trees: lightgbm.Booster, values: Rows) -> npt.NDArray[np.float64]:
    parts = trees.predict(values, pred_contrib=True)[:, :-1]
    return np.stack([parts[:, [f == family for f in FAMILIES]].sum(axis=1) for family in range(4)], axis=1)


@pytest.mark.parametrize(
    "trees",
    [grown(), grown(leaves=4), grown(leaves=40, rounds=4), grown(known=rows(2, 1500, unknown=0.0)), grown(max_depth=2)],
    ids=["usual", "small", "deep", "nothing unknown in training", "shallow"],
)
@pytest.mark.parametrize("unknown", [0.0, 0.3, 1.0], ids=["all known", "some unknown", "nothing known"])
def test_the_tables_say_what_lightgbm_says(trees: lightgbm.Booster, unknown: float) -> None:
    values = rows(7, 200, unknown=unknown)
    tables = forest(trees.model_to_string(), FAMILIES)
    assert tables is not None
    assert tables.by_family(values) == pytest.approx(by_lightgbm(trees, values), abs=2e-6)  # float32, as LightGBM's are here


def test_a_value_that_is_a_threshold_goes_where_lightgbm_sends_it() -> None:
    trees = grown()
    tables = forest(trees.model_to_string(), FAMILIES)
    assert tables is not None
    values = rows(3, 400)
    for row, (feature, threshold) in enumerate(zip(tables.feature[:400], tables.threshold[:400, 0], strict=True)):
        if np.isfinite(threshold):
            values[row, feature % FEATURES] = threshold
    assert tables.by_family(values) == pytest.approx(by_lightgbm(trees, values), abs=2e-6)  # float32, as LightGBM's are here


def test_trees_that_learned_nothing_lift_nothing() -> None:
    trees = grown(rounds=3, min_data_in_leaf=1499)
    assert forest(trees.model_to_string(), FAMILIES) is None  # nothing to tabulate: LightGBM says noughts


@pytest.mark.parametrize(
    "options",
    [{"categorical": [3]}, {"zero_as_missing": True}, {"linear_tree": True}],
    ids=["kinds instead of numbers", "zeros count as unknown", "lines in the leaves"],
)
def test_what_the_tables_cannot_hold_is_left_to_lightgbm(options: dict[str, Any]) -> None:
    values = rows(4, 1500, unknown=0.0)
    values[:, 3] = np.arange(1500) % 7
    values[:, 5] *= values[:, 5] > 0
    assert forest(grown(known=values, **options).model_to_string(), FAMILIES) is None


@pytest.mark.parametrize(("limit", "value"), [("MOST_BITS", 9), ("MOST_ROWS", 2**10)])
def test_trees_that_would_need_too_large_tables_are_left_to_lightgbm(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(f"recommender.rank.forest.{limit}", value)
    assert forest(grown(leaves=60, rounds=4, seed=value).model_to_string(), FAMILIES) is None

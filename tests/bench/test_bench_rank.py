"""How long one page takes (500 candidates, 200 likes), beside LightGBM's own predict on that page's matrix. Run with --benchmark-only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import lightgbm
import numpy as np
import pytest
from factories import DAY, NOW, TOPICS, make_paper
from strategies import make_event, make_inputs, seen_through

from recommender.rank import page
from recommender.rank.features import NAMES
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.trees import booster
from recommender.settings import RankSettings

SETTINGS = RankSettings()
PER_TOPIC = 84  # six topics: 504 candidates


@pytest.fixture(scope="module")
def inputs() -> page.Inputs:
    candidates = [make_paper(n, topic=topic) for topic in TOPICS for n in range(PER_TOPIC)]
    ago = DAY - timedelta(days=9)
    earlier = [make_paper(n, topic=topic, day=ago, id=f"arxiv:{topic}{n}") for topic in TOPICS for n in range(100, 200)]
    events = [make_event(n, paper, at=NOW - timedelta(days=2, minutes=n)) for n, paper in enumerate(earlier[:200], start=1)]
    return make_inputs(candidates, events, read=earlier[:200])


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4000, len(NAMES)))
    data = lightgbm.Dataset(rows, rng.integers(0, 3, 4000), group=[40] * 100)
    trees = lightgbm.train({"objective": "lambdarank", "verbosity": -1, "num_leaves": 15}, data, num_boost_round=100)
    lens = seen_through([make_paper(n, topic=topic) for topic in TOPICS for n in range(PER_TOPIC)], taste=True)
    return replace(blend_ranker(lens), kind="boosted", trees=trees.model_to_string())


def test_a_page(benchmark: Any, inputs: page.Inputs, ranker: Ranker) -> None:
    made = benchmark(page.rank_page, inputs, ranker, SETTINGS)
    assert made.candidates == 6 * PER_TOPIC


def test_its_features(benchmark: Any, inputs: page.Inputs, ranker: Ranker) -> None:
    assert benchmark(page.describe, inputs, ranker, SETTINGS).values.shape == (6 * PER_TOPIC, len(NAMES))


def test_the_trees_alone(benchmark: Any, inputs: page.Inputs, ranker: Ranker) -> None:
    matrix = page.describe(inputs, ranker, SETTINGS)
    scores = benchmark(booster(ranker.trees or "").predict, matrix.values, raw_score=True, num_threads=1)
    assert scores.shape == (6 * PER_TOPIC,)

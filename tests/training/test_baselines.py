from __future__ import annotations

import numpy as np

from recommender.rank.features import NAMES
from recommender.rank.model import blend_ranker
from training.baselines import BASELINES, BLEND, scores


def test_every_baseline_scores_every_row_with_a_number(rng, make_rows):
    rows = make_rows(rng, days=1)
    assert np.isnan(rows.X).any()
    found = scores(rows)
    assert set(found) == set(BASELINES)
    assert all(score.shape == (len(rows),) and np.isfinite(score).all() for score in found.values())


def test_each_orders_by_its_own_column(rng, make_rows):
    rows = make_rows(rng, days=1)
    found = scores(rows)
    columns = {
        "dense head": "sharp_head",
        "lexical head": "lex_head",
        "dense centroid": "dense_centroid",
        "popular": "log_upvotes",
    }
    for name, column in columns.items():
        known = ~np.isnan(rows.column(column))
        assert (found[name][known] == rows.column(column)[known]).all(), name
        assert (found[name][~known] == 0).all(), name
    assert found["newest"].argmax() == np.nanargmin(rows.X[:, NAMES.index("age_days")])


def test_the_blend_is_the_rankers_own(rng, make_rows):
    rows = make_rows(rng, days=1)
    assert (scores(rows)[BLEND] == blend_ranker().blend(rows.matrix)).all()

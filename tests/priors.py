"""A prior made by hand: one author is picked, everybody else is passed over."""

from __future__ import annotations

import lightgbm
import numpy as np

from recommender.rank import terms
from recommender.rank.prior import NAMES, AuthorTable, Prior, Words, author_keys

FAMOUS = "Famous Person"


def by_author() -> Prior:
    """Return a prior whose trees follow what the authors say, and know one author."""
    values = np.random.default_rng(1).normal(size=(400, len(NAMES))).astype(np.float32)
    data = lightgbm.Dataset(values, (values[:, NAMES.index("slow_sum")] > 0).astype(np.int8), feature_name=list(NAMES))
    trees = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4, "seed": 1, "num_threads": 1}, data, 10)
    table = AuthorTable(np.array(author_keys([FAMOUS]), dtype=np.uint64), np.full((1, 4), 9.0, dtype=np.float32), 0.1)
    words = Words(terms.flat_idf(), np.zeros(terms.BUCKETS, dtype=np.float32), -1.5)
    return Prior("prior-test", words, table, (trees.model_to_string(),))

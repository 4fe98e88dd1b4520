"""Nothing in, a small corpus run out: thirty readers of four queries, on which who is ahead of whom is known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.report import Judged

READERS, EACH = 30, 4
PEERS = ("centroid", "svm")


def make_judged(**changes: Any) -> Judged:
    """Return a run in which ours is .2 ahead of the better peer for many likes, level with it for some and .05 behind for few."""
    u = READERS * EACH
    rng = np.random.default_rng(5)
    reader = np.repeat(np.arange(READERS), EACH).astype(np.int64)
    likes = np.repeat(np.array([2, 10, 30] * (READERS // 3)), EACH)
    base, noise = rng.uniform(0.3, 0.6, READERS)[reader], rng.normal(0, 0.02, u)
    gain = np.select([likes < 5, likes < 20], [-0.05, 0.0], 0.2)
    ndcg = {"ours": base + gain + noise, "svm": base, "centroid": base - 0.2, "random": np.full(u, 0.1)}
    ndcg = {name: np.where(np.arange(u) == 7, np.nan, values) for name, values in ndcg.items()}
    fields: dict[str, Any] = {
        "corpus": "toy",
        "protocol": "Pages by week; a query is a reader and a week.",
        "seed": 11,
        "facts": {"papers": 12345, "encoder": "hashing", "share": np.float64(0.25), "days": np.int64(40)},
        "unit": "query",
        "values": {name: {"nDCG@10": values, "AUC": values / 2 + 0.5} for name, values in ndcg.items()},
        "clusters": reader,
        "groups": {"1–4 likes": likes < 5, "5–19 likes": (likes >= 5) & (likes < 20), "20+ likes": likes >= 20},
        "ours": "ours",
        "peers": PEERS,
        "headline": "nDCG@10",
        "importance": {f"feature {i:02d}": (25 - i) / 325 for i in range(25)},
        "calibration": ((0.1, 0.12, 4000), (0.4, 0.38, 900), (0.7, 0.75, 100)),
        "learning": (("100", 0.4, 0.35, 0.45), ("1,000", 0.5, 0.47, 0.53)),
        "by_votes": {
            "svm": ((1, 0.30, 0.25, 0.35, 80), (5, 0.40, 0.35, 0.45, 40)),
            "ours": ((1, 0.35, 0.30, 0.40, 80), (2, 0.41, 0.36, 0.46, 60), (5, 0.50, 0.45, 0.55, 40)),
        },
    }
    return Judged(**{**fields, **changes})

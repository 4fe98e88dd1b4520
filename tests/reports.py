"""Nothing in, what is written down when a model is made out: what it learned from, and what was measured at the gate."""

from __future__ import annotations

from typing import Any

__all__ = ["REPORT"]

REPORT: dict[str, Any] = {
    "card": {
        "rounds": 41,
        "train": {"pages": 300, "rows": 4000, "readers": 30, "first": "2026-04-01", "last": "2026-05-09"},
        "features": {"dense_head": {"weight": 0.5, "importance": 0.25}, "age_days": {"weight": -0.125, "importance": 0.01}},
    },
    "report": {
        "first": "2026-05-13",
        "last": "2026-05-19",
        "slices": {
            "all": {
                "pages": 195,
                "scores": {
                    "model": {"ndcg@10": [0.7312, 0.7, 0.76]},
                    "live": {"ndcg@10": [0.7212, 0.69, 0.75]},
                    "blend": {"ndcg@10": [0.6812, 0.65, 0.7]},
                    "newest": {"ndcg@10": [0.4, None, None]},
                },
                "differences": {"live": {"ndcg@10": [0.01, -0.002, 0.021]}, "blend": {"ndcg@10": [0.05, 0.032, 0.061]}},
            },
            "cold": {"pages": 29, "scores": {"model": {"ndcg@10": [0.5, 0.4, 0.6]}}, "differences": {}},
        },
    },
    "exploration": {"told": "of the papers the candidate would draw, 9 % are wanted"},
    "reasons": ["nDCG@10 0.7312 on 195 held-out pages", "no group of readers is measurably worse off"],
}

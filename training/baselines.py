"""Logged rows in, the scores of rankers without learning out: what a trained model must beat to be worth having.

`dense_head` is one ridge classifier per reader on text embeddings, `lex_head` the same on tf-idf (a linear least-squares SVM, the
method of arxiv-sanity): both were logged as features, so the peers are judged on the very rows the model is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from recommender.types import FloatArray
from training.dataset import TrainingSet

__all__ = ["BASELINES", "BLEND", "scores"]

BLEND = "blend"


def _column(name: str, sign: float = 1.0) -> Callable[[TrainingSet], FloatArray]:
    """Return a scorer by one feature; an unknown value is neutral, as it is in the blend."""

    def score(rows: TrainingSet) -> FloatArray:
        column: FloatArray = np.nan_to_num(rows.column(name), nan=0.0) * np.float32(sign)
        return column

    return score


def _blend(rows: TrainingSet) -> FloatArray:
    return rows.blend


BASELINES: Mapping[str, Callable[[TrainingSet], FloatArray]] = {
    BLEND: _blend,
    "dense head": _column("sharp_head"),
    "lexical head": _column("lex_head"),
    "dense centroid": _column("dense_centroid"),
    "lexical centroid": _column("lex_centroid"),
    "popular": _column("log_upvotes"),
    "newest": _column("age_days", -1.0),
}


def scores(rows: TrainingSet) -> dict[str, FloatArray]:
    """Return every baseline's score of every row: name -> (n,) float32."""
    return {name: score(rows) for name, score in BASELINES.items()}

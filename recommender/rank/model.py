"""FeatureMatrix -> scores float32 (n,): a blend of columns that needs no training; with a log, its weights and trees are learned.

The blend is a weighted sum of columns, NaN counting as neutral. Training moves its weights and adds LightGBM's trees, fitted with the
blend as their starting score (Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", 2010): with little data it stays close to
the untrained blend, and similarity can only help, since weights and trees are monotone in it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from recommender.errors import ModelDamaged, ModelIncompatible
from recommender.rank import terms
from recommender.rank.features import NAMES, SCHEMA
from recommender.types import FeatureMatrix, FloatArray

__all__ = ["BLEND", "FORMAT", "Ranker", "blend_ranker", "dump", "load"]

FORMAT = 1

# What to trust before anything was learned; chosen on public reading histories, see the room's README.
BLEND: dict[str, float] = {
    "z_dense_top5": 0.45,
    "z_dense_head": 0.30,
    "z_lex_top5": 0.25,
    "z_lex_head": 0.35,
    "z_dense_disliked": -0.10,
    "z_lex_disliked": -0.05,
    "author_affinity": 0.60,
    "category_affinity": 0.40,
    "primary_affinity": 0.20,
    "z_log_upvotes": 0.25,
    "z_age_days": -0.05,
    "is_cross": -0.10,
}


@dataclass(frozen=True, slots=True)
class Ranker:
    """One version of the ranker: everything that turns feature rows into scores, and nothing else.

    Attributes
    ----------
    version : str
    kind : {"blend", "boosted"}
    schema : str
        Of the features it was made for.
    weights : ndarray of shape (f,), dtype=float32
        The blend's weights: fixed ones before anything was learned.
    idf : ndarray of shape (BUCKETS,), dtype=float32
        Term weights that the lexical features are computed with.
    trees : str or None
        LightGBM's model text.
    """

    version: str
    kind: str
    schema: str
    weights: FloatArray = field(repr=False)
    idf: FloatArray = field(repr=False)
    trees: str | None = field(default=None, repr=False)

    def blend(self, matrix: FeatureMatrix) -> FloatArray:
        """Return the score without trees, shape (n,)."""
        scores: FloatArray = (np.nan_to_num(self._checked(matrix), nan=0.0) @ self.weights).astype(np.float32)
        return scores

    def score(self, matrix: FeatureMatrix) -> FloatArray:
        """Return one score per paper, shape (n,), higher first.

        Raises
        ------
        ModelIncompatible
            If the matrix holds other features than the ranker was made for.
        """
        scores = self.blend(matrix)
        if self.trees is not None and len(matrix.paper_ids):
            scores = scores + booster(self.trees).predict(matrix.values, raw_score=True, num_threads=1).astype(np.float32)
        return scores

    def contributions(self, matrix: FeatureMatrix) -> FloatArray:
        """Return what each feature adds to each score, shape (n, f + 1); the last column is what all papers start from.

        References
        ----------
        Lundberg et al., "From local explanations to global understanding with explainable AI for trees", 2020 (the trees' part).
        """
        values = self._checked(matrix)
        parts = np.zeros((len(matrix.paper_ids), len(self.weights) + 1), dtype=np.float32)
        parts[:, :-1] = np.nan_to_num(values, nan=0.0) * self.weights
        if self.trees is not None and len(matrix.paper_ids):
            parts += booster(self.trees).predict(values, pred_contrib=True, num_threads=1).astype(np.float32)
        return parts

    def _checked(self, matrix: FeatureMatrix) -> FloatArray:
        if matrix.schema != self.schema:
            raise ModelIncompatible(
                f"model {self.version} knows features {self.schema}, the program computes {matrix.schema}: retrain"
            )
        return matrix.values


def blend_ranker(idf: FloatArray | None = None, version: str = "blend-0") -> Ranker:
    """Return the ranker of a Broadsheet that has learned nothing yet."""
    weights = np.array([BLEND.get(name, 0.0) for name in NAMES], dtype=np.float32)
    return Ranker(version, "blend", SCHEMA, weights, terms.flat_idf() if idf is None else idf)


def dump(ranker: Ranker) -> str:
    """Return a ranker as JSON text; arrays are little-endian float32 in base64."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": ranker.version,
            "kind": ranker.kind,
            "schema": ranker.schema,
            "weights": _encode(ranker.weights),
            "idf": _encode(ranker.idf),
            "trees": ranker.trees,
        }
    )


def load(text: str) -> Ranker:
    """Return the ranker in a text whose checksum the caller has verified.

    Raises
    ------
    ModelDamaged
        If the text is not a ranker's.
    ModelIncompatible
        If it was made for other features, or by another format of this program.
    """
    try:
        parts: dict[str, Any] = json.loads(text)
        if parts["format"] != FORMAT:
            raise ModelIncompatible(f"model file of format {parts['format']}, this program reads {FORMAT}: retrain")
        ranker = Ranker(
            version=parts["version"],
            kind=parts["kind"],
            schema=parts["schema"],
            weights=_decode(parts["weights"]),
            idf=_decode(parts["idf"]),
            trees=parts["trees"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelDamaged(f"not a model file ({error}): roll back or retrain") from None
    if ranker.schema != SCHEMA:
        raise ModelIncompatible(f"model {ranker.version} was made for other features ({ranker.schema}): retrain")
    if ranker.weights.shape != (len(NAMES),) or ranker.idf.shape != (terms.BUCKETS,):
        raise ModelDamaged(f"model {ranker.version}: arrays of the wrong length: roll back or retrain")
    if not np.isfinite(ranker.weights).all() or not np.isfinite(ranker.idf).all() or not isinstance(ranker.trees, str | None):
        raise ModelDamaged(
            f"model {ranker.version}: weights that are no numbers, or trees that are no text: roll back or retrain"
        )
    return ranker


@lru_cache(maxsize=4)
def booster(trees: str) -> Any:
    """Return LightGBM's model; parsed once, since a page is scored far more often than a model changes."""
    import lightgbm

    return lightgbm.Booster(model_str=trees)


def _encode(array: FloatArray) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def _decode(text: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)

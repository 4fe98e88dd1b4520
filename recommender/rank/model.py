"""FeatureMatrix -> scores float32 (n,): a blend of columns that needs no training; with a log, its weights and trees are learned.

The blend is a weighted sum of columns, NaN counting as neutral. Training moves its weights and adds LightGBM's trees, fitted with the
blend as their starting score (Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", 2010): with little data it stays close to
the untrained blend, and similarity can only help, since weights and trees are monotone in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import ModelDamaged, ModelIncompatible
from recommender.rank.arrays import decode, encode
from recommender.rank.features import NAMES, SCHEMA
from recommender.rank.forest import forest
from recommender.rank.lens import Lens, flat
from recommender.rank.prior import Prior, describe
from recommender.rank.trees import booster
from recommender.types import FeatureMatrix, FloatArray, Paper, PaperVectors

__all__ = ["BLEND", "FORMAT", "Ranker", "blend_ranker", "dump", "load"]

FORMAT = 2

# What to trust before anything was learned; chosen on public reading histories, see the room's README.
BLEND: dict[str, float] = {
    "z_sharp_head": 0.40,
    "z_sharp_top5": 0.35,
    "z_sharp_recent": 0.10,
    "z_taste_head": 0.20,
    "z_taste_recent": 0.20,
    "z_lex_head": 0.35,
    "z_lex_top5": 0.15,
    "z_dense_disliked": -0.10,
    "z_lex_disliked": -0.05,
    "author_affinity": 0.60,
    "organization_affinity": 0.20,
    "neighbours": 0.40,
    "z_category_lift": 0.20,
    "z_primary_lift": 0.15,
    "z_log_upvotes": 0.25,
    "z_prior": 0.20,
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
    lens : Lens
        What the similarities are seen through.
    trees : str or None
        LightGBM's model text.
    prior : Prior or None
        What readers in general will make of a paper; None where no shared page taught it.
    """

    version: str
    kind: str
    schema: str
    weights: FloatArray = field(repr=False)
    lens: Lens = field(repr=False)
    trees: str | None = field(default=None, repr=False)
    prior: Prior | None = field(default=None, repr=False)

    def expect(self, papers: Sequence[Paper], vectors: PaperVectors) -> FloatArray | None:
        """Return what readers in general will make of each paper, shape (n,), or None where that was not learned."""
        return None if self.prior is None else self.prior.score(describe(papers, vectors.terms))

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
        return self.score_each([matrix])[0]

    def score_each(self, matrices: Sequence[FeatureMatrix]) -> list[FloatArray]:
        """Return the scores of several pages, each as `score` gives them."""
        scores = [self.blend(matrix) for matrix in matrices]
        values = [matrix.values for matrix in matrices if len(matrix.paper_ids)]
        if self.trees is None or not values:
            return scores
        added = booster(self.trees).predict(np.concatenate(values), raw_score=True, num_threads=1).astype(np.float32)
        ends = np.cumsum([len(own) for own in scores])[:-1]
        return [own + its for own, its in zip(scores, np.split(added, ends), strict=True)]

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

    def by_family(self, matrix: FeatureMatrix, families: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Return what each family of features adds to each score, shape (n, families): `contributions` summed up, at less cost.

        Parameters
        ----------
        matrix : FeatureMatrix
        families : tuple of int, length f
            Number of each feature's family, from 0.
        """
        tables = forest(self.trees, families) if self.trees is not None else None
        if self.trees is not None and tables is None:
            return _summed(self.contributions(matrix)[:, :-1], families)
        values = self._checked(matrix)
        added = _summed(np.nan_to_num(values, nan=0.0) * self.weights, families)
        return added if tables is None else added + tables.by_family(values)

    def _checked(self, matrix: FeatureMatrix) -> FloatArray:
        if matrix.schema != self.schema:
            raise ModelIncompatible(
                f"model {self.version} knows features {self.schema}, the program computes {matrix.schema}: retrain"
            )
        return matrix.values


def _summed(parts: FloatArray, families: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Add columns of shape (n, f) up by family."""
    count = max(families) + 1
    at = np.arange(len(parts))[:, None] * count + np.array(families)
    sums = np.bincount(at.ravel(), weights=parts.ravel(), minlength=len(parts) * count)
    return sums.astype(np.float64).reshape(len(parts), count)


def blend_ranker(lens: Lens | None = None, version: str = "blend-0") -> Ranker:
    """Return the ranker of a Broadsheet that has learned nothing yet."""
    weights = np.array([BLEND.get(name, 0.0) for name in NAMES], dtype=np.float32)
    return Ranker(version, "blend", SCHEMA, weights, flat() if lens is None else lens)


def dump(ranker: Ranker) -> str:
    """Return a ranker as JSON text; arrays are little-endian float32 in base64."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": ranker.version,
            "kind": ranker.kind,
            "schema": ranker.schema,
            "weights": encode(ranker.weights),
            "lens": ranker.lens.to_dict(),
            "trees": ranker.trees,
            "prior": None if ranker.prior is None else ranker.prior.dump(),
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
            weights=decode(parts["weights"]),
            lens=Lens.from_dict(parts["lens"]),
            trees=parts["trees"],
            prior=None if parts["prior"] is None else Prior.load(parts["prior"]),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise ModelDamaged(f"not a model file ({error}): roll back or retrain") from None
    if ranker.schema != SCHEMA:
        raise ModelIncompatible(f"model {ranker.version} was made for other features ({ranker.schema}): retrain")
    if ranker.weights.shape != (len(NAMES),):
        raise ModelDamaged(f"model {ranker.version}: arrays of the wrong length: roll back or retrain")
    if not isinstance(ranker.trees, str | None):
        raise ModelDamaged(f"model {ranker.version}: trees that are no text: roll back or retrain")
    return ranker

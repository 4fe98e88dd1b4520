"""(papers, vectors, profile, background) -> FeatureMatrix: the one definition of every feature, for pages and for replay.

Every similarity exists twice, dense (what the text means) and lexical (which words it uses): on real readers they are complements.
The columns `z_...` are standardised within the page, over the papers not yet voted on, so that a linear blend of them, and a tree,
mean the same on a quiet day and a busy one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.errors import ShapeError
from recommender.rank import heads, terms
from recommender.rank.profile import end_of
from recommender.settings import RankSettings
from recommender.types import FeatureMatrix, FloatArray, Paper, PaperVectors, Profile

Rows = FloatArray | csr_array  # one row per paper, dense or sparse

__all__ = ["FEATURES", "MONOTONE", "NAMES", "SCHEMA", "STANDARDISED", "build"]

_VERSION = 1  # raise it when a feature keeps its name and changes its meaning
_TOP = 5

# name: (direction in which the score may move, meaning)
_SPACE = {
    "centroid": (1, "cosine with the weighted mean of the likes"),
    "nearest": (1, "highest weighted cosine with one like"),
    "top5": (1, "mean of the five highest weighted cosines with likes"),
    "latest": (1, "cosine with the newest up-voted paper"),
    "head": (1, "score of the reader's own linear head"),
    "disliked": (-1, "highest weighted cosine with one dislike"),
}
_SPACES = {"dense": "text embedding", "lex": "tf-idf of words and word pairs"}
_FACTS: dict[str, tuple[int, str]] = {
    "author_affinity": (1, "strongest affinity among the authors, -1 to 1"),
    "author_sum": (1, "sum of the authors' affinities"),
    "category_affinity": (1, "mean affinity of the categories, -1 to 1"),
    "primary_affinity": (1, "affinity of the primary category, -1 to 1"),
    "age_days": (0, "days from publication to the end of the page's day"),
    "log_upvotes": (0, "log(1 + upvotes at the source), as known when the page was made"),
    "has_code": (0, "1 when the source names a code repository"),
    "is_cross": (0, "1 when it was announced as a cross-listing"),
    "n_authors": (0, "number of authors"),
    "abstract_words": (0, "words in the abstract"),
    "likes": (0, "papers the reader likes"),
    "dislikes": (0, "papers the reader dislikes"),
}
STANDARDISED = (*(f"{space}_{name}" for space in _SPACES for name in _SPACE), "log_upvotes", "age_days")

FEATURES: dict[str, tuple[int, str]] = {
    **{f"{s}_{name}": (sign, f"{what} ({said})") for s, said in _SPACES.items() for name, (sign, what) in _SPACE.items()},
    **_FACTS,
    **{
        f"z_{name}": (_SPACE.get(name.partition("_")[2], (0, ""))[0], f"`{name}` standardised within the page")
        for name in STANDARDISED
    },
}
NAMES = tuple(FEATURES)
MONOTONE = tuple(sign for sign, _ in FEATURES.values())
SCHEMA = hashlib.sha256(f"{_VERSION}:{','.join(NAMES)}".encode()).hexdigest()[:16]


def build(
    papers: Sequence[Paper],
    vectors: PaperVectors,
    profile: Profile,
    background: PaperVectors,
    idf: FloatArray,
    *,
    voted: frozenset[str],
    settings: RankSettings,
) -> FeatureMatrix:
    """Describe each candidate to the ranker, as known at `profile.as_of`.

    Parameters
    ----------
    papers : sequence of Paper, length n
    vectors : PaperVectors
        Aligned with `papers`.
    profile : Profile
    background : PaperVectors
        Earlier papers that stand for everything else; empty: the candidates themselves do.
    idf : ndarray of shape (BUCKETS,), dtype=float32
    voted : frozenset of str
        Candidates already voted on: they do not count when the page is standardised.
    settings : RankSettings

    Returns
    -------
    FeatureMatrix
        NaN where a feature is not defined (a reader without likes has no centroid).

    Raises
    ------
    ShapeError
        If `vectors` is not aligned with `papers`.
    """
    if vectors.ids != tuple(paper.id for paper in papers):
        raise ShapeError("vectors and papers must be the same papers in the same order")
    columns = {name: np.full(len(papers), np.nan, dtype=np.float32) for name in NAMES}
    if papers:
        columns |= _similarities(vectors, profile, background, idf, settings)
        columns |= _facts(papers, profile)
        open_rows = np.array([paper.id not in voted for paper in papers])
        columns |= {f"z_{name}": _standardise(columns[name], open_rows) for name in STANDARDISED}
    values = np.stack([columns[name] for name in NAMES], axis=1).astype(np.float32)
    return FeatureMatrix(tuple(paper.id for paper in papers), NAMES, values, SCHEMA)


def _similarities(
    vectors: PaperVectors, profile: Profile, background: PaperVectors, idf: FloatArray, settings: RankSettings
) -> dict[str, FloatArray]:
    """Both spaces, each from inner products only: one code for dense and sparse."""
    rest = _negatives(vectors, background, profile)
    found: dict[str, FloatArray] = {}
    for space in _SPACES:
        dense = space == "dense"
        rows = [v.dense if dense else terms.weigh(v.terms, idf) for v in (vectors, profile.liked, profile.disliked, rest)]
        found |= {f"{space}_{name}": column for name, column in _space(rows, vectors, profile, settings).items()}
    return found


def _space(rows: Sequence[Rows], vectors: PaperVectors, profile: Profile, settings: RankSettings) -> dict[str, FloatArray]:
    """The similarities of one space; `rows` are candidates, liked, disliked and everything else."""
    candidates, liked, disliked, _rest = rows
    found: dict[str, FloatArray] = {}
    if len(profile.disliked):
        to_disliked = _products(candidates, disliked) * _trust(profile.disliked_weight)
        found["disliked"] = _best(_without_self(to_disliked, vectors, profile.disliked), 1)
    if not len(profile.liked):
        return found
    cosines = _products(candidates, liked)
    trusted = _without_self(cosines * _trust(profile.liked_weight), vectors, profile.liked)
    within = _products(liked, liked)
    mean_norm = np.sqrt(max(float(profile.liked_weight @ within @ profile.liked_weight), 1e-12))
    found["centroid"] = (cosines @ profile.liked_weight) / mean_norm
    found["nearest"] = _best(trusted, 1)
    found["top5"] = _best(trusted, _TOP)
    if profile.latest_like is not None:
        found["latest"] = cosines[:, profile.liked.ids.index(profile.latest_like)]
    found["head"] = _head(rows, cosines, within, profile, settings)
    return found


def _head(rows: Sequence[Rows], to_liked: FloatArray, within: FloatArray, profile: Profile, settings: RankSettings) -> FloatArray:
    """The reader's linear head in one space; NaN when there is nothing to tell the likes from."""
    candidates, liked, disliked, rest = rows
    negatives = [part for part in (disliked, rest) if part.shape[0]]
    count = sum(part.shape[0] for part in negatives)
    if not count:
        return np.full(candidates.shape[0], np.nan, dtype=np.float32)
    against = np.hstack([_products(liked, part) for part in negatives])
    among = np.block([[_products(a, b) for b in negatives] for a in negatives])
    gram = np.block([[within, against], [against.T, among]]).astype(np.float64)
    cross = np.hstack([to_liked, *(_products(candidates, part) for part in negatives)]).astype(np.float64)
    labels = np.concatenate([np.ones(liked.shape[0]), -np.ones(count)])
    weights = heads.row_weights(profile.liked_weight, profile.disliked_weight, rest.shape[0])
    return heads.dual_ridge(gram, cross, labels, weights, ridge=settings.ridge)


def _negatives(vectors: PaperVectors, background: PaperVectors, profile: Profile) -> PaperVectors:
    """Everything else: the background without what the reader judged; on a first day, the page's own papers."""
    judged = {*profile.liked.ids, *profile.disliked.ids}
    pool = background if len(background) else vectors
    return pool.take([row for row, paper_id in enumerate(pool.ids) if paper_id not in judged])


def _products(a: Rows, b: Rows) -> FloatArray:
    product = a @ b.T
    out: FloatArray = np.asarray(product.todense() if hasattr(product, "todense") else product, dtype=np.float32)
    return out


def _trust(weight: FloatArray) -> FloatArray:
    """An old or weak like still counts for half: what it is close to is close."""
    trusted: FloatArray = 0.5 + 0.5 * weight
    return trusted


def _best(similar: FloatArray, k: int) -> FloatArray:
    """Mean of the k highest of each row, NaN (what is not to be counted) left out; NaN where nothing is left."""
    highest = -np.sort(-similar, axis=1)[:, :k]  # NaN sorts last
    known = ~np.isnan(highest)
    best: FloatArray = np.where(known, highest, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    return best


def _without_self(similar: FloatArray, vectors: PaperVectors, others: PaperVectors) -> FloatArray:
    """A paper's likeness to itself says nothing: leave it out."""
    at = {paper_id: column for column, paper_id in enumerate(others.ids)}
    pairs = [(row, at[paper_id]) for row, paper_id in enumerate(vectors.ids) if paper_id in at]
    if pairs:
        same_rows, same_columns = zip(*pairs, strict=True)
        similar[list(same_rows), list(same_columns)] = np.nan
    return similar


def _facts(papers: Sequence[Paper], profile: Profile) -> dict[str, FloatArray]:
    until = end_of(profile.day)
    rows = [_paper_facts(paper, profile, (until - paper.published) / timedelta(days=1)) for paper in papers]
    return {name: np.array([row[name] for row in rows], dtype=np.float32) for name in _FACTS}


def _paper_facts(paper: Paper, profile: Profile, age_days: float) -> dict[str, float]:
    by_author = [profile.authors[author] for author in paper.authors if author in profile.authors]
    by_category = [profile.categories.get(category, 0.0) for category in paper.categories]
    upvotes = paper.signals.upvotes
    return {
        "author_affinity": max(by_author, key=abs, default=0.0),
        "author_sum": sum(by_author),
        "category_affinity": sum(by_category) / len(by_category) if by_category else 0.0,
        "primary_affinity": by_category[0] if by_category else 0.0,
        "age_days": min(max(age_days, 0.0), 3650.0),
        "log_upvotes": float(np.log1p(max(upvotes, 0))) if upvotes is not None else np.nan,
        "has_code": float(paper.code_url is not None),
        "is_cross": float(paper.announce == "cross"),
        "n_authors": float(len(paper.authors)),
        "abstract_words": float(len(paper.abstract.split())),
        "likes": float(profile.likes),
        "dislikes": float(profile.dislikes),
    }


def _standardise(column: FloatArray, open_rows: npt.NDArray[np.bool_]) -> FloatArray:
    """Centre and scale within the page; a column that says the same of every paper says nothing (NaN)."""
    base = column[open_rows & ~np.isnan(column)].astype(np.float64)
    if len(base) < 2 or base.std() < 1e-9:
        return np.full_like(column, np.nan)
    z: FloatArray = ((column - base.mean()) / base.std()).clip(-6.0, 6.0).astype(np.float32)
    return z

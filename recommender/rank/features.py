"""(papers, vectors, profile, lens) -> FeatureMatrix: the one definition of every feature, for pages and for replay.

A text is seen four ways, because they are complements: its embedding as it is, the same whitened (what tells it from other papers),
projected to what readers like together, and its words. The columns `z_...` are standardised and `r_...` ranked within the page, over
the papers not yet voted on, so that a linear blend of them, and a tree, mean the same on a quiet day and a busy one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import log, log1p, nan

import numpy as np
import numpy.typing as npt

from recommender.errors import ShapeError
from recommender.rank import heads, terms
from recommender.rank.lens import Lens
from recommender.rank.profile import PRIOR, end_of
from recommender.settings import RankSettings
from recommender.types import FeatureMatrix, FloatArray, Paper, PaperVectors, Profile

__all__ = ["FEATURES", "MONOTONE", "NAMES", "RANKED", "SCHEMA", "STANDARDISED", "build"]

_VERSION = 2  # raise it when a feature keeps its name and changes its meaning
_TOP = 5
_RECENT = 20  # likes after which a like counts half where recent ones lead
_SHARPNESS = 8.0  # of the soft maximum: a cosine of .1 more counts twice

# name: (direction in which the score may move, meaning). Where several columns say nearly the same, what they differ in matters:
# those may be weighed either way, and the ones that mean "close to something liked" only upwards.
_MEANINGS = {
    "centroid": (0, "likeness to the weighted mean of the likes"),
    "nearest": (1, "highest weighted cosine with one like"),
    "top5": (1, "mean of the five highest weighted cosines with likes"),
    "soft": (1, "soft maximum of the cosines with likes"),
    "recent": (0, "mean cosine with the likes, newer ones counting more"),
    "latest": (1, "cosine with the newest up-voted paper"),
    "head": (1, "score of the reader's own linear head"),
    "disliked": (-1, "highest weighted cosine with one dislike"),
}
_SPACES = {
    "dense": ("text embedding", ("centroid", "nearest", "top5", "latest", "disliked")),
    "sharp": ("whitened text embedding", ("centroid", "top5", "soft", "recent", "head")),
    "taste": ("what readers like together", ("centroid", "top5", "recent", "head")),
    "lex": ("tf-idf of words and word pairs", ("centroid", "nearest", "top5", "latest", "head", "disliked")),
}
_SIMILAR = {
    f"{space}_{name}": (_MEANINGS[name][0], f"{_MEANINGS[name][1]} ({said})")
    for space, (said, names) in _SPACES.items()
    for name in names
}
_FACTS: dict[str, tuple[int, str]] = {
    "author_affinity": (1, "strongest affinity among the authors, -1 to 1"),
    "author_sum": (1, "sum of the authors' affinities"),
    "organization_affinity": (1, "affinity of the organisation, -1 to 1"),
    "category_affinity": (1, "mean affinity of the categories, -1 to 1"),
    "primary_affinity": (1, "affinity of the primary category, -1 to 1"),
    "category_lift": (0, "how much likelier its categories are among the likes than on the page, log, summed"),
    "primary_lift": (0, "the same of the primary category"),
    "age_days": (0, "days from publication to the end of the page's day"),
    "log_upvotes": (0, "log(1 + upvotes at the source), as known when the page was made"),
    "neighbours": (1, "votes of readers who like what this one likes, -1 to 1"),
    "prior": (0, "log-odds that readers in general pick it, from its text and authors; unknown without such a model"),
    "has_code": (0, "1 when the source names a code repository"),
    "is_cross": (0, "1 when it was announced as a cross-listing"),
    "team": (0, "log of the number of authors"),
    "team_gap": (0, "distance of that from the likes' mean"),
    "abstract_words": (0, "words in the abstract"),
    "likes": (0, "papers the reader likes"),
    "dislikes": (0, "papers the reader dislikes"),
    "candidates": (0, "papers considered for the page"),
    "uncertainty": (0, "how little the judged papers say of this one, 0 to 1 (posterior deviation of the whitened head)"),
}
STANDARDISED = (*_SIMILAR, "category_lift", "primary_lift", "team", "team_gap", "log_upvotes", "prior", "age_days")
RANKED = ("sharp_head", "taste_head", "lex_head")

FEATURES: dict[str, tuple[int, str]] = {
    **_SIMILAR,
    **_FACTS,
    **{f"z_{name}": ((_SIMILAR | _FACTS)[name][0], f"`{name}` standardised within the page") for name in STANDARDISED},
    **{f"r_{name}": (1, f"share of the page that `{name}` puts below") for name in RANKED},
}
NAMES = tuple(FEATURES)
MONOTONE = tuple(sign for sign, _ in FEATURES.values())
SCHEMA = hashlib.sha256(f"{_VERSION}:{','.join(NAMES)}".encode()).hexdigest()[:16]


def build(
    papers: Sequence[Paper],
    vectors: PaperVectors,
    profile: Profile,
    lens: Lens,
    *,
    voted: frozenset[str],
    settings: RankSettings,
    prior: FloatArray | None = None,
    neighbours: Mapping[str, float] | None = None,
) -> FeatureMatrix:
    """Describe each candidate to the ranker, as known at `profile.as_of`.

    Parameters
    ----------
    papers : sequence of Paper, length n
    vectors : PaperVectors
        Aligned with `papers`.
    profile : Profile
    lens : Lens
        Of the model that will score them.
    voted : frozenset of str
        Candidates already voted on: they do not count when the page is standardised.
    settings : RankSettings
    prior : ndarray of shape (n,), dtype=float32, default=None
        What is thought of each paper before anything is known of the reader.
    neighbours : mapping of str to float, default=None
        What readers who like the same said of some of the papers, as a sum of votes weighed by how much the two agree.

    Returns
    -------
    FeatureMatrix
        NaN where a feature is not defined (a reader without likes has no centroid).

    Raises
    ------
    ShapeError
        If `vectors` is not aligned with `papers`, or the lens was made for other vectors.
    """
    if vectors.ids != tuple(paper.id for paper in papers):
        raise ShapeError("vectors and papers must be the same papers in the same order")
    n = len(papers)
    values = np.full((n, len(NAMES)), np.nan, dtype=np.float32)
    if n:
        known = {**_similarities(vectors, profile, lens, settings), **_facts(papers, profile)}
        if prior is not None:
            known["prior"] = prior
        if neighbours is not None:
            known["neighbours"] = np.tanh(np.array([neighbours.get(paper.id, 0.0) for paper in papers], dtype=np.float32))
        for name, column in known.items():
            values[:, _AT[name]] = column
        open_rows = np.array([paper.id not in voted for paper in papers])
        values[:, _Z_TO] = _standardise(values[:, _Z_FROM], open_rows)
        values[:, _R_TO] = _rank(values[:, _R_FROM], open_rows)
    return FeatureMatrix(vectors.ids, NAMES, values, SCHEMA)


_AT = {name: column for column, name in enumerate(NAMES)}
_Z_FROM, _Z_TO = ([_AT[f"{prefix}{name}"] for name in STANDARDISED] for prefix in ("", "z_"))
_R_FROM, _R_TO = ([_AT[f"{prefix}{name}"] for name in RANKED] for prefix in ("", "r_"))


def _similarities(vectors: PaperVectors, profile: Profile, lens: Lens, settings: RankSettings) -> dict[str, FloatArray]:
    """Every column of every space, from inner products with the judged papers."""
    judged = _Judged(vectors, profile, settings)
    if not judged.count:
        return {}
    dense = np.concatenate([part.dense for part in (profile.liked, profile.disliked) if len(part)])
    cosines = vectors.dense @ dense.T
    found = _named("dense", judged.near(cosines) | judged.centroid(cosines, dense @ dense.T))
    sharp, sharp_judged = lens.sharp(vectors.dense), lens.sharp(dense)
    found |= _named("sharp", _whitened(sharp, sharp_judged, judged, uncertain=True))
    if lens.taste is not None:
        found |= _named("taste", _projected(lens.taste(sharp), lens.taste(sharp_judged), lens, judged))
    found |= _named("lex", _lexical(vectors, profile, lens, judged))
    return found


def _named(space: str, columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Give columns the names they have in the matrix; those a space has no use for are dropped."""
    own = {name if name in _FACTS else f"{space}_{name}": column for name, column in columns.items()}
    return {name: column for name, column in own.items() if name in _AT}


class _Judged:
    """The papers a reader judged, likes first, and what can be said of candidates from inner products with them."""

    def __init__(self, candidates: PaperVectors, profile: Profile, settings: RankSettings) -> None:
        self.liked, self.disliked = len(profile.liked), len(profile.disliked)
        self.count = self.liked + self.disliked
        self._weight, self._dislike_weight = profile.liked_weight, profile.disliked_weight
        self._counts = np.concatenate([self._weight, self._dislike_weight])
        self._trust = np.float32(0.5) + np.float32(0.5) * self._counts  # what an old like is close to is close
        self._labels = np.concatenate([np.ones(self.liked), -np.ones(self.disliked)]).astype(np.float32)
        self._ridge = settings.ridge
        ids = (*profile.liked.ids, *profile.disliked.ids)
        self._latest = profile.liked.ids.index(profile.latest_like) if profile.latest_like is not None else None
        at = {paper_id: column for column, paper_id in enumerate(ids)}
        pairs = [(row, at[paper_id]) for row, paper_id in enumerate(candidates.ids) if paper_id in at]
        self._self = tuple(np.array(pairs, dtype=np.intp).reshape(-1, 2).T)  # a paper's likeness to itself says nothing

    def near(self, cosines: FloatArray) -> dict[str, FloatArray]:
        """What is closest among likes and dislikes; `cosines` of shape (n, m)."""
        trusted = self._without_self(cosines * self._trust)
        found: dict[str, FloatArray] = {}
        if self.disliked:
            found["disliked"] = _best(trusted[:, self.liked :], 1)
        if self.liked:
            found["top5"] = _best(trusted[:, : self.liked], _TOP)
            found["nearest"] = _best(trusted[:, : self.liked], 1)
        if self._latest is not None:
            found["latest"] = cosines[:, self._latest]
        return found

    def centroid(self, cosines: FloatArray, gram: FloatArray) -> dict[str, FloatArray]:
        """Cosine with the weighted mean of the likes; `gram` of shape (m, m)."""
        if not self.liked:
            return {}
        length = np.sqrt(max(float(self._weight @ gram[: self.liked, : self.liked] @ self._weight), 1e-12))
        return {"centroid": (cosines[:, : self.liked] @ self._weight) / length}

    def mean(self, cosines: FloatArray) -> dict[str, FloatArray]:
        """Mean cosines with the likes: by their weights, the newest leading, and softly the closest."""
        if not self.liked:
            return {}
        likes = cosines[:, : self.liked]
        newest_first = self._weight * np.float32(0.5) ** (np.arange(self.liked, dtype=np.float32) / _RECENT)
        close = self._without_self(np.exp(np.float32(_SHARPNESS) * cosines), 0.0)[:, : self.liked] @ self._weight
        return {
            "centroid": likes @ (self._weight / self._weight.sum()),
            "recent": likes @ (newest_first / newest_first.sum()),
            "soft": np.log(np.where(close > 0, close, np.nan) / self._weight.sum()) / np.float32(_SHARPNESS),
        }

    def head(self, gram: FloatArray) -> heads.Head:
        """The reader's linear head; `gram` of shape (m, m) in a centred space."""
        return heads.solve(gram, self._labels, self._counts, ridge=self._ridge)

    def _without_self(self, values: FloatArray, nothing: float = -np.inf) -> FloatArray:
        if len(self._self[0]):
            values[self._self] = nothing
        return values


def _whitened(rows: FloatArray, others: FloatArray, judged: _Judged, *, uncertain: bool) -> dict[str, FloatArray]:
    """A whitened space: cosines for what is close, inner products for the head."""
    cross: FloatArray = rows @ others.T
    lengths: list[FloatArray] = [np.sqrt(np.maximum(np.einsum("ij,ij->i", part, part), 1e-12)) for part in (rows, others)]
    cosines: FloatArray = cross / lengths[0][:, None] / lengths[1][None, :]
    head = judged.head(others @ others.T)
    found = judged.near(cosines) | judged.mean(cosines)
    found["head"] = cross @ head.weights
    if uncertain:
        found["uncertainty"] = head.uncertainty(cross, np.square(lengths[0]))
    return found


def _projected(rows: FloatArray, others: FloatArray, lens: Lens, judged: _Judged) -> dict[str, FloatArray]:
    """The space of what readers like together: unit rows for what is close, whitened ones for the head."""
    cosines = rows @ others.T
    found = judged.near(cosines) | judged.mean(cosines)
    if lens.taste is not None:
        white, white_others = lens.taste.whitening(rows), lens.taste.whitening(others)
        head = judged.head(white_others @ white_others.T)
        found["head"] = white @ (head.weights @ white_others)
    return found


def _lexical(vectors: PaperVectors, profile: Profile, lens: Lens, judged: _Judged) -> dict[str, FloatArray]:
    """The words: sparse inner products, centred for the head."""
    rows, others = (
        terms.weigh(vectors.terms, lens.idf),
        terms.weigh(terms.stack(profile.liked.terms, profile.disliked.terms), lens.idf),
    )
    cosines, gram = terms.products(rows, others), terms.products(others, others)
    to_common, own = rows @ lens.common, others @ lens.common
    length = float(lens.common @ lens.common)
    head = judged.head(gram - own[:, None] - own[None, :] + length)
    found = judged.near(cosines) | judged.centroid(cosines, gram)
    found["head"] = cosines @ head.weights - to_common * head.weights.sum()  # up to what is the same for all candidates
    return found


def _best(similar: FloatArray, k: int) -> FloatArray:
    """Mean of the k highest of each row, -inf (what is not to be counted) left out; NaN where nothing is left."""
    k = min(k, similar.shape[1])
    highest = similar.max(axis=1, keepdims=True) if k == 1 else np.partition(similar, similar.shape[1] - k, axis=1)[:, -k:]
    known = np.isfinite(highest)
    counted = known.sum(axis=1)
    total = np.where(known, highest, 0.0).sum(axis=1)
    best: FloatArray = np.where(counted > 0, total / np.maximum(counted, 1), np.nan).astype(np.float32)
    return best


def _facts(papers: Sequence[Paper], profile: Profile) -> dict[str, FloatArray]:
    until = end_of(profile.day)
    lifts = _lifts(papers, profile)
    rows = np.array(
        [_paper_facts(paper, profile, (until - paper.published) / timedelta(days=1)) for paper in papers], dtype=np.float32
    )
    found: dict[str, FloatArray] = dict(zip(_OF_PAPER, rows.T, strict=True))
    found["category_lift"] = np.array([sum(lifts[c] for c in set(paper.categories)) for paper in papers], dtype=np.float32)
    found["primary_lift"] = np.array([lifts[p.categories[0]] if p.categories else 0.0 for p in papers], dtype=np.float32)
    found["team_gap"] = np.abs(found["team"] - profile.team)
    same = {"likes": profile.likes, "dislikes": profile.dislikes, "candidates": len(papers)}
    return found | {name: np.full(len(papers), value, dtype=np.float32) for name, value in same.items()}


_OF_PAPER = (
    "author_affinity",
    "author_sum",
    "organization_affinity",
    "category_affinity",
    "primary_affinity",
    "age_days",
    "log_upvotes",
    "has_code",
    "is_cross",
    "team",
    "abstract_words",
)


def _paper_facts(paper: Paper, profile: Profile, age_days: float) -> tuple[float, ...]:
    """The facts of `_OF_PAPER`, in that order."""
    by_author = [profile.authors[author] for author in paper.authors if author in profile.authors]
    by_category = [profile.categories.get(category, 0.0) for category in paper.categories]
    upvotes = paper.signals.upvotes
    return (
        max(by_author, key=abs, default=0.0),
        sum(by_author),
        profile.organizations.get(paper.organization, 0.0) if paper.organization is not None else 0.0,
        sum(by_category) / len(by_category) if by_category else 0.0,
        by_category[0] if by_category else 0.0,
        min(max(age_days, 0.0), 3650.0),
        log1p(max(upvotes, 0)) if upvotes is not None else nan,
        float(paper.code_url is not None),
        float(paper.announce == "cross"),
        log(max(len(paper.authors), 1)),
        float(paper.abstract.count(" ") + 1 if paper.abstract else 0),
    )


def _lifts(papers: Sequence[Paper], profile: Profile) -> dict[str, float]:
    """How much likelier each category is among the likes than on this page, as a logarithm; 0 before the first like."""
    counts: dict[str, int] = {}
    for paper in papers:
        for category in set(paper.categories):
            counts[category] = counts.get(category, 0) + 1
    unsure = PRIOR / (float(profile.liked_weight.sum()) + PRIOR)
    lifts = {}
    for category, count in counts.items():
        affinity, share = profile.categories.get(category, 0.0), count / len(papers)
        lifts[category] = log(max(affinity, 0.0) / share + unsure) + min(affinity, 0.0)
    return lifts


def _standardise(columns: FloatArray, open_rows: npt.NDArray[np.bool_]) -> FloatArray:
    """Centre and scale each column within the page; one that says the same of every paper says nothing (NaN)."""
    base = columns[open_rows].astype(np.float64)
    known = ~np.isnan(base)
    counted = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, base, 0.0).sum(axis=0) / counted
    spread = np.sqrt((np.where(known, base - mean, 0.0) ** 2).sum(axis=0) / counted)
    spread = np.where((known.sum(axis=0) >= 2) & (spread >= 1e-7 * np.maximum(np.abs(mean), 1e-2)), spread, np.nan)
    z: FloatArray = ((columns - mean) / spread).clip(-6.0, 6.0).astype(np.float32)
    return z


def _rank(columns: FloatArray, open_rows: npt.NDArray[np.bool_]) -> FloatArray:
    """Return which share of the page's open papers each column puts below a paper, ties counting half; NaN stays."""
    ranks = np.full_like(columns, np.nan)
    for i in range(columns.shape[1]):
        base = np.sort(columns[open_rows, i])
        base = base[~np.isnan(base)]
        if len(base) and base[0] < base[-1]:
            between = np.searchsorted(base, columns[:, i], "left") + np.searchsorted(base, columns[:, i], "right")
            ranks[:, i] = np.where(np.isnan(columns[:, i]), np.nan, between / (2.0 * len(base)))
    return ranks

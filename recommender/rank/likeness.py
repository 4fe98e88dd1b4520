"""(sight, profile) -> how near each paper is to what a reader judged: the columns that come of inner products.

A text is seen four ways, because they are complements: its embedding as it is, the same whitened (what tells it from other papers),
projected to what readers like together, and its words. Products are those of the whole window (see `compared`), cut to the candidates
here; a row of theirs belongs to a judged paper, a column to a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.rank import heads
from recommender.rank.compared import Compared
from recommender.rank.window import Candidates, Sight, lengths
from recommender.settings import RankSettings
from recommender.types import FloatArray, Profile

__all__ = ["MEANINGS", "SPACES", "columns", "likeness"]

_TOP = 5
_RECENT = 20  # likes after which a like counts half where recent ones lead
_SHARPNESS = 8.0  # of the soft maximum: a cosine of .1 more counts twice

# name: (direction in which the score may move, meaning). Where several columns say nearly the same, what they differ in matters:
# those may be weighed either way, and the ones that mean "close to something liked" only upwards.
MEANINGS = {
    "centroid": (0, "likeness to the weighted mean of the likes"),
    "nearest": (1, "highest weighted cosine with one like"),
    "top5": (1, "mean of the five highest weighted cosines with likes"),
    "soft": (1, "soft maximum of the cosines with likes"),
    "recent": (0, "mean cosine with the likes, newer ones counting more"),
    "latest": (1, "cosine with the newest up-voted paper"),
    "head": (1, "score of the reader's own linear head"),
    "disliked": (-1, "highest weighted cosine with one dislike"),
}
SPACES = {
    "dense": ("text embedding", ("centroid", "nearest", "top5", "latest", "disliked")),
    "sharp": ("whitened text embedding", ("centroid", "top5", "soft", "recent", "head")),
    "taste": ("what readers like together", ("centroid", "top5", "recent", "head")),
    "lex": ("tf-idf of words and word pairs", ("centroid", "nearest", "top5", "latest", "head", "disliked")),
}


def likeness(sight: Sight, profile: Profile) -> Compared | None:
    """Compare a window with what a reader judged, likes first; None where there is nothing to compare.

    Raises
    ------
    ShapeError
        If the lens was made for other vectors.
    """
    parts = [part for part in (profile.liked, profile.disliked) if len(part)]
    return sight.comparisons.of(parts) if parts and len(sight.papers) else None


def columns(
    sight: Sight, candidates: Candidates, profile: Profile, alike: Compared, settings: RankSettings
) -> dict[str, FloatArray]:
    """Return every column of every space for n candidates, by its name in the matrix, each of shape (n,).

    Parameters
    ----------
    sight : Sight
    candidates : Candidates
    profile : Profile
    alike : Compared
        The window with the profile.
    settings : RankSettings
    """
    judged = _Judged(candidates, profile, settings)
    whole = np.array_equal(candidates.rows, np.arange(len(sight.papers)))
    rows = slice(None) if whole else candidates.rows  # the whole window is not copied
    found = judged.described("dense", alike.dense[:, rows], alike.own_dense @ alike.own_dense.T)
    found |= _whitened(alike.sharp[:, rows], sight.sharp_length[rows], alike.own_sharp, judged)
    if alike.taste is not None and alike.own_taste is not None and sight.white_taste is not None:
        head = judged.head(alike.own_taste @ alike.own_taste.T)
        found |= judged.described("taste", alike.taste[:, rows])
        found["taste_head"] = sight.white_taste[rows] @ (head.weights @ alike.own_taste)
    return found | _lexical(
        alike.words[:, rows], sight.to_common[rows], alike, float(sight.lens.common @ sight.lens.common), judged
    )


class _Judged:
    """The papers a reader judged, likes first, and what can be said of candidates from inner products with them."""

    def __init__(self, candidates: Candidates, profile: Profile, settings: RankSettings) -> None:
        self.liked, self.disliked = len(profile.liked), len(profile.disliked)
        self._weight = profile.liked_weight
        self._counts = np.concatenate([self._weight, profile.disliked_weight])
        self._trust = (np.float32(0.5) + np.float32(0.5) * self._counts)[:, None]  # what an old like is close to is close
        self._labels = np.repeat(np.array([1.0, -1.0], dtype=np.float32), (self.liked, self.disliked))
        self._ridge = settings.ridge
        self._latest = profile.liked.ids.index(profile.latest_like) if profile.latest_like is not None else None
        ids = (*profile.liked.ids, *profile.disliked.ids)
        pairs = [(row, candidates.at[paper_id]) for row, paper_id in enumerate(ids) if paper_id in candidates.at]
        self._self = tuple(np.array(pairs, dtype=np.intp).T) if pairs else None  # a paper's likeness to itself says nothing
        newest_first = self._weight * np.float32(0.5) ** (np.arange(self.liked, dtype=np.float32) / _RECENT)
        self._means = np.stack([own / own.sum() for own in (self._weight, newest_first)]) if self.liked else None

    def described(self, space: str, cosines: FloatArray, gram: FloatArray | None = None) -> dict[str, FloatArray]:
        """Return the columns of one space that come of cosines, shape (m, n); its centroid from `gram`, shape (m, m), where given."""
        named = SPACES[space][1]
        found = self._near(cosines, named)
        if self.liked and gram is not None:
            found["centroid"] = self._centroid(cosines, gram)
        elif self._means is not None:
            found["centroid"], found["recent"] = self._means @ cosines[: self.liked]
        if self.liked and "soft" in named:
            close = self._weight @ self._without_self(np.exp(np.float32(_SHARPNESS) * cosines), 0.0)[: self.liked]
            found["soft"] = np.log(np.where(close > 0, close, np.nan) / self._weight.sum()) / np.float32(_SHARPNESS)
        return {f"{space}_{name}": found[name] for name in named if name in found}

    def head(self, gram: FloatArray) -> heads.Head:
        """The reader's linear head; `gram` of shape (m, m) in a centred space."""
        return heads.solve(gram, self._labels, self._counts, ridge=self._ridge)

    def _near(self, cosines: FloatArray, named: Sequence[str]) -> dict[str, FloatArray]:
        """What is closest among likes and dislikes."""
        trusted = self._without_self(cosines * self._trust)
        found: dict[str, FloatArray] = {}
        if self.disliked and "disliked" in named:
            found["disliked"] = self._mean(trusted[self.liked :].max(axis=0, keepdims=True))
        if self.liked:
            closest = trusted[: self.liked]
            if self.liked > _TOP:
                closest = np.partition(closest, self.liked - _TOP, axis=0)[-_TOP:]
            found["top5"] = self._mean(closest)
            if "nearest" in named:
                found["nearest"] = self._mean(closest.max(axis=0, keepdims=True))
        if self._latest is not None:
            found["latest"] = cosines[self._latest]
        return found

    def _centroid(self, cosines: FloatArray, gram: FloatArray) -> FloatArray:
        """Cosine with the weighted mean of the likes."""
        length = np.sqrt(max(float(self._weight @ gram[: self.liked, : self.liked] @ self._weight), 1e-12))
        centroid: FloatArray = (self._weight @ cosines[: self.liked]) / np.float32(length)
        return centroid

    def _without_self(self, values: FloatArray, nothing: float = -np.inf) -> FloatArray:
        if self._self is not None:
            values[self._self] = nothing
        return values

    def _mean(self, highest: FloatArray) -> FloatArray:
        """Mean of each column, -inf (a paper itself) left out; NaN where nothing is left."""
        if self._self is None:
            plain: FloatArray = highest.mean(axis=0)
            return plain
        known = np.isfinite(highest)
        counted = known.sum(axis=0)
        total = np.where(known, highest, np.float32(0.0)).sum(axis=0)
        mean: FloatArray = np.where(counted > 0, total / np.maximum(counted, 1), np.nan).astype(np.float32)
        return mean


def _whitened(cross: FloatArray, length: FloatArray, others: FloatArray, judged: _Judged) -> dict[str, FloatArray]:
    """A whitened space: cosines for what is close, inner products for the head."""
    cosines: FloatArray = cross / length / lengths(others)[:, None]
    head = judged.head(others @ others.T)
    found = judged.described("sharp", cosines)
    return found | {"sharp_head": head.weights @ cross, "uncertainty": head.uncertainty(cross.T, np.square(length))}


def _lexical(
    cosines: FloatArray, to_common: FloatArray, alike: Compared, length: float, judged: _Judged
) -> dict[str, FloatArray]:
    """The words, centred for the head: what all texts have in common, `length` long, is taken off."""
    head = judged.head(alike.word_gram - alike.common[:, None] - alike.common + np.float32(length))
    found = judged.described("lex", cosines, alike.word_gram)
    found["lex_head"] = head.weights @ cosines - to_common * head.weights.sum()  # up to what is the same for all candidates
    return found

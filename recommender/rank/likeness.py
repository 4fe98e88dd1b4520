"""(window, sight, profile) -> how near each paper is to what a reader judged: the columns that come of inner products.

A text is seen four ways, because they are complements: its embedding as it is, the same whitened (what tells it from other papers),
projected to what readers like together, and its words. Products are made with the whole window, which is kept, and then cut to the
candidates: that is less to copy, and the last bit of a product can depend on the other rows of its matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from recommender.rank import heads, terms
from recommender.rank.lens import Lens
from recommender.rank.window import Candidates, Rows, Sight, Window, lengths
from recommender.settings import RankSettings
from recommender.types import FloatArray, Profile

__all__ = ["MEANINGS", "SPACES", "Likeness", "columns", "likeness"]

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


@dataclass(frozen=True, eq=False, slots=True)
class Likeness:
    """Cosines of the n papers of a window with the m that a reader judged, likes first.

    Attributes
    ----------
    dense, words : ndarray of shape (n, m), dtype=float32
        Of their text embeddings, and of their words.
    judged_dense : ndarray of shape (m, d), dtype=float32
    judged_words : csr_array of shape (m, BUCKETS)
        Unit rows of what was judged.
    """

    dense: FloatArray
    words: FloatArray
    judged_dense: FloatArray
    judged_words: csr_array


def likeness(window: Window, sight: Sight, profile: Profile) -> Likeness | None:
    """Compare a window with what a reader judged; None where there is nothing to compare.

    Raises
    ------
    ShapeError
        If the lens was made for other vectors.
    """
    parts = [part for part in (profile.liked, profile.disliked) if len(part)]
    if not parts or not len(window.papers):
        return None
    dense = np.concatenate([part.dense for part in parts])
    words = terms.weigh(terms.stack(profile.liked.terms, profile.disliked.terms), sight.lens.idf)
    # Few texts against a window that is kept term by term: what two texts share is added up in the same order either way.
    alike = np.ascontiguousarray(terms.dense(words @ sight.by_word).T)
    return Likeness(window.vectors.dense @ dense.T, alike, dense, words)


def columns(
    sight: Sight, candidates: Candidates, profile: Profile, alike: Likeness, settings: RankSettings
) -> dict[str, FloatArray]:
    """Return every column of every space for n candidates, by its name in the matrix, each of shape (n,).

    Parameters
    ----------
    sight : Sight
    candidates : Candidates
    profile : Profile
    alike : Likeness
        Of the window and the profile.
    settings : RankSettings
    """
    judged, rows, lens = _Judged(candidates, profile, settings), candidates.rows, sight.lens
    found = judged.described("dense", alike.dense[rows], alike.judged_dense @ alike.judged_dense.T)
    sharp = lens.sharp(alike.judged_dense)
    found |= _whitened((sight.sharp @ sharp.T)[rows], sight.sharp_length[rows], sharp, judged)
    if lens.taste is not None and sight.taste is not None and sight.white_taste is not None:
        taste = lens.taste(sharp)
        white = lens.taste.whitening(taste)
        head = judged.head(white @ white.T)
        found |= judged.described("taste", (sight.taste @ taste.T)[rows])
        found["taste_head"] = sight.white_taste[rows] @ (head.weights @ white)
    return found | _lexical(alike, sight.to_common[rows], rows, lens, judged)


class _Judged:
    """The papers a reader judged, likes first, and what can be said of candidates from inner products with them."""

    def __init__(self, candidates: Candidates, profile: Profile, settings: RankSettings) -> None:
        self.liked, self.disliked = len(profile.liked), len(profile.disliked)
        self._weight, self._dislike_weight = profile.liked_weight, profile.disliked_weight
        self._counts = np.concatenate([self._weight, self._dislike_weight])
        self._trust = np.float32(0.5) + np.float32(0.5) * self._counts  # what an old like is close to is close
        self._labels = np.concatenate([np.ones(self.liked), -np.ones(self.disliked)]).astype(np.float32)
        self._ridge = settings.ridge
        self._latest = profile.liked.ids.index(profile.latest_like) if profile.latest_like is not None else None
        ids = (*profile.liked.ids, *profile.disliked.ids)
        pairs = [(candidates.at[paper_id], column) for column, paper_id in enumerate(ids) if paper_id in candidates.at]
        self._self = tuple(np.array(pairs, dtype=np.intp).reshape(-1, 2).T)  # a paper's likeness to itself says nothing

    def described(self, space: str, cosines: FloatArray, gram: FloatArray | None = None) -> dict[str, FloatArray]:
        """Return the columns of one space that come of cosines, shape (n, m); its centroid from `gram`, shape (m, m), where given."""
        named = SPACES[space][1]
        found = self._near(cosines, named)
        if self.liked and gram is not None:
            found["centroid"] = self._centroid(cosines, gram)
        elif self.liked:
            found |= self._mean(cosines)
        return {f"{space}_{name}": found[name] for name in named if name in found}

    def head(self, gram: FloatArray) -> heads.Head:
        """The reader's linear head; `gram` of shape (m, m) in a centred space."""
        return heads.solve(gram, self._labels, self._counts, ridge=self._ridge)

    def _near(self, cosines: FloatArray, named: Sequence[str]) -> dict[str, FloatArray]:
        """What is closest among likes and dislikes."""
        trusted = self._without_self(cosines * self._trust)
        found: dict[str, FloatArray] = {}
        if self.disliked and "disliked" in named:
            found["disliked"] = _best(trusted[:, self.liked :], 1)
        if self.liked and "top5" in named:
            found["top5"] = _best(trusted[:, : self.liked], _TOP)
        if self.liked and "nearest" in named:
            found["nearest"] = _best(trusted[:, : self.liked], 1)
        if self._latest is not None:
            found["latest"] = cosines[:, self._latest]
        return found

    def _centroid(self, cosines: FloatArray, gram: FloatArray) -> FloatArray:
        """Cosine with the weighted mean of the likes."""
        length = np.sqrt(max(float(self._weight @ gram[: self.liked, : self.liked] @ self._weight), 1e-12))
        centroid: FloatArray = (cosines[:, : self.liked] @ self._weight) / length
        return centroid

    def _mean(self, cosines: FloatArray) -> dict[str, FloatArray]:
        """Mean cosines with the likes: by their weights, the newest leading, and softly the closest."""
        likes = cosines[:, : self.liked]
        newest_first = self._weight * np.float32(0.5) ** (np.arange(self.liked, dtype=np.float32) / _RECENT)
        close = self._without_self(np.exp(np.float32(_SHARPNESS) * cosines), 0.0)[:, : self.liked] @ self._weight
        return {
            "centroid": likes @ (self._weight / self._weight.sum()),
            "recent": likes @ (newest_first / newest_first.sum()),
            "soft": np.log(np.where(close > 0, close, np.nan) / self._weight.sum()) / np.float32(_SHARPNESS),
        }

    def _without_self(self, values: FloatArray, nothing: float = -np.inf) -> FloatArray:
        if len(self._self[0]):
            values[self._self] = nothing
        return values


def _whitened(cross: FloatArray, length: FloatArray, others: FloatArray, judged: _Judged) -> dict[str, FloatArray]:
    """A whitened space: cosines for what is close, inner products for the head."""
    cosines: FloatArray = cross / length[:, None] / lengths(others)[None, :]
    head = judged.head(others @ others.T)
    found = judged.described("sharp", cosines)
    return found | {"sharp_head": cross @ head.weights, "uncertainty": head.uncertainty(cross, np.square(length))}


def _lexical(alike: Likeness, to_common: FloatArray, rows: Rows, lens: Lens, judged: _Judged) -> dict[str, FloatArray]:
    """The words: sparse inner products, centred for the head."""
    cosines, gram = alike.words[rows], terms.gram(alike.judged_words)
    own, length = alike.judged_words @ lens.common, float(lens.common @ lens.common)
    head = judged.head(gram - own[:, None] - own[None, :] + length)
    found = judged.described("lex", cosines, gram)
    found["lex_head"] = cosines @ head.weights - to_common * head.weights.sum()  # up to what is the same for all candidates
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

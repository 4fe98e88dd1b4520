"""Who liked what, and the texts, in: a projection of texts to what readers like together, or None where it does not help.

The readers × papers matrix is factorised (truncated SVD, Deerwester et al., "Indexing by latent semantic analysis", 1990); a ridge
regression from the whitened text to a paper's factors then places papers nobody has read yet (van den Oord et al., "Deep
content-based music recommendation", NIPS 2013). It is kept only if it finds the newest likes of readers it was not fitted on better
than the text alone does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array
from sklearn.utils.extmath import randomized_svd

from recommender.rank import terms
from recommender.rank.heads import one_thread_each
from recommender.rank.lens import Lens, Taste, unit, whitening
from recommender.store import events, vectors
from recommender.store.db import Session
from recommender.types import FloatArray
from training import metrics

__all__ = ["fit_taste", "helps", "likes_of", "of_log"]

LEAST_LIKES = 3  # of a reader, and
LEAST_READERS = 40  # of such readers, before there is anything to learn
FACTORS = 256
RIDGE = 0.3  # of the regression, per mean weighted row
MOST_COUNTED = 20.0  # readers beyond which a paper's factors are no surer
HELD_OUT = 0.2
OTHERS = 50  # papers a held-out like is found among
MOST_JUDGED = 300  # held-out readers: enough to see a difference


@one_thread_each  # whatever the number of cores, the same numbers
def of_log(session: Session, lens: Lens, encoder: str, *, until: datetime, rng: np.random.Generator) -> Taste | None:
    """Fit a projection to what the readers of this Broadsheet liked by a moment, as `fit_taste` does.

    Parameters
    ----------
    session : Session
    lens : Lens
    encoder : str
        Whose text embeddings the lens was made for.
    until : datetime
        Before the days it is to be judged on.
    rng : Generator
    """
    liked = events.liked(session, until=until)
    wanted = sorted({paper_id for likes in liked.values() for paper_id in likes})
    found = vectors.load(session, vectors.in_order(session, encoder, wanted), encoder, buckets=terms.BUCKETS)
    column = {paper_id: number for number, paper_id in enumerate(found.ids)}
    rows = [[column[i] for i in likes if i in column] for likes in liked.values()]
    return fit_taste(likes_of(rows, len(found)), found.dense, lens, rng=rng)


def likes_of(rows: Iterable[Iterable[int]], papers: int) -> csr_array:
    """Return who liked what as `fit_taste` takes it, from the columns that each reader liked."""
    liked = [sorted(row) for row in rows]
    indptr = np.cumsum([0, *map(len, liked)])
    indices = np.array([column for row in liked for column in row], dtype=np.int64)
    return csr_array((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(liked), papers))


def fit_taste(likes: csr_array, dense: FloatArray, lens: Lens, *, rng: np.random.Generator) -> Taste | None:
    """Fit a projection, and keep it if it helps.

    Parameters
    ----------
    likes : csr_array of shape (readers, n)
        1 where a reader liked a paper; columns in the order the papers came, so that a row's last is the newest, and sorted.
    dense : ndarray of shape (n, d), dtype=float32
        Text embeddings.
    lens : Lens
        Whose whitening is used.
    rng : Generator
        Draws the held-out readers.
    """
    counts = np.diff(likes.indptr)
    readers = np.flatnonzero(counts >= LEAST_LIKES)
    if len(readers) < LEAST_READERS:
        return None
    sharp = lens.sharp(dense)
    shuffled = rng.permutation(readers)
    held_out = shuffled[: min(int(HELD_OUT * len(readers)), MOST_JUDGED)]
    if not helps(_project(likes[np.setdiff1d(readers, held_out)], sharp), likes[held_out], sharp, rng=rng):
        return None
    return _project(likes[readers], sharp)


def helps(taste: Taste, likes: csr_array, sharp: FloatArray, *, rng: np.random.Generator) -> bool:
    """Whether text and projection together find one like of each reader better than the text alone, beyond chance."""
    projected, rows = taste(sharp), unit(sharp)
    relevance, alone, together = [], [], []
    popular = np.unique(likes.indices)  # found among papers that somebody liked, or it would be found by being likeable
    for reader in range(likes.shape[0]):
        own = likes.indices[likes.indptr[reader] : likes.indptr[reader + 1]]
        hidden, rest = own[-1], own[:-1]
        page = np.concatenate(
            [[hidden], rng.choice(np.setdiff1d(popular, own), min(OTHERS, len(popular) - len(own)), replace=False)]
        )
        scores = [_z(space[page] @ space[rest].mean(axis=0)) for space in (rows, projected)]
        relevance.append(np.arange(len(page)) == 0)
        alone.append(scores[0])
        together.append(scores[0] + scores[1])
    y, group = np.concatenate(relevance).astype(np.int8), np.array([len(part) for part in relevance])
    values = [metrics.auc(y, np.concatenate(scores), group) for scores in (together, alone)]
    return bool(metrics.paired_bootstrap(values[0], values[1], rng=rng).low > 0)


def _project(likes: csr_array, sharp: FloatArray) -> Taste:
    """Factorise what was liked, and learn where a text belongs."""
    readers_of = np.bincount(likes.indices, minlength=likes.shape[1]).astype(np.float64)
    liked = np.flatnonzero(readers_of)
    scaled = csr_array(likes[:, liked].astype(np.float64) @ diags_array(readers_of[liked] ** -0.5))
    r = min(FACTORS, min(scaled.shape) - 1)
    _, strength, factors = randomized_svd(scaled, r, n_iter=4, random_state=0)
    target = unit((factors.T * np.sqrt(strength)).astype(np.float32))
    matrix, bias = _regress(sharp[liked], target, np.sqrt(np.minimum(readers_of[liked], MOST_COUNTED)))
    return Taste(matrix, bias, whitening(unit(sharp @ matrix + bias)))


def _regress(rows: FloatArray, target: FloatArray, weight: npt.NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
    """Weighted ridge regression with an intercept."""
    share = weight / weight.sum()
    row_mean, target_mean = share @ rows, share @ target
    centred = rows - row_mean
    gram = (centred * share[:, None]).T @ centred
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    matrix = np.linalg.solve(gram, (centred * share[:, None]).T @ (target - target_mean))
    return matrix.astype(np.float32), (target_mean - row_mean @ matrix).astype(np.float32)


def _z(scores: FloatArray) -> FloatArray:
    z: FloatArray = (scores - scores.mean()) / max(float(scores.std()), 1e-9)
    return z

"""One reader's page and history in, a score per paper out: how other tools rank, re-implemented to be beaten fairly.

Each peer has a few settings to be tuned on the development period; what a tool is known to use is among them. A peer sees what the
tool it stands for sees: texts and votes, never our features.

References
----------
arxiv-sanity-lite: tf-idf of words and pairs, a linear SVM per reader (C=0.01, balanced classes), every other paper a negative.
Scholar Inbox: logistic regression on text embeddings, ratings against a sample of other papers.
zotero-arxiv-daily: similarity to the library's embeddings, weighted by how recently a paper was added.
Rocchio, "Relevance feedback in information retrieval", 1971.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from recommender.types import FloatArray

__all__ = ["PEERS", "PeerPage"]


@dataclass(frozen=True)
class PeerPage:
    """What a peer sees.

    Attributes
    ----------
    dense : ndarray of shape (n, d), dtype=float32
        Text embeddings of the page's papers, unit rows.
    words : csr_array of shape (n, t)
        Their tf-idf, unit rows.
    liked, disliked, others : (dense, words) pairs
        The reader's papers, oldest first, and earlier papers they left alone.
    age : ndarray of shape (n,)
        Days since the paper came out.
    upvotes : ndarray of shape (n,)
    """

    dense: FloatArray
    words: csr_array
    liked: tuple[FloatArray, csr_array]
    disliked: tuple[FloatArray, csr_array]
    others: tuple[FloatArray, csr_array]
    age: npt.NDArray[np.float64]
    upvotes: npt.NDArray[np.float64]

    @cached_property
    def labels(self) -> npt.NDArray[np.int8]:
        """1 for a like, 0 for what was disliked or left alone."""
        rest = self.disliked[0].shape[0] + self.others[0].shape[0]
        return np.concatenate([np.ones(self.liked[0].shape[0]), np.zeros(rest)]).astype(np.int8)

    @cached_property
    def dense_rows(self) -> FloatArray:
        """Embeddings of everything that has a label."""
        return np.concatenate([part[0] for part in (self.liked, self.disliked, self.others)])

    @cached_property
    def word_rows(self) -> csr_array:
        """tf-idf of everything that has a label."""
        return csr_array(vstack([part[1] for part in (self.liked, self.disliked, self.others)], format="csr"))


Scorer = Callable[[PeerPage, float], FloatArray]


def _newest(page: PeerPage, _: float) -> FloatArray:
    return -page.age.astype(np.float32)


def _popular(page: PeerPage, _: float) -> FloatArray:
    return page.upvotes.astype(np.float32)


def _centroid(page: PeerPage, _: float) -> FloatArray:
    return np.asarray(page.words @ _mean(page.liked[1]), dtype=np.float32)


def _rocchio(page: PeerPage, beta: float) -> FloatArray:
    """Towards the likes, away from the rest, on embeddings and words alike."""
    scores = np.zeros(len(page.dense), dtype=np.float32)
    for space, rows in ((0, page.dense), (1, page.words)):
        towards, away = (_mean(part[space]) for part in (page.liked, page.others))
        found = np.asarray(rows @ (towards - beta * away), dtype=np.float32)
        scores += (found - found.mean()) / max(float(found.std()), 1e-9)
    return scores


def _mean(rows: Any) -> FloatArray:
    """Mean row of shape (d,); zeros where there are no rows."""
    mean: FloatArray = np.asarray(rows.sum(axis=0), dtype=np.float32).ravel() / max(rows.shape[0], 1)
    return mean


def _recent_library(page: PeerPage, _: float) -> FloatArray:
    """Newest first, the i-th counting 1 / (1 + log10 i)."""
    weight = 1.0 / (1.0 + np.log10(np.arange(1, len(page.liked[0]) + 1)))
    found: FloatArray = (page.dense @ page.liked[0][::-1].T) @ (weight / weight.sum()).astype(np.float32)
    return found


def _svm(page: PeerPage, c: float) -> FloatArray:
    model = LinearSVC(C=c, class_weight="balanced", max_iter=2000, tol=1e-4, random_state=0)
    return _learned(model, page.word_rows, page, page.words)


def _logistic(page: PeerPage, c: float) -> FloatArray:
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=200)
    return _learned(model, page.dense_rows, page, page.dense)


def _learned(model: Any, rows: Any, page: PeerPage, candidates: Any) -> FloatArray:
    """Learn from what has a label and score the page; where there is nothing to tell apart, all are equal."""
    if len(np.unique(page.labels)) < 2:
        return np.zeros(len(page.dense), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough: the order no longer changes
        model.fit(rows, page.labels)
    scores: FloatArray = model.decision_function(candidates).astype(np.float32)
    return scores


# name: (scorer, settings to choose among)
PEERS: Mapping[str, tuple[Scorer, tuple[float, ...]]] = {
    "newest": (_newest, (0.0,)),
    "popular": (_popular, (0.0,)),
    "TF-IDF centroid": (_centroid, (0.0,)),
    "TF-IDF + linear SVM": (_svm, (0.01, 0.1, 1.0)),
    "logistic regression on embeddings": (_logistic, (0.1, 1.0, 10.0)),
    "recency-weighted similarity": (_recent_library, (0.0,)),
    "tuned Rocchio": (_rocchio, (0.25, 0.5, 1.0)),
}

"""Texts in, hashed terms out: what the lexical features count, how a term is weighed, and which terms two texts share.

Words and pairs of words are hashed (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009), so a paper's
terms are computed once when it comes in and need no vocabulary; only the idf weights change, and they belong to a model version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import murmurhash3_32

from recommender.types import FloatArray

__all__ = [
    "BUCKETS",
    "bucket",
    "dense",
    "flat_idf",
    "gram",
    "hash_terms",
    "idf",
    "named_terms",
    "paper_text",
    "products",
    "shared",
    "stack",
    "telling",
    "weigh",
]

BUCKETS = 2**17
MOST_DENSE = 2**21  # numbers of a matrix that is filled out, because its products are then faster
_WORD = r"(?u)\b[^\W\d_][\w-]+\b"
_SHORTEST = 3  # letters of a term worth naming to a reader
# What holds no words: a formula, a command of TeX, a web address.
_WORDLESS = re.compile(r"(?<!\\)\$[^$]*\$|\\\((?:[^\\]|\\[^()])*\\\)|\\\[(?:[^\\]|\\[^][])*\\\]|\\[A-Za-z]+|https?://\S+")


@lru_cache(maxsize=1)
def _vectorizer() -> HashingVectorizer:
    return HashingVectorizer(
        n_features=BUCKETS,
        ngram_range=(1, 2),
        stop_words="english",
        token_pattern=_WORD,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )


def paper_text(title: str, abstract: str) -> str:
    """Return the text of a paper that encoders and counters read."""
    return f"{title}. {abstract}" if abstract else title


def hash_terms(titles: Sequence[str], abstracts: Sequence[str]) -> csr_array:
    """Count the words and word pairs of n papers; a title's terms count twice.

    Returns
    -------
    csr_array of shape (n, BUCKETS), dtype=float32
        Damped counts, 1 + log(count).

    Examples
    --------
    >>> counts = hash_terms(["Graph kernels"], ["Kernels on a graph"])
    >>> counts.shape[1] == BUCKETS, int(counts.nnz)  # graph, kernels, "graph kernels", "kernels graph"
    (True, 4)
    """
    if not titles:
        return csr_array(np.zeros((0, BUCKETS), dtype=np.float32))
    hasher = _vectorizer()
    counts: csr_array = csr_array(hasher.transform(titles) * 2.0 + hasher.transform(abstracts), dtype=np.float32)
    counts.data = (1.0 + np.log(counts.data)).astype(np.float32)
    return counts


def idf(frequency: FloatArray, n: int) -> FloatArray:
    """Return smoothed inverse document frequencies, log((1 + n) / (1 + frequency)) + 1, shape (BUCKETS,).

    References
    ----------
    Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
    """
    weights: FloatArray = (np.log((1.0 + n) / (1.0 + frequency)) + 1.0).astype(np.float32)
    return weights


def flat_idf() -> FloatArray:
    """Return weights that treat every term alike, for a Broadsheet that has counted nothing yet."""
    return np.ones(BUCKETS, dtype=np.float32)


def weigh(terms: csr_array, weights: FloatArray) -> csr_array:
    """Return tf-idf rows of unit length (an empty row stays empty)."""
    weighted = terms.data * weights[terms.indices]
    sizes = np.diff(terms.indptr)
    squares = np.bincount(np.repeat(np.arange(len(sizes)), sizes), weights=weighted * weighted, minlength=len(sizes))
    scale = np.repeat(1.0 / np.sqrt(np.maximum(squares, 1e-24)), sizes).astype(np.float32)
    return csr_array((weighted * scale, terms.indices, terms.indptr), shape=terms.shape)


def stack(upper: csr_array, lower: csr_array) -> csr_array:
    """Return the rows of two matrices, one below the other."""
    parts = [rows for rows in (upper, lower) if rows.shape[0]]
    return csr_array(vstack(parts, format="csr")) if len(parts) > 1 else (parts or [upper])[0]


def products(a: csr_array, b: csr_array) -> FloatArray:
    """Return the inner products of the rows of a with those of b, shape (n, m), dtype=float32."""
    return dense(a @ b.T.tocsr())


def gram(term_ids: Sequence[npt.NDArray[np.integer]], weights: Sequence[FloatArray]) -> FloatArray:
    """Return the inner products of m texts with one another, shape (m, m), dtype=float32.

    Parameters
    ----------
    term_ids : sequence of ndarray of int, length m
        The buckets of each text's terms, each once.
    weights : sequence of ndarray of float32, length m
        Their weights.
    """
    ids, values = np.concatenate(term_ids), np.concatenate(weights)
    present = np.zeros(BUCKETS, dtype=bool)
    present[ids] = True
    occurring = present.nonzero()[0]  # few of all buckets: what nobody uses need not be multiplied
    column = np.empty(BUCKETS, dtype=np.int32)
    column[occurring] = np.arange(len(occurring), dtype=np.int32)
    sizes = [len(own) for own in term_ids]
    if len(sizes) * len(occurring) > MOST_DENSE:
        rows = csr_array((values, column[ids], np.cumsum([0, *sizes])), shape=(len(sizes), len(occurring)))
        return products(rows, rows)
    filled = np.zeros((len(sizes), len(occurring)), dtype=np.float32)
    filled[np.repeat(np.arange(len(sizes)), sizes), column[ids]] = values
    found: FloatArray = filled @ filled.T
    return found


def dense(rows: csr_array) -> FloatArray:
    """Return a sparse matrix with its noughts, dtype=float32."""
    array: FloatArray = rows.toarray().astype(np.float32, copy=False)
    return array


def telling(text: str, weights: FloatArray) -> tuple[str, ...]:
    """Return the terms that a reader would find in a text, the most telling first."""
    return tuple(sorted(named_terms(text), key=lambda term: (-_weight(term, weights), term)))


def shared(ranked: Sequence[str], others: Collection[str], *, limit: int = 2) -> tuple[str, ...]:
    """Return the first terms that stand among the others too, none of which has a word of one before it.

    Of terms from the most telling on, these are the rarest that two texts share, a pair of words before its parts.

    Examples
    --------
    >>> shared(telling("Gaussian splatting of scenes", flat_idf()), named_terms("fast gaussian splatting"))
    ('gaussian splatting',)
    """
    chosen: list[str] = []
    for term in ranked:
        if len(chosen) == limit:
            break
        if term in others and not any(set(term.split()) & set(taken.split()) for taken in chosen):
            chosen.append(term)
    return tuple(chosen)


@lru_cache(maxsize=4096)  # a page names the same liked paper often, and the next page the same papers
def named_terms(text: str) -> frozenset[str]:
    r"""Return the terms of a text that a reader would find in it, pairs only where the two words stand together.

    Formulas, TeX commands and web addresses hold none, and keep apart what stands on their two sides.

    Examples
    --------
    >>> sorted(named_terms(r"Graph $k$ kernels \cite{ada}, https://example.org/kernels"))
    ['ada', 'graph', 'kernels']
    """
    plain = " ".join(_WORDLESS.sub(" | ", text).lower().split())
    return frozenset(term for term in _analyzer()(plain) if len(term) >= _SHORTEST and (" " not in term or term in plain))


@cache
def _analyzer() -> Callable[[str], list[str]]:
    """What cuts a text into terms; to build it takes longer than to cut."""
    found: Callable[[str], list[str]] = _vectorizer().build_analyzer()
    return found


def bucket(term: str) -> int:
    """Return the column a term is counted in."""
    return int(abs(murmurhash3_32(term, seed=0)) % BUCKETS)


def _weight(term: str, weights: FloatArray) -> float:
    """How telling a term is: its idf, pairs half as much again."""
    return float(weights[bucket(term)]) * (1.5 if " " in term else 1.0)

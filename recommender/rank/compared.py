"""Texts that readers judged in, how near each paper of a window is to them out: worked out once per text, kept for the next reader.

Readers of one house like the same papers, and a page that is made again after a vote differs by one like from the one before.

A product's last bit can depend on the shape of its matrices, and a page that is made again must be the same page: products are made
in blocks of one size, so that what comes out for a text does not depend on what else was asked for with it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.rank import terms
from recommender.rank.heads import one_thread_each
from recommender.rank.lens import Lens
from recommender.types import FloatArray, PaperVectors

__all__ = ["Compared", "Comparisons"]

BLOCK = 32  # texts
MOST = 2**23  # numbers kept of one window: 32 megabytes; one text against 500 papers takes some ten kilobytes
LEAST = 64  # texts kept of a window of however many papers


@dataclass(frozen=True, eq=False, slots=True)
class Compared:
    """How near the n papers of a window are to m judged texts.

    Attributes
    ----------
    dense, sharp, words : ndarray of shape (m, n), dtype=float32
        Inner products of text embeddings as they are and whitened, and of weighted words.
    taste : ndarray of shape (m, n), dtype=float32, or None
        Of where they stand among what readers like together; None where nothing taught that.
    own_dense, own_sharp : ndarray of shape (m, d), dtype=float32
        The judged texts themselves.
    own_taste : ndarray of shape (m, r), dtype=float32, or None
        Whitened.
    common : ndarray of shape (m,), dtype=float32
        Inner products of their words with what all texts have in common.
    word_gram : ndarray of shape (m, m), dtype=float32
        Inner products of their words with one another's.
    """

    dense: FloatArray
    sharp: FloatArray
    words: FloatArray
    taste: FloatArray | None
    own_dense: FloatArray
    own_sharp: FloatArray
    own_taste: FloatArray | None
    common: FloatArray
    word_gram: FloatArray


class _Kept(NamedTuple):
    """One judged text: all numbers of it side by side, and its words."""

    numbers: FloatArray
    term_ids: npt.NDArray[np.int32]
    term_weights: FloatArray


class Comparisons:
    """The papers of one window, seen through one lens, to be compared with texts; safe to share between threads.

    A text is known by its paper's id: whoever asks has read it from the same state of the store as the window.

    Parameters
    ----------
    lens : Lens
    dense, sharp : ndarray of shape (n, d), dtype=float32
    taste : ndarray of shape (n, r), dtype=float32, or None
    by_word : csr_array of shape (BUCKETS, n)
        Weighted terms of the papers, a row per term.
    """

    def __init__(self, lens: Lens, dense: FloatArray, sharp: FloatArray, taste: FloatArray | None, by_word: csr_array) -> None:
        self._lens, self._dense, self._sharp, self._taste, self._by_word = lens, dense, sharp, taste, by_word
        n, d = dense.shape
        white = 0 if taste is None else taste.shape[1]
        widths = (n, n, n, 0 if taste is None else n, d, white, 1)
        ends = list(accumulate(widths))
        self._parts = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        self._most = max(MOST // ends[-1], LEAST)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, parts: Sequence[PaperVectors]) -> Compared:
        """Compare the window with texts, those of the first part first; at least one.

        Raises
        ------
        ShapeError
            If the lens was made for other vectors.
        """
        ids = [paper_id for part in parts for paper_id in part.ids]
        with self._lock:
            known = {paper_id: self._kept[paper_id] for paper_id in ids if paper_id in self._kept}
        for part in parts:
            unknown = [row for row, paper_id in enumerate(part.ids) if paper_id not in known]
            if unknown:
                asked = part if len(unknown) == len(part) else part.take(unknown)
                known.update(zip(asked.ids, self._looked_at(asked), strict=True))
        self._keep(known)
        rows = [known[paper_id] for paper_id in ids]
        numbers = np.concatenate([row.numbers for row in rows]).reshape(len(rows), -1)
        near_dense, near_sharp, words, near_taste, own_sharp, white, common = (numbers[:, part] for part in self._parts)
        return Compared(
            near_dense,
            near_sharp,
            words,
            None if self._taste is None else near_taste,
            np.concatenate([part.dense for part in parts]),
            own_sharp,
            None if self._taste is None else white,
            common[:, 0],
            terms.gram([row.term_ids for row in rows], [row.term_weights for row in rows]),
        )

    def unknown(self, paper_ids: Iterable[str]) -> list[str]:
        """Return those of some texts, of as many as are kept at all, that were not compared yet."""
        with self._lock:
            return [paper_id for paper_id in islice(paper_ids, self._most) if paper_id not in self._kept]

    @one_thread_each
    def foresee(self, texts: PaperVectors) -> None:
        """Compare texts before they are asked about: together they take half the time of a few for each reader."""
        if len(texts):
            self._keep(dict(zip(texts.ids, self._looked_at(texts), strict=True)))

    def _keep(self, known: Mapping[str, _Kept]) -> None:
        """Keep what was asked about last."""
        with self._lock:
            for paper_id, kept in known.items():
                self._kept[paper_id] = kept
                self._kept.move_to_end(paper_id)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def _looked_at(self, texts: PaperVectors) -> Iterator[_Kept]:
        """Work out all that is kept of texts."""
        counted = terms.weigh(texts.terms, self._lens.idf)
        # Few texts against a window that is kept term by term: what two texts share is added up in the same order either way.
        words, common = terms.dense(counted @ self._by_word), (counted @ self._lens.common)[:, None]
        for start in range(0, len(texts), BLOCK):
            some = slice(start, start + BLOCK)
            block = np.zeros((BLOCK, texts.dense.shape[1]), dtype=np.float32)
            block[: len(texts.dense[some])] = texts.dense[some]
            sharp = self._lens.sharp(block)
            near = (block @ self._dense.T, sharp @ self._sharp.T)
            near_taste, white = self._by_taste(sharp)
            for row, at in enumerate(range(len(texts))[some]):
                own = slice(*counted.indptr[at : at + 2])
                numbers = (near[0][row], near[1][row], words[at], near_taste[row], sharp[row], white[row], common[at])
                yield _Kept(np.concatenate(numbers, dtype=np.float32), counted.indices[own], counted.data[own])

    def _by_taste(self, sharp: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how near the papers are by what readers like together, and where the texts themselves stand, whitened."""
        if self._taste is None or self._lens.taste is None:
            nothing = np.zeros((len(sharp), 0), dtype=np.float32)
            return nothing, nothing
        taste = self._lens.taste(sharp)
        return taste @ self._taste.T, self._lens.taste.whitening(taste)

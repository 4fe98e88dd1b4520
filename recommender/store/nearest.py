"""A session in, all papers' vectors in memory out: a byte a number, brought up to date by what came in since, looked through at once.

A vector of numbers in [-1, 1] is kept as whole numbers of 1/127 of its largest one: cosines agree to two thousandths, a hundred thousand
papers take 38 MB, and one look over all of them takes seven milliseconds. Nothing is trained or approximated beyond that.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.store import vectors
from recommender.store.db import Session
from recommender.types import FloatArray

__all__ = ["MOST", "Nearest", "Snapshot", "current"]

MOST = 300_000  # papers in memory, the newest
AT_ONCE = 4096  # rows turned into float32 together
READ = 5000  # vectors read from the database together
_DATABASES = 2  # kept at the same time: a process nearly always has one


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The vectors as they stood at one moment; rows of papers that were read anew since have no id.

    Attributes
    ----------
    encoder : str
    ids : list of str, length n or longer
    rows : mapping of str to int
        Where a paper stands.
    codes : ndarray of shape (n, d), dtype=int8
    scales : ndarray of shape (n,), dtype=float32
    """

    encoder: str
    ids: list[str]
    rows: dict[str, int]
    codes: npt.NDArray[np.int8]
    scales: FloatArray

    def __len__(self) -> int:
        return len(self.scales)

    def nearest(self, vector: FloatArray, k: int, *, among: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Return the k papers (of some, when they are named) whose text is nearest, with their cosine, nearest first."""
        if among is not None:
            rows = np.array([row for i in among if (row := self.rows.get(i, len(self))) < len(self)], dtype=np.intp)
            cosines = _cosines(self.codes[rows], self.scales[rows], vector)
        else:
            rows, cosines = np.arange(len(self)), _cosines(self.codes, self.scales, vector)
        spare = min(len(rows), k + 64)  # a few rows may have no id any more
        best = np.argpartition(-cosines, spare - 1)[:spare] if spare else np.zeros(0, dtype=np.intp)
        ordered = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.ids[rows[i]], float(cosines[i])) for i in ordered if self.ids[rows[i]]][:k]

    def mean(self, ids: Sequence[str]) -> FloatArray | None:
        """Return the unit vector in the middle of some papers, None when none of them is here."""
        rows = [row for i in ids if (row := self.rows.get(i, len(self))) < len(self)]
        if not rows:
            return None
        middle = (self.codes[rows] * self.scales[rows, None]).mean(axis=0)
        unit: FloatArray = (middle / max(float(np.linalg.norm(middle)), 1e-9)).astype(np.float32)
        return unit


class Nearest:
    """The vectors of one database, shared between threads: growing is done by one of them at a time, looking by all.

    Parameters
    ----------
    most : int, default=300000
        Papers that are kept; when there are more, the oldest go.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._forget("")

    def current(self, session: Session) -> Snapshot | None:
        """Return the vectors of the encoder in use, with all that came in; None when there are none."""
        encoder = vectors.current_encoder(session)
        if encoder is None:
            return None
        with self._lock:
            newest = vectors.newest_seq(session)
            if encoder != self._encoder or newest < self._seq or len(self._ids) > self._most:
                self._forget(encoder)  # the encoder or the database is another one, or there are too many
            while self._seq < newest:
                self._read_on(session, newest)
            n = len(self._ids)
            return Snapshot(encoder, self._ids, self._rows, self._codes[:n], self._scales[:n]) if n else None

    def _forget(self, encoder: str) -> None:
        self._encoder, self._seq = encoder, 0
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._codes = np.zeros((0, 0), dtype=np.int8)
        self._scales = np.zeros(0, dtype=np.float32)

    def _read_on(self, session: Session, newest: int) -> None:
        """Take in the next vectors; to begin with, the first of the newest that there is room for."""
        if not self._seq:
            self._seq = vectors.seq_before(session, self._encoder, newest=self._most * 9 // 10)
        seq, ids, dense = vectors.appended(session, self._encoder, after=self._seq, limit=READ)
        self._seq = seq if ids else newest
        if ids:
            self._append(ids, dense)

    def _append(self, ids: list[str], dense: FloatArray) -> None:
        n = len(self._ids)
        if n + len(ids) > len(self._codes):
            self._grow(max(n + len(ids), n * 5 // 4), dense.shape[1])
        scales = np.maximum(np.abs(dense).max(axis=1), 1e-9) / 127.0
        self._codes[n : n + len(ids)] = np.rint(dense / scales[:, None]).astype(np.int8)
        self._scales[n : n + len(ids)] = scales
        for row, paper_id in enumerate(ids, start=n):
            if paper_id in self._rows:
                self._ids[self._rows[paper_id]] = ""  # its text is another one now
            self._ids.append(paper_id)
            self._rows[paper_id] = row

    def _grow(self, rows: int, dimension: int) -> None:
        """Move to larger arrays; whoever still looks through the old ones may finish."""
        n = len(self._ids)
        codes, scales = np.zeros((rows, dimension), dtype=np.int8), np.zeros(rows, dtype=np.float32)
        if n:
            codes[:n], scales[:n] = self._codes[:n], self._scales[:n]
        self._codes, self._scales = codes, scales


_known: OrderedDict[str, Nearest] = OrderedDict()
_knowing = threading.Lock()


def current(session: Session) -> Snapshot | None:
    """Return the vectors of a session's database, loaded once per process; None when there are none."""
    address = str(session.get_bind().engine.url)
    with _knowing:
        kept = _known.setdefault(address, Nearest())
        _known.move_to_end(address)
        while len(_known) > _DATABASES:
            _known.popitem(last=False)
    return kept.current(session)


def _cosines(codes: npt.NDArray[np.int8], scales: FloatArray, vector: FloatArray) -> FloatArray:
    """Return the inner products of all rows with a vector, turned into float32 piece by piece."""
    products = np.empty(len(codes), dtype=np.float32)
    piece = np.empty((min(AT_ONCE, len(codes)), codes.shape[1]), dtype=np.float32)
    for start in range(0, len(codes), AT_ONCE):
        part = codes[start : start + AT_ONCE]
        np.copyto(piece[: len(part)], part)
        np.dot(piece[: len(part)], vector, out=products[start : start + AT_ONCE])
    products *= scales
    return products

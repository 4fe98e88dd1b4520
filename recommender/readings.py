"""A session and a moment in, the papers, vectors and votes that pages are made of out: read once, and kept for the next reader.

Nothing here is of one reader. What is kept is known by all that it depends on: the encoder, its newest vector, how often papers and
their signals have changed, and of the votes the full hour up to which they count. A handful of editions is kept, and so many papers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recommender.rank import candidates, terms
from recommender.rank.window import Window
from recommender.settings import RankSettings
from recommender.store import neighbours, papers, vectors
from recommender.store.db import Session
from recommender.store.slots import in_use
from recommender.store.vectors import Stored
from recommender.types import Paper, PaperVectors

__all__ = ["Reading", "Readings"]

MOST_WINDOWS = 4  # editions; one of 500 papers takes some ten megabytes
MOST_PAPERS = 4096  # that readers spoke of; one takes some six kilobytes


@dataclass(frozen=True, slots=True)
class Known:
    """What the papers of a store are known by: an encoder, the newest vector, how often papers or their signals have changed."""

    encoder: str
    until: int
    changes: int


class Readings:
    """What was read of a store; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._log: neighbours.Log | None = None

    def at(self, session: Session, as_of: datetime, *, until: int | None = None) -> Reading:
        """Return what can be read in a transaction, as known at a moment.

        Parameters
        ----------
        session : Session
        as_of : datetime
        until : int, default=None
            Newest vector to be seen; None means all.
        """
        used = in_use(session)
        encoder = used.get(vectors.SLOT, "")
        newest = vectors.last_seq(session, encoder) if until is None else until
        known = Known(encoder, newest, int(used.get(papers.CHANGES, "0")))
        # What others say is known by the full hour: a vote taken back gives the same page again, and so does a replay.
        stamp = neighbours.log_stamp(session, as_of.replace(minute=0, second=0, microsecond=0))
        with self._lock:
            if self._log is None or self._log.stamp != stamp:
                self._log = neighbours.Log(stamp)
            log = self._log
            if self._kept is None or self._kept.known != known:
                self._kept = _Kept(known, as_of)
            if not self._kept.speaks_of(session, as_of):
                mine = _Kept(known, as_of)
                self._kept = mine if as_of > self._kept.as_of else self._kept
                return Reading(session, as_of, used, mine, log)
            return Reading(session, as_of, used, self._kept, log)


class _Kept:
    """Papers and vectors of one state of the store, as known at one moment."""

    def __init__(self, known: Known, as_of: datetime) -> None:
        self.known, self.as_of = known, as_of
        self.windows: OrderedDict[tuple[date, int], Window] = OrderedDict()
        self.papers: OrderedDict[str, tuple[Paper | None, Stored | None]] = OrderedDict()
        self.lock = threading.Lock()
        self._observed: datetime | None = None
        self._asked = False

    def speaks_of(self, session: Session, as_of: datetime) -> bool:
        """Whether what is known at another moment is the same: nothing was observed after the earlier of the two."""
        if as_of == self.as_of:
            return True
        if not self._asked:
            self._observed, self._asked = papers.last_observed(session), True
        return self._observed is None or self._observed <= min(self.as_of, as_of)


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be read in one transaction, as known at one moment.

    Attributes
    ----------
    session : Session
    as_of : datetime
    used : mapping of str to str
        Which encoder and which models are in use.
    """

    session: Session
    as_of: datetime
    used: Mapping[str, str]
    _kept: _Kept
    _log: neighbours.Log

    def window(self, day: date, settings: RankSettings) -> Window:
        """Return the papers that pages of a day draw on and the encoder has read."""
        kept, key = self._kept, (day, settings.window_days)
        with kept.lock:  # whoever comes second finds it read
            if key not in kept.windows:
                kept.windows[key] = self._window(day, candidates.first_day(day, settings.window_days))
            kept.windows.move_to_end(key)
            while len(kept.windows) > MOST_WINDOWS:
                kept.windows.popitem(last=False)
            return kept.windows[key]

    def papers(self, paper_ids: Sequence[str]) -> tuple[dict[str, Paper], PaperVectors]:
        """Return those of the papers that are stored, and the vectors of those that have some, in the order asked for."""
        kept = self._kept
        with kept.lock:
            self._read(paper_ids)
            known = {paper_id: kept.papers[paper_id] for paper_id in paper_ids}
            while len(kept.papers) > MOST_PAPERS:
                kept.papers.popitem(last=False)
        stored = [row for _, row in known.values() if row is not None]
        return (
            {paper_id: paper for paper_id, (paper, _) in known.items() if paper is not None},
            vectors.gathered(stored, buckets=terms.BUCKETS),
        )

    def foresee(self, paper_ids: Sequence[str]) -> Sequence[str]:
        """Read papers that several readers spoke of, and who likes them, at once; return those that were not too many."""
        some = paper_ids[: MOST_PAPERS // 2]  # more would push one another out
        with self._kept.lock:
            self._read(some)
        self._log.foresee(self.session, some)
        return some

    def said(self, reader_id: int, liked: Sequence[str], window: Window) -> dict[str, float]:
        """Return what a reader's neighbours said of the papers of a window until the full hour."""
        return self._log.said(self.session, reader_id, liked, window.vectors.ids)

    def _read(self, paper_ids: Sequence[str]) -> None:
        kept = self._kept
        unread = [paper_id for paper_id in paper_ids if paper_id not in kept.papers]
        if unread:
            found = papers.get(self.session, unread, as_of=self.as_of)
            read = vectors.newest_rows(self.session, unread, kept.known.encoder, until=kept.known.until)
            kept.papers.update((paper_id, (found.get(paper_id), read.get(paper_id))) for paper_id in unread)

    def _window(self, day: date, first: date) -> Window:
        known = self._kept.known
        found = papers.window(self.session, first, day, as_of=self.as_of)
        read = vectors.load(self.session, [p.id for p in found], known.encoder, buckets=terms.BUCKETS, until=known.until)
        by_encoder = set(read.ids)
        return Window(day, [paper for paper in found if paper.id in by_encoder], read, known.until)

"""A reader's likes and some papers in, what readers like them said of these out: a sum of votes, each by how much the two agree.

Only votes count, never what somebody saved or opened, and a paper needs three voters before it gets a number: with fewer, what one
reader did could be read off what another one's page says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import bindparam, func, select

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import EventRow, ReaderRow
from recommender.types import EventKind

__all__ = ["LEAST_VOTERS", "Cast", "Log", "LogStamp", "Vote", "log_stamp", "said", "weigh"]

Vote = tuple[int, str, str]  # reader, paper, kind
Readers = npt.NDArray[np.int64]
UNREAD = -1

LEAST_VOTERS = 3
MOST_WINDOWS = 6  # lists of papers whose votes are kept ready at once
_VOTES = tuple(kind.value for kind in EventKind if kind.is_vote)
_UP = EventKind.UPVOTE.value
_E, _R = EventRow.__table__.c, ReaderRow.__table__.c
_STAMP = select(  # made once: every page asks
    select(_E.id).where(_E.kind.in_(_VOTES), _E.at <= bindparam("as_of")).order_by(_E.id.desc()).limit(1).scalar_subquery(),
    select(func.count()).select_from(ReaderRow.__table__).scalar_subquery(),
    select(func.max(_R.id)).scalar_subquery(),
)
_NOBODY = np.zeros(0, dtype=np.int64)


def said(
    session: Session, reader_id: int, liked: Sequence[str], paper_ids: Sequence[str], *, as_of: datetime
) -> dict[str, float]:
    """Return what a reader's neighbours said of some papers; papers of which too few spoke are left out.

    A neighbour is another reader who up-voted one of the same papers, and counts by the cosine of the two sets of likes: up +1, down
    and hidden -1.

    Parameters
    ----------
    session : Session
    reader_id : int
    liked : sequence of str
        Papers the reader likes.
    paper_ids : sequence of str
    as_of : datetime
        Votes until then.

    References
    ----------
    Resnick et al., "GroupLens: an open architecture for collaborative filtering of netnews", 1994.
    """
    return Log(log_stamp(session, as_of)).said(session, reader_id, liked, tuple(paper_ids))


@dataclass(frozen=True, slots=True)
class Cast:
    """Votes on some papers, in the order they were cast; what was taken back is left out.

    Attributes
    ----------
    papers : tuple of str, length n
    reader, paper : ndarray of shape (v,)
        Who voted, and on which of the papers.
    sign : ndarray of shape (v,), dtype=float64
        Up +1, down and hidden -1.
    """

    papers: tuple[str, ...]
    reader: Readers
    paper: npt.NDArray[np.int64]
    sign: npt.NDArray[np.float64]

    @classmethod
    def of(cls, votes: Iterable[Vote]) -> Cast:
        """Read votes one by one."""
        standing = [vote for vote in votes if vote[2] != EventKind.CLEAR.value]
        number = {paper_id: at for at, paper_id in enumerate(dict.fromkeys(paper_id for _, paper_id, _ in standing))}
        return cls(
            tuple(number),
            np.array([reader for reader, _, _ in standing], dtype=np.int64),
            np.array([number[paper_id] for _, paper_id, _ in standing], dtype=np.int64),
            np.array([1.0 if kind == _UP else -1.0 for _, _, kind in standing]),
        )


@dataclass(frozen=True, slots=True)
class LogStamp:
    """What all votes until a moment are known by: the same stamp, the same votes.

    Attributes
    ----------
    as_of : datetime
    newest : int
        Number of the newest of them.
    readers, last_reader : int
        How many readers there are, and the number of the last one: what somebody who left had voted is gone.
    """

    as_of: datetime
    newest: int
    readers: int
    last_reader: int


def log_stamp(session: Session, as_of: datetime) -> LogStamp:
    """Return what all votes until a moment are known by."""
    newest, readers, last = session.execute(_STAMP, {"as_of": as_of}).one()
    return LogStamp(as_of, newest or 0, readers, last or 0)


class Log:
    """Everybody's last votes: read as they are asked for, and kept for the next reader.

    Parameters
    ----------
    stamp : LogStamp
        Of whoever asks; it must be that of the session, or votes of two moments would mix.
    """

    def __init__(self, stamp: LogStamp) -> None:
        self.stamp = stamp
        self._likers: dict[str, Readers] = {}
        self._likes = np.zeros(0, dtype=np.int64)  # by number of the reader; UNREAD where nobody asked
        self._cast: dict[tuple[str, ...], Cast] = {}

    def said(self, session: Session, reader_id: int, liked: Sequence[str], paper_ids: tuple[str, ...]) -> dict[str, float]:
        """Return what a reader's neighbours said of some papers; as the function of that name."""
        return weigh(
            reader_id,
            self._who_like(session, liked),
            lambda readers: self._counted(session, readers),
            lambda: self._cast_on(session, paper_ids),
        )

    def foresee(self, session: Session, paper_ids: Sequence[str]) -> None:
        """Read who likes some papers before each of their readers is asked about."""
        self._who_like(session, paper_ids)

    def _who_like(self, session: Session, paper_ids: Sequence[str]) -> list[Readers]:
        """Who up-voted each of the papers."""
        unread = [paper_id for paper_id in paper_ids if paper_id not in self._likers]
        if unread:
            found: dict[str, list[int]] = {paper_id: [] for paper_id in unread}
            for reader, paper_id, kind in _last_votes(session, unread, self.stamp.as_of):
                if kind == _UP:
                    found[paper_id].append(reader)
            self._likers.update({paper_id: np.array(its, dtype=np.int64) for paper_id, its in found.items()})
        return [self._likers[paper_id] for paper_id in paper_ids]

    def _counted(self, session: Session, readers: Readers) -> npt.NDArray[np.int64]:
        """How many papers each reader likes."""
        known = self._likes
        if (lacking := int(readers.max(initial=-1)) + 1 - len(known)) > 0:
            known = np.concatenate([known, np.full(lacking, UNREAD)])
        unread = readers[known[readers] == UNREAD].tolist()
        if unread:
            known = known.copy()  # others read the old one meanwhile
            found = _likes(session, unread, self.stamp.as_of)
            known[unread] = [found.get(reader, 0) for reader in unread]
            self._likes = known
        return known[readers]

    def _cast_on(self, session: Session, paper_ids: tuple[str, ...]) -> Cast:
        """The votes on the papers of a window."""
        cast = self._cast.get(paper_ids)
        if cast is None:
            cast = Cast.of(_last_votes(session, paper_ids, self.stamp.as_of))
            self._cast = {**dict(list(self._cast.items())[1 - MOST_WINDOWS :]), paper_ids: cast}
        return cast


def weigh(
    reader_id: int,
    likers: Sequence[Readers],
    likes_of: Callable[[Readers], npt.NDArray[np.int64]],
    on_papers: Callable[[], Cast],
) -> dict[str, float]:
    """Sum votes as `said` does, wherever they come from.

    Parameters
    ----------
    reader_id : int
    likers : sequence of ndarray of int
        Who up-voted each of the papers that the reader likes.
    likes_of : callable
        From readers, shape (n,), to how many papers each of them likes, shape (n,).
    on_papers : callable
        Last votes on the papers that are asked for; not called without a neighbour.
    """
    who, shared = np.unique(np.concatenate([_NOBODY, *likers]), return_counts=True)
    others = who != reader_id
    who, shared = who[others], shared[others]
    if not len(who):
        return {}
    cast = on_papers()
    cosine = np.zeros(max(int(who[-1]), int(cast.reader.max(initial=0))) + 1)
    cosine[who] = shared / np.sqrt(np.maximum(len(likers) * likes_of(who).astype(np.float64), 1.0))
    weight = cosine[cast.reader]
    heard = np.flatnonzero(weight)
    paper = cast.paper[heard]
    voters = np.bincount(paper, minlength=len(cast.papers))
    sums = np.bincount(paper, weights=weight[heard] * cast.sign[heard], minlength=len(cast.papers))
    heeded = np.flatnonzero(voters >= LEAST_VOTERS)
    return {cast.papers[at]: said for at, said in zip(heeded.tolist(), sums[heeded].tolist(), strict=True)}


def _last_votes(session: Session, paper_ids: Sequence[str], as_of: datetime) -> Iterator[Vote]:
    """Each reader's last vote on each of the papers, in the order they were cast: who, on what, which."""
    for start in range(0, len(paper_ids), BATCH):
        last = (
            select(func.max(EventRow.id))
            .where(EventRow.paper_id.in_(paper_ids[start : start + BATCH]), EventRow.kind.in_(_VOTES), EventRow.at <= as_of)
            .group_by(EventRow.reader_id, EventRow.paper_id)
        )
        query = select(EventRow.reader_id, EventRow.paper_id, EventRow.kind).where(EventRow.id.in_(last)).order_by(EventRow.id)
        yield from ((reader, paper_id, kind) for reader, paper_id, kind in session.execute(query))


def _likes(session: Session, readers: Sequence[int], as_of: datetime) -> dict[int, int]:
    """How many papers each reader likes: those whose last vote is an up-vote."""
    found: dict[int, int] = {}
    for start in range(0, len(readers), BATCH):
        some = EventRow.reader_id.in_(readers[start : start + BATCH])
        last = (
            select(func.max(EventRow.id))
            .where(some, EventRow.kind.in_(_VOTES), EventRow.at <= as_of)
            .group_by(EventRow.reader_id, EventRow.paper_id)
        )
        query = select(EventRow.reader_id, func.count()).where(EventRow.id.in_(last), EventRow.kind == _UP)
        found.update((reader, count) for reader, count in session.execute(query.group_by(EventRow.reader_id)))
    return found

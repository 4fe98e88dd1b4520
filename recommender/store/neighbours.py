"""A reader's likes and some papers in, what readers like them said of these out: a sum of votes, each by how much the two agree.

Only votes count, never what somebody saved or opened, and a paper needs two voters before it gets a number: what one reader did is
nobody else's to see.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import func, select

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import EventRow
from recommender.types import EventKind

__all__ = ["LEAST_VOTERS", "said"]

LEAST_VOTERS = 2
_VOTES = tuple(kind.value for kind in EventKind if kind.is_vote)
_UP = EventKind.UPVOTE.value


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
    agreed = Counter(
        row.reader_id for row in _last_votes(session, liked, as_of) if row.kind == _UP and row.reader_id != reader_id
    )
    if not agreed:
        return {}
    likes = _likes(session, list(agreed), as_of)
    cosine = {other: shared / max(len(liked) * likes[other], 1) ** 0.5 for other, shared in agreed.items()}
    votes: dict[str, list[float]] = defaultdict(list)
    for row in _last_votes(session, paper_ids, as_of):
        if row.reader_id in cosine and row.kind != EventKind.CLEAR.value:
            votes[row.paper_id].append(cosine[row.reader_id] * (1.0 if row.kind == _UP else -1.0))
    return {paper_id: sum(cast) for paper_id, cast in votes.items() if len(cast) >= LEAST_VOTERS}


def _last_votes(session: Session, paper_ids: Sequence[str], as_of: datetime) -> Iterator[EventRow]:
    """Each reader's last vote on each of the papers, in the order they were cast."""
    for start in range(0, len(paper_ids), BATCH):
        last = (
            select(func.max(EventRow.id))
            .where(EventRow.paper_id.in_(paper_ids[start : start + BATCH]), EventRow.kind.in_(_VOTES), EventRow.at <= as_of)
            .group_by(EventRow.reader_id, EventRow.paper_id)
        )
        yield from session.scalars(select(EventRow).where(EventRow.id.in_(last)).order_by(EventRow.id))


def _likes(session: Session, readers: Sequence[int], as_of: datetime) -> dict[int, int]:
    """How many papers each reader has ever up-voted."""
    found: dict[int, int] = {}
    for start in range(0, len(readers), BATCH):
        query = (
            select(EventRow.reader_id, func.count(EventRow.paper_id.distinct()))
            .where(EventRow.reader_id.in_(readers[start : start + BATCH]), EventRow.kind == _UP, EventRow.at <= as_of)
            .group_by(EventRow.reader_id)
        )
        found.update((reader, count) for reader, count in session.execute(query))
    return found

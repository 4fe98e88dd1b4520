"""A reader's likes and some papers in, what readers like them said of these out: a sum of votes, each by how much the two agree.

Only votes count, never what somebody saved or opened, and a paper needs three voters before it gets a number: with fewer, what one
reader did could be read off what another one's page says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import EventRow
from recommender.types import EventKind

__all__ = ["LEAST_VOTERS", "Vote", "said", "weigh"]

Vote = tuple[int, str, str]  # reader, paper, kind

LEAST_VOTERS = 3
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
    return weigh(
        reader_id,
        len(liked),
        _last_votes(session, liked, as_of),
        lambda readers: _likes(session, readers, as_of),
        _last_votes(session, paper_ids, as_of),
    )


def weigh(
    reader_id: int,
    liked: int,
    on_liked: Iterable[Vote],
    likes_of: Callable[[Sequence[int]], Mapping[int, int]],
    on_papers: Iterable[Vote],
) -> dict[str, float]:
    """Sum votes as `said` does, wherever they come from.

    Parameters
    ----------
    reader_id : int
    liked : int
        How many papers the reader likes.
    on_liked, on_papers : iterable of (reader, paper, kind)
        Last votes on the papers the reader likes, and on those that are asked for; the latter are not looked at without a neighbour.
    likes_of : callable
        From readers to how many papers each of them likes.
    """
    agreed = Counter(other for other, _, kind in on_liked if kind == _UP and other != reader_id)
    if not agreed:
        return {}
    likes = likes_of(list(agreed))
    cosine = {other: shared / max(liked * likes[other], 1) ** 0.5 for other, shared in agreed.items()}
    votes: dict[str, list[float]] = defaultdict(list)
    for other, paper_id, kind in on_papers:
        if other in cosine and kind != EventKind.CLEAR.value:
            votes[paper_id].append(cosine[other] * (1.0 if kind == _UP else -1.0))
    return {paper_id: sum(cast) for paper_id, cast in votes.items() if len(cast) >= LEAST_VOTERS}


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

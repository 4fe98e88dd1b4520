"""JOINT store -> rank: the paper to ask a reader about next, and how many they have answered.

Nothing is remembered but the log: an answer is an event of its own channel, a paper that was passed over is a vote cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from recommender.rank import eight, terms
from recommender.rank.lens import Lens
from recommender.store import events, interests, papers, vectors
from recommender.store.db import Session
from recommender.types import Channel, Event, EventKind

__all__ = ["Asked", "answered", "next_question"]

POOL_DAYS = 14
POOL = 400  # papers that are weighed against each other
LEAST = 24  # papers below which picked categories do not narrow the pool, and today's edition is asked about too
SAID_BEFORE = 300  # newest votes that say what is known already
PICKED = 0.5  # how much a paper that stands for a picked topic is known to be liked
_LABELS = {EventKind.UPVOTE: 1.0, EventKind.DOWNVOTE: -1.0, EventKind.HIDE: -1.0, EventKind.CLEAR: 0.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a reader stands in getting known.

    Attributes
    ----------
    answered : int
        Papers they were asked about so far, those passed over included.
    last : Event or None
        Their newest answer.
    paper_id : str or None
        What to ask next; None where there is nothing to ask about.
    """

    answered: int
    last: Event | None
    paper_id: str | None


def answered(history: Sequence[Event], interest: int, *, forgotten: int = 0) -> list[Event]:
    """Return the newest answer on each paper that was asked about, oldest first."""
    last: dict[str, Event] = {}
    for event in history:
        if event.channel is Channel.START and event.interest == interest and event.id > forgotten:
            last.pop(event.paper_id, None)
            last[event.paper_id] = event
    return list(last.values())


def next_question(session: Session, reader_id: int, lens: Lens, *, today: date, interest: int = 0) -> Asked:
    """Choose the paper whose answer will tell the most.

    Parameters
    ----------
    session : Session
    reader_id : int
    lens : Lens
        Of the ranker that makes the pages.
    today : date
        Later editions are not looked at.
    interest : int, default=0
        The taste to get to know.
    """
    history = events.history(session, reader_id)
    chosen = interests.picks(session, reader_id, interest)
    given = answered(history, interest, forgotten=chosen.forgotten)
    count, last = len(given), given[-1] if given else None
    encoder = vectors.current_encoder(session)
    newest = papers.latest_edition(session, encoder=encoder, until=today) if encoder else None
    if encoder is None or newest is None or (lens.encoder and lens.encoder != encoder):
        return Asked(count, last, None)
    spoken = {event.paper_id for event in history if event.kind.is_vote}
    first = _first_day(session, newest)
    ids, dense = vectors.dense_of_editions(session, encoder, first, newest)
    rows = {paper_id: row for row, paper_id in enumerate(ids)}
    open_ones = [one for one in papers.announced(session, first, newest) if one[0] in rows and one[0] not in spoken]
    pool = _pool(open_ones, newest, chosen.categories)
    if not pool:
        return Asked(count, last, None)
    labels = _labels(history, interest, chosen)
    known = vectors.load(session, list(labels), encoder, buckets=terms.BUCKETS)
    gains = eight.gains(
        lens.sharp(dense[[rows[paper_id] for paper_id in pool]]),
        lens.sharp(known.dense) if len(known) else np.zeros((0, dense.shape[1]), dtype=np.float32),
        np.array([labels[paper_id] for paper_id in known.ids], dtype=np.float64),
    )
    return Asked(count, last, pool[int(np.argmax(gains))])


def _pool(open_ones: Sequence[tuple[str, date, tuple[str, ...]]], newest: date, categories: Sequence[str]) -> list[str]:
    """Return what may be asked about: papers of the last days, today's only where there are few, so that the page keeps its own."""
    earlier = [one for one in open_ones if one[1] < newest]
    pool = earlier if len(earlier) >= LEAST else open_ones
    picked = [one for one in pool if set(one[2]) & set(categories)]
    pool = picked if len(picked) >= LEAST else pool
    return [one[0] for one in pool[:: -(-len(pool) // POOL)]] if pool else []  # evenly, whatever order they stand in


def _first_day(session: Session, newest: date) -> date:
    """Return how far back to look: not beyond the editions that hold enough papers, since a busy house has thousands in a day."""
    first, found = newest, 0
    for edition in papers.editions(session, limit=POOL_DAYS + 1, before=newest):
        if found >= 2 * POOL or edition.day < newest - timedelta(days=POOL_DAYS):
            break
        first, found = edition.day, found + edition.papers
    return first


def _labels(history: Sequence[Event], interest: int, chosen: interests.Picks) -> dict[str, float]:
    """Return what is known: what the reader said in this taste, and the papers that stand for what they picked."""
    said: dict[str, float] = {}
    for event in history:
        if event.kind.is_vote and event.interest == interest and event.id > chosen.forgotten:
            said.pop(event.paper_id, None)
            said[event.paper_id] = _LABELS[event.kind]
    newest = dict(list(said.items())[-SAID_BEFORE:])
    return {**{paper_id: PICKED for paper_id in chosen.papers if paper_id not in said}, **newest}

"""A session and papers of a reader in, votes moved, copied, taken back or forgotten out: which interest a like speaks for.

A like keeps its age when it moves, so that tidying up an old pile of them does not make all of them news. The last word on a paper is
always one that some interest still holds, because a card shows the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from recommender.errors import StoreError
from recommender.store import events, interests
from recommender.store.db import LARGEST, Session
from recommender.types import Event, EventKind

__all__ = ["MOST_UNDONE", "copy", "move", "remove", "standing", "start_over", "undo"]

MOST_UNDONE = 4000  # events that one press may take back

Standing = dict[tuple[str, int], Event]


def standing(history: Iterable[Event], forgotten: Mapping[int, int]) -> Standing:
    """Return the votes that stand, by paper and interest, the newest last.

    Parameters
    ----------
    history : iterable of Event
        In the order they were written.
    forgotten : mapping of int to int
        Per interest, up to which event it has forgotten; interests that are not in it hold nothing.
    """
    found: Standing = {}
    for event in history:
        if event.kind.is_vote and event.interest in forgotten:
            found.pop((event.paper_id, event.interest), None)
            if event.kind is not EventKind.CLEAR and event.id > forgotten[event.interest]:
                found[event.paper_id, event.interest] = event
    return found


def move(session: Session, reader_id: int, paper_ids: Sequence[str], source: int, target: int, *, now: datetime) -> list[Event]:
    """Let likes of one interest speak for another instead; papers it does not like are passed over. Return what was written.

    Raises
    ------
    StoreError
        If both are the same interest.
    """
    return _spread(session, reader_id, paper_ids, source, target, now=now, keep=False)


def copy(session: Session, reader_id: int, paper_ids: Sequence[str], source: int, target: int, *, now: datetime) -> list[Event]:
    """Let likes of one interest speak for another too; parameters, errors and answer as in `move`."""
    return _spread(session, reader_id, paper_ids, source, target, now=now, keep=True)


def remove(session: Session, reader_id: int, paper_ids: Sequence[str], interest: int, *, now: datetime) -> list[Event]:
    """Take back what an interest was told of papers, and return what was written."""
    log = _Log(session, reader_id, paper_ids)
    before = log.standing()
    for paper_id in dict.fromkeys(paper_ids):
        if (paper_id, interest) in before:
            log.append(paper_id, EventKind.CLEAR, now, interest)
    return log.settled()


def start_over(session: Session, reader_id: int, interest: int, *, now: datetime) -> list[Event]:
    """Let an interest forget all it was told, and release the buttons it held; the shelf stays. Return what was written.

    Raises
    ------
    StoreError
        If there is no such interest.
    """
    held = standing(events.history(session, reader_id), interests.forgotten(session, reader_id))
    interests.forget(session, reader_id, interest)
    papers = [paper_id for paper_id, its in held if its == interest]
    log = _Log(session, reader_id, papers)
    for paper_id in papers:  # a vote given again must not look like one that was never taken back
        log.append(paper_id, EventKind.CLEAR, now, interest)
    return log.settled()


def undo(session: Session, reader_id: int, first: int, last: int, *, now: datetime) -> list[Event]:
    """Let the votes that events `first` … `last` touched stand as they did before, and return what was written.

    Raises
    ------
    StoreError
        If that is too much at once.
    """
    if last - first >= MOST_UNDONE:
        raise StoreError(f"at most {MOST_UNDONE} gestures can be taken back at once")
    told = events.history(session, reader_id, cursor=min(last, LARGEST))
    touched = [event for event in told if event.id >= first and event.kind.is_vote]
    log = _Log(session, reader_id, [event.paper_id for event in touched])
    before, after = log.standing(until=first), log.standing()
    for key in dict.fromkeys((event.paper_id, event.interest) for event in touched):
        then, now_held = before.get(key), after.get(key)
        if then is None and now_held is not None:
            log.append(key[0], EventKind.CLEAR, now, key[1])
        elif then is not None and (now_held is None or now_held.kind is not then.kind):
            log.append(key[0], then.kind, then.at, key[1])
    return log.settled()


class _Log:
    """What a reader said of some papers, read once, and appended to."""

    def __init__(self, session: Session, reader_id: int, paper_ids: Sequence[str]) -> None:
        self._session, self._reader_id = session, reader_id
        self._forgotten = interests.forgotten(session, reader_id)
        self._said = events.of_papers(session, reader_id, list(dict.fromkeys(paper_ids)))
        self._read = len(self._said)

    def standing(self, *, until: int | None = None) -> Standing:
        """Return the votes that stand (stood before event `until`, when it is named)."""
        return standing((e for e in self._said if until is None or e.id < until), self._forgotten)

    def append(self, paper_id: str, kind: EventKind, at: datetime, interest: int) -> None:
        self._said.append(events.append(self._session, self._reader_id, paper_id, kind, at=at, interest=interest))

    def settled(self) -> list[Event]:
        """Say once more what still stands where the last word on a paper does not, and return all that was written."""
        last = {event.paper_id: event for event in self._said if event.kind.is_vote}
        newest = {paper_id: event for (paper_id, _), event in self.standing().items()}
        for paper_id, event in newest.items():
            if (last[paper_id].kind, last[paper_id].interest) != (event.kind, event.interest):
                self.append(paper_id, event.kind, event.at, event.interest)
        return self._said[self._read :]


def _spread(
    session: Session, reader_id: int, paper_ids: Sequence[str], source: int, target: int, *, now: datetime, keep: bool
) -> list[Event]:
    if source == target:
        raise StoreError("a paper cannot be moved to where it is: choose another interest")
    log = _Log(session, reader_id, paper_ids)
    before = log.standing()
    for paper_id in dict.fromkeys(paper_ids):
        liked = before.get((paper_id, source))
        if liked is None or liked.kind is not EventKind.UPVOTE:
            continue
        if not keep:
            log.append(paper_id, EventKind.CLEAR, now, source)
        there = before.get((paper_id, target))
        if there is None or there.kind is not EventKind.UPVOTE:
            log.append(paper_id, EventKind.UPVOTE, liked.at, target)
    return log.settled()

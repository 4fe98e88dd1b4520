"""A session and gestures in, the log out: appended to, read back, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import bindparam, func, select

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import EventRow
from recommender.store.tables_reader import InterestRow
from recommender.types import Channel, Event, EventKind

__all__ = [
    "MOVING",
    "Word",
    "append",
    "append_all",
    "extent",
    "histories",
    "history",
    "last_id",
    "last_ids",
    "liked",
    "likes",
    "newest",
    "of_papers",
    "speaks",
    "upvotes",
    "words",
]

# The kinds that move the profile, and with it the page. A click does not: see rank.profile.
MOVING = tuple(kind for kind in EventKind if kind is not EventKind.CLICK)
_VOTES = tuple(kind.value for kind in EventKind if kind.is_vote)
# Made once, of columns: a history is read for every page, and to put a query together takes longer than to answer it.
_T = EventRow.__table__.c
_OF_READERS = _T.reader_id.in_(bindparam("readers", expanding=True))
_HISTORIES = (
    select(_T.id, _T.reader_id, _T.paper_id, _T.kind, _T.at, _T.item_id, _T.channel, _T.interest_id)
    .where(_OF_READERS)
    .order_by(_T.reader_id, _T.id)  # as the index has them
)
_LAST = (
    select(_T.reader_id, func.max(_T.id)).where(_OF_READERS, _T.kind.in_([kind.value for kind in MOVING])).group_by(_T.reader_id)
)
_KINDS = {kind.value: kind for kind in EventKind}
_CHANNELS = {channel.value: channel for channel in Channel}


@dataclass(frozen=True, slots=True)
class Word:
    """A reader's last word on one paper: a live vote (None when there is none or it was cleared) and whether it is saved."""

    vote: EventKind | None = None
    saved: bool = False


def append(
    session: Session,
    reader_id: int,
    paper_id: str,
    kind: EventKind,
    *,
    at: datetime,
    item_id: int | None = None,
    channel: Channel = Channel.WEB,
    interest: int = 0,
) -> Event:
    """Write one gesture; nothing enters the log but by this and `append_all`."""
    row = EventRow(
        reader_id=reader_id,
        paper_id=paper_id,
        kind=kind.value,
        at=at,
        item_id=item_id,
        channel=channel.value,
        interest_id=interest,
    )
    session.add(row)
    session.flush()
    return _value(row)


def say(
    session: Session,
    reader_id: int,
    paper_id: str,
    kind: EventKind,
    *,
    at: datetime,
    item_id: int | None = None,
    interest: int = 0,
    channel: Channel = Channel.WEB,
) -> bool:
    """Append one gesture unless it says nothing new; whether it did.

    A vote speaks for one interest; what answers a page of one that is closed by now speaks for the general taste. Taking a vote back,
    or a paper off the shelf, does so for every interest: a reader who presses undo means the paper.
    """
    history = of_papers(session, reader_id, [paper_id])
    closed = interest and session.scalar(select(InterestRow.closed_at).where(InterestRow.id == interest)) is not None
    wanted = [0 if closed else interest]
    if kind in (EventKind.CLEAR, EventKind.UNSAVE):
        wanted = sorted({event.interest for event in history if event.kind.is_shelf == kind.is_shelf and event.kind in MOVING})
    written = False
    for taste in wanted:
        # There is one shelf: what is on it for one interest is not put there again for another.
        own = (event for event in history if event.interest == taste or (kind is EventKind.SAVE and event.kind.is_shelf))
        said = words(own).get(paper_id, Word())
        if _after(said, kind) != said:
            answered = item_id if taste == interest or closed else None
            append(session, reader_id, paper_id, kind, at=at, item_id=answered, channel=channel, interest=taste)
            written = True
    return written


def append_all(
    session: Session,
    reader_id: int,
    paper_ids: Sequence[str],
    kind: EventKind,
    *,
    at: datetime,
    channel: Channel,
    interest: int = 0,
) -> tuple[int, int]:
    """Write the same gesture on many papers, in their order; return the first and the last number, 0 and 0 where there are none."""
    rows = [
        EventRow(reader_id=reader_id, paper_id=i, kind=kind.value, at=at, channel=channel.value, interest_id=interest)
        for i in paper_ids
    ]
    session.add_all(rows)
    session.flush()
    return (min(row.id for row in rows), max(row.id for row in rows)) if rows else (0, 0)


def history(session: Session, reader_id: int, *, as_of: datetime | None = None, cursor: int | None = None) -> list[Event]:
    """Return a reader's events in the order they were written, until a moment and up to an id when these are named."""
    told = histories(session, [reader_id], as_of=as_of)[reader_id]
    return told if cursor is None else [event for event in told if event.id <= cursor]


def histories(session: Session, reader_ids: Sequence[int], *, as_of: datetime | None = None) -> dict[int, list[Event]]:
    """Return the events of several readers, which are read at once."""
    found: dict[int, list[Event]] = {reader_id: [] for reader_id in reader_ids}
    for start in range(0, len(reader_ids), BATCH):
        for row in session.execute(_HISTORIES, {"readers": reader_ids[start : start + BATCH]}):
            event = _told(*row)
            if as_of is None or event.at <= as_of:
                found[event.reader_id].append(event)
    return found


def last_id(session: Session, reader_id: int) -> int:
    """Return the id of the reader's newest event that moves the page; 0 when there is none."""
    return last_ids(session, [reader_id])[reader_id]


def last_ids(session: Session, reader_ids: Sequence[int]) -> dict[int, int]:
    """Return the same for several readers."""
    found = dict.fromkeys(reader_ids, 0)
    for start in range(0, len(reader_ids), BATCH):
        for reader_id, last in session.execute(_LAST, {"readers": reader_ids[start : start + BATCH]}):
            found[reader_id] = last
    return found


def newest(session: Session, reader_id: int) -> Event | None:
    """Return the reader's newest event that moves the page, or None."""
    number = last_id(session, reader_id)
    row = session.get(EventRow, number) if number else None
    return _value(row) if row is not None else None


def speaks(told: Iterable[Event], interest: int, *, after: int = 0) -> bool:
    """Whether anything that a reader said for an interest, after the event of a number, still stands at the end of what they said."""
    last = words(event for event in told if event.interest == interest and event.id > after)
    return any(word != Word() for word in last.values())


def extent(session: Session) -> tuple[int, int]:
    """Return the newest event's id and how many there are: the same pair, the same log."""
    newest, count = session.execute(select(func.max(EventRow.id), func.count())).one()
    return newest or 0, count


def of_papers(session: Session, reader_id: int, paper_ids: Sequence[str]) -> list[Event]:
    """Return a reader's events on these papers, in the order they were written."""
    found: list[Event] = []
    for start in range(0, len(paper_ids), BATCH):
        where = (EventRow.reader_id == reader_id, EventRow.paper_id.in_(paper_ids[start : start + BATCH]))
        found.extend(_value(row) for row in session.scalars(select(EventRow).where(*where)))
    return sorted(found, key=lambda event: event.id)


def words(events: Iterable[Event]) -> dict[str, Word]:
    """Fold events, in the order they were written, into the last word per paper."""
    last: dict[str, Word] = {}
    for event in events:
        word = last.get(event.paper_id, Word())
        if event.kind.is_vote:
            vote = None if event.kind is EventKind.CLEAR else event.kind
            last[event.paper_id] = Word(vote, word.saved)
        elif event.kind.is_shelf:
            last[event.paper_id] = Word(word.vote, event.kind is EventKind.SAVE)
    return last


def likes(events: Iterable[Event]) -> list[str]:
    """Fold events into what is liked: papers with a live up-vote, and saved ones that are not voted on."""
    last = words(events)
    return [i for i, word in last.items() if word.vote is EventKind.UPVOTE or (word.saved and word.vote is None)]


def liked(session: Session, *, until: datetime | None = None) -> dict[int, list[str]]:
    """Return what each reader likes (liked at a moment, when one is named), as `likes` says; readers with none are left out."""
    query = select(EventRow).where(EventRow.kind.in_([kind.value for kind in MOVING])).order_by(EventRow.reader_id, EventRow.id)
    if until is not None:
        query = query.where(EventRow.at < until)
    found: dict[int, list[str]] = {}
    for reader_id, rows in groupby(session.scalars(query), key=lambda row: row.reader_id):
        if own := likes(_value(row) for row in rows):
            found[reader_id] = own
    return found


def upvotes(session: Session, paper_ids: Sequence[str]) -> dict[str, int]:
    """Return how many readers of this Broadsheet have a live up-vote on each paper (papers with none are left out)."""
    counts: dict[str, int] = {}
    for start in range(0, len(paper_ids), BATCH):
        last = (
            select(func.max(EventRow.id))
            .where(EventRow.paper_id.in_(paper_ids[start : start + BATCH]), EventRow.kind.in_(_VOTES))
            .group_by(EventRow.reader_id, EventRow.paper_id)
        )
        query = (
            select(EventRow.paper_id, func.count())
            .where(EventRow.id.in_(last), EventRow.kind == EventKind.UPVOTE.value)
            .group_by(EventRow.paper_id)
        )
        counts.update({row[0]: row[1] for row in session.execute(query)})
    return counts


def _after(word: Word, kind: EventKind) -> Word:
    """What the reader's last word would be."""
    if kind.is_shelf:
        return Word(word.vote, kind is EventKind.SAVE)
    return Word(None if kind is EventKind.CLEAR else kind, word.saved)


def _value(row: EventRow) -> Event:
    return _told(row.id, row.reader_id, row.paper_id, row.kind, row.at, row.item_id, row.channel, row.interest_id)


def _told(
    number: int, reader_id: int, paper_id: str, kind: str, at: datetime, item_id: int | None, channel: str, interest: int
) -> Event:
    return Event(number, reader_id, paper_id, _KINDS[kind], at, item_id, _CHANNELS[channel], interest)

"""A reader's own papers in, likes in the log out: stored ones are liked, those of arXiv are asked for, the rest is stored for them alone.

What came in together can be taken back together: its likes carry their own channel, and their numbers in the log stand in a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recommender.errors import StoreError
from recommender.library import OWN, Entry, paper_of, title_key
from recommender.store import events, papers, wanted
from recommender.store.db import Session
from recommender.types import Channel, EventKind

__all__ = ["Taken", "take", "take_ids", "undo"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list.

    Attributes
    ----------
    liked : tuple of str
        Stored papers that count as liked now.
    known : tuple of str
        Those that were liked before.
    own : tuple of str
        Papers that no source announced: stored for what they teach.
    asked : tuple of str
        Papers of arXiv that are not stored here: the clock fetches them, and likes them in the reader's name.
    refused : tuple of str
        Those of them that are too many to wait for at once.
    nameless : tuple of str
        Entries with neither an id nor a title.
    first, last : int
        The likes' numbers in the log; 0 where none was written.
    """

    liked: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    nameless: tuple[str, ...] = ()
    first: int = 0
    last: int = 0

    @property
    def likes(self) -> int:
        """How many papers of the list count as liked now."""
        return len(self.liked) + len(self.known) + len(self.own)


def take_ids(session: Session, reader_id: int, paper_ids: Sequence[str], *, interest: int = 0, now: datetime) -> Taken:
    """Like the stored ones of these papers, and ask the clock for the others."""
    stored = papers.get(session, paper_ids)
    here = [paper_id for paper_id in dict.fromkeys(paper_ids) if paper_id in stored]
    absent = [paper_id for paper_id in dict.fromkeys(paper_ids) if paper_id not in stored]
    return _take(session, reader_id, here, absent, (), interest=interest, now=now, again=True)


def take(
    session: Session, reader_id: int, entries: Iterable[Entry], *, interest: int = 0, now: datetime, again: bool = True
) -> Taken:
    """Like the papers of a reader's own list, in its order.

    Parameters
    ----------
    session : Session
        Of a transaction that may write.
    reader_id : int
    entries : iterable of Entry
    interest : int, default=0
        The interest the likes speak for.
    now : datetime
    again : bool, default=True
        Whether a paper is liked that the reader has spoken of in this interest before: what was taken back, or voted down.
    """
    listed = list(entries)
    own = {entry: paper_of(entry, now=now) for entry in listed if entry.title}
    stored = papers.get(session, [*(entry.arxiv for entry in listed if entry.arxiv), *(paper.id for paper in own.values())])
    titled = papers.by_title(session, {title_key(entry.title) for entry in listed} - {""}, key=title_key)
    here: dict[str, None] = {}
    new: dict[str, Entry] = {}
    absent: dict[str, None] = {}
    nameless: list[str] = []
    for entry in listed:
        twin = titled.get(title_key(entry.title)) if entry.title else None
        paper_id = entry.arxiv if entry.arxiv in stored else twin
        if paper_id is None and entry.arxiv:
            absent[entry.arxiv] = None
        elif paper_id is not None:
            here[paper_id] = None
        elif entry in own:
            here[own[entry].id] = None
            new.setdefault(own[entry].id, entry)
        else:
            nameless.append(entry.name)
    fresh = [
        own[entry] for paper_id, entry in new.items() if paper_id not in stored
    ]  # what another reader brought stays as it is
    papers.upsert(session, fresh, now=now)
    return _take(session, reader_id, list(here), list(absent), nameless, interest=interest, now=now, again=again)


def undo(session: Session, reader_id: int, first: int, last: int, *, now: datetime) -> int:
    """Take back the likes of one list where the reader has not spoken of the paper since; return how many that were."""
    history = events.history(session, reader_id)
    newest = {event.paper_id: event for event in history if event.kind.is_vote}
    mine = [
        event
        for event in newest.values()
        if first <= event.id <= last and event.channel is Channel.LIBRARY and event.kind is EventKind.UPVOTE
    ]
    for event in mine:
        events.append(
            session, reader_id, event.paper_id, EventKind.CLEAR, at=now, channel=Channel.LIBRARY, interest=event.interest
        )
    return len(mine)


def _take(
    session: Session,
    reader_id: int,
    here: Sequence[str],
    absent: Sequence[str],
    nameless: Sequence[str],
    *,
    interest: int,
    now: datetime,
    again: bool,
) -> Taken:
    said = events.words(event for event in events.of_papers(session, reader_id, here) if event.interest == interest)
    known = {paper_id for paper_id, word in said.items() if word.vote is EventKind.UPVOTE}
    kept = known if again else set(said)
    new = [paper_id for paper_id in here if paper_id not in kept]
    first, last = events.append_all(session, reader_id, new, EventKind.UPVOTE, at=now, channel=Channel.LIBRARY, interest=interest)
    asked = list(absent)
    while asked:
        try:
            wanted.ask(session, reader_id, asked, "like", interest, now=now)
        except StoreError:  # so many cannot wait at once
            asked = asked[: len(asked) // 2]
        else:
            break
    return Taken(
        liked=tuple(paper_id for paper_id in new if not paper_id.startswith(OWN)),
        known=tuple(paper_id for paper_id in here if paper_id in known),
        own=tuple(paper_id for paper_id in new if paper_id.startswith(OWN)),
        asked=tuple(asked),
        refused=tuple(absent[len(asked) :]),
        nameless=tuple(nameless),
        first=first,
        last=last,
    )

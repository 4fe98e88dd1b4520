"""A session and a paper in, its discussion out: said, changed, deleted, reported, and what the owner takes away or puts back.

A remark that its author deletes loses its words at once; the row stays only as long as somebody answered it. One that the owner takes
away keeps them, unseen, so that it can be put back.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from recommender.errors import StoreError
from recommender.store import numbers
from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import PaperRow, ReaderRow
from recommender.store.tables_shared import CommentRow, ReportRow

__all__ = [
    "DEEPEST",
    "LONGEST",
    "MOST",
    "Comment",
    "Report",
    "add",
    "change",
    "counts",
    "get",
    "remove",
    "report",
    "reports_open",
    "restore",
    "settle",
    "since",
    "thread",
    "tidy",
    "withdraw",
]

LONGEST = 4000  # characters of one remark
LONGEST_REASON = 300
DEEPEST = 3  # levels that are indented; deeper answers stand under these
MOST = 1000  # remarks of one paper that are shown
_SIDEWAYS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # would turn the text around them, too
_REMARKS = select(CommentRow, ReaderRow.name).outerjoin(ReaderRow, ReaderRow.id == CommentRow.reader_id)


@dataclass(frozen=True, slots=True)
class Comment:
    """One remark.

    Attributes
    ----------
    id : int
    paper_id : str
    reader_id : int or None
        None when its author is gone.
    name : str
        Its author's, or empty.
    parent_id : int or None
        The remark it answers.
    text : str
        Plain text, lines as they were written; empty when its author deleted it.
    created_at : datetime
    edited_at, removed_at : datetime or None
    removed_by : {"", "author", "owner"}
    depth : int
        0 for one that answers the paper itself, at most `DEEPEST`.
    """

    id: int
    paper_id: str
    reader_id: int | None
    name: str
    parent_id: int | None
    text: str
    created_at: datetime
    edited_at: datetime | None
    removed_at: datetime | None
    removed_by: str
    depth: int = 0

    def may_change(self, reader_id: int, now: datetime, window: timedelta) -> bool:
        """Whether this reader can still change its words."""
        return self.reader_id == reader_id and self.removed_at is None and now - self.created_at < window


@dataclass(frozen=True, slots=True)
class Report:
    """A remark that readers asked the owner to look at; `reasons` holds who said what, the first one first."""

    comment: Comment
    paper_title: str
    reasons: tuple[tuple[str, str], ...]
    at: datetime


def add(session: Session, paper_id: str, reader_id: int, text: str, *, now: datetime, parent_id: int | None = None) -> Comment:
    """Say something about a stored paper, or answer a remark.

    Raises
    ------
    StoreError
        If there are no words, too many, or the remark to answer is gone.
    """
    plain = _checked(text)
    if parent_id is not None:
        parent = session.get(CommentRow, parent_id)
        if parent is None or parent.paper_id != paper_id or parent.removed_at is not None:
            raise StoreError("the remark you answer is gone: say it as a remark of its own")
    number = numbers.following(session, CommentRow)  # notices are sent of what has a higher one than the last that was told
    facts = {"paper_id": paper_id, "reader_id": reader_id, "parent_id": parent_id, "text": plain}
    row = CommentRow(id=number, **facts, created_at=now, removed_by="")
    session.add(row)
    session.flush()
    return _named(session, row)


def get(session: Session, comment_id: int) -> Comment | None:
    """Return one remark, or None."""
    row = session.get(CommentRow, comment_id) if 0 < comment_id < 2**31 else None
    return _named(session, row) if row is not None else None


def change(session: Session, comment_id: int, reader_id: int, text: str, *, now: datetime, window: timedelta) -> Comment:
    """Give a reader's own remark other words, within a while of its being written.

    Raises
    ------
    StoreError
        If it is not theirs, is gone, is too old to change, or there are no words or too many.
    """
    row = _own(session, comment_id, reader_id)
    if now - row.created_at >= window:
        raise StoreError("this remark is too old to be changed: answer it instead, or delete it")
    plain = _checked(text)
    if plain != row.text:
        row.text, row.edited_at = plain, now
    session.flush()
    return _named(session, row)


def withdraw(session: Session, comment_id: int, reader_id: int, *, now: datetime) -> None:
    """Delete a reader's own remark: its words go, and the rest of it too unless somebody answered.

    Raises
    ------
    StoreError
        If it is not theirs, or is gone.
    """
    _wipe(session, _own(session, comment_id, reader_id), now)


def thread(session: Session, paper_id: str) -> list[Comment]:
    """Return a paper's discussion as it is read: each remark followed by its answers, oldest first.

    What was deleted or taken away is left out, unless an answer to it still stands.
    """
    query = _REMARKS.where(CommentRow.paper_id == paper_id).order_by(CommentRow.id).limit(MOST)
    remarks = [_value(row, name) for row, name in session.execute(query)]
    known = {remark.id for remark in remarks}
    answers: dict[int | None, list[Comment]] = defaultdict(list)
    for remark in remarks:
        answers[remark.parent_id if remark.parent_id in known else None].append(remark)
    standing: set[int] = set()  # those with something to read in them or below them
    for remark in reversed(remarks):  # an answer is newer than what it answers
        if remark.removed_at is None or any(answer.id in standing for answer in answers[remark.id]):
            standing.add(remark.id)
    read: list[Comment] = []
    ahead = [(remark, 0) for remark in reversed(answers[None])]
    while ahead:  # no recursion: a thread may be as deep as it likes
        remark, depth = ahead.pop()
        if remark.id in standing:
            read.append(replace(remark, depth=min(depth, DEEPEST)))
            ahead.extend((answer, depth + 1) for answer in reversed(answers[remark.id]))
    return read


def counts(session: Session, paper_ids: Sequence[str]) -> dict[str, int]:
    """Return how many remarks stand under each paper (papers with none are left out)."""
    found: dict[str, int] = {}
    for start in range(0, len(paper_ids), BATCH):
        where = (CommentRow.paper_id.in_(paper_ids[start : start + BATCH]), CommentRow.removed_at.is_(None))
        query = select(CommentRow.paper_id, func.count()).where(*where).group_by(CommentRow.paper_id)
        found.update({row[0]: row[1] for row in session.execute(query)})
    return found


def since(session: Session, comment_id: int, *, limit: int = 500) -> list[Comment]:
    """Return remarks written after one, oldest first."""
    query = _REMARKS.where(CommentRow.id > comment_id).order_by(CommentRow.id).limit(limit)
    return [_value(row, name) for row, name in session.execute(query)]


def report(session: Session, comment_id: int, reader_id: int, reason: str, *, now: datetime) -> None:
    """Ask the owner to look at somebody else's remark; asking twice is asking once.

    Raises
    ------
    StoreError
        If the remark is gone, is the reader's own, or the reason is too long.
    """
    row = session.get(CommentRow, comment_id)
    if row is None or row.removed_at is not None:
        raise StoreError("that remark is gone already")
    if row.reader_id == reader_id:
        raise StoreError("this remark is your own: delete it instead")
    plain = " ".join(_plain(reason).split())
    if len(plain) > LONGEST_REASON:
        raise StoreError(f"a reason has at most {LONGEST_REASON} characters")
    where = (ReportRow.comment_id == comment_id, ReportRow.reader_id == reader_id)
    known = session.scalar(select(ReportRow).where(*where))
    if known is None:
        session.add(ReportRow(comment_id=comment_id, reader_id=reader_id, reason=plain, at=now))
    elif known.settled_at is None:
        known.reason = plain
    elif row.edited_at is not None and row.edited_at > known.settled_at:  # the owner saw other words
        known.reason, known.at, known.settled_at = plain, now, None
    session.flush()


def reports_open(session: Session, *, limit: int = 200) -> list[Report]:
    """Return the remarks that the owner has still to look at, the one reported first, first."""
    reporter = select(ReportRow, ReaderRow.name).outerjoin(ReaderRow, ReaderRow.id == ReportRow.reader_id)
    said: dict[int, list[tuple[str, str]]] = defaultdict(list)
    first: dict[int, datetime] = {}
    for row, name in session.execute(reporter.where(ReportRow.settled_at.is_(None)).order_by(ReportRow.at, ReportRow.id)):
        said[row.comment_id].append((name or "", row.reason))
        first.setdefault(row.comment_id, row.at)
    chosen = list(said)[:limit]
    query = (
        select(CommentRow, ReaderRow.name, PaperRow.title)
        .join(PaperRow, PaperRow.id == CommentRow.paper_id)
        .outerjoin(ReaderRow, ReaderRow.id == CommentRow.reader_id)
        .where(CommentRow.id.in_(chosen))
    )
    found = {row.id: (_value(row, name), title) for row, name, title in session.execute(query)}
    return [Report(*found[number], tuple(said[number]), first[number]) for number in chosen if number in found]


def settle(session: Session, comment_id: int, *, now: datetime) -> int:
    """Note that the owner looked at what was reported of a remark; return how many reports that answers."""
    where = (ReportRow.comment_id == comment_id, ReportRow.settled_at.is_(None))
    numbers = list(session.scalars(select(ReportRow.id).where(*where)))
    session.execute(update(ReportRow).where(ReportRow.id.in_(numbers)).values(settled_at=now))
    return len(numbers)


def remove(session: Session, comment_id: int, *, now: datetime) -> bool:
    """Take a remark away because the owner decides so; its reports are settled by that. False when there is none to take."""
    row = session.get(CommentRow, comment_id)
    if row is None or row.removed_at is not None:
        return False
    row.removed_at, row.removed_by = now, "owner"
    session.flush()
    settle(session, comment_id, now=now)
    return True


def restore(session: Session, comment_id: int) -> bool:
    """Put back a remark that the owner took away; what its author deleted is gone. False when there is none to put back."""
    row = session.get(CommentRow, comment_id)
    if row is None or row.removed_by != "owner":
        return False
    row.removed_at, row.removed_by = None, ""
    session.flush()
    return True


def tidy(text: str) -> str:
    """Return what would be kept of some words: without controls, and without space at the ends and behind lines."""
    return "\n".join(line.rstrip() for line in _plain(text).strip().split("\n"))


def _checked(text: str) -> str:
    plain = tidy(text)
    if not plain:
        raise StoreError("there is nothing to say yet: write a remark first")
    if len(plain) > LONGEST:
        raise StoreError(f"a remark has at most {LONGEST:,} characters: this one has {len(plain):,}")
    return plain


def _plain(text: str) -> str:
    """Return the text with one kind of line end and without controls."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = (x for x in lines if x == "\n" or (x not in _SIDEWAYS and unicodedata.category(x) not in ("Cc", "Cs")))
    return "".join(kept)


def _own(session: Session, comment_id: int, reader_id: int) -> CommentRow:
    row = session.get(CommentRow, comment_id)
    if row is None or row.reader_id != reader_id or row.removed_at is not None:
        raise StoreError("there is no such remark of yours")
    return row


def _wipe(session: Session, row: CommentRow, now: datetime) -> None:
    answered = session.scalar(select(func.count()).where(CommentRow.parent_id == row.id))
    if answered:
        row.text, row.removed_at, row.removed_by = "", row.removed_at or now, "author"
        session.execute(delete(ReportRow).where(ReportRow.comment_id == row.id))
    else:
        numbers.retire(session, CommentRow, now)
        session.delete(row)
    session.flush()


def _named(session: Session, row: CommentRow) -> Comment:
    author = session.get(ReaderRow, row.reader_id) if row.reader_id is not None else None
    return _value(row, author.name if author is not None else None)


def _value(row: CommentRow, name: str | None) -> Comment:
    return Comment(
        id=row.id,
        paper_id=row.paper_id,
        reader_id=row.reader_id,
        name=name or "",
        parent_id=row.parent_id,
        text=row.text,
        created_at=row.created_at,
        edited_at=row.edited_at,
        removed_at=row.removed_at,
        removed_by=row.removed_by,
    )

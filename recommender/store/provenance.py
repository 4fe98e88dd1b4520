"""A session and a paper in, where it comes from out: its earlier texts, who announced it and when, and who here speaks up for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from recommender.store.db import Session
from recommender.store.tables import EventRow, PaperSourceRow, PaperVersionRow, ReaderRow
from recommender.types import LIBRARY, EventKind, Paper

__all__ = ["Announced", "Earlier", "announced", "earlier", "is_open_to", "speak_up"]

_VOTES = tuple(kind.value for kind in EventKind if kind.is_vote)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A text that a newer one replaced, and when."""

    version: int
    title: str
    abstract: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """That a source announced a paper, for which day, and when it was first read there."""

    source: str
    day: date
    first_seen_at: datetime


def earlier(session: Session, paper_id: str, *, limit: int = 20) -> list[Earlier]:
    """Return the texts a paper had before, the one replaced last first."""
    query = select(PaperVersionRow).where(PaperVersionRow.paper_id == paper_id).order_by(PaperVersionRow.id.desc()).limit(limit)
    return [Earlier(row.version, row.title, row.abstract, row.replaced_at) for row in session.scalars(query)]


def announced(session: Session, paper_id: str) -> list[Announced]:
    """Return the sources that announced a paper, the first one first."""
    query = select(PaperSourceRow).where(PaperSourceRow.paper_id == paper_id)
    rows = session.scalars(query.order_by(PaperSourceRow.first_seen_at, PaperSourceRow.announced_on, PaperSourceRow.source))
    return [Announced(row.source, row.announced_on, row.first_seen_at) for row in rows]


def is_open_to(session: Session, paper: Paper, reader_id: int) -> bool:
    """Whether a reader may see a paper: what somebody brought along for themselves is theirs alone."""
    if paper.source != LIBRARY:
        return True
    where = (EventRow.reader_id == reader_id, EventRow.paper_id == paper.id)
    return session.scalar(select(EventRow.id).where(*where).limit(1)) is not None


def speak_up(session: Session, paper_id: str, *, limit: int = 50) -> list[str]:
    """Return the names of readers who up-voted a paper and let others see it, by name; everybody else's vote is their own."""
    last = (
        select(func.max(EventRow.id)).where(EventRow.paper_id == paper_id, EventRow.kind.in_(_VOTES)).group_by(EventRow.reader_id)
    )
    query = (
        select(ReaderRow.name)
        .join(EventRow, EventRow.reader_id == ReaderRow.id)
        .where(EventRow.id.in_(last), EventRow.kind == EventKind.UPVOTE.value)
        .where(ReaderRow.votes_public, ReaderRow.disabled_at.is_(None), ReaderRow.simulated.is_(False))
        .order_by(ReaderRow.name)
        .limit(limit)
    )
    return list(session.scalars(query))

"""A session in, what the owner of a Broadsheet sees of it out: readers without their votes, removed remarks, sizes.

Nothing here says what a reader voted on, saved, wrote beside a paper, or at which address they get mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from recommender.store import papers, vectors
from recommender.store.db import Session
from recommender.store.tables import EventRow, ModelRow, PageRow, PaperRow, ReaderRow, VectorRow
from recommender.store.tables_shared import CommentRow
from recommender.types import EventKind

__all__ = [
    "Person",
    "Removed",
    "Stored",
    "people",
    "removed_remarks",
    "stored",
]


@dataclass(frozen=True, slots=True)
class Person:
    """A reader as the owner sees them: `votes` is how many gestures of theirs teach the ranking, never which."""

    id: int
    name: str
    is_owner: bool
    is_curator: bool
    has_email: bool
    digest_on: bool
    created_at: datetime
    last_seen_at: datetime | None
    disabled_at: datetime | None
    votes: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A remark that the owner took away."""

    id: int
    paper_id: str
    paper_title: str
    name: str
    text: str
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """How much there is of everything; `bytes` is the size of the database, None where it does not say."""

    papers: int
    editions: int
    vectors: int
    encoder: str | None
    events: int
    pages: int
    models: int
    bytes: int | None


def people(session: Session) -> list[Person]:
    """Return every reader who is not simulated, the last seen first."""
    teaching = [kind.value for kind in (EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE)]
    counts = select(EventRow.reader_id, func.count()).where(EventRow.kind.in_(teaching)).group_by(EventRow.reader_id)
    votes = {row[0]: row[1] for row in session.execute(counts)}
    rows = session.scalars(select(ReaderRow).where(ReaderRow.simulated.is_(False)).order_by(ReaderRow.id))
    found = [
        Person(
            id=row.id,
            name=row.name,
            is_owner=row.is_owner,
            is_curator=row.is_curator,
            has_email=row.email is not None,
            digest_on=row.digest_on,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            disabled_at=row.disabled_at,
            votes=votes.get(row.id, 0),
        )
        for row in rows
    ]
    return sorted(found, key=lambda person: person.last_seen_at or person.created_at, reverse=True)


def removed_remarks(session: Session, *, limit: int = 50) -> list[Removed]:
    """Return the remarks that the owner took away and could put back, the last one first."""
    query = (
        select(CommentRow, ReaderRow.name, PaperRow.title)
        .join(PaperRow, PaperRow.id == CommentRow.paper_id)
        .outerjoin(ReaderRow, ReaderRow.id == CommentRow.reader_id)
        .where(CommentRow.removed_by == "owner", CommentRow.removed_at.is_not(None))
        .order_by(CommentRow.removed_at.desc(), CommentRow.id.desc())
        .limit(limit)
    )
    return [
        Removed(row.id, row.paper_id, title, name or "", row.text, row.removed_at)
        for row, name, title in session.execute(query)
        if row.removed_at is not None
    ]


def stored(session: Session) -> Stored:
    """Return how much there is of everything."""
    encoder = vectors.current_encoder(session)
    return Stored(
        papers=papers.count(session),
        editions=session.scalar(select(func.count(PaperRow.edition.distinct()))) or 0,
        vectors=_count(session, VectorRow),
        encoder=encoder,
        events=_count(session, EventRow),
        pages=_count(session, PageRow),
        models=_count(session, ModelRow),
        bytes=_size(session),
    )


def _count(session: Session, table: type[VectorRow | EventRow | PageRow | ModelRow]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def _size(session: Session) -> int | None:
    """Ask the database for its size, in its own words."""
    dialect = session.get_bind().dialect.name
    if dialect == "sqlite":
        pages, size = (session.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
        return int(pages) * int(size)
    if dialect == "postgresql":
        return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    return None

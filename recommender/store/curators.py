"""A session and a curator in, what they recommend to everyone out: picked with a note, taken back, and who picked what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from recommender.errors import StoreError
from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import PickRow

__all__ = ["LONGEST_NOTE", "Pick", "by_papers", "pick", "recent", "take_back"]

LONGEST_NOTE = 300  # characters

_PICKED = (
    select(PickRow, ReaderRow.name)
    .join(ReaderRow, ReaderRow.id == PickRow.reader_id)
    .where(ReaderRow.is_curator, ReaderRow.disabled_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class Pick:
    """That a curator recommends a paper to everyone, and why, in their words."""

    paper_id: str
    reader_id: int
    name: str
    note: str
    at: datetime


def pick(session: Session, paper_id: str, reader_id: int, note: str = "", *, now: datetime) -> Pick:
    """Recommend a stored paper to everyone; a second time only changes the note.

    Raises
    ------
    StoreError
        If the reader is no curator, or the note is too long.
    """
    reader = session.get(ReaderRow, reader_id)
    if reader is None or not reader.is_curator:
        raise StoreError("only curators pick for everyone: whoever runs this Broadsheet appoints them")
    note = " ".join(note.replace("\x00", "").split())
    if len(note) > LONGEST_NOTE:
        raise StoreError(f"a note has at most {LONGEST_NOTE} characters: this one has {len(note)}")
    row = session.get(PickRow, (paper_id, reader_id))
    if row is None:
        row = PickRow(paper_id=paper_id, reader_id=reader_id, note=note, at=now)
        session.add(row)
    row.note = note
    session.flush()
    return Pick(paper_id, reader_id, reader.name, note, row.at)


def take_back(session: Session, paper_id: str, reader_id: int) -> None:
    """Recommend a paper no longer."""
    session.execute(delete(PickRow).where(PickRow.paper_id == paper_id, PickRow.reader_id == reader_id))


def by_papers(session: Session, paper_ids: Sequence[str]) -> dict[str, tuple[Pick, ...]]:
    """Return who picked these papers, the first one first; what a former curator picked does not count."""
    found: dict[str, tuple[Pick, ...]] = {}
    for start in range(0, len(paper_ids), BATCH):
        query = _PICKED.where(PickRow.paper_id.in_(paper_ids[start : start + BATCH])).order_by(PickRow.at, PickRow.reader_id)
        for row, name in session.execute(query):
            found[row.paper_id] = (*found.get(row.paper_id, ()), _value(row, name))
    return found


def recent(session: Session, *, limit: int = 50) -> list[Pick]:
    """Return the newest picks of all curators, newest first."""
    query = _PICKED.order_by(PickRow.at.desc(), PickRow.paper_id).limit(limit)
    return [_value(row, name) for row, name in session.execute(query)]


def _value(row: PickRow, name: str) -> Pick:
    return Pick(row.paper_id, row.reader_id, name, row.note, row.at)

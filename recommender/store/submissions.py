"""A session and papers in, who brought them in out: the first reader who submitted a paper counts, and stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import SubmissionRow

__all__ = ["Submission", "by_papers", "of_reader", "recent", "record"]

_SUBMITTED = select(SubmissionRow, ReaderRow.name).outerjoin(ReaderRow, ReaderRow.id == SubmissionRow.reader_id)
_NEWEST = (SubmissionRow.at.desc(), SubmissionRow.paper_id)


@dataclass(frozen=True, slots=True)
class Submission:
    """That a reader brought a paper in; the name is empty when that reader is gone."""

    paper_id: str
    reader_id: int | None
    name: str
    at: datetime


def record(session: Session, paper_id: str, reader_id: int, *, now: datetime) -> Submission:
    """Note that a reader submits a stored paper, unless somebody did before; return whose submission it is."""
    known = by_papers(session, [paper_id]).get(paper_id)
    if known is not None:
        return known
    session.add(SubmissionRow(paper_id=paper_id, reader_id=reader_id, at=now))
    session.flush()
    return by_papers(session, [paper_id])[paper_id]


def by_papers(session: Session, paper_ids: Sequence[str]) -> dict[str, Submission]:
    """Return who brought these papers in (papers that nobody did are left out)."""
    found: dict[str, Submission] = {}
    for start in range(0, len(paper_ids), BATCH):
        query = _SUBMITTED.where(SubmissionRow.paper_id.in_(paper_ids[start : start + BATCH]))
        found.update({row.paper_id: _value(row, name) for row, name in session.execute(query)})
    return found


def of_reader(session: Session, reader_id: int, *, limit: int = 200) -> list[Submission]:
    """Return what a reader brought in, newest first."""
    query = _SUBMITTED.where(SubmissionRow.reader_id == reader_id).order_by(*_NEWEST).limit(limit)
    return [_value(row, name) for row, name in session.execute(query)]


def recent(session: Session, *, limit: int = 50) -> list[Submission]:
    """Return the newest submissions of everybody, newest first."""
    return [_value(row, name) for row, name in session.execute(_SUBMITTED.order_by(*_NEWEST).limit(limit))]


def _value(row: SubmissionRow, name: str | None) -> Submission:
    return Submission(row.paper_id, row.reader_id, name or "", row.at)

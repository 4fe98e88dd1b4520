"""A session and a moment in, due jobs and the ledger out: what the clock must do, did, and what each source last said.

A job is claimed by moving its `next_at` with a conditional update: of two clocks, only one sees its update succeed. The ledger's
unique key (job, due time, attempt) is the second lock. A run whose process died is taken up again once its claim is too old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func, select, update

from recommender.store.db import Session
from recommender.store.tables import JobRow, RunRow, SourceRow

__all__ = [
    "KEPT",
    "MAX_ATTEMPTS",
    "Claim",
    "Run",
    "SourceState",
    "begin_now",
    "claim",
    "due",
    "finish",
    "last_runs",
    "make_due",
    "newest_ok",
    "next_at",
    "recent",
    "reclaim",
    "schedule",
    "source_failed",
    "source_said",
    "sources",
    "unschedule",
]

MAX_ATTEMPTS = 3
KEPT = timedelta(days=90)  # of the ledger: jobs that run every few minutes write hundreds of lines a day


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one job for one due time."""

    run_id: int
    job: str
    due_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the ledger; `status` is running, ok, failed or lost."""

    id: int
    job: str
    due_at: datetime
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    status: str
    worker: str
    detail: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source last said, and when it may be asked again if it named a time."""

    name: str
    asked_at: datetime
    ok_at: datetime | None
    papers: int
    error: str | None
    failures: int
    retry_at: datetime | None
    validators: Mapping[str, Any]


def schedule(session: Session, job: str, first_at: datetime) -> None:
    """Make sure a job has a due time; one that has one keeps it."""
    if session.get(JobRow, job) is None:
        session.add(JobRow(name=job, next_at=first_at))
        session.flush()


def unschedule(session: Session, job: str) -> None:
    """Take the due time from a job that is not asked for any more; what it did stays in the ledger."""
    session.execute(delete(JobRow).where(JobRow.name == job))


def next_at(session: Session, job: str) -> datetime | None:
    """Return when a job is next due, or None when it was never scheduled."""
    row = session.get(JobRow, job)
    return row.next_at if row else None


def due(session: Session, now: datetime) -> dict[str, datetime]:
    """Return the jobs whose time has come, with that time."""
    rows = session.execute(select(JobRow.name, JobRow.next_at).where(JobRow.next_at <= now))
    return {row[0]: row[1] for row in rows}


def make_due(session: Session, job: str, now: datetime) -> bool:
    """Let a job be due now instead of later, so that the clock does it at its next look; False when there is no such job."""
    row = session.get(JobRow, job)
    if row is None:
        return False
    if now < row.next_at:
        known = (RunRow.job == job, RunRow.due_at >= now, RunRow.due_at < row.next_at)
        last = session.scalar(select(func.max(RunRow.due_at)).where(*known))
        row.next_at = now if last is None else last + timedelta(microseconds=1)  # a slot is run once: this is another one
    session.flush()
    return True


def claim(session: Session, job: str, due_at: datetime, following: datetime, *, now: datetime, worker: str = "") -> Claim | None:
    """Take a due job by moving its due time from `due_at` to `following`; None when somebody else was faster."""
    where = (JobRow.name == job, JobRow.next_at == due_at)
    result = session.execute(update(JobRow).where(*where).values(next_at=following))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    return _begin(session, job, due_at, 1, now, worker)


def begin_now(session: Session, job: str, *, now: datetime, worker: str = "") -> Claim:
    """Begin a run that a person asked for; the schedule stays as it is."""
    return _begin(session, job, now, 1, now, worker)


def reclaim(session: Session, job: str, *, now: datetime, older_than: timedelta, worker: str = "") -> Claim | None:
    """Take up a run whose process died: it began longer ago than its claim holds and never ended."""
    where = (RunRow.job == job, RunRow.status == "running", RunRow.started_at <= now - older_than)
    row = session.scalar(select(RunRow).where(*where).order_by(RunRow.id.desc()).limit(1))
    if row is None:
        return None
    lost = (RunRow.id == row.id, RunRow.status == "running")
    told = "its process ended before it did"
    result = session.execute(update(RunRow).where(*lost).values(status="lost", ended_at=now, error=told))
    if not isinstance(result, CursorResult) or result.rowcount != 1 or row.attempt >= MAX_ATTEMPTS:
        return None
    return _begin(session, job, row.due_at, row.attempt + 1, now, worker)


def finish(
    session: Session,
    claim: Claim,
    *,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Write down how a run ended: ok, or failed when there is an error; lines of the job older than `KEPT` go."""
    session.execute(
        update(RunRow)
        .where(RunRow.id == claim.run_id, RunRow.status == "running")
        .values(status="failed" if error else "ok", ended_at=now, detail=dict(detail or {}), error=error)
    )
    session.execute(delete(RunRow).where(RunRow.job == claim.job, RunRow.due_at < claim.due_at - KEPT))


def recent(session: Session, *, limit: int = 20, job: str | None = None) -> list[Run]:
    """Return the newest lines of the ledger (of one job, when it is named), newest first."""
    query = select(RunRow).order_by(RunRow.id.desc()).limit(limit)
    if job is not None:
        query = query.where(RunRow.job == job)
    return [_run(row) for row in session.scalars(query)]


def newest_ok(session: Session, job: str) -> Run | None:
    """Return the newest run of a job that ended well, or None."""
    query = select(RunRow).where(RunRow.job == job, RunRow.status == "ok").order_by(RunRow.id.desc()).limit(1)
    row = session.scalar(query)
    return _run(row) if row is not None else None


def last_runs(session: Session) -> dict[str, Run]:
    """Return the newest run of each job."""
    found: dict[str, Run] = {}
    for name in session.scalars(select(JobRow.name).order_by(JobRow.name)):
        for run in recent(session, limit=1, job=name):
            found[name] = run
    return found


def source_said(session: Session, name: str, *, now: datetime, papers: int, validators: Mapping[str, Any] | None = None) -> None:
    """Note that a source answered, how many papers it gave, and what to send next time so that it need not repeat itself."""
    row = _source(session, name, now)
    row.asked_at, row.ok_at, row.papers, row.error, row.failures, row.retry_at = now, now, papers, None, 0, None
    if validators is not None:
        row.validators = dict(validators)
    session.flush()


def source_failed(session: Session, name: str, *, now: datetime, error: str, retry_at: datetime | None = None) -> None:
    """Note that a source could not be read, and when it asked to be left alone until."""
    row = _source(session, name, now)
    row.asked_at, row.error, row.failures, row.retry_at = now, error, row.failures + 1, retry_at
    session.flush()


def sources(session: Session) -> list[SourceState]:
    """Return what every source last said."""
    return [_state(row) for row in session.scalars(select(SourceRow).order_by(SourceRow.name))]


def _begin(session: Session, job: str, due_at: datetime, attempt: int, now: datetime, worker: str) -> Claim:
    row = RunRow(job=job, due_at=due_at, attempt=attempt, started_at=now, status="running", worker=worker[:100], detail={})
    session.add(row)
    session.flush()
    return Claim(row.id, job, due_at, attempt)


def _source(session: Session, name: str, now: datetime) -> SourceRow:
    row = session.get(SourceRow, name)
    if row is None:
        row = SourceRow(name=name, asked_at=now, papers=0, failures=0, validators={})
        session.add(row)
    return row


def _state(row: SourceRow) -> SourceState:
    return SourceState(
        name=row.name,
        asked_at=row.asked_at,
        ok_at=row.ok_at,
        papers=row.papers,
        error=row.error,
        failures=row.failures,
        retry_at=row.retry_at,
        validators=dict(row.validators),
    )


def _run(row: RunRow) -> Run:
    return Run(
        id=row.id,
        job=row.job,
        due_at=row.due_at,
        attempt=row.attempt,
        started_at=row.started_at,
        ended_at=row.ended_at,
        status=row.status,
        worker=row.worker,
        detail=dict(row.detail),
        error=row.error,
    )

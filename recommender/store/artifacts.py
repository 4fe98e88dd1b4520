"""A session, a folder and model text in, published models out: files written whole, checked before they are read, one current.

A model file is text. It is written to a temporary name, flushed to the disk and renamed, and its SHA-256 is kept in the database:
a damaged LightGBM text does not raise, it ends the process, so no byte of it reaches LightGBM before the sum agrees.

    candidate ──► live ──► retired      replaced by a better one; a rollback makes it live again
        │  ▲        └────► withdrawn    taken back by a rollback: later rollbacks pass it over, promoting it by hand does not
        ▼  │
      trial ──► refused                 shares the pages with the live one until the readers have decided

Going back follows `promoted_at`, which a rollback leaves as it was: so rolling back twice goes back by two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from recommender.errors import ModelDamaged, ModelError, NotTrained
from recommender.store.db import Session
from recommender.store.slots import in_use
from recommender.store.tables import Current, ModelRow

__all__ = [
    "Model",
    "add",
    "challenge",
    "current",
    "earlier",
    "end_trial",
    "exists",
    "get",
    "listing",
    "promote",
    "prune",
    "read",
    "refuse",
    "rival",
    "rollback",
]

SLOT = "ranker"
TRIAL = "rival"


@dataclass(frozen=True, slots=True)
class Model:
    """One version. `kind` is blend (no learning) or boosted; `state` is candidate, trial, live, retired, withdrawn or refused."""

    version: str
    kind: str
    schema: str
    sha256: str
    state: str
    reason: str
    report: Mapping[str, Any]
    papers: int
    created_at: datetime
    promoted_at: datetime | None


def add(
    session: Session,
    folder: Path,
    version: str,
    text: str,
    *,
    kind: str,
    schema: str,
    papers: int,
    now: datetime,
    report: Mapping[str, Any] | None = None,
) -> Model:
    """Write a model's file whole and note it as a candidate.

    Raises
    ------
    ModelError
        If there is a version of that name already (its file is not touched), or the file cannot be written.
    """
    if exists(session, version):
        raise ModelError(f"there is a model {version!r} already: a version is never written twice")
    body = text.encode()
    _write_whole(_path(folder, version), body)
    row = ModelRow(
        version=version,
        kind=kind,
        schema=schema,
        sha256=hashlib.sha256(body).hexdigest(),
        state="candidate",
        reason="",
        report=dict(report or {}),
        papers=papers,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _value(row)


def read(session: Session, folder: Path, version: str) -> str:
    """Return a model's text, byte for byte as it was published.

    Raises
    ------
    NotTrained
        If there is no such version.
    ModelDamaged
        If its file is missing or its SHA-256 is another.
    """
    row = _row(session, version)
    path = _path(folder, version)
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ModelDamaged(f"model {version}: cannot read {path} ({error.strerror}); roll back or retrain") from None
    if hashlib.sha256(body).hexdigest() != row.sha256:
        raise ModelDamaged(f"model {version}: {path} is not the file that was published; roll back or retrain")
    return body.decode()


def current(session: Session) -> str | None:
    """Return the version that is live, or None before the first one."""
    return in_use(session).get(SLOT)


def exists(session: Session, version: str) -> bool:
    """Whether a version of that name was ever published or refused."""
    return session.get(ModelRow, version) is not None


def get(session: Session, version: str) -> Model:
    """Return one version; raises NotTrained when there is none of that name."""
    return _value(_row(session, version))


def listing(session: Session, *, limit: int = 50) -> list[Model]:
    """Return the newest versions, newest first."""
    return [_value(row) for row in session.scalars(select(ModelRow).order_by(ModelRow.created_at.desc()).limit(limit))]


def promote(session: Session, version: str, *, now: datetime, reason: str = "") -> None:
    """Make a version the live one; the one before it is kept for rollback, and a trial ends."""
    row = _row(session, version)
    end_trial(session, f"its trial ended when {version} went live")
    slot, at = session.get(Current, SLOT), now
    if slot is None:
        session.add(Current(slot=SLOT, value=version, since=now))
    elif slot.value != version:
        before = _leave(session, slot.value, "retired")
        if before is not None and before.promoted_at is not None:
            at = max(now, before.promoted_at + timedelta(microseconds=1))  # after it also where the clock was set back
        slot.previous, slot.value, slot.since = slot.value, version, now
    row.state, row.promoted_at, row.reason = "live", at, reason or row.reason
    session.flush()


def refuse(session: Session, version: str, reason: str) -> None:
    """Note that a candidate will not go live, and why."""
    row = _row(session, version)
    row.state, row.reason = "refused", reason
    session.flush()


def earlier(session: Session) -> list[str]:
    """Return the versions that were live before the live one, newest first: where a rollback may go; not what one took back."""
    live = session.get(ModelRow, current(session) or "")
    if live is None or live.promoted_at is None:
        return []
    query = select(ModelRow).where(ModelRow.state == "retired", ModelRow.promoted_at < live.promoted_at)
    return [row.version for row in session.scalars(query.order_by(ModelRow.promoted_at.desc()))]


def rollback(session: Session, version: str | None, *, now: datetime) -> None:
    """Make an earlier version live again; those that were live since are withdrawn, and a trial ends.

    Parameters
    ----------
    session : Session
    version : str or None
        One of `earlier`, as a rule its first; None goes back to the ranking without learning.
    now : datetime

    Raises
    ------
    ModelError
        If nothing is live, or the version was not live before the live one.
    """
    slot, before = session.get(Current, SLOT), earlier(session)
    if slot is None:
        raise ModelError("no model is live: pages are ranked without learning already")
    if version is not None and version not in before:
        raise ModelError(f"model {version!r} was not live before {slot.value}; `broadsheet models promote` takes any version")
    end_trial(session, f"its trial ended when {slot.value} was taken back")
    since = before if version is None else before[: before.index(version)]
    for left in (slot.value, *since):
        _leave(session, left, "withdrawn")
    if version is None:
        session.delete(slot)
    else:
        row = _row(session, version)
        row.state, row.reason = "live", f"live again since {now:%Y-%m-%d %H:%M} UTC, when {slot.value} was taken back"
        slot.previous, slot.value, slot.since = slot.value, version, now
    session.flush()


def rival(session: Session) -> tuple[str, datetime] | None:
    """Return the version that shares the pages with the live one, and since when; None when there is no trial."""
    row = session.execute(select(Current.value, Current.since).where(Current.slot == TRIAL)).first()
    return (row.value, row.since) if row else None


def challenge(session: Session, version: str, *, now: datetime, reason: str = "") -> None:
    """Let a version share the pages with the live one from now on, until `promote`, `rollback` or `end_trial`.

    Raises
    ------
    ModelError
        If nothing is live, or the version is the live one: it takes two.
    """
    row, live = _row(session, version), current(session)
    if live is None or live == version:
        raise ModelError(f"model {version} has nothing to be compared with: promote another model first")
    end_trial(session, f"its trial ended when that of {version} began")
    session.add(Current(slot=TRIAL, value=version, since=now))
    row.state, row.reason = "trial", reason or row.reason
    session.flush()


def end_trial(session: Session, reason: str) -> None:
    """End the trial, if there is one: its version is refused, for this reason, and can still be promoted."""
    slot = session.get(Current, TRIAL)
    if slot is not None:
        refuse(session, slot.value, reason)
        session.delete(slot)
        session.flush()


def prune(session: Session, folder: Path, *, keep: int) -> list[str]:
    """Delete the files of the oldest versions beyond `keep`; the live one, the one before it and one on trial always stay."""
    held = {current(session), *earlier(session)[:1], *(rival(session) or ())[:1]}
    rows = list(session.scalars(select(ModelRow).order_by(ModelRow.created_at.desc())))
    gone = [row.version for row in rows[keep:] if row.version not in held and _path(folder, row.version).exists()]
    for version in gone:
        _path(folder, version).unlink()
    return gone


def _write_whole(path: Path, body: bytes) -> None:
    """Write under another name, flush to the disk, rename: a reader sees the old file, the new one, or none."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ModelError(f"cannot write {path}: {error.strerror}; make room for it and retrain") from None


def _leave(session: Session, version: str, state: str) -> ModelRow | None:
    """Note what becomes of a version that is not live any more, and return it."""
    row = session.get(ModelRow, version)
    if row is not None:
        row.state = state
    return row


def _path(folder: Path, version: str) -> Path:
    return folder / f"{version}.json"


def _row(session: Session, version: str) -> ModelRow:
    row = session.get(ModelRow, version)
    if row is None:
        raise NotTrained(f"there is no model {version!r}; `broadsheet models list` shows those there are")
    return row


def _value(row: ModelRow) -> Model:
    return Model(
        version=row.version,
        kind=row.kind,
        schema=row.schema,
        sha256=row.sha256,
        state=row.state,
        reason=row.reason,
        report=dict(row.report),
        papers=row.papers,
        created_at=row.created_at,
        promoted_at=row.promoted_at,
    )

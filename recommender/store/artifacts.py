"""A session, a folder and model text in, published models out: files written whole, checked before they are read, one current.

A model file is text. It is written to a temporary name, flushed to the disk and renamed, and its SHA-256 is kept in the database:
a damaged LightGBM text does not raise, it ends the process, so no byte of it reaches LightGBM before the sum agrees.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from recommender.errors import ModelDamaged, ModelError, NotTrained
from recommender.store.db import Session
from recommender.store.tables import Current, ModelRow

__all__ = ["Model", "add", "current", "exists", "get", "listing", "promote", "prune", "read", "refuse", "rollback"]

SLOT = "ranker"


@dataclass(frozen=True, slots=True)
class Model:
    """One version. `kind` is blend (no learning) or boosted; `state` candidate, live, retired or refused."""

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
    row = session.get(Current, SLOT)
    return row.value if row else None


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
    """Make a version the live one; the one before it is kept for rollback."""
    row = _row(session, version)
    slot = session.get(Current, SLOT)
    if slot is None:
        session.add(Current(slot=SLOT, value=version, since=now))
    elif slot.value != version:
        before = session.get(ModelRow, slot.value)
        if before is not None:
            before.state = "retired"
        slot.previous, slot.value, slot.since = slot.value, version, now
    row.state, row.promoted_at, row.reason = "live", now, reason or row.reason
    session.flush()


def refuse(session: Session, version: str, reason: str) -> None:
    """Note that a candidate will not go live, and why."""
    row = _row(session, version)
    row.state, row.reason = "refused", reason
    session.flush()


def rollback(session: Session, *, now: datetime) -> str:
    """Make the version that was live before the live one again, and return its name.

    Raises
    ------
    ModelError
        If there is none to go back to.
    """
    slot = session.get(Current, SLOT)
    if slot is None or slot.previous is None:
        raise ModelError("there is no earlier version to go back to")
    promote(session, slot.previous, now=now, reason=f"rolled back from {slot.value}")
    return slot.value


def prune(session: Session, folder: Path, *, keep: int) -> list[str]:
    """Delete the files of the oldest versions beyond `keep`; the live and the previous one always stay."""
    slot = session.get(Current, SLOT)
    held = {slot.value, slot.previous} if slot else set()
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


def _path(folder: Path, version: str) -> Path:
    return folder / f"{version}.json"


def _row(session: Session, version: str) -> ModelRow:
    row = session.get(ModelRow, version)
    if row is None:
        raise NotTrained(f"there is no model {version!r}; `broadsheet doctor` lists those that are kept")
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

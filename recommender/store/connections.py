"""A session and a reader in, the libraries elsewhere that they connected out: the key, how far it was read, what it last said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from recommender.store.db import Session
from recommender.store.tables import ReaderRow
from recommender.store.tables_reader import ConnectionRow

__all__ = ["ZOTERO", "Connection", "connect", "disconnect", "failed", "get", "listing", "said"]

ZOTERO = "zotero"


@dataclass(frozen=True, slots=True)
class Connection:
    """A library elsewhere that a reader lets Broadsheet read.

    Attributes
    ----------
    reader_id : int
    service : str
    account : str
        Whose library it is, by the service's own number.
    secret : str
        The key to it; never shown again, and in no `repr`.
    interest : int
        The interest its papers are liked for; 0 for the general taste.
    connected_at : datetime
    asked_at : datetime or None
        When it last answered, or failed.
    cursor : str
        How far it was read, in the service's own words; empty before the first time.
    error : str or None
        Why it could not be read the last time.
    """

    reader_id: int
    service: str
    account: str
    secret: str = field(repr=False)
    interest: int
    connected_at: datetime
    asked_at: datetime | None
    cursor: str
    error: str | None


def connect(
    session: Session, reader_id: int, service: str, *, account: str, secret: str, interest: int = 0, now: datetime
) -> Connection:
    """Remember a key, in the place of an earlier one; a library that was read before is read from where it was left."""
    row = session.get(ConnectionRow, (reader_id, service))
    if row is None:
        row = ConnectionRow(reader_id=reader_id, service=service, account=account, cursor="")
        session.add(row)
    if row.account != account or row.interest_id != interest:
        row.cursor = ""
    row.account, row.secret, row.interest_id = account, secret, interest
    row.connected_at, row.asked_at, row.error = now, None, None
    session.flush()
    return _value(row)


def get(session: Session, reader_id: int, service: str) -> Connection | None:
    """Return a reader's connection to a service, or None."""
    row = session.get(ConnectionRow, (reader_id, service))
    return _value(row) if row is not None else None


def listing(session: Session, service: str) -> list[Connection]:
    """Return the connections to a service of everybody who may come in, those asked longest ago first."""
    query = select(ConnectionRow).join(ReaderRow, ReaderRow.id == ConnectionRow.reader_id)
    query = query.where(ConnectionRow.service == service, ReaderRow.disabled_at.is_(None))
    rows = session.scalars(query.order_by(ConnectionRow.reader_id))
    found = [_value(row) for row in rows]
    return sorted(found, key=lambda one: (one.asked_at is not None, one.asked_at or one.connected_at, one.reader_id))


def said(session: Session, reader_id: int, service: str, *, cursor: str, now: datetime) -> None:
    """Note that a library was read until here; nothing where it was disconnected meanwhile."""
    row = session.get(ConnectionRow, (reader_id, service))
    if row is not None:
        row.cursor, row.asked_at, row.error = cursor, now, None
        session.flush()


def failed(session: Session, reader_id: int, service: str, *, error: str, now: datetime) -> None:
    """Note why a library could not be read."""
    row = session.get(ConnectionRow, (reader_id, service))
    if row is not None:
        row.asked_at, row.error = now, error
        session.flush()


def disconnect(session: Session, reader_id: int, service: str) -> None:
    """Forget a connection, its key included; what was liked stays liked."""
    row = session.get(ConnectionRow, (reader_id, service))
    if row is not None:
        session.delete(row)
        session.flush()


def _value(row: ConnectionRow) -> Connection:
    return Connection(
        row.reader_id,
        row.service,
        row.account,
        row.secret,
        row.interest_id,
        row.connected_at,
        row.asked_at,
        row.cursor,
        row.error,
    )

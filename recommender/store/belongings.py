"""A session and a reader in, everything that is theirs out: read whole for an export, or removed for good.

What is a reader's own is found in the schema, by its foreign keys: a table that is added later is exported and removed as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Table, delete, func, or_, select, update

from recommender.errors import StoreError
from recommender.store import numbers
from recommender.store.db import Base, Session
from recommender.store.tables import EventRow, ReaderRow
from recommender.store.tables_reader import CollectedRow, CollectionRow, KeyRow
from recommender.store.tables_shared import CommentRow, ReportRow

__all__ = ["named_papers", "names", "remove", "rows"]

# Secrets, or what a secret could be checked against, leave no house.
SECRET_TABLES = frozenset({"tokens"})
SECRETS = {
    "readers": {"password"},
    "sessions": {"digest"},
    "keys": {"digest"},
    "connections": {"secret"},
    "invitations": {"digest"},
}
# Tables that belong to a reader through another table of theirs: column, and the table it names.
THROUGH = {
    "items": ("page_id", "pages"),
    "impressions": ("item_id", "items"),
    "collected": ("collection_id", "collections"),
}
BATCH = 500  # rows fetched at a time


def names() -> list[str]:
    """Return the tables that hold something of a reader, secrets left out, in an order in which they can be read."""
    return [
        table.name for table in Base.metadata.sorted_tables if _belongs(table) is not None and table.name not in SECRET_TABLES
    ]


def rows(session: Session, name: str, reader_id: int) -> Iterator[dict[str, Any]]:
    """Yield what one table holds of a reader, as values JSON can hold, oldest first."""
    table = Base.metadata.tables[name]
    hidden = SECRETS.get(name, set())
    columns = [column for column in table.columns if column.name not in hidden and not isinstance(column.type, LargeBinary)]
    query = select(*columns).where(_is_of(table, reader_id)).order_by(*table.primary_key.columns)
    for row in session.execute(query.execution_options(yield_per=BATCH)).mappings():
        yield {column.name: _plain(row[column]) for column in columns}


def named_papers(session: Session, reader_id: int) -> list[str]:
    """Return the ids of all papers the reader ever said something of, sorted."""
    found: set[str] = set()
    for name in names():
        table = Base.metadata.tables[name]
        if "paper_id" in table.columns and name not in ("items", "impressions"):
            found.update(session.scalars(select(table.c.paper_id).where(_is_of(table, reader_id)).distinct()))
    return sorted(found)


def remove(session: Session, reader_id: int, *, now: datetime) -> None:
    """Remove a reader and all that is theirs: what they did is in no later training set.

    Remarks that were answered keep their place without their words; papers they brought in stay, without their name.

    Raises
    ------
    StoreError
        If there is no such reader, or nobody else owns this Broadsheet.
    """
    reader = session.get(ReaderRow, reader_id)
    if reader is None:
        raise StoreError("there is no such reader")
    owners = session.scalar(select(func.count()).select_from(ReaderRow).where(ReaderRow.is_owner)) or 0
    if reader.is_owner and owners == 1:
        raise StoreError("the only owner cannot go: a Broadsheet without an owner could not be looked after")
    for table in (ReaderRow, KeyRow, CommentRow):
        numbers.retire(session, table, now)
    _silence(session, reader_id, now)
    held = select(CollectionRow.id).where(CollectionRow.reader_id == reader_id)
    session.execute(delete(CollectedRow).where(CollectedRow.collection_id.in_(held)))
    session.execute(delete(EventRow).where(EventRow.reader_id == reader_id))  # before the items that events name
    session.flush()
    session.expunge(reader)
    session.execute(delete(ReaderRow).where(ReaderRow.id == reader_id))  # the database removes the rest with it
    session.flush()


def _silence(session: Session, reader_id: int, now: datetime) -> None:
    """Take a reader's words out of every discussion; what nobody answered goes altogether."""
    own = CommentRow.reader_id == reader_id
    session.execute(delete(ReportRow).where(ReportRow.comment_id.in_(select(CommentRow.id).where(own))))
    gone = {"text": "", "edited_at": None, "removed_at": func.coalesce(CommentRow.removed_at, now), "removed_by": "author"}
    session.execute(update(CommentRow).where(own).values(gone))
    while True:
        answered = select(CommentRow.parent_id).where(CommentRow.parent_id.is_not(None))
        leaves = session.scalars(select(CommentRow.id).where(own, CommentRow.id.not_in(answered))).all()
        if not leaves:
            return
        session.execute(delete(CommentRow).where(CommentRow.id.in_(leaves)))


def _belongs(table: Table) -> list[str] | None:
    """Return the columns that name the reader a row belongs to; none when it belongs through another table; None when to nobody."""
    if table.name == "readers":
        return ["id"]
    if table.name in THROUGH:
        return []
    return [key.parent.name for key in table.foreign_keys if key.column.table.name == "readers"] or None


def _is_of(table: Table, reader_id: int) -> ColumnElement[bool]:
    """Return the condition under which a row is the reader's."""
    if table.name in THROUGH:
        column, name = THROUGH[table.name]
        parent = Base.metadata.tables[name]
        return table.c[column].in_(select(parent.c.id).where(_is_of(parent, reader_id)))
    return or_(*(table.c[column] == reader_id for column in _belongs(table) or ()))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value

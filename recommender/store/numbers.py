"""A table in, a number that no row of it ever had out: links are signed with numbers, and outlive whoever they were made for.

Of remarks the number says which of them readers were told of already: one that had a deleted one's would never be told of.

PostgreSQL counts on by itself. SQLite gives the number of the newest row again once that row is deleted, so what was deleted is
remembered: the link to the feed of somebody who left must never open the feed of somebody who came.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from recommender.store.db import Session
from recommender.store.tables import Current, ReaderRow
from recommender.store.tables_reader import KeyRow
from recommender.store.tables_shared import CommentRow

__all__ = ["following", "retire"]

Numbered = type[ReaderRow] | type[KeyRow] | type[CommentRow]


def following(session: Session, table: Numbered) -> int | None:
    """Return the number for a new row; None lets the database choose, where it never chooses one again."""
    if session.get_bind().dialect.name != "sqlite":
        return None
    return _highest(session, table) + 1


def retire(session: Session, table: Numbered, now: datetime) -> None:
    """Remember the highest number there was, before rows are deleted."""
    highest = str(_highest(session, table))
    kept = session.get(Current, _slot(table))
    if kept is None:
        session.add(Current(slot=_slot(table), value=highest, since=now))
    else:
        kept.value, kept.since = highest, now
    session.flush()


def _highest(session: Session, table: Numbered) -> int:
    kept = session.get(Current, _slot(table))
    return max(session.scalar(select(func.max(table.id))) or 0, int(kept.value) if kept is not None else 0)


def _slot(table: Numbered) -> str:
    return f"last of {table.__tablename__}"

"""A session in, what is in use out: the live model and its rival, the encoder, how often papers have changed; all in one look."""

from __future__ import annotations

from sqlalchemy import select

from recommender.store.db import Session
from recommender.store.tables import Current

__all__ = ["in_use"]

_T = Current.__table__.c
_ALL = select(_T.slot, _T.value)


def in_use(session: Session) -> dict[str, str]:
    """Return the value of every slot that is filled."""
    return {row.slot: row.value for row in session.execute(_ALL)}

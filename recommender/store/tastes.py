"""A session and a reader in, what they set by hand for each of their tastes out: which tastes share a page, and what each obeys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from recommender.store import events, interests, rules
from recommender.store.db import Session
from recommender.store.interests import Picks
from recommender.store.tables import ReaderRow
from recommender.types import Choices

__all__ = ["GENERAL", "of_page"]

GENERAL = 0  # the taste that needs no name
_T = ReaderRow.__table__.c
_CHOSEN = select(_T.announce, _T.picks, _T.forgotten).where(_T.id == bindparam("reader"))  # made once: every page asks


def of_page(
    session: Session, reader_id: int, interest: int = GENERAL, *, as_of: datetime | None = None, cursor: int | None = None
) -> dict[int, Choices]:
    """Return the tastes that a page is made for, each with what the reader set for it.

    Parameters
    ----------
    session : Session
    reader_id : int
    interest : int, default=0
        A named interest: it alone. 0: all of them, the general taste among them as long as it has something to say.
    as_of : datetime, default=None
        Interests and rules as they were at that moment; None means now.
    cursor : int, default=None
        The newest event that was known then.
    """
    announce, general = _of_reader(session, reader_id)
    if interest:
        chosen = {interest: interests.picks(session, reader_id, interest)}
    else:
        named = {known.id: known.picks for known in interests.listing(session, reader_id, as_of=as_of)}
        chosen = {GENERAL: general, **named} if not named or _speaks(session, reader_id, general, cursor) else named
    decreed = rules.active(session, reader_id, as_of=as_of)
    return {
        taste: Choices(
            tuple(rule for rule in decreed if rule.interest in (GENERAL, taste)),
            announce,
            picks.categories,
            picks.papers,
            picks.forgotten,
        )
        for taste, picks in chosen.items()
    }


def _of_reader(session: Session, reader_id: int) -> tuple[tuple[str, ...], Picks]:
    """Return the kinds of announcement that a reader wants, and what their general taste begins with."""
    row: Any = session.execute(_CHOSEN, {"reader": reader_id}).first()
    if row is None:
        return (), Picks()
    return tuple(kind for kind in row.announce.split(",") if kind), interests.picks_of(row.picks, row.forgotten)


def _speaks(session: Session, reader_id: int, picks: Picks, cursor: int | None) -> bool:
    """Whether the general taste has anything to rank by."""
    return bool(picks.categories or picks.papers) or events.speaks(
        session, reader_id, GENERAL, after=picks.forgotten, until=cursor
    )

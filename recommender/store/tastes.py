"""A session and a reader in, what they set by hand for each of their tastes out: which tastes share a page, and what each obeys."""

from __future__ import annotations

from datetime import datetime

from recommender.store import events, interests, readers, rules
from recommender.store.db import Session
from recommender.types import Choices

__all__ = ["GENERAL", "of_page"]

GENERAL = 0  # the taste that needs no name


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
    named = [known.id for known in interests.listing(session, reader_id, as_of=as_of)]
    chosen = [interest] if interest else [*([GENERAL] if not named or _speaks(session, reader_id, cursor) else []), *named]
    reader = readers.by_id(session, reader_id)
    announce = reader.announce if reader is not None else ()
    decreed = rules.active(session, reader_id, as_of=as_of)
    made: dict[int, Choices] = {}
    for taste in chosen:
        picks = interests.picks(session, reader_id, taste)
        own = tuple(rule for rule in decreed if rule.interest in (GENERAL, taste))
        made[taste] = Choices(own, announce, picks.categories, picks.papers, picks.forgotten)
    return made


def _speaks(session: Session, reader_id: int, cursor: int | None) -> bool:
    """Whether the general taste has anything to rank by."""
    picks = interests.picks(session, reader_id)
    return bool(picks.categories or picks.papers) or events.speaks(
        session, reader_id, GENERAL, after=picks.forgotten, until=cursor
    )

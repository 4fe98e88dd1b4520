"""A session and a reader in, what they set by hand for each of their tastes out: which tastes share a page, and what each obeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from recommender.store import events, interests, rules
from recommender.store.db import Session
from recommender.store.interests import Picks
from recommender.store.papers import BATCH
from recommender.store.tables import ReaderRow
from recommender.types import Choices, Event, Rule

__all__ = ["GENERAL", "is_silent", "of_page", "of_pages"]

GENERAL = 0  # the taste that needs no name
_T = ReaderRow.__table__.c
_CHOSEN = (  # made once: every page asks
    select(_T.id, _T.announce, _T.picks, _T.forgotten).where(_T.id.in_(bindparam("readers", expanding=True)))
)


def of_page(
    session: Session, reader_id: int, interest: int = GENERAL, *, as_of: datetime | None = None, cursor: int | None = None
) -> dict[int, Choices]:
    """Return the tastes that a page is made for, each with what the reader set for it.

    Parameters
    ----------
    session : Session
    reader_id : int
    interest : int, default=0
        A named interest: it alone. 0: all that have something to say, likes or picks or a rule of their own, or else the general taste.
    as_of : datetime, default=None
        Interests and rules as they were at that moment; None means now.
    cursor : int, default=None
        The newest event that was known then.
    """
    return of_pages(session, [reader_id], interest, as_of=as_of, cursor=cursor)[reader_id]


def of_pages(
    session: Session,
    reader_ids: Iterable[int],
    interest: int = GENERAL,
    *,
    as_of: datetime | None = None,
    cursor: int | None = None,
) -> dict[int, dict[int, Choices]]:
    """Return the same for several readers, which is read at once."""
    wanted, found = list(reader_ids), dict[int, dict[int, Choices]]()
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        own = {row.id: row for row in session.execute(_CHOSEN, {"readers": some})}
        named = interests.listings(session, some, as_of=as_of)
        decreed = rules.active_each(session, some, as_of=as_of)
        told = events.histories(session, [reader_id for reader_id in some if named[reader_id]]) if not interest else {}
        for reader_id in some:
            announce, general = _of_reader(own.get(reader_id))
            chosen = {known.id: known.picks for known in named[reader_id]}
            if interest:
                chosen = {interest: interests.picks(session, reader_id, interest)}
            else:
                said = [event for event in told.get(reader_id, ()) if cursor is None or event.id <= cursor]
                chosen = _speaking({GENERAL: general, **chosen}, said, decreed[reader_id]) if chosen else {GENERAL: general}
            found[reader_id] = _choices(chosen, decreed[reader_id], announce)
    return found


def is_silent(session: Session, reader_id: int, interest: int = GENERAL) -> bool:
    """Return whether a page has nothing of its reader to order papers by: neither a like or dislike, nor a pick."""
    if _speaks(interest, interests.picks(session, reader_id, interest), events.history(session, reader_id)):
        return False
    return interest != GENERAL or set(of_page(session, reader_id)) == {GENERAL}  # else interests speak for it


def _choices(chosen: Mapping[int, Picks], decreed: Sequence[Rule], announce: tuple[str, ...]) -> dict[int, Choices]:
    """Join what a reader picked for each taste with the rules that hold for it."""
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


def _of_reader(row: Any) -> tuple[tuple[str, ...], Picks]:
    """Return the kinds of announcement that a reader wants, and what their general taste begins with; None is nobody."""
    if row is None:
        return (), Picks()
    return tuple(kind for kind in row.announce.split(",") if kind), interests.picks_of(row.picks, row.forgotten)


def _speaks(taste: int, picks: Picks, said: Sequence[Event]) -> bool:
    """Whether a taste has a pick, or anything that a reader said for it, to order papers by."""
    return bool(picks.categories or picks.papers) or events.speaks(said, taste, after=picks.forgotten)


def _speaking(chosen: Mapping[int, Picks], said: Sequence[Event], decreed: Sequence[Rule]) -> dict[int, Picks]:
    """Return the tastes that have anything to rank by: another would fill its turns with papers that are nobody's."""
    ruled = {rule.interest for rule in decreed if rule.interest != GENERAL}
    speaking = {taste: picks for taste, picks in chosen.items() if taste in ruled or _speaks(taste, picks, said)}
    return speaking or {GENERAL: chosen[GENERAL]}

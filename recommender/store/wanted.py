"""A session and papers that are not stored in, the queue for the clock out: who wants which paper, and what became of it.

A request is open until the paper is here (`done_at`) or given up (`done_at` and `error`). Between two tries the wait grows, counted
from when it was asked, so that a site that is down for an afternoon costs nobody their paper.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from recommender.errors import StoreError
from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables_reader import WantedRow

__all__ = [
    "GIVEN_UP",
    "INVENTED",
    "MOST",
    "PURPOSES",
    "UNKNOWN",
    "WAITS",
    "Wanted",
    "ask",
    "due",
    "failed",
    "of_reader",
    "open_for",
    "settle",
    "withdraw",
]

PURPOSES = ("like", "submit")
MOST = 1000  # open requests of one reader
WAITS = (timedelta(0), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))  # since it was asked
GIVEN_UP = len(WAITS)  # tries
UNKNOWN = "arXiv knows no such paper, or it was withdrawn"
INVENTED = "the sample edition holds invented papers only: nothing is fetched for it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One paper one reader wants.

    Attributes
    ----------
    id, reader_id : int
    paper_id : str
    purpose : {"like", "submit"}
        What happens in the reader's name when it is here.
    interest : int
        The interest a like is for; 0 for the general taste.
    asked_at : datetime
    tries : int
        How often it was looked for.
    done_at : datetime or None
        When it came, or was given up.
    error : str or None
        Why it is not here yet, or will not come.
    """

    id: int
    reader_id: int
    paper_id: str
    purpose: str
    interest: int
    asked_at: datetime
    tries: int
    done_at: datetime | None
    error: str | None

    @property
    def state(self) -> str:
        """`waiting`, `here` or `given up`."""
        return "waiting" if self.done_at is None else "given up" if self.error else "here"


def ask(
    session: Session, reader_id: int, paper_ids: Sequence[str], purpose: str = "like", interest: int = 0, *, now: datetime
) -> list[Wanted]:
    """Put papers on the list of what the clock fetches; what waits already is asked once, what was given up is tried anew.

    Parameters
    ----------
    session : Session
    reader_id : int
    paper_ids : sequence of str
        Canonical arXiv ids (`arxiv:2601.01234`) of papers that are not stored.
    purpose : {"like", "submit"}
        What to do in the reader's name when they are here.
    interest : int, default=0
        The interest a like is for.
    now : datetime

    Returns
    -------
    list of Wanted
        What waits now of these papers, in their order.

    Raises
    ------
    StoreError
        If the purpose is none, an id is not one of arXiv's, or too many would wait.
    """
    wanted = list(dict.fromkeys(paper_ids))
    if purpose not in PURPOSES:
        raise StoreError(f"a paper is wanted for one of {', '.join(PURPOSES)}")
    if any(not paper_id.startswith("arxiv:") or len(paper_id) > 80 for paper_id in wanted):
        raise StoreError("only papers of arXiv can be fetched: name them by their arXiv id")
    known = {
        row.paper_id: row for row in _rows(session, reader_id, wanted) if (row.purpose, row.interest_id) == (purpose, interest)
    }
    waiting = (WantedRow.reader_id == reader_id, WantedRow.done_at.is_(None))
    more = sum(paper_id not in known or known[paper_id].done_at is not None for paper_id in wanted)
    if more and (session.scalar(select(func.count()).select_from(WantedRow).where(*waiting)) or 0) + more > MOST:
        raise StoreError(f"{MOST} papers can wait at once: ask again when these are here")
    for paper_id in wanted:
        row = known.get(paper_id)
        if row is None:
            row = WantedRow(reader_id=reader_id, paper_id=paper_id, purpose=purpose, interest_id=interest, asked_at=now, tries=0)
            known[paper_id] = row
            session.add(row)
        elif row.done_at is not None:
            row.asked_at, row.tries, row.done_at, row.error = now, 0, None, None
    session.flush()
    return [_value(known[paper_id]) for paper_id in wanted]


def of_reader(session: Session, reader_id: int, *, purpose: str | None = None, limit: int = 200) -> list[Wanted]:
    """Return what a reader asked for (for one purpose, when it is named), newest first."""
    query = select(WantedRow).where(WantedRow.reader_id == reader_id)
    if purpose is not None:
        query = query.where(WantedRow.purpose == purpose)
    return [_value(row) for row in session.scalars(query.order_by(WantedRow.asked_at.desc(), WantedRow.id.desc()).limit(limit))]


def due(session: Session, *, now: datetime, limit: int) -> list[str]:
    """Return ids of papers to look for now, those asked for first, first."""
    ripe = (WantedRow.tries == 0) & (WantedRow.asked_at <= now)
    for tries, wait in enumerate(WAITS[1:], start=1):
        ripe = ripe | ((WantedRow.tries == tries) & (WantedRow.asked_at <= now - wait))
    query = (
        select(WantedRow.paper_id)
        .where(WantedRow.done_at.is_(None), ripe)
        .group_by(WantedRow.paper_id)
        .order_by(func.min(WantedRow.tries), func.min(WantedRow.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def open_for(session: Session, paper_ids: Sequence[str]) -> list[Wanted]:
    """Return every reader's open requests for these papers, oldest first."""
    found: list[WantedRow] = []
    for start in range(0, len(paper_ids), BATCH):
        where = (WantedRow.paper_id.in_(paper_ids[start : start + BATCH]), WantedRow.done_at.is_(None))
        found.extend(session.scalars(select(WantedRow).where(*where)))
    return [_value(row) for row in sorted(found, key=lambda row: row.id)]


def settle(session: Session, ids: Collection[int], *, now: datetime) -> None:
    """Note that these requests are answered."""
    _change(session, ids, done_at=now, error=None)


def failed(session: Session, paper_ids: Sequence[str], why: str, *, now: datetime, final: bool = False) -> int:
    """Note one try in vain for everybody who wants these papers; the last of `GIVEN_UP` ends it, and so does a `final` one.

    Returns
    -------
    int
        How many requests were given up.
    """
    asked = open_for(session, paper_ids)
    over = {one.id for one in asked if final or one.tries + 1 >= GIVEN_UP}
    _change(session, {one.id for one in asked}, tries=WantedRow.tries + 1, error=why)
    _change(session, over, done_at=now)
    return len(over)


def withdraw(session: Session, reader_id: int, wanted_id: int) -> bool:
    """Take a request off the list; False when this reader has none of that number."""
    row = session.get(WantedRow, wanted_id)
    if row is None or row.reader_id != reader_id:
        return False
    session.delete(row)
    session.flush()
    return True


def _rows(session: Session, reader_id: int, paper_ids: Sequence[str]) -> list[WantedRow]:
    found: list[WantedRow] = []
    for start in range(0, len(paper_ids), BATCH):
        where = (WantedRow.reader_id == reader_id, WantedRow.paper_id.in_(paper_ids[start : start + BATCH]))
        found.extend(session.scalars(select(WantedRow).where(*where)))
    return found


def _change(session: Session, ids: Collection[int], **values: object) -> None:
    numbers = sorted(ids)
    for start in range(0, len(numbers), BATCH):
        session.execute(update(WantedRow).where(WantedRow.id.in_(numbers[start : start + BATCH])).values(**values))
    session.flush()


def _value(row: WantedRow) -> Wanted:
    return Wanted(
        row.id, row.reader_id, row.paper_id, row.purpose, row.interest_id, row.asked_at, row.tries, row.done_at, row.error
    )

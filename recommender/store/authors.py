"""A session and a name in, that person's or that organisation's stored papers out; who wrote what is noted as papers are stored.

A name is known by its key: spellings that differ only in case, width or spaces are one person. Nothing tells two people of one name
apart. Papers a reader brought along for themselves are in nobody's list.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select

from recommender.store.db import Session
from recommender.store.tables import PaperRow
from recommender.store.tables_shared import PaperAuthorRow
from recommender.types import LIBRARY

__all__ = [
    "count_of",
    "key_of",
    "name_of",
    "note",
    "organization_count",
    "organization_name",
    "organization_papers",
    "papers_of",
]

LONGEST = 300  # characters of a name that are kept
_BATCH = 500
_SPELLINGS = 200  # newest papers that say how somebody's name is written


def key_of(name: str) -> str:
    """Return what all spellings of a name have in common.

    Examples
    --------
    >>> key_of("  Ada   LOVELACE ")
    'ada lovelace'
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:LONGEST]


def note(session: Session, authors: Mapping[str, Sequence[str]]) -> None:
    """Bring the authors of these papers (id -> names in order) up to date; what is as it should be is not written again."""
    ids = list(authors)
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        known: dict[str, list[str]] = {}
        query = select(PaperAuthorRow.paper_id, PaperAuthorRow.name).where(PaperAuthorRow.paper_id.in_(part))
        for paper_id, name in session.execute(query.order_by(PaperAuthorRow.paper_id, PaperAuthorRow.place)):
            known.setdefault(paper_id, []).append(name)
        wanted = {paper_id: [name[:LONGEST] for name in authors[paper_id]] for paper_id in part}
        stale = [paper_id for paper_id in part if known.get(paper_id, []) != wanted[paper_id]]
        if stale:
            session.execute(delete(PaperAuthorRow).where(PaperAuthorRow.paper_id.in_(stale)))
        rows = [
            {"paper_id": paper_id, "place": place, "name": name, "key": key_of(name)}
            for paper_id in stale
            for place, name in enumerate(wanted[paper_id], start=1)
        ]
        if rows:
            session.execute(insert(PaperAuthorRow), rows)


def papers_of(session: Session, key: str, *, limit: int, before: str | None = None) -> list[str]:
    """Return the ids of somebody's papers, newest first.

    Parameters
    ----------
    session : Session
    key : str
        As `key_of` gives it.
    limit : int
    before : str, default=None
        Id of the last paper that was listed: the list goes on after it.
    """
    return _listed(session, _written_by(key), limit, before)


def count_of(session: Session, key: str) -> int:
    """Return how many papers somebody wrote."""
    return _count(session, _written_by(key))


def name_of(session: Session, key: str) -> str | None:
    """Return how somebody's name is written on most of their newest papers; None when nothing of theirs is stored."""
    query = select(PaperAuthorRow.name).join(PaperRow, PaperRow.id == PaperAuthorRow.paper_id)
    query = query.where(PaperAuthorRow.key == key, PaperRow.source != LIBRARY)
    return _commonest(session.scalars(query.order_by(PaperRow.published.desc(), PaperRow.id).limit(_SPELLINGS)).all())


def organization_papers(session: Session, key: str, *, limit: int, before: str | None = None) -> list[str]:
    """Return the ids of an organisation's papers, newest first; `key` and `before` as in `papers_of`."""
    return _listed(session, _named_by(session, key), limit, before)


def organization_count(session: Session, key: str) -> int:
    """Return how many papers are an organisation's."""
    return _count(session, _named_by(session, key))


def organization_name(session: Session, key: str) -> str | None:
    """Return how an organisation is written on most of its newest papers; None when nothing of it is stored."""
    query = select(PaperRow.organization).where(_named_by(session, key), PaperRow.source != LIBRARY)
    found = session.scalars(query.order_by(PaperRow.published.desc(), PaperRow.id).limit(_SPELLINGS))
    return _commonest([name for name in found if name is not None])


def _written_by(key: str) -> ColumnElement[bool]:
    return PaperRow.id.in_(select(PaperAuthorRow.paper_id).where(PaperAuthorRow.key == key))


def _named_by(session: Session, key: str) -> ColumnElement[bool]:
    """The organisations are few, and their names have an index: each is asked for its key."""
    names = session.scalars(select(PaperRow.organization).where(PaperRow.organization.is_not(None)).distinct())
    return PaperRow.organization.in_([name for name in names if name is not None and key_of(name) == key])


def _listed(session: Session, whose: ColumnElement[bool], limit: int, before: str | None) -> list[str]:
    query = select(PaperRow.id).where(whose, PaperRow.source != LIBRARY)
    last = session.get(PaperRow, before) if before is not None else None
    if last is not None:
        older = and_(PaperRow.published == last.published, PaperRow.id > last.id)
        query = query.where(or_(PaperRow.published < last.published, older))
    return list(session.scalars(query.order_by(PaperRow.published.desc(), PaperRow.id).limit(limit)))


def _count(session: Session, whose: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(PaperRow).where(whose, PaperRow.source != LIBRARY)
    return session.scalar(query) or 0


def _commonest(names: Sequence[str]) -> str | None:
    """The name most papers give; of two, the newer one."""
    return Counter(names).most_common(1)[0][0] if names else None

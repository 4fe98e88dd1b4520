"""A session and papers in, stored papers out: upsert, the papers of some days, the signals as they were at one moment."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, select

from recommender.store import authors
from recommender.store.db import Session
from recommender.store.slots import in_use
from recommender.store.tables import Current, EventRow, PaperRow, PaperSourceRow, PaperVersionRow, SignalRow, VectorRow
from recommender.types import LIBRARY, Paper, Signals

__all__ = [
    "Edition",
    "Upserted",
    "announced",
    "by_title",
    "categories",
    "changes",
    "count",
    "drop_unclaimed",
    "earliest_edition",
    "editions",
    "get",
    "last_observed",
    "latest_edition",
    "neighbours_in_time",
    "text_digest",
    "upsert",
    "window",
]

BATCH = 500  # ids in one IN (...): below every database's limit on parameters
CHANGES = "papers"  # the slot that counts changes

# A fact that only one source knows is kept when another is silent about it.
_OPTIONAL = ("pdf_url", "code_url", "project_url", "comment", "organization", "submitter")
# Whose text wins when two sources have the same paper: the one nearer to the authors.
_AUTHORITY = {"arxiv": 2, "sample": 2, "huggingface": 1}
# What readers brought along was never announced: it belongs to no edition.
_ANNOUNCED = PaperRow.source != LIBRARY
_PLAIN = ("id", "title", "abstract", "published", "edition", "source", "announce", "version", "url", "invented")
# Columns, not rows of the object mapper: whole editions are read at once.
_FACTS = select(*(getattr(PaperRow, name) for name in (*_PLAIN, *_OPTIONAL, "authors", "categories")))


@dataclass(frozen=True, slots=True)
class Upserted:
    """What one batch of papers did to the store."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Upserted) -> Upserted:
        return Upserted(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)

    @property
    def total(self) -> int:
        """How many papers there were in the batch."""
        return self.added + self.changed + self.unchanged


@dataclass(frozen=True, slots=True)
class Edition:
    """A day on which papers were announced, and how many."""

    day: date
    papers: int


def text_digest(title: str, abstract: str) -> str:
    """Return what the text is known by: the same digest, the same vectors."""
    return hashlib.sha256(f"{title}\n{abstract}".encode()).hexdigest()[:32]


def upsert(session: Session, papers: Iterable[Paper], *, now: datetime) -> Upserted:
    """Store what is new and what changed; a paper's edition is where it was first seen and never moves.

    A paper that comes twice is added, then brought up to date, as if it had come in two batches.
    """
    batch = list(papers)
    rows = {row.id: row for row in _rows(session, list({paper.id for paper in batch}))}
    result = Upserted()
    for paper in batch:
        row = rows.get(paper.id)
        if row is None:
            row = rows[paper.id] = _new_row(paper, now)
            session.add(row)
            result += Upserted(added=1)
        elif _merge(session, row, paper, now):
            result += Upserted(changed=1)
        else:
            result += Upserted(unchanged=1)
    session.flush()
    _note_sources(session, batch, now)
    observed = _note_signals(session, batch, now)
    authors.note(session, {paper.id: rows[paper.id].authors for paper in batch})
    if observed or result.added or result.changed:
        _note_change(session, now)
    session.flush()
    return result


def changes(session: Session) -> int:
    """Return how often papers or their signals have changed so far: the same number, the same papers."""
    return int(in_use(session).get(CHANGES, "0"))


def last_observed(session: Session) -> datetime | None:
    """Return when the newest signal of any paper was observed; None when there is none."""
    return session.scalar(select(func.max(SignalRow.observed_at)))


def get(session: Session, ids: Sequence[str], *, as_of: datetime | None = None) -> dict[str, Paper]:
    """Return the papers with these ids that are stored, with their signals as observed until `as_of` (None: the latest)."""
    rows = [row for part in _parts(ids) for row in session.execute(_FACTS.where(PaperRow.id.in_(part)))]
    signals = _signals(session, [row.id for row in rows], as_of)
    return {row.id: _value(row, signals.get(row.id, Signals())) for row in rows}


def window(session: Session, first: date, last: date, *, as_of: datetime | None = None) -> list[Paper]:
    """Return the papers of the editions `first` … `last` (both included), newest edition first, then by id."""
    where = (PaperRow.edition >= first, PaperRow.edition <= last, _ANNOUNCED)
    rows = session.execute(_FACTS.where(*where).order_by(PaperRow.edition.desc(), PaperRow.id)).all()
    signals = _signals(session, [row.id for row in rows], as_of)
    return [_value(row, signals.get(row.id, Signals())) for row in rows]


def count(session: Session) -> int:
    """Return how many papers are stored."""
    return session.scalar(select(func.count()).select_from(PaperRow)) or 0


def editions(session: Session, *, limit: int, before: date | None = None) -> list[Edition]:
    """Return the newest editions (before a day, when one is named), newest first."""
    query = select(PaperRow.edition, func.count()).where(_ANNOUNCED)
    query = query.group_by(PaperRow.edition).order_by(PaperRow.edition.desc()).limit(limit)
    if before is not None:
        query = query.where(PaperRow.edition < before)
    return [Edition(day, papers) for day, papers in session.execute(query)]


def latest_edition(session: Session, *, encoder: str | None, until: date | None = None) -> date | None:
    """Return the newest day that has papers an encoder has read (None: any papers), or None when there is none."""
    query = select(PaperRow.edition).where(_ANNOUNCED).order_by(PaperRow.edition.desc()).limit(1)
    if encoder is not None:  # asked of one paper after the other, from the newest on: a join would look at every vector there is
        query = query.where(exists().where(VectorRow.paper_id == PaperRow.id, VectorRow.encoder == encoder))
    if until is not None:
        query = query.where(PaperRow.edition <= until)
    return session.scalar(query)


def earliest_edition(session: Session) -> date | None:
    """Return the oldest day that has papers, or None when there is none."""
    return session.scalar(select(func.min(PaperRow.edition)).where(_ANNOUNCED))


def neighbours_in_time(session: Session, day: date) -> tuple[date | None, date | None]:
    """Return the editions just before and just after a day, None where there is none."""
    before = session.scalar(select(func.max(PaperRow.edition)).where(PaperRow.edition < day, _ANNOUNCED))
    after = session.scalar(select(func.min(PaperRow.edition)).where(PaperRow.edition > day, _ANNOUNCED))
    return before, after


def by_title(session: Session, keys: Collection[str], *, key: Callable[[str], str]) -> dict[str, str]:
    """Return the announced paper of each of these title keys that is stored; what readers brought for themselves is not looked at.

    Parameters
    ----------
    session : Session
    keys : collection of str
    key : callable
        Title -> what titles are compared by; every stored title is read, so it is for a whole list at once.
    """
    found: dict[str, str] = {}
    if not keys:
        return found
    query = select(PaperRow.id, PaperRow.title).where(PaperRow.source != LIBRARY).order_by(PaperRow.id)
    for paper_id, title in session.execute(query.execution_options(yield_per=BATCH)):
        if (known := key(title)) in keys:
            found.setdefault(known, paper_id)
    return found


def drop_unclaimed(session: Session) -> int:
    """Delete papers that readers brought along and nobody speaks of any more, because who brought them left; return how many."""
    spoken = select(EventRow.id).where(EventRow.paper_id == PaperRow.id).exists()
    gone = select(PaperRow.id).where(PaperRow.source == LIBRARY, ~spoken)
    ids = list(session.scalars(gone.limit(BATCH)))
    session.execute(delete(PaperRow).where(PaperRow.id.in_(ids)))
    session.flush()
    return len(ids)


def announced(session: Session, first: date, last: date) -> list[tuple[str, date, tuple[str, ...]]]:
    """Return (id, edition, categories) of what was new or cross-listed in some editions, newest edition first, then by id: no texts."""
    where = (PaperRow.edition >= first, PaperRow.edition <= last, PaperRow.announce.in_(("new", "cross")), _ANNOUNCED)
    query = select(PaperRow.id, PaperRow.edition, PaperRow.categories).where(*where)
    rows = session.execute(query.order_by(PaperRow.edition.desc(), PaperRow.id))
    return [(paper_id, edition, tuple(names)) for paper_id, edition, names in rows]


def categories(session: Session, *, newest: int) -> Counter[str]:
    """Return how many of the newest papers stand in each category."""
    query = select(PaperRow.categories).where(_ANNOUNCED).order_by(PaperRow.edition.desc()).limit(newest)
    return Counter(name for names in session.scalars(query) for name in set(names))


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _note_change(session: Session, now: datetime) -> None:
    """Count a change, so that whoever keeps papers in memory knows that these may be others now."""
    slot = session.get(Current, CHANGES)
    if slot is None:
        session.add(Current(slot=CHANGES, value="1", since=now))
    else:
        slot.value, slot.since = str(int(slot.value) + 1), now


def _rows(session: Session, ids: Sequence[str]) -> list[PaperRow]:
    found: list[PaperRow] = []
    for start in range(0, len(ids), BATCH):
        found.extend(session.scalars(select(PaperRow).where(PaperRow.id.in_(ids[start : start + BATCH]))))
    return found


def _new_row(paper: Paper, now: datetime) -> PaperRow:
    return PaperRow(
        id=paper.id,
        title=paper.title,
        abstract=paper.abstract,
        authors=list(paper.authors),
        categories=list(paper.categories),
        published=paper.published,
        edition=paper.edition,
        source=paper.source,
        announce=paper.announce,
        version=paper.version,
        url=paper.url,
        invented=paper.invented,
        text_digest=text_digest(paper.title, paper.abstract),
        first_seen_at=now,
        updated_at=now,
        **{name: getattr(paper, name) for name in _OPTIONAL},
    )


def _merge(session: Session, row: PaperRow, paper: Paper, now: datetime) -> bool:
    """Bring a stored paper up to date; True when anything changed."""
    known = {name: getattr(paper, name) for name in _OPTIONAL if getattr(paper, name) not in (None, getattr(row, name))}
    older = paper.source == row.source and paper.version < row.version  # it may fill a gap, and no more
    changes = {name: value for name, value in known.items() if not older or getattr(row, name) is None}
    if _speaks(paper, row):
        digest = text_digest(paper.title, paper.abstract)
        if digest != row.text_digest:
            if row in session.new:
                session.flush()  # its history refers to it, and one flush promises no order between two tables
            session.add(
                PaperVersionRow(paper_id=row.id, version=row.version, title=row.title, abstract=row.abstract, replaced_at=now)
            )
            changes |= {"title": paper.title, "abstract": paper.abstract, "text_digest": digest}
        facts = {"authors": list(paper.authors), "categories": list(paper.categories), "version": paper.version}
        changes |= {name: value for name, value in facts.items() if value and value != getattr(row, name)}
        changes |= {"source": paper.source} if paper.source != row.source else {}
    for name, value in changes.items():
        setattr(row, name, value)
    if changes:
        row.updated_at = now
    return bool(changes)


def _speaks(paper: Paper, row: PaperRow) -> bool:
    """Whether this report may replace the stored text: as near to the authors as the stored one, and not an older version."""
    return _AUTHORITY.get(paper.source, 1) >= _AUTHORITY.get(row.source, 1) and paper.version >= row.version


def _note_sources(session: Session, batch: Sequence[Paper], now: datetime) -> None:
    """Remember who announced what, and when it did first."""
    ids = [paper.id for paper in batch]
    known: set[tuple[str, str]] = set()
    for start in range(0, len(ids), BATCH):
        query = select(PaperSourceRow.paper_id, PaperSourceRow.source).where(
            PaperSourceRow.paper_id.in_(ids[start : start + BATCH])
        )
        known.update((paper_id, source) for paper_id, source in session.execute(query))
    for paper in batch:
        if (paper.id, paper.source) not in known:
            known.add((paper.id, paper.source))
            session.add(PaperSourceRow(paper_id=paper.id, source=paper.source, announced_on=paper.edition, first_seen_at=now))


def _note_signals(session: Session, batch: Sequence[Paper], now: datetime) -> bool:
    """Append what the source says now, where it differs from what it said last; whether it does anywhere."""
    speaking = [paper for paper in batch if paper.signals != Signals()]
    last, noted = _last_signals(session, [paper.id for paper in speaking], None), False
    for paper in speaking:
        if last.get((paper.id, paper.source)) != paper.signals:
            last[paper.id, paper.source], noted = paper.signals, True
            session.add(
                SignalRow(
                    paper_id=paper.id,
                    source=paper.source,
                    observed_at=now,
                    upvotes=paper.signals.upvotes,
                    comments=paper.signals.comments,
                    stars=paper.signals.stars,
                )
            )
    return noted


def _last_signals(session: Session, ids: Sequence[str], as_of: datetime | None) -> dict[tuple[str, str], Signals]:
    """Return what each source said last of each paper, as known at `as_of`."""
    found: dict[tuple[str, str], Signals] = {}
    for part in _parts(ids):
        newest = select(func.max(SignalRow.id)).where(SignalRow.paper_id.in_(part))
        if as_of is not None:
            newest = newest.where(SignalRow.observed_at <= as_of)
        newest = newest.group_by(SignalRow.paper_id, SignalRow.source)
        query = select(SignalRow.paper_id, SignalRow.source, SignalRow.upvotes, SignalRow.comments, SignalRow.stars)
        for paper_id, source, *said in session.execute(query.where(SignalRow.id.in_(newest))):
            found[paper_id, source] = Signals(*said)
    return found


def _signals(session: Session, ids: Sequence[str], as_of: datetime | None) -> dict[str, Signals]:
    """Return one view per paper over all its sources: the largest number each of them gives."""
    merged: dict[str, Signals] = {}
    for (paper_id, _), said in _last_signals(session, ids, as_of).items():
        seen = merged.get(paper_id)
        merged[paper_id] = said if seen is None else Signals(*map(_largest, astuple(seen), astuple(said)))
    return merged


def _largest(a: int | None, b: int | None) -> int | None:
    known = [x for x in (a, b) if x is not None]
    return max(known) if known else None


def _value(row: Row[Any], signals: Signals) -> Paper:
    facts: dict[str, Any] = dict(row._mapping)
    authors, categories = tuple(facts.pop("authors")), tuple(facts.pop("categories"))
    return Paper(authors=authors, categories=categories, signals=signals, **facts)

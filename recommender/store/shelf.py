"""A session and a reader in, their shelf out: what they saved, the collections it stands in, notes, what was read, what changed.

That a paper is saved is said by the log alone. A collection keeps what it holds also while a paper is off the shelf, so that saving
it again puts everything back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update

from recommender.errors import StoreError
from recommender.store.db import Session
from recommender.store.interests import slug_of
from recommender.store.papers import BATCH
from recommender.store.tables import EventRow, PaperRow, PaperVersionRow
from recommender.store.tables_reader import CollectedRow, CollectionRow, MarkRow
from recommender.types import EventKind

__all__ = [
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "MOST",
    "Collection",
    "Mark",
    "Older",
    "Place",
    "Text",
    "by_id",
    "by_slug",
    "changed",
    "collect",
    "collections",
    "create",
    "held",
    "marks",
    "place",
    "remove",
    "rename",
    "saved",
    "saw",
    "set_public",
    "set_read",
    "take_out",
    "texts",
    "write_note",
]

MOST = 100  # collections of one reader
LONGEST_NAME = 80
LONGEST_NOTE = 10_000


@dataclass(frozen=True, slots=True)
class Collection:
    """A named part of a reader's shelf; `slug` is its name in the reader's own addresses."""

    id: int
    reader_id: int
    name: str
    slug: str
    public: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """What a reader wrote beside a paper, when they read it, and the newest version they know of (1 where that was never noted)."""

    note: str = ""
    read_at: datetime | None = None
    seen_version: int = 1


@dataclass(frozen=True, slots=True)
class Older:
    """The text of the version that a reader knows of a paper that has a newer one by now; `now` is the newer one's number."""

    version: int
    title: str
    abstract: str
    now: int


@dataclass(frozen=True, slots=True)
class Text:
    """What a paper is searched and ordered by: its title, its date, and all that can be found in it."""

    title: str
    published: datetime
    whole: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one paper stands with one reader: on the shelf or not, in which of the collections (by number), what is beside it."""

    saved: bool
    collections: tuple[Collection, ...]
    held: frozenset[int]
    mark: Mark


def saved(session: Session, reader_id: int, *, paper_id: str | None = None) -> dict[str, datetime]:
    """Return the papers on a reader's shelf and when each was put there, the newest first; of one paper only, when it is named."""
    kinds = [kind.value for kind in EventKind if kind.is_shelf]
    last = select(func.max(EventRow.id)).where(EventRow.reader_id == reader_id, EventRow.kind.in_(kinds))
    if paper_id is not None:
        last = last.where(EventRow.paper_id == paper_id)
    query = (
        select(EventRow.paper_id, EventRow.at)
        .where(EventRow.id.in_(last.group_by(EventRow.paper_id)), EventRow.kind == EventKind.SAVE.value)
        .order_by(EventRow.id.desc())
    )
    return {row[0]: row[1] for row in session.execute(query)}


def collections(session: Session, reader_id: int) -> list[Collection]:
    """Return a reader's collections by name."""
    rows = session.scalars(select(CollectionRow).where(CollectionRow.reader_id == reader_id).order_by(CollectionRow.id))
    return sorted((_value(row) for row in rows), key=lambda collection: collection.name.casefold())


def by_slug(session: Session, reader_id: int, slug: str) -> Collection | None:
    """Return the collection that a reader's address names, or None."""
    row = session.scalar(select(CollectionRow).where(CollectionRow.reader_id == reader_id, CollectionRow.slug == slug))
    return _value(row) if row else None


def by_id(session: Session, collection_id: int) -> Collection | None:
    """Return a collection of anybody's by its number, or None."""
    row = session.get(CollectionRow, collection_id) if 0 < collection_id < 2**31 else None
    return _value(row) if row else None


def create(session: Session, reader_id: int, name: str, *, now: datetime) -> Collection:
    """Begin a collection, empty and private.

    Raises
    ------
    StoreError
        If the name is empty, too long or taken, or there are too many.
    """
    known = collections(session, reader_id)
    if len(known) >= MOST:
        raise StoreError(f"there can be {MOST} collections: delete one first")
    plain = _checked(name, known)
    row = CollectionRow(reader_id=reader_id, name=plain, slug=_free(plain, known), public=False, created_at=now)
    session.add(row)
    session.flush()
    return _value(row)


def rename(session: Session, collection: Collection, name: str) -> Collection:
    """Give a collection another name, and with it another address among the reader's own.

    Raises
    ------
    StoreError
        If the name is empty, too long or taken.
    """
    others = [other for other in collections(session, collection.reader_id) if other.id != collection.id]
    row = session.get_one(CollectionRow, collection.id)
    row.name = _checked(name, others)
    row.slug = _free(row.name, others)
    session.flush()
    return _value(row)


def set_public(session: Session, collection: Collection, *, public: bool) -> None:
    """Let whoever knows a collection's address read it, or nobody else any more."""
    session.execute(update(CollectionRow).where(CollectionRow.id == collection.id).values(public=public))


def remove(session: Session, collection: Collection) -> None:
    """Delete a collection; its papers stay on the shelf."""
    session.execute(delete(CollectedRow).where(CollectedRow.collection_id == collection.id))
    session.execute(delete(CollectionRow).where(CollectionRow.id == collection.id))


def collect(session: Session, collection: Collection, paper_id: str, *, now: datetime) -> bool:
    """Put a stored paper into a collection; False when it stood there already."""
    if session.get(CollectedRow, (collection.id, paper_id)) is not None:
        return False
    session.add(CollectedRow(collection_id=collection.id, paper_id=paper_id, added_at=now))
    session.flush()
    return True


def take_out(session: Session, collection: Collection, paper_id: str) -> None:
    """Take a paper out of a collection; it stays on the shelf."""
    where = (CollectedRow.collection_id == collection.id, CollectedRow.paper_id == paper_id)
    session.execute(delete(CollectedRow).where(*where))


def held(session: Session, reader_id: int) -> dict[int, set[str]]:
    """Return which papers each of a reader's collections holds, on the shelf or not; an empty collection has an empty set."""
    query = (
        select(CollectionRow.id, CollectedRow.paper_id)
        .outerjoin(CollectedRow, CollectedRow.collection_id == CollectionRow.id)
        .where(CollectionRow.reader_id == reader_id)
    )
    found: dict[int, set[str]] = {}
    for collection_id, paper_id in session.execute(query):
        found.setdefault(collection_id, set()).update([paper_id] if paper_id is not None else [])
    return found


def marks(session: Session, reader_id: int) -> dict[str, Mark]:
    """Return what a reader wrote beside papers and which they read, by paper."""
    return {row.paper_id: _mark(row) for row in session.scalars(select(MarkRow).where(MarkRow.reader_id == reader_id))}


def texts(session: Session, paper_ids: Sequence[str]) -> dict[str, Text]:
    """Return what these papers are searched and ordered by; whole papers with their signals would take several times as long."""
    found: dict[str, Text] = {}
    row = PaperRow
    query = select(row.id, row.title, row.published, row.abstract, row.organization, row.authors, row.categories)
    for start in range(0, len(paper_ids), BATCH):
        where = row.id.in_(paper_ids[start : start + BATCH])
        for number, title, published, abstract, organization, authors, categories in session.execute(query.where(where)):
            whole = "\n".join((title, abstract, organization or "", number, *authors, *categories))
            found[number] = Text(title, published, whole)
    return found


def place(session: Session, reader_id: int, paper_id: str) -> Place:
    """Return where one paper stands with one reader: all that a form beside it needs."""
    row = session.get(MarkRow, (reader_id, paper_id))
    own = tuple(collections(session, reader_id))
    inside = (CollectedRow.paper_id == paper_id, CollectedRow.collection_id.in_([collection.id for collection in own]))
    return Place(
        saved=bool(saved(session, reader_id, paper_id=paper_id)),
        collections=own,
        held=frozenset(session.scalars(select(CollectedRow.collection_id).where(*inside))),
        mark=_mark(row) if row else Mark(),
    )


def write_note(session: Session, reader_id: int, paper_id: str, note: str, *, now: datetime) -> None:
    """Write beside a stored paper, in place of what stood there; nothing takes the note away.

    Raises
    ------
    StoreError
        If it is too long.
    """
    if len(note) > LONGEST_NOTE:
        raise StoreError(f"a note holds at most {LONGEST_NOTE:,} characters: this one has {len(note):,}")
    _row(session, reader_id, paper_id, now).note = note
    session.flush()


def set_read(session: Session, reader_id: int, paper_id: str, *, read: bool, now: datetime) -> None:
    """Note that a stored paper was read, as it stands now, or that it is still to be read."""
    row = _row(session, reader_id, paper_id, now)
    row.read_at = now if read else None
    if read:
        row.seen_version = session.get_one(PaperRow, paper_id).version
    session.flush()


def saw(session: Session, reader_id: int, paper_id: str, *, now: datetime) -> None:
    """Note that the reader knows the present version of a stored paper."""
    _row(session, reader_id, paper_id, now).seen_version = session.get_one(PaperRow, paper_id).version
    session.flush()


def changed(session: Session, known: Mapping[str, tuple[datetime, Mark]]) -> dict[str, Older]:
    """Return the papers whose text is another than the one their reader knows, with what it was.

    Parameters
    ----------
    session : Session
    known : mapping of str to (datetime, Mark)
        Papers, when each was put on the shelf, and its mark: a reader knows the version of that moment and any they looked at since.
    """
    ids = list(known)
    found: dict[str, Older] = {}
    for start in range(0, len(ids), BATCH):
        query = (
            select(PaperVersionRow, PaperRow.version)
            .join(PaperRow, PaperRow.id == PaperVersionRow.paper_id)
            .where(PaperVersionRow.paper_id.in_(ids[start : start + BATCH]), PaperVersionRow.version < PaperRow.version)
            .order_by(PaperVersionRow.id)
        )
        for row, now in session.execute(query):
            since, mark = known[row.paper_id]
            if row.replaced_at > since and row.version >= mark.seen_version:
                found.setdefault(row.paper_id, Older(row.version, row.title, row.abstract, now))
    return found


def _checked(name: str, others: Sequence[Collection]) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME:
        raise StoreError(f"a collection needs a name of at most {LONGEST_NAME} characters")
    if plain.casefold() in {other.name.casefold() for other in others}:
        raise StoreError(f"there is a collection {plain!r} already: choose another name")
    return plain


def _free(name: str, others: Sequence[Collection]) -> str:
    slug = slug_of(name) if any(letter.isalnum() for letter in name) else "collection"
    taken, number, free = {other.slug for other in others}, 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _row(session: Session, reader_id: int, paper_id: str, now: datetime) -> MarkRow:
    row = session.get(MarkRow, (reader_id, paper_id))
    if row is None:
        row = MarkRow(reader_id=reader_id, paper_id=paper_id, note="", seen_version=1, updated_at=now)
        session.add(row)
    row.updated_at = now
    return row


def _mark(row: MarkRow) -> Mark:
    return Mark(row.note, row.read_at, row.seen_version)


def _value(row: CollectionRow) -> Collection:
    return Collection(row.id, row.reader_id, row.name, row.slug, row.public, row.created_at)

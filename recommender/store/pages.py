"""A session and pages in, pages and what was shown of them out: rankings with the feature rows they were made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Row, bindparam, func, insert, select

from recommender.store.db import LARGEST, Session, insert_plain
from recommender.store.papers import BATCH
from recommender.store.tables import ImpressionRow, ItemRow, PageRow
from recommender.types import Channel, RankedItem, RankedPage, Reason

__all__ = [
    "ShownItem",
    "ShownPage",
    "by_id",
    "days_shown",
    "heads",
    "item",
    "latest",
    "mark_shown",
    "places",
    "previous",
    "revisions",
    "save",
    "save_all",
    "seen_elsewhere",
    "shown",
    "unshown",
    "with_items",
]


# Made once, of columns: a page of sixty is read and written for every reader, every day.
_P, _I = PageRow.__table__, ItemRow.__table__
_OF_DAY = (_P.c.reader_id.in_(bindparam("readers", expanding=True)), _P.c.day == bindparam("day"))
_NEWEST = (
    select(_P.c.reader_id, func.max(_P.c.revision).label("revision"))
    .where(*_OF_DAY, _P.c.interest_id == bindparam("interest"))
    .group_by(_P.c.reader_id)
    .subquery()
)
_HEADS = (
    select(*_P.c)
    .join(_NEWEST, (_NEWEST.c.reader_id == _P.c.reader_id) & (_NEWEST.c.revision == _P.c.revision))
    .where(_P.c.day == bindparam("day"))
)
_REVISIONS = select(_P.c.reader_id, func.max(_P.c.revision)).where(*_OF_DAY).group_by(_P.c.reader_id)
_ITEMS = select(*_I.c).where(_I.c.page_id == bindparam("page")).order_by(_I.c.position)
_NUMBERS = select(_I.c.position, _I.c.id).where(_I.c.page_id == bindparam("page"))
_BEFORE = _I.c.id - _I.c.position  # the same for all items of a page that were numbered one after the other
_STARTS = (
    select(_I.c.page_id, func.min(_BEFORE), func.max(_BEFORE))
    .where(_I.c.page_id.in_(bindparam("pages", expanding=True)))
    .group_by(_I.c.page_id)
)
_NEW_PAGE = insert(PageRow.__table__).returning(_P.c.id, sort_by_parameter_order=True)  # type: ignore[arg-type]  # __table__ is a Table, typed as less


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item that was shown, and when it first was."""

    item: RankedItem
    shown_at: datetime


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page of which something was shown; `items` are only those, by position."""

    page: RankedPage
    items: tuple[ShownItem, ...]


def latest(session: Session, reader_id: int, day: date, interest: int = 0) -> RankedPage | None:
    """Return the newest revision of a reader's page for a day and interest (0: all of their taste), or None."""
    head = heads(session, [reader_id], day, interest).get(reader_id)
    return with_items(session, head) if head is not None else None


def heads(session: Session, reader_ids: Sequence[int], day: date, interest: int = 0) -> dict[int, RankedPage]:
    """Return the same of those readers who have one, without its items: enough to see whether it is fresh."""
    found: dict[int, RankedPage] = {}
    for start in range(0, len(reader_ids), BATCH):
        asked = {"readers": reader_ids[start : start + BATCH], "day": day, "interest": interest}
        found.update((row.reader_id, _page(row, ())) for row in session.execute(_HEADS, asked))
    return found


def revisions(session: Session, reader_ids: Sequence[int], day: date) -> dict[int, int]:
    """Return the last revision of any page of each reader's day, 0 where there is none."""
    found = dict.fromkeys(reader_ids, 0)
    for start in range(0, len(reader_ids), BATCH):
        for reader_id, last in session.execute(_REVISIONS, {"readers": reader_ids[start : start + BATCH], "day": day}):
            found[reader_id] = last
    return found


def with_items(session: Session, head: RankedPage) -> RankedPage:
    """Return a stored page with its items."""
    return replace(head, items=_items(session, head.id))


def previous(session: Session, page: RankedPage) -> RankedPage | None:
    """Return the revision of the same reader's day and interest before this one, or None."""
    where = (PageRow.reader_id == page.reader_id, PageRow.day == page.day, PageRow.interest_id == page.interest)
    query = select(PageRow).where(*where, PageRow.revision < page.revision).order_by(PageRow.revision.desc())
    row = session.scalar(query.limit(1))
    return _page(row, _items(session, row.id)) if row else None


def by_id(session: Session, page_id: int) -> RankedPage | None:
    """Return one page, or None."""
    row = session.get(PageRow, page_id)
    return _page(row, _items(session, row.id)) if row else None


def save(session: Session, page: RankedPage) -> RankedPage:
    """Store a page as the next revision of its reader's day; return it with the ids it was given."""
    after = revisions(session, [page.reader_id], page.day)[page.reader_id]
    return save_all(session, [(page, after)])[0]


def save_all(session: Session, new: Sequence[tuple[RankedPage, int]]) -> list[RankedPage]:
    """Store pages, each after a revision of its reader's day; return them with the ids they were given."""
    if not new:
        return []
    ids = session.scalars(_NEW_PAGE, [_page_facts(page, after + 1) for page, after in new])
    numbered = [replace(page, id=own, revision=after + 1) for own, (page, after) in zip(ids, new, strict=True)]
    insert_plain(session, ItemRow, _COLUMNS, [_item_values(page.id, item) for page in numbered for item in page.items])
    number_of = _numbers(session, [page.id for page in numbered])
    return [
        replace(page, items=tuple(item.with_id(number_of[page.id](item.position)) for item in page.items)) for page in numbered
    ]


def item(session: Session, item_id: int) -> tuple[RankedPage, RankedItem] | None:
    """Return an item with its page (the page without its other items), or None."""
    row = session.get(ItemRow, item_id) if 0 < item_id <= LARGEST else None
    page = session.get(PageRow, row.page_id) if row else None
    return (_page(page, ()), _item(row)) if row and page else None


def unshown(session: Session, item_ids: Sequence[int], channel: Channel) -> list[int]:
    """Return those of the items that were not yet shown in this channel; one that went with its reader is none."""
    fresh: set[int] = set()
    said = (ImpressionRow.item_id == ItemRow.id) & (ImpressionRow.channel == channel.value)
    for start in range(0, len(item_ids), BATCH):
        where = (ItemRow.id.in_(item_ids[start : start + BATCH]), ImpressionRow.id.is_(None))
        fresh.update(session.scalars(select(ItemRow.id).outerjoin(ImpressionRow, said).where(*where)))
    return [item_id for item_id in dict.fromkeys(item_ids) if item_id in fresh]


def mark_shown(session: Session, item_ids: Sequence[int], channel: Channel, now: datetime) -> int:
    """Note that items were shown, the first time they are; return how many that was."""
    fresh = unshown(session, item_ids, channel)
    session.add_all(ImpressionRow(item_id=item_id, channel=channel.value, shown_at=now) for item_id in fresh)
    session.flush()
    return len(fresh)


def seen_elsewhere(session: Session, reader_id: int, day: date, first: date, *, as_of: datetime | None = None) -> frozenset[str]:
    """Return papers shown to the reader on pages of other days since `first`, in any channel, until `as_of` (None: ever)."""
    query = (
        select(ItemRow.paper_id)
        .join(PageRow, PageRow.id == ItemRow.page_id)
        .join(ImpressionRow, ImpressionRow.item_id == ItemRow.id)
        .where(PageRow.reader_id == reader_id, PageRow.day != day, PageRow.day >= first)
        .distinct()
    )
    if as_of is not None:
        query = query.where(ImpressionRow.shown_at <= as_of)
    return frozenset(session.scalars(query))


def days_shown(session: Session, reader_id: int, first: date, *, before: datetime) -> frozenset[date]:
    """Return the days since `first` of whose pages something was shown to the reader before a moment, in any channel."""
    query = (
        select(PageRow.day)
        .join(ItemRow, ItemRow.page_id == PageRow.id)
        .join(ImpressionRow, ImpressionRow.item_id == ItemRow.id)
        .where(PageRow.reader_id == reader_id, PageRow.day >= first, ImpressionRow.shown_at < before)
        .distinct()
    )
    return frozenset(session.scalars(query))


def places(session: Session, reader_id: int, day: date, item_ids: Sequence[int], interest: int = 0) -> dict[int, int]:
    """Return the position of those of the items that stood on a page of this reader, day and interest."""
    found: dict[int, int] = {}
    for start in range(0, len(item_ids), BATCH):
        query = select(ItemRow.id, ItemRow.position).join(PageRow, PageRow.id == ItemRow.page_id)
        query = query.where(PageRow.reader_id == reader_id, PageRow.day == day, PageRow.interest_id == interest)
        for item_id, position in session.execute(query.where(ItemRow.id.in_(item_ids[start : start + BATCH]))):
            found[item_id] = position
    return found


def shown(session: Session, *, first: date | None = None, last: date | None = None) -> Iterator[ShownPage]:
    """Yield every page of which something was shown, in the order they were built, with its shown items only."""
    where = [PageRow.day >= first] if first else []
    where += [PageRow.day <= last] if last else []
    seen = select(ItemRow.page_id).join(ImpressionRow, ImpressionRow.item_id == ItemRow.id)
    page_rows = list(session.scalars(select(PageRow).where(PageRow.id.in_(seen), *where).order_by(PageRow.id)))
    for start in range(0, len(page_rows), BATCH):
        part = page_rows[start : start + BATCH]
        items = _shown_items(session, [row.id for row in part])
        for row in part:
            yield ShownPage(_page(row, ()), tuple(items.get(row.id, [])))
        session.expunge_all()  # a year of pages must not stay in memory


def _shown_items(session: Session, page_ids: Sequence[int]) -> dict[int, list[ShownItem]]:
    first_shown = func.min(ImpressionRow.shown_at)
    query = (
        select(ItemRow, first_shown)
        .join(ImpressionRow, ImpressionRow.item_id == ItemRow.id)
        .where(ItemRow.page_id.in_(page_ids))
        .group_by(ItemRow.id)
        .order_by(ItemRow.page_id, ItemRow.position)
    )
    found: dict[int, list[ShownItem]] = {}
    for row, shown_at in session.execute(query):
        found.setdefault(row.page_id, []).append(ShownItem(_item(row), shown_at))
    return found


def _numbers(session: Session, page_ids: Sequence[int]) -> dict[int, Callable[[int], int]]:
    """Return for each page a function from a position to the number of its item; most are known by their first one."""
    found: dict[int, Callable[[int], int]] = {}
    for start in range(0, len(page_ids), BATCH):
        for page_id, first, last in session.execute(_STARTS, {"pages": page_ids[start : start + BATCH]}):
            found[page_id] = first.__add__
            if first != last:
                found[page_id] = {row.position: row.id for row in session.execute(_NUMBERS, {"page": page_id})}.__getitem__
    return found


def _items(session: Session, page_id: int) -> tuple[RankedItem, ...]:
    return tuple(_item(row) for row in session.execute(_ITEMS, {"page": page_id}))


def _page_facts(page: RankedPage, revision: int) -> dict[str, Any]:
    return {
        "reader_id": page.reader_id,
        "day": page.day,
        "revision": revision,
        "candidates": page.candidates,
        "model": page.model,
        "schema": page.schema,
        "cursor": page.cursor,
        "paper_cursor": page.paper_cursor,
        "recipe": page.recipe,
        "built_at": page.built_at,
        "interest_id": page.interest,
    }


_COLUMNS = (
    *("page_id", "position", "paper_id", "score", "features", "reasons"),
    *("explored", "propensity", "voted", "team", "interest_id"),
)


def _item_values(page_id: int, item: RankedItem) -> tuple[Any, ...]:
    """Return the values of `_COLUMNS`, in that order."""
    return (
        page_id,
        item.position,
        item.paper_id,
        item.score,
        item.features.astype("<f4", copy=False).tobytes(),
        f"[{', '.join(map(_stored, item.reasons))}]",
        item.explored,
        item.propensity,
        item.voted,
        item.team,
        item.interest,
    )


def _item(row: ItemRow | Row[Any]) -> RankedItem:
    return RankedItem(
        position=row.position,
        paper_id=row.paper_id,
        score=row.score,
        features=np.frombuffer(row.features, dtype="<f4").astype(np.float32),
        reasons=tuple(_reason(stored) for stored in row.reasons),
        explored=row.explored,
        propensity=row.propensity,
        voted=row.voted,
        team=row.team,
        interest=row.interest_id,
        id=row.id,
    )


_encode = json.JSONEncoder().encode


def _stored(reason: Reason) -> str:
    """As JSON holds it."""
    return _as_json(reason.kind, reason.text, reason.paper_id, reason.template, reason.names)


@lru_cache(maxsize=4096)  # many papers are close to the one that somebody likes, or have public code
def _as_json(kind: str, text: str, paper_id: str | None, template: str, names: tuple[str, ...]) -> str:
    whose = "null" if paper_id is None else _encode(paper_id)
    named = f'"template": {_encode(template)}, "names": [{", ".join(map(_encode, names))}]'
    return f'{{"kind": {_encode(kind)}, "text": {_encode(text)}, "paper_id": {whose}, {named}}}'


def _reason(stored: dict[str, Any]) -> Reason:
    return Reason(**{**stored, "names": tuple(stored.get("names", ()))})


def _page(row: PageRow | Row[Any], items: Iterable[RankedItem]) -> RankedPage:
    return RankedPage(
        reader_id=row.reader_id,
        day=row.day,
        items=tuple(items),
        candidates=row.candidates,
        model=row.model,
        schema=row.schema,
        cursor=row.cursor,
        paper_cursor=row.paper_cursor,
        recipe=row.recipe,
        built_at=row.built_at,
        revision=row.revision,
        interest=row.interest_id,
        id=row.id,
    )

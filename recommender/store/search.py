"""A session and what somebody typed in, the papers that hold these words and pass the filters out, best first.

Papers a reader brought along for themselves are never found. The index is asked alone first, then the papers it names: a join of the
two looks at every paper that holds a common word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from sqlalchemy import ColumnElement, Text, cast, exists, or_, select

from recommender.store import fulltext
from recommender.store.db import Session
from recommender.store.fulltext import CLOSE, OPEN
from recommender.store.papers import BATCH
from recommender.store.tables import PaperRow, PaperSourceRow
from recommender.store.wording import Wording
from recommender.types import LIBRARY

__all__ = ["NOTHING", "Filters", "Part", "among", "at_most", "lexical", "newest_first", "snippets", "sources", "without"]

SPARE = 100  # more than are wanted, for what the filters take away
WIDER = 16  # by which more is asked for when that was not enough


@dataclass(frozen=True, slots=True)
class Filters:
    """What a found paper must be, besides fitting.

    Attributes
    ----------
    categories : tuple of str
        In one of these; an archive (`cs`) stands for all of its categories.
    source : str
        Announced by this one; empty for any.
    first, last : date or None
        First version between these days, both included.
    code : bool
        Some source names its code.
    """

    categories: tuple[str, ...] = ()
    source: str = ""
    first: date | None = None
    last: date | None = None
    code: bool = False


NOTHING = Filters()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text; `found` where it is a word that was looked for."""

    text: str
    found: bool = False


def lexical(
    session: Session, wording: Wording, filters: Filters = NOTHING, *, limit: int, enough: int | None = None, loose: bool = False
) -> dict[str, bool]:
    """Return the ids of the papers that hold the words, best first, each with whether it holds all of them.

    Papers with all of the words come first. Where there are none, the last word may be a beginning (`graph` is not to find
    "graphics" as long as there are graphs); `loose` fills up with papers with some of the words, while there are not enough (None:
    up to the limit).
    """
    if not wording.wanted:
        return {}
    found = dict.fromkeys(_ranked(session, wording, filters, limit), True)
    if not found and (begun := wording.begun()) != wording:
        found = dict.fromkeys(_ranked(session, begun, filters, limit), True)
    if loose and len(wording.wanted) > 1 and len(found) < (limit if enough is None else enough):
        some = _ranked(session, wording, filters, limit, any_word=True)
        found |= {paper_id: False for paper_id in some if paper_id not in found}
    return dict(islice(found.items(), limit))


def without(session: Session, wording: Wording, ids: Sequence[str]) -> list[str]:
    """Return those of the papers that hold none of the unwanted words, in the order given."""
    unwanted = fulltext.holding(session, wording.unwanted, ids)
    return [paper_id for paper_id in ids if paper_id not in unwanted]


def snippets(session: Session, wording: Wording, ids: Sequence[str]) -> dict[str, list[Part]]:
    """Return, of those of the papers whose abstract holds one of the words, the place where it does."""
    texts = fulltext.marked(session, wording, ids)
    rest = [paper_id for paper_id in ids if OPEN not in texts.get(paper_id, "")]
    if rest and (begun := wording.begun()) != wording:
        texts |= fulltext.marked(session, begun, rest)
    return {paper_id: _parts(text) for paper_id, text in texts.items() if OPEN in text}


def among(session: Session, ids: Sequence[str], filters: Filters = NOTHING) -> list[str]:
    """Return those of the papers that are stored, may be found and pass the filters, in the order given."""
    passed: set[str] = set()
    for start in range(0, len(ids), BATCH):
        query = select(PaperRow.id).where(PaperRow.id.in_(ids[start : start + BATCH]), *_conditions(filters))
        passed.update(session.scalars(query))
    return [paper_id for paper_id in ids if paper_id in passed]


def at_most(session: Session, filters: Filters, limit: int) -> list[str] | None:
    """Return all papers that pass the filters if there are at most `limit`, else None."""
    found = list(session.scalars(select(PaperRow.id).where(*_conditions(filters)).limit(limit + 1)))
    return found if len(found) <= limit else None


def newest_first(session: Session, ids: Sequence[str]) -> list[str]:
    """Return the papers by the day of their first version, the newest leading."""
    published: dict[str, datetime] = {}
    for start in range(0, len(ids), BATCH):
        query = select(PaperRow.id, PaperRow.published).where(PaperRow.id.in_(ids[start : start + BATCH]))
        published.update((paper_id, at) for paper_id, at in session.execute(query))
    return sorted(published, key=lambda paper_id: (published[paper_id], paper_id), reverse=True)


def sources(session: Session) -> list[str]:
    """Return the sources that announced a paper, in order."""
    query = select(PaperSourceRow.source).where(PaperSourceRow.source != LIBRARY)
    return sorted(session.scalars(query.distinct()))


def _ranked(session: Session, wording: Wording, filters: Filters, limit: int, *, any_word: bool = False) -> list[str]:
    """Ask the index alone, and only if the filters left too few of what it named, index and papers together."""
    for width in (limit + SPARE, WIDER * (limit + SPARE)):
        first = fulltext.ranked(session, wording, any_word=any_word, limit=width)
        passed = among(session, first, filters)
        if len(passed) >= limit or len(first) < width:
            return passed[:limit]
    return fulltext.ranked(session, wording, any_word=any_word, limit=limit, where=_conditions(filters))


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [PaperRow.source != LIBRARY]
    if filters.categories:
        written = cast(PaperRow.categories, Text)
        chosen.append(or_(*(written.contains(name, autoescape=True) for given in filters.categories for name in _written(given))))
    if filters.source:
        chosen.append(exists().where(PaperSourceRow.paper_id == PaperRow.id, PaperSourceRow.source == filters.source))
    if filters.first is not None:
        chosen.append(PaperRow.published >= datetime.combine(filters.first, time(), UTC))
    if filters.last is not None and filters.last < date.max:
        chosen.append(PaperRow.published < datetime.combine(filters.last + timedelta(days=1), time(), UTC))
    if filters.code:
        chosen.append(PaperRow.code_url.is_not(None))
    return chosen


def _written(category: str) -> Iterator[str]:
    """How a category stands in the stored list, and how one of an archive begins."""
    inner = json.dumps(category)[1:-1]
    yield f'"{inner}"'
    if "." not in category:
        yield f'"{inner}.'


def _parts(text: str) -> list[Part]:
    """Split a marked text into what was found and what stands around it."""
    parts: list[Part] = []
    for number, piece in enumerate(text.split(OPEN)):
        found, _, after = piece.partition(CLOSE) if number else ("", "", piece)
        parts += [part for part in (Part(found, found=True), Part(after)) if part.text]
    return parts

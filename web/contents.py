"""A reader and a moment in, what their digest has to say out: papers in sections, what was missed, or why there is nothing.

A digest is a second view of pages: of today's page, of those of a week, of days that were missed. Their order is the digest's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from weakref import WeakKeyDictionary

from flask_babel import gettext as _

from recommender.rank.rules import plain
from recommender.store import interests, papers, runs
from recommender.store.db import Database, Session
from recommender.store.events import Word
from recommender.store.interests import Interest
from recommender.store.runs import SourceState
from recommender.types import RankedItem, RankedPage
from web import quiet
from web.cards import Card, around, card, clip
from web.chosen import Chosen, NothingToSend, Occasion, nothing_left, of_day, of_week
from web.words import reason_words, spoken

__all__ = ["Contents", "Entry", "Section", "gather"]

_SATURDAY = 5
_FOLLOWS = "You follow %s"  # the reason that a followed author, organisation or category gives


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper in one reader's digest.

    Attributes
    ----------
    card : Card
        The paper as all readers are shown it: without its abstract, reasons and votes.
    item_id : int
        The ranked item.
    why : str
        One reason for its place.
    """

    card: Card
    item_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Section:
    """Some of the papers, under a heading.

    Attributes
    ----------
    name : str
        Empty where they need none.
    entries : tuple of Entry
    besides : bool, default=False
        Whether they are of other editions than the digest is about: of days that were missed.
    """

    name: str
    entries: tuple[Entry, ...]
    besides: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What one digest says.

    Attributes
    ----------
    kind : {"day", "week", "quiet"}
        A quiet one has no papers; its notes say why.
    edition : date
        The newest edition it shows; of a quiet one, the newest that there is.
    sections : tuple of Section, default=()
        No paper stands in two, none is empty.
    notes : tuple of str, default=()
        What is missing, and why, a sentence or two each.
    page_id : int or None, default=None
        The page of that edition.
    editions : int, default=0
        How many editions its papers are chosen from; top picks of missed days come besides.
    candidates : int, default=0
        How many papers were considered in them.
    author : str, default=""
        Whoever the reader follows and wrote the first paper; empty where nobody did.
    invented : bool, default=False
    """

    kind: str
    edition: date
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    page_id: int | None = None
    editions: int = 0
    candidates: int = 0
    author: str = ""
    invented: bool = False

    @property
    def entries(self) -> list[Entry]:
        """All papers, in order."""
        return [entry for section in self.sections for entry in section.entries]


class _Common:
    """What all readers of an edition are shown alike, in one language: read from the store once.

    Attributes
    ----------
    before : date or None
        The edition before this one.
    cards : dict of str to Card
        By paper, those that were read.
    authors : dict of str to tuple of str
        All of each paper's.
    """

    def __init__(self, session: Session, edition: date) -> None:
        self.before = papers.neighbours_in_time(session, edition)[0]
        self.cards: dict[str, Card] = {}
        self.authors: dict[str, tuple[str, ...]] = {}
        self._edition = edition
        self._heard: tuple[datetime, list[SourceState]] | None = None

    def catch_up(self, on: Occasion, ids: Sequence[str], soon: Iterable[str] = ()) -> list[SourceState]:
        """Read those papers that were not asked for yet; where there are some, those too that are asked for soon.

        Returns
        -------
        list of SourceState
            What the sources that are read here last said, as of this minute.
        """
        minute = on.now.replace(second=0, microsecond=0)
        if self._heard is None or self._heard[0] != minute or any(i not in self.cards for i in ids):
            with on.database.read() as session:
                self._read(session, [i for i in dict.fromkeys((*ids, *soon)) if i not in self.cards])
                self._heard = minute, _sources(session, on)
        return self._heard[1]

    def _read(self, session: Session, ids: Sequence[str]) -> None:
        stored = papers.get(session, ids)
        near = around(session, list(stored))
        for i, paper in stored.items():
            self.authors[i] = paper.authors
            self.cards[i] = replace(card(paper, Word(), today=self._edition, here=near[i]), lead="", rest="")


_commons: WeakKeyDictionary[Database, dict[tuple[date, datetime, str], _Common]] = WeakKeyDictionary()


def gather(on: Occasion) -> Contents:
    """Gather what a reader's digest says, in the language that is spoken.

    Raises
    ------
    NothingToSend
        If there is nothing to be said.
    """
    edition = on.together.edition or on.desk.open_day(on.now)
    if edition is None:
        raise NothingToSend("no papers are stored yet: run `broadsheet ingest` first")
    if on.last_edition is not None and edition <= on.last_edition:
        return _nothing_new(on, edition)
    common, weekly = _common(on, edition), on.reader.digest_every == "week"
    chosen = of_week(on, edition) if weekly else of_day(on, edition, common.before)
    sources = common.catch_up(on, [item.paper_id for item in (*chosen.items, *chosen.missed)], _shown_first(on))
    sections, author = _sections(on, chosen, common)
    if not sections:
        raise NothingToSend(nothing_left(on.reader, chosen.pages))
    return Contents(
        kind="week" if weekly else "day",
        edition=edition,
        sections=sections,
        notes=_notes(on, edition, sources),
        page_id=next((page.id for page in chosen.pages if page.day == edition and page.id), None),
        editions=len(chosen.pages),
        candidates=sum(page.candidates for page in chosen.pages),
        author=author,
        invented=on.settings.is_sample or any(entry.card.invented for section in sections for entry in section.entries),
    )


def _shown_first(on: Occasion) -> Iterator[str]:
    """Give the papers on top of all pages that were made together: whoever comes first reads them for the others."""
    for page in on.together.pages.values():
        open_items = (item for item in page.items if not item.voted)
        yield from (item.paper_id for item in islice(open_items, on.settings.mail.picks))


def _common(on: Occasion, edition: date) -> _Common:
    """Return what is common to all; votes and corrections are taken up by the full hour, as they are on pages."""
    key = (edition, on.now.replace(minute=0, second=0, microsecond=0), spoken())
    kept = _commons.setdefault(on.database, {})
    if key not in kept:
        with on.database.read() as session:
            made = _Common(session, edition)
        for old in list(kept):
            if old[:2] != key[:2]:
                kept.pop(old, None)
        kept[key] = made
    return kept[key]


def _sections(on: Occasion, chosen: Chosen, common: _Common) -> tuple[tuple[Section, ...], str]:
    """Put what was chosen under headings; also return who wrote the first paper, if the reader follows them."""
    items = [item for item in chosen.items if item.paper_id in common.cards]
    follows = [item for item in items if _required(item) and item.reasons[0].template == _FOLLOWS]
    asked = [item for item in items if _required(item) and item.reasons[0].template != _FOLLOWS]
    authors = {item.paper_id: name for item in follows if (name := _followed(item, common.authors[item.paper_id]))}
    follows.sort(key=lambda item: item.paper_id not in authors)
    groups = [(str(_("You follow")), follows)] if follows else []
    groups += [(str(_("You asked for")), asked)] if asked else []
    rest = [item for item in items if not _required(item)]
    groups += _by_interest(on, chosen.pages, rest, bare=not groups)
    sections = [Section(name, _entries(group, common)) for name, group in groups if group]
    if missed := [item for item in chosen.missed if item.paper_id in common.cards]:
        sections.append(Section(str(_("From days you missed")), _entries(missed, common), besides=True))
    first = sections[0].entries[0].card.paper_id if sections else ""
    return tuple(sections), authors.get(first, "")


def _by_interest(
    on: Occasion, made: Sequence[RankedPage], items: Sequence[RankedItem], *, bare: bool
) -> list[tuple[str, list[RankedItem]]]:
    """Group papers by the interest they stand there for, in the order in which the interests come on the page."""
    if len({item.interest for page in made for item in page.items}) < 2:
        return [("" if bare else str(_("More for you")), list(items))]
    names = {own.id: own.name for own in _interests(on)}
    groups: dict[int, list[RankedItem]] = {}
    for item in items:
        groups.setdefault(item.interest, []).append(item)
    return [(clip(names.get(taste, ""), 60) or str(_("General")), group) for taste, group in groups.items()]


def _interests(on: Occasion) -> Sequence[Interest]:
    known = on.together.interests.get(on.reader.id)
    if known is None:
        with on.database.read() as session:
            known = interests.listing(session, on.reader.id)
    return known


def _entries(items: Sequence[RankedItem], common: _Common) -> tuple[Entry, ...]:
    whys = (clip(reason_words(item.reasons[0]), 300) if item.reasons else "" for item in items)
    return tuple(Entry(common.cards[item.paper_id], item.id, why) for item, why in zip(items, whys, strict=True))


def _required(item: RankedItem) -> bool:
    return bool(item.reasons) and item.reasons[0].kind == "rule"


def _followed(item: RankedItem, authors: Sequence[str]) -> str:
    """Return the author for whose sake a paper was put on top, as the paper spells them; empty when it is for something else."""
    wanted = plain(next(iter(item.reasons[0].names), ""))
    return next((clip(name, 80) for name in authors if plain(name) == wanted), "") if wanted else ""


def _notes(on: Occasion, edition: date, sources: Sequence[SourceState]) -> tuple[str, ...]:
    """Say what is not as it should be: a source that is down or late, a day without an edition, a model that cannot be used."""
    today, said = on.now.date(), list[str]()
    if not on.settings.is_sample:
        said += [quiet.late(source, on.now) for source in sources]
        if edition < today and (today.weekday() >= _SATURDAY or quiet.is_overdue(edition, on.now)):
            said.append(quiet.why(today, now=on.now, sources=sources, enabled=on.settings.sources.enabled))
    if on.desk.note:
        said.append(str(_("The model that should order your page cannot be used at the moment; another stands in for it.")))
    return tuple(one for one in said if one)


def _nothing_new(on: Occasion, edition: date) -> Contents:
    """Say that nothing came, and why: once, and only where something should have come."""
    reason = f"there is no edition newer than that of {edition}, which was sent"
    enabled = on.settings.sources.enabled
    if on.settings.is_sample or not enabled or not quiet.is_overdue(edition, on.now):
        raise NothingToSend(f"{reason}, and none was to be expected")
    if on.told_quiet:
        raise NothingToSend(f"{reason}, and that was said already")
    with on.database.read() as session:
        sources = _sources(session, on)
    why = quiet.why(on.now.date(), now=on.now, sources=sources, enabled=enabled)
    said = (why, *(quiet.late(source, on.now) for source in sources))
    return Contents("quiet", edition, notes=tuple(one for one in said if one))


def _sources(session: Session, on: Occasion) -> list[SourceState]:
    return [source for source in runs.sources(session) if source.name in on.settings.sources.enabled]

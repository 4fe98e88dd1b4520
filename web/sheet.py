"""A reader's ranked page in, all that its template needs out: cards, neighbours in time, what moved, what was missed, an honest word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from recommender.errors import NotTrained
from recommender.rank import draft
from recommender.rank.rerank import BLOCK
from recommender.store import artifacts, events, interests, pages, papers, runs, tastes, vectors
from recommender.store.db import Session
from recommender.store.interests import Interest
from recommender.types import EventKind, RankedItem, RankedPage
from web import quiet
from web.auth import State
from web.cards import Card, cards, clip

__all__ = ["Carried", "Filters", "Moved", "Sheet", "lay_out", "make"]

LONGEST_CHOICE = 40  # characters of a category: what is longer is an accident
ROSE = 3  # places a paper must have gained to be counted as moved up


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a day a reader asked to see; empty strings ask for everything.

    Attributes
    ----------
    category, source : str
    kind : {"", "new", "cross", "replace"}
    """

    category: str = ""
    source: str = ""
    kind: str = ""

    def __bool__(self) -> bool:
        return bool(self.category or self.source or self.kind)

    @property
    def chosen(self) -> dict[str, str]:
        """Those that ask for something, by name."""
        named = {"category": self.category, "source": self.source, "kind": self.kind}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Moved:
    """What the newest up-vote did to the page: how many papers near the top rose, and which paper was liked."""

    paper_id: str
    title: str
    papers: int


@dataclass(frozen=True, slots=True)
class Carried:
    """Top picks of an edition that the reader was never shown."""

    day: date
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the template of one edition's page needs.

    Attributes
    ----------
    day : date
    stored : int
        Papers announced on this day that are stored.
    page : RankedPage
    main, voted : list of Card
        The papers shown in order, and those voted on earlier.
    more : int
        Papers not shown yet.
    before, after : date or None
        The neighbouring editions.
    model : Model or None
        What the page was ordered by; None before the first training.
    note : str or None
        Why another model than the live one made it.
    failing : list of SourceState
        Sources that could not be read the last time.
    quiet : str
        Why there is nothing on this day, or nothing newer; empty when there is.
    interest : Interest or None
        The one it is for; None for everything.
    interests : list of Interest
        All that the reader has.
    moved : Moved or None
        What the newest up-vote did.
    carried : list of Carried
        Top picks of days that were missed.
    filters : Filters
    choices : mapping of str to list of (str, int)
        What can be asked for by each filter, with the number of papers of the day.
    unread : bool
        Whether the text encoder has read none of the day's papers.
    silent : bool
        Whether the page has nothing of its reader to go by.
    """

    day: date
    stored: int
    page: RankedPage
    main: list[Card]
    voted: list[Card]
    more: int
    before: date | None
    after: date | None
    model: artifacts.Model | None
    note: str | None
    failing: list[runs.SourceState]
    quiet: str
    interest: Interest | None
    interests: list[Interest]
    moved: Moved | None
    carried: list[Carried]
    filters: Filters
    choices: Mapping[str, list[tuple[str, int]]]
    unread: bool
    silent: bool

    @property
    def names(self) -> dict[int, str]:
        """What each interest is called, by its number."""
        return {known.id: known.name for known in self.interests}

    @property
    def item_ids(self) -> list[int]:
        """The stored items that are shown."""
        shown = [*self.main, *self.voted, *(card for carried in self.carried for card in carried.cards)]
        return [card.item_id for card in shown if card.item_id is not None]


def lay_out(page: RankedPage, cards_shown: int) -> tuple[list[RankedItem], list[RankedItem], int]:
    """Split a page into what is shown in order, the tail of papers voted on earlier, and how many are still to come."""
    body = len(page.items)
    while body and page.items[body - 1].voted:
        body -= 1
    return list(page.items[: min(body, cards_shown)]), list(page.items[body:]), max(body - cards_shown, 0)


def make(
    session: Session,
    app: State,
    page: RankedPage,
    *,
    cards_shown: int,
    now: datetime,
    interest: Interest | None = None,
    missed: Sequence[RankedPage] = (),
    filters: Filters | None = None,
) -> Sheet:
    """Gather a sheet.

    Parameters
    ----------
    session : Session
    app : State
    page : RankedPage
    cards_shown : int
        Papers in the main list at most.
    now : datetime
    interest : Interest, default=None
    missed : sequence of RankedPage, default=()
        Pages of editions that were missed, cut to what is brought along.
    filters : Filters, default=None
    """
    main, voted, more = lay_out(page, cards_shown)
    today = now.date()
    made = cards(session, page.reader_id, [*main, *voted], today=today)
    tail = {item.paper_id for item in voted}
    before, after = papers.neighbours_in_time(session, page.day)
    this = papers.editions(session, limit=1, before=page.day + timedelta(days=1)) if page.day < date.max else []
    stored = this[0].papers if this and this[0].day == page.day else 0
    sources = runs.sources(session)
    newest = after is None or after > today
    empty_day = page.day if not stored else today if newest and page.day < today else None
    return Sheet(
        day=page.day,
        stored=stored,
        page=page,
        main=[card for card in made if card.paper_id not in tail],
        voted=[card for card in made if card.paper_id in tail],
        more=more,
        before=before,
        after=after if after is not None and after <= today else None,
        model=_trained(session, draft.makers(page.model)[0]),
        note=app.rankers.note,
        failing=[source for source in sources if source.error],
        quiet=_quiet(app, empty_day, now, sources),
        interest=interest,
        interests=interests.listing(session, page.reader_id),
        moved=_moved(session, page),
        carried=[Carried(own.day, cards(session, page.reader_id, own.items, today=today)) for own in missed],
        filters=filters or Filters(),
        choices=_choices(session, page.day),
        silent=tastes.is_silent(session, page.reader_id, page.interest),
        unread=not vectors.last_seq(session, vectors.current_encoder(session) or "", page.day, page.day),
    )


def _moved(session: Session, page: RankedPage) -> Moved | None:
    """What the newest up-vote did, as long as nothing was said since."""
    last = events.newest(session, page.reader_id) if page.id else None
    if last is None or last.kind is not EventKind.UPVOTE or last.item_id is None or last.id != page.cursor:
        return None
    earlier = pages.previous(session, page)
    if earlier is None or all(item.id != last.item_id for item in earlier.items):
        return None
    stood = {item.paper_id: item.position for item in earlier.items}
    top = [item for item in page.items[:BLOCK] if not item.voted]
    rose = sum(stood.get(item.paper_id, len(stood) + 1) - item.position >= ROSE for item in top)
    liked = papers.get(session, [last.paper_id]).get(last.paper_id)
    return Moved(last.paper_id, liked.title, rose) if liked is not None and rose else None


def _choices(session: Session, day: date) -> dict[str, list[tuple[str, int]]]:
    """What the papers of a day can be filtered by, the most frequent first."""
    found: dict[str, dict[str, int]] = {"category": {}, "source": {}, "kind": {}}
    for paper in papers.window(session, day, day):
        said = {"category": paper.categories, "source": (paper.source,), "kind": (paper.announce.removesuffix("-cross"),)}
        for name, values in said.items():
            for value in dict.fromkeys(clip(value, LONGEST_CHOICE) for value in values):
                found[name][value] = found[name].get(value, 0) + 1
    return {name: sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) for name, counts in found.items()}


def _quiet(app: State, day: date | None, now: datetime, sources: Sequence[runs.SourceState]) -> str:
    chosen = app.settings
    if day is None:
        return ""
    return quiet.why(day, now=now, sources=sources, enabled=chosen.sources.enabled, sample=chosen.is_sample)


def _trained(session: Session, version: str) -> artifacts.Model | None:
    try:
        return artifacts.get(session, version)
    except NotTrained:  # the untrained blend has no file and no row
        return None

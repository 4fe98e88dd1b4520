"""One reader's pages of one day and their gestures in, graded rows out: the cascade.

A reader goes down a page from the top. What stands at or above the last row they touched was examined, whatever stands below is
unknown: it is left out, and so is a page nobody touched, because nobody may have looked at it.

    up-vote or save               2, weight 1
    click                         1, weight 1
    down-vote, "not interested"   0, weight 1     said so
    examined, not touched         0, weight 0.5   passed over, which is not the same as unwanted: it says less than a "no"

The last word on a paper counts, whichever revision of the day's page it answered. A paper is one row, in the first revision that
showed it: later revisions were made after the reader had begun to speak, and a paper twice in a set would count twice. Items that
had a vote when the page was built give no row, for their features know the answer. A link that was opened in mail is left out
altogether: scanners open links. What was pressed on the page behind it counts, for that takes a person.

That a row stands at the end of what was examined because it was touched, and that rows further up are looked at more, both make places
differ for reasons that are not the papers': who learns from these rows gives each place a term of its own (see `linear` and `fit`).
Exploration slots are also told apart from all this, as `Trial`s, touched or not: they say how much a place is looked at, and what
another ranker would have been worth.

References
----------
Craswell et al., "An experimental comparison of click position-bias models", WSDM 2008.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recommender.store.events import words
from recommender.store.pages import ShownItem, ShownPage
from recommender.types import Channel, Event, EventKind, RankedItem

__all__ = ["UNTOUCHED_WEIGHT", "GradedPage", "GradedRow", "Trial", "grade_day", "trials"]

UNTOUCHED_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class GradedRow:
    """One examined paper: its ranked item (with the logged features), what the reader made of it, and how sure that is."""

    item: RankedItem
    grade: int
    weight: float


@dataclass(frozen=True, slots=True)
class GradedPage:
    """The rows that one revision gives, by position."""

    shown: ShownPage
    rows: tuple[GradedRow, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One exploration slot that was shown: its ranked item, whether that was touched where it stood, and the day's word on the paper.

    `grade` is as in the table above, and 0 for what was not touched, looked at or not.
    """

    item: RankedItem
    touched: bool
    grade: int


def grade_day(pages: Sequence[ShownPage], events: Iterable[Event], *, whole: bool = False) -> list[GradedPage]:
    """Grade what one reader was shown for one edition.

    Parameters
    ----------
    pages : sequence of ShownPage
        Every shown revision of that reader's page for that day.
    events : iterable of Event
        The reader's events in the order they were written; those that belong to other days are ignored. An event belongs to
        the day when it answers an item of one of the pages, or when it answers no item at all and names a paper that had been
        shown by then (a vote on the paper's own page).
    whole : bool, default=False
        Grade everything that was shown on a day with a touch, as if it had been examined. For judging, not for learning: weighted by
        how likely each place is looked at, whole pages favour no ranker, while what the cascade keeps depends on what was touched.

    Returns
    -------
    list of GradedPage
        Revisions that give at least one row, in order. Empty when nothing was touched.
    """
    revisions = sorted(pages, key=lambda shown: shown.page.revision)
    first = _first_shown(revisions)
    ours = _events_of_day(revisions, first, events)
    examined = _examined(revisions, ours)
    if whole and examined:
        examined = set(first)
    grades = _grades(ours)
    graded: list[GradedPage] = []
    for shown in revisions:
        items = [entry.item for entry in shown.items if first[entry.item.paper_id] is entry and not entry.item.voted]
        rows = tuple(
            GradedRow(item, *grades.get(item.paper_id, (0, UNTOUCHED_WEIGHT))) for item in items if item.paper_id in examined
        )
        if rows:
            graded.append(GradedPage(shown, rows))
    return graded


def trials(pages: Sequence[ShownPage], events: Iterable[Event]) -> list[Trial]:
    """Return the exploration slots of the first revision that was shown; parameters as in `grade_day`.

    Later revisions are left out: what was touched on the first moves papers and places on those. Pages nobody touched are in: leaving
    them out would let a touch decide whether its own slot counts.
    """
    revisions = sorted(pages, key=lambda shown: shown.page.revision)
    if not revisions:
        return []
    ours = _events_of_day(revisions, _first_shown(revisions), events)
    touched, grades = {event.item_id for event in ours}, _grades(ours)
    return [
        Trial(entry.item, entry.item.id in touched, grades.get(entry.item.paper_id, (0, 0.0))[0])
        for entry in revisions[0].items
        if entry.item.explored
    ]


def _first_shown(revisions: Sequence[ShownPage]) -> dict[str, ShownItem]:
    first: dict[str, ShownItem] = {}
    for shown in revisions:
        for entry in shown.items:
            first.setdefault(entry.item.paper_id, entry)
    return first


def _events_of_day(revisions: Sequence[ShownPage], first: dict[str, ShownItem], events: Iterable[Event]) -> list[Event]:
    """Keep the gestures that speak about this day's pages."""
    item_ids = {entry.item.id for shown in revisions for entry in shown.items}
    ours: list[Event] = []
    for event in events:
        if event.kind is EventKind.CLICK and event.channel is Channel.EMAIL:
            continue
        if event.item_id is None:
            entry = first.get(event.paper_id)
            belongs = entry is not None and entry.shown_at <= event.at
        else:
            belongs = event.item_id in item_ids
        if belongs:
            ours.append(event)
    return ours


def _examined(revisions: Sequence[ShownPage], events: Sequence[Event]) -> set[str]:
    """Return the papers at or above the last touched row of some revision, and those touched without naming a row.

    An item that had a vote when its page was built was found before that page was: touching it again proves nothing new.
    """
    examined = {event.paper_id for event in events if event.item_id is None}
    touched = {event.item_id for event in events}
    for shown in revisions:
        items = [entry.item for entry in shown.items]
        last = max((item.position for item in items if item.id in touched and not item.voted), default=0)
        examined.update(item.paper_id for item in items if item.position <= last)
    return examined


def _grades(events: Sequence[Event]) -> dict[str, tuple[int, float]]:
    """Fold the day's gestures into (grade, weight) per paper; a vote that was taken back leaves the click, if there was one."""
    clicked = {event.paper_id for event in events if event.kind is EventKind.CLICK}
    grades = dict.fromkeys(clicked, (1, 1.0))
    for paper_id, word in words(events).items():
        if word.vote is EventKind.UPVOTE or (word.saved and word.vote is None):
            grades[paper_id] = (2, 1.0)
        elif word.vote is not None:
            grades[paper_id] = (0, 1.0)
    return grades

"""A signed-in reader and a stretch of days in, the papers everyone sees of them out, and the calendar that leads to them."""

from __future__ import annotations

from calendar import Calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender.store import lists
from recommender.store.db import Session
from recommender.store.lists import Facets, Filters
from recommender.store.readers import Reader
from web.auth import login_required, state
from web.cards import Card, clip, listed
from web.listing import Stretch, containing, place_of, place_words, read_stretch, recent
from web.words import day_words, month_words, weekday_words

__all__ = ["Day", "Sheet", "blueprint"]

CATEGORIES_OFFERED = 40
LONGEST_CATEGORY = 40  # characters; none is longer, and what hides letters or turns the line is not offered
FACET_DAYS = 7  # whose papers tell what a list can be narrowed to
ORDERS = {"trending": _l("Trending"), "newest": _l("Newest"), "picks": _l("Curators’ picks")}
KINDS = {"new": _l("New"), "cross": _l("Cross-listed"), "replace": _l("New versions")}
_WANTED = {
    "day": _l("“%(text)s” is not a date. Write it like 2026-05-20."),
    "week": _l("“%(text)s” is not a week. Write it like 2026-W21."),
    "month": _l("“%(text)s” is not a month. Write it like 2026-05."),
}

blueprint = Blueprint("everyone", __name__)


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the template of everyone's page needs.

    Attributes
    ----------
    stretch : Stretch
    order : {"trending", "newest", "picks"}
    filters : Filters
    facets : Facets
        What the list can be narrowed to.
    cards : list of Card
    total : int
        Papers of the whole list.
    more : str
        Where the next papers are, in an address; empty at the end.
    begun : bool
        Whether these are the first papers of the list.
    before, after : str
        The neighbouring stretches that have papers, as an address calls them; empty where there is none.
    day : date
        The newest day inside that has papers: where one comes to who changes between day, week and month.
    """

    stretch: Stretch
    order: str
    filters: Filters
    facets: Facets
    cards: list[Card]
    total: int
    more: str
    begun: bool
    before: str
    after: str
    day: date

    def address(self, to: str = "", name: str = "", **changes: str) -> str:
        """Return the address of this list, or of another stretch, with the same order and filters but for what changes."""
        told = {
            "sort": self.order if self.order != lists.ORDERS[0] else "",
            "category": self.filters.category,
            "source": self.filters.source,
            "kind": self.filters.announce,
        }
        chosen: dict[str, Any] = {name: value for name, value in (told | changes).items() if value}
        to = to or self.stretch.kind
        if to == "recent":
            return url_for("everyone.front", **chosen)
        name = name or (self.stretch if to == self.stretch.kind else containing(to, self.day)).name
        return url_for("everyone.stretch", unit=to, text=name, **chosen)


@dataclass(frozen=True, slots=True)
class Day:
    """One square of the calendar."""

    day: date
    papers: int
    is_outside: bool
    is_today: bool


@blueprint.get("/everyone")
@login_required
def front(reader: Reader) -> ResponseReturnValue:
    """Show the papers of the newest days."""
    place = place_of(request.args.get("after", ""))
    with state().database.read() as session:
        stretch = recent(session, (place.as_of if place is not None else state().clock()).date())
        return _show(session, reader, stretch)


@blueprint.get("/everyone/<any(day, week, month):unit>/<text>")
@login_required
def stretch(reader: Reader, unit: str, text: str) -> ResponseReturnValue:
    """Show the papers of a day, written YYYY-MM-DD, of a week, YYYY-Www, or of a month, YYYY-MM."""
    wanted = read_stretch(unit, text)
    if wanted is None:
        abort(404, _WANTED[unit] % {"text": text[:40]})
    with state().database.read() as session:
        return _show(session, reader, wanted)


@blueprint.get("/days")
@login_required
def days(_reader: Reader) -> ResponseReturnValue:
    """Show a month as a calendar: how many papers each day has, with ways to its page, its week and the month."""
    today = state().clock().date()
    asked = request.args.get("month", "")
    wanted = read_stretch("month", asked)
    if asked and wanted is None:
        abort(404, _WANTED["month"] % {"text": asked[:40]})
    with state().database.read() as session:
        known = lists.extent(session, until=today)
        month = wanted or containing("month", known[1] if known is not None else today)
        weeks = Calendar().monthdatescalendar(month.first.year, month.first.month)
        counts = {edition.day: edition.papers for edition in lists.days(session, weeks[0][0], weeks[-1][-1])}
        before, after = lists.neighbours(session, month.first, month.last, until=today)
    return render_template(
        "days.html",
        month=month,
        weeks=[
            (containing("week", week[0]), [Day(d, counts.get(d, 0), d.month != month.first.month, d == today) for d in week])
            for week in weeks
        ],
        total=sum(papers for day, papers in counts.items() if month.first <= day <= month.last),
        before=containing("month", before) if before else None,
        after=containing("month", after) if after else None,
        known=known,
    )


def _show(session: Session, reader: Reader, stretch: Stretch) -> str:
    app, today = state(), state().clock().date()
    order, filters = _asked_for()
    place = place_of(request.args.get("after", ""))
    found = lists.listed(
        session,
        stretch.first,
        stretch.last,
        order=order,
        now=app.clock(),
        k=app.settings.web.cards,
        filters=filters,
        after=place,
        half_life_days=stretch.half_life_days,
    )
    before, after = _neighbours(session, stretch, today)
    day = _newest_day(session, stretch)
    sheet = Sheet(
        stretch=stretch,
        order=order,
        filters=filters,
        facets=_facets(session, stretch, day),
        cards=listed(session, reader.id, found.ids, today=today),
        total=found.total,
        more=place_words(found.after) if found.after is not None else "",
        begun=place is None,
        before=before,
        after=after,
        day=day,
    )
    return render_template("everyone.html", sheet=sheet, orders=ORDERS, kinds=KINDS, today=today)


def _asked_for() -> tuple[str, Filters]:
    """Return the order and the filters that the address names; what it names wrongly is left out."""
    asked = {name: clip(request.args.get(name, ""), 100) for name in ("sort", "category", "source")}
    order = asked["sort"] if asked["sort"] in lists.ORDERS else lists.ORDERS[0]
    announce = request.args.get("kind", "")
    return order, Filters(asked["category"], asked["source"], announce if announce in lists.KINDS else "")


def _neighbours(session: Session, stretch: Stretch, today: date) -> tuple[str, str]:
    """Return the stretches of the same kind, before and after, that have papers."""
    if stretch.kind == "recent":
        return "", ""
    before, after = lists.neighbours(session, stretch.first, stretch.last, until=today)
    names = [containing(stretch.kind, day).name if day is not None else "" for day in (before, after)]
    return names[0], names[1]


def _newest_day(session: Session, stretch: Stretch) -> date:
    """Return the newest day of a stretch that has papers, else its last."""
    known = lists.extent(session, until=stretch.last)
    return known[1] if known is not None and known[1] >= stretch.first else stretch.last


def _facets(session: Session, stretch: Stretch, day: date) -> Facets:
    """Return what the list can be narrowed to, as the newest of its days tell."""
    found = lists.facets(session, max(stretch.first, day - timedelta(days=FACET_DAYS - 1)), day)
    plain = [(category, count) for category, count in found.categories if clip(category, LONGEST_CATEGORY) == category]
    return Facets(tuple(plain[:CATEGORIES_OFFERED]), found.sources)


@blueprint.app_template_filter("stretch")
def _stretch_words(stretch: Stretch) -> str:
    """Return what a stretch of days is called."""
    if stretch.kind == "day":
        return f"{weekday_words(stretch.first)}, {day_words(stretch.first)}"
    if stretch.kind == "month":
        return month_words(stretch.first)
    if stretch.kind == "week":
        number = stretch.first.isocalendar().week
        first, last = day_words(stretch.first, stretch.last), day_words(stretch.last)
        return str(_("Week %(number)d, %(first)s to %(last)s", number=number, first=first, last=last))
    return str(_("Everyone"))

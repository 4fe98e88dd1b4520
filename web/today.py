"""A signed-in reader, a day and perhaps an interest in, their page of that edition out; what was really shown is noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender import daily
from recommender.store import interests, pages, papers, runs
from recommender.store.interests import Interest
from recommender.store.readers import Reader
from recommender.types import Channel, Paper, RankedPage
from web.auth import State, is_visit, login_required, note_seen, state
from web.cards import day_words
from web.listing import own_page
from web.sheet import Filters, Sheet, make

__all__ = ["blueprint"]

TOUCH_EVERY = timedelta(hours=1)  # how exactly it is known when a reader was last here
LONGEST = 500  # papers one request may ask to see: the largest page there is
KINDS = ("new", "cross", "replace")

blueprint = Blueprint("today", __name__)


@blueprint.get("/")
@login_required
def front(reader: Reader) -> ResponseReturnValue:
    """Show the newest edition, all of the reader's interests together."""
    return _newest(reader, None)


@blueprint.get("/day/<day>")
@login_required
def one_day(reader: Reader, day: str) -> ResponseReturnValue:
    """Show the edition of a day, written YYYY-MM-DD."""
    return _show(reader, _date(day), None)


@blueprint.get("/interest/<slug>")
@login_required
def interest(reader: Reader, slug: str) -> ResponseReturnValue:
    """Show the newest edition as one interest ranks it."""
    return _newest(reader, _interest(reader, slug))


@blueprint.get("/interest/<slug>/day/<day>")
@login_required
def interest_day(reader: Reader, slug: str, day: str) -> ResponseReturnValue:
    """Show the edition of a day as one interest ranks it."""
    return _show(reader, _date(day), _interest(reader, slug))


def _newest(reader: Reader, own: Interest | None) -> ResponseReturnValue:
    app = state()
    with app.database.read() as session:
        day = daily.open_day(session, today=app.clock().date())
        stored = papers.count(session)
        failing = [source for source in runs.sources(session) if source.error]
    if day is None:
        return render_template("empty.html", stored=stored, failing_sources=failing)
    return _show(reader, day, own, newest=True)


def _date(day: str) -> date:
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = None
    if wanted is None or str(wanted) != day:  # the library also reads weeks, and dates without dashes
        abort(404, _("“%(day)s” is not a date. Write it like 2026-05-20.", day=day[:40]))
    return wanted


def _interest(reader: Reader, slug: str) -> Interest:
    with state().database.read() as session:
        own = interests.by_slug(session, reader.id, slug)
    if own is None:
        abort(404, _("You have no interest of that name. It may have been renamed or closed."))
    return own


def _show(reader: Reader, day: date, own: Interest | None, *, newest: bool = False) -> ResponseReturnValue:
    if request.method == "HEAD":
        return ""
    app, now = state(), state().clock()
    filters = _filters()
    page = _filtered(app, reader, day, own, filters) if filters else own_page(app, reader.id, day, own.id if own else 0)
    missed = _missed(app, reader, day) if newest and not filters and own is None else []
    with app.database.read() as session:
        sheet = make(
            session,
            app,
            page,
            cards_shown=_asked_for(app.settings.web.cards),
            now=now,
            interest=own,
            missed=missed,
            filters=filters,
        )
    html = render_template(
        "today.html", sheet=sheet, today=now.date(), step=app.settings.web.cards, title=_title(sheet), newest=newest
    )
    if is_visit():
        _note_visit(app, reader, sheet.item_ids)
    return html


def _filtered(app: State, reader: Reader, day: date, own: Interest | None, filters: Filters) -> RankedPage:
    """The ranking of what was asked for, made for this request alone."""
    with app.database.read() as session:
        return daily.chosen_page(
            session,
            reader.id,
            day,
            app.rankers,
            app.settings.rank,
            _keeps(filters),
            now=app.clock(),
            interest=own.id if own else 0,
        )


def _missed(app: State, reader: Reader, day: date) -> list[RankedPage]:
    """Top picks of editions the reader never saw; most days there are none, and then nothing is locked."""
    web, now = app.settings.web, app.clock()
    with app.database.read() as session:
        absent = daily.days_missed(session, reader.id, day, days=web.carry_days, now=now)
    made = [own_page(app, reader.id, edition) for edition in absent[: web.carry_most]]
    return daily.top_picks(made, most=web.carry_most)


def _keeps(filters: Filters) -> Callable[[Paper], bool]:
    def keep(paper: Paper) -> bool:
        return (
            (not filters.category or filters.category in paper.categories)
            and (not filters.source or filters.source == paper.source)
            and (not filters.kind or filters.kind == paper.announce.removesuffix("-cross"))
        )

    return keep


def _filters() -> Filters:
    """What of the day the address asks for."""
    kind = request.args.get("kind", "")
    return Filters(
        request.args.get("category", "").strip()[:60],
        request.args.get("source", "").strip()[:40],
        kind if kind in KINDS else "",
    )


def _asked_for(least: int) -> int:
    """How many papers the address asks to see."""
    asked = request.args.get("show", "")
    return min(max(int(asked), least), LONGEST) if asked.isascii() and asked.isdigit() and len(asked) < 6 else least


def _note_visit(app: State, reader: Reader, item_ids: list[int]) -> None:
    """Note what was shown and that the reader was here; most visits add nothing, and then nothing is locked."""
    now = app.clock()
    absent = reader.last_seen_at is None or now - reader.last_seen_at >= TOUCH_EVERY
    with app.database.read() as session:
        fresh = pages.unshown(session, item_ids, Channel.WEB)
    if fresh or absent:
        with app.database.write() as session:
            pages.mark_shown(session, fresh, Channel.WEB, now)
            note_seen(session, reader)


def _title(sheet: Sheet) -> str:
    if sheet.interest is not None:
        return f"{sheet.interest.name}, {day_words(sheet.day)}"
    return str(_("Papers of %(day)s", day=day_words(sheet.day)))

"""A signed-in reader and a day in, their page of that edition out; what was really shown is noted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from recommender import daily
from recommender.errors import NotTrained
from recommender.rank import draft
from recommender.store import artifacts, pages, papers, readers, runs
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import Channel, RankedItem, RankedPage
from web.auth import State, is_visit, login_required, state
from web.cards import Card, cards, day_words

__all__ = ["Sheet", "blueprint"]

DAYS_LISTED = 400
TOUCH_EVERY = timedelta(hours=1)  # how exactly it is known when a reader was last here
LONGEST = 500  # papers one request may ask to see: the largest page there is

blueprint = Blueprint("today", __name__)


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


@blueprint.get("/")
@login_required
def front(reader: Reader) -> ResponseReturnValue:
    """Show the newest edition."""
    with state().database.read() as session:
        day = daily.open_day(session, today=state().clock().date())
        stored = papers.count(session)
        failing = _failing(session)
    if day is None:
        return render_template("empty.html", stored=stored, failing_sources=failing)
    return _show(reader, day)


@blueprint.get("/day/<day>")
@login_required
def one_day(reader: Reader, day: str) -> ResponseReturnValue:
    """Show the edition of a day, written YYYY-MM-DD."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = None
    if wanted is None or str(wanted) != day:  # the library also reads weeks, and dates without dashes
        abort(404, f"“{day[:40]}” is not a date. Write it like 2026-05-20.")
    return _show(reader, wanted)


@blueprint.get("/days")
@login_required
def days(_reader: Reader) -> ResponseReturnValue:
    """List the editions there are."""
    with state().database.read() as session:
        editions = papers.editions(session, limit=DAYS_LISTED)
    return render_template("days.html", editions=editions, today=state().clock().date(), most=DAYS_LISTED)


def _show(reader: Reader, day: date) -> ResponseReturnValue:
    if request.method == "HEAD":
        return ""
    app, now = state(), state().clock()
    with app.database.read() as session:
        page = daily.fresh_page(session, reader.id, day, app.rankers, app.settings.rank)
    if page is None:
        with app.database.write() as session:
            page = daily.current_page(session, reader.id, day, app.rankers, app.settings.rank, now=now)
    main, voted, more = _lay_out(page, _asked_for(app.settings.web.cards))
    with app.database.read() as session:
        sheet = _sheet(session, app, page, main, voted, more, now.date())
    newest = sheet.stored > 0 and sheet.after is None
    html = render_template(
        "today.html", sheet=sheet, today=now.date(), newest=newest, step=app.settings.web.cards, title=_title(sheet)
    )
    if is_visit():
        _note_visit(app, reader, [item.id for item in (*main, *voted)])
    return html


def _lay_out(page: RankedPage, cards_shown: int) -> tuple[list[RankedItem], list[RankedItem], int]:
    """Split a page into what is shown in order, the tail of papers voted on earlier, and how many are still to come."""
    body = len(page.items)
    while body and page.items[body - 1].voted:
        body -= 1
    return list(page.items[: min(body, cards_shown)]), list(page.items[body:]), max(body - cards_shown, 0)


def _asked_for(least: int) -> int:
    """How many papers the address asks to see."""
    asked = request.args.get("show", "")
    return min(max(int(asked), least), LONGEST) if asked.isascii() and asked.isdigit() and len(asked) < 6 else least


def _sheet(
    session: Session, app: State, page: RankedPage, main: list[RankedItem], voted: list[RankedItem], more: int, today: date
) -> Sheet:
    made = cards(session, page.reader_id, [*main, *voted], today=today)
    tail = {item.id for item in voted}
    before, after = papers.neighbours_in_time(session, page.day)
    this = papers.editions(session, limit=1, before=page.day + timedelta(days=1)) if page.day < date.max else []
    return Sheet(
        day=page.day,
        stored=this[0].papers if this and this[0].day == page.day else 0,
        page=page,
        main=[card for card in made if card.item_id not in tail],
        voted=[card for card in made if card.item_id in tail],
        more=more,
        before=before,
        after=after if after is not None and after <= today else None,
        model=_trained(session, draft.makers(page.model)[0]),
        note=app.rankers.note,
        failing=_failing(session),
    )


def _trained(session: Session, version: str) -> artifacts.Model | None:
    try:
        return artifacts.get(session, version)
    except NotTrained:  # the untrained blend has no file and no row
        return None


def _failing(session: Session) -> list[runs.SourceState]:
    return [source for source in runs.sources(session) if source.error]


def _note_visit(app: State, reader: Reader, item_ids: list[int]) -> None:
    """Note what was shown and that the reader was here; most visits add nothing, and then nothing is locked."""
    now = app.clock()
    absent = reader.last_seen_at is None or now - reader.last_seen_at >= TOUCH_EVERY
    with app.database.read() as session:
        fresh = pages.unshown(session, item_ids, Channel.WEB)
    if fresh or absent:
        with app.database.write() as session:
            pages.mark_shown(session, fresh, Channel.WEB, now)
            readers.touch(session, reader.id, now)


def _title(sheet: Sheet) -> str:
    return f"Papers of {day_words(sheet.day)}"

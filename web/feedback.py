"""A reader's gesture in, one event in the log out, and nothing else; what follows from it is decided when a page is next read."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.store import events, interests, pages, papers, provenance
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import EventKind, RankedItem
from web.auth import is_visit, login_required, state
from web.cards import anchor, paper_links
from web.limits import limiter
from web.links import safe_next

__all__ = ["blueprint"]

PER_MINUTE = "240 per minute"  # gestures of one reader: as many as a token may send, and more than a hand can
GESTURES = frozenset(events.MOVING)  # a click is logged by following a link, never by a form

blueprint = Blueprint("feedback", __name__)


@blueprint.post("/events")
@login_required
@limiter.limit(PER_MINUTE)
def record(reader: Reader) -> ResponseReturnValue:
    """Append one vote, save or undo, and go back to where the reader was; the same word twice is one word."""
    kind = _kind(request.form.get("kind", ""))
    with state().database.write() as session:
        item_id, paper_id, interest = _target(session, reader)
        events.say(session, reader.id, paper_id, kind, at=state().clock(), item_id=item_id, interest=interest)
    return redirect(f"{safe_next(request.form.get('next')).partition('#')[0]}#{anchor(paper_id)}", code=303)


@blueprint.get("/go/<int:item_id>", defaults={"what": "paper"})
@blueprint.get("/go/<int:item_id>/<any(pdf, code, project):what>")
@login_required
def go(reader: Reader, item_id: int, what: str) -> ResponseReturnValue:
    """Follow a link of a paper on the reader's page, to the address its source gave and nowhere else."""
    with state().database.read() as session:
        item = _own_item(session, reader, item_id)
        paper = papers.get(session, [item.paper_id])[item.paper_id]
    url = next((link.url for link in paper_links(paper) if link.name == what), None)
    if url is None:
        abort(404, _("No source names such a link for this paper."))
    if is_visit():
        with state().database.write() as session:
            events.append(
                session, reader.id, paper.id, EventKind.CLICK, at=state().clock(), item_id=item_id, interest=item.interest
            )
    answer = redirect(url)
    answer.headers["Cache-Control"] = "no-store"  # a remembered redirect would be a click that nobody sees
    return answer


def _kind(text: str) -> EventKind:
    try:
        kind = EventKind(text)
    except ValueError:
        kind = EventKind.CLICK
    if kind not in GESTURES:
        abort(400, _("That is not something one can say of a paper. Go back and use the buttons."))
    return kind


def _target(session: Session, reader: Reader) -> tuple[int | None, str, int]:
    """Return what the gesture is about: an item of one of the reader's own pages, or a stored paper; and for which interest."""
    item = request.form.get("item", "")
    if item:
        if not (item.isascii() and item.isdigit() and len(item) < 19):
            abort(404)
        own = _own_item(session, reader, int(item))
        return own.id, own.paper_id, own.interest
    paper_id = request.form.get("paper", "")
    paper = papers.get(session, [paper_id]).get(paper_id)
    if paper is None or not provenance.is_open_to(session, paper, reader.id):
        abort(404, _("There is no such paper here."))
    return None, paper_id, _own_interest(session, reader)


def _own_interest(session: Session, reader: Reader) -> int:
    """Return the interest that the form names; 0, the general taste, where it names none."""
    named = request.form.get("interest", "")
    if named in ("", "0"):
        return 0
    if not (named.isascii() and named.isdigit() and len(named) < 10) or interests.get(session, reader.id, int(named)) is None:
        abort(404, _("You have no such interest."))
    return int(named)


def _own_item(session: Session, reader: Reader, item_id: int) -> RankedItem:
    found = pages.item(session, item_id)
    if found is None or found[0].reader_id != reader.id:
        abort(404, _("There is no such paper on a page of yours."))
    return found[1]

"""A reader's gesture in, one event in the log out, and nothing else; what follows from it is decided when a page is next read."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from recommender.store import events, pages, papers
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, RankedItem
from web.auth import is_visit, login_required, state
from web.cards import anchor, paper_links
from web.links import safe_next

__all__ = ["blueprint"]

GESTURES = frozenset(events.MOVING)  # a click is logged by following a link, never by a form

blueprint = Blueprint("feedback", __name__)


@blueprint.post("/events")
@login_required
def record(reader: Reader) -> ResponseReturnValue:
    """Append one vote, save or undo, and go back to where the reader was; the same word twice is one word."""
    kind = _kind(request.form.get("kind", ""))
    with state().database.write() as session:
        item_id, paper_id = _target(session, reader)
        said = events.words(events.of_papers(session, reader.id, [paper_id])).get(paper_id, Word())
        if _after(said, kind) != said:
            events.append(session, reader.id, paper_id, kind, at=state().clock(), item_id=item_id, channel=Channel.WEB)
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
        abort(404, "No source names such a link for this paper.")
    if is_visit():
        with state().database.write() as session:
            events.append(session, reader.id, paper.id, EventKind.CLICK, at=state().clock(), item_id=item_id, channel=Channel.WEB)
    answer = redirect(url)
    answer.headers["Cache-Control"] = "no-store"  # a remembered redirect would be a click that nobody sees
    return answer


def _kind(text: str) -> EventKind:
    try:
        kind = EventKind(text)
    except ValueError:
        kind = EventKind.CLICK
    if kind not in GESTURES:
        abort(400, "That is not something one can say of a paper. Go back and use the buttons.")
    return kind


def _target(session: Session, reader: Reader) -> tuple[int | None, str]:
    """Return what the gesture is about: an item of one of the reader's own pages, or a stored paper."""
    item = request.form.get("item", "")
    if item:
        if not (item.isascii() and item.isdigit() and len(item) < 19):
            abort(404)
        return int(item), _own_item(session, reader, int(item)).paper_id
    paper_id = request.form.get("paper", "")
    if paper_id not in papers.get(session, [paper_id]):
        abort(404, "There is no such paper here.")
    return None, paper_id


def _own_item(session: Session, reader: Reader, item_id: int) -> RankedItem:
    found = pages.item(session, item_id) if item_id < 2**63 else None
    if found is None or found[0].reader_id != reader.id:
        abort(404, "There is no such paper on a page of yours.")
    return found[1]


def _after(word: Word, kind: EventKind) -> Word:
    """What the reader's last word would be."""
    if kind.is_shelf:
        return Word(word.vote, kind is EventKind.SAVE)
    return Word(None if kind is EventKind.CLEAR else kind, word.saved)

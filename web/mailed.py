"""A signed link of a mail in, the page behind it out: one paper to read, a vote, a digest that stops, rests or comes weekly.

Programs that check mail open every link in it, so nothing comes of opening one: GET and HEAD write nothing at all, and whatever is
done takes a button, and its POST. The signature in the link stands for whom it was mailed to; no sign-in is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import RequestEntityTooLarge

from recommender.store import events, interests, pages, papers, readers
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, Paper, RankedItem
from web import leaving, schedules
from web.auth import state
from web.cards import Card, around, card, clip, paper_links
from web.limits import by_address, limiter
from web.words import LANGUAGES

__all__ = ["blueprint"]

LEAVE_LIVES = timedelta(days=3650)  # whoever finds an old digest can still end them
PER_MINUTE = "240 per minute"  # presses from one address
AUTHORS_LISTED = 24
RESOLVERS = frozenset(
    {"doi.org", "dx.doi.org", "hdl.handle.net"}
)  # lead on to wherever the paper is, and browsers look at that too
VOTES = {
    EventKind.UPVOTE: _l("More like this"),
    EventKind.DOWNVOTE: _l("Less like this"),
    EventKind.SAVE: _l("Save"),
    EventKind.HIDE: _l("Not interested"),
}
UNDO = {kind: EventKind.CLEAR if kind.is_vote else EventKind.UNSAVE for kind in VOTES}
NOTED = {
    EventKind.UPVOTE: _l("Noted: more like this. The next page you open counts it."),
    EventKind.DOWNVOTE: _l("Noted: less like this. The next page you open counts it."),
    EventKind.SAVE: _l("Saved: it is on your shelf."),
    EventKind.HIDE: _l("Noted: not for you. The next page you open leaves it out."),
    EventKind.CLEAR: _l("Your vote is taken back."),
    EventKind.UNSAVE: _l("It is off your shelf again."),
}
DONE = {
    "stop": _l("You get no more of these mails."),
    "weekly": _l("It comes once a week from now on."),
    "daily": _l("It comes every day from now on."),
    "pause": _l("It rests from now on."),
    "resume": _l("It comes again from now on."),
}

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}(:\d{1,5})?")

blueprint = Blueprint("digest", __name__, url_prefix="/m")  # its POSTs carry a signature of their own instead of a CSRF token


@dataclass(frozen=True, slots=True)
class Shown:
    """What a link of a digest speaks of: a paper on a page of a reader."""

    reader: Reader
    day: date
    item: RankedItem
    paper: Paper


@blueprint.route("/read/<token>", methods=["GET", "POST"])
@limiter.limit(PER_MINUTE, key_func=by_address, methods=["POST"])
def read(token: str) -> ResponseReturnValue:
    """Show a paper, small and complete; go on to its source, or note what is said of it, when a button is pressed."""
    return _read("read", token)


@blueprint.route("/go/<token>", methods=["GET", "POST"])
@limiter.limit(PER_MINUTE, key_func=by_address, methods=["POST"])
def go(token: str) -> ResponseReturnValue:
    """Answer a link of an older digest as `read` does."""
    return _read("go", token)


@blueprint.route("/vote/<token>", methods=["GET", "POST"])
@limiter.limit(PER_MINUTE, key_func=by_address, methods=["POST"])
def vote(token: str) -> ResponseReturnValue:
    """Show a button; cast the vote when it is pressed, or take it back."""
    facts = _facts("vote", token)
    with state().database.read() as session:
        shown = _shown(session, facts)
    kind = _vote_of(str(facts.get("k", "")))
    with _words_of(shown.reader.locale):
        said = None
        if request.method == "POST":
            said = UNDO[kind] if "undo" in request.form else kind
            _say(shown, said)
        told = str(NOTED[said]) if said else ""
        title = clip(shown.paper.title, 400)
        page = {"shown": shown, "title": title, "label": VOTES[kind], "told": told, "today": state().clock().date()}
        return render_template("mail/vote.html", **page, is_undone=said != kind, is_done=said is not None)


@blueprint.route("/leave/<token>", methods=["GET", "POST"])
def leave(token: str) -> ResponseReturnValue:
    """Show what can be chosen; do it when a button is pressed. A mail program that posts here by itself (RFC 8058) ends the digest."""
    app, now = state(), state().clock()
    named = app.signer.read("leave", token, LEAVE_LIVES.total_seconds())
    if not isinstance(named, dict):
        abort(404, _("This link is not whole. Copy all of it, or change your digest on the account page."))
    what = _chosen() if request.method == "POST" else ""
    if what:
        with app.database.write() as session:
            before = leaving.find(session, named)
            if before is not None:
                leaving.change(session, before, what, request.form if what != "stop" else {}, now)
    with app.database.read() as session:
        who = leaving.find(session, named)
    with _words_of(who.locale if who is not None else ""):
        told = str(DONE[what]) if what == "stop" or (what and who is not None and who.on) else ""
        page = {"receiver": who, "is_reader": "r" in named, "told": told, **(_coming(who, now) if who is not None else {})}
        return render_template("mail/leave.html", **page)


def _read(purpose: str, token: str) -> ResponseReturnValue:
    facts, said = _facts(purpose, token), None
    with state().database.read() as session:
        shown = _shown(session, facts)
        with _words_of(shown.reader.locale):
            card, interest = _card(session, shown)
    if request.method == "POST":
        if request.form.get("kind") == EventKind.CLICK.value:
            return _open(shown)
        said = _vote_of(request.form.get("kind", ""), *UNDO.values())
        _say(shown, said)
        with state().database.read() as session, _words_of(shown.reader.locale):
            card, interest = _card(session, shown)
    with _words_of(shown.reader.locale):
        return _page(shown, card, interest, said)


def _card(session: Session, shown: Shown) -> tuple[Card, str]:
    """Return the paper as it is shown, with what readers did with it, and what the interest is called that it was picked for."""
    paper, item, today = shown.paper, shown.item, state().clock().date()
    word = events.words(events.of_papers(session, shown.reader.id, [paper.id])).get(paper.id, Word())
    interest = interests.get(session, shown.reader.id, item.interest) if item.interest else None
    near = around(session, [paper.id])[paper.id]
    return card(paper, word, today=today, here=near, item=item), interest.name if interest is not None else ""


def _page(shown: Shown, card: Card, interest: str, said: EventKind | None) -> str:
    """Show the paper and what can be said of it."""
    source = _source(card)
    if source:
        g.form_action = "https:" if urlsplit(source).hostname in RESOLVERS else source  # where the form may lead: see web.app
    standing = {card.vote, "save" if card.saved else ""}
    return render_template(
        "mail/read.html",
        shown=shown,
        card=card,
        names={card.interest: interest} if interest else {},
        authors=[clip(name, 80) for name in shown.paper.authors[:AUTHORS_LISTED]],
        more_authors=max(len(shown.paper.authors) - AUTHORS_LISTED, 0),
        source=urlsplit(source).hostname or "",
        votes=[(kind.value, label, UNDO[kind].value if kind.value in standing else "") for kind, label in VOTES.items()],
        told=str(NOTED[said]) if said else "",
        undo=UNDO[said].value if said in UNDO else "",
        today=state().clock().date(),
    )


def _open(shown: Shown) -> ResponseReturnValue:
    """Note that a person wants to read the paper, once however often the button is pressed, and send them to its source."""
    item, reader_id = shown.item, shown.reader.id
    link = next((link for link in paper_links(shown.paper) if link.name == "paper"), None)
    if link is None:
        abort(404, _("No source names such a link for this paper."))
    with state().database.write() as session:
        said = events.of_papers(session, reader_id, [item.paper_id])
        pressed = [event for event in said if event.channel is Channel.PRESSED and event.kind is EventKind.CLICK]
        if item.id not in [event.item_id for event in pressed]:
            at, where = state().clock(), Channel.PRESSED
            events.append(
                session, reader_id, item.paper_id, EventKind.CLICK, at=at, item_id=item.id, interest=item.interest, channel=where
            )
    answer = redirect(link.url, code=303)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _say(shown: Shown, kind: EventKind) -> None:
    """Write what the reader says of the paper into the log; the same word twice is one word."""
    item, at, where = shown.item, state().clock(), Channel.PRESSED
    with state().database.write() as session:
        events.say(session, shown.reader.id, item.paper_id, kind, at=at, item_id=item.id, interest=item.interest, channel=where)


def _coming(who: leaving.Receiver, now: datetime) -> dict[str, Any]:
    """Return when the digest comes, and what can be chosen instead, in words."""
    schedule = who.schedule
    return {
        "when": schedules.when_words(schedule),
        "next_at": schedules.moment_of(schedule.after(now), schedule.time_zone, now),
        "is_paused": schedule.is_paused(now),
        "weekdays": [(number, schedules.weekday_name(number)) for number in schedules.WEEKDAYS],
        "pauses": schedules.pauses(),
    }


def _chosen() -> str:
    """Return what was chosen; whatever is not understood, the words of a mail program among it, ends the digest."""
    try:
        what = request.form.get("do", "")
    except RequestEntityTooLarge:
        return "stop"
    return what if what in leaving.CHOICES else "stop"


def _facts(purpose: str, token: str) -> dict[str, Any]:
    """Return what a link of a digest was made of; 404 when it is altered, too old or meant for something else."""
    app = state()
    payload = app.signer.read(purpose, token, timedelta(days=app.settings.mail.link_days).total_seconds())
    if not isinstance(payload, dict) or not isinstance(payload.get("i"), int):
        abort(404, _("This link is too old, or not whole. Today's page has the papers."))
    return payload


def _shown(session: Session, facts: dict[str, Any]) -> Shown:
    """Return what a link speaks of; 404 when that is gone, or is another reader's."""
    found = pages.item(session, facts["i"])
    reader = readers.by_id(session, found[0].reader_id) if found is not None and found[0].reader_id == facts.get("r") else None
    if found is None or reader is None or reader.disabled_at is not None:
        abort(404, _("The page this link speaks of is gone. Today's page has the papers."))
    page, item = found
    return Shown(reader, page.day, item, papers.get(session, [item.paper_id])[item.paper_id])


def _vote_of(name: str, *more: EventKind) -> EventKind:
    kind = next((kind for kind in (*VOTES, *more) if kind.value == name), None)
    if kind is None:
        abort(400, _("That is not something one can say of a paper. Go back and use the buttons."))
    return kind


def _source(card: Card) -> str:
    """Return where the paper's own page is, without its path; empty when no source says, or in letters that a header cannot hold."""
    if card.source_link is None:
        return ""
    try:
        parts = urlsplit(card.source_link.url)
        host = (parts.hostname or "").encode("idna").decode("ascii") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}" if _HOST.fullmatch(host) else ""


@contextmanager
def _words_of(locale: str) -> Iterator[None]:
    """Speak the language that somebody chose; where they chose none, that of the browser."""
    if locale not in LANGUAGES:
        yield
        return
    with force_locale(locale):
        yield

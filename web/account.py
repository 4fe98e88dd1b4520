"""A reader in, their own pages out: where to begin, when the digest comes, what they saved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import available_timezones

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from recommender.errors import SettingsError
from recommender.ids import parse_arxiv_ids
from recommender.store import events, papers, readers
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import EventKind
from web.auth import login_required, state
from web.cards import Card, card, clip
from web.links import next_digest_at, time_zone

__all__ = ["Taken", "blueprint"]

MOST_IDS = 500  # papers one pasted list may name
SHELF_LISTED = 300
_ADDRESS = re.compile(r"[^@\s,;<>\"\x00-\x20\x7f]{1,64}@[^@\s,;<>\"\x00-\x20\x7f]{1,255}")

blueprint = Blueprint("account", __name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a pasted list.

    Attributes
    ----------
    liked : list of Card
        Stored papers that now count as liked.
    absent : list of str
        Ids of papers that are not stored here yet.
    unrecognised : list of str
        Pieces of text that are no arXiv id.
    """

    liked: list[Card]
    absent: list[str]
    unrecognised: list[str]


@blueprint.route("/start", methods=["GET", "POST"])
@login_required
def start(reader: Reader) -> ResponseReturnValue:
    """Take a pasted list of arXiv ids or links as papers the reader likes."""
    if request.method != "POST":
        return render_template("start.html", taken=None)
    pasted = request.form.get("papers", "")
    ids, unrecognised = parse_arxiv_ids(pasted)
    with state().database.write() as session:
        liked = _like(session, reader, ids[:MOST_IDS])
    known = {card.paper_id for card in liked}
    absent = [paper_id.removeprefix("arxiv:") for paper_id in ids[:MOST_IDS] if paper_id not in known]
    unread = [
        *(clip(piece, 80) for piece in unrecognised[:50]),
        *(paper_id.removeprefix("arxiv:") for paper_id in ids[MOST_IDS:]),
    ]
    return render_template("start.html", taken=Taken(liked, absent, unread))


@blueprint.route("/account", methods=["GET", "POST"])
@login_required
def account(reader: Reader) -> ResponseReturnValue:
    """Show and set whether, where and at which local hour the digest comes."""
    if request.method != "POST":
        form = {"email": reader.email or "", "hour": str(reader.digest_hour), "zone": reader.time_zone}
        return _account_page(form, on=reader.digest_on, errors={})
    form = {name: request.form.get(name, "").strip() for name in ("email", "hour", "zone")}
    on = "digest" in request.form
    with state().database.write() as session:
        errors = _errors(session, reader, form, on=on)
        if not errors:
            hour, now = int(form["hour"]), state().clock()
            readers.set_digest(
                session,
                reader.id,
                on=on,
                email=form["email"] or None,
                hour=hour,
                time_zone=form["zone"],
                next_at=next_digest_at(now, form["zone"], hour),
            )
    if errors:
        return _account_page(form, on=on, errors=errors), 422
    return redirect(url_for("account.account", saved=1), code=303)


@blueprint.get("/shelf")
@login_required
def shelf(reader: Reader) -> ResponseReturnValue:
    """List the papers the reader saved, the newest first."""
    with state().database.read() as session:
        history = events.history(session, reader.id)
        words = events.words(history)
        newest = dict.fromkeys(event.paper_id for event in reversed(history) if event.kind is EventKind.SAVE)
        saved = [paper_id for paper_id in newest if words[paper_id].saved]
        shown = _cards(session, saved[:SHELF_LISTED], words)
    return render_template("shelf.html", cards=shown, total=len(saved))


def _like(session: Session, reader: Reader, ids: list[str]) -> list[Card]:
    """Up-vote those of the papers that are stored, each once."""
    known = [paper_id for paper_id in ids if paper_id in papers.get(session, ids)]
    words = events.words(events.of_papers(session, reader.id, known))
    for paper_id in known:
        if words.get(paper_id, Word()).vote is not EventKind.UPVOTE:
            events.append(session, reader.id, paper_id, EventKind.UPVOTE, at=state().clock())
    return _cards(session, known, events.words(events.of_papers(session, reader.id, known)))


def _cards(session: Session, ids: list[str], words: dict[str, Word]) -> list[Card]:
    stored, here = papers.get(session, ids), events.upvotes(session, ids)
    today = state().clock().date()
    return [card(stored[i], words.get(i, Word()), today=today, here=here.get(i, 0)) for i in ids if i in stored]


def _account_page(form: dict[str, str], *, on: bool, errors: dict[str, str]) -> str:
    zones = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    return render_template("account.html", form=form, on=on, errors=errors, zones=zones, saved="saved" in request.args)


def _errors(session: Session, reader: Reader, form: dict[str, str], *, on: bool) -> dict[str, str]:
    """Return what is wrong, by field."""
    found: dict[str, str] = {}
    hour, email = form["hour"], form["email"]
    if hour not in {str(known) for known in range(24)}:
        found["hour"] = "Choose an hour from 0 to 23."
    try:
        form["zone"] = time_zone(form["zone"]).key
    except SettingsError as error:
        found["zone"] = f"{error}.".capitalize()
    if email and not _ADDRESS.fullmatch(email):
        found["email"] = "This is not an e-mail address: write it like reader@example.org."
    elif on and not email:
        found["email"] = "The digest needs an address to go to."
    elif email and (readers.by_email(session, email) or reader).id != reader.id:
        found["email"] = "Another reader has this address."
    return found

"""One reader's page in, an e-mail out, and the pages behind its links: a second view of what the web shows.

Programs that check mail open every link in it, so no link does anything by being opened: a vote and the end of the digest each
need a button, and its POST. The signature in the link stands for the reader; no sign-in is needed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from css_inline import CSSInliner
from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pylatexenc.latex2text import LatexNodes2Text

from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import accounts, events, pages, papers, readers
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, Paper, RankedItem, RankedPage
from web.auth import is_visit, state
from web.cards import Card, clip, paper_links
from web.links import Signer, absolute
from web.mail import Letter, make_message, one_line

__all__ = ["Pick", "blueprint", "compose", "picks", "readable"]

MAX_LATEX = 600  # characters: beyond it the converter takes too long
SUBJECT_WIDTH = 70
LEAVE_LIVES = timedelta(days=3650)  # whoever finds an old digest can still end them
_MATHS = re.compile(r"\\|\$[^$]*[\\^_{][^$]*\$|\$\w{1,3}\$")

blueprint = Blueprint("digest", __name__, url_prefix="/m")  # its POSTs carry a signature of their own instead of a CSRF token
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns by the thousand about titles it cannot read


@dataclass(frozen=True, slots=True)
class Pick:
    """One paper as a digest shows it; all text, nothing marked up."""

    card: Card
    title: str
    why: str
    read_url: str
    up_url: str
    down_url: str


def picks(page: RankedPage, limit: int) -> tuple[RankedItem, ...]:
    """Return the items a digest shows: the first of the page that the reader has not voted on."""
    return tuple(item for item in page.items if not item.voted)[:limit]


def compose(
    page: RankedPage, cards: Sequence[Card], reader: Reader, *, day: date, settings: Settings, signer: Signer, now: datetime
) -> EmailMessage:
    """Write the digest of one reader's page.

    Parameters
    ----------
    page : RankedPage
    cards : sequence of Card, at least one
        Of the page's picks, in order; their items are stored, since the links name them.
    reader : Reader
    day : date
        The reader's local day; a reader gets one digest per local day, and its Message-ID says so.
    settings : Settings
    signer : Signer
    now : datetime

    Returns
    -------
    EmailMessage

    Raises
    ------
    MailError
        If the reader has no usable address.
    """
    if not reader.email:
        raise MailError(f"{reader.name} has given no e-mail address: set one on the account page")
    shown = [_pick(card, reader, settings, signer) for card in cards]
    leave_url = absolute(settings, f"/m/leave/{signer.sign('leave', {'r': reader.id})}")
    host = re.sub(r"[^A-Za-z0-9.-]", "-", urlsplit(settings.public_url).hostname or "localhost")
    facts = {
        "picks": shown,
        "reader": one_line(reader.name),
        "day": page.day,
        "candidates": page.candidates,
        "invented": settings.is_sample or any(card.invented for card in cards),
        "page_url": absolute(settings, f"/day/{page.day}"),
        "account_url": absolute(settings, "/account"),
        "leave_url": leave_url,
        "title": clip(shown[0].title, SUBJECT_WIDTH),
    }
    templates = _templates()
    letter = Letter(
        to_name=reader.name,
        to_address=reader.email,
        subject=templates.get_template("subject.txt").render(facts),
        text=templates.get_template("body.txt").render(facts),
        html=_inliner().inline(templates.get_template("body.html").render(facts)),
        message_id=f"digest-{'sample-' if settings.is_sample else ''}{day}-{reader.id}@{host}",
        list_id=f"digest.{host}",
        leave_url=leave_url,
    )
    return make_message(letter, sender=settings.mail.sender, now=now)


def readable(text: str) -> str:
    r"""Return a title with its LaTeX written in Unicode; the text as it came where that is not possible.

    Examples
    --------
    >>> readable(r"A $\mathcal{O}(n^2)$ bound for $\alpha$-stable noise")
    'A 𝒪(n^2) bound for α-stable noise'
    >>> readable("50% faster for $10 & up")
    '50% faster for $10 & up'
    """
    if len(text) > MAX_LATEX or not _MATHS.search(text):
        return one_line(text)
    try:
        # In a title a bare % is a per cent sign, not the beginning of a comment, and & is an ampersand.
        plain = one_line(LatexNodes2Text().latex_to_text(re.sub(r"(?<!\\)([%&])", r"\\\1", text), tolerant_parsing=False))
    except Exception:  # the converter fails in many ways, RecursionError among them, and a title is worth sending all the same
        return one_line(text)
    return plain if plain and "%s" not in plain else one_line(text)


@blueprint.get("/go/<token>")
def go(token: str) -> ResponseReturnValue:
    """Follow a digest's link to a paper; the click is noted as one from mail, which no ranking is learned from."""
    app = state()
    facts = _read("go", token)
    with app.database.read() as session:
        item, paper = _shown(session, facts)
    link = next((link.url for link in paper_links(paper)), None)
    if is_visit():
        with app.database.write() as session:
            kind, at, mail = EventKind.CLICK, app.clock(), Channel.EMAIL
            events.append(session, facts["r"], item.paper_id, kind, at=at, item_id=item.id, interest=item.interest, channel=mail)
    answer = redirect(link or absolute(app.settings, "/"))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.route("/vote/<token>", methods=["GET", "POST"])
def vote(token: str) -> ResponseReturnValue:
    """Show a button; cast the vote when it is pressed. Opening the link does nothing, for programs that check mail open it too."""
    app = state()
    facts = _read("vote", token)
    kind = EventKind(facts["k"])
    with app.database.read() as session:
        item, paper = _shown(session, facts)
    undo = ""
    if request.method == "POST":
        with app.database.write() as session:
            events.say(
                session,
                facts["r"],
                paper.id,
                kind,
                at=app.clock(),
                item_id=item.id,
                interest=item.interest,
                channel=Channel.EMAIL,
            )
        undo = app.signer.sign("vote", {**facts, "k": EventKind.CLEAR.value}) if kind is not EventKind.CLEAR else ""
    title = clip(readable(paper.title), 400)
    return render_template("mail/vote.html", kind=kind.value, title=title, done=request.method == "POST", undo=undo)


@blueprint.route("/leave/<token>", methods=["GET", "POST"])
def leave(token: str) -> ResponseReturnValue:
    """Show a button; end the digest when it is pressed, or when a mail program posts here by itself (RFC 8058)."""
    app = state()
    payload = app.signer.read("leave", token, LEAVE_LIVES.total_seconds())
    if not isinstance(payload, dict):
        abort(404, "This link is not whole. Copy all of it, or change your digest on the account page.")
    if request.method == "POST":
        with app.database.write() as session:
            reader = readers.by_id(session, payload["r"])
            if reader is not None and reader.digest_on:
                hour, zone = reader.digest_hour, reader.time_zone
                accounts.set_digest_hour(session, reader.id, on=False, hour=hour, time_zone=zone, next_at=None)
    return render_template("mail/leave.html", done=request.method == "POST")


def _read(purpose: str, token: str) -> dict[str, Any]:
    """Return what a link of a digest was made of; 404 when it is altered or too old."""
    app = state()
    payload = app.signer.read(purpose, token, timedelta(days=app.settings.mail.link_days).total_seconds())
    if not isinstance(payload, dict):
        abort(404, "This link is too old, or not whole. Today's page has the papers.")
    return payload


def _shown(session: Session, facts: dict[str, Any]) -> tuple[RankedItem, Paper]:
    """Return the item that a link names, and its paper."""
    found = pages.item(session, facts["i"])
    if found is None or found[0].reader_id != facts["r"]:
        abort(404, "The page this link speaks of is gone. Today's page has the papers.")
    return found[1], papers.get(session, [found[1].paper_id])[found[1].paper_id]


def _pick(card: Card, reader: Reader, settings: Settings, signer: Signer) -> Pick:
    def link(kind: str, **more: str) -> str:
        return absolute(settings, f"/m/{kind}/{signer.sign(kind, {'r': reader.id, 'i': card.item_id, **more})}")

    return Pick(
        card=card,
        title=readable(card.title),
        why=readable(card.reasons[0]) if card.reasons else "",
        read_url=link("go"),
        up_url=link("vote", k=EventKind.UPVOTE.value),
        down_url=link("vote", k=EventKind.DOWNVOTE.value),
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("web", "templates/email/digest"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)

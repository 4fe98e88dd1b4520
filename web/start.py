"""What a reader knows already in, a taste out: categories and topics, lists and libraries of their own, eight questions.

The steps stand on one page and are done in any order; what was done is read from the log and the store, never from a cookie.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Blueprint, Request, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender import find, intake, library, question
from recommender.errors import LibraryError
from recommender.ids import parse_arxiv_ids
from recommender.intake import Taken
from recommender.library import Listed
from recommender.question import Asked
from recommender.rank.eight import EIGHT
from recommender.store import connections, events, interests, papers, wanted
from recommender.store.connections import ZOTERO, Connection
from recommender.store.db import Session
from recommender.store.interests import Picks
from recommender.store.readers import Reader
from recommender.store.wanted import Wanted
from recommender.types import LIBRARY, Channel, Event, EventKind
from web.auth import login_required, state
from web.cards import Card, clip, listed
from web.categories import category_words
from web.limits import limiter
from web.tastes import Taste, by_slug, tastes
from web.words import count_words

__all__ = ["UPLOAD_BYTES", "allow_upload", "blueprint"]

MOST_IDS = 500  # papers one pasted list may name
NEWEST = 3000  # papers whose categories are offered
MOST_CATEGORIES = 60
MOST_TOPICS = 10
TOPIC_CHARS = 80
PER_TOPIC = 6  # papers that stand for one topic
NAMED = 20  # papers a report names; the others are counted
UPLOAD_BYTES = library.MOST_BYTES + 100_000  # of a form with a file
ANSWERS = {"up": EventKind.UPVOTE, "down": EventKind.HIDE, "skip": EventKind.CLEAR}

blueprint = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a list: the likes and what stands beside them, and what was not understood."""

    taken: Taken
    cards: list[Card]
    unrecognised: list[str] = field(default_factory=list)
    listed: Listed | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the template needs.

    Attributes
    ----------
    taste : Taste
        What is being taught.
    tastes : list of Taste
        What else could be.
    picks : Picks
    categories : list of (str, str, int)
        Each with its name in words and how many of the newest papers are in it.
    connection : Connection or None
    waiting : int
        Papers asked for that are not here yet.
    gone : list of Wanted
        Those that will not come, and why.
    brought : int
        Likes that came from lists and libraries.
    likes : int
        Of this taste, all of them.
    asked : Asked
    card : Card or None
        The paper that is asked about.
    last : Card or None
        The one answered last, while its answer can be taken back.
    """

    taste: Taste
    tastes: list[Taste]
    picks: Picks
    categories: list[tuple[str, str, int]]
    connection: Connection | None
    waiting: int
    gone: list[Wanted]
    brought: int
    likes: int
    asked: Asked
    card: Card | None
    last: Card | None

    @property
    def of_eight(self) -> int:
        """How many of the present eight are answered: 8 where a round is full."""
        return (self.asked.answered - 1) % EIGHT + 1 if self.asked.answered else 0


def allow_upload(asked: Request) -> None:
    """Let one form be larger than the others: the one that brings a library along."""
    if asked.endpoint == "start.upload":
        asked.max_content_length = UPLOAD_BYTES


@blueprint.get("/start")
@login_required
def start(reader: Reader) -> ResponseReturnValue:
    """Show every step, and what is done."""
    return _page(reader)


@blueprint.post("/start")
@login_required
@limiter.limit("60 per hour")
def paste(reader: Reader) -> ResponseReturnValue:
    """Take a pasted list of arXiv ids or links as papers the reader likes."""
    ids, unrecognised = parse_arxiv_ids(request.form.get("papers", ""))
    with state().database.write() as session:
        taste = _taste(session, reader)
        taken = intake.take_ids(session, reader.id, ids[:MOST_IDS], interest=taste.id, now=state().clock())
        cards = _named(session, reader, taken)
    unread = [*(clip(piece, 80) for piece in unrecognised[:50]), *(i.removeprefix("arxiv:") for i in ids[MOST_IDS:])]
    return _page(reader, report=Report(taken, cards, unread))


@blueprint.post("/start/library")
@login_required
@limiter.limit("30 per hour")
def upload(reader: Reader) -> ResponseReturnValue:
    """Take a file of BibTeX or RIS as papers the reader likes."""
    sent = request.files.get("library")
    data = b""
    if sent is not None:
        with sent.stream as stream:
            data = stream.read(library.MOST_BYTES + 1)
    if not data.strip():
        return _page(reader, errors={"library": _("Choose a file first: BibTeX (.bib) or RIS (.ris).")}), 422
    try:
        found = library.read(data)
    except LibraryError as error:
        return _page(reader, errors={"library": f"{str(error)[:1].upper()}{str(error)[1:]}."}), 422
    with state().database.write() as session:
        taste = _taste(session, reader)
        taken = intake.take(session, reader.id, found.entries, interest=taste.id, now=state().clock())
        cards = _named(session, reader, taken)
    return _page(reader, report=Report(taken, cards, listed=found))


@blueprint.post("/start/undo")
@login_required
def undo(reader: Reader) -> ResponseReturnValue:
    """Take back all likes of one list."""
    first, last = (_number(request.form.get(name, "")) for name in ("first", "last"))
    with state().database.write() as session:
        taste = _taste(session, reader)
        back = intake.undo(session, reader.id, first, last, now=state().clock())
    flash(_("%(papers)s taken back.", papers=count_words(back, "paper")) if back else _("There was nothing left to take back."))
    return _back(taste, "lists")


@blueprint.post("/start/picks")
@login_required
def pick(reader: Reader) -> ResponseReturnValue:
    """Set the categories and topics a taste begins with."""
    topics = list(dict.fromkeys(filter(None, (clip(line, TOPIC_CHARS) for line in re.split(r"[\n,;]+", _text("topics"))))))
    with state().database.read() as session:
        taste = _taste(session, reader)
        chosen = interests.picks(session, reader.id, taste.id)
        known = {*papers.categories(session, newest=NEWEST), *chosen.categories}
        found = {topic: [hit.paper_id for hit in find.search(session, topic, k=PER_TOPIC)] for topic in topics[:MOST_TOPICS]}
    categories = [name for name in dict.fromkeys(request.form.getlist("category")) if name in known][:MOST_CATEGORIES]
    if len(topics) > MOST_TOPICS:
        told = _("These are %(given)s topics. Keep the ten that say most.", given=len(topics))
        return _page(reader, picks=Picks(tuple(categories), tuple(topics)), errors={"topics": told}), 422
    with state().database.write() as session:
        stand_for = list(dict.fromkeys(paper_id for hits in found.values() for paper_id in hits))
        interests.set_picks(session, reader.id, taste.id, categories=categories, topics=topics, papers=stand_for)
    empty = [topic for topic, hits in found.items() if not hits]
    if empty:
        flash(_("Kept. No stored paper speaks of %(topics)s yet: other words may find some.", topics=", ".join(empty)))
    else:
        flash(_("Kept. Your page begins with what you picked, and the picks fade as you vote."))
    return _back(taste, "picks")


@blueprint.post("/start/zotero")
@login_required
@limiter.limit("20 per hour")
def connect(reader: Reader) -> ResponseReturnValue:
    """Remember the key to a Zotero library; the clock reads it."""
    account, key = _text("account"), _text("key")
    errors = {}
    if not re.fullmatch(r"[0-9]{1,12}", account, re.ASCII):
        errors["account"] = _("Your user id is a number. Zotero shows it on the page where keys are made.")
    if not re.fullmatch(r"[A-Za-z0-9]{16,64}", key, re.ASCII):
        errors["key"] = _("A key is made of letters and digits, 24 as a rule.")
    if errors:
        return _page(reader, errors=errors, account=clip(account, 40)), 422
    with state().database.write() as session:
        taste = _taste(session, reader)
        connections.connect(session, reader.id, ZOTERO, account=account, secret=key, interest=taste.id, now=state().clock())
    flash(_("Connected. The clock reads your library within minutes."))
    return _back(taste, "zotero")


@blueprint.post("/start/zotero/disconnect")
@login_required
def disconnect(reader: Reader) -> ResponseReturnValue:
    """Forget the key; what was liked stays liked."""
    with state().database.write() as session:
        taste = _taste(session, reader)
        connections.disconnect(session, reader.id, ZOTERO)
    flash(_("Disconnected, and the key is deleted. What came in stays liked."))
    return _back(taste, "zotero")


@blueprint.post("/start/rate")
@login_required
def rate(reader: Reader) -> ResponseReturnValue:
    """Append the answer about one paper, and ask about the next."""
    answer, paper_id = ANSWERS.get(_text("answer")), _text("paper")
    if answer is None:
        abort(400, _("That is no answer. Go back and use the buttons."))
    with state().database.write() as session:
        taste = _taste(session, reader)
        paper = papers.get(session, [paper_id]).get(paper_id)
        if paper is None or paper.source == LIBRARY:
            abort(404, _("There is no such paper here."))
        own = [event for event in events.of_papers(session, reader.id, [paper_id]) if event.interest == taste.id]
        if not own or own[-1].kind is not answer:  # the same answer twice is one answer
            now = state().clock()
            events.append(session, reader.id, paper_id, answer, at=now, channel=Channel.START, interest=taste.id)
    return _back(taste, "rate")


def _page(
    reader: Reader,
    *,
    report: Report | None = None,
    errors: dict[str, str] | None = None,
    picks: Picks | None = None,
    account: str = "",
) -> str:
    with state().database.read() as session:
        sheet = _sheet(session, reader, picks)
    more = sheet.card is not None and ("more" in request.args or sheet.asked.answered % EIGHT > 0 or sheet.asked.answered == 0)
    return render_template(
        "start.html",
        sheet=sheet,
        report=report,
        errors=errors or {},
        account=account or (sheet.connection.account if sheet.connection else ""),
        asking=more,
        minutes=state().settings.clock.wanted_every_minutes,
        hours=state().settings.sources.zotero_hours,
    )


def _sheet(session: Session, reader: Reader, picks: Picks | None) -> Sheet:
    today = state().clock().date()
    taste = _taste(session, reader)
    chosen = picks or interests.picks(session, reader.id, taste.id)
    history = [
        event for event in events.history(session, reader.id) if event.interest == taste.id and event.id > chosen.forgotten
    ]
    channel = {event.paper_id: event.channel for event in history if event.kind.is_vote}
    liked = events.likes(history)
    lens = state().rankers.live(session).lens
    asked = question.next_question(session, reader.id, lens, today=today, interest=taste.id)
    answered = asked.last if asked.last is not None and asked.last.kind is not EventKind.CLEAR else None
    shown = {card.paper_id: card for card in listed(session, reader.id, _two(asked.paper_id, answered), today=today)}
    wishes = [one for one in wanted.of_reader(session, reader.id, purpose="like", limit=wanted.MOST) if one.interest == taste.id]
    return Sheet(
        taste=taste,
        tastes=tastes(session, reader),
        picks=chosen,
        categories=_offered(session, chosen.categories),
        connection=connections.get(session, reader.id, ZOTERO),
        waiting=sum(one.state == "waiting" for one in wishes),
        gone=[one for one in wishes if one.state == "given up"][:NAMED],
        brought=sum(channel.get(paper_id) is Channel.LIBRARY for paper_id in liked),
        likes=len(liked),
        asked=asked,
        card=shown.get(asked.paper_id or ""),
        last=shown.get(answered.paper_id) if answered is not None else None,
    )


def _offered(session: Session, chosen: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return the categories of the newest papers, the fullest first, and those chosen before."""
    counts = papers.categories(session, newest=NEWEST)
    names = dict.fromkeys([*(name for name, _count in counts.most_common(MOST_CATEGORIES)), *chosen])
    return [(name, category_words(name), counts[name]) for name in names]


def _taste(session: Session, reader: Reader) -> Taste:
    """Return which taste is taught: the one the form or the address names, else the general one."""
    return by_slug(session, reader, request.values.get("interest", "") or interests.GENERAL)


def _named(session: Session, reader: Reader, taken: Taken) -> list[Card]:
    named = [*taken.liked, *taken.own, *taken.known][:NAMED]
    return listed(session, reader.id, named, today=state().clock().date())


def _two(paper_id: str | None, answered: Event | None) -> list[str]:
    return [i for i in (paper_id, answered.paper_id if answered is not None else None) if i]


def _back(taste: Taste, step: str) -> ResponseReturnValue:
    return redirect(url_for("start.start", interest=taste.slug if taste.id else None, _anchor=step), code=303)


def _text(name: str) -> str:
    return request.form.get(name, "").strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

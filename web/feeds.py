"""A feed's address in, the reader's top picks of the newest editions out: as Atom and as JSON Feed, in rank order, with reasons.

A fetch is not a look: nothing is noted as shown, and nothing in a feed votes. No cookie is read or set.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from feedgen.feed import FeedGenerator
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from recommender import daily
from recommender.store import interests, keys, lists, pages, papers, readers
from recommender.store.db import Session
from recommender.store.keys import Key
from recommender.store.readers import Reader
from recommender.types import Paper, RankedItem, RankedPage
from web.auth import State, is_visit, state
from web.cards import clip, paper_links, web_address
from web.formulas import plain
from web.links import FEED, absolute
from web.listing import own_page
from web.words import LANGUAGES, day_words, reason_words

__all__ = ["Entry", "blueprint"]

EDITIONS = 3  # newest ones whose picks a feed holds
LONGEST_TITLE = 400
LONGEST_ABSTRACT = 6000
NAMED_AUTHORS = 100
TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}

blueprint = Blueprint("feeds", __name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One pick.

    Attributes
    ----------
    paper : Paper
    item : RankedItem
    rank : int
        Its place among the picks of its edition.
    interest : str
        The interest it was ranked for, where the feed holds several.
    changed_at : datetime
        When what is stored of it last changed.
    """

    paper: Paper
    item: RankedItem
    rank: int
    interest: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """All that a feed says of itself, and its entries."""

    id: str
    title: str
    description: str
    home: str
    address: str
    language: str
    updated: datetime
    entries: list[Entry]


@blueprint.get("/feeds/<token>.<any(atom, json):form>")
def feed(token: str, form: str) -> ResponseReturnValue:
    """Answer a feed reader; an address that was never good is not found, one that was revoked is gone."""
    app = state()
    number = app.signer.unseal(FEED, token)
    with app.database.read() as session:
        key = keys.get(session, number) if isinstance(number, int) else None
        reader = readers.by_id(session, key.reader_id) if key is not None else None
        named = interests.get(session, key.reader_id, key.interest) if key is not None and key.interest else None
    if key is None or reader is None or key.kind != "feed":
        return _no("There is no such feed.", 404)
    if key.revoked_at is not None or reader.disabled_at is not None:
        return _no("This feed was revoked. Its reader can make a new one.", 410)
    if key.interest and named is None:
        return _no("The interest of this feed was closed. Its reader can make a feed of another.", 410)
    language = reader.locale if reader.locale in LANGUAGES else app.settings.web.language
    with force_locale(language):
        made = _made(app, key, reader, named.name if named is not None else "", form, language)
        body = _atom(made) if form == "atom" else _json(made)
    _note_use(app, key)
    return _answer(body, TYPES[form], made.updated)


def _no(words: str, code: int) -> ResponseReturnValue:
    """Refuse in plain words: a feed reader shows no pages."""
    return words, code, {"Content-Type": "text/plain; charset=utf-8"}


def _answer(body: bytes, mimetype: str, updated: datetime) -> Response:
    """Answer with what there is, or with nothing when the feed reader has it already."""
    response = Response(body, mimetype=mimetype)
    response.set_etag(hashlib.sha256(body).hexdigest()[:32], weak=True)  # a strong one would not survive compression
    response.last_modified = updated
    response.make_conditional(request)
    return response


def _note_use(app: State, key: Key) -> None:
    if is_visit() and keys.is_used_again(key, app.clock()):
        with app.database.write() as session:
            keys.touch(session, key.id, app.clock())


def _made(app: State, key: Key, reader: Reader, name: str, form: str, language: str) -> Feed:
    found = _pages(app, reader, key.interest)
    with app.database.read() as session:
        entries = _entries(session, found, reader, key.interest, app.settings.mail.picks)
    title = key.label or (f"Broadsheet: {name}" if name else "Broadsheet")
    latest = [page.built_at for page in found] + [entry.changed_at for entry in entries] + [key.created_at]
    return Feed(
        id=absolute(app.settings, f"/feeds/{key.id}"),
        title=_text(title, 200),
        description=str(_("Top picks of the newest editions, in their order, each with the reason it is there.")),
        home=absolute(app.settings, "/"),
        address=absolute(app.settings, url_for("feeds.feed", token=app.signer.seal(FEED, key.id), form=form)),
        language=language,
        updated=max(latest),
        entries=entries,
    )


def _pages(app: State, reader: Reader, interest: int) -> list[RankedPage]:
    """Return the pages of the newest editions: today's as the site shows it, earlier ones as they were last shown."""
    found: list[RankedPage] = []
    with app.database.read() as session:
        day = daily.open_day(session, today=app.clock().date())
    while day is not None and len(found) < EDITIONS:
        with app.database.read() as session:
            page = pages.latest(session, reader.id, day, interest) if found else None
            before, _after = lists.neighbours(session, day, day, until=day)
        found.append(page if page is not None else own_page(app, reader.id, day, interest))
        day = before
    return found


def _entries(session: Session, found: list[RankedPage], reader: Reader, interest: int, picks: int) -> list[Entry]:
    """Return the picks in their order, the newest edition first, no paper twice."""
    top = {page.day: [item for item in page.items if not item.voted][:picks] for page in found}
    chosen: dict[str, tuple[RankedItem, int]] = {}
    for items in top.values():
        for rank, item in enumerate(items, start=1):
            chosen.setdefault(item.paper_id, (item, rank))
    stored, changed = papers.get(session, list(chosen)), lists.changed_at(session, list(chosen))
    names = {} if interest else {own.id: own.name for own in interests.listing(session, reader.id)}
    return [
        Entry(stored[paper_id], item, rank, names.get(item.interest, ""), changed[paper_id])
        for paper_id, (item, rank) in chosen.items()
        if paper_id in stored
    ]


def _atom(made: Feed) -> bytes:
    atom = FeedGenerator()
    atom.id(made.id)
    atom.title(made.title)
    atom.subtitle(made.description)
    atom.updated(made.updated)
    atom.language(made.language)
    atom.generator("Broadsheet")
    atom.link(href=made.address, rel="self", type=TYPES["atom"])
    atom.link(href=made.home, rel="alternate", type="text/html")
    atom.author(name="Broadsheet")
    for entry in made.entries:
        paper, one = entry.paper, atom.add_entry(order="append")
        one.id(_id(paper))
        one.title(_title(entry))
        one.published(paper.published)
        one.updated(entry.changed_at)
        one.author([{"name": name} for name in _authors(paper)] or [{"name": _text(paper.source, 80)}])
        one.link(href=_address(paper), rel="alternate", type="text/html")
        if source := web_address(paper.url):
            one.link(href=source, rel="related")
        for category in paper.categories[:20]:
            if term := _text(category, 40):
                one.category(term=term)
        one.summary(_reasons(entry) or _text(plain(paper.abstract), 300) or _title(entry))
        one.content(str(_html(entry)), type="html")
    body: bytes = atom.atom_str()
    return body


def _json(made: Feed) -> bytes:
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": made.title,
        "description": made.description,
        "home_page_url": made.home,
        "feed_url": made.address,
        "language": made.language,
        "items": [_json_item(entry) for entry in made.entries],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def _json_item(entry: Entry) -> dict[str, Any]:
    paper, item = entry.paper, entry.item
    told = {
        "id": _id(paper),
        "url": _address(paper),
        "external_url": web_address(paper.url),
        "title": _title(entry),
        "summary": _reasons(entry),
        "content_html": str(_html(entry)),
        "date_published": paper.published.isoformat(),
        "date_modified": entry.changed_at.isoformat(),
        "authors": [{"name": name} for name in _authors(paper)],
        "tags": [_text(category, 40) for category in paper.categories[:20]],
        "_broadsheet": {
            "edition": str(paper.edition),
            "rank": entry.rank,
            "interest": entry.interest,
            "reasons": [_text(reason_words(reason), 300) for reason in item.reasons],
            "explored": item.explored,
        },
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _id(paper: Paper) -> str:
    return quote(paper.id, safe=":/.")


def _address(paper: Paper) -> str:
    """The paper's page here: it shows who follows the link, and following it casts nothing."""
    return absolute(state().settings, url_for("paper.one", paper_id=paper.id))


def _title(entry: Entry) -> str:
    return _text(plain(entry.paper.title), LONGEST_TITLE) or entry.paper.id


def _authors(paper: Paper) -> list[str]:
    return [name for name in (_text(name, 80) for name in paper.authors[:NAMED_AUTHORS]) if name]


def _reasons(entry: Entry) -> str:
    """Why it is there, in one line."""
    told = [_text(reason_words(reason), 300) for reason in entry.item.reasons]
    told = [str(_("Outside your usual")), *told] if entry.item.explored else told
    told = [str(_("For %(interest)s", interest=_text(entry.interest, 60))), *told] if entry.interest else told
    return " · ".join(told)


def _html(entry: Entry) -> Markup:
    """Return what a feed reader shows; every word of it escaped."""
    paper = entry.paper
    names = ", ".join(_authors(paper)[:10])
    more = len(paper.authors) - 10
    if more > 0:
        names = str(_("%(names)s and %(count)s more", names=names, count=more))
    facts = (
        names,
        _text(paper.organization or "", 200),
        day_words(paper.edition),
        ", ".join(_text(c, 40) for c in paper.categories[:6]),
    )
    lines = [
        escape(" · ".join(fact for fact in facts if fact)),
        Markup("<em>{}</em>").format(why) if (why := _reasons(entry)) else Markup(),
        escape(_text(plain(paper.abstract), LONGEST_ABSTRACT)),
        Markup(" · ").join(Markup('<a href="{}">{}</a>').format(link.url, link.label) for link in paper_links(paper)),
    ]
    return Markup("\n").join(Markup("<p>{}</p>").format(line) for line in lines if line)


def _text(text: str, longest: int) -> str:
    """Return text that XML can hold: `clip` takes out controls, this the few letters that no document may contain."""
    kept = (letter for letter in text[: longest * 2] if ord(letter) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(letter) <= 0xFDEF)
    return clip("".join(kept), longest)

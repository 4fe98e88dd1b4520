"""A reader in, their shelf out: saved papers in collections, with notes, read or not, searched and shared."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from recommender.errors import StoreError
from recommender.store import events, papers, provenance, shelf
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.store.shelf import Collection, Mark, Older, Place, Text
from recommender.types import EventKind
from web.auth import login_required, state
from web.cards import Card, anchor, clip, listed
from web.links import safe_next
from web.sharing import address, own

__all__ = ["Kept", "Sheet", "blueprint"]

SHOWN = 30  # papers before "show more"
LONGEST = 3000  # papers one page may be asked to show
STATES = {
    "all": lazy_gettext("everything"),
    "unread": lazy_gettext("still to read"),
    "read": lazy_gettext("read"),
    "changed": lazy_gettext("changed since I saved it"),
    "loose": lazy_gettext("in no collection"),
}
ORDERS = {
    "saved": lazy_gettext("newest on the shelf"),
    "date": lazy_gettext("newest papers"),
    "title": lazy_gettext("title"),
}

blueprint = Blueprint("shelf", __name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """One saved paper: its card, what stands beside it, and the version its reader knows where there is a newer one."""

    card: Card
    place: Place
    saved_at: datetime
    older: Older | None
    title_changed: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the template of the shelf needs.

    Attributes
    ----------
    collection : Collection or None
        The one that is looked at; None for the whole shelf.
    collections : list of (Collection, int)
        All of them, with the number of papers on the shelf.
    kept : list of Kept
        What is shown.
    total, found : int
        Papers here, and how many of them the search and the filter leave.
    asked : mapping of str to str
        The words, the state and the order that were asked for.
    shared : str
        The address that anybody can read it at; empty for a private one.
    """

    collection: Collection | None
    collections: list[tuple[Collection, int]]
    kept: list[Kept]
    total: int
    found: int
    asked: dict[str, str]
    shared: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    filled: dict[str, str] = field(default_factory=dict)


@blueprint.get("/shelf", endpoint="shelf")
@login_required
def shelf_page(reader: Reader) -> ResponseReturnValue:
    """List what the reader saved."""
    return _show(reader, None)


@blueprint.get("/shelf/collection/<slug>")
@login_required
def collection(reader: Reader, slug: str) -> ResponseReturnValue:
    """List one collection."""
    return _show(reader, own(reader, slug))


@blueprint.post("/shelf/collections")
@login_required
def create(reader: Reader) -> ResponseReturnValue:
    """Begin a collection, and put a paper into it when one is named."""
    name = request.form.get("name", "")
    with state().database.write() as session:
        paper_id = _paper(session, reader, optional=True)
        try:
            made = shelf.create(session, reader.id, name, now=state().clock())
        except StoreError as error:
            told = _sentence(error)
        else:
            if paper_id:
                _collect(session, reader, made, paper_id)
            flash(_("“%(name)s” is begun. It is private.", name=made.name))
            back = _back(paper_id) if paper_id else url_for("shelf.collection", slug=made.slug)
            return redirect(back, code=303)
    return _show(reader, None, errors={"create": told}, filled={"create": name[:200]})


@blueprint.post("/shelf/collection/<slug>/rename")
@login_required
def rename(reader: Reader, slug: str) -> ResponseReturnValue:
    """Give a collection another name."""
    found, name = own(reader, slug), request.form.get("name", "")
    try:
        with state().database.write() as session:
            found = shelf.rename(session, found, name)
    except StoreError as error:
        return _show(reader, found, errors={"rename": _sentence(error)}, filled={"rename": name[:200]})
    flash(_("It is called “%(name)s” now.", name=found.name))
    return redirect(url_for("shelf.collection", slug=found.slug), code=303)


@blueprint.post("/shelf/collection/<slug>/share")
@login_required
def share(reader: Reader, slug: str) -> ResponseReturnValue:
    """Make a collection public or private."""
    found, public = own(reader, slug), request.form.get("public") == "1"
    with state().database.write() as session:
        shelf.set_public(session, found, public=public)
    told = _("It is public: whoever knows its address can read it.") if public else _("It is private again: its address is dead.")
    flash(told)
    return redirect(url_for("shelf.collection", slug=slug), code=303)


@blueprint.route("/shelf/collection/<slug>/delete", methods=["GET", "POST"])
@login_required
def delete(reader: Reader, slug: str) -> ResponseReturnValue:
    """Ask, then delete a collection; its papers stay on the shelf."""
    found = own(reader, slug)
    if request.method != "POST":
        with state().database.read() as session:
            here = shelf.held(session, reader.id)[found.id] & shelf.saved(session, reader.id).keys()
        return render_template("shelf_delete.html", collection=found, papers=len(here))
    with state().database.write() as session:
        shelf.remove(session, found)
    flash(_("“%(name)s” is deleted. Its papers are still on the shelf.", name=found.name))
    return redirect(url_for("shelf.shelf"), code=303)


@blueprint.post("/shelf/collect")
@login_required
def collect(reader: Reader) -> ResponseReturnValue:
    """Put a paper into a collection, and so on the shelf, or take it out of the collection."""
    action = request.form.get("action", "")
    if action not in ("add", "out"):
        abort(400, _("Go back and use the buttons of the page."))
    found = own(reader, request.form.get("collection", ""))
    with state().database.write() as session:
        paper_id = _paper(session, reader)
        if action == "add":
            _collect(session, reader, found, paper_id)
        else:
            shelf.take_out(session, found, paper_id)
    return redirect(_back(paper_id), code=303)


@blueprint.post("/shelf/mark")
@login_required
def mark(reader: Reader) -> ResponseReturnValue:
    """Write beside a paper, or note that it was read, is still to be read, or that its new version is known."""
    action, now = request.form.get("action", ""), state().clock()
    with state().database.write() as session:
        paper_id = _paper(session, reader)
        if action in ("read", "unread"):
            shelf.set_read(session, reader.id, paper_id, read=action == "read", now=now)
        elif action == "seen":
            shelf.saw(session, reader.id, paper_id, now=now)
        elif action == "note":
            note = request.form.get("note", "").replace("\r\n", "\n").strip()
            try:
                shelf.write_note(session, reader.id, paper_id, note, now=now)
            except StoreError as error:
                title = clip(papers.get(session, [paper_id])[paper_id].title, 400)
                back = safe_next(request.form.get("next"))
                told = _sentence(error)
                return render_template("shelf_note.html", paper_id=paper_id, title=title, note=note, told=told, back=back), 422
        else:
            abort(400, _("Go back and use the buttons of the page."))
    return redirect(_back(paper_id), code=303)


def _show(
    reader: Reader, collection: Collection | None, *, errors: dict[str, str] | None = None, filled: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Answer with the shelf or one collection; with 422 when something that was asked for cannot be done."""
    with state().database.read() as session:
        sheet = _sheet(session, reader, collection, errors or {}, filled or {})
    page = render_template("shelf.html", sheet=sheet, states=STATES, orders=ORDERS, step=SHOWN, today=state().clock().date())
    return (page, 422) if errors else page


def _sheet(
    session: Session, reader: Reader, collection: Collection | None, errors: dict[str, str], filled: dict[str, str]
) -> Sheet:
    asked = {
        "q": clip(request.args.get("q", ""), 200),
        "state": request.args.get("state", "all") if request.args.get("state") in STATES else "all",
        "sort": request.args.get("sort", "saved") if request.args.get("sort") in ORDERS else "saved",
    }
    saved, held, marks = shelf.saved(session, reader.id), shelf.held(session, reader.id), shelf.marks(session, reader.id)
    own = shelf.collections(session, reader.id)
    here = [paper_id for paper_id in saved if collection is None or paper_id in held[collection.id]]
    older = shelf.changed(session, {paper_id: (saved[paper_id], marks.get(paper_id, Mark())) for paper_id in here})
    tests: dict[str, Callable[[str], bool]] = {
        "unread": lambda i: marks.get(i, Mark()).read_at is None,
        "read": lambda i: marks.get(i, Mark()).read_at is not None,
        "changed": lambda i: i in older,
        "loose": lambda i: not any(i in inside for inside in held.values()),
    }
    test = tests.get(asked["state"])
    chosen = [i for i in here if test is None or test(i)]
    if asked["q"] or asked["sort"] != "saved":
        chosen = _searched(shelf.texts(session, chosen), marks, chosen, asked)
    kept = [
        Kept(
            card=made,
            place=Place(
                True, tuple(own), frozenset(c for c in held if made.paper_id in held[c]), marks.get(made.paper_id, Mark())
            ),
            saved_at=saved[made.paper_id],
            older=older.get(made.paper_id),
            title_changed=made.paper_id in older and clip(older[made.paper_id].title, 400) != made.title,
        )
        for made in listed(session, reader.id, chosen[: _asked_for()], today=state().clock().date())
    ]
    return Sheet(
        collection=collection,
        collections=[(one, len(held[one.id] & saved.keys())) for one in own],
        kept=kept,
        total=len(here),
        found=len(chosen),
        asked=asked,
        shared=address(collection) if collection is not None and collection.public else "",
        errors=errors,
        filled=filled,
    )


def _searched(stored: dict[str, Text], marks: dict[str, Mark], ids: list[str], asked: dict[str, str]) -> list[str]:
    """Leave the papers in which every word stands, in the order that was asked for."""
    words = _folded(asked["q"]).split()
    found = [i for i in ids if i in stored]
    if words:
        whole = {i: _folded(f"{stored[i].whole}\n{marks.get(i, Mark()).note}") for i in found}
        found = [i for i in found if all(word in whole[i] for word in words)]
    if asked["sort"] == "title":
        found.sort(key=lambda i: _folded(stored[i].title))
    elif asked["sort"] == "date":
        found.sort(key=lambda i: stored[i].published, reverse=True)
    return found


def _folded(text: str) -> str:
    """Return text as it is compared: without accents, all small."""
    if text.isascii():
        return text.casefold()
    spelt = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in spelt if not unicodedata.combining(letter)).casefold()


def _asked_for() -> int:
    asked = request.args.get("show", "")
    return min(max(int(asked), SHOWN), LONGEST) if asked.isascii() and asked.isdigit() and len(asked) < 6 else SHOWN


def _paper(session: Session, reader: Reader, *, optional: bool = False) -> str:
    """Return the stored paper that the form is about, one that this reader may see; empty where it need not name one."""
    paper_id = request.form.get("paper", "")
    if optional and not paper_id:
        return ""
    paper = papers.get(session, [paper_id]).get(paper_id)
    if paper is None or not provenance.is_open_to(session, paper, reader.id):
        abort(404, _("There is no such paper here."))
    return paper_id


def _collect(session: Session, reader: Reader, collection: Collection, paper_id: str) -> None:
    """Put a paper into a collection; what is in one is on the shelf."""
    said = events.words(events.of_papers(session, reader.id, [paper_id])).get(paper_id, Word())
    if not said.saved:
        events.append(session, reader.id, paper_id, EventKind.SAVE, at=state().clock())
    shelf.collect(session, collection, paper_id, now=state().clock())


def _back(paper_id: str) -> str:
    return f"{safe_next(request.form.get('next', url_for('shelf.shelf'))).partition('#')[0]}#{anchor(paper_id)}"


def _sentence(error: Exception) -> str:
    told = str(error)
    return f"{told[:1].upper()}{told[1:].rstrip('.')}."

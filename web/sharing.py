"""A collection or a paper in, what leaves the shelf out: an address that anybody can read a public one at, BibTeX and RIS."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from urllib.parse import quote

from flask import Blueprint, Response, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.store import papers, provenance, readers, shelf
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.store.shelf import Collection
from recommender.types import Paper
from web import citations
from web.auth import login_required, state
from web.cards import around, card
from web.links import absolute

__all__ = ["address", "blueprint", "own"]

LONGEST = 3000  # papers one page shows
FORMATS: dict[str, tuple[Callable[[Sequence[Paper]], str], str, str]] = {
    "bibtex": (citations.bibtex, "bib", "application/x-bibtex; charset=utf-8"),
    "ris": (citations.ris, "ris", "application/x-research-info-systems; charset=utf-8"),
}

blueprint = Blueprint("sharing", __name__)


@blueprint.get("/shelf/<any(bibtex, ris):form>")
@login_required
def export(reader: Reader, form: str) -> ResponseReturnValue:
    """Hand over the whole shelf."""
    with state().database.read() as session:
        return _file(session, list(shelf.saved(session, reader.id)), form, "shelf")


@blueprint.get("/shelf/collection/<slug>/<any(bibtex, ris):form>")
@login_required
def export_collection(reader: Reader, slug: str, form: str) -> ResponseReturnValue:
    """Hand over one collection."""
    found = own(reader, slug)
    with state().database.read() as session:
        return _file(session, _held(session, found), form, found.slug)


@blueprint.get("/paper/<path:paper_id>/<any(bibtex, ris):form>")
@login_required
def export_paper(reader: Reader, paper_id: str, form: str) -> ResponseReturnValue:
    """Hand over one paper."""
    with state().database.read() as session:
        paper = papers.get(session, [paper_id]).get(paper_id)
        if paper is None or not provenance.is_open_to(session, paper, reader.id):
            abort(404, _("There is no such paper here."))
        return _file(session, [paper_id], form, citations.citation_key(paper))


@blueprint.get("/collection/<int:number>/<name>")
def shared(number: int, name: str) -> ResponseReturnValue:
    """Show a public collection to whoever knows its address; nothing of its reader but their name."""
    with state().database.read() as session:
        found, by = _public(session, number, name)
        ids = _held(session, found)
        shown, near = papers.get(session, ids[:LONGEST]), around(session, ids[:LONGEST])
    today = state().clock().date()
    made = [card(shown[i], Word(), today=today, here=near[i]) for i in ids if i in shown]
    return render_template("shelf_shared.html", collection=found, by=by.name, cards=made, name=name)


@blueprint.get("/collection/<int:number>/<name>/<any(bibtex, ris):form>")
def export_shared(number: int, name: str, form: str) -> ResponseReturnValue:
    """Hand over a public collection."""
    with state().database.read() as session:
        found, _by = _public(session, number, name)
        return _file(session, _held(session, found), form, found.slug)


def own(reader: Reader, slug: str) -> Collection:
    """Return the collection of this reader that an address names, or answer 404."""
    with state().database.read() as session:
        found = shelf.by_slug(session, reader.id, slug)
    if found is None:
        abort(404, _("There is no such collection of yours. The shelf lists those there are."))
    return found


def address(collection: Collection) -> str:
    """Return where anybody can read a collection while it is public: not to be guessed, and the same as long as it lives."""
    return absolute(state().settings, url_for("sharing.shared", number=collection.id, name=_stamp(collection)))


def _public(session: Session, number: int, name: str) -> tuple[Collection, Reader]:
    found = shelf.by_id(session, number)
    reader = readers.by_id(session, found.reader_id) if found is not None and found.public else None
    named = found is not None and hmac.compare_digest(_stamp(found).encode(), name.encode())
    if found is None or reader is None or reader.disabled_at is not None or not named:
        abort(404, _("There is no public collection at this address. Whoever sent it may have made it private."))
    return found, reader


def _stamp(collection: Collection) -> str:
    return state().signer.stamp("collection", f"{collection.id} {collection.created_at.isoformat()}")


def _held(session: Session, collection: Collection) -> list[str]:
    """Return a collection's papers that are on the shelf, the last saved first."""
    inside = shelf.held(session, collection.reader_id)[collection.id]
    return [paper_id for paper_id in shelf.saved(session, collection.reader_id) if paper_id in inside]


def _file(session: Session, ids: Sequence[str], form: str, name: str) -> Response:
    """Return papers as a file to keep, in their order."""
    write, ending, kind = FORMATS[form]
    stored = papers.get(session, ids)
    answer = Response(write([stored[i] for i in ids if i in stored]), content_type=kind)
    whole = f"{name}.{ending}"  # a header holds plain letters only: others are written as RFC 6266 has it
    named = f"filename={whole}" if whole.isascii() else f"filename=papers.{ending}; filename*=UTF-8''{quote(whole, safe='')}"
    answer.headers["Content-Disposition"] = f"attachment; {named}"
    return answer

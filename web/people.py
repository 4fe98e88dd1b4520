"""An author or an organisation in, their stored papers out, newest first; and what a reader decrees about them: follow, or never show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.errors import StoreError
from recommender.store import authors, papers, provenance, rules
from recommender.store.db import Session
from recommender.store.readers import Reader
from web.auth import login_required, state
from web.cards import Card, clip, listed
from web.links import safe_next

__all__ = ["blueprint"]

PAPERS = 20  # of one page of the list

blueprint = Blueprint("people", __name__)


@dataclass(frozen=True, slots=True)
class Oeuvre:
    """All that the template of somebody's page needs.

    Attributes
    ----------
    field : {"author", "organization"}
    name, key : str
    total : int
        Stored papers.
    cards : list of Card
    follows, never : bool
        What the reader's rules say.
    following : str or None
        The id after which the next papers begin, when there are more.
    first : bool
        Whether this is the list's beginning.
    """

    field: str
    name: str
    key: str
    total: int
    cards: list[Card]
    follows: bool
    never: bool
    following: str | None
    first: bool


@blueprint.get("/author/<path:key>")
@login_required
def author(reader: Reader, key: str) -> ResponseReturnValue:
    """Show the papers of one author."""
    return _show(reader, "author", key, authors.name_of, authors.papers_of, authors.count_of)


@blueprint.get("/organization/<path:key>")
@login_required
def organization(reader: Reader, key: str) -> ResponseReturnValue:
    """Show the papers of one organisation."""
    of = (authors.organization_name, authors.organization_papers, authors.organization_count)
    return _show(reader, "organization", key, *of)


@blueprint.post("/follow")
@login_required
def follow(reader: Reader) -> ResponseReturnValue:
    """Let a rule hold that stands beside what it is about, or end it: follow, never show, nothing like this paper."""
    action, field, value = (request.form.get(name, "") for name in ("action", "field", "value"))
    back, now = safe_next(request.form.get("next")), state().clock()
    with state().database.write() as session:
        named = _named(session, reader, field, value)
        if named is None or action not in rules.ACTIONS or (field, action) == ("like", "must"):
            abort(404, _("There is nothing of that name here."))
        stored, shown = named
        held = rules.find(session, reader.id, action, field, stored)
        if request.form.get("on") == "1":
            try:
                rules.add(session, reader.id, action, field, stored, now=now)
            except StoreError:
                flash(_("There can be %(most)d rules: end some first.", most=rules.MOST), "error")
            else:
                flash(_begun(action, field, shown))
        elif held is not None:
            rules.end(session, reader.id, held.id, now=now)
            flash(_ended(action, field, shown))
    return redirect(back, code=303)


def _show(
    reader: Reader,
    field: str,
    written: str,
    name_of: Callable[[Session, str], str | None],
    papers_of: Callable[..., list[str]],
    count_of: Callable[[Session, str], int],
) -> ResponseReturnValue:
    key, after = authors.key_of(written), request.args.get("after") or None
    with state().database.read() as session:
        name = name_of(session, key)
        if name is None:
            abort(
                404, _("Nothing by that name is stored here. Papers are stored from the day Broadsheet first read their source.")
            )
        ids = papers_of(session, key, limit=PAPERS + 1, before=after)
        oeuvre = Oeuvre(
            field=field,
            name=clip(name, 200),
            key=key,
            total=count_of(session, key),
            cards=listed(session, reader.id, ids[:PAPERS], today=state().clock().date()),
            follows=rules.find(session, reader.id, "must", field, name) is not None,
            never=rules.find(session, reader.id, "never", field, name) is not None,
            following=ids[PAPERS - 1] if len(ids) > PAPERS else None,
            first=after is None,
        )
    return render_template("person.html", oeuvre=oeuvre)


def _named(session: Session, reader: Reader, field: str, value: str) -> tuple[str, str] | None:
    """Return what a rule is to say of a thing that is stored, and what it is called; None when nothing such is stored."""
    if field == "like":
        paper = papers.get(session, [value]).get(value)
        known = paper is not None and provenance.is_open_to(session, paper, reader.id)
        return (paper.id, clip(paper.title, 120)) if known and paper is not None else None
    name_of = {"author": authors.name_of, "organization": authors.organization_name}.get(field)
    name = name_of(session, authors.key_of(value)) if name_of is not None else None
    return (name, clip(name, 120)) if name is not None else None


def _begun(action: str, field: str, name: str) -> str:
    if field == "like":
        return str(_("Nothing like “%(name)s” will be shown again, whatever else you like.", name=name))
    if action == "must":
        return str(_("You follow %(name)s: new papers of theirs stand on your page.", name=name))
    return str(_("Papers by %(name)s will not be shown again.", name=name))


def _ended(action: str, field: str, name: str) -> str:
    if field == "like":
        return str(_("Papers like “%(name)s” may be shown again.", name=name))
    if action == "must":
        return str(_("You no longer follow %(name)s.", name=name))
    return str(_("Papers by %(name)s may be shown again.", name=name))

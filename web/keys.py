"""A reader's wish in, a key out: addresses of their feeds and tokens for the API, made, shown and revoked."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.errors import StoreError
from recommender.store import interests, keys
from recommender.store.db import Session
from recommender.store.interests import Interest
from recommender.store.keys import Key
from recommender.store.readers import Reader
from web.auth import current_reader, login_required, state
from web.links import FEED, absolute

__all__ = ["Feed", "blueprint"]

blueprint = Blueprint("keys", __name__)


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of a reader: its key, what it is of, and its two addresses."""

    key: Key
    name: str
    atom: str
    json: str


@blueprint.get("/keys")
@login_required
def listing(reader: Reader) -> ResponseReturnValue:
    """Show the reader's feeds and tokens, and what they can make."""
    return _page(reader)


@blueprint.post("/keys/feed")
@login_required
def make_feed(reader: Reader) -> ResponseReturnValue:
    """Make a feed of an interest, or of everything."""
    number = _number(request.form.get("interest", ""))
    label = request.form.get("label", "")
    try:
        with state().database.write() as session:
            if number and interests.get(session, reader.id, number) is None:
                abort(404, _("You have no such interest."))
            key = keys.make(session, reader.id, "feed", now=state().clock(), label=label, interest=number)
    except StoreError as error:
        return _page(reader, wrong="feed", error=str(error)), 422
    flash(_("The feed is ready. Copy one of its addresses into your feed reader."), "done")
    return redirect(url_for("keys.listing", _anchor=f"key-{key.id}"), code=303)


@blueprint.post("/keys/token")
@login_required
def make_token(reader: Reader) -> ResponseReturnValue:
    """Make a token for the API and show it, this once; so the answer is the page itself, which nobody keeps a copy of."""
    try:
        with state().database.write() as session:
            key, secret = keys.make_secret(session, reader.id, now=state().clock(), label=request.form.get("label", ""))
    except StoreError as error:
        return _page(reader, wrong="token", error=str(error)), 422
    return _page(reader, made=key, secret=secret), 201, {"Cache-Control": "no-store"}


@blueprint.post("/keys/<int:key_id>/revoke")
@login_required
def revoke(reader: Reader, key_id: int) -> ResponseReturnValue:
    """End a key for good."""
    with state().database.write() as session:
        if key_id >= 2**31 or not keys.revoke(session, reader.id, key_id, now=state().clock()):
            abort(404, _("You have no such key. It may have been revoked already."))
    flash(_("Revoked. Whatever used it is not let in any more."), "done")
    return redirect(url_for("keys.listing"), code=303)


@blueprint.app_template_global("feeds_of_page")
def _feeds_of_page() -> list[Feed]:
    """Return the feeds that the head of a page names, so that a feed reader finds them: on the reader's own pages."""
    reader = current_reader() if request.blueprint in ("today", "keys") else None
    if reader is None:
        return []
    with state().database.read() as session:
        return _feeds(session, reader, keys.listing(session, reader.id))


def _page(reader: Reader, *, wrong: str = "", error: str = "", made: Key | None = None, secret: str = "") -> str:
    with state().database.read() as session:
        held = keys.listing(session, reader.id)
        own = interests.listing(session, reader.id)
        feeds = _feeds(session, reader, held)
    return render_template(
        "keys.html",
        feeds=feeds,
        tokens=[key for key in held if key.kind == "api"],
        interests=own,
        chosen=_chosen(own),
        label=request.form.get("label", ""),
        wrong=wrong,
        error=f"{error[:1].upper()}{error[1:]}." if error else "",
        made=made,
        secret=secret,
        longest=keys.LONGEST_LABEL,
        address=absolute(state().settings, url_for("api.me")),
    )


def _feeds(session: Session, reader: Reader, held: list[Key]) -> list[Feed]:
    """Return the feeds behind keys; one of an interest that was closed is named as such."""
    names = {own.id: own.name for own in interests.listing(session, reader.id)}
    found = []
    for key in held:
        if key.kind == "feed":
            name = names.get(key.interest, _("a closed interest")) if key.interest else _("Everything")
            token = state().signer.seal(FEED, key.id)
            atom, json = (absolute(state().settings, url_for("feeds.feed", token=token, form=form)) for form in ("atom", "json"))
            found.append(Feed(key, str(name), atom, json))
    return found


def _chosen(own: list[Interest]) -> int:
    """Return which interest the form begins with: what was sent, or what the address names."""
    named = request.args.get("interest", "")
    by_slug = {interest.slug: interest.id for interest in own}
    sent = request.form.get("interest", "")
    return by_slug.get(named, 0) if not sent else int(sent) if sent in {str(i) for i in by_slug.values()} else 0


def _number(text: str) -> int:
    if text in ("", "0"):
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        abort(404, _("You have no such interest."))
    return int(text)

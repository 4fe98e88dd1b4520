"""A reader in, their interests out: made, named, ordered, closed and opened again; and the likes that each is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from recommender.errors import StoreError
from recommender.store import events, interests, likes
from recommender.store.db import Session
from recommender.store.interests import LONGEST_NAME, MOST, Interest
from recommender.store.likes import Standing
from recommender.store.readers import Reader
from recommender.types import Event, EventKind
from web.auth import login_required, state
from web.cards import Card, listed
from web.links import safe_next
from web.tastes import Taste, by_number, by_slug, tastes

__all__ = ["Done", "Like", "Row", "blueprint"]

OFFERED = 40  # likes a new interest may be made of, the newest
STEP = 50  # likes on one page
MOST_MOVED = 1000  # papers that one press may move
_DONE = re.compile(r"(move|copy|remove)-(\d{1,18})-(\d{1,18})-(\d{1,5})-(\d{1,9})")

blueprint = Blueprint("interests", __name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One taste in the list: how many papers it likes, and when the newest like was."""

    taste: Taste
    likes: int
    newest: date | None
    query: str


@dataclass(frozen=True, slots=True)
class Like:
    """One liked paper, when it was liked, and in which tastes."""

    card: Card
    on: date
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What was just done with likes, and which events to take back to undo it."""

    words: str
    first: int
    last: int


@blueprint.get("/interests")
@login_required
def listing(reader: Reader) -> ResponseReturnValue:
    """List the reader's interests, with a form for another one."""
    return _listing(reader, {"name": "", "how": "move"}, [], error=None)


@blueprint.post("/interests")
@login_required
def create(reader: Reader) -> ResponseReturnValue:
    """Make an interest, of some of the reader's likes if they chose any."""
    form = {"name": request.form.get("name", ""), "how": request.form.get("how", "move")}
    chosen = request.form.getlist("paper")[:MOST_MOVED]
    now = state().clock()
    try:
        with state().database.write() as session:
            _check_name(session, reader, form["name"])
            made = interests.create(session, reader.id, form["name"], now=now)
            source = {paper_id: event.interest for (paper_id, _), event in _liked(session, reader).items()}
            spread = likes.copy if form["how"] == "copy" else likes.move
            for interest in sorted({source[i] for i in chosen if i in source}):
                own = [paper_id for paper_id in chosen if source.get(paper_id) == interest]
                spread(session, reader.id, own, interest, made.id, now=now)
    except StoreError as error:
        return _listing(reader, form, chosen, error=_sentence(error)), 422
    flash(_("“%(name)s” is there. Its page learns from what you vote on it.", name=made.name))
    return redirect(url_for("interests.likes_of", slug=made.slug), code=303)


@blueprint.post("/interests/<slug>/name")
@login_required
def rename(reader: Reader, slug: str) -> ResponseReturnValue:
    """Give an interest another name."""
    name = request.form.get("name", "")

    def change(session: Session, own: Taste) -> None:
        _check_name(session, reader, name, but=own.id)
        interests.rename(session, reader.id, own.id, name)

    return _change(reader, slug, change)


@blueprint.post("/interests/<slug>/place")
@login_required
def place(reader: Reader, slug: str) -> ResponseReturnValue:
    """Move an interest one place up or down in the list, and with it on the page they share."""
    up = request.form.get("to") == "up"
    return _change(reader, slug, lambda session, own: interests.move(session, reader.id, own.id, up=up))


@blueprint.post("/interests/<slug>/close")
@login_required
def close(reader: Reader, slug: str) -> ResponseReturnValue:
    """End an interest: its page goes, its votes stay in the log."""
    with state().database.write() as session:
        own = _named(session, reader, slug)
        interests.close(session, reader.id, own.id, now=state().clock())
    return redirect(url_for("interests.listing", closed=own.id), code=303)


@blueprint.post("/interests/<int:interest_id>/reopen")
@login_required
def reopen(reader: Reader, interest_id: int) -> ResponseReturnValue:
    """Open a closed interest again, as it was."""
    try:
        with state().database.write() as session:
            if interest_id not in {own.id for own in interests.closed(session, reader.id, limit=10_000)}:
                abort(404)
            own = interests.reopen(session, reader.id, interest_id)
    except StoreError as error:
        return _listing(reader, {"name": "", "how": "move"}, [], error=None, refused=_sentence(error)), 422
    flash(_("“%(name)s” is open again.", name=own.name))
    return redirect(url_for("interests.listing"), code=303)


@blueprint.get("/interests/<slug>")
@login_required
def likes_of(reader: Reader, slug: str) -> ResponseReturnValue:
    """List the papers that an interest likes, each with a way to another interest."""
    return _likes_page(reader, slug, error=None)


@blueprint.post("/interests/<slug>/papers")
@login_required
def papers_of(reader: Reader, slug: str) -> ResponseReturnValue:
    """Move or copy likes to another interest, or take them back."""
    verb, paper_ids = request.form.get("do", ""), request.form.getlist("paper")[:MOST_MOVED]
    if verb not in ("move", "copy", "remove"):
        abort(400)
    now, made, error, target = state().clock(), list[Event](), None, None
    try:
        with state().database.write() as session:
            source = by_slug(session, reader, slug)
            target = source if verb == "remove" else by_number(session, reader, request.form.get("to", ""))
            if target is None:
                abort(404, _("There is no such interest of yours."))
            held = _liked(session, reader, source.id)
            wanted = [paper_id for paper_id in dict.fromkeys(paper_ids) if (paper_id, source.id) in held]
            if verb == "remove":
                made = likes.remove(session, reader.id, wanted, source.id, now=now)
            else:
                spread = likes.copy if verb == "copy" else likes.move
                made = spread(session, reader.id, wanted, source.id, target.id, now=now)
    except StoreError as refused:
        error = _sentence(refused)
    if error is None and not paper_ids:
        error = _("No paper is chosen yet: tick one or more of them first.")
    if error is not None:
        return _likes_page(reader, slug, error=error), 422
    done = f"{verb}-{made[0].id}-{made[-1].id}-{len({e.paper_id for e in made})}-{target.id}" if made and target else None
    if done is None:
        flash(_("Nothing had to be changed: it is like that already."))
    return redirect(url_for("interests.likes_of", slug=slug, show=request.form.get("show") or None, done=done), code=303)


@blueprint.post("/interests/<slug>/undo")
@login_required
def undo(reader: Reader, slug: str) -> ResponseReturnValue:
    """Let likes stand where they stood before the last move, copy or removal."""
    first, last = (request.form.get(name, "") for name in ("first", "last"))
    if not all(number.isascii() and number.isdigit() and len(number) < 19 for number in (first, last)):
        abort(400)
    try:
        with state().database.write() as session:
            by_slug(session, reader, slug)
            likes.undo(session, reader.id, int(first), int(last), now=state().clock())
    except StoreError as error:
        return _likes_page(reader, slug, error=_sentence(error)), 422
    flash(_("Undone: it is as it was before."))
    back = request.form.get("next")
    return redirect(safe_next(back) if back else url_for("interests.likes_of", slug=slug), code=303)


def _change(reader: Reader, slug: str, change: Callable[[Session, Taste], object]) -> ResponseReturnValue:
    """Change one named interest and go back to the list; what is refused is said there."""
    try:
        with state().database.write() as session:
            change(session, _named(session, reader, slug))
    except StoreError as error:
        return _listing(reader, {"name": "", "how": "move"}, [], error=None, refused=_sentence(error)), 422
    return redirect(url_for("interests.listing"), code=303)


def _named(session: Session, reader: Reader, slug: str) -> Taste:
    """Return a named interest: the general taste has neither a name to change nor an end."""
    own = by_slug(session, reader, slug)
    if not own.id:
        abort(404)
    return own


def _check_name(session: Session, reader: Reader, name: str, *, but: int = 0) -> None:
    """Refuse a name in the reader's language, before the store does in its own.

    Raises
    ------
    StoreError
    """
    plain, others = " ".join(name.split()), [own for own in interests.listing(session, reader.id) if own.id != but]
    if not plain or len(plain) > LONGEST_NAME:
        raise StoreError(_("An interest needs a name, of at most %(most)s characters", most=LONGEST_NAME))
    if plain.casefold() in {own.name.casefold() for own in others}:
        raise StoreError(_("You have an interest called “%(name)s” already: choose another name", name=plain))
    if not but and len(others) >= MOST:
        raise StoreError(_("There can be %(most)s interests: close one first", most=MOST))


def _listing(
    reader: Reader, form: dict[str, str], chosen: Sequence[str], *, error: str | None, refused: str | None = None
) -> str:
    app, gone = state(), request.args.get("closed", "")
    with app.database.read() as session:
        known = {interest.id: interest for interest in interests.listing(session, reader.id)}
        ended = interests.closed(session, reader.id)
        held = _liked(session, reader)
        rows = [_row(taste, held, known) for taste in tastes(session, reader)]
        newest = list(dict.fromkeys(e.paper_id for e in sorted(held.values(), key=lambda e: (e.at, e.id), reverse=True)))
        offered = listed(session, reader.id, newest[:OFFERED], today=app.clock().date())
    return render_template(
        "interests.html",
        rows=rows,
        closed=ended,
        just_closed=next((own for own in ended if str(own.id) == gone), None),
        offered=offered,
        form=form,
        chosen=chosen,
        error=error,
        refused=refused,
        today=app.clock().date(),
        most=MOST,
    )


def _row(taste: Taste, held: Standing, known: dict[int, Interest]) -> Row:
    own = [event for (_, interest), event in held.items() if interest == taste.id]
    query = known[taste.id].query if taste.id in known else ""
    return Row(taste, len(own), max((event.at.date() for event in own), default=None), query)


def _likes_page(reader: Reader, slug: str, *, error: str | None) -> str:
    app, today = state(), state().clock().date()
    with app.database.read() as session:
        taste, every = by_slug(session, reader, slug), tastes(session, reader)
        held = _liked(session, reader)
        own = sorted((e for (_, interest), e in held.items() if interest == taste.id), key=lambda e: (e.at, e.id), reverse=True)
        shown = own[: _asked_for()]
        cards = {card.paper_id: card for card in listed(session, reader.id, [e.paper_id for e in shown], today=today)}
        done = _done(session, reader, request.args.get("done", ""))
    likes_shown = [
        Like(cards[e.paper_id], e.at.date(), tuple(t.name for t in every if t != taste and (e.paper_id, t.id) in held))
        for e in shown
        if e.paper_id in cards
    ]
    return render_template(
        "interest.html",
        taste=taste,
        others=[other for other in every if other != taste],
        likes=likes_shown,
        total=len(own),
        step=STEP,
        done=done,
        error=error,
        today=today,
    )


def _liked(session: Session, reader: Reader, interest: int | None = None) -> Standing:
    """Return the reader's standing up-votes (of one taste), the oldest first."""
    held = likes.standing(events.history(session, reader.id), interests.forgotten(session, reader.id))
    return {key: event for key, event in held.items() if event.kind is EventKind.UPVOTE and interest in (None, event.interest)}


def _done(session: Session, reader: Reader, said: str) -> Done | None:
    """Read from the address what was just done; what it names is looked up again, so nothing of it is taken on trust."""
    found = _DONE.fullmatch(said)
    if found is None:
        return None
    verb, count, target = found[1], int(found[4]), by_number(session, reader, found[5])
    if target is None:
        return None
    if verb == "move":
        words = ngettext("One paper moved to “%(name)s”.", "%(num)s papers moved to “%(name)s”.", count, name=target.name)
    elif verb == "copy":
        words = ngettext("One paper copied to “%(name)s”.", "%(num)s papers copied to “%(name)s”.", count, name=target.name)
    else:
        words = ngettext("One like taken back.", "%(num)s likes taken back.", count)
    return Done(words, int(found[2]), int(found[3]))


def _asked_for() -> int:
    """How many likes the address asks to see."""
    asked = request.args.get("show", "")
    return min(max(int(asked), STEP), 5000) if asked.isascii() and asked.isdigit() and len(asked) < 6 else STEP


def _sentence(error: StoreError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."

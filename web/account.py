"""A reader in, their account out: how they come in, what reaches them and when, what they chose, and the way to the rest."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender.errors import StoreError
from recommender.hours import Schedule
from recommender.store import accounts, readers, sessions, suppressions
from recommender.store.db import Session
from recommender.store.readers import Reader
from web import digest_choices, letters, schedules
from web.auth import login_required, secret, state
from web.limits import limiter
from web.words import LANGUAGES

__all__ = ["blueprint"]

# What a reader calls an announcement, and the kinds of announcement it means.
ANNOUNCEMENTS = {"new": ("new",), "cross": ("cross",), "replace": ("replace", "replace-cross")}
ANNOUNCED = {
    "new": _l("New papers"),
    "cross": _l("Papers listed in another of my categories as well"),
    "replace": _l("New versions of older papers"),
}
NOTICES = {"replies": _l("Somebody answers a remark of mine")}  # told by mail unless switched off
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
@login_required
def account(reader: Reader) -> ResponseReturnValue:
    """Show how the reader comes in, what reaches them, what they chose, and the way to everything else that is theirs."""
    return _page(reader, {}, {})


@blueprint.post("/account/digest")
@login_required
def digest(reader: Reader) -> ResponseReturnValue:
    """Set whether, how often and at which local hour the digest comes."""
    form = {name: request.form.get(name, "").strip() for name in ("digest", "hour", "zone", "when") if name in request.form}
    schedule, errors = schedules.read(form, schedules.sound(reader.schedule))
    if form.get("digest") and not reader.email:
        errors["digest"] = _("The digest needs an address to go to: give one first.")
    if errors:
        return _page(reader, {"digest": "", **form}, errors), 422
    _come(reader, schedule, on=bool(form.get("digest")))
    return _saved()


@blueprint.post("/account/digest/pause")
@login_required
def pause(reader: Reader) -> ResponseReturnValue:
    """Let no digest come for some days, or until a day; or end that."""
    schedule, until = schedules.sound(reader.schedule), None
    if "resume" not in request.form:
        until = schedules.read_pause(request.form, schedule, state().clock())
        if until is None:
            return _page(reader, {}, {"until": _("Choose a day after today, within a year.")}), 422
    _come(reader, replace(schedule, paused_until=until), on=reader.digest_on)
    return _saved()


@blueprint.post("/account/digest/now")
@login_required
@limiter.limit("3 per hour")
def send_now(reader: Reader) -> ResponseReturnValue:
    """Send a digest at once, and say what became of it."""
    has_left, told = digest_choices.send_now(reader, state().clock())
    flash(told, "message" if has_left else "error")
    return redirect(url_for("account.account"), code=303)


@blueprint.post("/account/digest/again")
@login_required
@limiter.limit("3 per day")
def write_again(reader: Reader) -> ResponseReturnValue:
    """Write again to an address that was left alone, unless the owner decided that."""
    with state().database.write() as session:
        held = suppressions.among(session, [reader.email] if reader.email else [])
        if not all(map(digest_choices.can_be_lifted, held.values())):
            abort(403, _("Whoever runs this Broadsheet had your address left alone: ask them."))
        for address in held:
            suppressions.lift(session, address)
    flash(_("Mail goes to your address again."))
    return redirect(url_for("account.account"), code=303)


@blueprint.post("/account/choices")
@login_required
def choices(reader: Reader) -> ResponseReturnValue:
    """Set the language, what makes the page, who sees the votes, and what is told by mail."""
    form = {"locale": request.form.get("locale", ""), "name": " ".join(request.form.get("name", "").split())}
    announced = [kind for kind in ANNOUNCEMENTS if kind in request.form.getlist("announce")]
    errors = _choice_errors(form, announced)
    with state().database.write() as session:
        if not errors:
            errors = _named(session, reader, form["name"])
        if not errors:
            chosen = [kind for name in announced for kind in ANNOUNCEMENTS[name]]
            usual = set(chosen) == set(state().settings.rank.announce)
            accounts.choose(
                session,
                reader.id,
                locale=form["locale"],
                votes_public="votes_public" in request.form,
                notices={**reader.notices, **{kind: kind in request.form.getlist("notices") for kind in NOTICES}},
                announce=() if usual else chosen,
            )
    return (_page(reader, form, errors), 422) if errors else _saved()


def _come(reader: Reader, schedule: Schedule, *, on: bool) -> None:
    with state().database.write() as session:
        held = readers.by_id(session, reader.id)
        next_at = schedule.coming(state().clock(), held.next_digest_at if held is not None else None)
        accounts.set_digest(session, reader.id, schedule, on=on, next_at=next_at)


def _saved() -> ResponseReturnValue:
    flash(_("Saved."))
    return redirect(url_for("account.account"), code=303)


def _page(reader: Reader, form: dict[str, str], errors: dict[str, str]) -> str:
    app, now = state(), state().clock()
    with app.database.read() as session:
        signed_in = sessions.listing(session, reader.id, now=now, secret=secret())
        mail = digest_choices.part(session, reader, form, now)
        awaited = sessions.awaited(session, reader.id, letters.NEW_ADDRESS, now=now)
    made = set(reader.announce or app.settings.rank.announce)
    shown = {"locale": reader.locale, "name": reader.name, **form}
    return render_template(
        "account.html",
        reader=reader,
        form=shown,
        errors=errors,
        mail=mail,
        awaited=awaited,
        today=now.date(),
        languages=LANGUAGES,
        sign_ins=[(one, device(one.agent)) for one in signed_in],
        announcements=[(kind, told, set(ANNOUNCEMENTS[kind]) <= made) for kind, told in ANNOUNCED.items()],
        notices=[(kind, told, reader.notices.get(kind, True)) for kind, told in NOTICES.items()],
    )


def _choice_errors(form: dict[str, str], announced: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if form["locale"] not in ("", *LANGUAGES):
        found["locale"] = _("Choose one of the languages.")
    if not announced:
        found["announce"] = _("Choose at least one, or the page would stay empty.")
    return found


def _named(session: Session, reader: Reader, name: str) -> dict[str, str]:
    """Give the reader another name when one was asked for; return what is wrong with it."""
    if name in ("", reader.name):
        return {}
    if not accounts.is_name(name):
        return {"name": _("A name has up to 40 letters and digits, with spaces, dots and dashes between them.")}
    try:
        accounts.rename(session, reader.id, name)
    except StoreError:
        return {"name": _("There is a reader of this name: choose another.")}
    return {}


def device(agent: str) -> str:
    """Return in words what a browser says of itself.

    Examples
    --------
    >>> device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox, Linux'
    >>> device("curl/8.5.0")
    'curl'
    """
    browser = next((name for mark, name in BROWSERS if mark in agent), agent.partition("/")[0][:40])
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return ", ".join(part for part in (browser, system) if part) or "?"

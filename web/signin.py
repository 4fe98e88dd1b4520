"""A name and a password (or a link) in, a sign-in out: the door, for everybody who has an account.

Whoever knocks with a name that is not known gets the same answer after the same time as one with a wrong password. A link by mail
signs in only when the button behind it is pressed, for programs that check mail open every link. The link that Broadsheet prints
signs in at once, and is never mailed.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.store import accounts, readers, sessions
from recommender.store.readers import Reader
from web import letters, passwords
from web.auth import SIGN_IN, begin, current_reader, forget, is_visit, login_required, remember, state
from web.limits import by_address, limiter
from web.links import safe_next

__all__ = ["blueprint", "page"]

MAILED = "signin-mail"  # purpose of a mailed link's token
MAILED_LIVES = timedelta(minutes=10)
ATTEMPTS = "10 per 15 minutes"

blueprint = Blueprint("auth", __name__)


def page(*, spent: bool = False, error: str = "", name: str = "", after: str = "/") -> str:
    """Return the page on which one signs in.

    Parameters
    ----------
    spent : bool, default=False
        Whether a link was used that does not work.
    error : str, default=""
        What was wrong.
    name : str, default=""
        What was typed.
    after : str, default="/"
        The path to go to then.
    """
    signup = state().settings.web.signup == "open"
    facts = {"spent": spent, "error": error, "name": name[:320], "next": safe_next(after), "signup": signup}
    return render_template("signin.html", asked=False, sent=letters.is_sent(), **facts)


def who_asks() -> str:
    """Return whose account is knocked at, by whichever of its names; what is typed is kept only as a digest."""
    typed = request.form.get("name", "").strip().casefold()[:320]
    with state().database.read() as session:
        reader = accounts.find(session, typed)
    return f"account:{reader.id}" if reader else f"account:{hashlib.sha256(typed.encode()).hexdigest()[:32]}"


def _is_owner() -> bool:
    """Whether it is the owner's account, which nobody can lock by asking for links to it."""
    with state().database.read() as session:
        reader = accounts.find(session, request.form.get("name", ""))
    return reader is not None and reader.is_owner


@blueprint.get("/signin")
def door() -> ResponseReturnValue:
    """Show the door."""
    after = safe_next(request.args.get("next"))
    return redirect(after) if current_reader() else page(after=after)


@blueprint.post("/signin")
@limiter.limit(ATTEMPTS, key_func=by_address)
@limiter.limit(ATTEMPTS, key_func=who_asks)
def enter() -> ResponseReturnValue:
    """Sign in with a name or an address, and a password."""
    app = state()
    name, password = request.form.get("name", ""), request.form.get("password", "")[: passwords.MOST + 1]
    with app.database.read() as session:
        reader = accounts.find(session, name)
        kept = accounts.password_of(session, reader.id) if reader is not None else None
    if not passwords.is_right(kept, password) or reader is None or reader.disabled_at is not None:
        told = _("This name and this password do not belong together. Check both, or have a link sent to you.")
        return page(error=told, name=name, after=request.form.get("next", "")), 422
    anew = passwords.hashed(password) if kept and passwords.is_outdated(kept) else None
    with app.database.write() as session:
        if anew is not None:
            accounts.set_password(session, reader.id, anew)
        secret = begin(session, reader)
    remember(secret)
    return redirect(safe_next(request.form.get("next")), code=303)


@blueprint.post("/signin/link")
@limiter.limit("10 per hour", key_func=by_address)
@limiter.limit("5 per hour", key_func=who_asks, exempt_when=_is_owner)
def mail_link() -> ResponseReturnValue:
    """Mail a link to whoever has this name or address; the answer is the same when nobody has."""
    name, after = request.form.get("name", ""), safe_next(request.form.get("next"))
    letters.later(lambda: _mail_link(name, after))
    return redirect(url_for("auth.asked"), code=303)


@blueprint.get("/signin/asked")
def asked() -> ResponseReturnValue:
    """Say that a link is on its way."""
    return render_template("signin.html", asked=True, sent=letters.is_sent())


@blueprint.get("/signin/mail/<token>")
def mailed(token: str) -> ResponseReturnValue:
    """Show the button behind a mailed link; opening the link does nothing."""
    app = state()
    with app.database.read() as session:
        found = sessions.peek_token(session, token, MAILED, now=app.clock())
    if found is None:
        return page(spent=True), 401
    return render_template("signin_link.html", token=token, reader=found.reader)


@blueprint.post("/signin/mail/<token>")
def redeem(token: str) -> ResponseReturnValue:
    """Sign in with a mailed link, once."""
    app = state()
    with app.database.write() as session:
        found = sessions.spend_token(session, token, MAILED, now=app.clock())
        secret = begin(session, found.reader) if found is not None else None
    if found is None or secret is None:
        return page(spent=True), 401
    remember(secret, by_link=True)
    return redirect(safe_next(found.payload), code=303)


@blueprint.get("/signin/<token>")
def signin(token: str) -> ResponseReturnValue:
    """Sign the owner in with the link from the terminal; it works once, and not for whoever only looks ahead."""
    if not is_visit():
        return "", 204
    app = state()
    with app.database.write() as session:
        reader = readers.redeem_token(session, token, SIGN_IN, now=app.clock())
        secret = begin(session, reader) if reader is not None else None
    if reader is None or secret is None:
        if current_reader() is not None:  # a second press of the same link
            return redirect(url_for("today.front"))
        return page(spent=True), 401
    remember(secret, by_link=reader.is_owner)
    return redirect(url_for("today.front"))


@blueprint.post("/signout")
@login_required
def signout(_reader: Reader) -> ResponseReturnValue:
    """End the sign-in."""
    forget()
    flash(_("You are signed out."))
    return redirect(url_for("today.front"), code=303)


def _mail_link(name: str, after: str) -> None:
    """Write to whoever has this name; runs after the answer, so that the answer tells nothing."""
    app = state()
    with app.database.write() as session:
        reader = accounts.find(session, name)
        if reader is None or reader.email is None or reader.disabled_at is not None:
            return
        token = readers.issue_token(session, reader.id, MAILED, now=app.clock(), lives=MAILED_LIVES, payload=after)
    letters.send(reader.name, reader.email, letters.sign_in_link(reader.name, f"/signin/mail/{token}"))

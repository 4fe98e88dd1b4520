"""A name and an address (or an invitation) in, an account out: how a person becomes a reader, where the owner lets them.

Nothing is stored for somebody who only asks: name and address travel signed in the mailed link, and the account is made when the
button behind it is pressed. So nobody holds a name or an address that they did not come back for.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.errors import StoreError
from recommender.store import accounts, invitations, readers
from recommender.store.db import Session
from recommender.store.readers import Reader
from web import letters, passwords
from web.auth import begin, current_reader, remember, state
from web.limits import by_address, limiter
from web.mail import is_address

__all__ = ["blueprint"]

WELCOME = "signup"  # purpose of the signed link
WELCOME_LIVES = timedelta(days=1)
TRAP = "website"  # a field that people do not see and programs fill in

blueprint = Blueprint("signup", __name__)


@blueprint.route("/signup", methods=["GET", "POST"])
@limiter.limit("10 per hour", key_func=by_address, methods=["POST"])
def signup() -> ResponseReturnValue:
    """Take a name and an address, and write to the address; the answer is the same when it has an account already."""
    if state().settings.web.signup != "open":
        abort(404, _("Accounts are not open to everybody here. Ask whoever runs this Broadsheet for an invitation."))
    if current_reader() is not None:
        return redirect(url_for("account.account"))
    form = {"name": " ".join(request.form.get("name", "").split()), "email": request.form.get("email", "").strip()}
    if request.method != "POST":
        return _page(form, {})
    if request.form.get(TRAP):
        return redirect(url_for("signup.asked"), code=303)
    errors = _name_errors(form["name"])
    if not is_address(form["email"]):
        errors["email"] = str(letters.NO_ADDRESS)
    if errors:
        return _page(form, errors), 422
    letters.later(lambda: _write(form["name"], form["email"]))
    return redirect(url_for("signup.asked"), code=303)


@blueprint.get("/signup/asked")
def asked() -> ResponseReturnValue:
    """Say that a letter is on its way."""
    return render_template("signup.html", asked=True, sent=letters.is_sent())


@blueprint.route("/signup/<token>", methods=["GET", "POST"])
@limiter.limit("20 per hour", key_func=by_address, methods=["POST"])
def finish(token: str) -> ResponseReturnValue:
    """Make the account whose address is confirmed by this link, and sign in."""
    app = state()
    facts = app.signer.read(WELCOME, token, WELCOME_LIVES.total_seconds())
    if app.settings.web.signup != "open" or not isinstance(facts, dict):
        abort(404, _("This link is too old, or not whole. Sign up again for a new one."))
    with app.database.read() as session:
        taken = readers.by_email(session, facts["e"]) is not None
    if taken:
        flash(_("This account is made: sign in."))
        return redirect(url_for("auth.door"))
    form = {"name": facts["n"], "email": facts["e"]}
    if request.method != "POST":
        return render_template("signup_finish.html", form=form, errors=_name_errors(facts["n"]), invited=False)
    form["name"] = " ".join(request.form.get("name", "").split())
    password = request.form.get("password", "")
    errors = _name_errors(form["name"]) | (_password_errors(password, form) if password else {})
    if errors:
        return render_template("signup_finish.html", form=form, errors=errors, invited=False), 422
    hashed = passwords.hashed(password) if password else None
    try:
        with app.database.write() as session:
            reader = _made(session, form["name"], hashed)
            accounts.confirm_email(session, reader.id, form["email"], now=app.clock())
            secret = begin(session, reader)
    except StoreError as error:  # somebody was faster
        return render_template("signup_finish.html", form=form, errors={"name": str(error)}, invited=False), 422
    return _welcome(secret)


@blueprint.route("/join/<token>", methods=["GET", "POST"])
@limiter.limit("20 per hour", key_func=by_address, methods=["POST"])
def join(token: str) -> ResponseReturnValue:
    """Accept an invitation: make an account and sign in."""
    app = state()
    with app.database.read() as session:
        good = app.settings.web.signup != "closed" and invitations.is_open(session, token, now=app.clock())
    if not good:
        abort(404, _("This invitation was accepted, taken back, is too old, or is not whole. Ask for another one."))
    form = {"name": " ".join(request.form.get("name", "").split()), "email": request.form.get("email", "").strip()}
    if request.method != "POST":
        return render_template("signup_finish.html", form=form, errors={}, invited=True)
    password = request.form.get("password", "")
    errors = _name_errors(form["name"]) | _password_errors(password, form)
    if form["email"] and not is_address(form["email"]):
        errors["email"] = str(letters.NO_ADDRESS)
    if errors:
        return render_template("signup_finish.html", form=form, errors=errors, invited=True), 422
    hashed = passwords.hashed(password)
    try:
        with app.database.write() as session:
            reader = _made(session, form["name"], hashed)
            if not invitations.accept(session, token, reader.id, now=app.clock()):
                raise StoreError(_("this invitation has just been accepted"))
            secret = begin(session, reader)
    except StoreError as error:  # somebody was faster
        return render_template("signup_finish.html", form=form, errors={"name": f"{error}."}, invited=True), 422
    if form["email"]:
        letters.later(lambda: letters.ask_address(reader, form["email"]))
    return _welcome(secret)


def _welcome(secret: str) -> ResponseReturnValue:
    remember(secret)
    flash(_("Welcome. Tell Broadsheet what you like, and your page follows at once."))
    begins = "start.start" if "start.start" in current_app.view_functions else "today.front"
    return redirect(url_for(begins), code=303)


def _made(session: Session, name: str, hashed: str | None) -> Reader:
    """Make a reader; the name is checked again, in the transaction that writes it."""
    now = state().clock()
    if not accounts.is_free(session, name):
        raise StoreError(_("somebody has just taken this name"))
    reader = readers.create(session, name, now=now)
    if hashed is not None:
        accounts.set_password(session, reader.id, hashed)
    return reader


def _name_errors(name: str) -> dict[str, str]:
    if not accounts.is_name(name):
        return {"name": _("A name has up to 40 letters and digits, with spaces, dots and dashes between them.")}
    with state().database.read() as session:
        free = accounts.is_free(session, name)
    return {} if free else {"name": _("There is a reader of this name: choose another.")}


def _password_errors(password: str, form: dict[str, str]) -> dict[str, str]:
    told = passwords.problem(password, form["name"], form["email"])
    return {"password": told} if told else {}


def _page(form: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("signup.html", asked=False, form=form, errors=errors, trap=TRAP)


def _write(name: str, email: str) -> None:
    """Write to somebody who signs up; runs after the answer, so that the answer tells nothing."""
    app = state()
    with app.database.read() as session:
        reader = readers.by_email(session, email)
    if reader is not None:
        letters.send(reader.name, email, letters.already_a_reader(reader.name, "/signin"))
        return
    token = app.signer.sign(WELCOME, {"n": name, "e": email})
    letters.send(name, email, letters.welcome(name, f"/signup/{token}"))

"""A reader who is signed in, and what proves who they are, in; another address or password, or fewer sign-ins, out.

An address changes when the new one confirms it, and the old one is told. A new password ends every other sign-in; who forgot the present
one signs in with a link, and sets another one within a quarter of an hour.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.errors import MailError, StoreError
from recommender.store import accounts, sessions
from recommender.store.readers import Reader
from web import letters, passwords
from web.auth import begin, came_by_link, current_reader, login_required, remember, secret, state
from web.limits import limiter
from web.mail import is_address

__all__ = ["blueprint"]

blueprint = Blueprint("credentials", __name__)


@blueprint.route("/account/email", methods=["GET", "POST"])
@login_required
@limiter.limit("10 per hour", methods=["POST"])
def email(reader: Reader) -> ResponseReturnValue:
    """Ask a new address to confirm itself; an empty one is taken away at once."""
    if request.method != "POST":
        return _email_page(reader, reader.email or "", {})
    wanted = request.form.get("email", "").strip()
    errors = _email_errors(reader, wanted)
    if errors:
        return _email_page(reader, wanted, errors), 422
    if not wanted:
        with state().database.write() as session:
            accounts.drop_email(session, reader.id)
        flash(_("Your address is forgotten."))
        return redirect(url_for("account.account"), code=303)
    return _ask_address(reader, wanted)


@blueprint.route("/account/email/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """Show a button; take the new address when it is pressed. Whoever reads its mail may press it, signed in or not."""
    app = state()
    with app.database.read() as session:
        found = sessions.peek_token(session, token, letters.NEW_ADDRESS, now=app.clock())
    if found is None:
        abort(404, _("This link has been used, is too old, or is not whole. Ask for another one on the account page."))
    if request.method != "POST":
        return render_template("account_confirm.html", token=token, found=found)
    try:
        with app.database.write() as session:
            spent = sessions.spend_token(session, token, letters.NEW_ADDRESS, now=app.clock())
            if spent is not None:
                accounts.confirm_email(session, spent.reader.id, spent.payload, now=app.clock())
    except StoreError:
        abort(404, _("This address belongs to another reader by now."))
    old = found.reader.email
    if old and old != found.payload:
        words = letters.address_changed(found.reader.name, "/signin")
        letters.later(lambda: letters.send(found.reader.name, old, words))
    flash(_("Your address is %(address)s now.", address=found.payload))
    return redirect(url_for("account.account" if current_reader() else "auth.door"), code=303)


@blueprint.route("/account/password", methods=["GET", "POST"])
@login_required
@limiter.limit("10 per 15 minutes", methods=["POST"])
def password(reader: Reader) -> ResponseReturnValue:
    """Set a password; every other sign-in ends, and this one begins anew."""
    asks = reader.has_password and not came_by_link()
    if request.method != "POST":
        return render_template("account_password.html", asks=asks, errors={})
    wanted = request.form.get("new", "")
    errors = _proof(reader) if asks else {}
    if told := passwords.problem(wanted, reader.name, reader.email or ""):
        errors["new"] = told
    if errors:
        return render_template("account_password.html", asks=asks, errors=errors), 422
    hashed = passwords.hashed(wanted)
    with state().database.write() as session:
        accounts.set_password(session, reader.id, hashed)
        sessions.end_all(session, reader.id)
        new = begin(session, reader)
    remember(new)
    if reader.email:
        address, words = reader.email, letters.password_changed(reader.name, "/signin")
        letters.later(lambda: letters.send(reader.name, address, words))
    flash(_("Your password is set, and every other sign-in has ended."))
    return redirect(url_for("account.account"), code=303)


@blueprint.post("/account/sessions/end")
@login_required
def end_one(reader: Reader) -> ResponseReturnValue:
    """End one of the reader's sign-ins."""
    with state().database.write() as session:
        ended = sessions.end(session, reader.id, request.form.get("sign_in", ""))
    if not ended:
        abort(404, _("That sign-in has ended already."))
    flash(_("That sign-in has ended."))
    return redirect(url_for("account.account"), code=303)


@blueprint.post("/account/sessions/others")
@login_required
def end_others(reader: Reader) -> ResponseReturnValue:
    """End every sign-in of the reader but this one, and every link that would begin one."""
    with state().database.write() as session:
        sessions.end_all(session, reader.id, but=secret())
    flash(_("You are signed out everywhere else."))
    return redirect(url_for("account.account"), code=303)


def _ask_address(reader: Reader, wanted: str) -> ResponseReturnValue:
    """Write to a new address; a mail server that does not take the letter is named."""
    try:
        letters.ask_address(reader, wanted)
    except MailError as error:
        return _email_page(reader, wanted, {"email": _("The letter could not be sent: %(why)s.", why=str(error))}), 422
    if letters.is_sent():
        flash(_("A letter is on its way to %(address)s. The address is used once you confirm it there.", address=wanted))
    else:
        flash(_("This Broadsheet has no mail server: the letter to confirm the address is printed where Broadsheet runs."))
    return redirect(url_for("account.account"), code=303)


def _email_page(reader: Reader, wanted: str, errors: dict[str, str]) -> str:
    return render_template("account_email.html", reader=reader, email=wanted, errors=errors)


def _email_errors(reader: Reader, wanted: str) -> dict[str, str]:
    """Return what is wrong, by field. Whether an address is somebody else's is told only to who reads its mail."""
    errors = _proof(reader)
    if wanted and not is_address(wanted):
        errors["email"] = str(letters.NO_ADDRESS)
    elif not wanted and not reader.has_password and not reader.is_owner:
        errors["email"] = _("Set a password first: without one and without an address you could not come back.")
    return errors


def _proof(reader: Reader) -> dict[str, str]:
    """Ask for the present password, where there is one: a browser left open is no proof of who sits before it."""
    with state().database.read() as session:
        kept = accounts.password_of(session, reader.id)
    given = request.form.get("current", "")[: passwords.MOST + 1]
    return {} if kept is None or passwords.is_right(kept, given) else {"current": _("This is not your present password.")}

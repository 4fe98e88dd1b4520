"""An address and an hour in, a subscription to what everyone reads out: for people without an account, once they confirmed it.

Nothing is stored of somebody who only asks: address, hours and language travel signed in the mailed link, and the subscription is made
when the button behind it is pressed. The answer to who asks is the same for every address, known here or not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.hours import Schedule
from recommender.store import readers, subscribers, suppressions
from web import letters, schedules
from web.auth import state
from web.limits import by_address, count, limiter
from web.mail import is_address
from web.words import language

__all__ = ["CONFIRM", "TRAP", "blueprint", "is_open"]

CONFIRM = "subscribe"  # purpose of the signed link
CONFIRM_LIVES = timedelta(days=1)
LETTERS, A_DAY_S = 3, 86400  # to one mailbox, whoever asks
TRAP = "website"  # a field that people do not see and programs fill in
USUAL = {"email": "", "when": "day", "hour": "7", "zone": "UTC"}

blueprint = Blueprint("subscribe", __name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, as it travels in the link."""

    email: str
    schedule: Schedule
    locale: str

    def packed(self) -> list[Any]:
        """Return it as a link carries it."""
        when = self.schedule
        return [self.email, when.hour, when.time_zone, when.every, when.weekday, self.locale]

    @classmethod
    def unpacked(cls, told: list[Any]) -> Wish:
        """Return what a link carries."""
        email, *when, locale = told
        return cls(email, Schedule(*when), locale)


@blueprint.app_template_global("takes_subscribers")
def is_open() -> bool:
    """Whether people without an account can have what everyone reads by mail: the owner lets them, and mail reaches them.

    In a closed house what is read stays with those who have an account.
    """
    app = state()
    return app.settings.mail.trending and app.settings.web.signup != "closed" and letters.is_sent()


@blueprint.before_request
def _door() -> None:
    if not is_open():
        abort(404, _("What everyone reads is not mailed from here to people without an account."))


@blueprint.get("/subscribe")
def form() -> ResponseReturnValue:
    """Show the form."""
    return _form(USUAL, {})


@blueprint.post("/subscribe")
@limiter.limit("10 per hour", key_func=by_address)
def ask() -> ResponseReturnValue:
    """Take an address and write to it; the answer is the same whosever it is."""
    if request.form.get(TRAP):
        return redirect(url_for("subscribe.asked"), code=303)
    typed = {name: " ".join(request.form.get(name, usual).split())[:400] for name, usual in USUAL.items()}
    schedule, errors = schedules.read(typed, Schedule(int(USUAL["hour"])))
    if not is_address(typed["email"]):
        errors["email"] = str(letters.NO_ADDRESS)
    if errors:
        return _form(typed, errors), 422
    wish = Wish(typed["email"].lower(), schedule, language())
    mailbox = hashlib.sha256(wish.email.encode()).hexdigest()[:32]  # the address itself is kept nowhere
    count(f"subscribe:{mailbox}", limit=LETTERS, window_s=A_DAY_S)
    letters.later(lambda: _write(wish))
    return redirect(url_for("subscribe.asked"), code=303)


@blueprint.get("/subscribe/asked")
def asked() -> ResponseReturnValue:
    """Say that a letter is on its way."""
    return render_template("subscribe.html", asked=True)


@blueprint.route("/subscribe/<token>", methods=["GET", "POST"])
@limiter.limit("20 per hour", key_func=by_address, methods=["POST"])
def confirm(token: str) -> ResponseReturnValue:
    """Show a button; begin the subscription when it is pressed. Opening the link does nothing, for programs open it too."""
    app = state()
    told = app.signer.read(CONFIRM, token, CONFIRM_LIVES.total_seconds())
    if not isinstance(told, list):
        abort(404, _("This link is too old, or not whole. Ask for another one."))
    wish = Wish.unpacked(told)
    with app.database.read() as session:
        reader = readers.by_email(session, wish.email)
        silent = bool(suppressions.among(session, [wish.email]))
    leave = ""
    if request.method == "POST" and reader is None and not silent:
        with app.database.write() as session:
            reader = readers.by_email(session, wish.email)  # who may have confirmed it for an account in between
            if reader is None:
                made = subscribers.confirm(session, wish.email, wish.schedule, locale=wish.locale, now=app.clock())
                leave = app.signer.sign("leave", {"s": made.id})
    return render_template(
        "subscribe_confirm.html",
        address=wish.email,
        when=schedules.when_words(wish.schedule),
        reader=reader is not None,
        silent=silent,
        leave=leave,
    )


def _write(wish: Wish) -> None:
    """Write to who asks, if that reaches them; runs after the answer, so that the answer tells nothing."""
    app = state()
    with app.database.read() as session:
        reader = readers.by_email(session, wish.email)
        silent = suppressions.among(session, [wish.email])
    if silent or (reader is not None and reader.disabled_at is not None):
        return
    if reader is not None:
        letters.send(reader.name, wish.email, letters.own_page(reader.name, "/account"))
        return
    token = app.signer.sign(CONFIRM, wish.packed())
    letters.send("", wish.email, letters.confirm_subscription(schedules.when_words(wish.schedule), f"/subscribe/{token}"))


def _form(typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template(
        "subscribe.html",
        asked=False,
        form=typed,
        errors=errors,
        trap=TRAP,
        choices=schedules.choices(),
        zones=schedules.zones(),
    )

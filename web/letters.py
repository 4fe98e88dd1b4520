"""A reader and what happened in, a short plain letter on its way out: sign-in links, addresses to confirm, changes to know of.

A request waits for the mail server only where the reader must know whether it took the letter. Otherwise the letter leaves a
moment later, so that nobody can tell from the answer, or from how long it took, whether there is somebody to write to.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import cast

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender.errors import BroadsheetError
from recommender.store import readers, sessions
from recommender.store.readers import Reader
from web.auth import state
from web.links import absolute, host
from web.mail import Mailer, make_note, open_mailer, redacted
from web.words import language

__all__ = [
    "NEW_ADDRESS",
    "NO_ADDRESS",
    "address_changed",
    "already_a_reader",
    "ask_address",
    "confirm_address",
    "confirm_subscription",
    "is_sent",
    "later",
    "mailer",
    "own_page",
    "password_changed",
    "send",
    "sign_in_link",
    "use",
    "wait",
    "welcome",
]

NEW_ADDRESS = "email"  # purpose of the token that confirms an address
NEW_ADDRESS_LIVES = timedelta(hours=24)
NO_ADDRESS = _l("This is not an e-mail address that mail can be sent to: write it like reader@example.org, without accents.")
PATIENCE_S = 8.0  # how long somebody who waits for a page waits for the mail server
_MAILER, _LATER = "broadsheet.mailer", "broadsheet.later"
_log = logging.getLogger(__name__)

Words = tuple[str, str]  # subject and text


def is_sent() -> bool:
    """Whether letters reach people: without a mail server they are only printed where Broadsheet runs."""
    return state().settings.mail.mailer != "console"


def send(to_name: str, to_address: str, words: Words) -> None:
    """Hand a letter over now.

    Raises
    ------
    MailError
        If the address is malformed or the mail server does not take it.
    """
    app = state()
    subject, text = words
    message = make_note(
        to_name=to_name,
        to_address=to_address,
        subject=subject,
        text=text,
        message_id=f"note-{secrets.token_hex(12)}@{host(app.settings)}",
        sender=app.settings.mail.sender,
        now=app.clock(),
    )
    mailer().send(message)


def later(task: Callable[[], None]) -> None:
    """Do something after the answer, in the language of the page; what fails is only written to the log."""
    locale = language()
    app = cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]  # of the proxy

    def run() -> None:
        with app.app_context(), force_locale(locale):
            try:
                task()
            except BroadsheetError as error:
                _log.error("a letter was not sent: %s", redacted(str(error)))
            except Exception as error:  # a thread of its own: nobody else would hear of it
                _log.error("a letter was not sent: %s", type(error).__name__)

    _executor(app).submit(run)


def wait() -> None:
    """Wait until every letter that was to leave later has left."""
    _executor(current_app).submit(lambda: None).result()


def use(app: Flask, mailer: Mailer) -> None:
    """Let the application's letters leave this way."""
    app.extensions[_MAILER] = mailer


def sign_in_link(name: str, path: str) -> Words:
    """Write the letter with a link that signs in."""
    text = _(
        "Hello %(name)s,\n\nthis link signs you in to Broadsheet. It works once, within ten minutes:\n\n%(link)s\n\n"
        "If you did not ask for it, you need do nothing: nobody can use it without this letter.\n",
        name=name,
        link=_link(path),
    )
    return str(_("Sign in to Broadsheet")), str(text)


def welcome(name: str, path: str) -> Words:
    """Write the letter that confirms an address before there is an account."""
    text = _(
        "Hello %(name)s,\n\nthis link finishes your account at Broadsheet. It works within a day:\n\n%(link)s\n\n"
        "If you did not ask for an account, you need do nothing: none is made.\n",
        name=name,
        link=_link(path),
    )
    return str(_("Finish your Broadsheet account")), str(text)


def already_a_reader(name: str, path: str) -> Words:
    """Write to somebody who signs up a second time."""
    text = _(
        "Hello %(name)s,\n\nsomebody, probably you, asked for a Broadsheet account with this address. You have one already, "
        "under the name %(name)s. Sign in here:\n\n%(link)s\n",
        name=name,
        link=_link(path),
    )
    return str(_("You have a Broadsheet account")), str(text)


def ask_address(reader: Reader, address: str) -> None:
    """Write to an address that a reader says is theirs; the link in the letter takes the place of an earlier one's.

    Raises
    ------
    MailError
        If the letter could not be handed over; then no link works.
    """
    app = state()
    with app.database.write() as session:
        sessions.withdraw_tokens(session, reader.id, NEW_ADDRESS)
        now, lives = app.clock(), NEW_ADDRESS_LIVES
        token = readers.issue_token(session, reader.id, NEW_ADDRESS, now=now, lives=lives, payload=address)
    try:
        send(reader.name, address, confirm_address(reader.name, f"/account/email/{token}"))
    except BroadsheetError:
        with app.database.write() as session:
            sessions.withdraw_tokens(session, reader.id, NEW_ADDRESS)
        raise


def confirm_address(name: str, path: str) -> Words:
    """Write to an address that a reader says is theirs."""
    text = _(
        "Hello,\n\n%(name)s wants to use this address at Broadsheet. If that is you, confirm it within a day:\n\n%(link)s\n\n"
        "If not, you need do nothing: the address is not used.\n",
        name=name,
        link=_link(path),
    )
    return str(_("Confirm your address for Broadsheet")), str(text)


def confirm_subscription(when: str, path: str) -> Words:
    """Write to an address to which what everyone reads is to be mailed."""
    text = _(
        "Hello,\n\nsomebody, probably you, wants to have what everyone reads at Broadsheet mailed to this address, %(when)s. It "
        "begins once you press the button behind this link, within a day:\n\n%(link)s\n\n"
        "If you did not ask for it, you need do nothing: nothing is sent, and the address is not kept.\n",
        when=when,
        link=_link(path),
    )
    return str(_("Confirm your subscription to Broadsheet")), str(text)


def own_page(name: str, path: str) -> Words:
    """Write to a reader who asks for what everyone reads."""
    text = _(
        "Hello %(name)s,\n\nsomebody, probably you, wants to have what everyone reads at Broadsheet mailed to this address. You have "
        "an account, under the name %(name)s, and so a page of your own, which can be mailed instead. Set its hour here:\n\n"
        "%(link)s\n",
        name=name,
        link=_link(path),
    )
    return str(_("You have a Broadsheet of your own")), str(text)


def address_changed(name: str, path: str) -> Words:
    """Write to the old address that there is a new one."""
    text = _(
        "Hello %(name)s,\n\nyour Broadsheet account now has another e-mail address; this one is no longer used. If that was not "
        "you, tell whoever runs this Broadsheet at once:\n\n%(link)s\n",
        name=name,
        link=_link(path),
    )
    return str(_("Your address at Broadsheet was changed")), str(text)


def password_changed(name: str, path: str) -> Words:
    """Write that the password is another one now."""
    text = _(
        "Hello %(name)s,\n\nthe password of your Broadsheet account was changed, and every other sign-in has ended. If that was "
        "not you, sign in with a link by mail and set another one:\n\n%(link)s\n",
        name=name,
        link=_link(path),
    )
    return str(_("Your Broadsheet password was changed")), str(text)


def _link(path: str) -> str:
    return absolute(state().settings, path)


def mailer() -> Mailer:
    """Return what letters leave by; it waits no longer for the mail server than somebody waits for a page."""
    kept = current_app.extensions.get(_MAILER)
    if kept is None:
        mail = state().settings.mail
        kept = open_mailer(mail.model_copy(update={"timeout_s": min(mail.timeout_s, PATIENCE_S)}))
        current_app.extensions[_MAILER] = kept
    return cast("Mailer", kept)


def _executor(app: Flask) -> ThreadPoolExecutor:
    """Return the one thread that sends what need not be waited for; made inside the process that serves, not before its fork."""
    if _LATER not in app.extensions:
        app.extensions[_LATER] = ThreadPoolExecutor(1, thread_name_prefix="letters")
    return cast("ThreadPoolExecutor", app.extensions[_LATER])

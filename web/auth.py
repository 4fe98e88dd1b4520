"""A request in, who is asking out: the application's shared state, sign-in by a one-time link, sessions kept on the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from recommender.daily import Rankers
from recommender.settings import Settings
from recommender.store import readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from web import links

__all__ = ["State", "blueprint", "current_reader", "is_visit", "login_required", "owner_link", "state"]

LINK_LIVES = timedelta(hours=24)
SIGN_IN = "signin"  # purpose of the one-time token, and the name under which the cookie holds the sign-in's secret

blueprint = Blueprint("auth", __name__)
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class State:
    """What every request shares.

    Attributes
    ----------
    settings : Settings
    database : Database
    rankers : Rankers
        Loaded models, one cache per process.
    clock : callable
        Returns the present moment, aware, in UTC.
    signer : Signer
        Of links that leave the site.
    """

    settings: Settings
    database: Database
    rankers: Rankers
    clock: Callable[[], datetime]
    signer: links.Signer


def state() -> State:
    """Return what the running application shares between requests."""
    return cast("State", current_app.extensions["broadsheet"])


def owner_link(database: Database, settings: Settings, now: datetime) -> str:
    """Return a link that signs the owner in once, within a day; the owner is made on the first run.

    Raises
    ------
    StoreError
        If the owner's name is taken by somebody who is not the owner.
    """
    with database.write() as writing:
        owner = readers.owner(writing) or readers.create(writing, "owner", now=now, is_owner=True)
        token = readers.issue_token(writing, owner.id, SIGN_IN, now=now, lives=LINK_LIVES)
    return links.absolute(settings, f"/signin/{token}")


def current_reader() -> Reader | None:
    """Return who is signed in, or None; asked of the database once per request."""
    if "reader" not in g:
        secret = session.get(SIGN_IN)
        g.reader = None
        if secret:
            with state().database.read() as reading:
                g.reader = readers.reader_of_session(reading, str(secret), now=state().clock())
    return cast("Reader | None", g.reader)


def login_required(
    view: Callable[Concatenate[Reader, P], ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Give the view the signed-in reader as its first argument; without one the answer is 401."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        reader = current_reader()
        if reader is None:
            abort(401)
        return view(reader, *args, **kwargs)

    return guarded


def is_visit() -> bool:
    """Whether somebody will see the answer: not a HEAD, and not fetched ahead by a browser that guesses."""
    ahead = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return request.method != "HEAD" and "prefetch" not in ahead.lower()


@blueprint.get("/signin/<token>")
def signin(token: str) -> ResponseReturnValue:
    """Sign the owner in with the link from the terminal; it works once, and not for whoever only looks ahead."""
    if not is_visit():
        return "", 204
    app = state()
    now, lives = app.clock(), timedelta(days=app.settings.web.session_days)
    with app.database.write() as writing:
        reader = readers.redeem_token(writing, token, SIGN_IN, now=now)
        secret = None
        if reader is not None:
            readers.touch(writing, reader.id, now)
            secret = readers.open_session(writing, reader.id, now=now, lives=lives, agent=request.user_agent.string)
    if secret is None:
        if current_reader() is not None:  # a second press of the same link
            return redirect(url_for("today.front"))
        return render_template("signin.html", spent=True), 401
    session.clear()  # nothing of the visit before the sign-in lives on, its form tokens included
    session[SIGN_IN] = secret
    session.permanent = True
    return redirect(url_for("today.front"))


@blueprint.post("/signout")
@login_required
def signout(_reader: Reader) -> ResponseReturnValue:
    """End the sign-in on the server: a copy of the cookie is worth nothing from now on."""
    with state().database.write() as writing:
        readers.close_session(writing, str(session.get(SIGN_IN)))
    session.clear()
    return redirect(url_for("today.front"), code=303)

"""A request in, who is asking out: the application's shared state, sign-ins that live on the server, and who may see a view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from flask import abort, current_app, g, request, session
from flask.typing import ResponseReturnValue

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.settings import Settings
from recommender.store import readers, sessions
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from web import links

__all__ = [
    "SIGN_IN",
    "State",
    "begin",
    "came_by_link",
    "current_reader",
    "forget",
    "is_visit",
    "login_required",
    "note_seen",
    "owner_link",
    "owner_required",
    "remember",
    "secret",
    "state",
]

LINK_LIVES = timedelta(hours=24)
LINK_PROVES = timedelta(minutes=15)  # how long a sign-in by a link stands for the password that was forgotten
BY_LINK = "by-link"  # the name under which the cookie holds when that was
SIGN_IN = "signin"  # purpose of the one-time token, and the name under which the cookie holds the sign-in's secret

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
    desk : Desk
        Where readers' pages are made, what they have in common once per process.
    """

    settings: Settings
    database: Database
    rankers: Rankers
    clock: Callable[[], datetime]
    signer: links.Signer
    desk: Desk


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


def owner_required(
    view: Callable[Concatenate[Reader, P], ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Give the view the owner as its first argument; for other readers there is nothing here (404), without a sign-in it is 401."""

    @wraps(view)
    def guarded(reader: Reader, /, *args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not reader.is_owner:
            abort(404)
        return view(reader, *args, **kwargs)

    return login_required(guarded)


def is_visit() -> bool:
    """Whether somebody will see the answer: not a HEAD, and not fetched ahead by a browser that guesses."""
    ahead = " ".join(request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return request.method != "HEAD" and "prefetch" not in ahead.lower()


def begin(writing: Session, reader: Reader) -> str:
    """Begin a sign-in and return its secret, which `remember` puts into the cookie; the one the cookie held before ends."""
    app = state()
    now, lives = app.clock(), timedelta(days=app.settings.web.session_days)
    if before := session.get(SIGN_IN):
        readers.close_session(writing, str(before))
    readers.touch(writing, reader.id, now)
    sessions.prune(writing, now)
    return readers.open_session(writing, reader.id, now=now, lives=lives, agent=request.user_agent.string)


def note_seen(writing: Session, reader: Reader) -> None:
    """Note that the reader was here, and with which sign-in."""
    readers.touch(writing, reader.id, state().clock())
    sessions.seen(writing, secret(), state().clock())


def remember(secret: str, *, by_link: bool = False) -> None:
    """Put a new sign-in into the cookie; nothing of the visit before it lives on, its form tokens included.

    Parameters
    ----------
    secret : str
    by_link : bool, default=False
        Whether a link proved who it is, and not a password.
    """
    session.clear()
    session[SIGN_IN] = secret
    if by_link:
        session[BY_LINK] = int(state().clock().timestamp())
    session.permanent = True
    for name in ("reader", "csrf_token"):
        g.pop(name, None)


def came_by_link() -> bool:
    """Whether this sign-in was begun by a link a moment ago: who forgot a password sets another one then."""
    since = session.get(BY_LINK)
    return isinstance(since, int) and 0 <= state().clock().timestamp() - since < LINK_PROVES.total_seconds()


def secret() -> str:
    """Return the secret of this sign-in; empty without one."""
    return str(session.get(SIGN_IN) or "")


def forget() -> None:
    """End this sign-in on the server and in the cookie: a copy of the cookie is worth nothing from now on."""
    with state().database.write() as writing:
        readers.close_session(writing, secret())
    session.clear()
    g.pop("reader", None)

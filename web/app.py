"""DOOR: settings in, the HTTP application out: views, headers, cookies, the guard against forged requests, pages for errors."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_compress import Compress
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFError, CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.datastructures import ImmutableMultiDict, iter_multi_items
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.errors import BroadsheetError, StoreError
from recommender.settings import Settings
from recommender.store.db import Database, explain, open_database
from web import (
    account,
    api,
    auth,
    credentials,
    discussion,
    everyone,
    export,
    feedback,
    feeds,
    formulas,
    interests,
    keys,
    learned,
    limits,
    links,
    mailed,
    measured,
    moderation,
    operations,
    owner,
    paper,
    people,
    postroom,
    rules,
    search,
    sharing,
    shelf,
    signin,
    signup,
    start,
    status,
    submit,
    subscribe,
    today,
    words,
)
from web.auth import State, current_reader
from web.cards import anchor

__all__ = ["create_app"]

MAX_BODY = 1_000_000  # bytes of one form
RETRY_AFTER_S = 5
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
WORDS = {
    400: (_l("That request was not understood"), _l("Go back, reload the page and try again.")),
    401: (_l("Sign in"), _l("Use the link that Broadsheet printed.")),
    403: (_l("That request came from another site"), _l("Open Broadsheet itself and use its own buttons.")),
    404: (_l("There is nothing here"), _l("Check the address, or start from the newest edition.")),
    405: (_l("That is not how this page is used"), _l("Go back and use the buttons of the page.")),
    413: (_l("That was too long"), _l("Send less at once: a form may hold a megabyte.")),
    429: (_l("That was too often"), _l("Wait a little, then try again.")),
    500: (
        _l("Something went wrong here"),
        _l("It is written down in the log. Try again; if it stays, tell whoever runs this Broadsheet."),
    ),
    503: (_l("Broadsheet is busy"), _l("Nothing is lost. Try again in a few seconds.")),
}
_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


class Written(ImmutableMultiDict[str, Any]):
    """Parameters and fields as they were sent, but for the one letter that no database holds as text."""

    def __init__(self, sent: Any = ()) -> None:
        super().__init__((name, _storable(value)) for name, value in iter_multi_items(sent))


class Asked(Request):
    """A request whose parameters and fields can be looked up, and stored."""

    parameter_storage_class = Written


def _storable(value: Any) -> Any:
    return value.replace("\x00", " ") if isinstance(value, str) else value


def create_app(settings: Settings, *, database: Database | None = None, clock: Callable[[], datetime] = utc_now) -> Flask:
    """Make the application that serves one Broadsheet.

    Parameters
    ----------
    settings : Settings
    database : Database, default=None
        An open one; None opens the one that the settings name.
    clock : callable, default=utc_now
        Returns the present moment.

    Raises
    ------
    SettingsError
        If the secret key is too short or cannot be kept, or the database's address cannot be understood.
    """
    app = Flask(__name__)
    app.request_class = Asked
    _prepare_templates(app, settings)  # first: the templates' rules are fixed when anything looks at them
    secret = links.secret_key(settings)
    opened, rankers = database or open_database(settings.url), Rankers(settings.models_folder)
    app.extensions["broadsheet"] = State(
        settings=settings,
        database=opened,
        rankers=rankers,
        clock=clock,
        signer=links.Signer(secret),
        desk=Desk(opened, rankers, settings.rank),
    )
    _configure(app, settings, secret)
    if settings.web.proxies:  # limits count by address, and a proxy's own would be everybody's
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.web.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    app.url_value_preprocessor(_read_address)
    app.before_request(_check_host)
    app.before_request(_check_origin)
    app.before_request(_allow_upload)  # before the guard reads the form
    words.install(app)
    limits.install(app)
    Compress(app)
    csrf = CSRFProtect(app)
    talisman = _set_headers(app, secure=_is_secure(settings))
    for room in (
        signin,
        signup,
        subscribe,
        credentials,
        export,
        today,
        feedback,
        paper,
        account,
        status,
        mailed,
        shelf,
        sharing,
        everyone,
        people,
        discussion,
        submit,
        interests,
        learned,
        rules,
        search,
        owner,
        postroom,
        measured,
        moderation,
        api,
        feeds,
        keys,
        start,
    ):
        app.register_blueprint(room.blueprint)
    csrf.exempt(api.blueprint)  # it takes no cookie where something is changed
    csrf.exempt(mailed.blueprint)  # the signature in a mail's link stands for its reader: no cookie speaks there
    for probe in ("status.healthz", "status.readyz"):
        talisman(force_https=False)(app.view_functions[probe])  # asked from this very machine, without the proxy
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    return app


def _is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


def _configure(app: Flask, settings: Settings, secret: str) -> None:
    secure = _is_secure(settings)
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="__Host-broadsheet" if secure else "broadsheet",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.web.session_days),
        MAX_CONTENT_LENGTH=MAX_BODY,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        WTF_CSRF_TIME_LIMIT=None,  # a page left open over night still takes votes; a new sign-in makes new tokens
        WTF_CSRF_SSL_STRICT=False,  # _check_origin does this by headers that privacy settings do not remove
    )


def _check_host() -> None:
    """Answer only to names that are ours, so that no other name's page can be made to speak for this one."""
    ours = {urlsplit(auth.state().settings.public_url).hostname, "localhost", "127.0.0.1", "::1"}
    try:
        host = urlsplit(f"//{request.host}").hostname
    except ValueError:
        host = None
    if host not in ours:
        abort(400, "This Broadsheet is not known by that name. Whoever runs it can set BROADSHEET_WEB__PUBLIC_URL.")


def _check_origin() -> None:
    """Refuse what another site made a browser send; a client that says nothing of its origin still needs the form's token."""
    if request.method in SAFE_METHODS or request.blueprint == mailed.blueprint.name:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = {urlsplit(address).netloc for address in (request.host_url, auth.state().settings.public_url)}
    if site is not None and site not in ("same-origin", "none"):
        abort(403)
    if origin is not None and (origin == "null" or urlsplit(origin).netloc not in own):
        abort(403)


def _read_address(_endpoint: str | None, named: dict[str, Any] | None) -> None:
    """Let an address name nothing that could not be stored: it is looked up, and not found."""
    if named:
        named.update({name: _storable(value) for name, value in named.items()})


def _allow_upload() -> None:
    start.allow_upload(request)


def _set_headers(app: Flask, *, secure: bool) -> Talisman:
    @app.after_request  # of these the first runs last: by then the policy is set
    def let_forms_lead_on(response: Response) -> Response:
        """Let the forms of one page lead to one other origin, which its view names: a browser holds the answer to a form to this."""
        if further := g.get("form_action"):
            policy = response.headers["Content-Security-Policy"]
            response.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", f"form-action 'self' {further}")
        return response

    talisman = Talisman(
        app,
        force_https=secure,
        strict_transport_security=secure,
        strict_transport_security_include_subdomains=False,
        session_cookie_secure=secure,
        session_cookie_samesite="Lax",
        frame_options="DENY",
        referrer_policy="same-origin",
        content_security_policy=CONTENT_SECURITY_POLICY,
    )

    @app.after_request
    def more_headers(response: Response) -> Response:
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if request.endpoint == "static":
            response.direct_passthrough = False
            response.make_sequence()  # read whole, so that the file is closed when it was compressed
            known = "v" in request.args and response.status_code == 200
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if known else "no-cache"
        else:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return talisman


def _prepare_templates(app: Flask, settings: Settings) -> None:
    app.jinja_options = {**app.jinja_options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters.update(maths=formulas.maths, plain=formulas.plain, anchor=anchor)
    app.jinja_env.globals.update(asset=_asset, sample=settings.is_sample, who=current_reader, endpoints=app.view_functions)


@lru_cache(maxsize=64)
def _digest(path: Path) -> str:
    """Name a static file by what is in it; files do not change while the process lives."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _asset(name: str) -> str:
    """Return the address of a static file, which changes with its content and may be kept for ever."""
    folder = Path(cast("str", current_app.static_folder))
    return url_for("static", filename=name, v=_digest(folder / name))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer a refusal with a page that says what to do."""
    if error.code is None or error.code < 400 or error.response is not None:
        return error.get_response()
    if operations.owns(request.path):
        return operations.refuse(error.code, error.description or "", allow=error.get_response().headers.get("Allow"))
    if error.code == 401:
        after = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return signin.page(after=after), 401
    told = None if error.description == type(error).description or isinstance(error, CSRFError) else error.description
    if isinstance(error, CSRFError):
        told = gettext("The form was too old, or cookies are switched off. Reload the page and press the button again.")
    return _error_page(error.code, limits.when() if error.code == 429 else told)


def _unexpected(error: Exception) -> ResponseReturnValue:
    """Answer a failure; one of the database's says what it is, and asks to come back."""
    known = error if isinstance(error, BroadsheetError) else _store_error(error)
    if isinstance(known, StoreError):
        _log.error("%s %s: %s", request.method, request.path, known)
        return _error_page(503, f"{str(known)[:1].upper()}{str(known)[1:]}.")
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _error_page(500, None)


def _store_error(error: Exception) -> StoreError | None:
    """Translate a database driver's complaint, known by the driver's own error that it carries."""
    return explain(cast("Any", error)) if getattr(error, "orig", None) is not None else None


def _error_page(code: int, told: str | None) -> ResponseReturnValue:
    title, advice = map(str, WORDS.get(code, WORDS[500] if code >= 500 else WORDS[400]))
    wait_s = limits.retry_after_s() if code == 429 else RETRY_AFTER_S
    headers = {"Retry-After": str(wait_s)} if code in (429, 503) else {}
    if operations.owns(request.path):
        return operations.refuse(code, told or advice, headers=headers)
    return render_template("error.html", code=code, title=title, advice=told or advice), code, headers

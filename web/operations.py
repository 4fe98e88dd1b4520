"""A view in, an operation of the API out: who asks, what was sent, how it is answered and refused, and what is documented of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, abort, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from recommender.store import keys, readers
from recommender.store.readers import Reader
from web import limits, schemas
from web.auth import current_reader, is_visit, state
from web.openapi import PROBLEM, Operation
from web.schemas import Problem

__all__ = ["OPERATIONS", "PER_MINUTE", "ROOT", "blueprint", "operation", "owns", "refuse"]

ROOT = "/api/v1"
PER_MINUTE = 240  # requests of one token
OPERATIONS: list[Operation] = []  # in the order in which the views were written
REALM = 'Bearer realm="Broadsheet"'

blueprint = Blueprint("api", __name__)
Query = TypeVar("Query", bound=BaseModel)


def owns(path: str) -> bool:
    """Whether an address belongs to the API, and is answered in JSON whatever happens."""
    return path.startswith(f"{ROOT}/")


def refuse(
    code: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    allow: str | None = None,
    errors: Sequence[schemas.Fault] = (),
) -> Response:
    """Return a refusal as RFC 9457 writes it."""
    title = HTTPStatus(code).phrase if code in set(HTTPStatus) else "Refused"
    body = Problem(type="about:blank", title=title, status=code, detail=detail, errors=list(errors)).model_dump_json()
    response = Response(body, status=code, content_type=PROBLEM, headers=headers)
    if allow:
        response.headers["Allow"] = allow
    if code == 401:
        response.headers["WWW-Authenticate"] = REALM
    return response


def operation(
    path: str,
    *,
    answer: type[BaseModel],
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    method: str = "GET",
    refusals: tuple[int, ...] = (),
) -> Callable[[Callable[..., BaseModel]], Callable[..., ResponseReturnValue]]:
    """Make a view an operation of the API: what it takes is checked, what it gives is named by its ETag, and both are documented."""

    def register(view: Callable[..., BaseModel]) -> Callable[..., ResponseReturnValue]:
        summary, _, description = (view.__doc__ or "").partition("\n")
        OPERATIONS.append(
            Operation(
                method, path, view.__name__, summary.rstrip("."), " ".join(description.split()), query, body, answer, refusals
            )
        )

        @wraps(view)
        def door(**named: str) -> ResponseReturnValue:
            if request.accept_mimetypes and not request.accept_mimetypes.best_match(["application/json", PROBLEM]):
                abort(406, "The API answers in JSON: accept `application/json`.")
            reader = _asking(votes=method != "GET")
            taken: list[BaseModel] = []
            if query is not None:
                taken.append(_checked(query, _parameters()))
            elif request.args:
                _checked(schemas.Nothing, _parameters())
            if body is not None:
                taken.append(_checked(body, _sent()))
            given = view(reader, *taken, **named)
            return _answer(given, named=method == "GET")

        rule = ROOT + path.replace("{paper_id}", "<path:paper_id>")
        limited = limits.limiter.limit(f"{PER_MINUTE} per minute", key_func=_who_counts)(door)
        blueprint.add_url_rule(rule, endpoint=view.__name__, view_func=limited, methods=[method])
        return door

    return register


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> ResponseReturnValue:
    """Answer a refusal in JSON; the manual's own are pages, and not the API's."""
    if not owns(request.path) or error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 429:
        return refuse(429, limits.when(), headers={"Retry-After": str(limits.retry_after_s())})
    return refuse(error.code, error.description or "", errors=g.get("faults", ()))


def _asking(*, votes: bool) -> Reader:
    """Return who asks; a browser's cookie may read and not vote, so that no other site can vote through it."""
    app = state()
    if request.headers.get("Authorization"):
        key = _key()
        if key is None:
            abort(401, "This token is not known, or it was revoked. Make a new one on the page “Feeds and API”.")
        with app.database.read() as session:
            reader = readers.by_id(session, key.reader_id)
        if reader is None or reader.disabled_at is not None:
            abort(401, "This token is not known, or it was revoked. Make a new one on the page “Feeds and API”.")
        if is_visit() and keys.is_used_again(key, app.clock()):
            with app.database.write() as session:
                keys.touch(session, key.id, app.clock())
        return reader
    signed_in = current_reader()
    if signed_in is None:
        abort(401, "Send a token: `Authorization: Bearer …`. Make one on the page “Feeds and API”.")
    if votes:
        abort(403, "A sign-in does not vote through the API. Send a token: `Authorization: Bearer …`.")
    return signed_in


def _key() -> keys.Key | None:
    """Return the key that the request's token opens with, if it still does; asked of the database once per request."""
    if "api_key" not in g:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        g.api_key = None
        if scheme.lower() == "bearer":
            with state().database.read() as session:
                found = keys.by_secret(session, secret.strip())
            g.api_key = found if found is not None and found.revoked_at is None else None
    return cast("keys.Key | None", g.api_key)


def _who_counts() -> str:
    """Return for whom requests are counted: a token that is known, however it is written, a reader, or where they come from."""
    if request.headers.get("Authorization"):
        key = _key()
        return f"key:{key.id}" if key is not None else limits.by_address()
    return limits.by_reader()


def _parameters() -> dict[str, Any]:
    """Return what the address asks for; a parameter that comes twice is a list, which no parameter here may be."""
    return {name: found[0] if len(found) == 1 else found for name, found in request.args.lists()}


def _sent() -> Any:
    if request.mimetype != "application/json":
        abort(415, "Send the body as `application/json`.")
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        abort(422, "The body is not JSON.")


def _checked(model: type[Query], sent: Any) -> Query:
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        g.faults = [
            schemas.Fault(field=".".join(map(str, fault["loc"])) or "body", message=fault["msg"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ][:20]
        abort(422, "Some of what was sent is wrong: `errors` says what.")


def _answer(given: BaseModel, *, named: bool) -> Response:
    body = given.model_dump_json().encode()
    response = Response(body, content_type="application/json")
    response.headers["Vary"] = "Authorization, Cookie, Accept"
    if named:
        response.set_etag(hashlib.sha256(body).hexdigest()[:32], weak=True)  # a strong one would not survive compression
        response.make_conditional(request)
    return response

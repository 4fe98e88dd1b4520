"""Operations in, the OpenAPI document out: what the API takes and gives, told by the very models that check it.

Written by hand rather than by spectree: that reads a broken body as an empty one, checks before it knows who asks, knows neither
`application/problem+json` nor 304, and its pages load scripts from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.schemas import LONGEST_ID, PAPER_ID, Problem

__all__ = ["Operation", "document"]

REFERENCE = "#/components/schemas/{model}"
PROBLEM = "application/problem+json"
MEANINGS = {
    304: "Nothing changed since the answer with that ETag.",
    401: "No token, or one that is not known or was revoked.",
    403: "A token is needed here: a sign-in does not vote through the API.",
    404: "There is no such thing, or it is not yours.",
    406: "The API speaks JSON, and JSON was not accepted.",
    409: "What is said contradicts what is so.",
    413: "The body is too long.",
    415: "The body is not declared to be `application/json`.",
    422: "The request was understood, but something in it is wrong: `errors` says what.",
    429: "Too many requests: `Retry-After` says when to come back.",
    503: "The database is busy: `Retry-After` says when to come back.",
}
ETAG = {"ETag": {"description": "Names this answer; send it as `If-None-Match`.", "schema": {"type": "string"}}}
WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
ASK = {"WWW-Authenticate": {"description": "How to say who you are.", "schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing the API does.

    Attributes
    ----------
    method, path : str
        The path as OpenAPI writes it, below the API's own address.
    name : str
        Unique among all.
    summary, description : str
    query, body : type of BaseModel or None
        What it takes.
    answer : type of BaseModel
        What it gives.
    refusals : tuple of int
        Statuses of its own, besides those that every operation may answer with.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel]
    refusals: tuple[int, ...] = ()


def document(operations: Sequence[Operation], *, title: str, version: str, server: str, cookie: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of some operations.

    Parameters
    ----------
    operations : sequence of Operation
    title, version, server : str
    cookie : str
        The name of the cookie that a sign-in on the site leaves.
    """
    models: dict[type[BaseModel], JsonSchemaMode] = {operation.answer: "serialization" for operation in operations}
    models |= {operation.body: "validation" for operation in operations if operation.body is not None}
    models[Problem] = "serialization"
    _names, defined = models_json_schema(list(models.items()), ref_template=REFERENCE)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Daily papers, everyone's and yours. Send a token that you made on the page “Feeds and API”.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": defined.get("$defs", {}),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of yours."},
                "signedIn": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie,
                    "description": "A sign-in on the site: reading only.",
                },
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    reads = operation.method == "GET"
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [*_in_path(operation), *(_in_query(operation.query) if operation.query else [])],
        "security": [{"token": []}, {"signedIn": []}] if reads else [{"token": []}],
        "responses": _responses(operation, reads=reads),
    }
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(operation.body)}}}
    return told


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    if "{paper_id}" not in operation.path:
        return []
    schema = {"type": "string", "pattern": PAPER_ID, "maxLength": LONGEST_ID, "examples": ["arxiv:2601.01234"]}
    return [{"name": "paper_id", "in": "path", "required": True, "description": "The paper's id.", "schema": schema}]


def _in_query(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": told.get("description", ""),
            "schema": {key: value for key, value in told.items() if key not in ("title", "description") and value != ""},
        }
        for name, told in schema["properties"].items()
    ]


def _responses(operation: Operation, *, reads: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "OK", "content": {"application/json": {"schema": _reference(operation.answer)}}}
    if reads:
        answer["headers"] = ETAG
    found: dict[str, Any] = {"200": answer}
    common = (304, 401, 406, 422, 429, 503) if reads else (401, 403, 406, 413, 415, 422, 429, 503)
    for code in sorted({*common, *operation.refusals}):
        found[str(code)] = _refusal(code)
    return found


def _refusal(code: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": MEANINGS.get(code, HTTPStatus(code).phrase)}
    if code == 304:
        return told
    told["content"] = {PROBLEM: {"schema": _reference(Problem)}}
    headers = WAIT if code in (429, 503) else ASK if code == 401 else {}
    return told | ({"headers": headers} if headers else {})


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}

"""The application on PostgreSQL: what only that database refuses is no failure of the site."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from factories import make_paper

from recommender.store import interests, papers, shelf
from recommender.store.db import Database
from recommender.store.readers import Reader

PAPER = make_paper(1)
pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_database: Database) -> Database:
    return postgres_database


@pytest.fixture
def kept(database: Database, alice: Reader, clock: Any) -> Database:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=clock())
        interests.create(session, alice.id, "Robots", now=clock())
        shelf.create(session, alice.id, "Reading", now=clock())
    return database


FORMS = [
    ("/shelf/collections", {"name": "a\x00b"}, 303),
    ("/shelf/mark", {"paper": PAPER.id, "action": "note", "note": "a\x00b"}, 303),
    ("/shelf/mark", {"paper": "a\x00b", "action": "read"}, 404),
    ("/shelf/collection/reading%00/share", {"public": "1"}, 404),
    ("/events", {"paper": "a\x00b", "kind": "upvote"}, 404),
    ("/interests", {"name": "a\x00b"}, 303),
    ("/rules", {"action": "must", "field": "phrase", "value": "a\x00b"}, 303),
    ("/keys/feed", {"label": "a\x00b"}, 303),
    ("/keys/token", {"label": "a\x00b"}, 201),
    ("/comments", {"paper": PAPER.id, "text": "\x00"}, 422),
]


@pytest.mark.parametrize(("path", "form", "status"), FORMS)
def test_a_letter_that_no_text_holds_is_none(
    kept: Database, signed_in: Any, path: str, form: dict[str, str], status: int
) -> None:
    assert signed_in.post(path, form).status_code == status


def test_an_address_with_such_a_letter_names_nothing(kept: Database, signed_in: Any) -> None:
    for path in ("/paper/%00", "/author/%00", "/shelf/collection/reading%00", "/interest/robots%00", "/owner/models/%00"):
        assert signed_in.get(path).status_code == 404, path
    assert signed_in.get("/search?q=%00").status_code == 200


@pytest.mark.parametrize("published", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_place_before_all_times_is_none(kept: Database, signed_in: Any, published: str) -> None:
    told = ["2027-05-20T00:00:00+00:00", 0.0, "2026-05-20", published, "arxiv:1"]
    cursor = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    assert signed_in.get(f"/api/v1/papers?cursor={cursor}").status_code == 404

"""The API's own document in, many requests out: nothing it answers is a failure, or is not written down."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from factories import DAY, NOW, fill, make_edition
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from schemathesis import GenerationMode

from recommender.settings import Settings
from recommender.store import interests, keys
from recommender.store.db import Database
from recommender.store.lists import Place
from recommender.store.readers import Reader
from web import limits
from web.listing import place_words

CURSORS = [place_words(Place(NOW, (0.0, NOW.date(), NOW, f"arxiv:2605.1000{number}"))) for number in range(5)]
EXAMPLES = 12
PAPER = make_edition(per_topic=1)[0].id
THERE = {"paper_id": PAPER, "paper": PAPER, "interest": "robots", "date": str(DAY), "item": None}
schemathesis.openapi.format("cursor", st.sampled_from(CURSORS))


OPERATIONS = [
    "/me",
    "/interests",
    "/papers",
    "/trending",
    "/papers/{paper_id}",
    "/papers/{paper_id}/similar",
    "/search",
    "/page",
    "/votes",
]


@pytest.fixture
def edition(database: Database, settings: Settings) -> Database:
    """A small edition: it is made anew for every operation."""
    fill(database, settings, make_edition(per_topic=1))
    return database


@pytest.fixture
def contract(edition: Database, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The document, as the application that it describes gives it."""
    monkeypatch.setattr(limits.limiter, "enabled", False)
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


@pytest.fixture
def token(edition: Database, alice: Reader) -> str:
    with edition.write() as session:
        interests.create(session, alice.id, "Robots", now=NOW)
        return keys.make_secret(session, alice.id, now=NOW)[1]


def test_every_operation_of_the_document_is_tried(contract: Any) -> None:
    assert sorted(contract) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", OPERATIONS)
def test_the_api_is_as_documented(contract: Any, token: str, path: str, mode: GenerationMode) -> None:
    """Requests as the document allows them are answered, others refused, each in a way that the document names."""
    operation = contract[path]["POST" if path == "/votes" else "GET"]
    answered: set[int] = set()

    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    @tries(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def holds(case: Any, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            _name_what_is_there(case)
        # compressed answers are not what schemathesis reads
        response = case.call_and_validate(headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
        answered.add(response.status_code)

    holds()
    assert mode is GenerationMode.NEGATIVE or 200 in answered, "no request got as far as an answer"


def _name_what_is_there(case: Any) -> None:
    """Let a request that is well written be about a paper, an interest or a day that there is."""
    for place in (case.path_parameters, case.query, case.body):
        for name, value in THERE.items():
            if isinstance(place, dict) and name in place:
                place[name] = value
            if isinstance(place, dict) and name == "item":
                place.pop(name, None)

"""Limits on views: counted in the database and by the application's clock, told with a time that is true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from recommender.settings import Settings
from recommender.store.db import Database
from recommender.store.readers import Reader
from web.app import create_app
from web.limits import by_address, by_reader, limiter


@pytest.fixture
def limited(app: Flask) -> Flask:
    """An application with one more page, for three looks a minute by reader, and one for three by address."""

    @limiter.limit("3 per minute", key_func=by_reader)
    def mine() -> str:
        return "mine"

    @limiter.limit("3 per minute", key_func=by_address)
    def ours() -> str:
        return "ours"

    app.add_url_rule("/mine", view_func=mine)
    app.add_url_rule("/ours", view_func=ours)
    return app


def test_a_request_too_many_is_told_when_to_come_back(limited: Flask, clock: Any) -> None:
    client = limited.test_client()
    assert [client.get("/mine").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = client.get("/mine")
    text = refused.get_data(as_text=True)
    assert "That was too often" in text
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 120
    assert f"Try again in {wait} seconds." in text
    clock.now += timedelta(seconds=wait - 2)
    assert client.get("/mine").status_code == 429
    clock.now += timedelta(seconds=2)
    assert client.get("/mine").status_code == 200


def test_readers_are_counted_apart_and_addresses_together(
    limited: Flask, sign_in: Callable[[Reader], Any], alice: Reader, bob: Reader
) -> None:
    first, second = sign_in(alice), sign_in(bob)
    assert [first.get("/mine").status_code for _ in range(4)][-1] == 429
    assert second.get("/mine").status_code == 200
    assert sign_in(alice).get("/mine").status_code == 429  # another browser, the same reader
    assert [first.get("/ours").status_code for _ in range(3)] == [200] * 3
    assert second.get("/ours").status_code == 429


def test_processes_count_together(settings: Settings, database: Database, clock: Any) -> None:
    apps = [create_app(settings, database=database, clock=clock) for _ in range(3)]
    answers = []
    for number, app in enumerate(apps * 3):
        client = app.test_client()
        client.get("/signin")
        answers.append(client.post("/signin", data=_form(client, "nobody")).status_code)
        assert number < 10
    more = [apps[0].test_client(), apps[1].test_client()]
    answers += [client.post("/signin", data=_form(client, "nobody")).status_code for client in more]
    assert answers == [422] * 10 + [429]


@pytest.mark.parametrize(("proxies", "blocked"), [(0, True), (1, False)])
def test_what_a_visitor_says_of_their_address_is_believed_only_from_a_known_proxy(
    settings: Settings, database: Database, clock: Any, proxies: int, blocked: bool
) -> None:
    web = settings.web.model_copy(update={"proxies": proxies})
    app = create_app(settings.model_copy(update={"web": web}), database=database, clock=clock)

    def attempt(number: int) -> TestResponse:
        client = app.test_client()
        form = _form(client, f"name-{number}")
        return client.post("/signin", data=form, headers={"X-Forwarded-For": f"evil, 198.51.100.{number}"})

    assert (429 in [attempt(number).status_code for number in range(12)]) is blocked
    spoofed = [
        app.test_client().post("/signin", data={}, headers={"X-Forwarded-For": f"10.0.0.{n}, 198.51.100.200"}) for n in range(3)
    ]
    assert all(answer.status_code == 400 for answer in spoofed)  # no token: nothing is counted


def test_only_the_last_proxy_is_believed(settings: Settings, database: Database, clock: Any) -> None:
    """Whatever a visitor puts before what the proxy adds changes nothing."""
    web = settings.web.model_copy(update={"proxies": 1})
    app = create_app(settings.model_copy(update={"web": web}), database=database, clock=clock)
    codes = []
    for number in range(11):
        client = app.test_client()
        form, said = _form(client, f"name-{number}"), {"X-Forwarded-For": f"10.0.0.{number}, 198.51.100.7"}
        codes.append(client.post("/signin", data=form, headers=said).status_code)
    assert codes == [422] * 10 + [429]


def _form(client: Any, name: str) -> dict[str, str]:
    text = client.get("/signin").get_data(as_text=True)
    token = text.split('name="csrf_token" value="')[1].split('"')[0]
    return {"csrf_token": token, "name": name, "password": "wrong password"}

"""Every route there is: who may see it, whose it is, that forged requests are refused. A new route must be entered in tests/route_lists.py.

The lists there are compared with the application's own map of addresses: a route in none of them fails, and so does one that is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from factories import fill, make_paper
from flask import Flask, url_for
from route_lists import API, OPEN, OWN, OWNER, PAPER, SELF, SIGNED, Try, in_kind, paths, well_formed

from recommender.settings import Settings
from recommender.store import (
    accounts,
    belongings,
    comments,
    interests,
    invitations,
    keys,
    readers,
    rules,
    sessions,
    shelf,
    wanted,
)
from recommender.store.db import Database
from recommender.store.readers import Reader

SignIn = Callable[[Reader], Any]


@dataclass
class World:
    """Alice, who has one of everything, and how each is called."""

    database: Database
    alice: Reader
    bob: Reader
    names: dict[str, str]

    def held(self) -> dict[str, list[dict[str, Any]]]:
        """Return everything that is Alice's."""
        with self.database.read() as session:
            return {name: list(belongings.rows(session, name, self.alice.id)) for name in belongings.names()}

    def address(self, app: Flask, tried: Try) -> str:
        args = {name: value.format(**self.names) for name, value in tried.args.items()}
        with app.test_request_context():
            rule = next(r for r in app.url_map.iter_rules() if r.endpoint == tried.endpoint)
            return url_for(tried.endpoint, **in_kind(rule, args))  # type: ignore[arg-type]

    def ask(self, app: Flask, browser: Any, tried: Try) -> int:
        path = self.address(app, tried)
        if tried.method == "GET":
            return int(browser.get(path).status_code)
        form = {name: value.format(**self.names) for name, value in tried.form.items()}
        return int(browser.post(path, form).status_code)


@pytest.fixture
def world(edition: Database, settings: Settings, alice: Reader, bob: Reader, sign_in: SignIn) -> World:
    fill(
        edition,
        settings,
        [make_paper(84, pdf_url="https://arxiv.org/pdf/1", code_url="https://code.example/1", organization="Example Lab")],
    )
    now = alice.created_at
    with edition.write() as session:
        accounts.confirm_email(session, alice.id, "alice@example.org", now=now)
        robots = interests.create(session, alice.id, "Robots", now=now)
        closed = interests.create(session, alice.id, "Closed", now=now)
        interests.close(session, alice.id, closed.id, now=now)
        rule = rules.add(session, alice.id, "must", "author", "Ada Lovelace", now=now)
        ended = rules.add(session, alice.id, "never", "phrase", "cold fusion", now=now)
        rules.end(session, alice.id, ended.id, now=now)
        collection = shelf.create(session, alice.id, "Reading", now=now)
        shelf.collect(session, collection, PAPER, now=now)
        key = keys.make(session, alice.id, "feed", now=now, interest=robots.id)
        remark = comments.add(session, PAPER, alice.id, "What she said.", now=now)
        wanted.ask(session, alice.id, ["arxiv:1706.03762"], "submit", now=now)
        (wish,) = wanted.of_reader(session, alice.id)
        readers.open_session(session, alice.id, now=now, lives=timedelta(days=1))
        invitations.make(session, alice.id, now=now)
    browser = sign_in(alice)
    browser.get("/")
    browser.post("/events", {"kind": "save", "paper": PAPER})
    with edition.engine.connect() as connection:
        query = f"SELECT i.id FROM items i WHERE i.paper_id = '{PAPER}' ORDER BY i.id DESC"
        item = connection.exec_driver_sql(query).scalar()
    with edition.read() as session:
        open_ones = sessions.listing(session, alice.id, now=now)
    names = {
        "item": item,
        "interest": robots.id,
        "closed": closed.id,
        "rule": rule.id,
        "ended": ended.id,
        "key": key.id,
        "remark": remark.id,
        "wanted": wish.id,
        "sign_in": open_ones[-1].name,
    }
    return World(edition, alice, bob, {name: str(value) for name, value in names.items()})


def test_every_route_is_in_one_list(app: Flask) -> None:
    there = {rule.endpoint for rule in app.url_map.iter_rules()}
    own = {tried.endpoint for tried in OWN}
    lists = [OPEN, SIGNED, API, SELF, OWNER, own]
    entered = set().union(*lists)
    assert there - entered == set(), "enter these, and for objects of a reader how to ask for one"
    assert entered - there == set(), "these are gone"
    assert sum(map(len, lists)) == len(entered), "in two lists"


def test_every_way_to_name_an_object_is_tried(app: Flask) -> None:
    """A route of `OWN` that takes a form is tried with a form, one that shows a page by looking at it."""
    tried = {(one.endpoint, one.method) for one in OWN}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) & {"GET", "POST"}:
            if rule.endpoint in {one.endpoint for one in OWN}:
                assert (rule.endpoint, method) in tried, (rule.endpoint, method)


def test_what_is_anothers_is_not_there_and_does_not_change(app: Flask, world: World, sign_in: SignIn) -> None:
    before, browser = world.held(), sign_in(world.bob)
    for tried in OWN:
        assert world.ask(app, browser, tried) == 404, tried
    assert world.held() == before


def test_what_is_ones_own_is_there(app: Flask, world: World, sign_in: SignIn) -> None:
    """The same requests by Alice: else the test above could not fail."""
    browser = sign_in(world.alice)
    for tried in OWN:
        assert world.ask(app, browser, tried) in (200, 302, 303), tried


def test_what_is_the_owners_is_not_there_for_others(app: Flask, world: World, sign_in: SignIn, now: Any) -> None:
    with world.database.write() as session:
        owner = readers.create(session, "owner", now=now, is_owner=True)
    before = world.held()
    browser, theirs = sign_in(world.bob), sign_in(owner)
    browser.get("/account")
    for endpoint, method, path in paths(app, {"number": world.names["remark"], "reader_id": str(world.alice.id)}):
        if endpoint in OWNER:
            answer = browser.get(path) if method == "GET" else browser.post(path, {"paper": PAPER, "note": "x"})
            assert answer.status_code == 404, (method, path)
            if method == "GET" and endpoint not in ("measured.one", "measured.promote"):  # there is no model yet
                assert theirs.get(path).status_code in (200, 303), path
    assert world.held() == before


def test_nobody_sees_anything_without_signing_in(app: Flask, world: World, client: Any) -> None:
    for endpoint, method, path in paths(app):
        if endpoint in OPEN | SIGNED:
            continue
        answer = client.client.post(path) if method == "POST" else client.get(path)
        text = answer.get_data(as_text=True)
        if endpoint in API:
            assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), path
        else:  # a form without a token falls before anybody asks whose it is
            assert (answer.status_code, "broadsheet link" in text) == ((401, True) if method == "GET" else (400, False)), path
        assert "2605" not in re.sub(r'name="next" value="[^"]*"', "", text), path
        assert "What she said" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_no_route_takes_what_another_site_sent(app: Flask, world: World, sign_in: SignIn, headers: dict[str, str]) -> None:
    """Even with the right token: a cookie and a token may leak, what a browser says of itself does not."""
    browser, tried = sign_in(world.alice), 0
    before = world.held()
    for endpoint, method, path in paths(app):
        if method != "GET" and endpoint not in SIGNED:
            tried += 1
            assert browser.post(path, headers=headers).status_code == 403, path
    assert tried > 40
    assert world.held() | {"sessions": []} == before | {"sessions": []}


def test_no_route_takes_a_form_without_its_token(app: Flask, world: World, sign_in: SignIn) -> None:
    browser = sign_in(world.alice)
    browser.get("/account")
    before = world.held()
    for endpoint, method, path in paths(app):
        if method == "GET" or endpoint in SIGNED | API:
            continue
        for token in ("", "wrong", browser.token[:-2]):
            answer = browser.client.post(path, data={"csrf_token": token, "kind": "upvote", "item": "1"})
            assert answer.status_code == 400, path
            assert "Reload the page" in answer.get_data(as_text=True)
    assert world.held() == before


def test_a_cookie_does_not_vote_through_the_api(app: Flask, world: World, sign_in: SignIn) -> None:
    browser = sign_in(world.alice)
    browser.get("/account")
    answer = browser.client.post("/api/v1/votes", json={"paper": PAPER, "kind": "upvote"})
    assert answer.status_code in (400, 403)


def pages(app: Flask, world: World) -> Iterator[tuple[str, str]]:
    """Yield (endpoint, path) of every page Alice, who is the owner here, can look at."""
    for endpoint, method, path in paths(app):
        if method == "GET" and endpoint in OPEN | SELF | OWNER and "wrong" not in path and "none" not in path:
            yield endpoint, path
    for tried in OWN:
        if tried.method == "GET":
            yield tried.endpoint, world.address(app, tried)


def test_every_page_answers_and_is_well_formed(app: Flask, world: World, sign_in: SignIn) -> None:
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE readers SET is_owner = 1 WHERE name = 'alice'")
    browser, seen = sign_in(world.alice), 0
    for endpoint, path in pages(app, world):
        answer = browser.get(path)
        absent = (
            "sharing.shared",
            "sharing.export_shared",
            "signup.signup",
            "subscribe.form",
            "subscribe.asked",
            "discussion.report",
        )  # private, closed, nothing is mailed, her own words
        assert answer.status_code in (200, 302) or endpoint in absent, path
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        seen += 1
        well_formed(answer.get_data(as_text=True), path)
    assert seen > 25


def test_every_door_is_well_formed(client: Any) -> None:
    for path in ("/signin", "/signin/asked", "/signup/asked", "/signin/mail/wrong", "/join/wrong", "/nothing"):
        well_formed(client.get(path).get_data(as_text=True), path)

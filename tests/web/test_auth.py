"""Signing in: one link, once, within a day; the sign-in lives on the server and ends there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from recommender.errors import StoreError
from recommender.settings import Settings
from recommender.store import readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from web.auth import owner_link


def path_of(link: str, settings: Settings) -> str:
    assert link.startswith(f"{settings.public_url}/signin/")
    return link.removeprefix(settings.public_url)


def test_the_first_link_makes_the_owner_and_later_ones_do_not(database: Database, settings: Settings, now: datetime) -> None:
    links = {owner_link(database, settings, now) for _ in range(3)}
    assert len(links) == 3
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert (owner.name, owner.is_owner, readers.count(session, simulated=False)) == ("owner", True, 1)


def test_another_readers_name_does_not_make_an_owner(database: Database, settings: Settings, now: datetime) -> None:
    with database.write() as session:
        readers.create(session, "owner", now=now)
    with pytest.raises(StoreError, match="owner"):
        owner_link(database, settings, now)


def test_the_link_signs_in_with_one_click(client: Any, database: Database, settings: Settings, now: datetime) -> None:
    assert client.get("/").status_code == 401
    response = client.get(path_of(owner_link(database, settings, now), settings))
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert owner.last_seen_at == now


def test_the_link_works_once(app: Flask, client: Any, database: Database, settings: Settings, now: datetime) -> None:
    path = path_of(owner_link(database, settings, now), settings)
    client.get(path)
    second = app.test_client().get(path)
    assert second.status_code == 401
    assert "broadsheet link" in second.get_data(as_text=True)
    assert client.get(path).status_code == 302  # pressed twice in the same browser


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", {"Purpose": "prefetch"}),
        ("GET", {"X-Moz": "prefetch"}),
    ],
)
def test_looking_ahead_spends_nothing(
    client: Any, database: Database, settings: Settings, now: datetime, method: str, headers: dict[str, str]
) -> None:
    path = path_of(owner_link(database, settings, now), settings)
    looked = client.client.open(path, method=method, headers=headers)
    assert looked.status_code == 204
    assert "Set-Cookie" not in looked.headers
    assert client.get(path).status_code == 302


def test_the_link_is_too_old_after_a_day(client: Any, database: Database, settings: Settings, now: datetime, clock: Any) -> None:
    path = path_of(owner_link(database, settings, now), settings)
    clock.now = now + timedelta(hours=24)
    assert client.get(path).status_code == 401
    clock.now = now + timedelta(hours=23, minutes=59)
    assert client.get(path).status_code == 302


@pytest.mark.parametrize("token", ["x", "' OR 1=1 --", "a" * 3000, "%00", "é"])
def test_a_made_up_link_does_not_sign_in(client: Any, token: str) -> None:
    assert client.get(f"/signin/{token}").status_code == 401
    assert client.get("/").status_code == 401


def test_the_cookie_of_a_sign_in_is_new(sign_in: Callable[[Reader], Any], alice: Reader, app: Flask) -> None:
    """Fixing a cookie or a form token before somebody signs in gains nothing."""
    first, second = sign_in(alice), sign_in(alice)
    assert first.client.get_cookie("broadsheet").value != second.client.get_cookie("broadsheet").value
    with first.client.session_transaction() as kept:
        kept["planted"] = "before"
        before = dict(kept)
    first.get("/account")
    stale = first.token
    with app.extensions["broadsheet"].database.write() as session:
        token = readers.issue_token(
            session, alice.id, "signin", now=app.extensions["broadsheet"].clock(), lives=timedelta(hours=1)
        )
    first.get(f"/signin/{token}")
    with first.client.session_transaction() as kept:
        assert "planted" not in kept
        assert kept["signin"] != before["signin"]
    assert first.client.post("/signout", data={"csrf_token": stale}).status_code == 400


def test_signing_out_ends_the_sign_in_on_the_server(app: Flask, signed_in: Any, alice: Reader) -> None:
    signed_in.get("/account")
    copied = signed_in.client.get_cookie("broadsheet").value
    response = signed_in.post("/signout")
    token = signed_in.token
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert signed_in.get("/").status_code == 401
    thief = app.test_client()
    thief.set_cookie("broadsheet", copied)
    assert thief.get("/").status_code == 401
    assert thief.post("/events", data={"csrf_token": token, "kind": "upvote", "item": "1"}).status_code == 401


def test_signing_out_is_not_done_by_a_link(signed_in: Any) -> None:
    assert signed_in.get("/signout").status_code == 405
    assert signed_in.get("/account").status_code == 200


def test_a_sign_in_ends_when_its_days_are_over(signed_in: Any, clock: Any, settings: Settings) -> None:
    begun = clock.now
    clock.now = begun + timedelta(days=settings.web.session_days, seconds=-1)
    assert signed_in.get("/account").status_code == 200
    clock.now = begun + timedelta(days=settings.web.session_days)
    assert signed_in.get("/account").status_code == 401


def test_an_altered_cookie_is_nobody(app: Flask, signed_in: Any) -> None:
    value = signed_in.client.get_cookie("broadsheet").value
    client = app.test_client()
    for changed in (value[:-3] + "abc", value[5:], "", "x.y.z"):
        client.set_cookie("broadsheet", changed)
        assert client.get("/account").status_code == 401


def test_the_cookie_holds_a_secret_and_no_name(signed_in: Any, alice: Reader) -> None:
    with signed_in.client.session_transaction() as kept:
        assert set(kept) <= {"signin", "_permanent", "csrf_token"}
        assert str(alice.id) != kept["signin"]
        assert alice.name not in str(dict(kept))

"""The page of feeds and tokens: made by a plain form, shown as long as they may be, revoked by their reader only."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from factories import NOW

from recommender.store import interests, keys
from recommender.store.db import Database
from recommender.store.readers import Reader


def held(database: Database, reader: Reader) -> list[keys.Key]:
    with database.read() as session:
        return keys.listing(session, reader.id)


def addresses(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'readonly value="([^"]+)"', text)]


def test_a_feed_is_made_and_its_address_works_without_a_sign_in(
    edition: Database, signed_in: Any, client: Any, alice: Reader
) -> None:
    assert "You have no feeds yet" in signed_in.get("/keys").get_data(as_text=True)
    response = signed_in.post("/keys/feed", {"interest": "0", "label": "Reader at home"})
    text = signed_in.follow(response)
    [key] = held(edition, alice)
    assert (key.kind, key.interest, key.label) == ("feed", 0, "Reader at home")
    assert "The feed is ready." in text
    assert "Reader at home" in text
    assert "not used yet" in text
    atom, json = addresses(text)
    for address in (atom, json):
        assert client.get(re.sub(r"^https?://[^/]+", "", address)).status_code == 200
    assert addresses(signed_in.get("/keys").get_data(as_text=True)) == [atom, json]  # the same tomorrow
    assert "last used on 20 May 2026" in signed_in.last


def test_a_feed_of_an_interest(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        other = interests.create(session, bob.id, "Secret things", now=NOW)
    text = signed_in.get("/keys?interest=robots").get_data(as_text=True)
    assert f'<option value="{own.id}" selected>Robots</option>' in text
    assert "Secret things" not in text
    assert "Robots" in signed_in.follow(signed_in.post("/keys/feed", {"interest": str(own.id)}))
    assert [key.interest for key in held(edition, alice)] == [own.id]
    for wrong in (str(other.id), "999", "-1", "x", "1" * 30):
        assert signed_in.post("/keys/feed", {"interest": wrong}).status_code == 404
    with edition.write() as session:
        interests.close(session, alice.id, own.id, now=NOW)
    assert "a closed interest" in signed_in.get("/keys").get_data(as_text=True)


def test_a_token_is_shown_once(edition: Database, signed_in: Any, client: Any, alice: Reader) -> None:
    response = signed_in.post("/keys/token", {"label": "script"})
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    [secret] = addresses(response.get_data(as_text=True))
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).get_json()["name"] == "alice"
    later = signed_in.get("/keys").get_data(as_text=True)
    assert secret not in later
    assert "script" in later


def test_too_many_or_too_long_is_said_in_the_form(edition: Database, signed_in: Any, alice: Reader) -> None:
    for kind in ("feed", "token"):
        response = signed_in.post(f"/keys/{kind}", {"label": "x" * 81})
        text = response.get_data(as_text=True)
        assert response.status_code == 422
        assert 'class="error" role="alert">A label has at most 80 characters.' in text
        assert f'value="{"x" * 81}"' in text
    with edition.write() as session:
        for _ in range(keys.MOST):
            keys.make(session, alice.id, "feed", now=NOW)
    response = signed_in.post("/keys/feed")
    assert response.status_code == 422
    assert "revoke one first" in response.get_data(as_text=True)


def test_a_key_is_revoked_by_its_reader_only(
    edition: Database, signed_in: Any, sign_in: Callable[[Reader], Any], client: Any, alice: Reader, bob: Reader
) -> None:
    secret = addresses(signed_in.post("/keys/token").get_data(as_text=True))[0]
    [key] = held(edition, alice)
    assert sign_in(bob).post(f"/keys/{key.id}/revoke").status_code == 404
    assert signed_in.get(f"/keys/{key.id}/revoke").status_code == 405
    assert held(edition, alice) == [key]
    text = signed_in.follow(signed_in.post(f"/keys/{key.id}/revoke"))
    assert "Revoked." in text
    assert held(edition, alice) == []
    response = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 401
    for gone in (key.id, 999, 2**40):
        assert signed_in.post(f"/keys/{gone}/revoke").status_code == 404


@pytest.mark.parametrize("path", ["/keys/feed", "/keys/token", "/keys/1/revoke"])
def test_no_other_site_makes_or_revokes_one(edition: Database, signed_in: Any, path: str) -> None:
    assert signed_in.client.post(path, data={}).status_code == 400  # without the form's token
    assert signed_in.post(path, headers={"Origin": "https://evil.example"}).status_code == 403


def test_only_readers_see_the_page(edition: Database, client: Any) -> None:
    assert client.get("/keys").status_code == 401

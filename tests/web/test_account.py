"""The account: what a reader sets is checked, kept and followed at once; from here everything of theirs is reached."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from factories import fill, make_paper
from flask import Flask

from recommender.settings import Settings
from recommender.store import accounts, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from web.account import device


def stored(database: Database, reader: Reader) -> Reader:
    with database.read() as session:
        found = readers.by_id(session, reader.id)
    assert found is not None
    return found


@pytest.fixture
def addressed(database: Database, alice: Reader) -> Reader:
    """Alice, whose address is confirmed."""
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "alice@example.org", now=alice.created_at)
    return stored(database, alice)


def test_the_digest_is_set_to_the_readers_own_hour(signed_in: Any, database: Database, addressed: Reader) -> None:
    form = {"digest": "on", "hour": "7", "zone": "Europe/Berlin"}
    response = signed_in.post("/account/digest", form)
    assert (response.status_code, response.headers["Location"]) == (303, "/account")
    found = stored(database, addressed)
    assert (found.digest_on, found.email, found.digest_hour, found.time_zone) == (True, "alice@example.org", 7, "Europe/Berlin")
    assert found.next_digest_at == datetime(2026, 5, 21, 5, 0, tzinfo=UTC)  # now is 10 o'clock there
    text = signed_in.follow(response)
    assert "Saved." in text
    assert '<option value="7" selected>07:00</option>' in text
    assert re.search(r'name="digest" value="on" checked', text)
    signed_in.post("/account/digest", {key: value for key, value in form.items() if key != "digest"})
    assert (stored(database, addressed).digest_on, stored(database, addressed).next_digest_at) == (False, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hour": "24"}, "Choose an hour"),
        ({"hour": "-1"}, "Choose an hour"),
        ({"hour": ""}, "Choose an hour"),
        ({"hour": "٣"}, "Choose an hour"),
        ({"hour": "0" * 5000}, "Choose an hour"),
        ({"zone": "Mars/Olympus"}, "There is no time zone"),
        ({"zone": "../../etc/passwd"}, "There is no time zone"),
        ({"zone": ""}, "There is no time zone"),
    ],
)
def test_a_wrong_digest_is_named_and_nothing_is_saved(
    signed_in: Any, database: Database, addressed: Reader, change: dict[str, str], said: str
) -> None:
    response = signed_in.post("/account/digest", {"digest": "on", "hour": "9", "zone": "Asia/Tokyo"} | change)
    assert response.status_code == 422
    text = response.get_data(as_text=True)
    assert said in text
    assert 'aria-invalid="true"' in text
    assert ('value="Asia/Tokyo" autocomplete' in text) is ("zone" not in change)  # what was typed is kept
    assert stored(database, addressed) == addressed


def test_a_digest_needs_an_address(signed_in: Any, database: Database, alice: Reader) -> None:
    response = signed_in.post("/account/digest", {"digest": "on", "hour": "7", "zone": "UTC"})
    assert response.status_code == 422
    assert "needs an address" in response.get_data(as_text=True)
    assert signed_in.post("/account/digest", {"hour": "23", "zone": "Asia/Tokyo"}).status_code == 303
    assert (stored(database, alice).digest_hour, stored(database, alice).digest_on) == (23, False)


CHOICES = {"locale": "", "name": "alice", "announce": ["new", "cross"], "notices": ["replies"]}


def test_choices_are_saved_and_shown(signed_in: Any, database: Database, alice: Reader) -> None:
    text = signed_in.get("/account").get_data(as_text=True)
    checked = re.findall(r'name="(?:announce|notices)" value="(\w+)" checked', text)
    assert checked == ["new", "cross", "replies"]  # what the settings say, and all notices
    assert 'name="votes_public" checked' not in text
    form = CHOICES | {"locale": "de", "announce": ["replace", "new"], "notices": [], "votes_public": "on", "name": "Alice B"}
    assert signed_in.post("/account/choices", form).status_code == 303
    found = stored(database, alice)
    assert (found.locale, found.name, found.votes_public) == ("de", "Alice B", True)
    assert (found.announce, dict(found.notices)) == (("new", "replace", "replace-cross"), {"replies": False})
    text = signed_in.get("/account").get_data(as_text=True)
    assert re.findall(r'name="(?:announce|notices)" value="(\w+)" checked', text) == ["new", "replace"]
    assert '<html lang="de"' in text
    assert 'name="votes_public" checked' in text


def test_what_the_settings_say_is_not_kept_as_a_choice(signed_in: Any, database: Database, alice: Reader) -> None:
    signed_in.post("/account/choices", CHOICES | {"announce": ["new"]})
    assert stored(database, alice).announce == ("new",)
    signed_in.post("/account/choices", CHOICES)
    assert stored(database, alice).announce == ()


def test_the_page_follows_the_choice_of_announcements(edition: Database, settings: Settings, signed_in: Any) -> None:
    fill(edition, settings, [make_paper(900, announce="replace"), make_paper(901, announce="cross")])
    replaced, crossed = make_paper(900).id, make_paper(901).id

    def shown() -> set[str]:
        return set(re.findall(r'data-paper="([^"]+)"', signed_in.get("/?show=200").get_data(as_text=True))) & {replaced, crossed}

    assert shown() == {crossed}
    signed_in.post("/account/choices", CHOICES | {"announce": ["new", "replace"]})
    assert shown() == {replaced}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"locale": "xx"}, "Choose one of the languages"),
        ({"announce": []}, "Choose at least one"),
        ({"announce": ["everything"]}, "Choose at least one"),
        ({"name": "bob"}, "a reader of this name"),
        ({"name": "BOB"}, "a reader of this name"),
        ({"name": "<b>"}, "letters and digits"),
        ({"name": "alice@example.org"}, "letters and digits"),
    ],
)
def test_wrong_choices_are_named_and_nothing_is_saved(
    signed_in: Any, database: Database, alice: Reader, bob: Reader, change: dict[str, Any], said: str
) -> None:
    before = stored(database, alice)
    response = signed_in.post("/account/choices", CHOICES | {"votes_public": "on"} | change)
    assert response.status_code == 422
    assert said in response.get_data(as_text=True)
    assert stored(database, alice) == before


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5.0", "curl"),
        ("", "?"),
        ("<script>" * 30, "<script><script><script><script><script>"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, told: str) -> None:
    assert device(agent) == told


def test_the_account_page_leads_everywhere(signed_in: Any, app: Flask) -> None:
    text = signed_in.get("/account").get_data(as_text=True)
    for path in ("/account/email", "/account/password", "/account/export.zip", "/account/delete", "/status"):
        assert f'href="{path}"' in text, path
    for room, path in {
        "interests": "/interests",
        "rules": "/rules",
        "learned": "/learned",
        "shelf": "/shelf",
        "keys": "/keys",
    }.items():
        assert (f'href="{path}"' in text) is (room in app.blueprints), path
    assert 'href="/owner"' not in text.partition("<main")[2]

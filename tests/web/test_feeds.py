"""Feeds as a feed reader fetches them: whole, private, stable, and without any consequence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper, make_reader
from flask import Flask
from lxml import etree

from recommender import daily
from recommender.settings import Settings
from recommender.store import events, interests, keys, pages, readers
from recommender.store.db import Database
from recommender.store.keys import Key
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.types import EventKind
from web.links import FEED, Signer, secret_key

ATOM = "{http://www.w3.org/2005/Atom}"
PICKS = 10
HOSTILE = make_paper(
    1,
    title="<script>alert(1)</script> & \ufffe\x0b\u202e“quoted” $\\alpha$ ]]>",
    abstract="<img src=x onerror=alert(1)> {{ 7*7 }}",
    authors=("<b>Eve</b>", "\x00", *(f"A. N. Other {n}" for n in range(2000))),
    organization="R&D <i>",
    categories=("cs.LG", "<x>"),
    url="javascript:alert(1)",
    code_url="https://code.example/?a=1&b=2",
)


@pytest.fixture
def address(app: Flask, settings: Settings) -> Callable[[Key, str], str]:
    signer = Signer(secret_key(settings))
    return lambda key, form: f"/feeds/{signer.seal(FEED, key.id)}.{form}"


def make_key(database: Database, reader: Reader, interest: int = 0, label: str = "") -> Key:
    with database.write() as session:
        return keys.make(session, reader.id, "feed", now=NOW, interest=interest, label=label)


@pytest.fixture
def key(edition: Database, alice: Reader) -> Key:
    return make_key(edition, alice)


def entries(body: bytes) -> list[Any]:
    return etree.fromstring(body).findall(f"{ATOM}entry")


def texts(entry: Any, name: str) -> list[str]:
    return [found.text for found in entry.findall(f"{ATOM}{name}")]


def count_rows(database: Database) -> dict[str, int]:
    with database.engine.connect() as connection:
        tables = ("events", "impressions", "sessions")
        return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in tables}


def test_an_atom_feed_is_the_page_in_its_order(
    edition: Database, settings: Settings, app: Flask, client: Any, alice: Reader, key: Key, address: Any
) -> None:
    response = client.get(address(key, "atom"))
    assert response.status_code == 200
    assert response.mimetype == "application/atom+xml"
    found = entries(response.data)
    with edition.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
        fresh = daily.fresh_page(session, alice.id, DAY, app.extensions["broadsheet"].rankers, settings.rank)
        assert fresh is not None
        assert fresh.id == page.id  # it is what the site shows, not another ranking
    assert [texts(entry, "id")[0] for entry in found] == [item.paper_id for item in page.items[:PICKS]]
    root = etree.fromstring(response.data)
    for name in ("id", "title", "updated", "author", "generator"):
        assert root.find(f"{ATOM}{name}") is not None, name
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links["self"].endswith(address(key, "atom"))
    first = found[0]
    assert texts(first, "title")
    assert datetime.fromisoformat(texts(first, "updated")[0]) == NOW
    assert first.find(f"{ATOM}link").get("href").endswith(f"/paper/{page.items[0].paper_id}")
    reasons = " · ".join(reason.text for reason in page.items[0].reasons)
    assert reasons
    assert reasons in texts(first, "summary")[0]


def test_a_json_feed_says_the_same(edition: Database, client: Any, key: Key, address: Any) -> None:
    response = client.get(address(key, "json"))
    assert response.mimetype == "application/feed+json"
    told = json.loads(response.data)
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert told["feed_url"].endswith(address(key, "json"))
    atom = [texts(entry, "id")[0] for entry in entries(client.get(address(key, "atom")).data)]
    assert [item["id"] for item in told["items"]] == atom
    first = told["items"][0]
    assert first["_broadsheet"]["rank"] == 1
    assert first["_broadsheet"]["edition"] == str(DAY)
    assert first["_broadsheet"]["reasons"]
    assert first["authors"][0]["name"].endswith(tuple("0123456"))
    assert {"url", "title", "content_html", "date_published", "date_modified", "external_url", "tags"} <= set(first)


def test_fetching_has_no_consequence(edition: Database, client: Any, key: Key, address: Any) -> None:
    """Feed readers fetch ahead, often, and without anybody looking: that is no impression, no click and no vote."""
    client.get(address(key, "atom"))
    before = count_rows(edition)
    for form in ("atom", "json"):
        for _ in range(3):
            response = client.get(address(key, form))
            assert "Set-Cookie" not in response.headers
            assert "Cookie" not in response.headers.get("Vary", "")
            assert client.client.head(address(key, form)).status_code == 200
    links = [item["url"] for item in json.loads(client.get(address(key, "json")).data)["items"]]
    for link in links:
        client.get(link.partition("8020")[2] or link)
    assert count_rows(edition) == before


def test_nothing_comes_anew_until_something_is_new(
    edition: Database, settings: Settings, client: Any, clock: Any, key: Key, address: Any, alice: Reader
) -> None:
    for form in ("atom", "json"):
        first = client.get(address(key, form), headers={"Accept-Encoding": "gzip"})
        tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
        clock.now = NOW + timedelta(minutes=30)
        for headers in ({"If-None-Match": tag}, {"If-Modified-Since": modified}):
            again = client.get(address(key, form), headers={"Accept-Encoding": "gzip", **headers})
            assert again.status_code == 304
            assert again.data == b""
            assert client.client.head(address(key, form), headers=headers).status_code == 304
        clock.now = NOW
    with edition.write() as session:
        events.append(session, alice.id, make_edition()[9].id, EventKind.UPVOTE, at=NOW)
    clock.now = NOW + timedelta(hours=1)
    assert client.get(address(key, "atom"), headers={"If-None-Match": tag}).status_code == 200


def test_no_paper_comes_twice(database: Database, settings: Settings, client: Any, alice: Reader, address: Any) -> None:
    """Neither within a feed nor, changed a little, under another name: an entry is known by its paper."""
    rank = settings.rank.model_copy(update={"window_days": 4})
    for days in range(5):
        fill(database, settings, make_edition(DAY - timedelta(days=days), per_topic=2))
    app_settings = settings.model_copy(update={"rank": rank})
    from web.app import create_app

    browser = create_app(app_settings, database=database, clock=lambda: NOW).test_client()
    key = make_key(database, alice)
    found = [item["id"] for item in json.loads(browser.get(address(key, "json")).data)["items"]]
    assert len(found) == len(set(found)) > PICKS


def test_earlier_editions_are_as_they_were_last_made(
    edition: Database, settings: Settings, client: Any, alice: Reader, key: Key, address: Any
) -> None:
    """A vote of today does not let a feed reader say that yesterday's papers are news."""
    yesterday = DAY - timedelta(days=1)
    fill(edition, settings, make_edition(yesterday, per_topic=4))
    client.get(address(key, "json"))
    with edition.write() as session:
        events.append(session, alice.id, make_edition()[9].id, EventKind.UPVOTE, at=NOW)
    told = json.loads(client.get(address(key, "json")).data)["items"]
    with edition.read() as session:
        assert pages.latest(session, alice.id, yesterday).revision == 1  # type: ignore[union-attr]
        assert pages.latest(session, alice.id, DAY).revision == 2  # type: ignore[union-attr]
    assert make_edition()[9].id not in [item["id"] for item in told]  # decided: no news to its reader
    assert [item["_broadsheet"]["edition"] for item in told] == [str(DAY)] * PICKS + [str(yesterday)] * PICKS


def test_hostile_words_stay_words(database: Database, settings: Settings, client: Any, alice: Reader, address: Any) -> None:
    fill(database, settings, [HOSTILE])
    key = make_key(database, alice, label='<b>"mine"')
    [entry] = entries(client.get(address(key, "atom")).data)
    [item] = json.loads(client.get(address(key, "json")).data)["items"]
    for title in (texts(entry, "title")[0], item["title"]):
        assert title == "<script>alert(1)</script> & “quoted” α ]]>"
    for content in (texts(entry, "content")[0], item["content_html"]):
        assert "<script" not in content
        assert "<img" not in content
        assert "javascript:" not in content
        assert "&lt;img src=x onerror=alert(1)&gt; {{ 7*7 }}" in content
        assert 'href="https://code.example/?a=1&amp;b=2"' in content
    assert "external_url" not in item
    assert len(item["authors"]) <= 100
    assert len(client.get(address(key, "atom")).data) < 30_000


def test_a_feed_of_one_interest_is_that_interests_page(edition: Database, client: Any, alice: Reader, address: Any) -> None:
    robots = [paper.id for paper in make_edition() if "Robots" in paper.authors[0]]
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots & co", now=NOW)
        for paper_id in robots[:3]:
            events.append(session, alice.id, paper_id, EventKind.UPVOTE, at=NOW - timedelta(hours=1), interest=own.id)
    key = make_key(edition, alice, own.id)
    told = json.loads(client.get(address(key, "json")).data)
    assert told["title"] == "Broadsheet: Robots & co"
    assert told["items"][0]["id"] in robots[3:]
    with edition.write() as session:
        interests.close(session, alice.id, own.id, now=NOW)
    response = client.get(address(key, "json"))
    assert response.status_code == 410
    assert "was closed" in response.get_data(as_text=True)


def test_a_revoked_feed_is_gone(edition: Database, client: Any, alice: Reader, key: Key, address: Any) -> None:
    with edition.write() as session:
        keys.revoke(session, alice.id, key.id, now=NOW)
    response = client.get(address(key, "atom"))
    assert response.status_code == 410
    assert response.mimetype == "text/plain"
    assert "revoked" in response.get_data(as_text=True)
    assert "Set-Cookie" not in response.headers


def test_the_feeds_of_a_disabled_reader_are_gone(edition: Database, client: Any, alice: Reader, key: Key, address: Any) -> None:
    with edition.write() as session:
        session.get_one(ReaderRow, alice.id).disabled_at = NOW
    assert client.get(address(key, "atom")).status_code == 410


def test_an_address_that_was_never_good_is_not_found(
    edition: Database, settings: Settings, client: Any, alice: Reader, key: Key, address: Any
) -> None:
    token = address(key, "atom")[7:-5]
    with edition.write() as session:
        other, secret = keys.make_secret(session, alice.id, now=NOW)
    signer = Signer(secret_key(settings))
    wrong = (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        signer.seal("other", key.id),
        signer.seal(FEED, 999),
        signer.seal(FEED, "1"),
        signer.seal(FEED, other.id),  # a key to the API is none to a feed
        signer.sign(FEED, key.id),
        secret,
        "1",
        "%00",
    )
    for bad in wrong:
        assert client.get(f"/feeds/{bad}.atom").status_code == 404, bad
    assert client.get(f"/feeds/{token}.rss").status_code == 404
    assert client.get(f"/feeds/{token}").status_code == 404


def test_it_speaks_its_readers_language_and_not_the_programs(
    edition: Database, client: Any, alice: Reader, key: Key, address: Any
) -> None:
    with edition.write() as session:
        session.get_one(ReaderRow, alice.id).locale = "de"
    headers = {"Accept-Language": "en"}
    assert json.loads(client.get(address(key, "json"), headers=headers).data)["language"] == "de"
    assert etree.fromstring(client.get(address(key, "atom")).data).get("{http://www.w3.org/XML/1998/namespace}lang") == "de"


def test_a_store_without_papers_gives_an_empty_feed(database: Database, client: Any, alice: Reader, address: Any) -> None:
    key = make_key(database, alice)
    assert entries(client.get(address(key, "atom")).data) == []
    assert json.loads(client.get(address(key, "json")).data)["items"] == []


def test_use_is_noted(edition: Database, client: Any, key: Key, address: Any) -> None:
    client.client.head(address(key, "atom"))
    with edition.read() as session:
        assert keys.get(session, key.id).used_at is None  # type: ignore[union-attr]
    client.get(address(key, "atom"))
    with edition.read() as session:
        assert keys.get(session, key.id).used_at == NOW  # type: ignore[union-attr]
        assert readers.by_id(session, key.reader_id).last_seen_at is None  # type: ignore[union-attr]


def test_the_readers_own_pages_name_their_feeds(edition: Database, signed_in: Any, alice: Reader, key: Key) -> None:
    other = make_key(edition, make_reader(edition, "bob"))
    text = signed_in.get("/").get_data(as_text=True).partition("</head>")[0]
    assert text.count('type="application/atom+xml"') == text.count('type="application/feed+json"') == 1
    with edition.write() as session:
        keys.revoke(session, alice.id, key.id, now=NOW)
    assert 'rel="alternate"' not in signed_in.get("/").get_data(as_text=True)
    assert other.id != key.id

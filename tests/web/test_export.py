"""Taking everything along, and leaving: one file with all of it and no secret; and then nothing is left."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from factories import DAY, make_paper
from pybtex.database import parse_string

from recommender.store import accounts, comments, events, interests, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind
from training.dataset import build
from web import export, passwords

PASSWORD = "mauve otter on a ladder"
LIKED, DISLIKED, SAVED = (make_paper(number).id for number in (84, 85, 86))


@pytest.fixture
def ada(edition: Database, alice: Reader) -> Reader:
    """Alice, who has read, said and set something."""
    now = alice.created_at
    with edition.write() as session:
        accounts.confirm_email(session, alice.id, "ada@example.org", now=now)
        accounts.set_password(session, alice.id, passwords.hashed(PASSWORD))
        interests.create(session, alice.id, "Robots & arms", now=now)
        for paper, kind in ((LIKED, EventKind.UPVOTE), (DISLIKED, EventKind.DOWNVOTE), (SAVED, EventKind.SAVE)):
            events.append(session, alice.id, paper, kind, at=now)
        comments.add(session, LIKED, alice.id, "My very own words.", now=now)
    return alice


def unpacked(client: Any) -> zipfile.ZipFile:
    response = client.get("/account/export.zip")
    assert (response.status_code, response.mimetype) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(response.get_data()))


def test_everything_is_in_one_file(ada: Reader, sign_in: Callable[[Reader], Any]) -> None:
    browser = sign_in(ada)
    browser.get("/")
    packed = unpacked(browser)
    assert packed.testzip() is None
    held = {name: json.loads(packed.read(name)) for name in packed.namelist() if name.endswith(".json")}
    assert [account["name"] for account in held["account.json"]] == ["alice"]
    assert [(event["paper_id"], event["kind"]) for event in held["events.json"]] == [
        (LIKED, "upvote"),
        (DISLIKED, "downvote"),
        (SAVED, "save"),
    ]
    assert {word["paper_id"]: (word["vote"], word["saved"]) for word in held["words.json"]} == {
        LIKED: ("upvote", False),
        DISLIKED: ("downvote", False),
        SAVED: (None, True),
    }
    assert {paper["id"] for paper in held["papers.json"]} == {LIKED, DISLIKED, SAVED}
    assert [interest["name"] for interest in held["interests.json"]] == ["Robots & arms"]
    assert held["comments.json"][0]["text"] == "My very own words."
    assert held["impressions.json"]
    assert [taste["name"] for taste in held["learned.json"]] == ["", "Robots & arms"]
    assert held["learned.json"][0]["likes"]
    for name, paper in (("likes.bib", LIKED), ("shelf.bib", SAVED)):
        entries = parse_string(packed.read(name).decode(), "bibtex").entries
        assert [entry.fields["eprint"] for entry in entries.values()] == [paper.removeprefix("arxiv:")]
    readme = packed.read("README.txt").decode()
    assert readme.startswith("Broadsheet: everything of alice, as of 2026-05-20 08:00 UTC")
    for name in packed.namelist():
        assert re.search(rf"\b{re.escape(name.removesuffix('.json'))}\b", readme) or name == "README.txt", name


def test_no_secret_and_nothing_of_others_leaves(
    ada: Reader, bob: Reader, edition: Database, sign_in: Callable[[Reader], Any]
) -> None:
    with edition.write() as session:
        comments.add(session, LIKED, bob.id, "Said by Bob.", now=bob.created_at)
        events.append(session, bob.id, make_paper(87).id, EventKind.UPVOTE, at=bob.created_at)
    browser = sign_in(ada)
    packed = unpacked(browser)
    whole = "".join(packed.read(name).decode() for name in packed.namelist())
    with edition.engine.connect() as connection:
        digests = [row[0] for row in connection.exec_driver_sql("SELECT digest FROM sessions UNION SELECT digest FROM tokens")]
    assert digests
    for secret in ("argon2", "Said by Bob", make_paper(87).id, *digests):
        assert secret not in whole, secret
    assert "no-store" in browser.get("/account/export.zip").headers["Cache-Control"]


def test_a_reader_with_nothing_gets_a_whole_file_too(signed_in: Any) -> None:
    packed = unpacked(signed_in)
    assert json.loads(packed.read("events.json")) == []
    assert json.loads(packed.read("papers.json")) == []
    assert packed.read("likes.bib") == b""
    assert signed_in.client.head("/account/export.zip").status_code == 200


def test_a_file_that_grows_too_long_is_cut_and_stays_readable(
    ada: Reader, sign_in: Callable[[Reader], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 400)
    packed = unpacked(sign_in(ada))
    assert len(json.loads(packed.read("events.json"))) in (1, 2)


def test_downloads_are_limited(signed_in: Any) -> None:
    assert [signed_in.get("/account/export.zip").status_code for _ in range(21)] == [200] * 20 + [429]


def test_leaving_says_what_goes_and_asks_for_proof(ada: Reader, edition: Database, sign_in: Callable[[Reader], Any]) -> None:
    browser = sign_in(ada)
    text = browser.get("/account/delete").get_data(as_text=True)
    assert "cannot be undone" in text
    assert "Your name: alice" in text
    for form, said in [
        ({}, "Type your name"),
        ({"name": "Alice", "current": PASSWORD}, "Type your name"),
        ({"name": "alice"}, "not your present password"),
        ({"name": "alice", "current": "wrong"}, "not your present password"),
    ]:
        response = browser.post("/account/delete", form)
        assert response.status_code == 422
        assert said in response.get_data(as_text=True)
    with edition.read() as session:
        assert readers.by_id(session, ada.id) is not None


def test_after_leaving_nothing_is_left_and_nothing_is_learned_from(
    ada: Reader, bob: Reader, edition: Database, sign_in: Callable[[Reader], Any]
) -> None:
    for reader in (ada, bob):
        browser = sign_in(reader)
        browser.get("/")
        browser.post("/events", {"kind": "upvote", "item": _twelfth(edition, reader)})
    assert _trained_on(edition) == {ada.id, bob.id}
    browser, elsewhere = sign_in(ada), sign_in(ada)
    response = browser.post("/account/delete", {"name": " alice ", "current": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (303, "/signin")
    assert "is deleted" in browser.follow(response)
    assert browser.get("/account").status_code == elsewhere.get("/account").status_code == 401
    assert _trained_on(edition) == {bob.id}
    with edition.read() as session:
        assert readers.by_id(session, ada.id) is None
        assert accounts.find(session, "ada@example.org") is None
        assert events.history(session, ada.id) == []
        assert events.history(session, bob.id) != []
    assert sign_in(bob).get(f"/paper/{LIKED}").status_code == 200


def test_without_a_password_the_name_is_enough(signed_in: Any, alice: Reader, database: Database) -> None:
    assert signed_in.post("/account/delete", {"name": "alice"}).status_code == 303
    with database.read() as session:
        assert readers.by_id(session, alice.id) is None


def test_the_only_owner_is_told_why_not(sign_in: Callable[[Reader], Any], database: Database, now: Any) -> None:
    with database.write() as session:
        owner = readers.create(session, "owner", now=now, is_owner=True)
    response = sign_in(owner).post("/account/delete", {"name": "owner"})
    assert response.status_code == 422
    assert "You are the only owner" in response.get_data(as_text=True)


def _twelfth(database: Database, reader: Reader) -> str:
    with database.engine.connect() as connection:
        query = f"SELECT i.id FROM items i JOIN pages p ON p.id = i.page_id WHERE p.reader_id = {reader.id} AND i.position = 12"
        return str(connection.exec_driver_sql(query).scalar())


def _trained_on(database: Database) -> set[int]:
    """Whose pages the next training set is made of."""
    with database.read() as session:
        return set(build(session, first=DAY, last=DAY, rng=np.random.default_rng(0)).reader.tolist())

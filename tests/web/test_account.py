"""A reader's own pages: a pasted list becomes likes, the digest's settings are checked, the shelf keeps its order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from factories import fill, make_edition, make_paper

from recommender.settings import Settings
from recommender.store import events, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind


def votes(database: Database, reader: Reader) -> list[tuple[str, EventKind, int | None]]:
    with database.read() as session:
        return [(event.paper_id, event.kind, event.item_id) for event in events.history(session, reader.id)]


def stored(database: Database, reader: Reader) -> Reader:
    with database.read() as session:
        found = readers.by_id(session, reader.id)
    assert found is not None
    return found


def test_pasted_papers_become_likes(edition: Database, signed_in: Any, alice: Reader) -> None:
    pasted = "https://arxiv.org/abs/2605.10084v2, arXiv:2605.20084\n2605.10084 1706.03762 nonsense <script>x"
    text = signed_in.post("/start", {"papers": pasted}).get_data(as_text=True)
    assert votes(edition, alice) == [("arxiv:2605.10084", EventKind.UPVOTE, None), ("arxiv:2605.20084", EventKind.UPVOTE, None)]
    assert "2 papers taken as liked" in text
    assert "1 paper not stored here yet" in text
    assert "1706.03762" in text
    assert "nonsense, &lt;script&gt;x" in text


def test_a_list_pasted_twice_is_taken_once(edition: Database, signed_in: Any, alice: Reader) -> None:
    for _ in range(2):
        assert "1 paper taken as liked" in signed_in.post("/start", {"papers": "2605.10084"}).get_data(as_text=True)
    assert len(votes(edition, alice)) == 1
    signed_in.post("/events", {"kind": "downvote", "paper": "arxiv:2605.10084"})
    signed_in.post("/start", {"papers": "2605.10084"})
    assert [kind for _, kind, _ in votes(edition, alice)] == [EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.UPVOTE]


def test_the_page_follows_a_pasted_list_at_once(edition: Database, settings: Settings, signed_in: Any) -> None:
    earlier = [make_paper(n, topic="proofs", day=make_paper().edition - timedelta(days=1)) for n in range(900, 904)]
    fill(edition, settings, earlier)
    before = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    signed_in.post("/start", {"papers": " ".join(paper.id.removeprefix("arxiv:") for paper in earlier)})
    after = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    assert before.count("4") <= 2
    assert after.count("4") >= 3  # 4 is the topic of proofs


def test_an_empty_or_endless_list_is_answered(edition: Database, signed_in: Any, alice: Reader) -> None:
    assert "There was nothing in the box." in signed_in.post("/start", {"papers": " \n"}).get_data(as_text=True)
    many = "\n".join(f"2101.{n:05d}" for n in range(700))
    text = signed_in.post("/start", {"papers": many}).get_data(as_text=True)
    assert "500 papers not stored here yet" in text
    assert "2101.00699" in text
    noise = signed_in.post("/start", {"papers": "word " * 60_000}).get_data(as_text=True)
    assert len(noise) < 20_000
    assert votes(edition, alice) == []


def test_the_digest_is_set_to_the_readers_own_hour(signed_in: Any, database: Database, alice: Reader) -> None:
    form = {"digest": "on", "email": "Alice@Example.org", "hour": "7", "zone": "Europe/Berlin"}
    response = signed_in.post("/account", form)
    assert (response.status_code, response.headers["Location"]) == (303, "/account?saved=1")
    found = stored(database, alice)
    assert (found.digest_on, found.email, found.digest_hour, found.time_zone) == (True, "alice@example.org", 7, "Europe/Berlin")
    assert found.next_digest_at == datetime(2026, 5, 21, 5, 0, tzinfo=UTC)  # now is 10 o'clock there
    text = signed_in.follow(response)
    assert "Saved." in text
    assert 'value="alice@example.org"' in text
    assert '<option value="7" selected>07:00</option>' in text
    assert re.search(r'name="digest" checked', text)
    signed_in.post("/account", {key: value for key, value in form.items() if key != "digest"})
    assert (stored(database, alice).digest_on, stored(database, alice).next_digest_at) == (False, None)


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
        ({"email": ""}, "needs an address"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "a@b.org\r\nBcc: c@d.org"}, "not an e-mail address"),
        ({"email": "a@b.org,c@d.org"}, "not an e-mail address"),
        ({"email": "x" * 65 + "@b.org"}, "not an e-mail address"),
        ({"email": "bob@example.org"}, "Another reader has this address"),
    ],
)
def test_wrong_settings_are_named_and_nothing_is_saved(
    signed_in: Any, database: Database, alice: Reader, now: datetime, change: dict[str, str], said: str
) -> None:
    with database.write() as session:
        readers.create(session, "bob", now=now, email="bob@example.org")
    before = stored(database, alice)
    response = signed_in.post("/account", {"digest": "on", "email": "a@example.org", "hour": "7", "zone": "UTC"} | change)
    assert response.status_code == 422
    assert said in response.get_data(as_text=True)
    assert 'aria-invalid="true"' in response.get_data(as_text=True)
    assert stored(database, alice) == before


def test_without_a_digest_no_address_is_needed(signed_in: Any, database: Database, alice: Reader) -> None:
    assert signed_in.post("/account", {"email": "", "hour": "23", "zone": "Asia/Tokyo"}).status_code == 303
    assert stored(database, alice).email is None


def test_the_shelf_lists_what_is_saved_newest_first(edition: Database, signed_in: Any) -> None:
    ids = [paper.id for paper in make_edition()[:4]]
    assert "Nothing is saved yet" in signed_in.get("/shelf").get_data(as_text=True)
    for paper_id in ids:
        signed_in.post("/events", {"kind": "save", "paper": paper_id})
    signed_in.post("/events", {"kind": "unsave", "paper": ids[1]})
    signed_in.post("/events", {"kind": "unsave", "paper": ids[0]})
    signed_in.post("/events", {"kind": "save", "paper": ids[0]})  # saved anew: the newest again
    text = signed_in.get("/shelf").get_data(as_text=True)
    assert re.findall(r'data-paper="([^"]+)"', text) == [ids[0], ids[3], ids[2]]
    assert "3 papers saved" in text
    assert text.count('value="unsave" aria-pressed="true"') == 3


def test_a_shelf_is_its_readers_own(edition: Database, signed_in: Any, sign_in: Callable[[Reader], Any], bob: Reader) -> None:
    signed_in.post("/events", {"kind": "save", "paper": make_paper(84).id})
    assert "Nothing is saved yet" in sign_in(bob).get("/shelf").get_data(as_text=True)

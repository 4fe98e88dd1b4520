"""One gesture, one event: what the log says after each press, and who may press what."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from factories import DAY, fill, make_paper
from flask import Flask

from recommender.settings import Settings
from recommender.store import events, pages
from recommender.store.db import Database
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Channel, Event, EventKind, RankedItem
from web.cards import anchor

UP, DOWN, HIDE, CLEAR = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR
SAVE, UNSAVE = EventKind.SAVE, EventKind.UNSAVE


def log(database: Database, reader: Reader) -> list[Event]:
    with database.read() as session:
        return events.history(session, reader.id)


def items(database: Database, reader: Reader) -> tuple[RankedItem, ...]:
    with database.read() as session:
        page = pages.latest(session, reader.id, DAY)
    assert page is not None
    return page.items


@pytest.fixture
def page(edition: Database, signed_in: Any, alice: Reader) -> tuple[RankedItem, ...]:
    """Alice's page, which she has looked at."""
    assert signed_in.get("/").status_code == 200
    return items(edition, alice)


@pytest.mark.parametrize(
    ("pressed", "word", "written"),
    [
        ([UP], Word(UP), 1),
        ([UP, UP], Word(UP), 1),
        ([UP, CLEAR], Word(), 2),
        ([CLEAR], Word(), 0),
        ([UP, DOWN], Word(DOWN), 2),
        ([UP, CLEAR, DOWN], Word(DOWN), 3),
        ([DOWN, HIDE], Word(HIDE), 2),
        ([HIDE, CLEAR, CLEAR], Word(), 2),
        ([SAVE], Word(None, saved=True), 1),
        ([SAVE, SAVE, UNSAVE], Word(), 2),
        ([UNSAVE], Word(), 0),
        ([UP, SAVE, CLEAR], Word(None, saved=True), 3),
        ([UP, CLEAR, DOWN, HIDE, SAVE, UP, UNSAVE], Word(UP), 7),
    ],
)
def test_every_press_says_one_word(
    page: tuple[RankedItem, ...],
    signed_in: Any,
    edition: Database,
    alice: Reader,
    pressed: list[EventKind],
    word: Word,
    written: int,
) -> None:
    for kind in pressed:
        assert signed_in.post("/events", {"kind": kind.value, "item": page[2].id}).status_code == 303
    history = log(edition, alice)
    assert events.words(history).get(page[2].paper_id, Word()) == word
    assert len(history) == written


def test_an_event_names_what_it_answered(
    page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader, now: datetime
) -> None:
    signed_in.post("/events", {"kind": "upvote", "item": page[4].id})
    (event,) = log(edition, alice)
    assert (event.paper_id, event.kind, event.item_id) == (page[4].paper_id, UP, page[4].id)
    assert (event.reader_id, event.at, event.channel) == (alice.id, now, Channel.WEB)


def test_a_gesture_writes_an_event_and_nothing_else(page: tuple[RankedItem, ...], signed_in: Any, edition: Database) -> None:
    def rows() -> dict[str, int]:
        with edition.engine.connect() as connection:
            tables = (
                connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
                .scalars()
                .all()
            )
            return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in tables}

    before = rows()
    signed_in.post("/events", {"kind": "upvote", "item": page[0].id})
    after = rows()
    del before["rates"]  # how often this reader presses: gone when its minute is over
    assert {name: after[name] - were for name, were in before.items() if after[name] != were} == {"events": 1}


def test_it_leads_back_to_the_paper(page: tuple[RankedItem, ...], signed_in: Any) -> None:
    place = f"#{anchor(page[3].paper_id)}"
    response = signed_in.post("/events", {"kind": "upvote", "item": page[3].id, "next": "/day/2026-05-20?show=40"})
    assert response.headers["Location"] == f"/day/2026-05-20?show=40{place}"
    text = signed_in.follow(response)
    assert f'id="{place[1:]}"' in text  # the place is still there on the page made anew
    for bad in ("//evil.example", "https://evil.example", "/\\evil", "/a%0d%0ab", "", "/x#y"):
        location = signed_in.post("/events", {"kind": "upvote", "item": page[3].id, "next": bad}).headers["Location"]
        assert location == ("/x" if bad == "/x#y" else "/") + place


def test_the_buttons_say_what_was_said(page: tuple[RankedItem, ...], signed_in: Any) -> None:
    name = anchor(page[1].paper_id)

    def pressed() -> dict[str, tuple[str, str]]:
        text = signed_in.get("/?show=60").get_data(as_text=True)
        found = re.findall(rf'<button name="kind" value="(\w+)" aria-pressed="(\w+)" id="{name}-(\w+)"', text)
        return {which: (value, on) for value, on, which in found}

    free = {
        "upvote": ("upvote", "false"),
        "downvote": ("downvote", "false"),
        "hide": ("hide", "false"),
        "save": ("save", "false"),
    }
    assert pressed() == free
    signed_in.post("/events", {"kind": "upvote", "item": page[1].id})
    assert pressed() == free | {"upvote": ("clear", "true")}
    assert "You upvoted this." in signed_in.last
    signed_in.post("/events", {"kind": "save", "item": page[1].id})
    signed_in.post("/events", {"kind": "clear", "item": page[1].id})
    assert pressed() == free | {"save": ("unsave", "true")}
    assert "You upvoted this." not in signed_in.last


def test_the_count_moves_at_once(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(900, signals=make_paper(900).signals.__class__(upvotes=0))
    fill(edition, settings, [paper])
    button = rf'id="{anchor(paper.id)}-upvote">.*?(?:<span class="count">(\d+)</span>)?</button>'

    def shown() -> str:
        found = re.search(button, signed_in.get("/?show=60").get_data(as_text=True))
        assert found is not None
        return found[1] or ""

    assert shown() == ""
    signed_in.post("/events", {"kind": "upvote", "paper": paper.id})
    text = signed_in.get(f"/paper/{paper.id}").get_data(as_text=True)
    assert re.search(button, text)[1] == "1"  # type: ignore[index]


@pytest.mark.parametrize("kind", ["click", "", "UPVOTE", "delete", "upvote ", "x" * 5000])
def test_what_is_no_gesture_is_refused(
    page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader, kind: str
) -> None:
    assert signed_in.post("/events", {"kind": kind, "item": page[0].id}).status_code == 400
    assert log(edition, alice) == []


@pytest.mark.parametrize("item", ["999999", "-1", "1.5", "x", "٣", "9" * 18, "9" * 30, "1 OR 1=1"])
def test_what_is_no_item_is_not_found(
    page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader, item: str
) -> None:
    assert signed_in.post("/events", {"kind": "upvote", "item": item}).status_code == 404
    assert log(edition, alice) == []


@pytest.mark.parametrize("data", [{}, {"paper": ""}, {"paper": "arxiv:9999.99999"}, {"paper": "x' OR 1=1"}])
def test_what_is_no_paper_is_not_found(edition: Database, signed_in: Any, data: dict[str, str]) -> None:
    assert signed_in.post("/events", {"kind": "upvote", **data}).status_code == 404


def test_another_readers_item_is_not_found(
    page: tuple[RankedItem, ...], sign_in: Callable[[Reader], Any], bob: Reader, edition: Database, alice: Reader
) -> None:
    theirs = sign_in(bob)
    assert theirs.post("/events", {"kind": "upvote", "item": page[0].id}).status_code == 404
    assert theirs.get(f"/go/{page[0].id}").status_code == 404
    assert theirs.get(f"/why/{page[0].id}").status_code == 404
    assert log(edition, alice) == log(edition, bob) == []


def test_fifty_presses_at_once_are_one_event(
    app: Flask, page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader
) -> None:
    cookie, token = signed_in.client.get_cookie("broadsheet").value, signed_in.token

    def press(_: int) -> int:
        client = app.test_client()
        client.set_cookie("broadsheet", cookie)
        return client.post("/events", data={"csrf_token": token, "kind": "upvote", "item": page[0].id}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press, range(50))) == {303}
    assert [event.kind for event in log(edition, alice)] == [UP]


def test_following_a_link_is_a_click(page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader) -> None:
    response = signed_in.get(f"/go/{page[0].id}")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("https://arxiv.org/abs/")
    assert response.headers["Cache-Control"] == "no-store"
    (event,) = log(edition, alice)
    assert (event.kind, event.item_id, event.channel) == (EventKind.CLICK, page[0].id, Channel.WEB)


@pytest.mark.parametrize("query", ["?url=https://evil.example", "?next=//evil.example", "?to=javascript:1"])
def test_a_link_leads_only_to_the_papers_own_address(page: tuple[RankedItem, ...], signed_in: Any, query: str) -> None:
    assert signed_in.get(f"/go/{page[0].id}{query}").headers["Location"] == signed_in.get(f"/go/{page[0].id}").headers["Location"]


def test_more_gestures_than_a_hand_can_make_wait(edition: Database, signed_in: Any, alice: Reader) -> None:
    paper_id = make_paper(84).id
    presses = [{"kind": (UP, DOWN)[number % 2], "paper": paper_id} for number in range(242)]
    assert [signed_in.post("/events", press).status_code for press in presses] == [303] * 240 + [429] * 2
    assert len(log(edition, alice)) == 240


@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch"}), ("GET", {"Purpose": "prefetch"})]
)
def test_looking_ahead_is_no_click(
    page: tuple[RankedItem, ...], signed_in: Any, edition: Database, alice: Reader, method: str, headers: dict[str, str]
) -> None:
    assert signed_in.client.open(f"/go/{page[0].id}", method=method, headers=headers).status_code == 302
    assert log(edition, alice) == []


def test_the_other_links_of_a_paper(edition: Database, settings: Settings, signed_in: Any, alice: Reader) -> None:
    paper = make_paper(
        900, pdf_url="https://arxiv.org/pdf/900", code_url="javascript:alert(1)", project_url="https://project.example/"
    )
    fill(edition, settings, [paper])
    signed_in.get("/")
    (item,) = [item for item in items(edition, alice) if item.paper_id == paper.id]
    assert signed_in.get(f"/go/{item.id}/pdf").headers["Location"] == "https://arxiv.org/pdf/900"
    assert signed_in.get(f"/go/{item.id}/project").headers["Location"] == "https://project.example/"
    assert signed_in.get(f"/go/{item.id}/code").status_code == 404
    assert signed_in.get(f"/go/{item.id}/other").status_code == 404
    assert len(log(edition, alice)) == 2


def test_a_vote_from_a_papers_own_page_answers_no_item(edition: Database, signed_in: Any, alice: Reader) -> None:
    paper_id = make_paper(84).id
    assert signed_in.post("/events", {"kind": "upvote", "paper": paper_id, "next": f"/paper/{paper_id}"}).status_code == 303
    (event,) = log(edition, alice)
    assert (event.paper_id, event.item_id) == (paper_id, None)

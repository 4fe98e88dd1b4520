"""The walk of one upvote, told over HTTP: a press appends one event, the next look at the page makes it anew, undo takes it back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from factories import DAY, TOPICS, make_edition

from recommender.settings import Settings
from recommender.store import events, pages, readers
from recommender.store.db import Database
from recommender.types import Event, EventKind, RankedPage
from web.app import create_app
from web.auth import owner_link

TOPIC = {f"{number}": topic for number, topic in enumerate(TOPICS, start=1)}


class Reading:
    """One reader's browser, and what is behind it."""

    def __init__(self, database: Database, settings: Settings, now: Any) -> None:
        self.database = database
        self.client = create_app(settings, database=database, clock=lambda: now).test_client()
        link = owner_link(database, settings, now)
        assert self.client.get(link.removeprefix(settings.public_url)).status_code == 302
        with database.read() as session:
            owner = readers.owner(session)
        assert owner is not None
        self.reader_id = owner.id

    def look(self) -> list[tuple[int, str]]:
        """Open the page; return (item, paper) in order."""
        self.html = self.client.get("/?show=60").get_data(as_text=True)
        return [
            (int(item), paper) for item, paper in re.findall(r'<article [^>]*id="item-(\d+)" data-paper="([^"]+)"', self.html)
        ]

    def press(self, kind: str, item: int) -> str:
        """Press a button; return where it leads."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.html)
        assert token is not None
        form = {"csrf_token": token[1], "kind": kind, "item": item, "next": "/?show=60"}
        response = self.client.post("/events", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert response.status_code == 303
        return response.headers["Location"]

    @property
    def page(self) -> RankedPage:
        with self.database.read() as session:
            page = pages.latest(session, self.reader_id, DAY)
        assert page is not None
        return page

    @property
    def log(self) -> list[Event]:
        with self.database.read() as session:
            return events.history(session, self.reader_id)


@pytest.fixture
def reading(edition: Database, settings: Settings, now: Any) -> Reading:
    return Reading(edition, settings, now)


def topic(paper_id: str) -> str:
    return TOPIC[paper_id.split(".")[1][0]]


def test_one_upvote_moves_the_page_and_undo_puts_it_back(reading: Reading) -> None:
    before = reading.look()
    assert len(before) == len(make_edition())
    assert reading.page.revision == 1
    item, paper = before[9]

    # The press: one event that names the item it answered; the page is not touched.
    place = reading.press("upvote", item)
    assert place.startswith("/?show=60#")
    (event,) = reading.log
    assert (event.paper_id, event.kind, event.item_id) == (paper, EventKind.UPVOTE, item)
    assert reading.page.revision == 1

    # The next look: the page is older than the log, so it is made anew; the model is the same one.
    model = reading.page.model
    after = reading.look()
    assert (reading.page.revision, reading.page.cursor, reading.page.model) == (2, event.id, model)
    assert after[9][1] == paper  # where the hand is, nothing moves
    assert f'id="{place.partition("#")[2]}"' in reading.html
    assert "You upvoted this." in reading.html
    assert sum(topic(other) == topic(paper) for _, other in after[:9]) > sum(
        topic(other) == topic(paper) for _, other in before[:9]
    )
    assert topic(after[0][1]) == topic(paper)
    assert re.search("which you (just )?liked", reading.html)

    # Undo: one more event, and the order is exactly what it was.
    reading.press("clear", after[9][0])
    assert [other for _, other in reading.look()] == [other for _, other in before]
    assert [event.kind for event in reading.log] == [EventKind.UPVOTE, EventKind.CLEAR]
    assert reading.page.revision == 3


def test_a_press_repeated_and_a_link_followed_move_nothing(reading: Reading) -> None:
    first = reading.look()
    for _ in range(3):
        reading.press("upvote", first[4][0])
    second = reading.look()
    assert reading.page.revision == 2
    assert reading.client.get(f"/go/{second[0][0]}").status_code == 302
    assert reading.look() == second
    assert reading.page.revision == 2
    assert [event.kind for event in reading.log] == [EventKind.UPVOTE, EventKind.CLICK]


def test_what_was_shown_of_each_revision_is_known(reading: Reading) -> None:
    first = reading.look()
    reading.press("downvote", first[0][0])
    second = reading.look()
    with reading.database.read() as session:
        shown = [[item.item.id for item in page.items] for page in pages.shown(session)]
    assert shown == [[item for item, _ in first], [item for item, _ in second]]

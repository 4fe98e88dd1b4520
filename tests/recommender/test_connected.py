"""Connected libraries: each read when it is due, from where it was left; one that refuses costs the others nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
import pytest
from factories import DAY, NOW, make_edition, make_reader

from recommender.connected import Read, read_libraries
from recommender.settings import Settings
from recommender.sources import Fetcher
from recommender.store import connections, events
from recommender.store.connections import ZOTERO, Connection
from recommender.store.db import Database
from recommender.store.readers import Reader

HOUR = timedelta(hours=1)


@dataclass
class Zotero:
    """What is in each account's library, and what is refused."""

    settings: Settings
    titles: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        account = request.url.path.split("/")[2]
        self.asked.append(f"{account} {request.url.params.get('since', '')}".strip())
        self.meanwhile()
        if account in self.refused:
            return httpx2.Response(self.refused[account], headers={"Retry-After": "7200"} if self.refused[account] == 429 else {})
        items = [{"data": {"itemType": "preprint", "title": title}} for title in self.titles.get(account, [])]
        headers = {"Total-Results": str(len(items)), "Last-Modified-Version": str(len(items))}
        return httpx2.Response(200, content=iter([json.dumps(items).encode()]), headers=headers)

    def read(self, database: Database, now: datetime = NOW) -> Read:
        sources = self.settings.sources.model_copy(update={"min_interval_s": 0, "attempts": 1})
        fetcher = Fetcher(sources, transport=httpx2.MockTransport(self), sleep=lambda _: None)
        return read_libraries(database, self.settings, now=now, fetcher=fetcher)


@pytest.fixture
def zotero(settings: Settings) -> Zotero:
    return Zotero(
        settings, {"1": [make_edition(DAY)[0].title, "On the care of lighthouses at sea"], "2": [make_edition(DAY)[1].title]}
    )


def connect(database: Database, reader: Reader, account: str, interest: int = 0, now: datetime = NOW) -> None:
    with database.write() as session:
        connections.connect(session, reader.id, ZOTERO, account=account, secret="k" * 24, interest=interest, now=now)


def stored(database: Database, reader: Reader) -> Connection:
    with database.read() as session:
        found = connections.get(session, reader.id, ZOTERO)
    assert found is not None
    return found


def likes(database: Database, reader: Reader) -> list[str]:
    with database.read() as session:
        return events.likes(events.history(session, reader.id))


def test_nobody_connected_nobody_asked(edition: Database, zotero: Zotero) -> None:
    assert zotero.read(edition) == Read()
    assert zotero.asked == []


def test_libraries_become_likes_of_their_readers(edition: Database, zotero: Zotero, alice: Reader, bob: Reader) -> None:
    connect(edition, alice, "1", interest=3)
    connect(edition, bob, "2")
    assert zotero.read(edition) == Read(libraries=2, likes=3, own=1)
    assert make_edition(DAY)[0].id in likes(edition, alice)
    assert likes(edition, bob) == [make_edition(DAY)[1].id]
    with edition.read() as session:
        assert {event.interest for event in events.history(session, alice.id)} == {3}
    assert (stored(edition, alice).cursor, stored(edition, alice).asked_at) == ("2", NOW)


def test_a_library_is_read_again_when_it_is_due_and_from_where_it_was_left(
    edition: Database, zotero: Zotero, alice: Reader
) -> None:
    connect(edition, alice, "1")
    for hours in (0, 1, 5, 6, 7):
        zotero.read(edition, NOW + hours * HOUR)
    assert zotero.asked == ["1", "1 2"]
    assert len(likes(edition, alice)) == 2


def test_a_refusal_is_noted_and_tried_again_in_an_hour(edition: Database, zotero: Zotero, alice: Reader, bob: Reader) -> None:
    connect(edition, alice, "1")
    connect(edition, bob, "2")
    zotero.refused = {"1": 403}
    done = zotero.read(edition)
    assert (done.libraries, list(done.failed)) == (1, [alice.id])
    assert "refused the key" in (stored(edition, alice).error or "")
    assert likes(edition, bob)
    zotero.refused = {}
    zotero.read(edition, NOW + HOUR / 2)
    assert stored(edition, alice).error
    zotero.read(edition, NOW + HOUR)
    assert stored(edition, alice).error is None
    assert len(likes(edition, alice)) == 2


def test_who_asks_for_a_rest_gets_it(edition: Database, zotero: Zotero, alice: Reader) -> None:
    connect(edition, alice, "1")
    for number in range(3):
        connect(edition, make_reader(edition, f"reader{number}"), "2")
    zotero.refused = {"1": 429}
    assert zotero.read(edition).libraries == 0
    assert zotero.asked == ["1"]


def test_what_is_disconnected_while_it_is_read_teaches_nothing(edition: Database, zotero: Zotero, alice: Reader) -> None:
    connect(edition, alice, "1")

    def leave() -> None:
        with edition.write() as session:
            connections.disconnect(session, alice.id, ZOTERO)

    zotero.meanwhile = leave
    assert zotero.read(edition).libraries == 0
    assert likes(edition, alice) == []


def test_what_is_connected_anew_while_it_is_read_is_read_by_itself(edition: Database, zotero: Zotero, alice: Reader) -> None:
    connect(edition, alice, "1")
    zotero.meanwhile = lambda: connect(edition, alice, "2", now=NOW + timedelta(seconds=1))
    zotero.read(edition)
    assert likes(edition, alice) == []
    assert stored(edition, alice).cursor == ""
    zotero.meanwhile = lambda: None
    zotero.read(edition, NOW + HOUR)
    assert likes(edition, alice) == [make_edition(DAY)[1].id]

"""The walk of one daily page: the clock reads the sources, makes pages, sends digests; the reader opens what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from factories import DAY, NOW, make_edition
from flask.testing import FlaskClient

from recommender.errors import SourceError
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.sources import Fetcher, Source
from recommender.store import accounts, digests, pages, readers, runs
from recommender.store.db import Database
from recommender.types import Channel, Paper
from web import jobs
from web.app import create_app
from web.auth import owner_link
from web.mail import MemoryMailer

TOMORROW = DAY + timedelta(days=1)


class World:
    """The sources as they stand on a day: arXiv has today's papers, Hugging Face is closed."""

    def __init__(self) -> None:
        self.now = NOW
        self.last_day = TOMORROW  # after which nothing is announced

    def open(self, name: str, settings: object, fetcher: Fetcher) -> Source:
        world = self

        class Answer:
            def __init__(self) -> None:
                self.name = name

            def fetch(self, since: object, *, now: datetime) -> Iterator[Paper]:
                if name == "huggingface":
                    raise SourceError("huggingface is closed today")
                yield from make_edition(min(world.now.date(), world.last_day), per_topic=3)

        return Answer()


class Morning:
    """One Broadsheet: its clock, its mail and its owner's browser, on a time the test moves."""

    def __init__(self, database: Database, settings: Settings, world: World) -> None:
        self.database, self.settings, self.world, self.mail = database, settings, world, MemoryMailer()
        self.client: FlaskClient = create_app(settings, database=database, clock=lambda: self.world.now).test_client()

    def sign_in(self) -> int:
        link = owner_link(self.database, self.settings, self.world.now)
        assert self.client.get(link.removeprefix(self.settings.public_url)).status_code == 302
        with self.database.write() as session:
            owner = readers.owner(session)
            assert owner is not None
            seven = self.world.now.replace(hour=7, minute=0) + timedelta(days=1)
            accounts.confirm_email(session, owner.id, "owner@example.org", now=seven)
            accounts.set_digest(session, owner.id, Schedule(7), on=True, next_at=seven)
        return owner.id

    def tick(self) -> dict[str, str]:
        done = jobs.run_due(self.database, self.settings, self.world.now, mailer=self.mail)
        return {result.job: result.status for result in done}

    def look(self) -> list[str]:
        html = self.client.get("/?show=60").get_data(as_text=True)
        return re.findall(r'<article [^>]*data-paper="([^"]+)"', html)


@pytest.fixture
def morning(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Morning:
    world = World()
    monkeypatch.setattr("recommender.ingest.open_source", world.open)
    return Morning(database, settings, world)


def test_the_walk(morning: Morning) -> None:
    reader_id = morning.sign_in()

    # The first tick: papers come in, though one source is closed; the page is made before anybody asks.
    often = ("ingest", "wanted", "libraries", "pages", "digests", "notices")
    assert morning.tick() == dict.fromkeys(often, "ok")
    with morning.database.read() as session:
        told = {source.name: source.error for source in runs.sources(session)}
        made = pages.latest(session, reader_id, DAY)
    assert told == {"arxiv": None, "huggingface": "huggingface is closed today"}
    assert made is not None
    assert len(made.items) == 18

    # The reader opens it: the stored page, as it is, and what was shown is noted.
    assert morning.look() == [item.paper_id for item in made.items]
    with morning.database.read() as session:
        again = pages.latest(session, reader_id, DAY)
        assert again is not None
        assert (again.id, again.revision) == (made.id, 1)
        assert pages.unshown(session, [item.id for item in made.items], Channel.WEB) == []
    assert morning.tick() == {}  # nothing is due twice

    # The machine sleeps from the afternoon until the next morning, past the night's learning and the digest's hour.
    morning.world.now = NOW + timedelta(hours=23, minutes=40)
    assert morning.tick() == dict.fromkeys((*often, "retrain"), "ok")
    assert morning.tick() == {}

    # One digest went out, of the new edition, and shows the top of the very page the browser shows.
    (message,) = morning.mail.sent
    with morning.database.read() as session:
        page = pages.latest(session, reader_id, TOMORROW)
        (line,) = digests.recent(session)
    assert page is not None
    assert morning.look() == [item.paper_id for item in page.items]
    assert (line.status, line.day, line.message_id) == ("sent", TOMORROW, message["Message-ID"])
    assert "Thursday, 21 May 2026" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # a letter has a text
    with morning.database.read() as session:
        ids = [item.id for item in page.items]
        assert pages.unshown(session, ids, Channel.EMAIL) == ids[10:]

    # A vote cast from the mail makes the page anew, and the paper is not in the next digest.
    up = re.search(r"http://127\.0\.0\.1:8020(/m/vote/\S+)", message.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert up is not None
    assert morning.client.post(up[1]).status_code == 200
    morning.look()
    with morning.database.read() as session:
        after = pages.latest(session, reader_id, TOMORROW)
    assert after is not None
    assert after.revision == page.revision + 1
    assert [item.paper_id for item in after.items if item.voted] == [page.items[0].paper_id]


def test_days_without_news_are_told_of_once_and_then_quiet(morning: Morning) -> None:
    morning.sign_in()
    morning.tick()
    for days in (1, 2, 3):
        morning.world.now = NOW + timedelta(days=days)
        morning.tick()
    with morning.database.read() as session:
        lines = [(line.status, line.kind) for line in digests.recent(session)]
    assert lines == [("skipped", "day"), ("sent", "quiet"), ("sent", "day")]  # the last of these days is a Saturday
    assert len(morning.mail.sent) == 2

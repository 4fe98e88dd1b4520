"""A database and a browser in, a house that time passes in out: papers are announced, the clock does what is due, people come and go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from factories import DAY, NOW, make_reader
from flask import Flask
from guests import Guests, guests
from houses import served
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.errors import SourceError
from recommender.settings import Settings
from recommender.sources import Fetcher, Source
from recommender.sources.arxiv import ArxivSource
from recommender.store import accounts, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Paper
from web import jobs, letters, passwords
from web.auth import owner_link
from web.mail import MemoryMailer

PASSWORD = "three quiet herons"


@dataclass
class Life:
    """One Broadsheet on a time that the test moves.

    Attributes
    ----------
    database : Database
    settings : Settings
    people : Guests
        Whoever comes to it, each in a window of their own.
    now : datetime
    announced : list of Paper
        What arXiv announces; a paper is served from the day of its edition on, and no longer than that day.
    known : list of Paper
        What arXiv knows when it is asked for an id.
    closed : set of str
        Sources that cannot be read.
    mail : MemoryMailer
        Every letter that the clock sent, and those that people asked for, once they have left.
    app : Flask
    """

    database: Database
    settings: Settings
    people: Guests = field(init=False)
    app: Flask = field(init=False)
    now: datetime = NOW
    announced: list[Paper] = field(default_factory=list)
    known: list[Paper] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    mail: MemoryMailer = field(default_factory=MemoryMailer)

    def open(self, name: str, _settings: object, _fetcher: Fetcher) -> Source:
        """Open a source as it stands at this hour."""
        life = self

        class Answer:
            def __init__(self) -> None:
                self.name = name

            def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
                if name in life.closed:
                    raise SourceError("it is closed today")
                if name == ArxivSource.name:
                    yield from (paper for paper in life.announced if since <= paper.edition == now.date())

        return Answer()

    def look_up(self, ids: Sequence[str]) -> Iterator[Paper]:
        """Answer as arXiv does when it is asked for papers by id."""
        if ArxivSource.name in self.closed:
            raise SourceError("it is closed today")
        yield from (paper for paper in self.known if paper.id in ids)

    def pass_to(self, day: date, hour: int = 8) -> None:
        """Let time pass until an hour of a day; the clock does what has become due, once."""
        self.now = datetime.combine(day, time(hour), UTC)
        self.tick()

    def wait(self, **how_long: float) -> None:
        """Let some time pass, as `timedelta` counts it; the clock does what has become due."""
        self.now += timedelta(**how_long)
        self.tick()

    def tick(self) -> dict[str, str]:
        """Let the clock do what is due; return how each job ended."""
        done = jobs.run_due(self.database, self.settings, self.now, mailer=self.mail)
        assert [result.problem for result in done if result.status == "failed"] == []
        return {result.job: result.status for result in done}

    def owner(self) -> Reader:
        """Whoever the house belongs to."""
        with self.database.read() as session:
            found = readers.owner(session)
        assert found is not None
        return found

    def settle(self, name: str, **facts: object) -> Reader:
        """Give somebody an account, with a password."""
        made = make_reader(self.database, name, now=self.now, **facts)
        with self.database.write() as session:
            accounts.set_password(session, made.id, passwords.hashed(PASSWORD))
        return made

    def sign_in(self, name: str, **options: object) -> Page:
        """Let a reader come in by the door, with their password."""
        page = self.people.arrive("/", **options)
        enter(page, name, PASSWORD)
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        return page


@contextmanager
def life(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """Open a house in which it is the morning of `DAY`; at the end nobody's browser has complained."""
    hasty = settings.sources.model_copy(update={"min_interval_s": 0.0})  # nobody out there is to be spared
    made = Life(database, settings.model_copy(update={"sources": hasty}))
    monkeypatch.setattr("recommender.ingest.open_source", made.open)
    monkeypatch.setattr(ArxivSource, "lookup", lambda _source, ids: made.look_up(ids))
    with served(database, made.settings, clock=lambda: made.now) as (app, _here):
        made.app, made.settings = app, app.extensions["broadsheet"].settings
        letters.use(app, made.mail)
        with guests(browser, owner_link(database, made.settings, NOW)) as coming:
            made.people = coming
            yield made


def enter(page: Page, name: str, password: str) -> None:
    """Fill in the form at the door and press the button."""
    page.get_by_label("Name or e-mail address").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def dated(papers: Sequence[Paper], day: date = DAY, **changes: object) -> list[Paper]:
    """Return papers as they are announced again on another day."""
    return [replace(paper, edition=day, **changes) for paper in papers]  # type: ignore[arg-type]


def topic(paper_id: str) -> int:
    """Return which topic of the factories an id is of."""
    return int(paper_id.split(".")[1][0]) - 1


def shown(page: Page | Locator) -> list[str]:
    """Return the ids of the papers on the page, from the top; or of some that were looked for."""
    found = page if isinstance(page, Locator) else page.locator("article[data-paper]")
    return found.evaluate_all("articles => articles.map(one => one.dataset.paper)")


def one(page: Page, paper_id: str) -> Locator:
    """The paper of this id, as the page shows it."""
    return page.locator(f'article[data-paper="{paper_id}"]')


def press(page: Page, paper_id: str, name: str) -> None:
    """Press the button of that name under a paper."""
    one(page, paper_id).get_by_role("button", name=name).click()


def foot(page: Page, name: str) -> None:
    """Follow a link at the foot of the page."""
    page.get_by_role("contentinfo").get_by_role("link", name=name, exact=True).click()


def settled(page: Page) -> None:
    """Wait until what was pressed last has been answered and is on the page."""
    expect(page.locator(".htmx-request")).to_have_count(0)

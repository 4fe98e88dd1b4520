"""A filled database in, a page in headless Chromium out: the real application on a real port of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import DAY, NOW, fill, make_edition
from houses import FLAGS, NAMES, House, served
from letters_received import received, sign_in_link
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from rich_world import settle_in

from recommender.settings import Settings, load
from recommender.store.db import Database, open_database
from web.auth import owner_link


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all walks."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(NAMES)})")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def address(database: Database, settings: Settings) -> Iterator[str]:
    """The link that signs the owner in, of an application that serves an edition of 120 papers."""
    fill(database, settings, make_edition(DAY, per_topic=20))
    with served(database, settings) as (app, here):
        link = owner_link(database, app.extensions["broadsheet"].settings, NOW)
        assert link.startswith(here)
        yield link


@pytest.fixture(scope="session")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory, _migrated: Path) -> Iterator[House]:
    """One lived-in house for all tests that only look."""
    settings = load(
        {},
        home=tmp_path_factory.mktemp("house") / "home",
        embed={"model": "hashing"},
        edition="real",
        web={"signup": "open"},
        mail={"mailer": "memory"},
    )
    settings.folder.mkdir(parents=True)
    shutil.copy(_migrated, settings.folder / "broadsheet.db")
    database = open_database(settings.url)
    world = settle_in(database, settings)
    with served(database, settings) as (app, here):
        world.words.update(received(app, world))
        keys: dict[str, list[dict[str, object]]] = {"stranger": []}
        for kind, reader in (("owner", world.owner), ("reader", world.friends[1])):
            context = browser.new_context()
            context.new_page().goto(here + sign_in_link(app, reader))
            keys[kind] = [dict(cookie) for cookie in context.cookies()]
            context.close()
        yield House(app, here, world, keys)
    database.close()


@pytest.fixture
def context(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    return opened

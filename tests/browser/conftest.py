"""A filled database in, a page in headless Chromium out: the real application on a real port of this machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from factories import DAY, NOW, fill, make_edition
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from recommender.settings import Settings
from recommender.store.db import Database
from web.app import create_app
from web.auth import owner_link

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")


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
    app = create_app(settings, database=database, clock=lambda: NOW)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    here = f"http://127.0.0.1:{server.server_port}"
    state = app.extensions["broadsheet"]
    web = settings.web.model_copy(update={"port": server.server_port})
    app.extensions["broadsheet"] = replace(state, settings=settings.model_copy(update={"web": web}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    link = owner_link(database, app.extensions["broadsheet"].settings, NOW)
    assert link.startswith(here)
    yield link
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


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

"""A database in, browsers out: the application with a frozen clock, and clients that behave as a browser does."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from mailers import *  # noqa: F403  (a mail server on loopback)
from werkzeug.test import TestResponse

from recommender.settings import Settings
from recommender.store import readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from web.app import create_app
from web.auth import LINK_LIVES, SIGN_IN

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Browser:
    """The plain client with what a browser adds to it: it sends the token of the forms it was shown."""

    client: FlaskClient
    token: str = ""
    last: str = field(default="", repr=False)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        response = self.client.get(path, **kwargs)
        response.get_data()
        response.close()  # a static file stays open until then
        if response.mimetype == "text/html":
            self.last = response.get_data(as_text=True)
            found = TOKEN.search(self.last)
            self.token = html.unescape(found[1]) if found else self.token
        return response

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        if not self.token:
            self.get("/account")
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **kwargs)

    def follow(self, response: TestResponse) -> str:
        """Go where a redirect points to, and return the page."""
        assert response.status_code in (302, 303), response.status
        return self.get(response.headers["Location"].partition("#")[0]).get_data(as_text=True)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def app(settings: Settings, database: Database, clock: Clock) -> Iterator[Flask]:
    made = create_app(settings, database=database, clock=clock)
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


@pytest.fixture
def client(app: Flask) -> Browser:
    """A browser nobody has signed in with."""
    return Browser(app.test_client())


@pytest.fixture
def sign_in(app: Flask, database: Database, clock: Clock) -> Callable[[Reader], Browser]:
    def opened(reader: Reader) -> Browser:
        with database.write() as session:
            token = readers.issue_token(session, reader.id, SIGN_IN, now=clock(), lives=LINK_LIVES)
        browser = Browser(app.test_client())
        assert browser.get(f"/signin/{token}").status_code == 302
        return browser

    return opened


@pytest.fixture
def signed_in(sign_in: Callable[[Reader], Browser], alice: Reader) -> Browser:
    """Alice's browser."""
    return sign_in(alice)

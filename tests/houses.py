"""A database in, the application on a real port of this machine out, with or without people living in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from factories import NOW
from flask import Flask
from rich_world import RichWorld
from werkzeug.serving import WSGIRequestHandler, make_server

from recommender.settings import Settings
from recommender.store.db import Database
from web.app import create_app

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


@dataclass(frozen=True)
class House:
    """The application with people living in it.

    Attributes
    ----------
    app : Flask
    here : str
        Its address.
    world : RichWorld
    keys : dict
        What a browser holds in which each kind of person is signed in: "owner", "reader", and "stranger", who is not.
    """

    app: Flask
    here: str
    world: RichWorld
    keys: dict[str, list[dict[str, object]]]

    @property
    def cookies(self) -> list[dict[str, object]]:
        """What a browser holds in which the owner is signed in."""
        return self.keys["owner"]


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of each request."""


@contextmanager
def served(database: Database, settings: Settings, *, clock: Callable[[], datetime] = lambda: NOW) -> Iterator[tuple[Flask, str]]:
    """Serve the application on a free port of this machine; gives it and its address."""
    app = create_app(settings, database=database, clock=clock)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    state = app.extensions["broadsheet"]
    web = settings.web.model_copy(update={"port": server.server_port})
    app.extensions["broadsheet"] = replace(state, settings=settings.model_copy(update={"web": web}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield app, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()

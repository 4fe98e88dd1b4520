"""DOOR: settings in, a running server: gunicorn, with threads, started from code."""

from __future__ import annotations

import socket
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from recommender.settings import Settings
from web.app import create_app

__all__ = ["free_port", "options", "run"]

GRACE_S = 20  # seconds a stopping server leaves to requests that are being answered


def run(settings: Settings) -> None:
    """Serve until told to stop (SIGINT or SIGTERM); each process opens the database for itself."""
    _Server(settings).run()


def free_port(settings: Settings) -> Settings:
    """Return the settings with a real port where they ask for any free one (port 0), so that printed links are right."""
    if settings.web.port:
        return settings
    family = socket.AF_INET6 if ":" in settings.web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((settings.web.host, 0))
        port = int(probe.getsockname()[1])
    return settings.model_copy(update={"web": settings.web.model_copy(update={"port": port})})


def options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings."""
    host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
    return {
        "bind": f"{host}:{settings.web.port}",
        "workers": settings.web.workers,
        "threads": settings.web.threads,
        "worker_class": "gthread",
        "graceful_timeout": GRACE_S,
        "loglevel": "warning",
        "proc_name": "broadsheet",
        "limit_request_line": 4094,
        "control_socket_disable": True,  # nobody but its parent steers it
    }


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with our settings and our application."""

    def __init__(self, settings: Settings) -> None:
        self._broadsheet = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self._broadsheet).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application inside a worker: a database connection must not be shared across a fork."""
        return create_app(self._broadsheet)

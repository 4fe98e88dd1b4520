"""The real server: it starts, answers, stops when told, and says nothing it need not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from recommender.settings import Settings, load
from recommender.store.db import Database
from web.serve import free_port, options

PROGRAM = "import sys; from recommender.settings import load; from web import serve; serve.run(load())"
ROOT = Path(__file__).parents[2]


def test_a_free_port_is_a_real_one(settings: Settings) -> None:
    asked = settings.model_copy(update={"web": settings.web.model_copy(update={"port": 0})})
    given = free_port(asked)
    assert given.web.port > 0
    assert given.public_url == f"http://127.0.0.1:{given.web.port}"
    assert free_port(given) is given


def test_the_servers_options_follow_the_settings() -> None:
    made = options(load({"BROADSHEET_WEB__WORKERS": "3", "BROADSHEET_WEB__THREADS": "7", "BROADSHEET_WEB__HOST": "::1"}))
    assert (made["workers"], made["threads"], made["bind"], made["worker_class"]) == (3, 7, "[::1]:8020", "gthread")
    assert options(load({}))["bind"] == "127.0.0.1:8020"


def test_it_serves_and_stops_when_told(settings: Settings, database: Database) -> None:
    ready = free_port(settings.model_copy(update={"web": settings.web.model_copy(update={"port": 0})}))
    environment = {
        **os.environ,
        "BROADSHEET_HOME": str(settings.folder),
        "BROADSHEET_EDITION": "real",
        "BROADSHEET_WEB__PORT": str(ready.web.port),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert _answer(f"{ready.public_url}/readyz") == (200, "ok\n")
        assert _answer(f"{ready.public_url}/")[0] == 401
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2, said


def _answer(url: str) -> tuple[int, str]:
    """Ask until the server has started, for at most thirty seconds."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(url)

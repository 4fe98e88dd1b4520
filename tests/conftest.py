"""Nothing in, the suite's standing cast out: a frozen clock, a migrated database, settings that touch nothing outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_reader
from postgres import *  # noqa: F403  (the throw-away PostgreSQL)

from recommender.settings import Settings, load
from recommender.store import schema
from recommender.store.db import Database, open_database
from recommender.store.readers import Reader


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("BROADSHEET_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260520)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, home=tmp_path / "home", embed={"model": "hashing"}, edition="real")


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated database file, copied for each test: migrations run once, and every test starts clean."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    database = open_database(f"sqlite+pysqlite:///{path}")
    schema.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture
def database(settings: Settings, _migrated: Path) -> Iterator[Database]:
    settings.folder.mkdir(parents=True)
    shutil.copy(_migrated, settings.folder / "broadsheet.db")
    opened = open_database(settings.url)
    yield opened
    opened.close()


@pytest.fixture
def edition(database: Database, settings: Settings) -> Database:
    """A database with today's edition: six topics, eight papers each."""
    fill(database, settings, make_edition(DAY))
    return database


@pytest.fixture
def alice(database: Database) -> Reader:
    return make_reader(database, "alice")


@pytest.fixture
def bob(database: Database) -> Reader:
    return make_reader(database, "bob")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the files of tests/golden anew; then read the difference"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name in tests/golden."""

    def same(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} has changed: if that is meant, run pytest --update-golden"

    return same

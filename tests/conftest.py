"""Nothing in, the suite's standing cast out: a frozen clock, a migrated database, settings that touch nothing outside.

What thousands of tests begin with is made once by each process: a migrated file, the same with today's edition, the code of every
template and address. A test gets a copy of a file, and of the rest what nothing can write to.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded: the cores are the test processes', and threads that wait cost CPU

import gc
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from compiled_once import *  # noqa: F403  (templates and addresses)
from factories import DAY, NOW, fill, make_edition, make_reader
from postgres import *  # noqa: F403  (the throw-away PostgreSQL)

from recommender.settings import Settings, load
from recommender.store import papers, schema
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
    return _settings(tmp_path / "home")


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated database file, copied for each test: migrations run once, and every test starts clean."""
    path = tmp_path_factory.mktemp("schema") / "broadsheet.db"
    database = open_database(f"sqlite+pysqlite:///{path}")
    schema.upgrade(database)
    _close_whole(database)
    return path


@pytest.fixture(scope="session")
def _announced(_migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with today's edition, read by the encoder, beside the model that reading it made: for each test that has `edition`."""
    settings = _settings(tmp_path_factory.mktemp("announced") / "home")
    shutil.copytree(_migrated.parent, settings.folder)
    database = open_database(settings.url)
    fill(database, settings, make_edition(DAY))
    _close_whole(database)
    return settings.folder / _migrated.name


@pytest.fixture
def database(settings: Settings, _migrated: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database in a folder of the test's own; today's edition is in it already if the test has `edition` too."""
    begun: Path = request.getfixturevalue("_announced") if "_announced" in request.fixturenames else _migrated
    shutil.copytree(begun.parent, settings.folder)  # never links: some tests damage their files
    opened = open_database(settings.url)
    yield opened
    opened.close()


@pytest.fixture
def edition(database: Database, settings: Settings, _announced: Path) -> Database:
    """A database with today's edition: six topics, eight papers each."""
    with database.read() as session:
        empty = papers.count(session) == 0
    if empty:  # it is no copy: PostgreSQL
        fill(database, settings, make_edition(DAY))
    return database


def _settings(home: Path) -> Settings:
    return load({}, home=home, embed={"model": "hashing"}, edition="real")


def _close_whole(database: Database) -> None:
    """Close a database so that everything is in its one file: what is still in the write-ahead log would not be copied."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


@pytest.fixture
def alice(database: Database) -> Reader:
    return make_reader(database, "alice")


@pytest.fixture
def bob(database: Database) -> Reader:
    return make_reader(database, "bob")


def pytest_collection_finish() -> None:
    """Leave what was loaded and collected out of every later search for garbage: it stays to the end."""
    gc.freeze()


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

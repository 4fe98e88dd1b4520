"""Nothing in, both databases out: every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from recommender.store.db import Database

T = TypeVar("T")
Together = Callable[[Sequence[Callable[[], T]]], list[T]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, database: Database) -> Database:
    """The database of a test: the suite's own file, or a fresh one on the throw-away server."""
    if request.param == "sqlite":
        return database
    server: Database = request.getfixturevalue("postgres_database")
    return server


@pytest.fixture
def together() -> Together[object]:
    """Run calls at the same moment, each in a thread of its own, and return what they returned."""

    def run(calls: Sequence[Callable[[], T]]) -> list[T]:
        start = threading.Barrier(len(calls), timeout=20)

        def one(call: Callable[[], T]) -> T:
            start.wait()
            return call()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(one, calls, timeout=60))

    return run

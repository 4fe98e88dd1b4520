"""How long everyone's lists take over 20,000 stored papers, a tenth of which have up-votes at their source."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommender.store import events, lists, papers, readers, schema
from recommender.store.db import Database, open_database
from recommender.store.lists import Filters
from recommender.types import EventKind, Paper, Signals

PAPERS, DAYS, READERS, VOTES, BATCH = 20_000, 60, 30, 100, 2_000
NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Two months of some 330 papers a day, and 3,000 votes."""
    database = open_database(f"sqlite+pysqlite:///{tmp_path_factory.mktemp('lists') / 'many.db'}")
    schema.upgrade(database)
    rng = random.Random(20260520)
    stored = [_paper(number, rng) for number in range(PAPERS)]
    for start in range(0, PAPERS, BATCH):
        with database.write() as session:
            papers.upsert(session, stored[start : start + BATCH], now=NOW - timedelta(hours=3))
    with database.write() as session:
        for number in range(READERS):
            reader = readers.create(session, f"reader {number}", now=NOW)
            for paper in rng.sample(stored, VOTES):
                at = NOW - timedelta(hours=rng.randrange(1, 24 * DAYS))
                events.append(session, reader.id, paper.id, EventKind.UPVOTE, at=at)
    yield database
    database.close()


def _paper(number: int, rng: random.Random) -> Paper:
    day = NOW.date() - timedelta(days=number % DAYS)
    return Paper(
        id=f"arxiv:2605.{number:05d}",
        title=f"Paper {number}",
        abstract="words of an abstract " * 60,
        authors=("A. One", "B. Two"),
        categories=(rng.choice(["cs.LG", "cs.CV", "cs.CL"]), rng.choice(["cs.AI", "cs.RO"])),
        published=NOW - timedelta(days=number % DAYS + 1, seconds=number),
        edition=day,
        source="arxiv",
        signals=Signals(upvotes=rng.randrange(1, 60)) if number % 10 == 0 else Signals(),
    )


@pytest.mark.parametrize("order", ["trending", "newest"])
@pytest.mark.parametrize("days", [1, 7, 14, 30])
@pytest.mark.parametrize(
    "filters", [Filters(), Filters(category="cs.LG", source="arxiv", announce="new")], ids=["all", "narrowed"]
)
def test_bench_a_list(filled: Database, benchmark: Any, order: str, days: int, filters: Filters) -> None:
    last = NOW.date()

    def read() -> lists.Slice:
        with filled.read() as session:
            first = last - timedelta(days=days - 1)
            return lists.listed(session, first, last, order=order, now=NOW, k=20, filters=filters)

    assert len(benchmark(read).ids) == 20

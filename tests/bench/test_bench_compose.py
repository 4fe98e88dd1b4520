"""How long it takes to write digests of ten papers: 1,000 of pages that are stored, and whole ones, from the log to the bytes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition

from recommender.desk import Desk
from recommender.rankers import Rankers
from recommender.settings import Settings
from recommender.store import events, pages, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind, Paper, RankedItem, RankedPage, Reason
from web.digest import draft
from web.links import Signer, secret_key

pytestmark = pytest.mark.timeout(0)
PEOPLE, PER_TOPIC = 1_000, 40
LIKED = Reason.of("similar", "Close to “%s”, which you liked", "Spectral methods for graphs")


@dataclass(frozen=True)
class House:
    """A database with an edition and people who liked a few papers."""

    database: Database
    settings: Settings
    people: Sequence[Reader]
    papers: Sequence[Paper]


class Stored:
    """A desk that only takes up what is stored."""

    note = None

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_day(self, now: datetime) -> date:
        return now.date()

    def page(self, reader_id: int, day: date, *, now: datetime, interest: int = 0) -> RankedPage:
        with self._database.read() as session:
            found = pages.latest(session, reader_id, day, interest)
        assert found is not None
        return found


@pytest.fixture
def house(database: Database, settings: Settings) -> House:
    papers = make_edition(DAY, per_topic=PER_TOPIC)
    fill(database, settings, [*papers, *make_edition(DAY - timedelta(days=1), per_topic=8)])
    with database.write() as session:
        people = [
            readers.create(session, f"reader {n}", now=NOW, email=f"reader-{n}@example.org", is_owner=not n)
            for n in range(PEOPLE)
        ]
    return House(database, settings, people, papers)


def keep_pages(house: House) -> None:
    """Store a page of sixty papers for everybody, as a ranking would leave it."""
    features = np.zeros(24, np.float32)
    with house.database.write() as session:
        for number, reader in enumerate(house.people):
            own = [house.papers[(number * 7 + place * 3) % len(house.papers)] for place in range(60)]
            items = tuple(RankedItem(at, paper.id, 1.0 / at, features, (LIKED,)) for at, paper in enumerate(own, start=1))
            pages.save(session, RankedPage(reader.id, DAY, items, len(house.papers), "blend-0", "s", 0, 0, "r", NOW))


def measured(benchmark: Any, write: Callable[[Reader], Any], people: Sequence[Reader], what: str) -> None:
    """Time each digest by itself, by the clock and by what was computed; on a busy machine they differ."""
    taken: dict[str, list[float]] = {"wall": [], "computed": []}

    def everybody() -> None:
        for reader in people:
            begun, worked = time.perf_counter(), time.process_time()
            assert len(bytes(write(reader).message)) > 5_000
            taken["wall"].append(1000 * (time.perf_counter() - begun))
            taken["computed"].append(1000 * (time.process_time() - worked))

    benchmark.pedantic(everybody, rounds=2)
    for name, spent in taken.items():
        cuts = statistics.quantiles(spent, n=20)
        benchmark.extra_info.update({f"{name}_p50_ms": round(cuts[9], 2), f"{name}_p95_ms": round(cuts[18], 2)})
        print(f"\n{what}, {name}: p50 {cuts[9]:.2f} ms, p95 {cuts[18]:.2f} ms, mean {statistics.mean(spent):.2f} ms", end="")


@pytest.mark.parametrize("what", ["page at hand", "page in the store"])
def test_bench_composing(house: House, benchmark: Any, what: str) -> None:
    """From a page to the bytes of a message; the page is at hand, or has to be read with its sixty papers."""
    keep_pages(house)
    stored, signer = Stored(house.database), Signer(secret_key(house.settings))
    if what == "page at hand":
        ready = {reader.id: stored.page(reader.id, DAY, now=NOW) for reader in house.people}
        stored.page = lambda reader_id, day, *, now, interest=0: ready[reader_id]  # type: ignore[method-assign]  # stands in for the desk's own
    facts: dict[str, Any] = {"day": DAY, "now": NOW, "settings": house.settings, "signer": signer}
    yesterday = DAY - timedelta(days=1)
    measured(benchmark, lambda reader: draft(house.database, stored, reader, last_edition=yesterday, **facts), house.people, what)  # type: ignore[arg-type]  # facts are the keywords it takes


def test_bench_whole_digest(house: House, benchmark: Any) -> None:
    """Ranking, storing the page and composing, for readers with five likes each."""
    desk = Desk(house.database, Rankers(house.settings.models_folder), house.settings.rank)
    signer, people = Signer(secret_key(house.settings)), house.people[:100]
    facts: dict[str, Any] = {"day": DAY, "settings": house.settings, "signer": signer, "last_edition": DAY - timedelta(days=1)}
    at = NOW - timedelta(hours=3)

    def write(reader: Reader) -> Any:
        nonlocal at
        at += timedelta(seconds=1)  # a vote before each digest: the page has to be made
        with house.database.write() as session:
            for number in range(5):
                liked = house.papers[(reader.id * 11 + number + at.second) % len(house.papers)]
                events.append(session, reader.id, liked.id, EventKind.UPVOTE, at=at)
        return draft(house.database, desk, reader, now=NOW, **facts)

    measured(benchmark, write, people, "whole digest")

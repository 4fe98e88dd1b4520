"""How many digests a core can make: 1,000 readers, 500 candidates, nothing read yet. Run with --benchmark-only -n 0.

Every reader has some thirty votes, every fifth two interests, every seventh rules; a model with a hundred trees orders their pages.
Counted is the time of the processor, on one thread: on a busy machine the clock on the wall says little.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from busy_house import House, busy_house, busy_ranker, publish
from factories import NOW
from threadpoolctl import threadpool_limits

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.settings import Settings, load
from recommender.store import readers, schema
from recommender.store.db import Database, open_database
from recommender.store.readers import Reader
from web.digest import Together, draft
from web.ledger import AT_ONCE
from web.links import Signer, secret_key
from web.smtp import octets
from web.workers import settle

T = TypeVar("T")

CANDIDATES, ARCHIVE = 500, 1500
READERS = 1000  # who get a digest, and besides them as many whose page is only ranked


@dataclass(frozen=True, slots=True)
class Run:
    """A house in which everybody is due."""

    database: Database
    settings: Settings
    house: House


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    settings = load({}, home=tmp_path_factory.mktemp("digest"), embed={"model": "hashing"}, edition="real")
    database = open_database(settings.url)
    schema.upgrade(database)
    house = busy_house(database, candidates=CANDIDATES, archive=ARCHIVE, people=2 * READERS)
    publish(database, settings, busy_ranker(house))
    before = gc.get_threshold()
    settle()  # as the clock does, and here there are the tests besides
    yield Run(database, settings, house)
    gc.set_threshold(*before)
    gc.unfreeze()
    database.close()


@pytest.mark.timeout(1800)
def test_bench_pages(run: Run, benchmark: Any) -> None:
    """Rank and store everybody's page."""
    desk = Desk(run.database, Rankers(run.settings.models_folder), run.settings.rank)

    def some(reader_ids: Sequence[int]) -> None:
        for page in desk.pages(reader_ids, run.house.day, now=NOW).values():
            assert (page.revision, len(page.items) >= 60) == (1, True)

    timed("page", run.house.readers[:READERS], some, benchmark)


@pytest.mark.timeout(1800)
def test_bench_digests(run: Run, benchmark: Any) -> None:
    """Rank and store a page, write its digest, and write that down as it crosses the wire; everybody got one yesterday."""
    desk = Desk(run.database, Rankers(run.settings.models_folder), run.settings.rank)
    facts: dict[str, Any] = {
        "settings": run.settings,
        "signer": Signer(secret_key(run.settings)),
        "last_edition": run.house.day - timedelta(days=1),
    }

    def some(readers: Sequence[Reader]) -> None:
        day = desk.open_day(NOW)
        assert day == run.house.day
        together = Together.of(run.database, desk, [reader.id for reader in readers], day, now=NOW)
        for reader in readers:
            made = draft(run.database, desk, reader, day=day, now=NOW, together=together, **facts)
            octets(made.message)
            assert len(made.item_ids) >= run.settings.mail.picks

    with run.database.read() as session:
        known = [readers.by_id(session, reader_id) for reader_id in run.house.readers[READERS:]]
    people = [replace(reader, email=f"r{reader.id}@example.org") for reader in known if reader is not None]
    timed("digest", people, some, benchmark)


def timed(what: str, everybody: Sequence[T], do: Callable[[Sequence[T]], None], benchmark: Any) -> None:
    """Do it for everybody, as many at a time as are claimed together; say how long it took, and how many that is per second."""
    taken: list[float] = []

    def all_of_them() -> None:
        for start in range(0, len(everybody), AT_ONCE):
            begun = time.process_time()
            do(everybody[start : start + AT_ONCE])
            taken.append(1000 * (time.process_time() - begun) / AT_ONCE)

    with threadpool_limits(1):
        benchmark.pedantic(all_of_them, rounds=1)
    cuts = statistics.quantiles(taken, n=20)
    facts = {"mean": statistics.mean(taken), "p5": cuts[0], "p50": cuts[9], "p95": cuts[18], "first": taken[0]}
    per_second = 1000 / facts["mean"]
    benchmark.extra_info.update(
        {f"{what}_{name}_ms": round(value, 1) for name, value in facts.items()} | {"per_second": per_second}
    )
    spread = ", ".join(f"{name} {value:.1f}" for name, value in facts.items())
    print(
        f"\n{what}, ms of one core, {AT_ONCE} at a time: {spread}; {per_second:.0f} per second and core, "
        f"{len(everybody):,} readers on {CANDIDATES} papers",
        end="",
    )

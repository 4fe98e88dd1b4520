"""How many digests a core can make: 1,000 readers, 500 candidates, nothing made yet. Run with --benchmark-only -n 0.

Every reader has some thirty votes, every fifth two interests, every seventh rules; a model with a hundred trees orders their pages.
Counted is the time of the processor, on one thread: on a busy machine the clock on the wall says little.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from busy_house import House, busy_house, busy_ranker, publish
from factories import NOW
from threadpoolctl import threadpool_limits

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.settings import Settings, load
from recommender.store import readers, schema
from recommender.store.db import Database, open_database
from web.digest import draft
from web.links import Signer, secret_key
from web.smtp import octets

CANDIDATES, ARCHIVE, READERS = 500, 1500, 1000
WARM = 50  # readers before the clock starts, since what all have in common is read once a day
COUNTED = 400  # readers it is read for


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
    house = busy_house(database, candidates=CANDIDATES, archive=ARCHIVE, people=READERS)
    publish(database, settings, busy_ranker(house))
    yield Run(database, settings, house)
    database.close()


@pytest.mark.timeout(1800)
def test_bench_pages(run: Run, benchmark: Any) -> None:
    """Rank and store everybody's page."""
    desk = Desk(run.database, Rankers(run.settings.models_folder), run.settings.rank)
    taken: list[float] = []

    def everybody() -> None:
        for reader_id in run.house.readers[: WARM + COUNTED]:
            begun = time.process_time()
            page = desk.page(reader_id, run.house.day, now=NOW)
            taken.append(1000 * (time.process_time() - begun))
            assert (page.revision, len(page.items) >= 60) == (1, True)

    with threadpool_limits(1):
        benchmark.pedantic(everybody, rounds=1)
    told("page", taken, benchmark)


@pytest.mark.timeout(1800)
def test_bench_digests(run: Run, benchmark: Any) -> None:
    """Rank and store a page, write its digest, and write that down as it crosses the wire; everybody got one yesterday."""
    desk = Desk(run.database, Rankers(run.settings.models_folder), run.settings.rank)
    signer = Signer(secret_key(run.settings))
    with run.database.read() as session:
        known = [readers.by_id(session, reader_id) for reader_id in run.house.readers[-(WARM + COUNTED) :]]
    people = [replace(reader, email=f"r{reader.id}@example.org") for reader in known if reader is not None]
    taken: list[float] = []

    def everybody() -> None:
        for reader in people:
            begun = time.process_time()
            facts: dict[str, Any] = {
                "settings": run.settings,
                "signer": signer,
                "last_edition": run.house.day - timedelta(days=1),
            }
            made = draft(run.database, desk, reader, day=run.house.day, now=NOW, **facts)
            octets(made.message)
            taken.append(1000 * (time.process_time() - begun))
            assert len(made.item_ids) >= run.settings.mail.picks

    with threadpool_limits(1):
        benchmark.pedantic(everybody, rounds=1)
    told("digest", taken, benchmark)


def told(what: str, taken: list[float], benchmark: Any) -> None:
    """Say how long it took, and how many that is per second."""
    cold, warm = taken[:WARM], taken[WARM:]
    cuts = statistics.quantiles(warm, n=20)
    facts = {"mean": statistics.mean(warm), "p5": cuts[0], "p50": cuts[9], "p95": cuts[18], "first": cold[0]}
    per_second = 1000 / facts["mean"]
    benchmark.extra_info.update(
        {f"{what}_{name}_ms": round(value, 1) for name, value in facts.items()} | {"per_second": per_second}
    )
    spread = ", ".join(f"{name} {value:.1f}" for name, value in facts.items())
    print(
        f"\n{what}, ms of one core: {spread}; {per_second:.0f} per second and core, {READERS:,} readers on {CANDIDATES} papers",
        end="",
    )

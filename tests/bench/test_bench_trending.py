"""How long it takes to write what everyone reads: to the first subscriber of an hour, and to each after that."""

from __future__ import annotations

from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import subscribers
from recommender.store.db import Database
from recommender.store.subscribers import Subscriber
from web import trending
from web.links import Signer

PEOPLE = 300
SECRET = "an example of a secret, 32 characters"


@pytest.fixture
def people(database: Database, settings: Settings) -> list[Subscriber]:
    """Subscribers of a day with 240 papers."""
    fill(database, settings, make_edition(DAY, per_topic=40))
    with database.write() as session:
        addresses = (f"reader-{number}@example.org" for number in range(PEOPLE))
        return [subscribers.confirm(session, one, Schedule(7), locale="en", now=NOW) for one in addresses]


@pytest.mark.parametrize("who", ["first", "further"])
def test_bench_trending(database: Database, settings: Settings, people: list[Subscriber], benchmark: Any, who: str) -> None:
    signer, turn = Signer(SECRET), iter(people * 10)

    def write() -> bytes:
        if who == "first":
            trending.forget(database)
        return bytes(trending.draft(database, next(turn), day=DAY, now=NOW, settings=settings, signer=signer).message)

    rounds = 20 if who == "first" else PEOPLE * 5
    sent = benchmark.pedantic(write, rounds=rounds, warmup_rounds=5)
    median = 1000 * benchmark.stats.stats.median
    print(f"\n{who}: {median:.2f} ms a message of {len(sent):,} bytes, least {1000 * benchmark.stats.stats.min:.2f} ms", end="")

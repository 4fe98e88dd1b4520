"""Digests by the thousand: a year and more of them in forty zones, and five thousand through a clock that is killed ten times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from post_killed import check, live_through
from post_walk import ZONES, walk
from pytest_benchmark.fixture import BenchmarkFixture

from recommender.store.db import Database


def test_four_hundred_days_in_forty_zones(benchmark: BenchmarkFixture, database: Database) -> None:
    claims = benchmark.pedantic(walk, (database, datetime(2026, 1, 1, tzinfo=UTC), 400), rounds=1)
    assert len(set(ZONES)) == 40
    assert claims >= 399 * 40
    print(f"\n{claims} digests claimed, {1000 * benchmark.stats.stats.mean / claims:.2f} ms each")


@pytest.mark.timeout(3000)
def test_five_thousand_readers_and_ten_killings(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    told = {"people": 5000, "killings": 10, "seed": 7}
    story = benchmark.pedantic(live_through, (tmp_path / "home",), kwargs=told, rounds=1)
    check(story, 5000)
    assert story.killed == 10
    print(
        f"\n{sum(story.received.values())} received, {len(story.refused)} refused for good, "
        f"{story.killed_while_handed} of ten killings after the last byte, {len(story.received) / benchmark.stats.stats.mean:.0f} a second"
    )

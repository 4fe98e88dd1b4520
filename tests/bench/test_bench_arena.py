"""The arena at full length: sixty days, two hundred readers, ours beside the TF-IDF and SVM peer. Run with --benchmark-only.

It takes the better part of an hour; ARENA_READERS and ARENA_DAYS make it smaller.
"""

from __future__ import annotations

import os
from datetime import date
from typing import Any

import numpy as np
import pytest

from recommender.embed import open_encoder
from recommender.settings import EmbedSettings, Settings, TrainingSettings
from training.arena import Course, play
from training.arena.measures import after_votes, recovery, relative_gain
from training.arena.players import Ours, Peer
from training.arena.world import World, make_cast, make_world
from training.metrics import Interval

READERS = int(os.environ.get("ARENA_READERS", "200"))
DAYS = int(os.environ.get("ARENA_DAYS", "60"))
SETTINGS = Settings(training=TrainingSettings(threads=1))
RNG = np.random.default_rng

pytestmark = [pytest.mark.timeout(0), pytest.mark.encoder]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(open_encoder(EmbedSettings(threads=1)), start=date(2026, 3, 2), days=DAYS)


@pytest.fixture(scope="module")
def theirs(world: World) -> Course:
    return play(world, make_cast(READERS, rng=RNG(2026)), Peer())


def test_the_season(benchmark: Any, world: World, theirs: Course, capsys: pytest.CaptureFixture[str]) -> None:
    cast, player = make_cast(READERS, rng=RNG(2026)), Ours(world, SETTINGS)
    ours = benchmark.pedantic(play, (world, cast, player), rounds=1)
    with capsys.disabled():
        print(f"\ncumulative nDCG@10: ours {ours.cumulative:.4f}, the peer {theirs.cumulative:.4f}")
        print("relative gain:", shown(relative_gain(ours, theirs, rng=RNG(1))))
        print("accepted on days", [night.offset for night in player.nights if night.accepted])
        for k, interval in after_votes(world, cast, ours, player, rng=RNG(1)).items():
            print(f"after {k} votes since a change:", shown(interval))
    assert ours.cumulative > theirs.cumulative


@pytest.mark.parametrize("who", ["ours", "peer"])
def test_everybody_changes(benchmark: Any, world: World, who: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes = (DAYS // 3, DAYS // 2)
    cast = make_cast(READERS // 3, rng=RNG(11), everyone_changes=True, change_days=changes)
    player = Ours(world, SETTINGS) if who == "ours" else Peer()
    course = benchmark.pedantic(play, (world, cast, player), {"days": min(DAYS, changes[1] + 15)}, rounds=1)
    found = recovery(cast, course, rng=RNG(1))
    with capsys.disabled():
        print(f"\n{who}: nDCG@10 before", shown(found.before), "| pages to 90 %", shown(found.steps))
        print("share of it by page:", ", ".join(shown(step) for step in found.curve))
        print("pages in days:", shown(recovery(cast, course, rng=RNG(1), by="day").steps))
    assert len(found.curve) == 11


def shown(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"

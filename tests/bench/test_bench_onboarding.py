"""How fast a page gets useful: nDCG@10 of a new reader's pages by the number of questions answered, and by what they are asked about.

Simulated readers of the sample edition answer about papers of the last fortnight; the pages of the next two days are judged by what they
truly think. Run with --benchmark-only; it takes some minutes. ONBOARDING_READERS makes it smaller.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from recommender.embed import open_encoder
from recommender.rank import eight
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.page import rank_page
from recommender.settings import EmbedSettings, RankSettings
from recommender.types import Choices, Event, EventKind
from training.arena import page_ndcg
from training.arena.world import Morning, World, make_cast, make_world
from training.metrics import Interval, bootstrap
from training.simulate import SimulatedReader, relevance

READERS = int(os.environ.get("ONBOARDING_READERS", "80"))
ANSWERS = (0, 4, 8, 12, 20)
POOL_DAYS, JUDGED_DAYS = 14, 2
SAYS_NO = 0.6  # of those who do not want a paper, how many say so; the others pass it over
LEAST_IN = 10  # papers a category needs before a reader picks it
LABELS = {EventKind.UPVOTE: 1.0, EventKind.HIDE: -1.0, EventKind.CLEAR: 0.0}
SETTINGS = RankSettings()
RNG = np.random.default_rng

pytestmark = [pytest.mark.timeout(0), pytest.mark.encoder]


@dataclass(frozen=True)
class Stage:
    """A world on the morning of somebody's first day, and the two mornings they are judged by."""

    world: World
    first: Morning
    pool: list[int]
    mornings: list[tuple[Morning, Ranker]]

    def answer(self, reader: SimulatedReader, row: int, number: int, rng: np.random.Generator) -> Event:
        """Let a reader say what they think of a paper; always as many draws, so that one answer does not shift the next."""
        paper_id = self.world.papers[row].id
        wants, says_no = rng.random() < relevance(reader, paper_id, 0), rng.random() < SAYS_NO
        kind = EventKind.UPVOTE if wants else EventKind.HIDE if says_no else EventKind.CLEAR
        return Event(number + 1, 1, paper_id, kind, self.first.opening - timedelta(minutes=60 - number))

    def picks(self, reader: SimulatedReader, count: int) -> tuple[str, ...]:
        """Return the categories a reader likes best on average."""
        worth: dict[str, list[float]] = {}
        for row in self.pool:
            for category in self.world.papers[row].categories:
                worth.setdefault(category, []).append(relevance(reader, self.world.papers[row].id, 0))
        means = {category: float(np.mean(values)) for category, values in worth.items() if len(values) >= LEAST_IN}
        return tuple(sorted(means, key=lambda category: -means[category])[:count])

    def ndcg(self, reader: SimulatedReader, events: Sequence[Event], picked: tuple[str, ...]) -> float:
        """Judge the pages that follow from some answers and picks."""
        choices = Choices(categories=picked)
        pages = [
            (rank_page(replace(self.world.inputs(m, 1, events, m.opening), choices=choices), ranker, SETTINGS), m)
            for m, ranker in self.mornings
        ]
        return float(np.mean([page_ndcg(reader, page, morning) for page, morning in pages]))


@pytest.fixture(scope="module")
def stage() -> Stage:
    encoder = open_encoder(EmbedSettings(threads=1))
    world = make_world(encoder, start=date(2026, 3, 16), days=JUDGED_DAYS, prior_days=POOL_DAYS)
    first = world.morning(0)
    pool = [row for row, paper in enumerate(first.known) if paper.edition < first.day]
    mornings = [(m, blend_ranker(m.lens)) for m in (world.morning(day) for day in range(JUDGED_DAYS))]
    return Stage(world, first, pool, mornings)


def converse(stage: Stage, reader: SimulatedReader, how: str, picked: tuple[str, ...], rng: np.random.Generator) -> list[Event]:
    """Ask a reader one question after the other."""
    papers = stage.world.papers
    pool = [row for row in stage.pool if not picked or set(papers[row].categories) & set(picked)]
    sharp = stage.first.lens.sharp(stage.world.vectors.dense[pool])
    fixed: npt.NDArray[np.intp] = rng.permutation(len(pool))
    if how == "popular":
        fixed = np.argsort([-(papers[row].signals.upvotes or 0) for row in pool], kind="stable")
    asked: list[int] = []
    events: list[Event] = []
    for number in range(min(max(ANSWERS), len(pool))):
        told = eight.gains(sharp, sharp[asked], np.array([LABELS[event.kind] for event in events]))
        told[asked] = -np.inf
        asked.append(int(np.argmax(told)) if how == "chosen" else int(fixed[number]))
        events.append(stage.answer(reader, pool[asked[-1]], number, rng))
    return events


def measure(stage: Stage, how: str, count: int) -> Mapping[int, npt.NDArray[np.float64]]:
    """Return nDCG@10 per reader by number of answers."""
    cast = [reader for reader in make_cast(READERS, rng=RNG(7)) if not reader.clicks_only]
    found: dict[int, list[float]] = {answers: [] for answers in ANSWERS}
    for number, reader in enumerate(cast):
        picked = stage.picks(reader, count)
        events = converse(stage, reader, how, picked, RNG(1000 + number))
        for answers in ANSWERS:
            found[answers].append(stage.ndcg(reader, events[:answers], picked))
    return {answers: np.array(values) for answers, values in found.items()}


@pytest.mark.parametrize("picked", [0, 2])
def test_what_eight_answers_are_worth(benchmark: Any, stage: Stage, picked: int, capsys: pytest.CaptureFixture[str]) -> None:
    ways = ("chosen", "random", "popular")
    found = benchmark.pedantic(lambda: {how: measure(stage, how, picked) for how in ways}, rounds=1)
    best = {how: float(values[max(ANSWERS)].mean()) for how, values in found.items()}
    with capsys.disabled():
        print(f"\n{picked} categories picked; nDCG@10 after", ", ".join(map(str, ANSWERS)), "answers")
        for how in ways:
            print(f"{how:8}", "  ".join(shown(bootstrap(found[how][n], rng=RNG(1))) for n in ANSWERS))
            enough = next((n for n in ANSWERS if found[how][n].mean() >= 0.9 * best["chosen"]), None)
            print(f"{'':8} 90 % of the chosen ones' last is reached with {enough} answers")
        for other in ways[1:]:
            gains = "  ".join(shown(bootstrap(found["chosen"][n] - found[other][n], rng=RNG(1))) for n in ANSWERS)
            print(f"chosen minus {other}:", gains)
    assert found["chosen"][12].mean() > found["random"][12].mean() - 0.02


def shown(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"

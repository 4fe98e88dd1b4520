"""How often 95 % intervals of another policy's value hold the truth, over a hundred logs. Run with --benchmark-only -s.

The logs are drawn by Thompson sampling with a floor, as pages draw, from pools of sixty; the other policy is as far away as `distance`
says (1: its scores share half their columns with the old ones), and readers differ in what they want.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from recommender.rank import explore
from training import offpolicy
from training.offpolicy import Estimate

LOGS = 100
POOL, UNIFORM = 60, 0.2

pytestmark = pytest.mark.timeout(0)


@dataclass(frozen=True)
class Log:
    """One row per reader and day."""

    reward: np.ndarray
    logged: np.ndarray
    target: np.ndarray
    predicted: np.ndarray
    expected: np.ndarray
    reader: np.ndarray
    truth: float

    def estimates(self) -> dict[str, Estimate]:
        rows = (self.reward, self.logged, self.target)
        return {
            "IPS": offpolicy.ips(*rows, clusters=self.reader),
            "SNIPS": offpolicy.snips(*rows, clusters=self.reader),
            "doubly robust": offpolicy.doubly_robust(*rows, self.predicted, self.expected, clusters=self.reader),
        }


def play(seed: int, *, readers: int, days: int, distance: float) -> Log:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(readers * days, POOL, 4))
    taste = np.repeat(0.5 * rng.normal(size=(readers, 4)) + [1.0, 0.6, 0.0, 0.0], days, axis=0)
    wanted = 1 / (1 + np.exp(2.4 - 0.8 * np.einsum("mnf,mf->mn", features, taste)))
    model = 1 / (1 + np.exp(2.4 - features @ [0.7, 0.2, 0.0, 0.0]))
    old = features @ [1.0, 0.0, 0.7, 0.0]
    new = (1 - distance) * old + distance * (features @ [1.0, 0.6, 0.0, 0.0])
    doubt = rng.uniform(0.3, 1.2, size=old.shape)
    before, after = (
        np.array([explore.chances(*pool, uniform=UNIFORM) for pool in zip(s, doubt, strict=True)]) for s in (old, new)
    )
    drawn = np.minimum((before.cumsum(axis=1) < rng.random((len(old), 1))).sum(axis=1), POOL - 1)
    at = (np.arange(len(old)), drawn)
    reward = (rng.random(len(old)) < wanted[at]).astype(float)
    expected, truth = ((after * values).sum(axis=1) for values in (model, wanted))
    return Log(reward, before[at], after[at], model[at], expected, np.repeat(np.arange(readers), days), float(truth.mean()))


@pytest.mark.parametrize(("readers", "days", "distance"), [(60, 15, 0.5), (60, 15, 1.0), (15, 15, 0.5)])
def test_coverage(benchmark: Any, readers: int, days: int, distance: float) -> None:
    truth = float(np.mean([play(10_000 + seed, readers=150, days=2, distance=distance).truth for seed in range(20)]))

    def every_log() -> list[dict[str, Estimate]]:
        return [play(seed, readers=readers, days=days, distance=distance).estimates() for seed in range(LOGS)]

    found = benchmark.pedantic(every_log, rounds=1)
    print(f"\n{readers} readers, {days} days, distance {distance}: truth {truth:.4f}")
    for name in found[0]:
        intervals = [one[name] for one in found]
        held = sum(one.low <= truth <= one.high for one in intervals)
        width = float(np.mean([one.high - one.low for one in intervals]))
        print(f"  {name}: {held} of {LOGS} intervals, mean width {width:.3f}")
        assert held >= 0.9 * LOGS

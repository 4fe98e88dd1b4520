"""What knowing of places is worth where examination is known: several seeds, two kinds of readers. Run with --benchmark-only -s."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from training import fit
from training.biases import compare

SEEDS = 6
PAGES = 3000  # with fewer, impatient readers touch too little in the slots to say where they look

pytestmark = pytest.mark.timeout(0)


@pytest.mark.parametrize("stops", [False, True], ids=["skips", "stops"])
@pytest.mark.parametrize("eta", [0.5, 1.0, 1.5])
def test_gain(benchmark: Any, monkeypatch: pytest.MonkeyPatch, eta: float, stops: bool) -> None:
    monkeypatch.setattr(fit, "validate", lambda *_: None)  # reading the text back in a process of its own is another's test

    def every_seed() -> list[dict[str, float]]:
        return [dict(compare(seed, eta=eta, pages=PAGES, stops=stops)) for seed in range(SEEDS)]

    found = benchmark.pedantic(every_seed, rounds=1)
    means = {way: float(np.mean([one[way] for one in found])) for way in found[0]}
    print(
        f"\nimpatience {eta}, {'stops' if stops else 'skips'}: true nDCG@10", {way: round(mean, 4) for way, mean in means.items()}
    )
    for way in ("placed", "inverse"):
        low, mean, high = interval(np.array([one[way] / one["naive"] - 1 for one in found]))
        print(f"  {way} over naive: {mean:+.1%} ({low:+.1%} to {high:+.1%})")
    assert means["placed"] >= (1.05 if eta >= 1.0 else 1.0) * means["naive"]


def interval(gains: np.ndarray) -> tuple[float, float, float]:
    """Return a 95 % interval of the mean over seeds, and the mean between its bounds."""
    mean = float(gains.mean())
    reach = float(stats.t.isf(0.025, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    return mean - reach, mean, mean + reach

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from training.evaluate import Report, Slice
from training.gate import decide
from training.metrics import Interval

SCORES = np.array([0.1, 0.2, 0.3], np.float32)
TOLERANCE = 0.005
SAME, BETTER, WORSE = (0.0, -0.002, 0.002), (0.03, 0.01, 0.05), (-0.03, -0.05, -0.01)


def part(pages: int = 50, **differences: tuple[float, float, float]) -> Slice:
    ranked = {name: {"ndcg@10": Interval(*values)} for name, values in differences.items()}
    return Slice(pages, 9, {"model": {"ndcg@10": Interval(0.5, 0.4, 0.6)}}, ranked)


def verdict(whole: Slice, *, live_is_trained: bool, scores=SCORES, **groups: Slice):
    report = Report({}, date(2026, 5, 1), date(2026, 5, 5), 999, {"all": whole, **groups})
    return decide(report, scores, tolerance=TOLERANCE, live_is_trained=live_is_trained)


@pytest.mark.parametrize(
    ("blend", "live", "accept", "says"),
    [
        (BETTER, None, True, "+0.0300, 95 % interval +0.0100 to +0.0500 against the untrained ranking"),
        (SAME, None, False, "not measurably better than the untrained ranking"),
        ((0.02, -0.004, 0.05), None, False, "may have learned nothing"),
        ((0.02, 0.0, 0.05), None, False, "may have learned nothing"),
        (WORSE, None, False, "may be worse than with the untrained ranking"),
        (BETTER, BETTER, True, "against the live model"),
        (BETTER, SAME, True, "against the live model"),
        (BETTER, (0.01, -0.005, 0.03), True, "against the live model"),
        (BETTER, (0.01, -0.0051, 0.03), False, "may be worse than with the live model"),
        (BETTER, WORSE, False, "may be worse than with the live model"),
        (SAME, SAME, True, "against the untrained ranking"),
        (WORSE, BETTER, False, "may be worse than with the untrained ranking"),
        ((np.nan, np.nan, np.nan), None, False, "may be worse"),
        ((0.1, np.nan, np.nan), BETTER, False, "may be worse"),
    ],
)
def test_who_may_go_live(blend, live, accept, says):
    whole = part(blend=blend, live=live) if live else part(blend=blend)
    found = verdict(whole, live_is_trained=live is not None)
    assert found.accept is accept
    assert says in "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("pages", "change", "accept"),
    [
        (20, (-0.05, -0.09, -0.0051), False),
        (19, (-0.05, -0.09, -0.0051), True),
        (20, (-0.05, -0.09, -0.0049), True),
        (500, (-0.01, -0.03, 0.01), True),
        (20, (np.nan, np.nan, np.nan), True),
    ],
)
@pytest.mark.parametrize("rival", ["blend", "live"])
def test_no_group_of_readers_may_be_measurably_worse_off(pages, change, accept, rival):
    whole = part(blend=BETTER, live=BETTER)
    cold = part(pages, **({"blend": BETTER, "live": BETTER} | {rival: change}))
    found = verdict(whole, live_is_trained=True, cold=cold)
    assert found.accept is accept
    assert accept or "cold readers would be worse off" in found.reasons[0]


@pytest.mark.parametrize("scores", [np.zeros(3), np.array([0.1, np.nan, 0.2]), np.array([np.inf, 0.0]), np.zeros(0)])
def test_scores_that_order_nothing_are_refused_whatever_the_report_says(scores):
    found = verdict(part(blend=BETTER), live_is_trained=False, scores=scores)
    assert not found.accept
    assert "the candidate gives" in found.reasons[0]


def test_every_fault_is_named():
    found = verdict(part(blend=WORSE, live=WORSE), live_is_trained=True, cold=part(blend=WORSE, live=WORSE))
    assert len(found.reasons) == 4

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from recommender.errors import NotEnoughData
from recommender.rank.lens import flat
from training import baselines, fit
from training.evaluate import Report, Slice, evaluate
from training.gate import decide
from training.metrics import Interval
from training.split import by_day

SCORES = np.array([0.1, 0.2, 0.3], np.float32)
TOLERANCE = 0.03
SAME, BETTER, WORSE = (0.0, -0.002, 0.002), (0.03, 0.01, 0.05), (-0.04, -0.05, -0.03)


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
        ((0.02, -0.029, 0.05), None, False, "may have learned nothing"),
        ((0.02, 0.0, 0.05), None, False, "may have learned nothing"),
        (WORSE, None, False, "may be worse than with the untrained ranking"),
        (BETTER, BETTER, True, "against the live model"),
        (BETTER, SAME, True, "against the live model"),
        (BETTER, (0.01, -0.03, 0.03), True, "against the live model"),
        (BETTER, (0.01, -0.0301, 0.03), False, "may be worse than with the live model"),
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
        (20, (-0.05, -0.09, -0.02), False),
        (19, (-0.05, -0.09, -0.02), True),
        (20, (-0.05, -0.09, -0.0131), False),  # the interval, widened by a third for six comparisons, ends at zero
        (20, (-0.05, -0.09, -0.0125), True),
        (20, (-0.0301, -0.031, -0.029), False),
        (20, (-0.0299, -0.031, -0.029), True),  # certain, and no more than the tolerance
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


def test_what_is_accepted_tells_of_every_group():
    whole = part(blend=BETTER, live=SAME)
    found = verdict(whole, live_is_trained=True, cold=part(19, blend=BETTER, live=SAME), heavy=part(blend=SAME, live=BETTER))
    assert found.reasons[-1] == (
        "no group of readers is measurably worse off (cold +0.0000 on 19 pages, too few to count; heavy +0.0300 on 50 pages)"
    )
    first = verdict(whole, live_is_trained=False, heavy=part(blend=SAME))
    assert first.reasons[-1].endswith("(heavy +0.0000 on 50 pages)")


@pytest.mark.parametrize("scores", [np.zeros(3), np.array([0.1, np.nan, 0.2]), np.array([np.inf, 0.0]), np.zeros(0)])
def test_scores_that_order_nothing_are_refused_whatever_the_report_says(scores):
    found = verdict(part(blend=BETTER), live_is_trained=False, scores=scores)
    assert not found.accept
    assert "the candidate gives" in found.reasons[0]


def test_every_fault_is_named():
    found = verdict(part(blend=WORSE, live=WORSE), live_is_trained=True, cold=part(blend=WORSE, live=WORSE))
    assert len(found.reasons) == 4


def relabelled(rows, how, rng):
    """Labels as a broken log would have them."""
    pages = np.split(np.arange(len(rows)), np.cumsum(rows.group)[:-1])
    y = np.concatenate([rng.permutation(rows.y[page]) if how == "shuffled" else 2 - rows.y[page] for page in pages])
    return replace(rows, y=y.astype(np.int8))


def candidate(how, night, settings, rng):
    """Scores of a candidate that is honest or broken in one of four ways."""
    train, valid, test, stale = night
    if how in ("shuffled", "flipped"):
        train, valid = (relabelled(rows, how, rng) for rows in (train, valid))
    elif how == "stale":
        train, valid = stale
    ranker = fit.fit(train, valid, settings.training, lens=flat(), version="v").ranker
    X = test.X.copy()
    if how == "dropped":
        X[:, ["top5" in name or "head" in name or name == "has_code" for name in test.names]] = np.nan
    return ranker.score(replace(test, X=X).matrix)


def test_broken_candidates_are_refused_and_honest_ones_are_not(make_rows, settings, monkeypatch):
    """A small one; how often the gate is right on simulated readers is measured by a bench."""
    monkeypatch.setattr(fit, "validate", lambda *_: None)
    chosen = settings.training.model_copy(update={"rounds": 10, "threads": 1})
    settings = settings.model_copy(update={"training": chosen})
    rng = np.random.default_rng(1)
    rows = make_rows(rng, days=16, pages_per_day=12, rows_per_page=12)
    split = by_day(rows.day, test_days=6, valid_days=2)
    train, valid, test = (rows.take(mask) for mask in (split.train, split.valid, split.test))
    last, yesterday = max(train.day), split.train
    live = fit.fit(
        rows.take(yesterday & before(rows, last)), rows.take(yesterday & ~before(rows, last)), chosen, lens=flat(), version="v"
    ).ranker
    other = make_rows(rng, days=6, pages_per_day=8, rows_per_page=12, secret=-6.0)  # a taste of long ago
    recent = ~before(other, max(other.day) - timedelta(days=1))
    night = (train, valid, test, (other.take(~recent), other.take(recent)))
    accepted = []
    for how in ("honest", "shuffled", "flipped", "stale", "dropped"):
        try:
            scores = candidate(how, night, settings, rng)
        except NotEnoughData:
            continue  # it is not even judged
        judged = {"model": scores, "live": live.score(test.matrix), **baselines.scores(test)}
        report = evaluate(judged, test, versions={}, rng=rng, samples=200)
        if decide(report, scores, tolerance=TOLERANCE, live_is_trained=True).accept:
            accepted.append(how)
    assert accepted == ["honest"]


def before(rows, day):
    return np.array([one < day for one in rows.day])

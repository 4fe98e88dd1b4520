"""A log of one policy, a value for another: right on average, and as sure as it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from recommender.errors import ShapeError
from training import offpolicy

SIZE, UNIFORM = 20, 0.2


@dataclass(frozen=True)
class Log:
    """Rows of (reader, day): the logged draw, and what the new policy is worth in that very pool."""

    reward: np.ndarray
    logged: np.ndarray
    target: np.ndarray
    predicted: np.ndarray
    expected: np.ndarray
    reader: np.ndarray
    truth: np.ndarray

    def estimates(self) -> dict[str, offpolicy.Estimate]:
        rows = (self.reward, self.logged, self.target)
        return {
            "ips": offpolicy.ips(*rows, clusters=self.reader),
            "snips": offpolicy.snips(*rows, clusters=self.reader),
            "dr": offpolicy.doubly_robust(*rows, self.predicted, self.expected, clusters=self.reader),
        }


def play(seed: int, *, readers: int = 60, days: int = 15, wrong: float = 0.0) -> Log:
    """Readers with tastes of their own are shown what the old policy draws; the new one would look at another feature.

    `wrong` is added to what the model of the reward says.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(readers, days, SIZE, 3))
    taste = np.array([1.0, 0.6, 0.0]) + 0.5 * rng.normal(size=(readers, 3))
    chance = 1 / (1 + np.exp(2.0 - np.einsum("rdnf,rf->rdn", features, taste)))
    old, new = _policy(features @ [1.0, 0.0, 0.7]), _policy(features @ [1.0, 0.6, 0.2])
    drawn = (old.cumsum(axis=2) > rng.random((readers, days, 1))).argmax(axis=2)[:, :, None]
    model = 1 / (1 + np.exp(2.0 - features @ [0.7, 0.3, 0.0])) + wrong

    def of_drawn(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, drawn, axis=2).ravel()

    reward = (rng.random(readers * days) < of_drawn(chance)).astype(float)
    return Log(
        reward,
        of_drawn(old),
        of_drawn(new),
        of_drawn(model),
        (new * model).sum(axis=2).ravel(),
        np.repeat(np.arange(readers), days),
        (new * chance).sum(axis=2).ravel(),
    )


def _policy(scores: np.ndarray) -> np.ndarray:
    soft = np.exp(1.5 * scores)
    mixed: np.ndarray = UNIFORM / SIZE + (1 - UNIFORM) * soft / soft.sum(axis=2, keepdims=True)
    return mixed


@pytest.fixture(scope="module")
def truth() -> float:
    return float(np.mean([play(10_000 + seed).truth.mean() for seed in range(60)]))


@pytest.fixture(scope="module")
def hundred() -> list[dict[str, offpolicy.Estimate]]:
    return [play(seed).estimates() for seed in range(100)]


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_the_truth_lies_in_at_least_ninety_of_a_hundred_intervals(hundred, truth, name):
    assert sum(one[name].low <= truth <= one[name].high for one in hundred) >= 90


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_what_is_estimated_is_right_on_average(hundred, truth, name):
    values = np.array([one[name].value for one in hundred])
    assert values.mean() == pytest.approx(truth, abs=4 * values.std() / 10)
    assert abs(np.mean([play(s).reward.mean() for s in range(30)]) - truth) > 8 * values.std() / 10  # the old policy is another


def test_normalising_and_a_model_make_it_steadier(hundred):
    spread = {name: np.std([one[name].value for one in hundred]) for name in ("ips", "snips", "dr")}
    assert spread["snips"] < 0.9 * spread["ips"]
    assert spread["dr"] < 0.95 * spread["ips"]


def test_a_model_that_is_wrong_is_corrected(truth):
    values = [play(seed, wrong=0.3).estimates()["dr"].value for seed in range(60)]
    assert np.mean(values) == pytest.approx(truth, abs=0.01)


def test_rows_of_one_reader_are_not_independent():
    """Every row thirty times says no more than once."""
    rng = np.random.default_rng(1)
    reward, logged = rng.integers(0, 2, 40).astype(float), rng.uniform(0.1, 0.5, 40)
    once = offpolicy.snips(reward, logged, logged)
    many = [np.repeat(array, 30) for array in (reward, logged, logged)]
    clustered = offpolicy.snips(*many, clusters=np.repeat(np.arange(40), 30))
    assert (clustered.low, clustered.high) == pytest.approx((once.low, once.high))
    alone = offpolicy.snips(*many)
    assert alone.high - alone.low < 0.3 * (once.high - once.low)


def test_the_logged_policy_is_worth_what_it_brought():
    reward, logged = np.array([1.0, 0.0, 0.0, 1.0]), np.full(4, 0.25)
    for estimate in (offpolicy.ips, offpolicy.snips):
        found = estimate(reward, logged, logged)
        assert found.value == 0.5
        assert found.effective == pytest.approx(4)
        assert found.low < 0.5 < found.high


def test_heavy_rows_count_for_few():
    logged, target = np.full(100, 0.5), np.full(100, 0.05)
    target[0] = 1.0
    found = offpolicy.snips(np.arange(100) % 2 * 1.0, logged, target)
    assert 5 < found.effective < 30


def test_a_policy_that_would_do_nothing_of_the_kind_is_not_valued():
    found = offpolicy.snips(np.ones(3), np.full(3, 0.5), np.zeros(3))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.effective == 0
    assert np.isnan(offpolicy.ips(np.ones(0), np.ones(0), np.ones(0)).value)


def test_one_reader_gives_a_value_and_no_interval():
    found = offpolicy.snips(np.array([1.0, 0.0]), np.full(2, 0.5), np.full(2, 0.5), clusters=np.zeros(2))
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()


def test_equal_rewards_leave_no_doubt():
    found = offpolicy.snips(np.ones(5), np.full(5, 0.5), np.linspace(0.1, 0.9, 5))
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    "rows",
    [
        ([1.0], [0.5, 0.5], [0.5]),
        ([np.nan], [0.5], [0.5]),
        ([1.0], [0.0], [0.5]),
        ([1.0], [np.nan], [0.5]),
        ([1.0], [0.5], [1.5]),
    ],
)
def test_a_log_that_makes_no_sense_is_refused(rows):
    with pytest.raises(ShapeError, match="cannot estimate"):
        offpolicy.snips(*map(np.array, rows))


def test_clusters_and_models_must_fit():
    one = np.ones(2)
    with pytest.raises(ShapeError, match="clusters"):
        offpolicy.ips(one, one, one, clusters=np.ones(3))
    with pytest.raises(ShapeError, match="model"):
        offpolicy.doubly_robust(one, one, one, np.array([1.0, np.nan]), one)


def test_a_difference_is_surer_than_two_values():
    """What readers are like is in both values and cancels out."""
    log = play(1)
    mixed = 0.9 * log.logged + 0.1 * log.target
    rows = (log.reward, log.logged)
    found = offpolicy.difference(*rows, mixed, log.logged, clusters=log.reader)
    one, other = (offpolicy.snips(*rows, target, clusters=log.reader) for target in (mixed, log.logged))
    assert found.value == pytest.approx(one.value - other.value)
    assert found.high - found.low < 0.3 * (one.high - one.low)
    assert found.effective == min(one.effective, other.effective)


def test_the_true_difference_lies_in_at_least_ninety_of_a_hundred_intervals():
    logs = [play(seed) for seed in range(100)]
    found = [offpolicy.difference(log.reward, log.logged, log.target, log.logged, clusters=log.reader) for log in logs]
    truth = np.mean([log.truth.mean() - log.reward.mean() for log in (play(10_000 + seed) for seed in range(60))])
    assert sum(one.low <= truth <= one.high for one in found) >= 90


def test_a_difference_from_what_would_do_nothing_is_not_valued():
    one = np.ones(3)
    for target, other in ((one / 2, 0 * one), (0 * one, one / 2)):
        found = offpolicy.difference(one, one / 2, target, other)
        assert np.isnan([found.value, found.low, found.high]).all()

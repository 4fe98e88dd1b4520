"""Drawn papers at drawn places, looked at with a known probability: the estimate must find it again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recommender.errors import NotEnoughData, ShapeError
from training.examination import LEAST_TOUCHES, USUAL_ETA, estimate, power

Truth = Callable[[np.ndarray], np.ndarray]


def shown(seed: int, count: int, truth: Truth, *, blocks: int = 1, good: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Slots of so many twenties, each with worse papers than the one before, and their touches."""
    rng = np.random.default_rng(seed)
    block = rng.integers(0, blocks, count)
    position = np.where(block == 0, rng.integers(4, 21, count), 20 * block + rng.integers(1, 21, count))
    relevant = rng.beta(1, 1 / good - 1, count) * 0.6**block
    return position, rng.random(count) < relevant * truth(position)


def falling(eta: float) -> Truth:
    return lambda place: place.astype(float) ** -eta


def mean_of(count: int, truth: Truth, places: list[int], **more: float) -> np.ndarray:
    """The estimate at some places against the first of them, over ten logs."""
    found = [estimate(*shown(seed, count, truth, **more)).at(np.array(places)) for seed in range(10)]
    return np.mean([one / one[0] for one in found], axis=0)


@pytest.mark.parametrize("eta", [0.0, 0.2, 0.5, 1.0])
def test_a_known_impatience_is_found_again(eta):
    places = [4, 8, 12, 20]
    assert mean_of(20_000, falling(eta), places) == pytest.approx(falling(eta)(np.array(places)) / 4.0**-eta, abs=0.06)
    found = [estimate(*shown(seed, 20_000, falling(eta))) for seed in range(10)]
    assert np.mean([one.eta for one in found]) == pytest.approx(eta, abs=0.06)
    assert np.mean([one.error for one in found]) == pytest.approx(np.std([one.eta for one in found]), rel=1.0, abs=0.03)


def test_a_curve_of_another_shape_is_found_too():
    """All of the first eight are looked at, of the others a third: no power of the place."""
    fold = mean_of(20_000, lambda place: np.where(place <= 8, 0.9, 0.3), [4, 8, 10, 20])
    assert fold == pytest.approx([1, 1, 1 / 3, 1 / 3], abs=0.12)


def test_worse_papers_further_down_are_not_taken_for_impatience():
    assert mean_of(20_000, falling(0.0), [1, 20, 40, 60], blocks=3) == pytest.approx(
        np.ones(4), abs=0.13
    )  # touches themselves fall to a third


def test_little_data_stays_close_to_what_is_usual():
    spread = [estimate(*shown(seed, 600, falling(USUAL_ETA))).at(20) for seed in range(20)]
    assert np.mean(spread) == pytest.approx(20**-USUAL_ETA, abs=0.1)
    assert np.std(spread) < 0.2


def test_no_place_is_looked_at_more_than_one_above_it():
    for seed in range(10):
        curve = estimate(*shown(seed, 700, falling(0.3), blocks=2)).at(np.arange(1, 80))
        assert (np.diff(curve) <= 1e-12).all()
        assert curve[0] == 1
        assert curve[-1] > 0


def test_beyond_what_was_seen_the_curve_goes_on():
    found = estimate(*shown(0, 5000, falling(0.5)))
    assert float(found.at(80)) == pytest.approx(float(found.at(20)) * 4**-found.eta)


def test_too_few_touches_say_nothing():
    position, touched = np.arange(4, 21).repeat(30), np.zeros(510, dtype=bool)
    with pytest.raises(NotEnoughData, match="0 touched"):
        estimate(position, touched)
    touched[: LEAST_TOUCHES - 1] = True
    with pytest.raises(NotEnoughData, match=str(LEAST_TOUCHES)):
        estimate(position, touched)
    touched[::10] = True
    assert estimate(position, touched).touches >= LEAST_TOUCHES
    with pytest.raises(NotEnoughData):
        estimate(np.ones(0, dtype=int), np.ones(0, dtype=bool))


def test_slots_that_all_stood_at_one_place_say_nothing():
    with pytest.raises(NotEnoughData, match="too few places"):
        estimate(np.full(200, 7), np.ones(200, dtype=bool))


@pytest.mark.parametrize(("position", "touched"), [([1, 2], [True]), ([0, 1], [True, False]), ([[1]], [[True]])])
def test_what_does_not_fit_is_refused(position, touched):
    with pytest.raises(ShapeError):
        estimate(np.array(position), np.array(touched))


def test_a_known_curve():
    assert power(0.0).at(np.array([1, 7, 60])).tolist() == [1, 1, 1]
    assert power(1.0, places=3).at(np.array([[1, 2], [4, 10]])) == pytest.approx(np.array([[1, 0.5], [0.25, 0.1]]))

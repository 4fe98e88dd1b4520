"""Touches with known examination: the log is what it says, and learning from it honestly finds what readers want."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.settings import TrainingSettings
from training import biases, fit
from training.biases import SHOWN, compare, play


def rates(log: biases.Log, chosen: np.ndarray) -> np.ndarray:
    """Touches per page by place, of the chosen slots."""
    return (log.touched & chosen).sum(axis=0) / np.maximum(chosen.sum(axis=0), 1)


def test_drawn_papers_are_touched_as_places_are_looked_at(rng):
    log = play(rng, pages=40_000, eta=0.5)
    found = rates(log, log.explored)[3:]
    assert (log.explored.sum(axis=1) == 2).all()
    assert not log.explored[:, :3].any()
    expected = np.arange(4, SHOWN + 1) ** -0.5
    assert found / found[:4].mean() == pytest.approx(expected / expected[:4].mean(), abs=0.15)


@pytest.mark.parametrize("stops", [False, True])
def test_both_kinds_of_readers_look_at_places_equally_often(rng, stops):
    everything = np.ones((20_000, SHOWN), dtype=bool)
    patient, hasty = (rates(play(rng, pages=20_000, eta=eta, stops=stops), everything) for eta in (0.0, 0.5))
    assert hasty / patient == pytest.approx(np.arange(1, SHOWN + 1) ** -0.5, abs=0.12)


def test_who_stops_touches_nothing_below(rng):
    log = play(rng, pages=4000, eta=1.0, stops=True)
    deep = log.touched[:, 10:].any(axis=1)
    assert log.touched[deep, :10].sum(axis=1).mean() > 1.5 * log.touched[:, :10].sum(axis=1).mean()


def test_the_cascade_keeps_what_stands_above_the_last_touch(rng):
    log = play(rng, pages=200, eta=0.5)
    cascade, whole = (biases._rows(log, cascade=kept) for kept in (True, False))
    assert set(whole.group.tolist()) == {SHOWN}
    ends = np.cumsum(cascade.group) - 1
    assert (cascade.y[ends] == 2).all()
    assert cascade.y.sum() <= whole.y.sum() == 2 * log.touched.sum()


def test_knowing_of_places_beats_taking_touches_as_they_are(monkeypatch):
    monkeypatch.setattr(fit, "validate", lambda *_: None)
    quick = TrainingSettings(rounds=5, learning_rate=0.3, threads=1)
    found = [compare(seed, eta=1.0, pages=400, settings=quick) for seed in (0, 1)]
    naive, placed, logged = (np.mean([one[way] for one in found]) for way in ("naive", "placed", "logged"))
    assert placed > 1.05 * naive
    assert naive > logged

"""Measures of a course: known numbers by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_world import Judge, toy_world

from recommender.errors import NotEnoughData, ShapeError
from recommender.types import Event
from training.arena import Course, play
from training.arena.measures import after_votes, recovery, relative_gain
from training.arena.world import World, make_cast
from training.simulate import SimulatedReader

RNG = np.random.default_rng
CAST = tuple(replace(reader, activity=1.0) for reader in make_cast(6, rng=RNG(3), everyone_changes=True, change_days=(3, 4)))


@pytest.fixture(scope="module")
def world() -> World:
    return toy_world(days=9)


@pytest.fixture(scope="module")
def course(world: World) -> Course:
    return play(world, CAST, Judge(CAST))


def course_of(rows: dict[int, dict[int, float]]) -> Course:
    """reader -> day -> nDCG, in the order of time."""
    visits = sorted((day, reader, value) for reader, days in rows.items() for day, value in days.items())
    days, readers, values = (np.array(column) for column in zip(*visits, strict=True))
    return Course(readers, days, values.astype(float), np.zeros(len(days), dtype=np.int64), dict.fromkeys(rows, ()))


def changing(*days: int | None) -> list[SimulatedReader]:
    return [replace(CAST[0], changes_after=day) for day in days]


def test_the_gain_is_relative_and_its_interval_is_drawn_by_reader() -> None:
    ours = course_of({0: {0: 0.6, 1: 0.8}, 1: {0: 0.5, 1: 0.5}, 2: {0: 0.9}})
    peer = course_of({0: {0: 0.5, 1: 0.5}, 1: {0: 0.5, 1: 0.5}, 2: {0: 0.5}})
    gain = relative_gain(ours, peer, rng=RNG(1), samples=2000)
    assert gain.value == pytest.approx(3.3 / 2.5 - 1)
    assert gain.low == pytest.approx(0.0)  # only reader 1 drawn, which a resample of pages would hardly ever do
    assert gain.high == pytest.approx(0.8)
    assert relative_gain(peer, ours, rng=RNG(1)).value < 0


def test_other_visits_are_not_compared() -> None:
    one = course_of({0: {0: 0.6, 1: 0.8}})
    with pytest.raises(ShapeError, match="other visits"):
        relative_gain(one, course_of({0: {0: 0.6, 2: 0.8}}), rng=RNG(1))
    with pytest.raises(ShapeError, match="other visits"):
        relative_gain(one, course_of({0: {0: 0.6}, 1: {1: 0.8}}), rng=RNG(1))


def test_only_the_votes_that_are_told_are_known(world: World, course: Course) -> None:
    """A judge who turns around at the third vote since the change shows which pages knew it."""
    changed_at = {number: sum((e.at.date() - world.start).days < 3 for e in done) for number, done in course.events.items()}

    def votes_since(events: list[Event]) -> int:
        since = changed_at[events[0].reader_id - 1] if events else 0
        return sum(event.kind.is_vote for event in events[since:])

    judge = Judge(CAST, lambda events: 1.0 if votes_since(list(events)) >= 3 else -1.0)
    found = after_votes(world, CAST, course, judge, rng=RNG(1), votes=(0, 1, 2, 3, 4))
    assert list(found) == [0, 1, 2, 3, 4]
    assert [found[k].value > 0.99 for k in found] == [False, False, False, True, True]
    assert found[0].value == pytest.approx(found[2].value)
    assert found[0].low <= found[0].value <= found[0].high
    assert not any(day.startswith("sleep") for day in judge.days)


def test_the_pages_come_after_the_last_vote_and_are_the_same_for_all(world: World, course: Course) -> None:
    seen: dict[int, set[str]] = {}

    class Watching(Judge):
        def page(self, morning, reader_id, events, now):  # type: ignore[no-untyped-def]
            assert all(event.at < morning.opening for event in events)
            assert all(event.at <= now for event in events)
            given = sum(event.kind.is_vote and (event.at.date() - world.start).days >= 3 for event in events)
            seen.setdefault(given, set()).add(f"{reader_id} on {morning.day}")
            return super().page(morning, reader_id, events, now)

    after_votes(world, CAST, course, Watching(CAST), rng=RNG(1), votes=(0, 1, 5), pages=2)
    assert set(seen) == {0, 1, 5}
    assert seen[0] == seen[1] == seen[5]
    assert all(sum(page.startswith(f"{reader} ") for page in seen[0]) <= 2 for reader in range(1, 7))


def test_votes_from_the_first_on(world: World, course: Course) -> None:
    stays = [replace(reader, changes_after=None) for reader in CAST]
    found = after_votes(
        world, stays, course, Judge(stays, lambda e: 1.0 if e else -1.0), rng=RNG(1), votes=(0, 1), since_change=False
    )
    assert found[1].value > 0.99 > found[0].value
    leaves = [replace(reader, changes_after=1) for reader in CAST]
    with pytest.raises(NotEnoughData):  # every taste has changed before the pages are made
        after_votes(world, leaves, course, Judge(leaves), rng=RNG(1), votes=(0, 10), since_change=False)


def test_nobody_voted_so_often(world: World, course: Course) -> None:
    with pytest.raises(NotEnoughData, match="no reader has 1000 votes"):
        after_votes(world, CAST, course, Judge(CAST), rng=RNG(1), votes=(0, 1000))
    with pytest.raises(NotEnoughData, match="no reader has 1 votes"):
        after_votes(world, changing(None), course_of({0: {0: 0.5}}), Judge(CAST), rng=RNG(1), votes=(0, 1))


def test_recovery_by_page() -> None:
    dip = dict.fromkeys(range(6), 0.8) | {6: 0.4, 8: 0.6, 9: 0.74, 10: 0.8}
    found = recovery(changing(6, 6, None), course_of({0: dip, 1: dip, 2: {0: 0.1, 6: 0.1}}), rng=RNG(1), steps=4, samples=50)
    assert found.readers == 2
    assert found.before.value == pytest.approx(0.8)
    assert [step.value for step in found.curve[:4]] == pytest.approx([0.5, 0.75, 0.925, 1.0])
    assert np.isnan(found.curve[4].value)  # nobody had a fifth page
    assert [step.value for step in found.regained[:4]] == pytest.approx([0.0, 0.5, 0.85, 1.0])
    assert (found.steps.value, found.steps.low, found.steps.high) == (2.0, 2.0, 2.0)


def test_recovery_by_day_and_by_a_stricter_share() -> None:
    dip = dict.fromkeys(range(6), 0.8) | {6: 0.4, 8: 0.6, 9: 0.74, 10: 0.8}
    found = recovery(changing(6), course_of({0: dip}), rng=RNG(1), steps=5, by="day", samples=20)
    assert np.isnan(found.curve[1].value)
    assert [found.curve[step].value for step in (0, 2, 3, 4)] == pytest.approx([0.5, 0.75, 0.925, 1.0])
    assert found.steps.value == 3.0
    assert recovery(changing(6), course_of({0: dip}), rng=RNG(1), steps=5, share=0.95, samples=20).steps.value == 3.0


def test_only_the_last_pages_before_the_change_count() -> None:
    rising = dict.fromkeys(range(5), 0.1) | dict.fromkeys(range(5, 10), 0.8) | {10: 0.8}
    assert recovery(changing(10), course_of({0: rising}), rng=RNG(1), samples=20).before.value == pytest.approx(0.8)


def test_what_never_recovers_takes_for_ever() -> None:
    down = {0: 0.8, 1: 0.8, 2: 0.4, 3: 0.4, 4: 0.4}
    up = {0: 0.8, 1: 0.8, 2: 0.4, 3: 0.8, 4: 0.8}
    found = recovery(changing(2, 2), course_of({0: down, 1: down}), rng=RNG(1), samples=50)
    assert (found.steps.value, found.steps.high) == (np.inf, np.inf)
    mixed = recovery(changing(2, 2), course_of({0: down, 1: up}), rng=RNG(1), samples=200)
    assert (mixed.steps.low, mixed.steps.high) == (1.0, np.inf)
    assert mixed.curve[1].value == pytest.approx(0.75)
    assert mixed.curve[1].low < 0.75 < mixed.curve[1].high


def test_a_change_needs_pages_on_both_sides() -> None:
    course = course_of({0: {0: 0.5, 1: 0.5}, 1: {5: 0.5}})
    with pytest.raises(NotEnoughData, match="nobody's taste changed"):
        recovery(changing(3, 3), course, rng=RNG(1))
    with pytest.raises(NotEnoughData, match="nobody's taste changed"):
        recovery(changing(None, None), course, rng=RNG(1))

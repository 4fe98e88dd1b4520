"""The loop in memory: who comes, what they do and how a page is judged, seen with players whose worth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from toy_world import Judge, page_of, toy_world

from recommender.errors import NotEnoughData, ShapeError
from recommender.types import Channel, EventKind
from training.arena import Course, page_ndcg, play
from training.arena.world import World, make_cast
from training.simulate import SHOWN, SimulatedReader, relevance

CAST = make_cast(8, rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def world() -> World:
    return toy_world()


@pytest.fixture(scope="module")
def course(world: World) -> Course:
    return play(world, CAST, Judge(CAST))


def test_a_player_who_knows_all_is_perfect_and_its_opposite_is_not(world: World, course: Course) -> None:
    assert np.allclose(course.ndcg, 1.0)
    assert play(world, CAST, Judge(CAST, lambda events: -1.0)).ndcg.max() < 0.3


def test_the_same_readers_come_whoever_plays(world: World, course: Course) -> None:
    other = play(world, CAST, Judge(CAST, lambda events: -1.0))
    assert np.array_equal(course.reader, other.reader)
    assert np.array_equal(course.day, other.day)
    assert 0 < len(course.day) < 8 * world.days  # not everybody comes every day
    assert course.events != other.events


def test_a_play_can_be_repeated_and_another_seed_is_another(world: World, course: Course) -> None:
    again = play(world, CAST, Judge(CAST))
    assert again.events == course.events
    assert play(world, CAST, Judge(CAST), seed=1).events != course.events


def test_events_answer_what_was_shown(world: World) -> None:
    judge = Judge(CAST)
    course = play(world, CAST, judge)
    shown = {entry.item.id: (entry.item.paper_id, entry.shown_at) for page, _ in judge.heard for entry in page.items}
    assert len(shown) == sum(len(page.items) for page, _ in judge.heard)  # no number twice
    assert {len(page.items) for page, _ in judge.heard} == {SHOWN}
    assert all(page.page.items == tuple(entry.item for entry in page.items) for page, _ in judge.heard)
    for number, done in course.events.items():
        assert [event.id for event in done] == sorted({event.id for event in done})
        for event in done:
            assert event.item_id is not None
            assert shown[event.item_id][0] == event.paper_id
            assert timedelta(0) < event.at - shown[event.item_id][1] < timedelta(minutes=30)
            assert (event.reader_id, event.channel) == (number + 1, Channel.SIMULATED)
    assert [event for _, done in judge.heard for event in done] == sorted(
        (event for done in course.events.values() for event in done), key=lambda event: event.id
    )


def test_who_tires_at_once_touches_only_the_first(world: World) -> None:
    cast = [replace(reader, eta=60.0) for reader in CAST]
    judge = Judge(cast)
    play(world, cast, judge)
    touched = {event.item_id for _, done in judge.heard for event in done}
    assert touched
    assert touched <= {page.items[0].item.id for page, _ in judge.heard}


def test_examination_falls_with_the_position(world: World) -> None:
    """A reader who clicks whatever they look at shows how often each place is looked at."""
    liking = SimulatedReader("anna", {}, "", {}, eta=0.75, generosity=50.0, clicks_only=True)
    judge = Judge([liking])
    for seed in range(60):
        play(world, [liking], judge, seed=seed)
    place = {entry.item.id: entry.item.position for page, _ in judge.heard for entry in page.items}
    clicks = np.zeros(SHOWN)
    for _, done in judge.heard:
        for event in done:
            clicks[place[event.item_id or 0] - 1] += 1
    expected = np.arange(1.0, SHOWN + 1) ** -0.75
    assert np.allclose(clicks / len(judge.heard), expected, atol=0.09)


def test_votes_are_those_given_before(course: Course) -> None:
    for number, done in course.events.items():
        mine = course.reader == number
        given = [sum(event.kind.is_vote and event.at.date().day - 2 < day for event in done) for day in course.day[mine]]
        assert course.votes[mine].tolist() == given
    assert course.votes.max() > 0


def test_days_are_played_in_order_and_told(world: World) -> None:
    judge, told = Judge(CAST), list[tuple[str, int, int | None]]()
    course = play(world, CAST, judge, days=2, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert judge.days == ["wake 0", "sleep 0", "wake 1", "sleep 1"]
    assert told == [("playing", 1, 2), ("playing", 2, 2)]
    assert course.day.max() == 1
    assert course.cumulative == pytest.approx(course.ndcg.mean())


def test_a_page_is_judged_over_all_papers_of_the_day(world: World) -> None:
    morning, reader = world.morning(0), CAST[0]
    ids = sorted((paper.id for paper in morning.edition), key=lambda i: -relevance(reader, i, 0))
    assert page_ndcg(reader, page_of(ids[:10], morning, 1, morning.opening), morning) == pytest.approx(1.0)
    assert page_ndcg(reader, page_of(ids[10:30], morning, 1, morning.opening), morning) < 0.6
    with pytest.raises(ShapeError, match="rank at least 10"):
        page_ndcg(reader, page_of(ids[:9], morning, 1, morning.opening), morning)


def test_nobody_came(world: World) -> None:
    cast = [replace(CAST[0], activity=0.0)]
    with pytest.raises(NotEnoughData, match="none of 1 readers came on any of 6 days"):
        play(world, cast, Judge(cast))


def test_a_change_of_taste_shows_in_what_is_done(world: World) -> None:
    turncoat = replace(make_cast(1, rng=np.random.default_rng(5), everyone_changes=True)[0], changes_after=3, activity=1.0)
    seen = {day: relevance(turncoat, world.morning(4).edition[0].id, day) for day in (0, 2, 3, 5)}
    assert seen[0] == seen[2]
    assert seen[3] == seen[5]
    course = play(world, [turncoat], Judge([replace(turncoat, changes_after=None)]))
    assert np.allclose(course.ndcg[:3], 1.0)
    assert course.ndcg[3:].max() < 0.9
    assert EventKind.UPVOTE in {event.kind for event in course.events[0]}

"""The world in memory: a day knows its past and nothing else, and gives the ranking what the store would give it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from toy_world import START, toy_world

from recommender import daily, ingest
from recommender.embed import HashingEncoder
from recommender.rank import terms
from recommender.rank.page import describe
from recommender.settings import Settings
from recommender.sources.sample import TOPICS
from recommender.store import events as log
from recommender.store import neighbours, readers
from recommender.store.db import Database
from recommender.types import Event, EventKind
from training import simulate
from training.arena.world import CHANGE_DAYS, ETA, Votes, World, make_cast, make_world

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def world() -> World:
    return toy_world(days=4)


def test_every_day_has_its_edition_and_knows_those_before(world: World) -> None:
    mornings = [world.morning(offset) for offset in range(4)]
    for offset, morning in enumerate(mornings):
        assert morning.day == START + timedelta(days=offset)
        assert morning.edition == morning.known[-len(morning.edition) :]
        assert {paper.edition for paper in morning.edition} == {morning.day}
        assert max(paper.edition for paper in morning.known) == morning.day
        assert morning.vectors.ids == tuple(paper.id for paper in morning.edition)
    assert all(later.known[: len(earlier.known)] == earlier.known for earlier, later in pairwise(mornings))
    assert {paper.edition for paper in mornings[0].known} == {START - timedelta(days=n) for n in range(3)}
    assert world.days == 4


def test_vectors_come_with_what_is_known(world: World) -> None:
    morning = world.morning(1)
    assert morning.known_vectors.ids == tuple(paper.id for paper in morning.known)
    assert np.array_equal(morning.known_vectors.dense[-len(morning.edition) :], morning.vectors.dense)


def test_the_lens_is_made_of_what_is_known(world: World) -> None:
    morning = world.morning(1)
    n = len(morning.known)
    frequency = (world.vectors.terms[:n] > 0).sum(axis=0)
    assert np.allclose(morning.lens.idf, terms.idf(np.asarray(frequency, dtype=np.float32).ravel(), n))
    assert not np.allclose(morning.lens.idf, world.morning(3).lens.idf)
    sharp = morning.lens.sharp(world.vectors.dense[:n])
    assert np.allclose(sharp.mean(axis=0), 0, atol=1e-4)
    assert np.mean(np.square(sharp).sum(axis=1)) == pytest.approx(1, abs=1e-3)


def test_a_page_is_described_as_from_the_store(database: Database, settings: Settings) -> None:
    """Half precision is what the store keeps; all else is the same."""
    now = datetime.combine(START, simulate.MORNING)
    world = make_world(HashingEncoder(), start=START, days=1, prior_days=1)
    simulate.arrive(database, START - timedelta(days=1), START)
    ingest.embed_missing(database, settings, now=now)
    earlier = [paper.id for paper in world.papers if paper.edition < START][:3]
    kinds = (EventKind.UPVOTE, EventKind.CLICK, EventKind.DOWNVOTE)
    ago = now - timedelta(days=1)
    done = [Event(n, 1, paper_id, kind, ago) for n, (paper_id, kind) in enumerate(zip(earlier, kinds, strict=True), start=1)]
    rankers = daily.Rankers(settings.models_folder)
    with database.write() as session:
        reader = readers.create(session, "alice", now=now)
        for event in done:
            log.append(session, reader.id, event.paper_id, event.kind, at=event.at)
        stored = daily.current_page(session, reader.id, START, rankers, settings.rank, now=now)
        live = rankers.live(session)
    morning = world.morning(0)
    assert np.allclose(live.lens.idf, morning.lens.idf)
    assert np.allclose(live.lens.common, morning.lens.common, atol=1e-4)
    ours = describe(world.inputs(morning, reader.id, done, now, {}), live, settings.rank)
    logged = np.stack([item.features for item in sorted(stored.items, key=lambda item: item.paper_id)])
    rows = [ours.paper_ids.index(item.paper_id) for item in sorted(stored.items, key=lambda item: item.paper_id)]
    assert len(rows) == len(morning.edition)
    assert np.allclose(ours.values[rows], logged, atol=0.02, equal_nan=True)


def test_votes_are_read_as_from_the_store(database: Database, settings: Settings) -> None:
    world, rng = toy_world(days=1), RNG(4)
    now = datetime.combine(START, simulate.MORNING)
    simulate.arrive(database, START - timedelta(days=2), START)
    ids = [paper.id for paper in world.papers[:12]]
    votes = Votes()
    with database.write() as session:
        names = [readers.create(session, f"reader-{n}", now=now).id for n in range(8)]
        pairs = [(reader, str(paper_id)) for reader in names for paper_id in rng.choice(ids, 6, replace=False)]
        for minutes, number in enumerate(rng.permutation(len(pairs))):
            kind = EventKind.UPVOTE if rng.random() < 0.7 else EventKind.DOWNVOTE
            reader, paper_id = pairs[number]
            votes.add([log.append(session, reader, paper_id, kind, at=now + timedelta(minutes=7 * minutes))])
        for reader in names:
            for hours in (1, 3, 9):
                hour = now + timedelta(hours=hours)
                liked = log.likes([event for event in log.history(session, reader) if event.at <= hour])
                expected = neighbours.said(session, reader, liked, ids, as_of=hour)
                found = votes.said(reader, liked, ids, as_of=hour)
                assert found == pytest.approx(expected)
                assert found or hours < 9 or not liked


def test_what_was_read_comes_with_its_vectors(world: World) -> None:
    morning = world.morning(1)
    read = [world.papers[3].id, world.papers[8].id]
    done = [Event(5, 1, read[0], EventKind.UPVOTE, morning.opening), Event(9, 1, read[1], EventKind.CLICK, morning.opening)]
    inputs = world.inputs(morning, 1, done, morning.opening)
    assert set(inputs.read) == set(inputs.read_vectors.ids) == set(read)
    assert inputs.cursor == 5  # a click moves nothing
    assert inputs.window.papers == morning.edition


def test_the_cast_is_impatient_and_changes_late() -> None:
    cast = make_cast(300, rng=RNG(1))
    assert all(ETA[0] <= reader.eta <= ETA[1] for reader in cast)
    changing = [reader for reader in cast if reader.changes_after is not None]
    assert 0.12 < len(changing) / 300 < 0.28
    days = [reader.changes_after or 0 for reader in changing]
    assert CHANGE_DAYS[0] <= min(days)
    assert max(days) < CHANGE_DAYS[1]
    assert all(len(set(reader.interests) & set(reader.later)) == len(reader.interests) - 1 for reader in changing)
    assert make_cast(5, rng=RNG(1)) == make_cast(5, rng=RNG(1))


def test_everyone_can_change_and_wholly() -> None:
    for reader in make_cast(50, rng=RNG(2), everyone_changes=True, change_days=(10, 11)):
        assert reader.changes_after == 10
        assert not set(reader.later) & ({*reader.interests} | {reader.dislike})
        assert set(reader.later) <= set(TOPICS)
        assert sorted(reader.later.values()) == sorted(reader.interests.values())

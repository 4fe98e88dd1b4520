"""Simulated readers: a known taste, gestures that follow from it, and days that can be played twice without harm."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender import ingest
from recommender.errors import StoreError
from recommender.settings import Settings, SourcesSettings
from recommender.sources.sample import TOPICS, Contribution, SampleSource, latent
from recommender.store import events, pages, papers, readers
from recommender.store.db import Database, open_database
from recommender.types import Channel, EventKind
from training import simulate
from training.simulate import SHOWN, SimulatedReader, arrive, gestures, make_readers, opens, relevance, run, true_ndcg

START = date(2026, 5, 1)
VOTES = (EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE)
READER = SimulatedReader(
    name="anna",
    interests={"cosmology": 1.0, "speech recognition": 0.6},
    dislike="exoplanets",
    taste={Contribution.THEORY: 1.5, Contribution.SURVEY: -1.5},
    follows=(3,),
)


@pytest.fixture(scope="module")
def month() -> dict[date, list[str]]:
    found = SampleSource(SourcesSettings()).fetch(START, now=datetime(2026, 5, 30, 8, tzinfo=UTC))
    return {day: [paper.id for paper in part] for day, part in groupby(found, key=lambda paper: paper.edition)}


@pytest.fixture(scope="module")
def ids(month: dict[date, list[str]]) -> list[str]:
    return [paper_id for part in month.values() for paper_id in part]


@pytest.fixture
def stocked(database: Database, settings: Settings) -> Database:
    arrive(database, START, START + timedelta(days=2))
    ingest.embed_missing(database, settings, now=datetime(2026, 5, 3, 7, tzinfo=UTC))
    return database


def value_of(ids: list[str], *, reader: SimulatedReader = READER, day: int = 0, **wanted: object) -> float:
    """Mean relevance of the papers whose latent facts are these."""
    chosen = [i for i in ids if all(getattr(latent(i), name) == value for name, value in wanted.items())]
    assert chosen
    return float(np.mean([relevance(reader, i, day) for i in chosen]))


def votes_per_page(cast: tuple[SimulatedReader, ...], month: dict[date, list[str]], *, ideal: bool) -> dict[str, float]:
    rng = np.random.default_rng(1)
    totals: Counter[str] = Counter()
    for reader in cast:
        for offset, part in enumerate(month.values()):
            order = [str(i) for i in rng.permutation(part)]
            if ideal:
                order.sort(key=lambda i, r=reader, d=offset: -relevance(r, i, d))
            acts = gestures(reader, order[:SHOWN], offset, rng)
            totals[reader.name] += sum(kind in VOTES for _, kind in acts)
    return {reader.name: totals[reader.name] / len(month) for reader in cast}


def test_relevance_follows_topics(ids: list[str]) -> None:
    best = value_of(ids, main="cosmology")
    second = value_of(ids, main="speech recognition")
    neutral = value_of(ids, main="turbulent flows")
    disliked = value_of(ids, main="exoplanets", topics={"exoplanets": 1.0})
    assert best > 0.55
    assert best > second + 0.15
    assert second > neutral + 0.1
    assert 0 < disliked < 0.2 * neutral < 0.02
    assert all(0 <= relevance(READER, i, 0) <= 1 for i in ids)


def test_relevance_follows_kind_and_group(ids: list[str]) -> None:
    even, alone = replace(READER, taste={}), replace(READER, follows=())
    theory = [i for i in ids if latent(i).contribution is Contribution.THEORY]
    surveys = [i for i in ids if latent(i).contribution is Contribution.SURVEY]
    followed = [i for i in ids if latent(i).group == 3]
    assert all(relevance(READER, i, 0) > relevance(even, i, 0) for i in theory)
    assert all(relevance(READER, i, 0) < relevance(even, i, 0) for i in surveys)
    assert len(followed) > 5
    assert all(relevance(READER, i, 0) > 2 * relevance(alone, i, 0) for i in followed if relevance(alone, i, 0) < 0.1)


def test_everybody_likes_quality_and_shared_code(ids: list[str]) -> None:
    even = replace(READER, taste={}, follows=())
    neutral = [i for i in ids if latent(i).topics == {"turbulent flows": 1.0}]

    def mean(*, good: bool, code: bool) -> float:
        return float(
            np.mean([relevance(even, i, 0) for i in neutral if (latent(i).quality > 0.45, latent(i).has_code) == (good, code)])
        )

    assert mean(good=True, code=False) > 1.5 * mean(good=False, code=False)
    assert mean(good=False, code=True) > 1.5 * mean(good=False, code=False)


def test_relevance_is_graded_by_the_share_of_a_topic(ids: list[str]) -> None:
    plain = replace(READER, taste={}, follows=(), dislike="combinatorics")
    mixed = [i for i in ids if 0 < latent(i).topics.get("cosmology", 0) < 0.5 and "speech recognition" not in latent(i).topics]
    pure = [i for i in ids if latent(i).topics.get("cosmology") == 1]
    low, high = (np.mean([relevance(plain, i, 0) for i in part]) for part in (mixed, pure))
    assert 0.05 < low < 0.5 < high


def test_a_taste_changes_on_its_day(ids: list[str]) -> None:
    fickle = replace(READER, changes_after=10, later={"turbulent flows": 1.0})
    assert value_of(ids, reader=fickle, day=9, main="cosmology") > 0.55
    assert value_of(ids, reader=fickle, day=10, main="cosmology") < 0.1
    assert value_of(ids, reader=fickle, day=10, main="turbulent flows") > 0.5
    assert value_of(ids, day=25, main="cosmology") > 0.55


def test_no_mean_of_what_is_liked_ranks_best(month: dict[date, list[str]]) -> None:
    """Even in the true space, with true relevance as weights, nearness to a centroid is far from the best order."""

    def row(paper_id: str) -> np.ndarray:
        truth = latent(paper_id)
        facts = [truth.topics.get(topic, 0.0) for topic in TOPICS] + [float(truth.contribution is kind) for kind in Contribution]
        return np.array(facts) / np.linalg.norm(facts)

    rows = {day: np.stack([row(i) for i in part]) for day, part in month.items()}
    for reader in make_readers(8, rng=np.random.default_rng(5)):
        centroid = sum(relevance(reader, i, 0) * row(i) for part in month.values() for i in part)
        orders = [[part[j] for j in np.argsort(-(rows[day] @ centroid))] for day, part in month.items()]
        assert 0.4 < np.mean([true_ndcg(reader, order, 0) for order in orders]) < 0.9


def test_a_silent_reader_makes_no_gestures(ids: list[str]) -> None:
    rng = np.random.default_rng(0)
    assert gestures(replace(READER, generosity=0.0), ids, 0, rng) == []
    assert gestures(READER, [], 0, rng) == []


def test_who_looks_at_the_first_position_only_never_votes_below(ids: list[str]) -> None:
    hasty = replace(READER, eta=float("inf"), generosity=3.0)
    rng = np.random.default_rng(0)
    best_first = sorted(ids, key=lambda i: -relevance(READER, i, 0))[:SHOWN]
    touched = [index for _ in range(100) for index, _ in gestures(hasty, best_first, 0, rng)]
    assert set(touched) == {0}


def test_who_only_clicks_never_votes_or_saves(ids: list[str]) -> None:
    acts = gestures(replace(READER, clicks_only=True), ids, 0, np.random.default_rng(0))
    assert {kind for _, kind in acts} == {EventKind.CLICK}


def test_gestures_go_down_the_page_and_vote_after_the_click(ids: list[str]) -> None:
    rank = {EventKind.CLICK: 0, EventKind.UPVOTE: 1, EventKind.DOWNVOTE: 1, EventKind.HIDE: 1, EventKind.SAVE: 2}
    acts = gestures(replace(READER, eta=0.0, generosity=1.5), ids, 0, np.random.default_rng(0))
    keys = [(index, rank[kind]) for index, kind in acts]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys), "nobody says yes and no in one breath"
    assert {kind for _, kind in acts} == set(rank)


def test_up_votes_go_to_the_relevant_and_down_votes_to_the_disliked(ids: list[str]) -> None:
    acts = gestures(replace(READER, eta=0.0), ids, 0, np.random.default_rng(0))
    up, down = ([relevance(READER, ids[i], 0) for i, k in acts if k is kind] for kind in (EventKind.UPVOTE, EventKind.DOWNVOTE))
    assert np.mean(up) > 0.3
    assert down
    assert max(down) < simulate.ANNOYING


def test_clicks_fall_with_the_position(ids: list[str]) -> None:
    paper_id = max(ids, key=lambda i: relevance(READER, i, 0))
    rng = np.random.default_rng(0)
    clicks = Counter(
        i for _ in range(600) for i, k in gestures(replace(READER, eta=0.5), [paper_id] * 16, 0, rng) if k is EventKind.CLICK
    )
    assert clicks[15] / clicks[0] == pytest.approx(16**-0.5, abs=0.08)


def test_readers_are_many_kinds_of_people() -> None:
    cast = make_readers(1500, rng=np.random.default_rng(2026))
    assert len({reader.name for reader in cast}) == 1500
    assert 0.07 < np.mean([reader.clicks_only for reader in cast]) < 0.13
    assert 0.16 < np.mean([reader.changes_after is not None for reader in cast]) < 0.24
    neighbours = [TOPICS[TOPICS.index(next(iter(reader.interests))) ^ 1] == reader.dislike for reader in cast]
    assert 0.25 < np.mean(neighbours) < 0.75
    for reader in cast:
        assert len(reader.interests) in (2, 3)
        assert 1 <= len(reader.follows) <= 2
        assert reader.dislike not in {**reader.interests, **reader.later}
        assert (reader.changes_after is not None) == bool(reader.later)
        assert max(reader.taste.values()) == -min(reader.taste.values()) == simulate.TASTE


def test_the_same_seed_makes_the_same_readers() -> None:
    assert make_readers(5, rng=np.random.default_rng(1)) == make_readers(5, rng=np.random.default_rng(1))
    assert make_readers(5, rng=np.random.default_rng(1)) != make_readers(5, rng=np.random.default_rng(2))


def test_votes_per_page_are_what_people_would_give(month: dict[date, list[str]]) -> None:
    cast = tuple(reader for reader in make_readers(20, rng=np.random.default_rng(2026)) if not reader.clicks_only)
    cold, ideal = (votes_per_page(cast, month, ideal=ideal) for ideal in (False, True))
    assert 1.5 < np.mean(list(cold.values())) < 4
    assert 3 < np.mean(list(ideal.values())) < 6
    assert np.mean(list(ideal.values())) > 1.3 * np.mean(list(cold.values()))


def test_opening_follows_activity() -> None:
    rng = np.random.default_rng(0)
    assert not any(opens(replace(READER, activity=0.0), rng) for _ in range(50))
    assert all(opens(replace(READER, activity=1.0), rng) for _ in range(50))
    assert np.mean([opens(replace(READER, activity=0.7), rng) for _ in range(1000)]) == pytest.approx(0.7, abs=0.05)


def test_true_ndcg_of_known_orders(ids: list[str]) -> None:
    best = sorted(ids[:30], key=lambda i: -relevance(READER, i, 0))
    assert true_ndcg(READER, best, 0) == pytest.approx(1)
    assert true_ndcg(READER, best[::-1], 0) < 0.5
    assert true_ndcg(READER, [], 0) == 1
    value = [relevance(READER, i, 0) for i in best[:2]]
    swapped = (value[1] + value[0] / np.log2(3)) / (value[0] + value[1] / np.log2(3))
    assert true_ndcg(READER, best[1::-1], 0) == pytest.approx(swapped)


def test_papers_arrive_in_the_morning_of_their_day(database: Database) -> None:
    seen: list[tuple[str, int, int | None]] = []
    added = arrive(database, START, START + timedelta(days=1), progress=lambda *step: seen.append(step))
    with database.read() as session:
        assert papers.count(session) == added > 80
        early = papers.window(session, START, START + timedelta(days=1), as_of=datetime(2026, 5, 1, 8, tzinfo=UTC))
    known = {paper.edition: paper.signals.upvotes is not None for paper in early}
    assert known == {START: True, START + timedelta(days=1): False}, "nobody knows tomorrow's upvotes"
    assert seen == [("arrive", 1, 2), ("arrive", 2, 2)]
    assert arrive(database, START, START + timedelta(days=1)) == 0


def test_a_played_day_is_logged_like_a_real_one(stocked: Database, settings: Settings) -> None:
    cast = make_readers(4, rng=np.random.default_rng(2026))
    steps: list[int] = []
    played = run(stocked, settings, cast, start=START, days=range(2), progress=lambda _stage, done, _total: steps.append(done))
    assert played.pages + played.idle == 8
    assert played.skipped == 0
    assert steps == list(range(1, 9))
    with stocked.read() as session:
        shown = list(pages.shown(session))
        log = [event for reader in cast for event in events.history(session, readers.by_name(session, reader.name).id)]  # type: ignore[union-attr]
    assert len(shown) == played.pages
    assert all([entry.item.position for entry in page.items] == list(range(1, SHOWN + 1)) for page in shown)
    items = {entry.item.id: (page.page, entry) for page in shown for entry in page.items}
    assert len(log) == played.gestures > 0
    assert sum(event.kind.is_vote for event in log) == played.votes
    for event in log:
        page, entry = items[event.item_id or 0]
        assert (event.reader_id, event.paper_id) == (page.reader_id, entry.item.paper_id)
        assert event.channel is Channel.SIMULATED
        assert entry.shown_at < event.at < entry.shown_at + timedelta(minutes=45)
        assert entry.shown_at.date() == page.day
        assert entry.shown_at.time() >= time(8)


def test_moments_of_one_visit_grow(stocked: Database, settings: Settings) -> None:
    run(stocked, settings, (replace(READER, generosity=2.0),), start=START, days=range(3))
    with stocked.read() as session:
        account = readers.by_name(session, "anna")
        assert account is not None
        assert account.simulated
        moments = [event.at for event in events.history(session, account.id)]
    assert len(moments) > 3
    assert moments == sorted(set(moments))


def test_people_can_write_while_the_page_of_a_simulated_reader_is_made(
    stocked: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, came = simulate.daily.ranked_pages, list[int]()

    def while_somebody_comes(*args: Any, **facts: Any) -> Any:
        with stocked.write() as session:
            came.append(readers.create(session, f"somebody {len(came)}", now=facts["now"]).id)
        return make(*args, **facts)

    monkeypatch.setattr(simulate.daily, "ranked_pages", while_somebody_comes)
    played = run(stocked, settings, make_readers(3, rng=np.random.default_rng(2026)), start=START, days=range(2))
    assert len(came) == played.pages > 0


def test_what_was_played_is_skipped_and_a_cut_run_ends_the_same(stocked: Database, settings: Settings) -> None:
    cast = make_readers(3, rng=np.random.default_rng(2026))
    first = run(stocked, settings, cast, start=START, days=[0])
    rest = run(stocked, settings, cast, start=START, days=range(3))
    again = run(stocked, settings, cast, start=START, days=range(3))
    assert rest.skipped == first.pages > 0
    assert (again.pages, again.gestures, again.ndcg) == (0, 0, {})
    assert again.skipped == first.pages + rest.pages
    with stocked.read() as session:
        assert len(list(pages.shown(session))) == again.skipped


def test_a_run_is_the_same_under_a_seed_and_another_under_another(stocked: Database, settings: Settings, tmp_path: Path) -> None:
    cast = make_readers(3, rng=np.random.default_rng(2026))
    results = []
    for number, seed in enumerate((7, 7, 8)):
        copy = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(settings.folder / "broadsheet.db")) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        twin = open_database(f"sqlite+pysqlite:///{copy}")
        results.append(run(twin, settings, cast, start=START, days=range(3), seed=seed))
        twin.close()
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_pages_get_truly_better_with_votes(database: Database, settings: Settings) -> None:
    arrive(database, START, START + timedelta(days=9))
    ingest.embed_missing(database, settings, now=datetime(2026, 5, 10, 7, tzinfo=UTC))
    cast = tuple(replace(READER, name=f"keen-{i}", eta=0.05, generosity=1.5) for i in range(3))
    played = run(database, settings, cast, start=START, days=range(10))
    values = list(played.ndcg.values())
    assert list(played.ndcg) == [START + timedelta(days=i) for i in range(10)]
    assert np.mean(values[-4:]) > values[0] + 0.1


def test_a_day_without_papers_leaves_nothing_behind(stocked: Database, settings: Settings) -> None:
    played = run(stocked, settings, (READER,), start=START, days=[20])
    assert (played.pages, played.gestures) == (0, 0)


def test_a_person_is_never_played(stocked: Database, settings: Settings) -> None:
    with stocked.write() as session:
        readers.create(session, "anna", now=datetime(2026, 5, 1, tzinfo=UTC))
    with pytest.raises(StoreError, match="another name"):
        run(stocked, settings, (READER,), start=START, days=[0])

"""Readers who want what many have upvoted, pages by the untrained ranker: what a ranker that knows this would have been worth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_reader

from recommender import daily
from recommender.daily import Rankers
from recommender.errors import NotEnoughData
from recommender.rank import features, model
from recommender.rank.model import Ranker
from recommender.settings import RankSettings, Settings, load
from recommender.store import events, pages, papers
from recommender.store.db import Database, open_database
from recommender.types import Channel, EventKind
from training import counterfactual, dataset
from training.counterfactual import Comparison, compare, told

SLOTS = 5
RANK = RankSettings(explore_per_20=SLOTS, explore_uniform=0.6)
READERS, DAYS = 12, 2
LAST = DAY + timedelta(days=DAYS - 1)


def by_upvotes(sign: float, version: str) -> Ranker:
    weights = np.array([sign * (name == "z_log_upvotes") for name in features.NAMES], dtype=np.float32)
    return replace(model.blend_ranker(version=version), weights=weights)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load({}, home=tmp_path_factory.mktemp("home"), embed={"model": "hashing"}, edition="real")


@pytest.fixture(scope="module")
def rankers(home: Settings) -> Rankers:
    return Rankers(home.models_folder)


@pytest.fixture(scope="module")
def log(home: Settings, _migrated: Path, rankers: Rankers) -> Iterator[Database]:
    """Every reader liked something once, and opens what has three upvotes or more wherever it stands. Nobody writes here any more."""
    shutil.copy(_migrated, home.folder / "broadsheet.db")
    database = open_database(home.url)
    days = [DAY + timedelta(days=number) for number in range(-1, DAYS)]
    fill(database, home, [paper for day in days for paper in make_edition(day)])
    readers = [make_reader(database, f"reader {number}") for number in range(READERS)]
    with database.write() as session:
        for day in days:
            at = NOW + (day - DAY)
            for number, reader in enumerate(readers):
                if day < DAY:
                    liked = make_edition(day)[number]
                    events.append(session, reader.id, liked.id, EventKind.UPVOTE, at=at)
                    continue
                page = daily.current_page(session, reader.id, day, rankers, RANK, now=at)
                pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, at)
                stored = papers.get(session, [item.paper_id for item in page.items])
                for item in page.items:
                    if (stored[item.paper_id].signals.upvotes or 0) >= 3:
                        events.append(
                            session, reader.id, item.paper_id, EventKind.CLICK, at=at + timedelta(minutes=5), item_id=item.id
                        )
    yield database
    database.close()


def compared(log: Database, rankers: Rankers, candidate: Ranker, *, settings: RankSettings = RANK) -> Comparison:
    with log.read() as session:
        live = rankers.live(session)
        return compare(session, first=DAY, last=LAST, candidate=candidate, live=live, rankers=rankers, settings=settings)


def test_who_knows_what_readers_want_is_worth_more_than_who_does_not(log, rankers):
    better, worse = (compared(log, rankers, by_upvotes(sign, "new")) for sign in (1.0, -1.0))
    assert better.slots == SLOTS * READERS * DAYS
    assert (better.readers, better.lost) == (READERS, 0)
    assert worse.candidate.value < better.live.value < better.candidate.value
    assert better.difference.low > 0 > worse.difference.high
    assert better.difference.value == pytest.approx(better.candidate.value - better.live.value)


def test_what_made_the_pages_is_worth_what_it_brought(log, rankers):
    """Made again, the live ranker's draws have the very probabilities that were logged."""
    with log.read() as session:
        slots, live = dataset.exploration(session, first=DAY, last=LAST), rankers.live(session)
        chosen, likely, _ = counterfactual._replayed(session, slots, (live,), rankers, RANK)
    assert likely[:, 0] == pytest.approx(slots.propensity[chosen], rel=1e-6)
    assert len(np.unique(slots.propensity.round(6))) > 20  # something was believed of these readers: no draws by lot
    found = compared(log, rankers, replace(live, version="same"))
    assert found.candidate.value == found.live.value == pytest.approx((slots.grade > 0).mean())
    assert found.difference.value == found.difference.low == found.difference.high == 0


def test_slots_that_cannot_be_made_again_are_left_out(log, rankers):
    with pytest.raises(NotEnoughData, match="0 exploration slots of 0 readers"):
        compared(log, rankers, by_upvotes(1.0, "new"), settings=RANK.model_copy(update={"seed": 1}))


def test_a_slot_logged_with_another_probability_does_not_count(log, rankers, monkeypatch):
    real = dataset.exploration

    def falsified(*args, **days):
        found = real(*args, **days)
        return replace(found, propensity=np.concatenate([[0.5], found.propensity[1:]]))

    monkeypatch.setattr(counterfactual, "exploration", falsified)
    found = compared(log, rankers, by_upvotes(1.0, "new"))
    assert (found.slots, found.lost) == (SLOTS * READERS * DAYS - 1, 1)


def test_pages_of_a_model_that_is_gone_are_left_out(log, rankers, monkeypatch):
    real = pages.by_id

    def of_others(session, page_id):
        made = real(session, page_id)
        return replace(made, model="gone" if page_id % 2 else f"{made.model}+gone")

    monkeypatch.setattr(counterfactual.pages, "by_id", of_others)
    monkeypatch.setattr(counterfactual, "LEAST_EFFECTIVE", 1.0)
    found = compared(log, rankers, by_upvotes(1.0, "new"))
    assert (found.slots, found.lost) == (SLOTS * READERS * DAYS // 2, SLOTS * READERS * DAYS // 2)


def test_of_many_pages_some_are_made_again(log, rankers, monkeypatch):
    monkeypatch.setattr(counterfactual, "MOST_PAGES", READERS * DAYS // 2)
    monkeypatch.setattr(counterfactual, "LEAST_EFFECTIVE", 1.0)
    found = compared(log, rankers, by_upvotes(1.0, "new"))
    assert (found.slots, found.lost) == (SLOTS * READERS * DAYS // 2, 0)
    assert found.readers > READERS / 2


@pytest.mark.parametrize("least", ["LEAST_READERS", "LEAST_WANTED", "LEAST_EFFECTIVE"])
def test_too_little_says_nothing(log, rankers, monkeypatch, least):
    monkeypatch.setattr(counterfactual, "MOST_PAGES", READERS)
    for name in ("LEAST_READERS", "LEAST_WANTED", "LEAST_EFFECTIVE"):
        monkeypatch.setattr(counterfactual, name, 1000 if name == least else 0)
    with pytest.raises(NotEnoughData, match="1000"):
        compared(log, rankers, by_upvotes(1.0, "new"))


def test_where_nothing_is_believed_the_scores_still_count():
    scores = np.array([2.0, 1.0, 0.0])
    for doubt in (np.full(3, np.nan), np.zeros(3)):
        chances = counterfactual._chances(scores, doubt, RANK)
        assert chances[0] > chances[1] > chances[2] > RANK.explore_uniform / 4
    sure = counterfactual._chances(scores, np.full(3, 0.1), RANK)
    assert sure[0] > chances[0]


def test_it_is_told_in_plain_words_and_plain_values(log, rankers):
    with log.read() as session:
        days = {"first": DAY, "last": LAST}
        more = {"candidate": by_upvotes(1.0, "new"), "live": rankers.live(session), "rankers": rankers, "settings": RANK}
        found = told(session, **days, **more)
        nothing = told(session, first=LAST + timedelta(days=1), last=LAST + timedelta(days=2), **more)
    assert json.loads(json.dumps(found)) == found
    assert found["told"].startswith("of the papers the candidate would draw for an exploration slot, ")
    assert found["told"].endswith(f"from {found['slots']} slots of {READERS} readers")
    assert set(found["difference"]) == {"value", "low", "high", "effective"}
    assert list(nothing) == ["told"]
    assert nothing["told"].startswith("not enough data: no exploration slot was shown from 2026-05-22")

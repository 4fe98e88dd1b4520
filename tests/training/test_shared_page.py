"""The prior from the store: what is a pick and what is not, kept where it tells apart, None where there is little to learn from."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from factories import DAY, fill, make_paper

from recommender.rank.prior import author_keys
from recommender.settings import Settings
from recommender.store import vectors
from recommender.store.db import Database
from recommender.types import Paper, Signals
from training import popularity, shared_page
from training.popularity import LABEL_DAYS
from training.shared_page import TRIAL_DAYS, fit_prior, history_of, tells_apart

DAYS = 75
START = DAY - timedelta(days=DAYS)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popularity, "ROUNDS", 30)
    monkeypatch.setattr(popularity, "SEEDS", 1)
    monkeypatch.setattr(popularity, "TREES", popularity.TREES | {"learning_rate": 0.1, "min_data_in_leaf": 20})


def listed(number: int, *, day: date, picked: bool, **facts: object) -> Paper:
    paper = make_paper(number, day=day, source="arxiv", **facts)
    return replace(paper, signals=Signals(upvotes=7) if picked else Signals())


def listings(*, by_topic: bool) -> list[Paper]:
    """Eight papers a day; those on robots are picked, or, where the topic says nothing, as many of all."""
    draw, found = random.Random(3), []
    for number in range(8 * DAYS):
        topic = "robots" if number % 4 == 0 else "proofs"
        picked = topic == "robots" if by_topic else draw.random() < 0.25
        found.append(
            listed(number, day=START + timedelta(days=number // 8), picked=picked, topic=topic, authors=(f"P {number}",))
        )
    return found


def encoder_of(database: Database) -> str:
    with database.read() as session:
        return vectors.current_encoder(session) or ""


def test_what_the_history_says(database: Database, settings: Settings) -> None:
    fill(
        database,
        settings,
        [
            listed(1, day=DAY - timedelta(days=3), picked=True),
            listed(2, day=DAY - timedelta(days=2), picked=False),
            listed(4, day=DAY - timedelta(days=4), picked=False),  # nobody had read the shared page yet
            replace(make_paper(3, day=DAY, source="huggingface", authors=("Ada Known",)), signals=Signals(upvotes=2)),
        ],
    )
    with database.read() as session:
        history = history_of(session, encoder_of(database), today=DAY)
    assert history.day.tolist() == [(DAY - timedelta(days=3)).toordinal(), (DAY - timedelta(days=2)).toordinal()]
    assert history.picked.tolist() == [True, False]
    assert history.elsewhere.tolist() == author_keys(["Ada Known"])
    assert history.elsewhere_day.tolist() == [DAY.toordinal()]
    assert history.listed.terms.nnz > 0


def test_a_prior_that_tells_picked_papers_apart_is_kept(database: Database, settings: Settings) -> None:
    fill(database, settings, listings(by_topic=True))
    with database.read() as session:
        history = history_of(session, encoder_of(database), today=DAY)
        prior = fit_prior(session, encoder_of(database), today=DAY, seed=1)
    assert prior is not None
    scores = prior.score(history.listed)
    assert scores[history.picked].min() > scores[~history.picked].max()


def test_one_that_does_not_is_not(database: Database, settings: Settings) -> None:
    fill(database, settings, listings(by_topic=False))
    with database.read() as session:
        assert fit_prior(session, encoder_of(database), today=DAY, seed=1) is None


def test_it_is_tried_on_days_that_it_was_not_made_from(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, settings, listings(by_topic=True))
    made, tried = [], []
    fit = popularity.fit
    monkeypatch.setattr(popularity, "fit", lambda walk, as_of, *, seed: made.append(as_of) or fit(walk, as_of, seed=seed))
    monkeypatch.setattr(shared_page, "tells_apart", lambda prior, history, days, *, seed: tried.append(days) or True)
    with database.read() as session:
        assert fit_prior(session, encoder_of(database), today=DAY, seed=1) is not None
    today = DAY.toordinal()
    assert made == [today - LABEL_DAYS - TRIAL_DAYS, today]
    assert tried == [range(made[0], today - LABEL_DAYS)]


def test_without_picks_there_is_none(database: Database, settings: Settings) -> None:
    fill(database, settings, [listed(number, day=DAY - timedelta(days=30), picked=False) for number in range(40)])
    with database.read() as session:
        assert fit_prior(session, encoder_of(database), today=DAY, seed=1) is None


def test_nothing_came_out(database: Database, settings: Settings) -> None:
    fill(database, settings, listings(by_topic=True))
    with database.read() as session:
        history = history_of(session, encoder_of(database), today=DAY)
        prior = fit_prior(session, encoder_of(database), today=DAY, seed=1)
    assert prior is not None
    assert tells_apart(prior, history, range(START.toordinal(), START.toordinal() + 5), seed=0)
    assert not tells_apart(prior, history, range(DAY.toordinal() + 5, DAY.toordinal() + 9), seed=0)
    assert not tells_apart(
        prior, replace(history, picked=np.zeros_like(history.picked)), range(START.toordinal(), DAY.toordinal()), seed=0
    )

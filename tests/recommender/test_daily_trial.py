"""A page that two models share: made of both, stored with who chose what, made again exactly, and over when the trial is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from factories import DAY, NOW

from recommender import daily
from recommender.daily import Rankers
from recommender.rank import draft, model, terms
from recommender.rank.lens import flat
from recommender.settings import RankSettings, Settings
from recommender.store import artifacts, events, pages
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind, RankedItem, RankedPage

RANK = RankSettings()


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


@pytest.fixture
def trial(edition: Database, settings: Settings) -> Database:
    """`old` is live; `new`, which weighs and counts everything otherwise, shares its pages."""
    rng = np.random.default_rng(5)
    untrained = model.blend_ranker()
    lens = replace(flat(), idf=rng.uniform(0.5, 3, terms.BUCKETS).astype(np.float32))
    made = {
        "old": replace(untrained, version="old"),
        "new": replace(untrained, version="new", lens=lens, weights=rng.permutation(untrained.weights)),
    }
    with edition.write() as session:
        for version, ranker in made.items():
            artifacts.add(
                session,
                settings.models_folder,
                version,
                model.dump(ranker),
                kind="boosted",
                schema=ranker.schema,
                papers=1,
                now=NOW,
            )
        artifacts.promote(session, "old", now=NOW)
        artifacts.challenge(session, "new", now=NOW)
    return edition


def current(database: Database, reader: Reader, rankers: Rankers, *, minutes: int = 0) -> RankedPage:
    with database.write() as session:
        return daily.current_page(session, reader.id, DAY, rankers, RANK, now=NOW + timedelta(minutes=minutes))


def say(database: Database, reader: Reader, item: RankedItem, kind: EventKind, *, minutes: int = 0) -> None:
    with database.write() as session:
        at = NOW + timedelta(minutes=minutes)
        events.append(session, reader.id, item.paper_id, kind, at=at, item_id=item.id)


def order(page: RankedPage) -> list[tuple[str, str]]:
    return [(item.paper_id, item.team) for item in page.items]


def test_both_models_choose_and_the_page_says_who(trial: Database, alice: Reader, rankers: Rankers) -> None:
    page = current(trial, alice, rankers)
    teams = Counter(item.team for item in page.items)
    assert page.model == "old+new"
    assert abs(teams["old"] - teams["new"]) <= 1
    assert teams["old"] > 10
    assert len({item.paper_id for item in page.items}) == len(page.items) == page.candidates
    assert {item.team for item in page.items if item.explored} == {""}


def test_it_is_stored_and_stays(trial: Database, alice: Reader, rankers: Rankers) -> None:
    page = current(trial, alice, rankers)
    again = current(trial, alice, rankers, minutes=5)
    assert (again.id, order(again)) == (page.id, order(page))
    with trial.read() as session:
        stored = pages.by_id(session, page.id)
        assert stored is not None
        assert order(stored) == order(page)


def test_a_vote_moves_it_and_an_undo_restores_it(trial: Database, alice: Reader, rankers: Rankers) -> None:
    before = current(trial, alice, rankers)
    say(trial, alice, before.items[8], EventKind.UPVOTE, minutes=1)
    voted = current(trial, alice, rankers, minutes=2)
    assert order(voted) != order(before)
    assert (voted.items[8].paper_id, voted.items[8].team) == (before.items[8].paper_id, "")
    moved = [item for item in voted.items if any(reason.kind == "moved" for reason in item.reasons)]
    assert {item.team for item in moved} <= {""}
    say(trial, alice, before.items[8], EventKind.CLEAR, minutes=3)
    assert order(current(trial, alice, rankers, minutes=4)) == order(before)


def test_every_revision_can_be_made_again(trial: Database, alice: Reader, rankers: Rankers) -> None:
    made = [current(trial, alice, rankers)]
    for step, kind in enumerate((EventKind.UPVOTE, EventKind.DOWNVOTE), start=1):
        say(trial, alice, made[-1].items[step + 3], kind, minutes=step)
        made.append(current(trial, alice, rankers, minutes=step))
    with trial.read() as session:
        for page in made:
            matrix = daily.replay(session, page, rankers, RANK)
            assert list(matrix.paper_ids) == [item.paper_id for item in page.items]
            assert np.allclose(matrix.values, np.stack([item.features for item in page.items]), atol=1e-6, equal_nan=True)


def test_an_item_carries_the_features_of_the_model_that_chose_it(trial: Database, alice: Reader, rankers: Rankers) -> None:
    """The two count words otherwise, so once somebody liked something their lexical features differ."""
    page = current(trial, alice, rankers)
    say(trial, alice, page.items[3], EventKind.UPVOTE)
    page = current(trial, alice, rankers, minutes=1)
    with trial.read() as session:
        alone = daily.replay(
            session, replace(page, model="old", items=tuple(i._replace(team="") for i in page.items)), rankers, RANK
        )
        for version, item, row in zip([i.team for i in page.items], page.items, alone.values, strict=True):
            assert np.allclose(item.features, row, equal_nan=True) is (version != "new")
            ranker = rankers.get(session, draft.maker(page, item))
            matrix = replace(alone, paper_ids=(item.paper_id,), values=item.features[np.newaxis].copy())
            assert ranker.score(matrix)[0] == pytest.approx(item.score, abs=1e-5)


def test_the_end_of_a_trial_makes_the_page_anew(trial: Database, alice: Reader, rankers: Rankers) -> None:
    shared = current(trial, alice, rankers)
    with trial.write() as session:
        artifacts.promote(session, "new", now=NOW)
    page = current(trial, alice, rankers, minutes=1)
    assert (shared.model, page.model, page.revision) == ("old+new", "new", 2)
    assert {item.team for item in page.items} == {""}


def test_the_beginning_of_a_trial_makes_the_page_anew(trial: Database, alice: Reader, rankers: Rankers) -> None:
    with trial.write() as session:
        artifacts.end_trial(session, "later")
    assert current(trial, alice, rankers).model == "old"
    with trial.write() as session:
        artifacts.challenge(session, "new", now=NOW)
    assert current(trial, alice, rankers, minutes=1).model == "old+new"

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recommender import ingest
from recommender.daily import Rankers
from recommender.errors import ModelError, NotEnoughData
from recommender.rank.model import blend_ranker, dump, load
from recommender.rank.terms import flat_idf
from recommender.settings import Settings
from recommender.store import artifacts
from training import baselines, evaluate, fit, gate
from training import retrain as retraining
from training.fit import Fitted
from training.gate import Verdict
from training.retrain import retrain
from training.split import by_day

NIGHT = datetime(2026, 3, 14, 2, 10, tzinfo=UTC)
CHOSEN = {"rounds": 40, "threads": 1, "min_pages": 40, "test_days": 3, "valid_days": 2, "bootstrap": 200, "keep_versions": 2}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"training": settings.training.model_copy(update=CHOSEN)})


@pytest.fixture
def unchecked(monkeypatch):
    monkeypatch.setattr(fit, "validate", lambda *_: None)


@pytest.fixture
def log(database, rng, make_rows, write_rows):
    """Twelve days of eight readers who want what one feature says; the last day is the day before the night."""
    write_rows(database, make_rows(rng, days=12, pages_per_day=8, rows_per_page=12))
    return database


def copy_of_blend(train, valid, settings, *, idf, version, progress=None) -> Fitted:
    """A candidate that is the untrained ranking under another name."""
    return Fitted(replace(blend_ranker(idf, version), kind="boosted"), {})


def accept(report, scores, **_) -> Verdict:
    return Verdict(True, ("because the test says so",))


def current(database) -> str | None:
    with database.read() as session:
        return artifacts.current(session)


def test_the_whole_way_from_log_to_live_model(log, settings):
    ingest.embed_missing(log, settings, now=NIGHT)
    told = []
    outcome = retrain(log, settings, now=NIGHT, progress=lambda stage, done, total: told.append(stage))
    assert outcome.published
    assert outcome.version == current(log) == "2026-03-14-0210-a"
    assert outcome.reason.startswith("Model 2026-03-14-0210-a is live: nDCG@10 ")
    assert outcome.report.overall.differences["blend"]["ndcg@10"].low > 0
    assert (outcome.report.first.day, outcome.report.last.day, outcome.report.overall.pages) == (10, 12, 24)
    assert list(dict.fromkeys(told)) == ["reading the log", "boosting", "judging", "publishing"]
    with log.read() as session:
        live = Rankers(settings.models_folder).live(session)
        stored = artifacts.get(session, outcome.version)
    assert live.kind == stored.kind == "boosted"
    assert not np.array_equal(live.idf, flat_idf())  # counted from the stored papers
    assert stored.papers == 12 * 12
    assert stored.report["accepted"] is True
    assert stored.report["card"]["train"]["pages"] == 7 * 8
    assert stored.report["report"] == outcome.report.to_dict()


def test_the_next_night_the_live_model_is_the_one_to_beat(log, settings, unchecked):
    first = retrain(log, settings, now=NIGHT)
    second = retrain(log, settings, now=NIGHT + timedelta(hours=1))
    assert second.report.versions == {"model": "2026-03-14-0310-a", "live": first.version}
    assert second.published  # trained on the same log it is the same model: not worse
    assert second.report.overall.differences["live"]["ndcg@10"].value == 0
    third = retrain(log, settings, now=NIGHT + timedelta(hours=2), learn=copy_of_blend)
    assert not third.published
    assert "may be worse than with the live model" in third.reason
    assert current(log) == second.version


def test_a_candidate_that_learned_nothing_is_refused_and_nothing_changes(log, settings):
    outcome = retrain(log, settings, now=NIGHT, learn=copy_of_blend)
    assert not outcome.published
    assert outcome.reason.startswith("Model 2026-03-14-0210-a was refused: ")
    assert current(log) is None
    with log.read() as session:
        stored = artifacts.get(session, outcome.version)
    assert stored.state == "refused"
    assert "may have learned nothing" in stored.reason
    assert stored.report["accepted"] is False


@pytest.mark.parametrize("seed", range(10))
def test_shuffled_labels_never_go_live(make_rows, unchecked, seed, settings):
    rows = make_rows(np.random.default_rng(seed), days=10, pages_per_day=8, rows_per_page=12, shuffled=True)
    split = by_day(rows.day, test_days=3, valid_days=2)
    train, valid, test = (rows.take(mask) for mask in (split.train, split.valid, split.test))
    try:
        ranker = fit.fit(train, valid, settings.training, idf=flat_idf(), version="v").ranker
    except NotEnoughData:
        return  # nothing was learned, and fitting says so itself
    scores = ranker.score(test.matrix)
    judged = {"model": scores, **baselines.scores(test)}
    report = evaluate.evaluate(judged, test, versions={}, rng=np.random.default_rng(seed), samples=200)
    assert not gate.decide(report, scores, tolerance=0.005, live_is_trained=False).accept


def test_a_small_log_trains_nothing(database, settings, rng, make_rows, write_rows):
    with pytest.raises(NotEnoughData, match="no page in the log"):
        retrain(database, settings, now=NIGHT)
    write_rows(database, make_rows(rng, days=6, pages_per_day=8, rows_per_page=6))
    with pytest.raises(NotEnoughData, match=r"there are 6 days .* takes 7"):
        retrain(database, settings, now=NIGHT)
    more = settings.model_copy(update={"training": settings.training.model_copy(update={"min_pages": 49})})
    with pytest.raises(NotEnoughData, match=r"48 pages .* takes 49"):
        retrain(database, more, now=NIGHT)
    assert current(database) is None
    assert not settings.models_folder.exists()


def test_days_before_the_history_and_after_the_night_are_not_read(log, settings):
    short = settings.model_copy(update={"training": settings.training.model_copy(update={"history_days": 7})})
    with pytest.raises(NotEnoughData, match="there are 6 days"):
        retrain(log, short, now=NIGHT)
    with pytest.raises(NotEnoughData, match="there are 5 days"):
        retrain(log, settings, now=datetime(2026, 3, 5, tzinfo=UTC))


def test_readers_can_vote_while_a_model_is_trained(log, settings):
    def learn_slowly(*arguments, **named):
        with log.write() as session:
            artifacts.listing(session)
        return copy_of_blend(*arguments, **named)

    assert retrain(log, settings, now=NIGHT, learn=learn_slowly).version is not None


def test_a_model_that_went_live_meanwhile_is_not_replaced_unseen(log, settings):
    def meanwhile(*arguments, **named):
        with log.write() as session:
            text = dump(blend_ranker(version="blend-7"))
            artifacts.add(session, settings.models_folder, "blend-7", text, kind="blend", schema="s", papers=7, now=NIGHT)
            artifacts.promote(session, "blend-7", now=NIGHT)
        return copy_of_blend(*arguments, **named)

    outcome = retrain(log, settings, now=NIGHT, learn=meanwhile, judge=accept)
    assert not outcome.published
    assert "another model went live" in outcome.reason
    assert current(log) == "blend-7"


class Killed(BaseException):
    """The end of the process, as far as any handler is concerned."""


@pytest.mark.parametrize("point", ["_write_whole", "promote", "prune"])
def test_a_process_that_dies_while_publishing_leaves_the_live_model(log, settings, monkeypatch, point):
    retrain(log, settings, now=NIGHT, learn=copy_of_blend, judge=accept)
    real = getattr(artifacts, point)

    def die_after(*arguments, **named):
        real(*arguments, **named)
        raise Killed

    monkeypatch.setattr(artifacts, point, die_after)
    later = NIGHT + timedelta(hours=1)
    with pytest.raises(Killed):
        retrain(log, settings, now=later, learn=copy_of_blend, judge=accept)
    monkeypatch.setattr(artifacts, point, real)
    assert current(log) == "2026-03-14-0210-a"
    with log.read() as session:
        rankers = Rankers(settings.models_folder)
        assert rankers.live(session).version == "2026-03-14-0210-a"
        assert rankers.note is None
        assert not artifacts.exists(session, "2026-03-14-0310-a")
    again = retrain(log, settings, now=later, learn=copy_of_blend, judge=accept)  # the orphaned file is no obstacle
    assert again.version == current(log) == "2026-03-14-0310-a"
    assert load((settings.models_folder / f"{again.version}.json").read_text()).version == again.version


def test_versions_of_one_minute_differ_and_old_files_go(log, settings):
    made = [retrain(log, settings, now=NIGHT + timedelta(seconds=i), learn=copy_of_blend, judge=accept).version for i in range(4)]
    assert made == [f"2026-03-14-0210-{letter}" for letter in "abcd"]
    assert sorted(path.stem for path in settings.models_folder.iterdir()) == made[2:]


def test_a_minute_with_every_letter_taken_says_so(log, settings, monkeypatch):
    monkeypatch.setattr(artifacts, "exists", lambda *_: True)
    with log.read() as session, pytest.raises(ModelError, match="wait a minute"):
        retraining._new_version(session, NIGHT)

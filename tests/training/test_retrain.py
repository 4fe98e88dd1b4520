from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recommender import ingest
from recommender.daily import Rankers
from recommender.errors import ModelError, NotEnoughData
from recommender.rank.features import NAMES, SCHEMA
from recommender.rank.lens import flat
from recommender.rank.model import blend_ranker, dump, load
from recommender.settings import Settings
from recommender.store import artifacts, events, pages, readers
from recommender.types import Channel, EventKind, RankedItem, RankedPage
from training import baselines, dataset, evaluate, fit, gate
from training import retrain as retraining
from training.examination import power
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


def copy_of_blend(train, valid, settings, *, lens, version, looked=None, progress=None) -> Fitted:
    """A candidate that is the untrained ranking under another name."""
    return Fitted(replace(blend_ranker(lens, version), kind="boosted"), {})


def accept(report, scores, **_) -> Verdict:
    return Verdict(True, ("because the test says so",))


def add_click(database) -> None:
    """Let somebody open a paper again: the log has grown by a gesture that teaches the same."""
    with database.write() as session:
        reader = readers.by_name(session, "reader 1")
        first = events.history(session, reader.id)[0]
        events.append(session, reader.id, first.paper_id, EventKind.CLICK, at=NIGHT - timedelta(hours=3), item_id=first.item_id)


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
    assert list(dict.fromkeys(told)) == [
        "reading the log",
        "looking at what is liked together",
        "boosting",
        "judging",
        "publishing",
    ]
    with log.read() as session:
        live = Rankers(settings.models_folder).live(session)
        stored = artifacts.get(session, outcome.version)
    assert live.kind == stored.kind == "boosted"
    assert live.lens.encoder == "hashing/128"
    assert np.ptp(live.lens.idf) > 0  # counted from the stored papers
    assert live.lens.sharpen is not None
    assert stored.papers == 12 * 12
    assert stored.report["accepted"] is True
    assert stored.report["card"]["train"]["pages"] == 7 * 8
    assert stored.report["report"] == outcome.report.to_dict()


def test_the_next_night_the_live_model_is_the_one_to_beat(log, settings, unchecked):
    first = retrain(log, settings, now=NIGHT)
    add_click(log)
    second = retrain(log, settings, now=NIGHT + timedelta(hours=1))
    assert second.report.versions == {"model": "2026-03-14-0310-a", "live": first.version}
    assert second.published
    assert second.report.overall.differences["live"]["ndcg@10"].low > -0.03
    add_click(log)
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
        ranker = fit.fit(train, valid, settings.training, lens=flat(), version="v").ranker
    except NotEnoughData:
        return  # nothing was learned, and fitting says so itself
    scores = ranker.score(test.matrix)
    judged = {"model": scores, **baselines.scores(test)}
    report = evaluate.evaluate(judged, test, versions={}, rng=np.random.default_rng(seed), samples=200)
    assert not gate.decide(report, scores, tolerance=0.005, live_is_trained=False).accept


def test_a_small_log_trains_nothing(database, settings, rng, make_rows, write_rows):
    with pytest.raises(NotEnoughData, match="no page in the log"):
        retrain(database, settings, now=NIGHT)
    write_rows(database, make_rows(rng, days=4, pages_per_day=12, rows_per_page=6))
    with pytest.raises(NotEnoughData, match=r"there are 4 days .* takes 5"):
        retrain(database, settings, now=NIGHT)
    more = settings.model_copy(update={"training": settings.training.model_copy(update={"min_pages": 49})})
    with pytest.raises(NotEnoughData, match=r"48 pages .* takes 49"):
        retrain(database, more, now=NIGHT)
    assert current(database) is None
    assert not settings.models_folder.exists()


def test_days_before_the_history_and_after_the_night_are_not_read(log, settings):
    short = settings.model_copy(update={"training": settings.training.model_copy(update={"history_days": 5})})
    with pytest.raises(NotEnoughData, match="32 pages"):
        retrain(log, short, now=NIGHT)
    with pytest.raises(NotEnoughData, match="there are 4 days"):
        retrain(
            log,
            settings.model_copy(update={"training": settings.training.model_copy(update={"min_pages": 1})}),
            now=datetime(2026, 3, 4, tzinfo=UTC),
        )


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
    add_click(log)
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
    made = []
    for i in range(4):
        made.append(retrain(log, settings, now=NIGHT + timedelta(seconds=i), learn=copy_of_blend, judge=accept).version)
        add_click(log)
    assert made == [f"2026-03-14-0210-{letter}" for letter in "abcd"]
    assert sorted(path.stem for path in settings.models_folder.iterdir()) == made[2:]


def test_a_minute_with_every_letter_taken_says_so(log, settings, monkeypatch):
    monkeypatch.setattr(artifacts, "exists", lambda *_: True)
    with log.read() as session, pytest.raises(ModelError, match="wait a minute"):
        retraining._new_version(session, NIGHT)


@pytest.mark.parametrize("judge", [accept, gate.decide], ids=["published", "refused"])
def test_a_log_that_has_not_grown_teaches_nothing_new(log, settings, judge):
    first = retrain(log, settings, now=NIGHT, learn=copy_of_blend, judge=judge)
    state = "live" if first.published else "refused"
    with pytest.raises(
        NotEnoughData, match=rf"nothing new to learn from: .* since model {first.version} was made \(it is {state}\)"
    ):
        retrain(log, settings, now=NIGHT + timedelta(days=1), learn=None)
    with log.read() as session:
        assert [one.version for one in artifacts.listing(session)] == [first.version]
    add_click(log)
    assert retrain(log, settings, now=NIGHT + timedelta(days=1), learn=copy_of_blend, judge=judge).version != first.version


def test_other_settings_are_something_new(log, settings):
    retrain(log, settings, now=NIGHT, learn=copy_of_blend)

    def changed(**values):
        return settings.model_copy(update={"training": settings.training.model_copy(update=values)})

    with pytest.raises(NotEnoughData, match="nothing new"):
        retrain(log, changed(threads=2, keep_versions=5), now=NIGHT, learn=copy_of_blend)
    assert retrain(log, changed(leaves=7), now=NIGHT, learn=copy_of_blend).version == "2026-03-14-0210-b"


def test_what_was_taken_back_by_hand_does_not_come_back_the_next_night(log, settings):
    version = retrain(log, settings, now=NIGHT, learn=copy_of_blend, judge=accept).version
    with log.write() as session:
        artifacts.rollback(session, None, now=NIGHT)
    with pytest.raises(NotEnoughData, match=rf"{version} was made \(it is withdrawn\)"):
        retrain(log, settings, now=NIGHT + timedelta(days=1), learn=copy_of_blend, judge=accept)
    assert current(log) is None


def test_a_live_model_whose_file_is_damaged_is_made_again(log, settings):
    version = retrain(log, settings, now=NIGHT, learn=copy_of_blend, judge=accept).version
    (settings.models_folder / f"{version}.json").write_text("{}")
    again = retrain(log, settings, now=NIGHT + timedelta(days=1), learn=copy_of_blend, judge=accept)
    assert again.published
    assert current(log) == again.version != version


@pytest.fixture
def interleaving(settings: Settings) -> Settings:
    return settings.model_copy(update={"training": settings.training.model_copy(update={"interleave": True, "trial_days": 14})})


@pytest.fixture
def on_trial(log, interleaving) -> tuple[str, str]:
    """A live model, and the candidate of the next hour that shares the pages with it."""
    live = retrain(log, interleaving, now=NIGHT, learn=copy_of_blend, judge=accept)
    assert live.reason.startswith(f"Model {live.version} is live")  # nothing trained was live: there was nobody to share with
    add_click(log)
    rival = retrain(log, interleaving, now=NIGHT + timedelta(hours=1), learn=copy_of_blend, judge=accept)
    assert rival.published
    assert f"Model {rival.version} shares the pages with {live.version}" in rival.reason
    assert current(log) == live.version
    return live.version, rival.version


def share_pages(database, live: str, rival: str, *, likes: str, count: int) -> None:
    """Let readers meet shared pages from the night on, and up-vote the paper of one team on each."""
    with database.write() as session:
        papers = [event.paper_id for event in events.history(session, readers.by_name(session, "reader 1").id)][:2]
        for number in range(count):
            day = (NIGHT + timedelta(days=1 + number // 8)).date()
            reader = readers.by_name(session, f"reader {number % 8 + 1}")
            at = datetime.combine(day, NIGHT.timetz())
            items = tuple(
                RankedItem(place, paper, 0.0, np.zeros(len(NAMES), np.float32), team=team)
                for place, (paper, team) in enumerate(zip(papers, (live, rival), strict=True), start=1)
            )
            page = pages.save(session, RankedPage(reader.id, day, items, 2, f"{live}+{rival}", SCHEMA, 0, 0, "recipe", at))
            pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, at)
            liked = next(item for item in page.items if item.team == likes)
            events.append(session, reader.id, liked.paper_id, EventKind.UPVOTE, at=at, item_id=liked.id)


def test_a_trial_goes_on_until_readers_have_decided(log, interleaving, on_trial):
    live, rival = on_trial
    with pytest.raises(
        NotEnoughData, match=rf"{rival} shares the pages with {live} since 2026-03-14: not enough data yet: it won 0 of 0"
    ):
        retrain(log, interleaving, now=NIGHT + timedelta(days=1), learn=None)
    share_pages(log, live, rival, likes=rival, count=5)
    with pytest.raises(NotEnoughData, match="it won 5 of 5 contests"):
        retrain(log, interleaving, now=NIGHT + timedelta(days=9), learn=None)
    with log.read() as session:
        assert artifacts.rival(session) == (rival, NIGHT + timedelta(hours=1))


@pytest.mark.parametrize("broken", ["live", "rival"])
def test_a_trial_that_cannot_go_on_ends_and_the_night_learns(log, interleaving, on_trial, broken):
    live, rival = on_trial
    (interleaving.models_folder / f"{live if broken == 'live' else rival}.json").write_text("{}")
    add_click(log)
    outcome = retrain(log, interleaving, now=NIGHT + timedelta(days=1), learn=copy_of_blend, judge=accept)
    assert outcome.published
    with log.read() as session:
        assert "one of the two models cannot be used" in artifacts.get(session, rival).reason
        # Where the live model is whole the new one is tried beside it; where it is not, it takes its place at once.
        shared = artifacts.rival(session)
        assert (artifacts.current(session), shared and shared[0]) == (
            (outcome.version, None) if broken == "live" else (live, outcome.version)
        )


@pytest.mark.parametrize("winner", ["live", "rival"])
def test_a_trial_that_is_decided_ends(log, interleaving, on_trial, winner):
    live, rival = on_trial
    share_pages(log, live, rival, likes=live if winner == "live" else rival, count=40)
    outcome = retrain(log, interleaving, now=NIGHT + timedelta(days=9), learn=None)
    assert (outcome.version, outcome.published) == (rival, winner == "rival")
    assert current(log) == (live if winner == "live" else rival)
    said = (
        "does not go live: readers prefer the live model's papers" if winner == "live" else "is live: readers prefer its papers"
    )
    assert said in outcome.reason
    with log.read() as session:
        assert artifacts.rival(session) is None
        assert artifacts.get(session, rival).state == ("refused" if winner == "live" else "live")


@pytest.mark.parametrize("why", ["its time is over", "interleaving was switched off"])
def test_a_trial_that_decides_nothing_leaves_the_live_model(log, settings, interleaving, on_trial, why):
    live, rival = on_trial
    over = why == "its time is over"
    outcome = retrain(log, interleaving if over else settings, now=NIGHT + timedelta(days=15 if over else 1), learn=None)
    assert not outcome.published
    assert f"{why}, not enough data yet" in outcome.reason
    assert current(log) == live
    with log.read() as session:
        assert artifacts.rival(session) is None
        assert why in artifacts.get(session, rival).reason


def test_there_is_no_trial_against_a_model_that_learned_nothing(log, interleaving):
    with log.write() as session:
        text = dump(blend_ranker(version="blend-7"))
        artifacts.add(session, interleaving.models_folder, "blend-7", text, kind="blend", schema=SCHEMA, papers=7, now=NIGHT)
        artifacts.promote(session, "blend-7", now=NIGHT)
    outcome = retrain(log, interleaving, now=NIGHT + timedelta(hours=1), learn=copy_of_blend, judge=accept)
    assert current(log) == outcome.version
    with log.read() as session:
        assert artifacts.rival(session) is None


def test_models_are_chosen_by_what_says_where_readers_look(log, settings, monkeypatch):
    seen = {}
    whole = dataset.build

    def judging(session, rows, *, first, last, rng):
        return whole(session, first=first, last=last, rng=rng, whole=True), power(0.5)

    def learn(train, valid, settings, *, looked, **others) -> Fitted:
        seen.update(train=train, valid=valid, looked=looked)
        return copy_of_blend(train, valid, settings, **others)

    monkeypatch.setattr(retraining.dataset, "judging", judging)
    version = retrain(log, settings, now=NIGHT, learn=learn).version
    assert seen["looked"].eta == 0.5
    assert {day.day for day in seen["valid"].day} == {8, 9}  # of twelve days, three judge and two choose
    assert max(seen["train"].day).day == 7
    with log.read() as session:
        told = artifacts.get(session, version).report["exploration"]
    assert told == {"told": "not enough data: no exploration slot was shown from 2026-03-10 to 2026-03-12"}

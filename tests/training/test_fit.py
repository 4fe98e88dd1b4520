from __future__ import annotations

import json
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from recommender.errors import ModelDamaged, NotEnoughData, ShapeError
from recommender.rank.features import MONOTONE, NAMES, SCHEMA
from recommender.rank.lens import flat
from recommender.rank.model import BLEND, blend_ranker, dump, load
from recommender.settings import TrainingSettings
from recommender.types import FeatureMatrix
from training import fit as fitting
from training.dataset import TrainingSet
from training.examination import power
from training.fit import Fitted, fit, validate
from training.metrics import ndcg
from training.split import by_day

QUICK = TrainingSettings(rounds=40, threads=1, test_days=3, valid_days=2)
SECRET = "has_code"


@pytest.fixture
def unchecked(monkeypatch):
    """Leave out the process that reads the text back: one test has it, the others would only wait."""
    monkeypatch.setattr(fitting, "validate", lambda *_: None)


def parts(rows: TrainingSet) -> tuple[TrainingSet, TrainingSet, TrainingSet]:
    split = by_day(rows.day, test_days=QUICK.test_days, valid_days=QUICK.valid_days)
    return rows.take(split.train), rows.take(split.valid), rows.take(split.test)


def fit_quickly(train: TrainingSet, valid: TrainingSet, **changes) -> Fitted:
    return fit(train, valid, QUICK.model_copy(update=changes), lens=flat(), version="v")


def test_what_decides_is_learned_where_the_blend_does_not_know_it(unchecked, rng, make_rows):
    train, valid, test = parts(make_rows(rng, days=12))
    found = fit_quickly(train, valid)
    gain = ndcg(test.y, found.ranker.score(test.matrix), test.group).mean() - ndcg(test.y, test.blend, test.group).mean()
    assert gain > 0.05
    moved = {name: abs(facts["weight"] - BLEND.get(name, 0.0)) for name, facts in found.card["features"].items()}
    importance = {name: facts["importance"] for name, facts in found.card["features"].items()}
    assert SECRET in (max(moved, key=moved.get), max(importance, key=importance.get))  # by weight or by trees


def test_trees_learn_what_no_weight_can_say(unchecked, rng, make_rows):
    train, valid, test = parts(make_rows(rng, days=60, divided=True, secret=4.0))
    found = fit_quickly(train, valid)
    served = found.ranker.score(test.matrix), found.ranker.blend(test.matrix), test.blend
    whole, linear, untrained = (ndcg(test.y, scores, test.group).mean() for scores in served)
    assert whole > linear + 0.003
    assert whole > untrained + 0.003
    importance = {name: facts["importance"] for name, facts in found.card["features"].items()}
    assert "likes" in sorted(importance, key=importance.get)[-2:]  # the same on all rows of a page: no weight can use it


def test_what_is_scored_online_is_what_was_validated(unchecked, rng, make_rows):
    """The blend is in LightGBM's validation scores (init_score) and not in its predictions: the ranker must add it, once."""
    train, valid, _ = parts(make_rows(rng, days=24, divided=True))
    found = fit_quickly(train, valid)
    served = load(dump(found.ranker)).score(valid.matrix)
    trees = lightgbm.Booster(model_str=found.ranker.trees)
    assert served == pytest.approx(found.ranker.blend(valid.matrix) + trees.predict(valid.X), abs=1e-5)
    assert ndcg(valid.y, served, valid.group).mean() == pytest.approx(found.card["valid_ndcg10"]["model"], abs=1e-4)
    assert trees.num_trees() == found.card["rounds"]
    assert trees.feature_name() == list(NAMES)


def test_the_same_log_gives_the_same_model_whatever_the_threads(unchecked, rng, make_rows):
    train, valid, _ = parts(make_rows(rng, days=8, pages_per_day=6))
    texts = {
        fit_quickly(train, valid, rounds=12, threads=threads).ranker.trees.partition("parameters:")[0] for threads in (1, 1, 2)
    }
    assert len(texts) == 1
    assert fit_quickly(train, valid, rounds=12, seed=7).ranker.trees.partition("parameters:")[0] not in texts


def test_more_similar_never_scores_lower(unchecked, rng, make_rows):
    """Labels that punish similarity cannot talk the model into it."""
    train, valid, _ = parts(make_rows(rng, days=8))
    column = NAMES.index("dense_top5")
    X = train.X.copy()
    X[:, column] = -train.y + rng.normal(scale=0.3, size=len(train))
    ranker = fit_quickly(replace(train, X=X), valid).ranker
    base = np.repeat(train.X[:50], 20, axis=0)
    for index, sign in enumerate(MONOTONE):
        if sign:
            rows = base.copy()
            rows[:, index] = np.tile(np.linspace(-3, 3, 20), 50)
            scores = ranker.score(FeatureMatrix(tuple(map(str, range(1000))), NAMES, rows, SCHEMA)).reshape(50, 20)
            assert (sign * np.diff(scores, axis=1) >= -1e-5).all(), NAMES[index]


def test_where_a_row_stood_is_discounted(rng, make_rows):
    """One feature decides what is good, another only how high a row stood and so whether it was looked at."""
    good, high = NAMES.index(SECRET), NAMES.index("team")

    def looked_at(rows: TrainingSet, eta: float) -> TrainingSet:
        n, X = len(rows), rows.X.copy()
        X[:, good], X[:, high] = rng.random(n) < 0.4, rng.normal(size=n)
        place = np.argsort(np.argsort(-X[:, high].reshape(rows.pages, -1), axis=1), axis=1).reshape(-1)
        touched = (rng.random(n) < (place + 1.0) ** -eta) & (rng.random(n) < np.where(X[:, good] > 0, 0.8, 0.2))
        blank = np.zeros(n, np.float32)
        return replace(rows, X=X, y=touched.astype(np.int8), position=(place + 1).astype(np.int32), blend=blank)

    train, valid, _ = parts(make_rows(rng, days=25, secret=0.0))
    told, fair = looked_at(train, 0.7), looked_at(valid, 0.0)
    shares = []
    for rows in (told, replace(told, position=np.ones(len(told), np.int32))):
        booster, _ = fitting._boost(rows, fair, np.ones(len(fair)), QUICK, None)
        gain = booster.feature_importance("gain")
        shares.append(gain[high] / gain[good])
    assert shares[0] < 0.7 * shares[1]


def test_tied_rows_listed_best_first_teach_nothing(unchecked, rng, make_rows):
    """Features that say nothing, and rows that lie in the right order: measured as they lie, the first round would look perfect."""
    train, valid, _ = parts(make_rows(rng, days=8, pages_per_day=4))

    def flat(rows: TrainingSet) -> TrainingSet:
        n = len(rows)
        y = np.sort(rows.y.reshape(-1, 20), axis=1)[:, ::-1].reshape(-1)
        return replace(rows, X=np.zeros_like(rows.X), y=y, blend=np.zeros(n, np.float32), position=np.ones(n, np.int32))

    with pytest.raises(NotEnoughData, match=r"nDCG@10 0\.[34]\d+ untrained, 0\.[34]\d+ at best"):
        fit_quickly(flat(train), flat(valid))


def test_rubbish_never_reaches_lightgbm(rng, make_rows, monkeypatch):
    monkeypatch.setattr(lightgbm, "train", lambda *_, **__: pytest.fail("it did"))
    train, valid, _ = parts(make_rows(rng, days=8, pages_per_day=2))
    nan_label = np.where(np.arange(len(train)) == 0, np.nan, train.y)
    with pytest.raises(ShapeError, match="1 labels"):
        fit_quickly(replace(train, y=nan_label), valid)
    with pytest.raises(NotEnoughData, match="same grade"):
        fit_quickly(replace(train, y=np.zeros(len(train), np.int8)), valid)
    with pytest.raises(ShapeError, match="weights"):
        fit_quickly(train, replace(valid, weight=np.full(len(valid), np.nan, np.float32)))


def test_the_card_says_what_was_seen(unchecked, rng, make_rows):
    train, valid, _ = parts(make_rows(rng, days=24, divided=True))
    card = fit_quickly(train, valid).card
    assert json.loads(json.dumps(card)) == card
    assert card["train"]["pages"] == train.pages
    assert card["train"]["rows"] == len(train)
    assert sum(card["train"]["grades"].values()) == len(train)
    assert card["valid"]["last"] == max(valid.day).isoformat()
    assert sum(facts["importance"] for facts in card["features"].values()) == pytest.approx(1.0, abs=0.01)
    likes = card["features"]["likes"]
    assert likes["unknown"] == pytest.approx(0.03, abs=0.03)
    assert likes["deciles"] == sorted(likes["deciles"])
    assert len(likes["deciles"]) == 9


def test_progress_is_told(unchecked, rng, make_rows):
    told = []
    train, valid, _ = parts(make_rows(rng, days=8, pages_per_day=4))
    fit(train, valid, QUICK, lens=flat(), version="v", progress=lambda stage, done, total: told.append((stage, done, total)))
    assert told[0] == ("boosting", 10, 40)


@pytest.fixture(scope="module")
def trained() -> tuple[str, np.ndarray]:
    """A small model's text, and rows to score."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, len(NAMES))).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0]) > 0).astype(int)
    data = lightgbm.Dataset(X, y, group=[30] * 10)
    text = lightgbm.train({"objective": "lambdarank", "verbosity": -1, "num_threads": 1}, data, 5).model_to_string()
    return text, X


def test_a_sound_text_passes(trained):
    text, X = trained
    validate(replace(blend_ranker(version="v"), kind="boosted", trees=text), X, lightgbm.Booster(model_str=text).predict(X))


def test_a_text_that_scores_differently_does_not(trained):
    text, X = trained
    ranker = replace(blend_ranker(version="v"), kind="boosted", trees=text)
    with pytest.raises(ModelDamaged, match="scores differently"):
        validate(ranker, X, lightgbm.Booster(model_str=text).predict(X) + 1e-6)


def test_a_damaged_text_ends_only_the_process_that_read_it(trained):
    text, X = trained
    ranker = replace(blend_ranker(version="v"), kind="boosted", trees=text[: len(text) // 3])
    with pytest.raises(ModelDamaged, match="model v: reading its text back ended with"):
        validate(ranker, X, np.zeros(len(X)))


def test_whatever_the_lost_process_printed_the_error_is_readable(trained, monkeypatch):
    text, X = trained
    monkeypatch.setattr(fitting, "_CHECKER", r"import os, sys; os.write(2, b'first\nbad \xf0\x01 bytes'); sys.exit(7)")
    with pytest.raises(ModelDamaged, match=r"ended with 7 \(bad \W? ?bytes\)"):
        validate(replace(blend_ranker(version="v"), kind="boosted", trees=text), X, np.zeros(len(X)))


@pytest.mark.parametrize(("printed", "fault"), [("a warning\\n[0.5]", None), ("", "no scores"), ("nonsense", "no scores")])
def test_only_the_last_line_of_the_answer_counts(trained, monkeypatch, printed, fault):
    text, X = trained
    monkeypatch.setattr(fitting, "_CHECKER", f"print('{printed}', end='')")
    ranker = replace(blend_ranker(version="v"), kind="boosted", trees=text)
    if fault is None:
        validate(ranker, X[:1], np.array([0.5]))
    else:
        with pytest.raises(ModelDamaged, match=fault):
            validate(ranker, X[:1], np.array([0.5]))


def test_a_reading_that_hangs_is_given_up(trained, monkeypatch):
    text, X = trained
    monkeypatch.setattr(fitting, "_CHECKER", "while True: pass")
    monkeypatch.setattr(fitting, "CHECK_TIMEOUT_S", 0.2)
    with pytest.raises(ModelDamaged, match="could not be read back"):
        validate(replace(blend_ranker(version="v"), kind="boosted", trees=text), X, np.zeros(len(X)))


def test_a_rarely_seen_place_decides_what_is_kept(unchecked, rng, make_rows):
    """Where touches were rare because nobody looked, each counts for more when models are chosen; the numbers of the card say so."""
    train, valid, _ = parts(make_rows(rng, days=12))
    plain, weighted = (
        fit(train, valid, QUICK, lens=flat(), version="v", looked=power(eta)).card["valid_ndcg10"]["blend"] for eta in (0.0, 1.0)
    )
    assert plain == pytest.approx(np.nanmean(ndcg(valid.y, valid.blend, valid.group)), abs=1e-4)
    unseen = np.minimum(valid.position, 10.0)
    assert weighted == pytest.approx(np.nanmean(ndcg(valid.y, valid.blend, valid.group, weight=unseen)), abs=1e-4)
    assert weighted < plain

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from factories import make_paper

from recommender.errors import NotEnoughData, ShapeError
from recommender.rank import terms
from recommender.rank.prior import NAMES, author_keys, describe, features
from training import popularity
from training.popularity import LABEL_DAYS, REFIT_DAYS, WINDOW_DAYS, History, Walk, author_table, fit, fit_words

START = date(2026, 1, 1)
DAYS = 140
PER_DAY = 12
AS_OF = START.toordinal() + DAYS


def make_history(days: int = DAYS, per_day: int = PER_DAY) -> History:
    """Papers of famous and plain people on two topics: the famous are picked, and of the plain those on robots."""
    draw, papers, picked = random.Random(7), [], []
    for number in range(days * per_day):
        famous, topic = draw.random() < 0.15, draw.choice(["robots", "proofs"])
        authors = (f"{'Famous' if famous else 'Plain'} Person {chr(65 + number % 13)}", f"Passer By {number}")
        day = START + timedelta(days=number // per_day)
        papers.append(make_paper(number, topic=topic, day=day, authors=authors))
        chance = 0.8 if famous else 0.3 if topic == "robots" else 0.02
        picked.append(draw.random() < chance)
    return History(
        describe(papers, terms.hash_terms([p.title for p in papers], [p.abstract for p in papers])),
        np.array([p.edition.toordinal() for p in papers], dtype=np.int64),
        np.array(picked),
        np.array(author_keys(["Elsewhere Known", "Famous Person A"]), dtype=np.uint64),
        np.array([AS_OF - 40, AS_OF - 3], dtype=np.int64),
    )


@pytest.fixture(scope="module")
def history() -> History:
    return make_history()


@pytest.fixture(scope="module")
def walk(history: History) -> Walk:
    return Walk(history)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popularity, "ROUNDS", 40)
    monkeypatch.setattr(popularity, "SEEDS", 2)
    monkeypatch.setattr(popularity, "TREES", popularity.TREES | {"learning_rate": 0.1})


def score_of(walk: Walk, *, author: str, topic: str) -> float:
    papers = [make_paper(90_000 + i, topic=topic, authors=(author, f"Newcomer {i}")) for i in range(8)]
    prior = fit(walk, AS_OF, seed=0)
    return float(prior.score(describe(papers, terms.hash_terms([p.title for p in papers], [p.abstract for p in papers]))).mean())


def test_known_authors_and_wanted_words_are_found(walk: Walk) -> None:
    famous, wanted, plain = (
        score_of(walk, author=author, topic=topic)
        for author, topic in (("Famous Person B", "proofs"), ("Plain Person B", "robots"), ("Plain Person B", "proofs"))
    )
    assert famous > wanted + 0.5
    assert wanted > plain + 0.5
    assert score_of(walk, author="Somebody New", topic="robots") < famous


def test_nothing_unsettled_is_used(history: History, walk: Walk) -> None:
    prior = fit(walk, AS_OF, seed=0)
    late = history.day > AS_OF - LABEL_DAYS
    blind = replace(history, picked=history.picked ^ late, elsewhere_day=history.elsewhere_day + np.array([0, 900]))
    assert fit(Walk(blind), AS_OF, seed=0).dump() == prior.dump()
    last_settled = np.flatnonzero(~late)[-PER_DAY:]
    told = history.picked.copy()
    told[last_settled] ^= True
    assert fit(Walk(replace(history, picked=told)), AS_OF, seed=0).dump() != prior.dump()


def test_a_papers_own_label_does_not_describe_it(history: History, walk: Walk) -> None:
    rows, values = walk.training_rows(AS_OF)
    newest = rows[-1]
    told = history.picked.copy()
    told[newest] ^= True
    other_rows, other = Walk(replace(history, picked=told)).training_rows(AS_OF)
    assert np.array_equal(rows, other_rows)
    assert np.array_equal(values, other, equal_nan=True)


def test_training_rows_are_the_settled_window_each_described_in_its_week(history: History, walk: Walk) -> None:
    rows, values = walk.training_rows(AS_OF)
    day = history.day[rows]
    assert rows.tolist() == np.flatnonzero((history.day >= AS_OF - WINDOW_DAYS) & (history.day <= AS_OF - LABEL_DAYS)).tolist()
    assert len(rows) == PER_DAY * (WINDOW_DAYS - LABEL_DAYS + 1)
    for at in (0, len(rows) // 2, len(rows) - 1):
        start = AS_OF - REFIT_DAYS * -(-(AS_OF - int(day[at])) // REFIT_DAYS)
        assert start <= day[at] < start + REFIT_DAYS
        expected = features(
            history.listed.take(rows[at : at + 1]), fit_words(history, start), author_table(history, start)
        )  # no older and no newer witness
        assert values[at : at + 1] == pytest.approx(expected, nan_ok=True, abs=1e-6)
    words = values[:, NAMES.index("words")]
    assert np.isnan(words[day < START.toordinal() + LABEL_DAYS]).all()
    assert not np.isnan(words[day > AS_OF - 60]).any()


def test_a_stage_is_made_once(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(popularity, "fit_words", lambda _history, as_of: made.append(as_of))
    walk = Walk(history)
    first, again = walk.training_rows(AS_OF), walk.training_rows(AS_OF)
    walk.training_rows(AS_OF + REFIT_DAYS)
    assert len(made) == len(set(made)) > WINDOW_DAYS // REFIT_DAYS
    assert np.array_equal(first[1], again[1], equal_nan=True)


def test_the_author_table_counts_with_two_memories(history: History) -> None:
    few = History(
        history.listed.take(np.array([0, 1])),
        np.array([AS_OF - 60, AS_OF - 240]),
        np.array([True, False]),
        history.elsewhere,
        history.elsewhere_day,
    )
    one = int(few.listed.authors[0])
    both = replace(few, listed=replace(few.listed, authors=np.array([one, 7, one, 8], dtype=np.uint64)))
    table = author_table(both, AS_OF)
    known, counts = table.look_up(np.array([one, 7, 8, *history.elsewhere], dtype=np.uint64))
    assert known.tolist() == [True, True, False, True, False]  # seen once and passed over; picked too lately to be settled
    slow = [0.5 ** (60 / 240), 0.5 ** (60 / 240) + 0.5]
    assert counts[0].tolist() == pytest.approx([0.5, 0.5 + 0.5**4, *slow])
    assert counts[1].tolist() == pytest.approx([0.5, 0.5, slow[0], slow[0]])
    assert counts[3].tolist() == pytest.approx([0.5 ** (40 / 60)] * 2 + [0.5 ** (40 / 240)] * 2)
    assert table.base == 0.5
    assert (np.diff(table.keys.astype(object)) > 0).all()


def test_nobody_is_no_author(history: History) -> None:
    none = History(
        replace(history.listed, authors=np.zeros_like(history.listed.authors)),
        history.day,
        history.picked,
        np.zeros(0, dtype=np.uint64),
        np.zeros(0, dtype=np.int64),
    )
    assert len(author_table(none, AS_OF).keys) == 0


def test_an_empty_past_makes_an_empty_table(history: History) -> None:
    table = author_table(history, START.toordinal())
    assert len(table.keys) == 0
    assert table.base == 0.01


def test_too_few_picks_teach_nothing(history: History) -> None:
    rare = replace(history, picked=history.picked & (np.cumsum(history.picked) <= popularity.LEAST_PICKED // 2))
    assert fit_words(rare, AS_OF) is None
    with pytest.raises(NotEnoughData, match="wait for more days"):
        fit(Walk(rare), AS_OF, seed=0)
    with pytest.raises(NotEnoughData):
        fit(Walk(replace(history, picked=np.ones_like(history.picked))), AS_OF, seed=0)
    with pytest.raises(NotEnoughData):
        fit(Walk(history), START.toordinal(), seed=0)


def test_a_seed_is_a_prior(walk: Walk, history: History) -> None:
    assert fit(walk, AS_OF, seed=3).dump() == fit(Walk(history), AS_OF, seed=3).dump()
    assert fit(walk, AS_OF, seed=3).trees != fit(walk, AS_OF, seed=4).trees
    assert len(set(fit(walk, AS_OF, seed=3).trees)) == 2


def test_labels_that_do_not_fit_are_refused(history: History) -> None:
    with pytest.raises(ShapeError, match="each paper needs one of both"):
        replace(history, picked=history.picked[1:])
    with pytest.raises(ShapeError):
        replace(history, elsewhere_day=history.elsewhere_day[1:])

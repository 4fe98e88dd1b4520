from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from recommender.errors import ShapeError
from recommender.rank.features import NAMES
from training import metrics
from training.evaluate import CANDIDATE, HEADLINE, MEASURES, evaluate, reader_group


def with_likes(rows, likes):
    """Give the pages these numbers of likes, in turn."""
    X = rows.X.copy()
    X[:, NAMES.index("likes")] = np.repeat(np.resize(np.array(likes, np.float32), rows.pages), rows.group)
    return replace(rows, X=X)


@pytest.fixture
def rows(rng, make_rows):
    return with_likes(make_rows(rng, days=4), [0, 4, 5, 19, 20])


def judged(rows, rng, **scores):
    return evaluate(scores, rows, versions={CANDIDATE: "v1"}, rng=rng, samples=200)


def test_a_perfect_candidate_is_measured_as_such_and_compared_page_by_page(rows, rng):
    report = judged(rows, rng, model=rows.y, blend=rows.blend)
    assert report.overall.scores[CANDIDATE][HEADLINE] == metrics.Interval(1.0, 1.0, 1.0)
    for name in MEASURES:
        mine, theirs = (report.overall.scores[who][name].value for who in (CANDIDATE, "blend"))
        assert report.overall.differences["blend"][name].value == pytest.approx(mine - theirs)
    gain = report.overall.differences["blend"][HEADLINE]
    assert 0 < gain.low < gain.value < gain.high
    assert CANDIDATE not in report.overall.differences


def test_each_measure_is_the_metric_of_its_name(rows, rng):
    measured = judged(rows, rng, blend=rows.blend).overall.scores["blend"]
    expected = {
        "ndcg@10": metrics.ndcg(rows.y, rows.blend, rows.group, 10),
        "ndcg@5": metrics.ndcg(rows.y, rows.blend, rows.group, 5),
        "mrr": metrics.reciprocal_rank(rows.y, rows.blend, rows.group),
        "recall@10": metrics.recall(rows.y, rows.blend, rows.group, 10),
        "precision@5": metrics.precision(rows.y, rows.blend, rows.group, 5),
        "auc": metrics.auc(rows.y, rows.blend, rows.group),
    }
    assert {name: interval.value for name, interval in measured.items()} == pytest.approx(
        {n: v.mean() for n, v in expected.items()}
    )


def test_readers_are_grouped_by_their_likes_when_the_page_was_made(rows, rng):
    assert reader_group(rows)[:5].tolist() == ["cold", "cold", "casual", "casual", "heavy"]
    report = judged(rows, rng, model=rows.y, blend=rows.blend)
    assert {name: part.pages for name, part in report.slices.items()} == {"all": 40, "cold": 16, "casual": 16, "heavy": 8}
    cold = rows.take(reader_group(rows) == "cold")
    assert report.slices["cold"].scores["blend"]["auc"].value == pytest.approx(metrics.auc(cold.y, cold.blend, cold.group).mean())


def test_a_group_without_pages_is_not_reported(rows, rng):
    assert list(judged(with_likes(rows, [7]), rng, blend=rows.blend).slices) == ["all", "casual"]
    assert reader_group(with_likes(rows, [np.nan]))[0] == "cold"


def test_with_few_readers_days_are_drawn_instead(rows, rng):
    """One reader drawn again and again is always the same reader: the interval would have no width."""
    alone = replace(rows, reader=np.ones(rows.pages, np.int64))
    interval = judged(alone, rng, blend=rows.blend).overall.scores["blend"][HEADLINE]
    assert interval.low < interval.value < interval.high
    by_reader = metrics.bootstrap(metrics.ndcg(rows.y, rows.blend, rows.group), rng=rng, clusters=alone.reader)
    assert np.isnan(by_reader.low)


def test_one_page_has_a_value_and_no_bounds(rows, rng):
    single = rows.take(np.arange(rows.pages) == 0)
    assert "| 1.000 (–) |" in judged(single, rng, model=single.y).table()


def test_whole_readers_are_drawn_when_there_are_enough(rows, rng):
    """Pages of a reader that are all alike are worth one: the interval must be as wide as that."""
    reader = np.arange(rows.pages) % 10
    flat = np.where(np.repeat(reader % 2 == 0, rows.group), rows.y, -rows.y.astype(float))
    wide = judged(replace(rows, reader=reader), rng, blend=flat).overall.scores["blend"]["auc"]
    narrow = judged(replace(rows, reader=np.arange(rows.pages)), rng, blend=flat).overall.scores["blend"]["auc"]
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_report_survives_json_and_says_what_it_covers(rows, rng):
    report = judged(rows, rng, model=rows.y, blend=rows.blend)
    plain = report.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["first"], plain["last"], plain["rows"]) == (min(rows.day).isoformat(), max(rows.day).isoformat(), len(rows))
    assert plain["slices"]["all"]["scores"]["model"]["ndcg@10"] == [1.0, 1.0, 1.0]


def test_what_cannot_be_measured_is_none_in_json_and_a_dash_in_the_table(rows, rng):
    nothing = replace(rows, y=np.zeros(len(rows), np.int8))
    report = judged(nothing, rng, blend=rows.blend)
    assert report.to_dict()["slices"]["all"]["scores"]["blend"]["mrr"] == [None, None, None]
    assert "| blend | – |" in report.table()


def test_the_table_lists_the_best_ranker_first(rows, rng):
    table = judged(rows, rng, model=rows.y, blend=rows.blend, newest=-rows.y.astype(float)).table().splitlines()
    assert table[0].startswith("Held-out days 2026-03-01 to 2026-03-04: 40 pages of 10 readers, 800 rows")
    assert [line.split("|")[1].strip() for line in table[2:7]] == ["ranker", "---", "model (v1)", "blend", "newest"]
    assert "1.000 (1.000 to 1.000)" in table[4]
    assert "| cold, 16 pages | casual, 16 pages | heavy, 8 pages |" in table[10]


def test_a_score_that_is_not_a_number_is_refused(rows, rng):
    with pytest.raises(ShapeError, match="not a number"):
        judged(rows, rng, model=np.full(len(rows), np.nan))
    with pytest.raises(ShapeError):
        judged(rows, rng, model=rows.y[1:])

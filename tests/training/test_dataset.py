from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_paper

from recommender import daily
from recommender.errors import NotEnoughData, ShapeError
from recommender.rank.features import NAMES, SCHEMA
from recommender.rank.model import blend_ranker
from recommender.store import events, pages
from recommender.types import Channel, EventKind, RankedItem, RankedPage
from training import dataset
from training.dataset import MAX_GROUP, Exploration, TrainingSet, assemble, build, check, exploration, judging, skew
from training.labels import GradedPage, GradedRow


def by_row(rows: TrainingSet) -> dict[tuple, tuple]:
    """Every row by (reader, day, paper), whatever the order of rows and pages."""
    owner = np.repeat(np.arange(rows.pages), rows.group)
    return {
        (int(rows.reader[q]), rows.day[q], paper_id): (
            int(rows.y[i]),
            float(rows.weight[i]),
            int(rows.position[i]),
            rows.X[i].tobytes(),
        )
        for i, (q, paper_id) in enumerate(zip(owner, rows.paper_ids, strict=True))
    }


def test_what_was_logged_comes_back_row_for_row(database, rng, make_rows, write_rows):
    wanted = make_rows(rng, days=3, pages_per_day=2, rows_per_page=6)
    write_rows(database, wanted)
    with database.read() as session:
        found = build(session, first=min(wanted.day), last=max(wanted.day), rng=rng)
    assert found.pages == wanted.pages
    expected, got = by_row(wanted), by_row(found)
    lowest = [key for key in expected if key not in got or expected[key][1] != got[key][1]]
    assert all(expected[key][2] == 6 for key in lowest)  # the down-vote at the foot of a page weighs more than being passed over
    assert {k: v for k, v in expected.items() if k not in lowest} == {k: v for k, v in got.items() if k not in lowest}
    assert found.blend == pytest.approx(blend_ranker().blend(found.matrix))
    check(found)


def test_only_the_days_asked_for_are_read(database, rng, make_rows, write_rows):
    wanted = make_rows(rng, days=4, pages_per_day=1, rows_per_page=6)
    write_rows(database, wanted)
    with database.read() as session:
        found = build(session, first=wanted.day[1], last=wanted.day[2], rng=rng)
    assert found.day == wanted.day[1:3]


def test_a_long_history_is_read_in_strides_and_says_how_far_it_is(database, rng, make_rows, write_rows, monkeypatch):
    monkeypatch.setattr(dataset, "STRIDE_DAYS", 2)
    wanted = make_rows(rng, days=5, pages_per_day=1, rows_per_page=6)
    write_rows(database, wanted)
    told = []
    with database.read() as session:
        found = build(
            session,
            first=min(wanted.day),
            last=max(wanted.day),
            rng=rng,
            progress=lambda stage, done, total: told.append((done, total)),
        )
    assert found.day == wanted.day
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_pages_of_other_features_are_left_out(database, rng, make_rows, write_rows):
    wanted = make_rows(rng, days=2, pages_per_day=1, rows_per_page=6)
    write_rows(database, replace(wanted, schema="an older one"))
    with database.read() as session, pytest.raises(NotEnoughData, match="no page in the log"):
        build(session, first=min(wanted.day), last=max(wanted.day), rng=rng)


def graded_page(grades: list[int], **facts) -> GradedPage:
    items = [RankedItem(i, f"x:{i}", 0.0, np.full(len(NAMES), i, np.float32)) for i in range(1, len(grades) + 1)]
    page = RankedPage(1, DAY, (), 9, "m", SCHEMA, 0, 0, "r", NOW)
    return GradedPage(pages.ShownPage(page, ()), tuple(GradedRow(i, g, 1.0) for i, g in zip(items, grades, strict=True)))


def test_rows_are_shuffled_within_their_page_and_stay_together():
    first = assemble([graded_page([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), graded_page([1, 0])], rng=np.random.default_rng(1))
    again = assemble([graded_page([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), graded_page([1, 0])], rng=np.random.default_rng(1))
    assert first.group.tolist() == [10, 2]
    assert first.position[:10].tolist() != list(range(1, 11))
    assert sorted(first.position[:10]) == list(range(1, 11))
    assert (first.X[:, 0] == first.position).all()
    assert first.y[first.position == 1].tolist() == [2, 1]
    assert first.paper_ids == again.paper_ids


def test_a_page_of_one_grade_teaches_no_order():
    assert assemble(
        [graded_page([0, 0]), graded_page([1, 0]), graded_page([2])], rng=np.random.default_rng(1)
    ).group.tolist() == [2]
    with pytest.raises(NotEnoughData, match="read and vote first"):
        assemble([graded_page([0, 0])], rng=np.random.default_rng(1))


def test_a_page_of_more_rows_than_lightgbm_takes_keeps_its_top(monkeypatch):
    assert MAX_GROUP == 10_000
    monkeypatch.setattr(dataset, "MAX_GROUP", 4)
    rows = assemble([graded_page([2, 0, 0, 0, 1, 2])], rng=np.random.default_rng(1))
    assert sorted(rows.position) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r: {"y": np.where(np.arange(len(r)) == 3, np.nan, r.y)}, ShapeError, "1 labels that are not numbers"),
        (lambda r: {"y": np.where(np.arange(len(r)) < 2, 3, r.y)}, ShapeError, "2 labels outside 0 … 2"),
        (lambda r: {"y": r.y + 0.5}, ShapeError, "labels outside"),
        (lambda r: {"weight": np.full(len(r), np.nan, np.float32)}, ShapeError, "weights that are not positive"),
        (lambda r: {"weight": np.zeros(len(r), np.float32)}, ShapeError, "weights that are not positive"),
        (lambda r: {"blend": np.full(len(r), np.inf, np.float32)}, ShapeError, "blend scores"),
        (
            lambda r: {"X": np.where(np.arange(len(r))[:, None] == 5, -np.inf, r.X).astype(np.float32)},
            ShapeError,
            "1 infinite features",
        ),
        (lambda r: {"position": r.position - 1}, ShapeError, "positions below 1"),
        (lambda r: {"y": np.zeros(len(r), np.int8)}, NotEnoughData, "the same grade"),
        (lambda r: {"y": np.full(len(r), 2, np.int8)}, NotEnoughData, "the same grade"),
    ],
)
def test_what_lightgbm_would_take_without_a_word_is_refused(rng, make_rows, change, error, message):
    rows = make_rows(rng, days=1, pages_per_day=2)
    check(rows)
    with pytest.raises(error, match=message):
        check(replace(rows, **change(rows)))


def test_an_oversize_or_empty_group_and_an_empty_set_are_refused(rng, make_rows, monkeypatch):
    rows = make_rows(rng, days=1, pages_per_day=2)
    with pytest.raises(ShapeError, match="1 pages with no rows"):
        check(replace(rows, group=np.array([40, 0], np.int32)))
    with pytest.raises(NotEnoughData, match="no judged rows"):
        check(rows.take(np.zeros(2, dtype=bool)))
    monkeypatch.setattr(dataset, "MAX_GROUP", 19)
    with pytest.raises(ShapeError, match="2 pages with no rows or more than 19"):
        check(rows)


def test_arrays_that_do_not_fit_are_refused_and_those_that_do_are_frozen(rng, make_rows):
    rows = make_rows(rng, days=1, pages_per_day=2)
    for change in ({"y": rows.y[1:]}, {"group": np.array([20, 21], np.int32)}, {"names": NAMES[1:]}, {"reader": rows.reader[:1]}):
        with pytest.raises(ShapeError, match="do not fit"):
            replace(rows, **change)
    with pytest.raises(ValueError, match="read-only"):
        rows.y[0] = 1


def test_taking_pages_takes_their_rows(rng, make_rows):
    rows = make_rows(rng, days=3, pages_per_day=1, rows_per_page=4)
    taken = rows.take(np.array([True, False, True]))
    assert taken.day == (rows.day[0], rows.day[2])
    np.testing.assert_array_equal(taken.X, np.concatenate([rows.X[:4], rows.X[8:]]))
    assert taken.paper_ids == rows.paper_ids[:4] + rows.paper_ids[8:]
    assert taken.column("likes") == pytest.approx(taken.X[:, NAMES.index("likes")], nan_ok=True)


def test_features_computed_again_are_the_features_that_were_logged(edition, settings, alice):
    """Two revisions, the second after a vote; later votes and papers must not reach back into either."""
    rankers = daily.Rankers(settings.models_folder)
    made = []
    for minute in range(3):
        now = NOW + timedelta(minutes=minute)
        with edition.write() as session:
            page = daily.current_page(session, alice.id, DAY, rankers, settings.rank, now=now)
            pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, now)
            first = next(item for item in page.items if not item.voted)
            events.append(session, alice.id, first.paper_id, EventKind.UPVOTE, at=now + timedelta(seconds=5), item_id=first.id)
            made.append(page)
    fill(edition, settings, [*make_edition(DAY - timedelta(days=1)), make_paper(99)])
    with edition.read() as session:
        stored = [pages.by_id(session, page.id) for page in made]
        assert [page.revision for page in stored] == [1, 2, 3]
        assert max(skew(session, page, rankers, settings.rank) for page in stored) <= 1e-6
        items = tuple(item._replace(features=item.features + np.float32(1e-3)) for item in stored[2].items)
        assert skew(session, replace(stored[2], items=items), rankers, settings.rank) > 1e-6  # it can see a difference


def test_a_value_known_on_one_side_only_is_an_infinite_skew(edition, settings, alice):
    rankers = daily.Rankers(settings.models_folder)
    with edition.write() as session:
        page = daily.current_page(session, alice.id, DAY, rankers, settings.rank, now=NOW)
        items = tuple(item._replace(features=np.nan_to_num(item.features)) for item in page.items)
        assert skew(session, replace(page, items=items), rankers, settings.rank) == float("inf")


def test_exploration_slots_come_back_touched_or_not(database, rng, make_rows, write_rows):
    rows = make_rows(rng, days=1, pages_per_day=1, rows_per_page=3)
    write_rows(database, rows)
    day = rows.day[0] + timedelta(days=1)
    with database.write() as session:
        drawn = [
            item._replace(explored=True, propensity=0.01 * item.position, id=0)
            for item in (RankedItem(place, rows.paper_ids[place - 1], 0.0, rows.X[0]) for place in (1, 2, 3))
        ]
        items = (drawn[0], drawn[1]._replace(explored=False, propensity=1.0), drawn[2])
        page = pages.save(session, RankedPage(int(rows.reader[0]), day, items, 9, "blend-0", "an older schema", 0, 0, "r", NOW))
        pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, NOW)
        events.append(
            session,
            page.reader_id,
            page.items[2].paper_id,
            EventKind.UPVOTE,
            at=NOW + timedelta(minutes=1),
            item_id=page.items[2].id,
        )
    with database.read() as session:
        found = exploration(session, first=day - timedelta(days=1), last=day)
        assert len(exploration(session, first=day + timedelta(days=1), last=day + timedelta(days=2))) == 0
    assert (found.position.tolist(), found.touched.tolist(), found.grade.tolist()) == ([1, 3], [False, True], [0, 2])
    assert found.propensity == pytest.approx([0.01, 0.03])
    assert (found.reader.tolist(), found.page_ids) == ([page.reader_id] * 2, (page.id,) * 2)
    assert found.paper_ids == (rows.paper_ids[0], rows.paper_ids[2])


@pytest.fixture
def half_read(database, rng, make_rows, write_rows):
    """A page of twelve for `DAY` of which the second was voted up and nothing else was touched."""
    rows = make_rows(rng, days=1, pages_per_day=1, rows_per_page=12)
    write_rows(database, rows)
    with database.write() as session:
        (shown,) = pages.shown(session, first=rows.day[0], last=rows.day[0])
        again = replace(shown.page, items=tuple(entry.item._replace(id=0) for entry in shown.items), day=DAY, id=0)
        page = pages.save(session, again)
        pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, NOW)
        second = page.items[1]
        events.append(
            session, page.reader_id, second.paper_id, EventKind.UPVOTE, at=NOW + timedelta(minutes=1), item_id=second.id
        )
    return database


def test_whole_pages_have_the_rows_below_the_last_touch(half_read, rng):
    with half_read.read() as session:
        sizes = [build(session, first=DAY, last=DAY, rng=rng, whole=whole).group.tolist() for whole in (False, True)]
    assert sizes == [[2], [12]]


def test_models_are_chosen_by_whole_pages_once_it_is_known_where_readers_look(half_read, rng, monkeypatch):
    place = np.repeat(np.arange(4, 21), 200).astype(np.int32)
    touched = rng.random(len(place)) < 0.5 / place
    none = np.zeros(len(place))
    slots = Exploration(place, touched, none.astype(np.int8), none, none.astype(np.int64), (1,) * len(place), ("a",) * len(place))
    with half_read.read() as session:
        learned = build(session, first=DAY, last=DAY, rng=rng)
        assert judging(session, learned, first=DAY, last=DAY, rng=rng) == (learned, None)
        monkeypatch.setattr(dataset, "exploration", lambda session, first, last: slots)
        judged, looked = judging(session, learned, first=DAY, last=DAY, rng=rng)
    assert (learned.group.tolist(), judged.group.tolist()) == ([2], [12])
    assert looked.touches == touched.sum()
    assert looked.eta == pytest.approx(1.0, abs=0.4)


def test_pages_of_two_interests_are_two_groups_and_hear_their_own_votes(database, rng, alice, settings):
    fill(database, settings, make_edition(DAY, per_topic=3))
    ids = [paper.id for paper in make_edition(DAY, per_topic=3)][:6]
    with database.write() as session:
        for interest in (7, 8):
            items = tuple(
                RankedItem(n, i, 0.0, np.zeros(len(NAMES), np.float32), interest=interest) for n, i in enumerate(ids, 1)
            )
            page = RankedPage(alice.id, DAY, items, 9, "m", SCHEMA, 0, 0, "r", NOW, interest=interest)
            stored = pages.save(session, page)
            pages.mark_shown(session, [item.id for item in stored.items], Channel.WEB, NOW)
            liked = stored.items[interest - 6]
            at = NOW + timedelta(minutes=1)
            events.append(session, alice.id, liked.paper_id, EventKind.UPVOTE, at=at, item_id=liked.id, interest=interest)
    with database.read() as session:
        found = build(session, first=DAY, last=DAY, rng=rng)
    assert found.pages == 2
    owner = np.repeat(np.arange(2), found.group)
    liked = [{p for p, q, y in zip(found.paper_ids, owner, found.y, strict=True) if q == page and y > 0} for page in (0, 1)]
    assert liked == [{ids[1]}, {ids[2]}]


def test_on_a_mixed_page_each_taste_is_compared_with_itself():
    page = graded_page([2, 0, 1, 0])
    mixed = [replace(row, item=row.item._replace(interest=row.item.position % 2)) for row in page.rows]
    found = assemble([replace(page, rows=tuple(mixed))], rng=np.random.default_rng(1))
    assert found.pages == 1, "the papers of the other taste all have one grade"
    assert set(found.paper_ids) == {"x:1", "x:3"}
    assert sorted(found.position.tolist()) == [1, 3]

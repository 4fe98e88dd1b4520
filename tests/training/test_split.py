from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import NotEnoughData
from training.split import LEAST_DAYS, by_day

START = date(2026, 3, 1)


def days_of(offsets) -> list[date]:
    return [START + timedelta(days=int(offset)) for offset in offsets]


@given(
    offsets=st.lists(st.integers(0, 60), min_size=5, max_size=80).filter(lambda days: len(set(days)) >= LEAST_DAYS),
    test_days=st.integers(1, 9),
    valid_days=st.integers(1, 5),
)
def test_no_day_is_in_two_parts_and_time_runs_from_train_to_test(offsets, test_days, valid_days):
    days = days_of(offsets)
    split = by_day(days, test_days=test_days, valid_days=valid_days)
    assert (split.train.astype(int) + split.valid + split.test == 1).all()
    parts = [{day for day, inside in zip(days, mask, strict=True) if inside} for mask in (split.train, split.valid, split.test)]
    assert max(parts[0]) < min(parts[1]) <= max(parts[1]) < min(parts[2])
    known = len(set(days))
    assert (len(parts[1]), len(parts[2])) == (min(valid_days, known // 5), min(test_days, known // 3))


def test_days_without_pages_do_not_count():
    split = by_day(days_of([0, 1, 2, 3, 4, 5, 6, 7, 40, 90]), test_days=1, valid_days=2)
    assert np.flatnonzero(split.test).tolist() == [9]
    assert np.flatnonzero(split.valid).tolist() == [7, 8]


@pytest.mark.parametrize(("days", "parts"), [(5, (3, 1, 1)), (9, (5, 1, 3)), (15, (7, 3, 5)), (21, (11, 3, 7)), (60, (50, 3, 7))])
def test_a_young_log_is_mostly_learned_from(days, parts):
    split = by_day(days_of(range(days)), test_days=7, valid_days=3)
    assert (split.train.sum(), split.valid.sum(), split.test.sum()) == parts


def test_too_few_days_say_how_many_it_takes():
    with pytest.raises(NotEnoughData, match=r"there are 4 days .* takes 5"):
        by_day(days_of(range(4)), test_days=5, valid_days=3)
    with pytest.raises(NotEnoughData, match="there are 0 days"):
        by_day([], test_days=5, valid_days=3)

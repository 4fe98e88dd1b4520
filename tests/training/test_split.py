from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import NotEnoughData
from training.split import by_day

START = date(2026, 3, 1)


def days_of(offsets) -> list[date]:
    return [START + timedelta(days=int(offset)) for offset in offsets]


@given(
    offsets=st.lists(st.integers(0, 60), min_size=12, max_size=80).filter(lambda days: len(set(days)) >= 11),
    test_days=st.integers(1, 5),
    valid_days=st.integers(1, 3),
)
def test_no_day_is_in_two_parts_and_time_runs_from_train_to_test(offsets, test_days, valid_days):
    days = days_of(offsets)
    split = by_day(days, test_days=test_days, valid_days=valid_days)
    assert (split.train.astype(int) + split.valid + split.test == 1).all()
    parts = [{day for day, inside in zip(days, mask, strict=True) if inside} for mask in (split.train, split.valid, split.test)]
    assert max(parts[0]) < min(parts[1]) <= max(parts[1]) < min(parts[2])
    assert (len(parts[1]), len(parts[2])) == (valid_days, test_days)


def test_days_without_pages_do_not_count():
    split = by_day(days_of([0, 1, 2, 3, 40, 90]), test_days=1, valid_days=2)
    assert np.flatnonzero(split.test).tolist() == [5]
    assert np.flatnonzero(split.valid).tolist() == [3, 4]


def test_too_few_days_say_how_many_it_takes():
    with pytest.raises(NotEnoughData, match=r"there are 10 days .* takes 11"):
        by_day(days_of(range(10)), test_days=5, valid_days=3)
    assert by_day(days_of(range(11)), test_days=5, valid_days=3).train.sum() == 3
    with pytest.raises(NotEnoughData, match="there are 0 days"):
        by_day([], test_days=5, valid_days=3)

"""Limits: never more than so many in any window, whatever the moment; and how long to wait is true."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from factories import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from recommender.store import rates
from recommender.store.db import Database
from recommender.store.tables_shared import RateRow

WINDOW = 900


def at(seconds: float) -> datetime:
    return datetime(2026, 5, 20, 8, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def hit(database: Database, seconds: float, *, key: str = "k", limit: int = 10, amount: int = 1) -> float:
    with database.write() as session:
        return rates.hit(session, key, limit=limit, window_s=WINDOW, now=at(seconds), amount=amount)


def test_so_many_and_no_more(database: Database) -> None:
    assert [hit(database, 0) == 0 for _ in range(12)] == [True] * 10 + [False] * 2
    assert hit(database, 0, key="another") == 0
    assert hit(database, 0, key="third", limit=2, amount=3) > 0


def test_a_window_that_ends_is_no_new_start(database: Database) -> None:
    """Ten just before the end of a window and ten just after it would be twenty in a moment."""
    assert all(hit(database, 899) == 0 for _ in range(10))
    assert hit(database, 901) > 0
    assert hit(database, 901 + 450) == 0
    assert sum(hit(database, 901 + 450) == 0 for _ in range(10)) < 6


def test_what_was_refused_does_not_count(database: Database) -> None:
    for _ in range(100):
        hit(database, 0)
    assert sum(hit(database, 1800) == 0 for _ in range(11)) == 10


def test_the_wait_is_true(database: Database) -> None:
    for second in range(10):
        hit(database, 100 * second)  # over two windows
    wait = hit(database, 905, limit=5)
    assert wait > 1
    assert hit(database, 905 + wait - 1, limit=5) > 0
    assert hit(database, 905 + wait + 0.01, limit=5) == 0


def test_nothing_is_allowed_where_nothing_may_be_done(database: Database) -> None:
    assert hit(database, 0, limit=0) == WINDOW


def test_windows_are_told_and_forgotten(database: Database) -> None:
    for second in (0, 1, 900, 901, 902):
        hit(database, second)
    with database.read() as session:
        assert rates.window(session, "k", window_s=WINDOW, now=at(1000)) == (2, 800, 3, 800)
        assert rates.window(session, "unknown", window_s=WINDOW, now=at(1000)) == (0, 800, 0, 800)
    with database.write() as session:
        rates.forget(session, "k", window_s=WINDOW, now=at(1000))
    with database.read() as session:
        assert rates.window(session, "k", window_s=WINDOW, now=at(1000)) == (0, 800, 0, 800)


def test_what_has_slid_out_is_pruned(database: Database) -> None:
    for number in range(20):
        hit(database, 0, key=f"{number}")
    hit(database, 3 * WINDOW, key="late")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(RateRow)) == 1


def test_an_endless_key_is_one_key(database: Database) -> None:
    assert hit(database, 0, key="x" * 5000, limit=1) == 0
    assert hit(database, 0, key="x" * 5000, limit=1) > 0
    assert hit(database, 0, key="x" * 4999, limit=1) == 0


@pytest.mark.parametrize("limit", [10])
def test_many_at_once_are_counted_one_by_one(database: Database, together, limit: int) -> None:  # type: ignore[no-untyped-def]
    answers = together([lambda: hit(database, 5, limit=limit)] * 16)
    assert sum(wait == 0 for wait in answers) == limit


_keys = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.floats(0, 400), max_size=40), limit=st.integers(1, 6))
def test_a_window_starting_anywhere_holds_little_more_than_the_limit(database: Database, gaps: list[float], limit: int) -> None:
    """The estimate takes the window before as evenly filled, so it may be out; never by a whole window's worth."""
    key, moments, clock = f"property-{next(_keys)}", [], 0.0
    for gap in gaps:
        clock += gap
        wait = hit(database, clock, key=key, limit=limit)
        if wait == 0:
            moments.append(clock)
        else:
            assert 0 < wait <= 2 * WINDOW
    for start in moments:
        assert sum(start <= moment < start + WINDOW for moment in moments) < 2 * limit or limit == 1


def test_the_clock_is_the_callers(database: Database) -> None:
    with database.write() as session:
        assert rates.hit(session, "clock", limit=1, window_s=60, now=NOW) == 0
        assert rates.hit(session, "clock", limit=1, window_s=60, now=NOW + timedelta(minutes=2)) == 0

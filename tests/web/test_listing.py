"""Words of an address: which days they mean, and places in a list that a stranger may have written."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_paper
from hypothesis import given
from hypothesis import strategies as st

from recommender.settings import Settings
from recommender.store.db import Database
from recommender.store.lists import Place
from web.listing import RECENT_DAYS, Stretch, containing, place_of, place_words, read_stretch, recent

DAYS = st.dates(date(1000, 1, 4), date(2999, 12, 28))


@given(day=DAYS, kind=st.sampled_from(["day", "week", "month"]))
def test_a_stretch_is_called_by_the_name_that_reads_it(day: date, kind: str) -> None:
    stretch = containing(kind, day)
    assert stretch.first <= day <= stretch.last
    assert read_stretch(kind, stretch.name) == stretch
    assert containing(kind, stretch.first) == containing(kind, stretch.last) == stretch
    assert containing(kind, stretch.last + timedelta(days=1)).first == stretch.last + timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("day", "2026-5-20"),
        ("day", "2026-02-30"),
        ("day", "2026-05-20\n"),
        ("day", "٢٠٢٦-05-20"),
        ("day", "0000-01-01"),
        ("week", "2025-W53"),
        ("week", "2026-W00"),
        ("week", "2026-w21"),
        ("month", "2026-13"),
        ("month", "2026-5"),
        ("month", ""),
    ],
)
def test_what_is_no_day_week_or_month(kind: str, text: str) -> None:
    assert read_stretch(kind, text) is None


def test_half_a_letter_is_no_place_in_a_list() -> None:
    told = [NOW.isoformat(), 0.0, str(DAY), NOW.isoformat(), "arxiv:\ud800"]
    assert place_of(base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")) is None


def test_the_newest_days_end_where_there_are_papers(database: Database, settings: Settings) -> None:
    today = NOW.date()
    with database.read() as session:
        assert recent(session, today) == Stretch("recent", today - timedelta(days=RECENT_DAYS - 1), today)
    fill(database, settings, [make_paper(1)])
    with database.read() as session:
        assert recent(session, today + timedelta(days=RECENT_DAYS - 1)).last == today + timedelta(days=RECENT_DAYS - 1)
        assert recent(session, today + timedelta(days=400)).last == DAY


@given(
    as_of=st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive
    score=st.floats(0, allow_infinity=False, allow_nan=False),
    edition=st.dates(),
    published=st.datetimes(timezones=st.just(UTC)),
    paper_id=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40),
)
def test_a_place_is_read_as_it_was_written(**facts: Any) -> None:
    place = Place(facts.pop("as_of"), tuple(facts.values()))  # type: ignore[arg-type]
    assert place_of(place_words(place)) == place


def written(*told: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


GOOD = ("2026-05-20T08:00:00+00:00", 1.0, "2026-05-20", "2026-05-20T08:00:00+00:00", "arxiv:1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ä" * 8,
        "A" * 1001,
        written(),
        written(*GOOD, 1),
        written("2026-05-20T08:00:00", *GOOD[1:]),
        written("0001-01-01T00:00:00+00:00", *GOOD[1:]),
        written("9999-12-31T23:59:59-12:00", *GOOD[1:]),
        written(GOOD[0], float("nan"), *GOOD[2:]),
        written(GOOD[0], float("inf"), *GOOD[2:]),
        written(GOOD[0], -1.0, *GOOD[2:]),
        written(GOOD[0], "1", *GOOD[2:]),
        written(*GOOD[:2], "yesterday", *GOOD[3:]),
        written(*GOOD[:2], 5, *GOOD[3:]),
        written(*GOOD[:4], 7),
        written(*GOOD[:4], "a\x00b"),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_what_is_no_place(text: str) -> None:
    assert place_of(written(*GOOD)) is not None
    assert place_of(text) is None


@given(st.text(max_size=200))
def test_nothing_written_is_a_failure(text: str) -> None:
    place_of(text)

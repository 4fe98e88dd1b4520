"""The honest word for a day without papers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from recommender.store.runs import SourceState
from web.quiet import next_announcement, why

SATURDAY, MONDAY, TUESDAY = date(2026, 5, 23), date(2026, 5, 25), date(2026, 5, 26)


@pytest.fixture(autouse=True)
def _request(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def source(name: str = "arxiv", error: str | None = None) -> SourceState:
    known = {
        "name": name,
        "asked_at": at(TUESDAY, 7),
        "ok_at": None,
        "papers": 0,
        "error": error,
        "failures": 0,
        "retry_at": None,
    }
    return SourceState(**{field: known.get(field, {}) for field in SourceState.__dataclass_fields__})


@pytest.mark.parametrize(
    ("day", "now", "told"),
    [
        (SATURDAY, at(SATURDAY), "arXiv does not announce on a Saturday; the next edition is due on Monday, 25 May."),
        (
            date(2026, 5, 24),
            at(date(2026, 5, 24)),
            "arXiv does not announce on a Sunday; the next edition is due on Monday, 25 May.",
        ),
        (SATURDAY, at(TUESDAY), "arXiv does not announce on a Saturday."),
        (date(2026, 5, 27), at(TUESDAY), "This day has not come yet."),
        (TUESDAY, at(TUESDAY), "Nothing new has come in today so far. The sources were last asked at 07:00 UTC."),
        (MONDAY, at(TUESDAY), "Nothing was announced on this day, as far as this Broadsheet knows."),
    ],
)
def test_it_says_why_and_when(day: date, now: datetime, told: str) -> None:
    assert why(day, now=now, sources=[source()], enabled=["arxiv", "huggingface"]).startswith(told)


def test_failing_sources_are_owned_up_to_before_the_calendar_is_blamed() -> None:
    both = [source(error="closed"), source("huggingface", "closed")]
    assert why(SATURDAY, now=at(SATURDAY), sources=both, enabled=["arxiv"]).startswith("No source could be read")
    assert "arXiv does not" in why(SATURDAY, now=at(SATURDAY), sources=[both[0], source("huggingface")], enabled=["arxiv"])


def test_a_house_without_arxiv_blames_no_weekend() -> None:
    assert "arXiv" not in why(SATURDAY, now=at(SATURDAY), sources=[source("huggingface")], enabled=["huggingface"])
    assert "imported files" in why(SATURDAY, now=at(SATURDAY), sources=[], enabled=[])
    assert "No source has been asked yet" in why(TUESDAY, now=at(TUESDAY), sources=[], enabled=["arxiv"])


def test_the_sample_edition_speaks_for_itself() -> None:
    assert "sample edition" in why(SATURDAY, now=at(SATURDAY), sources=[], enabled=["arxiv"], sample=True)


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)))
def test_the_next_announcement_is_the_next_weekday(day: date) -> None:
    later = next_announcement(day)
    assert later.weekday() < 5
    assert 1 <= (later - day).days <= 3

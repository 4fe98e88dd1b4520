"""When digests are due: one on every local day, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import SettingsError
from recommender.hours import EVERY, Schedule, time_zone


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "Europe", "/etc/localtime", "UTC\x00"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="Europe/Berlin"):
        time_zone(name)


@pytest.mark.parametrize(
    ("now", "zone", "hour", "expected"),
    [
        ("2026-05-20T08:00Z", "UTC", 9, "2026-05-20T09:00Z"),
        ("2026-05-20T08:00Z", "UTC", 8, "2026-05-21T08:00Z"),  # now is not after now
        ("2026-05-20T23:30Z", "Asia/Tokyo", 7, "2026-05-21T22:00Z"),
        ("2026-05-20T23:30Z", "America/Los_Angeles", 17, "2026-05-21T00:00Z"),
        ("2026-03-29T00:10Z", "Europe/Berlin", 2, "2026-03-29T01:00Z"),  # 2 o'clock is skipped: 3 o'clock stands for it
        ("2026-10-24T23:10Z", "Europe/Berlin", 2, "2026-10-25T00:00Z"),  # 2 o'clock comes twice: the first counts,
        ("2026-10-25T00:30Z", "Europe/Berlin", 2, "2026-10-26T01:00Z"),  # and the second does not
        ("2028-02-28T12:00Z", "UTC", 7, "2028-02-29T07:00Z"),
        ("2011-12-29T20:00Z", "Pacific/Apia", 7, "2011-12-30T17:00Z"),  # a day that island never had
    ],
)
def test_the_next_digest(now: str, zone: str, hour: int, expected: str) -> None:
    assert Schedule(hour, zone).after(datetime.fromisoformat(now)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("hour", [0, 2, 7, 23])
def test_a_year_of_digests_has_one_on_every_local_day(zone: str, hour: int) -> None:
    moment, days = datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(366):
        moment = Schedule(hour, zone).after(moment)
        days.append(moment.astimezone(ZoneInfo(zone)).date())
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


def test_a_weekly_one_comes_on_its_day_of_the_week() -> None:
    moment, found = datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(60):
        moment = Schedule(7, "Europe/Berlin", every="week", weekday=4).after(moment)
        found.append(moment.astimezone(ZoneInfo("Europe/Berlin")))
    assert {(at.weekday(), at.hour) for at in found} == {(4, 7)}
    assert all((later.date() - earlier.date()).days == 7 for earlier, later in pairwise(found))


def test_a_pause_ends_on_its_day() -> None:
    now = datetime(2026, 5, 20, 12, tzinfo=UTC)
    paused = Schedule(7, "UTC", paused_until=date(2026, 6, 3))
    assert paused.after(now) == datetime(2026, 6, 3, 7, tzinfo=UTC)
    assert paused.after(datetime(2026, 6, 9, 12, tzinfo=UTC)) == datetime(2026, 6, 10, 7, tzinfo=UTC)
    weekly = Schedule(7, "UTC", every="week", weekday=0, paused_until=date(2026, 6, 3))
    assert weekly.after(now) == datetime(2026, 6, 8, 7, tzinfo=UTC)


@given(
    st.builds(
        Schedule,
        hour=st.integers(0, 23),
        time_zone=st.sampled_from(sorted(available_timezones())),
        every=st.sampled_from(EVERY),
        weekday=st.integers(0, 6),
    ),
    st.integers(0, 3 * 365 * 24 * 60).map(lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)),
)
def test_the_last_moment_and_the_next_enclose_now(schedule: Schedule, now: datetime) -> None:
    last, following = schedule.until(now), schedule.after(now)
    assert last <= now < following
    assert schedule.after(last) == following
    assert schedule.until(following) == following
    assert schedule.day_of(following) > schedule.day_of(last)

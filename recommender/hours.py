"""A digest's hour, weekday and time zone in, the moments at which it is due out: one on every local day, or on one day of the week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from recommender.errors import SettingsError

__all__ = ["EVERY", "Schedule", "time_zone"]

EVERY = ("day", "week")
_FAR = 10  # days within which any schedule has a moment, even where a zone skips a day


@dataclass(frozen=True, slots=True)
class Schedule:
    """When somebody gets their digest.

    An hour that the clock skips in spring becomes the one after it; of an hour that comes twice in autumn the first counts,
    so that there is one moment on every local day.

    Attributes
    ----------
    hour : int
        Of the local day, 0 to 23.
    time_zone : str
        IANA name.
    every : {"day", "week"}
    weekday : int
        Of a weekly one; Monday is 0.
    paused_until : date or None
        The local day on which it comes again.
    """

    hour: int
    time_zone: str = "UTC"
    every: str = "day"
    weekday: int = 0
    paused_until: date | None = None

    def after(self, now: datetime) -> datetime:
        """Return the next moment after `now` at which it is due, in UTC.

        Raises
        ------
        SettingsError
            If there is no such time zone.

        Examples
        --------
        >>> early = Schedule(7, "Europe/Berlin")
        >>> early.after(datetime(2026, 3, 28, 12, tzinfo=UTC)).isoformat()  # the night the clocks go forward
        '2026-03-29T05:00:00+00:00'
        """
        today = now.astimezone(time_zone(self.time_zone)).date()
        start = max(today, self.paused_until or today)
        moments = self._moments(start + timedelta(days=offset) for offset in range(_FAR))
        return next(moment for moment in moments if moment > now)

    def coming(self, now: datetime, owed: datetime | None) -> datetime:
        """Return when it comes next to somebody who has just chosen this schedule, in UTC.

        Parameters
        ----------
        now : datetime
        owed : datetime or None
            When it was to come until then; None where it did not. What was due and has not come yet is not lost by the choice, unless
            that is a pause.

        Examples
        --------
        >>> Schedule(7).coming(datetime(2026, 3, 28, 7, 2, tzinfo=UTC), datetime(2026, 3, 28, 7, tzinfo=UTC)).isoformat()
        '2026-03-28T07:00:00+00:00'
        """
        return owed if owed is not None and owed <= now and not self.is_paused(now) else self.after(now)

    def until(self, now: datetime) -> datetime:
        """Return the last moment, not after `now`, at which it was due, in UTC; a pause changes nothing about the past.

        Raises
        ------
        SettingsError
            If there is no such time zone.
        """
        tomorrow = now.astimezone(time_zone(self.time_zone)).date() + timedelta(days=1)
        moments = self._moments(tomorrow - timedelta(days=offset) for offset in range(_FAR))
        return next(moment for moment in moments if moment <= now)

    def is_paused(self, now: datetime) -> bool:
        """Whether it does not come today, nor on some days after it, because somebody wants a rest."""
        return self.paused_until is not None and self.paused_until > self.day_of(now)

    def day_of(self, moment: datetime) -> date:
        """Return the local day of a moment."""
        return moment.astimezone(time_zone(self.time_zone)).date()

    def _moments(self, days: Iterator[date]) -> Iterator[datetime]:
        zone = time_zone(self.time_zone)
        for day in days:
            if self.every == "day" or day.weekday() == self.weekday:
                yield datetime.combine(day, time(self.hour), zone).astimezone(UTC)


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    try:
        return ZoneInfo(name.strip())
    except (OSError, ValueError, KeyError):  # a folder's name is an OSError, `../x` a ValueError, an unknown one a KeyError
        raise SettingsError(f"there is no time zone {name!r}: write it like Europe/Berlin or UTC") from None

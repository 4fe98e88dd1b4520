"""Words of an address in, what they mean out: a stretch of days, a place in a list, a reader's page of a day."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from recommender.store import lists
from recommender.store.db import Session
from recommender.store.lists import Place
from recommender.types import RankedPage
from web.auth import State

__all__ = ["RECENT_DAYS", "Stretch", "containing", "own_page", "place_of", "place_words", "read_stretch", "recent"]

RECENT_DAYS = 14  # how far back the list without a date reaches
RECENT_HALF_LIFE_DAYS = 3.0
EVER = range(1970, 3000)  # years in which a list can have been begun
_WRITTEN = {
    "day": re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"),
    "week": re.compile(r"[12]\d{3}-W(0[1-9]|[1-4]\d|5[0-3])"),
    "month": re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])"),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some days in a row.

    Attributes
    ----------
    kind : {"recent", "day", "week", "month"}
    first, last : date
        Both included.
    """

    kind: str
    first: date
    last: date

    @property
    def name(self) -> str:
        """What an address calls it: `2026-05-20`, `2026-W21`, `2026-05`; empty for the newest days."""
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        return {"day": str(self.first), "month": f"{self.first:%Y-%m}"}.get(self.kind, "")

    @property
    def half_life_days(self) -> float | None:
        """After how many days a vote counts half; None leaves it to the stretch's length."""
        return RECENT_HALF_LIFE_DAYS if self.kind == "recent" else None


def read_stretch(kind: str, text: str) -> Stretch | None:
    """Return the day, week or month that is written; None when it is none, or written otherwise.

    Examples
    --------
    >>> week = read_stretch("week", "2026-W21")
    >>> str(week.first), str(week.last), week.name
    ('2026-05-18', '2026-05-24', '2026-W21')
    >>> read_stretch("week", "2025-W53"), read_stretch("month", "2026-13"), read_stretch("day", "2026-02-30")
    (None, None, None)
    """
    if not _WRITTEN[kind].fullmatch(text) or not text.isascii():
        return None
    try:
        if kind == "week":
            return containing(kind, date.fromisocalendar(int(text[:4]), int(text[6:]), 1))
        return containing(kind, date.fromisoformat(text if kind == "day" else f"{text}-01"))
    except ValueError:
        return None


def containing(kind: str, day: date) -> Stretch:
    """Return the day, week or month that a day lies in."""
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Stretch(kind, monday, monday + timedelta(days=6))
    if kind == "month":
        return Stretch(kind, day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))
    return Stretch(kind, day, day)


def recent(session: Session, today: date) -> Stretch:
    """Return the newest days that have papers: up to today, or up to the newest edition where that is long ago."""
    known = lists.extent(session, until=today)
    last = today if known is None or (today - known[1]).days < RECENT_DAYS else known[1]
    return Stretch("recent", last - timedelta(days=RECENT_DAYS - 1), last)


def place_words(place: Place) -> str:
    """Write a place in a list as address-safe letters.

    Examples
    --------
    >>> from datetime import UTC
    >>> here = Place(datetime(2026, 5, 20, tzinfo=UTC), (0.5, date(2026, 5, 19), datetime(2026, 5, 18, tzinfo=UTC), "arxiv:1"))
    >>> place_of(place_words(here)) == here
    True
    >>> place_of("no such place") is None
    True
    """
    score, edition, published, paper_id = place.key
    told = [place.as_of.isoformat(), score, str(edition), published.isoformat(), paper_id]
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def place_of(text: str) -> Place | None:
    """Return the place that is written, or None when it is none."""
    if len(text) > 1000 or not text.isascii():
        return None
    try:
        told = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        return _place(*told)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        return None


def _place(as_of: Any, score: Any, edition: Any, published: Any, paper_id: Any) -> Place:
    """Check what a stranger may have written."""
    begun, appeared = (datetime.fromisoformat(text) for text in (as_of, published))
    known = isinstance(score, float) and math.isfinite(score) and score >= 0 and isinstance(paper_id, str)
    if not known or begun.tzinfo is None or appeared.tzinfo is None or "\x00" in paper_id or begun.year not in EVER:
        raise ValueError("this is no place in a list")
    paper_id.encode()  # half of a letter is no text to any database
    return Place(begun, (score, date.fromisoformat(edition), appeared.astimezone(UTC), paper_id))  # no time before all times


def own_page(app: State, reader_id: int, day: date, interest: int = 0) -> RankedPage:
    """Return a reader's page of a day, the very one that the site would show: the stored one, or its next revision."""
    return app.desk.page(reader_id, day, now=app.clock(), interest=interest)

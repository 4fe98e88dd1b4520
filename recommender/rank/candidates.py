"""Papers of some days in, those that may appear on a page out: the window, the kinds of announcement, what was shown before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from recommender.types import Paper

__all__ = ["first_day", "place", "select"]


def first_day(day: date, window_days: int) -> date:
    """Return the oldest edition a page draws on.

    Examples
    --------
    >>> first_day(date(2026, 5, 20), 1)
    datetime.date(2026, 5, 20)
    """
    return day - timedelta(days=window_days - 1)


def select(
    papers: Sequence[Paper], *, day: date, window_days: int, announce: Collection[str], seen: Collection[str]
) -> list[Paper]:
    """Return the papers that may appear on the page of `day`, newest edition first, then by id.

    Parameters
    ----------
    papers : sequence of Paper
    day : date
    window_days : int
        Editions drawn on, the day's own included.
    announce : collection of str
        Kinds of announcement that make a page.
    seen : collection of str
        Papers that were shown on pages of other days: nothing is shown twice.
    """
    first = first_day(day, window_days)
    chosen = [p for p in papers if first <= p.edition <= day and p.announce in announce and p.id not in seen]
    return sorted(chosen, key=place)


def place(paper: Paper) -> tuple[int, str]:
    """Return what papers are sorted by: newest edition first, then by id."""
    return -paper.edition.toordinal(), paper.id

"""A day, what is stored of it and what the sources last said in, a sentence out: why there is nothing to read, and when there will be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from flask_babel import gettext

from recommender.store.runs import SourceState
from web.words import day_words, moment_words, source_words, weekday_words

__all__ = ["is_overdue", "late", "next_announcement", "why"]

_SATURDAY = 5
_IN_BY = time(6)  # UTC: what arXiv announces in a night has come in by then
_LATE = timedelta(hours=26)  # a source that answered nothing for longer has missed an announcement


def _(sentence: str, **names: str) -> str:
    return str(gettext(sentence, **names))


def next_announcement(day: date) -> date:
    """Return the next day after this one on which arXiv announces: Monday to Friday.

    Examples
    --------
    >>> next_announcement(date(2026, 11, 21)), next_announcement(date(2026, 11, 23))
    (datetime.date(2026, 11, 23), datetime.date(2026, 11, 24))
    """
    later = day + timedelta(days=1)
    while later.weekday() >= _SATURDAY:
        later += timedelta(days=1)
    return later


def is_overdue(edition: date, now: datetime) -> bool:
    """Whether something newer than the newest edition should have come in by now.

    Examples
    --------
    >>> from datetime import UTC
    >>> friday = date(2026, 11, 20)
    >>> [is_overdue(friday, datetime(2026, 11, day, 7, tzinfo=UTC)) for day in (21, 22, 23)]
    [False, False, True]
    """
    due = now.date() if now.time() >= _IN_BY else now.date() - timedelta(days=1)
    while due.weekday() >= _SATURDAY:
        due -= timedelta(days=1)
    return edition < due


def late(source: SourceState, now: datetime) -> str:
    """Say since when a source has not answered; nothing as long as it answers."""
    name, since = source_words(source.name), source.ok_at
    if since is None:
        return _("%(source)s has never answered: its papers are missing.", source=name)
    if source.error:
        return _(
            "%(source)s cannot be read at the moment; it last answered on %(when)s, and some of its papers may be missing.",
            source=name,
            when=moment_words(since),
        )
    if now - since > _LATE:
        return _(
            "%(source)s last answered on %(when)s: some of its papers may be missing.", source=name, when=moment_words(since)
        )
    return ""


def why(day: date, *, now: datetime, sources: Sequence[SourceState], enabled: Sequence[str], sample: bool = False) -> str:
    """Say why a day, or the days since the newest edition, have no papers.

    Parameters
    ----------
    day : date
        The day without papers.
    now : datetime
    sources : sequence of SourceState
        What each source last said.
    enabled : sequence of str
        Sources that are read.
    sample : bool
        Whether this is the sample edition, whose invented papers come every morning.
    """
    today = now.date()
    if day > today:
        return _("This day has not come yet.")
    if sample:
        return _("The sample edition invents no papers for this day. Today’s come in during the morning.")
    if not enabled:
        return _("No source is read here: papers come from imported files only.")
    failing = [source for source in sources if source.error]
    if day == today and failing and len(failing) == len(sources):
        return _("No source could be read the last time it was asked. It will be asked again by itself.")
    if "arxiv" in enabled and day.weekday() >= _SATURDAY:
        weekday, upcoming = weekday_words(day), next_announcement(day)
        if upcoming < today:
            return _("arXiv does not announce on a %(weekday)s.", weekday=weekday)
        return _(
            "arXiv does not announce on a %(weekday)s; the next edition is due on %(next)s.",
            weekday=weekday,
            next=f"{weekday_words(upcoming)}, {day_words(upcoming, upcoming)}",
        )
    if day == today:
        asked = max((source.asked_at for source in sources), default=None)
        if asked is None:
            return _("No source has been asked yet. The first reading takes a few minutes.")
        return _("Nothing new has come in today so far. The sources were last asked at %(time)s UTC.", time=f"{asked:%H:%M}")
    return _(
        "Nothing was announced on this day, as far as this Broadsheet knows. "
        "Holidays are often empty; so are days before its first reading."
    )

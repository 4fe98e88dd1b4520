"""A request in, its language out: which language a reader is spoken to in, and dates, numbers, counts and reasons in it.

Outside a request everything is English, unless `speaking` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal
from flask import Flask, has_request_context, request
from flask_babel import Babel, force_locale, get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _l

from recommender.errors import BroadsheetError
from recommender.types import Reason
from web.auth import current_reader, state

__all__ = [
    "COUNTS",
    "LANGUAGES",
    "REASONS",
    "and_words",
    "count_words",
    "day_words",
    "direction",
    "install",
    "language",
    "moment_words",
    "month_words",
    "number_words",
    "ranker_words",
    "reason_words",
    "source_words",
    "speaking",
    "spoken",
    "weekday_words",
]

LANGUAGES = {"en": "English", "de": "Deutsch"}
RANKERS = {  # what a model is measured against
    "blend": _l("untrained ranking"),
    "dense head": _l("linear, on meaning"),
    "lexical head": _l("linear, on words"),
    "dense centroid": _l("nearest likes, by meaning"),
    "lexical centroid": _l("nearest likes, by words"),
    "popular": _l("most upvotes first"),
    "newest": _l("newest first"),
}
_forced: ContextVar[Locale | None] = ContextVar("forced", default=None)  # what is spoken outside a request: looked up once
_BRITISH = Locale("en", "GB")  # how days are written where the language is English

# Every sentence that `recommender.rank` gives as a reason (a test reads its source): what is translated is found here.
REASONS = (
    _l("You follow %s"),
    _l("You asked for “%s”"),
    _l("Exploration: drawn by lot from further down, to learn what else you like"),
    _l("Moved up: nearest to “%s”, which you just liked"),
    _l("Close to “%s”, which you liked"),
    _l("Close to “%s”, which you opened"),
    _l("Close to “%s”, which fits what you picked"),
    _l("Like “%s”, it speaks of “%s”"),
    _l("Like “%s”, it speaks of “%s” and “%s”"),
    _l("By %s, whose work you liked"),
    _l("By %s, whose work you opened"),
    _l("From %s, whose work you liked"),
    _l("From %s, whose work you opened"),
    _l("In %s, where you like more than you dislike"),
    _l("In %s, where you open papers"),
    _l("In %s, which you picked"),
    _l("%s upvotes at its source"),
    _l("By its text and authors, one that the shared page may pick"),
    _l("Readers who like what you like want it"),
    _l("Its code is public"),
    _l("New in %s"),
    _l("New"),
)

# Every noun that is counted (a test reads the templates): what is translated is found here.
COUNTS: Mapping[str, Callable[[int, str], str]] = {
    "answer": lambda n, w: ngettext("%(count)s answer", "%(count)s answers", n, count=w),
    "author": lambda n, w: ngettext("%(count)s author", "%(count)s authors", n, count=w),
    "category": lambda n, w: ngettext("%(count)s category", "%(count)s categories", n, count=w),
    "character": lambda n, w: ngettext("%(count)s character", "%(count)s characters", n, count=w),
    "click": lambda n, w: ngettext("%(count)s click", "%(count)s clicks", n, count=w),
    "collection": lambda n, w: ngettext("%(count)s collection", "%(count)s collections", n, count=w),
    "comment": lambda n, w: ngettext("%(count)s comment", "%(count)s comments", n, count=w),
    "day": lambda n, w: ngettext("%(count)s day", "%(count)s days", n, count=w),
    "dislike": lambda n, w: ngettext("%(count)s dislike", "%(count)s dislikes", n, count=w),
    "edition": lambda n, w: ngettext("%(count)s edition", "%(count)s editions", n, count=w),
    "entry": lambda n, w: ngettext("%(count)s entry", "%(count)s entries", n, count=w),
    "gesture": lambda n, w: ngettext("%(count)s gesture", "%(count)s gestures", n, count=w),
    "hour": lambda n, w: ngettext("%(count)s hour", "%(count)s hours", n, count=w),
    "interest": lambda n, w: ngettext("%(count)s interest", "%(count)s interests", n, count=w),
    "invitation": lambda n, w: ngettext("%(count)s invitation", "%(count)s invitations", n, count=w),
    "job": lambda n, w: ngettext("%(count)s job", "%(count)s jobs", n, count=w),
    "like": lambda n, w: ngettext("%(count)s like", "%(count)s likes", n, count=w),
    "mail": lambda n, w: ngettext("%(count)s mail", "%(count)s mails", n, count=w),
    "match": lambda n, w: ngettext("%(count)s match", "%(count)s matches", n, count=w),
    "minute": lambda n, w: ngettext("%(count)s minute", "%(count)s minutes", n, count=w),
    "model": lambda n, w: ngettext("%(count)s model", "%(count)s models", n, count=w),
    "page": lambda n, w: ngettext("%(count)s page", "%(count)s pages", n, count=w),
    "paper": lambda n, w: ngettext("%(count)s paper", "%(count)s papers", n, count=w),
    "reader": lambda n, w: ngettext("%(count)s reader", "%(count)s readers", n, count=w),
    "report": lambda n, w: ngettext("%(count)s report", "%(count)s reports", n, count=w),
    "result": lambda n, w: ngettext("%(count)s result", "%(count)s results", n, count=w),
    "rule": lambda n, w: ngettext("%(count)s rule", "%(count)s rules", n, count=w),
    "second": lambda n, w: ngettext("%(count)s second", "%(count)s seconds", n, count=w),
    "simulated reader": lambda n, w: ngettext("%(count)s simulated reader", "%(count)s simulated readers", n, count=w),
    "source": lambda n, w: ngettext("%(count)s source", "%(count)s sources", n, count=w),
    "star": lambda n, w: ngettext("%(count)s star", "%(count)s stars", n, count=w),
    "submission": lambda n, w: ngettext("%(count)s submission", "%(count)s submissions", n, count=w),
    "subscriber": lambda n, w: ngettext("%(count)s subscriber", "%(count)s subscribers", n, count=w),
    "time": lambda n, w: ngettext("%(count)s time", "%(count)s times", n, count=w),
    "topic": lambda n, w: ngettext("%(count)s topic", "%(count)s topics", n, count=w),
    "upvote": lambda n, w: ngettext("%(count)s upvote", "%(count)s upvotes", n, count=w),
    "vector": lambda n, w: ngettext("%(count)s vector", "%(count)s vectors", n, count=w),
    "version": lambda n, w: ngettext("%(count)s version", "%(count)s versions", n, count=w),
    "vote": lambda n, w: ngettext("%(count)s vote", "%(count)s votes", n, count=w),
}


def install(app: Flask) -> None:
    """Let templates and views speak the reader's language."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app, locale_selector=language)
    app.jinja_env.globals.update(language=spoken, direction=direction, languages=LANGUAGES)
    app.jinja_env.filters.update(
        day=day_words,
        weekday=weekday_words,
        month=month_words,
        moment=moment_words,
        count=count_words,
        number=number_words,
        and_words=and_words,
        source=source_words,
    )


def language() -> str:
    """Return the language of this request: the reader's choice, else what the browser prefers, else the setting."""
    default = state().settings.web.language
    if not has_request_context():
        return default
    try:
        reader = current_reader()
    except BroadsheetError:  # the page that says so needs a language too
        reader = None
    if reader is not None and reader.locale in LANGUAGES:
        return reader.locale
    asked = (str(value).partition("-")[0].lower() for value, _quality in request.accept_languages)
    return next((primary for primary in asked if primary in LANGUAGES), default)


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak a language outside a request, as the clock does when it writes to a reader; an unknown one is English."""
    with _nobody().app_context(), force_locale(locale if locale in LANGUAGES else "en"):
        token = _forced.set(_asked_for())
        try:
            yield
        finally:
            _forced.reset(token)


@lru_cache(maxsize=1)
def _nobody() -> Flask:
    """Return an application that serves nobody and only holds the catalogues."""
    app = Flask("web")
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app)
    return app


def direction() -> str:
    """Return which way the language is written: `ltr` or `rtl`."""
    return _locale().text_direction


def day_words(day: date, today: date | None = None) -> str:
    """Return a date as people write it, without the year when it is today's.

    Examples
    --------
    >>> day_words(date(2026, 5, 9), date(2026, 5, 20)), day_words(date(2025, 10, 2), date(2026, 5, 20))
    ('9 May', '2 October 2025')
    """
    if today is not None and day.year == today.year:
        return _in_skeleton("MMMMd", day, _locale())
    return _dated("long", day, _locale())


def weekday_words(day: date) -> str:
    """Return the name of a day of the week.

    Examples
    --------
    >>> weekday_words(date(2026, 5, 20))
    'Wednesday'
    """
    return _dated("EEEE", day, _locale())


def month_words(day: date) -> str:
    """Return the month a day lies in.

    Examples
    --------
    >>> month_words(date(2026, 12, 20))
    'December 2026'
    """
    return _in_skeleton("yMMMM", day, _locale())


def moment_words(at: datetime | None) -> str:
    """Return a moment to the minute.

    Examples
    --------
    >>> moment_words(datetime(2026, 5, 20, 8, 5)), moment_words(None)
    ('20 May 2026, 08:05 UTC', 'never')
    """
    return f"{day_words(at.date())}, {at:%H:%M} UTC" if at is not None else gettext("never")


def number_words(number: float) -> str:
    """Return a number as people write it.

    Examples
    --------
    >>> number_words(12345), number_words(0.5)
    ('12,345', '0.5')
    """
    return _decimal(number, _locale())


def and_words(names: Sequence[str]) -> str:
    """Return names in a row.

    Examples
    --------
    >>> and_words(["A"]), and_words(["A", "B"]), and_words(["A", "B", "C"])
    ('A', 'A and B', 'A, B and C')
    """
    return format_list(list(names), locale=_locale())


def count_words(number: int, noun: str) -> str:
    """Return a number with its English noun, in the reader's language; a noun that `COUNTS` does not know stays English.

    Examples
    --------
    >>> count_words(1, "paper"), count_words(1200, "paper")
    ('1 paper', '1,200 papers')
    """
    return _counted(number, noun, spoken())


def reason_words(reason: Reason) -> str:
    """Return a reason in the reader's language; its names stay as they are."""
    if not reason.template:
        return reason.text
    try:
        return _translated(reason.template, spoken()) % reason.names
    except (TypeError, ValueError):  # a sentence of an older or newer program, whose names do not fit it
        return reason.text


@lru_cache(maxsize=4096)
def _counted(number: int, noun: str, _language: str) -> str:
    written = number_words(number)
    if noun in COUNTS:
        return COUNTS[noun](number, written)
    return f"{written} {noun}{'' if number == 1 else 's'}"


@lru_cache(maxsize=256)
def _translated(template: str, _language: str) -> str:
    """Return a sentence in the language that is spoken; each page says the same few sixty times."""
    return str(gettext(template))


def ranker_words(ranker: str, report: Mapping[str, Any]) -> str:
    """Return what a ranker of a stored report is called: its version where it has one."""
    return str(report.get("versions", {}).get(ranker) or RANKERS.get(ranker, ranker))


def source_words(name: str) -> str:
    """Return what a source is called in a sentence."""
    return {"arxiv": "arXiv", "huggingface": "Hugging Face", "sample": str(gettext("The sample edition"))}.get(name, name)


def spoken() -> str:
    """Return the language that is spoken now, for the page's own `lang`."""
    return _locale().language


def _locale() -> Locale:
    return _forced.get() or _asked_for()


def _asked_for() -> Locale:
    locale = get_locale()
    return _BRITISH if locale is None or locale.language == "en" else locale


# A page and a thousand digests write the same few days and numbers, and Babel reads its patterns anew each time.


@lru_cache(maxsize=1024)
def _dated(form: str, day: date, locale: Locale) -> str:
    return format_date(day, form, locale=locale)


@lru_cache(maxsize=1024)
def _in_skeleton(skeleton: str, day: date, locale: Locale) -> str:
    at = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # a day has no zone
    return format_skeleton(skeleton, at, locale=locale)


@lru_cache(maxsize=4096)
def _decimal(number: float, locale: Locale) -> str:
    return format_decimal(number, locale=locale)

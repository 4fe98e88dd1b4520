"""A folder of templates and what is to be said in, a letter's three parts out: subject, plain text and HTML, in the language spoken now.

Styles stand in the templates' own `styles.html`, once, and are written into each element: many mail programs read nothing else.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any

from flask_babel import get_translations
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from recommender.settings import Settings
from web.links import Signer, host
from web.words import and_words, count_words, day_words, direction, number_words, spoken, weekday_words

__all__ = ["Parts", "breakable", "message_id", "wrapped", "write"]

WIDTH = 78  # columns of plain text; a link is never broken
LINE = 20  # letters: as many as the narrowest window shows in a line of a heading
KEPT = 8192  # lines that are the same in the mails of many
_translations: ContextVar[Any] = ContextVar("translations")  # of the language that a letter is being written in
_LONG_WORD = re.compile(r"\S{37}")  # no word of a language is that long


@dataclass(frozen=True, slots=True)
class Parts:
    """The same content three times: in a line, as plain text and as a page.

    Letters beyond ASCII are character references on the page where they are few: it then travels as it is, nothing has to encode it,
    and no mail program can take it for another encoding.
    """

    subject: str
    text: str
    html: str


def write(folder: str, facts: Mapping[str, Any]) -> Parts:
    """Write a letter of which `subject.txt`, `body.txt` and `body.html` stand in a folder of `templates/email`."""
    shared = {"language": spoken(), "direction": direction(), **facts}
    token = _translations.set(get_translations())  # looked up once, not for every word
    try:
        subject = " ".join(_templates().get_template(f"{folder}/subject.txt").render(shared).split())
        shared["subject"] = subject
        text, html = (_templates().get_template(f"{folder}/{name}").render(shared) for name in ("body.txt", "body.html"))
    finally:
        _translations.reset(token)
    return Parts(subject, text, _plain(html))


def _plain(page: str) -> str:
    """Write letters beyond ASCII as character references, unless there are so many that the page would grow by more than an eighth."""
    plain = page.encode("ascii", "xmlcharrefreplace")
    return plain.decode() if len(plain) <= len(page) * 9 / 8 else page


def message_id(signer: Signer, settings: Settings, day: date, who: str) -> str:
    """Return the Message-ID of somebody's digest of a local day, without brackets.

    It is the same whenever it is made, so that a copy is recognised as one, and nobody else can make it: a bounce that quotes it is
    about a message that was sent.

    Parameters
    ----------
    signer : Signer
    settings : Settings
    day : date
    who : str
        `r` and a reader's number, or `s` and a subscriber's.

    Examples
    --------
    >>> from recommender.settings import load
    >>> signer = Signer("an example of a secret, 32 characters")
    >>> message_id(signer, load({}), date(2026, 5, 20), "r7")
    'digest-2026-05-20-r7-mQmkdOdKD10FEwb4IfA9@127.0.0.1'
    """
    name = f"digest-{day}-{who}"
    return f"{name}-{signer.stamp('message', ('sample ' if settings.is_sample else '') + name)}@{host(settings)}"


@lru_cache(maxsize=KEPT)
def wrapped(text: str, indent: str = "") -> str:
    """Return a paragraph in lines of 78 columns.

    Examples
    --------
    >>> print(wrapped("word " * 16, "   "))
       word word word word word word word word word word word word word word word
       word
    """
    return _wrapper(indent).fill(text)


@cache
def _wrapper(indent: str) -> textwrap.TextWrapper:
    return textwrap.TextWrapper(WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


@lru_cache(maxsize=KEPT)
def breakable(text: str) -> Markup:
    """Return text for HTML, escaped, in which even a word as wide as a telephone can be broken where no style says so.

    Examples
    --------
    >>> print(breakable("<b> " + "x" * 50))
    &lt;b&gt; xxxxxxxxxxxxxxxxxxxx<wbr>xxxxxxxxxxxxxxxxxxxx<wbr>xxxxxxxxxx
    """
    if not _LONG_WORD.search(text):
        return escape(text)
    words = (textwrap.wrap(word, LINE, break_on_hyphens=False) if _LONG_WORD.match(word) else [word] for word in text.split(" "))
    return Markup(" ").join(Markup("<wbr>").join(parts) for parts in words)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("web", "templates/email"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        lambda said: _translations.get().ugettext(said),
        lambda one, many, number: _translations.get().ungettext(one, many, number),
        newstyle=True,
    )
    made.filters.update(breakable=breakable, wrapped=wrapped, day=day_words, weekday=weekday_words)
    made.filters.update(count=count_words, number=number_words, and_words=and_words)
    return made

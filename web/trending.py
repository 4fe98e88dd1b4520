"""A subscriber in, what everyone reads as a message out: written once for all who speak a language, and then only addressed.

Nothing in it is anybody's: no vote, no name of a reader, no link that tells who opened it. All that is the subscriber's own is the link
that ends it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from flask_babel import gettext as _

from recommender.settings import Settings
from recommender.store import lists, papers
from recommender.store.db import Database, Session
from recommender.store.subscribers import Subscriber
from web.cards import Card, clip, listed
from web.digest import LARGEST, PREHEADER, SUBJECT_WIDTH, Draft, NothingToSend
from web.links import Signer, absolute, host
from web.mail import Letter, make_message
from web.picks import LONGEST_URL, SHORTER, Pick, pick
from web.stationery import Parts, message_id, write
from web.words import LANGUAGES, count_words, speaking

__all__ = ["Said", "draft", "forget"]

DAYS = 7  # of a weekly digest; an edition that is older is no news in a daily one either
KEPT = 32  # letters kept: some languages, daily and weekly

_kept: WeakKeyDictionary[Database, OrderedDict[Any, _Written]] = WeakKeyDictionary()
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Said:
    """What a letter says of its papers.

    Attributes
    ----------
    every : {"day", "week"}
    last : date
        The newest edition they are from.
    shown, total : int
        Papers it lists, and papers of these editions.
    invented : bool
    """

    every: str
    last: date
    shown: int
    total: int
    invented: bool


@dataclass(frozen=True, slots=True)
class _Written:
    """A letter to nobody in particular; `mark` stands in it where the link goes that ends it."""

    parts: Parts
    mark: str


def draft(
    database: Database,
    subscriber: Subscriber,
    *,
    day: date,
    now: datetime,
    settings: Settings,
    signer: Signer,
    last_edition: date | None = None,
) -> Draft:
    """Write to one subscriber what everyone reads: of the newest edition, or of those of seven days.

    Parameters
    ----------
    database : Database
    subscriber : Subscriber
    day : date
        The subscriber's local day; there is one digest per local day, and its Message-ID says so.
    now : datetime
    settings : Settings
    signer : Signer
    last_edition : date, default=None
        The newest edition that this subscriber was sent; no edition is sent twice.

    Raises
    ------
    NothingToSend
        If no edition came since, or within a week, or none of its papers can be read anywhere.
    MailError
        If the address is malformed.
    """
    with database.read() as session:
        first, last = _editions(session, subscriber, now.date(), last_edition)
    written = _letter(database, subscriber, first, last, now=now, settings=settings)
    leave_url = absolute(settings, f"/m/leave/{signer.sign('leave', {'s': subscriber.id})}")
    letter = Letter(
        to_name="",
        to_address=subscriber.email,
        subject=written.parts.subject,
        text=written.parts.text.replace(written.mark, leave_url),
        html=written.parts.html.replace(written.mark, leave_url),
        message_id=message_id(signer, settings, day, f"s{subscriber.id}"),
        list_id=f"trending.{host(settings)}",
        leave_url=leave_url,
        campaign=str(day),
        kind="trending",
        language=_language(subscriber, settings),
    )
    return Draft(make_message(letter, sender=settings.mail.sender, now=now), (), None, last, subscriber.digest_every)


def forget(database: Database) -> None:
    """Write anew what is kept."""
    with _lock:
        _kept.pop(database, None)


def _editions(session: Session, subscriber: Subscriber, today: date, last_edition: date | None) -> tuple[date, date]:
    """Return the first and the last day to write of."""
    newest = papers.latest_edition(session, encoder=None, until=today)
    oldest = today - timedelta(days=DAYS - 1)
    if newest is None or newest < oldest:
        raise NothingToSend(f"no edition came within {DAYS} days")
    if last_edition is not None and newest <= last_edition:
        raise NothingToSend(f"there is no edition newer than that of {last_edition}, which was sent")
    if subscriber.digest_every == "day":
        return newest, newest
    return (oldest if last_edition is None else max(oldest, last_edition + timedelta(days=1))), newest


def _language(subscriber: Subscriber, settings: Settings) -> str:
    """Return what is spoken to a subscriber: the page on which they asked, if its language is still one of ours."""
    return next((one for one in (subscriber.locale, settings.web.language) if one in LANGUAGES), "en")


def _letter(
    database: Database, subscriber: Subscriber, first: date, last: date, *, now: datetime, settings: Settings
) -> _Written:
    """Return the letter about some editions; votes that are cast after it was written count from the next full hour on."""
    locale, every = _language(subscriber, settings), subscriber.digest_every
    key = (locale, every, first, last, now.replace(minute=0, second=0, microsecond=0), settings)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key not in kept:
            with speaking(locale):
                kept[key] = _write(database, every, first, last, now=now, settings=settings)
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return kept[key]


def _write(database: Database, every: str, first: date, last: date, *, now: datetime, settings: Settings) -> _Written:
    """Write a letter in the language that is spoken; what has no address where it can be read is left out."""
    with database.read() as session:
        found = lists.listed(session, first, last, order="trending", now=now, k=settings.mail.picks)
        cards = listed(session, 0, found.ids, today=last)  # 0 is nobody: no vote of anybody's shows
    picks = [(card, url) for card in cards if (url := _address(card))]
    if not picks:
        raise NothingToSend(f"no paper from {first} to {last} has an address where it can be read")
    mark = f"leave-{secrets.token_hex(16)}"  # no paper can hold it
    for longest in SHORTER:
        shown = [_pick(card, url, longest) for card, url in picks]
        invented = settings.is_sample or any(card.invented for card, _url in picks)
        said = Said(every, last, len(shown), found.total, invented)
        parts = _parts(said, shown, mark, settings)
        if len(parts.html.encode()) <= LARGEST:
            break
    while len(parts.html.encode()) > LARGEST and len(shown) > 1:
        shown = shown[:-1]
        parts = _parts(replace(said, shown=len(shown)), shown, mark, settings)
    return _Written(parts, mark)


def _parts(said: Said, shown: Sequence[Pick], mark: str, settings: Settings) -> Parts:
    facts = {
        "said": said,
        "picks": shown,
        "first": clip(shown[0].title, SUBJECT_WIDTH),
        "others": clip(" · ".join(one.title for one in shown[1:4]), PREHEADER),
        "signup_url": absolute(settings, "/signup") if settings.web.signup == "open" else "",
        "leave_url": mark,
        "host": urlsplit(settings.public_url).netloc,
    }
    return write("trending", facts)


def _address(card: Card) -> str:
    """Return where a paper can be read without an account: the paper page here asks for one."""
    return next((link.url for link in card.links if len(link.url) <= LONGEST_URL), "")


def _pick(card: Card, url: str, longest: int) -> Pick:
    """Put a paper into words that name no reader: a curator is one."""
    why = str(_("Recommended by a curator")) if card.picked_by else ""
    made = pick(replace(card, picked_by=()), why, url, longest=longest)
    said = (count_words(card.comments, "comment"),) if card.comments else ()
    return replace(made, facts=(*made.facts, *said), links=tuple(link for link in made.links if link.url != url))

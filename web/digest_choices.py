"""A reader in, the digest's part of their account out: when it comes, whether it rests, and one sent now because they ask for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender import daily
from recommender.errors import BroadsheetError, MailDeferred, MailRefused, MailUnanswered
from recommender.store import suppressions
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.suppressions import Suppression
from web import letters, schedules
from web.auth import state
from web.delivery import Delivery
from web.digest import NothingToSend
from web.mail import redacted

__all__ = ["Part", "can_be_lifted", "part", "send_now"]

WHY_LEFT_ALONE = {
    "bounce": _l("Mail to your address came back, so nothing more is mailed to it."),
    "complaint": _l("A mail from here to your address was reported as unwanted, so nothing more is mailed to it."),
    "owner": _l("Whoever runs this Broadsheet had your address left alone: ask them."),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """What the account page shows of the digest.

    Attributes
    ----------
    form : dict of str to str
        `digest`, `when`, `hour` and `zone`, as they are or as they were typed.
    when : str
        How often and at which hour it comes.
    next_at : str
        The next one's moment by the reader's clock; empty while it is off.
    paused_until : date or None
        While it rests.
    left_alone : str
        Why nothing is mailed to their address; empty where it is.
    can_be_lifted : bool
        Whether the reader may have that ended.
    first, last : date
        Between which a pause can end.
    """

    form: dict[str, str]
    when: str
    next_at: str
    paused_until: date | None
    left_alone: str
    can_be_lifted: bool
    first: date
    last: date
    choices: list[tuple[str, str]]
    pauses: list[tuple[int, str]]
    zones: list[str]


def part(session: Session, reader: Reader, typed: Mapping[str, str], now: datetime) -> Part:
    """Return what the account page shows of the digest; `typed` is what a form with something wrong in it held."""
    schedule = schedules.sound(reader.schedule)
    today = schedule.day_of(now)
    held = suppressions.among(session, [reader.email] if reader.email else [])
    why = next(iter(held.values()), None)
    form = {
        "digest": "on" if reader.digest_on else "",
        "when": "day" if schedule.every == "day" else str(schedule.weekday),
        "hour": str(schedule.hour),
        "zone": schedule.time_zone,
    }
    following = reader.next_digest_at if reader.digest_on else None
    return Part(
        form=form | {name: value for name, value in typed.items() if name in form},
        when=schedules.when_words(schedule),
        next_at=schedules.moment_of(following, schedule.time_zone, now) if following else "",
        paused_until=schedule.paused_until if reader.digest_on and schedule.is_paused(now) else None,
        left_alone=str(WHY_LEFT_ALONE[why.reason]) if why else "",
        can_be_lifted=why is not None and can_be_lifted(why),
        first=today + timedelta(days=1),
        last=today + schedules.LONGEST_PAUSE,
        choices=schedules.choices(),
        pauses=schedules.pauses(),
        zones=schedules.zones(),
    )


def can_be_lifted(why: Suppression) -> bool:
    """Whether a reader may have their address written to again: not where the owner decided."""
    return why.reason != "owner"


def send_now(reader: Reader, now: datetime) -> tuple[bool, str]:
    """Send a reader the digest they would get now, and return whether it left, and in words what became of it."""
    app, address = state(), reader.email or ""
    if not address:
        return False, _("The digest needs an address to go to: give one first.")
    with app.database.read() as session:
        if suppressions.among(session, [address]):
            return False, _("Nothing was sent: your address is left alone, as it says below.")
        is_empty = daily.open_day(session, today=now.date()) is None
    try:
        Delivery(app.database, app.settings, mailer=letters.mailer()).send(reader, now)
    except NothingToSend:
        if is_empty:
            return False, _("There is nothing to send: no papers are stored here yet.")
        return False, _("There is nothing to send: you have said something of every paper on your page.")
    except MailUnanswered:
        return False, _(
            "The mail server took the digest to %(address)s and said nothing of it: it may come, or not.", address=address
        )
    except BroadsheetError as error:
        _log.error("a digest that reader %d asked for was not sent: %s", reader.id, redacted(str(error)))
        return False, _not_taken(error)
    if not letters.is_sent():
        return True, _("There is no mail server: the digest to %(address)s was printed where Broadsheet runs.", address=address)
    return True, _("A digest was sent to %(address)s.", address=address)


def _not_taken(error: BroadsheetError) -> str:
    if isinstance(error, MailRefused):
        return str(
            _("The mail server refused the digest. Look whether your address is right, or ask whoever runs this Broadsheet.")
        )
    if isinstance(error, MailDeferred):
        return str(_("The mail server could not be reached, or did not take the digest now. Try again later."))
    return str(_("The digest could not be sent. It is written down in the log: ask whoever runs this Broadsheet."))

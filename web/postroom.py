"""The owner in, what became of the mail out: the last week, the ledger line by line, who is left alone and why, and how to change that."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from recommender.store import mail_log, overview, readers, subscribers, suppressions
from recommender.store.db import LARGEST, Session
from recommender.store.mail_log import Letter
from recommender.store.readers import Reader
from web.auth import owner_required, state
from web.words import moment_words

__all__ = ["blueprint"]

LISTED = 50  # lines of the ledger on one page
WEEK = timedelta(days=6)  # before today

STATUSES = {
    "sent": lazy_gettext("sent"),
    "deferred": lazy_gettext("put off"),
    "failed": lazy_gettext("failed"),
    "suppressed": lazy_gettext("held back"),
    "skipped": lazy_gettext("not sent"),
    "unknown": lazy_gettext("not known"),
    "claimed": lazy_gettext("being written"),
    "handed": lazy_gettext("handed over"),
}
REASONS = {
    "bounce": lazy_gettext("mail to this address comes back"),
    "complaint": lazy_gettext("a digest was reported as unwanted"),
    "owner": lazy_gettext("you said so"),
}

blueprint = Blueprint("postroom", __name__, url_prefix="/owner/mail")


@blueprint.get("")
@owner_required
def front(_reader: Reader) -> ResponseReturnValue:
    """Show how the mail does, who is left alone, and what became of each digest."""
    app = state()
    asked, before = request.args.get("status"), request.args.get("before", type=int)
    status = asked if asked in STATUSES else None
    with app.database.read() as session:
        log = mail_log.letters(session, limit=LISTED + 1, status=status, before=min(before, LARGEST) if before else None)
        days, counts = mail_log.mail_days(session), mail_log.counts(session)
        people = overview.people(session)
        return render_template(
            "owner_mail.html",
            wanting=sum(1 for person in people if person.digest_on and person.disabled_at is None),
            subscribers=subscribers.count(session),
            mail=app.settings.mail,
            week=mail_log.counts(session, since=app.clock().date() - WEEK),
            held=mail_log.held(session),
            reasons=REASONS,
            days=days,
            columns=[name for name in STATUSES if any(name in day.counts for day in days)],
            counts=counts,
            statuses=STATUSES,
            status=status,
            log=log[:LISTED],
            older=log[LISTED - 1].id if len(log) > LISTED else None,
            told=_told,
            newer=before is not None,
        )


@blueprint.post("/hold")
@owner_required
def hold(_reader: Reader) -> ResponseReturnValue:
    """Send nothing more to a reader's address."""
    now = state().clock()
    with state().database.write() as session:
        reader = _addressed(session, request.form.get("reader", type=int) or 0)
        suppressions.add(session, str(reader.email), "owner", now=now)
    flash(_("Nothing more is sent to the address of %(name)s, except what they ask for themselves.", name=reader.name))
    return redirect(url_for("postroom.front", _anchor="held"), code=303)


@blueprint.post("/lift/<int:number>")
@owner_required
def lift(_reader: Reader, number: int) -> ResponseReturnValue:
    """Send to a reader's address again."""
    with state().database.write() as session:
        reader = _addressed(session, number)
        suppressions.lift(session, str(reader.email))
    if reader.digest_on:
        flash(_("Digests go to %(name)s again, from the next one on.", name=reader.name))
    else:
        flash(_("Mail may go to %(name)s again. Their digest is switched off: only they can switch it on.", name=reader.name))
    return redirect(url_for("postroom.front", _anchor="held"), code=303)


def _addressed(session: Session, number: int) -> Reader:
    """Return the reader with this number, if they are a person with an address."""
    found = readers.by_id(session, number) if 0 < number <= LARGEST else None
    if found is None or found.simulated or not found.email:
        abort(404, _("There is no such reader, or they have no address."))
    return found


def _told(line: Letter) -> str:
    """Say in words what became of a digest, and what the mail server said."""
    said = f"{line.code} {line.error}".strip() if line.code and str(line.code) not in line.error else line.error
    if line.status == "deferred":
        tries = ngettext("after %(num)s try", "after %(num)s tries", line.attempts)
        words = _("put off %(tries)s; tried again from %(when)s on", tries=tries, when=moment_words(line.retry_at))
    elif line.status == "suppressed" and said.partition(":")[0] in REASONS:
        reason, _colon, said = (part.strip() for part in said.partition(":"))
        words = _("held back: %(why)s", why=REASONS[reason])
    elif line.status == "sent" and line.attempts > 1:
        words = _("sent on try %(number)s", number=line.attempts)
    else:
        words = {
            "claimed": _("being written now"),
            "handed": _("handed over; the mail server has not answered yet"),
            "unknown": _("not known: handed over, and no answer came. It may have arrived, so that it is not sent again"),
        }.get(line.status, STATUSES.get(line.status, line.status))
    if line.status == "sent" and said:
        return str(_("%(words)s; said afterwards: %(said)s", words=words, said=said))
    return f"{words}: {said}" if said else str(words)

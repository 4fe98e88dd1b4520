"""Remarks that answer somebody in, one short letter to each of those answered out: in their language, unless they switched it off.

A remark is told of only when it can no longer be changed, so that what its author takes back at once is never mailed. The run that
told of it notes how far it came; a letter that could not be handed over is not sent again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import comments, papers, readers, suppressions
from recommender.store.comments import Comment
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from web.cards import clip
from web.links import absolute, host
from web.mail import Mailer, make_note, one_line, redacted
from web.words import speaking

__all__ = ["KIND", "Told", "tell"]

KIND = "replies"  # what a reader switches off
NAMED = 10  # answers of one letter
QUOTED = 300  # characters of each
TOO_OLD = timedelta(days=2)  # after a long silence of the clock, what is older is no news
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What one run did: letters sent and failed, and the last remark it looked at."""

    sent: int
    failed: int
    until: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A remark that answers somebody, and the title of the paper it is about."""

    comment: Comment
    title: str


def tell(database: Database, settings: Settings, mailer: Mailer, *, after: int, now: datetime) -> Told:
    """Write to everybody whose remarks were answered after the remark of that number."""
    settled = now - timedelta(minutes=settings.web.edit_minutes)
    with database.read() as session:
        fresh: list[Comment] = []
        for remark in comments.since(session, after):
            if remark.created_at > settled:
                break  # the rest is newer still
            fresh.append(remark)
        answered = _answered(session, [remark for remark in fresh if remark.created_at > now - TOO_OLD])
    sent = failed = 0
    for reader, answers in answered:
        try:
            _send(settings, mailer, reader, answers, now)
            sent += 1
        except MailError as error:
            _log.error("reader %d was not told of an answer: %s", reader.id, redacted(str(error)))
            failed += 1
    return Told(sent, failed, fresh[-1].id if fresh else after)


def _answered(session: Session, remarks: Sequence[Comment]) -> list[tuple[Reader, list[Answer]]]:
    """Return who wants to be told of which of these remarks."""
    standing = [remark for remark in remarks if remark.parent_id is not None and remark.removed_at is None]
    stored = papers.get(session, list({remark.paper_id for remark in standing}))
    found: dict[int, list[Answer]] = defaultdict(list)
    for remark in standing:
        parent = comments.get(session, remark.parent_id or 0)
        if parent is None or parent.removed_at is not None or parent.reader_id in (None, remark.reader_id):
            continue
        found[parent.reader_id or 0].append(Answer(remark, stored[remark.paper_id].title))
    people = ((readers.by_id(session, number), answers) for number, answers in found.items())
    wanting = [(reader, answers) for reader, answers in people if reader is not None and _wants(reader)]
    left_alone = suppressions.among(session, [str(reader.email) for reader, _answers in wanting])
    return [(reader, answers) for reader, answers in wanting if reader.email not in left_alone]


def _wants(reader: Reader) -> bool:
    able = reader.email is not None and reader.disabled_at is None and not reader.simulated
    return able and bool(reader.notices.get(KIND, True))


def _send(settings: Settings, mailer: Mailer, reader: Reader, answers: Sequence[Answer], now: datetime) -> None:
    with speaking(reader.locale or settings.web.language):
        subject, text = _letter(settings, reader, answers)
    mailer.send(
        make_note(
            to_name=reader.name,
            to_address=str(reader.email),
            subject=subject,
            text=text,
            message_id=f"reply-{answers[-1].comment.id}-{reader.id}@{host(settings)}",  # the same letter twice is known for one
            sender=settings.mail.sender,
            now=now,
        )
    )


def _letter(settings: Settings, reader: Reader, answers: Sequence[Answer]) -> tuple[str, str]:
    """Write the subject and the text of one letter."""
    first, more = answers[0].comment.name or _("Somebody"), len(answers) - NAMED
    subject = ngettext("%(name)s answered you", "%(num)d answers to your remarks", len(answers), name=first)
    parts = [_("Hello %(name)s,", name=reader.name), *(_told(settings, answer) for answer in answers[:NAMED])]
    if more > 0:
        parts.append(str(ngettext("And %(num)d more.", "And %(num)d more.", more)))
    account = absolute(settings, "/account")
    parts.append(_("You are told because it answers a remark of yours. You can switch this off: %(link)s", link=account))
    return one_line(str(subject)), "\n\n".join(parts) + "\n"


def _told(settings: Settings, answer: Answer) -> str:
    remark = answer.comment
    head = _("%(name)s answered your remark on “%(title)s”:", name=remark.name or _("Somebody"), title=clip(answer.title, 200))
    link = absolute(settings, f"/paper/{remark.paper_id}#comment-{remark.id}")
    return f"{head}\n\n    {clip(remark.text, QUOTED)}\n\n{link}"

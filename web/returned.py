"""Returned mail in, addresses left alone and lines of the ledger closed out: only reports that quote a digest of ours are believed.

The id of a digest cannot be guessed and is known to whoever got it: a report that quotes it was made where the digest was. What such a
report may do is bounded by that one line, whatever else it says.
"""

from __future__ import annotations

import heapq
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recommender.errors import MailError
from recommender.store import accounts, bounced, readers, subscribers, suppressions
from recommender.store.bounced import Line
from recommender.store.db import Database, Session
from web import bounces
from web.bounces import LARGEST, NOTED, NOTHING, SOFT, Bounce, Complaint, Failure
from web.mail import one_line, redacted

__all__ = ["AT_ONCE", "LARGEST", "Taken", "read_folder", "take"]

AT_ONCE = 500  # messages of the folder that one run reads
LONGEST_SAID = 400  # characters
# Ids made before they were stamped can be guessed by whoever knows how they are made.
_STAMPED = re.compile(r"<digest-\d{4}-\d\d-\d\d-[rs]\d+-[A-Za-z0-9_-]{20}@[^@]+>")


_WORDS = {
    "suppressed": "a bounce; nothing more is sent to this address",
    "complaint": "a complaint; nothing more is sent to this address",
    "noted": "noted, and nothing else changes",
    "known": "read before",
    "foreign": "a report about no digest that is known here; left alone",
    "other": "no report that a digest failed, or that somebody complained; left alone",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one message.

    Attributes
    ----------
    kind : {"suppressed", "complaint", "noted", "known", "foreign", "other"}
        The address is left alone from now on; so is that of somebody who complained; only the ledger's line says it; it was read
        before; it is about no digest that is known here; it is no report at all.
    line : int or None
        Of the ledger.
    said : str
        What was said of it, without addresses.
    """

    kind: str
    line: int | None = None
    said: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        return _WORDS[self.kind] + (f" (line {self.line} of the ledger: {self.said})" if self.line is not None else "")


def take(database: Database, raw: bytes, *, now: datetime) -> Taken:
    """Read one message and do what it asks for, once, however often it comes."""
    report = bounces.read(raw)
    if report is None:
        return Taken("other")
    if not _STAMPED.fullmatch(report.message_id):
        return Taken("foreign")
    with database.read() as session:  # strangers' mail makes nobody wait
        if bounced.find(session, report.message_id) is None:
            return Taken("foreign")
    with database.write() as session:
        line = bounced.find(session, report.message_id)
        if line is None:
            return Taken("foreign")
        if isinstance(report, Complaint):
            return _complained(session, line, report, now)
        return _bounced(session, line, report, now)


def read_folder(database: Database, folder: Path, *, now: datetime, limit: int = AT_ONCE) -> dict[str, int]:
    """Read what is new in a Maildir, and move it to what was seen; nothing is deleted.

    Files are moved by their names: the standard library's `mailbox` would parse every message to set a flag.

    Returns
    -------
    dict of str to int
        How many messages were what, `unreadable` files among them; these stay where they are.

    Raises
    ------
    MailError
        If the folder is no Maildir, or may not be read.
    """
    done = Counter[str]()
    try:
        names = heapq.nsmallest(
            limit, (entry.name for entry in os.scandir(folder / "new") if entry.is_file(follow_symlinks=False))
        )
        seen = folder / "cur"
        seen.mkdir(exist_ok=True)
    except OSError as error:
        raise MailError(
            f"BROADSHEET_MAIL__BOUNCE_FOLDER: {folder} is no Maildir that can be read and written ({error.strerror})"
        ) from None
    for name in names:
        path = folder / "new" / name
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST)
            kind = take(database, raw, now=now).kind
            path.rename(seen / f"{name.partition(':2,')[0]}:2,S")
        except OSError:
            kind = "unreadable"
        done[kind] += 1
    return dict(done)


def _complained(session: Session, line: Line, complaint: Complaint, now: datetime) -> Taken:
    """Leave somebody alone who complained, and switch their digest off.

    They may have got it where their mail is forwarded to, so that the address in the report need not be theirs. Only where their
    address became another one since, and the report does not name that one, may it have been somebody else who pressed the button.
    """
    said = f"reported as {complaint.kind}"
    if line.has_complaint:
        return Taken("known", line.id, said)
    bounced.complain(session, line, complaint.kind)
    if line.address is None or not (line.is_same or _same(complaint.recipient, line.address)):
        return Taken("noted", line.id, said)
    suppressions.add(session, line.address, "complaint", now=now, detail=said)
    if line.subscriber_id is not None:
        subscribers.leave(session, line.subscriber_id)
    reader = readers.by_id(session, line.reader_id) if line.reader_id is not None else None
    if reader is not None:
        accounts.set_digest(session, reader.id, reader.schedule, on=False, next_at=None)
    return Taken("complaint", line.id, said)


def _bounced(session: Session, line: Line, bounce: Bounce, now: datetime) -> Taken:
    """Note what a report says on the digest's line; leave the address alone when it is gone, or fails again and again."""
    failure = max(bounce.failures, key=lambda one: _weight(one, line))
    weight = _weight(failure, line)
    said = _said(failure, weight)
    if weight == NOTHING:
        return Taken("other", line.id, said)
    if line.status == "failed" or line.has_complaint or (weight == NOTED and line.error == said):
        return Taken("known", line.id, said)
    if weight == NOTED:
        bounced.remark(session, line, said)
        return Taken("noted", line.id, said)
    if line.has_left:
        bounced.fail(session, line, code=failure.code, error=said, now=now)
    if line.address is None or (weight == SOFT and bounced.in_a_row(session, line) < suppressions.IN_A_ROW):
        return Taken("noted", line.id, said)
    suppressions.add(session, line.address, "bounce", now=now, detail=said)
    return Taken("suppressed", line.id, said)


def _weight(failure: Failure, line: Line) -> int:
    """Return how much a failure counts for the address that the digest went to.

    In full where that address failed. Where the mail was sent on from there (another final recipient, ours the original one), there
    may be more people behind it, so that one failure does not end it, but three in a row do; the same where the report names nobody,
    for a digest has one recipient. An address that we never wrote to, with no word of ours, is only noted: one dead member must not
    end what a whole list reads, nor the old address of somebody the mail to their new one.
    """
    if line.address is not None and _same(failure.final, line.address):
        return failure.weight
    named = failure.original or failure.final
    passed_on = _same(failure.original, line.address or "") or (not named and line.is_same)
    return min(failure.weight, SOFT if passed_on else NOTED)


def _same(told: str, address: str) -> bool:
    return bool(told) and told == bounces.plain_address(address)


def _said(failure: Failure, weight: int) -> str:
    """Return what a mail server said, on one line and without addresses; what it did as well where the digest is not given up."""
    words = failure.said.partition(";")[2].strip() or failure.said
    parts = (failure.action if weight == NOTED else "", failure.status if failure.status not in words else "", words)
    return redacted(one_line(" ".join(part for part in parts if part)))[:LONGEST_SAID]

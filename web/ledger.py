"""A database and a moment in, claims on due digests out, and what became of each written down: when to try again, when to give up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from recommender.errors import MailDeferred, MailRefused
from recommender.hours import Schedule
from recommender.store import digests, pages, readers, subscribers, suppressions
from recommender.store.db import Database, Session
from recommender.store.digests import Claim, Recipient
from recommender.types import Channel
from web.digest import Draft
from web.mail import redacted
from web.pace import Pace
from web.schedules import sound
from web.signing import domain_of
from web.workers import is_dead

__all__ = ["AT_ONCE", "BACK_OFF", "Ledger", "patience"]

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240))  # between tries; the last one repeats
AT_ONCE = 20  # digests claimed at a time: what a process that dies leaves behind
LOOKED_AT = 200  # due digests looked at to find some that may leave now
LATELY = timedelta(days=1)  # a server that took a digest since then takes what we send
NOTE_TRIES = 5  # to write down what became of a message that has left

_TOO_LATE = {"day": timedelta(hours=12), "week": timedelta(hours=48)}
_log = logging.getLogger(__name__)


def patience(who: Recipient) -> timedelta:
    """Return how long after its hour a digest may still be sent; later it waits for the next one."""
    return _TOO_LATE.get(who.digest_every, _TOO_LATE["day"])


class Ledger:
    """One worker's view of the ledger of digests.

    Parameters
    ----------
    database : Database
    worker : str
        Whose claims these are.
    stale_after : timedelta
        When the claim of a process that nothing is known of is taken over.
    pace : Pace
        How much each domain takes in a minute.
    sleep : callable, default=time.sleep
        Passes seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        worker: str,
        stale_after: timedelta,
        pace: Pace,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._worker = worker
        self._stale_after = stale_after
        self._pace = pace
        self._sleep = sleep

    def take_over(self, now: datetime) -> None:
        """Take up what was only claimed by processes that are gone; of what they had handed over, nobody knows what became.

        What this worker holds itself, before it has begun, is left from a round that broke off.
        """
        with self._database.read() as session:
            held = digests.open_lines(session)
        stale = now - self._stale_after
        left = [line for line in held if line.worker == self._worker or line.claimed_at <= stale or is_dead(line.worker)]
        if not left:
            return
        with self._database.write() as session:
            for line in left:
                if line.status == "claimed":
                    digests.put_off(session, line.id, held_by=line.worker, retry_at=now, error="its process ended", tried=False)
                else:
                    digests.give_up(session, line.id, now=now)

    def claim(self, now: datetime) -> list[Claim]:
        """Claim some digests that are due; waits while every domain that is due has had its share of this minute.

        Returns
        -------
        list of Claim
            Empty when nothing is due any more.
        """
        claims: list[Claim] = []
        while not claims:
            with self._database.read() as session:
                put_off, due = digests.are_put_off(session, now), self._due(session, now)
            if put_off:
                with self._database.write() as session:
                    claims = digests.claim_again(session, now, limit=AT_ONCE, worker=self._worker)
                continue
            if not due:
                break
            ready = [who for who in due if not self._delay(who)][:AT_ONCE]
            if not ready:
                self._sleep(min(self._delay(who) for who in due))
                continue
            with self._database.write() as session:  # those that somebody else was faster to claim are left out
                claims = [claim for who in ready if (claim := self._claim(session, who, now)) is not None]
        return claims

    def hand(self, claim: Claim, draft: Draft, now: datetime) -> str:
        """Note that the last byte of a message is about to leave, unless its reader has decided otherwise since it was claimed.

        Returns
        -------
        str
            `handed`; or `skipped` for somebody who wants it no more, `deferred` (to this moment) for somebody who gets mail elsewhere
            now, `taken` when another process has the claim. Then the message must not leave.
        """
        edition = None if draft.is_quiet else draft.edition
        facts: dict[str, Any] = {"kind": draft.kind, "page_id": draft.page_id, "edition": edition}
        with self._database.write() as session:
            who = digests.wanting(session, claim.id)
            if who is not None and who.email == claim.who.email:
                name = str(draft.message["Message-ID"])
                return "handed" if digests.hand(session, claim.id, message_id=name, worker=self._worker, **facts) else "taken"
            if not digests.put_off(session, claim.id, held_by=self._worker, retry_at=now, tried=False):
                return "taken"
            if who is None:
                digests.mark(session, claim.id, "skipped", now=now, error=digests.UNWANTED)
            return "skipped" if who is None else "deferred"

    def sent(self, claim: Claim, draft: Draft, now: datetime) -> None:
        """Note that the server took the message. It has: a database that is busy is asked again, or the ledger would say less."""
        for left in reversed(range(NOTE_TRIES)):
            try:
                with self._database.write() as session:
                    digests.mark(session, claim.id, "sent", now=now)
                    pages.mark_shown(session, draft.item_ids, Channel.EMAIL, now)
                return
            except Exception:
                if not left:
                    raise
                _log.warning("line %d of the ledger could not be closed yet", claim.id)
                self._sleep(1.0)

    def end(
        self, claim: Claim, status: str, reason: str, now: datetime, *, code: int | None = None, answered: bool = False
    ) -> str:
        """Close a line; one that was handed over and failed without an answer from the mail server may have arrived all the same."""
        with self._database.write() as session:
            if status == "failed" and not answered and digests.is_handed(session, claim.id):
                status = "unknown"
            digests.mark(session, claim.id, status, now=now, error=reason, code=code)
        if status in ("failed", "unknown"):
            _log.error("line %d of the ledger, %s: %s", claim.id, status, redacted(reason))
        return status

    def put_off(self, claim: Claim, later: MailDeferred, now: datetime) -> str:
        """Let a digest be tried again, while it is not too late for it."""
        wait = BACK_OFF[min(claim.attempt, len(BACK_OFF)) - 1]
        if now + wait > claim.due_at + patience(claim.who):
            code = None if later.whole_server else later.code  # that was no word about the address
            return self.end(claim, "failed", f"given up after {claim.attempt} tries: {later}", now, code=code, answered=True)
        with self._database.write() as session:
            facts: dict[str, Any] = {"retry_at": now + wait, "code": later.code, "error": str(later)}
            digests.put_off(session, claim.id, held_by=self._worker, handed=True, **facts)
        return "deferred"

    def release(self, claims: Sequence[Claim], now: datetime) -> None:
        """Put off what was not tried: the mail server is to be left alone for a while."""
        with self._database.write() as session:
            for claim in claims:
                digests.put_off(session, claim.id, held_by=self._worker, retry_at=now + BACK_OFF[0], tried=False)

    def refused(self, claim: Claim, refused: MailRefused, now: datetime) -> str:
        """Close the line; an address that is gone, or that refused every digest of late, is left alone from now on.

        What is refused as unwanted is held against an address only where somebody else's digest was taken: else it is ours to mend.
        """
        status = self.end(claim, "failed", str(refused), now, code=refused.code, answered=True)
        with self._database.write() as session:
            is_theirs = not refused.policy or digests.any_taken(session, now - LATELY)
            in_a_row = is_theirs and digests.failed_in_a_row(session, claim.who) >= suppressions.IN_A_ROW
            if refused.address_gone or in_a_row:
                suppressions.add(session, claim.who.email or "", "bounce", now=now, detail=redacted(str(refused)))
        return status

    def _due(self, session: Session, now: datetime) -> list[Recipient]:
        found: list[Recipient] = list(readers.digest_due(session, now, limit=LOOKED_AT))
        return found or list(subscribers.due(session, now, limit=LOOKED_AT))

    def _claim(self, session: Session, who: Recipient, now: datetime) -> Claim | None:
        schedule = _known(who.schedule)
        due_at = schedule.until(now)
        day, following = schedule.day_of(due_at), schedule.after(now)
        return digests.claim(session, who, day, due_at=due_at, following=following, now=now, worker=self._worker)

    def _delay(self, who: Recipient) -> float:
        return self._pace.delay(domain_of(who.email or ""))


def _known(schedule: Schedule) -> Schedule:
    """Return the schedule; in UTC where its time zone is no more, for somebody waits for their digest."""
    known = sound(schedule)
    if known != schedule:
        _log.error("the time zone %s is no more: a digest of it comes by UTC", schedule.time_zone)
    return known

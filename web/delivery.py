"""Digests whose hour has come in, messages handed over and a ledger that says what became of each out: at most one per person and day.

A digest is claimed before it is written, and noted as handed over before its last byte leaves. A process that dies before that moment
has sent nothing, and its claim is taken up again; after it, nobody can tell, and a digest that is lost is better than two.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.errors import BroadsheetError, MailDeferred, MailRefused, MailUnanswered
from recommender.settings import Settings
from recommender.store import digests, pages, suppressions
from recommender.store.db import PASSING, Database
from recommender.store.digests import Claim
from recommender.store.readers import Reader
from recommender.types import Channel
from web import digest, trending
from web.digest import Draft, NothingToSend, Together
from web.ledger import Ledger, patience
from web.links import Signer, secret_key
from web.mail import Mailer, open_mailer
from web.pace import Pace
from web.signing import domain_of
from web.workers import worker_name

__all__ = ["Delivery"]

_log = logging.getLogger(__name__)


class Delivery:
    """Writes and sends digests.

    Parameters
    ----------
    database : Database
    settings : Settings
    mailer : Mailer, default=None
        None takes the one that the settings name; it is closed after each round.
    worker : str, default=""
        Who claims, for the ledger; empty takes this process's name.
    sleep, tick : callable, default=time.sleep, time.monotonic
        Pass the time, and tell it, in seconds.
    pace : Pace, default=None
        What was sent to each domain in the last minute; None for nothing.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        mailer: Mailer | None = None,
        *,
        worker: str = "",
        sleep: Callable[[float], None] = time.sleep,
        tick: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._mailer = mailer or open_mailer(settings.mail)
        self._desk = Desk(database, Rankers(settings.models_folder), settings.rank)
        self._signer = Signer(secret_key(settings))
        self._pace = pace or Pace(settings.mail.per_domain_per_minute, tick=tick)
        self._sleep = sleep
        stale_after = timedelta(minutes=settings.clock.claim_minutes)
        worker = worker or worker_name()
        self._ledger = Ledger(database, worker=worker, stale_after=stale_after, pace=self._pace, sleep=sleep)

    def send(self, reader: Reader, now: datetime) -> Draft:
        """Send a digest because a person asked for it, due or not, and note what it showed.

        Raises
        ------
        NothingToSend
            If there is nothing to send.
        MailError
            If it could not be written or handed over.
        """
        draft = self._write(reader, reader.schedule.day_of(now), now, asked=True)
        self._mailer.send(draft.message)
        with self._database.write() as session:
            pages.mark_shown(session, draft.item_ids, Channel.EMAIL, now)
        return draft

    def draft(self, reader: Reader, now: datetime) -> Draft:
        """Write the digest that a reader would get now, whatever they got before.

        Raises
        ------
        NothingToSend
            If there is nothing to send.
        MailError
            If the reader has no usable address.
        """
        return self._write(reader, reader.schedule.day_of(now), now)

    def run(self, clock: Callable[[], datetime]) -> dict[str, int]:
        """Send every digest that is due, each at most once; one that fails does not keep the others.

        Returns
        -------
        dict of str to int
            How many ended as what: `sent`, `deferred`, `failed`, `suppressed`, `skipped`, `unknown`, or `taken` by another process.
        """
        done = Counter[str]()
        try:
            self._ledger.take_over(clock())
            while claims := self._ledger.claim(clock()):
                left = deque(claims)
                together = self._together(claims, clock())
                try:
                    while left:
                        done[self._deliver(left.popleft(), clock, together)] += 1
                except _OutOfReach as reached:  # no other message would fare better: nobody else's time is spent on waiting
                    self._ledger.release(left, clock())
                    return dict(done + Counter([str(reached), *("deferred" for _ in left)]))
                except Exception:  # what became of one could not be written down: the others do not wait for that
                    self._ledger.release(left, clock())
                    raise
        finally:
            self._mailer.close()
        return dict(done)

    def _together(self, claims: Sequence[Claim], now: datetime) -> Together:
        """Make at once what the digests that were claimed together need: the pages of those who have something new to read."""
        daily = [claim.who for claim in claims if isinstance(claim.who, Reader) and claim.who.digest_every == "day"]
        try:
            edition = self._desk.open_day(now)
            if edition is None:
                return Together()
            with self._database.read() as session:
                had = {who.id: digests.last_edition(session, who) or date.min for who in daily}
            new = [reader_id for reader_id, last in had.items() if last < edition]
            return Together.of(self._database, self._desk, new, edition, now=now)
        except Exception:  # whoever it was about meets it again, alone, and it stands in their line of the ledger
            _log.exception("pages could not be made together")
            return Together()

    def _deliver(self, claim: Claim, clock: Callable[[], datetime], together: Together) -> str:
        """Write and send one digest, and write down what became of it."""
        try:
            draft = self._hand_over(claim, clock(), together)
        except _Kept as kept:
            return str(kept)
        except _LeftAlone as reason:
            return self._ledger.end(claim, "suppressed", str(reason), clock())
        except NothingToSend as nothing:
            return self._ledger.end(claim, "skipped", str(nothing), clock())
        except MailDeferred as later:
            status = self._ledger.put_off(claim, later, clock())
            if later.whole_server:
                raise _OutOfReach(status) from None
            return status
        except MailRefused as refused:
            return self._ledger.refused(claim, refused, clock())
        except BroadsheetError as error:
            return self._ledger.end(claim, "unknown" if isinstance(error, MailUnanswered) else "failed", str(error), clock())
        except PASSING as error:  # before the message was handed over, or the mailer would have said so
            _log.warning("line %d of the ledger waits for the database", claim.id, exc_info=True)
            return self._ledger.put_off(claim, MailDeferred(f"the database could not be used: {type(error).__name__}"), clock())
        except Exception as error:
            _log.exception("line %d of the ledger", claim.id)
            return self._ledger.end(claim, "failed", f"{type(error).__name__}: {error}", clock())
        self._ledger.sent(claim, draft, clock())
        return "sent"

    def _hand_over(self, claim: Claim, now: datetime, together: Together) -> Draft:
        """Write one digest and give it to the mail server."""
        if now - claim.due_at > patience(claim.who):
            raise NothingToSend(f"its hour was more than {patience(claim.who) // timedelta(hours=1)} hours ago")
        with self._database.read() as session:
            for why in suppressions.among(session, [claim.who.email or ""]).values():
                raise _LeftAlone(f"{why.reason}: {why.detail}" if why.detail else why.reason)
            last, told = digests.last_edition(session, claim.who), digests.told_quiet(session, claim.who)
        if isinstance(claim.who, Reader):
            draft = self._write(claim.who, claim.day, now, last_edition=last, told_quiet=told, together=together)
        else:
            facts: dict[str, Any] = {"day": claim.day, "now": now, "settings": self._settings, "signer": self._signer}
            draft = trending.draft(self._database, claim.who, last_edition=last, **facts)

        def hand() -> None:
            became = self._ledger.hand(claim, draft, now)
            if became != "handed":
                raise _Kept(became)

        domain = domain_of(claim.who.email or "")
        self._sleep(self._pace.delay(domain))
        self._pace.spend(domain)
        self._mailer.send(draft.message, before_end=hand)
        return draft

    def _write(self, reader: Reader, day: date, now: datetime, **told: Any) -> Draft:
        facts: dict[str, Any] = {"day": day, "now": now, "settings": self._settings, "signer": self._signer}
        return digest.draft(self._database, self._desk, reader, **facts, **told)


class _Kept(Exception):
    """The message does not leave here: somebody else has the claim, or its reader changed their mind; says how it ended."""


class _LeftAlone(Exception):
    """Nothing is sent to this address."""


class _OutOfReach(Exception):
    """The mail server is to be left alone for a while; says how the digest at hand ended."""

"""A reader whose digest is due in, one message handed over (or the reason why not written down) out: at most once per local day.

The right to send is claimed before anything is sent. A process that dies in between leaves a claim behind that nobody takes up: a
digest that is lost is better than two.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage

from recommender import daily
from recommender.errors import BroadsheetError, MailError
from recommender.settings import Settings
from recommender.store import digests, pages
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, RankedPage
from web import digest
from web.cards import cards
from web.links import Signer, next_digest_at, secret_key, time_zone
from web.mail import Mailer, open_mailer

__all__ = ["Delivery", "Draft", "NothingToSend"]

TOO_LATE = timedelta(hours=12)  # a digest later than this waits for the next day

_log = logging.getLogger(__name__)


class NothingToSend(MailError):
    """There is no digest to write: nothing new, or nothing that the reader has not voted on."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message and the page it shows."""

    message: EmailMessage
    page: RankedPage
    item_ids: tuple[int, ...]


class Delivery:
    """Writes and sends digests.

    Parameters
    ----------
    database : Database
    settings : Settings
    mailer : Mailer, default=None
        None takes the one that the settings name.
    """

    def __init__(self, database: Database, settings: Settings, mailer: Mailer | None = None) -> None:
        self._database = database
        self._settings = settings
        self._mailer = mailer or open_mailer(settings.mail)
        self._rankers = daily.Rankers(settings.models_folder)
        self._signer = Signer(secret_key(settings))

    def draft(self, reader: Reader, now: datetime) -> Draft:
        """Write the digest that the reader would get now.

        Raises
        ------
        NothingToSend
            If there is nothing to send.
        MailError
            If the reader has no usable address.
        """
        with self._database.write() as session:
            edition = daily.open_day(session, today=now.date())
            if edition is None:
                raise NothingToSend("no papers are stored yet: run `broadsheet ingest` first")
            page = daily.current_page(session, reader.id, edition, self._rankers, self._settings.rank, now=now)
            chosen = digest.picks(page, self._settings.mail.picks)
            if not chosen:
                raise NothingToSend(f"every paper on {reader.name}'s page of {edition} was voted on")
            shown = cards(session, reader.id, chosen, today=edition)
        day = now.astimezone(time_zone(reader.time_zone)).date()
        message = digest.compose(page, shown, reader, day=day, settings=self._settings, signer=self._signer, now=now)
        return Draft(message, page, tuple(item.id for item in chosen))

    def send(self, reader: Reader, now: datetime) -> Draft:
        """Send a digest because a person asked for it, due or not, and note what it showed.

        Raises
        ------
        MailError
            If it could not be written or handed over.
        """
        draft = self.draft(reader, now)
        self._mailer.send(draft.message)
        with self._database.write() as session:
            pages.mark_shown(session, draft.item_ids, Channel.EMAIL, now)
        return draft

    def deliver(self, reader: Reader, now: datetime) -> str:
        """Claim a due digest, send it and write down what became of it.

        Returns
        -------
        str
            `sent`, `skipped` (nothing new, or too late), `failed`, or `taken` by another process.
        """
        try:
            day = now.astimezone(time_zone(reader.time_zone)).date()
            following = next_digest_at(now, reader.time_zone, reader.digest_hour)
            with self._database.write() as session:
                digest_id = digests.claim(session, reader, day, following=following, now=now)
        except BroadsheetError as error:
            _log.error("no digest for reader %d: %s", reader.id, error)
            return "failed"
        if digest_id is None:
            return "taken"
        draft, status, reason = None, "sent", None
        try:
            self._refuse_stale(reader, now)
            draft = self.send(reader, now)
        except NothingToSend as nothing:
            status, reason = "skipped", str(nothing)
        except BroadsheetError as error:
            _log.error("no digest for reader %d: %s", reader.id, error)
            status, reason = "failed", str(error)
        except Exception as error:
            _log.exception("no digest for reader %d", reader.id)
            status, reason = "failed", f"{type(error).__name__}: {error}"
        with self._database.write() as session:
            page_id = draft.page.id if draft else None
            message_id = str(draft.message["Message-ID"]) if draft else None
            digests.mark(session, digest_id, status, now=now, page_id=page_id, message_id=message_id, error=reason)
        return status

    def _refuse_stale(self, reader: Reader, now: datetime) -> None:
        """Raise NothingToSend when the hour is long gone, or the newest edition was sent before."""
        if next_digest_at(now - TOO_LATE, reader.time_zone, reader.digest_hour) > now:
            raise NothingToSend(f"its hour was more than {TOO_LATE.seconds // 3600} hours ago")
        with self._database.read() as session:
            edition = daily.open_day(session, today=now.date())
            last = digests.last_edition(session, reader.id)
        if edition is not None and last is not None and edition <= last:
            raise NothingToSend(f"there is no edition newer than that of {last}, which was sent")

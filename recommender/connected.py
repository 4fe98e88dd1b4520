"""JOINT libraries elsewhere -> store: read those that readers connected, and like what they hold in the reader's name.

Each library stands alone: one that refuses is noted with its reason, and the others go on. How far one was read is stored in the
transaction that stores what was read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recommender.errors import RateLimited, SourceError
from recommender.intake import take
from recommender.settings import Settings
from recommender.sources import Fetcher
from recommender.sources.zotero import ZoteroLibrary
from recommender.store import connections
from recommender.store.connections import ZOTERO, Connection
from recommender.store.db import Database

__all__ = ["Read", "read_libraries"]

_AGAIN = timedelta(hours=1)  # after a failure
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """What one round did.

    Attributes
    ----------
    libraries : int
        Read to their end.
    likes : int
        Papers liked.
    own : int
        Of these, papers that no source announced.
    failed : dict of int to str
        Reader -> why theirs could not be read.
    """

    libraries: int = 0
    likes: int = 0
    own: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def read_libraries(database: Database, settings: Settings, *, now: datetime, fetcher: Fetcher | None = None) -> Read:
    """Read every connected library that is due: a new one at once, others every few hours."""
    with database.read() as session:
        due = [one for one in connections.listing(session, ZOTERO) if _is_due(one, settings, now)]
    if not due:
        return Read()
    libraries = likes = own = 0
    failed: dict[int, str] = {}
    with fetcher or Fetcher(settings.sources) as client:
        zotero = ZoteroLibrary(settings.sources, client)
        for one in due:
            try:
                found = zotero.read(one.account, one.secret, since=one.cursor)
            except SourceError as error:
                _log.warning("the library of reader %s could not be read: %s", one.reader_id, error)
                failed[one.reader_id] = str(error)
                with database.write() as session:
                    connections.failed(session, one.reader_id, ZOTERO, error=str(error), now=now)
                if isinstance(error, RateLimited):
                    break  # the site asks for a rest: so do the libraries behind this one
                continue
            with database.write() as session:
                known = connections.get(session, one.reader_id, ZOTERO)
                if known is None or known.connected_at != one.connected_at:
                    continue  # disconnected, or connected anew, while it was read
                taken = take(session, one.reader_id, found.entries, interest=one.interest, now=now, again=False)
                connections.said(session, one.reader_id, ZOTERO, cursor=found.cursor, now=now)
            libraries += 1
            likes += len(taken.liked) + len(taken.own)
            own += len(taken.own)
    return Read(libraries, likes, own, failed)


def _is_due(one: Connection, settings: Settings, now: datetime) -> bool:
    if one.asked_at is None:
        return True
    wait = timedelta(hours=settings.sources.zotero_hours)
    return one.asked_at <= now - (min(wait, _AGAIN) if one.error else wait)

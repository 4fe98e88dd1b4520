"""A reader and a day in, their page out: ranked in a transaction that reads, stored in a short one that writes.

What readers of a day have in common is read and looked at once, for all that ask at the same desk (see `readings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from recommender import daily
from recommender.rankers import Rankers
from recommender.readings import Readings
from recommender.settings import RankSettings
from recommender.store.db import Database
from recommender.types import RankedPage

__all__ = ["Desk"]


class Desk:
    """Where pages are made, whoever asks: a request, the clock before readers come, the digest. Safe to share between threads.

    Parameters
    ----------
    database : Database
    rankers : Rankers
    settings : RankSettings
    """

    def __init__(self, database: Database, rankers: Rankers, settings: RankSettings) -> None:
        self._database, self._rankers, self._settings = database, rankers, settings
        self._readings = Readings()

    @property
    def note(self) -> str | None:
        """Why pages are not made by the model that should be live, in a sentence; None when they are."""
        return self._rankers.note

    def open_day(self, now: datetime) -> date | None:
        """Return the newest edition, not later than today, that has papers the encoder has read; None when there is none."""
        with self._database.read() as session:
            return daily.open_day(session, today=now.date())

    def page(self, reader_id: int, day: date, *, now: datetime, interest: int = 0) -> RankedPage:
        """Return a reader's page of a day, the very one that `daily.current_page` makes: the stored one, or its next revision.

        Parameters
        ----------
        reader_id : int
        day : date
            The edition; a day without papers gives an empty page, which is not stored and has the id 0.
        now : datetime
        interest : int, default=0
            One named interest; 0 for all of the reader's taste.
        """
        return self._made([reader_id], day, now, interest)[0][reader_id]

    def pages(self, reader_ids: Sequence[int], day: date, *, now: datetime) -> dict[int, RankedPage]:
        """Return the pages of several readers, as `page` would: what is read and written for one is read and written for all at once."""
        return self._made(reader_ids, day, now, 0)[0]

    def prepare(self, reader_ids: Sequence[int], day: date, *, now: datetime) -> int:
        """Make the pages of readers before they ask for them; how many there were to make."""
        return self._made(reader_ids, day, now, 0)[1]

    def _made(self, reader_ids: Sequence[int], day: date, now: datetime, interest: int) -> tuple[dict[int, RankedPage], int]:
        """Return the pages, and how many of them were made just now."""
        made_of = (self._rankers, self._settings)
        with self._database.read() as session:  # ranked without the one lock that every writer needs
            found = daily.ranked_pages(session, reader_ids, day, *made_of, now=now, interest=interest, readings=self._readings)
        new = [page for page in found.values() if page.items and not page.id]
        if new:
            with self._database.write() as session:
                kept = daily.keep_pages(session, new, *made_of)
                found |= kept
                for i in (page.reader_id for page in new if page.reader_id not in kept):
                    found[i] = daily.current_page(session, i, day, *made_of, now=now, interest=interest)
        return found, len(new)

"""A reader and a day in, their page out: ranked in a transaction that reads, stored in a short one that writes.

What readers of a day have in common is read and looked at once, for all that ask at the same desk (see `readings`).
"""

from __future__ import annotations

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
        return self._page(reader_id, day, now, interest)[0]

    def prepare(self, reader_id: int, day: date, *, now: datetime) -> bool:
        """Make a reader's page of everything before they ask for it; whether there was anything to do."""
        return self._page(reader_id, day, now, 0)[1]

    def _page(self, reader_id: int, day: date, now: datetime, interest: int) -> tuple[RankedPage, bool]:
        """Return the page, and whether it was made just now."""
        made_of = (self._rankers, self._settings)
        with self._database.read() as session:  # ranked without the one lock that every writer needs
            page = daily.ranked_page(session, reader_id, day, *made_of, now=now, interest=interest, readings=self._readings)
        if page.id or not page.items:
            return page, False
        with self._database.write() as session:
            kept = daily.keep_page(session, page, *made_of)
            return kept or daily.current_page(session, reader_id, day, *made_of, now=now, interest=interest), True

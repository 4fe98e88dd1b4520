"""What a digest is written for in, the ranked papers that it shows out: of a day, of days that were missed, of a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from recommender import daily
from recommender.desk import Desk
from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import events, interests, papers
from recommender.store.db import Database
from recommender.store.interests import Interest
from recommender.store.readers import Reader
from recommender.types import EventKind, RankedItem, RankedPage

__all__ = ["Chosen", "NothingToSend", "Occasion", "Together", "nothing_left", "of_day", "of_week"]

WEEK = 7  # days of a weekly digest at most


class NothingToSend(MailError):
    """There is no digest to write, and that was to be expected or has been said; the message says why."""


@dataclass(frozen=True, slots=True)
class Together:
    """What was made at once for all whose digests are written together, as known at that moment.

    Attributes
    ----------
    edition : date or None, default=None
        The newest one; None where it was not asked for.
    pages : mapping of int to RankedPage, default={}
        By reader, of that edition; whoever is not in it gets theirs made alone.
    interests : mapping of int to sequence of Interest, default={}
        By reader; whoever is not in it is asked for theirs alone.
    """

    edition: date | None = None
    pages: Mapping[int, RankedPage] = field(default_factory=dict)
    interests: Mapping[int, Sequence[Interest]] = field(default_factory=dict)

    @classmethod
    def of(cls, database: Database, desk: Desk, reader_ids: Sequence[int], edition: date, *, now: datetime) -> Together:
        """Make the pages of an edition for readers, and read what else their digests need."""
        with database.read() as session:
            known = interests.listings(session, reader_ids)
        return cls(edition, desk.pages(reader_ids, edition, now=now), known)


_NOTHING = Together()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a digest is written for.

    Attributes
    ----------
    database : Database
    desk : Desk
    reader : Reader
        Gets the week if that is how often they want it.
    now : datetime
    settings : Settings
    last_edition : date or None, default=None
        The newest edition that they got a digest of: only what is newer makes another.
    told_quiet : bool, default=False
        Whether the last thing they got said already that nothing came.
    together : Together, default=Together()
        What was made already.
    """

    database: Database
    desk: Desk
    reader: Reader
    now: datetime
    settings: Settings
    last_edition: date | None = None
    told_quiet: bool = False
    together: Together = _NOTHING


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown before it is put into words: the items of one page or several, best first, and those of missed days."""

    pages: tuple[RankedPage, ...]
    items: tuple[RankedItem, ...]
    missed: tuple[RankedItem, ...] = ()


def of_day(on: Occasion, edition: date, before: date | None) -> Chosen:
    """Choose the top of the day's page, and top picks of days of which the reader was never shown anything."""
    made = on.together.pages.get(on.reader.id)
    page = made if made is not None and made.day == edition else on.desk.page(on.reader.id, edition, now=on.now)
    items = tuple(item for item in page.items if not item.voted)[: on.settings.mail.picks]
    most, absent = on.settings.web.carry_most, list[date]()
    if before is not None and (on.last_edition is None or before > on.last_edition):  # else the last digest brought them along
        with on.database.read() as session:
            days = on.settings.web.carry_days
            absent = daily.days_missed(session, on.reader.id, edition, days=days, now=on.now)[:most]
    taken, others = {item.paper_id for item in page.items}, list[RankedPage]()
    for day in absent:
        whole = on.desk.page(on.reader.id, day, now=on.now)
        others.append(replace(whole, items=tuple(i for i in whole.items if not i.voted and i.paper_id not in taken)))
        taken.update(item.paper_id for item in whole.items)
    missed = tuple(item for one in daily.top_picks(others, most=most) for item in one.items)
    return Chosen((page,), items, missed)


def of_week(on: Occasion, edition: date) -> Chosen:
    """Choose the best of the editions since the last digest: first places first, of newer days before those of older ones.

    What the reader has voted on, opened or saved is left out, and so is what was drawn by lot: the best of a week tries nothing.
    """
    with on.database.read() as session:
        listed = papers.editions(session, limit=WEEK, before=edition + timedelta(days=1))
    first = edition - timedelta(days=WEEK - 1)
    if on.last_edition is not None:
        first = max(first, on.last_edition + timedelta(days=1))
    made = [on.desk.page(on.reader.id, one.day, now=on.now) for one in listed if one.day >= first]
    placed = [(item.position, back, item) for back, page in enumerate(made) for item in page.items if not item.explored]
    best: dict[str, RankedItem] = {}
    for _place, _back, item in sorted(placed, key=lambda one: one[:2]):
        best.setdefault(item.paper_id, item)
    with on.database.read() as session:
        said = events.of_papers(session, on.reader.id, list(best))
    known = {i for i, word in events.words(said).items() if word.vote is not None or word.saved}
    known |= {event.paper_id for event in said if event.kind is EventKind.CLICK}
    return Chosen(tuple(made), tuple(item for i, item in best.items() if i not in known)[: on.settings.mail.picks])


def nothing_left(reader: Reader, made: Sequence[RankedPage]) -> str:
    """Return why pages of which nothing is chosen leave nothing."""
    days = " to ".join(dict.fromkeys(str(day) for day in (made[-1].day, made[0].day)))
    if not any(page.items for page in made):
        return f"every paper of {days} is kept off {reader.name}'s page, by a rule or by its kind"
    return f"every paper on {reader.name}'s page of {days} was voted on{', saved or opened' if len(made) > 1 else ''}"

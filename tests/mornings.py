"""A migrated database in, mornings on which a digest is due out: pages lie ready by hand, so what is said does not depend on a ranking."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import numpy as np
from factories import DAY, NOW, make_paper
from rich_world import trying_papers

from recommender.settings import Settings
from recommender.store import interests, pages, papers, readers, runs
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Paper, RankedItem, RankedPage, Reason, Signals
from web.chosen import Occasion
from web.contents import Contents, gather
from web.digest import Draft, draft
from web.links import Signer
from web.words import speaking

SIGNATURE = "an example of a secret, 32 characters"
LIKED = Reason.of("similar", "Close to “%s”, which you liked", "Spectral methods")
DRAWN = Reason.of("explore", "Exploration: drawn by lot from further down, to learn what else you like")
ASKED = Reason.of("rule", "You asked for “%s”", "graph transformers")


def followed(name: str) -> Reason:
    """Return the reason of a paper that stands on top because its reader follows somebody, a category or an institute."""
    return Reason.of("rule", "You follow %s", name)


def placed(paper: Paper, reason: Reason | None = LIKED, *, interest: int = 0, voted: bool = False) -> RankedItem:
    """Return a paper's place on a page, wherever it will be."""
    reasons = (reason,) if reason is not None else ()
    return RankedItem(0, paper.id, 1.0, np.zeros(2, np.float32), reasons, reason is DRAWN, voted=voted, interest=interest)


@dataclass
class Morning:
    """A house in the morning of `now`, and a desk on which its readers' pages lie.

    Attributes
    ----------
    note : str or None
        Why another model than the live one made the pages.
    asked : list of (int, date)
        Whose page of which day was asked for.
    """

    database: Database
    settings: Settings
    now: datetime = NOW
    note: str | None = None
    asked: list[tuple[int, date]] = field(default_factory=list)
    _days: set[date] = field(default_factory=set)

    def reader(self, name: str = "alice", **facts: Any) -> Reader:
        """Settle a reader who has been here for a month."""
        with self.database.write() as session:
            made = readers.create(session, name, now=self.now - timedelta(days=30), email=f"{name}@example.org")
        return replace(made, **facts)

    def interest(self, reader: Reader, name: str) -> int:
        """Open an interest and return its number."""
        with self.database.write() as session:
            return interests.create(session, reader.id, name, now=self.now).id

    def announce(self, *listed: Paper) -> None:
        """Store papers."""
        with self.database.write() as session:
            papers.upsert(session, listed, now=self.now)
        self._days.update(paper.edition for paper in listed)

    def lay(self, reader: Reader, *items: RankedItem, day: date = DAY, candidates: int = 48) -> RankedPage:
        """Put a page on the desk."""
        numbered = tuple(item._replace(position=place) for place, item in enumerate(items, start=1))
        page = RankedPage(reader.id, day, numbered, candidates, "blend-0", "s", 0, 0, "r", self.now)
        with self.database.write() as session:
            return pages.save(session, page)

    def hear(self, *answering: str, failing: Sequence[str] = (), ago: timedelta = timedelta(hours=1)) -> None:
        """Let sources answer, or fail after they answered a while ago."""
        with self.database.write() as session:
            for name in (*answering, *failing):
                runs.source_said(session, name, now=self.now - ago, papers=3)
            for name in failing:
                runs.source_failed(session, name, now=self.now, error="it answered 503")

    # What a desk does

    def open_day(self, now: datetime) -> date | None:
        """Return the newest edition."""
        return max((day for day in self._days if day <= now.date()), default=None)

    def page(self, reader_id: int, day: date, *, now: datetime, interest: int = 0) -> RankedPage:
        """Return the page that lies there, or an empty one."""
        self.asked.append((reader_id, day))
        with self.database.read() as session:
            found = pages.latest(session, reader_id, day, interest)
        return found or RankedPage(reader_id, day, (), 0, "blend-0", "s", 0, 0, "r", now)

    def write(self, reader: Reader, *, signature: str = SIGNATURE, **more: Any) -> Draft:
        """Write the digest of a reader who wants one."""
        facts: dict[str, Any] = {"day": self.now.date(), "now": self.now, "settings": self.settings, "signer": Signer(signature)}
        return draft(self.database, self, reader, **facts | more)  # type: ignore[arg-type]  # facts are the keywords it takes


def listed(on: Morning, *titles: str, day: date = DAY, **facts: Any) -> list[Paper]:
    """Announce papers by their titles."""
    base = 20 * (DAY - day).days
    made = [make_paper(base + number, title=title, day=day, **facts) for number, title in enumerate(titles, start=1)]
    on.announce(*made)
    return made


def gathered(on: Morning, reader: Reader, last: date | None = None, *, locale: str = "en", **changes: Any) -> Contents:
    """Return what the digest of a reader says, with some settings of the mail changed."""
    settings = on.settings.model_copy(update={"mail": on.settings.mail.model_copy(update=changes)})
    with speaking(locale):
        return gather(Occasion(on.database, on, reader, on.now, settings, last))  # type: ignore[arg-type]  # a morning is a desk too


def told(said: Contents) -> dict[str, list[str]]:
    """Return the titles, by section."""
    return {section.name: [entry.card.title for entry in section.entries] for section in said.sections}


def body(message: EmailMessage, kind: str = "plain") -> str:
    """Return one of a message's two parts, the page with its letters instead of references to them."""
    part = message.get_body((kind,))
    assert part is not None
    text = str(part.get_content()).replace("\r\n", "\n")
    return re.sub(r"&#(\d{3,});", lambda found: chr(int(found[1])), text) if kind == "html" else text


def _day(on: Morning, **facts: Any) -> Draft:
    """Two interests and the general taste, rules, something drawn by lot; a source is down, and the model cannot be used."""
    reader = on.reader(**facts)
    robots, empty = on.interest(reader, "Robots & <arms>"), on.interest(reader, "Nothing today")
    first = make_paper(
        1, title=r"Bounds of $\mathcal{O}(n^2)$ & more", authors=("Grace Hopper", "Ada Lovelace"), signals=Signals(1)
    )
    second = make_paper(2, title="Graph transformers at scale", organization="Institute of Papers", announce="cross")
    third = make_paper(
        3, topic="robots", title="Grasping soft things", code_url="https://code.example/grasp", signals=Signals(1200)
    )
    fourth = make_paper(
        4, topic="robots", title="Walking", authors=tuple("ABCDE"), announce="replace", pdf_url="https://arxiv.org/pdf/4"
    )
    fifth = make_paper(5, topic="health", title="Trials", authors=(), categories=(), signals=Signals())
    on.announce(first, second, third, fourth, fifth)
    items = [placed(third, interest=robots), placed(second, ASKED), placed(first, followed("ada lovelace"))]
    on.lay(reader, *items, placed(fifth, DRAWN), placed(fourth, None, interest=robots))
    on.hear("arxiv", failing=["huggingface"], ago=timedelta(hours=30))
    on.note = "The model 7 cannot be used (its file is damaged). An earlier one stands in."
    assert empty
    return on.write(reader, last_edition=DAY - timedelta(days=1))


def _week(on: Morning) -> Draft:
    """Four editions; what stood first on any of them comes before what stood second on the newest."""
    reader = on.reader(digest_every="week")
    for back in range(4):
        day = DAY - timedelta(days=back)
        listed = [make_paper(10 * back + place, day=day, title=f"Place {place}, {back} days ago") for place in (1, 2)]
        on.announce(*listed)
        on.lay(reader, *(placed(paper) for paper in listed), day=day)
    return on.write(reader, last_edition=DAY - timedelta(days=3))


def _missed(on: Morning) -> Draft:
    """A day of which nothing was ever shown."""
    reader, day = on.reader(), DAY - timedelta(days=1)
    today, missed = make_paper(1, title="Of today"), make_paper(2, day=day, title="Of a day that was missed")
    on.announce(today, missed)
    on.lay(reader, placed(today))
    on.lay(reader, placed(missed), day=day)
    return on.write(reader)


def _quiet(on: Morning) -> Draft:
    """A Wednesday on which nothing came, since arXiv cannot be read."""
    reader = on.reader()
    on.announce(make_paper(1, day=DAY - timedelta(days=1)))
    on.hear("huggingface", failing=["arxiv"])
    return on.write(reader, last_edition=DAY - timedelta(days=1))


def _sample(on: Morning) -> Draft:
    """One invented paper."""
    reader, paper = on.reader(), make_paper(1, title="Alone", invented=True, source="sample")
    on.announce(paper)
    on.lay(reader, placed(paper), candidates=1)
    return on.write(reader, settings=on.settings.model_copy(update={"edition": "sample"}))


def _german(on: Morning) -> Draft:
    """The day again, in German."""
    return _day(on, locale="de")


def _hostile(on: Morning) -> Draft:
    """Titles, names and interests that would like to be more than text."""
    reader = on.reader("Eve\r\nBcc: all@example.org <b>"[:25], email="eve@example.org")
    reader = replace(reader, name="Eve\r\nBcc: all@example.org <b>")
    interest = on.interest(reader, "\u202e<script>alert(2)</script>")
    listed = trying_papers()
    bombs = {
        "injection": make_paper(
            901,
            title='"><script>alert(1)</script>\r\nBcc: all@example.org <img src=x onerror=y>',
            code_url='https://code.example/"onclick="alert(1)',
        ),
        "turned": make_paper(902, title="abc \u202e txt.exe \u2066 zero\u200bwidth", authors=("\u202eada", "b\u0000b")),
        "bomb": make_paper(903, title=r"\frac" * 20 + "{" * 60 + r"$\def\a{\a\a}\a$ {{7*7}} {% raise %} %(name)s %s"),
        "far": make_paper(
            904, title="Far away", url="javascript:alert(1)", pdf_url="data:text/html,x", code_url="https://x.org/" + "y" * 900
        ),
    }
    on.announce(*listed.values(), *bombs.values())
    on.lay(
        reader,
        *(placed(paper, followed("Collaboration Member 4711") if name == "long" else LIKED) for name, paper in listed.items()),
        *(placed(paper, Reason("similar", "Close to <b>“$x^2$”</b>\u202e"), interest=interest) for paper in bombs.values()),
    )
    return on.write(reader, settings=on.settings.model_copy(update={"mail": on.settings.mail.model_copy(update={"picks": 20})}))


MORNINGS: dict[str, Callable[[Morning], Draft]] = {
    "day": _day,
    "week": _week,
    "missed": _missed,
    "quiet": _quiet,
    "sample": _sample,
    "german": _german,
    "hostile": _hostile,
}

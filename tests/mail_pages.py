"""An application in, somebody to whom digests are mailed out: their page, the links of their mails, and what a press of a button did."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from html import unescape
from typing import Any

from factories import DAY, NOW, fill
from flask import Flask
from flask.testing import FlaskClient

from recommender import daily
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, events, pages, readers, subscribers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.subscribers import Subscriber
from recommender.types import Channel, Event, RankedPage
from training.labels import grade_day
from web.links import Signer

MORNING = Schedule(7, "Europe/Berlin")
AS_A_PERSON = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1", "Sec-Fetch-Dest": "document"}
AS_A_GUESS = {**AS_A_PERSON, "Sec-Purpose": "prefetch;prerender"}
VOTES = ("upvote", "downvote", "save", "hide")


@dataclass
class Post:
    """A house whose mails can be opened: Alice's page of today, and somebody without an account."""

    app: Flask
    database: Database
    settings: Settings
    alice: Reader
    page: RankedPage
    nora: Subscriber

    @property
    def client(self) -> FlaskClient:
        """Somebody who is signed in nowhere."""
        return self.app.test_client()

    @property
    def signer(self) -> Signer:
        return self.app.extensions["broadsheet"].signer

    def link(self, purpose: str, place: int = 0, **facts: object) -> str:
        """The path that a mail names for the paper at this place of the page, or for what the facts say."""
        paper = {} if purpose == "leave" else {"r": self.alice.id, "i": self.page.items[place].id}
        return f"/m/{purpose}/{self.signer.sign(purpose, paper | facts)}"

    def log(self) -> list[Event]:
        with self.database.read() as session:
            return events.history(session, self.alice.id)

    def said(self) -> list[str]:
        return [event.kind.value for event in self.log()]

    def now_of(self, reader: Reader) -> Reader | None:
        with self.database.read() as session:
            return readers.by_id(session, reader.id)

    def dump(self) -> str:
        """Everything in the database."""
        with sqlite3.connect(self.settings.folder / "broadsheet.db") as held:
            text = "\n".join(held.iterdump())
        held.close()
        return text


def mailed(edition: Database, settings: Settings, alice: Reader, app: Flask) -> Post:
    """Somebody who gets digests, and a subscriber."""
    with edition.write() as session:
        accounts.confirm_email(session, alice.id, "alice@example.org", now=NOW)
        accounts.set_digest(session, alice.id, MORNING, on=True, next_at=MORNING.after(NOW))
        page = daily.current_page(session, alice.id, DAY, daily.Rankers(settings.models_folder), settings.rank, now=NOW)
        pages.mark_shown(session, [item.id for item in page.items[:10]], Channel.EMAIL, NOW)
        nora = subscribers.confirm(session, "nora@example.org", MORNING, locale="de", now=NOW)
        mailed = readers.by_id(session, alice.id)
    assert mailed is not None
    return Post(app, edition, settings, mailed, page, nora)


def text_of(answer: Any) -> str:
    return unescape(answer.get_data(as_text=True))


def shown_now(post: Post, settings: Settings, paper: Any) -> Any:
    """Let a paper come in and stand on Alice's page; return its item."""
    fill(post.database, settings, [paper])
    with post.database.write() as session:
        page = daily.current_page(session, post.alice.id, DAY, daily.Rankers(settings.models_folder), settings.rank, now=NOW)
    return next(item for item in page.items if item.paper_id == paper.id)


def labels(post: Post) -> dict[str, int]:
    """Papers that teach a ranker something, and their grade, where the reader touched them."""
    with post.database.read() as session:
        graded = grade_day(list(pages.shown(session)), post.log())
    return {row.item.paper_id: row.grade for page in graded for row in page.rows}


def buttons(text: str) -> list[str]:
    """What the page's buttons say, in order."""
    return re.findall(r'<button[^>]* name="kind" value="(\w+)"', text)


def without_counts(dump: str) -> str:
    """A dump without how often an address pressed something."""
    return "\n".join(line for line in dump.splitlines() if not line.startswith('INSERT INTO "rates"') and "rate" not in line[:30])

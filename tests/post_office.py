"""A database in, mail on a clock that the test moves out, and a mail server that does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

from factories import NOW, fill, make_edition

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, digests, readers
from recommender.store.db import Database
from recommender.store.digests import Digest
from recommender.store.readers import Reader
from web.delivery import Delivery
from web.mail import nothing

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GONE = "nowhere:1"  # a worker that nothing is known of


class Killed(BaseException):
    """The process ends here."""


class Server:
    """A mail server that does as it is told, by the address; what it took is in `sent`.

    An answer is what to raise, before the last byte or, when it stands in `late`, after it.
    """

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.answers: dict[str, list[BaseException]] = {}
        self.late: dict[str, list[BaseException]] = {}
        self.closed = 0

    def send(self, message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        who = message["To"].addresses[0].username
        if self.answers.get(who):
            raise self.answers[who].pop(0)
        before_end()
        if self.late.get(who):
            raise self.late[who].pop(0)
        self.sent.append(message)

    def close(self) -> None:
        self.closed += 1

    def to(self, name: str) -> int:
        return sum(message["To"].addresses[0].username == name for message in self.sent)


class Post:
    """Mail on a clock that the test moves."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings, self.server, self.now = database, settings, Server(), NOW
        self.slept: list[float] = []

    def delivery(self, worker: str = "", **changes: object) -> Delivery:
        settings = self.settings.model_copy(update={"mail": self.settings.mail.model_copy(update=changes)})
        return Delivery(
            self.database, settings, self.server, worker=worker, sleep=self.slept.append, tick=lambda: sum(self.slept)
        )

    def tick(self, now: datetime | None = None, worker: str = "") -> dict[str, int]:
        self.now = now or self.now
        return self.delivery(worker).run(lambda: self.now)

    def want(self, who: Reader, schedule: Schedule | None = None, *, due: datetime = NOW) -> None:
        with self.database.write() as session:
            if who.email is None:
                accounts.confirm_email(session, who.id, f"{who.name}@example.org", now=NOW)
            accounts.set_digest(session, who.id, schedule or Schedule(7), on=True, next_at=due)

    def reader(self, reader: Reader) -> Reader:
        with self.database.read() as session:
            found = readers.by_id(session, reader.id)
        assert found is not None
        return found

    def announce(self, day: date) -> None:
        fill(
            self.database,
            self.settings,
            make_edition(day, per_topic=2),
            now=datetime(day.year, day.month, day.day, 1, tzinfo=UTC),
        )

    @property
    def ledger(self) -> list[Digest]:
        with self.database.read() as session:
            return list(reversed(digests.recent(session, limit=10_000)))

    @property
    def statuses(self) -> list[str]:
        return [line.status for line in self.ledger]

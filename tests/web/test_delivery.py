"""Digests as the clock sends them: at most one per reader and local day, and none without news."""

import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from factories import DAY, NOW, fill, make_edition, make_reader

from recommender import daily
from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import digests, events, pages, readers
from recommender.store.db import Database
from recommender.store.digests import Digest
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind
from web import jobs
from web.delivery import Delivery, NothingToSend
from web.links import next_digest_at
from web.mail import MemoryMailer


class Post:
    """Mail on a clock that the test moves."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings, self.mailer, self.now = database, settings, MemoryMailer(), NOW

    def tick(self, now: datetime | None = None) -> dict[str, int]:
        self.now = now or self.now
        return jobs.digests(jobs.Work(self.database, self.settings, lambda: self.now, mailer=self.mailer))

    def subscribe(self, reader: Reader, *, hour: int = 7, zone: str = "UTC", due: datetime = NOW) -> None:
        with self.database.write() as session:
            email = f"{reader.name}@example.org"
            readers.set_digest(session, reader.id, on=True, email=email, hour=hour, time_zone=zone, next_at=due)

    def reader(self, reader: Reader) -> Reader:
        with self.database.read() as session:
            found = readers.by_id(session, reader.id)
        assert found is not None
        return found

    @property
    def ledger(self) -> list[Digest]:
        with self.database.read() as session:
            return list(reversed(digests.recent(session)))


@pytest.fixture
def post(edition: Database, settings: Settings) -> Post:
    return Post(edition, settings)


def test_a_due_digest_is_sent_noted_and_due_again_tomorrow(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    assert post.tick() == {"sent": 1}
    (message,) = post.mailer.sent
    assert message["To"] == "alice <alice@example.org>"
    assert message["Message-ID"] == "<digest-2026-05-20-1@127.0.0.1>"
    (line,) = post.ledger
    assert (line.status, line.day, line.message_id, line.error) == ("sent", DAY, message["Message-ID"], None)
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=1)
    assert post.tick() == {}


def test_what_the_mail_showed_is_noted(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    post.tick()
    with post.database.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
        ids = [item.id for item in page.items]
        assert pages.unshown(session, ids, Channel.EMAIL) == ids[10:]
        assert pages.unshown(session, ids, Channel.WEB) == ids


def test_who_did_not_ask_gets_none(post: Post, alice: Reader) -> None:
    robot = make_reader(post.database, "robot", simulated=True)
    post.subscribe(robot)
    assert post.tick() == {}


def test_without_a_newer_edition_there_is_no_second_digest(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    post.tick()
    assert post.tick(NOW + timedelta(days=1)) == {"skipped": 1}
    assert post.ledger[-1].error == "there is no edition newer than that of 2026-05-20, which was sent"
    fill(post.database, post.settings, make_edition(DAY + timedelta(days=2), per_topic=2))
    assert post.tick(NOW + timedelta(days=2)) == {"sent": 1}
    assert len(post.mailer.sent) == 2


def test_a_page_on_which_everything_was_voted_on_is_skipped(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    with post.database.write() as session:
        rankers = daily.Rankers(post.settings.models_folder)
        for item in daily.current_page(session, alice.id, DAY, rankers, post.settings.rank, now=NOW).items:
            events.append(session, alice.id, item.paper_id, EventKind.UPVOTE, at=NOW, item_id=item.id)
    assert post.tick() == {"skipped": 1}
    assert "was voted on" in str(post.ledger[0].error)


def test_before_the_first_edition_nothing_is_sent(database: Database, settings: Settings, alice: Reader) -> None:
    post = Post(database, settings)
    post.subscribe(alice)
    assert post.tick() == {"skipped": 1}
    with pytest.raises(NothingToSend, match="broadsheet ingest"):
        Delivery(database, settings, post.mailer).draft(post.reader(alice), NOW)


def test_one_that_fails_does_not_keep_the_others(
    post: Post, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    eve = make_reader(post.database, "eve")
    for reader in (alice, bob, eve):
        post.subscribe(reader)
    keep = post.mailer.send

    def send(message: EmailMessage) -> None:
        if "alice" in message["To"]:
            raise MailError("550 no such person")
        if "bob" in message["To"]:
            raise smtplib.SMTPException("out of the blue")
        keep(message)

    monkeypatch.setattr(post.mailer, "send", send)
    assert post.tick() == {"failed": 2, "sent": 1}
    assert [(line.status, line.error) for line in post.ledger] == [
        ("failed", "550 no such person"),
        ("failed", "SMTPException: out of the blue"),
        ("sent", None),
    ]
    assert post.tick() == {}  # a digest that is lost is better than two
    with post.database.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
        assert len(pages.unshown(session, [item.id for item in page.items], Channel.EMAIL)) == len(page.items)
    assert caplog.text.count("Traceback") == 1


def test_a_process_that_dies_while_sending_leaves_a_claim_that_is_seen(
    post: Post, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def send(message: EmailMessage) -> None:
        raise Killed

    monkeypatch.setattr(post.mailer, "send", send)
    post.subscribe(alice)
    with pytest.raises(Killed):
        post.tick()
    assert [line.status for line in post.ledger] == ["claimed"]
    monkeypatch.undo()
    assert post.tick() == {}
    assert post.mailer.sent == []


def test_two_who_saw_the_same_digest_due_send_it_once(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    stale = post.reader(alice)
    delivery = Delivery(post.database, post.settings, post.mailer)
    assert [delivery.deliver(stale, NOW) for _ in range(2)] == ["sent", "taken"]
    assert len(post.mailer.sent) == 1


@pytest.mark.parametrize(("late_hours", "status"), [(0, "sent"), (11, "sent"), (13, "skipped")])
def test_a_machine_that_slept_sends_late_but_not_too_late(post: Post, alice: Reader, late_hours: int, status: str) -> None:
    due = NOW.replace(hour=7) - timedelta(days=3)
    post.subscribe(alice, due=due)
    now = NOW.replace(hour=7) + timedelta(hours=late_hours)
    assert post.tick(now) == {status: 1}
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=1)


def test_an_hour_changed_after_the_digest_sends_no_second_one(post: Post, alice: Reader) -> None:
    post.subscribe(alice)
    post.tick()
    fill(post.database, post.settings, make_edition(DAY + timedelta(days=1), per_topic=1))
    post.subscribe(alice, hour=20, due=NOW.replace(hour=20))
    assert post.tick(NOW.replace(hour=20)) == {"taken": 1}
    assert len(post.mailer.sent) == 1


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]
)
def test_one_per_local_day_through_both_changes_of_the_clocks(post: Post, alice: Reader, zone: str) -> None:
    for start in (datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)):
        post.subscribe(alice, hour=2, zone=zone, due=next_digest_at(start, zone, 2))
        days: list[object] = []
        for quarter in range(0, 26 * 24 * 4, 2):  # every half hour
            moment = start + timedelta(minutes=15 * quarter)
            reader = post.reader(alice)
            if reader.next_digest_at is not None and reader.next_digest_at <= moment:
                post.tick(moment)
                days.append(post.ledger[-1].day)
        assert len(days) == len(set(days)) >= 25


def test_a_zone_that_is_no_more_fails_alone(post: Post, alice: Reader, bob: Reader) -> None:
    post.subscribe(alice, zone="Mars/Olympus")
    post.subscribe(bob)
    assert post.tick() == {"failed": 1, "sent": 1}

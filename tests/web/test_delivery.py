"""Digests as the clock sends them: at most one per person and local day, and none without news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from factories import DAY, NOW, make_reader
from post_office import HOUR, Post
from post_walk import ZONES, walk

from recommender import daily
from recommender.desk import Desk
from recommender.hours import Schedule
from recommender.rank import page
from recommender.settings import Settings
from recommender.store import events, pages, subscribers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, RankedPage
from web import jobs
from web.digest import NothingToSend
from web.ledger import AT_ONCE, Ledger
from web.mail import nothing


@pytest.fixture
def post(edition: Database, settings: Settings) -> Post:
    return Post(edition, settings)


# Once


def test_a_due_digest_is_sent_noted_and_due_again_tomorrow(post: Post, alice: Reader) -> None:
    post.want(alice)
    assert post.tick() == {"sent": 1}
    (message,) = post.server.sent
    assert message["To"] == "alice <alice@example.org>"
    (line,) = post.ledger
    assert (line.status, line.day, line.message_id, line.error) == ("sent", DAY, message["Message-ID"], None)
    assert (line.edition, line.kind, line.attempts) == (DAY, "day", 1)
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=1)
    assert post.tick() == {}
    assert post.server.closed == 2  # nothing is kept open between two rounds


def test_the_clock_sends_through_the_same_ledger(post: Post, alice: Reader) -> None:
    post.want(alice)
    work = jobs.Work(post.database, post.settings, lambda: NOW, mailer=post.server)
    assert jobs.digests(work) == {"sent": 1}
    assert jobs.digests(work) == {}


def test_what_the_mail_showed_is_noted(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.tick()
    with post.database.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
        ids = [item.id for item in page.items]
        assert pages.unshown(session, ids, Channel.EMAIL) == ids[10:]
        assert pages.unshown(session, ids, Channel.WEB) == ids


def test_who_did_not_ask_gets_none(post: Post, alice: Reader) -> None:
    robot = make_reader(post.database, "robot", simulated=True)
    post.want(robot)
    assert post.tick() == {}


def test_somebody_without_an_account_gets_what_everyone_reads(post: Post, alice: Reader) -> None:
    with post.database.write() as session:
        made = subscribers.confirm(session, "s@example.org", Schedule(8), locale="en", now=NOW - HOUR)
    post.want(alice)
    assert post.tick() == {"sent": 2}
    assert [(line.reader_id, line.subscriber_id) for line in post.ledger] == [(alice.id, None), (None, made.id)]
    assert post.server.sent[1]["To"].addresses[0].addr_spec == "s@example.org"
    assert post.tick() == {}


def test_more_than_are_claimed_at_once(post: Post) -> None:
    for number in range(AT_ONCE + 3):
        post.want(make_reader(post.database, f"reader{number}"))
    assert post.tick() == {"sent": AT_ONCE + 3}
    assert max(Counter(message["To"] for message in post.server.sent).values()) == 1


def test_three_clocks_at_once_send_one(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: post.tick(worker=name), ("a:1", "b:1", "c:1")))
    assert sum(ended.get("sent", 0) for ended in done) == 2
    assert (post.server.to("alice"), post.server.to("bob")) == (1, 1)


def test_an_hour_changed_after_the_digest_sends_no_second_one(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.tick()
    post.announce(DAY + timedelta(days=1))
    post.want(alice, Schedule(20), due=NOW.replace(hour=20))
    assert post.tick(NOW.replace(hour=20)) == {}
    assert len(post.server.sent) == 1


# Nothing to send


def test_without_a_newer_edition_there_is_no_second_digest_but_one_word_that_nothing_came(post: Post, alice: Reader) -> None:
    post.want(alice)
    told = [post.tick(NOW + timedelta(days=day)) for day in range(5)]
    assert told == [{"sent": 1}, {"sent": 1}, {"skipped": 1}, {"skipped": 1}, {"skipped": 1}]
    assert [(line.kind, line.edition) for line in post.ledger[:3]] == [("day", DAY), ("quiet", None), ("day", None)]
    post.announce(DAY + timedelta(days=5))
    assert post.tick(NOW + timedelta(days=5)) == {"sent": 1}
    assert (post.ledger[-1].kind, post.ledger[-1].edition) == ("day", DAY + timedelta(days=5))


def test_a_page_on_which_everything_was_voted_on_is_skipped(post: Post, alice: Reader) -> None:
    post.want(alice)
    with post.database.write() as session:
        rankers = daily.Rankers(post.settings.models_folder)
        for item in daily.current_page(session, alice.id, DAY, rankers, post.settings.rank, now=NOW).items:
            events.append(session, alice.id, item.paper_id, EventKind.UPVOTE, at=NOW, item_id=item.id)
    assert post.tick() == {"skipped": 1}


def test_before_the_first_edition_nothing_is_sent(database: Database, settings: Settings, alice: Reader) -> None:
    post = Post(database, settings)
    post.want(alice)
    assert post.tick() == {"skipped": 1}
    with pytest.raises(NothingToSend, match="broadsheet ingest"):
        post.delivery().draft(post.reader(alice), NOW)


@pytest.mark.parametrize(("late_hours", "status"), [(0, "sent"), (11, "sent"), (13, "skipped")])
def test_a_machine_that_slept_sends_late_but_not_too_late(post: Post, alice: Reader, late_hours: int, status: str) -> None:
    """And once: not for each day that it slept through."""
    post.want(alice, due=NOW.replace(hour=7) - timedelta(days=3))
    assert post.tick(NOW.replace(hour=7) + late_hours * HOUR) == {status: 1}
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=1)
    assert [line.day for line in post.ledger] == [DAY]


def test_a_digest_that_is_late_into_the_night_is_still_of_its_own_day(post: Post, alice: Reader) -> None:
    evening = NOW.replace(hour=22)
    post.want(alice, Schedule(22), due=evening)
    assert post.tick(evening + 4 * HOUR) == {"sent": 1}
    assert post.ledger[0].day == DAY
    post.announce(DAY + timedelta(days=1))
    assert post.tick(evening + timedelta(days=1)) == {"sent": 1}


def test_a_weekly_one_waits_two_days_and_then_a_week(post: Post, alice: Reader) -> None:
    weekly = Schedule(7, every="week", weekday=DAY.weekday())
    post.want(alice, weekly, due=NOW.replace(hour=7))
    assert post.tick(NOW + 30 * HOUR) == {"sent": 1}
    assert (post.ledger[0].day, post.ledger[0].kind) == (DAY, "week")
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=7)


def test_a_zone_that_is_no_more_is_taken_for_utc(post: Post, alice: Reader, caplog: pytest.LogCaptureFixture) -> None:
    post.want(alice, Schedule(7, "Mars/Olympus"))
    assert post.tick() == {"sent": 1}
    assert post.reader(alice).next_digest_at == NOW.replace(hour=7) + timedelta(days=1)
    assert "Mars/Olympus" in caplog.text


# Not too many at once


def test_a_domain_gets_so_many_a_minute_and_the_others_do_not_wait(post: Post) -> None:
    for number in range(5):
        post.want(make_reader(post.database, f"a{number}", email=f"a{number}@slow.example"))
    for number in range(2):
        post.want(make_reader(post.database, f"b{number}", email=f"b{number}@quick.example"))
    when: list[tuple[str, float]] = []
    send = post.server.send

    def watch(message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        when.append((message["To"].addresses[0].domain, sum(post.slept)))
        send(message, before_end=before_end)

    post.server.send = watch  # type: ignore[method-assign]  # to see when each leaves
    assert post.delivery(per_domain_per_minute=2).run(lambda: NOW) == {"sent": 7}
    slow = [at for domain, at in when if domain == "slow.example"]
    assert slow == [0.0, 0.0, 60.0, 60.0, 120.0]


def test_a_claim_waits_for_a_domain_that_has_room(post: Post, alice: Reader) -> None:
    """Of those that are due, the ones that may leave now are claimed first."""
    from web.pace import Pace

    post.want(make_reader(post.database, "slow", email="slow@slow.example"), due=NOW - HOUR)
    post.want(alice)
    pace = Pace(1, tick=lambda: sum(post.slept))
    pace.spend("slow.example")
    ledger = Ledger(post.database, worker="me:1", stale_after=HOUR, pace=pace, sleep=post.slept.append)
    assert [claim.who.id for claim in ledger.claim(NOW)] == [alice.id]
    assert post.slept == []
    assert [claim.who.name for claim in ledger.claim(NOW)] == ["slow"]
    assert post.slept == [60.0]
    assert ledger.claim(NOW) == []


# Time


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)])
def test_everybody_gets_one_on_every_local_day_at_their_hour_while_the_clocks_change(database: Database, start: datetime) -> None:
    assert walk(database, start, 40) >= 39 * len(ZONES)


# Asked for


def test_one_that_was_asked_for_is_a_message_besides_the_days_own(post: Post, alice: Reader) -> None:
    """Mail programs show two messages of one id as one."""
    post.want(alice)
    asked = post.delivery().send(post.reader(alice), NOW)
    assert post.ledger == []
    assert post.tick() == {"sent": 1}
    assert len({asked.message["Message-ID"], *(message["Message-ID"] for message in post.server.sent)}) == 2
    assert post.delivery().draft(post.reader(alice), NOW).message["Message-ID"] == post.ledger[0].message_id


# Made together


def test_pages_are_made_together_for_those_who_have_something_new_to_read(
    post: Post, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, pages_of = list[list[int]](), Desk.pages

    def pages(desk: Desk, reader_ids: Sequence[int], day: date, *, now: datetime) -> dict[int, RankedPage]:
        asked.append(list(reader_ids))
        return pages_of(desk, reader_ids, day, now=now)

    monkeypatch.setattr(Desk, "pages", pages)
    post.want(alice)
    post.want(bob, Schedule(7, every="week", weekday=DAY.weekday()))
    assert post.tick() == {"sent": 2}
    assert asked == [[alice.id]], "a week is chosen from other pages"
    post.tick(NOW + timedelta(days=1))
    assert asked[1:] == [[]], "there is no newer edition"


def test_a_page_that_cannot_be_made_costs_nobody_else_theirs(
    post: Post, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gathered = daily._inputs

    def failing(reading: Any, reader_id: int, *more: Any, **options: Any) -> list[page.Inputs]:
        if reader_id == alice.id:
            raise ZeroDivisionError("of all things")
        return gathered(reading, reader_id, *more, **options)

    monkeypatch.setattr(daily, "_inputs", failing)
    post.want(alice)
    post.want(bob)
    assert post.tick() == {"failed": 1, "sent": 1}
    assert (post.server.to("alice"), post.server.to("bob")) == (0, 1)
    (line,) = (line for line in post.ledger if line.status == "failed")
    assert line.error == "ZeroDivisionError: of all things"
    assert "pages could not be made together" in caplog.text

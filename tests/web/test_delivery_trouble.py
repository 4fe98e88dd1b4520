"""Digests that the mail server puts off, refuses or says nothing of, and processes that end in the middle of one."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest
from factories import DAY, NOW, make_reader
from post_office import GONE, HOUR, MINUTE, Killed, Post
from sqlalchemy.exc import OperationalError

from recommender.errors import MailDeferred, MailError, MailRefused, MailUnanswered
from recommender.settings import Settings
from recommender.store import digests, pages, suppressions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.suppressions import IN_A_ROW
from recommender.types import Channel
from web.ledger import AT_ONCE, BACK_OFF
from web.mail import nothing


@pytest.fixture
def post(edition: Database, settings: Settings) -> Post:
    return Post(edition, settings)


# When the mail server says no


def test_one_that_fails_does_not_keep_the_others(
    post: Post, alice: Reader, bob: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    eve = make_reader(post.database, "eve")
    for reader in (alice, bob, eve):
        post.want(reader)
    post.server.answers = {"alice": [MailError("this address is malformed")], "bob": [smtplib.SMTPException("out of the blue")]}
    assert post.tick() == {"failed": 2, "sent": 1}
    assert [(line.status, line.error) for line in post.ledger] == [
        ("failed", "this address is malformed"),
        ("failed", "SMTPException: out of the blue"),
        ("sent", None),
    ]
    assert post.tick() == {}
    with post.database.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
        assert len(pages.unshown(session, [item.id for item in page.items], Channel.EMAIL)) == len(page.items)
    assert caplog.text.count("Traceback") == 1


def test_what_is_put_off_is_tried_again_later_and_later(post: Post, alice: Reader) -> None:
    post.want(alice, due=NOW.replace(hour=7))
    busy = [MailDeferred("busy", code=451) for _ in range(2)]
    post.server.answers = {"alice": busy}
    assert post.tick() == {"deferred": 1}
    (line,) = post.ledger
    assert (line.status, line.code, line.retry_at, line.attempts) == ("deferred", 451, NOW + BACK_OFF[0], 1)
    assert post.tick(NOW + BACK_OFF[0] - MINUTE) == {}
    assert post.tick(NOW + BACK_OFF[0]) == {"deferred": 1}
    assert post.ledger[0].retry_at == NOW + BACK_OFF[0] + BACK_OFF[1]
    assert post.tick(NOW + BACK_OFF[0] + BACK_OFF[1]) == {"sent": 1}
    assert (len(post.ledger), post.ledger[0].attempts, post.ledger[0].retry_at) == (1, 3, None)
    assert post.server.to("alice") == 1


def test_a_digest_is_given_up_before_it_is_stale(post: Post, alice: Reader) -> None:
    post.want(alice, due=NOW.replace(hour=7))
    post.server.answers = {"alice": [MailDeferred("busy", code=451) for _ in range(99)]}
    moment, tries = NOW, 0
    while post.statuses in ([], ["deferred"]):
        tries += bool(post.tick(moment))
        moment += 5 * MINUTE
    assert post.statuses == ["failed"]
    assert post.ledger[0].error == f"given up after {tries} tries: busy"
    assert tries == 7
    assert moment < NOW.replace(hour=19)


def test_when_the_server_is_out_of_reach_nobody_else_is_tried(post: Post) -> None:
    names = [f"reader{number}" for number in range(AT_ONCE + 5)]
    for name in names:
        post.want(make_reader(post.database, name))
    post.server.answers = {names[2]: [MailDeferred("421 come back later", code=421, whole_server=True)]}
    assert post.tick() == {"sent": 2, "deferred": AT_ONCE - 2}
    assert len(post.ledger) == AT_ONCE  # the others are not even claimed
    assert [line.attempts for line in post.ledger if line.status == "deferred"] == [1] + [0] * (AT_ONCE - 3)
    assert post.tick(NOW + BACK_OFF[0]) == {"sent": len(names) - 2}
    assert all(post.server.to(name) == 1 for name in names)


def test_an_address_that_is_gone_is_left_alone(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.answers = {"alice": [MailRefused("550 5.1.1 <alice@example.org> unknown", code=550, address_gone=True)]}
    assert post.tick() == {"failed": 1}
    with post.database.read() as session:
        why = suppressions.among(session, ["alice@example.org"])["alice@example.org"]
    assert (why.reason, why.detail) == ("bounce", "550 5.1.1 (an address) unknown")
    post.announce(DAY + timedelta(days=1))
    assert post.tick(NOW + timedelta(days=1)) == {"suppressed": 1}
    assert post.server.sent == []
    with post.database.write() as session:
        suppressions.lift(session, "alice@example.org")
    post.announce(DAY + timedelta(days=2))
    assert post.tick(NOW + timedelta(days=2)) == {"sent": 1}


def test_an_address_that_refuses_everything_is_left_alone_after_some_days(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.answers = {"alice": [MailRefused("554 5.7.1 policy", code=554) for _ in range(9)]}
    for day in range(IN_A_ROW + 1):
        post.announce(DAY + timedelta(days=day))
        post.tick(NOW + timedelta(days=day))
    assert post.statuses == ["failed"] * IN_A_ROW + ["suppressed"]


# When nobody can tell


def test_a_message_without_an_answer_is_not_sent_again(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.late = {"alice": [MailUnanswered("no answer within 30 s")]}
    assert post.tick() == {"unknown": 1}
    assert post.tick(NOW + HOUR) == {}
    (line,) = post.ledger
    assert (line.status, line.error, line.edition) == ("unknown", "no answer within 30 s", DAY)  # nor are its papers


def test_what_breaks_after_the_last_byte_is_unknown_not_failed(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.late = {"alice": [RuntimeError("out of the blue")]}
    assert post.tick() == {"unknown": 1}


def test_a_server_that_puts_off_at_the_very_end_is_believed(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.late = {"alice": [MailDeferred("451 try again", code=451)]}
    assert post.tick() == {"deferred": 1}
    assert post.tick(NOW + BACK_OFF[0]) == {"sent": 1}


def test_a_process_that_dies_before_the_last_byte_is_replaced(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)
    post.server.answers = {"alice": [Killed()]}
    with pytest.raises(Killed):
        post.tick(worker=GONE)
    assert post.statuses == ["claimed", "claimed"]
    assert post.tick(NOW + HOUR) == {}  # perhaps it is alive, elsewhere
    assert post.tick(NOW + 90 * MINUTE) == {"sent": 2}
    assert (post.server.to("alice"), post.server.to("bob")) == (1, 1)
    assert [line.attempts for line in post.ledger] == [1, 1]


def test_a_process_that_dies_after_the_last_byte_leaves_a_line_that_is_seen(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.late = {"alice": [Killed()]}
    with pytest.raises(Killed):
        post.tick(worker=GONE)
    assert post.statuses == ["handed"]
    assert post.tick(NOW + 90 * MINUTE) == {}
    assert post.statuses == ["unknown"]
    assert post.server.sent == []


def test_a_claim_that_was_taken_over_does_not_leave_twice(post: Post, alice: Reader) -> None:
    """A process that stood still for two hours, in the middle of a message, finds that it is no longer its own."""
    post.want(alice)
    send = post.server.send

    def stand_still(message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        post.server.send = send  # type: ignore[method-assign]  # only the first one stands still
        assert post.tick(NOW + 2 * HOUR, worker="other:1") == {"sent": 1}
        send(message, before_end=before_end)

    post.server.send = stand_still  # type: ignore[method-assign]  # only the first one stands still
    assert post.tick(worker=GONE) == {"taken": 1}
    assert post.server.to("alice") == 1
    assert post.statuses == ["sent"]


def test_a_busy_database_is_asked_again_to_note_what_was_sent(post: Post, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    post.want(alice)
    mark, busy = digests.mark, [OperationalError("", {}, Exception("database is locked"))] * 2

    def sometimes(*args: object, **facts: object) -> None:
        if busy:
            raise busy.pop()
        mark(*args, **facts)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(digests, "mark", sometimes)
    assert post.tick() == {"sent": 1}
    assert post.statuses == ["sent"]
    assert sum(post.slept) == 2.0

"""What is decided, or breaks, between the claim on a digest and its last byte: a stop, a pause, another address, a busy database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from factories import DAY, NOW, make_reader
from post_office import HOUR, MINUTE, Post
from sqlalchemy.exc import OperationalError

from recommender.errors import MailDeferred, MailRefused, MailUnanswered
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, belongings, digests, subscribers, suppressions
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from web import jobs, leaving
from web.delivery import Delivery
from web.mail import nothing

LATER = MailDeferred("450 4.2.0 come back later", code=450)
LOCKED = OperationalError("UPDATE", {}, Exception("database is locked"))


@pytest.fixture
def post(edition: Database, settings: Settings) -> Post:
    return Post(edition, settings)


def meanwhile(post: Post, name: str, do: Callable[[], object], *, after: bool = False) -> None:
    """Do something while the message to somebody is on its way: before its last byte, or after it."""
    send = post.server.send

    def slowly(message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        is_it = message["To"].addresses[0].username == name
        if is_it:
            post.server.send = send  # type: ignore[method-assign]  # once
        if is_it and not after:
            do()
        send(message, before_end=before_end)
        if is_it and after:
            do()

    post.server.send = slowly  # type: ignore[method-assign]  # as the one it replaces


def change(post: Post, named: dict[str, int], what: str, now: Any = NOW, **form: str) -> None:
    with post.database.write() as session:
        who = leaving.find(session, named)
        assert who is not None
        leaving.change(session, who, what, form, now)


# A person decides


@pytest.mark.parametrize("how", ["stop", "pause", "shut out"])
def test_who_wants_it_no_more_gets_none_though_it_was_claimed(post: Post, alice: Reader, bob: Reader, how: str) -> None:
    for reader in (alice, bob):
        post.want(reader)

    def decide() -> None:
        if how == "shut out":
            with post.database.write() as session:
                accounts.shut_out(session, bob.id, NOW)
        else:
            change(post, {"r": bob.id}, how)

    meanwhile(post, "alice", decide)
    assert post.tick() == {"sent": 1, "skipped": 1}
    assert (post.server.to("alice"), post.server.to("bob")) == (1, 0)
    assert [(line.status, line.error) for line in post.ledger] == [("sent", None), ("skipped", digests.UNWANTED)]
    assert post.tick(NOW + 2 * HOUR) == {}


def test_who_decides_while_their_own_is_on_its_way_gets_none(post: Post, alice: Reader) -> None:
    post.want(alice)
    meanwhile(post, "alice", lambda: change(post, {"r": alice.id}, "stop"))
    assert (post.tick(), post.server.sent) == ({"skipped": 1}, [])


def test_a_digest_goes_to_the_address_that_was_confirmed_meanwhile(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)

    def move() -> None:
        with post.database.write() as session:
            accounts.confirm_email(session, bob.id, "robert@example.org", now=NOW)

    meanwhile(post, "alice", move)
    assert post.tick() == {"sent": 2, "deferred": 1}
    assert [str(message["To"].addresses[0].addr_spec) for message in post.server.sent] == [
        "alice@example.org",
        "robert@example.org",
    ]
    assert [(line.status, line.attempts) for line in post.ledger] == [("sent", 1), ("sent", 1)]


@pytest.mark.parametrize("kind", ["reader", "subscriber"])
def test_a_pause_holds_back_what_was_put_off(post: Post, alice: Reader, kind: str) -> None:
    if kind == "reader":
        post.want(alice)
        named = {"r": alice.id}
    else:
        with post.database.write() as session:
            named = {"s": subscribers.confirm(session, "alice@example.org", Schedule(8), locale="en", now=NOW - HOUR).id}
    post.server.answers["alice"] = [LATER]
    assert post.tick() == {"deferred": 1}
    change(post, named, "pause", NOW + MINUTE, days="14")
    assert (post.tick(NOW + 6 * MINUTE), post.server.sent, post.statuses) == ({}, [], ["skipped"])
    post.announce(DAY + timedelta(days=14))
    assert post.tick(NOW + timedelta(days=14)) == {"sent": 1}


def test_an_account_that_goes_while_its_digest_is_answered_keeps_nobody_else_waiting(
    post: Post, alice: Reader, bob: Reader
) -> None:
    for reader in (alice, bob):
        post.want(reader)

    def go() -> None:
        with post.database.write() as session:
            belongings.remove(session, alice.id, now=NOW)

    meanwhile(post, "alice", go, after=True)
    assert post.tick() == {"sent": 2}
    assert (post.statuses, post.server.to("bob"), post.slept) == (["sent"], 1, [0.0, 0.0])


# A choice of another hour


@pytest.mark.parametrize("every", ["day", "week"])
@pytest.mark.parametrize("kind", ["reader", "subscriber"])
def test_what_was_due_is_not_lost_by_choosing_again(post: Post, alice: Reader, kind: str, every: str) -> None:
    """The hour has come, the clock has not looked yet, and somebody presses the button for what they have already."""
    hour, seen = Schedule(8, every=every, weekday=NOW.weekday()), NOW + 2 * MINUTE
    if kind == "reader":
        post.want(alice, hour)
        named = {"r": alice.id}
    else:
        with post.database.write() as session:
            named = {"s": subscribers.confirm(session, "alice@example.org", hour, locale="en", now=NOW - timedelta(days=1)).id}
            again = subscribers.confirm(session, "alice@example.org", hour, locale="en", now=seen)
        assert again.next_digest_at == NOW
    change(post, named, "daily" if every == "day" else "weekly", seen, weekday=str(NOW.weekday()))
    assert post.tick(seen + 3 * MINUTE) == {"sent": 1}
    assert post.tick(seen + 8 * MINUTE) == {}


def test_a_later_hour_chosen_when_it_was_due_already_waits_for_that_hour(post: Post, alice: Reader) -> None:
    post.want(alice, Schedule(7), due=NOW.replace(hour=7) - timedelta(days=1))
    assert post.tick(NOW.replace(hour=7) - timedelta(days=1)) != {}
    with post.database.write() as session:
        later = Schedule(9)
        held = post.reader(alice).next_digest_at
        accounts.set_digest(session, alice.id, later, on=True, next_at=later.coming(NOW.replace(hour=7, minute=2), held))
    assert post.tick(NOW.replace(hour=7, minute=5)) == {}
    assert post.reader(alice).next_digest_at == NOW.replace(hour=9)
    assert post.tick(NOW.replace(hour=9)) == {"sent": 1}


# The database


@pytest.mark.parametrize("broken", ["hand", "wanting", "last_edition"])
def test_a_database_that_is_busy_costs_nobody_their_digest(
    post: Post, alice: Reader, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.want(alice)
    works, left = getattr(digests, broken), [LOCKED] * 2  # the first one asks for everybody

    def sometimes(*args: Any, **facts: Any) -> Any:
        if left and (broken != "last_edition" or post.slept):
            raise left.pop()
        return works(*args, **facts)

    if broken == "last_edition":
        post.slept.append(0.0)
    monkeypatch.setattr(digests, broken, sometimes)
    ended = [post.tick(NOW + at * MINUTE) for at in (0, 5, 20)]
    assert ended[0] == {"deferred": 1}
    assert sum(one.get("sent", 0) for one in ended) == post.server.to("alice") == 1
    assert post.statuses == ["sent"]


def test_what_broke_off_is_taken_up_by_the_next_round(
    post: Post, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what became of one digest nor that the others are put off can be written down."""
    for reader in (alice, bob):
        post.want(reader)
    post.server.answers["alice"] = [LATER]
    with monkeypatch.context() as patch:

        def busy(*_args: object, **_facts: object) -> bool:
            raise LOCKED

        patch.setattr(digests, "put_off", busy)
        with pytest.raises(OperationalError):
            post.tick()
    assert post.statuses == ["claimed", "claimed"]
    assert post.tick(NOW + 5 * MINUTE) == {"sent": 2}


def test_a_process_that_hands_over_while_it_is_thought_dead_is_believed(
    post: Post, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between another's look at the ledger and its taking over, the last byte leaves after all."""
    post.want(alice)
    look = digests.open_lines

    def other_looks(before_end: Callable[[], None]) -> None:
        def looks(session: Session) -> Any:
            seen = look(session)
            monkeypatch.setattr(digests, "open_lines", look)
            before_end()
            return seen

        monkeypatch.setattr(digests, "open_lines", looks)
        assert post.tick(NOW + 2 * HOUR, worker="other:1") == {}

    def stands_still(message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        other_looks(before_end)
        post.server.sent.append(message)

    monkeypatch.setattr(post.server, "send", stands_still)
    assert post.tick(worker="one:1") == {"sent": 1}
    assert (post.server.to("alice"), post.statuses) == (1, ["sent"])


# The owner's trouble


def test_a_sender_that_is_no_address_waits_for_the_owner(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)
    whole = post.settings
    mail = whole.mail.model_copy(update={"sender": "Broadsheet papers@example.org"})
    post.settings = whole.model_copy(update={"mail": mail})
    assert post.tick() == {"deferred": 2}
    assert "BROADSHEET_MAIL__SENDER" in str(post.ledger[0].error)
    post.settings = whole
    assert post.tick(NOW + 10 * MINUTE) == {"sent": 2}


def suppressed(post: Post, *names: str) -> list[str]:
    with post.database.read() as session:
        return sorted(suppressions.among(session, [f"{name}@example.org" for name in names]))


def refuse(post: Post, *names: str, days: int, first: int = 0, **how: Any) -> None:
    """Let everybody's digest be refused on some days."""
    for day in range(first, first + days):
        for name in names:
            post.server.answers[name] = [MailRefused("554 5.7.1 not from you", code=554, **how)]
        post.tick(NOW + timedelta(days=day))
        post.announce(DAY + timedelta(days=day + 1))


def test_a_server_that_wants_none_of_ours_has_nobody_left_alone(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)
    refuse(post, "alice", "bob", days=4, policy=True)
    assert suppressed(post, "alice", "bob") == []
    assert post.tick(NOW + timedelta(days=4)) == {"sent": 2}


def test_an_address_that_alone_wants_none_of_ours_is_left_alone(post: Post, alice: Reader, bob: Reader) -> None:
    for reader in (alice, bob):
        post.want(reader)
    refuse(post, "bob", days=suppressions.IN_A_ROW, policy=True)
    assert suppressed(post, "alice", "bob") == ["bob@example.org"]


def test_a_server_that_could_not_be_used_says_nothing_of_an_address(post: Post, alice: Reader) -> None:
    post.want(alice)
    for day in range(2):
        start = NOW + timedelta(days=day)
        for tries in range(13):
            post.server.answers["alice"] = [MailDeferred("535 refused the password", code=535, whole_server=True)]
            post.tick(start + tries * HOUR)
        post.announce(DAY + timedelta(days=day + 1))
    assert post.statuses == ["failed", "failed"]
    refuse(post, "alice", days=1, first=2)
    assert suppressed(post, "alice") == []


def test_a_new_address_begins_anew(post: Post, alice: Reader) -> None:
    post.want(alice)
    refuse(post, "alice", days=2)
    with post.database.write() as session:
        accounts.confirm_email(session, alice.id, "fresh@example.org", now=NOW + timedelta(days=1, hours=1))
    refuse(post, "fresh", days=2, first=2)
    assert suppressed(post, "fresh") == []
    refuse(post, "fresh", days=1, first=4)
    assert suppressed(post, "fresh") == ["fresh@example.org"]


def test_an_address_that_is_written_to_again_begins_anew(post: Post, alice: Reader) -> None:
    post.want(alice)
    refuse(post, "alice", days=3)
    with post.database.write() as session:
        assert suppressions.lift(session, "alice@example.org")
    refuse(post, "alice", days=2, first=3)
    assert suppressed(post, "alice") == []


# What is known of one that may have arrived


def test_papers_that_may_have_arrived_are_not_mailed_again(post: Post, alice: Reader) -> None:
    post.want(alice)
    post.server.late["alice"] = [MailUnanswered("no answer within 30 s")]
    assert post.tick() == {"unknown": 1}
    assert post.tick(NOW + timedelta(days=1)) == {"sent": 1}  # which says that nothing came since
    assert [(line.status, line.kind, line.edition) for line in post.ledger] == [("unknown", "day", DAY), ("sent", "quiet", None)]


def test_a_round_knows_what_the_one_before_it_sent(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    class Waits(Exception):
        """Time would pass."""

    def wait(seconds: float) -> None:
        if seconds:
            raise Waits(seconds)

    monkeypatch.setattr(jobs, "Delivery", partial(Delivery, sleep=wait))
    mail = post.settings.mail.model_copy(update={"per_domain_per_minute": 1})
    work = jobs.Work(post.database, post.settings.model_copy(update={"mail": mail}), lambda: NOW, mailer=post.server)
    for name in ("first", "second"):
        post.want(make_reader(post.database, name))
        if name == "first":
            assert jobs.digests(work) == {"sent": 1}
    with pytest.raises(Waits, match=r"5\d\."):
        jobs.digests(work)

"""At most one digest per person and local day, whoever asks; and what a line of the ledger may become."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from factories import DAY, NOW, make_reader
from sqlalchemy.exc import IntegrityError

from recommender.hours import Schedule
from recommender.store import accounts, digests, readers, subscribers
from recommender.store.db import Database
from recommender.store.digests import Claim, Recipient
from recommender.store.readers import Reader
from recommender.store.tables_mail import DigestRow

TOMORROW = NOW + timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["reader", "subscriber"])
def due(request: pytest.FixtureRequest, database: Database) -> Recipient:
    """Somebody whose digest is due."""
    return due_reader(database) if request.param == "reader" else due_subscriber(database)


def due_reader(database: Database, name: str = "alice") -> Reader:
    made = make_reader(database, name, email=f"{name}@x.org")
    with database.write() as session:
        accounts.set_digest(session, made.id, Schedule(8), on=True, next_at=NOW)
        return next(reader for reader in readers.digest_due(session, NOW) if reader.id == made.id)


def due_subscriber(database: Database) -> subscribers.Subscriber:
    with database.write() as session:
        made = subscribers.confirm(session, "s@x.org", Schedule(8), locale="en", now=NOW - timedelta(days=1))
        assert made.next_digest_at == NOW
        return made


def take(database: Database, who: Recipient, *, day: date = DAY, worker: str = "") -> Claim | None:
    with database.write() as session:
        return digests.claim(session, who, day, due_at=NOW, following=TOMORROW, now=NOW, worker=worker)


def line(database: Database) -> digests.Digest:
    with database.read() as session:
        return digests.recent(session, limit=1)[0]


def again(database: Database, who: Recipient) -> Recipient:
    """The same person as they are now."""
    with database.read() as session:
        found = readers.by_id(session, who.id) if isinstance(who, Reader) else subscribers.by_id(session, who.id)
    assert found is not None
    return found


def test_a_claim_moves_the_next_digest(database: Database, due: Recipient) -> None:
    claim = take(database, due)
    assert again(database, due) == replace(due, next_digest_at=TOMORROW)
    made = line(database)
    assert claim == Claim(made.id, due, DAY, NOW, 1)
    assert (made.day, made.status, made.claimed_at, made.ended_at, made.attempts) == (DAY, "claimed", NOW, None, 1)
    assert (made.reader_id, made.subscriber_id) == ((due.id, None) if isinstance(due, Reader) else (None, due.id))


def test_of_several_clocks_one_sends(database: Database, due: Recipient, together) -> None:
    claims = together([lambda: take(database, due)] * 6)
    assert sum(claim is not None for claim in claims) == 1
    with database.read() as session:
        assert len(digests.recent(session)) == 1


def test_a_reader_and_a_subscriber_of_the_same_number_are_two(database: Database) -> None:
    both = [due_reader(database), due_subscriber(database)]
    assert both[0].id == both[1].id
    assert all(take(database, who) for who in both)


def test_a_day_that_was_claimed_is_not_claimed_again(database: Database) -> None:
    """A reader who moves the hour, or the time zone, on the same day gets no second digest; the next one is set all the same."""
    alice = due_reader(database)
    assert take(database, alice) is not None
    with database.write() as session:
        accounts.set_digest(session, alice.id, Schedule(9), on=True, next_at=NOW)
        (anew,) = readers.digest_due(session, NOW)
    assert take(database, anew) is None
    with database.read() as session:
        assert readers.digest_due(session, NOW) == []
        assert len(digests.recent(session)) == 1


def test_who_switched_it_off_meanwhile_gets_none(database: Database, due: Recipient) -> None:
    stop(database, due)
    assert take(database, due) is None
    with database.read() as session:
        assert digests.recent(session) == []


def stop(database: Database, who: Recipient) -> None:
    with database.write() as session:
        if isinstance(who, Reader):
            accounts.set_digest(session, who.id, who.schedule, on=False, next_at=None)
        else:
            subscribers.leave(session, who.id)


def test_the_database_itself_allows_one_a_day(database: Database, due: Recipient) -> None:
    made = take(database, due)
    assert made is not None
    column = "reader_id" if isinstance(due, Reader) else "subscriber_id"
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(DigestRow(day=DAY, status="claimed", claimed_at=NOW, **{column: due.id}))


def test_only_the_worker_who_claimed_may_hand_over_and_only_once(database: Database, due: Recipient) -> None:
    claim = take(database, due, worker="me:1")
    assert claim is not None
    with database.write() as session:
        assert not digests.hand(session, claim.id, message_id="<1@x>", worker="you:1")
        assert digests.hand(session, claim.id, message_id="<1@x>", worker="me:1")
        assert not digests.hand(session, claim.id, message_id="<1@x>", worker="me:1")
        assert digests.is_handed(session, claim.id)
        (held,) = digests.open_lines(session)
    assert (held.status, held.worker, held.claimed_at) == ("handed", "me:1", NOW)
    assert line(database).message_id == "<1@x>"


def test_what_was_put_off_is_taken_again_when_its_time_has_come(database: Database, due: Recipient) -> None:
    claim = take(database, due, worker="me:1")
    assert claim is not None
    with database.write() as session:
        digests.put_off(session, claim.id, held_by="you:1", retry_at=NOW)  # nothing of theirs
        assert digests.claim_again(session, NOW, limit=9) == []
        digests.put_off(session, claim.id, held_by="me:1", retry_at=NOW + 5 * MINUTE, error="busy", code=451)
        assert digests.claim_again(session, NOW + 4 * MINUTE, limit=9) == []
        assert digests.open_lines(session) == []
    waiting = line(database)
    assert (waiting.status, waiting.retry_at, waiting.error, waiting.code) == ("deferred", NOW + 5 * MINUTE, "busy", 451)
    with database.write() as session:
        (second,) = digests.claim_again(session, NOW + 5 * MINUTE, limit=9, worker="you:2")
    assert (second.id, second.who, second.day, second.due_at, second.attempt) == (claim.id, again(database, due), DAY, NOW, 2)
    with database.write() as session:
        assert not digests.hand(session, claim.id, message_id="<1@x>", worker="me:1")  # who was slow finds it taken
        assert digests.hand(session, claim.id, message_id="<1@x>", worker="you:2")


def test_what_was_not_tried_is_no_attempt(database: Database, due: Recipient) -> None:
    claim = take(database, due)
    assert claim is not None
    with database.write() as session:
        digests.put_off(session, claim.id, held_by="", retry_at=NOW, tried=False)
        (second,) = digests.claim_again(session, NOW, limit=9)
    assert second.attempt == 1


def test_a_digest_put_off_is_closed_when_it_was_switched_off_meanwhile(database: Database) -> None:
    alice = due_reader(database)
    claim = take(database, alice)
    assert claim is not None
    with database.write() as session:
        digests.put_off(session, claim.id, held_by="", retry_at=NOW)
    stop(database, alice)
    with database.write() as session:
        assert digests.claim_again(session, NOW, limit=9) == []
    assert (line(database).status, line(database).error) == ("skipped", digests.UNWANTED)


def test_of_what_was_handed_over_nobody_may_know_more(database: Database, due: Recipient) -> None:
    claim = take(database, due)
    assert claim is not None
    with database.write() as session:
        digests.give_up(session, claim.id, now=NOW)
        assert digests.open_lines(session)[0].status == "claimed"  # that has not left, and is another matter
        digests.hand(session, claim.id, message_id="<1@x>")
        digests.give_up(session, claim.id, now=NOW)
        assert digests.claim_again(session, TOMORROW, limit=9) == []
    assert (line(database).status, line(database).ended_at) == ("unknown", NOW)


def test_what_became_of_it(database: Database, due: Recipient) -> None:
    claim = take(database, due)
    assert claim is not None
    with database.write() as session:
        digests.mark(session, claim.id, "failed", now=NOW, error="refused" * 1000, code=550)
    ended = line(database)
    assert (ended.status, ended.code, ended.ended_at, ended.kind) == ("failed", 550, NOW, "day")
    assert len(ended.error or "") == digests.LONGEST_ERROR


def end(database: Database, who: Recipient, day: date, status: str, **facts: object) -> None:
    """Write a whole line."""
    column = "reader_id" if isinstance(who, Reader) else "subscriber_id"
    with database.write() as session:
        session.add(DigestRow(day=day, status=status, claimed_at=NOW, **{column: who.id}, **facts))


def test_the_newest_edition_is_of_what_may_have_arrived(database: Database, due: Recipient) -> None:
    with database.read() as session:
        assert digests.last_edition(session, due) is None
    for age, status in enumerate(("failed", "deferred", "unknown", "sent")):
        end(database, due, DAY - timedelta(days=age), status, edition=DAY - timedelta(days=age))
    with database.read() as session:
        assert digests.last_edition(session, due) == DAY - timedelta(days=2)


def test_whether_the_last_word_was_that_there_is_nothing(database: Database, due: Recipient) -> None:
    told = []
    for age, (status, kind) in enumerate([("sent", "day"), ("sent", "quiet"), ("skipped", "day"), ("sent", "week")]):
        end(database, due, DAY + timedelta(days=age), status, kind=kind)
        with database.read() as session:
            told.append(digests.told_quiet(session, due))
    assert told == [False, True, True, False]


def test_refusals_are_counted_until_something_else_happened(database: Database, due: Recipient) -> None:
    story = [("failed", 554), ("sent", None), ("failed", 550), ("skipped", None), ("failed", 552)]
    counts = []
    for age, (status, code) in enumerate(story):
        end(database, due, DAY + timedelta(days=age), status, code=code)
        with database.read() as session:
            counts.append(digests.failed_in_a_row(session, due))
    assert counts == [1, 0, 1, 1, 2]
    end(database, due, DAY + timedelta(days=9), "failed", error="our own fault")
    with database.read() as session:
        assert digests.failed_in_a_row(session, due) == 0


def test_the_ledger_is_newest_first(database: Database, due: Recipient) -> None:
    for age in range(3):
        end(database, due, DAY - timedelta(days=3 - age), "sent")
    with database.read() as session:
        newest = digests.recent(session, limit=2)
    assert [made.day for made in newest] == [DAY - timedelta(days=1), DAY - timedelta(days=2)]


def test_someone_else_is_not_meant(database: Database) -> None:
    alice, bob = due_reader(database), due_reader(database, "bob")
    end(database, alice, DAY, "failed", code=550, edition=DAY)
    with database.read() as session:
        assert (digests.last_edition(session, bob), digests.failed_in_a_row(session, bob)) == (None, 0)

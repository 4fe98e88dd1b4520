"""Sign-ins: each is named without giving its secret away, and ends for good; a token stands for what it was made for, once."""

from __future__ import annotations

from datetime import timedelta

from factories import NOW, make_reader
from sqlalchemy import func, select

from recommender.store import accounts, readers, sessions
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from recommender.store.tables import SessionRow, TokenRow

DAY = timedelta(days=1)


def opened(session: Session, reader: Reader, *, agent: str = "", hours: int = 0) -> str:
    return readers.open_session(session, reader.id, now=NOW + timedelta(hours=hours), lives=DAY, agent=agent)


def test_sign_ins_are_listed_the_last_used_first(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        first, second = opened(session, alice, agent="one"), opened(session, alice, agent="two", hours=1)
        opened(session, bob)
        assert [one.agent for one in sessions.listing(session, alice.id, now=NOW, secret=first)] == ["two", "one"]
        sessions.seen(session, first, NOW + timedelta(hours=2))
        found = sessions.listing(session, alice.id, now=NOW + timedelta(hours=2), secret=first)
        assert [(one.agent, one.is_this) for one in found] == [("one", True), ("two", False)]
        assert found[0].seen_at == NOW + timedelta(hours=2)
        assert found[1].seen_at == found[1].created_at == NOW + timedelta(hours=1)
        assert all(one.name not in first + second for one in found)
        assert [one.agent for one in sessions.listing(session, alice.id, now=NOW + timedelta(hours=24.5))] == ["two"]


def test_one_is_ended_by_its_name_and_only_by_its_reader(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        here, there = opened(session, alice), opened(session, alice, hours=1)
        name = sessions.listing(session, alice.id, now=NOW, secret=there)[1].name
        for wrong in ("", "%", "_" * 16, "0" * 16, name[:8], name + "0"):
            assert not sessions.end(session, alice.id, wrong)
        assert not sessions.end(session, bob.id, name)
        assert sessions.end(session, alice.id, name)
        assert not sessions.end(session, alice.id, name)
        assert readers.reader_of_session(session, here, now=NOW) is None
        assert readers.reader_of_session(session, there, now=NOW) == alice


def test_all_end_but_this_and_links_with_them(database: Database) -> None:
    alice, bob = make_reader(database, "alice"), make_reader(database, "bob")
    with database.write() as session:
        here, there, others = opened(session, alice), opened(session, alice), opened(session, bob)
        link = readers.issue_token(session, alice.id, "signin", now=NOW, lives=DAY)
        assert sessions.end_all(session, alice.id, but=here) == 1
        assert readers.reader_of_session(session, here, now=NOW) == alice
        assert readers.reader_of_session(session, there, now=NOW) is None
        assert readers.reader_of_session(session, others, now=NOW) == bob
        assert readers.redeem_token(session, link, "signin", now=NOW) is None
        assert sessions.end_all(session, alice.id) == 1


def test_a_token_stands_for_what_it_was_made_for(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        token = readers.issue_token(session, alice.id, "email", now=NOW, lives=DAY, payload="a@example.org")
        assert sessions.peek_token(session, token, "signin", now=NOW) is None
        assert sessions.peek_token(session, token, "email", now=NOW + DAY) is None
        assert sessions.peek_token(session, "wrong", "email", now=NOW) is None
        for _ in range(2):  # looking uses nothing up
            assert sessions.peek_token(session, token, "email", now=NOW) == sessions.Spent(alice, "a@example.org")
        assert sessions.spend_token(session, token, "email", now=NOW) == sessions.Spent(alice, "a@example.org")
        assert sessions.spend_token(session, token, "email", now=NOW) is None
        assert sessions.peek_token(session, token, "email", now=NOW) is None


def test_tokens_of_one_purpose_are_withdrawn(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        email, link = (readers.issue_token(session, alice.id, name, now=NOW, lives=DAY) for name in ("email", "signin"))
        sessions.withdraw_tokens(session, alice.id, "email")
        assert sessions.peek_token(session, email, "email", now=NOW) is None
        assert sessions.peek_token(session, link, "signin", now=NOW) is not None


def test_whoever_is_shut_out_is_out_at_once_everywhere(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        here, link = opened(session, alice), readers.issue_token(session, alice.id, "signin", now=NOW, lives=DAY)
        accounts.shut_out(session, alice.id, NOW)
        assert readers.reader_of_session(session, here, now=NOW) is None
        assert sessions.peek_token(session, link, "signin", now=NOW) is None
        late = readers.issue_token(session, alice.id, "signin", now=NOW, lives=DAY)
        again = opened(session, alice)
        assert readers.redeem_token(session, late, "signin", now=NOW) is None
        assert readers.reader_of_session(session, again, now=NOW) is None
        accounts.shut_out(session, alice.id, None)
        assert readers.reader_of_session(session, again, now=NOW) is not None


def test_what_is_over_is_dropped(database: Database) -> None:
    alice = make_reader(database, "alice")
    with database.write() as session:
        old, new = opened(session, alice), opened(session, alice, hours=1)
        readers.issue_token(session, alice.id, "signin", now=NOW, lives=DAY)
        sessions.prune(session, NOW + DAY)
        assert session.scalar(select(func.count()).select_from(TokenRow)) == 0
        assert session.scalar(select(func.count()).select_from(SessionRow)) == 1
        assert readers.reader_of_session(session, old, now=NOW) is None
        assert readers.reader_of_session(session, new, now=NOW) == alice

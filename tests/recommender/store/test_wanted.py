"""The queue of papers readers asked for: asked once, tried with growing waits, given up with a word, asked anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW

from recommender.errors import StoreError
from recommender.store import wanted
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.wanted import GIVEN_UP, WAITS

ONE, TWO, THREE = "arxiv:2601.00001", "arxiv:2601.00002", "arxiv:hep-th/9901001"
MINUTE = timedelta(minutes=1)


def test_what_is_asked_waits_and_is_asked_once(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        first = wanted.ask(session, alice.id, [TWO, ONE, TWO], "like", now=NOW)
        again = wanted.ask(session, alice.id, [ONE, THREE], "like", now=NOW + MINUTE)
        wanted.ask(session, alice.id, [ONE], "submit", now=NOW + 2 * MINUTE)
        wanted.ask(session, alice.id, [ONE], "like", 7, now=NOW + 3 * MINUTE)
        wanted.ask(session, bob.id, [ONE], now=NOW)
    assert [wish.paper_id for wish in first] == [TWO, ONE]
    assert again[0] == first[1]
    with database.read() as session:
        mine = wanted.of_reader(session, alice.id)
        assert [(wish.paper_id, wish.purpose, wish.interest, wish.state) for wish in mine] == [
            (ONE, "like", 7, "waiting"),
            (ONE, "submit", 0, "waiting"),
            (THREE, "like", 0, "waiting"),
            (ONE, "like", 0, "waiting"),
            (TWO, "like", 0, "waiting"),
        ]
        assert [wish.purpose for wish in wanted.of_reader(session, alice.id, purpose="submit")] == ["submit"]
        assert len(wanted.of_reader(session, alice.id, limit=2)) == 2
        assert wanted.due(session, now=NOW + 5 * MINUTE, limit=10) == [TWO, ONE, THREE]  # each once, the longest waiting first
        assert wanted.due(session, now=NOW, limit=1) == [TWO]
        assert len(wanted.open_for(session, [ONE])) == 4


@pytest.mark.parametrize(
    ("ids", "purpose", "told"),
    [(["doi:10.1/x"], "like", "only papers of arXiv"), ([f"arxiv:{'9' * 90}"], "like", "only papers"), ([ONE], "buy", "one of")],
)
def test_what_cannot_be_fetched_is_refused(database: Database, alice: Reader, ids: list[str], purpose: str, told: str) -> None:
    with database.write() as session, pytest.raises(StoreError, match=told):
        wanted.ask(session, alice.id, ids, purpose, now=NOW)


def test_only_so_many_wait_at_once(database: Database, alice: Reader, bob: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "MOST", 2)
    with database.write() as session:
        wanted.ask(session, alice.id, [ONE, TWO], now=NOW)
        wanted.ask(session, alice.id, [ONE, TWO], now=NOW)  # nothing more waits
        with pytest.raises(StoreError, match="can wait at once"):
            wanted.ask(session, alice.id, [THREE], now=NOW)
        wanted.ask(session, bob.id, [THREE], now=NOW)
        wanted.settle(session, [wish.id for wish in wanted.open_for(session, [ONE])], now=NOW)
        wanted.ask(session, alice.id, [THREE], now=NOW)


def test_the_wait_grows_and_after_the_last_try_it_is_given_up(database: Database, alice: Reader) -> None:
    with database.write() as session:
        wanted.ask(session, alice.id, [ONE], now=NOW)
    for tries in range(GIVEN_UP):
        ripe = NOW + WAITS[tries]
        with database.write() as session:
            assert wanted.due(session, now=ripe - timedelta(seconds=1), limit=9) == []
            assert wanted.due(session, now=ripe, limit=9) == [ONE]
            given_up = wanted.failed(session, [ONE], f"no {tries}", now=ripe)
            (wish,) = wanted.of_reader(session, alice.id)
        assert (wish.tries, wish.error, given_up) == (tries + 1, f"no {tries}", int(tries + 1 == GIVEN_UP))
        assert wish.state == ("given up" if tries + 1 == GIVEN_UP else "waiting")
    with database.read() as session:
        assert wanted.due(session, now=NOW + timedelta(days=30), limit=9) == []
    with database.write() as session:
        (anew,) = wanted.ask(session, alice.id, [ONE], now=NOW + timedelta(days=2))
        assert (anew.state, anew.tries, anew.error) == ("waiting", 0, None)
        assert wanted.due(session, now=NOW + timedelta(days=2), limit=9) == [ONE]


def test_what_cannot_come_is_given_up_at_once(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        wanted.ask(session, alice.id, [ONE, TWO], now=NOW)
        wanted.ask(session, bob.id, [ONE], now=NOW)
        assert wanted.failed(session, [ONE], "invented", now=NOW, final=True) == 2
        assert wanted.due(session, now=NOW, limit=9) == [TWO]


def test_what_came_is_settled(database: Database, alice: Reader) -> None:
    with database.write() as session:
        (wish, _) = wanted.ask(session, alice.id, [ONE, TWO], now=NOW)
        wanted.failed(session, [ONE], "not yet", now=NOW)
        wanted.settle(session, [wish.id], now=NOW + MINUTE)
        (two, one) = wanted.of_reader(session, alice.id)
    assert (one.state, one.done_at, one.error, one.tries) == ("here", NOW + MINUTE, None, 1)
    assert two.state == "waiting"


def test_a_reader_withdraws_only_their_own(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        (wish,) = wanted.ask(session, alice.id, [ONE], now=NOW)
        assert not wanted.withdraw(session, bob.id, wish.id)
        assert wanted.withdraw(session, alice.id, wish.id)
        assert not wanted.withdraw(session, alice.id, wish.id)
        assert wanted.of_reader(session, alice.id) == []


def test_a_long_list_is_asked_and_answered_in_parts(database: Database, alice: Reader) -> None:
    many = [f"arxiv:2601.{number:05d}" for number in range(900)]
    with database.write() as session:
        assert len(wanted.ask(session, alice.id, many, now=NOW)) == 900
        assert wanted.due(session, now=NOW, limit=2000) == many
        assert len(wanted.open_for(session, many)) == 900
        assert wanted.failed(session, many, "no", now=NOW) == 0
        wanted.settle(session, [wish.id for wish in wanted.open_for(session, many)], now=NOW)
        assert wanted.open_for(session, many) == []

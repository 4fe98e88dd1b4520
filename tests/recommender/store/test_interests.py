"""A reader's interests: made, named, ordered, closed, opened again, taught anew; nobody touches another reader's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.store import connections, events, interests, papers, wanted
from recommender.store.db import Database, Session
from recommender.store.interests import Picks, slug_of
from recommender.store.readers import Reader
from recommender.types import EventKind


def names(session: Session, reader: Reader) -> list[str]:
    return [interest.name for interest in interests.listing(session, reader.id)]


def make(session: Session, reader: Reader, *called: str) -> list[int]:
    return [interests.create(session, reader.id, name, now=NOW).id for name in called]


def test_an_interest_is_read_back_as_it_was_made(database: Database, alice: Reader, bob: Reader) -> None:
    chosen = Picks(("cs.RO",), ("legs",), ("arxiv:1",))
    with database.write() as session:
        made = interests.create(session, alice.id, "  Robots   that walk ", now=NOW, query="legs", chosen=chosen)
    assert (made.name, made.slug, made.query, made.picks, made.created_at) == (
        "Robots that walk",
        "robots-that-walk",
        "legs",
        chosen,
        NOW,
    )
    with database.read() as session:
        assert interests.listing(session, alice.id) == [made]
        assert interests.get(session, alice.id, made.id) == made == interests.by_slug(session, alice.id, "robots-that-walk")
        assert interests.listing(session, bob.id) == []
        assert interests.get(session, bob.id, made.id) is None
        assert interests.by_slug(session, bob.id, made.slug) is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "ROBOTS", " robots "])
def test_a_name_must_be_new_and_short(database: Database, alice: Reader, name: str) -> None:
    with database.write() as session:
        make(session, alice, "Robots")
        with pytest.raises(StoreError, match="name"):
            interests.create(session, alice.id, name, now=NOW)
        assert names(session, alice) == ["Robots"]


def test_two_names_of_one_address_get_two(database: Database, alice: Reader) -> None:
    with database.write() as session:
        make(session, alice, "C", "C++", "C!", "General")
        assert [i.slug for i in interests.listing(session, alice.id)] == ["c", "c-2", "c-3", "general-2"]


def test_there_are_not_too_many(database: Database, alice: Reader) -> None:
    with database.write() as session:
        made = make(session, alice, *(f"interest {n}" for n in range(interests.MOST)))
        with pytest.raises(StoreError, match="close one"):
            make(session, alice, "one more")
        interests.close(session, alice.id, made[0], now=NOW)
        make(session, alice, "one more")
        with pytest.raises(StoreError, match="close one"):
            interests.reopen(session, alice.id, made[0])


def test_a_new_name_is_a_new_address(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        robots, _ = make(session, alice, "Robots", "Proofs")
        assert interests.rename(session, alice.id, robots, "robots").slug == "robots"  # its own name is not taken
        assert interests.rename(session, alice.id, robots, "Legs").slug == "legs"
        with pytest.raises(StoreError, match="already"):
            interests.rename(session, alice.id, robots, "Proofs")
        with pytest.raises(StoreError, match="no such"):
            interests.rename(session, bob.id, robots, "Mine")


def test_places_are_exchanged_and_ends_stay(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        a, b, c = make(session, alice, "A", "B", "C")
        interests.move(session, alice.id, c, up=True)
        assert names(session, alice) == ["A", "C", "B"]
        interests.move(session, alice.id, a, up=True)
        interests.move(session, alice.id, b, up=False)
        assert names(session, alice) == ["A", "C", "B"]
        interests.close(session, alice.id, c, now=NOW)
        interests.move(session, alice.id, b, up=True)
        assert names(session, alice) == ["B", "A"]
        with pytest.raises(StoreError, match="no such"):
            interests.move(session, bob.id, a, up=False)


def test_a_closed_one_is_gone_and_comes_back_as_it_was(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        _, robots = make(session, alice, "Proofs", "Robots")
        interests.set_picks(session, alice.id, robots, topics=["legs"])
        before = interests.get(session, alice.id, robots)
        interests.close(session, alice.id, robots, now=NOW + timedelta(hours=1))
        assert names(session, alice) == ["Proofs"]
        assert interests.get(session, alice.id, robots) is None
        assert [own.id for own in interests.closed(session, alice.id)] == [robots]
        assert interests.closed(session, bob.id) == []
        with pytest.raises(StoreError, match="no such"):
            interests.close(session, alice.id, robots, now=NOW)
        with pytest.raises(StoreError, match="no such"):
            interests.reopen(session, bob.id, robots)
        assert interests.reopen(session, alice.id, robots) == before == interests.reopen(session, alice.id, robots)
        assert names(session, alice) == ["Proofs", "Robots"]
        assert interests.closed(session, alice.id) == []


def test_a_name_taken_meanwhile_keeps_an_interest_closed(database: Database, alice: Reader) -> None:
    with database.write() as session:
        (old,) = make(session, alice, "Robots")
        interests.close(session, alice.id, old, now=NOW)
        make(session, alice, "robots")
        with pytest.raises(StoreError, match="already"):
            interests.reopen(session, alice.id, old)


def test_the_past_knows_what_was_open_then(database: Database, alice: Reader) -> None:
    hour = timedelta(hours=1)
    with database.write() as session:
        (robots,) = make(session, alice, "Robots")
        interests.close(session, alice.id, robots, now=NOW + 2 * hour)
        open_at = [[i.id for i in interests.listing(session, alice.id, as_of=NOW + n * hour)] for n in (-1, 0, 1, 2, 3)]
    assert open_at == [[], [robots], [robots], [], []]


def test_picks_are_kept_per_taste(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        (robots,) = make(session, alice, "Robots")
        interests.set_picks(session, alice.id, categories=["cs.LG"])
        interests.set_picks(session, alice.id, robots, papers=["arxiv:1"])
        assert interests.picks(session, alice.id) == Picks(("cs.LG",))
        assert interests.picks(session, alice.id, robots) == Picks((), (), ("arxiv:1",))
        assert interests.picks(session, bob.id, robots) == Picks() == interests.picks(session, bob.id)
        with pytest.raises(StoreError, match="no such"):
            interests.set_picks(session, bob.id, robots, topics=["mine"])


def test_what_is_forgotten_is_forgotten_by_one_taste_alone(database: Database, alice: Reader) -> None:
    with database.write() as session:
        papers.upsert(session, [make_paper(1)], now=NOW)
        (robots,) = make(session, alice, "Robots")
        interests.set_picks(session, alice.id, robots, topics=["legs"])
        event = events.append(session, alice.id, make_paper(1).id, EventKind.UPVOTE, at=NOW)
        interests.forget(session, alice.id, robots)
        assert interests.forgotten(session, alice.id) == {0: 0, robots: event.id}
        assert interests.picks(session, alice.id, robots) == Picks(forgotten=event.id)
        interests.forget(session, alice.id)
        assert interests.forgotten(session, alice.id) == {0: event.id, robots: event.id}
        assert len(events.history(session, alice.id)) == 1


@given(name=st.text(max_size=80))
def test_every_name_has_an_address_of_plain_letters(name: str) -> None:
    slug = slug_of(name)
    assert 0 < len(slug) <= 60
    assert all(letter.isalnum() or letter == "-" for letter in slug)
    assert slug == slug.strip("-")


def test_what_still_comes_in_for_a_closed_interest_goes_to_the_general_taste(database: Database, alice: Reader) -> None:
    with database.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        wanted.ask(session, alice.id, ["arxiv:2601.00001", "arxiv:2601.00002"], "like", own.id, now=NOW)
        wanted.ask(session, alice.id, ["arxiv:2601.00001"], "like", 0, now=NOW)
        connections.connect(session, alice.id, "zotero", account="123", secret="key", interest=own.id, now=NOW)
        interests.close(session, alice.id, own.id, now=NOW)
        assert sorted(wish.paper_id for wish in wanted.of_reader(session, alice.id)) == ["arxiv:2601.00001", "arxiv:2601.00002"]
        assert {wish.interest for wish in wanted.of_reader(session, alice.id)} == {0}
        known = connections.get(session, alice.id, "zotero")
    assert known is not None
    assert known.interest == 0

"""Likes move between interests: they keep their age, each interest knows its own, and the last word is one that still stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW, make_paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.store import events, interests, likes, papers
from recommender.store.db import Database, Session
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Event, EventKind

UP, DOWN, HIDE, CLEAR, SAVE = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR, EventKind.SAVE
PAPERS = [make_paper(number) for number in range(1, 5)]
A, B, C, D = (paper.id for paper in PAPERS)
OLD, LATER = NOW - timedelta(days=30), NOW + timedelta(hours=1)


@pytest.fixture
def log(database: Database, alice: Reader) -> Database:
    """Two interests of Alice, 1 and 2 (their numbers in a fresh database)."""
    with database.write() as session:
        papers.upsert(session, PAPERS, now=NOW)
        made = [interests.create(session, alice.id, name, now=NOW).id for name in ("Robots", "Proofs")]
    assert made == [1, 2]
    return database


def say(session: Session, reader: Reader, paper_id: str, kind: EventKind = UP, interest: int = 0) -> Event:
    return events.append(session, reader.id, paper_id, kind, at=OLD, interest=interest)


def held(session: Session, reader: Reader) -> dict[tuple[str, int], EventKind]:
    found = likes.standing(events.history(session, reader.id), interests.forgotten(session, reader.id))
    return {key: event.kind for key, event in found.items()}


def words(session: Session, reader: Reader) -> dict[str, Word]:
    """What cards show."""
    return {i: word for i, word in events.words(events.history(session, reader.id)).items() if word != Word()}


def test_a_moved_like_speaks_for_the_other_interest_and_keeps_its_age(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        say(session, alice, A)
        say(session, bob, A)
        made = likes.move(session, alice.id, [A], 0, 1, now=NOW)
        assert [(e.kind, e.interest, e.at) for e in made] == [(CLEAR, 0, NOW), (UP, 1, OLD)]
        assert held(session, alice) == {(A, 1): UP}
        assert words(session, alice) == {A: Word(UP)}
        assert held(session, bob) == {(A, 0): UP}


def test_a_copied_like_speaks_for_both(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A)
        assert [(e.kind, e.interest, e.at) for e in likes.copy(session, alice.id, [A, A], 0, 2, now=NOW)] == [(UP, 2, OLD)]
        assert held(session, alice) == {(A, 0): UP, (A, 2): UP}
        assert likes.copy(session, alice.id, [A], 0, 2, now=NOW) == []  # it is there


def test_what_is_not_liked_there_does_not_move(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        say(session, alice, A, DOWN)
        say(session, alice, B, SAVE)
        say(session, alice, C, UP, 1)
        say(session, bob, D)
        assert likes.move(session, alice.id, [A, B, C, D, "arxiv:none"], 0, 2, now=NOW) == []
        with pytest.raises(StoreError, match="another interest"):
            likes.move(session, alice.id, [C], 1, 1, now=NOW)


def test_moving_onto_a_dislike_likes_it_there(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A)
        say(session, alice, A, DOWN, 1)
        likes.move(session, alice.id, [A], 0, 1, now=NOW)
        assert held(session, alice) == {(A, 1): UP}


def test_moving_to_where_it_is_liked_already_leaves_the_like_as_the_last_word(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A, UP, 1)
        say(session, alice, A)
        likes.move(session, alice.id, [A], 0, 1, now=NOW)
        assert held(session, alice) == {(A, 1): UP}
        assert words(session, alice) == {A: Word(UP)}


def test_taking_back_one_of_two_likes_leaves_the_other(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A)
        likes.copy(session, alice.id, [A], 0, 1, now=NOW)
        made = likes.remove(session, alice.id, [A, B], 1, now=NOW)
        assert [(e.kind, e.interest, e.at) for e in made] == [(CLEAR, 1, NOW), (UP, 0, OLD)]
        assert held(session, alice) == {(A, 0): UP}
        assert words(session, alice) == {A: Word(UP)}
        likes.remove(session, alice.id, [A], 0, now=NOW)
        assert held(session, alice) == {}
        assert words(session, alice) == {}


def test_starting_over_forgets_one_interest_and_keeps_the_shelf(log: Database, alice: Reader) -> None:
    with log.write() as session:
        interests.set_picks(session, alice.id, 1, topics=["legs"])
        for paper_id, kind, interest in [(A, UP, 1), (B, DOWN, 1), (B, SAVE, 1), (C, UP, 0), (D, UP, 1), (D, UP, 2)]:
            say(session, alice, paper_id, kind, interest)
        likes.start_over(session, alice.id, 1, now=NOW)
        assert held(session, alice) == {(C, 0): UP, (D, 2): UP}
        assert words(session, alice) == {B: Word(None, saved=True), C: Word(UP), D: Word(UP)}
        assert interests.picks(session, alice.id, 1).topics == ()
        say(session, alice, A, UP, 1)  # it learns again
        assert held(session, alice)[A, 1] is UP


def test_what_is_forgotten_stands_no_longer(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A, UP, 1)
        interests.forget(session, alice.id, 1)
        assert held(session, alice) == {}
        say(session, alice, B, UP, 1)
        assert held(session, alice) == {(B, 1): UP}


def test_only_ones_own_interest_starts_over(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        say(session, alice, A, UP, 1)
        with pytest.raises(StoreError, match="no such"):
            likes.start_over(session, bob.id, 1, now=NOW)
        assert held(session, alice) == {(A, 1): UP}


def test_a_closed_interest_holds_nothing(log: Database, alice: Reader) -> None:
    with log.write() as session:
        say(session, alice, A, UP, 1)
        say(session, alice, A, UP, 2)
        interests.close(session, alice.id, 1, now=NOW)
        assert held(session, alice) == {(A, 2): UP}
        likes.remove(session, alice.id, [A], 2, now=NOW)
        assert words(session, alice) == {}


def test_too_much_is_not_undone_at_once(log: Database, alice: Reader) -> None:
    with log.write() as session, pytest.raises(StoreError, match="at most"):
        likes.undo(session, alice.id, 1, likes.MOST_UNDONE + 1, now=NOW)


def test_undo_is_of_ones_own_gestures(log: Database, alice: Reader, bob: Reader) -> None:
    with log.write() as session:
        say(session, alice, A)
        made = likes.move(session, alice.id, [A], 0, 1, now=NOW)
        assert likes.undo(session, bob.id, made[0].id, made[-1].id, now=NOW) == []
        assert held(session, alice) == {(A, 1): UP}


VOTES = st.tuples(st.sampled_from([A, B]), st.sampled_from([UP, DOWN, HIDE, CLEAR, SAVE]), st.integers(0, 2))
CHANGES = st.tuples(
    st.sampled_from(["move", "copy", "remove"]), st.lists(st.sampled_from([A, B]), min_size=1), st.permutations([0, 1, 2])
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(votes=st.lists(VOTES, max_size=10), change=CHANGES)
def test_a_change_does_what_it_says_and_undo_takes_it_back(
    log: Database, alice: Reader, votes: list[tuple[str, EventKind, int]], change: tuple[str, list[str], list[int]]
) -> None:
    verb, chosen, (source, target, _) = change
    with log.write() as session:
        for interest in (0, 1, 2):
            likes.start_over(session, alice.id, interest, now=NOW)
        for paper_id, kind, interest in votes:
            say(session, alice, paper_id, kind, interest)
        before = held(session, alice)
        if verb == "remove":
            made = likes.remove(session, alice.id, chosen, source, now=LATER)
            expected = {key: kind for key, kind in before.items() if key[1] != source or key[0] not in chosen}
        else:
            made = (likes.move if verb == "move" else likes.copy)(session, alice.id, chosen, source, target, now=LATER)
            moved = [paper_id for paper_id in chosen if before.get((paper_id, source)) is UP]
            gone = {(i, source) for i in moved} if verb == "move" else set()
            expected = {k: v for k, v in before.items() if k not in gone} | {(i, target): UP for i in moved}
        assert held(session, alice) == expected
        _shows_what_stands(session, alice, {event.paper_id for event in made})
        if made:
            likes.undo(session, alice.id, made[0].id, made[-1].id, now=LATER)
            assert held(session, alice) == before
            _shows_what_stands(session, alice, {event.paper_id for event in made})


def _shows_what_stands(session: Session, reader: Reader, touched: set[str]) -> None:
    """The last word on a paper that was touched is one that some interest holds, or nothing where none does."""
    standing = held(session, reader)
    for paper_id in touched:
        kinds = {kind for (other, _), kind in standing.items() if other == paper_id}
        vote = events.words(events.of_papers(session, reader.id, [paper_id]))[paper_id].vote
        assert vote in kinds if kinds else vote is None

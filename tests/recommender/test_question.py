"""The next question: of the last days, not of today's page, within what was picked, and never about what was spoken of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper

from recommender.question import Asked, next_question
from recommender.rank.lens import flat
from recommender.settings import Settings
from recommender.store import events, interests, papers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Channel, EventKind

ROBOTS = "arxiv:2605.3"  # 3 is the topic of robots


@pytest.fixture
def days(database: Database, settings: Settings) -> Database:
    """Three editions, the newest today's."""
    for offset in (2, 1, 0):
        fill(database, settings, make_edition(DAY - timedelta(days=offset)))
    return database


def ask(database: Database, reader: Reader, interest: int = 0) -> Asked:
    with database.read() as session:
        return next_question(session, reader.id, flat(), today=DAY, interest=interest)


def answer(database: Database, reader: Reader, paper_id: str | None, kind: EventKind, interest: int = 0) -> None:
    assert paper_id is not None
    with database.write() as session:
        events.append(session, reader.id, paper_id, kind, at=NOW, channel=Channel.START, interest=interest)


def test_questions_are_of_earlier_editions_and_never_repeat(days: Database, alice: Reader) -> None:
    asked = []
    for number in range(10):
        question = ask(days, alice)
        assert question.answered == number
        answer(days, alice, question.paper_id, (EventKind.UPVOTE, EventKind.HIDE, EventKind.CLEAR)[number % 3])
        asked.append(question.paper_id)
    assert len(set(asked)) == 10
    with days.read() as session:
        found = papers.get(session, [paper_id for paper_id in asked if paper_id])
    assert max(paper.edition for paper in found.values()) < DAY


def test_six_topics_are_asked_about_before_any_twice(days: Database, alice: Reader) -> None:
    topics = []
    for _ in range(6):
        question = ask(days, alice)
        answer(days, alice, question.paper_id, EventKind.CLEAR)
        topics.append((question.paper_id or "")[11:12])
    assert len(set(topics)) >= 5


def test_with_one_edition_todays_papers_are_asked_about(edition: Database, alice: Reader) -> None:
    assert ask(edition, alice).paper_id


def test_what_was_voted_on_elsewhere_is_not_asked(edition: Database, alice: Reader) -> None:
    first = ask(edition, alice).paper_id
    with edition.write() as session:
        events.append(session, alice.id, first or "", EventKind.DOWNVOTE, at=NOW)
    again = ask(edition, alice)
    assert again.paper_id != first
    assert (again.answered, again.last) == (0, None)  # a vote is no answer


def test_when_all_is_said_there_is_nothing_to_ask(edition: Database, alice: Reader) -> None:
    *others, last = make_edition(DAY)
    with edition.write() as session:
        for paper in others:
            events.append(session, alice.id, paper.id, EventKind.HIDE, at=NOW)
    assert ask(edition, alice).paper_id == last.id
    answer(edition, alice, last.id, EventKind.CLEAR)
    assert ask(edition, alice) == Asked(1, ask(edition, alice).last, None)


def test_papers_readers_brought_are_not_asked_about(database: Database, settings: Settings, alice: Reader) -> None:
    fill(database, settings, [make_paper(1, source=LIBRARY)])
    assert ask(database, alice).paper_id is None


def test_picked_categories_narrow_the_questions(days: Database, alice: Reader) -> None:
    with days.write() as session:
        interests.set_picks(session, alice.id, categories=["cs.LG"])  # graphs and health
    for _ in range(4):
        question = ask(days, alice)
        assert (question.paper_id or "")[11:12] in "16"
        answer(days, alice, question.paper_id, EventKind.CLEAR)


def test_too_narrow_a_pick_does_not_end_the_questions(days: Database, alice: Reader) -> None:
    with days.write() as session:
        interests.set_picks(session, alice.id, categories=["no.SUCH"])
    assert ask(days, alice).paper_id


def test_a_picked_topic_is_not_asked_about_first(days: Database, alice: Reader) -> None:
    first = ask(days, alice).paper_id or ""
    with days.write() as session:
        same = [paper.id for paper in papers.window(session, DAY, DAY) if paper.id[11:12] == first[11:12]]
        interests.set_picks(session, alice.id, papers=same)
    assert ask(days, alice).paper_id not in same


def test_interests_are_asked_about_by_themselves(days: Database, alice: Reader) -> None:
    with days.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
    answer(days, alice, ask(days, alice, own.id).paper_id, EventKind.UPVOTE, own.id)
    assert ask(days, alice, own.id).answered == 1
    assert ask(days, alice).answered == 0


def test_what_was_forgotten_is_not_counted(days: Database, alice: Reader) -> None:
    answer(days, alice, ask(days, alice).paper_id, EventKind.UPVOTE)
    with days.write() as session:
        interests.forget(session, alice.id)
    assert ask(days, alice).answered == 0


def test_an_empty_house_asks_nothing(database: Database, alice: Reader) -> None:
    assert ask(database, alice) == Asked(0, None, None)

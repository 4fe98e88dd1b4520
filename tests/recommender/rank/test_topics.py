"""Weighed words: they are the lexical head itself, word by word, and only words that stand in the papers are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from factories import DAY, NOW, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, histories, make_event, papers, seen_through, vectors_of

from recommender.rank import features, profile, terms
from recommender.rank.lens import flat
from recommender.rank.topics import term_weights, topics
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, Paper, Profile

RANK = RankSettings()
UP, DOWN = EventKind.UPVOTE, EventKind.DOWNVOTE
EDITION = make_edition(DAY)
GRAPHS, ROBOTS = ([p for p in EDITION if p.authors[0].startswith(name)] for name in ("Graphs", "Robots"))


def taste(events: Sequence[Event], read: Sequence[Paper]) -> Profile:
    known = {paper.id: paper for paper in read}
    return profile.build(events, known, vectors_of(read), as_of=NOW, day=DAY, settings=RANK)


def test_the_weights_are_the_lexical_head_word_by_word() -> None:
    lens = seen_through(EDITION)
    liked, disliked = GRAPHS[:3], ROBOTS[:2]
    votes = [*(make_event(n, p) for n, p in enumerate(liked)), *(make_event(9 + n, p, DOWN) for n, p in enumerate(disliked))]
    known = taste(votes, [*liked, *disliked])
    others = [*GRAPHS[3:], *ROBOTS[2:]]
    matrix = features.build(others, vectors_of(others), known, lens, voted=frozenset(), settings=RANK)
    rows = terms.weigh(vectors_of(others).terms, lens.idf)
    by_words = rows @ term_weights(known, lens, ridge=RANK.ridge)
    difference = matrix.column("lex_head") - by_words
    assert np.ptp(matrix.column("lex_head")) > 0.1
    assert np.ptp(difference) < 1e-4  # the same but for what is the same of all


def test_words_of_likes_lift_and_words_of_dislikes_lower() -> None:
    votes = [
        *(make_event(n, p) for n, p in enumerate(GRAPHS[:3])),
        *(make_event(9 + n, p, DOWN) for n, p in enumerate(ROBOTS[:3])),
    ]
    read = {p.id: p for p in (*GRAPHS[:3], *ROBOTS[:3])}
    lifting, lowering = topics(taste(votes, list(read.values())), read, seen_through(EDITION), ridge=RANK.ridge, most=8)
    assert 0 < len(lifting) <= 8
    assert 0 < len(lowering) <= 8
    graphs, robots = (set(" ".join(p.title.lower() + " " + p.abstract.lower() for p in of).split()) for of in (GRAPHS, ROBOTS))
    assert all(t.weight > 0 and t.liked and not t.disliked and set(t.term.split()) <= graphs for t in lifting)
    assert all(t.weight < 0 and t.disliked and not t.liked and set(t.term.split()) <= robots for t in lowering)
    assert [abs(t.weight) for t in lifting] == sorted((abs(t.weight) for t in lifting), reverse=True)
    assert max(abs(t.weight) for t in (*lifting, *lowering)) <= 1


def test_a_topic_takes_one_line() -> None:
    paper = make_paper(1, title="Gaussian splatting", abstract="Gaussian splatting of scenes, gaussian splatting.")
    lifting, _ = topics(taste([make_event(1, paper)], [paper]), {paper.id: paper}, flat(), ridge=RANK.ridge)
    named = [topic.term for topic in lifting]
    assert "gaussian splatting" in named
    assert not {"gaussian", "splatting"} & set(named)


def test_a_text_that_changed_names_nothing_it_was_not_read_with() -> None:
    """Names come from the text of today, weights from the text that was read: only where both agree is a word told."""
    paper = make_paper(1, title="Alpha beta", abstract="")
    known = taste([make_event(1, paper)], [paper])
    assert topics(known, {paper.id: replace(paper, title="Gamma delta")}, flat(), ridge=RANK.ridge) == ([], [])
    assert topics(known, {}, flat(), ridge=RANK.ridge) == ([], [])


def test_without_votes_there_is_nothing_to_say() -> None:
    nobody = taste([], [])
    assert topics(nobody, {}, flat(), ridge=RANK.ridge) == ([], [])
    assert not term_weights(nobody, flat(), ridge=RANK.ridge).any()


@PROPERTY
@given(data=st.data(), read=papers(10))
def test_any_history_gives_words_of_its_papers(data: st.DataObject, read: list[Paper]) -> None:
    events = data.draw(histories(read))
    known, by_id = taste(events, read), {paper.id: paper for paper in read}
    lifting, lowering = topics(known, by_id, seen_through(EDITION), ridge=RANK.ridge)
    for topic in (*lifting, *lowering):
        assert np.isfinite(topic.weight)
        assert 0 < abs(topic.weight) <= 1
        assert topic.liked <= len(known.liked)
        assert topic.disliked <= len(known.disliked)
    assert all(t.weight > 0 and t.liked for t in lifting)
    assert all(t.weight < 0 and t.disliked for t in lowering)


@pytest.mark.parametrize("kind", [UP, DOWN])
def test_one_vote_is_enough_to_say_something(kind: EventKind) -> None:
    paper = GRAPHS[0]
    lifting, lowering = topics(taste([make_event(1, paper, kind)], [paper]), {paper.id: paper}, flat(), ridge=RANK.ridge)
    assert bool(lifting) == (kind is UP)
    assert bool(lowering) == (kind is DOWN)

"""Rules proposed from votes: only what the votes say often and never contradict, with its evidence, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from factories import make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, papers

from recommender.rank import propose
from recommender.rank.propose import Proposal
from recommender.rank.rules import matches
from recommender.types import EventKind, Paper, Rule

UP, DOWN, HIDE = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE


def paper(number: int, **facts: object) -> Paper:
    """A paper that shares nothing with another unless it is told to."""
    alone = {"authors": (f"Author {number}",), "categories": (f"cat.{number}",), "title": f"title{number}", "abstract": ""}
    return make_paper(number, **(alone | facts))


def propose_from(
    liked: Sequence[Paper] = (),
    disliked: Sequence[Paper] = (),
    *,
    share: float = 0.0,
    rules: Sequence[Rule] = (),
    dismissed: Sequence[tuple[str, str, str]] = (),
) -> list[Proposal]:
    votes = {p.id: UP for p in liked} | {p.id: (HIDE if n % 2 else DOWN) for n, p in enumerate(disliked)}
    known = {p.id: p for p in (*liked, *disliked)}
    return propose.proposals(votes, known, lambda _: share, rules=rules, dismissed=dismissed)


def said(found: Sequence[Proposal]) -> list[tuple[str, str, str]]:
    return [(p.rule.action, p.rule.field, p.rule.value) for p in found]


ADA = [paper(n, authors=("Ada Lovelace", f"Author {n}")) for n in range(3)]
LIKED = [paper(n) for n in range(90, 93)]  # enough likes for "and liked none" to mean something


def test_an_author_liked_three_times_and_never_disliked_is_proposed() -> None:
    (proposal,) = propose_from(ADA)
    assert said([proposal]) == [("must", "author", "Ada Lovelace")]
    assert proposal.papers == tuple(p.id for p in reversed(ADA))  # the newest vote first
    assert proposal.reason.text == "You liked 3 papers by Ada Lovelace and disliked none"
    assert propose_from(ADA[:2]) == []
    assert propose_from(ADA, [paper(9, authors=("ADA  Lovelace",))]) == []


@pytest.mark.parametrize(
    ("field", "facts", "sentence"),
    [
        ("category", {"categories": ("q-bio.QM",)}, "You turned down 5 papers in q-bio.QM and liked none"),
        ("organization", {"organization": "Acme"}, "You turned down 5 papers from Acme and liked none"),
    ],
)
def test_what_was_turned_down_five_times_and_never_liked_is_proposed(field: str, facts: dict[str, object], sentence: str) -> None:
    turned_down = [paper(n, **facts) for n in range(5)]
    (proposal,) = propose_from(LIKED, turned_down)
    assert (proposal.rule.action, proposal.rule.field, proposal.reason.text) == ("never", field, sentence)
    assert set(proposal.papers) == {p.id for p in turned_down}
    assert propose_from(LIKED, turned_down[:4]) == []
    assert propose_from([*LIKED, paper(50, **facts)], turned_down) == []


def test_nothing_is_kept_from_somebody_who_has_liked_too_little() -> None:
    turned_down = [paper(n, categories=("q-bio.QM",)) for n in range(5)]
    assert propose_from(LIKED[:2], turned_down) == []


def test_of_two_categories_on_the_same_papers_the_leading_one_is_proposed() -> None:
    turned_down = [paper(n, categories=("q-bio.QM", "cs.LG")) for n in range(5)]
    assert said(propose_from(LIKED, turned_down)) == [("never", "category", "q-bio.QM")]


def test_a_phrase_of_four_papers_turned_down_is_proposed_when_it_is_rare_and_never_liked() -> None:
    turned_down = [paper(n, title=f"On deep fakes, part{n}") for n in range(4)]
    (proposal,) = propose_from(LIKED, turned_down)
    assert said([proposal]) == [("never", "phrase", "deep fakes")]
    assert proposal.reason.text == "“deep fakes” stands in 4 papers you turned down and in none you liked"
    assert propose_from(LIKED, turned_down, share=0.03) == []
    assert propose_from(LIKED, turned_down[:3]) == []
    assert propose_from([*LIKED, paper(50, abstract="Deep fakes again")], turned_down) == []


def test_a_phrase_is_two_words_that_stand_together() -> None:
    turned_down = [paper(n, title=f"Deep and shallow fakes{n}") for n in range(4)]
    assert propose_from(LIKED, turned_down) == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule("must", "author", "ada lovelace"),
        Rule("never", "author", "Ada Lovelace"),
        Rule("must", "author", "Ada Lovelace", interest=3),
        Rule("must", "phrase", "by design"),
    ],
)
def test_what_is_said_already_is_not_proposed(rule: Rule) -> None:
    designed = [paper(n, authors=("Ada Lovelace",), title=f"Number{n} by design") for n in range(3)]
    assert propose_from(designed, rules=[rule]) == []
    assert propose_from(designed, rules=[Rule("never", "author", "Bo")]) != []


def test_what_was_not_wanted_is_not_proposed_again() -> None:
    assert propose_from(ADA, dismissed=[("must", "author", "ada lovelace")]) == []
    assert propose_from(ADA, dismissed=[("never", "author", "Ada Lovelace")]) != []


def test_there_are_at_most_five_and_at_most_two_of_a_kind() -> None:
    liked = [paper(n, authors=tuple(f"Writer {n // 3} {i}" for i in range(3))) for n in range(9)]
    turned_down = [
        paper(100 + n, categories=(f"off.{n % 3}",), organization=f"Firm {n % 3}", title=f"Word{n % 3} salad{n % 3} of{n}")
        for n in range(18)
    ]
    found = propose_from(liked, turned_down)
    assert len(found) == propose.MOST
    fields = [p.rule.field for p in found]
    assert max(fields.count(field) for field in fields) == 2
    assert [len(p.papers) for p in found] == sorted((len(p.papers) for p in found), reverse=True)


@PROPERTY
@given(data=st.data(), judged=papers(20))
def test_no_proposal_contradicts_a_vote(data: st.DataObject, judged: list[Paper]) -> None:
    votes = {p.id: data.draw(st.sampled_from([UP, UP, DOWN, HIDE])) for p in judged}
    known = {p.id: p for p in judged}
    for proposal in propose.proposals(votes, known, lambda _: 0.0):
        wanted = {UP} if proposal.rule.action == "must" else {DOWN, HIDE}
        assert {votes[p.id] for p in judged if matches(proposal.rule, p)} <= wanted
        assert all(matches(proposal.rule, known[i]) for i in proposal.papers)
        assert len(set(proposal.papers)) == len(proposal.papers) >= 3

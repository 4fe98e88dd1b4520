"""What a reader decreed, tested against any model: never is never, must is on top, and never beats must."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from factories import TOPICS, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import make_event, make_page, vectors_of

from recommender.rank import rules
from recommender.settings import RankSettings
from recommender.types import Choices, EventKind, Paper, RankedPage, Rule

PAGE = [*make_edition(per_topic=8), make_paper(500, topic="health", authors=("Only Once",))]
QUIET = RankSettings(explore_per_20=0, author_cap=100, near_duplicate=1.0)


def page_with(*decreed: Rule, events: Sequence[object] = (), **facts: object) -> RankedPage:
    return make_page(PAGE, events, settings=QUIET, choices=Choices(rules=decreed), **facts)  # type: ignore[arg-type]


def ids(page: RankedPage) -> list[str]:
    return [item.paper_id for item in page.items]


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("author", "ada  lovelace", True),
        ("author", "Ada", False),
        ("author", "ＡＤＡ Lovelace", True),
        ("organization", "institute of Papers", True),
        ("organization", "Institute", False),
        ("category", "cs.LG", True),
        ("category", "CS", True),
        ("category", "cs.L", False),
        ("category", "stat", False),
        ("phrase", "graph transformers", True),
        ("phrase", "Graph-Transformers!", True),
        ("phrase", "graph transformer", False),
        ("phrase", "transformers graph", False),
        ("words", "transformers study", True),
        ("words", "transformers robots", False),
        ("words", "…", False),
        ("phrase", "…", False),
        ("like", "arxiv:1", False),
        ("colour", "red", False),
    ],
)
def test_what_a_rule_takes(field: str, value: str, taken: bool) -> None:
    paper = make_paper(
        title="Graph transformers",
        abstract="A study of them.",
        authors=("Ada Lovelace", "B. Other"),
        categories=("cs.LG",),
        organization="Institute of Papers",
    )
    assert rules.matches(Rule("must", field, value), paper) is taken


def test_what_is_never_wanted_is_not_on_the_page_whatever_was_liked() -> None:
    robots = [paper for paper in PAGE if paper.categories == ("cs.RO",)]
    likes = [make_event(n, paper) for n, paper in enumerate(robots[:3], 1)]
    assert set(ids(page_with(events=likes))) & {paper.id for paper in robots}
    banned = page_with(Rule("never", "category", "cs.RO"), events=likes)
    assert not set(ids(banned)) & {paper.id for paper in robots}
    assert banned.candidates == len(PAGE) - len(robots)


def test_never_beats_must() -> None:
    author = PAGE[5].authors[0]
    both = page_with(Rule("must", "author", author), Rule("never", "category", PAGE[5].categories[0]))
    assert PAGE[5].id not in ids(both)


def test_what_must_be_seen_stands_on_top_and_says_why() -> None:
    author = PAGE[-1].authors[0]
    page = page_with(Rule("must", "author", author))
    assert page.items[0].paper_id == PAGE[-1].id
    assert (page.items[0].reasons[0].kind, page.items[0].reasons[0].text) == ("rule", f"You follow {author}")
    assert ids(page_with())[0] != PAGE[-1].id


def test_no_more_than_the_setting_says_are_put_on_top_and_these_are_the_best() -> None:
    few = QUIET.model_copy(update={"must_see_most": 2})
    page = make_page(PAGE, settings=few, choices=Choices(rules=(Rule("must", "category", "cs"),)))
    on_top = [item for item in page.items if any(reason.kind == "rule" for reason in item.reasons)]
    assert [item.position for item in on_top] == [1, 2]
    others = [item.score for item in page.items[2:] if "cs." in " ".join(paper_of(item.paper_id).categories)]
    assert min(item.score for item in on_top) >= max(others)


def paper_of(paper_id: str) -> Paper:
    return next(paper for paper in PAGE if paper.id == paper_id)


def test_a_paper_that_was_voted_on_is_not_put_on_top_again() -> None:
    paper = PAGE[-1]
    page = page_with(Rule("must", "author", paper.authors[0]), events=[make_event(1, paper, EventKind.DOWNVOTE)])
    assert ids(page)[-1] == paper.id


def test_nothing_like_a_paper_takes_its_neighbours_and_the_paper_itself() -> None:
    disliked = PAGE[0]
    page = page_with(Rule("never", "like", disliked.id))
    gone = {paper.id for paper in PAGE} - set(ids(page))
    dense = vectors_of(PAGE).dense
    near = {PAGE[int(row)].id for row in (dense @ dense[0] >= rules.NEAR).nonzero()[0]}
    assert gone == near > {disliked.id}
    assert page_with(Rule("never", "like", "arxiv:0000.00000")).candidates == len(PAGE), "an unknown paper has no neighbours"


@given(
    action=st.sampled_from(("must", "never")),
    field=st.sampled_from(("author", "organization", "category", "phrase", "words")),
    value=st.one_of(st.text(max_size=40), st.sampled_from([word for topic in TOPICS.values() for word in topic.split()])),
)
def test_any_rule_gives_a_page_that_obeys_it(action: str, field: str, value: str) -> None:
    rule = Rule(action, field, value)
    taken = {paper.id for paper in PAGE if rules.matches(rule, paper)}
    found = (
        rules.never(rules.Index(PAGE), np.zeros((len(PAGE), 3), np.float32), [rule], {})
        if action == "never"
        else rules.must(rules.Index(PAGE), [rule])
    )
    assert set(found) == taken


def test_a_rule_among_others_is_named() -> None:
    first, second = Rule("must", "phrase", "no such phrase"), Rule("must", "category", "cs.RO")
    assert set(rules.must(rules.Index(PAGE), [first, second]).values()) == {second}


def test_choices_change_what_a_page_is_known_by() -> None:
    from recommender.rank.page import recipe

    plain = recipe(QUIET)
    assert recipe(QUIET, {0: Choices()}) == plain
    others = [
        recipe(QUIET, {0: Choices(rules=(Rule("never", "category", "cs"),))}),
        recipe(QUIET, {0: Choices(categories=("cs.LG",))}),
        recipe(QUIET, {0: Choices(papers=("arxiv:1",))}),
        recipe(QUIET, {0: Choices(announce=("new",))}),
        recipe(QUIET, {0: Choices(forgotten=3)}),
        recipe(QUIET, {0: Choices(), 1: Choices()}),
        recipe(QUIET, {1: Choices(), 0: Choices()}),
        recipe(QUIET, {1: Choices()}),
    ]
    assert len({plain, *others}) == 9
    assert all(other.startswith(plain) and len(other) == 32 for other in others)


def test_picks_speak_until_votes_do() -> None:
    robots = [paper for paper in PAGE if paper.categories == ("cs.RO",)]
    speech = [paper for paper in PAGE if "eess.AS" in paper.categories]

    def share(page: RankedPage, wanted: Sequence[Paper]) -> float:
        return sum(item.paper_id in {paper.id for paper in wanted} for item in page.items[:8]) / 8

    picked = Choices(categories=("cs.RO",), papers=tuple(paper.id for paper in robots[:2]))
    begun = make_page(PAGE, settings=QUIET, choices=picked)
    assert share(begun, robots) >= 0.7 > share(make_page(PAGE, settings=QUIET), robots)
    said = [reason.text for item in begun.items for reason in item.reasons]
    assert any("which fits what you picked" in text for text in said)
    assert any("In cs.RO, which you picked" in text for text in said)
    assert not any(text.startswith(("By ", "From ")) for text in said), "whoever picked a topic did not pick its authors"
    assert not any("opened" in text or "liked" in text or "open papers" in text for text in said)
    likes = [make_event(n, paper) for n, paper in enumerate(speech[:5], 1)]
    after = make_page(PAGE, likes, settings=QUIET, choices=picked)
    assert {item.paper_id for item in after.items[:3]} <= {paper.id for paper in speech}, "votes are louder than picks"


def test_announcements_are_the_readers_choice() -> None:
    crossed = [make_paper(n, topic="robots", announce="cross") for n in range(50, 53)]
    replaced = [make_paper(n, topic="robots", announce="replace") for n in range(60, 63)]

    def seen(*kinds: str) -> set[str]:
        return set(ids(make_page([*PAGE, *crossed, *replaced], choices=Choices(announce=kinds))))

    assert not seen("new") & {p.id for p in (*crossed, *replaced)}
    assert seen("new", "replace") >= {p.id for p in replaced}
    assert seen() >= {p.id for p in crossed}, "without a choice, the settings hold"

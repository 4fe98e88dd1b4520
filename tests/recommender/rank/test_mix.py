"""One page of several tastes: each gets its turn, nobody's paper stands there twice, and a vote acts as on any page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from factories import DAY, make_edition
from hypothesis import given
from hypothesis import strategies as st
from strategies import make_event, make_inputs

from recommender.rank import mix, page
from recommender.rank.mix import rank_each, turns
from recommender.rank.model import blend_ranker
from recommender.rank.page import Inputs
from recommender.rank.rerank import PROMISE_AT
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, Paper, RankedItem, RankedPage

PAGE = make_edition(per_topic=12)
OLD = make_edition(DAY - timedelta(days=9), per_topic=6)
QUIET = RankSettings(explore_per_20=0, author_cap=100, near_duplicate=1.0)
ROBOTS, SPEECH = 1, 2


def of(topic: str, papers: Sequence[Paper] = PAGE) -> list[Paper]:
    return [paper for paper in papers if paper.authors[0].lower().startswith(topic)]


def taste(interest: int, events: Sequence[Event], *, places: dict[int, int] | None = None, seen: Sequence[str] = ()) -> Inputs:
    own = [replace(event, interest=interest) for event in events]
    return make_inputs(PAGE, own, read=OLD, interest=interest, places=places, seen=seen)


def liked(topic: str, start: int = 1) -> list[Event]:
    return [
        make_event(start + n, paper, at=make_event(1, paper).at - timedelta(days=5)) for n, paper in enumerate(of(topic, OLD)[:4])
    ]


def mixed(*tastes: Inputs, settings: RankSettings = QUIET) -> RankedPage:
    return rank_each([tastes], blend_ranker(), settings)[0]


def ids(made: RankedPage) -> list[str]:
    return [item.paper_id for item in made.items]


def test_two_interests_share_the_top_fairly_and_each_paper_says_whose_it_is() -> None:
    made = mixed(taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11)))
    top = made.items[:12]
    assert [item.interest for item in top[:2]] in ([ROBOTS, SPEECH], [SPEECH, ROBOTS])
    assert abs(sum(item.interest == ROBOTS for item in top) - 6) <= 1
    assert {item.paper_id for item in top if item.interest == ROBOTS} <= {paper.id for paper in of("robots")}
    assert {item.paper_id for item in top if item.interest == SPEECH} <= {paper.id for paper in of("speech")}


def test_mixing_beats_one_blurred_taste_where_a_small_interest_would_drown() -> None:
    many = [make_event(n, paper) for n, paper in enumerate([*of("robots", OLD), *of("graphs", OLD)], 1)]
    few = [make_event(50, of("speech", OLD)[0])]
    together = page.rank_page(make_inputs(PAGE, [*few, *many], read=OLD), blend_ranker(), QUIET)
    apart = mixed(taste(ROBOTS, many), taste(SPEECH, few))
    speech = {paper.id for paper in of("speech")}
    assert sum(i in speech for i in ids(apart)[:10]) >= 4 > sum(i in speech for i in ids(together)[:10])


def test_another_interest_begins_every_day() -> None:
    tastes = [taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11))]
    later = [replace(inputs, window=replace(inputs.window, day=DAY + timedelta(days=1))) for inputs in tastes]
    wide = QUIET.model_copy(update={"window_days": 3})
    assert {mixed(*tastes, settings=wide).items[0].interest, mixed(*later, settings=wide).items[0].interest} == {ROBOTS, SPEECH}


def test_one_taste_alone_is_its_own_page() -> None:
    inputs = taste(ROBOTS, liked("robots"))
    alone, own = mixed(inputs), page.rank_page(inputs, blend_ranker(), QUIET)
    assert (alone.interest, own.interest) == (0, ROBOTS)
    assert ids(alone) == ids(own)


@pytest.mark.parametrize(("room", "groups"), [(0, [2, 1, 1]), (14 * len(PAGE), [3, 1]), (mix.ROOM, [4])])
def test_pages_made_together_are_those_of_each_however_many_there_is_room_for(
    room: int, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    robots, speech = taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11))
    readers = [[robots, speech], [replace(speech, reader_id=2)], [replace(robots, reader_id=3)]]
    alone = [mixed(*tastes) for tastes in readers]
    monkeypatch.setattr(mix, "ROOM", room)
    asked, together = list[int](), page.order_each
    monkeypatch.setattr(page, "order_each", lambda many, *more: asked.append(len(many)) or together(many, *more))
    made = rank_each(readers, blend_ranker(), QUIET)
    assert asked == groups
    for one, own in zip(made, alone, strict=True):
        assert (one.reader_id, ids(one)) == (own.reader_id, ids(own))
        for item, its in zip(one.items, own.items, strict=True):
            np.testing.assert_array_equal(item.features, its.features)
            assert (item.score, item.reasons, item.interest) == (its.score, its.reasons, its.interest)
    assert rank_each([], blend_ranker(), QUIET) == []


def test_an_item_carries_the_features_of_its_own_interest() -> None:
    tastes = {ROBOTS: taste(ROBOTS, liked("robots")), SPEECH: taste(SPEECH, liked("speech", 11))}
    rows = {number: page.describe(inputs, blend_ranker(), QUIET) for number, inputs in tastes.items()}
    for item in mixed(*tastes.values()).items:
        matrix = rows[item.interest]
        np.testing.assert_array_equal(item.features, matrix.values[matrix.paper_ids.index(item.paper_id)])


def test_a_vote_keeps_its_place_and_moves_the_nearest_paper_into_the_top() -> None:
    before = mixed(taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11)))
    chosen = next(item for item in before.items[8:] if item.interest == SPEECH)
    vote = make_event(60, chosen.paper_id, item_id=777)
    tastes = (
        taste(ROBOTS, liked("robots"), seen=[chosen.paper_id]),
        taste(SPEECH, [*liked("speech", 11), vote], places={777: chosen.position}),
    )
    after = mixed(*tastes)
    assert ids(after).index(chosen.paper_id) == chosen.position - 1
    assert after.items[chosen.position - 1].voted
    promised = page.order(tastes[1], blend_ranker(), QUIET).votes.promised
    assert promised is not None
    assert ids(after).index(promised) < PROMISE_AT + 2
    assert set(ids(before)) <= set(ids(after))


def test_of_two_votes_the_newest_is_held_and_the_other_goes_to_the_end() -> None:
    before = mixed(taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11)))
    one, two = before.items[4], before.items[9]
    votes = {item.paper_id: make_event(60 + n, item.paper_id, item_id=700 + n) for n, item in enumerate((one, two))}
    places = {700: one.position, 701: two.position}
    tastes = []
    for interest, old in ((ROBOTS, liked("robots")), (SPEECH, liked("speech", 11))):
        own = [vote for i, vote in votes.items() if next(x for x in before.items if x.paper_id == i).interest == interest]
        seen = [i for i, vote in votes.items() if vote not in own]
        tastes.append(taste(interest, [*old, *own], places=places, seen=seen))
    after = ids(mixed(*tastes))
    assert after.index(two.paper_id) == two.position - 1
    assert after[-1] == one.paper_id


def test_a_saved_paper_stays_where_it_is() -> None:
    before = mixed(taste(ROBOTS, liked("robots")), taste(SPEECH, liked("speech", 11)))
    saved = next(item for item in before.items[5:] if item.interest == ROBOTS)
    event = make_event(60, saved.paper_id, EventKind.SAVE, item_id=9)
    after = mixed(taste(ROBOTS, [*liked("robots"), event], places={9: saved.position}), taste(SPEECH, liked("speech", 11)))
    assert ids(after).index(saved.paper_id) == saved.position - 1


def test_an_interest_that_runs_out_leaves_its_turns_to_the_others() -> None:
    empty = taste(SPEECH, [])
    empty = replace(empty, window=empty.window.only(lambda paper: paper in PAGE[:2]))
    made = mixed(taste(ROBOTS, liked("robots")), empty)
    assert len(made.items) == QUIET.page_size == len(set(ids(made)))
    assert sum(item.interest == SPEECH for item in made.items) <= 2


rankings = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), min_size=1, max_size=5)


def items(numbers: Sequence[int], interest: int) -> list[RankedItem]:
    return [RankedItem(at, f"x:{n}", 0.0, np.zeros(1, np.float32), interest=interest) for at, n in enumerate(numbers, 1)]


@given(lists=rankings, first=st.integers(0, 10), taken=st.frozensets(st.integers(0, 30), max_size=10))
def test_turns_are_a_fair_permutation_of_what_is_free(lists: list[list[int]], first: int, taken: frozenset[int]) -> None:
    ranked = [items(numbers, interest) for interest, numbers in enumerate(lists)]
    gone = frozenset(f"x:{n}" for n in taken)
    chosen = turns(ranked, first=first % len(lists), taken=gone)
    found = [item.paper_id for item in chosen]
    assert len(found) == len(set(found))
    assert set(found) == {f"x:{n}" for numbers in lists for n in numbers} - gone
    for interest in range(len(lists)):  # whoever chooses, chooses in its own order
        own = [item.position for item in chosen if item.interest == interest]
        assert own == sorted(own)
    rounds = [item.interest for item in chosen]
    for at, interest in enumerate(rounds):  # between two turns of one interest, every other that still has papers gets one
        again = next((later for later in range(at + 1, len(rounds)) if rounds[later] == interest), None)
        if again is not None:
            others = set(rounds[again:]) - {interest}
            assert others <= set(rounds[at + 1 : again]) | {i for i in others if i not in rounds[:again]}

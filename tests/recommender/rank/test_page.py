"""One page from end to end without a database: known answers by construction, and what must hold of every page."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from factories import DAY, NOW, TOPICS, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from priors import FAMOUS, by_author
from strategies import PROPERTY, histories, make_event, make_inputs, make_page, papers, seen_through, told, vectors_of

from recommender.errors import ModelIncompatible
from recommender.rank.features import NAMES
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.page import describe, rank_page, recipe
from recommender.settings import RankSettings
from recommender.types import Channel, Event, EventKind, Paper, RankedPage, Signals

PAGE = make_edition(per_topic=8)
SMALL = [paper for i, paper in enumerate(PAGE) if i % 2 == 0]  # 24: too few to explore
EARLIER = DAY - timedelta(days=3)
OLD = make_edition(EARLIER, per_topic=6)
AGO = NOW - timedelta(days=2)
# Invented papers of a topic are bags of the same twelve words, and second authors write on everything: nothing is to be spread here.
QUIET = RankSettings(explore_per_20=0, near_duplicate=1.0, author_cap=99)
CLEAR, CLICK = EventKind.CLEAR, EventKind.CLICK
GOLDEN = Path(__file__).parents[2] / "golden" / "page.json"
# It wants nothing that is like what the reader liked.
CONTRARY = replace(blend_ranker(), weights=-blend_ranker().weights)
SHARP = blend_ranker(seen_through([*PAGE, *OLD], taste=True))
RANKERS = {"flat": blend_ranker(), "sharp": SHARP}


def topic(paper: Paper | str) -> str:
    """Return the topic of a paper of these editions."""
    return paper.authors[0].split()[0].lower() if isinstance(paper, Paper) else TOPIC_OF[paper]


TOPIC_OF = {paper.id: topic(paper) for paper in (*PAGE, *OLD)}


def old(name: str, kind: EventKind = EventKind.UPVOTE, *, first: int = 1) -> list[Event]:
    """Return a history on the six old papers of a topic."""
    return [make_event(first + n, p, kind, at=AGO + timedelta(seconds=first + n)) for n, p in enumerate(OLD) if topic(p) == name]


def top(page: RankedPage, count: int) -> list[str]:
    return [TOPIC_OF[item.paper_id] for item in page.items[:count]]


def place(page: RankedPage, paper: Paper) -> int:
    return next(item.position for item in page.items if item.paper_id == paper.id)


def at_places(page: RankedPage) -> RankedPage:
    """Number the items as a store would."""
    return replace(page, items=tuple(item._replace(id=1000 + item.position) for item in page.items))


@pytest.mark.parametrize("ranker", RANKERS.values(), ids=RANKERS)
class TestKnownAnswers:
    @pytest.mark.parametrize("name", TOPICS)
    def test_a_reader_of_one_topic_gets_it_first(self, ranker: Ranker, name: str) -> None:
        page = make_page(PAGE, old(name), read=OLD, settings=QUIET, ranker=ranker)
        assert top(page, 8) == [name] * 8

    def test_a_reader_of_even_topics_gets_even_topics(self, ranker: Ranker) -> None:
        even = list(TOPICS)[::2]
        events = [event for i, name in enumerate(even) for event in old(name, first=1 + 100 * i)]
        page = make_page(PAGE, events, read=OLD, settings=QUIET, ranker=ranker)
        assert set(top(page, 20)) == set(even)
        assert all(top(page, 20).count(name) >= 5 for name in even)

    def test_a_reader_of_two_topics_gets_both(self, ranker: Ranker) -> None:
        page = make_page(PAGE, [*old("speech"), *old("health", first=200)], read=OLD, settings=QUIET, ranker=ranker)
        assert set(top(page, 10)) == {"speech", "health"}
        assert 3 <= top(page, 10).count("speech") <= 7

    def test_a_disliked_topic_sinks(self, ranker: Ranker) -> None:
        page = make_page(
            PAGE, [*old("speech"), *old("robots", EventKind.DOWNVOTE, first=200)], read=OLD, settings=QUIET, ranker=ranker
        )
        places = [item.position for item in page.items if TOPIC_OF[item.paper_id] == "robots"]
        assert np.mean(places) > np.mean(range(1, 49)) + 12

    def test_dislikes_alone_sink_too(self, ranker: Ranker) -> None:
        page = make_page(PAGE, old("robots", EventKind.HIDE), read=OLD, settings=QUIET, ranker=ranker)
        assert "robots" not in top(page, 24)

    def test_a_liked_author_rises(self, ranker: Ranker) -> None:
        liked = make_paper(1, day=EARLIER, topic="vision", authors=("Ann Lee",))
        theirs = replace(PAGE[20], authors=("Ann Lee",))
        stranger = replace(liked, authors=("Bo Ek",))
        edition = [*PAGE[:20], theirs, *PAGE[21:]]
        by_stranger, by_ann = (
            make_page(edition, [make_event(1, p, at=AGO)], read=[p], settings=QUIET, ranker=ranker) for p in (stranger, liked)
        )
        assert topic(PAGE[20]) != "vision"
        assert place(by_ann, theirs) < place(by_stranger, theirs)

    def test_without_a_history_what_readers_in_general_pick_rises(self, ranker: Ranker) -> None:
        famous = replace(PAGE[30], authors=(FAMOUS,))
        edition = [*PAGE[:30], famous, *PAGE[31:]]
        without, with_prior = (make_page(edition, settings=QUIET, ranker=r) for r in (ranker, replace(ranker, prior=by_author())))
        assert place(with_prior, famous) < place(without, famous)
        assert np.isnan(without.items[0].features[NAMES.index("prior")])

    def test_what_like_minded_readers_want_rises(self, ranker: Ranker) -> None:
        paper = PAGE[30]
        pages = [
            rank_page(replace(make_inputs(PAGE, old("speech"), read=OLD), neighbours=said), ranker, QUIET)
            for said in (None, {}, {paper.id: 0.8}, {paper.id: -0.8})
        ]
        unasked, silent, wanted, unwanted = (place(page, paper) for page in pages)
        assert wanted < silent == unasked < unwanted
        column = [page.items[place(page, paper) - 1].features[NAMES.index("neighbours")] for page in pages]
        assert column == pytest.approx([np.nan, 0.0, np.tanh(0.8), -np.tanh(0.8)], nan_ok=True)

    def test_without_a_history_upvotes_at_the_source_decide(self, ranker: Ranker) -> None:
        star = replace(PAGE[30], signals=Signals(upvotes=500))
        assert make_page([*PAGE[:30], star, *PAGE[31:]], ranker=ranker).items[0].paper_id == star.id

    def test_near_duplicates_are_not_side_by_side(self, ranker: Ranker) -> None:
        twins = [replace(PAGE[0], id=f"arxiv:twin{n}", authors=(f"T{n}",)) for n in range(5)]
        settings = RankSettings(explore_per_20=0, near_duplicate=0.999, author_cap=99)
        page = make_page([*PAGE, *twins], old(topic(PAGE[0])), read=OLD, settings=settings, ranker=ranker)
        firsts = {item.paper_id for item in page.items[:20]} & {PAGE[0].id, *(twin.id for twin in twins)}
        assert len(firsts) == 1
        assert len(page.items) == len(PAGE) + 5

    def test_a_short_page_reads_the_same_topic_from_several_earlier_likes(self, ranker: Ranker) -> None:
        events = [make_event(n, p, EventKind.SAVE, at=AGO) for n, p in enumerate(OLD, 1) if topic(p) == "proofs"]
        assert top(make_page(PAGE, events, read=OLD, settings=QUIET, ranker=ranker), 5) == ["proofs"] * 5


class TestPromise:
    @pytest.mark.parametrize("ranker", [*RANKERS.values(), CONTRARY], ids=[*RANKERS, "contrary"])
    @pytest.mark.parametrize("row", [0, 17, 40])
    def test_the_nearest_open_paper_to_a_fresh_upvote_is_in_the_top_five(self, ranker: Ranker, row: int) -> None:
        events = [*old("vision"), make_event(500, PAGE[row])]
        page = make_page(PAGE, events, read=OLD, ranker=ranker)
        assert place(page, nearest(PAGE[row], PAGE)) <= 5

    def test_it_holds_when_the_upvoted_paper_is_of_another_day(self) -> None:
        page = make_page(PAGE, [make_event(500, OLD[0])], read=OLD, ranker=CONTRARY)
        assert place(page, nearest(OLD[0], PAGE)) == 3

    def test_it_goes_to_the_next_nearest_once_that_was_voted_on_too(self) -> None:
        first = nearest(PAGE[0], PAGE)
        page = make_page(PAGE, [make_event(1, first, EventKind.HIDE), make_event(2, PAGE[0])], ranker=CONTRARY)
        assert place(page, nearest(PAGE[0], [p for p in PAGE if p is not first])) == 3

    def test_an_upvote_of_an_earlier_day_promises_nothing(self) -> None:
        page = make_page(PAGE, [make_event(1, OLD[0], at=AGO)], read=OLD, ranker=CONTRARY)
        assert not any(reason.kind == "moved" for item in page.items for reason in item.reasons)

    @pytest.mark.parametrize("kind", [EventKind.SAVE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLICK])
    def test_only_an_upvote_promises(self, kind: EventKind) -> None:
        page = make_page(PAGE, [make_event(1, PAGE[0], kind)], ranker=CONTRARY)
        assert not any(reason.kind == "moved" for item in page.items for reason in item.reasons)

    def test_a_fresh_upvote_on_a_page_without_papers_is_no_trouble(self) -> None:
        assert make_page([], [make_event(1, OLD[0])], read=OLD).items == ()

    def test_a_fresh_upvote_on_the_only_paper_is_no_trouble(self) -> None:
        assert [item.voted for item in make_page(PAGE[:1], [make_event(1, PAGE[0])]).items] == [True]


def nearest(paper: Paper, among: Sequence[Paper]) -> Paper:
    """Return the paper whose vector is nearest, by hand."""
    others = [other for other in among if other.id != paper.id]
    return others[int((vectors_of(others).dense @ vectors_of([paper]).dense[0]).argmax())]


class TestVotes:
    """A reader goes down a page of 24 and votes on what stands at some places."""

    def test_the_last_one_keeps_its_place_and_the_one_before_goes_to_the_tail(self) -> None:
        first = at_places(make_page(SMALL, settings=QUIET))
        one, two = first.items[4], first.items[9]
        votes = [make_event(1, one.paper_id, item_id=one.id), make_event(2, two.paper_id, EventKind.HIDE, item_id=two.id)]
        places = {item.id: item.position for item in first.items}
        after_one = make_page(SMALL, votes[:1], places=places, settings=QUIET)
        assert after_one.items[4].paper_id == one.paper_id
        after_two = make_page(SMALL, votes, places=places, settings=QUIET)
        assert after_two.items[9].paper_id == two.paper_id
        assert after_two.items[-1].paper_id == one.paper_id
        assert [item.position for item in after_two.items if item.voted] == [10, 24]

    def test_saving_moves_only_the_others(self) -> None:
        first = at_places(make_page(SMALL, settings=QUIET))
        chosen = first.items[5]
        save = make_event(1, chosen.paper_id, EventKind.SAVE, item_id=chosen.id)
        places = {item.id: item.position for item in first.items}
        page = make_page(SMALL, [save], places=places, settings=QUIET)
        assert page.items[5].paper_id == chosen.paper_id
        assert topic(page.items[0].paper_id) == topic(chosen.paper_id)
        back = make_event(2, chosen.paper_id, EventKind.UNSAVE, item_id=chosen.id)
        assert told(make_page(SMALL, [save, back], places=places, settings=QUIET)) == told(first)

    def test_a_vote_from_elsewhere_goes_to_the_tail(self) -> None:
        page = make_page(SMALL, [make_event(1, SMALL[3]), make_event(2, SMALL[5], item_id=77)], settings=QUIET)
        assert [item.paper_id for item in page.items[-2:]] == [SMALL[5].id, SMALL[3].id]

    def test_voted_papers_do_not_count_in_the_size_of_a_page(self) -> None:
        page = make_page(PAGE, [make_event(n, p) for n, p in enumerate(PAGE[:9], 1)], settings=RankSettings(page_size=10))
        assert (len(page.items), page.candidates) == (19, 48)


class TestClicks:
    def test_a_click_today_changes_nothing(self) -> None:
        events = old("graphs")
        clicked = [*events, make_event(900, PAGE[9], CLICK)]
        assert told(make_page(PAGE, clicked, read=OLD)) == told(make_page(PAGE, events, read=OLD))

    def test_a_click_yesterday_does(self) -> None:
        clicked = [make_event(900, OLD[9], CLICK, at=NOW - timedelta(days=1))]
        assert told(make_page(PAGE, clicked, read=OLD)) != told(make_page(PAGE))

    def test_a_click_from_mail_never_does(self) -> None:
        clicked = [make_event(900, OLD[9], CLICK, at=NOW - timedelta(days=1), channel=Channel.EMAIL)]
        assert told(make_page(PAGE, clicked, read=OLD)) == told(make_page(PAGE))


class TestReaders:
    def test_four_hundred_likes(self) -> None:
        many = [make_paper(n, topic="speech", day=EARLIER, id=f"arxiv:l{n:04d}") for n in range(400)]
        events = [make_event(n, p, at=AGO + timedelta(seconds=n)) for n, p in enumerate(many, 1)]
        page = make_page(SMALL, events, read=many, settings=QUIET)
        assert set(top(page, 4)) == {"speech"}

    def test_likes_without_vectors_leave_the_page_as_it_is(self) -> None:
        page = make_page(SMALL, old("speech"), read=OLD, unread=[p.id for p in OLD])
        assert told(page) == told(make_page(SMALL))

    def test_papers_shown_on_other_days_are_not_shown_again(self) -> None:
        page = make_page(SMALL, seen=[SMALL[0].id])
        assert page.candidates == len(SMALL) - 1
        assert SMALL[0].id not in {item.paper_id for item in page.items}

    def test_a_page_says_what_it_was_made_of(self) -> None:
        settings = RankSettings(page_size=7)
        page = make_page(SMALL, old("graphs"), read=OLD, settings=settings, reader_id=4)
        assert (page.reader_id, page.day, page.built_at, page.model) == (4, DAY, NOW, "blend-0")
        assert (page.recipe, page.cursor, page.candidates) == (recipe(settings), 6, 24)
        assert (page.revision, page.id) == (1, 0)

    def test_logged_features_are_the_rows_that_were_scored(self) -> None:
        inputs = make_inputs(SMALL, old("graphs"), read=OLD)
        matrix = describe(inputs, SHARP, RankSettings())
        scores = SHARP.score(matrix)
        for item in rank_page(inputs, SHARP, RankSettings()).items:
            row = matrix.paper_ids.index(item.paper_id)
            assert item.features.tobytes() == matrix.values[row].tobytes()
            assert item.score == pytest.approx(float(scores[row]), abs=1e-6)

    def test_a_ranker_of_other_features_is_refused(self) -> None:
        with pytest.raises(ModelIncompatible):
            make_page(SMALL, ranker=replace(blend_ranker(), schema="another"))

    def test_settings_have_a_name_each(self) -> None:
        assert recipe(RankSettings()) == recipe(RankSettings())
        assert len({recipe(RankSettings(page_size=n)) for n in (5, 6, 7)}) == 3


@PROPERTY
@given(data=st.data())
def test_every_page_is_a_permutation_prefix_with_finite_scores(data: st.DataObject) -> None:
    found = data.draw(papers(30))
    events = data.draw(histories([*found, *OLD[:4]]))
    size = data.draw(st.integers(5, 40))
    page = make_page(found, events, read=OLD[:4], settings=RankSettings(page_size=size), ranker=drawn(data))
    ids = [item.paper_id for item in page.items]
    assert [item.position for item in page.items] == list(range(1, len(ids) + 1))
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {paper.id for paper in found}
    assert sum(not item.voted for item in page.items) == min(size, page.candidates - sum(item.voted for item in page.items))
    assert all(np.isfinite(item.score) and 0 < item.propensity <= 1 for item in page.items)
    assert all(item.features.shape == (len(NAMES),) for item in page.items)


@PROPERTY
@given(data=st.data())
def test_the_order_in_which_papers_come_in_does_not_matter(data: st.DataObject) -> None:
    found = data.draw(papers(20))
    events = data.draw(histories([*found, *OLD[:4]]))
    shuffled = random.Random(data.draw(st.integers(0, 99))).sample(found, len(found))
    ranker = drawn(data)
    assert told(make_page(found, events, read=OLD[:4], ranker=ranker)) == told(
        make_page(shuffled, events, read=OLD[3::-1], ranker=ranker)
    )


@PROPERTY
@given(data=st.data())
def test_undo_restores_the_page_exactly(data: st.DataObject) -> None:
    events = data.draw(histories([*SMALL, *OLD], most=8))
    open_now = [p for p in SMALL if not live_vote(events, p)]
    target = data.draw(st.sampled_from(open_now))
    places = {5000: data.draw(st.integers(1, 24))}
    kinds = data.draw(st.lists(st.sampled_from([EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE]), min_size=1, max_size=3))
    voted = [*events, *(make_event(100 + n, target, kind, item_id=5000) for n, kind in enumerate(kinds))]
    undone = [*voted, make_event(200, target, CLEAR, item_id=5000)]
    ranker = drawn(data)
    before, after, between = (make_page(SMALL, h, read=OLD, places=places, ranker=ranker) for h in (events, undone, voted))
    assert told(after) == told(before)
    assert told(between) != told(before)


def live_vote(events: Sequence[Event], paper: Paper) -> bool:
    last = [event.kind for event in events if event.paper_id == paper.id and event.kind.is_vote]
    return bool(last) and last[-1] is not CLEAR


@PROPERTY
@given(data=st.data())
def test_what_comes_after_as_of_is_invisible(data: st.DataObject) -> None:
    events = data.draw(histories([*SMALL, *OLD], most=8))
    later = [make_event(300, SMALL[2], at=NOW + timedelta(seconds=1)), make_event(301, OLD[1], at=NOW + timedelta(days=1))]
    with_it = make_page(SMALL, [*events, *later], read=OLD)
    assert told(with_it) == told(make_page(SMALL, events, read=OLD))


@PROPERTY
@given(data=st.data())
def test_an_upvote_never_lowers_a_duplicate_of_the_paper(data: st.DataObject) -> None:
    events = data.draw(histories([*SMALL, *OLD], most=8))
    liked = data.draw(st.sampled_from(SMALL))
    twin = replace(liked, id="arxiv:twin")
    edition = [*SMALL, twin]
    ranker = drawn(data)
    before, after = (ranks(edition, history, ranker) for history in (events, [*events, make_event(400, liked)]))
    assert after["arxiv:twin"] <= before["arxiv:twin"]


def drawn(data: st.DataObject) -> Ranker:
    return RANKERS[data.draw(st.sampled_from(sorted(RANKERS)))]


def ranks(edition: Sequence[Paper], events: Sequence[Event], ranker: Ranker) -> dict[str, int]:
    """Return the rank of each paper by the blend's score alone, among those that are no part of any vote."""
    matrix = describe(make_inputs(edition, events, read=OLD), ranker, QUIET)
    spoken_of = {event.paper_id for event in events}
    scores = ranker.score(matrix)
    rows = [row for row, paper_id in enumerate(matrix.paper_ids) if paper_id not in spoken_of]
    return {matrix.paper_ids[row]: 1 + sum(scores[other] > scores[row] + 1e-6 for other in rows) for row in rows}


@pytest.mark.parametrize(
    "history", [[], old("robots", EventKind.DOWNVOTE), old("vision", CLICK), old("health", EventKind.SAVE)], ids=range(4)
)
def test_every_kind_of_reader_gets_a_page(history: list[Event]) -> None:
    page = make_page(PAGE, history, read=OLD)
    assert len(page.items) == len(PAGE)


def test_the_golden_page_is_the_page() -> None:
    """A fixed reader's page, word for word; running this module as a script writes it anew."""
    assert golden() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def golden() -> list[dict[str, object]]:
    events = [*old("speech"), *old("robots", EventKind.DOWNVOTE, first=100), make_event(500, PAGE[3], item_id=9)]
    page = make_page(PAGE, events, read=OLD, places={9: 4}, ranker=SHARP)
    return [
        {
            "paper": item.paper_id,
            "score": round(item.score, 3),
            "reasons": [f"{reason.kind}: {reason.text}" for reason in item.reasons],
            "explored": item.explored,
            "propensity": round(item.propensity, 4),
            "voted": item.voted,
        }
        for item in page.items
    ]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

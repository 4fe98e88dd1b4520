"""Scores to order: spread, exploration, votes. Rows are papers `t:000`, `t:001`, …, scored in that order unless said otherwise."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from factories import DAY, make_paper
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import chisquare
from strategies import PROPERTY

from recommender.rank import explore
from recommender.rank.rerank import BLOCK, PROMISE_AT, Placed, Votes, order
from recommender.rank.window import Window
from recommender.settings import RankSettings
from recommender.types import FloatArray, Paper, PaperVectors

QUIET = RankSettings(explore_per_20=0, page_size=500)


def row_papers(n: int, authors: dict[int, tuple[str, ...]] | None = None) -> list[Paper]:
    return [make_paper(1, id=f"t:{i:03d}", authors=(authors or {}).get(i, (f"Author {i}",))) for i in range(n)]


def ordered(
    papers: list[Paper],
    *,
    votes: Votes | None = None,
    scores: FloatArray | None = None,
    dense: FloatArray | None = None,
    reader_id: int = 1,
    day_offset: int = 0,
    settings: RankSettings = QUIET,
    doubt: FloatArray | None = None,
) -> list[Placed]:
    n = len(papers)
    texts = np.eye(n, dtype=np.float32) if dense is None else dense
    window = Window(DAY, papers, PaperVectors(tuple(paper.id for paper in papers), texts, csr_array((n, 1), dtype=np.float32)))
    return order(
        window.take(np.arange(n)),
        -np.arange(n, dtype=np.float32) if scores is None else scores,
        votes or Votes(),
        reader_id=reader_id,
        day=DAY + timedelta(days=day_offset),
        settings=settings,
        doubt=doubt,
    )


def rows(placed: list[Placed]) -> list[int]:
    return [item.row for item in placed]


def drawn(placed: list[Placed]) -> dict[int, int]:
    """Return position -> row of the exploration slots."""
    return {position: item.row for position, item in enumerate(placed, 1) if item.explored}


def test_the_best_comes_first_and_ties_go_by_id() -> None:
    assert rows(ordered(row_papers(4), scores=np.array([1, 3, 3, 2], dtype=np.float32))) == [1, 2, 3, 0]


def test_no_papers_no_places() -> None:
    assert ordered([]) == []


def test_a_page_is_cut_at_its_size() -> None:
    assert rows(ordered(row_papers(50), settings=RankSettings(explore_per_20=0, page_size=7))) == list(range(7))


class TestSpread:
    def test_near_duplicates_wait_for_the_next_twenty(self) -> None:
        dense = np.eye(40, dtype=np.float32)
        dense[1] = dense[2] = dense[0]
        found = rows(ordered(row_papers(40), dense=dense))
        assert found[:20] == [0, *range(3, 22)]
        assert found[20] == 1
        assert found.index(2) == 39
        assert sorted(found) == list(range(40))

    @pytest.mark.parametrize(("cosine", "deferred"), [(0.91, False), (0.93, True)])
    def test_the_setting_says_what_a_near_duplicate_is(self, cosine: float, deferred: bool) -> None:
        dense = np.eye(40, dtype=np.float32)
        dense[1] = 0
        dense[1, [0, 1]] = cosine, np.sqrt(1 - cosine**2)
        assert (rows(ordered(row_papers(40), dense=dense))[1] != 1) is deferred

    def test_no_twenty_holds_more_of_an_author_than_the_cap(self) -> None:
        papers = row_papers(60, {i: ("Ann", f"Author {i}") for i in range(6)})
        found = rows(ordered(papers))
        for block in (found[:20], found[20:40], found[40:]):
            assert sum(row < 6 for row in block) == 2
        assert found[:2] == [0, 1]
        assert found[20:22] == [2, 3]

    def test_a_cap_that_cannot_be_met_loses_nothing(self) -> None:
        papers = row_papers(45, dict.fromkeys(range(45), ("Ann",)))
        assert rows(ordered(papers)) == list(range(45))

    def test_a_page_of_one_text_loses_nothing(self) -> None:
        assert rows(ordered(row_papers(30), dense=np.ones((30, 1), dtype=np.float32))) == list(range(30))

    def test_many_copies_at_the_top_are_seen_however_far_one_has_to_look(self) -> None:
        dense = np.eye(150, dtype=np.float32)
        dense[1:70] = dense[0]
        dense[100] = dense[75]
        found = rows(ordered(row_papers(150), dense=dense))
        assert found[:20] == [0, *range(70, 89)]
        assert found[20] == 1
        assert found.index(100) > found.index(75)

    def test_a_page_is_what_comparing_every_pair_gives(self) -> None:
        rng = np.random.default_rng(3)
        dense = rng.normal(size=(120, 3)).astype(np.float32)
        dense /= np.linalg.norm(dense, axis=1, keepdims=True)
        chosen: list[int] = []
        for row in range(120):
            if len(chosen) < 20 and not any(float(dense[row] @ dense[other]) >= QUIET.near_duplicate for other in chosen):
                chosen.append(row)
        assert rows(ordered(row_papers(120), dense=dense))[: len(chosen)] == chosen

    def test_papers_without_authors_are_not_one_author(self) -> None:
        assert rows(ordered(row_papers(30, dict.fromkeys(range(30), ())))) == list(range(30))


class TestExploration:
    SETTINGS = RankSettings(page_size=60)
    ONE_BLOCK = RankSettings(page_size=20)

    def test_two_slots_in_every_twenty_while_there_is_a_pool(self) -> None:
        for reader in range(30):
            places = sorted(drawn(ordered(row_papers(200), reader_id=reader, settings=self.SETTINGS)))
            assert [(place - 1) // BLOCK for place in places] == [0, 0, 1, 1, 2, 2]
            assert places[0] > PROMISE_AT

    def test_they_stand_anywhere_but_in_the_first_three_places(self) -> None:
        papers = row_papers(100)
        found = {place for reader in range(100) for place in drawn(ordered(papers, reader_id=reader, settings=self.SETTINGS))}
        assert found == set(range(PROMISE_AT + 1, 61))

    def test_without_a_head_the_propensity_is_one_over_what_is_left_of_the_pool(self) -> None:
        placed = ordered(row_papers(100), settings=self.SETTINGS)
        chances = sorted(item.propensity for item in placed if item.explored)
        assert chances == pytest.approx([1 / 82, 1 / 81, 1 / 62, 1 / 61, 1 / 42, 1 / 41])
        assert all(item.propensity == 1.0 for item in placed if not item.explored)

    def test_only_the_best_of_the_rest_are_drawn_from(self) -> None:
        settings = RankSettings(page_size=20, explore_pool=30)
        papers = row_papers(120)
        pages = [ordered(papers, reader_id=reader, settings=settings) for reader in range(120)]
        assert {row for placed in pages for row in drawn(placed).values()} == set(range(18, 48))
        assert sorted(item.propensity for item in pages[0] if item.explored) == pytest.approx([1 / 30, 1 / 29])

    def test_with_a_head_the_promising_and_the_uncertain_are_drawn_more_often(self) -> None:
        papers, doubt = row_papers(120), np.full(120, 0.3, dtype=np.float32)
        doubt[60:70] = 1.5
        counts = Counter[int]()
        for reader in range(150):
            counts.update(drawn(ordered(papers, reader_id=reader, doubt=doubt, settings=self.ONE_BLOCK)).values())
        assert sum(counts[row] for row in range(60, 70)) > 3 * sum(counts[row] for row in range(70, 80))
        assert sum(counts[row] for row in range(18, 28)) > 3 * sum(counts[row] for row in range(48, 58))
        assert max(counts) > 90  # now and then by lot

    def test_what_is_drawn_comes_from_further_down_and_stands_once(self) -> None:
        placed = ordered(row_papers(200), settings=self.SETTINGS)
        assert all(row >= 18 for row in drawn(placed).values())
        assert len(set(rows(placed))) == len(placed) == 60

    @pytest.mark.parametrize(("papers", "slots"), [(39, 0), (40, 2)])
    def test_a_short_page_is_not_explored(self, papers: int, slots: int) -> None:
        assert len(drawn(ordered(row_papers(papers), settings=self.SETTINGS))) == slots

    @pytest.mark.parametrize("slots", [0, 1, 3, 5])
    def test_the_number_of_slots_is_a_setting(self, slots: int) -> None:
        placed = ordered(row_papers(200), settings=RankSettings(page_size=20, explore_per_20=slots))
        assert len(drawn(placed)) == slots

    def test_one_reader_and_day_draw_the_same_others_do_not(self) -> None:
        papers = row_papers(200)
        first = drawn(ordered(papers, settings=self.SETTINGS))
        assert drawn(ordered(papers, settings=self.SETTINGS)) == first
        assert drawn(ordered(papers, reader_id=2, settings=self.SETTINGS)) != first
        assert drawn(ordered(papers, day_offset=1, settings=self.SETTINGS)) != first
        assert drawn(ordered(papers, settings=RankSettings(page_size=60, seed=1))) != first

    def test_the_draw_survives_a_vote(self) -> None:
        papers = row_papers(200)
        before = drawn(ordered(papers, settings=self.SETTINGS))
        scores = -np.arange(200, dtype=np.float32)
        scores[50:60] += 100  # ranked anew, and one is gone
        after = drawn(ordered(papers, scores=scores, votes=Votes(("t:000",)), settings=self.SETTINGS))
        assert set(before.values()) - {*range(60)} <= set(after.values())

    @pytest.mark.parametrize("known", [False, True])
    def test_how_often_a_paper_is_drawn_is_its_propensity(self, known: bool) -> None:
        papers, readers = row_papers(60), 800
        doubt = np.random.default_rng(5).uniform(0.5, 2.0, 60).astype(np.float32) if known else None
        scores, settings = -np.arange(60, dtype=np.float32), RankSettings(page_size=20, explore_per_20=1)
        chances = explore.chances(scores[19:], None if doubt is None else doubt[19:], uniform=settings.explore_uniform)
        counts = np.zeros(60)
        for reader in range(readers):
            (slot,) = [item for item in ordered(papers, reader_id=reader, doubt=doubt, settings=settings) if item.explored]
            assert slot.propensity == pytest.approx(chances[slot.row - 19])
            counts[slot.row] += 1
        assert (counts[:19] == 0).all()  # one slot: nineteen are ranked
        assert chisquare(counts[19:], readers * chances).pvalue > 0.001


class TestVotes:
    def test_the_held_paper_keeps_its_place_and_earlier_ones_go_to_the_tail_newest_first(self) -> None:
        votes = Votes(("t:004", "t:007", "t:001"), held="t:004", held_at=5)
        placed = ordered(row_papers(10), votes=votes)
        assert rows(placed) == [0, 2, 3, 5, 4, 6, 8, 9, 7, 1]
        assert [item.row for item in placed if item.voted] == [4, 7, 1]

    def test_without_a_held_paper_all_go_to_the_tail(self) -> None:
        assert rows(ordered(row_papers(5), votes=Votes(("t:003", "t:000")))) == [1, 2, 4, 3, 0]

    def test_a_held_place_beyond_the_open_papers_is_right_after_them(self) -> None:
        votes = Votes(("t:002", "t:000"), held="t:002", held_at=99)
        assert rows(ordered(row_papers(5), votes=votes)) == [1, 3, 4, 2, 0]

    def test_voted_papers_take_no_place_from_open_ones(self) -> None:
        votes = Votes(tuple(f"t:{i:03d}" for i in range(9)), held="t:000", held_at=1)
        placed = ordered(row_papers(60), votes=votes, settings=RankSettings(explore_per_20=0, page_size=20))
        assert sum(not item.voted for item in placed) == 20
        assert len(placed) == 29

    def test_saved_papers_keep_their_places(self) -> None:
        votes = Votes(("t:000",), held="t:000", held_at=1, saved=(("t:006", 4), ("t:001", 2)))
        placed = ordered(row_papers(8), votes=votes)
        assert rows(placed) == [0, 1, 2, 6, 3, 4, 5, 7]
        assert [item.row for item in placed if item.voted] == [0, 1, 6]  # their features know the answer: not to be learned from

    def test_all_voted(self) -> None:
        assert rows(ordered(row_papers(2), votes=Votes(("t:001", "t:000"), held="t:001", held_at=2))) == [1, 0]

    def test_votes_on_papers_that_are_no_candidates_change_nothing(self) -> None:
        votes = Votes(("t:gone",), held="t:gone", held_at=1, promised="t:gone")
        assert ordered(row_papers(5), votes=votes) == ordered(row_papers(5))


class TestPromise:
    def test_the_promised_paper_is_third_and_says_so(self) -> None:
        placed = ordered(row_papers(60), votes=Votes(promised="t:044"))
        assert rows(placed)[:4] == [0, 1, 44, 2]
        assert [item.row for item in placed if item.moved] == [44]
        assert sorted(rows(placed)) == list(range(60))

    def test_one_that_stands_high_enough_stays(self) -> None:
        assert ordered(row_papers(9), votes=Votes(promised="t:001")) == ordered(row_papers(9))

    def test_it_is_kept_even_from_beyond_the_page(self) -> None:
        placed = ordered(row_papers(90), votes=Votes(promised="t:088"), settings=RankSettings(explore_per_20=0, page_size=10))
        assert rows(placed) == [0, 1, 88, 2, 3, 4, 5, 6, 7, 8]

    def test_it_is_kept_although_its_author_is_over_the_cap(self) -> None:
        papers = row_papers(60, dict.fromkeys(range(10), ("Ann",)))
        assert rows(ordered(papers, votes=Votes(promised="t:009")))[2] == 9

    def test_it_stays_in_the_top_five_below_a_held_paper(self) -> None:
        placed = ordered(row_papers(60), votes=Votes(("t:005",), held="t:005", held_at=1, promised="t:044"))
        assert rows(placed)[:4] == [5, 0, 1, 44]

    def test_the_promised_paper_is_never_drawn(self) -> None:
        """It has its place; were it drawn too, its slot would be missing from the log just when it held this paper."""
        settings = RankSettings(page_size=60)
        row = min(drawn(ordered(row_papers(200), settings=settings)).values())
        placed = ordered(row_papers(200), votes=Votes(promised=f"t:{row:03d}"), settings=settings)
        assert placed[2] == Placed(row, moved=True)
        assert rows(placed).count(row) == 1
        assert len(drawn(placed)) == 6

    def test_on_a_page_of_two_it_is_last(self) -> None:
        assert rows(ordered(row_papers(2), votes=Votes(promised="t:001"))) == [0, 1]


@PROPERTY
@given(data=st.data())
def test_every_order_is_a_permutation(data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 130))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    papers = row_papers(n, {i: (f"A{rng.integers(9)}", f"A{rng.integers(9)}") for i in range(n)})
    dense = rng.normal(size=(n, 3)).astype(np.float32)  # three dimensions: many near-duplicates
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    voted = tuple(f"t:{i:03d}" for i in rng.permutation(n)[: data.draw(st.integers(0, 6))])
    votes = Votes(
        voted,
        held=voted[0] if voted and data.draw(st.booleans()) else None,
        held_at=data.draw(st.integers(1, 150)),
        promised=next((p.id for p in papers if p.id not in voted), None) if data.draw(st.booleans()) else None,
    )
    settings = RankSettings(page_size=data.draw(st.integers(5, 150)), explore_per_20=data.draw(st.integers(0, 5)))
    placed = ordered(papers, votes=votes, scores=rng.random(n).astype(np.float32), dense=dense, settings=settings)
    assert len(set(rows(placed))) == len(placed)
    assert len(placed) == min(n - len(voted), settings.page_size) + len(voted)
    assert {papers[item.row].id for item in placed if item.voted} == set(voted)
    if votes.promised is not None:
        assert votes.promised in {papers[item.row].id for item in placed[:5]}
    for start in range(0, len(placed), BLOCK):
        assert sum(item.explored for item in placed[start : start + BLOCK]) <= settings.explore_per_20 + 1


def test_a_drawn_paper_says_what_it_was_drawn_from() -> None:
    settings = RankSettings(explore_pool=30)
    placed = ordered(row_papers(100), settings=settings)
    slots = [item for item in placed[:BLOCK] if item.explored]
    first, second = sorted(slots, key=lambda item: -len(item.pool))
    assert (len(first.pool), len(second.pool)) == (30, 29)
    assert set(first.pool) - set(second.pool) == {first.row}
    assert {first.row, second.row} < set(first.pool) == set(range(18, 48))
    assert [item.propensity for item in (first, second)] == pytest.approx([1 / 30, 1 / 29])
    assert all(item.pool == () for item in placed if not item.explored)

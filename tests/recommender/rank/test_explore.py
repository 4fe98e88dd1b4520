"""Who gets an exploration slot, where it stands, and whether that is as likely as is said."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import chisquare, norm

from recommender.errors import ShapeError
from recommender.rank import explore

IDS = [f"t:{i:03d}" for i in range(12)]
MEAN = np.linspace(1.5, -1.5, 12)
MEAN /= MEAN.std()
DOUBT = np.tile([0.3, 0.9, 0.5], 4)
PAGES = 2000


def drawn(salt: str = "s", *, mean=MEAN, doubt=DOUBT, ids=IDS, slots: int = 2, uniform: float = 0.2) -> list[explore.Slot]:
    return explore.draw(explore.lots(ids), np.asarray(mean), doubt, salt=salt, slots=slots, uniform=uniform)


class TestChances:
    @pytest.mark.parametrize("doubt", [DOUBT, np.full(12, 1.0), np.r_[2.0, np.full(11, 0.01)]])
    def test_thompson_chances_are_the_integral_they_stand_for(self, doubt):
        """Of twelve normal variables, each one's chance to be the highest, by adaptive quadrature."""
        std = np.maximum(doubt, 0.2 * doubt.max())
        found = explore.chances(MEAN, doubt, uniform=0.0)

        def first_at(z: float, i: int) -> float:
            below = norm.cdf((MEAN[i] + std[i] * z - MEAN) / std)
            return float(norm.pdf(z) * np.delete(below, i).prod())

        exact = [integrate.quad(first_at, -8, 8, args=(i,), limit=200)[0] for i in range(12)]
        assert found == pytest.approx(exact, abs=3e-6)
        assert found.sum() == pytest.approx(1)

    def test_half_by_lot_is_half_of_each(self):
        thompson, mixed = (explore.chances(MEAN, DOUBT, uniform=u) for u in (0.0, 0.5))
        assert mixed == pytest.approx(0.5 / 12 + 0.5 * thompson)
        assert mixed.min() >= 0.5 / 12

    def test_promising_and_uncertain_papers_are_likelier(self):
        chances = explore.chances(np.array([1.0, 0.0, 0.0, -1.0]), np.array([0.5, 0.5, 1.0, 0.5]), uniform=0.2)
        assert chances[0] > chances[2] > chances[1] > chances[3]

    @pytest.mark.parametrize(
        "doubt", [None, np.full(12, np.nan), np.r_[np.nan, DOUBT[1:]], np.zeros(12), np.r_[np.inf, DOUBT[1:]]]
    )
    def test_who_is_not_known_explores_with_equal_chances(self, doubt):
        assert explore.chances(MEAN, doubt, uniform=0.2) == pytest.approx(np.full(12, 1 / 12))

    def test_the_scale_and_the_level_of_the_scores_do_not_matter(self):
        assert explore.chances(7 + 40 * MEAN, DOUBT, uniform=0.1) == pytest.approx(explore.chances(MEAN, DOUBT, uniform=0.1))

    def test_scores_that_are_all_the_same_leave_it_to_the_doubt(self):
        chances = explore.chances(np.ones(3), np.array([0.5, 0.5, 1.0]), uniform=0.0)
        assert chances[0] == pytest.approx(chances[1])
        assert chances[2] > 1.2 * chances[0]

    def test_one_paper_has_every_chance_and_none_has_none(self):
        assert explore.chances(np.ones(1), np.ones(1), uniform=0.2).tolist() == [1.0]
        assert explore.chances(np.ones(0), None, uniform=0.2).tolist() == []

    def test_far_apart_scores_and_tiny_doubts_stay_finite(self):
        chances = explore.chances(np.r_[1e6, np.zeros(99)], np.full(100, 1e-3), uniform=0.2)
        assert chances == pytest.approx(np.r_[0.802, np.full(99, 0.002)], abs=1e-6)


class TestDraw:
    def test_as_often_as_is_logged(self):
        """Both slots, over many pages: the first by its chances, the second by its chances given the first."""
        pages = [drawn(f"page {i}") for i in range(PAGES)]
        first = explore.chances(MEAN, DOUBT, uniform=0.2)
        counts = Counter(slots[0].index for slots in pages)
        assert chisquare([counts[i] for i in range(12)], PAGES * first).pvalue > 0.001
        expected = np.zeros(12)
        for slots in pages:
            rest = np.delete(np.arange(12), slots[0].index)
            chances = explore.chances(MEAN[rest], DOUBT[rest], uniform=0.2)
            expected[rest] += chances
            assert slots[0].propensity == pytest.approx(first[slots[0].index])
            assert slots[1].propensity == pytest.approx(chances[list(rest).index(slots[1].index)])
        counts = Counter(slots[1].index for slots in pages)
        assert chisquare([counts[i] for i in range(12)], expected).pvalue > 0.001

    @pytest.mark.parametrize("doubt", [DOUBT, None])
    def test_inverse_propensities_average_to_one_per_paper(self, doubt):
        """What every later estimate rests on: weighted by its inverse propensity, each paper counts once per page."""
        weight = np.zeros((2, 12))
        for i in range(PAGES):
            for number, slot in enumerate(drawn(f"p{i}", doubt=doubt, uniform=0.5)):
                weight[number, slot.index] += 1 / slot.propensity / PAGES
        assert weight[0] == pytest.approx(np.ones(12), abs=0.5)
        assert weight[0].mean() == pytest.approx(1, abs=0.05)
        assert weight[1].mean() == pytest.approx(11 / 12, abs=0.05)  # one of twelve is gone by then

    def test_the_same_salt_draws_the_same_another_does_not(self):
        pages = [tuple(slot.index for slot in drawn(salt, uniform=1.0)) for salt in ("a", "a", "b", "c", "d")]
        assert pages[0] == pages[1]
        assert len(set(pages)) > 2

    def test_a_draw_survives_papers_that_come_and_go_below_it(self):
        for salt in map(str, range(20)):
            slots = drawn(salt, doubt=None, slots=1)
            keep = [i for i in range(12) if i == slots[0].index or i % 2]
            fewer = drawn(salt, mean=MEAN[keep], doubt=None, ids=[IDS[i] for i in keep], slots=1)
            assert keep[fewer[0].index] == slots[0].index

    def test_nothing_is_drawn_twice_and_a_small_pool_ends(self):
        slots = drawn(slots=8, ids=IDS[:3], mean=MEAN[:3], doubt=DOUBT[:3])
        assert sorted(slot.index for slot in slots) == [0, 1, 2]
        assert slots[-1].propensity == 1.0
        assert drawn(ids=[], mean=np.ones(0), doubt=None) == []

    @pytest.mark.parametrize(
        "wrong",
        [{"mean": MEAN[:5]}, {"doubt": DOUBT[:5]}, {"slots": 9}, {"slots": -1}],
        ids=["mean", "doubt", "many", "negative"],
    )
    def test_what_does_not_fit_is_refused(self, wrong):
        with pytest.raises(ShapeError):
            drawn(**wrong)


class TestPlaces:
    def test_every_place_is_as_likely_for_every_slot(self):
        found = np.array([explore.places(f"page {i}", 2, first=4, last=20) for i in range(3400)])
        assert found.min() == 4
        assert found.max() == 20
        assert (found[:, 0] != found[:, 1]).all()
        for slot in (0, 1):
            assert chisquare(np.bincount(found[:, slot], minlength=21)[4:]).pvalue > 0.001

    def test_they_are_a_function_of_the_salt(self):
        assert explore.places("a", 3, first=1, last=20) == explore.places("a", 3, first=1, last=20)
        assert len({tuple(explore.places(str(i), 2, first=1, last=20)) for i in range(50)}) > 40

    def test_where_a_slot_stands_says_nothing_of_what_it_holds(self):
        pages = [(explore.places(f"p{i}", 1, first=4, last=20)[0], drawn(f"p{i}", slots=1)[0].index) for i in range(PAGES)]
        place, index = np.array(pages).T
        assert abs(np.corrcoef(place, index)[0, 1]) < 0.07

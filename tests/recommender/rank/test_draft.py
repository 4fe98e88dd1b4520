"""Two rankings, one page: every paper once, each team as often as the other, and nobody credited for what was no choice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from factories import DAY, NOW
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import ShapeError
from recommender.rank.draft import BOTH, FIRST, SECOND, coin, draft, maker, makers, names, share
from recommender.types import RankedItem, RankedPage, Reason

ORDERS = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)


def page(model: str, order: str, *, reader: int = 1, day: date = DAY, **marks: str) -> RankedPage:
    """Return a page of papers a, b, …: `explored`, `voted` and `moved` name those that stand there for such a reason."""
    items = tuple(
        RankedItem(
            place,
            f"x:{letter}",
            float(-place),
            np.full(1, ord(model[0]), np.float32),
            reasons=(Reason("moved", "Moved up"),) if letter in marks.get("moved", "") else (),
            explored=letter in marks.get("explored", ""),
            voted=letter in marks.get("voted", ""),
        )
        for place, letter in enumerate(order, start=1)
    )
    return RankedPage(reader, day, items, len(order), model, "schema", 3, 4, "recipe", NOW)


def order_of(shared: RankedPage) -> str:
    assert [item.position for item in shared.items] == list(range(1, len(shared.items) + 1))
    return "".join(item.paper_id[2:] for item in shared.items)


def teams_of(shared: RankedPage) -> dict[str, str]:
    return {item.paper_id[2:]: item.team for item in shared.items}


@given(ORDERS, ORDERS, st.lists(st.sampled_from([FIRST, SECOND]), min_size=10, max_size=10))
def test_every_paper_is_drafted_once_and_the_teams_are_as_large(first: list[str], second: list[str], tosses: list[int]) -> None:
    drafted = draft(first, second, tosses.__getitem__)
    assert sorted(paper for paper, _ in drafted) == sorted({*first, *second})
    chosen = Counter(team for _, team in drafted)
    if set(first) == set(second):
        assert abs(chosen[FIRST] - chosen[SECOND]) <= 1


@given(ORDERS, ORDERS, st.lists(st.sampled_from([FIRST, SECOND]), min_size=10, max_size=10))
def test_a_team_puts_up_the_best_that_is_left(first: list[str], second: list[str], tosses: list[int]) -> None:
    taken: set[str] = set()
    for paper, team in draft(first, second, tosses.__getitem__):
        best = [next((one for one in order if one not in taken), None) for order in (first, second)]
        assert (best[FIRST] == best[SECOND] == paper) if team == BOTH else best[team] == paper
        taken.add(paper)


@given(ORDERS, ORDERS, st.lists(st.sampled_from([FIRST, SECOND]), min_size=10, max_size=10))
def test_the_teams_are_treated_alike(first: list[str], second: list[str], tosses: list[int]) -> None:
    mirrored = draft(second, first, lambda turn: 1 - tosses[turn])
    other = {FIRST: SECOND, SECOND: FIRST, BOTH: BOTH}
    assert mirrored == [(paper, other[team]) for paper, team in draft(first, second, tosses.__getitem__)]


def test_who_wins_the_toss_goes_first() -> None:
    assert draft("ab", "ba", lambda _: FIRST) == [("a", FIRST), ("b", SECOND)]
    assert draft("ab", "ba", lambda _: SECOND) == [("b", SECOND), ("a", FIRST)]


def test_equal_orders_credit_nobody() -> None:
    assert {team for _, team in draft("abcdef", "abcdef", lambda _: FIRST)} == {BOTH}


def test_coins_are_fair_and_always_the_same() -> None:
    days = [DAY + timedelta(days=n) for n in range(50)]
    tosses = [coin(7, reader, day)(turn) for reader in range(20) for day in days for turn in range(4)]
    assert np.mean(tosses) == pytest.approx(0.5, abs=0.025)
    assert tosses == [coin(7, reader, day)(turn) for reader in range(20) for day in days for turn in range(4)]
    assert len({tuple(coin(seed, reader, DAY)(turn) for turn in range(40)) for seed in (7, 8) for reader in (1, 2)}) == 4


def test_a_shared_page_says_who_chose_what() -> None:
    shared = share(page("live", "abcdef"), page("rival", "adcbef"), seed=1)
    assert sorted(order_of(shared)) == list("abcdef")
    teams = teams_of(shared)
    assert teams["a"] == teams["c"] == teams["e"] == teams["f"] == "", "both would have chosen these next"
    assert (teams["b"], teams["d"]) == ("live", "rival")
    assert (shared.model, shared.schema, shared.cursor, shared.recipe) == ("live+rival", "schema", 3, "recipe")


def test_an_item_keeps_what_its_model_says_of_it() -> None:
    shared = share(page("live", "abcdef"), page("rival", "fedcba"), seed=1)
    for item in shared.items:
        assert maker(shared, item) == (item.team or "live")
        assert item.features[0] == ord(maker(shared, item)[0])


def test_what_is_no_choice_stays_and_counts_for_nobody() -> None:
    live = page("live", "abcdefgh", explored="c", moved="b", voted="gh")
    rival = page("rival", "fbeadcgh", explored="d", moved="b", voted="gh")
    shared = share(live, rival, seed=1)
    order, teams = order_of(shared), teams_of(shared)
    assert sorted(order) == list("abcdefgh")
    assert [order.index(letter) for letter in "bcdgh"] == [1, 2, 3, 6, 7]
    assert {teams[letter] for letter in "bcdgh"} == {""}, "d is drawn on one of the pages, so it may not count on the other"
    assert {teams[letter] for letter in "af"} == {"live", "rival"}
    assert teams["e"] == "", "both would have it next"


def test_what_is_drawn_on_either_page_costs_neither_team_a_turn() -> None:
    rng, letters = np.random.default_rng(3), "abcdefghijklmnop"
    drafted: Counter[str] = Counter()
    for reader in range(300):
        orders = ["".join(rng.permutation(list(letters))) for _ in "12"]
        live, rival = (
            page(name, order, explored=order[5] + order[9], reader=reader)
            for name, order in zip(("live", "rival"), orders, strict=True)
        )
        drafted.update(teams_of(share(live, rival, seed=1)).values())
    assert drafted["live"] == pytest.approx(drafted["rival"], rel=0.02)


def test_pages_that_end_elsewhere_share_one_of_the_live_length() -> None:
    shared = share(page("live", "abcd"), page("rival", "wxyz"), seed=1)
    assert len(shared.items) == 4
    assert Counter(teams_of(shared).values()) == {"live": 2, "rival": 2}


def test_neither_team_stands_higher_in_the_long_run() -> None:
    places: dict[str, list[int]] = {"live": [], "rival": []}
    for reader in range(400):
        shared = share(page("live", "abcdef", reader=reader), page("rival", "fedcba", reader=reader), seed=1)
        for item in shared.items:
            places[item.team or "live"].append(item.position)
    assert np.mean(places["live"]) == pytest.approx(np.mean(places["rival"]), abs=0.15)


@pytest.mark.parametrize("change", [{"reader_id": 2}, {"day": DAY + timedelta(days=1)}, {"cursor": 9}, {"recipe": "other"}])
def test_pages_of_different_things_are_not_shared(change: dict[str, object]) -> None:
    with pytest.raises(ShapeError, match="live and rival are not made of the same things"):
        share(page("live", "ab"), replace(page("rival", "ba"), **change), seed=1)  # type: ignore[arg-type]


def test_names_can_be_taken_apart() -> None:
    assert makers(names("2026-05-20-0210-a", "2026-05-21-0210-a")) == ("2026-05-20-0210-a", "2026-05-21-0210-a")
    assert makers("blend-0") == ("blend-0",)

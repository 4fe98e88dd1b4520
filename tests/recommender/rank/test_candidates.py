"""Which papers may appear: the window of editions, the kinds of announcement, nothing twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from factories import DAY, make_paper

from recommender.rank.candidates import first_day, select
from recommender.types import Paper


def chosen(papers: list[Paper], *, window_days: int = 1, seen: tuple[str, ...] = ()) -> list[str]:
    return [p.id for p in select(papers, day=DAY, window_days=window_days, announce=("new", "cross"), seen=seen)]


@pytest.mark.parametrize(("window", "oldest"), [(1, DAY), (2, date(2026, 5, 19)), (30, date(2026, 4, 21))])
def test_a_window_counts_the_day_itself(window: int, oldest: date) -> None:
    assert first_day(DAY, window) == oldest


@pytest.mark.parametrize(("window", "days_ago"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2])])
def test_only_editions_of_the_window_and_never_of_tomorrow(window: int, days_ago: list[int]) -> None:
    papers = {ago: make_paper(1, day=DAY - timedelta(days=ago), id=f"arxiv:{ago + 9}") for ago in range(-1, 4)}
    assert chosen(list(papers.values()), window_days=window) == [papers[ago].id for ago in days_ago]


@pytest.mark.parametrize(("announce", "there"), [("new", True), ("cross", True), ("replace", False), ("replace-cross", False)])
def test_only_announcements_that_make_a_page(announce: str, there: bool) -> None:
    assert bool(chosen([make_paper(1, announce=announce)])) is there


def test_what_was_shown_before_is_left_out() -> None:
    one, other = make_paper(1), make_paper(2)
    assert chosen([one, other], seen=(one.id,)) == [other.id]


def test_the_order_does_not_depend_on_how_papers_come_in() -> None:
    papers = [make_paper(n, day=DAY - timedelta(days=n % 2)) for n in range(1, 7)]
    expected = [p.id for p in sorted(papers, key=lambda p: (-p.edition.toordinal(), p.id))]
    assert chosen(papers, window_days=2) == chosen(papers[::-1], window_days=2) == expected

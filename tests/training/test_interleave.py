"""What readers did on shared pages, counted; and a test that may be looked at every night."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from recommender.store.pages import ShownItem, ShownPage
from recommender.types import Channel, Event, EventKind, RankedItem, RankedPage
from training.interleave import ALPHA, Tally, Winner, decide, evidence, tally

DAY = date(2026, 5, 20)
MORNING = datetime(2026, 5, 20, 8, tzinfo=UTC)
CLOSED = datetime(2026, 5, 22, tzinfo=UTC)
UP, DOWN, HIDE, CLEAR, SAVE, CLICK = (EventKind(kind) for kind in ("upvote", "downvote", "hide", "clear", "save", "click"))
TEAMS = {"a": "old", "b": "new", "c": "old", "d": "new", "e": ""}


def shown(
    *, reader: int = 1, day: date = DAY, model: str = "old+new", revision: int = 1, teams: dict[str, str] = TEAMS
) -> ShownPage:
    """A page whose item of paper `a` in revision 1 is 101."""
    items = [
        RankedItem(place, f"x:{letter}", 0.0, np.zeros(1, np.float32), team=team, id=100 * revision + place)
        for place, (letter, team) in enumerate(teams.items(), start=1)
    ]
    page = RankedPage(reader, day, (), 5, model, "s", 0, 0, "r", MORNING, revision=revision)
    return ShownPage(page, tuple(ShownItem(item, MORNING) for item in items))


def said(
    *gestures: tuple[str, EventKind], reader: int = 1, revision: int = 1, hours: int = 0, channel: Channel = Channel.WEB
) -> list[Event]:
    return [
        Event(
            n,
            reader,
            f"x:{letter}",
            kind,
            MORNING + timedelta(hours=hours, minutes=n),
            100 * revision + 1 + "abcde".index(letter),
            channel,
        )
        for n, (letter, kind) in enumerate(gestures, start=1)
    ]


def result(events: list[Event], *pages: ShownPage, until: datetime = CLOSED) -> int:
    """+1 when the new one has won, -1 when the old one has, 0 when it is a tie."""
    found = tally(pages or [shown()], {1: events}, live="old", rival="new", until=until)
    assert found.won + found.lost + found.tied == 1
    return found.won - found.lost


@pytest.mark.parametrize(
    ("gestures", "winner"),
    [
        ([], 0),
        ([("b", UP)], 1),
        ([("a", UP)], -1),
        ([("a", UP), ("b", UP)], 0),
        ([("a", UP), ("b", UP), ("d", CLICK)], 1),
        ([("a", CLICK), ("b", UP)], 1),
        ([("a", SAVE), ("b", CLICK)], -1),
        ([("b", DOWN)], -1),
        ([("a", HIDE)], 1),
        ([("a", DOWN), ("b", HIDE)], 1),
        ([("b", CLICK), ("b", DOWN)], -1),
        ([("b", UP), ("b", CLEAR)], 0),
        ([("b", UP), ("b", CLEAR), ("a", CLICK)], -1),
        ([("b", SAVE), ("b", DOWN)], -1),
        ([("e", UP)], 0),
        ([("b", CLICK), ("d", CLICK), ("a", UP)], -1),
    ],
)
def test_the_team_whose_papers_are_welcomed_more_wins(gestures: list[tuple[str, EventKind]], winner: int) -> None:
    assert result(said(*gestures)) == winner


def test_a_click_in_mail_counts_for_nobody_and_a_vote_does() -> None:
    assert result(said(("b", CLICK), channel=Channel.EMAIL)) == 0
    assert result(said(("b", UP), channel=Channel.EMAIL)) == 1


def test_a_click_pressed_on_the_page_behind_a_mails_link_counts() -> None:
    assert result(said(("b", CLICK), channel=Channel.PRESSED)) == result(said(("b", CLICK))) != 0


def test_gestures_elsewhere_do_not_count() -> None:
    assert result([replace(event, item_id=item) for event in said(("b", UP)) for item in (None, 999)]) == 0


def test_a_contest_closes_two_days_after_its_edition() -> None:
    assert result(said(("b", UP), hours=39)) == 1
    assert result(said(("b", UP), hours=40)) == 0
    open_still = tally([shown()], {1: said(("b", UP))}, live="old", rival="new", until=CLOSED - timedelta(seconds=1))
    assert open_still == Tally()


def test_revisions_of_one_day_are_one_contest_and_the_first_touch_decides_whose_paper_it_was() -> None:
    swapped = shown(revision=2, teams={"a": "new", "b": "old", "c": "", "d": "", "e": ""})
    events = [*said(("b", CLICK)), *said(("b", UP), revision=2, hours=1)]
    assert result(events, shown(), swapped) == 1
    assert result(said(("b", UP), revision=2), shown(), swapped) == -1
    undone = [*said(("b", UP)), *said(("b", CLEAR), revision=2, hours=1)]
    assert result(undone, shown(), swapped) == 0


def test_only_pages_that_these_two_shared_count() -> None:
    others = [shown(model=model) for model in ("old", "new", "new+old", "old+newer")]
    assert tally(others, {1: said(("b", UP))}, live="old", rival="new", until=CLOSED) == Tally()


def test_readers_and_days_are_contests_of_their_own() -> None:
    pages = [shown(), shown(reader=2), shown(reader=3), shown(reader=4)]
    histories = {1: said(("b", UP)), 2: said(("a", UP), reader=2), 3: said(("d", CLICK), reader=3)}
    assert tally(pages, histories, live="old", rival="new", until=CLOSED) == Tally(won=2, lost=1, tied=1)


def test_evidence_is_a_ratio_of_likelihoods_averaged_over_rates() -> None:
    """Against the integral, done by the rule of thumb: a sum over a fine grid."""
    p = (np.arange(20000) + 0.5) / 20000
    prior = p**19 * (1 - p) ** 19
    expected = float(np.sum(prior * (2 * p) ** 30 * (2 * (1 - p)) ** 12) / np.sum(prior))
    assert evidence(30, 12) == pytest.approx(expected, rel=1e-6)
    assert evidence(30, 12) == evidence(12, 30)
    assert evidence(4000, 1000) > 1e100


@pytest.mark.parametrize(
    ("count", "winner", "says"),
    [
        (Tally(), Winner.OPEN, "not enough data yet: it won 0 of 0 contests (0 tied), evidence 1.0 of the 20 it takes"),
        (Tally(30, 25, 9), Winner.OPEN, "not enough data yet: it won 30 of 55 contests (9 tied)"),
        (Tally(60, 20), Winner.RIVAL, "readers prefer its papers: it won 60 of 80"),
        (Tally(20, 60), Winner.LIVE, "readers prefer the live model's papers: it won 20 of 80"),
    ],
)
def test_decisions_are_sentences(count: Tally, winner: Winner, says: str) -> None:
    found = decide(count)
    assert found.winner is winner
    assert found.told.startswith(says)


def ended(rate: float, *, trials: int, nights: int, per_night: int, rng: np.random.Generator) -> list[tuple[Winner, int]]:
    """Look at trials every night until one says something; how each ended, and after how many contests."""
    won = np.cumsum(rng.binomial(per_night, rate, size=(trials, nights)), axis=1)
    found = []
    for line in won:
        for night, wins in enumerate(line, start=1):
            played = night * per_night
            winner = decide(Tally(int(wins), int(played - wins))).winner
            if winner is not Winner.OPEN:
                break
        found.append((winner, played))
    return found


def test_looking_every_night_names_a_winner_where_there_is_none_in_one_trial_of_twenty_at_most(rng: np.random.Generator) -> None:
    found = ended(0.5, trials=800, nights=120, per_night=12, rng=rng)
    assert np.mean([winner is not Winner.OPEN for winner, _ in found]) <= ALPHA


def test_a_fixed_test_looked_at_every_night_would_not(rng: np.random.Generator) -> None:
    """What the sequential test is for: the usual z-test at the same level is wrong several times as often."""
    won = np.cumsum(rng.binomial(12, 0.5, size=(800, 120)), axis=1)
    played = 12 * np.arange(1, 121)
    assert (np.abs(won - played / 2) > 1.96 * np.sqrt(played) / 2).any(axis=1).mean() > 3 * ALPHA


@pytest.mark.parametrize(("rate", "least", "most"), [(0.6, 0.9, 260), (0.65, 0.99, 130)])
def test_a_better_model_is_found(rate: float, least: float, most: int, rng: np.random.Generator) -> None:
    for sign, winner in ((rate, Winner.RIVAL), (1 - rate, Winner.LIVE)):
        found = ended(sign, trials=200, nights=40, per_night=12, rng=rng)
        assert np.mean([end is winner for end, _ in found]) >= least
        assert np.median([played for _, played in found]) <= most
        assert np.mean([end not in (winner, Winner.OPEN) for end, _ in found]) <= 0.01

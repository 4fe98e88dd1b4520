"""Shared pages and what readers did with them -> a `Decision`: which of two models chose better, or that it is too early to say.

A reader-day on shared pages is one contest (see `recommender.rank.draft`): the model whose papers were welcomed more has won it. If
readers care for both alike, each wins half of the contests that are not tied, because coins decide who chooses first. The test against
that half is a mixture sequential probability ratio: wins and losses are weighed under every other rate of winning, these under a
beta distribution around one half. While both are alike that ratio ever reaches 1 / alpha with probability alpha at most, however often
one looks (Ville's inequality), so it may be looked at every night, and the trial ends when it is reached.

A contest closes two days after its edition begins: what is done later does not count, or nights would see the past change. What is
found holds for the readers of this Broadsheet, who are few and come again; it is no claim about others.

References
----------
Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008.
Johari, Koomen, Pekelis and Walsh, "Peeking at A/B tests", KDD 2017 (the mixture test under daily looks).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import exp, log

from scipy.special import betaln

from recommender.rank import draft
from recommender.store.events import Word, words
from recommender.store.pages import ShownPage
from recommender.types import Channel, Event, EventKind

__all__ = ["ALPHA", "CLOSES_AFTER", "Decision", "Tally", "Winner", "decide", "evidence", "tally"]

ALPHA = 0.05
SPREAD = 20.0  # of the beta distribution: a model worth its name wins 50 to 65 of a hundred contests, hardly more
LARGEST = 700.0  # of the ratio's logarithm: beyond it a number overflows, and everything has long been said
CLOSES_AFTER = timedelta(days=2)
LIKED, OPENED = 1.0, 0.25
DISLIKED: Mapping[EventKind, float] = {EventKind.DOWNVOTE: -1.0, EventKind.HIDE: -0.4}


class Winner(StrEnum):
    """What a trial can end with, or that it has not ended."""

    RIVAL = "rival"
    LIVE = "live"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Tally:
    """Contests that are closed: won and lost by the rival, and tied."""

    won: int = 0
    lost: int = 0
    tied: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Who has won, the ratio that says so (it takes 1 / alpha), and a sentence about it."""

    winner: Winner
    ratio: float
    told: str


def evidence(won: int, lost: int) -> float:
    """Return how many times likelier these contests are if one model is better than if both are alike.

    Examples
    --------
    >>> evidence(0, 0)
    1.0
    >>> evidence(30, 30) < 1 < evidence(45, 15)
    True
    """
    logarithm = float(betaln(SPREAD + won, SPREAD + lost)) - float(betaln(SPREAD, SPREAD)) + (won + lost) * log(2.0)
    return exp(min(logarithm, LARGEST))


def decide(count: Tally, *, alpha: float = ALPHA) -> Decision:
    """Say which model readers prefer, as far as that is known.

    Parameters
    ----------
    count : Tally
        All contests since the trial began.
    alpha : float, default=0.05
        Probability of ever naming a winner where there is none.

    Examples
    --------
    >>> decide(Tally(won=9, lost=4, tied=6)).told
    'not enough data yet: it won 9 of 13 contests (6 tied), evidence 1.1 of the 20 it takes'
    """
    ratio, needed = evidence(count.won, count.lost), 1.0 / alpha
    played = count.won + count.lost
    score = f"it won {count.won} of {played} contests ({count.tied} tied), evidence {ratio:.1f} of the {needed:.0f} it takes"
    if ratio < needed:
        return Decision(Winner.OPEN, ratio, f"not enough data yet: {score}")
    if count.won > count.lost:
        return Decision(Winner.RIVAL, ratio, f"readers prefer its papers: {score}")
    return Decision(Winner.LIVE, ratio, f"readers prefer the live model's papers: {score}")


def tally(
    shown: Iterable[ShownPage], histories: Mapping[int, Sequence[Event]], *, live: str, rival: str, until: datetime
) -> Tally:
    """Count the contests of two models.

    Parameters
    ----------
    shown : iterable of ShownPage
        In any order; pages that the two did not share are left out.
    histories : mapping of reader to sequence of Event
        In the order they were written.
    live, rival : str
        Versions.
    until : datetime
        Only contests closed by then count.
    """
    teams: dict[tuple[int, date], dict[int, str]] = defaultdict(dict)
    for entry in shown:
        page = entry.page
        if page.model == draft.names(live, rival) and _closes(page.day) <= until:
            teams[page.reader_id, page.day] |= {one.item.id: one.item.team for one in entry.items}
    nets = [
        _net(by_item, histories.get(reader_id, ()), _closes(day), live=live, rival=rival)
        for (reader_id, day), by_item in teams.items()
    ]
    return Tally(sum(net > 0 for net in nets), sum(net < 0 for net in nets), sum(net == 0 for net in nets))


def _closes(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + CLOSES_AFTER


def _net(teams: Mapping[int, str], history: Sequence[Event], closes: datetime, *, live: str, rival: str) -> float:
    """Return how much more the rival's papers were welcomed than the live model's on one reader-day.

    A paper belongs to the team of its item that was touched first. A link opened in mail counts for nobody: scanners open links.
    """
    ours = [event for event in history if event.item_id in teams and event.at < closes and not _is_scan(event)]
    team: dict[str, str] = {}
    for event in ours:
        if event.item_id is not None:
            team.setdefault(event.paper_id, teams[event.item_id])
    clicked = {event.paper_id for event in ours if event.kind is EventKind.CLICK}
    last = words(ours)
    sign = {rival: 1.0, live: -1.0}
    net = sum(sign.get(team[i], 0.0) * _worth(last.get(i, Word()), i in clicked) for i in team)
    return round(net, 9)  # what adds up to nothing is nothing, in whichever order it was added


def _worth(word: Word, clicked: bool) -> float:
    """Return what one paper was worth to its reader, by their last word on it."""
    if word.vote is not None and word.vote in DISLIKED:
        return DISLIKED[word.vote]
    if word.vote is EventKind.UPVOTE or word.saved:
        return LIKED
    return OPENED if clicked else 0.0


def _is_scan(event: Event) -> bool:
    return event.kind is EventKind.CLICK and event.channel is Channel.EMAIL

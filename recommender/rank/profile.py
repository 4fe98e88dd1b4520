"""Events until `as_of` -> Profile: a reader's taste as a fold over what they did, newest first, older counting less.

The last word per paper wins. Ages are measured from the end of the page's day, not from the moment of the request, so two pages of one
day made from the same votes are the same page. For the same reason a click counts only from the next day on.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from recommender.rank.window import ONE_DAY, end_of
from recommender.settings import RankSettings
from recommender.types import Channel, Choices, Event, EventKind, Paper, PaperVectors, Profile

__all__ = ["ONE_DAY", "PRIOR", "build", "end_of", "papers_of"]

PRIOR = 2.0  # pseudo-likes: one like of a category is not yet a taste
_NO_CHOICES = Choices()
_PICKS_FADE = 5.0  # likes after which what was picked to begin with counts half
_FAINTEST = 2.0**-20  # a like never fades to nothing: a weight of zero would divide by zero in the heads


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a reader said of one paper in the end: by which gesture, how strongly (signed) and when."""

    paper_id: str
    strength: float
    at: datetime
    event_id: int
    kind: EventKind


def papers_of(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the papers a history speaks of, newest first."""
    return tuple(dict.fromkeys(event.paper_id for event in reversed(events)))


def build(
    events: Sequence[Event],
    papers: Mapping[str, Paper],
    vectors: PaperVectors,
    *,
    as_of: datetime,
    day: date,
    settings: RankSettings,
    choices: Choices = _NO_CHOICES,
) -> Profile:
    """Fold a reader's history into their taste.

    Parameters
    ----------
    events : sequence of Event
        In the order they were written; those after `as_of` are not seen.
    papers : mapping of str to Paper
        The papers the events speak of; what is missing counts for nothing.
    vectors : PaperVectors
        Their vectors, in any order; what is missing counts for nothing.
    as_of : datetime
    day : date
        The edition the profile is for.
    settings : RankSettings
    choices : Choices, default=Choices()
        What the reader picked to begin with: papers count as softly as opened ones, and ever less as likes come in.
    """
    tastes = _tastes([event for event in events if event.at <= as_of], day, settings)
    spoken = sum(taste.strength > 0 and taste.kind is not EventKind.CLICK for taste in tastes)
    fading = _PICKS_FADE / (_PICKS_FADE + spoken)
    tastes += _picked(choices.papers, {taste.paper_id for taste in tastes}, fading * settings.click_weight, day)
    rows = {paper_id: row for row, paper_id in enumerate(vectors.ids)}
    known = [taste for taste in tastes if taste.paper_id in rows and taste.paper_id in papers]
    likes = [taste for taste in known if taste.strength > 0][: settings.max_likes]
    dislikes = [taste for taste in known if taste.strength < 0][: settings.max_likes]
    until = end_of(day)
    weight = {taste.paper_id: abs(taste.strength) * _decay(until - taste.at, settings) for taste in (*likes, *dislikes)}
    newest = max((t for t in likes if t.kind is EventKind.UPVOTE), key=lambda t: t.event_id, default=None)
    return Profile(
        as_of=as_of,
        day=day,
        liked=vectors.take([rows[taste.paper_id] for taste in likes]),
        liked_weight=np.array([weight[taste.paper_id] for taste in likes], dtype=np.float32),
        disliked=vectors.take([rows[taste.paper_id] for taste in dislikes]),
        disliked_weight=np.array([weight[taste.paper_id] for taste in dislikes], dtype=np.float32),
        authors=_affinities(likes, dislikes, {i: paper.authors for i, paper in papers.items()}, weight),
        categories=_categories(likes, dislikes, papers, weight, dict.fromkeys(choices.categories, fading)),
        likes=sum(taste.kind is not EventKind.CLICK for taste in likes),
        dislikes=len(dislikes),
        latest_like=newest.paper_id if newest else None,
        organizations=_affinities(likes, dislikes, {i: (p.organization,) for i, p in papers.items() if p.organization}, weight),
        team=_team(likes, papers, weight),
    )


def _tastes(events: Sequence[Event], day: date, settings: RankSettings) -> list[_Taste]:
    """Return the last word per paper, newest word first."""
    votes: dict[str, Event] = {}
    saves: dict[str, Event] = {}
    clicks: dict[str, Event] = {}
    for event in events:
        if event.kind.is_vote:
            votes[event.paper_id] = event
        elif event.kind.is_shelf:
            saves[event.paper_id] = event
        elif event.at.date() < day and event.channel is not Channel.EMAIL:  # scanners of mail open links; they press nothing
            clicks[event.paper_id] = event
    found = [_taste(votes.get(i), saves.get(i), clicks.get(i), settings) for i in {**votes, **saves, **clicks}]
    return sorted((t for t in found if t is not None), key=lambda t: -t.event_id)


def _taste(vote: Event | None, save: Event | None, click: Event | None, settings: RankSettings) -> _Taste | None:
    """Weigh what was said of one paper: a live vote first, then the shelf, then a click."""
    strengths = {EventKind.UPVOTE: 1.0, EventKind.DOWNVOTE: -1.0, EventKind.HIDE: -settings.hide_weight}
    if vote is not None and vote.kind in strengths:
        return _Taste(vote.paper_id, strengths[vote.kind], vote.at, vote.id, vote.kind)
    if save is not None and save.kind is EventKind.SAVE:
        return _Taste(save.paper_id, settings.save_weight, save.at, save.id, save.kind)
    if click is not None:  # also when a vote was taken back: undo restores exactly what was before it
        return _Taste(click.paper_id, settings.click_weight, click.at, click.id, click.kind)
    return None


def _picked(paper_ids: Sequence[str], spoken_of: Collection[str], strength: float, day: date) -> list[_Taste]:
    """Papers picked to begin with, as likes of today; whatever the reader says of one of them counts instead."""
    if not paper_ids:
        return []
    today = end_of(day)
    return [_Taste(i, strength, today, 0, EventKind.CLICK) for i in dict.fromkeys(paper_ids) if i not in spoken_of]


def _decay(age: timedelta, settings: RankSettings) -> float:
    age_days = max(0.0, age / ONE_DAY)
    return float(max(0.5 ** (age_days / settings.half_life_days), _FAINTEST))


def _affinities(
    likes: Sequence[_Taste], dislikes: Sequence[_Taste], names: Mapping[str, Sequence[str]], weight: Mapping[str, float]
) -> dict[str, float]:
    """Return signed affinities to names that saturate with evidence: s / (1 + |s|)."""
    sums: dict[str, float] = {}
    for sign, tastes in ((1.0, likes), (-1.0, dislikes)):
        for taste in tastes:
            for name in set(names.get(taste.paper_id, ())):
                sums[name] = sums.get(name, 0.0) + sign * weight[taste.paper_id]
    return {name: s / (1.0 + abs(s)) for name, s in sums.items()}


def _team(likes: Sequence[_Taste], papers: Mapping[str, Paper], weight: Mapping[str, float]) -> float:
    """Return the weighted mean of the log of the number of authors."""
    total = sum(weight[taste.paper_id] for taste in likes)
    logs = sum(weight[taste.paper_id] * math.log(max(len(papers[taste.paper_id].authors), 1)) for taste in likes)
    return logs / total if likes else math.nan


def _categories(
    likes: Sequence[_Taste],
    dislikes: Sequence[_Taste],
    papers: Mapping[str, Paper],
    weight: Mapping[str, float],
    picked: Mapping[str, float],
) -> dict[str, float]:
    """Return the share of the liked weight in a category minus the share of the disliked weight, both shrunk.

    A category that was picked counts as a like of its own.
    """
    liked = sum(weight[taste.paper_id] for taste in likes) + sum(picked.values()) + PRIOR
    disliked = sum(weight[taste.paper_id] for taste in dislikes) + PRIOR
    shares = {category: strength / liked for category, strength in picked.items()}
    for sign, tastes, total in ((1.0, likes, liked), (-1.0, dislikes, disliked)):
        for taste in tastes:
            for category in set(papers[taste.paper_id].categories):
                shares[category] = shares.get(category, 0.0) + sign * weight[taste.paper_id] / total
    return shares

"""JOINT store -> rank -> the reader: what their votes add up to, in words and numbers they can check, and the rules these suggest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from recommender.rank import profile, propose, rules, terms
from recommender.rank.propose import Proposal
from recommender.rank.topics import Topic, topics
from recommender.rankers import Rankers
from recommender.settings import RankSettings
from recommender.store import artifacts, events, interests, likes, papers, vectors
from recommender.store import rules as rule_rows
from recommender.store.db import Session
from recommender.store.interests import Picks
from recommender.types import Channel, Choices, Event, EventKind, Paper, Profile, Rule

__all__ = ["Affinity", "Learned", "Weighed", "facts", "learned", "proposals", "taken"]

MOST_NAMES = 10  # authors, categories or organisations of each sign
COUNTED = 3000  # newest papers among which a phrase is looked for
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Affinity:
    """How much a name speaks for a paper (up to 1) or against it (down to -1), and in how many liked and disliked papers it stands."""

    name: str
    value: float
    liked: int
    disliked: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """One paper that counts.

    Attributes
    ----------
    paper_id : str
    kind : str
        What the reader did: `upvote`, `save`, `click`, `downvote` or `hide`; `pick` for one that stands for a topic or a search.
    weight : float
        Signed: what it counts now, when a fresh up-vote is 1.
    at : datetime or None
        None for a pick.
    """

    paper_id: str
    kind: str
    weight: float
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What one interest of a reader has learned.

    Attributes
    ----------
    interest : int
        0 for the general taste.
    likes, dislikes : int
        Papers that count for it and against it; opened and picked ones are in neither.
    lifting, lowering : tuple of Topic
        Words, the strongest first.
    authors, categories, organizations : tuple of Affinity
        From the best liked to the least.
    papers : tuple of Weighed
        The heaviest first.
    picks : Picks
        What it began with.
    model : str
        Version of the ranker that makes the pages now.
    trained_at : datetime or None
        None when nothing was trained yet.
    """

    interest: int
    likes: int
    dislikes: int
    lifting: tuple[Topic, ...]
    lowering: tuple[Topic, ...]
    authors: tuple[Affinity, ...]
    categories: tuple[Affinity, ...]
    organizations: tuple[Affinity, ...]
    papers: tuple[Weighed, ...]
    picks: Picks
    model: str
    trained_at: datetime | None


def learned(
    session: Session, reader_id: int, rankers: Rankers, settings: RankSettings, *, now: datetime, interest: int = 0
) -> Learned:
    """Return what an interest has learned, as of now, from the same numbers that its page is made of."""
    picks = interests.picks(session, reader_id, interest)
    history = events.history(session, reader_id, as_of=now)
    own = [event for event in history if event.interest == interest and event.id > picks.forgotten]
    ids = tuple(dict.fromkeys((*profile.papers_of(own), *picks.papers)))
    read = papers.get(session, ids, as_of=now)
    seen = vectors.load(session, ids, vectors.current_encoder(session) or "", buckets=terms.BUCKETS)
    choices = Choices(categories=picks.categories, papers=picks.papers, forgotten=picks.forgotten)
    taste = profile.build(own, read, seen, as_of=now, day=now.date(), settings=settings, choices=choices)
    ranker = rankers.live(session)
    lifting, lowering = topics(taste, read, ranker.lens, ridge=settings.ridge)
    trained = ranker.kind == "boosted" and artifacts.exists(session, ranker.version)
    return Learned(
        interest=interest,
        likes=taste.likes,
        dislikes=taste.dislikes,
        lifting=tuple(lifting),
        lowering=tuple(lowering),
        authors=_affinities(taste.authors, lambda paper: paper.authors, taste, read),
        categories=_affinities(taste.categories, lambda paper: paper.categories, taste, read),
        organizations=_affinities(taste.organizations, lambda paper: (paper.organization or "",), taste, read),
        papers=_weighed(taste, own),
        picks=picks,
        model=ranker.version,
        trained_at=artifacts.get(session, ranker.version).created_at if trained else None,
    )


def facts(
    session: Session, reader_id: int, rankers: Rankers, settings: RankSettings, *, now: datetime, interest: int = 0
) -> dict[str, Any]:
    """Return the same as plain values for a file of JSON."""
    found = asdict(learned(session, reader_id, rankers, settings, now=now, interest=interest))
    for weighed in found["papers"]:
        weighed["at"] = weighed["at"].isoformat() if weighed["at"] else None
    found["trained_at"] = found["trained_at"].isoformat() if found["trained_at"] else None
    return found


def proposals(session: Session, reader_id: int) -> list[Proposal]:
    """Return the rules that a reader's votes, over all interests, suggest."""
    votes = _votes(session, reader_id)
    if not votes:
        return []
    known = papers.get(session, list(votes))
    return propose.proposals(
        votes,
        known,
        _share(session, list(votes)),
        rules=rule_rows.active(session, reader_id),
        dismissed=rule_rows.dismissed(session, reader_id),
    )


def taken(session: Session, decreed: Sequence[Rule], *, today: date) -> dict[int, int]:
    """Return how many papers of the last seven editions' days each rule takes, by the rule's number."""
    if not decreed:
        return {}
    window = papers.window(session, today - WEEK + timedelta(days=1), today)
    counts = {rule.id: len(its) for rule, its in zip(decreed, rules.takes(rules.Index(window), decreed), strict=True)}
    about = rules.liked_papers(decreed)
    encoder = vectors.current_encoder(session)
    if about and encoder:
        _, recent = vectors.dense_of_editions(session, encoder, today - WEEK + timedelta(days=1), today)
        near = vectors.load(session, about, encoder, buckets=terms.BUCKETS)
        rows = dict(zip(near.ids, near.dense, strict=True))
        for rule in decreed:
            if rule.field == "like" and rule.value in rows and len(recent):
                counts[rule.id] = int((recent @ rows[rule.value] >= rules.NEAR).sum())
    return counts


def _votes(session: Session, reader_id: int) -> Mapping[str, EventKind]:
    """Return the standing vote per paper, the newest last; what one interest likes, no other speaks against."""
    standing = likes.standing(events.history(session, reader_id), interests.forgotten(session, reader_id))
    votes: dict[str, EventKind] = {}
    for (paper_id, _), event in standing.items():
        liked = EventKind.UPVOTE in (event.kind, votes.pop(paper_id, None))
        votes[paper_id] = EventKind.UPVOTE if liked else event.kind
    return votes


def _share(session: Session, judged: Sequence[str]) -> Callable[[str], float]:
    """Return a function that says in what share of the newest papers, those judged left out, a term stands."""
    encoder = vectors.current_encoder(session) or ""
    frequency, count = vectors.document_frequency(session, encoder, buckets=terms.BUCKETS, newest=COUNTED)
    own = vectors.load(session, judged, encoder, buckets=terms.BUCKETS)
    among = np.bincount(own.terms.indices, minlength=terms.BUCKETS)
    others = max(count - len(own), 1)
    return lambda term: max(float(frequency[terms.bucket(term)] - among[terms.bucket(term)]), 0.0) / others


def _affinities(
    values: Mapping[str, float], names: Callable[[Paper], Sequence[str]], taste: Profile, read: Mapping[str, Paper]
) -> tuple[Affinity, ...]:
    """Count what stands behind each name, and keep the strongest of both signs, from the best liked to the least."""
    liked, disliked = (_counted(ids, names, read) for ids in (taste.liked.ids, taste.disliked.ids))
    found = [Affinity(name, value, liked.get(name, 0), disliked.get(name, 0)) for name, value in values.items() if value]
    ranked = sorted(found, key=lambda affinity: (-affinity.value, -affinity.liked, affinity.name))
    best, worst = ([a for a in ranked if a.value * sign > 0] for sign in (1, -1))
    return (*best[:MOST_NAMES], *worst[-MOST_NAMES:])


def _counted(ids: Sequence[str], names: Callable[[Paper], Sequence[str]], read: Mapping[str, Paper]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for paper_id in ids:
        for name in set(names(read[paper_id])):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _weighed(taste: Profile, own: Sequence[Event]) -> tuple[Weighed, ...]:
    """Say of each paper that counts what the reader did with it, and when."""
    said = _gestures(own)
    signed = [
        *zip(taste.liked.ids, taste.liked_weight.tolist(), strict=True),
        *((i, -weight) for i, weight in zip(taste.disliked.ids, taste.disliked_weight.tolist(), strict=True)),
    ]
    made = [_as_weighed(i, weight, said.get(i)) for i, weight in signed]
    return tuple(sorted(made, key=lambda paper: -abs(paper.weight)))


def _as_weighed(paper_id: str, weight: float, event: Event | None) -> Weighed:
    return Weighed(paper_id, "pick", weight, None) if event is None else Weighed(paper_id, event.kind.value, weight, event.at)


def _gestures(own: Sequence[Event]) -> dict[str, Event]:
    """Return the gesture that counts for each paper: a live vote, else the shelf, else a click; as in `rank.profile`."""
    votes = {e.paper_id: e for e in own if e.kind.is_vote}
    saves = {e.paper_id: e for e in own if e.kind.is_shelf}
    clicks = {e.paper_id: e for e in own if e.kind is EventKind.CLICK and e.channel is not Channel.EMAIL}
    return {
        **clicks,
        **{i: e for i, e in saves.items() if e.kind is EventKind.SAVE},
        **{i: e for i, e in votes.items() if e.kind is not EventKind.CLEAR},
    }

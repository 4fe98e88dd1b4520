"""JOINT store -> rank -> store: the current page of one reader and day, made again only when something it depends on has changed.

Writing is appending, reading is deciding: a vote only appends an event; whoever reads the page next sees that it is older than the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from recommender.errors import ModelIncompatible
from recommender.rank import candidates, draft, features, mix, page, profile, rules
from recommender.rankers import Rankers
from recommender.readings import Reading, Readings
from recommender.settings import RankSettings
from recommender.store import events, pages, papers, readers, tastes, vectors
from recommender.store.db import Session
from recommender.store.slots import in_use
from recommender.types import ANNOUNCEMENTS, Choices, Event, FeatureMatrix, FloatArray, Paper, RankedPage

__all__ = [
    "Rankers",
    "chosen_page",
    "current_page",
    "days_missed",
    "fresh_page",
    "inputs_of",
    "keep_pages",
    "open_day",
    "ranked_pages",
    "replay",
    "top_picks",
]


def open_day(session: Session, *, today: date) -> date | None:
    """Return the newest edition, not later than today, that has papers the encoder has read; None when there is none."""
    encoder = vectors.current_encoder(session)
    return papers.latest_edition(session, encoder=encoder, until=today) if encoder else None


def fresh_page(
    session: Session, reader_id: int, day: date, rankers: Rankers, settings: RankSettings, *, interest: int = 0
) -> RankedPage | None:
    """Return the stored page if nothing that it depends on has changed since it was made, else None."""
    head = pages.heads(session, [reader_id], day, interest).get(reader_id)
    return _fresh(session, head, rankers, settings, tastes.of_page(session, reader_id, interest))


def current_page(
    session: Session,
    reader_id: int,
    day: date,
    rankers: Rankers,
    settings: RankSettings,
    *,
    now: datetime,
    interest: int = 0,
) -> RankedPage:
    """Return the reader's page as of `now`, made and stored as the next revision if the stored one is not fresh.

    Parameters
    ----------
    session : Session
        Of a transaction that may write.
    reader_id : int
    day : date
        The edition; a day without papers gives an empty page, which is not stored.
    rankers : Rankers
    settings : RankSettings
    now : datetime
    interest : int, default=0
        One named interest; 0 for all of the reader's taste, its interests taking turns.
    """
    made = ranked_pages(session, [reader_id], day, rankers, settings, now=now, interest=interest)[reader_id]
    return pages.save(session, made) if made.items and not made.id else made


def ranked_pages(
    session: Session,
    reader_ids: Iterable[int],
    day: date,
    rankers: Rankers,
    settings: RankSettings,
    *,
    now: datetime,
    interest: int = 0,
    readings: Readings | None = None,
) -> dict[int, RankedPage]:
    """Return the page of each reader that `current_page` would, without storing it: a new one has the id 0.

    Ranking takes longer than anything else a request does, and this needs no transaction that keeps others from writing. What was
    read for one reader need not be read again for the next one, where both are given the same `readings`.
    """
    known = tastes.of_pages(session, reader_ids, interest)
    heads = pages.heads(session, list(known), day, interest)
    found = {i: _fresh(session, heads.get(i), rankers, settings, own) for i, own in known.items()}
    stale = [reader_id for reader_id, stored in found.items() if stored is None]
    fresh = {reader_id: stored for reader_id, stored in found.items() if stored is not None}
    if not stale:
        return fresh
    reading = (readings or Readings()).at(session, now)
    histories = events.histories(session, stale, as_of=reading.as_of)
    if len(stale) > 1:
        _foresee(reading, histories.values(), day, rankers, settings)
    made = _ranked(reading, day, rankers, settings, interest, {i: (known[i], histories[i]) for i in stale})
    return {i: made[i] if i in made else fresh[i] for i in known}


def keep_pages(session: Session, made: Sequence[RankedPage], rankers: Rankers, settings: RankSettings) -> dict[int, RankedPage]:
    """Store pages of different readers, of one day and interest, that were made a moment ago.

    Returns
    -------
    dict of int to RankedPage
        By reader; whoever has said something since is left out: their page must be made again.
    """
    if not made:
        return {}
    ids, day, interest = [own.reader_id for own in made], made[0].day, made[0].interest
    heads, after = pages.heads(session, ids, day, interest), pages.revisions(session, ids, day)
    said, known = events.last_ids(session, ids), tastes.of_pages(session, heads, interest)
    kept: dict[int, RankedPage] = {}
    for i, head in heads.items():  # another request was faster
        if stored := _fresh(session, head, rankers, settings, known[i]):
            kept[i] = stored
    new = [(own, after[i]) for i, own in zip(ids, made, strict=True) if i not in kept and said[i] == own.cursor]
    return kept | {saved.reader_id: saved for saved in pages.save_all(session, new)}


def chosen_page(
    session: Session,
    reader_id: int,
    day: date,
    rankers: Rankers,
    settings: RankSettings,
    keep: Callable[[Paper], bool],
    *,
    now: datetime,
    interest: int = 0,
) -> RankedPage:
    """Return the reader's ranking of those papers of a day that are asked for; it is not stored, and nobody learns from it.

    Parameters
    ----------
    keep : callable
        Whether a paper is asked for; every kind of announcement is, unless this says no.
    """
    every = settings.model_copy(update={"explore_per_20": 0})
    wanted = {i: replace(own, announce=ANNOUNCEMENTS) for i, own in tastes.of_page(session, reader_id, interest).items()}
    reading = Readings().at(session, now)
    asked = {reader_id: (wanted, events.history(session, reader_id, as_of=reading.as_of))}
    return _ranked(reading, day, rankers, every, interest, asked, keep=keep)[reader_id]


def days_missed(session: Session, reader_id: int, day: date, *, days: int, now: datetime) -> list[date]:
    """Return the editions of the days before a day of which the reader was never shown anything, newest first.

    What was shown for the first time today counts as not shown yet, so that it stays until the day is over. Nobody has missed what
    came out before they had an account.
    """
    reader = readers.by_id(session, reader_id)
    if reader is None or not days:
        return []
    first = max(day - timedelta(days=days), reader.created_at.date())
    midnight = datetime.combine(now.date(), time(), UTC)
    shown = pages.days_shown(session, reader_id, first, before=midnight)
    return [one.day for one in papers.editions(session, limit=days, before=day) if one.day >= first and one.day not in shown]


def top_picks(made: Sequence[RankedPage], *, most: int) -> list[RankedPage]:
    """Return pages cut to their share of `most` top picks, drawn ones left out; pages that get no share are left out too."""
    left, cut = most, list[RankedPage]()
    for at, full in enumerate(chosen := made[:most]):
        share = -(-left // (len(chosen) - at))
        top = tuple([item for item in full.items if not item.explored][:share])  # the one voted on last keeps its place here too
        if top:
            cut.append(replace(full, items=top))
            left -= len(top)
    return cut


def inputs_of(session: Session, made: RankedPage, settings: RankSettings) -> page.Inputs:
    """Gather again what a stored page of a single taste was made of.

    Raises
    ------
    ModelIncompatible
        If it was made with other settings or features than today's, or is shared by several interests.
    """
    inputs = _inputs_again(session, made, settings)
    if len(inputs) != 1:
        raise ModelIncompatible(f"page {made.id} is shared by {len(inputs)} interests: it has no single list of candidates")
    return inputs[0]


def _inputs_again(session: Session, made: RankedPage, settings: RankSettings) -> list[page.Inputs]:
    known = tastes.of_page(session, made.reader_id, made.interest, as_of=made.built_at, cursor=made.cursor)
    if made.recipe != page.recipe(settings, known) or made.schema != features.SCHEMA:
        raise ModelIncompatible(f"page {made.id} was made with other settings or features: it cannot be made again now")
    reading = Readings().at(session, made.built_at, until=made.paper_cursor)
    told = events.history(session, made.reader_id, as_of=reading.as_of)
    # Votes up to its cursor, and clicks of earlier days.
    known_then = [event for event in told if event.id <= made.cursor or event.kind not in events.MOVING]
    return _inputs(reading, made.reader_id, made.day, settings, made.interest, known, known_then)


def replay(session: Session, made: RankedPage, rankers: Rankers, settings: RankSettings) -> FeatureMatrix:
    """Compute a stored page's features again from what it was made of; rows in the order of its items.

    Raises
    ------
    NotTrained, ModelDamaged
        If the model it was made by is gone: its term weights are part of the features.
    ModelIncompatible
        If it was made with other settings or features than today's.
    """
    known = {inputs.interest: inputs for inputs in _inputs_again(session, made, settings)}
    makers = {(draft.maker(made, item), item.interest) for item in made.items}
    gone = ModelIncompatible(f"page {made.id} cannot be made again: some of its papers were read by another encoder, or are gone")
    if any(interest not in known for _, interest in makers):
        raise gone
    found = {
        (version, interest): page.describe(known[interest], rankers.get(session, version), settings)
        for version, interest in makers
    }
    rows: list[FloatArray] = []
    for item in made.items:
        matrix = found[draft.maker(made, item), item.interest]
        if item.paper_id not in matrix.paper_ids:
            raise gone
        rows.append(matrix.values[matrix.paper_ids.index(item.paper_id)])
    names = next(iter(found.values())).names
    return FeatureMatrix(tuple(item.paper_id for item in made.items), names, np.stack(rows), made.schema)


def _fresh(
    session: Session, stored: RankedPage | None, rankers: Rankers, settings: RankSettings, known: Mapping[int, Choices]
) -> RankedPage | None:
    """Return a stored page, given without its items, if it is made of what there is now; what is quickly seen is looked at first."""
    if stored is None or stored.schema != features.SCHEMA or stored.recipe != page.recipe(settings, known):
        return None
    used = in_use(session)
    encoder = used.get(vectors.SLOT)
    if encoder is None or stored.cursor != events.last_id(session, stored.reader_id):
        return None
    if draft.makers(stored.model) != tuple(ranker.version for ranker in rankers.serving(session, used)):
        return None
    if vectors.newest_seq(session) > stored.paper_cursor:
        first = candidates.first_day(stored.day, settings.window_days)
        if stored.paper_cursor < vectors.last_seq(session, encoder, first, stored.day):
            return None
        if vectors.brought_since(session, encoder, stored.reader_id, stored.paper_cursor):
            return None
    return pages.with_items(session, stored)


def _foresee(reading: Reading, histories: Iterable[Sequence[Event]], day: date, rankers: Rankers, settings: RankSettings) -> None:
    """Read what several readers spoke of, and compare the day with it, at once."""
    spoken_of = reading.foresee(list(dict.fromkeys(event.paper_id for told in histories for event in told)))
    window = reading.window(day, settings)
    for ranker in rankers.serving(reading.session, reading.used) if window.papers else ():
        known = window.through(ranker).comparisons
        if unknown := known.unknown(spoken_of):
            known.foresee(reading.papers(unknown)[1])


def _ranked(
    reading: Reading,
    day: date,
    rankers: Rankers,
    settings: RankSettings,
    interest: int,
    known: Mapping[int, tuple[Mapping[int, Choices], Sequence[Event]]],
    keep: Callable[[Paper], bool] | None = None,
) -> dict[int, RankedPage]:
    """Make the pages of readers, of their tastes and histories, without storing them; two models that share them draft in turn."""
    inputs = [_inputs(reading, i, day, settings, interest, *own, keep=keep) for i, own in known.items()]
    made, *rival = [mix.rank_each(inputs, ranker, settings) for ranker in rankers.serving(reading.session, reading.used)]
    if rival:
        made = [draft.share(one, other, seed=settings.seed) for one, other in zip(made, *rival, strict=True)]
    return {i: replace(own, interest=interest) for i, own in zip(known, made, strict=True)}


def _inputs(
    reading: Reading,
    reader_id: int,
    day: date,
    settings: RankSettings,
    interest: int,
    known: Mapping[int, Choices],
    history: Sequence[Event],
    *,
    keep: Callable[[Paper], bool] | None = None,
) -> list[page.Inputs]:
    """Join what the day is with what a reader brings, taste by taste."""
    session, as_of = reading.session, reading.as_of
    window = reading.window(day, settings) if keep is None else reading.window(day, settings).only(keep)
    seen = (
        pages.seen_elsewhere(session, reader_id, day, day - timedelta(days=settings.window_days), as_of=as_of)
        if settings.window_days > 1
        else frozenset[str]()
    )
    places = pages.places(session, reader_id, day, [e.item_id for e in history if e.item_id is not None], interest)
    made: list[page.Inputs] = []
    for taste, choices in known.items():
        own = [event for event in history if event.interest == taste and event.id > choices.forgotten]
        judged = {i for i, word in events.words(own).items() if word.vote is not None}
        elsewhere = events.words(event for event in history if event.interest != taste)
        spoken_of = tuple(dict.fromkeys((*profile.papers_of(own), *choices.papers, *rules.liked_papers(choices.rules))))
        read, read_vectors = reading.papers(spoken_of)
        made.append(
            page.Inputs(
                window=window,
                reader_id=reader_id,
                as_of=as_of,
                seen=seen | {i for i, word in elsewhere.items() if word.vote is not None and i not in judged},
                events=own,
                read=read,
                read_vectors=read_vectors,
                places=places,
                neighbours=reading.said(reader_id, events.likes(own), window),
                cursor=max((event.id for event in history if event.kind in events.MOVING), default=0),
                interest=taste,
                choices=choices,
            )
        )
    return made

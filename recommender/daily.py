"""JOINT store -> rank -> store: the current page of one reader and day, made again only when something it depends on has changed.

Writing is appending, reading is deciding: a vote only appends an event; whoever reads the page next sees that it is older than the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from recommender.errors import ModelError, ModelIncompatible
from recommender.rank import candidates, draft, features, model, page, profile, terms
from recommender.rank.model import Ranker
from recommender.settings import RankSettings
from recommender.store import artifacts, events, neighbours, pages, papers, vectors
from recommender.store.db import Session
from recommender.types import Event, FeatureMatrix, RankedPage

__all__ = ["Rankers", "current_page", "fresh_page", "inputs_of", "open_day", "replay", "similar"]

_NEIGHBOUR_DAYS = 90  # how far around a paper its neighbours are looked for
_log = logging.getLogger(__name__)


class Rankers:
    """Loaded rankers by version; one per process, safe to share between threads.

    Parameters
    ----------
    folder : Path
        Where model files are.

    Attributes
    ----------
    note : str or None
        Why the page is not made by the model that should be live, in a sentence for the reader.
    """

    def __init__(self, folder: Path) -> None:
        self.note: str | None = None
        self._folder = folder
        self._loaded: dict[str, Ranker] = {}
        self._lock = threading.Lock()

    def get(self, session: Session, version: str) -> Ranker:
        """Return one version, its file checked.

        Raises
        ------
        NotTrained, ModelDamaged, ModelIncompatible
        """
        with self._lock:
            if version not in self._loaded:
                if version == "blend-0":
                    return model.blend_ranker()
                self._loaded[version] = model.load(artifacts.read(session, self._folder, version))
            return self._loaded[version]

    def live(self, session: Session) -> Ranker:
        """Return the live ranker; when it cannot be used, the newest that can, and at worst the untrained blend."""
        wanted = artifacts.current(session)
        why: ModelError | None = None
        for version in self._preference(session, wanted):
            try:
                ranker = self.usable(session, version)
            except ModelError as error:
                _log.error("%s", error)
                why = why or error
            else:
                self.note = f"The model {wanted} cannot be used ({why}). An earlier one, {version}, stands in." if why else None
                return ranker
        self.note = f"The model {wanted} cannot be used ({why}). The page is ranked without learning." if why else None
        return model.blend_ranker()

    def usable(self, session: Session, version: str) -> Ranker:
        """Return one version, checked as `get` does, if it was made for the encoder in use.

        Raises
        ------
        NotTrained, ModelDamaged, ModelIncompatible
        """
        ranker, encoder = self.get(session, version), vectors.current_encoder(session)
        if encoder is not None and ranker.lens.encoder not in ("", encoder):
            raise ModelIncompatible(f"model {ranker.version} was made for encoder {ranker.lens.encoder}, not {encoder}: retrain")
        return ranker

    def serving(self, session: Session) -> tuple[Ranker, ...]:
        """Return what makes pages now: the live ranker, and the one on trial beside it where there is one that can be used."""
        live, trial = self.live(session), artifacts.rival(session)
        if trial is None or live.version != artifacts.current(session):
            return (live,)
        try:
            return live, self.usable(session, trial[0])
        except ModelError as error:
            _log.error("the trial of %s pauses: %s", trial[0], error)
            return (live,)

    def _preference(self, session: Session, wanted: str | None) -> Iterator[str]:
        """Give the live version, then older ones that were live once, newest first; not what was rolled back from."""
        if wanted is None:
            return
        yield wanted  # nearly always the only one asked for: the list of all is not read then
        known = {kept.version: kept for kept in artifacts.listing(session)}
        live = known.get(wanted)
        older = [kept for kept in known.values() if live is None or kept.created_at < live.created_at]
        yield from (kept.version for kept in older if kept.promoted_at is not None and kept.state != "withdrawn")


def open_day(session: Session, *, today: date) -> date | None:
    """Return the newest edition, not later than today, that has papers the encoder has read; None when there is none."""
    encoder = vectors.current_encoder(session)
    return papers.latest_edition(session, encoder=encoder, until=today) if encoder else None


def fresh_page(session: Session, reader_id: int, day: date, rankers: Rankers, settings: RankSettings) -> RankedPage | None:
    """Return the stored page if nothing that it depends on has changed since it was made, else None."""
    stored = pages.latest(session, reader_id, day)
    encoder = vectors.current_encoder(session)
    if stored is None or encoder is None:
        return None
    first = candidates.first_day(day, settings.window_days)
    unchanged = (
        stored.cursor == events.last_id(session, reader_id)
        and stored.paper_cursor >= vectors.last_seq(session, encoder, first, day)
        and draft.makers(stored.model) == tuple(ranker.version for ranker in rankers.serving(session))
        and stored.schema == features.SCHEMA
        and stored.recipe == page.recipe(settings)
    )
    return stored if unchanged else None


def current_page(
    session: Session, reader_id: int, day: date, rankers: Rankers, settings: RankSettings, *, now: datetime
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
    """
    stored = fresh_page(session, reader_id, day, rankers, settings)
    if stored is not None:
        return stored
    inputs = _inputs(session, reader_id, day, settings, as_of=now)
    made = [page.rank_page(inputs, ranker, settings) for ranker in rankers.serving(session)]
    chosen = made[0] if len(made) == 1 else draft.share(made[0], made[1], seed=settings.seed)
    return pages.save(session, chosen) if chosen.items else chosen


def inputs_of(session: Session, made: RankedPage, settings: RankSettings) -> page.Inputs:
    """Gather again what a stored page was made of.

    Raises
    ------
    ModelIncompatible
        If it was made with other settings or features than today's.
    """
    if made.recipe != page.recipe(settings) or made.schema != features.SCHEMA:
        raise ModelIncompatible(f"page {made.id} was made with other settings or features: it cannot be made again now")
    return _inputs(
        session,
        made.reader_id,
        made.day,
        settings,
        as_of=made.built_at,
        cursor=made.cursor,
        paper_cursor=made.paper_cursor,
    )


def replay(session: Session, made: RankedPage, rankers: Rankers, settings: RankSettings) -> FeatureMatrix:
    """Compute a stored page's features again from what it was made of; rows in the order of its items.

    Raises
    ------
    NotTrained, ModelDamaged
        If the model it was made by is gone: its term weights are part of the features.
    ModelIncompatible
        If it was made with other settings or features than today's.
    """
    inputs = inputs_of(session, made, settings)
    versions = draft.makers(made.model)
    found = {version: page.describe(inputs, rankers.get(session, version), settings) for version in versions}
    gone = [i.paper_id for i in made.items if i.paper_id not in found[draft.maker(made, i)].paper_ids]
    if gone:
        raise ModelIncompatible(f"page {made.id} cannot be made again: {len(gone)} of its papers were read by another encoder")
    rows = [(matrix := found[draft.maker(made, item)]).values[matrix.paper_ids.index(item.paper_id)] for item in made.items]
    names = found[versions[0]].names
    return FeatureMatrix(tuple(item.paper_id for item in made.items), names, np.stack(rows), made.schema)


def similar(session: Session, paper_id: str, *, k: int = 5) -> list[tuple[str, float]]:
    """Return the k stored papers of the same season whose text is nearest, with their cosine, nearest first."""
    encoder = vectors.current_encoder(session)
    paper = papers.get(session, [paper_id]).get(paper_id)
    if encoder is None or paper is None:
        return []
    around = timedelta(days=_NEIGHBOUR_DAYS)
    ids, dense = vectors.dense_of_editions(session, encoder, paper.edition - around, paper.edition + around)
    if paper_id not in ids:
        return []
    cosines = dense @ dense[ids.index(paper_id)]
    nearest = np.argsort(-cosines, kind="stable")
    return [(ids[i], float(cosines[i])) for i in nearest if ids[i] != paper_id][:k]


def _inputs(
    session: Session,
    reader_id: int,
    day: date,
    settings: RankSettings,
    *,
    as_of: datetime,
    cursor: int | None = None,
    paper_cursor: int | None = None,
) -> page.Inputs:
    """Gather all that a page is a function of; with the cursors of a stored page, exactly what that one was made of."""
    encoder = vectors.current_encoder(session) or ""
    until = vectors.last_seq(session, encoder) if paper_cursor is None else paper_cursor
    first = candidates.first_day(day, settings.window_days)
    window = papers.window(session, first, day, as_of=as_of)
    found = vectors.load(session, [p.id for p in window], encoder, buckets=terms.BUCKETS, until=until)
    read_by_encoder = set(found.ids)
    history = _history(session, reader_id, as_of, cursor)
    spoken_of = profile.papers_of(history)
    # What others say is known by the full hour: a vote taken back gives the same page again, and so does a replay.
    hour = as_of.replace(minute=0, second=0, microsecond=0)
    liked = events.likes(history)
    seen = (
        pages.seen_elsewhere(session, reader_id, day, day - timedelta(days=settings.window_days), as_of=as_of)
        if settings.window_days > 1
        else frozenset[str]()
    )
    return page.Inputs(
        reader_id=reader_id,
        day=day,
        as_of=as_of,
        papers=[p for p in window if p.id in read_by_encoder],
        vectors=found,
        seen=seen,
        events=history,
        read=papers.get(session, spoken_of, as_of=as_of),
        read_vectors=vectors.load(session, spoken_of, encoder, buckets=terms.BUCKETS, until=until),
        places=pages.places(session, reader_id, day, [e.item_id for e in history if e.item_id is not None]),
        neighbours=neighbours.said(session, reader_id, liked, [p.id for p in window], as_of=hour),
        cursor=max((event.id for event in history if event.kind in events.MOVING), default=0),
        paper_cursor=until,
    )


def _history(session: Session, reader_id: int, as_of: datetime, cursor: int | None) -> Sequence[Event]:
    """Return the reader's events; for a stored page, votes up to its cursor and clicks of earlier days."""
    history = events.history(session, reader_id, as_of=as_of)
    if cursor is None:
        return history
    return [event for event in history if event.id <= cursor or event.kind not in events.MOVING]

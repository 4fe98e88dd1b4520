"""JOINT outside -> store: fetch the papers that readers asked for by id, then like or submit them in their names.

arXiv is asked for many ids at once, through the same polite client as every ingest. What it does not know is looked for again a few
times, since a paper can be announced before it can be asked for, and then given up with the reason.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recommender.errors import RateLimited, SourceError
from recommender.settings import Settings
from recommender.sources import Fetcher
from recommender.sources.arxiv import ArxivSource
from recommender.store import events, papers, runs, submissions, wanted
from recommender.store.db import Database, Session
from recommender.store.events import Word
from recommender.types import LIBRARY, Channel, EventKind, Paper

__all__ = ["AT_ONCE", "Fetched", "fetch"]

AT_ONCE = 50  # ids in one question to arXiv
MOST = 400  # ids looked for in one run
_LONGEST_WAIT = timedelta(days=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one run did.

    Attributes
    ----------
    added : int
        Papers stored.
    answered : int
        Requests settled: a paper that two readers want answers two.
    absent : int
        Papers looked for in vain.
    given_up : int
        Requests that ended without their paper.
    error : str or None
        Why the rest was not asked for.
    """

    added: int = 0
    answered: int = 0
    absent: int = 0
    given_up: int = 0
    error: str | None = None


def fetch(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    fetcher: Fetcher | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Look for what is wanted and due; what came in by another way meanwhile is settled without asking anybody."""
    with database.read() as session:
        due = wanted.due(session, now=now, limit=MOST)
        here = {paper.id for paper in papers.get(session, due).values() if paper.source != LIBRARY}
        left_alone_until = next((state.retry_at for state in runs.sources(session) if state.name == ArxivSource.name), None)
    if not due:
        return Fetched()
    done = Fetched()
    if here:
        with database.write() as session:
            done = replace(done, answered=_answer(session, sorted(here), now))
    missing = [paper_id for paper_id in due if paper_id not in here]
    if settings.is_sample:
        with database.write() as session:
            return replace(
                done, absent=len(missing), given_up=wanted.failed(session, missing, wanted.INVENTED, now=now, final=True)
            )
    if missing and left_alone_until is not None and left_alone_until > now:
        return replace(done, error=f"arXiv asked to be left alone until {left_alone_until:%H:%M} UTC")
    if missing and fetcher is None:
        sleep(settings.sources.min_interval_s)  # the ingest may have asked arXiv a moment ago, with a client of its own
    with fetcher or Fetcher(settings.sources) as client:
        source = ArxivSource(settings.sources, client)
        for start in range(0, len(missing), AT_ONCE):
            done = _one_batch(database, source, missing[start : start + AT_ONCE], now, done)
            if done.error is not None:
                break  # whoever cannot answer one question is not asked the next
    return done


def _one_batch(database: Database, source: ArxivSource, ids: Sequence[str], now: datetime, done: Fetched) -> Fetched:
    """Ask for some papers and commit what came, so that a run that is killed loses one batch at most."""
    found: dict[str, Paper] = {}
    error: SourceError | None = None
    try:
        for paper in source.lookup(ids):
            found[paper.id] = paper
    except SourceError as failed:
        error = failed
        _log.warning("the papers that readers asked for could not be fetched: %s", failed)
    absent = [paper_id for paper_id in ids if paper_id not in found]
    with database.write() as session:
        wishes = wanted.open_for(session, list(found))
        submitted = {wish.paper_id for wish in wishes if wish.purpose == "submit"}
        added = papers.upsert(session, [_dated(paper, now, submitted) for paper in found.values()], now=now).added
        answered = _answer(session, list(found), now)
        given_up = wanted.failed(session, absent, wanted.UNKNOWN if error is None else str(error), now=now)
        if isinstance(error, RateLimited) and error.retry_after_s:
            retry_at = now + min(timedelta(seconds=error.retry_after_s), _LONGEST_WAIT)
            runs.source_failed(session, source.name, now=now, error=str(error), retry_at=retry_at)
    return Fetched(
        added=done.added + added,
        answered=done.answered + answered,
        absent=done.absent + len(absent),
        given_up=done.given_up + given_up,
        error=str(error) if error is not None else None,
    )


def _dated(paper: Paper, now: datetime, submitted: set[str]) -> Paper:
    """Return a paper with the edition it belongs to: today's when a reader submits it to everyone, else that of its own day.

    A reader's favourites of years ago are news to nobody.
    """
    return replace(paper, edition=now.date()) if paper.id in submitted else paper


def _answer(session: Session, paper_ids: Sequence[str], now: datetime) -> int:
    """Like or submit stored papers in the names of those who asked for them; return how many requests that answers."""
    asked = wanted.open_for(session, paper_ids)
    for wish in asked:
        if wish.purpose == "submit":
            submissions.record(session, wish.paper_id, wish.reader_id, now=now)
        elif not _is_liked(session, wish):
            events.append(
                session, wish.reader_id, wish.paper_id, EventKind.UPVOTE, at=now, channel=Channel.LIBRARY, interest=wish.interest
            )
    wanted.settle(session, [wish.id for wish in asked], now=now)
    return len(asked)


def _is_liked(session: Session, wish: wanted.Wanted) -> bool:
    """Whether this reader's last word on the paper, in this interest, is an up-vote already."""
    said = [event for event in events.of_papers(session, wish.reader_id, [wish.paper_id]) if event.interest == wish.interest]
    return events.words(said).get(wish.paper_id, Word()).vote is EventKind.UPVOTE

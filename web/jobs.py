"""A database and a clock in, what was due is done and written down: the verbs of the clock, in the order they depend on each other.

A job is claimed in a short transaction of its own by moving its due time to the next slot after now: of two clocks one wins, and a
machine that slept catches up once. A job that fails is written down, and the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from recommender import daily
from recommender import wanted as wishes
from recommender.connected import read_libraries
from recommender.desk import Desk
from recommender.errors import BroadsheetError, GateRefused, NotEnoughData, SourceError, StoreError
from recommender.ingest import Progress, embed_missing
from recommender.ingest import ingest as ask_sources
from recommender.settings import Settings
from recommender.store import papers, readers, runs, vectors
from recommender.store.db import Database, Session
from recommender.types import LIBRARY
from web import replies, returned
from web.delivery import Delivery
from web.mail import Mailer, open_mailer
from web.pace import Pace
from web.workers import is_dead

__all__ = ["ORDER", "Result", "Work", "following", "order", "run_due", "run_now"]

PAGES_AT_ONCE = 20  # made in one go, and written in one: nobody else can write meanwhile
ACTIVE = timedelta(days=14)  # readers seen since then find their page ready
CAST = 36  # simulated readers
SAMPLE_DAYS = 30  # editions that a new sample edition begins with
ARRIVAL = timedelta(hours=6)  # after midnight UTC: when a day's invented papers come in
EVENING = timedelta(hours=10)  # after midnight UTC: when the simulated readers have all been

_PACES: WeakKeyDictionary[Database, Pace] = WeakKeyDictionary()  # a round soon after another knows what that one sent
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What every verb gets; jobs take long, so each asks the clock for itself.

    No mailer means the one that the settings name; `read_at_most` bounds how many papers one ingest has the encoder read.
    """

    database: Database
    settings: Settings
    clock: Callable[[], datetime]
    progress: Progress | None = None
    mailer: Mailer | None = None
    sample_days: int = SAMPLE_DAYS
    read_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How one run ended; `problem` is what was raised, `status` what the ledger says: having too little to learn from is no failure."""

    job: str
    status: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    problem: Exception | None = None


def ingest(work: Work) -> dict[str, Any]:
    """Ask every source for new papers and read them; in the sample edition, let the invented ones arrive."""
    if work.settings.is_sample:
        return _arrive(work)
    done = ask_sources(work.database, work.settings, now=work.clock(), progress=work.progress, limit=work.read_at_most)
    if done.failed and len(done.failed) == len(work.settings.sources.enabled):
        raise SourceError("; ".join(f"{name}: {why}" for name, why in done.failed.items()))
    return {
        "added": done.upserted.added,
        "changed": done.upserted.changed,
        "read": done.read,
        "embedded": done.embedded,
        "failed": done.failed,
    } | _unread(work, done.embedded)


def wanted(work: Work) -> dict[str, Any]:
    """Fetch the papers that readers asked for by their ids, and read them at once: somebody is waiting."""
    done = wishes.fetch(work.database, work.settings, now=work.clock())
    detail: dict[str, Any] = {"added": done.added, "answered": done.answered, "absent": done.absent, "given_up": done.given_up}
    if done.added:
        limit = work.read_at_most
        detail["embedded"] = embed_missing(work.database, work.settings, now=work.clock, progress=work.progress, limit=limit)
    return detail | ({"failed": {"arxiv": done.error}} if done.error else {})


def libraries(work: Work) -> dict[str, Any]:
    """Look into the libraries that readers connected, and read the papers that they brought along."""
    done = read_libraries(work.database, work.settings, now=work.clock())
    with work.database.write() as session:
        dropped = papers.drop_unclaimed(session)
    with work.database.read() as session:
        encoder = vectors.current_encoder(session)
        unread = vectors.count_missing(session, encoder, source=LIBRARY) if encoder is not None else 0
    detail: dict[str, Any] = {"libraries": done.libraries, "likes": done.likes, "failed": len(done.failed), "dropped": dropped}
    if unread:
        limit = work.read_at_most
        detail["embedded"] = embed_missing(work.database, work.settings, now=work.clock, progress=work.progress, limit=limit)
    return detail


def simulate(work: Work) -> dict[str, Any]:
    """Let the simulated readers of the sample edition play the days they have not played yet."""
    import numpy as np

    from training.simulate import make_readers, run

    with work.database.read() as session:
        start = papers.earliest_edition(session)
        done = [ran.detail for ran in runs.recent(session, limit=50, job="simulate") if ran.status == "ok"]
    if start is None:
        return {"pages": 0}
    today = (work.clock() - EVENING).date()
    first = next((detail["days"] for detail in done if "days" in detail), 0)
    days = range(first, (today - start).days + 1)
    cast = make_readers(CAST, rng=np.random.default_rng(work.settings.training.seed))
    played = run(work.database, work.settings, cast, start=start, days=days, progress=work.progress)
    return {"pages": played.pages, "votes": played.votes, "days": max(first, days.stop)}


def retrain(work: Work) -> dict[str, Any]:
    """Learn from the log; a model that is not good enough is kept out, and so is one made of too little."""
    from training.retrain import retrain as learn

    outcome = learn(work.database, work.settings, now=work.clock(), progress=work.progress)
    if not outcome.published:
        raise GateRefused(outcome.reason)
    return {"version": outcome.version, "reason": outcome.reason}


def pages(work: Work) -> dict[str, Any]:
    """Make today's page of everybody who was here lately, so that it opens at once."""
    desk = Desk(work.database, daily.Rankers(work.settings.models_folder), work.settings.rank)
    day = desk.open_day(work.clock())
    with work.database.read() as session:
        active = readers.active_since(session, work.clock() - ACTIVE)
    if day is None:
        return {"readers": len(active), "built": 0}
    some = (active[start : start + PAGES_AT_ONCE] for start in range(0, len(active), PAGES_AT_ONCE))
    built = sum(desk.prepare([reader.id for reader in own], day, now=work.clock()) for own in some)
    return {"readers": len(active), "built": built}


def bounces(work: Work) -> dict[str, Any]:
    """Read what came back of digests, so that nothing is sent where nothing arrives."""
    return returned.read_folder(work.database, Path(work.settings.mail.bounce_folder).expanduser(), now=work.clock())


def digests(work: Work) -> dict[str, Any]:
    """Send the digests whose hour has come."""
    pace = _PACES.setdefault(work.database, Pace(work.settings.mail.per_domain_per_minute))
    return dict(Delivery(work.database, work.settings, work.mailer, pace=pace).run(work.clock))


def notices(work: Work) -> dict[str, Any]:
    """Write to readers whose remarks were answered since the last run."""
    with work.database.read() as session:
        last = runs.newest_ok(session, "notices")
    mailer = work.mailer or open_mailer(work.settings.mail)
    told = replies.tell(
        work.database, work.settings, mailer, after=last.detail["until"] if last is not None else 0, now=work.clock()
    )
    return {"sent": told.sent, "failed": told.failed, "until": told.until}


VERBS: Mapping[str, Callable[[Work], dict[str, Any]]] = {
    "ingest": ingest,
    "wanted": wanted,
    "libraries": libraries,
    "simulate": simulate,
    "retrain": retrain,
    "pages": pages,
    "bounces": bounces,
    "digests": digests,
    "notices": notices,
}
ORDER = tuple(VERBS)


def order(settings: Settings) -> tuple[str, ...]:
    """Return the jobs that these settings ask for, each after those it depends on."""
    absent = {"simulate": not settings.is_sample, "bounces": not settings.mail.bounce_folder}
    return tuple(job for job in ORDER if not absent.get(job))


def following(job: str, settings: Settings, now: datetime) -> datetime:
    """Return the next slot of a job strictly after `now`.

    Examples
    --------
    >>> from recommender.settings import load
    >>> following("digests", load({}), datetime(2026, 5, 20, 8, 2, tzinfo=UTC)).strftime("%H:%M")
    '08:05'
    >>> following("retrain", load({}), datetime(2026, 5, 20, 8, 2, tzinfo=UTC)).isoformat()
    '2026-05-21T02:10:00+00:00'
    """
    if job == "retrain":
        tonight = datetime.combine(now.astimezone(UTC).date(), settings.clock.retrain_at.replace(tzinfo=UTC))
        return tonight if tonight > now else tonight + timedelta(days=1)
    clock = settings.clock
    minutes = {
        "pages": clock.pages_every_minutes,
        "bounces": clock.digests_every_minutes,
        "digests": clock.digests_every_minutes,
        "notices": clock.digests_every_minutes,
        "wanted": clock.wanted_every_minutes,
        "libraries": clock.libraries_every_minutes,
    }.get(job, clock.ingest_every_minutes)
    epoch, step = datetime(2000, 1, 1, tzinfo=UTC), timedelta(minutes=minutes)
    return epoch + ((now - epoch) // step + 1) * step


def run_due(
    database: Database,
    settings: Settings,
    now: datetime,
    *,
    worker: str = "",
    clock: Callable[[], datetime] | None = None,
    progress: Progress | None = None,
    mailer: Mailer | None = None,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Result], None] = lambda _result: None,
) -> list[Result]:
    """Do what is due, in order; what another process is doing is left to it.

    Parameters
    ----------
    database : Database
    settings : Settings
    now : datetime
    worker : str, default=""
        Who does it, for the ledger; see `workers.worker_name`.
    clock : callable, default=None
        Returns the present moment while jobs run; None keeps to `now`.
    progress : Progress, default=None
    mailer : Mailer, default=None
    stop : callable, default=never
        Asked between two jobs: whether to leave the rest for later.
    report : callable, default=nothing
        Told of every job as soon as it has ended.

    Returns
    -------
    list of Result
        Of the jobs that ran.
    """
    work = Work(database, settings, clock or (lambda: now), progress, mailer)
    with database.write() as session:
        for job in order(settings):
            runs.schedule(session, job, _first_at(session, job, settings, now))
        for job in set(ORDER) - set(order(settings)):
            runs.unschedule(session, job)
    results: list[Result] = []
    for job in order(settings):
        if stop():
            break
        with database.write() as session:
            claim = _claim(session, settings, job, work.clock(), worker)
        if claim is not None:
            results.append(_run(work, claim))
            report(results[-1])
    return results


def run_now(work: Work, job: str, *, worker: str = "") -> Result:
    """Run one job because a person asked for it, due or not.

    Raises
    ------
    StoreError
        If it is running already, or there is no such job in this edition.
    """
    if job not in order(work.settings):
        raise StoreError(f"there is no job {job!r} in this edition: choose from {', '.join(order(work.settings))}")
    now, longest = work.clock(), timedelta(minutes=work.settings.clock.claim_minutes)
    with work.database.write() as session:
        busy = _running(session, job)
        if busy is not None and busy.started_at > now - longest and not is_dead(busy.worker):
            raise StoreError(f"{job} is running since {busy.started_at:%H:%M} UTC ({busy.worker}): wait until it is done")
        claim = runs.begin_now(session, job, now=now, worker=worker)
    return _run(work, claim)


def _first_at(session: Session, job: str, settings: Settings, now: datetime) -> datetime:
    """Return when a job that has no due time yet is first due: at once, unless it has just been run to its end."""
    ran = runs.recent(session, limit=1, job=job)
    if (ran and not ran[0].detail.get("more_to_read")) or (job == "retrain" and not settings.is_sample):
        return following(job, settings, now)  # with real readers there is nothing to learn from before the first night
    return now


def _claim(session: Session, settings: Settings, job: str, now: datetime, worker: str) -> runs.Claim | None:
    """Take a job if it is due, or if it was left behind by a process that died."""
    busy = _running(session, job)
    if busy is not None:
        longest = timedelta(0) if is_dead(busy.worker) else timedelta(minutes=settings.clock.claim_minutes)
        if busy.started_at > now - longest:
            return None  # it is being done
        again = runs.reclaim(session, job, now=now, older_than=longest, worker=worker)
        if again is not None:
            return again
    due_at = runs.due(session, now).get(job)
    return runs.claim(session, job, due_at, following(job, settings, now), now=now, worker=worker) if due_at else None


def _running(session: Session, job: str) -> runs.Run | None:
    return next((ran for ran in runs.recent(session, limit=5, job=job) if ran.status == "running"), None)


def _run(work: Work, claim: runs.Claim) -> Result:
    """Do one claimed job and write down how it ended."""
    detail: dict[str, Any] = {}
    error: str | None = None
    problem: Exception | None = None
    try:
        detail = VERBS[claim.job](work)
    except (GateRefused, NotEnoughData) as refused:
        detail, problem = {"reason": str(refused)}, refused
    except BroadsheetError as failed:
        error, problem = str(failed), failed
    except Exception as failed:
        _log.exception("the job %s failed", claim.job)
        error, problem = f"{type(failed).__name__}: {failed}", failed
    with work.database.write() as session:
        runs.finish(session, claim, now=work.clock(), detail=detail, error=error)
    return Result(claim.job, "failed" if error else "ok", detail, problem)


def _arrive(work: Work) -> dict[str, Any]:
    """Let the invented papers come in, each day's on its own morning, and read them."""
    from training.simulate import arrive

    last = (work.clock() - ARRIVAL).date()
    with work.database.read() as session:
        newest = papers.latest_edition(session, encoder=None)
    added = arrive(work.database, newest or last - timedelta(days=work.sample_days - 1), last, progress=work.progress)
    embedded = embed_missing(work.database, work.settings, now=work.clock, progress=work.progress, limit=work.read_at_most)
    return {"added": added, "embedded": embedded} | _unread(work, embedded)


def _unread(work: Work, embedded: int) -> dict[str, Any]:
    """Say that papers may be left that nobody has read, so that the clock goes on at once."""
    return {"more_to_read": True} if work.read_at_most is not None and embedded >= work.read_at_most else {}

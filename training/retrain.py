"""A database in, an `Outcome` out: the nightly verb. Read the log, split it by day, fit, judge, and publish what passed the gate.

Everything is read in one transaction and published in one short one; between them nothing is held. Whatever ends the process in
between leaves the live model as it was: a version goes live by one row, after its file lies whole on the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import ascii_lowercase

import numpy as np

from recommender.daily import Rankers
from recommender.errors import ModelError, NotEnoughData
from recommender.ingest import Progress
from recommender.rank import terms
from recommender.rank.model import Ranker, dump
from recommender.settings import Settings
from recommender.store import artifacts, vectors
from recommender.store.db import Database, Session
from recommender.types import FloatArray
from training import baselines, dataset
from training.dataset import TrainingSet
from training.evaluate import CANDIDATE, LIVE, Report, evaluate
from training.fit import Fitted, fit
from training.gate import Verdict, decide
from training.split import by_day

__all__ = ["Outcome", "retrain"]

COUNTED_PAPERS = 20_000  # newest papers whose terms make the idf weights
BOOSTED = "boosted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one retraining.

    Attributes
    ----------
    version : str or None
        The candidate's; None when there was none.
    published : bool
    reason : str
        One sentence a reader understands.
    report : Report or None
    """

    version: str | None
    published: bool
    reason: str
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class _Material:
    """All that one retraining reads."""

    rows: TrainingSet
    idf: FloatArray
    papers: int
    live: Ranker
    current: str | None
    version: str


def retrain(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    learn: Callable[..., Fitted] = fit,
    judge: Callable[..., Verdict] = decide,
) -> Outcome:
    """Train a candidate on the log, and make it live if it passes the gate.

    Parameters
    ----------
    database : Database
    settings : Settings
    now : datetime
        Names the version, and ends the log.
    progress : Progress, default=None
    learn : callable, default=training.fit.fit
    judge : callable, default=training.gate.decide

    Raises
    ------
    NotEnoughData
        If the log is too small or too one-sided; the live model stays.
    ModelError
        If the candidate cannot be read back or its file cannot be written; the live model stays.
    """
    chosen = settings.training
    with database.read() as session:
        material = _read(session, settings, now, progress)
    rows, live = material.rows, material.live
    split = by_day(rows.day, test_days=chosen.test_days, valid_days=chosen.valid_days)
    train, valid, test = (rows.take(mask) for mask in (split.train, split.valid, split.test))
    fitted = learn(train, valid, chosen, idf=material.idf, version=material.version, progress=progress)
    _tell(progress, "judging")
    scores = fitted.ranker.score(test.matrix)
    report = _report(fitted.ranker, scores, live, test, settings)
    verdict = judge(report, scores, tolerance=chosen.tolerance, live_is_trained=live.kind == BOOSTED)
    _tell(progress, "publishing")
    with database.write() as session:
        return _publish(session, settings, material, fitted, report, verdict, now)


def _read(session: Session, settings: Settings, now: datetime, progress: Progress | None) -> _Material:
    """Read the log, the term weights and the live ranker, as they are at one moment."""
    last = now.date()
    first = last - timedelta(days=settings.training.history_days)
    rows = dataset.build(session, first=first, last=last, rng=np.random.default_rng(settings.training.seed), progress=progress)
    if rows.pages < settings.training.min_pages:
        raise NotEnoughData(
            f"{rows.pages} pages show what was wanted and what was passed over, and a first model takes "
            f"{settings.training.min_pages}: keep voting, the next nightly run tries again"
        )
    encoder = vectors.current_encoder(session) or ""
    frequency, papers = vectors.document_frequency(session, encoder, buckets=terms.BUCKETS, newest=COUNTED_PAPERS)
    return _Material(
        rows=rows,
        idf=terms.idf(frequency, papers),
        papers=papers,
        live=Rankers(settings.models_folder).live(session),
        current=artifacts.current(session),
        version=_new_version(session, now),
    )


def _report(candidate: Ranker, scores: FloatArray, live: Ranker, test: TrainingSet, settings: Settings) -> Report:
    """Judge the candidate, the live model when it was trained, and every baseline on the held-out pages."""
    judged = {CANDIDATE: scores, **baselines.scores(test)}
    versions = {CANDIDATE: candidate.version}
    if live.kind == BOOSTED:
        judged[LIVE], versions[LIVE] = live.score(test.matrix), live.version
    rng = np.random.default_rng(settings.training.seed)
    return evaluate(judged, test, versions=versions, rng=rng, samples=settings.training.bootstrap)


def _publish(
    session: Session, settings: Settings, material: _Material, fitted: Fitted, report: Report, verdict: Verdict, now: datetime
) -> Outcome:
    """Write the candidate down, and make it live when it may be."""
    ranker = fitted.ranker
    if verdict.accept and artifacts.current(session) != material.current:
        verdict = Verdict(False, ("another model went live while this one was trained, and they were not compared",))
    reason = "; ".join(verdict.reasons)
    artifacts.add(
        session,
        settings.models_folder,
        ranker.version,
        dump(ranker),
        kind=ranker.kind,
        schema=ranker.schema,
        papers=material.papers,
        now=now,
        report={
            "card": dict(fitted.card),
            "report": report.to_dict(),
            "accepted": verdict.accept,
            "reasons": list(verdict.reasons),
        },
    )
    if verdict.accept:
        artifacts.promote(session, ranker.version, now=now, reason=reason)
    else:
        artifacts.refuse(session, ranker.version, reason)
    artifacts.prune(session, settings.models_folder, keep=settings.training.keep_versions)
    told = f"Model {ranker.version} is live: {reason}." if verdict.accept else f"Model {ranker.version} was refused: {reason}."
    return Outcome(ranker.version, verdict.accept, told, report)


def _new_version(session: Session, now: datetime) -> str:
    """Return a name nothing has had yet: the minute and a letter."""
    minute = now.strftime("%Y-%m-%d-%H%M")
    for letter in ascii_lowercase:
        if not artifacts.exists(session, f"{minute}-{letter}"):
            return f"{minute}-{letter}"
    raise ModelError(f"there are {len(ascii_lowercase)} models of {minute} already: wait a minute")


def _tell(progress: Progress | None, stage: str) -> None:
    if progress is not None:
        progress(stage, 0, None)

"""A database in, an `Outcome` out: the nightly verb. Read the log, split it by day, fit, judge, and publish what passed the gate.

What is learned from is read in one transaction, and what came of it published in one short one; between them nothing is held.
Whatever ends the process in between leaves the live model as it was: a version goes live by one row, after its file lies whole
on the disk.

A log that has not grown since the newest version was made teaches nothing new, and nothing is fitted. Where models are interleaved, a
candidate that passed the gate first shares the pages with the live one, and nothing is fitted until that trial has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from string import ascii_lowercase
from typing import Any

import numpy as np

from recommender.daily import Rankers
from recommender.errors import ModelError, NotEnoughData
from recommender.ingest import Progress, look_around
from recommender.rank import features
from recommender.rank.lens import Lens
from recommender.rank.model import Ranker, dump
from recommender.rank.prior import Prior
from recommender.settings import Settings, TrainingSettings
from recommender.store import artifacts, events, pages, vectors
from recommender.store.db import Database, Session
from recommender.types import FloatArray
from training import baselines, counterfactual, dataset, interleave, shared_page, taste
from training.dataset import TrainingSet
from training.evaluate import CANDIDATE, LIVE, Report, evaluate
from training.examination import Examination
from training.fit import Fitted, fit
from training.gate import Verdict, decide
from training.interleave import Winner
from training.split import Split, by_day

__all__ = ["Outcome", "retrain"]

BOOSTED = "boosted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one retraining.

    Attributes
    ----------
    version : str or None
        The candidate's; None when there was none.
    published : bool
        Whether it went live, or shares the pages with the live model from now on.
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
    split: Split
    judged: TrainingSet
    looked: Examination | None
    lens: Lens
    prior: Prior | None
    papers: int
    live: Ranker
    current: str | None
    version: str
    source: Mapping[str, Any]


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
        If the log is too small or too one-sided, has nothing new, or a trial has not ended; the live model stays.
    ModelError
        If the candidate cannot be read back or its file cannot be written; the live model stays.
    """
    chosen = settings.training
    rankers = Rankers(settings.models_folder)
    settled = _settle(database, chosen, rankers, now)
    if settled is not None:
        return settled
    with database.read() as session:
        material = _read(session, settings, rankers, now, progress)
    rows, live, split = material.rows, material.live, material.split
    train, test = rows.take(split.train), rows.take(split.test)
    stop_on = {day for day, used in zip(rows.day, split.valid, strict=True) if used}
    valid = material.judged.take(np.array([day in stop_on for day in material.judged.day]))
    fitted = learn(train, valid, chosen, lens=material.lens, version=material.version, looked=material.looked, progress=progress)
    fitted = replace(fitted, ranker=replace(fitted.ranker, prior=material.prior))
    _tell(progress, "judging")
    scores = fitted.ranker.score(test.matrix)
    report = _report(fitted.ranker, scores, live, test, settings)
    verdict = judge(report, scores, tolerance=chosen.tolerance, live_is_trained=live.kind == BOOSTED)
    with database.read() as session:
        worth = counterfactual.told(
            session,
            first=report.first,
            last=report.last,
            candidate=fitted.ranker,
            live=live,
            rankers=rankers,
            settings=settings.rank,
        )
    _tell(progress, "publishing")
    with database.write() as session:
        return _publish(session, settings, material, fitted, report, verdict, worth, now)


def _read(session: Session, settings: Settings, rankers: Rankers, now: datetime, progress: Progress | None) -> _Material:
    """Read the log, the lens and the live ranker, as they are at one moment."""
    live = rankers.live(session)
    current, source = artifacts.current(session), _source(session, settings.training)
    _check_news(session, source, spoilt=current is not None and live.version != current)
    last = now.date()
    first = last - timedelta(days=settings.training.history_days)
    rows = dataset.build(session, first=first, last=last, rng=np.random.default_rng(settings.training.seed), progress=progress)
    if rows.pages < settings.training.min_pages:
        raise NotEnoughData(
            f"{rows.pages} pages show what was wanted and what was passed over, and a first model takes "
            f"{settings.training.min_pages}: keep voting, the next nightly run tries again"
        )
    judged, looked = dataset.judging(session, rows, first=first, last=last, rng=np.random.default_rng(settings.training.seed))
    split = by_day(rows.day, test_days=settings.training.test_days, valid_days=settings.training.valid_days)
    held_out = min(day for day, used in zip(rows.day, split.test, strict=True) if used)  # what is judged must not have been seen
    encoder = vectors.current_encoder(session) or ""
    _tell(progress, "looking at what is liked together")
    lens, rng = look_around(session, encoder), np.random.default_rng(settings.training.seed)
    return _Material(
        rows=rows,
        split=split,
        judged=judged,
        looked=looked,
        lens=replace(lens, taste=taste.of_log(session, lens, encoder, until=datetime.combine(held_out, time(), UTC), rng=rng)),
        prior=shared_page.fit_prior(session, encoder, today=last, seed=settings.training.seed),
        papers=vectors.count(session, encoder),
        live=live,
        current=current,
        version=_new_version(session, now),
        source=source,
    )


def _source(session: Session, chosen: TrainingSettings) -> dict[str, Any]:
    """Return what a model is made of: the same log, features and settings make the same model again."""
    newest, count = events.extent(session)
    used = chosen.model_dump_json(exclude={"threads", "keep_versions", "interleave", "trial_days"})
    return {"events": count, "newest": newest, "schema": features.SCHEMA, "settings": sha256(used.encode()).hexdigest()[:16]}


def _check_news(session: Session, source: Mapping[str, Any], *, spoilt: bool) -> None:
    """Refuse to make the newest version again under another name, unless the live one's file is `spoilt` and must be replaced.

    It does not matter what became of that version: one that was refused would be refused again, and one that was taken back by hand
    must not come back the next night.
    """
    newest = next(iter(artifacts.listing(session, limit=1)), None)
    if newest is not None and newest.report.get("source") == source and not spoilt:
        raise NotEnoughData(
            f"nothing new to learn from: nobody has voted, saved or opened anything since model {newest.version} was made "
            f"(it is {newest.state}); the next nightly run looks again"
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
    session: Session,
    settings: Settings,
    material: _Material,
    fitted: Fitted,
    report: Report,
    verdict: Verdict,
    worth: Mapping[str, Any],
    now: datetime,
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
            "source": dict(material.source),
            "card": dict(fitted.card),
            "report": report.to_dict(),
            "exploration": dict(worth),
            "accepted": verdict.accept,
            "reasons": list(verdict.reasons),
        },
    )
    told = _place(session, settings.training, material, ranker, verdict, reason, now)
    artifacts.prune(session, settings.models_folder, keep=settings.training.keep_versions)
    return Outcome(ranker.version, verdict.accept, told, report)


def _place(
    session: Session, chosen: TrainingSettings, material: _Material, ranker: Ranker, verdict: Verdict, reason: str, now: datetime
) -> str:
    """Give a candidate its place: live, on trial beside the live model, or refused; return the sentence that says so."""
    if not verdict.accept:
        artifacts.refuse(session, ranker.version, reason)
        return f"Model {ranker.version} was refused: {reason}."
    if chosen.interleave and material.live.kind == BOOSTED and material.live.version == material.current:
        artifacts.challenge(session, ranker.version, now=now, reason=reason)
        return f"Model {ranker.version} shares the pages with {material.live.version} until readers have decided: {reason}."
    artifacts.promote(session, ranker.version, now=now, reason=reason)
    return f"Model {ranker.version} is live: {reason}."


def _settle(database: Database, chosen: TrainingSettings, rankers: Rankers, now: datetime) -> Outcome | None:
    """End the trial that is on, if it has been decided, has lasted too long or cannot go on; None when there is none (any more).

    Raises
    ------
    NotEnoughData
        If it goes on.
    """
    with database.read() as session:
        trial, live = artifacts.rival(session), artifacts.current(session)
        if trial is None or live is None:
            return None
        rival, since = trial
        both = len(rankers.serving(session)) > 1
    if not both:
        with database.write() as session:
            artifacts.end_trial(session, "its trial could not go on: one of the two models cannot be used")
        return None
    with database.read() as session:
        shared = list(pages.shown(session, first=since.date(), last=now.date()))
        histories = {reader: events.history(session, reader) for reader in {one.page.reader_id for one in shared}}
    found = interleave.decide(interleave.tally(shared, histories, live=live, rival=rival, until=now))
    over = now >= since + timedelta(days=chosen.trial_days)
    if found.winner is Winner.OPEN and chosen.interleave and not over:
        raise NotEnoughData(f"model {rival} shares the pages with {live} since {since:%Y-%m-%d}: {found.told}")
    with database.write() as session:
        if artifacts.rival(session) != trial or artifacts.current(session) != live:
            return None  # somebody chose by hand meanwhile
        if found.winner is Winner.RIVAL:
            artifacts.promote(session, rival, now=now, reason=found.told)
            return Outcome(rival, True, f"Model {rival} is live: {found.told}.")
        ended = "" if found.winner is Winner.LIVE else "interleaving was switched off, " if not over else "its time is over, "
        artifacts.end_trial(session, ended + found.told)
    return Outcome(rival, False, f"Model {rival} does not go live: {ended}{found.told}.")


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

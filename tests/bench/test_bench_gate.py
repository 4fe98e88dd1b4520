"""How often the gate is right: candidates broken on purpose, and honest ones retrained on fresh days. Run with --benchmark-only -s.

Two casts of simulated readers play 42 days: 20 with the untrained ranking, the rest with the first model learned from these. From either
log five chains of nights are cut, each with other readers: a first model, then a nightly retraining every fifth day against the model
that is live by then. That makes fifty nights, on each of which an honest candidate and a broken one are judged as `retrain` judges them.

Broken are candidates whose true nDCG@10, known from what the simulated readers really think, is at least .02 below that of the model
they would replace (the untrained ranking where none is live); one that is not is set aside and another one drawn:

    shuffled   fitted on labels permuted within their page
    flipped    fitted on votes turned round: wanted for unwanted
    stale      fitted on the other cast's first days, graded by another taste: what a random weighting of the features says
    dropped    fitted well, but two of three features are missing when it serves
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender import ingest
from recommender.errors import ModelError
from recommender.rank.lens import flat
from recommender.rank.model import Ranker, blend_ranker
from recommender.settings import Settings, load
from recommender.store import schema
from recommender.store.db import open_database
from training import baselines, dataset, fit, metrics, simulate
from training.dataset import TrainingSet
from training.evaluate import evaluate
from training.gate import Verdict, decide
from training.retrain import retrain
from training.simulate import SimulatedReader
from training.split import by_day

READERS, TAKEN, DAYS = 36, 30, 42
NIGHTS = (20, 25, 30, 35, 40)
CASTS, CHAINS = 2, 5
BROKEN = ("shuffled", "flipped", "stale", "dropped")
LEAST_LOSS = 0.02
MOST_DRAWS = 20
STARTS = tuple(date(2026, 3, 1) + timedelta(days=60 * number) for number in range(CASTS))


@dataclass(frozen=True)
class Log:
    """What one cast left behind, and who they are; reader `n` of the log is `cast[n - 1]`."""

    rows: TrainingSet
    cast: tuple[SimulatedReader, ...]
    start: date


@dataclass(frozen=True)
class Night:
    """Three parts of a log as one night sees them, and what is live."""

    train: TrainingSet
    valid: TrainingSet
    test: TrainingSet
    live: Ranker


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Log]:
    return [play(number, tmp_path_factory.mktemp(f"cast{number}")) for number in range(CASTS)]


def play(number: int, home: Path) -> Log:
    chosen = load({}, home=home, embed={"model": "hashing"}, edition="real", training={"threads": 1})
    start = STARTS[number]
    cast = simulate.make_readers(READERS, rng=np.random.default_rng(number + 1))
    database = open_database(chosen.url)
    schema.upgrade(database)
    simulate.arrive(database, start, start + timedelta(days=DAYS - 1))
    ingest.embed_missing(database, chosen, now=datetime.combine(start, time(7), UTC))
    simulate.run(database, chosen, cast, start=start, days=range(NIGHTS[0]), seed=number)
    retrain(database, chosen, now=datetime.combine(start + timedelta(days=NIGHTS[0]), time(2), UTC))
    simulate.run(database, chosen, cast, start=start, days=range(NIGHTS[0], DAYS), seed=number)
    with database.read() as session:
        rows = dataset.build(session, first=start, last=start + timedelta(days=DAYS), rng=np.random.default_rng(number))
    database.close()
    return Log(rows, cast, start)


def parts(log: Log, readers: np.ndarray, night: int, settings: Settings) -> list[TrainingSet]:
    chosen = settings.training
    known = np.array([(day - log.start).days < night for day in log.rows.day]) & np.isin(log.rows.reader, readers)
    rows = log.rows.take(known)
    split = by_day(rows.day, test_days=chosen.test_days, valid_days=chosen.valid_days)
    return [rows.take(mask) for mask in (split.train, split.valid, split.test)]


def learn(train: TrainingSet, valid: TrainingSet, settings: Settings) -> Ranker:
    return fit.fit(train, valid, settings.training, lens=flat(), version="candidate").ranker


def judged(night: Night, scores: np.ndarray, settings: Settings) -> Verdict:
    """As `retrain` does it."""
    trained = night.live.kind == "boosted"
    ranked = {"model": scores, "blend": baselines.scores(night.test)["blend"]}
    ranked |= {"live": night.live.score(night.test.matrix)} if trained else {}
    rng = np.random.default_rng(settings.training.seed)
    report = evaluate(ranked, night.test, versions={}, rng=rng, samples=settings.training.bootstrap)
    return decide(report, scores, tolerance=settings.training.tolerance, live_is_trained=trained)


def true_loss(log: Log, night: Night, scores: np.ndarray) -> float:
    """True nDCG@10 of what is live, less that of the candidate, on the held-out pages."""
    test = night.test
    page_of = np.repeat(np.arange(test.pages), test.group)
    value = [
        simulate.relevance(log.cast[test.reader[page] - 1], paper_id, (test.day[page] - log.start).days)
        for page, paper_id in zip(page_of, test.paper_ids, strict=True)
    ]
    grades = np.log2(1.0 + np.array(value))  # whose gain is the relevance itself
    live = night.live.score(test.matrix)
    return float(np.mean(metrics.ndcg(grades, live, test.group) - metrics.ndcg(grades, scores, test.group)))


def regraded(rows: TrainingSet, wanted: np.ndarray) -> TrainingSet:
    """The rows with the grades of every page dealt out anew: the largest to what is wanted most."""
    grades = rows.y.copy()
    for last, size in zip(np.cumsum(rows.group), rows.group, strict=True):
        page = slice(last - size, last)
        grades[np.argsort(-wanted[page]) + last - size] = np.sort(rows.y[page])[::-1]
    return replace(rows, y=grades)


def flipped(rows: TrainingSet) -> TrainingSet:
    """The rows with every gesture turned round; what was passed over stays nought."""
    return replace(rows, y=np.where((rows.weight == 1.0) & (rows.y == 0), 2, 0).astype(np.int8))


def standard(rows: TrainingSet) -> np.ndarray:
    values = np.nan_to_num(rows.X.astype(np.float64))
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)


def broken(kind: str, night: Night, old: list[TrainingSet], settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Scores of a candidate that is broken in one of four ways."""
    train, valid = night.train, night.valid
    if kind == "shuffled":
        train, valid = (regraded(rows, rng.random(len(rows))) for rows in (train, valid))
    elif kind == "flipped":
        train, valid = flipped(train), flipped(valid)
    elif kind == "stale":
        taste = rng.normal(size=len(train.names))
        train, valid = (regraded(rows, standard(rows) @ taste) for rows in old[:2])
    ranker = learn(train, valid, settings)
    shown = night.test.X.copy()
    if kind == "dropped":
        shown[:, rng.random(shown.shape[1]) < 2 / 3] = np.nan
    return ranker.score(replace(night.test, X=shown).matrix)


def one_broken(
    kind: str, log: Log, night: Night, old: list[TrainingSet], settings: Settings, rng: np.random.Generator
) -> tuple[Verdict, int, float]:
    """Draw candidates until one is really broken; return its verdict, how many were set aside and its true loss."""
    for aside in range(MOST_DRAWS):
        try:
            scores = broken(kind, night, old, settings, rng)
        except ModelError as error:
            return Verdict(False, (f"never judged: {error}",)), aside, np.nan
        loss = true_loss(log, night, scores)
        if loss >= LEAST_LOSS:
            return judged(night, scores, settings), aside, loss
    raise AssertionError(f"of {MOST_DRAWS} candidates called {kind} none was broken")


def chains(logs: list[Log], settings: Settings) -> Iterator[tuple[str, int, Verdict, float]]:
    """Every candidate's kind, night, verdict and true loss."""
    rng = np.random.default_rng(2026)
    kinds = iter(BROKEN * (CASTS * CHAINS * len(NIGHTS)))
    for number, log in enumerate(logs):
        other = logs[1 - number]
        for _ in range(CHAINS):
            readers = rng.choice(np.arange(1, READERS + 1), TAKEN, replace=False)
            old = parts(other, readers, NIGHTS[0], settings)
            live = blend_ranker()
            for when in NIGHTS:
                night = Night(*parts(log, readers, when, settings), live)
                kind = next(kinds)
                verdict, aside, loss = one_broken(kind, log, night, old, settings, rng)
                yield from (("set aside", when, Verdict(False, (kind,)), np.nan) for _ in range(aside))
                yield kind, when, verdict, loss
                try:
                    candidate = learn(night.train, night.valid, settings)
                    scores = candidate.score(night.test.matrix)
                    verdict = judged(night, scores, settings)
                    yield f"honest, {live.kind} live", when, verdict, true_loss(log, night, scores)
                    live = candidate if verdict.accept else live
                except ModelError as error:
                    yield f"honest, {live.kind} live", when, Verdict(False, (str(error),)), np.nan


@pytest.mark.timeout(7200)
def test_the_gate(benchmark: Any, logs: list[Log], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "validate", lambda *_: None)
    settings = load({}, training={"threads": 1})
    told = benchmark.pedantic(lambda: list(chains(logs, settings)), rounds=1)
    total, refused = Counter(kind for kind, *_ in told), Counter(kind for kind, _, verdict, _ in told if not verdict.accept)
    print()
    for kind, when, verdict, loss in told:
        print(
            f"{kind:<22} night {when:<3} {'live   ' if verdict.accept else 'refused'} true loss {loss:+.4f}  {'; '.join(verdict.reasons)}"
        )
    for kind in total:
        print(f"{kind:<22} {refused[kind]} of {total[kind]} refused")
    assert sum(refused[kind] for kind in BROKEN) >= 48
    assert sum(total[kind] for kind in BROKEN) == 50
    assert sum(refused[kind] for kind in total if kind.startswith("honest")) <= 5

"""The name of a public data set and the folder it lies in, in; what our ranker and its peers reach on it (`Judged`), out.

Reading histories (citeulike, arXiv authors, Scholar Inbox) go through the profile, features, fit and measures of production. Screening
and the shared page have protocols of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from recommender import embed
from recommender.errors import BroadsheetError, NotEnoughData
from recommender.ingest import Progress
from recommender.rank import features, terms
from recommender.rank.lens import flat, unit
from recommender.rank.model import Ranker, blend_ranker
from recommender.settings import Settings, TrainingSettings
from recommender.types import FeatureMatrix, FloatArray, PaperVectors
from training import metrics
from training.corpora import hf, screening
from training.corpora.histories import LOADERS, Corpus, Query
from training.corpora.peers import PEERS
from training.corpora.walking import Walked, tune, walk
from training.dataset import TrainingSet
from training.fit import Fitted, fit
from training.metrics import Numbers
from training.report import Judged

__all__ = ["NAMES", "judge", "reading", "vectors_of"]

OURS, UNTRAINED = "Broadsheet", "Broadsheet, untrained"
MOST_TRAINING, MOST_VALID = 12_000, 1_500  # queries learned from and stopped by: more changed nothing
CHUNK = 1_024  # texts embedded between two writes
BOUNDS = (1, 2, 3, 5, 10, 20, 50, 100)  # numbers of likes by which the report is broken down
GROUPS = {"1–4 likes": (1, 5), "5–19 likes": (5, 20), "20+ likes": (20, 10**9)}
SHARES = (8, 3)  # parts of the training queries that make the learning curve, before all of them
NAMES = (*LOADERS, "screening", "hf")

MEASURES: Mapping[str, Callable[..., Numbers]] = {
    "nDCG@10": metrics.ndcg,
    "nDCG@5": partial(metrics.ndcg, k=5),
    "MRR": metrics.reciprocal_rank,
    "AUC": metrics.auc,
}


def judge(name: str, data: Path, cache: Path, seed: int, settings: Settings, progress: Progress | None = None) -> Judged:
    """Run one corpus.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    data : Path
        Folder of the data.
    cache : Path
        Folder for text embeddings and feature rows; a run that was cut goes on from there.
    seed : int
    settings : Settings
    progress : Progress, default=None

    Raises
    ------
    BroadsheetError
        If there is no such corpus, or its files are missing or damaged.
    """
    if name not in NAMES:
        raise BroadsheetError(f"there is no corpus {name!r}: choose one of {', '.join(NAMES)}")
    if not data.is_dir():
        raise BroadsheetError(f"there is no folder {data}: name with --data where the data lies")
    if name == "hf":
        return _hf(data, seed, progress)
    if name == "screening":
        return _screening(data, cache, seed, settings, progress)
    return reading(LOADERS[name](data), cache, seed, settings, progress)


def reading(corpus: Corpus, cache: Path, seed: int, settings: Settings, progress: Progress | None = None) -> Judged:
    """Judge rankers on a corpus of reading histories."""
    papers = corpus.papers
    counts = terms.hash_terms([paper.title for paper in papers], [paper.abstract for paper in papers])
    dense = vectors_of([terms.paper_text(p.title, p.abstract) for p in papers], cache, settings, progress)
    vectors = PaperVectors(tuple(paper.id for paper in papers), dense, counts)
    rng = np.random.default_rng(seed)
    parts = _split(corpus, rng)
    folder = cache / f"{corpus.name}-{_identity(corpus, vectors, settings, seed)}"
    describe = partial(walk, corpus, vectors, settings=settings.rank, seed=seed, cache=folder, progress=progress)
    chosen = tune(corpus, vectors, parts["valid"], seed=seed)
    walked = {
        part: describe(queries, chosen=chosen if part == "test" else None, label=f"describing {part}")
        for part, queries in parts.items()
    }
    sets = {part: _training_set(parts[part], rows) for part, rows in walked.items()}
    fitted = _fit(sets["train"], sets["valid"], settings.training, progress)
    test, queries = walked["test"], parts["test"]
    scores = {OURS: fitted.ranker.score(sets["test"].matrix), UNTRAINED: sets["test"].blend}
    scores |= {name: test.peers[:, column] for column, name in enumerate(chosen)}
    values = {name: _measured(test, score) for name, score in scores.items()}
    likes = np.array([len(query.liked) for query in queries])
    clusters = np.array([query.reader for query in queries], dtype=np.int64)
    best = max(PEERS, key=lambda name: float(np.nanmean(values[name]["nDCG@10"])))
    curve = _learning(sets, settings.training, values[OURS]["nDCG@10"], clusters, rng)
    return Judged(
        corpus=corpus.name,
        protocol=corpus.protocol,
        seed=seed,
        facts=_facts(corpus, parts, chosen, sets),
        unit="query",
        values=values,
        clusters=clusters,
        groups={name: (likes >= low) & (likes < high) for name, (low, high) in GROUPS.items()},
        ours=OURS,
        peers=tuple(PEERS),
        headline="nDCG@10",
        importance={name: facts["importance"] for name, facts in fitted.card["features"].items()},
        calibration=_calibration(fitted.ranker, sets["valid"], scores[OURS], test),
        learning=curve,
        by_votes={name: _by_votes(values[name]["nDCG@10"], likes, clusters, rng) for name in (OURS, best)},
    )


def vectors_of(texts: Sequence[str], cache: Path, settings: Settings, progress: Progress | None = None) -> FloatArray:
    """Return text embeddings of shape (n, d); what was embedded before is taken from the cache, chunk by chunk."""
    keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    found: dict[str, FloatArray] = {}
    for path in sorted(cache.glob("texts-*.npz")):
        try:
            with path.open("rb") as source, np.load(source) as kept:  # numpy alone leaves a damaged file open
                if str(kept["settings"]) == settings.embed.model_dump_json():
                    found.update(zip(kept["keys"].tolist(), kept["vectors"].astype(np.float32), strict=True))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile):
            continue  # damaged: its texts are read again
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        encoder = embed.open_encoder(settings.embed)
        todo = list(missing.items())
        for start in range(0, len(todo), CHUNK):
            some = todo[start : start + CHUNK]
            made = encoder.encode([text for _, text in some]).astype(np.float16)
            path = cache / f"texts-{hashlib.sha256(''.join(key for key, _ in some).encode()).hexdigest()[:16]}.npz"
            partial_path = path.with_suffix(".partial")
            with partial_path.open("wb") as file:
                np.savez(file, keys=np.array([key for key, _ in some]), vectors=made, settings=settings.embed.model_dump_json())
            partial_path.replace(path)
            found.update(zip((key for key, _ in some), made.astype(np.float32), strict=True))
            if progress is not None:
                progress("reading texts", start + len(some), len(todo))
    return unit(np.stack([found[key] for key in keys]))


def _split(corpus: Corpus, rng: np.random.Generator) -> dict[str, list[Query]]:
    """Queries to learn from, to stop by and to test on, by day; the first two are drawn where there are very many."""
    train = [query for query in corpus.queries if query.day < corpus.valid_from]
    valid = [query for query in corpus.queries if corpus.valid_from <= query.day < corpus.test_from]
    test = [query for query in corpus.queries if query.day >= corpus.test_from]
    if not (train and valid and test):
        raise NotEnoughData(f"{corpus.name}: {len(train)} queries to learn from, {len(valid)} to stop by, {len(test)} to test on")

    def some(queries: list[Query], most: int) -> list[Query]:
        return [queries[i] for i in sorted(rng.choice(len(queries), min(most, len(queries)), replace=False))]

    return {"train": some(train, MOST_TRAINING), "valid": some(valid, MOST_VALID), "test": test}


def _training_set(queries: Sequence[Query], rows: Walked) -> TrainingSet:
    """Dress described queries as logged pages."""
    matrix = FeatureMatrix(tuple(map(str, range(len(rows.X)))), features.NAMES, rows.X, features.SCHEMA)
    return TrainingSet(
        X=rows.X,
        y=(2 * rows.wanted).astype(np.int8),
        weight=np.ones(len(rows.X), dtype=np.float32),
        group=rows.group.astype(np.int32),
        position=np.concatenate([np.arange(1, size + 1) for size in rows.group]).astype(np.int32),
        day=tuple(query.day for query in queries),
        reader=np.array([query.reader for query in queries], dtype=np.int64),
        paper_ids=matrix.paper_ids,
        blend=blend_ranker().blend(matrix),
        names=features.NAMES,
        schema=features.SCHEMA,
    )


def _fit(train: TrainingSet, valid: TrainingSet, settings: TrainingSettings, progress: Progress | None = None) -> Fitted:
    # Nobody saw these pages, so where a row stands says nothing: it was drawn.
    return fit(train, valid, settings, lens=flat(), version="corpus", progress=progress)


def _measured(rows: Walked, scores: FloatArray) -> dict[str, Numbers]:
    y = rows.wanted.astype(np.int8)
    return {name: measure(y, scores, rows.group) for name, measure in MEASURES.items()}


def _learning(
    sets: Mapping[str, TrainingSet],
    settings: TrainingSettings,
    whole: Numbers,
    clusters: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[tuple[str, float, float, float], ...]:
    """nDCG@10 after learning from parts of the training queries, drawn at random, and from all of them."""
    train, test = sets["train"], sets["test"]
    order = rng.permutation(train.pages)
    steps = []
    for share in SHARES:
        chosen = np.zeros(train.pages, dtype=bool)
        chosen[order[: train.pages // share]] = True
        try:
            ranker = _fit(train.take(chosen), sets["valid"], settings).ranker
        except NotEnoughData:
            continue
        values = metrics.ndcg(test.y, ranker.score(test.matrix), test.group)
        steps.append((f"{chosen.sum():,} queries", values))
    steps.append((f"{train.pages:,} queries", whole))
    bounded = [(label, metrics.bootstrap(values, rng=rng, clusters=clusters)) for label, values in steps]
    return tuple((label, interval.value, interval.low, interval.high) for label, interval in bounded)


def _calibration(ranker: Ranker, valid: TrainingSet, scores: FloatArray, test: Walked) -> tuple[tuple[float, float, int], ...]:
    """Probabilities from scores (Platt, "Probabilistic outputs for support vector machines", 1999) against what was wanted, by decile."""
    seen, y = ranker.score(valid.matrix).astype(np.float64), valid.y > 0

    def loss(ab: Numbers) -> float:
        return float(np.logaddexp(0.0, np.where(y, -1.0, 1.0) * (ab[0] * seen + ab[1])).mean())

    slope, intercept = minimize(loss, np.array([1.0, -3.0]), method="Nelder-Mead").x
    chance = 1.0 / (1.0 + np.exp(-(slope * scores.astype(np.float64) + intercept)))
    parts = np.array_split(np.argsort(chance, kind="stable"), 10)
    return tuple((float(chance[rows].mean()), float(test.wanted[rows].mean()), len(rows)) for rows in parts)


def _by_votes(
    values: Numbers, likes: npt.NDArray[np.int64], clusters: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[tuple[int, float, float, float, int], ...]:
    found = []
    for low, high in zip(BOUNDS, (*BOUNDS[1:], 10**9), strict=True):
        mask = (likes >= low) & (likes < high)
        if mask.sum() >= 10:
            interval = metrics.bootstrap(values[mask], rng=rng, clusters=clusters[mask])
            found.append((low, interval.value, interval.low, interval.high, int(mask.sum())))
    return tuple(found)


def _facts(
    corpus: Corpus, parts: Mapping[str, Sequence[Query]], chosen: Mapping[str, float], sets: Mapping[str, TrainingSet]
) -> dict[str, str | int | float]:
    tuned = "; ".join(f"{name} {value:g}" for name, value in chosen.items() if len(PEERS[name][1]) > 1)
    facts: dict[str, str | int | float] = {"papers": len(corpus.papers), "readers": len({q.reader for q in corpus.queries})}
    facts |= {f"{part} queries": len(queries) for part, queries in parts.items()}
    sizes = sets["test"].group
    return facts | {"papers on a test page, mean": round(float(sizes.mean()), 1), "peers' settings, tuned": tuned}


def _identity(corpus: Corpus, vectors: PaperVectors, settings: Settings, seed: int) -> str:
    """What feature rows depend on, as a digest: papers, pages and histories, vectors, feature definitions, settings."""
    digest = hashlib.sha256(f"{features.SCHEMA}:{seed}:{settings.rank.model_dump_json()}:{corpus.refit_days}".encode())
    digest.update(repr(corpus.papers).encode() + vectors.dense.tobytes())
    for query in corpus.queries:
        digest.update(f"{query.reader}:{query.day}:{len(query.liked)}:{len(query.disliked)}".encode())
        for rows in (query.liked, query.disliked, query.page, query.wanted):
            digest.update(rows.tobytes())
    return digest.hexdigest()[:16]


def _hf(data: Path, seed: int, progress: Progress | None) -> Judged:
    """The shared page as a reader: which of a day's papers it picks."""
    values, days, facts, importance, calibration = hf.judge(data, seed=seed, progress=progress)
    return Judged(
        corpus="hf",
        protocol="What the shared page of Hugging Face picked of a day's arXiv papers in cs.CV, cs.CL and cs.AI, between two days before "
        "and fourteen days after. Every ranker was fitted anew each week on the 120 days before, with labels at least fifteen days old.",
        seed=seed,
        facts=facts,
        unit="day",
        values=values,
        clusters=np.array([day.toordinal() for day in days], dtype=np.int64),
        groups={},
        ours=hf.OURS,
        peers=tuple(name for name in values if name != hf.OURS),
        headline="P@10",
        importance=importance,
        calibration=tuple(calibration),
    )


def _screening(data: Path, cache: Path, seed: int, settings: Settings, progress: Progress | None) -> Judged:
    """Systematic reviews as readers."""
    embedding = partial(vectors_of, cache=cache, settings=settings, progress=progress)
    return screening.judged(data, embedding, seed=seed, progress=progress)

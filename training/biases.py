"""A seed and an impatience in, true nDCG@10 per way of learning out: touches with known examination, where the truth is known too.

Readers are shown what a poor ranker put on top and look at place i with probability `i ** -eta`, so what that ranker liked is touched more
than it deserves. A model that takes touches as they are learns to repeat it; one that knows of places should not. Nothing of this is
needed to serve or to train: it is how the choice between these ways was made, and what holds it to that.

References
----------
Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from recommender.errors import NotEnoughData
from recommender.rank import lens
from recommender.rank.features import MONOTONE, NAMES, SCHEMA
from recommender.rank.model import Ranker, blend_ranker
from recommender.settings import TrainingSettings
from recommender.types import FeatureMatrix, FloatArray
from training import examination, fit
from training.dataset import TrainingSet
from training.labels import UNTOUCHED_WEIGHT

__all__ = ["Log", "compare", "play", "true_ndcg"]

Numbers = npt.NDArray[np.float64]

CANDIDATES, SHOWN, EXPLORED, PROTECTED = 60, 20, 2, 3
DAYS, FIRST = 30, date(2026, 1, 1)
NEWER = FIRST + timedelta(days=24)  # from here on, pages choose between models
MOST_WEIGHT = 10.0  # an inverse probability is cut here: a single touch must not outweigh ten others
BASE = -2.8  # log-odds that a paper of no merit is wanted
LOGGED = np.array([1.0, 0.8, 0.0, 0.0, 0.3, 0.0])  # what the ranker looked at whose pages were read
WANTED = np.array([0.5, 0.1, 0.9, 0.7, 0.0, 0.3])  # what readers look at
TOGETHER = 0.8  # what the first and the third add when both are above average
_COLUMNS = np.flatnonzero(np.array(MONOTONE) == 1)[: len(WANTED)]


@dataclass(frozen=True, slots=True)
class Log:
    """What was shown on q pages and what was touched.

    Attributes
    ----------
    features : ndarray of shape (q, SHOWN, f), dtype=float32
        By place.
    touched, explored : ndarray of shape (q, SHOWN), dtype=bool
    """

    features: FloatArray
    touched: npt.NDArray[np.bool_]
    explored: npt.NDArray[np.bool_]


def play(rng: np.random.Generator, *, pages: int, eta: float, stops: bool = False) -> Log:
    """Show pages and let them be read.

    Parameters
    ----------
    rng : Generator
    pages : int
    eta : float
        Impatience; 0 reads everything.
    stops : bool, default=False
        Whether readers read from the top and stop at a place, rather than skip places one by one; places are looked at equally often.
    """
    features, wanted = _candidates(rng, pages)
    scores = features @ LOGGED + 0.3 * rng.normal(size=wanted.shape)
    order = np.argsort(-scores, axis=1)
    places = np.argsort(rng.random((pages, SHOWN - PROTECTED)), axis=1)[:, :EXPLORED] + PROTECTED
    explored = np.zeros((pages, SHOWN), dtype=bool)
    np.put_along_axis(explored, places, True, axis=1)
    ranked = SHOWN - EXPLORED
    shown = np.empty((pages, SHOWN), dtype=np.int64)
    shown[~explored] = order[:, :ranked].ravel()
    shown[explored] = np.take_along_axis(order, _drawn(rng, pages, ranked), axis=1).ravel()
    looked = rng.random((pages, 1 if stops else SHOWN)) < examination.power(eta, places=SHOWN).curve
    touched = looked & (rng.random((pages, SHOWN)) < np.take_along_axis(wanted, shown, axis=1))
    return Log(np.take_along_axis(features, shown[:, :, None], axis=1), touched, explored)


def compare(
    seed: int, *, eta: float, pages: int = 1000, stops: bool = False, settings: TrainingSettings | None = None
) -> Mapping[str, float]:
    """Learn from one log in several ways and return the true nDCG@10 of each on new pages.

    Returns
    -------
    mapping of str to float
        `logged`: the ranker whose pages were read. `naive`: touches as they are, whatever place they stood at. `placed`: what the
        nightly training does: rows down to the last touch, places known, and the choice between models by whole pages, weighted
        by the inverse of how likely a place is looked at, as estimated from the exploration slots (where these say too little:
        by the same rows as it learns from, unweighted). `inverse`: the same choice of models learned from whole pages with
        touches weighted in that way, places unknown.
    """
    rng = np.random.default_rng(seed)
    log, unseen = play(rng, pages=pages, eta=eta, stops=stops), _candidates(rng, 400)
    whole, cascade, looked = _rows(log, cascade=False), _rows(log, cascade=True), _looked(log)
    judged = cascade if looked is None else whole
    ways = {
        "naive": (_placeless(whole), whole, None),
        "placed": (cascade, judged, looked),
        "inverse": (_inverse(whole, looked), judged, looked),
    }
    chosen = settings or TrainingSettings(rounds=60, threads=1)
    return {"logged": _ndcg(unseen[0] @ LOGGED, unseen[1])} | {
        way: true_ndcg(_learned(rows, judged, by, chosen), *unseen) for way, (rows, judged, by) in ways.items()
    }


def true_ndcg(ranker: Ranker, features: FloatArray, wanted: Numbers) -> float:
    """Return the mean nDCG@10 of a ranker on pages of (q, n, f) features, with the true probabilities (q, n) as gains."""
    return _ndcg(ranker.score(_matrix(features.reshape(-1, features.shape[2]))).reshape(wanted.shape), wanted)


def _candidates(rng: np.random.Generator, pages: int) -> tuple[FloatArray, Numbers]:
    """Draw pages of candidates, and how likely each is wanted by who looks at it."""
    features = rng.normal(size=(pages, CANDIDATES, len(WANTED)))
    features[:, :, 1] = 0.7 * features[:, :, 0] + 0.7 * features[:, :, 1]
    both = (features[:, :, 0] > 0) & (features[:, :, 2] > 0)
    wanted: Numbers = 1.0 / (1.0 + np.exp(-(BASE + features @ WANTED + TOGETHER * both)))
    return features.astype(np.float32), wanted


def _drawn(rng: np.random.Generator, pages: int, ranked: int) -> npt.NDArray[np.int64]:
    """Ranks below the ranked ones, `EXPLORED` of each page, with equal chances."""
    return np.argsort(rng.random((pages, CANDIDATES - ranked)), axis=1)[:, :EXPLORED] + ranked


def _rows(log: Log, *, cascade: bool) -> TrainingSet:
    """The log as graded rows: the pages with a touch, down to the last one or whole."""
    q = len(log.touched)
    last = np.where(log.touched.any(axis=1), SHOWN - log.touched[:, ::-1].argmax(axis=1), 0)
    places = np.arange(1, SHOWN + 1)
    kept = places <= (last[:, None] if cascade else np.where(last > 0, SHOWN, 0)[:, None])
    kept &= ((log.touched & kept).sum(axis=1) < kept.sum(axis=1))[:, None]  # a page of touches alone teaches no order
    matrix = _matrix(log.features[kept])
    touched, size = log.touched[kept], kept.sum(axis=1)
    return TrainingSet(
        X=matrix.values,
        y=np.where(touched, 2, 0).astype(np.int8),
        weight=np.where(touched, 1.0, UNTOUCHED_WEIGHT).astype(np.float32),
        group=size[size > 0].astype(np.int32),
        position=np.broadcast_to(places, kept.shape)[kept].astype(np.int32),
        day=tuple(FIRST + timedelta(days=i * DAYS // q) for i in range(q) if size[i] > 0),
        reader=np.arange(q)[size > 0],
        paper_ids=matrix.paper_ids,
        blend=blend_ranker().blend(matrix),
        names=NAMES,
        schema=SCHEMA,
    )


def _placeless(rows: TrainingSet) -> TrainingSet:
    """The same rows for who does not know that places differ."""
    return replace(rows, position=np.ones_like(rows.position))


def _inverse(rows: TrainingSet, looked: examination.Examination | None) -> TrainingSet:
    chance = (looked or examination.power(examination.USUAL_ETA)).at(rows.position)
    weight = np.where(rows.y > 0, np.minimum(1.0 / chance, MOST_WEIGHT), rows.weight)
    return replace(_placeless(rows), weight=weight.astype(np.float32))


def _looked(log: Log) -> examination.Examination | None:
    """What the exploration slots say of the places; None where they say too little."""
    position = np.broadcast_to(np.arange(1, SHOWN + 1), log.touched.shape)[log.explored]
    try:
        return examination.estimate(position, log.touched[log.explored])
    except NotEnoughData:
        return None


def _learned(
    rows: TrainingSet, judged: TrainingSet, looked: examination.Examination | None, settings: TrainingSettings
) -> Ranker:
    """What the nightly training makes of the older rows when the newest fifth of the judged pages chooses between models."""
    older, newer = (np.array([one < NEWER for one in part.day]) for part in (rows, judged))
    valid = judged.take(~newer)
    try:
        return fit.fit(rows.take(older), valid, settings, lens=lens.flat(), version="simulated", looked=looked).ranker
    except NotEnoughData:
        return blend_ranker()


def _matrix(features: FloatArray) -> FeatureMatrix:
    """Rows of the simulated features in the columns of the real ones; everything else is unknown."""
    values = np.full((len(features), len(NAMES)), np.nan, dtype=np.float32)
    values[:, _COLUMNS] = features
    return FeatureMatrix(tuple(f"simulated:{row}" for row in range(len(features))), NAMES, values, SCHEMA)


def _ndcg(scores: FloatArray | Numbers, wanted: Numbers) -> float:
    discount = 1.0 / np.log2(np.arange(10) + 2.0)
    top = np.take_along_axis(wanted, np.argsort(-scores, axis=1)[:, :10], axis=1)
    best = -np.sort(-wanted, axis=1)[:, :10]
    return float(((top @ discount) / (best @ discount)).mean())

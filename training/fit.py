"""TrainingSet -> Ranker and its model card: the blend's weights learned, then LightGBM's lambdarank boosted from there.

A linear sum of similarities learns much from little, trees learn what interacts. So the weights of the blend are fitted first, held
to the untrained ones (see `linear`), and the trees start from that score (`init_score`) and correct it: a model that learned little
is close to the blend. Neither may contradict what is certain: `MONOTONE` says that more similar never scores lower. Where a row stood
is given to LightGBM as its position, which it learns to discount. Boosting stops when nDCG@10 on the newest days before the test
stops rising; it is measured with ties averaged, since tied rows would otherwise be credited with the order they happen to lie in.

References
----------
Burges, "From RankNet to LambdaRank to LambdaMART: An overview", 2010.
Hu et al., "Unbiased LambdaMART: An unbiased pairwise learning-to-rank algorithm", WWW 2019.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np

from recommender.errors import ModelDamaged, NotEnoughData
from recommender.ingest import Progress
from recommender.rank.features import MONOTONE
from recommender.rank.lens import Lens
from recommender.rank.model import Ranker, blend_ranker
from recommender.settings import TrainingSettings
from recommender.types import FloatArray
from training import linear
from training.dataset import TrainingSet, check
from training.examination import Examination, power
from training.metrics import Numbers, ndcg

__all__ = ["Fitted", "fit", "validate"]

PATIENCE = 40  # rounds without a better nDCG@10 before boosting stops
LEAST_ROUNDS = 3  # fewer trees than these are an accident
HELD = (45.0, 15.0, 5.0)  # pages that weigh as much as the hold on the untrained weights; what is learned is averaged
TRUNCATION = 20  # pairs matter when one of the two stands this high: the cards a reader sees first
DEEPEST_POSITION = 60  # positions below are one place: too few rows to tell them apart
PROBE_ROWS = 200
LEAST_LOOKED = 0.1  # a touch on a place that is hardly looked at does not outweigh more than ten others
CHECK_TIMEOUT_S = 120

# Reads {"trees": text, "rows": [[...]]}, answers with the predictions: a process that can be lost.
_CHECKER = """
import json, sys
import lightgbm, numpy
asked = json.load(sys.stdin)
booster = lightgbm.Booster(model_str=asked["trees"])
json.dump(booster.predict(numpy.array(asked["rows"], dtype=numpy.float32), num_threads=1).tolist(), sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A candidate: the ranker and what is to be known of how it came about (plain values, JSON-ready)."""

    ranker: Ranker
    card: Mapping[str, Any]


def fit(
    train: TrainingSet,
    valid: TrainingSet,
    settings: TrainingSettings,
    *,
    lens: Lens,
    version: str,
    looked: Examination | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit a ranker.

    Parameters
    ----------
    train, valid : TrainingSet
        `valid` decides whether the learned weights are better than the untrained ones, and when to stop boosting.
    settings : TrainingSettings
        The same settings and sets give the same model, whatever the number of threads.
    lens : Lens
        What the model is to be served with.
    version : str
    looked : Examination, default=None
        How likely each place is looked at: a touch of `valid` counts by its inverse, so that the ranker whose pages were read is not
        favoured when models are chosen; `valid` then holds whole pages. None: everything was looked at.
    progress : Progress, default=None
        Told of every tenth round; None: nobody is.

    Raises
    ------
    ShapeError, NotEnoughData
        If a set is not fit to be trained on (`check`), or nothing was found that the blend does not know.
    """
    check(train)
    check(valid)
    untrained = blend_ranker(lens, version)
    learned = linear.fit_weights(train, untrained.weights, strengths=[held / train.pages for held in HELD])
    # Averaged, and chosen before there are trees: of several, each stopped at its best round, the luckiest would be taken for the best.
    rankers = [untrained, replace(untrained, weights=np.mean(list(learned), axis=0).astype(np.float32))]
    unseen = 1.0 / np.maximum((looked or power(0.0)).at(valid.position), LEAST_LOOKED)
    alone = [float(np.nanmean(ndcg(valid.y, ranker.blend(valid.matrix), valid.group, weight=unseen))) for ranker in rankers]
    start, chosen = alone[0], int(np.argmax(alone))  # of equals the untrained
    best = _boosted(rankers[chosen], alone[chosen], train, valid, unseen, settings, progress)
    if best.reached <= start:
        raise NotEnoughData(
            f"{train.pages} pages taught nothing that the untrained ranking does not know "
            f"(nDCG@10 {start:.4f} untrained, {best.reached:.4f} at best): the next nightly run tries again"
        )
    ranker = replace(best.ranker, kind="boosted")
    if best.rounds:
        ranker = replace(ranker, trees=best.booster.model_to_string(num_iteration=best.rounds))
        probe = train.X[:PROBE_ROWS]
        validate(ranker, probe, np.asarray(best.booster.predict(probe, num_iteration=best.rounds, num_threads=1)))
    return Fitted(ranker, _card(best, start, train, valid))


@dataclass(frozen=True, slots=True)
class _Tried:
    """A ranker without trees, trees boosted from it (`rounds` of them are worth keeping, perhaps none), and what both reach."""

    ranker: Ranker
    booster: lightgbm.Booster
    rounds: int
    linear: float
    reached: float


def _boosted(
    ranker: Ranker,
    without: float,
    train: TrainingSet,
    valid: TrainingSet,
    unseen: Numbers,
    settings: TrainingSettings,
    progress: Progress | None,
) -> _Tried:
    """Boost from some weights, which reach `without` on the validation pages, and see what that reaches."""
    train, valid = (replace(rows, blend=ranker.blend(rows.matrix)) for rows in (train, valid))
    booster, curve = _boost(train, valid, unseen, settings, progress)
    kept = booster.best_iteration >= LEAST_ROUNDS and max(curve) > without
    return _Tried(ranker, booster, int(booster.best_iteration) if kept else 0, without, max(curve) if kept else without)


def validate(ranker: Ranker, rows: FloatArray, expected: Numbers) -> None:
    """Load the trees' text in a process of its own and compare: a damaged text does not raise, it ends its process.

    Raises
    ------
    ModelDamaged
        If that process dies, or does not predict what was expected.
    """
    asked = json.dumps({"trees": ranker.trees, "rows": rows.tolist()})
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-c", _CHECKER],
            input=asked,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # a process that a damaged text brought down may print whatever lay in its memory
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelDamaged(f"model {ranker.version}: its text could not be read back in {CHECK_TIMEOUT_S} s: retrain") from None
    if answer.returncode != 0:
        last_line = "".join(filter(str.isprintable, (answer.stderr.strip().splitlines() or ["no message"])[-1]))[:200]
        raise ModelDamaged(f"model {ranker.version}: reading its text back ended with {answer.returncode} ({last_line}): retrain")
    try:
        predicted = np.array(json.loads((answer.stdout.splitlines() or [""])[-1]))  # LightGBM's warnings may stand above
    except ValueError:
        raise ModelDamaged(f"model {ranker.version}: read back, its text gave no scores: retrain") from None
    if predicted.shape != expected.shape or not np.allclose(predicted, expected, rtol=0, atol=1e-9):
        raise ModelDamaged(f"model {ranker.version}: read back, its text scores differently: retrain")


def _boost(
    train: TrainingSet, valid: TrainingSet, unseen: Numbers, settings: TrainingSettings, progress: Progress | None
) -> tuple[lightgbm.Booster, list[float]]:
    """Boost trees on top of the blend; return them with nDCG@10 on the validation pages after each round."""
    parameters = {
        "objective": "lambdarank",
        "metric": "None",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows_in_leaf,
        "monotone_constraints": list(MONOTONE),
        "lambdarank_truncation_level": TRUNCATION,
        "feature_fraction": 0.8,
        "lambda_l2": 1.0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.threads,
        "seed": settings.seed,
        "verbosity": -1,
    }
    data = _dataset(train, position=np.minimum(train.position, DEEPEST_POSITION) - 1)
    curve: list[float] = []

    def measure(scores: Numbers, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        """LightGBM's scores begin at `init_score`: the blend is in them, as it is when a page is ranked."""
        curve.append(float(np.nanmean(ndcg(valid.y, scores, valid.group, weight=unseen))))
        if progress is not None and len(curve) % 10 == 0:
            progress("boosting", len(curve), settings.rounds)
        return "ndcg@10", curve[-1], True

    booster = lightgbm.train(
        parameters,
        data,
        num_boost_round=settings.rounds,
        valid_sets=[_dataset(valid, reference=data)],
        feval=measure,
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return booster, curve


def _dataset(rows: TrainingSet, **more: Any) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        rows.X,
        rows.y,
        weight=rows.weight,
        group=rows.group,
        init_score=rows.blend,
        feature_name=list(rows.names),
        **more,
    )


def _card(best: _Tried, start: float, train: TrainingSet, valid: TrainingSet) -> dict[str, Any]:
    """What a person asks of a model: how much it saw, when, what it looks at, and what its features look like."""
    gain = best.booster.feature_importance("gain", iteration=best.rounds) if best.rounds else np.zeros(len(train.names))
    share = gain / max(float(gain.sum()), 1e-12)
    reached = {"blend": start, "linear": best.linear, "model": best.reached}
    return {
        "rounds": best.rounds,
        "valid_ndcg10": {name: round(value, 5) for name, value in reached.items()},
        "train": _counts(train),
        "valid": _counts(valid),
        "features": {
            name: {
                "weight": round(float(best.ranker.weights[i]), 4),
                "importance": round(float(share[i]), 4),
                **_distribution(train.X[:, i]),
            }
            for i, name in enumerate(train.names)
        },
    }


def _counts(rows: TrainingSet) -> dict[str, Any]:
    return {
        "pages": rows.pages,
        "rows": len(rows),
        "readers": len(np.unique(rows.reader)),
        "first": min(rows.day).isoformat(),
        "last": max(rows.day).isoformat(),
        "grades": {str(grade): int((rows.y == grade).sum()) for grade in range(3)},
    }


def _distribution(column: FloatArray) -> dict[str, Any]:
    """Share of unknown values and the nine deciles of the others: a broken feature shows here first."""
    known = column[~np.isnan(column)]
    deciles = np.quantile(known, np.arange(1, 10) / 10).round(4).tolist() if len(known) else []
    return {"unknown": round(1.0 - len(known) / max(len(column), 1), 4), "deciles": deciles}

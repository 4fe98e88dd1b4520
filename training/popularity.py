"""Papers and which of them the shared page picked in, a `Prior` out: fitted on what was known on a day, never on what came later.

A paper counts as passed over only when its label is old enough to be final. The trees learn from what the other two witnesses, terms
and authors, said of a paper *before* its label was known: both are fitted anew for every week of the history, on earlier papers only,
and each week is described by its own. A witness that has seen the answer would teach the trees to trust it blindly.

References
----------
Wolpert, "Stacked generalization", Neural Networks 1992.
Lin, Weng and Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 2008 (the terms' model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.errors import NotEnoughData, ShapeError
from recommender.rank import terms
from recommender.rank.prior import NAMES, AuthorTable, Description, Keys, Prior, Words, features
from recommender.types import FloatArray

__all__ = ["LABEL_DAYS", "REFIT_DAYS", "WINDOW_DAYS", "History", "Walk", "author_table", "fit", "fit_words"]

LABEL_DAYS = 15  # after which it is settled whether a paper was picked
WINDOW_DAYS = 120  # of which the terms and the trees learn; authors are remembered for longer
REFIT_DAYS = 7
HALF_LIFE_DAYS = (60.0, 240.0)  # the fast and the slow memory of authors
LEAST_PICKED = 30
LEAST_SEEN = 2  # an author of one paper that was passed over is like one never seen

# Chosen on days before 2025-09; everything nearby scored the same within noise.
STRENGTH = 3.0  # C of the logistic regression
ROUNDS = 150
SEEDS = 2  # half as many trees as score best: within noise, and a page's papers are scored in milliseconds
TREES: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 80,
    "lambda_l2": 30.0,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}

Days = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Picked = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class History:
    """What came out, and what was picked of it.

    Attributes
    ----------
    listed : Description
        n papers from full listings, so that not being picked says something.
    day : ndarray of shape (n,), dtype=int64
        Ordinal of the day each was announced.
    picked : ndarray of shape (n,), dtype=bool
    elsewhere : ndarray of shape (e,), dtype=uint64
        Keys of the authors of picked papers that stand in no listing: they say something of their authors only.
    elsewhere_day : ndarray of shape (e,), dtype=int64
        When those papers were picked.
    """

    listed: Description
    day: Days
    picked: Picked
    elsewhere: Keys
    elsewhere_day: Days

    def __post_init__(self) -> None:
        n = len(self.listed)
        if self.day.shape != (n,) or self.picked.shape != (n,) or self.elsewhere.shape != self.elsewhere_day.shape:
            raise ShapeError(
                f"{n} listed papers, {self.day.shape} days, {self.picked.shape} labels: each paper needs one of both"
            )

    def settled(self, as_of: int, days: int | None = None) -> Rows:
        """Return the rows whose label is final on a day, those of the last `days` days only when they are given."""
        inside = self.day <= as_of - LABEL_DAYS
        return np.flatnonzero(inside if days is None else inside & (self.day >= as_of - days))


class Walk:
    """The two witnesses as they stood at every refit, each made once.

    Parameters
    ----------
    history : History
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._stages: dict[int, tuple[Words | None, AuthorTable]] = {}
        self._weeks: dict[int, tuple[Rows, FloatArray]] = {}

    def stage(self, as_of: int) -> tuple[Words | None, AuthorTable]:
        """Return the terms' model (None: too little to learn it from) and the authors' table as of the morning of a day."""
        if as_of not in self._stages:
            self._stages[as_of] = (fit_words(self.history, as_of), author_table(self.history, as_of))
        return self._stages[as_of]

    def week(self, as_of: int) -> tuple[Rows, FloatArray]:
        """Return the papers of the week that starts on a day and their features, shape (m, f), as that morning knew them."""
        if as_of not in self._weeks:
            day = self.history.day
            rows = np.flatnonzero((day >= as_of) & (day < as_of + REFIT_DAYS))
            if len(rows):
                values = features(self.history.listed.take(rows), *self.stage(as_of))
            else:
                values = np.zeros((0, len(NAMES)), dtype=np.float32)
            self._weeks[as_of] = (rows, values)
        return self._weeks[as_of]

    def training_rows(self, as_of: int) -> tuple[Rows, FloatArray]:
        """Return the settled papers of the window before a day and their features, each as known at the start of its own week."""
        weeks = range(as_of - REFIT_DAYS, as_of - WINDOW_DAYS - REFIT_DAYS, -REFIT_DAYS)
        parts = [self.week(start) for start in reversed(weeks)]
        rows = np.concatenate([rows for rows, _ in parts])
        values = np.concatenate([values for _, values in parts])
        inside = np.isin(rows, self.history.settled(as_of, WINDOW_DAYS))
        return rows[inside], values[inside]


def fit(walk: Walk, as_of: int, *, seed: int) -> Prior:
    """Fit the prior that serves from the morning of a day on.

    Parameters
    ----------
    walk : Walk
        Refits a week apart share their work when they are fitted on the same walk.
    as_of : int
        Ordinal of the day; nothing that was not settled by then is used.
    seed : int

    Raises
    ------
    NotEnoughData
        If fewer than `LEAST_PICKED` settled papers of the window were picked, or passed over.
    """
    import lightgbm

    rows, values = walk.training_rows(as_of)
    words, table = walk.stage(as_of)
    picked = walk.history.picked[rows]
    if words is None or min(picked.sum(), (~picked).sum()) < LEAST_PICKED:
        raise NotEnoughData(
            f"{int(picked.sum())} picked of {len(rows)} papers that are {LABEL_DAYS} to {WINDOW_DAYS} days old; "
            f"the prior needs {LEAST_PICKED} picked and as many passed over: wait for more days"
        )
    texts = []
    for number in range(SEEDS):
        data = lightgbm.Dataset(values, picked.astype(np.int8), feature_name=list(NAMES), free_raw_data=True)
        model = lightgbm.train(TREES | {"seed": seed * SEEDS + number}, data, num_boost_round=ROUNDS)
        texts.append(model.model_to_string())
    return Prior(f"prior-{as_of}", words, table, tuple(texts))


def fit_words(history: History, as_of: int) -> Words | None:
    """Fit a logistic regression on the tf-idf terms of the window's settled papers; None with fewer than `LEAST_PICKED` picked."""
    from sklearn.linear_model import LogisticRegression

    rows = history.settled(as_of, WINDOW_DAYS)
    picked = history.picked[rows]
    if min(picked.sum(), (~picked).sum()) < LEAST_PICKED:
        return None
    counted = history.listed.terms[rows]
    weights = terms.idf(np.bincount(counted.indices, minlength=terms.BUCKETS).astype(np.float32), len(rows))
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", solver="liblinear", random_state=0)
    model.fit(csr_matrix(terms.weigh(counted, weights)), picked)
    return Words(weights, model.coef_[0].astype(np.float32), float(model.intercept_[0]))


def author_table(history: History, as_of: int) -> AuthorTable:
    """Count how often each author was seen and picked in all that is settled on a day, older papers counting less."""
    rows = history.settled(as_of)
    late = history.elsewhere_day <= as_of - LABEL_DAYS
    sizes = history.listed.sizes[rows]
    keys = np.concatenate([history.listed.authors[history.listed.entries(rows)], history.elsewhere[late]])
    picked = np.concatenate([np.repeat(history.picked[rows], sizes), np.ones(int(late.sum()), dtype=bool)])
    age = as_of - np.concatenate([np.repeat(history.day[rows], sizes), history.elsewhere_day[late]])
    distinct, member = np.unique(keys, return_inverse=True)
    decays = [0.5 ** (age / half_life) for half_life in HALF_LIFE_DAYS]
    columns = [np.bincount(member, weights=part, minlength=len(distinct)) for decay in decays for part in (decay * picked, decay)]
    counts = np.stack(columns, axis=1).astype(np.float32)
    seen = np.bincount(member, minlength=len(distinct))
    keep = ((counts[:, 2] > 0) | (seen >= LEAST_SEEN)) & (distinct > 0)  # key 0 is nobody
    rate = float(history.picked[rows].mean()) if len(rows) else 0.0
    return AuthorTable(distinct[keep], counts[keep], float(np.clip(rate, 0.01, 0.5)))

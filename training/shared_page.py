"""The store in, a `Prior` out, or None: what the page that everyone shares picked of the papers this Broadsheet has listed.

A paper that a source of whole listings announced was picked when the shared page gave it upvotes too, and passed over when it did not;
one that only the shared page named says something of its authors, and nothing of what is passed over. The prior is kept only if one
made in the same way, as of some weeks ago, told apart what was picked since from what was not.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from recommender.errors import NotEnoughData
from recommender.rank import terms
from recommender.rank.prior import Prior, author_keys, describe
from recommender.store import papers, vectors
from recommender.store.db import Session
from training import metrics, popularity
from training.popularity import LABEL_DAYS, WINDOW_DAYS, History, Walk

__all__ = ["TRIAL_DAYS", "fit_prior", "history_of", "tells_apart"]

READ_DAYS = 2 * WINDOW_DAYS  # authors are remembered for longer than texts
TRIAL_DAYS = 13  # with `LABEL_DAYS` four weeks: both fits stand on the same weekly refits and share them
SHARED = "huggingface"  # a paper that is known only from there stood in no listing


def fit_prior(session: Session, encoder: str, *, today: date, seed: int) -> Prior | None:
    """Fit the prior on what is settled today, and keep it if such a prior helps.

    Parameters
    ----------
    session : Session
    encoder : str
        Whose term counts are read.
    today : date
    seed : int
    """
    history = history_of(session, encoder, today=today)
    as_of = today.toordinal()
    earlier = as_of - LABEL_DAYS - TRIAL_DAYS
    walk = Walk(history)
    try:
        if not tells_apart(popularity.fit(walk, earlier, seed=seed), history, range(earlier, as_of - LABEL_DAYS), seed=seed):
            return None
        return popularity.fit(walk, as_of, seed=seed)
    except NotEnoughData:
        return None


def history_of(session: Session, encoder: str, *, today: date) -> History:
    """Read what came out and what was picked of it."""
    read = papers.window(session, today - timedelta(days=READ_DAYS), today)
    found = vectors.load(session, [paper.id for paper in read], encoder, buckets=terms.BUCKETS)
    at = {paper_id: row for row, paper_id in enumerate(found.ids)}
    # Before the shared page was first read, nothing was seen of what it picked: not being picked says nothing there.
    known_from = min((p.edition for p in read if p.signals.upvotes is not None), default=today)
    whole = [p for p in read if p.source != SHARED and p.id in at and p.edition >= known_from]
    listed = sorted(whole, key=lambda paper: (paper.edition, paper.id))
    elsewhere = [(author_keys(p.authors), p.edition.toordinal()) for p in read if p.source == SHARED]
    return History(
        listed=describe(listed, found.terms[[at[paper.id] for paper in listed]]),
        day=np.array([paper.edition.toordinal() for paper in listed], dtype=np.int64),
        picked=np.array([paper.signals.upvotes is not None for paper in listed], dtype=bool),
        elsewhere=np.array([key for keys, _ in elsewhere for key in keys], dtype=np.uint64),
        elsewhere_day=np.array([day for keys, day in elsewhere for _ in keys], dtype=np.int64),
    )


def tells_apart(prior: Prior, history: History, days: range, *, seed: int) -> bool:
    """Whether the picked papers of some days score higher than the others of their day, beyond chance (AUC, days drawn anew)."""
    rows = np.flatnonzero((history.day >= days.start) & (history.day < days.stop))
    if not len(rows):
        return False
    _, group = np.unique(history.day[rows], return_counts=True)
    values = metrics.auc(history.picked[rows].astype(np.int8), prior.score(history.listed.take(rows)), group)
    return metrics.bootstrap(values, rng=np.random.default_rng(seed)).low > 0.5

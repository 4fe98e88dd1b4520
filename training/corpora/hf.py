"""Listings and the shared daily page in, a value per day and ranker out: who finds the papers that will be picked.

A day's candidates are its papers listed under cs.CV, cs.CL or cs.AI; a paper is picked when it stands on a shared page between two
days before and fourteen days after its own. Every ranker is fitted again each week, on the 120 days before, with labels that are at
least fifteen days old. The peers are what one would try first; their strengths were chosen on the days before the tested ones.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from recommender.errors import SourceError
from recommender.ingest import Progress
from recommender.rank import terms
from recommender.rank.prior import NAMES, Prior, author_keys, describe
from recommender.rank.trees import booster
from recommender.types import FloatArray, Paper
from training import metrics, popularity
from training.metrics import Numbers
from training.popularity import History, Walk

__all__ = ["CATEGORIES", "OURS", "Verdict", "judge", "read", "run"]

CATEGORIES = frozenset({"cs.CV", "cs.CL", "cs.AI"})
LISTINGS, SHARED = "arxiv_daily/papers.jsonl.gz", "hf_daily_papers/papers.jsonl.gz"
EARLIEST, LATEST = -2, 14  # days from a paper's own on which a shared page may pick it
FIRST_TESTED = date(2025, 9, 1)
OURS = "popularity prior"
RANDOM, AUTHORS, WORDS, AUTHOR_PRIOR, BOTH = (
    "random",
    "number of authors",
    "TF-IDF logistic",
    "author prior",
    "logistic + author prior",
)
AUTHOR_COLUMN = "fast_sum"  # of those tried, the best by itself and beside the logistic
AUTHOR_WEIGHT = 0.3
MEASURES = ("P@10", "nDCG@10", "AUC")
BINS = 10

Verdict = tuple[dict[str, dict[str, Numbers]], tuple[date, ...], dict[str, Any], dict[str, float], list[tuple[float, float, int]]]


@dataclass(frozen=True, slots=True)
class _Scored:
    """Rows of tested weeks with the score of every ranker."""

    rows: popularity.Rows
    scores: dict[str, FloatArray]
    gain: Numbers  # of each feature, summed over the trees


def judge(data: Path, *, seed: int, progress: Progress | None = None) -> Verdict:
    """Judge the prior and its peers on the days from 2025-09 on.

    Parameters
    ----------
    data : Path
        Folder that holds `arxiv_daily/` and `hf_daily_papers/`.
    seed : int
    progress : Progress, default=None
        Told after each week.

    Returns
    -------
    values : dict of str to dict of str to ndarray of shape (days,), dtype=float64
        Ranker -> measure -> one value per day; NaN on a day without a picked paper. `OURS` is the prior, the others are its peers.
    days : tuple of date
    facts : dict
        What was counted, JSON-ready.
    importance : dict of str to float
        Share of each feature in what the trees gained.
    calibration : list of (float, float, int)
        Mean predicted probability, share picked and number of papers, from the least to the most likely tenth.

    Raises
    ------
    SourceError
        If a file is missing or is not what it should be.
    NotEnoughData
        If there is too little before a tested week to learn from.
    """
    return run(read(data), first=FIRST_TESTED, last=date.max, seed=seed, progress=progress)


def read(data: Path) -> History:
    """Read both files of a folder.

    Raises
    ------
    SourceError
        If a file is missing or is not what it should be.
    """
    try:
        listed = [row for row in _lines(data / LISTINGS) if CATEGORIES & set(row["categories"])]
        shared = list(_lines(data / SHARED))
        listed.sort(key=lambda row: (row["day"], row["id"]))  # a day's papers lie together, whatever the file's order
        return _history(listed, shared)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{data}: need {LISTINGS} and {SHARED} in it ({type(error).__name__}: {error})") from None


def run(history: History, *, first: date, last: date, seed: int, progress: Progress | None = None) -> Verdict:
    """Judge on the days from `first` to `last`, as `judge` does."""
    end = min(last.toordinal(), int(history.day.max(initial=0)))
    starts = range(first.toordinal(), end + 1, popularity.REFIT_DAYS)
    walk, parts = Walk(history), []
    for done, start in enumerate(starts):
        if progress is not None:
            progress("weeks", done, len(starts))
        rows, _ = walk.week(start)
        if len(rows):
            parts.append(_score_week(walk, start, seed))
    if not parts:
        raise SourceError(f"no paper from {first} on: nothing to judge")
    rows = np.concatenate([part.rows for part in parts])
    inside = history.day[rows] <= end
    scores = {name: np.concatenate([part.scores[name] for part in parts])[inside] for name in parts[0].scores}
    gain = np.sum([part.gain for part in parts], axis=0)
    importance = {name: float(share) for name, share in zip(NAMES, gain / max(gain.sum(), 1e-12), strict=True)}
    return _verdict(history, rows[inside], scores, importance)


def _verdict(history: History, rows: popularity.Rows, scores: dict[str, FloatArray], importance: dict[str, float]) -> Verdict:
    """Measure every ranker day by day."""
    picked = history.picked[rows].astype(np.int8)
    ordinals, group = np.unique(history.day[rows], return_counts=True)
    values = {name: dict(zip(MEASURES, _measure(picked, score, group), strict=True)) for name, score in scores.items()}
    facts = {
        "days": len(ordinals),
        "first": date.fromordinal(int(ordinals[0])).isoformat(),
        "last": date.fromordinal(int(ordinals[-1])).isoformat(),
        "papers": len(rows),
        "picked": int(picked.sum()),
        "papers in the history": len(history.day),
        "days without a pick": int((np.add.reduceat(picked, np.cumsum(group) - group) == 0).sum()),
    }
    days = tuple(date.fromordinal(int(day)) for day in ordinals)
    by_share = dict(sorted(importance.items(), key=lambda item: -item[1]))
    return values, days, facts, by_share, _calibration(scores[OURS], picked)


def _measure(picked: metrics.Array, score: FloatArray, group: metrics.Array) -> tuple[Numbers, Numbers, Numbers]:
    return metrics.precision(picked, score, group, 10), metrics.ndcg(picked, score, group, 10), metrics.auc(picked, score, group)


def _score_week(walk: Walk, start: int, seed: int) -> _Scored:
    """Fit as of a week's first morning and score its papers: ours through the artifact, the peers from its parts."""
    rows, values = walk.week(start)
    prior = popularity.fit(walk, start, seed=seed)
    words, authors = values[:, NAMES.index("words")], values[:, NAMES.index(AUTHOR_COLUMN)]
    scores = {
        OURS: prior.score(walk.history.listed.take(rows)),
        RANDOM: np.zeros(len(rows), dtype=np.float32),  # all tied: the measures give the mean over every order
        AUTHORS: values[:, NAMES.index("n_authors")],
        WORDS: words,
        AUTHOR_PRIOR: authors,
        BOTH: words + np.float32(AUTHOR_WEIGHT) * authors,
    }
    return _Scored(rows, scores, _gain(prior))


def _gain(prior: Prior) -> Numbers:
    gain: Numbers = np.sum([booster(text).feature_importance("gain") for text in prior.trees], axis=0)
    return gain


def _calibration(score: FloatArray, picked: metrics.Array) -> list[tuple[float, float, int]]:
    """Tenths of the papers by predicted probability."""
    predicted = expit(score.astype(np.float64))
    tenths = [part for part in np.array_split(np.argsort(predicted, kind="stable"), BINS) if len(part)]
    return [(float(predicted[part].mean()), float(picked[part].mean()), len(part)) for part in tenths]


def _history(listed: list[dict[str, Any]], shared: list[dict[str, Any]]) -> History:
    """Join the listings with the pages that picked from them."""
    pages: dict[str, list[int]] = {}
    for row in shared:
        pages.setdefault(row["id"], []).append(_ordinal(row["day"]))
    day = np.array([_ordinal(row["day"]) for row in listed], dtype=np.int64)
    picked = np.array(
        [
            any(EARLIEST <= page - own <= LATEST for page in pages.get(row["id"], ()))
            for row, own in zip(listed, day, strict=True)
        ],
        dtype=bool,
    )
    known = {row["id"] for row, was in zip(listed, picked, strict=True) if was}
    others = {row["id"]: row for row in reversed(shared) if row["id"] not in known}  # the first time each was on a page
    keys = [(author_keys(row["authors"]), _ordinal(row["day"])) for row in others.values()]
    papers = [_paper(row) for row in listed]
    counted = terms.hash_terms([paper.title for paper in papers], [paper.abstract for paper in papers])
    return History(
        describe(papers, counted),
        day,
        picked,
        np.array([key for authors, _ in keys for key in authors], dtype=np.uint64),
        np.array([page for authors, page in keys for _ in authors], dtype=np.int64),
    )


def _paper(row: dict[str, Any]) -> Paper:
    day = date.fromisoformat(row["day"])
    return Paper(
        id=f"arxiv:{row['id']}",
        title=row["title"],
        abstract=row["abstract"],
        authors=tuple(row["authors"]),
        categories=tuple(row["categories"]),
        published=datetime(day.year, day.month, day.day, tzinfo=UTC),
        edition=day,
        source="arxiv",
        comment=row["comment"],
    )


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)

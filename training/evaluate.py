"""Scores of the same held-out pages in, a `Report` out: every measure of every ranker with its interval, overall and by reader.

All rankers are judged on the same rows, so they are compared page by page. Whole readers are resampled, because one reader's pages
are not independent; with fewer than ten readers that would draw the same few people again and again, and days of readers are
resampled instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.types import FloatArray
from training import metrics
from training.dataset import TrainingSet
from training.metrics import Interval, Numbers

__all__ = ["CANDIDATE", "HEADLINE", "LIVE", "Report", "Slice", "evaluate", "reader_group"]

CANDIDATE = "model"
LIVE = "live"
HEADLINE = "ndcg@10"
OVERALL = "all"
LEAST_READERS = 10

Measure = Callable[[TrainingSet, FloatArray], Numbers]

MEASURES: Mapping[str, Measure] = {
    HEADLINE: lambda rows, scores: metrics.ndcg(rows.y, scores, rows.group, 10),
    "ndcg@5": lambda rows, scores: metrics.ndcg(rows.y, scores, rows.group, 5),
    "mrr": lambda rows, scores: metrics.reciprocal_rank(rows.y, scores, rows.group),
    "recall@10": lambda rows, scores: metrics.recall(rows.y, scores, rows.group, 10),
    "precision@5": lambda rows, scores: metrics.precision(rows.y, scores, rows.group, 5),
    "auc": lambda rows, scores: metrics.auc(rows.y, scores, rows.group),
}

# Likes a reader had when the page was made, from and up to.
READER_GROUPS: Mapping[str, tuple[float, float]] = {"cold": (0, 5), "casual": (5, 20), "heavy": (20, np.inf)}


@dataclass(frozen=True, slots=True)
class Slice:
    """One group of pages.

    Attributes
    ----------
    pages, readers : int
    scores : mapping of ranker to mapping of measure to Interval
    differences : mapping of ranker to mapping of measure to Interval
        The candidate less the ranker, page by page; empty without a candidate.
    """

    pages: int
    readers: int
    scores: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Mapping[str, Interval]]


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured on held-out days.

    Attributes
    ----------
    versions : mapping of str to str
        The version behind `model` and `live`, where they were judged.
    first, last : date
    rows : int
    slices : mapping of str to Slice
        `all`, and those of `cold`, `casual`, `heavy` that have pages.
    """

    versions: Mapping[str, str]
    first: date
    last: date
    rows: int
    slices: Mapping[str, Slice]

    @property
    def overall(self) -> Slice:
        """All pages."""
        return self.slices[OVERALL]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an interval is [value, low, high], None where there was nothing to average."""
        return {
            "versions": dict(self.versions),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "rows": self.rows,
            "slices": {
                name: {
                    "pages": part.pages,
                    "readers": part.readers,
                    "scores": _plain(part.scores),
                    "differences": _plain(part.differences),
                }
                for name, part in self.slices.items()
            },
        }

    def table(self) -> str:
        """Return Markdown: a table of measures, best ranker first, and one of nDCG@10 by group of readers."""
        head = f"Held-out days {self.first} to {self.last}: {self.overall.pages} pages of {self.overall.readers} readers, {self.rows} rows."
        best_first = sorted(self.overall.scores, key=lambda name: -self.overall.scores[name][HEADLINE].value)
        lines = [head, "", *_header(["ranker", *MEASURES])]
        lines += [_line([self._label(name), *(_cell(self.overall.scores[name][m]) for m in MEASURES)]) for name in best_first]
        groups = [name for name in self.slices if name != OVERALL]
        lines += ["", f"{HEADLINE} by reader (cold: under 5 likes, casual: 5 to 19, heavy: 20 and more)", ""]
        lines += _header(["ranker", *(f"{name}, {self.slices[name].pages} pages" for name in groups)])
        lines += [
            _line([self._label(name), *(_cell(self.slices[group].scores[name][HEADLINE]) for group in groups)])
            for name in best_first
        ]
        return "\n".join(lines) + "\n"

    def _label(self, name: str) -> str:
        return f"{name} ({self.versions[name]})" if name in self.versions else name


def evaluate(
    scores: Mapping[str, FloatArray],
    test: TrainingSet,
    *,
    versions: Mapping[str, str],
    rng: np.random.Generator,
    samples: int = 1000,
) -> Report:
    """Judge rankers by their scores of the same rows.

    Parameters
    ----------
    scores : mapping of str to ndarray of shape (n,)
        One entry per ranker; the one called `model` is the candidate the others are compared with.
    test : TrainingSet
        Held-out pages.
    versions : mapping of str to str
        What to call them by in the report.
    rng : Generator
    samples : int, default=1000
        Resamples of each interval.

    Raises
    ------
    ShapeError
        If a ranker has not one score per row, or a score is not a number.
    """
    values = {name: {m: measure(test, score) for m, measure in MEASURES.items()} for name, score in scores.items()}
    group_of = reader_group(test)
    masks = {OVERALL: np.ones(test.pages, dtype=bool)}
    masks |= {name: group_of == name for name in READER_GROUPS if (group_of == name).any()}
    slices = {name: _slice(values, test, mask, rng, samples) for name, mask in masks.items()}
    return Report(dict(versions), min(test.day), max(test.day), len(test), slices)


def reader_group(rows: TrainingSet) -> npt.NDArray[np.str_]:
    """Return `cold`, `casual` or `heavy` of each page, shape (q,), by the likes its reader had when it was made."""
    firsts = np.concatenate([[0], np.cumsum(rows.group)[:-1]]).astype(np.intp)
    likes = np.nan_to_num(rows.column("likes")[firsts], nan=0.0)
    bounds = [low for low, _ in READER_GROUPS.values()]
    named: npt.NDArray[np.str_] = np.array(list(READER_GROUPS))[np.digitize(likes, bounds) - 1]
    return named


def _slice(
    values: Mapping[str, Mapping[str, Numbers]],
    test: TrainingSet,
    mask: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    samples: int,
) -> Slice:
    clusters = _clusters(test, mask)
    scores = {
        name: {m: metrics.bootstrap(v[mask], rng=rng, samples=samples, clusters=clusters) for m, v in measured.items()}
        for name, measured in values.items()
    }
    differences: dict[str, dict[str, Interval]] = {}
    if CANDIDATE in values:
        candidate = values[CANDIDATE]
        differences = {
            name: {
                m: metrics.paired_bootstrap(candidate[m][mask], v[mask], rng=rng, samples=samples, clusters=clusters)
                for m, v in measured.items()
            }
            for name, measured in values.items()
            if name != CANDIDATE
        }
    return Slice(int(mask.sum()), len(np.unique(test.reader[mask])), scores, differences)


def _clusters(test: TrainingSet, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return what is drawn as a whole: readers, or a reader's days when there are few readers."""
    readers = test.reader[mask]
    if len(np.unique(readers)) >= LEAST_READERS:
        return readers
    days = np.array([day.toordinal() for day in test.day], dtype=np.int64)[mask]
    _, numbered = np.unique(np.stack([readers, days]), axis=1, return_inverse=True)
    return numbered.astype(np.int64).reshape(-1)


def _plain(table: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, list[float | None]]]:
    return {name: {m: [_number(x) for x in (v.value, v.low, v.high)] for m, v in row.items()} for name, row in table.items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 5)


def _header(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---"] + ["---:"] * (len(cells) - 1))]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(interval: Interval) -> str:
    if np.isnan(interval.value):
        return "–"
    bounds = "–" if np.isnan(interval.low) else f"{interval.low:.3f} to {interval.high:.3f}"
    return f"{interval.value:.3f} ({bounds})"

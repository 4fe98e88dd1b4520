"""What one corpus run measured, unit by unit, in, a report out: means, intervals, paired differences, verdicts, as text and pictures.

The same run and seed give the same bytes: every interval is drawn from the same seed, so that all rankers see the same resamples, and
numbers are rounded once, in `summarise`. In every group the peer with the highest mean is the one to beat; it is chosen after the
fact, which is the hardest comparison there is. `ahead` and `behind` are said only if the paired interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import BroadsheetError, ShapeError
from training import metrics
from training.metrics import Interval, Numbers
from training.report.pictures import FILES, pictures
from training.report.summary import OVERALL, Fact, Point, Slice, Step, Summary, Votes, from_json, plural, to_json
from training.report.tables import REPORT, markdown, results

__all__ = ["Judged", "Slice", "Summary", "from_json", "markdown", "results", "summarise", "to_json", "write"]

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """What one corpus run measured, unit by unit (u units).

    Attributes
    ----------
    corpus, protocol : str
        Its name, and one or two sentences on how it was judged.
    seed : int
    facts : mapping of str to str, int or float
        Counts and versions.
    unit : str
        What a value belongs to: `query`, `review` or `day`.
    values : mapping of ranker to mapping of measure to ndarray of shape (u,), dtype=float64
        More is better; NaN where a measure is not defined.
    clusters : ndarray of shape (u,), dtype=int64
        What a resample draws as a whole.
    groups : mapping of str to ndarray of shape (u,), dtype=bool
        Parts to be looked at on their own.
    ours : str
    peers : tuple of str
        The rankers it is to beat; others in `values` are shown and not compared.
    headline : str
        The measure that orders rankers and decides verdicts.
    importance : mapping of str to float
        Feature -> share of gain.
    calibration : tuple of (mean predicted, observed share, rows)
    learning : tuple of (label, value, low, high)
    by_votes : mapping of ranker to tuple of (votes, value, low, high, units)

    Raises
    ------
    ShapeError
        If an array has not one entry per unit, or rankers and measures do not fit the names given.
    """

    corpus: str
    protocol: str
    seed: int
    facts: Mapping[str, Fact]
    unit: str
    values: Mapping[str, Mapping[str, Numbers]]
    clusters: npt.NDArray[np.int64]
    groups: Mapping[str, npt.NDArray[np.bool_]]
    ours: str
    peers: tuple[str, ...]
    headline: str
    importance: Mapping[str, float] = field(default_factory=dict)
    calibration: tuple[Point, ...] = ()
    learning: tuple[Step, ...] = ()
    by_votes: Mapping[str, tuple[Votes, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [name for name in (self.ours, *self.peers) if name not in self.values]
        if missing or self.ours in self.peers or OVERALL in self.groups:
            raise ShapeError(f"{self.corpus}: no values of {missing}, or ours is its own peer, or a group is called {OVERALL!r}")
        measures = set(self.values[self.ours])
        if self.headline not in measures or any(set(measured) != measures for measured in self.values.values()):
            raise ShapeError(f"{self.corpus}: every ranker needs the same measures, {self.headline} among them")
        u = len(self.clusters)
        arrays = {f"{name}, {m}": v for name, measured in self.values.items() for m, v in measured.items()}
        wrong = [f"{name} {np.shape(v)}" for name, v in {**arrays, **self.groups}.items() if np.shape(v) != (u,)]
        wrong += [f"{name} is no mask" for name, mask in self.groups.items() if mask.dtype != np.bool_]
        if wrong or not u:
            raise ShapeError(f"{self.corpus}: {u} {plural(self.unit)} do not fit {'; '.join(wrong) or 'anything'}")


def summarise(judged: Judged, samples: int = 1000) -> Summary:
    """Average a run and compare ours with every peer, over all units and in every group.

    Parameters
    ----------
    judged : Judged
    samples : int, default=1000
        Resamples of each interval.
    """
    masks = {OVERALL: np.ones(len(judged.clusters), dtype=bool), **judged.groups}
    return Summary(
        corpus=judged.corpus,
        protocol=judged.protocol,
        seed=judged.seed,
        samples=samples,
        facts=_plain(judged.facts),
        unit=judged.unit,
        ours=judged.ours,
        peers=tuple(judged.peers),
        headline=judged.headline,
        measures=tuple(judged.values[judged.ours]),
        slices=tuple(_slice(judged, name, mask, samples) for name, mask in masks.items()),
        importance=_plain(judged.importance),
        calibration=_plain(judged.calibration),
        learning=_plain(judged.learning),
        by_votes=_plain(judged.by_votes),
    )


def write(judged: Judged | Summary, out: Path) -> list[Path]:
    """Write report.md, report.json and the pictures into a folder; pictures of an earlier run that this one has not are removed.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    BroadsheetError
        If the folder cannot be written.
    """
    summary = judged if isinstance(judged, Summary) else summarise(judged)
    drawn = pictures(summary)
    texts = {"report.md": markdown(summary, folder=""), REPORT: to_json(summary), **{name: c.svg for name, c in drawn.items()}}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in set(FILES) - set(drawn):
            (out / name).unlink(missing_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BroadsheetError(f"the report cannot be written to {out}: {error.strerror}") from error
    return [out / name for name in texts]


def _slice(judged: Judged, name: str, mask: npt.NDArray[np.bool_], samples: int) -> Slice:
    """Average one group, and find the peer to beat in it."""
    clusters = judged.clusters[mask]

    def interval(values: Numbers) -> Interval:
        rng = np.random.default_rng(judged.seed)
        found = metrics.bootstrap(values[mask], rng=rng, samples=samples, clusters=clusters)
        return Interval(_plain(found.value), _plain(found.low), _plain(found.high))

    scores = {ranker: {m: interval(v) for m, v in measured.items()} for ranker, measured in judged.values.items()}
    ours = judged.values[judged.ours]
    differences = {p: {m: interval(ours[m] - v) for m, v in judged.values[p].items()} for p in judged.peers}  # paired
    means = {p: scores[p][judged.headline].value for p in judged.peers if not isnan(scores[p][judged.headline].value)}
    best = max(means, key=lambda p: means[p], default="")
    outcome = _outcome(differences[best][judged.headline]) if best else "open"
    return Slice(name, int(mask.sum()), len(np.unique(clusters)), scores, differences, best, outcome)


def _outcome(gap: Interval) -> str:
    if isnan(gap.low):
        return "open"
    return "ahead" if gap.low > 0 else "behind" if gap.high < 0 else "tie"


def _plain(value: Any) -> Any:
    """Plain Python numbers, floats rounded, never a negative zero."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(inner) for inner in value)
    bare = value.item() if isinstance(value, np.generic) else value
    return round(bare, DIGITS) + 0.0 if isinstance(bare, float) else bare

"""A summary in, its pictures out by file name: peers with intervals, by number of votes, learning curve, calibration, importance.

A part the run did not measure has no picture. What is drawn is also said, number by number, in each picture's description.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from training.report import charts
from training.report.charts import Chart, Mark
from training.report.summary import Summary, plural

__all__ = ["FILES", "pictures"]

TOP_FEATURES = 20

FILES = ("peers.svg", "votes.svg", "learning.svg", "calibration.svg", "importance.svg")


def pictures(summary: Summary) -> dict[str, Chart]:
    """Draw what there is to draw.

    Returns
    -------
    dict of str to Chart
        File name -> picture, in the order of `FILES`.
    """
    drawn = (_peers(summary), _votes(summary), _learning(summary), _calibration(summary), _importance(summary))
    return {name: chart for name, chart in zip(FILES, drawn, strict=True) if chart is not None}


def _peers(summary: Summary) -> Chart:
    title = f"{summary.corpus}: {summary.headline} of every ranker"
    scores = summary.overall.scores
    rows = []
    for name in summary.ranked:
        interval = scores[name][summary.headline]
        rows.append(Mark(name, interval.value, interval.low, interval.high))
    described = f"Mean {summary.headline} with its 95 % interval, best first: {_told(rows)}."
    return charts.intervals(title, described, f"{summary.headline}, mean and 95 % interval", rows, summary.ours)


def _votes(summary: Summary) -> Chart | None:
    order = [summary.ours, *summary.peers]
    names = [name for name in (*order, *sorted(set(summary.by_votes) - set(order))) if summary.by_votes.get(name)]
    if not names:
        return None
    steps = sorted({votes for name in names for votes, *_ in summary.by_votes[name]})
    found = {name: {row[0]: row for row in summary.by_votes[name]} for name in names}
    series = {  # every series has every step, so that the steps lie in order
        name: [Mark(str(votes), *(found[name][votes][1:4] if votes in found[name] else (float("nan"),))) for votes in steps]
        for name in names
    }
    notes = {str(votes): f"n {units:,}" for votes, *_, units in summary.by_votes[names[0]]}
    banded = [name for name in names if name in (summary.ours, summary.overall.best)]
    told = "; ".join(f"{name}: {_told([mark for mark in series[name] if not isnan(mark.value)])}" for name in names)
    return charts.lines(
        f"{summary.corpus}: {summary.headline} by number of votes",
        f"Mean {summary.headline} by the votes a reader had given. Bands are 95 % intervals of {' and of '.join(banded)}. {told}.",
        f"votes given before (n: {plural(summary.unit)})",
        summary.headline,
        series,
        banded=banded,
        notes=notes,
    )


def _learning(summary: Summary) -> Chart | None:
    if not summary.learning:
        return None
    marks = [Mark(*step) for step in summary.learning]
    return charts.lines(
        f"{summary.corpus}: learning curve",
        f"Mean {summary.headline} of {summary.ours} by how much it learned from, with 95 % intervals: {_told(marks)}.",
        "learned from",
        summary.headline,
        {summary.ours: marks},
        banded=[summary.ours],
    )


def _calibration(summary: Summary) -> Chart | None:
    if not summary.calibration:
        return None
    told = "; ".join(f"{predicted:.3f} was {observed:.3f} in {rows:,} rows" for predicted, observed, rows in summary.calibration)
    return charts.diagonal(
        f"{summary.corpus}: calibration",
        f"Share predicted against share observed: {told}.",
        "mean predicted probability",
        "observed share",
        summary.calibration,
    )


def _importance(summary: Summary) -> Chart | None:
    if not summary.importance:
        return None
    largest = sorted(summary.importance.items(), key=lambda item: (-item[1], item[0]))[:TOP_FEATURES]
    left = len(summary.importance) - len(largest)
    return charts.bars(
        f"{summary.corpus}: what the trees use",
        f"Share of the trees' gain by feature, largest first: {'; '.join(f'{name} {share:.3f}' for name, share in largest)}.",
        "share of gain" + (f" ({left} smaller ones left out)" if left else ""),
        largest,
    )


def _told(marks: Sequence[Mark]) -> str:
    return "; ".join(
        f"{mark.label} {mark.value:.3f}" + ("" if isnan(mark.low) else f" ({mark.low:.3f} to {mark.high:.3f})") for mark in marks
    )

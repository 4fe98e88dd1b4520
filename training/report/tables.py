"""Summaries in, Markdown out: the report of one corpus, and RESULTS.md made of many; every number comes from a summary."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path

from recommender.errors import BroadsheetError
from training.metrics import Interval
from training.report.pictures import pictures
from training.report.summary import OVERALL, Fact, Slice, Summary, from_json, plural

__all__ = ["REPORT", "markdown", "results", "verdict"]

REPORT = "report.json"


def markdown(summary: Summary, *, folder: str | None = None, level: int = 1) -> str:
    """Return a report as Markdown.

    Parameters
    ----------
    summary : Summary
    folder : str, default=None
        Where the pictures lie from where the text will, with a slash at its end if it is not empty; None links none.
    level : int, default=1
        Of the heading.
    """
    whole, ranked, sub = summary.overall, summary.ranked, "#" * (level + 1)
    facts = "; ".join(f"{name}: {_fact(value)}" for name, value in sorted(summary.facts.items()))
    drawn = f"{summary.samples:,} resamples of whole clusters ({whole.clusters:,} of them), seed {summary.seed}"
    means = f"Means over {_counted(whole.units, summary.unit)}, with 95 % intervals from {drawn}."
    lines = [f"{'#' * level} {summary.corpus}", "", summary.protocol, "", *([facts, ""] if facts else []), means, ""]
    scores = [[_shown(name, summary), *(_cell(whole.scores[name][m]) for m in summary.measures)] for name in ranked]
    lines += _table(["ranker", *summary.measures], scores)
    lines += [f"{sub} Against the best peer, by {summary.headline}", ""]
    lines += [*(f"- {_who(part, summary)}: {verdict(part, summary)}." for part in summary.slices), ""]
    lines += [f"{sub} {summary.ours} less each peer, {summary.unit} by {summary.unit}", ""]
    gaps = [
        [_safe(name), *(_gap(whole.differences[name][m]) for m in summary.measures)]
        for name in ranked
        if name in whole.differences
    ]
    lines += _table(["peer", *summary.measures], gaps)
    groups = summary.slices[1:]
    if groups:
        lines += [f"{sub} {summary.headline} by group", ""]
        cells = [[_shown(name, summary), *(_cell(part.scores[name][summary.headline]) for part in groups)] for name in ranked]
        lines += _table(["ranker", *(f"{part.name}, {_counted(part.units, summary.unit)}" for part in groups)], cells)
    if folder is not None:
        lines += [line for name, chart in pictures(summary).items() for line in (f"![{chart.title}]({folder}{name})", "")]
    return "\n".join(lines)


def verdict(part: Slice, summary: Summary) -> str:
    """Return what can be said of a group in one clause, with its numbers."""
    if part.outcome == "open":
        return "no verdict, for there is no interval to judge by"
    gap = part.differences[part.best][summary.headline]
    bounds = f"{summary.headline}, 95 % interval {_signed(gap.low)} to {_signed(gap.high)}"
    if part.outcome == "tie":
        return f"a tie with {part.best} within the interval ({_signed(gap.value)} {bounds})"
    return f"{part.outcome} {'of ' if part.outcome == 'ahead' else ''}{part.best} ({_signed(gap.value)} {bounds})"


def results(folder: Path) -> str:
    """Return RESULTS.md, made of every `*/report.json` of a folder and nothing else; its links lead from beside the folder.

    Raises
    ------
    BroadsheetError
        If there is no report, or a file is none.
    """
    found = sorted(folder.glob(f"*/{REPORT}"))
    if not found:
        raise BroadsheetError(
            f"there is no {REPORT} in the folders of {folder}: run evaluate --corpus NAME --out {folder}/NAME first"
        )
    parts: list[tuple[str, Summary]] = []
    for path in found:
        try:
            parts.append((f"{folder.resolve().name}/{path.parent.name}/", from_json(path.read_text(encoding="utf-8"))))
        except (BroadsheetError, OSError, UnicodeDecodeError) as error:
            raise BroadsheetError(f"{path}: {error}") from error
    head = (
        f"Made by `python -m training results` from the reports in `{folder.resolve().name}/`; nothing in it is written by hand."
    )
    rows = []
    for _, summary in parts:
        whole, name = summary.overall, summary.headline
        theirs = whole.scores[whole.best][name] if whole.best else None
        gap = whole.differences[whole.best][name] if whole.best else None
        cells = [summary.corpus, name, _cell(whole.scores[summary.ours][name]), _safe(whole.best) or "–"]
        rows.append([*cells, _cell(theirs), _gap(gap), whole.outcome])
    overview = _table(["corpus", "measure", "ours", "best peer", "theirs", "difference", "verdict"], rows)
    sections = [markdown(summary, folder=where, level=2) for where, summary in parts]
    return "\n".join(["# Results", "", head, "", *overview, *sections])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, and an empty one."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)] + [""]


def _safe(words: str) -> str:
    return words.replace("|", "\\|")


def _shown(name: str, summary: Summary) -> str:
    return f"**{_safe(name)}**" if name == summary.ours else _safe(name)


def _who(part: Slice, summary: Summary) -> str:
    counted = _counted(part.units, summary.unit)
    return f"all {counted}" if part.name == OVERALL else f"{part.name} ({counted})"


def _counted(units: int, unit: str) -> str:
    return f"{units:,} {unit if units == 1 else plural(unit)}"


def _fact(value: Fact) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _cell(interval: Interval | None) -> str:
    if interval is None or isnan(interval.value):
        return "–"
    return f"{interval.value:.3f}" + ("" if isnan(interval.low) else f" ({interval.low:.3f} to {interval.high:.3f})")


def _gap(interval: Interval | None) -> str:
    if interval is None or isnan(interval.value):
        return "–"
    bounds = "" if isnan(interval.low) else f" ({_signed(interval.low)} to {_signed(interval.high)})"
    return _signed(interval.value) + bounds


def _signed(value: float) -> str:
    """Return a number with its sign, and without one where it rounds to nothing."""
    return "0.0000" if abs(value) < 0.00005 else f"{value:+.4f}".replace("-", "−")

"""Intervals of every ranker, measure and group in, JSON out and back again: what a report says of one corpus, as a value.

Numbers were rounded when they were put in, so what is read back says the same, to the last digit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from recommender.errors import BroadsheetError
from training.metrics import Interval

__all__ = ["OVERALL", "Fact", "Point", "Slice", "Step", "Summary", "Votes", "from_json", "plural", "to_json"]

Fact = str | int | float
Point = tuple[float, float, int]  # mean predicted, observed share, rows
Step = tuple[str, float, float, float]  # label, value, low, high
Votes = tuple[int, float, float, float, int]  # votes, value, low, high, units
Table = Mapping[str, Mapping[str, Interval]]  # ranker -> measure -> interval

OVERALL = "all"
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Slice:
    """One group of units.

    Attributes
    ----------
    name : str
        `all`, or the group's.
    units, clusters : int
    scores : mapping of ranker to mapping of measure to Interval
    differences : mapping of peer to mapping of measure to Interval
        Ours less the peer, unit by unit.
    best : str
        The peer with the highest mean of the headline; empty if none has one.
    outcome : str
        `ahead`, `tie`, `behind`, or `open` when nothing can be said.
    """

    name: str
    units: int
    clusters: int
    scores: Table
    differences: Table
    best: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report says of one corpus.

    Attributes
    ----------
    corpus, protocol : str
    seed, samples : int
        Of the resampling.
    facts : mapping of str to str, int or float
    unit, ours, headline : str
    peers, measures : tuple of str
    slices : tuple of Slice
        All units first, then the groups.
    importance : mapping of str to float
        Feature -> share of gain.
    calibration : tuple of (mean predicted, observed share, rows)
    learning : tuple of (label, value, low, high)
    by_votes : mapping of ranker to tuple of (votes, value, low, high, units)
    """

    corpus: str
    protocol: str
    seed: int
    samples: int
    facts: Mapping[str, Fact]
    unit: str
    ours: str
    peers: tuple[str, ...]
    headline: str
    measures: tuple[str, ...]
    slices: tuple[Slice, ...]
    importance: Mapping[str, float]
    calibration: tuple[Point, ...]
    learning: tuple[Step, ...]
    by_votes: Mapping[str, tuple[Votes, ...]]

    @property
    def overall(self) -> Slice:
        """All units."""
        return self.slices[0]

    @property
    def ranked(self) -> list[str]:
        """All rankers by the headline over all units, best first; those without a value last."""
        values = {name: row[self.headline].value for name, row in self.overall.scores.items()}
        return sorted(values, key=lambda name: (isnan(values[name]), 0.0 if isnan(values[name]) else -values[name], name))


def to_json(summary: Summary) -> str:
    """Return a summary as JSON with sorted keys; an interval is [value, low, high], null where there is no number."""
    return json.dumps(_bare(asdict(summary)), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Summary:
    """Return the summary that `to_json` wrote.

    Raises
    ------
    BroadsheetError
        If the text is something else.
    """
    try:
        read = json.loads(text)
        read["slices"] = tuple(_slice(part) for part in read["slices"])
        for name in ("peers", "measures"):
            read[name] = tuple(read[name])
        for name in ("calibration", "learning"):
            read[name] = _rows(read[name])
        read["by_votes"] = {name: _rows(rows) for name, rows in read["by_votes"].items()}
        summary = Summary(**read)
        _ = summary.overall, summary.ranked  # a report of nothing is none
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise BroadsheetError(
            f"this is no report of a corpus run: make it again with evaluate --corpus and --out ({error!r})"
        ) from error
    return summary


def plural(unit: str) -> str:
    """Return the plural of what a value belongs to.

    Examples
    --------
    >>> plural("query"), plural("review"), plural("day")
    ('queries', 'reviews', 'days')
    """
    return unit[:-1] + "ies" if unit.endswith("y") and unit[-2:-1] not in tuple("aeiou") else unit + "s"


def _slice(part: dict[str, Any]) -> Slice:
    scores, differences = _table(part.pop("scores")), _table(part.pop("differences"))
    return Slice(scores=scores, differences=differences, **part)


def _table(table: Mapping[str, Mapping[str, list[float | None]]]) -> Table:
    return {name: {m: Interval(*(NAN if x is None else x for x in v)) for m, v in row.items()} for name, row in table.items()}


def _rows(rows: list[list[Any]]) -> Any:
    return tuple(tuple(NAN if cell is None else cell for cell in row) for row in rows)


def _bare(value: Any) -> Any:
    """Intervals as lists, NaN as None."""
    if isinstance(value, Mapping):
        if set(value) == {"value", "low", "high"}:
            return [_bare(value[name]) for name in ("value", "low", "high")]
        return {name: _bare(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    return None if isinstance(value, float) and isnan(value) else value

"""Measured values in, SVG for a page out: dots with their intervals, one row per ranker or one column per version.

A drawing has no style of its own: its classes take their colours from the site's sheet, light and dark, and the policy of the pages
forbids any other. Shapes tell the kinds apart, never colour alone. `<title>` and `<desc>` say what it shows to those who do not see
it, and every page puts the same numbers into a table beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from markupsafe import Markup

__all__ = ["Column", "Dot", "Row", "rows", "timeline"]

WIDTH = 640
ROW = 28  # height of one row
NAMES = 190  # room for the names of rows
PLOT = 220  # height of the columns
TOP, LEFT, RIGHT, FOOT = 34, 52, 14, 40
TICKS = 5
SHAPES = ("disc", "square", "triangle")


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval (None: not known); `shape` is one of `SHAPES`."""

    value: float
    low: float | None = None
    high: float | None = None
    shape: str = "disc"

    @property
    def reach(self) -> tuple[float, ...]:
        """The numbers the drawing must have room for."""
        return tuple(x for x in (self.low, self.value, self.high) if x is not None and isfinite(x))


@dataclass(frozen=True, slots=True)
class Row:
    """One named dot; ours is drawn stronger."""

    name: str
    dot: Dot
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """What was measured at one time; the note says which time, as briefly as it can."""

    note: str
    dots: tuple[Dot, ...]


def rows(name: str, title: str, description: str, measured: Sequence[Row]) -> Markup:
    """Draw named values under each other, on one scale.

    Parameters
    ----------
    name : str
        Tells this drawing's parts from those of others on the page: letters and dashes.
    title, description : str
        What it shows, for those who do not see it.
    measured : sequence of Row
        Those whose value is no number are left out.
    """
    shown = [row for row in measured if isfinite(row.dot.value)]
    scale = _Scale.over(number for row in shown for number in row.dot.reach)
    height = TOP + ROW * len(shown) + FOOT - 12

    def across(value: float) -> float:
        return NAMES + scale.share(value) * (WIDTH - NAMES - RIGHT - 10)

    parts: list[Markup] = []
    for tick in scale.ticks():
        x = across(tick)
        parts.append(_line("grid", x, TOP - 8, x, height - FOOT + 12))
        parts.append(_text("tick", x, height - FOOT + 28, scale.words(tick), "middle"))
    for number, row in enumerate(shown):
        y = TOP + ROW * number + ROW / 2
        kind = "ours" if row.ours else "theirs"
        parts.append(_text(kind, NAMES - 14, y + 4, row.name[:28], "end"))
        if row.dot.low is not None and row.dot.high is not None:
            parts.append(_line(f"range {kind}", across(row.dot.low), y, across(row.dot.high), y))
        parts.append(_shape(row.dot.shape, across(row.dot.value), y, kind))
    return _drawing(name, title, description, height, parts)


def timeline(name: str, title: str, description: str, columns: Sequence[Column], legend: Sequence[tuple[str, str]]) -> Markup:
    """Draw values over versions in time, the oldest on the left; parameters as in `rows`, `legend` has shapes with their words."""
    scale = _Scale.over(number for column in columns for dot in column.dots for number in dot.reach)
    height = TOP + PLOT + FOOT
    step = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)

    def up(value: float) -> float:
        return TOP + PLOT - scale.share(value) * PLOT

    parts: list[Markup] = []
    for place, (shape, words) in enumerate(legend):
        x = LEFT + 8 + place * 190
        parts += [_shape(shape, x, 14, "ours" if shape == SHAPES[0] else "theirs"), _text("tick", x + 12, 18, words, "start")]
    for tick in scale.ticks():
        parts += [
            _line("grid", LEFT, up(tick), WIDTH - RIGHT, up(tick)),
            _text("tick", LEFT - 8, up(tick) + 4, scale.words(tick), "end"),
        ]
    labelled = max(1, ceil(len(columns) / 8))  # more notes would run into each other
    for number, column in enumerate(columns):
        middle = LEFT + step * (number + 0.5)
        if (len(columns) - 1 - number) % labelled == 0:
            parts.append(_text("tick", middle, TOP + PLOT + 22, column.note, "middle"))
        for offset, dot in enumerate(column.dots):
            if not isfinite(dot.value):
                continue
            at = middle + (offset - (len(column.dots) - 1) / 2) * min(step / 4, 14)
            kind = "ours" if dot.shape == SHAPES[0] else "theirs"
            if dot.low is not None and dot.high is not None:
                parts.append(_line(f"range {kind}", at, up(dot.low), at, up(dot.high)))
            parts.append(_shape(dot.shape, at, up(dot.value), kind))
    return _drawing(name, title, description, height, parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the lowest to the highest tick, in round steps."""

    low: float
    step: float
    steps: int

    @classmethod
    def over(cls, numbers: Iterable[float]) -> _Scale:
        """Return a scale that has room for all of these.

        Examples
        --------
        >>> scale = _Scale.over([0.612, 0.655])
        >>> [scale.words(tick) for tick in scale.ticks()]
        ['0.61', '0.62', '0.63', '0.64', '0.65', '0.66']
        """
        known = [number for number in numbers if isfinite(number)] or [0.0, 1.0]
        low, high = min(known), max(known)
        if high - low < 1e-9:
            low, high = low - 0.05, high + 0.05
        rough = (high - low) / TICKS
        power = 10.0 ** floor(log10(rough))
        step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first = floor(low / step + 1e-9)
        return cls(first * step, step, max(ceil(high / step - 1e-9) - first, 1))

    def ticks(self) -> Iterator[float]:
        return (self.low + self.step * number for number in range(self.steps + 1))

    def share(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        return min(max((value - self.low) / (self.step * self.steps), 0.0), 1.0)

    def words(self, tick: float) -> str:
        digits = max(0, -floor(log10(self.step) + 1e-9))
        return f"{tick + 0.0:.{digits}f}"


def _drawing(name: str, title: str, description: str, height: float, parts: Sequence[Markup]) -> Markup:
    head = Markup(
        '<svg class="plot" role="img" viewBox="0 0 {} {}" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
    ).format(WIDTH, round(height), name, name, name, title, name, description)
    return head + Markup("").join(parts) + Markup("</svg>")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x1, y1, x2, y2)


def _text(kind: str, x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, words)


def _shape(shape: str, x: float, y: float, kind: str) -> Markup:
    if shape == "square":
        return Markup('<rect class="dot {}" x="{:.1f}" y="{:.1f}" width="9" height="9"/>').format(kind, x - 4.5, y - 4.5)
    if shape == "triangle":
        points = f"{x:.1f},{y - 5.5:.1f} {x + 5.5:.1f},{y + 4.5:.1f} {x - 5.5:.1f},{y + 4.5:.1f}"
        return Markup('<polygon class="dot {}" points="{}"/>').format(kind, points)
    return Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(kind, x, y)

"""Titles, axis labels and points in, SVG texts out: four kinds of chart, drawn by hand, the same bytes for the same numbers.

Each picture brings its own colours for light and dark and paints its own ground, so it can be read wherever it is placed, and says
in `<title>` and `<desc>` what it shows to those who do not see it. Colour is never the only sign: what is ours is drawn stronger,
lines carry their name and a dash of their own. A point whose value is not a number is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan

from training.report import axes
from training.report.axes import Area

__all__ = ["Chart", "Mark", "bars", "diagonal", "intervals", "lines"]

WIDTH = 760
ROW = 26  # height of one row of `bars` and `intervals`
TOP, FOOT = 44, 56  # room for the title, and for ticks and the axis label
LEFT, TALL, SQUARE = 80, 330, 420  # the area of a line chart and of a calibration
APART = 15  # pixels between two names at the end of lines
COLOURS = 8
DASHES = ("none", "6 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 4", "8 2 2 2 2 2")
READING = ("dashed: says what happens", "below it: says too much", "above it: says too little", "larger dot: more rows")


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished picture.

    Attributes
    ----------
    title, description : str
        What it shows, in a few words and in a sentence: the text alternatives.
    svg : str
    """

    title: str
    description: str
    svg: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A named value and the bounds of its interval; NaN bounds draw none."""

    label: str
    value: float
    low: float = float("nan")
    high: float = float("nan")

    @property
    def reach(self) -> tuple[float, ...]:
        """The numbers the drawing must have room for."""
        return (self.value,) if isnan(self.low) else (self.low, self.value, self.high)


def intervals(title: str, description: str, axis: str, rows: Sequence[Mark], ours: str) -> Chart:
    """Draw a dot with its interval for every row, one below the other in the order given; `ours` names the strong one."""
    shown = _known(rows)
    low, high, step = axes.scale([number for row in shown for number in row.reach])
    area = Area(axes.gutter(row.label for row in shown), TOP, WIDTH - 70, TOP + ROW * len(shown), (low, high))
    parts = axes.across(area, axis, step)
    for i, row in enumerate(shown):
        strong = row.label == ours
        y, kind = area.top + ROW * (i + 0.5), "ours" if strong else "mark"
        parts.append(axes.text(area.left - 10, y + 4, row.label, "strong" if strong else "", "end"))
        if not isnan(row.low):
            parts.append(axes.line(area.x(row.low), y, area.x(row.high), y, kind))
            parts += [axes.line(area.x(end), y - 4, area.x(end), y + 4, kind) for end in (row.low, row.high)]
        parts.append(axes.dot(area.x(row.value), y, 5 if strong else 4, kind))
        parts.append(axes.text(WIDTH - 58, y + 4, f"{row.value:.3f}", "strong" if strong else "soft"))
    return _chart(title, description, area.bottom + FOOT, parts)


def bars(title: str, description: str, axis: str, rows: Sequence[tuple[str, float]]) -> Chart:
    """Draw a bar from zero for every (label, value), one below the other in the order given."""
    shown = [(label, value) for label, value in rows if not isnan(value)]
    low, high, step = axes.scale([0.0, *(value for _, value in shown)])
    area = Area(axes.gutter(label for label, _ in shown), TOP, WIDTH - 70, TOP + ROW * len(shown), (low, high))
    parts = axes.across(area, axis, step)
    for i, (label, value) in enumerate(shown):
        y = area.top + ROW * i
        start, end = sorted((area.x(0.0), area.x(value)))
        parts.append(axes.text(area.left - 10, y + ROW / 2 + 4, label, "", "end"))
        parts.append(f'<rect class="ours" x="{start:.1f}" y="{y + 5:.1f}" width="{end - start:.1f}" height="{ROW - 10}"/>')
        parts.append(axes.text(WIDTH - 58, y + ROW / 2 + 4, f"{value:.3f}", "soft"))
    return _chart(title, description, area.bottom + FOOT, parts)


def diagonal(title: str, description: str, x_axis: str, y_axis: str, points: Sequence[tuple[float, float, int]]) -> Chart:
    """Draw (predicted, observed, rows) as dots, larger for more rows, beside the line on which both agree."""
    shown = [point for point in points if not (isnan(point[0]) or isnan(point[1]))]
    _, high, step = axes.scale([0.0, *(number for point in shown for number in point[:2])])
    area = Area(LEFT, TOP, LEFT + SQUARE, TOP + SQUARE, (0.0, high), (0.0, high))
    most = max((rows for _, _, rows in shown), default=1)
    parts = [*axes.across(area, x_axis, step), *axes.upright(area, y_axis, step)]
    parts.append(f'<polyline class="axis" stroke-dasharray="5 4" points="{area.left},{area.bottom} {area.right},{area.top}"/>')
    parts.append(f'<polyline class="ours" points="{axes.way((area.x(x), area.y(y)) for x, y, _ in shown)}"/>')
    parts += [axes.dot(area.x(x), area.y(y), 3 + 6 * (rows / max(most, 1)) ** 0.5, "ours") for x, y, rows in shown]
    parts += [axes.text(area.right + 26, TOP + 20 * (i + 1), words, "soft") for i, words in enumerate(READING)]
    return _chart(title, description, area.bottom + FOOT, parts)


def lines(
    title: str,
    description: str,
    x_axis: str,
    y_axis: str,
    series: Mapping[str, Sequence[Mark]],
    *,
    banded: Collection[str] = (),
    notes: Mapping[str, str] | None = None,
) -> Chart:
    """Draw one line for every series over evenly spaced labels.

    Parameters
    ----------
    title, description, x_axis, y_axis : str
    series : mapping of str to sequence of Mark
        The first is ours and drawn stronger. The labels of all series, in the order they are first met, are the steps of the x axis.
    banded : collection of str
        Series whose intervals are drawn too; many bands would hide each other.
    notes : mapping of str to str, default=None
        A second line under a label.
    """
    known = {name: marks for name, marks in ((name, _known(marks)) for name, marks in series.items()) if marks}
    names = list(known)
    seen = {mark.label for marks in known.values() for mark in marks}
    labels = [label for label in dict.fromkeys(mark.label for marks in series.values() for mark in marks) if label in seen]
    low, high, step = axes.scale([x for name in names for m in known[name] for x in (m.reach if name in banded else (m.value,))])
    edges = (-0.3, max(len(labels), 1) - 0.7)
    area = Area(LEFT, TOP, WIDTH - axes.gutter(names), TOP + TALL, edges, (low, high))
    at = {label: area.x(i) for i, label in enumerate(labels)}
    parts = [*axes.upright(area, y_axis, step), *axes.beneath(area, x_axis, labels, notes or {})]
    for i, name in reversed(list(enumerate(names))):  # ours last, on top
        parts += _series(area, at, known[name], i, name in banded)
    for y, i in _apart([(area.y(known[name][-1].value), i) for i, name in enumerate(names)], area.bottom):
        x, kind = area.right + 10, ' class="strong"' if i == 0 else ""
        parts.append(f'<text{kind} style="fill:{_colour(i)}" x="{x:.1f}" y="{y + 4:.1f}">{axes.cut(names[i])}</text>')
    return _chart(title, description, area.bottom + FOOT + (18 if notes else 0), parts)


def _series(area: Area, at: Mapping[str, float], marks: Sequence[Mark], number: int, banded: bool) -> list[str]:
    """Return one line with its dots and, if asked for, the band of its intervals (a stroke where there is one step only)."""
    colour, width, radius = _colour(number), 3 if number == 0 else 1.6, 3.5 if number == 0 else 2.5
    spots = [(at[mark.label], area.y(mark.value)) for mark in marks]
    inside = [mark for mark in marks if banded and not isnan(mark.low)]
    rim = [(at[m.label], area.y(m.high)) for m in inside] + [(at[m.label], area.y(m.low)) for m in reversed(inside)]
    parts = []
    if len(inside) > 1:
        parts.append(f'<polygon class="band" fill="{colour}" points="{axes.way(rim)}"/>')
    elif inside:
        parts.append(f'<polyline style="stroke:{colour}" points="{axes.way(rim)}"/>')
    style = f"stroke:{colour};stroke-width:{width};stroke-dasharray:{DASHES[number % len(DASHES)]}"
    parts.append(f'<polyline style="{style}" points="{axes.way(spots)}"/>')
    return parts + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>' for x, y in spots]


def _apart(ends: Sequence[tuple[float, int]], bottom: float) -> list[tuple[float, int]]:
    """Move names that would lie on each other down, and up again those that left the area."""
    placed: list[tuple[float, int]] = []
    for y, number in sorted(ends):
        placed.append((max(y, placed[-1][0] + APART) if placed else y, number))
    for i in reversed(range(len(placed))):
        placed[i] = (min(placed[i][0], bottom - APART * (len(placed) - 1 - i)), placed[i][1])
    return placed


def _chart(title: str, description: str, height: float, parts: Sequence[str]) -> Chart:
    """Put parts on a ground, with the text alternatives first."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" role="img" '
        f'aria-labelledby="title description">\n<title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc>\n<style>\n{axes.STYLE}</style>\n'
        f'<rect width="100%" height="100%" fill="var(--ground)"/>\n{axes.text(20, 26, title, "title")}\n'
    )
    return Chart(title, description, head + "\n".join(parts) + "\n</svg>\n")


def _known(rows: Sequence[Mark]) -> list[Mark]:
    return [row for row in rows if not isnan(row.value)]


def _colour(number: int) -> str:
    return f"var(--s{number % COLOURS})"

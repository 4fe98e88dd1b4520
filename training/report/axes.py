"""Numbers and words in, scraps of SVG out: round scales, axes with their labels, text, lines and dots in the colours of the charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

__all__ = ["STYLE", "Area", "across", "beneath", "cut", "dot", "gutter", "line", "scale", "text", "upright", "way"]

LETTER = 6.9  # about the width of one letter in pixels
LONGEST = 44  # letters of a label
MOST_LABELS = 12  # under a line chart

STYLE = """\
svg{--ground:#fff;--ink:#1f2328;--soft:#57606a;--grid:#d8dee4;--s0:#0b57d0;--s1:#b3541e;--s2:#1a7f37;--s3:#8250df;--s4:#a40e26;\
--s5:#0a7a83;--s6:#7d5a00;--s7:#57606a}
@media (prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#e6edf3;--soft:#9da7b3;--grid:#30363d;--s0:#79b8ff;--s1:#f0a26b;\
--s2:#56d364;--s3:#c297ff;--s4:#ff8f98;--s5:#5cd3db;--s6:#e0b341;--s7:#9da7b3}}
text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
.title{font-size:15px;font-weight:600}.soft{fill:var(--soft)}.strong{font-weight:600}
.grid{stroke:var(--grid)}.axis{stroke:var(--soft)}.mark{stroke:var(--soft);stroke-width:1.5}.ours{stroke:var(--s0);stroke-width:2.5}
circle.mark{fill:var(--soft);stroke:none}circle.ours,rect.ours{fill:var(--s0);stroke:none}
polyline{fill:none;stroke-width:1.6}.band{opacity:.16}
"""


@dataclass(frozen=True, slots=True)
class Area:
    """Where numbers are drawn: pixel edges, and the numbers at the edges.

    Examples
    --------
    >>> area = Area(100, 40, 300, 240, (0.0, 1.0), (0.0, 10.0))
    >>> area.x(0.5), area.y(10.0)
    (200.0, 40.0)
    """

    left: float
    top: float
    right: float
    bottom: float
    across: tuple[float, float]
    up: tuple[float, float] = (0.0, 1.0)

    def x(self, value: float) -> float:
        """Return how far to the right a number lies."""
        low, high = self.across
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return how far down a number lies."""
        low, high = self.up
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def scale(numbers: Sequence[float]) -> tuple[float, float, float]:
    """Return round edges around some numbers and the step between ticks: 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> [round(number, 9) for number in scale([0.564, 0.687])]
    [0.55, 0.7, 0.05]
    """
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    spread = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(spread / 5))
    step = next(power * size for size in (1.0, 2.0, 5.0, 10.0) if spread / 5 <= power * size * (1 + 1e-9))
    bottom, top = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    return bottom * step, max(top, bottom + 1) * step, step


def across(area: Area, label: str, step: float) -> list[str]:
    """Return grid, numbers and label of a horizontal axis."""
    parts: list[str] = []
    for tick in _ticks(*area.across, step):
        parts.append(line(area.x(tick), area.top, area.x(tick), area.bottom, "grid"))
        parts.append(text(area.x(tick), area.bottom + 18, _number(tick, step), "soft", "middle"))
    parts.append(line(area.left, area.bottom, area.right, area.bottom, "axis"))
    parts.append(text((area.left + area.right) / 2, area.bottom + 40, label, "soft", "middle"))
    return parts


def upright(area: Area, label: str, step: float) -> list[str]:
    """Return grid, numbers and label of a vertical axis."""
    parts: list[str] = []
    for tick in _ticks(*area.up, step):
        parts.append(line(area.left, area.y(tick), area.right, area.y(tick), "grid"))
        parts.append(text(area.left - 8, area.y(tick) + 4, _number(tick, step), "soft", "end"))
    parts.append(line(area.left, area.top, area.left, area.bottom, "axis"))
    middle = (area.top + area.bottom) / 2
    parts.append(f'<g transform="rotate(-90 24 {middle:.1f})">{text(24, middle, label, "soft", "middle")}</g>')
    return parts


def beneath(area: Area, label: str, names: Sequence[str], notes: Mapping[str, str]) -> list[str]:
    """Return a horizontal axis of evenly spaced names, each with its note below; of many, every second, third, … one."""
    parts = [line(area.left, area.bottom, area.right, area.bottom, "axis")]
    for i in range(0, len(names), max(1, -(-len(names) // MOST_LABELS))):
        x = area.x(i)
        parts += [line(x, area.bottom, x, area.bottom + 4, "axis"), text(x, area.bottom + 18, names[i], "soft", "middle")]
        if names[i] in notes:
            parts.append(text(x, area.bottom + 34, notes[names[i]], "soft", "middle"))
    parts.append(text((area.left + area.right) / 2, area.bottom + (58 if notes else 42), label, "soft", "middle"))
    return parts


def gutter(labels: Iterable[str]) -> float:
    """Return the pixels labels need beside an area."""
    return 28 + LETTER * max((min(len(label), LONGEST) for label in labels), default=0)


def cut(label: str) -> str:
    """Return a label that fits, as XML.

    Examples
    --------
    >>> cut("C & A"), cut("long " * 20)[-9:]
    ('C &amp; A', 'long lon…')
    """
    return escape(label if len(label) <= LONGEST else label[: LONGEST - 1] + "…")


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return words that begin, end or have their middle at a point; only a title may be long."""
    klass = f' class="{kind}"' if kind else ""
    return (
        f'<text{klass} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words) if kind == "title" else cut(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, radius: float, kind: str) -> str:
    """Return a filled circle."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def way(points: Iterable[tuple[float, float]]) -> str:
    """Return points as a polyline or polygon takes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [low + i * step for i in range(round((high - low) / step) + 1)]


def _number(value: float, step: float) -> str:
    """Return a tick with as many decimals as its step has."""
    return f"{value:.{max(0, -floor(log10(step) + 1e-9))}f}"

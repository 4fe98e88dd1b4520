"""Two texts in, what was taken out and put in out: words kept, struck and new, with long stretches that stayed left out."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["GAP", "Piece", "changes"]

GAP = "…"  # stands for words that stayed the same
_NEAR = 8  # words that are kept beside a change
_MOST = 600  # words compared: finding out what changed takes the square of this


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words in a row; `kind` is `same`, `out`, `in` or `gap`."""

    kind: str
    text: str


def changes(old: str, new: str) -> list[Piece]:
    """Return how a text became another one, in reading order; nothing when its words stayed the same.

    Examples
    --------
    >>> [(piece.kind, piece.text) for piece in changes("a small study of graphs", "a large study of graphs")]
    [('same', 'a'), ('out', 'small'), ('in', 'large'), ('same', 'study of graphs')]
    >>> changes("the  same", "the same")
    []
    """
    before, after = old.split(), new.split()
    if before == after:
        return []
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    pieces = [
        *_kept(before[:start], first=True),
        *_between(before[start : len(before) - end], after[start : len(after) - end]),
        *_kept(before[len(before) - end :] if end else [], last=True),
    ]
    return [piece for piece in pieces if piece.text]


def _between(before: list[str], after: list[str]) -> list[Piece]:
    if len(before) > _MOST or len(after) > _MOST:
        return [Piece("out", " ".join(before)), Piece("in", " ".join(after))]
    found: list[Piece] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.extend(_kept(before[i:i_end]))
        else:
            found += [Piece("out", " ".join(before[i:i_end])), Piece("in", " ".join(after[j:j_end]))]
    return found


def _kept(words: list[str], *, first: bool = False, last: bool = False) -> list[Piece]:
    """Words that stayed, of a long row only those beside a change."""
    head, tail = ([] if first else words[:_NEAR]), ([] if last else words[-_NEAR:])
    if len(words) <= len(head) + len(tail) + 1:
        return [Piece("same", " ".join(words))]
    return [Piece("same", " ".join(head)), Piece("gap", GAP), Piece("same", " ".join(tail))]


def _common(a: list[str], b: list[str]) -> int:
    """How many words two rows begin with in common."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

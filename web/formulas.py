r"""Text of a source in, the formulas in it out: marked for the browser to set, and spelled as plain text for everywhere else.

Nothing here runs TeX. A formula becomes `<span class="math" data-tex="…">readable text</span>`, escaped; with JavaScript the span is
set as MathML (static/site.js), without it the readable text stands.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

__all__ = ["Piece", "maths", "pieces", "plain", "uncut"]

LONGEST = 600  # characters of one formula; what is longer is shown as it came
DEEPEST = 12  # braces within braces

_OPENING = re.compile(r"\$\$|\\\(|\\\[|\$")
_CLOSING = {
    "$": re.compile(r"(?:[^$\\]|\\.)*?\$", re.DOTALL),
    "$$": re.compile(r"(?:[^$\\]|\\.)*?\$\$", re.DOTALL),
    "\\(": re.compile(r".*?\\\)", re.DOTALL),
    "\\[": re.compile(r".*?\\\]", re.DOTALL),
}
_SURELY = re.compile(r"\\[A-Za-z]|[\^_]")  # no price is written with these
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}(?![A-Za-z(])")
_NAMES = ("log", "ln", "exp", "sin", "cos", "tan", "min", "max", "arg", "det", "dim", "ker", "inf", "sup", "lim", "Pr", "mod")
_APART = "\x01"  # stands before a function's name until it is known whether a letter stands before it
_context = get_default_latex_context_db()
_context.add_context_category(
    "here",
    prepend=True,
    macros=[
        *(MacroTextSpec(name, f"{_APART}{name}") for name in _NAMES),
        *(MacroTextSpec(name, "‖") for name in ("|", "lVert", "rVert", "Vert")),
        MacroTextSpec("includegraphics", ""),
    ],
)
_spell = LatexNodes2Text(latex_context=_context, math_mode="text", keep_comments=True, strict_latex_spaces="based-on-source")

logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of every command it does not know


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text from `start` to `end`; `tex` is the formula it is, without its dollars, or empty."""

    start: int
    end: int
    tex: str


def pieces(text: str) -> list[Piece]:
    r"""Return the formulas of a text, in order.

    Examples
    --------
    >>> [piece.tex for piece in pieces(r"the $O(n)$ bound, \(x^2\) and $$y$$, for $5 and $6")]
    ['O(n)', 'x^2', 'y']
    """
    found: list[Piece] = []
    at = 0
    while opening := _OPENING.search(text, at):
        sign = opening[0]
        at = opening.end()
        if opening.start() and text[opening.start() - 1] == "\\":
            continue  # an escaped dollar
        closing = _CLOSING[sign].match(text, at, at + LONGEST + 2)
        tex = text[at : closing.end() - len(sign)] if closing else ""
        if closing and len(tex) <= LONGEST and _is_formula(tex, sign, text[closing.end() : closing.end() + 1]):
            found.append(Piece(opening.start(), closing.end(), tex.strip()))
            at = closing.end()
    return found


def maths(text: str) -> Markup:
    r"""Return text as HTML, escaped, with its formulas marked.

    Examples
    --------
    >>> print(maths(r"<b> $\alpha < 1$"))
    &lt;b&gt; <span class="math" data-tex="\alpha &lt; 1">α &lt; 1</span>
    """
    if isinstance(text, Markup):
        return text  # its formulas are marked already
    made, at = Markup(), 0
    for piece in pieces(text):
        made += escape(text[at : piece.start])
        made += Markup('<span class="math" data-tex="{}">{}</span>').format(piece.tex, _readable(piece.tex))
        at = piece.end
    return made + escape(text[at:])


def plain(text: str) -> str:
    r"""Return text with its formulas spelled out, for where no HTML is shown.

    Examples
    --------
    >>> plain(r"an $\mathcal{O}(\sqrt{n})$ bound")
    'an 𝒪(√(n)) bound'
    """
    made, at = [], 0
    for piece in pieces(text):
        made += [text[at : piece.start], _readable(piece.tex)]
        at = piece.end
    return "".join([*made, text[at:]])


def uncut(text: str, at: int) -> int:
    """Return the place nearest to `at`, and not after it, where text can be cut without cutting a formula."""
    return next((piece.start for piece in pieces(text) if piece.start < at < piece.end), at)


def _is_formula(tex: str, sign: str, following: str) -> bool:
    """Whether what stands between two signs is mathematics, and not two prices."""
    if not tex.strip():
        return False
    if sign != "$" or _SURELY.search(tex):
        return True
    if tex[0].isspace() or tex[-1].isspace() or following.isdigit():
        return False
    return not (tex[0].isdigit() and _WORD.search(tex))


@lru_cache(maxsize=4096)
def _readable(tex: str) -> str:
    """Spell a formula in letters, digits and signs; what cannot be read is shown as it came."""
    depth = deepest = 0
    for letter in tex:
        depth += (letter == "{") - (letter == "}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        return tex
    try:
        spelled = _spell.latex_to_text(tex)
    except Exception:  # noqa: BLE001, RUF100  # whatever it stumbles over, the reader gets what the source wrote
        return tex
    if "%s" in spelled:  # a command without what it needs
        return tex
    spelled = re.sub(rf"(?<=[\w)]){_APART}", " ", spelled)
    return " ".join("".join(letter for letter in spelled if letter.isprintable() or letter.isspace()).split()) or tex

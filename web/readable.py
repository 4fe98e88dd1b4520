r"""A title as its source wrote it in, the same in letters that mail can show out: `$\mathbb{R}^d$` becomes ℝᵈ.

Nothing here runs TeX. What cannot be read stays as it came: a title is worth sending all the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text

from web.formulas import pieces, plain
from web.mail import one_line

__all__ = ["readable"]

LONGEST = 600  # characters: beyond it the converter takes too long
_RAISED = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW*'",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ*′",
        strict=True,
    )
)
_LOWERED = dict(zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_SIGNS = {r"\prime": "′", r"\circ": "°", r"\dagger": "†", r"\star": "*", r"\ast": "*"}
_SCRIPT = re.compile(r"([\^_])\s*(?:\{([^{}]*)\}|(\\[A-Za-z]+)|([^\\{}\s]))")
_UPRIGHT = re.compile(r"\\(?:text|mathrm|mathit|operatorname|rm)\s*\{([^{}]*)\}")
_POWER = re.compile(r"(?<=[A-Za-z0-9)])\^(?:\{(\d{1,3})\}|(\d{1,3}))(?![\w{])")  # n^2 without dollars: nothing else is written so
_spell = LatexNodes2Text()


@lru_cache(maxsize=8192)
def readable(text: str) -> str:
    r"""Return a title with its LaTeX written in Unicode, on one line; what cannot be read stays as it came.

    Examples
    --------
    >>> readable(r"A $\mathcal{O}(n^2)$ bound for $\alpha$-stable noise in $\mathbb{R}^{d+1}$")
    'A 𝒪(n²) bound for α-stable noise in ℝᵈ⁺¹'
    >>> readable("50% faster for $10 & up")
    '50% faster for $10 & up'
    """
    if len(text) > LONGEST:
        return one_line(text)
    made, at = list[str](), 0
    for piece in pieces(text):
        made += [_words(text[at : piece.start]), _formula(text[piece.start : piece.end], piece.tex)]
        at = piece.end
    return one_line("".join([*made, _words(text[at:])]))


def _formula(whole: str, tex: str) -> str:
    """Spell a formula; as it came, dollars and all, when nothing comes of it."""
    scripted = _SCRIPT.sub(_scripted, _UPRIGHT.sub(r"\1", tex))
    spelled = plain(rf"\({scripted}\)")
    return whole if spelled.startswith("\\(") or not spelled.strip() else spelled


def _scripted(found: re.Match[str]) -> str:
    """Raise or lower what stands after `^` or `_` where there are letters for it; else keep together what was together."""
    sign, group, command, letter = found.groups()
    if command:
        return _SIGNS.get(command, found[0]) if sign == "^" else found[0]
    text = "".join((group or letter or "").split())
    known = _RAISED if sign == "^" else _LOWERED
    if text and all(one in known for one in text):
        return "{}" + "".join(known[one] for one in text)  # the braces end the name of a command before it
    if text in _SIGNS and sign == "^":
        return _SIGNS[text]
    return f"{sign}({group})" if group is not None and len(text) > 1 and not text.startswith("\\") else found[0]


def _words(text: str) -> str:
    """Spell the commands and accents of a stretch that is no formula; in one, a bare % is a per cent sign and $ a dollar."""
    text = _POWER.sub(lambda found: "".join(_RAISED[digit] for digit in found[1] or found[2]), text)
    if "\\" not in text:
        return text
    ends = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    try:
        bare = re.sub(r"(?<!\\)\^", r"\^{}", re.sub(r"(?<!\\)([%&$#_])", r"\\\1", text.strip()))
        spelled = str(_spell.latex_to_text(bare, tolerant_parsing=False))
    except Exception:  # the converter fails in many ways, RecursionError among them
        return text
    return text if not spelled.strip() or "%s" in spelled else f"{ends[0]}{spelled.strip()}{ends[1]}"

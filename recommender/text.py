r"""Titles, names, abstracts and addresses as a source wrote them in, plain safe Unicode of bounded length out.

TeX accents and HTML entities become the characters they stand for; mathematics (`$...$`, `\(...\)`, `\[...\]`) is left as it
came. Nothing here makes text safe for HTML: that is done where it is shown.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = [
    "ABSTRACT_CHARS",
    "AUTHORS",
    "COMMENT_CHARS",
    "NAME_CHARS",
    "TITLE_CHARS",
    "clean",
    "is_withdrawn",
    "names",
    "scrub",
    "split_names",
    "web_address",
]

TITLE_CHARS = 600
ABSTRACT_CHARS = 20_000
COMMENT_CHARS = 1_000
NAME_CHARS = 200
AUTHORS = 500
ADDRESS_CHARS = 500
_ROUNDS = 12  # decoding can uncover more to decode (`&amp;lt;`); text that does not settle is no text, and is left as it came

# Controls, soft hyphen, direction marks and overrides, zero-width space, tags, half surrogates, non-characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"\s+")
_MATH = re.compile(r"(?<!\\)(?:\$\$[^$]+\$\$|\$(?:[^$\\]|\\.)+\$|\\\((?:[^\\]|\\[^()])+\\\)|\\\[(?:[^\\]|\\[^][])+\\\])")
_MASK = "\x00"  # stands for one piece of mathematics while the rest is decoded; `scrub` has taken out every real one

_MARKS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307", "u": "\u0306",
    "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "d": "\u0323", "b": "\u0331",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "i": "ı",
    "j": "ȷ", "dh": "ð", "DH": "Ð", "dj": "đ", "DJ": "Đ", "th": "þ", "TH": "Þ", "ng": "ŋ", "NG": "Ŋ", "deg": "°",
}  # fmt: skip
_LETTER = re.compile(
    rf"(?P<open>\{{)?\\(?P<name>{'|'.join(sorted(_LETTERS, key=len, reverse=True))})(?![A-Za-z])(?(open)\s?\}}|(?:\{{\}}|\s)?)"
)
_BRACED = r"\{\s?(?P<braced>[^\W\d_])\s?\}"
_ACCENTS = tuple(
    re.compile(rf"(?P<open>\{{)?\\{form}(?(open)\}})")
    for form in (
        rf"(?P<mark>['`^\"~=.])\s?(?:{_BRACED}|(?P<bare>[^\W\d_]))",  # \'e  \'{e}
        rf"(?P<mark>[uvHckrdb])\s?{_BRACED}(?P<bare>)",  # \v{c}
        r"(?P<mark>[uvHck])\s(?P<braced>)(?P<bare>[^\W\d_])",  # \c c; not \r, \d and \b, which are more often something else
    )
)
_FONT = re.compile(r"\\(?:emph|text(?:bf|it|sc|tt|sf|rm|sl|up)?|underline|uline|mbox|url)\s?\{([^{}\\$]+)\}")
_OLD_FONT = re.compile(r"\{\\(?:em|bf|it|sc|tt|sf|rm|sl)\s([^{}\\$]+)\}")
_LINK = re.compile(r"\\href\s?\{([^{}$\x00\s]+)\}\s?\{([^{}\\$]+)\}")
_ESCAPED = re.compile(r"\\([%&#_ ])")
_HYPHENATION = re.compile(r"(?<=\w)\\-(?=\w)")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_THING = r"(?:paper|article|manuscript|submission|preprint|work|study|version|note|report|it|this)"
_WITHDRAWN = re.compile(
    rf"^\W*(?:withdrawn|retracted)\b|\b{_THING}\s+(?:(?:ha[sd] been|was|is)\s+(?:(?!not\b)\w+\s+)?)?(?:withdrawn|retracted)\b"
    r"|\bwithdrawn\s+by\s+(?:the\s+)?(?:arxiv|author)",
    re.IGNORECASE,
)


def scrub(text: str, limit: int) -> str:
    r"""Return text on one line, without control and direction characters, composed (NFC), at most `limit` characters long.

    Examples
    --------
    >>> scrub("  Two\n  lines\x00 ", 600)
    'Two lines'
    """
    # Cut first: what follows is then cheap whatever came in.
    line = _SPACES.sub(" ", _UNSEEN.sub("", text[: 4 * limit])).strip()
    line = unicodedata.normalize("NFC", line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def clean(text: str, limit: int = ABSTRACT_CHARS) -> str:
    r"""Return text as a person would read it: `scrub`, then TeX accents, common TeX commands and HTML entities decoded.

    Parameters
    ----------
    text : str
    limit : int, default=20,000
        Most characters kept.

    Returns
    -------
    str
        One line. Cleaning it again changes nothing.

    Examples
    --------
    >>> clean(r"Schr\"odinger's {\o}re of $\alpha<b$ &amp; P\v{r}\'{\i}klad")
    "Schrödinger's øre of $\\alpha<b$ & Příklad"
    """
    raw = line = scrub(text, limit)
    for _ in range(_ROUNDS):
        if "\\" not in line and "&" not in line:
            return line
        before, line = line, scrub(_decode(line), limit)
        if line == before:
            return line
    return raw


def split_names(text: str) -> tuple[str, ...]:
    r"""Return the names of one comma-separated string of authors, as arXiv's announcements write them.

    Examples
    --------
    >>> split_names(r"Paulo Andr\'e Lima de Castro, Martin King, Jr. (MIT) and X. Y\u{g}")
    ('Paulo André Lima de Castro', 'Martin King Jr.', 'X. Yğ')
    """
    bare = scrub(text, 100 * AUTHORS)
    for _ in range(3):  # affiliations, from the inside out
        bare = _SPACES.sub(" ", re.sub(r"\([^()]*\)", " ", bare))
    found: list[str] = []
    for part in re.split(r",| and ", bare):
        name = part.strip()
        if found and _SUFFIX.fullmatch(name):
            found[-1] += f" {name}"
        else:
            found.append(name)
    return names(found)


def names(raw: Iterable[str]) -> tuple[str, ...]:
    """Return display names, cleaned, without empty ones, at most 500."""
    found: list[str] = []
    for name in raw:
        if len(found) == AUTHORS:
            break
        if shown := clean(name, NAME_CHARS):
            found.append(shown)
    return tuple(found)


def is_withdrawn(comment: str | None, abstract: str) -> bool:
    """Whether a paper's comment, or the start of its abstract, says that it was taken back.

    Examples
    --------
    >>> is_withdrawn("This paper has been withdrawn by the author due to an error in Lemma 2", "We prove ...")
    True
    >>> is_withdrawn("12 pages", "We study funds withdrawn from savings accounts.")
    False
    """
    return bool(_WITHDRAWN.search(comment or "") or _WITHDRAWN.search(abstract[:200]))


def web_address(value: object) -> str | None:
    """Return an http(s) address fit for a link, or None for anything else.

    Examples
    --------
    >>> web_address("https://github.com/a/b"), web_address("javascript:alert(1)")
    ('https://github.com/a/b', None)
    """
    if not isinstance(value, str) or len(value) > ADDRESS_CHARS:
        return None
    address = value.strip()
    if _SPACES.search(address) or _UNSEEN.search(address) or any(c in address for c in "<>\"'`\\"):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.hostname else None


def _decode(line: str) -> str:
    """Decode one round of what stands outside mathematics."""
    formulas = _MATH.findall(line)
    text = _MATH.sub(_MASK, line)
    text = _LETTER.sub(lambda m: _LETTERS[m["name"]], text)
    for accent in _ACCENTS:
        text = accent.sub(_accented, text)
    text = _FONT.sub(r"\1", text)
    text = _OLD_FONT.sub(r"\1", text)
    text = _LINK.sub(lambda m: m[2] if m[1] in m[2] else f"{m[2]} ({m[1]})", text)
    text = _ESCAPED.sub(r"\1", _HYPHENATION.sub("", text))
    text = _ENTITY.sub(_character, text)
    pieces = text.split(_MASK)
    return pieces[0] + "".join(formula + piece for formula, piece in zip(formulas, pieces[1:], strict=True))


def _accented(match: re.Match[str]) -> str:
    base = match["braced"] or match["bare"]
    return unicodedata.normalize("NFC", {"ı": "i", "ȷ": "j"}.get(base, base) + _MARKS[match["mark"]])


def _character(match: re.Match[str]) -> str:
    """Decode one entity, unless it would open mathematics, a TeX command or a hole for the mask."""
    character = html.unescape(match[0])
    return match[0] if character in ("$", "\\", _MASK) else character

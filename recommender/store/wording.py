"""What somebody typed in, the words to look for out: phrases in quotation marks, words with a minus, the beginning of a word.

Nothing here is a query language: whatever is typed means something, and no sign in it reaches a database as more than a word.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["LONGEST", "Term", "Wording", "parse"]

LONGEST = 400  # characters that are read
MOST = 16  # terms that are looked for, and as many that are not
_SHORTEST_BEGINNING = 3  # letters; a database goes through all words that begin so
_BEGINNINGS = 2  # words with a star
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"') | dict.fromkeys("−–—", "-"))
_TERM = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')

# Words that nearly every English abstract holds say nothing next to others.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about an and are as at be been but by can do does for from has have how i if in into is it its of on or our such than that "
        "the their them then there these they this to via was we were what when where which who why will with you your",
    )
)


@dataclass(frozen=True, slots=True)
class Term:
    """One word, or some words that stand together; `begins` where only its beginning is given."""

    text: str
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """What a search asks for.

    Attributes
    ----------
    wanted : tuple of Term
        All of these; words that stand everywhere only when there are no others.
    unwanted : tuple of Term
        None of these.
    plain : str
        The wanted words as they were typed, for whoever reads for meaning.
    quoted : bool
        Whether everything wanted stands in quotation marks: these very words are meant.
    """

    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()
    plain: str = ""
    quoted: bool = False

    def begun(self) -> Wording:
        """Return the same with the last wanted word as a beginning; itself where that word is short or a phrase."""
        if not self.wanted or " " in (last := self.wanted[-1]).text or self.quoted or len(last.text) < _SHORTEST_BEGINNING:
            return self
        return Wording((*self.wanted[:-1], Term(last.text, begins=True)), self.unwanted, self.plain, self.quoted)


def parse(text: str) -> Wording:
    """Read what was typed.

    Examples
    --------
    >>> found = parse('how do "graph networks" learn -speech')
    >>> [term.text for term in found.wanted], [term.text for term in found.unwanted], found.plain
    (['graph networks', 'learn'], ['speech'], 'how do graph networks learn')
    """
    wanted: dict[Term, bool] = {}  # and whether it is a phrase
    unwanted: dict[Term, bool] = {}
    stars = 0
    for found in _TERM.finditer(_cleaned(text)):
        phrase = found["phrase"] is not None
        written = " ".join((found["phrase"] if phrase else found["word"]).split())
        plain = written.rstrip("*")
        if not _says_something(plain):
            continue
        begins = not phrase and plain != written and len(plain) >= _SHORTEST_BEGINNING and stars < _BEGINNINGS
        stars += begins
        where = unwanted if found["minus"] else wanted
        if len(where) < MOST:
            where.setdefault(Term(plain, begins), phrase)
    telling = [term for term, phrase in wanted.items() if phrase or term.text.casefold() not in _COMMON]
    return Wording(
        tuple(telling or wanted),
        tuple(unwanted),
        " ".join(term.text for term in wanted),
        bool(wanted) and all(wanted.values()),
    )


def _cleaned(text: str) -> str:
    """Only what can be read: no controls, no halves of letters, one kind of quotation mark."""
    kept = (" " if unicodedata.category(sign) in ("Cc", "Cs", "Cf") else sign for sign in text[:LONGEST])
    return "".join(kept).translate(_QUOTES)


def _says_something(text: str) -> bool:
    return any(unicodedata.category(sign)[0] in "LN" for sign in text)

"""Rules and papers in, which papers must be seen and which never: what a reader decreed beats whatever a model has learned.

Where a paper is taken by rules of both kinds, `never` wins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from recommender.types import FloatArray, Paper, Rule

__all__ = ["NEAR", "Index", "liked_papers", "matches", "must", "never", "plain", "takes"]

MOST = 1024  # rules whose papers are kept: a page is made again after every vote
NEAR = 0.6  # cosine of two texts from which one is "like" the other: papers on one narrow subject reach it
_WORD = re.compile(r"[^\W_]+", re.UNICODE)


def plain(name: str) -> str:
    """Return a name or a text as rules compare it: one spelling of each letter, no capitals, single spaces.

    Examples
    --------
    >>> plain("  Ada  LOVELACE ")
    'ada lovelace'
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


class Index:
    """Papers as rules ask for them: every name and text is looked at once, whoever asks.

    Parameters
    ----------
    papers : sequence of Paper
    """

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.papers = papers
        self._taken: dict[tuple[str, str], Sequence[int]] = {}

    def rows(self, rule: Rule) -> Sequence[int]:
        """Return where the papers stand that a rule's own words take, rising; one about nearness to another paper takes none by words.

        A category takes its parts: `cs` takes `cs.CL`. A phrase is words in a row, whole; `words` may stand anywhere in title and abstract.
        """
        asked = rule.field, rule.value
        found = self._taken.get(asked)
        if found is None:
            if len(self._taken) >= MOST:
                self._taken.clear()
            found = self._taken[asked] = self._rows(rule.field, plain(rule.value))
        return found

    def _rows(self, field: str, value: str) -> Sequence[int]:
        if field in _NAMES:
            return self._named[field].get(value, ())
        words = _WORD.findall(value)
        if not words or field not in ("phrase", "words"):
            return ()
        wanted = [f" {' '.join(words)} "] if field == "phrase" else [f" {word} " for word in words]
        return [row for row, text in enumerate(self._texts) if all(part in text for part in wanted)]

    @cached_property
    def _named(self) -> Mapping[str, Mapping[str, list[int]]]:
        """By field, in which rows each name stands."""
        found: dict[str, dict[str, list[int]]] = {field: {} for field in _NAMES}
        for field, names in _NAMES.items():
            for row, paper in enumerate(self.papers):
                for name in dict.fromkeys(names(paper)):
                    found[field].setdefault(name, []).append(row)
        return found

    @cached_property
    def _texts(self) -> Sequence[str]:
        """Title and abstract of each paper as words with single spaces around each."""
        return [f" {' '.join(_WORD.findall(plain(f'{paper.title} {paper.abstract}')))} " for paper in self.papers]


def matches(rule: Rule, paper: Paper) -> bool:
    """Whether a rule's own words take a paper; as `Index.rows`.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> paper = Paper("x:1", "Graph transformers", "A study.", ("Ada Lovelace",), ("cs.LG",), datetime(2026, 5, 20, tzinfo=UTC),
    ...               date(2026, 5, 20), "arxiv")
    >>> [matches(Rule("must", *said), paper) for said in (("author", "ada lovelace"), ("category", "cs"), ("phrase", "graph transform"))]
    [True, True, False]
    """
    return bool(Index([paper]).rows(rule))


def liked_papers(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return the papers that rules about nearness speak of: their vectors are needed."""
    return tuple(rule.value for rule in rules if rule.field == "like")


def never(index: Index, dense: FloatArray, rules: Sequence[Rule], near: Mapping[str, FloatArray]) -> dict[str, Rule]:
    """Return the papers that must not be shown, each with the first rule that says so.

    Parameters
    ----------
    index : Index
        Of n papers.
    dense : ndarray of shape (n, d), dtype=float32
        Their unit rows.
    rules : sequence of Rule
    near : mapping of str to ndarray of shape (d,)
        Unit vectors of the papers that rules about nearness speak of; a rule whose paper is missing takes that paper alone.
    """
    chosen = [rule for rule in rules if rule.action == "never"]
    found = _first(index, chosen)
    for rule in chosen:
        if rule.field == "like":
            found.setdefault(rule.value, rule)
            if rule.value in near:
                for row in (dense @ near[rule.value] >= NEAR).nonzero()[0].tolist():
                    found.setdefault(index.papers[row].id, rule)
    return found


def must(index: Index, rules: Sequence[Rule]) -> dict[str, Rule]:
    """Return the papers that must be seen, each with the first rule that says so."""
    return _first(index, [rule for rule in rules if rule.action == "must"])


def takes(index: Index, rules: Sequence[Rule]) -> list[list[str]]:
    """Return, rule by rule, the papers that each takes by its own words."""
    return [[index.papers[row].id for row in index.rows(rule)] for rule in rules]


def _first(index: Index, rules: Sequence[Rule]) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for rule in rules:
        for row in index.rows(rule):
            found.setdefault(index.papers[row].id, rule)
    return found


def _categories(paper: Paper) -> Iterator[str]:
    """Give what a paper's categories are parts of, themselves included: `cs.cl`, `cs`."""
    for category in map(plain, paper.categories):
        parts = category.split(".")
        yield from (".".join(parts[:end]) for end in range(len(parts), 0, -1))


_NAMES: Mapping[str, Callable[[Paper], Iterable[str]]] = {
    "author": lambda paper: map(plain, paper.authors),
    "organization": lambda paper: (plain(paper.organization or ""),),
    "category": _categories,
}

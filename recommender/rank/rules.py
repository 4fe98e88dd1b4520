"""Rules and papers in, which papers must be seen and which never: what a reader decreed beats whatever a model has learned.

Where a paper is taken by rules of both kinds, `never` wins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from recommender.types import FloatArray, Paper, Rule

__all__ = ["NEAR", "liked_papers", "matches", "must", "never", "plain", "takes"]

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


def matches(rule: Rule, paper: Paper) -> bool:
    """Whether a rule's own words take a paper; one about nearness to another paper never does by words.

    A category takes its parts: `cs` takes `cs.CL`. A phrase is words in a row, whole; `words` may stand anywhere in title and abstract.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> paper = Paper("x:1", "Graph transformers", "A study.", ("Ada Lovelace",), ("cs.LG",), datetime(2026, 5, 20, tzinfo=UTC),
    ...               date(2026, 5, 20), "arxiv")
    >>> [matches(Rule("must", *said), paper) for said in (("author", "ada lovelace"), ("category", "cs"), ("phrase", "graph transform"))]
    [True, True, False]
    """
    return _takes(rule, paper, _text(paper) if rule.field in ("phrase", "words") else "")


def liked_papers(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return the papers that rules about nearness speak of: their vectors are needed."""
    return tuple(rule.value for rule in rules if rule.field == "like")


def never(papers: Sequence[Paper], dense: FloatArray, rules: Sequence[Rule], near: Mapping[str, FloatArray]) -> dict[str, Rule]:
    """Return the papers that must not be shown, each with the first rule that says so.

    Parameters
    ----------
    papers : sequence of Paper, length n
    dense : ndarray of shape (n, d), dtype=float32
        Their unit rows.
    rules : sequence of Rule
    near : mapping of str to ndarray of shape (d,)
        Unit vectors of the papers that rules about nearness speak of; a rule whose paper is missing takes that paper alone.
    """
    chosen = [rule for rule in rules if rule.action == "never"]
    found = _first(papers, chosen)
    for rule in chosen:
        if rule.field == "like":
            found.setdefault(rule.value, rule)
            if rule.value in near:
                for row in (dense @ near[rule.value] >= NEAR).nonzero()[0]:
                    found.setdefault(papers[int(row)].id, rule)
    return found


def must(papers: Sequence[Paper], rules: Sequence[Rule]) -> dict[str, Rule]:
    """Return the papers that must be seen, each with the first rule that says so."""
    return _first(papers, [rule for rule in rules if rule.action == "must"])


def takes(papers: Sequence[Paper], rules: Sequence[Rule]) -> list[list[str]]:
    """Return, rule by rule, the papers that each takes by its own words."""
    found: list[list[str]] = [[] for _ in rules]
    reads = any(rule.field in ("phrase", "words") for rule in rules)
    for paper in papers:
        text = _text(paper) if reads else ""
        for rule, its in zip(rules, found, strict=True):
            if _takes(rule, paper, text):
                its.append(paper.id)
    return found


def _first(papers: Sequence[Paper], rules: Sequence[Rule]) -> dict[str, Rule]:
    if not rules:
        return {}
    reads = any(rule.field in ("phrase", "words") for rule in rules)
    found: dict[str, Rule] = {}
    for paper in papers:
        text = _text(paper) if reads else ""
        rule = next((rule for rule in rules if _takes(rule, paper, text)), None)
        if rule is not None:
            found[paper.id] = rule
    return found


def _takes(rule: Rule, paper: Paper, text: str) -> bool:
    value = _wanted(rule.value)
    if rule.field == "author":
        return any(plain(author) == value for author in paper.authors)
    if rule.field == "organization":
        return plain(paper.organization or "") == value
    if rule.field == "category":
        return any(plain(category) == value or plain(category).startswith(f"{value}.") for category in paper.categories)
    words = _WORD.findall(value)
    if not words:
        return False
    if rule.field == "phrase":
        return f" {' '.join(words)} " in text
    return rule.field == "words" and all(f" {word} " in text for word in words)


@lru_cache(maxsize=2048)  # a page asks the same rules of every paper
def _wanted(value: str) -> str:
    return plain(value)


def _text(paper: Paper) -> str:
    """Title and abstract as words with single spaces around each."""
    return _spaced(f"{paper.title} {paper.abstract}")


@lru_cache(maxsize=2048)  # each of a reader's interests asks the same papers
def _spaced(text: str) -> str:
    return f" {' '.join(_WORD.findall(plain(text)))} "

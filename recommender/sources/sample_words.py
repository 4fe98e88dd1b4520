"""Semicolon-separated phrases in, the words of one research topic out: the shape every vocabulary of the sample edition has.

Slots in braces (`{object}`, `{p}`) are filled when a sentence is written. Grammar that every phrase keeps to: a `problem` is a
singular noun phrase without article, a `method` follows "with", an `object` is a plural, a `gap`, `finding` or `claim` is a whole
clause. A metric that starts with `-` is better when lower.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pair", "Topic", "words"]


def words(text: str) -> tuple[str, ...]:
    """Split phrases at semicolons; line breaks count as spaces.

    Examples
    --------
    >>> words("soft masks; sparse keys")
    ('soft masks', 'sparse keys')
    """
    return tuple(" ".join(part.split()) for part in text.split(";") if part.strip())


@dataclass(frozen=True, slots=True)
class Topic:
    """The vocabulary of one invented research topic."""

    name: str
    categories: tuple[str, ...]
    field: str
    problems: tuple[str, ...]
    methods: tuple[str, ...]
    objects: tuple[str, ...]
    data: tuple[str, ...]
    metrics: tuple[str, ...]
    applications: tuple[str, ...]
    gaps: tuple[str, ...]
    findings: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbouring topics and the words they share, which keep them from being trivial to tell apart."""

    first: Topic
    second: Topic
    methods: tuple[str, ...]
    objects: tuple[str, ...]

"""A paper's discussion in, remarks ready to be shown out: paragraphs, lines, links that are safe to follow, and what one may do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recommender.store.comments import Comment
from recommender.store.readers import Reader
from web.cards import web_address

__all__ = ["Bit", "Remark", "paragraphs", "remarks"]

LONGEST_LABEL = 70  # characters of an address that are shown
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\{}|^]+", re.IGNORECASE)
_TRAILING = ".,;:!?…'\"*_~”’»"
_PAIRS = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Bit:
    """Some characters of a line, and where they lead if they are an address."""

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark, and what this reader may do with it.

    Attributes
    ----------
    comment : Comment
    paragraphs : list of list of list of Bit
        Paragraphs of lines of pieces.
    own : bool
    changeable : bool
        Whether its words can still be changed.
    """

    comment: Comment
    paragraphs: list[list[list[Bit]]]
    own: bool
    changeable: bool


def remarks(thread: Sequence[Comment], reader: Reader, *, now: datetime, window: timedelta) -> list[Remark]:
    """Return a discussion as one reader sees it: what was taken away has no words, except for the owner."""
    return [
        Remark(
            comment=comment,
            paragraphs=paragraphs(comment.text) if comment.removed_at is None or reader.is_owner else [],
            own=comment.reader_id == reader.id and comment.removed_at is None,
            changeable=comment.may_change(reader.id, now, window),
        )
        for comment in thread
    ]


def paragraphs(text: str) -> list[list[list[Bit]]]:
    r"""Split plain text at empty lines into paragraphs, these into lines, and these at the addresses of the web in them.

    Examples
    --------
    >>> paragraphs("See https://example.org/a(b), please.\n\nThanks")[0][0][1]
    Bit(text='https://example.org/a(b)', url='https://example.org/a(b)')
    >>> paragraphs("javascript:alert(1)")
    [[[Bit(text='javascript:alert(1)', url=None)]]]
    """
    return [[_bits(line) for line in block.split("\n")] for block in re.split(r"\n{2,}", text) if block]


def _bits(line: str) -> list[Bit]:
    found: list[Bit] = []
    at = 0
    for match in _ADDRESS.finditer(line):
        written = _trimmed(match[0])
        url = web_address(written)
        if url is None:
            continue
        found += [Bit(line[at : match.start()]), Bit(_label(written), url)]
        at = match.start() + len(written)
    return [bit for bit in (*found, Bit(line[at:])) if bit.text]


def _trimmed(address: str) -> str:
    """An address without the sentence's own marks behind it; a bracket goes when it was opened before the address."""
    while address:
        last = address[-1]
        if last in _TRAILING or (last in _PAIRS and address.count(last) > address.count(_PAIRS[last])):
            address = address[:-1]
        else:
            break
    return address


def _label(address: str) -> str:
    return address if len(address) <= LONGEST_LABEL else f"{address[: LONGEST_LABEL - 1]}…"

"""Files of one JSON object a line in, papers out, and back: arXiv's metadata dump, daily listings, this project's own export.

- dump: arXiv's metadata snapshot. It does not say when a paper was announced: the edition is the day of the first version.
- listing: `{id, day, title, abstract, authors[], categories[], comment}`. The edition is `day`; the first version is taken to be of
  that day at 00:00 UTC, or, when the id is of an earlier month (the paper was held back), of the last day of that month.
- export: every field of a `Paper`, as `write` writes it; read back exactly.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TextIO

from recommender.errors import BadFeed, ShapeError, SourceError
from recommender.ids import abstract_url, arxiv_id, pdf_url
from recommender.text import (
    ABSTRACT_CHARS,
    AUTHORS,
    COMMENT_CHARS,
    NAME_CHARS,
    TITLE_CHARS,
    clean,
    is_withdrawn,
    names,
    scrub,
    split_names,
    web_address,
)
from recommender.types import ANNOUNCEMENTS, Paper, Signals

__all__ = ["JsonlReader", "read", "write"]

_LINE_BYTES = 4_000_000
_REASONS = 1_000
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, ShapeError)
_SOURCE_CHARS = 40
_ANY_ID = re.compile(r"(?=.{1,80}\Z)[a-z][a-z0-9]*:[A-Za-z0-9][A-Za-z0-9./_-]{0,100}")
_YEAR_MONTH = re.compile(r"arxiv:(?:[a-z-]+/)?(\d\d)(\d\d)")


class JsonlReader:
    """Reads papers from one file, and knows afterwards what it could not read.

    Parameters
    ----------
    path : Path
        `.jsonl`, or `.jsonl.gz`; the shape is recognised line by line.
    since, until : date, default=None
        First and last edition that is yielded.

    Attributes
    ----------
    papers : int
        Lines that were papers so far, whether or not their edition was wanted.
    bad : int
        Lines that were not.
    skipped : list of (int, str)
        Number and reason of the first thousand of those.
    size : int
        Bytes of the file on disk.
    position : int
        Of these, how many have been read: what a progress bar shows.
    """

    def __init__(self, path: Path, *, since: date | None = None, until: date | None = None) -> None:
        self.papers = 0
        self.bad = 0
        self.skipped: list[tuple[int, str]] = []
        self.position = 0
        self._path = path
        self._since = since or date.min
        self._until = until or date.max
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}") from error

    def __iter__(self) -> Iterator[Paper]:
        """Yield the papers, skipping the lines that are none.

        Raises
        ------
        SourceError
            If the file cannot be read to its end.
        BadFeed
            If not one line of it is a paper.
        """
        for number, line in enumerate(self._lines(), start=1):
            try:
                paper = _paper(line)
            except _MALFORMED as error:
                self._skip(number, error)
                continue
            if paper is not None:
                self.papers += 1
                if self._since <= paper.edition <= self._until:
                    yield paper
        if not self.papers:
            first = f"; line {self.skipped[0][0]}: {self.skipped[0][1]}" if self.skipped else ""
            raise BadFeed(f"{self._path} holds no papers: each line must be one paper as a JSON object{first}")

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as raw:
                readline = (gzip.GzipFile(fileobj=raw) if self._path.suffix == ".gz" else raw).readline
                while line := readline(_LINE_BYTES):
                    rest = line
                    while len(rest) == _LINE_BYTES and not rest.endswith(
                        b"\n"
                    ):  # too long: let go of the rest, keep the numbering
                        rest = readline(_LINE_BYTES)
                    self.position = raw.tell()
                    yield line
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{self._path} cannot be read to its end ({error}): is it whole? Copy it again") from error

    def _skip(self, number: int, error: Exception) -> None:
        self.bad += 1
        if len(self.skipped) < _REASONS:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            self.skipped.append((number, reason[:200]))


def read(path: Path, *, since: date | None = None, until: date | None = None) -> Iterator[Paper]:
    """Yield the papers of a file; see `JsonlReader`, which also tells what was skipped.

    Raises
    ------
    SourceError
        If the file cannot be read to its end.
    BadFeed
        If not one line of it is a paper.
    """
    return iter(JsonlReader(path, since=since, until=until))


def write(papers: Iterable[Paper], file: TextIO) -> int:
    """Write papers, one JSON object a line with every field, and return how many.

    Parameters
    ----------
    papers : iterable of Paper
    file : text file
        Opened for writing, in UTF-8.
    """
    count = 0
    for paper in papers:
        row = asdict(paper) | {"published": paper.published.isoformat(), "edition": paper.edition.isoformat()}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _paper(line: bytes) -> Paper | None:
    """Read one line of any shape; None for an empty line and for a withdrawn paper."""
    if not line.strip():
        return None
    if len(line) == _LINE_BYTES and not line.endswith(b"\n"):
        raise ValueError(f"longer than {_LINE_BYTES:,} bytes")
    row = json.loads(line)
    if not isinstance(row, Mapping):
        raise TypeError("not a JSON object")
    for mark, shape in _SHAPES.items():
        if mark in row:
            return shape(row)
    raise ValueError(f"neither an export, a listing nor arXiv's dump: it has none of {', '.join(_SHAPES)}")


def _export(row: Mapping[str, Any]) -> Paper:
    """Read this project's own line. Its text was cleaned when it came in: only what could do harm is taken out again."""
    paper_id = _text(row, "id")
    if not _ANY_ID.fullmatch(paper_id):
        raise ValueError(f"{paper_id[:80]!r} is not an id with its namespace")
    signals = row.get("signals") or {}
    return Paper(
        id=paper_id,
        title=_titled(scrub(_text(row, "title"), TITLE_CHARS)),
        abstract=scrub(_text(row, "abstract"), ABSTRACT_CHARS),
        authors=tuple(scrub(name, NAME_CHARS) for name in _texts(row, "authors")[:AUTHORS]),
        categories=_texts(row, "categories"),
        published=datetime.fromisoformat(_text(row, "published")),
        edition=date.fromisoformat(_text(row, "edition")),
        source=scrub(_text(row, "source"), _SOURCE_CHARS),
        announce=_announce(row),
        version=_whole(row, "version") or 1,
        url=web_address(row.get("url")),
        pdf_url=web_address(row.get("pdf_url")),
        code_url=web_address(row.get("code_url")),
        project_url=web_address(row.get("project_url")),
        comment=scrub(_text(row, "comment", ""), COMMENT_CHARS) or None,
        organization=scrub(_text(row, "organization", ""), NAME_CHARS) or None,
        submitter=scrub(_text(row, "submitter", ""), NAME_CHARS) or None,
        signals=Signals(*(_whole(signals, name) for name in ("upvotes", "comments", "stars"))),
        invented=row.get("invented") is True,
    )


def _announce(row: Mapping[str, Any]) -> str:
    announce = _text(row, "announce", "new")
    if announce not in ANNOUNCEMENTS:
        raise ValueError(f"{announce[:40]!r} is no kind of announcement (it is one of {', '.join(ANNOUNCEMENTS)})")
    return announce


def _listing(row: Mapping[str, Any]) -> Paper | None:
    day = date.fromisoformat(_text(row, "day"))
    paper_id = _canonical(row)
    return _arxiv_paper(
        row,
        paper_id,
        _texts(row, "authors"),
        _texts(row, "categories"),
        _text(row, "comment", ""),
        _first_day(paper_id, day),
        day,
    )


def _dump(row: Mapping[str, Any]) -> Paper | None:
    versions = row.get("versions") or []
    if versions:
        published = parsedate_to_datetime(versions[0]["created"])
        published = published.astimezone(UTC) if published.tzinfo else published.replace(tzinfo=UTC)
    else:
        published = datetime.fromisoformat(_text(row, "update_date")).replace(tzinfo=UTC)
    parsed = row.get("authors_parsed")
    # Each is [last name, first names, suffix, affiliations...].
    authors = (
        [" ".join(filter(None, (one[1], one[0], *one[2:3]))) for one in parsed]
        if parsed
        else split_names(_text(row, "authors", ""))
    )
    return _arxiv_paper(
        row,
        _canonical(row),
        authors,
        _text(row, "categories").split(),
        _text(row, "comments", ""),
        published,
        published.date(),
        max(1, len(versions)),
    )


def _arxiv_paper(
    row: Mapping[str, Any], paper_id: str, authors: Iterable[str], categories: Iterable[str], comment: str,
    published: datetime, edition: date, version: int = 1,
) -> Paper | None:  # fmt: skip
    """Make a paper of what both arXiv shapes share, unless it is withdrawn."""
    abstract, comment = clean(_text(row, "abstract")), clean(comment, COMMENT_CHARS)
    if is_withdrawn(comment, abstract):
        return None
    return Paper(
        id=paper_id,
        title=_titled(clean(_text(row, "title"), TITLE_CHARS)),
        abstract=abstract,
        authors=names(authors),
        categories=tuple(categories),
        published=published,
        edition=edition,
        source="arxiv",
        version=version,
        url=abstract_url(paper_id),
        pdf_url=pdf_url(paper_id),
        comment=comment or None,
    )


# The field that only this shape has, and its reader, in the order in which they are tried.
_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], Paper | None]] = {
    "edition": _export,
    "day": _listing,
    "versions": _dump,
    "update_date": _dump,
}


def _canonical(row: Mapping[str, Any]) -> str:
    paper_id = arxiv_id(_text(row, "id"))
    if paper_id is None:
        raise ValueError(f"{_text(row, 'id')[:80]!r} is not an arXiv id")
    return paper_id


def _first_day(paper_id: str, day: date) -> datetime:
    """Guess when a paper was first submitted: on `day`, or at the end of the earlier month its id is of."""
    found = _YEAR_MONTH.match(paper_id)
    if found:
        year, month = int(found[1]), int(found[2])
        year += 1900 if year > 90 else 2000
        day = min(day, date(year, month, monthrange(year, month)[1]))
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _titled(title: str) -> str:
    if not title:
        raise ValueError("no title")
    return title


def _text(row: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """Return a field that must be text; a default stands for an absent field and for null."""
    value = row[key] if default is None else row.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise TypeError(f"{key} is not text")
    return value


def _texts(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = row[key]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"{key} is not a list of text")
    return tuple(value)


def _whole(row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31):
        raise TypeError(f"{key} is not a count")
    return value

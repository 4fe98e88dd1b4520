"""Scholar Inbox's public rating files in, papers and ratings out.

`rated_papers.csv` has the columns arxiv_id, user_id, rating (1 or -1) and time (ISO 8601); texts are joined by arXiv id from
`papers.jsonl` (or `.jsonl.gz`), one object a line with id, title, abstract and, where known, authors and categories.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.errors import BroadsheetError
from recommender.types import Paper

__all__ = ["Rating", "read_ratings"]

COLUMNS = ("arxiv_id", "user_id", "rating", "time")
_VERSION = re.compile(r"v\d+$")


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating: `value` is 1 or -1."""

    reader: int
    paper_id: str
    value: int
    at: datetime


def read_ratings(folder: Path) -> tuple[dict[str, Paper], list[Rating]]:
    """Return the rated papers whose text is known, by id and first rating, and every rating of them, oldest first.

    Raises
    ------
    BroadsheetError
        If a file is missing or is not of this shape; the message names the line.
    """
    path = folder / "rated_papers.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise BroadsheetError(f"{path} has no column {', '.join(missing)}: it should have {', '.join(COLUMNS)}")
            ratings = sorted((_rating(row, path, line) for line, row in enumerate(rows, start=2)), key=lambda rating: rating.at)
    except FileNotFoundError:
        raise BroadsheetError(
            f"{path} is missing: fetch Scholar Inbox's public ratings and name their folder with --data"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BroadsheetError(f"{path} cannot be read ({error}): fetch it again") from None
    first_rated: dict[str, datetime] = {}
    for rating in ratings:
        first_rated.setdefault(rating.paper_id, rating.at)
    texts = {paper_id: record for paper_id, record in _texts(folder) if paper_id in first_rated}
    found = {i: _paper(i, texts[i], at) for i, at in first_rated.items() if i in texts}
    if not found:
        raise BroadsheetError(f"none of the {len(first_rated)} rated papers has its text in {folder / 'papers.jsonl'}")
    return found, [rating for rating in ratings if rating.paper_id in found]


def _rating(row: dict[str, str], path: Path, line: int) -> Rating:
    try:
        value = float(row["rating"])
        at = datetime.fromisoformat(row["time"])
        reader = int(row["user_id"])
        paper_id = _VERSION.sub("", row["arxiv_id"])
    except (TypeError, ValueError) as error:
        raise BroadsheetError(f"{path}, line {line}: {error}") from None
    if value not in (1, -1):
        raise BroadsheetError(f"{path}, line {line}: a rating is 1 or -1, not {row['rating']}")
    return Rating(reader, paper_id, int(value), at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))


def _texts(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    path = next((p for p in (folder / "papers.jsonl", folder / "papers.jsonl.gz") if p.exists()), None)
    if path is None:
        raise BroadsheetError(
            f"{folder / 'papers.jsonl'} is missing: the ratings name papers by arXiv id, their texts must lie beside them"
        )
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 (said when reading fails)
                record = json.loads(line)
                yield _VERSION.sub("", str(record["id"])), record
    except (ValueError, KeyError, TypeError) as error:
        raise BroadsheetError(f"{path}, line {number}: {error!r}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise BroadsheetError(f"{path} cannot be read ({error}): make it again") from None


def _paper(paper_id: str, record: dict[str, Any], rated: datetime) -> Paper:
    """A paper as it was first met: its edition is the day of the first rating, for nothing says when it was announced."""
    title, abstract = (" ".join(str(record.get(name) or "").split()) for name in ("title", "abstract"))
    authors, categories = (tuple(record.get(name) or ()) for name in ("authors", "categories"))
    return Paper(f"arxiv:{paper_id}", title, abstract, authors, categories, rated, rated.date(), "scholar-inbox")

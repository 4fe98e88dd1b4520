"""Files of what people really read in, a `Corpus` out: papers, pages and what each reader wanted of a page, given what they had before.

A query is one reader and one page with something wanted on it; the history is what that reader had wanted of earlier pages. Nothing
here knows of features or rankers: the same profile, features and fit as for a Broadsheet's own readers are run on it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.errors import BroadsheetError
from recommender.types import Paper

__all__ = ["LOADERS", "Corpus", "Query", "arxiv_authors", "citeulike", "read_lines", "scholar_inbox"]

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Query:
    """One reader and one page.

    Attributes
    ----------
    reader : int
    day : date
        Last day of the page.
    page : ndarray of shape (n,)
        Numbers of its papers.
    wanted : ndarray of shape (n,), dtype=bool
    liked, disliked : ndarray
        Numbers of the papers of the history, oldest first.
    """

    reader: int
    day: date
    page: Rows = field(repr=False)
    wanted: npt.NDArray[np.bool_] = field(repr=False)
    liked: Rows = field(repr=False)
    disliked: Rows = field(repr=False)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Papers and queries, in the order of days.

    Attributes
    ----------
    name, protocol : str
        `protocol` says in a sentence or two how it is measured.
    papers : tuple of Paper
        By edition; a page's papers belong to editions up to its day.
    queries : tuple of Query
        By day.
    valid_from, test_from : date
    refit_days : int
        Days for which one lens is used: it is made of what was known before them.
    """

    name: str
    protocol: str
    papers: tuple[Paper, ...] = field(repr=False)
    queries: tuple[Query, ...] = field(repr=False)
    valid_from: date
    test_from: date
    refit_days: int


def citeulike(folder: Path) -> Corpus:
    """Read what citeulike's readers saved (CiteULike-a): a page is a week's arrivals, titles only.

    Raises
    ------
    BroadsheetError
        If the files are not there.
    """
    items = list(read_lines(folder, "citeulike_a/items.jsonl.gz", "iid", "title", "arrival"))
    papers = [_paper("cul", item["iid"], item["title"], "", _day(item["arrival"])) for item in items]
    number = {item["iid"]: row for row, item in enumerate(items)}
    order = sorted(range(len(papers)), key=lambda row: (papers[row].edition, row))
    place = {row: at for at, row in enumerate(order)}
    ordered = tuple(papers[row] for row in order)
    wanted = {
        int(user["uid"]): [place[number[i]] for i in user["items"] if i in number]
        for user in read_lines(folder, "citeulike_a/users.jsonl.gz", "uid", "items")
    }
    monday = np.array([(paper.edition - timedelta(days=paper.edition.weekday())).toordinal() for paper in ordered])
    pages = {week: np.flatnonzero(monday == week) for week in np.unique(monday)}
    pages = {week: page for week, page in pages.items() if len(page) >= 10 and date.fromordinal(week) >= date(2006, 10, 2)}
    queries = _queries(wanted, monday, pages, least=5, last_day=lambda week: date.fromordinal(week) + timedelta(days=6))
    return Corpus(
        "citeulike",
        "What citeulike's readers saved, 2006 to 2010. A page is the papers that arrived in an ISO week (ten at least), titles only; a "
        "query is a reader with something saved on it and five earlier saves. Learned up to June 2008, tested from July 2008.",
        ordered,
        tuple(queries),
        date(2008, 4, 1),
        date(2008, 7, 1),
        91,
    )


def arxiv_authors(folder: Path) -> Corpus:
    """Read a season of arXiv: readers are authors with 6 to 40 papers, who want their own later papers; names are masked.

    Raises
    ------
    BroadsheetError
        If the file is not there, or holds too few days.
    """
    first, last = date(2025, 11, 15), date(2026, 4, 30)
    records = read_lines(folder, "arxiv_daily/papers.jsonl.gz", "id", "day", "title", "abstract", "authors", "categories")
    found = [record for record in records if first.isoformat() <= record["day"] <= last.isoformat()]
    found.sort(key=lambda record: (record["day"], record["id"]))
    papers, by_author = [], defaultdict(list)
    for row, record in enumerate(found):
        masked = tuple(f"{row}-{i}" for i in range(len(record["authors"])))  # how many there are, not who they are
        paper = _paper("arxiv", record["id"], record["title"], record["abstract"] or "", _day(record["day"]))
        papers.append(replace(paper, authors=masked, categories=tuple(record["categories"])))
        for author in dict.fromkeys(record["authors"]):
            by_author[author].append(row)
    readers = sorted(name for name, rows in by_author.items() if 6 <= len(rows) <= 40 and len(name) >= 13)
    wanted = {number: by_author[name] for number, name in enumerate(readers)}
    day = np.array([paper.edition.toordinal() for paper in papers])
    pages = {key: np.flatnonzero(day == key) for key in np.unique(day)}
    pages = {key: page for key, page in pages.items() if len(page) >= 60}
    days = sorted(pages)
    if len(days) < 45:
        raise BroadsheetError(
            f"{folder}: {len(days)} days with 60 papers from {first} to {last} are too few to learn and test on"
        )
    queries = _queries(wanted, day, pages, least=3, last_day=date.fromordinal)
    return Corpus(
        "arxiv-authors",
        "arXiv's announcements of 2025-11-15 to 2026-04-30. A page is a day (60 papers at least); readers are authors with 6 to 40 papers, "
        "who want their own papers and have three earlier ones. Who wrote a paper is masked. Tested on the last 35 days.",
        tuple(papers),
        tuple(query for query in queries if query.day.toordinal() >= days[8]),
        date.fromordinal(days[-45]),
        date.fromordinal(days[-35]),
        14,
    )


def scholar_inbox(folder: Path) -> Corpus:
    """Read Scholar Inbox's public ratings, `rated_papers.csv`, with the texts in `papers.jsonl`; sessions are a reader's days.

    Raises
    ------
    BroadsheetError
        If a file is not there, or does not have its columns.
    """
    from training.corpora.ratings import read_ratings

    texts, ratings = read_ratings(folder)
    numbers = {paper_id: row for row, paper_id in enumerate(texts)}
    papers = tuple(texts.values())
    sessions: dict[tuple[int, date], list[tuple[int, int]]] = defaultdict(list)
    for rating in ratings:
        if rating.paper_id in numbers:
            sessions[rating.reader, rating.at.date()].append((numbers[rating.paper_id], rating.value))
    earlier: dict[int, dict[int, bool]] = defaultdict(dict)  # reader -> paper -> liked, by the last word
    queries = []
    for (reader, day), rated in sorted(sessions.items(), key=lambda entry: (entry[0][1], entry[0][0])):
        values = dict(rated)  # the last word of a session
        new = {row: value for row, value in values.items() if row not in earlier[reader]}  # what was rated before is known
        page, wanted = np.array(list(new), dtype=np.intp), np.array([value > 0 for value in new.values()], dtype=bool)
        liked, disliked = (
            np.array([row for row, up in earlier[reader].items() if up is sign], dtype=np.intp) for sign in (True, False)
        )
        if wanted.any() and not wanted.all() and len(liked) >= 1:
            queries.append(Query(reader, day, page, wanted, liked, disliked))
        for row, value in values.items():
            earlier[reader].pop(row, None)  # what is said again is new again
            earlier[reader][row] = value > 0
    days = sorted({query.day for query in queries})
    if len(days) < 10:
        raise BroadsheetError(f"{len(days)} days with a session that has both ratings are too few to learn and test on")
    return Corpus(
        "scholar-inbox",
        "Scholar Inbox's public ratings: a page is one reader's session, wanted is what was rated up, the history is every earlier "
        "session. "
        "Tested on the newest fifth of the days.",
        papers,
        tuple(queries),
        days[int(len(days) * 0.7)],
        days[int(len(days) * 0.8)],
        30,
    )


LOADERS: Mapping[str, Callable[[Path], Corpus]] = {
    "citeulike": citeulike,
    "arxiv-authors": arxiv_authors,
    "scholar-inbox": scholar_inbox,
}


def read_lines(folder: Path, name: str, *fields: str) -> Iterator[dict[str, Any]]:
    """Give the objects of a gzipped JSON Lines file.

    Parameters
    ----------
    folder : Path
        The root of the data, or the corpus's own folder in it.
    name : str
        Path of the file below the root.
    *fields : str
        What every object must have.

    Raises
    ------
    BroadsheetError
        If it is missing or damaged, or a line lacks a field.
    """
    path = folder / name
    if not path.exists() and (folder / path.name).exists():  # the corpus's own folder was named
        path = folder / path.name
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                record = json.loads(line)
                lacking = [field for field in fields if not isinstance(record, dict) or field not in record]
                if lacking:
                    raise BroadsheetError(
                        f"{path}, line {number} has no {', '.join(lacking)}: name this corpus's folder with --data"
                    )
                yield record
    except FileNotFoundError:
        raise BroadsheetError(f"{path} is missing: name the folder it lies in with --data") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BroadsheetError(f"{path} cannot be read ({error}): fetch it again") from None


def _queries(
    wanted: Mapping[int, Sequence[int]],
    key: npt.NDArray[np.int64],
    pages: Mapping[int, Rows],
    *,
    least: int,
    last_day: Callable[[int], date],
) -> list[Query]:
    """Every reader and page with something wanted on it and at least `least` wanted before it; `key` says which page a paper is on."""
    found = []
    nothing = np.zeros(0, dtype=np.intp)
    for reader, rows in sorted(wanted.items()):
        own = np.unique(np.array(rows, dtype=np.intp))
        for page_key in np.unique(key[own]).tolist():
            before = own[key[own] < page_key]
            if page_key in pages and len(before) >= least:
                page = pages[page_key]
                found.append(Query(reader, last_day(page_key), page, np.isin(page, own), before, nothing))
    return sorted(found, key=lambda query: (query.day, query.reader))


def _paper(space: str, number: object, title: str, abstract: str, day: date) -> Paper:
    title, abstract = (" ".join(text.split()) for text in (title, abstract))
    return Paper(f"{space}:{number}", title, abstract, (), (), datetime.combine(day, time(), UTC), day, space)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])

"""A few records in, the files of a public corpus out, in the shapes in which they are published."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from factories import TOPICS, make_paper

from recommender.types import Paper

Record = Mapping[str, Any]
BROKEN_GZIP = bytes.fromhex("1f8b0800000000000003") + b"\xff" * 16  # a good header, and no block of data begins like that


def write_lines(path: Path, records: Iterable[Record]) -> Path:
    """Write JSON Lines, gzipped where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", 1, encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    return path


def write_citeulike(root: Path, items: Iterable[Record], users: Iterable[Record]) -> Path:
    write_lines(root / "citeulike_a" / "items.jsonl.gz", items)
    write_lines(root / "citeulike_a" / "users.jsonl.gz", users)
    return root


def write_arxiv(root: Path, records: Iterable[Record]) -> Path:
    write_lines(root / "arxiv_daily" / "papers.jsonl.gz", records)
    return root


def write_ratings(folder: Path, ratings: Iterable[tuple[str, int, object, str]], texts: Iterable[Record]) -> Path:
    """Write Scholar Inbox's ratings, (arxiv_id, user_id, rating, time), and the texts that lie beside them."""
    write_lines(folder / "papers.jsonl", texts)
    rows = [",".join(map(str, rating)) for rating in ratings]
    (folder / "rated_papers.csv").write_text("\n".join(["arxiv_id,user_id,rating,time", *rows, ""]), encoding="utf-8")
    return folder


def text_of(paper: Paper) -> dict[str, Any]:
    """Return a paper as a line of `papers.jsonl`."""
    return {
        "id": paper.id.removeprefix("arxiv:"),
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
    }


def write_one_topic_readers(folder: Path, *, readers: int = 6, sessions: int = 24) -> Path:
    """Write ratings of readers who rate twelve papers every third day, and up only those of their topic that large teams wrote."""
    draw, ratings, texts = random.Random(7), [], []
    for session in range(sessions):
        day = date(2026, 1, 5) + timedelta(days=3 * session)
        papers = {topic: [_signed(3 * session + i, topic, day, draw) for i in range(3)] for topic in TOPICS}
        texts += [text_of(paper) for of_topic in papers.values() for paper in of_topic]
        for reader in range(readers):
            own = list(TOPICS)[reader % len(TOPICS)]
            others = [paper for topic, of_topic in papers.items() if topic != own for paper in of_topic]
            rated = [*papers[own], *draw.sample(others, 9)]
            draw.shuffle(rated)
            for minute, paper in enumerate(rated):
                up = paper in papers[own] and len(paper.authors) > 2
                at = datetime.combine(day, time(9, minute), UTC)
                ratings.append((paper.id.removeprefix("arxiv:"), reader, 1 if up else -1, at.isoformat()))
    return write_ratings(folder, ratings, texts)


def _signed(number: int, topic: str, day: date, draw: random.Random) -> Paper:
    """A paper with a short abstract, by one or two authors or by five or six, who wrote nothing else."""
    paper = make_paper(number, topic=topic, day=day)
    team = tuple(f"{topic} {number} {i}" for i in range(draw.choice((1, 2, 5, 6))))
    return replace(paper, abstract=" ".join(paper.abstract.split()[:20]), authors=team)

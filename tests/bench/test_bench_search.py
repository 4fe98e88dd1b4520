"""How long a search takes over 20,000 stored papers: by exact words, by meaning, by both, and with a filter."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender import find, query
from recommender.find import Filters
from recommender.store import nearest, papers, schema, vectors
from recommender.store.db import Database, open_database
from recommender.store.wording import parse
from recommender.types import Paper
from recommender.weights import PACKAGED_SHA256

PAPERS, BATCH = 20_000, 2_000
ENCODER = f"all-MiniLM-L6-v2/{PACKAGED_SHA256[:12]}/192/float32"
NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
RARE = ["".join(parts) for parts in product(("ba", "ko", "mi", "tu", "re"), ("la", "no", "pi", "su"), ("ran", "dor", "vex"))]
COMMON = (
    "we",
    "show",
    "that",
    "model",
    "learns",
    "data",
    "with",
    "large",
    "networks",
    "training",
    "methods",
    "for",
    "tasks",
    "language",
)
CATEGORIES = ("cs.LG", "cs.CL", "cs.CV", "cs.RO", "math.OC", "stat.ML")
QUERIES = (
    "large model",
    "bararan kolador",
    "training networks mipivex",
    "language",
    "how do graphs learn tasks",
    "tunoran -data",
)


def _words(rng: random.Random, count: int) -> str:
    """Words as unevenly common as in a real text: a few in every paper, most in hardly any."""
    rare = (f"{rng.choice(RARE)}{int(rng.expovariate(0.02)) or ''}" for _ in iter(int, 1))
    return " ".join(rng.choice(COMMON) if rng.random() < 0.4 else next(rare) for _ in range(count))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Invented papers with invented vectors: what is measured does not depend on what they mean."""
    database = open_database(f"sqlite+pysqlite:///{tmp_path_factory.mktemp('search') / 'library.db'}")
    schema.upgrade(database)
    rng, numbers = random.Random(7), np.random.default_rng(7)
    for start in range(0, PAPERS, BATCH):
        batch = [_paper(rng, number) for number in range(start, start + BATCH)]
        rows = numbers.standard_normal((BATCH, 384)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        with database.write() as session:
            papers.upsert(session, batch, now=NOW)
            digests = [papers.text_digest(paper.title, paper.abstract) for paper in batch]
            empty = csr_array((BATCH, 8), dtype=np.float32)
            vectors.save(session, ENCODER, [paper.id for paper in batch], digests, rows, empty, now=NOW)
            vectors.use_encoder(session, ENCODER, now=NOW)
    yield database
    database.close()


def _paper(rng: random.Random, number: int) -> Paper:
    day = date(2025, 6, 1) + timedelta(days=number // 60)
    return Paper(
        id=f"arxiv:{day:%y%m}.{number:05d}",
        title=_words(rng, 9),
        abstract=_words(rng, 150),
        authors=(f"Author {number % 3000}",),
        categories=(rng.choice(CATEGORIES),),
        published=datetime(day.year, day.month, day.day, tzinfo=UTC),
        edition=day,
        source="arxiv",
    )


def by_meaning(session: Any, text: str) -> None:
    """Read the query anew, and look through all vectors."""
    query.encode.cache_clear()
    known = nearest.current(session)
    vector = query.encode(ENCODER, parse(text).plain)
    assert known is not None
    assert vector is not None
    assert len(find._allowed(session, known, vector, find.Filters(), 100)) == 100


WAYS: dict[str, Callable[[Any, str], object]] = {
    "words": lambda session, text: find.search(session, text, exact=True),
    "meaning": by_meaning,
    "both": lambda session, text: find.with_snippets(session, text, find.search(session, text)),
    "filtered": lambda session, text: find.search(session, text, Filters(categories=("math.OC",), first=date(2025, 12, 1))),
    "similar": lambda session, text: find.similar(session, "arxiv:2506.00017"),
}


@pytest.mark.parametrize("way", WAYS)
def test_bench_search(library: Database, benchmark: Any, way: str) -> None:
    """Warm: the model and the vectors are loaded by the first search of a process."""
    with library.read() as session:
        by_meaning(session, "warm")

    wall: list[float] = []
    computed: list[float] = []

    def all_queries() -> None:
        for text in QUERIES:
            query.encode.cache_clear()
            with library.read() as session:
                begun, worked = time.perf_counter(), time.process_time()
                WAYS[way](session, text)
                wall.append(1000 * (time.perf_counter() - begun))
                computed.append(1000 * (time.process_time() - worked))

    benchmark.pedantic(all_queries, rounds=8, warmup_rounds=1)
    for name, taken in (("wall", wall), ("computed", computed)):  # on a busy machine they differ
        cuts = statistics.quantiles(taken, n=20)
        benchmark.extra_info.update({f"{name}_p50_ms": round(cuts[9], 1), f"{name}_p95_ms": round(cuts[18], 1)})
        print(f"\n{way}, {name}: p50 {cuts[9]:.1f} ms, p95 {cuts[18]:.1f} ms over {PAPERS:,} papers", end="")

"""Logged rows whose right order is known by construction: one feature the blend does not know decides what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from factories import make_paper, make_reader

from recommender.rank.features import NAMES, SCHEMA
from recommender.rank.model import blend_ranker
from recommender.store import events, pages, papers
from recommender.store.db import Database
from recommender.types import Channel, EventKind, FeatureMatrix, RankedItem, RankedPage
from training.dataset import TrainingSet

FIRST = date(2026, 3, 1)
SECRET = "has_code"  # no part of the blend


def rows_for(
    rng: np.random.Generator,
    *,
    days: int = 20,
    pages_per_day: int = 10,
    rows_per_page: int = 20,
    readers: int = 12,
    secret: float = 1.5,
    shuffled: bool = False,
    divided: bool = False,
) -> TrainingSet:
    """Return pages on which the reader wants what scores high on the blend and on the secret feature.

    `shuffled`: they want anything. `divided`: readers of fewer than twenty likes want the secret feature low, which no weight can say.
    """
    q, m = days * pages_per_day, rows_per_page
    n = q * m
    X = rng.normal(size=(n, len(NAMES))).astype(np.float32)
    X[:, NAMES.index(SECRET)] = rng.random(n) < 0.4
    X[:, NAMES.index("likes")] = np.repeat(rng.integers(0, 40, q), m)
    X[rng.random((n, len(NAMES))) < 0.03] = np.nan
    day = [FIRST + timedelta(days=i // pages_per_day) for i in range(q)]
    ids = tuple(f"arxiv:{day[i // m]:%y%m}.{day[i // m]:%d}{i % m:03d}" for i in range(n))  # one edition for all readers of a day
    blend = blend_ranker().blend(FeatureMatrix(ids, NAMES, X, SCHEMA))
    side = np.where(np.nan_to_num(X[:, NAMES.index("likes")], nan=20.0) < 20, -1.0, 1.0) if divided else 1.0
    wanted = blend + secret * side * np.nan_to_num(X[:, NAMES.index(SECRET)]) + rng.normal(scale=0.5, size=n)
    ranks = np.argsort(np.argsort(-wanted.reshape(q, m), axis=1), axis=1)
    grades = np.select([ranks < m // 6, ranks < m // 3], [2, 1], 0).astype(np.int8)
    if shuffled:
        grades = rng.permuted(grades, axis=1)
    shown = np.argsort(np.argsort(-blend.reshape(q, m), axis=1), axis=1) + 1
    return TrainingSet(
        X=X,
        y=grades.reshape(-1),
        weight=np.where(grades.reshape(-1) > 0, 1.0, 0.5).astype(np.float32),
        group=np.full(q, m, dtype=np.int32),
        position=shown.reshape(-1).astype(np.int32),
        day=tuple(day),
        reader=np.array([i % pages_per_day % readers + 1 for i in range(q)]),
        paper_ids=ids,
        blend=blend,
        names=NAMES,
        schema=SCHEMA,
    )


@pytest.fixture
def make_rows() -> Callable[..., TrainingSet]:
    return rows_for


GESTURES = {2: EventKind.UPVOTE, 1: EventKind.CLICK}


def write(database: Database, rows: TrainingSet) -> None:
    """Write rows into the store as the pages and gestures they stand for; the last row of a page gets a down-vote if it was left alone."""
    stored = {}
    for page_rows, day in zip(np.split(np.arange(len(rows)), np.cumsum(rows.group)[:-1]), rows.day, strict=True):
        stored |= {rows.paper_ids[i]: make_paper(int(i), day=day, id=rows.paper_ids[i]) for i in page_rows}
    with database.write() as session:
        papers.upsert(session, stored.values(), now=datetime.combine(FIRST, time(), UTC))
    reader_ids = {number: make_reader(database, f"reader {number}").id for number in sorted(set(rows.reader.tolist()))}
    with database.write() as session:
        start = 0
        for size, day, number in zip(rows.group, rows.day, rows.reader, strict=True):
            at = datetime.combine(day, time(8), UTC)
            chosen = sorted(range(start, start + size), key=lambda i: rows.position[i])
            start += size
            items = tuple(RankedItem(int(rows.position[i]), rows.paper_ids[i], 0.0, rows.X[i]) for i in chosen)
            reader_id = reader_ids[int(number)]
            page = pages.save(session, RankedPage(reader_id, day, items, 20, "blend-0", rows.schema, 0, 0, "recipe", at))
            pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, at)
            for i, item in zip(chosen, page.items, strict=True):
                kind = GESTURES.get(int(rows.y[i]), EventKind.DOWNVOTE if item is page.items[-1] else None)
                if kind is not None:
                    events.append(session, reader_id, item.paper_id, kind, at=at + timedelta(minutes=5), item_id=item.id)


@pytest.fixture
def write_rows() -> Callable[[Database, TrainingSet], None]:
    return write

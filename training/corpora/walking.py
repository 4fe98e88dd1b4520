"""A corpus in, feature rows and peers' scores out: every query described as production describes a page, period by period.

For each period a lens is made of what was known before it: of earlier papers, and of what all readers had liked by then. A query's
profile and features come from `recommender.rank`, the very code that makes pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from recommender.ingest import Progress
from recommender.rank import features, profile, terms
from recommender.rank.lens import Lens, lens_of
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, FeatureMatrix, FloatArray, PaperVectors
from training.corpora.histories import Corpus, Query
from training.corpora.peers import PEERS, PeerPage
from training.taste import fit_taste, likes_of

__all__ = ["Walked", "tune", "walk"]

LOOKED_AT = 6_000  # newest earlier papers a lens is made of, as in production
LEFT_ALONE = 600  # earlier papers that stand for what a reader left alone, for the peers
TUNED_ON = 150  # development queries a peer's setting is chosen on


@dataclass(frozen=True, slots=True)
class Walked:
    """Rows of q queries, page by page.

    Attributes
    ----------
    X : ndarray of shape (n, f), dtype=float32
    wanted : ndarray of shape (n,), dtype=bool
    group : ndarray of shape (q,), dtype=int64
    peers : ndarray of shape (n, p), dtype=float32
        In the order of `PEERS`; no columns where they were not asked for.
    """

    X: FloatArray
    wanted: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64]
    peers: FloatArray


@dataclass(frozen=True, slots=True)
class _Task:
    """The queries of one period."""

    start: date
    queries: tuple[Query, ...]
    chosen: Mapping[str, float] | None
    seed: int


def walk(
    corpus: Corpus,
    vectors: PaperVectors,
    queries: Sequence[Query],
    *,
    settings: RankSettings,
    chosen: Mapping[str, float] | None,
    seed: int,
    cache: Path,
    label: str,
    progress: Progress | None = None,
) -> Walked:
    """Describe queries, in their order; a period that was described before is taken from the cache.

    Parameters
    ----------
    corpus : Corpus
    vectors : PaperVectors
        Of its papers, in their order.
    queries : sequence of Query
        By day.
    settings : RankSettings
    chosen : mapping of str to float, or None
        Setting of every peer; None: no peers.
    seed : int
    cache : Path
        Folder whose name stands for all that the rows depend on.
    label : str
        What the progress is called.
    """
    tasks = [
        _Task(start, tuple(group), chosen, seed)
        for start, group in groupby(queries, key=lambda query: _period(corpus, query.day))
    ]
    parts: dict[int, Walked] = {}
    waiting = []
    for number, task in enumerate(tasks):
        path = cache / f"{label.replace(' ', '-')}-{task.start.isoformat()}-{len(task.queries)}.npz"
        part = _kept(path)
        if part is None:
            waiting.append((number, path))
        else:
            parts[number] = part
    cache.mkdir(parents=True, exist_ok=True)
    done = sum(len(tasks[number].queries) for number in parts)
    for number, path, part in _described(corpus, vectors, settings, [(i, p, tasks[i]) for i, p in waiting]):
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, X=part.X, wanted=part.wanted, group=part.group, peers=part.peers)
        partial.replace(path)
        parts[number] = part
        done += len(tasks[number].queries)
        if progress is not None:
            progress(label, done, len(queries))
    whole = [parts[number] for number in range(len(tasks))]
    return Walked(*(np.concatenate([getattr(part, name) for part in whole]) for name in ("X", "wanted", "group", "peers")))


def tune(corpus: Corpus, vectors: PaperVectors, queries: Sequence[Query], *, seed: int) -> dict[str, float]:
    """Choose each peer's setting by nDCG@10 on queries of the development period."""
    from training.metrics import ndcg

    rng = np.random.default_rng(seed)
    some = [queries[i] for i in sorted(rng.choice(len(queries), min(TUNED_ON, len(queries)), replace=False))]
    pages = [page for _, page in _peer_pages(corpus, vectors, some, seed)]
    y = np.concatenate([query.wanted for query in some]).astype(np.int8)
    group = np.array([len(query.page) for query in some])
    chosen = {}
    with threadpool_limits(1):
        for name, (scorer, options) in PEERS.items():
            reached = [
                float(np.nanmean(ndcg(y, np.concatenate([scorer(page, option) for page in pages]), group)))
                if len(options) > 1
                else 0.0
                for option in options
            ]
            chosen[name] = options[int(np.argmax(reached))]
    return chosen


def _kept(path: Path) -> Walked | None:
    """A period described before; None where it was not, or its file is damaged."""
    try:
        with path.open("rb") as file, np.load(file) as kept:  # numpy alone leaves a damaged file open
            return Walked(kept["X"], kept["wanted"], kept["group"], kept["peers"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None


_SHARED: list[tuple[Corpus, PaperVectors, RankSettings]] = []  # what a worker process inherits: too large to be sent


def _described(
    corpus: Corpus, vectors: PaperVectors, settings: RankSettings, tasks: Sequence[tuple[int, Path, _Task]]
) -> Iterator[tuple[int, Path, Walked]]:
    """Describe periods side by side."""
    _SHARED[:] = [(corpus, vectors, settings)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork")) as pool:
        for (number, path, _), part in zip(tasks, pool.map(_describe, [task for *_, task in tasks]), strict=True):
            yield number, path, part


def _describe(task: _Task) -> Walked:
    """Describe the queries of one period; runs in a process of its own."""
    corpus, vectors, settings = _SHARED[0]
    rng = np.random.default_rng([task.seed, task.start.toordinal()])
    with threadpool_limits(1):
        lens = _lens(corpus, vectors, task.start, rng)
        X, wanted, scores = [], [], []
        for query in task.queries:
            order = rng.permutation(len(query.page))  # positives must not stand first: tied scores would look perfect
            X.append(_features(corpus, vectors, query, lens, settings).values[order])
            wanted.append(query.wanted[order])
            scores.append(order)
        peers = np.zeros((sum(map(len, wanted)), 0), dtype=np.float32)
        if task.chosen is not None:
            rows = [
                np.stack([PEERS[name][0](page, option)[order] for name, option in task.chosen.items()], axis=1)
                for order, (_, page) in zip(scores, _peer_pages(corpus, vectors, task.queries, task.seed), strict=True)
            ]
            peers = np.concatenate(rows)
    return Walked(np.concatenate(X), np.concatenate(wanted), np.array([len(rows) for rows in wanted]), peers)


def _period(corpus: Corpus, day: date) -> date:
    """The first day of the period a day lies in."""
    origin = date(2000, 1, 3)
    return origin + timedelta(days=(day - origin).days // corpus.refit_days * corpus.refit_days)


def _lens(corpus: Corpus, vectors: PaperVectors, start: date, rng: np.random.Generator) -> Lens:
    """What was known before a day: the words and texts of earlier papers, and what readers had liked."""
    earlier = _before(corpus, start)
    newest = slice(max(0, earlier - LOOKED_AT), earlier)
    counts = vectors.terms[:earlier]
    frequency = np.bincount(counts.indices, minlength=terms.BUCKETS).astype(np.float32)
    lens = lens_of(vectors.dense[newest], csr_array(vectors.terms[newest]), frequency=frequency, papers=earlier)
    last: dict[int, Query] = {}
    for query in corpus.queries:
        if query.day < start:
            last[query.reader] = query
    liked = [np.union1d(q.liked, q.page[q.wanted]) for q in last.values()]  # the history, and what came of the last page
    return replace(lens, taste=fit_taste(likes_of(liked, earlier), vectors.dense[:earlier], lens, rng=rng))


def _before(corpus: Corpus, day: date) -> int:
    """How many papers are of earlier editions."""
    return int(np.searchsorted([paper.edition.toordinal() for paper in corpus.papers], day.toordinal()))


def _features(corpus: Corpus, vectors: PaperVectors, query: Query, lens: Lens, settings: RankSettings) -> FeatureMatrix:
    """Fold the history into a profile and describe the page, by the functions that serve readers."""
    told = [(row, EventKind.UPVOTE) for row in query.liked] + [(row, EventKind.DOWNVOTE) for row in query.disliked]
    told.sort(key=lambda entry: corpus.papers[entry[0]].edition)  # votes carry no time of their own here: that of the paper
    events = [
        Event(number, query.reader, corpus.papers[row].id, kind, corpus.papers[row].published)
        for number, (row, kind) in enumerate(told, start=1)
    ]
    judged = [row for row, _ in told]
    taste = profile.build(
        events,
        {corpus.papers[row].id: corpus.papers[row] for row in judged},
        vectors.take(judged),
        as_of=datetime.combine(query.day, time(), UTC),
        day=query.day,
        settings=settings,
    )
    papers = [corpus.papers[row] for row in query.page]
    return features.build(papers, vectors.take(query.page), taste, lens, voted=frozenset(), settings=settings)


def _peer_pages(corpus: Corpus, vectors: PaperVectors, queries: Sequence[Query], seed: int) -> Iterator[tuple[Query, PeerPage]]:
    """What the peers see of each query: idf of all earlier papers, and a draw of those the reader left alone."""
    for start, group in groupby(queries, key=lambda query: _period(corpus, query.day)):
        earlier = _before(corpus, start)
        frequency = np.bincount(vectors.terms[:earlier].indices, minlength=terms.BUCKETS).astype(np.float32)
        words = terms.weigh(vectors.terms, terms.idf(frequency, earlier))
        drawn = np.sort(
            np.random.default_rng([seed, start.toordinal(), 1]).choice(earlier, min(LEFT_ALONE, earlier), replace=False)
        )
        for query in group:
            others = drawn[~np.isin(drawn, np.concatenate([query.liked, query.disliked]))]
            liked, disliked, left = (
                (vectors.dense[rows], csr_array(words[rows])) for rows in (query.liked, query.disliked, others)
            )
            papers = [corpus.papers[row] for row in query.page]
            yield (
                query,
                PeerPage(
                    vectors.dense[query.page],
                    csr_array(words[query.page]),
                    liked,
                    disliked,
                    left,
                    age=np.array([(query.day - paper.edition).days for paper in papers], dtype=np.float64),
                    upvotes=np.array([paper.signals.upvotes or 0 for paper in papers], dtype=np.float64),
                ),
            )

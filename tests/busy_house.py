"""How many papers and readers in, a filled database out, and a model for it: a house in which a whole digest run can be played.

The papers are those of the sample edition, read by an encoder that counts words; readers vote for two topics of their own, and some of
them have interests, rules, clicks, saved papers and picks besides.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import lightgbm
import numpy as np
from factories import DAY, NOW
from priors import by_author

from recommender.hashing import HashingEncoder
from recommender.rank import model, terms
from recommender.rank.features import MONOTONE, NAMES
from recommender.rank.lens import Lens, Taste, lens_of, unit, whitening
from recommender.rank.model import Ranker, blend_ranker
from recommender.settings import Settings, SourcesSettings
from recommender.sources.sample import SampleSource, latent
from recommender.store import artifacts, events, interests, papers, readers, rules, vectors
from recommender.store.db import Database
from recommender.store.interests import Picks
from recommender.types import EventKind, Paper, Signals

__all__ = ["House", "arrive", "busy_house", "busy_ranker", "publish"]

UP, DOWN, HIDE, SAVE, CLICK = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.SAVE, EventKind.CLICK


@dataclass(frozen=True, slots=True)
class House:
    """What is in a database.

    Attributes
    ----------
    day : date
        The newest edition.
    edition, earlier : tuple of Paper
        Of that day, and of the ten before it.
    readers : tuple of int
    """

    day: date
    edition: tuple[Paper, ...]
    earlier: tuple[Paper, ...]
    readers: tuple[int, ...]


def busy_house(
    database: Database, *, candidates: int, archive: int, people: int, votes: int = 30, dimensions: int = 384, now: datetime = NOW
) -> House:
    """Fill a database with one edition of `candidates` papers, `archive` papers before it, and as many readers."""
    invented = list(islice(_invented(), candidates + archive))
    edition = tuple(_dated(paper, DAY, n) for n, paper in enumerate(invented[:candidates]))
    earlier = tuple(_dated(paper, DAY - timedelta(days=1 + n % 10), n) for n, paper in enumerate(invented[candidates:]))
    for part in (earlier, edition):
        arrive(database, part, HashingEncoder(dimensions), now - timedelta(hours=3))
    by_topic: dict[str, list[str]] = {}
    for paper in earlier:
        by_topic.setdefault(latent(paper.id).main, []).append(paper.id)
    rng, found = random.Random(7), list[int]()
    for start in range(0, people, 100):
        with database.write() as session:
            for number in range(start, min(start + 100, people)):
                found.append(_settle(session, rng, number, by_topic, earlier, edition, votes, now))
    return House(DAY, edition, earlier, tuple(found))


def _invented() -> Iterator[Paper]:
    source, until = SampleSource(SourcesSettings()), datetime(2026, 5, 1, 8, tzinfo=UTC)
    while True:
        yield from source.fetch(date(1970, 1, 1), now=until)
        until -= timedelta(days=30)


def _dated(paper: Paper, day: date, number: int) -> Paper:
    published = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=number % 70)
    announce = "replace" if number % 25 == 24 else "cross" if number % 6 == 5 else "new"
    return replace(paper, edition=day, published=published, announce=announce, signals=Signals(upvotes=number % 17 or None))


def arrive(database: Database, found: Sequence[Paper], encoder: HashingEncoder, now: datetime) -> None:
    """Store papers, and read them."""
    with database.write() as session:
        papers.upsert(session, found, now=now)
        dense = encoder.encode([terms.paper_text(paper.title, paper.abstract) for paper in found])
        counted = terms.hash_terms([paper.title for paper in found], [paper.abstract for paper in found])
        digests = [papers.text_digest(paper.title, paper.abstract) for paper in found]
        vectors.save(session, encoder.name, [paper.id for paper in found], digests, dense, counted, now=now)
        vectors.use_encoder(session, encoder.name, now=now)


def _settle(session, rng, number, by_topic, earlier, edition, votes, now) -> int:  # type: ignore[no-untyped-def]  # facts of a house, in order
    """Make one reader: every fifth has two interests, every seventh rules, some vote on today's papers too."""
    reader = readers.create(session, f"reader {number}", now=now - timedelta(days=20))
    own = rng.sample(sorted(by_topic), 2)
    tastes = (
        [interests.create(session, reader.id, topic, now=now - timedelta(days=15)).id for topic in own]
        if number % 5 == 0
        else [0]
    )
    liked = [i for topic in own for i in by_topic[topic]]
    chosen = list(dict.fromkeys(rng.choice(liked) if rng.random() < 0.8 else rng.choice(earlier).id for _ in range(votes)))
    for n, paper_id in enumerate(chosen):
        kind = UP if latent(paper_id).main in own else rng.choice([DOWN, HIDE, CLICK, SAVE])
        at = now - timedelta(days=9) + timedelta(hours=n * 5 + number % 5)
        events.append(session, reader.id, paper_id, kind, at=at, interest=tastes[n % len(tastes)])
    if number % 3 == 0:
        for paper in rng.sample(edition, 2):
            at = now - timedelta(hours=2)
            events.append(session, reader.id, paper.id, rng.choice([UP, DOWN]), at=at, interest=rng.choice(tastes))
    if number % 7 == 0:
        rules.add(session, reader.id, "must", "author", rng.choice(edition).authors[0], now=now - timedelta(days=3))
        rules.add(session, reader.id, "never", "phrase", "neural network", now=now - timedelta(days=3))
        rules.add(session, reader.id, "never", "like", rng.choice(earlier).id, now=now - timedelta(days=3))
    if number % 11 == 0:
        picked = Picks(("cs.LG", "cs.CV"), (own[0],), tuple(by_topic[own[0]][:3]))
        interests.set_picks(session, reader.id, categories=picked.categories, topics=picked.topics, papers=picked.papers)
    return reader.id


def busy_ranker(house: House, *, version: str = "trained", seed: int = 1, rounds: int = 100, dimensions: int = 384) -> Ranker:
    """Return a ranker with all that a trained one has: a lens, what readers like together, trees and a prior."""
    known = [*house.earlier, *house.edition]
    encoder = HashingEncoder(dimensions)
    dense = encoder.encode([terms.paper_text(paper.title, paper.abstract) for paper in known])
    lens = _with_taste(lens_of(dense, terms.hash_terms([p.title for p in known], [p.abstract for p in known])), dense, seed)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(4000, len(NAMES))).astype(np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    wanted = np.nan_to_num(rows) @ np.maximum(rng.normal(size=len(NAMES)), np.array(MONOTONE)) + rng.normal(size=4000)
    data = lightgbm.Dataset(rows, np.digitize(wanted, np.quantile(wanted, [0.8, 0.95])), group=[40] * 100)
    options = {
        "objective": "lambdarank",
        "verbosity": -1,
        "num_leaves": 15,
        "num_threads": 1,
        "seed": seed,
        "learning_rate": 0.05,
    }
    trees = lightgbm.train(options, data, num_boost_round=rounds).model_to_string()
    made = replace(blend_ranker(lens, version), kind="boosted", trees=trees, prior=by_author())
    return replace(made, weights=made.weights * rng.uniform(0.5, 1.5, len(NAMES)).astype(np.float32))


def _with_taste(lens: Lens, dense: np.ndarray, seed: int) -> Lens:  # type: ignore[type-arg]  # whatever it holds
    matrix = np.random.default_rng(seed).normal(size=(dense.shape[1], 256)).astype(np.float32)
    bias = np.full(256, 0.01, dtype=np.float32)
    sharp = lens.sharp(dense)
    return replace(lens, taste=Taste(matrix, bias, whitening(unit(sharp @ matrix + bias))))


def publish(database: Database, settings: Settings, ranker: Ranker, *, trial: bool = False, now: datetime = NOW) -> None:
    """Store a ranker and make it live, or let it share the pages with the live one."""
    with database.write() as session:
        facts = {"kind": ranker.kind, "schema": ranker.schema, "papers": 1, "now": now}
        artifacts.add(session, settings.models_folder, ranker.version, model.dump(ranker), **facts)  # type: ignore[arg-type]  # facts are the keywords it takes
        (artifacts.challenge if trial else artifacts.promote)(session, ranker.version, now=now)

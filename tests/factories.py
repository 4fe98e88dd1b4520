"""A few words in, valid values out: papers of invented topics whose right order is known by construction."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from recommender import ingest
from recommender.settings import Settings
from recommender.store import papers as paper_rows
from recommender.store import readers
from recommender.store.db import Database
from recommender.types import Paper, Signals

DAY = date(2026, 5, 20)
NOW = datetime(2026, 5, 20, 8, 0, tzinfo=UTC)

# Words no two topics share: a reader of one topic must get its papers, whatever the encoder.
TOPICS = {
    "graphs": "graph node edge message passing spectral adjacency molecule link clustering community vertex",
    "speech": "speech audio phoneme acoustic speaker waveform recognition pitch vocoder microphone utterance prosody",
    "robots": "robot grasp manipulation gripper locomotion actuator torque trajectory quadruped contact policy arm",
    "proofs": "theorem bound convex convergence gradient lemma minimax regret smooth stochastic optimality rate",
    "vision": "image pixel segmentation detection camera depth rendering scene texture object mask video",
    "health": "patient clinical diagnosis trial hospital radiology tumour cohort symptom therapy record triage",
}
CATEGORIES = {
    "graphs": ("cs.LG", "cs.SI"),
    "speech": ("eess.AS", "cs.SD"),
    "robots": ("cs.RO",),
    "proofs": ("math.OC", "stat.ML"),
    "vision": ("cs.CV",),
    "health": ("q-bio.QM", "cs.LG"),
}


def make_paper(number: int = 1, *, topic: str = "graphs", day: date = DAY, **changes: object) -> Paper:
    """Return a paper of a topic; the same number and topic give the same paper."""
    rng = random.Random(f"{topic}-{number}")
    words = TOPICS[topic].split()
    title = f"{' '.join(rng.sample(words, 4)).capitalize()} study {number}"
    abstract = " ".join(rng.choice(words) for _ in range(60)).capitalize() + "."
    facts: dict[str, object] = {
        "id": f"arxiv:{day:%y%m}.{list(TOPICS).index(topic) + 1}{number:04d}",
        "title": title,
        "abstract": abstract,
        "authors": (f"{topic.capitalize()} Author {number % 7}", f"Second Writer {number}"),
        "categories": CATEGORIES[topic],
        "published": datetime.combine(day - timedelta(days=1), time(number % 24), UTC),
        "edition": day,
        "source": "arxiv",
        "url": f"https://arxiv.org/abs/{day:%y%m}.{number:05d}",
        "signals": Signals(upvotes=number % 5),
    }
    return Paper(**(facts | changes))  # type: ignore[arg-type]


def make_edition(day: date = DAY, *, per_topic: int = 8) -> list[Paper]:
    """Return an edition with as many papers of every topic; numbers differ between days."""
    base = (day - date(2026, 1, 1)).days * 20
    return [make_paper(base % 900 + i, topic=topic, day=day) for topic in TOPICS for i in range(per_topic)]


def fill(database: Database, settings: Settings, papers: Iterable[Paper], *, now: datetime = NOW) -> None:
    """Store papers and read them with the hashing encoder."""
    with database.write() as session:
        paper_rows.upsert(session, papers, now=now)
    ingest.embed_missing(database, settings, now=now)


def make_reader(database: Database, name: str = "alice", *, now: datetime = NOW, **facts: object) -> readers.Reader:
    """Store a reader."""
    with database.write() as session:
        return readers.create(session, name, now=now, **facts)  # type: ignore[arg-type]

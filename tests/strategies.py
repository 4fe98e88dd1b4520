"""Papers and gestures in, pages out without a database; and hypothesis strategies for both: papers(), histories(), pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from factories import DAY, NOW, TOPICS, make_paper
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recommender.embed import HashingEncoder
from recommender.rank import page, rules, terms
from recommender.rank.lens import Lens, Taste, lens_of, unit, whitening
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.window import Window
from recommender.settings import RankSettings
from recommender.types import Channel, Choices, Event, EventKind, FeatureMatrix, FloatArray, Paper, PaperVectors, RankedPage

# The same examples on every machine, and no clock in the verdict.
PROPERTY = hypothesis_settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
_ENCODER = HashingEncoder(64)

HOSTILE_TEXTS = (
    "",
    "graph",
    "$\\mathbb{R}^n \\to \\mathcal{X}$",
    "الشبكات العصبية البيانية",
    "图神经网络",
    "0 1 2 3",
    "the of and",
    "🙂 🙂",
    "word " * 400,
    "x" * 3000,
)


@lru_cache(maxsize=4096)
def _dense(text: str) -> FloatArray:
    return _ENCODER.encode([text])[0]


def vectors_of(papers: Iterable[Paper]) -> PaperVectors:
    """Read papers as ingest does, with a small hashing encoder; no papers have rows of no length, as in the store."""
    papers = list(papers)
    rows = [_dense(terms.paper_text(paper.title, paper.abstract)) for paper in papers]
    dense = np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)
    counts = terms.hash_terms([p.title for p in papers], [p.abstract for p in papers])
    return PaperVectors(tuple(p.id for p in papers), dense, counts)


def seen_through(papers: Sequence[Paper], *, taste: bool = False) -> Lens:
    """Return the lens that some papers give; with `taste`, readers like papers of one topic (the first author's name) together."""
    vectors = vectors_of(papers)
    lens = lens_of(vectors.dense, vectors.terms)
    if not taste:
        return lens
    topics = [paper.authors[0].split()[0] for paper in papers]
    target = np.array([[topic == other for other in sorted(set(topics))] for topic in topics], dtype=np.float32)
    sharp = lens.sharp(vectors.dense)
    matrix = np.linalg.lstsq(sharp, target - target.mean(axis=0), rcond=1e-3)[0].astype(np.float32)
    bias = target.mean(axis=0)
    return replace(lens, taste=Taste(matrix, bias, whitening(unit(sharp @ matrix + bias))))


def make_event(number: int, paper: Paper | str, kind: EventKind = EventKind.UPVOTE, **changes: object) -> Event:
    """Return the log's event of that number; without a time it is minutes before the frozen now, later numbers later."""
    facts: dict[str, object] = {
        "id": number,
        "reader_id": 1,
        "paper_id": paper if isinstance(paper, str) else paper.id,
        "kind": kind,
        "at": NOW - timedelta(hours=1) + timedelta(seconds=number),
    }
    return Event(**(facts | changes))  # type: ignore[arg-type]


def make_inputs(
    papers: Sequence[Paper],
    events: Sequence[Event] = (),
    *,
    read: Sequence[Paper] = (),
    unread: Iterable[str] = (),
    places: Mapping[int, int] | None = None,
    reader_id: int = 1,
    day: date = DAY,
    as_of: datetime = NOW,
    seen: Iterable[str] = (),
    interest: int = 0,
    choices: Choices | None = None,
) -> page.Inputs:
    """Gather what a page is a function of; `read` are papers of other days, `unread` those without vectors."""
    chosen = choices or Choices()
    spoken_of = {event.paper_id for event in events} | {*chosen.papers, *rules.liked_papers(chosen.rules)}
    known = {paper.id: paper for paper in (*papers, *read) if paper.id in spoken_of}
    without = set(unread)
    return page.Inputs(
        window=Window(day, papers, vectors_of(papers), len(papers)),
        reader_id=reader_id,
        as_of=as_of,
        seen=frozenset(seen),
        events=events,
        read=known,
        read_vectors=vectors_of(p for p in known.values() if p.id not in without),
        places=places or {},
        cursor=max((event.id for event in events), default=0),
        interest=interest,
        choices=chosen,
    )


def make_page(
    papers: Sequence[Paper],
    events: Sequence[Event] = (),
    *,
    settings: RankSettings | None = None,
    ranker: Ranker | None = None,
    **facts: object,
) -> RankedPage:
    """Rank a page without a database."""
    return page.rank_page(make_inputs(papers, events, **facts), ranker or blend_ranker(), settings or RankSettings())  # type: ignore[arg-type]


def described(
    papers: Sequence[Paper],
    events: Sequence[Event] = (),
    *,
    lens: Lens | None = None,
    settings: RankSettings | None = None,
    **facts: object,
) -> FeatureMatrix:
    """Return the feature rows of a page without a database."""
    return page.describe(make_inputs(papers, events, **facts), blend_ranker(lens), settings or RankSettings())  # type: ignore[arg-type]


def told(ranked: RankedPage) -> list[tuple[object, ...]]:
    """Return all that a reader could notice of a page, item by item."""
    return [(i.position, i.paper_id, i.score, i.reasons, i.explored, i.propensity, i.voted) for i in ranked.items]


def papers(count: int = 12) -> st.SearchStrategy[list[Paper]]:
    """Lists of 1 to `count` papers of one edition: ordinary ones, and a few with hostile texts, authors, dates and signals."""
    return st.lists(_paper(), min_size=1, max_size=count).map(_numbered)


@st.composite
def _paper(draw: st.DrawFn) -> Paper:
    ordinary = make_paper(draw(st.integers(1, 40)), topic=draw(st.sampled_from(list(TOPICS))))
    if draw(st.integers(0, 3)):
        return ordinary
    return make_paper(
        1,
        title=draw(st.sampled_from(HOSTILE_TEXTS)),
        abstract=draw(st.sampled_from(HOSTILE_TEXTS)),
        authors=draw(st.sampled_from([(), ("A", "A"), ("Ann", "Bo"), tuple(f"W{i}" for i in range(3000))])),
        categories=draw(st.sampled_from([(), ("cs.LG",), ("cs.LG", "cs.LG"), ("math.OC", "cs.RO")])),
        published=draw(st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)])),
        announce=draw(st.sampled_from(["new", "cross"])),
    )


def _numbered(found: list[Paper]) -> list[Paper]:
    """Give each paper an id of its own."""
    return [replace(paper, id=f"arxiv:2605.{i:05d}") for i, paper in enumerate(found)]


def histories(of: Sequence[Paper], *, most: int = 12) -> st.SearchStrategy[list[Event]]:
    """Histories of up to `most` gestures of every kind on the given papers, some of days ago, by web and by mail."""
    gesture = st.tuples(
        st.sampled_from([paper.id for paper in of]),
        st.sampled_from(list(EventKind)),
        st.integers(0, 90 * 24),
        st.sampled_from([Channel.WEB, Channel.EMAIL, Channel.PRESSED]),
    )
    return st.lists(gesture, max_size=most).map(_written)


def _written(gestures: list[tuple[str, EventKind, int, Channel]]) -> list[Event]:
    """Number gestures in the order of their times, as a log does."""
    in_order = sorted(gestures, key=lambda gesture: -gesture[2])
    return [
        make_event(number, paper_id, kind, at=NOW - timedelta(hours=ago, minutes=1), channel=channel)
        for number, (paper_id, kind, ago, channel) in enumerate(in_order, start=1)
    ]

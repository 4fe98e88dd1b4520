"""An edition, an earlier one, and a reader who likes its papers on graphs and not those on robots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from factories import DAY, NOW, make_edition
from strategies import make_event, seen_through

from recommender.settings import RankSettings
from recommender.types import Event, EventKind, FeatureMatrix, Paper

EARLIER = DAY - timedelta(days=3)
PAGE = make_edition(per_topic=3)
OLD = make_edition(EARLIER, per_topic=3)
LIKED = [paper for paper in OLD if paper.authors[0].startswith("Graphs")]
HATED = [paper for paper in OLD if paper.authors[0].startswith("Robots")]
LENS = seen_through([*PAGE, *OLD], taste=True)
FRESH = RankSettings(half_life_days=1e9)  # all gestures weigh what they weighed at first
SPACES = ("dense_", "sharp_", "taste_", "lex_")


def likes(of: Sequence[Paper], kind: EventKind = EventKind.UPVOTE) -> list[Event]:
    return [make_event(n, p, kind, at=NOW - timedelta(days=2)) for n, p in enumerate(of, start=1)]


def value(matrix: FeatureMatrix, name: str, paper: Paper) -> float:
    return float(matrix.column(name)[matrix.paper_ids.index(paper.id)])

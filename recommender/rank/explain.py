"""Contributions -> two short reasons per paper: which family of features lifted it, and the paper, author or words behind that.

A reason is given only when its cause is there to be named, so a reader can check it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recommender.rank import terms
from recommender.rank.features import NAMES
from recommender.rank.rerank import Placed
from recommender.types import FloatArray, Paper, PaperVectors, Profile, Reason

__all__ = ["FAMILIES", "Evidence", "families", "reasons"]

MOST = 2
_NEAR = {"dense": 0.3, "lex": 0.06}  # cosines from which two papers are near enough to say so: unrelated ones rarely reach them
_TITLE = 70  # characters of a title worth quoting


def _family(name: str) -> str:
    """Return which family a feature belongs to."""
    plain = name.removeprefix("z_")
    if plain.startswith(("dense_", "lex_")):
        space, _, what = plain.partition("_")
        return "disliked" if what == "disliked" else {"dense": "similar", "lex": "terms"}[space]
    by_name = {
        "author": "author",
        "category": "category",
        "primary": "category",
        "log": "popular",
        "age": "recent",
        "has": "code",
    }
    return by_name.get(plain.partition("_")[0], "other")


FAMILIES: tuple[str, ...] = tuple(_family(name) for name in NAMES)


@dataclass(frozen=True)
class Evidence:
    """What reasons are made of.

    Attributes
    ----------
    papers : sequence of Paper, length n
        The candidates.
    vectors : PaperVectors
        Aligned with them.
    profile : Profile
    liked : mapping of str to Paper
        The papers of the profile.
    idf : ndarray of shape (BUCKETS,), dtype=float32
    opened : frozenset of str
        Those of them that were only opened: a reason must not say that the reader liked them.
    """

    papers: Sequence[Paper]
    vectors: PaperVectors
    profile: Profile
    liked: Mapping[str, Paper]
    idf: FloatArray
    opened: frozenset[str] = frozenset()

    @cached_property
    def to_liked(self) -> dict[str, FloatArray]:
        """Cosines of every candidate with every liked paper, shape (n, l) per space; a paper is not compared with itself."""
        rows = [terms.weigh(v.terms, self.idf) for v in (self.vectors, self.profile.liked)]
        cosines = {
            "lex": np.asarray((rows[0] @ rows[1].T).todense(), dtype=np.float32),
            "dense": self.vectors.dense @ self.profile.liked.dense.T,
        }
        same = np.array([[own == other for other in self.profile.liked.ids] for own in self.vectors.ids], dtype=bool)
        return {space: np.where(same, -1.0, values) for space, values in cosines.items()}


def families(contributions: FloatArray) -> list[tuple[str, float]]:
    """Sum one paper's contributions, shape (f + 1,), by family, largest first; what all papers start from is left out."""
    sums: dict[str, float] = {}
    for family, value in zip(FAMILIES, contributions[:-1], strict=True):
        sums[family] = sums.get(family, 0.0) + float(value)
    return sorted(sums.items(), key=lambda pair: -pair[1])


def reasons(placed: Placed, contributions: FloatArray, evidence: Evidence) -> tuple[Reason, ...]:
    """Return at most two reasons for one paper at its place."""
    if placed.voted:
        return ()  # the reader has decided; nothing is left to explain
    paper = evidence.papers[placed.row]
    found: list[Reason] = []
    if placed.moved:
        found.append(_moved(evidence))
    if placed.explored:
        found.append(Reason("explore", "Exploration: drawn by lot from further down, to learn what else you like"))
    for family, value in families(contributions):
        reason = _MAKERS[family](paper, placed.row, evidence) if value > 0 and family in _MAKERS else None
        if reason is not None and all(reason.paper_id is None or reason.paper_id != r.paper_id for r in found):
            found.append(reason)
    if not found:
        found.append(Reason("recent", f"New in {paper.categories[0]}" if paper.categories else "New"))
    return tuple(found[:MOST])


def _moved(evidence: Evidence) -> Reason:
    liked = evidence.liked[evidence.profile.latest_like or ""]
    return Reason("moved", f"Moved up: nearest to “{_short(liked.title)}”, which you just liked", liked.id)


def _similar(_paper: Paper, row: int, evidence: Evidence) -> Reason | None:
    liked = _closest(row, evidence, "dense")
    if liked is None:
        return None
    what = "opened" if liked.id in evidence.opened else "liked"
    return Reason("similar", f"Close to “{_short(liked.title)}”, which you {what}", liked.id)


def _terms(paper: Paper, row: int, evidence: Evidence) -> Reason | None:
    liked = _closest(row, evidence, "lex")
    if liked is None:
        return None
    own, other = (terms.paper_text(p.title, p.abstract) for p in (paper, liked))
    shared = terms.shared_terms(own, other, evidence.idf)
    if not shared:
        return None
    return Reason("terms", f"Like “{_short(liked.title)}”, it speaks of {' and '.join(f'“{term}”' for term in shared)}", liked.id)


def _author(paper: Paper, _row: int, evidence: Evidence) -> Reason | None:
    known = [(evidence.profile.authors.get(author, 0.0), author) for author in paper.authors]
    affinity, author = max(known, default=(0.0, ""))
    if affinity <= 0:
        return None
    theirs = [i for i in evidence.profile.liked.ids if author in evidence.liked[i].authors]
    what = "opened" if evidence.opened.issuperset(theirs) else "liked"
    return Reason("author", f"By {author}, whose work you {what}")


def _category(paper: Paper, _row: int, evidence: Evidence) -> Reason | None:
    known = [(evidence.profile.categories.get(category, 0.0), category) for category in paper.categories]
    affinity, category = max(known, default=(0.0, ""))
    if affinity <= 0:
        return None
    why = "where you like more than you dislike" if evidence.profile.likes else "where you open papers"
    return Reason("category", f"In {category}, {why}")


def _popular(paper: Paper, _row: int, _evidence: Evidence) -> Reason | None:
    upvotes = paper.signals.upvotes or 0
    return Reason("popular", f"{upvotes} upvotes at its source") if upvotes > 1 else None


def _code(paper: Paper, _row: int, _evidence: Evidence) -> Reason | None:
    return Reason("code", "Its code is public") if paper.code_url else None


_MAKERS = {"similar": _similar, "terms": _terms, "author": _author, "category": _category, "popular": _popular, "code": _code}


def _closest(row: int, evidence: Evidence, space: str) -> Paper | None:
    """Return the liked paper nearest to a candidate in one space, if any is near at all."""
    liked = evidence.profile.liked.ids
    if not liked:
        return None
    similar = evidence.to_liked[space][row]
    best = int(similar.argmax())
    return evidence.liked.get(liked[best]) if similar[best] >= _NEAR[space] else None


def _short(title: str) -> str:
    """Cut a title at a word."""
    return title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + "…"

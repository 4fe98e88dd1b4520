"""Contributions -> two short reasons per paper: which family of features lifted it, and the paper, author or words behind that.

A reason is given only when its cause is there to be named, so a reader can check it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from recommender.rank import terms
from recommender.rank.features import NAMES
from recommender.rank.lens import Lens
from recommender.rank.rerank import Placed
from recommender.types import FeatureMatrix, FloatArray, Paper, PaperVectors, Profile, Reason, Rule

__all__ = ["FAMILIES", "Evidence", "families", "reasons"]

MOST = 2
_NEAR = {"dense": 0.3, "lex": 0.06}  # cosines from which two papers are near enough to say so: unrelated ones rarely reach them
_SPACES = {"dense": "similar", "sharp": "similar", "taste": "similar", "lex": "terms"}
_TITLE = 70  # characters of a title worth quoting


def _family(name: str) -> str:
    """Return which family a feature belongs to."""
    plain = name.removeprefix("z_").removeprefix("r_")
    space, _, what = plain.partition("_")
    if space in _SPACES:
        return "disliked" if what == "disliked" else _SPACES[space]
    by_name = {
        "organization": "organization",
        "author": "author",
        "category": "category",
        "primary": "category",
        "log": "popular",
        "age": "recent",
        "has": "code",
        "prior": "expected",
        "neighbours": "neighbours",
    }
    return by_name.get(space, "other")


FAMILIES: tuple[str, ...] = tuple(_family(name) for name in NAMES)
_DISTINCT = tuple(dict.fromkeys(FAMILIES))
_NUMBER = [_DISTINCT.index(family) for family in FAMILIES]


@dataclass(frozen=True)
class Evidence:
    """What reasons are made of.

    Attributes
    ----------
    papers : sequence of Paper, length n
        Those on the page, from the top.
    vectors : PaperVectors
        Aligned with them.
    profile : Profile
    liked : mapping of str to Paper
        The papers of the profile.
    lens : Lens
    opened : frozenset of str
        Those of them that were only opened or picked: a reason must not say that the reader liked them.
    shown : FeatureMatrix of shape (n, f), default=None
        What the ranker was told of the papers on the page.
    picked : frozenset of str
        Papers that stand for a topic or a search the reader picked.
    required : mapping of str to Rule
        Which rule put a paper on top.
    """

    papers: Sequence[Paper]
    vectors: PaperVectors
    profile: Profile
    liked: Mapping[str, Paper]
    lens: Lens
    opened: frozenset[str] = frozenset()
    shown: FeatureMatrix | None = None
    picked: frozenset[str] = frozenset()
    required: Mapping[str, Rule] = field(default_factory=dict)

    def lifts(self, at: int, name: str) -> bool:
        """Whether a feature of the paper at a place is above nothing, so that it can be named."""
        return self.shown is not None and bool(self.shown.column(name)[at] > 0)  # False where it is unknown

    @cached_property
    def to_liked(self) -> dict[str, FloatArray]:
        """Cosines of every paper with every liked one, shape (n, l) per space; a paper is not compared with itself."""
        cosines = {
            "lex": terms.products(*(terms.weigh(v.terms, self.lens.idf) for v in (self.vectors, self.profile.liked))),
            "dense": self.vectors.dense @ self.profile.liked.dense.T,
        }
        same = np.array([[own == other for other in self.profile.liked.ids] for own in self.vectors.ids], dtype=bool)
        return {space: np.where(same, -1.0, values) for space, values in cosines.items()}


def families(contributions: FloatArray) -> list[tuple[str, float]]:
    """Sum one paper's contributions, shape (f + 1,), by family, largest first; what all papers start from is left out."""
    sums = np.bincount(_NUMBER, weights=contributions[:-1], minlength=len(_DISTINCT)).tolist()
    return sorted(zip(_DISTINCT, sums, strict=True), key=lambda pair: -pair[1])


def reasons(at: int, placed: Placed, contributions: FloatArray, evidence: Evidence) -> tuple[Reason, ...]:
    """Return at most two reasons for the paper at a place, counted from 0; `contributions` are its own, shape (f + 1,)."""
    if placed.voted:
        return ()  # the reader has decided; nothing is left to explain
    paper = evidence.papers[at]
    found: list[Reason] = []
    if placed.required:
        found.append(_required(evidence.required[paper.id]))
    if placed.moved:
        found.append(_moved(evidence))
    if placed.explored:
        found.append(Reason.of("explore", "Exploration: drawn by lot from further down, to learn what else you like"))
    for family, value in families(contributions):
        reason = _MAKERS[family](paper, at, evidence) if value > 0 and family in _MAKERS else None
        if reason is not None and all(reason.paper_id is None or reason.paper_id != r.paper_id for r in found):
            found.append(reason)
    if not found:
        found.append(Reason.of("recent", "New in %s", paper.categories[0]) if paper.categories else Reason.of("recent", "New"))
    return tuple(found[:MOST])


def _required(rule: Rule) -> Reason:
    if rule.field in ("phrase", "words"):
        return Reason.of("rule", "You asked for “%s”", rule.value)
    return Reason.of("rule", "You follow %s", rule.value)


def _moved(evidence: Evidence) -> Reason:
    liked = evidence.liked[evidence.profile.latest_like or ""]
    return Reason.of("moved", "Moved up: nearest to “%s”, which you just liked", _short(liked.title), paper_id=liked.id)


def _similar(_paper: Paper, at: int, evidence: Evidence) -> Reason | None:
    liked = _closest(at, evidence, "dense")
    if liked is None:
        return None
    did = _did([liked.id], evidence)
    template = "Close to “%s”, which fits what you picked" if did == "picked" else f"Close to “%s”, which you {did}"
    return Reason.of("similar", template, _short(liked.title), paper_id=liked.id)


def _terms(paper: Paper, at: int, evidence: Evidence) -> Reason | None:
    liked = _closest(at, evidence, "lex")
    if liked is None:
        return None
    own, other = (terms.paper_text(p.title, p.abstract) for p in (paper, liked))
    shared = terms.shared_terms(own, other, evidence.lens.idf)
    if not shared:
        return None
    if len(shared) == 1:
        return Reason.of("terms", "Like “%s”, it speaks of “%s”", _short(liked.title), shared[0], paper_id=liked.id)
    template = "Like “%s”, it speaks of “%s” and “%s”"
    return Reason.of("terms", template, _short(liked.title), *shared[:2], paper_id=liked.id)


def _author(paper: Paper, _at: int, evidence: Evidence) -> Reason | None:
    known = [(evidence.profile.authors.get(author, 0.0), author) for author in paper.authors]
    affinity, author = max(known, default=(0.0, ""))
    if affinity <= 0:
        return None
    theirs = [i for i in evidence.profile.liked.ids if author in evidence.liked[i].authors]
    did = _did(theirs, evidence)  # whoever picked a topic did not pick its authors
    return Reason.of("author", f"By %s, whose work you {did}", author) if did != "picked" else None


def _organization(paper: Paper, _at: int, evidence: Evidence) -> Reason | None:
    affinity = evidence.profile.organizations.get(paper.organization or "", 0.0)
    theirs = [i for i in evidence.profile.liked.ids if evidence.liked[i].organization == paper.organization]
    if affinity <= 0 or not theirs:
        return None
    did = _did(theirs, evidence)
    return Reason.of("organization", f"From %s, whose work you {did}", paper.organization or "") if did != "picked" else None


def _category(paper: Paper, _at: int, evidence: Evidence) -> Reason | None:
    known = [(evidence.profile.categories.get(category, 0.0), category) for category in paper.categories]
    affinity, category = max(known, default=(0.0, ""))
    if affinity <= 0:
        return None
    if evidence.profile.likes:
        return Reason.of("category", "In %s, where you like more than you dislike", category)
    opened = any(category in evidence.liked[i].categories for i in evidence.profile.liked.ids if i not in evidence.picked)
    return Reason.of("category", "In %s, where you open papers" if opened else "In %s, which you picked", category)


def _popular(paper: Paper, _at: int, _evidence: Evidence) -> Reason | None:
    upvotes = paper.signals.upvotes or 0
    return Reason.of("popular", "%s upvotes at its source", str(upvotes)) if upvotes > 1 else None


def _neighbours(_paper: Paper, at: int, evidence: Evidence) -> Reason | None:
    return Reason.of("neighbours", "Readers who like what you like want it") if evidence.lifts(at, "neighbours") else None


def _expected(_paper: Paper, at: int, evidence: Evidence) -> Reason | None:
    return (
        Reason.of("expected", "By its text and authors, one that the shared page may pick")
        if evidence.lifts(at, "z_prior")
        else None
    )


def _code(paper: Paper, _at: int, _evidence: Evidence) -> Reason | None:
    return Reason.of("code", "Its code is public") if paper.code_url else None


_MAKERS = {
    "similar": _similar,
    "terms": _terms,
    "author": _author,
    "organization": _organization,
    "category": _category,
    "popular": _popular,
    "expected": _expected,
    "neighbours": _neighbours,
    "code": _code,
}


def _closest(at: int, evidence: Evidence, space: str) -> Paper | None:
    """Return the liked paper nearest to a candidate in one space, if any is near at all."""
    liked = evidence.profile.liked.ids
    if not liked:
        return None
    similar = evidence.to_liked[space][at]
    best = int(similar.argmax())
    return evidence.liked.get(liked[best]) if similar[best] >= _NEAR[space] else None


def _did(paper_ids: Sequence[str], evidence: Evidence) -> str:
    """What the reader did with papers: one that was liked is enough to say so."""
    if not evidence.opened.issuperset(paper_ids):
        return "liked"
    return "picked" if evidence.picked.issuperset(paper_ids) else "opened"


def _short(title: str) -> str:
    """Cut a title at a word."""
    return title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + "…"

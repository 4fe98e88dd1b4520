"""What lifted a paper -> two short reasons per paper: which family of features lifted it, and the paper, author or words behind that.

A reason is given only when its cause is there to be named, so a reader can check it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from recommender.rank.features import NAMES
from recommender.rank.rerank import Placed
from recommender.types import FeatureMatrix, FloatArray, Paper, Profile, Reason, Rule

__all__ = ["FAMILIES", "NUMBERS", "Evidence", "families", "ranked", "reasons"]

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
NUMBERS = tuple(_DISTINCT.index(family) for family in FAMILIES)


@dataclass(frozen=True)
class Evidence:
    """What reasons are made of.

    Attributes
    ----------
    papers : sequence of Paper, length n
        Those on the page, from the top.
    cosines : mapping of str to ndarray of shape (l, n), dtype=float32
        Of the likes of the profile with them, `dense` and `lex`; -1 where a paper would be compared with itself.
    profile : Profile
    liked : mapping of str to Paper
        The papers of the profile.
    shares : callable
        From a place, counted from 0, and a paper to the terms that the two have in common, the most telling first.
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
    cosines: Mapping[str, FloatArray]
    profile: Profile
    liked: Mapping[str, Paper]
    shares: Callable[[int, Paper], Sequence[str]]
    opened: frozenset[str] = frozenset()
    shown: FeatureMatrix | None = None
    picked: frozenset[str] = frozenset()
    required: Mapping[str, Rule] = field(default_factory=dict)
    _similar: dict[str, Reason] = field(default_factory=dict, init=False, repr=False)

    def similar(self, liked: Paper) -> Reason:
        """Say that a paper is close to a liked one: the same reason stands under many."""
        if liked.id not in self._similar:
            did = _did([liked.id], self)
            template = "Close to “%s”, which fits what you picked" if did == "picked" else f"Close to “%s”, which you {did}"
            self._similar[liked.id] = Reason.of("similar", template, _short(liked.title), paper_id=liked.id)
        return self._similar[liked.id]

    def lifts(self, at: int, name: str) -> bool:
        """Whether a feature of the paper at a place is above nothing, so that it can be named."""
        return self.shown is not None and bool(self.shown.column(name)[at] > 0)  # False where it is unknown

    @cached_property
    def closest(self) -> dict[str, list[Paper | None]]:
        """The liked paper nearest to each paper on the page, per space; None where none is near at all."""
        return {space: self._nearest(values, _NEAR[space]) for space, values in self.cosines.items() if len(values)}

    def _nearest(self, cosines: FloatArray, near: float) -> list[Paper | None]:
        liked = [self.liked.get(paper_id) for paper_id in self.profile.liked.ids]
        enough = (cosines.max(axis=0) >= near).tolist()
        return [liked[row] if is_near else None for row, is_near in zip(cosines.argmax(axis=0).tolist(), enough, strict=True)]


def families(contributions: FloatArray) -> list[tuple[str, float]]:
    """Sum one paper's contributions, shape (f + 1,), by family, largest first; what all papers start from is left out."""
    return list(next(ranked(np.bincount(NUMBERS, weights=contributions[:-1], minlength=len(_DISTINCT))[None])))


def ranked(sums: npt.NDArray[np.floating | np.signedinteger]) -> Iterator[Iterator[tuple[str, float]]]:
    """Name what each family adds to each paper's score, shape (n, families) in the order of `NUMBERS`, the largest first."""
    order = np.argsort(-sums, axis=1, kind="stable").tolist()
    for falling, own in zip(order, sums.tolist(), strict=True):
        # Bound to this row here; hardly ever asked for to its end.
        yield zip(map(_DISTINCT.__getitem__, falling), map(own.__getitem__, falling), strict=True)


def reasons(at: int, placed: Placed, lifted: Iterable[tuple[str, float]], evidence: Evidence) -> tuple[Reason, ...]:
    """Return at most two reasons for the paper at a place, counted from 0; `lifted` is what each family adds to it, largest first."""
    if placed.voted:
        return ()  # the reader has decided; nothing is left to explain
    paper = evidence.papers[at]
    found = list(_placing(paper, placed, evidence)) if placed.explored or placed.required or placed.moved else []
    for family, value in lifted:
        if len(found) >= MOST or value <= 0:
            break
        if family in _SPACE_OF:
            nearest = evidence.closest.get(_SPACE_OF[family])
            liked = nearest[at] if nearest else None
            if liked is None or liked.id in [said.paper_id for said in found]:
                continue  # one paper is one reason
            reason = _LIKE[family](at, liked, evidence)
        else:
            reason = _MAKERS[family](paper, at, evidence) if family in _MAKERS else None
        if reason is not None:
            found.append(reason)
    if not found:
        found.append(Reason.of("recent", "New in %s", paper.categories[0]) if paper.categories else Reason.of("recent", "New"))
    return tuple(found[:MOST])


def _placing(paper: Paper, placed: Placed, evidence: Evidence) -> Iterator[Reason]:
    """Why a paper stands where it does whatever its score."""
    if placed.required:
        yield _required(evidence.required[paper.id])
    if placed.moved:
        yield _moved(evidence)
    if placed.explored:
        yield Reason.of("explore", "Exploration: drawn by lot from further down, to learn what else you like")


def _required(rule: Rule) -> Reason:
    if rule.field in ("phrase", "words"):
        return Reason.of("rule", "You asked for “%s”", rule.value)
    return Reason.of("rule", "You follow %s", rule.value)


def _moved(evidence: Evidence) -> Reason:
    liked = evidence.liked[evidence.profile.latest_like or ""]
    return Reason.of("moved", "Moved up: nearest to “%s”, which you just liked", _short(liked.title), paper_id=liked.id)


def _similar(_at: int, liked: Paper, evidence: Evidence) -> Reason | None:
    return evidence.similar(liked)


def _terms(at: int, liked: Paper, evidence: Evidence) -> Reason | None:
    shared = evidence.shares(at, liked)
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


_SPACE_OF = {"similar": "dense", "terms": "lex"}
_LIKE = {"similar": _similar, "terms": _terms}
_MAKERS = {
    "author": _author,
    "organization": _organization,
    "category": _category,
    "popular": _popular,
    "expected": _expected,
    "neighbours": _neighbours,
    "code": _code,
}


def _did(paper_ids: Sequence[str], evidence: Evidence) -> str:
    """What the reader did with papers: one that was liked is enough to say so."""
    if not evidence.opened.issuperset(paper_ids):
        return "liked"
    return "picked" if evidence.picked.issuperset(paper_ids) else "opened"


def _short(title: str) -> str:
    """Cut a title at a word."""
    return title if len(title) <= _TITLE else title[:_TITLE].rsplit(" ", 1)[0] + "…"

"""(window, sight, profile) -> FeatureMatrix: the one definition of every feature, for pages and for replay.

How near a paper is to what the reader judged is said by `likeness`; what it says of itself, and how that agrees with the reader, here.
The columns `z_...` are standardised and `r_...` ranked within the page, over the papers not yet voted on, so that a linear blend of
them, and a tree, mean the same on a quiet day and a busy one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from recommender.rank.compared import Compared
from recommender.rank.lens import Lens
from recommender.rank.likeness import MEANINGS, SPACES, columns, likeness
from recommender.rank.profile import PRIOR
from recommender.rank.window import Candidates, Facts, Rows, Sight, Window
from recommender.settings import RankSettings
from recommender.types import FeatureMatrix, FloatArray, Paper, PaperVectors, Profile

__all__ = ["FEATURES", "MONOTONE", "NAMES", "RANKED", "SCHEMA", "STANDARDISED", "build", "describe"]

Numbers = npt.NDArray[np.float64]

_VERSION = 2  # raise it when a feature keeps its name and changes its meaning
_SIMILAR = {
    f"{space}_{name}": (MEANINGS[name][0], f"{MEANINGS[name][1]} ({said})")
    for space, (said, names) in SPACES.items()
    for name in names
}
_FACTS: dict[str, tuple[int, str]] = {
    "author_affinity": (1, "strongest affinity among the authors, -1 to 1"),
    "author_sum": (1, "sum of the authors' affinities"),
    "organization_affinity": (1, "affinity of the organisation, -1 to 1"),
    "category_affinity": (1, "mean affinity of the categories, -1 to 1"),
    "primary_affinity": (1, "affinity of the primary category, -1 to 1"),
    "category_lift": (0, "how much likelier its categories are among the likes than on the page, log, summed"),
    "primary_lift": (0, "the same of the primary category"),
    "age_days": (0, "days from publication to the end of the page's day"),
    "log_upvotes": (0, "log(1 + upvotes at the source), as known when the page was made"),
    "neighbours": (1, "votes of readers who like what this one likes, -1 to 1"),
    "prior": (0, "log-odds that readers in general pick it, from its text and authors; unknown without such a model"),
    "has_code": (0, "1 when the source names a code repository"),
    "is_cross": (0, "1 when it was announced as a cross-listing"),
    "team": (0, "log of the number of authors"),
    "team_gap": (0, "distance of that from the likes' mean"),
    "abstract_words": (0, "words in the abstract"),
    "likes": (0, "papers the reader likes"),
    "dislikes": (0, "papers the reader dislikes"),
    "candidates": (0, "papers considered for the page"),
    "uncertainty": (0, "how little the judged papers say of this one, 0 to 1 (posterior deviation of the whitened head)"),
}
STANDARDISED = (*_SIMILAR, "category_lift", "primary_lift", "team", "team_gap", "log_upvotes", "prior", "age_days")
RANKED = ("sharp_head", "taste_head", "lex_head")

FEATURES: dict[str, tuple[int, str]] = {
    **_SIMILAR,
    **_FACTS,
    **{f"z_{name}": ((_SIMILAR | _FACTS)[name][0], f"`{name}` standardised within the page") for name in STANDARDISED},
    **{f"r_{name}": (1, f"share of the page that `{name}` puts below") for name in RANKED},
}
NAMES = tuple(FEATURES)
MONOTONE = tuple(sign for sign, _ in FEATURES.values())
SCHEMA = hashlib.sha256(f"{_VERSION}:{','.join(NAMES)}".encode()).hexdigest()[:16]


def build(
    papers: Sequence[Paper],
    vectors: PaperVectors,
    profile: Profile,
    lens: Lens,
    *,
    voted: frozenset[str],
    settings: RankSettings,
    prior: FloatArray | None = None,
    neighbours: Mapping[str, float] | None = None,
) -> FeatureMatrix:
    """Describe papers that nobody else is going to look at; answer and errors as of `describe`.

    Parameters
    ----------
    papers : sequence of Paper, length n
    vectors : PaperVectors
        Aligned with `papers`.
    profile, voted, settings, neighbours
        As in `describe`.
    lens : Lens
        Of the model that will score them.
    prior : ndarray of shape (n,), dtype=float32, default=None
        What is thought of each paper before anything is known of the reader.
    """
    window = Window(profile.day, papers, vectors)
    rows = np.array([window.row[paper.id] for paper in papers], dtype=np.intp)
    sight = Sight(window.papers, window.vectors, lens, None if prior is None else prior[np.argsort(rows)])
    alike = likeness(sight, profile)
    return describe(window, sight, window.take(rows), profile, alike, voted=voted, settings=settings, neighbours=neighbours)


def describe(
    window: Window,
    sight: Sight,
    candidates: Candidates,
    profile: Profile,
    alike: Compared | None,
    *,
    voted: frozenset[str],
    settings: RankSettings,
    neighbours: Mapping[str, float] | None = None,
) -> FeatureMatrix:
    """Describe each candidate to the ranker, as known at `profile.as_of`.

    Parameters
    ----------
    window : Window
    sight : Sight
        Of it, by the model that will score the candidates.
    candidates : Candidates
        Of it.
    profile : Profile
    alike : Compared or None
        Of the window and the profile.
    voted : frozenset of str
        Candidates already voted on: they do not count when the page is standardised.
    settings : RankSettings
    neighbours : mapping of str to float, default=None
        What readers who like the same said of some of the papers, as a sum of votes weighed by how much the two agree.

    Returns
    -------
    FeatureMatrix
        NaN where a feature is not defined (a reader without likes has no centroid).

    Raises
    ------
    ShapeError
        If the vectors are not aligned with the papers, or the lens was made for other vectors.
    """
    rows, ids = candidates.rows, candidates.ids
    columns_of = np.full((len(NAMES), len(rows)), np.nan, dtype=np.float32)  # a row per feature: each is written in one piece
    if len(rows):
        known = _facts(window, rows, profile)
        if alike is not None:
            known |= columns(sight, candidates, profile, alike, settings)
        if sight.prior is not None:
            known["prior"] = sight.prior[rows]
        if neighbours is not None:
            known["neighbours"] = np.tanh(_spread(neighbours, candidates))
        for name, column in known.items():
            columns_of[_AT[name]] = column
        open_rows = np.ones(len(rows), dtype=bool)
        open_rows[[candidates.at[paper_id] for paper_id in voted if paper_id in candidates.at]] = False
        columns_of[_Z_TO] = _standardise(columns_of[_Z_FROM], open_rows)
        columns_of[_R_TO] = _rank(columns_of[_R_FROM], open_rows)
    return FeatureMatrix(ids, NAMES, np.ascontiguousarray(columns_of.T), SCHEMA)


_AT = {name: column for column, name in enumerate(NAMES)}
_Z_FROM, _Z_TO = ([_AT[f"{prefix}{name}"] for name in STANDARDISED] for prefix in ("", "z_"))
_R_FROM, _R_TO = ([_AT[f"{prefix}{name}"] for name in RANKED] for prefix in ("", "r_"))


def _spread(sums: Mapping[str, float], candidates: Candidates) -> FloatArray:
    """Return a number per candidate; 0 for those that nothing is said of."""
    spread = np.zeros(len(candidates.ids), dtype=np.float32)
    for paper_id, value in sums.items():
        if paper_id in candidates.at:
            spread[candidates.at[paper_id]] = value
    return spread


def _facts(window: Window, rows: Rows, profile: Profile) -> dict[str, FloatArray]:
    """The papers' own facts, and how they agree with what the reader is known to like."""
    said = window.facts
    found = {name: column[rows] for name, column in said.columns.items()}
    for name, column in zip(_OF_NAMES, _of_names(said, len(window.papers), profile), strict=True):
        found[name] = column[rows]
    listing = said.listing[rows]
    of_listing = _of_listings(said, np.bincount(listing, minlength=len(said.primary)), profile)
    for name, column in zip(_OF_CATEGORIES, of_listing, strict=True):
        found[name] = column[listing]
    found["team_gap"] = np.abs(found["team"] - profile.team)
    same = {"likes": profile.likes, "dislikes": profile.dislikes, "candidates": len(rows)}
    return found | {name: np.full(len(rows), value, dtype=np.float32) for name, value in same.items()}


_OF_NAMES = ("author_affinity", "author_sum", "organization_affinity")
_OF_CATEGORIES = ("category_affinity", "primary_affinity", "category_lift", "primary_lift")


def _of_names(said: Facts, count: int, profile: Profile) -> FloatArray:
    """The columns of `_OF_NAMES`, of the whole window: nought but where a name stands that the reader met."""
    strongest, together = dict[int, float](), dict[int, float]()  # few rows of all: plain numbers are quicker than an array's
    for author, affinity in profile.authors.items():
        for row in said.by_author.get(author, ()):
            together[row] = together.get(row, 0.0) + affinity
            if abs(affinity) > abs(strongest.get(row, 0.0)):
                strongest[row] = affinity
    theirs = {row: affinity for name, affinity in profile.organizations.items() for row in said.by_organization.get(name, ())}
    found = np.zeros((len(_OF_NAMES), count), dtype=np.float32)
    for column, known in zip(found, (strongest, together, theirs), strict=True):
        column[list(known)] = list(known.values())
    return found


def _of_listings(said: Facts, counts: Rows, profile: Profile) -> FloatArray:
    """The columns of `_OF_CATEGORIES` for every list of categories, shape (4, listings); `counts` says how many candidates have it."""
    affinity = np.array([profile.categories.get(category, 0.0) for category in said.categories])
    lifts = _lifts(affinity, counts @ said.member, int(counts.sum()), profile)
    found = np.zeros((len(_OF_CATEGORIES), len(said.primary)), dtype=np.float32)
    some = said.primary >= 0  # the list of no category says nothing
    first = said.primary[some]
    found[:, some] = (said.share[some] @ affinity, affinity[first], said.member[some] @ lifts, lifts[first])
    return found


def _lifts(affinity: Numbers, counts: Numbers, papers: int, profile: Profile) -> Numbers:
    """How much likelier each category is among the likes than on this page, as a logarithm; 0 before the first like.

    Of what stands on no candidate nothing is asked; its share is taken for that of one.
    """
    unsure = PRIOR / (float(profile.liked_weight.sum()) + PRIOR)
    lifts: Numbers = np.log(np.maximum(affinity, 0.0) * papers / np.maximum(counts, 1) + unsure) + np.minimum(affinity, 0.0)
    return lifts


def _standardise(columns: FloatArray, open_rows: npt.NDArray[np.bool_]) -> FloatArray:
    """Centre and scale each column, shape (k, n), within the page; one that says the same of every paper says nothing (NaN)."""
    known = ~np.isnan(columns) & open_rows
    papers = known.sum(axis=1, keepdims=True)
    counted = np.maximum(papers, 1)
    mean = np.where(known, columns, np.float64(0.0)).sum(axis=1, keepdims=True) / counted
    apart = columns - mean
    own = np.where(known, apart, 0.0)
    spread = np.sqrt(np.einsum("ij,ij->i", own, own)[:, None] / counted)
    spread = np.where((papers >= 2) & (spread >= 1e-7 * np.maximum(np.abs(mean), 1e-2)), spread, np.nan)
    z: FloatArray = (apart / spread).astype(np.float32).clip(-6.0, 6.0)
    return z


def _rank(columns: FloatArray, open_rows: npt.NDArray[np.bool_]) -> FloatArray:
    """Return which share of the page's open papers each column, shape (k, n), puts below a paper, ties counting half; NaN stays."""
    ranks = np.full_like(columns, np.nan)
    for column, found in zip(columns, ranks, strict=True):
        rising = np.argsort(column)  # what is asked for in order is found sooner
        there = column[rising]
        base = there[open_rows[rising]]
        base = base[~np.isnan(base)]
        if len(base) and base[0] < base[-1]:
            between = np.searchsorted(base, there, "left") + np.searchsorted(base, there, "right")
            found[rising] = np.where(np.isnan(there), np.nan, between / (2.0 * len(base)))
    return ranks

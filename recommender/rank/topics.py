"""A profile and the texts of its papers in, weighed words out: which terms lift a paper for a reader, and which lower it.

The weights are those of the reader's own linear head over words (`lex_head`, one of the columns a page is ranked by), written out word
by word: the head is a sum over the papers the reader judged, and so also a sum over terms. They are not the whole score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.rank import heads, terms
from recommender.rank.lens import Lens
from recommender.types import FloatArray, Paper, Profile

__all__ = ["Topic", "term_weights", "topics"]

_LEAST = 0.02  # of the strongest: what weighs less says nothing


@dataclass(frozen=True, slots=True)
class Topic:
    """One word or pair of words, and what it does.

    Attributes
    ----------
    term : str
    weight : float
        Positive where it lifts a paper, negative where it lowers one; 1 is the strongest of all.
    liked, disliked : int
        In how many papers of each kind it stands.
    """

    term: str
    weight: float
    liked: int
    disliked: int


@heads.one_thread_each
def term_weights(profile: Profile, lens: Lens, *, ridge: float) -> FloatArray:
    """Return what one unit of each term's tf-idf adds to the reader's lexical head, shape (BUCKETS,); zeros before any vote."""
    m = len(profile.liked) + len(profile.disliked)
    if not m:
        return np.zeros(terms.BUCKETS, dtype=np.float32)
    rows = terms.weigh(terms.stack(profile.liked.terms, profile.disliked.terms), lens.idf)
    own, length = rows @ lens.common, float(lens.common @ lens.common)
    gram = terms.products(rows, rows) - own[:, None] - own[None, :] + length
    labels = np.concatenate([np.ones(len(profile.liked)), -np.ones(len(profile.disliked))])
    trust = np.concatenate([profile.liked_weight, profile.disliked_weight])
    head = heads.solve(gram, labels, trust, ridge=ridge)
    weights: FloatArray = (rows.T @ head.weights - lens.common * head.weights.sum()).astype(np.float32)
    return weights


def topics(
    profile: Profile, papers: Mapping[str, Paper], lens: Lens, *, ridge: float, most: int = 15
) -> tuple[list[Topic], list[Topic]]:
    """Return the terms that lift most and those that lower most, the strongest first, each at most `most`.

    Parameters
    ----------
    profile : Profile
    papers : mapping of str to Paper
        Those of the profile: their texts give the terms their names.
    lens : Lens
    ridge : float
        As the pages are made with.
    most : int, default=15
    """
    effect = term_weights(profile, lens, ridge=ridge) * lens.idf
    named = {i: _named(papers[i]) for i in (*profile.liked.ids, *profile.disliked.ids) if i in papers}
    liked, disliked = (_counted([named[i] for i in ids if i in named]) for ids in (profile.liked.ids, profile.disliked.ids))
    weights = {term: float(effect[terms.bucket(term)]) for term in {**liked, **disliked}}
    strongest = max((abs(weight) for weight in weights.values()), default=0.0)
    if not strongest:
        return [], []
    made = [Topic(term, w / strongest, liked.get(term, 0), disliked.get(term, 0)) for term, w in weights.items()]
    telling = [topic for topic in made if abs(topic.weight) >= _LEAST]
    lifting = [t for t in telling if t.weight > 0 and t.liked]  # never a term that only shares its column with a liked one
    lowering = [t for t in telling if t.weight < 0 and t.disliked]
    return _distinct(lifting, most), _distinct(lowering, most)


def _named(paper: Paper) -> frozenset[str]:
    return terms.named_terms(terms.paper_text(paper.title, paper.abstract))


def _counted(texts: Sequence[frozenset[str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        for term in text:
            counts[term] = counts.get(term, 0) + 1
    return counts


def _distinct(found: Sequence[Topic], most: int) -> list[Topic]:
    """Take the strongest, a pair of words before its parts where they stand in the same papers: one topic, one line."""
    chosen: list[Topic] = []
    for topic in sorted(found, key=lambda t: (-abs(t.weight) * (1.25 if " " in t.term else 1.0), t.term)):
        if len(chosen) == most:
            break
        words = set(topic.term.split())
        if not any(words & set(taken.term.split()) for taken in chosen):
            chosen.append(topic)
    return sorted(chosen, key=lambda t: -abs(t.weight))

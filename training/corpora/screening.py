"""Systematic reviews in, recall and work saved per review and ranker out: who finds what a review includes with least reading.

Every review is a reader. They start from one included and one excluded record, are always shown what scores highest, and every answer
is learned from. Beside production's own parts (hashed terms and their idf within the review, the readers' heads and the mean of the
nearest likes) there are two that only stand here: runs of letters, because many records have no abstract and drugs and diseases have
families of names, and what other reviews' answers say of a text. Text embeddings are centred on the review but not whitened: within
one topic, whitening measured worse. One head sees all of this side by side.
The peer learns from the words of the same records in the same loop; its strengths are the best of a small grid on these reviews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from recommender.errors import NotEnoughData
from recommender.ingest import Progress
from recommender.rank import heads, terms
from recommender.rank.lens import unit
from recommender.types import FloatArray
from training.corpora.histories import read_lines
from training.metrics import Numbers
from training.report import Judged

__all__ = ["Review", "Screener", "judged", "read", "screen"]

RECORDS = "screening/records.jsonl.gz"
STARTS = 3
SHARE, FOUND = 0.1, 0.95  # of the records screened; of the includes found
EACH, PART = 50, 40  # answers after which a ranker learns from a fortieth more at a time, not from each
RECALL, SAVED = MEASURES = ("recall@10%", "WSS@95")
OURS, ALONE, OTHERS, PEER = "Broadsheet", "Broadsheet, one review", "other reviews' answers", "TF-IDF logistic"
HEADS = {"all": (1.0, 1.0), "letters": (1.0, 3.0), "title letters": (0.3, 3.0)}  # weight of standardised scores, regularisation
NEAREST = {"words": 0.7, "dense": 0.2}
JOINT = {"dense": 0.5, "title letters": 0.5, "prior": 0.1}  # shares of inner products beside the words'
TOP = 3  # includes a record is close to
PRIOR = 0.6
MOST_INCLUDES = 40  # of one review that count in what others learn from it

Rows = FloatArray | csr_array
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Setting = tuple[int, float, str | None]  # longest run of words, C, class weights
GRID: tuple[Setting, ...] = (*product((1, 2), (0.1, 1.0, 10.0), ("balanced",)), (1, 10.0, None), (2, 10.0, None))
Scorer = Callable[[Ints, Bools], FloatArray]  # records shown, in order, and whether each was included -> score of every record


@dataclass(frozen=True, slots=True)
class Review:
    """One review's n records.

    Attributes
    ----------
    name : str
    titles, abstracts : tuple of str, length n
    included : ndarray of shape (n,), dtype=bool
    """

    name: str
    titles: tuple[str, ...]
    abstracts: tuple[str, ...]
    included: Bools


def judged(
    data: Path, embedding: Callable[[Sequence[str]], FloatArray], *, seed: int, progress: Progress | None = None
) -> Judged:
    """Screen every review with every ranker.

    Parameters
    ----------
    data : Path
        Folder that holds `screening/`.
    embedding : callable
        Texts to vectors of shape (n, d).
    seed : int
        Draws the records a review starts from.
    progress : Progress, default=None
        Told after each review.

    Raises
    ------
    BroadsheetError
        If the file is missing or damaged.
    NotEnoughData
        If no review has two includes and two excludes.
    """
    reviews = read(data)
    rows = [_words(review) for review in reviews]
    letters = [_common_letters(review) for review in reviews]
    priors = [
        _standard(_standard(by_words) + _standard(by_letters))
        for by_words, by_letters in zip(_priors(reviews, rows), _priors(reviews, letters), strict=True)
    ]
    tuned, values = _tune(reviews, seed, progress), []
    for done, (review, words, prior) in enumerate(zip(reviews, rows, priors, strict=True)):
        spaces = _spaces(review, words, embedding)
        rankers: dict[str, Callable[[], Scorer]] = {
            OURS: partial(Screener, spaces, prior),
            ALONE: partial(Screener, spaces, np.zeros_like(prior)),
            OTHERS: partial(_unmoved, prior),
            PEER: partial(_logistic, _tfidf(review, tuned[0]), tuned),
        }
        values.append([_mean(review, make, seed, STARTS) for make in rankers.values()])
        if progress is not None:
            progress("screening", done + 1, len(reviews))
    found = np.array(values)  # (reviews, rankers, measures)
    return Judged(
        corpus="screening",
        protocol=f"Each review starts from one included and one excluded record, is always shown what scores highest, and learns from "
        f"every answer; means of {STARTS} starts. Recall after a tenth is screened; work saved over sampling at {FOUND:.0%} recall.",
        seed=seed,
        facts=_facts(reviews, tuned),
        unit="review",
        values={name: {m: found[:, at, k] for k, m in enumerate(MEASURES)} for at, name in enumerate(rankers)},
        clusters=np.arange(len(reviews), dtype=np.int64),
        groups={},
        ours=OURS,
        peers=(PEER,),
        headline=SAVED,
    )


def read(data: Path) -> list[Review]:
    """Read the reviews that have two includes and two excludes, in the order of the file."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for row in read_lines(data, RECORDS, "topic", "title", "abstract", "label"):
        found.setdefault(str(row["topic"]), []).append((row["title"] or "", row["abstract"] or "", row["label"] == 1))
    reviews = []
    for name, records in found.items():
        titles, abstracts, included = zip(*records, strict=True)
        if min(sum(included), len(included) - sum(included)) > 1:
            reviews.append(Review(name, titles, abstracts, np.array(included, dtype=bool)))
    if not reviews:
        raise NotEnoughData(f"{data}: no review with two includes and two excludes among {len(found)}")
    return reviews


def screen(included: Bools, start: tuple[int, int], scorer: Scorer) -> tuple[float, float]:
    """Show the highest scored until 95 % of the includes are found.

    Parameters
    ----------
    included : ndarray of shape (n,), dtype=bool
    start : (int, int)
        Two records answered before; they count neither as found nor as screened.
    scorer : Scorer

    Returns
    -------
    recall, saved : float
        Share of the includes found in the first tenth; share of the records left unread when 95 % are found, less the 5 % that
        reading in any order would leave.
    """
    n, total = len(included) - 2, int(included.sum()) - int(included[list(start)].sum())
    shown, seen = list(start), np.zeros(len(included), dtype=bool)
    seen[shown] = True
    need, tenth = ceil(FOUND * total), ceil(SHARE * n)
    ranks: list[int] = []
    while len(shown) - 2 < n and (len(ranks) < need or len(shown) - 2 < tenth):
        judged = np.array(shown)
        score = np.where(seen, -np.inf, scorer(judged, included[judged]))
        step = 1 if len(shown) < EACH else max(1, len(shown) // PART)
        best = np.argsort(-score, kind="stable")[: min(step, n + 2 - len(shown))].tolist()
        ranks += [len(shown) - 1 + at for at, record in enumerate(best) if included[record]]
        shown += best
        seen[best] = True
    return sum(rank <= tenth for rank in ranks) / total, 1.0 - ranks[need - 1] / n - (1.0 - FOUND)


class Screener:
    """Answers in, a score for every record out: standardised scores of heads, nearest includes and the prior, summed.

    Parameters
    ----------
    spaces : mapping of str to array or csr_array of shape (n, d)
        Unit rows: words, dense, letters and title letters.
    prior : ndarray of shape (n,), dtype=float32
        What is thought of each record before any answer, standardised.
    """

    def __init__(self, spaces: Mapping[str, Rows], prior: FloatArray) -> None:
        columns = {**spaces, "prior": prior[:, None]}
        parts: list[Any] = [columns["words"], *(csr_array(np.sqrt(share) * columns[name]) for name, share in JOINT.items())]
        joint: csr_array = hstack(parts, format="csr", dtype=np.float32)
        everything: dict[str, Rows] = {**spaces, "all": joint}
        self._spaces = {name: _Space(rows) for name, rows in everything.items()}
        self._prior = PRIOR * prior

    @heads.one_thread_each
    def __call__(self, shown: Ints, answers: Bools) -> FloatArray:
        """Score every record; `shown` must begin with what was shown before."""
        score = self._prior.copy()
        for name, (weight, ridge) in HEADS.items():
            score += weight * _standard(self._spaces[name].head(shown, answers, ridge))
        for name, weight in NEAREST.items():
            score += weight * _standard(self._spaces[name].nearest(shown[answers]))
        return score


class _Space:
    """Rows of one kind, and the inner products needed so far: they only grow."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._gram = np.zeros((0, 0), dtype=np.float32)
        self._close = np.zeros((rows.shape[0], 0), dtype=np.float32)
        self._included = 0

    def head(self, shown: Ints, answers: Bools, ridge: float) -> FloatArray:
        """Score all rows by the reader's head; includes weigh as much as excludes, however few they are."""
        m, known = len(shown), len(self._gram)
        if m > known:
            gram = np.empty((m, m), dtype=np.float32)
            gram[:known, :known] = self._gram
            gram[known:] = _products(self._rows[shown[known:]], self._rows[shown])
            gram[:, known:] = gram[known:].T
            self._gram = gram
        share = np.where(answers, answers.mean(), 1.0 - answers.mean())
        # One is added to every product, so that the head has an intercept: a review's includes are rare.
        head = heads.solve(self._gram + 1.0, np.where(answers, 1.0, -1.0), 0.5 / share, ridge=ridge)
        scores: FloatArray = np.asarray(self._rows @ (self._rows[shown].T @ head.weights), dtype=np.float32)
        return scores

    def nearest(self, included: Ints) -> FloatArray:
        """Mean of the highest inner products with includes."""
        if len(included) > self._included:
            new = _products(self._rows, self._rows[included[self._included :]])
            close = np.concatenate([self._close, new], axis=1)
            self._close = close if close.shape[1] <= TOP else np.partition(close, -TOP, axis=1)[:, -TOP:]
            self._included = len(included)
        mean: FloatArray = self._close.mean(axis=1)
        return mean


def _products(a: Rows, b: Rows) -> FloatArray:
    if isinstance(a, csr_array) and isinstance(b, csr_array):
        return terms.products(a, b)
    found: FloatArray = np.asarray(a @ b.T, dtype=np.float32)
    return found


def _standard(scores: FloatArray) -> FloatArray:
    standard: FloatArray = ((scores - scores.mean()) / (scores.std() + 1e-9)).astype(np.float32)
    return standard


def _words(review: Review) -> csr_array:
    """Hashed terms, weighed by how rare they are within the review."""
    counts = terms.hash_terms(review.titles, review.abstracts)
    frequency = np.bincount(counts.indices, minlength=terms.BUCKETS).astype(np.float32)
    return terms.weigh(counts, terms.idf(frequency, counts.shape[0]))


def _spaces(review: Review, words: csr_array, embedding: Callable[[Sequence[str]], FloatArray]) -> dict[str, Rows]:
    texts = [terms.paper_text(t, a) for t, a in zip(review.titles, review.abstracts, strict=True)]
    dense = embedding(texts)
    return {
        "words": words,
        "dense": unit(dense - dense.mean(axis=0)),
        "letters": _letters(texts, longest=4, rarest=3),
        "title letters": _letters(review.titles, longest=5, rarest=2),
    }


def _letters(texts: Sequence[str], *, longest: int, rarest: int) -> csr_array:
    """Tf-idf of runs of three and more letters that stand in `rarest` texts at least, in fewer where there are few."""
    counter = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(3, longest),
        sublinear_tf=True,
        min_df=min(rarest, 1 + len(texts) // 100),
        dtype=np.float32,
    )
    return csr_array(counter.fit_transform(texts))


def _common_letters(review: Review) -> csr_array:
    """Tf-idf of runs of letters that are the same column in every review."""
    hasher = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=2**18, alternate_sign=False, norm=None)
    counts = hasher.transform(map(terms.paper_text, review.titles, review.abstracts)).astype(np.float32)
    counts.data = 1.0 + np.log(counts.data)
    return csr_array(TfidfTransformer().fit_transform(counts), dtype=np.float32)


def _priors(reviews: Sequence[Review], rows: Sequence[csr_array]) -> list[FloatArray]:
    """What the other reviews' answers say of each review's records; records of the same title are not learned from."""
    texts = csr_array(vstack(rows, format="csr"))
    owner = np.repeat(np.arange(len(reviews)), [len(review.titles) for review in reviews])
    included = np.concatenate([review.included for review in reviews])
    titles = np.array([title.lower() for review in reviews for title in review.titles])
    weight = np.zeros(len(owner))
    for at, review in enumerate(reviews):  # as much of includes as of excludes, and of no review very much
        total = min(int(review.included.sum()), MOST_INCLUDES)
        share = np.where(review.included, review.included.mean(), 1.0 - review.included.mean())
        weight[owner == at] = total / (share * len(share))
    found = []
    for at in range(len(reviews)):
        other = ~np.isin(titles, titles[owner == at])  # its own, and the same record elsewhere
        if not other.any():
            found.append(np.zeros(int((owner == at).sum()), dtype=np.float32))
            continue
        model = LogisticRegression(solver="liblinear", max_iter=300)
        model.fit(texts[other], included[other], sample_weight=weight[other])
        found.append(model.decision_function(texts[owner == at]).astype(np.float32))
    return found


def _unmoved(score: FloatArray) -> Scorer:
    """A ranker that learns nothing from answers."""
    return lambda *_: score


def _tune(reviews: Sequence[Review], seed: int, progress: Progress | None) -> Setting:
    """The peer's setting with the highest sum of both measures, by one start of each review."""
    words = {longest: [_tfidf(review, longest) for review in reviews] for longest in {setting[0] for setting in GRID}}
    sums = []
    for done, setting in enumerate(GRID):
        makers = [partial(_logistic, rows, setting) for rows in words[setting[0]]]
        sums.append(sum(_mean(review, make, seed, 1).sum() for review, make in zip(reviews, makers, strict=True)))
        if progress is not None:
            progress("tuning the peer", done + 1, len(GRID))
    return GRID[int(np.argmax(sums))]


def _tfidf(review: Review, longest: int) -> csr_array:
    """What the peer sees: words, or words and pairs."""
    counter = TfidfVectorizer(ngram_range=(1, longest), sublinear_tf=True, stop_words="english")
    return csr_array(counter.fit_transform(map(terms.paper_text, review.titles, review.abstracts)))


def _logistic(words: csr_array, setting: Setting) -> Scorer:
    """The peer: a logistic regression on the answers."""
    _, strength, balance = setting

    def score(shown: Ints, answers: Bools) -> FloatArray:
        model = LogisticRegression(C=strength, class_weight=balance, solver="liblinear", max_iter=200)
        scores: FloatArray = model.fit(words[shown], answers).decision_function(words).astype(np.float32)
        return scores

    return score


def _mean(review: Review, make: Callable[[], Scorer], seed: int, starts: int) -> Numbers:
    """Mean recall and work saved over the starts, the same for every ranker."""
    rng = np.random.default_rng([seed, *review.name.encode()])
    yes, no = np.flatnonzero(review.included), np.flatnonzero(~review.included)
    pairs = [(int(rng.choice(yes)), int(rng.choice(no))) for _ in range(starts)]
    mean: Numbers = np.mean([screen(review.included, pair, make()) for pair in pairs], axis=0)
    return mean


def _facts(reviews: Sequence[Review], tuned: Setting) -> dict[str, str | int | float]:
    longest, strength, balance = tuned
    return {
        "reviews": len(reviews),
        "records": sum(len(review.titles) for review in reviews),
        "includes": sum(int(review.included.sum()) for review in reviews),
        "starts": STARTS,
        "peer's settings, tuned": f"{'words and pairs' if longest > 1 else 'words'}, C {strength:g}, {balance or 'no'} class weights",
    }

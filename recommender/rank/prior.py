"""Papers and what was learned of past pages in, log-odds float32 (n,) out: whether the page that everyone shares will pick them.

Three witnesses speak: who wrote it (how often their papers were picked, of those that could have been), what it says (a linear model of
its hashed terms) and how it presents itself (links, length, what the authors' comment announces). A few small trees weigh them. Nothing
here depends on a reader, so it is what a page can lean on while little is known of one.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from recommender.errors import ModelDamaged, ModelIncompatible, ShapeError
from recommender.rank import terms
from recommender.rank.arrays import decode, decode_keys, encode
from recommender.rank.trees import booster
from recommender.types import FloatArray, Paper

__all__ = ["FEATURES", "NAMES", "SCHEMA", "AuthorTable", "Description", "Prior", "Words", "author_keys", "describe", "features"]

FORMAT = 1
Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# Papers' worth of doubt about an author: a rate is pulled to the usual one as if so many papers more had been seen.
DOUBT = {"fast": 2.0, "slow": 3.0}

_FACTS = {
    "n_authors": "number of authors",
    "n_categories": "number of categories",
    **{f"in_{name}": f"1 when listed under {name}" for name in ("cs.CV", "cs.CL", "cs.AI", "cs.LG")},
    "primary_cl": "1 when cs.CL is the first category",
    "primary_cv": "1 when cs.CV is the first category",
    "title_words": "words in the title",
    "name_words": "words before the title's colon; 9 without a colon",
    "title_capitals": "share of capitals among the title's characters",
    "survey": "1 when the title says survey or review",
    "benchmark": "1 when the title says bench",
    "abstract_words": "words in the abstract",
    "abstract_digits": "digits in the abstract",
    "abstract_link": "1 when the abstract holds a link",
    "open_source": "1 when the abstract says open source",
    "release": "1 when the abstract promises a release",
    "comment_length": "characters of the authors' comment",
    "comment_link": "1 when the comment holds a link",
    "comment_project": "1 when the comment names a project page",
    "comment_code": "1 when the comment speaks of code",
    "comment_accepted": "1 when the comment says where it was accepted",
    "comment_pages": "pages, as the comment says; -1 when it does not",
}
_OF_AUTHORS = {
    "sum": "sum over the authors of their log-odds of being picked, over the usual",
    "positive": "the same, of those above the usual",
    "mean": "mean of the authors' pick rates",
    "best": "highest of them",
    "second": "second highest; NaN for one author",
    "first": "of the first author",
    "last": "of the last author",
}
_SPEEDS = {"fast": "months", "slow": "a year"}
FEATURES: dict[str, str] = {
    "words": "log-odds by the paper's terms alone",
    **{
        f"{speed}_{name}": f"{what} (remembering {span})" for speed, span in _SPEEDS.items() for name, what in _OF_AUTHORS.items()
    },
    "picked_authors": "authors with a picked paper",
    "picked_share": "their share of the authors",
    "known_authors": "authors that were seen before",
    **_FACTS,
}
NAMES = tuple(FEATURES)
SCHEMA = hashlib.sha256(f"{FORMAT}:{','.join(NAMES)}".encode()).hexdigest()[:16]

_DIGIT = re.compile(r"[0-9]")
_PAGES = re.compile(r"(\d+)\s*pages")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NOBODY = np.uint64(0)


@dataclass(frozen=True, slots=True)
class Description:
    """What n papers say of themselves: nothing in it changes after a paper came in.

    Attributes
    ----------
    facts : ndarray of shape (n, c), dtype=float32
    authors : ndarray of shape (a,), dtype=uint64
        Keys of all authors, paper by paper in their order; a paper without authors has one that nobody knows.
    sizes : ndarray of shape (n,), dtype=int64
        Entries of each paper in `authors`, at least one.
    terms : csr_array of shape (n, BUCKETS), dtype=float32
        Damped counts, not yet weighted.
    """

    facts: FloatArray
    authors: Keys
    sizes: Ints
    terms: csr_array

    def __post_init__(self) -> None:
        n = len(self.sizes)
        if self.facts.shape != (n, len(_FACTS)) or self.terms.shape[0] != n or int(self.sizes.sum()) != len(self.authors):
            raise ShapeError(f"{n} papers, facts {self.facts.shape}, terms {self.terms.shape}, {len(self.authors)} authors")
        if n and int(self.sizes.min()) < 1:
            raise ShapeError("a paper without authors needs one entry that stands for nobody: see `author_keys`")

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, rows: npt.NDArray[np.intp]) -> Description:
        """Return the given rows, in the given order."""
        return Description(self.facts[rows], self.authors[self.entries(rows)], self.sizes[rows], self.terms[rows])

    def entries(self, rows: npt.NDArray[np.intp]) -> Ints:
        """Return where in `authors` those of the given rows stand."""
        sizes = self.sizes[rows]
        first = (np.cumsum(self.sizes) - self.sizes)[rows] - (np.cumsum(sizes) - sizes)
        found: Ints = np.repeat(first, sizes) + np.arange(sizes.sum())
        return found


@dataclass(frozen=True, slots=True)
class AuthorTable:
    """How often the papers of m authors were picked; who is not in it is taken for usual.

    Attributes
    ----------
    keys : ndarray of shape (m,), dtype=uint64
        Rising.
    counts : ndarray of shape (m, 4), dtype=float32
        Papers picked and papers seen with a fast decay, then both with a slow one.
    base : float
        The usual pick rate, between 0 and 1.
    """

    keys: Keys
    counts: FloatArray
    base: float

    def look_up(self, keys: Keys) -> tuple[npt.NDArray[np.bool_], FloatArray]:
        """Return whether each author is known, shape (a,), and their counts, shape (a, 4); zeros for a stranger."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=bool), np.zeros((len(keys), 4), dtype=np.float32)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[at] == keys
        return known, np.where(known[:, None], self.counts[at], np.float32(0.0))


@dataclass(frozen=True, slots=True)
class Words:
    """A linear model of a paper's terms: log-odds = weights · tf-idf + bias."""

    idf: FloatArray
    weights: FloatArray
    bias: float

    def score(self, counted: csr_array) -> FloatArray:
        """Return log-odds, shape (n,)."""
        scores: FloatArray = (terms.weigh(counted, self.idf) @ self.weights + self.bias).astype(np.float32)
        return scores


@dataclass(frozen=True, slots=True)
class Prior:
    """One version of the prior: all that turns a description into log-odds.

    Attributes
    ----------
    version : str
    words : Words
    authors : AuthorTable
    trees : tuple of str
        LightGBM's model texts, each grown from other draws; their log-odds are averaged.
    schema : str
        Of the features it was made for.
    """

    version: str
    words: Words = field(repr=False)
    authors: AuthorTable = field(repr=False)
    trees: tuple[str, ...] = field(repr=False)
    schema: str = SCHEMA

    def score(self, description: Description) -> FloatArray:
        """Return the log-odds of being picked, shape (n,), dtype=float32; a paper's score does not depend on the others'."""
        if not len(description):
            return np.zeros(0, dtype=np.float32)
        values = features(description, self.words, self.authors)
        parts = [booster(text).predict(values, raw_score=True, num_threads=1) for text in self.trees]
        scores: FloatArray = np.mean(parts, axis=0).astype(np.float32)
        return scores

    def dump(self) -> str:
        """Return the prior as JSON text; arrays are little-endian in base64."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": self.version,
                "schema": self.schema,
                "words": [encode(self.words.idf), encode(self.words.weights), self.words.bias],
                "authors": [encode(self.authors.keys), encode(self.authors.counts), self.authors.base],
                "trees": list(self.trees),
            }
        )

    @classmethod
    def load(cls, text: str) -> Prior:
        """Return the prior in a text whose checksum the caller has verified.

        Raises
        ------
        ModelDamaged
            If the text is not a prior's.
        ModelIncompatible
            If it was made for other features, or by another format of this program.
        """
        try:
            parts: dict[str, Any] = json.loads(text)
            if parts["format"] != FORMAT or parts["schema"] != SCHEMA:
                raise ModelIncompatible(f"prior of format {parts['format']} for features {parts['schema']}: retrain")
            idf, weights, bias = parts["words"]
            keys, counts, base = parts["authors"]
            words = Words(decode(idf), decode(weights), float(bias))
            table = AuthorTable(decode_keys(keys), decode(counts).reshape(-1, 4), float(base))
            prior = cls(parts["version"], words, table, tuple(parts["trees"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelDamaged(f"not a prior ({error}): roll back or retrain") from None
        _check(prior)
        return prior


def author_keys(authors: Iterable[str]) -> list[int]:
    """Return one key per author, the same however a name is accented or capitalised; one that nobody has when there are none.

    Examples
    --------
    >>> author_keys(["Jörg K. Müller"]) == author_keys(["JORG K MULLER"])
    True
    >>> author_keys([])
    [0]
    """
    return [_key(name) for name in authors] or [int(_NOBODY)]


def describe(papers: Sequence[Paper], counted: csr_array) -> Description:
    """Note what papers say of themselves.

    Parameters
    ----------
    papers : sequence of Paper, length n
    counted : csr_array of shape (n, BUCKETS), dtype=float32
        As `terms.hash_terms` counts them.

    Raises
    ------
    ShapeError
        If there is not one row of terms per paper.
    """
    keys = [author_keys(paper.authors) for paper in papers]
    facts = np.array([_paper_facts(paper) for paper in papers], dtype=np.float32).reshape(-1, len(_FACTS))
    flat = np.array([key for row in keys for key in row], dtype=np.uint64)
    return Description(facts, flat, np.array([len(row) for row in keys], dtype=np.int64), counted)


def features(description: Description, words: Words | None, authors: AuthorTable) -> FloatArray:
    """Return what the trees see, shape (n, len(NAMES)), dtype=float32; NaN where a column is not defined, as `words` without a model."""
    said = np.full(len(description), np.nan, dtype=np.float32) if words is None else words.score(description.terms)
    columns = [said, *_author_columns(description, authors), *description.facts.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _author_columns(description: Description, table: AuthorTable) -> list[FloatArray]:
    """The columns of both speeds, then who is picked and known."""
    sizes = description.sizes
    starts = np.cumsum(sizes) - sizes
    known, counts = table.look_up(description.authors)
    columns = []
    for number, speed in enumerate(_SPEEDS):
        picked, seen = counts[:, 2 * number], counts[:, 2 * number + 1]
        columns += _speed_columns(picked, seen, DOUBT[speed], table.base, starts, sizes)
    ever = np.add.reduceat((counts[:, 2] > 0).astype(np.float32), starts)
    return [*columns, ever, ever / sizes, np.add.reduceat(known.astype(np.float32), starts)]


def _speed_columns(
    picked: FloatArray, seen: FloatArray, doubt: float, base: float, starts: Ints, sizes: Ints
) -> list[npt.NDArray[Any]]:
    """The columns of `_OF_AUTHORS`, in its order."""
    rate = (picked + doubt * base) / (seen + doubt)
    odds = np.log(rate / (1.0 - rate)) - np.log(base / (1.0 - base))
    falling = rate[np.lexsort((-rate, np.repeat(np.arange(len(sizes)), sizes)))]
    second = np.where(sizes > 1, falling[np.minimum(starts + 1, len(rate) - 1)], np.nan)
    return [
        np.add.reduceat(odds, starts),
        np.add.reduceat(np.maximum(odds, 0.0), starts),
        np.add.reduceat(rate, starts) / sizes,
        falling[starts],
        second,
        rate[starts],
        rate[starts + sizes - 1],
    ]


def _paper_facts(paper: Paper) -> tuple[float, ...]:
    """The columns of `_FACTS`, in its order. What only a picked paper has (upvotes, a code link at the source) must stay out."""
    abstract, title, comment = paper.abstract.lower(), paper.title.lower(), (paper.comment or "").lower()
    primary = paper.categories[0] if paper.categories else ""
    pages = _PAGES.search(comment)
    return (
        len(paper.authors),
        len(paper.categories),
        *(name in paper.categories for name in ("cs.CV", "cs.CL", "cs.AI", "cs.LG")),
        primary == "cs.CL",
        primary == "cs.CV",
        len(title.split()),
        len(title.split(":")[0].split()) if ":" in title else 9,
        sum(map(str.isupper, paper.title)) / max(len(title), 1),
        "survey" in title or "review" in title,
        "bench" in title,
        len(abstract.split()),
        len(_DIGIT.findall(abstract)),
        "http" in abstract,
        "open-source" in abstract or "open source" in abstract,
        "release" in abstract or "publicly available" in abstract,
        len(comment),
        "http" in comment,
        "project" in comment or "github.io" in comment,
        "code" in comment or "github.com" in comment,
        "accepted" in comment or "to appear" in comment or "published" in comment,
        min(int(pages[1]), 1000) if pages else -1,
    )


@lru_cache(maxsize=2**17)
def _key(name: str) -> int:
    folded = name.casefold()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    letters = _NOT_LETTERS.sub(" ", folded).strip()
    return int.from_bytes(hashlib.blake2b(letters.encode(), digest_size=8).digest(), "little") if letters else int(_NOBODY)


def _check(prior: Prior) -> None:
    """Refuse arrays of the wrong length or with values that are no numbers."""
    words, table = prior.words, prior.authors
    lengths = {words.idf.shape, words.weights.shape} == {(terms.BUCKETS,)} and len(table.keys) == len(table.counts)
    numbers = all(np.isfinite(part).all() for part in (words.idf, words.weights, words.bias, table.counts))
    if not lengths or not numbers or not 0.0 < table.base < 1.0 or not prior.trees:
        raise ModelDamaged(f"prior {prior.version}: arrays that do not fit, or are no numbers: roll back or retrain")
    if not isinstance(prior.version, str) or not all(isinstance(text, str) for text in prior.trees):
        raise ModelDamaged("a prior whose version or trees are no text: roll back or retrain")

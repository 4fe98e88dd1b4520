from __future__ import annotations

import base64
import json
import math
import random
from dataclasses import replace
from itertools import pairwise

import lightgbm
import numpy as np
import pytest
from factories import make_paper

from recommender.errors import ModelDamaged, ModelIncompatible, ShapeError
from recommender.rank import prior, terms
from recommender.rank.prior import NAMES, AuthorTable, Description, Prior, Words, author_keys, describe, features
from recommender.types import FloatArray, Paper, Signals

PEOPLE = [f"Person {letter}" for letter in "ABCDEFGH"]


def described(papers: list[Paper]) -> Description:
    return describe(papers, terms.hash_terms([p.title for p in papers], [p.abstract for p in papers]))


def make_table(rng: np.random.Generator, people: list[str] = PEOPLE, base: float = 0.1) -> AuthorTable:
    keys = np.sort(np.array(author_keys(people), dtype=np.uint64))
    seen = rng.uniform(1.0, 9.0, size=(len(keys), 2))
    picked = seen * (rng.random(seen.shape) < 0.5) * rng.random(seen.shape)
    counts = np.stack([picked[:, 0], seen[:, 0], picked[:, 1], seen[:, 1]], axis=1)
    return AuthorTable(keys, counts.astype(np.float32), base)


def make_words(rng: np.random.Generator) -> Words:
    return Words(terms.flat_idf(), rng.normal(size=terms.BUCKETS).astype(np.float32), -1.5)


def make_papers(count: int = 12) -> list[Paper]:
    draw = random.Random(4)
    groups = [tuple(draw.sample([*PEOPLE, "Stranger One", "Stranger Two"], draw.randint(1, 6))) for _ in range(count - 1)]
    return [make_paper(i, authors=authors, topic="vision") for i, authors in enumerate([*groups, ()])]


@pytest.fixture
def papers() -> list[Paper]:
    return make_papers()


@pytest.fixture
def fitted(rng: np.random.Generator) -> Prior:
    """Trees that follow two columns, one of words and one of authors."""
    values = rng.normal(size=(400, len(NAMES))).astype(np.float32)
    wanted = values[:, NAMES.index("words")] + values[:, NAMES.index("slow_sum")] > 0
    texts = [
        lightgbm.train(
            {"objective": "binary", "verbose": -1, "num_leaves": 4, "seed": seed, "num_threads": 1, "bagging_fraction": 0.5}
            | {"bagging_freq": 1},
            lightgbm.Dataset(values, wanted.astype(np.int8), feature_name=list(NAMES)),
            10,
        ).model_to_string()
        for seed in (1, 2)
    ]
    return Prior("prior-test", make_words(rng), make_table(rng), tuple(texts))


def column(values: FloatArray, name: str) -> list[float]:
    return values[:, NAMES.index(name)].tolist()


def test_a_name_has_one_key_however_it_is_written() -> None:
    one, *others = author_keys(["José Núñez-Río", "JOSE NUNEZ RIO", "Jose\u0301 Nun\u0303ez  Ri\u0301o", "Jose Nunez"])
    assert one == others[0] == others[1] != others[2]
    assert author_keys(["…"]) == author_keys([]) == [0]


def test_keys_stand_in_the_authors_order(papers: list[Paper]) -> None:
    found = described(papers)
    assert found.sizes.tolist() == [max(len(p.authors), 1) for p in papers]
    assert found.authors.tolist() == [key for p in papers for key in author_keys(p.authors)]


def test_taking_rows_is_describing_those_papers(papers: list[Paper]) -> None:
    rows = np.array([7, 2, 11, 2])
    taken, direct = described(papers).take(rows), described([papers[row] for row in rows])
    assert np.array_equal(taken.facts, direct.facts)
    assert np.array_equal(taken.authors, direct.authors)
    assert np.array_equal(taken.sizes, direct.sizes)
    assert (taken.terms != direct.terms).nnz == 0
    assert len(described(papers).take(np.array([], dtype=np.intp))) == 0


def test_parts_that_do_not_fit_are_refused(papers: list[Paper]) -> None:
    whole = described(papers)
    with pytest.raises(ShapeError, match="terms"):
        describe(papers[:2], whole.terms)
    with pytest.raises(ShapeError, match="authors"):
        replace(whole, authors=whole.authors[1:])
    with pytest.raises(ShapeError, match="facts"):
        replace(whole, facts=whole.facts[:, 1:])
    nobody = whole.sizes.copy()
    nobody[:2] = 0, nobody[:2].sum()
    with pytest.raises(ShapeError, match="stands for nobody"):
        replace(whole, sizes=nobody)


def test_facts_say_how_a_paper_presents_itself() -> None:
    paper = make_paper(
        title="NovaBench: A Survey of Grasping",
        abstract="We release 12 robots, open-source. See https://example.org for 3 more.",
        authors=("A", "B", "C"),
        categories=("cs.CL", "cs.LG", "math.OC"),
        comment="Accepted at a venue; 14 pages, code and project page: https://example.org/x",
    )
    said = dict(zip(NAMES[-len(prior._FACTS) :], described([paper]).facts[0].tolist(), strict=True))
    assert said == {
        "n_authors": 3,
        "n_categories": 3,
        "in_cs.CV": 0,
        "in_cs.CL": 1,
        "in_cs.AI": 0,
        "in_cs.LG": 1,
        "primary_cl": 1,
        "primary_cv": 0,
        "title_words": 5,
        "name_words": 1,
        "title_capitals": pytest.approx(5 / 31),
        "survey": 1,
        "benchmark": 1,
        "abstract_words": 10,
        "abstract_digits": 3,
        "abstract_link": 1,
        "open_source": 1,
        "release": 1,
        "comment_length": len(paper.comment or ""),
        "comment_link": 1,
        "comment_project": 1,
        "comment_code": 1,
        "comment_accepted": 1,
        "comment_pages": 14,
    }


def test_a_paper_that_says_little_is_no_error() -> None:
    bare = make_paper(title="Q", abstract="", authors=(), categories=(), comment=None)
    said = dict(zip(NAMES[-len(prior._FACTS) :], described([bare]).facts[0].tolist(), strict=True))
    assert {name for name, value in said.items() if value} == {"title_words", "name_words", "title_capitals", "comment_pages"}
    assert said["comment_pages"] == -1
    assert said["name_words"] == 9


def test_what_only_a_picked_paper_has_is_not_looked_at() -> None:
    plain = make_paper(signals=Signals())
    picked = replace(
        plain,
        signals=Signals(upvotes=99, comments=5, stars=1000),
        code_url="https://example.org/code",
        project_url="https://example.org/",
        organization="Somewhere",
        submitter="someone",
        source="huggingface",
    )
    assert np.array_equal(described([plain]).facts, described([picked]).facts)


def test_author_columns_are_what_a_plain_loop_says(papers: list[Paper], rng: np.random.Generator) -> None:
    table = make_table(rng)
    counts = dict(zip(table.keys.tolist(), table.counts.tolist(), strict=True))
    values = features(described(papers), None, table)
    for row, paper in enumerate(papers):
        rows = [counts.get(key, [0.0] * 4) for key in author_keys(paper.authors)]
        for at, speed in ((0, "fast"), (2, "slow")):
            doubt = prior.DOUBT[speed]
            rates = [(c[at] + doubt * 0.1) / (c[at + 1] + doubt) for c in rows]
            odds = [math.log(rate / (1 - rate) / (0.1 / 0.9)) for rate in rates]
            ordered = sorted(rates, reverse=True)
            expected = {
                "sum": sum(odds),
                "positive": sum(x for x in odds if x > 0),
                "mean": sum(rates) / len(rates),
                "best": ordered[0],
                "second": ordered[1] if len(rates) > 1 else math.nan,
                "first": rates[0],
                "last": rates[-1],
            }
            got = {name: float(values[row, NAMES.index(f"{speed}_{name}")]) for name in expected}
            assert got == pytest.approx(expected, abs=1e-5, nan_ok=True)
        ever = sum(c[2] > 0 for c in rows)
        assert values[row, NAMES.index("picked_authors")] == ever
        assert values[row, NAMES.index("picked_share")] == pytest.approx(ever / len(rows))
        assert values[row, NAMES.index("known_authors")] == sum(key in counts for key in author_keys(paper.authors))


def test_strangers_are_taken_for_usual(papers: list[Paper]) -> None:
    nobody = AuthorTable(np.zeros(0, dtype=np.uint64), np.zeros((0, 4), dtype=np.float32), 0.07)
    values = features(described(papers), None, nobody)
    assert column(values, "fast_sum") == pytest.approx([0.0] * len(papers), abs=1e-5)
    assert column(values, "slow_best") == pytest.approx([0.07] * len(papers))
    assert column(values, "known_authors") == [0.0] * len(papers)


def test_words_are_a_linear_model_of_weighed_terms(papers: list[Paper], rng: np.random.Generator) -> None:
    counted = described(papers).terms
    words = Words(rng.uniform(1, 3, terms.BUCKETS).astype(np.float32), rng.normal(size=terms.BUCKETS).astype(np.float32), 0.25)
    dense = counted.toarray() * words.idf
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    assert words.score(counted) == pytest.approx(dense @ words.weights + 0.25, abs=1e-4)
    assert np.isnan(features(described(papers), None, make_table(rng))[:, NAMES.index("words")]).all()


def test_a_score_does_not_depend_on_the_other_papers(papers: list[Paper], fitted: Prior) -> None:
    together = fitted.score(described(papers))
    alone = np.concatenate([fitted.score(described([paper])) for paper in papers])
    assert together.dtype == np.float32
    assert together.shape == (len(papers),)
    assert len(set(together.tolist())) > 1
    assert np.array_equal(together, alone)


def test_the_trees_are_averaged(papers: list[Paper], fitted: Prior) -> None:
    each = [replace(fitted, trees=(text,)).score(described(papers)) for text in fitted.trees]
    assert not np.array_equal(*each)
    assert fitted.score(described(papers)) == pytest.approx(np.mean(each, axis=0), abs=1e-6)


def test_no_papers_no_scores(fitted: Prior) -> None:
    assert fitted.score(described([])).shape == (0,)


def test_a_prior_survives_its_own_text(papers: list[Paper], fitted: Prior) -> None:
    again = Prior.load(fitted.dump())
    assert again.dump() == fitted.dump()
    assert again.version == "prior-test"
    assert np.array_equal(again.score(described(papers)), fitted.score(described(papers)))
    assert all(a < b for a, b in pairwise(again.authors.keys.tolist()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda parts: parts | {"words": parts["words"][:2]},
        lambda parts: parts | {"words": ["####", *parts["words"][1:]]},
        lambda parts: parts | {"words": [base64.b64encode(b"\0" * 8).decode(), *parts["words"][1:]]},
        lambda parts: parts | {"words": [*parts["words"][:2], float("nan")]},
        lambda parts: parts | {"authors": [base64.b64encode(b"\0" * 8).decode(), *parts["authors"][1:]]},
        lambda parts: parts | {"authors": [*parts["authors"][:2], 1.0]},
        lambda parts: parts | {"trees": []},
        lambda parts: parts | {"trees": [7]},
        lambda parts: parts | {"version": 3},
        lambda parts: {key: value for key, value in parts.items() if key != "trees"},
        lambda parts: [parts],
    ],
)
def test_a_damaged_text_is_refused(fitted: Prior, spoil: object) -> None:
    parts = json.loads(fitted.dump())
    with pytest.raises(ModelDamaged, match="retrain"):
        Prior.load(json.dumps(spoil(parts)))  # type: ignore[operator]


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ModelDamaged, match="not a prior"):
        Prior.load("trees")


@pytest.mark.parametrize("change", [{"format": 99}, {"schema": "other"}])
def test_another_format_is_incompatible(fitted: Prior, change: dict[str, object]) -> None:
    with pytest.raises(ModelIncompatible, match="retrain"):
        Prior.load(json.dumps(json.loads(fitted.dump()) | change))

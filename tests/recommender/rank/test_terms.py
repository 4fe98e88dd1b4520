"""Hashed terms: what is counted, how it is weighed, and that a term named to a reader stands in both texts."""

from __future__ import annotations

import numpy as np
import pytest
from factories import make_paper
from sklearn.feature_extraction.text import HashingVectorizer
from strategies import HOSTILE_TEXTS

from recommender.rank import terms
from recommender.rank.terms import BUCKETS, flat_idf, hash_terms, named_terms, paper_text, products, shared, stack, telling, weigh
from recommender.types import FloatArray


def shared_terms(one: str, other: str, weights: FloatArray, *, limit: int = 2) -> tuple[str, ...]:
    """The rarest terms that stand in both texts."""
    return shared(telling(one, weights), named_terms(other), limit=limit)


def test_a_text_without_an_abstract_is_its_title() -> None:
    assert paper_text("Title", "") == "Title"
    assert paper_text("Title", "Body") == "Title. Body"


def test_a_word_of_the_title_counts_twice_and_is_damped() -> None:
    [title_only] = hash_terms(["kernels"], [""]).toarray()
    [both] = hash_terms(["kernels"], ["kernels"]).toarray()
    assert title_only.max() == pytest.approx(1 + np.log(2))
    assert both.max() == pytest.approx(1 + np.log(3))


def test_pairs_of_words_are_terms_and_stop_words_are_not() -> None:
    assert hash_terms(["kernels of the graph"], [""]).nnz == 3  # kernels, graph, "kernels graph"


def test_no_papers_give_no_rows() -> None:
    assert hash_terms([], []).shape == (0, BUCKETS)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_give_finite_counts(text: str) -> None:
    counts = hash_terms([text], [text])
    assert counts.shape == (1, BUCKETS)
    assert np.isfinite(counts.data).all()
    assert np.isfinite(weigh(counts, flat_idf()).data).all()


def test_the_same_term_hashes_to_the_same_bucket_in_every_process() -> None:
    # sklearn's own hash, not Python's salted one: rows stored last year must still match.
    assert np.flatnonzero(hash_terms(["kernels"], [""]).toarray()[0]).tolist() == [65263]


def test_idf_is_smoothed_and_falls_with_frequency() -> None:
    frequency = np.zeros(BUCKETS, dtype=np.float32)
    frequency[:3] = [0, 4, 9]
    weights = terms.idf(frequency, 9)
    assert weights.dtype == np.float32
    assert weights[0] == pytest.approx(np.log(10) + 1)
    assert weights[2] == pytest.approx(1.0)
    assert weights[0] > weights[1] > weights[2]


def test_weighed_rows_have_unit_length_and_empty_rows_stay_empty() -> None:
    rows = weigh(hash_terms(["graph kernels", "", "speech"], ["nodes and edges", "", ""]), flat_idf())
    norms = np.sqrt((rows.toarray() ** 2).sum(axis=1))
    assert norms == pytest.approx([1.0, 0.0, 1.0], abs=1e-6)


def test_weighing_leaves_the_counts_alone() -> None:
    counts = hash_terms(["graph kernels"], [""])
    before = counts.data.copy()
    weigh(counts, np.full(BUCKETS, 7.0, dtype=np.float32))
    assert (counts.data == before).all()


def test_rows_are_stacked_one_below_the_other() -> None:
    upper, lower = hash_terms(["graph kernels", "speech"], ["", ""]), hash_terms(["robots"], [""])
    both = stack(upper, lower)
    assert both.shape == (3, BUCKETS)
    assert abs(both - hash_terms(["graph kernels", "speech", "robots"], [""] * 3)).nnz == 0
    nothing = hash_terms([], [])
    for one, other in ((upper, nothing), (nothing, upper)):
        assert abs(stack(one, other) - upper).nnz == 0
    assert stack(nothing, nothing).shape == (0, BUCKETS)


def test_products_are_the_inner_products_of_rows() -> None:
    a, b = hash_terms(["graph kernels", "speech"], ["", ""]), hash_terms(["kernels of speech", "", "graph"], ["graph", "", ""])
    found = products(a, b)
    assert found.dtype == np.float32
    assert found == pytest.approx(a.toarray() @ b.toarray().T, rel=1e-6)
    assert found[0, 2] > 0
    assert not found[:, 1].any()
    assert products(a, hash_terms([], [])).shape == (2, 0)


def test_a_rare_word_outweighs_a_common_one() -> None:
    weights = flat_idf()
    for word, weight in (("graph", 1.0), ("sheaf", 5.0)):
        weights[HashingVectorizer(n_features=BUCKETS, alternate_sign=False, norm=None).transform([word]).indices] = weight
    assert shared_terms("a graph, a sheaf", "one sheaf; one graph", weights, limit=1) == ("sheaf",)


def test_a_pair_of_words_comes_before_its_parts_and_without_them() -> None:
    assert shared_terms("graph kernels here", "on graph kernels", flat_idf(), limit=3) == ("graph kernels",)


def test_at_most_so_many_terms_are_named() -> None:
    words = "alpha, beta, gamma, delta"
    assert len(shared_terms(words, "delta; gamma; beta; alpha", flat_idf())) == 2
    assert shared_terms("alpha", "beta", flat_idf()) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kernels of a graph", "kernels on the graph"),  # counted as a pair, but no reader finds "kernels graph"
        ("Graph. Kernels", "graph kernels"),
        ("Deep   graph\nkernels", "GRAPH KERNELS"),
    ],
)
def test_a_named_term_stands_in_both_texts(one: str, other: str) -> None:
    found = shared_terms(one, other, flat_idf())
    assert found
    for term in found:
        assert all(term in " ".join(text.lower().split()) for text in (one, other))


def test_what_two_papers_share_really_stands_in_both() -> None:
    for number in range(2, 12):
        one, other = (paper_text(p.title, p.abstract) for p in (make_paper(1), make_paper(number)))
        for term in shared_terms(one, other, flat_idf()):
            assert term in one.lower()
            assert term in other.lower()


def test_the_commands_of_a_formula_are_no_words() -> None:
    one, other = "Bounds in $\\mathbb{R}^n$ \\$5", "Maps $\\mathbb{R} \\to \\mathcal{X}$ for bounds"
    assert shared_terms(one, other, flat_idf()) == ("bounds",)


@pytest.mark.parametrize(
    "between",
    [r"$\alpha \times x$", r"\(\alpha \times x\)", r"\[ \alpha \times x \]", r"\emph", "https://code.example/alpha-times"],
)
def test_what_holds_no_words_names_none_and_joins_none(between: str) -> None:
    assert named_terms(f"graph {between} kernels for sparse maps") == {"graph", "kernels", "sparse", "maps", "sparse maps"}


def test_a_price_opens_no_formula() -> None:
    assert named_terms(r"graphs for \$5, kernels for \$7") == {"graphs", "kernels"}


def test_short_words_are_not_named() -> None:
    assert shared_terms("ai, graph", "graph; ai", flat_idf(), limit=5) == ("graph",)

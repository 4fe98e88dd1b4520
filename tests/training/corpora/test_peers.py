"""What each peer ranks by, on hand-made spaces: two words, three directions of text, and pages on which they disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.types import FloatArray
from training.corpora.peers import PEERS, PeerPage

Rows = Sequence[Sequence[float]]
Part = tuple[Rows, Rows]
NONE: Part = ((), ())
A, B, C = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
X, Y = (1.0, 0.0), (0.0, 1.0)


def dense(rows: Rows) -> FloatArray:
    return np.array(rows, dtype=np.float32).reshape(-1, 3)


def words(rows: Rows) -> csr_array:
    return csr_array(np.array(rows, dtype=np.float32).reshape(-1, 2))


def page(texts: Rows, terms: Rows, *, liked: Part = NONE, disliked: Part = NONE, others: Part = NONE) -> PeerPage:
    """Return a page whose later papers are newer and have fewer upvotes."""
    n = len(texts)
    told = [(dense(part[0]), words(part[1])) for part in (liked, disliked, others)]
    age, upvotes = np.arange(n, 0, -1, dtype=np.float64), np.arange(n, dtype=np.float64)[::-1] * 7
    return PeerPage(dense(texts), words(terms), *told, age=age, upvotes=upvotes)


def scores(name: str, seen: PeerPage, setting: float | None = None) -> list[float]:
    scorer, options = PEERS[name]
    found = scorer(seen, options[0] if setting is None else setting)
    assert found.shape == (len(seen.dense),)
    assert found.dtype == np.float32
    return found.tolist()  # type: ignore[no-any-return]


def test_newest_and_popular_look_at_nothing_else() -> None:
    seen = page([A, B, C], [X, Y, X], liked=([A], [X]), others=([B], [Y]))
    assert scores("newest", seen) == [-3.0, -2.0, -1.0]
    assert scores("popular", seen) == [14.0, 7.0, 0.0]


def test_the_centroid_is_of_the_words_of_the_likes() -> None:
    seen = page([A, A, A], [X, Y, (0.6, 0.8)], liked=([B, B, B, B], [X, X, X, Y]), others=([A], [Y]))
    assert scores("TF-IDF centroid", seen) == pytest.approx([0.75, 0.25, 0.65])


@pytest.mark.parametrize("setting", PEERS["TF-IDF + linear SVM"][1])
def test_the_svm_learns_from_words_alone(setting: float) -> None:
    liked, others = ([B, B, B], [X, X, X]), ([A] * 5, [Y] * 5)
    found = scores("TF-IDF + linear SVM", page([A, A, A], [X, (0.7, 0.7), Y], liked=liked, others=others), setting)
    assert found[0] > found[1] > found[2]
    assert found[0] > 0 > found[2]  # balanced: the many others do not push everything down


@pytest.mark.parametrize("setting", PEERS["logistic regression on embeddings"][1])
def test_the_logistic_regression_learns_from_embeddings_alone(setting: float) -> None:
    liked, others = ([A, A, A], [Y, Y, Y]), ([B] * 5, [X] * 5)
    found = scores(
        "logistic regression on embeddings", page([A, (0.7, 0.7, 0.0), B], [X, X, X], liked=liked, others=others), setting
    )
    assert found[0] > found[1] > found[2]
    assert found[0] > 0 > found[2]


@pytest.mark.parametrize("name", ["TF-IDF + linear SVM", "logistic regression on embeddings"])
def test_those_that_learn_hold_dislikes_against_a_paper(name: str) -> None:
    terms = [(0.6, 0.8), (0.8, 0.6)]
    texts = [(0.6, 0.8, 0.0), (0.8, 0.6, 0.0)]
    liked, others = ([(0.7, 0.7, 0.1)] * 2, [(0.7, 0.7)] * 2), ([C] * 2, [(0.1, 0.1)] * 2)
    disliked = ([A] * 2, [X] * 2)
    without, with_them = (
        scores(name, page(texts, terms, liked=liked, disliked=those, others=others)) for those in (NONE, disliked)
    )
    assert without[0] == pytest.approx(without[1], abs=1e-3)
    assert with_them[0] > with_them[1] + 1e-3


def test_a_higher_setting_of_those_that_learn_fits_closer() -> None:
    seen = page([A, B], [X, Y], liked=([A, A], [X, X]), others=([B, B], [Y, Y]))
    for name in ("TF-IDF + linear SVM", "logistic regression on embeddings"):
        spread = [np.ptp(scores(name, seen, setting)) for setting in PEERS[name][1]]
        assert spread == sorted(spread)
        assert spread[-1] > 1.5 * spread[0]


def test_the_newest_of_the_library_counts_most() -> None:
    seen = page([A, B, (0.6, 0.8, 0.0)], [X, X, Y], liked=([A, B], [Y, Y]))
    older = 1.0 / (1.0 + np.log10(2.0))
    share = np.array([older, 1.0]) / (1.0 + older)
    assert scores("recency-weighted similarity", seen) == pytest.approx([*share, 0.6 * share[0] + 0.8 * share[1]], abs=1e-6)


def test_rocchio_moves_away_from_what_was_left_alone_as_far_as_it_is_set_to() -> None:
    likes = (0.6, 0.4, 0.0)
    seen = page([A, B, C], [X, X, X], liked=([likes], [X]), others=([(0.5, 0.0, 0.0)], [X]))
    for setting, first in ((0.25, 0), (0.5, 1), (1.0, 1)):
        found = np.array([0.6 - 0.5 * setting, 0.4, 0.0])
        expected = (found - found.mean()) / found.std()  # all words are alike: they say nothing
        assert scores("tuned Rocchio", seen, setting) == pytest.approx(expected, abs=1e-5)
        assert int(np.argmax(expected)) == first


def test_rocchio_gives_words_and_embeddings_the_same_say() -> None:
    seen = page([A, B, C], [Y, X, Y], liked=([A], [X]))
    found = scores("tuned Rocchio", seen)
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0] > found[2] + 1


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize(
    "history",
    [
        {},
        {"others": ([A, B], [X, Y])},
        {"disliked": ([A], [X])},
        {"liked": ([A, B], [X, Y])},
        {"disliked": ([A], [X]), "others": ([B], [Y])},
        {"liked": ([A], [X]), "disliked": ([B], [Y])},
    ],
    ids=lambda history: "+".join(history) or "nothing",
)
def test_every_history_will_do(name: str, history: dict[str, Part]) -> None:
    seen = page([A, B, C], [X, Y, X], **history)
    for setting in PEERS[name][1]:
        assert np.isfinite(scores(name, seen, setting)).all()


def test_those_that_learn_say_nothing_where_there_is_nothing_to_tell_apart() -> None:
    for name in ("TF-IDF + linear SVM", "logistic regression on embeddings"):
        assert scores(name, page([A, B], [X, Y], liked=([A], [X]))) == [0.0, 0.0]
        assert scores(name, page([A, B], [X, Y], others=([A], [X]))) == [0.0, 0.0]

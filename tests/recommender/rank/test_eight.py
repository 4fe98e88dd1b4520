"""Questions: spread over what there is, near to what is liked, never an outlier and never the same again."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.errors import ShapeError
from recommender.rank.eight import EIGHT, gains
from recommender.types import FloatArray

NOTHING = np.zeros(0)


@pytest.fixture
def topics(rng: np.random.Generator) -> FloatArray:
    """Twelve topics of ten papers each, and at the end two papers on nothing anybody else writes about."""
    centres = np.eye(14, dtype=np.float32)
    rows = np.repeat(centres[:12], 10, axis=0) + 0.15 * rng.normal(size=(120, 14)).astype(np.float32)
    rows = np.vstack([rows, centres[12:]])
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def ask(pool: FloatArray, answers: list[float]) -> list[int]:
    """Ask as often as there are answers, and return what was asked."""
    asked: list[int] = []
    for number in range(len(answers)):
        told = gains(pool, pool[asked], np.array(answers[:number]))
        told[asked] = -np.inf
        asked.append(int(np.argmax(told)))
    return asked


def test_eight_questions_are_about_eight_topics(topics: FloatArray) -> None:
    asked = ask(topics, [0.0] * EIGHT)
    assert len({row // 10 for row in asked}) == EIGHT
    assert max(asked) < 120  # the two outliers stand for nobody


def test_an_outlier_tells_less_than_any_other_paper(topics: FloatArray) -> None:
    told = gains(topics, topics[:0], NOTHING)
    assert told[120:].max() < told[:120].min()


def test_a_paper_that_was_answered_tells_least_of_its_topic(topics: FloatArray) -> None:
    before, after = gains(topics, topics[:0], NOTHING), gains(topics, topics[[5]], np.array([-1.0]))
    fallen = after[:120] / before[:120]
    assert fallen[:10].max() < 0.7 < fallen[10:].min()
    assert fallen.argmin() == 5


def test_what_is_liked_is_asked_about_sooner(topics: FloatArray) -> None:
    liked, disliked = (gains(topics, topics[[5]], np.array([label])) for label in (1.0, -1.0))
    assert (liked[:10] > 1.5 * disliked[:10]).all()


def test_passing_over_tells_less_than_an_answer(topics: FloatArray) -> None:
    passed, said = (gains(topics, topics[[5]], np.array([label])) for label in (0.0, 1e-9))
    assert (passed[:10] > said[:10]).all()


def test_it_is_the_fall_of_the_uncertainty(topics: FloatArray) -> None:
    """Against the definition: refit with every paper in turn, and add up how far the variances fall."""
    pool = topics[::6].astype(np.float64)
    gram = pool @ pool.T

    def variances(asked: list[int]) -> float:
        cross = gram[:, asked]
        return float(np.trace(gram - cross @ np.linalg.solve(gram[np.ix_(asked, asked)] + 0.5 * np.eye(len(asked)), cross.T)))

    expected = [np.trace(gram) - variances([row]) for row in range(len(pool))]
    np.testing.assert_allclose(gains(pool.astype(np.float32), topics[:0], NOTHING), expected, rtol=1e-4)


def test_nothing_to_ask_about_is_no_error(topics: FloatArray) -> None:
    assert gains(topics[:0], topics[:3], np.ones(3)).shape == (0,)


@pytest.mark.parametrize(("known", "labels"), [(2, 3), (3, 2)])
def test_arrays_that_do_not_fit_are_refused(topics: FloatArray, known: int, labels: int) -> None:
    with pytest.raises(ShapeError):
        gains(topics, topics[:known], np.ones(labels))
    with pytest.raises(ShapeError):
        gains(topics, np.ones((1, 3), dtype=np.float32), np.ones(1))

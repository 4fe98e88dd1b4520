"""What readers like together: found on a checkerboard of readers, refused where they like at random, and where there are too few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge

from recommender.rank.lens import Lens, Taste, flat, unit, whitening
from recommender.types import FloatArray
from training import taste as learning
from training.taste import LEAST_LIKES, LEAST_READERS, fit_taste, helps

TOPICS = 6
Draw = Callable[..., tuple[csr_array, FloatArray, Lens, npt.NDArray[np.intp]]]


@pytest.fixture
def draw(rng: np.random.Generator) -> Draw:
    """Papers of six topics, and readers who like what their kind likes, each from two topics of it only.

    `kind` says which papers one kind of reader likes: by default those of the even topics, or those of the odd ones. Nothing in a
    text says which topics are even.
    """

    def drawn(
        *, readers: int = 200, papers: int = 480, likes: int = 6, at_random: bool = False
    ) -> tuple[csr_array, FloatArray, Lens, npt.NDArray[np.intp]]:
        topic = rng.integers(TOPICS, size=papers)
        text = rng.normal(size=(papers, 24)) * 0.5 + 3.0 * np.eye(TOPICS, 24)[topic] + 4.0
        dense = unit(text.astype(np.float32))
        rows = np.zeros((readers, papers), dtype=np.float32)
        for reader in range(readers):
            of_topics = 2 * rng.choice(3, size=2, replace=False) + reader % 2
            older, newer = (np.flatnonzero(topic == t) for t in of_topics)
            older, newer = older[older < 0.8 * papers], newer[newer >= 0.8 * papers]  # the newest like is of the other topic
            liked = np.concatenate([rng.choice(older, likes - 1, replace=False), rng.choice(newer, 1)])
            rows[reader, rng.choice(papers, likes, replace=False) if at_random else liked] = 1.0
        lens = replace(flat(), sharpen=whitening(dense))
        return csr_array(rows), dense, lens, topic

    return drawn


def test_what_is_liked_together_is_put_together(rng: np.random.Generator, draw: Draw) -> None:
    likes, dense, lens, topic = draw()
    taste = fit_taste(likes, dense, lens, rng=rng)
    assert taste is not None
    rows = taste(lens.sharp(dense))
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(dense)), abs=1e-5)
    assert rows.dtype == taste.whitening(rows).dtype == np.float32
    found, text = (unit(space - space.mean(axis=0)) for space in (rows, lens.sharp(dense)))
    other_topic, same_kind = topic[:, None] != topic[None, :], topic[:, None] % 2 == topic[None, :] % 2
    gaps = [
        alike[other_topic & same_kind].mean() - alike[other_topic & ~same_kind].mean()
        for alike in (found @ found.T, text @ text.T)
    ]
    assert gaps[0] > 0.05
    assert abs(gaps[1]) < 0.01


def test_papers_that_nobody_has_read_yet_find_their_place(rng: np.random.Generator, draw: Draw) -> None:
    likes, dense, lens, topic = draw()
    unread = np.arange(len(dense)) % 4 == 0
    seen = likes.toarray()
    seen[:, unread] = 0.0
    rows = learning._project(csr_array(seen), lens.sharp(dense))(lens.sharp(dense))
    centre = unit(np.stack([rows[~unread & (topic % 2 == kind)].mean(axis=0) for kind in (0, 1)]))
    assert ((rows[unread] @ centre.T).argmax(axis=1) == topic[unread] % 2).mean() > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_readers_who_like_at_random_teach_nothing(seed: int, draw: Draw) -> None:
    likes, dense, lens, _ = draw(at_random=True)
    assert fit_taste(likes, dense, lens, rng=np.random.default_rng(seed)) is None


def test_too_few_readers_teach_nothing(rng: np.random.Generator, draw: Draw) -> None:
    likes, dense, lens, _ = draw(readers=LEAST_READERS - 1)
    assert fit_taste(likes, dense, lens, rng=rng) is None


def test_readers_of_few_papers_do_not_count(rng: np.random.Generator, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_project", lambda *_: pytest.fail("it was fitted"))
    likes, dense, lens, _ = draw(likes=LEAST_LIKES - 1)
    assert fit_taste(likes, dense, lens, rng=rng) is None


def test_the_same_draw_gives_the_same_projection(draw: Draw) -> None:
    likes, dense, lens, _ = draw()
    one, two = (fit_taste(likes, dense, lens, rng=np.random.default_rng(4)) for _ in range(2))
    assert one is not None
    assert two is not None
    assert one.matrix.tobytes() == two.matrix.tobytes()
    assert one.whitening.matrix.tobytes() == two.whitening.matrix.tobytes()


def test_readers_it_is_judged_by_are_not_those_it_was_fitted_on(
    rng: np.random.Generator, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    likes, dense, lens, _ = draw()
    fitted, judged = [], []
    project = learning._project

    def keep_project(rows: csr_array, sharp: FloatArray) -> Taste:
        fitted.append({row.tobytes() for row in rows.toarray()})
        return project(rows, sharp)

    def keep_helps(_: Taste, rows: csr_array, sharp: FloatArray, *, rng: np.random.Generator) -> bool:
        judged.append({row.tobytes() for row in rows.toarray()})
        return True

    monkeypatch.setattr(learning, "_project", keep_project)
    monkeypatch.setattr(learning, "helps", keep_helps)
    assert fit_taste(likes, dense, lens, rng=rng) is not None
    assert len(judged[0]) == pytest.approx(40, abs=2)
    assert not judged[0] & fitted[0]
    assert fitted[1] == judged[0] | fitted[0]  # what was found to help is fitted on all


def test_a_projection_of_nothing_does_not_help(rng: np.random.Generator, draw: Draw) -> None:
    likes, dense, lens, _ = draw()
    sharp = lens.sharp(dense)
    noise = rng.normal(size=(24, 8)).astype(np.float32)
    rows = unit(sharp @ noise)
    assert not helps(Taste(noise, np.zeros(8, dtype=np.float32), whitening(rows)), likes, sharp, rng=rng)


def test_where_a_text_belongs_is_a_weighted_ridge_regression(rng: np.random.Generator) -> None:
    rows, target = rng.normal(size=(60, 5)).astype(np.float32), rng.normal(size=(60, 3)).astype(np.float32)
    weight = rng.uniform(1, 4, 60)
    matrix, bias = learning._regress(rows, target, weight)
    share = weight / weight.sum()
    centred = rows - share @ rows
    strength = learning.RIDGE * np.trace((centred * share[:, None]).T @ centred) / 5
    expected = Ridge(alpha=strength).fit(rows, target, sample_weight=share)
    assert matrix.dtype == bias.dtype == np.float32
    assert rows @ matrix + bias == pytest.approx(expected.predict(rows), abs=1e-4)


def test_readers_who_like_all_there_is_are_no_trouble(rng: np.random.Generator) -> None:
    likes = csr_array(np.ones((LEAST_READERS, 4), dtype=np.float32))
    dense = unit(rng.normal(size=(4, 24)).astype(np.float32))
    assert fit_taste(likes, dense, flat(), rng=rng) is None

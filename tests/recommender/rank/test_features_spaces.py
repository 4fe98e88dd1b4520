"""The spaces a text is seen in, by hand on small pages: likeness to what was judged, heads, certainty, with and without a lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from factories import NOW, TOPICS, make_paper
from graphs_not_robots import EARLIER, FRESH, HATED, LENS, LIKED, PAGE, SPACES, likes, value
from sklearn.linear_model import Ridge
from strategies import described, make_event, vectors_of

from recommender.rank import terms
from recommender.rank.features import NAMES
from recommender.rank.lens import Lens, flat, unit
from recommender.settings import RankSettings
from recommender.types import EventKind, Paper


def test_similarities_by_hand() -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, settings=FRESH)
    own, liked = vectors_of(PAGE).dense, vectors_of(LIKED).dense
    cosines = own @ liked.T
    mean = liked.mean(axis=0)
    assert matrix.column("dense_centroid") == pytest.approx(cosines.mean(axis=1) / np.linalg.norm(mean), abs=1e-5)
    assert matrix.column("dense_nearest") == pytest.approx(cosines.max(axis=1), abs=1e-5)
    assert matrix.column("dense_top5") == pytest.approx(cosines.mean(axis=1), abs=1e-5)  # fewer than five likes: all of them
    assert matrix.column("dense_latest") == pytest.approx(cosines[:, -1], abs=1e-5)


@pytest.mark.parametrize("space", ["sharp", "taste"])
def test_similarities_through_a_lens_by_hand(space: str) -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, lens=LENS, settings=FRESH)
    own, liked = (LENS.sharp(vectors_of(of).dense) for of in (PAGE, LIKED[::-1]))  # newest first
    if space == "taste":
        assert LENS.taste is not None
        own, liked = LENS.taste(own), LENS.taste(liked)
    cosines = unit(own) @ unit(liked).T
    newest_first = 0.5 ** (np.arange(3) / 20)
    assert matrix.column(f"{space}_centroid") == pytest.approx(cosines.mean(axis=1), abs=1e-5)
    assert matrix.column(f"{space}_top5") == pytest.approx(cosines.mean(axis=1), abs=1e-5)
    assert matrix.column(f"{space}_recent") == pytest.approx(cosines @ newest_first / newest_first.sum(), abs=1e-5)
    if space == "sharp":
        soft = np.log(np.exp(8 * cosines).mean(axis=1)) / 8
        assert matrix.column("sharp_soft") == pytest.approx(soft, abs=1e-5)
        assert ((soft >= cosines.mean(axis=1) - 1e-6) & (soft <= cosines.max(axis=1) + 1e-6)).all()


def judged_by(space: str, papers_of: Sequence[Paper]) -> np.ndarray:
    """Return rows of papers in the centred space that a head works in, by hand."""
    vectors = vectors_of(papers_of)
    if space == "lex":
        rows: np.ndarray = terms.weigh(vectors.terms, LENS.idf).toarray() - LENS.common
        return rows
    sharp = LENS.sharp(vectors.dense)
    if space == "sharp":
        return sharp
    assert LENS.taste is not None
    return LENS.taste.whitening(LENS.taste(sharp))


@pytest.mark.parametrize("space", ["sharp", "taste", "lex"])
def test_a_head_is_a_ridge_regression_on_likes_and_dislikes(space: str) -> None:
    events = [*likes(LIKED), *(make_event(10 + n, p, EventKind.HIDE, at=NOW - timedelta(days=2)) for n, p in enumerate(HATED))]
    matrix = described(PAGE, events, read=[*LIKED, *HATED], lens=LENS, settings=FRESH)
    labels, trust = [1.0] * 3 + [-1.0] * 3, [1.0] * 3 + [0.4] * 3
    head = Ridge(alpha=FRESH.ridge, fit_intercept=False).fit(judged_by(space, [*LIKED, *HATED]), labels, sample_weight=trust)
    expected, found = head.predict(judged_by(space, PAGE)), matrix.column(f"{space}_head")
    assert found - found.mean() == pytest.approx(expected - expected.mean(), abs=1e-5)  # what is the same for all does not matter
    if space != "lex":
        assert found == pytest.approx(expected, abs=1e-5)


def test_what_was_judged_is_certain_and_what_lies_far_from_it_is_not() -> None:
    events = likes([*LIKED, PAGE[0]])
    loose, tight = (described(PAGE, events, read=LIKED, lens=LENS, settings=RankSettings(ridge=r)) for r in (3.0, 1e-5))
    assert topic_of(PAGE[0]) == "Graphs"
    assert value(tight, "uncertainty", PAGE[0]) < 0.05
    for matrix in (loose, tight):
        unsure = matrix.column("uncertainty")
        assert ((unsure >= 0) & (unsure <= 1)).all()
        near = np.array([topic_of(paper) == "Graphs" for paper in PAGE])
        assert unsure[near].mean() < unsure[~near].mean()
    assert (tight.column("uncertainty") < loose.column("uncertainty")).all()


def test_without_a_projection_what_readers_like_together_is_unknown() -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, lens=replace(LENS, taste=None))
    unknown = {name for name in NAMES if "taste_" in name}
    assert unknown
    assert all(np.isnan(matrix.column(name)).all() for name in unknown)
    with_it = described(PAGE, likes(LIKED), read=LIKED, lens=LENS)
    for name in set(NAMES) - unknown:
        assert np.array_equal(matrix.column(name), with_it.column(name), equal_nan=True), name


def topic_of(paper: Paper) -> str:
    return paper.authors[0].split()[0]


def test_the_mean_of_five_takes_the_five_nearest() -> None:
    liked = [make_paper(n, day=EARLIER) for n in range(100, 110)]
    matrix = described(PAGE, likes(liked), read=liked, settings=RankSettings(half_life_days=1e9))
    cosines = vectors_of(PAGE).dense @ vectors_of(liked).dense.T
    assert matrix.column("dense_top5") == pytest.approx(np.sort(cosines, axis=1)[:, -5:].mean(axis=1), abs=1e-5)


def test_an_old_like_is_trusted_at_least_by_half() -> None:
    twin = make_paper(1, id="arxiv:twin", day=EARLIER)
    old = [make_event(1, twin, at=NOW - timedelta(days=30_000))]
    page_papers = [make_paper(1), make_paper(2)]
    assert value(described(page_papers, old, read=[twin]), "dense_nearest", page_papers[0]) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("lens", [flat(), LENS], ids=["flat", "lens"])
@pytest.mark.parametrize("kind", [EventKind.UPVOTE, EventKind.DOWNVOTE])
def test_every_similarity_prefers_the_topic_of_what_was_judged(lens: Lens, kind: EventKind) -> None:
    matrix = described(PAGE, likes(LIKED, kind), read=LIKED, lens=lens)
    same = np.array([TOPICS["graphs"].split()[0] in p.abstract for p in PAGE])
    known = [name for name in NAMES if name.startswith(SPACES) and not np.isnan(matrix.column(name)).any()]
    assert len(known) > 3
    for name in known:
        against = kind is EventKind.DOWNVOTE and not name.endswith("disliked")
        column = -matrix.column(name) if against else matrix.column(name)
        assert column[same].min() > column[~same].max(), name


@pytest.mark.parametrize("lens", [flat(), LENS], ids=["flat", "lens"])
def test_on_a_first_day_one_like_makes_a_head(lens: Lens) -> None:
    matrix = described(PAGE[:2], likes(PAGE[:1]), lens=lens)
    for name in ("sharp_head", "lex_head", "uncertainty"):
        assert np.isfinite(matrix.column(name)).all(), name


def test_the_likeness_of_a_paper_to_itself_is_not_news() -> None:
    one, other = make_paper(1), make_paper(1, topic="speech")
    matrix = described([one, other], likes([one]), lens=LENS)
    for name in ("dense_nearest", "lex_nearest", "sharp_top5", "sharp_soft", "taste_top5"):
        assert np.isnan(value(matrix, name, one)), name  # nothing else to be near
        assert np.isfinite(value(matrix, name, other)), name
    assert np.isnan(value(described([one, other], likes([one], EventKind.HIDE)), "dense_disliked", one))

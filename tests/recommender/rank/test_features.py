"""Every feature, by hand on small pages: what it says, where it is undefined, and that hostile papers cannot make it infinite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, TOPICS, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, histories, make_event, make_inputs, papers, vectors_of

from recommender.errors import ShapeError
from recommender.rank import features, page
from recommender.rank.features import FEATURES, MONOTONE, NAMES, STANDARDISED
from recommender.rank.model import blend_ranker
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, FeatureMatrix, Paper, Signals

EARLIER = DAY - timedelta(days=3)
PAGE = make_edition(per_topic=3)
OLD = make_edition(EARLIER, per_topic=3)
LIKED = [paper for paper in OLD if paper.authors[0].startswith("Graphs")]


def described(
    page_papers: Sequence[Paper], events: Sequence[Event] = (), *, settings: RankSettings | None = None, **facts: object
) -> FeatureMatrix:
    return page.describe(make_inputs(page_papers, events, **facts), blend_ranker(), settings or RankSettings())  # type: ignore[arg-type]


def likes(of: Sequence[Paper], kind: EventKind = EventKind.UPVOTE) -> list[Event]:
    return [make_event(n, p, kind, at=NOW - timedelta(days=2)) for n, p in enumerate(of, start=1)]


def value(matrix: FeatureMatrix, name: str, paper: Paper) -> float:
    return float(matrix.column(name)[matrix.paper_ids.index(paper.id)])


def test_every_feature_has_a_direction_and_a_meaning() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(MONOTONE)
    assert set(MONOTONE) == {-1, 0, 1}
    assert all(meaning for _, meaning in FEATURES.values())


def test_a_standardised_feature_moves_the_score_as_the_plain_one_does() -> None:
    for name in STANDARDISED:
        assert FEATURES[f"z_{name}"][0] == FEATURES[name][0]


def test_vectors_of_other_papers_are_refused() -> None:
    inputs = make_inputs(PAGE)
    taste = page.profile.build([], {}, vectors_of([]), as_of=NOW, day=DAY, settings=RankSettings())
    with pytest.raises(ShapeError, match="same order"):
        features.build(
            PAGE[::-1], inputs.vectors, taste, vectors_of([]), blend_ranker().idf, voted=frozenset(), settings=RankSettings()
        )


def test_no_papers_give_no_rows() -> None:
    assert described([], likes(LIKED), read=LIKED).values.shape == (0, len(NAMES))


def test_a_reader_without_history_has_no_similarities() -> None:
    matrix = described(PAGE)
    for name in NAMES:
        if name.removeprefix("z_").startswith(("dense_", "lex_")):
            assert np.isnan(matrix.column(name)).all(), name
    for name in ("author_affinity", "author_sum", "category_affinity", "primary_affinity", "likes", "dislikes"):
        assert (matrix.column(name) == 0).all(), name


def test_a_reader_with_only_dislikes_has_one_similarity() -> None:
    matrix = described(PAGE, likes(LIKED, EventKind.DOWNVOTE), read=LIKED)
    assert np.isnan(matrix.column("dense_centroid")).all()
    assert not np.isnan(matrix.column("z_dense_disliked")).any()
    assert (matrix.column("dislikes") == len(LIKED)).all()


def test_a_reader_with_only_clicks_has_similarities_but_no_newest_like() -> None:
    matrix = described(PAGE, likes(LIKED, EventKind.CLICK), read=LIKED)
    assert not np.isnan(matrix.column("dense_head")).any()
    assert np.isnan(matrix.column("dense_latest")).all()
    assert (matrix.column("likes") == 0).all()


def test_likes_without_vectors_are_like_no_likes() -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, unread=[p.id for p in LIKED])
    assert matrix.values.tobytes() == described(PAGE).values.tobytes()


def test_similarities_by_hand() -> None:
    events, ages = likes(LIKED), RankSettings(half_life_days=1e9)
    matrix = described(PAGE, events, read=LIKED, settings=ages)
    own, liked = vectors_of(PAGE).dense, vectors_of(LIKED).dense
    cosines = own @ liked.T
    mean = liked.mean(axis=0)
    assert matrix.column("dense_centroid") == pytest.approx(cosines.mean(axis=1) / np.linalg.norm(mean), abs=1e-5)
    assert matrix.column("dense_nearest") == pytest.approx(cosines.max(axis=1), abs=1e-5)
    assert matrix.column("dense_top5") == pytest.approx(cosines.mean(axis=1), abs=1e-5)  # fewer than five likes: all of them
    assert matrix.column("dense_latest") == pytest.approx(cosines[:, -1], abs=1e-5)


def test_the_mean_of_five_takes_the_five_nearest() -> None:
    liked = [make_paper(n, day=EARLIER) for n in range(100, 110)]
    matrix = described(PAGE, likes(liked), read=liked, settings=RankSettings(half_life_days=1e9))
    cosines = vectors_of(PAGE).dense @ vectors_of(liked).dense.T
    assert matrix.column("dense_top5") == pytest.approx(np.sort(cosines, axis=1)[:, -5:].mean(axis=1), abs=1e-5)


def test_an_old_like_is_trusted_at_least_by_half() -> None:
    twin = make_paper(1, id="arxiv:twin", day=EARLIER)
    old = [make_event(1, twin, at=NOW - timedelta(days=3000))]
    page_papers = [make_paper(1), make_paper(2)]
    assert value(described(page_papers, old, read=[twin]), "dense_nearest", page_papers[0]) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("space", ["dense", "lex"])
def test_every_similarity_prefers_the_topic_of_the_likes(space: str) -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, background=OLD)
    same = np.array([TOPICS["graphs"].split()[0] in p.abstract for p in PAGE])
    for name in ("centroid", "nearest", "top5", "latest", "head"):
        column = matrix.column(f"{space}_{name}")
        assert column[same].min() > column[~same].max(), name
    against = described(PAGE, likes(LIKED, EventKind.DOWNVOTE), read=LIKED).column(f"{space}_disliked")
    assert against[same].min() > against[~same].max()


def test_on_a_first_day_the_page_itself_stands_for_everything_else() -> None:
    assert not np.isnan(described(PAGE, likes(LIKED), read=LIKED).column("dense_head")).any()


def test_there_is_no_head_when_there_is_nothing_else() -> None:
    only = PAGE[:2]
    matrix = described(only, likes(only))
    assert np.isnan(matrix.column("dense_head")).all()
    assert np.isfinite(matrix.column("dense_centroid")).all()


def test_the_likeness_of_a_paper_to_itself_is_not_news() -> None:
    one, other = make_paper(1), make_paper(1, topic="speech")
    matrix = described([one, other], likes([one]))
    assert np.isnan([value(matrix, "dense_nearest", one), value(matrix, "lex_nearest", one)]).all()  # nothing else to be near
    assert np.isnan(value(described([one, other], likes([one], EventKind.HIDE)), "dense_disliked", one))


def test_authors_and_categories_by_hand() -> None:
    fan = make_paper(1, day=EARLIER, authors=("Ann",), categories=("cs.LG",))
    foe = make_paper(2, day=EARLIER, authors=("Bo",), categories=("cs.CV",))
    events = [make_event(1, fan), make_event(2, foe, EventKind.DOWNVOTE)]
    both = make_paper(3, authors=("Bo", "Ann", "Cy"), categories=("cs.CV", "cs.LG"))
    neither = make_paper(4, authors=(), categories=())
    settings = RankSettings(half_life_days=1e9)
    matrix = described([both, neither, make_paper(5, authors=("Ann",))], events, read=[fan, foe], settings=settings)
    assert abs(value(matrix, "author_affinity", both)) == pytest.approx(0.5)
    assert value(matrix, "author_sum", both) == pytest.approx(0.0)
    assert value(matrix, "category_affinity", both) == pytest.approx(0.0)
    assert value(matrix, "primary_affinity", both) == pytest.approx(-1 / 3)
    assert value(matrix, "author_affinity", neither) == value(matrix, "category_affinity", neither) == 0.0


def test_facts_by_hand() -> None:
    paper = make_paper(
        1,
        published=NOW - timedelta(days=2),
        signals=Signals(upvotes=7),
        code_url="https://example.org/code",
        announce="cross",
        authors=("A", "B", "C"),
        abstract="four words of text",
    )
    matrix = described([paper, make_paper(2, signals=Signals())])
    assert value(matrix, "age_days", paper) == pytest.approx(2 + 16 / 24)  # until midnight
    assert value(matrix, "log_upvotes", paper) == pytest.approx(np.log(8))
    assert [value(matrix, n, paper) for n in ("has_code", "is_cross", "n_authors", "abstract_words")] == [1, 1, 3, 4]
    assert np.isnan(matrix.column("log_upvotes")[1])


def test_an_age_is_never_negative_and_never_absurd() -> None:
    future, ancient = make_paper(1, published=NOW + timedelta(days=9)), make_paper(2, published=datetime(1900, 1, 1, tzinfo=UTC))
    assert described([future, ancient]).column("age_days").tolist() == [0.0, 3650.0]


def test_columns_are_standardised_over_the_papers_not_voted_on() -> None:
    matrix = described(PAGE, [*likes(LIKED), make_event(9, PAGE[0])], read=LIKED)
    still_open = np.array([paper_id != PAGE[0].id for paper_id in matrix.paper_ids])
    for name in STANDARDISED:
        z = matrix.column(f"z_{name}")[still_open]
        if not np.isnan(z).all():
            assert np.nanmean(z) == pytest.approx(0, abs=1e-4), name
            assert np.nanstd(z) == pytest.approx(1, abs=1e-4), name


def test_a_column_that_says_the_same_of_every_paper_says_nothing() -> None:
    matrix = described([make_paper(n, signals=Signals(upvotes=3)) for n in range(4)])
    assert np.isnan(matrix.column("z_log_upvotes")).all()


def test_an_outlier_is_cut_at_six_deviations() -> None:
    many = [make_paper(n, signals=Signals(upvotes=0)) for n in range(60)]
    star = make_paper(99, signals=Signals(upvotes=10**6))
    assert value(described([*many, star]), "z_log_upvotes", star) == 6.0


def test_likes_beyond_the_cap_change_nothing() -> None:
    many = [make_paper(n, topic="speech", day=EARLIER, id=f"arxiv:a{n:04d}") for n in range(400)]
    capped = RankSettings(max_likes=300)
    everything, newest = (described(PAGE, likes(of), read=many, settings=capped) for of in (many, many[100:]))
    assert (everything.column("likes") == 300).all()
    assert np.allclose(everything.values, newest.values, atol=1e-6, equal_nan=True)


def test_faded_likes_still_give_finite_features() -> None:
    events = [make_event(1, LIKED[0], at=NOW - timedelta(days=2000)), make_event(2, LIKED[1])]
    matrix = described(PAGE, events, read=LIKED, settings=RankSettings(half_life_days=1.0))
    assert np.isfinite(matrix.column("dense_head")).all()


@PROPERTY
@given(data=st.data())
def test_no_history_and_no_text_makes_a_feature_infinite(data: st.DataObject) -> None:
    found = data.draw(papers())
    events = data.draw(histories([*found, *OLD[:4]]))
    matrix = described(found, events, read=OLD[:4], background=data.draw(st.sampled_from([[], OLD])))
    assert matrix.names == NAMES
    assert matrix.values.dtype == np.float32
    assert not np.isinf(matrix.values).any()
    assert np.isfinite(blend_ranker().score(matrix)).all()

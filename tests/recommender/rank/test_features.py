"""Every feature, by hand on small pages: what it says, where it is undefined, and that hostile papers cannot make it infinite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, make_paper
from graphs_not_robots import EARLIER, FRESH, HATED, LENS, LIKED, OLD, PAGE, SPACES, likes, value
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, described, histories, make_event, make_inputs, papers, vectors_of

from recommender.errors import ShapeError
from recommender.rank import features, page
from recommender.rank.features import FEATURES, MONOTONE, NAMES, RANKED, STANDARDISED
from recommender.rank.lens import flat
from recommender.rank.model import blend_ranker
from recommender.settings import RankSettings
from recommender.types import EventKind, Signals


def test_every_feature_has_a_direction_and_a_meaning() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(MONOTONE)
    assert set(MONOTONE) == {-1, 0, 1}
    assert all(meaning for _, meaning in FEATURES.values())


def test_a_standardised_or_ranked_feature_moves_the_score_as_the_plain_one_does() -> None:
    for name in STANDARDISED:
        assert FEATURES[f"z_{name}"][0] == FEATURES[name][0]
    for name in RANKED:
        assert FEATURES[f"r_{name}"][0] == FEATURES[name][0] == 1


def test_vectors_of_other_papers_are_refused() -> None:
    inputs = make_inputs(PAGE)
    taste = page.profile.build([], {}, vectors_of([]), as_of=NOW, day=DAY, settings=RankSettings())
    with pytest.raises(ShapeError, match="same order"):
        features.build(PAGE[::-1], inputs.window.vectors, taste, flat(), voted=frozenset(), settings=RankSettings())


def test_a_lens_for_other_vectors_is_refused() -> None:
    sharpen = LENS.sharpen
    assert sharpen is not None
    narrow = replace(LENS, sharpen=replace(sharpen, mean=sharpen.mean[:7], matrix=sharpen.matrix[:7, :7]))
    with pytest.raises(ShapeError, match="7 numbers, not 64: retrain"):
        described(PAGE, likes(LIKED), read=LIKED, lens=narrow)


def test_what_is_thought_of_a_paper_beforehand_is_a_feature() -> None:
    inputs = make_inputs(PAGE)
    taste = page.profile.build([], {}, vectors_of([]), as_of=NOW, day=DAY, settings=RankSettings())
    prior = np.linspace(-3, 1, len(PAGE), dtype=np.float32)
    with_it, without = (
        features.build(PAGE, inputs.window.vectors, taste, LENS, voted=frozenset(), settings=RankSettings(), prior=given)
        for given in (prior, None)
    )
    assert (with_it.column("prior") == prior).all()
    assert (np.diff(with_it.column("z_prior")) > 0).all()
    assert np.isnan(without.column("prior")).all()


def test_no_papers_give_no_rows() -> None:
    assert described([], likes(LIKED), read=LIKED).values.shape == (0, len(NAMES))


def test_a_reader_without_history_has_no_similarities() -> None:
    matrix = described(PAGE, lens=LENS)
    for name in NAMES:
        if name.removeprefix("z_").removeprefix("r_").startswith(SPACES):
            assert np.isnan(matrix.column(name)).all(), name
    for name in ("uncertainty", "team_gap", "z_category_lift"):
        assert np.isnan(matrix.column(name)).all(), name
    for name in (
        "category_lift",
        "primary_lift",
        "organization_affinity",
        "author_affinity",
        "author_sum",
        "category_affinity",
        "primary_affinity",
        "likes",
        "dislikes",
    ):
        assert (matrix.column(name) == 0).all(), name


def test_a_reader_with_only_dislikes_has_heads_and_what_is_disliked() -> None:
    matrix = described(PAGE, likes(LIKED, EventKind.DOWNVOTE), read=LIKED, lens=LENS)
    known = {name for name in NAMES if name.startswith(SPACES) and not np.isnan(matrix.column(name)).any()}
    assert known == {"dense_disliked", "lex_disliked", "sharp_head", "taste_head", "lex_head"}
    same = np.array([p.authors[0].startswith("Graphs") for p in PAGE])
    assert (matrix.column("sharp_head")[same] < 0).all()
    assert (matrix.column("dislikes") == len(LIKED)).all()


def test_a_reader_with_only_clicks_has_similarities_but_no_newest_like() -> None:
    matrix = described(PAGE, likes(LIKED, EventKind.CLICK), read=LIKED, lens=LENS)
    for name in ("sharp_head", "taste_head", "lex_head", "dense_top5"):
        assert not np.isnan(matrix.column(name)).any(), name
    assert np.isnan(matrix.column("dense_latest")).all()
    assert (matrix.column("likes") == 0).all()


def test_likes_without_vectors_are_like_no_likes() -> None:
    matrix = described(PAGE, likes(LIKED), read=LIKED, unread=[p.id for p in LIKED])
    assert matrix.values.tobytes() == described(PAGE).values.tobytes()


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


def test_of_several_authors_the_one_who_matters_most_counts() -> None:
    liked = [make_paper(n, day=EARLIER, authors=("Ann",) if n < 3 else ("Bo",)) for n in (1, 2, 3)]
    events = [make_event(n, paper) for n, paper in enumerate(liked, start=1)]
    theirs = [make_paper(4, authors=("Ann", "Bo")), make_paper(5, authors=("Bo", "Ann")), make_paper(6, authors=("Bo",))]
    matrix = described(theirs, events, read=liked, settings=FRESH)
    assert [value(matrix, "author_affinity", paper) for paper in theirs] == pytest.approx([2 / 3, 2 / 3, 1 / 2])
    assert value(matrix, "author_sum", theirs[0]) == pytest.approx(2 / 3 + 1 / 2)


def test_an_organisation_by_hand() -> None:
    liked = make_paper(1, day=EARLIER, organization="Institute")
    theirs, others, nobodys = (make_paper(n, organization=o) for n, o in ((2, "Institute"), (3, "Academy"), (4, None)))
    page_papers = [theirs, others, nobodys]
    for kind, expected in ((EventKind.UPVOTE, 0.5), (EventKind.DOWNVOTE, -0.5)):
        matrix = described(page_papers, [make_event(1, liked, kind)], read=[liked], settings=FRESH)
        assert [value(matrix, "organization_affinity", p) for p in page_papers] == pytest.approx([expected, 0.0, 0.0])


def test_the_size_of_the_team_by_hand() -> None:
    pair = make_paper(1, day=EARLIER, authors=("A", "B"))
    alone, eight, unsigned = (make_paper(n, authors=a) for n, a in ((2, ("C",)), (3, tuple("DEFGHIJK")), (4, ())))
    matrix = described([alone, eight, unsigned], [make_event(1, pair)], read=[pair])
    assert matrix.column("team") == pytest.approx([0.0, np.log(8), 0.0])
    assert matrix.column("team_gap") == pytest.approx([np.log(2), np.log(4), np.log(2)])


def test_the_lift_of_a_category_by_hand() -> None:
    """Three of three likes in cs.RO, which a quarter of the page is in: about log(0.6 / 0.25 + 0.4)."""
    liked = [make_paper(n, day=EARLIER, categories=("cs.RO",)) for n in range(3)]
    page_papers = [make_paper(n, categories=c) for n, c in enumerate([("cs.RO",), ("cs.CV", "cs.CV"), ("cs.CV",), ()], start=9)]
    matrix = described(page_papers, likes(liked), read=liked, settings=FRESH)
    unsure = 2 / 5
    at_home, away = np.log((3 / 5) / (1 / 4) + unsure), np.log(0 + unsure)
    assert matrix.column("primary_lift") == pytest.approx([at_home, away, away, 0.0], abs=1e-5)
    assert matrix.column("category_lift") == pytest.approx([at_home, away, away, 0.0], abs=1e-5)
    both = make_paper(9, categories=("cs.RO", "cs.CV"))
    matrix = described([both, *page_papers[1:]], likes(liked), read=liked, settings=FRESH)
    assert value(matrix, "primary_lift", both) == pytest.approx(at_home, abs=1e-5)
    assert value(matrix, "category_lift", both) == pytest.approx(at_home + away, abs=1e-5)


def test_a_category_of_dislikes_is_no_lift() -> None:
    hated = [make_paper(n, day=EARLIER, categories=("cs.RO",)) for n in range(3)]
    page_papers = [make_paper(1, categories=("cs.RO",)), make_paper(2, categories=("cs.CV",))]
    matrix = described(page_papers, likes(hated, EventKind.DOWNVOTE), read=hated, settings=FRESH)
    assert matrix.column("primary_lift") == pytest.approx([-3 / 5, 0.0], abs=1e-5)


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
    assert [value(matrix, n, paper) for n in ("has_code", "is_cross", "abstract_words")] == [1, 1, 4]
    assert np.isnan(matrix.column("log_upvotes")[1])


def test_an_age_is_never_negative_and_never_absurd() -> None:
    future, ancient = make_paper(1, published=NOW + timedelta(days=9)), make_paper(2, published=datetime(1900, 1, 1, tzinfo=UTC))
    assert described([future, ancient]).column("age_days").tolist() == [0.0, 3650.0]


def test_columns_are_standardised_over_the_papers_not_voted_on() -> None:
    matrix = described(PAGE, [*likes(LIKED), make_event(9, PAGE[0])], read=LIKED, lens=LENS)
    still_open = np.array([paper_id != PAGE[0].id for paper_id in matrix.paper_ids])
    for name in STANDARDISED:
        z = matrix.column(f"z_{name}")[still_open]
        if not np.isnan(z).all():
            assert np.nanmean(z) == pytest.approx(0, abs=1e-4), name
            assert np.nanstd(z) == pytest.approx(1, abs=1e-4), name


def test_columns_are_ranked_over_the_papers_not_voted_on() -> None:
    matrix = described(PAGE, [*likes(LIKED), make_event(9, PAGE[0])], read=LIKED, lens=LENS)
    still_open = np.array([paper_id != PAGE[0].id for paper_id in matrix.paper_ids])
    for name in RANKED:
        plain, ranks = matrix.column(name), matrix.column(f"r_{name}")
        base = plain[still_open]
        expected = [((base < v).sum() + (base <= v).sum()) / 2 / len(base) for v in plain]
        assert ranks == pytest.approx(expected, abs=1e-6), name
        assert ranks[still_open].mean() == pytest.approx(0.5, abs=1e-6)
        assert (np.argsort(ranks[still_open]) == np.argsort(base)).all()


def test_papers_of_one_text_share_their_rank() -> None:
    twins = [replace(PAGE[0], id=f"arxiv:twin{n}") for n in range(3)]
    matrix = described([*twins, PAGE[-1]], likes(HATED), read=HATED, lens=LENS)
    ranks = [value(matrix, "r_lex_head", paper) for paper in (*twins, PAGE[-1])]
    assert ranks[0] == ranks[1] == ranks[2]
    assert sorted(ranks) in (
        [0.125, 0.625, 0.625, 0.625],
        [0.375, 0.375, 0.375, 0.875],
    )  # one side or the other of the odd one out


def test_a_page_of_one_text_has_no_ranks() -> None:
    twins = [replace(PAGE[0], id=f"arxiv:twin{n}") for n in range(3)]
    matrix = described(twins, likes(HATED), read=HATED, lens=LENS)
    assert np.isnan(matrix.column("r_lex_head")).all()
    assert np.isnan(matrix.column("z_lex_head")).all()


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
    matrix = described(PAGE, events, read=LIKED, lens=LENS, settings=RankSettings(half_life_days=1.0))
    for name in ("sharp_head", "taste_head", "lex_head", "sharp_recent", "sharp_soft", "uncertainty"):
        assert np.isfinite(matrix.column(name)).all(), name


@PROPERTY
@given(data=st.data())
def test_no_history_and_no_text_makes_a_feature_infinite(data: st.DataObject) -> None:
    found = data.draw(papers())
    events = data.draw(histories([*found, *OLD[:4]]))
    lens = data.draw(st.sampled_from([flat(), LENS]))
    matrix = described(found, events, read=OLD[:4], lens=lens)
    assert matrix.names == NAMES
    assert matrix.values.dtype == np.float32
    assert not np.isinf(matrix.values).any()
    assert np.isfinite(blend_ranker(lens).score(matrix)).all()

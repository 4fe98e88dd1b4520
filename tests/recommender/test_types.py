"""The values refuse what cannot be, and cannot be changed once made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import datetime

import numpy as np
import pytest
from factories import DAY, NOW, make_paper
from scipy.sparse import csr_array
from strategies import vectors_of

from recommender import types
from recommender.errors import ShapeError
from recommender.types import EventKind, FeatureMatrix, PaperVectors, Profile


def test_what_is_exported_is_there() -> None:
    assert len(set(types.__all__)) == len(types.__all__)  # their order is the linter's business
    assert all(hasattr(types, name) for name in types.__all__)


@pytest.mark.parametrize(
    ("kind", "vote", "shelf"),
    [
        ("upvote", True, False),
        ("downvote", True, False),
        ("hide", True, False),
        ("clear", True, False),
        ("save", False, True),
        ("unsave", False, True),
        ("click", False, False),
    ],
)
def test_each_kind_speaks_in_one_slot(kind: str, vote: bool, shelf: bool) -> None:
    assert (EventKind(kind).is_vote, EventKind(kind).is_shelf) == (vote, shelf)


def test_there_are_no_other_kinds() -> None:
    assert len(EventKind) == 7


def test_a_paper_needs_a_namespace_and_a_time_zone() -> None:
    with pytest.raises(ShapeError, match=r"write it like 'arxiv:2601\.01234'"):
        make_paper(1, id="2601.01234")
    with pytest.raises(ShapeError, match="time zone"):
        make_paper(1, published=datetime(2026, 5, 20))  # noqa: DTZ001 (the very thing that is refused)


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        make_paper(1).title = "Another"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        vectors_of([make_paper(1)]).dense[0, 0] = 1.0


def test_each_paper_needs_one_row_in_both_descriptions() -> None:
    good = vectors_of([make_paper(1), make_paper(2)])
    for wrong in ({"ids": ("a:1",)}, {"dense": good.dense[:1]}, {"dense": good.dense[0]}, {"counted": good.terms[[0]]}):
        with pytest.raises(ShapeError, match="one row in both"):
            replace(good, **wrong)


def test_taking_rows_keeps_the_descriptions_together() -> None:
    vectors = vectors_of(make_paper(n) for n in range(4))
    taken = vectors.take([2, 0])
    assert taken.ids == (vectors.ids[2], vectors.ids[0])
    assert (taken.dense == vectors.dense[[2, 0]]).all()
    assert (taken.terms != vectors.terms[[2, 0]]).nnz == 0
    assert len(vectors.take([])) == 0


def test_nothing_can_be_taken_from_nothing() -> None:
    empty = PaperVectors((), np.zeros((0, 0), dtype=np.float32), csr_array((0, 5), dtype=np.float32))
    assert len(empty.take([])) == 0


def test_a_profile_needs_one_weight_per_paper() -> None:
    liked, none = vectors_of([make_paper(1)]), vectors_of([])
    one, zero = np.ones(1, dtype=np.float32), np.ones(0, dtype=np.float32)
    profile = Profile(NOW, DAY, liked, one, none, zero, {}, {}, 1, 0)
    with pytest.raises(ValueError, match="read-only"):
        profile.liked_weight[0] = 2.0
    for wrong in ({"liked_weight": zero}, {"disliked_weight": one}):
        with pytest.raises(ShapeError, match="one weight per"):
            replace(profile, **wrong)


def test_features_fit_their_names_are_never_infinite_and_cannot_be_changed() -> None:
    matrix = FeatureMatrix(("a:1",), ("x", "y"), np.array([[1.0, np.nan]], dtype=np.float32), "s")
    assert matrix.column("x").tolist() == [1.0]
    with pytest.raises(ShapeError, match="1 papers and 1 features"):
        replace(matrix, names=("x",))
    with pytest.raises(ShapeError, match="infinite"):
        replace(matrix, values=np.array([[np.inf, 0.0]], dtype=np.float32))
    with pytest.raises(ValueError, match="read-only"):
        matrix.values[0, 0] = 2.0

"""One tree of exceptions, as its docstring draws it."""

from __future__ import annotations

import inspect
import re

import pytest

from recommender import errors
from recommender.errors import BroadsheetError, RateLimited

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_every_exception_is_exported() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__}
    assert defined == set(errors.__all__)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_a_door_can_catch_all_of_them(error: type[Exception]) -> None:
    assert issubclass(error, BroadsheetError)
    assert error.__doc__
    with pytest.raises(BroadsheetError, match="what to do"):
        raise error("what to do")


def test_the_drawing_is_the_tree() -> None:
    parents: list[type] = [BroadsheetError]
    drawn = set()
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^(?P<lead>[│ ├└─]*)(?P<name>[A-Z]\w+)\s{2,}", line)
        if found is None:
            continue
        depth = len(found["lead"]) // 4
        error = getattr(errors, found["name"])
        assert error.__base__ is parents[depth - 1], found["name"]
        parents[depth:] = [error]
        drawn.add(found["name"])
    assert drawn | {"BroadsheetError"} == set(errors.__all__)


def test_a_wait_is_kept() -> None:
    assert RateLimited("later", 12.5).retry_after_s == 12.5
    assert RateLimited("later").retry_after_s is None
    assert str(RateLimited("later", 3)) == "later"

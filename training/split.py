"""Days of q lists in, three masks out: the newest days judge, the days before them stop the training, the rest teaches.

Never at random: a model must not learn from what its readers did after the days it is judged on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from recommender.errors import NotEnoughData

__all__ = ["Split", "by_day"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Split:
    """Which of q lists teach, stop and judge: disjoint masks of shape (q,) that together cover every list."""

    train: Mask
    valid: Mask
    test: Mask


def by_day(days: Sequence[date], *, test_days: int, valid_days: int) -> Split:
    """Split lists by their day.

    Parameters
    ----------
    days : sequence of date, length q
        The day of each list, in any order.
    test_days, valid_days : int
        Newest days that have a list, and days before those.

    Raises
    ------
    NotEnoughData
        If fewer days than `valid_days` would be left to learn from.

    Examples
    --------
    >>> from datetime import date
    >>> split = by_day([date(2026, 5, d) for d in (1, 2, 2, 3)], test_days=1, valid_days=1)
    >>> split.train.tolist(), split.valid.tolist(), split.test.tolist()
    ([True, False, False, False], [False, True, True, False], [False, False, False, True])
    """
    known = sorted(set(days))
    needed = test_days + 2 * valid_days
    if len(known) < needed:
        raise NotEnoughData(
            f"there are {len(known)} days with judged pages and it takes {needed} ({test_days} to judge a model, "
            f"{valid_days} to stop its training and as many to learn from): keep voting, the next nightly run tries again"
        )
    first_test, first_valid = known[-test_days], known[-test_days - valid_days]
    values = np.array([day.toordinal() for day in days])
    test = values >= first_test.toordinal()
    valid = (values >= first_valid.toordinal()) & ~test
    return Split(~(test | valid), valid, test)

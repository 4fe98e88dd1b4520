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

__all__ = ["LEAST_DAYS", "Split", "by_day"]

LEAST_DAYS = 5

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
        Newest days that have a list, and days before those. While the log is young fewer are taken: no more than a third of all
        days judge, and no more than a fifth stop.

    Raises
    ------
    NotEnoughData
        If there are fewer than `LEAST_DAYS` days.

    Examples
    --------
    >>> from datetime import date
    >>> split = by_day([date(2026, 5, d) for d in (1, 2, 3, 3, 4, 5)], test_days=1, valid_days=1)
    >>> split.train.tolist(), split.valid.tolist(), split.test.tolist()
    ([True, True, True, True, False, False], [False, False, False, False, True, False], [False, False, False, False, False, True])
    """
    known = sorted(set(days))
    test_days, valid_days = min(test_days, max(len(known) // 3, 1)), min(valid_days, max(len(known) // 5, 1))
    if len(known) < LEAST_DAYS:
        raise NotEnoughData(
            f"there are {len(known)} days with judged pages and it takes {LEAST_DAYS}, of which some judge a model, some stop its "
            "training and the rest teaches: keep voting, the next nightly run tries again"
        )
    first_test, first_valid = known[-test_days], known[-test_days - valid_days]
    values = np.array([day.toordinal() for day in days])
    test = values >= first_test.toordinal()
    valid = (values >= first_valid.toordinal()) & ~test
    return Split(~(test | valid), valid, test)

"""Rows of several readers that begin and may end in, by reader those that were there at a moment out: ended ones keep their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

__all__ = ["by_reader"]


def by_reader(
    rows: Iterable[Row[Any]], reader_ids: Sequence[int], *, ended: str, as_of: datetime | None
) -> dict[int, list[Row[Any]]]:
    """Return for each reader the rows that were there, in the order they come in.

    Parameters
    ----------
    rows : iterable of Row
        With `reader_id` and `created_at`.
    reader_ids : sequence of int
        Whose they are.
    ended : str
        Which column says when a row came to its end; None there means that it has not.
    as_of : datetime or None
        The moment; None means now.
    """
    found: dict[int, list[Row[Any]]] = {reader_id: [] for reader_id in reader_ids}
    for row in rows:
        end = getattr(row, ended)
        if end is None if as_of is None else row.created_at <= as_of and (end is None or end > as_of):
            found[row.reader_id].append(row)
    return found

"""A session and a key in, how long to wait out: how often something was done lately, counted over a window that slides.

What was done in the window before counts by the share of it that has not slid out yet, so that nobody gets twice the limit by
waiting for the end of a window. The method is the sliding window counter of Cloudflare's rate limits.

References
----------
J. Desgats, "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete

from recommender.store.db import Session
from recommender.store.tables_shared import RateRow

__all__ = ["forget", "hit", "prune", "window"]

LONGEST_KEY = 200  # characters; a longer one is stored as its digest


def hit(session: Session, key: str, *, limit: int, window_s: int, now: datetime, amount: int = 1) -> float:
    """Count something done, unless that would be too often.

    Parameters
    ----------
    session : Session
        Of a transaction that writes: of two simultaneous ones the second waits, and sees what the first counted.
    key : str
        What is counted, and for whom.
    limit : int
        How often it may be done in a window.
    window_s : int
        Seconds.
    now : datetime
    amount : int, default=1

    Returns
    -------
    float
        0 when it was counted; else the seconds until it may be done, and nothing was counted.
    """
    number, elapsed = divmod(now.timestamp(), window_s)
    key = _short(key)
    before, here = (session.get(RateRow, f"{key}/{int(number) - back}") for back in (1, 0))
    earlier, count = (before.count if before else 0), (here.count if here else 0)
    if earlier * (window_s - elapsed) / window_s + count + amount > limit:
        return _wait(earlier, count, limit - amount, elapsed, window_s)
    if here is None:
        prune(session, now)
        session.add(RateRow(key=f"{key}/{int(number)}", count=amount, expires_at=int((number + 2) * window_s)))
    else:
        here.count += amount
    session.flush()
    return 0.0


def window(session: Session, key: str, *, window_s: int, now: datetime) -> tuple[int, float, int, float]:
    """Return (count of the window before, seconds until it has slid out, count of this window, seconds until it ends)."""
    number, elapsed = divmod(now.timestamp(), window_s)
    before, here = (session.get(RateRow, f"{_short(key)}/{int(number) - back}") for back in (1, 0))
    left = window_s - elapsed
    return (before.count if before else 0), left, (here.count if here else 0), left


def forget(session: Session, key: str, *, window_s: int, now: datetime) -> None:
    """Forget what was counted under a key."""
    number = int(now.timestamp() // window_s)
    names = [f"{_short(key)}/{number - back}" for back in (0, 1)]
    session.execute(delete(RateRow).where(RateRow.key.in_(names)))


def prune(session: Session, now: datetime) -> None:
    """Drop what has slid out of every window."""
    session.execute(delete(RateRow).where(RateRow.expires_at <= int(now.timestamp())))


def _wait(earlier: int, count: int, room: int, elapsed: float, window_s: int) -> float:
    """Return the seconds until the sliding count is at most `room`."""
    if room < 0:
        return float(window_s)
    if count <= room:  # it is the window before that must slide on
        return max(window_s * (1 - (room - count) / earlier) - elapsed, 0.0) if earlier else 0.0
    return window_s - elapsed + window_s * (1 - room / count)


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()

"""Domains that are written to in, how long to wait before the next message out: so many a minute for each, and no more."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

__all__ = ["Pace"]

WINDOW_S = 60.0


class Pace:
    """Counts messages by domain over the last minute.

    Parameters
    ----------
    per_minute : int
        Most messages for one domain in any minute.
    tick : callable, default=time.monotonic
        Returns seconds that only grow.

    Examples
    --------
    >>> now = [0.0]
    >>> pace = Pace(2, tick=lambda: now[0])
    >>> for second in (0.0, 10.0):
    ...     now[0] = second
    ...     pace.spend("example.org")
    >>> pace.delay("example.org"), pace.delay("example.net")
    (50.0, 0.0)
    """

    def __init__(self, per_minute: int, *, tick: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._tick = tick
        self._sent: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=per_minute))

    def delay(self, domain: str) -> float:
        """Return how many seconds to wait before the next message to a domain."""
        sent = self._sent.get(domain)
        if sent is None or len(sent) < self._per_minute:
            return 0.0
        return max(0.0, sent[0] + WINDOW_S - self._tick())

    def spend(self, domain: str) -> None:
        """Count a message to a domain."""
        self._sent[domain].append(self._tick())

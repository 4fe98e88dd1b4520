"""A view in, the same view answering only so often out: limits per reader, account or address, counted in the database.

Every server process counts in the same table, so ten tries are ten, whichever process answers. Use it on a view::

    @blueprint.post("/submit")
    @login_required
    @limiter.limit("20 per hour")
    def submit(reader: Reader) -> ResponseReturnValue: ...

A request too many is answered with 429, a page (or the caller's own error handler) and a `Retry-After` that is true.
"""

from __future__ import annotations

import math

from flask import Flask, abort, g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_limiter import Limiter
from limits.storage import SlidingWindowCounterSupport, Storage

from recommender.store import rates
from web.auth import current_reader, state

__all__ = ["Counts", "by_address", "by_reader", "count", "install", "limiter", "retry_after_s", "when"]

LEAST_WAIT_S = 1


class Counts(Storage, SlidingWindowCounterSupport):
    """Counts in the database of the application that is being asked, by its clock."""

    STORAGE_SCHEME = ["broadsheet"]  # noqa: RUF012 (as the library declares it)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Errors that are the storage's own: none is hidden."""
        return ()

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count a request, or note how long it has to wait."""
        with state().database.write() as session:
            wait = rates.hit(session, key, limit=limit, window_s=expiry, now=state().clock(), amount=amount)
        if wait:
            g.rate_wait_s = wait
        return not wait

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the counts of two windows, and how long each still matters."""
        with state().database.read() as session:
            return rates.window(session, key, window_s=expiry, now=state().clock())

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what was counted."""
        with state().database.write() as session:
            rates.forget(session, key, window_s=expiry, now=state().clock())

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Not used: windows slide here."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Not used: windows slide here."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Not used: windows slide here."""
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """Not used: windows slide here."""
        raise NotImplementedError

    def check(self) -> bool:
        """Whether it can count: the database is asked anyway."""
        return True

    def reset(self) -> int | None:
        """Not used: what is old is pruned as it goes."""
        raise NotImplementedError


def by_address() -> str:
    """Return where the request comes from: the connection's own address, or what a known proxy says of it."""
    return f"address:{request.remote_addr or 'unknown'}"


def by_reader() -> str:
    """Return who asks: the signed-in reader, or where the request comes from."""
    reader = current_reader()
    return f"reader:{reader.id}" if reader is not None else by_address()


limiter = Limiter(by_reader, storage_uri="broadsheet://", strategy="sliding-window-counter")


def install(app: Flask) -> None:
    """Let the application's views be limited."""
    limiter.init_app(app)


def count(key: str, *, limit: int, window_s: int) -> None:
    """Count what only the view knows to be worth counting, such as a letter; refuse the request (429) when that is one too many."""
    if not Counts().acquire_sliding_window_entry(key, limit, window_s):
        abort(429)


def retry_after_s() -> int:
    """Return the whole seconds after which the refused request may be tried again."""
    return max(math.ceil(float(g.get("rate_wait_s", 0.0))), LEAST_WAIT_S)


def when() -> str:
    """Return when the refused request may be tried again, in words."""
    seconds = retry_after_s()
    if seconds < 100:
        wait = ngettext("%(num)d second", "%(num)d seconds", seconds)
    elif seconds < 100 * 60:
        wait = ngettext("%(num)d minute", "%(num)d minutes", math.ceil(seconds / 60))
    else:
        wait = ngettext("%(num)d hour", "%(num)d hours", math.ceil(seconds / 3600))
    return str(_("You have done this often in a short time. Try again in %(wait)s.", wait=wait))

"""DOOR: settings in, a clock that ticks until it is told to stop: what is due is decided in `web.jobs`, never here."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from recommender.settings import Settings
from recommender.store.db import open_database
from web import jobs
from web.workers import settle, worker_name

__all__ = ["run"]


class _CutShort(BaseException):
    """A long job was stopped between two of its steps; what it had done is kept, and the next clock takes it up at once."""


def run(settings: Settings, *, report: Callable[[jobs.Result], None] = lambda _result: None) -> None:
    """Look for due jobs every few seconds, in a process of its own, until SIGTERM or SIGINT.

    A job that is running then is brought to its end, or, when it is a long one, to the end of a step.

    Parameters
    ----------
    settings : Settings
    report : callable, default=nothing
        Told of every job that ran.
    """
    stopping = threading.Event()
    scheduler = BackgroundScheduler(timezone=UTC)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stopping.set())
    database = open_database(settings.url)

    def progress(stage: str, done: int, total: int | None) -> None:  # noqa: ARG001 (what it is told does not matter)
        if stopping.is_set():
            raise _CutShort

    def tick() -> None:
        with suppress(_CutShort):
            jobs.run_due(
                database,
                settings,
                _utc_now(),
                worker=worker_name(),
                clock=_utc_now,
                progress=progress,
                stop=stopping.is_set,
                report=report,
            )

    scheduler.add_job(
        tick, "interval", seconds=settings.clock.tick_s, id="tick", max_instances=1, coalesce=True, next_run_time=_utc_now()
    )
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # that a long job makes a tick wait is meant
    settle()
    try:
        scheduler.start()
        stopping.wait()  # a signal that came before the start is seen here too
        scheduler.shutdown(wait=True)
    finally:
        database.close()


def _utc_now() -> datetime:
    return datetime.now(UTC)

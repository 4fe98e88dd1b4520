"""The clock as a process: it works while it lives, and ends when it is told to, cleanly."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from recommender.settings import Settings
from recommender.store import runs
from recommender.store.db import Database

# The clock with one job that says so when it begins and takes a step whenever a line comes in; a signal is answered with a word.
PROGRAM = """
import os
import signal
import sys
from recommender.settings import load
from web import jobs, scheduler

def long(work):
    print("begun", flush=True)
    while sys.stdin.readline():
        work.progress("step", 1, 2)
        print("step", flush=True)
    return {"whole": 1}

def nothing(work):
    return {}

install = signal.signal
signal.signal = lambda number, handler: install(number, lambda *facts: (handler(*facts), print("told", flush=True)))
run_due = jobs.run_due
if "SAY_TICKS" in os.environ:
    jobs.run_due = lambda *what, **how: (print("tick", flush=True), run_due(*what, **how))
jobs.VERBS = {job: nothing for job in jobs.ORDER} | {"ingest": long}
scheduler.run(load(), report=lambda result: print(result.job, result.status, flush=True))
print("ended", flush=True)
"""


@contextmanager
def clock(settings: Settings, tick_s: int = 600) -> Iterator[subprocess.Popen[str]]:
    own = {"BROADSHEET_HOME": str(settings.home), "BROADSHEET_EDITION": "real", "BROADSHEET_CLOCK__TICK_S": str(tick_s)}
    own |= {"SAY_TICKS": "1"} if tick_s < 600 else {}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=os.environ | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    watchdog = threading.Timer(60, process.kill)  # so that a clock that says nothing fails the test instead of halting it
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_job_at_hand(database: Database, settings: Settings, number: signal.Signals) -> None:
    with clock(settings) as process:
        assert line(process) == "begun"
        process.send_signal(number)
        assert line(process) == "told"
        assert process.stdin is not None
        process.stdin.close()  # the job ends of itself
        assert [line(process), line(process)] == ["ingest ok", "ended"]  # and no other job begins
        assert process.wait(30) == 0
    with database.read() as session:
        assert [(run.job, run.status) for run in runs.recent(session)] == [("ingest", "ok")]


def test_it_looks_again_and_again(database: Database, settings: Settings) -> None:
    with clock(settings, tick_s=1) as process:
        assert process.stdin is not None
        process.stdin.close()
        ticks = 0
        while ticks < 3:
            said = line(process)
            assert said not in ("", "ended")
            ticks += said == "tick"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_it_ends_a_long_job_after_a_step_and_leaves_it_to_the_next_clock(database: Database, settings: Settings) -> None:
    with clock(settings) as process:
        assert line(process) == "begun"
        assert process.stdin is not None
        process.stdin.write("go\n")
        assert line(process) == "step"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "told"
        process.stdin.write("go\n")
        assert line(process) == "ended"
        assert process.wait(30) == 0
    with database.read() as session:
        assert [(run.job, run.status) for run in runs.recent(session)] == [("ingest", "running")]
    with clock(settings) as process:
        assert line(process) == "begun"  # at once, since the process that had it is dead

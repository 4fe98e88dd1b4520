"""A process in, the name it signs its work with out; whether the process that once signed so is gone; and how one settles down.

A name holds the moment the process began: after a restart, another process may well have the same number.
"""

from __future__ import annotations

import gc
import os
import socket
from functools import cache
from pathlib import Path

__all__ = ["is_dead", "settle", "worker_name"]

OFTEN = 20_000  # things made and not yet gone, after which garbage is looked for: one digest makes some hundreds
LONGEST_HOST = 60  # characters, of the hundred that a ledger keeps of a name


def worker_name() -> str:
    """Return who this process is, for the ledgers: `host:process:began`."""
    return _name(socket.gethostname(), os.getpid())


def settle() -> None:
    """Spare a process that has loaded what it needs, and stays, most of the search for garbage: it costs a twentieth of a digest.

    What is loaded by now is never looked through again, and for what comes after it is looked less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OFTEN, *gc.get_threshold()[1:])


def is_dead(worker: str) -> bool:
    """Whether a worker of this machine is gone, so that nobody need wait for its claim to grow old.

    Of another machine, or of a process that cannot be looked at, nothing is known, and it counts as alive.
    """
    host, _, rest = worker.partition(":")
    process, _, began = rest.partition(":")
    if host != socket.gethostname()[:LONGEST_HOST] or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False  # it is somebody else's, and alive
    return bool(began) and began != (_began(int(process)) or began)


@cache
def _name(host: str, process: int) -> str:
    began = _began(process)
    return f"{host[:LONGEST_HOST]}:{process}" + (f":{began}" if began else "")


def _began(process: int) -> str:
    """Return when a process began, in the system's own ticks; empty where the system does not say."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = told.rpartition(")")[2].split()  # the command's name stands in brackets, and may hold anything
    return fields[19] if len(fields) > 19 else ""

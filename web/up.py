"""Settings in, a running Broadsheet out: which edition opens, its first papers, then the server and the clock side by side.

Server and clock are processes of their own, and so is the first reading of papers: this one only starts them, passes signals on and
waits, so it needs neither the text encoder's memory nor its loading time.
"""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TypeVar

from recommender import daily
from recommender.errors import BroadsheetError
from recommender.settings import Settings
from recommender.sources import Fetcher
from recommender.store import papers, readers, schema
from recommender.store.db import Session, open_database
from web.auth import owner_link
from web.serve import free_port

__all__ = ["Family", "decide", "has_papers", "run", "standing"]

POLL_S = 0.1
PATIENCE_S = 60.0  # for the server to answer
FIRST_READ = 320  # newest papers read before the page opens; the clock reads the rest behind it
TELL_AFTER_S = 5.0  # what takes longer to end is worth a word
GRACE_S = 30.0  # for the clock to finish its job; a job that is cut short is taken up at the next start

Say = Callable[[str], None]
T = TypeVar("T")


def run(settings: Settings, environ: Mapping[str, str], *, clock: Callable[[], datetime], say: Say) -> int:
    """Open the edition, serve it until told to stop, and return the exit code.

    Raises
    ------
    BroadsheetError
        If the port is taken, or the first papers could not be read.
    """
    settings = free_port(settings)
    _check_port(settings)
    family = Family({**environ, "BROADSHEET_WEB__PORT": str(settings.web.port)})
    with family.signals():
        settings = _open_edition(settings, family, clock, say)
        if family.told_to_stop:
            return 0
        first_run = _ask(settings, readers.owner) is None
        family.start("serve")
        family.start("clock")
        if family.wait_until(lambda: _answers(settings), PATIENCE_S):
            _greet(settings, clock(), say, first_run=first_run)
        elif not family.told_to_stop:
            say("The server has not answered yet; it may still be starting.")
        return family.wait(say)


def decide(wanted: str, *, stored: bool, fixed: bool, reachable: Callable[[], bool]) -> str:
    """Say which edition to open.

    Parameters
    ----------
    wanted : {"auto", "real", "sample"}
        As set.
    stored : bool
        Whether real papers are stored.
    fixed : bool
        Whether a database was named, which invented papers must not enter.
    reachable : callable
        Whether any source answers; asked only when it matters.

    Examples
    --------
    >>> decide("auto", stored=False, fixed=False, reachable=lambda: False)
    'sample'
    """
    if wanted != "auto":
        return wanted
    return "real" if stored or fixed or reachable() else "sample"


def standing(settings: Settings) -> Settings:
    """Return the settings with `auto` replaced by the edition that is there: real as soon as real papers are stored."""
    if settings.edition != "auto":
        return settings
    sample = (settings.folder / "sample.db").exists() and not settings.database_url
    return _as(settings, "sample" if sample and not has_papers(settings) else "real")


def has_papers(settings: Settings) -> bool:
    """Whether the database that the settings name holds papers; none is made by asking."""
    database_file = settings.folder / ("sample.db" if settings.is_sample else "broadsheet.db")
    if not settings.database_url and not database_file.exists():
        return False
    with closing(open_database(settings.url)) as database:
        if schema.revision(database) is None:
            return False
        with database.read() as session:
            return papers.count(session) > 0


class Family:
    """Child processes that live and end together.

    Parameters
    ----------
    environ : mapping of str to str
        What every child gets to know; it may be added to.
    program : sequence of str, default=this program
        What a child's arguments are put behind.
    """

    def __init__(self, environ: Mapping[str, str], program: Sequence[str] = (sys.executable, "-m", "web.cli")) -> None:
        self.environ = dict(environ)
        self._program = list(program)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._told_at: float | None = None
        self._hurry = False

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal has come."""
        return self._stop.is_set()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM end the family, instead of this process, for as long as the context lasts."""
        before = {number: signal.signal(number, self._told) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, *arguments: str) -> int:
        """Run one child to its end, or until a signal comes, and return its exit code."""
        child = subprocess.Popen([*self._program, *arguments], env=self.environ)
        while child.poll() is None and not self._stop.wait(POLL_S):
            pass
        if self._stop.is_set():
            child.terminate()
        return child.wait()

    def start(self, name: str) -> None:
        """Start a child that is to stay."""
        self._children[name] = subprocess.Popen([*self._program, name], env=self.environ)

    def wait_until(self, ready: Callable[[], bool], patience_s: float) -> bool:
        """Wait until something is true; False when a child ends, a signal comes or patience does."""
        for _ in range(int(patience_s / POLL_S)):
            if self._ended() or self._stop.is_set():
                return False
            if ready():
                return True
            self._stop.wait(POLL_S)
        return False

    def wait(self, say: Say) -> int:
        """Wait for a signal or for any child to end, end the others, and return the exit code: 0 only for a signal obeyed."""
        while not self._stop.is_set() and not self._ended():
            self._stop.wait(POLL_S)
        for name in self._ended():
            if not self._stop.is_set():
                say(f"The {name} process ended ({self._children[name].returncode}); stopping the rest.")
        failed = not self._stop.is_set()
        self._end(say)
        codes = [child.returncode for child in self._children.values()]
        obeyed = all(code in (0, -signal.SIGTERM, -signal.SIGINT) for code in codes)
        return 0 if obeyed and not failed else 1

    def _told(self, _signal: int, _frame: object) -> None:
        """Note a signal; `make` passes on what it gets, so two within a second are one."""
        now = time.monotonic()
        self._hurry = self._hurry or (self._told_at is not None and now - self._told_at > 1)
        self._told_at = now
        self._stop.set()

    def _ended(self) -> list[str]:
        return [name for name, child in self._children.items() if child.poll() is not None]

    def _end(self, say: Say) -> None:
        """Ask every child to end, and end those that will not."""
        running = [child for child in self._children.values() if child.poll() is None]
        for child in running:
            child.send_signal(signal.SIGTERM)
        idle = threading.Event()
        for step in range(int(GRACE_S / POLL_S)):
            running = [child for child in running if child.poll() is None]
            if not running or self._hurry:
                break
            if step == int(TELL_AFTER_S / POLL_S):
                say("Waiting for the job at hand to end; Ctrl-C again to stop at once.")
            idle.wait(POLL_S)
        for child in running:
            child.kill()
            child.wait()


def _open_edition(settings: Settings, family: Family, clock: Callable[[], datetime], say: Say) -> Settings:
    """Decide which edition opens, bring its database up to date, and see to its first papers."""
    wanted, fixed = settings.edition, bool(settings.database_url)
    edition = decide(wanted, stored=has_papers(settings), fixed=fixed, reachable=lambda: _reachable(settings, say))
    settings = _prepare(settings, family, edition)
    if _has_page(settings, clock()):
        return settings
    if edition == "real" and family.run("ingest", "--at-most", str(FIRST_READ)) != 0 and not family.told_to_stop:
        if wanted != "auto" or fixed:
            say("No papers yet: the page stays empty until a source answers; the clock keeps asking.")
        else:
            say("No source gave any papers.")
            settings = _prepare(settings, family, "sample")
    if settings.is_sample and not family.told_to_stop and not _has_page(settings, clock()):
        say("Opening the sample edition: every paper and every reader in it is invented.")
        if family.run("ingest", "--at-most", str(FIRST_READ)) != 0 and not family.told_to_stop:
            raise BroadsheetError("the sample edition could not be made; what went wrong is said above")
    return settings


def _prepare(settings: Settings, family: Family, edition: str) -> Settings:
    settings = _as(settings, edition)
    family.environ["BROADSHEET_EDITION"] = edition
    with closing(open_database(settings.url)) as database:
        schema.upgrade(database)
    return settings


def _as(settings: Settings, edition: str) -> Settings:
    return settings.model_copy(update={"edition": edition})


def _ask(settings: Settings, question: Callable[[Session], T]) -> T:
    with closing(open_database(settings.url)) as database, database.read() as session:
        return question(session)


def _has_page(settings: Settings, now: datetime) -> bool:
    return _ask(settings, lambda session: daily.open_day(session, today=now.date())) is not None


def _reachable(settings: Settings, say: Say) -> bool:
    """Whether any source answers."""
    addresses = {"arxiv": settings.sources.arxiv_feed_url, "huggingface": settings.sources.huggingface_url}
    with Fetcher(settings.sources) as fetcher:
        for name in settings.sources.enabled:
            if name in addresses and fetcher.probe(addresses[name]):
                return True
    say(f"None of the sources can be reached from here ({', '.join(settings.sources.enabled)}).")
    return False


def _greet(settings: Settings, now: datetime, say: Say, *, first_run: bool) -> None:
    with closing(open_database(settings.url)) as database:
        link = owner_link(database, settings, now)
    say("" if first_run else f"Broadsheet is open at {settings.public_url}")
    say(f"{'Open this link to sign in' if first_run else 'To sign in, open'} (it works once, for a day):\n\n    {link}\n")
    say("Ctrl-C stops it.")


def _check_port(settings: Settings) -> None:
    """Raise when somebody else listens where we would."""
    try:
        with socket.create_connection(_near(settings), timeout=1):
            pass
    except OSError:
        return
    raise BroadsheetError(
        f"something listens on port {settings.web.port} already, perhaps another Broadsheet: "
        "stop it, or set BROADSHEET_WEB__PORT to another number (0 takes a free one)"
    )


def _answers(settings: Settings) -> bool:
    """Whether the server says that it is well."""
    connection = http.client.HTTPConnection(*_near(settings), timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _near(settings: Settings) -> tuple[str, int]:
    """Where this machine itself finds the server."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (recognised here, not listened on)
    return everywhere.get(settings.web.host, settings.web.host), settings.web.port

"""A command in, its settings, its database and its exit code out: what the commands of `web.cli` have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from recommender.errors import BroadsheetError, GateRefused, NotEnoughData, SettingsError, StoreError
from recommender.settings import Settings, load

if TYPE_CHECKING:  # a command loads what it needs, so that `--help` answers at once
    from recommender.store.db import Database
    from web import jobs

__all__ = ["Commands", "messages", "now", "opened", "run_now", "say", "settings", "tell"]

EXIT_CODES = ((SettingsError, 2), (GateRefused, 3), (NotEnoughData, 4), (BroadsheetError, 1))


class Commands(click.Group):
    """Commands in the order they are written, whose errors are one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (its signature)
        """Keep the order."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what was raised on purpose into a line and an exit code."""
        try:
            return super().invoke(ctx)
        except (BroadsheetError, OSError) as error:
            _fail(ctx, error)
        except Exception as error:
            if getattr(error, "orig", None) is None:
                raise
            from recommender.store.db import explain  # the database driver's own complaint, which it carries

            _fail(ctx, explain(cast("Any", error)))


def _fail(ctx: click.Context, error: Exception) -> None:
    click.echo(f"broadsheet: {error}", err=True)
    ctx.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))


def settings(*, unset: str = "") -> Settings:
    """Read the settings, with the edition that is there (or `unset`) where none was chosen."""
    from web.up import standing

    chosen = load()
    return load(edition=unset) if unset and chosen.edition == "auto" else standing(chosen)


@contextmanager
def opened(chosen: Settings, *, make: bool = True) -> Iterator[Database]:
    """Open the database and close it again; one without tables gets them, unless two processes might do so at once."""
    from recommender.store import schema
    from recommender.store.db import open_database

    database = open_database(chosen.url)
    try:
        if make and schema.revision(database) is None:
            schema.upgrade(database)
        if not schema.is_current(database):
            raise StoreError("the database is not of this program's version: run `broadsheet db upgrade`")
        yield database
    finally:
        database.close()


def messages(files: Sequence[Path], largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield the beginning of each file by its name, or of what comes from standard input; this is read to its end, whatever its length."""
    for path in files:
        with path.open("rb") as file:
            yield path.name, file.read(largest)
    if not files:
        stream = sys.stdin.buffer
        yield "message", stream.read(largest)
        while stream.read(1 << 16):  # who pipes a message in takes a pipe that closes early for a failure
            pass


def run_now(chosen: Settings, job: str, **more: Any) -> None:
    """Run one job in front of whoever asked; raise what it raised."""
    from web import jobs
    from web.progress import Steps
    from web.workers import worker_name

    with opened(chosen) as database, Steps() as progress:
        result = jobs.run_now(jobs.Work(database, chosen, now, progress, **more), job, worker=worker_name())
    if isinstance(result.problem, BroadsheetError):
        raise result.problem
    if result.problem is not None:
        raise BroadsheetError(f"{job} failed: {type(result.problem).__name__}: {result.problem}")
    tell(result)


def tell(result: jobs.Result) -> None:
    """Say how a job ended, unless it ended well and did nothing."""
    if result.problem is not None:
        say(f"{now():%H:%M} {result.job}: {result.problem}")
    elif facts := [f"{name.replace('_', ' ')} {_plain(value)}".strip() for name, value in result.detail.items() if value]:
        say(f"{now():%H:%M} {result.job}: {', '.join(facts)}")


def say(text: str) -> None:
    """Say something to whoever runs this, beside what a command prints as its answer."""
    click.echo(text, err=True)


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def _plain(value: object) -> str:
    if value is True:
        return ""
    return "; ".join(f"{name}: {told}" for name, told in value.items()) if isinstance(value, dict) else str(value)

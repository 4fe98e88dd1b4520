"""Steps of long work in, a bar with rate and time left on a terminal (plain lines elsewhere) out."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["Steps"]

WORDS = {
    "sources": "Asking the sources",
    "store": "Storing papers",
    "arrive": "Inventing papers",
    "read": "Reading papers",
    "simulate": "Simulated readers",
}
TENTHS = 10  # plain lines of one stage


class _Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="dim")


class Steps:
    """Shows what long work says of itself; a `recommender.ingest.Progress` to be used as a context.

    Parameters
    ----------
    console : rich.console.Console, default=None
        None writes to standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=self._console)
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` steps of a stage are behind us."""
        if total == 0:
            return
        words = WORDS.get(stage, stage.capitalize())
        if not self._console.is_terminal:
            self._tell(stage, words, done, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(words, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def _tell(self, stage: str, words: str, done: int, total: int | None) -> None:
        """Say a line at the beginning, the end and about every tenth between."""
        tenth = TENTHS * done // total if total else done // 10_000
        if self._told.get(stage) == tenth:
            return
        self._told[stage] = tenth
        of = f" of {total:,}" if total else ""
        self._console.print(f"{words}: {done:,}{of}", highlight=False)

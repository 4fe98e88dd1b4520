"""DOOR: `python -m training retrain | evaluate | replay` on one Broadsheet's log; the exit code says what came of it.

0  done: published, measured, or no skew      3  the candidate was refused, the live model stays
1  an error, or logged features that differ   4  the log is too small to learn from
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from recommender.daily import Rankers
from recommender.errors import BroadsheetError, ModelError, NotEnoughData, StoreError
from recommender.rank.features import SCHEMA
from recommender.rank.page import recipe
from recommender.settings import Settings, load
from recommender.store import artifacts, pages, schema
from recommender.store.db import Database, Session, open_database
from training import baselines, dataset
from training.evaluate import LIVE, evaluate
from training.retrain import retrain

__all__ = ["main"]

DONE, FAILED, REFUSED, TOO_LITTLE = 0, 1, 3, 4
LARGEST_SKEW = 1e-6


class _Told:
    """Progress as bars, one per stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` steps of a stage are behind us."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


def main(arguments: Sequence[str] | None = None, *, now: datetime | None = None) -> int:
    """Run one command and return its exit code."""
    asked = _parser().parse_args(arguments)
    moment = now or datetime.now(UTC)
    commands = {"retrain": _retrain, "evaluate": _evaluate, "replay": _replay}
    try:
        settings = load(home=Path(asked.home)) if asked.home else load()
        database = open_database(settings.url)
        try:
            if not schema.is_current(database):
                raise StoreError(f"there is no up-to-date database at {settings.url}: run `broadsheet db upgrade`")
            return commands[asked.command](database, settings, moment, asked.days)
        finally:
            database.close()
    except NotEnoughData as error:
        print(f"Not enough to learn from: {error}", file=sys.stderr)
        return TOO_LITTLE
    except BroadsheetError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train and judge rankers on the log of one Broadsheet."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_, days in (
        ("retrain", "train a candidate and publish it if it passes the gate", None),
        ("evaluate", "measure the live ranker and the baselines on the newest days", 14),
        ("replay", "compute logged features again and report the largest difference", 14),
    ):
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("--home", metavar="DIR", help="folder of the database and the models (default: BROADSHEET_HOME)")
        if days is None:
            command.set_defaults(days=0)
        else:
            command.add_argument("--days", type=int, default=days, help="newest days to look at (default: %(default)s)")
    return parser


def _retrain(database: Database, settings: Settings, now: datetime, _: int) -> int:
    with Bars(console=Console(stderr=True)) as bars:
        outcome = retrain(database, settings, now=now, progress=_Told(bars))
    if outcome.report is not None:
        print(outcome.report.table())
    print(outcome.reason)
    return DONE if outcome.published else REFUSED


def _evaluate(database: Database, settings: Settings, now: datetime, days: int) -> int:
    chosen = settings.training
    with database.read() as session, Bars(console=Console(stderr=True)) as bars:
        first, last = now.date() - timedelta(days=days - 1), now.date()
        rows = dataset.build(session, first=first, last=last, rng=np.random.default_rng(chosen.seed), progress=_Told(bars))
        live = Rankers(settings.models_folder).live(session)
        learned_until = _learned_until(session, live.version)
    judged = {LIVE: live.score(rows.matrix), **baselines.scores(rows)}
    rng = np.random.default_rng(chosen.seed)
    report = evaluate(judged, rows, versions={LIVE: live.version}, rng=rng, samples=chosen.bootstrap)
    print(report.table())
    if learned_until is not None and learned_until >= report.first.isoformat():
        print(f"The live model learned from days up to {learned_until}: on those it is flattered. Ask for fewer --days.")
    return DONE


def _learned_until(session: Session, version: str) -> str | None:
    """Return the newest day a model was fitted on (or stopped by), as its card says; None for one that was never trained."""
    if not artifacts.exists(session, version):
        return None
    card = artifacts.get(session, version).report.get("card")
    return str(card["valid"]["last"]) if card else None


def _replay(database: Database, settings: Settings, now: datetime, days: int) -> int:
    rankers, largest, compared, left_out = Rankers(settings.models_folder), 0.0, 0, 0
    with database.read() as session:
        first = now.date() - timedelta(days=days - 1)
        ids = [shown.page.id for shown in pages.shown(session, first=first, last=now.date())]
        for page_id in ids:
            page = pages.by_id(session, page_id)
            if page is None or page.schema != SCHEMA or page.recipe != recipe(settings.rank):
                left_out += 1
                continue
            try:
                largest = max(largest, dataset.skew(session, page, rankers, settings.rank))
                compared += 1
            except ModelError:
                left_out += 1
    print(f"{compared} pages compared, largest difference {largest:.2e}")
    if left_out:
        print(f"{left_out} pages left out: made of other features or with other settings, or their model is gone")
    return DONE if largest <= LARGEST_SKEW else FAILED


if __name__ == "__main__":
    sys.exit(main())

"""DOOR: `python -m training retrain | evaluate | replay | results`: the log or a public corpus in, an exit code out.

`evaluate --corpus NAME --data DIR` judges every ranker on a public data set and needs no Broadsheet; `results DIR` gathers such reports.

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
from recommender.settings import Settings, load
from recommender.store import artifacts, pages, schema
from recommender.store.db import Database, Session, open_database
from training import baselines, dataset, report
from training.evaluate import LIVE, evaluate
from training.retrain import retrain

__all__ = ["main"]

DONE, FAILED, REFUSED, TOO_LITTLE = 0, 1, 3, 4
LARGEST_SKEW = 1e-6

# Corpus -> what its data folder must hold.
CORPORA = {
    "citeulike": "items.jsonl.gz and users.jsonl.gz, made of the citeulike-a data set (titles, arrival days, who saved what)",
    "arxiv-authors": "papers.jsonl.gz of arXiv's daily listings (id, day, title, abstract, authors, categories)",
    "screening": "records.jsonl.gz of systematic reviews, such as the SYNERGY data set (title, abstract, whether it was included)",
    "hf": "the daily listings of arXiv and the daily papers of Hugging Face, one papers.jsonl.gz each",
    "scholar-inbox": "rated_papers.csv of Scholar Inbox's public ratings, and papers.jsonl with the texts of the papers",
}
FOR_CORPORA = ("data", "out", "seed", "cache")


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
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.corpus is None and (unused := [name for name in FOR_CORPORA if getattr(asked, name) is not None]):
        parser.error(f"--{unused[0]} belongs to a corpus: name one with --corpus")
    if asked.corpus is not None and asked.data is None:
        parser.error(f"--corpus {asked.corpus} needs --data DIR, the folder of its files: {CORPORA[asked.corpus]}")
    try:
        settings = load(home=Path(asked.home)) if asked.home else load()
        if asked.command == "results":
            return _results(asked.folder)
        if asked.corpus is not None:
            return _corpus(asked, settings)
        return _on_log(asked, settings, now or datetime.now(UTC))
    except NotEnoughData as error:
        print(f"Not enough to learn from: {error}", file=sys.stderr)
        return TOO_LITTLE
    except BroadsheetError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train and judge rankers on the log of one Broadsheet, or on public data."
    )
    parser.set_defaults(home=None, days=0, corpus=None, **dict.fromkeys(FOR_CORPORA))
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_, days in (
        ("retrain", "train a candidate and publish it if it passes the gate", None),
        ("evaluate", "measure the live ranker and the baselines on the newest days, or all rankers on a public corpus", 14),
        ("replay", "compute logged features again and report the largest difference", 14),
    ):
        command = commands.add_parser(name, help=help_, description=help_)
        command.add_argument("--home", metavar="DIR", help="folder of the database and the models (default: BROADSHEET_HOME)")
        if days is not None:
            command.add_argument("--days", type=int, default=days, help="newest days to look at (default: %(default)s)")
        if name == "evaluate":
            _add_corpus(command)
    help_ = "write RESULTS.md beside a folder, from the report.json of every corpus in it"
    gathering = commands.add_parser("results", help=help_, description=help_)
    gathering.add_argument(
        "folder", metavar="DIR", type=Path, help="what holds one folder a corpus, each written by evaluate --out"
    )
    return parser


def _add_corpus(command: argparse.ArgumentParser) -> None:
    on_corpus = command.add_argument_group("on a public corpus", "No database is needed, and --days has no meaning.")
    on_corpus.add_argument("--corpus", choices=CORPORA, help="which one")
    on_corpus.add_argument("--data", metavar="DIR", type=Path, help="folder of its files")
    on_corpus.add_argument("--out", metavar="DIR", type=Path, help="write report.md, report.json and pictures here")
    on_corpus.add_argument("--seed", type=int, help="of every draw (default: BROADSHEET_TRAINING__SEED)")
    on_corpus.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="where a run that was cut goes on from (default: cache in --out, or in the home)",
    )


def _on_log(asked: argparse.Namespace, settings: Settings, now: datetime) -> int:
    """Run a command that needs the database."""
    commands = {"retrain": _retrain, "evaluate": _evaluate, "replay": _replay}
    database = open_database(settings.url)
    try:
        if not schema.is_current(database):
            raise StoreError(f"there is no up-to-date database at {settings.url}: run `broadsheet db upgrade`")
        return commands[asked.command](database, settings, now, asked.days)
    finally:
        database.close()


def _corpus(asked: argparse.Namespace, settings: Settings) -> int:
    from training import corpora  # late: it brings the text encoder along

    if not asked.data.is_dir():
        raise BroadsheetError(f"there is no folder {asked.data}: --data names the one that holds {CORPORA[asked.corpus]}")
    seed = settings.training.seed if asked.seed is None else asked.seed
    cache = asked.cache or (asked.out / "cache" if asked.out else settings.folder / "corpora" / asked.corpus)
    for folder in filter(None, (asked.out, cache)):  # said now, not after an hour
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BroadsheetError(f"{folder} cannot be made: {error.strerror}; name another one") from error
    with Bars(console=Console(stderr=True)) as bars:
        try:
            judged = corpora.judge(asked.corpus, asked.data, cache, seed, settings, _Told(bars))
        except FileNotFoundError as error:
            if asked.data.resolve() not in Path(error.filename or "").resolve().parents:
                raise
            raise BroadsheetError(f"{error.filename} is missing: {asked.data} must hold {CORPORA[asked.corpus]}") from error
    summary = report.summarise(judged, settings.training.bootstrap)
    print(report.markdown(summary), end="")
    if asked.out:
        report.write(summary, asked.out)
    return DONE


def _results(folder: Path) -> int:
    text, path = report.results(folder), folder.resolve().parent / "RESULTS.md"
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BroadsheetError(f"{path} cannot be written: {error.strerror}") from error
    print(f"Wrote {path}")
    return DONE


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
    measured = evaluate(judged, rows, versions={LIVE: live.version}, rng=rng, samples=chosen.bootstrap)
    print(measured.table())
    if learned_until is not None and learned_until >= measured.first.isoformat():
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
            if page is None or page.schema != SCHEMA:
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

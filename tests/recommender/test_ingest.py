"""The joint from outside to store: sources that fail alone, reading that goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from factories import DAY, NOW, make_paper
from sqlalchemy import func, select

from recommender import ingest
from recommender.errors import BadFeed, RateLimited, SettingsError, ShapeError, SourceError
from recommender.ingest import import_file
from recommender.settings import Settings, load
from recommender.sources import Validators, jsonl
from recommender.store import papers, runs, vectors
from recommender.store.db import Database
from recommender.store.papers import Upserted
from recommender.store.runs import SourceState
from recommender.store.tables import VectorRow
from recommender.types import Paper

HOUR = timedelta(hours=1)
ENCODER = "hashing/128"


class FakeSource:
    """Gives its papers, then fails if it is to; remembers from which day on it was asked."""

    def __init__(self, name: str, given: Sequence[Paper] = (), error: Exception | None = None) -> None:
        self.name = name
        self.given = tuple(replace(paper, source=name) for paper in given)
        self.error = error
        self.asked: list[date] = []
        self.validators: dict[str, Validators] = {}
        self.fetcher: ingest.Fetcher | None = None

    def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
        self.asked.append(since)
        assert self.fetcher is not None
        self.fetcher.fresh_validators.update(self.validators)
        yield from self.given
        if self.error is not None:
            raise self.error


Plug = Callable[..., tuple[FakeSource, ...]]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Put fake sources in the place of the real ones."""

    def put(*sources: FakeSource) -> tuple[FakeSource, ...]:
        known = {source.name: source for source in sources}

        def open_source(name: str, settings: object, fetcher: ingest.Fetcher) -> FakeSource:
            known[name].fetcher = fetcher
            return known[name]

        monkeypatch.setattr(ingest, "open_source", open_source)
        return sources

    return put


def batch(count: int = 4, *, start: int = 0, day: date = DAY) -> list[Paper]:
    return [make_paper(start + number, day=day) for number in range(count)]


def states(database: Database) -> dict[str, SourceState]:
    with database.read() as session:
        return {state.name: state for state in runs.sources(session)}


def vector_counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        rows = session.execute(select(VectorRow.paper_id, func.count()).group_by(VectorRow.paper_id))
        return {row[0]: row[1] for row in rows}


def test_every_source_is_stored_and_read(database: Database, settings: Settings, plug: Plug) -> None:
    arxiv, other = plug(FakeSource("arxiv", batch(4)), FakeSource("huggingface", batch(3, start=3)))
    done = ingest.ingest(database, settings, now=NOW)
    assert done == ingest.Ingested(Upserted(added=6, unchanged=1), embedded=6, failed={}, read=7, skipped=0)
    assert set(vector_counts(database).values()) == {1}
    assert arxiv.asked == other.asked == [DAY - timedelta(days=settings.sources.look_back_days)]
    assert {name: (state.papers, state.ok_at) for name, state in states(database).items()} == {
        "arxiv": (4, NOW),
        "huggingface": (3, NOW),
    }
    with database.read() as session:
        assert vectors.current_encoder(session) == ENCODER


def test_a_second_ingest_adds_nothing(database: Database, settings: Settings, plug: Plug) -> None:
    (source, _) = plug(FakeSource("arxiv", batch(4)), FakeSource("huggingface"))
    ingest.ingest(database, settings, now=NOW)
    again = ingest.ingest(database, settings, now=NOW + timedelta(days=1))
    assert again == ingest.Ingested(Upserted(unchanged=4), embedded=0, read=4)
    assert source.asked[1] == NOW.date() - timedelta(days=settings.sources.look_back_days)  # counted from the last answer
    assert len(vector_counts(database)) == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SourceError("the feed is down; the next ingest tries again"), "the feed is down; the next ingest tries again"),
        (BadFeed("an Atom feed without entries"), "an Atom feed without entries"),
        (ShapeError("paper id '1' has no namespace"), "has no namespace"),
        (KeyError("title"), "KeyError: 'title'"),
    ],
)
def test_one_source_fails_alone(database: Database, settings: Settings, plug: Plug, error: Exception, words: str) -> None:
    plug(FakeSource("arxiv", batch(2), error), FakeSource("huggingface", batch(3, start=10)))
    done = ingest.ingest(database, settings, now=NOW)
    assert list(done.failed) == ["arxiv"]
    assert words in done.failed["arxiv"]
    assert (done.upserted, done.embedded, done.read) == (Upserted(added=5), 5, 5)  # what came before the failure is kept
    found = states(database)
    assert found["arxiv"].error == done.failed["arxiv"]
    assert (found["arxiv"].failures, found["arxiv"].ok_at) == (1, None)
    assert (found["huggingface"].failures, found["huggingface"].error) == (0, None)


def test_validators_are_stored_with_the_papers_and_only_then(database: Database, settings: Settings, plug: Plug) -> None:
    (arxiv, other) = plug(FakeSource("arxiv", batch(2), SourceError("cut off")), FakeSource("huggingface", batch(1, start=9)))
    arxiv.validators = {"https://a.example": Validators(etag="a")}
    other.validators = {"https://h.example": Validators(last_modified="Wed, 20 May 2026 00:00:00 GMT")}
    ingest.ingest(database, settings, now=NOW)
    found = states(database)
    assert found["arxiv"].validators == {}
    assert found["huggingface"].validators == {
        "https://h.example": {"etag": None, "last_modified": "Wed, 20 May 2026 00:00:00 GMT"}
    }
    arxiv.error, other.validators = None, {"https://h.example/2": Validators(etag="b")}
    ingest.ingest(database, settings, now=NOW + HOUR)
    assert other.fetcher is not None
    assert other.fetcher._validators == {"https://h.example": Validators(last_modified="Wed, 20 May 2026 00:00:00 GMT")}
    found = states(database)
    assert list(found["arxiv"].validators) == ["https://a.example"]
    assert list(found["huggingface"].validators) == ["https://h.example", "https://h.example/2"]


def test_old_validators_are_forgotten_in_the_end(
    database: Database, settings: Settings, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_VALIDATORS", 3)
    (source, _) = plug(FakeSource("arxiv"), FakeSource("huggingface"))
    for step, number in enumerate((1, 2, 3, 1, 4)):
        source.validators = {f"https://a.example/{number}": Validators(etag=f"step {step}")}
        ingest.ingest(database, settings, now=NOW)
    assert [url[-1] for url in states(database)["arxiv"].validators] == ["3", "1", "4"]


def test_a_source_that_asks_for_patience_is_left_alone(database: Database, settings: Settings, plug: Plug) -> None:
    (source, _) = plug(FakeSource("arxiv", batch(1), RateLimited("too many requests", 3600)), FakeSource("huggingface"))
    assert ingest.ingest(database, settings, now=NOW).failed == {"arxiv": "too many requests"}
    assert states(database)["arxiv"].retry_at == NOW + HOUR
    source.error = None
    early = ingest.ingest(database, settings, now=NOW + HOUR - timedelta(seconds=1))
    assert len(source.asked) == 1
    assert "09:00 UTC" in early.failed["arxiv"]
    assert states(database)["arxiv"].failures == 1
    assert ingest.ingest(database, settings, now=NOW + HOUR).failed == {}
    assert len(source.asked) == 2
    assert states(database)["arxiv"].retry_at is None


def test_a_source_that_asks_for_years_is_asked_the_next_day(database: Database, settings: Settings, plug: Plug) -> None:
    plug(FakeSource("arxiv", error=RateLimited("too many requests", 999_999_999)), FakeSource("huggingface"))
    ingest.ingest(database, settings, now=NOW)
    assert states(database)["arxiv"].retry_at == NOW + timedelta(days=1)


def test_a_source_that_was_down_for_long_is_asked_from_its_last_answer_on(
    database: Database, settings: Settings, plug: Plug
) -> None:
    (source, _) = plug(FakeSource("arxiv", batch(1)), FakeSource("huggingface"))
    ingest.ingest(database, settings, now=NOW)
    source.error = SourceError("down")
    for days in (1, 20):
        ingest.ingest(database, settings, now=NOW + timedelta(days=days))
    assert source.asked[-1] == DAY - timedelta(days=settings.sources.look_back_days)


def test_a_wrong_name_stops_before_anything_is_asked(database: Database, settings: Settings) -> None:
    wrong = load({}, home=settings.home, embed={"model": "hashing"}, sources={"enabled": ("arxiv", "axriv")})
    with pytest.raises(SettingsError, match="axriv"):
        ingest.ingest(database, wrong, now=NOW)
    assert states(database) == {}


def test_the_sample_edition_asks_its_own_source_only(database: Database, settings: Settings, plug: Plug) -> None:
    sample = settings.model_copy(update={"edition": "sample"})
    (source,) = plug(FakeSource("sample", batch(3)))
    assert ingest.ingest(database, sample, now=NOW).upserted == Upserted(added=3)
    ingest.ingest(database, sample, now=NOW + timedelta(days=1))
    assert source.asked == [DAY - timedelta(days=ingest.SAMPLE_DAYS), DAY]


def test_progress_is_told(database: Database, settings: Settings, plug: Plug) -> None:
    plug(FakeSource("arxiv", batch(4)), FakeSource("huggingface"))
    told: list[tuple[str, int, int | None]] = []
    ingest.ingest(database, settings, now=NOW, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert told == [("sources", 0, 2), ("sources", 1, 2), ("sources", 2, 2), ("read", 0, 4), ("read", 4, 4)]


def test_a_file_is_imported_and_every_line_accounted_for(database: Database, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        jsonl.write(batch(5), file)
        file.write("not a paper\n" * 1500)
        jsonl.write(batch(1), file)
    done = import_file(database, settings, path, now=NOW)
    assert done == ingest.Ingested(Upserted(added=5, unchanged=1), embedded=5, read=6, skipped=1500)
    assert done.upserted.total == done.read
    again = import_file(database, settings, path, now=NOW)
    assert again == ingest.Ingested(Upserted(unchanged=6), embedded=0, read=6, skipped=1500)


def test_an_import_may_be_limited_to_some_days(database: Database, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for age in range(4):
            jsonl.write(batch(2, start=10 * age, day=DAY - timedelta(days=age)), file)
    done = import_file(database, settings, path, now=NOW, since=DAY - timedelta(days=2), until=DAY - timedelta(days=1))
    assert (done.read, done.upserted, done.embedded) == (4, Upserted(added=4), 4)


def test_a_file_without_papers_is_refused(database: Database, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    for name in ("x.jsonl", "missing.jsonl"):
        with pytest.raises(SourceError, match=name):
            import_file(database, settings, tmp_path / name, now=NOW)


KILLED = """
import json, os, signal, sys
from datetime import datetime
from pathlib import Path
from recommender import ingest
from recommender.settings import load
from recommender.store.db import open_database
home, path, moment, after = sys.argv[1:]
settings = load({}, home=home, embed={"model": "hashing", "commit_every": 4}, edition="real")
ingest.BATCH = 8
said = []
def progress(stage, done, total):
    said.append(stage)
    if f"{stage} {said.count(stage)}" == after:
        os.kill(os.getpid(), signal.SIGKILL)
done = ingest.import_file(open_database(settings.url), settings, Path(path), now=datetime.fromisoformat(moment), progress=progress)
print(json.dumps([done.read, done.upserted.added, done.upserted.unchanged, done.embedded]))
"""


def test_an_ingest_killed_again_and_again_ends_with_every_paper_once(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "papers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        jsonl.write(batch(30), file)
    told = {}
    for after in ("file 2", "read 3", "never"):  # stage, and how often it has spoken
        command = [sys.executable, "-c", KILLED, str(settings.home), str(path), NOW.isoformat(), after]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, text=True, timeout=60, check=False
        )
        told[after] = (done.returncode, len(vector_counts(database)), done.stdout)
        with database.read() as session:
            assert papers.count(session) == (16 if after == "file 2" else 30), done.stderr
    assert told["file 2"] == (-signal.SIGKILL, 0, "")
    assert told["read 3"] == (-signal.SIGKILL, 8, "")
    assert told["never"][:2] == (0, 30)
    assert json.loads(told["never"][2]) == [30, 0, 30, 22]
    assert set(vector_counts(database).values()) == {1}

"""Times, transactions and complaints."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from factories import NOW, make_paper, make_reader
from sqlalchemy import JSON, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from recommender.errors import SettingsError, StoreError
from recommender.store import papers, readers, runs
from recommender.store.db import BUSY_TIMEOUT_MS, Database, explain, insert_plain, open_database
from recommender.store.tables import EventRow, JobRow, ReaderRow


class Own(DeclarativeBase):
    """Tables of this file alone."""


class Plain(Own):
    """What can be inserted plainly."""

    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    dry: Mapped[bool]
    seconds: Mapped[float]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 5, 20, 8, 0, 1, 234567, tzinfo=UTC),
        datetime(2026, 5, 20, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
def test_a_time_comes_back_as_the_same_moment_in_utc(database: Database, moment: datetime) -> None:
    with database.write() as session:
        runs.schedule(session, "ingest", moment)
    with database.read() as session:
        found = runs.next_at(session, "ingest")
    assert found == moment
    assert found is not None
    assert found.tzinfo is UTC


def test_a_time_is_compared_in_utc_too(database: Database) -> None:
    in_kathmandu = timezone(timedelta(hours=5, minutes=45))
    with database.write() as session:
        runs.schedule(session, "ingest", NOW)
    with database.read() as session:
        assert runs.due(session, (NOW - timedelta(seconds=1)).astimezone(in_kathmandu)) == {}
        assert runs.due(session, NOW.astimezone(in_kathmandu)) == {"ingest": NOW}


def test_a_naive_time_is_refused_by_name(database: Database) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(StoreError, match="no time zone"), database.write() as session:
        runs.schedule(session, "ingest", naive)
    with pytest.raises(StoreError, match="pass an aware UTC time"), database.read() as session:
        runs.due(session, naive)


def test_no_time_stays_no_time(database: Database) -> None:
    reader = make_reader(database)
    assert reader.next_digest_at is None
    with database.read() as session:
        assert session.scalar(select(ReaderRow.last_seen_at)) is None


def test_a_write_is_kept_and_a_failed_one_is_not(database: Database) -> None:
    make_reader(database, "kept")

    def fail() -> None:
        with database.write() as session:
            readers.create(session, "lost", now=NOW)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    with database.read() as session:
        assert session.scalars(select(ReaderRow.name)).all() == ["kept"]


@pytest.mark.parametrize("names", [("id", "name", "report", "dry", "seconds"), ("seconds", "dry", "report", "id", "name")])
def test_rows_are_inserted_plainly_by_name(database: Database, names: tuple[str, ...]) -> None:
    facts = [{"id": n, "seconds": 1.5 * n, "dry": n == 1, "report": '{"a": [1, "ü"]}', "name": f"run {n}"} for n in (1, 2)]
    rows = [tuple(one[name] for name in names) for one in facts]
    with database.write() as session:
        Own.metadata.create_all(session.connection())
        insert_plain(session, Plain, names, rows)
        insert_plain(session, Plain, names, [])
        found = session.scalars(select(Plain).order_by(Plain.id)).all()
        assert [(row.name, row.report, row.dry, row.seconds) for row in found] == [
            ("run 1", {"a": [1, "ü"]}, True, 1.5),
            ("run 2", {"a": [1, "ü"]}, False, 3.0),
        ]


def test_a_read_keeps_nothing(database: Database) -> None:
    server = database.engine.dialect.name == "postgresql"  # which does not even let it try
    with pytest.raises(DBAPIError, match="read-only") if server else nullcontext(), database.read() as session:
        readers.create(session, "ghost", now=NOW)
    with database.read() as session:
        assert readers.by_name(session, "ghost") is None


def test_a_read_sees_one_moment(database: Database) -> None:
    with database.read() as session:
        assert papers.count(session) == 0
        with database.write() as writing:
            papers.upsert(writing, [make_paper(1)], now=NOW)
        assert papers.count(session) == 0
    with database.read() as session:
        assert papers.count(session) == 1


def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(EventRow(reader_id=999, paper_id="arxiv:none", kind="upvote", at=NOW, channel="web"))


def test_many_writers_that_read_first_all_succeed(database: Database, together) -> None:
    """A transaction that begins as a reader and then writes would fail at once, however long the busy time-out."""
    with database.write() as session:
        runs.schedule(session, "counter", NOW)

    def count_up() -> int:
        for _ in range(20):
            with database.write() as session:
                row = session.get(JobRow, "counter")
                assert row is not None
                row.next_at += timedelta(seconds=1)
        return 20

    assert sum(together([count_up] * 8)) == 160
    with database.read() as session:
        assert runs.next_at(session, "counter") == NOW + timedelta(seconds=160)


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing:
        readers.create(writing, "slow", now=NOW)
        with database.read() as session:
            assert readers.count(session, simulated=False) == 0


def test_sqlite_is_in_write_ahead_mode(settings) -> None:
    database = open_database(f"sqlite+pysqlite:///{settings.folder / 'deep' / 'er' / 'new.db'}")
    with database.read() as session:
        found = {name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "busy_timeout")}
    database.close()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": BUSY_TIMEOUT_MS}


def test_several_may_open_a_new_file_at_once(tmp_path: Path, together) -> None:
    def open_and_ask() -> int:
        database = open_database(f"sqlite+pysqlite:///{tmp_path / 'new.db'}")
        with database.read() as session:
            answer: int = session.scalar(select(func.abs(-7)))
        database.close()
        return answer

    assert together([open_and_ask] * 8) == [7] * 8


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("not an address", "BROADSHEET_DATABASE_URL"),
        ("oracledb://host/name", "BROADSHEET_DATABASE_URL"),
        ("nothing+such://host/name", "write it like 'sqlite"),
    ],
)
def test_an_address_that_cannot_be_used_says_how_to_write_one(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        open_database(url)


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        ("no such table: papers", "broadsheet db upgrade"),
        ('relation "papers" does not exist', "broadsheet db upgrade"),
        ("database or disk is full", "free some space"),
        ("database is locked", "try again"),
        ("canceling statement due to lock timeout", "try again"),
        ("something else", "refused: something else"),
    ],
)
def test_complaints_say_what_to_do(complaint: str, advice: str) -> None:
    assert advice in str(explain(OperationalError("SELECT 1", {}, Exception(complaint))))


def test_a_database_without_tables_says_so(tmp_path: Path) -> None:
    database = open_database(f"sqlite+pysqlite:///{tmp_path / 'bare.db'}")
    with pytest.raises(OperationalError) as caught, database.read() as session:
        papers.count(session)
    database.close()
    assert "broadsheet db upgrade" in str(explain(caught.value))


def test_a_wrong_type_is_an_error_of_the_program(database: Database) -> None:
    with pytest.raises((StatementError, TypeError, AttributeError)), database.write() as session:
        runs.schedule(session, "ingest", date(2026, 5, 20))  # type: ignore[arg-type]


def test_a_new_file_that_another_process_is_writing_to_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses the switch to the write-ahead log at once, whatever the busy time-out says."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("CREATE TABLE notes (word TEXT)")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO notes VALUES ('first')")
    later = threading.Timer(0.2, other.execute, ["COMMIT"])
    later.start()
    database = open_database(f"sqlite+pysqlite:///{path}")
    with database.read() as session:
        assert session.scalar(text("SELECT word FROM notes")) == "first"
    later.join()
    other.close()
    database.close()

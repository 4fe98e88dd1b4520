"""The schema's own verbs; what the migrations make is told in tests/test_migrations.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from recommender.errors import StoreError
from recommender.store import schema
from recommender.store.db import Database, open_database


def test_a_migrated_database_is_current(database: Database) -> None:
    assert schema.is_current(database)
    assert schema.revision(database) == schema.head()
    schema.check(database)


def test_an_upgrade_twice_is_once(database: Database) -> None:
    schema.upgrade(database)
    assert schema.is_current(database)


def test_an_empty_database_is_not_current(settings) -> None:
    database = open_database(settings.url)
    assert schema.revision(database) is None
    assert not schema.is_current(database)
    database.close()


def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not schema.is_current(database)
    with pytest.raises(StoreError, match=r"newer Broadsheet \(schema 9999\): upgrade the program"):
        schema.upgrade(database)
    assert schema.revision(database) == "9999"


UPGRADE = """
import sys
from recommender.store import schema
from recommender.store.db import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
schema.upgrade(database)
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_two_processes_may_upgrade_at_once(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """The pages' server and the clock start together: one upgrades, the other waits and finds it done."""
    url = f"sqlite+pysqlite:///{tmp_path / 'new.db'}"
    if kind == "postgresql":
        cluster = request.getfixturevalue("postgres_cluster")
        url = cluster.url(cluster.create())
    command = [sys.executable, "-c", UPGRADE, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "."}, text=True, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    database = open_database(url)
    assert schema.is_current(database)
    database.close()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("These are not the pages you are looking for. " * 40)
    database = open_database(f"sqlite+pysqlite:///{path}")
    with pytest.raises(StoreError, match="not a database"):
        schema.upgrade(database)
    database.close()


@pytest.mark.postgres
def test_a_server_without_the_database_says_so(postgres_cluster) -> None:
    database = open_database(postgres_cluster.url("nowhere"))
    with pytest.raises(StoreError, match='"nowhere" does not exist'):
        schema.upgrade(database)
    database.close()

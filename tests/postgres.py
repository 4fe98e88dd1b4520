"""Nothing in, a throw-away PostgreSQL out: a cluster of its own on a unix socket, and a fresh migrated database per test.

The suite's conftest imports the fixtures. Where the server's programs or the rights to run them are missing, the tests that need
them are skipped, and the reason says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest

from recommender.store import schema
from recommender.store.db import Database, open_database

__all__ = ["Cluster", "empty_postgres", "postgres_cluster", "postgres_database", "postgres_template"]

_names = count(1)
_OPTIONS = (
    "-F -c listen_addresses='' -c synchronous_commit=off -c full_page_writes=off -c timezone=Asia/Tokyo -c max_connections=60"
)


@dataclass(frozen=True)
class Cluster:
    """A running server that only this machine's user can reach."""

    socket: Path
    user: str

    def url(self, name: str) -> str:
        """Return the SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://{self.user}@/{name}?host={self.socket}"

    def create(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"test_{next(_names)}"
        with psycopg.connect(f"host={self.socket} user={self.user} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]  # no value from outside
        return name

    def drop(self, name: str) -> None:
        """Take a database away again: hundreds of them would fill the disk, and be minutes in going."""
        with psycopg.connect(f"host={self.socket} user={self.user} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # no value from outside


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="broadsheet-pg-", dir="/tmp"))  # a socket's path must be short
    user = _user(folder)
    data = folder / "data"
    try:
        _run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C", user=user)
        start = ("-D", data, "-o", f"{_OPTIONS} -k {folder}", "-l", folder / "log", "-w")
        _run(programs / "pg_ctl", *start, "start", user=user)
        try:
            yield Cluster(folder, "postgres")
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop", user=user)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: Cluster) -> str:
    """A migrated database to copy: its schema comes from the migrations, not from the tables in code."""
    name = postgres_cluster.create()
    database = open_database(postgres_cluster.url(name))
    schema.upgrade(database)
    database.close()
    return name


@pytest.fixture
def postgres_database(postgres_cluster: Cluster, postgres_template: str) -> Iterator[Database]:
    """A migrated database on PostgreSQL, empty."""
    yield from _opened(postgres_cluster, postgres_cluster.create(postgres_template))


@pytest.fixture
def empty_postgres(postgres_cluster: Cluster) -> Iterator[Database]:
    """A database on PostgreSQL without any table."""
    yield from _opened(postgres_cluster, postgres_cluster.create())


def _opened(cluster: Cluster, name: str) -> Iterator[Database]:
    database = open_database(cluster.url(name))
    yield database
    database.close()
    cluster.drop(name)


def _programs() -> Path:
    """The folder of the newest server's programs."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if not found and on_path:
        return Path(on_path).resolve().parent
    if not found:
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    return max(found, key=lambda path: float(path.parent.name))


def _user(folder: Path) -> str | None:
    """The server refuses to run as root: whom to run it as, None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        shutil.chown(folder, "postgres")
    except LookupError:
        shutil.rmtree(folder)
        pytest.skip("PostgreSQL does not run as root, and this machine has no user `postgres`")
    return "postgres"


def _run(program: Path, *arguments: object, user: str | None) -> None:
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(
        command, user=user, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")

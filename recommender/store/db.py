"""A database address in, transactions out: the engine, its pragmas and the two kinds of transaction.

SQLite runs in WAL mode with foreign keys. A writer begins with `BEGIN IMMEDIATE`: a transaction that starts as a reader and then
writes fails at once with "database is locked", whatever the busy time-out, as soon as another writer was faster. On PostgreSQL a
writer takes one lock until it ends. So on both there is one writer at a time, and the log's numbers grow in the order of commits: a
page that has seen event 7 has seen every event before it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event, insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DontWrapMixin, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from recommender.errors import SettingsError, StoreError

__all__ = ["LARGEST", "PASSING", "Base", "Database", "Session", "UtcDateTime", "insert_plain", "open_database"]

LARGEST = 2**31 - 1  # number of a row on every database: to ask for a larger one is an error on PostgreSQL
PASSING = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
)  # busy, locked, restarted: what a database says of a moment, not of a query
BUSY_TIMEOUT_MS = 10_000
WRITE = {"broadsheet_write": True}  # execution option of a connection whose transactions may write
_READ_POSTGRES = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_RETRY_S = 0.02
_LOCK = 0x62726F6164  # any number, as long as nobody else takes it in this database


class _NaiveTime(StoreError, DontWrapMixin):
    """Raised as it is: SQLAlchemy would wrap a plain StoreError in an error of its own."""


class UtcDateTime(TypeDecorator[datetime]):
    """UTC in, UTC out, whatever the database thinks of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time, and store the rest as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise _NaiveTime(f"{value!r} has no time zone: pass an aware UTC time")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (its signature)
        """Return an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table's base; constraints are named, or SQLite could not drop them in a migration."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """One engine and the two kinds of transaction on it.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        readers = engine.execution_options(**_READ_POSTGRES) if engine.dialect.name == "postgresql" else engine
        self._readers = sessionmaker(readers, expire_on_commit=False)
        self._writers = sessionmaker(engine.execution_options(**WRITE), expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that may write: committed on return, rolled back on any exception."""
        with self._writers.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads: one consistent view, always rolled back."""
        with self._readers() as session:
            yield session  # to close it is to roll it back

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at an SQLAlchemy address; SQLite's folder is made when it is missing.

    Raises
    ------
    SettingsError
        If the address cannot be understood or names a driver that is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url, parsed.database)
        return _open_server(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"BROADSHEET_DATABASE_URL: {error}; write it like 'sqlite+pysqlite:///file.db' or "
            "'postgresql+psycopg://user@host/name' (the latter needs the extra `postgres`)"
        ) from None


def insert_plain(session: Session, row: type[DeclarativeBase], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows at once.

    To convert every value of thousands of rows by its type takes longer than to store them: here they must be as the driver takes
    them, which plain numbers, texts, bytes and truth values are. JSON must be a text.

    Parameters
    ----------
    session : Session
    row : type of DeclarativeBase
        Of which table.
    names : tuple of str
        Every column that the database does not fill by itself; given as they stand in the table, no row is put in another order.
    rows : sequence of tuple
        Their values.
    """
    if rows:
        connection = session.connection()
        text, order = _plain_insert(row, connection.dialect, names)
        given: Any = rows
        if order is None:
            given = [dict(zip(names, own, strict=True)) for own in rows]
        elif order != names:
            given = [*map(itemgetter(*map(names.index, order)), rows)]
        connection.exec_driver_sql(text, given)


@lru_cache(maxsize=16)
def _plain_insert(row: type[DeclarativeBase], dialect: Dialect, names: tuple[str, ...]) -> tuple[str, tuple[str, ...] | None]:
    """Return an INSERT as a driver takes it, and in which order it takes the values; None where they go by name."""
    compiled = insert(row).compile(dialect=dialect, column_keys=names)
    return str(compiled), tuple(compiled.positiontup) if compiled.positiontup is not None else None


def explain(error: DBAPIError) -> StoreError:
    """Turn a driver's complaint into one that says what to do."""
    text = str(error.orig).lower()
    if "no such table" in text or "does not exist" in text:
        return StoreError("the database has no tables yet: run `broadsheet db upgrade`")
    if "disk is full" in text:
        return StoreError("the disk is full: free some space; nothing that was saved is lost")
    if "locked" in text or "lock timeout" in text:
        return StoreError("another process has kept the database locked for too long: try again")
    return StoreError(f"the database refused: {error.orig}")


def _open_sqlite(url: str, path: str | None) -> Database:
    """Open SQLite with every connection in WAL mode and every transaction begun by us."""
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "foreign_keys = ON", "synchronous = NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        _use_wal(cursor)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return Database(engine)


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to the write-ahead log; where two processes open a new file at once, SQLite refuses one without waiting for the other."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _open_server(url: str) -> Database:
    """Open a database server whose writers wait for one another."""
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.dialect.name == "postgresql" and _writes(connection):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    return Database(engine)


def _writes(connection: Connection) -> bool:
    return any(connection.get_execution_options().get(name) for name in WRITE)

"""Up, check clean, down, up again, on both databases."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

import migrations
from recommender.errors import StoreError
from recommender.settings import Settings
from recommender.store import schema
from recommender.store.db import Base, Database, open_database

TABLES = {
    "current", "digests", "events", "impressions", "items", "jobs", "models", "pages", "paper_sources", "paper_versions", "papers",
    "readers", "runs", "sessions", "signals", "sources", "tokens", "vectors",
    "collected", "collections", "comments", "connections", "interests", "invitations", "keys", "marks", "paper_authors", "picks",
    "rates", "reports", "rules", "submissions", "subscribers", "suppressions", "wanted",
}  # fmt: skip
GROWING = {"events", "impressions", "signals", "vectors"}
# The full-text index is each database's own: no table of the code's, kept by triggers.
SEARCH_TRIGGERS = {"sqlite": {"search_added", "search_changed", "search_removed"}, "postgresql": {"search_stored"}}
SEARCH_TABLES = {
    "sqlite": {"search_numbers", "search_index", *(f"search_index_{part}" for part in ("config", "data", "docsize", "idx"))},
    "postgresql": {"search_words"},
}
SCRIPTS = sorted(path for path in (Path(migrations.__file__).parent / "versions").glob("*.py"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "postgresql":
        yield request.getfixturevalue("empty_postgres")
        return
    database = open_database(settings.url)
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def triggers(database: Database) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with database.read() as session:
        return set(session.scalars(text(query[database.engine.dialect.name])))


def functions(database: Database) -> set[str]:
    if database.engine.dialect.name == "sqlite":
        return set()
    with database.read() as session:
        return set(session.scalars(text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")))


def test_up_down_and_up_again(empty: Database) -> None:
    for _ in range(2):
        schema.upgrade(empty)
        schema.check(empty)  # the tables in code are the tables in the database
        kind = empty.engine.dialect.name
        assert tables(empty) == TABLES | SEARCH_TABLES[kind]
        assert set(Base.metadata.tables) == TABLES
        assert triggers(empty) == {f"{table}_append_only" for table in GROWING} | SEARCH_TRIGGERS[kind]
        schema.downgrade(empty)
        assert (tables(empty), triggers(empty), functions(empty)) == (set(), set(), set())
        assert schema.revision(empty) is None


def test_each_step_can_be_taken_and_taken_back(empty: Database) -> None:
    for script in SCRIPTS:
        number = script.stem.split("_")[0]
        schema.upgrade(empty, number)
        assert schema.revision(empty) == number
        schema.downgrade(empty, "-1")
        schema.upgrade(empty, number)
    assert schema.is_current(empty)


def test_a_migration_that_fails_leaves_nothing_half_done(empty: Database) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE vectors (somebody_elses INTEGER)"))
    with pytest.raises(StoreError, match="already exists"):
        schema.upgrade(empty)
    assert tables(empty) == {"vectors"}
    assert schema.revision(empty) is None
    with empty.write() as session:
        session.execute(text("DROP TABLE vectors"))
    schema.upgrade(empty)
    assert tables(empty) == TABLES | SEARCH_TABLES[empty.engine.dialect.name]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_migration_imports_nothing_of_the_application(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    for name in ("recommender", "training", "web"):
        assert f"import {name}" not in source
        assert f"from {name}" not in source
    module = importlib.import_module(f"migrations.versions.{script.stem}")
    assert callable(module.upgrade)
    assert callable(module.downgrade)


def test_constraints_are_named(empty: Database) -> None:
    schema.upgrade(empty)
    found = inspect(empty.engine)
    for table in TABLES:
        assert found.get_pk_constraint(table)["name"] in (f"pk_{table}", None)  # SQLite does not tell an autoincrement's
        names = [key["name"] for key in (*found.get_foreign_keys(table), *found.get_unique_constraints(table))]
        assert all(name and name.split("_")[0] in ("fk", "uq") for name in names), (table, names)

"""A database in, a database with the right tables out: Alembic, configured in code, run by `broadsheet db` and by the tests."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from recommender.errors import StoreError
from recommender.store.db import WRITE, Database

__all__ = ["check", "downgrade", "draft", "head", "is_current", "revision", "upgrade"]


def upgrade(database: Database, to: str = "head") -> None:
    """Bring the schema up to date (or to a revision).

    Raises
    ------
    StoreError
        If the database was made by a newer Broadsheet, or is locked.
    """
    try:
        _known(database)
        _run(database, lambda config: command.upgrade(config, to))
    except DBAPIError as error:
        raise StoreError(f"the schema could not be upgraded: {error.orig}") from None


def downgrade(database: Database, to: str = "base") -> None:
    """Take the schema back to a revision."""
    _run(database, lambda config: command.downgrade(config, to))


def check(database: Database) -> None:
    """Raise alembic's error when the tables in code and in the database differ."""
    _run(database, command.check)


def revision(database: Database) -> str | None:
    """Return the revision the database stands at; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def draft(database: Database, message: str) -> Path:
    """Write a migration from what differs between the tables in code and in an up-to-date database; return its file."""
    number = len(list(ScriptDirectory.from_config(_config()).walk_revisions())) + 1
    _run(database, lambda config: command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}"))
    script = ScriptDirectory.from_config(_config()).get_revision(f"{number:04d}")
    return Path(script.path)


def head() -> str | None:
    """Return the revision this program wants."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_current(database: Database) -> bool:
    """Whether the database stands at the revision this program wants."""
    return revision(database) == head()


def _known(database: Database) -> None:
    """Refuse a database that a newer program made."""
    stands_at = revision(database)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if stands_at is not None and stands_at not in known:
        raise StoreError(f"this database was made by a newer Broadsheet (schema {stands_at}): upgrade the program")


def _config() -> Config:
    spec = find_spec("migrations")
    if spec is None or spec.origin is None:
        raise StoreError("the package `migrations` is not installed: install Broadsheet again")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.origin).parent))
    return config


def _run(database: Database, step) -> None:  # type: ignore[no-untyped-def]  # alembic's commands share no type
    config = _config()
    with database.engine.execution_options(**WRITE).connect() as connection:  # of two upgrades at once, one waits
        config.attributes["connection"] = connection
        step(config)
        connection.commit()

"""An open connection in, a migrated schema out: Alembic runs this with what `recommender.store.schema` hands over."""

from alembic import context

from recommender.store import tables, tables_mail, tables_reader, tables_shared  # registers every table
from recommender.store.db import Base

assert all((tables, tables_mail, tables_reader, tables_shared))


def _ours(name: str | None, kind: str, _parent: object) -> bool:
    """Whether a table or index is one of the code's: those of the full-text search are each database's own."""
    return kind not in ("table", "index") or name is None or not name.startswith("search_")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a table in place
    compare_type=True,
    include_name=_ours,
)
with context.begin_transaction():
    context.run_migrations()

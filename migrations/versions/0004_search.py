"""Papers can be found by their words and by who wrote them: a full-text index, one row per author, an index of organisations.

On SQLite the index is FTS5 over a view, by numbers of our own: those of SQLite change when the file is packed. On PostgreSQL it is a
table of weighted words. Triggers keep both, so that a paper the previous version of the program stores is found too.

A migration works with the previous version of the program still running, drops a column only one release after its last read,
can be taken back, and imports nothing of the application.
"""

import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 500
LONGEST_NAME = 300

# What separates words: neither database's idea of a word then depends on where the server stands.
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"


def upgrade() -> None:
    op.create_table(
        "paper_authors",
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=LONGEST_NAME), nullable=False),
        sa.Column("key", sa.String(length=LONGEST_NAME), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_paper_authors_paper_id_papers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "place", name=op.f("pk_paper_authors")),
    )
    op.create_index(op.f("ix_paper_authors_key"), "paper_authors", ["key"], unique=False)
    op.create_index(op.f("ix_papers_organization"), "papers", ["organization"], unique=False)
    _name_authors()
    if op.get_bind().dialect.name == "sqlite":
        _index_sqlite()
    elif op.get_bind().dialect.name == "postgresql":
        _index_postgres()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for trigger in ("search_added", "search_changed", "search_removed"):
            op.execute(f"DROP TRIGGER {trigger}")
        op.execute("DROP INDEX search_filters")
        op.execute("DROP TABLE search_index")
        op.execute("DROP VIEW search_texts")
        op.execute("DROP TABLE search_numbers")
    elif op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER search_stored ON papers")
        op.execute("DROP TABLE search_words")
        op.execute("DROP FUNCTION broadsheet_search_stored()")
        op.execute("DROP FUNCTION broadsheet_words(text, text, json)")
        op.execute("DROP FUNCTION broadsheet_plain(text)")
    op.drop_index(op.f("ix_papers_organization"), table_name="papers")
    op.drop_index(op.f("ix_paper_authors_key"), table_name="paper_authors")
    op.drop_table("paper_authors")


def _name_authors() -> None:
    """Give every author of a stored paper a row."""
    papers = sa.table("papers", sa.column("id", sa.String), sa.column("authors", sa.JSON))
    columns = [sa.column(name, sa.String) for name in ("paper_id", "name", "key")]
    authors = sa.table("paper_authors", *columns, sa.column("place", sa.Integer))
    connection, last = op.get_bind(), ""
    while batch := connection.execute(
        sa.select(papers.c.id, papers.c.authors).where(papers.c.id > last).order_by(papers.c.id).limit(BATCH)
    ).all():
        last = batch[-1][0]
        rows = [
            {"paper_id": paper_id, "place": place, "name": name[:LONGEST_NAME], "key": _key(name)}
            for paper_id, names in batch
            for place, name in enumerate(names, start=1)
        ]
        if rows:
            connection.execute(sa.insert(authors), rows)


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:LONGEST_NAME]


def _index_sqlite() -> None:
    op.execute(
        "CREATE TABLE search_numbers (number INTEGER NOT NULL CONSTRAINT pk_search_numbers PRIMARY KEY, paper_id VARCHAR(80) NOT NULL "
        "CONSTRAINT uq_search_numbers_paper_id UNIQUE "
        "CONSTRAINT fk_search_numbers_paper_id_papers REFERENCES papers (id) ON DELETE CASCADE)"
    )
    op.execute(
        "CREATE VIEW search_texts AS SELECT number, paper_id, title, abstract, "
        "(SELECT group_concat(value, ', ') FROM json_each(papers.authors)) AS authors "
        "FROM search_numbers JOIN papers ON papers.id = search_numbers.paper_id"
    )
    op.execute(
        "CREATE VIRTUAL TABLE search_index USING fts5 (title, abstract, authors, content = 'search_texts', content_rowid = 'number', "
        "tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    read = (
        "INSERT INTO search_index (rowid, title, abstract, authors) "
        "SELECT number, title, abstract, authors FROM search_texts WHERE paper_id = new.id"
    )
    forget = (  # an index over a view is told what it forgets
        "INSERT INTO search_index (search_index, rowid, title, abstract, authors) "
        "SELECT 'delete', number, old.title, old.abstract, (SELECT group_concat(value, ', ') FROM json_each(old.authors)) "
        "FROM search_numbers WHERE paper_id = old.id"
    )
    unnumber = "DELETE FROM search_numbers WHERE paper_id = old.id"
    number = "INSERT INTO search_numbers (paper_id) VALUES (new.id)"
    op.execute(f"CREATE TRIGGER search_added AFTER INSERT ON papers BEGIN {number}; {read}; END")
    op.execute(f"CREATE TRIGGER search_changed AFTER UPDATE OF title, abstract, authors ON papers BEGIN {forget}; {read}; END")
    op.execute(f"CREATE TRIGGER search_removed BEFORE DELETE ON papers BEGIN {forget}; {unnumber}; END")
    op.execute("INSERT INTO search_numbers (paper_id) SELECT id FROM papers ORDER BY edition, id")
    # All that a search can be narrowed by, side by side: who filters does not read the abstracts.
    op.execute("CREATE INDEX search_filters ON papers (published, source, code_url, categories, id)")
    op.execute(  # not by FTS5's own command, which refuses a view that reads JSON
        "INSERT INTO search_index (rowid, title, abstract, authors) SELECT number, title, abstract, authors FROM search_texts"
    )


def _index_postgres() -> None:
    op.create_table(
        "search_words",
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("words", TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_search_words_paper_id_papers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_search_words")),
    )
    quoted = PUNCTUATION.replace("'", "''")
    _define(
        "broadsheet_plain(written text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE",
        "BEGIN IF current_setting('server_encoding') = 'UTF8' THEN "
        "written := regexp_replace(normalize(written, NFKD), '[\\u0300-\\u036F]', '', 'g'); END IF; "
        f"RETURN translate(written, '{quoted}', '{' ' * len(PUNCTUATION)}'); END",
    )
    _define(
        "broadsheet_words(title text, abstract text, authors json) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE",
        "DECLARE names text := (SELECT string_agg(name, ' ') FROM json_array_elements_text(authors) AS name); "
        "heading tsvector := setweight(to_tsvector('english', left(broadsheet_plain(title), 2000)), 'A'); "
        "BEGIN RETURN heading "
        "|| setweight(to_tsvector('english', left(broadsheet_plain(coalesce(names, '')), 50000)), 'B') "
        "|| setweight(to_tsvector('english', left(broadsheet_plain(abstract), 50000)), 'D'); "
        "EXCEPTION WHEN program_limit_exceeded THEN RETURN heading; END",
    )
    _define(
        "broadsheet_search_stored() RETURNS trigger LANGUAGE plpgsql",
        "BEGIN INSERT INTO search_words (paper_id, words) VALUES (NEW.id, broadsheet_words(NEW.title, NEW.abstract, NEW.authors)) "
        "ON CONFLICT (paper_id) DO UPDATE SET words = EXCLUDED.words; RETURN NULL; END",
    )
    op.execute("INSERT INTO search_words (paper_id, words) SELECT id, broadsheet_words(title, abstract, authors) FROM papers")
    op.execute("CREATE INDEX ix_search_words_words ON search_words USING gin (words)")
    op.execute(
        "CREATE TRIGGER search_stored AFTER INSERT OR UPDATE OF title, abstract, authors ON papers "
        "FOR EACH ROW EXECUTE FUNCTION broadsheet_search_stored()"
    )


def _define(head: str, body: str) -> None:
    op.execute(f"CREATE FUNCTION {head} AS $$ {body} $$")

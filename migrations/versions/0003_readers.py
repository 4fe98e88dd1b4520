"""Readers get interests, rules, shelves, keys and a password of their own, and share discussion, submissions and picks.

A migration works with the previous version of the program still running, drops a column only one release after its last read,
can be taken back, and imports nothing of the application.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rates",
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rates")),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_collections_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("reader_id", "slug", name=op.f("uq_collections_reader_id_slug")),
    )
    op.create_index(op.f("ix_collections_reader_id"), "collections", ["reader_id"], unique=False)

    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_comments_paper_id_papers"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id_comments"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_comments_reader_id_readers"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(op.f("ix_comments_paper_id"), "comments", ["paper_id"], unique=False)
    op.create_index(op.f("ix_comments_reader_id"), "comments", ["reader_id"], unique=False)

    op.create_table(
        "connections",
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("interest_id", sa.Integer(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.String(length=40), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_connections_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reader_id", "service", name=op.f("pk_connections")),
    )
    op.create_table(
        "interests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("picks", sa.JSON(), nullable=False),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_interests_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interests")),
    )
    op.create_index(op.f("ix_interests_reader_id"), "interests", ["reader_id"], unique=False)

    op.create_table(
        "invitations",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["readers.id"], name=op.f("fk_invitations_made_by_readers"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["used_by"], ["readers.id"], name=op.f("fk_invitations_used_by_readers"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_invitations")),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("interest_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_keys_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_keys_digest")),
    )
    op.create_index(op.f("ix_keys_reader_id"), "keys", ["reader_id"], unique=False)

    op.create_table(
        "marks",
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_marks_paper_id_papers"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_marks_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reader_id", "paper_id", name=op.f("pk_marks")),
    )
    op.create_table(
        "picks",
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_picks_paper_id_papers"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_picks_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "reader_id", name=op.f("pk_picks")),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("interest_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_rules_reader_id_readers"), ondelete="CASCADE"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
    )
    op.create_index(op.f("ix_rules_reader_id"), "rules", ["reader_id"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_submissions_paper_id_papers"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["reader_id"], ["readers.id"], name=op.f("fk_submissions_reader_id_readers"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_submissions")),
    )
    op.create_index(op.f("ix_submissions_reader_id"), "submissions", ["reader_id"], unique=False)

    op.create_table(
        "wanted",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("interest_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_wanted_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wanted")),
        sa.UniqueConstraint(
            "reader_id", "paper_id", "purpose", "interest_id", name=op.f("uq_wanted_reader_id_paper_id_purpose_interest_id")
        ),
    )
    op.create_index(op.f("ix_wanted_paper_id"), "wanted", ["paper_id"], unique=False)

    op.create_table(
        "collected",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.String(length=80), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_collected_collection_id_collections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_collected_paper_id_papers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("collection_id", "paper_id", name=op.f("pk_collected")),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name=op.f("fk_reports_comment_id_comments"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name=op.f("fk_reports_reader_id_readers"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("comment_id", "reader_id", name=op.f("uq_reports_comment_id_reader_id")),
    )
    op.add_column("events", sa.Column("interest_id", sa.Integer(), server_default="0", nullable=False))

    op.add_column("items", sa.Column("interest_id", sa.Integer(), server_default="0", nullable=False))

    op.add_column("pages", sa.Column("interest_id", sa.Integer(), server_default="0", nullable=False))

    op.add_column("readers", sa.Column("password", sa.String(length=200), nullable=True))
    op.add_column("readers", sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("readers", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("readers", sa.Column("is_curator", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("readers", sa.Column("locale", sa.String(length=12), server_default="", nullable=False))
    op.add_column("readers", sa.Column("votes_public", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("readers", sa.Column("notices", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("readers", sa.Column("announce", sa.String(length=60), server_default="", nullable=False))
    op.add_column("readers", sa.Column("picks", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("readers", sa.Column("forgotten", sa.Integer(), server_default="0", nullable=False))

    op.execute(
        "UPDATE readers SET email_confirmed_at = created_at WHERE email IS NOT NULL"
    )  # they gave it to the owner's own page
    op.add_column("sessions", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))

    op.add_column("tokens", sa.Column("payload", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("tokens", "payload")

    op.drop_column("sessions", "seen_at")

    op.drop_column("readers", "forgotten")
    op.drop_column("readers", "picks")
    op.drop_column("readers", "announce")
    op.drop_column("readers", "notices")
    op.drop_column("readers", "votes_public")
    op.drop_column("readers", "locale")
    op.drop_column("readers", "is_curator")
    op.drop_column("readers", "disabled_at")
    op.drop_column("readers", "email_confirmed_at")
    op.drop_column("readers", "password")

    op.drop_column("pages", "interest_id")

    op.drop_column("items", "interest_id")

    op.drop_column("events", "interest_id")

    op.drop_table("reports")
    op.drop_table("collected")
    op.drop_index(op.f("ix_wanted_paper_id"), table_name="wanted")

    op.drop_table("wanted")
    op.drop_index(op.f("ix_submissions_reader_id"), table_name="submissions")

    op.drop_table("submissions")
    op.drop_index(op.f("ix_rules_reader_id"), table_name="rules")
    op.drop_table("rules")
    op.drop_table("picks")
    op.drop_table("marks")
    op.drop_index(op.f("ix_keys_reader_id"), table_name="keys")

    op.drop_table("keys")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_interests_reader_id"), table_name="interests")

    op.drop_table("interests")
    op.drop_table("connections")
    op.drop_index(op.f("ix_comments_reader_id"), table_name="comments")
    op.drop_index(op.f("ix_comments_paper_id"), table_name="comments")

    op.drop_table("comments")
    op.drop_index(op.f("ix_collections_reader_id"), table_name="collections")

    op.drop_table("collections")
    op.drop_table("rates")

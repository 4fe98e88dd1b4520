"""Digests are sent over several tries, weekly too, and to people without an account; addresses that bounce are left alone.

A migration works with the previous version of the program still running, drops a column only one release after its last read,
can be taken back, and imports nothing of the application.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("locale", sa.String(length=12), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("digest_hour", sa.Integer(), nullable=False),
        sa.Column("digest_every", sa.String(length=4), nullable=False),
        sa.Column("digest_weekday", sa.Integer(), nullable=False),
        sa.Column("digest_paused_until", sa.Date(), nullable=True),
        sa.Column("next_digest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("email", name=op.f("uq_subscribers_email")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_subscribers_next_digest_at"), "subscribers", ["next_digest_at"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_suppressions")),
    )
    op.add_column("readers", sa.Column("digest_every", sa.String(length=4), server_default="day", nullable=False))
    op.add_column("readers", sa.Column("digest_weekday", sa.Integer(), server_default="0", nullable=False))
    op.add_column("readers", sa.Column("digest_paused_until", sa.Date(), nullable=True))
    with op.batch_alter_table("digests") as batch:
        batch.alter_column("reader_id", existing_type=sa.Integer(), nullable=True)
        batch.add_column(sa.Column("subscriber_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("kind", sa.String(length=8), server_default="day", nullable=False))
        batch.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("worker", sa.String(length=100), server_default="", nullable=False))
        batch.add_column(sa.Column("edition", sa.Date(), nullable=True))
        batch.add_column(sa.Column("code", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_digests_subscriber_id_subscribers"), "subscribers", ["subscriber_id"], ["id"], ondelete="CASCADE"
        )
        batch.create_unique_constraint(op.f("uq_digests_subscriber_id_day"), ["subscriber_id", "day"])
    op.create_index(op.f("ix_digests_status"), "digests", ["status"], unique=False)
    op.create_index(op.f("ix_digests_message_id"), "digests", ["message_id"], unique=False)
    op.execute("UPDATE digests SET edition = (SELECT day FROM pages WHERE pages.id = digests.page_id)")
    # Nobody knows any more whether these left: they were claimed by a program that took no claim up again.
    op.execute("UPDATE digests SET status = 'unknown' WHERE status = 'claimed'")


def downgrade() -> None:
    op.execute("DELETE FROM digests WHERE reader_id IS NULL")
    op.execute("UPDATE digests SET status = 'claimed' WHERE status IN ('handed', 'unknown')")
    op.execute("UPDATE digests SET status = 'failed' WHERE status IN ('deferred', 'suppressed')")
    op.drop_index(op.f("ix_digests_message_id"), table_name="digests")
    op.drop_index(op.f("ix_digests_status"), table_name="digests")
    with op.batch_alter_table("digests") as batch:
        batch.drop_constraint(op.f("uq_digests_subscriber_id_day"), type_="unique")
        batch.drop_constraint(op.f("fk_digests_subscriber_id_subscribers"), type_="foreignkey")
        for column in ("code", "edition", "worker", "retry_at", "attempts", "due_at", "kind", "subscriber_id"):
            batch.drop_column(column)
        batch.alter_column("reader_id", existing_type=sa.Integer(), nullable=False)
    op.drop_column("readers", "digest_paused_until")
    op.drop_column("readers", "digest_weekday")
    op.drop_column("readers", "digest_every")
    op.drop_table("suppressions")
    op.drop_index(op.f("ix_subscribers_next_digest_at"), table_name="subscribers")
    op.drop_table("subscribers")

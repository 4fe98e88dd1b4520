"""Where two models share a page, each item says which of them chose it.

A migration works with the previous version of the program still running, drops a column only one release after its last read,
can be taken back, and imports nothing of the application.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was rolled back from was called retired, like what was replaced, and must not stand in again.
    op.execute(
        "UPDATE models SET state = 'withdrawn' WHERE state = 'retired' AND version IN "
        "(SELECT substr(reason, 18) FROM models WHERE state = 'live' AND reason LIKE 'rolled back from %')"
    )
    op.add_column("items", sa.Column("team", sa.String(length=60), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("items", "team")  # never by a copy of the table: dropping the old one would take the impressions with it

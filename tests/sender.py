"""A home and a moment in, what the clock does from then on out: a process of its own, for tests that kill it.

    python tests/sender.py HOME SMTP_PORT MOMENT

Each look at what is due comes five minutes after the last, without waiting for them; it ends when no digest is due or put off.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from recommender.settings import Settings, load
from recommender.store.db import Database, open_database
from recommender.store.tables import ReaderRow
from recommender.store.tables_mail import DigestRow
from web import jobs
from web.workers import worker_name

LOOK = timedelta(minutes=5)


def house(home: Path, port: int) -> Settings:
    """The settings of a house that reads no source and mails through a server of this machine."""
    mail = {
        "mailer": "smtp",
        "smtp_port": port,
        "smtp_security": "starttls",
        "timeout_s": 6.0,
        "per_domain_per_minute": 1_000_000,
        "sender": "Broadsheet <paper@papers.example>",
    }
    return load({}, home=home, edition="real", embed={"model": "hashing"}, sources={"enabled": ()}, mail=mail)


def is_left(database: Database, now: datetime) -> bool:
    """Whether a digest is due, put off or held by somebody."""
    with database.read() as session:
        due = session.scalar(select(func.count()).select_from(ReaderRow).where(ReaderRow.next_digest_at <= now)) or 0
        still = DigestRow.status.in_(("claimed", "handed", "deferred"))
        return due + (session.scalar(select(func.count()).select_from(DigestRow).where(still)) or 0) > 0


def main(home: Path, port: int, now: datetime) -> None:
    """Look every five minutes."""
    settings = house(home, port)
    database = open_database(settings.url)
    until = now + timedelta(hours=11)
    while is_left(database, now) and now < until:
        jobs.run_due(database, settings, now, worker=worker_name())
        now += LOOK
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))

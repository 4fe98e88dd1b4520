"""Nothing in, the tables of what is mailed out: the ledger of digests, people who get one without an account, addresses left alone."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from recommender.store.db import Base, UtcDateTime

__all__ = ["DigestRow", "SubscriberRow", "SuppressionRow"]


class DigestRow(Base):
    """One digest of one reader or subscriber for one local day: claimed before it is sent, so that nobody gets two.

    `worker` is the process that holds it, `retry_at` when one that was put off is tried again, `code` what the mail server last said,
    `edition` the newest day whose papers it showed.
    """

    __tablename__ = "digests"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(8), default="day", server_default="day")
    status: Mapped[str] = mapped_column(String(12), index=True)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str] = mapped_column(String(100), default="", server_default="")
    page_id: Mapped[int | None] = mapped_column(ForeignKey("pages.id", ondelete="SET NULL"))
    edition: Mapped[date | None] = mapped_column(Date)
    message_id: Mapped[str | None] = mapped_column(String(200), index=True)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("reader_id", "day"), UniqueConstraint("subscriber_id", "day"))


class SubscriberRow(Base):
    """Somebody without an account who confirmed that they want what everyone reads by mail; leaving removes the row."""

    __tablename__ = "subscribers"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    locale: Mapped[str] = mapped_column(String(12), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    digest_hour: Mapped[int] = mapped_column(Integer, default=7)
    digest_every: Mapped[str] = mapped_column(String(4), default="day")
    digest_weekday: Mapped[int] = mapped_column(Integer, default=0)
    digest_paused_until: Mapped[date | None] = mapped_column(Date)
    next_digest_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    __table_args__ = ({"sqlite_autoincrement": True},)  # links in mails name a number: it is never given again


class SuppressionRow(Base):
    """An address that no digest goes to any more, by the digest of the address: who left the house is not kept in plain words."""

    __tablename__ = "suppressions"
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)

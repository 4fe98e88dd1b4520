"""Nothing in, the schema out: every table, one class each; other modules of this room give and take plain values.

`events`, `impressions`, `signals` and `vectors` only ever grow: no function of this project updates a row of theirs.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from recommender.store.db import Base, UtcDateTime

__all__ = [
    "Current",
    "EventRow",
    "ImpressionRow",
    "ItemRow",
    "JobRow",
    "ModelRow",
    "PageRow",
    "PaperRow",
    "PaperSourceRow",
    "PaperVersionRow",
    "ReaderRow",
    "RunRow",
    "SessionRow",
    "SignalRow",
    "SourceRow",
    "TokenRow",
    "VectorRow",
]


class ReaderRow(Base):
    """A person with an account, or a simulated one."""

    __tablename__ = "readers"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    is_owner: Mapped[bool] = mapped_column(Boolean, default=False)
    simulated: Mapped[bool] = mapped_column(Boolean, default=False)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    digest_on: Mapped[bool] = mapped_column(Boolean, default=False)
    digest_hour: Mapped[int] = mapped_column(Integer, default=7)
    digest_every: Mapped[str] = mapped_column(String(4), default="day", server_default="day")
    digest_weekday: Mapped[int] = mapped_column(Integer, default=0, server_default="0")  # of a weekly one; Monday is 0
    digest_paused_until: Mapped[date | None] = mapped_column(Date)  # the local day on which it comes again
    next_digest_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    password: Mapped[str | None] = mapped_column(String(200))  # its argon2 hash
    email_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_curator: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    locale: Mapped[str] = mapped_column(String(12), default="", server_default="")
    votes_public: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    notices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    announce: Mapped[str] = mapped_column(String(60), default="", server_default="")
    picks: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    forgotten: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class SessionRow(Base):
    """A sign-in that lasts; only the digest of its secret is stored."""

    __tablename__ = "sessions"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    agent: Mapped[str] = mapped_column(String(200), default="")
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TokenRow(Base):
    """A secret that works once, for one purpose; only its digest is stored."""

    __tablename__ = "tokens"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    payload: Mapped[str] = mapped_column(Text, default="", server_default="")


class PaperRow(Base):
    """A paper as it stands now; `edition` is set when it is first seen and never moves."""

    __tablename__ = "papers"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    abstract: Mapped[str] = mapped_column(Text)
    authors: Mapped[list[str]] = mapped_column(JSON)
    categories: Mapped[list[str]] = mapped_column(JSON)
    published: Mapped[datetime] = mapped_column(UtcDateTime)
    edition: Mapped[date] = mapped_column(Date, index=True)
    source: Mapped[str] = mapped_column(String(40))
    announce: Mapped[str] = mapped_column(String(20), default="new")
    version: Mapped[int] = mapped_column(Integer, default=1)
    url: Mapped[str | None] = mapped_column(Text)
    pdf_url: Mapped[str | None] = mapped_column(Text)
    code_url: Mapped[str | None] = mapped_column(Text)
    project_url: Mapped[str | None] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    organization: Mapped[str | None] = mapped_column(String(300), index=True)
    submitter: Mapped[str | None] = mapped_column(String(300))
    invented: Mapped[bool] = mapped_column(Boolean, default=False)
    text_digest: Mapped[str] = mapped_column(String(32))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PaperVersionRow(Base):
    """The text of a version that was replaced by a newer one."""

    __tablename__ = "paper_versions"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"), index=True)
    version: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    abstract: Mapped[str] = mapped_column(Text)
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PaperSourceRow(Base):
    """That a source announced a paper, and on which day."""

    __tablename__ = "paper_sources"
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    announced_on: Mapped[date] = mapped_column(Date)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignalRow(Base):
    """What a source said of a paper at one moment; a new row when it says something else."""

    __tablename__ = "signals"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(40))
    observed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    upvotes: Mapped[int | None] = mapped_column(Integer)
    comments: Mapped[int | None] = mapped_column(Integer)
    stars: Mapped[int | None] = mapped_column(Integer)
    __table_args__ = (Index("ix_signals_paper_id_source_id", "paper_id", "source", "id"),)


class VectorRow(Base):
    """One paper's text as one encoder sees it (float16, unit length) and as hashed terms; `seq` is the order of arrival."""

    __tablename__ = "vectors"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"))
    encoder: Mapped[str] = mapped_column(String(120))
    text_digest: Mapped[str] = mapped_column(String(32))
    dense: Mapped[bytes] = mapped_column(LargeBinary)
    term_ids: Mapped[bytes] = mapped_column(LargeBinary)
    term_values: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    __table_args__ = (UniqueConstraint("encoder", "paper_id", "text_digest"), {"sqlite_autoincrement": True})


class PageRow(Base):
    """One revision of one reader's page for one edition and interest; revisions are counted per reader and day.

    An interest of 0, here and everywhere, is the reader's general taste: it has no row of its own.
    """

    __tablename__ = "pages"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date, index=True)
    revision: Mapped[int] = mapped_column(Integer)
    candidates: Mapped[int] = mapped_column(Integer)
    model: Mapped[str] = mapped_column(String(60))
    schema: Mapped[str] = mapped_column(String(32))
    cursor: Mapped[int] = mapped_column(Integer)
    paper_cursor: Mapped[int] = mapped_column(Integer)
    recipe: Mapped[str] = mapped_column(String(32))
    built_at: Mapped[datetime] = mapped_column(UtcDateTime)
    interest_id: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    __table_args__ = (UniqueConstraint("reader_id", "day", "revision"),)


class ItemRow(Base):
    """One paper at one position of one page, with the feature row it was ranked by (float32).

    `team` is the model that chose it for this place where two share the page, else empty; `interest_id` the taste it was ranked for.
    """

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("pages.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"), index=True)
    score: Mapped[float] = mapped_column(Float)
    features: Mapped[bytes] = mapped_column(LargeBinary)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    explored: Mapped[bool] = mapped_column(Boolean, default=False)
    propensity: Mapped[float] = mapped_column(Float, default=1.0)
    voted: Mapped[bool] = mapped_column(Boolean, default=False)
    team: Mapped[str] = mapped_column(String(60), default="", server_default="")
    interest_id: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    __table_args__ = (UniqueConstraint("page_id", "position"),)


class ImpressionRow(Base):
    """That an item was shown, once per channel."""

    __tablename__ = "impressions"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(12))
    shown_at: Mapped[datetime] = mapped_column(UtcDateTime)
    __table_args__ = (UniqueConstraint("item_id", "channel"),)


class EventRow(Base):
    """One gesture; the database itself refuses to change one (see the first migration)."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id", ondelete="CASCADE"))
    paper_id: Mapped[str] = mapped_column(ForeignKey("papers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("items.id"))  # no action: an answered item stays
    channel: Mapped[str] = mapped_column(String(12))
    interest_id: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    __table_args__ = (Index("ix_events_reader_id_id", "reader_id", "id"), {"sqlite_autoincrement": True})


class ModelRow(Base):
    """One version of the ranker: its file's checksum, what was measured, and what became of it."""

    __tablename__ = "models"
    version: Mapped[str] = mapped_column(String(60), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    schema: Mapped[str] = mapped_column(String(32))
    sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    papers: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    promoted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Current(Base):
    """The one row per slot that says what is in use: `ranker` and `rival` model versions, `encoder` a name."""

    __tablename__ = "current"
    slot: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(String(120))
    previous: Mapped[str | None] = mapped_column(String(120))
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRow(Base):
    """When a job of the clock is next due; whoever moves `next_at` has claimed it."""

    __tablename__ = "jobs"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RunRow(Base):
    """One run of one job for one due time."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    job: Mapped[str] = mapped_column(String(40))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(12))
    worker: Mapped[str] = mapped_column(String(100), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("job", "due_at", "attempt"),)


class SourceRow(Base):
    """What a source last said."""

    __tablename__ = "sources"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ok_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    papers: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    validators: Mapped[dict[str, Any]] = mapped_column(JSON)

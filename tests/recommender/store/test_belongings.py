"""What is a reader's own: all of it is found, no secret among it; removed, nothing of it is left, and everybody else's stays."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from factories import NOW, make_paper, make_reader
from sqlalchemy import func, select, text

from recommender.errors import StoreError
from recommender.store import accounts, belongings, events, keys, papers, readers
from recommender.store.db import Base, Database, Session
from recommender.store.readers import Reader
from recommender.store.tables import EventRow, ImpressionRow, ItemRow, PageRow, ReaderRow
from recommender.store.tables_mail import DigestRow
from recommender.store.tables_reader import (
    CollectedRow,
    CollectionRow,
    ConnectionRow,
    InterestRow,
    KeyRow,
    MarkRow,
    RuleRow,
    WantedRow,
)
from recommender.store.tables_shared import CommentRow, InvitationRow, PickRow, ReportRow, SubmissionRow
from recommender.types import EventKind

SECRETS = ("the hash", "cookie-secret", "key-digest", "zotero-secret", "invitation-digest", "token-digest")
PAPER, OTHER = "arxiv:2605.10001", "arxiv:2605.10002"


def settle(session: Session, reader: Reader) -> None:
    """Give a reader something in every table there is."""
    me, n = reader.id, reader.id * 100
    day = NOW.date()
    accounts.set_password(session, me, f"the hash {me}")
    readers.open_session(session, me, now=NOW, lives=timedelta(days=1), agent="Firefox")
    readers.issue_token(session, me, "signin", now=NOW, lives=timedelta(days=1))
    page = PageRow(
        id=n,
        reader_id=me,
        day=day,
        revision=1,
        candidates=2,
        model="m",
        schema="s",
        cursor=0,
        paper_cursor=0,
        recipe="",
        built_at=NOW,
    )
    session.add(page)
    session.flush()
    session.add(ItemRow(id=n, page_id=n, position=1, paper_id=PAPER, score=0.5, features=b"\x00" * 8, reasons=[]))
    session.flush()
    session.add(ImpressionRow(item_id=n, channel="web", shown_at=NOW))
    events.append(session, me, PAPER, EventKind.UPVOTE, at=NOW, item_id=n)
    events.append(session, me, OTHER, EventKind.SAVE, at=NOW)
    session.add(CollectionRow(id=n, reader_id=me, name="Mine", slug=f"mine-{me}", public=True, created_at=NOW))
    session.flush()
    session.add_all(
        [
            CollectedRow(collection_id=n, paper_id=OTHER, added_at=NOW),
            InterestRow(reader_id=me, name="Robots", slug="robots", picks={"papers": [PAPER]}, created_at=NOW),
            RuleRow(reader_id=me, action="must", field="author", value="Ada", created_at=NOW),
            MarkRow(reader_id=me, paper_id=OTHER, note=f"my note {me}", updated_at=NOW),
            KeyRow(reader_id=me, kind="api", label="script", digest=f"key-digest-{me}", created_at=NOW),
            ConnectionRow(reader_id=me, service="zotero", account="7", secret="zotero-secret", connected_at=NOW),
            WantedRow(reader_id=me, paper_id="arxiv:1706.03762", purpose="like", asked_at=NOW),
            DigestRow(reader_id=me, day=day, status="sent", claimed_at=NOW, page_id=n),
            InvitationRow(digest=f"invitation-digest-{me}", made_by=me, note="for Bob", created_at=NOW, expires_at=NOW),
            PickRow(paper_id=PAPER, reader_id=me, note="read this", at=NOW),
            CommentRow(id=n, paper_id=PAPER, reader_id=me, text=f"first words {me}", created_at=NOW),
        ]
    )
    if session.get(SubmissionRow, PAPER) is None:
        session.add(SubmissionRow(paper_id=PAPER, reader_id=me, at=NOW))
    session.flush()


def counts(session: Session) -> dict[str, int]:
    return {name: session.scalar(select(func.count()).select_from(table)) or 0 for name, table in Base.metadata.tables.items()}


@pytest.fixture
def people(database: Database) -> tuple[Reader, Reader]:
    alice, bob = make_reader(database, "alice", email="alice@example.org", is_owner=True), make_reader(database, "bob")
    with database.write() as session:
        papers.upsert(session, [make_paper(1), make_paper(2)], now=NOW)
        for reader in (alice, bob):
            settle(session, reader)
        a, b = alice.id * 100, bob.id * 100
        said = {"paper_id": PAPER, "created_at": NOW}
        session.add(CommentRow(id=a + 1, reader_id=bob.id, parent_id=a, text="an answer by bob", **said))
        session.flush()
        session.add(CommentRow(id=a + 2, reader_id=alice.id, parent_id=a + 1, text="alice again", **said))
        session.flush()
        session.add(CommentRow(id=a + 3, reader_id=alice.id, parent_id=a + 2, text="and again", **said))
        session.add(ReportRow(comment_id=b, reader_id=alice.id, reason="rude", at=NOW))
        session.add(ReportRow(comment_id=a, reader_id=bob.id, reason="rude too", at=NOW))
    return alice, bob


def test_everything_is_found_and_no_secret(database: Database, people: tuple[Reader, Reader]) -> None:
    alice, bob = people
    with database.read() as session:
        held = {name: list(belongings.rows(session, name, alice.id)) for name in belongings.names()}
        assert belongings.named_papers(session, alice.id) == ["arxiv:1706.03762", PAPER, OTHER]
    assert "tokens" not in held
    assert all(held.values()), [name for name, rows in held.items() if not rows]
    whole = json.dumps(held)
    for secret in (*SECRETS, f"my note {bob.id}", f"first words {bob.id}", "an answer by bob"):
        assert secret not in whole, secret
    for own in (f"my note {alice.id}", "alice again", "alice@example.org", "for Bob", "Firefox"):
        assert own in whole, own
    assert [event["kind"] for event in held["events"]] == ["upvote", "save"]
    assert held["events"][0]["at"] == NOW.isoformat()


def test_a_table_that_names_a_reader_is_never_forgotten() -> None:
    """Whatever points at `readers`, or at what is a reader's, is in an export or is a secret."""
    named = set(belongings.names()) | belongings.SECRET_TABLES
    for name, table in Base.metadata.tables.items():
        targets = {key.column.table.name for key in table.foreign_keys}
        if targets & {"readers", "pages", "items", "collections"}:
            assert name in named, name
    for table, columns in belongings.SECRETS.items():
        assert columns <= set(Base.metadata.tables[table].columns.keys())


def test_nothing_is_left_and_others_keep_theirs(database: Database, people: tuple[Reader, Reader]) -> None:
    alice, bob = people
    with database.read() as session:
        kept = {name: list(belongings.rows(session, name, alice.id)) for name in belongings.names()}
        before = counts(session)
    with database.write() as session:
        belongings.remove(session, bob.id, now=NOW)
    with database.read() as session:
        assert readers.by_id(session, bob.id) is None
        for name in belongings.names():
            assert list(belongings.rows(session, name, bob.id)) == [], name
        after = counts(session)
        for name, rows in kept.items():
            assert len(list(belongings.rows(session, name, alice.id))) == len(rows) - (name == "reports"), name
        gone = {name for name in before if after[name] < before[name]}
        assert {"readers", "events", "pages", "items", "impressions", "tokens", "sessions", "marks", "collected"} <= gone
        assert after["papers"] == before["papers"]
        assert session.scalars(select(EventRow.reader_id).distinct()).all() == [alice.id]


def test_words_go_and_places_stay_where_somebody_answered(database: Database, people: tuple[Reader, Reader]) -> None:
    alice, bob = people
    a = alice.id * 100
    with database.write() as session:
        session.execute(text("UPDATE readers SET is_owner = true WHERE name = 'bob'"))
        belongings.remove(session, alice.id, now=NOW)
    with database.read() as session:
        left = {row.id: row for row in session.scalars(select(CommentRow).order_by(CommentRow.id))}
        assert set(left) == {a, a + 1, bob.id * 100}  # alice's last two, the one under the other, nobody answered
        assert (left[a].text, left[a].reader_id, left[a].removed_by, left[a].removed_at) == ("", None, "author", NOW)
        assert left[a + 1].text == "an answer by bob"
        assert session.scalar(select(func.count()).select_from(ReportRow)) == 0
        submitted = session.get(SubmissionRow, PAPER)
        assert submitted is not None
        assert submitted.reader_id is None


def test_the_only_owner_cannot_go(database: Database, people: tuple[Reader, Reader]) -> None:
    alice, _ = people
    with database.write() as session, pytest.raises(StoreError, match="only owner"):
        belongings.remove(session, alice.id, now=NOW)
    with database.write() as session, pytest.raises(StoreError, match="no such reader"):
        belongings.remove(session, 999, now=NOW)
    with database.read() as session:
        assert session.get(ReaderRow, alice.id) is not None
        assert list(belongings.rows(session, "events", alice.id))


def test_whoever_comes_after_gets_no_number_of_who_left(database: Database, people: tuple[Reader, Reader]) -> None:
    """Feeds and digests are signed with numbers: an old link must not open what belongs to somebody else."""
    alice, bob = people
    with database.write() as session:
        before = keys.make(session, bob.id, "feed", now=NOW)
        belongings.remove(session, bob.id, now=NOW)
        assert keys.get(session, before.id) is None
        carol = readers.create(session, "carol", now=NOW)
        after = keys.make(session, carol.id, "feed", now=NOW)
        assert carol.id > bob.id
        assert after.id > before.id
        belongings.remove(session, carol.id, now=NOW)
        assert readers.create(session, "dave", now=NOW).id > carol.id
        assert keys.make(session, alice.id, "feed", now=NOW).id > after.id

"""Where a paper comes from: its earlier texts, its sources, who may see it, and whose up-vote is public."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from factories import DAY, NOW, make_paper, make_reader

from recommender.store import events, papers, provenance
from recommender.store.db import Database
from recommender.store.provenance import Announced, Earlier
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.types import LIBRARY, EventKind

PAPER = make_paper(1)
LATER = NOW + timedelta(days=1)


def test_earlier_texts_are_listed_the_last_one_first(database: Database) -> None:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=NOW)
        assert provenance.earlier(session, PAPER.id) == []
        papers.upsert(session, [replace(PAPER, version=2, title="Second")], now=LATER)
        papers.upsert(session, [replace(PAPER, version=3, title="Third")], now=LATER + timedelta(days=1))
        assert provenance.earlier(session, PAPER.id) == [
            Earlier(2, "Second", PAPER.abstract, LATER + timedelta(days=1)),
            Earlier(1, PAPER.title, PAPER.abstract, LATER),
        ]
        assert [text.version for text in provenance.earlier(session, PAPER.id, limit=1)] == [2]


def test_sources_are_listed_as_they_came(database: Database) -> None:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=NOW)
        papers.upsert(session, [replace(PAPER, source="huggingface", edition=DAY + timedelta(days=1))], now=LATER)
        assert provenance.announced(session, PAPER.id) == [
            Announced("arxiv", DAY, NOW),
            Announced("huggingface", DAY + timedelta(days=1), LATER),
        ]


def test_what_somebody_brought_along_is_theirs_alone(database: Database, alice: Reader, bob: Reader) -> None:
    own = replace(PAPER, id="own:1", source=LIBRARY)
    with database.write() as session:
        papers.upsert(session, [PAPER, own], now=NOW)
        events.append(session, alice.id, own.id, EventKind.UPVOTE, at=NOW)
        assert provenance.is_open_to(session, own, alice.id)
        assert not provenance.is_open_to(session, own, bob.id)
        assert provenance.is_open_to(session, PAPER, bob.id)


def test_only_public_live_upvotes_of_people_are_named(database: Database) -> None:
    people = {name: make_reader(database, name) for name in ("dora", "carol", "bob", "alice", "gone", "shy")}
    people["robot"] = make_reader(database, "robot", simulated=True)
    with database.write() as session:
        papers.upsert(session, [PAPER, make_paper(2)], now=NOW)
        for name, reader in people.items():
            row = session.get(ReaderRow, reader.id)
            assert row is not None
            row.votes_public = name != "shy"
            row.disabled_at = NOW if name == "gone" else None
            events.append(session, reader.id, PAPER.id, EventKind.UPVOTE, at=NOW)
        events.append(session, people["bob"].id, PAPER.id, EventKind.DOWNVOTE, at=NOW)
        events.append(session, people["carol"].id, PAPER.id, EventKind.SAVE, at=NOW)
        events.append(session, people["dora"].id, make_paper(2).id, EventKind.CLEAR, at=NOW)
    with database.read() as session:
        assert provenance.speak_up(session, PAPER.id) == ["alice", "carol", "dora"]
        assert provenance.speak_up(session, PAPER.id, limit=1) == ["alice"]
        assert provenance.speak_up(session, "arxiv:none") == []

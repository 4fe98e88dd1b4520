"""What the clock does in readers' names: papers they asked for by id, and word of an answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_edition, make_reader

from recommender import intake
from recommender.connected import Read
from recommender.library import Entry
from recommender.rank import terms
from recommender.settings import Settings
from recommender.store import belongings, comments, papers, vectors
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.wanted import Fetched
from web import jobs
from web.jobs import Work, run_now
from web.mail import MemoryMailer


def test_papers_that_readers_asked_for_are_read_at_once(
    database: Database, settings: Settings, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(database: Database, settings: Settings, *, now: datetime) -> Fetched:
        with database.write() as session:
            papers.upsert(session, make_edition(DAY, per_topic=1), now=now)
        return Fetched(added=6, answered=7, absent=1, error="closed today")

    monkeypatch.setattr(jobs.wishes, "fetch", fetched)
    result = run_now(Work(database, settings, lambda: NOW), "wanted")
    assert (result.status, result.detail) == (
        "ok",
        {"added": 6, "answered": 7, "absent": 1, "given_up": 0, "embedded": 6, "failed": {"arxiv": "closed today"}},
    )


def test_nothing_asked_for_loads_no_encoder(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "embed_missing", lambda *_args, **_more: pytest.fail("nothing is to be read"))
    detail = run_now(Work(database, settings, lambda: NOW), "wanted").detail
    assert detail == {"added": 0, "answered": 0, "absent": 0, "given_up": 0}


def test_what_readers_brought_is_read_and_what_nobody_claims_is_dropped(
    edition: Database, settings: Settings, alice: Reader, bob: Reader
) -> None:
    mine, hers = Entry("a", "On the care of lighthouses at sea"), Entry("b", "Harbours and what they are good for")
    with edition.write() as session:
        intake.take(session, alice.id, [mine, hers], now=NOW)
        kept = intake.take(session, bob.id, [mine], now=NOW).own
        belongings.remove(session, alice.id, now=NOW)
    first, again = (
        run_now(Work(edition, settings, lambda after=after: NOW + timedelta(minutes=after)), "libraries").detail
        for after in (0, 5)
    )
    assert first == {"libraries": 0, "likes": 0, "failed": 0, "dropped": 1, "embedded": 1}
    assert again == {"libraries": 0, "likes": 0, "failed": 0, "dropped": 0}
    with edition.read() as session:
        assert len(vectors.load(session, kept, vectors.current_encoder(session) or "", buckets=terms.BUCKETS)) == 1


def test_connected_libraries_are_counted_and_their_refusals(
    edition: Database, settings: Settings, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Read(libraries=3, likes=12, own=4, failed={alice.id: "refused"})
    monkeypatch.setattr(jobs, "read_libraries", lambda *_args, **_more: told)
    result = run_now(Work(edition, settings, lambda: NOW), "libraries")
    assert (result.status, result.detail) == ("ok", {"libraries": 3, "likes": 12, "failed": 1, "dropped": 0})


def test_an_answer_is_told_of_once_over_all_runs(edition: Database, settings: Settings, bob: Reader) -> None:
    alice = make_reader(edition, "alice", email="alice@example.org")
    paper_id = make_edition(DAY)[0].id
    mailer = MemoryMailer()

    def run(after: timedelta) -> dict[str, Any]:
        return run_now(Work(edition, settings, lambda: NOW + after, mailer=mailer), "notices").detail

    with edition.write() as session:
        asked = comments.add(session, paper_id, alice.id, "Question", now=NOW)
        comments.add(session, paper_id, bob.id, "Answer", now=NOW, parent_id=asked.id)
    assert run(timedelta(minutes=1)) == {"sent": 0, "failed": 0, "until": 0}
    assert run(timedelta(minutes=20)) == {"sent": 1, "failed": 0, "until": 2}
    assert run(timedelta(minutes=25)) == {"sent": 0, "failed": 0, "until": 2}
    assert len(mailer.sent) == 1

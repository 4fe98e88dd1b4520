"""The clock's ledger: one claim per due time, lost runs taken up again, sources and what they said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW
from sqlalchemy.exc import IntegrityError

from recommender.store import runs
from recommender.store.db import Database
from recommender.store.runs import Claim
from recommender.store.tables import RunRow

HOUR = timedelta(hours=1)
NEXT = NOW + HOUR
LIMIT = timedelta(minutes=90)


@pytest.fixture
def scheduled(database: Database) -> Database:
    with database.write() as session:
        runs.schedule(session, "ingest", NOW)
    return database


def take(database: Database, **changes: object) -> Claim | None:
    facts: dict[str, object] = {"now": NOW, "worker": "w"} | changes
    with database.write() as session:
        return runs.claim(session, "ingest", NOW, NEXT, **facts)  # type: ignore[arg-type]


def retake(database: Database, after: timedelta) -> Claim | None:
    with database.write() as session:
        return runs.reclaim(session, "ingest", now=NOW + after, older_than=LIMIT, worker="other")


def ledger(database: Database) -> list[tuple[int, str]]:
    with database.read() as session:
        return [(run.attempt, run.status) for run in runs.recent(session)]


def test_a_job_keeps_its_first_due_time(scheduled: Database) -> None:
    with scheduled.write() as session:
        runs.schedule(session, "ingest", NEXT)
        assert runs.next_at(session, "ingest") == NOW
        assert runs.next_at(session, "nothing") is None


def test_a_job_is_due_from_its_time_on(scheduled: Database) -> None:
    with scheduled.write() as session:
        runs.schedule(session, "digests", NEXT)
        assert runs.due(session, NOW - timedelta(seconds=1)) == {}
        assert runs.due(session, NOW) == {"ingest": NOW}
        assert runs.due(session, NEXT) == {"ingest": NOW, "digests": NEXT}


def test_a_claim_moves_the_due_time(scheduled: Database) -> None:
    claim = take(scheduled)
    assert claim is not None
    assert (claim.job, claim.due_at, claim.attempt) == ("ingest", NOW, 1)
    assert take(scheduled) is None
    with scheduled.read() as session:
        assert runs.next_at(session, "ingest") == NEXT
        (run,) = runs.recent(session)
    assert (run.id, run.status, run.worker, run.started_at, run.ended_at) == (claim.run_id, "running", "w", NOW, None)


def test_what_is_not_scheduled_cannot_be_claimed(database: Database) -> None:
    assert take(database) is None
    assert ledger(database) == []


def test_of_several_clocks_one_gets_the_job(scheduled: Database, together) -> None:
    claims = together([lambda: take(scheduled)] * 6)
    assert sum(claim is not None for claim in claims) == 1
    assert ledger(scheduled) == [(1, "running")]


def test_an_attempt_exists_once(scheduled: Database) -> None:
    take(scheduled)
    with pytest.raises(IntegrityError), scheduled.write() as session:
        session.add(RunRow(job="ingest", due_at=NOW, attempt=1, started_at=NOW, status="running", worker="", detail={}))


@pytest.mark.parametrize(("error", "status"), [(None, "ok"), ("no space left", "failed")])
def test_how_a_run_ended_is_written_down(scheduled: Database, error: str | None, status: str) -> None:
    claim = take(scheduled)
    assert claim is not None
    with scheduled.write() as session:
        runs.finish(session, claim, now=NEXT, detail={"papers": 12, "failed": {"arxiv": "late"}}, error=error)
    with scheduled.read() as session:
        (run,) = runs.recent(session)
    assert (run.status, run.error, run.ended_at, run.detail) == (status, error, NEXT, {"papers": 12, "failed": {"arxiv": "late"}})
    assert retake(scheduled, 9 * HOUR) is None


def test_a_run_whose_process_died_is_taken_up_again(scheduled: Database) -> None:
    first = take(scheduled)
    assert first is not None
    assert retake(scheduled, LIMIT - timedelta(seconds=1)) is None
    second = retake(scheduled, LIMIT)
    assert second is not None
    assert (second.due_at, second.attempt) == (NOW, 2)
    assert ledger(scheduled) == [(2, "running"), (1, "lost")]
    with scheduled.write() as session:
        runs.finish(session, first, now=NEXT, detail={"late": True})  # it was not dead, only slow: its word comes too late
        lost = runs.recent(session)[1]
    assert (lost.status, lost.detail, lost.error) == ("lost", {}, "its process ended before it did")


def test_a_job_that_keeps_dying_is_given_up(scheduled: Database) -> None:
    assert take(scheduled) is not None
    for attempt in range(2, runs.MAX_ATTEMPTS + 1):
        again = retake(scheduled, attempt * LIMIT)
        assert again is not None
        assert again.attempt == attempt
    assert retake(scheduled, 9 * LIMIT) is None
    assert ledger(scheduled) == [(attempt, "lost") for attempt in range(runs.MAX_ATTEMPTS, 0, -1)]
    assert retake(scheduled, 10 * LIMIT) is None


def test_of_several_clocks_one_takes_up_a_lost_run(scheduled: Database, together) -> None:
    take(scheduled)
    claims = together([lambda: retake(scheduled, LIMIT)] * 4)
    assert sum(claim is not None for claim in claims) == 1
    assert ledger(scheduled) == [(2, "running"), (1, "lost")]


def test_the_ledger_is_read_newest_first(database: Database) -> None:
    with database.write() as session:
        for job in ("ingest", "digests", "never"):
            runs.schedule(session, job, NOW)
        for number in range(3):
            due_at = NOW + number * HOUR
            for job in ("ingest", "digests"):
                runs.claim(session, job, due_at, due_at + HOUR, now=due_at)
    with database.read() as session:
        assert [run.due_at for run in runs.recent(session, job="ingest")] == [NOW + 2 * HOUR, NOW + HOUR, NOW]
        assert len(runs.recent(session, limit=4)) == 4
        last = runs.last_runs(session)
    assert sorted(last) == ["digests", "ingest"]
    assert last["ingest"].due_at == NOW + 2 * HOUR


def test_a_long_worker_name_is_cut(scheduled: Database) -> None:
    take(scheduled, worker="w" * 400)
    with scheduled.read() as session:
        assert runs.recent(session)[0].worker == "w" * 100


def test_what_a_source_said(database: Database) -> None:
    said = {"https://a.example": {"etag": "x", "last_modified": None}}
    with database.write() as session:
        assert runs.sources(session) == []
        runs.source_failed(session, "huggingface", now=NOW, error="no answer")
        runs.source_failed(session, "huggingface", now=NEXT, error="wait", retry_at=NEXT + HOUR)
        runs.source_said(session, "arxiv", now=NOW, papers=12, validators=said)
    with database.read() as session:
        arxiv, other = runs.sources(session)
    assert (arxiv.name, arxiv.ok_at, arxiv.papers, arxiv.failures, arxiv.error, arxiv.validators) == (
        "arxiv",
        NOW,
        12,
        0,
        None,
        said,
    )
    assert (other.asked_at, other.ok_at, other.failures, other.error, other.retry_at) == (NEXT, None, 2, "wait", NEXT + HOUR)


def test_a_source_that_answers_is_forgiven_and_one_that_fails_keeps_its_validators(database: Database) -> None:
    with database.write() as session:
        runs.source_said(session, "arxiv", now=NOW, papers=1, validators={"https://a.example": {"etag": "x"}})
        runs.source_failed(session, "arxiv", now=NEXT, error="late", retry_at=NEXT)
        (failed,) = runs.sources(session)
        assert (failed.ok_at, failed.validators) == (NOW, {"https://a.example": {"etag": "x"}})
        runs.source_said(session, "arxiv", now=NEXT, papers=0)
        (fine,) = runs.sources(session)
    assert (fine.failures, fine.error, fine.retry_at, fine.ok_at, fine.papers) == (0, None, None, NEXT, 0)
    assert fine.validators == {"https://a.example": {"etag": "x"}}


def test_a_job_can_be_made_due_and_is_never_put_off_by_that(database: Database) -> None:
    with database.write() as session:
        runs.schedule(session, "later", NOW + timedelta(hours=1))
        runs.schedule(session, "late", NOW - timedelta(hours=1))
        assert runs.make_due(session, "later", NOW)
        assert runs.make_due(session, "late", NOW)
        assert not runs.make_due(session, "unknown", NOW)
        assert runs.due(session, NOW) == {"later": NOW, "late": NOW - timedelta(hours=1)}


def test_a_job_made_due_at_the_moment_of_its_last_run_is_run_again(database: Database) -> None:
    with database.write() as session:
        runs.schedule(session, "later", NOW)
        assert runs.claim(session, "later", NOW, NOW + HOUR, now=NOW) is not None
        for _ in range(2):
            assert runs.make_due(session, "later", NOW)
            due_at = runs.due(session, NOW + HOUR)["later"]
            assert NOW < due_at < NOW + timedelta(seconds=1)
            assert runs.claim(session, "later", due_at, NOW + HOUR, now=NOW + timedelta(seconds=1)) is not None


def test_the_ledger_forgets_what_is_old_of_a_job_and_of_no_other(database: Database) -> None:
    with database.write() as session:
        for job in ("wanted", "ingest"):
            for due in (NOW - runs.KEPT - HOUR, NOW - runs.KEPT + HOUR, NOW):
                runs.schedule(session, job, due)
                claim = runs.claim(session, job, runs.next_at(session, job) or due, due + HOUR, now=due, worker="w")
                assert claim is not None
                if job == "wanted":
                    runs.finish(session, Claim(claim.run_id, job, due, 1), now=due)
    with database.read() as session:
        assert len(runs.recent(session, job="wanted")) == 2
        assert len(runs.recent(session, job="ingest")) == 3

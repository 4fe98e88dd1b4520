"""The clock's verbs: each due job once, whatever else runs; what fails is written down and the others go on."""

import gc
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition

from recommender.errors import GateRefused, NotEnoughData, SourceError, StoreError
from recommender.settings import Settings
from recommender.store import pages as page_rows
from recommender.store import papers, readers, runs
from recommender.store.db import Database, open_database
from recommender.store.readers import Reader
from web import jobs
from web.jobs import Work, following, order, run_due, run_now
from web.workers import worker_name

Verb = Callable[[Work], dict[str, Any]]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ran, in order; every verb is a stub."""
    ran: list[str] = []
    plant(monkeypatch, {job: _noting(ran, job) for job in jobs.ORDER})
    return ran


def _noting(ran: list[str], job: str) -> Verb:
    def verb(work: Work) -> dict[str, Any]:
        ran.append(job)
        return {"n": len(ran)}

    return verb


def plant(monkeypatch: pytest.MonkeyPatch, verbs: dict[str, Verb]) -> None:
    monkeypatch.setattr(jobs, "VERBS", {**jobs.VERBS, **verbs})


def ledger(database: Database) -> list[runs.Run]:
    with database.read() as session:
        return list(reversed(runs.recent(session, limit=100)))


MORNING = [
    "ingest",
    "wanted",
    "libraries",
    "pages",
    "digests",
    "notices",
]  # what is due at once with real readers; learning waits for the night


def test_the_first_tick_does_what_is_due_in_order(database: Database, settings: Settings, done: list[str]) -> None:
    results = run_due(database, settings, NOW, worker="here:1")
    assert done == [result.job for result in results] == MORNING
    assert [(run.job, run.status, run.worker, run.detail) for run in ledger(database)] == [
        (job, "ok", "here:1", {"n": number}) for number, job in enumerate(MORNING, start=1)
    ]
    assert run_due(database, settings, NOW) == []


def test_the_sample_edition_plays_and_learns_at_once(database: Database, settings: Settings, done: list[str]) -> None:
    run_due(database, settings.model_copy(update={"edition": "sample", "database_url": settings.url}), NOW)
    assert done == ["ingest", "wanted", "libraries", "simulate", "retrain", "pages", "digests", "notices"]


def test_bounces_are_read_before_digests_where_a_folder_is_set(
    database: Database, settings: Settings, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings.model_copy(update={"mail": settings.mail.model_copy(update={"bounce_folder": "/var/mail/bounces"})})
    run_due(database, asked, NOW)
    assert [job for job in done if job not in MORNING] == ["bounces"]
    assert done.index("bounces") == done.index("digests") - 1
    run_due(database, settings, NOW + timedelta(hours=1))
    assert done.count("bounces") == 1
    with database.read() as session:
        assert runs.next_at(session, "bounces") is None  # or the owner would be told that it is late


def test_the_folder_of_bounces_is_read_and_what_was_in_it_told(database: Database, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.mx").write_bytes(b"I am away.")
    asked = settings.model_copy(update={"mail": settings.mail.model_copy(update={"bounce_folder": str(tmp_path)})})
    assert run_now(Work(database, asked, lambda: NOW), "bounces").detail == {"other": 1}
    (tmp_path / "new").rmdir()
    failed = run_now(Work(database, asked, lambda: NOW + timedelta(minutes=1)), "bounces")
    assert failed.status == "failed"
    assert "BROADSHEET_MAIL__BOUNCE_FOLDER" in str(failed.problem)
    with pytest.raises(StoreError, match="there is no job 'bounces' in this edition"):
        run_now(Work(database, settings, lambda: NOW), "bounces")


@pytest.mark.parametrize(
    ("job", "now", "then"),
    [
        ("digests", "2026-05-20T08:02", "2026-05-20T08:05"),
        ("digests", "2026-05-20T08:05", "2026-05-20T08:10"),  # strictly after
        ("bounces", "2026-05-20T08:02", "2026-05-20T08:05"),
        ("ingest", "2026-05-20T08:59", "2026-05-20T09:00"),
        ("simulate", "2026-05-20T23:30", "2026-05-21T00:00"),
        ("pages", "2026-12-31T23:59", "2027-01-01T00:00"),
        ("retrain", "2026-05-20T02:09", "2026-05-20T02:10"),
        ("retrain", "2026-05-20T02:10", "2026-05-21T02:10"),
        ("retrain", "2028-02-28T12:00", "2028-02-29T02:10"),
    ],
)
def test_slots(settings: Settings, job: str, now: str, then: str) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, then)]
    assert following(job, settings, moments[0]) == moments[1]


def test_retraining_keeps_to_its_hour(database: Database, settings: Settings, done: list[str]) -> None:
    late = settings.model_copy(update={"clock": settings.clock.model_copy(update={"retrain_at": time(9, 30)})})
    run_due(database, late, NOW)
    assert "retrain" not in done
    run_due(database, late, NOW.replace(hour=9, minute=30))
    assert done.count("retrain") == 1


def test_a_machine_that_slept_catches_up_once(database: Database, settings: Settings, done: list[str]) -> None:
    run_due(database, settings, NOW)
    done.clear()
    awake = NOW + timedelta(days=3, minutes=7)
    run_due(database, settings, awake)
    run_due(database, settings, awake + timedelta(seconds=30))
    assert Counter(done) == dict.fromkeys([*MORNING, "retrain"], 1)
    with database.read() as session:
        assert runs.next_at(session, "ingest") == awake.replace(hour=9, minute=0)


def test_two_clocks_at_once_do_each_job_once(settings: Settings, database: Database, done: list[str]) -> None:
    run_due(database, settings, NOW)  # the tables of due times are there
    failures: list[BaseException] = []
    for tick in range(1, 6):
        done.clear()
        moment, gate = NOW + timedelta(days=tick), threading.Barrier(3)

        def clock(name: str, moment: datetime = moment, gate: threading.Barrier = gate) -> None:
            mine = open_database(settings.url)
            try:
                gate.wait(5)
                run_due(mine, settings, moment, worker=name)
            except BaseException as error:
                failures.append(error)
            finally:
                mine.close()

        threads = [threading.Thread(target=clock, args=(name,)) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert Counter(done) == dict.fromkeys([*MORNING, "retrain"], 1)


def test_a_failing_job_is_written_down_and_the_others_go_on(
    database: Database, settings: Settings, done: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(work: Work) -> dict[str, Any]:
        raise SourceError("arxiv: closed today")

    def broken(work: Work) -> dict[str, Any]:
        raise ZeroDivisionError("by nought")

    plant(monkeypatch, {"ingest": refused, "pages": broken})
    results = run_due(database, settings, NOW)
    assert [result.job for result in results] == MORNING
    assert {result.job for result in results if result.status == "failed"} == {"ingest", "pages"}
    assert {run.job: run.error for run in ledger(database) if run.error} == {
        "ingest": "arxiv: closed today",
        "pages": "ZeroDivisionError: by nought",
    }
    assert "Traceback" in caplog.text  # of what nobody expected
    assert "closed today" not in caplog.text


@pytest.mark.parametrize("kind", [GateRefused, NotEnoughData])
def test_too_little_to_learn_from_is_no_failure(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def verb(work: Work) -> dict[str, Any]:
        raise kind("eleven pages are few")

    plant(monkeypatch, {"retrain": verb})
    result = run_now(Work(database, settings, lambda: NOW), "retrain")
    assert (result.status, result.detail) == ("ok", {"reason": "eleven pages are few"})
    assert isinstance(result.problem, kind)
    assert ledger(database)[0].error is None


def test_told_to_stop_it_leaves_the_rest_for_later(database: Database, settings: Settings, done: list[str]) -> None:
    run_due(database, settings, NOW, stop=lambda: len(done) == 1)
    assert done == ["ingest"]
    run_due(database, settings, NOW)
    assert done == MORNING


# Runs that were left behind


def leave_behind(database: Database, settings: Settings, worker: str, at: datetime = NOW) -> None:
    """Claim an ingest and never finish it."""
    with database.write() as session:
        runs.schedule(session, "ingest", at)
        due_at = runs.next_at(session, "ingest")
        assert due_at is not None
        assert runs.claim(session, "ingest", due_at, following("ingest", settings, at), now=at, worker=worker)


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_claim_that_grew_old_is_taken_up(database: Database, settings: Settings, done: list[str]) -> None:
    leave_behind(database, settings, "elsewhere:77")
    run_due(database, settings, NOW + timedelta(minutes=89))
    assert "ingest" not in done  # it may still be at work
    run_due(database, settings, NOW + timedelta(minutes=90))
    assert done.count("ingest") == 1
    lost, again = (run for run in ledger(database) if run.job == "ingest")
    assert (lost.status, again.status, again.attempt, again.due_at) == ("lost", "ok", 2, lost.due_at)


def test_a_claim_of_a_dead_process_of_this_machine_is_taken_up_at_once(
    database: Database, settings: Settings, done: list[str]
) -> None:
    leave_behind(database, settings, f"{socket.gethostname()}:{dead_process()}")
    run_due(database, settings, NOW + timedelta(seconds=30))
    assert done.count("ingest") == 1


def test_a_claim_of_a_living_process_is_respected(database: Database, settings: Settings, done: list[str]) -> None:
    leave_behind(database, settings, worker_name())
    run_due(database, settings, NOW + timedelta(seconds=30))
    assert "ingest" not in done


def test_a_job_that_kills_its_process_is_not_tried_for_ever(database: Database, settings: Settings, done: list[str]) -> None:
    leave_behind(database, settings, f"elsewhere:{os.getpid()}")
    moment = NOW
    for _ in range(2):  # it is taken up twice, and dies each time
        moment += timedelta(minutes=90)
        with database.write() as session:
            longest = timedelta(minutes=90)
            assert runs.reclaim(session, "ingest", now=moment, older_than=longest, worker="elsewhere:1") is not None
    run_due(database, settings, moment + timedelta(minutes=90))
    attempts = [(run.attempt, run.status) for run in ledger(database) if run.job == "ingest"]
    assert attempts == [(1, "lost"), (2, "lost"), (3, "lost"), (1, "ok")]  # the last is the next slot's own


# Asked for by a person


def test_a_person_may_run_a_job_that_is_not_due(database: Database, settings: Settings, done: list[str]) -> None:
    run_due(database, settings, NOW)
    with database.read() as session:
        before = runs.next_at(session, "pages")
    result = run_now(Work(database, settings, lambda: NOW + timedelta(minutes=1)), "pages", worker="me")
    assert (result.status, done.count("pages")) == ("ok", 2)
    with database.read() as session:
        assert runs.next_at(session, "pages") == before


def test_what_a_person_has_just_run_is_not_due_at_once(database: Database, settings: Settings, done: list[str]) -> None:
    run_now(Work(database, settings, lambda: NOW), "ingest")
    run_due(database, settings, NOW + timedelta(seconds=5))
    assert done == MORNING


def test_a_first_reading_that_was_cut_short_goes_on_at_once(database: Database, settings: Settings) -> None:
    sample = settings.model_copy(update={"edition": "sample", "database_url": settings.url})
    first = run_now(Work(database, sample, lambda: NOW, sample_days=2, read_at_most=30), "ingest")
    assert (first.detail["embedded"], first.detail["more_to_read"]) == (30, True)
    with database.read() as session:
        stored = papers.count(session)
    questions = iter([False, True])  # whether to stop, before the first job and before the second
    (again,) = run_due(database, sample, NOW + timedelta(seconds=1), stop=lambda: next(questions))
    assert again.detail == {"added": 0, "embedded": stored - 30}


def test_a_person_is_told_when_the_job_is_running(database: Database, settings: Settings, done: list[str]) -> None:
    leave_behind(database, settings, worker_name())
    with pytest.raises(StoreError, match=r"ingest is running since 08:00 UTC"):
        run_now(Work(database, settings, lambda: NOW), "ingest")
    assert done == []


@pytest.mark.parametrize("job", ["simulate", "nonsense"])
def test_a_job_of_another_edition_is_refused(database: Database, settings: Settings, job: str) -> None:
    assert "simulate" not in order(settings)
    with pytest.raises(StoreError, match="no job"):
        run_now(Work(database, settings, lambda: NOW), job)


# The verbs themselves


def test_pages_are_made_for_who_was_here_lately(edition: Database, settings: Settings, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        readers.touch(session, alice.id, NOW - timedelta(days=13))
        readers.touch(session, bob.id, NOW - timedelta(days=15))
    work = Work(edition, settings, lambda: NOW)
    assert jobs.pages(work) == {"readers": 1, "built": 1}
    assert jobs.pages(work) == {"readers": 1, "built": 0}
    with edition.read() as session:
        assert page_rows.latest(session, alice.id, DAY) is not None
        assert page_rows.latest(session, bob.id, DAY) is None


def test_pages_wait_for_the_first_edition(database: Database, settings: Settings, alice: Reader) -> None:
    with database.write() as session:
        readers.touch(session, alice.id, NOW)
    assert jobs.pages(Work(database, settings, lambda: NOW)) == {"readers": 1, "built": 0}


def test_ingest_fails_only_when_every_source_does(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recommender.ingest import Ingested

    asked = Ingested(failed={"arxiv": "closed", "huggingface": "gone"})
    monkeypatch.setattr(jobs, "ask_sources", lambda *args, **kwargs: asked)
    with pytest.raises(SourceError, match="arxiv: closed; huggingface: gone"):
        jobs.ingest(Work(database, settings, lambda: NOW))
    asked = Ingested(failed={"arxiv": "closed"}, read=3)
    assert jobs.ingest(Work(database, settings, lambda: NOW))["failed"] == {"arxiv": "closed"}


def test_invented_papers_arrive_day_by_day(database: Database, settings: Settings) -> None:
    sample = settings.model_copy(update={"edition": "sample", "database_url": settings.url})
    first = Work(database, sample, lambda: NOW, sample_days=3)
    made = jobs.ingest(first)
    assert made["added"] == made["embedded"] > 100
    assert jobs.ingest(first) == {"added": 0, "embedded": 0}
    with database.read() as session:
        days = [edition.day for edition in papers.editions(session, limit=9)]
    assert days == [DAY - timedelta(days=n) for n in range(3)]
    before_six = Work(database, sample, lambda: NOW.replace(hour=5) + timedelta(days=1))
    assert jobs.ingest(before_six)["added"] == 0
    assert jobs.ingest(Work(database, sample, lambda: NOW + timedelta(days=1)))["added"] > 30


def test_simulated_readers_play_each_day_once(database: Database, settings: Settings) -> None:
    sample = settings.model_copy(update={"edition": "sample", "database_url": settings.url})

    def at(moment: datetime) -> Work:
        return Work(database, sample, lambda: moment, sample_days=2)

    assert run_now(at(NOW), "simulate").detail == {"pages": 0}  # nothing to read yet
    jobs.ingest(at(NOW))
    early = run_now(at(NOW + timedelta(seconds=1)), "simulate").detail  # at eight in the morning, today is not over
    assert early["days"] == 1
    assert early["pages"] > 10
    late = run_now(at(NOW + timedelta(hours=3)), "simulate").detail
    assert (late["days"], late["pages"] > 10) == (2, True)
    assert run_now(at(NOW + timedelta(hours=4)), "simulate").detail["pages"] == 0


def test_real_papers_and_a_whole_tick(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stubbed but the sources: the tick runs to its end."""
    from recommender.ingest import Ingested

    def sources(database: Database, settings: Settings, **_: object) -> Ingested:
        fill(database, settings, make_edition(DAY, per_topic=2))
        return Ingested(read=12)

    monkeypatch.setattr(jobs, "ask_sources", sources)
    tonight = NOW.replace(hour=2, minute=10) + timedelta(days=1)
    run_due(database, settings, NOW)
    assert [(result.job, result.status) for result in run_due(database, settings, tonight)] == [
        (job, "ok") for job in ("ingest", "wanted", "libraries", "retrain", "pages", "digests", "notices")
    ]
    assert "vote first" in next(run.detail["reason"] for run in ledger(database) if run.job == "retrain")


def test_a_process_that_stays_looks_for_garbage_less_often() -> None:
    told = "import gc; from web.workers import settle; settle(); print(gc.get_freeze_count() > 1000, *gc.get_threshold())"
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    frozen, first, *_ = said.stdout.split()
    assert frozen == "True"
    assert int(first) > 10 * gc.get_threshold()[0]

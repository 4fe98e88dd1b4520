"""The owner's pages: what needs a look, jobs made due, readers let in and shut out, invitations, mail; nothing for anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, make_edition, make_paper, make_reader

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, comments, curators, events, papers, readers, runs, submissions, subscribers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables_mail import DigestRow
from recommender.types import EventKind
from web.app import create_app

PAGES = ("/owner", "/owner/models", "/owner/readers", "/owner/moderation", "/owner/mail", "/owner/models/back")
PAPER = make_paper(1)


@pytest.fixture
def owner(database: Database) -> Reader:
    return make_reader(database, "olga", is_owner=True)


@pytest.fixture
def browser(sign_in: Callable[[Reader], Any], owner: Reader) -> Any:
    return sign_in(owner)


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_the_owners_alone(database: Database, client: Any, signed_in: Any, browser: Any, path: str) -> None:
    assert client.get(path).status_code == 401
    assert signed_in.get(path).status_code == 404
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/owner/jobs/ingest/now",
        "/owner/readers/1/curator",
        "/owner/readers/1/access",
        "/owner/invitations",
        "/owner/invitations/abc/withdraw",
        "/owner/models/back",
        "/owner/models/v1/promote",
        "/owner/models/trial/end",
        "/owner/mail/hold",
        "/owner/mail/lift/1",
        "/owner/moderation/1/remove",
        "/owner/moderation/picks/1/arxiv:1",
    ],
)
def test_the_actions_are_the_owners_alone(database: Database, signed_in: Any, path: str, alice: Reader) -> None:
    assert signed_in.post(path).status_code == 404


def test_an_empty_house_says_what_to_do(browser: Any) -> None:
    text = words(browser.get("/owner").get_data(as_text=True))
    assert "The clock has not run yet" in text
    assert "arXiv not asked yet" in text
    assert "No model has been trained yet" in words(browser.get("/owner/models").get_data(as_text=True))
    assert "No remark waits for your word" in words(browser.get("/owner/moderation").get_data(as_text=True))
    assert "No digest has been due yet" in words(browser.get("/owner/mail").get_data(as_text=True))


def test_what_is_well_needs_nobody(database: Database, browser: Any, clock: Any) -> None:
    with database.write() as session:
        runs.schedule(session, "ingest", clock() + timedelta(minutes=5))
        runs.source_said(session, "arxiv", now=clock(), papers=3)
        claim = runs.begin_now(session, "ingest", now=clock())
        runs.finish(session, claim, now=clock() + timedelta(seconds=90), detail={"added": 3, "failed": {}, "more": {"a b": 1}})
    text = words(browser.get("/owner").get_data(as_text=True))
    assert "Nothing needs you." in text
    assert "arXiv well" in text
    assert "90.0 s added: 3; more, a b: 1" in text


def test_what_is_wrong_is_told(database: Database, browser: Any, clock: Any, alice: Reader) -> None:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=clock())
        runs.schedule(session, "ingest", clock() - timedelta(hours=2))
        runs.source_failed(session, "arxiv", now=clock(), error="it is <down>.", retry_at=clock() + timedelta(hours=1))
        claim = runs.begin_now(session, "ingest", now=clock())
        runs.finish(session, claim, now=clock(), error="no route")
        said = comments.add(session, PAPER.id, alice.id, "Rude.", now=clock())
        comments.report(session, said.id, make_reporter(database, session, clock), "rude", now=clock())
        session.add(DigestRow(reader_id=alice.id, day=DAY, status="failed", claimed_at=clock(), error="no server"))
    text = words(browser.get("/owner").get_data(as_text=True))
    for told in (
        "The clock does not seem to run: something has been due since 20 May 2026",
        "1 source could not be read the last time.",
        "“Ask the sources, read new papers” failed the last time.",
        "1 reported remark waits for your word.",
        "1 digest failed within two days.",
        "failed 1 time in a row: it is &lt;down&gt;. Not asked again before",
    ):
        assert told in text
    assert "Nothing needs you" not in text


def make_reporter(_database: Database, session: Any, clock: Any) -> int:
    return readers.create(session, "reporter", now=clock()).id


def test_a_job_is_made_due_and_said_so(database: Database, browser: Any, clock: Any) -> None:
    with database.write() as session:
        runs.schedule(session, "ingest", clock() + timedelta(minutes=50))
    text = words(browser.follow(browser.post("/owner/jobs/ingest/now")))
    assert "is due now: the clock does it within 30 seconds" in text
    with database.write() as session:
        assert runs.due(session, clock()) == {"ingest": clock()}
        runs.begin_now(session, "ingest", now=clock())
    assert "is running since" in words(browser.follow(browser.post("/owner/jobs/ingest/now")))
    assert browser.post("/owner/jobs/no-such/now").status_code == 404


def test_looking_changes_nothing(database: Database, browser: Any, clock: Any) -> None:
    with database.write() as session:
        runs.schedule(session, "ingest", clock() + timedelta(minutes=50))
    assert browser.get("/owner/jobs/ingest/now").status_code == 405
    with database.read() as session:
        assert runs.due(session, clock()) == {}


def test_readers_are_listed_without_what_is_theirs(
    edition: Database, browser: Any, alice: Reader, clock: Any, settings: Settings
) -> None:
    with edition.write() as session:
        first = make_edition(DAY)[0]
        events.append(session, alice.id, first.id, EventKind.UPVOTE, at=clock())
        accounts.confirm_email(session, alice.id, "alice@example.org", now=clock())
        accounts.set_digest(session, alice.id, Schedule(7), on=True, next_at=clock())
    text = browser.get("/owner/readers").get_data(as_text=True)
    assert re.search(r"alice</bdi></th>.*?<td>1</td><td>digest</td>", text, re.DOTALL)
    assert "alice@example.org" not in text
    assert first.title not in text
    assert "alice@example.org" not in browser.get("/owner/mail").get_data(as_text=True)
    assert "One reader wants a digest." in words(browser.last)


def test_people_without_an_account_are_counted_and_not_named(database: Database, browser: Any, clock: Any) -> None:
    assert "What everyone reads is mailed to 0 subscribers without an account." in words(browser.get("/owner/readers").text)
    with database.write() as session:
        subscribers.confirm(session, "nora@example.org", Schedule(7), locale="en", now=clock())
    text = words(browser.get("/owner/readers").text)
    assert "What everyone reads is mailed to 1 subscriber without an account." in text
    assert "No more can ask for it" in text  # nothing is mailed here
    assert "nora" not in text


def test_curators_are_made_and_unmade(database: Database, browser: Any, alice: Reader) -> None:
    for on, told in (("1", "alice is a curator now"), ("0", "alice is no curator any more")):
        assert told in words(browser.follow(browser.post(f"/owner/readers/{alice.id}/curator", {"on": on})))
        with database.read() as session:
            found = readers.by_id(session, alice.id)
            assert found is not None
            assert found.is_curator == (on == "1")


def test_a_reader_is_shut_out_and_let_in_again(database: Database, browser: Any, signed_in: Any, alice: Reader) -> None:
    assert signed_in.get("/account").status_code == 200
    assert "alice is shut out" in words(browser.follow(browser.post(f"/owner/readers/{alice.id}/access", {"on": "0"})))
    assert signed_in.get("/account").status_code == 401
    assert "shut out since" in words(browser.last)
    assert "alice may come in again" in words(browser.follow(browser.post(f"/owner/readers/{alice.id}/access", {"on": "1"})))


def test_the_owner_cannot_be_shut_out(database: Database, browser: Any, owner: Reader) -> None:
    response = browser.post(f"/owner/readers/{owner.id}/access", {"on": "0"})
    assert response.status_code == 422
    assert 'role="alert"' in response.get_data(as_text=True)
    assert browser.get("/owner").status_code == 200


@pytest.mark.parametrize("number", ["999", "99999999999999999999"])
def test_nobody_is_not_found(database: Database, browser: Any, number: str) -> None:
    assert browser.post(f"/owner/readers/{number}/curator", {"on": "1"}).status_code == 404


def test_simulated_readers_are_nobody_here(database: Database, browser: Any) -> None:
    cast = make_reader(database, "puppet", simulated=True)
    assert "puppet" not in browser.get("/owner/readers").get_data(as_text=True)
    assert browser.post(f"/owner/readers/{cast.id}/curator", {"on": "1"}).status_code == 404


def test_an_invitation_is_shown_once_and_taken_back(database: Database, browser: Any) -> None:
    response = browser.post("/owner/invitations", {"note": "for <Grace>"})
    text = response.get_data(as_text=True)
    assert response.status_code == 200
    link = re.search(r'readonly value="(http[^"]+/join/[^"]+)"', text)
    assert link
    assert "for &lt;Grace&gt;" in text
    later = browser.get("/owner/readers").get_data(as_text=True)
    assert link[1] not in later
    name = re.search(r"/owner/invitations/(\w+)/withdraw", later)
    assert name
    assert "taken back" in words(browser.follow(browser.post(f"/owner/invitations/{name[1]}/withdraw")))
    assert "for &lt;Grace&gt;" not in browser.last
    assert browser.post(f"/owner/invitations/{name[1]}/withdraw").status_code == 404


def test_closed_sign_up_is_told(settings: Settings, database: Database, clock: Any, owner: Reader) -> None:
    closed = settings.model_copy(update={"web": settings.web.model_copy(update={"signup": "closed"})})
    made = create_app(closed, database=database, clock=clock)
    from web.auth import owner_link

    client = made.test_client()
    client.get("/signin/" + owner_link(database, closed, clock()).rpartition("/")[2])
    assert "Sign-up is closed" in client.get("/owner/readers").get_data(as_text=True)


def test_a_reported_remark_is_taken_away_and_put_back(
    database: Database, browser: Any, alice: Reader, bob: Reader, clock: Any
) -> None:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=clock())
        said = comments.add(session, PAPER.id, alice.id, "A <rude>\n\nremark.", now=clock())
        comments.report(session, said.id, bob.id, "rude", now=clock())
    text = browser.get("/owner/moderation").get_data(as_text=True)
    assert "A &lt;rude&gt;</p>" in text
    assert "bob : rude" in words(text)
    assert "taken away" in words(browser.follow(browser.post(f"/owner/moderation/{said.id}/remove")))
    assert "No remark waits" in words(browser.last)
    assert "The remark is back." in words(browser.follow(browser.post(f"/owner/moderation/{said.id}/restore")))
    with database.write() as session:
        found = comments.get(session, said.id)
        assert found is not None
        assert found.removed_at is None
        assert comments.reports_open(session) == []
    for number in ("77", "99999999999999999999"):
        assert browser.post(f"/owner/moderation/{number}/remove").status_code == 404


def test_a_reported_remark_may_stand(database: Database, browser: Any, alice: Reader, bob: Reader, clock: Any) -> None:
    with database.write() as session:
        papers.upsert(session, [PAPER], now=clock())
        said = comments.add(session, PAPER.id, alice.id, "Blunt.", now=clock())
        comments.report(session, said.id, bob.id, "", now=clock())
    assert "no reason given" in words(browser.get("/owner/moderation").get_data(as_text=True))
    assert "The remark stands" in words(browser.follow(browser.post(f"/owner/moderation/{said.id}/leave")))
    with database.read() as session:
        found = comments.get(session, said.id)
        assert found is not None
        assert found.text == "Blunt."
        assert comments.reports_open(session) == []


def test_submissions_and_picks_are_listed_and_a_pick_taken_back(
    database: Database, browser: Any, alice: Reader, clock: Any
) -> None:
    other = replace(PAPER, id="arxiv:2605.19999", title="Picked $x$")
    browser.post(f"/owner/readers/{alice.id}/curator", {"on": "1"})
    with database.write() as session:
        papers.upsert(session, [PAPER, other], now=clock())
        submissions.record(session, PAPER.id, alice.id, now=clock())
        curators.pick(session, other.id, alice.id, "read <this>", now=clock())
    text = browser.get("/owner/moderation").get_data(as_text=True)
    assert PAPER.title in text
    assert "read &lt;this&gt;" in text
    assert "taken back" in words(browser.follow(browser.post(f"/owner/moderation/picks/{alice.id}/{other.id}")))
    assert browser.post(f"/owner/moderation/picks/{alice.id}/{other.id}").status_code == 404

"""The owner's page of the mail: every status in words, who is left alone and why, and the two buttons that change that."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_reader

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, subscribers, suppressions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables_mail import DigestRow
from web.app import create_app
from web.auth import owner_link

DAY_LONG = timedelta(days=1)


@pytest.fixture
def browser(sign_in: Callable[[Reader], Any], database: Database) -> Any:
    return sign_in(make_reader(database, "olga", is_owner=True))


@pytest.fixture
def cora(database: Database) -> Reader:
    return make_reader(database, "cora", email="cora@example.org")


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


def enter(database: Database, **facts: Any) -> None:
    with database.write() as session:
        session.add(DigestRow(**({"day": DAY, "status": "sent", "claimed_at": NOW, "attempts": 1} | facts)))


def look(browser: Any, query: str = "") -> str:
    return words(browser.get(f"/owner/mail{query}").get_data(as_text=True))


def test_mail_is_told_day_by_day(database: Database, browser: Any, alice: Reader, bob: Reader) -> None:
    enter(database, reader_id=alice.id)
    enter(database, reader_id=bob.id, status="failed", error="550 <bob@example.org> is gone")
    text = look(browser)
    assert "Day sent failed 20 May 2026 1 1" in text
    assert "failed: 550 &lt;…@example.org&gt; is gone" in text


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "sent"),
        ({"attempts": 3}, "sent on try 3"),
        ({"error": "delayed 4.4.1 no answer"}, "sent; said afterwards: delayed 4.4.1 no answer"),
        ({"status": "claimed"}, "being written now"),
        ({"status": "handed"}, "handed over; the mail server has not answered yet"),
        (
            {"status": "deferred", "retry_at": NOW + timedelta(minutes=15), "code": 451, "error": "greylisted"},
            "put off after 1 try; tried again from 20 May 2026, 08:15 UTC on: 451 greylisted",
        ),
        (
            {"status": "deferred", "retry_at": NOW, "attempts": 2, "code": 451, "error": "mx: 451 greylisted"},
            "put off after 2 tries; tried again from 20 May 2026, 08:00 UTC on: mx: 451 greylisted",
        ),
        ({"status": "failed", "code": 550, "error": "no such <user>"}, "failed: 550 no such &lt;user&gt;"),
        ({"status": "suppressed", "error": "complaint"}, "held back: a digest was reported as unwanted"),
        ({"status": "suppressed", "error": "bounce: 550 no: gone"}, "held back: mail to this address comes back: 550 no: gone"),
        ({"status": "suppressed", "error": "for another reason"}, "held back: for another reason"),
        ({"status": "skipped", "error": "nothing new"}, "not sent: nothing new"),
        (
            {"status": "unknown", "error": "it hung up"},
            "not known: handed over, and no answer came. It may have arrived, so that it is not sent again: it hung up",
        ),
        ({"status": "another"}, "another"),  # of a newer program
    ],
)
def test_every_status_is_said_in_words(database: Database, browser: Any, alice: Reader, facts: Any, told: str) -> None:
    enter(database, reader_id=alice.id, **facts)
    text = browser.get("/owner/mail").get_data(as_text=True)
    cells = re.findall(r"<td>(.*?)</td>", text.partition('id="lines"')[2])
    assert cells[-2] == told


def test_a_subscriber_is_called_a_subscriber(database: Database, browser: Any) -> None:
    with database.write() as session:
        nora = subscribers.confirm(session, "nora@example.org", Schedule(7), locale="", now=NOW)
    enter(database, subscriber_id=nora.id, kind="week")
    text = look(browser)
    assert "20 May 2026 weekly a subscriber sent 20 May 2026, 08:00 UTC" in text
    assert "nora" not in text
    assert "What everyone reads is mailed to 1 subscriber without an account." in text


def test_lines_are_picked_by_status_and_turned_over(database: Database, browser: Any, alice: Reader) -> None:
    for back in range(60):
        enter(database, reader_id=alice.id, day=DAY - back * DAY_LONG, status="failed" if back % 10 == 0 else "sent")
    lines = "<td>20 May 2026, 08:00 UTC"
    text = browser.get("/owner/mail").get_data(as_text=True)
    assert text.count(lines) == 50
    older = re.search(r'href="(/owner/mail\?before=\d+)#lines">Older ones', text)
    assert older
    assert "The newest" not in text
    rest = browser.get(older[1]).get_data(as_text=True)
    assert rest.count(lines) == 10
    assert "Older ones" not in rest
    assert "The newest" in rest
    tabs = re.findall(r'href="(/owner/mail\?status=\w+)#lines">([^<]+)<', text)
    assert tabs == [("/owner/mail?status=sent", "sent 54"), ("/owner/mail?status=failed", "failed 6")]
    failed = browser.get("/owner/mail?status=failed").get_data(as_text=True)
    assert failed.count(lines) == 6
    assert re.search(r'aria-current="page">failed 6<', failed)
    first_sent = browser.get("/owner/mail?status=sent").get_data(as_text=True)
    assert re.search(r'href="/owner/mail\?status=sent&amp;before=\d+#lines">Older ones', first_sent)


@pytest.mark.parametrize("query", ["status=nonsense", "before=x", "before=99999999999999999999", "status=failed%00", "before="])
def test_an_address_that_says_nothing_shows_everything(database: Database, browser: Any, alice: Reader, query: str) -> None:
    enter(database, reader_id=alice.id)
    assert "20 May 2026 alice sent" in look(browser, f"?{query}")


def test_a_page_beyond_the_last_line_says_so(database: Database, browser: Any, alice: Reader) -> None:
    enter(database, reader_id=alice.id)
    assert "There is no such line." in look(browser, "?before=1")
    assert "There is no such line." in look(browser, "?status=unknown")


def test_the_last_seven_days_are_told(database: Database, browser: Any, alice: Reader) -> None:
    for back, status in ((0, "sent"), (6, "sent"), (3, "failed"), (7, "sent"), (1, "unknown")):
        enter(database, reader_id=alice.id, day=DAY - back * DAY_LONG, status=status)
    assert "The last seven days sent 2 put off 0 failed 1 not known 1 Left alone" in look(browser)


def test_an_old_ledger_says_that_nothing_was_due(database: Database, browser: Any, alice: Reader) -> None:
    enter(database, reader_id=alice.id, day=DAY - 30 * DAY_LONG)
    assert "The last seven days No digest was due." in look(browser)


def test_who_is_left_alone_is_told_with_the_reason(database: Database, browser: Any, cora: Reader) -> None:
    assert "No reader is left alone." in look(browser)
    with database.write() as session:
        suppressions.add(session, "cora@example.org", "bounce", now=NOW, detail="550 <no> such user")
        suppressions.add(session, "gone@example.org", "bounce", now=NOW)
    text = look(browser)
    assert "cora 20 May 2026, 08:00 UTC mail to this address comes back: 550 &lt;no&gt; such user Send again" in text
    assert "Addresses that nobody here has any more: 1." in text
    assert "@example.org" not in text


def test_a_reader_is_left_alone_by_hand_and_written_to_again(
    database: Database, browser: Any, cora: Reader, alice: Reader
) -> None:
    assert f'<option value="{cora.id}">cora</option></select>' in browser.get("/owner/mail").get_data(as_text=True)
    text = words(browser.follow(browser.post("/owner/mail/hold", {"reader": str(cora.id)})))
    assert "Nothing more is sent to the address of cora, except what they ask for themselves." in text
    assert "cora 20 May 2026, 08:00 UTC you said so Send again" in text
    with database.read() as session:
        assert suppressions.among(session, ["cora@example.org"])["cora@example.org"].reason == "owner"
    assert browser.get(f"/owner/mail/lift/{cora.id}").status_code == 405  # looking does nothing
    text = words(browser.follow(browser.post(f"/owner/mail/lift/{cora.id}")))
    assert "Mail may go to cora again. Their digest is switched off: only they can switch it on." in text
    with database.read() as session:
        assert suppressions.count(session) == 0


def test_lifting_says_when_the_digest_goes_on(database: Database, browser: Any, cora: Reader) -> None:
    with database.write() as session:
        accounts.set_digest(session, cora.id, Schedule(7), on=True, next_at=NOW)
        suppressions.add(session, "cora@example.org", "bounce", now=NOW)
    text = words(browser.follow(browser.post(f"/owner/mail/lift/{cora.id}")))
    assert "Digests go to cora again, from the next one on." in text


@pytest.mark.parametrize("number", ["0", "999", "99999999999999999999", "-1", "x", ""])
def test_nobody_cannot_be_left_alone(database: Database, browser: Any, number: str) -> None:
    assert browser.post("/owner/mail/hold", {"reader": number}).status_code == 404
    assert browser.post(f"/owner/mail/lift/{number}").status_code == 404


def test_only_people_with_an_address_are(database: Database, browser: Any, alice: Reader) -> None:
    puppet = make_reader(database, "puppet", email="puppet@example.org", simulated=True)
    for reader in (alice, puppet):
        assert browser.post("/owner/mail/hold", {"reader": str(reader.id)}).status_code == 404
    assert "Send nothing more" not in look(browser)


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ({}, "Nothing is really sent"),
        ({"mailer": "smtp"}, "The clock reads no bounces: set BROADSHEET_MAIL__BOUNCE_FOLDER"),
        ({"mailer": "smtp", "bounce_folder": "/var/mail/bounces"}, ""),
    ],
)
def test_the_page_says_what_is_not_set(
    settings: Settings, database: Database, clock: Any, browser: Any, mail: dict[str, str], told: str
) -> None:
    chosen = settings.model_copy(update={"mail": settings.mail.model_copy(update=mail)})
    client = create_app(chosen, database=database, clock=clock).test_client()
    client.get("/signin/" + owner_link(database, chosen, clock()).rpartition("/")[2])
    text = words(client.get("/owner/mail").get_data(as_text=True))
    assert told in text
    assert told or "BROADSHEET_MAIL" not in text

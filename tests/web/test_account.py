"""The account: what a reader sets is checked, kept and followed at once; from here everything of theirs is reached."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from factories import fill, make_paper
from flask import Flask

from recommender.errors import MailDeferred, MailError, MailRefused, MailUnanswered
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, pages, readers, suppressions
from recommender.store.db import Database
from recommender.store.readers import Reader
from web import letters
from web.account import device
from web.digest import NothingToSend
from web.mail import MemoryMailer


def stored(database: Database, reader: Reader) -> Reader:
    with database.read() as session:
        found = readers.by_id(session, reader.id)
    assert found is not None
    return found


@pytest.fixture
def addressed(database: Database, alice: Reader) -> Reader:
    """Alice, whose address is confirmed."""
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "alice@example.org", now=alice.created_at)
    return stored(database, alice)


def test_the_digest_is_set_to_the_readers_own_hour(signed_in: Any, database: Database, addressed: Reader) -> None:
    form = {"digest": "on", "hour": "7", "zone": "Europe/Berlin"}
    response = signed_in.post("/account/digest", form)
    assert (response.status_code, response.headers["Location"]) == (303, "/account")
    found = stored(database, addressed)
    assert (found.digest_on, found.email, found.digest_hour, found.time_zone) == (True, "alice@example.org", 7, "Europe/Berlin")
    assert found.next_digest_at == datetime(2026, 5, 21, 5, 0, tzinfo=UTC)  # now is 10 o'clock there
    text = signed_in.follow(response)
    assert "Saved." in text
    assert '<option value="7" selected>07:00</option>' in text
    assert re.search(r'name="digest" value="on" checked', text)
    signed_in.post("/account/digest", {key: value for key, value in form.items() if key != "digest"})
    assert (stored(database, addressed).digest_on, stored(database, addressed).next_digest_at) == (False, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hour": "24"}, "Choose an hour"),
        ({"hour": "-1"}, "Choose an hour"),
        ({"hour": ""}, "Choose an hour"),
        ({"hour": "٣"}, "Choose an hour"),
        ({"hour": "0" * 5000}, "Choose an hour"),
        ({"zone": "Mars/Olympus"}, "There is no time zone"),
        ({"zone": "../../etc/passwd"}, "There is no time zone"),
        ({"zone": ""}, "There is no time zone"),
        ({"when": "7"}, "Choose every day"),
        ({"when": "week"}, "Choose every day"),
    ],
)
def test_a_wrong_digest_is_named_and_nothing_is_saved(
    signed_in: Any, database: Database, addressed: Reader, change: dict[str, str], said: str
) -> None:
    response = signed_in.post("/account/digest", {"digest": "on", "hour": "9", "zone": "Asia/Tokyo"} | change)
    assert response.status_code == 422
    text = response.get_data(as_text=True)
    assert said in text
    assert 'aria-invalid="true"' in text
    assert ('value="Asia/Tokyo" autocomplete' in text) is ("zone" not in change)  # what was typed is kept
    assert stored(database, addressed) == addressed


def test_a_digest_needs_an_address(signed_in: Any, database: Database, alice: Reader) -> None:
    response = signed_in.post("/account/digest", {"digest": "on", "hour": "7", "zone": "UTC"})
    assert response.status_code == 422
    assert "needs an address" in response.get_data(as_text=True)
    assert signed_in.post("/account/digest", {"hour": "23", "zone": "Asia/Tokyo"}).status_code == 303
    assert (stored(database, alice).digest_hour, stored(database, alice).digest_on) == (23, False)


SAVED = {"digest": "on", "hour": "7", "zone": "Europe/Berlin"}


def test_the_digest_comes_once_a_week_on_the_readers_own_weekday(signed_in: Any, database: Database, addressed: Reader) -> None:
    signed_in.post("/account/digest", SAVED | {"when": "4"})
    found = stored(database, addressed)
    assert found.schedule == Schedule(7, "Europe/Berlin", "week", 4)
    assert found.next_digest_at == datetime(2026, 5, 22, 5, 0, tzinfo=UTC)
    text = signed_in.get("/account").get_data(as_text=True)
    assert '<option value="4" selected>Once a week: Friday</option>' in text
    assert "Next digest: Friday, 22 May, 07:00." in text
    signed_in.post("/account/digest", SAVED)  # a form that does not ask leaves it
    assert stored(database, addressed).digest_every == "week"
    signed_in.post("/account/digest", SAVED | {"when": "day"})
    assert stored(database, addressed).digest_every == "day"
    assert "Next digest: Thursday, 21 May, 07:00." in signed_in.get("/account").get_data(as_text=True)


@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({"days": "14"}, date(2026, 6, 3)),
        ({"days": "30"}, date(2026, 6, 19)),
        ({"until": "2026-05-21"}, date(2026, 5, 21)),
        ({"until": " 2027-05-21 "}, date(2027, 5, 21)),
    ],
)
def test_the_digest_pauses_until_a_day_and_comes_again_when_asked(
    signed_in: Any, database: Database, addressed: Reader, form: dict[str, str], until: date
) -> None:
    signed_in.post("/account/digest", SAVED)
    text = signed_in.follow(signed_in.post("/account/digest/pause", form))
    found = stored(database, addressed)
    assert (found.digest_on, found.digest_paused_until) == (True, until)
    assert found.next_digest_at == datetime(until.year, until.month, until.day, 5, 0, tzinfo=UTC)
    assert re.search(r"Paused until \d+ (May|June)( 2027)?\.", text)
    assert 'name="resume"' in text
    text = signed_in.follow(signed_in.post("/account/digest/pause", {"resume": "1"}))
    assert "Paused" not in text
    assert stored(database, addressed).schedule == Schedule(7, "Europe/Berlin")
    assert stored(database, addressed).next_digest_at == datetime(2026, 5, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "form", [{}, {"days": "15"}, {"until": ""}, {"until": "2026-05-20"}, {"until": "2027-06-01"}, {"until": "tomorrow"}]
)
def test_a_pause_that_cannot_be_is_named_and_changes_nothing(
    signed_in: Any, database: Database, addressed: Reader, form: dict[str, str]
) -> None:
    signed_in.post("/account/digest", SAVED)
    before = stored(database, addressed)
    answer = signed_in.post("/account/digest/pause", form)
    assert answer.status_code == 422
    assert "Choose a day after today" in answer.get_data(as_text=True)
    assert stored(database, addressed) == before


def test_a_time_zone_that_is_none_any_more_can_be_changed(signed_in: Any, database: Database, addressed: Reader) -> None:
    with database.write() as session:
        gone = Schedule(7, "Europe/Nowhere")
        accounts.set_digest(session, addressed.id, gone, on=True, next_at=addressed.created_at)
    assert 'id="zone" name="zone" list="zones" value="UTC"' in signed_in.get("/account").get_data(as_text=True)
    assert signed_in.post("/account/digest", SAVED).status_code == 303
    assert stored(database, addressed).time_zone == "Europe/Berlin"


def test_what_is_paused_though_it_is_off_stays_off(signed_in: Any, database: Database, addressed: Reader) -> None:
    signed_in.post("/account/digest/pause", {"days": "14"})
    signed_in.post("/account/digest/pause", {"resume": "1"})
    found = stored(database, addressed)
    assert (found.digest_on, found.next_digest_at) == (False, None)


class Refusing(MemoryMailer):
    """A mail server that answers every message with an error."""

    def __init__(self, error: MailError) -> None:
        super().__init__()
        self.error = error

    def send(self, message: Any, **_more: Any) -> None:
        raise self.error


def test_a_digest_is_sent_at_once_when_asked_for(edition: Database, signed_in: Any, addressed: Reader, app: Flask) -> None:
    mailer = MemoryMailer()
    letters.use(app, mailer)
    app.extensions["broadsheet"] = replace(
        state := app.extensions["broadsheet"],
        settings=state.settings.model_copy(update={"mail": state.settings.mail.model_copy(update={"mailer": "memory"})}),
    )
    text = signed_in.follow(signed_in.post("/account/digest/now"))
    assert "A digest was sent to alice@example.org." in text
    (message,) = mailer.sent
    assert "alice@example.org" in message["To"]
    with edition.read() as session:
        (page,) = pages.shown(session)
    assert page.page.reader_id == addressed.id  # what it showed is noted
    assert stored(edition, addressed).next_digest_at is None  # and nothing else is changed


def test_without_a_mail_server_it_says_where_the_digest_was_printed(
    edition: Database, signed_in: Any, addressed: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    text = signed_in.follow(signed_in.post("/account/digest/now"))
    assert "There is no mail server: the digest to alice@example.org was printed where Broadsheet runs." in text
    assert "--- mail" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MailDeferred("451 not now", code=451), "Try again later"),
        (MailRefused("550 nobody <alice@example.org>", code=550), "Look whether your address is right"),
        (MailUnanswered("no answer"), "it may come, or not"),
        (MailError("something else"), "could not be sent"),
        (NothingToSend("all voted on"), "you have said something of every paper"),
    ],
)
def test_what_became_of_a_digest_that_did_not_leave_is_said_in_words(
    edition: Database, signed_in: Any, addressed: Reader, app: Flask, caplog: Any, error: MailError, said: str
) -> None:
    letters.use(app, Refusing(error))
    text = signed_in.follow(signed_in.post("/account/digest/now"))
    assert said in text
    assert "was sent" not in text
    assert "alice@example.org" not in caplog.text


def test_there_is_nothing_to_send_before_anything_is_stored(signed_in: Any, addressed: Reader) -> None:
    assert "no papers are stored here yet" in signed_in.follow(signed_in.post("/account/digest/now"))


def test_a_digest_now_needs_an_address_and_comes_three_times_an_hour(edition: Database, signed_in: Any, clock: Any) -> None:
    assert "/account/digest/now" not in signed_in.get("/account").get_data(as_text=True)
    for _ in range(3):
        assert "give one first" in signed_in.follow(signed_in.post("/account/digest/now"))
    assert signed_in.post("/account/digest/now").status_code == 429
    clock.now += timedelta(hours=2)
    assert signed_in.post("/account/digest/now").status_code == 303


@pytest.mark.parametrize(("reason", "said"), [("bounce", "came back"), ("complaint", "reported as unwanted")])
def test_an_address_that_is_left_alone_is_written_to_again_when_its_reader_asks(
    edition: Database, signed_in: Any, addressed: Reader, reason: str, said: str
) -> None:
    with edition.write() as session:
        suppressions.add(session, "alice@example.org", reason, now=addressed.created_at, detail="550 no such user")
    text = signed_in.get("/account").get_data(as_text=True)
    assert said in text
    assert "Send me one now" not in text
    assert "Nothing was sent" in signed_in.follow(signed_in.post("/account/digest/now"))
    text = signed_in.follow(signed_in.post("/account/digest/again"))
    assert "Mail goes to your address again." in text
    assert said not in text
    with edition.read() as session:
        assert suppressions.count(session) == 0


def test_what_the_owner_decided_only_the_owner_takes_back(database: Database, signed_in: Any, addressed: Reader) -> None:
    with database.write() as session:
        suppressions.add(session, "alice@example.org", "owner", now=addressed.created_at)
    text = signed_in.get("/account").get_data(as_text=True)
    assert "ask them" in text
    assert "Write to me again" not in text
    assert signed_in.post("/account/digest/again").status_code == 403
    with database.read() as session:
        assert suppressions.count(session) == 1


CHOICES = {"locale": "", "name": "alice", "announce": ["new", "cross"], "notices": ["replies"]}


def test_choices_are_saved_and_shown(signed_in: Any, database: Database, alice: Reader) -> None:
    text = signed_in.get("/account").get_data(as_text=True)
    checked = re.findall(r'name="(?:announce|notices)" value="(\w+)" checked', text)
    assert checked == ["new", "cross", "replies"]  # what the settings say, and all notices
    assert 'name="votes_public" checked' not in text
    form = CHOICES | {"locale": "de", "announce": ["replace", "new"], "notices": [], "votes_public": "on", "name": "Alice B"}
    assert signed_in.post("/account/choices", form).status_code == 303
    found = stored(database, alice)
    assert (found.locale, found.name, found.votes_public) == ("de", "Alice B", True)
    assert (found.announce, dict(found.notices)) == (("new", "replace", "replace-cross"), {"replies": False})
    text = signed_in.get("/account").get_data(as_text=True)
    assert re.findall(r'name="(?:announce|notices)" value="(\w+)" checked', text) == ["new", "replace"]
    assert '<html lang="de"' in text
    assert 'name="votes_public" checked' in text


def test_what_the_settings_say_is_not_kept_as_a_choice(signed_in: Any, database: Database, alice: Reader) -> None:
    signed_in.post("/account/choices", CHOICES | {"announce": ["new"]})
    assert stored(database, alice).announce == ("new",)
    signed_in.post("/account/choices", CHOICES)
    assert stored(database, alice).announce == ()


def test_the_page_follows_the_choice_of_announcements(edition: Database, settings: Settings, signed_in: Any) -> None:
    fill(edition, settings, [make_paper(900, announce="replace"), make_paper(901, announce="cross")])
    replaced, crossed = make_paper(900).id, make_paper(901).id

    def shown() -> set[str]:
        return set(re.findall(r'data-paper="([^"]+)"', signed_in.get("/?show=200").get_data(as_text=True))) & {replaced, crossed}

    assert shown() == {crossed}
    signed_in.post("/account/choices", CHOICES | {"announce": ["new", "replace"]})
    assert shown() == {replaced}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"locale": "xx"}, "Choose one of the languages"),
        ({"announce": []}, "Choose at least one"),
        ({"announce": ["everything"]}, "Choose at least one"),
        ({"name": "bob"}, "a reader of this name"),
        ({"name": "BOB"}, "a reader of this name"),
        ({"name": "<b>"}, "letters and digits"),
        ({"name": "alice@example.org"}, "letters and digits"),
    ],
)
def test_wrong_choices_are_named_and_nothing_is_saved(
    signed_in: Any, database: Database, alice: Reader, bob: Reader, change: dict[str, Any], said: str
) -> None:
    before = stored(database, alice)
    response = signed_in.post("/account/choices", CHOICES | {"votes_public": "on"} | change)
    assert response.status_code == 422
    assert said in response.get_data(as_text=True)
    assert stored(database, alice) == before


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5.0", "curl"),
        ("", "?"),
        ("<script>" * 30, "<script><script><script><script><script>"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, told: str) -> None:
    assert device(agent) == told


def test_the_account_page_leads_everywhere(signed_in: Any, app: Flask) -> None:
    text = signed_in.get("/account").get_data(as_text=True)
    for path in ("/account/email", "/account/password", "/account/export.zip", "/account/delete", "/status"):
        assert f'href="{path}"' in text, path
    for room, path in {
        "interests": "/interests",
        "rules": "/rules",
        "learned": "/learned",
        "shelf": "/shelf",
        "keys": "/keys",
    }.items():
        assert (f'href="{path}"' in text) is (room in app.blueprints), path
    assert 'href="/owner"' not in text.partition("<main")[2]

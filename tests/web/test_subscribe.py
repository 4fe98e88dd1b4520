"""What everyone reads, for people without an account: nobody is in before they pressed the button, and no answer tells who is."""

from __future__ import annotations

import re
from dataclasses import astuple
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from factories import NOW
from flask import Flask
from letters_received import arrived, link_in

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, subscribers, suppressions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.subscribers import Subscriber
from web import letters
from web.mail import MemoryMailer

NORA = "nora@example.org"


@pytest.fixture
def mail() -> dict[str, Any]:
    return {"mailer": "memory"}


@pytest.fixture
def signup() -> str:
    return "invited"


@pytest.fixture
def settings(settings: Settings, mail: dict[str, Any], signup: str) -> Settings:
    changed = {
        "mail": settings.mail.model_copy(update=mail),
        "web": settings.web.model_copy(update={"signup": signup}),
    }
    return settings.model_copy(update=changed)


@pytest.fixture
def post(app: Flask) -> MemoryMailer:
    mailer = MemoryMailer()
    letters.use(app, mailer)
    return mailer


def ask(client: Any, email: str = NORA, **more: str) -> Any:
    client.get("/subscribe")
    return client.post("/subscribe", {"email": email, "when": "day", "hour": "7", "zone": "UTC", **more})


def found(database: Database, email: str = NORA) -> Subscriber | None:
    with database.read() as session:
        return subscribers.by_email(session, email)


def everything(database: Database) -> dict[str, list[Any]]:
    """Return all that is stored, but for what is counted of requests."""
    with database.engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        tables = [name for (name,) in names if name != "rates"]
        return {name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")] for name in tables}


def test_the_mail_begins_when_the_button_behind_the_letter_is_pressed(
    app: Flask, client: Any, database: Database, post: MemoryMailer
) -> None:
    before = everything(database)
    response = ask(client, " Nora@Example.org ", when="4", hour="18", zone="Europe/Berlin")
    assert "A letter is on its way" in client.follow(response)
    (message,) = arrived(app, post)
    assert message["To"] == NORA
    assert "every Friday at 18:00 (Europe/Berlin)" in " ".join(message.get_content().split())
    path = link_in(message)
    for _ in range(3):  # as a program does that checks mail
        assert client.get(path).status_code == 200
        assert client.client.head(path).status_code == 200
    assert everything(database) == before
    text = client.get(path).get_data(as_text=True)
    assert NORA in text
    assert "every Friday at 18:00 (Europe/Berlin)" in text
    pressed = client.post(path)
    assert "It begins" in pressed.get_data(as_text=True)
    nora = found(database)
    assert nora is not None
    assert astuple(nora.schedule) == astuple(Schedule(18, "Europe/Berlin", "week", 4))
    assert nora.next_digest_at == Schedule(18, "Europe/Berlin", "week", 4).after(NOW)
    assert nora.locale == "en"
    assert re.search(r'href="/m/leave/[\w.-]+"', pressed.get_data(as_text=True))
    client.post(path)  # a second press
    assert found(database) == nora


def test_leaving_can_be_asked_for_at_once(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    ask(client)
    text = client.post(link_in(arrived(app, post)[0])).get_data(as_text=True)
    token = re.search(r'href="/m/leave/([\w.-]+)"', text)
    nora = found(database)
    assert token is not None
    assert nora is not None
    assert app.extensions["broadsheet"].signer.read("leave", token[1], 60) == {"s": nora.id}


def test_the_letter_speaks_the_language_of_the_page(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    client.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    ask(client, when="0")
    client.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    (message,) = arrived(app, post)
    client.post(link_in(message))
    nora = found(database)
    assert nora is not None
    assert nora.locale == "de"
    assert "Montag" in message.get_content()


@pytest.mark.parametrize("who", ["nobody", "subscriber", "reader", "shut out", "suppressed"])
def test_the_answer_is_the_same_whosever_the_address_is(
    app: Flask, client: Any, database: Database, alice: Reader, post: MemoryMailer, who: str
) -> None:
    told = ask(client, "somebody-else@example.org")
    with database.write() as session:
        if who == "subscriber":
            subscribers.confirm(session, NORA, Schedule(9), locale="en", now=NOW)
        elif who == "suppressed":
            suppressions.add(session, NORA, "complaint", now=NOW)
        elif who != "nobody":
            accounts.confirm_email(session, alice.id, NORA, now=NOW)
            accounts.shut_out(session, alice.id, NOW if who == "shut out" else None)
    before = everything(database)
    answer = ask(client)
    assert (answer.status_code, answer.data, answer.headers["Location"]) == (303, told.data, told.headers["Location"])
    _first, *came = arrived(app, post)
    subjects = {
        "nobody": ["Confirm your subscription to Broadsheet"],
        "subscriber": ["Confirm your subscription to Broadsheet"],
        "reader": ["You have a Broadsheet of your own"],
        "shut out": [],
        "suppressed": [],
    }
    assert [message["Subject"] for message in came] == subjects[who]
    assert everything(database) == before  # who has hours keeps them until the button is pressed
    if who == "reader":
        assert link_in(came[0]) == "/account"


def test_who_subscribed_can_choose_other_hours_by_asking_again(
    app: Flask, client: Any, database: Database, post: MemoryMailer
) -> None:
    with database.write() as session:
        nora = subscribers.confirm(session, NORA, Schedule(9), locale="de", now=NOW)
    ask(client, when="2")
    client.post(link_in(arrived(app, post)[0]))
    again = found(database)
    assert again is not None
    assert (again.id, again.schedule) == (nora.id, Schedule(7, "UTC", "week", 2))


def test_an_address_left_alone_meanwhile_stays_so(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    with database.write() as session:
        suppressions.add(session, NORA, "complaint", now=NOW)
    for answer in (client.get(path), client.post(path)):
        assert "No mail goes to this address" in answer.get_data(as_text=True)
    assert found(database) is None
    with database.read() as session:
        assert suppressions.among(session, [NORA])


def test_who_became_a_reader_meanwhile_is_sent_to_their_own_page(
    app: Flask, client: Any, database: Database, alice: Reader, post: MemoryMailer
) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    with database.write() as session:
        accounts.confirm_email(session, alice.id, NORA, now=NOW)
    for answer in (client.get(path), client.post(path)):
        assert "There is an account with this address" in answer.get_data(as_text=True)
    assert found(database) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "a@b.org\r\nBcc: c@d.org"}, "not an e-mail address"),
        ({"email": "a@b.org, c@d.org"}, "not an e-mail address"),
        ({"email": "zoë@example.org"}, "not an e-mail address"),
        ({"email": ""}, "not an e-mail address"),
        ({"email": "a" * 400 + "@b.org"}, "not an e-mail address"),
        ({"when": "7"}, "Choose every day"),
        ({"when": "²"}, "Choose every day"),
        ({"hour": "24"}, "Choose an hour"),
        ({"hour": "٣"}, "Choose an hour"),
        ({"zone": "Europe/Atlantis"}, "no time zone of that name"),
        ({"zone": "../../etc/passwd"}, "no time zone of that name"),
        ({"zone": ""}, "no time zone of that name"),
    ],
)
def test_what_is_wrong_is_told(app: Flask, client: Any, post: MemoryMailer, change: dict[str, str], said: str) -> None:
    answer = ask(client, **({"email": NORA} | change))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in text
    assert text.count('aria-invalid="true"') == 1
    assert arrived(app, post) == []


def test_a_program_that_fills_in_every_field_is_told_what_it_wants_to_hear(app: Flask, client: Any, post: MemoryMailer) -> None:
    answer, trapped = ask(client), ask(client, "bot@example.org", website="https://spam.example")
    assert (trapped.status_code, trapped.headers["Location"]) == (answer.status_code, answer.headers["Location"])
    assert [message["To"] for message in arrived(app, post)] == [NORA]


def test_a_link_works_for_a_day_and_only_whole(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    signer = app.extensions["broadsheet"].signer
    for wrong in (path[:-2], path + "x", "/subscribe/x", f"/subscribe/{signer.sign('signup', {'e': NORA})}"):
        assert client.get(wrong).status_code == 404
        assert client.post(wrong).status_code == 404
    assert found(database) is None


def test_a_link_of_yesterday_is_too_old(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    with time_machine.travel(NOW, tick=False):
        ask(client)
        path = link_in(arrived(app, post)[0])
    with time_machine.travel(NOW + timedelta(hours=23, minutes=59), tick=False):
        assert client.get(path).status_code == 200
    with time_machine.travel(NOW + timedelta(hours=24, minutes=1), tick=False):
        assert client.post(path).status_code == 404
    assert found(database) is None


def test_nobody_subscribes_the_whole_town(app: Flask, client: Any, post: MemoryMailer) -> None:
    codes = [ask(client, f"reader-{number}@example.org").status_code for number in range(15)]
    assert codes == [303] * 10 + [429] * 5
    assert len(arrived(app, post)) == 10


def test_one_mailbox_is_written_to_three_times_a_day_whoever_asks(app: Flask, client: Any, post: MemoryMailer) -> None:
    codes = []
    for number, spelled in enumerate((NORA, "Nora@example.org", f" {NORA} ", NORA, NORA.upper())):
        client.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        codes.append(ask(client, spelled).status_code)
    assert codes == [303, 303, 303, 429, 429]
    assert len(arrived(app, post)) == 3
    assert "Try again in 24 hours." in ask(client).get_data(as_text=True)


def test_a_slip_of_the_pen_costs_no_letter(app: Flask, client: Any, post: MemoryMailer) -> None:
    for _ in range(5):
        assert ask(client, zone="Berlin").status_code == 422
    assert ask(client).status_code == 303
    assert len(arrived(app, post)) == 1


@pytest.mark.parametrize(
    ("mail", "signup"),
    [
        ({"mailer": "memory", "trending": False}, "open"),
        ({"mailer": "console"}, "open"),
        ({"mailer": "memory"}, "closed"),
    ],
)
def test_where_it_is_not_offered_there_is_no_way_in(
    app: Flask, client: Any, database: Database, signed_in: Any, post: MemoryMailer
) -> None:
    assert "/subscribe" not in client.get("/signin").get_data(as_text=True)
    assert "/subscribe" not in signed_in.get("/everyone").get_data(as_text=True)
    path = f"/subscribe/{app.extensions['broadsheet'].signer.sign('subscribe', [NORA, 7, 'UTC', 'day', 0, 'en'])}"
    for page in ("/subscribe", "/subscribe/asked", path):
        answer = client.get(page)
        assert answer.status_code == 404
        assert "not mailed from here" in answer.get_data(as_text=True)
    assert client.post("/subscribe", {"email": NORA}).status_code == 404
    assert client.post(path).status_code == 404
    assert arrived(app, post) == []
    assert found(database) is None


@pytest.mark.parametrize("signup", ["invited", "open"])
def test_where_it_is_offered_the_door_and_everyones_page_say_so(client: Any, signed_in: Any) -> None:
    assert 'href="/subscribe"' in client.get("/signin").get_data(as_text=True)
    assert 'href="/subscribe"' in signed_in.get("/everyone").get_data(as_text=True)

"""The door: a name and a password, or a link by mail; the same answer for who is known and who is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from letters_received import arrived, link_in

from recommender.settings import Settings
from recommender.store import accounts, readers, sessions
from recommender.store.db import Database
from recommender.store.readers import Reader
from web import letters, passwords
from web.app import create_app
from web.mail import MemoryMailer

PASSWORD = "mauve otter on a ladder"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"mail": settings.mail.model_copy(update={"mailer": "memory"})})


@pytest.fixture
def post(app: Flask) -> MemoryMailer:
    """Where letters arrive."""
    mailer = MemoryMailer()
    letters.use(app, mailer)
    return mailer


@pytest.fixture
def ada(database: Database, alice: Reader) -> Reader:
    """Alice with an address and a password."""
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "ada@example.org", now=alice.created_at)
        accounts.set_password(session, alice.id, passwords.hashed(PASSWORD))
    return alice


def knock(client: Any, name: str, password: str, **more: str) -> Any:
    client.get("/signin")
    return client.post("/signin", {"name": name, "password": password, **more})


@pytest.mark.parametrize("name", ["alice", "Alice", " ALICE ", "ada@example.org", "Ada@Example.org"])
def test_a_name_or_an_address_and_the_password_open_the_door(client: Any, ada: Reader, name: str) -> None:
    response = knock(client, name, PASSWORD)
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert client.get("/account").status_code == 200


def test_who_is_not_known_and_who_is_wrong_get_the_same_answer(client: Any, database: Database, ada: Reader, bob: Reader) -> None:
    with database.write() as session:
        mallory = readers.create(session, "mallory", now=ada.created_at)
        accounts.set_password(session, mallory.id, passwords.hashed(PASSWORD))
        accounts.shut_out(session, mallory.id, ada.created_at)
        readers.create(session, "robot", now=ada.created_at, simulated=True)
    answers = set()
    for name, password in [
        *(("alice", "wrong password"), ("alice", ""), ("nobody", PASSWORD), ("bob", PASSWORD), ("mallory", PASSWORD)),
        *(("robot", PASSWORD), ("", PASSWORD), ("alice\x00", "wrong password")),
    ]:
        response = knock(client, name, password)
        text = re.sub(r'value="[^"]*"|name: [^<]*', "", response.get_data(as_text=True))
        answers.add((response.status_code, text))
        assert client.get("/account").status_code == 401
    assert len(answers) == 1
    assert "do not belong together" in next(iter(answers))[1]


def test_the_form_keeps_the_name_and_not_the_password(client: Any, ada: Reader) -> None:
    text = knock(client, "<alice>", "my secret words", next="/rules?a=1").get_data(as_text=True)
    assert 'value="&lt;alice&gt;"' in text
    assert 'value="/rules?a=1"' in text
    assert "my secret words" not in text


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/rules?x=1", "/rules?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a%0d%0aSet-Cookie:b", "/"),
        ("/\tevil", "/"),
        ("", "/"),
    ],
)
def test_the_door_leads_only_inside(client: Any, ada: Reader, wanted: str, reached: str) -> None:
    assert knock(client, "alice", PASSWORD, next=wanted).headers["Location"] == reached


def test_whoever_was_on_the_way_somewhere_gets_there(client: Any, ada: Reader) -> None:
    text = client.get("/account?from=mail").get_data(as_text=True)
    assert 'name="next" value="/account?from=mail"' in text
    assert client.get("/signin?next=//evil.example").get_data(as_text=True).count('name="next" value="/"') == 1


def test_every_sign_in_is_a_new_one_and_the_one_before_it_ends(client: Any, app: Flask, database: Database, ada: Reader) -> None:
    knock(client, "alice", PASSWORD)
    before = client.client.get_cookie("broadsheet").value
    client.get("/account")
    client.post("/signin", {"name": "alice", "password": PASSWORD})
    assert client.client.get_cookie("broadsheet").value != before
    with database.read() as session:
        assert len(sessions.listing(session, ada.id, now=ada.created_at)) == 1
    thief = app.test_client()
    thief.set_cookie("broadsheet", before)
    assert thief.get("/account").status_code == 401


def test_ten_tries_and_no_more_whichever_name_is_used(
    app: Flask, database: Database, ada: Reader, clock: Any, client: Any
) -> None:
    names = ["alice", "ada@example.org", "ALICE"]
    codes = [knock(client, names[n % 3], "wrong password").status_code for n in range(12)]
    assert codes == [422] * 10 + [429] * 2
    assert knock(client, "alice", PASSWORD).status_code == 429  # the right one, too late
    clock.now += timedelta(minutes=30)
    assert knock(client, "alice", PASSWORD).status_code == 303


def test_one_account_from_many_addresses_is_ten_tries_too(client: Any, ada: Reader) -> None:
    client.get("/signin")
    codes = [
        client.post(
            "/signin",
            {"name": ("alice", "ada@example.org")[n % 2], "password": f"guess {n}"},
            environ_overrides={"REMOTE_ADDR": f"198.51.100.{n}"},
        ).status_code
        for n in range(13)
    ]
    assert codes == [422] * 10 + [429] * 3


def test_many_names_from_one_address_are_ten_tries_too(client: Any, ada: Reader) -> None:
    codes = [knock(client, f"name {n}", "wrong password").status_code for n in range(11)]
    assert codes == [422] * 10 + [429]


def test_what_was_typed_is_not_kept(client: Any, ada: Reader, database: Database) -> None:
    knock(client, "my-secret-name@example.org", "wrong password")
    with database.engine.connect() as connection:
        keys = [row[0] for row in connection.exec_driver_sql("SELECT key FROM rates")]
    assert keys
    assert not any("secret" in key or "example" in key for key in keys)


def test_a_hash_made_with_fewer_pains_is_made_anew(client: Any, database: Database, ada: Reader) -> None:
    with database.write() as session:
        accounts.set_password(session, ada.id, PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD))
    assert knock(client, "alice", "wrong password").status_code == 422
    with database.read() as session:
        assert passwords.is_outdated(accounts.password_of(session, ada.id) or "")
    assert knock(client, "alice", PASSWORD).status_code == 303
    with database.read() as session:
        kept = accounts.password_of(session, ada.id) or ""
    assert not passwords.is_outdated(kept)
    assert passwords.is_right(kept, PASSWORD)


def test_a_mailed_link_signs_in_once_when_its_button_is_pressed(app: Flask, client: Any, ada: Reader, post: MemoryMailer) -> None:
    client.get("/signin?next=/rules")
    response = client.post("/signin/link", {"name": "alice", "next": "/rules"})
    assert (response.status_code, response.headers["Location"]) == (303, "/signin/asked")
    assert "on its way" in client.follow(response)
    (message,) = arrived(app, post)
    assert (message["To"], message["Subject"]) == ("alice <ada@example.org>", "Sign in to Broadsheet")
    path = link_in(message)
    other = type(client)(app.test_client())  # the programme that reads the mail, and another browser than the one that asked
    for method in ("GET", "HEAD"):
        assert other.client.open(path, method=method).status_code == 200
        assert other.get("/account").status_code == 401
    assert "signs you in as alice" in other.get(path).get_data(as_text=True)
    pressed = other.post(path)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, "/rules")
    assert other.get("/account").status_code == 200
    third = type(client)(app.test_client())
    assert third.get(path).status_code == 401
    third.get("/signin")
    assert third.post(path).status_code == 401


def test_a_mailed_link_is_too_old_after_ten_minutes(app: Flask, client: Any, ada: Reader, post: MemoryMailer, clock: Any) -> None:
    client.get("/signin")
    client.post("/signin/link", {"name": "ada@example.org"})
    path = link_in(arrived(app, post)[0])
    clock.now += timedelta(minutes=10)
    assert client.post(path).status_code == 401
    clock.now -= timedelta(seconds=1)
    assert client.post(path).status_code == 303


def test_asking_for_a_link_tells_nothing(app: Flask, client: Any, ada: Reader, bob: Reader, post: MemoryMailer) -> None:
    client.get("/signin")
    answers = set()
    for name in ("alice", "bob", "nobody", "", "x@example.org"):
        response = client.post("/signin/link", {"name": name})
        answers.add((response.status_code, response.headers["Location"], client.follow(response)))
    assert len(answers) == 1
    assert len(arrived(app, post)) == 1  # bob has no address


def test_a_mail_server_that_fails_tells_nothing_either(
    app: Flask, client: Any, ada: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def send(self, message: Any) -> None:
            raise letters.MailError("the server refused ada@example.org")

    letters.use(app, Broken())
    client.get("/signin")
    assert client.post("/signin/link", {"name": "alice"}).status_code == 303
    arrived(app, MemoryMailer())
    assert "a letter was not sent" in caplog.text
    assert "ada@example.org" not in caplog.text


def test_links_are_limited_but_never_the_owners(
    app: Flask, client: Any, database: Database, ada: Reader, post: MemoryMailer, settings: Settings
) -> None:
    with database.write() as session:
        owner = readers.create(session, "boss", now=ada.created_at, is_owner=True)
        accounts.confirm_email(session, owner.id, "boss@example.org", now=ada.created_at)

    def ask(name: str, address: str) -> int:
        client.get("/signin")
        return int(client.post("/signin/link", {"name": name}, environ_overrides={"REMOTE_ADDR": address}).status_code)

    assert [ask("alice", f"198.51.100.{n}") for n in range(6)] == [303] * 5 + [429]
    assert {ask("boss", f"198.51.100.{n}") for n in range(20, 30)} == {303}
    assert [ask("boss", "203.0.113.9") for _ in range(11)] == [303] * 10 + [429]  # one address cannot fill a mailbox


def test_without_a_mail_server_the_letter_is_printed_where_it_runs(
    client: Any, settings: Settings, database: Database, clock: Any, ada: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = settings.model_copy(update={"mail": settings.mail.model_copy(update={"mailer": "console"})})
    app = create_app(plain, database=database, clock=clock)
    client = type(client)(app.test_client())
    assert "printed where Broadsheet runs" in client.get("/signin").get_data(as_text=True)
    client.post("/signin/link", {"name": "alice"})
    with app.app_context():
        letters.wait()
    assert "/signin/mail/" in capsys.readouterr().out


def test_signed_in_there_is_no_door(signed_in: Any) -> None:
    assert signed_in.get("/signin?next=/account").headers["Location"] == "/account"


def test_whoever_is_shut_out_is_out_at_once(
    client: Any, database: Database, ada: Reader, sign_in: Callable[[Reader], Any]
) -> None:
    browser = sign_in(ada)
    with database.write() as session:
        accounts.shut_out(session, ada.id, ada.created_at)
    assert browser.get("/account").status_code == 401
    assert knock(client, "alice", PASSWORD).status_code == 422


def test_no_log_holds_an_address_a_password_or_a_link(
    app: Flask, client: Any, ada: Reader, post: MemoryMailer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    knock(client, "ada@example.org", "wrong password")
    for _ in range(12):
        knock(client, "ada@example.org", "wrong password")
    client.post("/signin/link", {"name": "ada@example.org"})
    path = link_in(arrived(app, post)[0])
    client.post(path)
    client.get("/signin/mail/not-a-token")
    said = caplog.text + "".join(capfd.readouterr())
    for secret in ("ada@example.org", "wrong password", path.rpartition("/")[2], PASSWORD):
        assert secret not in said, secret

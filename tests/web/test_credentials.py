"""Address, password, sign-ins: each changes only for who proves themselves, and what was valid before no longer is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from letters_received import arrived, link_in

from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import accounts, readers, sessions
from recommender.store.db import Database
from recommender.store.readers import Reader
from web import letters, passwords
from web.mail import MemoryMailer

PASSWORD, OTHER = "mauve otter on a ladder", "eleven quiet herons"
SignIn = Callable[[Reader], Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"mail": settings.mail.model_copy(update={"mailer": "memory"})})


@pytest.fixture(autouse=True)
def post(app: Flask) -> MemoryMailer:
    mailer = MemoryMailer()
    letters.use(app, mailer)
    return mailer


@pytest.fixture
def ada(database: Database, alice: Reader) -> Reader:
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "old@example.org", now=alice.created_at)
        accounts.set_password(session, alice.id, passwords.hashed(PASSWORD))
    return alice


def address_of(database: Database, reader: Reader) -> str | None:
    with database.read() as session:
        found = readers.by_id(session, reader.id)
    assert found is not None
    return found.email


def test_an_address_counts_once_it_is_confirmed_and_the_old_one_is_told(
    app: Flask, database: Database, ada: Reader, sign_in: SignIn, post: MemoryMailer, client: Any
) -> None:
    browser = sign_in(ada)
    response = browser.post("/account/email", {"email": "New@example.org", "current": PASSWORD})
    assert response.status_code == 303
    assert "A letter is on its way to New@example.org" in browser.follow(response)
    assert address_of(database, ada) == "old@example.org"
    (message,) = arrived(app, post)
    assert message["To"] == "alice <New@example.org>"
    path = link_in(message)
    assert "alice wants to use New@example.org" in client.get(path).get_data(as_text=True)
    assert address_of(database, ada) == "old@example.org"  # a program that checks mail confirmed nothing
    pressed = client.post(path)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, "/signin")
    assert client.get("/account").status_code == 401  # it is no way in
    assert address_of(database, ada) == "new@example.org"
    assert [message["To"] for message in arrived(app, post)] == ["alice <New@example.org>", "alice <old@example.org>"]
    assert client.get(path).status_code == 404
    assert browser.post(path).status_code == 404


def test_only_the_newest_link_counts_and_not_for_ever(
    app: Flask, database: Database, ada: Reader, sign_in: SignIn, post: MemoryMailer, clock: Any
) -> None:
    browser = sign_in(ada)
    for address in ("first@example.org", "second@example.org"):
        browser.post("/account/email", {"email": address, "current": PASSWORD})
    first, second = map(link_in, arrived(app, post))
    assert browser.get(first).status_code == 404
    waits = "waits to be confirmed"
    told = browser.get("/account").get_data(as_text=True)
    assert (f"second@example.org {waits}" in told, f"first@example.org {waits}" in told) == (True, False)
    clock.now += timedelta(hours=24)
    assert browser.post(second).status_code == 404
    assert waits not in browser.get("/account").get_data(as_text=True)
    clock.now -= timedelta(seconds=1)
    assert waits in browser.get("/account").get_data(as_text=True)
    assert browser.post(second).headers["Location"] == "/account"
    assert address_of(database, ada) == "second@example.org"
    assert waits not in browser.get("/account").get_data(as_text=True)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "nobody", "current": PASSWORD}, "not an e-mail address"),
        ({"email": "a@b.org\r\nBcc: c@d.org", "current": PASSWORD}, "not an e-mail address"),
        ({"email": "zoë@example.org", "current": PASSWORD}, "not an e-mail address"),
        ({"email": "ad..a@example.org", "current": PASSWORD}, "not an e-mail address"),
        ({"email": "new@example.org", "current": "wrong"}, "not your present password"),
        ({"email": "new@example.org"}, "not your present password"),
        ({"email": "", "current": ""}, "not your present password"),
    ],
)
def test_a_wrong_form_changes_nothing(
    app: Flask, database: Database, ada: Reader, sign_in: SignIn, post: MemoryMailer, form: dict[str, str], said: str
) -> None:
    response = sign_in(ada).post("/account/email", form)
    assert response.status_code == 422
    assert said in response.get_data(as_text=True)
    assert address_of(database, ada) == "old@example.org"
    assert arrived(app, post) == []


def test_whose_address_it_is_is_told_only_to_who_reads_its_mail(
    app: Flask, database: Database, ada: Reader, bob: Reader, sign_in: SignIn, post: MemoryMailer
) -> None:
    with database.write() as session:
        accounts.confirm_email(session, bob.id, "bob@example.org", now=bob.created_at)
    browser = sign_in(ada)
    assert browser.post("/account/email", {"email": "bob@example.org", "current": PASSWORD}).status_code == 303
    path = link_in(arrived(app, post)[0])
    assert browser.post(path).status_code == 404
    assert (address_of(database, ada), address_of(database, bob)) == ("old@example.org", "bob@example.org")


def test_a_mail_server_that_fails_is_named_and_no_link_works(
    app: Flask, database: Database, ada: Reader, sign_in: SignIn
) -> None:
    class Broken:
        def send(self, message: Any) -> None:
            raise MailError("127.0.0.1:25 could not be reached: refused")

    letters.use(app, Broken())
    response = sign_in(ada).post("/account/email", {"email": "new@example.org", "current": PASSWORD})
    assert response.status_code == 422
    assert "could not be reached" in response.get_data(as_text=True)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tokens WHERE purpose = 'email'").scalar() == 0


def test_an_address_is_forgotten_unless_it_is_the_only_way_back(
    database: Database, ada: Reader, bob: Reader, sign_in: SignIn
) -> None:
    with database.write() as session:
        accounts.confirm_email(session, bob.id, "bob@example.org", now=bob.created_at)
    refused = sign_in(bob).post("/account/email", {"email": ""})
    assert refused.status_code == 422
    assert "Set a password first" in refused.get_data(as_text=True)
    assert sign_in(ada).post("/account/email", {"email": "", "current": PASSWORD}).status_code == 303
    assert (address_of(database, ada), address_of(database, bob)) == (None, "bob@example.org")


def test_a_new_password_ends_every_other_sign_in(
    app: Flask, database: Database, ada: Reader, sign_in: SignIn, post: MemoryMailer
) -> None:
    here, there = sign_in(ada), sign_in(ada)
    with database.write() as session:
        link = readers.issue_token(session, ada.id, "signin", now=ada.created_at, lives=timedelta(days=1))
    here.get("/account")
    before = here.client.get_cookie("broadsheet").value
    response = here.post("/account/password", {"current": PASSWORD, "new": OTHER})
    assert response.status_code == 303
    assert "Your password is set" in here.follow(response)
    assert there.get("/account").status_code == 401
    thief = app.test_client()
    thief.set_cookie("broadsheet", before)  # also the cookie of this browser as it was
    assert thief.get("/account").status_code == 401
    assert thief.get(f"/signin/{link}").status_code == 401
    with database.read() as session:
        kept = accounts.password_of(session, ada.id)
    assert passwords.is_right(kept, OTHER)
    assert not passwords.is_right(kept, PASSWORD)
    assert [(message["To"], message["Subject"]) for message in arrived(app, post)] == [
        ("alice <old@example.org>", "Your Broadsheet password was changed")
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"current": "wrong", "new": OTHER}, "not your present password"),
        ({"new": OTHER}, "not your present password"),
        ({"current": PASSWORD, "new": "short"}, "at least 10"),
        ({"current": PASSWORD, "new": "password1234"}, "Many people use"),
        ({"current": PASSWORD, "new": "old@example.org"}, "Your name or address"),
        ({"current": PASSWORD}, "at least 10"),
    ],
)
def test_a_password_that_is_not_proven_or_not_good_is_refused(
    database: Database, ada: Reader, sign_in: SignIn, form: dict[str, str], said: str
) -> None:
    response = sign_in(ada).post("/account/password", form)
    assert response.status_code == 422
    assert said in response.get_data(as_text=True)
    assert OTHER not in response.get_data(as_text=True)
    with database.read() as session:
        assert passwords.is_right(accounts.password_of(session, ada.id), PASSWORD)


def test_the_first_password_needs_none_before_it(database: Database, bob: Reader, sign_in: SignIn) -> None:
    browser = sign_in(bob)
    assert "Present password" not in browser.get("/account/password").get_data(as_text=True)
    assert browser.post("/account/password", {"new": OTHER}).status_code == 303
    assert "Present password" in browser.get("/account/password").get_data(as_text=True)


def test_who_forgot_the_password_sets_another_one_after_a_link(
    app: Flask, database: Database, ada: Reader, client: Any, post: MemoryMailer, clock: Any
) -> None:
    def come_in(browser: Any) -> None:
        browser.get("/signin")
        browser.post("/signin/link", {"name": "alice"})
        assert browser.post(link_in(arrived(app, post)[-1])).status_code == 303
        browser.get("/account")  # its forms carry new tokens

    come_in(client)
    assert (
        client.post("/account/email", {"email": "new@example.org"}).status_code == 422
    )  # a link stands for a new password alone
    clock.now += timedelta(minutes=15)
    assert "Present password" in client.get("/account/password").get_data(as_text=True)
    assert client.post("/account/password", {"new": OTHER}).status_code == 422
    come_in(client)
    assert "Present password" not in client.get("/account/password").get_data(as_text=True)
    assert client.post("/account/password", {"new": "short"}).status_code == 422
    assert client.post("/account/password", {"new": OTHER}).status_code == 303
    client.get("/account")
    assert client.post("/account/password", {"new": PASSWORD}).status_code == 422  # once
    with database.read() as session:
        assert passwords.is_right(accounts.password_of(session, ada.id), OTHER)


def test_the_owners_printed_link_is_as_good(database: Database, app: Flask, client: Any, now: Any) -> None:
    with database.write() as session:
        owner = readers.create(session, "owner", now=now, is_owner=True)
        accounts.set_password(session, owner.id, passwords.hashed(PASSWORD))
        token = readers.issue_token(session, owner.id, "signin", now=now, lives=timedelta(days=1))
    assert client.follow(client.get(f"/signin/{token}"))
    client.get("/account")
    assert client.post("/account/password", {"new": OTHER}).status_code == 303


def test_a_browser_left_open_does_not_guess_a_password(ada: Reader, sign_in: SignIn) -> None:
    browser = sign_in(ada)
    codes = [browser.post("/account/password", {"current": f"guess {n}", "new": OTHER}).status_code for n in range(12)]
    assert codes == [422] * 10 + [429] * 2


def test_sign_ins_are_told_apart_and_ended(app: Flask, ada: Reader, bob: Reader, sign_in: SignIn, database: Database) -> None:
    here, there, others = sign_in(ada), sign_in(ada), sign_in(bob)
    text = here.get("/account").get_data(as_text=True)
    assert text.count("this one") == 1
    (name,) = re.findall(r'name="sign_in" value="(\w+)"', text)
    assert others.post("/account/sessions/end", {"sign_in": name}).status_code == 404
    assert there.get("/account").status_code == 200
    assert here.post("/account/sessions/end", {"sign_in": name}).status_code == 303
    assert there.get("/account").status_code == 401
    assert here.get("/account").status_code == 200
    assert here.post("/account/sessions/end", {"sign_in": name}).status_code == 404


def test_everywhere_else_is_one_press(ada: Reader, bob: Reader, sign_in: SignIn, database: Database) -> None:
    here, *there, others = (*(sign_in(ada) for _ in range(3)), sign_in(bob))
    assert "Sign out everywhere else" in here.get("/account").get_data(as_text=True)
    assert here.post("/account/sessions/others").status_code == 303
    assert [browser.get("/account").status_code for browser in (here, *there, others)] == [200, 401, 401, 200]
    with database.read() as session:
        assert len(sessions.listing(session, ada.id, now=ada.created_at)) == 1
    assert "Sign out everywhere else" not in here.get("/account").get_data(as_text=True)


def test_when_a_sign_in_was_last_used_is_told(edition: Database, ada: Reader, sign_in: SignIn, clock: Any) -> None:
    here, there = sign_in(ada), sign_in(ada)
    clock.now += timedelta(hours=30)
    assert there.get("/").status_code == 200
    text = here.get("/account").get_data(as_text=True)
    assert re.findall(r"last used ([^<]+)<", text) == ["21 May 2026, 14:00 UTC", "20 May 2026, 08:00 UTC"]

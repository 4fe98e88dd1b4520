"""Becoming a reader: as the owner lets people in; nothing is stored for who only asks, and nobody learns who is here already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest
from flask import Flask
from letters_received import arrived, link_in

from recommender.settings import Settings
from recommender.store import accounts, invitations, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from web import letters
from web.app import create_app
from web.mail import MemoryMailer

PASSWORD = "mauve otter on a ladder"
Way = Literal["closed", "invited", "open"]


@pytest.fixture
def signup() -> Way:
    return "open"


@pytest.fixture
def settings(settings: Settings, signup: Way) -> Settings:
    mail, web = (settings.mail.model_copy(update={"mailer": "memory"}), settings.web.model_copy(update={"signup": signup}))
    return settings.model_copy(update={"mail": mail, "web": web})


@pytest.fixture
def post(app: Flask) -> MemoryMailer:
    mailer = MemoryMailer()
    letters.use(app, mailer)
    return mailer


def ask(client: Any, name: str = "Ada", email: str = "ada@example.org", **more: str) -> Any:
    client.get("/signup")
    return client.post("/signup", {"name": name, "email": email, **more})


def people(database: Database) -> list[str]:
    with database.read() as session:
        return [row.name for n in range(1, 20) if (row := readers.by_id(session, n))]


def test_an_account_is_made_when_its_address_is_confirmed(
    app: Flask, client: Any, database: Database, post: MemoryMailer
) -> None:
    assert "/signup" in client.get("/signin").get_data(as_text=True)
    response = ask(client)
    assert "A letter is on its way" in client.follow(response)
    (message,) = arrived(app, post)
    assert message["To"] == "Ada <ada@example.org>"
    assert people(database) == []
    path = link_in(message)
    text = client.get(path).get_data(as_text=True)
    assert 'value="Ada"' in text
    assert people(database) == []  # a program that checks mail made no account
    assert client.get("/account").status_code == 401
    pressed = client.post(path, {"name": "Ada", "password": PASSWORD})
    assert pressed.status_code == 303
    text = client.get("/account").get_data(as_text=True)
    assert "Signed in as Ada." in text
    assert "ada@example.org" in text
    with database.read() as session:
        found = accounts.find(session, "ada@example.org")
    assert found is not None
    assert (found.name, found.has_password, found.is_owner, found.email_confirmed_at) == (
        "Ada",
        True,
        False,
        app.extensions["broadsheet"].clock(),
    )
    client.post("/signout")
    client.get("/signin")
    assert client.post("/signin", {"name": "ada", "password": PASSWORD}).status_code == 303
    client.post("/signout")
    assert client.get(path).headers["Location"] == "/signin"  # a second time it makes nothing


def test_a_password_may_be_left_out(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    client.get(path)
    assert client.post(path, {"name": "Ada", "password": ""}).status_code == 303
    with database.read() as session:
        found = accounts.find(session, "Ada")
    assert found is not None
    assert not found.has_password


def test_who_has_an_account_is_told_so_only_by_mail(
    app: Flask, client: Any, database: Database, alice: Reader, post: MemoryMailer
) -> None:
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "ada@example.org", now=alice.created_at)
    known, unknown = ask(client, "Somebody"), ask(client, "Somebody", "new@example.org")
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    first, second = arrived(app, post)
    assert first["Subject"] == "You have a Broadsheet account"
    assert "alice" in first.get_content()
    assert "Somebody" not in first.get_content()
    assert second["Subject"] == "Finish your Broadsheet account"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "alice"}, "There is a reader of this name"),
        ({"name": "ALICE"}, "There is a reader of this name"),
        ({"name": "a@b.org"}, "A name has up to 40"),
        ({"name": ""}, "A name has up to 40"),
        ({"name": "a\r\nBcc: b@c.org"}, "A name has up to 40"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "a@b.org\r\nBcc: c@d.org"}, "not an e-mail address"),
        ({"email": "zoë@example.org"}, "not an e-mail address"),
        ({"email": "ad..a@example.org"}, "not an e-mail address"),
        ({"email": "a@b.org, c@d.org"}, "not an e-mail address"),
        ({"email": ""}, "not an e-mail address"),
    ],
)
def test_what_is_wrong_is_told(
    app: Flask, client: Any, alice: Reader, post: MemoryMailer, change: dict[str, str], said: str
) -> None:
    response = ask(client, **({"name": "Ada", "email": "ada@example.org"} | change))
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert said in text
    assert 'aria-invalid="true"' in text
    assert arrived(app, post) == []


def test_a_program_that_fills_in_every_field_is_told_what_it_wants_to_hear(app: Flask, client: Any, post: MemoryMailer) -> None:
    response, trapped = ask(client), ask(client, "Bot", "bot@example.org", website="https://spam.example")
    assert (trapped.status_code, trapped.headers["Location"]) == (response.status_code, response.headers["Location"])
    assert [message["To"] for message in arrived(app, post)] == ["Ada <ada@example.org>"]


def test_a_name_taken_meanwhile_can_be_changed(app: Flask, client: Any, database: Database, post: MemoryMailer) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    with database.write() as session:
        readers.create(session, "ada", now=app.extensions["broadsheet"].clock())
    assert "There is a reader of this name" in client.get(path).get_data(as_text=True)
    assert client.post(path, {"name": "Ada"}).status_code == 422
    assert client.post(path, {"name": "Ada", "password": "password123"}).status_code == 422
    assert client.post(path, {"name": "Ada L"}).status_code == 303
    assert people(database) == ["ada", "Ada L"]


def test_a_link_that_is_not_whole_makes_nothing(app: Flask, client: Any, post: MemoryMailer) -> None:
    ask(client)
    path = link_in(arrived(app, post)[0])
    for wrong in (path[:-2], path + "x", "/signup/x", "/signup/" + app.extensions["broadsheet"].signer.sign("vote", {"n": "a"})):
        assert client.get(wrong).status_code == 404
        assert client.post(wrong, {"name": "Ada"}).status_code == 404


def test_sign_ups_from_one_address_are_limited(app: Flask, client: Any, post: MemoryMailer) -> None:
    codes = [ask(client, f"Reader {n}", f"reader-{n}@example.org").status_code for n in range(100)]
    assert codes.count(303) == 10
    assert set(codes[10:]) == {429}
    assert len(arrived(app, post)) == 10


@pytest.mark.parametrize("signup", ["closed", "invited"])
def test_where_it_is_not_open_nobody_signs_up(app: Flask, client: Any, post: MemoryMailer) -> None:
    assert "/signup" not in client.get("/signin").get_data(as_text=True)
    assert client.get("/signup").status_code == 404
    assert client.post("/signup", {"name": "Ada", "email": "ada@example.org"}).status_code == 404
    token = app.extensions["broadsheet"].signer.sign("signup", {"n": "Ada", "e": "ada@example.org"})
    assert client.get(f"/signup/{token}").status_code == 404
    assert arrived(app, post) == []


@pytest.fixture
def invited(database: Database, alice: Reader) -> str:
    with database.write() as session:
        return f"/join/{invitations.make(session, alice.id, now=alice.created_at)}"


@pytest.mark.parametrize("signup", ["invited", "open"])
def test_an_invitation_lets_one_person_in(app: Flask, client: Any, database: Database, invited: str, post: MemoryMailer) -> None:
    assert "You are invited" in client.get(invited).get_data(as_text=True)
    response = client.post(invited, {"name": "Ada", "password": PASSWORD, "email": "ada@example.org"})
    assert response.status_code == 303
    assert "Signed in as Ada." in client.get("/account").get_data(as_text=True)
    with database.read() as session:
        found = accounts.find(session, "Ada")
        (listed,) = invitations.listing(session, now=app.extensions["broadsheet"].clock())
    assert found is not None
    assert found.email is None  # not before it is confirmed
    assert (listed.state, listed.used_by) == ("used", "Ada")
    (message,) = arrived(app, post)
    path = link_in(message)
    other = type(client)(app.test_client())
    assert "ada@example.org" in other.get(path).get_data(as_text=True)
    assert other.post(path).headers["Location"] == "/signin"
    assert "ada@example.org" in client.get("/account").get_data(as_text=True)
    assert other.get(invited).status_code == 404
    assert other.post(invited, {"name": "Bob", "password": PASSWORD}).status_code == 404


def test_an_invitation_is_kept_while_the_form_is_wrong(client: Any, invited: str, database: Database) -> None:
    client.get(invited)
    for wrong in ({"name": "alice"}, {"password": ""}, {"password": "Ada Lovelace"}, {"email": "nobody"}):
        form = {"name": "Ada Lovelace", "password": PASSWORD, "email": ""} | wrong
        assert client.post(invited, form).status_code == 422, wrong
    assert people(database) == ["alice"]
    assert client.post(invited, {"name": "Ada Lovelace", "password": PASSWORD}).status_code == 303


@pytest.mark.parametrize("signup", ["closed"])
def test_a_closed_house_has_no_invitations(client: Any, invited: str) -> None:
    assert client.get(invited).status_code == 404


def test_an_invitation_is_too_old_after_a_fortnight(client: Any, invited: str, clock: Any) -> None:
    clock.now += timedelta(days=14)
    assert client.get(invited).status_code == 404


def test_a_reader_has_an_account_already(signed_in: Any) -> None:
    assert signed_in.get("/signup").headers["Location"] == "/account"


def test_it_is_the_same_for_every_process(
    settings: Settings, database: Database, clock: Any, client: Any, post: MemoryMailer, app: Flask
) -> None:
    """The link of one process is finished by another: nothing of it is kept in memory."""
    ask(client)
    path = link_in(arrived(app, post)[0])
    other: Callable[[], Any] = create_app(settings, database=database, clock=clock).test_client
    browser = type(client)(other())
    browser.get(path)
    assert browser.post(path, {"name": "Ada"}).status_code == 303

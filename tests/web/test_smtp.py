"""Handing over: when the closing dot leaves, how long a connection is kept, how it is protected."""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_server import CERTIFICATES, MailServer, Rule, elsewhere
from mailers import ADA, Clock, Opened, letter, until_heard

from recommender.errors import MailDeferred, MailError, MailRefused
from web import smtp as room

# --- one connection


def test_many_messages_leave_by_one_connection(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    for number in range(5):
        mailer.send(letter(f"r{number}@example.org"))
    assert server.recipients == [f"r{number}@example.org" for number in range(5)]
    assert server.connections == 1


def test_after_a_hundred_messages_the_connection_is_a_new_one(
    server: MailServer, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MESSAGES", 3)
    mailer = opened(server.port)
    for _ in range(7):
        mailer.send(letter())
    assert [one.connection for one in server.stored] == [1, 1, 1, 2, 2, 2, 3]
    assert [step for _, step in server.heard if step == "QUIT"] == ["QUIT", "QUIT"]


def test_a_connection_that_idled_is_not_used_again(server: MailServer, opened: Opened) -> None:
    clock = Clock()
    mailer = opened(server.port, clock=clock)
    mailer.send(letter())
    clock.now += room.IDLE_S
    mailer.send(letter())
    clock.now += room.IDLE_S + 0.1
    mailer.send(letter())
    assert [one.connection for one in server.stored] == [1, 1, 2]


def test_a_connection_that_the_server_closed_is_opened_again(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    mailer.send(letter())
    server.hang_up()
    mailer.send(letter())
    assert [one.connection for one in server.stored] == [1, 2]


def test_a_farewell_out_of_turn_is_understood(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    mailer.send(letter())
    server.interject("421 4.4.2 you said nothing for long")
    server.hang_up()
    mailer.send(letter())
    assert [one.connection for one in server.stored] == [1, 2]


def test_a_word_out_of_turn_is_not_taken_for_an_answer(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    mailer.send(letter())
    server.interject("250 2.0.0 by the way")
    until_heard(mailer._idle[0]._line.sock)
    mailer.send(letter("bob@example.org"))
    assert [(one.to, one.connection) for one in server.stored] == [(ADA, 1), ("bob@example.org", 2)]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("text", ["421 4.7.0 enough for one connection", ""])
def test_a_server_that_tires_of_a_connection_is_asked_again_by_another(
    server: MailServer, opened: Opened, step: str, text: str
) -> None:
    mailer = opened(server.port)
    mailer.send(letter())
    server.say(step, text, times=1, hang_up=True)
    ends: list[int] = []
    mailer.send(letter("bob@example.org"), before_end=lambda: ends.append(1))
    assert [(one.to, one.connection) for one in server.stored] == [(ADA, 1), ("bob@example.org", 2)]
    assert ends == [1]


def test_closing_says_goodbye_and_leaves_nothing_open(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    mailer.send(letter())
    mailer.close()
    server.wait(lambda: not server.open)
    assert server.heard[-1] == (1, "QUIT")
    mailer.close()
    mailer.send(letter())
    assert server.connections == 2


def test_a_rude_goodbye_is_no_failure(server: MailServer, opened: Opened) -> None:
    server.say("QUIT", hang_up=True)
    mailer = opened(server.port)
    mailer.send(letter())
    mailer.close()
    assert server.recipients == [ADA]


def test_threads_do_not_wait_for_each_other(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)
    meet = threading.Barrier(3, timeout=20)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: mailer.send(letter(f"r{n}@example.org"), before_end=lambda: meet.wait() and None), range(3)))
    assert sorted(server.recipients) == ["r0@example.org", "r1@example.org", "r2@example.org"]
    assert server.connections == 3
    for _ in range(3):
        mailer.send(letter())
    assert server.connections == 3
    mailer.close()
    server.wait(lambda: not server.open)


def test_only_a_few_connections_are_kept(server: MailServer, opened: Opened) -> None:
    mailer, many = opened(server.port), room.KEPT + 2
    meet = threading.Barrier(many, timeout=20)
    with ThreadPoolExecutor(many) as pool:
        list(pool.map(lambda n: mailer.send(letter(f"r{n}@example.org"), before_end=lambda: meet.wait() and None), range(many)))
    server.wait(lambda: len(server.open) == room.KEPT)


# --- the closing dot


def test_before_the_end_the_server_has_everything_but_the_dot(server: MailServer, opened: Opened) -> None:
    server.listens = True
    seen: list[bytes] = []

    def look() -> None:
        server.wait(lambda: server.wire.endswith(b"--\r\n") and b"List-Unsubscribe" in server.wire)
        seen.append(bytes(server.wire))
        assert server.stored == []

    opened(server.port).send(letter(), before_end=look)
    text = server.stored[0].text
    assert seen[0].endswith(text)
    assert bytes(server.wire) == seen[0] + b".\r\n"


def test_what_fails_before_the_end_keeps_the_message_from_being_delivered(server: MailServer, opened: Opened) -> None:
    def refuse() -> None:
        raise ZeroDivisionError("the ledger is shut")

    mailer = opened(server.port)
    with pytest.raises(ZeroDivisionError, match="the ledger is shut"):
        mailer.send(letter(), before_end=refuse)
    server.wait(lambda: not server.open)
    assert server.stored == []
    mailer.send(letter("bob@example.org"))
    assert server.recipients == ["bob@example.org"]


def test_lines_of_dots_arrive_as_they_left(server: MailServer, opened: Opened) -> None:
    mailer = opened(server.port)

    @settings(deadline=None)
    @given(st.lists(st.text(st.sampled_from(".ab \r\n"), max_size=8), max_size=8))
    def arrives(lines: list[str]) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "paper@example.org", ADA
        message.set_content("\n".join(lines), cte="7bit")
        mailer.send(message)
        assert server.stored[-1].text == room.octets(message)

    arrives()


def test_a_message_is_sent_to_its_reader_from_where_bounces_go(server: MailServer, opened: Opened) -> None:
    opened(server.port).send(letter())
    opened(server.port, return_path="bounces@example.net").send(letter())
    assert [(one.sender, one.to) for one in server.stored] == [("paper@example.org", ADA), ("bounces@example.net", ADA)]
    size = len(room.octets(letter()))
    assert next(step for _, step in server.heard if step.startswith("MAIL")) == f"MAIL FROM:<paper@example.org> SIZE={size}"


def test_eight_bits_are_announced(server: MailServer, opened: Opened) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "paper@example.org", ADA
    message.set_content("Änderung\n", cte="8bit")
    opened(server.port).send(message)
    assert next(step for _, step in server.heard if step.startswith("MAIL")).endswith("BODY=8BITMIME")
    assert server.stored[0].text.endswith("\r\n\r\nÄnderung\r\n".encode())


def test_a_server_of_the_old_kind_is_spoken_to_in_its_words(server: MailServer, opened: Opened) -> None:
    server.say("EHLO", "502 5.5.1 what is that?")
    opened(server.port).send(letter())
    assert [step for _, step in server.heard] == ["EHLO", "HELO", "MAIL FROM:<paper@example.org>", "RCPT", "DATA"]
    assert server.recipients == [ADA]


@pytest.mark.parametrize("field", ["To", "From"])
def test_a_message_without_an_address_goes_nowhere(server: MailServer, opened: Opened, field: str) -> None:
    message = letter()
    del message[field]
    with pytest.raises(MailError, match="not addressed"):
        opened(server.port).send(message)
    assert server.connections == 0


def test_a_message_to_two_readers_goes_nowhere(server: MailServer, opened: Opened) -> None:
    message = letter()
    message.replace_header("To", "ada@example.org, bob@example.org")
    with pytest.raises(MailError, match="to one reader"):
        opened(server.port).send(message)


def test_a_return_path_that_is_none_stops_the_mail_and_fails_nobody(server: MailServer, opened: Opened) -> None:
    with pytest.raises(MailDeferred, match="BROADSHEET_MAIL__RETURN_PATH") as caught:
        opened(server.port, return_path="bounces> RCPT TO:<x").send(letter())
    assert caught.value.whole_server


# --- protection and signing in


@pytest.fixture(scope="module")
def trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "server.pem"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_protected_connection_is_kept_too(opened: Opened, trust: ssl.SSLContext, security: str) -> None:
    with MailServer(security=security) as server:
        mailer = opened(server.port, smtp_security=security, context=trust)
        for _ in range(3):
            mailer.send(letter(text="wörter " * 60_000))
        server.hang_up()
        mailer.send(letter())
        assert len(server.stored) == 4
        assert server.stored[0].text == room.octets(letter(text="wörter " * 60_000))
        assert server.connections == 2
        mailer.close()
        server.wait(lambda: not server.open)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_cannot_show_who_it_is_gets_nothing(opened: Opened, security: str) -> None:
    with MailServer(security=security) as server:
        with pytest.raises(MailDeferred, match=r"reached safely.*certificate.*BROADSHEET_MAIL__SMTP_HOST") as caught:
            opened(server.port, smtp_security=security).send(letter())
        assert caught.value.whole_server
        assert server.stored == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_protection_that_is_asked_for_is_never_done_without(server: MailServer, opened: Opened, security: str) -> None:
    with pytest.raises(MailDeferred, match="SMTP_SECURITY") as caught:
        opened(server.port, smtp_security=security, timeout_s=1).send(letter())
    assert caught.value.whole_server
    assert server.stored == []


def test_a_server_that_cannot_protect_now_is_tried_later(opened: Opened, trust: ssl.SSLContext) -> None:
    with MailServer([Rule("STARTTLS", "454 4.7.0 not now")], security="starttls") as server:
        with pytest.raises(MailDeferred, match="answered 454 4\\.7\\.0 not now") as caught:
            opened(server.port, smtp_security="starttls", context=trust).send(letter())
        assert (caught.value.whole_server, caught.value.code) == (True, 454)


def test_what_was_said_before_the_protection_counts_for_nothing(opened: Opened, trust: ssl.SSLContext) -> None:
    """Somebody between the two could put answers behind the server's last unprotected word."""
    with MailServer([Rule("ready", "250-evil.example.org\r\n250 SIZE 1")], security="starttls") as server:
        opened(server.port, smtp_security="starttls", context=trust).send(letter())
        assert server.recipients == [ADA]
        assert [step.split(" ")[0] for _, step in server.heard] == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA"]
        size = len(room.octets(letter()))
        assert server.heard[3][1].endswith(f"SIZE={size}")


@pytest.mark.parametrize("security", ["none", "tls"])
def test_whoever_signs_in_may_send(opened: Opened, trust: ssl.SSLContext, security: str) -> None:
    with MailServer(security=security, password="hunter2") as server:
        context = None if security == "none" else trust
        more = {"smtp_security": security, "smtp_user": "ada", "context": context}
        opened(server.port, smtp_password="hunter2", **more).send(letter())
        assert server.recipients == [ADA]
        assert (1, "AUTH") in server.heard
        with pytest.raises(MailDeferred, match=r"refused the user name or password \(535\).*SMTP_USER.*SMTP_PASSWORD") as caught:
            opened(server.port, smtp_password="hunter3", **more).send(letter())
        assert (caught.value.whole_server, caught.value.code) == (True, 535)
        assert "hunter" not in str(caught.value)


def test_what_a_server_says_to_a_password_is_not_told(opened: Opened) -> None:
    with MailServer([Rule("AUTH", "535 no user has hunter2")], password="hunter2") as server:
        with pytest.raises(MailDeferred) as caught:
            opened(server.port, smtp_user="ada", smtp_password="hunter2").send(letter())
        assert "hunter2" not in str(caught.value)


def test_a_server_that_cannot_check_passwords_now_is_tried_later(opened: Opened) -> None:
    with MailServer([Rule("AUTH", "454 4.7.0 later")], password="hunter2") as server:
        mailer = opened(server.port, smtp_user="ada", smtp_password="hunter2")
        with pytest.raises(MailDeferred, match=r"could not check the user name or password \(454\)"):
            mailer.send(letter())


def test_a_password_that_smtp_cannot_say(opened: Opened) -> None:
    with MailServer(password="hunter2") as server:
        with pytest.raises(MailDeferred, match="not plain ASCII") as caught:
            opened(server.port, smtp_user="ada", smtp_password="hüntér2").send(letter())
        assert "ü" not in str(caught.value)


def test_signing_in_where_nobody_asks_for_it(server: MailServer, opened: Opened) -> None:
    with pytest.raises(MailDeferred, match="_USER"):
        opened(server.port, smtp_user="ada", smtp_password="hunter2").send(letter())


# --- the server as a process of its own


def test_a_server_elsewhere_writes_down_what_it_took(tmp_path: Path, opened: Opened) -> None:
    rules = [Rule("RCPT", "550 5.1.1 no", to="bob@example.org")]
    with elsewhere(tmp_path / "stored", rules) as server:
        mailer = opened(server.port)
        mailer.send(letter())
        with pytest.raises(MailRefused):
            mailer.send(letter("bob@example.org"))
        mailer.close()
        assert [(one.to, one.message_id) for one in server.stored()] == [(ADA, f"<d-{ADA}>")]

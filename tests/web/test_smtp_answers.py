"""Handing over: what each answer of a mail server means, and what it means that there is none."""

import errno
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_server import MailServer
from mailers import ADA, Opened, letter, until_heard

from recommender.errors import MailDeferred, MailError, MailRefused, MailUnanswered
from web.verdicts import verdict

# --- answers

DEFERRED_ALL, DEFERRED, REFUSED, GONE = (MailDeferred, True), (MailDeferred, False), (MailRefused, False), (MailRefused, True)
ANSWERS = [
    ("connect", "421 4.3.2 closing", DEFERRED_ALL),
    ("connect", "554 5.7.1 you are on a list", DEFERRED_ALL),
    ("EHLO", "451 4.3.0 later", DEFERRED_ALL),
    ("EHLO", "421 4.3.0 later", DEFERRED_ALL),
    ("MAIL", "421 4.7.0 slow down", DEFERRED_ALL),
    ("MAIL", "451 4.3.0 later", DEFERRED_ALL),
    ("MAIL", "452 4.3.1 disk full", DEFERRED_ALL),
    ("MAIL", "550 5.7.1 not from you", DEFERRED_ALL),
    ("MAIL", "553 5.1.8 no such sender", DEFERRED_ALL),
    ("MAIL", "530 5.7.0 sign in first", DEFERRED_ALL),
    ("MAIL", "552 5.3.4 too large", REFUSED),
    ("RCPT", "421 4.7.0 slow down", DEFERRED_ALL),
    ("RCPT", "450 4.2.0 greylisted", DEFERRED),
    ("RCPT", "452 4.2.2 mailbox full", DEFERRED),
    ("RCPT", "530 5.7.0 sign in first", DEFERRED_ALL),
    ("RCPT", "550 5.1.1 no such person", GONE),
    ("RCPT", "550 5.1.2 no such house", GONE),
    ("RCPT", "553 5.1.3 no such syntax", GONE),
    ("RCPT", "551 5.1.6 moved", GONE),
    ("RCPT", "556 5.1.10 takes no mail", GONE),
    ("RCPT", "550 5.2.1 switched off", GONE),
    ("RCPT", "550 no such person", GONE),
    ("RCPT", "551 not here", GONE),
    ("RCPT", "553 no", GONE),
    ("RCPT", "550-5.1.1 no such person,\r\n550 5.1.1 and no hint", GONE),
    ("RCPT", "550 5.1.1 <ada@relay.example.org>: relay unknown", GONE),
    ("RCPT", "552 5.2.2 mailbox full", REFUSED),
    ("RCPT", "552 mailbox full", REFUSED),
    ("RCPT", "550 5.7.1 policy", REFUSED),
    ("RCPT", "554 5.7.1 Relay access denied", DEFERRED_ALL),
    ("RCPT", "550 relaying denied", DEFERRED_ALL),
    ("RCPT", "550 Authentication is required to send mail", DEFERRED_ALL),
    ("RCPT", "553 5.7.1 <paper@example.org>: Sender address rejected: not owned by user paper", DEFERRED_ALL),
    ("RCPT", "550 5.1.8 <paper@example.org>: Sender address rejected: Domain not found", DEFERRED_ALL),
    ("RCPT", "550 5.1.7 malformed sender", DEFERRED_ALL),
    ("RCPT", "550 Sender verify failed", DEFERRED_ALL),
    ("RCPT", "553 sorry, your envelope sender domain must exist", DEFERRED_ALL),
    ("RCPT", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example.org", DEFERRED_ALL),
    ("RCPT", "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", DEFERRED_ALL),
    ("RCPT", "550 Blocked - see https://bl.example.org/?ip=192.0.2.1", REFUSED),
    ("RCPT", "550 #5.7.1 not wanted", REFUSED),
    ("RCPT", "550 5.7.1: not wanted", REFUSED),
    ("RCPT", "550 [5.7.1] not wanted", REFUSED),
    ("RCPT", "550 5.1.1: nobody of that name", GONE),
    ("RCPT", "550 <ada@example.org>: User unknown in relay recipient table", GONE),
    ("RCPT", "550 <ada@relay.example.org> is unknown", GONE),
    ("RCPT", "252 perhaps", None),
    ("DATA", "451 4.3.0 later", DEFERRED),
    ("DATA", "421 4.3.0 later", DEFERRED_ALL),
    ("DATA", "554 5.5.1 no valid recipients", REFUSED),
    ("DATA", "550 5.1.1 no such person", REFUSED),
    ("end", "451 4.3.0 later", DEFERRED),
    ("end", "452 4.2.2 mailbox full", DEFERRED),
    ("end", "421 4.3.2 closing", DEFERRED_ALL),
    ("end", "550 5.1.1 no such person", GONE),
    ("end", "550 no", REFUSED),
    ("end", "552 5.3.4 too large", REFUSED),
    ("end", "554 5.7.1 looks like spam", REFUSED),
    ("end", "250 taken", None),
]


@pytest.mark.parametrize(("step", "answer", "means"), ANSWERS)
def test_each_answer_means_what_it_should(
    server: MailServer, opened: Opened, step: str, answer: str, means: tuple[type[MailError], bool] | None
) -> None:
    server.say(step, answer, to=ADA if step in ("RCPT", "DATA", "end") else "")
    if step == "EHLO":
        server.say("HELO", answer)
    mailer, ends = opened(server.port), list[int]()
    if means is None:
        mailer.send(letter(), before_end=lambda: ends.append(1))
        assert ends == [1]
        return
    kind, flag = means
    with pytest.raises(kind) as caught:
        mailer.send(letter(), before_end=lambda: ends.append(1))
    error: Any = caught.value
    assert type(error) is kind
    assert (error.whole_server if kind is MailDeferred else error.address_gone) is flag
    assert ends == ([1] if step == "end" else [])
    if kind is MailRefused:
        assert error.policy is ("5.7.1" in answer or "Blocked" in answer)
    if step != "EHLO":
        assert error.code == int(answer[:3])
        assert answer.split(" ", 1)[1].split("\r", maxsplit=1)[0] in str(error)
        assert f"127.0.0.1:{server.port} answered" in str(error)
    assert server.stored == []


@pytest.mark.parametrize(
    ("step", "answer"), [(step, answer) for step, answer, means in ANSWERS if means in (DEFERRED, REFUSED, GONE)]
)
def test_an_answer_about_one_message_leaves_the_connection_to_the_next(
    server: MailServer, opened: Opened, step: str, answer: str
) -> None:
    server.say(step, answer, times=1)
    mailer = opened(server.port)
    with pytest.raises(MailError):
        mailer.send(letter())
    mailer.send(letter("bob@example.org"))
    assert (server.recipients, server.connections) == (["bob@example.org"], 1)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "end"])
def test_a_server_that_says_goodbye_is_not_spoken_to_again(server: MailServer, opened: Opened, step: str) -> None:
    server.say(step, "421 4.3.2 closing", times=1)
    mailer = opened(server.port)
    with pytest.raises(MailDeferred):
        mailer.send(letter())
    server.wait(lambda: not server.open)
    mailer.send(letter("bob@example.org"))
    assert (server.recipients, server.connections) == (["bob@example.org"], 2)
    assert "RSET" not in [word for _, word in server.heard]


def test_a_server_that_cannot_forget_is_left(server: MailServer, opened: Opened) -> None:
    server.say("RCPT", "550 5.1.1 no", times=1)
    server.say("RSET", "451 no", times=1)
    mailer = opened(server.port)
    with pytest.raises(MailRefused):
        mailer.send(letter())
    mailer.send(letter("bob@example.org"))
    assert (server.recipients, server.connections) == (["bob@example.org"], 2)


@pytest.mark.parametrize("answer", ["354 go on again", "nonsense", "199 what?"])
def test_an_answer_that_says_nothing_of_a_whole_message_is_none(server: MailServer, opened: Opened, answer: str) -> None:
    server.say("end", answer, stored=True)
    with pytest.raises(MailUnanswered, match="to a whole message"):
        opened(server.port).send(letter())


def test_what_a_server_says_is_shown_on_one_line_and_cut(server: MailServer, opened: Opened) -> None:
    server.say("end", "554-a\x1b[2Jb\r\n554 " + "x" * 5000)
    with pytest.raises(MailRefused) as caught:
        opened(server.port).send(letter())
    assert "a [2Jb xxx" in str(caught.value)
    assert len(str(caught.value)) < 400


@given(
    st.integers(100, 999), st.binary(max_size=80), st.sampled_from(["MAIL FROM", "RCPT TO", "DATA", "the text", "the message"])
)
def test_whatever_is_said_has_a_meaning(code: int, said: bytes, step: str) -> None:
    error = verdict("mail.example.org:25", step, code, said)
    assert isinstance(error, MailDeferred | MailRefused)
    assert str(error).isprintable()
    if isinstance(error, MailRefused):
        assert 500 <= code < 600
        assert not error.address_gone or step in ("RCPT TO", "the message")


# --- lost connections


@pytest.mark.parametrize(
    ("step", "whole"), [("connect", True), ("EHLO", True), ("MAIL", True), ("RCPT", False), ("DATA", False), ("text", False)]
)
def test_a_connection_lost_before_the_dot_delivered_nothing(server: MailServer, opened: Opened, step: str, whole: bool) -> None:
    server.say(step, hang_up=True)
    ends: list[int] = []
    long = "0123456789 " * 2_000_000  # more than the sockets hold between them, so that the loss is noticed on the way
    with pytest.raises(MailDeferred) as caught:
        opened(server.port).send(letter(text=long if step == "text" else "short"), before_end=lambda: ends.append(1))
    assert caught.value.whole_server is whole
    assert ends == []
    assert server.stored == []


@pytest.mark.parametrize("said", ["552 5.3.4 enough", "421 4.3.2 closing"])
def test_a_server_that_speaks_in_the_middle_of_a_message_is_heard(server: MailServer, opened: Opened, said: str) -> None:
    def send() -> None:
        mailer = opened(server.port)
        begun = mailer._begun

        def patient(parcel: Any) -> Any:
            connection = begun(parcel)
            server.interject(said)
            until_heard(connection._line.sock)
            return connection

        mailer._begun = patient  # type: ignore[method-assign]  # stands in for its own
        mailer.send(letter(), before_end=lambda: pytest.fail("the server wanted no more of it"))

    with pytest.raises(MailRefused if said.startswith("5") else MailDeferred, match=said[4:]):
        send()


@pytest.mark.parametrize("stored", [False, True])
def test_a_connection_lost_after_the_dot_may_have_delivered(server: MailServer, opened: Opened, stored: bool) -> None:
    server.say("end", hang_up=True, stored=stored)
    ends: list[int] = []
    with pytest.raises(MailUnanswered, match="was lost at the end of a message: it hung up"):
        opened(server.port).send(letter(), before_end=lambda: ends.append(1))
    assert ends == [1]
    assert len(server.stored) == stored


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "text", "end"])
def test_a_server_that_falls_silent_is_left_after_the_time_out(server: MailServer, opened: Opened, step: str) -> None:
    server.say(step)
    kind = MailUnanswered if step == "end" else MailDeferred
    long = "0123456789 " * 2_000_000
    with pytest.raises(kind, match="timed out"):
        opened(server.port, timeout_s=0.3).send(letter(text=long if step == "text" else "short"))


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "end"])
def test_a_server_that_never_comes_to_an_end_is_left_too(server: MailServer, opened: Opened, step: str) -> None:
    server.say(step, "250-and another thing", endless=True)
    kind = MailUnanswered if step == "end" else MailDeferred
    with pytest.raises(kind, match="timed out"):
        opened(server.port, timeout_s=0.3).send(letter())


def test_a_line_without_an_end_is_not_read_for_ever(server: MailServer, opened: Opened) -> None:
    server.say("MAIL", "250 " + "x" * 200_000)
    with pytest.raises(MailDeferred, match="no end"):
        opened(server.port).send(letter())


def test_nobody_there(opened: Opened) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(MailDeferred, match=r"could not be reached.*BROADSHEET_MAIL__SMTP") as caught:
            opened(probe.getsockname()[1]).send(letter())
    assert caught.value.whole_server


def test_a_refused_connection_does_not_leak_its_socket(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, server: MailServer
) -> None:
    made: list[socket.socket] = []
    create = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *args, **more: made.append(create(*args, **more)) or made[-1])
    server.say("EHLO", "421 no", hang_up=True)
    for security in ("none", "starttls", "tls"):
        with pytest.raises(MailDeferred):
            opened(server.port, smtp_security=security).send(letter())
    assert [one.fileno() for one in made] == [-1, -1, -1]


def test_a_dot_that_could_not_be_sent_counts_as_sent(server: MailServer, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.wire import Line

    mailer, whole = opened(server.port), Line.send

    def broken(self: Line, data: Any) -> None:
        if data == b".\r\n":
            self.close()
            raise OSError(errno.EPIPE, "Broken pipe")
        whole(self, data)

    monkeypatch.setattr(Line, "send", broken)
    with pytest.raises(MailUnanswered, match="Broken pipe"):
        mailer.send(letter())

"""What every mailer promises, asked of every mailer; the SMTP one speaks to a real server on loopback."""

import email
import io
import smtplib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from factories import NOW

from recommender.errors import MailError
from recommender.settings import MailSettings
from web.mail import ConsoleMailer, Letter, Mailer, MemoryMailer, SmtpMailer, make_message


class Inbox:
    """A mail server's handler that keeps what comes in, or answers as it is told."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.on_recipient = self.on_data = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # type: ignore[no-untyped-def]
        if self.on_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.on_recipient

    async def handle_DATA(self, server, session, envelope) -> str:  # type: ignore[no-untyped-def]
        if self.on_data.startswith("250"):
            self.raw.append(envelope.content)
            self.recipients.append(envelope.rcpt_tos)
        return self.on_data


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.port = controller.port  # type: ignore[attr-defined]
    yield handler
    controller.stop()


def smtp(port: int, **more: object) -> SmtpMailer:
    return SmtpMailer(MailSettings.model_validate({"mailer": "smtp", "smtp_port": port, "timeout_s": 5, **more}))


def letter(**changes: str) -> EmailMessage:
    facts = {
        "to_name": "Ada",
        "to_address": "ada@example.org",
        "subject": "Graphs, über alles",
        "text": "Ein Änderungsvorschlag\n.\nmore",
        "html": "<p>Änderung</p>",
        "message_id": "digest-1@example.org",
        "list_id": "digest.example.org",
        "leave_url": "https://papers.example.org/m/leave/" + "a" * 120,
    }
    return make_message(Letter(**(facts | changes)), sender="Broadsheet <paper@example.org>", now=NOW)


@dataclass
class Way:
    mailer: Mailer
    arrived: Callable[[], list[str]]  # the text of what arrived


@pytest.fixture(params=["memory", "console", "smtp"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "memory":
        memory = MemoryMailer()
        return Way(memory, lambda: [_shown(message) for message in memory.sent])
    if request.param == "console":
        stream = io.StringIO()
        return Way(ConsoleMailer(stream), lambda: stream.getvalue().split("--- mail")[1:])
    handler = request.getfixturevalue("inbox")
    parse = lambda raw: email.message_from_bytes(raw, policy=policy.default)  # noqa: E731
    return Way(smtp(handler.port), lambda: [_shown(parse(raw)) for raw in handler.raw])


def _shown(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return "\n".join(f"{name}: {value}" for name, value in message.items()) + "\n\n" + body.get_content()


def test_what_is_sent_arrives_whole(way: Way) -> None:
    way.mailer.send(letter())
    (text,) = way.arrived()
    assert "Subject: Graphs, über alles" in text
    assert "Ein Änderungsvorschlag\n.\nmore" in text.replace("\r\n", "\n")
    assert f"List-Unsubscribe: <https://papers.example.org/m/leave/{'a' * 120}>" in text


def test_messages_arrive_in_order(way: Way) -> None:
    for subject in ("one", "two", "three"):
        way.mailer.send(letter(subject=subject))
    assert [next(line for line in text.splitlines() if line.startswith("Subject")) for text in way.arrived()] == [
        "Subject: one",
        "Subject: two",
        "Subject: three",
    ]


@pytest.mark.parametrize("length", [20, 50, 120])
def test_the_unsubscribe_link_crosses_the_wire_as_it_is(inbox: Inbox, length: int) -> None:
    url = "https://papers.example.org/m/leave/" + "x" * length
    smtp(inbox.port).send(letter(leave_url=url))  # type: ignore[attr-defined]
    lines = inbox.raw[0].split(b"\r\n")
    assert f"List-Unsubscribe: <{url}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert inbox.recipients == [["ada@example.org"]]


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("on_recipient", "550 no such person"),
        ("on_recipient", "451 come back later"),
        ("on_data", "554 looks like spam"),
        ("on_data", "452 disk full"),
    ],
)
def test_a_refusal_is_told_with_what_the_server_said(inbox: Inbox, stage: str, answer: str) -> None:
    setattr(inbox, stage, answer)
    with pytest.raises(MailError, match=answer.split(" ", 1)[1]):
        smtp(inbox.port).send(letter())  # type: ignore[attr-defined]
    assert inbox.raw == []


def test_nobody_there() -> None:
    with pytest.raises(MailError, match=r"could not be reached.*BROADSHEET_MAIL__SMTP"):
        smtp(free_port()).send(letter())


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MailError, match=r"could not be reached: .*timed out"):
        smtp(silent.getsockname()[1], timeout_s=0.2).send(letter())


def test_protection_that_is_asked_for_is_never_done_without(inbox: Inbox) -> None:
    for security in ("starttls", "tls"):
        with pytest.raises(MailError, match="could not be reached"):
            smtp(inbox.port, smtp_security=security, timeout_s=1).send(letter())  # type: ignore[attr-defined]
    assert inbox.raw == []


def test_a_wrong_password_is_told_without_it(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> None:
    def refuse(self: smtplib.SMTP, user: str, password: str) -> None:
        assert (user, password) == ("ada", "hunter2")
        raise smtplib.SMTPAuthenticationError(535, b"no: " + password.encode())

    monkeypatch.setattr(smtplib.SMTP, "login", refuse)
    with pytest.raises(MailError, match="refused the user name or password") as caught:
        smtp(inbox.port, smtp_user="ada", smtp_password="hunter2").send(letter())  # type: ignore[attr-defined]
    assert "hunter2" not in str(caught.value)


def test_a_broken_goodbye_is_no_failure(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> None:
    def rude(self: smtplib.SMTP) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(smtplib.SMTP, "quit", rude)
    smtp(inbox.port).send(letter())  # type: ignore[attr-defined]
    assert len(inbox.raw) == 1


def test_a_closed_console_is_a_mail_error() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(MailError, match="printed"):
        ConsoleMailer(stream).send(letter())

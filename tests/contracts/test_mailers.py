"""What every mailer promises, asked of every mailer; the SMTP one speaks to a real server on loopback."""

import email
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage

import pytest
from factories import NOW
from mail_server import MailServer

from recommender.errors import MailError
from recommender.settings import MailSettings
from web.mail import ConsoleMailer, Letter, Mailer, MemoryMailer, SmtpMailer, make_message


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
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    if request.param == "memory":
        memory = MemoryMailer()
        yield Way(memory, lambda: [_shown(message) for message in memory.sent])
    elif request.param == "console":
        stream = io.StringIO()
        yield Way(ConsoleMailer(stream), lambda: stream.getvalue().split("--- mail")[1:])
    else:
        with MailServer() as server:
            mailer = SmtpMailer(MailSettings.model_validate({"mailer": "smtp", "smtp_port": server.port, "timeout_s": 5}))
            read = lambda raw: email.message_from_bytes(raw, policy=policy.default)  # noqa: E731 (a name for one line)
            yield Way(mailer, lambda: [_shown(read(one.text)) for one in server.stored])
            mailer.close()


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


def test_the_ledger_is_told_once_before_anything_has_arrived(way: Way) -> None:
    seen: list[list[str]] = []
    way.mailer.send(letter(), before_end=lambda: seen.append(way.arrived()))
    assert seen == [[]]
    assert len(way.arrived()) == 1


def test_what_the_ledger_refuses_does_not_arrive(way: Way) -> None:
    def refuse() -> None:
        raise KeyError("shut")

    with pytest.raises(KeyError, match="shut"):
        way.mailer.send(letter(subject="one"), before_end=refuse)
    way.mailer.send(letter(subject="two"))
    (text,) = way.arrived()
    assert "Subject: two" in text


def test_a_mailer_that_was_closed_sends_again(way: Way) -> None:
    way.mailer.close()
    way.mailer.send(letter())
    way.mailer.close()
    way.mailer.send(letter())
    assert len(way.arrived()) == 2


@pytest.mark.parametrize("length", [20, 50, 120, 800])
def test_the_unsubscribe_link_crosses_the_wire_as_it_is(length: int) -> None:
    url = "https://papers.example.org/m/leave/" + "x" * length
    with MailServer() as server:
        mailer = SmtpMailer(MailSettings.model_validate({"smtp_port": server.port}))
        mailer.send(letter(leave_url=url))
        mailer.close()
        lines = server.stored[0].text.split(b"\r\n")
    assert f"List-Unsubscribe: <{url}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


def test_a_closed_console_is_a_mail_error() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(MailError, match="printed"):
        ConsoleMailer(stream).send(letter())

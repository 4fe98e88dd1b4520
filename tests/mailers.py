"""A mail server on loopback and mailers that use it out: what the tests of handing over begin with."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from factories import NOW
from mail_server import MailServer

from recommender.settings import MailSettings
from web.mail import Letter, make_message
from web.smtp import SmtpMailer

__all__ = ["ADA", "Clock", "Opened", "letter", "opened", "server", "until_heard"]

ADA = "ada@example.org"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


Opened = Callable[..., SmtpMailer]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open mailers; every one is closed at the end, so that nothing it kept outlives the test."""
    mailers: list[SmtpMailer] = []

    def one(port: int, *, clock: Callable[[], float] | None = None, context: Any = None, **more: object) -> SmtpMailer:
        facts = MailSettings.model_validate({"mailer": "smtp", "smtp_port": port, "timeout_s": 5, **more})
        mailers.append(SmtpMailer(facts, context, clock or Clock()))
        return mailers[-1]

    yield one
    for mailer in mailers:
        mailer.close()


def letter(to: str = ADA, text: str = "Some words.\n") -> EmailMessage:
    made = Letter("Ada", to, "Papers", text, "<p>Some words.</p>", f"d-{to}", "d.example.org", "https://example.org/l")
    return make_message(made, sender="Paper <paper@example.org>", now=NOW)


def until_heard(sock: socket.socket | None) -> None:
    """Wait until the server's word has come over."""
    assert sock is not None
    sock.settimeout(20)
    assert sock.recv(1, socket.MSG_PEEK)

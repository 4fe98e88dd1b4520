"""How long one digest takes on its way out: its envelope, its bytes, its signature, and handing it over on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mail_server import CERTIFICATES, Elsewhere, elsewhere

from recommender.settings import MailSettings
from web import signing
from web.mail import Letter, SmtpMailer, make_message
from web.smtp import octets

NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
TEXT = "Some words of an abstract – with a dash, about graphs and what follows from them.\n" * 250
PAGE = '<p style="color:#333;font-size:15px">Some würds of an abstract about grâphs, on one long line.</p>' * 400
LETTER = Letter(
    "Ada", "ada@example.org", "Graphs, über alles", TEXT, PAGE, "d@example.org", "d.example.org", "https://example.org/l"
)


def _message() -> Any:
    return make_message(LETTER, sender="Paper <paper@example.org>", now=NOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("mail") / "stored") as running:
        yield running


def test_an_envelope(benchmark: Any) -> None:
    """A text of 20 kB and a page of 40 kB."""
    benchmark(_message)


def test_a_message_as_bytes(benchmark: Any) -> None:
    assert len(benchmark(octets, _message())) > 60_000


def test_a_signature(benchmark: Any) -> None:
    """RSA with 2048 bits."""
    facts = {"sender": "p@example.org", "dkim_domain": "example.org", "dkim_key_file": str(CERTIFICATES / "dkim-rsa.pem")}
    benchmark(signing.sign, octets(_message()), MailSettings.model_validate(facts))


@pytest.mark.parametrize("size", ["digest", "note"])
def test_handing_over(benchmark: Any, server: Elsewhere, size: str) -> None:
    """One message after the other by one connection, to a server that is a process of its own and writes down what it took."""
    message = _message()
    if size == "note":
        message = make_message(
            Letter("Ada", "ada@example.org", "Hi", "x", "x", "n@example.org", "d.example.org", "https://example.org/l"),
            sender="Paper <paper@example.org>",
            now=NOW,
        )
    mailer = SmtpMailer(MailSettings.model_validate({"mailer": "smtp", "smtp_port": server.port}))
    benchmark(mailer.send, message)
    mailer.close()
    assert Path(server.file).stat().st_size > 0

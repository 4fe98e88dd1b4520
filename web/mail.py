"""A message in, the message handed over (or a MailError) out: how it is addressed and the three ways it can leave.

Long addresses in `List-Unsubscribe` stay raw: the standard library would encode them, and unsubscribing with one click would die
silently.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Protocol, TextIO

from recommender.errors import MailError
from recommender.settings import MailSettings

__all__ = [
    "ConsoleMailer",
    "Letter",
    "Mailer",
    "MemoryMailer",
    "SmtpMailer",
    "make_message",
    "make_note",
    "one_line",
    "open_mailer",
]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE = re.compile(r"\s+")


class Mailer(Protocol):
    """Hands one message over."""

    def send(self, message: EmailMessage) -> None:
        """Hand the message over; raise MailError when that failed."""
        ...


class _Policy(EmailPolicy):
    """CRLF and 78 columns as everywhere, with two repairs of the standard library's folding.

    A link in a list header must stay as it is, on one line. And what needs encoding is folded by `email.header`: the newer
    code loses spaces between two encoded words.
    """

    def fold(self, name: str, value: Any) -> str:
        """Fold a header."""
        text = str(value)
        if name.lower().startswith("list-"):
            return f"{name}: {text}{self.linesep}"
        if text.isascii():
            return str(super().fold(name, value))
        addresses = getattr(value, "addresses", ())
        words = addresses[0].display_name if addresses else text
        encoded = Header(words, "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{f'{self.linesep} <{addresses[0].addr_spec}>' if addresses else ''}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Fold a header into bytes."""
        return self.fold(name, value).encode("ascii")


POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Letter:
    """What one reader gets.

    Attributes
    ----------
    to_name, to_address : str
    subject, text, html : str
        The same content three times: in a line, as plain text and as a page.
    message_id : str
        Without angle brackets; the same for the same reader and day, so that a copy is recognised as one.
    list_id : str
        `broadsheet.example.org`-like name of the list.
    leave_url : str
        Where a POST ends the digest at once.
    """

    to_name: str
    to_address: str
    subject: str
    text: str
    html: str
    message_id: str
    list_id: str
    leave_url: str


def make_message(letter: Letter, *, sender: str, now: datetime) -> EmailMessage:
    """Put a letter into its envelope.

    Line breaks in names and titles become spaces; in an address, an id or a link they are refused.

    Raises
    ------
    MailError
        If an address is malformed or a header would not survive the journey.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> letter = Letter("Ada", "ada@example.org", "Hi", "text", "<p>text</p>", "a@example.org", "b.example.org", "https://x.org/l/1")
    >>> message = make_message(letter, sender="Paper <paper@example.org>", now=datetime(2026, 5, 20, 6, tzinfo=UTC))
    >>> message["List-Unsubscribe"], message["To"]
    ('<https://x.org/l/1>', 'Ada <ada@example.org>')
    """
    for name, value in {"Message-ID": letter.message_id, "List-Id": letter.list_id, "List-Unsubscribe": letter.leave_url}.items():
        if not re.fullmatch(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}", value):
            raise MailError(f"{name} {value!r} cannot stand in a header: plain ASCII without spaces, at most 900 characters")
    message = EmailMessage(policy=POLICY)
    message["Subject"] = one_line(letter.subject)
    message["From"] = _address(*parseaddr(one_line(sender)))
    message["To"] = _address(letter.to_name, letter.to_address)
    message["Date"] = format_datetime(now.astimezone(UTC))
    message["Message-ID"] = f"<{letter.message_id}>"
    message["List-Id"] = f"<{letter.list_id}>"
    message["List-Unsubscribe"] = f"<{letter.leave_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message.set_content(_CONTROL.sub("", letter.text))
    message.add_alternative(_CONTROL.sub("", letter.html), subtype="html")
    return message


def make_note(
    *, to_name: str, to_address: str, subject: str, text: str, message_id: str, sender: str, now: datetime
) -> EmailMessage:
    """Put a short text into an envelope: what is written to one reader because of something they did.

    Raises
    ------
    MailError
        If the address is malformed.
    """
    message = EmailMessage(policy=POLICY)
    message["Subject"] = one_line(subject)
    message["From"] = _address(*parseaddr(one_line(sender)))
    message["To"] = _address(to_name, to_address)
    message["Date"] = format_datetime(now.astimezone(UTC))
    message["Message-ID"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_CONTROL.sub("", text))
    return message


def one_line(text: str) -> str:
    r"""Return the text on one line without control characters.

    Examples
    --------
    >>> one_line("Ada\r\nBcc: everyone@example.org")
    'Ada Bcc: everyone@example.org'
    """
    return _SPACE.sub(" ", _CONTROL.sub(" ", text)).strip()


class ConsoleMailer:
    """Prints messages instead of sending them: what a Broadsheet without a mail server does.

    Parameters
    ----------
    stream : text file, default=None
        None prints to standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: EmailMessage) -> None:
        """Print the headers and the plain text."""
        stream = self._stream or sys.stdout
        body = message.get_body(("plain",))
        lines = [f"{name}: {value}" for name, value in message.items() if not name.startswith(("Content-", "MIME-"))]
        try:
            print("\n".join(["--- mail", *lines, "", body.get_content() if body else "", "--- end"]), file=stream, flush=True)
        except (OSError, ValueError) as error:
            raise MailError(f"the message could not be printed: {error}") from None


class MemoryMailer:
    """Keeps messages in `sent`."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        """Keep the message."""
        self.sent.append(message)


class SmtpMailer:
    """Sends through a mail server, one connection per message.

    Parameters
    ----------
    settings : MailSettings
    context : ssl.SSLContext, default=None
        How certificates are checked; None trusts what the system trusts.
    """

    def __init__(self, settings: MailSettings, context: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._context = context

    def send(self, message: EmailMessage) -> None:
        """Send the message.

        Raises
        ------
        MailError
            If the server cannot be reached, is not the one it says it is, or refuses; what it said is in the message.
        """
        where = f"{self._settings.smtp_host}:{self._settings.smtp_port}"
        try:
            connection = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            raise MailError(
                f"{where} refused the user name or password ({error.smtp_code}): see BROADSHEET_MAIL__SMTP_*"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"{where} could not be reached: {one_line(str(error))}; see BROADSHEET_MAIL__SMTP_*") from None
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise MailError(f"{where} refused {_said(error.recipients)}") from None
        except (OSError, ValueError, smtplib.SMTPException) as error:
            raise MailError(f"{where} did not take the message: {one_line(str(error))}") from None
        finally:
            with suppress(OSError, smtplib.SMTPException):  # the message is over there, however the goodbye goes
                connection.quit()
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        """Open, protect and sign in to a connection; closed again when any of it fails."""
        mail = self._settings
        context = self._context or (None if mail.smtp_security == "none" else ssl.create_default_context())
        connection: smtplib.SMTP
        if mail.smtp_security == "tls":
            connection = smtplib.SMTP_SSL(mail.smtp_host, mail.smtp_port, timeout=mail.timeout_s, context=context)
        else:
            connection = smtplib.SMTP(mail.smtp_host, mail.smtp_port, timeout=mail.timeout_s)
        try:
            if mail.smtp_security == "starttls":
                connection.starttls(context=context)
            if mail.smtp_user:
                connection.login(mail.smtp_user, mail.smtp_password.get_secret_value() if mail.smtp_password else "")
        except (OSError, smtplib.SMTPException):
            connection.close()
            raise
        return connection


def open_mailer(settings: MailSettings) -> Mailer:
    """Return the way out that the settings name."""
    if settings.mailer == "smtp":
        return SmtpMailer(settings)
    return MemoryMailer() if settings.mailer == "memory" else ConsoleMailer()


def _address(name: str, address: str) -> Address:
    """Return one checked address; a name is only decoration and is cleaned, an address is refused when it is malformed."""
    try:
        address.encode("ascii")
        return Address(display_name=one_line(name), addr_spec=address)
    except (ValueError, IndexError, MessageError) as error:
        raise MailError(f"{address!r} is not an e-mail address that mail can be sent to ({one_line(str(error))})") from None


def _said(recipients: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who}: {code} {one_line(text.decode(errors='replace'))}" for who, (code, text) in recipients.items())

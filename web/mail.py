"""What is to be said in, a message in its envelope (or a MailError) out, and where it goes when there is no mail server.

What comes from outside (a name, a title) is decoration: it is cleaned, and written as it is, never read as markup of the header. Long
addresses in `List-Unsubscribe` stay raw: the standard library would encode them, and unsubscribing with one click would die silently.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.charset import Charset
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address, HeaderRegistry, UniqueAddressHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any, Protocol, TextIO

from recommender.errors import MailDeferred, MailError
from recommender.settings import MailSettings
from web.smtp import SmtpMailer, nothing

__all__ = [
    "POLICY",
    "ConsoleMailer",
    "Letter",
    "Mailer",
    "MemoryMailer",
    "SmtpMailer",
    "is_address",
    "make_message",
    "make_note",
    "nothing",
    "one_line",
    "open_mailer",
    "redacted",
]

LONGEST_ADDRESS = 254
LONGEST_LINE = 998  # octets (RFC 5322); a text with longer lines is encoded
_WIDTH = 78  # columns of a header that is folded
_PIECE = 36  # octets of words that are encoded together: 60 letters at most, which fit beside the longest name of such a header
_UTF8 = Charset("utf-8")
_NEVER_FOLDED = frozenset(
    {"message-id", "in-reply-to", "references", "list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id"}
)
_ONE_ADDRESS = re.compile(r"[^@\s,;<>\"\x00-\x20\x7f]{1,64}@[^@\s,;<>\"\x00-\x20\x7f]{1,255}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE = re.compile(r"\s+")
_HIGH = bytes(range(128, 256))


class Mailer(Protocol):
    """Hands messages over, one by one; several threads may use one."""

    def send(self, message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        """Hand the message over; raise MailError when that failed.

        `before_end` is called once, at the last moment at which the message has certainly not been delivered. When it raises,
        nothing is delivered, and what it raised goes through.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept between two messages; the next message opens it again."""
        ...


class _Literal:
    """A header that says what it was given. The library's own would read `=?utf-8?q?…?=` in it, and a line break out of that."""

    max_count = None

    @staticmethod
    def parse(value: str, facts: dict[str, Any]) -> None:
        """Take the value as it is."""
        facts["decoded"], facts["parse_tree"] = value, None


_LITERAL: Any = _Literal  # the library's types ask for more than it uses


class _Addressed(UniqueAddressHeader):
    """Addresses; one that was checked is taken as it is, where the library would write it down and read it again."""

    @classmethod
    def parse(cls, value: Any, facts: dict[str, Any]) -> None:
        """Take an address apart, unless it is."""
        if isinstance(value, Address):
            facts["parse_tree"] = None
        super().parse(value, facts)


class _Policy(EmailPolicy):
    """CRLF and 78 columns as everywhere, with two repairs of the standard library's folding.

    A link in a list header must stay as it is, on one line. And what needs encoding is folded by `email.header`: the newer
    code loses spaces between two encoded words.
    """

    def fold(self, name: str, value: Any) -> str:
        """Fold a header."""
        text, end = str(value), self.linesep
        plain = text.isascii() and "=?" not in text
        if name.lower() in _NEVER_FOLDED or (plain and len(name) + len(text) + 2 <= _WIDTH):
            return f"{name}: {text}{end}"
        addresses = getattr(value, "addresses", ())
        words = addresses[0].display_name if addresses else text
        if not words:
            return f"{name}: {text}{end}"
        breakable = plain and not addresses and max(map(len, words.split(" "))) < _WIDTH - len(name) - 2
        encoded = Header(words, "us-ascii", header_name=name).encode(linesep=end) if breakable else _encoded(words, end)
        return f"{name}: {encoded}{f'{end} <{addresses[0].addr_spec}>' if addresses else ''}{end}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Fold a header into bytes."""
        return self.fold(name, value).encode("ascii")


def _encoded(words: str, end: str) -> str:
    """Encode words that are not plain (RFC 2047): the library looks for the longest line letter by letter, this takes short ones."""
    data, pieces, start = words.encode(), list[str](), 0
    while start < len(data):
        stop = start + _PIECE
        while stop < len(data) and data[stop] & 0xC0 == 0x80:  # in the middle of a letter
            stop -= 1
        pieces.append(_UTF8.header_encode(data[start:stop].decode()))
        start = stop
    return f"{end} ".join(pieces)


class _Headers(HeaderRegistry):
    """Kinds of headers: what is read by its structure, and all others literally; a kind is made once, not for each header."""

    def __init__(self) -> None:
        super().__init__(default_class=_LITERAL)
        kinds: dict[str, Any] = {"subject": _Literal, "message-id": _Literal, "from": _Addressed, "to": _Addressed}
        for name, kind in kinds.items():
            self.map_to_type(name, kind)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


POLICY = _Policy(linesep="\r\n", header_factory=_Headers())
_TEXT, _HTML = (POLICY.header_factory("Content-Type", f'text/{kind}; charset="utf-8"') for kind in ("plain", "html"))
_ENCODINGS = {name: POLICY.header_factory("Content-Transfer-Encoding", name) for name in ("7bit", "base64", "quoted-printable")}
_made_here = HeaderRegistry(default_class=_LITERAL, use_default_map=False)  # nothing in it needs to be read
_VERSION = _made_here("MIME-Version", "1.0")


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
    campaign, kind : str
        Which sending this is (a day) and of what kind (`own`, `trending`): what the receiving house counts complaints by. They
        say nothing about the reader.
    language : str
        Of the text, as in `Content-Language`; empty when it is not known.
    """

    to_name: str
    to_address: str
    subject: str
    text: str
    html: str
    message_id: str
    list_id: str
    leave_url: str
    campaign: str = ""
    kind: str = ""
    language: str = ""


def make_message(letter: Letter, *, sender: str, now: datetime) -> EmailMessage:
    """Put a letter into its envelope.

    Line breaks in names and titles become spaces; in an address, an id or a link they are refused.

    Raises
    ------
    MailDeferred
        If the sender is malformed: nobody's mail can leave until the owner has mended that.
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
    for name, value in {"List-Id": letter.list_id, "List-Unsubscribe": letter.leave_url}.items():
        _refuse_breaks(name, value)
    for name, value in {"campaign": letter.campaign, "kind": letter.kind, "language": letter.language}.items():
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,64}", value):
            raise MailError(f"{name} {value!r} cannot stand in a header: letters, digits, dots and dashes, at most 64")
    message = _envelope(letter.to_name, letter.to_address, letter.subject, message_id=letter.message_id, sender=sender, now=now)
    message["List-Id"] = f"<{letter.list_id}>"
    message["List-Unsubscribe"] = f"<{letter.leave_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Feedback-ID"] = f"{letter.campaign}:{letter.kind}:digest:{_sender_id(message)}"
    message["Precedence"] = "bulk"
    if letter.language:
        message["Content-Language"] = letter.language
    parts: list[Any] = [_body(EmailMessage(POLICY), letter.text, _TEXT), _body(EmailMessage(POLICY), letter.html, _HTML)]
    digest = hashlib.blake2b(digest_size=12)  # a line that no text can contain, as it is made of the text; the same every time
    for part in parts:
        digest.update(part.get_payload().encode())
    message["Content-Type"] = _made_here("Content-Type", f'multipart/alternative; boundary="=_{digest.hexdigest()}"')
    message.set_payload(parts)
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
    return _body(_envelope(to_name, to_address, subject, message_id=message_id, sender=sender, now=now), text, _TEXT)


def is_address(text: str) -> bool:
    r"""Return whether this is one e-mail address that mail can be sent to: servers that take more than ASCII are few.

    Examples
    --------
    >>> [is_address(text) for text in ("ada@example.org", "ada", "a@b.org, c@d.org", "a@b.org\nBcc: c@d.org", "zo\xeb@b.org")]
    [True, False, False, False, False]
    """
    try:
        return _ONE_ADDRESS.fullmatch(text) is not None and _address("", text).addr_spec == text  # else it holds a comment
    except MailError:
        return False


def one_line(text: str) -> str:
    r"""Return the text on one line without control characters.

    Examples
    --------
    >>> one_line("Ada\r\nBcc: everyone@example.org")
    'Ada Bcc: everyone@example.org'
    """
    return _SPACE.sub(" ", _CONTROL.sub(" ", text)).strip()


def redacted(text: str) -> str:
    """Return what a mail server said without the addresses in it, as it may stand in a log.

    Examples
    --------
    >>> redacted("550 <ada@example.org> is unknown here")
    '550 (an address) is unknown here'
    """
    return re.sub(r"\S*@\S*", "(an address)", text)


class ConsoleMailer:
    """Prints messages instead of sending them: what a Broadsheet without a mail server does.

    Parameters
    ----------
    stream : text file, default=None
        None prints to standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        """Print the headers and the plain text."""
        stream = self._stream or sys.stdout
        body = message.get_body(("plain",))
        text = body.get_content().replace("\r\n", "\n") if body else ""
        lines = [f"{name}: {value}" for name, value in message.items() if not name.startswith(("Content-", "MIME-"))]
        before_end()
        try:
            print("\n".join(["--- mail", *lines, "", text, "--- end"]), file=stream, flush=True)
        except (OSError, ValueError) as error:
            raise MailError(f"the message could not be printed: {error}") from None

    def close(self) -> None:
        """Nothing is kept between two messages."""


class MemoryMailer:
    """Keeps messages in `sent`."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        """Keep the message."""
        before_end()
        self.sent.append(message)

    def close(self) -> None:
        """Nothing is kept open."""


def open_mailer(settings: MailSettings) -> Mailer:
    """Return the way out that the settings name."""
    if settings.mailer == "smtp":
        return SmtpMailer(settings)
    return MemoryMailer() if settings.mailer == "memory" else ConsoleMailer()


def _envelope(to_name: str, to_address: str, subject: str, *, message_id: str, sender: str, now: datetime) -> EmailMessage:
    """Write the headers that every message has."""
    _refuse_breaks("Message-ID", message_id)
    message = EmailMessage(POLICY)
    message["Subject"] = one_line(subject)
    message["From"] = _from(sender)
    message["To"] = _address(to_name, to_address)
    message["Date"] = format_datetime(now.astimezone(UTC))
    message["Message-ID"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # what Exchange goes by
    message["MIME-Version"] = _VERSION
    return message


def _body(part: EmailMessage, text: str, kind: Any) -> EmailMessage:
    """Put a text into a part, as it is or in the shorter encoding: by C code, for the library's own takes ten times as long."""
    data = _CONTROL.sub("", text).removesuffix("\n").encode("utf-8", "replace") + b"\n"
    high = 0 if data.isascii() else len(data) - len(data.translate(None, _HIGH))
    if not high and max(map(len, data.split(b"\n"))) <= LONGEST_LINE:
        encoding = "7bit"
    elif high > len(data) / 6:  # three characters for each of these, against four for three
        encoding, data = "base64", base64.encodebytes(data.replace(b"\n", b"\r\n"))
    else:
        encoding, data = "quoted-printable", binascii.b2a_qp(data, istext=True)
    part["Content-Type"] = kind
    part["Content-Transfer-Encoding"] = _ENCODINGS[encoding]
    part.set_payload(data.decode("ascii"))
    return part


def _sender_id(message: EmailMessage) -> str:
    """Return what stays the same over all mail of one sender: Gmail wants 5 to 15 characters."""
    return hashlib.sha256(message["From"].addresses[0].domain.lower().encode()).hexdigest()[:12]


def _refuse_breaks(name: str, value: str) -> None:
    if not re.fullmatch(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}", value):
        raise MailError(f"{name} {value!r} cannot stand in a header: plain ASCII without spaces, at most 900 characters")


@lru_cache(maxsize=4)
def _from(sender: str) -> Any:
    """Return the header of a sender, read once: it is the same in all messages."""
    try:
        return POLICY.header_factory("From", _address(*parseaddr(one_line(sender))))
    except MailError as error:  # the owner's to mend; until then nobody's digest is given up
        raise MailDeferred(f"{error}: see BROADSHEET_MAIL__SENDER", whole_server=True) from None


def _address(name: str, address: str) -> Address:
    """Return one checked address; a name is only decoration and is cleaned, an address is refused when it is malformed."""
    try:
        address.encode("ascii")
        if len(address) > LONGEST_ADDRESS:
            raise ValueError(f"longer than {LONGEST_ADDRESS} characters")
        return Address(display_name=one_line(name), addr_spec=address)
    except (ValueError, IndexError, AttributeError, MessageError) as error:  # the library stumbles over "a@["
        raise MailError(f"{address!r} is not an e-mail address that mail can be sent to ({one_line(str(error))})") from None

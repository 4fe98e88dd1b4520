"""One message's bytes in, a `Bounce`, a `Complaint` or None out: reports of delivery (RFC 3464) and of abuse (RFC 5965), not yet believed.

Anybody can write to the address that bounces go to, so nothing here can fail or take long: a message is cut to its first megabyte and
taken apart a few levels deep. *Not:* the standard library's parser, which builds the whole tree; a megabyte of lines inside three hundred
nested parts keeps it busy for half a minute.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from web.verdicts import GONE

__all__ = [
    "COMPLAINTS",
    "HARD",
    "LARGEST",
    "NOTED",
    "NOTHING",
    "SOFT",
    "Bounce",
    "Complaint",
    "Failure",
    "plain_address",
    "read",
]

LARGEST = 1 << 20  # bytes: a digest has less than 102 kB, and a report stands before it
LONGEST_HEAD, LONGEST_VALUE = 1 << 16, 2000  # bytes of the headers of one part, characters of one header
DEEPEST, MOST_PARTS, MOST_RECIPIENTS, MOST_HEADERS = 4, 20, 50, 500

# What of the feedback types (RFC 5965, RFC 6430) is a person's complaint; `not-spam`, `virus`, `auth-failure` and `dmarc` are none.
COMPLAINTS = frozenset({"abuse", "fraud", "other", "opt-out", "opt-out-list"})
HARD, SOFT, NOTED, NOTHING = 3, 2, 1, 0  # what a failure weighs

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,190}>")
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_COPY = re.compile(rb"^-{2,} This is a copy of [^\n]*$", re.MULTILINE)
_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "message/rfc822-headers")

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a report says of one recipient.

    Attributes
    ----------
    final, original : str
        The address it was to go to in the end, and the one the sender wrote to; in small letters, empty when not told.
    action : str
        `failed`, `delayed`, `delivered`, `relayed`, `expanded`, or what else stands there.
    status : str
        Enhanced status code (RFC 3463), such as `5.1.1`; empty when not told.
    code : int
        Reply code of the mail server; made of the status where none is told.
    said : str
        Its words, with addresses and all.
    """

    final: str
    original: str
    action: str
    status: str
    code: int
    said: str

    @property
    def weight(self) -> int:
        """How much it counts: HARD, SOFT, NOTED (still being tried) or NOTHING (it arrived, as far as is known).

        HARD is what the mail server could have said at once, that nobody can be written to there. A full mailbox, a server that
        cannot be reached and whatever is called policy may be otherwise tomorrow.
        """
        if self.action == "failed":
            return HARD if self.status in GONE else SOFT
        return NOTED if self.action == "delayed" else NOTHING


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report about the message of this id (with its angle brackets)."""

    message_id: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """Somebody pressed "this is spam" on the message of this id; `recipient` is empty where the report keeps it to itself."""

    message_id: str
    kind: str
    recipient: str


def read(raw: bytes) -> Bounce | Complaint | None:
    r"""Read one message, as it came.

    Parameters
    ----------
    raw : bytes
        Of any kind and length; what comes after the first `LARGEST` bytes is not looked at.

    Returns
    -------
    Bounce, Complaint or None
        None for everything that is no report, or does not quote the headers of the message it is about.

    Examples
    --------
    >>> report = b'''Content-Type: multipart/report; boundary=b
    ...
    ... --b
    ... Content-Type: message/delivery-status
    ...
    ... Reporting-MTA: dns; mx.example.org
    ...
    ... Final-Recipient: rfc822; Ada@example.org
    ... Action: failed
    ... Status: 5.1.1
    ... --b
    ... Content-Type: text/rfc822-headers
    ...
    ... Message-ID: <digest-1@papers.example.org>
    ... --b--'''
    >>> bounce = read(report)
    >>> bounce.message_id, bounce.failures[0].final, bounce.failures[0].weight == HARD
    ('<digest-1@papers.example.org>', 'ada@example.org', True)
    >>> read(b"I am on holiday until Monday.") is None
    True
    """
    text = raw[:LARGEST].replace(b"\r\n", b"\n")
    parts = list(islice(_leaves(text), MOST_PARTS))
    returned = next((body for kind, body in parts if kind in _RETURNED), b"")
    for kind, body in parts:
        if kind in _REPORTS:
            return _bounce(_message_id(returned), tuple(_failures(body)))
        if kind == "message/feedback-report":
            return _complaint(_message_id(returned), _headers(body))
    headers, body = _split(text)
    return _loose(headers, body) if "x-failed-recipients" in headers else None


def _bounce(message_id: str, failures: tuple[Failure, ...]) -> Bounce | None:
    return Bounce(message_id, failures) if message_id and failures else None


def _complaint(message_id: str, told: Headers) -> Complaint | None:
    kind = told.get("feedback-type", "").lower()
    if not message_id or kind not in COMPLAINTS:
        return None
    return Complaint(message_id, kind, plain_address(told.get("original-rcpt-to", "")))


def _loose(headers: Headers, body: bytes) -> Bounce | None:
    """Read what older Exims write: words, then the message; the recipients stand in a header."""
    told, _, returned = body.partition(copied[0]) if (copied := _COPY.search(body)) else (body, b"", b"")
    words = " ".join(told.decode("utf-8", "replace").split())
    code = _CODE.search(words)
    said = words[code.start() :][:LONGEST_VALUE] if code else ""
    named = headers["x-failed-recipients"].split(",")[:MOST_RECIPIENTS]
    failures = (_failure({"final-recipient": name, "action": "failed", "diagnostic-code": said}) for name in named)
    return _bounce(_message_id(returned), tuple(failures))


def _failures(body: bytes) -> Iterator[Failure]:
    """Yield what a report says, recipient by recipient; its first block is about the whole message."""
    for block in re.split(rb"\n(?:[ \t]*\n)+", body.strip(b"\n"), maxsplit=MOST_RECIPIENTS)[:MOST_RECIPIENTS]:
        told = _headers(block)
        if {"action", "final-recipient", "original-recipient"} & told.keys():
            yield _failure(told)


def _failure(told: Headers) -> Failure:
    said = told.get("diagnostic-code", "")
    stated, detailed = _STATUS.search(told.get("status", "")), _STATUS.search(said)
    status = stated[1] if stated else ""
    if detailed and (not status or status.endswith(".0.0")):  # Exim states 5.0.0 whatever happened, and quotes the server
        status = detailed[1]
    code = _CODE.search(said)
    action = (told.get("action", "").split() or [""])[0].lower()
    final, original = plain_address(told.get("final-recipient", "")), plain_address(told.get("original-recipient", ""))
    return Failure(final, original, action, status, int(code[1]) if code else 450 if status.startswith("4") else 550, said)


def plain_address(text: str) -> str:
    """Return the address of `rfc822; <Ada@Example.org>` as it is compared: small letters, the domain as the DNS knows it."""
    local, _, domain = text.rpartition(";")[2].strip().strip("<>").lower().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{local}@{domain}" if local and domain else ""


def _message_id(returned: bytes) -> str:
    """Return the id in the headers that a message begins with; empty when there is none."""
    found = _MESSAGE_ID.search(_split(returned.lstrip(b"\n"))[0].get("message-id", ""))
    return found[0] if found else ""


def _leaves(raw: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield the kind and the decoded content of every part that is no multipart; a returned message is one part."""
    headers, body = _split(raw)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    boundary = _BOUNDARY.search(headers.get("content-type", ""))
    if kind.startswith("multipart/") and boundary is not None and depth < DEEPEST:
        line = re.escape((boundary[1] or boundary[2]).encode())
        for part in re.split(rb"^--" + line + rb"(?:--)?[ \t]*(?:\n|\Z)", body, maxsplit=MOST_PARTS, flags=re.MULTILINE)[1:]:
            yield from _leaves(part, depth + 1)
    else:
        yield kind, _decoded(body, headers.get("content-transfer-encoding", "").lower())


def _decoded(body: bytes, encoding: str) -> bytes:
    """Undo an encoding that a report should not have, and sometimes has."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        with suppress(ValueError):
            return binascii.a2b_base64(body).replace(b"\r\n", b"\n")
    return body


def _split(raw: bytes) -> tuple[Headers, bytes]:
    head, _, body = (b"", b"", raw[1:]) if raw.startswith(b"\n") else raw.partition(b"\n\n")
    return _headers(head), body


def _headers(head: bytes) -> Headers:
    """Return headers by their names in small letters; of two with one name the first."""
    unfolded = re.sub(r"\n[ \t]+", " ", head[:LONGEST_HEAD].decode("utf-8", "replace"))
    found: Headers = {}
    for line in unfolded.split("\n", MOST_HEADERS)[:MOST_HEADERS]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip()[:LONGEST_VALUE])
    return found

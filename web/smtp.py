"""A message in, handed over to the mail server (or what became of it, as an error) out: one connection serves many messages.

The end of a message is sent apart from the rest of it. A server delivers nothing before it has read the closing dot, so that whoever
keeps a ledger can write down "from now on it may have arrived" at the one moment at which that becomes true.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.generator import BytesGenerator
from email.message import EmailMessage
from io import BytesIO
from time import monotonic
from typing import Any

from recommender.errors import MailDeferred, MailError, MailUnanswered, SettingsError
from recommender.settings import MailSettings
from web import signing
from web.verdicts import clean, verdict, why
from web.wire import Line, TlsLine, own_name

__all__ = ["IDLE_S", "MESSAGES", "SmtpMailer", "nothing", "octets"]

IDLE_S = 15.0  # a connection that nothing was sent over for so long is opened again: servers hang up on silence
MESSAGES = 100  # after so many a connection is opened again: servers refuse more, and a new one may reach a less busy machine
KEPT = 4  # connections kept for the next message
LISTEN_S = 0.25  # seconds at most, before the closing dot: by then a server that is lost in the middle of a message is noticed
GOODBYE_S = 2.0  # the message is over there, however the goodbye goes


def nothing() -> None:
    """Do nothing: what is done before the end of a message when nobody asked for anything."""


class _Generator(BytesGenerator):
    """The library's, but that it writes a text at once instead of line by line."""

    def _write_lines(self, lines: str) -> None:
        for end in ("\r\n", "\r"):
            lines = lines.replace(end, "\n")
        self.write(lines.replace("\n", self._NL))  # type: ignore[attr-defined]  # the library's own, which its types leave out


def octets(message: EmailMessage) -> bytes:
    """Return a message as it crosses the wire: each line ends with CRLF, the last one too.

    Raises
    ------
    MailError
        If it cannot be written down.
    """
    policy = message.policy if message.policy.linesep == "\r\n" else message.policy.clone(linesep="\r\n")
    try:
        buffer = BytesIO()
        _Generator(buffer, mangle_from_=False, policy=policy).flatten(message)
        data = buffer.getvalue()
    except (ValueError, TypeError, LookupError) as error:
        raise MailError(f"the message cannot be written down: {error}") from None
    return data if data.endswith(b"\r\n") else data + b"\r\n"


class SmtpMailer:
    """Sends through a mail server.

    Several threads may send at once: each takes a connection for itself and puts it back, so that nobody waits for another's
    `before_end`, which may wait for a database.

    Parameters
    ----------
    settings : MailSettings
    context : ssl.SSLContext, default=None
        How certificates are checked; None trusts what the system trusts.
    clock : callable, default=time.monotonic
        Seconds, by which a connection has been idle for too long.
    """

    def __init__(
        self, settings: MailSettings, context: ssl.SSLContext | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._settings = settings
        protects = settings.smtp_security != "none"
        self._context = context or (ssl.create_default_context() if protects else None)
        self._clock = clock
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def send(self, message: EmailMessage, *, before_end: Callable[[], None] = nothing) -> None:
        """Send the message to the one reader it is addressed to.

        Parameters
        ----------
        message : EmailMessage
        before_end : callable, default=nothing
            Called once, when the server has everything but the closing dot. When it raises, the connection is dropped, so that
            nothing is delivered, and what it raised goes through.

        Raises
        ------
        MailDeferred
            If it was not delivered, and may be later.
        MailRefused
            If the server refuses it for good.
        MailUnanswered
            If it may or may not have been delivered.
        MailError
            If it has no address to go to, or cannot be written down.
        """
        parcel = self._parcel(message)
        connection = self._begun(parcel)
        try:
            connection.finish(parcel, before_end)
        finally:
            self._put_back(connection)

    def close(self) -> None:
        """Take leave of the server; the next message opens a connection again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.leave()

    def _parcel(self, message: EmailMessage) -> _Parcel:
        """Write the message down, once, and sign it."""
        try:
            (to,), (sender, *_) = message["To"].addresses, message["From"].addresses
        except (AttributeError, TypeError, ValueError):
            raise MailError("the message is not addressed from somebody to one reader") from None
        back_to = self._settings.return_path or sender.addr_spec
        if not re.fullmatch(r"[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+", back_to):
            told = f"{back_to!r} is not an address: see BROADSHEET_MAIL__RETURN_PATH"
            raise MailDeferred(told, whole_server=True)
        try:
            data = signing.sign(octets(message), self._settings)
        except SettingsError as error:  # the owner's to mend; until then nobody's digest is given up
            raise MailDeferred(str(error), whole_server=True) from None
        stuffed = data.replace(b"\n.", b"\n..")
        return _Parcel(back_to, to.addr_spec, b"." + stuffed if data.startswith(b".") else stuffed, len(data), data.isascii())

    def _begun(self, parcel: _Parcel) -> _Connection:
        """Return a connection that waits for the parcel's text; one that the server has tired of is replaced, once."""
        connection = self._take()
        if connection is not None:
            try:
                connection.begin(parcel)
                return connection
            except MailDeferred:
                tired = not connection.usable
                self._put_back(connection)
                if not tired:
                    raise
            except BaseException:
                self._put_back(connection)
                raise
        connection = _Connection(self._settings, self._context)
        try:
            connection.begin(parcel)
        except BaseException:
            self._put_back(connection)
            raise
        return connection

    def _take(self) -> _Connection | None:
        """Return a kept connection that is still good; None when there is none."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if self._clock() - connection.idle_since <= IDLE_S and not connection.has_spoken():
                return connection
            connection.leave()

    def _put_back(self, connection: _Connection) -> None:
        """Keep a connection for the next message, or end it."""
        connection.idle_since = self._clock()
        if connection.usable and connection.sent < MESSAGES:
            with self._lock:
                if len(self._idle) < KEPT:
                    self._idle.append(connection)
                    return
        connection.leave()


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A message as it crosses the wire.

    Attributes
    ----------
    sender, recipient : str
        Of the envelope: where bounces go, and the reader.
    text : bytes
        With its dots doubled.
    size : int
        In bytes, without those.
    ascii : bool
    """

    sender: str
    recipient: str
    text: bytes
    size: int
    ascii: bool


class _Connection:
    """One conversation with the server, signed in and ready for a message; `usable` says whether it can take another one."""

    def __init__(self, settings: MailSettings, context: ssl.SSLContext | None) -> None:
        self._where = f"{settings.smtp_host}:{settings.smtp_port}"
        self.sent = 0
        self.idle_since = 0.0
        self.usable = False
        self._answer_s = 0.0  # how long the server took to ask for the text
        self._line = self._open(settings, context)
        self.usable = True

    def begin(self, parcel: _Parcel) -> None:
        """Say who the message is from and for, until the server waits for its text."""
        line = self._line
        options = [f"SIZE={parcel.size}"] if line.has_extn("size") else []
        if line.has_extn("8bitmime") and not parcel.ascii:
            options.append("BODY=8BITMIME")
        self.usable = False
        self._ask("MAIL FROM", lambda: line.mail(parcel.sender, options), 2)
        self._ask("RCPT TO", lambda: line.rcpt(parcel.recipient), 2)
        asked = monotonic()
        self._ask("DATA", lambda: line.docmd("DATA"), 3)
        self._answer_s = min(monotonic() - asked, LISTEN_S)

    def finish(self, parcel: _Parcel, before_end: Callable[[], None]) -> None:
        """Send the text, do what is to be done before its end, end it and hear what the server says."""
        line = self._line
        try:
            line.send(parcel.text)
            # It has time to speak ahead of its turn, or to hang up, when it wants no more of this message: nothing is delivered then.
            if line.has_spoken(self._answer_s):
                code, said = line.getreply()
                raise verdict(self._where, "the text", code, said)
        except OSError as error:
            raise MailDeferred(f"{self._where} was lost in the middle of a message: {clean(error)}") from None
        before_end()
        if line.has_spoken():  # not waited for: a process that dies between here and the dot leaves nobody knowing
            raise MailDeferred(f"{self._where} was lost before the end of a message")
        try:
            line.send(b".\r\n")
            code, said = line.getreply()
        except OSError as error:
            told = f"{self._where} was lost at the end of a message: {clean(error)}"
            raise MailUnanswered(told) from None
        self.sent += 1
        if code // 100 not in (2, 4, 5):
            raise MailUnanswered(f"{self._where} answered {code} {clean(said)} to a whole message")
        self.usable = code != 421
        if code // 100 != 2:
            raise verdict(self._where, "the message", code, said)

    def has_spoken(self) -> bool:
        """Tell whether the server said something, or hung up, without being asked."""
        return self._line.has_spoken()

    def leave(self) -> None:
        """Say goodbye where that is possible, and hang up."""
        with suppress(OSError):
            if self.usable:
                self._line.timeout = min(self._line.timeout, GOODBYE_S)
                self._line.docmd("QUIT")
        self._line.close()

    def _ask(self, step: str, ask: Callable[[], tuple[int, bytes]], wanted: int) -> None:
        """Take one step; an answer that does not begin with the wanted digit ends the message, not the conversation."""
        try:
            code, said = ask()
        except OSError as error:
            told = f"{self._where} was lost at {step}: {clean(error)}"
            raise MailDeferred(told, whole_server=step == "MAIL FROM") from None
        if code // 100 != wanted:
            self.usable = code != 421 and self._forgets()
            raise verdict(self._where, step, code, said)

    def _forgets(self) -> bool:
        """Have the server forget the message that was begun; tells whether it did."""
        try:
            return self._line.docmd("RSET")[0] == 250
        except OSError:
            return False

    def _open(self, settings: MailSettings, context: ssl.SSLContext | None) -> Line:
        """Connect, protect and sign in; hung up again when any of it fails."""
        line: Line | None = None
        security = settings.smtp_security
        try:
            facts: dict[str, Any] = {"local_hostname": own_name(settings.sender), "timeout": settings.timeout_s}
            if security == "tls":
                line = TlsLine(settings.smtp_host, settings.smtp_port, context=context, **facts)
            else:
                line = Line(settings.smtp_host, settings.smtp_port, **facts)
            # Without this the closing dot would wait for the far side's word that it has the text.
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]  # it is connected by now
            if security == "starttls":
                line.starttls(context=context)
            line.ehlo_or_helo_if_needed()
            if settings.smtp_user:
                line.login(settings.smtp_user, settings.smtp_password.get_secret_value() if settings.smtp_password else "")
        except (OSError, ValueError) as error:
            if line is not None:
                line.close()
            code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
            raise MailDeferred(why(self._where, error), code=code, whole_server=True) from None
        return line

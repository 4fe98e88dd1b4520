"""The address of a mail server in, a line to it out: `smtplib` with replies that end, and an ear for what is said out of turn."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from time import monotonic
from typing import Any

__all__ = ["Line", "TlsLine", "own_name"]

LONGEST_REPLY = 65_536  # bytes


class Line(smtplib.SMTP):
    """A line to the server on which nothing takes longer than the time-out, however slowly the far side speaks or listens."""

    _heard_on: object = None
    _heard = b""

    def send(self, s: Any) -> None:
        """Send all of it within the time-out."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        deadline = monotonic() + self.timeout
        left = memoryview(s.encode("ascii") if isinstance(s, str) else s)
        try:
            while left:
                self.sock.settimeout(max(deadline - monotonic(), 0.001))
                left = left[self.sock.send(left) :]
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(str(error)) from None

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of the next reply, whole within the time-out."""
        deadline, said = monotonic() + self.timeout, b""
        while True:
            line = self._next(deadline)
            said += line[4:].strip() + b"\n"
            if line[3:4] != b"-":
                code = int(line[:3]) if line[:3].isdigit() else -1
                return code, said.strip()
            if len(said) > LONGEST_REPLY:
                self.close()
                raise smtplib.SMTPServerDisconnected("its answer has no end")

    def has_spoken(self, wait_s: float = 0.0) -> bool:
        """Tell whether there is something to read, the end of the connection included, waiting for it so long at most."""
        if self.sock is None:
            return True
        self.sock.settimeout(wait_s)
        try:
            more = self.sock.recv(4096)
        except (BlockingIOError, TimeoutError, ssl.SSLWantReadError):
            return bool(self._left_over())
        except OSError:
            more = b""
        self._heard = self._left_over() + more
        if not more:
            self.close()
        return True

    def _next(self, deadline: float) -> bytes:
        """Return the next line that the server says."""
        heard = self._left_over()
        while b"\n" not in heard:
            try:
                if self.sock is None or len(heard) > LONGEST_REPLY:
                    raise OSError("it hung up" if self.sock is None else "its answer has no end")
                self.sock.settimeout(max(deadline - monotonic(), 0.001))
                more = self.sock.recv(8192)
                if not more:
                    raise OSError("it hung up")
            except OSError as error:
                self.close()
                raise smtplib.SMTPServerDisconnected(str(error)) from None
            heard += more
        line, _, self._heard = heard.partition(b"\n")
        return line

    def _left_over(self) -> bytes:
        """Return what was read and not yet made use of; what came before the connection was protected counts for nothing."""
        if self._heard_on is not self.sock:
            self._heard_on, self._heard = self.sock, b""
        return self._heard


class TlsLine(Line, smtplib.SMTP_SSL):
    """The same, protected from the first byte."""


def own_name(sender: str) -> str:
    """Return what to call this machine before the server: a name with a dot, found without asking anybody."""
    for name in (socket.gethostname(), sender.rpartition("@")[2].strip(" >")):
        if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name):
            return name
    return "[127.0.0.1]"

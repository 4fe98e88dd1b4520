"""A script in, a mail server on loopback out: it takes, defers, refuses, hangs up or falls silent at whatever step it is told to.

It speaks SMTP by aiosmtpd and reads texts in one piece, so that it is faster than what is tested. Within a test it runs in a thread
(`MailServer`); a test that kills processes runs it as a process of its own (`elsewhere`), which writes each message it accepted to a
file before it says so.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

CERTIFICATES = Path(__file__).parent / "data" / "mail"
LARGEST = 64_000_000  # bytes of one message
PATIENCE_S = 20.0  # how long a test waits for what must happen


@dataclass
class Rule:
    """What is said at one step instead of what would be said; `step` is a command, or one of these.

    `connect`: in place of the greeting. `text`: in the middle of a message. `end`: after its closing dot. `ready`: unprotected, behind
    the word that protection may begin.
    """

    step: str
    text: str = ""  # nothing is said, and nothing more heard, when this is empty
    to: str = ""  # only for this recipient
    times: int = 1_000_000_000
    hang_up: bool = False
    stored: bool = False  # at the end: keep the message, whatever is said of it
    endless: bool = False  # the answer's lines never come to an end
    slow_s: float = 0.0  # seconds before what would have been said anyway is said


@dataclass(frozen=True)
class Stored:
    """One message that was accepted: for whom, its Message-ID, its text (without a process of its own) and by which connection."""

    to: str
    message_id: str
    connection: int
    sender: str = ""
    text: bytes = b""


class Conversation(SMTP):
    """One connection."""

    def __init__(self, house: MailServer, **facts: Any) -> None:
        super().__init__(house, data_size_limit=LARGEST, hostname="mail.example.org", **facts)
        self.house = house
        self.number = 0

    def connection_made(self, transport: Any) -> None:
        if not self.number:
            self.house.connections += 1
            self.number = self.house.connections
        self.house.open[self.number] = transport
        super().connection_made(transport)

    def _cb_client_connected(self, reader: Any, writer: Any) -> None:
        reader._limit = LARGEST  # of a line, until the closing dot: the text is one line here
        super()._cb_client_connected(reader, writer)

    def connection_lost(self, error: Exception | None) -> None:
        self.house.open.pop(self.number, None)
        super().connection_lost(error)
        self.house.tell()

    def data_received(self, data: bytes) -> None:
        if self.house.listens:
            self.house.wire += data
            self.house.tell()
        super().data_received(data)

    async def _handle_client(self) -> None:
        if await self.told("connect"):
            await self.leave()
        await super()._handle_client()

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith("220 Ready") and (rule := self.house.rule("ready", "")) is not None:
            status = f"{status}\r\n{rule.text}"
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self.told("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:
        if not await self.told("HELO"):
            await super().smtp_HELO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if not await self.told("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if not await self.told("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if not await self.told("MAIL", said=arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if not await self.told("RCPT", (arg or "").partition("<")[2].partition(">")[0]):
            await super().smtp_RCPT(arg)

    async def smtp_RSET(self, arg: str) -> None:
        if not await self.told("RSET"):
            await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        if not await self.told("QUIT"):
            await super().smtp_QUIT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        to = self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else ""
        if not to:
            await self.push("503 5.5.1 no recipient")
            return
        if await self.told("DATA", to):
            return
        await self.push("354 go on")
        if (rule := self.house.rule("text", to)) is not None:
            await self._reader.readexactly(64)
            self.transport.pause_reading()
            await self.act(rule)
            return
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        rule = self.house.rule("end", to)
        if rule is None or rule.stored or rule.text.startswith("2"):
            self.house.store(to, self.envelope.mail_from or "", raw[:-3], self.number)
        self._set_post_data_state()
        if rule is None:
            await self.push("250 2.0.0 taken")
        else:
            await self.act(rule)

    async def told(self, step: str, to: str = "", said: str | None = "") -> bool:
        """Do what the script says for this step; tells whether it says anything."""
        if step != "connect":
            self.house.heard.append((self.number, step if not said else f"{step} {said}"))
        rule = self.house.rule(step, to)
        if rule is not None and rule.slow_s:
            await asyncio.sleep(rule.slow_s)
            return False
        if rule is not None:
            if step == "RCPT" and rule.text.startswith("2"):
                self.envelope.rcpt_tos.append(to)
            await self.act(rule)
        return rule is not None

    async def act(self, rule: Rule) -> None:
        """Say it, and whatever else it says is to be done."""
        while rule.endless:
            await self.push(rule.text)
            await asyncio.sleep(0.01)  # a server that goes on and on does it at its leisure
        if rule.text:
            await self.push(rule.text)
        elif not rule.hang_up:
            await asyncio.Event().wait()
        if rule.hang_up:
            await self.leave()

    async def leave(self) -> None:
        """Hang up; the conversation's task is cancelled when that is done."""
        if self.transport is not None:
            self.transport.close()
        await asyncio.Event().wait()


class MailServer:
    """A mail server in a thread.

    Parameters
    ----------
    rules : Rules that are there from the beginning; `say` adds more.
    security : `none`, `starttls` or `tls`, with the certificate of tests/data/mail.
    password : when it is not empty, ada may sign in with it.
    file : where a line of JSON is written for each message accepted; then texts are not kept.

    Attributes
    ----------
    port : int
    stored : list of Stored, in order
    connections : how many there were
    open : the transports of those that are open, by number
    heard : (connection, command) in order, each before it is answered
    wire : every byte received, when `listens`
    """

    def __init__(
        self, rules: Sequence[Rule] = (), *, security: str = "none", password: str = "", file: Path | None = None, port: int = 0
    ) -> None:
        self._rules = list(rules)
        self.port, self.connections, self.listens = port, 0, False
        self.stored: list[Stored] = []
        self.open: dict[int, Any] = {}
        self.heard: list[tuple[int, str]] = []
        self.wire = bytearray()
        self._password = password
        self._file = file.open("ab", buffering=0) if file is not None else None
        self._news = threading.Condition()
        self._security = security
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="mail server", daemon=True)

    def __enter__(self) -> MailServer:
        ready = threading.Event()
        self._loop.call_soon(lambda: self._loop.create_task(self._start(ready)))
        self._thread.start()
        assert ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()
        if self._file is not None:
            self._file.close()

    def say(self, step: str, text: str = "", **more: Any) -> None:
        """Add a rule."""
        self._rules.append(Rule(step, text, **more))

    def forget(self) -> None:
        """Take all rules back."""
        self._rules.clear()

    def hang_up(self) -> None:
        """Close every connection, out of turn."""
        end = "abort" if self._security != "none" else "close"  # TLS's own end waits for the other side
        self._loop.call_soon_threadsafe(lambda: [getattr(one, end)() for one in list(self.open.values())])
        self.wait(lambda: not self.open)

    def interject(self, text: str) -> None:
        """Say something on every connection without being asked."""
        self._loop.call_soon_threadsafe(lambda: [transport.write(f"{text}\r\n".encode()) for transport in self.open.values()])

    def wait(self, until: Callable[[], object]) -> None:
        """Wait until something is true of this server."""
        with self._news:
            assert self._news.wait_for(until, PATIENCE_S), "the mail server waits for this in vain"

    @property
    def recipients(self) -> list[str]:
        return [one.to for one in self.stored]

    def tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def rule(self, step: str, to: str) -> Rule | None:
        """Take the first rule for a step, and count it."""
        for rule in self._rules:
            if rule.step == step and rule.times > 0 and rule.to in ("", to):
                rule.times -= 1
                return rule
        return None

    def store(self, to: str, sender: str, text: bytes, connection: int) -> None:
        found = re.search(rb"^Message-ID:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)
        message_id = found[1].decode() if found else ""
        if self._file is not None:
            self._file.write(json.dumps({"to": to, "message_id": message_id, "connection": connection}).encode() + b"\n")
            return
        self.stored.append(Stored(to, message_id, connection, sender, text.replace(b"\r\n..", b"\r\n.")))
        self.tell()

    async def _start(self, ready: threading.Event) -> None:
        context = None
        if self._security != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server-key.pem")
        facts: dict[str, Any] = {"loop": self._loop}
        if self._security == "starttls":
            facts |= {"tls_context": context, "require_starttls": True}
        if self._password:
            facts |= {"authenticator": self._may_enter, "auth_require_tls": False}
        implicit = context if self._security == "tls" else None
        self._server = await self._loop.create_server(
            lambda: Conversation(self, **facts), "127.0.0.1", self.port, ssl=implicit, backlog=100
        )
        self.port = self._server.sockets[0].getsockname()[1]
        ready.set()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self.open.values()):
            transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _may_enter(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.login == b"ada" and data.password == self._password.encode(), handled=False)


@dataclass
class Elsewhere:
    """A mail server in a process of its own."""

    port: int
    file: Path
    process: subprocess.Popen[str] = field(repr=False)

    def stored(self) -> list[Stored]:
        """Return what was accepted until now; a line that is being written is left out."""
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True) if self.file.exists() else []
        return [Stored(**json.loads(line)) for line in lines if line.endswith("\n")]


@contextmanager
def elsewhere(file: Path, rules: Sequence[Rule] = (), *, security: str = "none") -> Iterator[Elsewhere]:
    """Run a mail server as a process of its own, which writes what it accepts to `file`; it ends with the block."""
    told = json.dumps([asdict(rule) for rule in rules])
    command = [sys.executable, __file__, str(file), told, security]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Elsewhere(int(process.stdout.readline()), file, process)
        finally:
            process.stdin.close()  # it goes when nobody holds the other end any more, however that came about
            process.wait(PATIENCE_S)


def main() -> None:
    """Serve until standard input ends: `python tests/mail_server.py FILE RULES SECURITY`; the port is printed."""
    file, rules = Path(sys.argv[1]), [Rule(**rule) for rule in json.loads(sys.argv[2])]
    with MailServer(rules, file=file, security=sys.argv[3]) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

"""A scripted site on 127.0.0.1 that answers for every host name, and a clock that only moves when someone sleeps."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher

DATA = Path(__file__).parents[2] / "data"


@dataclass
class Clock:
    now_s: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now_s += seconds

    def monotonic(self) -> float:
        return self.now_s


@dataclass
class Reply:
    body: bytes = b"ok"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # promised length, when it is not the real one
    before: Callable[[], object] = lambda: None  # done before the reply, while the client waits
    between: Callable[[], None] | None = None  # done between two bytes of the body


@dataclass
class Asked:
    at_s: float
    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Site:
    """Replies in order; the last one is repeated for ever."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.replies: list[Reply] = [Reply()]
        self.asked: list[Asked] = []
        self.connections = 0
        self.server = Server(("127.0.0.1", 0), _handler(self))
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def answers(self, *replies: Reply | bytes) -> None:
        self.replies = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """The client hung up, as it should on an answer it refuses."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            site.connections += 1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query, headers = dict(parse_qsl(parts.query)), dict(self.headers.items())
            site.asked.append(Asked(site.clock.now_s, self.command, self.headers["Host"], parts.path, query, headers))
            reply = site.replies[0] if len(site.replies) == 1 else site.replies.pop(0)
            reply.before()
            self.send_response(reply.status)
            length = len(reply.body) if reply.length is None else reply.length
            for name, value in {**reply.headers, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET" and reply.status != 304:
                self._send(reply)

        do_HEAD = do_GET  # noqa: N815 - the name the server looks for

        def _send(self, reply: Reply) -> None:
            if reply.between is None:
                self.wfile.write(reply.body)
            else:
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    reply.between()
            self.close_connection = reply.length is not None

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class Everywhere(httpx2.HTTPTransport):
    """Every host name leads to the local site; the Host header still says who was meant."""

    def __init__(self, port: int) -> None:
        super().__init__(verify=False)  # no certificates to load: nothing here is encrypted
        self._port = port

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return super().handle_request(httpx2.Request(request.method, url, headers=request.headers, extensions=request.extensions))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(clock: Clock) -> Iterator[Site]:
    site = Site(clock)
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


@pytest.fixture
def make_fetcher(site: Site, clock: Clock) -> Iterator[Callable[..., Fetcher]]:
    opened: list[Fetcher] = []

    def make(validators=None, **settings: object) -> Fetcher:
        fetcher = Fetcher(
            SourcesSettings(**settings),
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            validators=validators,
            transport=Everywhere(site.port),
        )
        opened.append(fetcher)
        return fetcher

    yield make
    for fetcher in opened:
        fetcher.close()


@pytest.fixture
def fetcher(make_fetcher: Callable[..., Fetcher]) -> Fetcher:
    return make_fetcher(contact="editor@example.org")

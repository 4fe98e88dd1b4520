"""An address in, bytes out: a polite and suspicious HTTP client.

Polite: a pause between two requests to one site (all arXiv hosts are one), one connection, Retry-After obeyed, a User-Agent that
says who asks, nothing sent again that has not changed. Suspicious: answers are bounded in size and time, redirects stay on site.
"""

from __future__ import annotations

import logging
import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn, Self

import httpx2

from recommender.errors import RateLimited, SourceError
from recommender.settings import SourcesSettings

__all__ = ["Answer", "Fetcher", "Validators"]

log = logging.getLogger(__name__)

_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_REDIRECTS = 3
_BACK_OFF_S = 5.0  # before the second try; twice as long before each further one
_PATIENCE = 3  # a whole answer may take this many read time-outs, however steadily it drips
_HEADER_CHARS = 300


@dataclass(frozen=True, slots=True)
class Validators:
    """What a site said of an answer, so that it need not be sent again while it holds."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site answered: the status, the whole body where there is one, and the headers by their names in small letters."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class _Again(Exception):
    """One try failed in a way that another may not: a turn of the loop, not an error anyone sees."""

    def __init__(self, reason: str, retry_after_s: float | None = None, *, limited: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.limited = limited


class Fetcher:
    """Reads addresses for all sources of one ingest; not to be shared between threads.

    Parameters
    ----------
    settings : SourcesSettings
    sleep, monotonic : callable
        The clock used for pauses, in seconds.
    validators : mapping of str to Validators, default=None
        What earlier, committed ingests learned, by address.
    transport : httpx2.BaseTransport, default=None
        Another way to the network (tests).

    Attributes
    ----------
    fresh_validators : dict of str to Validators
        What this one has learned, by address. They take effect only in a Fetcher that is given them: store them in the
        transaction that stores the papers, and clear them when a source fails, else what was lost would never be sent again.
    """

    def __init__(
        self,
        settings: SourcesSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        validators: Mapping[str, Validators] | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.fresh_validators: dict[str, Validators] = {}
        self._settings = settings
        self._sleep = sleep
        self._monotonic = monotonic
        self._validators = dict(validators or {})
        self._ended_at: dict[str, float] = {}  # when the last exchange with each site was over
        self._not_before: dict[str, float] = {}  # when a site that said `Backoff` may be asked again
        self._client = httpx2.Client(
            transport=transport,
            timeout=httpx2.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            limits=httpx2.Limits(max_connections=1),
            headers={"User-Agent": _user_agent(settings.contact), "Accept-Encoding": "gzip"},
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def get(self, url: str, params: Mapping[str, str | int] | None = None, *, conditional: bool = True) -> bytes | None:
        """Return the body found at an address, or None when it is unchanged since the stored validators.

        Parameters
        ----------
        url : str
        params : mapping, default=None
            Added to the query.
        conditional : bool, default=True
            False asks for the whole answer always, and learns no validators.

        Raises
        ------
        RateLimited
            If the site asks us to wait longer than `max_wait_s`, or still asks after the last try.
        SourceError
            If it refuses, cannot be reached, answers too much or too slowly, or sends us elsewhere.
        """
        address = _address(url, params)
        known = self._validators.get(str(address), Validators()) if conditional else Validators()
        headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        sent = {name: value for name, value in headers.items() if value}
        answer = self._asked(address, sent, frozenset())
        if answer.status == httpx2.codes.NOT_MODIFIED:
            return None
        fresh = _validators(answer.headers)
        if conditional and fresh != Validators():
            self.fresh_validators[str(address)] = fresh
        return answer.body

    def ask(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str],
        told: frozenset[int] = frozenset(),
    ) -> Answer:
        """Return what an address answers, with its headers; 304 and the statuses in `told` are answers without a body.

        Parameters
        ----------
        url : str
        params : mapping, default=None
            Added to the query.
        headers : mapping of str to str
            Sent along, a key among them: they never leave the site.
        told : frozenset of int
            Refusals that mean something to the caller.

        Raises
        ------
        RateLimited, SourceError
            As in `get`.
        """
        return self._asked(_address(url, params), headers, told)

    def _asked(self, address: httpx2.URL, headers: Mapping[str, str], told: frozenset[int]) -> Answer:
        """Try until there is an answer."""
        for attempt in range(1, self._settings.attempts + 1):
            try:
                return self._once(address, headers, told)
            except _Again as again:
                self._wait(address, again, attempt)
        raise AssertionError("unreachable: the last wait raises")

    def probe(self, url: str) -> bool:
        """Whether the site answers at all: one try, and no longer than it takes to connect."""
        try:
            address = _address(url, None)
        except SourceError:
            return False
        self._pace(address)
        try:
            with self._client.stream("HEAD", address, timeout=self._settings.connect_timeout_s):
                return True
        except httpx2.TransportError:
            return False
        finally:
            self._ended_at[_site(address)] = self._monotonic()

    def _once(self, address: httpx2.URL, headers: Mapping[str, str], told: frozenset[int]) -> Answer:
        """Try once, following redirects on the same site."""
        for _ in range(_REDIRECTS + 1):
            self._pace(address)
            started = self._monotonic()
            try:
                with self._client.stream("GET", address, headers=headers) as response:
                    self._heed(address, response.headers)
                    if response.status_code not in _MOVED:
                        return self._answer(response, started, told)
                    address = _next(address, response.headers.get("Location", ""))
            except httpx2.RequestError as error:
                raise _Again(f"{type(error).__name__} ({error})") from error
            finally:
                self._ended_at[_site(address)] = self._monotonic()
        raise SourceError(f"{address} redirects more than {_REDIRECTS} times: check the address in the settings")

    def _answer(self, response: httpx2.Response, started: float, told: frozenset[int]) -> Answer:
        status, headers = response.status_code, {name.lower(): value for name, value in response.headers.items()}
        if status == httpx2.codes.NOT_MODIFIED or status in told:
            return Answer(status, b"", headers)
        if status == httpx2.codes.OK:
            return Answer(status, self._body(response, started), headers)
        if status in _TRY_AGAIN:
            retry_after_s = _retry_after_s(response.headers)
            raise _Again(f"status {status}", retry_after_s, limited=status == 429 or retry_after_s is not None)
        raise SourceError(f"{response.url} answered with status {status}: check the address and what it is asked for")

    def _body(self, response: httpx2.Response, started: float) -> bytes:
        """Read and decompress no more than is allowed, in no more time than is allowed."""
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise SourceError(f"{response.url} answered in the encoding {encoding!r}, which was not asked for")
        # Unpacked here and not by the client, which would unpack a whole chunk (a thousandfold) before its size is seen.
        unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        limit, latest = self._settings.max_bytes, started + _PATIENCE * self._settings.read_timeout_s
        body = bytearray()
        for chunk in response.iter_raw():
            try:
                body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
            except zlib.error as error:
                raise _Again(f"damaged gzip ({error})") from error
            if len(body) > limit:
                raise SourceError(
                    f"{response.url} answered with more than {limit:,} bytes; BROADSHEET_SOURCES__MAX_BYTES allows no more"
                )
            if self._monotonic() > latest:
                raise SourceError(f"{response.url} answered too slowly: not whole after {latest - started:g} s")
        if unpack and not unpack.eof:
            raise _Again("gzip that ends too early")
        return bytes(body)

    def _pace(self, address: httpx2.URL) -> None:
        """Keep the pause, counted from the end of the last exchange so that it holds on the site's side too."""
        ended_at = self._ended_at.get(_site(address))
        if ended_at is not None and (rest := ended_at + self._settings.min_interval_s - self._monotonic()) > 0:
            self._sleep(rest)
        if (rest := self._not_before.pop(_site(address), 0.0) - self._monotonic()) > 0:
            if rest > self._settings.max_wait_s:
                raise RateLimited(f"{address} asks to be left alone for {rest:.0f} s; it is asked again then", rest)
            self._sleep(rest)

    def _heed(self, address: httpx2.URL, headers: httpx2.Headers) -> None:
        """Remember that an answer asked for a pause before the next request."""
        asked = headers.get("Backoff", "").strip()
        if asked.isascii() and asked.isdigit():
            self._not_before[_site(address)] = self._monotonic() + float(asked[:9])

    def _wait(self, address: httpx2.URL, again: _Again, attempt: int) -> None:
        """Sleep before the next try, or give the site up for now."""
        asked_s, longest_s = again.retry_after_s, self._settings.max_wait_s
        if asked_s is not None and asked_s > longest_s:
            raise RateLimited(f"{address} asks to be left alone for {asked_s:.0f} s; it is asked again then", asked_s) from again
        if attempt == self._settings.attempts:
            _give_up(address, again, attempt)
        wait_s = asked_s if asked_s is not None else min(longest_s, _BACK_OFF_S * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
        log.info("%s: %s; trying again in %.1f s", address, again, wait_s)
        self._sleep(wait_s)


def _give_up(address: httpx2.URL, again: _Again, attempts: int) -> NoReturn:
    message = f"{address} could not be read, tried {attempts} times: {again}; the next ingest tries again"
    if again.limited:
        raise RateLimited(message, again.retry_after_s) from again
    raise SourceError(message) from again


def _address(url: str, params: Mapping[str, str | int] | None) -> httpx2.URL:
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise SourceError(f"{url!r} is not an address ({error}): check the settings") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise SourceError(f"{url!r} is not an http or https address: check the settings")
    return address.copy_merge_params(dict(params)) if params else address


def _site(address: httpx2.URL) -> str:
    """Name the site an address is on: whoever must not be asked twice at once."""
    if address.port is None and (address.host == "arxiv.org" or address.host.endswith(".arxiv.org")):
        return "arxiv.org"
    return address.netloc.decode("ascii")


def _next(address: httpx2.URL, location: str) -> httpx2.URL:
    """Return where a redirect leads, if that is on the same site and no less private."""
    try:
        target = address.join(location)
    except httpx2.InvalidURL as error:
        raise SourceError(f"{address} redirects to no address ({error})") from error
    private = target.scheme == "https" or (target.scheme, address.scheme) == ("http", "http")
    if not location or not private or _site(target) != _site(address):
        raise SourceError(
            f"{address} redirects to {location[:_HEADER_CHARS]!r}, off the site; if that is meant, put it in the settings"
        )
    return target


def _validators(headers: Mapping[str, str]) -> Validators:
    etag, modified = (
        value if value and len(value) <= _HEADER_CHARS else None for value in (headers.get("etag"), headers.get("last-modified"))
    )
    return Validators(etag, modified)


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds until the site wants to be asked again; a date is read against the site's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then, now = (parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
    except (TypeError, ValueError):
        return None
    return max(0.0, (_aware(then) - _aware(now)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _user_agent(contact: str) -> str:
    try:
        release = version("broadsheet")
    except PackageNotFoundError:  # run from a checkout that is not installed
        release = "0"
    shown = "".join(c for c in contact.strip() if " " <= c <= "~" and c not in "()")
    return f"Broadsheet/{release} (+{shown})" if shown else f"Broadsheet/{release}"

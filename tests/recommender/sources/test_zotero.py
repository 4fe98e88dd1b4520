"""Zotero's API as its documentation describes it, on good days and on bad ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx2
import pytest

from recommender.errors import BadFeed, RateLimited, SourceError
from recommender.library import MOST_ENTRIES
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher
from recommender.sources.zotero import Library, ZoteroLibrary, entry_of

KEY = "P9NiFoyLeZu2bZNvvuQPDWsd"
Answers = Callable[[httpx2.Request], httpx2.Response]


def item(number: int, **data: Any) -> dict[str, Any]:
    facts = {
        "key": f"K{number}",
        "itemType": "journalArticle",
        "title": f"Paper number {number} about lighthouses",
        "creators": [],
    }
    return {"key": f"K{number}", "version": number, "data": {**facts, **data}}


def page(items: object, *, total: int | None = None, version: int = 42, **headers: str) -> httpx2.Response:
    count = total if total is not None else len(items) if isinstance(items, list) else 0
    shown = {"Total-Results": str(count), "Last-Modified-Version": str(version), **headers}
    return httpx2.Response(200, content=iter([json.dumps(items).encode()]), headers=shown)


class Elsewhere:
    """Zotero, and who asked it what."""

    def __init__(self, answers: Answers) -> None:
        self.asked: list[httpx2.Request] = []
        self.slept: list[float] = []
        self.now = 0.0
        self._answers = answers

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self._answers(request)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def read(self, *, since: str = "", **changes: Any) -> Library:
        settings = SourcesSettings(**{"min_interval_s": 0, "attempts": 2, **changes})
        transport = httpx2.MockTransport(self)
        with Fetcher(settings, transport=transport, sleep=self.sleep, monotonic=lambda: self.now) as fetcher:
            return ZoteroLibrary(settings, fetcher).read("475425", KEY, since=since)


def test_a_library_is_read_page_by_page_oldest_first() -> None:
    items = [item(number) for number in range(250)]  # the newest first, as asked for

    def answers(request: httpx2.Request) -> httpx2.Response:
        start = int(request.url.params["start"])
        return page(items[start : start + 100], total=250, version=42 + start)  # it changes while it is read

    zotero = Elsewhere(answers)
    found = zotero.read()
    assert [request.url.params["start"] for request in zotero.asked] == ["0", "100", "200"]
    assert len(found.entries) == found.total == 250
    assert found.entries[0].title.startswith("Paper number 249")
    assert found.cursor == "42"  # the version of the first page: later changes are read the next time


def test_the_key_travels_in_a_header_alone() -> None:
    zotero = Elsewhere(lambda _: page([]))
    zotero.read()
    (request,) = zotero.asked
    assert str(request.url).startswith("https://api.zotero.org/users/475425/items/top?")
    assert KEY not in str(request.url)
    assert (request.headers["Zotero-API-Key"], request.headers["Zotero-API-Version"]) == (KEY, "3")
    assert "since" not in request.url.params


def test_only_what_is_new_is_asked_for() -> None:
    zotero = Elsewhere(lambda _: httpx2.Response(304, headers={"Last-Modified-Version": "42"}))
    assert zotero.read(since="42") == Library((), "42", 0)
    (request,) = zotero.asked
    assert request.url.params["since"] == request.headers["If-Modified-Since-Version"] == "42"


def test_an_endless_library_is_read_to_a_bound() -> None:
    zotero = Elsewhere(lambda request: page([item(int(request.url.params["start"]) + n) for n in range(100)], total=10**9))
    assert len(zotero.read().entries) == MOST_ENTRIES
    assert len(zotero.asked) == MOST_ENTRIES // 100


def test_a_total_that_lies_ends() -> None:
    zotero = Elsewhere(lambda request: page([item(1)] if request.url.params["start"] == "0" else [], total=5000))
    assert len(zotero.read().entries) == 1
    assert len(zotero.asked) == 2


def test_a_pause_it_asks_for_is_kept() -> None:
    zotero = Elsewhere(lambda request: page([item(int(request.url.params["start"]))], total=150, Backoff="7"))
    zotero.read()
    assert zotero.slept == [7.0]
    impatient = Elsewhere(lambda _: page([item(1)], total=150, Backoff="4000"))
    with pytest.raises(RateLimited, match="4000 s"):
        impatient.read()


def test_too_many_requests_wait_or_give_up() -> None:
    zotero = Elsewhere(lambda _: page([]) if len(zotero.asked) > 1 else httpx2.Response(429, headers={"Retry-After": "9"}))
    zotero.read()
    assert zotero.slept == [9.0]
    closed = Elsewhere(lambda _: httpx2.Response(503, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        closed.read()
    assert caught.value.retry_after_s == 3600


@pytest.mark.parametrize(
    ("status", "told"), [(403, "refused the key"), (404, "no library of that user id"), (500, "could not be read")]
)
def test_a_refusal_is_told_in_words_without_the_key(status: int, told: str) -> None:
    zotero = Elsewhere(lambda _: httpx2.Response(status))
    with pytest.raises(SourceError, match=told) as caught:
        zotero.read()
    assert KEY not in str(caught.value)


def test_the_key_is_not_carried_off_the_site() -> None:
    zotero = Elsewhere(lambda _: httpx2.Response(302, headers={"Location": "https://evil.example/"}))
    with pytest.raises(SourceError, match="off the site"):
        zotero.read()
    assert len(zotero.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1}', b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_list_is_told(body: bytes) -> None:
    zotero = Elsewhere(lambda _: httpx2.Response(200, content=iter([body])))
    with pytest.raises(BadFeed):
        zotero.read()


def test_an_item_becomes_an_entry() -> None:
    creators = [
        {"creatorType": "author", "firstName": "Ida", "lastName": "Keeper"},
        {"creatorType": "editor", "firstName": "E.", "lastName": "Ditor"},
        {"creatorType": "author", "name": "The Harbour Group"},
    ]
    data = {"abstractNote": "We <i>look</i>.", "date": "2019-05-12", "DOI": "10.1000/L.1", "url": "https://example.org/1"}
    entry = entry_of(item(1, creators=creators, **data))
    assert entry is not None
    assert (entry.authors, entry.published, entry.doi) == (("Ida Keeper", "The Harbour Group"), date(2019, 5, 12), "10.1000/l.1")
    assert (entry.abstract, entry.url) == ("We <i>look</i>.", "https://example.org/1")


@pytest.mark.parametrize(
    "data",
    [
        {"url": "https://arxiv.org/abs/2601.01234v2"},
        {"archiveID": "arXiv:2601.01234", "itemType": "preprint"},
        {"DOI": "10.48550/arXiv.2601.01234"},
        {"extra": "Citation Key: x\narXiv:2601.01234 [cs.LG]"},
    ],
)
def test_arxiv_is_recognised_wherever_it_stands(data: dict[str, str]) -> None:
    entry = entry_of(item(1, **data))
    assert entry is not None
    assert entry.arxiv == "arxiv:2601.01234"
    assert entry.doi is None


@pytest.mark.parametrize(
    "odd",
    [
        None, 7, [], {}, {"data": None}, {"data": []}, {"data": {}}, item(1, itemType="attachment"), item(1, itemType="note"),
        item(1, title=""),
        item(1, title=7), item(1, title=None), {"data": {"title": ["x"]}},
    ],
)  # fmt: skip
def test_what_is_no_paper_is_passed_over(odd: object) -> None:
    assert entry_of(odd) is None


@pytest.mark.parametrize(
    "odd", [{"creators": 7}, {"creators": [7, None, {"name": 1}]}, {"date": ["x"]}, {"DOI": {}}, {"extra": "x " * 10**5}]
)
def test_odd_fields_cost_only_themselves(odd: dict[str, Any]) -> None:
    assert entry_of(item(1, **odd)) is not None

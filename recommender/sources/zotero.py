"""A reader's number and key in, the papers of their Zotero library out: what came in or changed since the last reading.

Version 3 of Zotero's API: https://www.zotero.org/support/dev/web_api/v3/basics. The key travels in a header and stands in no address.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recommender.errors import BadFeed, SourceError
from recommender.library import MOST_ENTRIES, Entry, make_entry
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Answer, Fetcher

__all__ = ["Library", "ZoteroLibrary", "entry_of"]

_PAGE = 100  # the API gives no more at once
_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_UNCHANGED, _FORBIDDEN, _ABSENT = 304, 403, 404
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Library:
    """What one reading found.

    Attributes
    ----------
    entries : tuple of Entry
        What came in or changed, the oldest first; the newest two thousand of a library that is read for the first time.
    cursor : str
        The library's version, for the next reading.
    total : int
        How many items Zotero said there are to read.
    """

    entries: tuple[Entry, ...]
    cursor: str
    total: int


class ZoteroLibrary:
    """One person's library at Zotero.

    Parameters
    ----------
    settings : SourcesSettings
    fetcher : Fetcher
    """

    def __init__(self, settings: SourcesSettings, fetcher: Fetcher) -> None:
        self._base = settings.zotero_url.rstrip("/")
        self._fetcher = fetcher

    def read(self, account: str, key: str, *, since: str = "") -> Library:
        """Return what is new in a library.

        Parameters
        ----------
        account : str
            The owner's user id: digits.
        key : str
            An API key that may read the library.
        since : str, default=""
            The cursor of the last reading; empty reads all.

        Raises
        ------
        RateLimited
            If Zotero asks us to come back later.
        SourceError
            If the key or the number is refused, or Zotero cannot be read; the message is for the reader.
        BadFeed
            If the answer is not what the API promises.
        """
        url = f"{self._base}/users/{account}/items/top"
        headers = {"Zotero-API-Key": key, "Zotero-API-Version": "3"}
        if since:
            headers["If-Modified-Since-Version"] = since
        entries: list[Entry] = []
        cursor, total, start = since, 0, 0
        while start < MOST_ENTRIES:
            query: dict[str, str | int] = {
                "format": "json",
                "limit": _PAGE,
                "start": start,
                "sort": "dateAdded",
                "direction": "desc",
            }
            if since:
                query["since"] = since
            answer = self._fetcher.ask(url, query, headers=headers, told=frozenset({_FORBIDDEN, _ABSENT}))
            items = _items(answer)
            if items is None:
                break
            if start == 0:  # what changes while pages are turned is read the next time
                cursor, total = _number(answer, "last-modified-version", since), int(_number(answer, "total-results", "0"))
            entries += [entry for item in items if (entry := entry_of(item)) is not None]
            start += _PAGE
            if not items or start >= total:
                break
        return Library(tuple(reversed(entries)), cursor, total)


def entry_of(item: object) -> Entry | None:
    """Return one item as an entry; None when it is no paper, or malformed, which costs the others nothing."""
    data = item.get("data") if isinstance(item, Mapping) else None
    if not isinstance(data, Mapping) or data.get("itemType") in _NO_PAPERS:
        return None
    text = {name: value for name, value in data.items() if isinstance(value, str)}
    extra = text.get("extra", "")[:2000]
    try:
        return make_entry(
            text.get("title", "")[:80],
            text.get("title", ""),
            abstract=text.get("abstractNote", ""),
            authors=_creators(data.get("creators")),
            when=text.get("date", ""),
            doi=text.get("DOI", "") or extra,
            pointers=[text.get(name, "")[:500] for name in ("archiveID", "archiveLocation", "DOI", "url")]
            + re.split(r"\s+", extra),
        )
    except Exception:  # whatever one item holds, the rest of the library is read
        log.warning("Zotero: an item that cannot be read is skipped")
        return None


def _items(answer: Answer) -> list[Any] | None:
    """Return the items of one page; None where nothing has changed."""
    if answer.status == _UNCHANGED:
        return None
    if answer.status == _FORBIDDEN:
        raise SourceError("Zotero refused the key: make a new one that may read your library, and connect again")
    if answer.status == _ABSENT:
        raise SourceError("Zotero knows no library of that user id: look it up on the page where keys are made")
    try:
        page = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise BadFeed(f"Zotero's answer is not JSON ({type(error).__name__}); it is asked again later") from error
    if not isinstance(page, list):
        raise BadFeed(f"Zotero's answer is a {type(page).__name__} and not a list: has its API changed?")
    return page[:_PAGE]


def _number(answer: Answer, header: str, default: str) -> str:
    value = answer.headers.get(header, "").strip()
    return value if value.isascii() and value.isdigit() and len(value) < 19 else default


def _creators(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, Mapping) and one.get("creatorType", "author") in ("author", "inventor", "programmer", "presenter"):
            parts = [one.get("firstName"), one.get("lastName"), one.get("name")]
            yield " ".join(part for part in parts if isinstance(part, str))

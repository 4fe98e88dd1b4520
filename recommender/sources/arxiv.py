"""arXiv's announcement feed and Atom API in, papers out.

The feed decides what is new today and which edition it belongs to; the API, whose index can lag behind, only fills in what the
feed does not say. The feed's `published` is the day of the announcement, the API's is the first version.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote
from xml.parsers import expat

import feedparser

from recommender.errors import BadFeed, SourceError
from recommender.ids import abstract_url, arxiv_id, pdf_url
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher
from recommender.text import COMMENT_CHARS, TITLE_CHARS, clean, is_withdrawn, names, split_names
from recommender.types import ANNOUNCEMENTS, Paper

__all__ = ["ArxivSource"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_BATCH = 50  # ids asked for in one request to the API
_CATEGORIES = 30
_DEPTH = 20
_ELEMENTS = 150_000
_ROOT = "http://www.w3.org/2005/Atom feed"
_ID = re.compile(r"(?:abs/|arXiv\.org:)(?P<id>\S+?)(?:v(?P<version>[0-9]{1,3}))?$")
_PREFIX = re.compile(r"^\s*arXiv:\S+\s+Announce Type:\s*(?P<type>[a-z-]+)\s+(?:Abstract:\s*)?", re.IGNORECASE)


class ArxivSource:
    """What arXiv announced in the categories followed, and any paper by its id.

    Parameters
    ----------
    settings : SourcesSettings
    fetcher : Fetcher
    """

    name: str = "arxiv"

    def __init__(self, settings: SourcesSettings, fetcher: Fetcher) -> None:
        self._settings = settings
        self._fetcher = fetcher

    def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
        """Yield the papers of the latest announcement, replacements included, without withdrawn ones.

        Parameters
        ----------
        since : date
            An announcement of an earlier day (a batch that is served again) yields nothing.
        now : datetime
            UTC.

        Raises
        ------
        BadFeed
            If the feed is not what arXiv promises, or does not know a category.
        SourceError
            If the feed cannot be read. The API may fail: then the papers come as the feed has them.
        """
        announced = [paper for paper in self._announced(now) if paper.edition >= since]
        ask_api = self._settings.arxiv_details
        for batch in _batches(announced):
            details: dict[str, Paper] = {}
            if ask_api:
                try:
                    details = {paper.id: paper for paper in self._details([paper.id for paper in batch])}
                except SourceError as error:
                    log.warning("arXiv's API gives no details, the announcement is taken as it is: %s", error)
                    ask_api = False
            for paper in batch:
                full = _merged(paper, details.get(paper.id))
                if not is_withdrawn(full.comment, full.abstract):
                    yield full

    def lookup(self, ids: Sequence[str]) -> Iterator[Paper]:
        """Yield the papers of the given ids that arXiv knows and that are not withdrawn; their edition is the day of `published`.

        Parameters
        ----------
        ids : sequence of str
            `arxiv:2601.01234` or any other form `recommender.ids` understands; what it does not is skipped.

        Raises
        ------
        SourceError
            If the API cannot be read.
        """
        canonical = list(dict.fromkeys(found for one in ids if (found := arxiv_id(one))))
        for batch in _batches(canonical):
            for paper in self._details(batch):
                if not is_withdrawn(paper.comment, paper.abstract):
                    yield paper

    def _announced(self, now: datetime) -> list[Paper]:
        categories = "+".join(quote(category, safe="") for category in self._settings.arxiv_categories)
        body = self._fetcher.get(f"{self._settings.arxiv_feed_url.rstrip('/')}/{categories}")
        if body is None:
            return []
        feed = _parse(body, "arXiv's announcement feed")
        if "feed error for query" in str(feed.feed.get("title", "")).lower():
            raise BadFeed(f"arXiv knows no such categories: {categories}; check BROADSHEET_SOURCES__ARXIV_CATEGORIES")
        papers: dict[str, Paper] = {}
        for entry in feed.entries:
            paper = _announcement(entry, now)
            if paper is None:
                log.warning(
                    "arXiv's announcement feed: an entry without id, title or date is skipped: %.80s", entry.get("id", "")
                )
            else:
                papers.setdefault(paper.id, paper)
        return list(papers.values())

    def _details(self, ids: Sequence[str]) -> Iterator[Paper]:
        """Ask the API for up to 50 ids; a page can come back empty by mistake, so that is asked once more."""
        wanted = {paper_id: paper_id.removeprefix("arxiv:") for paper_id in ids}
        query: dict[str, str | int] = {"id_list": ",".join(wanted.values()), "start": 0, "max_results": len(wanted)}
        entries: list[Any] = []
        for _ in range(2):
            body = self._fetcher.get(self._settings.arxiv_api_url, query, conditional=False)
            entries = _parse(body or b"", "arXiv's API").entries
            if entries:
                break
        for entry in entries:
            paper = _detail(entry)
            if paper is not None and paper.id in wanted:
                yield paper


def _parse(body: bytes, origin: str) -> Any:
    """Parse a well-formed Atom feed of sane shape that declares no entities; feedparser alone would take anything."""
    depth = elements = 0

    def refuse(*_: object) -> None:
        raise BadFeed(f"{origin} declares a document type; a feed has none, so this is something else (a proxy's page?)")

    def start(name: str, _: object) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if elements == 1 and name != _ROOT:
            raise BadFeed(f"{origin} is not an Atom feed: it starts with <{name.rpartition(' ')[2][:40]}>")
        if depth > _DEPTH or elements > _ELEMENTS:
            raise BadFeed(f"{origin} is nested deeper or has more elements than any feed of papers")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise BadFeed(f"{origin} is not well-formed XML ({error}); the next ingest reads it again") from error
    # Titles and abstracts are text, not HTML: sanitising could eat `$a<b$`. A stream, because bytes could be taken for an address.
    try:
        return feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # such as an address like http://[
        raise BadFeed(f"{origin} cannot be understood ({error}); the next ingest reads it again") from error


def _announcement(entry: Any, now: datetime) -> Paper | None:
    """Read one entry of the announcement feed, or None when it lacks what a paper must have."""
    paper_id, version = _identity(entry)
    title, midnight = clean(entry.get("title", ""), TITLE_CHARS), _moment(entry.get("published"))
    if paper_id is None or not title or midnight is None:
        return None
    if midnight.date() > now.date() + timedelta(days=1):
        log.warning("arXiv dates %s to %s, which is yet to come: it is taken as announced today", paper_id, midnight.date())
        midnight = now
    summary = entry.get("summary", "")
    prefix = _PREFIX.match(summary)
    announce = entry.get("arxiv_announce_type") or (prefix["type"] if prefix else "new")
    return Paper(
        id=paper_id,
        title=title,
        abstract=clean(summary[prefix.end() :] if prefix else summary),
        authors=names(name for author in entry.get("authors", ()) for name in split_names(author.get("name", ""))),
        categories=_categories(entry),
        published=midnight.astimezone(UTC),
        edition=midnight.date(),  # the date as arXiv writes it, in its own zone
        source=ArxivSource.name,
        announce=announce if announce in ANNOUNCEMENTS else "new",
        version=version,
        url=abstract_url(paper_id),
        pdf_url=pdf_url(paper_id),
    )


def _detail(entry: Any) -> Paper | None:
    """Read one entry of the API; an error comes as an entry too, and is none."""
    paper_id, version = _identity(entry)
    title, published = clean(entry.get("title", ""), TITLE_CHARS), _moment(entry.get("published"))
    if paper_id is None or not title or published is None:
        return None
    return Paper(
        id=paper_id,
        title=title,
        abstract=clean(entry.get("summary", "")),
        authors=names(author.get("name", "") for author in entry.get("authors", ())),
        categories=_categories(entry),
        published=published.astimezone(UTC),
        edition=published.astimezone(UTC).date(),
        source=ArxivSource.name,
        version=version,
        url=abstract_url(paper_id),
        pdf_url=pdf_url(paper_id),
        comment=clean(entry.get("arxiv_comment", ""), COMMENT_CHARS) or None,
    )


def _merged(paper: Paper, detail: Paper | None) -> Paper:
    """Return what was announced, with what only the API knows; the feed is the fresher of the two."""
    if detail is None:
        return paper
    return replace(
        paper,
        abstract=paper.abstract or detail.abstract,
        authors=detail.authors or paper.authors,
        categories=detail.categories or paper.categories,
        published=min(paper.published, detail.published),
        comment=detail.comment,
        version=max(paper.version, detail.version),
    )


def _identity(entry: Any) -> tuple[str | None, int]:
    found = _ID.search(entry.get("id", ""))
    return (arxiv_id(found["id"]), int(found["version"] or 1)) if found else (None, 1)


def _categories(entry: Any) -> tuple[str, ...]:
    """Return the entry's categories, each once, the primary one first."""
    primary = (entry.get("arxiv_primary_category") or {}).get("term")
    terms: Iterable[str | None] = (primary, *(tag.get("term") for tag in entry.get("tags", ())))
    return tuple(dict.fromkeys(term for term in terms if term and len(term) <= 40))[:_CATEGORIES]


def _moment(text: str | None) -> datetime | None:
    """Read a time with its zone, or None."""
    try:
        moment = datetime.fromisoformat(text or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # the first and the last days of the calendar do not exist everywhere
    except (ValueError, OverflowError):
        return None
    return moment


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]

"""Hugging Face's daily papers in, papers with up-votes, organisation and code out.

The day is `submittedOnDailyAt`; `publishedAt` is arXiv's date, days to weeks older. A field may stand at the top of an entry or under
`paper`, in camelCase or snake_case: every one is looked for in all four places.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from recommender.errors import BadFeed
from recommender.ids import abstract_url, arxiv_id, pdf_url
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher
from recommender.text import NAME_CHARS, TITLE_CHARS, clean, names, web_address
from recommender.types import Paper, Signals

__all__ = ["HuggingFaceSource"]

log = logging.getLogger(__name__)

_PAGE = 100
_PAGES = 50
_COUNT = 1_000_000_000  # no count is larger


class HuggingFaceSource:
    """What was submitted to Hugging Face's daily papers.

    Parameters
    ----------
    settings : SourcesSettings
    fetcher : Fetcher
    """

    name: str = "huggingface"

    def __init__(self, settings: SourcesSettings, fetcher: Fetcher) -> None:
        self._url = settings.huggingface_url
        self._fetcher = fetcher

    def fetch(self, since: date, *, now: datetime) -> Iterator[Paper]:
        """Yield the papers of every day from `since` to today, oldest day first; votes and comments are as of now.

        Parameters
        ----------
        since : date
        now : datetime
            UTC.

        Raises
        ------
        BadFeed
            If a page is not a list in JSON.
        SourceError
            If a page cannot be read, or the day is refused.
        """
        today = now.astimezone(UTC).date()
        seen: set[str] = set()
        for offset in range((today - since).days + 1):
            for paper in self._day(since + timedelta(days=offset), today):
                if paper.id not in seen and paper.edition >= since:
                    seen.add(paper.id)
                    yield paper

    def _day(self, day: date, today: date) -> Iterator[Paper]:
        """Turn the pages of one day until one is empty or brings nothing new."""
        seen: set[str] = set()
        for page in range(_PAGES):
            # Only the first page is asked for conditionally: an empty last page that "has not changed" would have no end.
            query: dict[str, str | int] = {"date": day.isoformat(), "limit": _PAGE, "p": page}
            body = self._fetcher.get(self._url, query, conditional=page == 0)
            if body is None:
                continue
            entries = _entries(body, day)
            papers = [paper for entry in entries if (paper := self._read(entry, day, today)) is not None]
            fresh = [paper for paper in papers if paper.id not in seen]
            yield from fresh
            seen.update(paper.id for paper in fresh)
            if not entries or (papers and not fresh):
                return

    def _read(self, entry: object, day: date, today: date) -> Paper | None:
        """Read one entry; None when it is withdrawn, or malformed, which is reported and costs the others nothing."""
        if not isinstance(entry, Mapping):
            log.warning("Hugging Face, %s: an entry that is no object is skipped", day)
            return None
        fields = _Fields(entry)
        if fields.get("withdrawnAt") is not None:
            return None
        paper_id, title = arxiv_id(fields.text("id")), clean(fields.text("title"), TITLE_CHARS)
        if paper_id is None or not title:
            log.warning("Hugging Face, %s: an entry without arXiv id or title is skipped: %.80r", day, fields.get("id"))
            return None
        submitted, published = _moment(fields.get("submittedOnDailyAt")), _moment(fields.get("publishedAt"))
        edition = submitted.date() if submitted and submitted.date() <= today else day
        midnight = datetime(edition.year, edition.month, edition.day, tzinfo=UTC)
        return Paper(
            id=paper_id,
            title=title,
            abstract=clean(fields.text("summary")),
            authors=names(_authors(fields.get("authors"))),
            categories=(),
            published=min(published, midnight) if published else midnight,
            edition=edition,
            source=self.name,
            url=abstract_url(paper_id),
            pdf_url=pdf_url(paper_id),
            code_url=web_address(fields.get("githubRepo")),
            project_url=web_address(fields.get("projectPage")),
            organization=_called(fields.get("organization")),
            submitter=_called(fields.get("submittedOnDailyBy")) or _called(fields.get("submittedBy")),
            signals=Signals(_count(fields.get("upvotes")), _count(fields.get("numComments")), _count(fields.get("githubStars"))),
        )


class _Fields:
    """One entry, both its levels and both spellings of a name."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        inner = entry.get("paper")
        self._levels = (inner, entry) if isinstance(inner, Mapping) else (entry,)

    def get(self, name: str) -> Any:
        """Return the first value that says anything, or None."""
        spellings = (name, re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", name))
        values = (level.get(spelling) for level in self._levels for spelling in spellings)
        return next((value for value in values if value not in (None, "", {}, [])), None)

    def text(self, name: str) -> str:
        """Return the value when it is text, else nothing."""
        value = self.get(name)
        return value if isinstance(value, str) else ""


def _entries(body: bytes, day: date) -> list[object]:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadFeed(f"Hugging Face's papers of {day} are not JSON ({error}); the next ingest reads them again") from error
    if not isinstance(page, list):
        raise BadFeed(f"Hugging Face's papers of {day} are a {type(page).__name__} and not a list: has its API changed?")
    return page


def _authors(value: object) -> Iterator[str]:
    for author in value if isinstance(value, list) else ():
        name = author.get("name") if isinstance(author, Mapping) and not author.get("hidden") else author
        if isinstance(name, str):
            yield name


def _called(value: object) -> str | None:
    """Return the name by which a person or an organisation is shown."""
    candidates = [value.get(key) for key in ("fullname", "name", "user")] if isinstance(value, Mapping) else [value]
    return next((shown for one in candidates if isinstance(one, str) and (shown := clean(one, NAME_CHARS))), None)


def _count(value: object) -> int | None:
    """Return a whole count, None when there is none; what is below nothing is nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return max(0, min(round(value), _COUNT))


def _moment(value: object) -> datetime | None:
    """Read a time as UTC, or None."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else moment and moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None

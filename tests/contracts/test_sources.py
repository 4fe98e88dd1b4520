"""What every source promises, asked of every source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from recommender.settings import SourcesSettings
from recommender.sources import SOURCES, Fetcher, Source, open_source
from recommender.types import Paper

DATA = Path(__file__).parents[1] / "data"
NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
DAY = NOW.date()


def _replies(request: httpx2.Request) -> httpx2.Response:
    """Stand in for the outside world on one day."""
    host, query = request.url.host, request.url.params
    if host == "rss.arxiv.org":
        body = (DATA / "arxiv_feed.xml").read_bytes()
    elif host == "export.arxiv.org":
        body = (DATA / "arxiv_api.xml").read_bytes()
    elif (query.get("date"), query.get("p")) == (DAY.isoformat(), "0"):
        body = (DATA / "huggingface.json").read_bytes()
    else:
        body = b"[]"
    return httpx2.Response(200, content=iter([body]), headers={"ETag": '"e"'})


@dataclass
class Opened:
    source: Source
    fetcher: Fetcher

    def papers(self, since: date = DAY, now: datetime = NOW) -> list[Paper]:
        return list(self.source.fetch(since, now=now))


@pytest.fixture(params=list(SOURCES))
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    settings = SourcesSettings(min_interval_s=0)
    with Fetcher(settings, transport=httpx2.MockTransport(_replies)) as fetcher:
        yield Opened(open_source(request.param, settings, fetcher), fetcher)


def test_it_is_a_source_and_has_its_name(opened: Opened) -> None:
    assert isinstance(opened.source, Source)
    assert SOURCES[opened.source.name]
    assert opened.papers()
    assert {paper.source for paper in opened.papers()} == {opened.source.name}


def test_it_is_an_iterator_that_does_nothing_before_it_is_asked(opened: Opened) -> None:
    papers = opened.source.fetch(DAY, now=NOW)
    assert opened.fetcher.fresh_validators == {}
    assert isinstance(next(papers), Paper)


def test_editions_lie_between_since_and_today(opened: Opened) -> None:
    for days in range(4):
        since = DAY - timedelta(days=days)
        assert all(since <= paper.edition <= DAY for paper in opened.papers(since))


def test_nothing_is_announced_after_today(opened: Opened) -> None:
    assert opened.papers(since=DAY + timedelta(days=1)) == []


def test_an_earlier_since_loses_nothing(opened: Opened) -> None:
    assert {paper.id for paper in opened.papers()} <= {paper.id for paper in opened.papers(DAY - timedelta(days=3))}


def test_asked_twice_it_says_the_same(opened: Opened) -> None:
    assert opened.papers() == opened.papers()


def test_every_id_comes_once_with_its_namespace(opened: Opened) -> None:
    ids = [paper.id for paper in opened.papers(DAY - timedelta(days=3))]
    assert len(set(ids)) == len(ids)
    assert {paper_id.partition(":")[0] for paper_id in ids} <= {"arxiv", "sample"}


def test_times_are_utc_and_no_paper_appears_after_its_edition(opened: Opened) -> None:
    for paper in opened.papers():
        assert paper.published.utcoffset() == timedelta(0)
        assert paper.published.date() <= paper.edition
        assert type(paper.edition) is date


def _texts(paper: Paper) -> Iterator[str]:
    yield from (paper.title, paper.abstract, *paper.authors, *paper.categories)
    yield from filter(None, (paper.comment, paper.organization, paper.submitter))


def test_text_is_one_clean_bounded_line(opened: Opened) -> None:
    for paper in opened.papers():
        assert paper.title
        assert len(paper.title) <= 600
        assert len(paper.abstract) <= 20_000
        assert len(paper.authors) <= 500
        for text in _texts(paper):
            assert text == " ".join(text.split()), paper.id
            assert text.isprintable(), paper.id


LINKS: tuple[Callable[[Paper], str | None], ...] = (
    lambda paper: paper.url,
    lambda paper: paper.pdf_url,
    lambda paper: paper.code_url,
    lambda paper: paper.project_url,
)


def test_links_are_web_addresses_or_nothing(opened: Opened) -> None:
    for paper in opened.papers():
        for link in LINKS:
            address = link(paper)
            assert address is None or urlsplit(address).scheme in ("http", "https")


def test_announce_version_and_signals_are_in_range(opened: Opened) -> None:
    for paper in opened.papers():
        assert paper.announce in ("new", "cross", "replace", "replace-cross")
        assert paper.version >= 1
        for count in (paper.signals.upvotes, paper.signals.comments, paper.signals.stars):
            assert count is None or (type(count) is int and count >= 0)


def test_only_the_sample_is_invented(opened: Opened) -> None:
    assert {paper.invented for paper in opened.papers()} == {opened.source.name == "sample"}

import json
import logging
from datetime import UTC, date, datetime

import pytest

from recommender.errors import BadFeed, SourceError
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Validators
from recommender.sources.huggingface import HuggingFaceSource
from recommender.types import Signals

from .conftest import DATA, Reply

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
DAY = date(2026, 1, 6)
PAGE = (DATA / "huggingface.json").read_bytes()


@pytest.fixture
def source(fetcher):
    return HuggingFaceSource(SourcesSettings(), fetcher)


def page(*entries):
    return json.dumps(entries).encode()


def one(site, source, **fields):
    site.answers(page({"paper": {"id": "2601.00001", "title": "T"} | fields}), b"[]")
    papers = list(source.fetch(DAY, now=NOW))
    return papers[0] if papers else None


def test_one_day(site, source, caplog):
    site.answers(PAGE, b"[]")
    with caplog.at_level(logging.WARNING):
        papers = list(source.fetch(DAY, now=NOW))
    assert [paper.id for paper in papers] == ["arxiv:2601.00001", "arxiv:2601.00005", "arxiv:2601.00007"]
    first, second, bare = papers
    assert first.title == "Pruning when $a<b$ holds"
    assert first.abstract == "We prune networks."
    assert first.authors == ("Paula André Lima",)
    assert first.published == datetime(2026, 1, 4, tzinfo=UTC)
    assert first.signals == Signals(upvotes=41, comments=2, stars=7)
    assert first.code_url == "https://github.com/a/b"
    assert first.project_url is None  # javascript:
    assert (first.organization, first.submitter) == ("An Institute", "Sub Mitter")
    assert first.url == "https://arxiv.org/abs/2601.00001"
    assert second.published == datetime(2025, 12, 20, tzinfo=UTC)
    assert second.signals == Signals(upvotes=0, comments=0)
    assert (second.project_url, second.submitter) == ("https://example.org/p", "fay")
    assert bare.published == datetime(2026, 1, 6, tzinfo=UTC)
    assert bare.signals == Signals()
    assert {paper.edition for paper in papers} == {DAY}
    assert caplog.text.count("is skipped") == 2


def test_every_day_is_asked_for_until_an_empty_page(site, source):
    site.answers(PAGE, b"[]", b"[]", PAGE.replace(b"2601.0000", b"2601.0001"), b"[]")
    papers = list(source.fetch(date(2026, 1, 4), now=NOW))
    assert [(asked.query["date"], asked.query["p"]) for asked in site.asked] == [
        ("2026-01-04", "0"), ("2026-01-04", "1"), ("2026-01-05", "0"), ("2026-01-06", "0"), ("2026-01-06", "1"),
    ]  # fmt: skip
    # The day is the one of submission, whatever day was asked for.
    assert [paper.edition for paper in papers] == [DAY, date(2026, 1, 4), date(2026, 1, 4), DAY, DAY, DAY]


def test_pages_are_joined(site, source):
    site.answers(page({"id": "2601.00001", "title": "A"}), page({"id": "2601.00002", "title": "B"}), b"[]")
    assert [paper.title for paper in source.fetch(DAY, now=NOW)] == ["A", "B"]


def test_a_page_that_repeats_for_ever_ends(site, source):
    site.answers(PAGE)
    assert len(list(source.fetch(DAY, now=NOW))) == 3
    assert len(site.asked) == 2


def test_a_page_of_nothing_readable_does_not_end_the_day_but_the_pages_are_bounded(site, source, monkeypatch):
    site.answers(page("rubbish"), page({"id": "2601.00002", "title": "B"}), b"[]")
    assert [paper.title for paper in source.fetch(DAY, now=NOW)] == ["B"]
    monkeypatch.setattr("recommender.sources.huggingface._PAGES", 5)
    site.answers(page("rubbish"))
    site.asked.clear()
    assert list(source.fetch(DAY, now=NOW)) == []
    assert len(site.asked) == 5


def test_an_unchanged_first_page_does_not_hide_the_second(site, make_fetcher):
    address = "https://huggingface.co/api/daily_papers?date=2026-01-06&limit=100&p=0"
    fetcher = make_fetcher(validators={address: Validators('"e"')})
    site.answers(Reply(status=304), Reply(page({"id": "2601.00002", "title": "B"}), headers={"ETag": '"f"'}), b"[]")
    assert [paper.title for paper in HuggingFaceSource(SourcesSettings(), fetcher).fetch(DAY, now=NOW)] == ["B"]
    assert ["If-None-Match" in asked.headers for asked in site.asked] == [True, False, False]
    assert fetcher.fresh_validators == {}


def test_a_day_in_the_future_asks_nothing(site, source):
    assert list(source.fetch(date(2026, 1, 7), now=NOW)) == []
    assert site.asked == []


def test_a_submission_dated_to_the_future_is_of_the_day_asked_for(site, source):
    assert one(site, source, submittedOnDailyAt="2199-01-01T00:00:00Z").edition == DAY


def test_earlier_submissions_than_asked_for_are_left_out(site, source):
    assert one(site, source, submittedOnDailyAt="2026-01-05T23:59:59Z") is None


def test_refused_day(site, source):
    site.answers(Reply(status=400))
    with pytest.raises(SourceError, match="status 400"):
        list(source.fetch(DAY, now=NOW))


def test_days_before_the_trouble_are_not_lost(site, source):
    site.answers(PAGE, b"[]", Reply(status=400))
    papers = source.fetch(date(2026, 1, 5), now=NOW)
    assert [next(papers).title for _ in range(3)][2] == "Bare"
    with pytest.raises(SourceError):
        next(papers)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"null", PAGE[:-20], b"[" * 100_000, b"\xff\xfe[]", b"[1" + b"0" * 5000 + b"]"], ids=range(8)
)
def test_what_is_no_list_is_a_bad_feed(site, source, body):
    site.answers(body)
    with pytest.raises(BadFeed, match="2026-01-06"):
        list(source.fetch(DAY, now=NOW))


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (3, 3),
        (3.6, 4),
        (0, 0),
        (-1, 0),
        (None, None),
        (True, None),
        ("7", None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, 10**9),
    ],
)
def test_upvotes(site, source, raw, count):
    assert one(site, source, upvotes=raw).signals.upvotes == count


def test_absent_upvotes(site, source):
    assert one(site, source).signals.upvotes is None


@pytest.mark.parametrize(
    "odd",
    [
        {"authors": {"name": "x"}},
        {"authors": [None, 3, {"name": 3}, ["x"]]},
        {"summary": 3},
        {"organization": [1], "submittedOnDailyBy": 3},
        {"githubRepo": {"url": "x"}},
        {"publishedAt": 5, "submittedOnDailyAt": []},
        {"publishedAt": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_odd_fields_do_not_lose_the_paper(site, source, odd):
    assert one(site, source, **odd).title == "T"


@pytest.mark.parametrize("lost", [{"title": None}, {"title": " \u200b "}, {"title": 5}, {"id": "10.1145/1"}, {"id": 2601}])
def test_papers_without_title_or_id_are_skipped(site, source, lost):
    assert one(site, source, **lost) is None

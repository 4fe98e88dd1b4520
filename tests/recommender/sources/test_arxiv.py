import logging
import time
from datetime import UTC, date, datetime

import pytest

from recommender.errors import BadFeed, SourceError
from recommender.settings import SourcesSettings
from recommender.sources.arxiv import ArxivSource

from .conftest import DATA, Reply

NOW = datetime(2026, 1, 6, 6, 0, tzinfo=UTC)
DAY = date(2026, 1, 6)
FEED = (DATA / "arxiv_feed.xml").read_bytes()
API = (DATA / "arxiv_api.xml").read_bytes()
HEAD, FOOT = FEED[: FEED.index(b"<entry>")], b"</feed>"
EMPTY = HEAD + FOOT


def entry(arxiv_id="2601.00001v1", title=b"A title", published=b"2026-01-06T00:00:00-05:00", extra=b""):
    return b"<entry><id>oai:arXiv.org:%s</id><title>%s</title><published>%s</published>%s</entry>" % (
        arxiv_id.encode(),
        title,
        published,
        extra,
    )


@pytest.fixture
def source(fetcher):
    return ArxivSource(SourcesSettings(arxiv_categories=("cs.LG", "stat.ML")), fetcher)


@pytest.fixture
def plain(fetcher):
    return ArxivSource(SourcesSettings(arxiv_details=False), fetcher)


def fetch(source, since=DAY, now=NOW):
    return {paper.id: paper for paper in source.fetch(since, now=now)}


def test_feed_alone(site, plain):
    site.answers(FEED)
    papers = fetch(plain)
    assert list(papers) == ["arxiv:2601.00001", "arxiv:2512.20002", "arxiv:2511.30003", "arxiv:2601.00004"]
    first = papers["arxiv:2601.00001"]
    assert first.title == "Pruning when $a<b$ holds: a study of Hölder classes"
    assert first.abstract == "We prune networks at <b>50%</b> with $p<0.05$ and lose nothing."
    assert first.authors == ("Paula André Lima", "Hoàng Nguyễn", "Ada King Jr.")
    assert first.categories == ("cs.LG", "stat.ML")
    assert first.edition == DAY
    assert first.published == datetime(2026, 1, 6, 5, 0, tzinfo=UTC)
    assert (first.url, first.pdf_url) == ("https://arxiv.org/abs/2601.00001", "https://arxiv.org/pdf/2601.00001")
    assert [paper.announce for paper in papers.values()] == ["new", "cross", "replace-cross", "replace"]
    assert papers["arxiv:2511.30003"].title == "0"
    assert papers["arxiv:2511.30003"].version == 3
    assert papers["arxiv:2512.20002"].edition == DAY  # an old id, announced today


def test_it_asks_for_all_categories_at_once(site, source):
    site.answers(EMPTY)
    assert fetch(source) == {}
    assert [(asked.host, asked.path) for asked in site.asked] == [("rss.arxiv.org", "/atom/cs.LG+stat.ML")]


def test_details_are_filled_in_and_withdrawn_papers_left_out(site, source):
    site.answers(FEED, API)
    papers = fetch(source)
    assert "arxiv:2601.00004" not in papers
    first = papers["arxiv:2601.00001"]
    assert first.published == datetime(2026, 1, 4, 17, 59, 46, tzinfo=UTC)
    assert first.edition == DAY
    assert first.authors == ("Paula André Lima", "Hoàng Nguyễn", "Ada King Jr")
    assert first.categories == ("stat.ML", "cs.LG")
    assert first.comment == "20 pages, 3 figures"
    assert first.abstract.startswith("We prune networks")  # the feed's, which is the fresher
    assert papers["arxiv:2512.20002"].published == datetime(2026, 1, 6, 5, 0, tzinfo=UTC)  # the API does not know it yet
    assert "arxiv:quant-ph/0201082" not in papers  # not announced, though the API sent it
    asked = site.asked[1]
    assert (asked.host, asked.path) == ("export.arxiv.org", "/api/query")
    assert asked.query == {"id_list": "2601.00001,2512.20002,2511.30003,2601.00004", "start": "0", "max_results": "4"}
    assert asked.at_s - site.asked[0].at_s == 3.0


def test_details_are_asked_for_fifty_at_a_time(site, source):
    site.answers(HEAD + b"".join(entry(f"2601.{n:05}v1") for n in range(1, 121)) + FOOT, API)
    assert len(fetch(source)) == 119  # one of the 120 is withdrawn, the API says
    assert [len(asked.query["id_list"].split(",")) for asked in site.asked[1:]] == [50, 50, 20]


@pytest.mark.parametrize(
    "trouble", [Reply(status=503), Reply(status=400), b"<html></html>", b""], ids=["503", "400", "html", "nothing"]
)
def test_api_trouble_loses_no_paper_and_is_not_repeated(site, source, caplog, trouble):
    site.answers(HEAD + b"".join(entry(f"2601.{n:05}v1") for n in range(1, 121)) + FOOT, trouble)
    with caplog.at_level(logging.WARNING):
        assert len(fetch(source)) == 120
    assert len({asked.query["id_list"] for asked in site.asked[1:]}) == 1
    assert "taken as it is" in caplog.text


def test_an_empty_api_page_is_asked_for_once_more(site, source):
    site.answers(FEED, EMPTY, API)
    assert fetch(source)["arxiv:2601.00001"].comment == "20 pages, 3 figures"
    site.answers(FEED, EMPTY)
    site.asked.clear()
    assert fetch(source)["arxiv:2601.00001"].comment is None
    assert len(site.asked) == 3


def test_an_error_entry_is_never_a_paper(site, source):
    error = b"<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_x</id><title>Error</title><summary>incorrect id</summary>"
    site.answers(HEAD + error + b"<published>2026-01-06T00:00:00-05:00</published></entry>" + FOOT)
    assert list(source.lookup(["2601.00001"])) == []
    assert fetch(source) == {}


def test_an_unchanged_feed_yields_nothing(site, plain):
    site.answers(Reply(status=304))
    assert fetch(plain) == {}


def test_a_stale_batch_keeps_its_day(site, plain):
    site.answers(FEED)
    assert fetch(plain, since=date(2026, 1, 7), now=datetime(2026, 1, 7, 6, tzinfo=UTC)) == {}
    late = fetch(plain, since=DAY, now=datetime(2026, 1, 8, 6, tzinfo=UTC))
    assert {paper.edition for paper in late.values()} == {DAY}


def test_a_day_to_come_is_taken_as_today(site, plain, caplog):
    site.answers(HEAD + entry(published=b"2199-01-06T00:00:00-05:00") + FOOT)
    (paper,) = fetch(plain).values()
    assert (paper.edition, paper.published) == (DAY, NOW)
    assert "yet to come" in caplog.text


def test_a_paper_announced_twice_comes_once(site, plain):
    site.answers(HEAD + entry(title=b"First") + entry(title=b"Second") + FOOT)
    assert [paper.title for paper in plain.fetch(DAY, now=NOW)] == ["First"]


@pytest.mark.parametrize(
    ("extra", "announce", "abstract"),
    [
        (b"<summary>arXiv:2601.00001v1 Announce Type: replace \nAbstract: Text.</summary>", "replace", "Text."),
        (b"<summary>Text without a prefix.</summary>", "new", "Text without a prefix."),
        (b"<arxiv:announce_type>unheard-of</arxiv:announce_type>", "new", ""),
    ],
)
def test_announce_type(site, plain, extra, announce, abstract):
    site.answers(HEAD + entry(extra=extra) + FOOT)
    (paper,) = fetch(plain).values()
    assert (paper.announce, paper.abstract) == (announce, abstract)


@pytest.mark.parametrize(
    "broken",
    [
        entry(title=b"  "),
        entry(published=b"soon"),
        entry(published=b"0001-01-01T00:00:00+14:00"),
        entry("x"),
        entry("1234.5678v1"),
        b"<entry/>",
    ],
    ids=str,
)
def test_a_malformed_entry_costs_the_others_nothing(site, plain, caplog, broken):
    site.answers(HEAD + broken + entry("2601.00002v1") + FOOT)
    assert list(fetch(plain)) == ["arxiv:2601.00002"]
    assert "is skipped" in caplog.text


def test_text_is_text_and_not_html(site, plain):
    title = b"&lt;script&gt;alert(1)&lt;/script&gt; if $a&lt;b$ &amp;amp; $c&gt;d$ {{7*7}} \xe2\x80\xae"
    site.answers(HEAD + entry(title=title) + FOOT)
    (paper,) = fetch(plain).values()
    assert paper.title == "<script>alert(1)</script> if $a<b$ & $c>d$ {{7*7}}"


def test_unknown_category_is_named(site, plain):
    site.answers(EMPTY.replace(b"cs.LG, stat.ML updates on arXiv.org", b'Feed error for query "cs.XX"'))
    with pytest.raises(BadFeed, match=r"cs\.AI\+cs\.CL.*ARXIV_CATEGORIES"):
        fetch(plain)


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
BAD = {
    "nothing": b"",
    "cut": FEED[: len(FEED) // 2],
    "html": b"<!DOCTYPE html><html><body>Sign in to the network</body></html>",
    "xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'><body>Sign in</body></html>",
    "json": b"[]",
    "rss": b"<rss version='2.0'><channel><item><title>x</title></item></channel></rss>",
    "billion laughs": BOMB + b"]><feed xmlns='http://www.w3.org/2005/Atom'><title>&j;</title></feed>",
    "external entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><feed xmlns="http://www.w3.org/2005/Atom"><title>&e;</title></feed>',
    "doctype in utf-16": (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE feed><feed xmlns="http://www.w3.org/2005/Atom"/>'
    ).encode("utf-16"),
    "unknown entity": EMPTY.replace(b"updates", b"&nbsp;"),
    "wrong charset": FEED.replace(b"A theorem", b"Un th\xe9or\xe8me"),
    "unknown charset": FEED.replace(b"'UTF-8'", b"'x-none'"),
    "NUL": FEED.replace(b"A theorem", b"A\x00theorem"),
    "deep": HEAD + b"<entry>" * 200_000 + b"</entry>" * 200_000 + FOOT,
    "wide": HEAD + b"<entry/>" * 200_000 + FOOT,
    "bad address": HEAD
    + entry(extra=b'<link href="http://[" rel="alternate"/>').replace(b"<entry>", b'<entry xml:base="http://[">'),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_feed_is_refused_quickly(site, plain, body):
    site.answers(body)
    started = time.perf_counter()
    with pytest.raises(BadFeed) as caught:
        fetch(plain)
    assert time.perf_counter() - started < 2
    assert "root:" not in str(caught.value)


def test_lookup_gives_the_papers_of_pasted_ids(site, source):
    site.answers(API)
    papers = list(
        source.lookup(["quant-ph/0201082v1", "https://arxiv.org/abs/2601.00001", "arxiv:2601.00004", "2601.00001v3", "rubbish"])
    )
    assert [paper.id for paper in papers] == ["arxiv:2601.00001", "arxiv:quant-ph/0201082"]
    assert [paper.edition for paper in papers] == [date(2026, 1, 4), date(2002, 1, 17)]
    assert papers[0].categories[0] == "stat.ML"
    assert site.asked[0].query["id_list"] == "quant-ph/0201082,2601.00001,2601.00004"


def test_lookup_gives_only_what_was_asked_for(site, source):
    site.answers(API)
    assert [paper.id for paper in source.lookup(["quant-ph/0201082"])] == ["arxiv:quant-ph/0201082"]


def test_lookup_of_nothing_asks_nothing(site, source):
    assert list(source.lookup(["rubbish"])) == []
    assert site.asked == []


def test_lookup_tells_of_trouble(site, source):
    site.answers(Reply(status=400))
    with pytest.raises(SourceError):
        list(source.lookup(["2601.00001"]))


def test_a_crowd_of_authors_is_capped(site, plain):
    crowd = b"<dc:creator>%s</dc:creator>" % b", ".join(b"Author %d" % n for n in range(5000))
    site.answers(HEAD + entry(extra=crowd) + FOOT)
    (paper,) = fetch(plain).values()
    assert len(paper.authors) == 500
    assert paper.authors[-1] == "Author 499"

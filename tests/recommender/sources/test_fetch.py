import gzip
import threading
import tracemalloc

import httpx2
import pytest

from recommender.errors import RateLimited, SourceError
from recommender.settings import SourcesSettings
from recommender.sources.fetch import Fetcher, Validators

from .conftest import Reply

HTTP_NOW = "Tue, 06 Jan 2026 05:00:00 GMT"
HTTP_SOON = "Tue, 06 Jan 2026 05:00:42 GMT"


def gaps(site):
    return [later.at_s - earlier.at_s for earlier, later in zip(site.asked, site.asked[1:], strict=False)]


def test_get_sends_the_query_and_says_who_asks(site, fetcher):
    site.answers(b"hello")
    assert fetcher.get("https://export.arxiv.org/api/query?a=1", {"id_list": "2601.00001,2601.00002", "start": 0}) == b"hello"
    asked = site.asked[0]
    assert (asked.host, asked.path) == ("export.arxiv.org", "/api/query")
    assert asked.query == {"a": "1", "id_list": "2601.00001,2601.00002", "start": "0"}
    assert asked.headers["User-Agent"].startswith("Broadsheet/")
    assert asked.headers["User-Agent"].endswith(" (+editor@example.org)")


def test_contact_cannot_break_out_of_its_header(site, make_fetcher):
    make_fetcher(contact="a@b.org)\r\nX-Evil: é").get("https://arxiv.org/")
    assert "X-Evil" not in site.asked[0].headers
    assert site.asked[0].headers["User-Agent"].endswith("(+a@b.orgX-Evil: )")


def test_all_arxiv_hosts_share_one_pause_and_one_connection(site, fetcher):
    for host in ("rss.arxiv.org", "export.arxiv.org", "arxiv.org", "oaipmh.arxiv.org", "export.arxiv.org"):
        fetcher.get(f"http://{host}/")
    assert gaps(site) == [3.0] * 4
    assert site.connections == 1


def test_pause_is_counted_from_the_end_of_the_last_answer(site, clock, fetcher):
    site.answers(Reply(before=lambda: clock.sleep(20)))
    fetcher.get("https://arxiv.org/a")
    fetcher.get("https://arxiv.org/b")
    assert gaps(site) == [23.0]


def test_another_site_need_not_wait(site, fetcher):
    fetcher.get("https://arxiv.org/")
    fetcher.get("https://huggingface.co/")
    fetcher.get("https://notarxiv.org/")
    assert gaps(site) == [0.0, 0.0]


def test_no_pause_when_time_has_passed_anyway(clock, fetcher):
    fetcher.get("https://arxiv.org/")
    clock.now_s += 10
    fetcher.get("https://arxiv.org/")
    assert clock.slept == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again_later_and_later(site, clock, fetcher, status):
    site.answers(Reply(status=status), Reply(status=status), b"at last")
    assert fetcher.get("https://arxiv.org/") == b"at last"
    first, second = gaps(site)
    assert 3.75 <= first <= 6.25
    assert 7.5 <= second <= 12.5


def test_back_off_never_exceeds_the_longest_wait(site, clock, make_fetcher):
    site.answers(Reply(status=500))
    with pytest.raises(SourceError, match="tried 10 times: status 500"):
        make_fetcher(attempts=10, max_wait_s=20).get("https://arxiv.org/")
    assert len(site.asked) == 10
    assert max(clock.slept) == 20


def test_retry_after_in_seconds_is_obeyed(site, fetcher):
    site.answers(Reply(status=503, headers={"Retry-After": "17"}), b"ok")
    assert fetcher.get("https://arxiv.org/") == b"ok"
    assert gaps(site) == [17.0]


def test_retry_after_as_a_date_is_read_against_the_sites_own_clock(site, fetcher, monkeypatch):
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: HTTP_NOW)
    site.answers(Reply(status=503, headers={"Retry-After": HTTP_SOON}), b"ok")
    assert fetcher.get("https://arxiv.org/") == b"ok"
    assert gaps(site) == [42.0]


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²", "Tue, 99 Jan"])
def test_unreadable_retry_after_falls_back_to_the_own_pause(site, fetcher, value):
    site.answers(Reply(status=503, headers={"Retry-After": value.encode("utf-8").decode("latin-1")}), b"ok")
    assert fetcher.get("https://arxiv.org/") == b"ok"
    assert 3.75 <= gaps(site)[0] <= 6.25


def test_retry_after_of_zero_keeps_the_pause(site, fetcher):
    site.answers(Reply(status=429, headers={"Retry-After": "0"}), b"ok")
    fetcher.get("https://arxiv.org/")
    assert gaps(site) == [3.0]


def test_too_long_a_retry_after_gives_up_at_once(site, clock, fetcher):
    site.answers(Reply(status=429, headers={"Retry-After": "7200"}))
    with pytest.raises(RateLimited, match="7200 s") as caught:
        fetcher.get("https://arxiv.org/")
    assert caught.value.retry_after_s == 7200
    assert len(site.asked) == 1
    assert clock.slept == []


def test_429_to_the_end_is_rate_limited(site, fetcher):
    site.answers(Reply(status=429))
    with pytest.raises(RateLimited) as caught:
        fetcher.get("https://arxiv.org/")
    assert caught.value.retry_after_s is None
    assert len(site.asked) == 4


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 501])
def test_other_statuses_are_errors_at_once(site, fetcher, status):
    site.answers(Reply(b"", status=status))
    with pytest.raises(SourceError, match=f"https?://.*arxiv.org/x.* status {status}"):
        fetcher.get("https://arxiv.org/x")
    assert len(site.asked) == 1


def test_validators_are_learned_but_only_used_by_the_next_fetcher(site, fetcher, make_fetcher):
    site.answers(Reply(headers={"ETag": '"abc"', "Last-Modified": HTTP_NOW}))
    fetcher.get("https://arxiv.org/feed", {"d": 1})
    fetcher.get("https://arxiv.org/feed", {"d": 1})
    assert "If-None-Match" not in site.asked[1].headers
    assert fetcher.fresh_validators == {"https://arxiv.org/feed?d=1": Validators('"abc"', HTTP_NOW)}

    site.answers(Reply(status=304))
    later = make_fetcher(validators=fetcher.fresh_validators)
    assert later.get("https://arxiv.org/feed", {"d": 1}) is None
    assert site.asked[-1].headers["If-None-Match"] == '"abc"'
    assert site.asked[-1].headers["If-Modified-Since"] == HTTP_NOW
    assert later.fresh_validators == {}


def test_unconditional_get_neither_sends_nor_learns(site, make_fetcher):
    site.answers(Reply(headers={"ETag": '"new"'}))
    fetcher = make_fetcher(validators={"https://arxiv.org/": Validators('"old"')})
    fetcher.get("https://arxiv.org/", conditional=False)
    assert "If-None-Match" not in site.asked[0].headers
    assert fetcher.fresh_validators == {}


def test_validators_that_are_absurdly_long_are_not_kept(site, fetcher):
    site.answers(Reply(headers={"ETag": '"' + "x" * 400 + '"'}))
    fetcher.get("https://arxiv.org/")
    assert fetcher.fresh_validators == {}


def test_gzip_is_unpacked(site, fetcher):
    site.answers(Reply(gzip.compress(b"packed" * 100), headers={"Content-Encoding": "gzip"}))
    assert fetcher.get("https://arxiv.org/") == b"packed" * 100


def test_answer_of_exactly_the_limit_is_read_and_one_byte_more_is_not(site, make_fetcher):
    fetcher = make_fetcher(max_bytes=1000)
    site.answers(b"x" * 1000, b"x" * 1001)
    assert fetcher.get("https://arxiv.org/") == b"x" * 1000
    with pytest.raises(SourceError, match=r"more than 1,000 bytes; BROADSHEET_SOURCES__MAX_BYTES"):
        fetcher.get("https://arxiv.org/")
    assert len(site.asked) == 2


def test_gzip_bomb_is_refused_without_being_unpacked(site, make_fetcher):
    bomb = gzip.compress(bytes(100_000_000), compresslevel=6)
    fetcher = make_fetcher(max_bytes=1_000_000)
    site.answers(Reply(bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="more than 1,000,000 bytes"):
            fetcher.get("https://arxiv.org/")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_encodings_not_asked_for_are_refused(site, fetcher, encoding):
    site.answers(Reply(headers={"Content-Encoding": encoding}))
    with pytest.raises(SourceError, match="was not asked for"):
        fetcher.get("https://arxiv.org/")


@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"half", length=100),
        Reply(gzip.compress(b"text" * 50)[:-9], headers={"Content-Encoding": "gzip"}),
        Reply(b"no gzip at all", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["cut", "cut gzip", "no gzip"],
)
def test_damaged_answers_are_tried_again(site, fetcher, broken):
    site.answers(broken, b"whole")
    assert fetcher.get("https://arxiv.org/") == b"whole"
    site.answers(broken)
    with pytest.raises(SourceError, match="tried 4 times"):
        fetcher.get("https://arxiv.org/")


def test_redirects_on_the_site_are_followed_with_pauses(site, fetcher):
    moved = [
        Reply(status=301, headers={"Location": "https://oaipmh.arxiv.org/oai"}),
        Reply(status=302, headers={"Location": "/x?y=1"}),
    ]
    site.answers(*moved, b"there")
    assert fetcher.get("http://export.arxiv.org/oai2") == b"there"
    assert [(asked.host, asked.path) for asked in site.asked] == [
        ("export.arxiv.org", "/oai2"),
        ("oaipmh.arxiv.org", "/oai"),
        ("oaipmh.arxiv.org", "/x"),
    ]
    assert gaps(site) == [3.0, 3.0]


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/",
        "https://arxiv.org@evil.example/",
        "https://arxiv.org.evil.example/",
        "http://169.254.169.254/latest/",
        "https://arxiv.org:8443/",
        "http://arxiv.org/",
        "file:///etc/passwd",
        "//evil.example/x",
        "http://[",
        "",
    ],
)
def test_redirects_off_the_site_are_refused(site, fetcher, location):
    site.answers(Reply(status=302, headers={"Location": location}))
    with pytest.raises(SourceError, match="redirects to"):
        fetcher.get("https://arxiv.org/")
    assert len(site.asked) == 1


def test_redirects_come_to_an_end(site, fetcher):
    site.answers(Reply(status=302, headers={"Location": "/again"}))
    with pytest.raises(SourceError, match="more than 3 times"):
        fetcher.get("https://arxiv.org/")
    assert len(site.asked) == 4


def test_time_out_is_a_source_error(site, make_fetcher):
    release = threading.Event()
    site.answers(Reply(before=lambda: release.wait(10)))
    try:
        with pytest.raises(SourceError, match="ReadTimeout"):
            make_fetcher(read_timeout_s=0.05, attempts=2).get("https://arxiv.org/")
    finally:
        release.set()


def test_answer_that_drips_for_ever_is_cut_off(site, clock, make_fetcher):
    site.answers(Reply(b"x" * 10_000, between=lambda: clock.sleep(1.0)))
    with pytest.raises(SourceError, match="too slowly"):
        make_fetcher(read_timeout_s=30).get("https://arxiv.org/")
    assert len(site.asked) == 1


def test_nobody_at_home_is_a_source_error(clock):
    with Fetcher(SourcesSettings(attempts=2), sleep=clock.sleep, monotonic=clock.monotonic) as fetcher:
        with pytest.raises(SourceError, match="ConnectError"):
            fetcher.get("http://127.0.0.1:9/")
        assert not fetcher.probe("http://127.0.0.1:9/")
    assert len(clock.slept) == 2  # one back-off; the probe waits only for the pause


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "arxiv.org/abs", "http://", ""])
def test_addresses_that_are_none(fetcher, url):
    with pytest.raises(SourceError, match="is not an"):
        fetcher.get(url)
    assert not fetcher.probe(url)


def test_probe_is_one_quick_question(site, fetcher, make_fetcher):
    site.answers(Reply(status=503, headers={"Retry-After": "100"}))
    assert fetcher.probe("https://arxiv.org/")
    assert [asked.method for asked in site.asked] == ["HEAD"]
    release = threading.Event()
    site.answers(Reply(before=lambda: release.wait(10)))
    try:
        assert not make_fetcher(connect_timeout_s=0.05, read_timeout_s=60).probe("https://arxiv.org/")
    finally:
        release.set()


def test_probe_counts_towards_the_pause(site, fetcher):
    assert fetcher.probe("https://rss.arxiv.org/")
    fetcher.get("https://export.arxiv.org/")
    assert gaps(site) == [3.0]


def test_mock_transports_work_too():
    with Fetcher(
        SourcesSettings(), transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=iter([b"mo", b"ck"])))
    ) as fetcher:
        assert fetcher.get("https://arxiv.org/") == b"mock"

"""The joint that fetches what readers asked for: found, absent, refused, and whose name it is done in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs

import httpx2
import pytest
from factories import DAY, NOW, make_paper
from sqlalchemy import select

from recommender import wanted as joint
from recommender.settings import Settings, load
from recommender.sources import Fetcher
from recommender.store import events, papers, runs, submissions, wanted
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import EventRow
from recommender.types import LIBRARY, Channel, EventKind

ONE, TWO, OLD = "arxiv:2601.00001", "arxiv:2601.00002", "arxiv:hep-th/9901001"
ENTRY = """<entry><id>http://arxiv.org/abs/{id}v2</id><title>Title of {id}</title><summary>About {id}.</summary>
<published>2026-01-05T10:00:00Z</published><author><name>Ada Lovelace</name></author>
<category term="cs.LG" scheme="http://arxiv.org/schemas/atom"/></entry>"""


def feed(ids: Iterable[str]) -> str:
    return "<feed xmlns='http://www.w3.org/2005/Atom'>" + "".join(ENTRY.format(id=one) for one in ids) + "</feed>"


def reply(status: int, text: str = "", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=iter([text.encode()]), headers=headers)


class Arxiv:
    """Knows all papers but those named; answers with something else, when that is set."""

    def __init__(self, settings: Settings) -> None:
        self.unknown: set[str] = set()
        self.instead: Callable[[], httpx2.Response] | None = None
        self.asked: list[list[str]] = []
        self._settings = settings.sources.model_copy(update={"attempts": 1})

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "export.arxiv.org"
        self.asked.append(parse_qs(request.url.query.decode())["id_list"][0].split(","))
        return self.instead() if self.instead else reply(200, feed(one for one in self.asked[-1] if one not in self.unknown))

    def fetcher(self) -> Fetcher:
        return Fetcher(self._settings, sleep=lambda _s: None, transport=httpx2.MockTransport(self.answer))


@pytest.fixture
def arxiv(settings: Settings) -> Arxiv:
    return Arxiv(settings)


@pytest.fixture
def run(database: Database, settings: Settings, arxiv: Arxiv) -> Callable[..., joint.Fetched]:
    def fetched(after: timedelta = timedelta(0)) -> joint.Fetched:
        return joint.fetch(database, settings, now=NOW + after, fetcher=arxiv.fetcher())

    return fetched


def ask(database: Database, reader: Reader, *ids: str, purpose: str = "like", interest: int = 0) -> None:
    with database.write() as session:
        wanted.ask(session, reader.id, ids, purpose, interest, now=NOW)


def states(database: Database, reader: Reader) -> dict[str, str]:
    with database.read() as session:
        return {wish.paper_id: wish.state for wish in wanted.of_reader(session, reader.id)}


def test_nothing_wanted_asks_nobody(run, arxiv: Arxiv) -> None:
    assert run() == joint.Fetched()
    assert arxiv.asked == []


def test_what_is_liked_is_stored_on_its_own_day_and_liked_in_its_reader_s_name(
    database: Database, alice: Reader, bob: Reader, run, arxiv: Arxiv
) -> None:
    ask(database, alice, ONE, OLD, interest=7)
    ask(database, bob, ONE)
    assert run() == joint.Fetched(added=2, answered=3)
    assert arxiv.asked == [["2601.00001", "hep-th/9901001"]]
    with database.read() as session:
        stored = papers.get(session, [ONE, OLD])
        assert (stored[ONE].title, stored[ONE].edition, stored[ONE].source, stored[ONE].version) == (
            "Title of 2601.00001",
            date(2026, 1, 5),
            "arxiv",
            2,
        )
        said = [
            (row.reader_id, row.paper_id, row.kind, row.interest_id, row.channel) for row in session.scalars(select(EventRow))
        ]
        assert sorted(said) == sorted(
            [
                (alice.id, ONE, "upvote", 7, Channel.LIBRARY.value),
                (alice.id, OLD, "upvote", 7, Channel.LIBRARY.value),
                (bob.id, ONE, "upvote", 0, Channel.LIBRARY.value),
            ]
        )
        assert submissions.recent(session) == []
    assert states(database, alice) == {ONE: "here", OLD: "here"}
    assert run() == joint.Fetched()


def test_what_is_submitted_joins_today_s_edition_with_the_first_one_s_name(
    database: Database, alice: Reader, bob: Reader, run
) -> None:
    ask(database, alice, ONE, purpose="submit")
    ask(database, bob, ONE, purpose="submit")
    ask(database, bob, ONE)
    assert run() == joint.Fetched(added=1, answered=3)
    with database.read() as session:
        assert papers.get(session, [ONE])[ONE].edition == NOW.date()
        assert submissions.by_papers(session, [ONE])[ONE].name == "alice"
        assert [event.kind for event in events.history(session, bob.id)] == [EventKind.UPVOTE]
        assert events.history(session, alice.id) == []


def test_what_came_by_another_way_is_settled_without_asking(database: Database, alice: Reader, run, arxiv: Arxiv) -> None:
    ask(database, alice, ONE, TWO)
    ask(database, alice, ONE, purpose="submit")
    with database.write() as session:
        papers.upsert(session, [make_paper(1, id=ONE)], now=NOW)
        events.append(session, alice.id, ONE, EventKind.UPVOTE, at=NOW)
    assert run() == joint.Fetched(added=1, answered=3)
    assert arxiv.asked == [["2601.00002"]]
    with database.read() as session:
        assert len(events.of_papers(session, alice.id, [ONE])) == 1  # it was liked already
        assert papers.get(session, [ONE])[ONE].edition == DAY


def test_a_like_in_one_interest_is_none_in_another(database: Database, alice: Reader, run) -> None:
    ask(database, alice, ONE, interest=7)
    with database.write() as session:
        papers.upsert(session, [make_paper(1, id=ONE)], now=NOW)
        events.append(session, alice.id, ONE, EventKind.UPVOTE, at=NOW)
    run()
    with database.read() as session:
        assert [event.interest for event in events.of_papers(session, alice.id, [ONE])] == [0, 7]


def test_a_copy_that_somebody_brought_along_is_not_the_paper(database: Database, alice: Reader, run) -> None:
    ask(database, alice, ONE, purpose="submit")
    with database.write() as session:
        papers.upsert(session, [replace(make_paper(1, id=ONE), source=LIBRARY)], now=NOW)
    assert run().answered == 1
    with database.read() as session:
        assert papers.get(session, [ONE])[ONE].source == "arxiv"


def test_what_arxiv_does_not_know_is_looked_for_again_and_then_given_up(
    database: Database, alice: Reader, run, arxiv: Arxiv
) -> None:
    arxiv.unknown = {"2601.00002"}
    ask(database, alice, ONE, TWO)
    assert run() == joint.Fetched(added=1, answered=1, absent=1)
    assert states(database, alice) == {ONE: "here", TWO: "waiting"}
    assert run() == joint.Fetched()  # not at once
    for wait in wanted.WAITS[1:-1]:
        assert run(wait).given_up == 0
    assert run(wanted.WAITS[-1]) == joint.Fetched(absent=1, given_up=1)
    assert states(database, alice)[TWO] == "given up"
    with database.read() as session:
        assert "knows no such paper" in str(wanted.of_reader(session, alice.id)[0].error)
    assert run(timedelta(days=9)) == joint.Fetched()


def test_a_paper_announced_before_it_can_be_asked_for_comes_with_the_next_try(
    database: Database, alice: Reader, run, arxiv: Arxiv
) -> None:
    arxiv.unknown = {"2601.00001"}
    ask(database, alice, ONE)
    run()
    arxiv.unknown = set()
    assert run(timedelta(minutes=10)).added == 1


def test_when_arxiv_fails_the_rest_is_not_asked_and_nothing_is_lost(
    database: Database, alice: Reader, run, arxiv: Arxiv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "AT_ONCE", 1)
    arxiv.instead = lambda: reply(500)
    ask(database, alice, ONE, TWO)
    done = run()
    assert (done.added, done.answered, done.absent, len(arxiv.asked)) == (0, 0, 1, 1)
    assert "status 500" in str(done.error)
    arxiv.instead = None
    assert run(timedelta(minutes=10)) == joint.Fetched(added=2, answered=2)


def test_when_arxiv_asks_to_be_left_alone_it_is(database: Database, alice: Reader, run, arxiv: Arxiv) -> None:
    arxiv.instead = lambda: reply(429, **{"Retry-After": "3600"})
    ask(database, alice, ONE)
    assert "left alone" in str(run().error)
    arxiv.instead = None
    with database.read() as session:
        (state,) = runs.sources(session)
    assert (state.name, state.retry_at) == ("arxiv", NOW + timedelta(hours=1))
    done = run(timedelta(minutes=59))
    assert (done.added, len(arxiv.asked)) == (0, 1)
    assert "09:00 UTC" in str(done.error)
    assert run(timedelta(minutes=61)).added == 1


def test_a_long_list_is_asked_for_in_batches(database: Database, alice: Reader, run, arxiv: Arxiv) -> None:
    ask(database, alice, *(f"arxiv:2601.{number:05d}" for number in range(1, 121)))
    assert run() == joint.Fetched(added=120, answered=120)
    assert [len(ids) for ids in arxiv.asked] == [50, 50, 20]


def test_the_pause_that_arxiv_asks_for_is_kept_after_an_ingest(
    database: Database, settings: Settings, alice: Reader, arxiv: Arxiv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "Fetcher", lambda _settings: arxiv.fetcher())
    slept: list[float] = []
    joint.fetch(database, settings, now=NOW, sleep=slept.append)
    assert slept == []  # nobody is to be asked
    ask(database, alice, ONE)
    assert joint.fetch(database, settings, now=NOW, sleep=slept.append).added == 1
    assert slept == [settings.sources.min_interval_s]


def test_the_sample_edition_fetches_nothing_and_says_so(
    database: Database, settings: Settings, alice: Reader, arxiv: Arxiv
) -> None:
    sample = load({}, home=settings.home, edition="sample")
    ask(database, alice, ONE, TWO, purpose="submit")
    with database.write() as session:
        papers.upsert(session, [make_paper(1, id=TWO)], now=NOW)
    assert joint.fetch(database, sample, now=NOW, fetcher=arxiv.fetcher()) == joint.Fetched(answered=1, absent=1, given_up=1)
    assert arxiv.asked == []
    assert states(database, alice) == {ONE: "given up", TWO: "here"}


def test_a_withdrawn_paper_is_none(database: Database, alice: Reader, run, arxiv: Arxiv) -> None:
    withdrawn = feed(["2601.00001"]).replace("About 2601.00001.", "This paper has been withdrawn by the authors.")
    arxiv.instead = lambda: reply(200, withdrawn)
    ask(database, alice, ONE)
    assert run() == joint.Fetched(absent=1)

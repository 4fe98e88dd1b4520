"""What everyone reads, as a message: the same for all, but for the address and the link that ends it; no edition twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper, make_reader
from mornings import body
from sqlalchemy import event

from recommender.errors import MailError
from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, comments, curators, events, lists, papers, submissions, subscribers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.subscribers import Subscriber
from recommender.types import EventKind, Paper, Signals
from web import stationery, trending
from web.digest import Draft, NothingToSend
from web.links import Signer

SIGNATURE = "an example of a secret, 32 characters"
DAILY, WEEKLY = Schedule(7), Schedule(7, every="week", weekday=2)


@dataclass
class Room:
    """A database, and whoever gets what everyone reads from it."""

    database: Database
    settings: Settings

    def subscriber(self, email: str = "nora@example.org", schedule: Schedule = DAILY, locale: str = "en") -> Subscriber:
        with self.database.write() as session:
            return subscribers.confirm(session, email, schedule, locale=locale, now=NOW)

    def write(self, who: Subscriber, last: date | None = None, *, now: datetime = NOW, **changes: Any) -> Draft:
        settings = self.settings.model_copy(update=changes)
        facts = {"day": now.date(), "now": now, "settings": settings, "signer": Signer(SIGNATURE)}
        return trending.draft(self.database, who, last_edition=last, **facts)  # type: ignore[arg-type]  # facts are the keywords it takes

    def vote(self, reader: Reader, paper: Paper, at: datetime = NOW) -> None:
        with self.database.write() as session:
            events.append(session, reader.id, paper.id, EventKind.UPVOTE, at=at)


@pytest.fixture
def room(edition: Database, settings: Settings) -> Room:
    return Room(edition, settings)


@pytest.fixture
def empty(database: Database, settings: Settings) -> Room:
    return Room(database, settings)


def titles(message: EmailMessage) -> list[str]:
    """The titles of the plain text, from the top."""
    return re.findall(r"^ ?\d+\. (.*)$", body(message), re.M)


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def test_it_is_what_everyone_reads_of_the_newest_edition(room: Room) -> None:
    fill(room.database, room.settings, make_edition(DAY - timedelta(days=1)))
    draft = room.write(room.subscriber())
    with room.database.read() as session:
        ids = lists.listed(session, DAY, DAY, order="trending", now=NOW, k=10).ids
        expected = [papers.get(session, ids)[i].title for i in ids]
    assert titles(draft.message) == expected
    assert draft.message["Subject"] == f"Trending: {expected[0]} and 9 more"
    assert "The first 10 of 48 papers, by upvotes here and at the source." in body(draft.message)
    assert "Wednesday, 20 May\n" in body(draft.message)
    assert (draft.item_ids, draft.page_id, draft.edition, draft.kind) == ((), None, DAY, "day")
    assert re.findall(r"<h2 [^>]*><a [^>]*>(.*?)</a></h2>", body(draft.message, "html")) == expected


def test_a_weekly_one_looks_back_seven_days_and_no_further(empty: Room, bob: Reader) -> None:
    week = [make_paper(20 + back, day=DAY - timedelta(days=back), signals=Signals()) for back in range(9)]
    fill(empty.database, empty.settings, week, now=NOW - timedelta(days=9))
    empty.vote(bob, week[6], NOW - timedelta(hours=1))
    draft = empty.write(empty.subscriber(schedule=WEEKLY))
    assert titles(draft.message) == [week[at].title for at in (6, 0, 1, 2, 3, 4, 5)]
    assert draft.message["Subject"] == f"Trending this week: {week[6].title} and 6 more"
    assert "The week to Wednesday, 20 May" in body(draft.message)
    assert (draft.edition, draft.kind) == (DAY, "week")


@pytest.mark.parametrize(
    ("schedule", "last", "expected"),
    [
        (DAILY, None, [0]),
        (DAILY, 1, [0]),
        (DAILY, 3, [0]),
        (WEEKLY, None, [0, 2, 5]),
        (WEEKLY, 7, [0, 2, 5]),
        (WEEKLY, 5, [0, 2]),
        (WEEKLY, 1, [0]),
    ],
)
def test_no_edition_comes_twice(empty: Room, schedule: Schedule, last: int | None, expected: list[int]) -> None:
    """`last` and `expected` count days back from today; editions came 0, 2, 5 and 8 days ago."""
    there = {back: make_paper(20 + back, day=DAY - timedelta(days=back), signals=Signals()) for back in (0, 2, 5, 8)}
    fill(empty.database, empty.settings, there.values(), now=NOW - timedelta(days=9))
    sent = DAY - timedelta(days=last) if last is not None else None
    draft = empty.write(empty.subscriber(schedule=schedule), sent)
    assert titles(draft.message) == [there[back].title for back in expected]


@pytest.mark.parametrize("schedule", [DAILY, WEEKLY])
def test_there_is_nothing_to_send_when_nothing_came(empty: Room, schedule: Schedule) -> None:
    nora = empty.subscriber(schedule=schedule)
    with pytest.raises(NothingToSend, match="no edition came within 7 days"):
        empty.write(nora)
    fill(empty.database, empty.settings, [make_paper(day=DAY - timedelta(days=7))], now=NOW - timedelta(days=9))
    fill(empty.database, empty.settings, [make_paper(2, day=DAY + timedelta(days=1))])
    with pytest.raises(NothingToSend, match="no edition came within 7 days"):
        empty.write(nora)
    fill(empty.database, empty.settings, [make_paper(3, day=DAY - timedelta(days=1))])
    assert empty.write(nora, DAY - timedelta(days=2)).edition == DAY - timedelta(days=1)
    for sent in (DAY - timedelta(days=1), DAY):
        with pytest.raises(NothingToSend, match="no edition newer"):
            empty.write(nora, sent)


def test_papers_of_a_readers_own_library_are_nobody_elses(empty: Room) -> None:
    brought = make_paper(1, source=lists.OWN, title="Kept at home")
    fill(empty.database, empty.settings, [brought])
    with pytest.raises(NothingToSend):
        empty.write(empty.subscriber())
    fill(empty.database, empty.settings, [make_paper(2, title="Announced")])
    assert titles(empty.write(empty.subscriber()).message) == ["Announced"]


def test_papers_of_the_sample_edition_are_called_invented(empty: Room) -> None:
    fill(empty.database, empty.settings, [make_paper(1, title="Dreamt", source="sample", invented=True)])
    message = empty.write(empty.subscriber()).message
    assert message["Subject"] == "[invented papers] Trending: Dreamt"
    for kind in ("plain", "html"):
        assert "This is the sample edition: every paper and author in it is invented." in " ".join(body(message, kind).split())


def test_links_lead_straight_to_the_source_and_one_is_the_subscribers_own(room: Room) -> None:
    nora, emil = room.subscriber(), room.subscriber("emil@example.org")
    for who in (nora, emil):
        message = room.write(who).message
        leave = f"http://127.0.0.1:8020/m/leave/{token_of(message)}"
        assert Signer(SIGNATURE).read("leave", token_of(message), 60) == {"s": who.id}
        assert message["List-Unsubscribe"] == f"<{leave}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        own = [link for link in _Links(body(message, "html")).found if "127.0.0.1" in link]
        assert own == [leave, leave]
        others = [link for link in _Links(body(message, "html")).found if link not in own]
        assert len(others) == 10
        assert all(link.startswith("https://arxiv.org/abs/") for link in others)
        assert body(message).count(leave) == 2
        assert "127.0.0.1" not in body(message).replace(leave, "").replace("at 127.0.0.1:8020.", "")


def token_of(message: EmailMessage) -> str:
    found = re.search(r"/m/leave/([\w.-]+)", body(message))
    assert found is not None
    return found[1]


def test_it_is_addressed_to_one_and_known_by_its_id(room: Room) -> None:
    nora, emil = room.subscriber(), room.subscriber("emil@example.org")
    first, other = room.write(nora).message, room.write(emil).message
    assert (first["To"], other["To"]) == ("nora@example.org", "emil@example.org")
    assert "emil" not in first.as_string()
    assert first["List-Id"] == "<trending.127.0.0.1>"
    assert re.fullmatch(rf"<digest-2026-05-20-s{nora.id}-[\w-]{{20}}@127\.0\.0\.1>", first["Message-ID"])
    assert first["Message-ID"] == room.write(nora).message["Message-ID"] != other["Message-ID"]
    with pytest.raises(MailError):
        room.write(replace(nora, email="nora"))


def test_no_reader_is_named(empty: Room) -> None:
    """Votes, picks, remarks and submissions show as numbers and words; not who."""
    picked, voted, plain = (make_paper(n, title=name, signals=Signals()) for n, name in enumerate(("Picked", "Voted", "Plain")))
    fill(empty.database, empty.settings, [picked, voted, plain])
    wanda = make_reader(empty.database, "wanda-the-curator")
    with empty.database.write() as session:
        accounts.set_curator(session, wanda.id, is_curator=True)
        curators.pick(session, picked.id, wanda.id, "A word of hers", now=NOW)
        comments.add(session, voted.id, wanda.id, "A remark of hers", now=NOW)
        submissions.record(session, plain.id, wanda.id, now=NOW)
    empty.vote(wanda, voted)
    message = empty.write(empty.subscriber(), now=NOW + timedelta(hours=1)).message
    assert titles(message)[0] == "Voted"
    for kind in ("plain", "html"):
        text = body(message, kind)
        assert "1 upvote · 1 comment" in text
        assert text.count("Recommended by a curator") == 1
        assert text.index("Picked") < text.index("Recommended by a curator")
        assert "wanda" not in text
        assert "of hers" not in text


def test_it_speaks_the_subscribers_language(room: Room) -> None:
    german, english = room.subscriber(locale="de"), room.subscriber("emil@example.org")
    assert "Mittwoch, 20. Mai" in body(room.write(german).message)
    assert "Wednesday, 20 May" in body(room.write(english).message)
    html = body(room.write(german).message, "html")
    assert '<html lang="de" dir="ltr">' in html


def test_it_is_written_once_for_all_until_the_hour_is_over(room: Room, bob: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    written, real = list[str](), stationery.write

    def write(folder: str, facts: dict[str, Any]) -> stationery.Parts:
        written.append(folder)
        return real(folder, facts)

    monkeypatch.setattr("web.trending.write", write)
    people = [room.subscriber(f"reader-{number}@example.org") for number in range(5)]
    before = [titles(room.write(who).message) for who in people]
    assert len(written) == 1
    last = make_edition(DAY)[-1]
    room.vote(bob, last, NOW)
    for vote in range(20):
        room.vote(make_reader(room.database, f"voter {vote}"), last, NOW)
    assert titles(room.write(people[0], now=NOW + timedelta(minutes=59)).message) == before[0]
    assert titles(room.write(people[0], now=NOW + timedelta(minutes=60)).message)[0] == last.title
    assert len(written) == 2
    room.write(room.subscriber("weekly@example.org", WEEKLY))
    room.write(room.subscriber("german@example.org", locale="de"))
    assert len(written) == 4


def test_a_new_edition_is_taken_up_within_the_hour(room: Room) -> None:
    nora = room.subscriber()
    early = datetime(2026, 5, 21, 0, 10, tzinfo=UTC)
    assert room.write(nora, now=early).edition == DAY
    fill(room.database, room.settings, make_edition(DAY + timedelta(days=1)), now=early)
    assert room.write(nora, DAY, now=early + timedelta(minutes=20)).edition == DAY + timedelta(days=1)


def test_another_house_gets_its_own(room: Room, tmp_path: Any) -> None:
    """What was written is kept for one database and its settings."""
    nora = room.subscriber()
    assert len(titles(room.write(nora).message)) == 10
    mail = room.settings.mail.model_copy(update={"picks": 3})
    assert len(titles(room.write(nora, mail=mail).message)) == 3


def test_an_account_is_offered_where_everybody_may_make_one(room: Room) -> None:
    nora = room.subscriber()
    web = room.settings.web.model_copy(update={"signup": "open"})
    opened = room.write(nora, web=web).message
    for kind in ("plain", "html"):
        assert "http://127.0.0.1:8020/signup" in body(opened, kind)
        assert "/signup" not in body(room.write(nora).message, kind)


def test_what_has_no_address_is_left_out(empty: Room) -> None:
    nowhere = make_paper(1, title="Nowhere", url=None)
    script = make_paper(2, title="Script", url="javascript:alert(1)")
    fill(empty.database, empty.settings, [nowhere, script])
    with pytest.raises(NothingToSend, match="no paper"):
        empty.write(empty.subscriber())
    elsewhere = make_paper(3, title="Elsewhere", url=None, code_url="https://code.example/3")
    fill(empty.database, empty.settings, [elsewhere])
    message = empty.write(empty.subscriber()).message
    assert titles(message) == ["Elsewhere"]
    assert _Links(body(message, "html")).found[0] == "https://code.example/3"


def test_hostile_papers_stay_text(empty: Room) -> None:
    bad = make_paper(
        1,
        title="<script>alert(1)</script>\r\nBcc: all@example.org {{7*7}} \u202egnp",
        authors=('"><img src=x onerror=alert(1)>',),
        url='https://arxiv.org/"><script>x</script>',
    )
    fill(empty.database, empty.settings, [bad])
    message = empty.write(empty.subscriber()).message
    html = body(message, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert "{{7*7}}" in html
    assert "\u202e" not in html
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]


def long_papers(*, links: int) -> list[Paper]:
    """Fifty papers with titles of 400 letters, most of them to be escaped, and links of some length."""
    return [
        make_paper(
            number,
            title=f"{number} " + "Ω<&> " * 80,
            url=f"https://example.org/{'x' * links}",
            code_url=f"https://example.org/{'z' * links}",
        )
        for number in range(50)
    ]


@pytest.mark.parametrize(("links", "least", "most"), [(400, 20, 49), (10, 50, 50)], ids=["papers left out", "titles cut"])
def test_the_longest_papers_fit_into_what_gmail_shows(empty: Room, links: int, least: int, most: int) -> None:
    fill(empty.database, empty.settings, long_papers(links=links))
    mail = empty.settings.mail.model_copy(update={"picks": 50})
    message = empty.write(empty.subscriber(), mail=mail).message
    shown = len(re.findall(r"^ ?\d+\. ", body(message), re.M))
    assert least <= shown <= most
    assert len(body(message, "html").encode()) < 102_000
    assert (f"The first {shown} of 50 papers" in body(message)) == (shown < 50)
    assert message["Subject"].endswith(f" and {shown - 1} more")


def test_writing_stores_nothing(room: Room) -> None:
    nora, said = room.subscriber(), list[str]()
    event.listen(room.database.engine, "before_cursor_execute", lambda *facts: said.append(facts[2]))
    room.write(nora)
    assert said
    assert not [statement for statement in said if re.match(r"\s*(INSERT|UPDATE|DELETE)", statement)]


def test_golden(empty: Room, golden: Callable[[str, str], None]) -> None:
    shown = [
        make_paper(1, title=r"Bounds of $\mathcal{O}(n^2)$ & more", authors=("Ada Lovelace",), signals=Signals(3, 2)),
        make_paper(2, topic="robots", title="Grasping <soft> things", authors=("A", "B", "C", "D", "E"), signals=Signals(1)),
        make_paper(3, topic="health", title="Trials", authors=(), signals=Signals(1200), pdf_url="https://arxiv.org/pdf/3"),
    ]
    fill(empty.database, empty.settings, shown)
    wanda = make_reader(empty.database, "wanda")
    with empty.database.write() as session:
        accounts.set_curator(session, wanda.id, is_curator=True)
        curators.pick(session, shown[1].id, wanda.id, "", now=NOW)
    message = empty.write(empty.subscriber()).message
    without_tokens = partial(re.sub, r"(/m/\w+/)[\w.-]+", r"\1TOKEN")
    golden("trending.txt", f"{message['Subject']}\n\n{without_tokens(body(message))}")
    golden("trending.html", without_tokens(body(message, "html")))

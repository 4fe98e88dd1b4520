"""The page as a message, and the links in it: programs that open them change nothing, a person's button does."""

import re
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from functools import partial
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import time_machine
from factories import DAY, NOW, fill, make_edition, make_paper
from flask import Flask

from recommender import daily
from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import events, papers, readers
from recommender.store.db import Database
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, RankedItem, RankedPage, Reason, Signals
from web import digest
from web.cards import card, cards
from web.links import Signer, secret_key

LINK = re.compile(r"http://127\.0\.0\.1:8020(/m/(\w+)/[\w.-]+)")


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.fixture
def reader(edition: Database, alice: Reader) -> Reader:
    with edition.write() as session:
        readers.set_digest(session, alice.id, on=True, email="alice@example.org", hour=7, time_zone="UTC", next_at=NOW)
        found = readers.by_id(session, alice.id)
    assert found is not None
    return found


def page_of(database: Database, settings: Settings, reader: Reader) -> RankedPage:
    with database.write() as session:
        rankers = daily.Rankers(settings.models_folder)
        return daily.current_page(session, reader.id, DAY, rankers, settings.rank, now=NOW)


def composed(database: Database, settings: Settings, reader: Reader, page: RankedPage | None = None) -> EmailMessage:
    page = page or page_of(database, settings, reader)
    with database.read() as session:
        shown = cards(session, reader.id, digest.picks(page, settings.mail.picks), today=DAY)
    signer = Signer(secret_key(settings))
    return digest.compose(page, shown, reader, day=DAY, settings=settings, signer=signer, now=NOW)


def links_of(message: EmailMessage) -> dict[str, list[str]]:
    """Paths of the digest's own links, by kind, in order."""
    found: dict[str, list[str]] = {}
    for path, kind in LINK.findall(body(message)):
        found.setdefault(kind, []).append(path)
    return found


class _Text(HTMLParser):
    """What a reader sees of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.seen.append(" ".join(data.split()))


def test_the_digest_is_the_top_of_the_page(edition: Database, settings: Settings, reader: Reader) -> None:
    page = page_of(edition, settings, reader)
    message = composed(edition, settings, reader, page)
    with edition.read() as session:
        stored = papers.get(session, [item.paper_id for item in page.items])
    titles = [stored[item.paper_id].title for item in page.items[:10]]
    numbered = re.findall(r"^\d+\. (.*)$", body(message), re.M)
    assert numbered == titles
    text = _Text()
    text.feed(body(message, "html"))
    assert [seen for seen in text.seen if seen in titles] == titles
    assert message["Subject"] == f"{titles[0]} and 9 more"
    assert f"The first 10 of {page.candidates} papers" in body(message)


def test_every_paper_says_why_and_what_is_tried_is_marked(edition: Database, settings: Settings, reader: Reader) -> None:
    page = page_of(edition, settings, reader)
    drawn = replace(next(item for item in page.items if item.explored), position=2)  # its place is drawn too
    page = replace(page, items=(page.items[0], drawn, *(item for item in page.items[1:] if item.paper_id != drawn.paper_id)))
    blocks = body(composed(edition, settings, reader, page)).split("\n\n")[1:11]
    for item, block in zip(page.items, blocks, strict=False):
        assert item.reasons[0].text in block
        assert ("Exploration" in block) == item.explored
    assert any(item.explored for item in page.items[:10])


def test_papers_voted_on_are_left_out(edition: Database, settings: Settings, reader: Reader) -> None:
    first = page_of(edition, settings, reader)
    with edition.write() as session:
        for item in first.items[:2]:
            events.append(session, reader.id, item.paper_id, EventKind.UPVOTE, at=NOW, item_id=item.id)
    page = page_of(edition, settings, reader)
    left = digest.picks(page, 10)
    assert {item.paper_id for item in first.items[:2]}.isdisjoint(item.paper_id for item in left)
    assert len(left) == 10
    assert digest.picks(replace(page, items=()), 10) == ()


def test_without_an_address_there_is_no_message(edition: Database, settings: Settings, reader: Reader) -> None:
    with pytest.raises(MailError, match="account page"):
        composed(edition, settings, replace(reader, email=None))


def test_the_sample_edition_says_so(edition: Database, settings: Settings, reader: Reader) -> None:
    message = composed(edition, settings.model_copy(update={"edition": "sample"}), reader)
    assert message["Subject"].startswith("[invented papers] ")
    assert "every paper and author in it is invented" in body(message)
    assert "every paper and author in it is invented" in body(message, "html")
    assert "invented" not in body(composed(edition, settings, reader))


def test_a_hostile_title_stays_text(database: Database, settings: Settings, alice: Reader) -> None:
    title = "<script>alert(1)</script>\r\nBcc: all@example.org <img src=x onerror=y>"
    fill(database, settings, [*make_edition(DAY, per_topic=2), make_paper(99, title=title)][-3:])
    reader = replace(alice, email="alice@example.org", name="Eve\r\nBcc: all@example.org <b>")
    message = composed(database, settings, reader)
    assert message["Bcc"] is None
    assert "<script" not in body(message, "html")
    assert "<img" not in body(message, "html")
    assert "<script>alert(1)</script>" in unescape(body(message, "html"))


def test_one_paper_makes_a_digest(database: Database, settings: Settings, alice: Reader) -> None:
    fill(database, settings, [make_paper(1, title="Alone")])
    message = composed(database, settings, replace(alice, email="alice@example.org"))
    assert message["Subject"] == "Alone"
    assert "The first 1 of 1 papers" in body(message)


def test_the_largest_digest_is_not_clipped(database: Database, settings: Settings, alice: Reader) -> None:
    long = [make_paper(n, title="A very long title " * 12, authors=("Some Author " * 6,) * 4) for n in range(60)]
    fill(database, settings, long)
    most = settings.model_copy(update={"mail": settings.mail.model_copy(update={"picks": 50})})
    message = composed(database, most, replace(alice, email="alice@example.org"))
    assert len(links_of(message)["go"]) == 50
    assert len(body(message, "html").encode()) < 102_000  # more than this, and Gmail shows the beginning only


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"Schr\"odinger's \textbf{cat}", "Schrödinger's cat"),
        (r"$\mathbb{R}^d$ and $\ell_2$", "ℝ^d and ℓ_2"),
        (r"50\% of $n^2$ & 10% more", "50% of n^2 & 10% more"),
        ("From $10 to $20, 50% off", "From $10 to $20, 50% off"),
        ("No maths_here at all", "No maths_here at all"),
        ("{" * 500 + r"\alpha", "{" * 500 + r"\alpha"),  # too deep for the converter
        (r"\frac" * 100, r"\frac" * 100),  # nonsense
        ("$x^2" + "y" * 600 + "$", "$x^2" + "y" * 600 + "$"),  # too long
        ("Two\n  lines", "Two lines"),
    ],
)
def test_latex_becomes_text_or_stays_as_it_came(latex: str, plain: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert digest.readable(latex) == plain
    assert capfd.readouterr().err == ""


def test_golden(settings: Settings, alice: Reader, golden: Callable[[str, str], None]) -> None:
    shown = [
        make_paper(1, title=r"Bounds of $\mathcal{O}(n^2)$ & more", authors=("Ada Lovelace",), signals=Signals()),
        make_paper(2, topic="robots", title="Grasping <soft> things", authors=("A", "B", "C", "D", "E"), signals=Signals(1)),
        make_paper(3, topic="health", title="Trials", authors=(), signals=Signals(1200)),
    ]
    reasons = [Reason("similar", "Close to “Spectral methods”, which you liked"), Reason("explore", "Exploration: drawn by lot")]
    items = [
        RankedItem(n, paper.id, 1.0, np.zeros(1, np.float32), (reason,) if reason else (), reason is reasons[1], id=n)
        for n, (paper, reason) in enumerate(zip(shown, [*reasons, None], strict=True), start=1)
    ]
    page = RankedPage(alice.id, DAY, tuple(items), 48, "blend-0", "s", 0, 0, "r", NOW, id=1)
    made = [card(paper, Word(), today=DAY, item=item) for paper, item in zip(shown, items, strict=True)]
    reader, signer = replace(alice, email="alice@example.org"), Signer(secret_key(settings))
    message = digest.compose(page, made, reader, day=DAY, settings=settings, signer=signer, now=NOW)
    without_tokens = partial(re.sub, r"(/m/\w+/)[\w.-]+", r"\1TOKEN")
    golden("digest.txt", f"{message['Subject']}\n\n{without_tokens(body(message))}")
    golden("digest.html", without_tokens(body(message, "html")))


# Links


def state_of(database: Database, reader: Reader) -> tuple[object, ...]:
    """All that a vote, a sign-in or the end of a digest would change."""
    with database.read() as session:
        votes = [event for event in events.history(session, reader.id) if event.kind is not EventKind.CLICK]
        return tuple(votes), readers.by_id(session, reader.id)


def test_opening_every_link_three_times_changes_nothing(
    edition: Database, settings: Settings, reader: Reader, app: Flask
) -> None:
    message, before = composed(edition, settings, reader), state_of(edition, reader)
    paths = [path for found in links_of(message).values() for path in found]
    assert len(paths) == 10 * 3 + 1
    client = app.test_client()
    for _ in range(3):
        for path in paths:
            assert client.get(path).status_code in (200, 302)
            assert client.head(path).status_code in (200, 302)
            assert client.options(path).status_code == 200
    assert state_of(edition, reader) == before
    assert client.get_cookie("broadsheet") is None


def test_following_a_link_goes_to_the_paper_and_notes_a_click_from_mail(
    edition: Database, settings: Settings, reader: Reader, app: Flask
) -> None:
    page = page_of(edition, settings, reader)
    path = links_of(composed(edition, settings, reader, page))["go"][0]
    client = app.test_client()
    client.head(path)
    client.get(path, headers={"Sec-Purpose": "prefetch"})
    answer = client.get(path)
    assert answer.headers["Location"].startswith("https://arxiv.org/abs/")
    with edition.read() as session:
        (click,) = events.history(session, reader.id)
    assert (click.kind, click.channel, click.item_id) == (EventKind.CLICK, Channel.EMAIL, page.items[0].id)


def test_pressing_the_button_votes_once_and_undo_takes_it_back(
    edition: Database, settings: Settings, reader: Reader, app: Flask
) -> None:
    page = page_of(edition, settings, reader)
    up, down = links_of(composed(edition, settings, reader, page))["vote"][:2]
    client = app.test_client()
    shown = client.get(up).get_data(as_text=True)
    assert shown.count("<button") == 1
    assert "More like this" in shown
    for _ in range(2):  # a double press is one vote
        done = client.post(up)
        assert done.status_code == 200
    undo = re.search(r'action="(/m/vote/[\w.-]+)"', done.get_data(as_text=True))
    assert undo is not None
    client.post(undo[1])
    client.post(down)
    with edition.read() as session:
        said = [(event.kind, event.channel, event.item_id) for event in events.history(session, reader.id)]
    kinds = (EventKind.UPVOTE, EventKind.CLEAR, EventKind.DOWNVOTE)
    assert said == [(kind, Channel.EMAIL, page.items[0].id) for kind in kinds]


def test_a_mail_program_unsubscribes_without_cookie_or_form_token(
    edition: Database, settings: Settings, reader: Reader, app: Flask
) -> None:
    message = composed(edition, settings, reader)
    path = str(message["List-Unsubscribe"]).strip("<>").removeprefix(settings.public_url)
    assert path == links_of(message)["leave"][0]
    for _ in range(2):  # one who has left already is told the same
        answer = app.test_client().post(path, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"})
        assert answer.status_code == 200
        assert "No more digests" in answer.get_data(as_text=True)
    with edition.read() as session:
        after = readers.by_id(session, reader.id)
    assert after is not None
    assert (after.digest_on, after.next_digest_at, after.email) == (False, None, "alice@example.org")


def test_a_link_that_was_altered_or_belongs_elsewhere_is_nothing(
    edition: Database, settings: Settings, reader: Reader, app: Flask, bob: Reader
) -> None:
    links = links_of(composed(edition, settings, reader))
    client, before = app.test_client(), state_of(edition, reader)
    token = links["vote"][0].rpartition("/")[2]
    stranger = Signer(secret_key(settings)).sign(
        "vote", {"r": bob.id, "i": page_of(edition, settings, reader).items[0].id, "k": "upvote"}
    )
    for path in (f"/m/vote/{token[:-2]}xx", f"/m/leave/{token}", f"/m/go/{token}", "/m/vote/x", f"/m/vote/{stranger}"):
        assert client.post(path).status_code in (404, 405), path
        assert client.get(path).status_code == 404, path
    assert state_of(edition, reader) == before


def test_an_old_link_votes_no_more_but_still_unsubscribes(
    edition: Database, settings: Settings, reader: Reader, app: Flask
) -> None:
    with time_machine.travel("2026-01-01T08:00:00Z", tick=False):
        links = links_of(composed(edition, settings, reader))
    with time_machine.travel("2026-02-02T08:00:00Z", tick=False):
        client = app.test_client()
        assert client.post(links["vote"][0]).status_code == 404
        assert client.post(links["leave"][0]).status_code == 200

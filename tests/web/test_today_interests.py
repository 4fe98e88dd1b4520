"""The page of an edition for readers with interests: its tabs, its filters, what moved after a vote, what was missed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper

from recommender.settings import Settings
from recommender.store import events, interests, pages, rules
from recommender.store.db import Database
from recommender.store.interests import Interest
from recommender.store.readers import Reader
from recommender.types import Event, EventKind

EARLIER = DAY - timedelta(days=30)
UP, CLEAR = EventKind.UPVOTE, EventKind.CLEAR


def papers_of(text: str) -> list[str]:
    return re.findall(r'<article [^>]*data-paper="([^"]+)"', text)


def items_of(text: str) -> list[int]:
    return [int(item) for item in re.findall(r'<article [^>]*id="item-(\d+)"', text)]


def topic(paper_id: str) -> str:
    return paper_id.split(".")[1][0]


def log(database: Database, reader: Reader) -> list[Event]:
    with database.read() as session:
        return events.history(session, reader.id)


@pytest.fixture
def two(edition: Database, settings: Settings, alice: Reader) -> tuple[Interest, Interest]:
    """Alice's two interests, each with four likes of last month."""
    old = make_edition(EARLIER)
    fill(edition, settings, old)
    made = []
    with edition.write() as session:
        for name, prefix in (("Robots & arms", "Robots"), ("Speech", "Speech")):
            own = interests.create(session, alice.id, name, now=NOW - timedelta(days=1))
            for paper in [p for p in old if p.authors[0].startswith(prefix)][:4]:
                events.append(session, alice.id, paper.id, UP, at=NOW - timedelta(days=1), interest=own.id)
            made.append(own)
    return made[0], made[1]


def test_an_interest_that_likes_nothing_says_so_and_takes_no_turn(
    two: tuple[Interest, Interest], edition: Database, alice: Reader, signed_in: Any
) -> None:
    with edition.write() as session:
        interests.create(session, alice.id, "Nothing yet", now=NOW)
    assert "For Nothing yet" not in signed_in.get("/").get_data(as_text=True)
    text = signed_in.get("/interest/nothing-yet").get_data(as_text=True)
    assert "This interest knows nothing yet." in text
    assert 'href="/start?interest=nothing-yet"' in text
    assert len(papers_of(text)) > 10
    assert "knows nothing yet" not in signed_in.get("/interest/robots-arms").get_data(as_text=True)


def test_interests_are_tabs_and_each_has_its_page(two: tuple[Interest, Interest], signed_in: Any) -> None:
    text = signed_in.get("/").get_data(as_text=True)
    assert 'href="/interest/robots-arms"' in text
    assert "Robots &amp; arms" in text
    assert re.search(r'<a href="/" aria-current="page">Everything</a>', text)
    assert "For Robots &amp; arms" in text
    assert "Your interests take turns." in text
    own = signed_in.get("/interest/speech").get_data(as_text=True)
    assert {topic(i) for i in papers_of(own)[:3]} == {"2"}
    assert "For Speech" not in own, "on its own page that goes without saying"
    assert papers_of(own) == papers_of(signed_in.get(f"/interest/speech/day/{DAY}").get_data(as_text=True))
    assert signed_in.get("/interest/nothing").status_code == 404
    assert signed_in.get("/interest/speech/day/2026-5-2").status_code == 404


def test_another_readers_interest_is_not_found(two: tuple[Interest, Interest], sign_in: Any, bob: Reader) -> None:
    browser = sign_in(bob)
    assert browser.get("/interest/speech").status_code == 404
    assert browser.post("/events", {"kind": "upvote", "paper": make_edition(DAY)[0].id, "interest": two[0].id}).status_code == 404


def test_a_vote_on_the_mixed_page_speaks_for_the_interest_of_its_paper(
    two: tuple[Interest, Interest], signed_in: Any, edition: Database, alice: Reader
) -> None:
    signed_in.get("/")
    with edition.read() as session:
        page = pages.latest(session, alice.id, DAY)
    assert page is not None
    item = next(item for item in page.items[4:] if item.interest == two[1].id)
    assert signed_in.post("/events", {"kind": "upvote", "item": item.id}).status_code == 303
    assert (log(edition, alice)[-1].interest, log(edition, alice)[-1].kind) == (two[1].id, UP)
    assert item.paper_id not in papers_of(signed_in.get("/interest/robots-arms").get_data(as_text=True))


def test_a_paper_can_be_liked_for_two_interests_and_undo_takes_back_both(
    two: tuple[Interest, Interest], signed_in: Any, edition: Database, alice: Reader
) -> None:
    paper = make_edition(DAY)[0]
    before = len(log(edition, alice))
    for own in two:
        signed_in.post("/events", {"kind": "upvote", "paper": paper.id, "interest": own.id})
        signed_in.post("/events", {"kind": "upvote", "paper": paper.id, "interest": own.id})
    signed_in.post("/events", {"kind": "clear", "paper": paper.id})
    written = [(event.kind, event.interest) for event in log(edition, alice)[before:]]
    assert written == [(UP, two[0].id), (UP, two[1].id), (CLEAR, two[0].id), (CLEAR, two[1].id)]


@pytest.mark.parametrize("named", ["x", "-1", "999999", "1" * 40, "1.5"])
def test_an_interest_that_is_none_is_refused(signed_in: Any, edition: Database, alice: Reader, named: str) -> None:
    paper = make_edition(DAY)[0]
    assert signed_in.post("/events", {"kind": "upvote", "paper": paper.id, "interest": named}).status_code == 404
    assert log(edition, alice) == []


class TestFilters:
    def test_one_category_of_the_whole_day_is_ranked(self, edition: Database, settings: Settings, signed_in: Any) -> None:
        fill(edition, settings, [make_paper(n, topic="robots", announce="replace") for n in range(300, 303)])
        text = signed_in.get("/?category=cs.RO").get_data(as_text=True)
        assert {topic(i) for i in papers_of(text)} == {"3"}
        assert len(papers_of(text)) == 11, "papers of every kind of announcement"
        assert "11 papers of this day answer the filter" in text
        assert '<option value="cs.RO" selected>cs.RO (11)</option>' in text
        assert items_of(text) == [], "a filtered view is no page: nothing is noted as shown"
        assert len(papers_of(signed_in.get("/?category=cs.RO&kind=replace").get_data(as_text=True))) == 3
        assert "No paper of this day answers" in signed_in.get("/?category=cs.RO&kind=cross").get_data(as_text=True)

    @pytest.mark.parametrize("query", ["?kind=<b>", "?category=" + "x" * 5000, "?source=%00", "?category=&source=&kind="])
    def test_nonsense_is_survived(self, edition: Database, signed_in: Any, query: str) -> None:
        assert signed_in.get("/" + query).status_code == 200

    def test_a_filtered_paper_can_be_voted_on(self, edition: Database, signed_in: Any, alice: Reader) -> None:
        text = signed_in.get("/?category=cs.RO").get_data(as_text=True)
        signed_in.post("/events", {"kind": "upvote", "paper": papers_of(text)[0], "next": "/?category=cs.RO"})
        assert log(edition, alice)[-1].item_id is None

    def test_more_of_a_filtered_day_keeps_the_filter(self, edition: Database, settings: Settings, signed_in: Any) -> None:
        fill(edition, settings, [make_paper(n, topic="robots") for n in range(300, 330)])
        text = signed_in.get("/?category=cs.RO").get_data(as_text=True)
        assert re.search(r'href="/\?show=40&amp;category=cs.RO#', text)


class TestMoved:
    def test_after_an_upvote_the_page_says_what_moved_and_undo_takes_the_word_back(
        self, edition: Database, signed_in: Any, alice: Reader
    ) -> None:
        text = signed_in.get("/").get_data(as_text=True)
        assert "moved up" not in text
        item = items_of(text)[8]
        title = re.sub("<[^>]+>", "", re.findall(r'<h2 class="title".*?</h2>', text, re.DOTALL)[8]).strip()
        signed_in.post("/events", {"kind": "upvote", "item": item})
        after = signed_in.get("/").get_data(as_text=True)
        assert re.search(r"\d+ papers? moved up", after)
        assert f"because you liked “{title}”." in after
        with edition.read() as session:
            latest = pages.latest(session, alice.id, DAY)
        assert latest is not None
        held = latest.items[8]
        signed_in.post("/events", {"kind": "clear", "item": held.id})
        assert "moved up because" not in signed_in.get("/").get_data(as_text=True)

    def test_a_downvote_moves_nothing_up(self, edition: Database, signed_in: Any) -> None:
        item = items_of(signed_in.get("/").get_data(as_text=True))[8]
        signed_in.post("/events", {"kind": "downvote", "item": item})
        assert "because you liked" not in signed_in.get("/").get_data(as_text=True)


class TestMissedDays:
    @pytest.fixture
    def absent(self, edition: Database, settings: Settings, signed_in: Any, clock: Any) -> Any:
        """Alice's browser two days later; she has not looked at yesterday's edition."""
        fill(edition, settings, [*make_edition(DAY + timedelta(days=1)), *make_edition(DAY + timedelta(days=2))])
        signed_in.get("/")
        clock.now = NOW + timedelta(days=2)
        return signed_in

    def test_top_picks_come_along_for_the_day_and_are_shown_once(self, absent: Any, clock: Any, edition: Database) -> None:
        text = absent.get("/").get_data(as_text=True)
        assert "You missed Thursday, 21 May" in text
        assert "You missed Wednesday" not in text, "the edition of that day was seen"
        brought = papers_of(text.split("You missed")[1])
        assert len(brought) == 5
        assert papers_of(absent.get("/").get_data(as_text=True).split("You missed")[1]) == brought
        clock.now += timedelta(days=1)
        assert "You missed Thursday" not in absent.get("/").get_data(as_text=True)

    def test_a_vote_on_one_keeps_undo_at_hand(self, absent: Any) -> None:
        text = absent.get("/").get_data(as_text=True).split("You missed")[1]
        absent.post("/events", {"kind": "upvote", "item": items_of(text)[1]})
        after = absent.get("/").get_data(as_text=True).split("You missed")[1]
        assert papers_of(after)[1] == papers_of(text)[1]
        assert "You upvoted this." in after

    def test_only_the_front_page_brings_them(self, absent: Any) -> None:
        assert "You missed" not in absent.get(f"/day/{DAY + timedelta(days=2)}").get_data(as_text=True)
        assert "You missed" not in absent.get("/?category=cs.RO").get_data(as_text=True)


def test_rules_show_on_the_page(edition: Database, signed_in: Any, alice: Reader) -> None:
    with edition.write() as session:
        rules.add(session, alice.id, "never", "category", "cs", now=NOW)
    text = signed_in.get("/").get_data(as_text=True)
    assert {topic(i) for i in papers_of(text)} == {"4"}
    with edition.write() as session:
        rules.add(session, alice.id, "never", "category", "math", now=NOW)
    assert "Every paper of this day is kept off your page" in signed_in.get("/").get_data(as_text=True)

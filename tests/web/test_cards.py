"""A card says what the shared page says of a paper, in plain text, whatever the source sent."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from factories import make_paper

from recommender.store import events, papers
from recommender.store.db import Database
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import EventKind, RankedItem, Reason, Signals
from web.cards import LONGEST_ABSTRACT, LONGEST_TITLE, card, cards, clip, count_words, day_words, paper_links, web_address

TODAY = date(2026, 5, 20)


def item(paper_id: str, **facts: object) -> RankedItem:
    return RankedItem(1, paper_id, 0.5, np.zeros(3, dtype=np.float32), **facts)  # type: ignore[arg-type]


def test_a_card_shows_everything_the_sources_say() -> None:
    paper = make_paper(
        authors=("A. One", "B. Two", "C. Three", "D. Four", "E. Five"),
        organization="Institute of Papers",
        submitter="somebody",
        comment="12 pages",
        signals=Signals(upvotes=7, comments=2, stars=1),
        announce="cross",
        pdf_url="https://arxiv.org/pdf/1",
        code_url="https://code.example/1",
        project_url="https://project.example/1",
    )
    made = card(paper, Word(EventKind.UPVOTE, saved=True), today=TODAY, here=3, item=item(paper.id, id=9, explored=True))
    assert made.authors == "A. One, B. Two, C. Three and 2 more"
    assert (made.author_count, made.organization, made.submitter, made.comment) == (
        "5 authors",
        "Institute of Papers",
        "somebody",
        "12 pages",
    )
    assert (made.upvotes, made.comments, made.remarks, made.date, made.announced) == (10, 2, 0, "19 May", "cross-listed")
    assert (made.vote, made.saved, made.item_id, made.explored) == ("upvote", True, 9, True)
    assert [(link.name, link.label) for link in made.links] == [
        ("paper", "Abstract"),
        ("pdf", "PDF"),
        ("code", "Code (1 star)"),
        ("project", "Project page"),
    ]


def test_a_card_of_a_silent_source_is_empty_there() -> None:
    made = card(make_paper(authors=(), url=None, signals=Signals()), Word(), today=TODAY)
    assert (made.authors, made.author_count, made.upvotes, made.comments, made.links, made.source_link) == (
        "",
        "",
        0,
        0,
        (),
        None,
    )
    assert (made.vote, made.saved, made.item_id, made.reasons) == ("", False, None, ())


@pytest.mark.parametrize(("authors", "expected"), [(("A",), "A"), (("A", "B"), "A and B"), (("A", "B", "C"), "A, B and C")])
def test_few_authors_are_all_named(authors: tuple[str, ...], expected: str) -> None:
    assert card(make_paper(authors=authors), Word(), today=TODAY).authors == expected


def test_the_year_is_left_out_only_when_it_is_this_one() -> None:
    assert day_words(date(2026, 1, 1), TODAY) == "1 January"
    assert day_words(date(2025, 12, 31), TODAY) == "31 December 2025"
    assert day_words(date(2026, 1, 1)) == "1 January 2026"


def test_numbers_with_their_noun() -> None:
    assert [count_words(n, "paper") for n in (0, 1, 2, 12345)] == ["0 papers", "1 paper", "2 papers", "12,345 papers"]


def test_nothing_of_an_abstract_is_lost_between_its_beginning_and_its_rest() -> None:
    abstract = " ".join(f"Sentence number {n} says something." for n in range(60))
    made = card(make_paper(abstract=abstract), Word(), today=TODAY)
    assert f"{made.lead} {made.rest}" == abstract
    assert made.lead.endswith(".")
    assert 200 < len(made.lead) <= 420


def test_an_abstract_without_sentences_or_spaces_is_still_cut() -> None:
    words = card(make_paper(abstract="word " * 400), Word(), today=TODAY)
    assert words.lead.endswith("word")
    assert words.rest.startswith("word")
    solid = card(make_paper(abstract="x" * 2000), Word(), today=TODAY)
    assert len(solid.lead) == 420
    assert solid.lead + solid.rest == "x" * 2000


def test_a_short_abstract_has_no_rest() -> None:
    assert card(make_paper(abstract="Short."), Word(), today=TODAY).rest == ""


def test_what_is_far_too_long_is_cut() -> None:
    made = card(
        make_paper(title="t" * 5000, abstract="a " * 2_000_000, authors=tuple(f"Name {n}" for n in range(5000))),
        Word(),
        today=TODAY,
    )
    assert len(made.title) == LONGEST_TITLE + 1
    assert len(made.lead) + len(made.rest) <= LONGEST_ABSTRACT + 2
    assert made.authors == "Name 0, Name 1, Name 2 and 4,997 more"


def test_letters_that_turn_or_break_the_line_are_removed() -> None:
    assert clip("safe\u202egnp.exe\u2066 a\x00b\x1b[31m\ud800", 100) == "safegnp.exe ab[31m"
    assert clip("several\n\tlines  of text", 100) == "several lines of text"
    assert clip("مرحبا", 100) == "مرحبا"
    assert clip("one two three", 8) == "one two…"


@pytest.mark.parametrize("url", ["https://arxiv.org/abs/1", "http://127.0.0.1/x?y=1#z", "HTTPS://EXAMPLE.ORG"])
def test_addresses_of_the_web_are_kept(url: str) -> None:
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//evil.example",
            "/path",
            "ftp://x.org",
            "https:",
            "https://",
        ),
        *("java\nscript:alert(1)", " https://x.org", "https://x.org/\r\nSet-Cookie: a", "http://[", "", None),
    ],
)
def test_other_addresses_are_not_links(url: str | None) -> None:
    assert web_address(url) is None
    assert paper_links(make_paper(url=url, code_url=url)) == ()


def test_cards_of_a_page_come_in_its_order_with_the_words_of_its_reader(
    edition: Database, alice: Reader, bob: Reader, now
) -> None:
    with edition.write() as session:
        first, second = list(papers.window(session, TODAY, TODAY))[:2]
        events.append(session, alice.id, second.id, EventKind.UPVOTE, at=now)
        events.append(session, bob.id, second.id, EventKind.UPVOTE, at=now)
        events.append(session, bob.id, first.id, EventKind.DOWNVOTE, at=now)
        reasons = (Reason("recent", "New in cs.LG"),)
        made = cards(session, alice.id, [item(second.id, reasons=reasons), item(first.id), item("arxiv:gone")], today=TODAY)
    assert [made_card.paper_id for made_card in made] == [second.id, first.id]
    assert [made_card.vote for made_card in made] == ["upvote", ""]
    assert made[0].upvotes == (second.signals.upvotes or 0) + 2
    assert made[0].reasons == ("New in cs.LG",)
    assert made[0].item_id is None

"""One paper's page: everything that is stored of it, its neighbours, and buttons that answer no ranked item."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_paper

from recommender.settings import Settings
from recommender.store import accounts, comments, events, interests, papers, rules, submissions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.types import LIBRARY, EventKind, Signals


def test_the_whole_paper_is_shown(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(
        900,
        abstract="All of it. " * 200 + "To the end.",
        authors=tuple(f"Author Number{n}" for n in range(12)),
        comment="12 pages, 3 figures",
        organization="Institute of Papers",
        version=3,
        pdf_url="https://arxiv.org/pdf/900",
    )
    fill(edition, settings, [paper])
    text = signed_in.get(f"/paper/{paper.id}").get_data(as_text=True)
    assert "To the end." in text
    assert all(name in text for name in paper.authors)
    for said in ("12 pages, 3 figures", "Institute of Papers", "version 3", "19 May 2026", paper.id, "cs.LG, cs.SI"):
        assert said in text
    assert f'href="{paper.url}" rel="noopener noreferrer">Abstract' in text
    assert 'href="https://arxiv.org/pdf/900"' in text
    assert 'href="/day/2026-05-20"' in text


def test_similar_papers_are_of_the_same_topic(edition: Database, signed_in: Any) -> None:
    paper = make_paper(84)
    text = signed_in.get(f"/paper/{paper.id}").get_data(as_text=True)
    similar = text.partition("Similar papers")[2]
    own_topic = [make_paper(n) for n in range(80, 88)]
    assert sum(other.title in similar for other in own_topic if other.id != paper.id) >= 4
    assert paper.title not in similar


def test_a_paper_that_the_encoder_has_not_read_has_no_neighbours_yet(database: Database, signed_in: Any, now: Any) -> None:
    with database.write() as session:
        papers.upsert(session, [make_paper(1)], now=now)
    assert "None are known" in signed_in.get(f"/paper/{make_paper(1).id}").get_data(as_text=True)


def test_an_old_id_with_a_slash_has_a_page(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(900, id="arxiv:quant-ph/0201082")
    fill(edition, settings, [paper])
    assert paper.title in signed_in.get("/paper/arxiv:quant-ph/0201082").get_data(as_text=True)


def test_an_unknown_paper_is_not_found(edition: Database, signed_in: Any) -> None:
    for paper_id in ("arxiv:9999.99999", "x", "..%2f..%2fetc%2fpasswd", "' OR 1=1"):
        response = signed_in.get(f"/paper/{paper_id}")
        assert response.status_code == 404
        assert "There is no such paper here" in response.get_data(as_text=True)


def test_its_buttons_name_the_paper_and_come_back_to_it(edition: Database, signed_in: Any) -> None:
    paper_id = make_paper(84).id
    text = signed_in.get(f"/paper/{paper_id}").get_data(as_text=True)
    assert f'name="paper" value="{paper_id}"' in text
    assert f'name="next" value="/paper/{paper_id}"' in text
    assert 'name="item"' not in text
    back = signed_in.post("/events", {"kind": "upvote", "paper": paper_id, "next": f"/paper/{paper_id}"})
    assert back.headers["Location"] == f"/paper/{paper_id}#paper-arxiv-2605-10084"
    assert "You upvoted this." in signed_in.follow(back)


def page(browser: Any, paper_id: str) -> str:
    return browser.get(f"/paper/{paper_id}").get_data(as_text=True)


def test_authors_and_the_organisation_lead_to_their_pages(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(900, authors=("Ada  Lovelace", "王小明", "A/B <i>C</i>"), organization="École & Söhne")
    fill(edition, settings, [paper])
    text = page(signed_in, paper.id)
    assert '<a href="/author/ada%20lovelace"><bdi>Ada Lovelace</bdi></a>' in text
    assert '<a href="/author/a/b%20%3Ci%3Ec%3C/i%3E"><bdi>A/B &lt;i&gt;C&lt;/i&gt;</bdi></a>' in text
    for path in re.findall(r'href="(/(?:author|organization)/[^"]+)"', text):
        assert signed_in.get(html.unescape(path)).status_code == 200, path
    assert len(re.findall(r'href="/(?:author|organization)/', text)) == 4


def test_a_paper_with_thousands_of_authors_lists_some(edition: Database, settings: Settings, signed_in: Any) -> None:
    fill(edition, settings, [make_paper(900, authors=tuple(f"Author {n}" for n in range(1500)))])
    text = page(signed_in, make_paper(900).id)
    assert text.count('href="/author/') == 300
    assert "and 1,200 more" in text


def test_what_a_new_version_changed_is_marked(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(900, abstract="A small study of graphs with <b>.", title="First title")
    fill(edition, settings, [paper], now=NOW - timedelta(days=9))
    assert 'id="versions"' not in page(signed_in, paper.id)
    fill(edition, settings, [replace(paper, version=2, title="Second title")], now=NOW - timedelta(days=2))
    fill(edition, settings, [replace(paper, version=3, title="Second title", abstract="A large study of graphs with <b>.")])
    text = " ".join(page(signed_in, paper.id).split())
    assert "A <del>small</del> <ins>large</ins> study of graphs with &lt;b&gt;." in text
    assert "<del>First</del> <ins>Second</ins> title" in text
    assert text.index("What changed on 20 May") < text.index("What changed on 18 May")
    assert [f"/abs/2605.10900v{n}" in text for n in (0, 1, 2, 3, 4)] == [False, True, True, True, False]


def test_versions_that_were_never_read_are_only_linked(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(900, version=2)
    fill(edition, settings, [paper])
    assert "What earlier versions said is not known here" in page(signed_in, paper.id)


def test_who_announced_it_and_when(edition: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(84)
    fill(edition, settings, [replace(paper, source="huggingface", edition=DAY + timedelta(days=1))])
    text = page(signed_in, paper.id).partition("Where it was announced")[2]
    assert text.index("arXiv") < text.index("20 May") < text.index("Hugging Face") < text.index("21 May")


def test_what_readers_here_did_stands_with_it(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    paper = make_paper(84)
    with edition.write() as session:
        row = session.get(ReaderRow, bob.id)
        assert row is not None
        row.votes_public = True
        events.append(session, bob.id, paper.id, EventKind.UPVOTE, at=NOW)
        events.append(session, alice.id, paper.id, EventKind.UPVOTE, at=NOW)
        submissions.record(session, paper.id, bob.id, now=NOW)
        comments.add(session, paper.id, bob.id, "A remark", now=NOW)
    text = page(signed_in, paper.id)
    assert "Upvoted here by bob<" in text  # and not by Alice, whose votes are her own
    assert "submitted by bob" in text
    assert '<a href="#discussion">1 comment</a>' in text
    listed = signed_in.get("/author/graphs%20author%200").get_data(as_text=True)
    assert "submitted by bob" in listed
    assert "1 comment<" in listed


def test_what_was_said_at_the_source_is_counted_and_leads_to_no_empty_discussion(
    edition: Database, settings: Settings, signed_in: Any, bob: Reader
) -> None:
    paper = make_paper(901, signals=Signals(upvotes=900, comments=3))
    fill(edition, settings, [paper])
    for text in (page(signed_in, paper.id), signed_in.get(f"/everyone/day/{paper.edition}").get_data(as_text=True)):
        assert "<span>3 comments</span>" in text
    with edition.write() as session:
        comments.add(session, paper.id, bob.id, "A remark", now=NOW)
    assert '<a href="#discussion">4 comments</a>' in page(signed_in, paper.id)


def test_a_source_s_submitter_goes_before_ours(edition: Database, settings: Settings, signed_in: Any, bob: Reader) -> None:
    fill(edition, settings, [make_paper(900, submitter="somebody there")])
    with edition.write() as session:
        submissions.record(session, make_paper(900).id, bob.id, now=NOW)
    assert "submitted by somebody there" in page(signed_in, make_paper(900).id)


def test_a_paper_is_liked_for_an_interest(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    paper_id = make_paper(84).id
    assert '<select id="interest"' not in page(signed_in, paper_id)
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        other = interests.create(session, bob.id, "Bob’s", now=NOW)
    text = page(signed_in, paper_id)
    assert f'<option value="{own.id}">Robots</option>' in text
    assert "Bob’s" not in text
    said = {"kind": "upvote", "paper": paper_id, "next": f"/paper/{paper_id}"}
    assert signed_in.post("/events", {**said, "interest": str(other.id)}).status_code == 404
    text = signed_in.follow(signed_in.post("/events", {**said, "interest": str(own.id)}))
    assert f'<option value="{own.id}">Robots (liked)</option>' in text
    assert '<option value="0">General</option>' in text
    assert "You like it for Robots." in text


def test_nothing_like_this_again_is_a_rule_that_can_be_ended(edition: Database, signed_in: Any, alice: Reader) -> None:
    paper_id = make_paper(84).id
    form = {"action": "never", "field": "like", "value": paper_id, "next": f"/paper/{paper_id}"}
    text = signed_in.follow(signed_in.post("/follow", {**form, "on": "1"}))
    assert "Nothing like this: on" in text
    assert "Nothing like “" in text
    with edition.read() as session:
        (rule,) = rules.active(session, alice.id)
    assert (rule.action, rule.field, rule.value) == ("never", "like", paper_id)
    text = signed_in.follow(signed_in.post("/follow", {**form, "on": "0"}))
    assert "Nothing like this again" in text
    with edition.read() as session:
        assert rules.active(session, alice.id) == []


def test_what_somebody_brought_along_is_shown_to_them_alone(
    edition: Database, settings: Settings, signed_in: Any, alice: Reader, bob: Reader, sign_in: Any
) -> None:
    own = make_paper(900, id="own:abc", source=LIBRARY)
    fill(edition, settings, [own])
    with edition.write() as session:
        events.append(session, alice.id, own.id, EventKind.UPVOTE, at=NOW)
    text = page(signed_in, own.id)
    assert "Only you can see it" in text
    assert "Discussion" not in text
    assert signed_in.post("/comments", {"paper": own.id, "text": "Hello"}).status_code == 404
    stranger = sign_in(bob)
    assert stranger.get(f"/paper/{own.id}").status_code == 404
    assert stranger.post("/follow", {"action": "never", "field": "like", "value": own.id, "on": "1"}).status_code == 404


class TestPicks:
    paper_id = make_paper(84).id

    @pytest.fixture
    def curator(self, edition: Database, bob: Reader, sign_in: Any) -> Any:
        with edition.write() as session:
            accounts.set_curator(session, bob.id, True)
        return sign_in(bob)

    def press(self, browser: Any, **form: str) -> Any:
        return browser.post("/picks", {"paper": self.paper_id, "next": f"/paper/{self.paper_id}", **form})

    def test_a_curator_picks_changes_the_note_and_takes_it_back(self, curator: Any, signed_in: Any) -> None:
        assert "Pick for everyone" in page(curator, self.paper_id)
        text = curator.follow(self.press(curator, pick="1", note="Read <this>"))
        assert "Change the note" in text
        seen = page(signed_in, self.paper_id)
        assert "Picked by bob" in seen
        assert "Read &lt;this&gt;" in seen
        assert "Picked by bob" in signed_in.get("/author/graphs%20author%200").get_data(as_text=True)
        text = curator.follow(self.press(curator, pick="1", note="Better"))
        assert "Better" in page(signed_in, self.paper_id)
        text = curator.follow(self.press(curator, back="1"))
        assert "You no longer recommend this paper." in text
        assert "Picked by" not in page(signed_in, self.paper_id)

    def test_a_note_that_is_too_long_is_refused(self, curator: Any, signed_in: Any) -> None:
        assert "at most 300 characters" in curator.follow(self.press(curator, note="x" * 301))
        assert "Picked by" not in page(signed_in, self.paper_id)

    def test_others_cannot_pick(self, edition: Database, signed_in: Any) -> None:
        assert "Pick for everyone" not in page(signed_in, self.paper_id)
        assert self.press(signed_in, pick="1").status_code == 404

    def test_what_is_not_there_cannot_be_picked(self, curator: Any) -> None:
        assert curator.post("/picks", {"paper": "arxiv:no", "pick": "1"}).status_code == 404

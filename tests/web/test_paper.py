"""One paper's page: everything that is stored of it, its neighbours, and buttons that answer no ranked item."""

from __future__ import annotations

from typing import Any

from factories import fill, make_paper

from recommender.settings import Settings
from recommender.store import papers
from recommender.store.db import Database


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

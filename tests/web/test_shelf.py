"""The shelf: saved papers in collections, with notes, read or not, searched, told apart when a new version came."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import make_paper, make_reader

from recommender import intake, library
from recommender.store import events, papers, shelf
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind

GRAPHS = make_paper(1, title="Graphs of the Poincaré ball", authors=("Ada Lovelace",))
SPEECH = make_paper(2, topic="speech", title="A $x^2$ vocoder", organization="Example University")
ROBOTS = make_paper(3, topic="robots", title="Zeal of robots", authors=("Čapek, Karel",))
TITLES = re.compile(r'<h2 class="title"[^>]*><a[^>]*>(.*?)</a></h2>', re.DOTALL)


@pytest.fixture
def kept(database: Database, alice: Reader, clock: Any) -> Database:
    """Three stored papers, all on Alice's shelf, the robots last."""
    with database.write() as session:
        papers.upsert(session, [GRAPHS, SPEECH, ROBOTS], now=clock() - timedelta(days=2))
        for paper in (GRAPHS, SPEECH, ROBOTS):
            events.append(session, alice.id, paper.id, EventKind.SAVE, at=clock() - timedelta(days=1))
    return database


def titles(text: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", found).strip() for found in TITLES.findall(text)]


def collect(browser: Any, slug: str, *ids: str, action: str = "add") -> None:
    for paper_id in ids:
        data = {"paper": paper_id, "collection": slug, "action": action, "next": "/shelf"}
        assert browser.post("/shelf/collect", data).status_code == 303


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Zeal of robots", "A", "Graphs of the Poincaré ball"]),
        ("?sort=title", ["A", "Graphs of the Poincaré ball", "Zeal of robots"]),
        ("?q=poincare+GRAPHS", ["Graphs of the Poincaré ball"]),
        ("?q=capek", ["Zeal of robots"]),
        ("?q=example+university", ["A"]),
        ("?q=arxiv:2605.30003", ["Zeal of robots"]),
        ("?q=nothing-like-it", []),
        ("?state=no-such&sort=no-such&show=x", ["Zeal of robots", "A", "Graphs of the Poincaré ball"]),
        ("?q=%22%3Cscript%3E%27+OR+1%3D1", []),
    ],
)
def test_the_shelf_is_searched_and_ordered(kept: Database, signed_in: Any, query: str, expected: list[str]) -> None:
    response = signed_in.get(f"/shelf{query}")
    assert response.status_code == 200
    assert [found.partition(" $")[0].partition(" x")[0] for found in titles(signed_in.last)] == expected
    assert "<script>" not in signed_in.last.partition("<body>")[2].partition("<main")[2]


def test_the_newest_papers_come_first_when_asked(kept: Database, signed_in: Any, alice: Reader, clock: Any) -> None:
    newer = make_paper(7, topic="vision", title="Newer than all", published=clock())
    with kept.write() as session:
        papers.upsert(session, [newer], now=clock())
        events.append(session, alice.id, newer.id, EventKind.SAVE, at=clock() - timedelta(days=9))
    assert titles(signed_in.get("/shelf?sort=date").get_data(as_text=True))[0] == "Newer than all"


def test_an_empty_shelf_says_how_to_fill_it(database: Database, signed_in: Any) -> None:
    assert "“Save” under a paper puts it here." in signed_in.get("/shelf").get_data(as_text=True)


def test_what_is_taken_off_the_shelf_is_gone(kept: Database, signed_in: Any) -> None:
    signed_in.post("/events", {"paper": ROBOTS.id, "kind": "unsave", "next": "/shelf"})
    assert "Zeal of robots" not in titles(signed_in.get("/shelf").get_data(as_text=True))


def test_a_collection_is_begun_filled_renamed_and_deleted(kept: Database, signed_in: Any, alice: Reader) -> None:
    response = signed_in.post("/shelf/collections", {"name": "  Reading   list "})
    assert response.headers["Location"] == "/shelf/collection/reading-list"
    assert "This collection is empty" in signed_in.follow(response)
    collect(signed_in, "reading-list", GRAPHS.id, ROBOTS.id, ROBOTS.id)
    assert titles(signed_in.get("/shelf/collection/reading-list").get_data(as_text=True)) == [ROBOTS.title, GRAPHS.title]
    assert [title[:2] for title in titles(signed_in.get("/shelf?state=loose").get_data(as_text=True))] == ["A "]
    collect(signed_in, "reading-list", ROBOTS.id, action="out")
    response = signed_in.post("/shelf/collection/reading-list/rename", {"name": "Für später"})
    assert titles(signed_in.follow(response)) == [GRAPHS.title]
    assert signed_in.get("/shelf/collection/reading-list").status_code == 404
    assert "1 paper" in signed_in.get("/shelf/collection/für-später/delete").get_data(as_text=True)
    with kept.read() as session:
        assert [one.name for one in shelf.collections(session, alice.id)] == ["Für später"]
    signed_in.post("/shelf/collection/für-später/delete")
    with kept.read() as session:
        assert shelf.collections(session, alice.id) == []
        assert len(shelf.saved(session, alice.id)) == 3


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "papers"])
def test_a_name_that_does_not_fit_is_told_and_kept(kept: Database, signed_in: Any, name: str) -> None:
    signed_in.post("/shelf/collections", {"name": "Papers"})
    signed_in.post("/shelf/collections", {"name": "Other"})
    for path in ("/shelf/collections", "/shelf/collection/other/rename"):
        response = signed_in.post(path, {"name": name})
        text = response.get_data(as_text=True)
        assert response.status_code == 422
        assert 'role="alert"' in text
        assert f'value="{name}"' in text


def test_a_paper_from_elsewhere_goes_on_the_shelf_with_its_collection(kept: Database, signed_in: Any, alice: Reader) -> None:
    other = make_paper(9, topic="vision")
    with kept.write() as session:
        papers.upsert(session, [other], now=other.published)
    response = signed_in.post("/shelf/collections", {"name": "New", "paper": other.id, "next": f"/paper/{other.id}"})
    assert response.headers["Location"] == f"/paper/{other.id}#paper-{other.id.replace(':', '-').replace('.', '-')}"
    with kept.read() as session:
        assert next(iter(shelf.saved(session, alice.id))) == other.id
        assert [event.kind for event in events.of_papers(session, alice.id, [other.id])] == [EventKind.SAVE]


def test_a_note_is_kept_found_and_seen_by_nobody_else(
    kept: Database, signed_in: Any, sign_in: Callable[[Reader], Any], bob: Reader
) -> None:
    words = "\nCompare with <Gödel> & co."
    response = signed_in.post("/shelf/mark", {"paper": GRAPHS.id, "action": "note", "note": words, "next": "/shelf?sort=title"})
    assert response.headers["Location"].startswith("/shelf?sort=title#")
    text = signed_in.get("/shelf?q=godel").get_data(as_text=True)
    assert titles(text) == [GRAPHS.title]
    assert "Compare with &lt;Gödel&gt; &amp; co.</textarea>" in text
    signed_in.post("/shelf/collections", {"name": "Open"})
    collect(signed_in, "open", GRAPHS.id)
    assert "Gödel" not in shared_page(signed_in, "open")
    assert "Gödel" not in sign_in(bob).get(f"/paper/{GRAPHS.id}").get_data(as_text=True)


def test_a_note_too_long_is_told_and_kept(kept: Database, signed_in: Any) -> None:
    response = signed_in.post("/shelf/mark", {"paper": GRAPHS.id, "action": "note", "note": "x" * 10_001})
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "x" * 10_001 in text
    assert "at most 10,000 characters" in text


def test_read_and_still_to_read(kept: Database, signed_in: Any) -> None:
    signed_in.post("/shelf/mark", {"paper": GRAPHS.id, "action": "read"})
    assert titles(signed_in.get("/shelf?state=read").get_data(as_text=True)) == [GRAPHS.title]
    assert GRAPHS.title not in titles(signed_in.get("/shelf?state=unread").get_data(as_text=True))
    signed_in.post("/shelf/mark", {"paper": GRAPHS.id, "action": "unread"})
    assert titles(signed_in.get("/shelf?state=read").get_data(as_text=True)) == []


def test_a_new_version_is_told_until_it_was_seen(kept: Database, signed_in: Any, clock: Any) -> None:
    assert titles(signed_in.get("/shelf?state=changed").get_data(as_text=True)) == []
    second = replace(GRAPHS, version=2, title="Graphs, revised", announce="replace")
    with kept.write() as session:
        papers.upsert(session, [second], now=clock())
    text = signed_in.get("/shelf?state=changed").get_data(as_text=True)
    assert titles(text) == ["Graphs, revised"]
    assert "Version 2 has taken the place of version 1" in text
    assert "Graphs of the Poincaré ball" in text
    signed_in.post("/shelf/mark", {"paper": GRAPHS.id, "action": "seen"})
    assert titles(signed_in.get("/shelf?state=changed").get_data(as_text=True)) == []


def test_more_papers_come_by_a_link(database: Database, signed_in: Any, alice: Reader, clock: Any) -> None:
    many = [make_paper(number) for number in range(35)]
    with database.write() as session:
        papers.upsert(session, many, now=clock())
        for paper in many:
            events.append(session, alice.id, paper.id, EventKind.SAVE, at=clock())
    text = signed_in.get("/shelf?q=graph&sort=title").get_data(as_text=True)
    assert len(titles(text)) == 30
    more = re.search(r'<p class="show-more"><a href="([^"]+)#', text)
    assert more
    assert len(titles(signed_in.get(more[1].replace("&amp;", "&")).get_data(as_text=True))) == 35


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/shelf/mark", {"paper": "arxiv:0000.00000", "action": "read"}),
        ("/shelf/mark", {"action": "read"}),
        ("/shelf/collect", {"paper": GRAPHS.id, "collection": "no-such", "action": "add"}),
        ("/shelf/collections", {"paper": "arxiv:0000.00000", "name": "New"}),
        ("/shelf/collection/no-such/share", {"public": "1"}),
        ("/shelf/collection/no-such/rename", {"name": "x"}),
        ("/shelf/collection/no-such/delete", {}),
    ],
)
def test_what_is_not_there_is_not_found(kept: Database, signed_in: Any, path: str, data: dict[str, str]) -> None:
    assert signed_in.post(path, data).status_code == 404


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/shelf/mark", {"action": "read"}),
        ("/shelf/mark", {"action": "note", "note": "x" * 20_000}),
        ("/shelf/collect", {"collection": "mine", "action": "add"}),
        ("/shelf/collections", {"name": "New"}),
    ],
)
def test_what_another_brought_along_is_not_found_by_its_doi(
    kept: Database, signed_in: Any, alice: Reader, bob: Reader, clock: Any, path: str, data: dict[str, str]
) -> None:
    own = library.make_entry("a", "What only Bob has read", doi="10.1234/bobs-own")
    assert own is not None
    with kept.write() as session:
        (paper_id,) = intake.take(session, bob.id, [own], now=clock()).own
        shelf.create(session, alice.id, "Mine", now=clock())
    answer = signed_in.post(path, {"paper": paper_id, **data})
    assert answer.status_code == 404
    assert "Bob" not in answer.get_data(as_text=True)
    assert signed_in.get(f"/paper/{paper_id}").status_code == 404


@pytest.mark.parametrize("path", ["/shelf/mark", "/shelf/collect"])
def test_an_unknown_word_is_refused(kept: Database, signed_in: Any, path: str) -> None:
    signed_in.post("/shelf/collections", {"name": "New"})
    assert signed_in.post(path, {"paper": GRAPHS.id, "collection": "new", "action": "burn"}).status_code == 400


def test_collections_are_the_readers_own(kept: Database, signed_in: Any, sign_in: Callable[[Reader], Any], bob: Reader) -> None:
    signed_in.post("/shelf/collections", {"name": "Mine"})
    theirs = sign_in(bob)
    theirs.get("/shelf")
    for path in ("/shelf/collection/mine", "/shelf/collection/mine/delete", "/shelf/collection/mine/bibtex"):
        assert theirs.get(path).status_code == 404
    for path in ("rename", "share", "delete"):
        assert theirs.post(f"/shelf/collection/mine/{path}", {"name": "x", "public": "1"}).status_code == 404
    data = {"paper": GRAPHS.id, "collection": "mine", "action": "add"}
    assert theirs.post("/shelf/collect", data).status_code == 404


def shared_page(browser: Any, slug: str) -> str:
    """Make a collection public and read it without an account."""
    text = browser.follow(browser.post(f"/shelf/collection/{slug}/share", {"public": "1"}))
    address = re.search(r'href="http://[^/"]+(/collection/[^"]+)"', text)
    assert address
    visitor = browser.client.application.test_client()
    response = visitor.get(address[1])
    assert response.status_code == 200
    return str(response.get_data(as_text=True))


def test_a_public_collection_is_read_without_an_account_until_it_is_private(
    kept: Database, signed_in: Any, database: Database
) -> None:
    signed_in.post("/shelf/collections", {"name": "Open"})
    collect(signed_in, "open", GRAPHS.id, ROBOTS.id)
    text = signed_in.follow(signed_in.post("/shelf/collection/open/share", {"public": "1"}))
    address = re.search(r'href="http://[^/"]+(/collection/[^"]+)"', text)
    assert address
    visitor = signed_in.client.application.test_client()
    page = visitor.get(address[1]).get_data(as_text=True)
    assert "collected by alice" in page
    assert "Zeal of robots" in page
    assert "<form" not in page
    assert visitor.get(f"{address[1]}/ris").get_data(as_text=True).count("TY  - ") == 2
    assert visitor.get(f"{address[1][:-1]}0").status_code == 404
    assert visitor.get(address[1].replace("/collection/1/", "/collection/2/")).status_code == 404
    signed_in.post("/events", {"paper": ROBOTS.id, "kind": "unsave", "next": "/shelf"})
    assert "Zeal of robots" not in visitor.get(address[1]).get_data(as_text=True)
    signed_in.post("/shelf/collection/open/share", {"public": "0"})
    assert visitor.get(address[1]).status_code == 404
    assert visitor.get(f"{address[1]}/bibtex").status_code == 404


def test_papers_are_taken_along(kept: Database, signed_in: Any) -> None:
    signed_in.post("/shelf/collections", {"name": "Für später"})
    collect(signed_in, "für-später", GRAPHS.id)
    whole = signed_in.get("/shelf/bibtex")
    assert whole.content_type == "application/x-bibtex; charset=utf-8"
    assert whole.headers["Content-Disposition"] == "attachment; filename=shelf.bib"
    assert whole.get_data(as_text=True).count("@misc{") == 3
    part = signed_in.get("/shelf/collection/für-später/ris")
    assert "filename*=UTF-8''f%C3%BCr-sp%C3%A4ter.ris" in part.headers["Content-Disposition"]
    assert part.get_data(as_text=True).count("TY  - ") == 1
    one = signed_in.get(f"/paper/{GRAPHS.id}/bibtex")
    assert "lovelace-2605.10001" in one.headers["Content-Disposition"]
    assert one.get_data(as_text=True).startswith("@misc{lovelace-2605.10001,")
    assert signed_in.get("/paper/arxiv:0000.00000/ris").status_code == 404


def test_a_visitor_sees_nobodys_shelf(kept: Database, client: Any) -> None:
    for path in ("/shelf", "/shelf/bibtex", f"/paper/{GRAPHS.id}/ris", "/shelf/collection/x"):
        assert client.get(path).status_code == 401


def test_a_disabled_readers_collection_is_gone(kept: Database, signed_in: Any, alice: Reader, clock: Any) -> None:
    signed_in.post("/shelf/collections", {"name": "Open"})
    text = signed_in.follow(signed_in.post("/shelf/collection/open/share", {"public": "1"}))
    address = re.search(r'href="http://[^/"]+(/collection/[^"]+)"', text)
    assert address
    from recommender.store.tables import ReaderRow

    with kept.write() as session:
        session.get_one(ReaderRow, alice.id).disabled_at = clock()
    assert signed_in.client.application.test_client().get(address[1]).status_code == 404


def test_readers_may_give_collections_the_same_name(kept: Database, signed_in: Any, sign_in: Any, database: Database) -> None:
    other = sign_in(make_reader(database, "carol"))
    for browser in (signed_in, other):
        browser.get("/shelf")
        assert browser.post("/shelf/collections", {"name": "Same"}).headers["Location"] == "/shelf/collection/same"

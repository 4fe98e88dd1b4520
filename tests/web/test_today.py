"""The page of an edition: what it shows, what it says of itself, and that exactly what was rendered is noted as shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from flask import Flask

from recommender import daily
from recommender.rank import model
from recommender.settings import Settings
from recommender.store import artifacts, events, interests, pages, papers, readers, runs
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind
from web.app import create_app

TODAY_CARDS = 20


def shown_items(database: Database) -> list[int]:
    """Items noted as shown on the web, by id."""
    with database.read() as session:
        return sorted(item.item.id for page in pages.shown(session) for item in page.items)


def rendered(text: str) -> list[int]:
    return [int(item) for item in re.findall(r'<article [^>]*id="item-(\d+)"', text)]


def papers_of(text: str) -> list[str]:
    return re.findall(r'<article [^>]*data-paper="([^"]+)"', text)


def test_the_front_page_is_the_newest_edition(edition: Database, settings: Settings, signed_in: Any) -> None:
    fill(edition, settings, make_edition(DAY - timedelta(days=1), per_topic=2))
    text = signed_in.get("/").get_data(as_text=True)
    assert "<h1>Wednesday, 20 May 2026</h1>" in text
    assert "48 papers considered" in text
    assert "No model has been trained yet: this page is ordered by" in text
    assert "The newest edition here is" not in text
    assert len(papers_of(text)) == TODAY_CARDS
    assert papers_of(text) == papers_of(signed_in.get(f"/day/{DAY}").get_data(as_text=True))


def test_a_card_shows_what_the_shared_page_shows(database: Database, settings: Settings, signed_in: Any) -> None:
    paper = make_paper(
        1,
        title="Layered $O(n)$ Proofs",
        authors=("A. One", "B. Two", "C. Three", "D. Four"),
        organization="Institute of Papers",
        submitter="somebody",
        published=NOW.replace(year=2025, month=10, day=2),
        signals=make_paper().signals.__class__(upvotes=12, comments=3, stars=40),
        code_url="https://code.example/1",
        announce="cross",
    )
    fill(database, settings, [paper, make_paper(5)])
    text = signed_in.get("/").get_data(as_text=True)
    for said in (
        'Layered <span class="math" data-tex="O(n)">O(n)</span> Proofs',
        "A. One, B. Two, C. Three and 1 more",
        "Institute of Papers",
        "submitted by somebody",
    ):
        assert said in text
    for said in ("4 authors", "2 October 2025", "3 comments", "cs.LG, cs.SI", "cross-listed", "Code (40 stars)"):
        assert said in text
    assert '<span class="count">12</span>' in text
    assert ">0<" not in text  # the other paper's count of nothing is blank
    assert f"{paper.abstract[:80]}" in text


def test_an_older_newest_edition_is_owned_up_to(edition: Database, signed_in: Any, clock: Any) -> None:
    clock.now = NOW + timedelta(days=3)
    text = signed_in.get("/").get_data(as_text=True)
    assert "The newest edition here is 20 May 2026." in text
    assert "<h1>Wednesday, 20 May 2026</h1>" in text


def test_nothing_stored_yet_says_what_to_do(database: Database, signed_in: Any) -> None:
    text = signed_in.get("/").get_data(as_text=True)
    assert "No papers yet" in text
    assert "broadsheet ingest" in text


def test_papers_that_nobody_has_read_yet_are_owned_up_to(database: Database, signed_in: Any, now: datetime) -> None:
    with database.write() as session:
        papers.upsert(session, make_edition(per_topic=1), now=now)
    assert "6 papers are stored, but the text encoder has not read any" in signed_in.get("/").get_data(as_text=True)
    assert "6 papers of this day are stored, but none can be ranked yet" in signed_in.get(f"/day/{DAY}").get_data(as_text=True)


def test_a_day_without_papers_says_so_and_leads_on(edition: Database, settings: Settings, signed_in: Any) -> None:
    earlier = DAY - timedelta(days=4)
    fill(edition, settings, make_edition(earlier, per_topic=1))
    text = signed_in.get(f"/day/{DAY - timedelta(days=2)}").get_data(as_text=True)
    assert "Nothing was announced on this day" in text
    assert f'rel="prev" href="/day/{earlier}"' in text
    assert f'rel="next" href="/day/{DAY}"' in text
    assert "caught up" not in text
    assert shown_items(edition) == []


def test_a_day_to_come_says_so(edition: Database, signed_in: Any) -> None:
    assert "This day has not come yet." in signed_in.get("/day/2026-05-21").get_data(as_text=True)
    for day in ("9999-12-30", "0001-01-01"):
        assert signed_in.get(f"/day/{day}").status_code == 200


@pytest.mark.parametrize(
    "day", ["2026-5-20", "20260520", "2026-02-30", "today", "2026-05-20T00", "x" * 300, "2026-W21-3", "%3Cscript%3E"]
)
def test_a_bad_date_is_a_page_that_says_so(edition: Database, signed_in: Any, day: str) -> None:
    response = signed_in.get(f"/day/{day}")
    assert response.status_code == 404
    assert "is not a date" in response.get_data(as_text=True)


def test_the_neighbouring_editions_and_all_days(edition: Database, settings: Settings, signed_in: Any) -> None:
    days = [DAY - timedelta(days=n) for n in (1, 3)]
    for day in days:
        fill(edition, settings, make_edition(day, per_topic=1))
    middle = signed_in.get(f"/day/{days[0]}").get_data(as_text=True)
    assert f'rel="prev" href="/day/{days[1]}"' in middle
    assert f'rel="next" href="/day/{DAY}"' in middle
    assert 'rel="prev"' not in signed_in.get(f"/day/{days[1]}").get_data(as_text=True)
    assert 'rel="next"' not in signed_in.get("/").get_data(as_text=True)


def test_what_was_rendered_is_shown_and_nothing_else(edition: Database, signed_in: Any) -> None:
    first = rendered(signed_in.get("/").get_data(as_text=True))
    assert len(first) == TODAY_CARDS
    assert shown_items(edition) == sorted(first)
    assert "Show 20 more of 28" in signed_in.last
    more = rendered(signed_in.get("/?show=40").get_data(as_text=True))
    assert more[:20] == first
    assert len(more) == 40
    assert shown_items(edition) == sorted(more)
    assert "caught up" not in signed_in.last
    everything = rendered(signed_in.get("/?show=60").get_data(as_text=True))
    assert len(everything) == 48
    assert "You are caught up." in signed_in.last
    assert "more of" not in signed_in.last


@pytest.mark.parametrize("query", ["?show=x", "?show=-5", "?show=", "?show=1", "?show=٣", "?show=99999999999", "?show=5&show=7"])
def test_a_strange_number_of_papers_shows_the_usual(edition: Database, signed_in: Any, query: str) -> None:
    assert len(papers_of(signed_in.get(f"/{query}").get_data(as_text=True))) == TODAY_CARDS


def test_a_second_look_writes_nothing(edition: Database, signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in.get("/")
    before = shown_items(edition)
    monkeypatch.setattr(Database, "write", lambda _self: pytest.fail("a second look took the lock"))
    assert signed_in.get("/").status_code == 200
    assert shown_items(edition) == before


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}])
def test_a_page_fetched_ahead_was_not_shown(edition: Database, signed_in: Any, alice: Reader, headers: dict[str, str]) -> None:
    assert signed_in.get("/", headers=headers).status_code == 200
    assert shown_items(edition) == []
    signed_in.get("/")
    assert len(shown_items(edition)) == TODAY_CARDS


def test_asking_for_the_head_makes_no_page(edition: Database, signed_in: Any, alice: Reader) -> None:
    response = signed_in.client.head("/")
    assert (response.status_code, response.data) == (200, b"")
    assert shown_items(edition) == []
    with edition.read() as session:
        assert pages.latest(session, alice.id, DAY) is None


def test_a_page_that_could_not_be_rendered_was_not_shown(
    edition: Database, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.today.render_template", lambda *_a, **_k: 1 / 0)
    assert signed_in.get("/").status_code == 500
    assert shown_items(edition) == []


def test_impressions_are_of_the_web(edition: Database, signed_in: Any) -> None:
    signed_in.get("/")
    ids = shown_items(edition)
    with edition.read() as session:
        assert pages.unshown(session, ids, Channel.WEB) == []
        assert pages.unshown(session, ids, Channel.EMAIL) == ids


def test_the_reader_was_here(edition: Database, signed_in: Any, alice: Reader, clock: Any) -> None:
    def seen() -> datetime | None:
        with edition.read() as session:
            found = readers.by_id(session, alice.id)
            assert found is not None
            return found.last_seen_at

    start = clock.now
    signed_in.get("/")
    clock.now = start + timedelta(minutes=59)
    signed_in.get("/")
    assert seen() == start
    clock.now = start + timedelta(hours=2)
    signed_in.get("/")
    assert seen() == clock.now


def test_papers_voted_on_earlier_stand_at_the_end_with_undo(edition: Database, signed_in: Any) -> None:
    first = papers_of(signed_in.get("/").get_data(as_text=True))
    items = rendered(signed_in.last)
    signed_in.post("/events", {"kind": "upvote", "item": items[5]})
    text = signed_in.get("/").get_data(as_text=True)
    assert papers_of(text)[5] == first[5]  # the last word keeps its place
    assert "Voted on earlier" not in text
    now_at = papers_of(text)
    signed_in.post("/events", {"kind": "hide", "item": rendered(text)[2]})
    text = signed_in.get("/").get_data(as_text=True)
    head, _, tail = text.partition("Voted on earlier</h2>")
    assert papers_of(tail) == [first[5]]
    assert papers_of(head)[2] == now_at[2]
    assert "You are not interested in this." in head
    assert tail.count("Undo</button>") == 1
    assert set(rendered(text)) <= set(shown_items(edition))


def test_failing_sources_are_named(edition: Database, signed_in: Any, now: datetime) -> None:
    with edition.write() as session:
        runs.source_said(session, "arxiv", now=now, papers=3)
        runs.source_said(session, "huggingface", now=now - timedelta(days=1), papers=3)
        runs.source_failed(session, "huggingface", now=now, error="it answered <b>503</b>.", retry_at=now + timedelta(hours=1))
    text = signed_in.get("/").get_data(as_text=True)
    assert "Hugging Face could not be read on 20 May 2026, 08:00 UTC: it answered &lt;b&gt;503&lt;/b&gt;." in text
    assert "asked again after 20 May 2026, 09:00 UTC" in text
    assert "It last answered on 19 May 2026, 08:00 UTC." in text
    assert "arXiv could not" not in text


def test_a_trained_model_is_named_and_a_damaged_one_owned_up_to(
    app: Flask,
    edition: Database,
    settings: Settings,
    signed_in: Any,
    now: datetime,
    alice: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ranker = model.Ranker(
        **{
            **{name: getattr(model.blend_ranker(), name) for name in ("schema", "weights", "lens")},
            "version": "m1",
            "kind": "boosted",
        }
    )
    with edition.write() as session:
        made = artifacts.add(
            session, settings.models_folder, "m1", model.dump(ranker), kind="boosted", schema=ranker.schema, papers=48, now=now
        )
        artifacts.promote(session, made.version, now=now)
    text = signed_in.get("/").get_data(as_text=True)
    assert "Ordered by the model trained on 20 May" in text
    assert "No model has been trained" not in text
    for path in settings.models_folder.glob("m1*"):
        path.write_text("damaged")
    fresh = create_app(settings, database=edition, clock=lambda: now).test_client()
    fresh.set_cookie("broadsheet", signed_in.client.get_cookie("broadsheet").value)
    assert "The model m1 cannot be used" in fresh.get("/").get_data(as_text=True)


def test_each_reader_has_their_own_page(edition: Database, signed_in: Any, sign_in: Callable[[Reader], Any], bob: Reader) -> None:
    theirs = sign_in(bob)
    mine, other = (rendered(browser.get("/").get_data(as_text=True)) for browser in (signed_in, theirs))
    assert not set(mine) & set(other)


def test_somebody_without_votes_is_shown_where_to_start(edition: Database, signed_in: Any, alice: Reader, now: datetime) -> None:
    def told() -> bool:
        return "You have not voted yet" in signed_in.get("/").get_data(as_text=True)

    assert told()
    with edition.write() as session:
        events.append(session, alice.id, make_paper(84).id, EventKind.UPVOTE, at=now)
    assert not told()
    with edition.write() as session:
        events.append(session, alice.id, make_paper(84).id, EventKind.CLEAR, at=now)
    assert told()
    with edition.write() as session:
        interests.set_picks(session, alice.id, categories=["cs.LG"])
    assert not told(), "what was picked is something to go by"


def test_the_page_that_is_shown_is_the_one_the_library_makes(
    edition: Database, signed_in: Any, alice: Reader, app: Flask, settings: Settings
) -> None:
    text = signed_in.get("/?show=60").get_data(as_text=True)
    with edition.read() as session:
        page = daily.fresh_page(session, alice.id, date(2026, 5, 20), app.extensions["broadsheet"].rankers, settings.rank)
    assert page is not None
    assert rendered(text) == [item.id for item in page.items]

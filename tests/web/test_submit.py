"""Bringing papers in: at once when they are stored, else by the clock, and the first one's name stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import NOW, fill, make_paper

from recommender.settings import Settings
from recommender.store import papers, submissions, wanted
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY

HERE, THERE = make_paper(84), make_paper(85)
ABSENT = "2601.00001"


def bare(paper_id: str) -> str:
    return paper_id.removeprefix("arxiv:")


@pytest.fixture
def alices(edition: Database, signed_in: Any) -> Any:
    return signed_in


@pytest.fixture
def bobs(edition: Database, bob: Reader, sign_in: Callable[[Reader], Any]) -> Any:
    return sign_in(bob)


def test_a_stored_paper_is_submitted_at_once(alices: Any, bobs: Any, edition: Database) -> None:
    response = alices.post("/submit", {"papers": f"https://arxiv.org/abs/{bare(HERE.id)}v2"})
    assert response.headers["Location"] == f"/paper/{HERE.id}"
    text = alices.follow(response)
    assert "is submitted by you" in text
    assert "submitted by alice" in text
    again = alices.follow(alices.post("/submit", {"papers": bare(HERE.id)}))
    assert "is submitted by you" in again
    second = bobs.follow(bobs.post("/submit", {"papers": bare(HERE.id)}))
    assert "was brought in by alice first" in second
    with edition.read() as session:
        assert [found.name for found in submissions.recent(session)] == ["alice"]
    assert HERE.title in alices.get("/submit").get_data(as_text=True)
    assert HERE.title not in bobs.get("/submit").get_data(as_text=True)


def test_a_paper_that_is_not_stored_waits_for_the_clock(alices: Any, alice: Reader, edition: Database) -> None:
    response = alices.post("/submit", {"papers": ABSENT})
    assert response.headers["Location"] == "/submit"
    text = alices.follow(response)
    assert "fetched from arXiv within minutes" in text
    assert f"arxiv:{ABSENT}" in text
    assert "Asked for on 20 May 2026, 08:00 UTC" in text
    alices.post("/submit", {"papers": ABSENT})
    with edition.read() as session:
        (wish,) = wanted.of_reader(session, alice.id)
    assert (wish.paper_id, wish.purpose, wish.state) == (f"arxiv:{ABSENT}", "submit", "waiting")


def test_several_at_once(alices: Any, alice: Reader, edition: Database) -> None:
    text = alices.follow(alices.post("/submit", {"papers": f"{bare(HERE.id)}, {ABSENT} {bare(THERE.id)}"}))
    assert text.count("is submitted by you") == 2
    assert f"arxiv:{ABSENT}" in text
    with edition.read() as session:
        assert {found.paper_id for found in submissions.of_reader(session, alice.id)} == {HERE.id, THERE.id}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "There is no arXiv id"),
        ("  \n ", "There is no arXiv id"),
        ("graphs <b>", "Not an arXiv id or link: graphs, &lt;b"),
        (f"{ABSENT} nonsense", "Not an arXiv id or link: nonsense"),
        (" ".join(f"2601.{n:05d}" for n in range(1, 12)), "at most 10 papers at once: these are 11"),
    ],
)
def test_what_is_no_id_comes_back_with_a_word(alices: Any, edition: Database, alice: Reader, written: str, told: str) -> None:
    response = alices.post("/submit", {"papers": written})
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert told in text
    assert 'role="alert"' in text
    with edition.read() as session:
        assert wanted.of_reader(session, alice.id) == []
        assert submissions.recent(session) == []


def test_what_was_not_found_says_why_and_can_be_forgotten(
    alices: Any, bobs: Any, alice: Reader, edition: Database, clock: Any
) -> None:
    alices.post("/submit", {"papers": ABSENT})
    with edition.write() as session:
        wanted.failed(session, [f"arxiv:{ABSENT}"], wanted.UNKNOWN, now=NOW)
    assert "looked for again: arXiv knows no such paper" in alices.get("/submit").get_data(as_text=True)
    with edition.write() as session:
        wanted.failed(session, [f"arxiv:{ABSENT}"], "status <500>", now=NOW, final=True)
        (wish,) = wanted.of_reader(session, alice.id)
    assert "Given up: status &lt;500&gt;" in alices.get("/submit").get_data(as_text=True)
    form = {"wanted": str(wish.id)}
    assert bobs.post("/submit/withdraw", form).status_code == 404
    assert alices.post("/submit/withdraw", {"wanted": "x"}).status_code == 404
    assert "Given up" not in alices.follow(alices.post("/submit/withdraw", form))
    assert alices.post("/submit/withdraw", form).status_code == 404


def test_somebody_else_may_have_been_faster(alices: Any, bobs: Any, alice: Reader, bob: Reader, edition: Database) -> None:
    alices.post("/submit", {"papers": ABSENT})
    bobs.post("/submit", {"papers": ABSENT})
    with edition.write() as session:
        papers.upsert(session, [make_paper(901, id=f"arxiv:{ABSENT}")], now=NOW)
        for reader in (bob, alice):
            submissions.record(session, f"arxiv:{ABSENT}", reader.id, now=NOW)
        wanted.settle(session, [wish.id for wish in wanted.open_for(session, [f"arxiv:{ABSENT}"])], now=NOW)
    text = alices.get("/submit").get_data(as_text=True)
    assert "brought in by bob first" in text
    assert make_paper(901).title in text
    assert "Withdraw" not in text


def test_what_a_reader_brought_along_is_fetched_for_everyone(
    alices: Any, alice: Reader, edition: Database, settings: Settings
) -> None:
    fill(edition, settings, [make_paper(902, id=f"arxiv:{ABSENT}", source=LIBRARY)])
    alices.post("/submit", {"papers": ABSENT})
    with edition.read() as session:
        assert submissions.recent(session) == []
        assert len(wanted.of_reader(session, alice.id)) == 1


def test_too_many_waiting_are_refused_and_nothing_is_half_done(
    alices: Any, edition: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "MOST", 1)
    response = alices.post("/submit", {"papers": f"{bare(HERE.id)} 2601.00001 2601.00002"})
    assert response.status_code == 422
    assert "Too many papers of yours are waiting" in response.get_data(as_text=True)
    with edition.read() as session:
        assert submissions.recent(session) == []


def test_nobody_submits_too_much_or_without_a_sign_in(alices: Any, client: Any, clock: Any) -> None:
    assert client.get("/submit").status_code == 401
    for _ in range(20):
        assert alices.post("/submit", {"papers": bare(HERE.id)}).status_code == 303
    assert alices.post("/submit", {"papers": bare(HERE.id)}).status_code == 429
    assert alices.get("/submit").status_code == 200
    clock.now += timedelta(hours=2)
    assert alices.post("/submit", {"papers": bare(HERE.id)}).status_code == 303

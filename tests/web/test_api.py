"""The API as programs use it: who is let in, what lists say, that votes are one, and how refusals are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from flask import Flask
from sqlalchemy import select

from recommender.settings import Settings
from recommender.store import curators, events, interests, keys, pages, submissions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import RateRow
from recommender.types import EventKind, Signals
from web import limits

ROOT = "/api/v1"
ALL = [paper.id for paper in make_edition()]
PROBLEM = "application/problem+json"


class Program:
    """A client with a token, as a script is."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        response = self.client.get(ROOT + path, headers=self.headers | headers)
        assert response.status_code == status, response.get_data(as_text=True)
        assert "Set-Cookie" not in response.headers
        return response.get_json() if response.data else response

    def raw(self, path: str, **headers: str) -> Any:
        return self.client.get(ROOT + path, headers=self.headers | headers)

    def vote(self, status: int = 200, **said: Any) -> Any:
        response = self.client.post(f"{ROOT}/votes", json=said, headers=self.headers)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()


@pytest.fixture
def let_in(app: Flask, database: Database) -> Callable[[Reader], Program]:
    def made(reader: Reader) -> Program:
        with database.write() as session:
            return Program(app, keys.make_secret(session, reader.id, now=NOW)[1])

    return made


@pytest.fixture
def program(let_in: Callable[[Reader], Program], alice: Reader) -> Program:
    return let_in(alice)


def log(database: Database, reader: Reader) -> list[tuple[str, str, int | None, int]]:
    with database.read() as session:
        return [(e.paper_id, e.kind.value, e.item_id, e.interest) for e in events.history(session, reader.id)]


def problem(response: Any, status: int) -> Any:
    """A refusal, checked for its form."""
    assert response.status_code == status
    assert response.mimetype == PROBLEM
    told = json.loads(response.data)
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def test_a_token_says_who_asks(edition: Database, program: Program) -> None:
    told = program.get("/me")
    assert told == {"name": "alice", "time_zone": "UTC", "is_owner": False, "is_curator": False, "votes_public": False}


@pytest.mark.parametrize("sent", [None, "Bearer", "Bearer broadsheet_wrong", "Basic YWxpY2U6", "Bearer \xe9", "x y z"])
def test_without_a_good_token_nobody_is_let_in(edition: Database, client: Any, sent: str | None) -> None:
    headers = {"Authorization": sent} if sent else {}
    for path in ("/me", "/papers", "/page", "/interests", "/trending", "/search?q=graph", f"/papers/{ALL[0]}"):
        response = client.get(ROOT + path, headers=headers)
        problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    problem(client.client.post(f"{ROOT}/votes", json={"paper": ALL[0], "kind": "upvote"}, headers=headers), 401)


def test_a_revoked_token_and_a_disabled_reader_are_out(edition: Database, program: Program, alice: Reader) -> None:
    with edition.write() as session:
        session.get_one(ReaderRow, alice.id).disabled_at = NOW
    problem(program.raw("/me"), 401)
    with edition.write() as session:
        session.get_one(ReaderRow, alice.id).disabled_at = None
        keys.revoke(session, alice.id, keys.listing(session, alice.id)[0].id, now=NOW)
    problem(program.raw("/me"), 401)


def test_a_sign_in_reads_and_does_not_vote(edition: Database, signed_in: Any, alice: Reader) -> None:
    """Or any page a reader visits could vote in their name."""
    assert signed_in.get(f"{ROOT}/me").get_json()["name"] == "alice"
    response = signed_in.client.post(f"{ROOT}/votes", json={"paper": ALL[0], "kind": "upvote"})
    assert "token" in problem(response, 403)["detail"]
    assert log(edition, alice) == []


def test_papers_are_listed_by_day_week_and_month(edition: Database, settings: Settings, program: Program) -> None:
    fill(edition, settings, [make_paper(1, day=DAY - timedelta(days=1)), make_paper(2, day=DAY - timedelta(days=30))])
    fill(edition, settings, [make_paper(3, source="library")])
    totals = {
        "": 50,
        f"?date={DAY}": 48,
        "?week=2026-W21": 49,
        "?month=2026-05": 49,
        "?month=2026-04": 1,
        "?week=2026-W21&month=2026-04": 0,
        "?date=2020-01-01": 0,
        f"?date={DAY}&category=cs.RO": 8,
        f"?date={DAY}&announce=replace": 0,
        f"?date={DAY}&source=arxiv": 48,
    }
    for query, total in totals.items():
        assert program.get(f"/papers{query}")["total"] == total, query
    problem(program.raw("/papers?week=2025-W53"), 404)


def test_a_list_is_read_by_its_cursor(edition: Database, program: Program) -> None:
    found: list[str] = []
    query = f"?date={DAY}&limit=7"
    cursor = ""
    while cursor is not None:
        told = program.get(f"/papers{query}{f'&cursor={cursor}' if cursor else ''}")
        found += [paper["id"] for paper in told["papers"]]
        cursor = told["next"]
    assert sorted(found) == sorted(ALL)
    assert "next" in problem(program.raw("/papers?cursor=nonsense"), 404)["detail"]


def test_a_paper_says_all_that_its_card_does(edition: Database, settings: Settings, program: Program, alice: Reader) -> None:
    paper = make_paper(
        77,
        organization="Institute",
        submitter="somebody",
        code_url="https://code.example/1",
        project_url="javascript:alert(1)",
        signals=Signals(upvotes=12, comments=3, stars=40),
        announce="cross",
        comment="12 pages",
    )
    fill(edition, settings, [paper])
    with edition.write() as session:
        session.get_one(ReaderRow, alice.id).is_curator = True
        curators.pick(session, paper.id, alice.id, now=NOW)
        events.append(session, alice.id, paper.id, EventKind.UPVOTE, at=NOW)
        events.append(session, alice.id, paper.id, EventKind.SAVE, at=NOW)
    told = program.get(f"/papers/{paper.id}")
    assert told["title"] == paper.title
    assert told["abstract"] == paper.abstract
    assert told["authors"] == list(paper.authors)
    assert (told["organization"], told["submitter"], told["comment"]) == ("Institute", "somebody", "12 pages")
    assert (told["upvotes"], told["comments"], told["stars"]) == (13, 3, 40)
    assert (told["vote"], told["saved"], told["picked_by"]) == ("upvote", True, ["alice"])
    assert (told["announced"], told["edition"], told["code_url"]) == ("cross", str(DAY), "https://code.example/1")
    assert told["project_url"] is None


def test_what_is_not_there_or_not_everyones_is_not_found(edition: Database, settings: Settings, program: Program) -> None:
    fill(edition, settings, [make_paper(3, id="own:1234", source="library")])
    for paper_id in ("arxiv:0000.00000", "own:1234", "x", "arxiv:" + "9" * 300, "a%00b:c", "quant-ph/0201082"):
        problem(program.raw(f"/papers/{paper_id}"), 404)
        problem(program.raw(f"/papers/{paper_id}/similar"), 404)
        program.vote(422 if ":" not in paper_id or len(paper_id) > 80 or "%" in paper_id else 404, paper=paper_id, kind="upvote")


def test_an_id_with_a_slash_is_an_id(edition: Database, settings: Settings, program: Program) -> None:
    fill(edition, settings, [make_paper(3, id="arxiv:quant-ph/0201082")])
    for written in ("arxiv:quant-ph/0201082", "arxiv:quant-ph%2F0201082"):
        assert program.get(f"/papers/{written}")["id"] == "arxiv:quant-ph/0201082"
        assert len(program.get(f"/papers/{written}/similar")["papers"]) == 10


def test_by_submitter(edition: Database, program: Program, alice: Reader) -> None:
    with edition.write() as session:
        submissions.record(session, ALL[5], alice.id, now=NOW)
    told = program.get("/papers?submitter=alice")
    assert [(paper["id"], paper["submitter"]) for paper in told["papers"]] == [(ALL[5], "alice")]
    assert program.get("/papers?submitter=nobody")["total"] == 0


def test_trending_is_what_is_voted_for(edition: Database, program: Program, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        for reader in (alice, bob):
            for at in (31, 31, 32):
                events.append(session, reader.id, ALL[at], EventKind.UPVOTE, at=NOW - timedelta(minutes=1))
    for path in ("/trending?limit=3", "/papers?sort=trending&limit=3", f"/papers?date={DAY}&sort=trending&limit=3"):
        told = program.get(path)
        assert len(told["papers"]) == 3
        assert told["papers"][0]["upvotes"] == max(paper["upvotes"] for paper in told["papers"])
    further = program.get(f"/trending?limit=3&cursor={program.get('/trending?limit=3')['next']}")
    assert {p["id"] for p in further["papers"]}.isdisjoint({p["id"] for p in program.get("/trending?limit=3")["papers"]})


def test_search_and_what_is_similar(edition: Database, program: Program) -> None:
    first = program.get("/search?q=robot+gripper+torque&limit=3")
    assert len(first["papers"]) == 3
    assert all("cs.RO" in paper["categories"] for paper in first["papers"])
    second = program.get(f"/search?q=robot+gripper+torque&limit=3&cursor={first['next']}")
    assert {p["id"] for p in first["papers"]}.isdisjoint({p["id"] for p in second["papers"]})
    assert program.get("/search?q=robot&category=cs.CV&exact=true")["papers"] == []
    for q in (ALL[4], f"https://arxiv.org/abs/{ALL[4].removeprefix('arxiv:')}v2"):
        assert [paper["id"] for paper in program.get(f"/search?q={q}")["papers"]] == [ALL[4]]
    assert program.get("/search?q=robot&since=2030-01-01")["papers"] == []
    near = program.get(f"/papers/{first['papers'][0]['id']}/similar?limit=4")["papers"]
    assert all("cs.RO" in paper["categories"] for paper in near)
    assert [paper["score"] for paper in near] == sorted((paper["score"] for paper in near), reverse=True)


@pytest.mark.parametrize(
    "q", ['"', "*", "AND OR NOT", "a:b", "^x", "%00", "(((", "-", "NEAR(", "'; DROP TABLE papers; --", "é" * 300]
)
def test_a_hostile_search_is_only_a_search(edition: Database, program: Program, q: str) -> None:
    assert "papers" in program.get(f"/search?q={q}")


def test_my_page_is_the_page_of_the_site(edition: Database, program: Program, signed_in: Any, alice: Reader) -> None:
    told = program.get("/page")
    assert told["day"] == str(DAY)
    with edition.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert list(pages.shown(session)) == []  # reading it here is no look
    assert page is not None
    assert [(p["id"], p["item"], p["rank"]) for p in told["papers"]] == [(i.paper_id, i.id, i.position) for i in page.items]
    assert told["papers"][0]["reasons"]
    text = signed_in.get("/").get_data(as_text=True)
    assert f'id="item-{told["papers"][0]["item"]}"' in text
    assert len(program.get("/page?limit=5")["papers"]) == 5
    assert program.get("/page?date=2020-01-01")["papers"] == []
    problem(program.raw("/page?interest=none"), 404)


def test_my_page_of_one_interest(edition: Database, program: Program, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        interests.create(session, bob.id, "Secret", now=NOW)
        events.append(session, alice.id, ALL[16], EventKind.UPVOTE, at=NOW - timedelta(hours=1), interest=own.id)
    assert [one["slug"] for one in program.get("/interests")["interests"]] == ["robots"]
    told = program.get("/page?interest=robots")
    assert told["interest"]["name"] == "Robots"
    assert told["papers"][0]["interest_slug"] == "robots"
    problem(program.raw("/page?interest=secret"), 404)


def test_a_vote_is_one_however_often_it_is_sent(edition: Database, program: Program, alice: Reader) -> None:
    paper = ALL[3]
    first = program.vote(paper=paper, kind="upvote")
    assert (first["vote"], first["changed"]) == ("upvote", True)
    again = program.vote(paper=paper, kind="upvote")
    assert again == first | {"changed": False}
    assert program.vote(paper=paper, kind="save")["saved"] is True
    assert program.vote(paper=paper, kind="clear")["vote"] is None
    assert program.vote(paper=paper, kind="unsave") == first | {"vote": None, "upvotes": first["upvotes"] - 1}
    assert [entry[1] for entry in log(edition, alice)] == ["upvote", "save", "clear", "unsave"]


def test_a_vote_may_answer_a_page_or_speak_for_an_interest(
    edition: Database, program: Program, let_in: Callable[[Reader], Program], alice: Reader, bob: Reader
) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
    shown = program.get("/page?interest=robots")["papers"]
    program.vote(paper=shown[0]["id"], kind="upvote", item=shown[0]["item"])
    program.vote(paper=shown[1]["id"], kind="hide", interest="robots")
    assert log(edition, alice) == [
        (shown[0]["id"], "upvote", shown[0]["item"], own.id),
        (shown[1]["id"], "hide", None, own.id),
    ]
    assert shown[0]["id"] in program.vote(409, paper=shown[2]["id"], kind="upvote", item=shown[0]["item"])["detail"]
    program.vote(404, paper=shown[0]["id"], kind="upvote", item=999999)
    program.vote(404, paper=shown[0]["id"], kind="upvote", interest="none")
    let_in(bob).vote(404, paper=shown[0]["id"], kind="upvote", item=shown[0]["item"])
    assert log(edition, bob) == []


def test_a_wrong_body_is_told_field_by_field(edition: Database, program: Program, alice: Reader) -> None:
    told = program.vote(422, paper=ALL[0], kind="click", item=0, colour="red")
    assert {fault["field"] for fault in told["errors"]} == {"kind", "item", "colour"}
    for said in ({"paper": ALL[0], "kind": "upvote", "item": True}, {"paper": 5, "kind": "upvote"}, {}):
        program.vote(422, **said)
    send = program.client.post
    for body in (b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000):
        response = send(f"{ROOT}/votes", data=body, headers=program.headers, content_type="application/json")
        problem(response, 422)
    problem(send(f"{ROOT}/votes", data={"paper": ALL[0]}, headers=program.headers), 415)
    problem(send(f"{ROOT}/votes", data=b" " * 1_100_000, headers=program.headers, content_type="application/json"), 413)
    assert log(edition, alice) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1.0", "limit=1&limit=2", "sort=best", "colour=red", "date="]
)
def test_a_wrong_parameter_is_told_by_name(edition: Database, program: Program, query: str) -> None:
    told = problem(program.raw(f"/papers?{query}"), 422)
    assert told["errors"][0]["field"] == query.partition("=")[0]


def test_what_does_not_change_is_not_sent_again(edition: Database, program: Program) -> None:
    for path in ("/papers", "/page", "/me", f"/papers/{ALL[0]}"):
        first = program.raw(path, **{"Accept-Encoding": "gzip"})
        again = program.raw(path, **{"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    program.vote(paper=ALL[0], kind="upvote")
    assert program.raw(f"/papers/{ALL[0]}", **{"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_refusals_are_in_json_wherever_they_come_from(edition: Database, program: Program) -> None:
    problem(program.raw("/nothing"), 404)
    response = program.client.post(f"{ROOT}/papers", headers=program.headers)
    problem(response, 405)
    assert "GET" in response.headers["Allow"]
    problem(program.raw("/me", Accept="text/html"), 406)
    assert program.raw("/me", Accept="*/*").status_code == 200
    problem(program.client.get(f"{ROOT}/me", headers=program.headers | {"Host": "evil.example"}), 400)


def test_a_failure_is_told_in_json(edition: Database, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(interests, "listing", fails)
    problem(program.raw("/interests"), 500)


def test_too_many_requests_are_asked_to_wait(edition: Database, app: Flask, program: Program, client: Any) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    for _ in range(240):
        response = program.raw("/me")
    assert response.status_code == 200
    response = program.raw("/me")
    problem(response, 429)
    assert int(response.headers["Retry-After"]) > 0
    assert limits.limiter.enabled


def test_however_a_token_is_written_it_is_one(edition: Database, program: Program) -> None:
    token = program.headers["Authorization"].removeprefix("Bearer ")
    written = [f"{scheme}{' ' * spaces}{token}" for scheme in ("Bearer", "bearer", "BEARER") for spaces in range(1, 81)]
    for one in written:
        assert program.raw("/me", Authorization=one).status_code == 200
    problem(program.raw("/me", Authorization=f"bEARER {token}"), 429)


def test_tokens_that_are_made_up_count_for_where_they_come_from(edition: Database, client: Any) -> None:
    def ask(token: str) -> int:
        return int(client.client.get(f"{ROOT}/me", headers={"Authorization": f"Bearer {token}"}).status_code)

    assert [ask(f"no-such-{number}") for number in range(242)] == [401] * 240 + [429] * 2
    with edition.read() as session:
        assert len(session.scalars(select(RateRow.key)).all()) == 1


def test_the_document_describes_every_operation(edition: Database, client: Any) -> None:
    told = client.get(f"{ROOT}/openapi.json").get_json()
    assert told["openapi"].startswith("3.1")
    rules = {str(rule).replace("<path:paper_id>", "{paper_id}") for rule in client.client.application.url_map.iter_rules()}
    served = {rule.removeprefix(ROOT) for rule in rules if rule.startswith(ROOT)} - {"/openapi.json"}
    assert served == set(told["paths"])
    for methods in told["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["operationId"]
            assert all(parameter["description"] for parameter in operation["parameters"])
            assert {"200", "401", "406", "422", "429"} <= set(operation["responses"])


def test_the_manual_is_for_everybody(edition: Database, client: Any) -> None:
    response = client.get("/api")
    text = response.get_data(as_text=True)
    assert response.status_code == 200
    for said in ("/api/v1/papers/{paper_id}/similar", "Vote on a paper", "Newest first", "application/problem+json"):
        assert said in text
    assert "<script" in text
    assert "https://cdn" not in text

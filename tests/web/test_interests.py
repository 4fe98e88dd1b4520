"""Interests on the site: every action by a plain form, undone by another, and nobody reaches another reader's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_edition

from recommender.store import events, interests, likes
from recommender.store.db import Database
from recommender.store.interests import Interest
from recommender.store.readers import Reader
from recommender.types import EventKind, Paper

UP, DOWN = EventKind.UPVOTE, EventKind.DOWNVOTE
EDITION = make_edition(DAY)
ROBOTS = [p for p in EDITION if p.authors[0].startswith("Robots")]


def say(database: Database, reader: Reader, of: Sequence[Paper], kind: EventKind = UP, interest: int = 0) -> None:
    with database.write() as session:
        for days, paper in enumerate(of):
            events.append(session, reader.id, paper.id, kind, at=NOW - timedelta(days=days), interest=interest)


def make(database: Database, reader: Reader, *names: str) -> list[Interest]:
    with database.write() as session:
        return [interests.create(session, reader.id, name, now=NOW) for name in names]


def named(database: Database, reader: Reader) -> list[str]:
    with database.read() as session:
        return [interest.name for interest in interests.listing(session, reader.id)]


def held(database: Database, reader: Reader) -> set[tuple[str, int]]:
    with database.read() as session:
        standing = likes.standing(events.history(session, reader.id), interests.forgotten(session, reader.id))
    return {key for key, event in standing.items() if event.kind is UP}


def undo_form(page: str) -> dict[str, str]:
    first, last = (re.search(rf'name="{name}" value="(\d+)"', page) for name in ("first", "last"))
    assert first, page
    assert last
    return {"first": first[1], "last": last[1]}


def test_the_general_taste_comes_first_with_its_likes(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:2])
    make(edition, alice, "Robots")
    page = signed_in.get("/interests").get_data(as_text=True)
    assert page.index("General") < page.index(">Robots<")
    assert "2 likes" in page
    assert "the newest of 20 May" in page
    assert "0 likes" in page


def test_an_interest_is_made_of_likes_that_move_or_are_copied(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:3])
    a, b, c = (paper.id for paper in ROBOTS[:3])
    page = signed_in.follow(signed_in.post("/interests", {"name": "Robots", "paper": [a, b], "how": "move"}))
    assert "“Robots” is there" in page
    assert ROBOTS[0].title in page
    assert held(edition, alice) == {(a, 1), (b, 1), (c, 0)}
    signed_in.post("/interests", {"name": "Legs", "paper": [a, c, "arxiv:none"], "how": "copy"})
    assert held(edition, alice) == {(a, 1), (b, 1), (c, 0), (a, 2), (c, 2)}


@pytest.mark.parametrize("name", ["", "  ", "robots", "x" * 61])
def test_a_bad_name_is_said_and_the_form_stays_filled_in(edition: Database, signed_in: Any, alice: Reader, name: str) -> None:
    make(edition, alice, "Robots")
    say(edition, alice, ROBOTS[:1])
    answer = signed_in.post("/interests", {"name": name, "paper": [ROBOTS[0].id], "how": "copy"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'role="alert"' in page
    assert f'name="name" value="{name}"' in page
    assert re.search(rf'value="{re.escape(ROBOTS[0].id)}" checked', page)
    assert re.search(r'value="copy" checked', page)
    assert named(edition, alice) == ["Robots"]
    assert held(edition, alice) == {(ROBOTS[0].id, 0)}


def test_a_thirteenth_is_refused_kindly(edition: Database, signed_in: Any, alice: Reader) -> None:
    make(edition, alice, *(f"interest {n}" for n in range(interests.MOST)))
    answer = signed_in.post("/interests", {"name": "One more"})
    assert answer.status_code == 422
    assert "close one first" in answer.get_data(as_text=True)


def test_an_interest_is_renamed_and_its_address_follows(edition: Database, signed_in: Any, alice: Reader) -> None:
    make(edition, alice, "Robots", "Proofs")
    signed_in.follow(signed_in.post("/interests/robots/name", {"name": "Legs"}))
    assert named(edition, alice) == ["Legs", "Proofs"]
    assert signed_in.get("/interests/legs").status_code == 200
    assert signed_in.get("/interests/robots").status_code == 404
    answer = signed_in.post("/interests/legs/name", {"name": "Proofs"})
    assert answer.status_code == 422
    assert "choose another name" in answer.get_data(as_text=True)


def test_interests_change_places(edition: Database, signed_in: Any, alice: Reader) -> None:
    make(edition, alice, "A", "B", "C")
    assert signed_in.post("/interests/c/place", {"to": "up"}).status_code == 303
    assert named(edition, alice) == ["A", "C", "B"]
    signed_in.post("/interests/a/place", {"to": "down"})
    assert named(edition, alice) == ["C", "A", "B"]


def test_a_closed_interest_can_be_opened_again(edition: Database, signed_in: Any, alice: Reader) -> None:
    (robots,) = make(edition, alice, "Robots")
    say(edition, alice, ROBOTS[:2], interest=robots.id)
    page = signed_in.follow(signed_in.post("/interests/robots/close"))
    assert "“Robots” is closed." in page
    assert "Undo" in page
    assert named(edition, alice) == []
    assert signed_in.get("/interests/robots").status_code == 404
    assert "Open again" in signed_in.get("/interests").get_data(as_text=True)
    assert "is open again" in signed_in.follow(signed_in.post(f"/interests/{robots.id}/reopen"))
    assert named(edition, alice) == ["Robots"]
    assert held(edition, alice) == {(p.id, robots.id) for p in ROBOTS[:2]}


def test_an_interest_whose_name_is_taken_meanwhile_stays_closed(edition: Database, signed_in: Any, alice: Reader) -> None:
    (robots,) = make(edition, alice, "Robots")
    signed_in.post("/interests/robots/close")
    make(edition, alice, "Robots")
    answer = signed_in.post(f"/interests/{robots.id}/reopen")
    assert answer.status_code == 422
    assert "choose another name" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("verb", "after", "words"),
    [
        ("move", {(1, 1), (2, 0)}, "One paper moved to “Robots”."),
        ("copy", {(1, 0), (1, 1), (2, 0)}, "One paper copied to “Robots”."),
        ("remove", {(2, 0)}, "One like taken back."),
    ],
)
def test_a_like_is_moved_copied_or_taken_back_and_that_is_undone(
    edition: Database, signed_in: Any, alice: Reader, verb: str, after: set[tuple[int, int]], words: str
) -> None:
    say(edition, alice, ROBOTS[1:3])
    make(edition, alice, "Robots")
    before = held(edition, alice)
    page = signed_in.follow(signed_in.post("/interests/general/papers", {"do": verb, "to": "1", "paper": ROBOTS[1].id}))
    assert words in page
    assert held(edition, alice) == {(ROBOTS[number].id, interest) for number, interest in after}
    assert "Undone" in signed_in.follow(signed_in.post("/interests/general/undo", undo_form(page)))
    assert held(edition, alice) == before


def test_many_are_moved_with_one_press(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:5])
    make(edition, alice, "Robots")
    chosen = [paper.id for paper in ROBOTS[:4]]
    page = signed_in.follow(signed_in.post("/interests/general/papers", {"do": "move", "to": "1", "paper": chosen}))
    assert "4 papers moved to “Robots”." in page
    assert held(edition, alice) == {(ROBOTS[4].id, 0), *((i, 1) for i in chosen)}


def test_nothing_ticked_is_said(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:1])
    make(edition, alice, "Robots")
    answer = signed_in.post("/interests/general/papers", {"do": "move", "to": "1"})
    assert answer.status_code == 422
    assert "No paper is chosen yet" in answer.get_data(as_text=True)


def test_moving_what_is_not_there_changes_nothing(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    say(edition, bob, ROBOTS[:1])
    make(edition, alice, "Robots")
    page = signed_in.follow(signed_in.post("/interests/general/papers", {"do": "move", "to": "1", "paper": ROBOTS[0].id}))
    assert "Nothing had to be changed" in page
    assert held(edition, alice) == set()


def test_the_likes_of_an_interest_are_listed_newest_first_and_not_the_dislikes(
    edition: Database, signed_in: Any, alice: Reader
) -> None:
    say(edition, alice, ROBOTS[:3])
    say(edition, alice, ROBOTS[3:4], DOWN)
    make(edition, alice, "Robots")
    signed_in.post("/interests/general/papers", {"do": "copy", "to": "1", "paper": ROBOTS[2].id})
    page = signed_in.get("/interests/general").get_data(as_text=True)
    assert [p.id for p in ROBOTS[:3]] == re.findall(r'data-paper="([^"]+)"', page)
    assert "liked on 19 May" in page
    assert "also in Robots" in page


def test_a_long_list_grows_by_a_link(edition: Database, signed_in: Any, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.interests.STEP", 2)
    say(edition, alice, ROBOTS[:5])
    page = signed_in.get("/interests/general").get_data(as_text=True)
    assert page.count("data-paper") == 2
    assert "/interests/general?show=4" in page
    assert signed_in.get("/interests/general?show=9").get_data(as_text=True).count("data-paper") == 5
    assert signed_in.get("/interests/general?show=-1").get_data(as_text=True).count("data-paper") == 2


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/interests/robots/name", {"name": "Mine"}),
        ("/interests/robots/place", {"to": "up"}),
        ("/interests/robots/close", {}),
        ("/interests/robots/papers", {"do": "remove", "paper": "x:1"}),
        ("/interests/robots/undo", {"first": "1", "last": "2"}),
        ("/interests/1/reopen", {}),
        ("/interests/general/papers", {"do": "move", "to": "1", "paper": "x:1"}),
        ("/interests/general/name", {"name": "Mine"}),
        ("/interests/general/close", {}),
    ],
)
def test_nobody_reaches_another_readers_interest_and_the_general_one_stays(
    edition: Database, signed_in: Any, alice: Reader, bob: Reader, path: str, data: dict[str, str]
) -> None:
    make(edition, bob, "Robots")
    assert signed_in.post(path, data).status_code == 404
    assert named(edition, bob) == ["Robots"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/interests/general/papers", {"do": "eat"}),
        ("/interests/general/undo", {"first": "x", "last": "1"}),
        ("/interests/general/undo", {"first": "1", "last": "9" * 19}),
    ],
)
def test_what_no_form_sends_is_refused(edition: Database, signed_in: Any, path: str, data: dict[str, str]) -> None:
    assert signed_in.post(path, data).status_code == 400


def test_too_much_is_not_undone_at_once(edition: Database, signed_in: Any) -> None:
    assert signed_in.post("/interests/general/undo", {"first": "1", "last": "99999999"}).status_code == 422


@pytest.mark.parametrize("done", ["move-1-2-3", "move-1-2-1-77", "<b>", "eat-1-2-1-0"])
def test_an_address_that_tells_tales_says_nothing(edition: Database, signed_in: Any, done: str) -> None:
    page = signed_in.get("/interests/general", query_string={"done": done})
    assert page.status_code == 200
    assert "Undo" not in page.get_data(as_text=True)


def test_a_name_is_shown_as_text(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.follow(signed_in.post("/interests", {"name": "<script>alert(1)</script>"}))
    page = signed_in.get("/interests").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("path", ["/interests", "/interests/general"])
def test_a_stranger_is_asked_to_sign_in(client: Any, path: str) -> None:
    assert client.get(path).status_code == 401


def test_looking_changes_nothing(edition: Database, signed_in: Any, alice: Reader, sign_in: Callable[[Reader], Any]) -> None:
    make(edition, alice, "Robots")
    say(edition, alice, ROBOTS[:2])
    before = held(edition, alice), named(edition, alice)
    for path in ("/interests?closed=1", "/interests/robots", "/interests/general?done=remove-1-2-1-0"):
        assert signed_in.get(path).status_code == 200
    assert (held(edition, alice), named(edition, alice)) == before

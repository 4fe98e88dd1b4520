"""What was learned, shown: in numbers a reader can read, taken back one by one or all at once, one interest at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_edition

from recommender.store import events, interests, likes
from recommender.store.db import Database
from recommender.store.events import Word
from recommender.store.readers import Reader
from recommender.types import EventKind, Paper
from web.learned import GESTURES, Bar

UP, DOWN, SAVE = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.SAVE
EDITION = make_edition(DAY)
ROBOTS, HEALTH = ([p for p in EDITION if p.authors[0].startswith(name)] for name in ("Robots", "Health"))


def say(database: Database, reader: Reader, of: Sequence[Paper], kind: EventKind = UP, interest: int = 0) -> None:
    with database.write() as session:
        for days, paper in enumerate(of):
            events.append(session, reader.id, paper.id, kind, at=NOW - timedelta(days=days), interest=interest)


def held(database: Database, reader: Reader) -> dict[tuple[str, int], EventKind]:
    with database.read() as session:
        standing = likes.standing(events.history(session, reader.id), interests.forgotten(session, reader.id))
    return {key: event.kind for key, event in standing.items()}


def test_words_names_and_papers_stand_there_with_their_weights(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:3])
    say(edition, alice, HEALTH[:2], DOWN)
    page = signed_in.get("/learned").get_data(as_text=True)
    assert "“General” goes by 3 likes and 2 dislikes." in page
    assert "No model has been trained yet" in page
    for heading in ("These lift a paper", "These lower a paper", "Authors", "Categories", "Papers that weigh most"):
        assert heading in page
    assert "Organisations" not in page  # there are none
    row = re.search(r"<bdi>cs\.RO</bdi></th><td>([^<]+)</td>", page)
    assert row
    assert row[1] == "+0.60"  # 3 of 3 likes, shrunk by two pseudo-likes
    assert re.search(r"<bdi>q-bio\.QM</bdi></th><td>−0\.50</td>", page)
    assert ROBOTS[0].title in page
    assert "weighs +1.00 now" in page
    assert "weighs −1.00 now" in page


def test_before_the_first_vote_it_says_what_to_do(edition: Database, signed_in: Any) -> None:
    page = signed_in.get("/learned").get_data(as_text=True)
    assert "Nothing is known yet" in page
    assert "Forget all this" not in page


def test_every_interest_has_its_own(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        interests.create(session, bob.id, "Proofs", now=NOW)
    say(edition, alice, ROBOTS[:1], interest=own.id)
    assert "“Robots” goes by 1 like and 0 dislikes." in signed_in.get("/learned/robots").get_data(as_text=True)
    assert "Nothing is known yet" in signed_in.get("/learned").get_data(as_text=True)
    assert signed_in.get("/learned/proofs").status_code == 404


@pytest.mark.parametrize("kind", [UP, DOWN, EventKind.HIDE])
def test_a_vote_is_taken_back_and_that_is_undone(edition: Database, signed_in: Any, alice: Reader, kind: EventKind) -> None:
    say(edition, alice, ROBOTS[:2], kind)
    before = held(edition, alice)
    page = signed_in.follow(signed_in.post("/learned/general/remove", {"paper": ROBOTS[0].id}))
    assert held(edition, alice) == {(ROBOTS[1].id, 0): kind}
    assert "Taken back" in page
    form = dict(re.findall(r'name="(first|last|next)" value="([^"]+)"', page))
    answer = signed_in.post("/interests/general/undo", form)
    assert answer.headers["Location"] == "/learned"
    assert held(edition, alice) == before


def test_a_saved_paper_is_taken_back_on_the_shelf_not_here(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:1], SAVE)
    page = signed_in.get("/learned").get_data(as_text=True)
    assert "saved" in page
    assert "/learned/general/remove" not in page
    signed_in.post("/learned/general/remove", {"paper": ROBOTS[0].id})
    with edition.read() as session:
        assert len(events.history(session, alice.id)) == 1


def test_starting_over_forgets_the_interest_and_nothing_else(edition: Database, signed_in: Any, alice: Reader) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
    say(edition, alice, ROBOTS[:2], interest=own.id)
    say(edition, alice, ROBOTS[2:3], SAVE, interest=own.id)
    say(edition, alice, HEALTH[:1])
    page = signed_in.follow(signed_in.post("/learned/robots/start-over"))
    assert "“Robots” begins anew" in page
    assert "Nothing is known yet" in page
    assert held(edition, alice) == {(HEALTH[0].id, 0): UP}
    with edition.read() as session:
        words = events.words(events.history(session, alice.id))
    assert words[ROBOTS[0].id] == Word()  # no button stays pressed
    assert words[ROBOTS[2].id] == Word(None, saved=True)


@pytest.mark.parametrize("action", ["remove", "start-over"])
def test_nobody_reaches_another_readers_interest(edition: Database, signed_in: Any, bob: Reader, action: str) -> None:
    with edition.write() as session:
        own = interests.create(session, bob.id, "Robots", now=NOW)
    say(edition, bob, ROBOTS[:1], interest=own.id)
    assert signed_in.post(f"/learned/robots/{action}", {"paper": ROBOTS[0].id}).status_code == 404
    signed_in.post("/learned/general/remove", {"paper": ROBOTS[0].id})
    assert held(edition, bob) == {(ROBOTS[0].id, own.id): UP}


@pytest.mark.parametrize(
    ("weight", "left", "width"), [(1.0, 50, 50), (0.5, 50, 25), (-0.5, 25, 25), (-1.0, 0, 50), (-7.0, 0, 50), (0.0, 50, 0)]
)
def test_a_bar_begins_in_the_middle(weight: float, left: float, width: float) -> None:
    bar = Bar("x", weight, 1, 0)
    assert (bar.left, bar.width) == (left, width)


def test_every_gesture_that_can_weigh_has_words() -> None:
    assert set(GESTURES) == {kind.value for kind in EventKind} - {"clear", "unsave"} | {"pick"}


def test_a_stranger_is_asked_to_sign_in(client: Any) -> None:
    assert client.get("/learned").status_code == 401

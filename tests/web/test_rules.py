"""Rules on the site: set, removed and set again by plain forms; suggested ones are taken by one press; the page obeys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import DAY, NOW, make_edition, make_paper

from recommender.rank import propose
from recommender.store import events, interests, papers, rules
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY, EventKind, Paper, Rule
from web.rules import FIELDS, PROPOSED

UP, DOWN = EventKind.UPVOTE, EventKind.DOWNVOTE
EDITION = make_edition(DAY)
ROBOTS, HEALTH = ([p for p in EDITION if p.authors[0].startswith(name)] for name in ("Robots", "Health"))


def say(database: Database, reader: Reader, of: Sequence[Paper], kind: EventKind = UP) -> None:
    with database.write() as session:
        for paper in of:
            events.append(session, reader.id, paper.id, kind, at=NOW - timedelta(hours=1))


def active(database: Database, reader: Reader) -> list[Rule]:
    with database.read() as session:
        return rules.active(session, reader.id)


def said(database: Database, reader: Reader) -> list[tuple[str, str, str, int]]:
    return [(rule.action, rule.field, rule.value, rule.interest) for rule in active(database, reader)]


def titles(page: str) -> set[str]:
    return set(re.findall(r'data-paper="([^"]+)"', page))


@pytest.mark.parametrize(
    ("action", "field", "value", "words"),
    [
        ("must", "author", "Robots Author 1", "Author · everywhere"),
        ("never", "phrase", "robot grasp", "Phrase · everywhere"),
        ("never", "category", "cs", "took"),
        ("must", "words", "torque", "in the last 7 days"),
        ("never", "organization", "Acme & Söhne", "no paper of the last 7 days"),
    ],
)
def test_a_rule_is_set_and_listed_with_what_it_takes(
    edition: Database, signed_in: Any, alice: Reader, action: str, field: str, value: str, words: str
) -> None:
    page = signed_in.follow(signed_in.post("/rules", {"action": action, "field": field, "value": value}))
    assert "From now on" in page
    assert words in page
    assert said(edition, alice) == [(action, field, value, 0)]


def test_a_rule_is_counted_over_the_week(edition: Database, signed_in: Any) -> None:
    page = signed_in.follow(signed_in.post("/rules", {"action": "never", "field": "category", "value": "cs.RO"}))
    assert "took 8 papers of the last 7 days off your pages" in page


def test_a_rule_may_hold_for_one_interest(edition: Database, signed_in: Any, alice: Reader, bob: Reader) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=NOW)
        other = interests.create(session, bob.id, "Proofs", now=NOW)
    form = {"action": "never", "field": "phrase", "value": "fakes", "interest": str(own.id)}
    assert "Phrase · Robots" in signed_in.follow(signed_in.post("/rules", form))
    assert signed_in.post("/rules", form | {"interest": str(other.id)}).status_code == 422
    assert said(edition, alice) == [("never", "phrase", "fakes", own.id)]
    signed_in.post("/interests/robots/close")
    assert "a closed interest" in signed_in.get("/rules").get_data(as_text=True)


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"action": "eat", "field": "author", "value": "Ada"}, "Choose what the rule does"),
        ({"action": "must", "field": "colour", "value": "Ada"}, "Choose what the rule looks at"),
        ({"action": "must", "field": "author", "value": "  "}, "Write what the rule looks for"),
        ({"action": "must", "field": "author", "value": "x" * 301}, "Write what the rule looks for"),
        ({"action": "never", "field": "phrase", "value": "!?"}, "There is no word in this"),
        ({"action": "never", "field": "like", "value": "2601.99999"}, "No such paper is stored here"),
        ({"action": "must", "field": "like", "value": ROBOTS[0].id}, "can only be turned down"),
        ({"action": "must", "field": "author", "value": "Ada", "interest": "77"}, "no such interest"),
    ],
)
def test_what_is_no_rule_is_said_and_the_form_stays_filled_in(
    edition: Database, signed_in: Any, alice: Reader, form: dict[str, str], complaint: str
) -> None:
    answer = signed_in.post("/rules", form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert complaint in page
    assert 'role="alert"' in page
    assert f'value="{form["value"].strip()}"' in page
    assert said(edition, alice) == []


def test_a_full_list_is_said(edition: Database, signed_in: Any, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 1)
    form = {"action": "must", "field": "author", "value": "Ada"}
    assert signed_in.post("/rules", form).status_code == 303
    answer = signed_in.post("/rules", form | {"value": "Bo"})
    assert answer.status_code == 422
    assert "remove some first" in answer.get_data(as_text=True)


def test_the_opposite_takes_the_place_of_a_rule(edition: Database, signed_in: Any, alice: Reader) -> None:
    for action in ("must", "never"):
        signed_in.post("/rules", {"action": action, "field": "author", "value": "Ada"})
    assert said(edition, alice) == [("never", "author", "Ada", 0)]


def test_a_removed_rule_is_set_again_by_undo(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.post("/rules", {"action": "must", "field": "author", "value": "Ada"})
    (rule,) = active(edition, alice)
    page = signed_in.follow(signed_in.post(f"/rules/{rule.id}/end"))
    assert "The rule about “Ada” is removed." in page
    assert said(edition, alice) == []
    assert "holds again" in signed_in.follow(signed_in.post(f"/rules/{rule.id}/restore"))
    assert said(edition, alice) == [("must", "author", "Ada", 0)]


@pytest.mark.parametrize("action", ["end", "restore"])
def test_nobody_reaches_another_readers_rule(edition: Database, signed_in: Any, bob: Reader, action: str) -> None:
    with edition.write() as session:
        rule = rules.add(session, bob.id, "must", "author", "Ada", now=NOW)
    assert signed_in.post(f"/rules/{rule.id}/{action}").status_code == 404
    assert signed_in.post(f"/rules/{rule.id + 9}/{action}").status_code == 404
    assert "Ada" not in re.sub(r"Ada Lovelace", "", signed_in.get(f"/rules?ended={rule.id}").get_data(as_text=True))
    assert len(said(edition, bob)) == 1


def test_following_is_listed_by_itself(edition: Database, signed_in: Any) -> None:
    assert "Nobody yet" in signed_in.get("/rules").get_data(as_text=True)
    page = signed_in.follow(signed_in.post("/rules", {"action": "must", "field": "author", "value": "Robots Author 1"}))
    assert page.index('id="follows"') < page.index('id="rule-') < page.index('id="nevers"')
    assert "Nobody yet" not in page
    assert signed_in.get(re.findall(r'href="(/author/[^"]+)"', page)[0]).status_code == 200


def test_a_paper_that_is_never_wanted_is_named_by_its_title(edition: Database, signed_in: Any, alice: Reader) -> None:
    form = {"action": "never", "field": "like", "value": f"https://arxiv.org/abs/{ROBOTS[0].id.removeprefix('arxiv:')}"}
    page = signed_in.follow(signed_in.post("/rules", form))
    assert said(edition, alice) == [("never", "like", ROBOTS[0].id, 0)]
    assert ROBOTS[0].title in page


def test_a_paper_somebody_brought_along_for_themselves_is_not_named(
    edition: Database, signed_in: Any, alice: Reader, bob: Reader
) -> None:
    own = make_paper(1, id="own:1", source=LIBRARY, title="A secret draft")
    with edition.write() as session:
        papers.upsert(session, [own], now=NOW)
        events.append(session, bob.id, own.id, UP, at=NOW)
    answer = signed_in.post("/rules", {"action": "never", "field": "like", "value": own.id})
    assert answer.status_code == 422
    assert "secret draft" not in answer.get_data(as_text=True)
    assert said(edition, alice) == []


def test_a_strong_dislike_beats_likes_on_the_page(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:4])
    left = {p.id for p in ROBOTS[4:]}
    assert left <= titles(signed_in.get("/?show=60").get_data(as_text=True))
    signed_in.post("/rules", {"action": "never", "field": "like", "value": ROBOTS[4].id})
    assert not left & titles(signed_in.get("/?show=60").get_data(as_text=True))
    (rule,) = active(edition, alice)
    signed_in.post(f"/rules/{rule.id}/end")
    assert left <= titles(signed_in.get("/?show=60").get_data(as_text=True))


def test_a_suggested_rule_is_set_with_one_press(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:3])
    say(edition, alice, HEALTH[:5], DOWN)
    page = signed_in.get("/rules").get_data(as_text=True)
    assert "You turned down 5 papers in q-bio.QM and liked none." in page
    assert HEALTH[0].title in page
    form = re.findall(r'name="(action|field|value)" value="([^"]*)"', page[page.index("papers in q-bio.QM") :])[:3]
    assert "From now on you never see it" in signed_in.follow(signed_in.post("/rules", dict(form)))
    assert ("never", "category", "q-bio.QM", 0) in said(edition, alice)
    assert "You turned down 5 papers in q-bio.QM" not in signed_in.get("/rules").get_data(as_text=True)


def test_a_suggestion_that_is_not_wanted_goes_and_stays_away(edition: Database, signed_in: Any, alice: Reader) -> None:
    say(edition, alice, ROBOTS[:3])
    say(edition, alice, HEALTH[:5], DOWN)
    form = {"action": "never", "field": "category", "value": "q-bio.QM"}
    page = signed_in.follow(signed_in.post("/rules/dismiss", form))
    assert "in q-bio.QM and liked none" not in page
    say(edition, alice, HEALTH[5:6], DOWN)
    assert "in q-bio.QM and liked none" not in signed_in.get("/rules").get_data(as_text=True)
    assert said(edition, alice) == []


def test_only_what_was_suggested_is_dismissed(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.post("/rules/dismiss", {"action": "never", "field": "category", "value": "x" * 5000})
    with edition.read() as session:
        assert rules.dismissed(session, alice.id) == set()


def test_the_form_may_come_filled_in_from_elsewhere(edition: Database, signed_in: Any) -> None:
    page = signed_in.get("/rules", query_string={"action": "must", "field": "words", "value": '"><b>'}).get_data(as_text=True)
    assert '<option value="words" selected>' in page
    assert re.search(r'value="must" checked', page)
    assert '"><b>' not in page


def test_the_way_back_stays_on_this_site(edition: Database, signed_in: Any) -> None:
    form = {"action": "must", "field": "author", "value": "Ada"}
    assert signed_in.post("/rules", form | {"next": "/paper/x:1"}).headers["Location"] == "/paper/x:1"
    assert signed_in.post("/rules", form | {"next": "//evil.example"}).headers["Location"] == "/"


def test_every_field_has_words_and_every_sentence_can_be_translated() -> None:
    assert set(FIELDS) == set(rules.FIELDS)
    source = set(re.findall(r'"([^"]*%s[^"]*)"', Path(propose.__file__).read_text(encoding="utf-8")))
    assert source == {str(sentence) for sentence in PROPOSED}


def test_a_stranger_is_asked_to_sign_in(client: Any) -> None:
    assert client.get("/rules").status_code == 401

"""Pages of authors and organisations: their papers in pages, and the rules that stand beside a name."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW, fill, make_paper

from recommender.settings import Settings
from recommender.store import rules
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY


@pytest.fixture
def ada(edition: Database, settings: Settings) -> list[str]:
    """Ids of forty-five papers of one author, the newest first."""
    facts = {"authors": ("Ada Lovelace", "Grace Hopper"), "organization": "Analytical Engines"}
    many = [make_paper(700 + n, day=DAY - timedelta(days=n), **facts) for n in range(45)]
    fill(edition, settings, many)
    fill(edition, settings, [make_paper(990, id="own:1", source=LIBRARY, **facts)])
    return [paper.id for paper in many]


def shown(browser: Any, path: str) -> list[str]:
    return re.findall(r'data-paper="([^"]+)"', browser.get(path).get_data(as_text=True))


@pytest.mark.parametrize("path", ["/author/ada%20lovelace", "/author/Ada%20LOVELACE", "/organization/analytical%20engines"])
def test_all_papers_are_listed_in_pages(ada: list[str], signed_in: Any, path: str) -> None:
    first = signed_in.get(path).get_data(as_text=True)
    assert "45 papers stored here" in first
    listed = shown(signed_in, path)
    assert len(listed) == 20
    while following := re.search(r'rel="next" href="([^"]+)"', signed_in.last):
        listed += shown(signed_in, following[1])
    assert listed == ada
    assert "← Newest" in signed_in.last


def test_only_an_author_is_said_to_share_a_name(ada: list[str], signed_in: Any) -> None:
    assert "Two people of one name" in signed_in.get("/author/ada%20lovelace").get_data(as_text=True)
    assert "Two people of one name" not in signed_in.get("/organization/analytical%20engines").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/author/nobody", "/organization/nowhere", "/author/%00", "/author/' OR 1=1 --", "/author/%20"])
def test_a_name_that_is_not_stored_is_not_found(ada: list[str], signed_in: Any, path: str) -> None:
    assert signed_in.get(path).status_code == 404


@pytest.mark.parametrize("after", ["", "arxiv:no", "own:1", "%00", "x" * 500])
def test_a_list_that_goes_on_after_nothing_begins_anew(ada: list[str], signed_in: Any, after: str) -> None:
    assert signed_in.get(f"/author/ada%20lovelace?after={after}").status_code == 200


@pytest.mark.parametrize("field", ["author", "organization"])
def test_follow_and_never_show_are_rules(ada: list[str], edition: Database, signed_in: Any, alice: Reader, field: str) -> None:
    name = {"author": "Ada Lovelace", "organization": "Analytical Engines"}[field]
    path = f"/{field}/{name.lower().replace(' ', '%20')}"

    def held() -> list[tuple[str, str, str]]:
        with edition.read() as session:
            return [(rule.action, rule.field, rule.value) for rule in rules.active(session, alice.id)]

    def press(action: str, on: str) -> str:
        form = {"action": action, "field": field, "value": name.upper(), "on": on, "next": path}
        return signed_in.follow(signed_in.post("/follow", form))

    text = press("must", "1")
    assert held() == [("must", field, name)]  # as it is written, however it was asked for
    assert f"You follow {name}" in text
    assert ">Following<" in text
    assert 'class="tag-small">followed' in signed_in.get(f"/paper/{ada[0]}").get_data(as_text=True)
    press("must", "1")
    assert held() == [("must", field, name)]
    assert ">Never shown<" in press("never", "1")
    assert held() == [("never", field, name)]  # the opposite ends
    text = press("never", "0")
    assert held() == []
    assert "may be shown again" in text
    assert press("never", "0")  # ending what does not hold is nothing


@pytest.mark.parametrize(
    "form",
    [
        {"action": "must", "field": "author", "value": "Nobody"},
        {"action": "must", "field": "organization", "value": ""},
        {"action": "must", "field": "like", "value": "arxiv:2605.10084"},
        {"action": "never", "field": "like", "value": "arxiv:none"},
        {"action": "often", "field": "author", "value": "Ada Lovelace"},
        {"action": "must", "field": "phrase", "value": "Ada"},
        {"action": "must"},
        {},
    ],
)
def test_what_is_not_here_cannot_be_followed(
    ada: list[str], edition: Database, signed_in: Any, alice: Reader, form: dict[str, str]
) -> None:
    assert signed_in.post("/follow", {**form, "on": "1"}).status_code == 404
    with edition.read() as session:
        assert rules.active(session, alice.id) == []


def test_too_many_rules_are_refused_with_a_word(
    ada: list[str], edition: Database, signed_in: Any, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST", 1)
    with edition.write() as session:
        rules.add(session, alice.id, "must", "author", "Somebody", now=NOW)
    form = {"action": "must", "field": "author", "value": "Ada Lovelace", "on": "1", "next": "/author/ada%20lovelace"}
    assert "end some first" in signed_in.follow(signed_in.post("/follow", form))


def test_the_way_back_stays_on_this_site(ada: list[str], signed_in: Any) -> None:
    form = {"action": "must", "field": "author", "value": "Ada Lovelace", "on": "1", "next": "//evil.example"}
    assert signed_in.post("/follow", form).headers["Location"] == "/"


def test_nobody_looks_or_follows_without_a_sign_in(ada: list[str], client: Any) -> None:
    assert client.get("/author/ada%20lovelace").status_code == 401
    assert client.get("/organization/analytical%20engines").status_code == 401

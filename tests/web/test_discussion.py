"""Talk under a paper: said, answered, changed, deleted, reported; who may do what, and how often."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import make_paper, make_reader

from recommender.store import comments
from recommender.store.comments import Comment
from recommender.store.db import Database
from recommender.store.readers import Reader

PAPER = make_paper(84).id
MINUTE = timedelta(minutes=1)
AT = f"/paper/{PAPER}"


@pytest.fixture
def alices(edition: Database, signed_in: Any) -> Any:
    return signed_in


@pytest.fixture
def bobs(edition: Database, bob: Reader, sign_in: Callable[[Reader], Any]) -> Any:
    return sign_in(bob)


@pytest.fixture
def owners(edition: Database, sign_in: Callable[[Reader], Any]) -> Any:
    return sign_in(make_reader(edition, "owner", is_owner=True))


def say(browser: Any, text: str, parent: int | None = None, paper: str = PAPER) -> int:
    """Say something and return its number."""
    form = {"paper": paper, "text": text} | ({"parent": str(parent)} if parent else {})
    response = browser.post("/comments", form)
    assert response.status_code == 303, response.get_data(as_text=True)
    return int(response.headers["Location"].rpartition("-")[2])


def look(browser: Any) -> str:
    return " ".join(browser.get(AT).get_data(as_text=True).partition('id="discussion"')[2].partition('id="versions"')[0].split())


def stored(database: Database, number: int) -> Comment | None:
    with database.read() as session:
        return comments.get(session, number)


def test_a_remark_is_said_and_read_by_others(alices: Any, bobs: Any) -> None:
    assert "Nobody has said anything yet" in look(bobs)
    response = alices.post("/comments", {"paper": PAPER, "text": "First\r\nline\r\n\r\nSee https://example.org/<x>."})
    assert response.headers["Location"] == f"{AT}#comment-1"
    text = look(bobs)
    assert '<p dir="auto">First<br>line</p>' in text
    assert '<a href="https://example.org/" rel="nofollow noopener noreferrer ugc">https://example.org/</a>&lt;x&gt;.' in text
    assert '<bdi class="who">alice</bdi>' in text
    assert "20 May 2026, 08:00 UTC" in text
    assert 'href="#discussion">1 comment<' in bobs.last


def test_answers_stand_under_what_they_answer(alices: Any, bobs: Any) -> None:
    first = say(alices, "Question")
    say(alices, "Another")
    answer = say(bobs, "Answer", first)
    text = look(alices)
    assert text.index("Question") < text.index("Answer<") < text.index("Another")
    assert f'<li class="remark depth-1" id="comment-{answer}">' in text
    assert f'<a href="#comment-{first}">answers alice</a>' in text


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "nothing in it"), (" \r\n ", "nothing in it"), ("\x00", "nothing in it"), ("x" * 4001, "at most 4000")],
)
def test_nothing_and_too_much_come_back_with_a_word(alices: Any, edition: Database, text: str, told: str) -> None:
    response = alices.post("/comments", {"paper": PAPER, "text": text})
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert told in page
    assert 'role="alert"' in page
    assert text.strip().strip("\x00") in page  # what was written is not lost
    assert stored(edition, 1) is None


def test_line_ends_as_browsers_send_them_do_not_count_twice(alices: Any, edition: Database) -> None:
    number = say(alices, "\r\n".join(["x"] * 2000))
    assert len(stored(edition, number).text) == 3999  # type: ignore[union-attr]


def test_what_cannot_be_spoken_about(alices: Any) -> None:
    assert alices.post("/comments", {"paper": "arxiv:none", "text": "Hello"}).status_code == 404
    number = say(alices, "Here")
    for parent in ("999", "x", "-1", str(2**70)):
        assert alices.post("/comments", {"paper": PAPER, "text": "Hello", "parent": parent}).status_code == 404
    elsewhere = {"paper": make_paper(85).id, "text": "Hello", "parent": str(number)}
    assert alices.post("/comments", elsewhere).status_code == 404


def test_an_answer_to_what_is_gone_is_offered_as_a_remark(alices: Any, bobs: Any) -> None:
    first = say(alices, "Question")
    say(bobs, "Answer", first)
    alices.post(f"/comments/{first}/delete")
    response = bobs.post("/comments", {"paper": PAPER, "text": "Too late", "parent": str(first)})
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "The remark you answer is gone" in page
    assert ">Too late</textarea>" in page
    assert 'name="parent"' not in page


def test_words_are_changed_within_a_while(alices: Any, bobs: Any, clock: Any, edition: Database) -> None:
    number = say(alices, "Wrogn")
    form = alices.get(f"/comments/{number}/edit").get_data(as_text=True)
    assert ">Wrogn</textarea>" in form
    clock.now += 14 * MINUTE
    assert alices.post(f"/comments/{number}/edit", {"text": "Wrong"}).headers["Location"] == f"{AT}#comment-{number}"
    assert "changed 20 May 2026, 08:14 UTC" in look(bobs)
    for nothing in (" ", "\x00", "x" * 4001):
        assert alices.post(f"/comments/{number}/edit", {"text": nothing}).status_code == 422
    clock.now += MINUTE
    late = alices.post(f"/comments/{number}/edit", {"text": "Right, then"})
    assert late.status_code == 422
    assert "too old to be changed" in late.get_data(as_text=True)
    assert "Right, then" in late.get_data(as_text=True)
    assert stored(edition, number).text == "Wrong"  # type: ignore[union-attr]
    text = look(alices)
    assert "Change or delete" not in text
    assert f'href="/comments/{number}/edit">Delete' in text
    assert "<textarea" not in alices.get(f"/comments/{number}/edit").get_data(as_text=True)


def test_deleting_leaves_a_place_only_under_answers(alices: Any, bobs: Any, edition: Database) -> None:
    asked, lonely = say(alices, "Question"), say(alices, "Lonely")
    say(bobs, "Answer", asked)
    for number in (asked, lonely):
        response = alices.post(f"/comments/{number}/delete")
        assert response.headers["Location"] == f"{AT}#discussion"
    text = look(bobs)
    assert text.count("Deleted by its author.") == 1
    assert "Lonely" not in text
    assert "Question" not in text
    assert "answers alice" not in text
    assert stored(edition, lonely) is None
    assert alices.get(f"/comments/{asked}/edit").status_code == 404


def test_nobody_touches_what_is_not_theirs(alices: Any, bobs: Any, client: Any, edition: Database) -> None:
    number = say(alices, "Mine")
    for path in ("edit", "delete", "remove", "restore"):
        assert bobs.post(f"/comments/{number}/{path}", {"text": "His"}).status_code == 404, path
    assert bobs.get(f"/comments/{number}/edit").status_code == 404
    assert alices.post(f"/comments/{number}/report", {"text": "me"}).status_code == 404
    assert "Mine" in look(bobs)
    assert stored(edition, number).removed_at is None  # type: ignore[union-attr]
    for path in ("/comments/99/edit", "/comments/99/delete", "/comments/99/report", f"/comments/{2**40}/report"):
        assert alices.post(path, {"text": "x"}).status_code == 404, path
    assert client.get(f"/comments/{number}/report").status_code == 401


def test_a_remark_is_reported_to_the_owner(alices: Any, bobs: Any, edition: Database) -> None:
    number = say(alices, "Rude <words>")
    form = bobs.get(f"/comments/{number}/report").get_data(as_text=True)
    assert "Rude &lt;words&gt;" in form
    assert bobs.post(f"/comments/{number}/report", {"text": "x" * 301}).status_code == 422
    text = bobs.follow(bobs.post(f"/comments/{number}/report", {"text": "not kind"}))
    assert "Whoever runs this Broadsheet will look at it" in text
    with edition.read() as session:
        (report,) = comments.reports_open(session)
    assert (report.comment.id, report.reasons) == (number, (("bob", "not kind"),))


def test_the_owner_takes_away_and_puts_back(alices: Any, bobs: Any, owners: Any) -> None:
    number = say(alices, "Rude words")
    say(bobs, "Please", number)
    assert "Take away" in look(owners)
    assert "Take away" not in look(bobs)
    assert "taken away" in owners.follow(owners.post(f"/comments/{number}/remove"))
    for browser in (alices, bobs):
        text = look(browser)
        assert "Taken away by whoever runs this Broadsheet." in text
        assert "Rude words" not in text
        assert "Put back" not in text
    assert "Rude words" in look(owners)
    assert bobs.post(f"/comments/{number}/report", {"text": ""}).status_code == 404
    assert "The remark is back." in owners.follow(owners.post(f"/comments/{number}/restore"))
    assert "Rude words" in look(bobs)


def test_words_taken_away_are_on_no_page_of_others(alices: Any, bobs: Any, owners: Any) -> None:
    number = say(alices, "Rude words")
    owners.post(f"/comments/{number}/remove")
    for path in (AT, f"/comments/{number}/edit", f"/comments/{number}/report"):
        for browser in (alices, bobs):
            assert "Rude words" not in browser.get(path).get_data(as_text=True)
    answer = bobs.post("/comments", {"paper": PAPER, "text": "x", "parent": str(number)})
    assert "Rude words" not in answer.get_data(as_text=True)


def test_nobody_says_too_much_at_once(alices: Any, bobs: Any, clock: Any) -> None:
    for number in range(30):
        say(alices, f"Remark {number}")
    refused = alices.post("/comments", {"paper": PAPER, "text": "One more"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    say(bobs, "Others can still speak")
    clock.now += timedelta(hours=2)
    say(alices, "Later")


def test_in_a_long_discussion_answers_have_a_page_of_their_own(
    alices: Any, bobs: Any, alice: Reader, edition: Database, clock: Any
) -> None:
    with edition.write() as session:
        said = [comments.add(session, PAPER, alice.id, f"Remark {n}", now=clock()) for n in range(400)]
    text = bobs.get(AT).get_data(as_text=True)
    assert "Remark 399" in text
    assert len(text) < 300_000
    assert text.count("<textarea") <= 2
    form = bobs.get(f"/comments/{said[7].id}/answer").get_data(as_text=True)
    assert "Remark 7<" in form
    assert f'name="parent" value="{said[7].id}"' in form
    assert bobs.get("/comments/999/answer").status_code == 404
    alices.post(f"/comments/{said[7].id}/delete")
    assert bobs.get(f"/comments/{said[7].id}/answer").status_code == 404


def test_what_is_not_shown_is_said(alices: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "MOST", 1)
    say(alices, "One")
    assert "are not shown" not in look(alices)
    say(alices, "Two")
    assert "the newest remarks are not shown (1)" in look(alices)


def test_every_form_carries_its_token_and_ids_are_unique(alices: Any, bobs: Any, owners: Any) -> None:
    first = say(alices, "One")
    for _ in range(3):
        first = say(bobs, "Answer", first)
    text = owners.get(AT).get_data(as_text=True)
    assert text.count('method="post"') == text.count('name="csrf_token"')
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'(?:aria-describedby|aria-labelledby|for)="([^"]+)"', text):
        assert set(name.split()) <= set(ids)


def test_arabic_and_emoji_are_said_as_they_are(alices: Any) -> None:
    say(alices, "هل ينطبق هذا؟ 👩🏽‍🔬")
    assert '<p dir="auto">هل ينطبق هذا؟ 👩🏽‍🔬</p>' in look(alices)

"""Ending, pausing or changing a digest by the link in its mail: one press, no sign-in, and no harm by opening it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from factories import NOW
from flask import Flask
from mail_pages import MORNING, Post, mailed, text_of

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, subscribers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.subscribers import Subscriber


@pytest.fixture
def post(edition: Database, settings: Settings, alice: Reader, app: Flask) -> Post:
    return mailed(edition, settings, alice, app)


ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize(
    "sent",
    [
        {"data": ONE_CLICK},
        {"data": ONE_CLICK, "content_type": "multipart/form-data"},
        {"data": ONE_CLICK, "headers": {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}},
        {"data": ONE_CLICK, "headers": {"Cookie": "broadsheet=nothing; other=1"}},
        {},
        {"data": b"\xff\x00 nonsense", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"--", "content_type": "multipart/form-data; boundary=x"},
        {"json": {"do": "weekly"}},
        {"data": {"do": "everything"}},
        {"data": b"do=weekly&x=" + b"x" * 1_100_000, "content_type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_mail_program_ends_the_digest_at_once(post: Post, sent: dict[str, Any]) -> None:
    """As RFC 8058 has it: a POST, without a cookie or a form's token, answered without a redirect; others may be sloppier."""
    for receiver in ({"r": post.alice.id}, {"s": post.nora.id}):
        for _ in range(2):  # one who has left already is told the same
            answer = post.client.post(post.link("leave", **receiver), **sent)
            assert answer.status_code == 200
            assert "No more digests" in answer.get_data(as_text=True)
    after = post.now_of(post.alice)
    assert after is not None
    assert (after.digest_on, after.next_digest_at, after.email) == (False, None, "alice@example.org")
    with post.database.read() as session:
        assert subscribers.by_id(session, post.nora.id) is None
    assert "nora@example.org" not in post.dump()


def test_who_is_signed_in_as_somebody_else_ends_only_what_the_link_names(post: Post, sign_in: Any, bob: Reader) -> None:
    with post.database.write() as session:
        accounts.confirm_email(session, bob.id, "bob@example.org", now=NOW)
        accounts.set_digest(session, bob.id, MORNING, on=True, next_at=MORNING.after(NOW))
    assert sign_in(bob).client.post(post.link("leave", r=post.alice.id), data=ONE_CLICK).status_code == 200
    found = [post.now_of(reader) for reader in (post.alice, bob)]
    assert [reader.digest_on for reader in found if reader] == [False, True]


def test_the_page_says_what_is_on_and_each_choice_does_one_thing(post: Post) -> None:
    path = post.link("leave", r=post.alice.id)

    def press(**form: str) -> tuple[str, Schedule, Any]:
        text, after = text_of(post.client.post(path, data=form)), post.now_of(post.alice)
        assert after is not None
        return text, after.schedule, after.next_digest_at if after.digest_on else None

    text = text_of(post.client.get(path))
    assert "It comes every day at 07:00 (Europe/Berlin). The next one: Thursday, 21 May, 07:00." in text
    assert post.now_of(post.alice) == post.alice

    text, schedule, following = press(do="weekly", weekday="4")
    assert schedule == replace(MORNING, every="week", weekday=4)
    assert following == schedule.after(NOW)
    assert "It comes every Friday at 07:00 (Europe/Berlin). The next one: Friday, 22 May, 07:00." in text
    assert press(do="weekly", weekday="9")[1] == schedule  # no such day: it stays

    text, schedule, following = press(do="daily")
    assert (schedule.every, following) == ("day", MORNING.after(NOW))

    text, schedule, following = press(do="pause", days="14")
    assert schedule.paused_until == date(2026, 6, 3)
    assert following == schedule.after(NOW)
    assert "The digest is paused" in text
    assert "It comes again on Wednesday, 3 June, 07:00" in text
    assert press(do="pause", days="30")[1].paused_until == date(2026, 6, 19)
    assert press(do="pause", days="3000")[1].paused_until == date(2026, 6, 3)

    text, schedule, following = press(do="resume")
    assert (schedule.paused_until, following) == (None, MORNING.after(NOW))

    text, schedule, following = press(do="stop")
    assert following is None
    assert "No more digests" in text
    assert 'value="resume"' in text
    text, schedule, following = press(do="resume")
    assert following == MORNING.after(NOW)
    assert "It comes every day" in text


def test_a_digest_stops_also_where_its_time_zone_is_none_any_more(post: Post) -> None:
    gone = replace(MORNING, time_zone="Europe/Nowhere")
    with post.database.write() as session:
        accounts.set_digest(session, post.alice.id, gone, on=True, next_at=NOW)
        subscribers.set_schedule(session, post.nora.id, gone, next_at=NOW)
    for path in (post.link("leave", r=post.alice.id), post.link("leave", s=post.nora.id)):
        assert "(UTC)" in text_of(post.client.get(path))
        assert "(UTC)" in text_of(post.client.post(path, data={"do": "pause", "days": "14"}))
        assert "No more digests" in text_of(post.client.post(path, data=ONE_CLICK))


def test_without_an_address_nothing_can_be_switched_on_again(post: Post) -> None:
    path = post.link("leave", r=post.alice.id)
    with post.database.write() as session:
        accounts.drop_email(session, post.alice.id)
    text = text_of(post.client.post(path, data={"do": "resume"}))
    assert "No more digests" in text
    assert "from now on" not in text
    assert 'value="resume"' not in text
    assert post.now_of(post.alice).digest_on is False  # type: ignore[union-attr]  # it is a reader


def test_a_subscriber_has_the_same_choices_until_their_address_is_forgotten(post: Post) -> None:
    path = post.link("leave", s=post.nora.id)

    def held() -> Subscriber | None:
        with post.database.read() as session:
            return subscribers.by_id(session, post.nora.id)

    assert '<html lang="de"' in post.client.get(path).get_data(as_text=True)
    assert held() == post.nora
    post.client.post(path, data={"do": "weekly", "weekday": "0"})
    post.client.post(path, data={"do": "pause", "days": "14"})
    paused = held()
    assert paused is not None
    assert paused.schedule == replace(MORNING, every="week", paused_until=date(2026, 6, 3))
    assert paused.next_digest_at == paused.schedule.after(NOW)
    post.client.post(path, data={"do": "stop"})
    assert held() is None
    for what in ("resume", "daily", "stop"):
        assert post.client.post(path, data={"do": what}).status_code == 200
        assert held() is None


def test_an_account_that_is_gone_gets_the_same_answer(post: Post) -> None:
    for path in (post.link("leave", r=999), post.link("leave", s=999), post.link("leave")):
        for answer in (
            post.client.get(path),
            post.client.post(path, data=ONE_CLICK),
            post.client.post(path, data={"do": "daily"}),
        ):
            assert answer.status_code == 200
            assert "No more digests" in text_of(answer)
            assert "from now on" not in text_of(answer)

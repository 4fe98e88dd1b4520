"""What lies behind a mail's links: programs that open them change nothing at all, and each button of a person does one thing."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle, product

import pytest
import time_machine
from factories import DAY, NOW, make_paper
from flask import Flask
from mail_pages import AS_A_GUESS, AS_A_PERSON, VOTES, Post, buttons, labels, mailed, shown_now, text_of, without_counts

from recommender import daily
from recommender.settings import Settings
from recommender.store import accounts, events, interests
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind
from web.links import Signer


@pytest.fixture
def post(edition: Database, settings: Settings, alice: Reader, app: Flask) -> Post:
    return mailed(edition, settings, alice, app)


# Opening


def test_opening_the_links_of_a_thousand_mails_writes_nothing(post: Post) -> None:
    """Each mail has links of its own. Programs that check mail open every link of some of them three times, in each of their ways."""
    mails = [
        {
            "read": post.link("read", number % 10),
            "vote": post.link("vote", number % 10, k=VOTES[number % 4]),
            "leave": post.link("leave", r=post.alice.id) if number % 2 else post.link("leave", s=post.nora.id),
            "go": post.link("go", number % 10),
        }
        for number in range(1000)
    ]
    client, before = post.client, post.dump()
    for mail in mails[:2]:
        for path, headers, method, _ in product(mail.values(), ({}, AS_A_PERSON, AS_A_GUESS), ("GET", "HEAD"), range(3)):
            assert client.open(path, method=method, headers=headers).status_code == 200
    ways = zip(
        cycle(["read", "vote", "leave"]), cycle(["HEAD", "GET"]), cycle([AS_A_PERSON, {}, {}, AS_A_GUESS, {}]), strict=False
    )
    for mail, (kind, method, headers) in zip(mails, ways, strict=False):
        assert client.open(mail[kind], method=method, headers=headers).status_code == 200
    assert post.dump() == before
    assert client.get_cookie("broadsheet") is None
    assert labels(post) == {}


def test_a_page_behind_a_link_opens_no_transaction_that_writes(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "write", lambda _database: pytest.fail("something was to be written"))
    for path in (post.link("read"), post.link("go"), post.link("vote", k="save"), post.link("leave", r=post.alice.id)):
        assert [post.client.open(path, method=method).status_code for method in ("GET", "HEAD", "OPTIONS")] == [200] * 3


# Reading


def test_the_page_of_a_paper_is_complete(post: Post, settings: Settings) -> None:
    whole = make_paper(
        77,
        title=r"Spectral $\mathcal{O}(n^2)$ <b>bounds</b>",
        authors=tuple(f"Author {number}" for number in range(30)),
        abstract="A first sentence. " * 40 + "The very last words.",
        pdf_url="https://arxiv.org/pdf/77",
        code_url="https://code.example/77",
    )
    item = shown_now(post, settings, whole)
    text = post.client.get(post.link("read", i=item.id)).get_data(as_text=True)
    assert 'class="math"' in text
    assert "&lt;b&gt;bounds&lt;/b&gt;" in text
    assert "Author 0" in text
    assert "and 6 more" in text
    assert "The very last words." in text
    assert "19 May" in text
    assert "2 upvotes" in text
    assert "cs.LG, cs.SI" in text
    assert item.reasons[0].text.partition(" ")[0] in text.partition('<p class="why">')[2].partition("</p>")[0]
    assert 'href="https://arxiv.org/pdf/77"' in text
    assert 'href="https://code.example/77"' in text
    assert f'href="{whole.url}"' not in text  # there the button leads, which is noted
    assert buttons(text) == ["click", *VOTES]
    assert "Read it at arxiv.org" in text


def test_only_this_pages_forms_may_lead_to_the_source_and_nowhere_else(post: Post) -> None:
    policies = {
        path: post.client.get(path).headers["Content-Security-Policy"].partition("form-action ")[2].partition(";")[0]
        for path in (post.link("read"), post.link("vote", k="save"), post.link("leave", r=post.alice.id), "/signin")
    }
    assert list(policies.values()) == ["'self' https://arxiv.org", "'self'", "'self'", "'self'"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://Example.ORG:8443/paper?a=1", "'self' https://example.org:8443"),
        ("http://bücher.example/1", "'self' http://xn--bcher-kva.example"),
        ("https://doi.org/10.1000/1", "'self' https:"),  # leads on to a publisher, whoever that is
        ("https://user:word@example.org/", "'self' https://example.org"),
        ("https://example.org;img-src/", "'self'"),
        ("https://example.org:99999999/", "'self'"),
        ("https://[::1]/", "'self'"),
        ("javascript:alert(1)", "'self'"),
        (None, "'self'"),
    ],
)
def test_an_address_is_only_let_into_the_policy_as_one_plain_origin(
    post: Post, settings: Settings, url: str | None, allowed: str
) -> None:
    path = post.link("read", i=shown_now(post, settings, make_paper(77, url=url)).id)
    answer = post.client.get(path)
    assert answer.headers["Content-Security-Policy"].partition("form-action ")[2].partition(";")[0] == allowed
    assert ("click" in buttons(answer.get_data(as_text=True))) is (allowed != "'self'")
    if url is not None and url.startswith("https://["):
        assert f'href="{url}"' in answer.get_data(as_text=True)  # a plain link remains


def test_reading_is_noted_once_when_a_person_presses_and_teaches(post: Post) -> None:
    path = post.link("read", 2)
    for _ in range(3):
        answer = post.client.post(path, data={"kind": "click"}, headers=AS_A_PERSON)
        assert answer.status_code == 303
        assert answer.headers["Location"] == "https://arxiv.org/abs/" + answer.headers["Location"].rpartition("/")[2]
        assert answer.headers["Cache-Control"] == "no-store"
    (click,) = post.log()
    wanted = (EventKind.CLICK, Channel.PRESSED, post.page.items[2].id, post.page.items[2].paper_id)
    assert (click.kind, click.channel, click.item_id, click.paper_id) == wanted
    assert labels(post)[post.page.items[2].paper_id] == 1
    post.client.post(post.link("read", 3), data={"kind": "click"})
    assert post.said() == ["click", "click"]


def test_a_click_that_an_older_digest_noted_teaches_nothing(post: Post) -> None:
    item = post.page.items[2]
    with post.database.write() as session:
        events.append(session, post.alice.id, item.paper_id, EventKind.CLICK, at=NOW, item_id=item.id, channel=Channel.EMAIL)
    assert labels(post) == {}


def test_a_paper_without_a_page_at_its_source_is_read_here(post: Post, settings: Settings) -> None:
    path = post.link("read", i=shown_now(post, settings, make_paper(77, url=None)).id)
    assert buttons(post.client.get(path).get_data(as_text=True)) == list(VOTES)
    assert post.client.post(path, data={"kind": "click"}).status_code == 404
    assert post.said() == []


@pytest.mark.parametrize("kind", VOTES)
def test_each_button_says_one_thing_which_can_be_taken_back(post: Post, kind: str) -> None:
    path, undo = post.link("read"), "unsave" if kind == "save" else "clear"
    for _ in range(2):  # a double press is one word
        done = post.client.post(path, data={"kind": kind}).get_data(as_text=True)
    assert post.said() == [kind]
    assert post.log()[0].channel is Channel.PRESSED
    assert 'role="status"' in done
    assert f'<button name="kind" value="{undo}">Undo</button>' in done
    assert f'name="kind" value="{undo}" aria-pressed="true"' in done  # also when the page is opened again
    assert f'name="kind" value="{undo}" aria-pressed="true"' in post.client.get(path).get_data(as_text=True)
    assert f'href="/day/{DAY}"' in done
    after = post.client.post(path, data={"kind": undo}).get_data(as_text=True)
    assert post.said() == [kind, undo]
    assert 'aria-pressed="true"' not in after


@pytest.mark.parametrize("kind", ["", "open", "CLICK", "upvote\x00"])
def test_what_no_button_says_is_refused(post: Post, kind: str) -> None:
    assert post.client.post(post.link("read"), data={"kind": kind}).status_code == 400
    assert post.said() == []


def test_a_link_of_an_older_digest_shows_the_same_page(post: Post) -> None:
    assert post.client.get(post.link("go")).get_data(as_text=True) == post.client.get(post.link("read")).get_data(as_text=True)
    assert post.client.post(post.link("go"), data={"kind": "click"}).status_code == 303
    assert post.said() == ["click"]


def test_the_page_names_the_interest_and_a_press_speaks_for_it(post: Post, settings: Settings) -> None:
    with post.database.write() as session:
        mine = interests.create(session, post.alice.id, "Walking machines", now=NOW - timedelta(days=1))
        robots = [paper_id for paper_id in (item.paper_id for item in post.page.items) if paper_id.split(".")[1].startswith("3")]
        events.append(session, post.alice.id, robots[0], EventKind.UPVOTE, at=NOW - timedelta(hours=1), interest=mine.id)
        page = daily.current_page(session, post.alice.id, DAY, daily.Rankers(settings.models_folder), settings.rank, now=NOW)
    item = next(item for item in page.items if item.interest == mine.id and not item.voted)
    path = post.link("read", i=item.id)
    assert "For Walking machines" in post.client.get(path).get_data(as_text=True)
    post.client.post(path, data={"kind": "click"})
    post.client.post(path, data={"kind": "upvote"})
    assert [event.interest for event in post.log()[1:]] == [mine.id, mine.id]


def test_the_page_speaks_the_language_its_reader_chose(post: Post) -> None:
    def language() -> list[str]:
        english = {"Accept-Language": "en"}
        paths = (post.link("read"), post.link("vote", k="save"), post.link("leave", r=post.alice.id))
        return [re.findall(r'<html lang="(\w+)"', text_of(post.client.get(path, headers=english)))[0] for path in paths]

    assert language() == ["en"] * 3
    with post.database.write() as session:
        accounts.choose(session, post.alice.id, locale="de", votes_public=False, notices={}, announce=())
    assert language() == ["de"] * 3


# Votes


@pytest.mark.parametrize("kind", VOTES)
def test_a_vote_takes_one_press_and_undo_takes_it_back(post: Post, kind: str) -> None:
    path = post.link("vote", k=kind)
    assert post.client.get(path).get_data(as_text=True).count("<button") == 1
    for _ in range(2):
        done = post.client.post(path)
    assert done.status_code == 200
    assert 'name="undo"' in done.get_data(as_text=True)
    assert f'href="/day/{DAY}"' in done.get_data(as_text=True)
    undone = post.client.post(path, data={"undo": "1"}).get_data(as_text=True)
    assert 'name="undo"' not in undone
    assert undone.count("<button") == 1
    item = post.page.items[0]
    wanted = [kind, "unsave" if kind == "save" else "clear"]
    assert [(event.kind.value, event.channel, event.item_id) for event in post.log()] == [
        (said, Channel.PRESSED, item.id) for said in wanted
    ]


def test_votes_that_are_played_again_in_any_order_leave_the_last_one(post: Post) -> None:
    up, down, hide = (post.link("vote", k=kind) for kind in ("upvote", "downvote", "hide"))
    for path in [up] * 30 + [down] * 30 + [up, hide] * 15 + [hide] * 10:
        assert post.client.post(path).status_code == 200
    with post.database.read() as session:
        said = events.of_papers(session, post.alice.id, [post.page.items[0].paper_id])
    assert events.words(said)[post.page.items[0].paper_id].vote is EventKind.HIDE
    assert len(said) == 2 + 30  # what says nothing new is not written


def test_presses_at_one_moment_are_one_press(post: Post) -> None:
    asked = [(post.link("vote", k="upvote"), {})] * 8 + [(post.link("read", 1), {"kind": "click"})] * 8
    with ThreadPoolExecutor(8) as hands:
        answers = list(hands.map(lambda one: post.client.post(one[0], data=one[1]).status_code, asked))
    assert sorted(answers) == [200] * 8 + [303] * 8
    assert sorted(post.said()) == ["click", "upvote"]


def test_a_link_that_was_altered_or_belongs_elsewhere_is_nothing(post: Post, bob: Reader) -> None:
    token = post.link("vote", k="upvote").rpartition("/")[2]
    other_secret = Signer("another secret, thirty-two letters or more")
    paper = {"r": post.alice.id, "i": post.page.items[0].id}
    wrong = [
        f"/m/vote/{token[:-2]}xx",
        f"/m/vote/{token.swapcase()}",
        "/m/vote/x",
        "/m/read/" + "y" * 3000,
        *(f"/m/{purpose}/{token}" for purpose in ("leave", "read", "go")),  # made for a vote, and for nothing else
        post.link("vote", r=bob.id, k="upvote"),  # not his page
        post.link("read", r=bob.id),
        post.link("read", i=10**12),
        post.link("read", i=10**30),
        post.link("read", i="1"),
        *(f"/m/{purpose}/{other_secret.sign(purpose, paper | {'k': 'upvote'})}" for purpose in ("vote", "read")),
    ]
    before = post.dump()
    for path in wrong:
        assert post.client.get(path).status_code == 404, path
        answer = post.client.post(path, data={"kind": "upvote", "do": "stop"})
        assert answer.status_code == 404, path
        assert "Copy all of it" in text_of(answer) or "Today's page has the papers" in text_of(answer)
    assert without_counts(post.dump()) == without_counts(before)


def test_a_link_that_says_something_else_of_a_paper_is_refused(post: Post) -> None:
    for kind in ("click", "", "clear"):
        assert post.client.get(post.link("vote", k=kind)).status_code == 400
        assert post.client.post(post.link("vote", k=kind)).status_code == 400
    assert post.said() == []


def test_an_old_link_neither_votes_nor_shows_a_paper_but_still_unsubscribes(post: Post) -> None:
    with time_machine.travel("2026-01-01T08:00:00Z", tick=False):
        links = [post.link("vote", k="upvote"), post.link("read"), post.link("go")]
        leave = post.link("leave", r=post.alice.id)
    for day, code in (("2026-01-31T07:59:59Z", 200), ("2026-01-31T08:00:01Z", 404)):
        with time_machine.travel(day, tick=False):
            assert [post.client.get(path).status_code for path in links] == [code] * 3
    with time_machine.travel("2034-02-02T08:00:00Z", tick=False):
        assert [post.client.post(path, data={"kind": "upvote"}).status_code for path in links] == [404] * 3
        assert post.client.post(leave).status_code == 200
    assert post.said() == []
    assert post.now_of(post.alice).digest_on is False  # type: ignore[union-attr]  # it is a reader


def test_who_is_shut_out_reads_and_votes_no_more_but_can_leave(post: Post) -> None:
    with post.database.write() as session:
        accounts.shut_out(session, post.alice.id, NOW)
    for path in (post.link("read"), post.link("vote", k="upvote")):
        assert (post.client.get(path).status_code, post.client.post(path, data={"kind": "save"}).status_code) == (404, 404)
    assert post.client.post(post.link("leave", r=post.alice.id)).status_code == 200
    assert post.said() == []
    assert post.now_of(post.alice).digest_on is False  # type: ignore[union-attr]  # it is a reader

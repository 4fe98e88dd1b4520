"""Getting known: what is picked, pasted, brought along or answered teaches a page at once, and all of it can be taken back."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, fill, make_edition, make_paper, make_reader

from recommender import find
from recommender.library import MOST_BYTES
from recommender.settings import Settings
from recommender.store import connections, events, interests, papers, wanted
from recommender.store.connections import ZOTERO
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind
from web import start as room

GRAPHS, SPEECH = "arxiv:2605.10084", "arxiv:2605.20084"
KEY = "P9NiFoyLeZu2bZNvvuQPDWsd"
BIBTEX = """
@article{known, title={%s}, author={Someone Else}, year={2026}}
@article{mine, title={An old favourite of mine about lighthouses}, author={Keeper, Ida}, year={1998}, doi={10.1000/Light.1}}
@misc{away, title={Attention}, eprint={1706.03762}, archivePrefix={arXiv}}
@article{broken, title={never closed, year={2001}
@misc{nothing}
"""


def said(database: Database, reader: Reader) -> list[tuple[str, EventKind, Channel, int]]:
    with database.read() as session:
        return [(event.paper_id, event.kind, event.channel, event.interest) for event in events.history(session, reader.id)]


def file(text: str | bytes, name: str = "library.bib") -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text
    return {"data": {"library": (io.BytesIO(data), name)}, "content_type": "multipart/form-data"}


def upload(browser: Any, text: str | bytes, **fields: str) -> Any:
    sent = file(text)
    if not browser.token:
        browser.get("/start")
    response = browser.client.post(
        "/start/library", data={"csrf_token": browser.token, **fields, **sent["data"]}, content_type=sent["content_type"]
    )
    response.request.environ["wsgi.input"].close()  # the test client writes a large form to a file and leaves it open
    return response


def asked_paper(page: str) -> str:
    return re.findall(r'paper asked" data-paper="([^"]+)"', page)[0]


# Lists


def test_pasted_papers_become_likes(edition: Database, signed_in: Any, alice: Reader) -> None:
    pasted = "https://arxiv.org/abs/2605.10084v2, arXiv:2605.20084\n2605.10084 1706.03762 nonsense <script>x"
    text = signed_in.post("/start", {"papers": pasted}).get_data(as_text=True)
    likes = [(paper_id, EventKind.UPVOTE, Channel.LIBRARY, 0) for paper_id in (GRAPHS, SPEECH)]
    assert said(edition, alice) == likes
    assert "2 papers taken as liked" in text
    assert "1 paper not stored here yet" in text
    assert "1706.03762" in text
    assert "nonsense, &lt;script&gt;x" in text


def test_what_is_not_here_is_asked_for(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.post("/start", {"papers": "1706.03762 1706.03762v5"})
    with edition.read() as session:
        asked = wanted.of_reader(session, alice.id)
    assert [(one.paper_id, one.purpose, one.interest) for one in asked] == [("arxiv:1706.03762", "like", 0)]
    assert "1 paper on the way from arXiv" in signed_in.get("/start").get_data(as_text=True)


def test_what_does_not_come_is_told_with_its_reason(edition: Database, signed_in: Any, now: Any) -> None:
    signed_in.post("/start", {"papers": "1706.03762"})
    with edition.write() as session:
        wanted.failed(session, ["arxiv:1706.03762"], "arXiv knows no such paper", now=now, final=True)
    text = signed_in.get("/start").get_data(as_text=True)
    assert "1 paper did not come" in text
    assert "arXiv knows no such paper" in text
    assert "on the way" not in text


def test_a_list_pasted_twice_is_taken_once(edition: Database, signed_in: Any, alice: Reader) -> None:
    for _ in range(2):
        assert "1 paper taken as liked" in signed_in.post("/start", {"papers": "2605.10084"}).get_data(as_text=True)
    assert len(said(edition, alice)) == 1
    signed_in.post("/events", {"kind": "downvote", "paper": GRAPHS})
    signed_in.post("/start", {"papers": "2605.10084"})
    assert [kind for _, kind, _, _ in said(edition, alice)] == [EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.UPVOTE]


def test_the_page_follows_a_pasted_list_at_once(edition: Database, settings: Settings, signed_in: Any) -> None:
    earlier = [make_paper(n, topic="proofs", day=make_paper().edition - timedelta(days=1)) for n in range(900, 904)]
    fill(edition, settings, earlier)
    before = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    signed_in.post("/start", {"papers": " ".join(paper.id.removeprefix("arxiv:") for paper in earlier)})
    after = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    assert before.count("4") <= 2
    assert after.count("4") >= 3  # 4 is the topic of proofs


def test_an_empty_or_endless_list_is_answered(edition: Database, signed_in: Any, alice: Reader) -> None:
    assert "There was nothing in the box." in signed_in.post("/start", {"papers": " \n"}).get_data(as_text=True)
    many = "\n".join(f"2101.{n:05d}" for n in range(700))
    text = signed_in.post("/start", {"papers": many}).get_data(as_text=True)
    assert "500 papers not stored here yet" in text
    assert "2101.00699" in text
    noise = signed_in.post("/start", {"papers": "word " * 60_000}).get_data(as_text=True)
    assert len(noise) < 60_000
    assert said(edition, alice) == []


def test_a_list_can_be_taken_back_as_a_whole(edition: Database, signed_in: Any, alice: Reader, bob: Reader, sign_in: Any) -> None:
    text = signed_in.post("/start", {"papers": "2605.10084 2605.20084"}).get_data(as_text=True)
    first, last = re.findall(r'name="(?:first|last)" value="(\d+)"', text)
    signed_in.post("/events", {"kind": "downvote", "paper": SPEECH})  # spoken of since: that word stands
    assert sign_in(bob).post("/start/undo", {"first": first, "last": last}).status_code == 303
    assert len(said(edition, alice)) == 3  # it is not Bob's to take back
    assert "1 paper taken back." in signed_in.follow(signed_in.post("/start/undo", {"first": first, "last": last}))
    with edition.read() as session:
        words = events.words(events.history(session, alice.id))
    assert (words[GRAPHS].vote, words[SPEECH].vote) == (None, EventKind.DOWNVOTE)
    again = signed_in.follow(signed_in.post("/start/undo", {"first": first, "last": last}))
    assert "There was nothing left to take back." in again
    for odd in ("", "x", "9" * 40, "-1"):
        assert signed_in.post("/start/undo", {"first": odd, "last": odd}).status_code == 303


# A library in a file


def test_a_library_is_taken_with_a_clear_report(edition: Database, signed_in: Any, alice: Reader) -> None:
    title = make_edition(DAY)[0].title
    text = upload(signed_in, BIBTEX % title.upper()).get_data(as_text=True)
    assert "2 papers taken as liked" in text
    assert "No source has announced 1 paper of these" in text
    assert "1 paper not stored here yet" in text
    assert "2 entries could not be read" in text
    assert "broken, nothing" in text
    liked, own = (paper_id for paper_id, *_ in said(edition, alice))
    assert (liked, own[:4]) == (make_edition(DAY)[0].id, "own:")


def test_a_library_of_ones_own_stands_in_no_list(edition: Database, settings: Settings, signed_in: Any) -> None:
    today = "@article{today, title={A brand new paper about lighthouse keepers}, year={2026}, month=5, date={2026-05-20}}"
    upload(signed_in, BIBTEX % "x" + today)
    fill(edition, settings, [])
    with edition.read() as session:
        assert {paper.source for paper in papers.window(session, DAY.replace(year=1990), DAY)} == {"arxiv"}
        assert papers.earliest_edition(session) == DAY
        assert [day.papers for day in papers.editions(session, limit=5)] == [48]
        assert papers.neighbours_in_time(session, DAY) == (None, None)
    for path in ("/", "/search?q=lighthouses", "/search?q=favourite+of+mine", "/everyone", "/everyone/month/1998-01", "/days"):
        response = signed_in.get(path)
        assert response.status_code == 200, path
        assert not re.search(r'data-paper="(own|doi):', response.get_data(as_text=True)), path
    with edition.read() as session:
        neighbours = find.similar(session, make_edition(DAY)[0].id, k=48)
    assert {paper_id.partition(":")[0] for paper_id, _ in neighbours} == {"arxiv"}


def test_a_library_teaches_once_it_is_read(edition: Database, settings: Settings, signed_in: Any) -> None:
    words = make_paper(7, topic="robots")
    own = "".join(
        f"@article{{k{n}, title={{{words.title} part {n}}}, abstract={{{words.abstract}}}, year=2015}}\n" for n in range(4)
    )
    upload(signed_in, own)
    before = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    fill(edition, settings, [])
    after = re.findall(r'data-paper="arxiv:2605\.(\d)', signed_in.get("/").get_data(as_text=True))[:5]
    assert before.count("3") <= 2
    assert after.count("3") >= 3


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "Choose a file first"),
        (b"  \n", "Choose a file first"),
        (b"just prose about nothing", "no BibTeX or RIS entry was found"),
        (b"x" * (MOST_BYTES + 1), "more than 2 MB"),
        (b"\x00\xff\xfe" * 1000, "no BibTeX or RIS entry was found"),
    ],
)
def test_a_file_that_is_no_library_is_told_so(edition: Database, signed_in: Any, alice: Reader, data: bytes, told: str) -> None:
    response = upload(signed_in, data)
    assert response.status_code == 422
    assert told.lower() in response.get_data(as_text=True).lower()
    assert said(edition, alice) == []


def test_only_the_form_for_libraries_may_be_large(edition: Database, signed_in: Any) -> None:
    assert upload(signed_in, b"@misc{a, title={x}}" + b" " * 1_500_000).status_code == 200
    assert upload(signed_in, b" " * (room.UPLOAD_BYTES + 1)).status_code == 413
    assert signed_in.post("/start", {"papers": "x" * 1_100_000}).status_code == 413


def test_no_file_is_answered(edition: Database, signed_in: Any) -> None:
    assert signed_in.post("/start/library").status_code == 422
    assert signed_in.post("/start/library", {"library": "text"}).status_code == 422


def test_markup_in_a_library_stays_text(edition: Database, signed_in: Any) -> None:
    bad = "@article{<script>alert(1)</script>, title={, year=1}\n@article{b, title={<img src=x onerror=alert(1)> {{7*7}} of lighthouses}}"
    text = upload(signed_in, bad).get_data(as_text=True)
    assert "<script>alert" not in text
    assert "<img" not in text


# Picks


def test_picks_are_kept_and_topics_find_papers(edition: Database, signed_in: Any, alice: Reader) -> None:
    form = {"category": ["cs.LG", "cs.RO", "cs.EVIL"], "topics": "robot gripper\n\nzzqx unheard, robot gripper"}
    response = signed_in.post("/start/picks", form)
    assert response.status_code == 303
    assert response.headers["Location"].endswith("/start#picks")
    with edition.read() as session:
        chosen = interests.picks(session, alice.id)
    assert chosen.categories == ("cs.LG", "cs.RO")
    assert chosen.topics == ("robot gripper", "zzqx unheard")
    assert chosen.papers
    assert {paper_id[:13] for paper_id in chosen.papers} == {"arxiv:2605.30"}  # 3 is the topic of robots
    text = signed_in.follow(response)
    assert "zzqx unheard yet" in text
    assert re.search(r'value="cs.RO" checked', text)
    assert "Robotics" in text


def test_too_many_topics_are_told_and_kept_in_the_form(edition: Database, signed_in: Any, alice: Reader) -> None:
    response = signed_in.post("/start/picks", {"topics": "\n".join(f"topic {n}" for n in range(14))})
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "These are 14 topics" in text
    assert "topic 13" in text
    with edition.read() as session:
        assert interests.picks(session, alice.id).topics == ()


def test_odd_topics_are_taken_as_words(edition: Database, signed_in: Any) -> None:
    for topics in ('"unclosed', "a AND OR NOT (", "*", "\x00", "-", "'; DROP TABLE papers;--", "NEAR(" * 20, "🦔"):
        assert signed_in.post("/start/picks", {"topics": topics}).status_code == 303, topics


# Zotero


def test_a_library_elsewhere_is_connected_and_left(edition: Database, signed_in: Any, alice: Reader) -> None:
    response = signed_in.post("/start/zotero", {"account": "475425", "key": KEY})
    assert response.status_code == 303
    with edition.read() as session:
        found = connections.get(session, alice.id, ZOTERO)
    assert found is not None
    assert (found.account, found.secret, found.interest) == ("475425", KEY, 0)
    assert KEY not in repr(found)
    text = signed_in.follow(response)
    assert "Connected to the library of user 475425" in text
    assert KEY not in text
    signed_in.post("/start/zotero/disconnect")
    with edition.read() as session:
        assert connections.get(session, alice.id, ZOTERO) is None


@pytest.mark.parametrize(
    ("account", "key", "told"),
    [
        ("", KEY, "Your user id is a number"),
        ("name", KEY, "Your user id is a number"),
        ("١٢٣", KEY, "Your user id is a number"),
        ("1/../groups/2", KEY, "Your user id is a number"),
        ("1", "", "A key is made of letters"),
        ("1", "key with spaces and more", "A key is made of letters"),
        ("1", f"{KEY}\r\nX-Evil: 1", "A key is made of letters"),
    ],
)
def test_what_is_no_key_is_told(edition: Database, signed_in: Any, alice: Reader, account: str, key: str, told: str) -> None:
    response = signed_in.post("/start/zotero", {"account": account, "key": key})
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert told in text
    assert KEY not in text
    with edition.read() as session:
        assert connections.get(session, alice.id, ZOTERO) is None


def test_why_a_library_could_not_be_read_is_shown(edition: Database, signed_in: Any, alice: Reader, now: Any) -> None:
    signed_in.post("/start/zotero", {"account": "475425", "key": KEY})
    with edition.write() as session:
        connections.failed(session, alice.id, ZOTERO, error="Zotero refused the key: make a new one", now=now)
    assert "Zotero refused the key" in signed_in.get("/start").get_data(as_text=True)


# Eight questions


def test_eight_answers_are_asked_for_one_by_one(edition: Database, signed_in: Any, alice: Reader) -> None:
    page = signed_in.get("/start").get_data(as_text=True)
    seen = []
    for number, answer in enumerate(("up", "down", "skip", "up", "skip", "down", "up", "skip"), start=1):
        assert f"Paper {number} of 8" in page
        seen.append(asked_paper(page))
        response = signed_in.post("/start/rate", {"paper": seen[-1], "answer": answer})
        assert response.headers["Location"].endswith("/start#rate")
        page = signed_in.follow(response)
    assert len(set(seen)) == 8
    kinds = [EventKind.UPVOTE, EventKind.HIDE, EventKind.CLEAR]
    assert [kind for _, kind, _, _ in said(edition, alice)] == [kinds[i] for i in (0, 1, 2, 0, 2, 1, 0, 2)]
    assert {channel for _, _, channel, _ in said(edition, alice)} == {Channel.START}
    assert "That makes 8 answers" in page
    assert "It knows 3 likes of yours." in page
    assert "Paper 1 of 8" in signed_in.get("/start?more=1").get_data(as_text=True)


def test_a_double_press_is_one_answer_and_the_last_can_be_taken_back(edition: Database, signed_in: Any, alice: Reader) -> None:
    paper_id = asked_paper(signed_in.get("/start").get_data(as_text=True))
    for _ in range(2):
        page = signed_in.follow(signed_in.post("/start/rate", {"paper": paper_id, "answer": "up"}))
    assert len(said(edition, alice)) == 1
    assert "More like this:" in page
    page = signed_in.follow(signed_in.post("/start/rate", {"paper": paper_id, "answer": "skip"}))
    assert "More like this:" not in page
    assert "Paper 2 of 8" in page
    assert "It knows nothing of you yet." in page


@pytest.mark.parametrize(
    ("form", "status"),
    [({"paper": GRAPHS, "answer": "love"}, 400), ({"paper": GRAPHS}, 400), ({"paper": "arxiv:1", "answer": "up"}, 404)],
)
def test_odd_answers_change_nothing(edition: Database, signed_in: Any, alice: Reader, form: dict[str, str], status: int) -> None:
    assert signed_in.post("/start/rate", form).status_code == status
    assert said(edition, alice) == []


def test_somebody_elses_library_is_not_asked_about(edition: Database, signed_in: Any, sign_in: Any, bob: Reader) -> None:
    upload(sign_in(bob), BIBTEX % "x")
    own = next(paper_id for paper_id, *_ in said(edition, bob) if paper_id.startswith("own:"))
    assert signed_in.post("/start/rate", {"paper": own, "answer": "up"}).status_code == 404


def test_without_papers_it_says_so(database: Database, signed_in: Any) -> None:
    text = signed_in.get("/start").get_data(as_text=True)
    assert "There is no paper to ask about yet." in text
    assert "there is no category to pick" in text


# For an interest


def test_an_interest_is_taught_by_itself(edition: Database, signed_in: Any, alice: Reader, now: Any) -> None:
    with edition.write() as session:
        own = interests.create(session, alice.id, "Robots", now=now)
    text = signed_in.get("/start?interest=robots").get_data(as_text=True)
    assert "Teach “Robots”" in text
    named = {"interest": "robots"}
    signed_in.post("/start", {"papers": "2605.10084 1706.03762", **named})
    upload(signed_in, "@article{mine, title={An old favourite of mine about lighthouses}}", **named)
    signed_in.post("/start/picks", {"category": "cs.RO", **named})
    signed_in.post("/start/zotero", {"account": "1", "key": KEY, **named})
    response = signed_in.post("/start/rate", {"paper": asked_paper(text), "answer": "up", **named})
    assert "interest=robots" in response.headers["Location"]
    assert {interest for _, _, _, interest in said(edition, alice)} == {own.id}
    with edition.read() as session:
        assert interests.picks(session, alice.id, own.id).categories == ("cs.RO",)
        assert interests.picks(session, alice.id).categories == ()
        assert [one.interest for one in wanted.of_reader(session, alice.id)] == [own.id]
        connected = connections.get(session, alice.id, ZOTERO)
    assert connected is not None
    assert connected.interest == own.id
    assert "It knows nothing of you yet." in signed_in.get("/start").get_data(as_text=True)


def test_somebody_elses_interest_cannot_be_taught(edition: Database, sign_in: Any, alice: Reader, now: Any) -> None:
    with edition.write() as session:
        interests.create(session, alice.id, "Robots", now=now)
    browser = sign_in(make_reader(edition, "carol"))
    assert browser.get("/start?interest=robots").status_code == 404
    for path in ("/start", "/start/picks", "/start/zotero", "/start/zotero/disconnect", "/start/undo"):
        form = {"papers": "2605.10084", "account": "1", "key": KEY, "interest": "robots"}
        assert browser.post(path, form).status_code == 404
    assert browser.post("/start/rate", {"paper": GRAPHS, "answer": "up", "interest": "robots"}).status_code == 404


def test_looking_changes_nothing(edition: Database, signed_in: Any, alice: Reader) -> None:
    for _ in range(3):
        signed_in.get("/start?more=1")
    assert said(edition, alice) == []

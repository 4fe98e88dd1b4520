"""The story of somebody's first minutes: an invitation, what they know already, eight answers, and a page that is of use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from factories import DAY, TOPICS, make_edition, make_paper
from guests import told
from lives import PASSWORD, Life, foot, life, shown, topic
from playwright.sync_api import Browser, Page, expect

from recommender.settings import Settings
from recommender.store import events, readers, wanted
from recommender.store.db import Database
from recommender.types import Channel, Event

pytestmark = pytest.mark.browser

ROBOTS, HEALTH = list(TOPICS).index("robots"), list(TOPICS).index("health")
EARLIER = [make_edition(DAY - timedelta(days=back)) for back in (1, 2, 5)]
OLD = make_paper(31, topic="robots", day=DAY - timedelta(days=400))
LIBRARY = f"""
@article{{kept, title = {{{EARLIER[0][ROBOTS * 8 + 2].title}}}, author = {{Somebody}}, eprint = {{{EARLIER[0][ROBOTS * 8 + 2].id[6:]}}},
  archiveprefix = {{arXiv}}, year = {{2026}}}}
@book{{own, title = {{Arms, wrists and hands of walking machines}}, author = {{Zo{{\\"e}} Writer}}, year = {{2011}}}}
@article{{broken, author = {{Nobody}}, year = {{1999}}}}
"""


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house that has read some editions, today's among them."""
    with life(browser, database, settings, monkeypatch) as made:
        for edition in reversed(EARLIER):
            made.announced = edition
            made.pass_to(edition[0].edition)
        made.announced, made.known = make_edition(), [OLD]
        made.pass_to(DAY)
        yield made


def join(lived: Life, name: str) -> Page:
    """Let the owner invite somebody, who follows the link and makes an account."""
    owner = lived.people.arrive(lived.people.link)
    foot(owner, "Owner")
    owner.get_by_role("link", name="Readers", exact=True).first.click()
    owner.get_by_label("For whom").fill(name)
    owner.get_by_role("button", name="Make an invitation").click()
    page = lived.people.arrive(owner.get_by_label("The link").input_value())
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    told(page, "Welcome. Tell Broadsheet what you like")
    expect(page.get_by_text("It knows nothing of you yet.")).to_be_visible()
    return page


def answer_eight(page: Page, liked: int) -> list[str]:
    """Answer truthfully about eight papers, as somebody who likes one topic; return the papers that were asked about."""
    asked: list[str] = []
    for number in range(1, 9):
        expect(page.get_by_text(f"Paper {number} of 8")).to_be_visible()
        (paper_id,) = shown(page)
        page.get_by_role("button", name="More like this" if topic(paper_id) == liked else "Less like this").click()
        asked.append(paper_id)
    expect(page.get_by_text("That makes 8 answers. Your page has taken it up.")).to_be_visible()
    return asked


def on_topic(page: Page, liked: int, first: int) -> int:
    """How many of the first papers of today's page are of a topic, those drawn by lot left out."""
    expect(page.get_by_role("heading", level=1)).to_contain_text("20 May")
    drawn = shown(page.locator("article[data-paper]", has_text="Outside your usual"))
    assert 0 < len(drawn) < len(shown(page)) / 4
    return sum(topic(paper_id) == liked for paper_id in [i for i in shown(page) if i not in drawn][:first])


def said(lived: Life, name: str) -> list[Event]:
    """All that somebody said, as the log has it."""
    with lived.database.read() as session:
        reader = readers.by_name(session, name)
        assert reader is not None
        return list(events.history(session, reader.id))


def test_eight_answers_are_enough(lived: Life) -> None:
    page = join(lived, "Ada")
    page.get_by_role("link", name="See your page").click()
    assert on_topic(page, HEALTH, 8) < 4, "nothing was known"
    page.get_by_role("link", name="Tell Broadsheet what you like").click()

    answer_eight(page, HEALTH)
    page.get_by_role("link", name="See your page").click()
    assert on_topic(page, HEALTH, 8) >= 7, "the page is of use"
    expect(page.locator(".why").first).not_to_be_empty()

    log = said(lived, "Ada")
    assert {(event.channel, event.interest) for event in log} == {(Channel.START, 0)}
    assert len(log) == 8
    assert all((event.kind.value == "upvote") == (topic(event.paper_id) == HEALTH) for event in log)
    assert not {event.paper_id for event in log} & {paper.id for paper in lived.announced}, "today's page keeps its own papers"


def test_what_somebody_knows_already_is_brought_along(lived: Life) -> None:
    page = join(lived, "Ben")

    page.get_by_label("Robotics").check()
    page.get_by_label("Topics", exact=True).fill("gripper torque\nxylophones")
    page.get_by_role("button", name="Begin with these").click()
    told(page, "No stored paper speaks of xylophones yet")
    expect(page.get_by_label("Robotics")).to_be_checked()
    page.get_by_role("link", name="See your page").click()
    assert on_topic(page, ROBOTS, 3) == 3, "without one vote"
    foot(page, "Start")

    (asked,) = shown(page)
    page.get_by_role("button", name="Less like this").click()
    expect(page.get_by_text("Paper 2 of 8")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.get_by_text("It knows what you picked, and no like yet.")).to_be_visible()

    stored, other = EARLIER[1][ROBOTS * 8].id[6:], EARLIER[1][ROBOTS * 8 + 1].id[6:]
    page.get_by_label("arXiv ids or links").fill(f"{stored} https://arxiv.org/pdf/{other}v2\nsee also hello, {OLD.id[6:]}")
    page.get_by_role("region", name="Paste a list of papers").get_by_role("button", name="Take these").click()
    report = page.get_by_role("region", name="2 papers taken as liked")
    expect(report).to_contain_text(EARLIER[1][ROBOTS * 8].title)
    expect(report).to_contain_text("1 paper not stored here yet")
    expect(report).to_contain_text("These are no arXiv ids or links: see, also, hello")
    report.get_by_role("button", name="Undo all of it").click()
    told(page, "2 papers taken back.")
    page.get_by_label("arXiv ids or links").fill(f"{stored},{other}")
    page.get_by_role("region", name="Paste a list of papers").get_by_role("button", name="Take these").click()
    expect(page.get_by_text("It knows 2 likes of yours. 1 paper on the way from arXiv.")).to_be_visible()

    library = page.get_by_role("region", name="Bring your library: BibTeX or RIS")
    library.get_by_role("button", name="Take these").click()
    assert page.evaluate("document.activeElement.id") == "library-file", "the browser asks for a file"
    file = {"name": "mine.bib", "mimeType": "application/x-bibtex", "buffer": LIBRARY.encode()}
    library.get_by_label("A file from your reference manager").set_input_files(files=[file])  # type: ignore[list-item]
    library.get_by_role("button", name="Take these").click()
    report = page.get_by_role("region", name="2 papers taken as liked")
    expect(report).to_contain_text("Arms, wrists and hands of walking machines")
    expect(report).to_contain_text("kept to learn from, and seen by nobody else")

    lived.wait(minutes=10)
    page.reload()
    expect(page.get_by_text("It knows 5 likes of yours.")).to_be_visible()
    expect(page.get_by_text("on the way from arXiv")).to_have_count(0)
    page.get_by_role("link", name="See your page").click()
    assert on_topic(page, ROBOTS, 5) == 5
    assert OLD.id not in shown(page), "an old favourite is no news"
    page.get_by_role("link", name="Why this?").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Why this?")

    log = said(lived, "Ben")
    assert [event.channel for event in log[:2]] == [Channel.START] * 2
    assert log[0].paper_id == asked
    likes = events.likes(log)
    assert {*likes} > {EARLIER[1][ROBOTS * 8].id, EARLIER[1][ROBOTS * 8 + 1].id, EARLIER[0][ROBOTS * 8 + 2].id, OLD.id}
    assert len(likes) == 5
    with lived.database.read() as session:
        reader = readers.by_name(session, "Ben")
        assert reader is not None
        assert [wish.state for wish in wanted.of_reader(session, reader.id, purpose="like")] == ["here"]

"""The story of a week: editions come, a day is missed, nothing is announced at the weekend, a source fails, and no paper comes twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from factories import DAY, TOPICS, make_edition
from guests import go
from lives import Life, dated, life, one, press, shown, topic
from playwright.sync_api import Browser, Page, expect

from recommender.settings import Settings
from recommender.store import events, pages
from recommender.store.db import Database

pytestmark = pytest.mark.browser

WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY, TUESDAY = (DAY + timedelta(days=days) for days in range(7))
PER_TOPIC = 5
ROBOTS, PROOFS = list(TOPICS).index("robots"), list(TOPICS).index("proofs")


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house on a Wednesday morning, before the first edition has come."""
    with life(browser, database, settings, monkeypatch) as made:
        for day in (WEDNESDAY, THURSDAY, FRIDAY, MONDAY, TUESDAY):
            made.announced += make_edition(day, per_topic=PER_TOPIC)
        wednesdays = made.announced[: 6 * PER_TOPIC]
        made.announced += dated(wednesdays[:3], FRIDAY, version=2, announce="replace")
        made.announced += dated(wednesdays[3:5], MONDAY, announce="cross")
        yield made


def read_all(page: Page) -> list[str]:
    """Read today's page to its end; return the papers on it."""
    while page.get_by_role("link", name="Show", exact=False).filter(has_text="more of").count():
        before = len(shown(page))
        page.get_by_role("link", name="Show", exact=False).filter(has_text="more of").click()
        expect(page.locator("article[data-paper]")).not_to_have_count(before)
    expect(page.get_by_text("You are caught up.")).to_be_visible()
    return shown(page)


def edition(page: Page, day: date) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{day:%A}, {day.day} May 2026")


def vote(page: Page, paper_id: str, name: str) -> None:
    """Vote, and wait until the page says so."""
    press(page, paper_id, name)
    expect(one(page, paper_id).get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")


def test_a_week_of_reading(lived: Life) -> None:
    page = lived.people.arrive(lived.people.link)
    expect(page.get_by_role("heading", level=1)).to_have_text("No papers yet")
    lived.pass_to(WEDNESDAY)
    go(page, "Today")
    edition(page, WEDNESDAY)
    expect(page.get_by_text("You have not voted yet.")).to_be_visible()
    read: dict[date, list[str]] = {WEDNESDAY: read_all(page)}
    assert len(read[WEDNESDAY]) == 6 * PER_TOPIC

    # Wednesday: likes that move the page at once, and a slip that is taken back.
    robots = [paper_id for paper_id in read[WEDNESDAY] if topic(paper_id) == ROBOTS]
    vote(page, robots[-1], "Upvote")
    expect(page.locator(".moved")).to_contain_text("because you liked")
    vote(page, robots[0], "Upvote")
    proof = next(paper_id for paper_id in shown(page) if topic(paper_id) == PROOFS)
    order = shown(page)
    vote(page, proof, "Downvote")
    one(page, proof).get_by_role("button", name="Undo").click()
    expect(one(page, proof).get_by_role("button", name="Downvote")).to_have_attribute("aria-pressed", "false")
    assert shown(page) == order, "undo restores the page"

    # Thursday is missed; on Friday its top picks are brought along, and Wednesday's new versions are no news.
    lived.pass_to(THURSDAY)
    lived.closed = {"huggingface"}
    lived.pass_to(FRIDAY)
    go(page, "Today")
    edition(page, FRIDAY)
    expect(page.get_by_text("Hugging Face could not be read on")).to_be_visible()
    read[FRIDAY] = read_all(page)
    carried = page.get_by_role("region", name="You missed Thursday, 21 May").locator("article")
    brought = carried.evaluate_all("articles => articles.map(one => one.dataset.paper)")
    assert len(brought) == lived.settings.web.carry_most
    assert sum(topic(paper_id) == ROBOTS for paper_id in brought) >= 4
    assert sum(topic(paper_id) == ROBOTS for paper_id in read[FRIDAY][:5]) >= 4
    assert read[FRIDAY][-len(brought) :] == brought
    robot = next(paper_id for paper_id in read[FRIDAY] if topic(paper_id) == ROBOTS)
    one(page, robot).get_by_role("link", name="Why this?").click()
    expect(page.locator(".reasons")).to_contain_text("you liked")
    expect(page.get_by_role("region", name="Contributions")).to_be_visible()
    page.get_by_role("main").get_by_role("link").first.click()
    edition(page, FRIDAY)
    vote(page, robot, "Upvote")

    # The weekend is quiet, and says why and until when.
    for day in (SATURDAY, SUNDAY):
        lived.closed = set()
        lived.pass_to(day)
        go(page, "Today")
        edition(page, FRIDAY)
        expect(page.get_by_text("The newest edition here is 22 May 2026.")).to_contain_text(
            f"arXiv does not announce on a {day:%A}; the next edition is due on Monday, 25 May."
        )
        expect(page.get_by_text("could not be read")).to_have_count(0)
        assert set(shown(page)) <= {*read[FRIDAY]}, "nothing new is made up"
    page.get_by_role("navigation", name="Editions").first.get_by_role("link", name=re.compile("21 May")).click()
    edition(page, THURSDAY)
    read[THURSDAY] = [paper_id for paper_id in read_all(page) if paper_id not in brought]
    assert len(read[THURSDAY]) == 6 * PER_TOPIC - len(brought), (
        "what was brought along stands on its own day too, and the rest with it"
    )

    # Monday, earlier than usual, and Tuesday: what was liked last week still counts.
    lived.pass_to(MONDAY, hour=3)
    go(page, "Today")
    edition(page, MONDAY)
    read[MONDAY] = read_all(page)
    assert sum(topic(paper_id) == ROBOTS for paper_id in read[MONDAY][:5]) >= 4
    hidden = read[MONDAY][0]
    press(page, hidden, "Not interested")
    expect(one(page, hidden)).to_contain_text("You are not interested in this.")
    expect(one(page, hidden).get_by_role("button")).to_have_text(["Undo"])
    lived.pass_to(TUESDAY)
    go(page, "Today")
    edition(page, TUESDAY)
    read[TUESDAY] = read_all(page)
    expect(page.get_by_role("region", name=re.compile("You missed"))).to_have_count(0)

    # Nothing came twice, and no paper of the week was kept back.
    every = [paper_id for papers in read.values() for paper_id in papers]
    assert len(every) == len(set(every))
    assert set(every) == {paper.id for paper in lived.announced}
    check_log(lived, read, robots=[robots[-1], robots[0], robot], slip=proof, hidden=hidden)


def check_log(lived: Life, read: dict[date, list[str]], *, robots: list[str], slip: str, hidden: str) -> None:
    """Look up what was noted: every gesture once, and every paper as shown for one edition only."""
    reader = lived.owner()
    with lived.database.read() as session:
        log = [(event.kind.value, event.paper_id, event.at.date()) for event in events.history(session, reader.id)]
        noted = [(item.item.paper_id, made.page.day) for made in pages.shown(session) for item in made.items]
    assert log == [
        ("upvote", robots[0], WEDNESDAY),
        ("upvote", robots[1], WEDNESDAY),
        ("downvote", slip, WEDNESDAY),
        ("clear", slip, WEDNESDAY),
        ("upvote", robots[2], FRIDAY),
        ("hide", hidden, MONDAY),
    ]
    editions: dict[str, set[date]] = {}
    for paper_id, day in noted:
        editions.setdefault(paper_id, set()).add(day)
    assert {len(days) for days in editions.values()} == {1}
    assert set(editions) == {paper_id for papers in read.values() for paper_id in papers}

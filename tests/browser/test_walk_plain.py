"""The core of a reader's day with JavaScript switched off: every action is a form and a page that comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from factories import DAY, TOPICS, make_edition
from guests import card, go
from lives import Life, foot, life, one, press, shown, topic
from playwright.sync_api import Browser, expect

from recommender.settings import Settings
from recommender.store import events, interests, readers, rules, shelf
from recommender.store.db import Database

pytestmark = pytest.mark.browser

ROBOTS, SPEECH, HEALTH = (list(TOPICS).index(name) for name in ("robots", "speech", "health"))


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with one edition, in which Ada has an account."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = make_edition(per_topic=10)
        made.pass_to(DAY)
        made.settle("Ada")
        yield made


def test_every_action_works_without_javascript(lived: Life) -> None:
    page = lived.sign_in("Ada", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_contain_text("20 May")
    before = shown(page)

    # A vote moves the page, and undo restores it.
    robot = next(paper_id for paper_id in reversed(before) if topic(paper_id) == ROBOTS)
    press(page, robot, "Upvote")
    expect(one(page, robot).get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".moved")).to_contain_text("because you liked")
    assert page.url.endswith(f"#paper-{robot.replace(':', '-').replace('.', '-')}"), "one comes back to where one was"
    press(page, robot, "Undo")
    expect(one(page, robot).get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "false")
    assert shown(page) == before
    press(page, robot, "Upvote")
    press(page, robot, "Save")
    expect(one(page, robot).get_by_role("button", name="Save")).to_have_attribute("aria-pressed", "true")
    name = (one(page, robot).get_by_role("heading").text_content() or "").strip()
    boring = next(paper_id for paper_id in shown(page) if topic(paper_id) != ROBOTS)
    press(page, boring, "Not interested")
    expect(one(page, boring)).to_contain_text("You are not interested in this.")
    page.get_by_role("link", name="Show 20 more").click()
    expect(page.locator("article[data-paper]").nth(39)).to_be_visible()

    # What was saved has a note, and was read.
    go(page, "Shelf")
    expect(card(page, name)).to_be_visible()
    kept = page.get_by_role("group", name="On your shelf")
    kept.get_by_text("Note", exact=True).click()
    kept.get_by_label("Your note").fill("By Friday")
    kept.get_by_role("button", name="Keep the note").click()
    expect(kept.get_by_label("Your note")).to_have_value("By Friday")
    kept.get_by_role("button", name="Read").click()
    expect(page.get_by_text("read on 20 May")).to_be_visible()

    # A search, and an interest made of it.
    page.get_by_label("Search papers").fill("phoneme vocoder")
    page.get_by_label("Search papers").press("Enter")
    expect(page.locator("article").first).to_be_visible()
    assert {topic(paper_id) for paper_id in shown(page)[:5]} == {SPEECH}
    page.get_by_text("Save this search as an interest").click()
    page.get_by_label("Name", exact=True).fill("Voices")
    page.get_by_role("button", name="Keep as an interest").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Voices")
    go(page, "Interests")
    expect(page.get_by_role("heading", name="Voices")).to_be_visible()

    # A rule takes papers off the page.
    foot(page, "Rules")
    page.get_by_label("Never show it").check()
    page.get_by_label("What it looks at").select_option(label="Category")
    page.get_by_label("What it looks for").fill("q-bio.QM")
    page.get_by_role("button", name="Set this rule").click()
    expect(page.get_by_role("region", name="Never see")).to_contain_text("q-bio.QM")
    go(page, "Today")
    page.get_by_role("link", name="Show 20 more").click()
    page.get_by_role("link", name=re.compile("Show .* more")).click()
    assert {topic(paper_id) for paper_id in shown(page)} == set(range(len(TOPICS))) - {HEALTH}

    go(page, "Account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    with lived.database.read() as session:
        reader = readers.by_name(session, "Ada")
        assert reader is not None
        log = [(event.kind.value, event.paper_id) for event in events.history(session, reader.id)]
        (interest,) = interests.listing(session, reader.id)
        marks = shelf.marks(session, reader.id)
        laws = [(rule.action, rule.field, rule.value) for rule in rules.active(session, reader.id) if not rule.interest]
    assert log == [
        ("upvote", robot),
        ("clear", robot),
        ("upvote", robot),
        ("save", robot),
        ("hide", boring),
    ]
    assert (interest.name, interest.query) == ("Voices", "phoneme vocoder")
    assert laws == [("never", "category", "q-bio.QM")]
    assert {paper_id: mark.note for paper_id, mark in marks.items()} == {robot: "By Friday"}

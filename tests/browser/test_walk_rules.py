"""The story of rules: somebody followed, something never shown, a suggestion taken with one press, and every word of it taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from factories import CATEGORIES, DAY, NOW, fill, make_edition
from guests import Guests, card, go, guests, listed, told
from houses import served
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.settings import Settings
from recommender.store import events, readers, rules
from recommender.store.db import Database
from web.auth import owner_link

pytestmark = pytest.mark.browser

TODAY, YESTERDAY = make_edition(DAY, per_topic=20), make_edition(DAY - timedelta(days=1), per_topic=12)
ROBOTICIST = next(paper.authors[0] for paper in TODAY if paper.categories == CATEGORIES["robots"])
THEIRS = [paper for paper in TODAY if ROBOTICIST in paper.authors]


@pytest.fixture
def people(browser: Browser, database: Database, settings: Settings) -> Iterator[Guests]:
    """People before a house with two full editions, whose pages show everything at once."""
    whole = settings.model_copy(update={"web": settings.web.model_copy(update={"cards": 60})})
    fill(database, whole, [*TODAY, *YESTERDAY])
    with (
        served(database, whole) as (app, _here),
        guests(browser, owner_link(database, app.extensions["broadsheet"].settings, NOW)) as coming,
    ):
        yield coming


def to_author(page: Page, name: str) -> None:
    """Find somebody by their name, and go from a paper of theirs to their own page."""
    page.get_by_label("Search papers").fill(f'"{name}"')
    page.get_by_label("Search papers").press("Enter")
    page.locator("article").first.get_by_role("link", name="Details").click()
    page.get_by_role("main").get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def to_rules(page: Page) -> None:
    page.get_by_role("link", name="Rules", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rules")


def set_rule(page: Page, does: str, field: str, value: str) -> None:
    to_rules(page)
    page.get_by_label(does).check()
    page.get_by_label("What it looks at").select_option(field)
    page.get_by_label("What it looks for").fill(value)
    page.get_by_role("button", name="Set this rule").click()


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def on_top(page: Page) -> list[str]:
    """The titles of the papers that a rule put on today's page."""
    return [text.strip() for text in page.locator("article:has(.kicker) .title").all_text_contents()]


def categories(page: Page) -> set[str]:
    found = " ".join(page.locator("article .facts").all_inner_texts())
    return {name for names in CATEGORIES.values() for name in names if name in found}


def test_whom_one_follows_stands_on_top(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    expect(page.get_by_role("heading", level=1)).to_contain_text("20 May")
    to_author(page, ROBOTICIST)
    page.get_by_role("button", name="Follow", exact=True).click()
    told(page, f"You follow {ROBOTICIST}: new papers of theirs stand on your page.")
    following = page.get_by_role("button", name="Following")
    expect(following).to_have_attribute("aria-pressed", "true")
    expect(following).to_be_focused()
    go(page, "Today")
    assert set(listed(page)[: len(THEIRS)]) == {paper.title for paper in THEIRS}
    expect(page.locator("article").first.locator(".kicker")).to_contain_text(f"You follow {ROBOTICIST}")

    to_rules(page)
    expect(region(page, "You follow")).to_contain_text(f"{ROBOTICIST} Author · everywhere")
    region(page, "You follow").get_by_role("button", name="Remove").click()
    expect(page.get_by_text(f"The rule about “{ROBOTICIST}” is removed.").first).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    told(page, "The rule holds again.")
    expect(region(page, "You follow")).to_contain_text(ROBOTICIST)
    to_author(page, ROBOTICIST)
    following.click()
    told(page, f"You no longer follow {ROBOTICIST}.")
    go(page, "Today")
    assert not set(on_top(page)) & {paper.title for paper in THEIRS}

    to_author(page, ROBOTICIST)
    page.get_by_role("button", name="Never show", exact=True).click()
    told(page, f"Papers by {ROBOTICIST} will not be shown again.")
    expect(page.locator("article")).to_have_count(len(THEIRS) + sum(ROBOTICIST in paper.authors for paper in YESTERDAY))
    go(page, "Today")
    assert not set(listed(page)) & {paper.title for paper in THEIRS}
    to_author(page, ROBOTICIST)
    page.get_by_role("button", name="Never shown").click()
    told(page, f"Papers by {ROBOTICIST} may be shown again.")
    go(page, "Today")
    assert set(listed(page)) & {paper.title for paper in THEIRS}
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert rules.active(session, owner.id) == []


def test_what_one_never_sees_is_gone_until_it_is_asked_for(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    assert "cs.RO" in categories(page)
    set_rule(page, "Never show it", "Category", "cs.RO")
    told(page, "From now on you never see it.")
    expect(region(page, "Never see")).to_contain_text("cs.RO")
    expect(region(page, "Never see")).to_contain_text("took 32 papers of the last 7 days off your pages")
    go(page, "Today")
    assert "cs.RO" not in categories(page)
    before = listed(page)

    unwanted = before[3]
    card(page, unwanted).get_by_role("link", name="Details").click()
    page.get_by_role("button", name="Nothing like this again").click()
    told(page, f"Nothing like “{unwanted}” will be shown again, whatever else you like.")
    expect(page.get_by_role("button", name="Nothing like this: on")).to_be_focused()
    go(page, "Today")
    assert unwanted not in listed(page)
    set_rule(page, "Put it at the top of my page", "Author", ROBOTICIST)
    told(page, "From now on it stands at the top of your pages.")
    go(page, "Today")
    assert "cs.RO" not in categories(page), "never beats must"

    set_rule(page, "Put it at the top of my page", "Like a paper", "2605.10001")
    expect(page.get_by_role("alert")).to_have_text("The rule is not set yet: see below.")
    expect(page.get_by_label("What it looks for")).to_have_value("2605.10001")
    expect(page.get_by_text("Nearness to a paper can only be turned down")).to_be_visible()

    to_rules(page)
    never = region(page, "Never see").get_by_role("listitem")
    expect(never).to_have_count(2)
    never.filter(has_text="cs.RO").get_by_role("button", name="Remove").click()
    expect(region(page, "Never see").get_by_role("listitem")).to_have_count(1)
    go(page, "Today")
    assert set(listed(page)[: len(THEIRS)]) == {paper.title for paper in THEIRS}
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        said = {(rule.action, rule.field) for rule in rules.active(session, owner.id)}
        assert said == {("never", "like"), ("must", "author")}
        assert events.history(session, owner.id) == [], "a rule is no vote"


def test_a_suggestion_is_taken_with_one_press(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    to_author(page, ROBOTICIST)
    for number in range(3):
        page.locator("article").nth(-1 - number).get_by_role("button", name="Upvote").click()
        expect(page.locator("article").nth(-1 - number).get_by_role("button", name="Upvote")).to_have_attribute(
            "aria-pressed", "true"
        )
    liked = set(listed(page)[-3:])
    page.get_by_label("Search papers").fill("hospital patient triage")
    page.get_by_label("Search papers").press("Enter")
    for number in range(5):
        down = page.locator("article").nth(number).get_by_role("button", name="Downvote")
        down.click()
        expect(down).to_have_attribute("aria-pressed", "true")
    to_rules(page)
    suggested = region(page, "Your votes suggest")
    offer = suggested.get_by_role("listitem").filter(has_text=f"You liked 3 papers by {ROBOTICIST} and disliked none.")
    offer.get_by_text("Which papers").click()
    assert set(offer.get_by_role("link").all_inner_texts()) == liked
    against = suggested.get_by_role("listitem").filter(has_text="You turned down 5 papers in q-bio.QM and liked none.")
    expect(against.get_by_role("button", name="Never show q-bio.QM")).to_be_visible()
    offer.get_by_role("button", name=f"Follow {ROBOTICIST}").click()
    told(page, "From now on it stands at the top of your pages.")
    expect(region(page, "You follow")).to_contain_text(ROBOTICIST)
    against.get_by_role("button", name="Not now").click()
    told(page, "It is not suggested again.")
    expect(page.get_by_text("You turned down 5 papers in q-bio.QM")).to_have_count(0)
    expect(page.get_by_text(f"You liked 3 papers by {ROBOTICIST}")).to_have_count(0)
    go(page, "Today")
    new = {paper.title for paper in THEIRS} - liked
    assert new
    assert set(listed(page)[: len(new)]) == new
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert [(r.action, r.field, r.value) for r in rules.active(session, owner.id)] == [("must", "author", ROBOTICIST)]
        assert len(events.history(session, owner.id)) == 8

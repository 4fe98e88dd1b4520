"""The story of a search: words, meaning, filters, an id, and a search that is kept and becomes a page of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from guests import Guests, card, go, guests, listed, told
from houses import served
from playwright.sync_api import Browser, Page, expect

from recommender.settings import Settings, load
from recommender.store import events, interests, readers, rules
from recommender.store.db import Database
from recommender.types import EventKind
from web.auth import owner_link

pytestmark = pytest.mark.browser

WALRUS = make_paper(
    900,
    topic="health",
    title="Diagnosis of a walrus",
    abstract="A walrus was brought to the hospital. " + "Its symptom was a song. " * 30,
    code_url="https://code.example.org/walrus",
    source="huggingface",
)


@pytest.fixture
def people(browser: Browser, database: Database, settings: Settings) -> Iterator[Guests]:
    """People before a house with two editions and one paper that stands out."""
    fill(database, settings, [*make_edition(DAY), *make_edition(DAY - timedelta(days=1), per_topic=3), WALRUS])
    with (
        served(database, settings) as (app, _here),
        guests(browser, owner_link(database, app.extensions["broadsheet"].settings, NOW)) as coming,
    ):
        yield coming


def search(page: Page, words: str) -> None:
    """Write into the box of the masthead."""
    page.get_by_label("Search papers").fill(words)
    page.get_by_label("Search papers").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def narrow(page: Page, *boxes: str, **fields: str) -> None:
    """Open the filters, tick boxes, fill fields in and find again."""
    form = page.get_by_role("form", name="Search with filters")
    if not form.get_by_label("Category").is_visible():
        form.get_by_text("Filter", exact=False).first.click()
    for label, value in fields.items():
        field = form.get_by_label(label)
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    for label in boxes:
        form.get_by_label(label).check()
    form.get_by_role("button", name="Find").click()


def categories(page: Page) -> set[str]:
    """Those under which the papers on the page stand, as their cards say it."""
    said = page.locator("article .facts").all_inner_texts()
    return {found for text in said for found in re.findall(r"[a-z-]+\.[A-Z]{2}", text)}


def test_words_meaning_and_filters_find_papers(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    search(page, "walrus")
    expect(page.get_by_label("Words", exact=True)).to_have_value("walrus")
    assert listed(page)[0] == WALRUS.title
    expect(card(page, WALRUS.title).locator("mark").first).to_have_text("walrus", ignore_case=True)
    expect(page.get_by_text("Near in meaning").first).to_be_visible()

    narrow(page, "Only papers that hold all of the words")
    expect(page.get_by_text("1 paper found.")).to_be_visible()
    search(page, "robot gripper")
    assert len(listed(page)) == 11
    narrow(page, From="2026-05-19", Until="2026-05-19")
    expect(page.get_by_text("8 papers found.")).to_be_visible()
    expect(page.get_by_text("Filtered")).to_be_visible()
    narrow(page, From="2026-05-21")
    expect(page.get_by_role("alert")).to_have_text("This day is before the other one.")
    expect(page.get_by_label("Until")).to_have_value("2026-05-19")
    page.get_by_role("link", name="Without filters").click()
    expect(page.locator("article")).to_have_count(11)

    search(page, "patient graph")
    assert categories(page) > {"cs.SI"}
    narrow(page, Category="cs.SI")
    expect(page.get_by_text("Filtered")).to_be_visible()
    assert all("cs.SI" in text for text in page.locator("article .facts").all_inner_texts())
    narrow(page, Category="cs.RO", Source="Hugging Face")
    expect(page.get_by_text("Nothing that is stored fits these words and filters.")).to_be_visible()
    page.get_by_role("link", name="Search without filters").click()
    expect(page.locator("article").first).to_be_visible()

    search(page, "hospital")
    narrow(page, "With code")
    expect(page.locator("article .title")).to_have_text([WALRUS.title])
    search(page, '"hospital walrus"')
    expect(page.get_by_text("No stored paper holds all of these words just so.")).to_be_visible()
    page.get_by_role("link", name="Search for what they mean").click()
    assert WALRUS.title in listed(page)
    search(page, "walrus -song")
    assert WALRUS.title not in listed(page)

    card(page, listed(page)[0]).get_by_role("button", name="Upvote").click()
    expect(page.locator("article").first.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Words", exact=True)).to_have_value("walrus -song")
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert [event.kind for event in events.history(session, owner.id)] == [EventKind.UPVOTE]


def test_an_id_goes_straight_to_its_paper(people: Guests) -> None:
    page = people.arrive(people.link)
    number = WALRUS.id.removeprefix("arxiv:")
    for written in (number, f"https://arxiv.org/abs/{number}v2", WALRUS.id):
        search(page, written)
        expect(page.get_by_role("heading", level=1)).to_have_text(WALRUS.title)
    search(page, "2001.00001")
    expect(page.get_by_text("That paper is not stored here.")).to_be_visible()
    page.get_by_role("link", name="bring it in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Submit a paper")


def test_a_search_is_kept_and_becomes_a_page(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    search(page, "hospital symptom -song")
    page.get_by_text("Save this search as an interest").click()
    page.get_by_label("Name").fill("Wards")
    page.get_by_role("button", name="Keep as an interest").first.click()
    told(page, "“Wards” is an interest of yours now.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wards")
    first = page.locator("article").first
    expect(first.locator(".kicker")).to_contain_text("hospital symptom")
    assert WALRUS.title not in listed(page), "what has the unwanted word is kept away"
    first.get_by_role("button", name="Upvote").click()
    expect(page.locator("article").first.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")

    go(page, "Interests")
    wards = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Wards"))
    expect(wards).to_contain_text("1 like")
    expect(wards).to_contain_text("began as the search “hospital symptom -song”")
    wards.get_by_role("link", name="Its page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wards")
    go(page, "Today")
    page.get_by_role("navigation", name="Interests").get_by_role("link", name="Wards").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wards")
    page.get_by_role("link", name="Rules").click()
    expect(page.get_by_text("Words · Wards")).to_be_visible()
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        (kept,) = interests.listing(session, owner.id)
        assert kept.query == "hospital symptom -song"
        said = {(rule.action, rule.field, rule.value, rule.interest) for rule in rules.active(session, owner.id)}
        assert said == {("must", "words", "hospital symptom", kept.id), ("never", "phrase", "song", kept.id)}
        assert [event.interest for event in events.history(session, owner.id)] == [kept.id]


@pytest.mark.encoder
def test_meaning_is_found_without_a_common_word(browser: Browser, database: Database, settings: Settings) -> None:
    texts = {
        "Puppies that learn to sit": "Young dogs were rewarded with food whenever they followed what their trainer told them.",
        "Bread from old wheat": "Loaves were baked from grain that has not been grown for a century.",
        "Walking machines on snow": "Legged robots keep their balance where the ground gives way.",
        "Orbits of small moons": "Telescopes followed faint satellites around distant planets.",
    }
    real = settings.model_copy(update={"embed": load({}).embed})
    fill(database, real, [make_paper(n, title=title, abstract=text) for n, (title, text) in enumerate(texts.items())])
    with (
        served(database, real) as (app, _here),
        guests(browser, owner_link(database, app.extensions["broadsheet"].settings, NOW)) as coming,
    ):
        page = coming.arrive(coming.link)
        for words, title in (
            ("canine obedience", 0),
            ("astronomy", 3),
            ("bakery products", 1),
            ("quadruped locomotion in winter", 2),
        ):
            search(page, words)
            assert listed(page)[0] == list(texts)[title]
            expect(page.locator("article").first.locator(".why")).to_contain_text("Near in meaning")

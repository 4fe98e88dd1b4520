"""The story of a shelf: papers saved, sorted into a collection, noted, read, found again, taken along as files, shared and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rispy
from factories import DAY, NOW, fill, make_edition, make_paper
from guests import Guests, card, fetched, go, guests, listed, told
from houses import served
from lives import settled
from playwright.sync_api import Browser, Locator, Page, expect
from pybtex.database import parse_string

from recommender.settings import Settings
from recommender.store import events, readers, shelf
from recommender.store.db import Database
from web.auth import owner_link

pytestmark = pytest.mark.browser

NOTE = "Ask Zoë\nwhether the walrus sings"
ODD = make_paper(
    900,
    topic="proofs",
    title="Über $\\alpha$-divergences & 100% of {braces}",
    authors=("Jürgen O'Neil", "Ada Lovelace"),
    categories=("math.OC",),
)
ODD_WRITTEN = r"Über $\alpha$-divergences \& 100\% of \textbraceleft{}braces\textbraceright{}"


@pytest.fixture
def people(browser: Browser, database: Database, settings: Settings) -> Iterator[Guests]:
    """People before a house with one edition, in which one title is hard to write down."""
    fill(database, settings, [*make_edition(DAY), ODD])
    with (
        served(database, settings) as (app, _here),
        guests(browser, owner_link(database, app.extensions["broadsheet"].settings, NOW)) as coming,
    ):
        yield coming


def save(within: Locator | Page) -> None:
    button = within.get_by_role("button", name="Save", exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def look(page: Page, *, words: str = "", show: str = "everything", order: str = "newest on the shelf") -> None:
    """Search within the shelf."""
    form = page.get_by_role("search", name="Search the shelf")
    form.get_by_label("Words").fill(words)
    form.get_by_label("Show").select_option(show)
    form.get_by_label("Order").select_option(order)
    form.get_by_role("button", name="Look").click()


def beside(page: Page, title: str) -> Locator:
    """What stands beside a paper on the shelf."""
    return page.locator(".on-shelf").filter(has=card(page, title)).get_by_role("group", name="On your shelf")


def only(page: Page, *titles: str) -> None:
    expect(page.locator("article .title")).to_have_text(list(titles))


def titles_in(bibtex: str) -> list[str]:
    """The titles of a file, without the braces that keep their capitals."""
    return [entry.fields["title"][1:-1] for entry in parse_string(bibtex, "bibtex").entries.values()]


def fill_the_shelf(page: Page) -> tuple[str, str, str]:
    """Save two papers of today's page and one that was searched for; begin a collection with the last. Return how they are called."""
    go(page, "Shelf")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    go(page, "Today")
    first, second = listed(page)[:2]
    save(card(page, first))
    save(card(page, second))
    page.get_by_label("Search papers").fill("divergences braces")
    page.get_by_label("Search papers").press("Enter")
    page.locator("article").first.get_by_role("link", name="Details").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("-divergences & 100% of {braces}")
    odd = (page.get_by_role("heading", level=1).text_content() or "").strip()
    save(page)
    page.get_by_text("Add to a collection").click()
    page.get_by_label("Name of the first one").fill("For the train")
    page.get_by_role("button", name="Begin it").click()
    told(page, "“For the train” is begun. It is private.")
    go(page, "Shelf")
    only(page, odd, second, first)
    return odd, second, first


def test_papers_are_saved_noted_read_and_found_again(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    odd, second, first = fill_the_shelf(page)

    beside(page, second).get_by_role("button", name="Read").click()
    expect(beside(page, second).get_by_role("button", name="Read")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("read on 20 May")).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "Read", "the focus stays on the button"

    beside(page, first).get_by_text("Note").first.click()
    beside(page, first).get_by_label("Your note").fill(NOTE)
    beside(page, first).get_by_role("button", name="Keep the note").click()
    settled(page)
    expect(beside(page, first).get_by_label("Your note")).to_have_value(NOTE)
    page.reload()
    expect(beside(page, first).get_by_label("Your note")).to_have_value(NOTE)

    look(page, show="still to read")
    only(page, odd, first)
    expect(page.get_by_text("2 of 3 papers.")).to_be_visible()
    look(page, show="read")
    only(page, second)
    look(page, words="ZOE walrus")
    only(page, first)
    look(page, words="jurgen")
    only(page, odd)
    look(page, show="in no collection", order="title")
    only(page, *sorted((first, second), key=str.casefold))
    look(page, words="a word of no paper")
    expect(page.get_by_text("Nothing here fits.")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    only(page, odd, second, first)

    beside(page, second).get_by_role("button", name="Read").click()
    expect(page.get_by_text("read on 20 May")).to_have_count(0)
    card(page, second).get_by_role("button", name="Save").click()
    only(page, odd, first)
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        said = [(event.kind.value, event.paper_id) for event in events.history(session, owner.id)]
        notes = {mark.note for mark in shelf.marks(session, owner.id).values()}
        kept = list(shelf.saved(session, owner.id))
    assert [kind for kind, _ in said] == ["save", "save", "save", "unsave"]
    assert said[2] == ("save", ODD.id)
    assert kept == [ODD.id, said[0][1]]
    assert notes == {"", NOTE}


def test_a_collection_is_taken_along_shared_and_taken_back(people: Guests, database: Database) -> None:
    page = people.arrive(people.link)
    odd, second, first = fill_the_shelf(page)
    beside(page, first).get_by_text("Note").first.click()
    beside(page, first).get_by_label("Your note").fill(NOTE)
    beside(page, first).get_by_role("button", name="Keep the note").click()
    settled(page)
    beside(page, first).get_by_label("Collection").select_option("For the train")
    beside(page, first).get_by_role("button", name="Add").click()
    expect(beside(page, first).get_by_role("link", name="For the train")).to_be_visible()

    shelf_bib = fetched(page, page.get_by_role("link", name="BibTeX", exact=True).first)
    assert titles_in(shelf_bib) == [ODD_WRITTEN, second, first]
    shelf_ris = rispy.loads(fetched(page, page.get_by_role("link", name="RIS", exact=True).first))
    assert [entry["title"] for entry in shelf_ris][1:] == [second, first]
    assert shelf_ris[0]["authors"] == ["O'Neil, Jürgen", "Lovelace, Ada"]

    page.get_by_role("navigation", name="Collections").get_by_role("link", name="For the train 2").click()
    only(page, odd, first)
    assert titles_in(fetched(page, page.get_by_role("link", name="BibTeX", exact=True).first))[1:] == [first]
    page.get_by_text("Change this collection").click()
    page.get_by_role("button", name="Make it public").click()
    told(page, "It is public: whoever knows its address can read it.")
    address = page.locator(".notice").get_by_role("link").inner_text()

    stranger = people.arrive(address)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("For the train")
    expect(stranger.get_by_text("Papers collected by owner.")).to_be_visible()
    only(stranger, odd, first)
    assert "walrus" not in stranger.content()
    expect(stranger.get_by_role("button")).to_have_count(0)
    assert titles_in(fetched(stranger, stranger.get_by_role("link", name="BibTeX")))[1:] == [first]

    page.get_by_role("button", name="Take out of “For the train”").last.click()
    only(page, odd)
    stranger.reload()
    only(stranger, odd)
    page.get_by_text("Change this collection").click()
    page.get_by_role("button", name="Make it private").click()
    told(page, "It is private again: its address is dead.")
    stranger.reload()
    expect(stranger.get_by_text("There is no public collection at this address.")).to_be_visible()
    expect(stranger.locator("article")).to_have_count(0)

    page.get_by_text("Change this collection").click()
    page.get_by_role("link", name="Delete it").click()
    page.get_by_role("button", name="Delete the collection").click()
    told(page, "“For the train” is deleted. Its papers are still on the shelf.")
    only(page, odd, second, first)
    with database.read() as session:
        owner = readers.owner(session)
        assert owner is not None
        assert shelf.collections(session, owner.id) == []
        assert len(shelf.saved(session, owner.id)) == 3

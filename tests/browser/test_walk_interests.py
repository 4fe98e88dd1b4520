"""The story of two interests: made of likes, each with a page of its own, sharing one fairly, closed and opened again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from factories import DAY, TOPICS, make_edition
from guests import go, told
from lives import Life, life, one, press, shown, topic
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.settings import Settings
from recommender.store import events, interests
from recommender.store.db import Database
from recommender.store.likes import standing
from recommender.types import EventKind

pytestmark = pytest.mark.browser

ROBOTS, PROOFS = list(TOPICS).index("robots"), list(TOPICS).index("proofs")


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with one edition of 120 papers."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = make_edition(per_topic=20)
        made.pass_to(DAY)
        yield made


def like(page: Page, wanted: int, count: int) -> list[str]:
    """Up-vote papers of a topic, each time the first one that is not voted on; the page moves between two votes."""
    chosen: list[str] = []
    while len(chosen) < count:
        paper_id = next(found for found in shown(page) if topic(found) == wanted and found not in chosen)
        press(page, paper_id, "Upvote")
        expect(one(page, paper_id).get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
        chosen.append(paper_id)
    return chosen


def title(page: Page, paper_id: str) -> str:
    return (one(page, paper_id).get_by_role("heading").text_content() or "").strip()


def make(page: Page, name: str, papers: list[str], how: str) -> None:
    """Make an interest of some likes."""
    go(page, "Interests")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_text("Begin with papers you like").click()
    for liked in papers:
        page.get_by_role("group", name="Your newest likes").get_by_label(liked).check()
    page.get_by_label(how).check()
    page.get_by_role("button", name="Make this interest").click()
    told(page, f"“{name}” is there.")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"What “{name}” likes")


def row(page: Page, name: str) -> Locator:
    """One interest in the list of them."""
    return page.locator("ol.interests > li").filter(has=page.get_by_role("heading", name=name, exact=True))


def share(page: Page, name: str, papers: list[str], verb: str, target: str) -> None:
    """Tick likes of the interest that is shown, and move or copy them."""
    for paper in papers:
        page.get_by_role("checkbox", name=paper).check()
    form = page.get_by_role("form", name="All that are ticked")
    form.get_by_label("Interest").select_option(target)
    form.get_by_role("button", name=verb).click()
    expect(page.get_by_role("status").filter(has_text=name)).to_be_visible()


def test_interests_have_pages_of_their_own_and_share_one(lived: Life) -> None:
    page = lived.people.arrive(lived.people.link)
    robots, proofs = like(page, ROBOTS, 3), like(page, PROOFS, 3)
    names = {paper_id: title(page, paper_id) for paper_id in (*robots, *proofs)}

    # One is made of likes that go over to it, one of likes that stay where they were as well.
    make(page, "Robots", [names[i] for i in robots], "speak for the new interest only")
    expect(page.get_by_text("3 likes.")).to_be_visible()
    make(page, "Proofs", [names[i] for i in proofs[:2]], "speak for the new interest too")
    expect(page.get_by_text("also in General")).to_have_count(2)

    # One like too many is moved back, and one is copied; a slip is undone.
    go(page, "Interests")
    expect(row(page, "General")).to_contain_text("3 likes")
    row(page, "General").get_by_role("link", name="Its likes").click()
    share(page, "One paper moved to “Proofs”.", [names[proofs[2]]], "Move", "Proofs")
    expect(page.get_by_role("checkbox")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    told(page, "Undone: it is as it was before.")
    expect(page.get_by_role("checkbox")).to_have_count(3)
    share(page, "3 papers moved to “Proofs”.", [names[i] for i in proofs], "Move", "Proofs")
    expect(page.get_by_text("Nothing is liked here yet.")).to_be_visible()
    go(page, "Interests")
    row(page, "Robots").get_by_role("link", name="Its likes").click()
    one(page, robots[0]).get_by_text("Move, copy or take back").click()
    one(page, robots[0]).get_by_role("button", name="Copy").click()
    expect(page.get_by_text("also in General")).to_have_count(1)

    # Each has a page of its own, ordered by its own likes.
    page.get_by_role("link", name="Its page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Robots")
    tabs = page.get_by_role("navigation", name="Interests")
    own = shown(page)[:10]
    assert sum(topic(paper_id) == ROBOTS for paper_id in own) >= 8
    tabs.get_by_role("link", name="Proofs").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Proofs")
    assert sum(topic(paper_id) == PROOFS for paper_id in shown(page)[:10]) >= 8
    voted = like(page, PROOFS, 1)[0]

    # The page they share gives each of them its turn, and says for whom a paper is there.
    tabs.get_by_role("link", name="Everything").click()
    expect(page.get_by_text("Your interests take turns.")).to_be_visible()
    kickers = page.locator("article[data-paper]").evaluate_all(
        "articles => articles.slice(0, 18).map(one => one.querySelector('.kicker')?.textContent || '')"
    )
    turns = [next((name for name in ("Robots", "Proofs") if f"For {name}" in kicker), "General") for kicker in kickers]
    assert all(set(turns[at : at + 3]) == {"General", "Robots", "Proofs"} for at in range(0, 18, 3))

    # One is closed by mistake, opened again, and closed for good.
    go(page, "Interests")
    row(page, "Proofs").get_by_role("button", name="Move Proofs up").click()
    expect(page.locator("ol.interests h2")).to_have_text(["General", "Proofs", "Robots"])
    row(page, "Proofs").get_by_text("Close").first.click()
    row(page, "Proofs").get_by_role("button", name="Close “Proofs”").click()
    expect(row(page, "Proofs")).to_have_count(0)
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    told(page, "“Proofs” is open again.")
    expect(row(page, "Proofs")).to_contain_text("4 likes")
    row(page, "Robots").get_by_text("Rename").first.click()
    row(page, "Robots").get_by_label("New name").fill("Walking machines")
    row(page, "Robots").get_by_role("button", name="Rename").click()
    expect(page.locator("ol.interests h2")).to_have_text(["General", "Proofs", "Walking machines"])
    row(page, "Proofs").get_by_text("Close").first.click()
    row(page, "Proofs").get_by_role("button", name="Close “Proofs”").click()
    go(page, "Today")
    expect(page.get_by_role("navigation", name="Interests").get_by_role("link")).to_have_text(["Everything", "Walking machines"])

    reader = lived.owner()
    with lived.database.read() as session:
        (kept,) = interests.listing(session, reader.id)
        (closed,) = interests.closed(session, reader.id)
        log = events.history(session, reader.id)
        forgotten = {0: 0, kept.id: 0, closed.id: 0}
        held = standing(log, forgotten)
    assert (kept.name, closed.name) == ("Walking machines", "Proofs")
    assert set(held) == {
        *((paper_id, kept.id) for paper_id in robots),
        (robots[0], 0),
        *((paper_id, closed.id) for paper_id in (*proofs, voted)),
    }
    assert {event.kind for event in log} <= {EventKind.UPVOTE, EventKind.CLEAR}, (
        "a like that moves is a like taken back and given"
    )

"""The story of one vote in a headless Chromium: sign in, vote, see the page move, undo; with JavaScript and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser

CHOSEN = 9  # position of the paper that is voted on: low enough for the page to move


def papers(page: Page) -> list[str]:
    """Return the papers on the page, from the top."""
    return page.locator("article").evaluate_all("articles => articles.map(one => one.dataset.paper)")


def topic(paper_id: str) -> str:
    """The digit of an id that says its topic (see the factories)."""
    return paper_id.split(".")[1][0]


def vote(page: Page, paper_id: str, button: str) -> None:
    page.locator(f'article[data-paper="{paper_id}"]').get_by_role("button", name=button, exact=False).first.click()


def walk(page: Page, address: str) -> None:
    """Sign in, up-vote, see the page move towards the topic, undo, see it restored."""
    page.goto(address)
    expect(page.locator("h1")).to_contain_text("20 May")
    before = papers(page)
    chosen = before[CHOSEN - 1]
    vote(page, chosen, "Upvote")
    mine = page.locator(f'article[data-paper="{chosen}"]')
    expect(mine.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
    after = papers(page)
    assert after.index(chosen) == CHOSEN - 1, "the paper voted on keeps its place"
    assert sum(topic(p) == topic(chosen) for p in after[:5]) >= 4 > sum(topic(p) == topic(chosen) for p in before[:5])
    mine.get_by_role("button", name="Undo").click()
    expect(mine.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "false")
    assert papers(page) == before, "undo restores the page exactly"


def test_a_vote_moves_the_page_and_undo_restores_it(page: Page, address: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    documents: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: documents.append(request.url) if request.resource_type == "document" else None)
    walk(page, address)
    origin = address.partition("/signin")[0]
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
    assert complaints == []
    assert len(documents) <= 2, "with JavaScript, votes do not load the page anew"


def test_the_same_walk_without_javascript(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(address)
        first = page.locator("article").nth(CHOSEN - 1)
        chosen = first.get_attribute("data-paper")
        first.get_by_role("button", name="Upvote").click()
        mine = page.locator(f'article[data-paper="{chosen}"]')
        expect(mine.get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
        mine.get_by_role("button", name="Undo").click()
        expect(page.locator("article").nth(CHOSEN - 1)).to_have_attribute("data-paper", chosen or "")
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_runs_out_of_the_window(browser: Browser, address: str, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.goto(address)
        for path in ("/", "/days", "/start", "/account", "/status", "/shelf"):
            page.goto(address.partition("/signin")[0] + path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} px wide in a window of {width}"
    finally:
        context.close()


def test_a_click_reaches_the_paper_and_is_logged_once(page: Page, context: BrowserContext, address: str) -> None:
    page.goto(address)
    context.route("https://arxiv.org/**", lambda route: route.fulfill(status=200, body="<title>the paper</title>"))
    page.locator("article h2 a").first.click()
    expect(page).to_have_title("the paper")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("20 May")

"""What the script adds to a page: formulas that are set and never run, keys, the same place after a vote, words for who cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from houses import House
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(one => one.value)))
  .observe({type: "layout-shift", buffered: true});
"""
FOCUSED = "document.activeElement.closest('article')?.dataset.paper"


@pytest.fixture
def tab(browser: Browser, house: House) -> Iterator[Page]:
    """Today's page in a tab in which the owner of the house is signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.add_cookies(house.cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{house.here}/?show=60")
    yield page
    context.close()


@pytest.fixture
def home(tab: Page) -> Iterator[Page]:
    """The same, and complaints of the browser fail the test."""
    page = tab
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: heard.append(f"dialog: {dialog.message}"))
    page.reload()
    yield page
    assert heard == []


def until(page: Page, said: str) -> None:
    """Wait until an expression holds; asked from outside, because the page's policy lets nothing evaluate a text."""
    for _ in range(150):
        if page.evaluate(said):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {said}")


def names(page: Page) -> list[str]:
    """Return the papers on the page, from the top."""
    return page.locator("#page article").evaluate_all("articles => articles.map(one => one.dataset.paper)")


def article(page: Page, paper_id: str) -> str:
    return f'article[data-paper="{paper_id}"]'


def test_formulas_are_set_and_nothing_else_of_them_is(home: Page, house: House) -> None:
    home.goto(f"{house.here}/paper/{house.world.papers['maths'].id}")
    title = home.locator("h1")
    expect(title.locator(".math math").first).to_be_visible()
    assert title.locator("math").count() == 2
    assert home.locator(".abstract math").count() >= 8
    assert "$5 and $6" in home.locator(".abstract").inner_text()
    assert home.locator("math annotation, .math [style], .math a, .math img, .katex-error").count() == 0


def test_a_hostile_formula_stays_text(home: Page, house: House) -> None:
    home.goto(f"{house.here}/paper/{house.world.papers['hostile'].id}")
    until(home, "!!window.katex")
    title = home.locator("h1")
    assert title.locator("math, a, script").count() == 0
    assert "<script>alert(1)</script>" in title.inner_text()
    assert "{{7*7}}" in title.inner_text()
    assert home.locator(".abstract [style], .abstract a, .abstract img").count() == 0
    assert home.evaluate("document.documentElement.scrollHeight") < 6000


def test_a_page_without_formulas_loads_no_katex(home: Page, house: House) -> None:
    home.goto(f"{house.here}/keyboard")
    assert home.locator('script[src*="katex"]').count() == 0
    home.goto(f"{house.here}/shelf")
    expect(home.locator("math").first).to_be_visible()


def test_formulas_are_set_again_before_a_vote_is_seen(home: Page) -> None:
    expect(home.locator("math").first).to_be_visible()
    home.evaluate(
        """() => document.addEventListener("htmx:afterSwap", () => {
            const open = [...document.querySelectorAll(".math")].filter((one) => !one.querySelector("math"));
            window.unset = open.filter((one) => !/href|graphics|def|url|html|rule/.test(one.dataset.tex)).length;
        })"""
    )
    home.locator("article button[id$='-save']").nth(4).click()
    until(home, "window.unset !== undefined")
    assert home.evaluate("window.unset") == 0


def test_the_paper_stays_under_the_hand_and_nothing_shifts(home: Page) -> None:
    expect(home.locator("math").first).to_be_visible()
    chosen = home.locator("article:not(.brief) button[id$='-upvote'][aria-pressed=false]").nth(9)
    chosen.scroll_into_view_if_needed()
    name = chosen.get_attribute("id") or ""
    before = home.locator(f"#{name}").bounding_box()
    home.evaluate(SHIFTS)
    home.evaluate("window.shifts.length = 0")
    chosen.click()
    expect(home.locator(f"#{name}")).to_have_attribute("aria-pressed", "true")
    home.wait_for_timeout(300)
    after = home.locator(f"#{name}").bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    assert sum(home.evaluate("window.shifts")) == 0
    assert home.evaluate("document.activeElement.id") == name
    expect(home.locator("#heard")).to_contain_text("You upvoted this.")
    home.locator(f"#{name}").click()
    expect(home.locator(f"#{name}")).to_have_attribute("aria-pressed", "false")


def test_an_open_abstract_stays_open(home: Page, house: House) -> None:
    paper = home.locator(article(home, house.world.papers["long"].id))
    paper.locator("summary").first.click()
    paper.get_by_role("button", name="Downvote").click()
    expect(paper.get_by_role("button", name="Downvote")).to_have_attribute("aria-pressed", "true")
    expect(paper.locator("details.abstract")).to_have_attribute("open", "")
    paper.get_by_role("button", name="Undo").click()
    expect(paper.get_by_role("button", name="Downvote")).to_have_attribute("aria-pressed", "false")


def test_keys_walk_vote_save_and_open(home: Page) -> None:
    listed = names(home)
    home.keyboard.press("j")
    assert home.evaluate(FOCUSED) == listed[0]
    for _ in range(3):
        home.keyboard.press("j")
    assert home.evaluate(FOCUSED) == listed[3]
    home.keyboard.press("k")
    assert home.evaluate(FOCUSED) == listed[2]
    mine = home.locator(article(home, listed[2]))
    for key, button in (("u", "Upvote"), ("d", "Downvote"), ("s", "Save")):
        pressed = mine.get_by_role("button", name=button)
        was = pressed.get_attribute("aria-pressed")
        home.keyboard.press(key)
        expect(pressed).not_to_have_attribute("aria-pressed", was or "")
        assert home.evaluate(FOCUSED) == listed[2], "the focus stays on the paper"
        home.keyboard.press(key)
        expect(pressed).to_have_attribute("aria-pressed", was or "")
    home.keyboard.press("x")
    expect(mine).to_have_class(re.compile("brief"))
    assert home.evaluate(FOCUSED) == listed[2]
    home.keyboard.press("x")
    expect(mine).not_to_have_class(re.compile("brief"))


def test_o_and_enter_open_the_paper(home: Page, house: House) -> None:
    home.context.route("https://arxiv.org/**", lambda route: route.fulfill(status=200, body="<title>the paper</title>"))
    for key in ("o", "Enter"):
        home.goto(f"{house.here}/day/2026-05-18")
        home.keyboard.press("j")
        home.keyboard.press(key)
        expect(home).to_have_title("the paper")


def test_keys_are_explained_and_can_be_switched_off(home: Page) -> None:
    dialog = home.locator("dialog")
    home.keyboard.press("?")
    expect(dialog).to_be_visible()
    home.get_by_label("Single keys work on this device").uncheck()
    home.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    home.keyboard.press("j")
    assert home.evaluate(FOCUSED) is None
    home.reload()
    home.keyboard.press("?")
    expect(dialog).to_be_hidden()
    home.get_by_role("link", name="Keyboard").click()
    home.get_by_label("Single keys work on this device").check()
    home.get_by_role("button", name="Close").click()
    home.keyboard.press("j")
    assert home.evaluate(FOCUSED)


def test_keys_do_nothing_in_a_field_or_with_a_modifier(home: Page) -> None:
    home.keyboard.press("/")
    expect(home.locator("#find")).to_be_focused()
    home.keyboard.type("jus?/")
    expect(home.locator("#find")).to_have_value("jus?/")
    expect(home.locator("dialog")).to_be_hidden()
    home.locator("h1").click()
    for chord in ("Control+u", "Alt+j", "Meta+s"):
        home.keyboard.press(chord)
    assert home.evaluate(FOCUSED) is None


def test_show_more_leads_on_to_the_first_new_paper(home: Page, house: House) -> None:
    home.goto(f"{house.here}/")
    seen = names(home)
    home.locator(".show-more a").click()
    until(home, f"document.querySelectorAll('#page article').length > {len(seen)}")
    assert home.evaluate(FOCUSED) == next(name for name in names(home) if name not in seen)


def test_no_answer_is_said(tab: Page) -> None:
    tab.context.route("**/events", lambda route: route.abort())
    tab.locator("article button[id$='-save']").first.click()
    expect(tab.locator("#page > .error")).to_contain_text("did not answer")

"""The core of a reader's day with the keyboard alone: Tab and Enter, then the single keys; the focus is always seen, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from factories import DAY, make_edition
from lives import PASSWORD, Life, life, one, settled, shown
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.settings import Settings
from recommender.store import comments, events, readers, rules
from recommender.store.db import Database

pytestmark = pytest.mark.browser

FOCUS = """wanted => {
  const focus = document.activeElement, style = getComputedStyle(focus), box = focus.getBoundingClientRect();
  return {
    wanted: focus === wanted, tag: focus.tagName, id: focus.id, text: (focus.innerText || focus.value || '').trim(),
    paper: focus.closest('article[data-paper]')?.dataset.paper || '',
    seen: focus.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with one edition, in which Ada has an account."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = make_edition(per_topic=5)
        made.pass_to(DAY)
        made.settle("Ada")
        yield made


def focus(page: Page) -> dict[str, Any]:
    """Return what has the focus; it stands in the window, and one sees that it has it."""
    return seen(page.evaluate(FOCUS, None))


def seen(found: dict[str, Any]) -> dict[str, Any]:
    assert found["tag"] not in ("BODY", "HTML"), "the focus is lost"
    assert found["inside"], found
    assert found["seen"] or found["id"] == "page", found  # the page itself takes the focus without a frame around all of it
    return found


def tab_to(page: Page, wanted: Locator, *, most: int = 400, key: str = "Tab") -> None:
    """Press Tab until something has the focus, and look at every step on the way; after the end of the page comes its beginning."""
    ends = 0
    for _ in range(most):
        found = wanted.evaluate(FOCUS)
        if found["tag"] != "BODY":
            seen(found)
        else:
            ends += 1
            assert ends < 3, "the focus is lost"
        if found["wanted"]:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {wanted}")


def follow(page: Page, wanted: Locator, *, key: str = "Tab") -> None:
    tab_to(page, wanted, key=key)
    page.keyboard.press("Enter")


def sign_in(lived: Life) -> Page:
    """Come in by the door without touching the mouse."""
    page = lived.people.arrive("/")
    tab_to(page, page.get_by_label("Name or e-mail address"))
    page.keyboard.type("Ada")
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    follow(page, page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    return page


def key(page: Page, pressed: str, paper_id: str) -> None:
    """Press a single key; the paper that has the focus keeps it."""
    page.keyboard.press(pressed)
    settled(page)
    assert focus(page)["paper"] == paper_id


def pressed(page: Page, paper_id: str, name: str, value: str) -> None:
    expect(one(page, paper_id).get_by_role("button", name=name)).to_have_attribute("aria-pressed", value)


def test_papers_are_voted_on_by_single_keys(lived: Life) -> None:
    page = sign_in(lived)
    page.keyboard.press("Tab")
    assert focus(page)["text"] == "Skip to the page"
    page.keyboard.press("Enter")
    assert focus(page)["id"] == "page"

    first, second, third = shown(page)[:3]
    for step, paper_id in (("j", first), ("j", second), ("j", third), ("k", second)):
        key(page, step, paper_id)
    key(page, "u", second)
    pressed(page, second, "Upvote", "true")
    expect(page.locator("#heard")).to_contain_text("You upvoted this.")
    key(page, "u", second)
    pressed(page, second, "Upvote", "false")
    key(page, "d", second)
    pressed(page, second, "Downvote", "true")
    key(page, "u", second)
    pressed(page, second, "Upvote", "true")
    pressed(page, second, "Downvote", "false")
    key(page, "s", second)
    pressed(page, second, "Save", "true")

    # The next paper is sent away, and brought back by the button that takes its place.
    page.keyboard.press("j")
    away = focus(page)["paper"]
    key(page, "x", away)
    expect(one(page, away)).to_contain_text("You are not interested in this.")
    tab_to(page, one(page, away).get_by_role("button", name="Undo"), most=3)
    key(page, "Enter", away)
    pressed(page, away, "Not interested", "false")
    tab_to(page, one(page, away).get_by_role("button", name="Downvote"), most=12)
    key(page, "Enter", away)
    pressed(page, away, "Downvote", "true")
    assert "Downvote" in focus(page)["text"], "the button that was pressed keeps the focus"
    key(page, "Space", away)
    pressed(page, away, "Downvote", "false")

    # The keys can be looked up, and switched off.
    held = focus(page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    page.keyboard.press("u")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert focus(page) == held
    page.keyboard.press("?")
    tab_to(page, page.get_by_label("Single keys work on this device"), most=4)
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.tagName") == "BODY", "j is only a letter now"
    follow(page, page.get_by_role("contentinfo").get_by_role("link", name="Keyboard"))
    tab_to(page, page.get_by_label("Single keys work on this device"), most=4)
    page.keyboard.press("Space")
    follow(page, dialog.get_by_role("button", name="Close"))
    expect(dialog).to_be_hidden()
    page.keyboard.press("k")
    focus(page)

    with lived.database.read() as session:
        reader = readers.by_name(session, "Ada")
        assert reader is not None
        log = [(event.kind.value, event.paper_id) for event in events.history(session, reader.id)]
    said = ["upvote", "clear", "downvote", "upvote", "save"]
    assert log == [(kind, second) for kind in said] + [(kind, away) for kind in ("hide", "clear", "downvote", "clear")]


def test_everything_else_is_reached_with_tab_and_enter(lived: Life) -> None:
    page = sign_in(lived)
    page.keyboard.press("/")
    assert focus(page)["id"] == "find"
    page.keyboard.type("quadruped jukebox")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    page.keyboard.press("j")
    paper_id = focus(page)["paper"]
    key(page, "u", paper_id)
    pressed(page, paper_id, "Upvote", "true")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Discussion")).to_be_visible()

    # What is typed is text, not commands.
    tab_to(page, page.get_by_label("Your remark"))
    page.keyboard.type("just a skid mark / dusk?")
    follow(page, page.get_by_role("button", name="Say it"))
    expect(page.locator("li.remark")).to_contain_text("just a skid mark / dusk?")
    settled(page)
    focus(page)
    pressed(page, paper_id, "Upvote", "true")

    # A rule is set, removed, and taken up again.
    follow(page, page.get_by_role("contentinfo").get_by_role("link", name="Rules"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Rules")
    tab_to(page, page.get_by_label("Never show it"))
    tab_to(page, page.get_by_label("What it looks at"))
    page.keyboard.type("Phrase")
    tab_to(page, page.get_by_label("What it looks for"))
    page.keyboard.type("waveform pitch")
    page.keyboard.press("Enter")
    nevers = page.get_by_role("region", name="Never see")
    expect(nevers).to_contain_text("waveform pitch")
    focus(page)
    follow(page, nevers.get_by_role("button", name="Remove"))
    expect(page.get_by_text("The rule about “waveform pitch” is removed.")).to_be_visible()
    focus(page)
    follow(page, page.get_by_role("button", name="Undo"))
    expect(nevers).to_contain_text("waveform pitch")
    focus(page)

    # So are interests, and the way out.
    follow(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Interests"), key="Shift+Tab")
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("Robots that walk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What “Robots that walk” likes")
    follow(page, page.get_by_role("link", name="Its page"))
    expect(page.get_by_role("navigation", name="Editions").first).to_be_visible()
    page.keyboard.press("j")
    own = focus(page)["paper"]
    key(page, "u", own)
    follow(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Account"), key="Shift+Tab")
    follow(page, page.get_by_role("button", name="Sign out", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

    with lived.database.read() as session:
        reader = readers.by_name(session, "Ada")
        assert reader is not None
        log = [(event.kind.value, event.paper_id, event.interest) for event in events.history(session, reader.id)]
        (law,) = rules.active(session, reader.id)
        (remark,) = comments.thread(session, paper_id)
    assert log == [("upvote", paper_id, 0), ("upvote", own, 1)]
    assert (law.action, law.field, law.value) == ("never", "phrase", "waveform pitch")
    assert remark.text == "just a skid mark / dusk?"

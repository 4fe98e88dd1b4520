"""A browser and an address in, people with a window each out: every walk ends with what their browsers complained of, which is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from re import Pattern
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response, expect

PATIENCE = 15_000  # milliseconds for one step: the machine may be busy


@dataclass
class Guests:
    """Whoever comes to the house at `here`; `heard` is what was refused by the policy, failed, or was asked elsewhere."""

    browser: Browser
    here: str
    link: str = ""  # signs the owner in, once
    heard: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def arrive(self, address: str = "/", **options: Any) -> Page:
        """Open a window of its own, in which nobody is signed in, at an address."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self._console(said.type, said.text))
        page.on("pageerror", lambda error: self.heard.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self.heard.append(f"dialog: {dialog.message}"))
        context.on("request", self._asked)
        context.on("response", self._answered)
        page.goto(address if address.startswith("http") else f"{self.here}{address}")
        return page

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "the server responded with a status of" not in text:
            self.heard.append(text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.here}/", "data:")):
            self.heard.append(f"asked elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        refused = 400 <= response.status < 500 and (
            response.request.is_navigation_request() or "hx-request" in response.request.headers
        )
        if response.status >= 400 and not refused:  # a refusal that is shown to the person is a page; what it says is looked at
            self.heard.append(f"{response.status}: {response.url}")


@contextmanager
def guests(browser: Browser, link: str) -> Iterator[Guests]:
    """Let people come to where a link leads, and see at the end that nothing was refused to them, failed, or led elsewhere."""
    made = Guests(browser, link.partition("/signin")[0], link)
    expect.set_options(timeout=PATIENCE)
    try:
        yield made
    finally:
        for context in made.contexts:
            context.close()
    assert made.heard == []


def card(page: Page, title: str) -> Locator:
    """The paper of this title, as a list shows it."""
    return page.locator("article").filter(has=page.get_by_role("heading", name=title, exact=True))


def listed(page: Page) -> list[str]:
    """The titles of the papers on the page, from the top."""
    return [text.strip() for text in page.locator("article .title").all_text_contents()]


def go(page: Page, name: str) -> None:
    """Follow a link of the masthead."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()


def fetched(page: Page, link: Locator) -> str:
    """Press a link behind which a file is, and return what is in it."""
    with page.expect_download() as coming:
        link.click()
    return Path(coming.value.path()).read_text(encoding="utf-8")


def told(page: Page, text: str | Pattern[str]) -> None:
    """Wait until the page says what came of the last press."""
    expect(page.locator("#page .done").first).to_contain_text(text)

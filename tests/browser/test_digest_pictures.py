"""Digests as mail programs show them: wide and narrow, light and dark, and where no style is read at all."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from mornings import MORNINGS, Morning, body
from playwright.sync_api import Page

from recommender.settings import Settings
from recommender.store.db import Database

pytestmark = pytest.mark.browser

WIDTHS = (320, 375, 1280)
PAPER = {"light": "rgb(251, 249, 244)", "dark": "rgb(25, 24, 21)"}
JUDGED = """async (options) => (await axe.run(document, options)).violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`))"""
WIDEST = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
SMALL = """() => [...document.querySelectorAll('a')].map((link) => link.getBoundingClientRect())
  .filter((box) => box.height < 24 || box.right > innerWidth + 1).length"""


@pytest.fixture
def asked(page: Page) -> list[str]:
    """All that is asked of the network."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def violations(page: Page, **options: Any) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(JUDGED, {"resultTypes": ["violations"], **options})
    return found


def widest(page: Page) -> dict[int, int]:
    """How wide the page is in windows that it should fit into, where it does not."""
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate(WIDEST)
    return {width: wide for width, wide in found.items() if wide > width}


@pytest.mark.parametrize("name", MORNINGS)
def test_a_digest_can_be_read_anywhere(name: str, page: Page, asked: list[str], database: Database, settings: Settings) -> None:
    html = body(MORNINGS[name](Morning(database, settings)).message, "html")
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]  # one of its two words
        page.set_content(html)
        assert widest(page) == {}, colours
        assert violations(page) == [], colours
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[colours]
    page.set_viewport_size({"width": 375, "height": 900})
    assert page.evaluate(SMALL) == 0  # a finger hits every link
    assert asked == []


@pytest.mark.parametrize("name", MORNINGS)
def test_without_any_style_it_is_still_a_letter(name: str, page: Page, database: Database, settings: Settings) -> None:
    html = body(MORNINGS[name](Morning(database, settings)).message, "html")
    page.set_content(re.sub(r'<style>.*?</style>|\s(style|class)="[^"]*"', "", html, flags=re.DOTALL))
    assert page.evaluate("document.querySelectorAll('[style], [class], style').length") == 0
    assert widest(page) == {}
    assert violations(page) == []
    order = page.locator("h1, h2, h3").evaluate_all("found => found.map((one) => Number(one.tagName[1]))")
    assert order[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(order))

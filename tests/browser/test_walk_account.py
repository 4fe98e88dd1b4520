"""The story of an account: its password, where it is signed in, its language, all that it holds in one file, and its end."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import DAY, make_edition
from guests import go, told
from lives import PASSWORD, Life, enter, foot, life, one, press, settled, shown
from playwright.sync_api import Browser, Page, expect
from pybtex.database import parse_string

from recommender.settings import Settings
from recommender.store import events
from recommender.store.db import Database

pytestmark = pytest.mark.browser

NAME, ADDRESS, NEW = "Wilhelmina", "wilhelmina@example.org", "seven loud kettles"
NOTE, REMARK = "a note about marmalade", "a remark about umbrellas"
SECRETS = {"password", "secret", "digest"}


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with one edition, in which Wilhelmina has an account."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = make_edition(per_topic=4)
        made.pass_to(DAY)
        made.settle(NAME, email=ADDRESS)
        yield made


def test_a_password_sign_ins_and_the_language(lived: Life) -> None:
    page = lived.people.arrive("/shelf")
    enter(page, NAME, "not the right one")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name or e-mail address")).to_have_value(NAME)
    enter(page, NAME, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
    phone = lived.sign_in(ADDRESS, user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1.15")

    # One sign-in is ended from the other.
    go(page, "Account")
    page.get_by_role("button", name="Sign out: Safari, iPhone").click()
    expect(page.get_by_role("button", name="Sign out: Safari, iPhone")).to_have_count(0)
    go(phone, "Shelf")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")

    # A new password ends every other sign-in; the old one opens nothing.
    enter(phone, NAME, PASSWORD)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Shelf")
    page.get_by_role("region", name="Signing in").get_by_role("link", name="Change it").click()
    page.get_by_label("Present password").fill("not the right one")
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#page .done")).to_be_visible()
    go(phone, "Today")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
    enter(phone, NAME, PASSWORD)
    expect(phone.get_by_role("alert")).to_be_visible()
    enter(phone, NAME, NEW)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("20 May")

    # The language changes on every page, and back.
    go(page, "Account")
    page.get_by_label("Language").select_option(label="Deutsch")
    page.get_by_role("button", name="Save the choices").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("link", name="Heute", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mittwoch, 20. Mai 2026")
    first = shown(page)[0]
    one(page, first).get_by_role("button").first.click()
    expect(one(page, first).get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    words = page.get_by_role("main").inner_text()
    assert "Upvote" not in words
    page.get_by_role("link", name="Konto", exact=True).click()
    choices = page.locator("form").filter(has=page.locator("select#locale"))
    choices.locator("select#locale").select_option(label="English")
    choices.get_by_role("button").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def live_a_little(page: Page) -> tuple[str, str]:
    """Leave something in every room: votes, an interest, a rule, a shelf with a note, a remark, a wish, a feed; return two papers."""
    liked, saved = shown(page)[:2]
    press(page, liked, "Upvote")
    expect(one(page, liked).get_by_role("button", name="Upvote")).to_have_attribute("aria-pressed", "true")
    press(page, saved, "Save")
    expect(one(page, saved).get_by_role("button", name="Save")).to_have_attribute("aria-pressed", "true")
    go(page, "Interests")
    page.get_by_label("Name", exact=True).fill("Wilhelmina's own")
    page.get_by_role("button", name="Make this interest").click()
    told(page, "is there.")
    go(page, "Shelf")
    page.get_by_text("Note", exact=True).click()
    page.get_by_label("Your note").fill(NOTE)
    page.get_by_role("button", name="Keep the note").click()
    settled(page)
    expect(page.get_by_label("Your note")).to_have_value(NOTE)
    page.get_by_text("Add to a collection").click()
    page.get_by_label("Name of the first one").fill("Wilhelmina's pile")
    page.get_by_role("button", name="Begin it").click()
    told(page, "is begun.")
    page.locator("article").first.get_by_role("link", name="Details").click()
    page.get_by_label("Your remark").fill(REMARK)
    page.get_by_role("button", name="Say it").click()
    expect(page.locator("li.remark")).to_contain_text(REMARK)
    page.get_by_role("button", name="Nothing like this again").click()
    expect(page.get_by_role("button", name="Nothing like this: on")).to_be_visible()
    foot(page, "Submit a paper")
    page.get_by_label("arXiv id or link").fill("2605.99999")
    page.get_by_role("button", name="Submit", exact=True).click()
    told(page, "It is not stored here yet")
    return liked, saved


def test_everything_is_taken_along_and_nothing_is_left_behind(lived: Life) -> None:
    page = lived.sign_in(NAME)
    liked, saved = live_a_little(page)

    go(page, "Account")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download everything").click()
    assert coming.value.suggested_filename == f"broadsheet-{NAME}-2026-05-20.zip"
    packed = zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes()))
    assert packed.testzip() is None
    held = {name.removesuffix(".json"): json.loads(packed.read(name)) for name in packed.namelist() if name.endswith(".json")}
    with lived.database.read() as session:
        me = next(row["id"] for row in held["account"])
        log = events.history(session, me)
    assert held["account"][0]["email"] == ADDRESS
    assert [(row["kind"], row["paper_id"]) for row in held["events"]] == [(e.kind.value, e.paper_id) for e in log]
    assert {row["paper_id"] for row in held["words"]} == {liked, saved}
    assert [row["name"] for row in held["interests"]] == ["Wilhelmina's own"]
    assert [row["note"] for row in held["marks"]] == [NOTE]
    assert [row["text"] for row in held["comments"]] == [REMARK]
    assert [(row["action"], row["field"], row["value"]) for row in held["rules"]] == [("never", "like", saved)]
    assert [row["paper_id"] for row in held["wanted"]] == ["arxiv:2605.99999"]
    assert not SECRETS & {column for rows in held.values() for row in rows for column in row}
    titles = {paper.id: paper.title for paper in lived.announced}
    for file, paper_id in (("likes.bib", liked), ("shelf.bib", saved)):
        (entry,) = parse_string(packed.read(file).decode(), "bibtex").entries.values()
        assert entry.fields["title"].strip("{}") == titles[paper_id]

    page.get_by_role("link", name="Delete the account").click()
    page.get_by_label("Your name").fill("wilhelm")
    page.get_by_label("Password").fill("not the right one")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("alert")).to_have_count(2)
    page.get_by_label("Your name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    told(page, "Your account and all that was yours is deleted.")
    enter(page, NAME, PASSWORD)
    expect(page.get_by_role("alert")).to_be_visible()

    # What is left is looked for in the database itself, whatever its tables are called.
    rest = sqlite3.connect(lived.settings.folder / "broadsheet.db")
    dump = "\n".join(rest.iterdump()).casefold()
    for trace in (NAME, ADDRESS, NOTE, REMARK, "2605.99999"):
        assert trace.casefold() not in dump
    naming = [
        (table, column)
        for (table,) in rest.execute("select name from sqlite_master where type = 'table'").fetchall()
        for _, _, parent, column, *_ in rest.execute(f"pragma foreign_key_list('{table}')").fetchall()
        if parent == "readers"
    ]
    assert len(naming) > 10
    for table, column in naming:
        (count,) = rest.execute(f"select count(*) from {table} where {column} = ?", (me,)).fetchone()
        assert not count, f"{table}.{column} still names the reader"
    rest.close()

"""The story of a digest: it comes, its links are opened where nobody is signed in, and buttons read, vote, pause and stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from factories import DAY, make_edition
from guests import go, told
from lives import Life, life
from playwright.sync_api import Browser, Page, Route, expect

from recommender.hours import Schedule
from recommender.settings import Settings
from recommender.store import accounts, events, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel

pytestmark = pytest.mark.browser

NAME, ADDRESS = "Wilhelmina", "wilhelmina@example.org"


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with an edition, whose digest came to Wilhelmina in the morning."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = make_edition(per_topic=4)
        made.pass_to(DAY, 6)
        reader = made.settle(NAME, email=ADDRESS)
        morning = Schedule(7)
        with made.database.write() as session:
            accounts.set_digest(session, reader.id, morning, on=True, next_at=morning.after(made.now))
        made.pass_to(DAY, 7)
        yield made


def links(lived: Life, purpose: str) -> list[str]:
    """The links of the newest digest that are for this."""
    text = lived.mail.sent[-1].get_body(("plain",)).get_content()
    return list(dict.fromkeys(re.findall(rf"http://\S+/m/{purpose}/[\w.-]+", text)))


def reader_of(lived: Life) -> Reader:
    with lived.database.read() as session:
        found = readers.by_name(session, NAME)
    assert found is not None
    return found


def said(lived: Life) -> list[tuple[str, Channel]]:
    with lived.database.read() as session:
        return [(event.kind.value, event.channel) for event in events.history(session, reader_of(lived).id)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_paper_is_read_and_voted_on_from_the_mail(lived: Life, scripts: bool) -> None:
    def source(route: Route) -> None:
        route.fulfill(body="<title>At its source</title>", content_type="text/html")

    page = lived.people.arrive(links(lived, "read")[0], java_script_enabled=scripts, **PHONE)
    page.context.route("https://arxiv.org/**", source)
    title = page.get_by_role("heading", level=1).inner_text()
    assert title in [paper.title for paper in lived.announced]
    assert said(lived) == []

    # The source is one press away, and the browser lets the form lead there.
    page.get_by_role("button", name="Read it at arxiv.org").click()
    expect(page).to_have_title("At its source")
    assert page.url in [paper.url for paper in lived.announced]
    assert set(lived.people.heard) == {f"asked elsewhere: {page.url}"}
    lived.people.heard.clear()
    assert said(lived) == [("click", Channel.PRESSED)]

    page.go_back()
    page.get_by_role("button", name="More like this").click()
    told(page, "Noted: more like this.")
    expect(page.get_by_role("button", name="More like this")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Undo").click()
    told(page, "Your vote is taken back.")
    page.get_by_role("button", name="Save").click()
    told(page, "on your shelf")
    assert [kind for kind, _channel in said(lived)] == ["click", "upvote", "clear", "save"]

    # A vote's own link asks for one press.
    page.goto(links(lived, "vote")[1])
    expect(page.get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name="Less like this").click()
    told(page, "Noted: less like this.")
    page.get_by_role("button", name="Undo").click()
    told(page, "Your vote is taken back.")
    page.get_by_role("link", name="The whole page of 20 May").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")  # the rest is for whoever is signed in


def test_the_digest_pauses_comes_again_and_stops_from_the_mail(lived: Life) -> None:
    page = lived.people.arrive(links(lived, "leave")[0])
    expect(page.get_by_role("main")).to_contain_text("It comes every day at 07:00 (UTC). The next one: Thursday, 21 May, 07:00.")
    page.get_by_role("button", name="Pause for 2 weeks").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The digest is paused")
    assert reader_of(lived).digest_paused_until == DAY + timedelta(days=14)
    page.get_by_role("button", name="End the pause").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The digest")
    assert reader_of(lived).digest_paused_until is None
    page.get_by_label("Once a week, on").select_option(label="Friday")
    page.get_by_role("button", name="Change to that").click()
    expect(page.get_by_role("main")).to_contain_text("It comes every Friday at 07:00 (UTC). The next one: Friday, 22 May, 07:00.")
    page.get_by_role("button", name="Stop these mails").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No more digests")
    assert reader_of(lived).digest_on is False
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_role("main")).to_contain_text("It comes every Friday")
    assert reader_of(lived).digest_on is True


def test_the_account_page_says_when_the_digest_comes(lived: Life) -> None:
    page = lived.sign_in(NAME)
    go(page, "Account")
    mail = page.get_by_role("region", name="E-mail")
    expect(mail).to_contain_text("Next digest: Thursday, 21 May, 07:00.")
    mail.get_by_label("How often").select_option(label="Once a week: Monday")
    mail.get_by_role("button", name="Save the digest").click()
    expect(mail).to_contain_text("Next digest: Monday, 25 May, 07:00.")
    pause(page, "2026-06-15")
    expect(mail).to_contain_text("Paused until 15 June. Next digest: Monday, 15 June, 07:00.")
    assert reader_of(lived).digest_paused_until == date(2026, 6, 15)
    mail.get_by_role("button", name="End the pause").click()
    expect(mail).to_contain_text("Next digest: Monday, 25 May, 07:00.")
    mail.get_by_role("button", name="Send me one now").click()
    told(page, f"There is no mail server: the digest to {ADDRESS} was printed where Broadsheet runs.")


def pause(page: Page, until: str) -> None:
    page.get_by_text("Pause it", exact=True).click()
    page.get_by_label("Until").fill(until)
    page.get_by_role("button", name="Pause", exact=True).click()


PHONE = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}

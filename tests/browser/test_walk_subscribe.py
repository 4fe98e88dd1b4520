"""The story of somebody without an account: asks for what everyone reads, confirms it, gets it, reads it, leaves, and is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
from factories import DAY, make_edition
from letters_received import arrived
from lives import Life, life
from playwright.sync_api import Browser, expect

from recommender.settings import Settings
from recommender.store import subscribers
from recommender.store.db import Database

pytestmark = pytest.mark.browser

NORA = "nora@example.org"


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house that mails, with an edition today and one tomorrow."""
    mailing = settings.model_copy(update={"mail": settings.mail.model_copy(update={"mailer": "memory"})})
    with life(browser, database, mailing, monkeypatch) as made:
        made.announced = [*make_edition(per_topic=4), *make_edition(DAY + timedelta(days=1), per_topic=4)]
        made.pass_to(DAY)
        yield made


def post(lived: Life) -> list[EmailMessage]:
    """All that came to Nora."""
    return [message for message in arrived(lived.app, lived.mail) if message["To"] == NORA]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_somebody_without_an_account_gets_what_everyone_reads_and_leaves(lived: Life, scripts: bool) -> None:
    page = lived.people.arrive("/", java_script_enabled=scripts)
    page.get_by_role("link", name="Without an account").click()
    page.get_by_label("E-mail address").fill(NORA)
    page.get_by_label("Hour of the day").select_option("09:00")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Send me the letter").click()
    expect(page.get_by_role("status").first).to_contain_text("A letter is on its way")

    # The letter holds a link, the link a button.
    (letter,) = post(lived)
    link = re.search(rf"{re.escape(lived.people.here)}/subscribe/\S+", letter.get_content())
    assert link is not None
    page.goto(link[0])
    expect(page.get_by_role("main")).to_contain_text(f"{NORA} every day at 09:00 (Europe/Berlin)")
    lived.pass_to(DAY, hour=9)
    assert len(post(lived)) == 1, "nothing is mailed before it was confirmed"
    page.get_by_role("button", name="Yes, send it to me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("It begins")

    # The next morning it comes, and shows the papers and where to read them.
    lived.pass_to(DAY + timedelta(days=1))
    message = post(lived)[-1]
    assert message["Subject"].startswith("Trending: ")
    mail = page.context.new_page()  # the site's own policy is not that of a mail program
    mail.set_content(body(message, "html"))
    expect(mail.get_by_role("heading", level=1)).to_have_text("Thursday, 21 May")
    expect(mail.get_by_role("heading", level=2)).to_have_count(10)
    expect(mail.get_by_role("heading", level=2).first.get_by_role("link")).to_have_attribute("href", re.compile("^https://arxiv"))
    lived.wait(hours=2)
    assert len(post(lived)) == 2, "once a day"

    # One press ends it, and nothing is left of Nora.
    mail.get_by_role("link", name="Stop these mails").click()
    mail.get_by_role("button", name="Stop these mails").click()
    expect(mail.get_by_role("status").first).to_contain_text("no more of these mails")
    with lived.database.read() as session:
        assert subscribers.count(session) == 0
    lived.announced += make_edition(DAY + timedelta(days=2), per_topic=4)
    lived.pass_to(DAY + timedelta(days=2))
    assert len(post(lived)) == 2

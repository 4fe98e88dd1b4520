"""The story of who runs the house: sources and jobs looked after, people let in and shut out, models changed, talk and mail in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from factories import DAY, NOW, make_edition, make_paper
from guests import go, listed, told
from lives import PASSWORD, Life, enter, foot, life
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.errors import MailError
from recommender.hours import Schedule
from recommender.rank import model
from recommender.settings import Settings
from recommender.store import accounts, artifacts, comments, curators, digests, invitations, readers, runs
from recommender.store.db import Database

pytestmark = pytest.mark.browser

TALKED_OF = make_paper(700, topic="vision", title="A picture of everything")


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house on the morning of its first edition."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced = [*make_edition(per_topic=3), TALKED_OF]
        made.pass_to(DAY)
        yield made


def come_in(lived: Life, name: str = "Overview") -> Page:
    """Let the owner sign in and go to one of the owner's pages."""
    page = lived.people.arrive(lived.people.link)
    foot(page, "Owner")
    to(page, name)
    return page


def to(page: Page, name: str) -> None:
    """Go to another of the owner's pages."""
    ways = page.get_by_role("navigation", name="Owner’s pages")
    ways.get_by_role("link", name=name).click()
    expect(ways.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")


def row(page: Page, name: str) -> Locator:
    """The line of a table that is headed so."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def to_paper(page: Page, title: str = TALKED_OF.title) -> None:
    page.get_by_label("Search papers").fill(f'"{title}"')
    page.get_by_label("Search papers").press("Enter")
    page.locator("article").first.get_by_role("link", name="Details").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_sources_and_jobs_are_looked_after(lived: Life) -> None:
    page = come_in(lived)
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()
    expect(row(page, "arXiv")).to_contain_text("well")
    lived.closed = {"huggingface"}
    lived.wait(hours=1)
    page.reload()
    expect(page.get_by_role("link", name="1 source could not be read the last time.")).to_be_visible()
    expect(row(page, "Hugging Face")).to_contain_text("failed 1 time in a row: it is closed today.")

    lived.closed = set()
    lived.announced += make_edition(per_topic=5)
    page.get_by_role("button", name="Ask the sources now").click()
    told(page, "“Ask the sources, read new papers” is due now: the clock does it within 30 seconds, if it is running.")
    lived.wait(seconds=30)
    page.reload()
    expect(row(page, "Hugging Face")).to_contain_text("well")
    expect(row(page, "Ask the sources")).to_contain_text("added: 12")
    expect(page.get_by_text("31 papers in 1 edition")).to_be_visible()
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()

    pages = row(page, "Make pages ahead of their readers")
    pages.get_by_role("button", name="Run now").click()
    told(page, "“Make pages ahead of their readers” is due now")
    expect(pages.get_by_role("cell").nth(2)).to_have_text("20 May 2026, 09:00 UTC")
    lived.now += timedelta(minutes=20)
    page.reload()
    expect(page.get_by_role("link", name="The clock does not seem to run: something has been due since")).to_be_visible()
    lived.tick()
    page.reload()
    expect(pages.get_by_role("cell").nth(0)).to_contain_text("well, 20 May 2026, 09:20 UTC")
    expect(pages.get_by_role("cell").nth(1)).to_contain_text("built: 1")
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()
    with lived.database.read() as session:
        assert [ran.status for ran in runs.recent(session, limit=9, job="ingest")] == ["ok"] * 3
        assert [source.failures for source in runs.sources(session)] == [0, 0]


def test_people_are_invited_trusted_and_shut_out(lived: Life) -> None:
    page = come_in(lived, "Readers")
    page.get_by_label("For whom").fill("a colleague")
    page.get_by_role("button", name="Make an invitation").click()
    address = page.get_by_label("The link").input_value()
    expect(row(page, "a colleague")).to_contain_text("open until")

    mira = lived.people.arrive(address)
    mira.get_by_label("Name", exact=True).fill("mira")
    mira.get_by_label("Password").fill("short")
    mira.get_by_role("button", name="Make the account").click()
    expect(mira.get_by_role("alert")).to_be_visible()
    mira.get_by_label("Password").fill(PASSWORD)
    mira.get_by_role("button", name="Make the account").click()
    told(mira, "Welcome.")
    second = lived.people.arrive(address)
    expect(second.get_by_text("This invitation was accepted, taken back, is too old, or is not whole.")).to_be_visible()
    to(page, "Readers")
    expect(row(page, "a colleague")).to_contain_text("accepted by mira")

    row(page, "mira").get_by_role("button", name="Make curator: mira").click()
    told(page, "mira is a curator now")
    to_paper(mira)
    mira.get_by_label("Recommend it to everyone").fill("Worth an hour")
    mira.get_by_role("button", name="Pick for everyone").click()
    expect(mira.get_by_text("Picked by mira: Worth an hour")).to_be_visible()
    go(page, "Everyone")
    page.get_by_role("link", name="Picks").click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.locator("article .kicker")).to_contain_text("Picked by mira")
    assert listed(page) == [TALKED_OF.title]

    foot(page, "Owner")
    to(page, "Moderation")
    page.get_by_role("button", name=f"Take back: {TALKED_OF.title}").click()
    told(page, "The pick is taken back.")
    to(page, "Readers")
    row(page, "mira").get_by_role("button", name="Shut out: mira").click()
    told(page, "mira is shut out, everywhere and at once. Nothing of theirs is deleted.")
    mira.reload()
    expect(mira.get_by_role("link", name="Account")).to_have_count(0)
    mira.goto(lived.people.here)
    enter(mira, "mira", PASSWORD)
    expect(mira.get_by_role("alert")).to_be_visible()
    row(page, "mira").get_by_role("button", name="Let in again: mira").click()
    told(page, "mira may come in again.")
    enter(mira, "mira", PASSWORD)
    expect(mira.get_by_role("navigation", name="Main")).to_be_visible()

    page.get_by_role("button", name="Make an invitation").click()
    unused = page.get_by_label("The link").input_value()
    row(page, "nobody named").get_by_role("button", name="Take back").click()
    told(page, "The invitation is taken back: its link is dead.")
    late = lived.people.arrive(unused)
    expect(late.get_by_text("This invitation was accepted, taken back")).to_be_visible()
    with lived.database.read() as session:
        known = readers.by_name(session, "mira")
        assert known is not None
        assert known.is_curator
        assert curators.by_papers(session, [TALKED_OF.id]) == {}
        assert [one.used_by for one in invitations.listing(session, now=lived.now)] == ["mira"]


def test_a_model_is_made_live_and_taken_back(lived: Life) -> None:
    for hours, version in enumerate(("20260518", "20260519", "20260520")):
        untrained = model.blend_ranker(version=version)
        facts = {"kind": "boosted", "schema": untrained.schema, "papers": 19, "now": NOW + timedelta(minutes=hours)}
        scores = {"model": {"ndcg@10": [0.7 + hours / 100, 0.68, 0.76]}, "newest": {"ndcg@10": [0.4, None, None]}}
        report = {"report": {"slices": {"all": {"pages": 90, "scores": scores, "differences": {}}}}}
        with lived.database.write() as session:
            artifacts.add(session, lived.settings.models_folder, version, model.dump(untrained), report=report, **facts)
            if version == "20260518":
                artifacts.promote(session, version, now=NOW, reason="the first one")
    page = come_in(lived, "Models")
    expect(page.get_by_text("Pages are ordered by 20260518. Before it, blend-19 did.")).to_be_visible()
    expect(page.get_by_role("img", name="nDCG@10 on held-out pages, version by version")).to_be_visible()
    expect(row(page, "20260520")).to_contain_text("0.7200 0.6800 to 0.7600")
    (lived.settings.models_folder / "20260519.json").write_text("{}")
    page.get_by_role("link", name="20260519").click()
    expect(page.get_by_text("cannot be used:")).to_be_visible()
    expect(page.get_by_role("link", name="Make it live …")).to_have_count(0)
    page.get_by_role("link", name="All versions").click()
    page.get_by_role("link", name="20260520").click()
    page.get_by_role("link", name="Make it live …").click()
    expect(page.get_by_text("It takes the place of 20260518, which is kept: going back is one press.")).to_be_visible()
    page.get_by_role("button", name="Make it live").click()
    told(page, "20260520 is live.")
    go(page, "Today")
    expect(page.get_by_text("Ordered by the model trained on 20 May")).to_be_visible()

    foot(page, "Owner")
    to(page, "Models")
    page.get_by_role("link", name="Go back …").click()
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_text("Pages are ordered by 20260520. Before it, 20260518 did.")).to_be_visible()
    page.get_by_role("link", name="Go back …").click()
    page.get_by_role("button", name="Go back").click()
    told(page, "20260520 is withdrawn, and 20260518 is live again.")
    expect(row(page, "20260520")).to_contain_text("withdrawn")
    with lived.database.read() as session:
        assert artifacts.current(session) == "20260518"


def test_a_reported_remark_is_judged(lived: Life) -> None:
    for name in ("ada", "ben"):
        lived.settle(name)
    ada, ben = lived.sign_in("ada"), lived.sign_in("ben")
    to_paper(ada)
    ada.get_by_label("Your remark").fill("Buy my book.")
    ada.get_by_role("button", name="Say it").click()
    expect(ada.locator(".thread")).to_contain_text("Buy my book.")
    to_paper(ben)
    ben.get_by_role("link", name="Report the remark of ada").click()
    ben.get_by_label("What is wrong with it").fill("It sells something")
    ben.get_by_role("button", name="Report it").click()
    told(ben, "Reported. Whoever runs this Broadsheet will look at it.")
    ben.locator(".thread summary").filter(has_text="Answer").click()
    ben.get_by_label("Your answer").fill("Please do not.")
    ben.get_by_role("button", name="Answer", exact=True).click()
    expect(ben.locator(".thread")).to_contain_text("answers ada")

    page = come_in(lived)
    page.get_by_role("link", name="1 reported remark waits for your word.").click()
    expect(page.get_by_role("main")).to_contain_text("ben: It sells something")
    page.get_by_role("button", name="Take it away").click()
    told(page, "The remark is taken away. It can be put back below.")
    for reader in (ada, ben):
        to_paper(reader)
        expect(reader.locator(".thread")).to_contain_text("Taken away by whoever runs this Broadsheet.")
        expect(reader.get_by_text("Buy my book.")).to_have_count(0)
    page.get_by_role("button", name="Put it back").click()
    told(page, "The remark is back.")
    ben.reload()
    expect(ben.locator(".thread")).to_contain_text("Buy my book.")
    to(page, "Overview")
    expect(page.get_by_text("Nothing needs you.")).to_be_visible()
    with lived.database.read() as session:
        assert comments.reports_open(session) == []
        assert [remark.removed_at for remark in comments.thread(session, TALKED_OF.id)] == [None, None]


def test_what_became_of_the_mail_is_told(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ada", "ben"):
        made = lived.settle(name, email=f"{name}@example.org")
        with lived.database.write() as session:
            due = NOW + timedelta(minutes=5 if name == "ada" else 30)
            accounts.set_digest(session, made.id, Schedule(8), on=True, next_at=due)
    page = come_in(lived, "Mail")
    expect(page.get_by_text("2 readers want a digest.")).to_be_visible()
    expect(page.get_by_text("No digest has been due yet.")).to_be_visible()
    lived.wait(minutes=10)
    assert [message["To"] for message in lived.mail.sent] == ["ada <ada@example.org>"]

    def refuse(_message: object, **_how: object) -> None:
        raise MailError("the mail server does not take it: write to ben@example.org")

    monkeypatch.setattr(lived.mail, "send", refuse)
    lived.wait(minutes=30)
    page.reload()
    expect(row(page, "20 May").first).to_contain_text("11")
    lines = page.get_by_role("region", name="One by one, newest first").get_by_role("row")
    expect(lines).to_have_count(3)
    page.get_by_role("link", name="failed 1", exact=True).click()
    expect(lines).to_have_count(2)
    expect(lines.last).to_contain_text("ben")
    assert "ben@" not in page.content(), "an address is nobody's business"
    page.get_by_label("Reader").select_option("ben")
    page.get_by_role("button", name="Send nothing more").click()
    told(page, "Nothing more is sent to the address of ben")
    expect(page.get_by_role("region", name="Left alone").get_by_role("row").last).to_contain_text("you said so")
    page.get_by_role("button", name="Send again: ben").click()
    told(page, "Digests go to ben again, from the next one on.")
    expect(page.get_by_text("No reader is left alone.")).to_be_visible()
    to(page, "Overview")
    page.get_by_role("link", name="1 digest failed within two days.").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mail")
    with lived.database.read() as session:
        assert [line.status for line in digests.recent(session)] == ["failed", "sent"]

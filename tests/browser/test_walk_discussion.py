"""The story of a paper that somebody brings in: asked for, fetched, read by others, spoken about, changed, answered and reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from factories import DAY, make_edition, make_paper
from guests import go, told
from lives import Life, foot, life, one, shown
from playwright.sync_api import Browser, Locator, Page, expect

from recommender.settings import Settings
from recommender.store import comments, submissions, wanted
from recommender.store.db import Database

pytestmark = pytest.mark.browser

BROUGHT = make_paper(
    4321, topic="proofs", title="Regret of $n$ gardeners", edition=DAY, authors=("Emmy Noether", "Second Writer")
)
NUMBER = BROUGHT.id.removeprefix("arxiv:")
HOSTILE = "Is <b>Lemma 3</b> right?\n\nSee https://example.org/lemma."


@pytest.fixture
def lived(browser: Browser, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A house with one edition, and an arXiv that knows one paper more."""
    with life(browser, database, settings, monkeypatch) as made:
        made.announced, made.known = make_edition(per_topic=3), [BROUGHT]
        made.pass_to(DAY)
        yield made


def remark(page: Page, text: str) -> Locator:
    """One remark of the discussion."""
    return page.locator("li.remark").filter(has_text=text)


def submit(page: Page, written: str) -> None:
    page.get_by_label("arXiv id or link").fill(written)
    page.get_by_role("button", name="Submit", exact=True).click()


def test_a_paper_is_brought_in_and_spoken_about(lived: Life) -> None:
    ada_has = lived.settle("Ada", email="ada@example.org")
    lived.settle("Ben")
    ada, ben = lived.sign_in("Ada"), lived.sign_in("Ben")

    # What is no id is refused, what is not stored is asked for, what is unknown everywhere is given up.
    foot(ada, "Submit a paper")
    submit(ada, "the gardeners' paper")
    expect(ada.get_by_role("alert")).to_contain_text("Not an arXiv id or link")
    expect(ada.get_by_label("arXiv id or link")).to_have_value("the gardeners' paper")
    submit(ada, f"https://arxiv.org/abs/{NUMBER}v1")
    told(ada, "It is not stored here yet: it is fetched from arXiv within minutes, and appears below.")
    asked = ada.get_by_role("region", name="Asked for")
    expect(asked.get_by_role("listitem")).to_have_count(1)
    expect(asked).to_contain_text("it is fetched within minutes")
    submit(ada, "2601.00009")
    lived.wait(minutes=6)
    ada.reload()
    expect(asked).to_contain_text("Not found yet, and looked for again: arXiv knows no such paper, or it was withdrawn")
    asked.get_by_role("button", name="Withdraw").click()
    expect(asked).to_have_count(0)

    # It is there for everybody, with the name of who brought it in.
    brought = ada.get_by_role("region", name="Brought in by you")
    brought.get_by_role("link").click()
    heading = ada.get_by_role("heading", level=1)
    expect(heading).to_contain_text("gardeners")
    expect(ada.get_by_text("submitted by Ada")).to_be_visible()
    go(ben, "Today")
    expect(one(ben, BROUGHT.id)).to_contain_text("submitted by Ada")
    assert len(shown(ben)) == 6 * 3 + 1
    go(ben, "Everyone")
    expect(one(ben, BROUGHT.id)).to_contain_text("submitted by Ada")

    # Somebody else who brings it in learns who was first.
    foot(ben, "Submit a paper")
    submit(ben, NUMBER)
    told(ben, "was brought in by Ada first.")
    expect(ben.get_by_role("heading", level=1)).to_contain_text("gardeners")

    # It is spoken about: words stay words, an address becomes a link.
    ada.get_by_label("Your remark").fill(HOSTILE)
    ada.get_by_role("button", name="Say it").click()
    expect(remark(ada, "Is <b>Lemma 3</b> right?")).to_be_visible()
    expect(remark(ada, "Lemma 3").get_by_role("link", name="https://example.org/lemma")).to_be_visible()
    ada.get_by_label("Your remark").fill("  \n ")
    ada.get_by_role("button", name="Say it").click()
    expect(ada.get_by_role("alert")).to_have_text("There is nothing in it yet. Write something first.")
    ada.get_by_role("link", name="Back to the paper").click()

    ben.reload()
    mine = remark(ben, "Lemma 3")
    mine.get_by_text("Answer", exact=False).first.click()
    mine.get_by_label("Your answer").fill("It is, for odd $n$.")
    mine.get_by_role("button", name="Answer").click()
    answer = remark(ben, "It is, for odd $n$.")
    expect(answer).to_contain_text("answers Ada")
    expect(answer.get_by_role("link", name="Change or delete")).to_be_visible()

    # Its author may change it for a while, and everybody sees that it was changed.
    lived.wait(minutes=5)
    ada.reload()
    remark(ada, "Lemma 3").get_by_role("link", name="Change or delete").click()
    ada.get_by_label("Your remark").fill("Is Lemma 4 right?")
    ada.get_by_role("button", name="Change it").click()
    expect(remark(ada, "Is Lemma 4 right?")).to_contain_text("changed 20 May")
    expect(remark(ada, "It is, for odd")).to_contain_text("answers Ada")
    lived.wait(minutes=20)
    ada.reload()
    expect(remark(ada, "Lemma 4").get_by_role("link", name="Delete")).to_be_visible()
    expect(remark(ada, "Lemma 4").get_by_role("link", name="Change or delete")).to_have_count(0)
    (letter,) = [sent for sent in lived.mail.sent if "ada@example.org" in sent["To"]]
    assert "It is, for odd $n$." in letter.get_content()

    # It is reported, and whoever runs the house reads why.
    ben.reload()
    remark(ben, "Lemma 4").get_by_role("link", name="Report").click()
    ben.get_by_label("What is wrong with it").fill("There is no Lemma 4")
    ben.get_by_role("button", name="Report it").click()
    told(ben, "Reported. Whoever runs this Broadsheet will look at it.")
    owner = lived.people.arrive(lived.people.link)
    foot(owner, "Owner")
    owner.get_by_role("link", name="Moderation").first.click()
    expect(owner.get_by_text("There is no Lemma 4")).to_be_visible()
    owner.get_by_role("button", name="Take it away").click()
    ben.reload()
    expect(ben.get_by_text("Taken away by whoever runs this Broadsheet.")).to_be_visible()
    expect(ben.get_by_text("Lemma 4")).to_have_count(0)
    expect(remark(ben, "It is, for odd")).to_be_visible()

    # The author of the answer takes it back; nothing of it is left.
    remark(ben, "It is, for odd").get_by_role("link", name="Delete").click()
    ben.get_by_role("button", name="Delete this remark").click()
    told(ben, "Your remark is deleted.")
    expect(ben.get_by_text("Nobody has said anything yet.")).to_be_visible()
    owner.get_by_role("button", name="Put it back").click()
    expect(owner.get_by_text("No remark waits for your word.")).to_be_visible()
    ben.reload()
    expect(remark(ben, "Is Lemma 4 right?")).to_be_visible()

    with lived.database.read() as session:
        first = submissions.by_papers(session, [BROUGHT.id])[BROUGHT.id]
        thread = comments.thread(session, BROUGHT.id)
        wishes = [(wish.paper_id, wish.state) for wish in wanted.of_reader(session, ada_has.id, purpose="submit")]
    assert (first.reader_id, first.name) == (ada_has.id, "Ada")
    assert wishes == [(BROUGHT.id, "here")]
    assert [(said.reader_id, said.text, said.removed_by) for said in thread] == [(ada_has.id, "Is Lemma 4 right?", "")]

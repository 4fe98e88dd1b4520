"""How a digest says it: a subject that tells, text and HTML of the same content, whatever the titles hold, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import html5lib
import pytest
from factories import DAY, make_paper
from mornings import ASKED, LIKED, MORNINGS, Morning, body, followed, placed

from recommender.errors import MailError
from recommender.settings import Settings
from recommender.store import accounts, curators
from recommender.store.db import Database
from recommender.types import Paper
from web.digest import Draft, NothingToSend
from web.links import Signer

LINK = re.compile(r"http://127\.0\.0\.1:8020(/m/(\w+)/([\w.-]+))")
YESTERDAY = DAY - timedelta(days=1)
LIVES = 10**9  # seconds: links are read at once here


@pytest.fixture
def morning(database: Database, settings: Settings) -> Morning:
    return Morning(database, settings)


@pytest.fixture(params=MORNINGS)
def drafted(request: pytest.FixtureRequest, morning: Morning) -> Draft:
    """The digest of each of the mornings there are."""
    return MORNINGS[request.param](morning)


class Html(HTMLParser):
    """What a page of HTML is made of.

    Attributes
    ----------
    seen : list of str
        The texts that are shown.
    tags : list of (str, dict)
    links : dict of str to str
        Address to text.
    headings : list of (int, str)
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.links: dict[str, str] = {}
        self.headings: list[tuple[int, str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.tags.append((tag, facts))
        if tag in ("a", "h1", "h2", "h3", "style", "title"):
            self._open.append((tag, facts.get("href") or ""))
            if tag.startswith("h"):
                self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        within = [tag for tag, _ in self._open]
        if "style" in within or "title" in within:
            return
        if data.strip():
            self.seen.append(" ".join(data.split()))
        for tag, href in self._open:
            if tag == "a":
                self.links[href] = self.links.get(href, "") + data
        if self.headings and any(tag.startswith("h") for tag in within):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)


def titles(draft: Draft) -> list[str]:
    """The titles of the plain text, from the top."""
    return re.findall(r"^ ?\d+\. (.*)$", body(draft.message), re.M)


def tokens(draft: Draft, kind: str = "plain") -> list[tuple[str, str]]:
    """What the links of a part are for, and their tokens."""
    return [(purpose, token) for _path, purpose, token in LINK.findall(body(draft.message, kind))]


def one(morning: Morning, *papers: Paper, **facts: object) -> Draft:
    """The digest of a reader whose page these papers are."""
    reader = morning.reader(**facts)
    morning.announce(*papers)
    morning.lay(reader, *(placed(paper) for paper in papers))
    return morning.write(reader, last_edition=YESTERDAY)


# What is written


@pytest.mark.parametrize("name", MORNINGS)
def test_golden(name: str, morning: Morning, golden: Callable[[str, str], None]) -> None:
    message = MORNINGS[name](morning).message
    without_tokens = partial(re.sub, r"(/m/\w+/)[\w.-]+", r"\1TOKEN")
    golden(f"digest-{name}.txt", f"{message['Subject']}\n\n{without_tokens(body(message))}")
    golden(f"digest-{name}.html", without_tokens(body(message, "html")))


def test_both_parts_show_the_same_papers(drafted: Draft) -> None:
    text, page = body(drafted.message), Html(body(drafted.message, "html"))
    shown = [" ".join(heading.split()) for level, heading in page.headings if level > 1]
    lines = " ".join(text.split())
    assert all(heading in lines or heading[:40] in text for heading in shown)
    assert len(drafted.item_ids) == len(titles(drafted)) == [tag for tag, _ in page.tags].count("li")
    assert sorted(tokens(drafted)) == sorted(tokens(drafted, "html"))


@pytest.mark.parametrize(
    ("count", "every", "subject"),
    [
        (1, "day", "Graph transformers"),
        (2, "day", "Graph transformers and 1 more"),
        (4, "day", "Graph transformers and 3 more"),
        (4, "week", "Your week: Graph transformers and 3 more"),
    ],
)
def test_the_subject_names_the_first_paper_and_how_many_more(morning: Morning, count: int, every: str, subject: str) -> None:
    papers = [make_paper(number, title="Graph transformers") for number in range(1, count + 1)]
    assert one(morning, *papers, digest_every=every).message["Subject"] == subject


def test_the_subject_names_an_author_the_reader_follows_and_is_cut_at_a_word(morning: Morning) -> None:
    reader = morning.reader()
    long = make_paper(1, title="Graph transformers " * 10, authors=("Ada Lovelace",))
    morning.announce(long, make_paper(2))
    morning.lay(reader, placed(long, followed("Ada Lovelace")), placed(make_paper(2), ASKED))
    subject = morning.write(reader, last_edition=YESTERDAY).message["Subject"]
    assert subject == "Ada Lovelace: Graph transformers Graph transformers Graph transformers Graph… and 1 more"


def test_beside_the_subject_a_mail_program_shows_what_else_there_is(morning: Morning) -> None:
    page = Html(body(one(morning, *(make_paper(n, title=f"Paper {n}") for n in range(1, 7))).message, "html"))
    assert page.seen[0] == "Also: Paper 2 · Paper 3 · Paper 4"
    alone = Html(body(one(Morning(morning.database, morning.settings), make_paper(1, title="Alone"), name="bob").message, "html"))
    assert alone.seen[0].startswith("Broadsheet for")


def test_papers_of_days_that_were_missed_are_no_part_of_the_page(morning: Morning) -> None:
    message = MORNINGS["missed"](morning).message
    assert message["Subject"] == "Of today and 1 more"
    assert "The first 1 of 48 papers, in your order." in body(message)


def test_a_paper_has_links_to_vote_to_read_and_straight_to_its_source(morning: Morning) -> None:
    paper = make_paper(1, pdf_url="https://arxiv.org/pdf/1", code_url="https://code.example/1")
    draft, signer = one(morning, paper), Signer("an example of a secret, 32 characters")
    page = Html(body(draft.message, "html"))
    item = {"r": 1, "i": draft.item_ids[0]}
    signed = {
        text: signer.read(href.split("/")[-2], href.split("/")[-1], LIVES) for href, text in page.links.items() if "/m/" in href
    }
    assert signed == {
        paper.title: item,
        "More like this": {**item, "k": "upvote"},
        "Less like this": {**item, "k": "downvote"},
        "Another hour, weekly, or a pauseStop these mails": {"r": 1},  # both lead to one page
    }
    straight = {text: href for href, text in page.links.items() if "/m/" not in href}
    assert straight == {
        "PDF": "https://arxiv.org/pdf/1",
        "Code": "https://code.example/1",
        "The whole page": "http://127.0.0.1:8020/day/2026-05-20",
    }
    assert [purpose for purpose, _ in tokens(draft)] == ["read", "vote", "vote", "leave", "leave"]


def test_a_link_says_of_which_paper_it_is_to_who_does_not_see_it(morning: Morning) -> None:
    page = Html(body(one(morning, make_paper(1, title="Of <graphs>"), make_paper(2, title="Of robots")).message, "html"))
    named = [facts["aria-label"] for tag, facts in page.tags if tag == "a" and "aria-label" in facts]
    assert named == [
        f"{what}: Of {whom}" for whom in ("<graphs>", "robots") for what in ("More like this", "Less like this", "Abstract")
    ]


def test_a_curators_pick_says_so(morning: Morning) -> None:
    paper, friend = make_paper(1), morning.reader("ben")
    morning.announce(paper)
    with morning.database.write() as session:
        accounts.set_curator(session, friend.id, is_curator=True)
        curators.pick(session, paper.id, friend.id, "Worth an hour", now=morning.now)
    assert "Picked by ben" in body(one(morning, paper).message)


def test_who_sends_it_and_why_stands_at_its_foot(drafted: Draft) -> None:
    said = body(drafted.message).rstrip().rpartition("\n\n")[2]
    assert "127.0.0.1:8020" in said  # in words of the reader's language
    assert " ".join(said.split()) == Html(body(drafted.message, "html")).seen[-1]
    leave = str(drafted.message["List-Unsubscribe"]).strip("<>")
    assert body(drafted.message).count(leave) == body(drafted.message, "html").count(leave) == 2


# Its envelope


def test_without_an_address_there_is_no_message(morning: Morning) -> None:
    with pytest.raises(MailError, match="account page"):
        one(morning, make_paper(1), email=None)


def test_nothing_to_send_is_raised_before_anything_is_written(morning: Morning) -> None:
    with pytest.raises(NothingToSend, match="broadsheet ingest"):
        morning.write(morning.reader())


def test_a_message_is_known_by_reader_and_day_and_nobody_else_can_name_it(morning: Morning) -> None:
    reader, paper = morning.reader(), make_paper(1)
    morning.announce(paper)
    morning.lay(reader, placed(paper))
    sample = morning.settings.model_copy(update={"edition": "sample"})
    known = [
        str(morning.write(changed, **facts).message["Message-ID"])  # type: ignore[arg-type]  # facts are the keywords it takes
        for changed, facts in (
            (reader, {}),
            (replace(reader, name="renamed"), {"last_edition": YESTERDAY}),
            (reader, {"day": DAY + timedelta(days=1)}),
            (reader, {"signature": "another example of a secret, 40 letters"}),
            (reader, {"settings": sample}),
        )
    ]
    assert known[0] == known[1]
    assert len(set(known)) == 4
    assert re.fullmatch(r"<digest-2026-05-20-r1-[\w-]{20}@127\.0\.0\.1>", known[0])


def test_the_envelope_says_what_is_in_it(drafted: Draft, request: pytest.FixtureRequest) -> None:
    language = "de" if "german" in request.node.name else "en"
    assert drafted.message["Content-Language"] == language
    assert f'<html lang="{language}" dir="ltr">' in body(drafted.message, "html")
    assert str(drafted.message["Feedback-ID"]).startswith("2026-05-20:own:")


def test_a_reader_without_a_language_is_spoken_to_in_that_of_the_house(morning: Morning) -> None:
    web = morning.settings.web.model_copy(update={"language": "de"})
    morning.settings = morning.settings.model_copy(update={"web": web})
    said = {
        name: body(one(morning, make_paper(1), name=name, locale=locale).message)
        for name, locale in (("ada", ""), ("ben", "en"), ("eve", "xx"))
    }
    assert ["Mittwoch, 20. Mai 2026" in text for text in said.values()] == [True, False, True]
    assert "Wednesday, 20 May 2026" in said["ben"]


# Whatever is in it


def test_nothing_in_a_title_or_a_name_is_more_than_text(morning: Morning) -> None:
    message = MORNINGS["hostile"](morning).message
    page = Html(body(message, "html"))
    assert message["Bcc"] is None
    assert message["To"] == '"Eve Bcc: all@example.org <b>" <eve@example.org>'
    assert "\n" not in message["Subject"]
    assert {tag for tag, _ in page.tags} & {"script", "img", "b", "iframe", "link", "form"} == set()
    assert [name for _, facts in page.tags for name in facts if name.startswith("on")] == []
    addresses = [facts["href"] or "" for tag, facts in page.tags if tag == "a"]
    assert all(href.startswith(("http://127.0.0.1:8020/", "https://arxiv.org/", "https://code.example/")) for href in addresses)
    shown = " ".join(page.seen)
    for text in ("<script>alert(1)</script>", "<img src=x onerror=y>", "{{7*7}}", "%(name)s %s"):
        assert text in shown
        assert text in " ".join(body(message).split())
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u0000") & set(unescape(body(message, "html")) + body(message))
    assert "👩‍🔬" in shown


def test_html_needs_nothing_from_elsewhere_and_has_no_mistake(drafted: Draft) -> None:
    text = body(drafted.message, "html")
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    assert parser.errors == []
    page = Html(text)
    assert not [facts for tag, facts in page.tags if "src" in facts or "background" in facts or tag == "link"]
    assert "url(" not in text
    assert "@import" not in text


def test_headings_are_in_order_and_papers_are_counted_through(drafted: Draft) -> None:
    page = Html(body(drafted.message, "html"))
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    starts = [int(facts["start"] or 0) for tag, facts in page.tags if tag == "ol"]
    assert starts == sorted(set(starts))
    assert [int(number) for number in re.findall(r"^ ?(\d+)\. ", body(drafted.message), re.M)] == list(
        range(1, len(drafted.item_ids) + 1)
    )


def test_every_style_stands_in_its_element_and_what_the_dark_changes_in_the_head(drafted: Draft) -> None:
    head, _, rest = body(drafted.message, "html").partition("</head>")
    page = Html(rest)
    assert "prefers-color-scheme: dark" in head
    bare = [
        tag
        for tag, facts in page.tags
        if tag in ("body", "h1", "h2", "h3", "p", "a", "ol", "li", "div") and not facts.get("style")
    ]
    assert bare == []
    for tag, facts in page.tags:
        coloured = "color:#" in (facts.get("style") or "")
        assert not coloured or facts.get("class"), f"{tag} keeps its colour in the dark"


def test_plain_text_is_narrow_but_for_its_links(drafted: Draft) -> None:
    lines = body(drafted.message).splitlines()
    assert [line for line in lines if len(line) > 78 and "http" not in line] == []
    assert max(len(line.encode()) for line in lines) < 998
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize(
    ("title", "encoding"),
    [("Größe: “a · b” 🤖", "7bit"), ("x" * 2000, "7bit"), ("字" * 400, "base64")],
    ids=["few", "long", "many"],
)
def test_a_page_with_few_letters_beyond_ascii_travels_as_it_is(morning: Morning, title: str, encoding: str) -> None:
    message = one(morning, make_paper(1, title=title), locale="de").message
    part = message.get_body(("html",))
    assert part is not None
    assert part["Content-Transfer-Encoding"] == encoding
    assert title[:400] in "".join(Html(str(part.get_content())).seen).replace("\n", "")


@pytest.mark.parametrize("letter", ["A very long title ", '"<&\'>" ', "字", "🤖"], ids=["words", "escaped", "wide", "emoji"])
def test_the_largest_digest_is_not_clipped(morning: Morning, letter: str) -> None:
    reader = morning.reader()
    facts = {"authors": (letter * 80,) * 4, "organization": letter * 200, "categories": (letter * 40,) * 6}
    papers = [make_paper(n, title=letter * 400, code_url="https://x.org/" + "c" * 480, **facts) for n in range(60)]
    morning.announce(*papers)
    morning.lay(reader, *(placed(paper, replace(LIKED, text=letter * 300, template="")) for paper in papers))
    most = morning.settings.model_copy(update={"mail": morning.settings.mail.model_copy(update={"picks": 50})})
    draft = morning.write(reader, settings=most, last_edition=YESTERDAY)
    page = body(draft.message, "html")
    assert len(page.encode()) < 102_000  # more than this, and Gmail shows the beginning only
    assert page.rstrip().endswith("</html>")
    assert len(draft.item_ids) == len(titles(draft)) >= 10
    assert str(draft.message["Subject"]).endswith(f"and {len(draft.item_ids) - 1} more")
    assert f"The first {len(draft.item_ids)} of 48 papers" in body(draft.message)

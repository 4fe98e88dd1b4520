"""Ranked items, papers and words in, cards out: one paper as every list shows it, on the site and in a digest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from recommender.store import comments, curators, events, papers, submissions
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.types import Paper, RankedItem
from web.formulas import uncut
from web.words import and_words, count_words, day_words, number_words, reason_words

__all__ = [
    "Around",
    "Card",
    "Link",
    "anchor",
    "around",
    "card",
    "cards",
    "clip",
    "count_words",
    "day_words",
    "listed",
    "paper_links",
    "web_address",
]

LONGEST_TITLE = 400  # characters; what is longer is an accident or an attack
LONGEST_ABSTRACT = 6000
LEAD = 420  # characters of an abstract that stand in front of "more"
NAMED_AUTHORS = 3
_ANNOUNCED = {"cross": _l("cross-listed"), "replace": _l("new version"), "replace-cross": _l("new version, cross-listed")}
_SIDEWAYS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@dataclass(frozen=True, slots=True)
class Link:
    """One address that a source names for a paper; `name` is `paper`, `pdf`, `code` or `project`."""

    name: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Around:
    """What this Broadsheet's own readers did with a paper: live up-votes, remarks, who brought it in, which curators picked it."""

    upvotes: int = 0
    comments: int = 0
    submitter: str = ""
    picked_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One paper, ready to be shown: plain text throughout, to be escaped by whoever shows it.

    Attributes
    ----------
    paper_id : str
    anchor : str
        The paper's name inside a page: letters, digits and dashes.
    item_id : int or None
        The ranked item, when it comes from a page.
    title : str
    lead, rest : str
        The abstract's beginning and what follows it.
    authors : str
        The first names, and how many more there are.
    author_count : str
        "4 authors".
    organization, submitter, comment : str
        Empty when no source says.
    date : str
        The day of the first version, without the year when it is the current one.
    upvotes, comments : int
        The sources' largest number plus this Broadsheet's own readers; templates leave a zero blank.
    categories : tuple of str
    announced : str
        "cross-listed", "new version" or empty.
    reasons : tuple of str
    explored : bool
    vote : str
        `upvote`, `downvote`, `hide` or empty.
    saved : bool
    links : tuple of Link
        Only addresses of the web; the paper's own first.
    invented : bool
    picked_by : tuple of str
        Curators who recommend it to everyone.
    interest : int
        The interest it was ranked for; 0 for the general taste, or when it comes from no page.
    required : bool
        Whether a rule of the reader put it on top; the first reason then says which.
    remarks : int
        How many of the comments were made here, and can be read here.
    """

    paper_id: str
    anchor: str
    item_id: int | None
    title: str
    lead: str
    rest: str
    authors: str
    author_count: str
    organization: str
    submitter: str
    comment: str
    date: str
    upvotes: int
    comments: int
    categories: tuple[str, ...]
    announced: str
    reasons: tuple[str, ...]
    explored: bool
    vote: str
    saved: bool
    links: tuple[Link, ...]
    invented: bool
    picked_by: tuple[str, ...] = ()
    interest: int = 0
    required: bool = False
    remarks: int = 0

    @property
    def source_link(self) -> Link | None:
        """The paper's own page at its source, if it has one."""
        return next((link for link in self.links if link.name == "paper"), None)


def cards(session: Session, reader_id: int, items: Sequence[RankedItem], *, today: date) -> list[Card]:
    """Return the cards of a page's items, in their order."""
    ids = [item.paper_id for item in items]
    stored = papers.get(session, ids)
    words = events.words(events.of_papers(session, reader_id, ids))
    near = around(session, ids)
    return [
        card(stored[item.paper_id], words.get(item.paper_id, Word()), today=today, here=near[item.paper_id], item=item)
        for item in items
        if item.paper_id in stored
    ]


def listed(session: Session, reader_id: int, ids: Sequence[str], *, today: date) -> list[Card]:
    """Return the cards of stored papers that come from no page, in the given order."""
    stored, near = papers.get(session, ids), around(session, ids)
    words = events.words(events.of_papers(session, reader_id, ids))
    return [card(stored[i], words.get(i, Word()), today=today, here=near[i]) for i in ids if i in stored]


def around(session: Session, ids: Sequence[str]) -> dict[str, Around]:
    """Return what this Broadsheet's own readers did with each of these papers."""
    votes, said = events.upvotes(session, ids), comments.counts(session, ids)
    brought, picked = submissions.by_papers(session, ids), curators.by_papers(session, ids)
    return {
        i: Around(
            upvotes=votes.get(i, 0),
            comments=said.get(i, 0),
            submitter=brought[i].name if i in brought else "",
            picked_by=tuple(pick.name for pick in picked.get(i, ())),
        )
        for i in ids
    }


def card(paper: Paper, word: Word, *, today: date, here: int | Around = 0, item: RankedItem | None = None) -> Card:
    """Return one paper's card.

    Parameters
    ----------
    paper : Paper
    word : Word
        The reader's last word on it.
    today : date
        Tells whether the year of its date goes without saying.
    here : int or Around, default=0
        What this Broadsheet's own readers did with it, or only how many of them up-voted it.
    item : RankedItem, default=None
        Its place on a page, when it comes from one.
    """
    near = here if isinstance(here, Around) else Around(here)
    lead, rest = _split(clip(paper.abstract, LONGEST_ABSTRACT))
    return Card(
        paper_id=paper.id,
        anchor=anchor(paper.id),
        item_id=item.id if item is not None and item.id else None,
        title=clip(paper.title, LONGEST_TITLE),
        lead=lead,
        rest=rest,
        authors=_authors(paper.authors),
        author_count=count_words(len(paper.authors), "author") if paper.authors else "",
        organization=clip(paper.organization or "", 200),
        submitter=clip(paper.submitter or near.submitter, 100),
        comment=clip(paper.comment or "", 300),
        date=day_words(paper.published.date(), today),
        upvotes=(paper.signals.upvotes or 0) + near.upvotes,
        comments=(paper.signals.comments or 0) + near.comments,
        categories=tuple(clip(category, 40) for category in paper.categories[:6]),
        announced=str(_ANNOUNCED.get(paper.announce, "")),
        reasons=tuple(clip(reason_words(reason), 300) for reason in item.reasons) if item is not None else (),
        explored=item is not None and item.explored,
        vote=word.vote.value if word.vote is not None else "",
        saved=word.saved,
        links=paper_links(paper),
        invented=paper.invented,
        picked_by=tuple(clip(name, 100) for name in near.picked_by),
        remarks=near.comments,
        required=item is not None and any(reason.kind == "rule" for reason in item.reasons[:1]),
        interest=item.interest if item is not None else 0,
    )


def anchor(paper_id: str) -> str:
    """Return the name of a paper's place inside a page; it stays when the page is made anew.

    Examples
    --------
    >>> anchor("arxiv:2601.01234")
    'paper-arxiv-2601-01234'
    """
    return "paper-" + re.sub(r"[^A-Za-z0-9]+", "-", paper_id)


def paper_links(paper: Paper) -> tuple[Link, ...]:
    """Return the addresses that sources name for a paper, those of the web only."""
    stars = f" ({count_words(paper.signals.stars, 'star')})" if paper.signals.stars else ""
    named = (
        ("paper", gettext("Abstract"), paper.url),
        ("pdf", "PDF", paper.pdf_url),
        ("code", gettext("Code") + stars, paper.code_url),
        ("project", gettext("Project page"), paper.project_url),
    )
    safe = ((name, label, web_address(url)) for name, label, url in named)
    return tuple(Link(name, label, url) for name, label, url in safe if url)


def clip(text: str, longest: int) -> str:
    r"""Return text on one line, without controls that could turn the line around, cut at a word when it is too long.

    Examples
    --------
    >>> clip("two words", 5), clip("a\u202eb\x00", 9)
    ('two…', 'ab')
    """
    cut = text[: longest * 2]
    kept = cut if cut.isprintable() else "".join(letter for letter in cut if letter.isspace() or _is_plain(letter))
    plain = " ".join(kept.split())
    if len(plain) <= longest:
        return plain
    return (plain[:longest].rsplit(" ", 1)[0] or plain[:longest]) + "…"


def web_address(url: str | None) -> str | None:
    """Return an address only when it is one of the web: never `javascript:`, never a file."""
    if not url or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def _is_plain(letter: str) -> bool:
    return letter not in _SIDEWAYS and unicodedata.category(letter) not in ("Cc", "Cs")


def _authors(names: Sequence[str]) -> str:
    """The first authors, and how many more."""
    shown = [clip(name, 80) for name in names[:NAMED_AUTHORS]]
    more = len(names) - len(shown)
    if more:
        return str(gettext("%(names)s and %(count)s more", names=", ".join(shown), count=number_words(more)))
    return and_words(shown)


def _split(abstract: str) -> tuple[str, str]:
    """The beginning of an abstract, cut where a sentence or at least a word ends, and the rest of it."""
    if len(abstract) <= LEAD * 1.2:
        return abstract, ""
    sentence = max(abstract.rfind(stop, LEAD // 2, LEAD) for stop in (". ", "? "))
    at = sentence + 1 if sentence > 0 else abstract.rfind(" ", LEAD // 2, LEAD)
    at = uncut(abstract, at if at > 0 else LEAD) or LEAD
    return abstract[:at].rstrip(), abstract[at:].strip()

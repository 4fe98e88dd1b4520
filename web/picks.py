"""One paper's card and its links in, the lines by which a digest shows it out: text throughout, in the language that is spoken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from flask_babel import gettext as _

from web.cards import Card, Link, clip
from web.readable import readable
from web.words import and_words, count_words, spoken

__all__ = ["SHORTER", "Pick", "pick"]

SHORTER = (400, 200, 120)  # characters of a title, tried in turn until a digest fits into one message
LABEL_WIDTH = 60  # characters of a title by which a link is told from its neighbours
LONGEST_URL = 500


@dataclass(frozen=True, slots=True)
class Pick:
    """One paper as a digest shows it, to be escaped by the template.

    Attributes
    ----------
    title : str
        Its formulas spelled out.
    short : str
        The title as the paper's links name it to those who do not see them side by side.
    by, facts : tuple of str
        Who wrote it where; date, categories and what else there is to know.
    why : str
    links : tuple of Link
        Straight to the source, noted by nobody: its PDF, or else its page there; its code.
    read_url, up_url, down_url : str
        Links that stand for the reader; no votes where these are empty.
    """

    title: str
    short: str
    by: tuple[str, ...]
    facts: tuple[str, ...]
    why: str
    links: tuple[Link, ...]
    read_url: str
    up_url: str = ""
    down_url: str = ""


def pick(card: Card, why: str, read_url: str, up_url: str = "", down_url: str = "", *, longest: int = SHORTER[0]) -> Pick:
    """Put one paper into the words of a digest.

    Parameters
    ----------
    card : Card
    why : str
        The reason it stands there, or empty.
    read_url, up_url, down_url : str
    longest : int, default=400
        Characters of its title.
    """
    return replace(_lines(card, longest, spoken()), why=readable(why), read_url=read_url, up_url=up_url, down_url=down_url)


@lru_cache(maxsize=4096)
def _lines(card: Card, longest: int, _language: str) -> Pick:
    """Return what is the same for all readers of a language."""
    title = clip(readable(card.title), longest) or str(_("Without a title"))
    named = {link.name: link for link in card.links if len(link.url) <= LONGEST_URL}
    source = named.get("pdf") or named.get("paper")
    return Pick(
        title=title,
        short=clip(title, LABEL_WIDTH),
        by=tuple(clip(one, longest) for one in (card.authors, card.organization) if one),
        facts=tuple(fact for fact in _facts(card) if fact),
        why="",
        links=tuple(link for link in (source, named.get("code")) if link is not None),
        read_url="",
    )


def _facts(card: Card) -> tuple[str, ...]:
    return (
        card.date,
        ", ".join(card.categories[:3]),
        count_words(card.upvotes, "upvote") if card.upvotes else "",
        card.announced,
        str(_("Picked by %(names)s", names=and_words(card.picked_by))) if card.picked_by else "",
        str(_("invented")) if card.invented else "",
    )

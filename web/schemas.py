"""Papers, pages and readers in, the shapes of the API out: what it takes and gives, one model each, from which it is documented."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from recommender.store.events import Word
from recommender.store.interests import Interest
from recommender.store.readers import Reader
from recommender.types import Paper, RankedItem
from web.cards import Around, web_address

__all__ = [
    "Fault",
    "InterestList",
    "ListQuery",
    "Me",
    "Nothing",
    "OneInterest",
    "OnePaper",
    "OwnPage",
    "PageQuery",
    "PaperList",
    "Problem",
    "RankedPaper",
    "ScoredList",
    "ScoredPaper",
    "SearchQuery",
    "SimilarQuery",
    "TrendingQuery",
    "Vote",
    "Voted",
    "interest_out",
    "me_out",
    "paper_out",
    "ranked_out",
]

PAPER_ID = r"^[a-z]{2,12}:[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"
LONGEST_ID = 80


def _whole(value: Any) -> Any:
    """Take a number as an address writes it, and nothing that only resembles one."""
    if isinstance(value, bool) or (isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 10)):
        raise ValueError("write a whole number in digits")
    return value


DAY = r"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class _In(BaseModel):
    """What a client sends: a name that is not known is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class Nothing(_In):
    """What is sent to an operation that takes nothing."""


class Fault(_Out):
    """One thing that is wrong with a request."""

    field: str = Field(description="The parameter or field it is about.")
    message: str


class Problem(_Out):
    """A refusal, as RFC 9457 writes it."""

    type: str = Field("about:blank", description="Always `about:blank`: the status says what kind of problem it is.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do next.")
    errors: list[Fault] = Field(default_factory=list, description="What is wrong, field by field.")


class OnePaper(_Out):
    """One paper, with what readers here and its sources said of it."""

    id: str = Field(description="Namespaced, without version: `arxiv:2601.01234`.")
    title: str
    abstract: str
    authors: list[str]
    organization: str | None
    categories: list[str] = Field(description="Primary first.")
    published: datetime = Field(description="Of the first version.")
    edition: date = Field(description="The day it was announced.")
    source: str
    announced: Literal["new", "cross", "replace", "replace-cross"]
    version: int
    comment: str | None = Field(description="The authors' own remark.")
    url: str | None
    pdf_url: str | None
    code_url: str | None
    project_url: str | None
    submitter: str | None
    picked_by: list[str] = Field(description="Curators who recommend it to everyone.")
    upvotes: int = Field(description="At its sources and here.")
    comments: int = Field(description="At its sources and here.")
    stars: int | None = Field(description="Of its code.")
    vote: Literal["upvote", "downvote", "hide"] | None = Field(description="Yours.")
    saved: bool = Field(description="Whether it is on your shelf.")
    invented: bool = Field(description="Whether it belongs to the sample edition.")


class PaperList(_Out):
    """Some papers of a list."""

    papers: list[OnePaper]
    total: int = Field(description="Papers of the whole list.")
    next: str | None = Field(description="The `cursor` of the next papers; null at the end.")


class ScoredPaper(OnePaper):
    """A paper that was looked for."""

    score: float = Field(description="Comparable within one answer only.")


class ScoredList(_Out):
    """Papers that fit, the best first."""

    papers: list[ScoredPaper]
    next: str | None = Field(description="The `cursor` of the next papers; null at the end.")


class RankedPaper(OnePaper):
    """A paper on a reader's page."""

    rank: int
    item: int = Field(description="Its number on this page: name it in a vote, and the ranking learns from the answer.")
    interest_slug: str | None = Field(description="The interest it was ranked for; null for your general taste.")
    reasons: list[str]
    explored: bool = Field(description="Whether it is shown to learn what else you like.")


class OneInterest(_Out):
    """A named part of your taste."""

    id: int
    name: str
    slug: str = Field(description="What other calls name it by.")
    query: str = Field(description="The search it was made of, or empty.")
    created_at: datetime


class InterestList(_Out):
    """Your interests, in your order."""

    interests: list[OneInterest]


class Me(_Out):
    """Who is asking."""

    name: str
    time_zone: str
    is_owner: bool
    is_curator: bool
    votes_public: bool


class OwnPage(_Out):
    """Your page of one day, as the site shows it."""

    day: date
    interest: OneInterest | None = Field(description="Null when it mixes all of them.")
    model: str = Field(description="What ranked it.")
    made_at: datetime
    candidates: int = Field(description="How many papers were considered.")
    papers: list[RankedPaper]


class Voted(_Out):
    """What is now so."""

    paper: str
    vote: Literal["upvote", "downvote", "hide"] | None
    saved: bool
    upvotes: int
    changed: bool = Field(description="Whether this said anything new.")


class Vote(_In):
    """A vote on a paper; the same one twice is one."""

    paper: str = Field(pattern=PAPER_ID, max_length=LONGEST_ID, description="Its id.")
    kind: Literal["upvote", "downvote", "hide", "clear", "save", "unsave"] = Field(
        description="`hide` is “not interested”; `clear` takes a vote back."
    )
    item: Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_whole)] | None = Field(
        None, description="Its number on a page of yours, when the vote answers that page."
    )
    interest: str | None = Field(
        None,
        max_length=80,
        description="The slug of the interest it speaks for, where `item` does not say it; else your taste as such.",
    )


class _Sliced(_In):
    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(_whole)] = Field(20, description="Most papers in one answer.")


class _Listed(_Sliced):
    category: str = Field("", max_length=60, description="In this category.")
    source: str = Field("", max_length=40, description="Announced by this source.")
    announce: Literal["", "new", "cross", "replace"] = Field("", description="Announced in this way.")
    cursor: str = Field("", max_length=1000, json_schema_extra={"format": "cursor"}, description="`next` of the answer before.")


class ListQuery(_Listed):
    """Which papers, and in which order."""

    date: str = Field("", pattern=DAY, json_schema_extra={"format": "date"}, description="Announced on this day.")
    week: str = Field(
        "", pattern=r"^[12][0-9]{3}-W(0[1-9]|[1-4][0-9]|5[0-3])$", description="Announced in this week: `2026-W21`."
    )
    month: str = Field("", pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", description="Announced in this month: `2026-05`.")
    submitter: str = Field("", max_length=300, description="Brought in by this person, here or at its source.")
    sort: Literal["newest", "trending", "picks"] = Field("newest", description="`picks` are the curators' alone.")


class TrendingQuery(_Listed):
    """Which of the papers that people vote for now."""


class SearchQuery(_Sliced):
    """What is looked for."""

    q: str = Field(min_length=1, max_length=300, description='Words, "phrases in quotation marks", -unwanted words.')
    category: str = Field("", max_length=60, description="In this category, or archive.")
    source: str = Field("", max_length=40, description="Announced by this source.")
    since: str = Field("", pattern=DAY, json_schema_extra={"format": "date"}, description="First version on this day or later.")
    until: str = Field("", pattern=DAY, json_schema_extra={"format": "date"}, description="First version on this day or earlier.")
    exact: Literal["true", "false"] = Field("false", description="Only papers that hold the words.")
    cursor: str = Field("", pattern=r"^[1-9][0-9]{0,2}$", description="`next` of the answer before.")


class SimilarQuery(_In):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=50), BeforeValidator(_whole)] = Field(10, description="Most papers in the answer.")


class PageQuery(_In):
    """Which of your pages."""

    date: str = Field("", pattern=DAY, json_schema_extra={"format": "date"}, description="Of this day; else the newest edition.")
    interest: str = Field("", max_length=80, description="The slug of one interest; else all of them, taking turns.")
    limit: Annotated[int, Field(ge=1, le=500), BeforeValidator(_whole)] = Field(
        60, description="Most papers in the answer, from the top."
    )


def paper_out(paper: Paper, word: Word, near: Around) -> dict[str, Any]:
    """Return the fields of `OnePaper`."""
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "organization": paper.organization,
        "categories": list(paper.categories),
        "published": paper.published,
        "edition": paper.edition,
        "source": paper.source,
        "announced": paper.announce,
        "version": paper.version,
        "comment": paper.comment,
        "url": web_address(paper.url),
        "pdf_url": web_address(paper.pdf_url),
        "code_url": web_address(paper.code_url),
        "project_url": web_address(paper.project_url),
        "submitter": paper.submitter or near.submitter or None,
        "picked_by": list(near.picked_by),
        "upvotes": (paper.signals.upvotes or 0) + near.upvotes,
        "comments": (paper.signals.comments or 0) + near.comments,
        "stars": paper.signals.stars,
        "vote": word.vote.value if word.vote is not None else None,
        "saved": word.saved,
        "invented": paper.invented,
    }


def ranked_out(facts: dict[str, Any], item: RankedItem, slugs: dict[int, str]) -> RankedPaper:
    """Return a paper on a page; `facts` are those of `paper_out`."""
    return RankedPaper(
        **facts,
        rank=item.position,
        item=item.id,
        interest_slug=slugs.get(item.interest),
        reasons=[reason.text for reason in item.reasons],
        explored=item.explored,
    )


def interest_out(own: Interest) -> OneInterest:
    """Return an interest."""
    return OneInterest(id=own.id, name=own.name, slug=own.slug, query=own.query, created_at=own.created_at)


def me_out(reader: Reader) -> Me:
    """Return who is asking."""
    return Me(
        name=reader.name,
        time_zone=reader.time_zone,
        is_owner=reader.is_owner,
        is_curator=reader.is_curator,
        votes_public=reader.votes_public,
    )

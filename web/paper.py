"""A paper's id in, its own page out: the whole text and what changed in it, its people, its neighbours, what readers say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender import find
from recommender.errors import StoreError
from recommender.store import authors, comments, curators, events, interests, likes, papers, provenance, rules, shelf
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Paper, Rule
from web.auth import login_required, state
from web.cards import Card, clip, listed
from web.changes import Piece, changes
from web.links import safe_next
from web.remarks import Remark, remarks
from web.tastes import Taste, tastes

__all__ = ["blueprint"]

AUTHORS_LISTED = 300
CHANGES_SHOWN = 6
VERSIONS_LINKED = 30

blueprint = Blueprint("paper", __name__)


@dataclass(frozen=True, slots=True)
class Person:
    """An author as a link: the name, the key of their page, and whether this reader follows them."""

    name: str
    key: str
    followed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What a newer text changed: which version it replaced and when, and the words of title and abstract."""

    version: int
    at: datetime
    title: list[Piece]
    abstract: list[Piece]


@dataclass(frozen=True, slots=True)
class Whole:
    """All that the template of one paper's page needs.

    Attributes
    ----------
    paper : Paper
    card : Card
    people : list of Person
    more_authors : int
        Authors that are not listed.
    organization_key : str
    follows_organization : bool
    changes : list of Change
        Newest first.
    sources : list of Announced
    voters : list of str
        Readers who up-voted it and let others see that.
    picks : tuple of Pick
    thread : list of Remark
    remarks_more : int
        Newer remarks that are not shown.
    similar : list of Card
    tastes : list of Taste
        The reader's interests, the general one first.
    votes : dict of int to str
        Interest -> the reader's standing vote for it, where there is one.
    place : Place
        Where it stands on the reader's shelf.
    never : Rule or None
        The reader's rule that nothing like this is to be shown.
    shared : bool
        Whether other readers can see it.
    """

    paper: Paper
    card: Card
    people: list[Person]
    more_authors: int
    organization_key: str
    follows_organization: bool
    changes: list[Change]
    sources: list[provenance.Announced]
    voters: list[str]
    picks: tuple[curators.Pick, ...]
    thread: list[Remark]
    remarks_more: int
    similar: list[Card]
    tastes: list[Taste]
    votes: dict[int, str]
    place: shelf.Place
    never: Rule | None
    shared: bool

    @property
    def liked_for(self) -> list[str]:
        """What the interests are called for which the reader likes it."""
        return [taste.name for taste in self.tastes if self.votes.get(taste.id) == "upvote"]

    @property
    def versions(self) -> list[tuple[int, str]]:
        """Number and address of each version, where its source keeps them."""
        newest = self.paper.version
        if not self.paper.id.startswith("arxiv:") or newest < 2 or self.paper.url is None:
            return []
        base = f"https://arxiv.org/abs/{self.paper.id.removeprefix('arxiv:')}"
        return [(number, f"{base}v{number}") for number in range(max(newest - VERSIONS_LINKED, 0) + 1, newest + 1)]


@blueprint.get("/paper/<path:paper_id>")
@login_required
def one(reader: Reader, paper_id: str) -> ResponseReturnValue:
    """Show one paper."""
    app, now = state(), state().clock()
    with app.database.read() as session:
        paper = _open_paper(session, reader, paper_id)
        whole = _whole(session, reader, paper, now, window=timedelta(minutes=app.settings.web.edit_minutes))
    return render_template("paper.html", whole=whole, paper=paper, card=whole.card, today=now.date())


@blueprint.post("/picks")
@login_required
def pick(reader: Reader) -> ResponseReturnValue:
    """Recommend a paper to everyone with a note, or take that back; only curators can."""
    if not reader.is_curator:
        abort(404)
    paper_id, note = request.form.get("paper", ""), request.form.get("note", "")
    back = safe_next(request.form.get("next") or url_for("paper.one", paper_id=paper_id))
    with state().database.write() as session:
        paper = _open_paper(session, reader, paper_id)
        if paper.source == LIBRARY:
            abort(404)
        try:
            if "back" in request.form:
                curators.take_back(session, paper_id, reader.id)
                flash(_("You no longer recommend this paper."))
            else:
                curators.pick(session, paper_id, reader.id, note, now=state().clock())
                flash(_("You recommend this paper to everyone."))
        except StoreError:
            flash(_("A note has at most %(most)d characters: yours was longer.", most=curators.LONGEST_NOTE), "error")
    return redirect(back, code=303)


def _open_paper(session: Session, reader: Reader, paper_id: str) -> Paper:
    """Return a stored paper that this reader may see."""
    paper = papers.get(session, [paper_id]).get(paper_id)
    if paper is None or not provenance.is_open_to(session, paper, reader.id):
        abort(404, _("There is no such paper here. Papers are stored from the day Broadsheet first read their source."))
    return paper


def _whole(session: Session, reader: Reader, paper: Paper, now: datetime, *, window: timedelta) -> Whole:
    organization = paper.organization or ""
    thread = comments.thread(session, paper.id)
    return Whole(
        paper=paper,
        card=listed(session, reader.id, [paper.id], today=now.date())[0],
        people=_people(session, reader, paper),
        more_authors=max(len(paper.authors) - AUTHORS_LISTED, 0),
        organization_key=authors.key_of(organization),
        follows_organization=rules.find(session, reader.id, "must", "organization", organization) is not None,
        changes=_changes(session, paper),
        sources=provenance.announced(session, paper.id),
        voters=provenance.speak_up(session, paper.id),
        picks=curators.by_papers(session, [paper.id]).get(paper.id, ()),
        thread=remarks(thread, reader, now=now, window=window),
        remarks_more=comments.counts(session, [paper.id]).get(paper.id, 0) - sum(said.removed_at is None for said in thread),
        similar=_similar(session, reader, paper, now.date()),
        tastes=tastes(session, reader),
        votes=_votes(session, reader, paper.id),
        place=shelf.place(session, reader.id, paper.id),
        never=rules.find(session, reader.id, "never", "like", paper.id),
        shared=paper.source != LIBRARY,
    )


def _people(session: Session, reader: Reader, paper: Paper) -> list[Person]:
    held = rules.active(session, reader.id)
    followed = {authors.key_of(rule.value) for rule in held if (rule.action, rule.field) == ("must", "author")}
    named = [(clip(name, 80), authors.key_of(name)) for name in paper.authors[:AUTHORS_LISTED]]
    return [Person(name, key, key in followed) for name, key in named]


def _changes(session: Session, paper: Paper) -> list[Change]:
    """What each newer text changed in the one before it."""
    title, abstract = paper.title, paper.abstract
    found: list[Change] = []
    for text in provenance.earlier(session, paper.id, limit=CHANGES_SHOWN):
        found.append(Change(text.version, text.replaced_at, changes(text.title, title), changes(text.abstract, abstract)))
        title, abstract = text.title, text.abstract
    return found


def _similar(session: Session, reader: Reader, paper: Paper, today: date) -> list[Card]:
    return listed(session, reader.id, [other for other, _near in find.similar(session, paper.id)], today=today)


def _votes(session: Session, reader: Reader, paper_id: str) -> dict[int, str]:
    said = events.of_papers(session, reader.id, [paper_id])
    standing = likes.standing(said, interests.forgotten(session, reader.id))
    return {its: event.kind.value for (_paper, its), event in standing.items()}

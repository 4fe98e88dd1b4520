"""A program's request in, JSON out: the same lists as the site, one paper, search, a reader's page and their votes, as version 1.

Who asks is told by a token, or for reading by the sign-in of the site. What is taken and given is checked by the models of
`web.schemas`, from which the document at `/api/v1/openapi.json` and the manual at `/api` are made. Reading notes nothing as shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import abort, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from recommender import daily, find
from recommender.store import events, interests, lists, pages, papers
from recommender.store.db import Session
from recommender.store.events import Word
from recommender.store.interests import Interest
from recommender.store.lists import Filters
from recommender.store.readers import Reader
from recommender.types import EventKind
from web import schemas
from web.auth import State, state
from web.cards import Around, around
from web.links import absolute
from web.listing import own_page, place_of, place_words, read_stretch, recent
from web.openapi import document
from web.operations import OPERATIONS, PER_MINUTE, ROOT, blueprint, operation

__all__ = ["blueprint"]

DEEPEST = 200  # results of one search that can be paged through


@operation("/me", answer=schemas.Me)
def me(reader: Reader) -> BaseModel:
    """Say who is asking."""
    return schemas.me_out(reader)


@operation("/interests", answer=schemas.InterestList)
def own_interests(reader: Reader) -> BaseModel:
    """List your interests."""
    with state().database.read() as session:
        own = interests.listing(session, reader.id)
    return schemas.InterestList(interests=[schemas.interest_out(one) for one in own])


@operation("/papers", query=schemas.ListQuery, answer=schemas.PaperList, refusals=(404,))
def list_papers(reader: Reader, query: schemas.ListQuery) -> BaseModel:
    """List papers of a day, a week, a month or a submitter, or all of them.

    Where several are named, papers of all of them at once. Newest first, unless `sort` says otherwise; trending papers of no
    named day are those of the newest fortnight.
    """
    app = state()
    first, last = date.min, date.max
    for unit in ("date", "week", "month"):
        if text := getattr(query, unit):
            stretch = read_stretch("day" if unit == "date" else unit, text)
            if stretch is None:
                abort(404, f"There is no {unit} {text}.")
            first, last = max(first, stretch.first), min(last, stretch.last)
    if query.sort == "trending" and first == date.min:
        return _trending(app, reader, query, query.submitter)
    return _list(app, reader, query, first, last, query.sort, query.submitter, None)


@operation("/trending", query=schemas.TrendingQuery, answer=schemas.PaperList, refusals=(404,))
def list_trending(reader: Reader, query: schemas.TrendingQuery) -> BaseModel:
    """List what people vote for now.

    Papers of the newest fortnight, ordered by up-votes here and at their sources, older ones counting less.
    """
    return _trending(state(), reader, query, "")


@operation("/papers/{paper_id}/similar", query=schemas.SimilarQuery, answer=schemas.ScoredList, refusals=(404,))
def list_similar(reader: Reader, query: schemas.SimilarQuery, paper_id: str) -> BaseModel:
    """List papers whose text is nearest to a paper's.

    The score is the cosine of the two texts.
    """
    with state().database.read() as session:
        _stored(session, paper_id)
        scores = dict(find.similar(session, paper_id, k=query.limit))
        return schemas.ScoredList(papers=_scored(session, reader, scores), next=None)


@operation("/papers/{paper_id}", answer=schemas.OnePaper, refusals=(404,))
def one_paper(reader: Reader, paper_id: str) -> BaseModel:
    """Show one paper."""
    with state().database.read() as session:
        _stored(session, paper_id)
        return schemas.OnePaper(**_facts(session, reader, [paper_id])[paper_id])


@operation("/search", query=schemas.SearchQuery, answer=schemas.ScoredList)
def search(reader: Reader, query: schemas.SearchQuery) -> BaseModel:
    """Search everything stored, by words and by meaning.

    An id or a link finds its paper alone. A slice of the results goes on where the one before ended, as long as nothing new
    comes in.
    """
    since, until = (read_stretch("day", text) for text in (query.since, query.until))
    filters = find.Filters(
        categories=(query.category,) if query.category else (),
        source=query.source,
        first=since.first if since is not None else None,
        last=until.first if until is not None else None,
    )
    start = int(query.cursor or 0)
    text = query.q.replace("\x00", " ")
    with state().database.read() as session:
        wanted = min(start + query.limit + 1, DEEPEST)
        known = find.named(session, text)
        if known is not None:
            return schemas.ScoredList(papers=_scored(session, reader, {known: 1.0}), next=None)
        hits = find.search(session, text, filters, wanted, exact=query.exact == "true")
        shown = hits[start : start + query.limit]
        more = str(start + query.limit) if len(hits) > start + query.limit else None
        return schemas.ScoredList(papers=_scored(session, reader, {hit.paper_id: hit.score for hit in shown}), next=more)


@operation("/page", query=schemas.PageQuery, answer=schemas.OwnPage, refusals=(404,))
def own_day(reader: Reader, query: schemas.PageQuery) -> BaseModel:
    """Show your page of a day, ranked for you.

    It is the very page that the site shows. Reading it here notes nothing as shown.
    """
    app = state()
    with app.database.read() as session:
        day = _day(session, app, query.date)
        own = _interest(session, reader, query.interest)
    page = own_page(app, reader.id, day, own.id if own is not None else 0)
    shown = page.items[: query.limit]
    with app.database.read() as session:
        facts = _facts(session, reader, [item.paper_id for item in shown])
        slugs = {one.id: one.slug for one in interests.listing(session, reader.id)}
    return schemas.OwnPage(
        day=page.day,
        interest=schemas.interest_out(own) if own is not None else None,
        model=page.model,
        made_at=page.built_at,
        candidates=page.candidates,
        papers=[schemas.ranked_out(facts[item.paper_id], item, slugs) for item in shown if item.paper_id in facts],
    )


@operation("/votes", method="POST", body=schemas.Vote, answer=schemas.Voted, refusals=(404, 409))
def vote(reader: Reader, said: schemas.Vote) -> BaseModel:
    """Vote on a paper, take a vote back, save it or take it off the shelf.

    The same vote twice is one. It moves your page at once.
    """
    app, kind = state(), EventKind(said.kind)
    with app.database.write() as session:
        _stored(session, said.paper)
        own = _interest(session, reader, said.interest or "")
        answered = own.id if own is not None else 0
        if said.item is not None:
            found = pages.item(session, said.item)
            if found is None or found[0].reader_id != reader.id:
                abort(404, "There is no such item on a page of yours.")
            if found[1].paper_id != said.paper:
                abort(409, f"That item is {found[1].paper_id}, not {said.paper}.")
            answered = found[1].interest
        changed = events.say(session, reader.id, said.paper, kind, at=app.clock(), item_id=said.item, interest=answered)
        facts = _facts(session, reader, [said.paper])[said.paper]
    return schemas.Voted(paper=said.paper, vote=facts["vote"], saved=facts["saved"], upvotes=facts["upvotes"], changed=changed)


@blueprint.get(f"{ROOT}/openapi.json")
def description() -> ResponseReturnValue:
    """Describe the API to programs; nothing in it is anybody's."""
    return jsonify(_document())


@blueprint.get("/api")
def manual() -> ResponseReturnValue:
    """Describe the API to people, from the same document."""
    told = _document()
    address, models = absolute(state().settings, ROOT), told["components"]["schemas"]
    return render_template("api.html", document=told, root=ROOT, limit=PER_MINUTE, models=models, address=address)


def _document() -> dict[str, Any]:
    cookie = str(current_app.config["SESSION_COOKIE_NAME"])
    return document(OPERATIONS, title="Broadsheet", version="1", server=ROOT, cookie=cookie)


def _trending(app: State, reader: Reader, query: Any, submitter: str) -> BaseModel:
    place = place_of(query.cursor) if query.cursor else None
    with app.database.read() as session:
        stretch = recent(session, (place.as_of if place is not None else app.clock()).date())
    return _list(app, reader, query, stretch.first, stretch.last, "trending", submitter, stretch.half_life_days)


def _list(
    app: State, reader: Reader, query: Any, first: date, last: date, order: str, submitter: str, half_life_days: float | None
) -> BaseModel:
    place = place_of(query.cursor) if query.cursor else None
    if query.cursor and place is None:
        abort(404, "There is no such place in a list: send the `next` of the answer before, as it is.")
    plain = {name: text.replace("\x00", "") for name, text in (("category", query.category), ("source", query.source))}
    filters = Filters(plain["category"], plain["source"], query.announce, submitter.replace("\x00", ""))
    with app.database.read() as session:
        found = lists.listed(
            session,
            first,
            last,
            order=order,
            now=app.clock(),
            k=query.limit,
            filters=filters,
            after=place,
            half_life_days=half_life_days,
        )
        facts = _facts(session, reader, found.ids)
    shown = [schemas.OnePaper(**facts[paper_id]) for paper_id in found.ids]
    return schemas.PaperList(papers=shown, total=found.total, next=place_words(found.after) if found.after is not None else None)


def _facts(session: Session, reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields of papers, as this reader sees them."""
    stored, near = papers.get(session, ids), around(session, ids)
    words = events.words(events.of_papers(session, reader.id, ids))
    return {i: schemas.paper_out(stored[i], words.get(i, Word()), near.get(i, Around())) for i in ids if i in stored}


def _scored(session: Session, reader: Reader, scores: dict[str, float]) -> list[schemas.ScoredPaper]:
    facts = _facts(session, reader, list(scores))
    return [schemas.ScoredPaper(**facts[i], score=score) for i, score in scores.items() if i in facts]


def _stored(session: Session, paper_id: str) -> None:
    """Refuse a paper that is not stored, or that belongs to somebody's own library."""
    known = papers.get(session, [paper_id]) if "\x00" not in paper_id and len(paper_id) <= schemas.LONGEST_ID else {}
    if paper_id not in known or known[paper_id].source == lists.OWN:
        abort(404, "There is no such paper here.")


def _interest(session: Session, reader: Reader, slug: str) -> Interest | None:
    if not slug:
        return None
    own = interests.by_slug(session, reader.id, slug.replace("\x00", " "))
    if own is None:
        abort(404, "You have no such interest: `/interests` lists them.")
    return own


def _day(session: Session, app: State, text: str) -> date:
    if text:
        wanted = read_stretch("day", text)
        if wanted is None:
            abort(404, f"There is no date {text}.")
        return wanted.first
    newest = daily.open_day(session, today=app.clock().date())
    if newest is None:
        abort(404, "There are no papers here yet.")
    return newest

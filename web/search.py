"""Words in, the stored papers that hold or mean them out, as the same cards as everywhere; a search can be kept as an interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from recommender import find
from recommender.errors import StoreError
from recommender.find import Filters, Hit
from recommender.ids import abstract_url, arxiv_id
from recommender.store import interests, papers, rules, search, wording
from recommender.store.db import Session
from recommender.store.interests import Picks
from recommender.store.readers import Reader
from web.auth import login_required, state
from web.cards import Card, listed
from web.formulas import maths, pieces

__all__ = ["Asked", "blueprint"]

LONGEST = 300  # characters of a search; what is longer is cut
MOST = 200  # papers one search shows
STANDING_IN = 20  # best papers that stand for a search kept as an interest
COUNTED = 1000  # newest papers whose categories are offered

blueprint = Blueprint("search", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was written, and what is wrong with it.

    Attributes
    ----------
    text, category, source, first, last : str
    code, exact, newest : bool
    show : int
        Papers to show.
    errors : dict of str to str
        Field -> what to do about it.
    """

    text: str = ""
    category: str = ""
    source: str = ""
    first: str = ""
    last: str = ""
    code: bool = False
    exact: bool = False
    newest: bool = False
    show: int = 20
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.category or self.source or self.first or self.last or self.code)

    @property
    def filters(self) -> Filters:
        """What a found paper must be."""
        first, last = _day(self.first), _day(self.last)
        return Filters((self.category,) if self.category else (), self.source, first, last, self.code)

    def address(self, **changes: object) -> str:
        """Return the address of this search with something changed."""
        names = {"text": "q", "first": "from", "last": "to"}
        values = {
            name: getattr(self, name) for name in ("text", "category", "source", "first", "last", "code", "exact")
        } | changes
        query = {names.get(name, name): "1" if value is True else value for name, value in values.items() if value}
        if changes.get("newest", self.newest):
            query["sort"] = "date"
        query.pop("newest", None)
        return url_for("search.search", **query)  # type: ignore[arg-type]  # words and numbers


@blueprint.get("/search", endpoint="search")
@login_required
def search_page(reader: Reader) -> ResponseReturnValue:
    """Show what fits; an id or address of a stored paper goes straight to that paper."""
    asked = _asked(request.args)
    with state().database.read() as session:
        paper_id = find.named(session, asked.text) if asked.text else None
        if paper_id is not None:
            return redirect(url_for("paper.one", paper_id=paper_id))
        return _page(session, reader, asked)


@blueprint.post("/search/interest")
@login_required
def keep(reader: Reader) -> ResponseReturnValue:
    """Make an interest of a search: it begins with the papers that fit best, and has a rule to bring what holds the words."""
    asked, name = _asked(request.form), " ".join(request.form.get("name", "").split())
    said, now = wording.parse(asked.text), state().clock()
    if not said.wanted:
        return redirect(asked.address(), code=303)
    with state().database.read() as session:  # the first search of a process loads the model: nobody's vote is to wait for that
        best = find.search(session, asked.text, asked.filters, STANDING_IN, exact=asked.exact)
    try:
        with state().database.write() as session:
            chosen = Picks(categories=asked.filters.categories, papers=tuple(hit.paper_id for hit in best))
            made = interests.create(session, reader.id, name or asked.text, now=now, query=asked.text, chosen=chosen)
            kind = "phrase" if said.quoted and len(said.wanted) == 1 else "words"
            wanted = " ".join(term.text for term in said.wanted)[: rules.LONGEST]
            rules.add(session, reader.id, "must", kind, wanted, now=now, interest=made.id)
            for term in said.unwanted:
                rules.add(session, reader.id, "never", "phrase", term.text, now=now, interest=made.id)
    except StoreError as error:
        told = f"{str(error)[:1].upper()}{str(error)[1:]}."
        with state().database.read() as session:
            return _page(session, reader, replace(asked, errors={"name": told}), name=name)[0], 422
    flash(_("“%(name)s” is an interest of yours now. Papers with these words come first on its page.", name=made.name))
    return redirect(url_for("today.interest", slug=made.slug), code=303)


def _page(session: Session, reader: Reader, asked: Asked, *, name: str = "") -> tuple[str, int]:
    bad = bool(set(asked.errors) - {"name"})
    hits = [] if bad else find.search(session, asked.text, asked.filters, asked.show, exact=asked.exact, newest=asked.newest)
    html = render_template(
        "search.html",
        asked=asked,
        name=name or asked.text[: interests.LONGEST_NAME],
        cards=_cards(session, reader, asked.text, hits),
        whole=any(hit.words == "all" for hit in hits),
        more=asked.show < MOST and len(hits) == asked.show,
        step=state().settings.web.cards,
        said=wording.parse(asked.text),
        at_arxiv=_at_arxiv(asked.text),
        categories=sorted(papers.categories(session, newest=COUNTED)),
        sources=search.sources(session),
    )
    return html, 422 if bad else 200


def _cards(session: Session, reader: Reader, text: str, hits: list[Hit]) -> list[Card]:
    """The same cards as everywhere, with the reason why each was found."""
    why = {hit.paper_id: _why(hit) for hit in find.with_snippets(session, text, hits)}
    found = listed(session, reader.id, [hit.paper_id for hit in hits], today=state().clock().date())
    return [replace(card, reasons=(why[card.paper_id],)) for card in found]


def _why(hit: Hit) -> str:
    if hit.snippet:
        return _snippet(hit.snippet)
    if hit.words == "all":
        return str(_("The words are in its title or among its authors"))
    return str(_("Some of the words are in its title or among its authors") if hit.words else _("Near in meaning"))


def _snippet(parts: Sequence[find.Part]) -> Markup:
    """Mark the found words of a piece of text; a word inside a formula is not marked, for formulas stay whole."""
    formulas = pieces("".join(part.text for part in parts))
    made, held, at = Markup(), "", 0
    for part in parts:
        held, at = held + part.text, at + len(part.text)
        if not any(formula.start < at < formula.end for formula in formulas):
            made += Markup("<mark>{}</mark>").format(maths(held)) if part.found and held == part.text else maths(held)
            held = ""
    return made + maths(held)


def _asked(form: Mapping[str, str]) -> Asked:
    """Read a search from an address or a form."""
    least = state().settings.web.cards
    show = form.get("show", "")
    written = {name: " ".join(form.get(name, "").replace("\x00", "").split())[:LONGEST] for name in ("q", "category", "source")}
    first, last = form.get("from", "").strip()[:40], form.get("to", "").strip()[:40]
    errors = {
        name: _("Write the day like 2026-05-20.")
        for name, day in (("from", first), ("to", last))
        if day and (_day(day) is None or str(_day(day)) != day)
    }
    if not errors and first and last and first > last:
        errors["to"] = _("This day is before the other one.")
    return Asked(
        text=written["q"],
        category=written["category"],
        source=written["source"],
        first=first,
        last=last,
        code=bool(form.get("code")),
        exact=bool(form.get("exact")),
        newest=form.get("sort") == "date",
        show=min(max(int(show), least), MOST) if show.isascii() and show.isdigit() and len(show) < 6 else least,
        errors=errors,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _at_arxiv(text: str) -> str | None:
    """Return the address of a paper that was named but is not stored."""
    paper_id = arxiv_id(text)
    return abstract_url(paper_id) if paper_id is not None else None

"""A reader in, their rules out: what they must see and never see, whom they follow, and rules that their votes suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender import learned
from recommender.ids import parse_arxiv_ids
from recommender.rank.propose import Proposal
from recommender.store import authors, papers, provenance, rules
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import Paper, Rule
from web.auth import login_required, state
from web.cards import clip
from web.links import safe_next
from web.tastes import Taste, by_number, tastes
from web.words import reason_words

__all__ = ["FIELDS", "PROPOSED", "Decree", "Suggestion", "blueprint"]

# What a rule looks at: how it is called in a list, and what to write into the form.
FIELDS = {
    "author": (_l("Author"), _l("the whole name as papers print it: Ada Lovelace")),
    "organization": (_l("Organisation"), _l("its whole name: University of Somewhere")),
    "category": (_l("Category"), _l("like cs.CL; cs takes all of cs")),
    "phrase": (_l("Phrase"), _l("these words in a row, in the title or the abstract")),
    "words": (_l("Words"), _l("all of these words, anywhere in the title or the abstract")),
    "like": (_l("Like a paper"), _l("its arXiv id or link: nothing that is much like it is shown (for “never” only)")),
}
FOLLOWED = ("author", "organization", "category")
EVIDENCE = 8  # papers named under a suggestion

# The sentences of `recommender.rank.propose`: what is translated is found here.
PROPOSED = (
    _l("You liked %s papers by %s and disliked none"),
    _l("You turned down %s papers in %s and liked none"),
    _l("You turned down %s papers from %s and liked none"),
    _l("“%s” stands in %s papers you turned down and in none you liked"),
)

blueprint = Blueprint("rules", __name__)


@dataclass(frozen=True, slots=True)
class Decree:
    """One rule as it is listed: what it looks at, for what, where it holds, how many papers of the week it took, its own page."""

    rule: Rule
    field: str
    value: str
    where: str
    papers: int
    link: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that the votes suggest: the sentence for it, what it would do, and papers it rests on."""

    rule: Rule
    words: str
    offer: str
    evidence: tuple[Paper, ...]


@blueprint.get("/rules")
@login_required
def listing(reader: Reader) -> ResponseReturnValue:
    """List the reader's rules and the suggested ones, with a form for another."""
    form = {name: request.args.get(name, default) for name, default in _EMPTY.items()}
    return _listing(reader, form, errors={})


@blueprint.post("/rules")
@login_required
def add(reader: Reader) -> ResponseReturnValue:
    """Set a rule; the same one twice is one, and its opposite ends."""
    form = {name: request.form.get(name, default).strip() for name, default in _EMPTY.items()}
    with state().database.write() as session:
        errors = _errors(session, reader, form)
        if not errors:
            taste = by_number(session, reader, form["interest"])
            said = rules.add(
                session,
                reader.id,
                form["action"],
                form["field"],
                form["value"],
                now=state().clock(),
                interest=taste.id if taste is not None else 0,
            )
    if errors:
        return _listing(reader, form, errors=errors), 422
    flash(_("From now on you never see it.") if said.action == "never" else _("From now on it stands at the top of your pages."))
    return redirect(_back(), code=303)


@blueprint.post("/rules/<int:rule_id>/end")
@login_required
def end(reader: Reader, rule_id: int) -> ResponseReturnValue:
    """End a rule; what it held back comes again."""
    with state().database.write() as session:
        if rules.get(session, reader.id, rule_id) is None:
            abort(404)
        rules.end(session, reader.id, rule_id, now=state().clock())
    return redirect(url_for("rules.listing", ended=rule_id), code=303)


@blueprint.post("/rules/<int:rule_id>/restore")
@login_required
def restore(reader: Reader, rule_id: int) -> ResponseReturnValue:
    """Set a rule again that was ended."""
    with state().database.write() as session:
        known = rules.get(session, reader.id, rule_id)
        if known is None:
            abort(404)
        rules.add(session, reader.id, known.action, known.field, known.value, now=state().clock(), interest=known.interest)
    flash(_("The rule holds again."))
    return redirect(url_for("rules.listing"), code=303)


@blueprint.post("/rules/dismiss")
@login_required
def dismiss(reader: Reader) -> ResponseReturnValue:
    """Do not suggest this rule any more."""
    said = tuple(request.form.get(name, "") for name in ("action", "field", "value"))
    with state().database.write() as session:
        offered = [proposal.rule for proposal in learned.proposals(session, reader.id)]
        found = next((rule for rule in offered if (rule.action, rule.field, rule.value) == said), None)
        if found is not None:
            rules.dismiss(session, reader.id, found.action, found.field, found.value, now=state().clock())
    flash(_("It is not suggested again."))
    return redirect(url_for("rules.listing"), code=303)


_EMPTY = {"action": "never", "field": "phrase", "value": "", "interest": "0"}


def _back() -> str:
    return safe_next(request.form["next"]) if request.form.get("next") else url_for("rules.listing")


def _errors(session: Session, reader: Reader, form: dict[str, str]) -> dict[str, str]:
    """Return what is wrong, by field; a paper named by its arXiv id or link is put as its stored id."""
    found: dict[str, str] = {}
    if form["action"] not in rules.ACTIONS:
        found["action"] = _("Choose what the rule does.")
    if form["field"] not in FIELDS:
        found["field"] = _("Choose what the rule looks at.")
    if by_number(session, reader, form["interest"]) is None:
        found["interest"] = _("There is no such interest of yours.")
    if not form["value"] or len(form["value"]) > rules.LONGEST:
        found["value"] = _("Write what the rule looks for, in at most %(most)s characters.", most=rules.LONGEST)
    elif form["field"] == "like":
        found |= _paper_errors(session, reader, form)
    elif form["field"] in ("phrase", "words") and not any(letter.isalnum() for letter in form["value"]):
        found["value"] = _("There is no word in this: write letters or digits.")
    if not found and len(rules.active(session, reader.id)) >= rules.MOST:
        found["value"] = _("There can be %(most)s rules: remove some first.", most=rules.MOST)
    return found


def _paper_errors(session: Session, reader: Reader, form: dict[str, str]) -> dict[str, str]:
    ids = [form["value"], *parse_arxiv_ids(form["value"])[0]]
    known = [paper.id for paper in papers.get(session, ids).values() if provenance.is_open_to(session, paper, reader.id)]
    if form["action"] != "never":
        return {"field": _("Nearness to a paper can only be turned down: an upvote asks for more like it.")}
    if not known:
        return {"value": _("No such paper is stored here: write its arXiv id or link.")}
    form["value"] = known[0]
    return {}


def _listing(reader: Reader, form: dict[str, str], *, errors: dict[str, str]) -> str:
    app, gone = state(), request.args.get("ended", "")
    with app.database.read() as session:
        own = rules.active(session, reader.id)
        known = tastes(session, reader)
        counts = learned.taken(session, own, today=app.clock().date())
        shown = _decrees(session, own, known, counts)
        ended = rules.get(session, reader.id, int(gone)) if gone.isascii() and gone.isdigit() and len(gone) < 10 else None
        just_ended = _decrees(session, [ended], known, {})[0] if ended is not None and ended not in own else None
        suggested = [_suggestion(session, proposal) for proposal in learned.proposals(session, reader.id)]
    follows = [decree for decree in shown if decree.rule.action == "must" and decree.rule.field in FOLLOWED]
    return render_template(
        "rules.html",
        follows=follows,
        musts=[decree for decree in shown if decree.rule.action == "must" and decree not in follows],
        nevers=[decree for decree in shown if decree.rule.action == "never"],
        just_ended=just_ended,
        suggested=suggested,
        tastes=known,
        fields=FIELDS,
        form=form,
        errors=errors,
    )


def _decrees(session: Session, own: Sequence[Rule], known: Sequence[Taste], counts: dict[int, int]) -> list[Decree]:
    """Put rules into words; one about a paper is shown with the paper's title."""
    titles = {i: paper.title for i, paper in papers.get(session, [r.value for r in own if r.field == "like"]).items()}
    names = {taste.id: taste.name for taste in known} | {0: _("everywhere")}
    return [
        Decree(
            rule,
            str(FIELDS[rule.field][0]),
            titles.get(rule.value, rule.value),
            names.get(rule.interest, _("a closed interest")),
            counts.get(rule.id, 0),
            _page_of(rule, known_here=rule.value in titles or counts.get(rule.id, 0) > 0),
        )
        for rule in own
    ]


def _page_of(rule: Rule, *, known_here: bool) -> str:
    """Return the address of what a rule speaks of, where it has a page here."""
    if known_here and rule.field == "like":
        return url_for("paper.one", paper_id=rule.value)
    if known_here and rule.field in ("author", "organization"):
        return url_for(f"people.{rule.field}", key=authors.key_of(rule.value))
    return ""


def _suggestion(session: Session, proposal: Proposal) -> Suggestion:
    stored = papers.get(session, proposal.papers[:EVIDENCE])
    rule = proposal.rule
    offers = {"author": _("Follow %(name)s", name=rule.value), "phrase": _("Never show “%(name)s”", name=rule.value)}
    return Suggestion(
        rule,
        clip(reason_words(proposal.reason), 400),
        offers.get(rule.field, _("Never show %(name)s", name=rule.value)),
        tuple(stored[i] for i in proposal.papers[:EVIDENCE] if i in stored),
    )

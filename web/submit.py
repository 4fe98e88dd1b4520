"""An arXiv id or link in, a paper for everyone out: at once when it is stored, else as a wish that the clock fulfils."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from recommender.errors import StoreError
from recommender.ids import parse_arxiv_ids
from recommender.store import papers, submissions, wanted
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.store.submissions import Submission
from recommender.store.wanted import Wanted
from recommender.types import LIBRARY
from web.auth import login_required, state
from web.cards import Card, clip, listed
from web.limits import limiter

__all__ = ["blueprint"]

MOST_IDS = 10  # papers of one press
LISTED = 50
WHY = {  # what is written down in English when a paper is not found
    wanted.UNKNOWN: _l("arXiv knows no such paper, or it was withdrawn"),
    wanted.INVENTED: _l("the sample edition holds invented papers only: nothing is fetched for it"),
}

blueprint = Blueprint("submit", __name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """One request, and its paper when that is here."""

    wanted: Wanted
    card: Card | None

    @property
    def why(self) -> str:
        """Why it is not here, in the reader's language where it is something that is known to happen."""
        told = self.wanted.error or ""
        return str(WHY.get(told, told))


@blueprint.route("/submit", methods=["GET", "POST"])
@login_required
@limiter.limit("20 per hour", methods=["POST"])
def submit(reader: Reader) -> ResponseReturnValue:
    """Bring papers in for everyone."""
    if request.method != "POST":
        return _page(reader)
    written = request.form.get("papers", "")
    ids, unrecognised = parse_arxiv_ids(written)
    if not ids or unrecognised or len(ids) > MOST_IDS:
        return _page(reader, written=written, error=_trouble(ids, unrecognised)), 422
    try:
        with state().database.write() as session:
            stored = {found.id: found for found in papers.get(session, ids).values() if found.source != LIBRARY}
            absent = [paper_id for paper_id in ids if paper_id not in stored]
            wanted.ask(session, reader.id, absent, "submit", now=state().clock())
            here = [paper_id for paper_id in ids if paper_id in stored]
            brought = [submissions.record(session, paper_id, reader.id, now=state().clock()) for paper_id in here]
    except StoreError:
        return _page(reader, written=written, error=_("Too many papers of yours are waiting. Try again when they are here.")), 422
    for submission in brought:
        flash(_told(submission, reader, stored[submission.paper_id].title))
    if absent:
        flash(_asked(len(absent)))
    one = brought[0].paper_id if len(brought) == 1 and not absent else None
    return redirect(url_for("paper.one", paper_id=one) if one else url_for("submit.submit"), code=303)


@blueprint.post("/submit/withdraw")
@login_required
def withdraw(reader: Reader) -> ResponseReturnValue:
    """Take a request off the list."""
    number = request.form.get("wanted", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        abort(404)
    with state().database.write() as session:
        if not wanted.withdraw(session, reader.id, int(number)):
            abort(404, _("There is no such request of yours."))
    return redirect(url_for("submit.submit"), code=303)


def _page(reader: Reader, *, written: str = "", error: str | None = None) -> str:
    today = state().clock().date()
    with state().database.read() as session:
        mine = submissions.of_reader(session, reader.id, limit=LISTED)
        brought = listed(session, reader.id, [submission.paper_id for submission in mine], today=today)
        wishes = _wishes(session, reader)
    return render_template(
        "submit.html",
        written=written,
        error=error,
        wishes=wishes,
        brought=brought,
        minutes=state().settings.clock.wanted_every_minutes,
    )


def _wishes(session: Session, reader: Reader) -> list[Wish]:
    """What was asked for and is not among the papers brought in: still to come, given up, or brought in by somebody else first."""
    asked = wanted.of_reader(session, reader.id, purpose="submit", limit=LISTED)
    own = {submission.paper_id for submission in submissions.of_reader(session, reader.id, limit=LISTED)}
    left = [wish for wish in asked if wish.paper_id not in own]
    known = {card.paper_id: card for card in listed(session, reader.id, [w.paper_id for w in left], today=state().clock().date())}
    return [Wish(wish, known.get(wish.paper_id)) for wish in left]


def _trouble(ids: list[str], unrecognised: list[str]) -> str:
    if len(ids) > MOST_IDS:
        return str(_("Submit at most %(most)d papers at once: these are %(count)d.", most=MOST_IDS, count=len(ids)))
    if unrecognised:
        bad = ", ".join(clip(piece, 60) for piece in unrecognised[:5])
        return str(_("Not an arXiv id or link: %(bad)s. Write it like 2601.01234 or https://arxiv.org/abs/2601.01234.", bad=bad))
    return str(_("There is no arXiv id or link in it yet. Write one like 2601.01234 or https://arxiv.org/abs/2601.01234."))


def _told(submission: Submission, reader: Reader, title: str) -> str:
    name = clip(title, 120)
    if submission.reader_id == reader.id:
        return str(_("“%(title)s” is submitted by you.", title=name))
    if submission.name:
        return str(_("“%(title)s” was brought in by %(name)s first.", title=name, name=clip(submission.name, 100)))
    return str(_("“%(title)s” was brought in by somebody else first.", title=name))


def _asked(count: int) -> str:
    return str(
        ngettext(
            "It is not stored here yet: it is fetched from arXiv within minutes, and appears below.",
            "%(num)d of them are not stored here yet: they are fetched from arXiv within minutes, and appear below.",
            count,
        )
    )

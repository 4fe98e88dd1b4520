"""The owner in, what readers do in public out: reported remarks, what was taken away, papers brought in, curators' picks."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.store import comments, curators, overview, papers, submissions
from recommender.store.readers import Reader
from web.auth import owner_required, state

__all__ = ["blueprint"]

LISTED = 30

blueprint = Blueprint("moderation", __name__, url_prefix="/owner/moderation")


@blueprint.get("")
@owner_required
def front(_reader: Reader) -> ResponseReturnValue:
    """List what waits for the owner's word, and what was said and brought in lately."""
    with state().database.read() as session:
        brought, picked = submissions.recent(session, limit=LISTED), curators.recent(session, limit=LISTED)
        named = papers.get(session, [*(one.paper_id for one in brought), *(one.paper_id for one in picked)])
        return render_template(
            "owner_moderation.html",
            reports=comments.reports_open(session),
            removed=overview.removed_remarks(session),
            submissions=brought,
            picks=picked,
            titles={paper_id: paper.title for paper_id, paper in named.items()},
        )


@blueprint.post("/<int:number>/<any(leave, remove, restore):action>")
@owner_required
def decide(_reader: Reader, number: int, action: str) -> ResponseReturnValue:
    """Let a reported remark stand, take one away, or put it back."""
    now = state().clock()
    with state().database.write() as session:
        if comments.get(session, number) is None:
            abort(404, _("There is no such remark."))
        if action == "leave":
            comments.settle(session, number, now=now)
            told = _("The remark stands, and its reports are settled.")
        elif action == "remove":
            comments.remove(session, number, now=now)
            told = _("The remark is taken away. It can be put back below.")
        else:
            comments.restore(session, number)
            told = _("The remark is back.")
    flash(told)
    return redirect(url_for("moderation.front"), code=303)


@blueprint.post("/picks/<int:reader_id>/<path:paper_id>")
@owner_required
def take_back(_reader: Reader, reader_id: int, paper_id: str) -> ResponseReturnValue:
    """Take a curator's pick back."""
    with state().database.write() as session:
        found = curators.by_papers(session, [paper_id]).get(paper_id, ())
        if reader_id not in {pick.reader_id for pick in found}:
            abort(404, _("There is no such pick."))
        curators.take_back(session, paper_id, reader_id)
    flash(_("The pick is taken back."))
    return redirect(url_for("moderation.front"), code=303)

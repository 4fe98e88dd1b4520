"""A reader's words in, a paper's discussion out: said, answered, changed, deleted, reported, and moderated by the owner."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender.errors import StoreError
from recommender.store import comments, papers, provenance
from recommender.store.comments import LONGEST, LONGEST_REASON, Comment
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Paper
from web.auth import login_required, owner_required, state
from web.limits import limiter
from web.remarks import Remark, remarks

__all__ = ["blueprint"]

PER_HOUR = "30 per hour"  # remarks, and reports, of one reader

blueprint = Blueprint("discussion", __name__)


@blueprint.post("/comments")
@login_required
@limiter.limit(PER_HOUR)
def add(reader: Reader) -> ResponseReturnValue:
    """Say something about a paper, or answer a remark."""
    text, answers = request.form.get("text", ""), _number(request.form.get("parent", ""))
    error, said, parent = _trouble(text), None, None
    with state().database.write() as session:
        paper = _shared_paper(session, reader, request.form.get("paper", ""))
        if answers is not None:
            parent = comments.get(session, answers)
            if parent is None or parent.paper_id != paper.id:
                abort(404)
        if error is None:
            try:
                said = comments.add(session, paper.id, reader.id, text, now=state().clock(), parent_id=answers)
            except StoreError:
                error, parent = _("The remark you answer is gone. You can say this as a remark of its own."), None
    if said is None:
        return _form("add", paper, reader, text=text, parent=parent, error=error), 422
    return redirect(_place(said), code=303)


@blueprint.get("/comments/<int:number>/answer")
@login_required
def answer(reader: Reader, number: int) -> ResponseReturnValue:
    """Show the form of an answer by itself: in a long discussion not every remark carries one."""
    with state().database.read() as session:
        parent, paper = _found(session, reader, number)
    if parent.removed_at is not None:
        abort(404)
    return _form("add", paper, reader, parent=parent)


@blueprint.route("/comments/<int:number>/edit", methods=["GET", "POST"])
@login_required
def edit(reader: Reader, number: int) -> ResponseReturnValue:
    """Change the words of a reader's own remark within a while, or find the button that deletes it."""
    window = timedelta(minutes=state().settings.web.edit_minutes)
    with state().database.read() as session:
        remark, paper = _found(session, reader, number)
    if remark.reader_id != reader.id or remark.removed_at is not None:
        abort(404)
    now = state().clock()
    if request.method != "POST":
        return _form("edit", paper, reader, text=remark.text, remark=remark)
    text = request.form.get("text", "")
    error = _trouble(text)
    if not remark.may_change(reader.id, now, window):
        error = _("This remark is too old to be changed. You can answer it, or delete it.")
    if error is None:
        with state().database.write() as session:
            try:
                comments.change(session, number, reader.id, text, now=now, window=window)
            except StoreError:  # it was deleted a moment ago
                abort(404)
        return redirect(_place(remark), code=303)
    return _form("edit", paper, reader, text=text, remark=remark, error=error), 422


@blueprint.post("/comments/<int:number>/delete")
@login_required
def delete(reader: Reader, number: int) -> ResponseReturnValue:
    """Delete a reader's own remark; its words are gone for good."""
    with state().database.write() as session:
        _remark, paper = _found(session, reader, number)
        try:
            comments.withdraw(session, number, reader.id, now=state().clock())
        except StoreError:
            abort(404)
    flash(_("Your remark is deleted."))
    return redirect(f"{url_for('paper.one', paper_id=paper.id)}#discussion", code=303)


@blueprint.route("/comments/<int:number>/report", methods=["GET", "POST"])
@login_required
@limiter.limit(PER_HOUR, methods=["POST"])
def report(reader: Reader, number: int) -> ResponseReturnValue:
    """Ask the owner to look at somebody else's remark."""
    with state().database.read() as session:
        remark, paper = _found(session, reader, number)
    if remark.removed_at is not None or remark.reader_id == reader.id:
        abort(404)
    if request.method != "POST":
        return _form("report", paper, reader, remark=remark)
    reason = request.form.get("text", "")
    if len(reason) > LONGEST_REASON:
        error = _("A reason has at most %(most)d characters: yours has %(count)d.", most=LONGEST_REASON, count=len(reason))
        return _form("report", paper, reader, text=reason, remark=remark, error=error), 422
    with state().database.write() as session:
        comments.report(session, number, reader.id, reason, now=state().clock())
    flash(_("Reported. Whoever runs this Broadsheet will look at it."))
    return redirect(_place(remark), code=303)


@blueprint.post("/comments/<int:number>/remove")
@owner_required
def remove(reader: Reader, number: int) -> ResponseReturnValue:
    """Take a remark away; the owner can put it back."""
    with state().database.write() as session:
        remark, _paper = _found(session, reader, number)
        done = comments.remove(session, number, now=state().clock())
    if done:
        flash(_("The remark is taken away. Its author and the other readers no longer see its words; you can put it back."))
    return redirect(_place(remark), code=303)


@blueprint.post("/comments/<int:number>/restore")
@owner_required
def restore(reader: Reader, number: int) -> ResponseReturnValue:
    """Put back a remark that the owner took away."""
    with state().database.write() as session:
        remark, _paper = _found(session, reader, number)
        done = comments.restore(session, number)
    if done:
        flash(_("The remark is back."))
    return redirect(_place(remark), code=303)


def _shared_paper(session: Session, reader: Reader, paper_id: str) -> Paper:
    """Return a stored paper that readers can speak about."""
    paper = papers.get(session, [paper_id]).get(paper_id)
    if paper is None or paper.source == LIBRARY or not provenance.is_open_to(session, paper, reader.id):
        abort(404, _("There is no such paper here."))
    return paper


def _found(session: Session, reader: Reader, number: int) -> tuple[Comment, Paper]:
    """Return a remark and its paper."""
    remark = comments.get(session, number)
    if remark is None:
        abort(404, _("There is no such remark. It may have been deleted."))
    return remark, _shared_paper(session, reader, remark.paper_id)


def _trouble(text: str) -> str | None:
    """Say what keeps some words from being a remark."""
    plain = comments.tidy(text)
    if not plain:
        return str(_("There is nothing in it yet. Write something first."))
    if len(plain) > LONGEST:
        return str(_("A remark has at most %(most)d characters: yours has %(count)d.", most=LONGEST, count=len(plain)))
    return None


def _form(
    what: str,
    paper: Paper,
    reader: Reader,
    *,
    text: str = "",
    remark: Comment | None = None,
    parent: Comment | None = None,
    error: str | None = None,
) -> str:
    """Render the page of one form, with what was written in it."""
    window = timedelta(minutes=state().settings.web.edit_minutes)
    about = remark or parent
    shown: list[Remark] = remarks([about], reader, now=state().clock(), window=window) if about is not None else []
    return render_template(
        "remark.html",
        what=what,
        paper=paper,
        text=text,
        remark=shown[0] if shown else None,
        parent=parent,
        error=error,
        most=LONGEST_REASON if what == "report" else LONGEST,
        minutes=state().settings.web.edit_minutes,
    )


def _place(remark: Comment) -> str:
    """Return where a remark stands."""
    return f"{url_for('paper.one', paper_id=remark.paper_id)}#comment-{remark.id}"


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        abort(404)
    return int(text)

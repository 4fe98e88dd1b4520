"""A reader in, everything that is theirs out: one file to take away, or all of it deleted for good."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from recommender import learned
from recommender.errors import StoreError
from recommender.store import accounts, belongings, events, interests, papers
from recommender.store.db import Session
from recommender.store.readers import Reader
from recommender.types import EventKind, Paper
from web import passwords
from web.auth import login_required, state
from web.citations import bibtex
from web.limits import limiter

__all__ = ["blueprint", "pack"]

IN_MEMORY = 5_000_000  # bytes; a larger file is written to disk while it is made
MOST_BYTES = 500_000_000  # of one file before it is packed
README = """Broadsheet: everything of {name}, as of {at} UTC

account.json and the other .json files hold the rows of the database that are yours, oldest first; times are UTC.
  events.json        every vote, save, click and "not interested", in the order in which you gave them
  words.json         the same in short: what you like, dislike, hid and saved now, with titles
  interests, rules, collections, collected (what is in them), marks (notes and what you have read), comments, reports,
  submissions, picks, wanted (what you asked to be fetched), digests (what was mailed), invitations,
  keys and connections (without their secrets), sessions (where you signed in)
  pages, items, impressions   the pages that were made for you, what stood on them, and what of it was shown
  papers.json        the papers that the other files name
  learned.json       what was learned from your votes, for each interest
likes.bib and shelf.bib name the papers that you like and those that you saved, for a reference manager.
"""

blueprint = Blueprint("export", __name__)


@blueprint.get("/account/export.zip")
@login_required
@limiter.limit("20 per hour")
def download(reader: Reader) -> ResponseReturnValue:
    """Hand over everything in one file."""
    if request.method == "HEAD":
        return ""
    file = cast("IO[bytes]", SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 (closed with the answer)
    with state().database.read() as session:
        pack(session, reader, file)
    file.seek(0)
    name = f"broadsheet-{re.sub(r'[^A-Za-z0-9]+', '-', reader.name).strip('-') or 'reader'}-{state().clock().date()}.zip"
    answer = send_file(file, "application/zip", as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.route("/account/delete", methods=["GET", "POST"])
@login_required
@limiter.limit("10 per 15 minutes", methods=["POST"])
def leave(reader: Reader) -> ResponseReturnValue:
    """Say what goes; delete it when the name, and the password where there is one, are typed."""
    if request.method != "POST":
        return render_template("account_delete.html", reader=reader, errors={})
    errors: dict[str, str] = {}
    with state().database.read() as session:
        kept = accounts.password_of(session, reader.id)
    if " ".join(request.form.get("name", "").split()) != reader.name:
        errors["name"] = _("Type your name exactly as it stands above.")
    if kept is not None and not passwords.is_right(kept, request.form.get("current", "")[: passwords.MOST + 1]):
        errors["current"] = _("This is not your present password.")
    if not errors:
        try:
            with state().database.write() as session:
                belongings.remove(session, reader.id, now=state().clock())
        except StoreError:
            errors["name"] = _("You are the only owner: a Broadsheet without one could not be looked after.")
    if errors:
        return render_template("account_delete.html", reader=reader, errors=errors), 422
    cookie.clear()
    flash(_("Your account and all that was yours is deleted."))
    return redirect(url_for("auth.door"), code=303)


def pack(session: Session, reader: Reader, file: IO[bytes]) -> None:
    """Write everything that is a reader's into one packed file.

    Parameters
    ----------
    session : Session
        Of a transaction that reads: all of it is as of one moment.
    reader : Reader
    file : binary file
        To write to.
    """
    app = state()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        at = f"{app.clock():%Y-%m-%d %H:%M}"
        packed.writestr("README.txt", README.format(name=reader.name, at=at))
        for name in belongings.names():
            _write(packed, "account" if name == "readers" else name, belongings.rows(session, name, reader.id))
        named = papers.get(session, belongings.named_papers(session, reader.id))
        _write(packed, "papers", (_described(paper) for paper in named.values()))
        words = events.words(events.history(session, reader.id))
        _write(packed, "words", (_said(i, word, named) for i, word in words.items() if word.vote is not None or word.saved))
        liked = [named[i] for i, word in words.items() if word.vote is EventKind.UPVOTE and i in named]
        packed.writestr("likes.bib", bibtex(liked))
        packed.writestr("shelf.bib", bibtex([named[i] for i, word in words.items() if word.saved and i in named]))
        tastes = [(0, ""), *((interest.id, interest.name) for interest in interests.listing(session, reader.id))]
        _write(packed, "learned", ({"name": name, **_learned(session, reader, number)} for number, name in tastes))


def _write(packed: zipfile.ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as one JSON array, one a line, as they come; the file stays readable where it has to be cut."""
    written = 0
    with packed.open(f"{name}.json", "w", force_zip64=True) as out:
        out.write(b"[")
        for number, row in enumerate(rows):
            line = f"{',' if number else ''}\n{json.dumps(row, ensure_ascii=False, default=str)}".encode()
            written += len(line)
            if written > MOST_BYTES:
                break
            out.write(line)
        out.write(b"\n]\n")


def _described(paper: Paper) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "published": paper.published.isoformat(),
        "edition": paper.edition.isoformat(),
        "url": paper.url,
    }


def _said(paper_id: str, word: events.Word, named: dict[str, Paper]) -> dict[str, Any]:
    title = named[paper_id].title if paper_id in named else None
    return {"paper_id": paper_id, "title": title, "vote": word.vote.value if word.vote else None, "saved": word.saved}


def _learned(session: Session, reader: Reader, interest: int) -> dict[str, Any]:
    app = state()
    facts = learned.facts(session, reader.id, app.rankers, app.settings.rank, now=app.clock(), interest=interest)
    return dict(facts)

"""A paper's id in, its own page out: the whole abstract, its links, its neighbours, and the same buttons as everywhere."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from recommender import daily
from recommender.store import events, papers
from recommender.store.events import Word
from recommender.store.readers import Reader
from web.auth import login_required, state
from web.cards import card, clip

__all__ = ["blueprint"]

AUTHORS_LISTED = 300

blueprint = Blueprint("paper", __name__)


@blueprint.get("/paper/<path:paper_id>")
@login_required
def one(reader: Reader, paper_id: str) -> ResponseReturnValue:
    """Show one paper."""
    today = state().clock().date()
    with state().database.read() as session:
        paper = papers.get(session, [paper_id]).get(paper_id)
        if paper is None:
            abort(404, "There is no such paper here. Papers are stored from the day Broadsheet first read their source.")
        word = events.words(events.of_papers(session, reader.id, [paper_id])).get(paper_id, Word())
        here = events.upvotes(session, [paper_id]).get(paper_id, 0)
        near = [other for other, _ in daily.similar(session, paper_id)]
        stored = papers.get(session, near)
    return render_template(
        "paper.html",
        card=card(paper, word, today=today, here=here),
        paper=paper,
        authors=[clip(name, 80) for name in paper.authors[:AUTHORS_LISTED]],
        more_authors=max(len(paper.authors) - AUTHORS_LISTED, 0),
        similar=[card(stored[other], Word(), today=today) for other in near if other in stored],
    )

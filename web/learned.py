"""A reader in, what was learned about them out: words, names and papers with their weights, and ways to take them back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender import learned as joint
from recommender.learned import Affinity, Weighed
from recommender.rank.topics import Topic
from recommender.store import interests, likes, papers
from recommender.store.readers import Reader
from recommender.types import Paper
from web.auth import login_required, state
from web.tastes import by_slug, tastes

__all__ = ["GESTURES", "Bar", "Told", "blueprint"]

PAPERS_LISTED = 30  # the heaviest
GESTURES = {
    "upvote": _l("upvoted"),
    "save": _l("saved"),
    "click": _l("opened"),
    "downvote": _l("downvoted"),
    "hide": _l("not interested"),
    "pick": _l("picked to begin with"),
}
VOTES = frozenset({"upvote", "downvote", "hide"})  # what can be taken back here; the shelf has its own page
_UNDO = re.compile(r"(\d{1,18})-(\d{1,18})")

blueprint = Blueprint("learned", __name__)


@dataclass(frozen=True, slots=True)
class Bar:
    """One word or name: its signed weight, and in how many liked and disliked papers it stands; `left` and `width` draw it."""

    name: str
    weight: float
    liked: int
    disliked: int

    @property
    def width(self) -> float:
        """Length of the bar, of 50."""
        return round(min(abs(self.weight), 1.0) * 50, 1)

    @property
    def left(self) -> float:
        """Where the bar begins, of 100: the middle is nothing."""
        return round(50 - self.width, 1) if self.weight < 0 else 50


@dataclass(frozen=True, slots=True)
class Told:
    """One paper that counts: what the reader did with it, and whether that can be taken back here."""

    paper: Paper
    weighed: Weighed
    gesture: str
    can_go: bool


@blueprint.get("/learned", defaults={"slug": interests.GENERAL})
@blueprint.get("/learned/<slug>")
@login_required
def learned(reader: Reader, slug: str) -> ResponseReturnValue:
    """Show what one interest has learned."""
    app = state()
    rank = app.settings.rank
    with app.database.read() as session:
        taste = by_slug(session, reader, slug)
        found = joint.learned(session, reader.id, app.rankers, rank, now=app.clock(), interest=taste.id)
        heaviest = found.papers[:PAPERS_LISTED]
        stored = papers.get(session, [weighed.paper_id for weighed in heaviest])
        every = tastes(session, reader)
    undo = _UNDO.fullmatch(request.args.get("undo", ""))
    return render_template(
        "learned.html",
        taste=taste,
        tastes=every,
        found=found,
        lifting=_bars(found.lifting),
        lowering=_bars(found.lowering),
        names=[
            (_("Authors"), _bars(found.authors)),
            (_("Categories"), _bars(found.categories)),
            (_("Organisations"), _bars(found.organizations)),
        ],
        told=[_told(stored[weighed.paper_id], weighed) for weighed in heaviest if weighed.paper_id in stored],
        rank=rank,
        note=app.rankers.note,
        undo=(undo[1], undo[2]) if undo else None,
        today=app.clock().date(),
    )


@blueprint.post("/learned/<slug>/remove")
@login_required
def remove(reader: Reader, slug: str) -> ResponseReturnValue:
    """Take back what was said of one paper."""
    with state().database.write() as session:
        taste = by_slug(session, reader, slug)
        made = likes.remove(session, reader.id, request.form.getlist("paper")[:1], taste.id, now=state().clock())
    undo = f"{made[0].id}-{made[-1].id}" if made else None
    return redirect(url_for("learned.learned", slug=slug, undo=undo), code=303)


@blueprint.post("/learned/<slug>/start-over")
@login_required
def start_over(reader: Reader, slug: str) -> ResponseReturnValue:
    """Forget all that one interest was told; the log and the shelf stay."""
    with state().database.write() as session:
        taste = by_slug(session, reader, slug)
        likes.start_over(session, reader.id, taste.id, now=state().clock())
    flash(_("“%(name)s” begins anew. Your shelf and your rules are as they were.", name=taste.name))
    return redirect(url_for("learned.learned", slug=slug), code=303)


def _bars(found: Sequence[Topic | Affinity]) -> list[Bar]:
    """Put words and names into one form."""
    return [
        Bar(one.term, one.weight, one.liked, one.disliked)
        if isinstance(one, Topic)
        else Bar(one.name, one.value, one.liked, one.disliked)
        for one in found
    ]


def _told(paper: Paper, weighed: Weighed) -> Told:
    return Told(paper, weighed, str(GESTURES[weighed.kind]), weighed.kind in VOTES)

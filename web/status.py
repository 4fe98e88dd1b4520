"""Nothing or an item in, the state of the house out: is it alive, what did it last do, why does a paper stand where it stands."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from recommender.errors import ModelError, ModelIncompatible
from recommender.rank import draft, explain
from recommender.rank.features import NAMES
from recommender.rank.model import Ranker
from recommender.store import artifacts, events, pages, papers, readers, runs, schema
from recommender.store.readers import Reader
from recommender.types import FeatureMatrix, RankedItem, RankedPage
from web.auth import login_required, state
from web.cards import Card, cards
from web.words import ranker_words

__all__ = ["Family", "Job", "Table", "blueprint"]

FAMILY_WORDS = {
    "similar": _l("Meaning close to what you liked"),
    "terms": _l("Words shared with what you liked"),
    "disliked": _l("Closeness to what you disliked"),
    "author": _l("Authors"),
    "organization": _l("Organisations"),
    "category": _l("Categories"),
    "popular": _l("Upvotes at its source"),
    "recent": _l("Age"),
    "code": _l("Public code"),
    "neighbours": _l("Votes of readers who like what you like"),
    "expected": _l("What the shared page may pick"),
    "other": _l("Everything else"),
}
LEAST_SHOWN = 0.0005
_log = logging.getLogger(__name__)

blueprint = Blueprint("status", __name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the clock: its last run and when it is next due."""

    name: str
    run: runs.Run | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Family:
    """What one family of features adds to a paper's score; `rows` are (feature, its value or None, what it adds)."""

    words: str
    total: float
    rows: list[tuple[str, float | None, float]]


@dataclass(frozen=True, slots=True)
class Table:
    """What was measured of a model on held-out days: one row per ranker, one [value, low, high] per measure."""

    first: str
    last: str
    pages: int
    measures: list[str]
    rows: list[tuple[str, list[Sequence[float | None]]]]


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Say that the process answers, without asking anything else."""
    return _plain("ok")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Say whether readers can be served: the database answers and has the tables this program knows."""
    try:
        current = schema.is_current(state().database)
    except Exception as error:  # noqa: BLE001, RUF100  # whatever it is, the answer is that readers cannot be served
        _log.error("not ready: %s", error)
        return _plain("the database does not answer", 503)
    return _plain("ok") if current else _plain("the database has another schema: run `broadsheet db upgrade`", 503)


@blueprint.get("/status")
@login_required
def status(reader: Reader) -> ResponseReturnValue:
    """Show sources, jobs and models with what was measured of them."""
    app = state()
    with app.database.read() as session:
        last = runs.last_runs(session)
        names = runs.due(session, datetime.max.replace(tzinfo=UTC))  # all there are
        live = artifacts.current(session)
        models = artifacts.listing(session, limit=20)
        context: dict[str, Any] = {
            "sources": runs.sources(session),
            "jobs": [Job(name, last.get(name), runs.next_at(session, name)) for name in sorted({*names, *last})],
            "live": next((model for model in models if model.version == live), None),
            "models": models,
            "trial": artifacts.rival(session),
            "note": app.rankers.note,
            "papers": papers.count(session),
            "readers": readers.count(session, simulated=False),
            "gestures": len(events.history(session, reader.id)),
            "simulated": readers.count(session, simulated=True),
        }
    context["report"] = _table(context["live"].report.get("report", {})) if context["live"] else None
    return render_template("status.html", now=app.clock(), **context)


@blueprint.get("/keyboard")
@login_required
def keyboard(_reader: Reader) -> ResponseReturnValue:
    """Say what each key does."""
    return render_template("keyboard.html")


@blueprint.get("/why/<int:item_id>")
@login_required
def why(reader: Reader, item_id: int) -> ResponseReturnValue:
    """Show what lifted and what lowered one paper on the reader's page."""
    app = state()
    with app.database.read() as session:
        found = pages.item(session, item_id)
        if found is None or found[0].reader_id != reader.id:
            abort(404, _("There is no such paper on a page of yours."))
        page = pages.by_id(session, found[0].id) or found[0]
        shown = cards(session, reader.id, [found[1]], today=app.clock().date())
        families: list[Family] = []
        told = None
        try:
            families = _families(app.rankers.get(session, draft.maker(page, found[1])), page, found[1])
        except ModelError as error:
            told = _("The numbers behind this place can no longer be read: %(why)s.", why=error)
    if not shown:
        abort(404)
    return _why_page(shown[0], page, found[1], families, told)


def _why_page(card: Card, page: RankedPage, item: RankedItem, families: list[Family], told: str | None) -> str:
    return render_template(
        "why.html", card=card, page=page, item=item, maker=draft.maker(page, item), families=families, told=told
    )


def _families(ranker: Ranker, page: RankedPage, item: RankedItem) -> list[Family]:
    """Sum what each feature adds to the score by family, largest effect first; features that add nothing are left out."""
    if page.schema != ranker.schema:
        raise ModelIncompatible("the page was made with other features than this program computes")
    matrix = FeatureMatrix((item.paper_id,), NAMES, item.features[np.newaxis, :].copy(), page.schema)
    parts = ranker.contributions(matrix)[0]
    made: list[Family] = []
    for family, total in sorted(explain.families(parts), key=lambda pair: -abs(pair[1])):
        rows = [
            (name, None if np.isnan(value) else float(value), float(part))
            for name, value, part, its in zip(matrix.names, item.features, parts[:-1], explain.FAMILIES, strict=True)
            if its == family and abs(part) >= LEAST_SHOWN
        ]
        if family == "neighbours":
            rows = []  # its numbers are other readers' votes
        if rows or (family == "neighbours" and abs(total) >= LEAST_SHOWN):
            made.append(Family(str(FAMILY_WORDS[family]), total, sorted(rows, key=lambda row: -abs(row[2]))))
    return made


def _table(report: Mapping[str, Any]) -> Table | None:
    """Read the stored report, best ranker first; None when the model has none."""
    slices = report.get("slices", {})
    whole = slices.get("all")
    if not whole or not whole.get("scores"):
        return None
    scores: Mapping[str, Mapping[str, Sequence[float | None]]] = whole["scores"]
    measures = list(next(iter(scores.values())))
    names = sorted(scores, key=lambda name: -(scores[name][measures[0]][0] or 0.0))
    rows = [(ranker_words(name, report), [scores[name][measure] for measure in measures]) for name in names]
    return Table(report.get("first", ""), report.get("last", ""), whole.get("pages", 0), measures, rows)


def _plain(text: str, code: int = 200) -> ResponseReturnValue:
    return f"{text}\n", code, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}

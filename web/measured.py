"""The owner in, models out: what was measured of each version, drawn and in figures; one made live, or the one before it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from markupsafe import Markup

from recommender.errors import ModelError, NotTrained
from recommender.store import artifacts
from recommender.store.artifacts import Model
from recommender.store.db import Session
from recommender.store.readers import Reader
from web import plots, versions
from web.auth import owner_required, state
from web.plots import Column, Dot, Row
from web.words import ranker_words

__all__ = ["Figure", "Measured", "blueprint"]

HEADLINE = "ndcg@10"
CANDIDATE, LIVE, UNTRAINED = "model", "live", "blend"
DRAWN = 20  # newest versions on the drawing
LISTED = 50
HEAVIEST = 12  # features that a version's page lists
GROUPS = {
    "all": lazy_gettext("all readers"),
    "cold": lazy_gettext("fewer than 5 likes"),
    "casual": lazy_gettext("5 to 19 likes"),
    "heavy": lazy_gettext("20 likes and more"),
}

blueprint = Blueprint("measured", __name__, url_prefix="/owner/models")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its 95 % interval (None where it was not given)."""

    value: float
    low: float | None
    high: float | None

    @property
    def words(self) -> str:
        """The value to four places, its interval behind it."""
        return f"{self.value:.4f}"

    @property
    def range(self) -> str:
        """The interval, or nothing."""
        return "" if self.low is None or self.high is None else f"{self.low:.4f} – {self.high:.4f}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One version with what was measured of it, of the one that was live, and of the best of the others on the same pages."""

    model: Model
    candidate: Figure | None
    live: Figure | None
    peer: Figure | None
    peer_name: str
    gain: Figure | None


@blueprint.get("")
@owner_required
def models(_reader: Reader) -> ResponseReturnValue:
    """List the versions, newest first, with a drawing of what was measured of them."""
    return _listing()


@blueprint.get("/<version>")
@owner_required
def one(_reader: Reader, version: str) -> ResponseReturnValue:
    """Show all that was measured of one version."""
    return _card(version)


@blueprint.route("/<version>/promote", methods=["GET", "POST"])
@owner_required
def promote(_reader: Reader, version: str) -> ResponseReturnValue:
    """Ask, then make one version live."""
    app = state()
    if request.method != "POST":
        with app.database.read() as session:
            model, live = _get(session, version), artifacts.current(session)
        return render_template("owner_model_promote.html", model=model, live=live)
    try:
        with app.database.write() as session:
            _get(session, version)
            versions.promote(session, app.rankers, version, now=app.clock())
    except ModelError as error:
        return _card(version, told=_("%(version)s stays as it is: %(why)s.", version=version, why=str(error))), 422
    flash(_("%(version)s is live. Every page is made anew when it is next opened.", version=version))
    return redirect(url_for("measured.models"), code=303)


@blueprint.route("/back", methods=["GET", "POST"])
@owner_required
def back(_reader: Reader) -> ResponseReturnValue:
    """Ask, then go back to the version that was live before."""
    app = state()
    if request.method != "POST":
        with app.database.read() as session:
            live, before = artifacts.current(session), artifacts.earlier(session)
        return render_template("owner_model_back.html", live=live, target=next(iter(before), None))
    try:
        with app.database.write() as session:
            left = artifacts.current(session)
            told = list(versions.go_back(session, app.rankers, now=app.clock()))
            now_live = artifacts.current(session)
    except ModelError as error:
        return _listing(told=f"{str(error)[:1].upper()}{str(error)[1:]}."), 422
    for line in told[:-1]:  # the last one speaks of commands
        flash(line)
    if now_live is None:
        flash(_("%(left)s is withdrawn. Pages are ranked without learning now.", left=left))
    else:
        flash(_("%(left)s is withdrawn, and %(version)s is live again.", left=left, version=now_live))
    return redirect(url_for("measured.models"), code=303)


@blueprint.post("/trial/end")
@owner_required
def end_trial(_reader: Reader) -> ResponseReturnValue:
    """End the trial: the live model has the pages to itself again."""
    with state().database.write() as session:
        rival = artifacts.rival(session)
        if rival is not None:
            artifacts.end_trial(session, "its trial was ended by hand")
    if rival is None:
        flash(_("There was no trial to end."))
    else:
        flash(_("The trial of %(version)s has ended. It can still be promoted.", version=rival[0]))
    return redirect(url_for("measured.models"), code=303)


def _listing(told: str = "") -> str:
    app = state()
    with app.database.read() as session:
        known = [_measured(model) for model in artifacts.listing(session, limit=LISTED)]
        live, trial = artifacts.current(session), artifacts.rival(session)
        before = next(iter(artifacts.earlier(session)), None)
    return render_template(
        "owner_models.html",
        known=known,
        live=live,
        before=before,
        trial=trial,
        note=app.rankers.note,
        drawing=_drawing([one for one in known[:DRAWN] if one.candidate is not None][::-1]),
        told=told,
    )


def _drawing(known: Sequence[Measured]) -> Markup | None:
    """Draw nDCG@10 of each version beside the live one's and the best peer's on the same pages, oldest first."""
    if not known:
        return None
    columns = [
        Column(
            f"{one.model.created_at.day} {one.model.created_at:%b}",
            tuple(
                _dot(figure, shape)
                for figure, shape in ((one.candidate, "disc"), (one.live, "square"), (one.peer, "triangle"))
                if figure is not None
            ),
        )
        for one in known
    ]
    newest = known[-1]
    said = _(
        "%(count)s, oldest on the left. The newest, %(version)s, has %(value)s.",
        count=len(known),
        version=newest.model.version,
        value=newest.candidate.words if newest.candidate else "–",
    )
    legend = [("disc", _("that version")), ("square", _("the live one then")), ("triangle", _("the best other ranking"))]
    return plots.timeline("versions", _("nDCG@10 on held-out pages, version by version"), said, columns, legend)


def _card(version: str, told: str = "") -> str:
    app = state()
    with app.database.read() as session:
        model = _get(session, version)
        live = artifacts.current(session)
        try:
            app.rankers.usable(session, version)
            unusable = ""
        except ModelError as error:
            unusable = str(error)
    report: Mapping[str, Any] = model.report.get("report", {})
    whole = report.get("slices", {}).get("all", {})
    figures = {name: figure for name in whole.get("scores", {}) if (figure := _figure(report, "all", "scores", name))}
    order = sorted(figures, key=lambda name: -figures[name].value)
    said = _("The highest is %(name)s.", name=ranker_words(order[0], report)) if order else ""
    drawn = [Row(ranker_words(name, report), _dot(figures[name], "disc"), ours=name == CANDIDATE) for name in order]
    return render_template(
        "owner_model.html",
        model=model,
        is_live=live == version,
        unusable=unusable,
        told=told,
        report=report,
        pages=whole.get("pages", 0),
        rows=[(ranker_words(name, report), figures[name], _figure(report, "all", "differences", name)) for name in order],
        groups=_groups(report),
        group_names=GROUPS,
        reasons=model.report.get("reasons", []),
        slots=model.report.get("exploration", {}).get("told", ""),
        learned=model.report.get("card", {}),
        features=_features(model),
        drawing=plots.rows("rankers", _("nDCG@10 on the same held-out pages"), said, drawn) if drawn else None,
    )


def _get(session: Session, version: str) -> Model:
    try:
        return artifacts.get(session, version)
    except NotTrained:
        abort(404, _("There is no model of that name."))


def _measured(model: Model) -> Measured:
    report: Mapping[str, Any] = model.report.get("report", {})
    others = [name for name in report.get("slices", {}).get("all", {}).get("scores", {}) if name not in (CANDIDATE, LIVE)]
    scored = {name: figure for name in others if (figure := _figure(report, "all", "scores", name))}
    best = max(scored, key=lambda name: scored[name].value, default=None)
    against = LIVE if _figure(report, "all", "differences", LIVE) else UNTRAINED
    return Measured(
        model=model,
        candidate=_figure(report, "all", "scores", CANDIDATE),
        live=_figure(report, "all", "scores", LIVE),
        peer=scored[best] if best is not None else None,
        peer_name=ranker_words(best, report) if best is not None else "",
        gain=_figure(report, "all", "differences", against),
    )


def _groups(report: Mapping[str, Any]) -> list[tuple[str, int, Figure | None, Figure | None]]:
    """Return, for each group of readers, its pages, the version's figure and its gain on what is live (or untrained)."""
    found: list[tuple[str, int, Figure | None, Figure | None]] = []
    for name, part in report.get("slices", {}).items():
        gain = _figure(report, name, "differences", LIVE) or _figure(report, name, "differences", UNTRAINED)
        found.append((name, int(part.get("pages", 0)), _figure(report, name, "scores", CANDIDATE), gain))
    return found


def _features(model: Model) -> list[tuple[str, float, float]]:
    """Return the features that the trees use most: name, share of the gain, weight before the trees."""
    learned: Mapping[str, Mapping[str, float]] = model.report.get("card", {}).get("features", {})
    heaviest = sorted(learned, key=lambda name: -learned[name].get("importance", 0.0))[:HEAVIEST]
    return [(name, learned[name].get("importance", 0.0), learned[name].get("weight", 0.0)) for name in heaviest]


def _figure(report: Mapping[str, Any], group: str, what: str, ranker: str) -> Figure | None:
    """Read [value, low, high] of nDCG@10; None where the report does not hold it."""
    cell = report.get("slices", {}).get(group, {}).get(what, {}).get(ranker, {}).get(HEADLINE)
    return Figure(float(cell[0]), *cell[1:3]) if cell and cell[0] is not None else None


def _dot(figure: Figure, shape: str) -> Dot:
    return Dot(figure.value, figure.low, figure.high, shape)

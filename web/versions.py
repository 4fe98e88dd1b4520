"""Models of the store in, words out: a list of versions, one version's card, and what promoting one or going back has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from recommender.daily import Rankers
from recommender.errors import ModelError
from recommender.store import artifacts
from recommender.store.artifacts import Model
from recommender.store.db import Session

__all__ = ["card", "go_back", "listed", "promote"]

HEADLINE = "ndcg@10"
KNOWN = ("what texts have in common", "what readers like together", "what the shared page picks")
UNTRAINED = "the untrained ranking"
HEAVIEST = 8  # features on a card
MOMENT = "%Y-%m-%d %H:%M"


def listed(models: Sequence[Model]) -> list[str]:
    """Return a header and one line per version: what it is, what became of it, what was measured and why; one when there is none."""
    if not models:
        return ["No model has been trained yet: pages are ordered by the untrained ranking. `broadsheet retrain` tries now."]
    rows = [("version", "kind", "state", "made (UTC)", "nDCG@10", "vs untrained", "why")]
    for model in models:
        score, gain = _measured(model, "scores", "model"), _measured(model, "differences", "blend")
        shown = (
            "–" if score is None else f"{score[0]:.4f}",
            "–" if gain is None else f"{gain[0]:+.4f} ({_bound(gain[1])} to {_bound(gain[2])})",
        )
        rows.append((model.version, model.kind, model.state, f"{model.created_at:{MOMENT}}", *shown, model.reason.split("; ")[0]))
    return _aligned(rows)


def card(session: Session, model: Model, rankers: Rankers) -> list[str]:
    """Return all that is known of one version, line by line."""
    knows: list[str] = []
    try:
        ranker = rankers.usable(session, model.version)
        usable = "whole, and made for the features of this program"
        parts = (ranker.lens.sharpen, ranker.lens.taste, ranker.prior)
        knows = [name for name, part in zip(KNOWN, parts, strict=True) if part is not None]
    except ModelError as error:
        usable = f"cannot be used: {error}"
    learned: Mapping[str, Any] = model.report.get("card", {})
    facts = [
        ("Version", f"{model.version} ({model.kind}), {model.state}"),
        ("Made", f"{model.created_at:{MOMENT}} UTC" + (f", went live {model.promoted_at:{MOMENT}}" if model.promoted_at else "")),
        ("File", usable),
        *([("Knows", ", ".join(knows))] if knows else []),
        *((part.capitalize(), _counted(learned[part])) for part in ("train", "valid") if part in learned),
        *([("Trees", str(learned["rounds"]))] if "rounds" in learned else []),
        *([("Slots", model.report["exploration"]["told"])] if "exploration" in model.report else []),
        *(("" if number else "Why", reason) for number, reason in enumerate(_reasons(model))),
    ]
    return [*_aligned(facts), *_features(learned.get("features", {})), *_report(model.report.get("report", {}))]


def promote(session: Session, rankers: Rankers, version: str, *, now: datetime) -> str:
    """Make a version live after checking that it can be used, and say what that changed.

    Raises
    ------
    NotTrained, ModelDamaged, ModelIncompatible
        If there is none of that name, its file is not the one that was published, or it was made for other features.
    """
    artifacts.get(session, version)
    rankers.usable(session, version)
    before = artifacts.current(session)
    if before == version and artifacts.rival(session) is None:
        return f"{version} is live already."
    if before == version:
        rival, _ = artifacts.rival(session) or ("", None)
        artifacts.end_trial(session, f"{version} was chosen by hand")
        return (
            f"{version} shares the pages with {rival} no more. `broadsheet models promote {rival}` makes that one live instead."
        )
    artifacts.promote(session, version, now=now, reason="chosen by hand")
    took = f"takes the place of {before or UNTRAINED}"
    return f"{version} is live and {took}. Pages are made anew when they are next opened; `broadsheet models rollback` takes it back."


def go_back(session: Session, rankers: Rankers, *, now: datetime) -> Iterator[str]:
    """Go back to the newest version that was live before and can be used, or to the untrained ranking; say what that changed.

    Raises
    ------
    ModelError
        If nothing is live.
    """
    left, target = artifacts.current(session), None
    for version in artifacts.earlier(session):
        try:
            rankers.usable(session, version)
        except ModelError as error:
            yield f"{version} is passed over: {error}."
        else:
            target = version
            break
    artifacts.rollback(session, target, now=now)
    further = (artifacts.earlier(session) or [UNTRAINED])[0]
    again = f" Once more, and it would be {further}." if target else ""
    yield f"{target or UNTRAINED.capitalize()} is live again, {left} is withdrawn.{again} `broadsheet models promote {left}` undoes this."


def _measured(model: Model, what: str, ranker: str) -> Sequence[float | None] | None:
    """Return [value, low, high] of nDCG@10 from a stored report, or None where it is not in there."""
    slices = model.report.get("report", {}).get("slices", {})
    found: Sequence[float | None] | None = slices.get("all", {}).get(what, {}).get(ranker, {}).get(HEADLINE)
    return found if found and found[0] is not None else None


def _reasons(model: Model) -> list[str]:
    """Return why it is where it is, then what the gate said where that was something else."""
    gate = [str(reason) for reason in model.report.get("reasons", [])]
    return gate if model.reason == "; ".join(gate) else [*filter(None, [model.reason]), *(f"at the gate: {one}" for one in gate)]


def _counted(part: Mapping[str, Any]) -> str:
    return f"{part.get('first')} to {part.get('last')}: {part.get('pages')} pages of {part.get('readers')} readers, {part.get('rows')} rows"


def _features(features: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Name the features that the trees use most."""
    heaviest = sorted(features, key=lambda name: -features[name].get("importance", 0.0))[:HEAVIEST]
    if heaviest:
        yield ""
        yield from _aligned(
            [("feature", "share of the trees' gain", "weight")]
            + [
                (name, f"{features[name].get('importance', 0):.3f}", f"{features[name].get('weight', 0):+.3f}")
                for name in heaviest
            ]
        )


def _report(report: Mapping[str, Any]) -> Iterator[str]:
    """Tell what was measured: every ranker's values, the interval of the difference, and nDCG@10 by group of readers."""
    slices = report.get("slices", {})
    if not slices.get("all", {}).get("scores"):
        return
    whole, groups = slices["all"], [name for name in slices if name != "all"]
    measures = list(next(iter(whole["scores"].values())))
    rows = [("ranker", *measures, "model less this", *(f"{name}, {slices[name]['pages']} pages" for name in groups))]
    for name in sorted(whole["scores"], key=lambda one: -(whole["scores"][one][HEADLINE][0] or 0.0)):
        change = whole["differences"].get(name, {}).get(HEADLINE)
        rows.append(
            (
                report.get("versions", {}).get(name, name),
                *(_number(whole["scores"][name][measure][0]) for measure in measures),
                f"{_bound(change[0])} ({_bound(change[1])} to {_bound(change[2])})" if change else "",
                *(_number(slices[group]["scores"][name][HEADLINE][0]) for group in groups),
            )
        )
    yield ""
    yield f"Measured on {whole['pages']} held-out pages, {report.get('first')} to {report.get('last')}; the last columns are {HEADLINE}."
    yield from _aligned(rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _bound(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Put rows of as many cells under each other; the last column is as long as it likes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
    ]

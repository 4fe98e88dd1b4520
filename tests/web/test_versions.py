"""What the commands on models say: a table one can read, a card, and what has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import NOW, make_edition
from priors import by_author
from strategies import seen_through

from recommender.daily import Rankers
from recommender.errors import ModelDamaged, ModelError, ModelIncompatible, NotTrained
from recommender.rank import model
from recommender.settings import Settings
from recommender.store import artifacts
from recommender.store.db import Database
from web import versions

CELLS = {"ndcg@10": [0.7312, 0.7, 0.76], "mrr": [0.8, None, None]}
REPORT: dict[str, Any] = {
    "card": {
        "rounds": 41,
        "train": {"pages": 300, "rows": 4000, "readers": 30, "first": "2026-04-01", "last": "2026-05-09"},
        "valid": {"pages": 60, "rows": 800, "readers": 28, "first": "2026-05-10", "last": "2026-05-12"},
        "features": {f"f{n}": {"weight": n / 10, "importance": n / 100} for n in range(12)},
    },
    "report": {
        "versions": {"model": "v1"},
        "first": "2026-05-13",
        "last": "2026-05-19",
        "slices": {
            "all": {
                "pages": 195,
                "scores": {"blend": {"ndcg@10": [0.6812, 0.65, 0.7], "mrr": [None, None, None]}, "model": CELLS},
                "differences": {"blend": {"ndcg@10": [0.05, 0.032, 0.061], "mrr": [0.0, 0.0, 0.0]}},
            },
            "cold": {"pages": 29, "scores": {"blend": {"ndcg@10": [0.5, 0.4, 0.6]}, "model": {"ndcg@10": [None, None, None]}}},
        },
    },
    "exploration": {"told": "of the papers the candidate would draw, 9 % are wanted"},
    "reasons": ["nDCG@10 0.7312 on 195 held-out pages", "no group of readers is measurably worse off"],
}
GATE = "; ".join(REPORT["reasons"])


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


def add(
    database: Database, settings: Settings, version: str, *, hours: int = 0, live: bool = True, text: str | None = None
) -> None:
    untrained = model.blend_ranker(version=version)
    with database.write() as session:
        now = NOW + timedelta(hours=hours)
        artifacts.add(
            session, settings.models_folder, version, text or model.dump(untrained),
            kind="boosted", schema=untrained.schema, papers=1, now=now, report=REPORT,
        )  # fmt: skip
        if live:
            artifacts.promote(session, version, now=now, reason=GATE)


def listing(database: Database) -> list[str]:
    with database.read() as session:
        return versions.listed(artifacts.listing(session))


def card(database: Database, rankers: Rankers, version: str) -> str:
    with database.read() as session:
        return "\n".join(versions.card(session, artifacts.get(session, version), rankers))


def promote(database: Database, rankers: Rankers, version: str) -> str:
    with database.write() as session:
        return versions.promote(session, rankers, version, now=NOW + timedelta(hours=20))


def go_back(database: Database, rankers: Rankers) -> list[str]:
    with database.write() as session:
        return list(versions.go_back(session, rankers, now=NOW + timedelta(hours=30)))


def current(database: Database) -> str | None:
    with database.read() as session:
        return artifacts.current(session)


def test_without_a_model_the_list_says_what_to_do(database: Database) -> None:
    (line,) = listing(database)
    assert line.startswith("No model has been trained yet")
    assert "`broadsheet retrain`" in line


def test_the_list_says_what_was_measured_and_why(database: Database, settings: Settings) -> None:
    add(database, settings, "v1")
    with database.write() as session:
        artifacts.add(
            session, settings.models_folder, "bare", "{}", kind="blend", schema="s", papers=0, now=NOW + timedelta(hours=1)
        )
    head, bare, full = listing(database)
    assert head.split()[:4] == ["version", "kind", "state", "made"]
    assert full.split("  ")[0] == "v1"
    assert "live       2026-05-20 08:00  0.7312   +0.0500 (+0.0320 to +0.0610)  nDCG@10 0.7312 on 195 held-out pages" in full
    assert "measurably" not in full  # the whole reason is on the card
    assert bare.split() == ["bare", "blend", "candidate", "2026-05-20", "09:00", "–", "–"]
    assert head.index("why") == full.index("nDCG@10 0.7312 on")


def test_a_card_tells_everything(database: Database, settings: Settings, rankers: Rankers) -> None:
    add(database, settings, "v1")
    text = card(database, rankers, "v1")
    for said in (
        "Version  v1 (boosted), live",
        "Made     2026-05-20 08:00 UTC, went live 2026-05-20 08:00",
        "File     whole, and made for the features of this program",
        "Train    2026-04-01 to 2026-05-09: 300 pages of 30 readers, 4000 rows",
        "Valid    2026-05-10 to 2026-05-12: 60 pages of 28 readers, 800 rows",
        "Trees    41",
        "Slots    of the papers the candidate would draw, 9 % are wanted",
        "Why      nDCG@10 0.7312 on 195 held-out pages\n         no group of readers",
        "f11      0.110                     +1.100",
        "Measured on 195 held-out pages, 2026-05-13 to 2026-05-19",
        "ranker  ndcg@10  mrr     model less this               cold, 29 pages",
        "v1      0.7312   0.8000                                –",
        "blend   0.6812   –       +0.0500 (+0.0320 to +0.0610)  0.5000",
    ):
        assert said in text
    assert "f3 " not in text, "only the heaviest features"
    assert "Knows" not in text


def test_a_card_says_what_a_model_knows_besides_its_trees(database: Database, settings: Settings, rankers: Rankers) -> None:
    ranker = replace(model.blend_ranker(seen_through(make_edition(), taste=True), "v1"), prior=by_author())
    add(database, settings, "v1", text=model.dump(ranker))
    known = "Knows    what texts have in common, what readers like together, what the shared page picks"
    assert known in card(database, rankers, "v1")


def test_a_card_of_a_model_nothing_is_known_of(database: Database, settings: Settings, rankers: Rankers) -> None:
    with database.write() as session:
        artifacts.add(session, settings.models_folder, "bare", "{}", kind="blend", schema="s", papers=0, now=NOW)
    lines = card(database, rankers, "bare").splitlines()
    assert [line.split()[0] for line in lines] == ["Version", "Made", "File"]
    assert "cannot be used: not a model file" in lines[-1]


def test_a_card_says_what_became_of_it_and_what_the_gate_had_said(
    database: Database, settings: Settings, rankers: Rankers
) -> None:
    add(database, settings, "v1")
    promote(database, rankers, "v1")
    assert "Why      nDCG" in card(database, rankers, "v1")
    add(database, settings, "v2", hours=1)
    promote(database, rankers, "v1")
    assert "Why      chosen by hand\n         at the gate: nDCG@10 0.7312" in card(database, rankers, "v1")


def test_promoting_says_what_changed_and_how_to_undo_it(database: Database, settings: Settings, rankers: Rankers) -> None:
    add(database, settings, "v1", live=False)
    add(database, settings, "v2", live=False, hours=1)
    assert promote(database, rankers, "v1").startswith("v1 is live and takes the place of the untrained ranking.")
    told = promote(database, rankers, "v2")
    assert told.startswith("v2 is live and takes the place of v1. Pages are made anew")
    assert "`broadsheet models rollback`" in told
    assert promote(database, rankers, "v2") == "v2 is live already."


def test_promoting_the_live_one_ends_a_trial(database: Database, settings: Settings, rankers: Rankers) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", live=False, hours=1)
    with database.write() as session:
        artifacts.challenge(session, "v2", now=NOW)
    told = promote(database, rankers, "v1")
    assert told == "v1 shares the pages with v2 no more. `broadsheet models promote v2` makes that one live instead."
    with database.read() as session:
        assert artifacts.rival(session) is None


def test_what_cannot_be_used_is_not_promoted(database: Database, settings: Settings, rankers: Rankers) -> None:
    add(database, settings, "v1")
    for version in ("gone", "harmed", "other"):
        text = model.dump(model.blend_ranker(version=version))
        add(
            database,
            settings,
            version,
            live=False,
            text=text.replace(model.SCHEMA, "of-long-ago") if version == "other" else text,
        )
    (settings.models_folder / "gone.json").unlink()
    (settings.models_folder / "harmed.json").write_text("{}")
    refusals = {
        "gone": ModelDamaged,
        "harmed": ModelDamaged,
        "other": ModelIncompatible,
        "never": NotTrained,
        "blend-0": NotTrained,
    }
    for version, error in refusals.items():
        with pytest.raises(error):
            promote(database, rankers, version)
    assert current(database) == "v1"


def test_going_back_says_where_it_went_and_what_would_be_next(database: Database, settings: Settings, rankers: Rankers) -> None:
    for hours in range(3):
        add(database, settings, f"v{hours}", hours=hours)
    assert go_back(database, rankers) == [
        "v1 is live again, v2 is withdrawn. Once more, and it would be v0. `broadsheet models promote v2` undoes this."
    ]
    assert "v0 is live again, v1 is withdrawn. Once more, and it would be the untrained ranking." in go_back(database, rankers)[0]
    assert go_back(database, rankers) == [
        "The untrained ranking is live again, v0 is withdrawn. `broadsheet models promote v0` undoes this."
    ]
    with pytest.raises(ModelError, match="no model is live"):
        go_back(database, rankers)


def test_going_back_passes_over_what_cannot_be_used(database: Database, settings: Settings, rankers: Rankers) -> None:
    for hours in range(3):
        add(database, settings, f"v{hours}", hours=hours)
    (settings.models_folder / "v1.json").write_text("{}")
    told = go_back(database, rankers)
    assert told[0].startswith("v1 is passed over: model v1: ")
    assert told[1].startswith("v0 is live again, v2 is withdrawn.")
    assert current(database) == "v0"

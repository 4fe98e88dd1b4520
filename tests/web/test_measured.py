"""The models' pages: figures and drawings of what was measured, promote and go back with their results told."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import NOW, make_reader
from reports import REPORT

from recommender.rank import model
from recommender.settings import Settings
from recommender.store import artifacts
from recommender.store.db import Database
from recommender.store.readers import Reader


@pytest.fixture
def browser(sign_in: Callable[[Reader], Any], database: Database) -> Any:
    return sign_in(make_reader(database, "olga", is_owner=True))


def add(database: Database, settings: Settings, version: str, *, hours: int = 0, live: bool = True, **changes: Any) -> None:
    untrained = model.blend_ranker(version=version)
    report = copy.deepcopy(REPORT)
    report["report"]["versions"] = {"model": version}
    with database.write() as session:
        now = NOW + timedelta(hours=hours)
        facts = {"kind": "boosted", "schema": untrained.schema, "papers": 1, "now": now, "report": report} | changes
        artifacts.add(session, settings.models_folder, version, model.dump(untrained), **facts)
        if live:
            artifacts.promote(session, version, now=now, reason="; ".join(REPORT["reasons"]))


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text.partition("<main")[2]).split())


def current(database: Database) -> str | None:
    with database.read() as session:
        return artifacts.current(session)


def test_versions_are_listed_and_drawn(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24)
    add(database, settings, "bare", hours=30, live=False, report={})
    text = browser.get("/owner/models").get_data(as_text=True)
    assert "Pages are ordered by v2. Before it, v1 did." in words(text)
    assert re.search(
        r"v2 21 May 2026.*? live 0\.7312 0\.7000 to 0\.7600 0\.7212 .*? 0\.6812 .*? untrained ranking \+0\.0100", words(text)
    )
    assert text.count('class="dot ours"') == 2 + 1  # one a version, one in the legend
    assert "style=" not in text.partition("<main")[2]
    assert text.index(">bare<") < text.index(">v2<") < text.index(">v1<")


def test_a_version_is_told_in_full(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    text = words(browser.get("/owner/models/v1").get_data(as_text=True))
    for told in (
        "State live (boosted)",
        "whole, and made for the features of this program",
        "300 pages of 30 readers, 2026-04-01 to 2026-05-09",
        "At the gate: no group of readers is measurably worse off",
        "195 pages, 2026-05-13 to 2026-05-19. nDCG@10 with 95 % intervals",
        "v1 0.7312 0.7000 to 0.7600",
        "untrained ranking 0.6812 0.6500 to 0.7000 +0.0500 +0.0320 to +0.0610",
        "newest first 0.4000 –",
        "fewer than 5 likes 29 0.5000",
        "dense_head 25.0 % +0.500",
        "9 % are wanted",
    ):
        assert told in text
    assert text.index("untrained ranking") < text.index("newest first")
    assert browser.get("/owner/models/no-such").status_code == 404


def test_a_version_without_a_report_is_shown_too(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "bare", live=False, report={})
    assert "Nothing was measured of this version." in words(browser.get("/owner/models/bare").get_data(as_text=True))


def test_promoting_asks_first_and_says_what_changed(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24, live=False)
    assert "It takes the place of v1" in words(browser.get("/owner/models/v2/promote").get_data(as_text=True))
    assert current(database) == "v1"
    assert "v2 is live." in words(browser.follow(browser.post("/owner/models/v2/promote")))
    assert current(database) == "v2"
    assert browser.post("/owner/models/no-such/promote").status_code == 404
    assert browser.get("/owner/models/no-such/promote").status_code == 404


def test_what_cannot_be_used_is_not_promoted(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24, live=False)
    (settings.models_folder / "v2.json").write_text("{}")
    assert "cannot be used" in words(browser.get("/owner/models/v2").get_data(as_text=True))
    response = browser.post("/owner/models/v2/promote")
    assert response.status_code == 422
    assert "v2 stays as it is" in words(response.get_data(as_text=True))
    assert current(database) == "v1"


def test_going_back_asks_first_and_says_what_changed(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24)
    assert "v1 is live again, and v2 is withdrawn" in words(browser.get("/owner/models/back").get_data(as_text=True))
    assert current(database) == "v2"
    assert "v2 is withdrawn, and v1 is live again." in words(browser.follow(browser.post("/owner/models/back")))
    assert "v1 is withdrawn. Pages are ranked without learning now." in words(browser.follow(browser.post("/owner/models/back")))
    assert current(database) is None
    assert "no model is live" in words(browser.get("/owner/models/back").get_data(as_text=True))
    assert browser.post("/owner/models/back").status_code == 422


def test_going_back_passes_over_what_cannot_be_used(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24)
    (settings.models_folder / "v1.json").unlink()
    assert "v1 is passed over" in words(browser.follow(browser.post("/owner/models/back")))
    assert current(database) is None


def test_a_trial_is_told_and_ended(database: Database, settings: Settings, browser: Any) -> None:
    add(database, settings, "v1")
    add(database, settings, "v2", hours=24, live=False)
    with database.write() as session:
        artifacts.challenge(session, "v2", now=NOW + timedelta(hours=25))
    assert "v2 has shared the pages with it since" in words(browser.get("/owner/models").get_data(as_text=True))
    assert "The trial of v2 has ended." in words(browser.follow(browser.post("/owner/models/trial/end")))
    assert "There was no trial to end." in words(browser.follow(browser.post("/owner/models/trial/end")))
    assert current(database) == "v1"

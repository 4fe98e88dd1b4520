"""The state of the house: probes that do not lie, a page that names every failure, and numbers behind every place."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import DAY, make_paper

from recommender.rank import model
from recommender.rank.explain import FAMILIES
from recommender.rank.features import NAMES, SCHEMA
from recommender.settings import Settings, load
from recommender.store import artifacts, pages, readers, runs
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import RankedItem, RankedPage
from web.app import create_app
from web.status import FAMILY_WORDS, _families

INTERVALS = {"ndcg@10": [0.512, 0.471, 0.553], "mrr": [0.61, None, None]}
REPORT = {
    "versions": {"model": "m1"},
    "first": "2026-05-10",
    "last": "2026-05-15",
    "rows": 900,
    "slices": {
        "all": {
            "pages": 40,
            "readers": 4,
            "scores": {"newest": {"ndcg@10": [0.2, 0.1, 0.3], "mrr": [None, None, None]}, "model": INTERVALS},
            "differences": {},
        }
    },
}


def test_healthz_asks_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "read", lambda _self: pytest.fail("the database was asked"))
    response = client.get("/healthz")
    assert (response.status_code, response.get_data(as_text=True), response.mimetype) == (200, "ok\n", "text/plain")
    assert response.headers["Cache-Control"] == "no-store"


def test_readyz_answers_when_the_tables_are_right(client: Any) -> None:
    assert client.get("/readyz").status_code == 200


def test_readyz_says_no_without_tables_or_a_database(tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(load({}, home=tmp_path, edition="real"))
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert "broadsheet db upgrade" in response.get_data(as_text=True)
    app.extensions["broadsheet"].database.close()

    def gone(_database: Database) -> bool:
        raise OSError("connection refused by db.internal")

    monkeypatch.setattr("web.status.schema.is_current", gone)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "internal" not in response.get_data(as_text=True)


def test_status_of_a_house_where_nothing_has_happened(database: Database, signed_in: Any) -> None:
    text = signed_in.get("/status").get_data(as_text=True)
    for said in (
        "0 papers stored, 1 reader,",
        "No source has been asked yet",
        "The clock has not run yet",
        "No model has been trained yet",
    ):
        assert said in text


def test_status_names_sources_jobs_and_models(
    edition: Database, settings: Settings, signed_in: Any, now: datetime, alice: Reader
) -> None:
    ranker = model.blend_ranker()
    with edition.write() as session:
        readers.create(session, "sam", now=now, simulated=True)
        runs.source_said(session, "arxiv", now=now - timedelta(hours=1), papers=37)
        runs.source_failed(session, "huggingface", now=now, error="it answered 429", retry_at=now + timedelta(minutes=5))
        for job in ("ingest", "retrain"):
            runs.schedule(session, job, now)
        claim = runs.claim(session, "ingest", now, now + timedelta(hours=1), now=now)
        assert claim is not None
        runs.finish(session, claim, now=now, error="<b>no network</b>")
        for version, state in (("m0", "refuse"), ("m1", "promote")):
            artifacts.add(
                session,
                settings.models_folder,
                version,
                model.dump(ranker),
                kind="boosted",
                schema=ranker.schema,
                papers=48,
                now=now,
                report={"report": REPORT},
            )
            if state == "refuse":
                artifacts.refuse(session, version, "measurably worse")
            else:
                artifacts.promote(session, version, now=now, reason="better by 0.03")
    text = " ".join(re.sub(r"<[^>]+>", " ", signed_in.get("/status").get_data(as_text=True)).split())
    for said in (
        "48 papers stored, 1 reader and 1 simulated reader",
        "arXiv well 20 May 2026, 07:00 UTC 37",
        "Hugging Face failed 1 time, last on 20 May 2026, 08:00 UTC: it answered 429. Asked again after 20 May 2026, 08:05 UTC.",
        "ingest failed: &lt;b&gt;no network&lt;/b&gt; 20 May 2026, 08:00 UTC 20 May 2026, 09:00 UTC",
        "retrain none yet never 20 May 2026, 08:00 UTC",
        "m1, weights and trees learned from the log, made on 20 May 2026, 08:00 UTC",
        "Why: better by 0.03.",
        "40 pages of 2026-05-10 to 2026-05-15",
        "m1 0.512 0.471 to 0.553 0.610 newest first 0.200 0.100 to 0.300 –",
        "m0 refused 20 May 2026, 08:00 UTC measurably worse",
    ):
        assert said in text


@pytest.mark.parametrize(
    "report", [{}, {"report": {"slices": {}}}, {"report": {"slices": {"all": {"pages": 0, "scores": {}}}}}, {"other": 1}]
)
def test_a_model_without_a_report_has_no_table(
    database: Database, settings: Settings, signed_in: Any, now: datetime, report: dict[str, Any]
) -> None:
    text = model.dump(model.blend_ranker())
    with database.write() as session:
        artifacts.add(session, settings.models_folder, "m1", text, kind="boosted", schema="s", papers=0, now=now, report=report)
        artifacts.promote(session, "m1", now=now)
    page = signed_in.get("/status").get_data(as_text=True)
    assert "Measured on held-out days" not in page
    assert "m1" in page


@pytest.fixture
def trial(edition: Database, settings: Settings, now: datetime) -> Database:
    """`old` is live, `new` which wants the opposite, shares the pages."""
    with edition.write() as session:
        for version, share in (("old", 1.0), ("new", -0.5)):
            untrained = model.blend_ranker()
            text = model.dump(replace(untrained, version=version, weights=(untrained.weights * share).astype("f4")))
            artifacts.add(
                session, settings.models_folder, version, text, kind="boosted", schema=untrained.schema, papers=1, now=now
            )
        artifacts.promote(session, "old", now=now)
        artifacts.challenge(session, "new", now=now)
    return edition


def test_status_says_that_two_models_share_the_pages(trial: Database, signed_in: Any) -> None:
    assert "new has shared the pages with it since 20 May 2026, 08:00 UTC" in signed_in.get("/status").get_data(as_text=True)
    with trial.write() as session:
        artifacts.end_trial(session, "decided")
    assert "shared the pages" not in signed_in.get("/status").get_data(as_text=True)


def test_the_page_knows_that_two_models_made_it(trial: Database, signed_in: Any, alice: Reader) -> None:
    text = signed_in.get("/").get_data(as_text=True)
    assert "No model has been trained yet" not in text
    with trial.read() as session:
        page = pages.latest(session, alice.id, DAY)
        assert page is not None
    item = next(item for item in page.items if item.team == "new")
    assert "UTC by new." in signed_in.get(f"/why/{item.id}").get_data(as_text=True)


def test_why_does_not_show_the_numbers_of_others_votes() -> None:
    features = np.zeros(len(NAMES), dtype=np.float32)
    features[NAMES.index("neighbours")] = 0.9
    item = RankedItem(1, "t:1", 0.0, features)
    page = RankedPage(1, DAY, (item,), 1, "blend-0", SCHEMA, 0, 0, "", datetime(2026, 5, 20, tzinfo=UTC))
    (family,) = _families(model.blend_ranker(), page, item)
    assert family.words == FAMILY_WORDS["neighbours"]
    assert family.rows == []


def test_why_asks_the_model_that_chose_the_paper(trial: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.get("/")
    with trial.read() as session:
        page = pages.latest(session, alice.id, DAY)
    assert page is not None
    assert page.model == "old+new"
    for team in ("old", "new"):
        item = next(item for item in page.items if item.team == team and abs(item.score) > 0.05)
        text = signed_in.get(f"/why/{item.id}").get_data(as_text=True)
        totals = [float(total) for total in re.findall(r'class="family">.*?<td>([+-][\d.]+)</td></tr>', text)]
        assert sum(totals) == pytest.approx(item.score, abs=0.005)


def test_why_shows_what_adds_to_the_score(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.get("/")
    signed_in.post("/events", {"kind": "upvote", "paper": make_paper(84).id})
    signed_in.get("/")
    with edition.read() as session:
        page = pages.latest(session, alice.id, DAY)
    assert page is not None
    item = next(item for item in page.items if not item.voted)
    text = signed_in.get(f"/why/{item.id}").get_data(as_text=True).replace("−", "-")
    totals = [float(total) for total in re.findall(r'class="family">.*?<td>([+-][\d.]+)</td></tr>', text)]
    assert f"Score {item.score:.3f}" in text
    assert sum(totals) == pytest.approx(item.score, abs=0.005)
    assert [abs(total) for total in totals] == sorted((abs(total) for total in totals), reverse=True)
    assert "Meaning close to what you liked" in text
    assert "<code>z_sharp_top5</code>" in text
    assert f"Place {item.position} of {len(page.items)}" in text
    assert all(reason.text[:20].replace("“", "") in text.replace("“", "") for reason in item.reasons)


def test_every_family_of_features_has_words_for_it() -> None:
    assert set(FAMILY_WORDS) == set(FAMILIES)


def test_why_owns_up_to_a_draw_by_lot(edition: Database, signed_in: Any, alice: Reader) -> None:
    signed_in.get("/")
    signed_in.post("/events", {"kind": "upvote", "paper": make_paper(84).id})
    signed_in.get("/")
    with edition.read() as session:
        page = pages.latest(session, alice.id, DAY)
    assert page is not None
    drawn = next(item for item in page.items if item.explored)
    text = signed_in.get(f"/why/{drawn.id}").get_data(as_text=True)
    assert f"drawn by lot, with a chance of {drawn.propensity * 100:.1f} %" in text
    assert "Outside your usual" in signed_in.get("/").get_data(as_text=True)


def test_why_of_a_page_made_with_other_features_says_so(
    edition: Database, signed_in: Any, alice: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in.get("/")
    with edition.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pages SET schema = 'older', model = 'gone'")
    text = signed_in.get("/why/1").get_data(as_text=True)
    assert "can no longer be read" in text
    assert "<table" not in text


@pytest.mark.parametrize("item", ["0", "999999", str(2**70), "x"])
def test_why_of_nothing_is_not_found(edition: Database, signed_in: Any, item: str) -> None:
    assert signed_in.get(f"/why/{item}").status_code == 404

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from factories import DAY, NOW

from recommender import daily
from recommender.rank.features import SCHEMA
from recommender.rank.model import blend_ranker, dump
from recommender.store import artifacts, events, pages
from recommender.types import Channel, EventKind
from training import __main__ as door
from training.__main__ import main
from training.retrain import Outcome

NIGHT = datetime(2026, 3, 14, 2, 10, tzinfo=UTC)


@pytest.fixture
def home(settings, monkeypatch) -> str:
    monkeypatch.setenv("BROADSHEET_EDITION", "real")
    monkeypatch.setenv("BROADSHEET_EMBED__MODEL", "hashing")
    return str(settings.home)


@pytest.mark.parametrize(("published", "code"), [(True, 0), (False, 3)])
def test_retrain_says_whether_the_candidate_went_live(database, home, monkeypatch, capsys, published, code):
    monkeypatch.setattr(door, "retrain", lambda *_, now, progress: Outcome("v", published, f"So it is at {now:%H:%M}."))
    assert main(["retrain", "--home", home], now=NIGHT) == code
    assert capsys.readouterr().out == "So it is at 02:10.\n"


def test_a_log_too_small_has_a_code_of_its_own(database, home, capsys):
    assert main(["retrain", "--home", home], now=NIGHT) == 4
    assert "Not enough to learn from: no page in the log" in capsys.readouterr().err


def test_without_a_database_it_says_what_to_do(home, capsys):
    assert main(["retrain", "--home", home], now=NIGHT) == 1
    assert "run `broadsheet db upgrade`" in capsys.readouterr().err


def test_the_home_may_come_from_the_environment(database, home, monkeypatch):
    monkeypatch.setenv("BROADSHEET_HOME", home)
    assert main(["retrain"], now=NIGHT) == 4
    monkeypatch.setenv("BROADSHEET_HOEM", home)
    assert main(["retrain"], now=NIGHT) == 1


def test_evaluate_prints_the_table_of_the_newest_days(database, home, rng, make_rows, write_rows, capsys, monkeypatch):
    monkeypatch.setenv("BROADSHEET_TRAINING__BOOTSTRAP", "100")
    write_rows(database, make_rows(rng, days=5, pages_per_day=2, rows_per_page=8))
    assert main(["evaluate", "--home", home, "--days", "3"], now=datetime(2026, 3, 5, 9, tzinfo=UTC)) == 0
    out = capsys.readouterr().out
    assert "Held-out days 2026-03-03 to 2026-03-05: 6 pages" in out
    assert f"live ({blend_ranker().version})" in out
    assert "flattered" not in out


def test_evaluate_says_when_the_live_model_has_seen_those_days(
    database, home, settings, rng, make_rows, write_rows, capsys, monkeypatch
):
    monkeypatch.setenv("BROADSHEET_TRAINING__BOOTSTRAP", "100")
    write_rows(database, make_rows(rng, days=2, pages_per_day=2, rows_per_page=8))
    report = {"card": {"valid": {"last": "2026-03-01"}}}
    with database.write() as session:
        text = dump(blend_ranker(version="v"))
        artifacts.add(session, settings.models_folder, "v", text, kind="blend", schema=SCHEMA, papers=1, now=NIGHT, report=report)
        artifacts.promote(session, "v", now=NIGHT)
    assert main(["evaluate", "--home", home], now=NIGHT) == 0
    assert "The live model learned from days up to 2026-03-01" in capsys.readouterr().out


@pytest.fixture
def read(edition, settings, alice):
    """A page that was shown and answered, and the one made anew after the answer."""
    rankers = daily.Rankers(settings.models_folder)
    for minute in range(2):
        now = NOW + timedelta(minutes=minute)
        with edition.write() as session:
            page = daily.current_page(session, alice.id, DAY, rankers, settings.rank, now=now)
            pages.mark_shown(session, [item.id for item in page.items], Channel.WEB, now)
            item = next(item for item in page.items if not item.voted)
            events.append(session, alice.id, item.paper_id, EventKind.UPVOTE, at=now, item_id=item.id)
    return edition


def test_replay_finds_no_skew(read, home, capsys):
    assert main(["replay", "--home", home], now=NOW) == 0
    assert "2 pages compared, largest difference 0.00e+00" in capsys.readouterr().out


def test_replay_fails_when_features_are_computed_otherwise(read, home, capsys, monkeypatch):
    real = daily.page.describe

    def otherwise(*arguments):
        matrix = real(*arguments)
        return type(matrix)(matrix.paper_ids, matrix.names, matrix.values + 1e-4, matrix.schema)

    monkeypatch.setattr(daily.page, "describe", otherwise)
    assert main(["replay", "--home", home], now=NOW) == 1
    assert "largest difference" in capsys.readouterr().out


def test_replay_leaves_out_pages_made_with_other_settings(read, home, capsys, monkeypatch):
    monkeypatch.setenv("BROADSHEET_RANK__HALF_LIFE_DAYS", "10")
    assert main(["replay", "--home", home], now=NOW) == 0
    out = capsys.readouterr().out
    assert "0 pages compared" in out
    assert "2 pages left out" in out

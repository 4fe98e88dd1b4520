"""Which ranker makes the page: the live one, or what stands in when its file cannot be used, and a note that says so."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from factories import NOW

from recommender.daily import Rankers
from recommender.errors import ModelDamaged, NotTrained
from recommender.rank import model
from recommender.rank.features import SCHEMA
from recommender.rank.lens import flat
from recommender.settings import Settings
from recommender.store import artifacts, vectors
from recommender.store.db import Database


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


def publish(
    database: Database,
    settings: Settings,
    version: str,
    *,
    day: int = 0,
    schema: str = SCHEMA,
    live: bool = True,
    encoder: str = "",
) -> None:
    """Publish a blend under a name."""
    ranker = model.blend_ranker(replace(flat(), encoder=encoder), version)
    text = model.dump(replace(ranker, schema=schema))
    now = NOW + timedelta(days=day)
    with database.write() as session:
        artifacts.add(session, settings.models_folder, version, text, kind="blend", schema=schema, papers=1, now=now)
        if live:
            artifacts.promote(session, version, now=now)


def damage(settings: Settings, version: str) -> None:
    (settings.models_folder / f"{version}.json").write_text("{}")


def live(database: Database, rankers: Rankers) -> str:
    with database.read() as session:
        return rankers.live(session).version


def test_without_a_model_the_blend_ranks_and_nothing_is_wrong(database: Database, rankers: Rankers) -> None:
    assert live(database, rankers) == "blend-0"
    assert rankers.note is None


def test_the_live_model_ranks(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    publish(database, settings, "two", day=1)
    assert live(database, rankers) == "two"
    assert rankers.note is None


def test_a_model_is_read_once(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    with database.read() as session:
        assert rankers.live(session) is rankers.get(session, "one")
        damage(settings, "one")
        assert rankers.live(session).version == "one"


@pytest.mark.parametrize("fault", ["damaged", "missing", "incompatible"])
def test_an_earlier_model_stands_in_and_a_note_says_so(
    database: Database, settings: Settings, rankers: Rankers, fault: str
) -> None:
    publish(database, settings, "one")
    publish(database, settings, "two", day=1, schema="another" if fault == "incompatible" else SCHEMA)
    if fault == "damaged":
        damage(settings, "two")
    elif fault == "missing":
        (settings.models_folder / "two.json").unlink()
    assert live(database, rankers) == "one"
    assert rankers.note is not None
    assert "model two cannot be used" in rankers.note
    assert "one, stands in" in rankers.note


def test_a_model_made_for_another_encoder_does_not_rank(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one", encoder="this/1")
    publish(database, settings, "two", day=1, encoder="other/1")
    assert live(database, rankers) == "two"  # nothing was read yet, so nothing is amiss
    for encoder, version in (("other/1", "two"), ("this/1", "one"), ("third/1", "blend-0")):
        with database.write() as session:
            vectors.use_encoder(session, encoder, now=NOW)
        assert live(database, rankers) == version
    assert rankers.note is not None
    assert "model two was made for encoder other/1, not third/1" in rankers.note


def test_the_blend_stands_in_when_none_can_be_used(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    publish(database, settings, "two", day=1)
    damage(settings, "one")
    damage(settings, "two")
    assert live(database, rankers) == "blend-0"
    assert rankers.note is not None
    assert "two.json" in rankers.note
    assert "without learning" in rankers.note


def test_the_note_goes_when_the_model_is_whole_again(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    path = settings.models_folder / "one.json"
    body = path.read_bytes()
    path.unlink()
    live(database, rankers)
    path.write_bytes(body)
    assert live(database, rankers) == "one"
    assert rankers.note is None


def test_what_was_rolled_back_from_or_never_live_does_not_stand_in(
    database: Database, settings: Settings, rankers: Rankers
) -> None:
    publish(database, settings, "zero", live=False)
    publish(database, settings, "one", day=1)
    publish(database, settings, "two", day=2)
    with database.write() as session:
        artifacts.rollback(session, "one", now=NOW + timedelta(days=3))
    damage(settings, "one")
    assert live(database, rankers) == "blend-0"


def test_one_that_was_taken_back_does_not_stand_in_for_a_later_one(
    database: Database, settings: Settings, rankers: Rankers
) -> None:
    for day, version in enumerate(("one", "two", "three")):
        publish(database, settings, version, day=day)
        if version == "two":
            with database.write() as session:
                artifacts.rollback(session, "one", now=NOW + timedelta(days=1))
    damage(settings, "three")
    assert live(database, rankers) == "one"


def serving(database: Database, rankers: Rankers) -> list[str]:
    with database.read() as session:
        return [ranker.version for ranker in rankers.serving(session)]


def test_one_on_trial_serves_beside_the_live_one(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    publish(database, settings, "two", day=1, live=False)
    assert serving(database, rankers) == ["one"]
    with database.write() as session:
        artifacts.challenge(session, "two", now=NOW)
    assert serving(database, rankers) == ["one", "two"]
    assert live(database, rankers) == "one"


@pytest.mark.parametrize("harmed", ["one", "two"])
def test_a_trial_pauses_while_one_of_the_two_cannot_be_used(
    database: Database, settings: Settings, rankers: Rankers, harmed: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(database, settings, "one")
    publish(database, settings, "two", day=1, live=False)
    with database.write() as session:
        artifacts.challenge(session, "two", now=NOW)
    damage(settings, harmed)
    assert serving(database, rankers) == ["blend-0" if harmed == "one" else "one"]
    assert harmed in caplog.text


def test_a_version_that_is_asked_for_by_name_is_never_replaced(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    damage(settings, "one")
    with database.read() as session:
        with pytest.raises(ModelDamaged):
            rankers.get(session, "one")
        with pytest.raises(NotTrained):
            rankers.get(session, "never")
        assert rankers.get(session, "blend-0").kind == "blend"


def test_threads_share_one_copy(database: Database, settings: Settings, rankers: Rankers) -> None:
    publish(database, settings, "one")
    found: list[model.Ranker] = []

    def load() -> None:
        with database.read() as session:
            found.append(rankers.get(session, "one"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(ranker) for ranker in found}) == 1

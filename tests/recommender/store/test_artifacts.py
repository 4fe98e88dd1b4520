"""Model files: whole or not there, checked before they are read, one live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from factories import NOW

from recommender.errors import ModelDamaged, ModelError, NotTrained
from recommender.store import artifacts
from recommender.store.artifacts import Model
from recommender.store.db import Database

TEXT = '{"kind": "blend", "note": "Größe"}\r\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "models"


def publish(database: Database, folder: Path, version: str, *, text: str = TEXT, hours: int = 0, live: bool = False) -> Model:
    now = NOW + timedelta(hours=hours)
    with database.write() as session:
        model = artifacts.add(session, folder, version, text, kind="blend", schema="s1", papers=9, now=now, report={"ndcg": 0.5})
        if live:
            artifacts.promote(session, version, now=now)
    return model


def states(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {model.version: model.state for model in artifacts.listing(session)}


def test_a_model_comes_back_byte_for_byte(database: Database, folder: Path) -> None:
    model = publish(database, folder, "v1")
    with database.read() as session:
        assert artifacts.read(session, folder, "v1") == TEXT
        assert artifacts.get(session, "v1") == model
        assert artifacts.current(session) is None
    assert (model.state, model.kind, model.schema, model.papers, model.report) == ("candidate", "blend", "s1", 9, {"ndcg": 0.5})
    assert model.created_at == NOW
    assert [path.name for path in folder.iterdir()] == ["v1.json"]


def test_a_version_is_written_once(database: Database, folder: Path) -> None:
    publish(database, folder, "v1", live=True)
    with pytest.raises(ModelError, match="already"):
        publish(database, folder, "v1", text="another")
    with database.read() as session:
        assert artifacts.read(session, folder, "v1") == TEXT
        assert artifacts.exists(session, "v1")
        assert not artifacts.exists(session, "v2")


def test_an_unknown_version_is_not_trained(database: Database, folder: Path) -> None:
    with database.write() as session:
        for call in (
            lambda: artifacts.read(session, folder, "none"),
            lambda: artifacts.get(session, "none"),
            lambda: artifacts.promote(session, "none", now=NOW),
            lambda: artifacts.refuse(session, "none", "why"),
        ):
            with pytest.raises(NotTrained, match="none"):
                call()


def test_a_missing_file_is_damage(database: Database, folder: Path) -> None:
    publish(database, folder, "v1")
    (folder / "v1.json").unlink()
    with pytest.raises(ModelDamaged, match="roll back or retrain"), database.read() as session:
        artifacts.read(session, folder, "v1")


@pytest.mark.parametrize(
    "harm", [lambda body: body[:-1], lambda body: body.replace(b"b", b"c", 1), lambda body: body + b" ", lambda _: b""]
)
def test_one_wrong_byte_is_damage(database: Database, folder: Path, harm) -> None:
    publish(database, folder, "v1")
    path = folder / "v1.json"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(ModelDamaged, match="not the file that was published"), database.read() as session:
        artifacts.read(session, folder, "v1")


KILLED = """
import os, signal, sys
from pathlib import Path
from recommender.store import artifacts
Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
artifacts._write_whole(Path(sys.argv[1]), b"half a mo")
"""


def test_a_process_killed_while_writing_leaves_no_model(database: Database, folder: Path) -> None:
    path = folder / "v1.json"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], cwd=Path.cwd(), env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert [left.suffix for left in folder.iterdir()] == [".partial"]
    publish(database, folder, "v1")
    with database.read() as session:
        assert artifacts.read(session, folder, "v1") == TEXT


def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(database, folder, "v1", live=True)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        publish(database, folder, "v2")
    assert [path.name for path in folder.iterdir()] == ["v1.json"]
    assert states(database) == {"v1": "live"}


def test_a_folder_that_cannot_be_made_says_so(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot write"):
        publish(database, tmp_path / "file" / "models", "v1")


def test_a_promoted_model_is_live_and_the_one_before_retires(database: Database, folder: Path) -> None:
    publish(database, folder, "v1", live=True)
    publish(database, folder, "v2", hours=1)
    assert states(database) == {"v1": "live", "v2": "candidate"}
    with database.write() as session:
        artifacts.promote(session, "v2", now=NOW + timedelta(hours=2), reason="better by 0.02")
        artifacts.promote(session, "v2", now=NOW + timedelta(hours=2))  # twice is once
        assert artifacts.current(session) == "v2"
        assert artifacts.get(session, "v2").reason == "better by 0.02"
        assert artifacts.get(session, "v2").promoted_at == NOW + timedelta(hours=2)
    assert states(database) == {"v1": "retired", "v2": "live"}


def back(database: Database) -> str | None:
    """Go back once, as far as to the version before."""
    with database.write() as session:
        artifacts.rollback(session, next(iter(artifacts.earlier(session)), None), now=NOW + timedelta(days=9))
        return artifacts.current(session)


def test_rolling_back_again_goes_back_further(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2", "v3")):
        publish(database, folder, version, hours=hours, live=True)
    assert [back(database), back(database), back(database)] == ["v2", "v1", None]
    assert states(database) == {"v1": "withdrawn", "v2": "withdrawn", "v3": "withdrawn"}
    with pytest.raises(ModelError, match="no model is live"):
        back(database)


def test_a_rollback_says_since_when_and_from_what(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2")):
        publish(database, folder, version, hours=hours, live=True)
    assert back(database) == "v1"
    with database.read() as session:
        assert artifacts.get(session, "v1").reason == "live again since 2026-05-29 08:00 UTC, when v2 was taken back"
        assert artifacts.get(session, "v1").promoted_at == NOW


def test_a_rollback_passes_over_what_was_taken_back_before(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2")):
        publish(database, folder, version, hours=hours, live=True)
    back(database)
    publish(database, folder, "v3", hours=2, live=True)
    assert back(database) == "v1"


def test_what_was_taken_back_can_be_promoted_again(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2")):
        publish(database, folder, version, hours=hours, live=True)
    back(database)
    with database.write() as session:
        artifacts.promote(session, "v2", now=NOW + timedelta(hours=5))
    assert states(database) == {"v1": "retired", "v2": "live"}
    assert back(database) == "v1"


def test_a_clock_that_was_set_back_does_not_lose_the_way_back(database: Database, folder: Path) -> None:
    for hours, version in ((0, "v1"), (-3, "v2"), (-3, "v3")):
        publish(database, folder, version, hours=hours, live=True)
    assert [back(database), back(database)] == ["v2", "v1"]


def test_a_rollback_may_go_further_at_once_and_nowhere_else(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2", "v3", "v4")):
        publish(database, folder, version, hours=hours, live=hours < 3)
    with database.write() as session:
        assert artifacts.earlier(session) == ["v2", "v1"]
        for version in ("v3", "v4", "v9"):
            with pytest.raises(ModelError, match="was not live before v3"):
                artifacts.rollback(session, version, now=NOW)
        artifacts.rollback(session, "v1", now=NOW)
    assert states(database) == {"v1": "live", "v2": "withdrawn", "v3": "withdrawn", "v4": "candidate"}


def test_there_may_be_nothing_to_go_back_from(database: Database) -> None:
    with database.write() as session:
        assert artifacts.earlier(session) == []
        with pytest.raises(ModelError, match="no model is live"):
            artifacts.rollback(session, None, now=NOW)


@pytest.fixture
def trial(database: Database, folder: Path) -> Database:
    """v1 is live, v2 shares the pages with it, v3 waits."""
    for hours, version in enumerate(("v1", "v2", "v3")):
        publish(database, folder, version, hours=hours, live=hours == 0)
    with database.write() as session:
        artifacts.challenge(session, "v2", now=NOW, reason="it passed the gate")
    return database


def test_a_trial_is_known_with_its_beginning(trial: Database) -> None:
    with trial.read() as session:
        assert artifacts.rival(session) == ("v2", NOW)
        assert artifacts.current(session) == "v1"
        assert artifacts.get(session, "v2").reason == "it passed the gate"
    assert states(trial) == {"v1": "live", "v2": "trial", "v3": "candidate"}


@pytest.mark.parametrize(
    ("end", "after", "why"),
    [
        (lambda s: artifacts.end_trial(s, "decided"), {"v1": "live", "v2": "refused", "v3": "candidate"}, "decided"),
        (lambda s: artifacts.promote(s, "v2", now=NOW), {"v1": "retired", "v2": "live", "v3": "candidate"}, "when v2 went live"),
        (lambda s: artifacts.promote(s, "v1", now=NOW), {"v1": "live", "v2": "refused", "v3": "candidate"}, "when v1 went live"),
        (lambda s: artifacts.promote(s, "v3", now=NOW), {"v1": "retired", "v2": "refused", "v3": "live"}, "when v3 went live"),
        (lambda s: artifacts.rollback(s, None, now=NOW), {"v1": "withdrawn", "v2": "refused", "v3": "candidate"}, "v1 was taken"),
    ],
)
def test_a_trial_ends_when_somebody_decides(trial: Database, end, after: dict[str, str], why: str) -> None:
    with trial.write() as session:
        end(session)
        assert artifacts.rival(session) is None
        assert why in artifacts.get(session, "v2").reason
    assert states(trial) == after


def test_a_new_trial_ends_the_one_before(trial: Database) -> None:
    with trial.write() as session:
        artifacts.challenge(session, "v3", now=NOW)
        assert artifacts.rival(session) == ("v3", NOW)
    assert states(trial) == {"v1": "live", "v2": "refused", "v3": "trial"}


def test_it_takes_two_for_a_trial(database: Database, folder: Path) -> None:
    publish(database, folder, "v1")
    with database.write() as session:
        with pytest.raises(ModelError, match="nothing to be compared with"):
            artifacts.challenge(session, "v1", now=NOW)
        artifacts.promote(session, "v1", now=NOW)
        with pytest.raises(ModelError, match="nothing to be compared with"):
            artifacts.challenge(session, "v1", now=NOW)
        artifacts.end_trial(session, "there is none, and that is no error")


def test_a_refused_candidate_says_why_and_changes_nothing(database: Database, folder: Path) -> None:
    publish(database, folder, "v1", live=True)
    publish(database, folder, "v2", hours=1)
    with database.write() as session:
        artifacts.refuse(session, "v2", "worse by 0.03")
        assert (artifacts.current(session), artifacts.get(session, "v2").reason) == ("v1", "worse by 0.03")
    assert states(database) == {"v1": "live", "v2": "refused"}


def test_pruning_keeps_the_newest_the_live_and_the_one_before(database: Database, folder: Path) -> None:
    for hours in range(6):
        publish(database, folder, f"v{hours}", hours=hours, live=hours < 2)
    with database.write() as session:
        assert sorted(artifacts.prune(session, folder, keep=2)) == ["v2", "v3"]
        assert artifacts.prune(session, folder, keep=2) == []
        assert artifacts.read(session, folder, artifacts.earlier(session)[0]) == TEXT
    assert sorted(path.stem for path in folder.iterdir()) == ["v0", "v1", "v4", "v5"]


def test_pruning_keeps_one_on_trial(trial: Database, folder: Path) -> None:
    with trial.write() as session:
        assert artifacts.prune(session, folder, keep=1) == []
        artifacts.end_trial(session, "decided")
        assert artifacts.prune(session, folder, keep=1) == ["v2"]


def test_pruning_before_the_first_promotion(database: Database, folder: Path) -> None:
    for hours in range(3):
        publish(database, folder, f"v{hours}", hours=hours)
    with database.write() as session:
        assert artifacts.prune(session, folder, keep=1) == ["v1", "v0"]


def test_versions_are_listed_newest_first(database: Database, folder: Path) -> None:
    for hours in range(3):
        publish(database, folder, f"v{hours}", hours=hours)
    with database.read() as session:
        assert [model.version for model in artifacts.listing(session, limit=2)] == ["v2", "v1"]

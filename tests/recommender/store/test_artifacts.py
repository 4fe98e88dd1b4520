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
        artifacts.promote(session, "v2", now=NOW, reason="better by 0.02")
        artifacts.promote(session, "v2", now=NOW)  # twice is once
        assert artifacts.current(session) == "v2"
        assert artifacts.get(session, "v2").reason == "better by 0.02"
        assert artifacts.get(session, "v2").promoted_at == NOW
    assert states(database) == {"v1": "retired", "v2": "live"}


def test_a_rollback_goes_back_and_can_be_taken_back(database: Database, folder: Path) -> None:
    for hours, version in enumerate(("v1", "v2")):
        publish(database, folder, version, hours=hours, live=True)
    with database.write() as session:
        assert artifacts.rollback(session, now=NOW) == "v1"
        assert artifacts.current(session) == "v1"
        assert "rolled back from v2" in artifacts.get(session, "v1").reason
    assert states(database) == {"v1": "live", "v2": "retired"}
    with database.write() as session:
        assert artifacts.rollback(session, now=NOW) == "v2"


def test_there_may_be_nothing_to_go_back_to(database: Database, folder: Path) -> None:
    with pytest.raises(ModelError, match="no earlier version"), database.write() as session:
        artifacts.rollback(session, now=NOW)
    publish(database, folder, "v1", live=True)
    with pytest.raises(ModelError, match="no earlier version"), database.write() as session:
        artifacts.rollback(session, now=NOW)


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
        assert artifacts.read(session, folder, artifacts.rollback(session, now=NOW)) == TEXT
    assert sorted(path.stem for path in folder.iterdir()) == ["v0", "v1", "v4", "v5"]


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

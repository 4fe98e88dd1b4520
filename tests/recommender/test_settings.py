"""The environment in, settings out: what is read, what is refused, what is documented."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from recommender import settings as module
from recommender.errors import SettingsError
from recommender.settings import Settings, fields, load


def test_defaults_need_no_environment() -> None:
    assert load({}) == Settings()
    assert load({"HOME": "/x", "PATH": "/y"}) == Settings()


def test_values_are_read_and_typed() -> None:
    found = load(
        {
            "BROADSHEET_HOME": "/srv/b",
            "BROADSHEET_EDITION": "sample",
            "BROADSHEET_RANK__PAGE_SIZE": "25",
            "BROADSHEET_RANK__RIDGE": "0.5",
            "BROADSHEET_SOURCES__ENABLED": " arxiv , huggingface,",
            "BROADSHEET_SOURCES__ARXIV_DETAILS": "no",
            "BROADSHEET_CLOCK__RETRAIN_AT": "03:15",
        }
    )
    assert (found.home, found.edition, found.rank.page_size, found.rank.ridge) == (Path("/srv/b"), "sample", 25, 0.5)
    assert (found.sources.enabled, found.sources.arxiv_details) == (("arxiv", "huggingface"), False)
    assert found.clock.retrain_at == time(3, 15)
    assert found.rank.seed == Settings().rank.seed


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_RANK__PAGE_SIZE", "33")
    assert load().rank.page_size == 33


def test_an_option_wins_over_the_environment() -> None:
    assert load({"BROADSHEET_EDITION": "sample"}, edition="real").edition == "real"


@pytest.mark.parametrize(
    "name",
    [
        "BROADSHEET_RANK__PAGESIZE", "BROADSHEET_RANKS__PAGE_SIZE", "BROADSHEET_PAGE_SIZE", "BROADSHEET_", "BROADSHEET_RANK",
        "BROADSHEET_HOME__X", "BROADSHEET_RANK__PAGE_SIZE__X", "BROADSHEET_RANK_PAGE_SIZE", "BROADSHEET_RANK__PAGE_SIZE_FILE",
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not a setting"):
        load({name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROADSHEET_RANK__PAGE_SIZE", "many"),
        ("BROADSHEET_RANK__PAGE_SIZE", "0"),
        ("BROADSHEET_WEB__PORT", "65536"),
        ("BROADSHEET_CLOCK__RETRAIN_AT", "25:00"),
        ("BROADSHEET_EDITION", "evening"),
        ("BROADSHEET_MAIL__SMTP_SECURITY", "maybe"),
        ("BROADSHEET_SOURCES__ARXIV_DETAILS", "perhaps"),
    ],
)
def test_a_malformed_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load({name: value})


def test_an_unknown_option_is_refused_too() -> None:
    with pytest.raises(SettingsError, match="BROADSHEET_EMBED__MODLE"):
        load({}, embed={"modle": "hashing"})
    with pytest.raises(SettingsError, match="BROADSHEET_ADDITION"):
        load({}, addition="sample")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    broken = {
        "BROADSHEET_NONSENSE": "1",
        "BROADSHEET_RANK__PAGE_SIZE": "many",
        "BROADSHEET_WEB__PORT": "-1",
        "BROADSHEET_WEB__SECRET_KEY_FILE": str(tmp_path / "nowhere"),
    }
    with pytest.raises(SettingsError) as caught:
        load(broken)
    assert all(name in str(caught.value) for name in broken)
    assert str(caught.value).count("; ") >= len(broken) - 1


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n", encoding="utf-8")
    found = load({"BROADSHEET_MAIL__SMTP_PASSWORD_FILE": str(path), "BROADSHEET_WEB__SECRET_KEY": "k"})
    assert found.mail.smtp_password == SecretStr("s3cret")
    assert found.web.secret_key == SecretStr("k")


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    found = load({"BROADSHEET_WEB__SECRET_KEY": "s3cret"})
    assert "s3cret" not in repr(found)
    assert "s3cret" not in str(found.model_dump())
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe s3cret")
    with pytest.raises(SettingsError, match="not text") as caught:
        load({"BROADSHEET_WEB__SECRET_KEY_FILE": str(binary)})
    assert "s3cret" not in str(caught.value)


def test_settings_are_frozen() -> None:
    found = load({})
    with pytest.raises(ValidationError):
        found.rank.page_size = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        found.home = Path("/")  # type: ignore[misc]


def groups() -> dict[str, type[BaseModel]]:
    return {name: type(value) for name, value in Settings() if isinstance(value, BaseModel)}


def test_every_setting_is_documented_with_its_default() -> None:
    rows = fields()
    assert len(rows) == len({name for name, _, _ in rows})
    plain = [name for name in Settings.model_fields if name not in groups()]
    assert len(rows) == len(plain) + sum(len(group.model_fields) for group in groups().values())
    for name, _, words in rows:
        assert name.startswith("BROADSHEET_")
        assert words.endswith("."), name
    defaults = {name: default for name, default, _ in rows}
    assert defaults["BROADSHEET_SOURCES__ENABLED"] == "arxiv,huggingface"
    assert defaults["BROADSHEET_CLOCK__RETRAIN_AT"] == "02:10"
    assert defaults["BROADSHEET_WEB__SECRET_KEY"] == ""


def test_every_documented_default_is_read_back_as_it_is() -> None:
    environ = {name: default for name, default, _ in fields() if default}
    assert load(environ) == Settings()


def test_every_group_has_a_docstring_and_every_class_is_exported() -> None:
    for group in groups().values():
        assert group.__doc__
        assert group.__name__ in module.__all__


def test_the_sample_edition_has_a_database_and_models_of_its_own(tmp_path: Path) -> None:
    real, sample = (load({}, home=tmp_path, edition=edition) for edition in ("real", "sample"))
    assert real.url == f"sqlite+pysqlite:///{tmp_path}/broadsheet.db"
    assert sample.url == f"sqlite+pysqlite:///{tmp_path}/sample.db"
    assert (real.is_sample, sample.is_sample) == (False, True)
    assert real.models_folder != sample.models_folder
    assert load({"BROADSHEET_DATABASE_URL": "postgresql+psycopg://h/n"}).url == "postgresql+psycopg://h/n"


def test_addresses_and_folders_are_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({"BROADSHEET_HOME": "~/b"}).folder == tmp_path / "b"
    assert load({}).public_url == "http://127.0.0.1:8020"
    assert load({"BROADSHEET_WEB__PUBLIC_URL": "https://x.org/b/"}).public_url == "https://x.org/b"

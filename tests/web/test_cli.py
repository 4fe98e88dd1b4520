"""The command line as a person meets it: help everywhere, one line per error, exit codes that mean something."""

import gzip
import io
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from factories import DAY, NOW, make_paper
from returned_mail import report

from recommender.errors import GateRefused, NotEnoughData, SourceError
from recommender.rank import model
from recommender.settings import Settings, load
from recommender.sources import jsonl
from recommender.store import accounts, artifacts, invitations, runs, schema, suppressions
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.store.tables_mail import DigestRow
from web import jobs, shell
from web.cli import main
from web.links import Signer
from web.stationery import message_id
from web.workers import worker_name

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on the test's own Broadsheet."""
    monkeypatch.setenv("BROADSHEET_HOME", str(settings.home))
    monkeypatch.setenv("BROADSHEET_EDITION", "real")
    monkeypatch.setenv("BROADSHEET_EMBED__MODEL", "hashing")
    monkeypatch.setattr(shell, "now", lambda: NOW)
    before = logging.root.handlers[:]
    yield lambda *arguments, **more: CliRunner().invoke(main, arguments, prog_name="broadsheet", **more)
    logging.root.handlers[:] = before


def commands(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


EVERY = dict(commands())


def test_the_commands_are_these() -> None:
    assert [" ".join(path) for path in EVERY] == [
        *(
            "up",
            "serve",
            "clock",
            "tick",
            "ingest",
            "import",
            "retrain",
            "digest",
            "bounces",
            "link",
            "invite",
            "doctor",
            "sample",
        ),
        *("db upgrade", "db check", "db revision", "models list", "models show", "models promote", "models rollback"),
    ]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_with_an_example(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Example: .*broadsheet {' '.join(path)}", result.stdout)
    assert all(option.help for option in EVERY[path].params if isinstance(option, click.Option))


@pytest.mark.parametrize("path", [(), ("db",), ("models",)], ids=" ".join)
def test_groups_tell_their_commands(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Commands:" in result.stdout


def test_help_needs_no_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_NONSENSE", "1")
    assert run("up", "--help").exit_code == 0


def test_a_wrong_setting_is_one_line_and_exit_code_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_NONSENSE", "1")
    for path in (("up",), ("link",), ("doctor", "--settings")):
        result = run(*path)
        assert result.exit_code == 2
        assert result.stderr == "broadsheet: BROADSHEET_NONSENSE is not a setting; `broadsheet doctor --settings` lists them\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(SourceError("closed"), 1), (GateRefused("worse"), 3), (NotEnoughData("few"), 4), (ZeroDivisionError("by nought"), 1)],
)
def test_what_a_job_raises_becomes_an_exit_code(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def verb(work: jobs.Work) -> dict[str, object]:
        raise error

    monkeypatch.setattr(jobs, "VERBS", {**jobs.VERBS, "retrain": verb})
    result = run("retrain")
    assert result.exit_code == code
    assert result.stderr.splitlines()[-1].startswith("broadsheet: ")
    assert str(error) in result.stderr


def test_too_few_votes_end_with_4(run: Run, database: Database) -> None:
    result = run("retrain")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1].startswith("broadsheet: no page in the log")


def test_a_database_of_another_version_says_what_to_do(run: Run, database: Database) -> None:
    schema.downgrade(database)
    for path in (("serve",), ("clock",), ("db", "check")):
        result = run(*path)
        assert result.exit_code == 1
        assert "run `broadsheet db upgrade`" in result.stderr


def test_a_database_that_is_no_database_is_one_line(run: Run, settings: Settings) -> None:
    settings.folder.mkdir(parents=True)
    (settings.folder / "broadsheet.db").write_text("this is a shopping list, and a long one at that" * 100)
    result = run("link")
    assert result.exit_code == 1
    assert result.stderr.startswith("broadsheet: the database refused")


def test_link_makes_the_owner_and_signs_in(run: Run, settings: Settings) -> None:
    first, second = run("link"), run("link")
    assert re.fullmatch(r"http://127\.0\.0\.1:8020/signin/[\w-]{43}\n", first.stdout)
    assert first.stdout != second.stdout


def test_tick_does_what_is_due_and_says_so(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"added": 3, "failed": {"arxiv": "closed", "huggingface": "gone"}, "read": 0}
    verbs = {job: (lambda work: {}) for job in jobs.ORDER} | {"ingest": lambda work: found}
    monkeypatch.setattr(jobs, "VERBS", verbs)
    result = run("tick")
    assert result.exit_code == 0
    assert result.stderr == "08:00 ingest: added 3, failed arxiv: closed; huggingface: gone\n"
    assert run("tick").stderr == ""
    monkeypatch.setattr(shell, "now", lambda: NOW + timedelta(seconds=9))
    assert run("tick", "--force", "ingest").stderr.endswith("added 3, failed arxiv: closed; huggingface: gone\n")
    assert "no job" in run("tick", "--force", "nonsense").stderr


def test_tick_ends_with_1_when_a_job_failed(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(work: jobs.Work) -> dict[str, object]:
        raise SourceError("closed")

    monkeypatch.setattr(jobs, "VERBS", {job: (lambda work: {}) for job in jobs.ORDER} | {"ingest": verb})
    result = run("tick")
    assert (result.exit_code, result.stderr) == (1, "08:00 ingest: closed\n")


def test_import_reads_a_file_into_the_real_edition(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_EDITION", "auto")
    path = tmp_path / "papers.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        jsonl.write([make_paper(n) for n in range(5)], file)
        file.write("not a paper\n")
    result = run("import", str(path))
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == "5 papers: 5 new, 0 changed, 1 lines skipped; 5 embedded"
    assert run("import", str(path), "--since", "2026-06-01").exit_code in (0, 1)
    assert run("import", str(tmp_path / "nothing")).exit_code == 2


def test_import_reads_what_its_help_shows(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_EDITION", "auto")
    shown = re.search(r"\{.*?\}", run("import", "--help").stdout, re.S)
    assert shown is not None
    path = tmp_path / "own.jsonl"
    path.write_text(" ".join(shown[0].split()) + "\n", encoding="utf-8")
    result = run("import", str(path))
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, "1 paper: 1 new, 0 changed; 1 embedded")


def test_digest_shows_and_sends(run: Run, edition: Database, alice: Reader, tmp_path: Path) -> None:
    shown = run("digest", "--to", "alice")
    assert shown.exit_code == 0
    assert "To: alice <nobody@example.invalid>" in shown.stdout
    page = tmp_path / "digest.html"
    assert run("digest", "--to", "alice", "--html", str(page)).exit_code == 0
    assert "<h1" in page.read_text(encoding="utf-8")
    refused = run("digest", "--to", "alice", "--send")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "broadsheet: alice has given no e-mail address: set one on the account page\n",
    )
    with edition.write() as session:
        accounts.confirm_email(session, alice.id, "a@example.org", now=NOW)
    sent = run("digest", "--to", "alice", "--send")
    assert (sent.exit_code, sent.stderr) == (0, "Printed, not sent to a@example.org: there is no mail server.\n")
    assert "To: alice <a@example.org>" in sent.stdout  # by the console mailer
    both = run("digest", "--to", "alice", "--send", "--html", str(page))
    assert (both.exit_code, "one of them" in both.stderr) == (2, True)
    assert "no reader called 'bob'" in run("digest", "--to", "bob").stderr


def test_bounces_says_what_each_message_was(
    run: Run, database: Database, settings: Settings, alice: Reader, tmp_path: Path
) -> None:
    about = f"<{message_id(Signer('a secret that only this house holds, I hope'), settings, DAY, f'r{alice.id}')}>"
    with database.write() as session:
        accounts.confirm_email(session, alice.id, "alice@example.org", now=NOW)
        session.add(DigestRow(reader_id=alice.id, day=DAY, status="sent", message_id=about, claimed_at=NOW))
    files = {"away": report("vacation"), "gone": report("postfix", to="alice@example.org", about=about), "other": report("gmail")}
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    told = run("bounces", *(str(tmp_path / name) for name in files))
    assert (told.exit_code, told.stderr) == (0, "")
    away, gone, other = told.stdout.splitlines()
    assert away == "away: no report that a digest failed, or that somebody complained; left alone"
    assert gone.startswith(
        "gone: a bounce; nothing more is sent to this address (line 1 of the ledger: 550 5.1.1 (an address) Recipient"
    )
    assert "@" not in gone
    assert other == "other: a report about no digest that is known here; left alone"
    with database.read() as session:
        assert suppressions.among(session, ["alice@example.org"])


def test_bounces_reads_what_a_mail_server_pipes_in(run: Run, database: Database) -> None:
    """To its end, or the server would think that it failed; and what it takes for failure is what is tried again later."""
    piped = io.BytesIO(report("gmail") + b"x" * 5_000_000)
    told = run("bounces", input=piped)
    assert (told.exit_code, told.stderr, told.stdout) == (
        0,
        "",
        "message: a report about no digest that is known here; left alone\n",
    )
    assert piped.read() == b""
    schema.downgrade(database)
    later = run("bounces", input=report("gmail"))
    assert later.exit_code == 75
    assert "run `broadsheet db upgrade`" in later.stderr


def test_bounces_of_a_file_fail_as_every_command_does(run: Run, database: Database, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"")
    schema.downgrade(database)
    assert run("bounces", str(tmp_path / "one")).exit_code == 1
    assert run("bounces", str(tmp_path / "none")).exit_code == 2


def test_invite_prints_a_link_that_lets_one_person_in(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = run("invite", "--note", "for Ada").stdout.strip()
    assert printed.startswith("http://127.0.0.1:8020/join/")
    with database.read() as session:
        (made,) = invitations.listing(session, now=NOW)
        assert (made.note, made.state) == ("for Ada", "open")
        assert invitations.is_open(session, printed.rpartition("/")[2], now=NOW)
    monkeypatch.setenv("BROADSHEET_WEB__SIGNUP", "closed")
    refused = run("invite")
    assert refused.exit_code == 1
    assert "BROADSHEET_WEB__SIGNUP" in refused.stderr


def test_db_commands(run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run("db", "upgrade").stdout == f"schema {schema.head()}\n"
    assert run("db", "check").stdout == "the tables are as they should be\n"
    assert run("db", "revision").stdout == f"{schema.head()} (this program wants {schema.head()})\n"
    config = schema._config()
    copied = tmp_path / "migrations"
    shutil.copytree(str(config.get_main_option("script_location")), copied)
    config.set_main_option("script_location", str(copied))
    monkeypatch.setattr(schema, "_config", lambda: config)
    drafted = Path(run("db", "revision", "readers may have a language").stdout.splitlines()[-1])
    assert drafted.parent == copied / "versions"
    assert "def downgrade() -> None:" in drafted.read_text(encoding="utf-8")


def test_db_check_tells_what_differs(run: Run, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE digests")
    result = run("db", "check")
    assert result.exit_code == 1
    assert "digests" in result.stderr


def test_models_are_listed_shown_promoted_and_taken_back(run: Run, database: Database, settings: Settings) -> None:
    ranker = model.blend_ranker()
    with database.write() as session:
        for hours, (name, body) in enumerate({"first": model.dump(ranker), "second": model.dump(ranker), "broken": "{}"}.items()):
            at = NOW + timedelta(hours=hours)
            artifacts.add(
                session, settings.models_folder, name, body, kind="blend", schema=ranker.schema, papers=1, now=at, report={}
            )
    assert run("models", "promote", "first").stderr.startswith("first is live and takes the place of the untrained ranking.")
    assert run("models", "promote", "second").stderr.startswith("second is live and takes the place of first.")
    assert [line.split()[0] for line in run("models", "list").stdout.splitlines()] == ["version", "broken", "second", "first"]
    assert len(run("models", "list", "--limit", "1").stdout.splitlines()) == 2
    assert "retired" in run("models", "show", "first").stdout.splitlines()[0]
    for name in ("broken", "third"):
        refused = run("models", "promote", name)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("broadsheet: ")
    assert run("models", "show", "third").exit_code == 1
    assert "`broadsheet models list`" in run("models", "show", "third").stderr
    assert run("models", "rollback").stderr.startswith("first is live again, second is withdrawn.")
    assert run("models", "rollback").stderr.startswith("The untrained ranking is live again, first is withdrawn.")
    third = run("models", "rollback")
    assert (third.exit_code, third.stderr) == (1, "broadsheet: no model is live: pages are ranked without learning already\n")
    with database.read() as session:
        assert artifacts.current(session) is None


def test_sample_makes_an_edition_of_its_own(run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str, int]] = []

    def verb(name: str) -> Callable[[jobs.Work], dict[str, object]]:
        def note(work: jobs.Work) -> dict[str, object]:
            ran.append((name, Path(work.settings.url).name, work.sample_days))
            return {}

        return note

    monkeypatch.setattr(jobs, "VERBS", {job: verb(job) for job in jobs.ORDER})
    assert run("sample", "--days", "7").exit_code == 0
    assert ran == [(job, "sample.db", 7) for job in ("ingest", "simulate", "retrain")]
    assert run("sample", "--days", "99").exit_code == 2


def test_runs_asked_for_by_hand_are_in_the_ledger(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "VERBS", {**jobs.VERBS, "ingest": lambda work: {"added": 1}})
    assert run("ingest").exit_code == 0
    with database.read() as session:
        (line,) = runs.recent(session)
    assert (line.job, line.status, line.worker) == ("ingest", "ok", worker_name())


def test_settings_can_be_written_back_as_they_are_listed(run: Run, settings: Settings) -> None:
    lines = run("doctor", "--settings").stdout.splitlines()
    listed = dict(line.split("=", 1) for line in lines if not line.startswith(" "))
    assert listed["BROADSHEET_HOME"] == str(settings.home)
    assert len(listed) * 2 == len(lines)
    given = {name: value for name, value in listed.items() if value and not name.endswith("_KEY")}
    assert load(given) == load({"BROADSHEET_HOME": str(settings.home)}, edition="real", embed={"model": "hashing"})

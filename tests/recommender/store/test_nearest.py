"""The vectors in memory: nearly the stored ones, brought up to date, with the newest text of each paper, never too many."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from factories import NOW, make_paper
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recommender.store import nearest, papers, vectors
from recommender.store.db import Database
from recommender.store.nearest import Nearest, Snapshot
from recommender.types import FloatArray

ENCODER, D = "toy/8", 8


def unit(seed: int, n: int) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)
    made: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def read(database: Database, numbers: list[int], rows: FloatArray, *, version: int = 1, encoder: str = ENCODER) -> None:
    """Store papers, a new text for every version, and what an encoder makes of them."""
    batch = [make_paper(n, abstract=f"version {version}", version=version) for n in numbers]
    with database.write() as session:
        papers.upsert(session, batch, now=NOW)
        digests = [papers.text_digest(paper.title, paper.abstract) for paper in batch]
        empty = csr_array((len(batch), 4), dtype=np.float32)
        vectors.save(session, encoder, [paper.id for paper in batch], digests, rows, empty, now=NOW)
        vectors.use_encoder(session, encoder, now=NOW)


def ask(database: Database, kept: Nearest) -> Snapshot:
    with database.read() as session:
        found = kept.current(session)
    assert found is not None
    return found


def ids(numbers: list[int]) -> list[str]:
    return [make_paper(n).id for n in numbers]


def test_nothing_is_there_before_the_first_ingest(database: Database) -> None:
    with database.read() as session:
        assert Nearest().current(session) is None
        vectors_of_nobody = nearest.current(session)
    assert vectors_of_nobody is None
    with database.write() as session:
        vectors.use_encoder(session, ENCODER, now=NOW)
        assert Nearest().current(session) is None


def test_the_nearest_are_those_of_the_stored_vectors(database: Database) -> None:
    rows, numbers = unit(1, 60), list(range(60))
    read(database, numbers, rows)
    found = ask(database, Nearest())
    for query in unit(2, 10):
        cosines = rows @ query
        expected = [ids(numbers)[i] for i in np.argsort(-cosines)[:5]]
        got = found.nearest(query, 5)
        np.testing.assert_allclose([cosine for _, cosine in got], np.sort(cosines)[::-1][:5], atol=0.02)
        assert len(set(expected) & {paper_id for paper_id, _ in got}) >= 4
        assert [cosine for _, cosine in got] == sorted((cosine for _, cosine in got), reverse=True)
    assert len(found.nearest(unit(3, 1)[0], 1000)) == 60
    assert found.nearest(rows[7], 1)[0][0] == ids([7])[0]


def test_only_some_may_be_asked_for(database: Database) -> None:
    rows = unit(1, 20)
    read(database, list(range(20)), rows)
    found = ask(database, Nearest())
    got = found.nearest(rows[3], 5, among=[*ids([4, 5, 3]), "arxiv:unknown"])
    assert {paper_id for paper_id, _ in got} == set(ids([3, 4, 5]))
    assert got[0][0] == ids([3])[0]
    assert found.nearest(rows[3], 5, among=[]) == []
    assert found.nearest(rows[3], 5, among=["arxiv:unknown"]) == []


def test_the_middle_of_papers(database: Database) -> None:
    rows = unit(1, 6)
    read(database, list(range(6)), rows)
    found = ask(database, Nearest())
    middle = found.mean(ids([1, 2]))
    assert middle is not None
    expected = rows[1] + rows[2]
    assert float(middle @ expected) / float(np.linalg.norm(expected)) > 0.999
    assert np.linalg.norm(middle) == pytest.approx(1, abs=1e-5)
    assert found.mean(["arxiv:unknown"]) is None
    assert found.mean([]) is None


def test_what_comes_in_is_taken_in_and_a_new_text_replaces_the_old(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "READ", 7)
    kept, rows = Nearest(), unit(1, 30)
    read(database, list(range(10)), rows[:10])
    before = ask(database, kept)
    assert len(before) == 10
    read(database, list(range(10, 29)), rows[10:29])
    read(database, [3], -rows[3:4], version=2)
    after = ask(database, kept)
    assert after.nearest(rows[20], 1)[0][0] == ids([20])[0]
    assert after.nearest(-rows[3], 1)[0][0] == ids([3])[0]
    everything = [paper_id for paper_id, _ in after.nearest(rows[3], 100)]
    assert sorted(everything) == sorted(ids(list(range(29))))  # each once
    assert before.nearest(rows[5], 1)[0][0] == ids([5])[0]  # whoever still looks through the old ones may finish


def test_another_encoder_begins_anew(database: Database) -> None:
    kept, rows = Nearest(), unit(1, 5)
    read(database, list(range(5)), rows)
    assert len(ask(database, kept)) == 5
    wide = np.concatenate([rows, rows], axis=1)[:3]
    read(database, [0, 1, 2], wide / np.linalg.norm(wide, axis=1, keepdims=True), encoder="toy/16")
    found = ask(database, kept)
    assert (found.encoder, found.codes.shape) == ("toy/16", (3, 16))


def test_only_the_newest_are_kept(database: Database) -> None:
    kept, rows = Nearest(most=10), unit(1, 40)
    read(database, list(range(25)), rows[:25])
    assert ask(database, kept).ids == ids(list(range(16, 25)))  # nine tenths, so that there is room
    read(database, [25], rows[25:26])
    assert len(ask(database, kept)) == 10
    read(database, list(range(26, 40)), rows[26:40])
    ask(database, kept)
    assert ask(database, kept).ids == ids(list(range(31, 40)))


def test_a_database_that_was_put_back_begins_anew(database: Database, tmp_path: object) -> None:
    kept, rows = Nearest(), unit(1, 6)
    read(database, list(range(6)), rows)
    ask(database, kept)
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM vectors WHERE seq > 2")
    assert ask(database, kept).ids == ids([0, 1])


def test_threads_share_one_load(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    read(database, list(range(20)), unit(1, 20))
    kept, loads = Nearest(), []
    real = vectors.appended

    def counted(*args: object, **kwargs: object) -> object:
        loads.append(1)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(nearest.vectors, "appended", counted)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(ask(database, kept)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [20] * 4
    assert len(loads) == 1


def test_a_process_loads_a_database_once(database: Database) -> None:
    read(database, [1], unit(1, 1))
    with database.read() as session:
        first = nearest.current(session)
    with database.write() as session:
        second = nearest.current(session)
    assert first is not None
    assert second is not None
    assert first.codes.base is second.codes.base


@given(st.integers(1, 40), st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_a_byte_a_number_loses_little(n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    kept = Nearest()
    kept._append([f"x:{i}" for i in range(n)], rows)
    snapshot = Snapshot("toy", kept._ids, kept._rows, kept._codes[:n], kept._scales[:n])
    query = rows[int(rng.integers(n))]
    got = dict(snapshot.nearest(query, n))
    assert len(got) == n
    np.testing.assert_allclose([got[f"x:{i}"] for i in range(n)], rows @ query, atol=0.02)

"""Reading what is stored: batch by batch, newest first, each text once; then the words are counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, make_paper
from sqlalchemy import func, select

from recommender import embed, ingest
from recommender.daily import Rankers
from recommender.embed import HashingEncoder
from recommender.errors import EmbeddingError
from recommender.ingest import embed_missing
from recommender.rank import model, terms
from recommender.rank.lens import Lens
from recommender.settings import Settings
from recommender.store import artifacts, papers, vectors
from recommender.store.db import Database
from recommender.store.tables import VectorRow
from recommender.types import FloatArray, Paper

HOUR = timedelta(hours=1)
ENCODER = "hashing/128"


def batch(count: int = 4, *, start: int = 0, day: date = DAY) -> list[Paper]:
    return [make_paper(start + number, day=day) for number in range(count)]


def vector_counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        rows = session.execute(select(VectorRow.paper_id, func.count()).group_by(VectorRow.paper_id))
        return {row[0]: row[1] for row in rows}


class Reader(HashingEncoder):
    """Remembers what it read, and breaks at a given batch."""

    def __init__(self, *, breaks_at: int = 0, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self._breaks_at, self._before = breaks_at, before

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.batches.append(list(texts))
        self._before()
        if len(self.batches) == self._breaks_at:
            raise EmbeddingError("the encoder broke")
        return super().encode(texts)


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Settings with a commit after every three papers."""
    return settings.model_copy(update={"embed": settings.embed.model_copy(update={"commit_every": 3})})


def use(monkeypatch: pytest.MonkeyPatch, encoder: embed.Encoder) -> None:
    monkeypatch.setattr(embed, "open_encoder", lambda settings, keep=None: encoder)


def store(database: Database, given: Sequence[Paper]) -> None:
    with database.write() as session:
        papers.upsert(session, given, now=NOW)


def test_reading_goes_on_where_it_broke_off(database: Database, small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, batch(10))
    use(monkeypatch, Reader(breaks_at=3))
    with pytest.raises(EmbeddingError, match="broke"):
        embed_missing(database, small, now=NOW)
    assert len(vector_counts(database)) == 6
    second = Reader()
    use(monkeypatch, second)
    assert embed_missing(database, small, now=NOW) == 4
    assert [len(texts) for texts in second.batches] == [3, 1]
    assert vector_counts(database) == dict.fromkeys((paper.id for paper in batch(10)), 1)


def test_the_newest_edition_is_read_first(database: Database, small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = batch(3, day=DAY - timedelta(days=1)), batch(3, start=10)
    store(database, [*old, *new])
    reader = Reader()
    use(monkeypatch, reader)
    assert embed_missing(database, small, now=NOW, limit=4) == 4
    expected = {terms.paper_text(paper.title, paper.abstract) for paper in new}
    assert set(reader.batches[0]) == expected
    assert len(reader.batches[1]) == 1


def test_only_a_changed_text_is_read_again(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, batch(5))
    embed_missing(database, settings, now=NOW)
    changed = replace(batch(1)[0], version=2, abstract="Entirely new words.")
    store(database, [changed, replace(batch(2)[1], version=2, comment="9 pages")])
    reader = Reader()
    use(monkeypatch, reader)
    assert embed_missing(database, settings, now=NOW) == 1
    assert reader.batches == [[terms.paper_text(changed.title, "Entirely new words.")]]
    assert vector_counts(database)[changed.id] == 2


def test_nothing_to_read_opens_no_encoder(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, batch(2))
    embed_missing(database, settings, now=NOW)
    monkeypatch.setattr(embed, "open_encoder", lambda *_, **__: pytest.fail("it was opened"))
    assert embed_missing(database, settings, now=NOW) == 0


def test_two_at_once_leave_one_vector_each(database: Database, small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read the same batch at the same moment: the second to finish finds nothing left to store."""
    store(database, batch(7))
    meet = threading.Barrier(2, timeout=20)
    met: list[int] = []

    def before() -> None:
        if len(met) < 2:
            met.append(meet.wait())

    monkeypatch.setattr(embed, "open_encoder", lambda settings, keep=None: Reader(before=before))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: embed_missing(database, small, now=NOW), range(2)))
    assert vector_counts(database) == dict.fromkeys((paper.id for paper in batch(7)), 1)
    with database.read() as session:
        assert vectors.count_missing(session, ENCODER) == 0
        assert vectors.current_encoder(session) == ENCODER


def test_another_encoder_comes_into_use_when_it_has_read_everything(
    database: Database, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database, batch(5))
    embed_missing(database, small, now=NOW)
    named = small.model_copy(update={"embed": small.embed.model_copy(update={"model": "another"})})
    for breaks_at, limit, expected in [(2, None, ENCODER), (0, 1, ENCODER), (0, None, "another/1")]:
        other = Reader(breaks_at=breaks_at)
        other.name = "another/1"
        use(monkeypatch, other)
        if breaks_at:
            with pytest.raises(EmbeddingError):
                embed_missing(database, named, now=NOW)
        else:
            assert embed_missing(database, named, now=NOW, limit=limit) == 1
        with database.read() as session:
            assert vectors.current_encoder(session) == expected


def test_stored_vectors_are_those_of_the_texts(database: Database, settings: Settings) -> None:
    given = batch(3)
    store(database, given)
    embed_missing(database, settings, now=NOW)
    with database.read() as session:
        found = vectors.load(session, [paper.id for paper in given], ENCODER, buckets=terms.BUCKETS)
    expected = HashingEncoder().encode([terms.paper_text(paper.title, paper.abstract) for paper in given])
    assert (found.dense * expected).sum(axis=1).min() > 0.9999
    counts = terms.hash_terms([paper.title for paper in given], [paper.abstract for paper in given])
    assert abs(found.terms - counts).max() < 2e-3


def test_an_untrained_ranker_counts_words_once_and_again_when_the_store_has_grown(database: Database, settings: Settings) -> None:
    published = []
    for more in (10, 4, 1):  # 10 papers, then 14 (too few to count again), then 15
        start = sum(published and [10, 4][: len(published)])
        store(database, batch(more, start=start))
        embed_missing(database, settings, now=NOW + len(published) * HOUR)
        with database.read() as session:
            published.append(artifacts.current(session))
    assert published == ["blend-10", "blend-10", "blend-15"]
    with database.read() as session:
        known = artifacts.get(session, "blend-15")
        ranker = model.load(artifacts.read(session, settings.models_folder, "blend-15"))
        frequency, counted = vectors.document_frequency(session, ENCODER, buckets=terms.BUCKETS, newest=99)
    assert (known.kind, known.papers, known.state, ranker.version) == ("blend", 15, "live", "blend-15")
    np.testing.assert_allclose(ranker.lens.idf, terms.idf(frequency, counted), atol=1e-6)
    assert ranker.lens.idf.min() < ranker.lens.idf.max()


def live_lens(database: Database, settings: Settings) -> tuple[str, Lens]:
    with database.read() as session:
        version = artifacts.current(session) or ""
        return version, model.load(artifacts.read(session, settings.models_folder, version)).lens


def test_an_untrained_ranker_sees_what_the_newest_texts_have_in_common(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_LOOKED_AT", 25)
    old, new = batch(10, day=DAY - timedelta(days=9)), batch(25, start=20)
    for given in (old, new):
        store(database, given)
        embed_missing(database, settings, now=NOW)
    version, lens = live_lens(database, settings)
    assert (version, lens.encoder) == ("blend-35", ENCODER)
    with database.read() as session:
        found = vectors.load(session, [paper.id for paper in new], ENCODER, buckets=terms.BUCKETS)
    white = lens.sharp(found.dense)
    assert lens.sharpen is not None
    assert white.mean(axis=0) == pytest.approx(np.zeros(128), abs=1e-5)
    assert (white**2).sum(axis=1).mean() == pytest.approx(1.0, abs=1e-4)
    occurs = np.asarray((found.terms > 0).sum(axis=0)).ravel()
    assert lens.common[occurs == 0].max() == 0  # of the newest alone, though words were counted in all


def test_another_encoder_gets_a_lens_of_its_own(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many papers, read by another encoder: a lens for the old vectors would say nothing of the new ones, or not even fit."""
    store(database, batch(30))
    embed_missing(database, settings, now=NOW)
    wide = HashingEncoder(96)
    use(monkeypatch, wide)
    named = settings.model_copy(update={"embed": settings.embed.model_copy(update={"model": "another"})})
    embed_missing(database, named, now=NOW + HOUR)
    version, lens = live_lens(database, settings)
    assert (version, lens.encoder) == ("blend-30a", "hashing/96")
    assert lens.sharp(wide.encode(["one text"])).shape == (1, 96)
    assert embed_missing(database, named, now=NOW + 2 * HOUR) == 0
    assert live_lens(database, settings)[0] == "blend-30a"


def test_an_untrained_ranker_that_cannot_be_read_is_made_anew(database: Database, settings: Settings) -> None:
    store(database, batch(30))
    embed_missing(database, settings, now=NOW)
    (settings.models_folder / "blend-30.json").write_text("{}")
    store(database, batch(1, start=50))
    embed_missing(database, settings, now=NOW + HOUR)
    assert live_lens(database, settings)[0] == "blend-31"


def test_a_trained_ranker_is_not_replaced(database: Database, settings: Settings) -> None:
    store(database, batch(2))
    embed_missing(database, settings, now=NOW)
    with database.write() as session:
        facts = {"kind": "boosted", "schema": "s", "papers": 2, "now": NOW}
        text = model.dump(replace(model.blend_ranker(), version="trained", kind="boosted"))
        artifacts.add(session, settings.models_folder, "trained", text, **facts)
        artifacts.promote(session, "trained", now=NOW)
    store(database, batch(20, start=10))
    embed_missing(database, settings, now=NOW)
    with database.read() as session:
        assert artifacts.current(session) == "trained"


def test_one_that_cannot_be_used_any_more_is(database: Database, settings: Settings) -> None:
    store(database, batch(30))
    embed_missing(database, settings, now=NOW)
    with database.write() as session:
        facts = {"kind": "boosted", "schema": "s", "papers": 2, "now": NOW}
        artifacts.add(session, settings.models_folder, "trained", "{}", **facts)  # as of another version of this program
        artifacts.promote(session, "trained", now=NOW)
    embed_missing(database, settings, now=NOW)  # nothing is new
    with database.read() as session:
        live = artifacts.current(session)
        assert artifacts.get(session, live).kind == "blend"
        assert "trained cannot be used" in artifacts.get(session, live).reason
        assert Rankers(settings.models_folder).live(session).lens.sharpen is not None

"""Two lists fused into one: by words, by meaning, by both; filters and unwanted words hold for both; nothing is loaded in vain."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st

from recommender import find
from recommender.find import Filters, Hit
from recommender.settings import Settings
from recommender.store import nearest, papers, vectors
from recommender.store.db import Database
from recommender.types import LIBRARY, FloatArray


@pytest.fixture
def library(database: Database, settings: Settings) -> Database:
    own = make_paper(901, id="own:1", source=LIBRARY)
    fill(database, settings, [*make_edition(DAY), own])
    return database


def search(database: Database, text: str, *args: object, **more: object) -> list[Hit]:
    with database.read() as session:
        return find.search(session, text, *args, **more)  # type: ignore[arg-type]


def like(database: Database, paper_id: str) -> find.Encode:
    """Read every query as if it were a stored paper."""

    def encode(encoder: str, text: str) -> FloatArray | None:
        with database.read() as session:
            loaded = vectors.load(session, [paper_id], encoder, buckets=2**18)
        row: FloatArray = loaded.dense[0]
        return row

    return encode


def nobody(encoder: str, text: str) -> FloatArray | None:
    return None


def never(encoder: str, text: str) -> FloatArray | None:
    raise AssertionError("the encoder was asked")


ROBOTS = "arxiv:2605.3"


def test_what_holds_and_means_the_words_leads(library: Database) -> None:
    hits = search(library, "graph molecule spectral")
    assert all(hit.paper_id.startswith("arxiv:2605.1") for hit in hits[:5])
    assert hits[0].words == "all"
    assert hits[0].cosine is not None
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_meaning_finds_what_words_do_not(library: Database) -> None:
    robot = next(paper.id for paper in make_edition(DAY) if paper.id.startswith(ROBOTS))
    hits = search(library, "zebra graph", encode=like(library, robot))
    found = {hit.paper_id: hit for hit in hits}
    assert found[robot].words == ""
    assert found[robot].cosine == pytest.approx(1, abs=0.01)
    # One word of two lifts what is near in meaning, and nothing else; without any vectors it is all there is.
    assert not any(hit.paper_id.startswith("arxiv:2605.1") for hit in hits)
    with library.write() as session:
        vectors.use_encoder(session, "another/128", now=NOW)
    hits = search(library, "zebra graph")
    assert {hit.words for hit in hits} == {"some"}
    assert all(hit.paper_id.startswith("arxiv:2605.1") for hit in hits)


def test_reciprocal_ranks_are_added(library: Database) -> None:
    fused = find._fused({"a": True, "b": True, "c": False}, [("c", 0.9), ("a", 0.8), ("d", 0.7)])
    assert [hit.paper_id for hit in fused] == ["a", "c", "b", "d"]
    assert fused[0].score == pytest.approx(1 / 61 + 1 / 62)
    assert fused[1].score == pytest.approx(1 / 63 + 1 / 61)
    assert [(hit.words, hit.cosine) for hit in fused] == [("all", 0.8), ("some", 0.9), ("all", None), ("", 0.7)]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_fusion_keeps_each_paper_once_and_an_order_both_agree_on(one: list[str], other: list[str]) -> None:
    fused = [hit.paper_id for hit in find._fused(dict.fromkeys(one, True), [(i, 0.5) for i in other])]
    assert sorted(fused) == sorted({*one, *other})
    shared = set(one) & set(other)
    for first in shared:
        for second in shared:
            if one.index(first) < one.index(second) and other.index(first) < other.index(second):
                assert fused.index(first) < fused.index(second)


@pytest.mark.parametrize(("text", "exact"), [("graph molecule", True), ('"message passing"', False)])
def test_exact_words_load_neither_encoder_nor_vectors(
    library: Database, monkeypatch: pytest.MonkeyPatch, text: str, exact: bool
) -> None:
    monkeypatch.setattr(nearest, "current", never)
    hits = search(library, text, exact=exact, encode=never)
    assert hits
    assert {hit.words for hit in hits} == {"all"}


def test_nothing_to_look_for_finds_nothing(library: Database) -> None:
    assert (
        search(library, "", encode=never) == search(library, "-graph", encode=never) == search(library, "?!", encode=never) == []
    )


def test_a_query_nobody_can_read_goes_by_its_best_papers(library: Database, settings: Settings) -> None:
    fill(library, settings, [make_paper(500, topic="robots", title="A walrus")])
    hits = search(library, "walrus", encode=nobody)
    assert (hits[0].words, hits[0].paper_id) == ("all", "arxiv:2605.30500")
    by_meaning = [hit.paper_id for hit in hits if not hit.words]
    assert by_meaning
    assert all(paper_id.startswith(ROBOTS) for paper_id in by_meaning[:3])
    assert search(library, "qwertzuiop", encode=nobody) == []


def test_without_an_encoder_words_are_enough(database: Database) -> None:
    with database.write() as session:
        papers.upsert(session, make_edition(DAY), now=NOW)
    assert search(database, "graph", encode=never)[0].words == "all"


def test_a_readers_own_papers_are_never_found(library: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = search(library, "graph study 901", k=60, encode=like(library, "own:1"))
    assert hits
    assert "own:1" not in {hit.paper_id for hit in hits}
    with library.read() as session:
        assert "own:1" not in dict(find.similar(session, make_edition(DAY)[0].id, k=60))


def test_filters_and_unwanted_words_hold_for_meaning_too(library: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = next(paper.id for paper in make_edition(DAY) if paper.id.startswith(ROBOTS))
    encode = like(library, robot)
    for few in (find.FEW, 3):  # looked through one by one, or by wider circles
        monkeypatch.setattr(find, "FEW", few)
        hits = search(library, "graph", Filters(categories=("cs.RO",)), encode=encode)
        assert hits[0].paper_id == robot
        assert all(hit.paper_id.startswith(ROBOTS) for hit in hits)
        assert len(hits) == 8
    assert search(library, "graph", Filters(last=date(2020, 1, 1)), encode=encode) == []
    without = search(library, "graph -gripper", k=60, encode=encode)
    stored = {paper.id: f"{paper.title} {paper.abstract}".lower() for paper in make_edition(DAY)}
    assert without
    assert not any("gripper" in stored[hit.paper_id] for hit in without)


def test_circles_widen_until_there_are_enough(library: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of papers nearer than any other must not hide the others."""
    monkeypatch.setattr(find, "DEPTH", 4)
    own = [
        make_paper(700 + n, id=f"own:{n}", title="gripper arm torque", abstract="gripper arm", source=LIBRARY) for n in range(30)
    ]
    fill(library, settings, own)
    hits = search(library, "zebra", k=2, encode=like(library, "own:0"))
    assert [hit.words for hit in hits] == ["", ""]
    assert all(hit.paper_id.startswith(ROBOTS) for hit in hits)


def test_newest_first_among_the_best(database: Database, settings: Settings) -> None:
    fill(database, settings, [make_paper(n) for n in (3, 9, 1, 14)])  # published at n o'clock
    found = [hit.paper_id for hit in search(database, "graph", newest=True, k=3)]
    assert found == [f"arxiv:2605.1{n:04d}" for n in (14, 9, 3)]


def test_more_begins_like_less(library: Database) -> None:
    less = search(library, "graph robot speech", k=5)
    assert search(library, "graph robot speech", k=20)[:5] == less


def test_snippets_are_added_to_what_holds_the_words(library: Database) -> None:
    with library.read() as session:
        hits = find.with_snippets(session, "molecule", find.search(session, "molecule"))
    marked = [hit for hit in hits if hit.snippet]
    assert marked
    assert all(hit.words for hit in marked)
    assert any(part.found and part.text.lower() == "molecule" for part in marked[0].snippet)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("arxiv:2605.10080", True), ("2605.10080v3", True), (" https://arxiv.org/pdf/2605.10080 ", True), ("own:1", False),
        ("2605.99999", False), ("graph", False), ("", False), ("x" * 500, False),
    ],
)  # fmt: skip
def test_an_id_names_its_paper(library: Database, written: str, named: bool) -> None:
    with library.read() as session:
        assert (find.named(session, written) == "arxiv:2605.10080") is named


def test_similar_papers_are_of_any_season(library: Database, settings: Settings) -> None:
    paper = make_edition(DAY)[0]
    old = make_paper(5, day=date(2020, 1, 2), title=paper.title, abstract=paper.abstract)
    fill(library, settings, [old])
    with library.read() as session:
        found = find.similar(session, paper.id, k=5)
        assert found[0] == (old.id, pytest.approx(1, abs=0.01))
        assert paper.id not in dict(found)
        assert len(found) == 5
        assert find.similar(session, "arxiv:unknown") == []


def test_vectors_of_a_moment_agree_with_the_stored_ones(library: Database) -> None:
    paper = make_edition(DAY)[3]
    with library.read() as session:
        encoder = vectors.current_encoder(session)
        assert encoder is not None
        stored = vectors.load(session, [other.id for other in make_edition(DAY)], encoder, buckets=2**18)
        cosines = stored.dense @ stored.dense[stored.ids.index(paper.id)]
        expected = [stored.ids[i] for i in np.argsort(-cosines)[1:4]]
        assert [other for other, _ in find.similar(session, paper.id, k=3)] == expected

"""The words of a search among the stored papers: the same on both databases, with filters, never a reader's own papers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from factories import DAY, NOW, make_edition, make_paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from recommender.store import papers, schema, search
from recommender.store.db import Database
from recommender.store.search import Filters, Part
from recommender.store.tables import PaperRow
from recommender.store.wording import parse
from recommender.types import LIBRARY

ODD = make_paper(
    900,
    title="Über die Größe von $\\alpha$-Divergenzen: GPT-4",
    abstract="We measure " + "many things, " * 60 + "and in the end a walrus sings about the state of the art.",
    authors=("Jürgen O'Neil", "渡辺 次郎"),
    code_url="https://code.example.org/x",
    source="huggingface",
    published=datetime(2026, 4, 30, 23, 30, tzinfo=UTC),
    categories=("math.OC", "cs.LG"),
)


@pytest.fixture
def library(database: Database) -> Database:
    with database.write() as session:
        own = make_paper(901, id="own:1", title="A walrus of my own", source=LIBRARY)
        papers.upsert(session, [*make_edition(DAY), ODD, own], now=NOW)
    return database


@pytest.fixture
def found(library: Database) -> Callable[..., list[str]]:
    def ids(typed: str, filters: Filters = search.NOTHING, *, limit: int = 20, loose: bool = False) -> list[str]:
        with library.read() as session:
            return list(search.lexical(session, parse(typed), filters, limit=limit, loose=loose))

    return ids


@pytest.mark.parametrize(
    "typed",
    ["walrus", "WALRUS sings", "measuring", "uber", "über", "größe", "jurgen", "O'Neil", "gpt-4", "GPT 4", "\\alpha", "alpha divergenzen",
     "渡辺", '"state of the art"', "state-of-the-art", "walr", "wal*", "sing walr", "walrus -graph", 'walrus -"state of the union"'],
)  # fmt: skip
def test_words_are_found_as_people_write_them(found: Callable[..., list[str]], typed: str) -> None:
    assert found(typed)[:1] == [ODD.id]


@pytest.mark.parametrize(
    "typed",
    ["walrus graph", '"sings walrus"', "walrus -sings", 'walrus -"state of the art"', "-walrus", "", "wa", '"walr"', "own"],
)
def test_what_does_not_hold_all_is_not_found(found: Callable[..., list[str]], typed: str) -> None:
    assert found(typed) == []


def test_a_title_counts_more_than_an_abstract(library: Database, found: Callable[..., list[str]]) -> None:
    words = "graph node edge adjacency molecule link clustering community vertex " * 6
    titled = make_paper(910, title="A walrus", abstract=f"{words} and so on.")
    named = make_paper(911, title="A seal", abstract=f"{words} and so on.", authors=("Wilma Walrus",))
    with library.write() as session:
        papers.upsert(session, [titled, named], now=NOW)
    assert found("walrus") == [titled.id, named.id, ODD.id]


def test_loose_goes_on_to_some_of_the_words(library: Database, found: Callable[..., list[str]]) -> None:
    assert found("walrus molecule", loose=False) == []
    assert ODD.id in found("walrus molecule", loose=True)
    assert len(found("walrus molecule", loose=True)) > 1
    with library.read() as session:
        whole = search.lexical(session, parse("graph molecule"), limit=50, loose=True)
        both = search.lexical(session, parse("graph molecule"), limit=50)
    assert set(both.values()) == {True}
    assert list(whole)[: len(both)] == list(both)
    assert [paper_id for paper_id, holds_all in whole.items() if holds_all] == list(both)


def test_a_limit_is_kept(found: Callable[..., list[str]]) -> None:
    assert found("graph", limit=3) == found("graph", limit=8)[:3]
    assert len(found("graph", limit=3)) == 3


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(categories=("math.OC",)), True),
        (Filters(categories=("math",)), True),
        (Filters(categories=("cs.CV", "cs.LG")), True),
        (Filters(categories=("cs.L",)), False),
        (Filters(categories=("mat",)), False),
        (Filters(categories=('%"', "_")), False),
        (Filters(source="huggingface"), True),
        (Filters(source="arxiv"), False),
        (Filters(source=LIBRARY), False),
        (Filters(code=True), True),
        (Filters(first=date(2026, 4, 30), last=date(2026, 4, 30)), True),
        (Filters(first=date(2026, 5, 1)), False),
        (Filters(last=date(2026, 4, 29)), False),
        (Filters(first=date.min, last=date.max), True),
    ],
)
def test_filters(library: Database, found: Callable[..., list[str]], filters: Filters, passes: bool) -> None:
    assert (ODD.id in found("walrus", filters)) is passes
    with library.read() as session:
        assert (search.among(session, [ODD.id, "own:1", "arxiv:nothing"], filters) == [ODD.id]) is passes
        assert (ODD.id in (search.at_most(session, filters, 100) or [])) is passes
        assert "own:1" not in (search.at_most(session, filters, 100) or [])


def test_few_are_all_and_many_are_none(library: Database) -> None:
    with library.read() as session:
        assert len(search.at_most(session, Filters(categories=("cs.RO",)), 8) or []) == 8
        assert search.at_most(session, Filters(categories=("cs.RO",)), 7) is None


def test_a_filter_is_not_lost_among_many_better_papers(
    library: Database, found: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index names more than are wanted; where the filters take all of these, it is asked again together with them."""
    monkeypatch.setattr(search, "SPARE", 1)
    monkeypatch.setattr(search, "WIDER", 2)
    chosen = Filters(categories=("math.OC",))
    assert found("walrus graph speech", chosen, limit=2, loose=True) == [ODD.id]
    assert found("we measure graph", Filters(code=True), limit=1, loose=True) == [ODD.id]


def test_a_snippet_marks_the_words_where_they_stand(library: Database) -> None:
    with library.read() as session:
        (parts,) = search.snippets(session, parse("walrus"), [ODD.id, make_paper(1).id]).values()
        assert Part("walrus", found=True) in parts
        assert len(parts) == 3
        assert "many things" in parts[0].text
        begun = search.snippets(session, parse("a walr"), [ODD.id])
        assert Part("walrus", found=True) in begun[ODD.id]
        assert search.snippets(session, parse("jurgen"), [ODD.id]) == {}
        assert search.snippets(session, parse("walrus"), []) == {}
        assert search.snippets(session, parse("-walrus"), [ODD.id]) == {}


def test_unwanted_words_take_papers_out_of_any_list(library: Database) -> None:
    with library.read() as session:
        others = found_ids = search.among(session, [ODD.id, *search.lexical(session, parse("robot"), limit=3)])
        assert search.without(session, parse("x -walrus"), others) == found_ids[1:]
        assert search.without(session, parse("x"), others) == others


def test_newest_first_and_sources(library: Database) -> None:
    batch = [make_paper(n) for n in (80, 85, 83)]
    with library.read() as session:
        stored = search.among(session, [paper.id for paper in batch])
        by_hour = sorted(stored, key=lambda i: next(p.published for p in batch if p.id == i), reverse=True)
        assert search.newest_first(session, [*stored, ODD.id]) == [*by_hour, ODD.id]
        assert search.sources(session) == ["arxiv", "huggingface"]


def test_the_index_follows_the_papers(library: Database, found: Callable[..., list[str]]) -> None:
    with library.write() as session:
        changed = make_paper(900, title="A seal", abstract="It barks.", authors=("Ann",), source="huggingface", version=2)
        papers.upsert(session, [changed], now=NOW)
    assert (found("walrus"), found("jurgen"), found("seal"), found("ann")) == ([], [], [ODD.id], [ODD.id])
    with library.write() as session:
        for table in ("paper_sources", "signals", "paper_versions"):
            session.execute(text(f"DELETE FROM {table} WHERE paper_id = :id"), {"id": ODD.id})
        session.execute(text("DELETE FROM papers WHERE id = :id"), {"id": ODD.id})
    assert found("seal") == []
    if library.engine.dialect.name == "sqlite":
        with library.write() as session:
            session.execute(text("INSERT INTO search_index (search_index) VALUES ('integrity-check')"))
            assert session.scalar(text("SELECT count(*) FROM search_numbers")) == papers.count(session)


def test_packing_the_file_does_not_mix_papers_up(library: Database, found: Callable[..., list[str]]) -> None:
    if library.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no numbers of its own for rows")
    before = found("graph")
    with library.write() as session:
        gone = found("speech")[0]
        for table in ("paper_sources", "signals"):
            session.execute(text(f"DELETE FROM {table} WHERE paper_id = :id"), {"id": gone})
        session.execute(text("DELETE FROM papers WHERE id = :id"), {"id": gone})
    with library.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("BEGIN")
    assert found("graph") == before
    assert gone not in found("speech")


def test_papers_that_were_there_before_the_index_are_found(library: Database) -> None:
    """Back to the schema without it, a paper more by the program of that time, and forward again."""
    schema.downgrade(library, "0003")
    with library.write() as session:
        facts = {"title": "An old paper", "abstract": "", "authors": ["Zoë  Quell"], "categories": [], "source": "arxiv"}
        times = {"published": NOW, "edition": DAY, "first_seen_at": NOW, "updated_at": NOW}
        session.add(PaperRow(id="old:1", text_digest="", **facts, **times))
    schema.upgrade(library)
    with library.read() as session:
        assert list(search.lexical(session, parse("zoe quell"), limit=5)) == ["old:1"]
        named = session.execute(text("SELECT place, name, key FROM paper_authors WHERE paper_id = 'old:1'")).all()
        assert [tuple(row) for row in named] == [(1, "Zoë  Quell", "zoë quell")]
        assert len(search.lexical(session, parse("graph"), limit=50)) == 8


@given(typed=st.text(max_size=60) | st.text(alphabet="\"-*^:(){}+&|!<>\\' aOR", max_size=30))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_that_is_typed_is_a_command(library: Database, typed: str) -> None:
    with library.read() as session:
        wording = parse(typed)
        ids = list(search.lexical(session, wording, limit=5, loose=True))
        search.snippets(session, wording, ids)
        search.without(session, wording, ids)


def test_every_paper_that_holds_a_word_is_found(found: Callable[..., list[str]]) -> None:
    edition = make_edition(DAY)
    holding = [paper.id for paper in edition if "molecule" in f"{paper.title} {paper.abstract}".lower()]
    assert 0 < len(holding) < len(edition)
    assert sorted(found("molecules", limit=50)) == sorted(holding)

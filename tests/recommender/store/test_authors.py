"""Who wrote what: noted as papers are stored, by a key that all spellings share, listed newest first, page by page."""

from __future__ import annotations

from datetime import UTC, datetime

from factories import NOW, make_paper
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from recommender.store import authors, papers
from recommender.store.db import Database
from recommender.store.tables_shared import PaperAuthorRow
from recommender.types import LIBRARY, Paper


def store(database: Database, *batch: Paper) -> None:
    with database.write() as session:
        papers.upsert(session, batch, now=NOW)


def rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(PaperAuthorRow)) or 0


@given(st.text(max_size=400))
def test_a_key_is_its_own_key(name: str) -> None:
    key = authors.key_of(name)
    assert authors.key_of(key) == key
    assert len(key) <= 300
    assert authors.key_of(f"  {name}\t") == key


def test_a_key_is_the_same_for_every_spelling() -> None:
    assert {authors.key_of(name) for name in ("Ada Lovelace", "ADA  LOVELACE", "Ａｄａ Lovelace")} == {"ada lovelace"}
    assert authors.key_of("Zoë") != authors.key_of("Zoe")


def test_papers_of_one_person_newest_first_page_by_page(database: Database) -> None:
    written = [
        make_paper(
            n, authors=("Ada Lovelace" if n % 2 else "ada LOVELACE", f"Other {n}"), published=datetime(2026, 5, n, tzinfo=UTC)
        )
        for n in (3, 1, 4, 2)
    ]
    same_day = make_paper(9, authors=("Ada Lovelace",), published=datetime(2026, 5, 2, tzinfo=UTC))
    own = make_paper(8, id="own:8", authors=("Ada Lovelace",), source=LIBRARY)
    store(database, *written, same_day, own, make_paper(7))
    listed = ["arxiv:2605.10004", "arxiv:2605.10003", "arxiv:2605.10002", "arxiv:2605.10009", "arxiv:2605.10001"]
    with database.read() as session:
        assert authors.papers_of(session, "ada lovelace", limit=10) == listed
        pages, before = [], None
        while page := authors.papers_of(session, "ada lovelace", limit=2, before=before):
            pages.append(page)
            before = page[-1]
        assert pages == [listed[:2], listed[2:4], listed[4:]]
        assert authors.count_of(session, "ada lovelace") == 5
        assert authors.name_of(session, "ada lovelace") == "Ada Lovelace"
        assert authors.papers_of(session, "nobody", limit=10) == []
        assert authors.count_of(session, "nobody") == 0
        assert authors.name_of(session, "nobody") is None


def test_a_new_version_may_have_other_authors(database: Database) -> None:
    store(database, make_paper(1, authors=("Ada", "Bo", "Cy")))
    store(database, make_paper(1, authors=("Bo", "Di"), version=2))
    with database.read() as session:
        assert authors.papers_of(session, "ada", limit=5) == authors.papers_of(session, "cy", limit=5) == []
        assert len(authors.papers_of(session, "bo", limit=5)) == len(authors.papers_of(session, "di", limit=5)) == 1
    assert rows(database) == 2


def test_what_an_earlier_program_stored_is_named_when_it_comes_again(database: Database) -> None:
    store(database, make_paper(1))
    with database.write() as session:
        session.query(PaperAuthorRow).delete()
    assert rows(database) == 0
    store(database, make_paper(1))
    assert rows(database) == 2


def test_very_long_and_very_many_names(database: Database) -> None:
    store(database, make_paper(1, authors=("ß" * 400, *(f"Person {n}" for n in range(1200)))), make_paper(2, authors=()))
    with database.read() as session:
        assert authors.count_of(session, "person 1199") == 1
        assert authors.count_of(session, authors.key_of("ß" * 400)) == 1
    assert rows(database) == 1201


def test_a_name_on_one_paper_twice_is_one_paper(database: Database) -> None:
    store(database, make_paper(1, authors=("Wei Wang", "wei wang")))
    with database.read() as session:
        assert authors.papers_of(session, "wei wang", limit=5) == ["arxiv:2605.10001"]
        assert authors.count_of(session, "wei wang") == 1


def test_organisations_are_listed_the_same_way(database: Database) -> None:
    names = ("Example Lab", "EXAMPLE  Lab", "Other", None, "Example Lab")
    batch = [
        make_paper(n, organization=name, published=datetime(2026, 5, n, tzinfo=UTC)) for n, name in enumerate(names, start=1)
    ]
    store(database, *batch, make_paper(8, id="own:8", organization="Example Lab", source=LIBRARY))
    with database.read() as session:
        listed = authors.organization_papers(session, "example lab", limit=5)
        assert listed == ["arxiv:2605.10005", "arxiv:2605.10002", "arxiv:2605.10001"]
        assert authors.organization_papers(session, "example lab", limit=5, before=listed[0]) == listed[1:]
        assert authors.organization_count(session, "example lab") == 3
        assert authors.organization_name(session, "example lab") == "Example Lab"
        assert authors.organization_name(session, "nobody") is None
        assert authors.organization_count(session, "nobody") == 0

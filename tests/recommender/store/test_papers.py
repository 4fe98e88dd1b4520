"""Upsert and what is read back: whose words win, what is kept, what was known when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from factories import DAY, NOW, make_paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from recommender.store import papers
from recommender.store.db import Database
from recommender.store.papers import Edition, Upserted
from recommender.store.tables import PaperRow, PaperSourceRow, PaperVersionRow, SignalRow
from recommender.types import Paper, Signals

HOUR = timedelta(hours=1)
PAPER = make_paper(1, signals=Signals())
FULL = replace(
    PAPER,
    version=2,
    announce="cross",
    pdf_url="https://arxiv.org/pdf/1",
    code_url="https://code.example/1",
    project_url="https://project.example/1",
    comment="9 pages",
    organization="An Institute",
    submitter="someone",
    signals=Signals(upvotes=3, comments=0, stars=12),
    invented=True,
)
HUGGINGFACE = replace(
    PAPER,
    source="huggingface",
    title="A title as typed elsewhere",
    abstract="Shortened.",
    edition=DAY + timedelta(days=1),
    code_url="https://code.example/1",
    organization="An Institute",
    submitter="someone",
    signals=Signals(upvotes=7, comments=2),
)


def put(database: Database, *batch: Paper, now: datetime = NOW) -> Upserted:
    with database.write() as session:
        return papers.upsert(session, batch, now=now)


def stored(database: Database, paper_id: str = PAPER.id, as_of: datetime | None = None) -> Paper:
    with database.read() as session:
        return papers.get(session, [paper_id], as_of=as_of)[paper_id]


def versions(database: Database) -> list[tuple[int, str]]:
    with database.read() as session:
        rows = session.execute(select(PaperVersionRow.version, PaperVersionRow.title).order_by(PaperVersionRow.id))
        return [(row[0], row[1]) for row in rows]


def test_every_field_comes_back(database: Database) -> None:
    put(database, FULL)
    assert stored(database) == FULL


def test_new_changed_and_unchanged_are_counted(database: Database) -> None:
    batch = [make_paper(number) for number in range(5)]
    assert put(database, *batch) == Upserted(added=5)
    changed = [replace(batch[0], title="Other", version=2), *batch[1:], make_paper(9)]
    assert put(database, *changed) == Upserted(added=1, changed=1, unchanged=4)
    assert put(database, *changed) == Upserted(unchanged=6)
    assert put(database) == Upserted()
    with database.read() as session:
        assert papers.count(session) == 6


def test_counts_add_up() -> None:
    assert Upserted(1, 2, 3) + Upserted(10, 20, 30) == Upserted(11, 22, 33)
    assert Upserted(1, 2, 3).total == 6


def test_more_papers_than_one_statement_holds(database: Database) -> None:
    batch = [make_paper(number % 1000, id=f"arxiv:9901.{number:05d}") for number in range(papers.BATCH * 2 + 7)]
    assert put(database, *batch) == Upserted(added=len(batch))
    assert put(database, *batch) == Upserted(unchanged=len(batch))
    with database.read() as session:
        assert len(papers.get(session, [paper.id for paper in batch])) == len(batch)


def test_a_paper_twice_in_a_batch_is_stored_once_and_counted_twice(database: Database) -> None:
    later = replace(PAPER, title="Second thoughts", version=2, edition=DAY + timedelta(days=2), signals=Signals(upvotes=1))
    assert put(database, PAPER, later, later) == Upserted(added=1, changed=1, unchanged=1)
    assert stored(database) == replace(later, edition=DAY)
    assert versions(database) == [(1, PAPER.title)]
    with database.read() as session:
        assert len(list(session.scalars(select(PaperSourceRow)))) == 1
        assert len(list(session.scalars(select(SignalRow)))) == 1


CASES = [
    replace(PAPER, source=source, version=version, title=f"Title {version} {source}", comment=comment)
    for source in ("arxiv", "huggingface")
    for version in (1, 2)
    for comment in (None, "5 pages")
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=st.lists(st.sampled_from(CASES), min_size=1, max_size=5), cut=st.integers(0, 5))
def test_where_a_batch_ends_makes_no_difference(database: Database, reports: list[Paper], cut: int) -> None:
    outcomes = []
    for parts in ([reports], [reports[:cut], reports[cut:]]):
        try:
            with database.write() as session:
                for part in parts:
                    papers.upsert(session, part, now=NOW)
                found = papers.get(session, [PAPER.id])
                history = session.execute(select(PaperVersionRow.version, PaperVersionRow.title).order_by(PaperVersionRow.id))
                outcomes.append((found, [tuple(row) for row in history]))
                raise InterruptedError  # roll back: the next try must find the store as this one did
        except InterruptedError:
            pass
    assert outcomes[0] == outcomes[1]


def test_an_edition_never_moves(database: Database) -> None:
    put(database, PAPER)
    for days in (-3, 3):
        moved = replace(PAPER, edition=DAY + timedelta(days=days), announce="replace", published=PAPER.published - HOUR)
        assert put(database, moved) == Upserted(unchanged=1)
    assert stored(database) == PAPER


def test_a_new_version_replaces_the_text_and_leaves_history(database: Database) -> None:
    put(database, PAPER)
    second = replace(PAPER, version=2, title="Better", abstract="Longer.", authors=("Someone Else",), categories=("cs.CL",))
    later = NOW + HOUR
    assert put(database, second, now=later) == Upserted(changed=1)
    assert stored(database) == second
    assert versions(database) == [(1, PAPER.title)]
    with database.read() as session:
        row = session.get(PaperRow, PAPER.id)
        assert row is not None
        assert row.text_digest == papers.text_digest("Better", "Longer.")
        assert (row.first_seen_at, row.updated_at) == (NOW, later)
        history = session.scalars(select(PaperVersionRow)).one()
        assert (history.abstract, history.replaced_at) == (PAPER.abstract, later)


def test_an_older_version_that_comes_late_changes_nothing(database: Database) -> None:
    second = replace(PAPER, version=2, title="Better", comment="accepted")
    put(database, second)
    assert put(database, replace(PAPER, comment="submitted")) == Upserted(unchanged=1)
    assert stored(database) == second
    assert versions(database) == []


def test_an_older_version_may_fill_a_gap(database: Database) -> None:
    put(database, replace(PAPER, version=2))
    assert put(database, replace(PAPER, comment="9 pages", title="Old title")) == Upserted(changed=1)
    assert stored(database) == replace(PAPER, version=2, comment="9 pages")


def test_a_version_without_new_text_is_no_history(database: Database) -> None:
    put(database, PAPER)
    assert put(database, replace(PAPER, version=3)) == Upserted(changed=1)
    assert stored(database).version == 3
    assert versions(database) == []


def test_an_empty_report_erases_nothing(database: Database) -> None:
    put(database, FULL)
    silent = replace(PAPER, version=2, authors=(), categories=(), signals=Signals())
    assert put(database, silent) == Upserted(unchanged=1)
    assert stored(database) == FULL


@pytest.mark.parametrize("order", [(PAPER, HUGGINGFACE), (HUGGINGFACE, PAPER)])
def test_the_authors_text_wins_and_what_only_others_know_is_kept(database: Database, order: tuple[Paper, ...]) -> None:
    for paper in order:
        put(database, paper)
    found = stored(database)
    assert (found.title, found.abstract, found.source) == (PAPER.title, PAPER.abstract, "arxiv")
    assert (found.organization, found.code_url, found.submitter) == ("An Institute", "https://code.example/1", "someone")
    assert found.signals == Signals(upvotes=7, comments=2)
    assert found.edition == order[0].edition
    assert put(database, *order) == Upserted(unchanged=2)
    with database.read() as session:
        said = {row.source: row.announced_on for row in session.scalars(select(PaperSourceRow))}
    assert said == {"arxiv": DAY, "huggingface": DAY + timedelta(days=1)}


def test_signals_are_kept_as_they_were(database: Database) -> None:
    for hours, upvotes in [(0, 1), (1, 1), (2, 5), (3, 4)]:
        put(database, replace(PAPER, signals=Signals(upvotes=upvotes)), now=NOW + hours * HOUR)
    with database.read() as session:
        assert list(session.scalars(select(SignalRow.upvotes).order_by(SignalRow.id))) == [1, 5, 4]
    asked = {hours: stored(database, as_of=NOW + hours * HOUR).signals.upvotes for hours in (-1, 0, 1, 2, 3, 9)}
    assert asked == {-1: None, 0: 1, 1: 1, 2: 5, 3: 4, 9: 4}
    assert stored(database).signals.upvotes == 4


def test_the_largest_number_of_all_sources_counts(database: Database) -> None:
    put(database, replace(PAPER, signals=Signals(upvotes=3, comments=9)))
    put(database, replace(HUGGINGFACE, signals=Signals(upvotes=5, stars=1)))
    assert stored(database).signals == Signals(upvotes=5, comments=9, stars=1)
    with database.read() as session:
        assert papers.window(session, DAY, DAY)[0].signals == Signals(upvotes=5, comments=9, stars=1)
        assert papers.window(session, DAY, DAY, as_of=NOW - HOUR)[0].signals == Signals()


def test_a_window_is_newest_edition_first_and_then_by_id(database: Database) -> None:
    days = [DAY, DAY - timedelta(days=1), DAY - timedelta(days=2)]
    put(database, *[make_paper(10 * age + number, day=day) for age, day in enumerate(days) for number in (3, 1, 2)])
    with database.read() as session:
        found = [(paper.edition, paper.id) for paper in papers.window(session, days[1], days[0])]
        assert len(found) == 6
        assert found == sorted(found, key=lambda pair: (-pair[0].toordinal(), pair[1]))
        assert papers.window(session, date(2020, 1, 1), date(2020, 1, 2)) == []


def test_editions_and_their_neighbours(database: Database) -> None:
    with database.read() as session:
        assert papers.earliest_edition(session) is None
        assert papers.latest_edition(session, encoder=None) is None
        assert papers.neighbours_in_time(session, DAY) == (None, None)
    before, after = DAY - timedelta(days=3), DAY + timedelta(days=2)
    put(database, make_paper(1, day=before), make_paper(2, day=DAY), make_paper(3, day=DAY), make_paper(4, day=after))
    with database.read() as session:
        assert papers.editions(session, limit=9) == [Edition(after, 1), Edition(DAY, 2), Edition(before, 1)]
        assert papers.editions(session, limit=1, before=after) == [Edition(DAY, 2)]
        assert papers.earliest_edition(session) == before
        assert papers.latest_edition(session, encoder=None) == after
        assert papers.latest_edition(session, encoder=None, until=after - timedelta(days=1)) == DAY
        assert papers.latest_edition(session, encoder="nobody") is None
        assert papers.neighbours_in_time(session, DAY) == (before, after)
        assert papers.neighbours_in_time(session, DAY - timedelta(days=1)) == (before, DAY)
        assert papers.neighbours_in_time(session, after) == (DAY, None)


def test_text_that_is_hard_to_store(database: Database) -> None:
    odd = replace(
        PAPER, title="Größe α≤β 𝔸 '; DROP TABLE papers; --", abstract='"%s" $x_{1}$ \\n', authors=("José Ñ", "李雷"), version=2,
        published=datetime(1991, 8, 1, tzinfo=UTC),
    )  # fmt: skip
    put(database, odd)
    assert stored(database) == odd


def test_the_text_digest_tells_title_from_abstract() -> None:
    assert papers.text_digest("a", "b") == papers.text_digest("a", "b")
    assert len({papers.text_digest("a", "b"), papers.text_digest("b", "a"), papers.text_digest("ab", "")}) == 3


def test_what_is_not_stored_is_not_there(database: Database) -> None:
    put(database, PAPER)
    with database.read() as session:
        assert list(papers.get(session, ["arxiv:none", PAPER.id])) == [PAPER.id]
        assert papers.get(session, []) == {}

"""Everyone's lists: their orders, what they are narrowed to, and that reading on is neither disturbed by votes nor by arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_paper, make_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.store import events, lists, papers, readers, submissions
from recommender.store.db import Database, Session
from recommender.store.lists import Filters, Place
from recommender.store.tables import ReaderRow
from recommender.store.tables_shared import PickRow
from recommender.types import EventKind, Paper, Signals

QUIET = Signals()


def store(database: Database, *found: Paper, hours: float = -2) -> None:
    with database.write() as session:
        papers.upsert(session, found, now=NOW + timedelta(hours=hours))


def plain(number: int, **changes: Any) -> Paper:
    return make_paper(number, **{"signals": QUIET, **changes})


def vote(database: Database, name: str, paper: Paper, kind: EventKind = EventKind.UPVOTE, *, hours: float = -1) -> None:
    with database.write() as session:
        reader = readers.by_name(session, name) or readers.create(session, name, now=NOW)
        events.append(session, reader.id, paper.id, kind, at=NOW + timedelta(hours=hours))


def ids(session: Session, order: str = "newest", first: date = DAY, last: date = DAY, **changes: Any) -> list[str]:
    return list(lists.listed(session, first, last, order=order, **{"now": NOW, "k": 50, **changes}).ids)


def read_through(database: Database, order: str, k: int, first: date = DAY, last: date = DAY) -> list[str]:
    """Read a list to its end, slice by slice."""
    found: list[str] = []
    after: Place | None = None
    while True:
        with database.read() as session:
            part = lists.listed(session, first, last, order=order, now=NOW, k=k, after=after)
        found += part.ids
        after = part.after
        if after is None:
            return found


def test_newest_is_by_edition_then_by_first_version(database: Database) -> None:
    old, early, late = plain(1, day=DAY - timedelta(days=1)), plain(3), plain(9)
    store(database, early, old, late)
    with database.read() as session:
        assert ids(session, first=DAY - timedelta(days=3)) == [late.id, early.id, old.id]
        assert ids(session) == [late.id, early.id]
        assert lists.listed(session, DAY, DAY, order="newest", now=NOW, k=1).total == 2


def test_own_libraries_are_nobody_elses(database: Database) -> None:
    store(database, plain(1), plain(2, source="library"))
    with database.read() as session:
        for order in lists.ORDERS:
            assert plain(2).id not in ids(session, order)
        assert [edition.papers for edition in lists.days(session, DAY, DAY)] == [1]
        assert lists.facets(session, DAY, DAY).sources == ("arxiv",)
        assert lists.neighbours(session, DAY + timedelta(days=1), DAY + timedelta(days=1), until=DAY) == (DAY, None)


def test_trending_adds_up_votes_here_and_the_logarithm_of_those_elsewhere(database: Database) -> None:
    none, elsewhere, twice, once = plain(20), make_paper(2, signals=Signals(upvotes=2)), plain(3), plain(4)
    store(database, none, elsewhere, twice, once)
    vote(database, "alice", twice)
    vote(database, "bob", twice)
    vote(database, "bob", once)
    with database.read() as session:
        # log2(1 + 2) = 1.58 lies between two votes and one
        assert ids(session, "trending") == [twice.id, elsewhere.id, once.id, none.id]


@pytest.mark.parametrize("kind", [EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR])
def test_only_a_live_upvote_counts(database: Database, kind: EventKind) -> None:
    taken_back, kept = plain(9), plain(3)
    store(database, taken_back, kept)
    vote(database, "alice", taken_back)
    vote(database, "alice", taken_back, kind)
    vote(database, "alice", taken_back, EventKind.SAVE)
    vote(database, "bob", kept)
    with database.read() as session:
        assert ids(session, "trending") == [kept.id, taken_back.id]


def test_older_votes_count_less(database: Database) -> None:
    before, now = plain(9, day=DAY - timedelta(days=9)), plain(3, day=DAY - timedelta(days=9))
    store(database, before, now, hours=-24 * 9)
    for name, paper, hours in (("a", before, -24 * 8), ("b", before, -24 * 8), ("c", now, -1)):
        vote(database, name, paper, hours=hours)
    first = DAY - timedelta(days=13)
    with database.read() as session:
        assert ids(session, "trending", first, half_life_days=3.0) == [now.id, before.id]  # 2 * 2 ** (-8 / 3) < 1
        assert ids(session, "trending", first, half_life_days=30.0) == [before.id, now.id]


def test_an_old_list_stays_what_it_was(database: Database) -> None:
    """Votes of a past week are weighed at its end: the order of last month's list does not drift."""
    here, elsewhere = plain(1), make_paper(2, signals=Signals(upvotes=3))
    store(database, here, elsewhere)
    for name in "abc":  # three against log2(1 + 3): weighed at today's distance, the logarithm would win in the end
        vote(database, name, here)
    with database.read() as session:
        orders = {
            tuple(ids(session, "trending", now=NOW + timedelta(days=days), first=DAY - timedelta(days=2))) for days in (1, 9, 99)
        }
    assert orders == {(here.id, elsewhere.id)}


def test_what_a_source_had_counted_is_dated_to_the_edition(database: Database) -> None:
    """A paper of last week that is read today with a thousand up-votes did not get them today."""
    old = make_paper(9, day=DAY - timedelta(days=12), signals=Signals(upvotes=50))
    young = make_paper(3, signals=Signals(upvotes=9))
    store(database, old, young, hours=-1)
    with database.read() as session:
        assert ids(session, "trending", DAY - timedelta(days=13), half_life_days=3.0) == [young.id, old.id]
    risen = make_paper(9, day=DAY - timedelta(days=12), signals=Signals(upvotes=90))
    store(database, risen, hours=-0.5)  # forty more since then, and these are new
    with database.read() as session:
        assert ids(session, "trending", DAY - timedelta(days=13), half_life_days=3.0) == [old.id, young.id]


def test_a_source_that_counts_down_takes_nothing_away(database: Database) -> None:
    paper = make_paper(1, signals=Signals(upvotes=9))
    store(database, paper, plain(2))
    store(database, make_paper(1, signals=Signals(upvotes=4)), hours=-1)
    with database.read() as session:
        assert ids(session, "trending")[0] == paper.id


def test_picks_are_those_of_curators_newest_first(database: Database) -> None:
    carol, bob = make_reader(database, "carol"), make_reader(database, "bob")
    first, second, never = plain(1), plain(2), plain(3)
    store(database, first, second, never)
    with database.write() as session:
        session.get_one(ReaderRow, carol.id).is_curator = True
        picked = [(second, carol, -5), (first, carol, -9), (first, bob, -1), (never, bob, -1)]
        session.add_all(PickRow(paper_id=p.id, reader_id=r.id, at=NOW + timedelta(hours=h)) for p, r, h in picked)
    with database.read() as session:
        assert ids(session, "picks") == [second.id, first.id]
        assert lists.listed(session, DAY, DAY, order="picks", now=NOW, k=1).total == 2
    assert read_through(database, "picks", 1) == [second.id, first.id]


def test_filters(database: Database) -> None:
    graphs = plain(1, submitter="Somebody Élse")
    speech = plain(2, topic="speech", announce="replace-cross")
    odd = plain(3, categories=('we"ird%_', "cs.LG"), announce="cross", source="huggingface")
    store(database, graphs, speech, odd)
    alice = make_reader(database, "alice")
    with database.write() as session:
        submissions.record(session, speech.id, alice.id, now=NOW)
    wanted: list[tuple[Filters, Sequence[Paper]]] = [
        (Filters(category="cs.LG"), [odd, graphs]),
        (Filters(category="CS.lg"), [odd, graphs]),
        (Filters(category="cs.L"), []),
        (Filters(category='we"ird%_'), [odd]),
        (Filters(category="we%"), []),
        (Filters(source="huggingface"), [odd]),
        (Filters(source="nobody"), []),
        (Filters(announce="new"), [graphs]),
        (Filters(announce="cross"), [odd]),
        (Filters(announce="replace"), [speech]),
        (Filters(submitter="Alice"), [speech]),
        (Filters(submitter="Somebody Élse"), [graphs]),
        (Filters(category="cs.LG", announce="cross", source="huggingface"), [odd]),
    ]
    with database.read() as session:
        for filters, found in wanted:
            for order in ("newest", "trending"):
                assert ids(session, order, filters=filters) == [paper.id for paper in found], filters
            assert lists.listed(session, DAY, DAY, order="newest", now=NOW, k=1, filters=filters).total == len(found)


def test_facets_are_the_fullest_categories_first(database: Database) -> None:
    store(database, plain(1), plain(2), plain(3, topic="speech", source="huggingface"))
    with database.read() as session:
        found = lists.facets(session, DAY, DAY)
        assert found.categories == (("cs.LG", 2), ("cs.SI", 2), ("cs.SD", 1), ("eess.AS", 1))
        assert found.sources == ("arxiv", "huggingface")
        assert lists.facets(session, DAY - timedelta(days=9), DAY - timedelta(days=8)) == lists.Facets((), ())


def test_days_and_their_neighbours(database: Database) -> None:
    before, after = DAY - timedelta(days=3), DAY + timedelta(days=2)
    store(database, plain(1), plain(2), plain(3, day=before), plain(4, day=after))
    with database.read() as session:
        assert [(e.day, e.papers) for e in lists.days(session, before, DAY)] == [(before, 1), (DAY, 2)]
        assert lists.neighbours(session, DAY, DAY, until=after) == (before, after)
        assert lists.neighbours(session, DAY, DAY, until=DAY) == (before, None)
        assert lists.extent(session, until=DAY) == (before, DAY)
        assert lists.extent(session, until=before - timedelta(days=1)) is None


def test_what_changed_is_dated(database: Database) -> None:
    store(database, plain(1), plain(2), hours=-9)
    store(database, plain(1, title="Another title"), hours=-3)
    with database.read() as session:
        found = lists.changed_at(session, [plain(1).id, plain(2).id, "arxiv:0000.00000"])
    assert found == {plain(1).id: NOW - timedelta(hours=3), plain(2).id: NOW - timedelta(hours=9)}


@pytest.mark.parametrize("order", ["newest", "trending"])
def test_reading_on_is_not_disturbed(database: Database, order: str) -> None:
    """Votes and papers that come in between two slices change neither what comes nor how often."""
    found = [plain(number) for number in range(1, 13)]
    store(database, *found)
    for number, name in ((2, "a"), (2, "b"), (5, "a"), (7, "a"), (7, "b"), (7, "c")):
        vote(database, name, found[number])
    with database.read() as session:
        whole = ids(session, order)
        part = lists.listed(session, DAY, DAY, order=order, now=NOW, k=4)
    assert part.after is not None
    late = NOW + timedelta(minutes=5)
    with database.write() as session:
        papers.upsert(session, [plain(number) for number in range(14, 22)], now=late)
        reader = readers.by_name(session, "a")
        assert reader is not None
        for paper in (found[0], found[11], found[2]):
            events.append(session, reader.id, paper.id, EventKind.UPVOTE, at=late)
        events.append(session, reader.id, found[5].id, EventKind.CLEAR, at=late)
    with database.read() as session:
        rest = lists.listed(session, DAY, DAY, order=order, now=late, k=50, after=part.after)
    assert [*part.ids, *rest.ids] == whole
    assert rest.total == len(whole)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    numbers=st.lists(st.integers(1, 40), min_size=1, max_size=25, unique=True),
    votes=st.lists(st.tuples(st.integers(0, 24), st.sampled_from("abc"), st.integers(1, 90)), max_size=20),
    k=st.integers(1, 7),
    order=st.sampled_from(["newest", "trending"]),
)
def test_slices_make_up_the_list(
    database: Database, numbers: list[int], votes: list[tuple[int, str, int]], k: int, order: str
) -> None:
    """Whatever was voted and however it is cut, every paper comes once, in the order of the whole."""
    day = DAY - timedelta(days=1)
    found = [plain(number, day=day - timedelta(days=number % 2)) for number in numbers]
    with database.write() as session:
        papers.upsert(session, found, now=NOW - timedelta(hours=30))
        for at, name, hours in votes:
            reader = readers.by_name(session, name) or readers.create(session, name, now=NOW)
            if at < len(found):
                events.append(session, reader.id, found[at].id, EventKind.UPVOTE, at=NOW - timedelta(hours=hours))
    first = day - timedelta(days=2)
    with database.read() as session:
        whole = ids(session, order, first, DAY, k=500)
    assert set(whole) >= {paper.id for paper in found}
    assert read_through(database, order, k, first, DAY) == whole

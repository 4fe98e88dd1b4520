"""A reader's own papers: matched with what is stored, kept where they are theirs alone, and taken back without a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper, make_reader
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from recommender import intake
from recommender.intake import Taken
from recommender.library import Entry, make_entry, paper_of
from recommender.settings import Settings
from recommender.store import belongings, events, papers, vectors, wanted
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import LIBRARY, Channel, EventKind

FIRST = make_edition(DAY)[0]
LIGHT = Entry("light", "On the care of lighthouses at sea", "They stand.", ("Ida Keeper",), doi="10.1000/light")
HARBOUR = Entry("harbour", "Harbours and what they are good for")
OWN_LIGHT = paper_of(LIGHT, now=NOW).id
FAR = Entry("far", "Attention is all", arxiv="arxiv:1706.03762")


def take(database: Database, reader: Reader, *entries: Entry, interest: int = 0, again: bool = True) -> Taken:
    with database.write() as session:
        return intake.take(session, reader.id, entries, interest=interest, now=NOW, again=again)


def likes(database: Database, reader: Reader) -> list[str]:
    with database.read() as session:
        return events.likes(events.history(session, reader.id))


def test_a_stored_paper_is_known_by_its_id_or_its_title(edition: Database, alice: Reader) -> None:
    by_id = Entry("a", "Whatever it is called", arxiv=FIRST.id)
    by_title = Entry("b", make_edition(DAY)[1].title.upper().replace(" ", "  ") + ".")
    taken = take(edition, alice, by_id, by_title)
    assert taken.liked == (FIRST.id, make_edition(DAY)[1].id)
    assert (taken.own, taken.asked, taken.likes) == ((), (), 2)
    assert likes(edition, alice) == list(taken.liked)


def test_an_id_that_is_not_stored_is_known_by_its_title_all_the_same(edition: Database, alice: Reader) -> None:
    assert take(edition, alice, replace(FAR, title=FIRST.title)).liked == (FIRST.id,)


def test_the_rest_is_kept_or_asked_for(edition: Database, alice: Reader) -> None:
    taken = take(edition, alice, LIGHT, FAR, HARBOUR, Entry("empty", ""))
    assert taken.own == (OWN_LIGHT, taken.own[1])
    assert all(paper_id.startswith("own:") for paper_id in taken.own)
    assert (taken.asked, taken.nameless) == (("arxiv:1706.03762",), ("empty",))
    with edition.read() as session:
        kept = papers.get(session, taken.own)
        waiting = wanted.of_reader(session, alice.id)
        newest = events.history(session, alice.id)
    assert {paper.source for paper in kept.values()} == {LIBRARY}
    assert [(one.paper_id, one.purpose) for one in waiting] == [("arxiv:1706.03762", "like")]
    assert [event.channel for event in newest] == [Channel.LIBRARY] * 2


@pytest.mark.parametrize("changes", [{"abstract": "Buy now."}, {"title": "On the care of lighthouses, defaced"}, {"doi": None}])
def test_nobody_reads_what_another_reader_wrote_under_the_same_name(
    edition: Database, alice: Reader, bob: Reader, changes: dict[str, str | None]
) -> None:
    take(edition, alice, LIGHT)
    hers = replace(LIGHT, **changes)  # type: ignore[arg-type]
    taken = take(edition, bob, hers)
    assert taken.own == (paper_of(hers, now=NOW).id,) != (OWN_LIGHT,)
    with edition.read() as session:
        for paper_id, entry in ((OWN_LIGHT, LIGHT), (taken.own[0], hers)):
            kept = papers.get(session, [paper_id])[paper_id]
            assert (kept.title, kept.abstract) == (entry.title, entry.abstract)


def test_an_announced_paper_wins_over_one_that_was_brought(
    database: Database, settings: Settings, alice: Reader, bob: Reader
) -> None:
    take(database, alice, Entry("early", FIRST.title))
    fill(database, settings, [FIRST])
    assert take(database, bob, Entry("late", FIRST.title)).liked == (FIRST.id,)


def test_twice_is_once(edition: Database, alice: Reader) -> None:
    first, second = (take(edition, alice, Entry("a", "", arxiv=FIRST.id), LIGHT, FAR) for _ in range(2))
    assert first.likes == second.likes == 2
    assert (second.liked, second.own, second.first) == ((), (), 0)
    assert second.known == (FIRST.id, OWN_LIGHT)
    assert len(likes(edition, alice)) == 2


def test_a_library_that_is_read_again_does_not_overrule_its_reader(edition: Database, alice: Reader) -> None:
    taken = take(edition, alice, LIGHT, HARBOUR, again=False)
    with edition.write() as session:
        events.append(session, alice.id, taken.own[0], EventKind.CLEAR, at=NOW)
        events.append(session, alice.id, taken.own[1], EventKind.DOWNVOTE, at=NOW)
    assert take(edition, alice, LIGHT, HARBOUR, again=False).likes == 0
    assert likes(edition, alice) == []
    assert take(edition, alice, LIGHT, HARBOUR).likes == 2  # by hand, it is meant


def test_an_interest_learns_by_itself(edition: Database, alice: Reader) -> None:
    take(edition, alice, LIGHT)
    taken = take(edition, alice, LIGHT, FAR, interest=3)
    assert taken.known == ()
    with edition.read() as session:
        assert [event.interest for event in events.history(session, alice.id)] == [0, 3]
        assert [one.interest for one in wanted.of_reader(session, alice.id)] == [3]


def test_a_long_list_keeps_its_order_in_the_log(edition: Database, alice: Reader) -> None:
    many = [Entry(str(n), f"A title of some length with number {n}") for n in range(1500)]
    taken = take(edition, alice, *many)
    with edition.read() as session:
        history = events.history(session, alice.id)
    assert tuple(event.paper_id for event in history) == taken.own
    assert (history[0].id, history[-1].id) == (taken.first, taken.last)


def test_too_many_to_wait_for_are_named(edition: Database, alice: Reader) -> None:
    far = [Entry(str(n), "", arxiv=f"arxiv:2101.{n:05d}") for n in range(wanted.MOST + 300)]
    taken = take(edition, alice, *far, LIGHT)
    assert len(taken.asked) + len(taken.refused) == wanted.MOST + 300
    assert 0 < len(taken.asked) <= wanted.MOST
    assert taken.likes == 1


def test_undo_takes_back_what_still_stands(edition: Database, alice: Reader, bob: Reader) -> None:
    take(edition, alice, HARBOUR)
    taken = take(edition, alice, LIGHT, HARBOUR, Entry("a", "", arxiv=FIRST.id))
    with edition.write() as session:
        events.append(session, alice.id, FIRST.id, EventKind.UPVOTE, at=NOW)  # said by hand since
        assert intake.undo(session, bob.id, taken.first, taken.last, now=NOW) == 0
        assert intake.undo(session, alice.id, taken.first, taken.last, now=NOW) == 1
        assert intake.undo(session, alice.id, taken.first, taken.last, now=NOW) == 0
    assert likes(edition, alice) == [*take(edition, alice, HARBOUR).known, FIRST.id]
    with edition.write() as session:  # whatever numbers a form sends, only what a list brought is taken back
        assert intake.undo(session, alice.id, 0, 2**62, now=NOW) == 1
    assert likes(edition, alice) == [FIRST.id]


def test_what_was_brought_is_read_and_makes_the_page_new(
    edition: Database, settings: Settings, alice: Reader, bob: Reader
) -> None:
    with edition.read() as session:
        encoder = vectors.current_encoder(session)
        assert encoder is not None
        before = vectors.newest_seq(session)
    take(edition, alice, LIGHT)
    with edition.read() as session:
        assert vectors.count_missing(session, encoder, source=LIBRARY) == 1
        assert not vectors.brought_since(session, encoder, alice.id, before)
    fill(edition, settings, [make_paper(3, day=DAY.replace(day=19))])
    with edition.read() as session:
        assert vectors.count_missing(session, encoder, source=LIBRARY) == 0
        assert vectors.brought_since(session, encoder, alice.id, before)
        assert not vectors.brought_since(session, encoder, alice.id, vectors.newest_seq(session))
        assert not vectors.brought_since(session, encoder, bob.id, before)


def test_what_nobody_speaks_of_any_more_is_deleted(edition: Database, settings: Settings, alice: Reader, bob: Reader) -> None:
    take(edition, alice, LIGHT, HARBOUR)
    take(edition, bob, LIGHT)
    fill(edition, settings, [])  # their vectors go with them
    with edition.write() as session:
        assert papers.drop_unclaimed(session) == 0
        belongings.remove(session, alice.id, now=NOW)
        assert papers.drop_unclaimed(session) == 1
        assert papers.count(session) == 49
        assert OWN_LIGHT in papers.get(session, [OWN_LIGHT])


TITLES = st.sampled_from([paper.title for paper in make_edition(DAY)[:3]] + ["On the care of lighthouses at sea", "Short", ""])
ENTRIES = st.builds(
    lambda title, arxiv, doi: make_entry("k", title, pointers=[arxiv], doi=doi),
    TITLES,
    st.sampled_from(["", FIRST.id, "arXiv:1706.03762"]),
    st.sampled_from(["", "10.1000/light", "10.1000/other"]),
)


@given(listed=st.lists(ENTRIES, max_size=6))
@hypothesis(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_entry_ends_up_somewhere_and_undo_leaves_nothing(edition: Database, listed: list[Entry | None]) -> None:
    reader = make_reader(edition, f"reader-{abs(hash(tuple(listed)))}-{len(listed)}-{id(listed)}")
    entries = [entry for entry in listed if entry is not None]
    taken = take(edition, reader, *entries)
    assert bool(entries) == bool(taken.likes or taken.asked or taken.nameless)
    assert len(likes(edition, reader)) == taken.likes == len({*taken.liked, *taken.own})
    with edition.write() as session:
        assert intake.undo(session, reader.id, taken.first, taken.last, now=NOW) == taken.likes
    assert likes(edition, reader) == []


@pytest.mark.parametrize("ids", [[], [FIRST.id], [FIRST.id, FIRST.id, "arxiv:1706.03762"]])
def test_pasted_ids(edition: Database, alice: Reader, ids: list[str]) -> None:
    with edition.write() as session:
        taken = intake.take_ids(session, alice.id, ids, now=NOW)
    assert taken.likes == len({FIRST.id} & set(ids))
    assert taken.asked == tuple({"arxiv:1706.03762"} & set(ids))

"""What a digest shows: the top of a day, what was missed of earlier ones, the best of a week; no paper twice, nothing that is done with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import DAY, NOW
from mornings import DRAWN, Morning, gathered, listed, placed, told

from recommender.settings import Settings
from recommender.store import events, pages, papers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind

YESTERDAY, DAY_BEFORE = DAY - timedelta(days=1), DAY - timedelta(days=2)


@pytest.fixture
def morning(database: Database, settings: Settings) -> Morning:
    return Morning(database, settings)


# Days that were missed


def test_top_picks_of_days_that_were_missed_come_along_once_and_in_their_share(morning: Morning) -> None:
    reader = morning.reader()
    for back, name in enumerate(("today", "missed", "seen", "before")):
        day = DAY - timedelta(days=back)
        made = listed(morning, *(f"{name} {n}" for n in range(1, 5)), day=day)
        page = morning.lay(reader, placed(made[0], voted=True), *(placed(paper) for paper in made[1:]), day=day)
        if name == "seen":
            with morning.database.write() as session:
                pages.mark_shown(session, [page.items[3].id], Channel.EMAIL, NOW - timedelta(days=2))
    said = gathered(morning, reader, picks=2)
    assert told(said) == {
        "": ["today 2", "today 3"],
        "From days you missed": ["missed 2", "missed 3", "missed 4", "before 2", "before 3"],
    }
    assert [section.besides for section in said.sections] == [False, True]
    assert (said.editions, said.candidates) == (1, 48)  # of today's


def test_no_paper_stands_in_a_digest_twice(morning: Morning) -> None:
    reader = morning.reader()
    today, other = listed(morning, "Today", "Too far down")
    (old,) = listed(morning, "Old", day=YESTERDAY)
    listed(morning, "Older", day=DAY_BEFORE)
    morning.lay(reader, placed(today), placed(other))
    morning.lay(reader, placed(other), placed(today), placed(old), day=YESTERDAY)
    morning.lay(reader, placed(old), day=DAY_BEFORE)
    assert told(gathered(morning, reader, picks=1)) == {"": ["Today"], "From days you missed": ["Old"]}


def test_what_the_last_digest_brought_along_is_not_looked_for_again(morning: Morning) -> None:
    reader = morning.reader()
    for back in range(3):
        day = DAY - timedelta(days=back)
        morning.lay(reader, *(placed(paper) for paper in listed(morning, f"{back} days ago", day=day)), day=day)
    assert told(gathered(morning, reader, YESTERDAY)) == {"": ["0 days ago"]}
    assert {day for _reader, day in morning.asked} == {DAY}
    assert told(gathered(morning, reader, DAY_BEFORE))["From days you missed"] == ["1 days ago", "2 days ago"]


def test_a_day_of_which_all_was_voted_on_still_brings_what_was_missed(morning: Morning) -> None:
    reader = morning.reader()
    (today,), (old,) = listed(morning, "Today"), listed(morning, "Old", day=YESTERDAY)
    morning.lay(reader, placed(today, voted=True))
    morning.lay(reader, placed(old), day=YESTERDAY)
    assert told(gathered(morning, reader)) == {"From days you missed": ["Old"]}


# The week


@pytest.fixture
def weekly(morning: Morning) -> Reader:
    """A reader who gets the best of a week of three places a day; each paper is called by its day and its place."""
    reader = morning.reader(digest_every="week")
    for back in range(9):
        day = DAY - timedelta(days=back)
        made = listed(morning, *(f"{day:%d}.{place}" for place in (1, 2, 3)), day=day)
        morning.lay(reader, *(placed(paper) for paper in made), day=day, candidates=10)
    return reader


def test_a_week_is_merged_by_place_and_newer_days_come_first(morning: Morning, weekly: Reader) -> None:
    said = gathered(morning, weekly, DAY - timedelta(days=3), picks=8)
    assert told(said) == {"": ["20.1", "19.1", "18.1", "20.2", "19.2", "18.2", "20.3", "19.3"]}
    assert (said.kind, said.edition, said.editions, said.candidates) == ("week", DAY, 3, 30)


def test_a_week_has_seven_editions_at_most(morning: Morning, weekly: Reader) -> None:
    for last in (None, DAY - timedelta(days=30)):
        said = gathered(morning, weekly, last, picks=50)
        assert said.editions == 7
        assert {entry.card.title.partition(".")[0] for entry in said.entries} == {str(day) for day in range(14, 21)}


def test_a_week_is_seven_days_and_not_seven_editions(morning: Morning) -> None:
    reader = morning.reader(digest_every="week")
    for back in (0, 3, 6, 7):
        day = DAY - timedelta(days=back)
        morning.lay(reader, *(placed(paper) for paper in listed(morning, f"{back} days ago", day=day)), day=day)
    assert told(gathered(morning, reader)) == {"": ["0 days ago", "3 days ago", "6 days ago"]}


def test_a_week_leaves_out_what_was_voted_on_opened_or_saved(morning: Morning, weekly: Reader) -> None:
    kinds = {
        "20.1": EventKind.UPVOTE,
        "19.1": EventKind.HIDE,
        "18.1": EventKind.SAVE,
        "20.2": EventKind.CLICK,
        "19.2": EventKind.CLEAR,
    }
    with morning.database.write() as session:
        ids = {paper.title: paper.id for paper in papers.window(session, DAY_BEFORE, DAY)}
        for title, kind in kinds.items():
            events.append(session, weekly.id, ids[title], kind, at=NOW)
    shown = told(gathered(morning, weekly, DAY - timedelta(days=3)))[""]
    assert shown == ["19.2", "18.2", "20.3", "19.3", "18.3"]  # a vote that was taken back says nothing


def test_a_week_tries_nothing_and_names_a_paper_once(morning: Morning) -> None:
    reader = morning.reader(digest_every="week")
    (lot, twice), (old,) = listed(morning, "Drawn", "Twice"), listed(morning, "Old", day=YESTERDAY)
    morning.lay(reader, placed(lot, DRAWN), placed(twice))
    morning.lay(reader, placed(twice), placed(old), day=YESTERDAY)
    assert told(gathered(morning, reader)) == {"": ["Twice", "Old"]}

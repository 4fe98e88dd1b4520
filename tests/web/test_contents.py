"""What a digest says: the top of the very page the site shows, in sections, with what was missed; and when it says nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from mornings import ASKED, Morning, followed, gathered, listed, placed, told

from recommender.desk import Desk
from recommender.rankers import Rankers
from recommender.settings import Settings
from recommender.store import events, rules
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind
from web.chosen import NothingToSend, Occasion
from web.contents import gather
from web.words import speaking

YESTERDAY, DAY_BEFORE = DAY - timedelta(days=1), DAY - timedelta(days=2)


@pytest.fixture
def morning(database: Database, settings: Settings) -> Morning:
    return Morning(database, settings)


# The page


def test_a_digest_is_the_top_of_the_page_that_the_site_shows(edition: Database, settings: Settings, alice: Reader) -> None:
    desk = Desk(edition, Rankers(settings.models_folder), settings.rank)
    with edition.write() as session:
        for paper in make_edition(DAY)[:3]:
            events.append(session, alice.id, paper.id, EventKind.UPVOTE, at=NOW)
    with speaking("en"):
        said = gather(Occasion(edition, desk, alice, NOW, settings))
    page = desk.page(alice.id, DAY, now=NOW)
    shown = [item for item in page.items if not item.voted][:10]
    assert said.page_id == page.id
    assert [(entry.item_id, entry.card.paper_id) for entry in said.entries] == [(item.id, item.paper_id) for item in shown]
    assert [entry.why for entry in said.entries] == [item.reasons[0].text for item in shown]
    assert (said.kind, said.edition, said.candidates) == ("day", DAY, 48)


def test_papers_voted_on_are_left_out(morning: Morning) -> None:
    reader = morning.reader()
    first, second, third = listed(morning, "First", "Second", "Third")
    morning.lay(reader, placed(first, voted=True), placed(second), placed(third))
    assert told(gathered(morning, reader, picks=1)) == {"": ["Second"]}


def test_interests_have_sections_in_the_order_of_the_page_and_empty_ones_none(morning: Morning) -> None:
    reader = morning.reader()
    robots, speech, empty = (morning.interest(reader, name) for name in ("Robots", "Speech \u202e", "Empty"))
    a, b, c, d, e = listed(morning, "a", "b", "c", "d", "e")
    places = [placed(paper, interest=n) for paper, n in zip((a, b, c, d, e), (speech, robots, 0, speech, robots), strict=True)]
    morning.lay(reader, *places)
    assert empty
    assert told(gathered(morning, reader)) == {"Speech": ["a", "d"], "Robots": ["b", "e"], "General": ["c"]}
    assert told(gathered(morning, reader, picks=2)) == {"Speech": ["a"], "Robots": ["b"]}  # their share of what is shown


def test_a_single_taste_has_no_heading_even_if_it_has_a_name(morning: Morning) -> None:
    reader = morning.reader()
    robots = morning.interest(reader, "Robots")
    (a, b), other = listed(morning, "a", "b"), morning.reader("bob")
    morning.lay(reader, placed(a, interest=robots), placed(b, interest=robots))
    morning.lay(other, placed(b), placed(a))
    assert told(gathered(morning, reader)) == {"": ["a", "b"]}
    assert told(gathered(morning, other)) == {"": ["b", "a"]}


def test_what_a_rule_put_on_top_stands_first_and_authors_before_all(morning: Morning) -> None:
    reader = morning.reader()
    asked, category, rest, author = listed(
        morning, "Asked for", "Of a category", "The rest", "By Ada", authors=("Ada  LOVELACE",)
    )
    morning.lay(
        reader, placed(asked, ASKED), placed(category, followed("cs.LG")), placed(author, followed("ada lovelace")), placed(rest)
    )
    said = gathered(morning, reader)
    assert list(told(said).items()) == [
        ("You follow", ["By Ada", "Of a category"]),
        ("You asked for", ["Asked for"]),
        ("More for you", ["The rest"]),
    ]
    assert said.author == "Ada LOVELACE"  # as the paper spells it
    morning.lay(reader, placed(asked, ASKED), placed(rest))
    assert gathered(morning, reader).author == ""


def test_a_rule_brings_an_author_among_five_thousand(edition: Database, settings: Settings, alice: Reader) -> None:
    crowd = make_paper(77, authors=tuple(f"Member {number}" for number in range(5000)))
    fill(edition, settings, [crowd])
    with edition.write() as session:
        rules.add(session, alice.id, "must", "author", "member 4711", now=NOW)
    with speaking("en"):
        said = gather(Occasion(edition, Desk(edition, Rankers(settings.models_folder), settings.rank), alice, NOW, settings))
    assert said.sections[0].name == "You follow"
    assert [entry.card.paper_id for entry in said.sections[0].entries] == [crowd.id]
    assert said.author == "Member 4711"


def test_each_reader_gets_their_language_of_what_all_have_in_common(morning: Morning) -> None:
    (paper,) = listed(morning, "Alone", signals=make_paper(1).signals)
    dates = []
    for name, locale in (("ada", "de"), ("ben", "en")):
        reader = morning.reader(name)
        morning.lay(reader, placed(paper))
        dates.append(gathered(morning, reader, locale=locale).entries[0].card.date)
    assert dates == ["19. Mai", "19 May"]


def test_what_readers_do_is_taken_up_by_the_full_hour(morning: Morning) -> None:
    reader, other = morning.reader(), morning.reader("bob")
    (paper,) = listed(morning, "Alone")
    morning.lay(reader, placed(paper))
    counted = []
    for minutes in (0, 59, 60):
        morning.now = NOW + timedelta(minutes=minutes)
        counted.append(gathered(morning, reader).entries[0].card.upvotes)
        with morning.database.write() as session:
            events.append(session, other.id, paper.id, EventKind.UPVOTE, at=morning.now)
    assert counted == [1, 1, 2]


# Nothing to say


def test_before_the_first_edition_there_is_nothing(morning: Morning) -> None:
    with pytest.raises(NothingToSend, match="broadsheet ingest"):
        gathered(morning, morning.reader())


@pytest.mark.parametrize(("every", "why"), [("day", "voted on$"), ("week", "voted on, saved or opened")])
def test_a_page_on_which_everything_was_voted_on_is_nothing(morning: Morning, every: str, why: str) -> None:
    reader = morning.reader(digest_every=every)
    for day in (DAY, YESTERDAY):
        (paper,) = listed(morning, f"Of {day}", day=day)
        morning.lay(reader, placed(paper, None, voted=True), day=day)
        with morning.database.write() as session:
            events.append(session, reader.id, paper.id, EventKind.UPVOTE, at=NOW)
    with pytest.raises(NothingToSend, match=why):
        gathered(morning, reader, YESTERDAY if every == "day" else None)


def test_a_page_from_which_rules_keep_everything_is_nothing(morning: Morning) -> None:
    reader = morning.reader()
    listed(morning, "Kept off")
    with pytest.raises(NothingToSend, match="kept off alice's page"):
        gathered(morning, reader, YESTERDAY)


FRIDAY, SATURDAY, MONDAY = date(2026, 5, 22), date(2026, 5, 23), date(2026, 5, 25)


def at(day: date, hour: int = 7) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "sources", "sample"),
    [
        (at(SATURDAY), ("arxiv",), False),
        (at(SATURDAY + timedelta(days=1)), ("arxiv",), False),
        (at(MONDAY, 5), ("arxiv",), False),  # the night's announcement may still come in
        (at(MONDAY), (), False),
        (at(MONDAY + timedelta(days=5)), ("arxiv",), True),
    ],
    ids=["Saturday", "Sunday", "early on Monday", "files only", "sample"],
)
def test_where_nothing_was_due_nothing_is_said(morning: Morning, now: datetime, sources: tuple[str, ...], sample: bool) -> None:
    reader = morning.reader()
    listed(morning, "Sent", day=FRIDAY)
    morning.now = now
    chosen = morning.settings.sources.model_copy(update={"enabled": sources})
    morning.settings = morning.settings.model_copy(update={"sources": chosen, "edition": "sample" if sample else "real"})
    with pytest.raises(NothingToSend, match=r"newer than that of 2026-05-22.*none was to be expected"):
        gathered(morning, reader, FRIDAY)


def test_a_working_day_without_an_edition_is_told_once(morning: Morning) -> None:
    reader = morning.reader()
    listed(morning, "Sent", day=FRIDAY)
    morning.now = at(MONDAY)
    morning.hear("arxiv")
    said = gathered(morning, reader, FRIDAY)
    assert (said.kind, said.edition, said.page_id, said.entries) == ("quiet", FRIDAY, None, [])
    assert said.notes == ("Nothing new has come in today so far. The sources were last asked at 06:00 UTC.",)
    on = Occasion(morning.database, morning, reader, morning.now, morning.settings, FRIDAY, told_quiet=True)  # type: ignore[arg-type]  # a morning is a desk too
    with pytest.raises(NothingToSend, match="was said already"):
        gather(on)


def test_a_quiet_word_names_the_source_that_fails_and_not_one_that_is_switched_off(morning: Morning) -> None:
    reader = morning.reader()
    listed(morning, "Sent", day=FRIDAY)
    morning.now = at(MONDAY)
    morning.hear("sample", failing=["arxiv"])
    assert gathered(morning, reader, FRIDAY).notes == (
        "No source could be read the last time it was asked. It will be asked again by itself.",
        "arXiv cannot be read at the moment; it last answered on 25 May 2026, 06:00 UTC, and some of its papers may be missing.",
    )


def test_no_edition_is_sent_twice(morning: Morning) -> None:
    reader = morning.reader()
    (paper,) = listed(morning, "Alone")
    morning.lay(reader, placed(paper))
    assert told(gathered(morning, reader, YESTERDAY)) == {"": ["Alone"]}
    for last in (DAY, DAY + timedelta(days=1)):
        with pytest.raises(NothingToSend):
            gathered(morning, reader, last)


# What is not as it should be


@pytest.fixture
def calm(morning: Morning) -> Reader:
    """A reader of a house in which all is well."""
    reader = morning.reader()
    morning.lay(reader, *(placed(paper) for paper in listed(morning, "Alone")))
    morning.hear("arxiv", "huggingface")
    assert gathered(morning, reader).notes == ()
    return reader


def test_a_source_that_is_down_or_late_is_named_within_a_minute(morning: Morning, calm: Reader) -> None:
    morning.now = NOW + timedelta(minutes=1)
    morning.hear(failing=["arxiv"])
    morning.hear("huggingface", ago=timedelta(hours=27))
    assert gathered(morning, calm).notes == (
        "arXiv cannot be read at the moment; it last answered on 20 May 2026, 07:01 UTC, and some of its papers may be missing.",
        "Hugging Face last answered on 19 May 2026, 05:01 UTC: some of its papers may be missing.",
    )
    sample = morning.settings.model_copy(update={"edition": "sample"})
    with speaking("en"):
        said = gather(Occasion(morning.database, morning, calm, morning.now, sample))  # type: ignore[arg-type]  # a morning is a desk too
    assert said.notes == ()  # its papers are invented here


def test_an_edition_that_is_not_of_today_says_why(morning: Morning, calm: Reader) -> None:
    morning.now = NOW + timedelta(days=1)
    morning.hear("arxiv", "huggingface")
    assert gathered(morning, calm).notes == ("Nothing new has come in today so far. The sources were last asked at 07:00 UTC.",)
    morning.now = NOW + timedelta(days=3)
    morning.hear("arxiv", "huggingface")
    assert gathered(morning, calm).notes == ("arXiv does not announce on a Saturday; the next edition is due on Monday, 25 May.",)
    morning.now = NOW.replace(hour=4) + timedelta(days=1)
    assert gathered(morning, calm).notes == ()  # it is the newest that could be there


def test_an_edition_of_friday_says_on_saturday_that_no_other_is_due(morning: Morning) -> None:
    reader, morning.now = morning.reader(), at(SATURDAY)
    morning.lay(reader, *(placed(paper) for paper in listed(morning, "Alone", day=FRIDAY)), day=FRIDAY)
    assert gathered(morning, reader).notes == (
        "arXiv does not announce on a Saturday; the next edition is due on Monday, 25 May.",
    )


def test_a_model_that_cannot_be_used_is_owned_up_to(morning: Morning, calm: Reader) -> None:
    morning.note = "The model 7 cannot be used (/a/path is damaged)."
    (note,) = gathered(morning, calm).notes
    assert note == "The model that should order your page cannot be used at the moment; another stands in for it."


def test_a_desk_says_what_its_rankers_say(database: Database, settings: Settings) -> None:
    rankers = Rankers(settings.models_folder)
    desk = Desk(database, rankers, settings.rank)
    assert desk.note is None
    rankers.note = "It is damaged."
    assert desk.note == "It is damaged."

"""What is read once for all readers: whatever happens in the house, a page made of it is the page made of the store itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from busy_house import House, arrive, busy_house, busy_ranker, publish
from factories import DAY, NOW

from recommender import daily
from recommender.daily import Rankers
from recommender.desk import Desk
from recommender.hashing import HashingEncoder
from recommender.rank import draft
from recommender.rank.compared import Comparisons
from recommender.rank.features import NAMES
from recommender.rank.model import Ranker
from recommender.readings import MOST_WINDOWS, Readings
from recommender.settings import RankSettings, Settings
from recommender.store import artifacts, belongings, events, interests, pages, papers, rules, tastes
from recommender.store.db import Database, open_database
from recommender.types import Channel, EventKind, Paper, RankedPage, Signals

RANK = RankSettings(page_size=40)
SEVERAL_DAYS = RankSettings(page_size=40, window_days=4)
DIMENSIONS = 32
LATER = NOW + timedelta(hours=2)


@pytest.fixture(scope="module")
def furnished(_migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, House, Ranker]:
    """A house that is filled once; every test gets a copy of its own."""
    path = tmp_path_factory.mktemp("busy") / "broadsheet.db"
    shutil.copy(_migrated, path)
    opened = open_database(f"sqlite+pysqlite:///{path}")
    house = busy_house(opened, candidates=60, archive=90, people=22, votes=10, dimensions=DIMENSIONS)
    with opened.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
    return path, house, busy_ranker(house, rounds=8, dimensions=DIMENSIONS)


@pytest.fixture
def database(settings: Settings, furnished: tuple[Path, House, Ranker]) -> Iterator[Database]:
    settings.folder.mkdir(parents=True)
    shutil.copy(furnished[0], settings.folder / "broadsheet.db")
    opened = open_database(settings.url)
    yield opened
    opened.close()


@pytest.fixture
def house(furnished: tuple[Path, House, Ranker]) -> House:
    return furnished[1]


@pytest.fixture
def rankers(database: Database, settings: Settings, furnished: tuple[Path, House, Ranker]) -> Rankers:
    publish(database, settings, furnished[2])
    return Rankers(settings.models_folder)


def made(
    database: Database,
    readers: Sequence[int],
    rankers: Rankers,
    readings: Readings | None = None,
    *,
    rank: RankSettings = RANK,
    now: datetime = NOW,
    day: date = DAY,
) -> list[RankedPage]:
    """Rank everybody's page without storing it, each in a transaction of its own."""
    found = []
    for reader_id in readers:
        with database.read() as session:
            found += daily.ranked_pages(session, [reader_id], day, rankers, rank, now=now, readings=readings).values()
    return found


def told(page: RankedPage) -> tuple[object, ...]:
    """All of a page but its numbers in the store, features to the last bit."""
    items = [
        (i.position, i.paper_id, i.score, i.features.tobytes(), i.reasons, i.explored, i.propensity, i.voted, i.team, i.interest)
        for i in page.items
    ]
    head = (page.reader_id, page.day, page.candidates, page.model, page.schema, page.cursor, page.paper_cursor, page.recipe)
    return (*head, page.built_at, page.interest, items)


def same(one: Iterable[RankedPage], other: Iterable[RankedPage]) -> bool:
    return [told(page) for page in one] == [told(page) for page in other]


@pytest.mark.parametrize("rank", [RANK, SEVERAL_DAYS], ids=["one edition", "several editions"])
@pytest.mark.parametrize("trial", [False, True], ids=["one model", "two models"])
def test_the_desk_gives_every_reader_the_page_that_they_would_have_got_alone(
    database: Database, settings: Settings, house: House, rankers: Rankers, rank: RankSettings, trial: bool
) -> None:
    if trial:
        publish(database, settings, busy_ranker(house, version="rival", seed=2, rounds=5, dimensions=DIMENSIONS), trial=True)
    with database.write() as session:  # half of the readers have seen something on an earlier day
        for reader_id in house.readers[::2]:
            earlier = daily.current_page(session, reader_id, DAY - timedelta(days=1), rankers, rank, now=NOW - timedelta(days=1))
            pages.mark_shown(session, [item.id for item in earlier.items[:5]], Channel.WEB, NOW - timedelta(hours=20))
    alone, desk = made(database, house.readers, rankers, rank=rank), Desk(database, rankers, rank)
    together = [desk.page(reader_id, DAY, now=NOW) for reader_id in house.readers]
    assert same(alone, together)
    assert len({page.id for page in together}) == len(house.readers)
    # They differ in all that a page can differ in, or this would say little.
    assert len({tuple(item.paper_id for item in page.items) for page in alone}) > len(house.readers) // 2
    assert {len({item.interest for item in page.items}) for page in alone} >= {1, 2}
    assert any(reason.kind == "rule" for page in alone for item in page.items for reason in item.reasons)
    assert any(item.voted for page in alone for item in page.items)
    assert any(np.nan_to_num(item.features).any() for page in alone for item in page.items)
    with database.read() as session:
        for page in together:
            again = daily.replay(session, page, rankers, rank).values
            np.testing.assert_array_equal(again, np.stack([item.features for item in page.items]))


def test_one_interest_has_its_page_at_the_desk_too(database: Database, house: House, rankers: Rankers) -> None:
    reader_id = house.readers[0]
    with database.read() as session:
        named = [known.id for known in interests.listing(session, reader_id)]
        alone = [daily.ranked_pages(session, [reader_id], DAY, rankers, RANK, now=NOW, interest=one)[reader_id] for one in named]
    desk = Desk(database, rankers, RANK)
    assert len(named) == 2
    assert same(alone, [desk.page(reader_id, DAY, now=NOW, interest=one) for one in named])
    assert not desk.prepare([house.readers[3]], date(2020, 1, 1), now=NOW)  # nothing came out that day


def test_a_page_is_stored_once_and_given_again(database: Database, house: House, rankers: Rankers) -> None:
    desk, reader_id = Desk(database, rankers, RANK), house.readers[1]
    assert desk.open_day(NOW) == DAY
    assert desk.prepare([reader_id], DAY, now=NOW) == 1
    first = desk.page(reader_id, DAY, now=NOW + timedelta(minutes=5))
    assert (first.built_at, first.revision) == (NOW, 1)
    assert desk.prepare([reader_id], DAY, now=LATER) == 0
    vote(database, reader_id, first.items[4].paper_id, at=LATER)
    again = desk.page(reader_id, DAY, now=LATER)
    assert (again.built_at, again.revision) == (LATER, 2)


def test_a_vote_while_the_page_was_ranked_is_on_it(
    database: Database, house: House, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, keep_pages = Desk(database, rankers, RANK), daily.keep_pages
    calm, hasty = house.readers[:2]

    def interrupted(session, new, *made_of):  # type: ignore[no-untyped-def]  # as the function it stands for
        monkeypatch.setattr(daily, "keep_pages", keep_pages)
        events.append(session, hasty, new[1].items[2].paper_id, EventKind.DOWNVOTE, at=NOW)
        return keep_pages(session, new, *made_of)

    monkeypatch.setattr(daily, "keep_pages", interrupted)
    found = desk.pages([calm, hasty], DAY, now=NOW)
    assert [item.voted for item in found[hasty].items if item.voted] != []
    assert same([found[calm], found[hasty]], made(database, [calm, hasty], rankers))


def test_pages_of_several_are_those_of_each_and_stored_once(database: Database, house: House, rankers: Rankers) -> None:
    desk, alone = Desk(database, rankers, RANK), made(database, house.readers, rankers)
    first = desk.page(house.readers[2], DAY, now=NOW)
    found = desk.pages(house.readers, DAY, now=NOW)
    assert list(found) == list(house.readers)
    assert same(found.values(), alone)
    assert found[house.readers[2]].id == first.id
    ids = [item.id for page in found.values() for item in page.items]
    assert len(set(ids)) == len(ids)
    for reader_id, page in found.items():
        with database.read() as session:
            stored = pages.latest(session, reader_id, DAY)
        assert stored is not None
        assert (stored.id, [item.id for item in stored.items]) == (page.id, [item.id for item in page.items])
        assert same([stored], [page])
    assert desk.pages(house.readers, DAY, now=LATER).keys() == found.keys()
    assert desk.prepare(house.readers, DAY, now=LATER) == 0
    assert desk.pages([], DAY, now=NOW) == {}


def test_what_several_readers_set_is_what_each_of_them_set(
    database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [*house.readers, 404]
    with database.read() as session:
        alone = {reader_id: tastes.of_page(session, reader_id) for reader_id in asked}
        monkeypatch.setattr(tastes, "BATCH", 3)
        assert tastes.of_pages(session, iter(asked)) == alone
        named = next(iter(set(alone[house.readers[0]]) - {0}))
        assert tastes.of_pages(session, house.readers[:1], named)[house.readers[0]].keys() == {named}
    assert len({len(own) for own in alone.values()}) > 1
    assert len({one.rules for own in alone.values() for one in own.values()}) > 2


def test_two_models_share_the_pages_of_several_as_they_share_those_of_each(
    database: Database, settings: Settings, house: House, rankers: Rankers
) -> None:
    publish(database, settings, busy_ranker(house, version="rival", seed=2, rounds=5, dimensions=DIMENSIONS), trial=True)
    alone, found = made(database, house.readers, rankers), Desk(database, rankers, RANK).pages(house.readers, DAY, now=NOW)
    assert same(found.values(), alone)
    assert {item.team for page in alone for item in page.items} == {"", *draft.makers(alone[0].model)}


def test_a_text_that_several_readers_spoke_of_is_compared_with_the_day_at_once(
    database: Database, house: House, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, whole = list[tuple[str, ...]](), Comparisons._looked_at
    monkeypatch.setattr(Comparisons, "_looked_at", lambda self, texts: looked.append(texts.ids) or whole(self, texts))
    Desk(database, rankers, RANK).pages(house.readers, DAY, now=NOW)
    assert len(looked[0]) > 50
    assert sum(map(len, looked[1:])) < 5, "what somebody picked or made a rule of may come besides"


def test_what_several_readers_spoke_of_is_read_at_once(
    database: Database, house: House, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, get = list[int](), papers.get
    monkeypatch.setattr(papers, "get", lambda session, ids, **facts: asked.append(len(ids)) or get(session, ids, **facts))
    Desk(database, rankers, RANK).pages(house.readers, DAY, now=NOW)
    assert asked[0] > 50
    assert len(asked) <= 3, "what somebody picked or made a rule of may come besides"


def test_many_at_once_get_the_pages_that_they_would_have_got_alone(database: Database, house: House, rankers: Rankers) -> None:
    alone, desk = made(database, house.readers, rankers), Desk(database, rankers, RANK)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda reader_id: desk.page(reader_id, DAY, now=NOW), [*house.readers, *house.readers]))
    assert same(alone, together[: len(alone)])
    assert [page.id for page in together[: len(alone)]] == [page.id for page in together[len(alone) :]]


def vote(database: Database, reader_id: int, paper_id: str, *, at: datetime = NOW, kind: EventKind = EventKind.UPVOTE) -> None:
    with database.write() as session:
        events.append(session, reader_id, paper_id, kind, at=at)


Change = Callable[[Database, Settings, House], None]


def upsert(database: Database, *changed: Paper, now: datetime = NOW) -> None:
    with database.write() as session:
        papers.upsert(session, changed, now=now)


def a_code_link(database: Database, settings: Settings, house: House) -> None:
    upsert(database, *(replace(paper, code_url="https://example.org/code", signals=Signals()) for paper in house.edition))


def a_new_text_of_what_was_liked(database: Database, settings: Settings, house: House) -> None:
    renamed = (replace(paper, title=f"Anew: {paper.title}", version=2, signals=Signals()) for paper in house.earlier)
    upsert(database, *renamed)


def more_upvotes(database: Database, settings: Settings, house: House) -> None:
    upsert(database, *(replace(paper, signals=Signals(upvotes=500 + n)) for n, paper in enumerate(house.edition[::2])))


def another_paper(database: Database, settings: Settings, house: House) -> None:
    late = replace(house.edition[0], id="sample:20260101-99", title="One more", announce="new")
    arrive(database, [late], HashingEncoder(DIMENSIONS), NOW)


def a_paper_is_read(database: Database, settings: Settings, house: House) -> None:
    arrive(database, [unread(house)], HashingEncoder(DIMENSIONS), NOW)


def unread(house: House) -> Paper:
    """A paper that came in and that the encoder has not read."""
    return replace(house.edition[0], id="sample:20260101-98", title="Waiting", announce="new", signals=Signals())


def votes_of_others(database: Database, settings: Settings, house: House) -> None:
    for reader_id in house.readers[3:]:
        for paper in house.edition[:20]:
            vote(database, reader_id, paper.id, at=NOW - timedelta(hours=1))


def somebody_left(database: Database, settings: Settings, house: House) -> None:
    with database.write() as session:
        for reader_id in house.readers[3:-1]:  # not whoever voted last: the log ends where it ended
            belongings.remove(session, reader_id, now=NOW)


def another_model(database: Database, settings: Settings, house: House) -> None:
    publish(database, settings, busy_ranker(house, version="next", seed=3, rounds=5, dimensions=DIMENSIONS))


def no_model(database: Database, settings: Settings, house: House) -> None:
    with database.write() as session:
        artifacts.rollback(session, None, now=NOW)


def a_rule(database: Database, settings: Settings, house: House) -> None:
    with database.write() as session:
        for reader_id in house.readers[:3]:
            rules.add(session, reader_id, "must", "category", house.edition[5].categories[0], now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        a_code_link,
        a_new_text_of_what_was_liked,
        more_upvotes,
        another_paper,
        a_paper_is_read,
        votes_of_others,
        somebody_left,
        another_model,
        no_model,
        a_rule,
    ],
)
def test_what_is_kept_follows_the_house(
    database: Database, settings: Settings, house: House, rankers: Rankers, change: Change
) -> None:
    """All in the same moment: nothing but the store itself says that something has changed."""
    if change is somebody_left:
        votes_of_others(database, settings, house)
    upsert(database, unread(house))
    readers, readings = house.readers[:3], Readings()
    before = made(database, readers, rankers, readings)
    assert same(before, made(database, readers, rankers))
    change(database, settings, house)
    alone = made(database, readers, rankers)
    assert not same(before, alone)  # or the change would prove nothing
    assert same(alone, made(database, readers, rankers, readings))


def test_a_new_hour_hears_what_others_said_in_the_last(database: Database, house: House, rankers: Rankers) -> None:
    readings, readers = Readings(), house.readers[:3]
    for reader_id in house.readers[3:]:
        for paper in house.edition[:20]:
            vote(database, reader_id, paper.id, at=NOW + timedelta(minutes=10))
    soon, next_hour = NOW + timedelta(minutes=59), NOW + timedelta(minutes=61)
    columns = [made(database, readers, rankers, readings, now=now) for now in (soon, next_hour, soon)]
    assert same(columns[1], made(database, readers, rankers, now=next_hour))
    assert same(columns[2], made(database, readers, rankers, now=soon))
    heard = [{float(i.features[NAMES.index("neighbours")]) for page in found for i in page.items} for found in columns]
    assert heard[0] == heard[2] == {0.0}
    assert len(heard[1]) > 1


def test_nobody_is_told_what_was_observed_later(database: Database, house: House, rankers: Rankers) -> None:
    """Whoever asks as of an earlier moment gets what was known then, whatever was asked before."""
    upsert(database, *(replace(p, signals=Signals(upvotes=900 + n)) for n, p in enumerate(house.edition)), now=LATER)
    readers, after = house.readers[:2], LATER + timedelta(hours=1)
    for moments in ([NOW, after, NOW], [after, NOW, after, LATER]):
        readings = Readings()
        for now in moments:
            assert same(made(database, readers, rankers, readings, now=now), made(database, readers, rankers, now=now))
    assert not same(
        [replace(page, built_at=NOW) for page in made(database, readers, rankers, now=after)], made(database, readers, rankers)
    )


def test_a_handful_of_editions_is_kept(database: Database, house: House, rankers: Rankers) -> None:
    readings, days = Readings(), [DAY - timedelta(days=n) for n in range(MOST_WINDOWS + 3)]
    with database.read() as session:
        reading = readings.at(session, NOW)
        windows = [reading.window(day, RANK) for day in days]
        assert reading.window(days[-1], RANK) is windows[-1]
        assert reading.window(days[0], RANK) is not windows[0]
        assert len(reading._kept.windows) == MOST_WINDOWS


def test_only_so_many_papers_are_kept(
    database: Database, house: House, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.readings.MOST_PAPERS", 7)
    readings = Readings()
    assert same(made(database, house.readers, rankers), made(database, house.readers, rankers, readings))
    with database.read() as session:
        assert len(readings.at(session, NOW)._kept.papers) <= 7

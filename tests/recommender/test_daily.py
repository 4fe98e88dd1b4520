"""Store, rank and store again: when a page is made anew, what it is made of, what stands in when a model cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_paper, make_reader

from recommender import daily, find
from recommender.daily import Rankers
from recommender.errors import ModelIncompatible, NotTrained
from recommender.rank import model
from recommender.rank.features import NAMES, SCHEMA
from recommender.settings import RankSettings, Settings
from recommender.store import artifacts, events, pages, papers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, RankedItem, RankedPage

RANK = RankSettings()
UP, CLEAR, CLICK = EventKind.UPVOTE, EventKind.CLEAR, EventKind.CLICK


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


def current(
    database: Database, reader: Reader, rankers: Rankers, *, day: date = DAY, now: datetime = NOW, rank: RankSettings = RANK
) -> RankedPage:
    with database.write() as session:
        return daily.current_page(session, reader.id, day, rankers, rank, now=now)


def fresh(database: Database, reader: Reader, rankers: Rankers, *, rank: RankSettings = RANK) -> RankedPage | None:
    with database.read() as session:
        return daily.fresh_page(session, reader.id, DAY, rankers, rank)


def say(
    database: Database,
    reader: Reader,
    item: RankedItem | str,
    kind: EventKind = UP,
    *,
    at: datetime = NOW,
    channel: Channel = Channel.WEB,
) -> int:
    paper_id, item_id = (item, None) if isinstance(item, str) else (item.paper_id, item.id)
    with database.write() as session:
        return events.append(session, reader.id, paper_id, kind, at=at, item_id=item_id, channel=channel).id


def publish(
    database: Database, settings: Settings, version: str, *, day: int = 0, schema: str = SCHEMA, live: bool = True
) -> None:
    """Publish a blend under a name and make it live."""
    text = model.dump(model.blend_ranker(version=version))
    with database.write() as session:
        artifacts.add(session, settings.models_folder, version, text, kind="blend", schema=SCHEMA, papers=1, now=NOW)
        artifacts.promote(session, version, now=NOW)


def told(page: RankedPage) -> list[tuple[object, ...]]:
    return [(i.position, i.paper_id, i.score, i.reasons, i.explored, i.propensity, i.voted) for i in page.items]


def order(page: RankedPage) -> list[str]:
    return [item.paper_id for item in page.items]


def revisions(database: Database) -> int:
    with database.read() as session:
        latest = pages.latest(session, 1, DAY)
        return latest.revision if latest else 0


class TestOpenDay:
    def test_nothing_stored(self, database: Database) -> None:
        with database.read() as session:
            assert daily.open_day(session, today=DAY) is None

    @pytest.mark.parametrize(("ahead", "found"), [(-1, None), (0, DAY), (5, DAY)])
    def test_the_newest_edition_until_today(self, edition: Database, ahead: int, found: date | None) -> None:
        with edition.read() as session:
            assert daily.open_day(session, today=DAY + timedelta(days=ahead)) == found

    def test_an_edition_nobody_has_read_yet_is_not_open(self, edition: Database) -> None:
        tomorrow = DAY + timedelta(days=1)
        with edition.write() as session:
            papers.upsert(session, [make_paper(500, day=tomorrow)], now=NOW)
        with edition.read() as session:
            assert daily.open_day(session, today=tomorrow) == DAY


class TestFreshness:
    def test_there_is_no_page_before_the_first(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        assert fresh(edition, alice, rankers) is None

    def test_a_page_is_stored_and_stays(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        assert page.revision == 1
        assert page.id > 0
        assert len(page.items) == 48
        again = fresh(edition, alice, rankers)
        assert again is not None
        assert (again.id, told(again), again.paper_cursor) == (page.id, told(page), page.paper_cursor)
        assert current(edition, alice, rankers, now=NOW + timedelta(hours=9)).id == page.id
        assert revisions(edition) == 1

    @pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not CLICK])
    def test_every_gesture_but_a_click_makes_it_stale(
        self, edition: Database, alice: Reader, rankers: Rankers, kind: EventKind
    ) -> None:
        page = current(edition, alice, rankers)
        say(edition, alice, page.items[3], kind)
        assert fresh(edition, alice, rankers) is None
        assert current(edition, alice, rankers).revision == 2

    def test_a_click_does_not(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        say(edition, alice, page.items[3], CLICK)
        assert current(edition, alice, rankers).id == page.id

    def test_a_vote_of_somebody_else_does_not(self, edition: Database, alice: Reader, bob: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        say(edition, bob, page.items[0].paper_id)
        assert current(edition, alice, rankers).id == page.id

    def test_new_papers_do(self, edition: Database, settings: Settings, alice: Reader, rankers: Rankers) -> None:
        current(edition, alice, rankers)
        fill(edition, settings, [make_paper(700, title="A late one")])
        page = current(edition, alice, rankers)
        assert (page.revision, page.candidates) == (2, 49)

    def test_a_new_text_of_a_paper_does(self, edition: Database, settings: Settings, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        with edition.read() as session:
            paper = papers.get(session, [page.items[0].paper_id])[page.items[0].paper_id]
        fill(edition, settings, [replace(paper, title="Another title", version=2)])
        assert fresh(edition, alice, rankers) is None

    def test_papers_of_other_days_do_not(self, edition: Database, settings: Settings, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        fill(edition, settings, make_edition(DAY - timedelta(days=4), per_topic=1))
        assert current(edition, alice, rankers).id == page.id

    def test_a_new_model_does(self, edition: Database, settings: Settings, alice: Reader, rankers: Rankers) -> None:
        current(edition, alice, rankers)
        publish(edition, settings, "one")
        page = current(edition, alice, rankers)
        assert (page.revision, page.model) == (2, "one")

    def test_other_settings_do(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        current(edition, alice, rankers)
        small = RankSettings(page_size=10)
        assert fresh(edition, alice, rankers, rank=small) is None
        assert len(current(edition, alice, rankers, rank=small).items) == 10

    def test_a_damaged_model_does_not_take_the_page_away(
        self, edition: Database, settings: Settings, alice: Reader, rankers: Rankers
    ) -> None:
        publish(edition, settings, "one")
        (settings.models_folder / "one.json").write_text("{}")
        assert current(edition, alice, rankers).model == "blend-0"
        assert current(edition, alice, rankers).revision == 1

    def test_a_vote_that_falls_while_a_page_is_being_made_is_not_lost(
        self, edition: Database, alice: Reader, rankers: Rankers
    ) -> None:
        """The clock job passes the moment it began, which may be minutes ago; a vote cast since must count on the next look."""
        first = current(edition, alice, rankers)
        vote = say(edition, alice, first.items[20], at=NOW + timedelta(seconds=90))
        assert current(edition, alice, rankers, now=NOW).cursor < vote
        page = current(edition, alice, rankers, now=NOW + timedelta(minutes=3))
        assert page.cursor == vote
        assert page.items[20].voted

    def test_a_day_without_papers_is_an_empty_page_that_is_not_stored(
        self, edition: Database, alice: Reader, rankers: Rankers
    ) -> None:
        empty = DAY - timedelta(days=30)
        assert current(edition, alice, rankers, day=empty).items == ()
        say(edition, alice, make_edition()[0].id)  # a reader with a fresh like
        page = current(edition, alice, rankers, day=empty, now=NOW + timedelta(minutes=1))
        assert (page.items, page.id) == ((), 0)

    def test_a_broadsheet_without_an_encoder_has_an_empty_page(self, database: Database, alice: Reader, rankers: Rankers) -> None:
        assert current(database, alice, rankers).items == ()


class TestUndo:
    def test_through_the_store_it_restores_the_page_exactly(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        say(edition, alice, make_edition()[9].id, at=NOW - timedelta(days=1))
        first = current(edition, alice, rankers)
        moment = NOW + timedelta(minutes=1)
        for position, kind in ((5, UP), (12, EventKind.DOWNVOTE), (30, EventKind.HIDE)):
            before = current(edition, alice, rankers, now=moment)
            item = before.items[position - 1]
            say(edition, alice, item, kind, at=moment)
            after = current(edition, alice, rankers, now=moment)
            assert after.items[position - 1].paper_id == item.paper_id
            assert order(after) != order(first)
            say(edition, alice, item, CLEAR, at=moment)
            assert told(current(edition, alice, rankers, now=moment)) == told(before)
        assert told(current(edition, alice, rankers, now=moment)) == told(first)

    def test_undoing_the_second_vote_leaves_the_first_where_it_was(
        self, edition: Database, alice: Reader, rankers: Rankers
    ) -> None:
        say(edition, alice, current(edition, alice, rankers).items[7])
        one = current(edition, alice, rankers)
        say(edition, alice, one.items[2], EventKind.HIDE)
        two = current(edition, alice, rankers)
        assert two.items[2].voted
        assert two.items[-1].paper_id == one.items[7].paper_id
        say(edition, alice, two.items[2], CLEAR)
        assert told(current(edition, alice, rankers)) == told(one)

    def test_an_upvote_brings_up_the_nearest_paper(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        liked = page.items[30]
        with edition.read() as session:
            neighbours = [paper_id for paper_id, _ in find.similar(session, liked.paper_id)]
        say(edition, alice, liked)
        assert neighbours[0] in order(current(edition, alice, rankers))[:5]


class TestNeighbours:
    def test_what_they_said_before_this_hour_counts_and_can_be_made_again(
        self, edition: Database, alice: Reader, rankers: Rankers
    ) -> None:
        first = current(edition, alice, rankers)
        liked, target = first.items[0].paper_id, first.items[30].paper_id
        others = [make_reader(edition, name) for name in ("cleo", "dora", "emil")]
        for reader in (alice, *others):
            say(edition, reader, liked, at=NOW + timedelta(minutes=5))
        for reader in others:
            say(edition, reader, target, at=NOW + timedelta(minutes=5))
        column = NAMES.index("neighbours")

        def page(minutes: int) -> dict[str, float]:
            say(edition, alice, first.items[40], EventKind.SAVE, at=NOW)  # so that the page is made anew
            made = current(edition, alice, rankers, now=NOW + timedelta(minutes=minutes))
            with edition.read() as session:
                again = daily.replay(session, made, rankers, RANK)
            assert np.array_equal(again.values, np.stack([item.features for item in made.items]), equal_nan=True)
            return {item.paper_id: float(item.features[column]) for item in made.items}

        assert set(page(59).values()) == {0.0}
        after = page(61)
        assert after[target] > 0.4
        assert sum(after.values()) == after[target] + after[liked]


class TestReplay:
    def check(self, database: Database, made: Sequence[RankedPage], rankers: Rankers, rank: RankSettings = RANK) -> None:
        with database.read() as session:
            for page in made:
                matrix = daily.replay(session, page, rankers, rank)
                assert list(matrix.paper_ids) == order(page)
                assert matrix.names == NAMES
                logged = np.stack([item.features for item in page.items])
                assert np.allclose(matrix.values, logged, atol=1e-6, equal_nan=True)

    def test_every_revision_can_be_made_again_whatever_came_later(
        self, database: Database, settings: Settings, alice: Reader, rankers: Rankers
    ) -> None:
        fill(database, settings, make_edition(DAY - timedelta(days=2), per_topic=5), now=NOW - timedelta(days=2))
        fill(database, settings, make_edition())
        say(database, alice, make_edition(DAY - timedelta(days=2))[2].id, CLICK, at=NOW - timedelta(days=1))
        made = [current(database, alice, rankers)]
        for step, (position, kind) in enumerate([(4, UP), (9, EventKind.HIDE), (1, EventKind.SAVE), (6, CLEAR)], start=1):
            moment = NOW + timedelta(minutes=step)
            say(database, alice, made[-1].items[position], kind, at=moment)
            made.append(current(database, alice, rankers, now=moment))
        publish(database, settings, "one")
        made.append(current(database, alice, rankers, now=NOW + timedelta(minutes=7)))
        assert [page.revision for page in made] == [1, 2, 3, 4, 5, 6]
        with database.read() as session:
            assert rankers.get(session, made[0].model).lens.sharpen is not None  # its features are seen through a lens

        say(database, alice, made[0].items[20], at=made[-1].built_at)  # in the very moment, but after it was made
        later = NOW + timedelta(hours=2)
        say(database, alice, made[0].items[11], at=later)
        say(database, alice, made[0].items[12], CLICK, at=later)
        fill(database, settings, [make_paper(800 + n, topic="speech", title=f"Late {n}") for n in range(3)], now=later)
        fill(database, settings, make_edition(DAY - timedelta(days=1), per_topic=3), now=later)
        with database.write() as session:
            papers.upsert(
                session, [replace(make_edition()[0], signals=replace(make_edition()[0].signals, upvotes=99))], now=later
            )
        self.check(database, made, rankers)

    def test_a_page_that_draws_on_several_editions(
        self, database: Database, settings: Settings, alice: Reader, rankers: Rankers
    ) -> None:
        two_days = RankSettings(window_days=2)
        yesterday = DAY - timedelta(days=1)
        fill(database, settings, make_edition(yesterday, per_topic=4), now=NOW - timedelta(days=1))
        first = current(database, alice, rankers, day=yesterday, now=NOW - timedelta(days=1), rank=two_days)
        with database.write() as session:
            pages.mark_shown(session, [item.id for item in first.items[:6]], Channel.WEB, NOW - timedelta(days=1))
        fill(database, settings, make_edition(per_topic=4))
        page = current(database, alice, rankers, rank=two_days)
        assert page.candidates == 24 + 18
        self.check(database, [first, page], rankers, two_days)

    def test_a_page_of_other_settings_is_not_made_again(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        page = current(edition, alice, rankers)
        with edition.read() as session, pytest.raises(ModelIncompatible, match="other settings"):
            daily.replay(session, page, rankers, RankSettings(half_life_days=7))

    def test_a_model_that_is_gone_is_said_to_be_gone(self, edition: Database, alice: Reader, rankers: Rankers) -> None:
        page = replace(current(edition, alice, rankers), model="gone")
        with edition.read() as session, pytest.raises(NotTrained):
            daily.replay(session, page, rankers, RANK)

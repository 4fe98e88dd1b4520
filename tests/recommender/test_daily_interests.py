"""Interests, rules and days that were missed, through the store: what a page is made of, when it is made anew, that it can be replayed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from factories import DAY, NOW, fill, make_edition, make_reader

from recommender import daily
from recommender.daily import Rankers
from recommender.errors import ModelIncompatible
from recommender.settings import RankSettings, Settings
from recommender.store import events, interests, likes, pages, papers, readers, rules, tastes
from recommender.store.db import Database
from recommender.store.interests import Picks
from recommender.store.readers import Reader
from recommender.types import Channel, EventKind, Paper, RankedPage

RANK = RankSettings(author_cap=100, near_duplicate=1.0)
EARLIER = DAY - timedelta(days=6)
UP, CLEAR, HIDE = EventKind.UPVOTE, EventKind.CLEAR, EventKind.HIDE
PICKED = Picks(categories=("cs.CL",))


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


@pytest.fixture
def archive(database: Database, settings: Settings) -> Database:
    """Today's edition and one of last week."""
    fill(database, settings, [*make_edition(DAY, per_topic=10), *make_edition(EARLIER, per_topic=6)])
    return database


def of(topic: str, day: date = EARLIER) -> list[Paper]:
    return [p for p in make_edition(day, per_topic=10 if day == DAY else 6) if p.authors[0].lower().startswith(topic)]


def new_interest(database: Database, reader: Reader, name: str, topic: str, likes: int = 4) -> int:
    with database.write() as session:
        made = interests.create(session, reader.id, name, now=NOW - timedelta(days=2))
        for paper in of(topic)[:likes]:
            events.append(session, reader.id, paper.id, UP, at=NOW - timedelta(days=2), interest=made.id)
    return made.id


def current(
    database: Database, reader: Reader, rankers: Rankers, interest: int = 0, *, now: datetime = NOW, day: date = DAY
) -> RankedPage:
    with database.write() as session:
        return daily.current_page(session, reader.id, day, rankers, RANK, now=now, interest=interest)


def topics(page: RankedPage, first: int) -> list[str]:
    names = {p.id: p.authors[0].split()[0].lower() for p in make_edition(DAY, per_topic=10)}
    return [names[item.paper_id] for item in page.items if not item.explored][:first]


def test_each_interest_has_its_own_page_and_everything_mixes_them(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    speech = new_interest(archive, alice, "Speech", "speech")
    own = current(archive, alice, rankers, robots)
    assert own.interest == robots
    assert {item.interest for item in own.items} == {robots}
    assert topics(own, 3) == ["robots"] * 3
    mixed = current(archive, alice, rankers)
    assert {item.interest for item in mixed.items} == {robots, speech}, "a general taste that says nothing has no turn"
    assert sorted(topics(mixed, 4)) == ["robots", "robots", "speech", "speech"]


def test_the_general_taste_takes_turns_as_soon_as_it_speaks(archive: Database, alice: Reader, rankers: Rankers) -> None:
    new_interest(archive, alice, "Robots", "robots")
    with archive.write() as session:
        events.append(session, alice.id, of("vision")[0].id, UP, at=NOW - timedelta(days=1))
    assert set(topics(current(archive, alice, rankers), 4)) == {"robots", "vision"}


def test_a_vote_for_one_interest_teaches_no_other(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    speech = new_interest(archive, alice, "Speech", "speech")
    before = current(archive, alice, rankers, speech)
    with archive.write() as session:
        events.append(session, alice.id, of("health", DAY)[0].id, UP, at=NOW, interest=robots)
    after = current(archive, alice, rankers, speech)
    assert topics(before, 6) == topics(after, 6) == ["speech"] * 6
    voted = of("health", DAY)[0].id
    assert all(reason.paper_id != voted for item in after.items for reason in item.reasons)
    assert of("health", DAY)[0].id not in {item.paper_id for item in after.items}, "what was rated is not shown again"


def test_a_page_of_interests_is_fresh_until_something_it_obeys_changes(
    archive: Database, alice: Reader, rankers: Rankers
) -> None:
    new_interest(archive, alice, "Robots", "robots")

    def fresh() -> bool:
        with archive.read() as session:
            return daily.fresh_page(session, alice.id, DAY, rankers, RANK) is not None

    for change in (
        lambda s: rules.add(s, alice.id, "never", "category", "cs.CV", now=NOW),
        lambda s: interests.create(s, alice.id, "Speech", now=NOW, chosen=PICKED),
        lambda s: interests.set_picks(s, alice.id, categories=["cs.LG"]),
        lambda s: interests.forget(s, alice.id),
        lambda s: interests.close(s, alice.id, interests.listing(s, alice.id)[0].id, now=NOW),
    ):
        current(archive, alice, rankers)
        assert fresh()
        with archive.write() as session:
            change(session)
        assert not fresh()


def test_a_mixed_page_can_be_replayed_exactly(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    new_interest(archive, alice, "Speech", "speech")
    with archive.write() as session:
        rules.add(session, alice.id, "never", "category", "cs.CV", now=NOW - timedelta(hours=1))
    made = current(archive, alice, rankers)
    with archive.write() as session:
        events.append(session, alice.id, made.items[7].paper_id, UP, at=NOW, item_id=made.items[7].id, interest=robots)
    again = current(archive, alice, rankers)
    assert again.revision == made.revision + 1
    with archive.write() as session:  # what comes later must not reach back
        rules.add(session, alice.id, "never", "category", "cs.RO", now=NOW + timedelta(hours=1))
        interests.create(session, alice.id, "Later", now=NOW + timedelta(hours=1))
    with archive.read() as session:
        for page in (made, again):
            logged = np.stack([item.features for item in page.items])
            np.testing.assert_array_equal(logged, daily.replay(session, page, rankers, RANK).values)
        with pytest.raises(ModelIncompatible, match="shared by 2 interests"):
            daily.inputs_of(session, made, RANK)


def test_undo_restores_a_mixed_page(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    new_interest(archive, alice, "Speech", "speech")
    before = current(archive, alice, rankers)
    item = before.items[5]
    for kind in (UP, CLEAR):
        with archive.write() as session:
            events.append(session, alice.id, item.paper_id, kind, at=NOW, item_id=item.id, interest=item.interest)
        after = current(archive, alice, rankers)
        assert after.items[5].paper_id == item.paper_id
    assert [one.paper_id for one in after.items] == [one.paper_id for one in before.items]
    assert robots


def test_forgetting_begins_anew(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    new_interest(archive, alice, "Speech", "speech")
    assert topics(current(archive, alice, rankers, robots), 3) == ["robots"] * 3
    with archive.write() as session:
        interests.forget(session, alice.id, robots)
        untaught = daily.current_page(session, alice.id, DAY, rankers, RANK, now=NOW, interest=robots)
    assert topics(untaught, 3) != ["robots"] * 3
    with archive.read() as session:
        assert len(events.history(session, alice.id)) == 8, "the log keeps every event"


def test_picks_of_an_interest_rank_its_page(archive: Database, alice: Reader, rankers: Rankers) -> None:
    chosen = Picks(categories=("cs.RO",), papers=tuple(p.id for p in of("robots")[:3]))
    with archive.write() as session:
        made = interests.create(session, alice.id, "Robots", now=NOW, chosen=chosen)
    assert topics(current(archive, alice, rankers, made.id), 3) == ["robots"] * 3


@pytest.mark.parametrize("says", ["a like", "a dislike", "a pick", "a rule"])
def test_an_interest_has_a_turn_as_soon_as_it_says_anything(archive: Database, alice: Reader, says: str) -> None:
    with archive.write() as session:
        silent, made = (interests.create(session, alice.id, name, now=NOW - timedelta(days=1)) for name in ("Silent", "Robots"))
        assert list(tastes.of_page(session, alice.id)) == [0]
        assert list(tastes.of_page(session, alice.id, made.id)) == [made.id], "its own page is its own"
        assert tastes.is_silent(session, alice.id)
        assert tastes.is_silent(session, alice.id, made.id)
        rules.add(session, alice.id, "never", "category", "cs.CV", now=NOW)
        assert list(tastes.of_page(session, alice.id)) == [0], "that holds for all"
        if says == "a pick":
            interests.set_picks(session, alice.id, made.id, categories=["cs.RO"])
        elif says == "a rule":
            rules.add(session, alice.id, "must", "category", "cs.RO", now=NOW, interest=made.id)
        else:
            kind = UP if says == "a like" else EventKind.DOWNVOTE
            events.say(session, alice.id, of("robots")[0].id, kind, at=NOW, interest=made.id)
        assert list(tastes.of_page(session, alice.id)) == [made.id]
        assert not tastes.is_silent(session, alice.id)
        assert tastes.is_silent(session, alice.id, silent.id)
        assert tastes.is_silent(session, alice.id, made.id) == (says == "a rule"), "a rule puts papers on top, and orders none"
        both = tastes.of_pages(session, [alice.id, alice.id + 1])
        assert [list(both[i]) for i in (alice.id, alice.id + 1)] == [[made.id], [0]]
        if says in ("a like", "a dislike"):
            assert list(tastes.of_page(session, alice.id, cursor=0)) == [0]
            events.say(session, alice.id, of("robots")[0].id, EventKind.CLEAR, at=NOW, interest=made.id)
            assert list(tastes.of_page(session, alice.id)) == [0]
        assert silent.id not in tastes.of_page(session, alice.id)


def test_a_rule_of_one_interest_holds_there_alone(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    speech = new_interest(archive, alice, "Speech", "speech")
    with archive.write() as session:
        rules.add(session, alice.id, "never", "category", "cs.CV", now=NOW, interest=robots)
    assert "vision" not in topics(current(archive, alice, rankers, robots), 60)
    assert "vision" in topics(current(archive, alice, rankers, speech), 60)


def test_what_is_asked_for_is_ranked_for_the_reader_and_not_stored(archive: Database, alice: Reader, rankers: Rankers) -> None:
    new_interest(archive, alice, "Robots", "robots")
    with archive.write() as session:
        chosen = daily.chosen_page(session, alice.id, DAY, rankers, RANK, lambda p: "cs.CV" in p.categories, now=NOW)
        assert pages.latest(session, alice.id, DAY) is None
    assert set(topics(chosen, 60)) == {"vision"}
    assert all(item.id == 0 and not item.explored for item in chosen.items)


def test_a_general_taste_that_gave_all_its_likes_away_has_no_turn(archive: Database, alice: Reader) -> None:
    given = [paper.id for paper in of("robots")[:4]]
    with archive.write() as session:
        events.append_all(session, alice.id, given, UP, at=NOW - timedelta(days=2), channel=Channel.WEB)
        made = interests.create(session, alice.id, "Robots", now=NOW - timedelta(days=1))
        assert list(tastes.of_page(session, alice.id)) == [0], "it likes nothing yet"
        likes.move(session, alice.id, given, 0, made.id, now=NOW)
        assert list(tastes.of_page(session, alice.id)) == [made.id]
        events.say(session, alice.id, given[0], EventKind.SAVE, at=NOW)
        assert list(tastes.of_page(session, alice.id)) == [0, made.id], "what is saved speaks too"


def test_a_page_is_not_fresh_for_other_interests_that_want_the_same(archive: Database, alice: Reader, rankers: Rankers) -> None:
    with archive.write() as session:
        first, second = (interests.create(session, alice.id, name, now=NOW - timedelta(days=1), chosen=PICKED) for name in "AB")
    for change in (
        lambda s: (interests.close(s, alice.id, first.id, now=NOW), interests.create(s, alice.id, "C", now=NOW, chosen=PICKED)),
        lambda s: interests.move(s, alice.id, second.id, up=False),
    ):
        current(archive, alice, rankers)
        with archive.write() as session:
            change(session)
        with archive.read() as session:
            assert daily.fresh_page(session, alice.id, DAY, rankers, RANK) is None


def test_a_paper_liked_for_two_interests_keeps_its_place(archive: Database, alice: Reader, rankers: Rankers) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    speech = new_interest(archive, alice, "Speech", "speech")
    item = current(archive, alice, rankers).items[2]
    with archive.write() as session:
        events.say(session, alice.id, item.paper_id, UP, at=NOW, item_id=item.id, interest=item.interest)
        likes.copy(session, alice.id, [item.paper_id], item.interest, robots + speech - item.interest, now=NOW)
    after = [one.paper_id for one in current(archive, alice, rankers).items]
    assert after[2] == item.paper_id
    assert after.count(item.paper_id) == 1


def test_a_mixed_page_is_replayed_without_a_taste_that_spoke_later(archive: Database, alice: Reader, rankers: Rankers) -> None:
    new_interest(archive, alice, "Robots", "robots")
    new_interest(archive, alice, "Speech", "speech")
    made = current(archive, alice, rankers)
    with archive.write() as session:
        events.append(session, alice.id, of("vision")[0].id, UP, at=NOW + timedelta(hours=1))
    with archive.read() as session:
        again = daily.replay(session, made, rankers, RANK).values
    np.testing.assert_array_equal(np.stack([item.features for item in made.items]), again)


def test_a_vote_on_a_page_of_a_closed_interest_speaks_for_the_general_taste(
    archive: Database, alice: Reader, rankers: Rankers
) -> None:
    robots = new_interest(archive, alice, "Robots", "robots")
    item = current(archive, alice, rankers).items[0]
    with archive.write() as session:
        interests.close(session, alice.id, robots, now=NOW)
        assert events.say(session, alice.id, item.paper_id, UP, at=NOW, item_id=item.id, interest=item.interest)
        assert events.history(session, alice.id)[-1].interest == 0
    assert current(archive, alice, rankers).items[0].paper_id == item.paper_id, "it keeps its place, with undo at hand"


def test_what_is_taken_off_the_shelf_teaches_no_interest_any_more(archive: Database, alice: Reader) -> None:
    robots = new_interest(archive, alice, "Robots", "robots", likes=0)
    paper = of("robots")[0].id
    with archive.write() as session:
        events.say(session, alice.id, paper, EventKind.SAVE, at=NOW - timedelta(days=1), interest=robots)
        assert not events.say(session, alice.id, paper, EventKind.SAVE, at=NOW), "it is on the shelf already"
        assert events.say(session, alice.id, paper, EventKind.UNSAVE, at=NOW), "pressed on the shelf, which is nobody's interest"
        assert events.likes(event for event in events.history(session, alice.id) if event.interest == robots) == []
        assert not events.say(session, alice.id, paper, EventKind.UNSAVE, at=NOW)


class TestMissed:
    DAYS = tuple(DAY - timedelta(days=n) for n in (1, 2, 3))

    @pytest.fixture
    def reader(self, database: Database, settings: Settings) -> Reader:
        fill(database, settings, [p for day in (DAY, *self.DAYS) for p in make_edition(day, per_topic=4)])
        return make_reader(database, "carol", now=NOW - timedelta(days=2, hours=3))

    def absent(self, database: Database, reader: Reader, *, now: datetime = NOW, days: int = 7) -> list[date]:
        with database.read() as session:
            return daily.days_missed(session, reader.id, DAY, days=days, now=now)

    def show(self, database: Database, page: RankedPage, at: datetime) -> None:
        with database.write() as session:
            pages.mark_shown(session, [item.id for item in page.items[:3]], Channel.WEB, at)

    def test_days_since_the_account_was_made_of_which_nothing_was_seen(
        self, database: Database, reader: Reader, rankers: Rankers
    ) -> None:
        assert self.absent(database, reader) == list(self.DAYS[:2]), "nobody missed what came before they had an account"
        assert self.absent(database, reader, days=1) == list(self.DAYS[:1])
        assert self.absent(database, reader, days=0) == []
        yesterday = current(database, reader, rankers, day=self.DAYS[0])
        self.show(database, yesterday, NOW - timedelta(days=1))
        assert self.absent(database, reader) == [self.DAYS[1]]

    def test_what_is_brought_along_stays_until_the_day_is_over(
        self, database: Database, reader: Reader, rankers: Rankers
    ) -> None:
        self.show(database, current(database, reader, rankers, day=self.DAYS[0]), NOW)
        assert self.DAYS[0] in self.absent(database, reader)
        assert self.DAYS[0] not in self.absent(database, reader, now=NOW + timedelta(days=1))

    def test_the_picks_are_shared_out_and_are_the_top(self, database: Database, reader: Reader, rankers: Rankers) -> None:
        brought = daily.top_picks([current(database, reader, rankers, day=day) for day in self.DAYS[:2]], most=5)
        assert [(page.day, len(page.items)) for page in brought] == [(self.DAYS[0], 3), (self.DAYS[1], 2)]
        whole = current(database, reader, rankers, day=self.DAYS[0])
        assert [item.paper_id for item in brought[0].items] == [i.paper_id for i in whole.items if not i.explored][:3]
        assert all(item.id for page in brought for item in page.items)

    def test_more_days_than_picks_leave_some_out(self, database: Database, reader: Reader, rankers: Rankers) -> None:
        assert len(daily.top_picks([current(database, reader, rankers, day=day) for day in self.DAYS], most=2)) == 2


def test_tastes_of_nobody(database: Database) -> None:
    with database.read() as session:
        assert list(tastes.of_page(session, 404)) == [0]
        assert readers.by_id(session, 404) is None
        assert papers.count(session) == 0


def test_a_page_made_without_the_lock_is_kept_unless_its_reader_spoke_meanwhile(
    archive: Database, alice: Reader, rankers: Rankers
) -> None:
    with archive.read() as session:
        made = daily.ranked_pages(session, [alice.id], DAY, rankers, RANK, now=NOW)[alice.id]
    assert (made.id, pages_of(archive, alice)) == (0, 0)
    with archive.write() as session:
        kept = daily.keep_pages(session, [made], rankers, RANK)[alice.id]
        again = daily.keep_pages(session, [made], rankers, RANK)[alice.id]
    assert kept.id
    assert again.id == kept.id, "two requests that made the same page keep one"
    with archive.read() as session:
        assert daily.ranked_pages(session, [alice.id], DAY, rankers, RANK, now=NOW)[alice.id].id == kept.id
    with archive.write() as session:
        events.append(session, alice.id, made.items[0].paper_id, UP, at=NOW)
    with archive.write() as session:
        assert daily.keep_pages(session, [made], rankers, RANK) == {}
    assert pages_of(archive, alice) == 1


def pages_of(database: Database, reader: Reader) -> int:
    with database.read() as session:
        latest = pages.latest(session, reader.id, DAY)
    return latest.revision if latest is not None else 0

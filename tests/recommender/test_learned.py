"""What was learned, told: the numbers are those that pages are made of, each interest has its own, and votes suggest rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from factories import DAY, NOW, fill, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, papers

from recommender import daily, learned
from recommender.learned import Learned
from recommender.rank import model, profile, rules, terms
from recommender.rank.features import SCHEMA
from recommender.rankers import Rankers
from recommender.settings import RankSettings, Settings
from recommender.store import artifacts, events, interests, likes, tastes, vectors
from recommender.store import papers as paper_rows
from recommender.store import rules as rule_rows
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import EventKind, Paper, Rule

RANK = RankSettings()
UP, DOWN, HIDE, SAVE, CLICK = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.SAVE, EventKind.CLICK
EDITION = make_edition(DAY)
GRAPHS, ROBOTS, HEALTH = ([p for p in EDITION if p.authors[0].startswith(name)] for name in ("Graphs", "Robots", "Health"))


@pytest.fixture
def rankers(settings: Settings) -> Rankers:
    return Rankers(settings.models_folder)


def say(
    database: Database, reader: Reader, of: Sequence[Paper], kind: EventKind = UP, *, interest: int = 0, days: int = 0
) -> None:
    with database.write() as session:
        for paper in of:
            events.append(session, reader.id, paper.id, kind, at=NOW - timedelta(days=days), interest=interest)


def ask(database: Database, reader: Reader, rankers: Rankers, interest: int = 0) -> Learned:
    with database.read() as session:
        return learned.learned(session, reader.id, rankers, RANK, now=NOW, interest=interest)


def test_the_weights_are_those_of_the_profile_that_makes_the_page(edition: Database, alice: Reader, rankers: Rankers) -> None:
    say(edition, alice, GRAPHS[:2], days=365)
    say(edition, alice, GRAPHS[2:3])
    say(edition, alice, GRAPHS[3:4], SAVE)
    say(edition, alice, GRAPHS[4:5], CLICK, days=2)
    say(edition, alice, ROBOTS[:1], DOWN)
    say(edition, alice, ROBOTS[1:2], HIDE)
    found = ask(edition, alice, rankers)
    with edition.read() as session:
        history = events.history(session, alice.id)
        ids = profile.papers_of(history)
        read = paper_rows.get(session, ids)
        seen = vectors.load(session, ids, vectors.current_encoder(session) or "", buckets=terms.BUCKETS)
    taste = profile.build(history, read, seen, as_of=NOW, day=DAY, settings=RANK)
    weights = dict(zip((*taste.liked.ids, *taste.disliked.ids), (*taste.liked_weight, *(-taste.disliked_weight)), strict=True))
    assert {paper.paper_id: paper.weight for paper in found.papers} == pytest.approx(weights)
    assert [abs(p.weight) for p in found.papers] == sorted((abs(p.weight) for p in found.papers), reverse=True)
    kinds = {paper.paper_id: paper.kind for paper in found.papers}
    assert [kinds[p.id] for p in (*GRAPHS[:5], *ROBOTS[:2])] == [
        "upvote",
        "upvote",
        "upvote",
        "save",
        "click",
        "downvote",
        "hide",
    ]
    assert (found.likes, found.dislikes, found.interest) == (4, 2, 0)
    assert {a.name: a.value for a in found.categories} == pytest.approx(dict(taste.categories))
    assert next(a for a in found.categories if a.name == "cs.SI").liked == 5
    assert next(a for a in found.categories if a.name == "cs.RO").disliked == 2
    assert found.lifting
    assert found.lowering


def test_an_interest_tells_only_what_it_was_told(edition: Database, alice: Reader, rankers: Rankers) -> None:
    with edition.write() as session:
        robots = interests.create(session, alice.id, "Robots", now=NOW).id
    say(edition, alice, GRAPHS[:2])
    say(edition, alice, ROBOTS[:2], interest=robots)
    say(edition, alice, ROBOTS[2:3], SAVE, interest=robots)
    general, own = ask(edition, alice, rankers), ask(edition, alice, rankers, robots)
    assert {p.paper_id for p in general.papers} == {p.id for p in GRAPHS[:2]}
    assert {p.paper_id for p in own.papers} == {p.id for p in ROBOTS[:3]}
    assert own.likes == 3
    with edition.write() as session:
        likes.start_over(session, alice.id, robots, now=NOW)
    assert ask(edition, alice, rankers, robots).papers == ()
    assert ask(edition, alice, rankers, robots).lifting == ()
    assert ask(edition, alice, rankers) == general


def test_picks_count_softly_and_are_named_as_such(edition: Database, alice: Reader, rankers: Rankers) -> None:
    with edition.write() as session:
        interests.set_picks(session, alice.id, categories=["math.OC"], topics=["legs"], papers=[ROBOTS[0].id])
        known = tastes.of_page(session, alice.id)[0]
    assert known.papers == (ROBOTS[0].id,)
    found = ask(edition, alice, rankers)
    assert [(p.kind, p.at) for p in found.papers] == [("pick", None)]
    assert found.papers[0].weight == pytest.approx(RANK.click_weight, rel=0.01)
    assert (found.likes, found.picks.topics) == (0, ("legs",))
    assert "math.OC" in {a.name for a in found.categories}


def test_it_says_which_model_makes_the_pages(edition: Database, alice: Reader, rankers: Rankers, settings: Settings) -> None:
    untrained = ask(edition, alice, rankers)
    assert untrained.model.startswith("blend-")
    assert untrained.trained_at is None
    with edition.write() as session:
        made = model.blend_ranker(version="m-1")
        text = model.dump(made).replace('"kind": "blend"', '"kind": "boosted"')
        artifacts.add(session, settings.models_folder, "m-1", text, kind="boosted", schema=SCHEMA, papers=0, now=NOW)
        artifacts.promote(session, "m-1", now=NOW)
    found = ask(edition, alice, rankers)
    assert (found.model, found.trained_at) == ("m-1", NOW)


def test_nobody_has_learned_nothing(database: Database, alice: Reader, rankers: Rankers) -> None:
    found = ask(database, alice, rankers)
    assert (found.likes, found.papers, found.lifting, found.authors) == (0, (), (), ())


def test_the_facts_are_plain_values(edition: Database, alice: Reader, rankers: Rankers) -> None:
    say(edition, alice, GRAPHS[:3])
    with edition.read() as session:
        found = learned.facts(session, alice.id, rankers, RANK, now=NOW)
    assert json.loads(json.dumps(found))["papers"][0]["at"] == NOW.isoformat()
    assert found["likes"] == 3


def test_votes_suggest_rules_until_they_are_set_or_not_wanted(edition: Database, alice: Reader) -> None:
    def suggested() -> list[tuple[str, str, str]]:
        with edition.read() as session:
            found = learned.proposals(session, alice.id)
        return [(p.rule.action, p.rule.field, p.rule.value) for p in found]

    assert suggested() == []
    say(edition, alice, ROBOTS[:4])
    say(edition, alice, HEALTH[:5], DOWN)
    assert ("never", "category", "q-bio.QM") in suggested()
    say(edition, alice, HEALTH[:1])  # one like is enough to be silent
    assert ("never", "category", "q-bio.QM") not in suggested()
    say(edition, alice, HEALTH[:1], DOWN)
    with edition.write() as session:
        rule_rows.add(session, alice.id, "never", "category", "q-bio.QM", now=NOW)
    assert ("never", "category", "q-bio.QM") not in suggested()


def test_a_like_in_one_interest_is_not_a_dislike_in_another(edition: Database, alice: Reader) -> None:
    with edition.write() as session:
        robots = interests.create(session, alice.id, "Robots", now=NOW).id
    say(edition, alice, ROBOTS[:4])
    say(edition, alice, HEALTH[:5], DOWN)
    say(edition, alice, HEALTH[:1], interest=robots)
    say(edition, alice, HEALTH[:1], DOWN)
    with edition.read() as session:
        found = learned.proposals(session, alice.id)
    assert all(p.rule.value != "q-bio.QM" for p in found)


def test_a_common_phrase_is_not_suggested(database: Database, settings: Settings, alice: Reader) -> None:
    """The same votes: a phrase that every paper holds says nothing, one that only these hold does."""
    odd = [make_paper(n, topic="robots", title=f"Deep fakes number{n}", abstract="", categories=(f"x.{n}",)) for n in range(4)]
    fine = [make_paper(20 + n, topic="graphs", categories=(f"y.{n}",)) for n in range(4)]
    fill(database, settings, [*odd, *fine])
    say(database, alice, odd, DOWN)
    say(database, alice, fine)
    with database.read() as session:
        assert [p.rule.value for p in learned.proposals(session, alice.id) if p.rule.field == "phrase"] == ["deep fakes"]
    others = [make_paper(40 + n, topic="speech", title=f"More deep fakes {n}", categories=("z",)) for n in range(8)]
    fill(database, settings, others)
    with database.read() as session:
        assert [p.rule.value for p in learned.proposals(session, alice.id) if p.rule.field == "phrase"] == []


def test_a_week_is_counted_rule_by_rule(database: Database, settings: Settings, alice: Reader) -> None:
    days = [DAY - timedelta(days=n) for n in (0, 6, 7)]
    week = [p for day in days for p in make_edition(day, per_topic=2)]
    fill(database, settings, week)
    with database.write() as session:
        decreed = [
            rule_rows.add(session, alice.id, "never", "category", "cs.RO", now=NOW),
            rule_rows.add(session, alice.id, "must", "category", "cs", now=NOW),
            rule_rows.add(session, alice.id, "never", "author", "Nobody", now=NOW),
            rule_rows.add(session, alice.id, "never", "like", next(p.id for p in week if p.categories == ("cs.RO",)), now=NOW),
        ]
        counts = learned.taken(session, decreed, today=DAY)
        assert learned.taken(session, [], today=DAY) == {}
    robots, computing, nobody, like = (counts[rule.id] for rule in decreed)
    assert (robots, computing, nobody) == (4, 20, 0)
    assert 1 <= like < 24


def test_what_never_takes_is_never_on_the_page_however_much_it_is_liked(
    edition: Database, alice: Reader, rankers: Rankers
) -> None:
    """A strong dislike beats likes: the field `like` too, in every interest it holds for."""
    say(edition, alice, ROBOTS[:5])
    with edition.write() as session:
        before = daily.current_page(session, alice.id, DAY, rankers, RANK, now=NOW)
        rule_rows.add(session, alice.id, "never", "like", ROBOTS[5].id, now=NOW)
        after = daily.current_page(session, alice.id, DAY, rankers, RANK, now=NOW + timedelta(minutes=1))
    left = {p.id for p in ROBOTS[5:]}
    assert left <= {item.paper_id for item in before.items if not item.voted}
    assert ROBOTS[5].id not in {item.paper_id for item in after.items}
    assert not left & {item.paper_id for item in after.items}  # the sample's robots are all alike


@PROPERTY
@given(of=papers(8), values=st.lists(st.sampled_from(["cs", "cs.LG", "Ann", "graph", "$", ""]), min_size=1, max_size=4))
def test_counting_agrees_with_matching(of: list[Paper], values: list[str]) -> None:
    fields = ("author", "category", "phrase", "words", "organization", "like")
    decreed = [Rule("never", field, value) for field in fields for value in values]
    expected = [[paper.id for paper in of if rules.matches(rule, paper)] for rule in decreed]
    assert rules.takes(rules.Index(of), decreed) == expected

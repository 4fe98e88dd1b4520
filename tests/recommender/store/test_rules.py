"""A reader's rules: one of each, opposites end each other, what has ended is remembered, nobody touches another reader's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.store import rules
from recommender.store.db import Database, Session
from recommender.store.readers import Reader
from recommender.types import Rule

HOUR = timedelta(hours=1)


def said(session: Session, reader: Reader) -> list[tuple[str, str, str, int]]:
    return [(rule.action, rule.field, rule.value, rule.interest) for rule in rules.active(session, reader.id)]


def test_the_same_rule_twice_is_one(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        first = rules.add(session, alice.id, "never", "phrase", " Deep   Fakes ", now=NOW)
        assert first.value == "Deep Fakes"
        assert rules.add(session, alice.id, "never", "phrase", "deep fakes", now=NOW) == first
        rules.add(session, alice.id, "never", "phrase", "deep fakes", now=NOW, interest=3)
        assert said(session, alice) == [("never", "phrase", "Deep Fakes", 0), ("never", "phrase", "deep fakes", 3)]
        assert said(session, bob) == []


def test_the_opposite_ends_what_was_said(database: Database, alice: Reader) -> None:
    with database.write() as session:
        rules.add(session, alice.id, "must", "author", "Ada", now=NOW)
        rules.add(session, alice.id, "never", "author", "ADA", now=NOW)
        assert said(session, alice) == [("never", "author", "ADA", 0)]


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [("may", "author", "Ada"), ("must", "colour", "red"), ("must", "author", "  "), ("must", "author", "x" * 301)],
)
def test_what_is_no_rule_is_refused(database: Database, alice: Reader, action: str, field: str, value: str) -> None:
    with database.write() as session:
        with pytest.raises(StoreError, match="a rule"):
            rules.add(session, alice.id, action, field, value, now=NOW)
        assert said(session, alice) == []


def test_there_are_not_too_many(database: Database, alice: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 2)
    with database.write() as session:
        for name in ("Ada", "Bo"):
            rules.add(session, alice.id, "must", "author", name, now=NOW)
        with pytest.raises(StoreError, match="end some"):
            rules.add(session, alice.id, "must", "author", "Cy", now=NOW)


def test_only_its_reader_ends_a_rule_and_only_once(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        rule = rules.add(session, alice.id, "must", "author", "Ada", now=NOW)
        assert not rules.end(session, bob.id, rule.id, now=NOW)
        assert rules.get(session, bob.id, rule.id) is None
        assert rules.end(session, alice.id, rule.id, now=NOW)
        assert not rules.end(session, alice.id, rule.id, now=NOW)
        assert rules.get(session, alice.id, rule.id) == rule  # so that it can be set again
        assert rules.get(session, alice.id, rule.id + 99) is None


@pytest.mark.parametrize("number", [0, 2**31, 10**19])
def test_numbers_that_no_rule_can_have(database: Database, alice: Reader, number: int) -> None:
    with database.write() as session:
        assert rules.get(session, alice.id, number) is None
        assert not rules.end(session, alice.id, number, now=NOW)


def test_the_past_knows_what_held_then(database: Database, alice: Reader) -> None:
    with database.write() as session:
        rule = rules.add(session, alice.id, "must", "author", "Ada", now=NOW)
        rules.end(session, alice.id, rule.id, now=NOW + 2 * HOUR)
        held = [len(rules.active(session, alice.id, as_of=NOW + n * HOUR)) for n in (-1, 0, 1, 2, 3)]
    assert held == [0, 1, 1, 0, 0]


def test_following_is_a_rule_that_holds_everywhere(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        rules.add(session, alice.id, "must", "author", "Bo", now=NOW, interest=2)
        assert rules.find(session, alice.id, "must", "author", "Bo") is None
        rule = rules.add(session, alice.id, "must", "author", "Ada  Lovelace", now=NOW)
        assert rules.find(session, alice.id, "must", "author", " ada LOVELACE") == rule
        assert rules.find(session, alice.id, "never", "author", "ada lovelace") is None
        assert rules.find(session, bob.id, "must", "author", "ada lovelace") is None


def test_a_proposal_that_was_not_wanted_is_remembered_and_is_no_rule(database: Database, alice: Reader, bob: Reader) -> None:
    with database.write() as session:
        for _ in range(2):
            rules.dismiss(session, alice.id, "must", "author", "Ada", now=NOW)
        assert rules.dismissed(session, alice.id) == {("must", "author", "Ada")}
        assert rules.dismissed(session, bob.id) == set()
        assert rules.active(session, alice.id) == []
        (row,) = [number for number in range(1, 9) if rules.end(session, alice.id, number, now=NOW)] or [0]
        assert row == 0
        assert all(rules.get(session, alice.id, number) is None for number in range(1, 9))


ADDED = st.tuples(
    st.sampled_from(["must", "never"]), st.sampled_from(["author", "phrase"]), st.sampled_from("aAbc"), st.integers(0, 1)
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(ADDED, st.integers(0, 5)), max_size=12))
def test_any_sequence_holds_what_was_said_last(
    database: Database, alice: Reader, steps: list[tuple[str, str, str, int] | int]
) -> None:
    """Against a dictionary: one action per field, value and interest; a number ends the rule at that place."""
    expected: dict[tuple[str, str, int], str] = {}
    with database.write() as session:
        for old in rules.active(session, alice.id):
            rules.end(session, alice.id, old.id, now=NOW)
        for step in steps:
            if isinstance(step, int):
                held = rules.active(session, alice.id)
                if step < len(held):
                    gone: Rule = held[step]
                    rules.end(session, alice.id, gone.id, now=NOW)
                    del expected[gone.field, gone.value.casefold(), gone.interest]
            else:
                action, field, value, interest = step
                rules.add(session, alice.id, action, field, value, now=NOW, interest=interest)
                expected[field, value.casefold(), interest] = action
        found = {(r.field, r.value.casefold(), r.interest): r.action for r in rules.active(session, alice.id)}
        assert len(rules.active(session, alice.id)) == len(found)
    assert found == expected

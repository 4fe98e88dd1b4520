"""The pen of the sample edition: every pattern can be filled, and what is filled in belongs there."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from recommender.sources import sample_writer
from recommender.sources.sample_phrases import CLOSES, INSIGHTS, OPENS, PATTERNS, TENSIONS, Contribution, Patterns
from recommender.sources.sample_words import Topic, words
from recommender.sources.sample_writer import NUMBERS, VOCABULARY, _title_case, system_name, write

CLAUSES = ("gap", "finding", "claim", "better")
SLOTS = {"name", "field", "mod", *CLAUSES, *NUMBERS}
SLOTS |= {f"{slot}{rank}" for slot in ("method", "object") for rank in ("", "2", "3")}
SLOTS |= {f"{slot}{rank}" for slot in ("problem", "application", "data", "metric") for rank in ("", "2")}
LISTS = ("problems", "methods", "objects", "data", "metrics", "applications", "gaps", "findings", "claims")


def all_patterns(patterns: Patterns) -> tuple[str, ...]:
    return patterns.titles + patterns.approaches + patterns.details + patterns.results


@pytest.mark.parametrize(
    "pattern", [*OPENS, *TENSIONS, *INSIGHTS, *CLOSES, *(p for kind in Contribution for p in all_patterns(PATTERNS[kind]))]
)
def test_patterns_name_only_slots_that_exist(pattern: str) -> None:
    assert {slot.lower() for slot in re.findall(r"\{(\w+)\}", pattern)} <= SLOTS


@pytest.mark.parametrize("topic", VOCABULARY, ids=lambda topic: topic.name)
def test_vocabularies_are_rich_and_their_phrases_fit(topic: Topic) -> None:
    assert all(len(getattr(topic, name)) >= 3 for name in LISTS)
    for name in LISTS:
        phrases = getattr(topic, name)
        assert len(set(phrases)) == len(phrases)
        for phrase in phrases:
            slots = re.findall(r"(?<![A-Za-z])\{(\w+)\}", phrase)
            assert set(slots) <= ({"n", "p", "x"} if name == "findings" else set()) | (
                {"n"} if name in ("gaps", "claims") else set()
            )
            assert not phrase.endswith((".", ";", ","))
    assert not any(phrase.startswith(("a ", "an ", "the ")) for phrase in topic.methods + topic.objects)


def test_no_sentence_is_written_twice() -> None:
    patterns = Counter(
        [*OPENS, *TENSIONS, *INSIGHTS, *CLOSES, *(p for kind in Contribution for p in all_patterns(PATTERNS[kind]))]
    )
    assert [pattern for pattern, count in patterns.items() if count > 1] == []


@pytest.mark.parametrize("kind", list(Contribution))
def test_every_kind_is_written_for_every_topic(kind: Contribution) -> None:
    for topic in range(len(VOCABULARY)):
        title, abstract = write({topic: 1.0}, kind, "Marvello", random.Random(topic))
        assert title
        assert 90 <= len(abstract.split()) <= 160
        assert not re.search(r"(?<![A-Za-z^_])\{[a-z]+\d?\}", title + abstract), (title, abstract)


def test_no_sentence_is_added_that_would_make_an_abstract_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_writer, "LONGEST", 122)
    lengths = [len(write({23: 1.0}, Contribution.METHOD, "Marvello", random.Random(seed))[1].split()) for seed in range(60)]
    assert 110 < max(lengths) <= 122


def test_the_same_seed_writes_the_same_paper() -> None:
    once, again = (write({3: 1.0}, Contribution.METHOD, "Marvello", random.Random(5)) for _ in range(2))
    assert once == again
    assert once != write({3: 1.0}, Contribution.METHOD, "Marvello", random.Random(6))


def test_a_mixed_paper_speaks_of_both_topics() -> None:
    main, guest = VOCABULARY[0], VOCABULARY[20]
    own = sum(_words_of(main, text) for text in _texts({0: 0.6, 20: 0.4}))
    lent = sum(_words_of(guest, text) for text in _texts({0: 0.6, 20: 0.4}))
    stray = sum(_words_of(guest, text) for text in _texts({0: 1.0}))
    assert own > lent > 0.4 * own
    assert stray == 0


def test_a_paper_on_one_topic_borrows_a_little_from_its_neighbour() -> None:
    texts = _texts({0: 1.0})
    assert 0 < sum(_words_of(VOCABULARY[1], text) for text in texts) < 0.5 * sum(_words_of(VOCABULARY[0], text) for text in texts)


def test_a_clause_does_not_come_twice_in_one_abstract() -> None:
    for text in _texts({4: 1.0}):
        for phrase in (*VOCABULARY[4].gaps, *VOCABULARY[4].findings):
            if "{" not in phrase:
                assert text.lower().count(phrase.lower()) <= 1


def test_names_of_systems_vary() -> None:
    rng = random.Random(1)
    names = [system_name(rng) for _ in range(300)]
    assert len(set(names)) > 250
    assert all(name[0].isupper() and 3 <= len(name) <= 20 for name in names)


def test_title_case_leaves_short_words_and_mathematics() -> None:
    assert _title_case("Sparse keys for the recovery of graphs") == "Sparse Keys for the Recovery of Graphs"
    assert _title_case("Sorting in $O(n \\log n)$ time") == "Sorting in $O(n \\log n)$ time"


def test_phrases_are_split_at_semicolons_and_unwrapped() -> None:
    assert words("one phrase;\n    another\n    phrase; ") == ("one phrase", "another phrase")


def _texts(topics: dict[int, float]) -> list[str]:
    return [" ".join(write(topics, Contribution.METHOD, "Marvello", random.Random(seed))) for seed in range(40)]


def _words_of(topic: Topic, text: str) -> int:
    return sum(phrase.lower() in text.lower() for phrase in topic.methods + topic.objects + topic.problems + topic.data)

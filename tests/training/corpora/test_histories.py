"""Queries of every corpus: what is wanted, what was known before, which pages and readers count, and files that are not right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import DAY, make_paper
from toy_corpora import BROKEN_GZIP, text_of, write_arxiv, write_citeulike, write_lines, write_ratings

from recommender.errors import BroadsheetError
from training.corpora.histories import LOADERS, Corpus, Query, arxiv_authors, citeulike, read_lines, scholar_inbox

MONDAY = date(2007, 5, 7)
Told = tuple[date, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def ids(corpus: Corpus, rows: Sequence[int] | np.ndarray) -> tuple[str, ...]:
    return tuple(corpus.papers[row].id for row in rows)


def told(corpus: Corpus, query: Query) -> Told:
    """All that a query says, by papers' ids: day, page, wanted, liked, disliked."""
    rows = (query.page, query.page[query.wanted], query.liked, query.disliked)
    return (query.day, *(ids(corpus, found) for found in rows))  # type: ignore[return-value]


def assert_nothing_ahead(corpus: Corpus, first_day: Callable[[date], date]) -> None:
    """No history holds anything of its own page's days or later, and no page anything of other days."""
    assert corpus.queries
    for query in corpus.queries:
        first = first_day(query.day)
        assert all(corpus.papers[row].edition < first for row in (*query.liked, *query.disliked))
        assert all(first <= corpus.papers[row].edition <= query.day for row in query.page)
        assert query.wanted.any()


# citeulike: `weeks` of twelve papers each, item number = 100 * week + place, in a shuffled file


def item(week: int, place: int, **changes: Any) -> dict[str, Any]:
    arrival = MONDAY + timedelta(weeks=week, days=place % 7)
    return {"iid": 100 * week + place, "title": f"Paper {place} of week {week}", "arrival": arrival.isoformat()} | changes


def write_weeks(root: Path, users: dict[int, list[int]], sizes: Sequence[int] = (12,) * 8, **changes: Any) -> Path:
    items = [item(week, place, **changes) for week, size in enumerate(sizes) for place in range(size)]
    random.Random(3).shuffle(items)
    return write_citeulike(root, items, [{"uid": uid, "items": saved} for uid, saved in users.items()])


def test_a_page_is_a_week_and_what_was_saved_of_it_is_wanted(tmp_path: Path) -> None:
    saved = [0, 1, 2, 3, 104, 205, 206, 302]
    corpus = citeulike(write_weeks(tmp_path, {5: random.Random(1).sample(saved, len(saved)), 6: [0, 1, 2, 3, 101]}))
    first, second = corpus.queries  # nothing of week 1: four earlier saves are too few
    day, page, wanted, liked, disliked = told(corpus, first)
    assert day == MONDAY + timedelta(weeks=2, days=6)
    assert sorted(page) == [f"cul:{200 + place}" for place in range(12)]
    assert sorted(wanted) == ["cul:205", "cul:206"]
    assert liked == ("cul:0", "cul:1", "cul:2", "cul:3", "cul:104")
    assert disliked == ()
    assert (first.reader, second.reader) == (5, 5)
    assert ids(corpus, second.liked) == ("cul:0", "cul:1", "cul:2", "cul:3", "cul:104", "cul:205", "cul:206")
    assert_nothing_ahead(corpus, lambda day: day - timedelta(days=6))
    paper = corpus.papers[first.page[first.wanted][0]]
    assert (paper.title, paper.abstract, paper.authors, paper.categories) == ("Paper 5 of week 2", "", (), ())
    assert [p.edition for p in corpus.papers] == sorted(p.edition for p in corpus.papers)


def test_what_comes_later_changes_no_query(tmp_path: Path) -> None:
    draw = random.Random(4)
    before = {uid: [100 * week + place for week in range(5) for place in draw.sample(range(12), 3)] for uid in range(6)}
    after = [{uid: [100 * week + p for week in (5, 6, 7) for p in draw.sample(range(12), 4)] for uid in range(6)} for _ in "ab"]
    corpora = [
        citeulike(write_weeks(tmp_path / str(i), {uid: before[uid] + later[uid] for uid in before}))
        for i, later in enumerate(after)
    ]
    until = MONDAY + timedelta(weeks=5)
    early = [[told(c, q) for q in c.queries if q.day < until] for c in corpora]
    late = [[told(c, q) for q in c.queries if q.day >= until] for c in corpora]
    assert early[0] == early[1]
    assert len(early[0]) == 6 * 3
    assert late[0] != late[1]


def test_small_weeks_and_the_years_of_few_readers_are_no_pages_but_count_as_history(tmp_path: Path) -> None:
    users = {1: [*range(5), 100, 200, 300]}
    corpus = citeulike(write_weeks(tmp_path, users, sizes=(12, 9, 10, 12)))
    assert [len(query.page) for query in corpus.queries] == [10, 12]
    assert "cul:100" in ids(corpus, corpus.queries[0].liked)
    shift = (date(2006, 10, 2) - MONDAY) // timedelta(weeks=1)  # week 1 is the first that counts
    items = [
        item(week, place) | {"arrival": item(week + shift - 1, place)["arrival"]} for week in range(3) for place in range(12)
    ]
    corpus = citeulike(write_citeulike(tmp_path, items, [{"uid": 1, "items": [*range(6), 100, 200]}]))
    assert [query.day for query in corpus.queries] == [date(2006, 10, 8), date(2006, 10, 15)]


def test_a_save_that_is_named_twice_counts_once_and_one_of_no_known_paper_not_at_all(tmp_path: Path) -> None:
    corpus = citeulike(write_weeks(tmp_path, {1: [0, 1, 2, 3, 3, 3, 9999, 105, 205], 2: []}))
    [query] = corpus.queries
    assert ids(corpus, query.liked) == ("cul:0", "cul:1", "cul:2", "cul:3", "cul:105")


# arXiv: a season of `days` of `size` papers each; who wrote them is the only thing that makes a reader

SEASON = date(2025, 11, 17)
FULL = 60


def listing(day: int, place: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"25{day:02d}.{place:05d}",
        "day": (SEASON + timedelta(days=day)).isoformat(),
        "days": 1,
        "title": f"Study {place} of {day}",
        "abstract": None,
        "authors": ["Ordinary Person"],
        "categories": ["cs.CL", "cs.AI"],
    } | changes


def write_season(
    root: Path, authors: dict[tuple[int, int], list[str]], *, days: int = 50, sizes: dict[int, int] | None = None
) -> Path:
    found = [(day, place) for day in range(days) for place in range((sizes or {}).get(day, FULL))]
    records = [listing(*at, authors=authors.get(at, [f"P{at[0]}"])) for at in found]
    records += [listing(day, 0) for day in (-3, 165)]  # the days before and after the season
    random.Random(5).shuffle(records)
    return write_arxiv(root, records)


def by_author(**papers: Sequence[int]) -> dict[tuple[int, int], list[str]]:
    """`Some_Name=days`: one paper on each of those days, beside a second writer."""
    found: dict[tuple[int, int], list[str]] = {}
    for place, (name, days) in enumerate(papers.items()):
        for nth, day in enumerate(days):
            found[day, 2 * place + (nth > 0 and days[nth - 1] == day)] = [name.replace("_", " "), "Bo Li"]
    return found


def test_authors_want_their_own_later_papers(tmp_path: Path) -> None:
    corpus = arxiv_authors(write_season(tmp_path, by_author(Wilhelmina_Authorson=[2, 5, 9, 20, 30, 30, 49])))
    assert len(corpus.papers) == 50 * FULL
    assert [(query.day - SEASON).days for query in corpus.queries] == [20, 30, 49]
    assert ids(corpus, corpus.queries[0].liked) == ("arxiv:2502.00000", "arxiv:2505.00000", "arxiv:2509.00000")
    assert told(corpus, corpus.queries[1])[2] == ("arxiv:2530.00000", "arxiv:2530.00001")
    assert len(corpus.queries[2].liked) == 6
    assert_nothing_ahead(corpus, lambda day: day)
    assert (corpus.valid_from, corpus.test_from) == (SEASON + timedelta(days=5), SEASON + timedelta(days=15))
    assert corpus.papers[0].categories == ("cs.CL", "cs.AI")


def test_readers_are_authors_of_six_to_forty_papers_with_a_name_of_thirteen_letters(tmp_path: Path) -> None:
    authors = by_author(
        Jonathan_Exact=range(10, 16),  # fourteen letters, six papers
        Thirteen_Xyzw=range(10, 16),
        Twelve_Xyzwv=range(10, 16),
        Five_Papers_Only=range(10, 15),
        Forty_Papers_Has=range(9, 49),
        Many_Papers_Has=range(9, 50),
    )
    corpus = arxiv_authors(write_season(tmp_path, authors))
    liked = {ids(corpus, query.liked)[0] for query in corpus.queries}
    assert liked == {"arxiv:2510.00000", "arxiv:2510.00002", "arxiv:2509.00008"}
    assert len({query.reader for query in corpus.queries}) == 3


def test_names_are_masked(tmp_path: Path) -> None:
    """Other names, other papers under the same names: not a letter of a paper changes, only how many wrote it."""
    days = [2, 5, 9, 20, 30, 40, 45]
    corpus = arxiv_authors(write_season(tmp_path / "1", by_author(Wilhelmina_Authorson=days)))
    renamed = arxiv_authors(write_season(tmp_path / "2", by_author(Maximiliano_Writerman=days)))
    assert renamed.papers == corpus.papers
    assert [told(renamed, query) for query in renamed.queries] == [told(corpus, query) for query in corpus.queries]
    everybody = [author for paper in corpus.papers for author in paper.authors]
    assert len(everybody) == len(set(everybody)) == len(corpus.papers) + len(days)  # nobody is met twice
    assert not any("Wilhelmina" in author for author in everybody)
    assert {len(corpus.papers[row].authors) for query in corpus.queries for row in query.liked} == {2}


def test_small_days_are_no_pages_and_the_first_eight_are_not_asked_about(tmp_path: Path) -> None:
    days = [0, 1, 2, 3, 8, 9, 20, 30]  # with day 3 too small, day 9 is the ninth page
    corpus = arxiv_authors(write_season(tmp_path, by_author(Wilhelmina_Authorson=days), sizes={3: FULL - 1, 30: FULL - 1}))
    assert [(query.day - SEASON).days for query in corpus.queries] == [9, 20]
    assert len(corpus.queries[0].liked) == 5


def test_later_listings_change_no_query(tmp_path: Path) -> None:
    days = [2, 5, 9, 20, 30, 40]
    names = {"Wilhelmina_Authorson": [*days, 46, 47], "Maximiliano_Writerman": [*days, 45]}
    other = {"Wilhelmina_Authorson": [*days, 43], "Maximiliano_Writerman": [*days, 48, 48]}
    corpora = [arxiv_authors(write_season(tmp_path / str(i), by_author(**n))) for i, n in enumerate((names, other))]
    until = SEASON + timedelta(days=41)
    early = [[told(c, q) for q in c.queries if q.day < until] for c in corpora]
    assert early[0] == early[1]
    assert len(early[0]) == 6
    assert [told(corpora[0], q) for q in corpora[0].queries] != [told(corpora[1], q) for q in corpora[1].queries]


def test_a_season_too_short_is_said(tmp_path: Path) -> None:
    with pytest.raises(BroadsheetError, match=f"{tmp_path}: 44 days with 60 papers .* too few"):
        arxiv_authors(write_season(tmp_path, {}, days=44))


# Scholar Inbox: paper = topic's number, sessions on days counted from DAY


def rate(number: int, reader: int, value: int, day: int, minute: int = 0) -> tuple[str, int, object, str]:
    paper_id = make_paper(number).id.removeprefix("arxiv:")
    return paper_id, reader, value, f"{DAY + timedelta(days=day)}T09:{minute:02d}:00"


def rated(*numbers: int) -> tuple[str, ...]:
    return tuple(make_paper(number).id for number in numbers)


def inbox(folder: Path, ratings: Sequence[tuple[str, int, object, str]]) -> Corpus:
    """Add a reader 99 with twelve sessions that have both ratings, so that there is enough to split."""
    steady = [rate(300 + 2 * day + i, 99, (1, -1)[i], day) for day in range(12) for i in range(2)]
    texts = [text_of(make_paper(number)) for number in (*range(40), *range(300, 324))]
    return scholar_inbox(write_ratings(folder, [*ratings, *steady], texts))


def of(corpus: Corpus, reader: int) -> list[Told]:
    return [told(corpus, query) for query in corpus.queries if query.reader == reader]


def test_a_session_is_a_readers_day_and_earlier_ones_are_its_history(tmp_path: Path) -> None:
    ratings = [rate(1, 7, 1, 0), rate(2, 7, -1, 0), rate(3, 8, 1, 1), rate(4, 7, 1, 2), rate(5, 7, -1, 2), rate(6, 7, 1, 2, 5)]
    corpus = inbox(tmp_path, ratings)
    [query] = of(corpus, 7)  # the first session has no history
    assert query == (DAY + timedelta(days=2), rated(4, 5, 6), rated(4, 6), rated(1), rated(2))
    assert of(corpus, 8) == []
    assert [query.day for query in corpus.queries] == sorted(query.day for query in corpus.queries)
    assert (corpus.valid_from, corpus.test_from) == (DAY + timedelta(days=8), DAY + timedelta(days=9))  # of eleven days


def test_a_session_of_one_opinion_is_no_query_but_is_history(tmp_path: Path) -> None:
    ups = [rate(1, 7, 1, 0), rate(2, 7, 1, 1), rate(3, 7, 1, 1), rate(4, 7, -1, 2), rate(5, 7, -1, 3), rate(6, 7, 1, 3)]
    [query] = of(inbox(tmp_path, ups), 7)
    assert query == (DAY + timedelta(days=3), rated(5, 6), rated(6), rated(1, 2, 3), rated(4))


def test_the_last_word_on_a_paper_counts_within_a_session_and_in_the_history(tmp_path: Path) -> None:
    ratings = [
        *(rate(1, 7, 1, 0, 1), rate(2, 7, -1, 0, 2), rate(3, 7, 1, 0, 3), rate(6, 7, 1, 0, 4)),
        *(rate(3, 7, 1, 1, 1), rate(1, 7, -1, 1, 2), rate(2, 7, 1, 1, 3)),
        *(rate(4, 7, 1, 2, 1), rate(5, 7, 1, 2, 2), rate(4, 7, -1, 2, 3)),
    ]
    (last,) = of(inbox(tmp_path, random.Random(2).sample(ratings, len(ratings))), 7)
    # The second session rates again what the first one rated: nothing on it would have to be found.
    assert last[1:] == (rated(4, 5), rated(5), rated(6, 3, 2), rated(1))  # oldest first: what is said again is new again


def test_later_ratings_change_no_query(tmp_path: Path) -> None:
    draw = random.Random(8)
    before = [
        rate(draw.randrange(20), reader, draw.choice((1, -1)), day, m) for reader in (1, 2) for day in range(5) for m in range(6)
    ]
    later = [
        [
            rate(draw.randrange(40), reader, draw.choice((1, -1)), day, m)
            for reader in (1, 2)
            for day in range(5, 9)
            for m in range(6)
        ]
        for _ in "ab"
    ]
    corpora = [inbox(tmp_path / str(i), before + after) for i, after in enumerate(later)]
    until = DAY + timedelta(days=5)
    early, late = (
        [[told(c, q) for q in c.queries if (q.day < until) is is_early] for c in corpora] for is_early in (True, False)
    )
    assert early[0] == early[1]
    assert len(early[0]) >= 4 + 6
    assert late[0] != late[1]


def test_too_few_days_are_said(tmp_path: Path) -> None:
    ratings = [rate(2 * day + i, 7, (1, -1)[i], day) for day in range(10) for i in range(2)]
    with pytest.raises(BroadsheetError, match="9 days with a session that has both ratings are too few"):
        scholar_inbox(write_ratings(tmp_path, ratings, [text_of(make_paper(number)) for number in range(20)]))


# Files


@pytest.mark.parametrize(
    ("name", "own"), [("citeulike", "citeulike_a"), ("arxiv-authors", "arxiv_daily"), ("scholar-inbox", ".")]
)
def test_the_root_and_the_corpuss_own_folder_give_the_same(tmp_path: Path, name: str, own: str) -> None:
    write_weeks(tmp_path, {1: [*range(6), 105, 206]})
    write_season(tmp_path, by_author(Wilhelmina_Authorson=[2, 5, 9, 20, 30, 40]))
    inbox(tmp_path, [])
    whole, alone = LOADERS[name](tmp_path), LOADERS[name](tmp_path / own)
    assert whole.name == name
    assert alone.papers == whole.papers
    assert [told(alone, query) for query in alone.queries] == [told(whole, query) for query in whole.queries]
    assert whole.queries


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("citeulike", "citeulike_a/items.jsonl.gz"),
        ("citeulike", "citeulike_a/users.jsonl.gz"),
        ("arxiv-authors", "arxiv_daily/papers.jsonl.gz"),
    ],
)
def test_missing_and_damaged_files_are_named_with_what_to_do(tmp_path: Path, name: str, file: str) -> None:
    write_weeks(tmp_path, {uid: [random.Random(uid).randrange(9999) for _ in range(40)] for uid in range(200)}, sizes=(200,) * 4)
    write_season(tmp_path, {}, days=45)
    path = tmp_path / file
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], BROKEN_GZIP, b"no gzip", whole[:-8] + bytes(8)):
        path.write_bytes(damaged)
        with pytest.raises(BroadsheetError, match=rf"{file} cannot be read \(.*fetch it again"):
            LOADERS[name](tmp_path)
    write_lines(path, [{"other": 1}])
    with pytest.raises(BroadsheetError, match=rf"{file}, line 1 has no (iid|uid|id), .*--data"):
        LOADERS[name](tmp_path)
    path.unlink()
    with pytest.raises(BroadsheetError, match=rf"{file} is missing: name the folder it lies in with --data"):
        LOADERS[name](tmp_path)


def test_lines_that_are_no_objects_are_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "few.jsonl.gz", [{"a": 1}, [1, 2]])  # type: ignore[list-item]
    lines = read_lines(tmp_path, path.name, "a")
    assert next(lines) == {"a": 1}
    with pytest.raises(BroadsheetError, match=r"few\.jsonl\.gz, line 2 has no a"):
        next(lines)

"""Reasons name a cause that is there, at most two; take the cause away, and the reason and the score go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

import lightgbm
import numpy as np
import pytest
from factories import DAY, NOW, make_edition, make_paper
from hypothesis import given
from hypothesis import strategies as st
from strategies import PROPERTY, histories, make_event, make_inputs, make_page, papers, seen_through

from recommender.rank import profile, terms
from recommender.rank.explain import FAMILIES, Evidence, _short, families, ranked, reasons
from recommender.rank.features import MONOTONE, NAMES, SCHEMA
from recommender.rank.lens import Lens, flat
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.rerank import Placed
from recommender.settings import RankSettings
from recommender.types import Event, EventKind, FeatureMatrix, Paper, RankedItem, RankedPage, Reason, Signals

EARLIER = DAY - timedelta(days=3)
PAGE = make_edition(per_topic=4)
OLD = make_edition(EARLIER, per_topic=3)
SPEECH = [paper for paper in OLD if paper.authors[0].startswith("Speech")]
AGO = NOW - timedelta(days=2)
KNOWN_HANDS = [replace(p, authors=SPEECH[n % 3].authors) if n % 9 == 0 else p for n, p in enumerate(PAGE)]


@cache
def with_trees() -> Ranker:
    """The blend, boosted towards authors and what is near through the lens."""
    blend = blend_ranker(seen_through(make_edition(), taste=True))
    rng = np.random.default_rng(4)
    values = rng.normal(size=(1000, len(NAMES))).astype(np.float32)
    wanted = values[:, NAMES.index("author_affinity")] + values[:, NAMES.index("z_sharp_head")] > 1
    data = lightgbm.Dataset(values, wanted.astype(np.int8), group=[20] * 50, feature_name=list(NAMES))
    fixed = {"objective": "lambdarank", "verbosity": -1, "num_leaves": 7, "num_threads": 1, "seed": 7, "deterministic": True}
    trees = lightgbm.train(fixed | {"monotone_constraints": list(MONOTONE)}, data, num_boost_round=20)
    return replace(blend, version="boosted-1", kind="boosted", trees=trees.model_to_string())


def likes(of: Sequence[Paper], kind: EventKind = EventKind.UPVOTE) -> list[Event]:
    return [make_event(n, p, kind, at=AGO) for n, p in enumerate(of, start=1)]


def item(page: RankedPage, paper: Paper) -> RankedItem:
    return next(item for item in page.items if item.paper_id == paper.id)


def kinds(reasons: Sequence[Reason]) -> list[str]:
    return [reason.kind for reason in reasons]


def test_every_feature_belongs_to_a_family() -> None:
    found = dict(zip(NAMES, FAMILIES, strict=True))
    assert set(FAMILIES) == {
        "similar",
        "terms",
        "disliked",
        "author",
        "organization",
        "category",
        "popular",
        "recent",
        "code",
        "expected",
        "neighbours",
        "other",
    }
    assert found["dense_top5"] == found["z_dense_latest"] == "similar"
    assert found["sharp_head"] == found["z_taste_recent"] == found["r_taste_head"] == "similar"
    assert found["lex_top5"] == found["z_lex_head"] == found["r_lex_head"] == "terms"
    assert found["dense_disliked"] == found["z_lex_disliked"] == "disliked"
    assert found["author_sum"] == "author"
    assert found["organization_affinity"] == "organization"
    assert found["primary_affinity"] == found["z_category_lift"] == "category"
    assert found["team"] == found["z_team_gap"] == found["uncertainty"] == "other"
    assert found["neighbours"] == "neighbours"
    assert found["prior"] == found["z_prior"] == "expected"
    assert found["z_log_upvotes"] == "popular"
    assert found["z_age_days"] == "recent"
    assert found["has_code"] == "code"


def test_families_sum_their_features_and_leave_out_the_start() -> None:
    parts = np.zeros(len(NAMES) + 1, dtype=np.float32)
    parts[NAMES.index("author_affinity")], parts[NAMES.index("author_sum")], parts[NAMES.index("is_cross")] = 1.0, 2.0, -5.0
    parts[-1] = 99.0
    found = families(parts)
    assert found[0] == ("author", 3.0)
    assert found[-1] == ("other", -5.0)


def test_families_of_several_papers_may_be_asked_for_late() -> None:
    sums = np.arange(2 * len(set(FAMILIES)), dtype=np.float64).reshape(2, -1)
    first, second = map(list, list(ranked(sums)))
    assert [value for _, value in first] == sorted(sums[0], reverse=True)
    assert [value for _, value in second] == sorted(sums[1], reverse=True)


def test_a_new_reader_is_told_that_a_paper_is_new_or_liked_elsewhere() -> None:
    page = make_page([make_paper(n, signals=Signals(upvotes=u)) for n, u in ((1, 50), (2, 0), (3, None))])
    assert page.items[0].reasons == (Reason("popular", "50 upvotes at its source"),)
    assert item(page, make_paper(3)).reasons == (Reason("recent", "New in cs.LG"),)


def test_a_paper_without_categories_is_just_new() -> None:
    assert make_page([make_paper(1, categories=())]).items[0].reasons == (Reason("recent", "New"),)


def test_a_close_paper_names_what_it_is_close_to() -> None:
    top = make_page(PAGE, likes(SPEECH), read=OLD).items[0]
    named = [reason for reason in top.reasons if reason.kind in ("similar", "terms")]
    assert named
    for reason in named:
        liked = next(paper for paper in SPEECH if paper.id == reason.paper_id)
        assert liked.title in reason.text


def test_without_the_liked_paper_the_reason_is_gone_and_the_score_is_lower() -> None:
    other = next(paper for paper in OLD if paper.authors[0].startswith("Robots"))
    target = next(paper for paper in PAGE if paper.authors[0].startswith("Speech"))
    with_it, without = (make_page(PAGE, likes(of), read=OLD) for of in ((other, SPEECH[0]), (other,)))
    assert SPEECH[0].id in {reason.paper_id for reason in item(with_it, target).reasons}
    assert SPEECH[0].id not in {reason.paper_id for one in without.items for reason in one.reasons}
    assert item(without, target).score < item(with_it, target).score


def relative_score(paper_id: str, events: Sequence[Event], read: Sequence[Paper], ranker: Ranker) -> float:
    """How far above the page's mean a paper scores: what all papers gain or lose together is no reason for one of them."""
    items = make_page(KNOWN_HANDS, events, read=read, ranker=ranker).items
    return next(one.score for one in items if one.paper_id == paper_id) - float(np.mean([one.score for one in items]))


def without_cause(reason: Reason, events: Sequence[Event], read: Sequence[Paper]) -> tuple[list[Event], list[Paper]]:
    """Take away what a reason names: a liked paper, an author's name on all papers, or every like in a category."""
    if reason.paper_id is not None:
        return [event for event in events if event.paper_id != reason.paper_id], list(read)
    if reason.kind == "author":
        name = reason.text.removeprefix("By ").split(", whose")[0]
        return list(events), [replace(p, authors=tuple("Somebody Else" if a == name else a for a in p.authors)) for p in read]
    category = reason.text.removeprefix("In ").split(",")[0]
    return list(events), [replace(p, categories=tuple("other" if c == category else c for c in p.categories)) for p in read]


@pytest.mark.parametrize(
    "ranker",
    [blend_ranker(), blend_ranker(seen_through(make_edition(), taste=True)), with_trees()],
    ids=["flat", "sharp", "trees"],
)
def test_take_any_named_cause_away_and_the_score_falls(ranker: Ranker) -> None:
    read = [paper for paper in OLD if paper.authors[0].split()[0] in ("Speech", "Robots", "Vision")]
    events = likes(read)
    told = [(one, reason) for one in make_page(KNOWN_HANDS, events, read=read, ranker=ranker).items for reason in one.reasons]
    caused = [(one, reason) for one, reason in told if reason.kind in ("similar", "terms", "author", "category")]
    assert {reason.kind for _, reason in caused} >= {"similar", "author"}
    kept = [
        (one.position, reason.text)
        for one, reason in caused
        if relative_score(one.paper_id, *without_cause(reason, events, read), ranker)
        >= relative_score(one.paper_id, events, read, ranker)
    ]
    assert not kept


def test_terms_that_are_named_stand_in_both_texts() -> None:
    page = make_page(PAGE, likes(SPEECH), read=OLD)
    by_id = {paper.id: paper for paper in (*PAGE, *OLD)}
    found = [(one, reason) for one in page.items for reason in one.reasons if reason.kind == "terms"]
    assert found
    for one, reason in found:
        quoted = reason.text.partition("it speaks of ")[2].split(" and ")
        for term in quoted:
            for paper_id in (one.paper_id, reason.paper_id or ""):
                text = terms.paper_text(by_id[paper_id].title, by_id[paper_id].abstract).lower()
                assert term.strip("“”") in text


def author_reason(kind: EventKind) -> str:
    """Return what is said of a paper that shares nothing with a judged one but an author."""
    judged = make_paper(1, topic="speech", day=EARLIER, authors=("Ann Lee", "Bo"), categories=("x.Y",))
    theirs = make_paper(1, topic="robots", authors=("Cy", "Ann Lee"), signals=Signals())
    page = make_page([theirs, make_paper(2), make_paper(3)], likes([judged], kind), read=[judged])
    return next((reason.text for reason in item(page, theirs).reasons if reason.kind == "author"), "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (EventKind.UPVOTE, "By Ann Lee, whose work you liked"),
        (EventKind.SAVE, "By Ann Lee, whose work you liked"),
        (EventKind.CLICK, "By Ann Lee, whose work you opened"),
        (EventKind.DOWNVOTE, ""),
    ],
)
def test_an_author_is_named_with_what_the_reader_did(kind: EventKind, text: str) -> None:
    assert author_reason(kind) == text


def organization_reason(kind: EventKind) -> str:
    """Return what is said of a paper that shares nothing with a judged one but its organisation."""
    judged = make_paper(1, topic="speech", day=EARLIER, authors=("Bo",), categories=("x.Y",), organization="Institute")
    theirs = make_paper(1, topic="robots", authors=("Cy",), signals=Signals(), organization="Institute")
    page = make_page([theirs, make_paper(2, organization="Academy"), make_paper(3)], likes([judged], kind), read=[judged])
    said = {one.paper_id: [r.text for r in one.reasons if r.kind == "organization"] for one in page.items}
    assert not any(text for paper_id, text in said.items() if paper_id != theirs.id)
    return "".join(said[theirs.id])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (EventKind.UPVOTE, "From Institute, whose work you liked"),
        (EventKind.CLICK, "From Institute, whose work you opened"),
        (EventKind.DOWNVOTE, ""),
    ],
)
def test_an_organisation_is_named_with_what_the_reader_did(kind: EventKind, text: str) -> None:
    assert organization_reason(kind) == text


@pytest.mark.parametrize("lens", [flat(), seen_through([*PAGE, *OLD], taste=True)], ids=["flat", "lens"])
def test_what_lifts_through_a_lens_is_named_by_the_plain_text(lens: Lens) -> None:
    page = make_page(PAGE, likes(SPEECH), read=OLD, ranker=blend_ranker(lens))
    named = {reason.paper_id for one in page.items[:4] for reason in one.reasons if reason.kind in ("similar", "terms")}
    assert named
    assert named <= {paper.id for paper in SPEECH}


def test_what_was_only_opened_is_not_called_liked() -> None:
    page = make_page(PAGE, likes(SPEECH, EventKind.CLICK), read=OLD)
    said = " ".join(reason.text for one in page.items for reason in one.reasons)
    assert "which you opened" in said
    assert "you like" not in said


def test_an_open_paper_that_was_voted_on_and_cleared_was_only_opened() -> None:
    click = likes(SPEECH, EventKind.CLICK)
    undone = [make_event(8, SPEECH[0]), make_event(9, SPEECH[0], EventKind.CLEAR)]
    assert "you like" not in str(make_page(PAGE, [*click, *undone], read=OLD).items)


def test_a_category_is_named_when_it_lifts() -> None:
    judged = make_paper(1, topic="speech", day=EARLIER, authors=("Z",), categories=("cs.RO",))
    same = make_paper(1, topic="robots", signals=Signals())
    page = make_page([same, make_paper(2), make_paper(3)], likes([judged]), read=[judged])
    assert Reason("category", "In cs.RO, where you like more than you dislike") in item(page, same).reasons


def test_a_moved_paper_says_so_first() -> None:
    contrary = replace(blend_ranker(), weights=-blend_ranker().weights)  # it puts the nearest paper last
    page = make_page(PAGE, [make_event(1, PAGE[0])], ranker=contrary)
    [moved] = [one for one in page.items if "moved" in kinds(one.reasons)]
    assert moved.position == 3
    assert moved.reasons[0] == Reason("moved", f"Moved up: nearest to “{PAGE[0].title}”, which you just liked", PAGE[0].id)


def test_an_explored_paper_says_so() -> None:
    page = make_page(make_edition(per_topic=8))
    explored = [one for one in page.items if one.explored]
    assert len(explored) == 2
    assert all(kinds(one.reasons)[0] == "explore" for one in explored)
    assert not any("explore" in kinds(one.reasons) for one in page.items if not one.explored)


def test_a_voted_paper_needs_no_reason() -> None:
    page = make_page(PAGE, [make_event(1, PAGE[0]), make_event(2, PAGE[1], EventKind.HIDE)])
    assert [one.reasons for one in page.items if one.voted] == [(), ()]


def test_a_saved_paper_is_not_close_to_itself() -> None:
    page = make_page(PAGE, [make_event(1, PAGE[0], EventKind.SAVE)])
    assert PAGE[0].id not in {reason.paper_id for reason in item(page, PAGE[0]).reasons}


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Short", "Short"),
        ("x" * 70, "x" * 70),
        ("word " * 20, "word " * 13 + "word…"),
        ("y" * 90, "y" * 70 + "…"),
    ],
)
def test_a_long_title_is_cut_at_a_word(title: str, short: str) -> None:
    assert _short(title) == short
    assert len(_short(title)) <= 71


def test_a_long_title_is_cut_where_it_is_quoted() -> None:
    liked = replace(SPEECH[0], title="Speech " * 30)
    page = make_page(PAGE, likes([liked]), read=[liked])
    quoted = [reason.text for one in page.items for reason in one.reasons if reason.paper_id == liked.id]
    assert quoted
    assert all("Speech…”" in text for text in quoted)


@PROPERTY
@given(data=st.data())
def test_reasons_are_few_and_about_papers_of_the_reader(data: st.DataObject) -> None:
    found = data.draw(papers())
    events = data.draw(histories([*found, *OLD[:4]]))
    spoken_of = {event.paper_id for event in events}
    for one in make_page(found, events, read=OLD[:4]).items:
        assert (len(one.reasons) == 0) if one.voted else (1 <= len(one.reasons) <= 2)
        for reason in one.reasons:
            assert reason.paper_id is None or (reason.paper_id in spoken_of and reason.paper_id != one.paper_id)
            assert not reason.text.endswith(".")
            assert len(reason.text) < 250


@pytest.mark.parametrize(
    ("feature", "kind"), [("neighbours", "neighbours"), ("z_prior", "expected")], ids=["neighbours", "expected"]
)
def test_what_others_want_is_a_reason_only_where_they_do(feature: str, kind: str) -> None:
    contributions = np.zeros(len(NAMES) + 1, dtype=np.float32)
    contributions[NAMES.index(feature)] = 1.0  # trees may add something for a nought, too
    paper = make_paper(1)
    taste = profile.build([], {}, make_inputs([paper]).read_vectors, as_of=NOW, day=DAY, settings=RankSettings())
    for value, kinds_said in ((0.5, [kind]), (0.0, ["recent"]), (-0.5, ["recent"]), (np.nan, ["recent"])):
        values = np.full((1, len(NAMES)), np.nan, dtype=np.float32)
        values[0, NAMES.index(feature)] = value
        shown = FeatureMatrix((paper.id,), NAMES, values, SCHEMA)
        evidence = Evidence([paper], {}, taste, {}, lambda at, liked: (), shown=shown)
        assert kinds(reasons(0, Placed(0), families(contributions), evidence)) == kinds_said


def test_public_code_is_a_reason_only_where_there_is_some() -> None:
    contributions = np.zeros(len(NAMES) + 1, dtype=np.float32)
    contributions[NAMES.index("has_code")] = 1.0
    for address, words in (("https://example.org/code", "Its code is public"), (None, "New in cs.LG")):
        paper = make_paper(1, code_url=address)
        inputs = make_inputs([paper])
        taste = profile.build([], {}, inputs.read_vectors, as_of=NOW, day=DAY, settings=RankSettings())
        evidence = Evidence([paper], {}, taste, {}, lambda at, liked: ())
        assert reasons(0, Placed(0), families(contributions), evidence)[0].text == words

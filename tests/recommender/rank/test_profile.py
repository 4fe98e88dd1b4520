"""A taste is a fold over the log: the last word per paper, decay by age, clicks of earlier days only, signed affinities."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from factories import DAY, NOW, make_paper
from hypothesis import given
from strategies import PROPERTY, histories, make_event, vectors_of

from recommender.rank.profile import build, end_of, papers_of
from recommender.settings import RankSettings
from recommender.types import Channel, Event, EventKind, Paper, Profile

UP, DOWN, HIDE, CLEAR = EventKind.UPVOTE, EventKind.DOWNVOTE, EventKind.HIDE, EventKind.CLEAR
SAVE, UNSAVE, CLICK = EventKind.SAVE, EventKind.UNSAVE, EventKind.CLICK
A, B, C = make_paper(1), make_paper(2, topic="speech"), make_paper(3, topic="robots")
YESTERDAY = NOW - timedelta(days=1)


def taste(
    *events: Event,
    papers: tuple[Paper, ...] = (A, B, C),
    unread: tuple[Paper, ...] = (),
    as_of: datetime = NOW,
    day: date = DAY,
    **settings: object,
) -> Profile:
    return build(
        events,
        {p.id: p for p in papers},
        vectors_of(p for p in papers if p not in unread),
        as_of=as_of,
        day=day,
        settings=RankSettings(**settings),  # type: ignore[arg-type]
    )


def said(profile: Profile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return profile.liked.ids, profile.disliked.ids


def test_a_day_ends_at_the_next_midnight_utc() -> None:
    assert end_of(DAY) == datetime(2026, 5, 21, tzinfo=UTC)


def test_papers_are_listed_once_the_last_spoken_of_first() -> None:
    assert papers_of([make_event(1, A), make_event(2, B), make_event(3, A, CLEAR)]) == (A.id, B.id)


@pytest.mark.parametrize(
    ("kinds", "liked", "disliked"),
    [
        ((UP,), True, False),
        ((DOWN,), False, True),
        ((HIDE,), False, True),
        ((UP, CLEAR), False, False),
        ((UP, DOWN), False, True),
        ((DOWN, UP), True, False),
        ((HIDE, CLEAR), False, False),
        ((UP, UP), True, False),
        ((SAVE,), True, False),
        ((SAVE, UNSAVE), False, False),
        ((SAVE, DOWN), False, True),
        ((DOWN, SAVE), False, True),
        ((SAVE, UP, CLEAR), True, False),
        ((UP, SAVE, UNSAVE), True, False),
        ((CLEAR,), False, False),
        ((UNSAVE,), False, False),
        ((CLICK,), False, False),
    ],
)
def test_the_last_word_wins(kinds: tuple[EventKind, ...], liked: bool, disliked: bool) -> None:
    profile = taste(*(make_event(n, A, kind) for n, kind in enumerate(kinds, start=1)))
    assert said(profile) == ((A.id,) * liked, (A.id,) * disliked)
    assert (profile.likes, profile.dislikes) == (int(liked), int(disliked))


@pytest.mark.parametrize(("kind", "strength"), [(UP, 1.0), (SAVE, 0.8), (CLICK, 0.25), (DOWN, 1.0), (HIDE, 0.4)])
def test_the_strength_of_a_gesture(kind: EventKind, strength: float) -> None:
    profile = taste(make_event(1, A, kind, at=YESTERDAY), half_life_days=1e9)
    [weight] = [*profile.liked_weight, *profile.disliked_weight]
    assert weight == pytest.approx(strength)


def test_a_like_counts_half_after_its_half_life_measured_from_the_end_of_the_day() -> None:
    profile = taste(make_event(1, A, at=end_of(DAY) - timedelta(days=60)), half_life_days=60.0)
    assert profile.liked_weight[0] == pytest.approx(0.5)


def test_the_hour_of_the_request_changes_nothing() -> None:
    vote = make_event(1, A, at=YESTERDAY)
    early, late = (taste(vote, as_of=NOW + timedelta(hours=h)) for h in (0, 15))
    assert early.liked_weight.tobytes() == late.liked_weight.tobytes()


def test_a_vote_on_an_old_page_is_as_fresh_as_can_be() -> None:
    assert taste(make_event(1, A), day=DAY - timedelta(days=9)).liked_weight[0] == 1.0


def test_a_like_never_fades_to_nothing() -> None:
    assert taste(make_event(1, A, at=NOW - timedelta(days=900)), half_life_days=1.0).liked_weight[0] > 0


def test_what_comes_after_as_of_is_not_seen() -> None:
    later = make_event(2, A, CLEAR, at=NOW + timedelta(seconds=1))
    assert said(taste(make_event(1, A), later)) == ((A.id,), ())


def test_a_click_counts_from_the_next_day() -> None:
    midnight = datetime.combine(DAY, datetime.min.time(), UTC)
    assert said(taste(make_event(1, A, CLICK, at=midnight))) == ((), ())
    assert said(taste(make_event(1, A, CLICK, at=midnight - timedelta(microseconds=1)))) == ((A.id,), ())


def test_a_click_from_mail_never_counts_but_a_vote_from_mail_does() -> None:
    assert said(taste(make_event(1, A, CLICK, at=YESTERDAY, channel=Channel.EMAIL))) == ((), ())
    assert said(taste(make_event(1, A, UP, at=YESTERDAY, channel=Channel.EMAIL))) == ((A.id,), ())


def test_a_click_pressed_on_the_page_behind_a_mails_link_counts_as_one_of_the_web() -> None:
    pressed = make_event(1, A, CLICK, at=YESTERDAY, channel=Channel.PRESSED)
    assert said(taste(pressed)) == said(taste(make_event(1, A, CLICK, at=YESTERDAY))) == ((A.id,), ())


def test_a_click_is_no_like_to_count_and_never_the_newest_one() -> None:
    profile = taste(make_event(1, A, at=YESTERDAY), make_event(2, B, CLICK, at=YESTERDAY), make_event(3, C, SAVE))
    assert said(profile) == ((C.id, B.id, A.id), ())
    assert (profile.likes, profile.latest_like) == (2, A.id)


def test_taking_a_vote_back_leaves_the_click_that_was_there_before() -> None:
    click = make_event(1, A, CLICK, at=YESTERDAY)
    before = taste(click)
    after = taste(click, make_event(2, A), make_event(3, A, CLEAR))
    assert said(after) == said(before) == ((A.id,), ())
    assert after.liked_weight.tobytes() == before.liked_weight.tobytes()


def test_the_newest_likes_enter_when_there_are_too_many() -> None:
    papers = tuple(make_paper(n) for n in range(1, 31))
    events = [make_event(n, p) for n, p in enumerate(papers, start=1)]
    profile = taste(*events, papers=papers, max_likes=10)
    assert profile.liked.ids == tuple(p.id for p in papers[:19:-1])
    assert profile.likes == 10


def test_a_paper_without_vectors_or_facts_counts_for_nothing() -> None:
    events = (make_event(1, A), make_event(2, B), make_event(3, "arxiv:gone"))
    profile = taste(*events, unread=(B,))
    assert said(profile) == ((A.id,), ())
    assert profile.latest_like == A.id
    assert set(profile.authors) == set(A.authors)


def test_authors_saturate_with_evidence_and_carry_a_sign() -> None:
    fan = [make_paper(n, authors=("Ann",)) for n in range(1, 5)]
    one = taste(make_event(1, fan[0]), papers=tuple(fan), half_life_days=1e9).authors["Ann"]
    four = taste(*(make_event(n, p) for n, p in enumerate(fan, 1)), papers=tuple(fan), half_life_days=1e9).authors["Ann"]
    foe = taste(make_event(1, fan[0], DOWN), papers=tuple(fan), half_life_days=1e9).authors["Ann"]
    assert (one, four, foe) == pytest.approx((0.5, 0.8, -0.5))


def test_organisations_saturate_with_evidence_and_carry_a_sign() -> None:
    theirs = tuple(make_paper(n, organization="Institute") for n in range(1, 5))
    profiles = [
        taste(*(make_event(n, p, kind) for n, p in enumerate(of, 1)), papers=theirs, half_life_days=1e9)
        for of, kind in ((theirs[:1], UP), (theirs, UP), (theirs[:1], DOWN))
    ]
    assert [profile.organizations["Institute"] for profile in profiles] == pytest.approx([0.5, 0.8, -0.5])
    assert taste(make_event(1, A)).organizations == {}  # a source that names none


def test_the_team_is_the_weighted_mean_of_the_likes_on_a_logarithm() -> None:
    pair, eight, crowd = (make_paper(n, authors=tuple(f"W{i}" for i in range(m))) for n, m in ((1, 2), (2, 8), (3, 3000)))
    events = [make_event(1, pair), make_event(2, eight, SAVE), make_event(3, crowd, DOWN)]
    found = taste(*events, papers=(pair, eight, crowd), half_life_days=1e9).team
    assert found == pytest.approx((1.0 * math.log(2) + 0.8 * math.log(8)) / 1.8)
    assert math.isnan(taste(make_event(1, A, DOWN)).team)
    nobody = make_paper(4, authors=())
    assert taste(make_event(1, nobody), papers=(nobody,)).team == 0.0


def test_categories_weigh_likes_against_dislikes() -> None:
    profile = taste(make_event(1, A), make_event(2, C, DOWN), half_life_days=1e9)
    assert profile.categories["cs.LG"] == pytest.approx(1 / 3)
    assert profile.categories["cs.RO"] == pytest.approx(-1 / 3)


def test_a_name_that_a_source_lists_twice_counts_once() -> None:
    twice = make_paper(1, authors=("Ann", "Ann"), categories=("cs.LG", "cs.LG"))
    profile = taste(make_event(1, twice), papers=(twice,), half_life_days=1e9)
    assert profile.authors["Ann"] == pytest.approx(0.5)
    assert profile.categories["cs.LG"] == pytest.approx(1 / 3)


@PROPERTY
@given(events=histories([A, B, C], most=20))
def test_every_profile_keeps_its_promises(events: list[Event]) -> None:
    profile = taste(*events)
    assert not set(profile.liked.ids) & set(profile.disliked.ids)
    for weights in (profile.liked_weight, profile.disliked_weight):
        assert ((weights > 0) & (weights <= 1)).all()
    for affinities in (profile.authors, profile.categories, profile.organizations):
        assert all(-1 <= affinity <= 1 for affinity in affinities.values())
    assert profile.latest_like is None or profile.latest_like in profile.liked.ids


@PROPERTY
@given(events=histories([A, B, C], most=20))
def test_a_later_event_is_invisible(events: list[Event]) -> None:
    half = len(events) // 2
    moment = events[half - 1].at if half else NOW - timedelta(days=365)
    known = [event for event in events if event.at <= moment]
    now, then = taste(*known, as_of=moment), taste(*events, as_of=moment)
    assert said(now) == said(then)
    assert now.authors == then.authors
    assert now.latest_like == then.latest_like

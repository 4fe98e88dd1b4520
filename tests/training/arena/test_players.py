"""Those who play: the peer is the recipe it is said to be, and ours is the production path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy.sparse import csr_array
from toy_world import page_of, toy_world

from recommender.errors import NotEnoughData
from recommender.rank.features import NAMES
from recommender.rank.lens import Lens
from recommender.rank.model import blend_ranker
from recommender.rank.page import rank_page
from recommender.settings import Settings, TrainingSettings
from recommender.sources.sample import latent
from recommender.store.pages import ShownPage
from recommender.types import Event, EventKind, FloatArray, RankedPage
from training import split
from training.arena import Course, play, players
from training.arena.players import Night, Ours, Peer
from training.arena.world import Morning, World, make_cast
from training.fit import Fitted
from training.gate import Verdict

CAST = make_cast(6, rng=np.random.default_rng(3))
BRIEF = TrainingSettings(test_days=1, valid_days=1, min_pages=3, bootstrap=100)


@pytest.fixture(scope="module")
def world() -> World:
    return toy_world()


@pytest.fixture(scope="module")
def morning(world: World) -> Morning:
    return world.morning(3)


@pytest.fixture(scope="module")
def awake(morning: Morning) -> Peer:
    peer = Peer()
    peer.wake(morning)
    return peer


def on_topic(morning: Morning, topic: str, count: int = 3) -> list[str]:
    earlier = morning.known[: -len(morning.edition)]
    return [paper.id for paper in earlier if latent(paper.id).main == topic][:count]


def said(morning: Morning, *words: tuple[str, EventKind]) -> list[Event]:
    ago = morning.opening - timedelta(days=1)
    return [Event(n, 1, paper_id, kind, ago + timedelta(minutes=n)) for n, (paper_id, kind) in enumerate(words, start=1)]


def order(page: RankedPage) -> list[str]:
    return [item.paper_id for item in page.items]


def busiest(morning: Morning) -> str:
    topics = [latent(paper.id).main for paper in morning.edition]
    return max(sorted(set(topics)), key=topics.count)


def test_the_peer_shows_the_newest_to_who_has_marked_nothing(awake: Peer, morning: Morning) -> None:
    expected = [paper.id for paper in sorted(morning.edition, key=lambda paper: (-paper.published.timestamp(), paper.id))]
    assert order(awake.page(morning, 1, [], morning.opening)) == expected


def test_the_peer_finds_the_topic_that_was_marked(awake: Peer, morning: Morning) -> None:
    topic = busiest(morning)
    events = said(morning, *((paper_id, EventKind.UPVOTE) for paper_id in on_topic(morning, topic)))
    assert len(events) >= 2
    page = awake.page(morning, 1, events, morning.opening)
    wanted = sum(latent(paper.id).main == topic for paper in morning.edition)
    assert {latent(paper_id).main for paper_id in order(page)[: wanted - 1]} == {topic}
    assert [item.position for item in page.items] == list(range(1, len(morning.edition) + 1))
    assert [item.score for item in page.items] == sorted((item.score for item in page.items), reverse=True)


@pytest.mark.parametrize(
    ("kinds", "counts"),
    [
        ((EventKind.UPVOTE,), True),
        ((EventKind.SAVE,), True),
        ((EventKind.UPVOTE, EventKind.CLEAR), False),
        ((EventKind.SAVE, EventKind.DOWNVOTE), False),
        ((EventKind.DOWNVOTE,), False),
        ((EventKind.CLICK,), False),
    ],
)
def test_what_the_peer_takes_for_a_like(awake: Peer, morning: Morning, kinds: Sequence[EventKind], counts: bool) -> None:
    paper_id = on_topic(morning, busiest(morning))[0]
    page = awake.page(morning, 1, said(morning, *((paper_id, kind) for kind in kinds)), morning.opening)
    assert (order(page) != order(awake.page(morning, 1, [], morning.opening))) is counts


@pytest.mark.parametrize(("then", "counts"), [(None, True), (EventKind.DOWNVOTE, False), (EventKind.UPVOTE, True)])
def test_a_peer_who_listens_to_clicks(morning: Morning, then: EventKind | None, counts: bool) -> None:
    peer = Peer(clicks=True)
    peer.wake(morning)
    paper_id = on_topic(morning, busiest(morning))[0]
    events = said(morning, (paper_id, EventKind.CLICK), *([(paper_id, then)] if then else []))
    assert (order(peer.page(morning, 1, events, morning.opening)) != order(peer.page(morning, 1, [], morning.opening))) is counts


def test_ours_is_the_production_page(world: World, morning: Morning, settings: Settings) -> None:
    events = said(morning, *((paper_id, EventKind.UPVOTE) for paper_id in on_topic(morning, busiest(morning))))
    ours = Ours(world, settings)
    ours.wake(morning)
    made = ours.page(morning, 1, events, morning.opening)
    expected = rank_page(
        world.inputs(morning, 1, events, morning.opening, {}), blend_ranker(morning.lens, made.model), settings.rank
    )
    assert order(made) == order(expected)
    assert made.model == f"blend-{len(morning.known)}"
    assert all(np.array_equal(a.features, b.features, equal_nan=True) for a, b in zip(made.items, expected.items, strict=True))


def test_too_little_is_no_model(world: World, settings: Settings) -> None:
    ours = Ours(world, settings, learn_every=2)
    play(world, CAST, ours, days=4)
    assert [night.offset for night in ours.nights] == [1, 3]
    assert not any(night.accepted for night in ours.nights)
    assert ours.ranker.kind == "blend"


def test_it_need_not_learn(world: World, settings: Settings) -> None:
    ours = Ours(world, settings, learn_every=0)
    play(world, CAST[:1], ours, days=2)
    assert ours.nights == []


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three days are enough to learn from."""
    monkeypatch.setattr(split, "LEAST_DAYS", 3)


class Taught:
    """Stands in for fitting and judging: a model that turns the blend around, accepted or not."""

    def __init__(self, accept: bool) -> None:
        self.accept = accept
        self.sets: list[tuple[int, int]] = []
        self.live: list[bool] = []

    def fit(self, train, valid, settings, *, lens, version):  # type: ignore[no-untyped-def]
        self.sets.append((train.pages, valid.pages))
        turned = replace(blend_ranker(lens, version), kind="boosted")
        return Fitted(replace(turned, weights=-turned.weights), {})

    def decide(self, report, scores, *, tolerance, live_is_trained, **more):  # type: ignore[no-untyped-def]
        self.live.append(live_is_trained)
        assert ("live" in report.overall.scores) is live_is_trained
        return Verdict(self.accept, ("as told",))


@pytest.fixture(scope="module")
def unlearned(world: World) -> Course:
    return play(world, CAST, Ours(world, Settings(), learn_every=0))


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("accept", [True, False])
def test_what_passes_the_gate_is_live_the_next_morning(
    world: World, settings: Settings, unlearned: Course, monkeypatch: pytest.MonkeyPatch, accept: bool
) -> None:
    taught = Taught(accept)
    monkeypatch.setattr(players, "fit", taught.fit)
    monkeypatch.setattr(players, "decide", taught.decide)
    ours = Ours(world, settings.model_copy(update={"training": BRIEF}), learn_every=2)
    course = play(world, CAST, ours)
    assert [night.offset for night in ours.nights] == [1, 3, 5]
    assert ours.nights[1:] == [Night(3, accept, "as told"), Night(5, accept, "as told")]
    assert ours.ranker.version == ("night-5" if accept else f"blend-{len(world.morning(5).known)}")
    assert min(min(pages) for pages in taught.sets) > 0
    assert taught.live == [False, accept]
    late = course.day > 3
    assert bool(course.ndcg[late].mean() < unlearned.ndcg[late].mean() - 0.1) is accept
    assert np.array_equal(course.ndcg[~late], unlearned.ndcg[~late])


@pytest.mark.usefixtures("early")
def test_a_fit_that_finds_nothing_is_told(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> Fitted:
        raise NotEnoughData("nothing was found")

    monkeypatch.setattr(players, "fit", refuse)
    ours = Ours(world, settings.model_copy(update={"training": BRIEF}), learn_every=4)
    play(world, CAST, ours, days=4)
    assert ours.nights == [Night(3, False, "nothing was found")]


def told(ours: Ours, morning: Morning, *votes: tuple[int, str], minutes: int = 0) -> None:
    """Have other readers up-vote papers, some minutes after the first could come."""
    for number, (reader_id, paper_id) in enumerate(votes, start=100):
        event = Event(number, reader_id, paper_id, EventKind.UPVOTE, morning.opening + timedelta(minutes=minutes))
        ours.hear(ShownPage(page_of([], morning, reader_id, morning.opening), ()), [event])


def test_what_neighbours_say_is_on_the_page(world: World, morning: Morning, settings: Settings) -> None:
    shared, new = on_topic(morning, busiest(morning))[0], morning.edition[0].id
    ours = Ours(world, settings, learn_every=0)
    ours.wake(morning)
    others = (2, 3, 4)
    told(ours, morning, *((other, paper) for other in others for paper in (shared, new)), (5, morning.edition[1].id))
    told(ours, morning, *((other, morning.edition[2].id) for other in others), minutes=5)  # known from the next full hour on
    made = ours.page(morning, 1, said(morning, (shared, EventKind.UPVOTE)), morning.opening + timedelta(minutes=10))
    heard = {item.paper_id: float(item.features[NAMES.index("neighbours")]) for item in made.items}
    assert heard[new] > 0
    assert not any(value for paper_id, value in heard.items() if paper_id != new)


def test_the_lens_is_taught_what_is_liked_together(
    world: World, morning: Morning, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[csr_array] = []

    def taste(likes: csr_array, dense: FloatArray, lens: Lens, *, rng: np.random.Generator) -> None:
        assert (likes.shape[1], lens) == (len(dense), morning.lens)
        seen.append(likes)

    monkeypatch.setattr(players, "fit_taste", taste)
    ours = Ours(world, settings)
    told(ours, morning, (2, morning.known[7].id), (2, morning.known[3].id), (3, morning.known[7].id))
    assert ours._lens(morning).taste is None
    assert [row.indices.tolist() for row in seen[0]] == [[3, 7], [7]]

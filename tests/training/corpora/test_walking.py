"""Feature rows of queries: only what was known before counts, parts are kept and gone on from, peers are tuned and set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from factories import TOPICS, make_paper
from scipy.sparse import csr_array
from strategies import vectors_of

from recommender.rank.features import NAMES
from recommender.rank.lens import Taste
from recommender.settings import RankSettings
from recommender.types import Paper
from training import metrics, taste
from training.corpora import walking
from training.corpora.histories import Corpus, Query
from training.corpora.peers import PEERS, PeerPage
from training.corpora.walking import Walked, tune, walk

START = date(2025, 12, 29)  # the first day of a period of fourteen
SPACED, DAYS, PER_TOPIC, READERS = 4, 11, 2, 3
PAGE = len(TOPICS) * PER_TOPIC
SETTINGS = {name: options[0] for name, (_, options) in PEERS.items()}
QUICK = {"popular": 0.0, "newest": 0.0}
SEED = 5


def day_of(number: int) -> date:
    return START + timedelta(days=SPACED * number)


def paper(number: int, topic: str, day: int, **changes: object) -> Paper:
    return make_paper(number, topic=topic, day=day_of(day), **changes)


def papers_of(*, offset: int = 0) -> list[Paper]:
    return [paper(offset + PER_TOPIC * day + i, topic, day) for day in range(DAYS) for topic in TOPICS for i in range(PER_TOPIC)]


def on(day: int, topic: int) -> list[int]:
    """Rows of a topic's papers of a day."""
    first = PAGE * day + PER_TOPIC * topic
    return list(range(first, first + PER_TOPIC))


def made_of(papers: Sequence[Paper], wants: Callable[[int, int], int] = lambda reader, day: reader) -> Corpus:
    """Return a corpus in which reader r wants one topic of each day, by default the r-th, and dislikes the last on the first day."""
    queries = []
    for day in range(2, DAYS):
        page = np.arange(PAGE * day, PAGE * (day + 1))
        for reader in range(READERS):
            wanted = np.isin(page, on(day, wants(reader, day)))
            liked = np.sort(np.concatenate([on(earlier, wants(reader, earlier)) for earlier in range(day)]))
            queries.append(Query(reader, day_of(day), page, wanted, liked, np.array(on(0, len(TOPICS) - 1))))
    return Corpus("toy", "Toy.", tuple(papers), tuple(queries), day_of(6), day_of(8), 14)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return made_of(papers_of())


Run = Callable[..., Walked]
Told = list[tuple[str, int, int | None]]


def described(corpus: Corpus, cache: Path, queries: Sequence[Query] | None = None, **changes: object) -> Walked:
    options = {"settings": RankSettings(), "chosen": QUICK, "seed": SEED, "label": "describing all"} | changes
    some = corpus.queries if queries is None else queries
    return walk(corpus, vectors_of(corpus.papers), some, cache=cache, **options)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Describe queries (default: all) of a corpus, with a cache of its own unless one is named."""
    runs = count()

    def one(corpus: Corpus, queries: Sequence[Query] | None = None, *, cache: Path | None = None, **changes: object) -> Walked:
        return described(corpus, cache or tmp_path / f"run{next(runs)}", queries, **changes)

    return one


@pytest.fixture(scope="module")
def whole(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Walked, Path, Told]:
    """All queries, once: their rows, the cache, and the progress that was told."""
    cache, told = tmp_path_factory.mktemp("walk") / "cache", []
    return described(corpus, cache, progress=lambda *said: told.append(said)), cache, told


@pytest.fixture
def with_taste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few readers are enough to learn what is liked together, and it is believed."""
    monkeypatch.setattr(taste, "LEAST_READERS", 2)
    monkeypatch.setattr(taste, "helps", lambda *_, **__: True)


def same(one: Walked, other: Walked) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in Walked.__slots__)


def column(rows: Walked, name: str) -> np.ndarray:
    return rows.X[:, NAMES.index(name)]


def test_rows_are_the_pages_in_their_order(corpus: Corpus, run: Run) -> None:
    rows = run(corpus, chosen=SETTINGS)
    q = len(corpus.queries)
    assert rows.X.shape == (q * PAGE, len(NAMES))
    assert (rows.X.dtype, rows.peers.dtype, rows.wanted.dtype) == (np.float32, np.float32, np.bool_)
    assert rows.group.tolist() == [PAGE] * q
    assert rows.wanted.reshape(q, PAGE).sum(axis=1).tolist() == [PER_TOPIC] * q
    likes, dislikes = (column(rows, name).reshape(q, PAGE)[:, 0].tolist() for name in ("likes", "dislikes"))
    assert likes == [len(query.liked) for query in corpus.queries]
    assert set(dislikes) == {2.0}
    auc = metrics.auc(rows.wanted.astype(np.int8), column(rows, "lex_centroid"), rows.group)
    assert auc.mean() > 0.99  # what is wanted stands beside its own features
    worst = rows.X[~rows.wanted, NAMES.index("lex_disliked")].max()
    assert worst > 0.3  # the last topic is like what was disliked, and is never wanted
    assert rows.peers.shape == (q * PAGE, len(PEERS))
    by_place = rows.wanted.reshape(-1, READERS, PAGE).mean(axis=0)
    assert by_place.max() < 0.8  # a reader's topic stands anywhere: tied scores must not look good


def test_peers_stand_beside_the_rows_they_scored(corpus: Corpus, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that knows the numbers of the papers gives them away, in the order of the rows."""
    upvotes = tuple(replace(p, signals=replace(p.signals, upvotes=n)) for n, p in enumerate(corpus.papers))
    numbered = replace(corpus, papers=upvotes)
    rows = run(numbered)
    row = rows.peers[:, list(QUICK).index("popular")].astype(int)
    assert np.expm1(column(rows, "log_upvotes")) == pytest.approx(row, rel=1e-4)
    for query, shown, wanted in zip(
        numbered.queries, np.split(row, len(corpus.queries)), np.split(rows.wanted, len(corpus.queries)), strict=True
    ):
        assert sorted(shown) == query.page.tolist()
        assert set(shown[wanted]) == set(query.page[query.wanted])
    newest = rows.peers[:, list(QUICK).index("newest")]
    assert set(newest) == {0.0}
    assert run(corpus, corpus.queries[:6], chosen=None).peers.shape == (6 * PAGE, 0)


def test_a_page_knows_nothing_of_its_own_period_or_later(run: Run, with_taste: None) -> None:
    """A page of the second period: every other paper from that period on is another, and readers want something else there."""
    judged_day = 5  # days 4 to 6 lie in it
    old, new = papers_of(), papers_of(offset=400)
    later = [n for n in range(len(old)) if n >= PAGE * 4 and n // PAGE != judged_day]
    changed = [new[n] if n in later else p for n, p in enumerate(old)]
    corpora = made_of(old), made_of(changed, wants=lambda reader, day: reader if day < 4 or day == judged_day else 5 - reader)
    history = {query.reader: query for query in corpora[0].queries if query.day == day_of(4)}  # likes of before the period
    rows = []
    for corpus in corpora:
        judged = [query for query in corpus.queries if query.day == day_of(judged_day)]
        judged = [replace(query, liked=history[query.reader].liked) for query in judged]
        rows.append(run(corpus, judged, chosen=SETTINGS))
    assert same(*rows)
    assert np.isfinite(column(rows[0], "taste_centroid")).all()


@pytest.mark.parametrize(("what", "seen_in"), [("text", "sharp_centroid"), ("likes", "taste_centroid")])
def test_a_page_knows_what_came_before_its_period(run: Run, with_taste: None, what: str, seen_in: str) -> None:
    """So that the test above can fail: an earlier paper nobody judged, or what others liked earlier, does show."""
    papers = papers_of()
    corpus = made_of(papers)
    if what == "text":
        papers[PAGE * 3 + PAGE - 1] = paper(999, "graphs", 3)
        other = made_of(papers)
    else:
        other = made_of(papers, wants=lambda reader, day: 4 if reader == 2 and day == 3 else reader)
    one, two = (run(c, [q for q in c.queries if q.day == day_of(5) and q.reader == 0]) for c in (corpus, other))
    assert not np.array_equal(column(one, seen_in), column(two, seen_in))
    assert np.array_equal(column(one, "dense_centroid"), column(two, "dense_centroid"))  # the page and the history are the same


def test_what_readers_like_together_is_learned_from_all_that_was_wanted_before(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[csr_array] = []

    def look(likes: csr_array, dense: np.ndarray, *_: object, **__: object) -> Taste | None:
        assert likes.shape[1] == len(dense) == PAGE * 4  # papers of days 0 to 3
        seen.append(likes)
        return None

    monkeypatch.setattr(walking, "fit_taste", look)
    walking._lens(corpus, vectors_of(corpus.papers), day_of(4) - timedelta(days=SPACED - 2), np.random.default_rng(0))
    assert [row.indices.tolist() for row in seen[0]] == [[n for day in range(4) for n in on(day, r)] for r in range(READERS)]


def test_a_first_period_without_anything_before_is_described(corpus: Corpus, run: Run) -> None:
    early = replace(corpus, refit_days=10_000)
    rows = run(early, early.queries[:4], chosen=SETTINGS)
    assert np.isfinite(rows.peers).all()
    assert np.isfinite(column(rows, "lex_centroid")).all()


def test_periods_are_kept_and_not_described_again(
    corpus: Corpus, run: Run, whole: tuple[Walked, Path, Told], tmp_path: Path
) -> None:
    rows, kept, told = whole
    assert told == [("describing all", done, 27) for done in (6, 15, 27)]
    cache = copytree(kept, tmp_path / "kept")
    files = sorted(cache.iterdir())
    assert [path.name.split("-2")[0] for path in files] == ["describing-all"] * 3
    told_again: Told = []
    assert same(run(corpus, cache=cache, progress=lambda *said: told_again.append(said)), rows)
    assert told_again == []
    with np.load(files[1]) as part:
        arrays = dict(part)
    np.savez(files[1], **(arrays | {"X": np.full_like(arrays["X"], 7)}))
    marked = run(corpus, cache=cache)
    assert set(marked.X[6 * PAGE : 15 * PAGE].ravel()) == {7.0}
    assert marked.X[: 6 * PAGE].tobytes() == rows.X[: 6 * PAGE].tobytes()


def test_a_run_that_was_cut_goes_on_with_the_same_result(
    corpus: Corpus, run: Run, whole: tuple[Walked, Path, Told], tmp_path: Path
) -> None:
    def cut(_: str, done: int, __: int | None) -> None:
        if done >= 15:
            raise InterruptedError

    rows, kept, _ = whole
    cache = tmp_path / "cut"
    with pytest.raises(InterruptedError):
        run(corpus, cache=cache, progress=cut)
    written = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(written) == 2
    (cache / "describing-all-2026-01-26-12.partial.npz").write_bytes(b"half")  # the write that was cut
    assert same(run(corpus, cache=cache), rows)
    assert {name: (cache / name).stat().st_mtime_ns for name in written} == written
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {path.name: path.read_bytes() for path in kept.iterdir()}


def test_damaged_parts_are_made_again(corpus: Corpus, run: Run, whole: tuple[Walked, Path, Told], tmp_path: Path) -> None:
    rows, kept, _ = whole
    cache = copytree(kept, tmp_path / "damaged")
    files = sorted(cache.iterdir())
    good = [path.read_bytes() for path in files]
    middle = len(good[2]) // 2
    files[0].write_bytes(b"")
    files[1].write_bytes(good[1][: len(good[1]) // 2])
    files[2].write_bytes(good[2][:middle] + bytes(64) + b"?" + good[2][middle + 65 :])
    assert same(run(corpus, cache=cache), rows)
    assert [path.read_bytes() for path in files] == good


def test_a_part_of_another_kind_is_made_again(corpus: Corpus, run: Run, whole: tuple[Walked, Path, Told], tmp_path: Path) -> None:
    rows, kept, _ = whole
    cache = copytree(kept, tmp_path / "older")
    first, second, _ = sorted(cache.iterdir())
    np.savez(first, X=rows.X[: 6 * PAGE], wanted=rows.wanted[: 6 * PAGE], group=rows.group[:6])
    second.write_bytes(b"no array at all")
    assert same(run(corpus, cache=cache), rows)


def test_the_seed_decides_the_order_of_rows(corpus: Corpus, run: Run) -> None:
    queries = corpus.queries[:6]
    one, other = run(corpus, queries), run(corpus, queries, seed=SEED + 1)
    assert one.wanted.tolist() != other.wanted.tolist()
    assert np.sort(column(one, "lex_centroid")) == pytest.approx(np.sort(column(other, "lex_centroid")))


def test_peers_are_tuned_on_what_they_are_given_and_ranked_as_tuned(
    corpus: Corpus, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three made-up peers one has nothing to choose, one is best at -1, and one is the same at every setting."""

    def signed(page: PeerPage, setting: float) -> np.ndarray:
        return (-setting * (page.words @ page.liked[1].mean(axis=0))).astype(np.float32)

    made_up = {
        "flat": (lambda page, setting: np.full(len(page.dense), setting, dtype=np.float32), (3.0,)),
        "sign": (signed, (1.0, 0.0, -1.0)),
        "none": (lambda page, setting: page.upvotes.astype(np.float32), (0.0, 1.0)),
    }
    monkeypatch.setattr(walking, "PEERS", made_up)
    chosen = tune(corpus, vectors_of(corpus.papers), corpus.queries[6:], seed=1)
    assert chosen == {"flat": 3.0, "sign": -1.0, "none": 0.0}  # of equals the first
    rows = run(corpus, chosen=chosen)
    assert set(rows.peers[:, 0]) == {3.0}
    assert metrics.auc(rows.wanted.astype(np.int8), rows.peers[:, 1], rows.group).mean() > 0.99


def test_real_peers_are_tuned_to_settings_of_their_own(corpus: Corpus) -> None:
    chosen = tune(corpus, vectors_of(corpus.papers), corpus.queries[6:12], seed=1)
    assert list(chosen) == list(PEERS)
    assert all(setting in PEERS[name][1] for name, setting in chosen.items())


def test_peers_see_earlier_papers_only_and_none_of_the_readers_own_among_those_left_alone(corpus: Corpus) -> None:
    vectors = vectors_of(corpus.papers)
    judged = [query for query in corpus.queries if query.day == day_of(5)]
    for query, page in walking._peer_pages(corpus, vectors, judged, SEED):
        own = {*query.liked.tolist(), *query.disliked.tolist()}
        left = [n for n in range(PAGE * 4) if n not in own]  # before the period
        assert np.array_equal(page.others[0], vectors.dense[left])
        assert np.array_equal(page.liked[0], vectors.dense[query.liked])
        assert np.array_equal(page.disliked[0], vectors.dense[query.disliked])
        assert np.array_equal(page.dense, vectors.dense[query.page])
        assert page.age.tolist() == [0.0] * PAGE
        assert page.upvotes.tolist() == [corpus.papers[n].signals.upvotes for n in query.page]

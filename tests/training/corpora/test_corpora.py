"""A whole corpus run on readers of one topic each, from files to what is reported; its caches; and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
from toy_corpora import write_one_topic_readers

from recommender import embed
from recommender.errors import BroadsheetError, NotEnoughData
from recommender.settings import EmbedSettings, RankSettings, Settings, TrainingSettings
from recommender.types import FloatArray
from training import corpora
from training.__main__ import CORPORA
from training.corpora import MEASURES, NAMES, OURS, UNTRAINED, hf, judge, reading, screening, vectors_of
from training.corpora.histories import Corpus, scholar_inbox
from training.corpora.peers import PEERS
from training.fit import Fitted, fit
from training.report import Judged, summarise

SETTINGS = Settings(
    embed=EmbedSettings(model="hashing"), training=TrainingSettings(rounds=12, learning_rate=0.2, min_rows_in_leaf=20, threads=1)
)
SEED = 3
Told = list[tuple[str, int, int | None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_one_topic_readers(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    return scholar_inbox(folder)


@pytest.fixture(scope="module")
def fits() -> list[Fitted]:
    """What was fitted in `run`, in order."""
    return []


@pytest.fixture(scope="module")
def run(folder: Path, fits: list[Fitted], tmp_path_factory: pytest.TempPathFactory) -> tuple[Judged, Path, Told]:
    """The judged corpus, its cache and the progress that was told."""

    def fit_and_keep(*given: object, **options: object) -> Fitted:
        fits.append(fit(*given, **options))  # type: ignore[arg-type]
        return fits[-1]

    cache, told = tmp_path_factory.mktemp("run") / "cache", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "fit", fit_and_keep)
        patch.setattr(corpora, "SHARES", (4,))
        return judge("scholar-inbox", folder, cache, SEED, SETTINGS, lambda *said: told.append(said)), cache, told


def mean(judged: Judged, name: str, measure: str = "nDCG@10") -> float:
    return float(np.nanmean(judged.values[name][measure]))


def assert_same(one: Judged, other: Judged) -> None:
    for name, measured in one.values.items():
        for measure, values in measured.items():
            assert values.tobytes() == other.values[name][measure].tobytes()
    for part in ("facts", "importance", "calibration", "learning", "by_votes"):
        assert getattr(one, part) == getattr(other, part)
    assert one.clusters.tolist() == other.clusters.tolist()


def test_ours_finds_the_topic_and_learns_what_the_untrained_does_not_know(run: tuple[Judged, Path, Told]) -> None:
    """The topic is in the words; that only what large teams wrote is wanted, the log alone says."""
    judged = run[0]
    assert mean(judged, OURS) > mean(judged, "newest") + 0.3
    assert mean(judged, OURS) > mean(judged, UNTRAINED) + 0.02
    assert mean(judged, UNTRAINED) > mean(judged, "newest") + 0.2
    assert mean(judged, OURS, "AUC") > 0.95
    assert mean(judged, "newest", "AUC") == 0.5  # all of a session are of one day
    assert all(mean(judged, OURS) > mean(judged, name) + 0.1 for name in PEERS)
    assert mean(judged, "TF-IDF centroid") > mean(judged, "newest") + 0.2


def test_what_is_reported_is_whole(run: tuple[Judged, Path, Told], fits: list[Fitted], corpus: Corpus) -> None:
    judged = run[0]
    test = [query for query in corpus.queries if query.day >= corpus.test_from]
    assert (judged.corpus, judged.unit, judged.seed, judged.headline) == ("scholar-inbox", "query", SEED, "nDCG@10")
    assert (judged.ours, judged.peers) == (OURS, tuple(PEERS))
    assert set(judged.values) == {OURS, UNTRAINED, *PEERS}
    assert all(set(measured) == set(MEASURES) for measured in judged.values.values())
    assert judged.clusters.tolist() == [query.reader for query in test]
    likes = np.array([len(query.liked) for query in test])
    assert {name: mask.tolist() for name, mask in judged.groups.items()} == {
        "1–4 likes": (likes < 5).tolist(),
        "5–19 likes": ((likes >= 5) & (likes < 20)).tolist(),
        "20+ likes": (likes >= 20).tolist(),
    }
    assert judged.importance == {name: facts["importance"] for name, facts in fits[0].card["features"].items()}
    facts = judged.facts
    assert (facts["papers"], facts["readers"]) == (len(corpus.papers), 6)
    assert facts["test queries"] == len(test)
    assert facts["train queries"] + facts["valid queries"] + len(test) == len(corpus.queries)  # type: ignore[operator]
    assert facts["papers on a test page, mean"] == 12.0
    for name, (_, options) in PEERS.items():
        assert (f"{name} " in str(facts["peers' settings, tuned"])) is (len(options) > 1)


def test_probabilities_curves_and_breakdowns_add_up(run: tuple[Judged, Path, Told], corpus: Corpus) -> None:
    judged = run[0]
    test = [query for query in corpus.queries if query.day >= corpus.test_from]
    predicted, observed, rows = zip(*judged.calibration, strict=True)
    assert sum(rows) == sum(len(query.page) for query in test)
    assert list(predicted) == sorted(predicted)
    assert observed[-1] > 0.8 > 0.1 > observed[0]
    assert np.dot(observed, rows) == pytest.approx(sum(query.wanted.sum() for query in test))
    assert np.dot(predicted, rows) == pytest.approx(np.dot(observed, rows), rel=0.2)
    trained = judged.facts["train queries"]
    assert judged.learning[-1][:2] == (f"{trained:,} queries", pytest.approx(mean(judged, OURS)))
    assert judged.learning[0][0] == f"{int(trained) // 4} queries"  # type: ignore[arg-type]
    assert len(judged.learning) == 2
    best = max(PEERS, key=lambda name: mean(judged, name))
    assert list(judged.by_votes) == [OURS, best]
    counts = Counter(max(b for b in corpora.BOUNDS if b <= len(query.liked)) for query in test)
    for votes in judged.by_votes.values():
        assert {low: units for low, *_, units in votes} == {low: n for low, n in counts.items() if n >= 10}
        assert all(low <= value <= high for _, value, low, high, _ in votes)


def test_numbers_of_likes_that_nine_queries_have_are_left_out() -> None:
    likes = np.repeat([1, 2, 3, 4, 100, 500], [9, 10, 5, 5, 1, 9])
    values = np.select([likes == 2, likes < 5], [0.5, 0.25], 0.75)
    found = corpora._by_votes(values, likes, np.arange(len(likes)), np.random.default_rng(0))
    assert [(low, value, units) for low, value, _, _, units in found] == [(2, 0.5, 10), (3, 0.25, 10), (100, 0.75, 10)]


def test_it_can_be_summarised_though_a_group_is_empty(run: tuple[Judged, Path, Told]) -> None:
    judged = run[0]
    assert not all(mask.any() for mask in judged.groups.values())
    summary = summarise(judged, samples=100)
    assert summary.slices[0].outcome == "ahead"


def test_the_same_seed_gives_the_same_and_texts_are_not_read_again(
    run: tuple[Judged, Path, Told], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> embed.Encoder:
        raise AssertionError("every text is in the cache")

    judged, cache, told = run
    assert {stage for stage, *_ in told} >= {"reading texts", "describing train", "describing valid", "describing test"}
    for path in cache.glob("texts-*.npz"):
        copy(path, tmp_path)
    monkeypatch.setattr(embed, "open_encoder", refuse)
    monkeypatch.setattr(corpora, "SHARES", (4,))
    told_again: Told = []
    again = reading(corpus, tmp_path, SEED, SETTINGS, lambda *said: told_again.append(said))
    assert_same(again, judged)
    assert "reading texts" not in {stage for stage, *_ in told_again}
    assert "describing train" in {stage for stage, *_ in told_again}


def test_rows_are_found_again_only_for_the_same_histories_seed_and_settings(
    run: tuple[Judged, Path, Told], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def note(*_: object, cache: Path, **__: object) -> None:
        asked.append(cache)
        raise InterruptedError

    _, cache, _ = run
    [kept] = (path for path in cache.iterdir() if path.is_dir())
    monkeypatch.setattr(corpora, "walk", note)
    monkeypatch.setattr(corpora, "tune", lambda *_, **__: {})
    first, others = corpus.queries[0], corpus.queries[1:]
    histories = (
        replace(first, wanted=~first.wanted),
        replace(first, liked=first.liked[1:]),
        replace(first, disliked=np.roll(first.disliked, 1)),
        replace(first, page=first.page[1:], wanted=first.wanted[1:]),
    )
    facts = ({"title": "Another title"}, {"categories": ()}, {"edition": date(2026, 1, 1)})
    cases = [
        (corpus, SEED, SETTINGS),
        (corpus, SEED + 1, SETTINGS),
        (corpus, SEED, SETTINGS.model_copy(update={"rank": RankSettings(half_life_days=30)})),
        *((replace(corpus, queries=(query, *others)), SEED, SETTINGS) for query in histories),
        *((replace(corpus, papers=(replace(corpus.papers[0], **fact), *corpus.papers[1:])), SEED, SETTINGS) for fact in facts),
        (replace(corpus, refit_days=7), SEED, SETTINGS),
    ]
    for changed, seed, settings in cases:
        with pytest.raises(InterruptedError):
            reading(changed, cache, seed, settings)
    assert asked[0] == kept
    assert len(set(asked)) == len(cases)


# Text embeddings


class Encoder(embed.HashingEncoder):
    """Notes what it was given to read."""

    def __init__(self, read: list[str]) -> None:
        super().__init__(16)
        self.read = read

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.read += texts
        return super().encode(texts)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were read, in order; three at a time."""
    texts: list[str] = []
    monkeypatch.setattr(corpora, "CHUNK", 3)
    monkeypatch.setattr(embed, "open_encoder", lambda _: Encoder(texts))
    return texts


TEXTS = [f"text number {i} of few" for i in range(8)]


def test_only_new_texts_are_read_and_rows_come_in_their_order(read: list[str], tmp_path: Path) -> None:
    told: Told = []
    rows = vectors_of([*TEXTS[:5], TEXTS[1]], tmp_path / "new", SETTINGS, lambda *said: told.append(said))
    assert read == TEXTS[:5]  # a text that comes twice is read once
    assert told == [("reading texts", 3, 5), ("reading texts", 5, 5)]
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    assert rows == pytest.approx(Encoder([]).encode([*TEXTS[:5], TEXTS[1]]), abs=2e-3)
    del read[:]
    again = vectors_of(TEXTS[::-1], tmp_path / "new", SETTINGS)
    assert read == TEXTS[:4:-1]
    assert again[3:].tobytes() == rows[4::-1].tobytes()


def test_a_run_that_was_cut_reads_on(read: list[str], tmp_path: Path) -> None:
    def cut(*_: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        vectors_of(TEXTS, tmp_path, SETTINGS, cut)
    (tmp_path / "texts-0.partial").write_bytes(b"half")
    rows = vectors_of(TEXTS, tmp_path, SETTINGS)
    assert read == TEXTS
    assert rows.tobytes() == vectors_of(TEXTS, tmp_path / "other", SETTINGS).tobytes()


def test_texts_of_a_damaged_file_or_another_encoder_are_read_again(read: list[str], tmp_path: Path) -> None:
    rows = vectors_of(TEXTS, tmp_path, SETTINGS)
    for damage in (lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"half"):
        path = sorted(tmp_path.glob("texts-*.npz"))[0]
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        del read[:]
        assert vectors_of(TEXTS, tmp_path, SETTINGS).tobytes() == rows.tobytes()
        assert 2 <= len(read) <= 3
        assert path.read_bytes() == whole
    del read[:]
    vectors_of(TEXTS, tmp_path, SETTINGS.model_copy(update={"embed": EmbedSettings(model="hashing", max_tokens=64)}))
    assert read == TEXTS


# What is refused, and the shared page


def test_the_command_line_offers_every_corpus() -> None:
    assert set(NAMES) == set(CORPORA)


def test_an_unknown_corpus_and_a_missing_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(BroadsheetError, match=r"no corpus 'mnist': choose one of citeulike, .*scholar-inbox, .*hf"):
        judge("mnist", tmp_path, tmp_path, 0, SETTINGS)
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        with pytest.raises(BroadsheetError, match=f"no folder {tmp_path / name}: name with --data"):
            judge("citeulike", tmp_path / name, tmp_path, 0, SETTINGS)
    with pytest.raises(BroadsheetError, match=r"items\.jsonl\.gz is missing: .*--data"):
        judge("citeulike", tmp_path, tmp_path, 0, SETTINGS)


def test_a_part_without_queries_is_said(corpus: Corpus, tmp_path: Path) -> None:
    late = replace(corpus, test_from=date(2030, 1, 1))
    with pytest.raises(NotEnoughData, match=r"scholar-inbox: \d+ queries to learn from, \d+ to stop by, 0 to test on"):
        reading(late, tmp_path, SEED, SETTINGS)


def test_very_many_queries_are_drawn_from_but_all_are_tested_on(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "MOST_TRAINING", 20)
    monkeypatch.setattr(corpora, "MOST_VALID", 5)
    one, two = (corpora._split(corpus, np.random.default_rng(seed)) for seed in (1, 2))
    assert {part: len(queries) for part, queries in one.items()} == {
        "train": 20,
        "valid": 5,
        "test": sum(query.day >= corpus.test_from for query in corpus.queries),
    }
    days = [query.day for query in one["train"]]
    assert days == sorted(days)
    assert max(days) < corpus.valid_from <= min(query.day for query in one["valid"])
    assert max(query.day for query in one["valid"]) < corpus.test_from
    assert [id(query) for query in one["train"]] != [id(query) for query in two["train"]]


def test_the_shared_page_is_told_as_it_was_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    days = tuple(date(2026, 1, 1) + timedelta(days=i) for i in range(3))
    values = {
        name: {measure: np.array([level, np.nan, level / 2]) for measure in hf.MEASURES}
        for name, level in (("random", 0.1), (hf.OURS, 0.5), ("author prior", 0.3))
    }

    def judged(data: Path, **options: object) -> hf.Verdict:
        asked.append((data, options))
        return values, days, {"papers": 9}, {"words": 1.0}, [(0.1, 0.2, 5), (0.6, 0.5, 4)]

    monkeypatch.setattr(hf, "judge", judged)
    found = judge("hf", tmp_path, tmp_path / "cache", 4, SETTINGS, print)
    assert asked == [(tmp_path, {"seed": 4, "progress": print})]
    assert (found.corpus, found.unit, found.seed, found.headline) == ("hf", "day", 4, "P@10")
    assert (found.ours, found.peers) == (hf.OURS, ("random", "author prior"))
    assert found.values is values
    assert found.clusters.tolist() == [day.toordinal() for day in days]
    assert found.clusters.dtype == np.int64
    assert (found.facts, found.groups, found.importance) == ({"papers": 9}, {}, {"words": 1.0})
    assert found.calibration == ((0.1, 0.2, 5), (0.6, 0.5, 4))
    assert "cs.CV, cs.CL and cs.AI" in found.protocol
    assert summarise(found, samples=100).slices[0].best == "author prior"
    assert not (tmp_path / "cache").exists()


def test_screening_embeds_through_the_same_cache(read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def judged(data: Path, embedding: Callable[[Sequence[str]], FloatArray], **options: object) -> str:
        asked.append((data, options, embedding(TEXTS[:2]).tobytes()))
        return "what it judged"

    monkeypatch.setattr(screening, "judged", judged)
    cache = tmp_path / "cache"
    assert judge("screening", tmp_path, cache, 4, SETTINGS, print) == "what it judged"
    assert asked == [(tmp_path, {"seed": 4, "progress": print}, vectors_of(TEXTS[:2], cache, SETTINGS).tobytes())]
    assert read == TEXTS[:2]

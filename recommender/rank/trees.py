"""LightGBM's model text in, a model that predicts out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["booster"]


@lru_cache(maxsize=12)  # a few rankers and the prior of each
def booster(text: str) -> Any:
    """Return LightGBM's model; parsed once, since papers are scored far more often than a model changes."""
    import lightgbm

    return lightgbm.Booster(model_str=text)

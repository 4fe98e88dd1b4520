"""A few days of the sample edition in memory, read by an encoder that only counts words, and players whose worth is known."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from datetime import date, datetime

import numpy as np

from recommender.store.pages import ShownPage
from recommender.types import Event, FloatArray, RankedItem, RankedPage
from training.arena.world import Morning, World, make_world
from training.simulate import SimulatedReader, relevance

START = date(2026, 3, 2)


class WordEncoder:
    """Counts words in 64 buckets: quick, and papers of one topic are near each other."""

    name = "words/64"
    dimension = 64

    def encode(self, texts: Sequence[str]) -> FloatArray:
        rows = np.stack([np.bincount([zlib.crc32(w.encode()) % 64 for w in text.split()], minlength=64) for text in texts])
        unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def toy_world(days: int = 6, prior_days: int = 2) -> World:
    return make_world(WordEncoder(), start=START, days=days, prior_days=prior_days)


class Judge:
    """Knows what everybody thinks, and orders by it as a function of what was done so far says."""

    def __init__(self, cast: Sequence[SimulatedReader], way: Callable[[Sequence[Event]], float] = lambda events: 1.0) -> None:
        self.cast, self.way = cast, way
        self.heard: list[tuple[ShownPage, Sequence[Event]]] = []
        self.days: list[str] = []

    def wake(self, morning: Morning) -> None:
        self.days.append(f"wake {morning.offset}")

    def page(self, morning: Morning, reader_id: int, events: Sequence[Event], now: datetime) -> RankedPage:
        reader, way = self.cast[reader_id - 1], self.way(events)
        ids = sorted((p.id for p in morning.edition), key=lambda i: (-way * relevance(reader, i, morning.offset), i))
        return page_of(ids, morning, reader_id, now)

    def hear(self, shown: ShownPage, events: Sequence[Event]) -> None:
        self.heard.append((shown, events))

    def sleep(self, morning: Morning) -> None:
        self.days.append(f"sleep {morning.offset}")


def page_of(ids: Sequence[str], morning: Morning, reader_id: int, now: datetime) -> RankedPage:
    items = tuple(RankedItem(place, i, -float(place), np.zeros(0, dtype=np.float32)) for place, i in enumerate(ids, start=1))
    return RankedPage(reader_id, morning.day, items, len(items), "judge", "", 0, 0, "", now)

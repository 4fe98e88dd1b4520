"""The log in, a `TrainingSet` out: logged feature rows with grades, one group per page; what was served is never computed again.

Only pages whose features have today's names and meaning are read. Rows are shuffled within their group, because a list that
begins with its positives makes tied scores look perfect. A page whose rows all have one grade teaches no order and is left out. A
group of more than 10,000 rows, which LightGBM refuses, keeps its topmost 10,000: what stands lower was hardly read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender import daily
from recommender.errors import NotEnoughData, ShapeError
from recommender.ingest import Progress
from recommender.rank.features import NAMES, SCHEMA
from recommender.rank.model import blend_ranker
from recommender.settings import RankSettings
from recommender.store import events, pages
from recommender.store.db import Session
from recommender.store.pages import ShownPage
from recommender.types import Event, FeatureMatrix, FloatArray, RankedPage
from training import examination
from training.examination import Examination
from training.labels import GradedPage, GradedRow, grade_day, trials

__all__ = ["MAX_GRADE", "MAX_GROUP", "Exploration", "TrainingSet", "assemble", "build", "check", "exploration", "judging", "skew"]

MAX_GROUP = 10_000  # LightGBM's limit on the rows of one query
MAX_GRADE = 2
STRIDE_DAYS = 30  # days of pages held in memory at once


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Graded rows of q pages, page by page.

    Attributes
    ----------
    X : ndarray of shape (n, f), dtype=float32
        Feature rows as they were logged.
    y : ndarray of shape (n,), dtype=int8
        Grades 0, 1, 2.
    weight : ndarray of shape (n,), dtype=float32
    group : ndarray of shape (q,), dtype=int32
        Rows of each page; they add up to n.
    position : ndarray of shape (n,), dtype=int32
        Where the row stood, from 1.
    day : tuple of date, length q
    reader : ndarray of shape (q,), dtype=int64
    paper_ids : tuple of str, length n
    blend : ndarray of shape (n,), dtype=float32
        What the ranker without learning says of each row.
    names : tuple of str, length f
    schema : str
    """

    X: FloatArray
    y: npt.NDArray[np.int8]
    weight: FloatArray
    group: npt.NDArray[np.int32]
    position: npt.NDArray[np.int32]
    day: tuple[date, ...]
    reader: npt.NDArray[np.int64]
    paper_ids: tuple[str, ...]
    blend: FloatArray
    names: tuple[str, ...]
    schema: str

    def __post_init__(self) -> None:
        n, q = len(self.paper_ids), len(self.day)
        rows: dict[str, npt.NDArray[Any]] = {
            "X": self.X,
            "y": self.y,
            "weight": self.weight,
            "position": self.position,
            "blend": self.blend,
        }
        wrong = [f"{name} {array.shape}" for name, array in rows.items() if array.shape[0] != n]
        lists: dict[str, npt.NDArray[Any]] = {"group": self.group, "reader": self.reader}
        wrong += [f"{name} {array.shape}" for name, array in lists.items() if array.shape != (q,)]
        if wrong or int(self.group.sum()) != n or self.X.shape[1:] != (len(self.names),):
            raise ShapeError(f"{n} rows in {q} pages and {len(self.names)} features do not fit: {wrong or 'group or X'}")
        for array in (*rows.values(), *lists.values()):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.paper_ids)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self.day)

    @property
    def matrix(self) -> FeatureMatrix:
        """The rows as a ranker takes them."""
        return FeatureMatrix(self.paper_ids, self.names, self.X, self.schema)

    def column(self, name: str) -> FloatArray:
        """Return one feature, shape (n,)."""
        column: FloatArray = self.X[:, self.names.index(name)]
        return column

    def take(self, chosen: npt.NDArray[np.bool_]) -> TrainingSet:
        """Return the pages of a mask of shape (q,)."""
        rows = np.repeat(chosen, self.group)
        return TrainingSet(
            X=self.X[rows],
            y=self.y[rows],
            weight=self.weight[rows],
            group=self.group[chosen],
            position=self.position[rows],
            day=tuple(day for day, kept in zip(self.day, chosen, strict=True) if kept),
            reader=self.reader[chosen],
            paper_ids=tuple(paper_id for paper_id, kept in zip(self.paper_ids, rows, strict=True) if kept),
            blend=self.blend[rows],
            names=self.names,
            schema=self.schema,
        )


@dataclass(frozen=True, slots=True)
class Exploration:
    """The exploration slots that were shown, m rows: what `examination` and `offpolicy` ask for.

    Attributes
    ----------
    position : ndarray of shape (m,), dtype=int32
        From 1.
    touched : ndarray of shape (m,), dtype=bool
    grade : ndarray of shape (m,), dtype=int8
    propensity : ndarray of shape (m,), dtype=float64
        Of the paper in its slot, given what the slots before it got.
    reader : ndarray of shape (m,), dtype=int64
    page_ids : tuple of int, length m
        The page each stood on: made again, it gives the pool.
    paper_ids : tuple of str, length m
    """

    position: npt.NDArray[np.int32]
    touched: npt.NDArray[np.bool_]
    grade: npt.NDArray[np.int8]
    propensity: npt.NDArray[np.float64]
    reader: npt.NDArray[np.int64]
    page_ids: tuple[int, ...]
    paper_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paper_ids)


def build(
    session: Session, *, first: date, last: date, rng: np.random.Generator, progress: Progress | None = None, whole: bool = False
) -> TrainingSet:
    """Read what was shown on the days `first` … `last` (both included), and what the readers made of it; `whole` as in `grade_day`."""
    graded: list[GradedPage] = []
    for start, until in _strides(first, last):
        graded.extend(_graded(session, start, until, whole=whole))
        if progress is not None:
            progress("reading the log", (until - first).days + 1, (last - first).days + 1)
    return assemble(graded, rng=rng)


def assemble(graded: list[GradedPage], *, rng: np.random.Generator) -> TrainingSet:
    """Put graded pages into arrays.

    Raises
    ------
    NotEnoughData
        If no page has rows of two grades.
    """
    chosen: list[tuple[ShownPage, list[GradedRow]]] = []
    for page in graded:
        for rows in _by_taste(page):
            if len({row.grade for row in rows}) > 1:
                chosen.append((page.shown, [rows[i] for i in rng.permutation(len(rows))]))
    if not chosen:
        raise NotEnoughData("no page in the log has both a paper somebody wanted and one they passed over: read and vote first")
    flat = [row for _, rows in chosen for row in rows]
    matrix = FeatureMatrix(
        tuple(row.item.paper_id for row in flat), NAMES, np.stack([row.item.features for row in flat]).astype(np.float32), SCHEMA
    )
    return TrainingSet(
        X=matrix.values,
        y=np.array([row.grade for row in flat], dtype=np.int8),
        weight=np.array([row.weight for row in flat], dtype=np.float32),
        group=np.array([len(rows) for _, rows in chosen], dtype=np.int32),
        position=np.array([row.item.position for row in flat], dtype=np.int32),
        day=tuple(shown.page.day for shown, _ in chosen),
        reader=np.array([shown.page.reader_id for shown, _ in chosen], dtype=np.int64),
        paper_ids=matrix.paper_ids,
        blend=blend_ranker().blend(matrix),
        names=NAMES,
        schema=SCHEMA,
    )


def _by_taste(page: GradedPage) -> list[list[GradedRow]]:
    """The rows of a page by the taste they were ranked for: what two interests are told of their papers is not to be compared."""
    rows = sorted(page.rows, key=lambda row: row.item.position)
    tastes = dict.fromkeys(row.item.interest for row in rows)
    return [[row for row in rows if row.item.interest == taste][:MAX_GROUP] for taste in tastes]


def check(rows: TrainingSet) -> None:
    """Refuse what LightGBM would take without a word: it trains on NaN labels, one class and infinite features alike.

    Raises
    ------
    ShapeError
        If a label, weight, feature or blend score is not what it must be, or a group is too long.
    NotEnoughData
        If the set is empty or has a single grade.
    """
    if not len(rows):
        raise NotEnoughData("there are no judged rows: read and vote first")
    faults = {
        "labels that are not numbers": ~np.isfinite(rows.y),
        f"labels outside 0 … {MAX_GRADE}": (rows.y < 0) | (rows.y > MAX_GRADE) | (rows.y != np.floor(rows.y)),
        "weights that are not positive numbers": ~(np.isfinite(rows.weight) & (rows.weight > 0)),
        "infinite features": np.isinf(rows.X).any(axis=1),
        "blend scores that are not numbers": ~np.isfinite(rows.blend),
        "positions below 1": rows.position < 1,
    }
    found = [f"{int(bad.sum())} {what}" for what, bad in faults.items() if bad.any()]
    oversize = int((rows.group > MAX_GROUP).sum()) + int((rows.group < 1).sum())
    if oversize:
        found.append(f"{oversize} pages with no rows or more than {MAX_GROUP}")
    if found:
        raise ShapeError(f"the training set of {len(rows)} rows holds {', '.join(found)}: nothing was trained")
    if len(np.unique(rows.y)) < 2:
        raise NotEnoughData("all judged rows have the same grade: there is no order to learn yet")


def skew(session: Session, page: RankedPage, rankers: daily.Rankers, settings: RankSettings) -> float:
    """Return the largest absolute difference between a stored page's logged features and the same computed again.

    Infinite when a value is known on one side only. The model trains on what was logged and is served on what is computed: the two
    must be one.

    Raises
    ------
    NotTrained, ModelDamaged
        If the model that made the page is gone.
    """
    logged = np.stack([item.features for item in page.items]).astype(np.float64)
    again = daily.replay(session, page, rankers, settings).values.astype(np.float64)
    if logged.shape != again.shape or not np.array_equal(np.isnan(logged), np.isnan(again)):
        return float("inf")
    return float(np.max(np.abs(np.nan_to_num(logged) - np.nan_to_num(again)), initial=0.0))


def exploration(session: Session, *, first: date, last: date) -> Exploration:
    """Read the exploration slots that were shown on the days `first` … `last` (both included), touched or not."""
    rows = [row for start, until in _strides(first, last) for row in _trials(session, start, until)]
    columns = list(zip(*rows, strict=True)) or [()] * 7
    position, touched, grade, propensity, reader, page_ids, paper_ids = columns
    return Exploration(
        position=np.array(position, dtype=np.int32),
        touched=np.array(touched, dtype=bool),
        grade=np.array(grade, dtype=np.int8),
        propensity=np.array(propensity, dtype=np.float64),
        reader=np.array(reader, dtype=np.int64),
        page_ids=tuple(page_ids),
        paper_ids=tuple(paper_ids),
    )


def _trials(session: Session, first: date, last: date) -> list[tuple[int, bool, int, float, int, int | None, str]]:
    """The slots of some days as plain numbers: a year of pages does not fit in memory."""
    return [
        (
            trial.item.position,
            trial.touched,
            trial.grade,
            trial.item.propensity,
            shown[0].page.reader_id,
            min(shown, key=lambda one: one.page.revision).page.id,
            trial.item.paper_id,
        )
        for shown, history in _reader_days(session, first, last)
        for trial in trials(shown, history)
    ]


def _strides(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Cut days into parts of `STRIDE_DAYS`."""
    for done in range(0, (last - first).days + 1, STRIDE_DAYS):
        start = first + timedelta(days=done)
        yield start, min(start + timedelta(days=STRIDE_DAYS - 1), last)


def judging(
    session: Session, rows: TrainingSet, *, first: date, last: date, rng: np.random.Generator
) -> tuple[TrainingSet, Examination | None]:
    """Return what models are chosen by, and how likely each place is looked at, for `fit`.

    Whole pages, where the exploration slots say enough of where readers look: weighted by that, they favour no ranker. Else the
    `rows` that are learned from, and None.
    """
    slots = exploration(session, first=first, last=last)
    try:
        looked = examination.estimate(slots.position, slots.touched)
    except NotEnoughData:
        return rows, None
    return build(session, first=first, last=last, rng=rng, whole=True), looked


def _reader_days(session: Session, first: date, last: date) -> Iterator[tuple[list[ShownPage], list[Event]]]:
    """Give the shown revisions of each reader's day, and the reader's events."""
    by_reader_day: dict[tuple[int, date, int], list[ShownPage]] = defaultdict(list)
    for shown in pages.shown(session, first=first, last=last):
        by_reader_day[shown.page.reader_id, shown.page.day, shown.page.interest].append(shown)
    histories = {reader_id: events.history(session, reader_id) for reader_id in sorted({key[0] for key in by_reader_day})}
    for (reader_id, _, interest), shown_pages in by_reader_day.items():
        history = histories[reader_id]
        yield shown_pages, [e for e in history if e.interest == interest] if interest else history  # a mixed page speaks for all


def _graded(session: Session, first: date, last: date, *, whole: bool) -> Iterator[GradedPage]:
    """Grade the pages of some days, reader by reader and day by day."""
    for shown_pages, history in _reader_days(session, first, last):
        # Graded before the schema is looked at: a first revision of an older schema still says which papers are no news.
        yield from (page for page in grade_day(shown_pages, history, whole=whole) if page.shown.page.schema == SCHEMA)

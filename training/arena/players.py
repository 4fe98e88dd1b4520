"""A morning, a reader and what they did in, their page out: those who play in the arena.

`Ours` is the production path from vote to model, on values in memory; `Peer` is a TF-IDF space with a linear SVM per reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from recommender.errors import NotEnoughData
from recommender.rank.lens import Lens
from recommender.rank.model import Ranker, blend_ranker
from recommender.rank.page import rank_page
from recommender.settings import Settings
from recommender.store.events import likes, words
from recommender.store.pages import ShownPage
from recommender.types import Event, EventKind, RankedItem, RankedPage
from training import baselines, dataset
from training.arena.world import Morning, Votes, World
from training.evaluate import CANDIDATE, LIVE, evaluate
from training.fit import fit
from training.gate import decide
from training.labels import GradedPage, grade_day
from training.split import by_day
from training.taste import fit_taste, likes_of

__all__ = ["LEARN_EVERY", "Night", "Ours", "Peer", "Player"]

LEARN_EVERY = 1  # days between two retrainings
BOOSTED = "boosted"
WORD = r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b"


class Player(Protocol):
    """Whoever makes the pages."""

    def wake(self, morning: Morning) -> None:
        """Get ready for a day."""
        ...

    def page(self, morning: Morning, reader_id: int, events: Sequence[Event], now: datetime) -> RankedPage:
        """Make one reader's page from what they did until now; every paper of the day is on it."""
        ...

    def hear(self, shown: ShownPage, events: Sequence[Event]) -> None:
        """Learn what was shown of a page, and what was done about it."""
        ...

    def sleep(self, morning: Morning) -> None:
        """Learn from the day, when the readers are gone."""
        ...


@dataclass(frozen=True, slots=True)
class Night:
    """What came of one retraining; `reason` says why it was (not) accepted."""

    offset: int
    accepted: bool
    reason: str


class Ours:
    """The production path: `rank_page` by day; labels, split, projection, fit, report and gate by night.

    Parameters
    ----------
    world : World
    settings : Settings
    learn_every : int, default=1
        Days between two retrainings; 0 never trains.

    Attributes
    ----------
    ranker : Ranker
        The live one.
    nights : list of Night
        Every retraining so far.
    """

    def __init__(self, world: World, settings: Settings, *, learn_every: int = LEARN_EVERY) -> None:
        self.ranker: Ranker = blend_ranker()
        self.nights: list[Night] = []
        self._world, self._settings, self._learn_every = world, settings, learn_every
        self._graded: list[GradedPage] = []
        self._done: dict[int, list[Event]] = defaultdict(list)
        self._votes = Votes()

    def wake(self, morning: Morning) -> None:
        """Look at the papers again as long as nothing was learned."""
        if self.ranker.kind != BOOSTED:
            self.ranker = blend_ranker(morning.lens, f"blend-{len(morning.known)}")

    def page(self, morning: Morning, reader_id: int, events: Sequence[Event], now: datetime) -> RankedPage:
        """Make the page as it is made for people."""
        hour = now.replace(minute=0, second=0, microsecond=0)  # what others say is known by the full hour
        said = self._votes.said(reader_id, likes(events), morning.vectors.ids, as_of=hour)
        return rank_page(self._world.inputs(morning, reader_id, events, now, said), self.ranker, self._settings.rank)

    def hear(self, shown: ShownPage, events: Sequence[Event]) -> None:
        """Grade what was shown."""
        self._graded += grade_day([shown], events)
        self._done[shown.page.reader_id] += events
        self._votes.add(events)

    def sleep(self, morning: Morning) -> None:
        """Retrain when it is due; what passes the gate is live the next morning."""
        if self._learn_every and (morning.offset + 1) % self._learn_every == 0:
            self.nights.append(self._retrain(morning))

    def _retrain(self, morning: Morning) -> Night:
        chosen, seed = self._settings.training, self._settings.training.seed
        try:
            rows = dataset.assemble(self._graded, rng=np.random.default_rng(seed))
            if rows.pages < chosen.min_pages:
                raise NotEnoughData(f"{rows.pages} pages")
            split = by_day(rows.day, test_days=chosen.test_days, valid_days=chosen.valid_days)
            train, valid, test = (rows.take(mask) for mask in (split.train, split.valid, split.test))
            fitted = fit(train, valid, chosen, lens=self._lens(morning), version=f"night-{morning.offset}")
        except NotEnoughData as error:
            return Night(morning.offset, False, str(error))
        ranker, trained = fitted.ranker, self.ranker.kind == BOOSTED
        judged = {CANDIDATE: ranker.score(test.matrix), **baselines.scores(test)}
        judged |= {LIVE: self.ranker.score(test.matrix)} if trained else {}
        report = evaluate(judged, test, versions={}, rng=np.random.default_rng(seed), samples=chosen.bootstrap)
        verdict = decide(report, judged[CANDIDATE], tolerance=chosen.tolerance, live_is_trained=trained)
        if verdict.accept:
            self.ranker = ranker
        return Night(morning.offset, verdict.accept, "; ".join(verdict.reasons))

    def _lens(self, morning: Morning) -> Lens:
        """What papers have in common, and what readers like together."""
        row = {paper.id: number for number, paper in enumerate(morning.known)}
        matrix = likes_of(([row[paper_id] for paper_id in likes(events)] for events in self._done.values()), len(row))
        rng = np.random.default_rng(self._settings.training.seed)
        return replace(morning.lens, taste=fit_taste(matrix, morning.known_vectors.dense, morning.lens, rng=rng))


class Peer:
    """TF-IDF of title, abstract and authors, and a linear SVM per reader: likes against every other paper, fitted anew each day.

    Parameters
    ----------
    seed : int, default=2026
    clicks : bool, default=False
        Whether a paper that was opened, and not turned down, is a like too; the recipe knows none but those a reader marked.

    References
    ----------
    The recipe of arxiv-sanity-lite: 20,000 words and word pairs, sublinear counts, C = 0.01, balanced classes.
    """

    def __init__(self, *, seed: int = 2026, clicks: bool = False) -> None:
        self._seed, self._clicks = seed, clicks
        self._space = csr_array((0, 0), dtype=np.float64)

    def wake(self, morning: Morning) -> None:
        """Read every paper known today into one space."""
        texts = [" ".join((paper.title, paper.abstract, *paper.authors)) for paper in morning.known]
        self._space = csr_array(
            TfidfVectorizer(
                strip_accents="unicode",
                token_pattern=WORD,
                stop_words="english",
                ngram_range=(1, 2),
                max_features=20_000,
                min_df=min(5, len(texts)),
                max_df=0.1,
                sublinear_tf=True,
            ).fit_transform(texts)
        )

    def page(self, morning: Morning, reader_id: int, events: Sequence[Event], now: datetime) -> RankedPage:
        """Order the day's papers by the reader's SVM; the newest first for who has marked nothing yet."""
        liked = {*likes(events), *(_opened(events) if self._clicks else ())}
        positive = np.array([paper.id in liked for paper in morning.known])
        today = slice(len(morning.known) - len(morning.edition), None)
        if positive.any():
            svm = LinearSVC(C=0.01, class_weight="balanced", tol=1e-6, max_iter=10_000, random_state=self._seed)
            scores = svm.fit(self._space, positive).decision_function(self._space[today])
        else:
            scores = np.array([paper.published.timestamp() for paper in morning.edition])
        return _page(morning, reader_id, scores, now)

    def hear(self, shown: ShownPage, events: Sequence[Event]) -> None:
        """Nothing beyond the events is kept."""

    def sleep(self, morning: Morning) -> None:
        """Nothing is learned at night."""


def _opened(events: Sequence[Event]) -> set[str]:
    """Return the papers that were opened and not turned down."""
    refused = {paper_id for paper_id, word in words(events).items() if word.vote not in (None, EventKind.UPVOTE)}
    return {event.paper_id for event in events if event.kind is EventKind.CLICK} - refused


def _page(morning: Morning, reader_id: int, scores: npt.NDArray[np.float64], now: datetime) -> RankedPage:
    """Put the day's papers in the order of their scores, equals by id."""
    ranked = sorted(zip(scores.tolist(), morning.edition, strict=True), key=lambda pair: (-pair[0], pair[1].id))
    nothing = np.zeros(0, dtype=np.float32)
    items = tuple(RankedItem(place, paper.id, score, nothing) for place, (score, paper) in enumerate(ranked, start=1))
    return RankedPage(
        reader_id=reader_id,
        day=morning.day,
        items=items,
        candidates=len(items),
        model="peer",
        schema="",
        cursor=0,
        paper_cursor=len(morning.known),
        recipe="",
        built_at=now,
    )

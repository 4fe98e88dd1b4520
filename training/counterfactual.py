"""The log, a candidate and the live ranker in, what each would have been worth out: a new ranker judged without showing it to anybody.

An exploration slot is filled by a draw: the better a ranker thinks of a paper of the pool, the likelier. Had another ranker drawn,
other papers would have been likelier, and what readers did in the slots, weighted by how much, says what it would have been worth
(`offpolicy`). The pool is not in the log. It is made again as the page was made, and a slot counts only if that gives the logged paper
with the logged probability; others were made with settings, features or papers that are no longer there.

Both rankers are asked for draws by the same rule, `explore.chances`. Where nothing is believed of a reader, a draw by lot would not
depend on the ranker: there its scores are taken to be unsure by as much as they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender import daily
from recommender.daily import Rankers
from recommender.errors import ModelError, NotEnoughData
from recommender.rank import draft, explore, page
from recommender.rank.model import Ranker
from recommender.settings import RankSettings
from recommender.store import pages
from recommender.store.db import Session
from training import offpolicy
from training.dataset import Exploration, exploration
from training.offpolicy import Estimate

__all__ = ["Comparison", "compare", "told"]

Numbers = npt.NDArray[np.float64]

MOST_PAGES = 400  # each is made three times over
LEAST_WANTED = 10
LEAST_READERS = 5
LEAST_EFFECTIVE = 30.0  # slots' worth of the candidate's own draws
_SAME = 1e-6  # relative difference of two probabilities that are one


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two rankers' draws would have been worth: the share of them that a reader opens, saves or votes up.

    Attributes
    ----------
    candidate, live, difference : Estimate
        The difference is the candidate's value less the live one's, on the same slots.
    slots, readers : int
        What it rests on.
    lost : int
        Slots that could not be made again.
    """

    candidate: Estimate
    live: Estimate
    difference: Estimate
    slots: int
    readers: int
    lost: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; a bound that is not known is None."""
        plain: dict[str, Any] = asdict(self)
        for name in ("candidate", "live", "difference"):
            plain[name] = {key: None if isnan(value) else round(value, 5) for key, value in plain[name].items()}
        return plain

    @property
    def sentence(self) -> str:
        """What it says, for people."""
        new, old, more = self.candidate, self.live, self.difference
        return (
            f"of the papers the candidate would draw for an exploration slot, {new.value:.1%} are wanted "
            f"({new.low:.1%} to {new.high:.1%}), of the live model's {old.value:.1%} ({old.low:.1%} to {old.high:.1%}): "
            f"{more.value:+.1%} ({more.low:+.1%} to {more.high:+.1%}), from {self.slots} slots of {self.readers} readers"
        )


def compare(
    session: Session, *, first: date, last: date, candidate: Ranker, live: Ranker, rankers: Rankers, settings: RankSettings
) -> Comparison:
    """Estimate what a candidate would have been worth in the exploration slots, beside the live ranker.

    Parameters
    ----------
    session : Session
    first, last : date
        Both included; the candidate must not have learned from these days.
    candidate, live : Ranker
    rankers : Rankers
        Those the pages were made by.
    settings : RankSettings

    Raises
    ------
    NotEnoughData
        If too few slots, wanted papers or readers are left to say anything.
    """
    log = exploration(session, first=first, last=last)
    if not len(log):
        raise NotEnoughData(f"no exploration slot was shown from {first} to {last}")
    slots, likely, lost = _replayed(session, log, (candidate, live), rankers, settings)
    reward, logged, reader = (log.grade > 0)[slots].astype(np.float64), log.propensity[slots], log.reader[slots]
    ours, theirs = (offpolicy.snips(reward, logged, target, clusters=reader) for target in likely.T)
    readers, wanted = len(np.unique(reader)), int(reward.sum())
    if readers < LEAST_READERS or wanted < LEAST_WANTED or ours.effective < LEAST_EFFECTIVE:
        raise NotEnoughData(
            f"{len(slots)} exploration slots of {readers} readers, {wanted} of them wanted, say as much as {ours.effective:.0f} draws "
            f"of the candidate's; it takes {LEAST_READERS} readers, {LEAST_WANTED} wanted papers and {LEAST_EFFECTIVE:.0f} draws"
        )
    difference = offpolicy.difference(reward, logged, likely[:, 0], likely[:, 1], clusters=reader)
    return Comparison(ours, theirs, difference, len(slots), readers, lost)


def told(
    session: Session, *, first: date, last: date, candidate: Ranker, live: Ranker, rankers: Rankers, settings: RankSettings
) -> Mapping[str, Any]:
    """Return `compare` as plain values with a sentence under `told`; where there is too little, the sentence alone says so."""
    try:
        found = compare(session, first=first, last=last, candidate=candidate, live=live, rankers=rankers, settings=settings)
    except NotEnoughData as error:
        return {"told": f"not enough data: {error}"}
    return {"told": found.sentence, **found.to_dict()}


def _replayed(
    session: Session, log: Exploration, asked: tuple[Ranker, ...], rankers: Rankers, settings: RankSettings
) -> tuple[npt.NDArray[np.intp], Numbers, int]:
    """Return the slots that could be made again (m,), how likely each of r rankers would have drawn their papers (m, r), and the others.

    Where there is no time for all pages, some are drawn.
    """
    shown = np.unique(log.page_ids)
    page_ids = np.random.default_rng(settings.seed).choice(shown, min(len(shown), MOST_PAGES), replace=False).tolist()
    at = {(page_id, paper_id): i for i, (page_id, paper_id) in enumerate(zip(log.page_ids, log.paper_ids, strict=True))}
    found: dict[int, Numbers] = {}
    for page_id in page_ids:
        for paper_id, propensity, likely in _slots(session, page_id, asked, rankers, settings):
            i = at.get((page_id, paper_id))
            if i is not None and abs(propensity - log.propensity[i]) <= _SAME * propensity:
                found[i] = likely
    tried = int(np.isin(log.page_ids, page_ids).sum())
    return np.array(list(found), dtype=np.intp), np.array(list(found.values())).reshape(-1, len(asked)), tried - len(found)


def _slots(
    session: Session, page_id: int, asked: tuple[Ranker, ...], rankers: Rankers, settings: RankSettings
) -> Iterator[tuple[str, float, Numbers]]:
    """Make a page again: the paper of each slot, with what probability it was drawn, and with what each ranker would draw it."""
    made = pages.by_id(session, page_id)
    if made is None:
        return
    try:
        inputs = daily.inputs_of(session, made, settings)
        maker = rankers.get(session, draft.makers(made.model)[0])
    except ModelError:
        return
    ordered = page.order(inputs, maker, settings)
    matrix = ordered.matrix
    described = {maker.version: matrix}
    slots = [item for item in ordered.placed if item.explored]
    if not slots:
        return
    for ranker in asked:
        if ranker.version not in described:
            described[ranker.version] = page.describe(inputs, ranker, settings)
    scored = [(described[ranker.version].column("uncertainty"), ranker.score(described[ranker.version])) for ranker in asked]
    for item in slots:
        rows = list(item.pool)
        likely = [_chances(scores[rows], doubt[rows], settings)[rows.index(item.row)] for doubt, scores in scored]
        yield matrix.paper_ids[item.row], item.propensity, np.array(likely)


def _chances(scores: npt.NDArray[np.floating], doubt: npt.NDArray[np.floating], settings: RankSettings) -> Numbers:
    known = np.isfinite(doubt).all() and doubt.max(initial=0) > 0
    return explore.chances(scores, doubt if known else np.ones_like(scores), uniform=settings.explore_uniform)

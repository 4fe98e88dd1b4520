"""Report -> Verdict: may this candidate go live? A pure decision, and each reason is a sentence the owner can read.

A candidate goes live when, on the held-out days, it is not worse than what is live nor than the ranking without learning: the lower
bound of the paired 95 % interval of nDCG@10 lies no more than the tolerance below zero. A good candidate orders most pages as the live
model does, so its interval is narrow; one that is broken orders them otherwise, and its interval reaches far down even where its mean
does not. Where nothing trained is live yet the bound must lie above zero: a model that learned nothing differs from the untrained
ranking by chance alone, and would otherwise get through one night in twenty.

No group of readers with enough pages may be worse off: by more than the tolerance, and measurably. There are up to six such
comparisons a night, so each is held to a sixth of the error that one alone would be allowed (Bonferroni), or good candidates would
be refused for one unlucky group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from recommender.types import FloatArray
from training.baselines import BLEND
from training.evaluate import CANDIDATE, HEADLINE, LIVE, OVERALL, READER_GROUPS, Report
from training.metrics import LEVEL, Interval

__all__ = ["Verdict", "decide"]

LEAST_PAGES = 20  # of a group of readers, before it has a say
RIVALS = 2
_ALONE = (1.0 - LEVEL) / 2.0
# How much wider an interval is when the error it allows is shared by every group and rival.
STRETCH = float(stats.norm.isf(_ALONE / (RIVALS * len(READER_GROUPS))) / stats.norm.isf(_ALONE))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may go live, and why (not)."""

    accept: bool
    reasons: tuple[str, ...]


def decide(report: Report, scores: FloatArray, *, tolerance: float, live_is_trained: bool) -> Verdict:
    """Judge a candidate.

    Parameters
    ----------
    report : Report
        Of the rankers `model`, `blend` and, when a trained model is live, `live`.
    scores : ndarray of shape (n,)
        The candidate's scores of the held-out rows.
    tolerance : float
        nDCG@10 by which a lower bound may fall short of zero, and by which a group of readers may be worse off.
    live_is_trained : bool
        Whether a trained model is live.
    """
    if not np.isfinite(scores).all():
        return Verdict(False, ("the candidate gives scores that are not numbers",))
    if not len(scores) or float(np.ptp(scores)) == 0.0:
        return Verdict(False, ("the candidate gives every paper the same score",))
    rivals = {BLEND: "the untrained ranking"} | ({LIVE: "the live model"} if live_is_trained else {})
    faults = [fault for rival, name in rivals.items() for fault in _faults(report, rival, name, tolerance)]
    gain = report.overall.differences[BLEND][HEADLINE]
    if not live_is_trained and not faults and not gain.low > 0:
        faults.append(f"it is not measurably better than the untrained ranking ({_shown(gain)}), so it may have learned nothing")
    if faults:
        return Verdict(False, tuple(faults))
    return Verdict(True, (*(_praise(report, rival, name) for rival, name in rivals.items()), *_groups(report, list(rivals)[-1])))


def _faults(report: Report, rival: str, name: str, tolerance: float) -> Iterator[str]:
    """What speaks against the candidate when it is compared with one rival."""
    whole = report.overall.differences[rival][HEADLINE]
    if not whole.low >= -tolerance:
        yield f"nDCG@10 may be worse than with {name} ({_shown(whole)})"
    for group, part in report.slices.items():
        change = part.differences[rival][HEADLINE]
        highest = change.value + STRETCH * (change.high - change.value)
        if group != OVERALL and part.pages >= LEAST_PAGES and change.value < -tolerance and highest < 0:
            yield f"{group} readers would be worse off than with {name} ({_shown(change)}, on {part.pages} pages)"


def _praise(report: Report, rival: str, name: str) -> str:
    change = report.overall.differences[rival][HEADLINE]
    mine = report.overall.scores[CANDIDATE][HEADLINE].value
    return f"nDCG@10 {mine:.4f} on {report.overall.pages} held-out pages, {_shown(change)} against {name}"


def _groups(report: Report, rival: str) -> Iterator[str]:
    """One clause on the groups of readers: what each gains, or that it has too few pages to say."""
    told = [
        f"{group} {part.differences[rival][HEADLINE].value:+.4f} on {part.pages} pages"
        + ("" if part.pages >= LEAST_PAGES else ", too few to count")
        for group, part in report.slices.items()
        if group != OVERALL
    ]
    if told:
        yield f"no group of readers is measurably worse off ({'; '.join(told)})"


def _shown(change: Interval) -> str:
    return f"{change.value:+.4f}, 95 % interval {change.low:+.4f} to {change.high:+.4f}"

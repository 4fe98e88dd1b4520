"""A kind of contribution in, sentence and title patterns out: how the invented papers of the sample edition are told.

Slots: `field`, `problem`, `method`, `object`, `data`, `metric`, `application`, `gap`, `finding`, `claim` (some with 2 or 3
appended for a second or third pick), `name` (of the paper's own system), `better` ("raises recall by 4 percent"), and the numbers
`n` (3 to 12), `p` (11 to 49), `q` (58 to 94), `x` (1.2 to 4.9), `k` (12 to 190) and `s` (40 to 400), drawn anew each.
A capital letter in a slot (`{Problem}`) capitalises what fills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CLOSES", "INSIGHTS", "OPENS", "PATTERNS", "TENSIONS", "Contribution", "Patterns"]


class Contribution(StrEnum):
    """What a paper brings."""

    METHOD = "method"
    BENCHMARK = "benchmark"
    THEORY = "theory"
    SURVEY = "survey"
    APPLICATION = "application"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Patterns:
    """The sentences that only one kind of contribution uses."""

    titles: tuple[str, ...]
    approaches: tuple[str, ...]
    details: tuple[str, ...]
    results: tuple[str, ...]


OPENS = (
    "{Problem} matters for {application}, yet {gap}.",
    "Progress in {field} has been quick, but {gap}.",
    "We revisit {problem}, a question that {field} has mostly set aside.",
    "In {application}, a great deal depends on {problem}.",
    "{Problem} is usually approached with {method2}, and {gap}.",
    "Much of {field} rests on {object}, although {gap}.",
    "What would it take to make {problem} dependable?",
    "Work on {application} regularly runs into {problem}.",
    "{Gap}; nowhere is this felt more than in {problem}.",
    "This paper is about {problem}.",
    "{Problem} stands at the centre of {field}, and demand from {application} keeps growing.",
    "Although {method2} and {method3} are now common in {field}, {gap}.",
    "The literature on {problem} is large, but {gap}.",
    "Over the past decade {field} has moved from {object} to {object2}, while {problem} has seen less attention.",
    "Anyone who has worked with {object} knows that {gap}.",
    "{Application} and {application2} share one difficulty: {problem}.",
    "Is {problem} still an open problem?",
    "A long line of work in {field} concerns {problem}, most of it tested on {data} alone.",
)

TENSIONS = (
    "Earlier attempts with {method2} break down once they meet {object2}.",
    "A further obstacle is that {gap}.",
    "Existing answers, mostly built on {method2}, were never tested on {object2}.",
    "The difficulty is practical as much as conceptual: {gap}.",
    "It has remained unclear how to treat {object} and {object2} together.",
    "Moreover, {gap}.",
    "Simply adding {method3} does not help, because {gap}.",
    "Two things stand in the way: the cost of handling {object}, and the fact that {gap}.",
    "Neither {method2} nor {method3} could be expected to cope with {object}.",
    "For {application} this is a serious limitation.",
    "Where {object} are scarce, as in {application}, the usual remedies fall short.",
    "The gap is widest for {problem2}.",
)

INSIGHTS = (
    "We find that {finding}.",
    "A closer look at {object2} reveals that {finding}.",
    "Perhaps surprisingly, {finding}.",
    "Two observations stand out: {finding}, and {finding}.",
    "Error analysis on {data2} shows that {finding}.",
    "It also turns out that {finding}.",
    "{Finding}, which earlier work with {method3} had missed.",
    "Among other things, {finding}.",
    "Both for {object} and for {object2}, {finding}.",
    "Along the way we learn that {finding}.",
    "{Finding}; {finding}.",
    "When {object2} are varied in isolation, {finding}.",
)

CLOSES = (
    "This opens a path towards {application}.",
    "We hope that {problem} becomes easier to study as a result.",
    "The findings bear directly on {application}.",
    "Taken together, this argues for {method} wherever {object} are plentiful.",
    "For {application}, the practical advice is to start from {method} and to watch {metric2}.",
    "We end with what this means for {problem2}.",
    "The lessons carry over to {application} and {application2}.",
    "{Problem2} is the natural next step.",
    "Future work should look beyond {data} and towards {object3}.",
    "This changes what is possible in {application}.",
    "None of this would replace {method3}, but it tells where to use it.",
    "We discuss limits, above all for {object3}.",
)

METHOD = Patterns(
    titles=(
        "{name}: {Method} for {problem}",
        "{name}: {method} for {object} in {application}",
        "{Mod} {method} for {problem}",
        "Towards {problem} with {mod} {method}",
        "Combining {method} and {method2} for {problem}",
        "Learning from {object}: {mod} {method} for {application}",
        "From {object} to {object2} with {mod} {method}",
        "{name}: {problem} without {object2}",
        "{Problem} through {mod} {method}",
        "{Mod} {method} over {object} with applications to {application}",
        "Rethinking {method2}: {mod} {method} for {object}",
        "{name}: one model for {object} and {object2}",
        "Beyond {method2}: {problem} with {mod} {method} and a little help from {object}, evaluated in {application}",
    ),
    approaches=(
        "We propose {name}, which couples {method} with {method2} and works directly on {object}.",
        "Our approach, {name}, replaces {method2} with {method} and learns from {object} alone.",
        "{name} treats {problem} as a search over {object2}, guided by {method}.",
        "We show how {method} can be adapted to {object}, and call the result {name}.",
        "The key idea of {name} is to apply {method} before {method3}, so that {object} need not be modelled one by one.",
        "We describe {name}, a two-stage method with {method} to narrow the choice of {object} and {method2} to settle the rest.",
        "Starting from {method2}, we derive {name}, an alternative built on {method} that needs no {object2}.",
        "Here {method} and {method3} are brought together, in a system we call {name}.",
        "We introduce {name}. It represents {object} explicitly, refines them with {method}, and falls back on {method2} when "
        "evidence is thin.",
        "Drawing on {method}, we build {name}, whose only inputs are {object} and {object2}.",
    ),
    details=(
        "The design keeps {object} and {object2} apart, which makes mistakes easier to trace.",
        "A variant with {method3} covers the case of {object2}.",
        "Fitting takes {n} hours on one machine and needs no {object3}.",
        "Uncertainty about {object} is carried through to the last step.",
        "No labels are required beyond those that come with {data}.",
        "A light regulariser discourages solutions that ignore {object2}.",
        "Because {object} change slowly, most of the computation can be reused.",
        "The same architecture handles {problem2} with a different last stage.",
    ),
    results=(
        "On {data}, {name} {better} over {method2}.",
        "Experiments on {data} and {data2} show that {name} {better} while using {p} percent fewer {object2}.",
        "Compared with {method2}, it {better} and {better} on {data}.",
        "Across {n} settings of {data} the method {better}; the advantage over {method3} is largest for {object}.",
        "{name} needs only {n} passes over {object} and still {better}.",
        "We observe that it {better} on {data}, at {x} times the speed of {method2}.",
        "Removing {method} undoes most of the gain, whereas removing {method3} changes {metric2} by less than {n} percent.",
        "The same configuration {better} on {data2} without any tuning.",
        "Against {n} competitors on {data}, it {better} on average and never falls behind.",
        "In a blind comparison on {data2}, {q} percent of the judgements favour {name}.",
    ),
)

BENCHMARK = Patterns(
    titles=(
        "{name}: a benchmark for {problem}",
        "{name}: {k} thousand {object} for {problem}",
        "Measuring {problem}: the {name} data set of {object}",
        "{name}: an open collection of {object} from {application}",
        "A test bed for {problem} with {object} and {object2}",
        "How well do we handle {object}? {name}, a diagnostic suite for {field}",
        "{name}: evaluating {method} on {object}",
        "{k} thousand {object}: an annotated resource for {problem} in {application}",
    ),
    approaches=(
        "We present {name}, a benchmark of {k} thousand {object} annotated for {problem}.",
        "{name} collects {object} from {n} sites and pairs each with careful annotations of {object2}.",
        "To measure {problem} properly, we built {name}: {k} thousand {object}, {n} annotators per item, a hidden test split.",
        "This data paper documents {name}, gathered over {n} months for {application}.",
        "We assemble {name} from {data}, {data2} and newly recorded {object}, and define {n} tasks around {problem}.",
        "The benchmark, {name}, reports {metric} as well as {metric2}, and separates {object} from {object2}.",
        "Unlike {data}, our resource {name} covers {application} and records how its {object} were obtained.",
    ),
    details=(
        "Items were filtered by hand, and {p} percent were discarded.",
        "Test items were written after the systems under test had been frozen.",
        "A datasheet describes consent, licences and known gaps in the {object}.",
        "Splits are made by time, so that no {object} appear on both sides.",
        "A smaller version with {s} {object} serves quick experiments.",
        "Each of the {n} tasks isolates one difficulty, from {object2} to {object3}.",
        "We also include {object3}, which {data} leaves out.",
    ),
    results=(
        "The best of {n} systems {better} over the weakest, and none comes close to the human ceiling.",
        "Baselines with {method} do well on {object} and poorly on {object2}.",
        "Rankings on {name} agree only weakly with those on {data}, where {method} had looked settled.",
        "Among {n} published systems, those with {method} come first on {metric} and last on {metric2}.",
        "Annotators agreed on {q} percent of the {object}, and disagreements are released too.",
        "Even with {method}, scores drop by {p} percent when {object2} are unfamiliar.",
        "All items, baseline code and annotation guidelines are public.",
        "A reference system built on {method} and {method2} {better}, which leaves ample room for better ones.",
    ),
)

THEORY = Patterns(
    titles=(
        "On the limits of {mod} {method} for {problem}",
        "A theory of {problem} with {mod} {method}",
        "Sharp bounds for {problem} via {mod} {method}",
        "{Problem} in $O(n \\log n)$ time: {mod} {method} for {object}",
        "When can {mod} {method} solve {problem}?",
        "Existence and stability of {object} under {mod} {method}",
        "Provable guarantees for {mod} {method} on {object}",
        "Lower bounds for {problem} from {object2} and {method2}",
        "Two theorems on {object} and {object2} in {field}",
        "An $\\epsilon$-approximation for {problem} by {mod} {method}",
    ),
    approaches=(
        "We study {problem} from a theoretical side and prove that {claim}.",
        "We give a formal model of {object} in which {claim}.",
        "The main theorem states that {claim}.",
        "Under mild conditions on {object}, we show that {claim}.",
        "Using {method}, we establish that {claim}, which improves on what {method2} could give.",
        "This note proves a lower bound for {problem} and a matching construction: {claim}.",
        "We formalise {problem} and characterise exactly when {method} can succeed; in particular, {claim}.",
        "With {method} as our main tool, we prove for all {object} that {claim}.",
    ),
    details=(
        "The proof combines {method} with an argument about {object2} that may be of independent interest.",
        "A counterexample with {n} parameters shows that the assumption cannot be dropped.",
        "The argument avoids {method3} altogether.",
        "No assumption on {object} beyond boundedness is needed.",
        "A key lemma controls {object2} uniformly in the sample size.",
        "The definition of {object} used here is weaker than the usual one.",
        "We separate what holds for every instance from what holds for almost every one.",
    ),
    results=(
        "As a corollary, we recover known results on {problem2}.",
        "The bound is tight up to a factor of {x}, and it explains why {method2} struggles with {object2}.",
        "Our analysis extends to {object2}, where {claim}.",
        "Small numerical experiments on {data} agree with the predicted scaling.",
        "This settles the case of {object} and leaves only {object3} open.",
        "The rate cannot be improved by {method3} or by any other procedure of that class.",
        "Constants are explicit and small enough to matter for {application}.",
    ),
)

SURVEY = Patterns(
    titles=(
        "{Problem}: a survey of {method}, {method2} and {method3}",
        "A review of {mod} {method} in {field}, with notes on {object}",
        "{Field}: what {s} papers say about {problem}",
        "From {method2} to {mod} {method}: a tutorial on {problem}",
        "Taxonomy and open questions of {problem}: {method} and {method2} in {application}",
        "How {object} are used in {field}: a systematic review of {method} and {method2}",
        "{Method} for {application}: progress, pitfalls and prospects of {problem}",
    ),
    approaches=(
        "This survey reviews {s} papers on {problem} and orders them by how they treat {object}.",
        "We review the last {n} years of {field}, from {method2} to {method}.",
        "We propose a taxonomy of {problem} with {n} branches, among them {method}, {method2} and {method3}.",
        "This tutorial introduces {method} and {method2} to readers who know {object} but not {field}.",
        "In this overview we compare {method}, {method2} and {method3} under one notation.",
        "We read the literature on {problem} systematically and record, for each of {s} studies, which {object} were used.",
    ),
    details=(
        "Search terms, exclusion criteria and extracted tables are provided.",
        "Each family is illustrated with the same running example about {object}.",
        "We pay special attention to {object2}, which earlier reviews omit.",
        "Disagreements between studies are traced to their choice of {object}.",
        "Where possible we recompute {metric} from the published material.",
        "A short history of {method3} explains the current terminology.",
    ),
    results=(
        "A recurring theme is that {finding}.",
        "Reported values of {metric} turn out to be comparable in only {q} percent of the studies.",
        "Across papers, gains credited to {method} may well be due to {method3}.",
        "We identify {n} open questions, most of them about {object2}.",
        "Only {p} percent of the studies report {metric2} on {data} or anything similar.",
        "The review ends with a checklist for work on {application}.",
        "Interest has shifted from {object} to {object3}, while {problem2} remains thinly covered.",
    ),
)

APPLICATION = Patterns(
    titles=(
        "{name}: {mod} {method} in {application}",
        "{Mod} {method} for {application}: a field report on {problem}",
        "Deploying {mod} {method} for {application}: {problem} at work",
        "Lessons from {n} months of {method} in {application}",
        "{Application} with {object}: a case study of {mod} {method}",
        "{name}: bringing {problem} to {application}",
        "{Problem} in practice: {method2} and {method} for {application}",
    ),
    approaches=(
        "We report on {n} months of running {method} for {application}.",
        "Together with partners working on {application} we built {name}, which applies {method} to {object}.",
        "This case study follows the introduction of {method} for {application}.",
        "We describe {name}, a deployed system for {application} that rests on {method} and a little {method3}.",
        "{name} brings {method} to {application}: it watches {object}, proposes a decision, and leaves the last word to staff.",
        "Field work with {n} teams taught us to combine {method} with {method2} when handling {object}.",
    ),
    details=(
        "The system runs on hardware that was already there.",
        "Staff could override every suggestion, and did so in {p} percent of the cases.",
        "Most of the effort went into {object2}, not into the model.",
        "Requirements were collected in {n} visits before anything was built.",
        "Monitoring covers {object}, {object2} and the rate of manual corrections.",
        "We describe what broke, from {object3} to the handover between shifts.",
    ),
    results=(
        "In use, it {better} compared with {method2}.",
        "After {n} months, staff rely on it for {q} percent of the {object}.",
        "A trial with {s} users found that it {better}, while {metric2} did not change.",
        "Costs fell by {p} percent, chiefly because {finding}.",
        "We list {n} lessons, the first being that {finding}.",
        "The gains measured on {data} carried over only in part: in the field it {better}.",
    ),
)

NEGATIVE = Patterns(
    titles=(
        "{Method} may not help {problem}: evidence from {object}",
        "Revisiting {mod} {method} for {problem}: a replication study",
        "Do gains from {method} over {method2} survive a fair comparison on {object}?",
        "A null result for {mod} {method} in {application}",
        "Failing at {problem} with {mod} {method} and plenty of {object}",
        "Much ado about {mod} {method}: {problem} under equal budgets",
        "Is it enough to use {method2} for {object}? A sober look at {mod} {method}",
    ),
    approaches=(
        "We test the belief that {method} can solve {problem}, and find little support for it.",
        "We try to reproduce {s} published results on {problem} with {method}; about {p} percent of them hold.",
        "This paper reports a failure: {method} did not help with {object}, whatever we tried.",
        "A careful comparison of {method} and {method2} on {data} shows no reliable difference.",
        "We re-examine {method} under equal tuning budgets and identical {object}.",
        "Do gains from {method} survive a fair comparison with {method2}? On {data}, they do not.",
    ),
    details=(
        "All configurations, including those that failed, are released.",
        "The protocol was registered before any {object} were seen.",
        "Authors of {n} earlier studies confirmed our settings.",
        "Each comparison is repeated with {n} seeds and the same stopping rule.",
        "We hold {object2} fixed and vary one choice at a time.",
        "Simple baselines with {method3} receive the same tuning budget.",
    ),
    results=(
        "With {n} seeds and matched budgets, {metric} changes by less than {x} percent.",
        "The advantage disappears once {object2} are held fixed.",
        "We trace the reported improvement to {object}, which leaked between splits.",
        "A baseline built on {method2} in an afternoon {better}.",
        "Only on {data2} does a small effect remain.",
        "Our null result holds for {n} implementations and for both {object} and {object2}.",
    ),
)

PATTERNS: Mapping[Contribution, Patterns] = {
    Contribution.METHOD: METHOD,
    Contribution.BENCHMARK: BENCHMARK,
    Contribution.THEORY: THEORY,
    Contribution.SURVEY: SURVEY,
    Contribution.APPLICATION: APPLICATION,
    Contribution.NEGATIVE: NEGATIVE,
}

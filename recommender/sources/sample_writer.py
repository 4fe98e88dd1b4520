"""Topics, a kind of contribution and a seeded rng in, a title and an abstract out: the pen of the sample edition."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recommender.sources import sample_language, sample_nature, sample_numbers, sample_systems, sample_vision
from recommender.sources.sample_phrases import CLOSES, INSIGHTS, OPENS, PATTERNS, TENSIONS, Contribution
from recommender.sources.sample_words import Topic, words

__all__ = ["VOCABULARY", "system_name", "write"]

_PAIRS = (*sample_language.PAIRS, *sample_vision.PAIRS, *sample_systems.PAIRS, *sample_numbers.PAIRS, *sample_nature.PAIRS)

VOCABULARY: tuple[Topic, ...] = tuple(topic for pair in _PAIRS for topic in (pair.first, pair.second))
"""Every topic; 2i and 2i + 1 are neighbours."""

SHORTEST, LONGEST = 90, 160  # words of an abstract
SHARED = 0.45  # share of second and third choices that neighbouring topics have in common
COMMON = 0.3  # share of them that any field may use
HEARD = 0.5  # share of second choices that a mixed paper leaves to its second topic outright
STRAY = 0.12  # share of words that a paper on one topic takes from its neighbour
SLOT = re.compile(r"(?<![A-Za-z])\{(\w+)\}")  # not the braces of `\sqrt{n}`

MODIFIERS = words(
    """adaptive; amortised; asymmetric; budgeted; calibrated; cascaded; compact; conservative; constrained; corrected;
    delayed; distributed; efficient; explicit; fast; fine-grained; flexible; hierarchical; hybrid; incremental; interpretable;
    iterative; lightweight; local; memory-efficient; modular; multi-scale; online; parallel; probabilistic; regularised; reliable;
    robust; scalable; selective; sparse; stable; staged; structured; two-stage; weakly supervised"""
)
ANYWHERE_METHODS = words(
    """transformers; contrastive pretraining; large language models; graph neural networks; diffusion models; active learning;
    Gaussian processes; ensembles; random forests; reinforcement learning; knowledge distillation; Monte Carlo methods;
    convex relaxations; linear regression; low-rank approximation; conformal prediction; transfer learning; expert annotation"""
)
ANYWHERE_OBJECTS = words(
    """rare cases; noisy measurements; large archives; small samples; expert judgements; unlabelled records; outliers;
    high-dimensional data; long sequences; missing values; repeated measurements; distribution shifts"""
)
ONSETS = words("b; br; c; d; dr; f; fl; g; gl; h; k; l; m; n; p; pr; qu; r; s; sk; st; t; tr; v; w; z")
RHYMES = words("a; al; an; ar; e; el; en; er; i; il; in; is; o; ol; on; or; u; um; ex; ax; ix; ora; ia; eo")
ENDINGS = ("", "", "", "", "-S", "-2", "Net", "Flow", "Mix", "Lab", "Tree", "Cast")


def system_name(rng: random.Random) -> str:
    """Invent the name of a system or a benchmark."""
    if rng.random() < 0.3:
        return "".join(rng.choice("ABCDEGHILMNOPRSTUVX") for _ in range(rng.randint(4, 5)))
    stem = "".join(rng.choice(ONSETS) + rng.choice(RHYMES) for _ in range(rng.choice((2, 2, 2, 2, 3))))
    return stem.capitalize() + rng.choice(ENDINGS)


def write(topics: Mapping[int, float], contribution: Contribution, name: str, rng: random.Random) -> tuple[str, str]:
    """Write one paper.

    Parameters
    ----------
    topics : mapping of int to float
        Index in `VOCABULARY` -> weight; the heaviest sets the question, the others lend their tools.
    contribution : Contribution
    name : str
        What the authors call their system or benchmark.
    rng : random.Random

    Returns
    -------
    title, abstract : str
        The abstract has 90 to 160 words.
    """
    brief = _brief(topics, name, rng)
    title = _fill(rng.choice(PATTERNS[contribution].titles), brief, rng)
    if rng.random() < 0.5:
        title = _title_case(title)
    return title, _abstract(contribution, brief, rng)


@dataclass(frozen=True, slots=True)
class _Brief:
    """What one paper is about, chosen once so that title and sentences agree; clauses are used up in turn."""

    fixed: Mapping[str, str]
    turns: Mapping[str, list[str]]

    def value(self, slot: str) -> str:
        """Return the filling of a slot."""
        if slot in self.turns:
            self.turns[slot].append(self.turns[slot].pop(0))
            return self.turns[slot][-1]
        return self.fixed[slot]


def _brief(topics: Mapping[int, float], name: str, rng: random.Random) -> _Brief:
    """Choose the words of one paper: mostly its main topic's, some from the neighbours, some from anywhere."""
    first, *rest = sorted(topics, key=lambda index: -topics[index])
    pair, main = _PAIRS[first // 2], VOCABULARY[first]
    guest, lent = (VOCABULARY[rest[0]], topics[rest[0]]) if rest else (VOCABULARY[first ^ 1], STRAY)

    def pick(field: str, count: int, shared: tuple[str, ...] = (), anywhere: tuple[str, ...] = ()) -> list[str]:
        pools = (getattr(main, field), getattr(guest, field), shared, anywhere)
        chosen: list[str] = []
        while len(chosen) < count:
            phrase = rng.choice(pools[_place(len(chosen), lent, bool(shared), rng)])
            if phrase not in chosen:
                chosen.append(phrase)
        return chosen

    fixed = {"name": name, "field": main.field, "mod": rng.choice(MODIFIERS)}
    fixed |= _numbered("method", pick("methods", 3, pair.methods, ANYWHERE_METHODS))
    fixed |= _numbered("object", pick("objects", 3, pair.objects, ANYWHERE_OBJECTS))
    for slot, field in (("problem", "problems"), ("application", "applications"), ("data", "data")):
        fixed |= _numbered(slot, pick(field, 2))
    metrics = pick("metrics", 4)
    fixed |= _numbered("metric", [metric.removeprefix("-") for metric in metrics])
    turns = {"gap": pick("gaps", 4), "finding": pick("findings", 4), "claim": rng.sample(main.claims, 3)}
    return _Brief(fixed, turns | {"better": [_better(metric, rng) for metric in metrics]})


def _place(rank: int, lent: float, shareable: bool, rng: random.Random) -> int:
    """Choose a pool of words: 0 the paper's own topic, 1 its other topic, 2 what neighbours share, 3 what anyone uses."""
    if rank == 1 and lent > STRAY and rng.random() < HEARD:
        return 1
    draw = rng.random()
    if shareable and draw < (SHARED if rank else SHARED / 2):
        return 2
    if shareable and rank and draw < SHARED + COMMON:
        return 3
    return 1 if rng.random() < lent else 0


def _numbered(slot: str, phrases: list[str]) -> dict[str, str]:
    """Name the picks `slot`, `slot2`, `slot3`."""
    return {f"{slot}{rank if rank > 1 else ''}": phrase for rank, phrase in enumerate(phrases, start=1)}


def _better(metric: str, rng: random.Random) -> str:
    """Say that a metric got better, by how much."""
    verb = (
        rng.choice(("lowers", "reduces", "cuts")) if metric.startswith("-") else rng.choice(("improves", "raises", "increases"))
    )
    return f"{verb} {metric.removeprefix('-')} by {{{rng.choice('npp')}}} percent"


NUMBERS: Mapping[str, Callable[[random.Random], str]] = {
    "n": lambda rng: str(rng.randint(3, 12)),
    "p": lambda rng: str(rng.randint(11, 49)),
    "q": lambda rng: str(rng.randint(58, 94)),
    "x": lambda rng: f"{rng.uniform(1.2, 4.9):.1f}",
    "k": lambda rng: str(rng.randint(12, 190)),
    "s": lambda rng: str(rng.randint(40, 400)),
}


def _fill(pattern: str, brief: _Brief, rng: random.Random) -> str:
    """Fill every slot, those inside the fillings too; a capital slot capitalises what it takes."""

    def value(match: re.Match[str]) -> str:
        slot = match[1]
        if slot in NUMBERS:
            return NUMBERS[slot](rng)
        text = SLOT.sub(value, brief.value(slot.lower()))
        return text[0].upper() + text[1:] if slot[0].isupper() else text

    text = SLOT.sub(value, pattern)
    return text[0].upper() + text[1:]


def _abstract(contribution: Contribution, brief: _Brief, rng: random.Random) -> str:
    """Motivation, gap, contribution, result, insight and meaning, in 90 to 160 words."""
    patterns = PATTERNS[contribution]
    details, results, insights = (rng.sample(pool, 3) for pool in (patterns.details, patterns.results, INSIGHTS))
    plan: list[tuple[float, str]] = [  # (place in the abstract, sentence pattern): the first four are always there
        (0, rng.choice(OPENS)),
        (2, rng.choice(patterns.approaches)),
        (4, results[0]),
        (5, insights[0]),
    ]
    extras = [
        (1, rng.choice(TENSIONS)),
        (3, details[0]),
        (6, rng.choice(CLOSES)),
        (4.5, results[1]),
        (3.5, details[1]),
        (5.5, insights[1]),
    ]
    rng.shuffle(extras)
    wanted = rng.randint(SHORTEST + 5, LONGEST - 25)
    sentences = [(place, _fill(pattern, brief, rng)) for place, pattern in plan]
    for place, pattern in [*extras, (4.7, results[2]), (3.7, details[2])]:
        if _length(sentences) >= wanted:
            break
        longer = [*sentences, (place, _fill(pattern, brief, rng))]
        if _length(longer) <= LONGEST:
            sentences = longer
    return " ".join(text for _, text in sorted(sentences, key=lambda sentence: sentence[0]))


def _length(sentences: list[tuple[float, str]]) -> int:
    return sum(len(text.split()) for _, text in sentences)


def _title_case(title: str) -> str:
    """Capitalise the longer words, leaving mathematics and names as they are."""
    if "$" in title:
        return title
    return " ".join(word[0].upper() + word[1:] if len(word) > 3 or word[0].isupper() else word for word in title.split())

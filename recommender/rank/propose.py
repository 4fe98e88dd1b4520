"""A reader's votes and the papers in, rules worth proposing out: what the votes have said so often that it could be said once for all.

Nothing is proposed that the votes contradict even once, and nothing is set by itself: a proposal is a question, with its evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from recommender.rank import terms
from recommender.rank.rules import Index, matches, plain, takes
from recommender.types import EventKind, Paper, Reason, Rule

__all__ = ["MOST", "Proposal", "proposals"]

MOST = 5
LIKED_BY_AUTHOR = 3
DISLIKED_IN = 5  # papers of one category or organisation
DISLIKED_WITH = 4  # papers with one phrase
RARE = 0.02  # share of the papers not judged in which a phrase may stand and still say something
LEAST_LIKES = 3  # "and liked none" means nothing of somebody who has liked nothing
_EACH = 2  # proposals about one field, so that a list is never five authors


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule that the votes suggest.

    Attributes
    ----------
    rule : Rule
        Not stored: its number is 0.
    papers : tuple of str
        The papers it rests on, the newest vote first.
    reason : Reason
        The same in a sentence.
    """

    rule: Rule
    papers: tuple[str, ...]
    reason: Reason


def proposals(
    votes: Mapping[str, EventKind],
    papers: Mapping[str, Paper],
    share: Callable[[str], float],
    *,
    rules: Sequence[Rule] = (),
    dismissed: Collection[tuple[str, str, str]] = (),
) -> list[Proposal]:
    """Return at most five proposals, those with the most evidence first.

    Parameters
    ----------
    votes : mapping of str to EventKind
        The standing vote per paper, the newest last.
    papers : mapping of str to Paper
        Those voted on; what is missing counts for nothing.
    share : callable
        In what share of the papers in general a term stands, 0 to 1.
    rules : sequence of Rule
        Those that hold: what they say, or the opposite of it, is not proposed.
    dismissed : collection of (str, str, str)
        Action, field and value of proposals that were not wanted.
    """
    newest_first = [papers[i] for i in reversed(list(votes)) if i in papers]
    liked = [paper for paper in newest_first if votes[paper.id] is EventKind.UPVOTE]
    disliked = [paper for paper in newest_first if votes[paper.id] in (EventKind.DOWNVOTE, EventKind.HIDE)]
    found = [*_authors(liked, disliked)]
    if len(liked) >= LEAST_LIKES:
        found += [*_kinds(liked, disliked), *_phrases(liked, disliked, share)]
    unwanted = {(action, field, plain(value)) for action, field, value in dismissed}
    ranked = sorted(found, key=lambda p: (-len(p.papers), p.rule.field, p.rule.value))
    chosen: list[Proposal] = []
    for proposal in ranked:
        rule = proposal.rule
        if (rule.action, rule.field, plain(rule.value)) in unwanted or _is_said(rule, proposal.papers, papers, rules):
            continue
        if sum(other.rule.field == rule.field for other in chosen) < _EACH:
            chosen.append(proposal)
    return chosen[:MOST]


def _is_said(rule: Rule, evidence: Sequence[str], papers: Mapping[str, Paper], rules: Sequence[Rule]) -> bool:
    """Whether a rule of the reader speaks of the same already, or takes all the papers that this one rests on."""
    if any((known.field, plain(known.value)) == (rule.field, plain(rule.value)) for known in rules):
        return True
    same = [known for known in rules if known.action == rule.action]
    return any(all(matches(known, papers[i]) for i in evidence) for known in same)


@dataclass(frozen=True, slots=True)
class _Carried:
    """A name as it is spelled first, and the papers that carry it, in order; `leads` of them begin with it."""

    name: str
    papers: list[str]
    leads: int


def _carried(papers: Sequence[Paper], field: str) -> dict[str, _Carried]:
    """Return each name that papers carry, by how rules compare it."""
    ids: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    leads: dict[str, int] = {}
    for paper in papers:
        names = {plain(name): name for name in reversed(_names(paper, field))}
        first = plain(_names(paper, field)[0]) if names else None
        for key, name in names.items():
            ids.setdefault(key, []).append(paper.id)
            spelled.setdefault(key, name)
            leads[key] = leads.get(key, 0) + (key == first)
    return {key: _Carried(spelled[key], its, leads[key]) for key, its in ids.items()}


def _names(paper: Paper, field: str) -> tuple[str, ...]:
    if field == "author":
        return paper.authors
    if field == "category":
        return paper.categories
    return (paper.organization,) if paper.organization else ()


def _authors(liked: Sequence[Paper], disliked: Sequence[Paper]) -> Iterable[Proposal]:
    against = _carried(disliked, "author")
    for key, its in _carried(liked, "author").items():
        if len(its.papers) >= LIKED_BY_AUTHOR and key not in against:
            said = Reason.of("author", "You liked %s papers by %s and disliked none", str(len(its.papers)), its.name)
            yield Proposal(Rule("must", "author", its.name), tuple(its.papers), said)


def _kinds(liked: Sequence[Paper], disliked: Sequence[Paper]) -> Iterable[Proposal]:
    """Categories and organisations that were never once liked; of two on the same papers, the one that leads more of them."""
    sentences = {
        "category": "You turned down %s papers in %s and liked none",
        "organization": "You turned down %s papers from %s and liked none",
    }
    for field, sentence in sentences.items():
        for_it, known = _carried(liked, field), set[frozenset[str]]()
        for key, its in sorted(_carried(disliked, field).items(), key=lambda pair: (-pair[1].leads, pair[0])):
            if len(its.papers) >= DISLIKED_IN and key not in for_it and frozenset(its.papers) not in known:
                known.add(frozenset(its.papers))
                said = Reason.of(field, sentence, str(len(its.papers)), its.name)
                yield Proposal(Rule("never", field, its.name), tuple(its.papers), said)


def _phrases(liked: Sequence[Paper], disliked: Sequence[Paper], share: Callable[[str], float]) -> Iterable[Proposal]:
    """Pairs of words that stand in what was turned down, in nothing that was liked, and seldom elsewhere."""
    with_it: dict[str, list[str]] = {}
    for paper in disliked:
        for term in _pairs(paper):
            with_it.setdefault(term, []).append(paper.id)
    rare = {term: share(term) for term, its in with_it.items() if len(its) >= DISLIKED_WITH and share(term) <= RARE}
    covered = dict[frozenset[str], str]()
    for term in sorted(rare, key=lambda term: (-len(with_it[term]), rare[term], term)):
        covered.setdefault(frozenset(with_it[term]), term)
    decreed = [Rule("never", "phrase", term) for term in covered.values()]
    for rule, against, for_it in zip(decreed, takes(Index(disliked), decreed), takes(Index(liked), decreed), strict=True):
        if len(against) >= DISLIKED_WITH and not for_it:
            sentence = "“%s” stands in %s papers you turned down and in none you liked"
            yield Proposal(rule, tuple(against), Reason.of("phrase", sentence, rule.value, str(len(against))))


def _pairs(paper: Paper) -> Iterable[str]:
    return (term for term in terms.named_terms(terms.paper_text(paper.title, paper.abstract)) if " " in term)

"""LightGBM's model text in, a `Forest` out: the same trees as tables, which say what each family of features adds to a score.

A tree is cut into groups of leaves that hang on at most eight of its questions (few need more). The answers of one row to a group's
questions are the bits of a number, and under that number a table holds what the group adds to the row's score, family by family. So
the reasons of a page cost some comparisons and look-ups; LightGBM walks every tree again for every feature that may be left out,
which takes fifteen times as long. The numbers are LightGBM's, up to rounding.

References
----------
Lundberg et al., "From local explanations to global understanding with explainable AI for trees", 2020 (what a feature's share is).
Yang, "Fast TreeSHAP: Accelerating SHAP Value Computation for Trees", 2021 (shares of every path tabulated beforehand).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from recommender.types import FloatArray

__all__ = ["Forest", "forest"]

BYTE = 8
MOST_BITS = 16  # questions of one group, and
MOST_ROWS = 2**19  # rows of all tables: trees that need more are too deep for this
_CATEGORICAL, _DEFAULT_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 1, 2  # of LightGBM's `decision_type`

_WHOLE = ("split_feature", "left_child", "right_child")  # what is read of a tree, in the order of `_Tree`
_REAL = ("threshold", "leaf_value", "leaf_count", "internal_count")

_PLACES = np.uint8(1) << np.arange(BYTE, dtype=np.uint8)  # what the bits of a byte stand for

Numbers = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees as tables.

    Attributes
    ----------
    feature : ndarray of shape (b,)
        Which of the f features each bit asks about, plus f if it is set where that is not known; every group's bits are padded to
        whole bytes.
    threshold : ndarray of shape (b, 1), dtype=float32
        The bit is set where the feature is at most that.
    low, high : ndarray of shape (g,)
        Which bytes hold each group's number; where one is enough, `high` is that of a byte of zeros, after all others.
    base : ndarray of shape (g, 1)
        Where each group's table begins.
    shares : ndarray of shape (t, families), dtype=float32
        All tables, one below the other.
    """

    feature: Ints
    threshold: FloatArray
    low: Ints
    high: Ints
    base: npt.NDArray[np.int32]
    shares: FloatArray = field(repr=False)

    def by_family(self, values: FloatArray) -> FloatArray:
        """Return what each family of features adds to the score of each row of `values`, shape (n, f); the answer is (n, families)."""
        unknown = np.isnan(values.T)
        # Every feature twice: what is not known is above any threshold first, and below any then.
        known = np.concatenate([np.where(unknown, beyond, values.T) for beyond in (np.inf, -np.inf)])
        bits = known.take(self.feature, axis=0, mode="clip") <= self.threshold  # a row per bit: each is copied in one piece
        in_bytes = bits.view(np.uint8).reshape(len(bits) // BYTE, BYTE, len(values))
        packed = np.zeros((len(in_bytes) + 1, len(values)), dtype=np.int32)
        packed[:-1] = np.einsum("gbn,b->gn", in_bytes, _PLACES)
        found = self.shares.take(self.base + packed[self.low] + (packed[self.high] << BYTE), axis=0)
        # A sum, all at once.
        added: FloatArray = np.ones(len(found), dtype=np.float32) @ found.reshape(len(found), len(values) * self.shares.shape[1])
        return added.reshape(len(values), self.shares.shape[1])


@dataclass(frozen=True)
class _Tree:
    """One tree as LightGBM writes it; a negative child is a leaf, ~child its number."""

    decision: Ints
    split_feature: Ints
    left_child: Ints
    right_child: Ints
    threshold: Numbers
    leaf_value: Numbers
    leaf_count: Numbers
    internal_count: Numbers

    def takes_unknown_left(self, node: int) -> bool:
        """Where a paper goes of which the feature is unknown: LightGBM takes it for zero unless it met such in training."""
        if (int(self.decision[node]) >> 2) & 3 == _NAN_IS_MISSING:
            return bool(self.decision[node] & _DEFAULT_LEFT)
        return bool(self.threshold[node] >= 0.0)

    @cached_property
    def above(self) -> Mapping[int, tuple[int, bool]]:
        """The node above each node and leaf, and whether it is the left one there."""
        sides = ((self.left_child, True), (self.right_child, False))
        return {child: (node, to_left) for side, to_left in sides for node, child in enumerate(side.tolist())}

    def path(self, leaf: int) -> list[tuple[int, int, bool]]:
        """Return the nodes from the root to a leaf, each with the child taken and whether that is its left one."""
        steps, child = list[tuple[int, int, bool]](), ~leaf
        while child != 0:
            node, to_left = self.above[child]
            steps.append((node, child, to_left))
            child = node
        return steps[::-1]

    def below(self, node: int) -> tuple[list[int], list[int]]:
        """Return the nodes of a subtree, its root first, and its leaves."""
        if node < 0:
            return [], [~node]
        parts = [self.below(int(child)) for child in (self.left_child[node], self.right_child[node])]
        return [node, *parts[0][0], *parts[1][0]], [*parts[0][1], *parts[1][1]]

    def weight(self, node: int) -> float:
        """How many papers came by in training."""
        return float(self.leaf_count[~node] if node < 0 else self.internal_count[node])


@lru_cache(maxsize=6)
def forest(text: str, families: tuple[int, ...]) -> Forest | None:
    """Return a model's trees as tables, made once; None where they hold what these cannot, and LightGBM must be asked.

    Parameters
    ----------
    text : str
        LightGBM's model.
    families : tuple of int
        Number of the family of each feature, from 0.
    """
    trees = [_read(block) for block in text.split("\nTree=")[1:]]
    known = [tree for tree in trees if tree is not None and len(tree.split_feature)]  # a tree of one leaf lifts nothing
    if not known or any(tree is None for tree in trees) or "\nnum_tree_per_iteration=1\n" not in text:
        return None
    return _tabulate(known, np.array(families))


def _read(block: str) -> _Tree | None:
    """Take one tree's block apart; None where it asks about more than numbers, or counts zeros as unknown."""
    lines = (line.partition("=") for line in block.split("\n\n", 1)[0].splitlines())
    facts: Mapping[str, list[str]] = {name: value.split() for name, _, value in lines}
    decision = np.array(facts.get("decision_type", []), dtype=np.int64)
    odd = (decision & _CATEGORICAL > 0) | ((decision >> 2) & 3 == _ZERO_IS_MISSING)
    if odd.any() or facts.get("is_linear", ["0"]) != ["0"]:
        return None
    feature, left, right = (np.array(facts.get(name, []), dtype=np.int64) for name in _WHOLE)
    return _Tree(decision, feature, left, right, *(np.array(facts.get(name, []), dtype=np.float64) for name in _REAL))


def _tabulate(trees: Sequence[_Tree], families: Ints) -> Forest | None:
    """Cut trees into groups and write down what each adds for every way to answer its questions."""
    groups = [(tree, nodes, leaves) for tree in trees for nodes, leaves in _groups(tree, 0, ())]
    asked = [len(nodes) for _, nodes, _ in groups]
    if max(asked) > MOST_BITS or sum(2**bits for bits in asked) > MOST_ROWS:
        return None
    spans = np.array([-(-bits // BYTE) for bits in asked])
    low = np.cumsum(spans) - spans
    feature = np.zeros(BYTE * int(spans.sum()), dtype=np.int64)
    threshold = np.full(len(feature), -np.inf)  # a bit of padding is never set
    for (tree, nodes, _), first in zip(groups, (low * BYTE).tolist(), strict=True):
        feature[first : first + len(nodes)] = tree.split_feature[list(nodes)]
        threshold[first : first + len(nodes)] = tree.threshold[list(nodes)]
        feature[[first + at for at, node in enumerate(nodes) if tree.takes_unknown_left(node)]] += len(families)
    tables = [_table(tree, nodes, leaves, families) for tree, nodes, leaves in groups]
    sizes = np.array([len(table) for table in tables])
    return Forest(
        feature=feature,
        threshold=_at_most(threshold)[:, None],
        low=low,
        high=np.where(spans > 1, low + 1, spans.sum()),
        base=(np.cumsum(sizes) - sizes)[:, None].astype(np.int32),
        shares=np.concatenate(tables).astype(np.float32),
    )


def _groups(tree: _Tree, node: int, above: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Give groups of leaves, each with the nodes whose answers say which of its leaves is reached, if any."""
    nodes, leaves = tree.below(node)
    if not nodes or len(above) + len(nodes) <= BYTE:
        yield (*above, *nodes), leaves
    else:
        for child in (tree.left_child[node], tree.right_child[node]):
            yield from _groups(tree, int(child), (*above, node))


def _table(tree: _Tree, nodes: Sequence[int], leaves: Sequence[int], families: Ints) -> Numbers:
    """Return what a group adds to the score by family, for every way to answer its questions, shape (2**bits, families)."""
    answers = (np.arange(2 ** len(nodes))[:, None] >> np.arange(len(nodes))) & 1 > 0
    bit = {node: at for at, node in enumerate(nodes)}
    members = np.eye(int(families.max()) + 1)[families]  # which family each feature is of
    shares = np.zeros((len(answers), members.shape[1]))
    for leaf in leaves:
        held: dict[int, npt.NDArray[np.bool_]] = {}  # feature -> whether its questions lead to the leaf
        usual: dict[int, float] = {}  # feature -> which share of the papers went that way where it was asked about
        for node, child, to_left in tree.path(leaf):
            asked = int(tree.split_feature[node])
            led = answers[:, bit[node]] == to_left
            held[asked] = held[asked] & led if asked in held else led
            usual[asked] = usual.get(asked, 1.0) * tree.weight(child) / tree.weight(node)
        its = _shapley(np.array(list(held.values())), np.array(list(usual.values())))
        shares += tree.leaf_value[leaf] * its.T @ members[list(held)]
    return shares


def _shapley(held: npt.NDArray[np.bool_], usual: Numbers) -> Numbers:
    """Return the share of each of k features in reaching a leaf, by every way to answer, shape (k, ways).

    What a set of known features gives is a product, one factor of each feature: whether it leads there where it is known, how often it
    does where it is not. The Shapley value of such a game is an integral over how likely the others are known, of a polynomial, so
    that a few nodes of Gauss and Legendre give it exactly.

    Parameters
    ----------
    held : ndarray of shape (k, ways)
        Whether the answers to a feature's questions lead to the leaf.
    usual : ndarray of shape (k,)
        Which share of the papers goes there where it is not known.
    """
    at, weights = _gauss(max(-(-len(held) // 2), 1))
    factors = at * held + (1.0 - at) * usual[:, None]
    others = [[other for other in range(len(held)) if other != asked] for asked in range(len(held))]
    expected = np.einsum("gkw,g->kw", factors[:, others].prod(axis=2), weights)
    found: Numbers = (held - usual[:, None]) * expected
    return found


@cache
def _gauss(count: int) -> tuple[Numbers, Numbers]:
    """Return nodes, shape (count, 1, 1), and weights, shape (count,), of the Gauss-Legendre rule on [0, 1]."""
    at, weights = np.polynomial.legendre.leggauss(count)
    return ((at + 1.0) / 2.0)[:, None, None], weights / 2.0


def _at_most(threshold: Numbers) -> FloatArray:
    """Return the largest float32 that is not above each number: a float32 is at most the one where it is at most the other."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)

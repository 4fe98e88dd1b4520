"""What a reader decreed in, frozen values out: rules and picks, which a page obeys whatever a model has learned."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Choices", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reader must see, or never wants to see, whatever the model says.

    Attributes
    ----------
    action : {"must", "never"}
        Where both hold for a paper, never wins.
    field : {"author", "organization", "category", "phrase", "words", "like"}
        What of a paper is compared: a name, a category, words in a row, words anywhere, or nearness to another paper.
    value : str
    interest : int
        The interest it holds for; 0 for everywhere.
    id : int
        0 before it is stored.
    """

    action: str
    field: str
    value: str
    interest: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader set by hand for one taste, and a page obeys.

    Attributes
    ----------
    rules : tuple of Rule
        Those that hold for this taste.
    announce : tuple of str
        Kinds of announcement that make a page; empty: as the settings say.
    categories : tuple of str
        Picked to begin with: a soft word that fades as votes come in.
    papers : tuple of str
        Papers that stand for topics or a search picked to begin with; the same.
    forgotten : int
        Events up to this id no longer teach this taste.
    """

    rules: tuple[Rule, ...] = ()
    announce: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    forgotten: int = 0

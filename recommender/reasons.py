"""A sentence with its names in, a frozen reason out: why a paper stands where it stands, in words that can be translated."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Reason"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper stands where it stands, in words a reader can check.

    Attributes
    ----------
    kind : str
        Family: `similar`, `terms`, `author`, `category`, `popular`, `code`, `recent`, `explore`, `moved`.
    text : str
        One short sentence without a full stop.
    paper_id : str or None
        The paper behind it, when there is one.
    template : str
        The sentence with `%s` for each name: what is translated. Empty where the text is all there is.
    names : tuple of str
    """

    kind: str
    text: str
    paper_id: str | None = None
    template: str = field(default="", compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, kind: str, template: str, *names: str, paper_id: str | None = None) -> Reason:
        """Return a reason whose sentence can be translated."""
        return cls(kind, template % names, paper_id, template, names)

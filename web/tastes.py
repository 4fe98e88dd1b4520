"""A reader and an address in, the taste it names out: the general one first, then the reader's own interests in their order."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort
from flask_babel import gettext as _

from recommender.store import interests
from recommender.store.db import Session
from recommender.store.readers import Reader

__all__ = ["Taste", "by_number", "by_slug", "tastes"]


@dataclass(frozen=True, slots=True)
class Taste:
    """A named interest, or the general taste, which has the number 0 and always the same address."""

    id: int
    slug: str
    name: str


def tastes(session: Session, reader: Reader) -> list[Taste]:
    """Return all tastes of a reader."""
    general = Taste(0, interests.GENERAL, _("General"))
    return [general, *(Taste(own.id, own.slug, own.name) for own in interests.listing(session, reader.id))]


def by_slug(session: Session, reader: Reader, slug: str) -> Taste:
    """Return the taste an address names; without one the answer is 404."""
    found = next((taste for taste in tastes(session, reader) if taste.slug == slug), None)
    if found is None:
        abort(404, _("You have no interest of that name. It may have been renamed or closed."))
    return found


def by_number(session: Session, reader: Reader, number: str) -> Taste | None:
    """Return the taste that a form's field names by its number, or None."""
    return next((taste for taste in tastes(session, reader) if str(taste.id) == number), None)

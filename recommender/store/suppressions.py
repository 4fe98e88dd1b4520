"""A session and an address in, whether it is left alone out: where mail bounced for good, or somebody complained of it.

Only the digest of an address is stored, so that nobody who left the house can be read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from recommender.store import bounced
from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables_mail import SuppressionRow

__all__ = ["IN_A_ROW", "REASONS", "Suppression", "add", "among", "count", "lift"]

IN_A_ROW = 3  # digests of different days that were refused, or came back: then an address is left alone
REASONS = ("bounce", "complaint", "owner")
LONGEST_DETAIL = 500  # characters


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address is left alone, and since when; `detail` is what its mail server said."""

    reason: str
    detail: str
    at: datetime


def add(session: Session, address: str, reason: str, *, now: datetime, detail: str = "") -> bool:
    """Leave an address alone from now on; False when it is already, and then the first reason stays."""
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is no reason to leave an address alone: one of {', '.join(REASONS)}")
    name = _digest(address)
    if session.get(SuppressionRow, name) is not None:
        return False
    session.add(SuppressionRow(address=name, reason=reason, detail=detail[:LONGEST_DETAIL], at=now))
    session.flush()
    return True


def lift(session: Session, address: str) -> bool:
    """Write to an address again, whatever came back from it until now; False when it was not left alone."""
    found = session.get(SuppressionRow, _digest(address))
    if found is None:
        return False
    bounced.forgive(session, address)
    session.execute(delete(SuppressionRow).where(SuppressionRow.address == found.address))
    session.expunge(found)
    return True


def among(session: Session, addresses: Iterable[str]) -> dict[str, Suppression]:
    """Return those of the addresses that are left alone, with the reason."""
    by_digest = {_digest(address): address for address in addresses}
    names, found = list(by_digest), dict[str, Suppression]()
    for start in range(0, len(names), BATCH):
        query = select(SuppressionRow).where(SuppressionRow.address.in_(names[start : start + BATCH]))
        for row in session.scalars(query):
            found[by_digest[row.address]] = Suppression(row.reason, row.detail, row.at)
    return found


def count(session: Session) -> int:
    """Return how many addresses are left alone."""
    return session.scalar(select(func.count()).select_from(SuppressionRow)) or 0


def _digest(address: str) -> str:
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()

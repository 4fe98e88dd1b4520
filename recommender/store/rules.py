"""A session and a reader in, their rules out: what they must see and never see, added, ended, and proposed ones dismissed.

A rule that has ended keeps its row: an earlier page can be made again as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select

from recommender.errors import StoreError
from recommender.store import lasting
from recommender.store.db import LARGEST, Session
from recommender.store.tables_reader import RuleRow
from recommender.types import Rule

__all__ = ["ACTIONS", "FIELDS", "MOST", "active", "active_each", "add", "dismiss", "dismissed", "end", "find", "get"]

ACTIONS = ("must", "never")
FIELDS = ("author", "organization", "category", "phrase", "words", "like")
MOST = 500  # rules of one reader
LONGEST = 300  # characters of a value
_T = RuleRow.__table__.c
_ACTIVE = (  # made once: every page asks
    select(*_T).where(_T.reader_id.in_(bindparam("readers", expanding=True)), _T.state == "active").order_by(_T.id)
)


def active(session: Session, reader_id: int, *, as_of: datetime | None = None) -> list[Rule]:
    """Return the rules that hold (at a moment, when one is named), oldest first."""
    return active_each(session, [reader_id], as_of=as_of)[reader_id]


def active_each(session: Session, reader_ids: Sequence[int], *, as_of: datetime | None = None) -> dict[int, list[Rule]]:
    """Return the same for several readers, at most `BATCH` of them."""
    rows = session.execute(_ACTIVE, {"readers": reader_ids})
    found = lasting.by_reader(rows, reader_ids, ended="ended_at", as_of=as_of)
    return {reader_id: [_value(row) for row in own] for reader_id, own in found.items()}


def add(session: Session, reader_id: int, action: str, field: str, value: str, *, now: datetime, interest: int = 0) -> Rule:
    """Add a rule; the same one twice is one, and its opposite ends.

    Raises
    ------
    StoreError
        If it is not a rule, its value is empty or too long, or there are too many.
    """
    value = " ".join(value.split())
    if action not in ACTIONS or field not in FIELDS:
        raise StoreError(f"a rule is one of {', '.join(ACTIONS)} and about one of {', '.join(FIELDS)}")
    if not value or len(value) > LONGEST:
        raise StoreError(f"a rule needs a value of at most {LONGEST} characters")
    known = active(session, reader_id)
    for rule in known:
        if (rule.field, rule.value.casefold(), rule.interest) == (field, value.casefold(), interest):
            if rule.action == action:
                return rule
            end(session, reader_id, rule.id, now=now)
    if len(known) >= MOST:
        raise StoreError(f"there can be {MOST} rules: end some first")
    row = RuleRow(
        reader_id=reader_id, interest_id=interest, action=action, field=field, value=value, state="active", created_at=now
    )
    session.add(row)
    session.flush()
    return _value(row)


def end(session: Session, reader_id: int, rule_id: int, *, now: datetime) -> bool:
    """End a rule of this reader; False when there is none of that number that holds."""
    row = session.get(RuleRow, rule_id) if 0 < rule_id <= LARGEST else None
    if row is None or row.reader_id != reader_id or row.state != "active" or row.ended_at is not None:
        return False
    row.ended_at = now
    session.flush()
    return True


def get(session: Session, reader_id: int, rule_id: int) -> Rule | None:
    """Return a rule of this reader, also one that has ended, or None."""
    row = session.get(RuleRow, rule_id) if 0 < rule_id <= LARGEST else None
    return _value(row) if row is not None and row.reader_id == reader_id and row.state == "active" else None


def find(session: Session, reader_id: int, action: str, field: str, value: str) -> Rule | None:
    """Return the rule that says this everywhere, or None: whether an author is followed."""
    wanted = (action, field, " ".join(value.split()).casefold(), 0)
    known = active(session, reader_id)
    return next((r for r in known if (r.action, r.field, r.value.casefold(), r.interest) == wanted), None)


def dismiss(session: Session, reader_id: int, action: str, field: str, value: str, *, now: datetime) -> None:
    """Remember that a proposed rule is not wanted."""
    if (action, field, value) not in dismissed(session, reader_id):
        session.add(
            RuleRow(
                reader_id=reader_id, interest_id=0, action=action, field=field, value=value, state="dismissed", created_at=now
            )
        )
        session.flush()


def dismissed(session: Session, reader_id: int) -> set[tuple[str, str, str]]:
    """Return (action, field, value) of the proposed rules that were not wanted."""
    query = select(RuleRow).where(RuleRow.reader_id == reader_id, RuleRow.state == "dismissed")
    return {(row.action, row.field, row.value) for row in session.scalars(query)}


def _value(row: RuleRow | Row[Any]) -> Rule:
    return Rule(row.action, row.field, row.value, row.interest_id, row.id)

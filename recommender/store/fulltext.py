"""A session and words in, what the full-text index says out: FTS5 on SQLite, a tsvector on PostgreSQL, and nobody else knows which.

SQLite weighs by BM25, PostgreSQL by `ts_rank`. Every word is quoted for the database it goes to: none of its signs means anything
there. A word of the title counts more than an author's name, and that more than a word of the abstract.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, column, func, literal, literal_column, select, table

from recommender.store.db import Session
from recommender.store.papers import BATCH
from recommender.store.tables import PaperRow
from recommender.store.wording import Term, Wording

__all__ = ["CLOSE", "OPEN", "holding", "marked", "ranked"]

OPEN, CLOSE = "\x02", "\x03"  # around a found word: signs that no stored text holds
_WORDS_AROUND = 28
_BM25 = "bm25(search_index, 6.0, 1.0, 3.0)"  # title, abstract, authors
_WEIGHTS = "'{0.15, 0.15, 0.5, 1.0}'::float4[]"  # D abstract, C unused, B authors, A title
_INDEX = table("search_index")
_NUMBERS = table("search_numbers", column("number"), column("paper_id"))
_WORDS = table("search_words", column("paper_id"), column("words"))


def ranked(
    session: Session,
    wording: Wording,
    *,
    any_word: bool = False,
    limit: int,
    where: Sequence[ColumnElement[bool]] | None = None,
) -> list[str]:
    """Return the ids of the papers that hold all (or any) of the words, best first.

    Parameters
    ----------
    session : Session
    wording : Wording
    any_word : bool, default=False
    limit : int
    where : sequence of conditions on papers, default=None
        None asks the index alone, which is several times as fast where a word is common.
    """
    if _is_sqlite(session):
        weight: ColumnElement[float] = literal_column(_BM25)  # the smaller, the better
        number: ColumnElement[int] = literal_column("search_index.rowid")
        query: Select[Any] = select(number).select_from(_INDEX).where(_in_fts5(wording, any_word)).order_by(weight)
        named = _NUMBERS.c.paper_id
        if where is None:
            return _by_number(session, session.scalars(query.limit(limit)).all())
        query = query.with_only_columns(named).join(_NUMBERS, _NUMBERS.c.number == number)
    else:
        asked, named = _tsquery(wording, any_word), _WORDS.c.paper_id
        weight = func.ts_rank(literal_column(_WEIGHTS), _WORDS.c.words, asked, 1)
        query = select(named).where(_WORDS.c.words.op("@@")(asked)).order_by(weight.desc(), named.desc())
    if where is not None:
        query = query.join(PaperRow, PaperRow.id == named).where(*where)
    return list(session.scalars(query.limit(limit)))


def holding(session: Session, terms: Sequence[Term], ids: Sequence[str]) -> set[str]:
    """Return those of the papers that hold one of the words."""
    if not terms or not ids:
        return set()
    asked = Wording(tuple(terms))
    if _is_sqlite(session):
        numbers = _numbers(session, ids)
        rowid: ColumnElement[int] = literal_column("search_index.rowid")
        query: Select[Any] = select(rowid).select_from(_INDEX).where(_in_fts5(asked, any_word=True), rowid.in_(numbers))
        return {numbers[number] for number in session.scalars(query)}
    found = _WORDS.c.words.op("@@")(_tsquery(asked, any_word=True))
    return set(session.scalars(select(_WORDS.c.paper_id).where(found, _WORDS.c.paper_id.in_(ids))))


def marked(session: Session, wording: Wording, ids: Sequence[str]) -> dict[str, str]:
    """Return a piece of each paper's abstract, with signs around the words that were looked for where it holds any."""
    wanted = Wording(wording.wanted)
    if not wanted.wanted or not ids:
        return {}
    if _is_sqlite(session):
        numbers = _numbers(session, ids)
        rowid: ColumnElement[int] = literal_column("search_index.rowid")
        around = func.snippet(literal_column("search_index"), 1, OPEN, CLOSE, "…", _WORDS_AROUND)
        query: Select[Any] = select(rowid, around).select_from(_INDEX).where(_in_fts5(wanted, any_word=True), rowid.in_(numbers))
        return {numbers[row[0]]: row[1] or "" for row in session.execute(query)}
    marks = f'StartSel="{OPEN}", StopSel="{CLOSE}", MaxFragments=1, MaxWords={_WORDS_AROUND}, MinWords={_WORDS_AROUND // 2}'
    around = func.ts_headline(_english(), PaperRow.abstract, _tsquery(wanted, any_word=True), marks)
    return {row[0]: row[1] for row in session.execute(select(PaperRow.id, around).where(PaperRow.id.in_(ids)))}


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _numbers(session: Session, ids: Sequence[str]) -> dict[int, str]:
    """Under which numbers FTS5 knows these papers."""
    query = select(_NUMBERS.c.number, _NUMBERS.c.paper_id).where(_NUMBERS.c.paper_id.in_(ids))
    return {row[0]: row[1] for row in session.execute(query)}


def _by_number(session: Session, numbers: Sequence[int]) -> list[str]:
    named: dict[int, str] = {}
    for start in range(0, len(numbers), BATCH):
        query = select(_NUMBERS.c.number, _NUMBERS.c.paper_id).where(_NUMBERS.c.number.in_(numbers[start : start + BATCH]))
        named.update((row[0], row[1]) for row in session.execute(query))
    return [named[number] for number in numbers]


def _in_fts5(wording: Wording, any_word: bool) -> ColumnElement[bool]:
    wanted = (" OR " if any_word else " AND ").join(_quoted(term) for term in wording.wanted)
    unwanted = "".join(f" NOT {_quoted(term)}" for term in wording.unwanted)
    matches: ColumnElement[bool] = literal_column("search_index").op("MATCH")(literal(f"({wanted}){unwanted}", Text))
    return matches


def _quoted(term: Term) -> str:
    """One string of FTS5: the words in it stand together, and nothing in it is an operator."""
    return '"' + term.text.replace('"', " ") + '"' + (" *" if term.begins else "")


def _tsquery(wording: Wording, any_word: bool) -> Any:
    wanted = [_lexemes(term) for term in wording.wanted]
    both = reduce(lambda left, right: left.op("||" if any_word else "&&")(right), wanted)
    return reduce(lambda left, right: left.op("&&")(func.tsquery_not(right)), (_lexemes(term) for term in wording.unwanted), both)


def _lexemes(term: Term) -> Any:
    plain = func.broadsheet_plain(literal(term.text, Text))
    if term.begins:  # the plain text holds neither a quotation mark nor a backslash
        return func.to_tsquery(_english(), func.concat("'", plain, "':*"))
    return func.phraseto_tsquery(_english(), plain)


def _english() -> ColumnElement[Any]:
    return literal_column("'english'::regconfig")

"""Which language a reader is spoken to in, and that every sentence the pages and the ranking can say is there in each of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask

from recommender.store import accounts, readers
from recommender.store.db import Database
from recommender.store.readers import Reader
from recommender.types import Reason
from web import words
from web.words import COUNTS, LANGUAGES, REASONS, count_words, day_words, moment_words, number_words, reason_words, speaking

ROOT = Path(words.__file__).parents[1]
DAY = date(2026, 5, 9)
HOLE = re.compile(r"%\(\w+\)[sd]|%s|%d")
FOREIGN = [language for language in LANGUAGES if language != "en"]


def test_english_is_written_as_in_britain() -> None:
    assert day_words(DAY, date(2026, 1, 1)) == "9 May"
    assert day_words(DAY, date(2027, 1, 1)) == day_words(DAY) == "9 May 2026"
    assert moment_words(datetime(2026, 5, 9, 7, 5, tzinfo=UTC)) == "9 May 2026, 07:05 UTC"
    assert moment_words(None) == "never"
    assert number_words(1234567) == "1,234,567"


def test_another_language_is_spoken_outside_a_request_when_asked_for() -> None:
    with speaking("de"):
        assert day_words(DAY, date(2026, 1, 1)) == "9. Mai"
        assert day_words(DAY) == "9. Mai 2026"
        assert words.weekday_words(DAY) == "Samstag"
        assert number_words(1234.5) == "1.234,5"
        assert words.and_words(["A", "B", "C"]) == "A, B und C"
        assert count_words(1, "paper") == "1 Artikel"
        assert reason_words(Reason.of("recent", "New in %s", "cs.LG")) == "Neu in cs.LG"
        assert words.direction() == "ltr"
    assert day_words(DAY) == "9 May 2026"
    with speaking("xx"):
        assert day_words(DAY) == "9 May 2026"


def test_who_speaks_for_a_while_speaks_as_before_afterwards() -> None:
    with speaking("de"):
        with suppress(InterruptedError), speaking("en"):
            assert (count_words(2, "paper"), words.spoken()) == ("2 papers", "en")
            raise InterruptedError
        assert (count_words(2, "paper"), words.spoken()) == ("2 Artikel", "de")
    assert (count_words(2, "paper"), words.spoken()) == ("2 papers", "en")


@pytest.mark.parametrize(
    ("locale", "asked", "expected"),
    [
        ("de", "", "de"),
        ("de", "en", "de"),
        ("", "de-AT, en;q=0.5", "de"),
        ("", "fr, xx", "en"),
        ("", "", "en"),
        ("xx", "de", "de"),
    ],
)
def test_the_readers_choice_comes_before_the_browsers(
    database: Database, sign_in: Any, alice: Reader, locale: str, asked: str, expected: str
) -> None:
    with database.write() as session:
        accounts.choose(session, alice.id, locale=locale, votes_public=False, notices={}, announce=())
    page = sign_in(alice).get("/keyboard", headers={"Accept-Language": asked} if asked else {})
    assert f'<html lang="{expected}" dir="ltr">' in page.get_data(as_text=True)


def test_an_error_page_has_a_language_when_the_database_is_gone(
    app: Flask, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recommender.errors import StoreError

    def gone(*_args: object, **_kwargs: object) -> None:
        raise StoreError("the database does not answer")

    monkeypatch.setattr(readers, "reader_of_session", gone)
    page = signed_in.get("/keyboard")
    assert page.status_code == 503
    assert '<html lang="en" dir="ltr">' in page.get_data(as_text=True)


def test_the_names_of_a_reason_stay_as_they_are() -> None:
    assert (
        reason_words(Reason.of("similar", "Close to “%s”, which you liked", "100 % of <b>"))
        == "Close to “100 % of <b>”, which you liked"
    )
    assert reason_words(Reason("old", "a sentence of long ago")) == "a sentence of long ago"
    assert reason_words(Reason("odd", "told", None, "%s and %s", ("one",))) == "told"


def reason_templates() -> Iterator[str]:
    """Every sentence the ranking gives as a reason, as a pattern: what it puts together itself is a gap."""
    for path in sorted((ROOT / "recommender").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Reason.of":
                        yield from _choices(node.args[1], function)


def _choices(node: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    if isinstance(node, ast.Name):  # whatever the function holds that could be it
        parts = {id(part) for inner in ast.walk(function) if isinstance(inner, ast.JoinedStr) for part in inner.values}
        for inner in ast.walk(function):
            whole = isinstance(inner, ast.Constant) and "%s" in str(inner.value) and id(inner) not in parts
            if isinstance(inner, ast.JoinedStr) or whole:
                yield from _choices(inner, function)
    elif isinstance(node, ast.IfExp):
        yield from _choices(node.body, function)
        yield from _choices(node.orelse, function)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values)
    else:
        assert isinstance(node, ast.Constant), f"{ast.unparse(node)} is no sentence that can be found"
        yield re.escape(str(node.value))


def test_every_reason_of_the_ranking_is_known_to_the_catalogues() -> None:
    extracted = {message for message, _ in said() if isinstance(message, str)}
    patterns = set(reason_templates())
    assert len(patterns) > 12
    assert [one for one in patterns if not any(re.fullmatch(one, sentence) for sentence in extracted)] == []
    assert [str(one) for one in REASONS if not any(re.fullmatch(pattern, str(one)) for pattern in patterns)] == []


def test_every_noun_that_is_counted_is_known() -> None:
    found = set()
    for path in [*(ROOT / "web").glob("*.py"), *(ROOT / "web/templates").rglob("*.*")]:
        text = path.read_text(encoding="utf-8")
        found.update(re.findall(r"\|\s*count\(['\"]([^'\"]+)['\"]\)", text))
        found.update(re.findall(r"count_words\([^)\"']+,\s*\"([^\"]+)\"\)", text))
    assert len(found) > 5
    assert found - set(COUNTS) == set()
    for noun in COUNTS:
        assert count_words(2, noun).startswith("2 ")
        assert count_words(1, noun) == f"1 {noun}"


def said() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Every sentence that the code and the templates can say."""
    import tomllib

    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(pattern, one["method"]) for one in mappings for pattern in one["pattern"]]
    options = {
        pattern: {k: v for k, v in one.items() if isinstance(v, str) and k != "method"}
        for one in mappings
        for pattern in one["pattern"]
    }
    from babel.messages.extract import DEFAULT_KEYWORDS

    keywords = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
    for path, _line, message, _comments, _context in extract_from_dir(ROOT, methods, options, keywords=keywords):
        yield message, path


def catalogue(language: str) -> Catalog:
    with (ROOT / f"web/translations/{language}/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@pytest.mark.parametrize("language", FOREIGN)
def test_every_sentence_is_there_in_every_language(language: str) -> None:
    there = catalogue(language)
    missing = {}
    for message, path in said():
        entry = there.get(message[0] if isinstance(message, tuple) else message)
        told = [] if entry is None else [entry.string] if isinstance(entry.string, str) else list(entry.string)
        if not told or not all(told) or (entry is not None and entry.fuzzy):
            missing[message] = path
    assert missing == {}, f"{len(missing)} of them: run `make translations` and write what is new"


@pytest.mark.parametrize("language", FOREIGN)
def test_a_translation_keeps_the_gaps_and_says_nothing_that_is_gone(language: str) -> None:
    there = catalogue(language)
    english = {message[0] if isinstance(message, tuple) else message for message, _ in said()}
    for entry in there:
        if not entry.id:
            continue
        identity = entry.id if isinstance(entry.id, str) else entry.id[0]
        assert identity in english, f"{identity!r} is said no more: run `make translations`"
        _same_gaps(entry)


def _same_gaps(entry: Message) -> None:
    if isinstance(entry.id, str):
        if entry.string:
            assert sorted(HOLE.findall(entry.id)) == sorted(HOLE.findall(str(entry.string))), entry.id
            assert entry.id.count("<") == str(entry.string).count("<"), entry.id
        return
    allowed = set(HOLE.findall(entry.id[0])) | set(HOLE.findall(entry.id[1]))
    for told in entry.string:
        if told:
            assert set(HOLE.findall(told)) <= allowed, entry.id
            assert (
                set(HOLE.findall(entry.id[1])) - {"%(num)s", "%(num)d"} <= set(HOLE.findall(told)) or entry.id[0] == entry.id[1]
            ), entry.id


@pytest.mark.parametrize("language", FOREIGN)
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    with (ROOT / f"web/translations/{language}/LC_MESSAGES/messages.mo").open("rb") as file:
        compiled = read_mo(file)
    written = {_english(entry): list(entry.string) for entry in catalogue(language) if entry.id and all(entry.string)}
    assert {_english(entry): list(entry.string) for entry in compiled if entry.id} == written, "run `make translations`"


def _english(entry: Message) -> str:
    return entry.id if isinstance(entry.id, str) else entry.id[0]

"""Nothing in; templates, addresses and statements compiled once for all tests of a process out: most of what a new house costs.

Each test has an application and a database of its own. What is shared between them is code only, named by all that it was compiled
from: a template by its file and its text, an address by its rule, a statement by its form and the kind of database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

__all__ = ["_compiled_once"]


class _Templates(BytecodeCache):
    """The code of templates, in memory."""

    def __init__(self) -> None:
        self.code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self.code[bucket.key, bucket.checksum] = bucket.code


def _addresses() -> Callable[[Rule, bool], Callable[..., tuple[str, str]]]:
    """Return what writes the function that builds a rule's addresses, once for each rule; it finds the rule's converters on the rule."""
    write = Rule._compile_builder
    written: dict[object, Callable[..., tuple[str, str]]] = {}

    def builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # their text is written into the function
            return write(rule, append_unknown)
        key = (rule.rule, *rule._trace, append_unknown)
        if key not in written:
            written[key] = write(rule, append_unknown)
        return written[key]

    return builder


def _same_kind(one: DefaultDialect, other: object) -> bool:
    """Whether what was compiled for one database does for the other: here all of a kind are of one version."""
    return type(one) is type(other)


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        options: dict[str, Any] = {**Flask.jinja_options, "bytecode_cache": _Templates()}
        patch.setattr(Flask, "jinja_options", options)
        patch.setattr(Rule, "_compile_builder", _addresses())
        statements: LRUCache[Any, Any] = LRUCache(5000)
        patch.setattr(Engine, "_compiled_cache", property(lambda _engine: statements, lambda _engine, _own: None), raising=False)
        patch.setattr(DefaultDialect, "__eq__", _same_kind)  # a statement is looked up by its dialect too
        patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
        yield

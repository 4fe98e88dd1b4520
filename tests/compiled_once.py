"""Nothing in, templates and addresses compiled once for all applications of a process out: compiling is most of what a new one costs.

Each test has an application of its own. What is shared between them is code only, named by all that it was compiled from: a template
by its file and its text, an address by its rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
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


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        options: dict[str, Any] = {**Flask.jinja_options, "bytecode_cache": _Templates()}
        patch.setattr(Flask, "jinja_options", options)
        patch.setattr(Rule, "_compile_builder", _addresses())
        yield

"""The source tree in, its shape checked: who imports whom, how long a file is, what it is called and what it says it does."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("recommender", "training", "web")
SOURCES = sorted(path for package in (*PACKAGES, "migrations") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
ROOMS = [path.parent for path in SOURCES if path.name == "__init__.py"]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools", "base", "core"}
LONGEST = 400
CONTRACTS = len(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"])
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lint(folder: Path) -> str:
    """Run the import contracts on the packages of a folder; return what it printed, one contract a line."""
    wide = {"PATH": os.environ["PATH"], "COLUMNS": "400"}
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True, check=False).stdout


def broken(printed: str) -> list[str]:
    """Return the names of the contracts that did not hold."""
    return [line.removesuffix(" BROKEN") for line in printed.splitlines() if line.endswith(" BROKEN")]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree without its data files, to plant imports in."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static", "templates"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def planted(copy: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The copy with one line added to one file, which is restored (or removed) afterwards."""
    name, line = request.param
    path = copy / name
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    yield copy
    if before is None:
        path.unlink()
    else:
        path.write_text(before, encoding="utf-8")


def test_all_import_contracts_are_kept(copy: Path) -> None:
    printed = lint(copy)
    assert broken(printed) == []
    assert f"{CONTRACTS} kept, 0 broken" in printed


@pytest.mark.parametrize(
    ("planted", "contract"),
    [
        (("recommender/daily.py", "import flask"), "live without the web stack"),
        (("training/metrics.py", "import click"), "live without the web stack"),
        (("training/fit.py", "from web import links"), "Three floors"),
        (("recommender/embed.py", "from training import split"), "Three floors"),
        (("recommender/rank/page.py", "from recommender.store import papers"), "two joints over four rooms"),
        (("recommender/store/pages.py", "from recommender.rank import page"), "two joints over four rooms"),
        (("recommender/daily.py", "from recommender import ingest"), "two joints over four rooms"),
        (("recommender/utils.py", '"""Nothing in, nothing out."""'), "two joints over four rooms"),
        (("recommender/rank/features.py", "from recommender.rank import model"), "later stages see earlier ones"),
        (("recommender/rank/rerank.py", "from recommender.rank import explain"), "later stages see earlier ones"),
        (("recommender/rank/terms.py", "import httpx2"), "rank is pure"),
        (("training/split.py", "from training import dataset"), "retrain over evaluate"),
        (("web/app.py", "from web import jobs"), "command line, then clock"),
        (("web/today.py", "from training import labels"), "Only web.jobs imports training"),
        (("web/feedback.py", "from recommender import embed"), "A request never reaches"),
        (("web/paper.py", "from recommender.sources import fetch"), "A request never reaches"),
        (("web/today.py", "import sqlalchemy"), "Only store imports SQLAlchemy"),
        (("recommender/daily.py", "from sqlalchemy import select"), "Only store imports SQLAlchemy"),
    ],
    indirect=["planted"],
    ids=lambda value: value[0] + ": " + value[1] if isinstance(value, tuple) else "",
)
def test_a_planted_import_is_caught(planted: Path, contract: str) -> None:
    assert contract in " | ".join(broken(lint(planted)))


def test_only_store_imports_sqlalchemy() -> None:
    """Word for word, in every file: also where a contract names no module."""
    importers = {name_of(path) for path in SOURCES if "sqlalchemy" in imported(path)}
    assert all(name.startswith(("recommender/store/", "migrations/")) for name in importers), importers


def imported(path: Path) -> set[str]:
    """Return the top-level packages a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_nothing_is_imported_relatively() -> None:
    for path in SOURCES:
        assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree(path))), name_of(path)


def test_no_pickle() -> None:
    for path in SOURCES:
        assert not imported(path) & {"pickle", "cloudpickle", "joblib", "shelve", "marshal", "dill"}, name_of(path)


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_no_file_is_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: split it"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_no_file_is_called_after_nothing(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_says_what_it_does_in_one_line(path: Path) -> None:
    first = (ast.get_docstring(tree(path)) or "").partition("\n")[0]
    assert len(first) > 20
    assert first.endswith((".", "?", ":"))
    if path.name != "__init__.py" and "versions" not in path.parts:
        flows = ("->", " in, ", " in:", "DOOR", "JOINT")
        assert any(sign in first for sign in flows), f"say what goes in and what comes out: {first!r}"


@pytest.mark.parametrize("path", [path for path in SOURCES if "migrations" not in path.parts], ids=name_of)
def test_exported_names_are_sorted_and_there(path: Path) -> None:
    exported = declared(path)
    if exported is None:
        assert path.name in ("__init__.py", "__main__.py"), "a module names what is public in __all__"
        return
    assert exported == sorted(exported, key=isort_key)
    assert len(exported) == len(set(exported))
    if path.name != "__main__.py":
        module = importlib.import_module(module_of(path))
        assert not [name for name in exported if not hasattr(module, name)]


def declared(path: Path) -> list[str] | None:
    """Return a file's __all__ as written."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            found: list[str] = ast.literal_eval(node.value)
            return found
    return None


def isort_key(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("path", [path for path in SOURCES if "migrations" not in path.parts], ids=name_of)
def test_input_is_never_checked_by_assert(path: Path) -> None:
    """`python -O` leaves assertions out; one that only narrows a type (`is not None`, `isinstance`) may stay."""
    asserts = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Assert)]
    judging = [f"line {node.lineno}: {ast.unparse(node)}" for node in asserts if not narrows(node.test)]
    assert not judging


def narrows(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare):
        return all(isinstance(op, ast.Is | ast.IsNot) for op in test.ops)
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id in ("isinstance", "callable")


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_package_says_what_it_is_for(room: Path) -> None:
    assert ast.get_docstring(tree(room / "__init__.py"))

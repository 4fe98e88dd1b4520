"""README.md and the rooms' READMEs in, what they leave out: everything that can be set, asked for or looked up is written down."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from recommender.rank.features import FEATURES
from recommender.settings import fields
from recommender.types import EventKind
from web.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ROOMS = ("recommender", "recommender/sources", "recommender/store", "recommender/rank", "training", "web", "migrations", "tests")
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in ("recommender", "training", "web", "migrations")
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_the_generated_parts_are_up_to_date() -> None:
    """`cog -r README.md` makes them again."""
    command = [sys.executable, "-m", "cogapp", "--check", "README.md"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, (result.stdout + result.stderr)[-1500:]


@pytest.mark.parametrize("module", MODULES)
def test_the_map_has_every_module_with_what_it_does(readme: str, module: str) -> None:
    first = (ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8"))) or "").splitlines()[0]
    assert f"| `{module}` | {first.replace('|', chr(92) + '|')} |" in readme


@pytest.mark.parametrize(("variable", "default", "meaning"), fields())
def test_every_setting_is_in_the_table(readme: str, variable: str, default: str, meaning: str) -> None:
    [row] = re.findall(rf"^\| `{variable}` \|.*$", readme, flags=re.MULTILINE)
    assert meaning
    assert meaning in row
    assert default in row


def test_no_setting_is_written_down_that_does_not_exist(readme: str) -> None:
    known = {variable for variable, _, _ in fields()}
    assert set(re.findall(r"^\| `(BROADSHEET_\w+)` \|", readme, flags=re.MULTILINE)) == known


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_listed_with_its_meaning(readme: str, name: str) -> None:
    assert f"| `{name}` | {FEATURES[name][1]} |" in readme


@pytest.mark.parametrize("kind", EventKind)
def test_every_gesture_is_listed(readme: str, kind: EventKind) -> None:
    assert f"| `{kind}` |" in readme


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_listed_and_explains_itself(readme: str, command: str) -> None:
    assert re.search(rf"^  {re.escape(command)} ", readme, flags=re.MULTILINE)
    found = main.commands[command]
    assert found.help
    assert all(option.help for option in found.params if isinstance(option, click.Option) and not option.hidden)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_may_be_in_it_and_what_was_decided(room: str) -> None:
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text.splitlines()) <= 40
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", text), "decisions carry their date"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", README.read_text(encoding="utf-8")))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link.partition("#")[0]).exists()


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", *(f"{room}/README.md" for room in ROOMS)])
def test_named_files_and_commands_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9]+)", text)) <= targets
    assert set(re.findall(r"`broadsheet ([a-z]+)", text)) <= set(main.commands)

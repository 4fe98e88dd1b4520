"""Steps of long work: bars on a terminal, few plain lines elsewhere."""

import io

from rich.console import Console

from web.progress import Steps


def shown(steps: list[tuple[str, int, int | None]], *, terminal: bool) -> str:
    stream = io.StringIO()
    with Steps(Console(file=stream, force_terminal=terminal, width=100)) as progress:
        for stage, done, total in steps:
            progress(stage, done, total)
    return stream.getvalue()


def test_plain_lines_are_few() -> None:
    lines = shown([("read", done, 1000) for done in range(0, 1001, 8)], terminal=False).splitlines()
    assert lines[0] == "Reading papers: 0 of 1,000"
    assert lines[-1] == "Reading papers: 1,000 of 1,000"
    assert len(lines) == 11


def test_a_terminal_gets_a_bar_with_what_is_done() -> None:
    text = shown([("read", 0, 50), ("read", 50, 50), ("judging", 0, None)], terminal=True)
    assert "Reading papers" in text
    assert "50/50" in text
    assert "Judging" in text


def test_nothing_to_do_is_not_worth_a_line() -> None:
    assert shown([("read", 0, 0)], terminal=False) == ""
    assert shown([], terminal=False) == ""

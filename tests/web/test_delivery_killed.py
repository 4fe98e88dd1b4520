"""The clock is killed in the middle of sending: nobody gets two digests, everybody who can be written to gets one, and the ledger knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from post_killed import check, live_through


@pytest.mark.timeout(280)
def test_a_clock_that_is_killed_again_and_again(tmp_path: Path) -> None:
    story = live_through(tmp_path / "home", people=90, killings=3, seed=5)
    assert story.killed == 3
    check(story, 90)

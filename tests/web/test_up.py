"""Which edition opens, and processes that live and end together."""

import itertools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import NOW, fill, make_edition

from recommender.errors import BroadsheetError
from recommender.settings import Settings, load
from recommender.store import schema
from recommender.store.db import Database, open_database
from web import up
from web.up import Family, decide, has_papers, standing


@pytest.mark.parametrize(
    ("wanted", "stored", "fixed", "reachable", "opens"),
    [
        ("real", False, False, False, "real"),
        ("sample", True, True, True, "sample"),
        ("auto", True, False, False, "real"),  # off-line, with papers: they are still there to be read
        ("auto", False, False, True, "real"),
        ("auto", False, False, False, "sample"),
        ("auto", False, True, False, "real"),  # a database that was named never gets invented papers
        ("auto", True, True, True, "real"),
    ],
)
def test_which_edition_opens(wanted: str, stored: bool, fixed: bool, reachable: bool, opens: str) -> None:
    assert decide(wanted, stored=stored, fixed=fixed, reachable=lambda: reachable) == opens


def test_the_sources_are_only_tried_when_it_matters() -> None:
    def asked() -> bool:
        raise AssertionError("nobody wanted to know")

    for wanted, stored, fixed in itertools.product(("auto", "real", "sample"), (True, False), (True, False)):
        if wanted != "auto" or stored or fixed:
            decide(wanted, stored=stored, fixed=fixed, reachable=asked)


def make(settings: Settings, *, papers: bool) -> None:
    settings.folder.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.url)
    schema.upgrade(database)
    if papers:
        fill(database, settings, make_edition(per_topic=1))
    database.close()


def test_the_edition_that_is_there(tmp_path: Path) -> None:
    auto = load({}, home=tmp_path / "home", embed={"model": "hashing"})
    real, sample = (auto.model_copy(update={"edition": edition}) for edition in ("real", "sample"))
    assert standing(auto).edition == "real"
    assert not auto.folder.exists()  # looking made nothing
    make(sample, papers=True)
    assert standing(auto).edition == "sample"
    assert standing(real).edition == "real"
    make(real, papers=False)
    assert standing(auto).edition == "sample"
    make(real, papers=True)
    assert standing(auto).edition == "real"
    assert standing(sample).edition == "sample"
    assert has_papers(auto)


def test_sources_that_cannot_be_reached_are_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said: list[str] = []
    nowhere = {"arxiv_feed_url": f"http://127.0.0.1:{port}", "huggingface_url": f"http://127.0.0.1:{port}", "min_interval_s": 0}
    sources = settings.sources.model_copy(update=nowhere)
    assert not up._reachable(settings.model_copy(update={"sources": sources}), said.append)
    assert said == ["None of the sources can be reached from here (arxiv, huggingface)."]


# What `up` does, with stand-ins for its children: they write down what they were told and do as they are bid.

CHILD = """
import os, pathlib, signal, sys, time
name, home = sys.argv[1], pathlib.Path(os.environ["BROADSHEET_HOME"])
with (home / "told").open("a") as file:
    file.write(f"{name} {os.environ['BROADSHEET_EDITION']} {os.environ['BROADSHEET_WEB__PORT']}\\n")
if name == "ingest":
    sys.exit(int(os.environ.get("INGEST_ENDS_WITH", "0")))
if name == os.environ.get("DIES"):
    sys.exit(9)
if name == os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
(home / f"{name}.ready").touch()
while True:
    time.sleep(60)
"""


class House:
    """`up.run` with stand-ins."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.said, self.patch = home, [], monkeypatch
        home.mkdir(parents=True, exist_ok=True)
        program = (sys.executable, "-c", CHILD)
        monkeypatch.setattr(up, "Family", lambda environ: Family(environ, program))
        monkeypatch.setattr(
            up, "_answers", lambda settings: all((home / f"{name}.ready").exists() for name in ("serve", "clock"))
        )
        monkeypatch.setattr(up, "_reachable", lambda settings, say: False)
        self.said: list[str]
        self.hear: Callable[[str], None] = lambda text: None

    def run(self, *, edition: str = "auto", stop: bool = True, **environ: str) -> int:
        settings = load({}, home=self.home, edition=edition, embed={"model": "hashing"}, web={"port": 0})
        own = {**os.environ, "BROADSHEET_HOME": str(self.home), **environ}
        timer = threading.Timer(60, os.kill, (os.getpid(), signal.SIGTERM))  # so that a fault ends the test
        timer.start()

        def say(text: str) -> None:
            self.said.append(text)
            self.hear(text)
            if "Ctrl-C stops it" in text and stop:
                os.kill(os.getpid(), signal.SIGTERM)

        try:
            return up.run(settings, own, clock=lambda: NOW, say=say)
        finally:
            timer.cancel()

    @property
    def told(self) -> list[str]:
        return [" ".join(line.split()[:2]) for line in (self.home / "told").read_text().splitlines()]

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path / "home", monkeypatch)


def test_the_first_start_opens_the_sample_edition_where_no_source_answers(house: House) -> None:
    assert house.run() == 0
    assert house.told[0] == "ingest sample"
    assert sorted(house.told[1:]) == ["clock sample", "serve sample"]
    assert "Opening the sample edition" in house.text
    port = (house.home / "told").read_text().split()[2]
    assert port != "0"
    assert f"Open this link to sign in (it works once, for a day):\n\n    http://127.0.0.1:{port}/signin/" in house.text


def test_later_starts_read_nothing_and_give_the_address(house: House) -> None:
    make(load({}, home=house.home, edition="real", embed={"model": "hashing"}), papers=True)
    house.run()
    house.said.clear()
    for name in ("serve", "clock"):
        (house.home / f"{name}.ready").unlink()
    assert house.run() == 0
    assert "ingest real" not in house.told
    assert "Broadsheet is open at http://127.0.0.1:" in house.text
    assert "/signin/" in house.text


def test_sources_that_answer_but_give_nothing_end_in_the_sample_edition(house: House) -> None:
    house.patch.setattr(up, "_reachable", lambda settings, say: True)
    with pytest.raises(BroadsheetError, match="sample edition could not be made"):
        house.run(INGEST_ENDS_WITH="1")
    assert house.told == ["ingest real", "ingest sample"]
    assert "No source gave any papers." in house.text


def test_who_wants_the_real_edition_waits_for_it(house: House) -> None:
    assert house.run(edition="real", INGEST_ENDS_WITH="1") == 0
    assert "the clock keeps asking" in house.text
    assert sorted(house.told) == ["clock real", "ingest real", "serve real"]


@pytest.mark.parametrize("name", ["serve", "clock"])
def test_when_one_ends_all_end_and_the_exit_code_says_so(house: House, name: str) -> None:
    assert house.run(edition="real", stop=False, DIES=name) == 1
    assert f"The {name} process ended (9); stopping the rest." in house.text


def test_one_that_will_not_end_is_ended(house: House) -> None:
    house.patch.setattr(up, "GRACE_S", 1.0)
    began = time.monotonic()
    assert house.run(edition="real", STUBBORN="clock") == 1
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("pause_s", "hurries"), [(0.05, False), (1.2, True)])
def test_a_second_signal_hurries_unless_it_is_an_echo_of_the_first(house: House, pause_s: float, hurries: bool) -> None:
    house.patch.setattr(up, "GRACE_S", 4.0)
    house.patch.setattr(up, "TELL_AFTER_S", 0.0)
    began: list[float] = []

    def again(text: str) -> None:
        if "Waiting for the job" in text:
            began.append(time.monotonic())
            threading.Timer(pause_s, os.kill, (os.getpid(), signal.SIGTERM)).start()

    house.hear = again
    assert house.run(edition="real", STUBBORN="clock") == 1
    assert (time.monotonic() - began[0] < 3) == hurries


def test_a_taken_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = load({}, home=tmp_path / "home", web={"port": taken.getsockname()[1]})
        with pytest.raises(BroadsheetError, match=r"listens on port \d+ already.*BROADSHEET_WEB__PORT"):
            up.run(settings, os.environ, clock=lambda: NOW, say=print)
    assert not (tmp_path / "home").exists()


def test_it_loads_no_text_encoder(database: Database) -> None:
    import subprocess

    program = "import sys, web.up; sys.exit('torch' in sys.modules or 'sentence_transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

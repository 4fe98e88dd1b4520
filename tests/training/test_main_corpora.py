"""A public corpus on the command line: what is asked of the judge, what comes out, and that no Broadsheet is needed for it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from judged import make_judged

import training
from recommender.errors import BroadsheetError, NotEnoughData
from recommender.settings import Settings
from training.__main__ import CORPORA, main
from training.report import markdown, results, summarise


class Judge(ModuleType):
    """Stands for `training.corpora`: notes what it was asked, and gives the small run or an error."""

    def __init__(self) -> None:
        super().__init__("training.corpora")
        self.asked: list[tuple[Any, ...]] = []
        self.error: Exception | None = None

    def judge(self, name, data, cache, seed, settings, progress):
        self.asked.append((name, data, cache, seed, settings))
        progress("judging", 1, 2)
        progress("judging", 2, 2)
        if self.error is not None:
            raise self.error
        return make_judged(corpus=name, seed=seed)


@pytest.fixture
def judge(monkeypatch) -> Judge:
    fake = Judge()
    monkeypatch.setitem(sys.modules, "training.corpora", fake)
    monkeypatch.setattr(training, "corpora", fake, raising=False)
    return fake


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("BROADSHEET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BROADSHEET_TRAINING__BOOTSTRAP", "100")
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_table_is_printed_and_no_database_is_made(judge, data, tmp_path, capsys, corpus):
    assert main(["evaluate", "--corpus", corpus, "--data", str(data)]) == 0
    printed = capsys.readouterr()
    assert printed.out == markdown(summarise(make_judged(corpus=corpus, seed=2026), samples=100))
    assert "judging" in printed.err
    [(name, asked_data, cache, seed, settings)] = judge.asked
    assert (name, asked_data, seed) == (corpus, data, 2026)
    assert cache == tmp_path / "home" / "corpora" / corpus
    assert cache.is_dir()
    assert isinstance(settings, Settings)
    assert not list(tmp_path.rglob("*.db"))


def test_the_report_is_written_and_gathered_into_results(judge, data, tmp_path, capsys):
    out = tmp_path / "results"
    for corpus in ("hf", "citeulike"):
        assert main(["evaluate", "--corpus", corpus, "--data", str(data), "--out", str(out / corpus), "--seed", "3"]) == 0
    assert {path.name for path in (out / "hf").iterdir()} >= {"report.md", "report.json", "peers.svg", "cache"}
    assert [(cache, seed) for _, _, cache, seed, _ in judge.asked] == [
        (out / "hf" / "cache", 3),
        (out / "citeulike" / "cache", 3),
    ]
    capsys.readouterr()
    assert main(["results", str(out)]) == 0
    written = tmp_path / "RESULTS.md"
    assert capsys.readouterr().out == f"Wrote {written}\n"
    assert written.read_text(encoding="utf-8") == results(out)
    assert "](results/hf/peers.svg)" in written.read_text(encoding="utf-8")


def test_the_cache_and_the_home_may_be_named(judge, data, tmp_path):
    main(["evaluate", "--corpus", "hf", "--data", str(data), "--cache", str(tmp_path / "c"), "--out", str(tmp_path / "o")])
    main(["evaluate", "--corpus", "hf", "--data", str(data), "--home", str(tmp_path / "other")])
    assert [cache for _, _, cache, *_ in judge.asked] == [tmp_path / "c", tmp_path / "other" / "corpora" / "hf"]


def test_a_missing_folder_or_file_is_said_with_what_belongs_there(judge, data, capsys):
    assert main(["evaluate", "--corpus", "screening", "--data", str(data / "none")]) == 1
    assert judge.asked == []
    message = capsys.readouterr().err
    assert f"Error: there is no folder {data / 'none'}: --data names the one that holds records.jsonl.gz" in message
    judge.error = FileNotFoundError(2, "No such file", str(data / "users.jsonl.gz"))
    assert main(["evaluate", "--corpus", "citeulike", "--data", str(data)]) == 1
    assert f"Error: {data / 'users.jsonl.gz'} is missing: {data} must hold items.jsonl.gz and users" in capsys.readouterr().err


def test_a_file_missing_elsewhere_is_not_blamed_on_the_data(judge, data, tmp_path):
    judge.error = FileNotFoundError(2, "No such file", str(tmp_path / "model.bin"))
    with pytest.raises(FileNotFoundError, match=r"model\.bin"):
        main(["evaluate", "--corpus", "citeulike", "--data", str(data)])


@pytest.mark.parametrize(("error", "code"), [(BroadsheetError("damaged"), 1), (NotEnoughData("too few"), 4)])
def test_errors_have_the_codes_they_always_have(judge, data, capsys, error, code):
    judge.error = error
    assert main(["evaluate", "--corpus", "hf", "--data", str(data)]) == code
    assert str(error) in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_before_the_work(judge, data, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["evaluate", "--corpus", "hf", "--data", str(data), "--out", str(tmp_path / "file")]) == 1
    assert "file cannot be made: " in capsys.readouterr().err
    assert judge.asked == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "--corpus", "hf"], "needs --data DIR, the folder of its files: the daily listings"),
        (["evaluate", "--data", "x"], "--data belongs to a corpus"),
        (["evaluate", "--seed", "0"], "--seed belongs to a corpus"),
        (["evaluate", "--corpus", "mnist", "--data", "x"], "invalid choice: 'mnist'"),
        (["results"], "required: DIR"),
    ],
)
def test_options_that_do_not_fit_are_refused(capsys, arguments, says):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert says in capsys.readouterr().err


def test_results_of_nothing_say_what_to_run_first(data, capsys):
    assert main(["results", str(data)]) == 1
    assert "run evaluate --corpus NAME --out" in capsys.readouterr().err


def test_results_that_cannot_be_written_are_said(judge, data, tmp_path, capsys):
    main(["evaluate", "--corpus", "hf", "--data", str(data), "--out", str(tmp_path / "results" / "hf")])
    (tmp_path / "RESULTS.md").mkdir()
    assert main(["results", str(tmp_path / "results")]) == 1
    assert "RESULTS.md cannot be written: " in capsys.readouterr().err

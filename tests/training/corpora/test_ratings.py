"""Rating files as they are published, and every way in which they can be wrong."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from toy_corpora import BROKEN_GZIP, write_lines, write_ratings

from recommender.errors import BroadsheetError
from training.corpora.ratings import Rating, read_ratings

ROW = ("2401.00001", 7, 1, "2024-01-05T10:00:00+00:00")


def text(paper_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": paper_id, "title": f"On {paper_id}", "abstract": "Words."} | changes


def test_ratings_come_oldest_first_with_their_reader_value_and_time(tmp_path: Path) -> None:
    rows = [
        ("2401.00002v3", 8, "-1.0", "2024-01-06T09:30:00+00:00"),
        ("2401.00001", 7, 1, "2024-01-05 10:00:00"),
        ("2401.00001v1", 8, "1", "2024-01-06T00:30:00+02:00"),
    ]
    papers, ratings = read_ratings(write_ratings(tmp_path, rows, [text("2401.00001v2"), text("2401.00002")]))
    assert ratings == [
        Rating(7, "2401.00001", 1, datetime(2024, 1, 5, 10, tzinfo=UTC)),
        Rating(8, "2401.00001", 1, datetime(2024, 1, 5, 22, 30, tzinfo=UTC)),
        Rating(8, "2401.00002", -1, datetime(2024, 1, 6, 9, 30, tzinfo=UTC)),
    ]
    assert ratings[1].at.date() == date(2024, 1, 5)  # days are UTC's, whoever wrote the time
    assert list(papers) == ["2401.00001", "2401.00002"]


def test_a_paper_is_of_the_day_on_which_anybody_first_rated_it(tmp_path: Path) -> None:
    rows = [("2401.00001", 1, 1, "2024-03-09T08:00:00"), ("2401.00001", 2, -1, "2024-03-07T23:00:00")]
    texts = [text("2401.00001", title=" A \n title ", abstract=None, authors=["Ann", "Bo"], categories=["cs.LG", "cs.CL"])]
    [paper] = read_ratings(write_ratings(tmp_path, rows, texts))[0].values()
    assert (paper.id, paper.title, paper.abstract) == ("arxiv:2401.00001", "A title", "")
    assert (paper.authors, paper.categories) == (("Ann", "Bo"), ("cs.LG", "cs.CL"))
    assert (paper.published, paper.edition) == (datetime(2024, 3, 7, 23, tzinfo=UTC), date(2024, 3, 7))


def test_what_has_no_text_or_no_rating_is_left_out(tmp_path: Path) -> None:
    rows = [ROW, ("2401.00009", 7, -1, "2024-01-05T10:01:00")]
    papers, ratings = read_ratings(write_ratings(tmp_path, rows, [text("2401.00005"), text("2401.00001")]))
    assert list(papers) == ["2401.00001"]
    assert [rating.paper_id for rating in ratings] == ["2401.00001"]


def test_an_old_id_keeps_its_letters(tmp_path: Path) -> None:
    rows = [("solv-int/9801001v2", 7, 1, "2024-01-05T10:00:00")]
    assert list(read_ratings(write_ratings(tmp_path, rows, [text("solv-int/9801001")]))[0]) == ["solv-int/9801001"]


def test_more_columns_in_another_order_and_gzipped_texts_will_do(tmp_path: Path) -> None:
    lines = ["time,note,rating,user_id,arxiv_id", "2024-01-05T10:00:00,x,1,7,2401.00001", ""]
    (tmp_path / "rated_papers.csv").write_text("\n".join(lines), encoding="utf-8")
    write_lines(tmp_path / "papers.jsonl.gz", [text("2401.00001")])
    assert read_ratings(tmp_path)[1] == [Rating(7, "2401.00001", 1, datetime(2024, 1, 5, 10, tzinfo=UTC))]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("2401.00001", 7, 0, ROW[3]), "a rating is 1 or -1, not 0"),
        (("2401.00001", 7, 1.5, ROW[3]), "a rating is 1 or -1, not 1.5"),
        (("2401.00001", 7, "inf", ROW[3]), "a rating is 1 or -1, not inf"),
        (("2401.00001", 7, "up", ROW[3]), "'up'"),
        (("2401.00001", 7, 1, "yesterday"), "'yesterday'"),
        (("2401.00001", "ann", 1, ROW[3]), "'ann'"),
        (("2401.00001", 7), "NoneType"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: Any, says: str) -> None:
    folder = write_ratings(tmp_path, [ROW, row, ROW], [text("2401.00001")])
    with pytest.raises(BroadsheetError, match=rf"rated_papers\.csv, line 3: .*{re.escape(says)}"):
        read_ratings(folder)


def test_missing_columns_and_files_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BroadsheetError, match=r"rated_papers\.csv is missing: fetch .* --data"):
        read_ratings(tmp_path)
    (tmp_path / "rated_papers.csv").write_text("arxiv_id,user,rating\n2401.00001,7,1\n", encoding="utf-8")
    with pytest.raises(BroadsheetError, match="has no column user_id, time: it should have arxiv_id, user_id, rating, time"):
        read_ratings(tmp_path)
    write_ratings(tmp_path, [ROW], [])
    with pytest.raises(BroadsheetError, match=r"none of the 1 rated papers has its text in .*papers\.jsonl"):
        read_ratings(tmp_path)
    (tmp_path / "papers.jsonl").unlink()
    with pytest.raises(BroadsheetError, match=r"papers\.jsonl is missing: .* their texts must lie beside them"):
        read_ratings(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"title": "no id"}', "7"])
def test_a_bad_line_of_the_texts_is_named(tmp_path: Path, line: str) -> None:
    write_ratings(tmp_path, [ROW], [text("2401.00001")])
    with (tmp_path / "papers.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(BroadsheetError, match=r"papers\.jsonl, line 2: "):
        read_ratings(tmp_path)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    write_ratings(tmp_path, [ROW], [])
    (tmp_path / "papers.jsonl").unlink()
    whole = write_lines(tmp_path / "papers.jsonl.gz", [text(f"2401.{i:05d}") for i in range(500)]).read_bytes()
    for damaged in (whole[: len(whole) // 2], BROKEN_GZIP, b"no gzip", whole[:-8] + bytes(8)):
        (tmp_path / "papers.jsonl.gz").write_bytes(damaged)
        with pytest.raises(BroadsheetError, match=r"papers\.jsonl\.gz cannot be read .*make it again"):
            read_ratings(tmp_path)
    (tmp_path / "rated_papers.csv").write_bytes(b"arxiv_id,user_id,rating,time\n\xff\xfe,1,1,2024-01-05\n")
    with pytest.raises(BroadsheetError, match=r"rated_papers\.csv cannot be read .*fetch it again"):
        read_ratings(tmp_path)
    (tmp_path / "rated_papers.csv").write_bytes(gzip.compress(b"arxiv_id,user_id,rating,time\n"))
    with pytest.raises(BroadsheetError, match=r"rated_papers\.csv cannot be read"):
        read_ratings(tmp_path)

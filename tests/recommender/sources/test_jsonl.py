import gzip
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from recommender.errors import BadFeed, SourceError
from recommender.sources.jsonl import JsonlReader, read, write
from recommender.types import Paper, Signals

from .conftest import DATA

FILE = DATA / "papers.jsonl"
REAL = Path(__file__).parents[4] / "shared" / "data" / "arxiv_daily" / "papers.jsonl.gz"

FULL = Paper(
    id="arxiv:2601.00001",
    title=r"Every field $\'e$ \& set",
    abstract='Ünïcode, "quotes" and <b>',
    authors=("A", "B & C"),
    categories=("cs.LG", "stat.ML"),
    published=datetime(2026, 1, 4, 17, 59, 46, 123456, tzinfo=UTC),
    edition=date(2026, 1, 6),
    source="huggingface",
    announce="cross",
    version=3,
    url="https://arxiv.org/abs/2601.00001",
    pdf_url="https://arxiv.org/pdf/2601.00001",
    code_url="https://github.com/a/b",
    project_url="https://example.org/p?q=1#x",
    comment="9 pages",
    organization="An Institute",
    submitter="Sub Mitter",
    signals=Signals(3, 0, None),
    invented=True,
)
BARE = Paper("sample:0042", "T", "", (), (), datetime(2026, 1, 6, tzinfo=UTC), date(2026, 1, 6), "sample")


def lines(tmp_path, *rows, name="papers.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return path


def exported(*papers):
    file = io.StringIO()
    assert write(papers, file) == len(papers)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_the_three_shapes_are_recognised_and_bad_lines_counted():
    reader = JsonlReader(FILE)
    dump, listing, held = list(reader)
    assert dump.id == "arxiv:0704.0001"
    assert dump.title == "Calculation of prompt diphoton production"
    assert dump.authors == ("C. Balázs", "E. L. Berger Jr.")
    assert dump.categories == ("hep-ph", "hep-ex")
    assert dump.published == datetime(2007, 4, 2, 19, 18, 42, tzinfo=UTC)
    assert (dump.edition, dump.version, dump.comment) == (date(2007, 4, 2), 2, "37 pages, 15 figures")
    assert (listing.title, listing.edition, listing.published) == (
        "Pruning when $a<b$ holds", date(2026, 1, 6), datetime(2026, 1, 6, tzinfo=UTC),
    )  # fmt: skip
    assert (held.edition, held.published) == (date(2026, 1, 6), datetime(2025, 12, 31, tzinfo=UTC))
    assert {paper.source for paper in (dump, listing, held)} == {"arxiv"}
    assert (reader.papers, reader.bad) == (3, 4)
    assert [number for number, _ in reader.skipped] == [6, 7, 8, 9]
    reasons = dict(reader.skipped)
    assert reasons[6] == "'nonsense' is not an arXiv id"
    assert reasons[7] == "no 'abstract'"
    assert reasons[9] == "not a JSON object"


def test_dump_without_versions_or_parsed_authors(tmp_path):
    row = json.loads(FILE.read_text().splitlines()[0]) | {"versions": [], "authors_parsed": None}
    (paper,) = read(lines(tmp_path, row))
    assert paper.authors == ("C. Balázs", "E. L. Berger")
    assert (paper.edition, paper.version) == (date(2008, 11, 26), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"versions": [3]}, {"versions": 3}, {"versions": {"created": 1}}, {"versions": [{"created": None}]},
        {"versions": [{"created": "soon"}]},
        {"authors_parsed": [["A"]]}, {"authors_parsed": [[1, 2]]}, {"authors_parsed": 3}, {"categories": ["hep-ph"]},
        {"id": 704.0001},
    ],
)  # fmt: skip
def test_malformed_dump_lines_cost_the_others_nothing(tmp_path, change):
    row = json.loads(FILE.read_text().splitlines()[0])
    reader = JsonlReader(lines(tmp_path, row | change, row))
    assert [paper.id for paper in reader] == ["arxiv:0704.0001"]
    assert [number for number, _ in reader.skipped] == [1]


def test_since_and_until_are_inclusive():
    assert [paper.id for paper in read(FILE, since=date(2026, 1, 6))] == ["arxiv:2601.00001", "arxiv:2512.20002"]
    assert [paper.id for paper in read(FILE, until=date(2007, 4, 2))] == ["arxiv:0704.0001"]
    reader = JsonlReader(FILE, since=date(2030, 1, 1))
    assert list(reader) == []
    assert reader.papers == 3


def test_export_comes_back_exactly(tmp_path):
    assert list(read(lines(tmp_path, *exported(FULL, BARE)))) == [FULL, BARE]


def test_export_of_everything_the_shapes_give_comes_back_exactly(tmp_path):
    papers = list(read(FILE))
    assert list(read(lines(tmp_path, *exported(*papers)))) == papers


def test_export_names_every_field():
    (row,) = exported(FULL)
    assert set(row) == set(Paper.__slots__)
    assert row["signals"] == {"upvotes": 3, "comments": 0, "stars": None}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "no namespace"}, {"id": "arxiv:" + "x" * 300}, {"id": 3}, {"title": ""}, {"title": "\u202e"},
        {"title": None}, {"authors": "A, B"},
        {"authors": [1]}, {"published": "yesterday"}, {"published": "2026-01-04T17:59:46"}, {"edition": "06.01.2026"},
        {"version": -1},
        {"version": 1.5}, {"signals": {"upvotes": True}}, {"signals": {"upvotes": 2**40}}, {"signals": [1]}, {"comment": 7},
    ],
)  # fmt: skip
def test_export_lines_that_are_not_papers_are_reported(tmp_path, change):
    (row,) = exported(FULL)
    reader = JsonlReader(lines(tmp_path, *exported(BARE), row | change))
    assert list(reader) == [BARE]
    assert [number for number, _ in reader.skipped] == [2]


def test_export_cannot_smuggle_in_what_a_source_would_not_let_through(tmp_path):
    (row,) = exported(FULL)
    bad = {
        "title": "A\u202e\x00 title\nand more",
        "url": "javascript:alert(1)",
        "abstract": "x" * 30_000,
        "authors": ["\ud800A"] * 900,
    }
    (paper,) = read(lines(tmp_path, row | bad))
    assert (paper.title, paper.url) == ("A title and more", None)
    assert (len(paper.abstract), len(paper.authors), paper.authors[0]) == (20_000, 500, "A")


def test_gzip_reads_the_same_and_progress_ends_at_the_size(tmp_path):
    path = tmp_path / "papers.jsonl.gz"
    path.write_bytes(gzip.compress(FILE.read_bytes()))
    reader = JsonlReader(path)
    assert reader.position == 0
    assert list(reader) == list(read(FILE))
    assert reader.position == reader.size == path.stat().st_size


def test_progress_grows_with_the_lines(tmp_path):
    path = lines(tmp_path, *exported(BARE) * 5000)
    reader = JsonlReader(path)
    seen = [reader.position for _ in reader]
    assert seen == sorted(seen)
    assert seen[0] < reader.size / 2 < seen[-1] == reader.size


def test_cut_gzip_is_a_clear_error(tmp_path):
    whole = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in exported(BARE) * 100))
    path = tmp_path / "papers.jsonl.gz"
    for broken in (whole[:-20], whole[: len(whole) // 2], whole[:40] + b"\xff" * 20 + whole[60:], b"no gzip"):
        path.write_bytes(broken)
        with pytest.raises(SourceError, match=r"papers\.jsonl\.gz cannot be read to its end .* Copy it again"):
            list(read(path))


def test_missing_file(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        JsonlReader(tmp_path / "none.jsonl")
    with pytest.raises(SourceError, match="cannot be read"):
        list(read(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"<html>\n", b"[]\n", b'{"a": 1}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"], ids=range(7)
)
def test_a_file_without_any_paper_is_a_bad_feed(tmp_path, content):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadFeed, match="holds no papers"):
        list(read(path))


def test_an_endless_line_is_skipped_and_the_numbers_stay_right(tmp_path, monkeypatch):
    monkeypatch.setattr("recommender.sources.jsonl._LINE_BYTES", 1000)
    reader = JsonlReader(lines(tmp_path, b"x" * 3500, *exported(BARE), b"y" * 1000, b"broken"))
    assert list(reader) == [BARE]
    assert [(number, reason[:6]) for number, reason in reader.skipped] == [(1, "longer"), (3, "longer"), (4, "Expect")]


def test_reasons_are_bounded(tmp_path):
    reader = JsonlReader(lines(tmp_path, *exported(BARE), *[b"x"] * 1500))
    list(reader)
    assert (reader.bad, len(reader.skipped)) == (1500, 1000)


@pytest.mark.parametrize(
    ("paper_id", "day", "published"),
    [
        ("2603.00001", "2026-03-02", date(2026, 3, 2)),
        ("2602.00001", "2026-03-02", date(2026, 2, 28)),
        ("2604.00001", "2026-03-31", date(2026, 3, 31)),
        ("hep-th/9902001", "2026-03-02", date(1999, 2, 28)),
        ("hep-th/0001001", "2026-03-02", date(2000, 1, 31)),
    ],
)
def test_first_day_of_a_listed_paper(tmp_path, paper_id, day, published):
    row = {"id": paper_id, "day": day, "title": "T", "abstract": "", "authors": [], "categories": ["cs.LG"], "comment": None}
    (paper,) = read(lines(tmp_path, row))
    assert (paper.published.date(), paper.edition) == (published, date.fromisoformat(day))


@pytest.mark.skipif(not REAL.exists(), reason="the data set of daily listings is not beside the project")
def test_real_listings():
    reader = JsonlReader(REAL, until=date(2025, 3, 20))
    papers = []
    for paper in reader:
        papers.append(paper)
        if len(papers) == 500:
            break
    assert len({paper.id for paper in papers}) == 500
    assert reader.bad == 0
    assert all(paper.title and paper.abstract and paper.authors and paper.categories for paper in papers)

"""A reader's own list: both formats, any encoding, and whatever somebody with bad intentions can put into a file."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import LibraryError
from recommender.library import MOST_BROKEN, MOST_BYTES, MOST_ENTRIES, UNDATED, Entry, make_entry, paper_of, read, title_key
from recommender.types import LIBRARY

NOW = datetime(2026, 5, 20, 8, 0, tzinfo=UTC)
BIBTEX = r"""
% exported by hand
@string{jml = "Journal of " # "Lighthouses"}
@comment{ignored @article{not, title={Not}}
@preamble{"\newcommand{\x}{y}"}
@Article{Keeper98,
  title = {{GNN}s for {\"O}l and $\mathbf{x}^{2}$ in {B}ig Graphs},
  author = {M{\"u}ller, J{\"o}rg and Ada Lovelace and King, Jr., Martin},
  journal = jml, year = 1998, month = sep,
  doi = {https://doi.org/10.1000/ABC.1}, abstract = "We {do} things."
}
@misc{eprint, title={On eprints}, eprint={2601.01234v2}, archivePrefix={arXiv}, year={2026}}
@article(paren, title="In parentheses", journal={arXiv preprint arXiv:1706.03762}, year=2017)
"""
RIS = """Provider: somebody
TY  - JOUR
TI  - Große Sache über Leuchttürme
AU  - Müller, Jörg
A1  - Lovelace, Ada
PY  - 2019/05/12/
DO  - 10.1000/xyz
UR  - https://arxiv.org/abs/2601.01234; http://example.org
N2  - An abstract
 on two lines
ER  -

TY  - CONF
T1  - Without an end
Y1  - 2001
"""


def only(text: str) -> Entry:
    (entry,) = read(text.encode()).entries
    return entry


def test_bibtex_is_read() -> None:
    listed = read(BIBTEX.encode())
    keeper, eprint, paren = listed.entries
    assert (listed.broken, listed.left_out) == ((), 0)
    assert keeper.title == r"GNNs for Öl and $\mathbf{x}^{2}$ in Big Graphs"
    assert keeper.authors == ("Jörg Müller", "Ada Lovelace", "Martin King Jr.")
    assert (keeper.name, keeper.published, keeper.doi) == ("Keeper98", date(1998, 9, 1), "10.1000/abc.1")
    assert keeper.abstract == "We do things."
    assert (eprint.arxiv, paren.arxiv) == ("arxiv:2601.01234", "arxiv:1706.03762")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ris_is_read_in_every_encoding(encoding: str, end: str) -> None:
    whole, open_ended = read(RIS.replace("\n", end).encode(encoding)).entries
    assert whole.title == "Große Sache über Leuchttürme"
    assert whole.authors == ("Jörg Müller", "Ada Lovelace")
    assert (whole.published, whole.arxiv, whole.doi) == (date(2019, 5, 12), "arxiv:2601.01234", "10.1000/xyz")
    assert whole.abstract == "An abstract on two lines"
    assert (open_ended.title, open_ended.published) == ("Without an end", date(2001, 1, 1))


def test_a_broken_entry_is_named_and_costs_no_other() -> None:
    listed = read(
        b"@article{first, title={One}}\n@article{open, title={never closed, year=2001}\n@article{bare}\n"
        b"@article{odd, title = unknownmacro, year}\n@article{last, title={Two}}"
    )
    assert [entry.name for entry in listed.entries] == ["first", "last"]
    assert listed.broken == ("open", "bare", "odd")


@pytest.mark.parametrize("text", ["", "prose", "@", "@article", "@article{", "TY", "{" * 1000, "%PDF-1.7", "\x00" * 100])
def test_what_is_no_list_is_told(text: str) -> None:
    if text == "@article{":
        assert read(text.encode()).entries == ()
    else:
        with pytest.raises(LibraryError, match="no BibTeX or RIS"):
            read(text.encode())


def test_a_paper_stands_in_a_list_once() -> None:
    twice = "@misc{a, title={Same}, eprint={2601.01234}}\n@misc{b, title={Other}, url={https://arxiv.org/abs/2601.01234v3}}\n"
    twice += "@misc{a, title={The very same long title of a paper}}\n@misc{c, title={the VERY same: long title of a Paper}}\n"
    assert [entry.name for entry in read(twice.encode()).entries] == ["a", "a"]


def test_an_entry_too_long_or_too_tangled_is_broken() -> None:
    tangled, long = "{x}" * 600, "x" * 33_000
    for odd in (tangled, long):
        listed = read(f"@misc{{odd, title={{{odd}}}}}\n@misc{{good, title={{Good}}}}".encode())
        assert (listed.broken, [entry.name for entry in listed.entries]) == (("odd",), ["good"])


def test_more_than_is_taken_is_counted() -> None:
    many = "".join(f"@misc{{k{n}, title={{A title of number {n}}}}}\n" for n in range(MOST_ENTRIES + 7))
    listed = read(many.encode())
    assert (len(listed.entries), listed.left_out) == (MOST_ENTRIES, 7)
    broken = read("".join(f"@misc{{k{n}}}\n" for n in range(80)).encode())
    assert (len(broken.broken), broken.faults) == (MOST_BROKEN, 80)
    with pytest.raises(LibraryError, match="2 MB"):
        read(b" " * (MOST_BYTES + 1))


HOSTILE = {
    "braces that never close": b"@article{a, title={" + b"{" * 1_900_000,
    "deep nesting": b"@a{k, title=" + b"{" * 400 + b"x" + b"}" * 400 + b"}",
    "starts without end": b"@a{" * 600_000,
    "lines without tags": b"TY  - \n" + b"x\n" * 900_000,
    "tags without entries": b"TY  -\n" * 280_000,
    "pairs in a quotation": b'@a{k, title="' + b"{}" * 900_000,
    "many pairs in each": (b'@a{k, title="' + b"{}" * 400 + b"x" * 30_000 + b'"}\n') * 60,
    "signs at line starts": b"\n@" * 900_000,
    "spaces before a start": b"\n" + b" " * 1_900_000 + b"@",
    "spaces in a start": b"@a" + b" " * 1_900_000,
    "strings that double": b"@string{a={xxxxxxxxxxxxxxxx}}\n" + b"@string{a = a # a # a # a}\n" * 2000 + b"@a{k, title = a}",
    "strings that sum up": b"@string{a={" + b"x" * 500 + b"}}\n" + (b"@a{k, title = a" + b" # a" * 900 + b"}\n") * 300,
    "backslashes": (b"@a{k, title={x}, abstract={" + b"\\(" * 15_000 + b"}}\n") * 60,
    "dollars": (b"@a{k, title={" + b"$a" * 15_000 + b"}}\n") * 60,
    "accents": (b"@a{k, title={" + b"\\'" * 15_000 + b"}}\n") * 60,
    "entities": (b"@a{k, title={" + b"&amp;" * 6_000 + b"}}\n") * 60,
    "endless authors": (b"@a{k, title={x}, author={" + b"a and " * 5_000 + b"}}\n") * 60,
    "commas": (b"@a{k, title={x}, author={" + b"," * 30_000 + b"}}\n") * 60,
    "addresses": (b"TY  - X\nTI  - x\nUR  - " + b";" * 30_000 + b"\n") * 60,
    "fields": (b"@a{k, " + b"f={x}, " * 490 + b"title={x}}\n") * 500,
    "nothing but NUL": b"@a{k, title={x}}" + b"\x00" * 1_900_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_read_quickly_or_refused(data: bytes) -> None:
    began = time.process_time()
    try:
        listed = read(data)
    except LibraryError:
        pass
    else:
        assert all(
            len(entry.title) <= 600 and len(entry.abstract) <= 20_000 and len(entry.authors) <= 500 for entry in listed.entries
        )
        assert all(len(name) <= 80 for name in listed.broken)
    assert time.process_time() - began < 4  # seconds; each takes about one


@given(st.one_of(st.binary(max_size=400), st.text(alphabet='@{}()",=#\\$%-ER TYIauthor\n\x00é', max_size=300).map(str.encode)))
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_it(data: bytes) -> None:
    for text in (data, b"@article{k, title={x" + data, b"TY  - JOUR\nTI  - x" + data):
        try:
            listed = read(text)
        except LibraryError:
            continue
        for entry in listed.entries:
            assert entry.title or entry.arxiv
            assert entry.title.isprintable()
            assert paper_of(entry, now=NOW).edition <= NOW.date()


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None)
def test_dates_and_dois_of_any_form_are_taken_or_left(when: str, doi: str) -> None:
    entry = make_entry("k", "A title", when=when, month=doi, doi=doi, pointers=[when, doi])
    assert entry is not None
    assert len(paper_of(entry, now=NOW).id) <= 80


@pytest.mark.parametrize(
    ("when", "month", "day"),
    [
        ("2019", "", date(2019, 1, 1)),
        ("2019", "may", date(2019, 5, 1)),
        ("2019", "5", date(2019, 5, 1)),
        ("2019-05-12", "", date(2019, 5, 12)),
        ("2019/05/12/", "", date(2019, 5, 12)),
        ("12 May 2019", "", date(2019, 5, 1)),
        ("2019-02-31", "", date(2019, 1, 1)),
        ("in press", "", UNDATED),
        ("20199", "", UNDATED),
        ("1066", "", UNDATED),
    ],
)
def test_dates_are_read(when: str, month: str, day: date) -> None:
    entry = make_entry("k", "A title", when=when, month=month)
    assert entry is not None
    assert entry.published == day


def test_an_entry_becomes_a_paper_that_was_never_announced() -> None:
    paper = paper_of(only("@article{k, title={On Lighthouses}, author={Keeper, Ida}, doi={10.1000/L(1)}, year={2031}}"), now=NOW)
    assert (paper.source, paper.url) == (LIBRARY, "https://doi.org/10.1000/l(1")
    assert paper.edition == NOW.date()  # nothing is announced in the future
    assert paper.categories == ()


def test_an_id_is_made_of_everything_that_will_be_shown() -> None:
    written = "title={On the care of lighthouses at sea}, author={Keeper, Ida}, doi={10.1000/1}, year={1998}"
    ids = [paper_of(only(f"@article{{{key}, {written}}}"), now=NOW).id for key in ("mine", "hers")]
    assert ids[0] == ids[1]
    assert ids[0].startswith("own:")
    for one, other in (("care", "cure"), ("Ida", "Eda"), ("1000/1", "1000/2"), ("1998", "1999"), ("doi", "abstract={A.}, doi")):
        assert paper_of(only(f"@article{{k, {written.replace(one, other)}}}"), now=NOW).id != ids[0]


def test_short_titles_name_no_paper() -> None:
    assert title_key("Introduction") == title_key("Editorial: 2019") == ""
    assert title_key("Attention Is All You Need!") == "attentionisallyouneed"

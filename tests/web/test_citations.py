"""Papers as BibTeX and RIS: what other programs read back is what was stored, whatever stands in a title."""

from __future__ import annotations

import re
from typing import Any

import pytest
import rispy
from factories import make_paper
from hypothesis import given
from hypothesis import strategies as st
from pybtex.database import parse_string
from strategies import PROPERTY

from recommender.types import Paper
from web.citations import bibtex, citation_key, ris

SPELT = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    **{f"\\{letter}": letter for letter in "$%&#_"},
}
READ = re.compile("|".join(map(re.escape, sorted(SPELT, key=len, reverse=True))))
# What could break a file: quotes, braces, signs that are commands, tags of RIS, lines that are not lines, letters of every script.
SIGNS = "{}\\$%&#_~^@\",='()[];|"
LINES = (
    "\n",
    "\r\nER  - ",
    "\nTY  - ",
    "\u2028",
    "\x00",
    "\x0b",
    " and ",
    ", ",
    "@misc{x,",
    "\\end{document}",
    "%25",
    "</script>",
)
WORDS = ("word", "$x$", "5", " ", "\\'e", "\\$", "$\\{$", "$$", "\\(", "\\)", "é", "漢字", "العربية", "🙂")
PIECES = st.sampled_from([*SIGNS, *LINES, *WORDS])
HOSTILE = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60)


def read_bibtex(text: str) -> dict[str, Any]:
    return dict(parse_string(text, "bibtex").entries)


def unspelt(text: str) -> str:
    """Read TeX as text, mathematics and all."""
    return READ.sub(lambda found: SPELT[found[0]], text)


def plain(text: str) -> str:
    """What is left of a text on one line; a dollar may be written with or without its backslash."""
    kept = re.sub(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]", "", text)
    return re.sub(r"\\+([$%])", r"\1", " ".join(kept.split()))


def test_bibtex_holds_what_is_known() -> None:
    paper = make_paper(
        1,
        title="Scaling $O(n^2)$ attention & 50% less_memory",
        authors=("Ada Lovelace", "Jan van der Berg", "The ATLAS Collaboration", "Research and Development"),
        categories=("cs.LG", "stat.ML"),
    )
    entry = read_bibtex(bibtex([paper]))[citation_key(paper)]
    assert entry.type == "misc"
    assert entry.fields["title"] == r"{Scaling $O(n^2)$ attention \& 50\% less\_memory}"
    assert entry.fields["eprint"] == paper.id.removeprefix("arxiv:")
    assert entry.fields["archiveprefix"] == "arXiv"
    assert entry.fields["primaryclass"] == "cs.LG"
    assert entry.fields["url"] == f"https://arxiv.org/abs/{paper.id.removeprefix('arxiv:')}"
    assert (entry.fields["year"], entry.fields["month"]) == ("2026", "May")
    assert entry.fields["abstract"] == paper.abstract
    people = entry.persons["author"]
    assert [str(person) for person in people] == [
        "Lovelace, Ada",
        "van der Berg, Jan",
        "{The ATLAS Collaboration}",
        "{Research and Development}",
    ]


def test_ris_holds_what_is_known() -> None:
    paper = make_paper(
        1, authors=("Ada Lovelace", "Jan van der Berg", "Prince", "Ann Lee Jr."), pdf_url="https://arxiv.org/pdf/1"
    )
    (record,) = rispy.loads(ris([paper]))
    assert record["type_of_reference"] == "UNPB"
    assert record["title"] == paper.title
    assert record["authors"] == ["Lovelace, Ada", "van der Berg, Jan", "Prince", "Lee, Ann, Jr."]
    assert record["year"] == "2026"
    assert record["date"] == f"{paper.published:%Y/%m/%d}/"
    assert record["abstract"] == paper.abstract
    assert record["keywords"] == list(paper.categories)
    assert record["doi"] == f"10.48550/arXiv.{paper.id.removeprefix('arxiv:')}"
    assert record["accession_number"] == f"arXiv:{paper.id.removeprefix('arxiv:')}"
    assert record["urls"] == [f"https://arxiv.org/abs/{paper.id.removeprefix('arxiv:')}"]
    assert ris([paper]).endswith("ER  - \r\n")


@pytest.mark.parametrize(
    ("title", "tex"),
    [
        ("A price of $5 and $6", r"A price of \$5 and \$6"),
        ("From $x$ to $y_{1}$", "From $x$ to $y_{1}$"),
        ("Display $$x^2$$ here", "Display $$x^2$$ here"),
        (r"With \(\alpha\) and \[\beta\]", r"With \(\alpha\) and \[\beta\]"),
        (r"Sets $\{x\}$ stay", r"Sets $\{x\}$ stay"),
        (r"Half a set $\{x$ does not", r"Half a set \$\textbackslash{}\textbraceleft{}x\$ does not"),
        ("A remark $50%$ inside", r"A remark $50\%$ inside"),
        (r"Escaped already $50\%$", r"Escaped already $50\%$"),
        (r"Costs \$5", r"Costs \$5"),
        ("One } brace", r"One \textbraceright{} brace"),
        ("One dollar $ alone", r"One dollar \$ alone"),
    ],
)
def test_mathematics_stays_and_the_rest_is_written_out(title: str, tex: str) -> None:
    entry = next(iter(read_bibtex(bibtex([make_paper(1, title=title)])).values()))
    assert entry.fields["title"] == f"{{{tex}}}"


def test_a_key_is_the_papers_own() -> None:
    papers = [
        make_paper(1, authors=("Žofia Müller",)),
        make_paper(2, authors=("王小明",)),
        make_paper(3, authors=()),
        make_paper(4, id="doi:10.1000/a(b)", source="library", authors=("Ann Other",)),
        make_paper(4, id="doi:10.1000/a-b-", source="library", authors=("Ann Other",)),
        make_paper(5, id="own:漢字", source="library"),
    ]
    keys = [citation_key(paper) for paper in papers]
    assert len(set(keys)) == len(keys)
    assert keys[:3] == ["muller-2605.10001", "arxiv-2605.10002", "arxiv-2605.10003"]
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", key) for key in keys), keys
    assert list(read_bibtex(bibtex(papers))) == keys
    assert [citation_key(paper) for paper in reversed(papers)] == keys[::-1]


def test_a_paper_named_twice_stands_once() -> None:
    paper = make_paper(1)
    assert list(read_bibtex(bibtex([paper, paper]))) == [citation_key(paper)]
    assert len(rispy.loads(ris([paper, paper]))) == 1


def test_no_papers_make_an_empty_file() -> None:
    assert bibtex([]) == ""
    assert ris([]) == ""


def test_what_is_no_arxiv_paper_says_so() -> None:
    paper = make_paper(1, id="doi:10.1000/x_y", source="library", url=None, invented=True)
    entry = read_bibtex(bibtex([paper]))[citation_key(paper)]
    assert "eprint" not in entry.fields
    assert entry.fields["doi"] == "10.1000/x_y"
    assert entry.fields["url"] == "https://doi.org/10.1000/x_y"
    assert "Invented" in entry.fields["note"]


def hostile_papers() -> st.SearchStrategy[Paper]:
    facts = st.fixed_dictionaries(
        {
            "title": HOSTILE,
            "abstract": HOSTILE,
            "authors": st.lists(HOSTILE, max_size=3).map(tuple),
            "url": st.none() | HOSTILE,
            "pdf_url": st.none() | HOSTILE,
            "categories": st.lists(HOSTILE, max_size=2).map(tuple),
            "id": st.sampled_from(["arxiv:2605.10001", "doi:10.1/x}", "own:{", "doi:%\n", "sample:1"]),
        }
    )
    return facts.map(lambda changes: make_paper(1, **changes))


@PROPERTY
@given(hostile_papers())
def test_bibtex_reads_back_whatever_it_holds(paper: Paper) -> None:
    other = make_paper(9, topic="speech")
    entries = read_bibtex(bibtex([paper, other]))
    assert list(entries) == [citation_key(paper), citation_key(other)]
    fields = entries[citation_key(paper)].fields
    for name in ("title", "abstract"):
        assert plain(
            unspelt(fields.get(name, "").removeprefix("{" * (name == "title")).removesuffix("}" * (name == "title")))
        ) == (plain(getattr(paper, name)))
    assert entries[citation_key(other)].fields["abstract"] == other.abstract
    assert len(entries[citation_key(paper)].persons.get("author", [])) == sum(1 for name in paper.authors if plain(name))


@PROPERTY
@given(hostile_papers())
def test_ris_reads_back_whatever_it_holds(paper: Paper) -> None:
    other = make_paper(9, topic="speech")
    first, second = rispy.loads(ris([paper, other]))
    assert second["abstract"] == other.abstract
    assert first["id"] == citation_key(paper)
    assert plain(first.get("title", "")) == plain(paper.title)

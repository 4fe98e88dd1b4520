r"""Papers in, BibTeX and RIS out: what a reader takes along into their own library.

Titles and abstracts are text in which `$...$` is mathematics. BibTeX reads text as TeX, so every character that would mean something
there is written as the command for it, and mathematics is left as it is where its braces balance. Letters stay Unicode, which biber,
Zotero and every TeX of this century read. RIS knows neither TeX nor escapes: one line, one value.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from recommender.types import Paper

__all__ = ["bibtex", "citation_key", "ris"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "$%&#_"},
}
_TO_TEX = str.maketrans(_SPECIAL)
# A dollar opens mathematics when no space follows it, and closes it when none precedes it and no figure follows: "$5 and $6" is money.
_MATH = re.compile(
    r"(?<!\\)(?:(\$\$?)(?![ $])(?:[^$\\]|\\.)+(?<! )\1(?![0-9$])|\\\((?:[^\\]|\\[^()])+\\\)|\\\[(?:[^\\]|\\[^][])+\\\])"
)
_BARE_PERCENT = re.compile(r"(?<!\\)((?:\\\\)*)%")
_COLLECTIVE = re.compile(r"(?i)\b(?:collaboration|consortium|group|team|project|committee)\b|\band\b|,.*,|^,|,$|^others$")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")  # controls that are no space, halves of letters
_SUFFIX = re.compile(r"(?i)(?:jr|sr|ii|iii|iv)\.?")
_ARXIV_DOI = "10.48550/arXiv."  # DataCite's name for whatever arXiv holds
_INVENTED = "Invented for the sample edition of Broadsheet: there is no such paper"


def bibtex(papers: Sequence[Paper]) -> str:
    r"""Return a BibTeX file.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> day = datetime(2026, 5, 19, tzinfo=UTC)
    >>> one = Paper("arxiv:2605.00001", "Graphs at 5% cost", "", ("Ada Lovelace",), ("cs.LG",), day, day.date(), "arxiv")
    >>> print(bibtex([one]))
    @misc{lovelace-2605.00001,
      title = {{Graphs at 5\% cost}},
      author = {Ada Lovelace},
      year = {2026},
      month = may,
      eprint = {2605.00001},
      archiveprefix = {arXiv},
      primaryclass = {cs.LG},
      doi = {10.48550/arXiv.2605.00001},
      url = {https://arxiv.org/abs/2605.00001},
    }
    <BLANKLINE>
    """
    return "\n".join(_entry(paper) for paper in _each_once(papers))


def ris(papers: Sequence[Paper]) -> str:
    """Return a RIS file; its lines end as the format asks, with carriage return and line feed."""
    return "".join(f"{tag}  - {value}\r\n" for paper in _each_once(papers) for tag, value in _record(paper))


def citation_key(paper: Paper) -> str:
    """Return what a text cites a paper by: the same in every export, and no other paper's.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> day = datetime(2026, 5, 19, tzinfo=UTC)
    >>> citation_key(Paper("arxiv:hep-th/9901001", "Strings", "", ("Žofia de la Cruz Jr.",), (), day, day.date(), "arxiv"))
    'cruz-hep-th-9901001'
    """
    namespace, _, number = paper.id.partition(":")
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", number)
    if namespace != "arxiv":  # only arXiv's numbers stay apart from each other once they are plain
        plain = f"{plain.strip('-.')[:60]}-{hashlib.sha256(paper.id.encode()).hexdigest()[:6]}".lstrip("-")
    family = _ascii(_family_first(_line(paper.authors[0]))[0]) if paper.authors else ""
    return f"{family or namespace}-{plain}"


def _each_once(papers: Iterable[Paper]) -> Iterable[Paper]:
    return {paper.id: paper for paper in papers}.values()


def _entry(paper: Paper) -> str:
    fields = [(name, value) for name, value in _fields(paper) if value]
    lines = (f"  {name} = {value if name == 'month' else f'{{{value}}}'}," for name, value in fields)
    return "\n".join([f"@misc{{{citation_key(paper)},", *lines, "}", ""])


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    title = _tex(paper.title)
    yield "title", f"{{{title}}}" if title else ""  # braced twice: no style turns $\Gamma$ or GPU into small letters
    yield "author", " and ".join(_bibtex_name(name) for name in map(_line, paper.authors) if name)
    yield "year", str(paper.published.year)
    yield "month", f"{paper.published:%b}".lower()
    arxiv, doi = _arxiv(paper), _doi(paper)
    if arxiv:
        yield "eprint", arxiv
        yield "archiveprefix", "arXiv"
        yield "primaryclass", _tex(paper.categories[0]) if paper.categories else ""
    yield "doi", _verbatim(doi)
    yield "url", _verbatim(_address(paper))
    yield "abstract", _tex(paper.abstract)
    yield "note", _tex(_INVENTED) if paper.invented else ""


def _record(paper: Paper) -> Iterator[tuple[str, str]]:
    yield "TY", "UNPB"
    yield "ID", citation_key(paper)
    values = [
        ("TI", paper.title),
        *(("AU", ", ".join(filter(None, _family_first(_line(name))))) for name in paper.authors),
        ("PY", f"{paper.published.year:04d}"),
        ("DA", f"{paper.published.year:04d}/{paper.published:%m/%d}/"),
        ("AB", paper.abstract),
        *(("KW", category) for category in paper.categories),
        ("DO", _doi(paper)),
        ("UR", _address(paper)),
        ("L1", paper.pdf_url or ""),
        ("AN", f"arXiv:{_arxiv(paper)}" if _arxiv(paper) else ""),
        ("N1", _INVENTED if paper.invented else ""),
    ]
    yield from ((tag, line) for tag, value in values if (line := _line(value)))
    yield "ER", ""
    # Records are told apart by their end; the empty line that most programs put between them is no value of ours.


def _tex(text: str) -> str:
    """Write text as TeX: mathematics as it is, everything else to the letter."""
    line = _line(text)
    parts: list[str] = []
    at = 0
    for found in _MATH.finditer(line):
        if _balances(found[0]):
            formula = _BARE_PERCENT.sub(r"\1\\%", found[0])  # a bare one would turn the rest of the line into a remark
            parts += [_to_the_letter(line[at : found.start()]), formula]
            at = found.end()
    return "".join([*parts, _to_the_letter(line[at:])])


def _to_the_letter(text: str) -> str:
    return text.replace("\\$", "$").translate(_TO_TEX)


def _balances(text: str) -> bool:
    """Whether braces nest as BibTeX counts them: it counts escaped ones, too."""
    depth = 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            return False
    return depth == 0


def _verbatim(address: str) -> str:
    """Write an address, which is taken to the letter: what would unbalance the file or the line is percent-encoded."""
    return re.sub(r"[{}\\\s]|%(?![0-9A-Fa-f]{2})", lambda found: f"%{ord(found[0]):02X}", _line(address))


def _line(text: str) -> str:
    """Return text on one line, without controls."""
    return " ".join(_UNSEEN.sub("", text).split())


def _bibtex_name(name: str) -> str:
    """Write one name; what is no person's, or would be read as several, is kept whole by braces."""
    return f"{{{_tex(name)}}}" if _COLLECTIVE.search(name) else _tex(name)


def _family_first(name: str) -> tuple[str, str]:
    """Split a displayed name into family and given names; small words before the last belong to the family."""
    if "," in name:
        family, _, given = name.partition(",")
        return family.strip(), given.strip()
    words = name.split()
    if len(words) < 2 or _COLLECTIVE.search(name):
        return name, ""
    end = len(words) - 1
    suffix = words[end] if end > 1 and _SUFFIX.fullmatch(words[end]) else ""
    end -= bool(suffix)
    start = end
    while start > 1 and words[start - 1].islower():
        start -= 1
    return " ".join(words[start : end + 1]), ", ".join(filter(None, [" ".join(words[:start]), suffix]))


def _ascii(family: str) -> str:
    """The last word of a family name in plain small letters; empty for a script that has none."""
    spelt = unicodedata.normalize("NFKD", family.rsplit(maxsplit=1)[-1] if family.split() else "")
    return re.sub(r"[^a-z]+", "", spelt.casefold())[:30]


def _arxiv(paper: Paper) -> str:
    namespace, _, number = paper.id.partition(":")
    return number if namespace == "arxiv" else ""


def _doi(paper: Paper) -> str:
    namespace, _, number = paper.id.partition(":")
    return number if namespace == "doi" else f"{_ARXIV_DOI}{number}" if namespace == "arxiv" else ""


def _address(paper: Paper) -> str:
    arxiv, doi = _arxiv(paper), _doi(paper)
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else paper.url or (f"https://doi.org/{doi}" if doi else "")

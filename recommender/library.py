"""A reader's own list in, BibTeX or RIS in any encoding, and entries out, with the names of those that could not be read.

Every entry is read by itself and nothing it holds is trusted: sizes and nesting are bounded before a parser sees it, and what a parser
stumbles over is named and costs the others nothing.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from recommender.errors import LibraryError
from recommender.ids import arxiv_id
from recommender.text import AUTHORS, NAME_CHARS, TITLE_CHARS, clean, names, scrub, web_address
from recommender.types import LIBRARY, Paper

__all__ = ["MOST_BYTES", "MOST_ENTRIES", "OWN", "Entry", "Listed", "make_entry", "paper_of", "read", "title_key"]

MOST_BYTES = 2_000_000
MOST_ENTRIES = 2000
MOST_BROKEN = 50  # named; more are counted
ENTRY_CHARS = 32_000  # of one entry: parsers of both formats take the square of it when somebody means harm
ENTRY_MARKS = 1_000  # braces, quotes and hashes of one BibTeX entry, or lines of one RIS entry
FILE_MARKS = 150_000  # of a whole file: two thousand entries have about half as many
SHORTEST_KEY = 20  # letters of a title that name a paper: "Introduction" does not
OWN = ("own:",)  # how the ids of papers begin that only readers brought
UNDATED = date(1970, 1, 1)
_MACRO_CHARS = 500  # of one @string: they can name each other, and would double without end

_STARTS_BIBTEX = re.compile(r"(?:^|(?<=\}))[ \t]*@[ \t]*(?=[A-Za-z]{1,40}\s{0,20}[{(])", re.MULTILINE)
_STARTS_RIS = re.compile(r"^[ \t\ufeff]*TY[ \t]{1,3}-", re.MULTILINE)
_KIND = re.compile(r"@\s*([A-Za-z]{1,40})\s*[{(]\s*([^\s,{}()=]{0,200})")
_DOI = re.compile(r"10\.[0-9]{4,9}/[^\s\"<>{}|\\^`]{1,200}", re.IGNORECASE)
_DATE = re.compile(r"(?<![0-9])((?:1[5-9]|20)[0-9]{2})(?:\s?[-/.]\s?([0-9]{1,2})(?:\s?[-/.]\s?([0-9]{1,2}))?)?(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FORMULA = re.compile(r"(\$[^$]*\$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper of a reader's own list; all text is plain and bounded.

    Attributes
    ----------
    name : str
        What its owner calls it: a citation key, or the title.
    title, abstract : str
    authors : tuple of str
        Given names first.
    published : date
        Unknown months and days are the first; an unknown year is 1970.
    arxiv : str or None
        Canonical id, `arxiv:2601.01234`.
    doi : str or None
        In small letters, without resolver.
    url : str or None
    """

    name: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    published: date = UNDATED
    arxiv: str | None = None
    doi: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """What a file holds.

    Attributes
    ----------
    entries : tuple of Entry
        In the file's order, each paper once.
    broken : tuple of str
        Names of entries that could not be read, at most fifty.
    faults : int
        How many could not be read.
    left_out : int
        Entries beyond the two thousand that are taken, or beyond what a parser can be asked to read at once.
    """

    entries: tuple[Entry, ...]
    broken: tuple[str, ...]
    faults: int
    left_out: int


def read(data: bytes) -> Listed:
    """Read a file of BibTeX or RIS.

    Raises
    ------
    LibraryError
        If it is too large, or holds neither.

    Examples
    --------
    >>> read(b"@article{a, title={On {Graphs}}, eprint={2601.01234}, year=2026}").entries[0].arxiv
    'arxiv:2601.01234'
    """
    if len(data) > MOST_BYTES:
        raise LibraryError(f"that file has more than {MOST_BYTES // 1_000_000} MB: export fewer papers at once")
    text = _decoded(data)
    starts, bibtex = [m.start() for m in _STARTS_BIBTEX.finditer(text)], True
    ris = [m.start() for m in _STARTS_RIS.finditer(text)]
    if len(ris) > len(starts):
        starts, bibtex = ris, False
    if not starts:
        raise LibraryError("no BibTeX or RIS entry was found in it: export your library in one of these two formats")
    pieces = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    return _read_all(pieces, bibtex=bibtex)


def _read_all(pieces: list[str], *, bibtex: bool) -> Listed:
    entries: dict[str, Entry] = {}
    broken: list[str] = []
    macros: dict[str, str] = {}
    taken = left_out = marks = 0
    for piece in pieces:
        kind, name = _named(piece) if bibtex else ("", _ris_name(piece))
        if kind in ("comment", "preamble"):
            continue
        marks += _marks(piece, bibtex=bibtex)
        taken += kind != "string"
        if taken > MOST_ENTRIES or marks > FILE_MARKS:
            left_out += kind != "string"
            continue
        try:
            entry = _bibtex(piece, macros) if bibtex else _ris(piece)
        except Exception:  # whatever a parser raises: one entry is no reason to lose the others
            broken.append(name)
            continue
        if entry is not None:
            entries.setdefault(_identity(entry), entry)
        elif kind != "string":
            broken.append(name)
    return Listed(tuple(entries.values()), tuple(broken[:MOST_BROKEN]), len(broken), left_out)


def make_entry(
    name: str,
    title: str,
    *,
    abstract: str = "",
    authors: Iterable[str] = (),
    when: str = "",
    month: str = "",
    doi: str = "",
    pointers: Iterable[str] = (),
) -> Entry | None:
    """Return a clean entry, or None where there is neither title nor id.

    Parameters
    ----------
    name, title, abstract : str
    authors : iterable of str
        "Last, First" or "First Last".
    when, month : str
        Dates as people write them.
    doi : str
    pointers : iterable of str
        Ids and addresses; the first that is arXiv's says which paper it is.
    """
    places = [scrub(pointer, 500) for pointer in pointers if pointer]
    found_doi = next((m[0].rstrip(".,;)").lower() for place in (doi, *places) if (m := _DOI.search(place[:500]))), None)
    arxiv = next((known for place in (*places, found_doi or "") if (known := arxiv_id(place)) is not None), None)
    shown = _plain(title, TITLE_CHARS)
    if not shown and arxiv is None:
        return None
    return Entry(
        name=scrub(name, 80) or shown[:80] or (arxiv or ""),
        title=shown,
        abstract=_plain(abstract, 20_000),
        authors=names(_in_order(_plain(author, NAME_CHARS)) for author in authors),
        published=_day(scrub(when, 100), scrub(month, 20)),
        arxiv=arxiv,
        doi=None if found_doi is None or found_doi.startswith("10.48550/arxiv.") else found_doi,
        url=next((address for place in places if (address := web_address(place)) is not None), None),
    )


def paper_of(entry: Entry, *, now: datetime) -> Paper:
    """Return an entry as a paper of source `library`: read and learned from, shown on no page and in no search.

    Its id comes from everything that will be shown of it. So the same entry of two readers is one paper, and nobody can read what
    another reader wrote under a name that both know, such as a DOI, nor put words under it.
    """
    day = min(entry.published, now.date())
    return Paper(
        id=f"own:{_digest(entry, day)}",
        title=entry.title,
        abstract=entry.abstract,
        authors=entry.authors,
        categories=(),
        published=datetime.combine(day, time(0), UTC),
        edition=day,
        source=LIBRARY,
        url=f"https://doi.org/{entry.doi}" if entry.doi and web_address(f"https://doi.org/{entry.doi}") else entry.url,
    )


def title_key(title: str) -> str:
    """Return what a title is compared by: its letters and digits alone, or nothing where these are too few to name a paper.

    Examples
    --------
    >>> title_key("Graph-Based  Learning of Élan!"), title_key("Introduction")
    ('graphbasedlearningofélan', '')
    """
    key = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", title).casefold()))
    return key if len(key) >= SHORTEST_KEY else ""


def _decoded(data: bytes) -> str:
    """Return text in whatever encoding it seems to be, with one kind of line end and without NUL."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def _named(piece: str) -> tuple[str, str]:
    found = _KIND.match(piece.strip()[:500])
    return (found[1].lower(), scrub(found[2], 80) or "an entry without a key") if found else ("", "an entry without a key")


def _ris_name(piece: str) -> str:
    found = re.search(r"^(?:TI|T1|ID)[ \t]{1,3}-(.{0,300})", piece[:ENTRY_CHARS], re.MULTILINE)
    return (scrub(found[1], 80) if found else "") or "an entry without a title"


def _marks(piece: str, *, bibtex: bool) -> int:
    """Return how much work an entry makes."""
    return sum(piece.count(mark) for mark in '{}"#') if bibtex else piece.count("\n")


def _bibtex(piece: str, macros: dict[str, str]) -> Entry | None:
    """Read one entry, or remember one @string."""
    from pybtex.database.input.bibtex import LowLevelParser, month_names

    if len(piece) > ENTRY_CHARS or _marks(piece, bibtex=True) > ENTRY_MARKS:
        raise LibraryError("too long or too tangled")
    known = {**month_names, **macros}
    command, (key, values) = next(iter(LowLevelParser(piece, macros=known)))
    if command.lower() == "string":
        if len(macros) < MOST_ENTRIES:
            macros[key] = known[key][:_MACRO_CHARS]
        return None
    fields: dict[str, str] = {}
    for name, parts in values:
        fields.setdefault(name.lower(), "".join(part[:ENTRY_CHARS] for part in parts)[:ENTRY_CHARS])
    people = fields.get("author") or fields.get("editor") or ""
    return make_entry(
        key or "",
        fields.get("title", ""),
        abstract=fields.get("abstract", ""),
        authors=_split_authors(people),
        when=fields.get("date") or fields.get("year", ""),
        month=fields.get("month", ""),
        doi=fields.get("doi", ""),
        pointers=_pointers(fields, ("eprint", "arxiv", "arxivid", "url", "doi", "journal", "note", "howpublished")),
    )


def _ris(piece: str) -> Entry | None:
    """Read one entry of RIS."""
    import rispy

    if len(piece) > ENTRY_CHARS or _marks(piece, bibtex=False) > ENTRY_MARKS:
        raise LibraryError("too long or too tangled")
    lines = [line for line in piece.split("\n") if not line.startswith("ER")]
    found = rispy.loads("\n".join([*lines, "ER  - "]).lstrip(" \t\ufeff"), skip_unknown_tags=True)[0]
    fields = {name: value for name, value in found.items() if isinstance(value, str)}
    people = [one for name in ("authors", "first_authors") for one in found.get(name, ())]
    return make_entry(
        fields.get("id", ""),
        fields.get("title") or fields.get("primary_title") or fields.get("short_title") or "",
        abstract=fields.get("abstract") or fields.get("notes_abstract") or "",
        authors=people[:AUTHORS],
        when=fields.get("date") or fields.get("year") or fields.get("publication_year") or "",
        doi=fields.get("doi", ""),
        pointers=[
            *_pointers(fields, ("number", "accession_number", "doi", "journal_name", "secondary_title")),
            *found.get("urls", ()),
        ],
    )


def _pointers(fields: Mapping[str, str], places: Iterable[str]) -> Iterator[str]:
    """Give what may be an id or an address, and the piece of prose that is ("arXiv preprint arXiv:2601.01234")."""
    for place in places:
        value = fields.get(place, "")[:500]
        yield value.strip("{} ")
        yield from (word for word in re.split(r"[\s,;{}]+", value) if re.search(r"(?i)arxiv[.:/]", word))


def _split_authors(people: str) -> list[str]:
    return re.split(r"\s+and\s+", people[: 100 * AUTHORS])[:AUTHORS]


def _in_order(name: str) -> str:
    """Return "First Last" for "Last, First" and "Last, Jr., First"."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    return " ".join([parts[-1], *parts[:-1]]) if len(parts) > 1 else "".join(parts)


def _plain(text: str, limit: int) -> str:
    """Clean text, and take away the braces that only keep capitals."""
    pieces = _FORMULA.split(clean(text, limit))
    return scrub("".join(piece if n % 2 else piece.replace("{", "").replace("}", "") for n, piece in enumerate(pieces)), limit)


def _day(when: str, month: str) -> date:
    """Return the first day that a date can mean."""
    found = _DATE.search(when)
    if found is None:
        return UNDATED
    named = next((n for n, start in enumerate(_MONTHS, 1) if re.search(rf"(?i)\b{start}", f"{month} {when}")), 0)
    number = int(found[2] or 0) or named or (int(month) if month.isascii() and month.isdigit() and len(month) < 3 else 1)
    try:
        return date(int(found[1]), number, int(found[3] or 1))
    except ValueError:
        return date(int(found[1]), 1, 1)


def _identity(entry: Entry) -> str:
    return entry.arxiv or entry.doi or title_key(entry.title) or _fingerprint(entry)


def _digest(entry: Entry, day: date) -> str:
    shown = (entry.title, entry.abstract, *entry.authors, entry.doi or "", entry.url or "", day.isoformat())
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:32]


def _fingerprint(entry: Entry) -> str:
    first = entry.authors[0] if entry.authors else ""
    title = unicodedata.normalize("NFKC", entry.title).casefold()
    return hashlib.sha256(f"{title_key(title) or title}\n{first.casefold()}".encode()).hexdigest()[:24]
